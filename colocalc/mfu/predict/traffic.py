"""How long do the collectives inside a replica hold up a micro-batch?

Tensor, context and expert parallelism, and the sends between pipeline stages, each with the part that compute does not
hide. Sources: Korthikanti et al. 2022 (sequence parallelism), Wang et al. 2023 (overlap of collectives and products),
Llama 3 section 3.3.2, DeepSeek-V3 section 3.2.
"""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu.parallel import CP_PASSES, context_parallel_s
from colocalc.mfu.predict.setup import ELEMENT_BYTE, Setup

# Collectives of a layer that move the activations once: all-reduces of attention and MLP are two each, forward and
# backward; sequence parallelism gathers the inputs of both once more (Korthikanti et al. 2022, section 4.2.2).
TP_PASSES = 8.0
SEQUENCE_PARALLEL_PASSES = 2.0
FORWARD_PASSES = 4.0
PARALLEL_BLOCK_SAVED_SHARE = 0.5  # attention and MLP share their collectives (PaLM, section 2)
ALL_TO_ALL_BYTE = 8.0  # dispatch and combine, forward and backward, of two bytes each (DeepSeek-V3, section 3.2)
LARGE_DOMAIN_GPU_COUNT = 32.0  # a rack-scale domain, as opposed to a node of 8 or 16
COLLECTIVE_S = 8e-6  # start of a collective inside a domain; near the 8.4 us of NCCL's tuning.cc
HOP_S = 15e-6  # start of a message between nodes; near the 14 us of NCCL's tuning.cc


@dataclass(frozen=True, eq=False)
class Sends:
    """What pipeline sends add, each ``(...,)``.

    Attributes
    ----------
    micro_batch_s : ndarray
        To every micro-batch [s].
    fill_s : ndarray
        Once a step, at fill and drain, when there is nothing to hide behind [s].
    """

    micro_batch_s: Array
    fill_s: Array


def _seen_share(plain: Array | float, overlapped: Array, overlap: Array) -> Array:
    return plain + overlap * (overlapped - plain)


def tensor_s(setup: Setup) -> Array:
    """Tensor-parallel traffic of a layer and micro-batch that is seen, forward and backward.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    ndarray (...)
        Time [s].

    Notes
    -----
    ``seen (8 + 2 sp + 4 rho_layer)(1 - block/2)(2 T h (1 - 1/t)/B + 8 us)``, with ``B`` the links of one torus
    dimension or of a switch, or the NIC where ranks leave the domain

    - one rank: 0
    - infinite links: the start of each collective is left

    References
    ----------
    Korthikanti et al. 2022, section 4.2.2; Wang et al. 2023, section 3, for overlap.
    """
    plan, chip, constants, rates = setup.plan, setup.chip, setup.constants, setup.rates
    passes = TP_PASSES + SEQUENCE_PARALLEL_PASSES * plan.sequence_parallel_share
    passes = passes + FORWARD_PASSES * plan.recompute_layer_share
    passes = passes * (1.0 - PARALLEL_BLOCK_SAVED_SHARE * setup.stack.parallel_block_share)
    inside = rates.scale_up_byte_per_s / chip.torus_dim_count
    link = np.where(plan.tp_count > chip.domain_gpu_count, rates.scale_out_byte_per_s, inside)
    byte = ELEMENT_BYTE * setup.part.micro_batch_tokens * setup.dimensions.hidden_dim * (1.0 - 1.0 / plan.tp_count)
    pass_s = byte / link + np.where(plan.tp_count > 1.0, COLLECTIVE_S, 0.0)
    seen = _seen_share(constants.tp_exposed_share, constants.tp_overlapped_share, setup.stack.tp_overlap_share)
    return seen * passes * pass_s


def context_s(setup: Setup) -> Array:
    """Context-parallel traffic of a layer and micro-batch that is seen, forward and backward.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    ndarray (...)
        Time [s].

    Notes
    -----
    ``seen`` times ``colocalc.mfu.parallel.context_parallel_s`` of one layer and micro-batch and the starts of its three
    collectives, 8 us each, 15 us where ranks leave the domain; an all-gather is seen whole, ring attention in part

    - one rank: 0
    - infinite links: the start of each collective is left

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), section 3.3.2; Liu et al. 2023 (ring attention).
    """
    plan, rates = setup.plan, setup.rates
    leaves = plan.tp_count * plan.cp_count > setup.chip.domain_gpu_count
    whole_s = context_parallel_s(
        micro_batch_count=1.0,
        layers_per_stage_count=1.0,
        micro_batch_tokens=plan.micro_batch_sequences * setup.dimensions.sequence_tokens,
        kv_dim=setup.dimensions.kv_dim,
        tp_count=plan.tp_count,
        cp_count=plan.cp_count,
        activation_bytes=ELEMENT_BYTE,
        link_byte_per_s=np.where(leaves, rates.scale_out_byte_per_s, rates.scale_up_byte_per_s),
    )
    start_s = np.where(plan.cp_count > 1.0, CP_PASSES * np.where(leaves, HOP_S, COLLECTIVE_S), 0.0)
    return _seen_share(1.0, setup.constants.cp_overlapped_share, setup.stack.cp_overlap_share) * (whole_s + start_s)


def expert_s(setup: Setup) -> Array:
    """All-to-alls and dispatch of experts that are seen, for a mean layer and micro-batch, forward and backward.

    A token goes once to every other domain that holds one of its experts, and from there to each of them. Experts are
    taken to be equally popular.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    ndarray (...)
        Time [s].

    Notes
    -----
    ``x (seen 8 T h r max(K (1 - 1/e)/U, far/(ep_link_share NIC)) + dispatch)`` with ``far = (1-i)/i (1 - (1-i)^K)``,
    ``i = min(domain/e, 1)`` and ``r = 1/t`` under sequence parallelism

    - no layer with experts: 0
    - one expert rank, or infinite links: dispatch alone
    - experts within a domain: nothing on the NIC

    References
    ----------
    DeepSeek-AI 2024 (DeepSeek-V3), section 3.2, for all-to-alls over domains.
    """
    plan, chip, constants, topk = setup.plan, setup.chip, setup.constants, setup.dimensions.topk_count
    inside = np.minimum(chip.domain_gpu_count / plan.ep_count, 1.0)
    outside = 1.0 - inside
    far = outside / inside * (1.0 - outside**topk)
    nic = chip.scale_out_byte_per_s * constants.ep_link_share
    near_s = topk * (1.0 - 1.0 / plan.ep_count) / setup.rates.scale_up_byte_per_s
    # Where no token leaves its domain, the NIC need not be known.
    byte_s = np.maximum(near_s, np.where(far > 0.0, far / nic, 0.0))
    held = np.where(plan.sequence_parallel_share > 0.0, 1.0 / plan.tp_count, 1.0)
    byte = ALL_TO_ALL_BYTE * setup.part.micro_batch_tokens * setup.dimensions.hidden_dim * held
    is_one = (chip.domain_gpu_count >= LARGE_DOMAIN_GPU_COUNT) & (plan.ep_count <= chip.domain_gpu_count)
    dispatch_s = constants.expert_layer_s * np.where(is_one, 1.0, constants.expert_far_factor)
    return setup.part.expert_layer_share * (constants.ep_exposed_share * byte * byte_s + dispatch_s)


def pipeline_sends(setup: Setup) -> Sends:
    """What sends between stages add to a micro-batch, and once a step.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    Sends
        Times [s].

    Notes
    -----
    ``hop = 2 T h/t/B + 15 us``; a micro-batch sees ``2 v seen hop``, fill and drain ``2 p v (1 - seen) hop``

    - one stage: 0
    - infinite links: the start of each send is left
    - no overlap: nothing is left over for fill and drain

    References
    ----------
    Narayanan et al. 2021, section 2.2, for v sends of an interleaved schedule.
    """
    plan, rates, constants = setup.plan, setup.rates, setup.constants
    is_near = plan.tp_count * plan.pp_count <= setup.chip.domain_gpu_count
    link = np.where(is_near, rates.scale_up_byte_per_s, rates.scale_out_byte_per_s)
    byte = ELEMENT_BYTE * setup.part.micro_batch_tokens * setup.dimensions.hidden_dim / plan.tp_count
    hop_s = np.where(plan.pp_count > 1.0, byte / link + HOP_S, 0.0)
    seen = _seen_share(constants.pp_exposed_share, constants.pp_overlapped_share, setup.stack.pp_overlap_share)
    both_ways_s = 2.0 * plan.vpp_count * hop_s
    return Sends(micro_batch_s=seen * both_ways_s, fill_s=plan.pp_count * both_ways_s * (1.0 - seen))
