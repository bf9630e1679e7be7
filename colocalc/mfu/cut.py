"""How one job is cut over its pools: the replicas it makes, the GPUs they take, the rate each GPU keeps."""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu import ceiling, mixed, power, stages
from colocalc.mfu.job import Job


@dataclass(frozen=True, eq=False)
class Cut:
    """How the job is cut over its pools; ``(..., pool)`` unless said otherwise."""

    active_count: Array  # GPUs in use after dropping slow pools
    laid_out_count: Array  # GPUs in whole replicas
    rate_flop_per_s: Array  # achieved rate of one GPU, clocks lowered to its site's power
    power_factor: Array  # (...,); NaN where a limit is not known
    worker_count: Array  # whole replicas of each pool; stages of each pool for the split by stages
    replica_count: Array  # (...,)
    micro_batch_count: Array  # (...,)
    batch_tokens: Array  # (...,)


def cut_job(job: Job) -> Cut:
    """The cut of a job: whole replicas, micro-batches and the batch used; NaN where no replica is whole."""
    rate, power_factor = _rates(job)
    active = job.gpu_count
    if job.split == "drop-slow":
        # GPUs in no whole replica are no reason to keep a pool; they are the remainder, not what is dropped.
        _, _, whole_gpus = _replicas(job, active)
        kept = mixed.drop_slow_kept(gpu_count=whole_gpus, rate_flop_per_s=rate)
        active = active * np.where(whole_gpus > 0.0, kept, 1.0)
    workers, replica_count, laid_out = _replicas(job, active)
    whole = np.where(replica_count >= 1.0, replica_count, np.nan)
    per_round = job.sequence_tokens * job.micro_batch_count * whole
    micro_batches = np.maximum(1.0, np.round(job.global_batch_tokens / per_round))
    return Cut(
        active_count=active,
        laid_out_count=laid_out,
        rate_flop_per_s=rate,
        power_factor=power_factor,
        worker_count=workers,
        replica_count=whole,
        micro_batch_count=micro_batches,
        batch_tokens=micro_batches * per_round,
    )


def _rates(job: Job) -> tuple[Array, Array]:
    """Achieved rate of one GPU of each pool, its clocks lowered, and what the job's power leaves of all of them."""
    full = ceiling.achieved_flop_per_s(
        peak_flop_per_s=job.peak_flop_per_s, ceiling_share=job.ceiling_share, shape_share=job.shape_share
    )
    slowed = power.power_factor(
        gpu_power_share=job.gpu_power_share, power_exponent_factor=job.power_exponent_factor[..., None]
    )
    left = ceiling.weighted_share(weight=job.gpu_count * full, share=slowed)
    # An unknown limit leaves the rates alone; the power stage itself stays NaN and says so. Without any power that
    # stage takes the whole loss, and the others are what they are with enough of it.
    limits = (left > 0.0)[..., None] & ~np.isnan(slowed)
    return full * np.where(limits, slowed, 1.0), left


def _replicas(job: Job, active: Array) -> tuple[Array, Array, Array]:
    """Workers of each pool, whole replicas of the job, and the GPUs in them."""
    stage_gpus = job.tp_count * job.cp_count
    if job.split == "stages":
        stage_count = stages.stages_per_pool_count(gpu_count=active, pp_count=job.pp_count)
        pipelines = stages.pipeline_count(gpu_count=active, stage_count=stage_count, stage_gpu_count=stage_gpus)
        return stage_count, pipelines, (pipelines * stage_gpus)[..., None] * stage_count
    replica_gpus = (stage_gpus * job.pp_count)[..., None]
    replicas = mixed.whole_replica_count(gpu_count=active, replica_gpu_count=replica_gpus)
    return replicas, np.sum(replicas, axis=-1), replicas * replica_gpus


def least(cut: Cut, quantity: Array) -> Array:
    """The least of a pool quantity among the pools that take part: what gates a synchronous job."""
    least: Array = np.min(np.where(cut.laid_out_count > 0.0, quantity, np.inf), axis=-1)
    return np.where(np.isinf(least), np.nan, least)


def node_count(job: Job, cut: Cut) -> Array:
    """Hosts the job runs on."""
    nodes: Array = np.sum(np.where(cut.laid_out_count > 0.0, cut.laid_out_count / job.node_gpu_count, 0.0), axis=-1)
    return nodes
