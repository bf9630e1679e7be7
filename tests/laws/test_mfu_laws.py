"""Laws of the step model on plausible jobs: what multiplies to what, what can only fall, what changes nothing."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.collective import unless_alone_s, wire_s
from colocalc.mfu.job import ISOLATIONS, Job, each, on_job_axis, partitioned
from colocalc.mfu.pace import PACE_STAGES
from colocalc.mfu.step import STEP_STAGES, evaluate_step
from colocalc.mfu.waterfall import compose

LAWS = settings(deadline=None, derandomize=True, max_examples=40)
REPLICA_GPUS = 128.0  # tp 8 x pp 8 x cp 2 of the base job
POOL_FIELDS = ("gpu_count", "shape_share", "failures_per_1000_gpu_day", "gpu_power_share", "smoothing_factor")
POOL_PARTS = ("chip", "stack")
WITH_SPLITS = ("equal", "proportional", "memory", "drop-slow")


def _number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


def _pools(low: float, high: float) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*[_number(low, high)] * 3)


def _flag() -> st.SearchStrategy[float]:
    return st.sampled_from([0.0, 1.0])


def _some(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies)


# Chips from an A100 to two Blackwells: the peaks of both precisions rise together, and no attention kernel is faster
# than the best product.
CHIPS = st.tuples(_pools(3e14, 2.5e15), _pools(0.6, 0.95), _pools(0.3, 0.4)).map(
    lambda parts: {
        "peak_flop_per_s": parts[0],
        "bf16_flop_per_s": parts[0],
        "ceiling_share": parts[1],
        "bf16_ceiling_share": parts[1],
        "attention_share": parts[2],
    }
) | _some(
    hbm_byte_per_s=_pools(1e12, 8e12),
    scale_up_byte_per_s=_pools(2e11, 1.8e12),
    scale_out_byte_per_s=_pools(1e10, 2e11),
    domain_gpu_count=st.sampled_from([8.0, (8.0, 8.0, 72.0), 16.0]),
)
STACKS = _some(
    tp_overlap_share=_flag(),
    cp_overlap_share=_flag(),
    pp_overlap_share=_flag(),
    dp_overlap_share=_flag(),
    tuned_share=_flag(),
    fsdp_share=_flag(),
    flash_share=_flag(),
    gradient_byte=st.sampled_from([2.0, 4.0]),
    age_months=st.just(np.inf) | _pools(0.0, 60.0),
)
# Whole jobs: what may differ from the base job, in plausible ranges.
CHANGES = _some(
    model=st.sampled_from(["dense", "experts"]),
    chip=CHIPS,
    stack=STACKS,
    dimensions=_some(window_tokens=st.just(1_024.0), window_layer_share=st.sampled_from([0.5, 1.0])),
    gpu_count=st.tuples(*[st.integers(1, 60).map(lambda n: n * REPLICA_GPUS)] * 3),
    gpu_power_share=_pools(0.5, 1.5),
    smoothing_factor=_pools(0.9, 1.0),
    failures_per_1000_gpu_day=_pools(0.0, 0.0) | _pools(1e-6, 3.0),
    global_batch_tokens=_number(4e6, 2e8),
    pp_count=st.sampled_from([4.0, 8.0]),
    vpp_count=st.sampled_from([1.0, 2.0, 5.0]),
    cp_count=st.sampled_from([1.0, 2.0]),
    ep_count=st.sampled_from([1.0, 4.0, 16.0]),
    schedule_factor=st.sampled_from([0.0, 1.0 / 3.0, 1.0]),
    sequence_parallel_share=_flag(),
    software_factor=_number(0.7, 1.0),
    recompute_layer_share=_number(0.0, 1.0),
    recompute_core_share=_flag(),
    dp_shard_count=st.sampled_from([np.nan, 4.0]),
    outer_sync_interval_steps=st.sampled_from([1.0, 30.0]),
    algorithm=st.sampled_from(["auto", "ring", "hierarchical"]),
    isolation=st.sampled_from(ISOLATIONS),
    zero_stage=st.sampled_from([0, 1, 3]),
)


def _product(job: Job) -> float:
    # Job MFU: all factors, those that could not be computed counted as one.
    return float(np.prod([np.where(np.isnan(value), 1.0, value) for value in evaluate_step(job).factors.values()]))


def _with(job: Job, part: str, **changes: Any) -> Job:
    record = getattr(job, part)
    alike = {name: np.broadcast_to(value, np.shape(getattr(record, name))) for name, value in changes.items()}
    return replace(job, **{part: replace(record, **alike)})


def _on_pools(job: Job, change: Callable[[np.ndarray], np.ndarray]) -> Job:
    """The job with its pools chosen, repeated or turned."""
    changes = {name: change(getattr(job, name)) for name in POOL_FIELDS}
    return replace(job, **changes, **{name: each(getattr(job, name), change) for name in POOL_PARTS})


# Identities


@LAWS
@given(changes=CHANGES, split=st.sampled_from(WITH_SPLITS))
def test_the_factors_of_a_step_multiply_to_its_mfu(make_job, changes, split):
    step = evaluate_step(make_job(**changes, split=split))
    product = np.prod([step.factors[name] for name in STEP_STAGES])
    assert product == pytest.approx(step.step_flop / (step.peak_flop_per_s * step.step_time_s), rel=1e-12)


@LAWS
@given(changes=CHANGES, split=st.sampled_from(WITH_SPLITS))
def test_no_factor_is_a_gain_and_none_is_negative(make_job, changes, split):
    factors = evaluate_step(make_job(**changes, split=split)).factors
    assert set(factors) == {*STEP_STAGES, "goodput"}
    assert all(0.0 < value <= 1.0 + 1e-12 for name, value in factors.items() if name != "goodput")
    assert 0.0 <= factors["goodput"] <= 1.0


@LAWS
@given(changes=CHANGES)
def test_every_collective_takes_time_or_does_not_exist(make_job, changes):
    times = evaluate_step(make_job(**changes)).exchange_s
    assert all(np.isnan(time) or time > 0.0 for time in times.values())


@LAWS
@given(changes=CHANGES)
def test_the_algorithm_chosen_freely_is_the_fastest(make_job, changes):
    forced = [
        evaluate_step(make_job(**changes | {"algorithm": name})) for name in ("ring", "hierarchical", "in-network")
    ]
    free = evaluate_step(make_job(**changes | {"algorithm": "auto"}))
    assert all(free.step_time_s <= step.step_time_s * (1.0 + 1e-12) for step in forced)
    assert free.exchange_s[free.algorithm] == np.nanmin(list(free.exchange_s.values()))


# What can only fall

WORSE = {
    "restart_s": _number(0.0, 1_200.0),
    "replica_stall_s": _number(0.0, 600.0),
    "hot_spare_stall_s": _number(0.0, 600.0),
    "failures_per_1000_gpu_day": st.just(0.0) | _number(1e-6, 3.0),
    "oversubscription_factor": _number(1.0, 8.0),
    "recompute_layer_share": _number(0.0, 1.0),
    "recompute_core_share": _number(0.0, 1.0),
    "schedule_factor": _number(0.0, 1.0),
    "model_error_factor": _number(0.8, 1.5),
    "stack.gradient_byte": _number(1.0, 4.0),
    "stack.loss_byte": _number(10.0, 40.0),
    "constants.scale_loss_share": _number(0.0, 0.1),
    "constants.persistent_share": _number(0.0, 1.0),
    "constants.maturity_share": _number(0.0, 0.4),
    "constants.fixed_step_s": _number(0.0, 1.0),
    "constants.tp_exposed_share": _number(0.35, 1.0),
    "constants.expert_layer_s": _number(0.0, 2e-3),
}
BETTER = {
    "gpu_power_share": _number(0.3, 1.5),
    "software_factor": _number(0.5, 1.0),
    "stack.tp_overlap_share": _flag(),
    "stack.cp_overlap_share": _flag(),
    "stack.tuned_share": _flag(),
    "stack.age_months": _number(0.0, 60.0),
    "chip.scale_out_byte_per_s": _number(1e10, 2e11),
    "chip.scale_up_byte_per_s": _number(2e11, 2e12),
    "constants.scale_up_share": _number(0.3, 1.0),
    "constants.scale_out_share": _number(0.3, 1.0),
    "constants.dp_window_share": _number(0.0, 1.0),
}


def _valued(job: Job, name: str, value: float) -> Job:
    part, _, field = name.rpartition(".")
    if part:
        return _with(job, part, **{field: value})
    return replace(job, **{field: np.broadcast_to(value, np.shape(getattr(job, field)))})


@pytest.mark.parametrize("name", WORSE)
@settings(LAWS, max_examples=25)
@given(data=st.data(), changes=CHANGES)
def test_mfu_never_rises_with(make_job, name, data, changes):
    low, high = sorted((data.draw(WORSE[name]), data.draw(WORSE[name])))
    little, much = (_product(_valued(make_job(**changes), name, value)) for value in (low, high))
    assert much <= little * (1.0 + 1e-9)


@pytest.mark.parametrize("name", BETTER)
@settings(LAWS, max_examples=25)
@given(data=st.data(), changes=CHANGES)
def test_mfu_never_falls_with(make_job, name, data, changes):
    low, high = sorted((data.draw(BETTER[name]), data.draw(BETTER[name])))
    little, much = (_product(_valued(make_job(**changes), name, value)) for value in (low, high))
    assert much >= little * (1.0 - 1e-9)


@LAWS
@given(changes=CHANGES)
def test_running_the_exchange_behind_compute_never_hurts(make_job, changes):
    job = make_job(**changes)
    behind, after = (_product(_with(job, "stack", dp_overlap_share=share)) for share in (1.0, 0.0))
    assert behind >= after * (1.0 - 1e-12)


@LAWS
@given(changes=CHANGES)
def test_sending_to_the_next_stage_behind_compute_never_hurts_a_full_pipeline(make_job, changes):
    # What is hidden in each micro-batch shows once at fill and drain, so there have to be more of them than stages.
    job = make_job(**changes | {"global_batch_tokens": 2e8})
    behind, after = (_product(_with(job, "stack", pp_overlap_share=share)) for share in (1.0, 0.0))
    assert behind >= after * (1.0 - 1e-12)


@pytest.mark.parametrize(
    "hop", ["ring_intra_hop_s", "ring_inter_hop_s", "ring_base_s", "ring_plateau_factor", "tree_inter_hop_s"]
)
@settings(LAWS, max_examples=25)
@given(changes=CHANGES, scale=_number(1.0, 30.0))
def test_mfu_never_rises_with_the_latency_of(make_job, hop, changes, scale):
    job = make_job(**changes)
    slower = replace(job, links=replace(job.links, **{hop: getattr(job.links, hop) * scale}))
    assert _product(slower) <= _product(job) * (1.0 + 1e-9)


@pytest.mark.parametrize("kind", ["memory_bound_share", "stage_imbalance_share"])
@settings(LAWS, max_examples=25)
@given(shares=st.tuples(_number(0.0, 0.5), _number(0.0, 0.5)), pipeline=st.sampled_from([1.0, 8.0]))
def test_without_a_model_mfu_never_rises_with_what_is_assumed(make_job, kind, shares, pipeline):
    little, much = (_product(make_job(model="none", pp_count=pipeline, **{kind: share})) for share in sorted(shares))
    assert much <= little


def test_each_loss_is_seen_in_its_own_stage(make_job):
    base = evaluate_step(make_job()).factors
    stages = {
        "constants.scale_loss_share": "jitter",
        "constants.maturity_share": "software",
        "constants.tp_exposed_share": "tensor_context_expert",
        "constants.shape_factor": "shape",
        "constants.elementwise_factor": "memory_bound",
        "stack.gradient_byte": "data_parallel",
        "failures_per_1000_gpu_day": "goodput",
        "recompute_layer_share": "recompute",
        "model_error_factor": "software",
        "schedule_factor": "bubble",
    }
    for name, stage in stages.items():
        changed = evaluate_step(_valued(make_job(), name, 8.0)).factors
        assert changed[stage] < base[stage], name


# What changes nothing


@LAWS
@given(changes=CHANGES, part=st.integers(1, 31), split=st.sampled_from(WITH_SPLITS))
def test_splitting_a_pool_changes_nothing(make_job, changes, part, split):
    counts = (32 * REPLICA_GPUS, 8 * REPLICA_GPUS, 4 * REPLICA_GPUS)
    one = make_job(**changes | {"gpu_count": counts, "split": split})
    halves = _on_pools(one, lambda values: np.concatenate([values[:1], values]))
    halves.gpu_count[:2] = part * REPLICA_GPUS, (32 - part) * REPLICA_GPUS
    _same_step(evaluate_step(halves), evaluate_step(one), of_pools=False)


@LAWS
@given(changes=CHANGES)
def test_the_order_of_pools_changes_nothing(make_job, changes):
    job = make_job(**changes)
    _same_step(evaluate_step(_on_pools(job, np.flip)), evaluate_step(job), of_pools=False)


@LAWS
@given(changes=CHANGES, scale=_number(0.1, 10.0))
def test_a_unit_of_compute_leaves_what_does_not_communicate(make_job, changes, scale):
    # Products and HBM in another unit, and with them the times of what is fixed.
    job = _with(make_job(**changes), "constants", fixed_step_s=0.0)
    before = evaluate_step(job).factors
    rates = ("peak_flop_per_s", "bf16_flop_per_s", "hbm_byte_per_s")
    after = evaluate_step(_with(job, "chip", **{name: getattr(job.chip, name) * scale for name in rates})).factors
    for name in ("ceiling", "shape", "memory_bound", "recompute", "layout_remainder", "jitter", "goodput"):
        assert after[name] == pytest.approx(before[name], rel=1e-9), name


# Starts of collectives and sends are constants of the code, and cannot be scaled from outside: one rank of each kind.
NO_STARTS = {"tp_count": 1.0, "pp_count": 1.0, "vpp_count": 1.0, "cp_count": 1.0}


@LAWS
@given(changes=CHANGES, scale=_number(0.1, 10.0))
def test_a_faster_clock_for_everything_only_shortens_the_step(make_job, changes, scale):
    job = make_job(**changes | NO_STARTS)
    seconds = [field.name for field in fields(job.links) if field.name.endswith("_s") and "_per_s" not in field.name]
    rates = [field.name for field in fields(job.links) if field.name.endswith("_per_s")]
    links = replace(
        job.links,
        **{name: getattr(job.links, name) / scale for name in seconds},
        **{name: getattr(job.links, name) * scale for name in rates},
    )
    chip = [field.name for field in fields(job.chip) if field.name.endswith("_per_s")]
    fixed = ("fixed_step_s", "expert_layer_s")
    faster = _with(
        _with(replace(job, links=links), "chip", **{name: getattr(job.chip, name) * scale for name in chip}),
        "constants",
        **{name: getattr(job.constants, name) / scale for name in fixed},
    )
    before, after = evaluate_step(job), evaluate_step(faster)
    assert after.step_time_s == pytest.approx(before.step_time_s / scale, rel=1e-9)
    for name in STEP_STAGES:
        assert after.factors[name] == pytest.approx(before.factors[name], rel=1e-9), name


@LAWS
@given(changes=CHANGES)
def test_partitions_of_one_pool_are_an_equal_split(make_job, changes):
    one = _on_pools(make_job(**changes), lambda values: values[:1])
    _same_step(evaluate_step(partitioned(replace(one, split="partitions"))), evaluate_step(on_job_axis(one)))


@LAWS
@given(changes=CHANGES)
def test_a_job_axis_of_one_changes_nothing(make_job, changes):
    job = make_job(**changes)
    _same_step(evaluate_step(on_job_axis(job)), evaluate_step(job), axis=True)


def test_partitions_of_pools_that_are_alike_have_the_same_mfu(make_job):
    job = _on_pools(make_job(), lambda values: np.repeat(values[:1], 2))
    step = evaluate_step(partitioned(job))
    assert step.step_time_s[0] == pytest.approx(step.step_time_s[1], rel=1e-12)
    assert step.global_batch_tokens.sum() == pytest.approx(float(evaluate_step(job).global_batch_tokens), rel=0.05)


@LAWS
@given(changes=CHANGES)
def test_pools_without_gpus_change_nothing(make_job, changes):
    job = make_job(**changes)
    more = _on_pools(job, lambda values: np.append(values, values[0] * 0.5))
    more.gpu_count[-1] = 0.0
    _same_step(evaluate_step(more), evaluate_step(job), of_pools=False)


# Splits of mixed pools


@LAWS
@given(changes=CHANGES)
def test_leaving_slow_pools_out_never_makes_a_job_slower(make_job, changes):
    # Fewer replicas get more micro-batches each, so the pace of the pools moves with the split: both count together.
    equal, kept = (evaluate_step(make_job(**changes, split=split)).factors for split in ("equal", "drop-slow"))
    through = (*PACE_STAGES, "mixed_generations")
    assert np.prod([kept[name] for name in through]) >= np.prod([equal[name] for name in through]) * (1.0 - 1e-12)


@LAWS
@given(changes=CHANGES, pool=st.integers(0, 2))
def test_pools_of_one_speed_lose_nothing_to_mixing(make_job, changes, pool):
    job = make_job(**changes)
    alike = _on_pools(job, lambda values: np.repeat(values[pool : pool + 1], 3))
    alike = replace(alike, gpu_count=job.gpu_count)
    assert evaluate_step(alike).factors["mixed_generations"] == pytest.approx(1.0, rel=1e-12)


@LAWS
@given(changes=CHANGES)
def test_an_equal_split_runs_at_the_pace_of_the_slowest_pool(make_job, changes):
    # Nothing to exchange, and no host to wait for: the same replicas and batch on GPUs of each pool alone.
    no_wait = {"scale_loss_share": 0.0, "maturity_share": 0.0}
    free = dict.fromkeys(("ring_intra_hop_s", "ring_inter_hop_s", "ring_base_s"), 0.0)
    base = changes | {
        "constants": no_wait,
        "links": free,
        "algorithm": "ring",
        "gpu_power_share": np.inf,
        "smoothing_factor": 1.0,
    }
    base["chip"] = base.get("chip", {}) | {"scale_out_byte_per_s": 1e30, "scale_up_byte_per_s": 1e30}
    mixed = make_job(**base | {"zero_stage": 1, "dp_shard_count": np.nan})
    total = float(np.sum(mixed.gpu_count))
    alone = []
    for pool in range(3):
        one = _on_pools(mixed, lambda values, pool=pool: values[pool : pool + 1])
        alone.append(float(evaluate_step(replace(one, gpu_count=np.array([total]))).step_time_s))
    assert evaluate_step(mixed).step_time_s == pytest.approx(max(alone), rel=1e-9)


@LAWS
@given(changes=CHANGES)
def test_work_in_proportion_is_never_slower_where_micro_batches_are_many(make_job, changes):
    equal, proportional = (
        evaluate_step(make_job(**changes | {"split": split, "global_batch_tokens": 1e10})).step_time_s
        for split in ("equal", "proportional")
    )
    assert proportional <= equal * (1.0 + 1e-2)


# Measured beats modelled


@pytest.mark.parametrize("stage", [*STEP_STAGES, "goodput"])
@settings(LAWS, max_examples=10)
@given(changes=CHANGES, share=_number(0.05, 1.0))
def test_a_measured_factor_replaces_the_modelled_one_exactly(make_job, stage, changes, share):
    step = evaluate_step(make_job(**changes, measured={stage: share}))
    assert step.factors[stage] == share
    assert step.measured == {stage}
    product = np.prod([step.factors[name] for name in STEP_STAGES])
    assert product == pytest.approx(step.step_flop / (step.peak_flop_per_s * step.step_time_s), rel=1e-12)


@LAWS
@given(changes=CHANGES, stage=st.sampled_from(STEP_STAGES))
def test_measuring_what_was_modelled_changes_nothing(make_job, changes, stage):
    modelled = evaluate_step(make_job(**changes))
    measured = evaluate_step(make_job(**changes, measured={stage: modelled.factors[stage]}))
    assert measured.step_time_s == pytest.approx(modelled.step_time_s, rel=1e-12)


# Waterfall

FACTORS = st.lists(_number(0.05, 1.0), min_size=14, max_size=14)


def _composed(columns: list[list[float]], peaks: list[float], allocation: float, outside: float):
    names = (*STEP_STAGES, "goodput")
    return compose(
        factors={name: np.array([column[place] for column in columns]) for place, name in enumerate(names)},
        peak_flop_per_s=np.array(peaks),
        allocation_share=allocation,
        fleet_peak_flop_per_s=sum(peaks) + outside,
    )


@LAWS
@given(columns=st.lists(FACTORS, min_size=1, max_size=4), allocation=_number(0.1, 1.0), outside=_number(0.0, 1e18))
def test_a_waterfall_multiplies_to_the_mfu_of_the_fleet(columns, allocation, outside):
    peaks = [1e18 * (place + 1) for place in range(len(columns))]
    found = _composed(columns, peaks, allocation, outside)
    assert np.prod(list(found.factors.values())) == pytest.approx(float(found.fleet_share), rel=1e-12)
    delivered = sum(peak * np.prod(column) for peak, column in zip(peaks, columns, strict=True))
    assert found.fleet_share == pytest.approx(delivered * allocation / (sum(peaks) + outside), rel=1e-12)
    assert all(value <= 1.0 + 1e-12 for value in found.factors.values())
    assert list(found.factors)[-1] == "allocation"


@LAWS
@given(columns=st.lists(FACTORS, min_size=1, max_size=4))
def test_the_parts_of_the_loss_add_up_to_all_of_it(columns):
    found = _composed(columns, [1e18] * len(columns), 0.9, 0.0)
    assert sum(found.log_share.values()) == pytest.approx(1.0, rel=1e-9)


@LAWS
@given(column=FACTORS, jobs=st.integers(1, 4))
def test_jobs_that_are_alike_have_the_factors_of_any_of_them(column, jobs):
    one, several = (_composed([column] * count, [1e18] * count, 0.9, 0.0) for count in (1, jobs))
    for name, value in zip((*STEP_STAGES, "goodput", "allocation"), (*column, 0.9), strict=True):
        assert one.factors[name] == pytest.approx(value, rel=1e-12)
        assert several.factors[name] == pytest.approx(value, rel=1e-12)


def test_a_fleet_without_losses_has_no_parts_of_a_loss():
    found = _composed([[1.0] * 14], [1e18], 1.0, 0.0)
    assert set(found.log_share.values()) == {0.0}
    assert found.fleet_share == 1.0


# Primitives shared by the collectives


@pytest.mark.parametrize("seconds", [0.0, 5.0, np.inf, np.nan])
def test_one_rank_needs_no_time_whatever_it_would_take(seconds):
    assert unless_alone_s(rank_count=1.0, time_s=seconds) == 0.0


def test_ranks_that_are_unknown_need_an_unknown_time():
    assert np.isnan(unless_alone_s(rank_count=np.nan, time_s=1.0))


@pytest.mark.parametrize("limit", [{"rank_count": 1.0}, {"message_byte": 0.0}, {"link_byte_per_s": np.inf}])
def test_nothing_to_send_or_nobody_to_send_it_to_takes_no_time(limit):
    assert wire_s(**{"rank_count": 8.0, "message_byte": 1e9, "link_byte_per_s": 5e10} | limit) == 0.0


def _same_step(found, expected, *, axis=False, of_pools=True):
    """The same step; what it says of each pool only where the pools are the same."""
    assert found.algorithm == expected.algorithm
    for field in fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        pairs = [(one[name], other[name]) for name in other] if isinstance(other, dict) else [(one, other)]
        for value, wanted in pairs:
            if isinstance(wanted, np.ndarray | np.floating):
                number = np.asarray(value)[..., 0] if axis and np.ndim(value) > np.ndim(wanted) else value
                np.testing.assert_allclose(number, wanted, rtol=1e-9, atol=1e-12, err_msg=field.name)
    if of_pools:
        np.testing.assert_allclose(np.ravel(found.memory.total_byte), np.ravel(expected.memory.total_byte), rtol=1e-9)
