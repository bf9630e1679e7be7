"""What does one chip have to do in a micro-batch, and at which rates?

Everything that several mechanisms need, worked out once: the part of the model and of the batch that a plan gives to
one chip, and the rates that the chip keeps up. Sources: Narayanan et al. 2021, Rajbhandari et al. 2020 (ZeRO), Dao 2023
(FlashAttention-2), S. Bekman, Machine Learning Engineering (best measured matrix products).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array
from colocalc.mfu.attention import attended_tokens
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Plan, Stack
from colocalc.mfu.transformer import flop_per_token

ELEMENT_BYTE = 2.0  # of a weight or an activation in 16 bits
TABLES = 2.0  # embedding and LM head
FULLY_SHARDED = 2.5  # ZeRO stages above this keep a shard of the weights only

# Attention scores and their use are a product each; backward costs twice forward. So for each of query and value width
# and each key that a query meets: 2 operations x 3 (Narayanan et al. 2021, appendix).
FLOP_PER_SCORE = 6.0


@dataclass(frozen=True, eq=False)
class Part:
    """What a plan leaves to one chip, each field ``(...,)``.

    Attributes
    ----------
    micro_batch_count : ndarray
        Micro-batches of a data rank in a step [1].
    micro_batch_tokens : ndarray
        Tokens of a micro-batch on one context rank [tokens].
    stage_layer_count : ndarray
        Mean layers of a stage [1].
    expert_layer_share : ndarray
        Layers with experts over all layers [0..1].
    plain_mlp_dim, routed_mlp_dim : ndarray
        Inner widths that a token passes in a mean layer: dense and shared ones, and those of the experts it is sent
        to [1].
    token_parameter_count : ndarray
        Parameters of a mean layer that one token is multiplied by, the router among them [1].
    shared_parameter_count, expert_parameter_count : ndarray
        Stored parameters of a mean layer, outside the experts that are routed to, and in those on one expert-parallel
        rank [1].
    head_parameter_count : ndarray
        Parameters of the LM head [1].
    """

    micro_batch_count: Array
    micro_batch_tokens: Array
    stage_layer_count: Array
    expert_layer_share: Array
    plain_mlp_dim: Array
    routed_mlp_dim: Array
    token_parameter_count: Array
    shared_parameter_count: Array
    expert_parameter_count: Array
    head_parameter_count: Array


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates that a chip keeps up, each ``(...,)``.

    Attributes
    ----------
    linear_flop_per_s, bf16_flop_per_s : ndarray
        Matrix products at the precision of the run, and in BF16 [FLOP/s].
    core_flop_per_s : ndarray
        The attention core, fused or not [FLOP/s].
    hbm_byte_per_s, scale_up_byte_per_s, scale_out_byte_per_s : ndarray
        HBM, the scale-up links of a chip, and its NIC in a ring; links one way [bytes/s].
    """

    linear_flop_per_s: Array
    bf16_flop_per_s: Array
    core_flop_per_s: Array
    hbm_byte_per_s: Array
    scale_up_byte_per_s: Array
    scale_out_byte_per_s: Array


@dataclass(frozen=True, eq=False)
class Setup:
    """The facts of a run and what follows from them at once."""

    dimensions: Dimensions
    chip: Chip
    plan: Plan
    stack: Stack
    constants: Constants
    part: Part
    rates: Rates


def set_up(*, dimensions: Dimensions, chip: Chip, plan: Plan, stack: Stack, constants: Constants) -> Setup:
    """The facts of a run with the part of one chip and its rates."""
    return Setup(
        dimensions=dimensions,
        chip=chip,
        plan=plan,
        stack=stack,
        constants=constants,
        part=part_of(dimensions=dimensions, plan=plan),
        rates=achieved_rates(dimensions=dimensions, chip=chip, stack=stack, constants=constants),
    )


def part_of(*, dimensions: Dimensions, plan: Plan) -> Part:
    """The part of the model and of the batch that one chip has.

    Layers are taken as alike: one with experts and one without count as two mean ones. Norm vectors are left out.

    Parameters
    ----------
    dimensions : Dimensions
        The model, each field (...).
    plan : Plan
        The layout, each field (...).

    Returns
    -------
    Part
        Counts, widths and tokens [1, tokens].

    Notes
    -----
    ``m = B/(d b)``, ``tokens = b s/c``, ``P_token = P_attn + n h (f' + f_r) + x h E``, ``P_shared = P_attn + n h f'``,
    ``P_expert = x n h E f_e/e``, with ``x`` the share of layers with experts, ``f' = (1-x) f + x f_s`` and
    ``f_r = x K f_e``

    - no layer with experts: ``P_token = P_shared``, and nothing to route
    - one data, context and expert rank and one stage: the whole model and the whole batch

    References
    ----------
    Narayanan et al. 2021, section 3; Fedus et al. 2021 (Switch Transformer), section 2, for the router.
    """
    has_experts = dimensions.expert_layer_count / dimensions.layer_count
    plain = (1.0 - has_experts) * dimensions.mlp_dim + has_experts * dimensions.shared_mlp_dim
    routed = has_experts * dimensions.topk_count * dimensions.expert_mlp_dim
    per_width = dimensions.mlp_matrix_count * dimensions.hidden_dim
    shared = dimensions.attention_parameter_count + per_width * plain
    router = has_experts * dimensions.hidden_dim * dimensions.expert_count
    stored = has_experts * per_width * dimensions.expert_count * dimensions.expert_mlp_dim
    return Part(
        micro_batch_count=plan.global_batch_sequences / (plan.dp_count * plan.micro_batch_sequences),
        micro_batch_tokens=plan.micro_batch_sequences * dimensions.sequence_tokens / plan.cp_count,
        stage_layer_count=dimensions.layer_count / plan.pp_count,
        expert_layer_share=has_experts,
        plain_mlp_dim=plain,
        routed_mlp_dim=routed,
        token_parameter_count=shared + per_width * routed + router,
        shared_parameter_count=shared,
        expert_parameter_count=stored / plan.ep_count,
        head_parameter_count=dimensions.hidden_dim * dimensions.vocabulary_count,
    )


def achieved_rates(*, dimensions: Dimensions, chip: Chip, stack: Stack, constants: Constants) -> Rates:
    """Rates that a chip keeps up in training.

    Clocks fall under power, so a product is sustained below the best one measured. A fused attention kernel has the
    rate of its papers; without one every score is written to HBM, which gates the products around it.

    Parameters
    ----------
    dimensions : Dimensions
        The model, each field (...).
    chip : Chip
        The accelerator, each field (...).
    stack : Stack
        The software, each field (...).
    constants : Constants
        The constants, each (...).

    Returns
    -------
    Rates
        Rates [FLOP/s, bytes/s].

    Notes
    -----
    ``R_linear = F ceiling sustained``, with ``sustained`` of a GPU or a TPU times ``ultra_factor`` for the 300 series,
    and in few bits times ``fp8_factor`` and ``fp4_factor``; ``R_core = F_bf16 attention attention_factor``, unfused
    ``min(R_bf16, H q/a)``; ``H = hbm_share`` of HBM

    - 16 bits: the linear rate is the one of BF16
    - unfused and infinite HBM: the attention core has the rate of BF16

    References
    ----------
    S. Bekman, Machine Learning Engineering, for ceilings; Dao 2023 (FlashAttention-2), section 4.1, for attention.
    """
    sustained = _between(constants.sustained_share, constants.tpu_share, chip.tpu_share)
    sustained = sustained * _between(1.0, constants.ultra_factor, chip.ultra_share)
    low_bits = _between(1.0, constants.fp8_factor, chip.fp8_share) * _between(1.0, constants.fp4_factor, chip.fp4_share)
    bf16 = chip.bf16_flop_per_s * chip.bf16_ceiling_share * sustained
    hbm = chip.hbm_byte_per_s * constants.hbm_share
    fused = chip.bf16_flop_per_s * chip.attention_share * constants.attention_factor
    # Each score is two bytes, for as many multiplications as a query head is wide.
    unfused = np.minimum(bf16, hbm * dimensions.query_dim / dimensions.head_count)
    return Rates(
        linear_flop_per_s=chip.peak_flop_per_s * chip.ceiling_share * sustained * low_bits,
        bf16_flop_per_s=bf16,
        core_flop_per_s=np.where(stack.flash_share > 0.0, fused, unfused),
        hbm_byte_per_s=hbm,
        scale_up_byte_per_s=chip.scale_up_byte_per_s * constants.scale_up_share,
        scale_out_byte_per_s=chip.scale_out_byte_per_s * constants.scale_out_share,
    )


def _between(at_zero: Array | float, at_one: Array, share: Array) -> Array:
    return at_zero + share * (at_one - at_zero)


def peak_time_s(setup: Setup) -> Array:
    """Time of the counted operations of a step at the peak of all chips.

    The counted operations are those of a causal model, forward and backward, whatever is run again or left out. The
    time of a step under it is the step MFU.

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
    ``(6 (L P_token + V h) + 6 L u (q + w)) s B / (N F)``, with ``u`` the keys that a causal query meets, s/2 without a
    window

    - twice the chips: half
    - a window in every layer, far shorter than the sequence: 6 times the window in place of 3 s

    References
    ----------
    Chowdhery et al. 2022 (PaLM), appendix B, for the count; with the causal half of the attention matrix.
    """
    dimensions, plan, part = setup.dimensions, setup.plan, setup.part
    products = dimensions.layer_count * part.token_parameter_count + part.head_parameter_count
    scores = dimensions.layer_count * causal_tokens(dimensions) * (dimensions.query_dim + dimensions.value_dim)
    counted = flop_per_token(matmul_parameter_count=products, attention_flop_per_token=FLOP_PER_SCORE * scores)
    tokens = dimensions.sequence_tokens * plan.global_batch_sequences
    return counted * tokens / (plan.gpu_count * setup.chip.peak_flop_per_s)


def causal_tokens(dimensions: Dimensions) -> Array:
    """Keys that a query of a causal model meets, in the mean over a sequence and over layers with and without a window.

    Parameters
    ----------
    dimensions : Dimensions
        The model, each field (...).

    Returns
    -------
    ndarray (...)
        Keys [tokens].

    Notes
    -----
    ``(1 - x) t(s) + x t(s, window)``, with t from ``colocalc.mfu.attention.attended_tokens`` and x the share of layers
    with a window

    - no layer with a window: s/2

    References
    ----------
    Beltagy et al. 2020, section 3.1.
    """
    whole = dimensions.sequence_tokens / 2.0
    windowed = attended_tokens(
        sequence_tokens=dimensions.sequence_tokens,
        attention_window_tokens=dimensions.window_tokens,
        causal_share=1.0,
    )
    return whole + dimensions.window_layer_share * (windowed - whole)


def residual_spread_share(*, plan: Plan, chip: Chip) -> Array:
    """Share of the residual stream that one tensor rank has.

    Parameters
    ----------
    plan : Plan
        The layout, each field (...).
    chip : Chip
        The accelerator, each field (...).

    Returns
    -------
    ndarray (...)
        Share [0..1].

    Notes
    -----
    ``1/t`` with sequence parallelism or on a TPU, whose compiler shards it likewise, else 1

    - one tensor rank: 1

    References
    ----------
    Korthikanti et al. 2022, section 4.2.2.
    """
    is_split = (plan.sequence_parallel_share > 0.0) | (chip.tpu_share > 0.0)
    return np.where(is_split, 1.0 / plan.tp_count, 1.0)


def expert_copy_count(*, plan: Plan) -> Array:
    """Ranks that hold the same experts.

    Experts are spread over data, context and tensor ranks alike, so fewer ranks hold the same ones than hold the same
    attention.

    Parameters
    ----------
    plan : Plan
        The layout, each field (...).

    Returns
    -------
    ndarray (...)
        Ranks, at least 1 [1].

    Notes
    -----
    ``max(d c t/e, 1)``

    - every rank with experts of its own: 1

    References
    ----------
    Rajbhandari et al. 2022 (DeepSpeed-MoE), section 5, for expert and data parallelism together.
    """
    return np.maximum(plan.dp_count * plan.cp_count * plan.tp_count / plan.ep_count, 1.0)


def meets_every_micro_batch(*, plan: Plan, stack: Stack) -> NDArray[np.bool_]:
    """Whether data ranks exchange in every micro-batch, and not once a step: FSDP, or ZeRO 3."""
    return np.asarray((stack.fsdp_share > 0.0) | (plan.zero_stage > FULLY_SHARDED))
