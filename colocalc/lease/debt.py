"""What is borrowed, and how it is repaid, period by period.

The period axis is last and its length is the caller's: months or years, as long as interest is that of a period.
Period 0 may be the close, when nothing is owed yet. Debt is drawn and repaid at the end of a period, so a draw bears
interest from the next period on. Outside the repaying periods interest is paid as it accrues.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array, before, floored_sum, per_period, together

_DUST_SHARE = 1e-12  # of the largest debt


@dataclass(frozen=True, eq=False)
class Schedule:
    """The account of a loan, each ``(..., period)``.

    Attributes
    ----------
    opening_usd, draw_usd, principal_usd, prepayment_usd, closing_usd : ndarray
        Debt before the period, what is drawn and repaid, as scheduled and besides, and debt after it [usd].
    interest_usd, fee_usd : ndarray
        Interest on the opening debt, and the fee on what is committed and not drawn [usd].
    dscr_factor : ndarray
        Cash available over interest, fee and scheduled principal [factor]; NaN where nothing is due or debt is drawn.
    """

    opening_usd: Array
    draw_usd: Array
    interest_usd: Array
    fee_usd: Array
    principal_usd: Array
    prepayment_usd: Array
    closing_usd: Array
    dscr_factor: Array

    @property
    def service_usd(self) -> Array:
        """What is due in each period: interest, fee and scheduled principal."""
        return self.interest_usd + self.fee_usd + self.principal_usd


def _discount(interest: Array, repaying: Array) -> Array:
    return as_array(1.0 / np.cumprod(1.0 + interest * repaying, axis=-1))


def _from_here(flow: Array) -> Array:
    # The sum of each period and of all after it.
    return np.cumsum(flow[..., ::-1], axis=-1)[..., ::-1]


def sculpted_debt_usd(
    *,
    firm_cfads_usd: ArrayLike,
    interest_share: ArrayLike,
    repaying_share: ArrayLike,
    target_dscr_factor: ArrayLike,
    cap_usd: ArrayLike,
) -> Array:
    """Debt that cash flow repays at a target DSCR, up to a cap.

    The period axis is dropped. Without a cap a rich cash flow borrows more than the assets cost, which leaves owners
    with nothing at stake and no return to compute; an advance rate times the cost is the usual cap.

    Parameters
    ----------
    firm_cfads_usd : array_like (..., period)
        Cash available for debt service, before tax, that lenders count on; below 0 it counts as 0.
    interest_share : array_like (..., period)
        Interest of each period.
    repaying_share : array_like (..., period)
        1 in the periods in which debt is repaid, else 0.
    target_dscr_factor : array_like (...)
        Cash over debt service in each repaying period, above 0.
    cap_usd : array_like (...)
        Most that is lent, for instance advance rate times cost; infinite without a cap.

    Returns
    -------
    ndarray (...)
        Debt before the first repaying period [usd].

    Notes
    -----
    ``min(cap, sum_t max(CFADS_t, 0) / DSCR / prod_(s<=t) (1 + i_s))`` over repaying periods

    - No cap (infinite): the debt that cash flow carries, above cost if it may.
    - A cap below that: the cap.
    - No interest: cash flow of the repaying periods over the DSCR.
    - No repaying periods or no cash: 0.
    - Twice the DSCR: half the debt.

    References
    ----------
    Yescombe, Principles of Project Finance (2014), on cover ratios; NREL PySAM Singleowner 7.1.1; NREL/SAM issue 534,
    which gave SAM its maximum debt fraction.
    """
    repaying = as_array(repaying_share)
    cash = np.maximum(as_array(firm_cfads_usd), 0.0) * repaying
    carried: Array = np.sum(cash * _discount(as_array(interest_share), repaying), axis=-1)
    return np.minimum(as_array(cap_usd), carried / as_array(target_dscr_factor))


def _profile_principal(weight: Array, interest: Array, repaying: Array, debt: Array, balloon: Array) -> Array:
    # Service in proportion to a weight repays the debt but for a balloon.
    discount = _discount(interest, repaying)
    final = debt * balloon * discount[..., -1:]
    carried = np.sum(weight * repaying * discount, axis=-1, keepdims=True)
    level = np.where(debt == final, 0.0, (debt - final) / np.where(carried == 0.0, np.nan, carried))
    ahead = _from_here(level * weight * repaying * discount) + final
    # What is left is taken from one sum throughout, so that principal is exactly 0 where nothing is repaid. It never
    # grows: where interest alone is above the service that the weight allows, interest is paid and no principal.
    worth = np.concatenate([ahead[..., 1:], np.broadcast_to(final, ahead[..., :1].shape)], axis=-1) / discount
    left = np.minimum.accumulate(np.concatenate([ahead[..., :1], worth], axis=-1), axis=-1)
    return left[..., :-1] - left[..., 1:]


def sculpted_principal_usd(
    *, debt_usd: ArrayLike, firm_cfads_usd: ArrayLike, interest_share: ArrayLike, repaying_share: ArrayLike
) -> Array:
    """Principal when debt service follows cash flow, so that the DSCR is the same in every repaying period.

    Parameters
    ----------
    debt_usd : array_like (...)
        Debt before the first repaying period.
    firm_cfads_usd : array_like (..., period)
        Cash available for debt service that service follows; below 0 it counts as 0.
    interest_share : array_like (..., period)
        Interest of each period.
    repaying_share : array_like (..., period)
        1 in the periods in which debt is repaid, else 0.

    Returns
    -------
    ndarray (..., period)
        Principal due [usd], 0 or more.

    Notes
    -----
    ``service_t = CFADS_t * debt / sum_s (CFADS_s / prod_(u<=s) (1 + i_u))``; principal is service less interest

    - Debt from ``sculpted_debt_usd``, uncapped: the DSCR is its target in every repaying period.
    - Debt capped at a share of that: the DSCR is its target over that share.
    - Level cash flow: an annuity.
    - Interest above that service: no principal, and a DSCR below the target; debt never grows.
    - No debt: 0.
    - Debt, and no cash in the repaying periods: undefined (NaN).

    References
    ----------
    Yescombe, Principles of Project Finance (2014), on cover ratios; NREL PySAM Singleowner 7.1.1, ``cf_debt_size``.
    """
    cash = np.maximum(as_array(firm_cfads_usd), 0.0)
    interest, repaying = together(interest_share, repaying_share)
    return _profile_principal(cash, interest, repaying, per_period(debt_usd), np.zeros(1))


def annuity_principal_usd(
    *, debt_usd: ArrayLike, interest_share: ArrayLike, repaying_share: ArrayLike, balloon_share: ArrayLike
) -> Array:
    """Principal when interest and principal together are level and leave a balloon, which ``balloon_usd`` states.

    Parameters
    ----------
    debt_usd : array_like (...)
        Debt before the first repaying period.
    interest_share : array_like (..., period)
        Interest of each period.
    repaying_share : array_like (..., period)
        1 in the periods in which debt is repaid, else 0.
    balloon_share : array_like (...)
        Share of the debt that the parts leave.

    Returns
    -------
    ndarray (..., period)
        Principal due [usd], without the balloon.

    Notes
    -----
    ``service = (debt - balloon d_T) / sum_t d_t`` with ``d_t = prod_(s<=t) 1 / (1 + i_s)``

    - No interest: debt less balloon in equal parts.
    - A balloon of 1: interest only.
    - One repaying period: debt less balloon then.
    - No debt: 0.
    - Debt, and no repaying period: undefined (NaN).

    References
    ----------
    Level-payment loan; PMT of spreadsheets with a future value.
    """
    interest, repaying = together(interest_share, repaying_share)
    return _profile_principal(np.ones(1), interest, repaying, per_period(debt_usd), per_period(balloon_share))


def straight_principal_usd(*, debt_usd: ArrayLike, repaying_share: ArrayLike, balloon_share: ArrayLike) -> Array:
    """Principal in equal parts that leave a balloon, which ``balloon_usd`` states.

    Parameters
    ----------
    debt_usd : array_like (...)
        Debt before the first repaying period.
    repaying_share : array_like (..., period)
        1 in the periods in which debt is repaid, else 0.
    balloon_share : array_like (...)
        Share of the debt that the parts leave.

    Returns
    -------
    ndarray (..., period)
        Principal due [usd], without the balloon.

    Notes
    -----
    ``(debt - balloon) / n`` in each of ``n`` repaying periods

    - A balloon of 1: interest only.
    - One repaying period: debt less balloon then.
    - No repaying period: undefined (NaN).

    References
    ----------
    Straight-line amortisation, also called equal principal.
    """
    repaying = as_array(repaying_share)
    debt, balloon = per_period(debt_usd), per_period(balloon_share)
    parts = np.sum(repaying, axis=-1, keepdims=True)
    level = debt * (1.0 - balloon) / np.where(parts == 0.0, np.nan, parts)
    return level * repaying


def balloon_usd(*, debt_usd: ArrayLike, repaying_share: ArrayLike, balloon_share: ArrayLike) -> Array:
    """Principal due at once at maturity, usually from a new loan and not from cash flow.

    It goes with what is prepaid: no part of debt service, so neither a DSCR nor a reserve sees it.

    Parameters
    ----------
    debt_usd : array_like (...)
        Debt before the first repaying period.
    repaying_share : array_like (..., period)
        1 in the periods in which debt is repaid, else 0.
    balloon_share : array_like (...)
        Share of the debt that is due in the last of them.

    Returns
    -------
    ndarray (..., period)
        Balloon [usd], in one period.

    Notes
    -----
    ``balloon debt`` in the last repaying period

    - No balloon: 0.
    - No repaying period: 0, and the debt is never due.

    References
    ----------
    Balloon and bullet loans.
    """
    repaying = as_array(repaying_share)
    last = np.where(_from_here(repaying) == repaying, repaying, 0.0)
    return last * per_period(debt_usd) * per_period(balloon_share)


def debt_schedule(
    *,
    draw_usd: ArrayLike,
    principal_usd: ArrayLike,
    prepayment_usd: ArrayLike,
    interest_share: ArrayLike,
    commitment_usd: ArrayLike,
    commitment_fee_share: ArrayLike,
    drawing_share: ArrayLike,
    cfads_usd: ArrayLike,
) -> Schedule:
    """The account of a loan from its draws and repayments.

    Parameters
    ----------
    draw_usd : array_like (..., period)
        Debt drawn.
    principal_usd : array_like (..., period)
        Principal as scheduled; what is owed no more is not paid.
    prepayment_usd : array_like (..., period)
        Principal besides: swept ahead of schedule, or a balloon. It repays the last instalments first.
    interest_share : array_like (..., period)
        Interest of each period.
    commitment_usd : array_like (...)
        Most that may be drawn; 0 without a fee.
    commitment_fee_share : array_like (..., period)
        Fee of each period on what is committed and not drawn.
    drawing_share : array_like (..., period)
        1 in the periods in which debt may be drawn, else 0.
    cfads_usd : array_like (..., period)
        Cash available for debt service, before tax.

    Returns
    -------
    Schedule (..., period)
        Opening debt, draw, interest, fee, principal, prepayment, closing debt and DSCR.

    Notes
    -----
    ``closing = max(opening + draw - principal - prepayment, 0)``, ``interest = i opening``,
    ``fee = f max(commitment - opening, 0)`` while drawing, ``DSCR = CFADS / (interest + fee + principal)``

    - Nothing due: the DSCR is undefined (NaN), and so while debt is drawn.
    - No interest: service is principal alone.
    - More principal than debt: the debt.
    - A prepayment of all debt: nothing is due afterwards.

    References
    ----------
    Arithmetic; the DSCR of project finance, here before tax so that sizing has no circle.
    """
    draw, principal, prepayment, interest, fee, drawing, cfads, commitment = together(
        draw_usd,
        principal_usd,
        prepayment_usd,
        interest_share,
        commitment_fee_share,
        drawing_share,
        cfads_usd,
        per_period(commitment_usd),
    )
    closing = floored_sum(draw - principal - prepayment)
    # What rounding leaves of a loan that is repaid is no loan: a lock-up or a trigger would see its DSCR.
    closing = np.where(closing <= _DUST_SHARE * np.max(closing, axis=-1, keepdims=True), 0.0, closing)
    opening = before(closing)
    due = np.minimum(principal, opening + draw)
    ahead = np.minimum(prepayment, opening + draw - due)
    charges = (interest * opening, fee * drawing * np.maximum(commitment - opening, 0.0))
    service = charges[0] + charges[1] + due
    ratio = cfads / np.where((service == 0.0) | (draw > 0.0), np.nan, service)
    return Schedule(opening, draw, *charges, due, ahead, closing, ratio)
