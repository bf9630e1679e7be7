"""How much arithmetic does one token cost, and how many parameters stand behind it?

Decoder-only transformers with plain or gated MLPs, dense or with experts; ``mfu.attention`` has their attention.
Sources: Vaswani et al. 2017, Kaplan et al. 2020, Shazeer 2020 (gated MLP), Fedus et al. 2021 and Dai et al. 2024
(experts), Chowdhery et al. 2022 (MFU).
"""

from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array

FLOP_PER_PARAMETER = 6.0  # a multiply and an add, once forward and twice backward


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


def expert_mlp_parameter_count(
    *,
    hidden_dim: ArrayLike,
    mlp_matrix_count: ArrayLike,
    expert_count: ArrayLike,
    counted_expert_count: ArrayLike,
    expert_mlp_dim: ArrayLike,
    shared_expert_mlp_dim: ArrayLike,
) -> Array:
    """Matmul parameters of the MLP of one layer with experts.

    A router scores every expert; a token passes through those it is sent to, and through the shared ones always. With
    all experts counted it is what a layer stores, with those of one token what the token is multiplied by.

    Parameters
    ----------
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    mlp_matrix_count : array_like (..., pool)
        2 for plain experts, 3 for gated ones [1].
    expert_count : array_like (..., pool)
        Experts a token may be sent to [1].
    counted_expert_count : array_like (..., pool)
        How many of them count: all that are stored, or those one token passes through [1].
    expert_mlp_dim : array_like (..., pool)
        Inner width of one expert [1].
    shared_expert_mlp_dim : array_like (..., pool)
        Inner width of the shared experts together, 0 without any [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters of one layer [1].

    Notes
    -----
    ``n_matrix h (k h_expert + h_shared) + h n_expert``

    - one expert and nothing shared: a plain MLP and its router of h parameters
    - no expert counted: the shared ones and the router

    References
    ----------
    Fedus et al. 2021, section 2.1; Dai et al. 2024 (DeepSeekMoE), section 3, for shared experts.
    """
    hidden = as_array(hidden_dim)
    inner = as_array(counted_expert_count) * as_array(expert_mlp_dim) + as_array(shared_expert_mlp_dim)
    return as_array(mlp_matrix_count) * hidden * inner + hidden * as_array(expert_count)


def layers_parameter_count(
    *,
    layer_count: ArrayLike,
    expert_layer_count: ArrayLike,
    attention_parameter_count: ArrayLike,
    mlp_parameter_count: ArrayLike,
    expert_mlp_parameter_count: ArrayLike,
) -> Array:
    """Matmul parameters of all layers.

    Attention everywhere, and in each layer one MLP or experts; norm vectors and biases do no matrix product and are
    left out.

    Parameters
    ----------
    layer_count : array_like (..., pool)
        Layers [1].
    expert_layer_count : array_like (..., pool)
        Those of them with experts in the place of the MLP, 0 for a dense model [1].
    attention_parameter_count : array_like (..., pool)
        Parameters of the attention of one layer [1].
    mlp_parameter_count : array_like (..., pool)
        Parameters of one MLP [1].
    expert_mlp_parameter_count : array_like (..., pool)
        Parameters of the experts of one layer, all or those one token passes through [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters [1].

    Notes
    -----
    ``L P_attention + (L - L_expert) P_mlp + L_expert P_experts``

    - a dense model of classic layers (no grouping, plain MLP of 4 h): 12 L h^2
    - experts in every layer: the MLP does not matter
    - no layers: 0

    References
    ----------
    Kaplan et al. 2020, table 1; DeepSeek-AI 2024 (DeepSeek-V3), section 4.2, for dense layers before the experts.
    """
    layers, sparse = as_array(layer_count), as_array(expert_layer_count)
    mlps = (layers - sparse) * as_array(mlp_parameter_count) + sparse * as_array(expert_mlp_parameter_count)
    return layers * as_array(attention_parameter_count) + mlps


def matmul_parameter_count(
    *, layers_parameter_count: ArrayLike, vocabulary_count: ArrayLike, hidden_dim: ArrayLike
) -> Array:
    """Parameters a token is multiplied by: all layers and the LM head.

    The input embedding is a table look-up and does no arithmetic; counting it moves an 8B model by 7%. The LM head
    counts whether or not it is stored together with the embedding.

    Parameters
    ----------
    layers_parameter_count : array_like (..., pool)
        Parameters of the layers; of experts only those one token passes through [1].
    vocabulary_count : array_like (..., pool)
        Entries of the vocabulary, padding included [1].
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters [1].

    Notes
    -----
    ``P_layers + V h``; norm vectors are left out.

    - no layers: the LM head alone, V h
    - no vocabulary: the layers alone

    References
    ----------
    Kaplan et al. 2020, section 2.1; Llama 3 (Grattafiori et al. 2024), table 3 for the dimensions in the tests.
    """
    return as_array(layers_parameter_count) + as_array(vocabulary_count) * as_array(hidden_dim)


def parameter_count(
    *,
    layers_parameter_count: ArrayLike,
    layer_count: ArrayLike,
    vocabulary_count: ArrayLike,
    hidden_dim: ArrayLike,
    embedding_count: ArrayLike,
) -> Array:
    """Parameters a model stores, sends and updates.

    The layers with all their experts, the LM head, the input embedding where it is a table of its own, two norm
    vectors per layer and one at the end. Biases and learned positions are left out: under 0.03% of GPT-3.

    Parameters
    ----------
    layers_parameter_count : array_like (..., pool)
        Parameters of the layers, all experts counted [1].
    layer_count : array_like (..., pool)
        Layers [1].
    vocabulary_count : array_like (..., pool)
        Entries of the vocabulary, padding included [1].
    hidden_dim : array_like (..., pool)
        Width of the residual stream [1].
    embedding_count : array_like (..., pool)
        2 where the LM head and the input embedding are two tables, 1 where they are tied [1].

    Returns
    -------
    ndarray (..., pool)
        Parameters [1].

    Notes
    -----
    ``P_layers + (n_embedding V + 2 L + 1) h``

    - tied embeddings: the layers, the LM head and (2 L + 1) h of norms
    - no layers and no vocabulary: the last norm alone, h

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), table 3.
    """
    tables = as_array(embedding_count) * as_array(vocabulary_count)
    norms = 2.0 * as_array(layer_count) + 1.0
    return as_array(layers_parameter_count) + (tables + norms) * as_array(hidden_dim)


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
