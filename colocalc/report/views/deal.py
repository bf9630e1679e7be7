"""Contracts by value, the cash flow by year and month, returns, the lender's view, and the hedge by year."""

from collections.abc import Iterator

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.report.table import Column, Table, sparkline
from colocalc.report.views import lending
from colocalc.report.views.common import metric_table, month_name, number
from colocalc.study.evaluate import Result
from colocalc.study.flows import at_year_end, by_year
from colocalc.study.prices import price_steps
from colocalc.study.project import Project
from colocalc.study.returns import HedgeYears, Returns
from colocalc.units import MONTHS_PER_YEAR, text

_VALUES = (
    "lease.headline_value_usd",
    "lease.firm_value_usd",
    "lease.expected_value_usd",
    "lease.expected_refund_usd",
    "lease.capitalised_value_usd",
    "lease.capitalised_valuation_share",
    "lease.multiple_value_usd",
    "lease.multiple_valuation_share",
)
_RETURNS = (
    "lease.capital_usd",
    "lease.project_npv_before_tax_usd",
    "lease.project_npv_usd",
    "lease.project_irr_before_tax_share",
    "lease.project_irr_share",
    "lease.payback_yr",
    "lease.equity_npv_usd",
    "lease.equity_irr_share",
    "lease.equity_moic_factor",
    "lease.levelized_cost_usd_per_gpu_h",
    "lease.break_even_rate_usd_per_gpu_h",
    "lease.break_even_billed_share",
    "lease.equity_break_even_rate_usd_per_gpu_h",
)


def headline(result: Result) -> tuple[str, ...]:
    """What the contracts are worth, what the project returns, and how its debt is covered."""
    return tuple(_sentences(result))


def _sentences(result: Result) -> Iterator[str]:
    def said(name: str, unit: str) -> str:
        value = result.metrics.get(f"lease.{name}")
        return "undefined" if value is None else text(number(value), unit)

    if "lease.headline_value_usd" not in result.metrics:
        return
    firm, expected = said("firm_value_usd", "usd"), said("expected_value_usd", "usd")
    yield f"Contract value {said('headline_value_usd', 'usd')} headline, {firm} firm, {expected} expected."
    if "lease.project_npv_usd" in result.metrics:
        yield (
            f"On capital of {said('capital_usd', 'usd')}: NPV {said('project_npv_usd', 'usd')}, IRR "
            f"{said('project_irr_share', 'share')} before debt and after tax; break-even at "
            f"{said('break_even_rate_usd_per_gpu_h', 'usd_per_gpu_h')}."
        )
    if "lease.debt_usd" in result.metrics:
        yield (
            f"Debt {said('debt_usd', 'usd')}, {said('debt_share', 'share')} of capital; DSCR at least "
            f"{said('min_dscr_factor', 'factor')}; equity IRR {said('equity_irr_share', 'share')}."
        )


def tables(case: Case, result: Result) -> tuple[Table, ...]:
    """Everything that follows from contracts by month; none where they do not say how long they run."""
    returns = result.returns
    if returns is None:
        return ()
    values = tuple(name for name in _VALUES if name in result.metrics)
    found = [metric_table("contracts", "What the contracts are worth", values, result, caption=_VALUE_CAPTION)]
    project = returns.project
    if project is not None:
        found += [
            metric_table("returns", "Returns", _RETURNS, result, caption=_convention(case, project)),
            *_roots(returns, project),
            _cash_flow(case, returns, project),
        ]
        if returns.lender is not None:
            found += lending.tables(case, result, returns, project, returns.lender)
    return (*_prices(case), *found, _months(case, returns))


_MOST_PRICES = 40  # rows for people; more are for programs


def _prices(case: Case) -> tuple[Table, ...]:
    """The prices that move along a path, by the month they begin in; none where all are level."""
    steps = price_steps(case)
    dated = bool(np.any(case.leap_day_count > 0.0))
    first = min((float(np.floor(np.min(terms.start_month))) for terms in case.terms), default=0.0)
    rows = tuple(
        (
            step.contract,
            step.pool,
            step.who,
            month_name(step.calendar_month) if dated else f"month {step.calendar_month - first + 1.0:.0f}",
            step.usd_per_gpu_h,
        )
        for step in steps
    )
    columns = (
        Column("contract", "Contract", kind="text", wide=len(case.terms) == 1),
        Column("pool", "Pool", kind="text"),
        Column("who", "Paid by", kind="text"),
        Column("month", "From", kind="text"),
        Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
    )
    caption = "A contract's rate from each repricing on; the market's by year, of the month that begins it."
    table = Table("prices", "Prices that move", columns, rows, caption=caption, is_long=len(rows) > _MOST_PRICES)
    return (table,) if rows else ()


_VALUE_CAPTION = (
    "Not discounted, but for the capitalised value. Firm: what survives a notice given as early as it may be. "
    "Expected: each month's fees times the probability that the contract still runs then."
)


def _convention(case: Case, project: Project) -> str:
    step = "month" if project.months_per_period == 1.0 else "contract year"
    calendar = "calendar months with leap days" if bool(np.any(case.leap_day_count > 0.0)) else "years of 8,760 hours"
    rate = " A rate of a month m is shown as (1 + m)^12 - 1." if project.months_per_period == 1.0 else ""
    return f"Capital at the start, flows at the end of each {step}; {calendar}; after tax unless said.{rate}"


def _roots(returns: Returns, project: Project) -> Iterator[Table]:
    """All rates of return, where there is not exactly one, with the modified rate beside them."""
    rows = []
    for label, flow in (("assets", project.cash.project_after_tax_usd), ("owners", project.cash.equity_after_tax_usd)):
        found = returns.roots(flow)
        if len(found.shares) != 1:
            shares = ", ".join(text(share, "share") for share in found.shares) or "none"
            rows.append((label, float(len(found.shares)), shares, number(found.modified_share)))
    if rows:
        columns = (
            Column("flows", "Flows of", kind="text"),
            Column("roots_count", "Rates", "count"),
            Column("irr", "At which NPV is 0", kind="text"),
            Column("mirr_share", "MIRR", "share"),
        )
        caption = "More than one rate, or none, is no return: MIRR finances outlays and reinvests at the discount rate."
        yield Table("irr_roots", "Internal rates of return", columns, tuple(rows), caption=caption)


def _labels(case: Case, returns: Returns, count: int) -> list[str]:
    first = float(returns.deal.calendar_month[0])
    if not bool(np.any(case.leap_day_count > 0.0)):
        return ["close", *(f"year {year}" for year in range(1, count))]
    return ["close", *(f"from {month_name(first + MONTHS_PER_YEAR * year)}" for year in range(count - 1))]


def _cash_flow(case: Case, returns: Returns, project: Project) -> Table:
    cash, loan, flows, step = project.cash, project.loan, project.flows, project.months_per_period
    parts: dict[str, Array] = {
        "revenue_usd": by_year(flows.revenue_usd, step),
        "opex_usd": by_year(flows.opex_usd, step),
        "ebitda_usd": by_year(cash.ebitda_usd, step),
        "capital_usd": by_year(flows.capital_usd, step),
        "salvage_usd": by_year(flows.salvage_usd, step),
        "tax_usd": by_year(cash.tax_usd, step),
        "project_after_tax_usd": by_year(cash.project_after_tax_usd, step),
        "draw_usd": by_year(loan.draw_usd, step),
        "interest_usd": by_year(loan.interest_usd + loan.fee_usd, step),
        "principal_usd": by_year(loan.principal_usd + loan.prepayment_usd, step),
        "debt_usd": at_year_end(loan.closing_usd, step),
        "reserve_usd": at_year_end(cash.reserve_usd + cash.trapped_usd, step),
        "equity_after_tax_usd": by_year(cash.equity_after_tax_usd, step),
        "depreciation_usd": by_year(flows.book_depreciation_usd, step),
        "tax_depreciation_usd": by_year(flows.tax_depreciation_usd, step),
        "billed_gpu_h": by_year(flows.billed_gpu_h, step),
    }
    borrows = case.project is not None and case.project.debt is not None
    count = parts["revenue_usd"].shape[-1]
    labels = _labels(case, returns, count)
    rows = [(labels[year], *(number(part[year]) for part in parts.values())) for year in range(count)]
    levels = {"debt_usd", "reserve_usd"}
    rows.append(("total", *(None if key in levels else number(np.sum(part)) for key, part in parts.items())))
    shown = {
        "revenue_usd": "Revenue",
        "opex_usd": "Costs",
        "ebitda_usd": "EBITDA",
        "capital_usd": "Capital",
        "tax_usd": "Tax",
        "project_after_tax_usd": "Assets" if borrows else "After tax",
        **({"equity_after_tax_usd": "Owners"} if borrows else {}),
    }
    wide = {"interest_usd": "Interest", "principal_usd": "Principal", "debt_usd": "Debt"} if borrows else {}
    columns = (
        Column("year", "Year", kind="text"),
        *(
            Column(
                key,
                {**shown, **wide}.get(key, key.removesuffix("_usd").replace("_", " ").capitalize()),
                "gpu_h" if key.endswith("gpu_h") else "usd",
                hidden=key not in {**shown, **wide},
                wide=key in wide or (borrows and key == "ebitda_usd"),
            )
            for key in parts
        ),
    )
    caption = "Revenue is cash, with prepayments when they are paid. Assets: as if without debt; owners: after debt."
    if borrows:
        caption += " Tax is the owners', interest deducted."
    caption += _course(cash.project_after_tax_usd, step)
    return Table("cash_flow", "Cash flow by year", columns, tuple(rows), total_count=1, caption=caption)


_LONGEST_LINE = 61  # five years of months and the close


def _course(flow: Array, months_per_period: float) -> str:
    """The flow of the assets as a line, by period where that fits, else by year; nothing where it never moves."""
    by_period = flow.shape[-1] <= _LONGEST_LINE
    values = [float(value) for value in (flow if by_period else by_year(flow, months_per_period))]
    line = sparkline(values)
    if not line:
        return ""
    each = "month" if by_period and months_per_period == 1.0 else "year"
    return f" Assets by {each}, {text(min(values), 'usd')} to {text(max(values), 'usd')}: {line}"


def _months(case: Case, returns: Returns) -> Table:
    """Contracts by month, for JSON and CSV."""
    deal = returns.deal
    parts: dict[str, Array] = {
        "month_h": deal.month_h,
        "revenue_usd": deal.revenue_usd,
        "firm_usd": deal.firm_usd,
        "expected_usd": deal.expected_usd,
        "market_usd": deal.market_usd,
        "passthrough_usd": deal.passthrough_usd,
        "credit_usd": deal.credit_usd,
        "cash_revenue_usd": deal.cash_revenue_usd,
        "deferred_usd": deal.deferred_usd,
        "power_usd": deal.power_usd,
        "operations_usd": deal.operations_usd,
        "billed_gpu_h": np.sum(deal.pool_billed_gpu_h, axis=-2),
    }
    dated = bool(np.any(case.leap_day_count > 0.0))
    rows = tuple(
        (
            month_name(month) if dated else f"month {place + 1}",
            *(number(np.broadcast_to(part, deal.calendar_month.shape)[place]) for part in parts.values()),
        )
        for place, month in enumerate(deal.calendar_month)
    )
    units = {"month_h": "h", "billed_gpu_h": "gpu_h"}
    columns = (
        Column("month", "Month", kind="text"),
        *(Column(key, key.replace("_", " "), units.get(key, "usd")) for key in parts),
    )
    return Table("months", "By month", columns, rows, is_long=True)


def hedge_years(years: HedgeYears | None) -> tuple[Table, ...]:
    """The four ratios of each contract year and over the contract."""
    if years is None:
        return ()
    parts = (years.gross_share, years.contribution_share, years.ebit_share, years.cash_share)
    count = years.loss_usd.shape[-1]
    rows = tuple(
        (
            f"year {year + 1}" if year < count - 1 else "contract",
            number(years.loss_usd[year]),
            *(number(np.broadcast_to(part, years.loss_usd.shape)[year]) for part in parts),
        )
        for year in range(count)
    )
    columns = (
        Column("year", "Year", kind="text"),
        Column("loss_usd", "Loss", "usd"),
        *(Column(f"{kind}_share", kind.upper() if kind == "ebit" else kind.capitalize(), "share") for kind in _KINDS),
    )
    caption = "From the cash flow: ramp, escalators, leap days and the market after the term included."
    return (Table("hedge_by_year", "The hedge by contract year", columns, rows, total_count=1, caption=caption),)


_KINDS = ("gross", "contribution", "ebit", "cash")
