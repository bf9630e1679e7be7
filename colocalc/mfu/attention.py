"""How many parameters has the attention of a layer, and how much arithmetic do its scores cost one token?

Grouped queries, latent attention and sliding windows. Sources: Vaswani et al. 2017, Ainslie et al. 2023 (grouped
queries), DeepSeek-AI 2024 (latent attention), Chowdhery et al. 2022 (what counts), Beltagy et al. 2020 (windows).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

FLOP_PER_ELEMENT = 6.0  # of a key or a value a query meets: a multiply and an add, once forward and twice backward


def attention_parameter_count(
    *, hidden_dim: ArrayLike, head_count: ArrayLike, kv_head_count: ArrayLike, head_dim: ArrayLike
) -> Array:
    """Matmul parameters of the attention of one layer.

    Four projections: queries and output are ``head_count`` heads wide, keys and values ``kv_head_count``. Biases are
    left out.

    Parameters
    ----------
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    head_count : array_like (..., pool)
        Query heads [1].
    kv_head_count : array_like (..., pool)
        Key and value heads; equal to ``head_count`` without grouping [1].
    head_dim : array_like (..., pool)
        Width of one head [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters of one layer [1].

    Notes
    -----
    ``2 h d_head (n_head + n_kv)``

    - as many key and value heads as heads, with heads filling the hidden dimension: 4 h^2
    - one key and value head (multi-query): the keys and values shrink to 2 h d_head

    References
    ----------
    Vaswani et al. 2017, section 3.2.2; Ainslie et al. 2023, section 2.2.
    """
    width = as_array(head_dim) * (as_array(head_count) + as_array(kv_head_count))
    return 2.0 * as_array(hidden_dim) * width


def latent_attention_parameter_count(
    *,
    hidden_dim: ArrayLike,
    head_count: ArrayLike,
    head_dim: ArrayLike,
    rope_head_dim: ArrayLike,
    value_head_dim: ArrayLike,
    query_rank_dim: ArrayLike,
    kv_rank_dim: ArrayLike,
) -> Array:
    """Matmul parameters of the latent attention of one layer.

    Keys and values are read from one narrow vector, beside which one rotary key serves all heads; queries may pass
    through a narrow vector of their own. The norms of the narrow vectors are left out: under 0.0001% of DeepSeek-V3.

    Parameters
    ----------
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    head_count : array_like (..., pool)
        Heads, each with keys and values of its own [1].
    head_dim : array_like (..., pool)
        Width of the part of a query or key head that has no position [1].
    rope_head_dim : array_like (..., pool)
        Width of its rotary part [1].
    value_head_dim : array_like (..., pool)
        Width of a value head [1].
    query_rank_dim : array_like (..., pool)
        Width of the vector queries pass through, 0 where they are not compressed [1].
    kv_rank_dim : array_like (..., pool)
        Width of the vector keys and values are read from [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters of one layer [1].

    Notes
    -----
    ``r_q (h + n (d + d_rope)) + h (r_kv + d_rope) + n r_kv (d + d_v) + n d_v h``

    - queries not compressed, r_q = 0: the first term is h n (d + d_rope)
    - no heads: what makes the narrow vectors alone, h (r_q + r_kv + d_rope)

    References
    ----------
    DeepSeek-AI 2024 (DeepSeek-V2), section 2.1.
    """
    hidden, heads, rank = as_array(hidden_dim), as_array(head_count), as_array(query_rank_dim)
    query_width = heads * (as_array(head_dim) + as_array(rope_head_dim))
    queries = np.where(rank == 0.0, hidden * query_width, rank * (hidden + query_width))
    narrow = hidden * (as_array(kv_rank_dim) + as_array(rope_head_dim))
    keys_and_values = as_array(kv_rank_dim) * heads * (as_array(head_dim) + as_array(value_head_dim))
    return queries + narrow + keys_and_values + heads * as_array(value_head_dim) * hidden


def attended_tokens(
    *, sequence_tokens: ArrayLike, attention_window_tokens: ArrayLike, causal_share: ArrayLike
) -> Array:
    """Keys that a query is multiplied by, in the mean over a sequence.

    A causal query sees what came before it, and no more than the window. At the head of a sequence the window is not
    full yet; behind it the mask takes nothing away, so causality is worth a half only without a window.

    Parameters
    ----------
    sequence_tokens : array_like (..., pool)
        Length of a sequence, a whole number [tokens].
    attention_window_tokens : array_like (..., pool)
        Most keys a query sees, infinite without a window [tokens].
    causal_share : array_like (..., pool)
        1 where the masked keys are left out, 0 where they count too [0..1].

    Returns
    -------
    ndarray (..., pool)
        Mean keys per query [tokens].

    Notes
    -----
    ``m (1 - causal m / (2 s))`` with ``m = min(window, s)``

    - no window, or one as long as the sequence: s / 2 causal, s in full
    - a window far shorter than the sequence: the window, causal or not
    - an empty sequence: 0

    References
    ----------
    Beltagy et al. 2020, section 3.1, for the window; the mean over a sequence is worked out here, to first order in s.
    """
    sequence = as_array(sequence_tokens)
    span = np.minimum(sequence, as_array(attention_window_tokens))
    return span * (1.0 - as_array(causal_share) * span / (2.0 * np.maximum(sequence, 1.0)))


def attention_flop_per_token(
    *,
    layer_count: ArrayLike,
    head_count: ArrayLike,
    key_head_dim: ArrayLike,
    value_head_dim: ArrayLike,
    sequence_tokens: ArrayLike,
    window_layer_count: ArrayLike,
    attention_window_tokens: ArrayLike,
    causal_share: ArrayLike,
) -> Array:
    """Arithmetic of the attention scores for one token, forward and backward.

    Queries times keys and scores times values grow with the sequence and have no parameters. Whether the masked half
    counts is a convention, which moves a 405B model by 4% at 8k tokens and by two thirds at 131k: always name it.

    Parameters
    ----------
    layer_count : array_like (..., pool)
        Layers [1].
    head_count : array_like (..., pool)
        Query heads; grouping of keys and values changes nothing here [1].
    key_head_dim : array_like (..., pool)
        Width of one head of queries and keys, its rotary part included [1].
    value_head_dim : array_like (..., pool)
        Width of one head of values; that of keys, but for latent attention [1].
    sequence_tokens : array_like (..., pool)
        Length of a sequence [tokens].
    window_layer_count : array_like (..., pool)
        Layers whose attention has a window, 0 for none [1].
    attention_window_tokens : array_like (..., pool)
        Most keys a query of those layers sees [tokens].
    causal_share : array_like (..., pool)
        1 where the masked half is left out, 0 for the full square [0..1].

    Returns
    -------
    ndarray (..., pool)
        Arithmetic per token [FLOP].

    Notes
    -----
    ``6 n_head (d_key + d_value) ((L - L_window) t(s) + L_window t(s, window))``, with t from ``attended_tokens``

    - keys and values of one width d, no window: 6 L n_head d s causal, twice that in full
    - a window in every layer: at most 6 L n_head (d_key + d_value) window, however long the sequence
    - an empty sequence: 0

    References
    ----------
    Chowdhery et al. 2022 (PaLM), appendix B, for the full convention; Narayanan et al. 2021, appendix.
    """
    everywhere, windowed = (
        attended_tokens(sequence_tokens=sequence_tokens, attention_window_tokens=window, causal_share=causal_share)
        for window in (np.inf, attention_window_tokens)
    )
    layers, narrow = as_array(layer_count), as_array(window_layer_count)
    width = as_array(head_count) * (as_array(key_head_dim) + as_array(value_head_dim))
    return FLOP_PER_ELEMENT * width * ((layers - narrow) * everywhere + narrow * windowed)
