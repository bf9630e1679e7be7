"""How one job is cut over its pools: the replicas it makes, the GPUs they take, and the batch that is whole."""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu import mixed, stages
from colocalc.mfu.job import Job


@dataclass(frozen=True, eq=False)
class Cut:
    """How the job is cut over its pools; ``(..., pool)`` unless said otherwise."""

    active_count: Array  # GPUs in use after dropping slow pools
    laid_out_count: Array  # GPUs in whole replicas
    worker_count: Array  # whole replicas of each pool; stages of each pool for the split by stages
    replica_count: Array  # (...,)
    micro_batch_count: Array  # (...,)
    batch_tokens: Array  # (...,)


def cut_job(job: Job, active_count: Array) -> Cut:
    """The cut of a job: whole replicas, micro-batches and the batch used; NaN where no replica is whole.

    Parameters
    ----------
    job : Job
        The job.
    active_count : ndarray (..., pool)
        GPUs of each pool that take part [1].

    Returns
    -------
    Cut

    Notes
    -----
    ``d = sum(floor(n_i/(t p c)))``, ``m = max(1, round(B/(s b d)))``, and the batch used is ``m b s d``

    - no whole replica: NaN micro-batches
    - a batch below one micro-batch of every replica: one

    References
    ----------
    Narayanan et al. 2021, section 3, for the degrees; whole replicas and micro-batches are counted here.
    """
    workers, replica_count, laid_out = _replicas(job, active_count)
    whole = np.where(replica_count >= 1.0, replica_count, np.nan)
    per_round = job.sequence_tokens * job.micro_batch_count * whole
    micro_batches = np.maximum(1.0, np.round(job.global_batch_tokens / per_round))
    return Cut(
        active_count=active_count,
        laid_out_count=laid_out,
        worker_count=workers,
        replica_count=whole,
        micro_batch_count=micro_batches,
        batch_tokens=micro_batches * per_round,
    )


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
    lowest: Array = np.min(np.where(cut.laid_out_count > 0.0, quantity, np.inf), axis=-1)
    return np.where(np.isinf(lowest), np.nan, lowest)


def most(cut: Cut, quantity: Array) -> Array:
    """The most of a pool quantity among the pools that take part."""
    return -least(cut, -quantity)


def node_count(job: Job, cut: Cut) -> Array:
    """Hosts the job runs on."""
    nodes: Array = np.sum(
        np.where(cut.laid_out_count > 0.0, cut.laid_out_count / job.chip.node_gpu_count, 0.0), axis=-1
    )
    return nodes
