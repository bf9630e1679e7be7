"""What one optimizer step of one job makes of its peak: a factor for each stage, in the order of the waterfall.

Each factor is (time before) / (time after), applied in order, so that their product is the step MFU exactly. A
measured share beats the modelled one. A stage that cannot be computed from what is given stays NaN and counts as 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu import ceiling, exchange, fabric, goodput, mixed, parallel, pipeline, power, straggler, transformer
from colocalc.mfu.job import Job, Step

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


@dataclass(frozen=True, eq=False)
class _Cut:
    """How the job is cut over its pools."""

    active_count: Array  # (..., pool): GPUs in use after dropping slow pools
    laid_out_count: Array  # (..., pool): GPUs in whole replicas
    rate_flop_per_s: Array  # (..., pool): achieved rate of one GPU
    replicas: Array  # (..., pool)
    replica_count: Array
    micro_batches: Array
    batch_tokens: Array


def evaluate_step(job: Job) -> Step:
    """The stage factors of one job's step, its goodput, and what they were computed from.

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
    ``step MFU = product of factors = model FLOPs / (peak of all GPUs x step time)``

    - one pool, one GPU, no communication: ceiling x shape x memory_bound x software
    - a measured factor replaces the modelled one, and the stages after it see the time it leaves

    References
    ----------
    Chowdhery et al. 2022 (PaLM), appendix B, for MFU; the modules of ``colocalc.mfu`` for each stage.
    """
    cut = _cut(job)
    peak = np.sum(job.gpu_count * job.peak_flop_per_s, axis=-1)
    step_flop = job.flop_per_token * cut.batch_tokens
    found = dict.fromkeys(STEP_STAGES, np.asarray(np.nan))
    found |= _kernel_factors(job)
    found |= _mixing_factors(job, cut)
    found["power"] = power.power_factor(
        gpu_power_share=_least(job, job.gpu_power_share),
        power_exponent_factor=job.power_exponent_factor,
    )
    found["software"] = job.software_factor
    factors = {name: _measured_or(job, name, value) for name, value in found.items()}
    chain = _Chain(seconds=step_flop / peak)
    for name in ("ceiling", "shape", "memory_bound", "recompute", "layout_remainder"):
        chain.pass_stage(factors[name])
    window_s = chain.seconds / cut.micro_batches
    exposed = _layout_communication_s(job, cut, chain.seconds)
    factors["tensor_context_expert"] = chain.add(job, "tensor_context_expert", exposed)
    factors["bubble"] = chain.add(job, "bubble", chain.seconds * _bubble_share(job, cut))
    imbalance = pipeline.stage_imbalance_factor(pp_count=job.pp_count, stage_imbalance_share=job.stage_imbalance_share)
    factors["stage_imbalance"] = _measured_or(job, "stage_imbalance", imbalance)
    chain.pass_stage(factors["stage_imbalance"])
    times = _exchange_times_s(job, cut)
    algorithm, chosen_s = _chosen(job, times)
    exposed_dp_s = parallel.exposed_s(collective_s=chosen_s, window_s=window_s, overlap_share=job.overlap_share)
    factors["data_parallel"] = chain.add(job, "data_parallel", exposed_dp_s)
    for name in ("jitter", "mixed_generations", "power", "software"):
        chain.pass_stage(factors[name])
    mttf_s, interval_s, share = _goodput(job, cut)
    factors["goodput"] = _measured_or(job, "goodput", share)
    return Step(
        factors=factors,
        peak_flop_per_s=peak,
        step_flop=step_flop,
        step_time_s=chain.seconds,
        replica_count=cut.replica_count,
        micro_batch_count=cut.micro_batches,
        global_batch_tokens=cut.batch_tokens,
        idle_gpu_count=np.sum(job.gpu_count - cut.laid_out_count, axis=-1),
        group_rank_count=cut.replica_count * job.cp_count,
        exchange_s=times,
        data_parallel_s=exposed_dp_s,
        algorithm=algorithm,
        mttf_s=mttf_s,
        checkpoint_interval_s=interval_s,
        measured=frozenset(name for name, value in job.measured.items() if not bool(np.all(np.isnan(value)))),
    )


class _Chain:
    """The time of a step as the stages are passed."""

    def __init__(self, *, seconds: Array) -> None:
        self.seconds = seconds

    def pass_stage(self, factor: Array) -> None:
        self.seconds = self.seconds / np.where(np.isnan(factor), 1.0, factor)

    def add(self, job: Job, name: str, extra_s: Array) -> Array:
        factor = _measured_or(job, name, self.seconds / (self.seconds + extra_s))
        self.pass_stage(factor)
        return factor


def _measured_or(job: Job, name: str, modelled: Array) -> Array:
    measured = job.measured.get(name)
    return modelled if measured is None else np.where(np.isnan(measured), modelled, measured)


def _cut(job: Job) -> _Cut:
    rate = ceiling.achieved_flop_per_s(
        peak_flop_per_s=job.peak_flop_per_s, ceiling_share=job.ceiling_share, shape_share=job.shape_share
    )
    active = job.gpu_count
    if job.split == "drop-slow":
        active = active * mixed.drop_slow_kept(gpu_count=active, rate_flop_per_s=rate)
    replica_gpus = job.tp_count * job.pp_count * job.cp_count
    replicas = mixed.whole_replica_count(gpu_count=active, replica_gpu_count=replica_gpus[..., None])
    if job.split == "stages":
        # A replica takes its stages from every pool, so the GPUs are laid out together.
        replica_count = np.floor(np.sum(active, axis=-1) / replica_gpus)
        laid_out = active
    else:
        replica_count = np.sum(replicas, axis=-1)
        laid_out = replicas * replica_gpus[..., None]
    per_round = job.sequence_tokens * job.micro_batch_count * replica_count
    micro_batches = np.maximum(1.0, np.round(job.global_batch_tokens / np.where(per_round > 0.0, per_round, np.nan)))
    return _Cut(
        active_count=active,
        laid_out_count=laid_out,
        rate_flop_per_s=rate,
        replicas=replicas,
        replica_count=replica_count,
        micro_batches=micro_batches,
        batch_tokens=micro_batches * per_round,
    )


def _kernel_factors(job: Job) -> dict[str, Array]:
    peak = job.gpu_count * job.peak_flop_per_s
    extra = transformer.recompute_share(
        flop_per_token=job.flop_per_token,
        attention_flop_per_token=job.attention_flop_per_token,
        full_share=job.recompute_full_share,
        selective_share=job.recompute_selective_share,
    )
    return {
        "ceiling": ceiling.weighted_share(weight=peak, share=job.ceiling_share),
        "shape": ceiling.weighted_share(weight=peak * job.ceiling_share, share=job.shape_share),
        "memory_bound": ceiling.memory_bound_factor(memory_bound_share=job.memory_bound_share),
        "recompute": 1.0 / (1.0 + extra),
    }


def _mixing_factors(job: Job, cut: _Cut) -> dict[str, Array]:
    achieved = np.sum(job.gpu_count * cut.rate_flop_per_s, axis=-1)
    active = np.sum(cut.active_count * cut.rate_flop_per_s, axis=-1)
    laid_out = np.sum(cut.laid_out_count * cut.rate_flop_per_s, axis=-1)
    nodes = np.sum(cut.laid_out_count / job.node_gpu_count, axis=-1)
    excess = job.node_sigma_share * straggler.expected_max_normal(count=np.maximum(nodes, 1.0))
    return {
        "mixed_generations": _split_factor(job, cut) * active / achieved,
        "layout_remainder": laid_out / active,
        "jitter": straggler.jitter_factor(excess_share=excess),
    }


def _split_factor(job: Job, cut: _Cut) -> Array:
    """The loss to mixed generations on the GPUs laid out, by the job's split of the work."""
    count, rate = cut.laid_out_count, cut.rate_flop_per_s
    if job.split == "proportional":
        units = cut.micro_batches * cut.replica_count
        return mixed.proportional_split_factor(worker_count=cut.replicas, rate_flop_per_s=rate, unit_count=units)
    if job.split == "memory":
        smallest = np.min(np.where(count > 0.0, job.hbm_byte, np.inf), axis=-1, keepdims=True)
        return mixed.memory_limited_split_factor(
            gpu_count=count, rate_flop_per_s=rate, work_cap_factor=job.hbm_byte / smallest
        )
    if job.split == "stages":
        return mixed.stage_split_factor(
            gpu_count=count,
            rate_flop_per_s=rate,
            stage_gpu_count=job.tp_count * job.cp_count,
            pp_count=job.pp_count,
            layer_count=job.layer_count,
        )
    return mixed.equal_split_factor(gpu_count=count, rate_flop_per_s=rate)


def _least(job: Job, quantity: Array) -> Array:
    """The least of a pool quantity among the pools that hold GPUs: what gates a synchronous job."""
    least: Array = np.min(np.where(job.gpu_count > 0.0, quantity, np.inf), axis=-1)
    return least


def _layout_communication_s(job: Job, cut: _Cut, busy_s: Array) -> Array:
    link = _least(job, job.scale_up_byte_per_s) * job.scale_up_efficiency_share
    layers = parallel.layers_per_stage_count(layer_count=job.layer_count, pp_count=job.pp_count)
    tokens = job.sequence_tokens * job.micro_batch_count
    tensor_s = parallel.tensor_parallel_s(
        micro_batch_count=cut.micro_batches,
        layers_per_stage_count=layers,
        micro_batch_tokens=tokens,
        hidden_dim=job.hidden_dim,
        tp_count=job.tp_count,
        cp_count=job.cp_count,
        activation_bytes=job.activation_bytes,
        link_byte_per_s=link,
    )
    context_s = parallel.context_parallel_s(
        micro_batch_count=cut.micro_batches,
        layers_per_stage_count=layers,
        micro_batch_tokens=tokens,
        kv_dim=job.kv_dim,
        tp_count=job.tp_count,
        cp_count=job.cp_count,
        activation_bytes=job.activation_bytes,
        link_byte_per_s=link,
    )
    return parallel.exposed_s(collective_s=tensor_s + context_s, window_s=busy_s, overlap_share=job.overlap_share)


def _bubble_share(job: Job, cut: _Cut) -> Array:
    return pipeline.bubble_share(
        pp_count=job.pp_count,
        vpp_count=job.vpp_count,
        micro_batch_count=cut.micro_batches,
        schedule_factor=job.schedule_factor,
    )


def _exchange_times_s(job: Job, cut: _Cut) -> dict[str, Array]:
    """Time of the data-parallel collectives of a step by every algorithm; NaN where one is not available."""
    links = _links(job)
    group = cut.replica_count * job.cp_count
    per_node = parallel.group_ranks_per_node_count(
        tp_count=job.tp_count,
        cp_count=job.cp_count,
        pp_count=job.pp_count,
        dp_count=cut.replica_count,
        domain_gpu_count=_least(job, job.domain_gpu_count),
    )
    gradient, weight = (
        parallel.shard_byte(
            parameter_count=job.parameter_count, tp_count=job.tp_count, pp_count=job.pp_count, element_bytes=width
        )
        for width in (job.gradient_bytes, job.weight_bytes)
    )
    if job.flat:
        return {"ring": _flat_ring_s(job, cut, links, gradient)}
    shards = np.where(np.isnan(job.dp_shard_count), group, np.minimum(job.dp_shard_count, group))
    return {
        name: exchange.data_parallel_s(
            links=links,
            algorithm=name,
            zero_stage=job.zero_stage,
            group_rank_count=group,
            shard_rank_count=shards,
            ranks_per_node_count=per_node,
            gradient_byte=gradient,
            weight_byte=weight,
            micro_batch_count=cut.micro_batches,
            layers_per_stage_count=parallel.layers_per_stage_count(layer_count=job.layer_count, pp_count=job.pp_count),
        )
        for name in exchange.ALGORITHMS
    }


def _flat_ring_s(job: Job, cut: _Cut, links: exchange.Links, gradient: Array) -> Array:
    """The counterfactual: the gradients all-reduced by one ring over every rank, in a number of pieces."""
    domain = _least(job, job.domain_gpu_count)
    piece_s = exchange.collective_s(
        links=links,
        algorithm="ring",
        rank_count=np.sum(cut.laid_out_count, axis=-1),
        ranks_per_node_count=domain,
        message_byte=gradient / job.flat_collective_count,
        trip_count=2.0,
    )
    return job.flat_collective_count * piece_s


def _links(job: Job) -> exchange.Links:
    throttle = fabric.oversubscription_throttle_factor(
        replica_gpu_count=job.tp_count * job.pp_count * job.cp_count,
        pod_gpu_count=job.pod_gpu_count,
        oversubscription_factor=job.oversubscription_factor,
    )
    # Bytes that stay inside one pod meet no oversubscribed link.
    crosses = np.sum(job.gpu_count, axis=-1) > job.pod_gpu_count
    nic = _least(job, job.nic_byte_per_s) * job.scale_out_efficiency_share
    return replace(
        job.links,
        scale_up_byte_per_s=_least(job, job.scale_up_byte_per_s) * job.scale_up_efficiency_share,
        scale_out_byte_per_s=nic / np.where(crosses, throttle, 1.0),
    )


def _chosen(job: Job, times: Mapping[str, Array]) -> tuple[str, Array]:
    """The algorithm used and its time: the one forced, or the fastest available at the first scenario."""
    if job.flat:
        return "ring", times["ring"]
    if job.algorithm != "auto":
        return job.algorithm, times[job.algorithm]
    stacked = np.stack(np.broadcast_arrays(*times.values()))
    known = np.where(np.isnan(stacked), np.inf, stacked)
    best = np.min(known, axis=0)
    first = known.reshape(known.shape[0], -1)[:, 0]
    return tuple(times)[int(np.argmin(first))], np.where(np.isinf(best), np.nan, best)


def _goodput(job: Job, cut: _Cut) -> tuple[Array, Array, Array]:
    mttf_s = goodput.mttf_s(gpu_count=cut.laid_out_count, failures_per_1000_gpu_day=job.failures_per_1000_gpu_day)
    best_s = goodput.optimal_interval_s(mttf_s=mttf_s, checkpoint_s=job.checkpoint_s)
    interval_s = np.where(np.isnan(job.checkpoint_interval_s), best_s, job.checkpoint_interval_s)
    if job.isolation == "job":
        share = goodput.restart_goodput_share(
            mttf_s=mttf_s,
            restart_s=job.restart_s,
            checkpoint_s=job.checkpoint_s,
            checkpoint_interval_s=interval_s,
        )
    else:
        spare = job.isolation == "hot-spare"
        share = goodput.isolation_goodput_share(
            mttf_s=mttf_s,
            stall_s=job.hot_spare_stall_s if spare else job.replica_stall_s,
            # A hot spare takes the place of the failed replica at once, so no repair time is lost.
            replica_repair_s=np.zeros_like(job.replica_repair_s) if spare else job.replica_repair_s,
            replica_count=cut.replica_count,
        )
    return mttf_s, interval_s, share
