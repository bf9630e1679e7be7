"""The sheets of months: the course of the contracts as colocalc has it, and what they earn and cost by month."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.report.formula import Term, added, dot, least, term, total, when
from colocalc.report.views.model.build import Build, Contract, Fleet, known, one
from colocalc.report.views.model.grid import Grid, Line
from colocalc.report.views.model.run_rate import RunRate
from colocalc.study.deal import Deal, Shape, contract_shapes, cost_anniversaries
from colocalc.study.priced import Priced
from colocalc.study.prices import by_month
from colocalc.units import HOURS_PER_YEAR, MONTHS_PER_YEAR

PROFILE = "Profile"
NAME = "Months"
_FIRST = 3


@dataclass(frozen=True)
class Months:
    """What contracts earn and cost, a line each, by month.

    Attributes
    ----------
    revenue, cash, firm_cash, firm, expected, market, credit, passthrough : Line
        Fees earned and received; received when a notice ends the contract, what is paid ahead then owed back; those
        that survive notice, and those expected; the market's; service credits; power passed on.
    power, operations, colocation, hours : Line
        Energy; operations with colocation, and colocation alone; hours billed by contracts.
    running : Line
        Share of each month between the first start and the end.
    """

    revenue: Line
    cash: Line
    firm_cash: Line
    firm: Line
    expected: Line
    market: Line
    credit: Line
    passthrough: Line
    power: Line
    operations: Line
    colocation: Line
    hours: Line
    running: Line


def write(build: Build, fleet: Fleet, costs: RunRate | None, labels: Sequence[str]) -> Months | None:
    """Both sheets; None where a contract does not say how long it runs."""
    returns = build.result.returns
    if returns is None:
        return None
    deal = returns.deal
    profile, grid = build.grid(PROFILE, _FIRST), build.grid(NAME, _FIRST)
    profile.title("Profile: what is frozen, from colocalc", (_FROZEN,))
    grid.title("Contracts by month")
    for sheet in (profile, grid):
        sheet.periods(labels, headings=("Line", "Unit", "Total"))
    found = _Months(build, fleet, costs, deal, profile, grid).written()
    build.metrics.update(
        {
            "lease.contract_revenue_usd": total(found.revenue.span()),
            "lease.headline_value_usd": total(found.revenue.span()),
            "lease.firm_value_usd": total(found.firm.span()),
            "lease.expected_value_usd": total(found.expected.span()),
        }
    )
    return found


_FROZEN = (
    "Dates, hours of months, deliveries, notice, the probability that a contract still runs, and prices that follow a "
    "path. Changing what they come from needs a new run of colocalc."
)


@dataclass(frozen=True)
class _Frozen:
    """The rows of one contract on the sheet of profiles."""

    standing: Line
    powered: Line
    firm: Line
    alive: Line
    steps: Line
    late: Line


class _Months:
    """Both sheets while they are written."""

    def __init__(
        self, build: Build, fleet: Fleet, costs: RunRate | None, deal: Deal, profile: Grid, grid: Grid
    ) -> None:
        self.build, self.fleet, self.costs, self.deal = build, fleet, costs, deal
        self.profile, self.grid = profile, grid
        self.count = deal.calendar_month.shape[-1]
        self.shapes = contract_shapes(build.case, deal)
        self.hours = self.frozen("Hours of the month", deal.month_h, "h")
        self.running = self.frozen("Share of the month under contract", deal.running_share, "share")

    def frozen(self, label: str, values: Array, unit: str) -> Line:
        """A line of numbers on the sheet of profiles."""
        held = np.broadcast_to(values, (self.count,))
        return self.profile.line(label, unit, "frozen").fill([float(value) for value in held])

    def live(self, label: str, unit: str, of: Callable[[int], Term]) -> Line:
        """A line of formulas on the sheet of months, with its sum."""
        return self.grid.line(label, unit).fill([of(month) for month in range(self.count)]).totalled()

    def written(self) -> Months:
        """Contracts one after another, then their sums and the costs."""
        earned = [
            self._contract(contract, shape, priced)
            for contract, shape, priced in zip(self.fleet.contracts, self.shapes, self.deal.priced, strict=True)
        ]
        self.grid.heading("All contracts")

        def summed(label: str, unit: str, key: str) -> Line:
            return self.live(label, unit, lambda month: added([one[key][month] for one in earned if key in one]))

        lines = {key: summed(label, unit, key) for key, (label, unit) in _SUMS.items()}
        return Months(**lines, **self._costs(earned), running=self.running)

    def _contract(self, contract: Contract, shape: Shape, priced: Priced) -> dict[str, Line]:
        """The lines of one contract, by what they are."""
        for sheet in (self.profile, self.grid):
            sheet.heading("The contract" if contract.path == "lease" else f"Contract {contract.name}")
        rows = self._rows(shape)
        path, inputs = contract.path, self.build.inputs
        step = inputs.number(f"{path}.escalator_share_per_yr", contract.terms.escalator_share_per_yr)
        price = self.live_price("Price over that at the start", step, rows.steps, rows.late)
        own = self.build.case.lease.rate_usd_per_gpu_h if self.build.case.lease else np.asarray(np.nan)
        moved = self._moved("Rate", contract, contract.terms.repriced_usd_per_gpu_h, own)
        pools = [self._pool(pool, contract, rows, moved.get(pool, price)) for pool in contract.pools]
        found = {"hours": self._hours(contract, rows)}
        found["credit"] = self._credit(contract, pools)
        found["passthrough"] = self._passed(contract, rows)
        found["revenue"] = self.live(
            "Revenue",
            "usd",
            lambda month: added([pool[month] for pool in pools]) - found["credit"][month] + found["passthrough"][month],
        )
        revenue = found["revenue"]
        found["firm"] = self.live("Of it firm", "usd", lambda month: revenue[month] * rows.firm[month])
        found["expected"] = self.live("Of it expected", "usd", lambda month: revenue[month] * rows.alive[month])
        found["cash"] = self._cash(contract, shape, revenue)
        found["firm_cash"] = self._firm_cash(contract, priced, rows, found)
        found |= self._market(contract, shape)
        found["powered"] = rows.powered
        return found

    def _rows(self, shape: Shape) -> _Frozen:
        return _Frozen(
            standing=self.frozen("GPUs that stand under it, of all", shape.standing_share, "share"),
            powered=self.frozen("GPUs that draw power, of all", shape.powered_share, "share"),
            firm=self.frozen("Fees that survive a notice", shape.firm_share, "share"),
            alive=self.frozen("Probability that it still runs", shape.alive_share, "share"),
            steps=self.frozen("Anniversaries passed", shape.step_count, "count"),
            late=self.frozen("Share of the month after the next", shape.late_share, "share"),
        )

    def live_price(self, label: str, step: Term, steps: Line, late: Line) -> Line:
        """What prices have grown by."""
        grown = [(1.0 + step) ** steps[month] * (1.0 + step * late[month]) for month in range(self.count)]
        return self.grid.line(label, "factor").fill(grown)

    def _moved(self, label: str, contract: Contract, prices: Array, level: Array) -> dict[int, Line]:
        """The course of prices along a path over what they are at the start, frozen, by pool; none where none move."""
        if not prices.shape[-1]:
            return {}
        names, calendar = self.build.case.pools.names, self.deal.calendar_month
        found = by_month(prices, contract.terms, calendar, np.ones((len(names), self.count)))
        return {
            pool: self.frozen(f"{label} of {names[pool]} over that at the start", found[pool] / level[pool], "factor")
            for pool in contract.pools
        }

    def _pool(self, pool: int, contract: Contract, rows: _Frozen, price: Line) -> Line:
        label = f"Fees of {self.build.case.pools.names[pool]}"
        fee, hour, weight = contract.fee_usd_per_month, self.fleet.hour_usd[pool], self.fleet.fee_weight[pool]
        if fee is not None:
            return self.live(label, "usd", lambda month: fee * weight * rows.standing[month] * price[month])
        return self.live(label, "usd", lambda month: hour * rows.standing[month] * self.hours[month] * price[month])

    def _hours(self, contract: Contract, rows: _Frozen) -> Line:
        gpus = added([self.fleet.gpu_count[pool] for pool in contract.pools])
        return self.live(
            "Hours billed",
            "gpu_h",
            lambda month: gpus * contract.billed_share * rows.standing[month] * self.hours[month],
        )

    def _credit(self, contract: Contract, pools: Sequence[Line]) -> Line:
        terms, inputs, path = contract.terms, self.build.inputs, contract.path
        if one(terms.sla_credit_share) == 0.0:
            return self.live("Service credits", "usd", lambda _: term(0.0))
        up, promised, credit = (
            inputs.number(f"{path}.sla.{name}", value)
            for name, value in (
                ("availability_share", terms.availability_share),
                ("promised_share", terms.promised_share),
                ("credit_share", terms.sla_credit_share),
            )
        )
        given = when(up.below(promised), credit, 0.0)
        return self.live("Service credits", "usd", lambda month: added([pool[month] for pool in pools]) * given)

    def _passed(self, contract: Contract, rows: _Frozen) -> Line:
        share = one(contract.terms.power_passthrough_share)
        if share == 0.0 or self.costs is None:
            return self.live("Power passed on", "usd", lambda _: term(0.0))
        passed = self.build.inputs.number(f"{contract.path}.power_passthrough_share", share)
        bill = added([self.costs.power_usd_per_yr[pool] for pool in contract.pools])
        return self.live(
            "Power passed on",
            "usd",
            lambda month: passed * bill * rows.standing[month] * self.hours[month] / HOURS_PER_YEAR,
        )

    def _cash(self, contract: Contract, shape: Shape, revenue: Line) -> Line:
        terms, inputs, path = contract.terms, self.build.inputs, contract.path
        if one(terms.prepaid_share) == 0.0 and one(terms.prepaid_usd) == 0.0:
            return self.live("Cash from the tenant", "usd", lambda month: revenue[month])
        unwind = self.frozen("Months in which a prepayment is credited", shape.unwind_share, "share")
        signing = self.frozen("The month in which it is paid", shape.signing_share, "share")
        paid = inputs.number(f"{path}.prepayment.amount_usd", terms.prepaid_usd) + inputs.number(
            f"{path}.prepayment.revenue_share", terms.prepaid_share
        ) * total(revenue.span())
        eligible = self.live("Fees it may be credited to", "usd", lambda month: revenue[month] * unwind[month])
        whole = total(eligible.span())
        part = when(whole.above(0.0), least(paid, whole) / whole, 0.0)
        row = self.grid.row(2)
        self.grid.words(row, ["Prepayment", "usd"])
        self.grid.words(row + 1, ["Part of those fees that it pays", "share"])
        amount = self.grid.put((row, _FIRST - 1), paid, unit="usd", role="formula")
        credited = self.grid.put((row + 1, _FIRST - 1), part, unit="share", role="formula")
        return self.live(
            "Cash from the tenant",
            "usd",
            lambda month: revenue[month] - eligible[month] * credited + signing[month] * amount,
        )

    def _firm_cash(self, contract: Contract, priced: Priced, rows: _Frozen, found: Mapping[str, Line]) -> Line:
        """Cash from a tenant who leaves as early as it may, and is owed back then what it has paid ahead."""
        cash, revenue, label = found["cash"], found["revenue"], "Cash that survives a notice"
        prepaid = one(contract.terms.prepaid_share) > 0.0 or one(contract.terms.prepaid_usd) > 0.0
        if not prepaid or not bool(np.any(priced.leaving_share > 0.0)):
            return self.live(label, "usd", lambda month: cash[month] * rows.firm[month])
        leaving = self.frozen("The month in which a notice ends it", priced.leaving_share, "share")
        ahead = self.live("Paid ahead less credited", "usd", lambda month: cash[month] - revenue[month])
        row = self.grid.row()
        self.grid.words(row, ["Owed back after a notice", "usd"])
        owed = self.grid.put((row, _FIRST - 1), dot(ahead.span(), rows.firm.span()), unit="usd", role="formula")
        return self.live(label, "usd", lambda month: cash[month] * rows.firm[month] - leaving[month] * owed)

    def _market(self, contract: Contract, shape: Shape) -> dict[str, Line]:
        if not bool(np.any(shape.open_share > 0.0)):
            return {}
        steps = self.frozen("Anniversaries passed, at the market", shape.market_step_count, "count")
        late = self.frozen("Share of the month after the next, at the market", shape.market_late_share, "share")
        share = self.frozen("Share of the month let at the market", shape.open_share, "share")
        change = self.build.inputs.number(
            f"{contract.path}.market.change_share_per_yr", contract.terms.market_change_share_per_yr
        )
        price = self.live_price("Market over that at the start", change, steps, late)
        hour, terms = self.fleet.market_hour_usd, contract.terms
        moved = self._moved("Market", contract, terms.market_path_usd_per_gpu_h, terms.market_rate_usd_per_gpu_h)

        def earned(month: int) -> Term:
            if not moved:
                return added([hour[pool] for pool in contract.pools]) * share[month] * self.hours[month] * price[month]
            return (
                added([hour[pool] * moved[pool][month] for pool in contract.pools]) * share[month] * self.hours[month]
            )

        return {"market": self.live("From the market", "usd", earned)}

    def _costs(self, earned: Sequence[dict[str, Line]]) -> dict[str, Line]:
        self.grid.heading("Costs")
        if self.costs is None:
            return {key: self.live(key.capitalize(), "usd", lambda _: term(0.0)) for key in _COSTS}
        costs = self.costs
        bills = [added([costs.power_usd_per_yr[pool] for pool in one.pools]) for one in self.fleet.contracts]
        power = self.live(
            "Power",
            "usd",
            lambda month: (
                added([bill * lines["powered"][month] for bill, lines in zip(bills, earned, strict=True)])
                * self.hours[month]
                / HOURS_PER_YEAR
            ),
        )
        rising = self._rising()
        yearly = {"operations": costs.fixed_usd_per_yr + costs.colocation_usd_per_yr}
        yearly["colocation"] = costs.colocation_usd_per_yr
        return {
            "power": power,
            "operations": self.live(
                "Operations and colocation", "usd", lambda month: yearly["operations"] * rising[month]
            ),
            "colocation": self.live("Of it colocation", "usd", lambda month: yearly["colocation"] * rising[month]),
        }

    def _rising(self) -> Line:
        """What a month costs over the cost of the first year."""
        case = self.build.case
        steps, late = cost_anniversaries(case, self.deal)
        rows = (
            self.frozen("Anniversaries passed, of costs", steps, "count"),
            self.frozen("Share of the month after the next, of costs", late, "share"),
        )
        held = (
            case.project.cost_escalator_share_per_yr
            if case.project and known(case.project.cost_escalator_share_per_yr)
            else 0.0
        )
        step = self.build.inputs.number("costs.escalator_share_per_yr", held)
        return self.grid.line("Costs of the month over those of a year", "factor").fill(
            (1.0 + step) ** rows[0][month] * (1.0 + step * rows[1][month]) * self.running[month] / MONTHS_PER_YEAR
            for month in range(self.count)
        )


_COSTS = ("power", "operations", "colocation")
_SUMS = {
    "revenue": ("Revenue of contracts", "usd"),
    "cash": ("Cash from tenants", "usd"),
    "firm_cash": ("Of it surviving a notice", "usd"),
    "firm": ("Of revenue firm", "usd"),
    "expected": ("Of revenue expected", "usd"),
    "market": ("From the market", "usd"),
    "credit": ("Service credits", "usd"),
    "passthrough": ("Power passed on", "usd"),
    "hours": ("Hours billed by contracts", "gpu_h"),
}
