"""Prices in time: from dated points, and a contract whose rate follows them at its repricings."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.months import SLACK_MONTHS


def point_rate_usd_per_gpu_h(*, point_usd_per_gpu_h: ArrayLike, point_month: ArrayLike, at_month: ArrayLike) -> Array:
    """The price at instants between dated prices; drops the axis of the points.

    Parameters
    ----------
    point_usd_per_gpu_h : array_like (..., point)
        Prices, the earliest first.
    point_month : array_like (..., point)
        Calendar months since the year 0 of each, rising.
    at_month : array_like (..., month)
        Instants asked for.

    Returns
    -------
    ndarray (..., month)
        Price [usd_per_gpu_h].

    Notes
    -----
    ``p_1 + sum_k (p_{k+1} - p_k) clip((m - t_k) / (t_{k+1} - t_k), 0, 1)``

    - At a point: its price; half way between two: their mean.
    - Before the first: the first; after the last: the last.
    - One point: that price throughout.

    References
    ----------
    Linear interpolation between quotes.
    """
    price, instant = as_array(point_usd_per_gpu_h), as_array(point_month)
    at = as_array(at_month)[..., None, :]
    span = np.diff(instant, axis=-1)[..., None]
    way = np.clip((at - instant[..., :-1, None]) / np.where(span > 0.0, span, 1.0), 0.0, 1.0)
    found: Array = price[..., :1] + np.sum(np.diff(price, axis=-1)[..., None] * way, axis=-2)
    return found


def repricing_month(*, calendar_month: ArrayLike, start_month: ArrayLike, repricing_months: ArrayLike) -> Array:
    """The last instant before or at the beginning of each month at which a contract was repriced.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    start_month : array_like (...)
        Instant at which the contract starts.
    repricing_months : array_like (...)
        Time from one repricing to the next.

    Returns
    -------
    ndarray (..., month)
        Calendar months since the year 0 [month].

    Notes
    -----
    ``start + e floor((m - start) / e)``

    - Before the first repricing, and before the start: the start.
    - A month that begins with a repricing: that instant.

    References
    ----------
    Arithmetic.
    """
    start, every = as_array(start_month)[..., None], as_array(repricing_months)[..., None]
    passed = np.floor((as_array(calendar_month) - start + SLACK_MONTHS) / every)
    return start + every * np.maximum(passed, 0.0)


def repriced_rate_usd_per_gpu_h(
    *,
    rate_usd_per_gpu_h: ArrayLike,
    start_price_usd_per_gpu_h: ArrayLike,
    last_price_usd_per_gpu_h: ArrayLike,
    next_price_usd_per_gpu_h: ArrayLike,
    calendar_month: ArrayLike,
    next_month: ArrayLike,
) -> Array:
    """The rate of a contract that moves with a price at each repricing.

    Parameters
    ----------
    rate_usd_per_gpu_h : array_like (...)
        Rate at the start.
    start_price_usd_per_gpu_h : array_like (...)
        The price at the start.
    last_price_usd_per_gpu_h : array_like (..., month)
        The price at the last repricing before each month.
    next_price_usd_per_gpu_h : array_like (..., month)
        The price at the next.
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    next_month : array_like (..., month)
        Instant of that next repricing.

    Returns
    -------
    ndarray (..., month)
        Mean rate of the month [usd_per_gpu_h].

    Notes
    -----
    ``r (P_last (1 - late) + P_next late) / P_start``, with ``late`` the share of the month behind the next repricing

    - A price that does not move: the rate at the start.
    - A rate below the price at the start keeps its distance in percent.
    - A repricing in the middle of a month: half of the step.
    - A price of 0 at the start: undefined (NaN).

    References
    ----------
    An index clause: the rate follows the price it names.
    """
    late = np.clip(as_array(calendar_month) + 1.0 - as_array(next_month), 0.0, 1.0)
    late = np.where(late > SLACK_MONTHS, late, 0.0)
    moved = as_array(last_price_usd_per_gpu_h) * (1.0 - late) + as_array(next_price_usd_per_gpu_h) * late
    first = as_array(start_price_usd_per_gpu_h)
    factor = as_array(rate_usd_per_gpu_h) / np.where(first == 0.0, np.nan, first)
    return factor[..., None] * moved
