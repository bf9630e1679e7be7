"""What the collectives of one step cost, on the links that the job's GPUs have."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu import exchange, fabric, parallel
from colocalc.mfu.cut import Cut, least
from colocalc.mfu.job import Job


def layout_communication_s(job: Job, cut: Cut, busy_s: Array) -> Array:
    """Exposed time of tensor and context collectives: on the scale-up links as far as the ranks fit a domain."""
    inside = least(cut, job.scale_up_byte_per_s) * job.scale_up_efficiency_share
    outside = least(cut, job.nic_byte_per_s) * job.scale_out_efficiency_share
    domain = least(cut, job.domain_gpu_count)
    layers = parallel.layers_per_stage_count(layer_count=job.layer_count, pp_count=job.pp_count)
    tokens = job.sequence_tokens * job.micro_batch_count
    tensor_s = parallel.tensor_parallel_s(
        micro_batch_count=cut.micro_batch_count,
        layers_per_stage_count=layers,
        micro_batch_tokens=tokens,
        hidden_dim=job.hidden_dim,
        tp_count=job.tp_count,
        cp_count=job.cp_count,
        activation_bytes=job.activation_bytes,
        link_byte_per_s=np.where(job.tp_count > domain, outside, inside),
    )
    context_s = parallel.context_parallel_s(
        micro_batch_count=cut.micro_batch_count,
        layers_per_stage_count=layers,
        micro_batch_tokens=tokens,
        kv_dim=job.kv_dim,
        tp_count=job.tp_count,
        cp_count=job.cp_count,
        activation_bytes=job.activation_bytes,
        link_byte_per_s=np.where(job.tp_count * job.cp_count > domain, outside, inside),
    )
    return parallel.exposed_s(
        collective_s=tensor_s * job.block_collective_factor + context_s,
        window_s=busy_s,
        overlap_share=job.overlap_share,
    )


def exchange_times_s(job: Job, cut: Cut) -> dict[str, Array]:
    """Time of the data-parallel collectives of a step by every algorithm; NaN where one is not available."""
    links = _links(job, cut)
    group = cut.replica_count * job.cp_count
    per_node = parallel.group_ranks_per_node_count(
        tp_count=job.tp_count,
        cp_count=job.cp_count,
        pp_count=job.pp_count,
        dp_count=cut.replica_count,
        domain_gpu_count=least(cut, job.domain_gpu_count),
    )
    gradient, weight = (
        parallel.shard_byte(
            parameter_count=job.parameter_count, tp_count=job.tp_count, pp_count=job.pp_count, element_bytes=width
        )
        for width in (job.gradient_bytes, job.weight_bytes)
    )
    shards = np.where(np.isnan(job.dp_shard_count), group, np.minimum(job.dp_shard_count, group))
    times = {
        name: exchange.data_parallel_s(
            links=links,
            algorithm=name,
            zero_stage=job.zero_stage,
            group_rank_count=group,
            shard_rank_count=shards,
            ranks_per_node_count=per_node,
            gradient_byte=gradient,
            weight_byte=weight,
            micro_batch_count=cut.micro_batch_count,
            layers_per_stage_count=parallel.layers_per_stage_count(layer_count=job.layer_count, pp_count=job.pp_count),
        )
        for name in (("ring",) if job.flat else exchange.ALGORITHMS)
    }
    return {"ring": times["ring"] + _flat_latency_s(job, cut, links)} if job.flat else times


def _flat_latency_s(job: Job, cut: Cut, links: exchange.Links) -> Array:
    """The counterfactual: the latency of rings over every rank, on top of the bytes the job's own groups move."""
    ranks = np.sum(cut.laid_out_count, axis=-1)
    empty_s = exchange.collective_s(
        links=links,
        algorithm="ring",
        rank_count=ranks,
        ranks_per_node_count=least(cut, job.domain_gpu_count),
        message_byte=0.0,
        trip_count=2.0,
    )
    return job.flat_collective_count * empty_s


def _links(job: Job, cut: Cut) -> exchange.Links:
    throttle = fabric.oversubscription_throttle_factor(
        replica_gpu_count=job.tp_count * job.pp_count * job.cp_count,
        pod_gpu_count=job.pod_gpu_count,
        oversubscription_factor=job.oversubscription_factor,
    )
    # Bytes that stay inside one pod meet no oversubscribed link.
    crosses = np.sum(cut.laid_out_count, axis=-1) > job.pod_gpu_count
    nic = least(cut, job.nic_byte_per_s) * job.scale_out_efficiency_share
    return replace(
        job.links,
        scale_up_byte_per_s=least(cut, job.scale_up_byte_per_s) * job.scale_up_efficiency_share,
        scale_out_byte_per_s=nic / np.where(crosses, throttle, 1.0),
    )


def chosen(job: Job, times: Mapping[str, Array]) -> tuple[str, Array]:
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
