"""How long does one chip work on one layer of a micro-batch, on the head, and on the optimizer?

Products at their sustained rate, what they stream and do not hide, what only HBM limits, and what is run again.
Sources: Korthikanti et al. 2022 (recompute), Dao 2023 (FlashAttention-2), Williams et al. 2009 (roofline), Kingma and
Ba 2015 (Adam).
"""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu.predict.setup import ELEMENT_BYTE, TABLES, Setup, causal_tokens, residual_spread_share

MULTIPLY_ADD_FLOP = 2.0
PRODUCTS = 3.0  # of a linear layer: forward, the gradient of its input, that of its weights

# Passes of the attention core in a step, forward being one. A fused kernel computes the scores again in its backward
# pass, five products instead of four (Dao 2023, section 4.1).
FUSED_PASSES = 3.5
UNFUSED_PASSES = 3.0

# HBM traffic of an unfused score in 16 bits. Forward: softmax reads and writes (4), dropout reads, writes and keeps a
# mask of one byte (5). Backward: dropout (5), softmax (6). Counted by hand on the tensors of Korthikanti et al. 2022,
# section 4.1; the two products around them are in the roofline.
SCORE_FORWARD_BYTE = 9.0
SCORE_BYTE = 20.0

# HBM traffic of what is no product, forward, per token: elements of two bytes read and written by norms, residuals and
# dropout of a layer; per token routed to an expert; per query width (rotary); per inner width (activation). Counted by
# hand for an unfused layer; `elementwise_factor` says what of it is left.
RESIDUAL_BYTE = 28.0
DISPATCH_BYTE = 8.0
ROTARY_BYTE = 4.0
ACTIVATION_BYTE = 5.0
PARALLEL_BLOCK_SAVED_SHARE = 0.3  # one norm and one residual less of the two (PaLM, section 2); counted by hand

# Adam with FP32 state: read master weights, two moments and the gradient (16), write the first three and 16-bit
# weights (14) (Rajbhandari et al. 2020, section 3.1, for the state).
OPTIMIZER_BYTE = 30.0


@dataclass(frozen=True, eq=False)
class LayerWork:
    """The work of one chip on one layer of a micro-batch, each ``(...,)``.

    Attributes
    ----------
    linear_s : ndarray
        Linear layers, forward [s].
    core_s, best_core_s : ndarray
        One pass of the attention core: as the kernel does it, and at the rate of BF16 products [s].
    core_pass_count : ndarray
        Passes of it in a step [1].
    shape_s, memory_s : ndarray
        Streaming that products do not hide, and what only HBM limits; forward and backward [s].
    again_s : ndarray
        What is run again [s].
    """

    linear_s: Array
    core_s: Array
    best_core_s: Array
    core_pass_count: Array
    shape_s: Array
    memory_s: Array
    again_s: Array


@dataclass(frozen=True, eq=False)
class HeadWork:
    """The work of the last stage on the LM head of a micro-batch, forward and backward, each ``(...,)``.

    Attributes
    ----------
    linear_s, shape_s, loss_s : ndarray
        The product, the streaming it does not hide, and the loss [s].
    """

    linear_s: Array
    shape_s: Array
    loss_s: Array


def layer_work(setup: Setup) -> LayerWork:
    """Time of one chip on one layer of a micro-batch, by mechanism.

    Products are bound by compute and stream their activations besides; what streams and is not hidden is one lump with
    tiles and waves. Weights are prefetched: only their gradients, once written, count. Tensor ranks share the work
    evenly.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    LayerWork
        Times [s].

    Notes
    -----
    With ``T`` tokens, ``t`` tensor ranks, ``o`` bytes of an operand, ``g`` of a gradient and ``H`` the rate of HBM:
    ``linear = 2 T P_token / (t R_linear)``, ``core = 2 T u (q + w) / (t R_core)`` with ``u`` the keys a query meets,
    ``shape = S/H (1.5 (o + 2) T (y + grouped_shape_factor z) + g (P_shared + P_expert)/t)`` with elements a token
    ``y = 4 h + (2 w + 2 kv + n f')/t`` and ``z = 2 h x max(K - 1, 0) + n f_r/t``,
    ``memory = 3 local + 20 score``,
    ``local = elementwise_factor T/H (h (28 r (1 - 0.3 block) + 8 x K) + (4 q + 5 (f' + f_r))/t + cast (y + z)/2)``
    with ``r = 1/t`` under sequence parallelism, ``score = T a s/(t H)`` where attention is not fused, and
    ``again = rho_layer (linear + shape/3 + local + core + 9 score) + rho_core (core + 9 score)``

    - nothing run again: again 0
    - infinite HBM: shape and memory 0
    - a fused kernel: no traffic of scores

    References
    ----------
    Korthikanti et al. 2022, sections 4.1 and 5; Dao 2023 (FlashAttention-2), section 4.1; Williams et al. 2009.
    """
    tokens, tp = setup.part.micro_batch_tokens, setup.plan.tp_count
    linear_s = MULTIPLY_ADD_FLOP * tokens * setup.part.token_parameter_count / (tp * setup.rates.linear_flop_per_s)
    core_flop = _core_flop(setup)
    core_s = core_flop / setup.rates.core_flop_per_s
    whole, grouped = _streamed_elements(setup)
    shape_s = _shape_s(setup, whole, grouped)
    local_s = _local_s(setup, whole + grouped)
    score_s = _score_byte_s(setup)
    core_again_s = core_s + SCORE_FORWARD_BYTE * score_s
    layer_again_s = linear_s + shape_s / PRODUCTS + local_s + core_again_s
    plan = setup.plan
    return LayerWork(
        linear_s=linear_s,
        core_s=core_s,
        best_core_s=core_flop / setup.rates.bf16_flop_per_s,
        core_pass_count=np.where(setup.stack.flash_share > 0.0, FUSED_PASSES, UNFUSED_PASSES),
        shape_s=shape_s,
        memory_s=PRODUCTS * local_s + SCORE_BYTE * score_s,
        again_s=plan.recompute_layer_share * layer_again_s + plan.recompute_core_share * core_again_s,
    )


def _core_flop(setup: Setup) -> Array:
    # A fused causal kernel leaves out what the mask or the window hides; an unfused product computes the whole square.
    dimensions = setup.dimensions
    keys = np.where(setup.stack.flash_share > 0.0, causal_tokens(dimensions), dimensions.sequence_tokens)
    widths = dimensions.query_dim + dimensions.value_dim
    return MULTIPLY_ADD_FLOP * setup.part.micro_batch_tokens * keys * widths / setup.plan.tp_count


def _streamed_elements(setup: Setup) -> tuple[Array, Array]:
    """Elements per token that go into products or come out of them: of ordinary ones, and of grouped expert ones."""
    dimensions, part, tp = setup.dimensions, setup.part, setup.plan.tp_count
    inside = 2.0 * dimensions.value_dim + 2.0 * dimensions.kv_dim + dimensions.mlp_matrix_count * part.plain_mlp_dim
    copies = part.expert_layer_share * np.maximum(dimensions.topk_count - 1.0, 0.0)
    routed = dimensions.mlp_matrix_count * part.routed_mlp_dim / tp
    return 4.0 * dimensions.hidden_dim + inside / tp, 2.0 * dimensions.hidden_dim * copies + routed


def _stream_byte(operand_byte: Array | float) -> Array | float:
    """Bytes that three products stream per element: each reads or writes it, as an operand or in 16 bits."""
    return PRODUCTS * (operand_byte + ELEMENT_BYTE) / 2.0


def _unhidden_s_per_byte(setup: Setup) -> Array:
    constants, tpu = setup.constants, setup.chip.tpu_share
    share = constants.shape_factor * (1.0 + tpu * (constants.tpu_shape_factor - 1.0))
    return share / setup.rates.hbm_byte_per_s


def _shape_s(setup: Setup, whole: Array, grouped: Array) -> Array:
    part, stack = setup.part, setup.stack
    elements = part.micro_batch_tokens * (whole + setup.constants.grouped_shape_factor * grouped)
    written = stack.gradient_byte * (part.shared_parameter_count + part.expert_parameter_count) / setup.plan.tp_count
    return _unhidden_s_per_byte(setup) * (_stream_byte(setup.chip.operand_byte) * elements + written)


def _local_s(setup: Setup, elements: Array) -> Array:
    # Forward; backward takes twice that.
    dimensions, part, plan = setup.dimensions, setup.part, setup.plan
    spread = residual_spread_share(plan=plan, chip=setup.chip)
    saved = 1.0 - PARALLEL_BLOCK_SAVED_SHARE * setup.stack.parallel_block_share
    residual = RESIDUAL_BYTE * spread * saved + DISPATCH_BYTE * part.expert_layer_share * dimensions.topk_count
    inside = ROTARY_BYTE * dimensions.query_dim + ACTIVATION_BYTE * (part.plain_mlp_dim + part.routed_mlp_dim)
    cast = setup.chip.cast_byte * elements / 2.0  # inputs are cast, results are not
    byte = dimensions.hidden_dim * residual + inside / plan.tp_count + cast
    return setup.constants.elementwise_factor / setup.rates.hbm_byte_per_s * part.micro_batch_tokens * byte


def _score_byte_s(setup: Setup) -> Array:
    """Time that one byte of traffic for every score takes; nothing where scores stay on the chip."""
    dimensions = setup.dimensions
    scores = setup.part.micro_batch_tokens * dimensions.head_count * dimensions.sequence_tokens / setup.plan.tp_count
    return np.where(setup.stack.flash_share > 0.0, 0.0, scores / setup.rates.hbm_byte_per_s)


def head_work(setup: Setup) -> HeadWork:
    """Time of the last stage on the LM head and the loss of a micro-batch, forward and backward.

    The head runs in 16 bits whatever the precision of the layers.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    HeadWork
        Times [s].

    Notes
    -----
    ``linear = 6 T h V/(t R_bf16)``, ``shape = S/H (6 T (h + V/t) + g h V/t)``, ``loss = T V/t loss_byte/H``

    - infinite HBM: only the product is left

    References
    ----------
    Narayanan et al. 2021, appendix, for the product; Korthikanti et al. 2022, section 4.3, for the loss in FP32.
    """
    part, stack, rates, tp = setup.part, setup.stack, setup.rates, setup.plan.tp_count
    tokens, vocabulary = part.micro_batch_tokens, setup.dimensions.vocabulary_count / tp
    head = part.head_parameter_count / tp
    streamed = _stream_byte(ELEMENT_BYTE) * tokens * (setup.dimensions.hidden_dim + vocabulary)
    return HeadWork(
        linear_s=PRODUCTS * MULTIPLY_ADD_FLOP * tokens * head / rates.bf16_flop_per_s,
        shape_s=_unhidden_s_per_byte(setup) * (streamed + stack.gradient_byte * head),
        loss_s=tokens * vocabulary * stack.loss_byte / rates.hbm_byte_per_s,
    )


def optimizer_s(setup: Setup) -> Array:
    """Time of the optimizer of one step on one chip.

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
    ``30 (L (P_shared + P_expert) + 2 V h)/(t p shards)/H``

    - twice the shards: half
    - infinite HBM: 0

    References
    ----------
    Kingma and Ba 2015 (Adam), algorithm 1; Rajbhandari et al. 2020 (ZeRO), section 3.1.
    """
    part, plan = setup.part, setup.plan
    stored = setup.dimensions.layer_count * (part.shared_parameter_count + part.expert_parameter_count)
    states = (stored + TABLES * part.head_parameter_count) / (plan.tp_count * plan.pp_count * plan.shard_count)
    return OPTIMIZER_BYTE / setup.rates.hbm_byte_per_s * states
