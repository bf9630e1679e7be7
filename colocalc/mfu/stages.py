"""How are the stages of a pipeline shared out when they come from different pools?

Every pipeline is alike: each pool gives it a number of stages in proportion to its GPUs, and each stage holds whole
layers by its speed. What that leaves over and what it waits for are told apart: the GPUs of uneven stages here, the
bottleneck stage in ``stage_split_factor``.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.mfu.mixed import proportional_split_factor

_BISECTIONS = 100
_SLACK = 1e-12  # what counts as equal, relative


def stages_per_pool_count(*, gpu_count: ArrayLike, pp_count: ArrayLike) -> Array:
    """Stages each pool gives to every pipeline.

    Largest remainder over quotas in proportion to GPUs, but at least one stage for a pool that has any.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs available [1].
    pp_count : array_like (...)
        Stages of a pipeline, at least 1 [1].

    Returns
    -------
    ndarray (..., pool)
        Stages; they sum to ``pp_count`` [1].

    Notes
    -----
    ``p_i = whole part of max(1, q n_i)`` with ``q`` such that they sum to p, then the largest remainders

    - one pool: all stages
    - a pool without GPUs: none
    - more pools than stages, or no GPUs: undefined (NaN)

    References
    ----------
    Hamilton's method (Balinski and Young, *Fair Representation*, 1982).
    """
    pipeline = as_array(pp_count)[..., None]
    count, _ = np.broadcast_arrays(as_array(gpu_count), pipeline)
    used = count > 0.0
    stages = np.broadcast_to(pipeline, (*count.shape[:-1], 1))
    share = count / np.where(used.any(axis=-1), np.sum(count, axis=-1), np.nan)[..., None]
    low, high = np.zeros_like(stages), stages
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        given = np.sum(np.where(used, np.maximum(middle * share, 1.0), 0.0), axis=-1, keepdims=True)
        low, high = np.where(given < stages, middle, low), np.where(given < stages, high, middle)
    quota = np.where(used, np.maximum(high * share, 1.0), 0.0)
    whole = np.floor(quota * (1.0 + _SLACK))
    left = stages - np.sum(whole, axis=-1, keepdims=True)
    # Rounded, so that equal remainders stay equal and go to the first pool.
    remainder = np.where(used, np.round(quota - whole, 9), -1.0)
    rank = np.argsort(np.argsort(-remainder, axis=-1, kind="stable"), axis=-1)
    pools: Array = np.sum(used, axis=-1, keepdims=True)
    feasible = (pools > 0.0) & (pools <= stages)
    return np.where(feasible, whole + np.where(rank < left, 1.0, 0.0), np.nan)


def pipeline_count(*, gpu_count: ArrayLike, stage_count: ArrayLike, stage_gpu_count: ArrayLike) -> Array:
    """Whole pipelines that the scarcest pool allows.

    The pool axis is dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs available [1].
    stage_count : array_like (..., pool)
        Stages each pool gives to a pipeline [1].
    stage_gpu_count : array_like (...)
        GPUs of one stage: tensor times context ranks [1].

    Returns
    -------
    ndarray (...)
        Pipelines [1].

    Notes
    -----
    ``D = min over pools with stages of floor(n_i / (g p_i))``

    - one pool: its GPUs over those of a pipeline, rounded down
    - a pool with fewer GPUs than its stages need: 0

    References
    ----------
    HETHUB (arXiv 2405.16256), pipelines over several types of chip.
    """
    stages = as_array(stage_count)
    needed = as_array(stage_gpu_count)[..., None] * np.where(stages == 0.0, 1.0, stages)
    possible = np.where(stages == 0.0, np.inf, np.floor(as_array(gpu_count) / needed))
    pipelines: Array = np.min(possible, axis=-1)
    return pipelines


def stage_split_factor(*, stage_count: ArrayLike, rate_flop_per_s: ArrayLike, layer_count: ArrayLike) -> Array:
    """Throughput of a pipeline whose stages hold whole layers by their speed.

    One pool alone loses nothing here: layers that do not divide evenly are stage imbalance, which is counted apart. The
    pool axis is dropped.

    Parameters
    ----------
    stage_count : array_like (..., pool)
        Stages of each pool [1].
    rate_flop_per_s : array_like (..., pool)
        Achieved rate of one GPU, in any one unit.
    layer_count : array_like (...)
        Layers of the model [1].

    Returns
    -------
    ndarray (...)
        Throughput over the sum of the stages' rates [factor].

    Notes
    -----
    ``L / (T sum(p_i s_i))`` with the smallest ``T`` for which ``sum(p_i floor(T s_i)) >= L``

    - one pool: 1
    - infinitely many layers: 1
    - stages unknown: undefined (NaN)

    References
    ----------
    As ``colocalc.mfu.mixed.proportional_split_factor``, with layers for micro-batches.
    """
    stages = as_array(stage_count)
    split = proportional_split_factor(
        worker_count=stages, rate_flop_per_s=rate_flop_per_s, unit_count=as_array(layer_count)
    )
    alone = np.sum(stages > 0.0, axis=-1) == 1.0
    return np.where(alone, 1.0, split)
