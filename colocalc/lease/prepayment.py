"""A prepayment: cash at signing, credited against later revenue, and counted once.

Revenue recognised does not change. Cash is revenue, plus the prepayment when it is paid, less the credits; what is paid
and not yet credited is a liability.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def prepayment_credit_usd(*, revenue_usd: ArrayLike, prepayment_usd: ArrayLike, unwind_share: ArrayLike) -> Array:
    """The part of each month's revenue that is paid out of the prepayment.

    Parameters
    ----------
    revenue_usd : array_like (..., month)
        Revenue recognised, not negative.
    prepayment_usd : array_like (...)
        Amount paid ahead.
    unwind_share : array_like (..., month)
        Share of the month's revenue against which it may be credited: 1 in the stated months, 0 elsewhere.

    Returns
    -------
    ndarray (..., month)
        Credit [usd].

    Notes
    -----
    ``c_m = r_m u_m min(P, S) / S`` with ``S = sum(r u)``: in proportion to the revenue of the stated months.

    - The credits sum to the prepayment, and none is above the revenue of its month.
    - A prepayment above the revenue of the stated months: all of that revenue; the rest stays owed.
    - No prepayment, or no revenue in the stated months: 0.

    References
    ----------
    Contract liabilities are recognised as the service is transferred: IFRS 15, paragraph 106; ASC 606-10-45-2.
    """
    eligible = as_array(revenue_usd) * as_array(unwind_share)
    total = np.sum(eligible, axis=-1, keepdims=True)
    share: Array = np.minimum(as_array(prepayment_usd)[..., None], total) / np.where(total > 0.0, total, 1.0)
    return eligible * share


def cash_revenue_usd(
    *,
    revenue_usd: ArrayLike,
    credit_usd: ArrayLike,
    prepayment_usd: ArrayLike,
    signing_month: ArrayLike,
    calendar_month: ArrayLike,
) -> Array:
    """Cash from the tenant by month.

    Parameters
    ----------
    revenue_usd : array_like (..., month)
        Revenue recognised.
    credit_usd : array_like (..., month)
        Part of it paid out of the prepayment.
    prepayment_usd : array_like (...)
        Amount paid ahead.
    signing_month : array_like (...)
        Instant at which it is paid.
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.

    Returns
    -------
    ndarray (..., month)
        Cash received [usd].

    Notes
    -----
    ``r_m - c_m + P [m = floor(signing)]``

    - Credits that sum to the prepayment: cash and revenue have one sum.
    - No prepayment: the revenue.
    - A signing in a month that is not among these: the prepayment is no cash of these months.

    References
    ----------
    The indirect method of a cash-flow statement.
    """
    paid = as_array(calendar_month) == np.floor(as_array(signing_month))[..., None]
    return as_array(revenue_usd) - as_array(credit_usd) + np.where(paid, as_array(prepayment_usd)[..., None], 0.0)


def prepaid_cash_usd(
    *,
    revenue_usd: ArrayLike,
    prepayment_usd: ArrayLike,
    prepayment_share: ArrayLike,
    unwind_share: ArrayLike,
    signing_month: ArrayLike,
    calendar_month: ArrayLike,
) -> Array:
    """Cash from the tenant by month, from what is agreed to be paid ahead.

    Parameters
    ----------
    revenue_usd : array_like (..., month)
        Revenue recognised, not negative.
    prepayment_usd : array_like (...)
        Amount paid ahead.
    prepayment_share : array_like (...)
        Share of all revenue that is paid ahead besides.
    unwind_share : array_like (..., month)
        As for ``prepayment_credit_usd``.
    signing_month : array_like (...)
        As for ``cash_revenue_usd``.
    calendar_month : array_like (..., month)
        As for ``cash_revenue_usd``.

    Returns
    -------
    ndarray (..., month)
        Cash received [usd].

    Notes
    -----
    ``cash_revenue_usd`` of ``P = amount + share sum(r)``

    - Neither an amount nor a share: the revenue.
    - A share alone: in proportion to the price, as the revenue is.

    References
    ----------
    As ``cash_revenue_usd``.
    """
    ahead: Array = as_array(prepayment_usd) + as_array(prepayment_share) * np.sum(as_array(revenue_usd), axis=-1)
    return cash_revenue_usd(
        revenue_usd=revenue_usd,
        credit_usd=prepayment_credit_usd(revenue_usd=revenue_usd, prepayment_usd=ahead, unwind_share=unwind_share),
        prepayment_usd=ahead,
        signing_month=signing_month,
        calendar_month=calendar_month,
    )


def refund_usd(*, cash_revenue_usd: ArrayLike, revenue_usd: ArrayLike, kept_share: ArrayLike) -> Array:
    """What is owed back, in the month in which a lease ends before its time: paid, and not yet earned.

    Parameters
    ----------
    cash_revenue_usd : array_like (..., month)
        Cash received if the lease ran on.
    revenue_usd : array_like (..., month)
        Revenue recognised if the lease ran on.
    kept_share : array_like (..., month)
        Share of each month for which the lease still runs: 1, then part of a month, then 0.

    Returns
    -------
    ndarray (..., month)
        Refund [usd], in the last month that is kept in part or in whole.

    Notes
    -----
    ``sum_m k_m (cash_m - revenue_m)``: deferred revenue when the lease ends

    - No prepayment: 0.
    - Cash received until then less the refund: the revenue until then.
    - All that was paid ahead is credited by then: 0.
    - No month kept: 0, since nothing was paid.

    References
    ----------
    A contract liability is owed back where the service is not rendered: IFRS 15, paragraph 106.
    """
    kept = as_array(kept_share)
    owed: Array = np.sum(kept * (as_array(cash_revenue_usd) - as_array(revenue_usd)), axis=-1, keepdims=True)
    return owed * last_kept_share(kept_share=kept)


def last_kept_share(*, kept_share: ArrayLike) -> Array:
    """Where a lease ends: 1 in the last month that is kept in part or in whole, else 0.

    Parameters
    ----------
    kept_share : array_like (..., month)
        Share of each month for which the lease still runs.

    Returns
    -------
    ndarray (..., month)
        1 in one month, 0 in the others [share].

    Notes
    -----
    ``k_m > 0`` and ``k_j = 0`` for all ``j > m``

    - No month kept: 0 throughout.
    - All months kept: 1 in the last.

    References
    ----------
    Arithmetic.
    """
    started = as_array(kept_share) > 0.0
    return as_array(started & (np.cumsum(started[..., ::-1], axis=-1)[..., ::-1] == 1))


def deferred_revenue_usd(*, cash_revenue_usd: ArrayLike, revenue_usd: ArrayLike) -> Array:
    """What the tenant has paid and not yet received, at the end of each month.

    Parameters
    ----------
    cash_revenue_usd : array_like (..., month)
        Cash received.
    revenue_usd : array_like (..., month)
        Revenue recognised.

    Returns
    -------
    ndarray (..., month)
        Liability to the tenant [usd].

    Notes
    -----
    ``sum_{j <= m} (cash_j - revenue_j)``

    - Cash as earned: 0.
    - After the last credit of a prepayment that is used up: 0.

    References
    ----------
    Deferred revenue of the balance sheet.
    """
    balance: Array = as_array(cash_revenue_usd) - as_array(revenue_usd)
    return np.cumsum(balance, axis=-1, out=balance)
