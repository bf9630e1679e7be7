"""What does a parallel layout send, and how much of it is seen?

Tensor parallelism with sequence parallelism, context parallelism by all-gather, and the shapes that data parallelism
reduces. Sources: Korthikanti et al. 2022, Llama 3 section 3.3.2, Rajbhandari et al. 2020 (ZeRO).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

TP_PASSES = 8.0  # all-gathers and reduce-scatters of one layer: two of each forward, two of each backward
CP_PASSES = 3.0  # keys and values of one layer: gathered forward, gathered backward, gradients reduce-scattered
KEY_AND_VALUE = 2.0


def tensor_parallel_s(
    *,
    micro_batch_count: ArrayLike,
    layers_per_stage_count: ArrayLike,
    micro_batch_tokens: ArrayLike,
    hidden_dim: ArrayLike,
    tp_count: ArrayLike,
    cp_count: ArrayLike,
    activation_bytes: ArrayLike,
    link_byte_per_s: ArrayLike,
) -> Array:
    """Time of the tensor-parallel traffic of one step, before overlap.

    Each layer gathers the activations ahead of attention and MLP and scatters them behind, forward and backward.
    Messages are large, so hop latency is left out; that stops being true for micro-batches of a few hundred tokens.

    Parameters
    ----------
    micro_batch_count : array_like (..., pool)
        Micro-batches per replica and step [1].
    layers_per_stage_count : array_like (..., pool)
        Layers on one GPU's stage; may be a mean [1].
    micro_batch_tokens : array_like (..., pool)
        Sequences times their length in one micro-batch [tokens].
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    tp_count : array_like (..., pool)
        Tensor-parallel ranks, at least 1 [1].
    cp_count : array_like (..., pool)
        Context-parallel ranks, which share the tokens, at least 1 [1].
    activation_bytes : array_like (..., pool)
        Bytes per activation sent [bytes].
    link_byte_per_s : array_like (..., pool)
        One-way rate of the links that carry it, as achieved; above zero [bytes/s].

    Returns
    -------
    ndarray (..., pool)
        Time per step [s].

    Notes
    -----
    ``m (L/p) 8 (t-1)/t a b s h / (c B)``

    - one rank: 0
    - an infinite link: 0
    - ranks without bound: 8 times the activations, not more

    References
    ----------
    Korthikanti et al. 2022, section 4.2; Llama 3 (Grattafiori et al. 2024), table 4 for the layout in the tests.
    """
    ranks = as_array(tp_count)
    activation_byte = (
        as_array(activation_bytes) * as_array(micro_batch_tokens) * as_array(hidden_dim) / as_array(cp_count)
    )
    passes = TP_PASSES * as_array(micro_batch_count) * as_array(layers_per_stage_count)
    return passes * (ranks - 1.0) / ranks * activation_byte / as_array(link_byte_per_s)


def context_parallel_s(
    *,
    micro_batch_count: ArrayLike,
    layers_per_stage_count: ArrayLike,
    micro_batch_tokens: ArrayLike,
    kv_dim: ArrayLike,
    tp_count: ArrayLike,
    cp_count: ArrayLike,
    activation_bytes: ArrayLike,
    link_byte_per_s: ArrayLike,
) -> Array:
    """Time of the context-parallel traffic of one step, before overlap.

    Every rank gathers the keys and values of the whole sequence, forward and again backward, and reduce-scatters
    their gradients. Ring attention moves the same bytes behind its blocks. Tensor-parallel ranks share the heads:
    with more ranks than key and value heads the heads are copied, and ``kv_dim`` has to count the copies.

    Parameters
    ----------
    micro_batch_count : array_like (..., pool)
        Micro-batches per replica and step [1].
    layers_per_stage_count : array_like (..., pool)
        Layers on one GPU's stage; may be a mean [1].
    micro_batch_tokens : array_like (..., pool)
        Sequences times their length in one micro-batch [tokens].
    kv_dim : array_like (..., pool)
        Width of the keys, key and value heads times their width [1].
    tp_count : array_like (..., pool)
        Tensor-parallel ranks, at least 1 [1].
    cp_count : array_like (..., pool)
        Context-parallel ranks, at least 1 [1].
    activation_bytes : array_like (..., pool)
        Bytes per key or value sent [bytes].
    link_byte_per_s : array_like (..., pool)
        One-way rate of the links that carry it, as achieved; above zero [bytes/s].

    Returns
    -------
    ndarray (..., pool)
        Time per step [s].

    Notes
    -----
    ``m (L/p) 3 (c-1)/c 2 a b s h_kv / (t B)``

    - one rank: 0
    - an infinite link: 0
    - twice the tensor-parallel ranks: half

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), section 3.3.2; Liu et al. 2023 (ring attention).
    """
    ranks = as_array(cp_count)
    kv_byte = (
        KEY_AND_VALUE
        * as_array(activation_bytes)
        * as_array(micro_batch_tokens)
        * as_array(kv_dim)
        / as_array(tp_count)
    )
    passes = CP_PASSES * as_array(micro_batch_count) * as_array(layers_per_stage_count)
    return passes * (ranks - 1.0) / ranks * kv_byte / as_array(link_byte_per_s)


def exposed_s(*, collective_s: ArrayLike, window_s: ArrayLike, overlap_share: ArrayLike) -> Array:
    """Part of a collective that compute does not hide.

    At best the share ``overlap_share`` of it runs behind compute, and never more than that share of the window there
    is to hide behind.

    Parameters
    ----------
    collective_s : array_like (..., pool)
        Time of the collective alone [s].
    window_s : array_like (..., pool)
        Compute it may run behind: about one micro-batch for the gradients of a pipeline [s].
    overlap_share : array_like (..., pool)
        Share that overlaps where the window is long enough [0..1].

    Returns
    -------
    ndarray (..., pool)
        Time added to the step [s].

    Notes
    -----
    ``max((1 - o) T, T - o W)``

    - no overlap, or no window: the whole collective
    - a window as long as the collective or longer: (1 - o) T
    - an empty collective: 0

    References
    ----------
    Li et al. 2020 (PyTorch distributed data parallel), section 3.2.3, for the overlap of gradients with backward.
    """
    collective, overlap = as_array(collective_s), as_array(overlap_share)
    return np.maximum((1.0 - overlap) * collective, collective - overlap * as_array(window_s))


def group_ranks_per_node_count(
    *,
    tp_count: ArrayLike,
    cp_count: ArrayLike,
    pp_count: ArrayLike,
    dp_count: ArrayLike,
    domain_gpu_count: ArrayLike,
) -> Array:
    """Ranks of one gradient group that share an NVLink domain.

    Gradients are reduced over the data- and context-parallel ranks of one tensor rank and stage. Ranks are numbered
    tensor fastest, then context, pipeline and data, and fill the domains in that order: tensor ranks take the domain
    first, context ranks what is left, and whole replicas share it only where they are smaller than it. Where a
    domain does not hold a whole number of them the result is a mean.

    Parameters
    ----------
    tp_count : array_like (..., pool)
        Tensor-parallel ranks, at least 1 [1].
    cp_count : array_like (..., pool)
        Context-parallel ranks, at least 1 [1].
    pp_count : array_like (..., pool)
        Pipeline stages, at least 1 [1].
    dp_count : array_like (..., pool)
        Data-parallel replicas, at least 1 [1].
    domain_gpu_count : array_like (..., pool)
        GPUs in one NVLink domain, at least 1 [1].

    Returns
    -------
    ndarray (..., pool)
        Ranks of the group per domain, from 1 to the size of the group [1].

    Notes
    -----
    ``min(d c, max(min(c, max(1, g/t)), g/(t p)))``

    - tensor ranks that fill the domain: 1
    - replicas larger than the domain: the context ranks that fit, min(c, g/t)
    - replicas smaller than the domain: g/(t p)
    - never above the size of the group, d c

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), section 3.3.2, order of the parallelism dimensions; Narayanan et al. 2021,
    section 3.2.
    """
    context, domain = as_array(cp_count), as_array(domain_gpu_count)
    beside = domain / as_array(tp_count)
    whole = beside / as_array(pp_count)
    # With replicas larger than the domain the second term is the smaller one, so no case has to be told apart.
    fitting = np.maximum(np.minimum(context, np.maximum(1.0, beside)), whole)
    return np.minimum(as_array(dp_count) * context, fitting)


def shard_byte(
    *, parameter_count: ArrayLike, tp_count: ArrayLike, pp_count: ArrayLike, element_bytes: ArrayLike
) -> Array:
    """Bytes of one GPU's part of the model: its gradients to reduce, or its weights to gather.

    Tensor and pipeline parallelism cut the model, data and context parallelism repeat it. Embedding and LM head are
    spread evenly over the stages, which understates the first and the last one.

    Parameters
    ----------
    parameter_count : array_like (..., pool)
        Parameters of the model [1].
    tp_count : array_like (..., pool)
        Tensor-parallel ranks, at least 1 [1].
    pp_count : array_like (..., pool)
        Pipeline stages, at least 1 [1].
    element_bytes : array_like (..., pool)
        Bytes per gradient (4 in FP32, 2 in BF16) or per weight [bytes].

    Returns
    -------
    ndarray (..., pool)
        Bytes per GPU [bytes].

    Notes
    -----
    ``P a / (t p)``

    - one rank and one stage: the whole model
    - twice the ranks or twice the stages: half

    References
    ----------
    Rajbhandari et al. 2020 (ZeRO), section 7; Llama 3 (Grattafiori et al. 2024), section 3.3.2, FP32 gradients.
    """
    return as_array(parameter_count) * as_array(element_bytes) / (as_array(tp_count) * as_array(pp_count))


def layers_per_stage_count(*, layer_count: ArrayLike, pp_count: ArrayLike) -> Array:
    """Mean layers of a pipeline stage.

    A real number: 126 layers on 16 stages are 7.875. What the heaviest stage has above it is stage imbalance.

    Parameters
    ----------
    layer_count : array_like (..., pool)
        Layers of the model [1].
    pp_count : array_like (..., pool)
        Pipeline stages, at least 1 [1].

    Returns
    -------
    ndarray (..., pool)
        Layers per stage [1].

    Notes
    -----
    ``L / p``

    - one stage: all layers

    References
    ----------
    Narayanan et al. 2021, section 2.2.
    """
    return as_array(layer_count) / as_array(pp_count)
