"""The debt of a leased fleet: how much is lent on its cash flow, when it is drawn, and how it is repaid."""

from dataclasses import dataclass, fields

import numpy as np

from colocalc.arrays import Array
from colocalc.case import DebtCase, ProjectCase
from colocalc.lease import debt, draws, sweep
from colocalc.study.flows import Flows
from colocalc.units import MONTHS_PER_YEAR


@dataclass(frozen=True, eq=False)
class Loan(debt.Schedule):
    """The account of the debt with its terms by period, each ``(..., period)``.

    Attributes
    ----------
    interest_share, repaying_share : ndarray
        Interest of each period, and 1 where debt is repaid.
    counted_usd : ndarray
        The cash that lenders count on.
    balloon_usd : ndarray
        What is due at once at maturity, after what has been swept.
    """

    interest_share: Array
    repaying_share: Array
    counted_usd: Array
    balloon_usd: Array


def borrow(project: ProjectCase, flows: Flows, months: float) -> Loan:
    """The loan of a project; zeros without one."""
    terms, periods = project.debt, flows.capital_usd.shape[-1]
    if terms is None:
        nothing = np.zeros_like(flows.capital_usd)
        parts = {part.name: nothing for part in fields(Loan)}
        return Loan(**parts | {"dscr_factor": np.full_like(nothing, np.nan)})
    count = np.arange(periods)
    interest = (terms.interest_share * months / MONTHS_PER_YEAR)[..., None] * np.ones(periods)
    # The close is an instant, in which no fee has accrued yet.
    fee = (terms.commitment_fee_share * months / MONTHS_PER_YEAR)[..., None] * (count > 0)
    drawing, repaying = _drawing_and_repaying(terms, flows, months)
    cfads = (flows.firm_usd if terms.sized_on == "firm" else flows.revenue_usd) - flows.opex_usd
    limit = _limit(terms, flows, interest, repaying, cfads)
    capital = np.sum(flows.capital_usd, axis=-1)
    draw = draws.delayed_draw_usd(
        capital_usd=flows.capital_usd,
        advance_rate_share=limit / np.where(capital > 0.0, capital, np.inf),
        commitment_usd=limit,
        drawing_share=drawing,
        interest_share=interest,
        commitment_fee_share=fee,
    )
    owed = np.sum(draw, axis=-1)
    principal = _principal(terms, owed, cfads, interest, repaying)
    balloon = debt.balloon_usd(debt_usd=owed, repaying_share=repaying, balloon_share=terms.balloon_share)
    swept = _swept(project, terms, flows, draw, principal, interest)
    schedule = debt.debt_schedule(
        draw_usd=draw,
        principal_usd=principal,
        prepayment_usd=balloon + swept,
        interest_share=interest,
        commitment_usd=limit,
        commitment_fee_share=fee,
        drawing_share=drawing,
        cfads_usd=flows.revenue_usd - flows.opex_usd,
    )
    left = np.where(balloon > 0.0, np.maximum(schedule.prepayment_usd - swept, 0.0), 0.0)
    return Loan(**vars(schedule), interest_share=interest, repaying_share=repaying, counted_usd=cfads, balloon_usd=left)


def _drawing_and_repaying(terms: DebtCase, flows: Flows, months: float) -> tuple[Array, Array]:
    """Periods in which debt may be drawn: until all is built; and those after it, to maturity."""
    periods = flows.capital_usd.shape[-1]
    spent = np.any(flows.capital_usd.reshape(-1, periods) > 0.0, axis=0)
    built = int(np.flatnonzero(spent)[-1]) if spent.any() else 0
    count = np.arange(periods)
    due = np.ceil(terms.tenor_months / months - 1e-9)[..., None]
    return (count <= built).astype(np.float64), ((count > built) & (count <= due)).astype(np.float64)


def _swept(
    project: ProjectCase, terms: DebtCase, flows: Flows, draw: Array, principal: Array, interest: Array
) -> Array:
    available = flows.revenue_usd - flows.opex_usd
    return sweep.swept_usd(
        draw_usd=draw,
        principal_usd=principal,
        interest_share=interest,
        cfads_usd=available,
        income_before_interest_usd=available - flows.tax_depreciation_usd + flows.gain_usd,
        tax_rate_share=project.tax_rate_share,
        loss_cap_share=project.tax_loss_cap_share,
        immediate_loss_share=project.immediate_loss_share,
        sweep_share=terms.sweep_share,
        sweep_below_dscr_factor=np.where(
            np.isnan(terms.sweep_below_dscr_factor), np.inf, terms.sweep_below_dscr_factor
        ),
    )


def _limit(terms: DebtCase, flows: Flows, interest: Array, repaying: Array, cfads: Array) -> Array:
    """Most that is lent: what cash flow carries or what is asked for, and never more than the advance."""
    capital = np.sum(flows.capital_usd, axis=-1)
    cap = np.where(np.isnan(terms.advance_rate_share), np.inf, np.nan_to_num(terms.advance_rate_share) * capital)
    if terms.sizing == "amount":
        return np.asarray(np.fmin(terms.amount_usd, cap))
    return debt.sculpted_debt_usd(
        firm_cfads_usd=cfads,
        interest_share=interest,
        repaying_share=repaying,
        target_dscr_factor=terms.target_dscr_factor,
        cap_usd=cap,
    )


def _principal(terms: DebtCase, owed: Array, cfads: Array, interest: Array, repaying: Array) -> Array:
    if terms.repayment == "sculpted":
        return debt.sculpted_principal_usd(
            debt_usd=owed, firm_cfads_usd=cfads, interest_share=interest, repaying_share=repaying
        )
    if terms.repayment == "annuity":
        return debt.annuity_principal_usd(
            debt_usd=owed, interest_share=interest, repaying_share=repaying, balloon_share=terms.balloon_share
        )
    return debt.straight_principal_usd(debt_usd=owed, repaying_share=repaying, balloon_share=terms.balloon_share)
