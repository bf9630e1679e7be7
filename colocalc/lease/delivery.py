"""GPU-hours of a contract: delivered by a ramp, available to the tenant, committed, and sold beyond that.

Utilization enters once: hours are available, of them some are sold, and what is billed is the larger of sold and owed.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def ramped_gpu_count(
    *,
    gpu_count: ArrayLike,
    calendar_month: ArrayLike,
    delivery_month: ArrayLike,
    ramp_months: ArrayLike,
    end_month: ArrayLike,
) -> Array:
    """GPUs under the contract in each month, delivered evenly over a ramp.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs once all are delivered.
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    delivery_month : array_like (..., pool)
        Instant at which delivery begins.
    ramp_months : array_like (..., pool)
        Time until all are delivered; 0 for all at once.
    end_month : array_like (...)
        Instant at which the contract is over.

    Returns
    -------
    ndarray (..., pool, month)
        GPUs, the mean over the calendar month [count].

    Notes
    -----
    ``n (D(min(m + 1, end)) - D(min(m, end)))``, where ``D(t) = x + max(R - x, 0)^2 / 2 R`` with
    ``x = max(t - delivery, 0)`` is, but for a constant, the integral of the delivered share.

    - No ramp: all GPUs from the delivery on.
    - A month that holds the delivery or the end: the share of its days.
    - After the end, and without GPUs: 0.
    - All over a ramp, the GPUs delivered come to half of those of a delivery at once.

    References
    ----------
    Arithmetic; deliveries of a cluster are spread over weeks or months.
    """
    month, end = as_array(calendar_month)[..., None, :], as_array(end_month)[..., None, None]
    first, ramp = as_array(delivery_month)[..., None], as_array(ramp_months)[..., None]
    until, since = (np.maximum(np.minimum(edge, end) - first, 0.0) for edge in (month + 1.0, month))
    return as_array(gpu_count)[..., None] * (_delivered_months(until, ramp) - _delivered_months(since, ramp))


def _delivered_months(elapsed: Array, ramp: Array) -> Array:
    left = np.maximum(ramp - elapsed, 0.0)
    return elapsed + left * left / np.where(ramp > 0.0, 2.0 * ramp, 1.0)


def stepped_gpu_count(
    *, step_gpu_count: ArrayLike, step_month: ArrayLike, calendar_month: ArrayLike, end_month: ArrayLike
) -> Array:
    """GPUs under the contract in each month, delivered in steps; sums over steps.

    Parameters
    ----------
    step_gpu_count : array_like (..., pool, step)
        GPUs that each delivery adds; negative where some are handed back.
    step_month : array_like (..., pool, step)
        Instant of each delivery, in any order.
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    end_month : array_like (...)
        Instant at which the contract is over.

    Returns
    -------
    ndarray (..., pool, month)
        GPUs, the mean over the calendar month [count].

    Notes
    -----
    ``sum_s n_s max(0, min(m + 1, end) - max(m, step_s))``

    - One step: a delivery at once.
    - A step that adds nothing changes nothing.
    - After the end: 0.

    References
    ----------
    Arithmetic.
    """
    month = as_array(calendar_month)[..., None, None, :]
    until = np.minimum(month + 1.0, as_array(end_month)[..., None, None, None])
    share = np.maximum(until - np.maximum(month, as_array(step_month)[..., None]), 0.0)
    total: Array = np.sum(as_array(step_gpu_count)[..., None] * share, axis=-2)
    return total


def available_gpu_h(*, delivered_gpu_count: ArrayLike, month_h: ArrayLike, available_share: ArrayLike) -> Array:
    """GPU-hours that the tenant can use, used or not.

    Parameters
    ----------
    delivered_gpu_count : array_like (..., pool, month)
        GPUs under the contract, the mean over the month.
    month_h : array_like (..., month)
        Hours of the month.
    available_share : array_like (..., pool)
        Share of GPUs offered: less spares and those in repair.

    Returns
    -------
    ndarray (..., pool, month)
        Hours available [gpu_h].

    Notes
    -----
    ``n h a``

    - All offered: the GPUs times the hours.
    - No GPUs, or none offered: 0.

    References
    ----------
    Arithmetic.
    """
    hours = as_array(month_h)[..., None, :] * as_array(available_share)[..., None]
    return as_array(delivered_gpu_count) * hours


def committed_gpu_h(*, available_gpu_h: ArrayLike, take_or_pay_share: ArrayLike) -> Array:
    """GPU-hours that are owed, used or not.

    Parameters
    ----------
    available_gpu_h : array_like (..., pool, month)
        Hours available.
    take_or_pay_share : array_like (..., pool)
        Share of hours owed in any case; 0 without such a clause.

    Returns
    -------
    ndarray (..., pool, month)
        Hours owed [gpu_h].

    Notes
    -----
    ``H owed``; what is sold does not enter.

    - All owed: the hours available.
    - Nothing owed: 0.

    References
    ----------
    The take-or-pay clause of capacity contracts.
    """
    return as_array(available_gpu_h) * as_array(take_or_pay_share)[..., None]


def uncommitted_gpu_h(*, available_gpu_h: ArrayLike, sold_share: ArrayLike, take_or_pay_share: ArrayLike) -> Array:
    """GPU-hours sold beyond those owed.

    Parameters
    ----------
    available_gpu_h : array_like (..., pool, month)
        Hours available.
    sold_share : array_like (..., pool, month)
        Share of hours used.
    take_or_pay_share : array_like (..., pool)
        Share of hours owed in any case; 0 without such a clause.

    Returns
    -------
    ndarray (..., pool, month)
        Hours sold beyond those owed [gpu_h].

    Notes
    -----
    ``H max(sold - owed, 0)``; with the hours owed they are ``H max(sold, owed)``, the hours billed.

    - Nothing owed: the hours sold.
    - Sold as much as owed, or less: 0.

    References
    ----------
    The take-or-pay clause of capacity contracts.
    """
    beyond = as_array(sold_share) - as_array(take_or_pay_share)[..., None]
    return as_array(available_gpu_h) * np.maximum(beyond, 0.0)
