"""How much memory does a chip need for its part of a training step, and which term is the largest?

Weights, gradients, optimizer state, activations, logits and buffers by ZeRO stage, recompute and schedule. Sources:
Rajbhandari et al. 2020 (ZeRO), Korthikanti et al. 2022 (activations), Narayanan et al. 2021 (interleaving).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.mfu.predict.facts import Chip, Dimensions, Plan, Stack
from colocalc.mfu.predict.setup import (
    ELEMENT_BYTE,
    FULLY_SHARDED,
    Part,
    expert_copy_count,
    part_of,
    residual_spread_share,
)

TERMS = ("weights", "gradients", "optimizer", "activations", "logits", "buffers")
OPTIMIZER_STATE_BYTE = 12.0  # master weight and two moments in FP32 (Rajbhandari et al. 2020, section 3.1)
GATHERED_LAYERS = 2.0  # under ZeRO 3: the one at work and the next (Zhao et al. 2023, section 3.3)
GRADIENTS_SHARDED = 1.5  # ZeRO stages above this keep a shard of the gradients only
# A layer keeps the inputs and results of its norms, of attention and of its MLP: four tensors of the residual stream,
# and about two of each inner width (Korthikanti et al. 2022, section 4.1, without dropout).
RESIDUAL_TENSORS = 4.0
INNER_TENSORS = 2.0
SCORE_BYTE = 5.0  # softmax and dropout with its mask (Korthikanti et al. 2022, section 4.1)
# Of 34 bytes a token and width, those that are left when what is cheap is run again: recalled, to be read as a guide.
SELECTIVE_KEPT_SHARE = 20.0 / 34.0
LOGIT_BYTE = 6.0  # in 16 bits, and in FP32 for the loss (Korthikanti et al. 2022, section 4.3)
RESERVE_BYTE = 2.0e9  # context, communication buffers, workspace: a planning figure
FRAGMENT_SHARE = 0.06  # of activations and logits, lost between blocks: a planning figure


@dataclass(frozen=True, eq=False)
class Memory:
    """Memory of the fullest chip, each ``(...,)``.

    Attributes
    ----------
    terms : dict of str to ndarray
        Bytes by term of ``TERMS`` [bytes].
    total_byte : ndarray
        What is held at once at most; less than the sum where activations and logits do not peak together [bytes].
    use_share : ndarray
        Of the chip's memory; above 1 the plan does not fit [share].
    """

    terms: dict[str, Array]
    total_byte: Array
    use_share: Array

    def binding(self) -> Array:
        """Place in ``TERMS`` of the largest term, as a float."""
        stacked = np.stack(np.broadcast_arrays(*(self.terms[name] for name in TERMS)))
        return as_array(np.argmax(stacked, axis=0))


def memory(*, dimensions: Dimensions, chip: Chip, plan: Plan, stack: Stack, selective_share: ArrayLike) -> Memory:
    """Memory of the fullest chip.

    Good for ranking plans more than for refusing them: offloading, and activations kept in few bits, are not modelled,
    and reserve and fragmentation are planning figures.

    Parameters
    ----------
    dimensions : Dimensions
        What is trained, each field (...).
    chip : Chip
        On what, each field (...).
    plan : Plan
        How it is cut, each field (...).
    stack : Stack
        What the software is stated to do, each field (...).
    selective_share : array_like (...)
        1 where the cheap parts of a layer are run again, else 0 [0..1].

    Returns
    -------
    Memory
        Bytes by term and in all [bytes].

    Notes
    -----
    With ``P = (ceil(L/p) P_shared + tables h V)/t`` and the experts of as many layers:

    weights ``2 P``, at ZeRO 3 ``2 P/shards`` and two layers gathered; gradients ``g P``, from ZeRO 2 on over the
    shards; optimizer ``12 P/shards``; activations ``chunks in flight ceil(L/(p v)) layer``, with ``min(m, p)`` chunks,
    interleaved ``min(m v, p v + p - 1)``; logits ``6 T V/t`` on the last stage, which has one micro-batch in flight

    - ZeRO 1, 2 and 3 each need less for state than the one before, from two shards and five layers on
    - full recompute: ``2 T h`` of each layer in flight, and one layer whole
    - one rank and one stage: ``(14 + g) P`` and the activations of all layers

    References
    ----------
    Rajbhandari et al. 2020 (ZeRO), section 5; Korthikanti et al. 2022, sections 4 and 5; Narayanan et al. 2021,
    section 2.2.
    """
    part = part_of(dimensions=dimensions, plan=plan)
    terms = _state(dimensions, plan, stack, part)
    activations = _activations(dimensions, chip, plan, stack, part, as_array(selective_share))
    logits = LOGIT_BYTE * part.micro_batch_tokens * dimensions.vocabulary_count / plan.tp_count
    terms |= {
        "activations": activations,
        "logits": logits,
        "buffers": RESERVE_BYTE + FRAGMENT_SHARE * (activations + logits),
    }
    # The last stage has the logits and one micro-batch in flight; the first has as many as stages.
    last = np.maximum(activations, activations / plan.pp_count + logits)
    working = np.where(plan.pp_count > 1.0, last, activations + logits)
    total = terms["weights"] + terms["gradients"] + terms["optimizer"] + terms["buffers"] + working
    return Memory(terms=terms, total_byte=total, use_share=total / chip.hbm_byte)


def _state(dimensions: Dimensions, plan: Plan, stack: Stack, part: Part) -> dict[str, Array]:
    layers = np.ceil(dimensions.layer_count / plan.pp_count)
    tables = np.where(plan.pp_count > 1.0, 1.0, 2.0)
    common = (layers * part.shared_parameter_count + tables * part.head_parameter_count) / plan.tp_count
    routed = layers * part.expert_parameter_count
    shards = np.maximum(plan.shard_count, 1.0)
    copies = expert_copy_count(plan=plan)
    whole, sharded = common + routed, common / shards + routed / np.where(shards > 1.0, copies, 1.0)
    gathered = GATHERED_LAYERS * ELEMENT_BYTE * whole / dimensions.layer_count
    is_full = plan.zero_stage > FULLY_SHARDED
    return {
        "weights": np.where(is_full, ELEMENT_BYTE * sharded + gathered, ELEMENT_BYTE * whole),
        "gradients": stack.gradient_byte * np.where(plan.zero_stage > GRADIENTS_SHARDED, sharded, whole),
        "optimizer": OPTIMIZER_STATE_BYTE * sharded,
    }


def _activations(
    dimensions: Dimensions, chip: Chip, plan: Plan, stack: Stack, part: Part, selective_share: Array
) -> Array:
    hidden = dimensions.hidden_dim * residual_spread_share(plan=plan, chip=chip)
    layer = _layer_byte(dimensions, plan, stack, part, hidden, selective_share)
    kept = ELEMENT_BYTE * part.micro_batch_tokens * hidden
    stored = layer + plan.recompute_layer_share * (kept - layer)
    micro, stages, chunks = np.maximum(part.micro_batch_count, 1.0), plan.pp_count, plan.vpp_count
    interleaved = np.minimum(micro * chunks, stages * chunks + stages - 1.0)
    in_flight = np.where(chunks > 1.0, interleaved, np.minimum(micro, stages))
    again = np.where(plan.recompute_layer_share > 0.0, layer, 0.0)
    return in_flight * np.ceil(dimensions.layer_count / (stages * chunks)) * stored + again


def _layer_byte(
    dimensions: Dimensions, plan: Plan, stack: Stack, part: Part, hidden: Array, selective_share: Array
) -> Array:
    """What one layer of a micro-batch keeps for its backward pass."""
    copies = part.expert_layer_share * dimensions.topk_count * dimensions.hidden_dim
    inner = dimensions.query_dim + dimensions.kv_dim + part.plain_mlp_dim + part.routed_mlp_dim + copies
    elements = RESIDUAL_TENSORS * hidden + INNER_TENSORS * inner / plan.tp_count
    kept = 1.0 + selective_share * (SELECTIVE_KEPT_SHARE - 1.0)
    scores = SCORE_BYTE * dimensions.head_count * dimensions.sequence_tokens / plan.tp_count
    scores = np.where(stack.flash_share > 0.0, 0.0, scores) * (1.0 - plan.recompute_core_share)
    return part.micro_batch_tokens * (kept * ELEMENT_BYTE * elements + scores)
