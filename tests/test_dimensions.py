"""The dimensions of a model on their way to the step: what is stored, what is used, and what readers are told."""

import numpy as np
import pytest

from colocalc.case import dimensions, lower
from colocalc.case.facts import lower_dimensions
from colocalc.case.layout_rule import parameter_count
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.model import ModelDims
from colocalc.study.evaluate import evaluate

# Width 8, two layers of two heads of 4, plain MLP of 16, a vocabulary of 10 in two tables.
DENSE = {
    "layer_count": 2,
    "hidden_dim": 8,
    "mlp_dim": 16,
    "gated_mlp": False,
    "head_count": 2,
    "kv_head_count": 2,
    "head_dim": 4,
    "vocabulary_count": 10,
}
ATTENTION = 4 * 8 * 8
MLP = 2 * 8 * 16
EXPERTS = {"expert_count": 4, "active_expert_count": 1}
LATENT = {"kv_rank_dim": 6, "rope_head_dim": 2, "value_head_dim": 3}
TABLES_AND_NORMS = 2 * 10 * 8 + 5 * 8


def model(**more):
    return ModelDims.model_validate(DENSE | more)


def lowered(name, job=""):
    text = (
        "name: x\n"
        "pools: [{gpu: h800-sxm, count: 2_048}]\n"
        f"training: {{model: {name}, sequence_tokens: 4096, global_batch_tokens: 62_914_560, {job}"
        " layout: {tp: 1, pp: 16}, ignore_memory: true}\n"
    )
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


# Hand-worked counts


@pytest.mark.parametrize(
    ("more", "stored", "active"),
    [
        ({}, 2 * (ATTENTION + MLP), 2 * (ATTENTION + MLP)),
        (EXPERTS, 2 * (ATTENTION + 4 * MLP + 32), 2 * (ATTENTION + MLP + 32)),
        (EXPERTS | {"expert_mlp_dim": 8}, 2 * (ATTENTION + 2 * MLP + 32), 2 * (ATTENTION + MLP / 2 + 32)),
        (EXPERTS | {"shared_expert_mlp_dim": 16}, 2 * (ATTENTION + 5 * MLP + 32), 2 * (ATTENTION + 2 * MLP + 32)),
        (EXPERTS | {"dense_layer_count": 1}, 2 * ATTENTION + 5 * MLP + 32, 2 * ATTENTION + 2 * MLP + 32),
    ],
    ids=["dense", "experts", "narrow-experts", "shared-experts", "a-dense-layer"],
)
def test_stored_and_active_parameters(more, stored, active):
    assert dimensions.parameter_count(model(**more)) == stored + TABLES_AND_NORMS
    assert dimensions.matmul_parameter_count(model(**more)) == active + 10 * 8


@pytest.mark.parametrize(("rank", "queries"), [({}, 8 * 12), ({"query_rank_dim": 5}, 8 * 5 + 5 * 12)])
def test_latent_attention(rank, queries):
    # two heads: keys of 4 + 2, values of 3, from a latent of 6
    attention = queries + 8 * (6 + 2) + 6 * 2 * (4 + 3) + 2 * 3 * 8
    found = dimensions.matmul_parameter_count(model(**LATENT | rank))
    assert found == 2 * (attention + MLP) + 10 * 8


def test_widths_of_heads():
    assert (dimensions.key_head_dim(model()), dimensions.value_head_dim(model())) == (4, 4)
    assert (dimensions.key_head_dim(model(**LATENT)), dimensions.value_head_dim(model(**LATENT))) == (6, 3)


@pytest.mark.parametrize(
    ("more", "query", "keys", "values"),
    [({}, 8, 8, 8), ({"kv_head_count": 1}, 8, 4, 8), (LATENT, 2 * 6, 6 + 2, 2 * 3)],
    ids=["plain", "one-head", "latent"],
)
def test_widths_that_the_step_computes_with(more, query, keys, values):
    # Latent attention sends one narrow vector and the rotary part, whatever its heads.
    found = lower_dimensions(model(**more), 100.0)
    assert (float(found.query_dim), float(found.kv_dim), float(found.value_dim)) == (query, keys, values)


def test_layers_with_experts_and_their_widths():
    more = EXPERTS | {"dense_layer_count": 1, "expert_mlp_dim": 8, "shared_expert_mlp_dim": 4}
    found = lower_dimensions(model(**more), 100.0)
    assert (float(found.expert_layer_count), float(found.expert_count), float(found.topk_count)) == (1, 4, 1)
    assert (float(found.expert_mlp_dim), float(found.shared_mlp_dim), float(found.mlp_dim)) == (8, 4, 16)
    dense = lower_dimensions(model(), 100.0)
    assert (float(dense.expert_layer_count), float(dense.expert_count), float(dense.expert_mlp_dim)) == (0, 0, 0)


def test_without_a_model_only_the_sequence_is_known():
    found = lower_dimensions(None, 100.0)
    assert float(found.sequence_tokens) == 100.0
    others = {name for name in found.__dataclass_fields__ if name != "sequence_tokens"}
    assert all(np.isnan(getattr(found, name)) for name in others)


@pytest.mark.parametrize(
    ("more", "causal", "flop"),
    [
        ({}, 1, 6 * 2 * 8 * 2 * 50),
        ({}, 0, 6 * 2 * 8 * 2 * 100),
        (LATENT, 1, 6 * 2 * 9 * 2 * 50),
        ({"attention_window_tokens": 20, "window_layer_count": 1}, 1, 6 * 2 * 8 * (50 + 18)),
        ({"attention_window_tokens": 20, "window_layer_count": 1}, 0, 6 * 2 * 8 * (100 + 20)),
    ],
    ids=["causal", "full", "latent", "window", "window-full"],
)
def test_attention_of_a_sequence_of_a_hundred(more, causal, flop):
    found = dimensions.attention_flop_per_token(model(**more), sequence_tokens=100, causal_share=causal)
    assert found == pytest.approx(flop, rel=1e-15)


def test_the_layout_rule_counts_all_experts():
    assert parameter_count(model(**EXPERTS)) == 2 * (ATTENTION + 4 * MLP + 32) + TABLES_AND_NORMS


# On the way to the step

V3 = load_catalog().models["deepseek-v3"]
V3_SCORES = 6 * 61 * 128 * (192 + 128) * 2_048  # causal, at 4,096 tokens


def test_a_step_does_the_work_of_one_token_and_stores_all_experts():
    found = lowered("deepseek-v3")
    arrays = found.jobs[0].arrays
    stored = {row.path: row.value for row in found.assumptions}["training.parameter_count"]
    assert stored == 671_026_279_424
    assert arrays.flop_per_token == 6 * 36_624_596_992 + V3_SCORES


def test_the_step_model_gets_latent_attention_and_experts_as_they_are():
    dims = lowered("deepseek-v3").jobs[0].arrays.dimensions
    # Heads of 128 + 64 for queries and of 128 for values; a latent of 512 with a rotary part of 64.
    assert (dims.query_dim, dims.value_dim, dims.kv_dim) == (128 * 192, 128 * 128, 576)
    assert (dims.layer_count, dims.expert_layer_count, dims.expert_count, dims.topk_count) == (61, 58, 256, 8)
    assert (dims.expert_mlp_dim, dims.shared_mlp_dim, dims.mlp_dim) == (2_048, 2_048, 18_432)


def test_a_window_is_that_of_the_layers_that_have_one():
    dims = lower_dimensions(model(attention_window_tokens=20, window_layer_count=1), 100.0)
    assert (dims.window_tokens, dims.window_layer_share) == (20, 0.5)
    without = lower_dimensions(model(), 100.0)
    assert (without.window_tokens, without.window_layer_share) == (100, 0)


@pytest.mark.parametrize(("convention", "scores"), [("causal", V3_SCORES), ("full", 2 * V3_SCORES), ("none", 0)])
def test_the_convention_moves_what_counts_and_not_what_is_done(convention, scores):
    arrays = lowered("deepseek-v3", f"attention_flops: {convention},").jobs[0].arrays
    assert arrays.counted_flop_per_token == 6 * 36_624_596_992 + scores
    assert arrays.flop_per_token == 6 * 36_624_596_992 + V3_SCORES


def test_readers_are_told_what_is_active_and_what_is_assumed():
    found = lowered("deepseek-v3")
    (row,) = (row for row in found.assumptions if row.path == "training.active_parameter_count")
    assert (row.value, row.origin, row.unit) == (36_624_596_992, "derived", "count")
    told = [remark.text for remark in found.remarks]
    assert "deepseek-v3: experts are taken to be evenly loaded" in told


def test_of_a_dense_model_nothing_is_said_of_experts():
    found = lowered("llama-3.1-405b")
    assert not [row for row in found.assumptions if "active" in row.path]
    assert not [remark for remark in found.remarks if "expert" in remark.text]


@pytest.mark.parametrize("name", ["deepseek-v3", "qwen3-235b-a22b", "gpt-oss-120b", "mixtral-8x22b"])
def test_models_with_experts_have_a_step_mfu(name):
    metrics = evaluate(lowered(name)).metrics
    assert 0.1 < metrics["mfu.step_share"] < 0.6
    assert 0.0 < metrics["mfu.fleet_share"] < metrics["mfu.step_share"]


# What validation refuses


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"expert_count": 4}, "expert_count and active_expert_count go together"),
        ({"active_expert_count": 4}, "expert_count and active_expert_count go together"),
        (EXPERTS | {"active_expert_count": 5}, "active_expert_count is above expert_count"),
        ({"expert_mlp_dim": 4}, "expert_mlp_dim needs expert_count"),
        ({"shared_expert_mlp_dim": 4}, "shared_expert_mlp_dim needs expert_count"),
        ({"dense_layer_count": 1}, "dense_layer_count needs expert_count"),
        (EXPERTS | {"dense_layer_count": 2}, "dense_layer_count leaves no layer for the experts"),
        ({"kv_rank_dim": 4}, "kv_rank_dim, rope_head_dim and value_head_dim go together"),
        ({"query_rank_dim": 4}, "query_rank_dim needs kv_rank_dim"),
        (LATENT | {"kv_head_count": 1}, "with kv_rank_dim, kv_head_count must be head_count"),
        ({"window_layer_count": 1}, "attention_window_tokens and window_layer_count go together"),
        ({"attention_window_tokens": 9, "window_layer_count": 3}, "window_layer_count is above layer_count"),
        ({"published_active_count": 9}, "published_active_count needs expert_count"),
        (
            EXPERTS | {"published_active_count": 9, "published_parameter_count": 8},
            "published_active_count is above published_parameter_count",
        ),
    ],
)
def test_dimensions_that_cannot_be(more, message):
    with pytest.raises(ValueError, match=f" {message} "):
        model(**more)


@pytest.mark.parametrize(
    "more",
    [
        EXPERTS | {"active_expert_count": 4},
        EXPERTS | {"dense_layer_count": 1},
        {"attention_window_tokens": 9, "window_layer_count": 2},
        EXPERTS | {"published_active_count": 8, "published_parameter_count": 8},
    ],
)
def test_the_edge_of_what_can_be(more):
    assert model(**more).layer_count == 2
