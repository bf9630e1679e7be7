"""The cash flow by contract year, and the hedge of the loss, of a year and by year."""

from collections.abc import Callable, Sequence

import numpy as np

from colocalc.report.formula import Term, added, ratio, term, total, when
from colocalc.report.views.model.build import Build, Fleet, known
from colocalc.report.views.model.debt import Loan
from colocalc.report.views.model.grid import Grid, Line
from colocalc.report.views.model.months import Months
from colocalc.report.views.model.project import Flows, Sheet, first_book_share
from colocalc.report.views.model.returns import Equity
from colocalc.report.views.model.run_rate import RunRate
from colocalc.report.workbook import Place, Series, SheetChart
from colocalc.study.flows import period_of_month
from colocalc.units import MONTHS_PER_YEAR

YEARS = "By year"
HEDGE = "Hedge"
_FIRST = 3


def write_years(build: Build, sheet: Sheet, flows: Flows, loan: Loan | None, equity: Equity, labels: list[str]) -> None:
    """The cash flow by contract year with its charts; periods of a month are summed."""
    grid = build.grid(YEARS, _FIRST)
    grid.title("Cash flow by contract year")
    grid.periods(labels, headings=("Line", "Unit", "Total"))
    per_year = int(MONTHS_PER_YEAR / sheet.months)
    count = len(labels)

    def periods(year: int) -> tuple[int, int]:
        return (0, 0) if not year else (per_year * (year - 1) + 1, min(per_year * year, sheet.count - 1))

    def flow(label: str, line: Line) -> Line:
        return grid.line(label, "usd").fill(total(line.span(*periods(year))) for year in range(count)).totalled()

    flow("Revenue, as cash", flows.revenue)
    flow("Power and operations", flows.opex)
    ebitda = flow("EBITDA", flows.ebitda)
    flow("Capital", flows.capital)
    flow("Sold at the end", flows.salvage)
    flow("Tax", equity.tax)
    after = flow("Flow of the assets after tax", equity.project_after_tax)
    owners = flow("Flow of the owners after tax", equity.equity_after_tax)
    cover = None
    if loan is not None:
        flow("Drawn", loan.draw)
        service = flow("Debt service", loan.service)
        flow("Principal besides the schedule", loan.prepayment)
        grid.line("Debt at the end", "usd").fill(loan.closing[periods(year)[1]] for year in range(count))
        cover = grid.line("DSCR", "factor").fill(
            when(service[year].above(0.0), ebitda[year] / service[year], Term('""', "")) for year in range(count)
        )
    _charted(grid, labels, after, owners, cover)


def _charted(grid: Grid, labels: Sequence[str], after: Line, owners: Line, cover: Line | None) -> None:
    """Flows as columns, and the DSCR as a line over the years that have one."""
    head = grid.frozen[0] - 1

    def ends(row: int, first: int, last: int) -> tuple[Place, Place]:
        return (row, _FIRST + first), (row, _FIRST + last)

    last = len(labels) - 1
    series = [
        Series("Assets after tax", ends(head, 0, last), ends(after.row, 0, last)),
        Series("Owners after tax", ends(head, 0, last), ends(owners.row, 0, last)),
    ]
    covered = [year for year, each in enumerate(cover.terms) if not isinstance(each.value, str)] if cover else []
    if cover is not None and covered:
        series.append(Series("DSCR", ends(head, 0, last), ends(cover.row, 0, covered[-1]), is_line=True))
    at = (grid.next_row + 2, 0)
    grid.charts.append(SheetChart("Cash flow by year", "column", tuple(series), at=at, unit="usd"))


def write_hedge(
    build: Build,
    fleet: Fleet,
    costs: RunRate | None,
    months: Months | None,
    cash: tuple[Sheet, Flows, Loan | None] | None,
    labels: list[str],
) -> None:
    """How much of the loss the lease covers: in a year at full ramp, and in each contract year."""
    if build.result.hedge is None or build.case.loss is None:
        return
    grid = build.grid(HEDGE, _FIRST)
    grid.title("How much of the stated loss the lease covers", (_CAPTION,))
    hedge = _Hedge(build, fleet, grid, costs, months, cash)
    grid.periods(labels if months else ["a year"], headings=("Line", "Unit", "Total"))
    hedge.of_a_year()
    if months is not None:
        hedge.by_year(len(labels))


_CAPTION = "Covers = (revenue - what is deducted) / loss. A cost that the loss contains is not deducted again."
_KINDS = ("gross", "contribution", "ebit", "cash")


class _Hedge:
    """The sheet while it is written."""

    def __init__(
        self,
        build: Build,
        fleet: Fleet,
        grid: Grid,
        costs: RunRate | None,
        months: Months | None,
        cash: tuple[Sheet, Flows, Loan | None] | None,
    ) -> None:
        self.build, self.fleet, self.grid, self.costs, self.months, self.cash = build, fleet, grid, costs, months, cash
        loss = build.case.loss
        self.contains = loss.contains if loss else frozenset()
        inputs = build.inputs
        given, over = (inputs.number(f"finance.{name}", getattr(loss, name)) for name in ("loss_usd", "loss_months"))
        self.loss = given * MONTHS_PER_YEAR / over

    def scalar(self, label: str, unit: str, content: Term) -> Term:
        """A number of the year at full ramp."""
        row = self.grid.row()
        self.grid.words(row, [label, unit])
        return self.grid.put((row, _FIRST - 1), content, unit=unit, role="formula")

    def of_a_year(self) -> None:
        """The four ratios of a year at full ramp and the rates at which each is 1."""
        metrics, fleet = self.build.metrics, self.fleet
        self.grid.heading("A year at full ramp")
        loss = metrics["hedge.loss_usd_per_yr"] = self.scalar("Loss of a year", "usd_per_yr", self.loss)
        deducted: dict[str, Term | None] = {"gross": term(0.0), "contribution": self._added()}
        cost = deducted["contribution"]
        if cost is not None:
            deducted |= {"ebit": self._plus(cost, self._written_off()), "cash": self._plus(cost, self._service())}
        for kind in _KINDS:
            less = deducted.get(kind)
            if less is None:
                continue
            name = "EBIT" if kind == "ebit" else kind.capitalize()
            part = self.scalar(f"{name}: deducted", "usd_per_yr", less)
            covered = ratio(fleet.revenue_usd_per_yr - part, loss)
            rate = when(loss.above(0.0), ratio(loss + part, fleet.billed_gpu_h), Term('"undefined"', "undefined"))
            metrics[f"hedge.{kind}_share"] = self.scalar(f"{name}: covers", "share", covered)
            metrics[f"hedge.{kind}_cover_rate_usd_per_gpu_h"] = self.scalar(
                f"{name}: rate that covers all", "usd_per_gpu_h", rate
            )

    @staticmethod
    def _plus(cost: Term, more: Term | None) -> Term | None:
        return None if more is None else cost + more

    def _added(self) -> Term | None:
        if self.costs is None:
            return None
        parts = {
            "power": self.costs.total_power_usd_per_yr,
            "operations": self.costs.fixed_usd_per_yr,
            "colocation": self.costs.colocation_usd_per_yr,
        }
        return added([part for name, part in parts.items() if name not in self.contains])

    def _written_off(self) -> Term | None:
        hedge, project = self.build.result.hedge, self.build.case.project
        if "depreciation" in self.contains:
            return term(0.0)
        if hedge is None or project is None or self.costs is None or not known(hedge.depreciation_usd_per_yr):
            return None
        inputs = self.build.inputs
        held = self.costs.building_usd / inputs.number("depreciation.data_centre_life_yr", project.data_centre_life_yr)
        return self.costs.hardware_usd * first_book_share(self.build) + held

    def _service(self) -> Term | None:
        metrics = self.build.metrics
        if "service.principal_usd_per_yr" not in metrics:
            return None
        interest, principal = (metrics[f"service.{name}_usd_per_yr"] for name in ("interest", "principal"))
        return principal + (0.0 if "interest" in self.contains else interest)

    def by_year(self, count: int) -> None:
        """The four ratios of each contract year and, in front, over the contract."""
        months, returns = self.months, self.build.result.returns
        if months is None or returns is None:
            return
        place = period_of_month(returns.deal, MONTHS_PER_YEAR)
        spans = [np.flatnonzero(place == year + 1) for year in range(count)]
        self.grid.heading("By contract year, from the cash flow")

        def summed(label: str, lines: Sequence[Line], unit: str = "usd") -> Line:
            def of(year: int) -> Term:
                held = spans[year]
                return added([total(line.span(int(held[0]), int(held[-1]))) for line in lines])

            return self._line(label, unit, of, count)

        fees = summed("Revenue and market", [months.revenue, months.market])
        running = summed("Months", [months.running], "months")
        loss = self._line("Loss", "usd", lambda year: running[year] * self.loss / MONTHS_PER_YEAR, count)
        self._covered("Gross", fees, loss, count)
        if self.costs is None:
            return
        power, operations, colocation = (
            summed(label, [line])
            for label, line in (
                ("Power", months.power),
                ("Operations and colocation", months.operations),
                ("Colocation", months.colocation),
            )
        )
        contained = self.contains

        def net(year: int) -> Term:
            less = [fees[year]]
            less += [] if "power" in contained else [term(0.0) - power[year]]
            less += [] if "operations" in contained else [colocation[year] - operations[year]]
            less += [] if "colocation" in contained else [term(0.0) - colocation[year]]
            return added(less)

        left = self._line("After the costs it adds", "usd", net, count)
        self._covered("Contribution", left, loss, count)
        self._charged(left, loss, count)

    def _charged(self, left: Line, loss: Line, count: int) -> None:
        if self.cash is None:
            return
        sheet, flows, loan = self.cash
        per_year = int(MONTHS_PER_YEAR / sheet.months)

        def of(year: int, line: Line) -> Term:
            return total(line.span(per_year * year + 1, min(per_year * (year + 1), sheet.count - 1)))

        written = "depreciation" not in self.contains
        ebit = self._line(
            "After depreciation",
            "usd",
            lambda year: left[year] - of(year, flows.book_depreciation) if written else left[year],
            count,
        )
        self._covered("EBIT", ebit, loss, count)
        if loan is None:
            return
        charges = [] if "interest" in self.contains else [loan.interest, loan.fee]
        paid = [loan.principal, loan.prepayment, *charges]
        cash = self._line(
            "After debt service", "usd", lambda year: left[year] - added([of(year, line) for line in paid]), count
        )
        self._covered("Cash", cash, loss, count)

    def _line(self, label: str, unit: str, of: Callable[[int], Term], count: int) -> Line:
        return self.grid.line(label, unit).fill(of(year) for year in range(count)).totalled()

    def _covered(self, label: str, part: Line, loss: Line, count: int) -> None:
        line = self.grid.line(f"{label} covers", "share").fill(ratio(part[year], loss[year]) for year in range(count))
        self.grid.put((line.row, _FIRST - 1), ratio(part.whole, loss.whole), unit="share", role="total")
