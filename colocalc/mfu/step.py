"""What one optimizer step of one job makes of its peak: a factor for each stage, in the order of the waterfall.

Each factor is (time before) / (time after), applied in order, so that their product is the step MFU exactly. A
measured share beats the modelled one. A stage that cannot be computed from what is given stays NaN and counts as 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu import ceiling, goodput, mixed, stages
from colocalc.mfu.cut import Cut, least, most, node_count
from colocalc.mfu.exchange import DataParallel
from colocalc.mfu.job import Job, Step
from colocalc.mfu.pace import PACE_STAGES, Pace, paced
from colocalc.mfu.predict import exchange as overlap
from colocalc.mfu.predict import waiting
from colocalc.mfu.predict.setup import meets_every_micro_batch
from colocalc.mfu.predict.step import immature_share, slices_share
from colocalc.mfu.straggler import jitter_factor
from colocalc.mfu.traffic import chosen, exchange_times

STEP_STAGES = (*PACE_STAGES, "data_parallel", "jitter", "mixed_generations", "layout_remainder", "power", "software")


@dataclass(frozen=True, eq=False)
class Worked:
    """What neither the algorithm of the exchange, nor the recovery policy, nor a measured stage moves."""

    cut: Cut
    pace: Pace
    times: Mapping[str, DataParallel]  # of the exchange, by algorithm


def worked(job: Job) -> Worked:
    """How a job is cut, the pace of its pools, and what its exchange takes by every algorithm.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    Worked
        The same for jobs that differ in ``algorithm``, ``isolation`` or ``measured`` alone.

    Notes
    -----
    - another algorithm, recovery policy or measured stage: the same arrays

    References
    ----------
    ``colocalc.mfu.pace`` and ``colocalc.mfu.traffic``.
    """
    cut, pace = paced(job)
    return Worked(cut, pace, exchange_times(job, cut, pace))


def evaluate_step(job: Job, known: Worked | None = None) -> Step:
    """The stage factors of one job's step, its goodput, and what they were computed from.

    Each pool works at its own pace through ``PACE_STAGES``; their factors are means weighed by peak. The split of the
    work and the site's power decide how much of that is left. Collectives between replicas do not slow with either, so
    those two stages are passed before them, whatever their place in the waterfall: factors multiply in any order.

    Parameters
    ----------
    job : Job
        The job; for ``split="partitions"`` see ``partitioned``.
    known : Worked, optional
        What ``worked`` returns for it, where that is known.

    Returns
    -------
    Step
        Job quantities with the pool axis dropped.

    Notes
    -----
    ``step MFU = product of factors = counted FLOPs / (peak of all GPUs x step time)``

    - one pool and no other stage: the factors of the step-time model
    - pools that are alike: the factors of one pool
    - a measured factor replaces the modelled one, and the stages after it see the time it leaves
    - no whole replica: layout_remainder 0
    - a stage that leaves nothing, such as no power: a step without end

    References
    ----------
    Chowdhery et al. 2022 (PaLM), appendix B, for MFU; the modules of ``colocalc.mfu`` for each stage.
    """
    known = worked(job) if known is None else known
    cut, pace, times = known.cut, known.pace, known.times
    peak = np.sum(job.gpu_count * job.peak_flop_per_s, axis=-1)
    step_flop = job.counted_flop_per_token * cut.batch_tokens
    found = dict.fromkeys(STEP_STAGES, np.asarray(np.nan))
    found |= (
        _pace_factors(job, pace)
        | _mixing_factors(job, cut, pace)
        | {"jitter": jitter_factor(excess_share=jitter_excess_share(job, cut, pace))}
    )
    factors = {name: _measured_or(job, name, value) for name, value in found.items()}
    chain = _Chain(seconds=step_flop / peak)
    for name in (*PACE_STAGES, "mixed_generations", "layout_remainder", "power"):
        chain.pass_stage(factors[name])
    algorithm, used = chosen(job, times)
    exposed_s = _exposed_s(job, cut, pace, used)
    between = most(cut, slices_share(pace.setup)) / job.outer_sync_interval_steps
    factors["data_parallel"] = chain.add(job, "data_parallel", exposed_s + (chain.seconds + exposed_s) * between)
    chain.pass_stage(factors["jitter"])
    factors["software"] = chain.be(_with_error(job), "software", _software_factor(job, cut, pace, chain.seconds))
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
        exchange_s={name: one.total_s for name, one in times.items()},
        data_parallel_s=exposed_s,
        algorithm=algorithm,
        mttf_s=mttf_s,
        checkpoint_interval_s=interval_s,
        memory=pace.memory,
        measured=frozenset(name for name, value in job.measured.items() if not bool(np.all(np.isnan(value)))),
    )


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
        return self.be(job, name, self.seconds / (self.seconds + extra_s))

    def be(self, job: Job, name: str, modelled: Array) -> Array:
        """A stage whose factor rests on the time before it, unless it was measured."""
        self.before_s[name] = self.seconds
        factor = _measured_or(job, name, modelled)
        self.pass_stage(factor)
        return factor


def _measured_or(job: Job, name: str, modelled: Array) -> Array:
    measured = job.measured.get(name)
    return modelled if measured is None else np.where(np.isnan(measured), modelled, measured)


def _pace_factors(job: Job, pace: Pace) -> dict[str, Array]:
    """Factors of the stages that each pool passes at its own pace; NaN where no pool has one."""
    weight, before, found = job.gpu_count * job.peak_flop_per_s, np.ones(()), {}
    for name, factor in pace.factors.items():
        missing = np.all(np.isnan(factor) | (job.gpu_count == 0.0), axis=-1)
        weight = weight * np.where(np.isnan(factor), 1.0, factor)
        after = np.sum(weight, axis=-1)
        if name == PACE_STAGES[0]:
            before = np.sum(job.gpu_count * job.peak_flop_per_s, axis=-1)
        found[name] = np.where(missing, np.nan, _over(after, before))
        before = after
    return found


def _mixing_factors(job: Job, cut: Cut, pace: Pace) -> dict[str, Array]:
    achieved, active, laid_out = (
        np.sum(count * pace.rate_flop_per_s, axis=-1) for count in (job.gpu_count, cut.active_count, cut.laid_out_count)
    )
    return {
        "mixed_generations": _split_factor(job, cut, pace) * _over(active, achieved),
        "layout_remainder": _over(laid_out, active),
        "power": pace.power_factor,
    }


def _exposed_s(job: Job, cut: Cut, pace: Pace, used: DataParallel) -> Array:
    """What compute does not hide of the exchange, at the pool that hides least of it.

    Replicas that meet every few steps only stand still for all of it, once in so many steps.
    """
    busy_s = pace.busy_s()
    if job.split in _BY_SPEED:
        # Shares by speed end together. Over a whole step every pool has the same time to hide behind, a fast one in
        # more micro-batches; behind its last passes each has its own.
        together_s = np.sum(cut.laid_out_count, axis=-1) / np.sum(_over(cut.laid_out_count, busy_s), axis=-1)
        is_every = meets_every_micro_batch(plan=pace.setup.plan, stack=pace.setup.stack)
        busy_s = np.where(is_every, together_s[..., None], busy_s)
    else:  # all wait for the slowest, behind whose last pass the exchange runs
        busy_s = most(cut, busy_s)[..., None]
    seen_s = overlap.exposed_s(
        pace.setup, busy_s=busy_s, scatter_s=used.scatter_s[..., None], gather_s=used.gather_s[..., None]
    )
    steps = job.outer_sync_interval_steps
    return np.where(steps > 1.0, used.total_s / steps, most(cut, seen_s))


_BY_SPEED = ("proportional", "memory")


def jitter_excess_share(job: Job, cut: Cut, pace: Pace) -> Array:
    """Excess of the slowest host's time over the mean, between two barriers.

    Parameters
    ----------
    job : Job
        The job.
    cut : Cut
        How it is cut.
    pace : Pace
        The pace of its pools.

    Returns
    -------
    ndarray (...)
        Excess [share].

    Notes
    -----
    ``colocalc.mfu.predict.waiting.jitter_excess_share`` over the micro-batches of all steps between two barriers

    - no batch: as if every micro-batch ended at a barrier
    - barriers ever farther apart: the persistent part is left

    References
    ----------
    Douillard et al. 2023 (DiLoCo), for barriers every few steps.
    """
    micro = pace.setup.part.micro_batch_count
    between = np.where(np.isnan(micro), 1.0, micro) * job.outer_sync_interval_steps[..., None]
    part = replace(pace.setup.part, micro_batch_count=between)
    return most(cut, waiting.jitter_excess_share(replace(pace.setup, part=part)))


def _software_factor(job: Job, cut: Cut, pace: Pace, before_s: Array) -> Array:
    """What software leaves: a young stack, a fixed time, the profile's own factor, and the error of the model.

    Without a model, whose shares are assumed or measured, only the profile's factor counts.
    """
    weight = cut.laid_out_count * job.peak_flop_per_s
    young = ceiling.weighted_share(weight=weight, share=immature_share(pace.setup))
    added = young + job.constants.fixed_step_s / before_s
    return job.software_factor / (job.model_error_factor * (1.0 + np.where(np.isnan(before_s), 0.0, added)))


def _with_error(job: Job) -> Job:
    """A measured software factor says nothing of how far the model is off in stages that are not measured."""
    software = job.measured.get("software")
    if software is None or all(name in job.measured for name in STEP_STAGES):
        return job
    return replace(job, measured={**job.measured, "software": software / job.model_error_factor})


def _over(part: Array, whole: Array) -> Array:
    return part / np.where(whole > 0.0, whole, np.nan)


def _split_factor(job: Job, cut: Cut, pace: Pace) -> Array:
    """The loss to mixed generations on the GPUs laid out, by the job's split of the work."""
    count, rate = cut.laid_out_count, pace.rate_flop_per_s
    if job.split == "stages":
        return stages.stage_split_factor(
            stage_count=cut.worker_count, rate_flop_per_s=rate, layer_count=job.dimensions.layer_count
        )
    if job.split in {"equal", "drop-slow"}:
        return mixed.equal_split_factor(gpu_count=count, rate_flop_per_s=rate)
    proportional = mixed.proportional_split_factor(
        worker_count=cut.worker_count, rate_flop_per_s=rate, unit_count=cut.micro_batch_count * cut.replica_count
    )
    if job.split == "proportional":
        return proportional
    smallest = least(cut, job.chip.hbm_byte)
    capped = mixed.memory_limited_split_factor(
        gpu_count=count, rate_flop_per_s=rate, work_cap_factor=job.chip.hbm_byte / smallest[..., None]
    )
    # Whole micro-batches stay whole: a cap on memory can only take away.
    return np.minimum(capped, proportional)


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
        replica_count=cut.replica_count / most(cut, stopped_replica_count(job)),
    )
    # A replica without another to go on is the job.
    alone = (cut.replica_count <= 1.0) & (not spare)
    return mttf_s, interval_s, np.where(alone, restart, isolated)


def stopped_replica_count(job: Job) -> Array:
    """Replicas that one failure stops: a rack-scale domain goes down as a whole, elsewhere a host.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    ndarray (..., pool)
        Replicas, at least 1 [1].

    Notes
    -----
    ``max(1, g / (t p c))`` with ``g`` the GPUs that go down together

    - replicas of a host or more, on switched hosts: 1
    - replicas of 8 GPUs on an NVL72: 9

    References
    ----------
    The rack of an NVL72 is serviced as a whole; SemiAnalysis 2025, on its backplane.
    """
    chip = job.chip
    is_rack = chip.domain_gpu_count > chip.node_gpu_count
    together = np.where(is_rack & (chip.tpu_share == 0.0), chip.domain_gpu_count, chip.node_gpu_count)
    replica = (job.tp_count * job.pp_count * job.cp_count)[..., None]
    return np.maximum(1.0, together / replica)
