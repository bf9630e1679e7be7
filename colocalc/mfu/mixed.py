"""What is left of a fleet's throughput when GPUs of different speed train one model together.

A synchronous step ends with its slowest part. How much that costs depends on how work is split: equally, in proportion
to speed in whole micro-batches, as far as memory allows, by pipeline stages, or without the slow pools. Rates are what
each GPU achieves alone (peak times ceiling times shape); only their ratios matter. A pool without GPUs is ignored. The
reference is always the sum of all rates, so every factor is the share of the fleet's own throughput.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

_BISECTIONS = 100
_SLACK = 1e-12  # what counts as equal, relative: far above rounding, far below one unit of work


def _present(count: ArrayLike, rate: ArrayLike) -> tuple[Array, Array]:
    # Counts and rates of one shape; a pool without GPUs has rate 0, whatever was given.
    n, s = np.broadcast_arrays(as_array(count), as_array(rate))
    return n, np.where(n == 0.0, 0.0, s)


def _throughput(count: Array, rate: Array) -> Array:
    # NaN where there is none, so that dividing by it says "undefined" and does not warn.
    total: Array = np.sum(count * rate, axis=-1)
    return np.where(total == 0.0, np.nan, total)


def equal_split_factor(*, gpu_count: ArrayLike, rate_flop_per_s: ArrayLike) -> Array:
    """Throughput when every GPU gets the same work and all wait for the slowest.

    Sums over pools: the pool axis is dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs laid out.
    rate_flop_per_s : array_like (..., pool)
        Achieved rate of one GPU, in any one unit.

    Returns
    -------
    ndarray (...)
        Throughput over the sum of all rates [factor].

    Notes
    -----
    ``N s_min / sum(n_i s_i)``

    - One pool, or equal rates: 1.
    - A pool without GPUs changes nothing.
    - A pool that stands still: 0.
    - No GPUs: undefined (NaN).

    References
    ----------
    Time of a barrier-synchronised step; Whale (Jia et al., USENIX ATC 2022) for the effect in training.
    """
    n, s = _present(gpu_count, rate_flop_per_s)
    slowest: Array = np.min(np.where(n == 0.0, np.inf, s), axis=-1)
    gpus: Array = np.sum(n, axis=-1)
    return gpus * np.where(gpus == 0.0, np.nan, slowest) / _throughput(n, s)


def _proportional(worker_count: ArrayLike, rate: ArrayLike, unit_count: ArrayLike) -> tuple[Array, Array]:
    # (fewest time units, units per worker), in units of time where all workers together do one unit of work.
    w, s = _present(worker_count, rate)
    s = s / _throughput(w, s)[..., None]
    workers: Array = np.sum(w, axis=-1)
    units = as_array(unit_count)
    low, high = np.broadcast_arrays(units, units + workers)

    def whole(time: Array) -> Array:
        return np.floor(time[..., None] * s * (1.0 + _SLACK))

    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        done = np.sum(w * whole(middle), axis=-1) >= units
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    each = whole(high)
    # The true time is the last at which some worker finishes a unit: exact, where the bisection is only close.
    time: Array = np.max(each / np.where(s == 0.0, 1.0, s), axis=-1)
    return time, each


def proportional_split_factor(*, worker_count: ArrayLike, rate_flop_per_s: ArrayLike, unit_count: ArrayLike) -> Array:
    """Throughput when each worker gets as many whole units of work as its speed allows.

    Solved exactly: the shortest step in which the workers together finish all units. It is not monotone in the number
    of units, and with few units per worker it gains nothing over an equal split. Sums over pools: the pool axis
    is dropped.

    Parameters
    ----------
    worker_count : array_like (..., pool)
        Workers (replicas, or pipeline stages), each of one pool.
    rate_flop_per_s : array_like (..., pool)
        Achieved rate of one worker, or of one of its GPUs where all workers have as many, in any one unit.
    unit_count : array_like (...)
        Indivisible units of work in a step (micro-batches, or layers), at least 1.

    Returns
    -------
    ndarray (...)
        Throughput over the sum of all rates [factor].

    Notes
    -----
    ``U / (T sum(w_i s_i))`` with the smallest ``T`` for which ``sum(w_i floor(T s_i)) >= U``

    - One pool whose workers the units divide among evenly: 1.
    - Equal rates: ``(U / W) / ceil(U / W)`` for ``W`` workers.
    - Infinitely many units: 1.
    - No workers: undefined (NaN).

    References
    ----------
    Equal jobs on uniform machines (Dessouky et al., Statistica Neerlandica 44, 1990).
    """
    time, _ = _proportional(worker_count, rate_flop_per_s, unit_count)
    return as_array(unit_count) / time


def proportional_units(*, worker_count: ArrayLike, rate_flop_per_s: ArrayLike, unit_count: ArrayLike) -> Array:
    """Whole units of work one worker of each pool can do in the shortest step.

    The solution behind ``proportional_split_factor``. All workers together can do at least ``unit_count``; where it is
    more, some workers do one unit less than said here.

    Parameters
    ----------
    worker_count : array_like (..., pool)
        Workers (replicas, or pipeline stages), each of one pool.
    rate_flop_per_s : array_like (..., pool)
        Achieved rate of one worker, in any one unit.
    unit_count : array_like (...)
        Indivisible units of work in a step, at least 1.

    Returns
    -------
    ndarray (..., pool)
        Units per worker [count].

    Notes
    -----
    ``floor(T s_i)`` with the smallest ``T`` for which ``sum(w_i floor(T s_i)) >= U``

    - One pool: ``ceil(U / W)``.
    - A pool without workers: 0.

    References
    ----------
    As ``proportional_split_factor``.
    """
    return _proportional(worker_count, rate_flop_per_s, unit_count)[1]


def memory_limited_split_factor(
    *, gpu_count: ArrayLike, rate_flop_per_s: ArrayLike, work_cap_factor: ArrayLike
) -> Array:
    """Throughput when work follows speed up to what a GPU's memory can hold.

    A fast GPU with little memory is filled to its cap and then waits; the rest goes to the others in proportion to
    their rates. Work is divisible. Sums over pools: the pool axis is dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs laid out.
    rate_flop_per_s : array_like (..., pool)
        Achieved rate of one GPU, above 0, in any one unit.
    work_cap_factor : array_like (..., pool)
        Most work a GPU can hold, over an equal share (all work over all GPUs).

    Returns
    -------
    ndarray (...)
        Throughput over the sum of all rates [factor].

    Notes
    -----
    ``N / (T sum(n_i s_i))`` with the smallest ``T`` for which ``sum(n_i min(T s_i, cap_i)) >= N``

    - Infinite caps: 1.
    - All caps 1: the equal split.
    - One pool with a cap of 1 or more, or equal rates and such caps: 1.
    - Caps too small for the work, ``sum(n_i cap_i) < N``, or no GPUs: undefined (NaN).

    References
    ----------
    Water-filling (Boyd and Vandenberghe 2004, example 5.2).
    """
    n, s = _present(gpu_count, rate_flop_per_s)
    n, s, cap = np.broadcast_arrays(n, s, as_array(work_cap_factor))
    gpus: Array = np.sum(n, axis=-1)
    s = s * np.where(gpus == 0.0, np.nan, gpus)[..., None] / _throughput(n, s)[..., None]
    # No pool does more than all of the work, which makes an infinite cap finite.
    cap = np.where(n == 0.0, 0.0, np.minimum(cap, gpus[..., None] / np.where(n == 0.0, 1.0, n)))
    needed = gpus * (1.0 - _SLACK)
    high: Array = np.max(cap / np.where(s == 0.0, 1.0, s), axis=-1)
    low = np.zeros_like(high)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        done = np.sum(n * np.minimum(middle[..., None] * s, cap), axis=-1) >= needed
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    feasible = np.sum(n * cap, axis=-1) >= needed
    return 1.0 / np.maximum(np.where(feasible, high, np.nan), 1.0)


def _fastest_first(gpu_count: ArrayLike, rate: ArrayLike) -> tuple[Array, Array, Array, Array]:
    # Counts, rates, and the slowest rate and throughput of each "the fastest k pools", fastest first.
    n, s = _present(gpu_count, rate)
    order = np.argsort(-s, axis=-1, kind="stable")
    slowest = np.take_along_axis(s, order, axis=-1)
    kept: Array = np.cumsum(np.take_along_axis(n, order, axis=-1), axis=-1)
    return n, s, slowest, slowest * kept


def drop_slow_factor(*, gpu_count: ArrayLike, rate_flop_per_s: ArrayLike) -> Array:
    """Throughput of the best choice of pools to train on, with work split equally among those kept.

    A slow pool is worth leaving out when it holds the rest back by more than it adds; the best choice is always some
    number of the fastest pools. Sums over pools: the pool axis is dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs laid out.
    rate_flop_per_s : array_like (..., pool)
        Achieved rate of one GPU, in any one unit.

    Returns
    -------
    ndarray (...)
        Throughput over the sum of all rates, dropped pools included [factor].

    Notes
    -----
    ``max over k of N_k s_k / sum(n_i s_i)``, with ``N_k`` the GPUs of the ``k`` fastest pools and ``s_k`` the slowest
    of their rates

    - One pool, or equal rates: 1.
    - Never below the equal split.
    - A pool that stands still: the factor without it.
    - No GPUs: undefined (NaN).

    References
    ----------
    Exhaustive: for any slowest rate kept, keeping every faster pool is best.
    """
    n, s, _, throughput = _fastest_first(gpu_count, rate_flop_per_s)
    best: Array = np.max(throughput, axis=-1)
    return best / _throughput(n, s)


def drop_slow_kept(*, gpu_count: ArrayLike, rate_flop_per_s: ArrayLike) -> Array:
    """Pools kept by the choice behind ``drop_slow_factor``.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs laid out.
    rate_flop_per_s : array_like (..., pool)
        Achieved rate of one GPU, in any one unit.

    Returns
    -------
    ndarray (..., pool)
        1 for a pool kept, 0 for one left out [factor].

    Notes
    -----
    - One pool, or equal rates: all kept.
    - A pool without GPUs: 0.
    - Two choices of the same throughput: the one with fewer pools.

    References
    ----------
    As ``drop_slow_factor``.
    """
    n, s, slowest, throughput = _fastest_first(gpu_count, rate_flop_per_s)
    best = np.argmax(throughput, axis=-1)[..., None]
    return np.where((s >= np.take_along_axis(slowest, best, axis=-1)) & (n > 0.0), 1.0, 0.0)


def whole_replica_count(*, gpu_count: ArrayLike, replica_gpu_count: ArrayLike) -> Array:
    """Whole replicas that fit into each pool.

    A replica does not span pools; GPUs in no replica are the layout's remainder.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs available.
    replica_gpu_count : array_like (..., pool)
        GPUs of one replica.

    Returns
    -------
    ndarray (..., pool)
        Replicas [count].

    Notes
    -----
    ``floor(n_i / g)``

    - Fewer GPUs than a replica needs: 0.
    - An exact multiple: no remainder.

    References
    ----------
    Integer division.
    """
    return np.floor(as_array(gpu_count) / as_array(replica_gpu_count))
