"""The lender's view: cover of the debt by year, loan to value by month, and what a lender would be told first."""

from collections.abc import Iterator

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, DebtCase
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import metric_table, month_name, number
from colocalc.study.evaluate import Result
from colocalc.study.flows import at_year_end, by_year
from colocalc.study.lending import LenderView
from colocalc.study.project import Project
from colocalc.study.returns import Returns
from colocalc.units import text

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
_LENDER_CAPTION = (
    "DSCR: cash before tax over interest, fees and principal. Firm: fees that survive a notice, alone. Downside: the "
    "tenant gives notice, is owed back what it has paid ahead, and the fleet is let again at the market's rate after a "
    "gap. Loan to value is by month in JSON and CSV."
)


def tables(case: Case, result: Result, returns: Returns, project: Project, view: LenderView) -> list[Table]:
    """Ratios of the debt, its cover by year, and what secures it by month."""
    return [
        metric_table("lender", "The lender's view", _LENDER, result, caption=_LENDER_CAPTION),
        _cover(view, project),
        _loan_to_value(case, returns, view),
    ]


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
            "close" if not place else month_name(first + place - 1.0) if dated else f"month {place}",
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
