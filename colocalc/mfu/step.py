"""What one optimizer step of one job makes of its peak: a factor for each stage, in the order of the waterfall.

Each factor is (time before) / (time after), applied in order, so that their product is the step MFU exactly. A
measured share beats the modelled one. A stage that cannot be computed from what is given stays NaN and counts as 1.
"""

from collections.abc import Mapping

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu import ceiling, goodput, mixed, parallel, pipeline, stages, straggler, transformer
from colocalc.mfu.cut import Cut, cut_job, least, node_count
from colocalc.mfu.job import Job, Step
from colocalc.mfu.traffic import chosen, exchange_times_s, layout_communication_s

STEP_STAGES = (
    "ceiling",
    "shape",
    "memory_bound",
    "recompute",
    "tensor_context_expert",
    "bubble",
    "stage_imbalance",
    "data_parallel",
    "jitter",
    "mixed_generations",
    "layout_remainder",
    "power",
    "software",
)


def evaluate_step(job: Job) -> Step:
    """The stage factors of one job's step, its goodput, and what they were computed from.

    Compute runs at the pace the split of the work and the site's power allow; collectives do not slow with it. So
    those two stages are passed before the collectives, whatever their place in the waterfall: factors multiply in any
    order.

    Parameters
    ----------
    job : Job
        The job; for ``split="partitions"`` see ``partitioned``.

    Returns
    -------
    Step
        Job quantities with the pool axis dropped.

    Notes
    -----
    ``step MFU = product of factors = counted FLOPs / (peak of all GPUs x step time)``

    - one pool, one GPU, no communication: ceiling x shape x memory_bound x software
    - a measured factor replaces the modelled one, and the stages after it see the time it leaves
    - no whole replica: layout_remainder 0
    - a stage that leaves nothing, such as no power: a step without end

    References
    ----------
    Chowdhery et al. 2022 (PaLM), appendix B, for MFU; the modules of ``colocalc.mfu`` for each stage.
    """
    cut = cut_job(job)
    peak = np.sum(job.gpu_count * job.peak_flop_per_s, axis=-1)
    step_flop = job.counted_flop_per_token * cut.batch_tokens
    found = dict.fromkeys(STEP_STAGES, np.asarray(np.nan))
    found |= _kernel_factors(job) | _mixing_factors(job, cut)
    found["software"] = job.software_factor
    found["stage_imbalance"] = pipeline.stage_imbalance_factor(
        pp_count=job.pp_count, stage_imbalance_share=job.stage_imbalance_share
    )
    factors = {name: _measured_or(job, name, value) for name, value in found.items()}
    chain = _Chain(seconds=step_flop / peak)
    for name in _COMPUTE_STAGES:
        chain.pass_stage(factors[name])
    # Layers hide each other's weights throughout the step; gradients only hide behind its ends.
    window_s = chain.seconds / (1.0 if job.zero_stage == _SHARDED_WEIGHTS else cut.micro_batch_count)
    exposed = layout_communication_s(job, cut, chain.seconds)
    factors["tensor_context_expert"] = chain.add(job, "tensor_context_expert", exposed)
    factors["bubble"] = chain.add(job, "bubble", chain.seconds * _bubble_share(job, cut))
    chain.pass_stage(factors["stage_imbalance"])
    times = exchange_times_s(job, cut)
    algorithm, chosen_s = chosen(job, times)
    exposed_dp_s = parallel.exposed_s(collective_s=chosen_s, window_s=window_s, overlap_share=job.overlap_share)
    factors["data_parallel"] = chain.add(job, "data_parallel", exposed_dp_s)
    for name in ("jitter", "software"):
        chain.pass_stage(factors[name])
    mttf_s, interval_s, share = _goodput(job, cut)
    factors["goodput"] = _measured_or(job, "goodput", share)
    ranks = np.sum(cut.laid_out_count, axis=-1) if job.flat else cut.replica_count * job.cp_count
    return Step(
        factors=factors,
        peak_flop_per_s=peak,
        step_flop=step_flop,
        step_time_s=_step_time_s(factors, chain.seconds),
        replica_count=cut.replica_count,
        micro_batch_count=cut.micro_batch_count,
        global_batch_tokens=cut.batch_tokens,
        dropped_gpu_count=np.sum(job.gpu_count - cut.active_count, axis=-1),
        idle_gpu_count=np.sum(cut.active_count - cut.laid_out_count, axis=-1),
        node_count=node_count(job, cut),
        group_rank_count=ranks,
        before_s=chain.before_s,
        exchange_s=times,
        data_parallel_s=exposed_dp_s,
        algorithm=algorithm,
        mttf_s=mttf_s,
        checkpoint_interval_s=interval_s,
        measured=frozenset(name for name, value in job.measured.items() if not bool(np.all(np.isnan(value)))),
    )


# What sets the pace of compute, before any collective.
_COMPUTE_STAGES = (
    "ceiling",
    "shape",
    "memory_bound",
    "recompute",
    "mixed_generations",
    "layout_remainder",
    "power",
)
_SHARDED_WEIGHTS = 3  # ZeRO 3


def _step_time_s(factors: Mapping[str, Array], seconds: Array) -> Array:
    """The time of the step, without end where a stage leaves nothing."""
    still = np.any(np.stack(np.broadcast_arrays(*(factors[name] for name in STEP_STAGES))) == 0.0, axis=0)
    return np.where(still & ~np.isnan(seconds), np.inf, seconds)


class _Chain:
    """The time of a step as the stages are passed."""

    def __init__(self, *, seconds: Array) -> None:
        self.seconds = seconds
        self.before_s: dict[str, Array] = {}

    def pass_stage(self, factor: Array) -> None:
        """A stage whose factor is known: one that is NaN, or that leaves nothing, adds no time to the others."""
        self.seconds = self.seconds / np.where(factor > 0.0, factor, 1.0)

    def add(self, job: Job, name: str, extra_s: Array) -> Array:
        """A stage that adds seconds, unless it was measured."""
        self.before_s[name] = self.seconds
        factor = _measured_or(job, name, self.seconds / (self.seconds + extra_s))
        self.pass_stage(factor)
        return factor


def _measured_or(job: Job, name: str, modelled: Array) -> Array:
    measured = job.measured.get(name)
    return modelled if measured is None else np.where(np.isnan(measured), modelled, measured)


def _kernel_factors(job: Job) -> dict[str, Array]:
    peak = job.gpu_count * job.peak_flop_per_s
    extra = transformer.recompute_share(
        flop_per_token=job.flop_per_token,
        attention_flop_per_token=job.attention_flop_per_token,
        full_share=job.recompute_full_share,
        selective_share=job.recompute_selective_share,
    )
    # Arithmetic counted over arithmetic done: what the convention counts beside what is executed is part of it.
    counted = np.where(np.isnan(job.flop_per_token), 1.0, job.counted_flop_per_token / job.flop_per_token)
    return {
        "ceiling": ceiling.weighted_share(weight=peak, share=job.ceiling_share),
        "shape": ceiling.weighted_share(weight=peak * job.ceiling_share, share=job.shape_share),
        "memory_bound": ceiling.memory_bound_factor(memory_bound_share=job.memory_bound_share),
        "recompute": counted / (1.0 + extra),
    }


def _mixing_factors(job: Job, cut: Cut) -> dict[str, Array]:
    achieved = np.sum(job.gpu_count * cut.rate_flop_per_s, axis=-1)
    active = np.sum(cut.active_count * cut.rate_flop_per_s, axis=-1)
    laid_out = np.sum(cut.laid_out_count * cut.rate_flop_per_s, axis=-1)
    excess = job.node_sigma_share * straggler.expected_max_normal(count=np.maximum(node_count(job, cut), 1.0))
    return {
        "mixed_generations": _split_factor(job, cut) * _over(active, achieved),
        "layout_remainder": _over(laid_out, active),
        "power": cut.power_factor,
        "jitter": straggler.jitter_factor(excess_share=excess),
    }


def _over(part: Array, whole: Array) -> Array:
    return part / np.where(whole > 0.0, whole, np.nan)


def _split_factor(job: Job, cut: Cut) -> Array:
    """The loss to mixed generations on the GPUs laid out, by the job's split of the work."""
    count, rate = cut.laid_out_count, cut.rate_flop_per_s
    if job.split == "stages":
        return stages.stage_split_factor(
            stage_count=cut.worker_count, rate_flop_per_s=rate, layer_count=job.layer_count
        )
    if job.split in {"equal", "drop-slow"}:
        return mixed.equal_split_factor(gpu_count=count, rate_flop_per_s=rate)
    proportional = mixed.proportional_split_factor(
        worker_count=cut.worker_count, rate_flop_per_s=rate, unit_count=cut.micro_batch_count * cut.replica_count
    )
    if job.split == "proportional":
        return proportional
    smallest = least(cut, job.hbm_byte)
    capped = mixed.memory_limited_split_factor(
        gpu_count=count, rate_flop_per_s=rate, work_cap_factor=job.hbm_byte / smallest[..., None]
    )
    # Whole micro-batches stay whole: a cap on memory can only take away.
    return np.minimum(capped, proportional)


def _bubble_share(job: Job, cut: Cut) -> Array:
    return pipeline.bubble_share(
        pp_count=job.pp_count,
        vpp_count=job.vpp_count,
        micro_batch_count=cut.micro_batch_count,
        schedule_factor=job.schedule_factor,
    )


def _goodput(job: Job, cut: Cut) -> tuple[Array, Array, Array]:
    mttf_s = goodput.mttf_s(gpu_count=cut.laid_out_count, failures_per_1000_gpu_day=job.failures_per_1000_gpu_day)
    best_s = goodput.optimal_interval_s(mttf_s=mttf_s, checkpoint_s=job.checkpoint_s)
    interval_s = np.where(np.isnan(job.checkpoint_interval_s), best_s, job.checkpoint_interval_s)
    restart = goodput.restart_goodput_share(
        mttf_s=mttf_s, restart_s=job.restart_s, checkpoint_s=job.checkpoint_s, checkpoint_interval_s=interval_s
    )
    if job.isolation == "job":
        return mttf_s, interval_s, restart
    spare = job.isolation == "hot-spare"
    isolated = goodput.isolation_goodput_share(
        mttf_s=mttf_s,
        stall_s=job.hot_spare_stall_s if spare else job.replica_stall_s,
        # A hot spare takes the place of the failed replica at once, so no repair time is lost.
        replica_repair_s=np.zeros_like(job.replica_repair_s) if spare else job.replica_repair_s,
        replica_count=cut.replica_count,
    )
    # A replica without another to go on is the job.
    alone = (cut.replica_count <= 1.0) & (not spare)
    return mttf_s, interval_s, np.where(alone, restart, isolated)
