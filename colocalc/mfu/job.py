"""What the step model needs to know about one job, and what it finds out.

``Job`` is the border between the definitions and the kernels: arrays, with NaN for "not given".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu.exchange import Links
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Plan, Stack
from colocalc.mfu.predict.memory import Memory

SPLITS = ("equal", "proportional", "memory", "stages", "partitions", "drop-slow")
ISOLATIONS = ("job", "replica", "hot-spare")

Part = TypeVar("Part", Chip, Stack, Dimensions, Constants, Plan, Links)


@dataclass(frozen=True, eq=False)
class Job:
    """One training job as arrays. Pool quantities are ``(..., pool)``, job quantities ``(...,)``.

    ``flop_per_token`` is what a causal model executes; ``counted_flop_per_token`` is what the attention convention
    counts, which is the numerator of MFU. ``dimensions`` are NaN without a model; the shares that are then assumed
    (``shape_share``, ``memory_bound_share``, ``stage_imbalance_share``) stand in for what cannot be computed. The words
    (``split``, ``algorithm``, ``isolation``, ``zero_stage``, ``flat``) are structure: they choose a formula and are no
    axis.
    """

    gpu_count: Array
    shape_share: Array
    failures_per_1000_gpu_day: Array
    gpu_power_share: Array
    smoothing_factor: Array
    chip: Chip
    stack: Stack

    dimensions: Dimensions
    constants: Constants
    counted_flop_per_token: Array
    flop_per_token: Array
    global_batch_tokens: Array

    tp_count: Array
    pp_count: Array
    vpp_count: Array
    cp_count: Array
    ep_count: Array
    micro_batch_count: Array
    schedule_factor: Array
    sequence_parallel_share: Array
    recompute_layer_share: Array
    recompute_core_share: Array
    selective_share: Array
    dp_shard_count: Array
    outer_sync_interval_steps: Array
    outer_sync_bits: Array

    memory_bound_share: Array
    stage_imbalance_share: Array
    power_exponent_factor: Array
    software_factor: Array
    model_error_factor: Array
    allocation_share: Array

    restart_s: Array
    replica_stall_s: Array
    hot_spare_stall_s: Array
    replica_repair_s: Array
    checkpoint_s: Array
    checkpoint_interval_s: Array

    pod_gpu_count: Array
    oversubscription_factor: Array
    flat_collective_count: Array
    links: Links

    measured: Mapping[str, Array]
    split: str
    algorithm: str
    isolation: str
    zero_stage: int
    flat: bool

    @property
    def peak_flop_per_s(self) -> Array:
        """Dense peak of one GPU of each pool, at the precision of the job."""
        return self.chip.peak_flop_per_s

    @property
    def sequence_tokens(self) -> Array:
        """Length of a sequence."""
        return self.dimensions.sequence_tokens


@dataclass(frozen=True, eq=False)
class Step:
    """What the step model computed; every array ``(...,)``, but that of memory ``(..., pool)``.

    ``factors`` has one entry per stage of ``STEP_STAGES`` and then ``goodput``; NaN where a stage could not be
    modelled. ``dropped_gpu_count`` are GPUs of pools left out by the split, ``idle_gpu_count`` those in no whole
    replica. ``before_s`` is the time of the step ahead of each stage that adds seconds, ``exchange_s`` the unexposed
    time of the data-parallel collectives by algorithm.
    """

    factors: Mapping[str, Array]
    peak_flop_per_s: Array
    step_flop: Array
    step_time_s: Array
    replica_count: Array
    micro_batch_count: Array
    global_batch_tokens: Array
    dropped_gpu_count: Array
    idle_gpu_count: Array
    node_count: Array
    group_rank_count: Array
    before_s: Mapping[str, Array]
    exchange_s: Mapping[str, Array]
    data_parallel_s: Array
    algorithm: str
    mttf_s: Array
    checkpoint_interval_s: Array
    memory: Memory
    measured: frozenset[str]


_POOL_FIELDS = ("gpu_count", "shape_share", "failures_per_1000_gpu_day", "gpu_power_share", "smoothing_factor")
_POOL_PARTS = ("chip", "stack")
_JOB_PARTS = ("dimensions", "constants", "links")
_WORDS = ("measured", "split", "algorithm", "isolation", "zero_stage", "flat")
_OTHERS = {*_POOL_FIELDS, *_POOL_PARTS, *_JOB_PARTS, *_WORDS}
_JOB_FIELDS = tuple(name for name in Job.__dataclass_fields__ if name not in _OTHERS)


def on_job_axis(job: Job) -> Job:
    """The same job with a job axis of one.

    Parameters
    ----------
    job : Job
        Pool quantities ``(..., pool)``, job quantities ``(...,)``.

    Returns
    -------
    Job
        Pool quantities ``(..., 1, pool)``, job quantities ``(..., 1)``.

    Notes
    -----
    - evaluated, the job gives what it gave before, with an axis of one

    References
    ----------
    A change of shape.
    """
    return _reshaped(job, lambda pool: pool[..., None, :])


def partitioned(job: Job) -> Job:
    """The same GPUs as separate jobs, one per pool, on a job axis before a pool axis of one.

    Each job gets the share of the global batch that its share of the GPUs is, which keeps the micro-batches per
    replica.

    Parameters
    ----------
    job : Job
        Pool quantities ``(..., pool)``, job quantities ``(...,)``.

    Returns
    -------
    Job
        Pool quantities ``(..., job, 1)``, job quantities ``(..., job)``.

    Notes
    -----
    - one pool: the job with an equal split
    - pools that are alike: the same step MFU for each

    References
    ----------
    Arithmetic.
    """
    total = np.sum(job.gpu_count, axis=-1, keepdims=True)
    batch = job.global_batch_tokens[..., None] * job.gpu_count / np.where(total > 0.0, total, 1.0)
    return replace(_reshaped(job, lambda pool: pool[..., None]), global_batch_tokens=batch, split="equal")


def _reshaped(job: Job, pool_axis: Callable[[Array], Array]) -> Job:
    changes: dict[str, Any] = {name: pool_axis(getattr(job, name)) for name in _POOL_FIELDS}
    changes |= {name: getattr(job, name)[..., None] for name in _JOB_FIELDS}
    changes |= {name: each(getattr(job, name), pool_axis) for name in _POOL_PARTS}
    changes |= {name: each(getattr(job, name), lambda value: value[..., None]) for name in _JOB_PARTS}
    changes["measured"] = {name: value[..., None] for name, value in job.measured.items()}
    return replace(job, **changes)


def each(part: Part, change: Callable[[Array], Array]) -> Part:
    """A record of arrays with every one of them changed.

    Parameters
    ----------
    part : record of ndarray
        Such as a ``Chip``.
    change : callable
        What becomes of an array.

    Returns
    -------
    record of ndarray
        Of the same kind.

    Notes
    -----
    - nothing changed: the same arrays

    References
    ----------
    None: bookkeeping.
    """
    return replace(part, **{name: change(getattr(part, name)) for name in part.__dataclass_fields__})
