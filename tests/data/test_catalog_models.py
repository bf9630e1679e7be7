"""The models of the catalog have the parameters their authors say, by hand-worked count and by the kernels."""

import re

import pytest

from colocalc.case import dimensions
from colocalc.catalog import load_catalog

CATALOG = load_catalog()
MODELS = CATALOG.models
COUNTED = [name for name, model in MODELS.items() if model.published_parameter_count is not None]
EXPERTS = [name for name, model in MODELS.items() if model.expert_count is not None]
ROUNDED = re.compile(r"rounded by its authors to (\d+(?:\.\d+)?)([BT])\b")
SCALES = {"B": 1e9, "T": 1e12}

# What the kernels leave out: biases, learned positions, norms inside attention.
LEFT_OUT_SHARE = 0.005


def interval(figure):
    """The counts that print as the published one: a point, unless its note says how its authors rounded it."""
    printed = ROUNDED.search(figure.note or "")
    if printed is None:
        return figure.value, figure.value
    digits = len(printed[1].partition(".")[2])
    half = 0.5 * 10.0**-digits * SCALES[printed[2]]
    return figure.value - half, figure.value + half


def beyond(figure, least, most):
    """How far a span of counts lies outside those that print as published, as a share of them."""
    low, high = interval(figure)
    return max(least / high - 1.0, 1.0 - most / low, 0.0)


def table(model):
    return model.vocabulary_count * model.hidden_dim


def test_there_are_the_models_of_the_published_runs_and_the_best_known():
    assert len(MODELS) >= 60
    assert len(EXPERTS) == 12
    assert {"gpt3-175b", "llama-3.1-405b", "palm-540b", "deepseek-v3", "qwen3-235b-a22b", "kimi-k2"} <= set(MODELS)


def test_what_has_no_published_count_says_so_in_its_title():
    assert {name: MODELS[name].title for name in MODELS if name not in COUNTED} == {
        "dense-2t": "Dense 2T, a planning model nobody has trained",
        **{f"maxtext-{scale}b": f"MaxText default at scale {scale}" for scale in (16, 32, 64, 128)},
    }


@pytest.mark.parametrize("name", COUNTED)
def test_dimensions_give_the_published_parameter_count(name):
    count = dimensions.parameter_count(MODELS[name])
    assert beyond(MODELS[name].published_parameter_count, count, count) <= LEFT_OUT_SHARE


@pytest.mark.parametrize("name", [name for name in EXPERTS if name != "grok-1"])
def test_dimensions_give_the_published_active_count(name):
    # Some authors count the input embedding, some do not.
    model = MODELS[name]
    active = dimensions.matmul_parameter_count(model)
    assert beyond(model.published_active_count, active, active + table(model)) <= LEFT_OUT_SHARE


@pytest.mark.parametrize("name", COUNTED)
def test_a_rounded_count_is_the_number_its_note_prints(name):
    figures = (MODELS[name].published_parameter_count, MODELS[name].published_active_count)
    for figure in (figure for figure in figures if figure is not None):
        printed = ROUNDED.search(figure.note or "")
        if printed is not None:
            assert figure.value == pytest.approx(float(printed[1]) * SCALES[printed[2]])


@pytest.mark.parametrize("name", COUNTED)
def test_a_round_count_is_told_to_be_rounded(name):
    figure = MODELS[name].published_parameter_count
    assert (figure.value % 1e6 == 0.0) == (ROUNDED.search(figure.note or "") is not None)


# Hand-worked counts: norms are two per layer and one at the end, each of the hidden width

# Attention of 128 heads of 128 + 64 and 128, from ranks of 1536 and 512, at a width of 7168 (DeepSeek-V3).
V3_ATTENTION = 7_168 * 1_536 + 1_536 * 128 * 192 + 7_168 * (512 + 64) + 512 * 128 * 256 + 128 * 128 * 7_168
V2_ATTENTION = 5_120 * 1_536 + 1_536 * 128 * 192 + 5_120 * (512 + 64) + 512 * 128 * 256 + 128 * 128 * 5_120
K2_ATTENTION = 7_168 * 1_536 + 1_536 * 64 * 192 + 7_168 * (512 + 64) + 512 * 64 * 256 + 64 * 128 * 7_168
BY_HAND = {
    # grouped queries, gated MLP, two tables
    "llama-2-70b": 80 * (2 * 8_192 * 128 * 72 + 3 * 8_192 * 28_672) + 2 * 32_000 * 8_192 + 161 * 8_192,
    # plain MLP, one table
    "megatron-530b": 105 * 12 * 20_480**2 + 51_200 * 20_480 + 211 * 20_480,
    # plain MLP, two tables
    "mcore-177b": 96 * 12 * 12_288**2 + 2 * 131_072 * 12_288 + 193 * 12_288,
    # one key and value head, gated MLP, one table
    "palm-62b": 64 * (2 * 8_192 * 256 * 33 + 3 * 8_192 * 32_768) + 256_000 * 8_192 + 129 * 8_192,
    # grouped queries, plain MLP
    "nemotron-4-340b": 96 * (2 * 18_432 * 192 * 104 + 2 * 18_432 * 73_728) + 2 * 256_000 * 18_432 + 193 * 18_432,
    # experts and nothing shared, with a router of 8 x 4096
    "mixtral-8x7b": 32 * (2 * 4_096 * 128 * 40 + 8 * 3 * 4_096 * 14_336 + 8 * 4_096) + 2 * 32_000 * 4_096 + 65 * 4_096,
    # experts, heads wider in all than the hidden dimension
    "qwen3-235b-a22b": 94 * (2 * 4_096 * 128 * 68 + 128 * 3 * 4_096 * 1_536 + 128 * 4_096)
    + 2 * 151_936 * 4_096
    + 189 * 4_096,
    # 24 dense layers, 24 with experts and a shared one
    "llama-4-maverick": 48 * 2 * 5_120 * 128 * 48
    + 24 * 3 * 5_120 * 16_384
    + 24 * (129 * 3 * 5_120 * 8_192 + 128 * 5_120)
    + 2 * 202_048 * 5_120
    + 97 * 5_120,
    # latent attention, experts, shared ones, dense layers first
    "deepseek-v3": 61 * V3_ATTENTION
    + 3 * 3 * 7_168 * 18_432
    + 58 * (257 * 3 * 7_168 * 2_048 + 256 * 7_168)
    + 2 * 129_280 * 7_168
    + 123 * 7_168,
    "deepseek-v2": 60 * V2_ATTENTION
    + 3 * 5_120 * 12_288
    + 59 * (162 * 3 * 5_120 * 1_536 + 160 * 5_120)
    + 2 * 102_400 * 5_120
    + 121 * 5_120,
    "kimi-k2": 61 * K2_ATTENTION
    + 3 * 7_168 * 18_432
    + 60 * (385 * 3 * 7_168 * 2_048 + 384 * 7_168)
    + 2 * 163_840 * 7_168
    + 123 * 7_168,
}
ACTIVE_BY_HAND = {
    "mixtral-8x7b": 32 * (2 * 4_096 * 128 * 40 + 2 * 3 * 4_096 * 14_336 + 8 * 4_096) + 32_000 * 4_096,
    "deepseek-v3": 61 * V3_ATTENTION
    + 3 * 3 * 7_168 * 18_432
    + 58 * (9 * 3 * 7_168 * 2_048 + 256 * 7_168)
    + 129_280 * 7_168,
    "gpt-oss-120b": 36 * (2 * 2_880 * 64 * 72 + 4 * 3 * 2_880**2 + 128 * 2_880) + 201_088 * 2_880,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_stored_parameters_by_hand(name):
    assert dimensions.parameter_count(MODELS[name]) == BY_HAND[name]


@pytest.mark.parametrize("name", ACTIVE_BY_HAND)
def test_active_parameters_by_hand(name):
    assert dimensions.matmul_parameter_count(MODELS[name]) == ACTIVE_BY_HAND[name]


def test_deepseek_v3_has_671_billion_to_the_last_printed_digit():
    # The norms of its narrow vectors are left out: 61 x (1536 + 512) parameters.
    assert dimensions.parameter_count(MODELS["deepseek-v3"]) == 671_026_404_352 - 61 * 2_048


@pytest.mark.parametrize(
    "name", ["llama-2-7b", "llama-2-13b", "llama-2-70b", "llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b"]
)
def test_dimensions_of_llama_give_its_weights_to_the_last_parameter(name):
    assert dimensions.parameter_count(MODELS[name]) == MODELS[name].published_parameter_count.value


def test_the_planning_model_has_1_95_trillion_parameters_and_is_our_own():
    model = MODELS["dense-2t"]
    assert dimensions.parameter_count(model) == pytest.approx(1.95e12, rel=0.005)
    assert CATALOG.sources[model.source].kind == "own"


def test_grok_is_further_from_its_count_than_rounding_explains():
    model = MODELS["grok-1"]
    count = dimensions.parameter_count(model)
    assert count == pytest.approx(315.7e9, rel=1e-4)
    assert count - table(model) == pytest.approx(314.9e9, rel=1e-4)
    assert "315.7B, 314.9B without embedding" in model.published_parameter_count.note


# Shapes

UNLIKE_HIDDEN = {
    "palm-540b",
    "maxtext-16b",
    "maxtext-128b",
    "qwen3-30b-a3b",
    "qwen3-235b-a22b",
    "qwen3-coder-480b",
    "gpt-oss-120b",
    "deepseek-v2",
    "deepseek-v3",
    "kimi-k2",
}


def test_heads_span_the_hidden_size_but_for_a_few():
    unlike = {name for name, model in MODELS.items() if model.head_count * model.head_dim != model.hidden_dim}
    assert unlike == UNLIKE_HIDDEN


def test_half_of_the_layers_of_gpt_oss_see_128_tokens():
    model = MODELS["gpt-oss-120b"]
    assert model.window_layer_count == model.layer_count / 2
    assert model.attention_window_tokens == 128
    assert [name for name, other in MODELS.items() if other.window_layer_count] == ["gpt-oss-120b"]


def test_models_with_latent_attention():
    assert {name for name, model in MODELS.items() if model.kv_rank_dim} == {"deepseek-v2", "deepseek-v3", "kimi-k2"}


def test_only_palm_and_falcon_have_parallel_blocks():
    parallel = {name for name, model in MODELS.items() if model.parallel_block}
    assert parallel == {"palm-8b", "palm-62b", "palm-540b", "falcon-180b"}
