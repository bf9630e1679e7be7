"""Contracts by value, the cash flow by year and month, returns, the lender's view, and the hedge by year."""

from collections.abc import Iterator

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, DebtCase
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import metric_table, number
from colocalc.study.evaluate import Result
from colocalc.study.flows import at_year_end, by_year
from colocalc.study.lending import LenderView
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
_LENDER = (
    "lease.debt_usd",
    "lease.debt_share",
    "lease.min_dscr_factor",
    "lease.mean_dscr_factor",
    "lease.min_firm_dscr_factor",
    "lease.min_downside_dscr_factor",
    "lease.downside_refund_usd",
    "lease.llcr_factor",
    "lease.plcr_factor",
    "lease.max_loan_to_value_share",
    "lease.firm_tenor_factor",
    "lease.debt_after_firm_term_usd",
    "lease.balloon_usd",
    "lease.refinancing_gap_usd",
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
            found += [
                metric_table("lender", "The lender's view", _LENDER, result, caption=_LENDER_CAPTION),
                _cover(returns.lender, project),
                _loan_to_value(case, returns, returns.lender),
            ]
    return (*found, _months(case, returns))


_VALUE_CAPTION = (
    "Not discounted, but for the capitalised value. Firm: what survives a notice given as early as it may be. "
    "Expected: each month's fees times the probability that the contract still runs then."
)
_LENDER_CAPTION = (
    "DSCR: cash before tax over interest, fees and principal. Firm: fees that survive a notice, alone. Downside: the "
    "tenant gives notice, is owed back what it has paid ahead, and the fleet is let again at the market's rate after a "
    "gap. Loan to value is by month in JSON and CSV."
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
    return ["close", *(f"from {_month(first + MONTHS_PER_YEAR * year)}" for year in range(count - 1))]


def _month(calendar_month: float) -> str:
    return f"{int(calendar_month // MONTHS_PER_YEAR):04d}-{int(calendar_month % MONTHS_PER_YEAR) + 1:02d}"


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
    return Table("cash_flow", "Cash flow by year", columns, tuple(rows), total_count=1, caption=caption)


def _cover(view: LenderView, project: Project) -> Table:
    """Cover and loan to value at the end of each year that has debt service."""
    step, loan, flows = project.months_per_period, project.loan, project.flows
    asked = (loan.service_usd > 0.0) & (loan.draw_usd == 0.0)  # no cover is asked for while debt is drawn

    def due_in(flow: Array) -> Array:
        return by_year(np.where(asked, flow, 0.0), step)

    service, cash = due_in(loan.service_usd), due_in(flows.revenue_usd - flows.opex_usd)
    firm = due_in(flows.firm_usd - flows.opex_usd)
    late = view.downside_dscr_factor
    again = due_in(np.nan_to_num(late) * loan.service_usd)
    known = not bool(np.all(np.isnan(late)))
    levels = [
        at_year_end(loan.closing_usd, step),
        at_year_end(view.loan_to_value_share, 1.0),
        *(at_year_end(each, step) for each in (view.llcr_factor, view.plcr_factor)),
    ]
    rows = []
    for year in range(1, service.shape[-1]):
        due = service[year]
        ratios = [
            part[year] / due if due > 0.0 else np.nan for part in (cash, firm, again if known else again * np.nan)
        ]
        rows.append((f"year {year}", number(due), *map(number, ratios), *(number(level[year]) for level in levels)))
    columns = (
        Column("year", "Year", kind="text"),
        Column("service_usd", "Debt service", "usd"),
        Column("dscr_factor", "DSCR", "factor"),
        Column("firm_dscr_factor", "Firm", "factor"),
        Column("downside_dscr_factor", "Downside", "factor"),
        Column("debt_usd", "Debt at end", "usd"),
        Column("loan_to_value_share", "Loan to value", "share"),
        Column("llcr_factor", "LLCR", "factor", wide=True),
        Column("plcr_factor", "PLCR", "factor", wide=True),
    )
    return Table("cover", "Cover of the debt by year", columns, tuple(rows))


def _loan_to_value(case: Case, returns: Returns, view: LenderView) -> Table:
    """Debt against the residual value, at the close and month by month, for JSON and CSV."""
    first = float(returns.deal.calendar_month[0])
    dated = bool(np.any(case.leap_day_count > 0.0))
    rows = tuple(
        (
            "close" if not place else _month(first + place - 1.0) if dated else f"month {place}",
            *(number(part[place]) for part in (view.month_debt_usd, view.month_value_usd, view.loan_to_value_share)),
        )
        for place in range(view.loan_to_value_share.shape[-1])
    )
    columns = (
        Column("month", "Month", kind="text"),
        Column("debt_usd", "Debt", "usd"),
        Column("value_usd", "Value", "usd"),
        Column("loan_to_value_share", "Loan to value", "share"),
    )
    caption = "Value: what is bought and built by then, along its residual value. Yearly debt stays until a year ends."
    return Table("loan_to_value", "Loan to value by month", columns, rows, is_long=True, caption=caption)


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
            _month(month) if dated else f"month {place + 1}",
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


def warnings(case: Case, returns: Returns | None) -> tuple[Note, ...]:
    """What a lender or an owner would be told first."""
    return tuple(Note(sentence, "warning") for sentence in _warned(case, returns))


def _warned(case: Case, returns: Returns | None) -> Iterator[str]:
    project = returns.project if returns else None
    if project is None or case.project is None:
        return
    if bool(np.any(project.debt_usd > project.capital_usd)):
        yield "debt is above capital, so that owners have nothing at stake: give debt.advance_rate_share"
    if case.project.debt is not None and bool(np.any(case.project.debt.balloon_share > 0.0)):
        balloon = text(number(project.debt_usd * case.project.debt.balloon_share), "usd")
        yield f"a balloon of {balloon} is due at maturity: it is no part of debt service, so that no cover sees it"
    if bool(np.any(project.loan.closing_usd[..., -1] > 1.0)):
        owed = text(number(project.loan.closing_usd[..., -1]), "usd")
        yield f"debt of {owed} is still owed when the contracts end"
    if returns and returns.lender and bool(np.any(returns.lender.downside_refund_usd > 1.0)):
        owed = text(number(returns.lender.downside_refund_usd), "usd")
        yield (
            f"a tenant who gives notice is owed back {owed} that it has paid ahead: "
            "no cover counts it unless debt service falls due in that month"
        )
    if case.project.debt is not None:
        yield from _unsculpted(case.project.debt, project)
    if bool(np.any(project.loan.dscr_factor < 1.0)):
        yield "cash does not cover debt service in every period: owners pay the rest in"


def _unsculpted(terms: DebtCase, project: Project) -> Iterator[str]:
    """Where interest alone is above what the target leaves for debt service: as in the first part of a month."""
    loan, target = project.loan, number(terms.target_dscr_factor)
    if terms.repayment != "sculpted" or target is None:
        return
    lacking = (loan.repaying_share > 0.0) & (loan.principal_usd == 0.0) & (loan.interest_usd > 0.0)
    short = lacking & (loan.counted_usd < target * (1.0 - 1e-9) * loan.service_usd)
    if bool(np.any(short)):
        first = int(np.flatnonzero(short)[0])
        step = "month" if project.months_per_period == 1.0 else "year"
        count = int(np.sum(short))
        times = f"{step} {first}" if count == 1 else f"{count} periods, the first of them {step} {first},"
        cover = text(float(loan.counted_usd[first] / loan.service_usd[first]), "factor")
        yield (
            f"in {times} interest alone is above what cash carries at the target DSCR of {text(target, 'factor')}: "
            f"no principal is paid, and the cover is {cover}"
        )
