"""What a contract is worth when it may be left on notice: headline, firm and expected value.

A probability here is that of *giving* notice. Fees run on through the notice, so the contract ends a notice later.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.months import NOTHING_MONTHS, SLACK_MONTHS

NEVER_MONTHS = 1e6  # a notice so long that nobody sees its end; differences of infinities are none


def firm_share(
    *,
    calendar_month: ArrayLike,
    start_month: ArrayLike,
    end_month: ArrayLike,
    earliest_notice_month: ArrayLike,
    notice_months: ArrayLike,
) -> Array:
    """Share of each month's fees that is paid even if notice is given as early as it may be.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    start_month : array_like (...)
        Instant at which the contract starts.
    end_month : array_like (...)
        Instant at which it is over without notice.
    earliest_notice_month : array_like (...)
        First instant at which notice may be given: the start, the end of an initial period, or today.
    notice_months : array_like (...)
        Time between notice and end; infinite without such a clause.

    Returns
    -------
    ndarray (..., month)
        Share of the fees of the part of the month under contract [share].

    Notes
    -----
    ``max(0, min(b, earliest + notice) - a) / (b - a)`` of the part of the month from ``a`` to ``b`` under contract.

    - No right to leave: 1 throughout.
    - 3 months of notice from the start: the first 3 months; after an initial period of 3 months: 6.
    - No notice to be kept, from the start on: 0 throughout.
    - A month outside the contract: 0.

    References
    ----------
    Termination for convenience; the fees that survive it are the non-cancellable term of IFRS 16, paragraph B35.
    """
    since, until = _under_contract(calendar_month, start_month, end_month)
    last = (as_array(earliest_notice_month) + as_array(notice_months))[..., None]
    kept: Array = np.minimum(until, last) - since
    np.maximum(kept, 0.0, out=kept)
    return kept / np.maximum(until - since, NOTHING_MONTHS)


def alive_share(
    *,
    calendar_month: ArrayLike,
    start_month: ArrayLike,
    end_month: ArrayLike,
    earliest_notice_month: ArrayLike,
    notice_months: ArrayLike,
    notice_share: ArrayLike,
) -> Array:
    """Probability that the contract still runs and is paid in each month.

    Notice may be given at the end of every month of the contract, from the earliest instant on.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    start_month : array_like (...)
        Instant at which the contract starts.
    end_month : array_like (...)
        Instant at which it is over without notice.
    earliest_notice_month : array_like (...)
        First instant at which notice may be given.
    notice_months : array_like (...)
        Time between notice and end; infinite without such a clause.
    notice_share : array_like (...)
        Probability of giving notice, each time it may be given.

    Returns
    -------
    ndarray (..., month)
        Mean probability over the part of the month under contract [share].

    Notes
    -----
    ``(1 - p)^c``, where ``c = max(0, floor(t - start - notice) - max(ceil(earliest - start), 1) + 1)`` is the number of
    times at which notice would have ended the contract by the instant ``t``.

    - Nobody ever gives notice, or may: 1 to the end.
    - 90 days of notice, given from the end of the first month on: the first 4 months are certain.
    - Notice at the first time for certain, after an initial period: ``firm_share``.
    - From the end on: 0; before the start as in the first month.

    References
    ----------
    A geometric waiting time, as in the reduced-form models of default, shifted by the notice.
    """
    since, until = _under_contract(calendar_month, start_month, end_month)
    start = as_array(start_month)[..., None]
    waited = np.ceil(as_array(earliest_notice_month)[..., None] - start - SLACK_MONTHS)
    first = np.minimum(as_array(notice_months)[..., None], NEVER_MONTHS) + np.maximum(waited, 1.0)
    late, times = _times(since, until, start + first)
    leaves = as_array(notice_share)[..., None]
    alive = np.power(1.0 - leaves, times) * (1.0 - leaves * late)
    return np.where(as_array(calendar_month) < as_array(end_month)[..., None], alive, 0.0)


def _times(since: Array, until: Array, first: Array) -> tuple[Array, Array]:
    """How often notice would have ended the contract by each month, and the part of it after the next such time."""
    # Continuous where a time falls on the first of a month, so that no rounding of instants can shift it; up to a month
    # before the first time nothing is behind it.
    times = np.maximum(since - first, -1.0)
    width = until - since
    late = times + width
    np.floor(times, out=times)
    times += 1.0
    late = np.maximum(late - times, 0.0) / np.maximum(width, NOTHING_MONTHS)
    return late, times


def _under_contract(calendar_month: ArrayLike, start_month: ArrayLike, end_month: ArrayLike) -> tuple[Array, Array]:
    # First and last instant of each month under contract; they are in reverse where there is none.
    month = as_array(calendar_month)
    since = np.maximum(month, as_array(start_month)[..., None])
    return since, np.minimum(month + 1.0, as_array(end_month)[..., None])
