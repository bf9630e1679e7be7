"""Memory of a plan: values worked out by hand, the limits its docstring states, laws, and plans that were run."""

from dataclasses import fields

import numpy as np
import pytest

from colocalc.mfu.predict.facts import Chip, Dimensions, Plan, Stack
from colocalc.mfu.predict.memory import TERMS, memory

GB = 1e9
LLAMA_405B = {
    "layer_count": 126,
    "hidden_dim": 16_384,
    "head_count": 128,
    "query_dim": 16_384,
    "kv_dim": 1_024,
    "value_dim": 16_384,
    "attention_parameter_count": 570_425_344,
    "mlp_dim": 53_248,
    "mlp_matrix_count": 3,
    "vocabulary_count": 128_256,
    "sequence_tokens": 8_192,
    "window_tokens": 8_192,
    "window_layer_share": 0,
    **dict.fromkeys(("expert_layer_count", "expert_mlp_dim", "shared_mlp_dim", "expert_count", "topk_count"), 0),
}
# About two trillion parameters: 174 layers of 2 h^2 attention and 12 h^2 MLP, at h = 28,672
TWO_TRILLION = LLAMA_405B | {
    "layer_count": 174,
    "hidden_dim": 28_672,
    "head_count": 224,
    "query_dim": 28_672,
    "kv_dim": 1_024,
    "value_dim": 28_672,
    "attention_parameter_count": 2 * 28_672**2 + 2 * 28_672 * 1_024,
    "mlp_dim": 114_688,
}
TOY = LLAMA_405B | {
    "layer_count": 8,
    "hidden_dim": 10,
    "head_count": 2,
    "query_dim": 10,
    "kv_dim": 4,
    "value_dim": 10,
    "attention_parameter_count": 400,
    "mlp_dim": 40,
    "mlp_matrix_count": 2,
    "vocabulary_count": 50,
    "sequence_tokens": 100,
}
# Only the memory of a chip and its kind matter here.
H100 = dict.fromkeys((field.name for field in fields(Chip)), 1.0) | {"hbm_byte": 80 * GB, "tpu_share": 0.0}
STACK = dict.fromkeys((field.name for field in fields(Stack)), 0.0) | {"flash_share": 1.0, "gradient_byte": 4.0}
ONE = dict.fromkeys((field.name for field in fields(Plan)), 1.0) | {
    "zero_stage": 0.0,
    "sequence_parallel_share": 0.0,
    "recompute_layer_share": 0.0,
    "recompute_core_share": 0.0,
}
# Llama 3 405B, table 4: tp 8, pp 16, 128 data ranks, 16 million tokens; gradients and optimizer sharded
AS_META_RAN_IT = ONE | {
    "gpu_count": 16_384,
    "tp_count": 8,
    "pp_count": 16,
    "vpp_count": 8,
    "dp_count": 128,
    "shard_count": 128,
    "zero_stage": 2,
    "sequence_parallel_share": 1,
    "global_batch_sequences": 2_048,
}
RESERVE = 2 * GB
FREE = 1.06  # activations and logits, with what is lost between blocks


def record(kind, values):
    return kind(**{name: np.asarray(value, dtype=np.float64) for name, value in values.items()})


def held(dimensions=TOY, chip=H100, plan=ONE, stack=STACK, selective=0.0, **changes):
    return memory(
        dimensions=record(Dimensions, dimensions),
        chip=record(Chip, chip),
        plan=record(Plan, plan | changes),
        stack=record(Stack, STACK | stack),
        selective_share=selective,
    )


def near(value):
    return pytest.approx(value, rel=1e-12)


# 8 layers of 1,200, and two tables of 500
P = 8 * 1_200 + 2 * 500
# A layer of 100 tokens keeps 4 of 10, and twice 10 + 4 + 40, elements of two bytes
LAYER = 100 * 2 * (40 + 2 * 54)


# By hand


def test_one_rank_and_one_stage_hold_eighteen_bytes_a_parameter():
    found = held()
    state = [float(found.terms[name]) for name in ("weights", "gradients", "optimizer")]
    assert state == near([2 * P, 4 * P, 12 * P])
    assert float(found.terms["activations"]) == near(8 * LAYER)
    assert float(found.terms["logits"]) == near(6 * 100 * 50)
    assert float(found.terms["buffers"]) == near(RESERVE + 0.06 * (8 * LAYER + 30_000))
    assert float(found.total_byte) == near(18 * P + RESERVE + FREE * (8 * LAYER + 30_000))
    assert float(found.use_share) == near(float(found.total_byte) / (80 * GB))


@pytest.mark.parametrize(
    ("zero", "weights", "gradients"),
    [(1, 2 * P, 4 * P), (2, 2 * P, 4 * P / 4), (3, 2 * P / 4 + 4 * P / 8, 4 * P / 4)],
)
def test_each_zero_stage_shards_one_more_term(zero, weights, gradients):
    found = held(zero_stage=zero, shard_count=4, dp_count=4, global_batch_sequences=4)
    assert float(found.terms["weights"]) == near(weights)
    assert float(found.terms["gradients"]) == near(gradients)
    assert float(found.terms["optimizer"]) == near(12 * P / 4)


def test_a_stage_has_its_layers_and_one_table():
    # seven stages of two layers, rounded up
    found = held(pp_count=7, global_batch_sequences=14)
    assert float(found.terms["weights"]) == near(2 * (2 * 1_200 + 500))


@pytest.mark.parametrize(
    ("plan", "layers"),
    [
        ({"pp_count": 4, "global_batch_sequences": 16}, 4 * 2),
        ({"pp_count": 4, "global_batch_sequences": 2}, 2 * 2),
        ({"pp_count": 4, "vpp_count": 2, "global_batch_sequences": 16}, 11 * 1),
        ({"pp_count": 4, "vpp_count": 2, "global_batch_sequences": 4}, 8 * 1),
    ],
    ids=["1f1b", "few-micro-batches", "interleaved", "interleaved-few"],
)
def test_chunks_in_flight(plan, layers):
    assert float(held(**plan).terms["activations"]) == near(layers * LAYER)


def test_the_last_stage_has_the_logits_and_one_micro_batch():
    found = held(dimensions=TOY | {"vocabulary_count": 50_000}, pp_count=4, global_batch_sequences=16)
    activations, logits = 8 * LAYER, 6 * 100 * 50_000
    state = 18 * (2 * 1_200 + 500_000)
    assert float(found.total_byte) == near(state + RESERVE + 0.06 * (activations + logits) + activations / 4 + logits)


def test_full_recompute_keeps_the_inputs_and_one_layer_whole():
    found = held(recompute_layer_share=1)
    assert float(found.terms["activations"]) == near(8 * 2 * 100 * 10 + LAYER)


def test_selective_recompute_keeps_twenty_of_thirty_four_bytes():
    assert float(held(selective=1.0).terms["activations"]) == near(8 * LAYER * 20 / 34)


def test_unfused_scores_take_five_bytes_each_unless_run_again():
    fused, unfused, again = (
        float(held(stack=STACK | {"flash_share": flash}, recompute_core_share=core).terms["activations"])
        for flash, core in ((1, 0), (0, 0), (0, 1))
    )
    assert unfused - fused == near(8 * 5 * 100 * 100 * 2)
    assert again == fused


@pytest.mark.parametrize(("chip", "split"), [({}, 1), ({"tpu_share": 1.0}, 4)])
def test_tensor_ranks_share_what_they_split(chip, split):
    found = held(chip=H100 | chip, tp_count=4)
    assert float(found.terms["activations"]) == near(8 * 100 * 2 * (40 / split + 2 * 54 / 4))
    assert float(found.terms["weights"]) == near(2 * P / 4)


def test_experts_are_held_by_their_own_ranks():
    sparse = TOY | {"expert_layer_count": 8, "expert_mlp_dim": 20, "expert_count": 4, "topk_count": 2}
    changes = {"dp_count": 8, "shard_count": 8, "zero_stage": 2, "ep_count": 2, "global_batch_sequences": 8}
    found = held(dimensions=sparse, **changes)
    common, routed = 8 * 400 + 2 * 500, 8 * 2 * 10 * 20 * 4 / 2
    assert float(found.terms["weights"]) == near(2 * (common + routed))
    assert float(found.terms["optimizer"]) == near(12 * (common / 8 + routed / 4))
    two = held(dimensions=sparse, **changes | {"dp_count": 2, "shard_count": 2, "ep_count": 1})
    assert float(two.terms["optimizer"]) == near(12 * (common / 2 + 2 * routed / 2))


# Plans that were run, and one that could not be


def test_llama_3_405b_fits_as_meta_ran_it():
    found = held(dimensions=LLAMA_405B, plan=AS_META_RAN_IT)
    assert 0.7 < float(found.use_share) < 1.0
    # 8 layers of 3.19 billion parameters over 8 ranks
    assert float(found.terms["weights"]) == near(2 * (8 * (570_425_344 + 3 * 16_384 * 53_248) + 16_384 * 128_256) / 8)


def test_two_trillion_parameters_do_not_fit_the_same_plan():
    found = held(dimensions=TWO_TRILLION, plan=AS_META_RAN_IT)
    layers = TWO_TRILLION["layer_count"] * (TWO_TRILLION["attention_parameter_count"] + 3 * 28_672 * 114_688)
    assert 1.9e12 < layers < 2.1e12
    assert float(found.use_share) > 1.5


def test_the_largest_term_is_named():
    of_state = held(shard_count=1)
    assert TERMS[int(of_state.binding())] == "buffers"  # the toy is smaller than the reserve
    found = held(dimensions=TWO_TRILLION, plan=AS_META_RAN_IT)
    largest = max(TERMS, key=lambda name: float(found.terms[name]))
    assert TERMS[int(found.binding())] == largest == "activations"


# Laws, over a grid of plans


def grid():
    t, p, d, v = (
        axis.ravel()
        for axis in np.meshgrid(
            [1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 7.0, 14.0], [2.0, 16.0, 64.0], [1.0, 3.0], indexing="ij"
        )
    )
    v = np.where(p > 1.0, v, 1.0)
    return ONE | {
        "gpu_count": t * p * d,
        "tp_count": t,
        "pp_count": p,
        "dp_count": d,
        "shard_count": d,
        "vpp_count": v,
        "zero_stage": 1.0,
        "sequence_parallel_share": 1.0,
        "global_batch_sequences": 64.0 * d,
    }


GRID = grid()


def total(**changes):
    return held(dimensions=LLAMA_405B, plan=GRID, **changes).total_byte


def test_every_zero_stage_needs_less_than_the_one_before():
    stages = np.stack([total(zero_stage=stage, shard_count=GRID["dp_count"]) for stage in (0.0, 1.0, 2.0, 3.0)])
    assert np.all(stages[1:2] <= stages[0:1])
    assert np.all(np.diff(stages[1:], axis=0) < 0.0)


@pytest.mark.parametrize("name", ["tp_count", "pp_count"])
def test_more_ranks_that_cut_the_model_need_less(name):
    # State and logits; what is in flight grows with stages as the layers of each shrink.
    more = held(dimensions=LLAMA_405B, plan=GRID, **{name: 2.0 * GRID[name], "shard_count": 1.0}).terms
    once = held(dimensions=LLAMA_405B, plan=GRID, shard_count=1.0).terms
    for term in ("weights", "gradients", "optimizer"):
        assert np.all(more[term] < once[term])
    assert np.all(more["logits"] <= once["logits"])


def test_more_tensor_ranks_need_less_in_all():
    assert np.all(total(tp_count=2.0 * GRID["tp_count"]) < total())


@pytest.mark.parametrize("changes", [{"recompute_layer_share": 1.0}, {"selective": 1.0}], ids=["full", "selective"])
def test_recompute_needs_less(changes):
    assert np.all(total(**changes) < total())


def test_plans_at_once_are_the_plans_one_by_one():
    whole = held(dimensions=LLAMA_405B, plan=GRID)
    for place in (0, 50, 95):
        alone = {name: values[place] if np.ndim(values) else values for name, values in GRID.items()}
        found = held(dimensions=LLAMA_405B, plan=alone)
        assert float(found.total_byte) == near(float(whole.total_byte[place]))
        assert float(found.binding()) == float(whole.binding()[place])


def test_a_shard_count_of_none_is_one():
    assert float(held(shard_count=0.0).total_byte) == float(held(shard_count=1.0).total_byte)
