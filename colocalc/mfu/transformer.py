"""How much arithmetic does one token cost, and how many parameters stand behind it?

Dense decoder-only transformers with grouped queries and plain or gated MLPs. Sources: Vaswani et al. 2017, Kaplan et
al. 2020, Shazeer 2020 (gated MLP), Ainslie et al. 2023 (grouped queries), Chowdhery et al. 2022 (MFU), Korthikanti et
al. 2022 (recompute).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

FLOP_PER_PARAMETER = 6.0  # a multiply and an add, once forward and twice backward
FORWARD_SHARE = 1.0 / 3.0  # of forward plus backward


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


def mlp_parameter_count(*, hidden_dim: ArrayLike, mlp_dim: ArrayLike, mlp_matrix_count: ArrayLike) -> Array:
    """Matmul parameters of the MLP of one layer.

    A plain MLP has a matrix up and one down; a gated one has a second matrix up. Biases are left out.

    Parameters
    ----------
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    mlp_dim : array_like (..., pool)
        Inner width of the MLP [1].
    mlp_matrix_count : array_like (..., pool)
        2 for a plain MLP, 3 for a gated one [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters of one layer [1].

    Notes
    -----
    ``n_matrix h h_mlp``

    - plain, with an inner width of 4 h: 8 h^2
    - gated, with an inner width of 8/3 h: 8 h^2 too

    References
    ----------
    Vaswani et al. 2017, section 3.3; Shazeer 2020, section 2.
    """
    return as_array(mlp_matrix_count) * as_array(hidden_dim) * as_array(mlp_dim)


def layer_parameter_count(
    *,
    hidden_dim: ArrayLike,
    mlp_dim: ArrayLike,
    mlp_matrix_count: ArrayLike,
    head_count: ArrayLike,
    kv_head_count: ArrayLike,
    head_dim: ArrayLike,
) -> Array:
    """Matmul parameters of one layer.

    Attention plus MLP; norm vectors and biases do no matrix product and are left out.

    Parameters
    ----------
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    mlp_dim : array_like (..., pool)
        Inner width of the MLP [1].
    mlp_matrix_count : array_like (..., pool)
        2 for a plain MLP, 3 for a gated one [1].
    head_count : array_like (..., pool)
        Query heads [1].
    kv_head_count : array_like (..., pool)
        Key and value heads [1].
    head_dim : array_like (..., pool)
        Width of one head [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters of one layer [1].

    Notes
    -----
    ``2 h d_head (n_head + n_kv) + n_matrix h h_mlp``

    - the classic layer (no grouping, plain MLP of 4 h): 12 h^2
    - an MLP of width zero leaves the attention alone

    References
    ----------
    Kaplan et al. 2020, table 1.
    """
    attention = attention_parameter_count(
        hidden_dim=hidden_dim, head_count=head_count, kv_head_count=kv_head_count, head_dim=head_dim
    )
    return attention + mlp_parameter_count(hidden_dim=hidden_dim, mlp_dim=mlp_dim, mlp_matrix_count=mlp_matrix_count)


def matmul_parameter_count(
    *,
    layer_count: ArrayLike,
    vocabulary_count: ArrayLike,
    hidden_dim: ArrayLike,
    mlp_dim: ArrayLike,
    mlp_matrix_count: ArrayLike,
    head_count: ArrayLike,
    kv_head_count: ArrayLike,
    head_dim: ArrayLike,
) -> Array:
    """Parameters a token is multiplied by: all layers and the LM head.

    The input embedding is a table look-up and does no arithmetic; counting it moves an 8B model by 7%. The LM head
    counts whether or not it is stored together with the embedding.

    Parameters
    ----------
    layer_count : array_like (..., pool)
        Layers [1].
    vocabulary_count : array_like (..., pool)
        Entries of the vocabulary, padding included [1].
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    mlp_dim : array_like (..., pool)
        Inner width of the MLP [1].
    mlp_matrix_count : array_like (..., pool)
        2 for a plain MLP, 3 for a gated one [1].
    head_count : array_like (..., pool)
        Query heads [1].
    kv_head_count : array_like (..., pool)
        Key and value heads [1].
    head_dim : array_like (..., pool)
        Width of one head [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters [1].

    Notes
    -----
    ``L P_layer + V h``; norm vectors are left out.

    - no layers: the LM head alone, V h
    - no vocabulary: the layers alone, L P_layer

    References
    ----------
    Kaplan et al. 2020, section 2.1; Llama 3 (Grattafiori et al. 2024), table 3 for the dimensions in the tests.
    """
    layer = layer_parameter_count(
        hidden_dim=hidden_dim,
        mlp_dim=mlp_dim,
        mlp_matrix_count=mlp_matrix_count,
        head_count=head_count,
        kv_head_count=kv_head_count,
        head_dim=head_dim,
    )
    return as_array(layer_count) * layer + as_array(vocabulary_count) * as_array(hidden_dim)


def parameter_count(
    *,
    layer_count: ArrayLike,
    vocabulary_count: ArrayLike,
    hidden_dim: ArrayLike,
    mlp_dim: ArrayLike,
    mlp_matrix_count: ArrayLike,
    head_count: ArrayLike,
    kv_head_count: ArrayLike,
    head_dim: ArrayLike,
    embedding_count: ArrayLike,
) -> Array:
    """Parameters a model stores, sends and updates.

    The matmul parameters, the input embedding where it is a table of its own, two norm vectors per layer and one at
    the end. Biases and learned positions are left out: under 0.03% of GPT-3.

    Parameters
    ----------
    layer_count : array_like (..., pool)
        Layers [1].
    vocabulary_count : array_like (..., pool)
        Entries of the vocabulary, padding included [1].
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    mlp_dim : array_like (..., pool)
        Inner width of the MLP [1].
    mlp_matrix_count : array_like (..., pool)
        2 for a plain MLP, 3 for a gated one [1].
    head_count : array_like (..., pool)
        Query heads [1].
    kv_head_count : array_like (..., pool)
        Key and value heads [1].
    head_dim : array_like (..., pool)
        Width of one head [1].
    embedding_count : array_like (..., pool)
        2 where the LM head and the input embedding are two tables, 1 where they are tied [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters [1].

    Notes
    -----
    ``L (P_layer + 2 h) + n_embedding V h + h``

    - tied embeddings: the matmul parameters plus (2 L + 1) h
    - no layers and no vocabulary: the last norm alone, h

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), table 3.
    """
    matmul = matmul_parameter_count(
        layer_count=layer_count,
        vocabulary_count=vocabulary_count,
        hidden_dim=hidden_dim,
        mlp_dim=mlp_dim,
        mlp_matrix_count=mlp_matrix_count,
        head_count=head_count,
        kv_head_count=kv_head_count,
        head_dim=head_dim,
    )
    norms = 2.0 * as_array(layer_count) + 1.0
    tables = (as_array(embedding_count) - 1.0) * as_array(vocabulary_count)
    return matmul + (norms + tables) * as_array(hidden_dim)


def attention_flop_per_token(
    *,
    layer_count: ArrayLike,
    head_count: ArrayLike,
    head_dim: ArrayLike,
    sequence_tokens: ArrayLike,
    attention_factor: ArrayLike,
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
    head_dim : array_like (..., pool)
        Width of one head [1].
    sequence_tokens : array_like (..., pool)
        Length of a sequence [tokens].
    attention_factor : array_like (..., pool)
        6 for the causal half, 12 for the full square, 0 to leave attention out [1].

    Returns
    -------
    ndarray (..., pool)
        Arithmetic per token [FLOP].

    Notes
    -----
    ``a L n_head d_head s``

    - factor 12 is exactly twice factor 6
    - factor 0 or an empty sequence: 0

    References
    ----------
    Chowdhery et al. 2022 (PaLM), appendix B, for the full convention; Narayanan et al. 2021, appendix.
    """
    width = as_array(layer_count) * as_array(head_count) * as_array(head_dim)
    return as_array(attention_factor) * width * as_array(sequence_tokens)


def flop_per_token(*, matmul_parameter_count: ArrayLike, attention_flop_per_token: ArrayLike) -> Array:
    """Arithmetic a training token needs, forward and backward: the numerator of MFU.

    Recomputed activations do not count: they are a loss, not work.

    Parameters
    ----------
    matmul_parameter_count : array_like (..., pool)
        Parameters the token is multiplied by [1].
    attention_flop_per_token : array_like (..., pool)
        Arithmetic of the attention scores [FLOP].

    Returns
    -------
    ndarray (..., pool)
        Arithmetic per token [FLOP].

    Notes
    -----
    ``6 P + attention``

    - no attention counted: 6 P
    - no parameters: the attention alone

    References
    ----------
    Kaplan et al. 2020, section 2.1; Chowdhery et al. 2022 (PaLM), appendix B.
    """
    return FLOP_PER_PARAMETER * as_array(matmul_parameter_count) + as_array(attention_flop_per_token)


def recompute_share(
    *,
    flop_per_token: ArrayLike,
    attention_flop_per_token: ArrayLike,
    full_share: ArrayLike,
    selective_share: ArrayLike,
) -> Array:
    """Extra arithmetic of recomputed activations, over forward plus backward.

    Full recompute runs the forward pass again, a third of the step; selective recompute runs only the attention core
    again. The two switches exclude each other; a value between 0 and 1 is the share of layers it applies to. The LM
    head is taken as recomputed with the layers, which overstates full recompute by its share of the parameters.

    Parameters
    ----------
    flop_per_token : array_like (..., pool)
        Arithmetic per token, above zero [FLOP].
    attention_flop_per_token : array_like (..., pool)
        The part of it in the attention scores [FLOP].
    full_share : array_like (..., pool)
        1 where every layer is recomputed, else 0 [0..1].
    selective_share : array_like (..., pool)
        1 where the attention core is recomputed, else 0 [0..1].

    Returns
    -------
    ndarray (..., pool)
        Extra arithmetic over forward plus backward [share].

    Notes
    -----
    ``(full C + selective C_attention) / (3 C)``

    - neither switch: 0
    - full: 1/3 for any model
    - selective with no attention counted: 0

    References
    ----------
    Korthikanti et al. 2022, sections 5 and 6; Narayanan et al. 2021, section 3.5.
    """
    selective = as_array(selective_share)
    attention_share = as_array(attention_flop_per_token) / as_array(flop_per_token)
    # A switch that is off needs no model.
    return FORWARD_SHARE * (as_array(full_share) + np.where(selective == 0.0, 0.0, selective * attention_share))
