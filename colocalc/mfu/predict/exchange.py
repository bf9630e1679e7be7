"""How long does data parallelism hold up a step?

Gradients and weights on a ring of the ranks that hold the same parameters, with what backward and forward passes hide.
Sources: Rajbhandari et al. 2020 (ZeRO), Zhao et al. 2023 (PyTorch FSDP), Li et al. 2020 (overlap), NCCL's tuning.cc.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array
from colocalc.mfu.predict.setup import (
    ELEMENT_BYTE,
    FULLY_SHARDED,
    TABLES,
    Setup,
    expert_copy_count,
    meets_every_micro_batch,
)

WINDOWS = 3.0  # a backward pass is two of the three thirds of a micro-batch, a forward pass one
RING_INTRA_HOP_S = 3.4e-6  # NCCL tuning.cc @5067397, ring, Simple, inside a node
RING_INTER_HOP_S = 14e-6  # the same between nodes


@dataclass(frozen=True, eq=False)
class Exchange:
    """Data-parallel collectives of a step, each ``(...,)``.

    Attributes
    ----------
    collective_s : ndarray
        Before overlap [s].
    exposed_s : ndarray
        What compute does not hide [s].
    """

    collective_s: Array
    exposed_s: Array


@dataclass(frozen=True, eq=False)
class Group:
    """Ranks that hold the same parameters, and what moving one byte of each parameter costs, each ``(...,)``.

    Attributes
    ----------
    rank_count, shard_rank_count, near_rank_count : ndarray
        Ranks in all, those that share one copy of the state, and those of them in one scale-up domain [1].
    parameter_count : ndarray
        Parameters of a chip outside routed experts [1].
    byte_s : ndarray
        A ring over all of them, for one byte of every parameter [s].
    """

    rank_count: Array
    shard_rank_count: Array
    near_rank_count: Array
    parameter_count: Array
    byte_s: Array


def exchange(setup: Setup, busy_s: Array) -> Exchange:
    """Data-parallel collectives of a step, and what compute does not hide of them.

    ZeRO 0 to 2 scatter gradients behind the last backward passes and gather weights (or gradients) ahead of the first
    forward passes. FSDP and ZeRO 3 gather and scatter in every micro-batch; with fewer shards than ranks (HSDP) the
    gradients of a shard are also reduced across the copies. Overlapped traffic is seen in part all the same, because it
    takes cores and HBM from compute.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).
    busy_s : ndarray (...)
        One micro-batch on a mean stage, forward and backward [s].

    Returns
    -------
    Exchange
        Times [s].

    Notes
    -----
    ZeRO 0 to 2: ``max(k S, S - 2 W) + max(k A, A - W)``, with ``S = g beta``, ``A = 2 beta`` (ZeRO 0: ``g beta``),
    ``beta`` the time of one byte a parameter, ``k = max(dp_exposed_share, 1/chunks)`` and
    ``W = dp_window_share/3 busy min(m, max(1, p - p/v))``. FSDP: ``max(fsdp_exposed_share R, R - dp_window_share m
    busy)`` with ``R = m ((2 n + g) beta + ring starts) + all-reduce across copies``, n = 2 for ZeRO 3, else 1.

    - one rank: 0
    - no overlap: the whole collective is seen
    - infinite links: 0 without FSDP; with it the starts of its rings are left

    References
    ----------
    Rajbhandari et al. 2020 (ZeRO), section 7; Zhao et al. 2023 (PyTorch FSDP), section 3.2; Li et al. 2020, section
    3.2.3.
    """
    is_sharded = meets_every_micro_batch(plan=setup.plan, stack=setup.stack)
    group = _group(setup, is_sharded)
    scatter_s, gather_s = _once_a_step(setup, group)
    scatter_all_s, gather_all_s = _every_micro_batch(setup, group)
    scatter_s, gather_s = np.where(is_sharded, scatter_all_s, scatter_s), np.where(is_sharded, gather_all_s, gather_s)
    return Exchange(
        collective_s=scatter_s + gather_s,
        exposed_s=exposed_s(setup, busy_s=busy_s, scatter_s=scatter_s, gather_s=gather_s),
    )


def exposed_s(setup: Setup, *, busy_s: Array, scatter_s: Array, gather_s: Array) -> Array:
    """What compute does not hide of the data-parallel collectives of a step.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).
    busy_s : ndarray (...)
        One micro-batch on a mean stage, forward and backward [s].
    scatter_s, gather_s : ndarray (...)
        Collectives after backward passes, and those before forward passes [s].

    Returns
    -------
    ndarray (...)
        Time [s].

    Notes
    -----
    Once a step: ``max(k S, S - 2 W) + max(k A, A - W)``; in every micro-batch: ``max(seen R, R - dp_window_share m
    busy)`` with R both together; ``k``, ``W`` and ``seen`` as in ``exchange``

    - nothing to exchange: 0
    - no overlap: the whole collectives are seen
    - compute without end: what is seen all the same

    References
    ----------
    Li et al. 2020 (PyTorch DDP), section 3.2.3; Zhao et al. 2023 (PyTorch FSDP), section 3.3.
    """
    plan, constants, part = setup.plan, setup.constants, setup.part
    overlaps = setup.stack.dp_overlap_share > 0.0
    # The micro-batches in flight at either end of the schedule.
    in_flight = np.minimum(part.micro_batch_count, np.maximum(1.0, plan.pp_count - plan.pp_count / plan.vpp_count))
    window_s = np.where(overlaps, constants.dp_window_share / WINDOWS * busy_s * in_flight, np.inf)
    # The last chunk or layer has nothing to run behind.
    layers = np.maximum(part.stage_layer_count, 1.0)
    last = np.where(plan.vpp_count > 1.0, 1.0 / plan.vpp_count, 1.0 / layers)
    seen = np.where(overlaps, np.maximum(last, constants.dp_exposed_share), 1.0)
    once_s = np.maximum(seen * scatter_s, scatter_s - (WINDOWS - 1.0) * window_s)
    once_s = once_s + np.maximum(seen * gather_s, gather_s - window_s)
    rounds_s = scatter_s + gather_s
    seen = np.where(overlaps, constants.fsdp_exposed_share, 1.0)
    window_s = constants.dp_window_share * part.micro_batch_count * busy_s
    always_s = np.maximum(rounds_s * seen, rounds_s - window_s)
    return np.where(meets_every_micro_batch(plan=plan, stack=setup.stack), always_s, once_s)


def _group(setup: Setup, is_sharded: NDArray[np.bool_]) -> Group:
    plan, part = setup.plan, setup.part
    ranks = plan.dp_count * plan.cp_count
    shards = np.where(is_sharded, np.minimum(plan.shard_count, ranks), ranks)
    near = np.clip(setup.chip.domain_gpu_count / plan.tp_count, 1.0, shards)
    shared = setup.dimensions.layer_count * part.shared_parameter_count + TABLES * part.head_parameter_count
    held = shared / (plan.tp_count * plan.pp_count)
    return Group(
        rank_count=ranks,
        shard_rank_count=shards,
        near_rank_count=near,
        parameter_count=held,
        byte_s=_shared_byte_s(setup, shards, near, held) + _expert_byte_s(setup),
    )


def _shared_byte_s(setup: Setup, shards: Array, near: Array, held: Array) -> Array:
    # A ring that leaves the domain has the NICs of its own ranks in it; on a torus tensor ranks keep one dimension.
    chip, plan, rates = setup.chip, setup.plan, setup.rates
    is_shared_torus = (plan.tp_count > 1.0) & (chip.torus_dim_count > 1.0)
    inside = rates.scale_up_byte_per_s * np.where(is_shared_torus, 1.0 - 1.0 / chip.torus_dim_count, 1.0)
    leaves = shards * plan.tp_count > chip.domain_gpu_count
    ring = np.where(leaves, np.minimum(near * rates.scale_out_byte_per_s, inside), inside)
    return (1.0 - 1.0 / shards) * held / ring


def _expert_byte_s(setup: Setup) -> Array:
    chip, plan, part, rates = setup.chip, setup.plan, setup.part, setup.rates
    copies = expert_copy_count(plan=plan)
    near = np.clip(chip.domain_gpu_count / plan.ep_count, 1.0, copies)
    leaves = copies * plan.ep_count > chip.domain_gpu_count
    inside = rates.scale_up_byte_per_s
    ring = np.where(leaves, np.minimum(near * rates.scale_out_byte_per_s, inside), inside)
    return (1.0 - 1.0 / copies) * part.stage_layer_count * part.expert_parameter_count / ring


def _once_a_step(setup: Setup, group: Group) -> tuple[Array, Array]:
    gradient_byte = setup.stack.gradient_byte
    gathered = np.where(setup.plan.zero_stage > 0.0, ELEMENT_BYTE, gradient_byte)
    return group.byte_s * gradient_byte, group.byte_s * gathered


def _every_micro_batch(setup: Setup, group: Group) -> tuple[Array, Array]:
    part = setup.part
    gathers = np.where(setup.plan.zero_stage > FULLY_SHARDED, 2.0, 1.0)
    start_s = part.stage_layer_count * _ring_start_s(setup, group)
    scatter_s = part.micro_batch_count * (group.byte_s * setup.stack.gradient_byte + start_s)
    gather_s = part.micro_batch_count * gathers * (group.byte_s * ELEMENT_BYTE + start_s)
    return scatter_s + _across_copies_s(setup, group), gather_s


def _ring_start_s(setup: Setup, group: Group) -> Array:
    """Hops of one ring over several domains; inside one, and on a torus, they do not show."""
    shards, near = group.shard_rank_count, group.near_rank_count
    hops_s = shards * (1.0 - 1.0 / near) * RING_INTRA_HOP_S + shards / near * RING_INTER_HOP_S
    return np.where((shards > near) & (setup.chip.tpu_share == 0.0), hops_s, 0.0)


def _across_copies_s(setup: Setup, group: Group) -> Array:
    """All-reduce of a shard's gradients over the copies of the state (HSDP); slices of TPUs are counted apart."""
    rates, copies = setup.rates, group.rank_count / group.shard_rank_count
    near = np.maximum(group.near_rank_count * copies / group.rank_count, 1.0)
    link = np.minimum(near * rates.scale_out_byte_per_s, rates.scale_up_byte_per_s)
    byte = setup.stack.gradient_byte * group.parameter_count / group.shard_rank_count
    return np.where(setup.chip.tpu_share > 0.0, 0.0, 2.0 * (1.0 - 1.0 / copies) * byte / link)
