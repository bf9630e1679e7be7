"""What a lender fears: the tenant gives notice, and debt that falls due has to be refinanced.

Times are counted in periods from the start of the first one, and need not be whole: the end of period 0 is 1.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array, per_period, together


def let_again_usd(
    *,
    revenue_usd: ArrayLike,
    market_revenue_usd: ArrayLike,
    given_after_count: ArrayLike,
    notice_count: ArrayLike,
    gap_count: ArrayLike,
) -> Array:
    """Revenue when the tenant gives notice and the fleet is let again at market rates after a gap.

    Parameters
    ----------
    revenue_usd : array_like (..., period)
        Revenue of the lease as long as it runs.
    market_revenue_usd : array_like (..., period)
        Revenue of the fleet at market rates.
    given_after_count : array_like (...)
        Periods after which notice is given: 4 is the end of the fourth; infinite if never.
    notice_count : array_like (...)
        Periods of notice, through which fees run.
    gap_count : array_like (...)
        Periods without a tenant.

    Returns
    -------
    ndarray (..., period)
        Revenue [usd].

    Notes
    -----
    ``revenue_t c(given + notice - t) + market_t c(t + 1 - given - notice - gap)`` with ``c(x) = min(max(x, 0), 1)``,
    the share of period ``t`` on either side

    - Never given: the revenue of the lease.
    - Given at once without notice or gap: the revenue at market rates.
    - An infinite gap: nothing after the notice.
    - Notice that ends within a period: the part of the period before it.
    - Neither a gap nor a change of rate: the revenue of the lease.

    References
    ----------
    Re-letting scenarios of lease-backed lending; fees run through the notice.
    """
    lease, market, given, notice, gap = together(
        revenue_usd,
        market_revenue_usd,
        per_period(given_after_count),
        per_period(notice_count),
        per_period(gap_count),
    )
    start = np.arange(lease.shape[-1])
    stop = given + notice
    return lease * np.clip(stop - start, 0.0, 1.0) + market * np.clip(start + 1.0 - stop - gap, 0.0, 1.0)


def debt_after_firm_term_usd(*, debt_usd: ArrayLike, firm_count: ArrayLike) -> Array:
    """Debt still owed when the firm term ends.

    The period axis is dropped.

    Parameters
    ----------
    debt_usd : array_like (..., period)
        Debt at the end of each period.
    firm_count : array_like (...)
        Whole periods, from the start of the first, whose fees are firm.

    Returns
    -------
    ndarray (...)
        Debt that market revenue or a sale has to repay [usd].

    Notes
    -----
    ``debt_(firm - 1)``

    - A firm term to maturity or longer: 0, if the loan is repaid by then.
    - A firm term of part of a period: it ends with the period before.
    - No firm period: the largest debt, all of which is exposed.

    References
    ----------
    Tenor tests of lease-backed lending.
    """
    debt, firm = together(debt_usd, per_period(firm_count))
    last = debt.shape[-1] - 1
    place = np.clip(np.floor(firm[..., :1]) - 1.0, 0, last).astype(np.intp)
    owed: Array = np.take_along_axis(debt, place, axis=-1)[..., 0]
    return np.where(firm[..., 0] < 1.0, np.max(debt, axis=-1), owed)


def refinancing_gap_usd(
    *, balloon_usd: ArrayLike, value_usd: ArrayLike, advance_rate_share: ArrayLike, carried_usd: ArrayLike
) -> Array:
    """What owners have to pay when a balloon is due and a new loan does not reach.

    Parameters
    ----------
    balloon_usd : array_like (...)
        Principal due at maturity.
    value_usd : array_like (...)
        Value of the assets then.
    advance_rate_share : array_like (...)
        Share of the value that a new lender advances.
    carried_usd : array_like (...)
        Debt that the cash flow after maturity carries, as from ``sculpted_debt_usd``.

    Returns
    -------
    ndarray (...)
        Gap [usd], 0 or more.

    Notes
    -----
    ``max(balloon - min(advance value, carried), 0)``

    - No balloon: 0.
    - Assets worth nothing or no cash flow: all of the balloon.
    - A new loan of at least the balloon: 0.

    References
    ----------
    Refinancing risk of balloon loans.
    """
    loan = np.minimum(as_array(advance_rate_share) * as_array(value_usd), as_array(carried_usd))
    return np.maximum(as_array(balloon_usd) - loan, 0.0)
