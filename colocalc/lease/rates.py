"""Lease revenue, and the rates per GPU-hour that revenue, fees and blends imply.

The short parameter names are those of published reference cases, which call these functions by name and by position;
each docstring gives the unit. Quantities are per pool, month or scenario, whatever axes come in.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import HOURS_PER_YEAR, MONTHS_PER_YEAR


def billed_share(*, sold_share: ArrayLike, take_or_pay_share: ArrayLike) -> Array:
    """Share of hours that is paid for, used or not.

    Parameters
    ----------
    sold_share : array_like (..., pool)
        Share of hours used.
    take_or_pay_share : array_like (..., pool)
        Share of hours owed in any case; 0 without such a clause.

    Returns
    -------
    ndarray (..., pool)
        Share of hours billed [share].

    Notes
    -----
    ``max(sold, owed)``

    - Nothing owed: the share sold.
    - All owed: 1.

    References
    ----------
    The take-or-pay clause of capacity contracts.
    """
    return np.maximum(as_array(sold_share), as_array(take_or_pay_share))


def lease_revenue(gpus: ArrayLike, rate: ArrayLike, util: ArrayLike, hours: ArrayLike) -> Array:
    """Revenue from GPUs leased by the hour.

    Parameters
    ----------
    gpus : array_like (...)
        GPUs leased [count].
    rate : array_like (...)
        Price of a GPU-hour [usd_per_gpu_h].
    util : array_like (...)
        Share of hours billed [share].
    hours : array_like (...)
        Hours of the period, 8,760 for a billing year [h].

    Returns
    -------
    ndarray (...)
        Revenue of the period [usd].

    Notes
    -----
    ``gpus * rate * util * hours``

    - No GPUs, a rate of 0 or nothing billed: 0.
    - A leap year of 8,784 hours earns 24 hours more.

    References
    ----------
    Arithmetic.
    """
    billed = as_array(gpus) * as_array(util)
    return billed * as_array(hours) * as_array(rate)


def required_rate(gpus: ArrayLike, target: ArrayLike, util: ArrayLike, hours: ArrayLike) -> Array:
    """Price of a GPU-hour that earns a stated revenue.

    Parameters
    ----------
    gpus : array_like (...)
        GPUs leased [count].
    target : array_like (...)
        Revenue wanted in the period [usd].
    util : array_like (...)
        Share of hours billed [share].
    hours : array_like (...)
        Hours of the period [h].

    Returns
    -------
    ndarray (...)
        Price of a billed GPU-hour [usd_per_gpu_h].

    Notes
    -----
    ``target / (gpus * util * hours)``

    - The inverse of ``lease_revenue``.
    - Nothing billed: undefined (NaN).

    References
    ----------
    Arithmetic.
    """
    billed = as_array(gpus) * as_array(util)
    billed = billed * as_array(hours)
    return as_array(target) / np.where(billed == 0.0, np.nan, billed)


def implied_rate(fee_per_month: ArrayLike, gpus: ArrayLike) -> Array:
    """Price of a GPU-hour that a flat monthly fee comes to.

    Parameters
    ----------
    fee_per_month : array_like (...)
        Flat fee [usd_per_month].
    gpus : array_like (...)
        GPUs it pays for [count].

    Returns
    -------
    ndarray (...)
        Price of a GPU-hour, every hour of the month counted [usd_per_gpu_h].

    Notes
    -----
    ``fee / (gpus * 8760 / 12)``

    - No fee: 0.
    - No GPUs: undefined (NaN).

    References
    ----------
    A month of 730 hours, the mean of a billing year.
    """
    n = as_array(gpus)
    hours = np.where(n == 0.0, np.nan, n) * (HOURS_PER_YEAR / MONTHS_PER_YEAR)
    return as_array(fee_per_month) / hours


def weighted_rate(gpus: ArrayLike, rates: ArrayLike) -> Array:
    """Mean price of a GPU-hour over pools.

    Sums over pools: the pool axis is dropped. Pass billed GPU-hours as weights where pools are not billed alike.

    Parameters
    ----------
    gpus : array_like (..., pool)
        Weights: GPUs [count], or billed GPU-hours [gpu_h_per_yr].
    rates : array_like (..., pool)
        Price of a GPU-hour [usd_per_gpu_h].

    Returns
    -------
    ndarray (...)
        Mean price of a GPU-hour [usd_per_gpu_h].

    Notes
    -----
    ``sum(w_i r_i) / sum(w_i)``

    - One pool, or equal rates: that rate.
    - A pool of weight 0 changes nothing, even if its rate is unknown.
    - No weight at all: undefined (NaN).

    References
    ----------
    Arithmetic.
    """
    weight = as_array(gpus)
    value = np.where(weight == 0.0, 0.0, weight * as_array(rates))
    weight = np.broadcast_to(weight, value.shape)
    total: Array = np.sum(weight, axis=-1)
    income: Array = np.sum(value, axis=-1)
    return income / np.where(total == 0.0, np.nan, total)


def hedge_ratio(revenue: ArrayLike, annual_loss: ArrayLike) -> Array:
    """Share of a loss that an income covers.

    Parameters
    ----------
    revenue : array_like (...)
        Income of a year, gross or after the costs it brings [usd_per_yr].
    annual_loss : array_like (...)
        Loss of a year as a positive number [usd_per_yr].

    Returns
    -------
    ndarray (...)
        Income over loss; above 1 where more than the loss is covered [share].

    Notes
    -----
    ``revenue / loss``

    - Income equal to the loss: 1.
    - No loss (zero or less): undefined (NaN).

    References
    ----------
    Arithmetic.
    """
    loss = as_array(annual_loss)
    return as_array(revenue) / np.where(loss > 0.0, loss, np.nan)


def take_or_pay_floor(
    gpus: ArrayLike, rate: ArrayLike, hours: ArrayLike, take_or_pay_share: ArrayLike, actual_util: ArrayLike
) -> Array:
    """Revenue under a take-or-pay clause: the hours used, or the hours owed if they are more.

    Parameters
    ----------
    gpus : array_like (...)
        GPUs leased [count].
    rate : array_like (...)
        Price of a GPU-hour [usd_per_gpu_h].
    hours : array_like (...)
        Hours of the period [h].
    take_or_pay_share : array_like (...)
        Share of hours owed in any case [share].
    actual_util : array_like (...)
        Share of hours used [share].

    Returns
    -------
    ndarray (...)
        Revenue of the period [usd].

    Notes
    -----
    ``gpus * rate * hours * max(owed, used)``

    - Nothing used: the share owed is still paid.
    - Nothing owed: ``lease_revenue`` of the hours used.

    References
    ----------
    The take-or-pay clause of capacity contracts.
    """
    billed = billed_share(sold_share=actual_util, take_or_pay_share=take_or_pay_share)
    return lease_revenue(gpus, rate, billed, hours)
