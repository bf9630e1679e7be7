"""The step of one job: every factor by hand, what each split idles, and what changes nothing."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.mfu.job import SPLITS, on_job_axis, partitioned
from colocalc.mfu.step import STEP_STAGES, evaluate_step

BATCH = 4_194_304  # tokens: 512 sequences of 8,192
H100_BYTE_PER_S, NIC_BYTE_PER_S = 450e9 * 0.80, 50e9 * 0.82  # NVLink 4 and 400 Gbit/s, as achieved
RATES = {"h100-sxm": 794.5, "a100-sxm-80gb": 271.2 * 0.80 / 0.74, "gb200-nvl72": 1_822.0}  # in units of 0.74 TFLOP/s


def job(*pools, layout="tp: 8", training="", more="", **changes):
    """A job of Llama 3.1 8B on pools such as ``("h100-sxm", 1_024)``, some of its fields changed."""
    lines = ", ".join(f"{{gpu: {gpu}, count: {count}, counted_as: gpu}}" for gpu, count in pools)
    text = f"""
name: one
pools: [{lines}]
training:
  {{model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: {BATCH}, layout: {{{layout}}}, {training}}}
{more}
"""
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    arrays = lower(loaded.fleet, loaded.catalog).jobs[0].arrays
    words = ("split", "algorithm", "isolation", "zero_stage", "flat", "links", "measured")
    return replace(arrays, **{key: value if key in words else np.asarray(value) for key, value in changes.items()})


def product(step):
    return float(np.prod([np.where(np.isnan(step.factors[name]), 1.0, step.factors[name]) for name in STEP_STAGES]))


def near(value, rel=1e-9):
    return pytest.approx(value, rel=rel)


def expected_max(count):
    """Mean of the largest of ``count`` standard normal numbers: the integral of 1 - F^n above 0 less F^n below."""
    normal, width = NormalDist(), 1e-3
    above = sum(1.0 - normal.cdf((k + 0.5) * width) ** count for k in range(9_000))
    below = sum(normal.cdf(-(k + 0.5) * width) ** count for k in range(9_000))
    return (above - below) * width


# Llama 3 405B on 16,384 H100 as its authors ran it: 8 tensor ranks, 16 stages of 8 chunks, 128 replicas

LAYER = 2 * 16_384 * 128 * (128 + 8) + 3 * 16_384 * 53_248  # attention, and a gated MLP
MATMUL = 126 * LAYER + 128_256 * 16_384  # and the LM head
STORED = MATMUL + 128_256 * 16_384 + (2 * 126 + 1) * 16_384  # and the embedding and the norms
FLOP_PER_TOKEN = 6 * MATMUL + 6 * 126 * 16_384 * 8_192
MICRO_BATCHES = 16  # 2,048 sequences over 128 replicas


@pytest.fixture(scope="module")
def llama_3():
    loaded = load_fleet("meta-llama3-16k", catalog=load_catalog())
    return evaluate_step(lower(loaded.fleet, loaded.catalog).jobs[0].arrays)


@pytest.fixture(scope="module")
def by_hand():
    """Each factor from the published layout, with none of the library's functions."""
    ideal_s = FLOP_PER_TOKEN * 16_777_216 / (16_384 * 989.4e12)
    ceiling, shape, memory_bound = 794.5 / 989.4, 0.74, 1 / 1.10
    busy_s = ideal_s / (ceiling * shape * memory_bound)

    # 8 gathers and scatters a layer, 126/16 layers, 7/8 of 2 bytes x 8,192 tokens x 16,384, three quarters hidden
    tensor_s = MICRO_BATCHES * 126 / 16 * 8 * 7 / 8 * 2 * 8_192 * 16_384 / H100_BYTE_PER_S
    exposed_tensor_s = max(0.25 * tensor_s, tensor_s - 0.75 * busy_s)
    piped_s = (busy_s + exposed_tensor_s) * (1 + 15 / 128) * 1.03

    # One rank a node: rings of rings over 128 nodes, 2 (sqrt(128) - 1) hops a trip; FP32 gradients, BF16 weights.
    # 128 GPUs a replica are less than 3,072/7, so 1:7 between pods costs nothing.
    hops_s = 2 * (128**0.5 - 1) * 14e-6 + 8.4e-6
    exchange_s = 2 * hops_s + 127 / 128 * (4 + 2) * STORED / 128 / NIC_BYTE_PER_S
    exposed_s = max(0.25 * exchange_s, exchange_s - 0.75 * busy_s / MICRO_BATCHES)

    return {
        "ceiling": ceiling,
        "shape": shape,
        "memory_bound": memory_bound,
        "recompute": 1.0,
        "tensor_context_expert": busy_s / (busy_s + exposed_tensor_s),
        "bubble": 1 / (1 + 15 / 128),
        "stage_imbalance": 1 / 1.03,
        "data_parallel": piped_s / (piped_s + exposed_s),
        "jitter": 1 / (1 + 0.01 * expected_max(2_048)),
        "mixed_generations": 1.0,
        "layout_remainder": 1.0,
        "power": 1.0,
        "software": 1.0,
    }


@pytest.mark.parametrize("stage", STEP_STAGES)
def test_each_factor_of_llama_3_is_what_hand_arithmetic_gives(llama_3, by_hand, stage):
    assert llama_3.factors[stage] == near(by_hand[stage], rel=1e-6)


def test_the_step_of_llama_3_takes_its_arithmetic_over_all_its_factors(llama_3, by_hand):
    seconds = FLOP_PER_TOKEN * 16_777_216 / (16_384 * 989.4e12) / np.prod(list(by_hand.values()))
    assert llama_3.step_time_s == near(seconds, rel=1e-6)


def test_llama_3_runs_128_replicas_of_16_micro_batches_on_2048_nodes(llama_3):
    assert llama_3.replica_count == 128
    assert llama_3.micro_batch_count == MICRO_BATCHES
    assert llama_3.node_count == 2_048
    assert llama_3.idle_gpu_count == llama_3.dropped_gpu_count == 0
    assert llama_3.group_rank_count == 128
    assert llama_3.algorithm == "hierarchical"


def test_llama_3_fails_every_three_hours(llama_3):
    # 0.47 per 1,000 GPU-days
    assert llama_3.mttf_s == near(86_400_000 / (16_384 * 0.47))


# What a measured factor does to the stages behind it


def test_a_measured_stage_leaves_its_time_to_the_stages_behind_it():
    slow = evaluate_step(job(("h100-sxm", 1_024), measured={"bubble": np.asarray(0.5)}))
    fast = evaluate_step(job(("h100-sxm", 1_024)))

    # The same exchange is half as much beside a step twice as long.
    lost = 1 / fast.factors["data_parallel"] - 1
    assert slow.data_parallel_s == near(fast.data_parallel_s)
    assert slow.factors["data_parallel"] == near(1 / (1 + lost / 2))


def test_a_share_that_is_not_given_leaves_the_model_alone():
    step = evaluate_step(job(("h100-sxm", 1_024), measured={"bubble": np.asarray(np.nan)}))
    assert step.factors["bubble"] == 1.0
    assert step.measured == frozenset()


# What the attention convention counts

EIGHT_B = 6 * (32 * (2 * 4_096 * 128 * (32 + 8) + 3 * 4_096 * 14_336) + 128_256 * 4_096)
ATTENTION = 32 * 4_096 * 8_192  # per token, times 6 for the causal half


@pytest.mark.parametrize(("convention", "counted"), [("causal", 6), ("full", 12), ("none", 0)])
def test_the_attention_convention_moves_the_mfu_and_not_the_clock(convention, counted):
    pools = ("h100-sxm", 1_024)
    step = evaluate_step(job(pools, training=f"attention_flops: {convention}"))
    causal = evaluate_step(job(pools))

    assert step.step_time_s == near(causal.step_time_s)
    assert step.global_batch_tokens == causal.global_batch_tokens
    ratio = (EIGHT_B + counted * ATTENTION) / (EIGHT_B + 6 * ATTENTION)
    assert product(step) / product(causal) == near(ratio)
    assert step.factors["recompute"] == near(ratio)


@pytest.mark.parametrize(
    ("recompute", "extra"),
    [("none", 0), ("full", 1 / 3), ("selective", 6 * ATTENTION / (EIGHT_B + 6 * ATTENTION) / 3)],
)
def test_recomputed_forward_passes_are_a_loss(recompute, extra):
    step = evaluate_step(job(("h100-sxm", 1_024), layout=f"tp: 8, recompute: {recompute}"))
    assert step.factors["recompute"] == near(1 / (1 + extra))


# The smallest job there is


def test_one_gpu_without_communication_has_the_ceiling_shape_memory_and_software_of_its_kind():
    step = evaluate_step(job(("h100-sxm", 1), layout="tp: 1", training="software: immature"))
    assert product(step) == near(794.5 / 989.4 * 0.74 / 1.1 * 0.63)
    assert step.data_parallel_s == 0.0


def test_a_batch_below_one_round_is_made_one_round():
    step = evaluate_step(job(("h100-sxm", 1_024), global_batch_tokens=8_192.0))
    assert step.micro_batch_count == 1
    assert step.global_batch_tokens == 128 * 8_192


def test_without_a_whole_replica_the_layout_leaves_nothing_and_the_step_has_no_length():
    step = evaluate_step(job(("h100-sxm", 16), gpu_count=[7.0]))
    assert step.factors["layout_remainder"] == 0.0
    assert step.idle_gpu_count == 7
    assert np.isnan(step.step_time_s)


# Power


def test_all_wait_for_the_gpu_with_the_least_power():
    step = evaluate_step(job(("h100-sxm", 512), ("h200-sxm", 512), gpu_power_share=[0.5, 2.0]))

    # Half the power leaves 0.5^0.7 of the pace; the mean of both pools is lost to power, the rest to waiting.
    pace = 0.5**0.7
    assert step.factors["power"] == near((1 + pace) / 2)
    assert step.factors["mixed_generations"] == near(2 * pace / (1 + pace))
    uncapped = evaluate_step(job(("h100-sxm", 512), ("h200-sxm", 512)))
    assert step.factors["mixed_generations"] * step.factors["power"] == near(pace)
    assert product(step) > product(uncapped) * pace  # collectives do not slow with the clocks


def test_a_fast_gpu_short_of_power_is_the_slow_one():
    # A GB200 at 0.25^0.7 = 0.379 of its rate is behind an H100: 690 against 794.5
    step = evaluate_step(job(("h100-sxm", 512), ("gb200-nvl72", 512), gpu_power_share=[np.inf, 0.25]))
    capped = 1_822.0 * 0.25**0.7
    assert step.factors["mixed_generations"] == near(2 * capped / (794.5 + capped))
    assert step.factors["power"] == near((794.5 + capped) / (794.5 + 1_822.0))


def test_pools_in_proportion_to_their_power_lose_only_the_power():
    share = {"gpu_power_share": [0.5, np.inf], "split": "proportional", "global_batch_tokens": 64.0 * BATCH}
    step = evaluate_step(job(("h100-sxm", 512), ("h200-sxm", 512), **share))
    assert step.factors["power"] == near((1 + 0.5**0.7) / 2)
    assert 0.98 < step.factors["mixed_generations"] <= 1.0


def test_without_any_power_a_step_has_no_end_and_power_takes_the_whole_loss():
    step = evaluate_step(job(("h100-sxm", 1_024), gpu_power_share=[0.0]))
    assert step.factors["power"] == 0.0
    assert step.factors["mixed_generations"] == step.factors["layout_remainder"] == 1.0
    assert step.step_time_s == np.inf


def test_the_pool_without_power_stops_those_that_wait_for_it():
    step = evaluate_step(job(("h100-sxm", 512), ("h200-sxm", 512), gpu_power_share=[0.0, np.inf]))
    assert step.factors["power"] == near(0.5)
    assert step.factors["mixed_generations"] == 0.0


def test_dropping_the_pool_without_power_trains_on_the_others():
    mixed = job(("h100-sxm", 512), ("h200-sxm", 512), gpu_power_share=[0.0, np.inf], split="drop-slow")
    alone = job(("h200-sxm", 512))
    assert evaluate_step(mixed).step_time_s == near(evaluate_step(alone).step_time_s)


def test_a_limit_that_is_not_known_for_one_pool_slows_none():
    # The power stage says so by being NaN; then no other stage may hold part of it.
    step = evaluate_step(job(("h100-sxm", 512), ("h200-sxm", 512), gpu_power_share=[0.5, np.nan]))
    free = evaluate_step(job(("h100-sxm", 512), ("h200-sxm", 512)))
    assert np.isnan(step.factors["power"])
    assert step.factors["mixed_generations"] == 1.0
    assert step.step_time_s == free.step_time_s


# Leaving slow pools out


def test_a_dropped_pool_idles_and_stays_in_the_denominator():
    step = evaluate_step(job(("h100-sxm", 1_024), ("a100-sxm-80gb", 512), split="drop-slow"))
    fast, slow = 1_024 * RATES["h100-sxm"], 512 * RATES["a100-sxm-80gb"]
    assert step.dropped_gpu_count == 512
    assert step.idle_gpu_count == 0
    assert step.factors["mixed_generations"] == near(fast / (fast + slow))
    assert step.peak_flop_per_s == near(1_024 * 989.4e12 + 512 * 312e12)


def test_dropping_a_pool_is_running_the_others_alone():
    both = job(("h100-sxm", 1_024), ("a100-sxm-80gb", 512), split="drop-slow", gpu_power_share=[0.9, 0.8])
    mixed, alone = evaluate_step(both), evaluate_step(job(("h100-sxm", 1_024), gpu_power_share=[0.9]))

    assert mixed.step_time_s == near(alone.step_time_s)
    assert mixed.global_batch_tokens == alone.global_batch_tokens
    assert mixed.node_count == alone.node_count
    assert mixed.mttf_s == near(alone.mttf_s)
    assert mixed.factors["goodput"] == near(alone.factors["goodput"])
    assert product(mixed) * mixed.peak_flop_per_s == near(product(alone) * alone.peak_flop_per_s)
    # NVLink and NIC of the A100, half as fast, hold nobody up.
    for name, seconds in alone.exchange_s.items():
        assert mixed.exchange_s[name] == pytest.approx(float(seconds), rel=1e-12, nan_ok=True)


def test_an_equal_split_is_held_up_by_the_slow_pools_links_too():
    mixed = evaluate_step(job(("h100-sxm", 1_024), ("a100-sxm-80gb", 1_024)))
    slow = evaluate_step(job(("a100-sxm-80gb", 2_048)))
    assert mixed.exchange_s["ring"] == near(slow.exchange_s["ring"])


def test_a_pool_without_a_whole_replica_is_no_reason_to_drop_one_that_trains():
    # 127 GB200 at 2.29 times the rate of 128 H100 are more than all 255 at the H100's pace; they make no replica.
    mixed = job(("gb200-nvl72", 127), ("h100-sxm", 128), layout="tp: 8, pp: 16", split="drop-slow")
    alone = job(("h100-sxm", 128), layout="tp: 8, pp: 16")
    step = evaluate_step(mixed)
    assert step.dropped_gpu_count == 0
    assert step.idle_gpu_count == 127
    assert step.step_time_s == near(evaluate_step(alone).step_time_s)


# Stages by generation


def test_a_split_by_stages_runs_whole_pipelines_over_all_pools():
    # 96 and 32 GPUs share 4 stages as 3 and 1; each stage takes 8 GPUs: min(96/24, 32/8) = 4 pipelines.
    step = evaluate_step(job(("h100-sxm", 96), ("h200-sxm", 32), layout="tp: 8, pp: 4", split="stages"))
    assert step.replica_count == 4
    assert step.idle_gpu_count == 0
    assert step.factors["layout_remainder"] == step.factors["mixed_generations"] == 1.0


def test_gpus_that_fill_no_stage_are_the_remainder():
    # 100 and 36: 4 and 4 are left over.
    step = evaluate_step(job(("h100-sxm", 100), ("h200-sxm", 36), layout="tp: 8, pp: 4", split="stages"))
    assert step.replica_count == 4
    assert step.idle_gpu_count == 8
    assert step.factors["layout_remainder"] == near(128 / 136)


def test_stages_of_unequal_speed_hold_layers_by_their_speed():
    # 2 and 2 stages; 32 layers at 1 : 2.293 in whole layers: T = 11/2.293 gives 2 (11 + 4) = 30, T = 5/1 gives
    # 2 (11 + 5) = 32 at last.
    step = evaluate_step(job(("h100-sxm", 64), ("gb200-nvl72", 64), layout="tp: 8, pp: 4", split="stages"))
    ratio = RATES["gb200-nvl72"] / RATES["h100-sxm"]
    assert step.factors["mixed_generations"] == near(32 / (5 * (2 + 2 * ratio)))


# Splits against each other


@pytest.mark.parametrize("split", SPLITS)
def test_one_pool_trains_alike_by_every_split(split):
    one = job(("h100-sxm", 512), layout="tp: 8, pp: 4")
    arrays = replace(one, split=split)
    found = evaluate_step(partitioned(arrays) if split == "partitions" else on_job_axis(arrays))
    equal = evaluate_step(one)
    assert found.step_time_s[0] == near(equal.step_time_s)
    assert found.idle_gpu_count[0] == found.dropped_gpu_count[0] == 0
    for stage in (*STEP_STAGES, "goodput"):
        assert np.squeeze(found.factors[stage]) == near(equal.factors[stage]), stage


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    counts=st.tuples(*[st.integers(1, 40)] * 2),
    memory=st.floats(0.3, 4.0),
    rounds=st.integers(1, 40),
)
def test_memory_only_takes_from_what_proportion_gives(counts, memory, rounds):
    pools = [("h100-sxm", 8 * counts[0]), ("gb200-nvl72", 8 * counts[1])]
    mixed = job(*pools, hbm_byte=[80e9, memory * 80e9], global_batch_tokens=8_192.0 * sum(counts) * rounds)
    proportional, capped = (
        evaluate_step(replace(mixed, split=split)).factors["mixed_generations"] for split in ("proportional", "memory")
    )
    assert not capped > proportional


def test_a_fast_gpu_of_no_more_memory_gets_no_more_work():
    pools = [("h100-sxm", 512), ("gb200-nvl72", 512)]
    capped, equal, proportional = (
        evaluate_step(job(*pools, hbm_byte=[80e9, 80e9], split=split)).factors["mixed_generations"]
        for split in ("memory", "equal", "proportional")
    )
    assert capped == near(equal)
    assert equal == near(2 * 794.5 / (794.5 + 1_822.0))
    assert proportional > equal


# Collectives


def test_sharded_weights_are_as_exposed_in_few_micro_batches_as_in_many():
    factors = [
        evaluate_step(job(("h100-sxm", 1_024), zero_stage=3, global_batch_tokens=batch)).factors["data_parallel"]
        for batch in (BATCH, 2.0 * BATCH, 16.0 * BATCH)
    ]
    assert factors == [near(factors[0])] * 3
    assert factors[0] < 1.0


def test_gradients_reduced_once_a_step_weigh_less_in_many_micro_batches():
    few, many = (
        evaluate_step(job(("h100-sxm", 1_024), global_batch_tokens=batch)).factors["data_parallel"]
        for batch in (BATCH, 16.0 * BATCH)
    )
    assert many > few


@pytest.mark.parametrize(("tp", "rate"), [(8, H100_BYTE_PER_S), (16, NIC_BYTE_PER_S)])
def test_tensor_ranks_beyond_the_domain_run_on_the_nics(tp, rate):
    step = evaluate_step(job(("h100-sxm", 1_024), layout=f"tp: {tp}"))
    replicas = 1_024 / tp
    micro = BATCH / 8_192 / replicas
    busy_s = (EIGHT_B + 6 * ATTENTION) * BATCH / (1_024 * 794.5e12 * 0.74) * 1.1
    tensor_s = micro * 32 * 8 * (tp - 1) / tp * 2 * 8_192 * 4_096 / rate
    exposed_s = max(0.25 * tensor_s, tensor_s - 0.75 * busy_s)
    assert step.factors["tensor_context_expert"] == near(busy_s / (busy_s + exposed_s))


def test_context_ranks_gather_keys_and_values():
    step = evaluate_step(job(("h100-sxm", 1_024), layout="tp: 4, cp: 2"))
    micro = BATCH / 8_192 / 128
    busy_s = (EIGHT_B + 6 * ATTENTION) * BATCH / (1_024 * 794.5e12 * 0.74) * 1.1
    tensor_s = micro * 32 * 8 * 3 / 4 * 2 * 8_192 * 4_096 / 2 / H100_BYTE_PER_S
    context_s = micro * 32 * 3 * 1 / 2 * 2 * 2 * 8_192 * 1_024 / 4 / H100_BYTE_PER_S
    assert step.factors["tensor_context_expert"] == near(busy_s / (busy_s + 0.25 * (tensor_s + context_s)))


@pytest.mark.parametrize("count", [1, 3, 25])
def test_a_flat_ring_adds_the_latency_of_a_ring_over_all_ranks(count):
    # 2,048 ranks on 256 nodes: the plateau of 1.4 stands on the hops, not on the start.
    base = job(("h100-sxm", 2_048))
    flat = replace(base, flat=True, flat_collective_count=np.asarray(float(count)))
    added = evaluate_step(flat).exchange_s["ring"] - evaluate_step(base).exchange_s["ring"]
    hops_s = 2 * (2_048 - 256) * 3.4e-6 + 2 * (256 - 1) * 14e-6
    assert added == near(count * (hops_s * 1.4 + 8.4e-6), rel=1e-8)


def test_a_flat_ring_has_every_gpu_in_one_group_and_no_other_algorithm():
    step = evaluate_step(job(("h100-sxm", 2_048), more="network: {flat: true}"))
    assert step.group_rank_count == 2_048
    assert step.algorithm == "ring"
    assert set(step.exchange_s) == {"ring"}


def test_gpus_without_a_nic_figure_leave_the_exchange_unknown():
    step = evaluate_step(job(("h100-sxm", 1_024), nic_byte_per_s=[np.nan]))
    assert np.isnan(step.factors["data_parallel"])
    assert np.isnan(step.data_parallel_s)
    assert all(np.isnan(seconds) for seconds in step.exchange_s.values())
    # The rest of the step is known, and the exchange counts for nothing.
    known = evaluate_step(job(("h100-sxm", 1_024)))
    assert step.step_time_s == near(known.step_time_s * known.factors["data_parallel"])


def test_inside_one_domain_no_nic_is_needed():
    step = evaluate_step(job(("h100-sxm", 8), layout="tp: 1", nic_byte_per_s=[np.nan]))
    assert step.data_parallel_s > 0.0


def test_context_ranks_reduce_gradients_beside_the_replicas():
    # 128 replicas of 2 context ranks, which share a node: 256 ranks on 128 nodes, two NICs each. 8.03e9 parameters
    # over 4 tensor ranks: 4 bytes of gradient scattered, 2 of weight gathered.
    step = evaluate_step(job(("h100-sxm", 1_024), layout="tp: 4, cp: 2"))
    latency_s = 2 * (8.4e-6 + (128 * 3.4e-6 + 127 * 14e-6) * 1.4)
    bytes_s = 255 / 256 * 6 * 8_030_261_248 / 4 / (2 * NIC_BYTE_PER_S)
    assert step.group_rank_count == 256
    assert step.exchange_s["ring"] == near(latency_s + bytes_s)


def test_state_sharded_over_a_part_of_the_replicas_is_all_reduced_over_the_others():
    # 128 replicas on a node each: shards of 16 in rings, 4 bytes of gradient over 16 in rings of 8 groups
    pools = ("h100-sxm", 1_024)
    part = 8_030_261_248 / 8
    inside_s = 2 * (8.4e-6 + 15 * 14e-6 * 1.4) + 15 / 16 * 6 * part / NIC_BYTE_PER_S
    across_s = 8.4e-6 + 2 * 7 * 14e-6 * 1.4 + 2 * 7 / 8 * 4 * part / 16 / NIC_BYTE_PER_S
    hsdp = evaluate_step(job(pools, layout="tp: 8, dp_shard_count: 16"))
    assert hsdp.exchange_s["ring"] == near(inside_s + across_s)


def test_more_shards_than_ranks_are_all_ranks():
    most, whole = (
        evaluate_step(job(("h100-sxm", 1_024), layout=layout)).exchange_s["ring"]
        for layout in ("tp: 8, dp_shard_count: 4_096", "tp: 8")
    )
    assert most == whole


@pytest.mark.parametrize(
    ("pod", "slowdown"),
    [
        (1_024, 1),  # the whole job is in one pod, whatever leaves it
        (1_023, 512 / 1_023 * 8),  # 8 rings of a replica share a 512th of a pod's links
        (512, 8),  # a replica has as many rings as the pod has links left
    ],
)
def test_only_bytes_that_leave_a_pod_meet_oversubscription(pod, slowdown):
    network = f"network: {{oversubscription_factor: 512, pod_gpu_count: {pod}}}"
    tight, free = (evaluate_step(job(("h100-sxm", 1_024), more=more)).exchange_s["ring"] for more in (network, ""))
    latency_s = 2 * (127 * 14e-6 * 1.4 + 8.4e-6)
    assert tight - latency_s == near(slowdown * (free - latency_s))


# Failures


def test_a_job_of_one_replica_cannot_go_on_without_it():
    alone = {"layout": "tp: 8", "global_batch_tokens": 8_192.0 * 64}
    restart, isolated = (evaluate_step(job(("h100-sxm", 8), **alone, isolation=name)) for name in ("job", "replica"))
    assert isolated.factors["goodput"] == restart.factors["goodput"]
    spare = evaluate_step(job(("h100-sxm", 8), **alone, isolation="hot-spare"))
    assert spare.factors["goodput"] == near(np.exp(-30 / spare.mttf_s))


def test_isolation_costs_the_stall_and_the_replica_under_repair():
    # 1,024 GPUs at 2.8 per 1,000 GPU-days; 180 s of stall, 600 s of repair, 128 replicas
    step = evaluate_step(job(("h100-sxm", 1_024), isolation="replica"))
    mttf_s = 86_400_000 / (1_024 * 2.8)
    assert step.mttf_s == near(mttf_s)
    assert step.factors["goodput"] == near(np.exp(-180 / mttf_s) * (1 - 600 / (mttf_s * 128)))


def test_a_checkpoint_interval_that_is_given_is_kept():
    step = evaluate_step(job(("h100-sxm", 1_024), checkpoint_interval_s=900.0))
    mttf_s = 86_400_000 / (1_024 * 2.8)
    assert step.checkpoint_interval_s == 900
    assert step.factors["goodput"] == near(900 / (mttf_s * np.exp(600 / mttf_s) * np.expm1(920 / mttf_s)))


# Pools that take no part


@pytest.mark.parametrize("split", [name for name in SPLITS if name not in {"stages", "partitions"}])
@pytest.mark.parametrize("gpu", ["a100-sxm-80gb", "gb200-nvl72"])
def test_a_pool_without_a_whole_replica_only_adds_to_remainder_and_denominator(split, gpu):
    layout = "tp: 8, pp: 2"
    with_it = evaluate_step(job(("h100-sxm", 1_024), (gpu, 15), layout=layout, split=split))
    without = evaluate_step(job(("h100-sxm", 1_024), layout=layout, split=split))

    assert with_it.step_time_s == near(without.step_time_s)
    assert with_it.mttf_s == near(without.mttf_s)
    assert with_it.node_count == without.node_count
    assert with_it.replica_count == without.replica_count
    assert with_it.idle_gpu_count == 15
    assert with_it.dropped_gpu_count == 0
    assert with_it.factors["mixed_generations"] == near(1.0)
    used, idle = 1_024 * RATES["h100-sxm"], 15 * RATES[gpu]
    assert with_it.factors["layout_remainder"] == near(used / (used + idle))
    for stage in ("tensor_context_expert", "bubble", "stage_imbalance", "data_parallel", "jitter", "goodput"):
        assert with_it.factors[stage] == near(without.factors[stage]), stage


@pytest.mark.parametrize("split", [name for name in SPLITS if name != "partitions"])
def test_a_pool_of_no_gpus_changes_nothing(split):
    with_it = evaluate_step(job(("h100-sxm", 1_024), ("a100-sxm-80gb", 0), layout="tp: 8, pp: 2", split=split))
    without = evaluate_step(job(("h100-sxm", 1_024), layout="tp: 8, pp: 2", split=split))
    for stage in (*STEP_STAGES, "goodput"):
        assert with_it.factors[stage] == near(without.factors[stage]), stage
    assert with_it.step_time_s == near(without.step_time_s)
