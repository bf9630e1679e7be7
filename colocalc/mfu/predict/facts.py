"""What does a prediction need to know, and what does it tell?

Facts about a model, a chip, a plan and a software stack as arrays, the constants that hold for all of them, and the
time of a step. Every field broadcasts against every other. A field that ends in ``_share`` and says "1 where" is a
yes or no, written 1 or 0.
"""

from dataclasses import dataclass

from colocalc.arrays import Array

# The mechanisms in the order of the waterfall.
STAGES = (
    "ceiling",
    "shape",
    "memory_bound",
    "recompute",
    "tensor_context_expert",
    "bubble",
    "stage_imbalance",
    "data_parallel",
    "jitter",
    "software",
)


@dataclass(frozen=True, eq=False)
class Dimensions:
    """A decoder-only transformer, each field ``(...,)``.

    Attributes
    ----------
    layer_count, expert_layer_count : ndarray
        Layers, and how many of them have experts [1].
    hidden_dim : ndarray
        Width of the residual stream [1].
    head_count : ndarray
        Query heads [1].
    query_dim, kv_dim, value_dim : ndarray
        Query heads times their width; key heads times theirs, or the latent and rotary widths; heads times the width
        of a value head [1].
    attention_parameter_count : ndarray
        Parameters of the attention of one layer [1].
    mlp_dim, mlp_matrix_count : ndarray
        Inner width of the MLP of a dense layer [1]; its matrices, 2 plain and 3 gated, also those of an expert [1].
    expert_mlp_dim, shared_mlp_dim : ndarray
        Inner width of one expert, and of the experts every token passes, taken together [1].
    expert_count, topk_count : ndarray
        Experts of a layer, and how many a token is sent to; 0 for a dense model [1].
    vocabulary_count : ndarray
        Entries of the vocabulary [1].
    sequence_tokens : ndarray
        Length of a sequence [tokens].
    window_tokens, window_layer_share : ndarray
        Keys that a query of a layer with a sliding window sees at most [tokens]; such layers over all [0..1].
    """

    layer_count: Array
    expert_layer_count: Array
    hidden_dim: Array
    head_count: Array
    query_dim: Array
    kv_dim: Array
    value_dim: Array
    attention_parameter_count: Array
    mlp_dim: Array
    mlp_matrix_count: Array
    expert_mlp_dim: Array
    shared_mlp_dim: Array
    expert_count: Array
    topk_count: Array
    vocabulary_count: Array
    sequence_tokens: Array
    window_tokens: Array
    window_layer_share: Array


@dataclass(frozen=True, eq=False)
class Chip:
    """An accelerator at the precision of the run, each field ``(...,)``.

    Attributes
    ----------
    peak_flop_per_s, bf16_flop_per_s : ndarray
        Dense peak at the precision of the run, and in BF16 [FLOP/s].
    ceiling_share, bf16_ceiling_share : ndarray
        Best measured matrix product over the peak, at the precision of the run and in BF16 [0..1].
    attention_share : ndarray
        A fused attention kernel, forward and backward together, over the BF16 peak [0..1].
    operand_byte : ndarray
        Bytes of an element of an operand: 2 in 16 bits, 1 in 8 [bytes].
    cast_byte : ndarray
        HBM traffic of casting an element to the precision of the run; 0 in 16 bits [bytes].
    hbm_byte, hbm_byte_per_s : ndarray
        Memory of the chip [bytes], and its rate [bytes/s].
    scale_up_byte_per_s, scale_out_byte_per_s : ndarray
        One-way rate of the scale-up links of a chip, and of its NIC [bytes/s].
    domain_gpu_count, node_gpu_count : ndarray
        Chips of a scale-up domain (for a TPU, of a slice), and of a node [1].
    torus_dim_count : ndarray
        Dimensions of the torus; 1 where links are switched [1].
    tpu_share : ndarray
        1 for a TPU.
    ultra_share : ndarray
        1 for the 300 series (Blackwell Ultra).
    fp8_share, fp4_share : ndarray
        1 where linear layers run on Blackwell in 8 bits or fewer, and in 4 bits.
    """

    peak_flop_per_s: Array
    bf16_flop_per_s: Array
    ceiling_share: Array
    bf16_ceiling_share: Array
    attention_share: Array
    operand_byte: Array
    cast_byte: Array
    hbm_byte: Array
    hbm_byte_per_s: Array
    scale_up_byte_per_s: Array
    scale_out_byte_per_s: Array
    domain_gpu_count: Array
    node_gpu_count: Array
    torus_dim_count: Array
    tpu_share: Array
    ultra_share: Array
    fp8_share: Array
    fp4_share: Array


@dataclass(frozen=True, eq=False)
class Plan:
    """A parallel layout, each field ``(...,)``; ``gpu_count`` is ``dp_count tp_count pp_count cp_count``.

    Attributes
    ----------
    gpu_count : ndarray
        Chips of the job [1].
    tp_count, pp_count, vpp_count : ndarray
        Tensor-parallel ranks, pipeline stages, and chunks of a stage; each at least 1 [1].
    schedule_factor : ndarray
        Bubble over that of 1F1B: 1, for ZB-H1 1/3, for ZB-V 0 [factor].
    cp_count, ep_count, dp_count : ndarray
        Context-parallel, expert-parallel and data-parallel ranks, each at least 1 [1].
    shard_count : ndarray
        Ranks the state is sharded over, at least 1 [1].
    zero_stage : ndarray
        0 to 3.
    sequence_parallel_share : ndarray
        1 with sequence parallelism.
    micro_batch_sequences, global_batch_sequences : ndarray
        Sequences of a micro-batch of one data rank, and of a step [sequences].
    recompute_layer_share, recompute_core_share : ndarray
        Of the forward pass of a layer, and of its attention core alone, what is run again [0..1].
    """

    gpu_count: Array
    tp_count: Array
    pp_count: Array
    vpp_count: Array
    schedule_factor: Array
    cp_count: Array
    ep_count: Array
    dp_count: Array
    shard_count: Array
    zero_stage: Array
    sequence_parallel_share: Array
    micro_batch_sequences: Array
    global_batch_sequences: Array
    recompute_layer_share: Array
    recompute_core_share: Array


@dataclass(frozen=True, eq=False)
class Stack:
    """What a software stack is stated to do, each field ``(...,)``; none of it is fitted.

    Attributes
    ----------
    flash_share : ndarray
        1 with a fused causal attention kernel.
    parallel_block_share : ndarray
        1 where attention and MLP read one input and share their collectives.
    tp_overlap_share, cp_overlap_share, pp_overlap_share, dp_overlap_share : ndarray
        1 where tensor, context, pipeline and data-parallel traffic runs behind compute.
    tuned_share : ndarray
        1 for a stack tuned for its cluster, slow hosts removed.
    fsdp_share : ndarray
        1 where gradients are reduced in every micro-batch.
    gradient_byte : ndarray
        Bytes of a gradient that is reduced [bytes].
    loss_byte : ndarray
        HBM traffic of the loss per logit: 14 fused, 40 unfused in FP32 [bytes].
    age_months : ndarray
        Age of the chip's generation at the run; infinite where it does not matter [months].
    slice_count : ndarray
        TPU slices joined by the data-centre network; 1 for GPUs [1].
    """

    flash_share: Array
    parallel_block_share: Array
    tp_overlap_share: Array
    cp_overlap_share: Array
    pp_overlap_share: Array
    dp_overlap_share: Array
    tuned_share: Array
    fsdp_share: Array
    gradient_byte: Array
    loss_byte: Array
    age_months: Array
    slice_count: Array


@dataclass(frozen=True, eq=False)
class Constants:
    """The constants of the model, each ``(...,)``; what each means stands with its value in the calibration.

    Attributes
    ----------
    sustained_share, tpu_share : ndarray
        Sustained matrix products over the best one, on a GPU and on a TPU [0..1].
    fp8_factor, fp4_factor, ultra_factor : ndarray
        The same for Blackwell in 8 bits or fewer, in 4 bits, and for the 300 series, extra [factor].
    shape_factor, tpu_shape_factor, grouped_shape_factor : ndarray
        Streaming that products do not hide over the HBM time of their activations; that of a TPU and that of grouped
        expert products over it [factor].
    elementwise_factor, attention_factor : ndarray
        Traffic of what is no product over the unfused count; fused attention over ``Chip.attention_share`` [factor].
    hbm_share, scale_up_share, scale_out_share, ep_link_share : ndarray
        Achieved over nominal rate of HBM, of scale-up links, of a NIC in a ring and in an all-to-all [0..1].
    tp_exposed_share, tp_overlapped_share : ndarray
        Tensor-parallel traffic that is seen, without overlap and with it [0..1].
    cp_overlapped_share, ep_exposed_share : ndarray
        Context-parallel traffic seen with overlap, and all-to-all seen [0..1].
    pp_exposed_share, pp_overlapped_share : ndarray
        Pipeline sends seen between fill and drain, without overlap and with it [0..1].
    dp_exposed_share, dp_window_share, fsdp_exposed_share : ndarray
        Overlapped data-parallel traffic seen all the same; compute that can hide traffic; FSDP traffic seen [0..1].
    expert_layer_s, expert_far_factor : ndarray
        Dispatch of an expert layer and micro-batch, forward and backward, inside a large domain [s]; outside over
        inside [factor].
    scale_loss_share, persistent_share, tuned_scale_factor : ndarray
        Scatter of nodes at a barrier [0..1]; what of it micro-batches do not average [0..1]; that of a tuned stack
        over a plain one [factor].
    maturity_share, maturity_months : ndarray
        Extra time at the launch of a generation of GPUs [0..1], and how fast it decays [months].
    dcn_share : ndarray
        Extra time of two TPU slices [0..1].
    fixed_step_s : ndarray
        Time of a step whatever the plan [s].
    """

    sustained_share: Array
    tpu_share: Array
    fp8_factor: Array
    ultra_factor: Array
    shape_factor: Array
    elementwise_factor: Array
    attention_factor: Array
    fixed_step_s: Array
    scale_loss_share: Array
    fsdp_exposed_share: Array
    maturity_share: Array
    expert_layer_s: Array
    fp4_factor: Array
    tpu_shape_factor: Array
    grouped_shape_factor: Array
    tp_exposed_share: Array
    tp_overlapped_share: Array
    cp_overlapped_share: Array
    ep_exposed_share: Array
    ep_link_share: Array
    expert_far_factor: Array
    pp_exposed_share: Array
    pp_overlapped_share: Array
    scale_up_share: Array
    scale_out_share: Array
    dp_window_share: Array
    dp_exposed_share: Array
    dcn_share: Array
    persistent_share: Array
    tuned_scale_factor: Array
    maturity_months: Array
    hbm_share: Array


@dataclass(frozen=True, eq=False)
class StepTime:
    """The time of a step and its parts, each ``(...,)``.

    Attributes
    ----------
    step_time_s : ndarray
        Time of one optimizer step [s].
    peak_time_s : ndarray
        The counted operations (causal) at the peak of all chips [s].
    after_s : dict of str to ndarray
        The time of the step once each of ``STAGES`` has been passed [s].
    micro_batch_s : ndarray
        One micro-batch on a mean stage, forward and backward [s].
    dp_collective_s : ndarray
        Data-parallel collectives of a step before overlap [s].
    """

    step_time_s: Array
    peak_time_s: Array
    after_s: dict[str, Array]
    micro_batch_s: Array
    dp_collective_s: Array

    def factors(self) -> dict[str, Array]:
        """Time before over time after of each stage; their product is the step MFU."""
        before = (self.peak_time_s, *(self.after_s[name] for name in STAGES[:-1]))
        return {name: ahead / self.after_s[name] for name, ahead in zip(STAGES, before, strict=True)}
