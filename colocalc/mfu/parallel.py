"""What does context parallelism send?

Keys and values, by all-gather or around a ring. Sources: Llama 3 section 3.3.2; Liu et al. 2023 (ring attention).
"""

from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

CP_PASSES = 3.0  # keys and values of one layer: gathered forward, gathered backward, gradients reduce-scattered
KEY_AND_VALUE = 2.0


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
