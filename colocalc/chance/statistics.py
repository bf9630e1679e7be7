"""What many trials say of a number, and how far they can be trusted to."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

_SIDES = 2.0


def mean_error(*, values: ArrayLike) -> Array:
    """Standard error of the mean of trials; drops the trial axis.

    Parameters
    ----------
    values : array_like (..., trial)
        Independent trials.

    Returns
    -------
    ndarray (...)
        Standard error, in the unit of the values.

    Notes
    -----
    ``s / sqrt(n)``, with ``s^2 = sum (x - mean)^2 / (n - 1)``

    - One trial: undefined (NaN).
    - All alike: 0.

    References
    ----------
    P. Glasserman, Monte Carlo Methods in Financial Engineering (2004), section 1.1.
    """
    trials = as_array(values)
    count = trials.shape[-1]
    return np.asarray(deviation(values=trials) / np.sqrt(count))


def deviation(*, values: ArrayLike) -> Array:
    """Standard deviation of trials; drops the trial axis.

    Parameters
    ----------
    values : array_like (..., trial)
        Independent trials.

    Returns
    -------
    ndarray (...)
        Standard deviation, in the unit of the values.

    Notes
    -----
    ``sqrt(sum (x - mean)^2 / (n - 1))``, after the largest value was divided out, so that squares stay finite.

    - One trial: undefined (NaN).
    - All alike: 0.

    References
    ----------
    Bessel's correction.
    """
    trials = as_array(values)
    count = trials.shape[-1]
    if count < _SIDES:
        return np.full(trials.shape[:-1], np.nan)
    size = np.max(np.abs(trials), axis=-1, keepdims=True)
    scaled = trials / np.where(size > 0.0, size, 1.0)
    return np.asarray(size[..., 0] * np.std(scaled, axis=-1, ddof=1))


def quantiles(*, values: ArrayLike, probability_share: ArrayLike) -> tuple[Array, Array]:
    """Quantiles of trials, each with its standard error; the trial axis becomes that of the probabilities.

    Parameters
    ----------
    values : array_like (..., trial)
        Independent trials.
    probability_share : array_like (quantile,)
        Shares of trials below, between 0 and 1.

    Returns
    -------
    tuple of ndarray (..., quantile)
        The quantiles and their standard errors, in the unit of the values.

    Notes
    -----
    Linear between order statistics. The error is half of what lies between the quantiles at
    ``p +- sqrt(p (1 - p) / n)``, which needs no density.

    - One trial: that value, with an error of 0 that says nothing.
    - All alike: that value, without error.
    - 0 and 1: the least and the greatest, whose error is not known this way (0).

    References
    ----------
    H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1; R. J. Hyndman and Y. Fan, Sample quantiles in
    statistical packages (1996), definition 7.
    """
    trials, share = as_array(values), as_array(probability_share)
    reach = np.sqrt(share * (1.0 - share) / trials.shape[-1])
    at = np.stack([share, np.clip(share - reach, 0.0, 1.0), np.clip(share + reach, 0.0, 1.0)])
    found = np.moveaxis(np.quantile(trials, at, axis=-1), (0, 1), (-2, -1))
    return found[..., 0, :], (found[..., 2, :] - found[..., 1, :]) / _SIDES


def bin_edges(*, values: ArrayLike, least_count: int, most_count: int) -> Array:
    """Edges of the bins of a histogram.

    Parameters
    ----------
    values : array_like (trial,)
        Trials, at least one, all finite.
    least_count, most_count : int
        Fewest and most bins.

    Returns
    -------
    ndarray (edge,)
        Ascending, from the least to the greatest value; all inner bins are of one width.

    Notes
    -----
    Width ``2 IQR / n^(1/3)`` over the middle 99% of the trials; the outer bins take what lies beyond.

    - All alike: one bin of no width.
    - An IQR of 0: the most bins.

    References
    ----------
    D. Freedman and P. Diaconis, On the histogram as a density estimator: L2 theory (1981).
    """
    trials = as_array(values)
    least, low, first, third, high, most = np.quantile(trials, [0.0, 0.005, 0.25, 0.75, 0.995, 1.0])
    if not most > least:
        return np.asarray([least, most])
    if not high > low:  # nearly all trials are alike
        low, high = least, most
    width = 2.0 * (third - first) / np.cbrt(trials.shape[-1])
    count = float(np.ceil((high - low) / width)) if width > 0.0 else np.inf
    edges = np.linspace(low, high, int(np.clip(count, least_count, most_count)) + 1)
    edges[0], edges[-1] = least, most
    return edges


def rank_correlation_share(*, one: ArrayLike, other: ArrayLike) -> Array:
    """How far two numbers rise and fall together over trials, in a straight line or not; drops the trial axis.

    Parameters
    ----------
    one, other : array_like (trial,)
        Trials of both.

    Returns
    -------
    ndarray ()
        Correlation of their ranks, -1 to 1 [share].

    Notes
    -----
    Pearson's correlation of the ranks, equal values sharing the mean of theirs.

    - One rises whenever the other does: 1. One falls: -1.
    - Either is the same in all trials, or there are none: 0, because nothing moves with it.

    References
    ----------
    C. Spearman, The proof and measurement of association between two things (1904).
    """
    ranks = [_ranks(as_array(each)) for each in (one, other)]
    first, second = (rank - (rank.size + 1.0) / _SIDES for rank in ranks)
    size = np.sqrt(np.sum(first**2) * np.sum(second**2))
    return np.asarray(np.sum(first * second) / size if size > 0.0 else 0.0)


def _ranks(values: Array) -> Array:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / _SIDES)[place])
