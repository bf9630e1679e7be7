"""Is a fleet worth more training, or leased? What a delivered PFLOP-hour costs, and what it could be bought for.

A PFLOP-hour is an hour of 1e15 useful model FLOP/s; *delivered* means after MFU, so that a fleet that trains badly buys
dear compute from itself. Rates and peaks are of the whole fleet or of one pool, whatever comes in.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import HOURS_PER_YEAR


def cost_usd_per_pflop_h(*, cost_usd_per_yr: ArrayLike, peak_pflop_per_s: ArrayLike, mfu_share: ArrayLike) -> Array:
    """Price of a delivered PFLOP-hour: forgone rent or owning cost over what training delivers in a year.

    Parameters
    ----------
    cost_usd_per_yr : array_like (...)
        Rent given up, or the cost of owning, in a year.
    peak_pflop_per_s : array_like (...)
        Dense peak of the GPUs.
    mfu_share : array_like (...)
        Share of that peak that becomes useful training.

    Returns
    -------
    ndarray (...)
        Cost of a delivered PFLOP-hour [usd_per_pflop_h].

    Notes
    -----
    ``cost / (8760 * peak * MFU)``

    - No cost: 0.
    - Half the MFU: twice the cost.
    - Nothing delivered (no peak or an MFU of 0): undefined (NaN).

    References
    ----------
    Arithmetic, over a billing year of 8,760 hours; MFU as in Chowdhery et al. 2022 (PaLM), appendix B.
    """
    delivered = as_array(peak_pflop_per_s) * as_array(mfu_share) * HOURS_PER_YEAR
    return as_array(cost_usd_per_yr) / np.where(delivered > 0.0, delivered, np.nan)


def market_price_usd_per_pflop_h(
    *, rate_usd_per_gpu_h: ArrayLike, peak_pflop_per_s: ArrayLike, mfu_share: ArrayLike
) -> Array:
    """Price of a delivered PFLOP-hour bought elsewhere: a reference GPU at a rate, and the MFU it reaches.

    Parameters
    ----------
    rate_usd_per_gpu_h : array_like (...)
        Rent of one reference GPU.
    peak_pflop_per_s : array_like (...)
        Dense peak of one reference GPU, at the precision of what is trained.
    mfu_share : array_like (...)
        MFU that is reached there.

    Returns
    -------
    ndarray (...)
        Price of a delivered PFLOP-hour [usd_per_pflop_h].

    Notes
    -----
    ``rate / (peak * MFU)``

    - A rate of 0: 0.
    - Nothing delivered (no peak or an MFU of 0): undefined (NaN).

    References
    ----------
    Arithmetic.
    """
    delivered = as_array(peak_pflop_per_s) * as_array(mfu_share)
    return as_array(rate_usd_per_gpu_h) / np.where(delivered > 0.0, delivered, np.nan)


def training_value_usd_per_yr(
    *, peak_pflop_per_s: ArrayLike, mfu_share: ArrayLike, price_usd_per_pflop_h: ArrayLike
) -> Array:
    """What the delivered training compute of a year would cost to buy.

    Parameters
    ----------
    peak_pflop_per_s : array_like (...)
        Dense peak of the GPUs.
    mfu_share : array_like (...)
        Share of that peak that becomes useful training.
    price_usd_per_pflop_h : array_like (...)
        Market price of a delivered PFLOP-hour.

    Returns
    -------
    ndarray (...)
        Market value of a year's training [usd_per_yr].

    Notes
    -----
    ``8760 * peak * MFU * price``

    - No peak, an MFU of 0 or a price of 0: 0.

    References
    ----------
    Replacement cost: a thing is worth at most what its like can be bought for.
    """
    delivered = as_array(peak_pflop_per_s) * as_array(mfu_share) * HOURS_PER_YEAR
    return delivered * as_array(price_usd_per_pflop_h)


def lease_premium_factor(*, revenue_usd_per_yr: ArrayLike, value_usd_per_yr: ArrayLike) -> Array:
    """How many times over the lease pays for the training that it displaces.

    Parameters
    ----------
    revenue_usd_per_yr : array_like (...)
        Lease revenue of a year.
    value_usd_per_yr : array_like (...)
        Market value of the training that the same GPUs would deliver.

    Returns
    -------
    ndarray (...)
        Above 1 the lease brings more, below 1 training is worth more [factor].

    Notes
    -----
    ``revenue / value``

    - No revenue: 0.
    - Training worth nothing: undefined (NaN).

    References
    ----------
    Opportunity cost.
    """
    value = as_array(value_usd_per_yr)
    return as_array(revenue_usd_per_yr) / np.where(value > 0.0, value, np.nan)


def indifference_mfu_share(
    *, revenue_usd_per_yr: ArrayLike, peak_pflop_per_s: ArrayLike, price_usd_per_pflop_h: ArrayLike
) -> Array:
    """MFU at which training is worth what the lease brings.

    Parameters
    ----------
    revenue_usd_per_yr : array_like (...)
        Lease revenue of a year.
    peak_pflop_per_s : array_like (...)
        Dense peak of the leased GPUs.
    price_usd_per_pflop_h : array_like (...)
        Market price of a delivered PFLOP-hour.

    Returns
    -------
    ndarray (...)
        The MFU; above 1 no training is worth the lease [share].

    Notes
    -----
    ``revenue / (8760 * peak * price)``

    - At this MFU ``lease_premium_factor`` is 1.
    - No revenue: 0, any training is worth more.
    - No peak or a price of 0: undefined (NaN).

    References
    ----------
    Opportunity cost.
    """
    whole = as_array(peak_pflop_per_s) * as_array(price_usd_per_pflop_h) * HOURS_PER_YEAR
    return as_array(revenue_usd_per_yr) / np.where(whole > 0.0, whole, np.nan)


def indifference_rate_usd_per_gpu_h(*, value_usd_per_yr: ArrayLike, billed_gpu_h_per_yr: ArrayLike) -> Array:
    """Rate per billed GPU-hour at which the lease brings what training is worth.

    Parameters
    ----------
    value_usd_per_yr : array_like (...)
        Market value of a year's training.
    billed_gpu_h_per_yr : array_like (...)
        GPU-hours billed in a year.

    Returns
    -------
    ndarray (...)
        The rate; above it the lease pays [usd_per_gpu_h].

    Notes
    -----
    ``value / billed hours``

    - At this rate ``lease_premium_factor`` is 1.
    - Training worth nothing: 0, any rate is better.
    - Nothing billed: undefined (NaN).

    References
    ----------
    Opportunity cost.
    """
    hours = as_array(billed_gpu_h_per_yr)
    return as_array(value_usd_per_yr) / np.where(hours > 0.0, hours, np.nan)


def annuity_usd_per_yr(
    *, capital_usd: ArrayLike, residual_share: ArrayLike, discount_share: ArrayLike, life_yr: ArrayLike
) -> Array:
    """Even yearly cost of a thing that is bought, used and sold: interest and loss of value together.

    Parameters
    ----------
    capital_usd : array_like (...)
        What it costs.
    residual_share : array_like (...)
        What it is sold for at the end, over that.
    discount_share : array_like (...)
        What capital earns in a year, 0 or above.
    life_yr : array_like (...)
        Years of use, above 0.

    Returns
    -------
    ndarray (...)
        Cost of a year, paid at its end [usd_per_yr].

    Notes
    -----
    ``C (1 - R (1 + r)^-n) r / (1 - (1 + r)^-n)``

    - No discount rate: C (1 - R) / n, straight-line depreciation.
    - Sold for what it cost: the interest r C.
    - A year of use and nothing left: C (1 + r).

    References
    ----------
    The capital recovery factor of engineering economics.
    """
    capital, rate, life = as_array(capital_usd), as_array(discount_share), as_array(life_yr)
    residual = as_array(residual_share)
    log_growth = np.log1p(rate)
    lost = -np.expm1(-life * log_growth)  # 1 - (1 + r)^-n, exact for a small r
    recovery = np.where(rate > 0.0, rate / np.where(rate > 0.0, lost, 1.0), 1.0 / life)
    return capital * (1.0 - residual * (1.0 - lost)) * recovery


def split_value_usd_per_yr(
    *, value_usd_per_yr: ArrayLike, revenue_usd_per_yr: ArrayLike, trained_share: ArrayLike
) -> Array:
    """What a fleet brings for each way to split its pools between training and leasing; the pool axis is dropped.

    Parameters
    ----------
    value_usd_per_yr : array_like (..., split)
        Market value of the training of the pools that train in a split.
    revenue_usd_per_yr : array_like (..., pool)
        Lease revenue of each pool.
    trained_share : array_like (..., split, pool)
        1 where a pool trains, 0 where it is leased.

    Returns
    -------
    ndarray (..., split)
        Training and rent of a year together [usd_per_yr].

    Notes
    -----
    ``value_s + sum_p (1 - t_sp) revenue_p``

    - Nothing trains: the revenue of all pools.
    - All train: the value of training on all of them.
    - A split that cannot be trained (a value of NaN): undefined (NaN).

    References
    ----------
    Arithmetic; which split is best is found by trying each of them.
    """
    leased = 1.0 - as_array(trained_share)
    rent: Array = np.sum(leased * as_array(revenue_usd_per_yr)[..., None, :], axis=-1)
    return as_array(value_usd_per_yr) + rent
