"""The step-time model: values worked out by hand, the limits its docstrings state, and laws on random plans."""

from dataclasses import fields, replace

import numpy as np
import pytest

from colocalc.catalog import load_catalog
from colocalc.mfu import attention, transformer
from colocalc.mfu.predict import compute, exchange, setup, traffic, waiting
from colocalc.mfu.predict.facts import STAGES, Chip, Constants, Dimensions, Plan, Stack, StepTime
from colocalc.mfu.predict.step import step_time
from colocalc.mfu.straggler import expected_max_normal

# A toy in round numbers: 100 tokens a sequence, 1,200 parameters a layer, a megaFLOP/s and a megabyte/s.
DIMENSIONS = {
    "layer_count": 2,
    "expert_layer_count": 0,
    "hidden_dim": 10,
    "head_count": 2,
    "query_dim": 10,
    "kv_dim": 10,
    "value_dim": 10,
    "attention_parameter_count": 400,
    "mlp_dim": 40,
    "mlp_matrix_count": 2,
    "expert_mlp_dim": 0,
    "shared_mlp_dim": 0,
    "expert_count": 0,
    "topk_count": 0,
    "vocabulary_count": 50,
    "sequence_tokens": 100,
    "window_tokens": 100,
    "window_layer_share": 0,
}
CHIP = {
    "peak_flop_per_s": 1e6,
    "bf16_flop_per_s": 1e6,
    "ceiling_share": 1,
    "bf16_ceiling_share": 1,
    "attention_share": 0.5,
    "operand_byte": 2,
    "cast_byte": 0,
    "hbm_byte": 1e6,
    "hbm_byte_per_s": 1e6,
    "scale_up_byte_per_s": 1e6,
    "scale_out_byte_per_s": 1e5,
    "domain_gpu_count": 8,
    "node_gpu_count": 8,
    "torus_dim_count": 1,
    "tpu_share": 0,
    "ultra_share": 0,
    "fp8_share": 0,
    "fp4_share": 0,
}
PLAN = {
    "gpu_count": 1,
    "tp_count": 1,
    "pp_count": 1,
    "vpp_count": 1,
    "schedule_factor": 1,
    "cp_count": 1,
    "ep_count": 1,
    "dp_count": 1,
    "shard_count": 1,
    "zero_stage": 0,
    "sequence_parallel_share": 0,
    "micro_batch_sequences": 1,
    "global_batch_sequences": 4,
    "recompute_layer_share": 0,
    "recompute_core_share": 0,
}
STACK = {
    "flash_share": 1,
    "parallel_block_share": 0,
    "tp_overlap_share": 0,
    "cp_overlap_share": 0,
    "pp_overlap_share": 0,
    "dp_overlap_share": 0,
    "tuned_share": 0,
    "fsdp_share": 0,
    "gradient_byte": 4,
    "loss_byte": 14,
    "age_months": np.inf,
    "slice_count": 1,
}
# Every mechanism at its plain value: shares and factors of 1, and nothing that is fixed.
PLAIN = dict.fromkeys((field.name for field in fields(Constants)), 1.0) | {"fixed_step_s": 0.0, "expert_layer_s": 0.0}
SHIPPED = load_catalog().calibration.values()
KINDS = {"dimensions": Dimensions, "chip": Chip, "plan": Plan, "stack": Stack, "constants": Constants}
BASES = {"dimensions": DIMENSIONS, "chip": CHIP, "plan": PLAN, "stack": STACK, "constants": PLAIN}


def facts(**changes):
    """The toy with some fields of its parts changed: ``facts(plan={"tp_count": 2})``."""
    return {
        part: kind(
            **{name: np.asarray(value, np.float64) for name, value in (BASES[part] | changes.get(part, {})).items()}
        )
        for part, kind in KINDS.items()
    }


def run(**changes):
    return step_time(**facts(**changes))


def part(**changes):
    return setup.set_up(**facts(**changes))


def near(value):
    return pytest.approx(value, rel=1e-12)


def spent(found: StepTime, stage):
    """Seconds that a stage adds."""
    place = STAGES.index(stage)
    return float(found.after_s[stage] - (found.after_s[STAGES[place - 1]] if place else 0.0))


EXPERTS = {"expert_layer_count": 1, "expert_mlp_dim": 20, "shared_mlp_dim": 10, "expert_count": 4, "topk_count": 2}


# The part of a chip, and its rates


def test_the_toy_has_1_200_parameters_a_layer():
    found = part().part
    assert (float(found.token_parameter_count), float(found.shared_parameter_count)) == (1_200, 1_200)
    assert (float(found.head_parameter_count), float(found.micro_batch_count)) == (500, 4)


def test_experts_are_counted_once_where_met_and_all_where_stored():
    found = part(dimensions=EXPERTS, plan={"ep_count": 2}).part
    assert float(found.expert_layer_share) == 0.5
    assert float(found.plain_mlp_dim) == 0.5 * 40 + 0.5 * 10
    assert float(found.routed_mlp_dim) == 0.5 * 2 * 20
    assert float(found.shared_parameter_count) == 400 + 2 * 10 * 25
    assert float(found.token_parameter_count) == 900 + 2 * 10 * 20 + 0.5 * 10 * 4
    assert float(found.expert_parameter_count) == 0.5 * 2 * 10 * 4 * 20 / 2


def test_tokens_and_micro_batches_of_a_cut_batch():
    found = part(plan={"cp_count": 2, "dp_count": 2, "micro_batch_sequences": 2, "global_batch_sequences": 12}).part
    assert (float(found.micro_batch_tokens), float(found.micro_batch_count)) == (100, 3)


def test_counted_operations_are_those_of_the_transformer_kernels():
    changes = {"layer_count": 126, "head_count": 128, "query_dim": 16_384, "value_dim": 16_384, "hidden_dim": 16_384}
    found = setup.peak_time_s(part(dimensions=changes))
    dims = DIMENSIONS | changes
    layers = transformer.layers_parameter_count(
        layer_count=126,
        expert_layer_count=0,
        attention_parameter_count=400,
        mlp_parameter_count=2 * 16_384 * 40,
        expert_mlp_parameter_count=0,
    )
    scores = attention.attention_flop_per_token(
        layer_count=126,
        window_layer_count=0,
        head_count=128,
        key_head_dim=128,
        value_head_dim=128,
        sequence_tokens=100,
        attention_window_tokens=np.inf,
        causal_share=1,
    )
    counted = 6 * (layers + dims["vocabulary_count"] * 16_384) + scores
    assert float(found) == near(float(counted) * 400 / 1e6)


def test_sixteen_bits_have_the_rate_of_bf16():
    found = part(constants={"sustained_share": 0.9}).rates
    assert float(found.linear_flop_per_s) == float(found.bf16_flop_per_s) == near(0.9e6)


@pytest.mark.parametrize(
    ("chip", "rate"),
    [
        ({"tpu_share": 1}, 0.8e6),
        ({"fp8_share": 1}, 0.9e6 * 0.7),
        ({"fp8_share": 1, "fp4_share": 1}, 0.9e6 * 0.7 * 0.5),
        ({"ultra_share": 1}, 0.9e6 * 1.2),
    ],
)
def test_the_linear_rate_is_sustained_and_corrected_for_few_bits(chip, rate):
    constants = {
        "sustained_share": 0.9,
        "tpu_share": 0.8,
        "fp8_factor": 0.7,
        "fp4_factor": 0.5,
        "ultra_factor": 1.2,
    }
    assert float(part(chip=chip, constants=constants).rates.linear_flop_per_s) == near(rate)


def test_unfused_scores_are_gated_by_hbm():
    # heads of 5, so 5 multiplications for two bytes
    slow = part(stack={"flash_share": 0}, chip={"hbm_byte_per_s": 1e4}).rates
    assert float(slow.core_flop_per_s) == near(5e4)
    fast = part(stack={"flash_share": 0}, chip={"hbm_byte_per_s": np.inf}).rates
    assert float(fast.core_flop_per_s) == float(fast.bf16_flop_per_s)


# Work


def test_linear_layers_and_head_at_the_peak_of_their_rate():
    work, head = compute.layer_work(part()), compute.head_work(part())
    assert float(work.linear_s) == near(2 * 100 * 1_200 / 1e6)
    assert float(head.linear_s) == near(6 * 100 * 500 / 1e6)


WINDOWED = {"window_tokens": 20, "window_layer_share": 1}


@pytest.mark.parametrize(
    ("dimensions", "stack", "keys", "passes"),
    [
        ({}, {}, 50, 3.5),
        (WINDOWED, {}, 20 * (1 - 0.1), 3.5),
        (WINDOWED | {"window_layer_share": 0.25}, {}, 0.75 * 50 + 0.25 * 18, 3.5),
        ({"window_tokens": 20}, {}, 50, 3.5),
        ({"window_layer_share": 1}, {}, 50, 3.5),
        ({}, {"flash_share": 0}, 100, 3.0),
        (WINDOWED, {"flash_share": 0}, 100, 3.0),
    ],
    ids=["causal", "window", "some-windows", "no-layer", "whole-window", "unfused", "unfused-window"],
)
def test_the_attention_core_meets_the_keys_it_does_not_skip(dimensions, stack, keys, passes):
    work = compute.layer_work(part(dimensions=dimensions, stack=stack))
    assert float(work.best_core_s) == near(2 * 100 * keys * 20 / 1e6)
    assert float(work.core_pass_count) == passes


@pytest.mark.parametrize(
    ("window", "keys"),
    [
        (1, 0.995),  # itself, and one less at the start of the sequence in the mean
        (20, 18),
        (100, 50),
        (1_000, 50),
        (np.inf, 50),
    ],
)
def test_a_window_is_what_is_counted_too(window, keys):
    found = setup.peak_time_s(part(dimensions={"window_tokens": window, "window_layer_share": 1}))
    assert float(found) == near((6 * 2_900 + 6 * 2 * keys * 20) * 400 / 1e6)


def test_windows_take_less_time_and_count_less():
    whole, half, all_layers = (
        run(dimensions={"window_tokens": 20, "window_layer_share": share}) for share in (0, 0.5, 1)
    )
    for less, more in ((half, whole), (all_layers, half)):
        assert less.peak_time_s < more.peak_time_s
        assert less.step_time_s < more.step_time_s
    for found in (whole, half, all_layers):
        product = np.prod([float(factor) for factor in found.factors().values()])
        assert product == near(float(found.peak_time_s / found.step_time_s))


def test_streamed_bytes_of_a_layer():
    # 160 elements a token, each read or written six bytes' worth; gradients of four bytes a parameter
    work = compute.layer_work(part(constants={"shape_factor": 2.0}))
    assert float(work.shape_s) == near(2 * (6 * 100 * 160 + 4 * 1_200) / 1e6)


def test_streamed_bytes_of_a_layer_with_experts():
    # 4 h + 2 w + 2 kv + 2 x 25 and, grouped, 2 h / 2 for a second copy and 2 x 20; three bytes a element in 8 bits
    work = compute.layer_work(
        part(dimensions=EXPERTS, chip={"operand_byte": 1}, constants={"grouped_shape_factor": 0.5})
    )
    assert float(work.shape_s) == near((4.5 * 100 * (130 + 0.5 * 50) + 4 * (900 + 800)) / 1e6)


def test_a_tpu_streams_less():
    gpu, tpu = (
        compute.layer_work(part(chip={"tpu_share": share}, constants={"tpu_shape_factor": 0.3})) for share in (0, 1)
    )
    assert float(tpu.shape_s) == near(0.3 * float(gpu.shape_s))


def test_what_only_hbm_limits():
    # 28 bytes a hidden width, 4 a query width, 5 an inner width, forward and twice backward
    assert float(compute.layer_work(part()).memory_s) == near(3 * 100 * (280 + 40 + 200) / 1e6)


def test_routed_copies_pass_hbm_too():
    # 8 bytes a hidden width for each of two copies of half the tokens
    work = compute.layer_work(part(dimensions=EXPERTS))
    assert float(work.memory_s) == near(3 * 100 * (280 + 80 + 40 + 5 * (25 + 20)) / 1e6)


def test_a_cast_touches_half_of_the_streamed_elements():
    plain, cast = (compute.layer_work(part(chip={"cast_byte": byte})) for byte in (0, 4))
    assert float(cast.memory_s - plain.memory_s) == near(3 * 100 * 4 * 80 / 1e6)


def test_a_parallel_block_saves_three_tenths_of_the_residual():
    one, other = (compute.layer_work(part(stack={"parallel_block_share": share})) for share in (0, 1))
    assert float(one.memory_s - other.memory_s) == near(3 * 100 * 84 / 1e6)


def test_unfused_scores_pass_hbm_twenty_bytes_each():
    fused, unfused = (compute.layer_work(part(stack={"flash_share": share})) for share in (1, 0))
    assert float(unfused.memory_s - fused.memory_s) == near(20 * 100 * 2 * 100 / 1e6)


def test_the_whole_layer_is_run_again():
    work = compute.layer_work(part(plan={"recompute_layer_share": 1}))
    forward = work.linear_s + work.shape_s / 3 + work.memory_s / 3 + work.core_s
    assert float(work.again_s) == near(float(forward))


def test_the_attention_core_alone_is_run_again_with_its_scores():
    work = compute.layer_work(part(plan={"recompute_core_share": 1}, stack={"flash_share": 0}))
    assert float(work.again_s) == near(float(work.core_s) + 9 * 100 * 2 * 100 / 1e6)


def test_nothing_run_again_takes_nothing():
    assert float(compute.layer_work(part()).again_s) == 0.0


def test_infinite_hbm_streams_for_free():
    fast = part(chip={"hbm_byte_per_s": np.inf})
    work, head = compute.layer_work(fast), compute.head_work(fast)
    assert (float(work.shape_s), float(work.memory_s), float(compute.optimizer_s(fast))) == (0.0, 0.0, 0.0)
    assert (float(head.shape_s), float(head.loss_s)) == (0.0, 0.0)


def test_the_head_streams_and_its_loss_passes_hbm():
    head = compute.head_work(part())
    assert float(head.shape_s) == near((6 * 100 * 60 + 4 * 500) / 1e6)
    assert float(head.loss_s) == near(14 * 100 * 50 / 1e6)


@pytest.mark.parametrize("shards", [1, 2, 8])
def test_the_optimizer_moves_thirty_bytes_a_parameter_and_shard(shards):
    assert float(compute.optimizer_s(part(plan={"shard_count": shards}))) == near(30 * 3_400 / shards / 1e6)


@pytest.mark.parametrize(
    ("plan", "chip", "share"),
    [({}, {}, 1.0), ({"sequence_parallel_share": 1}, {}, 0.25), ({}, {"tpu_share": 1}, 0.25)],
)
def test_who_splits_the_residual_stream(plan, chip, share):
    found = facts(plan={"tp_count": 4} | plan, chip=chip)
    assert float(setup.residual_spread_share(plan=found["plan"], chip=found["chip"])) == share


def test_one_tensor_rank_has_the_whole_residual_stream():
    found = facts(plan={"sequence_parallel_share": 1})
    assert float(setup.residual_spread_share(plan=found["plan"], chip=found["chip"])) == 1.0


@pytest.mark.parametrize(("experts", "copies"), [(1, 64), (16, 4), (64, 1), (128, 1)])
def test_copies_of_the_experts(experts, copies):
    plan = facts(plan={"dp_count": 16, "tp_count": 2, "cp_count": 2, "ep_count": experts})["plan"]
    assert float(setup.expert_copy_count(plan=plan)) == copies


# Collectives inside a replica


@pytest.mark.parametrize(
    ("plan", "stack", "passes"),
    [
        ({}, {}, 8),
        ({"sequence_parallel_share": 1}, {}, 10),
        ({"sequence_parallel_share": 1, "recompute_layer_share": 1}, {}, 14),
        ({}, {"parallel_block_share": 1}, 4),
        ({}, {"tp_overlap_share": 1}, 8 * 0.35),
    ],
)
def test_passes_of_tensor_parallel_traffic(plan, stack, passes):
    found = traffic.tensor_s(part(plan={"tp_count": 2} | plan, stack=stack, constants={"tp_overlapped_share": 0.35}))
    assert float(found) == near(passes * (2 * 100 * 10 * 0.5 / 1e6 + 8e-6))


@pytest.mark.parametrize(
    ("chip", "rate"),
    [({}, 1e5), ({"domain_gpu_count": 16}, 1e6), ({"domain_gpu_count": 16, "torus_dim_count": 2}, 5e5)],
)
def test_the_links_of_sixteen_tensor_ranks(chip, rate):
    found = traffic.tensor_s(part(plan={"tp_count": 16}, chip=chip))
    assert float(found) == near(8 * (2 * 100 * 10 * 15 / 16 / rate + 8e-6))


def test_keys_and_values_move_three_times_between_context_ranks():
    seen = {
        share: traffic.context_s(
            part(plan={"cp_count": 2}, stack={"cp_overlap_share": share}, constants={"cp_overlapped_share": 0.3})
        )
        for share in (0, 1)
    }
    assert float(seen[0]) == near(12 * 100 * 10 * 0.5 / 1e6 + 3 * 8e-6)
    assert float(seen[1]) == near(0.3 * float(seen[0]))


@pytest.mark.parametrize(("domain", "start_s"), [(8, 8e-6), (2, 15e-6)])
def test_infinite_links_leave_the_starts_of_context_collectives(domain, start_s):
    chip = {"domain_gpu_count": domain, "scale_up_byte_per_s": np.inf, "scale_out_byte_per_s": np.inf}
    assert float(traffic.context_s(part(plan={"tp_count": 2, "cp_count": 2}, chip=chip))) == near(3 * start_s)


def test_tokens_go_to_their_experts_and_back():
    # half a mean layer; two experts each, on another of two ranks in one case of two
    found = traffic.expert_s(part(dimensions=EXPERTS, plan={"ep_count": 2}, constants={"ep_exposed_share": 0.5}))
    assert float(found) == near(0.5 * 0.5 * 8 * 100 * 10 * 2 * 0.5 / 1e6)


def test_sequence_parallel_ranks_send_their_own_tokens_to_experts():
    alone, shared = (
        traffic.expert_s(
            part(dimensions=EXPERTS, plan={"ep_count": 2, "tp_count": 4, "sequence_parallel_share": share})
        )
        for share in (0, 1)
    )
    assert float(shared) == near(float(alone) / 4)


def test_a_token_goes_once_to_each_other_domain():
    # 16 ranks in two domains: (1 - (1/2)^2) of the tokens cross to the one other
    changes = {"dimensions": EXPERTS, "plan": {"ep_count": 16}, "constants": {"ep_link_share": 0.5}}
    assert float(traffic.expert_s(part(**changes))) == near(0.5 * 8 * 100 * 10 * 0.75 / (1e5 * 0.5))


@pytest.mark.parametrize(("domain", "ranks", "factor"), [(72, 64, 1), (72, 128, 4), (8, 8, 4), (32, 32, 1)])
def test_dispatch_costs_more_outside_one_large_domain(domain, ranks, factor):
    found = traffic.expert_s(
        part(
            dimensions=EXPERTS,
            plan={"ep_count": ranks},
            chip={"domain_gpu_count": domain, "scale_up_byte_per_s": np.inf, "scale_out_byte_per_s": np.inf},
            constants={"expert_layer_s": 1e-3, "expert_far_factor": 4.0},
        )
    )
    assert float(found) == near(0.5 * factor * 1e-3)


def test_one_expert_rank_pays_dispatch_alone():
    found = traffic.expert_s(part(dimensions=EXPERTS, constants={"expert_layer_s": 1e-3}))
    assert float(found) == near(0.5e-3)


def test_a_dense_model_sends_nothing_to_experts():
    assert float(traffic.expert_s(part(plan={"ep_count": 8}, constants={"expert_layer_s": 1.0}))) == 0.0


def test_one_rank_of_each_kind_sends_nothing():
    alone = part()
    sends = traffic.pipeline_sends(alone)
    assert [float(seconds) for seconds in (traffic.tensor_s(alone), traffic.context_s(alone))] == [0.0, 0.0]
    assert (float(sends.micro_batch_s), float(sends.fill_s)) == (0.0, 0.0)


@pytest.mark.parametrize(("overlap", "seen"), [(0, 1.0), (1, 0.25)])
def test_a_stage_sends_each_chunk_both_ways(overlap, seen):
    sends = traffic.pipeline_sends(
        part(
            plan={"pp_count": 4, "vpp_count": 3},
            stack={"pp_overlap_share": overlap},
            constants={"pp_overlapped_share": 0.25},
        )
    )
    hop_s = 2 * 100 * 10 / 1e6 + 15e-6
    assert float(sends.micro_batch_s) == near(2 * 3 * seen * hop_s)
    assert float(sends.fill_s) == near(2 * 4 * 3 * (1 - seen) * hop_s)


def test_a_pipeline_wider_than_its_domain_sends_by_nic():
    sends = traffic.pipeline_sends(part(plan={"pp_count": 8, "tp_count": 2}))
    assert float(sends.micro_batch_s) == near(2 * (2 * 100 * 10 / 2 / 1e5 + 15e-6))


# Data parallelism


def exchanged(busy_s=1.0, **changes):
    return exchange.exchange(part(**changes), np.asarray(busy_s))


# 3,400 parameters on a ring of four in one domain, and of sixteen in two with eight NICs between them
BYTE_S = 0.75 * 3_400 / 1e6
WIDE_BYTE_S = 15 / 16 * 3_400 / 8e5


@pytest.mark.parametrize(("zero", "byte"), [(0, 4 + 4), (1, 4 + 2), (2, 4 + 2)])
def test_gradients_are_scattered_and_weights_gathered(zero, byte):
    found = exchanged(plan={"dp_count": 4, "zero_stage": zero})
    assert float(found.collective_s) == float(found.exposed_s) == near(byte * BYTE_S)


def test_a_ring_over_two_domains_has_the_nics_of_one():
    found = exchanged(plan={"dp_count": 16})
    assert float(found.collective_s) == near(8 * WIDE_BYTE_S)


def test_a_torus_leaves_a_dimension_to_tensor_ranks():
    alone, beside = (exchanged(plan={"dp_count": 2, "tp_count": tp}, chip={"torus_dim_count": 2}) for tp in (1, 2))
    assert float(beside.collective_s) == near(float(alone.collective_s) / 2 / 0.5)


@pytest.mark.parametrize(
    ("busy", "exposed"),
    [
        # a share of a tenth where there is time enough; what the windows of 0.3 busy do not hide where not
        (1.0, 0.5 * 6 * BYTE_S),
        (1e-3, 4 * BYTE_S - 0.6e-3 + 2 * BYTE_S - 0.3e-3),
    ],
    ids=["last-layer", "short-window"],
)
def test_overlapped_exchange_runs_behind_backward_and_forward(busy, exposed):
    found = exchanged(
        busy,
        plan={"dp_count": 4, "zero_stage": 1, "global_batch_sequences": 4},
        stack={"dp_overlap_share": 1},
        constants={"dp_window_share": 0.9, "dp_exposed_share": 0.1},
    )
    assert float(found.exposed_s) == near(exposed)


def test_backward_hides_twice_what_forward_hides():
    # A window of 1.5 exchanges of a byte: gradients, behind two of it, show the last layer; weights show what is left.
    found = exchanged(
        5 * BYTE_S,
        plan={"dp_count": 4},
        stack={"dp_overlap_share": 1},
        constants={"dp_window_share": 0.9, "dp_exposed_share": 0.1},
    )
    assert float(found.exposed_s) == near(2 * BYTE_S + 4 * BYTE_S - 1.5 * BYTE_S)


def test_chunks_in_flight_widen_the_window():
    found = exchanged(
        1e-4,
        plan={"dp_count": 4, "zero_stage": 1, "pp_count": 4, "vpp_count": 2, "global_batch_sequences": 32},
        stack={"dp_overlap_share": 1},
        constants={"dp_window_share": 0.9, "dp_exposed_share": 0.1},
    )
    assert float(found.exposed_s) == near(6 * BYTE_S / 4 - 0.9e-4 * 2)


def test_chunks_of_a_stage_shorten_what_cannot_overlap():
    found = exchanged(
        plan={"dp_count": 4, "zero_stage": 1, "pp_count": 2, "vpp_count": 5},
        stack={"dp_overlap_share": 1},
        constants={"dp_exposed_share": 0.1},
    )
    assert float(found.exposed_s) == near(6 * BYTE_S / 2 / 5)


def test_experts_have_a_ring_of_their_own():
    # 8 ranks hold the shared weights, 4 the same experts
    dense, sparse = (
        exchanged(dimensions=EXPERTS | {"expert_count": count}, plan={"dp_count": 8, "ep_count": 2}) for count in (0, 4)
    )
    assert float(sparse.collective_s - dense.collective_s) == near(8 * 0.75 * 2 * 400 / 1e6)


def test_the_ring_of_experts_has_the_nics_of_its_own_ranks():
    dense, sparse = (
        exchanged(dimensions=EXPERTS | {"expert_count": count}, plan={"dp_count": 16, "ep_count": 2})
        for count in (0, 4)
    )
    assert float(sparse.collective_s - dense.collective_s) == near(8 * 7 / 8 * 2 * 400 / 4e5)


@pytest.mark.parametrize(("zero", "stack", "byte"), [(3, {}, 2 * 2 + 4), (2, {"fsdp_share": 1}, 2 + 4)])
def test_fsdp_exchanges_in_every_micro_batch(zero, stack, byte):
    found = exchanged(
        plan={"dp_count": 4, "shard_count": 4, "zero_stage": zero, "global_batch_sequences": 12}, stack=stack
    )
    assert float(found.collective_s) == float(found.exposed_s) == near(3 * byte * BYTE_S)


def test_fsdp_over_two_domains_starts_a_ring_for_every_layer():
    changes = {"plan": {"dp_count": 16, "shard_count": 16, "zero_stage": 3, "global_batch_sequences": 16}}
    start_s = 16 * 7 / 8 * 3.4e-6 + 2 * 14e-6
    assert float(exchanged(**changes).collective_s) == near(8 * WIDE_BYTE_S + 3 * 2 * start_s)
    tpu = exchanged(**changes, chip={"tpu_share": 1})
    assert float(tpu.collective_s) == near(8 * WIDE_BYTE_S)


def test_hsdp_reduces_shards_across_copies():
    changes = {"plan": {"dp_count": 16, "shard_count": 4, "zero_stage": 3, "global_batch_sequences": 16}}
    across_s = 2 * 0.75 * 4 * 3_400 / 4 / 1e5
    assert float(exchanged(**changes).collective_s) == near(8 * BYTE_S + across_s)
    tpu = exchanged(**changes, chip={"tpu_share": 1})
    assert float(tpu.collective_s) == near(8 * BYTE_S)


@pytest.mark.parametrize(("busy", "exposed"), [(1.0, 0.4 * 8 * BYTE_S), (1e-3, 8 * BYTE_S - 0.9e-3)])
def test_overlapped_fsdp_is_seen_in_part(busy, exposed):
    found = exchanged(
        busy,
        plan={"dp_count": 4, "shard_count": 4, "zero_stage": 3},
        stack={"dp_overlap_share": 1},
        constants={"fsdp_exposed_share": 0.4, "dp_window_share": 0.9},
    )
    assert float(found.exposed_s) == near(exposed)


@pytest.mark.parametrize("zero", [0, 1, 2, 3])
def test_one_rank_exchanges_nothing(zero):
    found = exchanged(plan={"zero_stage": zero})
    assert (float(found.collective_s), float(found.exposed_s)) == (0.0, 0.0)


# Waiting


@pytest.mark.parametrize(
    ("layers", "stages", "most", "last"),
    [(126, 16, 8, 7), (128, 64, 2, 2), (96, 8, 12, 12), (61, 2, 31, 30), (118, 8, 15, 14), (10, 4, 3, 2), (3, 4, 1, 0)],
)
def test_layers_of_the_fullest_and_of_the_last_stage(layers, stages, most, last):
    work = compute.HeadWork(linear_s=np.asarray(0.5), shape_s=np.asarray(0.2), loss_s=np.asarray(0.1))
    found = waiting.slowest_stage_s(
        part(dimensions={"layer_count": layers}, plan={"pp_count": stages}), work, np.asarray(1.0)
    )
    assert float(found) == near(max(most, last + 0.8))


def test_a_heavy_head_makes_the_last_stage_the_slowest():
    work = compute.HeadWork(linear_s=np.asarray(2.0), shape_s=np.asarray(0.5), loss_s=np.asarray(0.5))
    uneven, even = (
        float(
            waiting.slowest_stage_s(
                part(dimensions={"layer_count": layers}, plan={"pp_count": 16}), work, np.asarray(1.0)
            )
        )
        for layers in (122, 126)
    )
    # 122 layers: fifteen stages of eight leave two; 126 with embedding and head: seven
    assert (uneven, even) == (8.0, 10.0)


def test_a_head_without_work_leaves_the_fullest_stage():
    work = compute.HeadWork(linear_s=np.zeros(()), shape_s=np.zeros(()), loss_s=np.zeros(()))
    found = waiting.slowest_stage_s(part(dimensions={"layer_count": 61}, plan={"pp_count": 2}), work, np.asarray(2.0))
    assert float(found) == 62.0


def test_the_table_of_maxima_is_near_the_exact_integral():
    counts = np.concatenate([np.arange(1.0, 200.0), np.geomspace(200.0, 1e7, 500)])
    exact = expected_max_normal(count=counts)
    found = waiting.interpolated_max_normal(count=counts)
    np.testing.assert_allclose(found, exact, atol=1e-3)
    np.testing.assert_allclose(found[:16], exact[:16], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("count", [0.0, 0.5, 1.0])
def test_one_draw_has_no_maximum_to_wait_for(count):
    assert float(waiting.interpolated_max_normal(count=count)) == pytest.approx(0.0, abs=1e-12)


MAXIMUM = float(expected_max_normal(count=2))


@pytest.mark.parametrize(
    ("plan", "stack", "chip", "excess"),
    [
        ({}, {}, {}, 0.02 * (0.4 + 0.6 / 2) * MAXIMUM),
        ({"zero_stage": 3}, {}, {}, 0.02 * MAXIMUM),
        ({}, {"fsdp_share": 1}, {}, 0.02 * MAXIMUM),
        ({}, {"tuned_share": 1}, {}, 0.02 * 0.7 * 0.25 * MAXIMUM),
        ({}, {"slice_count": 2}, {"tpu_share": 1, "node_gpu_count": 4}, 0.02 * 0.7 * MAXIMUM),
        ({"dp_count": 1, "tp_count": 16, "global_batch_sequences": 4}, {}, {}, 0.0),
    ],
    ids=["plain", "zero-3", "fsdp", "tuned", "tpu-slices", "one-data-rank"],
)
def test_jitter_of_two_nodes(plan, stack, chip, excess):
    found = waiting.jitter_excess_share(
        part(
            plan={"gpu_count": 16, "dp_count": 16, "global_batch_sequences": 64} | plan,
            stack=stack,
            chip=chip,
            constants={"scale_loss_share": 0.02, "persistent_share": 0.4, "tuned_scale_factor": 0.25},
        )
    )
    assert float(found) == pytest.approx(excess, rel=1e-12, abs=1e-15)


# The step


def test_the_toy_step_by_hand():
    found = run(constants={"maturity_share": 0.2, "fixed_step_s": 0.5}, stack={"age_months": 0})
    # 4 micro-batches of 2 layers, and the head
    assert spent(found, "ceiling") == near(4 * (2 * (0.72 + 3.5 * 0.2) + 0.3))
    assert spent(found, "shape") == near(4 * (2 * (0.1008 + 3.5 * 0.2) + 0.038))
    assert spent(found, "memory_bound") == near(4 * (2 * 0.156 + 0.07) + 30 * 3_400 / 1e6)
    before = float(found.after_s["jitter"])
    assert float(found.step_time_s) == near(before * 1.2 + 0.5)
    assert float(found.peak_time_s) == near((6 * 2_900 + 3 * 2 * 100 * 20) * 400 / 1e6)
    assert float(found.micro_batch_s) == near((before - 0.102) / 4)


def test_a_bubble_is_the_other_stages_over_the_chunks():
    found = run(plan={"pp_count": 2, "vpp_count": 2, "schedule_factor": 0.5}, chip={"scale_up_byte_per_s": np.inf})
    assert spent(found, "bubble") == near(0.5 * float(found.micro_batch_s) / 2)


def test_slices_cost_the_logarithm_to_the_power_of_three_halves():
    found = run(stack={"slice_count": 16}, chip={"tpu_share": 1}, constants={"dcn_share": 0.01})
    assert spent(found, "data_parallel") == near(float(found.after_s["stage_imbalance"]) * 0.01 * 8)


def test_a_generation_ages_by_the_exponential():
    found = run(stack={"age_months": 8}, constants={"maturity_share": 0.2, "maturity_months": 8})
    assert spent(found, "software") == near(float(found.after_s["jitter"]) * 0.2 * np.exp(-1))


def test_one_gpu_only_computes():
    found = run(plan={"recompute_layer_share": 1}, constants=SHIPPED)
    factors = found.factors()
    idle = ("tensor_context_expert", "bubble", "stage_imbalance", "data_parallel", "jitter")
    assert {name: float(factors[name]) for name in idle} == dict.fromkeys(idle, 1.0)
    assert all(float(factors[name]) < 1.0 for name in set(STAGES) - set(idle))


def test_a_fused_kernel_above_the_rate_of_products_gives_time_back_in_shape():
    found = run(chip={"attention_share": 1.0}, constants={"attention_factor": 2.0, "shape_factor": 0.0})
    assert spent(found, "shape") == near(-4 * 2 * 3.5 * 0.1)


def test_an_old_generation_has_only_the_fixed_time_left():
    found = run(constants=SHIPPED)
    assert spent(found, "software") == near(SHIPPED["fixed_step_s"])


# Laws on random plans


def powers(draw, size, most):
    return 2.0 ** draw.integers(0, most + 1, size)


def random_facts(size=4_000, seed=7):
    """Plans of every kind with the shipped constants: dense and sparse, GPUs and TPUs, all ZeRO stages."""
    draw = np.random.default_rng(seed)

    def coin():
        return draw.integers(0, 2, size).astype(np.float64)

    heads, sparse, tpu = 8.0 * draw.integers(4, 17, size), coin(), coin()
    layers = draw.integers(8, 129, size).astype(np.float64)
    t, p, c, d = powers(draw, size, 3), powers(draw, size, 4), powers(draw, size, 3), powers(draw, size, 9)
    chunks = np.where(p > 1.0, draw.integers(1, 7, size), 1.0)
    micro, count = powers(draw, size, 2), draw.integers(1, 65, size).astype(np.float64)
    zero = draw.integers(0, 4, size).astype(np.float64)
    experts = np.where(sparse > 0.0, 2.0 ** draw.integers(3, 9, size), 0.0)
    flash, few_bits = coin(), coin() * (1.0 - tpu)
    return {
        "dimensions": Dimensions(
            layer_count=layers,
            expert_layer_count=sparse * np.floor(layers * draw.uniform(0.5, 1.0, size)),
            hidden_dim=heads * 128.0,
            head_count=heads,
            query_dim=heads * 128.0,
            kv_dim=np.minimum(heads, 8.0) * 128.0,
            value_dim=heads * 128.0,
            attention_parameter_count=2.0 * (heads * 128.0) * 128.0 * (heads + np.minimum(heads, 8.0)),
            mlp_dim=heads * 448.0,
            mlp_matrix_count=2.0 + coin(),
            expert_mlp_dim=sparse * heads * 32.0,
            shared_mlp_dim=sparse * coin() * heads * 32.0,
            expert_count=experts,
            topk_count=np.minimum(experts, 8.0),
            vocabulary_count=draw.choice([32_000.0, 128_256.0], size),
            sequence_tokens=2_048.0 * powers(draw, size, 4),
            window_tokens=draw.choice([128.0, 1_024.0], size),
            window_layer_share=draw.choice([0.0, 0.5, 1.0], size),
        ),
        "chip": Chip(
            peak_flop_per_s=989e12 * (1.0 + few_bits),
            bf16_flop_per_s=np.full(size, 989e12),
            ceiling_share=draw.uniform(0.6, 0.9, size),
            bf16_ceiling_share=draw.uniform(0.6, 0.9, size),
            attention_share=draw.uniform(0.2, 0.4, size),
            operand_byte=2.0 - few_bits,
            cast_byte=4.0 * few_bits,
            hbm_byte=np.full(size, 80e9),
            hbm_byte_per_s=draw.uniform(1e12, 8e12, size),
            scale_up_byte_per_s=draw.uniform(100e9, 900e9, size),
            scale_out_byte_per_s=draw.uniform(10e9, 100e9, size),
            domain_gpu_count=draw.choice([4.0, 8.0, 72.0, 256.0], size),
            node_gpu_count=draw.choice([4.0, 8.0], size),
            torus_dim_count=1.0 + tpu * draw.integers(1, 3, size),
            tpu_share=tpu,
            ultra_share=coin() * few_bits,
            fp8_share=few_bits,
            fp4_share=coin() * few_bits,
        ),
        "plan": Plan(
            gpu_count=t * p * c * d,
            tp_count=t,
            pp_count=p,
            vpp_count=chunks,
            schedule_factor=draw.choice([0.0, 1.0 / 3.0, 1.0], size),
            cp_count=c,
            ep_count=np.where(sparse > 0.0, np.minimum(powers(draw, size, 6), t * c * d), 1.0),
            dp_count=d,
            shard_count=np.where(zero > 0.0, np.maximum(d * c / powers(draw, size, 2), 1.0), 1.0),
            zero_stage=zero,
            sequence_parallel_share=coin(),
            micro_batch_sequences=micro,
            global_batch_sequences=micro * d * count,
            recompute_layer_share=draw.choice([0.0, 0.1, 1.0], size),
            recompute_core_share=coin(),
        ),
        "stack": Stack(
            flash_share=flash,
            parallel_block_share=coin(),
            tp_overlap_share=coin(),
            cp_overlap_share=coin(),
            pp_overlap_share=coin(),
            dp_overlap_share=coin(),
            tuned_share=coin(),
            fsdp_share=coin(),
            gradient_byte=2.0 + 2.0 * coin(),
            loss_byte=draw.choice([14.0, 40.0], size),
            age_months=draw.choice([0.0, 12.0, np.inf], size),
            slice_count=np.where(tpu > 0.0, powers(draw, size, 5), 1.0),
        ),
        "constants": Constants(**{name: np.asarray(value) for name, value in SHIPPED.items()}),
    }


RANDOM = random_facts()


def changed(part_name, **changes):
    return RANDOM | {part_name: replace(RANDOM[part_name], **changes)}


# With overlap, the exchange has the window of a mean stage, though the slowest sets the pace: where all that gets faster
# is what the mean stage has more of than the slowest one, the window shrinks and the pace stays.
FEW_PERCENT = 1.07
UNEVEN = (RANDOM["plan"].pp_count > 1.0) & (RANDOM["stack"].dp_overlap_share > 0.0)


def not_slower(faster, slower, uneven=UNEVEN):
    assert np.all(faster <= slower * np.where(uneven, FEW_PERCENT, 1.0 + 1e-12))
    assert np.any(faster < slower * (1.0 - 1e-9))  # otherwise nothing was changed
    assert np.any(~uneven)


def test_no_stage_gives_time_back():
    found = step_time(**RANDOM)
    after = np.stack(np.broadcast_arrays(*found.after_s.values()))
    assert np.all(np.diff(after, axis=0) >= -1e-12 * after[1:])
    assert np.all(np.isfinite(after))


def test_the_factors_are_the_counted_operations_over_peak_and_time():
    found = step_time(**RANDOM)
    product = np.prod(np.stack(np.broadcast_arrays(*found.factors().values())), axis=0)
    np.testing.assert_allclose(product, found.peak_time_s / found.step_time_s, rtol=1e-12)
    assert list(found.factors()) == list(STAGES)


FASTER = {
    "scale_up_byte_per_s": 1.7,
    "scale_out_byte_per_s": 1.7,
    "hbm_byte_per_s": 1.7,
    "peak_flop_per_s": 1.7,
    "bf16_flop_per_s": 1.7,
    "ceiling_share": 1.1,
    "attention_share": 1.3,
}


@pytest.mark.parametrize("name", FASTER)
def test_faster_hardware_never_slows_a_step(name):
    better = changed("chip", **{name: getattr(RANDOM["chip"], name) * FASTER[name]})
    not_slower(step_time(**better).step_time_s, step_time(**RANDOM).step_time_s)


@pytest.mark.parametrize("name", ["recompute_layer_share", "recompute_core_share"])
def test_running_more_again_never_speeds_a_step_up(name):
    more = np.minimum(getattr(RANDOM["plan"], name) + 0.3, 1.0)
    not_slower(step_time(**RANDOM).step_time_s, step_time(**changed("plan", **{name: more})).step_time_s)


@pytest.mark.parametrize(
    "name", ["tp_overlap_share", "cp_overlap_share", "dp_overlap_share", "flash_share", "tuned_share"]
)
def test_a_better_stack_never_slows_a_step(name):
    size = np.size(RANDOM["plan"].gpu_count)
    with_it, without = (changed("stack", **{name: np.full(size, share)}) for share in (1.0, 0.0))
    if name == "flash_share":
        # a kernel below the rate of unfused products would be no better
        with_it, without = (
            each | {"chip": replace(each["chip"], attention_share=np.full(size, 0.9))} for each in (with_it, without)
        )
    uneven = (RANDOM["plan"].pp_count > 1.0) & (with_it["stack"].dp_overlap_share > 0.0)
    not_slower(step_time(**with_it).step_time_s, step_time(**without).step_time_s, uneven)


def test_infinite_links_leave_starts_and_dispatch_only():
    infinite = np.full(np.shape(RANDOM["chip"].hbm_byte), np.inf)
    found = step_time(**changed("chip", scale_up_byte_per_s=infinite, scale_out_byte_per_s=infinite))
    plan, stack, constants, dims = (RANDOM[name] for name in ("plan", "stack", "constants", "dimensions"))
    once = (stack.fsdp_share == 0.0) & (plan.zero_stage < 3.0)
    one_slice = stack.slice_count == 1.0
    gap = found.after_s["data_parallel"] - found.after_s["stage_imbalance"]
    assert np.all(gap[once & one_slice] == 0.0)
    assert np.any(once & one_slice)
    micro = plan.global_batch_sequences / (plan.dp_count * plan.micro_batch_sequences)
    starts = np.where(plan.tp_count > 1.0, 8e-6 * 14.0, 0.0) + np.where(plan.cp_count > 1.0, 15e-6 * 3.0, 0.0)
    starts = starts + 4.0 * constants.expert_layer_s * (dims.expert_layer_count > 0.0)
    most = micro * (dims.layer_count / plan.pp_count * starts + 2.0 * plan.vpp_count * 15e-6 * (plan.pp_count > 1.0))
    inner = found.after_s["tensor_context_expert"] - found.after_s["recompute"]
    assert np.all(inner <= most * (1.0 + 1e-9) + 1e-12 * found.step_time_s)


def test_many_micro_batches_leave_no_bubble_and_no_exchange():
    plan = RANDOM["plan"]
    many = changed("plan", global_batch_sequences=plan.global_batch_sequences * 1e7)
    found = step_time(**many)
    once = (RANDOM["stack"].fsdp_share == 0.0) & (plan.zero_stage < 3.0) & (RANDOM["stack"].slice_count == 1.0)
    factors = found.factors()
    assert np.all(factors["bubble"] > 1.0 - 1e-4)
    assert np.all(factors["data_parallel"][once] > 1.0 - 1e-4)
    assert np.any(step_time(**RANDOM).factors()["bubble"] < 0.9)


def test_one_scenario_is_its_row_of_the_whole():
    whole = step_time(**RANDOM)
    for place in (0, 17, 3_999):
        alone = step_time(
            **{
                name: record
                if name == "constants"
                else type(record)(**{field.name: getattr(record, field.name)[place] for field in fields(record)})
                for name, record in RANDOM.items()
            }
        )
        np.testing.assert_allclose(alone.step_time_s, whole.step_time_s[place], rtol=1e-12)


# Hostile


def test_zero_micro_batches_short_of_one_are_taken_as_they_come():
    # A batch smaller than the data ranks is the caller's mistake; it neither warns nor becomes NaN.
    found = run(plan={"dp_count": 8, "global_batch_sequences": 4}, constants=SHIPPED)
    assert np.isfinite(found.step_time_s)


def test_an_undefined_rate_stays_undefined():
    found = run(chip={"scale_out_byte_per_s": np.nan}, plan={"dp_count": 16})
    assert np.isnan(found.step_time_s)
    assert np.isfinite(found.after_s["stage_imbalance"])


def test_a_nic_that_nothing_uses_need_not_be_known():
    found = run(chip={"scale_out_byte_per_s": np.nan}, plan={"dp_count": 8, "zero_stage": 1})
    assert np.isfinite(found.step_time_s)


@pytest.mark.parametrize("name", list(KINDS))
def test_the_facts_cannot_be_changed(name):
    record = facts()[name]
    with pytest.raises(AttributeError):
        setattr(record, fields(record)[0].name, np.asarray(1.0))


def test_numbers_without_arrays_will_do():
    plain = {part_name: KINDS[part_name](**BASES[part_name]) for part_name in KINDS}
    assert float(step_time(**plain).step_time_s) == float(run().step_time_s)
