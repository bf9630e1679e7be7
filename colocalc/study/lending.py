"""What a lender looks at: cover, loan to value by month, what outlives the lease, and the day the tenant leaves."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, DebtCase
from colocalc.lease import debt, downside, lender, prepayment
from colocalc.lease.termination import NEVER_MONTHS
from colocalc.study.deal import Deal
from colocalc.study.flows import period_of_month, summed, value_usd
from colocalc.study.project import Project

VIEWED = frozenset(
    f"lease.{name}"
    for name in (
        "llcr_factor",
        "plcr_factor",
        "min_firm_dscr_factor",
        "min_downside_dscr_factor",
        "downside_refund_usd",
        "max_loan_to_value_share",
        "firm_tenor_factor",
        "debt_after_firm_term_usd",
        "balloon_usd",
        "refinancing_gap_usd",
    )
)
_SLACK_PERIODS = 1e-6  # what rounding of dates leaves of a whole period


@dataclass(frozen=True, eq=False)
class LenderView:
    """The debt as its lender sees it.

    Attributes
    ----------
    downside_dscr_factor, firm_dscr_factor, llcr_factor, plcr_factor : ndarray (..., period)
        Cover when the tenant leaves, on firm cash, and of the loan's and the project's life.
    month_debt_usd, month_value_usd, loan_to_value_share : ndarray (..., month)
        Debt, the value of the assets, and their ratio at the close and at the end of each month. Where periods are
        years, debt is that of the last year's end until the next.
    downside_refund_usd : ndarray (...)
        What a tenant who leaves has paid ahead and is owed back.
    """

    downside_dscr_factor: Array
    firm_dscr_factor: Array
    llcr_factor: Array
    plcr_factor: Array
    month_debt_usd: Array
    month_value_usd: Array
    loan_to_value_share: Array
    downside_refund_usd: Array


def evaluate_lending(case: Case, deal: Deal, project: Project) -> LenderView | None:
    """The lender's view; None without debt."""
    if case.project is None or case.project.debt is None:
        return None
    flows, loan, months = project.flows, project.loan, project.months_per_period
    cash, owed = flows.revenue_usd - flows.opex_usd, loan.closing_usd
    late, refund = _left_and_refund_usd(case.project.debt, case, deal)
    service = np.where(loan.draw_usd > 0.0, 0.0, loan.service_usd)
    value = value_usd(case.project, flows, months)
    month_debt = owed[..., (np.arange(value.shape[-1]) // months).astype(np.intp)]
    return LenderView(
        downside_dscr_factor=lender.dscr_factor(
            cfads_usd=summed(late, period_of_month(deal, months)) - flows.opex_usd, service_usd=service
        ),
        firm_dscr_factor=lender.dscr_factor(cfads_usd=flows.firm_usd - flows.opex_usd, service_usd=service),
        llcr_factor=lender.llcr_factor(
            cfads_usd=cash, interest_share=loan.interest_share, repaying_share=loan.repaying_share, debt_usd=owed
        ),
        plcr_factor=lender.plcr_factor(cfads_usd=cash, interest_share=loan.interest_share, debt_usd=owed),
        month_debt_usd=month_debt,
        month_value_usd=value,
        loan_to_value_share=lender.loan_to_value_share(debt_usd=month_debt, value_usd=value),
        downside_refund_usd=np.asarray(np.sum(refund, axis=-1)),
    )


def _left_and_refund_usd(terms: DebtCase, case: Case, deal: Deal) -> tuple[Array, Array]:
    """Cash by month when the last tenant to leave gives notice as early as it may, in the month of the downside case.

    What it has paid ahead is owed back when it leaves, which the second result holds. NaN where a contract has no
    notice or the market's rate is not known.
    """
    earliest, notice, gap = (
        np.max(np.stack(np.broadcast_arrays(*(getattr(one, name) for one in case.terms))), axis=0)
        for name in ("earliest_notice_month", "notice_months", "gap_months")
    )
    times = {
        "given_after_count": np.maximum(terms.notice_in_month_count, earliest - deal.calendar_month[0]),
        "notice_count": notice,
    }
    again = downside.let_again_usd(
        revenue_usd=deal.cash_revenue_usd, market_revenue_usd=deal.whole_market_usd, gap_count=gap, **times
    )
    nothing = np.zeros_like(deal.cash_revenue_usd)
    kept = downside.let_again_usd(
        revenue_usd=nothing + 1.0, market_revenue_usd=nothing, gap_count=np.zeros(()), **times
    )
    # What a contract that runs to its end has not credited by then is no refund.
    early = np.any(kept < 1.0, axis=-1, keepdims=True)
    refund = early * prepayment.refund_usd(
        cash_revenue_usd=deal.cash_revenue_usd, revenue_usd=deal.revenue_usd, kept_share=kept
    )
    stays, unpriced = notice >= NEVER_MONTHS, np.isnan(deal.whole_market_usd).any(axis=-1)
    return (
        np.where((unpriced | stays)[..., None], np.nan, again - refund),
        np.where(stays[..., None], np.nan, refund),
    )


def debt_values(case: Case, project: Project) -> Iterator[tuple[str, Array]]:
    """The metrics of the debt that its account has."""
    loan = project.loan
    if case.project is None or case.project.debt is None:
        return
    yield "lease.debt_usd", project.debt_usd
    yield "lease.debt_share", project.debt_usd / np.where(project.capital_usd > 0.0, project.capital_usd, np.nan)
    yield "lease.min_dscr_factor", lender.min_dscr_factor(dscr_factor=loan.dscr_factor)
    yield "lease.mean_dscr_factor", lender.mean_dscr_factor(dscr_factor=loan.dscr_factor)


def lending_values(case: Case, deal: Deal, project: Project, view: LenderView) -> Iterator[tuple[str, Array]]:
    """The metrics of the lender's view."""
    terms, loan = case.project.debt if case.project else None, project.loan
    if terms is None:
        return
    drawn = int(np.flatnonzero(np.any(np.atleast_2d(loan.draw_usd) > 0.0, axis=0)).max(initial=0))
    yield "lease.llcr_factor", view.llcr_factor[..., drawn]
    yield "lease.plcr_factor", view.plcr_factor[..., drawn]
    yield "lease.min_firm_dscr_factor", lender.min_dscr_factor(dscr_factor=view.firm_dscr_factor)
    yield "lease.min_downside_dscr_factor", lender.min_dscr_factor(dscr_factor=view.downside_dscr_factor)
    yield "lease.downside_refund_usd", view.downside_refund_usd
    # A fleet that is worth nothing in the end owes nothing then either.
    secured = np.where(view.month_debt_usd > 0.0, view.loan_to_value_share, 0.0)
    yield "lease.max_loan_to_value_share", np.asarray(np.max(secured, axis=-1))
    yield (
        "lease.firm_tenor_factor",
        lender.firm_tenor_factor(firm_months=deal.firm_months, tenor_months=terms.tenor_months),
    )
    firm_periods = deal.firm_months / project.months_per_period + _SLACK_PERIODS
    yield (
        "lease.debt_after_firm_term_usd",
        # The close is the first of the periods, and firm.
        downside.debt_after_firm_term_usd(debt_usd=loan.closing_usd, firm_count=1.0 + firm_periods),
    )
    balloon = np.sum(loan.balloon_usd, axis=-1)
    yield "lease.balloon_usd", balloon
    yield "lease.refinancing_gap_usd", np.where(balloon > 0.0, _refinancing_gap_usd(terms, project), 0.0)


def _refinancing_gap_usd(terms: DebtCase, project: Project) -> Array:
    """What a new loan on the terms of the old one lacks at maturity, on the cash and the assets of that time."""
    loan = project.loan
    to_come = np.cumsum(loan.repaying_share[..., ::-1], axis=-1)[..., ::-1]
    last = loan.repaying_share * (to_come == 1.0)
    later = (np.cumsum(last, axis=-1) - last > 0.0).astype(np.float64)
    is_free = np.isnan(terms.advance_rate_share)
    return downside.refinancing_gap_usd(
        balloon_usd=np.sum(loan.balloon_usd, axis=-1),
        # Without an advance rate there is no such limit, and no loan is above what cash just repays.
        value_usd=np.where(is_free, np.inf, np.sum(last * project.flows.value_usd, axis=-1)),
        advance_rate_share=np.where(is_free, 1.0, terms.advance_rate_share),
        carried_usd=debt.sculpted_debt_usd(
            firm_cfads_usd=loan.counted_usd,
            interest_share=loan.interest_share,
            repaying_share=later,
            target_dscr_factor=np.where(np.isnan(terms.target_dscr_factor), 1.0, terms.target_dscr_factor),
            cap_usd=np.inf,
        ),
    )
