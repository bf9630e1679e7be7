"""The sheet of the cash flow: capital, depreciation, debt, tax, reserves, and what is left for owners, by period."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from colocalc.case import ProjectCase
from colocalc.report.formula import Term, added, exponential, least, most, term, total
from colocalc.report.formula import number as value_of
from colocalc.report.views.model.build import Build, Fleet, known, one
from colocalc.report.views.model.grid import Grid, Line
from colocalc.report.views.model.months import Months
from colocalc.report.views.model.run_rate import RunRate
from colocalc.study import writing_off
from colocalc.study.deal import contract_shapes
from colocalc.study.flows import period_of_month, summed
from colocalc.study.project import Project
from colocalc.units import MONTHS_PER_YEAR

NAME = "Cash flow"
FIRST = 3


@dataclass(frozen=True)
class Flows:
    """Lines of the cash flow before debt, by period; the close is the first."""

    revenue: Line
    firm: Line
    opex: Line
    ebitda: Line
    hours: Line
    fees: Line
    hardware: Line
    capital: Line
    tax_depreciation: Line
    book_depreciation: Line
    salvage: Line
    gain: Line


class Sheet:
    """The sheet of the cash flow while it is written."""

    def __init__(self, build: Build, grid: Grid, project: Project, terms: ProjectCase, months: Months) -> None:
        self.build, self.grid, self.project, self.terms, self.by_month = build, grid, project, terms, months
        self.inputs = build.inputs
        self.count = project.flows.capital_usd.shape[-1]
        self.months = project.months_per_period
        deal = build.result.returns.deal if build.result.returns else None
        self.deal = deal
        self.place = period_of_month(deal, self.months) if deal else np.zeros(0, dtype=np.intp)
        self.periods = grid.line("Period", None, "frozen").fill(float(period) for period in range(self.count))

    def line(self, label: str, unit: str, of: Callable[[int], Term | float]) -> Line:
        """A line of formulas."""
        return self.grid.line(label, unit).fill(of(period) for period in range(self.count))

    def flow(self, label: str, of: Callable[[int], Term | float]) -> Line:
        """A line of dollars with its sum."""
        return self.line(label, "usd", of).totalled()

    def scalar(self, label: str, unit: str, content: Term) -> Term:
        """A number that belongs to no period."""
        row = self.grid.row()
        self.grid.words(row, [label, unit])
        return self.grid.put((row, FIRST - 1), content, unit=unit, role="formula")

    def frozen(self, label: str, unit: str, values: Sequence[float]) -> Line:
        """A line of numbers from colocalc."""
        return self.grid.line(label, unit, "frozen").fill(map(float, values))

    def of_months(self, label: str, lines: Sequence[Line], unit: str = "usd") -> Line:
        """The sum of lines of months in each period; the close has nothing."""

        def of(period: int) -> Term:
            held = np.flatnonzero(self.place == period)
            if not held.size:
                return term(0.0)
            return added([total(line.span(int(held[0]), int(held[-1]))) for line in lines])

        return self.line(label, unit, of).totalled()

    def finance(self, name: str) -> Term:
        """An input of the block ``finance``."""
        return self.inputs.number(f"finance.{name}", getattr(self.terms, name))


def before_debt(sheet: Sheet, fleet: Fleet, costs: RunRate) -> Flows:
    """Revenue to EBITDA, capital, depreciation and what is sold at the end."""
    grid, months = sheet.grid, sheet.by_month
    grid.heading("Operations")
    revenue = sheet.of_months("Revenue, as cash", [months.cash, months.market])
    opex = sheet.of_months("Power and operations", [months.power, months.operations])
    ebitda = sheet.flow("EBITDA, the cash available for debt service", lambda t: revenue[t] - opex[t])
    earned = sheet.of_months("Fees as earned", [months.revenue])
    firm = sheet.of_months("Cash that survives a notice", [months.firm_cash])
    hours = sheet.of_months("Hours billed by contracts", [months.hours], "gpu_h")
    passed = sheet.of_months("Power passed on", [months.passthrough])
    fees = sheet.flow("Fees without power passed on", lambda t: earned[t] - passed[t])
    grid.heading("Capital and what it is written off by")
    hardware, vintages = _hardware(sheet, fleet)
    building = sheet.flow("Data centre", lambda t: costs.building_usd if t == 0 else 0.0)
    capital = sheet.flow("Capital", lambda t: hardware[t] + building[t])
    shares = (_tax_shares(sheet), _book_shares(sheet), _building_shares(sheet))

    def written(share: Line) -> Callable[[int], Term]:
        return lambda t: added([hardware[v] * share[t - v] for v in vintages if v < t] or [term(0.0)])

    of_building = sheet.flow("Data centre written off", lambda t: building[0] * shares[2][t])
    tax = sheet.flow("Hardware written off for tax", written(shares[0]))
    book = sheet.flow("Hardware written off in the books", written(shares[1]))
    tax_depreciation = sheet.flow("Depreciation for tax", lambda t: tax[t] + of_building[t])
    book_depreciation = sheet.flow("Depreciation in the books", lambda t: book[t] + of_building[t])
    salvage, gain = _sold(sheet, hardware, building, of_building, tax_depreciation)
    return Flows(
        revenue=revenue,
        firm=firm,
        opex=opex,
        ebitda=ebitda,
        hours=hours,
        fees=fees,
        hardware=hardware,
        capital=capital,
        tax_depreciation=tax_depreciation,
        book_depreciation=book_depreciation,
        salvage=salvage,
        gain=gain,
    )


def _hardware(sheet: Sheet, fleet: Fleet) -> tuple[Line, list[int]]:
    """Hardware bought at the beginning of the period it is delivered in, and the periods in which any is."""
    deal = sheet.deal
    steps: list[Line] = []
    owned: list[Term] = []
    for contract, shape in zip(fleet.contracts, contract_shapes(sheet.build.case, deal) if deal else (), strict=True):
        added_share = summed(np.diff(shape.delivered_share, prepend=0.0), sheet.place)
        shown = "" if contract.path == "lease" else f" ({contract.name})"
        steps.append(sheet.frozen(f"Delivered in the next period{shown}", "share", [*added_share[1:], 0.0]))
        owned.append(added([fleet.capital_usd[pool] for pool in contract.pools]))

    def bought(t: int) -> Term:
        return added([cost * step[t] for cost, step in zip(owned, steps, strict=True)])

    vintages = [t for t in range(sheet.count) if any(step[t].value for step in steps)]
    return sheet.flow("Servers, network, storage and spares", bought), vintages


def _tax_shares(sheet: Sheet) -> Line:
    """The schedule of the code is frozen, the bonus is live."""
    plain = writing_off.tax_shares(replace(sheet.terms, bonus_share=np.zeros(())), sheet.count - 1, sheet.months)
    schedule = sheet.frozen("Written off for tax, by age, without a bonus", "share", [0.0, *plain])
    if one(sheet.terms.bonus_share) == 0.0 and not sheet.inputs.has("depreciation.bonus_share"):
        return schedule
    bonus = sheet.inputs.number("depreciation.bonus_share", sheet.terms.bonus_share)
    first = int(MONTHS_PER_YEAR / sheet.months)
    return sheet.line(
        "Written off for tax, by age",
        "share",
        lambda t: schedule[t] * (1.0 - bonus) + (bonus / first if 1 <= t <= first else 0.0),
    )


def _book_shares(sheet: Sheet) -> Line:
    terms = sheet.terms
    if terms.book_method != "straight-line":
        held = writing_off.book_shares(terms, sheet.count - 1, sheet.months)
        return sheet.frozen(f"Written off in the books, by age: {terms.book_method}", "share", [0.0, *held])
    life = sheet.inputs.number("depreciation.book_life_yr", terms.book_life_yr) * (MONTHS_PER_YEAR / sheet.months)
    kept = 1.0 - _residual(sheet.build)
    return sheet.line("Written off in the books, by age", "share", lambda t: _straight(life, t) * kept)


def _residual(build: Build) -> Term:
    """What books leave; a curve of values is of the market, not of them."""
    terms = build.case.project
    if terms is None or terms.residual_curve_share.shape[-1] or known(terms.residual_decay_per_yr):
        return term(0.0)
    return build.inputs.number("depreciation.residual_share", terms.residual_share)


def _straight(life: Term, period: int) -> Term:
    return most(least(life - (period - 1.0), 1.0), 0.0) / life if period else term(0.0)


def _building_shares(sheet: Sheet) -> Line:
    life = sheet.inputs.number("depreciation.data_centre_life_yr", sheet.terms.data_centre_life_yr)
    periods = life * (MONTHS_PER_YEAR / sheet.months)
    return sheet.line("Data centre written off, by age", "share", lambda t: _straight(periods, t))


def _sold(sheet: Sheet, hardware: Line, building: Line, of_building: Line, written: Line) -> tuple[Line, Line]:
    """Proceeds and taxable gain of the sale in the last period."""
    share = _value_shares(sheet)
    last = sheet.count - 1
    whole, house = total(hardware.span()), total(building.span())
    worth = sheet.line(
        "Value of the assets",
        "usd",
        lambda t: total(hardware.span(0, t)) * share[t] + house - total(of_building.span(0, t)),
    )
    salvage = sheet.flow("Sold at the end", lambda t: worth[t] if t == last else 0.0)
    left = whole + house - total(written.span())
    return salvage, sheet.flow("Gain of the sale", lambda t: salvage[t] - left if t == last else 0.0)


def _value_shares(sheet: Sheet) -> Line:
    curve, last = sheet.terms.residual_curve_share, float(sheet.count - 1)
    label = "Value of hardware over its cost"
    if curve.shape[-1]:
        age = np.arange(sheet.count) * sheet.months / MONTHS_PER_YEAR
        held = np.interp(age, np.arange(curve.shape[-1] + 1.0), np.concatenate([[1.0], curve]))
        return sheet.frozen(f"{label}, by the curve", "share", list(held))
    if known(sheet.terms.residual_decay_per_yr):
        return _decaying(sheet, label)
    lost = 1.0 - _residual(sheet.build)
    return sheet.line(label, "share", lambda t: 1.0 - lost * least(sheet.periods[t] / last, 1.0))


def _decaying(sheet: Sheet, label: str) -> Line:
    floor, decay = (
        sheet.inputs.number(f"depreciation.{name}", getattr(sheet.terms, name))
        for name in ("residual_floor_share", "residual_decay_per_yr")
    )

    def left(t: int) -> Term:
        fallen = decay * (term(0.0) - sheet.periods[t] * (sheet.months / MONTHS_PER_YEAR))
        return floor + (1.0 - floor) * exponential(fallen, float(np.exp(value_of(fallen))))

    return sheet.line(label, "share", left)


class Taxed:
    """The lines of a tax, period by period: losses are carried forward or turned into cash at once."""

    def __init__(self, sheet: Sheet, label: str) -> None:
        self.rate, self.cap = sheet.finance("tax_rate_share"), sheet.finance("tax_loss_cap_share")
        self.at_once = sheet.inputs.number(
            "finance.immediate_loss_share",
            sheet.terms.immediate_loss_share,
            note="finance.tax_losses: 1 where a loss lowers other tax at once, 0 where it is carried forward",
        )
        self.profit, self.now, self.pool, self.tax = (
            sheet.grid.line(name, "usd") for name in ("Profit", "Losses used at once", "Losses carried forward", label)
        )

    def add(self, t: int, income: Term) -> Term:
        """The tax on the income of the next period."""
        profit, now, pool = self.profit, self.now, self.pool
        start = pool[t - 1] if t else term(0.0)
        profit.add(most(income, 0.0))
        now.add(self.at_once * (profit[t] - income))
        pool.add(most(start + (profit[t] - income - now[t] - self.cap * profit[t]), 0.0))
        self.tax.add(self.rate * (profit[t] - now[t] - least(start, self.cap * profit[t])))
        return self.tax[t]


def taxed(sheet: Sheet, label: str, income: Line) -> Line:
    """Tax on an income."""
    found = Taxed(sheet, label)
    for t in range(sheet.count):
        found.add(t, income[t])
    return found.tax.totalled()


def per_period(rate: Term, months: float) -> Term:
    """An effective rate of a year as that of a period."""
    return (1.0 + rate) ** (months / MONTHS_PER_YEAR) - 1.0


def discounting(sheet: Sheet, name: str) -> Term | None:
    """The discount rate of a period; None where none is given."""
    if not known(getattr(sheet.terms, name)):
        return None
    path = name if sheet.inputs.has(f"finance.{name}") else "discount_rate_share"
    rate = sheet.inputs.number(f"finance.{path}", getattr(sheet.terms, name))
    return sheet.scalar(
        f"A period's {name.removesuffix('_share').replace('_', ' ')}", "share", per_period(rate, sheet.months)
    )


def first_book_share(build: Build) -> Term:
    """Share of hardware that the books write off in its first whole year."""
    terms = build.case.project
    if terms is None:
        return term(0.0)
    if terms.book_method != "straight-line":
        return term(float(writing_off.book_shares(terms, 1, MONTHS_PER_YEAR)[0]))
    life = build.inputs.number("depreciation.book_life_yr", terms.book_life_yr)
    return _straight(life, 1) * (1.0 - _residual(build))
