"""How fast does each pool work on a job, before pools wait for each other?

The step-time model is asked once for each pool, as if the whole job ran on GPUs of that pool. What it says of compute,
of the collectives inside a replica and of the pipeline is the pool's own pace; the exchange between replicas, jitter
and software belong to the job as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu import ceiling, mixed, pipeline, power
from colocalc.mfu.cut import Cut, cut_job, node_count
from colocalc.mfu.job import Job, each
from colocalc.mfu.predict.facts import Plan, StepTime
from colocalc.mfu.predict.memory import Memory, memory
from colocalc.mfu.predict.setup import Setup, set_up
from colocalc.mfu.predict.step import step_time

PACE_STAGES = (
    "ceiling",
    "shape",
    "memory_bound",
    "recompute",
    "tensor_context_expert",
    "bubble",
    "stage_imbalance",
)
_FORWARD_SHARE = 1.0 / 3.0  # of the arithmetic of a step, which full recompute does again


@dataclass(frozen=True, eq=False)
class Pace:
    """What each pool makes of the job; ``(..., pool)`` unless said otherwise.

    Attributes
    ----------
    setup : Setup
        The facts the model was asked with.
    time : StepTime
        Its answer.
    factors : mapping of str to ndarray
        Time before over time after of each of ``PACE_STAGES``; NaN where neither model nor assumption has one.
    rate_flop_per_s : ndarray
        Achieved rate of one GPU through these stages, its clocks lowered to its site's power [FLOP/s].
    full_rate_flop_per_s : ndarray
        The same with all the power it draws [FLOP/s].
    power_factor : ndarray (...)
        What power leaves of the job's throughput; NaN where a limit is not known.
    memory : Memory
        What one GPU has to hold.
    """

    setup: Setup
    time: StepTime
    factors: Mapping[str, Array]
    rate_flop_per_s: Array
    full_rate_flop_per_s: Array
    power_factor: Array
    memory: Memory

    def busy_s(self) -> Array:
        """One micro-batch on a mean stage, both ways, at the clocks that power leaves: without any, no end."""
        rate = self.rate_flop_per_s
        slower = np.where(rate > 0.0, self.full_rate_flop_per_s / np.where(rate > 0.0, rate, 1.0), np.inf)
        return self.time.micro_batch_s * slower


def paced(job: Job) -> tuple[Cut, Pace]:
    """How a job is cut over its pools, and the pace of each.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    Cut, Pace

    Notes
    -----
    - one pool: the pace of the step-time model on it
    - no model: the assumed shares of a job without one
    - ``drop-slow``: the pools that are kept are those of the highest throughput together

    References
    ----------
    ``colocalc.mfu.predict.step`` for the model; ``colocalc.mfu.mixed`` for what is dropped.
    """
    cut = cut_job(job, job.gpu_count)
    pace = _pace(job, cut)
    if job.split != "drop-slow":
        return cut, pace
    # GPUs in no whole replica are no reason to keep a pool; they are the remainder, not what is dropped.
    kept = mixed.drop_slow_kept(gpu_count=cut.laid_out_count, rate_flop_per_s=pace.rate_flop_per_s)
    cut = cut_job(job, job.gpu_count * np.where(cut.laid_out_count > 0.0, kept, 1.0))
    return cut, _pace(job, cut)


def _pace(job: Job, cut: Cut) -> Pace:
    facts = _facts(job, cut)
    time = step_time(**facts)
    factors = _factors(job, cut, time)
    full = job.peak_flop_per_s * np.prod(
        np.stack(np.broadcast_arrays(*(np.where(np.isnan(one), 1.0, one) for one in factors.values()))), axis=0
    )
    clock = job.smoothing_factor * power.power_factor(
        gpu_power_share=job.gpu_power_share, power_exponent_factor=job.power_exponent_factor[..., None]
    )
    left = ceiling.weighted_share(weight=job.gpu_count * full, share=clock)
    # An unknown limit leaves the rates alone; the power stage itself stays NaN and says so. Without any power that
    # stage takes the whole loss, and the others are what they are with enough of it.
    limits = (left > 0.0)[..., None] & ~np.isnan(clock)
    return Pace(
        setup=set_up(**facts),
        time=time,
        factors=factors,
        rate_flop_per_s=full * np.where(limits, clock, 1.0),
        full_rate_flop_per_s=full,
        power_factor=left,
        memory=memory(
            **{name: part for name, part in facts.items() if name != "constants"},
            selective_share=job.selective_share[..., None],
        ),
    )


def _facts(job: Job, cut: Cut) -> dict[str, Any]:
    """The job as the step-time model takes it, with a pool axis."""
    whole = each(job.dimensions, _on_pools), each(job.constants, _on_pools)
    nodes = node_count(job, cut)
    # Jitter is of all hosts of the job, whatever each pool has to a host.
    per_node = np.sum(cut.laid_out_count, axis=-1) / np.where(nodes > 0.0, nodes, np.nan)
    return {
        "dimensions": whole[0],
        "chip": replace(job.chip, node_gpu_count=_on_pools(per_node)),
        "plan": each(plan_of(job, cut), _on_pools),
        "stack": job.stack,
        "constants": whole[1],
    }


def _on_pools(value: Array) -> Array:
    return value[..., None]


def plan_of(job: Job, cut: Cut) -> Plan:
    """The layout of a job with its replicas, each field ``(...,)``."""
    ranks = cut.replica_count * job.cp_count
    asked = np.where(np.isnan(job.dp_shard_count), ranks, np.minimum(job.dp_shard_count, ranks))
    return Plan(
        gpu_count=cut.replica_count * job.tp_count * job.pp_count * job.cp_count,
        tp_count=job.tp_count,
        pp_count=job.pp_count,
        vpp_count=job.vpp_count,
        schedule_factor=job.schedule_factor,
        cp_count=job.cp_count,
        ep_count=job.ep_count,
        dp_count=cut.replica_count,
        shard_count=asked if job.zero_stage > 0 else np.ones_like(ranks),
        zero_stage=np.full_like(ranks, float(job.zero_stage)),
        sequence_parallel_share=job.sequence_parallel_share,
        micro_batch_sequences=job.micro_batch_count,
        global_batch_sequences=cut.batch_tokens / job.sequence_tokens,
        recompute_layer_share=job.recompute_layer_share,
        recompute_core_share=job.recompute_core_share,
    )


def _factors(job: Job, cut: Cut, time: StepTime) -> dict[str, Array]:
    """The factors of a pool's stages: as the model has them, else as assumed for a job without a model."""
    modelled, assumed = time.factors(), _assumed(job, cut)
    found = {
        name: np.where(np.isnan(modelled[name]), assumed.get(name, np.asarray(np.nan)), modelled[name])
        for name in PACE_STAGES
    }
    # The model counts what a causal transformer executes; what a convention counts beside it is part of recompute.
    counted_s = _on_pools(job.counted_flop_per_token * cut.batch_tokens / plan_of(job, cut).gpu_count)
    counted = counted_s / (job.peak_flop_per_s * time.peak_time_s)
    found["recompute"] = found["recompute"] * np.where(np.isnan(counted), 1.0, counted)
    return found


def _assumed(job: Job, cut: Cut) -> dict[str, Array]:
    bubble = pipeline.bubble_share(
        pp_count=job.pp_count,
        vpp_count=job.vpp_count,
        micro_batch_count=cut.micro_batch_count,
        schedule_factor=job.schedule_factor,
    )
    shared = {
        "memory_bound": ceiling.memory_bound_factor(memory_bound_share=job.memory_bound_share),
        "recompute": 1.0 / (1.0 + job.recompute_layer_share * _FORWARD_SHARE),
        "bubble": 1.0 / (1.0 + bubble),
        "stage_imbalance": pipeline.stage_imbalance_factor(
            pp_count=job.pp_count, stage_imbalance_share=job.stage_imbalance_share
        ),
    }
    return {
        "ceiling": job.chip.ceiling_share,
        "shape": job.shape_share,
        **{name: _on_pools(value) for name, value in shared.items()},
    }
