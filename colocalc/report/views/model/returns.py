"""The end of the sheet of the cash flow: tax, what owners receive, and the returns of assets and owners."""

from dataclasses import dataclass

import numpy as np

from colocalc.report.formula import (
    NOTHING,
    Term,
    both,
    counted,
    dot,
    gains,
    internal_rate,
    losses,
    lowest,
    most,
    number,
    present_value,
    ratio,
    term,
    total,
    when,
)
from colocalc.report.views.model.debt import Loan, held_back
from colocalc.report.views.model.grid import Line
from colocalc.report.views.model.project import Flows, Sheet, discounting, taxed
from colocalc.units import MONTHS_PER_YEAR

_GUESS = 0.1  # where spreadsheets begin too


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
    tax = unlevered if loan is None else _with_interest(sheet, loan, base)
    owners = (
        sheet.flow("Flow of the owners after tax", lambda t: after[t])
        if loan is None
        else _owners(sheet, flows, loan, before, tax)
    )
    _returns(sheet, flows, before, after, owners)
    return Equity(tax, after, owners)


def _with_interest(sheet: Sheet, loan: Loan, base: Line) -> Line:
    sheet.grid.heading("Tax and owners")
    income = sheet.line("Taxable income", "usd", lambda t: base[t] - loan.interest[t] - loan.fee[t])
    return taxed(sheet, "Tax", income)


def _owners(sheet: Sheet, flows: Flows, loan: Loan, before: Line, tax: Line) -> Line:
    available = sheet.line("Cash after tax", "usd", lambda t: flows.ebitda[t] - tax[t])
    held = held_back(sheet, loan, sheet.terms.debt, available)

    def owners(t: int) -> Term:
        change = held[t] - (held[t - 1] if t else term(0.0))
        return before[t] + loan.draw[t] - loan.service[t] - loan.prepayment[t] - tax[t] - change

    return sheet.flow("Flow of the owners after tax", owners)


def _returns(sheet: Sheet, flows: Flows, before: Line, after: Line, owners: Line) -> None:
    grid, metrics = sheet.grid, sheet.build.metrics
    grid.heading("Returns")
    metrics["lease.capital_usd"] = sheet.scalar("Capital", "usd", total(flows.capital.span()))
    own, theirs = (discounting(sheet, name) for name in ("discount_rate_share", "equity_discount_rate_share"))

    def worth(name: str, label: str, rate: Term | None, line: Line) -> None:
        if rate is not None:
            value = line[0] + present_value(rate, line.span(1))
            metrics[f"lease.{name}"] = sheet.scalar(label, "usd", value)

    worth("project_npv_before_tax_usd", "NPV before tax", own, before)
    worth("project_npv_usd", "NPV after tax", own, after)
    worth("equity_npv_usd", "NPV of the owners", theirs, owners)
    for name, label, line in (
        ("project_irr_before_tax_share", "IRR before tax", before),
        ("project_irr_share", "IRR after tax", after),
        ("equity_irr_share", "IRR of the owners", owners),
    ):
        _rate(sheet, name, label, line)
    multiple = ratio(gains(owners.span()), term(0.0) - losses(owners.span()))
    metrics["lease.equity_moic_factor"] = sheet.scalar("Money out over money in, of the owners", "factor", multiple)
    metrics["lease.payback_yr"] = _payback(sheet, after)
    if own is not None:
        _levelized(sheet, flows, before, own)


def _rate(sheet: Sheet, name: str, label: str, flow: Line) -> None:
    """A rate of return where there is exactly one: three cells, the search, a step of Newton's method and the year."""
    key = f"lease.{name}"
    yearly = sheet.build.result.metrics.get(key)
    share = None if yearly is None else float(np.expm1(np.log1p(float(yearly)) * sheet.months / MONTHS_PER_YEAR))
    search, refined = internal_rate(
        flow.span(), sheet.periods.span(), _GUESS * sheet.months / MONTHS_PER_YEAR if share is None else share, share
    )
    changes = _sign_changes(sheet, flow, label)
    # More than one change of sign may mean more than one rate, of which none is the return.
    is_one = changes.equals(1.0) if share is None or number(changes) == 1.0 else changes.at_least(1.0)
    nothing = Term('"undefined"', "undefined")
    found = sheet.scalar(f"{label}: of a period, to seven digits", "share", when(is_one, search, nothing))
    exact = sheet.scalar(f"{label}: of a period", "share", refined(found))
    text = f'IFERROR((1+{exact.text})^{MONTHS_PER_YEAR / sheet.months:.0f}-1,"undefined")'
    value: float | str = "undefined" if yearly is None else float(yearly)
    cell = sheet.scalar(label, "share", Term(text, value))
    if yearly is not None:
        sheet.build.metrics[key] = cell


def _sign_changes(sheet: Sheet, flow: Line, label: str) -> Term:
    """How often a flow changes sign; a flow of 0 has the sign of what stands before it."""
    signs = sheet.grid.line(f"{label}: sign of the flow", "factor")
    for t in range(sheet.count):
        before = signs[t - 1] if t else term(0.0)
        signs.add(when(flow[t].equals(0.0), before, when(flow[t].above(0.0), 1.0, -1.0)))
    changed = sheet.line(
        f"{label}: changes of sign",
        "count",
        lambda t: when((signs[t] * signs[t - 1]).below(0.0), 1.0, 0.0) if t else term(0.0),
    )
    return sheet.scalar(f"{label}: changes of sign in all", "count", total(changed.span()))


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
