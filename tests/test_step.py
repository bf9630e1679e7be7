"""The step of one job: every factor by hand, what each split idles, and what changes nothing."""

from dataclasses import replace
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.mfu.job import SPLITS, each, on_job_axis, partitioned
from colocalc.mfu.pace import PACE_STAGES, paced, plan_of
from colocalc.mfu.predict.step import step_time
from colocalc.mfu.step import STEP_STAGES, evaluate_step, stopped_replica_count, worked

CATALOG = load_catalog()
K = CATALOG.calibration.values()
BATCH = 4_194_304  # tokens: 512 sequences of 8,192
H100_BYTE_PER_S, NIC_BYTE_PER_S = 450e9 * K["scale_up_share"], 50e9 * K["scale_out_share"]  # NVLink 4, 400 Gbit/s
PARTS = ("chip", "stack", "dimensions", "constants")
WORDS = ("split", "algorithm", "isolation", "zero_stage", "flat", "links", "measured")


def job(*pools, model="llama-3.1-8b", layout="tp: 8", training="", more="", **changes):
    """A job of Llama 3.1 8B on pools such as ``("h100-sxm", 1_024)``, some fields of it or of its parts changed."""
    lines = ", ".join(f"{{gpu: {gpu}, count: {count}, counted_as: gpu}}" for gpu, count in pools)
    text = f"""
name: one
pools: [{lines}]
training:
  {{model: {model}, sequence_tokens: 8192, global_batch_tokens: {BATCH}, layout: {{{layout}}}, {training}}}
{more}
"""
    loaded = load_fleet("-", catalog=CATALOG, stdin=text.encode())
    arrays = lower(loaded.fleet, loaded.catalog).jobs[0].arrays
    parts = {name: changes.pop(name) for name in PARTS if name in changes}
    changed = {
        name: replace(getattr(arrays, name), **{key: np.asarray(value) for key, value in part.items()})
        for name, part in parts.items()
    }
    values = {key: value if key in WORDS else np.asarray(value) for key, value in changes.items()}
    return replace(arrays, **changed, **values)


def in_two(one, **changes):
    """A job of one pool with half of its GPUs in each of two, some fields of the pools changed."""
    pools = {name: np.repeat(getattr(one, name), 2) for name in POOL_FIELDS}
    pools["gpu_count"] = pools["gpu_count"] / 2.0
    pools |= {name: np.asarray(value) for name, value in changes.items()}
    parts = {name: each(getattr(one, name), lambda values: np.repeat(values, 2)) for name in ("chip", "stack")}
    return replace(one, **pools, **parts)


POOL_FIELDS = ("gpu_count", "shape_share", "failures_per_1000_gpu_day", "gpu_power_share", "smoothing_factor")


@cache
def rate(gpu, count, layout="tp: 8", batch=BATCH):
    """What one GPU achieves through the stages of its own pace where the whole job is on GPUs of its kind."""
    arrays = job((gpu, count), layout=layout, global_batch_tokens=float(batch))
    factors = evaluate_step(arrays).factors
    return float(arrays.peak_flop_per_s[0] * np.prod([factors[name] for name in PACE_STAGES]))


def before_s(step, stage):
    """Time of the step ahead of a stage of the pace, from peak on."""
    earlier = PACE_STAGES[: PACE_STAGES.index(stage)]
    return step.step_flop / step.peak_flop_per_s / np.prod([step.factors[name] for name in earlier])


def added_s(step, stage):
    return before_s(step, stage) * (1.0 / step.factors[stage] - 1.0)


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
STORED = MATMUL + 128_256 * 16_384  # and the embedding
HELD = STORED / 128  # of one chip: a stage of one of 8 tensor ranks, embedding and head spread over all
FLOP_PER_TOKEN = 6 * MATMUL + 6 * 126 * 16_384 * 8_192
MICRO_BATCHES = 16  # 2,048 sequences over 128 replicas


@pytest.fixture(scope="module")
def llama_3_job():
    loaded = load_fleet("meta-llama3-16k", catalog=CATALOG)
    return lower(loaded.fleet, loaded.catalog).jobs[0].arrays


@pytest.fixture(scope="module")
def llama_3(llama_3_job):
    return evaluate_step(llama_3_job)


@pytest.fixture(scope="module")
def by_hand():
    """Each factor from the published layout and the constants, with none of the library's functions."""
    tokens, width, layers = 8_192, 16_384, 126 / 16
    product_rate = 794.5e12 * K["sustained_share"]
    core_rate = 989.4e12 * 0.45 * K["attention_factor"]
    hbm, links = 3.35e12 * K["hbm_share"], 450e9 * K["scale_up_share"]

    # One layer and the head of one micro-batch on one of 8 tensor ranks; queries meet half of the sequence.
    linear_s = 2 * tokens * LAYER / 8 / product_rate
    core_flop = 2 * tokens * 4_096 * 2 * width / 8
    core_s, best_core_s = core_flop / core_rate, core_flop / product_rate
    streamed = 4 * width + (2 * width + 2 * 1_024 + 3 * 53_248) / 8
    shape_s = K["shape_factor"] / hbm * (6 * tokens * streamed + 4 * LAYER / 8)
    memory_s = 3 * K["elementwise_factor"] / hbm * tokens * (28 * width + 4 * width + 5 * 53_248) / 8
    head_s = 6 * tokens * width * 128_256 / 8 / product_rate
    head_shape_s = K["shape_factor"] / hbm * (6 * tokens * (width + 128_256 / 8) + 4 * width * 128_256 / 8)
    loss_s = 14 * tokens * 128_256 / 8 / hbm
    # Ten gathers and scatters with sequence parallelism, not overlapped; sends between stages by NIC
    tensor_s = K["tp_exposed_share"] * 10 * (2 * tokens * width * 7 / 8 / links + 8e-6)
    hop_s = 2 * tokens * width / 8 / NIC_BYTE_PER_S + 15e-6

    times = [FLOP_PER_TOKEN * 16_777_216 / (16_384 * 989.4e12)]
    times.append(MICRO_BATCHES * (layers * (3 * linear_s + 3.5 * best_core_s) + head_s / 16))
    times.append(times[-1] + MICRO_BATCHES * (layers * (shape_s + 3.5 * (core_s - best_core_s)) + head_shape_s / 16))
    optimizer_s = 30 * HELD / 128 / hbm
    times.append(times[-1] + MICRO_BATCHES * (layers * memory_s + loss_s / 16) + optimizer_s)
    times.append(times[-1])  # nothing is run again
    sends_s = 2 * 8 * K["pp_overlapped_share"] * hop_s
    times.append(times[-1] + MICRO_BATCHES * (layers * tensor_s + sends_s))
    busy_s = (times[-1] - optimizer_s) / MICRO_BATCHES
    fill_s = 16 * 2 * 8 * (1 - K["pp_overlapped_share"]) * hop_s
    times.append(times[-1] + 15 / 8 * busy_s + fill_s)
    # 126 layers, embedding and head on 16 stages of 8: the last has 7 layers and the head
    layer_s = 3 * linear_s + 3.5 * core_s + shape_s + memory_s + tensor_s
    slowest_s = max(8 * layer_s, 7 * layer_s + head_s + head_shape_s + loss_s) + sends_s
    times.append(times[-1] + MICRO_BATCHES * max(slowest_s - busy_s, 0))

    # One rank a node: rings of rings over 128 nodes, 2 (sqrt(128) - 1) hops a trip; FP32 gradients, BF16 weights.
    # 128 GPUs a replica are less than 3,072/7, so 1:7 between pods costs nothing. 14 chunks are in flight at the ends.
    start_s = 2 * (128**0.5 - 1) * 14e-6 + 8.4e-6
    scatter_s, gather_s = (start_s + 127 / 128 * byte * HELD / NIC_BYTE_PER_S for byte in (4, 2))
    window_s, seen = K["dp_window_share"] / 3 * busy_s * 14, max(1 / 8, K["dp_exposed_share"])
    exposed_s = max(seen * scatter_s, scatter_s - 2 * window_s) + max(seen * gather_s, gather_s - window_s)
    times.append(times[-1] + exposed_s)
    averaged = K["persistent_share"] + (1 - K["persistent_share"]) / MICRO_BATCHES**0.5
    times.append(times[-1] * (1 + K["scale_loss_share"] * averaged * K["tuned_scale_factor"] * expected_max(2_048)))
    # H100 of September 2022, 22 months before the paper
    young = K["maturity_share"] * np.exp(-22 / K["maturity_months"])
    times.append(times[-1] * (1 + young) + K["fixed_step_s"])

    names = (*PACE_STAGES, "data_parallel", "jitter", "software")
    found = {name: ahead / after for name, ahead, after in zip(names, times[:-1], times[1:], strict=True)}
    return found | dict.fromkeys(("mixed_generations", "layout_remainder", "power"), 1.0)


@pytest.mark.parametrize("stage", STEP_STAGES)
def test_each_factor_of_llama_3_is_what_hand_arithmetic_gives(llama_3, by_hand, stage):
    # Jitter is from a table of maxima, within 0.001 of the exact ones.
    assert llama_3.factors[stage] == near(by_hand[stage], rel=1e-5 if stage == "jitter" else 1e-9)


def test_the_step_of_llama_3_takes_its_arithmetic_over_all_its_factors(llama_3, by_hand):
    seconds = FLOP_PER_TOKEN * 16_777_216 / (16_384 * 989.4e12) / np.prod(list(by_hand.values()))
    assert llama_3.step_time_s == near(seconds, rel=1e-5)


# The step-time model and the waterfall: one pool is what the model says


def alone(arrays):
    """What the step-time model says of a job of one pool, asked with the job's own layout."""
    cut, _ = paced(arrays)
    facts = {name: getattr(arrays, name) for name in PARTS}
    return step_time(**facts, plan=plan_of(arrays, cut))


@pytest.mark.parametrize("fields", [{}, {"cp_count": 2.0}, {"micro_batch_count": 2.0}])
@pytest.mark.parametrize("zero_stage", [0, 1, 2])
@pytest.mark.parametrize(
    ("model", "layout"),
    [
        ("llama-3.1-405b", "tp: 8, pp: 16, vpp: 8"),
        ("llama-3.1-8b", "tp: 1"),
        ("deepseek-v3", "tp: 1, pp: 8, ep: 32"),
        ("gpt-oss-120b", "tp: 4, ep: 8"),
    ],
)
def test_one_pool_takes_the_time_of_the_step_time_model(model, layout, zero_stage, fields):
    # Rings without hops, as the model has them.
    one = job(("h100-sxm", 4_096), model=model, layout=layout, zero_stage=zero_stage, algorithm="ring", **fields)
    no_hops = dict.fromkeys(("ring_intra_hop_s", "ring_inter_hop_s", "ring_base_s"), np.asarray(0.0))
    one = replace(one, links=replace(one.links, **no_hops))
    step, modelled = evaluate_step(one), alone(one)
    assert step.step_time_s == near(float(modelled.step_time_s[0]))
    assert step.exchange_s["ring"] == near(float(modelled.dp_collective_s[0]))
    for stage, factor in modelled.factors().items():
        assert step.factors[stage] == near(float(factor[0])), stage


@pytest.mark.parametrize("zero_stage", [1, 2, 3])
@pytest.mark.parametrize("shards", [np.nan, 32.0])
def test_fsdp_takes_the_time_of_the_step_time_model(zero_stage, shards):
    # The model counts a hop for each rank, the ring one less.
    one = job(("h100-sxm", 1_024), layout="tp: 1", zero_stage=zero_stage, algorithm="ring", dp_shard_count=shards)
    one = replace(one, stack=replace(one.stack, fsdp_share=np.asarray([1.0])))
    hops = {"ring_intra_hop_s": 3.4e-6, "ring_inter_hop_s": 14e-6, "ring_base_s": 0.0, "ring_plateau_factor": 1.0}
    one = replace(one, links=replace(one.links, **{name: np.asarray(value) for name, value in hops.items()}))
    assert evaluate_step(one).step_time_s == near(float(alone(one).step_time_s[0]), rel=0.01)


def test_llama_3_takes_the_time_of_the_step_time_model(llama_3, llama_3_job):
    assert llama_3.step_time_s == near(float(alone(llama_3_job).step_time_s[0]), rel=0.01)


def test_llama_3_reaches_the_mfu_its_authors_give(llama_3):
    assert product(llama_3) == pytest.approx(0.41, abs=0.01)


def test_fleets_of_several_sizes_are_trained_as_each_alone():
    one = job(("h100-sxm", 1_024), layout="tp: 8, pp: 2")
    sizes = (1_024.0, 512.0, 64.0)
    both = evaluate_step(replace(one, gpu_count=np.array([[size] for size in sizes])))
    alone = [evaluate_step(replace(one, gpu_count=np.array([size]))) for size in sizes]
    assert both.replica_count.tolist() == [64.0, 32.0, 4.0]
    for name in ("step_time_s", "data_parallel_s", "node_count", "mttf_s"):
        assert getattr(both, name).tolist() == near([float(getattr(step, name)) for step in alone]), name


# Without a model


def test_without_a_model_the_assumed_shares_stand_in():
    text = f"""
name: one
pools: [{{gpu: h100-sxm, count: 1024}}]
training: {{sequence_tokens: 8192, global_batch_tokens: {BATCH}, layout: {{tp: 8, pp: 4, vpp: 2, recompute: full}}}}
"""
    loaded = load_fleet("-", catalog=CATALOG, stdin=text.encode())
    step = evaluate_step(lower(loaded.fleet, loaded.catalog).jobs[0].arrays)
    assumed = {
        name: float(CATALOG.default(f"mfu.{name}").value) for name in ("memory_bound_share", "stage_imbalance_share")
    }
    expected = {
        "ceiling": 794.5 / 989.4,
        "shape": float(CATALOG.default("mfu.shape_share.hopper").value),
        "memory_bound": 1 / (1 + assumed["memory_bound_share"]),
        "recompute": 3 / 4,
        "bubble": 1 / (1 + 3 / (2 * 16)),  # 512 sequences on 32 replicas
        "stage_imbalance": 1 / (1 + assumed["stage_imbalance_share"]),
        "mixed_generations": 1.0,
        "layout_remainder": 1.0,
        "power": 1.0,
    }
    for stage, factor in expected.items():
        assert step.factors[stage] == near(factor), stage
    assert np.isnan(step.factors["tensor_context_expert"])
    assert np.isnan(step.factors["data_parallel"])
    assert np.isnan(step.step_time_s)


# Experts, windows, slices

MIXTRAL = CATALOG.models["mixtral-8x22b"]


def test_experts_are_exchanged_over_the_ranks_that_hold_them():
    # 1,024 GPUs, tp 8, ep 8: 128 ranks on a node each hold the same attention, and as many the same experts.
    dims, ring_s = MIXTRAL, 8.4e-6 + 1.4 * 127 * 14e-6
    attention = 2 * dims.hidden_dim * dims.head_dim * (dims.head_count + dims.kv_head_count)
    shared = (dims.layer_count * attention + 2 * dims.vocabulary_count * dims.hidden_dim) / 8
    routed = dims.layer_count * 3 * dims.hidden_dim * dims.mlp_dim * dims.expert_count / 8
    step = evaluate_step(job(("h100-sxm", 1_024), model="mixtral-8x22b", layout="tp: 8, ep: 8"))
    # FP32 or BF16 gradients, as the profile has them, and BF16 weights
    gradient = float(job(("h100-sxm", 1_024), model="mixtral-8x22b", layout="tp: 8, ep: 8").stack.gradient_byte[0])
    byte_s = 127 / 128 * (gradient + 2) * (shared + routed) / NIC_BYTE_PER_S
    assert step.exchange_s["ring"] == near(2 * 2 * ring_s + byte_s)


def test_experts_held_by_fewer_ranks_are_less_to_exchange():
    pools, mixtral = ("h100-sxm", 1_024), {"model": "mixtral-8x22b"}
    whole, half = (evaluate_step(job(pools, layout=f"tp: 8, ep: {ranks}", **mixtral)) for ranks in (4, 8))
    assert half.exchange_s["ring"] < whole.exchange_s["ring"]


def test_expert_ranks_send_tokens_to_each_other():
    pools, mixtral = ("h100-sxm", 1_024), {"model": "mixtral-8x22b"}
    # Two experts of eight, half of a token's copies on the other one of two ranks; sequence parallel ranks send an
    # eighth each. 4 micro-batches on each of 128 replicas.
    alone_s, two_s = (
        added_s(evaluate_step(job(pools, layout=f"tp: 8, ep: {ranks}", **mixtral)), "tensor_context_expert")
        for ranks in (1, 2)
    )
    sent = 8 * 8_192 * MIXTRAL.hidden_dim / 8 * 2 * 0.5
    assert two_s - alone_s == near(4 * MIXTRAL.layer_count * K["ep_exposed_share"] * sent / H100_BYTE_PER_S, rel=1e-6)


def test_a_dense_model_has_no_use_for_expert_ranks():
    one, eight = (evaluate_step(job(("h100-sxm", 1_024), ep_count=ranks)) for ranks in (1.0, 8.0))
    assert one.step_time_s == near(eight.step_time_s)


WINDOWED = "{hidden_dim: 4096, layer_count: 32, mlp_dim: 14336, gated_mlp: true, head_count: 32, kv_head_count: 8, head_dim: 128, vocabulary_count: 128256"


def test_windows_in_every_layer_count_less_and_take_less():
    pools = ("h100-sxm", 1_024)
    whole = evaluate_step(job(pools, model=WINDOWED + "}"))
    step = evaluate_step(job(pools, model=WINDOWED + ", attention_window_tokens: 1024, window_layer_count: 32}"))
    # A query meets 1,024 keys less those that the start of the sequence lacks.
    counted = EIGHT_B + 6 * 32 * (1_024 * (1 - 1_024 / 16_384)) * 2 * 4_096
    assert step.step_flop == near(counted * BATCH)
    assert whole.step_flop == near((EIGHT_B + 6 * ATTENTION) * BATCH)
    for stage in ("shape", "memory_bound", "tensor_context_expert"):
        assert before_s(step, stage) < before_s(whole, stage)
    assert step.step_time_s < whole.step_time_s
    assert product(step) == near(float(step.step_flop / (step.peak_flop_per_s * step.step_time_s)))


@pytest.mark.parametrize(("chips", "extra"), [(256, 0.0), (512, 1.0), (1_024, 2**1.5)])
def test_slices_cost_their_network_whatever_they_send(chips, extra):
    # A slice of a v5e is 256 chips: the logarithm of their number to the power of 3/2, times a share.
    step = evaluate_step(job(("tpu-v5e", chips), layout="tp: 4"))
    before = step.before_s["data_parallel"]
    expected = (1 + step.data_parallel_s / before) * (1 + K["dcn_share"] * extra)
    assert 1 / step.factors["data_parallel"] == near(float(expected))


def test_tensor_ranks_keep_one_of_the_two_dimensions_of_a_slice():
    # A quarter of the parameters on half of the links, in rings of 64 of 256 chips
    alone, four = (evaluate_step(job(("tpu-v5e", 256), layout=f"tp: {tp}")).exchange_s["torus"] for tp in (1, 4))
    assert four / alone == near((63 / 64 / 4) / (255 / 256) * 2, rel=1e-3)


def test_slices_that_meet_every_few_steps_cost_their_network_as_seldom():
    step = evaluate_step(job(("tpu-v5e", 512), layout="tp: 4", outer_sync_interval_steps=10.0))
    before = step.before_s["data_parallel"]
    expected = (1 + step.data_parallel_s / before) * (1 + K["dcn_share"] / 10)
    assert 1 / step.factors["data_parallel"] == near(float(expected))


def test_llama_3_runs_128_replicas_of_16_micro_batches_on_2048_nodes(llama_3):
    assert llama_3.replica_count == 128
    assert llama_3.micro_batch_count == MICRO_BATCHES
    assert llama_3.node_count == 2_048
    assert llama_3.idle_gpu_count == llama_3.dropped_gpu_count == 0
    assert llama_3.group_rank_count == 128
    assert llama_3.algorithm == "hierarchical"


def test_llama_3_fits_into_memory_as_it_was_run(llama_3):
    assert 0.7 < float(llama_3.memory.use_share[0]) < 1.0


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


def test_a_measured_goodput_takes_the_place_of_the_modelled_one():
    one = job(("h100-sxm", 1_024))
    assert evaluate_step(replace(one, measured={"goodput": np.asarray(0.8)})).factors["goodput"] == 0.8
    assert evaluate_step(one).factors["goodput"] != 0.8


def test_a_share_that_is_not_given_leaves_the_model_alone():
    step = evaluate_step(job(("h100-sxm", 1_024), measured={"bubble": np.asarray(np.nan)}))
    assert step.factors["bubble"] == 1.0
    assert step.measured == frozenset()


# What the attention convention counts

EIGHT_B = 6 * (32 * (2 * 4_096 * 128 * (32 + 8) + 3 * 4_096 * 14_336) + 128_256 * 4_096)
EIGHT_B_STORED = EIGHT_B / 6 + 128_256 * 4_096  # and the embedding
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


def test_the_attention_core_run_again_is_a_loss():
    # One more pass of the fused core for each micro-batch and layer: half the sequence for each query
    step = evaluate_step(job(("h100-sxm", 1_024), recompute_core_share=1.0))
    core_s = 2 * 8_192 * 4_096 * 2 * 4_096 / 8 / (989.4e12 * 0.45 * K["attention_factor"])
    assert added_s(step, "recompute") == near(4 * 32 * core_s)


def test_the_whole_forward_pass_run_again_is_less_than_a_third_of_the_step():
    step = evaluate_step(job(("h100-sxm", 1_024), layout="tp: 8, recompute: full"))
    # Nothing of the head is run again, and no third pass of the core.
    assert 1 / 4 < 1 / step.factors["recompute"] - 1 < 1 / 3
    none = evaluate_step(job(("h100-sxm", 1_024)))
    assert none.factors["recompute"] == 1.0
    assert step.step_time_s > none.step_time_s


# The smallest job there is


def test_one_gpu_without_communication_only_computes_at_the_software_of_its_kind():
    step = evaluate_step(job(("h100-sxm", 1), layout="tp: 1", training="software: immature"))
    for stage in ("recompute", "tensor_context_expert", "bubble", "stage_imbalance", "data_parallel", "jitter"):
        assert step.factors[stage] == 1.0
    assert step.data_parallel_s == 0.0
    assert step.factors["software"] == near(0.63 / (1 + K["fixed_step_s"] / step.before_s["software"]))


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
    one = job(("h100-sxm", 1_024))
    step = evaluate_step(in_two(one, gpu_power_share=[0.5, 2.0]))

    # Half the power leaves 0.5^0.7 of the pace; the mean of both pools is lost to power, the rest to waiting.
    pace = 0.5**0.7
    assert step.factors["power"] == near((1 + pace) / 2)
    assert step.factors["mixed_generations"] == near(2 * pace / (1 + pace))
    uncapped = evaluate_step(one)
    assert step.factors["mixed_generations"] * step.factors["power"] == near(pace)
    assert product(step) > product(uncapped) * pace  # collectives do not slow with the clocks


def test_a_fast_gpu_short_of_power_is_the_slow_one():
    # A GB200 at 0.25^0.7 = 0.379 of its rate is behind an H100.
    step = evaluate_step(job(("h100-sxm", 512), ("gb200-nvl72", 512), gpu_power_share=[np.inf, 0.25]))
    hopper, blackwell = rate("h100-sxm", 1_024), rate("gb200-nvl72", 1_024)
    capped = blackwell * 0.25**0.7
    assert capped < hopper
    assert step.factors["mixed_generations"] == near(2 * capped / (hopper + capped))
    assert step.factors["power"] == near((hopper + capped) / (hopper + blackwell))


def test_pools_in_proportion_to_their_power_lose_only_the_power():
    one = job(("h100-sxm", 1_024), split="proportional", global_batch_tokens=64.0 * BATCH)
    step = evaluate_step(in_two(one, gpu_power_share=[0.5, np.inf]))
    assert step.factors["power"] == near((1 + 0.5**0.7) / 2)
    assert 0.98 < step.factors["mixed_generations"] <= 1.0


def test_without_any_power_a_step_has_no_end_and_power_takes_the_whole_loss():
    step = evaluate_step(job(("h100-sxm", 1_024), gpu_power_share=[0.0]))
    assert step.factors["power"] == 0.0
    assert step.factors["mixed_generations"] == step.factors["layout_remainder"] == 1.0
    assert step.step_time_s == np.inf


def test_the_pool_without_power_stops_those_that_wait_for_it():
    step = evaluate_step(in_two(job(("h100-sxm", 1_024)), gpu_power_share=[0.0, np.inf]))
    assert step.factors["power"] == near(0.5)
    assert step.factors["mixed_generations"] == 0.0
    assert step.step_time_s == np.inf


def test_dropping_the_pool_without_power_trains_on_the_others():
    mixed = job(("h100-sxm", 512), ("h200-sxm", 512), gpu_power_share=[0.0, np.inf], split="drop-slow")
    alone = job(("h200-sxm", 512))
    assert evaluate_step(mixed).step_time_s == near(evaluate_step(alone).step_time_s)


def test_a_limit_that_is_not_known_for_one_pool_slows_none():
    # The power stage says so by being NaN; then no other stage may hold part of it.
    one = job(("h100-sxm", 1_024))
    step, free = evaluate_step(in_two(one, gpu_power_share=[0.5, np.nan])), evaluate_step(one)
    assert np.isnan(step.factors["power"])
    assert step.factors["mixed_generations"] == 1.0
    assert step.step_time_s == near(float(free.step_time_s))


# Leaving slow pools out


def test_a_dropped_pool_idles_and_stays_in_the_denominator():
    step = evaluate_step(job(("h100-sxm", 1_024), ("a100-sxm-80gb", 512), split="drop-slow"))
    # Both as if the whole job, the 1,024 that are kept, were on their kind
    fast, slow = 1_024 * rate("h100-sxm", 1_024), 512 * rate("a100-sxm-80gb", 1_024)
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
    one = in_two(job(("h100-sxm", 128), layout="tp: 8, pp: 4", split="stages"), gpu_count=[96.0, 32.0])
    step = evaluate_step(one)
    assert step.replica_count == 4
    assert step.idle_gpu_count == 0
    assert step.factors["layout_remainder"] == step.factors["mixed_generations"] == 1.0


def test_pools_that_hold_parts_of_replicas_hold_whole_stages():
    # 80 GPUs are two and a half replicas of 32, and 5 times 2 stages of 8.
    halves = in_two(job(("h100-sxm", 160), layout="tp: 8, pp: 4"))
    found = {split: evaluate_step(replace(halves, split=split)) for split in ("equal", "stages")}
    assert {split: float(step.replica_count) for split, step in found.items()} == {"equal": 4.0, "stages": 5.0}
    assert {split: float(step.idle_gpu_count) for split, step in found.items()} == {"equal": 32.0, "stages": 0.0}


def test_gpus_that_fill_no_stage_are_the_remainder():
    # 100 and 36: 4 and 4 are left over.
    one = in_two(job(("h100-sxm", 136), layout="tp: 8, pp: 4", split="stages"), gpu_count=[100.0, 36.0])
    step = evaluate_step(one)
    assert step.replica_count == 4
    assert step.idle_gpu_count == 8
    assert step.factors["layout_remainder"] == near(128 / 136)


def test_stages_of_unequal_speed_hold_layers_by_their_speed():
    # 2 and 2 stages of 32 layers in all: the shortest time in which whole layers add up to them
    layout = "tp: 8, pp: 4"
    step = evaluate_step(job(("h100-sxm", 64), ("gb200-nvl72", 64), layout=layout, split="stages"))
    ratio = rate("gb200-nvl72", 128, layout) / rate("h100-sxm", 128, layout)
    ends = sorted({whole / speed for speed in (1.0, ratio) for whole in range(1, 33)})
    time = next(t for t in ends if 2 * np.floor(t + 1e-9) + 2 * np.floor(t * ratio + 1e-9) >= 32)
    assert 2.0 < ratio < 2.6
    assert step.factors["mixed_generations"] == near(32 / (time * (2 + 2 * ratio)))


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


def test_partitions_share_the_batch_by_their_gpus():
    one = job(("h100-sxm", 768), ("gb200-nvl72", 256))
    parts = partitioned(replace(one, gpu_count=np.array([[768.0, 256.0], [256.0, 256.0], [0.0, 0.0]])))
    assert parts.global_batch_tokens.tolist() == [[0.75 * BATCH, 0.25 * BATCH], [0.5 * BATCH, 0.5 * BATCH], [0.0, 0.0]]
    assert parts.gpu_count.shape == (3, 2, 1)
    assert parts.split == "equal"
    tiny = partitioned(replace(one, gpu_count=np.array([0.25, 0.25])))
    assert tiny.global_batch_tokens.tolist() == [0.5 * BATCH, 0.5 * BATCH]


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    counts=st.tuples(*[st.integers(1, 40)] * 2),
    memory=st.floats(0.3, 4.0),
    rounds=st.integers(1, 40),
)
def test_memory_only_takes_from_what_proportion_gives(counts, memory, rounds):
    pools = [("h100-sxm", 8 * counts[0]), ("gb200-nvl72", 8 * counts[1])]
    mixed = job(*pools, chip={"hbm_byte": [80e9, memory * 80e9]}, global_batch_tokens=8_192.0 * sum(counts) * rounds)
    proportional, capped = (
        evaluate_step(replace(mixed, split=split)).factors["mixed_generations"] for split in ("proportional", "memory")
    )
    assert not capped > proportional


def test_a_fast_gpu_of_no_more_memory_gets_no_more_work():
    pools = [("h100-sxm", 512), ("gb200-nvl72", 512)]
    capped, equal, proportional = (
        evaluate_step(job(*pools, chip={"hbm_byte": [80e9, 80e9]}, split=split)).factors["mixed_generations"]
        for split in ("memory", "equal", "proportional")
    )
    assert capped == near(equal)
    hopper, blackwell = rate("h100-sxm", 1_024), rate("gb200-nvl72", 1_024)
    assert equal == near(2 * hopper / (hopper + blackwell))
    assert proportional > equal


# Collectives


def test_sharded_weights_are_as_exposed_in_few_micro_batches_as_in_many():
    # But for the optimizer, which works once a step
    factors = [
        evaluate_step(job(("h100-sxm", 1_024), zero_stage=3, global_batch_tokens=batch)).factors["data_parallel"]
        for batch in (BATCH, 2.0 * BATCH, 16.0 * BATCH)
    ]
    assert factors == [near(factors[0], rel=1e-3)] * 3
    assert factors[0] < 0.9


def test_gradients_reduced_once_a_step_weigh_less_in_many_micro_batches():
    few, many = (
        evaluate_step(job(("h100-sxm", 1_024), global_batch_tokens=batch)).factors["data_parallel"]
        for batch in (BATCH, 16.0 * BATCH)
    )
    assert many > few


@pytest.mark.parametrize(("tp", "byte_per_s"), [(8, H100_BYTE_PER_S), (16, NIC_BYTE_PER_S)])
@pytest.mark.parametrize(("overlap", "seen"), [(0.0, K["tp_exposed_share"]), (1.0, K["tp_overlapped_share"])])
def test_tensor_ranks_beyond_the_domain_run_on_the_nics(tp, byte_per_s, overlap, seen):
    step = evaluate_step(job(("h100-sxm", 1_024), layout=f"tp: {tp}", stack={"tp_overlap_share": [overlap]}))
    micro = BATCH / 8_192 / (1_024 / tp)
    # Ten passes of a layer with sequence parallelism, each with its start
    pass_s = 2 * 8_192 * 4_096 * (tp - 1) / tp / byte_per_s + 8e-6
    assert added_s(step, "tensor_context_expert") == near(micro * 32 * seen * 10 * pass_s)


@pytest.mark.parametrize(("overlap", "seen"), [(0.0, 1.0), (1.0, K["cp_overlapped_share"])])
def test_context_ranks_gather_keys_and_values(overlap, seen):
    stack = {"tp_overlap_share": [0.0], "cp_overlap_share": [overlap]}
    step = evaluate_step(job(("h100-sxm", 1_024), layout="tp: 4, cp: 2", stack=stack))
    micro = BATCH / 8_192 / 128
    # Keys and values of half the heads' ranks move three times; half of the tokens are on each of two ranks.
    tensor_s = K["tp_exposed_share"] * 10 * (2 * 8_192 * 4_096 / 2 * 3 / 4 / H100_BYTE_PER_S + 8e-6)
    context_s = seen * 3 * (1 / 2 * 2 * 2 * 8_192 * 1_024 / 4 / H100_BYTE_PER_S + 8e-6)
    assert added_s(step, "tensor_context_expert") == near(micro * 32 * (tensor_s + context_s))


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
    step = evaluate_step(job(("h100-sxm", 1_024), chip={"scale_out_byte_per_s": [np.nan]}))
    assert np.isnan(step.factors["data_parallel"])
    assert np.isnan(step.data_parallel_s)
    assert all(np.isnan(seconds) for seconds in step.exchange_s.values())
    # The rest of the step is known, and the exchange counts for nothing.
    known = evaluate_step(job(("h100-sxm", 1_024)))
    assert step.before_s["software"] == near(known.before_s["software"] * known.factors["data_parallel"])
    assert np.isfinite(step.step_time_s)


def test_inside_one_domain_no_nic_is_needed():
    step = evaluate_step(job(("h100-sxm", 8), layout="tp: 1", chip={"scale_out_byte_per_s": [np.nan]}))
    assert step.data_parallel_s > 0.0


def test_context_ranks_reduce_gradients_beside_the_replicas():
    # 64 replicas of 2 context ranks, each on a node with its 8 tensor ranks: 128 ranks of one NIC. 8 tensor ranks share
    # the parameters: 4 bytes of gradient scattered, 2 of weight gathered.
    step = evaluate_step(job(("h100-sxm", 1_024), layout="tp: 8, cp: 2", training="gradient_bytes: 4"))
    latency_s = 2 * (8.4e-6 + 127 * 14e-6 * 1.4)
    bytes_s = 127 / 128 * 6 * EIGHT_B_STORED / 8 / NIC_BYTE_PER_S
    assert step.group_rank_count == 128
    assert step.exchange_s["ring"] == near(latency_s + bytes_s)


def test_state_sharded_over_a_part_of_the_replicas_is_all_reduced_over_the_others():
    # 128 replicas on a node each: shards of 16 in rings, 4 bytes of gradient over 16 in rings of 8 groups
    pools = ("h100-sxm", 1_024)
    part = EIGHT_B_STORED / 8
    inside_s = 2 * (8.4e-6 + 15 * 14e-6 * 1.4) + 15 / 16 * 6 * part / NIC_BYTE_PER_S
    across_s = 8.4e-6 + 2 * 7 * 14e-6 * 1.4 + 2 * 7 / 8 * 4 * part / 16 / NIC_BYTE_PER_S
    hsdp = evaluate_step(job(pools, layout="tp: 8, dp_shard_count: 16", training="gradient_bytes: 4"))
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


def test_the_rings_of_all_stages_of_a_replica_share_the_links_of_a_pod():
    network = "network: {oversubscription_factor: 512, pod_gpu_count: 512}"
    tight, free = (
        evaluate_step(job(("h100-sxm", 1_024), layout="tp: 8, pp: 2", more=more)).exchange_s["ring"]
        for more in (network, "")
    )
    latency_s = 2 * (63 * 14e-6 * 1.4 + 8.4e-6)
    assert tight - latency_s == near(16 * (free - latency_s))


def test_replicas_that_meet_every_few_steps_reduce_what_weights_have_moved():
    # 128 replicas, one byte of 8 tensor ranks' parameters each: an all-reduce in place of a scatter and a gather
    one = job(("h100-sxm", 1_024), more="network: {algorithm: ring}")
    steps = evaluate_step(
        replace(one, outer_sync_interval_steps=np.array([1.0, 50.0]), outer_sync_bits=np.asarray(8.0))
    )
    meeting_s = 2 * 127 * 14e-6 * 1.4 + 8.4e-6 + 2 * 127 / 128 * EIGHT_B_STORED / 8 / NIC_BYTE_PER_S
    assert steps.exchange_s["ring"] == near([float(evaluate_step(one).exchange_s["ring"]), meeting_s])
    assert steps.data_parallel_s[1] == near(meeting_s / 50)


def test_two_replicas_wait_for_each_other_and_one_for_nobody():
    one, two = (float(evaluate_step(job(("h100-sxm", count))).factors["jitter"]) for count in (8, 16))
    assert two < one == 1.0


def test_the_less_often_replicas_meet_the_less_they_wait_for_the_slowest():
    intervals = np.array([1.0, 2.0, 20.0, 200.0])
    found = evaluate_step(job(("h100-sxm", 1_024), outer_sync_interval_steps=intervals)).factors["jitter"]
    assert np.all(np.diff(found) > 0.0)
    assert found[-1] < 1.0


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


def test_a_rack_goes_down_as_a_whole_and_elsewhere_a_host():
    one = job(("gb200-nvl72", 1_152), ("h100-sxm", 64), ("tpu-v5p", 64), layout="tp: 2")
    np.testing.assert_array_equal(stopped_replica_count(one), [36.0, 4.0, 2.0])
    np.testing.assert_array_equal(stopped_replica_count(replace(one, pp_count=np.asarray(8.0))), [4.5, 1.0, 1.0])


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
    used, idle = 1_024 * rate("h100-sxm", 1_024, layout), 15 * rate(gpu, 1_024, layout)
    assert with_it.factors["layout_remainder"] == near(used / (used + idle))
    # Its own pace is in the mean of the stages of the pace, as if it had a part of the job.
    for stage in ("data_parallel", "jitter", "software", "goodput"):
        assert with_it.factors[stage] == near(without.factors[stage]), stage


@pytest.mark.parametrize("split", [name for name in SPLITS if name != "partitions"])
def test_a_pool_of_no_gpus_changes_nothing(split):
    with_it = evaluate_step(job(("h100-sxm", 1_024), ("a100-sxm-80gb", 0), layout="tp: 8, pp: 2", split=split))
    without = evaluate_step(job(("h100-sxm", 1_024), layout="tp: 8, pp: 2", split=split))
    for stage in (*STEP_STAGES, "goodput"):
        assert with_it.factors[stage] == near(without.factors[stage]), stage
    assert with_it.step_time_s == near(without.step_time_s)


# What jobs share


@pytest.mark.parametrize(
    "changes",
    [{"algorithm": "ring"}, {"isolation": "replica"}, {"measured": {"bubble_factor": np.asarray(0.9)}}],
    ids=["algorithm", "isolation", "measured"],
)
def test_jobs_that_differ_in_algorithm_recovery_or_what_was_measured_share_what_is_worked_out(changes):
    one = job(("h100-sxm", 1_024), ("h200-sxm", 1_024))
    other = replace(one, **changes)
    ours, theirs = evaluate_step(other, worked(one)), evaluate_step(other)
    assert float(ours.step_time_s) == float(theirs.step_time_s)
    for name, factor in theirs.factors.items():
        assert np.asarray(ours.factors[name]).tobytes() == np.asarray(factor).tobytes(), name
