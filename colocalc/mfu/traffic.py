"""What the data-parallel collectives of one step cost, on the links that the job's GPUs have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array
from colocalc.mfu import exchange, fabric
from colocalc.mfu.cut import Cut, least, most
from colocalc.mfu.exchange import DataParallel
from colocalc.mfu.job import Job
from colocalc.mfu.pace import Pace
from colocalc.mfu.predict.setup import ELEMENT_BYTE, TABLES, expert_copy_count
from colocalc.units import BITS_PER_BYTE


@dataclass(frozen=True, eq=False)
class _Group:
    """Ranks that hold the same parameters, each ``(...,)``."""

    rank_count: Array
    shard_count: Array  # ranks that share one copy of the state
    near_count: Array  # of them in one scale-up domain
    parameter_count: Array  # that each rank holds


def exchange_times(job: Job, cut: Cut, pace: Pace) -> dict[str, DataParallel]:
    """Time of the data-parallel collectives of a step by every algorithm; NaN where one is not available.

    Where replicas meet every few steps only, the collectives are those of such a meeting.
    """
    links, groups = _links(job, cut, pace), tuple(_groups(job, cut, pace))
    gradient = most(cut, pace.setup.stack.gradient_byte)
    found = {}
    for name in ("ring",) if job.flat else exchange.ALGORITHMS:
        inner = _sum([_collectives(job, cut, links, name, one, gradient, job.zero_stage) for one in groups])
        found[name] = _or_outer(job, cut, links, name, groups, inner)
    if not job.flat:
        return found
    half_s = _flat_latency_s(job, cut, links) / 2.0
    ring = found["ring"]
    return {"ring": DataParallel(ring.scatter_s + half_s, ring.gather_s + half_s)}


def _groups(job: Job, cut: Cut, pace: Pace) -> Iterator[_Group]:
    """All that is outside routed experts, and the experts, which fewer ranks hold together."""
    part, domain = pace.setup.part, least(cut, job.chip.domain_gpu_count)
    whole = job.dimensions.layer_count * least(cut, part.shared_parameter_count)
    held = (whole + TABLES * least(cut, part.head_parameter_count)) / (job.tp_count * job.pp_count)
    # Slices of TPUs are joined by the data-centre network, whose cost is told apart; inside one they are a group.
    ranks = cut.replica_count * job.cp_count / most(cut, job.stack.slice_count)
    shards = np.where(np.isnan(job.dp_shard_count), ranks, np.minimum(job.dp_shard_count, ranks))
    yield _Group(ranks, shards, np.clip(domain / job.tp_count, 1.0, ranks), held)
    if bool(np.any(part.expert_parameter_count > 0.0)):
        copies = least(cut, expert_copy_count(plan=pace.setup.plan))
        experts = least(cut, part.stage_layer_count * part.expert_parameter_count)
        yield _Group(copies, copies, np.clip(domain / job.ep_count, 1.0, copies), experts)


def _collectives(
    job: Job, cut: Cut, links: exchange.Links, name: str, group: _Group, gradient_byte: Array, zero_stage: int
) -> DataParallel:
    found = exchange.data_parallel_s(
        links=links,
        algorithm=name,
        zero_stage=zero_stage,
        fsdp_share=most(cut, job.stack.fsdp_share),
        group_rank_count=group.rank_count,
        shard_rank_count=group.shard_count,
        ranks_per_node_count=group.near_count,
        gradient_byte=group.parameter_count * gradient_byte,
        weight_byte=group.parameter_count * ELEMENT_BYTE,
        micro_batch_count=cut.micro_batch_count,
        layers_per_stage_count=job.dimensions.layer_count / job.pp_count,
    )
    # A dense scenario beside one with experts starts no collective for them.
    is_held = group.parameter_count != 0.0
    return DataParallel(np.where(is_held, found.scatter_s, 0.0), np.where(is_held, found.gather_s, 0.0))


def _or_outer(
    job: Job, cut: Cut, links: exchange.Links, name: str, groups: Sequence[_Group], inner: DataParallel
) -> DataParallel:
    """Local SGD: an all-reduce of what the weights have moved, at its own width, in place of that of every step."""
    is_outer = job.outer_sync_interval_steps > 1.0
    if not bool(np.any(is_outer)):
        return inner
    byte = job.outer_sync_bits / BITS_PER_BYTE
    outer = _sum([_collectives(job, cut, links, name, one, byte, 0) for one in groups])
    return DataParallel(
        scatter_s=np.where(is_outer, outer.scatter_s, inner.scatter_s),
        gather_s=np.where(is_outer, outer.gather_s, inner.gather_s),
    )


def _sum(parts: Sequence[DataParallel]) -> DataParallel:
    first, *others = parts
    for one in others:
        first = DataParallel(first.scatter_s + one.scatter_s, first.gather_s + one.gather_s)
    return first


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
