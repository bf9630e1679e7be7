"""How many tokens does a GPU serve? A roofline of prefill and decode, replica by replica.

A replica is the GPUs that hold one copy of a model. Replicas share nothing, so that a fleet serves the sum of what its
replicas do: mixing GPU types costs nothing as long as a replica keeps to one type. Source: Williams et al. 2009
(roofline) and Pope et al. 2022 (Efficiently Scaling Transformer Inference), sections 2 and 3.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def kv_cache_byte(
    *,
    layer_count: ArrayLike,
    kv_dim: ArrayLike,
    kv_bytes: ArrayLike,
    context_tokens: ArrayLike,
    window_layer_count: ArrayLike,
    attention_window_tokens: ArrayLike,
) -> Array:
    """Memory of the keys and values of one sequence.

    Parameters
    ----------
    layer_count : array_like (..., pool)
        Layers, those with a window included.
    kv_dim : array_like (..., pool)
        Numbers kept of a token in a layer: keys and values of all their heads, or one latent vector and its rotary key.
    kv_bytes : array_like (..., pool)
        Bytes per number.
    context_tokens : array_like (..., pool)
        Tokens of the sequence.
    window_layer_count : array_like (..., pool)
        Layers that keep no more than a window.
    attention_window_tokens : array_like (..., pool)
        That window.

    Returns
    -------
    ndarray (..., pool)
        Memory of one sequence [byte].

    Notes
    -----
    ``kv_dim bytes ((L - L_w) context + L_w min(context, window))``

    - No context: 0.
    - No layer with a window, or a context within it: all layers keep the context.

    References
    ----------
    Pope et al. 2022, section 2.1; Ainslie et al. 2023 (grouped queries); DeepSeek-AI 2024 (latent attention).
    """
    context, windowed = as_array(context_tokens), as_array(window_layer_count)
    kept = np.minimum(context, as_array(attention_window_tokens))
    tokens = (as_array(layer_count) - windowed) * context + windowed * kept
    return as_array(kv_dim) * as_array(kv_bytes) * tokens


def least_replica_gpu_count(
    *,
    weight_byte: ArrayLike,
    hbm_byte: ArrayLike,
    memory_share: ArrayLike,
    weight_memory_share: ArrayLike,
    domain_gpu_count: ArrayLike,
) -> Array:
    """GPUs of the smallest replica that holds a model and leaves room for its sequences.

    Parameters
    ----------
    weight_byte : array_like (..., pool)
        All weights.
    hbm_byte : array_like (..., pool)
        Memory of one GPU.
    memory_share : array_like (..., pool)
        Share of it that weights and sequences may take.
    weight_memory_share : array_like (..., pool)
        Share of that which weights may take.
    domain_gpu_count : array_like (..., pool)
        GPUs of a scale-up domain.

    Returns
    -------
    ndarray (..., pool)
        GPUs of a replica, a power of two or the domain [count].

    Notes
    -----
    ``max(hold, min(roomy, domain))``; hold, roomy: the power of two from W / (s M) and from W / (w s M)

    - A model that is small beside one GPU: 1.
    - A model that fills more than its part of a domain but fits there: the domain.
    - A model that fits in no domain: the power of two that holds it.

    References
    ----------
    A rule of this project; tensor parallel groups are powers of two in published servers.
    """
    room = as_array(hbm_byte) * as_array(memory_share)
    hold = _power_of_two(as_array(weight_byte) / room)
    roomy = _power_of_two(as_array(weight_byte) / (room * as_array(weight_memory_share)))
    return np.maximum(hold, np.minimum(roomy, as_array(domain_gpu_count)))


def _power_of_two(least: Array) -> Array:
    power: Array = np.exp2(np.ceil(np.log2(np.maximum(least, 1.0))))
    return power


def sequence_count(
    *,
    weight_byte: ArrayLike,
    kv_byte: ArrayLike,
    hbm_byte: ArrayLike,
    memory_share: ArrayLike,
    replica_gpu_count: ArrayLike,
) -> Array:
    """Sequences that a replica holds at once beside its weights.

    Parameters
    ----------
    weight_byte : array_like (..., pool)
        All weights.
    kv_byte : array_like (..., pool)
        Keys and values of one sequence.
    hbm_byte : array_like (..., pool)
        Memory of one GPU.
    memory_share : array_like (..., pool)
        Share of it that weights and sequences may take.
    replica_gpu_count : array_like (..., pool)
        GPUs of a replica.

    Returns
    -------
    ndarray (..., pool)
        Whole sequences [count].

    Notes
    -----
    ``floor(max(N M s - W, 0) / KV)``

    - Weights that do not fit: 0.
    - Sequences without memory of their own: undefined (NaN).

    References
    ----------
    Pope et al. 2022, section 2.1.
    """
    kv = as_array(kv_byte)
    room = as_array(replica_gpu_count) * as_array(hbm_byte) * as_array(memory_share) - as_array(weight_byte)
    return np.floor(np.maximum(room, 0.0) / np.where(kv > 0.0, kv, np.nan))


def weights_read_byte(
    *,
    shared_weight_byte: ArrayLike,
    expert_weight_byte: ArrayLike,
    expert_count: ArrayLike,
    topk_count: ArrayLike,
    batch_count: ArrayLike,
) -> Array:
    """Weights that a replica reads to make one token of each of its sequences.

    Parameters
    ----------
    shared_weight_byte : array_like (..., pool)
        Weights that every token passes through.
    expert_weight_byte : array_like (..., pool)
        Weights of all experts together, 0 without any.
    expert_count : array_like (..., pool)
        Experts of a layer, 0 without any.
    topk_count : array_like (..., pool)
        Experts that a token is sent to.
    batch_count : array_like (..., pool)
        Sequences.

    Returns
    -------
    ndarray (..., pool)
        Weights read [byte].

    Notes
    -----
    ``W_shared + W_experts (1 - (1 - k / E)^b)``

    - No experts: all weights.
    - One sequence: the share k / E of the experts.
    - Many sequences, or tokens sent to every expert: all experts.

    References
    ----------
    Arithmetic of tokens that choose their experts independently and evenly.
    """
    experts = as_array(expert_count)
    missed = np.where(experts > 0.0, 1.0 - as_array(topk_count) / np.where(experts > 0.0, experts, 1.0), 1.0)
    read = as_array(expert_weight_byte) * (1.0 - np.clip(missed, 0.0, 1.0) ** as_array(batch_count))
    return as_array(shared_weight_byte) + read


def decode_communication_s(
    *,
    layer_count: ArrayLike,
    hidden_dim: ArrayLike,
    activation_bytes: ArrayLike,
    batch_count: ArrayLike,
    replica_gpu_count: ArrayLike,
    link_byte_per_s: ArrayLike,
    start_s: ArrayLike,
) -> Array:
    """Time of the collectives of one decoding step: two in each layer.

    Parameters
    ----------
    layer_count : array_like (..., pool)
        Layers.
    hidden_dim : array_like (..., pool)
        Width of the residual stream.
    activation_bytes : array_like (..., pool)
        Bytes per number.
    batch_count : array_like (..., pool)
        Sequences of the replica.
    replica_gpu_count : array_like (..., pool)
        GPUs of the replica.
    link_byte_per_s : array_like (..., pool)
        Bandwidth of one GPU to the others of its replica, in one direction.
    start_s : array_like (..., pool)
        Time of a collective that carries nothing.

    Returns
    -------
    ndarray (..., pool)
        Time of a step's collectives [s].

    Notes
    -----
    ``2 L (t_0 + 2 (N - 1) / N b h bytes / BW)``

    - A replica of one GPU: 0.
    - Nothing to carry, or links without end: the starts alone.

    References
    ----------
    Pope et al. 2022, section 3.1; Thakur et al. 2005 for the volume of an all-reduce.
    """
    replica = as_array(replica_gpu_count)
    carried = as_array(batch_count) * as_array(hidden_dim) * as_array(activation_bytes)
    wire = 2.0 * (replica - 1.0) / np.maximum(replica, 1.0) * carried / as_array(link_byte_per_s)
    time = 2.0 * as_array(layer_count) * (as_array(start_s) + wire)
    return np.where(replica > 1.0, time, 0.0)


def prefill_tokens_per_s_per_gpu(
    *, forward_flop_per_token: ArrayLike, peak_flop_per_s: ArrayLike, compute_share: ArrayLike
) -> Array:
    """Prompt tokens that one GPU reads: bound by compute.

    Parameters
    ----------
    forward_flop_per_token : array_like (..., pool)
        Arithmetic of one token, its attention included.
    peak_flop_per_s : array_like (..., pool)
        Dense peak at the precision served.
    compute_share : array_like (..., pool)
        Share of the peak that is reached.

    Returns
    -------
    ndarray (..., pool)
        Prompt tokens read [tokens_per_s_per_gpu].

    Notes
    -----
    ``eta F / flop``

    - Twice the arithmetic: half the tokens.
    - No arithmetic: undefined (NaN).

    References
    ----------
    Pope et al. 2022, section 2.
    """
    flop = as_array(forward_flop_per_token)
    return as_array(compute_share) * as_array(peak_flop_per_s) / np.where(flop > 0.0, flop, np.nan)


def decode_step_s(
    *,
    batch_count: ArrayLike,
    replica_gpu_count: ArrayLike,
    read_byte: ArrayLike,
    kv_byte: ArrayLike,
    hbm_byte_per_s: ArrayLike,
    bandwidth_share: ArrayLike,
    forward_flop_per_token: ArrayLike,
    peak_flop_per_s: ArrayLike,
    compute_share: ArrayLike,
    communication_s: ArrayLike,
) -> Array:
    """Time in which a replica makes one token of each of its sequences: the slowest of memory, compute and links.

    Parameters
    ----------
    batch_count : array_like (..., pool)
        Sequences of the replica.
    replica_gpu_count : array_like (..., pool)
        GPUs of the replica.
    read_byte : array_like (..., pool)
        Weights read.
    kv_byte : array_like (..., pool)
        Keys and values of one sequence, all of them read.
    hbm_byte_per_s : array_like (..., pool)
        Memory bandwidth of one GPU.
    bandwidth_share : array_like (..., pool)
        Share of it that is reached.
    forward_flop_per_token : array_like (..., pool)
        Arithmetic of one token, its attention included.
    peak_flop_per_s : array_like (..., pool)
        Dense peak of one GPU at the precision served.
    compute_share : array_like (..., pool)
        Share of it that is reached.
    communication_s : array_like (..., pool)
        Time of the step's collectives.

    Returns
    -------
    ndarray (..., pool)
        Time of a decoding step [s].

    Notes
    -----
    ``max((W + b KV) / (N eta_b BW), b flop / (N eta F), t_comm)``

    - Few sequences: the time to read the weights, whatever their number.
    - Many sequences: in proportion to them.

    References
    ----------
    Williams et al. 2009 (roofline); Pope et al. 2022, section 2.
    """
    batch, replica = as_array(batch_count), as_array(replica_gpu_count)
    read = as_array(read_byte) + batch * as_array(kv_byte)
    memory = read / (replica * as_array(bandwidth_share) * as_array(hbm_byte_per_s))
    compute = batch * as_array(forward_flop_per_token) / (replica * as_array(compute_share) * as_array(peak_flop_per_s))
    return np.maximum(np.maximum(memory, compute), as_array(communication_s))


def decode_tokens_per_s_per_gpu(*, batch_count: ArrayLike, replica_gpu_count: ArrayLike, step_s: ArrayLike) -> Array:
    """Tokens that one GPU makes: one of each sequence in a step, over the GPUs of the replica.

    Parameters
    ----------
    batch_count : array_like (..., pool)
        Sequences of the replica.
    replica_gpu_count : array_like (..., pool)
        GPUs of the replica.
    step_s : array_like (..., pool)
        Time of a decoding step.

    Returns
    -------
    ndarray (..., pool)
        Tokens made [tokens_per_s_per_gpu].

    Notes
    -----
    ``b / (N t)``

    - No sequence fits: 0.
    - A step without time: undefined (NaN).

    References
    ----------
    Arithmetic.
    """
    time = as_array(step_s)
    return as_array(batch_count) / (as_array(replica_gpu_count) * np.where(time > 0.0, time, np.nan))
