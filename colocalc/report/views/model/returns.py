"""The end of the sheet of the cash flow: tax, what owners receive, and the returns of assets and owners."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from colocalc.report.formula import (
    NOTHING,
    UNDEFINED,
    Span,
    Term,
    both,
    counted,
    dot,
    either,
    gains,
    internal_rate,
    losses,
    lowest,
    most,
    present_value,
    ratio,
    refined_rate,
    term,
    total,
    when,
    worth,
)
from colocalc.report.views.model.debt import HeldBack, Loan, holds_back
from colocalc.report.views.model.grid import Line
from colocalc.report.views.model.project import Flows, Sheet, Taxed, discounting, per_period, taxed
from colocalc.units import MONTHS_PER_YEAR

RATES = "Rates of return"
# Logarithms of 1 + a year's rate at which a flow's value is looked at: from -98% far up.
_GRID = tuple(step / 10.0 for step in range(-40, 125, 2))
_RATES_CAPTION = (
    "A flow whose value crosses 0 once has one rate of return; one that does so never, or several times, has none."
)


@dataclass(frozen=True)
class Equity:
    """Lines after debt, by period."""

    tax: Line
    project_after_tax: Line
    equity_after_tax: Line


def write(sheet: Sheet, flows: Flows, loan: Loan | None) -> Equity:
    """Tax with and without debt, the flows of assets and owners, and their returns."""
    grid = sheet.grid
    grid.heading("Tax before debt")
    base = sheet.line(
        "Taxable income before debt", "usd", lambda t: flows.ebitda[t] - flows.tax_depreciation[t] + flows.gain[t]
    )
    unlevered = taxed(sheet, "Tax as if without debt", base)
    before = sheet.flow(
        "Flow of the assets before tax", lambda t: flows.ebitda[t] + flows.salvage[t] - flows.capital[t]
    )
    after = sheet.flow("Flow of the assets after tax", lambda t: before[t] - unlevered[t])
    tax = unlevered
    if loan is None:
        owners = sheet.flow("Flow of the owners after tax", lambda t: after[t])
    else:
        tax, owners = _owners(sheet, flows, loan, before, base)
    _returns(sheet, flows, before, after, owners)
    return Equity(tax, after, owners)


def _owners(sheet: Sheet, flows: Flows, loan: Loan, before: Line, base: Line) -> tuple[Line, Line]:
    """Tax after interest, and what owners receive; period by period, as cash held back earns interest in the next."""
    sheet.grid.heading("Tax and owners")
    terms = sheet.terms.debt
    income, available, earned = (
        sheet.grid.line(label, "usd") for label in ("Taxable income", "Cash after tax", "Interest on cash held back")
    )
    taxes = Taxed(sheet, "Tax")
    held = HeldBack(sheet, loan, terms) if terms is not None and holds_back(terms) else None
    rate = term(0.0)
    if terms is not None and held is not None:
        given = sheet.inputs.number("debt.reserve_interest_share", terms.reserve_interest_share)
        rate = given * (sheet.months / MONTHS_PER_YEAR)
    for t in range(sheet.count):
        earned.add(rate * held.held[t - 1] if held is not None and t else 0.0)
        income.add(base[t] - loan.interest[t] - loan.fee[t] + earned[t])
        available.add(flows.ebitda[t] + earned[t] - taxes.add(t, income[t]))
        if held is not None:
            held.add(t, available[t])

    def owners(t: int) -> Term:
        flow = before[t] + loan.draw[t] - loan.service[t] - loan.prepayment[t] - taxes.tax[t] + earned[t]
        return flow if held is None else flow - (held.held[t] - (held.held[t - 1] if t else term(0.0)))

    return taxes.tax.totalled(), sheet.flow("Flow of the owners after tax", owners)


def _returns(sheet: Sheet, flows: Flows, before: Line, after: Line, owners: Line) -> None:
    grid, metrics = sheet.grid, sheet.build.metrics
    grid.heading("Returns")
    metrics["lease.capital_usd"] = sheet.scalar("Capital", "usd", total(flows.capital.span()))
    own, theirs = (discounting(sheet, name) for name in ("discount_rate_share", "equity_discount_rate_share"))

    def present(name: str, label: str, rate: Term | None, line: Line) -> None:
        if rate is not None:
            value = line[0] + present_value(rate, line.span(1))
            metrics[f"lease.{name}"] = sheet.scalar(label, "usd", value)

    present("project_npv_before_tax_usd", "NPV before tax", own, before)
    present("project_npv_usd", "NPV after tax", own, after)
    present("equity_npv_usd", "NPV of the owners", theirs, owners)
    rates = {
        "project_irr_before_tax_share": ("IRR before tax", before),
        "project_irr_share": ("IRR after tax", after),
        "equity_irr_share": ("IRR of the owners", owners),
    }
    _rates(sheet, rates)
    multiple = ratio(gains(owners.span()), term(0.0) - losses(owners.span()))
    metrics["lease.equity_moic_factor"] = sheet.scalar("Money out over money in, of the owners", "factor", multiple)
    metrics["lease.payback_yr"] = _payback(sheet, after)
    if own is not None:
        _levelized(sheet, flows, before, own)


def _rates(sheet: Sheet, flows: Mapping[str, tuple[str, Line]]) -> None:
    """The rates of return: where the value of a flow changes sign once over all rates, that is its rate."""
    grid = sheet.build.grid(RATES)
    grid.widths = {0: 14.0, 1: 16.0, **dict.fromkeys(range(2, 2 + 2 * len(flows)), 22.0)}
    grid.title("What flows are worth at each rate", (_RATES_CAPTION,))
    titles = [title for label, _ in flows.values() for title in (f"{label}: worth", f"{label}: crosses 0")]
    grid.words(grid.row(), ("Rate of a year", "Rate of a period", *titles), "heading")
    grid.frozen = (grid.next_row, 2)
    rows = [grid.row() for _ in _GRID]
    yearly = [
        grid.put((row, 0), float(np.expm1(step)), unit="share", role="frozen")
        for row, step in zip(rows, _GRID, strict=True)
    ]
    rates = [
        grid.put((row, 1), per_period(rate, sheet.months), unit="share", role="formula")
        for row, rate in zip(rows, yearly, strict=True)
    ]
    for place, (name, (label, flow)) in enumerate(flows.items()):
        column = 2 + 2 * place
        values = [
            grid.put((row, column), worth(rate, flow.span(), sheet.periods.span()), unit="usd", role="formula")
            for row, rate in zip(rows, rates, strict=True)
        ]
        for row, one, other in zip(rows[1:], values, values[1:], strict=False):
            crosses = either(both(one.above(0.0), other.below(0.0)), both(one.below(0.0), other.above(0.0)))
            grid.put((row, column + 1), when(crosses, 1.0, 0.0), unit="count", role="formula")
        crossed = grid.span((rows[1], column + 1), (rows[-1], column + 1))
        _rate(sheet, name, label, flow, crossed, grid.span((rows[1], 1), (rows[-1], 1)))


def _rate(sheet: Sheet, name: str, label: str, flow: Line, crossed: Span, rates: Span) -> None:
    """A rate of return: the search, one step of Newton's method, and the year."""
    key = f"lease.{name}"
    told = sheet.build.result.metrics.get(key)
    share = None if told is None else float(np.expm1(np.log1p(float(told)) * sheet.months / MONTHS_PER_YEAR))
    count = sheet.scalar(f"{label}: rates there are", "count", total(crossed))
    search = internal_rate(flow.span(), dot(crossed, rates), share)
    found = sheet.scalar(f"{label}: of a period, to seven digits", "share", when(count.equals(1.0), search, UNDEFINED))
    exact = sheet.scalar(f"{label}: of a period", "share", refined_rate(found, flow.span(), sheet.periods.span()))
    text = f'IFERROR((1+{exact.text})^{MONTHS_PER_YEAR / sheet.months:.0f}-1,"undefined")'
    value: float | str = exact.value if isinstance(exact.value, str) or told is None else float(told)
    cell = sheet.scalar(label, "share", Term(text, value))
    if told is not None and not isinstance(value, str):
        sheet.build.metrics[key] = cell


def _payback(sheet: Sheet, flow: Line) -> Term:
    """Years until the flows so far first add up to 0 or more, a flow spread evenly over its period."""
    sums = sheet.line("Flow of the assets so far", "usd", lambda t: total(flow.span(0, t)))
    reached = sheet.grid.line("Paid back after periods", "count")
    for t in range(sheet.count):
        if not t:
            reached.add(when(sums[t].at_least(0.0), 0.0, NOTHING))
            continue
        first = both(sums[t].at_least(0.0), counted(reached.span(0, t - 1)).equals(0.0))
        reached.add(when(first, sheet.periods[t - 1] + (flow[t] - sums[t]) / flow[t], NOTHING))
    found = lowest(reached.span())
    scaled = Term(f'IFERROR({found.text}*{sheet.months:.0f}/{MONTHS_PER_YEAR:.0f},"undefined")', found.value)
    if not isinstance(found.value, str):
        scaled = Term(scaled.text, found.value * sheet.months / MONTHS_PER_YEAR)
    return sheet.scalar("Payback", "yr", scaled)


def _levelized(sheet: Sheet, flows: Flows, before: Line, rate: Term) -> None:
    """Costs over hours, both discounted."""
    factor = sheet.line("Discount factor", "factor", lambda t: (1.0 + rate) ** (term(0.0) - sheet.periods[t]))
    cost = sheet.line("All that the hours have to pay", "usd", lambda t: flows.fees[t] - before[t])
    hours = dot(flows.hours.span(), factor.span())
    sheet.build.metrics["lease.levelized_cost_usd_per_gpu_h"] = sheet.scalar(
        "Levelized cost", "usd_per_gpu_h", ratio(dot(cost.span(), factor.span()), most(hours, 0.0))
    )
