import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu import attention, transformer

LLAMA_8B = {
    "layer_count": 32,
    "vocabulary_count": 128_256,
    "hidden_dim": 4_096,
    "mlp_dim": 14_336,
    "mlp_matrix_count": 3,
    "head_count": 32,
    "kv_head_count": 8,
    "head_dim": 128,
}
LLAMA_405B = {
    "layer_count": 126,
    "vocabulary_count": 128_256,
    "hidden_dim": 16_384,
    "mlp_dim": 53_248,
    "mlp_matrix_count": 3,
    "head_count": 128,
    "kv_head_count": 8,
    "head_dim": 128,
}
GPT3 = {
    "layer_count": 96,
    "vocabulary_count": 50_257,
    "hidden_dim": 12_288,
    "mlp_dim": 49_152,
    "mlp_matrix_count": 2,
    "head_count": 96,
    "kv_head_count": 96,
    "head_dim": 128,
}
TINY = {
    "layer_count": 2,
    "vocabulary_count": 10,
    "hidden_dim": 4,
    "mlp_dim": 16,
    "mlp_matrix_count": 2,
    "head_count": 2,
    "kv_head_count": 1,
    "head_dim": 2,
}
KERNELS = (
    transformer.mlp_parameter_count,
    transformer.expert_mlp_parameter_count,
    transformer.layers_parameter_count,
    transformer.matmul_parameter_count,
    transformer.parameter_count,
    transformer.flop_per_token,
)


def names(kernel):
    return tuple(inspect.signature(kernel).parameters)


def picked(kernel, dims, **changes):
    return kernel(**{name: (dims | changes)[name] for name in names(kernel) if name in dims | changes})


def layers(dims, **changes):
    """Parameters of the layers of a dense model."""
    dims = dims | changes
    return transformer.layers_parameter_count(
        layer_count=dims["layer_count"],
        expert_layer_count=0,
        attention_parameter_count=picked(attention.attention_parameter_count, dims),
        mlp_parameter_count=picked(transformer.mlp_parameter_count, dims),
        expert_mlp_parameter_count=0,
    )


def matmul(dims, **changes):
    return picked(transformer.matmul_parameter_count, dims, layers_parameter_count=layers(dims, **changes), **changes)


def stored(dims, **changes):
    return picked(transformer.parameter_count, dims, layers_parameter_count=layers(dims, **changes), **changes)


def scores(dims, **changes):
    """Arithmetic of the scores of a model without windows."""
    return attention.attention_flop_per_token(
        layer_count=dims["layer_count"],
        head_count=dims["head_count"],
        key_head_dim=dims["head_dim"],
        value_head_dim=dims["head_dim"],
        window_layer_count=0,
        attention_window_tokens=1,
        **changes,
    )


def experts(**changes):
    """One layer of eight gated experts of width 16 beside shared ones of 32, at a hidden width of 4."""
    layer = {
        "hidden_dim": 4,
        "mlp_matrix_count": 3,
        "expert_count": 8,
        "counted_expert_count": 8,
        "expert_mlp_dim": 16,
        "shared_expert_mlp_dim": 32,
    }
    return transformer.expert_mlp_parameter_count(**layer | changes)


# Hand-worked values


def test_gated_mlp_has_a_third_matrix():
    assert transformer.mlp_parameter_count(hidden_dim=4, mlp_dim=16, mlp_matrix_count=2) == 128
    assert transformer.mlp_parameter_count(hidden_dim=4, mlp_dim=16, mlp_matrix_count=3) == 192


def test_a_dense_layer_is_attention_plus_mlp():
    assert layers(TINY, layer_count=1) == 48 + 128


def test_experts_stand_in_the_place_of_the_mlp():
    # four layers of attention, one MLP of 100 and three layers of experts
    count = transformer.layers_parameter_count(
        layer_count=4,
        expert_layer_count=3,
        attention_parameter_count=10,
        mlp_parameter_count=100,
        expert_mlp_parameter_count=1_000,
    )
    assert count == 40 + 100 + 3_000


@pytest.mark.parametrize(("counted", "inner"), [(8, 8 * 16 + 32), (2, 2 * 16 + 32)], ids=["stored", "one-token"])
def test_experts_have_a_router_for_all_and_matrices_for_those_counted(counted, inner):
    assert experts(counted_expert_count=counted) == 3 * 4 * inner + 8 * 4


def test_matmul_parameters_are_the_layers_and_the_head():
    assert matmul(TINY) == 2 * 176 + 40


def test_untied_model_stores_two_tables_and_its_norms():
    # two layers, two tables of 40, two norms of 4 per layer and one at the end
    assert stored(TINY, embedding_count=2) == 352 + 80 + 16 + 4


def test_llama_8b_has_the_parameters_of_its_checkpoint():
    assert stored(LLAMA_8B, embedding_count=2) == 8_030_261_248


def test_llama_405b_has_the_parameters_of_its_checkpoint():
    assert stored(LLAMA_405B, embedding_count=2) == 405_853_388_800


def test_gpt3_has_175_billion_parameters():
    assert stored(GPT3, embedding_count=1) == pytest.approx(174.6e9, rel=1e-3)


def test_input_embedding_would_move_an_8b_model_by_seven_percent():
    assert stored(LLAMA_8B, embedding_count=2) / matmul(LLAMA_8B) - 1.0 == pytest.approx(0.07, abs=0.0005)


def test_attention_of_llama_405b_at_8k_is_four_percent_causal_and_twice_that_full():
    causal = scores(LLAMA_405B, sequence_tokens=8_192, causal_share=1)
    full = scores(LLAMA_405B, sequence_tokens=8_192, causal_share=0)
    assert causal == 6 * 126 * 16_384 * 8_192
    assert causal / (6 * matmul(LLAMA_405B)) == pytest.approx(0.042, abs=0.0005)
    assert full / (6 * matmul(LLAMA_405B)) == pytest.approx(0.084, abs=0.001)


def test_attention_of_llama_405b_at_131k_is_two_thirds_of_the_matmuls():
    causal = scores(LLAMA_405B, sequence_tokens=131_072, causal_share=1)
    assert causal / (6 * matmul(LLAMA_405B)) == pytest.approx(0.67, abs=0.005)


def test_flop_per_token_is_six_per_parameter_plus_attention():
    assert transformer.flop_per_token(matmul_parameter_count=7e9, attention_flop_per_token=3e9) == 45e9


# Limits of the docstrings


@pytest.mark.parametrize(("mlp_dim", "mlp_matrix_count"), [(4 * 768, 2), (8 * 768 / 3, 3)])
def test_plain_and_gated_mlp_are_eight_hidden_squared(mlp_dim, mlp_matrix_count):
    count = transformer.mlp_parameter_count(hidden_dim=768, mlp_dim=mlp_dim, mlp_matrix_count=mlp_matrix_count)
    assert count == pytest.approx(8 * 768 * 768)


def test_classic_layers_are_twelve_hidden_squared():
    assert layers(GPT3) == 96 * 12 * 12_288**2


def test_layers_without_mlp_are_their_attention():
    assert layers(TINY, mlp_dim=0) == 2 * 48


def test_the_mlp_does_not_matter_where_every_layer_has_experts():
    small, large = (
        transformer.layers_parameter_count(
            layer_count=4,
            expert_layer_count=4,
            attention_parameter_count=10,
            mlp_parameter_count=width,
            expert_mlp_parameter_count=1_000,
        )
        for width in (0, 1e9)
    )
    assert small == large == 4_040


def test_no_layers_have_no_parameters():
    assert layers(TINY, layer_count=0) == 0


def test_one_expert_is_an_mlp_and_its_router():
    alone = experts(expert_count=1, counted_expert_count=1, shared_expert_mlp_dim=0)
    assert alone - transformer.mlp_parameter_count(hidden_dim=4, mlp_dim=16, mlp_matrix_count=3) == 4


def test_no_expert_counted_leaves_the_shared_ones_and_the_router():
    assert experts(counted_expert_count=0) == 3 * 4 * 32 + 8 * 4


def test_no_layers_leave_the_head():
    assert matmul(TINY, layer_count=0) == 10 * 4


def test_no_vocabulary_leaves_the_layers():
    assert matmul(TINY, vocabulary_count=0) == 2 * 176


def test_tied_model_stores_its_matmul_parameters_and_norms():
    assert stored(TINY, embedding_count=1) == matmul(TINY) + (2 * 2 + 1) * 4


def test_empty_model_is_its_last_norm():
    assert stored(TINY, layer_count=0, vocabulary_count=0, embedding_count=2) == 4


def test_flop_per_token_without_attention_is_six_per_parameter():
    assert transformer.flop_per_token(matmul_parameter_count=7.0, attention_flop_per_token=0.0) == 42.0


def test_flop_per_token_without_parameters_is_the_attention():
    assert transformer.flop_per_token(matmul_parameter_count=0.0, attention_flop_per_token=5.0) == 5.0


# Laws


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    draw = np.random.default_rng(7)
    stacked = {name: draw.uniform(1.0, 9.0, (4, 3)) for name in names(kernel)}
    whole = kernel(**stacked)
    assert whole.dtype == np.float64
    for place in np.ndindex(4, 3):
        alone = kernel(**{name: float(values[place]) for name, values in stacked.items()})
        np.testing.assert_allclose(whole[place], alone, rtol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_nan_stays_nan(kernel):
    for hole in names(kernel):
        assert np.isnan(kernel(**{name: np.nan if name == hole else 2.0 for name in names(kernel)}))


def test_large_integers_do_not_overflow():
    count = experts(hidden_dim=10**6, expert_count=10**6, counted_expert_count=10**6, expert_mlp_dim=10**6)
    assert count == pytest.approx(3e18)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 10), st.integers(1, 200), st.integers(1, 64))
def test_stored_parameters_exceed_the_matmul_parameters(embeddings, layer_count, heads):
    dims = LLAMA_8B | {"layer_count": layer_count, "head_count": heads}
    assert stored(dims, embedding_count=embeddings) > matmul(dims)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 512), st.integers(1, 512), st.integers(0, 4_096))
def test_one_token_passes_through_no_more_than_is_stored(first, second, shared):
    few, many = sorted((first, second))
    active, whole = (
        experts(expert_count=many, counted_expert_count=counted, shared_expert_mlp_dim=shared)
        for counted in (few, many)
    )
    assert whole - active == (many - few) * 3 * 4 * 16
