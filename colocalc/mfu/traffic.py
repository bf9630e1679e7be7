"""What the data-parallel collectives of one step cost, on the links that the job's GPUs have."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array
from colocalc.mfu import exchange, fabric
from colocalc.mfu.cut import Cut, least, most
from colocalc.mfu.exchange import DataParallel
from colocalc.mfu.job import Job
from colocalc.mfu.pace import Pace
from colocalc.mfu.predict.setup import ELEMENT_BYTE, TABLES, expert_copy_count


def exchange_times(job: Job, cut: Cut, pace: Pace) -> dict[str, DataParallel]:
    """Time of the data-parallel collectives of a step by every algorithm; NaN where one is not available."""
    links = _links(job, cut, pace)
    names = ("ring",) if job.flat else exchange.ALGORITHMS
    times = {name: _exchange(job, cut, pace, links, name) for name in names}
    if not job.flat:
        return times
    half_s = _flat_latency_s(job, cut, links) / 2.0
    ring = times["ring"]
    return {"ring": DataParallel(ring.scatter_s + half_s, ring.gather_s + half_s)}


def _exchange(job: Job, cut: Cut, pace: Pace, links: exchange.Links, name: str) -> DataParallel:
    """Everything outside routed experts, and the experts, which fewer ranks hold together."""
    shared = _of_shared(job, cut, pace, links, name)
    part = pace.setup.part
    if not bool(np.any(part.expert_parameter_count > 0.0)):
        return shared
    held = least(cut, part.stage_layer_count * part.expert_parameter_count)
    copies = least(cut, expert_copy_count(plan=pace.setup.plan))
    routed = _of_group(
        job, cut, pace, links, name, copies, copies, least(cut, job.chip.domain_gpu_count) / job.ep_count, held
    )
    # A dense scenario beside one with experts starts no collective for them.
    has_experts = held > 0.0
    return DataParallel(
        scatter_s=shared.scatter_s + np.where(has_experts, routed.scatter_s, 0.0),
        gather_s=shared.gather_s + np.where(has_experts, routed.gather_s, 0.0),
    )


def _of_shared(job: Job, cut: Cut, pace: Pace, links: exchange.Links, name: str) -> DataParallel:
    part = pace.setup.part
    whole = job.dimensions.layer_count * least(cut, part.shared_parameter_count)
    held = (whole + TABLES * least(cut, part.head_parameter_count)) / (job.tp_count * job.pp_count)
    # Slices of TPUs are joined by the data-centre network, whose cost is told apart; inside one they are a group.
    group = cut.replica_count * job.cp_count / most(cut, job.stack.slice_count)
    shards = np.where(np.isnan(job.dp_shard_count), group, np.minimum(job.dp_shard_count, group))
    near = least(cut, job.chip.domain_gpu_count) / (job.tp_count * job.cp_count)
    return _of_group(job, cut, pace, links, name, group, shards, near, held)


def _of_group(
    job: Job,
    cut: Cut,
    pace: Pace,
    links: exchange.Links,
    name: str,
    group: Array,
    shards: Array,
    near: Array,
    parameter_count: Array,
) -> DataParallel:
    stack = pace.setup.stack
    return exchange.data_parallel_s(
        links=links,
        algorithm=name,
        zero_stage=job.zero_stage,
        fsdp_share=most(cut, stack.fsdp_share),
        group_rank_count=group,
        shard_rank_count=shards,
        ranks_per_node_count=np.clip(near, 1.0, group),
        gradient_byte=parameter_count * most(cut, stack.gradient_byte),
        weight_byte=parameter_count * ELEMENT_BYTE,
        micro_batch_count=cut.micro_batch_count,
        layers_per_stage_count=job.dimensions.layer_count / job.pp_count,
    )


def _flat_latency_s(job: Job, cut: Cut, links: exchange.Links) -> Array:
    """The counterfactual: the latency of rings over every rank, on top of the bytes the job's own groups move."""
    ranks = np.sum(cut.laid_out_count, axis=-1)
    empty_s = exchange.collective_s(
        links=links,
        algorithm="ring",
        rank_count=ranks,
        ranks_per_node_count=least(cut, job.chip.domain_gpu_count),
        message_byte=0.0,
        trip_count=2.0,
    )
    return job.flat_collective_count * empty_s


def _links(job: Job, cut: Cut, pace: Pace) -> exchange.Links:
    throttle = fabric.oversubscription_throttle_factor(
        replica_gpu_count=job.tp_count * job.pp_count * job.cp_count,
        pod_gpu_count=job.pod_gpu_count,
        oversubscription_factor=job.oversubscription_factor,
    )
    # Bytes that stay inside one pod meet no oversubscribed link.
    crosses = np.sum(cut.laid_out_count, axis=-1) > job.pod_gpu_count
    inside = least(cut, pace.setup.rates.scale_up_byte_per_s)
    # On a torus, tensor ranks keep one dimension for themselves.
    dimensions = job.links.torus_dimension_count
    free = np.where(job.tp_count > 1.0, 1.0 - 1.0 / dimensions, 1.0)
    return replace(
        job.links,
        scale_up_byte_per_s=inside,
        scale_out_byte_per_s=least(cut, pace.setup.rates.scale_out_byte_per_s) / np.where(crosses, throttle, 1.0),
        torus_byte_per_s=inside * free,
    )


def chosen(job: Job, times: Mapping[str, DataParallel]) -> tuple[str, DataParallel]:
    """The algorithm used and its times: the one forced, or the fastest available at the first scenario."""
    if job.flat:
        return "ring", times["ring"]
    if job.algorithm != "auto":
        return job.algorithm, times[job.algorithm]
    stacked = np.stack(np.broadcast_arrays(*(one.total_s for one in times.values())))
    known = np.where(np.isnan(stacked), np.inf, stacked)
    first = known.reshape(known.shape[0], -1)[:, 0]
    best = np.min(known, axis=0)
    return tuple(times)[int(np.argmin(first))], DataParallel(
        scatter_s=_where(known == best, [one.scatter_s for one in times.values()]),
        gather_s=_where(known == best, [one.gather_s for one in times.values()]),
    )


def _where(is_best: NDArray[np.bool_], values: list[Array]) -> Array:
    """The value of the first algorithm that is the fastest; NaN where none is available."""
    found: Array = np.full(is_best.shape[1:], np.nan)
    for chosen_here, value in zip(is_best[::-1], values[::-1], strict=True):
        found = np.where(chosen_here, value, found)
    return found
