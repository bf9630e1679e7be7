import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu import transformer

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
    transformer.attention_parameter_count,
    transformer.mlp_parameter_count,
    transformer.layer_parameter_count,
    transformer.matmul_parameter_count,
    transformer.parameter_count,
    transformer.attention_flop_per_token,
    transformer.flop_per_token,
    transformer.recompute_share,
)


def names(kernel):
    return tuple(inspect.signature(kernel).parameters)


def picked(kernel, dims, **changes):
    return kernel(**{name: (dims | changes)[name] for name in names(kernel) if name in dims | changes})


def attention(dims, **changes):
    return picked(transformer.attention_flop_per_token, dims, **changes)


# Hand-worked values


def test_attention_has_four_projections():
    # q and o: 4 x (2 heads x 2) each; k and v: 4 x (1 head x 2) each
    assert picked(transformer.attention_parameter_count, TINY) == 16 + 16 + 8 + 8


def test_gated_mlp_has_a_third_matrix():
    assert transformer.mlp_parameter_count(hidden_dim=4, mlp_dim=16, mlp_matrix_count=2) == 128
    assert transformer.mlp_parameter_count(hidden_dim=4, mlp_dim=16, mlp_matrix_count=3) == 192


def test_layer_is_attention_plus_mlp():
    assert picked(transformer.layer_parameter_count, TINY) == 48 + 128


def test_matmul_parameters_are_the_layers_and_the_head():
    assert picked(transformer.matmul_parameter_count, TINY) == 2 * 176 + 40


def test_untied_model_stores_two_tables_and_its_norms():
    # two layers, two tables of 40, two norms of 4 per layer and one at the end
    assert picked(transformer.parameter_count, TINY, embedding_count=2) == 352 + 80 + 16 + 4


def test_llama_8b_has_the_parameters_of_its_checkpoint():
    assert picked(transformer.parameter_count, LLAMA_8B, embedding_count=2) == 8_030_261_248


def test_llama_405b_has_the_parameters_of_its_checkpoint():
    assert picked(transformer.parameter_count, LLAMA_405B, embedding_count=2) == 405_853_388_800


def test_gpt3_has_175_billion_parameters():
    count = picked(transformer.parameter_count, GPT3, embedding_count=1)
    assert count == pytest.approx(174.6e9, rel=1e-3)


def test_input_embedding_would_move_an_8b_model_by_seven_percent():
    matmul = picked(transformer.matmul_parameter_count, LLAMA_8B)
    stored = picked(transformer.parameter_count, LLAMA_8B, embedding_count=2)
    assert stored / matmul - 1.0 == pytest.approx(0.07, abs=0.0005)


def test_attention_of_llama_405b_at_8k_is_four_percent_causal_and_twice_that_full():
    matmul = picked(transformer.matmul_parameter_count, LLAMA_405B)
    causal = attention(LLAMA_405B, sequence_tokens=8_192, attention_factor=6)
    full = attention(LLAMA_405B, sequence_tokens=8_192, attention_factor=12)
    assert causal == 6 * 126 * 16_384 * 8_192
    assert causal / (6 * matmul) == pytest.approx(0.042, abs=0.0005)
    assert full / (6 * matmul) == pytest.approx(0.084, abs=0.001)


def test_attention_of_llama_405b_at_131k_is_two_thirds_of_the_matmuls():
    matmul = picked(transformer.matmul_parameter_count, LLAMA_405B)
    causal = attention(LLAMA_405B, sequence_tokens=131_072, attention_factor=6)
    assert causal / (6 * matmul) == pytest.approx(0.67, abs=0.005)


def test_flop_per_token_is_six_per_parameter_plus_attention():
    assert transformer.flop_per_token(matmul_parameter_count=7e9, attention_flop_per_token=3e9) == 45e9


def test_selective_recompute_repeats_a_third_of_the_attention():
    share = transformer.recompute_share(
        flop_per_token=60.0, attention_flop_per_token=6.0, full_share=0, selective_share=1
    )
    assert share == pytest.approx(2.0 / 60.0)


def test_half_the_layers_recomputed_cost_half():
    share = transformer.recompute_share(
        flop_per_token=60.0, attention_flop_per_token=6.0, full_share=0.5, selective_share=0
    )
    assert share == pytest.approx(1.0 / 6.0)


# Limits of the docstrings


def test_attention_without_grouping_is_four_hidden_squared():
    assert (
        transformer.attention_parameter_count(hidden_dim=512, head_count=8, kv_head_count=8, head_dim=64)
        == 4 * 512 * 512
    )


def test_multi_query_keeps_one_head_of_keys_and_values():
    one = transformer.attention_parameter_count(hidden_dim=512, head_count=8, kv_head_count=1, head_dim=64)
    assert one - 2 * 512 * 512 == 2 * 512 * 64


@pytest.mark.parametrize(("mlp_dim", "mlp_matrix_count"), [(4 * 768, 2), (8 * 768 / 3, 3)])
def test_plain_and_gated_mlp_are_eight_hidden_squared(mlp_dim, mlp_matrix_count):
    count = transformer.mlp_parameter_count(hidden_dim=768, mlp_dim=mlp_dim, mlp_matrix_count=mlp_matrix_count)
    assert count == pytest.approx(8 * 768 * 768)


def test_classic_layer_is_twelve_hidden_squared():
    assert picked(transformer.layer_parameter_count, GPT3) == 12 * 12_288**2


def test_layer_without_mlp_is_its_attention():
    layer = picked(transformer.layer_parameter_count, TINY, mlp_dim=0)
    assert layer == picked(transformer.attention_parameter_count, TINY)


def test_no_layers_leave_the_head():
    assert picked(transformer.matmul_parameter_count, TINY, layer_count=0) == 10 * 4


def test_no_vocabulary_leaves_the_layers():
    assert picked(transformer.matmul_parameter_count, TINY, vocabulary_count=0) == 2 * 176


def test_tied_model_stores_its_matmul_parameters_and_norms():
    stored = picked(transformer.parameter_count, TINY, embedding_count=1)
    assert stored == picked(transformer.matmul_parameter_count, TINY) + (2 * 2 + 1) * 4


def test_empty_model_is_its_last_norm():
    assert picked(transformer.parameter_count, TINY, layer_count=0, vocabulary_count=0, embedding_count=2) == 4


def test_full_attention_is_twice_causal():
    causal, full = (attention(LLAMA_8B, sequence_tokens=8_192, attention_factor=factor) for factor in (6, 12))
    assert full == 2 * causal


def test_attention_left_out_or_empty_sequence_is_zero():
    assert attention(LLAMA_8B, sequence_tokens=8_192, attention_factor=0) == 0
    assert attention(LLAMA_8B, sequence_tokens=0, attention_factor=6) == 0


def test_flop_per_token_without_attention_is_six_per_parameter():
    assert transformer.flop_per_token(matmul_parameter_count=7.0, attention_flop_per_token=0.0) == 42.0


def test_flop_per_token_without_parameters_is_the_attention():
    assert transformer.flop_per_token(matmul_parameter_count=0.0, attention_flop_per_token=5.0) == 5.0


@pytest.mark.parametrize(
    ("full", "selective", "attention_flop", "share"),
    [(0, 0, 6.0, 0.0), (1, 0, 6.0, 1 / 3), (1, 0, 0.0, 1 / 3), (0, 1, 0.0, 0.0)],
    ids=["neither", "full", "full-without-attention", "selective-without-attention"],
)
def test_recompute_limits(full, selective, attention_flop, share):
    assert transformer.recompute_share(
        flop_per_token=60.0, attention_flop_per_token=attention_flop, full_share=full, selective_share=selective
    ) == pytest.approx(share)


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
    flop = transformer.attention_flop_per_token(
        layer_count=10**6, head_count=10**6, head_dim=10**6, sequence_tokens=10**6, attention_factor=12
    )
    assert flop == pytest.approx(1.2e25)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 10), st.integers(1, 200), st.integers(1, 64))
def test_stored_parameters_exceed_the_matmul_parameters(embeddings, layers, heads):
    dims = LLAMA_8B | {"layer_count": layers, "head_count": heads}
    stored = picked(transformer.parameter_count, dims, embedding_count=embeddings)
    assert stored > picked(transformer.matmul_parameter_count, dims)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.floats(1.0, 1e12), st.floats(0.0, 1e12))
def test_selective_recompute_never_costs_more_than_full(parameters, attention_flop):
    flop = transformer.flop_per_token(matmul_parameter_count=parameters, attention_flop_per_token=attention_flop)
    full, selective = transformer.recompute_share(
        flop_per_token=flop, attention_flop_per_token=attention_flop, full_share=[1, 0], selective_share=[0, 1]
    )
    assert selective <= full
