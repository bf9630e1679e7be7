import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu import attention

KERNELS = (
    attention.attention_parameter_count,
    attention.latent_attention_parameter_count,
    attention.attended_tokens,
    attention.attention_flop_per_token,
)
DEEPSEEK_V3 = {
    "hidden_dim": 7_168,
    "head_count": 128,
    "head_dim": 128,
    "rope_head_dim": 64,
    "value_head_dim": 128,
    "query_rank_dim": 1_536,
    "kv_rank_dim": 512,
}
LATENT = {
    "hidden_dim": 8,
    "head_count": 2,
    "head_dim": 4,
    "rope_head_dim": 1,
    "value_head_dim": 3,
    "query_rank_dim": 5,
    "kv_rank_dim": 6,
}
GROUPED = {
    "layer_count": 10,
    "head_count": 4,
    "key_head_dim": 16,
    "value_head_dim": 16,
    "sequence_tokens": 1_000,
    "window_layer_count": 0,
    "attention_window_tokens": 100,
    "causal_share": 1,
}


def names(kernel):
    return tuple(inspect.signature(kernel).parameters)


def latent(dims, **changes):
    return attention.latent_attention_parameter_count(**dims | changes)


def scores(**changes):
    return attention.attention_flop_per_token(**GROUPED | changes)


def attended(sequence, window, causal):
    return attention.attended_tokens(
        sequence_tokens=sequence, attention_window_tokens=window, causal_share=causal
    ).item()


# Hand-worked values


def test_attention_has_four_projections():
    # q and o: 4 x (2 heads x 2) each; k and v: 4 x (1 head x 2) each
    count = attention.attention_parameter_count(hidden_dim=4, head_count=2, kv_head_count=1, head_dim=2)
    assert count == 16 + 16 + 8 + 8


def test_latent_attention_has_six_projections():
    # queries down to 5 and up to 2 x (4 + 1); the latent of 6 and the rotary key of 1; keys of 2 x 4 and values of
    # 2 x 3 up from 6; the output of 2 x 3 back to 8
    assert latent(LATENT) == (8 * 5 + 5 * 10) + (8 * 6 + 8 * 1) + (6 * 8 + 6 * 6) + 6 * 8


def test_latent_attention_of_deepseek_v3():
    queries = 7_168 * 1_536 + 1_536 * 128 * 192
    keys_and_values = 7_168 * 576 + 512 * 128 * 256
    assert latent(DEEPSEEK_V3) == queries + keys_and_values + 128 * 128 * 7_168 == 187_105_280


@pytest.mark.parametrize(
    ("window", "causal", "keys"),
    [(np.inf, 1, 500.0), (np.inf, 0, 1_000.0), (100, 1, 95.0), (100, 0, 100.0), (400, 1, 320.0)],
)
def test_keys_a_query_meets_in_a_sequence_of_a_thousand(window, causal, keys):
    # with a window of 100, the first 100 queries see 50 in the mean and 900 see 100: 95
    assert attended(1_000, window, causal) == pytest.approx(keys, rel=1e-15)


def test_the_mean_over_a_sequence_is_that_of_its_queries():
    queries = np.arange(1, 100_001)
    assert attended(100_000, 1_000, 1) == pytest.approx(np.minimum(queries, 1_000).mean(), rel=1e-5)


def test_scores_of_one_width():
    assert scores() == 6 * 10 * 4 * 16 * 1_000


def test_half_the_layers_with_a_window():
    # five layers see 500 keys in the mean, five see 95; 6 FLOP for each element of a key and of a value
    assert scores(window_layer_count=5) == 6 * 4 * 32 * (5 * 500 + 5 * 95)


def test_keys_wider_than_values():
    assert scores(key_head_dim=24) == 6 * 4 * (24 + 16) * 10 * 500


# Limits of the docstrings


def test_attention_without_grouping_is_four_hidden_squared():
    count = attention.attention_parameter_count(hidden_dim=512, head_count=8, kv_head_count=8, head_dim=64)
    assert count == 4 * 512 * 512


def test_multi_query_keeps_one_head_of_keys_and_values():
    one = attention.attention_parameter_count(hidden_dim=512, head_count=8, kv_head_count=1, head_dim=64)
    assert one - 2 * 512 * 512 == 2 * 512 * 64


def test_queries_that_are_not_compressed_are_one_matrix():
    assert latent(LATENT) - latent(LATENT, query_rank_dim=0) == (8 * 5 + 5 * 10) - 8 * 10


def test_no_heads_leave_what_makes_the_narrow_vectors():
    assert latent(LATENT, head_count=0) == 8 * (5 + 6 + 1)


def test_a_window_as_long_as_the_sequence_is_none():
    for window in (1_000, 5_000, np.inf):
        assert attended(1_000, window, 1) == 500.0
        assert attended(1_000, window, 0) == 1_000.0


def test_behind_a_short_window_causality_takes_nothing():
    assert attended(1e9, 128, 1) == pytest.approx(attended(1e9, 128, 0), rel=1e-6)


def test_an_empty_sequence_has_no_scores():
    assert attended(0, 128, 1) == 0.0
    assert scores(sequence_tokens=0) == 0


def test_full_attention_is_twice_causal():
    assert scores(causal_share=0) == 2 * scores()


def test_windows_in_every_layer_bound_the_scores():
    bound = 6 * 10 * 4 * 32 * 100
    found = scores(sequence_tokens=np.array([1e3, 1e6, 1e12]), window_layer_count=10)
    assert (np.diff(found) > 0).all()
    assert (found < bound).all()
    assert found[-1] == pytest.approx(bound)


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
    flop = scores(layer_count=10**6, head_count=10**6, sequence_tokens=10**6, key_head_dim=10**6, value_head_dim=0)
    assert flop == pytest.approx(3e24)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0.0, 1.0))
def test_a_window_never_adds_keys(sequence, window, causal):
    assert attended(sequence, window, causal) <= attended(sequence, np.inf, causal) * (1 + 1e-12)
