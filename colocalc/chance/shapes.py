"""Numbers between a low and a high: a uniform or a normal draw becomes a draw of the number.

Each shape is a monotone map of a standard draw, so that draws that move together give numbers that do.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

# Wichura's rational approximations of the normal quantile, highest power first: near the middle, and in the tail by
# the root of minus the logarithm of the probability, up to 5 and beyond.
_MIDDLE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_NEAR_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip
_HALF_WIDTH = 0.425  # of the middle
_FAR_FROM = 5.0


def normal_quantile_factor(*, probability_share: ArrayLike) -> Array:
    """The standard normal that a probability lies below.

    Parameters
    ----------
    probability_share : array_like (...)
        Probability, above 0 and below 1.

    Returns
    -------
    ndarray (...)
        Standard deviations from the mean [factor], to 16 digits.

    Notes
    -----
    The inverse of ``(1 + erf(z / sqrt 2)) / 2`` by ratios of polynomials of degree 7.

    - A half: 0.
    - ``p`` and ``1 - p``: of one size, with opposite signs.
    - 0 or 1: minus or plus infinity.

    References
    ----------
    M. J. Wichura, Algorithm AS 241: The percentage points of the normal distribution, Applied Statistics 37 (1988).
    """
    share = as_array(probability_share)
    centre = share - 0.5
    inner = np.abs(centre) <= _HALF_WIDTH
    middle = centre * _ratio(_MIDDLE, _HALF_WIDTH**2 - np.where(inner, centre, 0.0) ** 2)
    tail = np.minimum(share, 1.0 - share)
    depth = np.sqrt(-np.log(np.where(tail > 0.0, tail, 1.0)))
    near, far = _ratio(_NEAR_TAIL, depth - 1.6), _ratio(_FAR_TAIL, depth - _FAR_FROM)
    outer = np.where(tail > 0.0, np.where(depth <= _FAR_FROM, near, far), np.inf)
    return np.where(inner, middle, np.sign(centre) * outer)


def _ratio(of: tuple[tuple[float, ...], tuple[float, ...]], value: Array) -> Array:
    above, below = (np.polyval(np.asarray(part), value) for part in of)
    return np.asarray(above / below)


def triangular(*, low: ArrayLike, value: ArrayLike, high: ArrayLike, uniform_share: ArrayLike) -> Array:
    """A number that is never outside its range and most often at its value.

    Parameters
    ----------
    low, value, high : array_like (...)
        The ends and the peak, ``low <= value <= high``.
    uniform_share : array_like (...)
        A draw, evenly between 0 and 1.

    Returns
    -------
    ndarray (...)
        The number, in the unit of its ends.

    Notes
    -----
    The quantile of the triangle: ``low + sqrt(u (high - low) (value - low))`` up to
    ``u = (value - low) / (high - low)``, ``high - sqrt((1 - u) (high - low) (high - value))`` above it.

    - Mean ``(low + value + high) / 3``; it is not the value where the range is lopsided.
    - Variance ``(l^2 + v^2 + h^2 - l v - l h - v h) / 18``.
    - A range of no width: the value.
    - The value at an end: a right triangle.

    References
    ----------
    D. Johnson, The triangular distribution as a proxy for the beta distribution in risk analysis, The Statistician 46
    (1997).
    """
    least, peak, most, draw = (as_array(each) for each in (low, value, high, uniform_share))
    width = most - least
    turn = (peak - least) / np.where(width > 0.0, width, 1.0)
    rising = least + np.sqrt(draw * width * (peak - least))
    falling = most - np.sqrt((1.0 - draw) * width * (most - peak))
    return np.clip(np.where(draw < turn, rising, falling), least, most)


def split_lognormal(
    *, low: ArrayLike, value: ArrayLike, high: ArrayLike, tail_share: ArrayLike, normal_factor: ArrayLike
) -> Array:
    """A positive number with its value as the median, and its low and high as quantiles.

    Parameters
    ----------
    low, value, high : array_like (...)
        Two quantiles and the median, ``0 < low <= value <= high``.
    tail_share : array_like (...)
        Probability below the low, and above the high; above 0 and below a half.
    normal_factor : array_like (...)
        A standard normal draw.

    Returns
    -------
    ndarray (...)
        The number, in the unit of its value.

    Notes
    -----
    ``value (high / value)^(z / q)`` for ``z > 0`` and ``value (value / low)^(z / q)`` below, with
    ``q = -quantile(tail)``: a lognormal on each side of the median, each with a width of its own.

    - ``z = 0``: the value. ``z = q``: the high. ``z = -q``: the low.
    - ``high / value = value / low``: a lognormal.
    - No low of its own (``low = value``): half of all draws are the value, none is below it.
    - A range of no width: the value.

    References
    ----------
    T. W. Keelin and B. W. Powley, Quantile-parameterized distributions, Decision Analysis 8 (2011).
    """
    least, median, most, draw = (as_array(each) for each in (low, value, high, normal_factor))
    width = -normal_quantile_factor(probability_share=tail_share)
    below, above = (np.log(end / median) / width for end in (least, most))
    return np.asarray(median * np.exp(np.where(draw < 0.0, -below, above) * draw))


def correlated_factor(*, normal_factor: ArrayLike, loading_factor: ArrayLike) -> Array:
    """Standard normals that move together, out of as many that do not.

    Parameters
    ----------
    normal_factor : array_like (..., gpu)
        Independent standard normal draws.
    loading_factor : array_like (..., gpu, gpu)
        From ``loading_factor``: how much of each draw goes into each number.

    Returns
    -------
    ndarray (..., gpu)
        Standard normals [factor] with the correlation of the loadings.

    Notes
    -----
    ``y_i = sum_j L_ij z_j``

    - Loadings of 1 on the diagonal and 0 beside it: the draws themselves.

    References
    ----------
    P. Glasserman, Monte Carlo Methods in Financial Engineering (2004), section 2.3.3: the Gaussian copula is these
    normals, each put through the quantile of its own number.
    """
    draws = as_array(normal_factor)
    return np.asarray(np.sum(as_array(loading_factor) * draws[..., None, :], axis=-1))


def loading_factor(*, correlation_share: ArrayLike) -> Array:
    """Lower triangle L with ``L L' = C``: how much of each independent draw goes into each number.

    Parameters
    ----------
    correlation_share : array_like (..., gpu, gpu)
        Correlations, symmetric, 1 on the diagonal, positive semidefinite.

    Returns
    -------
    ndarray (..., gpu, gpu)
        Loadings [factor]; NaN where no numbers can move together so.

    Notes
    -----
    Cholesky's, column by column; a column that nothing is left for is 0.

    - No correlation: 1 on the diagonal.
    - A correlation of 1 throughout: all numbers have the first draw.
    - Correlations that contradict each other: undefined (NaN).

    References
    ----------
    G. H. Golub and C. F. Van Loan, Matrix Computations, section 4.2.8: semidefinite matrices.
    """
    matrix = as_array(correlation_share)
    found = np.zeros_like(matrix)
    fits = np.ones(matrix.shape[:-2], dtype=np.bool_)
    for column in range(matrix.shape[-1]):
        known = found[..., column, :column]
        left = matrix[..., column:, column] - np.sum(found[..., column:, :column] * known[..., None, :], axis=-1)
        pivot = left[..., :1]
        is_left = pivot > _NOTHING_LEFT
        part = np.where(is_left, left / np.sqrt(np.where(is_left, pivot, 1.0)), 0.0)
        found[..., column:, column] = part
        fits &= np.all(is_left | (np.abs(left) <= _NOTHING_LEFT), axis=-1)
    return np.where(fits[..., None, None], found, np.nan)


_NOTHING_LEFT = 1e-9  # of a variance of 1: rounding
