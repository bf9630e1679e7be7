"""Laws of the step model on plausible jobs: what multiplies to what, what can only fall, what changes nothing."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.collective import unless_alone_s, wire_s
from colocalc.mfu.exchange import Links
from colocalc.mfu.job import ISOLATIONS, Job, on_job_axis, partitioned
from colocalc.mfu.step import STEP_STAGES, evaluate_step
from colocalc.mfu.waterfall import compose

LAWS = settings(deadline=None, derandomize=True, max_examples=40)
REPLICA_GPUS = 128.0  # tp 8 x pp 8 x cp 2 of the base job
POOL_FIELDS = (
    "gpu_count",
    "peak_flop_per_s",
    "ceiling_share",
    "shape_share",
    "scale_up_byte_per_s",
    "nic_byte_per_s",
    "domain_gpu_count",
    "node_gpu_count",
    "hbm_byte",
    "failures_per_1000_gpu_day",
    "gpu_power_share",
)
LINK_FIELDS = tuple(field.name for field in fields(Links))
WITH_SPLITS = ("equal", "proportional", "memory", "drop-slow")


def _number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


def _pools(low: float, high: float) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*[_number(low, high)] * 3)


# What may differ from the base job, in plausible ranges.
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "gpu_count": st.tuples(*[st.integers(1, 60).map(lambda n: n * REPLICA_GPUS)] * 3),
        "peak_flop_per_s": _pools(3e14, 2.5e15),
        "ceiling_share": _pools(0.6, 0.95),
        "shape_share": _pools(0.5, 1.0),
        "gpu_power_share": _pools(0.5, 1.5),
        "failures_per_1000_gpu_day": _pools(0.0, 0.0) | _pools(1e-6, 3.0),
        "global_batch_tokens": _number(4e6, 2e8),
        "pp_count": st.sampled_from([4.0, 8.0]),
        "vpp_count": st.sampled_from([1.0, 2.0, 5.0]),
        "cp_count": st.sampled_from([1.0, 2.0]),
        "memory_bound_share": _number(0.0, 0.4),
        "stage_imbalance_share": _number(0.0, 0.2),
        "overlap_share": _number(0.0, 0.95),
        "node_sigma_share": _number(0.0, 0.03),
        "software_factor": _number(0.7, 1.0),
        "recompute_full_share": _number(0.0, 1.0),
        "dp_shard_count": st.sampled_from([np.nan, 4.0]),
        "algorithm": st.sampled_from(["auto", "ring", "hierarchical"]),
        "isolation": st.sampled_from(ISOLATIONS),
        "zero_stage": st.sampled_from([0, 1, 3]),
    },
)


def _product(job: Job) -> float:
    # Job MFU: all factors, those that could not be computed counted as one.
    return float(np.prod([np.where(np.isnan(value), 1.0, value) for value in evaluate_step(job).factors.values()]))


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
    "memory_bound_share": _number(0.0, 0.4),
    "stage_imbalance_share": _number(0.0, 0.2),
    "node_sigma_share": _number(0.0, 0.03),
    "restart_s": _number(0.0, 1_200.0),
    "replica_stall_s": _number(0.0, 600.0),
    "hot_spare_stall_s": _number(0.0, 600.0),
    "failures_per_1000_gpu_day": st.just(0.0) | _number(1e-6, 3.0),
    "oversubscription_factor": _number(1.0, 8.0),
    "recompute_full_share": _number(0.0, 1.0),
    "schedule_factor": _number(0.0, 1.0),
    "gradient_bytes": _number(1.0, 4.0),
    "activation_bytes": _number(1.0, 4.0),
}
BETTER = {
    "overlap_share": _number(0.0, 1.0),
    "gpu_power_share": _number(0.3, 1.5),
    "software_factor": _number(0.5, 1.0),
    "nic_byte_per_s": _number(1e10, 2e11),
    "scale_up_byte_per_s": _number(2e11, 2e12),
    "scale_out_efficiency_share": _number(0.3, 1.0),
    "vpp_count": _number(1.0, 8.0),
}


@pytest.mark.parametrize("name", WORSE)
@settings(LAWS, max_examples=25)
@given(data=st.data(), changes=CHANGES)
def test_mfu_never_rises_with(make_job, name, data, changes):
    low, high = sorted((data.draw(WORSE[name]), data.draw(WORSE[name])))
    little, much = (_product(make_job(**changes | {name: value})) for value in (low, high))
    assert much <= little * (1.0 + 1e-9)


@pytest.mark.parametrize("name", BETTER)
@settings(LAWS, max_examples=25)
@given(data=st.data(), changes=CHANGES)
def test_mfu_never_falls_with(make_job, name, data, changes):
    low, high = sorted((data.draw(BETTER[name]), data.draw(BETTER[name])))
    little, much = (_product(make_job(**changes | {name: value})) for value in (low, high))
    assert much >= little * (1.0 - 1e-9)


@pytest.mark.parametrize(
    "hop", ["ring_intra_hop_s", "ring_inter_hop_s", "ring_base_s", "ring_plateau_factor", "tree_inter_hop_s"]
)
@settings(LAWS, max_examples=25)
@given(changes=CHANGES, scale=_number(1.0, 30.0))
def test_mfu_never_rises_with_the_latency_of(make_job, hop, changes, scale):
    job = make_job(**changes)
    slower = replace(job, links=replace(job.links, **{hop: getattr(job.links, hop) * scale}))
    assert _product(slower) <= _product(job) * (1.0 + 1e-9)


def test_each_loss_is_seen_in_its_own_stage(make_job):
    base = evaluate_step(make_job()).factors
    stages = {
        "memory_bound_share": "memory_bound",
        "stage_imbalance_share": "stage_imbalance",
        "node_sigma_share": "jitter",
        "failures_per_1000_gpu_day": "goodput",
        "recompute_full_share": "recompute",
    }
    for name, stage in stages.items():
        changed = evaluate_step(make_job(**{name: 1.0})).factors
        assert changed[stage] < base[stage]


# What changes nothing


@LAWS
@given(changes=CHANGES, part=st.integers(1, 31))
def test_splitting_a_pool_changes_nothing(make_job, changes, part):
    one = make_job(**changes | {"gpu_count": (32 * REPLICA_GPUS, 8 * REPLICA_GPUS, 4 * REPLICA_GPUS)})
    pools = {name: getattr(one, name) for name in POOL_FIELDS}
    halves = {name: np.concatenate([value[:1], value]) for name, value in pools.items()}
    halves["gpu_count"][:2] = part * REPLICA_GPUS, (32 - part) * REPLICA_GPUS
    _same_step(evaluate_step(replace(one, **halves)), evaluate_step(one))


@LAWS
@given(changes=CHANGES)
def test_the_order_of_pools_changes_nothing(make_job, changes):
    job = make_job(**changes)
    turned = replace(job, **{name: np.flip(getattr(job, name)) for name in POOL_FIELDS})
    _same_step(evaluate_step(turned), evaluate_step(job))


@LAWS
@given(changes=CHANGES, scale=_number(0.1, 10.0))
def test_a_unit_of_compute_leaves_what_does_not_communicate(make_job, changes, scale):
    job = make_job(**changes)
    before = evaluate_step(job).factors
    after = evaluate_step(replace(job, peak_flop_per_s=job.peak_flop_per_s * scale)).factors
    communicating = {"tensor_context_expert", "data_parallel"}
    for name in set(before) - communicating:
        assert after[name] == pytest.approx(before[name], rel=1e-9), name


@LAWS
@given(changes=CHANGES, scale=_number(0.1, 10.0))
def test_a_faster_clock_for_everything_only_shortens_the_step(make_job, changes, scale):
    job = make_job(**changes)
    seconds = [name for name in LINK_FIELDS if name.endswith("_s") and not name.endswith("_per_s")]
    rates = [name for name in LINK_FIELDS if name.endswith("_per_s")]
    links = replace(
        job.links,
        **{name: getattr(job.links, name) / scale for name in seconds},
        **{name: getattr(job.links, name) * scale for name in rates},
    )
    faster = replace(
        job,
        links=links,
        **{name: getattr(job, name) * scale for name in ("peak_flop_per_s", "scale_up_byte_per_s", "nic_byte_per_s")},
    )
    before, after = evaluate_step(job), evaluate_step(faster)
    assert after.step_time_s == pytest.approx(before.step_time_s / scale, rel=1e-9)
    for name in STEP_STAGES:
        assert after.factors[name] == pytest.approx(before.factors[name], rel=1e-9), name


@LAWS
@given(changes=CHANGES)
def test_partitions_of_one_pool_are_an_equal_split(make_job, changes):
    three = make_job(**changes)
    one = replace(three, **{name: getattr(three, name)[:1] for name in POOL_FIELDS})
    _same_step(evaluate_step(partitioned(replace(one, split="partitions"))), evaluate_step(on_job_axis(one)))


@LAWS
@given(changes=CHANGES)
def test_a_job_axis_of_one_changes_nothing(make_job, changes):
    job = make_job(**changes)
    _same_step(evaluate_step(on_job_axis(job)), evaluate_step(job), axis=True)


def test_partitions_of_pools_that_are_alike_have_the_same_mfu(make_job):
    job = make_job()
    job = replace(job, **{name: np.repeat(getattr(job, name)[:1], 2) for name in POOL_FIELDS})
    step = evaluate_step(partitioned(job))
    assert step.step_time_s[0] == pytest.approx(step.step_time_s[1], rel=1e-12)
    assert step.global_batch_tokens.sum() == pytest.approx(float(evaluate_step(job).global_batch_tokens), rel=0.05)


@LAWS
@given(changes=CHANGES)
def test_pools_without_gpus_change_nothing(make_job, changes):
    job = make_job(**changes)
    more = {name: np.append(getattr(job, name), getattr(job, name)[0] * 0.5) for name in POOL_FIELDS}
    more["gpu_count"][-1] = 0.0
    _same_step(evaluate_step(replace(job, **more)), evaluate_step(job))


# Splits of mixed pools


@LAWS
@given(changes=CHANGES)
def test_leaving_slow_pools_out_is_never_worse_for_mixing(make_job, changes):
    equal, kept = (evaluate_step(make_job(**changes, split=split)).factors for split in ("equal", "drop-slow"))
    assert kept["mixed_generations"] >= equal["mixed_generations"] * (1.0 - 1e-12)


@LAWS
@given(changes=CHANGES, rate=_number(3e14, 2e15))
def test_pools_of_one_speed_lose_nothing_to_mixing(make_job, changes, rate):
    alike = {"peak_flop_per_s": rate, "ceiling_share": 0.8, "shape_share": 0.7, "gpu_power_share": 0.9}
    factors = evaluate_step(make_job(**changes | alike)).factors
    assert factors["mixed_generations"] == pytest.approx(1.0, rel=1e-12)


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


def _same_step(found, expected, *, axis=False):
    assert found.algorithm == expected.algorithm
    for field in fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        pairs = [(one[name], other[name]) for name in other] if isinstance(other, dict) else [(one, other)]
        for value, wanted in pairs:
            if isinstance(wanted, np.ndarray | np.floating):
                number = np.asarray(value)[..., 0] if axis and np.ndim(value) > np.ndim(wanted) else value
                np.testing.assert_allclose(number, wanted, rtol=1e-9, atol=1e-12, err_msg=field.name)
