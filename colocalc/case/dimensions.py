"""The dimensions of a model as the transformer kernels take them: what it stores, and what a token costs."""

from colocalc.arrays import Array
from colocalc.mfu import attention, transformer
from colocalc.model import ModelDims


def parameter_count(model: ModelDims) -> Array:
    """Stored parameters of a model: all experts, and the embeddings."""
    return transformer.parameter_count(
        layers_parameter_count=_layers(model, model.expert_count or 0.0),
        layer_count=model.layer_count,
        vocabulary_count=model.vocabulary_count,
        hidden_dim=model.hidden_dim,
        embedding_count=1.0 if model.tied_embeddings else 2.0,
    )


def matmul_parameter_count(model: ModelDims) -> Array:
    """Parameters one token is multiplied by: of the experts those it is sent to, and no input embedding."""
    return transformer.matmul_parameter_count(
        layers_parameter_count=_layers(model, model.active_expert_count or 0.0),
        vocabulary_count=model.vocabulary_count,
        hidden_dim=model.hidden_dim,
    )


def expert_parameter_count(model: ModelDims) -> Array:
    """Stored parameters of all experts that tokens choose between, without routers and shared experts."""
    return _layers(model, model.expert_count or 0.0) - _layers(model, 0.0)


def kv_dim(model: ModelDims) -> float:
    """Numbers kept of a token in a layer: keys and values, or a latent vector and the rotary key of all heads."""
    if model.kv_rank_dim is not None:
        return model.kv_rank_dim + (model.rope_head_dim or 0.0)
    return 2.0 * model.kv_head_count * model.head_dim


def attention_flop_per_token(model: ModelDims, *, sequence_tokens: float, causal_share: float) -> Array:
    """Arithmetic of the attention scores for one token."""
    return attention.attention_flop_per_token(
        layer_count=model.layer_count,
        head_count=model.head_count,
        key_head_dim=key_head_dim(model),
        value_head_dim=value_head_dim(model),
        sequence_tokens=sequence_tokens,
        window_layer_count=model.window_layer_count or 0.0,
        attention_window_tokens=model.attention_window_tokens or sequence_tokens,
        causal_share=causal_share,
    )


def key_head_dim(model: ModelDims) -> float:
    """Width of one head of queries and keys, its rotary part included."""
    return model.head_dim + (model.rope_head_dim or 0.0)


def value_head_dim(model: ModelDims) -> float:
    """Width of one head of values."""
    return model.value_head_dim or model.head_dim


def _layers(model: ModelDims, counted_expert_count: float) -> Array:
    matrices = 3.0 if model.gated_mlp else 2.0
    return transformer.layers_parameter_count(
        layer_count=model.layer_count,
        expert_layer_count=model.layer_count - (model.dense_layer_count or 0.0) if model.expert_count else 0.0,
        attention_parameter_count=attention_parameter_count(model),
        mlp_parameter_count=transformer.mlp_parameter_count(
            hidden_dim=model.hidden_dim, mlp_dim=model.mlp_dim, mlp_matrix_count=matrices
        ),
        expert_mlp_parameter_count=transformer.expert_mlp_parameter_count(
            hidden_dim=model.hidden_dim,
            mlp_matrix_count=matrices,
            expert_count=model.expert_count or 0.0,
            counted_expert_count=counted_expert_count,
            expert_mlp_dim=model.expert_mlp_dim or model.mlp_dim,
            shared_expert_mlp_dim=model.shared_expert_mlp_dim or 0.0,
        ),
    )


def attention_parameter_count(model: ModelDims) -> Array:
    """Parameters of the attention of one layer."""
    if model.kv_rank_dim is None:
        return attention.attention_parameter_count(
            hidden_dim=model.hidden_dim,
            head_count=model.head_count,
            kv_head_count=model.kv_head_count,
            head_dim=model.head_dim,
        )
    return attention.latent_attention_parameter_count(
        hidden_dim=model.hidden_dim,
        head_count=model.head_count,
        head_dim=model.head_dim,
        rope_head_dim=model.rope_head_dim or 0.0,
        value_head_dim=value_head_dim(model),
        query_rank_dim=model.query_rank_dim or 0.0,
        kv_rank_dim=model.kv_rank_dim,
    )
