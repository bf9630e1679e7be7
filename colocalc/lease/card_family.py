"""The rate cards that share one weighted mean.

A weighted mean is one linear condition on the rates. At 2.60 over 150, 50 and 20 thousand GPUs it reads
``7.5 a + 2.5 b + c = 28.6``: each card on that plane has the mean, and no mean tells which card is meant.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

ROUNDING = 1e-12  # a mean at the very end of what the bands allow is allowed


def condition_factor(*, weight: ArrayLike) -> Array:
    """Coefficients of the rates in the condition that a mean sets, that of the last pool being 1.

    Parameters
    ----------
    weight : array_like (..., pool)
        GPUs, or GPU-hours billed.

    Returns
    -------
    ndarray (..., pool)
        Coefficient of each rate [factor].

    Notes
    -----
    ``w_i / w_last``; the right-hand side is the mean times their sum.

    - The last pool: 1.
    - A last pool of weight 0: undefined (NaN).

    References
    ----------
    Arithmetic.
    """
    w = as_array(weight)
    last = w[..., -1:]
    return w / np.where(last == 0.0, np.nan, last)


def lowest_rate_usd_per_gpu_h(
    *,
    weight: ArrayLike,
    low_usd_per_gpu_h: ArrayLike,
    high_usd_per_gpu_h: ArrayLike,
    mean_rate_usd_per_gpu_h: ArrayLike,
) -> Array:
    """The lowest rate of each pool with which some card has the mean and stays inside all bands.

    Parameters
    ----------
    weight : array_like (..., pool)
        GPUs, or GPU-hours billed.
    low_usd_per_gpu_h : array_like (..., pool)
        Lower end of the band of each rate.
    high_usd_per_gpu_h : array_like (..., pool)
        Upper end of the band of each rate.
    mean_rate_usd_per_gpu_h : array_like (...)
        Weighted mean.

    Returns
    -------
    ndarray (..., pool)
        Lowest rate [usd_per_gpu_h].

    Notes
    -----
    ``max(low_i, (R sum(w) - sum_{j != i}(w_j high_j)) / w_i)``: all others are as high as they may be.

    - One pool: the mean.
    - A pool of weight 0: its whole band.
    - Bands that no card of this mean fits in: undefined (NaN).

    References
    ----------
    The bounds of a variable on the intersection of a hyperplane and a box.
    """
    w, low, high = (as_array(each) for each in (weight, low_usd_per_gpu_h, high_usd_per_gpu_h))
    return np.maximum(low, _rate_left(w, high, low, (low, high), as_array(mean_rate_usd_per_gpu_h)))


def highest_rate_usd_per_gpu_h(
    *,
    weight: ArrayLike,
    low_usd_per_gpu_h: ArrayLike,
    high_usd_per_gpu_h: ArrayLike,
    mean_rate_usd_per_gpu_h: ArrayLike,
) -> Array:
    """The highest rate of each pool with which some card has the mean and stays inside all bands.

    Parameters
    ----------
    weight : array_like (..., pool)
        GPUs, or GPU-hours billed.
    low_usd_per_gpu_h : array_like (..., pool)
        Lower end of the band of each rate.
    high_usd_per_gpu_h : array_like (..., pool)
        Upper end of the band of each rate.
    mean_rate_usd_per_gpu_h : array_like (...)
        Weighted mean.

    Returns
    -------
    ndarray (..., pool)
        Highest rate [usd_per_gpu_h].

    Notes
    -----
    ``min(high_i, (R sum(w) - sum_{j != i}(w_j low_j)) / w_i)``: all others are as low as they may be.

    - One pool: the mean.
    - A pool of weight 0: its whole band.
    - Bands that no card of this mean fits in: undefined (NaN).

    References
    ----------
    The bounds of a variable on the intersection of a hyperplane and a box.
    """
    w, low, high = (as_array(each) for each in (weight, low_usd_per_gpu_h, high_usd_per_gpu_h))
    return np.minimum(high, _rate_left(w, low, high, (low, high), as_array(mean_rate_usd_per_gpu_h)))


def _rate_left(weight: Array, others: Array, own: Array, band: tuple[Array, Array], mean: Array) -> Array:
    """The rate of each pool when the others have those given; its own for weight 0, NaN where no card fits the band."""
    total = np.sum(np.broadcast_to(weight, np.broadcast_shapes(weight.shape, others.shape)), axis=-1)
    least, most = (np.sum(weight * edge, axis=-1) for edge in band)
    wanted = mean * total
    slack = ROUNDING * np.abs(wanted)
    fits = (least <= wanted + slack) & (wanted <= most + slack)
    given = np.sum(weight * others, axis=-1)
    left = np.where(fits, wanted - given, np.nan)[..., None]
    # w r_i = wanted - (given - w others_i); what is left is NaN where no card fits, and so is its product with 0.
    return np.where(weight > 0.0, others + left / np.where(weight > 0.0, weight, 1.0), own + 0.0 * left)
