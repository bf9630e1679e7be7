"""How much longer the slowest of many workers takes than the mean one.

A synchronous step ends when its last worker ends, so its time is the expected maximum of as many random times as there
are workers. Light tails (normal, lognormal) are integrated exactly on a fixed grid; other tails use their quantiles or
a closed form. After David and Nagaraja, *Order Statistics* (3rd ed., 2003), and Gumbel, *Statistics of Extremes*
(1958).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

EULER_GAMMA = float(np.euler_gamma)

# The trapezoid rule converges geometrically here: halving this step changes E[max] by less than 1e-8 up to 1e7 workers.
_NODE_STEP = 0.1
_NODES: Array = np.arange(-80.0, 121.0) * _NODE_STEP

# Where, and how sharply, waiting for the slowest node gives way to waiting for the slowest GPU: fitted to the exact
# integral for 2 to 1e6 nodes of 2 to 72 GPUs.
_PASSAGE_AT = 0.7
_PASSAGE_POWER = 2.5

_LANCZOS_SHIFT = 7.0
_LANCZOS_FIRST = 0.99999999999980993
_LANCZOS: Array = np.array(
    [
        676.5203681218851,
        -1259.1392167224028,
        771.32342877765313,
        -176.61502916214059,
        12.507343278686905,
        -0.13857109526572012,
        9.9843695780195716e-6,
        1.5056327351493116e-7,
    ]
)


def _upper_tail(x: Array) -> Array:
    # phi(x) times the integral of exp(-x t - t^2 / 2) over t > 0, by the double-exponential rule: keeps the far tail.
    step = 0.05
    s = np.arange(-80, 81) * step
    t = np.exp(s - np.exp(-s))
    weight = step * t * (1.0 + np.exp(-s))
    mills: Array = np.exp(-x[:, None] * t - 0.5 * t * t) @ weight
    density: Array = np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
    return density * mills


_TAIL = _upper_tail(np.abs(_NODES))
_LOG_CDF: Array = np.where(_NODES > 0.0, np.log1p(-_TAIL), np.log(_TAIL))
_LOG_PDF: Array = -0.5 * _NODES * _NODES


def _max_weights(count: ArrayLike) -> Array:
    # Probability of each node being the maximum, on a new last axis.
    n = as_array(count)[..., None]
    density = np.exp(_LOG_PDF + (n - 1.0) * _LOG_CDF)
    total: Array = np.sum(density, axis=-1, keepdims=True)
    return density / total


def expected_max_normal(*, count: ArrayLike) -> Array:
    """Expected maximum of independent standard normals.

    The density of the maximum is integrated on a fixed grid, so the result is smooth in ``count``, which need not be
    whole.

    Parameters
    ----------
    count : array_like (...)
        Number of draws, 1 to 1e7.

    Returns
    -------
    ndarray (...)
        Expected maximum [standard deviations].

    Notes
    -----
    ``z_n = integral of x n phi(x) Phi(x)^(n - 1) dx``

    - One draw: 0.
    - Two draws: ``1 / sqrt(pi)``; three: ``3 / (2 sqrt(pi))``.
    - Grows without bound, like ``sqrt(2 ln n)``, and always stays below it.

    References
    ----------
    David and Nagaraja 2003, section 3.1; Harter 1961 for tabulated values.
    """
    # A sum and not a product of matrices, whose rounding depends on the shape.
    z: Array = np.sum(_max_weights(count) * _NODES, axis=-1)
    return z


def expected_max_lognormal(*, count: ArrayLike, sigma_share: ArrayLike) -> Array:
    """Expected maximum of independent lognormals with mean one.

    For times that scatter by multiplication. The same grid as for the normal.

    Parameters
    ----------
    count : array_like (...)
        Number of draws, 1 to 1e7.
    sigma_share : array_like (...)
        Standard deviation of the logarithm, 0 to 3.

    Returns
    -------
    ndarray (...)
        Expected maximum over the mean [factor].

    Notes
    -----
    ``E = integral of exp(sigma x - sigma^2 / 2) n phi(x) Phi(x)^(n - 1) dx``

    - One draw: 1.
    - No scatter: 1.
    - Small scatter: ``1 + sigma z_n``.

    References
    ----------
    David and Nagaraja 2003, section 3.1.
    """
    sigma = as_array(sigma_share)[..., None]
    e: Array = np.sum(_max_weights(count) * np.exp(sigma * _NODES - 0.5 * sigma * sigma), axis=-1)
    return e


def _max_variance(count: ArrayLike) -> Array:
    weights = _max_weights(count)
    mean: Array = np.sum(weights * _NODES, axis=-1)
    variance: Array = np.sum(weights * (_NODES - mean[..., None]) ** 2, axis=-1)
    return variance


def correlated_excess_share(
    *, node_count: ArrayLike, gpu_per_node_count: ArrayLike, node_sigma_share: ArrayLike, gpu_sigma_share: ArrayLike
) -> Array:
    """Expected excess of the slowest GPU's time over the mean when GPUs of one node slow down together.

    Where the nodes scatter most, the job waits for the slowest node: its shared delay plus that of its slowest GPU.
    Where the GPUs scatter most, it waits for the slowest GPU of all, as if all were independent. Between the two the
    result passes smoothly from one to the other; it is within 0.03 of the total scatter of the exact integral for up to
    1e6 nodes of up to 72 GPUs, so within 0.1% of a step at 3% scatter.

    Parameters
    ----------
    node_count : array_like (...)
        Nodes that wait for each other, at least 1.
    gpu_per_node_count : array_like (...)
        GPUs per node, at least 1.
    node_sigma_share : array_like (...)
        Scatter common to the GPUs of a node over the mean time.
    gpu_sigma_share : array_like (...)
        Scatter of a GPU of its own over the mean time.

    Returns
    -------
    ndarray (...)
        Excess over the mean time [share].

    Notes
    -----
    ``E = by_node + weight (by_gpu - by_node)``, with ``by_node = s_gpu z_g + sqrt(s_node^2 + V_g s_gpu^2) z_n``,
    ``by_gpu = sqrt(s_node^2 + s_gpu^2) z_(n g)``, ``z_g`` and ``V_g`` mean and variance of the maximum of ``g``
    standard normals (1.4236 and 0.3729 at 8), and ``weight = 1 / (1 + (x / 0.7)^2.5)`` for
    ``x = s_node^2 (z_(n g)^2 - z_n^2) / (s_gpu^2 z_n^2)``

    - One node: ``s_gpu z_g``.
    - One GPU per node: ``sqrt(s_node^2 + s_gpu^2) z_n``.
    - No scatter of nodes: ``s_gpu z_(n g)``.
    - No scatter of GPUs: ``s_node z_n``.
    - No scatter: 0.
    - Never more than independent GPUs of the same total scatter.

    References
    ----------
    David and Nagaraja 2003, section 3.1; Teichroew 1956 for the variance of the maximum; Slepian 1962 for the bound;
    Derrida 1985 (generalized random energy model) for the two regimes. The passage between them is fitted to the exact
    integral.
    """
    node_sigma = as_array(node_sigma_share)
    gpu_sigma = as_array(gpu_sigma_share)
    nodes = as_array(node_count)
    z_node = expected_max_normal(count=nodes)
    z_all = expected_max_normal(count=nodes * as_array(gpu_per_node_count))
    spread = np.sqrt(node_sigma**2 + _max_variance(gpu_per_node_count) * gpu_sigma**2)
    by_node = gpu_sigma * expected_max_normal(count=gpu_per_node_count) + spread * z_node
    by_gpu = np.hypot(node_sigma, gpu_sigma) * z_all
    ahead = _PASSAGE_AT * (gpu_sigma * z_node) ** 2
    behind = node_sigma**2 * np.maximum(z_all**2 - z_node**2, 0.0)
    total = ahead + behind
    share = np.where(total == 0.0, 0.0, ahead / np.where(total == 0.0, 1.0, total))
    weight = share**_PASSAGE_POWER / (share**_PASSAGE_POWER + (1.0 - share) ** _PASSAGE_POWER)
    excess: Array = by_node + weight * (by_gpu - by_node)
    return excess


def transient_sigma_share(*, sigma_share: ArrayLike, chunk_count: ArrayLike) -> Array:
    """Scatter of a step whose delays are drawn anew for every chunk of work between two barriers.

    Short disturbances average out within a step; persistent ones (silicon, cooling) do not and must not be passed here.

    Parameters
    ----------
    sigma_share : array_like (...)
        Scatter of one chunk over its mean time.
    chunk_count : array_like (...)
        Independent chunks between barriers, above 0.

    Returns
    -------
    ndarray (...)
        Scatter of the step over its mean time [share].

    Notes
    -----
    ``sigma / sqrt(chunks)``

    - One chunk: ``sigma``.
    - Infinitely many chunks: 0.

    References
    ----------
    The variance of a mean of independent values.
    """
    return as_array(sigma_share) / np.sqrt(as_array(chunk_count))


def gumbel_expected_max(*, quantile_far: ArrayLike, quantile_near: ArrayLike) -> Array:
    """Expected maximum of many draws from any distribution with a light tail, from two of its quantiles.

    The maximum tends to a Gumbel distribution whose place and width the quantiles give. Good to 1% above about 100
    draws, not for power-law tails.

    Parameters
    ----------
    quantile_far : array_like (...)
        Quantile at ``1 - 1 / (n e)``, in any unit.
    quantile_near : array_like (...)
        Quantile at ``1 - 1 / n``, in the same unit.

    Returns
    -------
    ndarray (...)
        Expected maximum in the unit of the quantiles.

    Notes
    -----
    ``Q(1 - 1/n) + 0.5772 (Q(1 - 1/(n e)) - Q(1 - 1/n))``

    - Equal quantiles (no scatter): that quantile.
    - Exact for the Gumbel distribution in the limit of many draws.

    References
    ----------
    Gumbel 1958, chapter 5.
    """
    near = as_array(quantile_near)
    return near + EULER_GAMMA * (as_array(quantile_far) - near)


def _log_gamma_growth(x: Array, step: Array) -> Array:
    """``log(Gamma(x + step) / Gamma(x))``, term by term: of large numbers the two logarithms have no digits left."""
    base = x + _LANCZOS_SHIFT - 0.5
    stirling = (x - 0.5) * np.log1p(step / base) + step * (np.log(base + step) - 1.0)
    return as_array(stirling + _log_series(x + step) - _log_series(x))


def _log_series(x: Array) -> Array:
    return as_array(np.log(_LANCZOS_FIRST + np.sum(_LANCZOS / (x[..., None] + np.arange(_LANCZOS.size)), axis=-1)))


def pareto_expected_max(*, count: ArrayLike, scale_factor: ArrayLike, alpha_factor: ArrayLike) -> Array:
    """Expected maximum of independent draws with a power-law tail.

    With such a tail one worker in many is far slower than the rest, and the maximum grows with a power of the count.

    Parameters
    ----------
    count : array_like (...)
        Number of draws, at least 1.
    scale_factor : array_like (...)
        Smallest possible value.
    alpha_factor : array_like (...)
        Exponent of the tail, above 0.

    Returns
    -------
    ndarray (...)
        Expected maximum in the unit of the scale [factor].

    Notes
    -----
    ``scale Gamma(n + 1) Gamma(1 - 1/alpha) / Gamma(n + 1 - 1/alpha)``

    - One draw: the mean, ``scale alpha / (alpha - 1)``.
    - Many draws: ``scale n^(1/alpha) Gamma(1 - 1/alpha)``.
    - ``alpha`` of 1 or less: infinite, as the mean is.
    - ``alpha`` infinite: ``scale``.

    References
    ----------
    David and Nagaraja 2003, section 3.1; Frechet 1927 for the limit.
    """
    n = as_array(count)
    alpha = as_array(alpha_factor)
    inverse = np.where(alpha > 1.0, 1.0 / alpha, np.where(np.isnan(alpha), np.nan, 0.0))
    growth = np.exp(_log_gamma_growth(n + 1.0 - inverse, inverse) - _log_gamma_growth(1.0 - inverse, inverse))
    return as_array(scale_factor) * np.where(alpha <= 1.0, np.inf, growth)


def rare_slow_excess_share(
    *,
    node_count: ArrayLike,
    slow_share: ArrayLike,
    slow_factor: ArrayLike,
    light_excess_share: ArrayLike,
    node_sigma_share: ArrayLike,
) -> Array:
    """Expected excess of the slowest node's time over the mean when a few nodes are slower than the rest by a factor.

    Any one slow node holds up the whole job, so a share too small to see in the mean decides the maximum of a large
    job. The slow nodes scatter among themselves like all others.

    Parameters
    ----------
    node_count : array_like (...)
        Nodes that wait for each other, at least 1.
    slow_share : array_like (...)
        Chance of a node being slow, 0 to 1.
    slow_factor : array_like (...)
        Time of a slow node over the mean time.
    light_excess_share : array_like (...)
        Excess when no node is slow, as from ``correlated_excess_share``.
    node_sigma_share : array_like (...)
        Scatter among the slow nodes over their mean time.

    Returns
    -------
    ndarray (...)
        Excess over the mean time [share].

    Notes
    -----
    ``(1 - p) light + p max(light, k (1 + sigma z_m) - 1)``, with ``p = 1 - (1 - eps)^n`` the chance of any slow node
    and ``m = n eps / p`` their expected number when there is one

    - No slow nodes: the light excess.
    - All nodes slow: ``max(light, k (1 + sigma z_n) - 1)``.
    - A slow factor too small to matter: the light excess.
    - Very many nodes meet a slow one for certain: ``p`` is 1.

    References
    ----------
    The law of total expectation over a two-part mixture; arXiv 2505.05713 for how large jobs straggle.
    """
    n = as_array(node_count)
    slow = as_array(slow_share)
    light = as_array(light_excess_share)
    # The largest double below one stands in for certainty, whose logarithm would be infinite.
    any_slow: Array = -np.expm1(n * np.log1p(-np.minimum(slow, np.nextafter(1.0, 0.0))))
    slow_nodes = np.where(any_slow == 0.0, 1.0, n * slow / np.where(any_slow == 0.0, 1.0, any_slow))
    scatter = 1.0 + as_array(node_sigma_share) * expected_max_normal(count=slow_nodes)
    slowest = as_array(slow_factor) * scatter - 1.0
    return (1.0 - any_slow) * light + any_slow * np.maximum(light, slowest)


def jitter_factor(*, excess_share: ArrayLike) -> Array:
    """Throughput left when every step waits for its slowest worker.

    Parameters
    ----------
    excess_share : array_like (...)
        Expected excess of the slowest worker's time over the mean.

    Returns
    -------
    ndarray (...)
        Throughput over that of workers that all take the mean time [factor].

    Notes
    -----
    ``1 / (1 + excess)``

    - No excess: 1.
    - Infinite excess: 0.

    References
    ----------
    Time of a barrier-synchronised step.
    """
    return 1.0 / (1.0 + as_array(excess_share))
