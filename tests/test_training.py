"""Training evaluated: alternatives side by side, partitions, several jobs, and power on each site."""

from dataclasses import replace

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.loading import load_fleet
from colocalc.report.views.waterfall import warnings
from colocalc.study.training import (
    alternatives,
    evaluate_training,
    gpu_power_share,
    power_readings,
    smoothing_rows,
)

MODEL = "model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304"
TRAINING = f"training: {{{MODEL}, layout: {{tp: 8}}}}"
MIXED = "pools: [{name: h, gpu: h100-sxm, count: 1_024}, {name: g, gpu: gb200-nvl72, count: 512, counted_as: gpu}]"
H100 = "pools: [{name: h, gpu: h100-sxm, count: 1_024}]"
SMALL = MODEL.replace("4_194_304", "2_097_152")
H, G = 794.5, 1_822.0  # best matrix products; shapes are alike


def side_by_side(fleet):
    return alternatives(fleet, evaluate_training(fleet))


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def trained(*lines):
    return evaluate_training(case(*lines))


def near(value):
    return pytest.approx(value, rel=1e-9)


def test_a_fleet_that_trains_nothing_has_no_result():
    assert trained(H100) is None


# Alternatives


def test_each_choice_is_made_otherwise_one_at_a_time():
    found = list(side_by_side(case(MIXED, TRAINING)))
    assert [(each.kind, each.name) for each in found] == [
        ("split", "equal"),
        ("split", "proportional"),
        ("split", "memory"),
        ("split", "stages"),
        ("split", "partitions"),
        ("split", "drop-slow"),
        ("algorithm", "ring"),
        ("algorithm", "tree"),
        ("algorithm", "hierarchical"),
        ("algorithm", "in-network"),
        ("algorithm", "torus"),
        ("algorithm", "pat"),
        ("isolation", "job"),
        ("isolation", "replica"),
        ("isolation", "hot-spare"),
    ]


@pytest.mark.parametrize(
    ("algorithm", "chosen"),
    [("auto", ["equal", "job"]), ("ring", ["equal", "ring", "job"]), ("pat", ["equal", "pat", "job"])],
)
def test_one_choice_of_each_kind_is_the_fleets_own_unless_it_is_left_open(algorithm, chosen):
    found = side_by_side(case(MIXED, TRAINING, f"network: {{algorithm: {algorithm}}}"))
    assert [each.name for each in found if each.chosen] == chosen


def test_the_choice_made_is_the_fleet_as_it_is():
    own = case(MIXED, TRAINING, "network: {algorithm: ring}")
    share = evaluate_training(own).waterfall.fleet_share
    chosen = [each for each in side_by_side(own) if each.chosen]
    assert [each.result.waterfall.fleet_share for each in chosen] == [share] * 3


def test_choosing_freely_is_the_best_algorithm_there_is():
    own = case(MIXED, TRAINING)
    shares = [
        float(each.result.waterfall.fleet_share)
        for each in side_by_side(own)
        if each.kind == "algorithm" and each.result
    ]
    assert evaluate_training(own).waterfall.fleet_share == near(max(shares))
    assert len(set(shares)) > 1


def test_what_does_not_exist_says_why():
    why = {each.name: each.why_not for each in side_by_side(case(MIXED, TRAINING)) if each.result is None}
    assert why == {
        "stages": "no whole pipeline: each pool takes at least one of its pp stages, each of tp x cp GPUs",
        "tree": "reduce-scatter and all-gather have no tree: use ZeRO 0, hierarchical, or HSDP (dp_shard_count)",
        "in-network": "the network has no in-network algorithm",
        "torus": "the network has no torus algorithm",
    }


def test_without_a_batch_nothing_that_depends_on_it_is_set_side_by_side():
    why = {each.name: each.why_not for each in side_by_side(case(MIXED, "training: {}")) if each.result is None}
    needs = "needs training.model and a batch"
    assert why == {
        "proportional": needs,
        "memory": "needs training.model, a batch and the memory of every GPU",
        "stages": "no whole pipeline: each pool takes at least one of its pp stages, each of tp x cp GPUs",
        **dict.fromkeys(("ring", "tree", "hierarchical", "in-network", "torus", "pat"), needs),
    }


def test_a_flat_communicator_is_a_ring_and_nothing_else():
    flat = [each for each in side_by_side(case(H100, TRAINING, "network: {flat: true}")) if each.kind == "algorithm"]
    assert [each.name for each in flat if each.result] == ["ring"]
    assert {each.why_not for each in flat if each.result is None} == {"a flat communicator is a ring"}


def test_a_measured_share_holds_for_the_choice_that_was_measured_only():
    own = case(MIXED, f"training: {{{MODEL}, layout: {{tp: 8}}, measured: {{mixed_generations_factor: 0.5}}}}")
    factors = {
        each.name: float(each.result.waterfall.factors["mixed_generations"])
        for each in side_by_side(own)
        if each.kind == "split" and each.result
    }
    assert factors["equal"] == 0.5
    assert factors["partitions"] == 1.0
    # By the rates of products; the paces of the two, which have the other stages too, are within 0.2% of them.
    by_products = max(1_536 * H, 512 * G) / (1_024 * H + 512 * G)
    assert factors["drop-slow"] == pytest.approx(by_products, rel=2e-3)


# Partitions


def test_partitions_are_jobs_of_their_own_weighted_by_peak():
    mixed = trained(MIXED, TRAINING.replace("layout", "split: partitions, layout"))
    # Each pool alone, with its part of the batch
    alone = [
        trained(
            f"pools: [{{gpu: {gpu}, count: {count}, counted_as: gpu}}]",
            TRAINING.replace("4_194_304", str(4_194_304 * count // 1_536)),
            "reliability: {failures_per_1000_gpu_day: 2.8}",
        ).waterfall
        for gpu, count in (("h100-sxm", 1_024), ("gb200-nvl72", 512))
    ]
    peaks = [1_024 * 989.4, 512 * 2_500.0]
    mean = sum(p * float(one.fleet_share) for p, one in zip(peaks, alone, strict=True)) / sum(peaks)
    assert mixed.waterfall.fleet_share == near(mean)
    assert mixed.waterfall.factors["mixed_generations"] == 1.0


def test_each_partition_gets_the_part_of_the_batch_that_is_its_part_of_the_gpus():
    [(name, step)] = trained(MIXED, TRAINING.replace("layout", "split: partitions, layout")).steps
    assert name == "training"
    # 4,194,304 x 2/3 on 128 replicas of 8,192 is 2.67 rounds: 3; a third of it on 64 likewise
    assert list(step.replica_count) == [128, 64]
    assert list(step.micro_batch_count) == [3, 3]
    assert list(step.global_batch_tokens) == [3 * 128 * 8_192, 3 * 64 * 8_192]


def test_a_partition_without_a_whole_replica_delivers_nothing():
    small = MIXED.replace("512", "7")
    result = trained(small, TRAINING.replace("layout", "split: partitions, layout"))
    [(_, step)] = result.steps
    assert list(step.factors["layout_remainder"]) == [1, 0]
    alone = trained(
        H100,
        TRAINING.replace("4_194_304", str(4_194_304 * 1_024 // 1_031)),
    )
    part = 1_024 * 989.4 / (1_024 * 989.4 + 7 * 2_500)
    assert result.waterfall.fleet_share == near(float(alone.waterfall.fleet_share) * part)


# Several jobs


def test_several_jobs_are_weighted_by_peak_and_gpus_in_none_lower_the_allocation():
    result = trained(
        "pools: [{name: a, gpu: h100-sxm, count: 64}, {name: b, gpu: h200-sxm, count: 192},"
        " {name: c, gpu: gb200-nvl72, count: 100, counted_as: gpu}]",
        f"jobs: [{{name: one, pools: [a], {MODEL}, layout: {{tp: 8}}}},"
        f" {{name: two, pools: [b], {MODEL}, layout: {{tp: 4}}, software: immature, allocation_share: 0.5}}]",
    )
    assert [name for name, _ in result.steps] == ["one", "two"]
    one, two = (float(np.prod(list(step.factors.values()))) for _, step in result.steps)
    fleet = 256 * 989.4 + 100 * 2_500.0
    assert result.fleet_peak_flop_per_s == near(fleet * 1e12)
    assert result.waterfall.job_share == near((64 * one + 192 * two) / 256)
    assert result.waterfall.fleet_share == near((64 * one + 192 * two * 0.5) * 989.4 / fleet)


def test_a_measured_allocation_beats_the_share_stated():
    both = "measured: {allocation_factor: 0.3}, allocation_share: 0.9"
    assert trained(H100, f"training: {{{both}}}").waterfall.factors["allocation"] == near(0.3)


def test_a_waterfall_without_a_model_runs_on_measured_shares():
    shares = {"ceiling": 0.8, "shape": 0.7, "memory_bound": 0.9, "bubble": 0.95, "data_parallel": 0.97, "goodput": 0.9}
    given = ", ".join(f"{name}_factor: {share}" for name, share in shares.items())
    result = trained(H100, f"training: {{measured: {{{given}}}}}")
    jitter = float(result.waterfall.factors["jitter"])
    assert result.waterfall.fleet_share == near(np.prod(list(shares.values())) * jitter)
    assert result.waterfall.unmodelled == {"tensor_context_expert"}


def test_a_job_whose_layout_fits_nowhere_is_refused():
    with pytest.raises(ColocalcError, match="training: layout: no whole replica"):
        trained(H100.replace("1_024", "4"), "training: {model: llama-3.1-8b}")


@pytest.mark.parametrize(
    ("algorithm", "reason"),
    [("pat", "one rank per node only, and only for reduce-scatter and all-gather"), ("ring", None)],
)
def test_an_algorithm_the_job_cannot_use_is_refused_with_the_reason(algorithm, reason):
    lines = (H100, TRAINING.replace("tp: 8", "tp: 4"), f"network: {{algorithm: {algorithm}}}")
    if reason is None:
        assert trained(*lines).steps[0][1].algorithm == algorithm
    else:
        with pytest.raises(ColocalcError, match=reason):
            trained(*lines)


def test_gpus_whose_links_are_unknown_have_those_of_the_usual_server():
    own = "gpus: {x1: {title: X, peak_tflop_per_s: {bf16: 100}, hbm_gbyte: 80, hbm_tbyte_per_s: 2}}"
    told = (
        "gpus: {x1: {title: X, peak_tflop_per_s: {bf16: 100}, hbm_gbyte: 80, hbm_tbyte_per_s: 2,"
        " scale_up_gbyte_per_s: 32, nic_gbit_per_s: 100, domain_gpu_count: 8, node_gpu_count: 8}}"
    )
    found = [
        trained(gpus, "pools: [{gpu: x1, count: 64}]", TRAINING, "network: {algorithm: ring}") for gpus in (own, told)
    ]
    assert found[0].waterfall.step_share == near(found[1].waterfall.step_share)


# Power


def test_the_hosts_take_their_power_first_and_the_gpus_share_the_rest():
    # 1,024 H100 of 700 W in hosts of 575 W per GPU, at nameplate: 588.8 kW of 1 MW go to hosts
    shares = trained(H100, "site: {it_power_mw: 1, draw: nameplate}", TRAINING).gpu_power_share
    assert shares == near([(1e6 - 1_024 * 575) / (1_024 * 700)])


def test_at_typical_draw_the_same_megawatts_feed_more():
    shares = trained(H100, "site: {it_power_mw: 1}", TRAINING).gpu_power_share
    assert shares == near([(1e6 - 0.7 * 1_024 * 575) / (0.7 * 1_024 * 700)])


def test_facility_megawatts_are_divided_by_the_pue_first():
    facility, critical = (
        trained(H100, f"site: {{{power}, draw: nameplate, pue_factor: 1.5}}", TRAINING).gpu_power_share
        for power in ("facility_power_mw: 1.5", "it_power_mw: 1")
    )
    assert facility == near(critical)


def test_without_megawatts_there_is_no_limit():
    assert list(trained(H100, TRAINING).gpu_power_share) == [np.inf]
    assert list(trained(H100, "site: {}", TRAINING).gpu_power_share) == [np.inf]


def test_each_pool_is_slowed_on_its_own_site():
    result = trained(
        "pools: [{name: a, gpu: h100-sxm, count: 1_024, site: x}, {name: b, gpu: h100-sxm, count: 1_024, site: y}]",
        "sites: {x: {it_power_mw: 1, draw: nameplate}, y: {it_power_mw: 10, draw: nameplate}}",
        TRAINING,
    )
    short = (1e6 - 1_024 * 575) / (1_024 * 700)
    assert result.gpu_power_share == near([short, (10e6 - 1_024 * 575) / (1_024 * 700)])
    pace = short**0.7
    assert result.waterfall.factors["power"] == near((1 + pace) / 2)
    assert result.waterfall.factors["mixed_generations"] == near(2 * pace / (1 + pace))


def test_an_equal_split_waits_for_the_slowest_gpu_after_the_cap():
    # 512 GB200 on a site that leaves them a tenth of their power are slower than an H100.
    hosts, gpus = 512 * 633, 512 * 1_200
    result = trained(
        "pools: [{name: a, gpu: h100-sxm, count: 512, site: x},"
        " {name: b, gpu: gb200-nvl72, count: 512, counted_as: gpu, site: y}]",
        f"sites: {{x: {{}}, y: {{it_power_mw: {(hosts + 0.1 * gpus) / 1e6}, draw: nameplate}}}}",
        TRAINING,
    )
    capped = G * 0.1**0.7
    assert capped < H
    # By the rates of products, which the paces with all other stages are within 0.2% of.
    by_products = 2 * capped / (H + capped)
    assert result.waterfall.factors["mixed_generations"] == pytest.approx(by_products, rel=2e-3)


def test_gpus_outside_the_job_draw_their_power_too():
    pools = "pools: [{name: a, gpu: h100-sxm, count: 512}, {name: b, gpu: h100-sxm, count: 512}]"
    lines = ("site: {it_power_mw: 1, draw: nameplate}", f"jobs: [{{name: j, pools: [a], {MODEL}}}]")
    assert trained(pools, *lines).gpu_power_share == near([(1e6 - 1_024 * 575) / (1_024 * 700)] * 2)


def test_a_site_whose_hosts_take_all_its_power_trains_nothing():
    result = trained(H100, "site: {it_power_mw: 0.1}", TRAINING)
    assert result.waterfall.factors["power"] == 0.0
    assert result.waterfall.fleet_share == 0.0
    assert result.waterfall.log_share["power"] == 1.0
    assert result.waterfall.unmodelled == frozenset()


def test_unknown_watts_leave_the_limit_unknown_and_said_so():
    own = "gpus: {x1: {title: X, peak_tflop_per_s: {bf16: 100}}}"
    result = trained(own, "pools: [{gpu: x1, count: 64}]", "site: {it_power_mw: 1}", "training: {}")
    assert np.isnan(result.gpu_power_share).all()
    assert "power" in result.waterfall.unmodelled


def test_the_megawatts_of_a_site_are_read_in_four_ways():
    rows = power_readings(case(H100, "site: {facility_power_mw: 1.25, pue_factor: 1.25}", TRAINING))
    assert [row[:4] for row in rows] == [
        ("site", 1.25, "facility power", "typical"),
        ("site", 1.25, "facility power", "nameplate"),
        ("site", 1.25, "it power", "typical"),
        ("site", 1.25, "it power", "nameplate"),
    ]
    hosts, gpus = 1_024 * 575, 1_024 * 700
    shares = [
        (watts - draw * hosts) / (draw * gpus) for watts, draw in ((1e6, 0.7), (1e6, 1), (1.25e6, 0.7), (1.25e6, 1))
    ]
    assert [row[4] for row in rows] == near(shares)
    assert [row[5] for row in rows] == near([min(1.0, share) ** 0.7 for share in shares])


@pytest.mark.parametrize("lines", [("site: {}", TRAINING), ("site: {it_power_mw: 1}",), (TRAINING,)])
def test_without_megawatts_or_a_job_there_is_nothing_to_read(lines):
    assert power_readings(case(H100, *lines)) == []


def test_scenarios_of_a_sites_power_stand_in_front_of_the_pools():
    one = case(H100, "site: {it_power_mw: 1, draw: nameplate}", TRAINING)
    sites = replace(one.sites, it_power_mw=np.asarray([[1.0], [1.2]]))
    shares = gpu_power_share(one, sites)
    assert shares == near(np.asarray([[(watts - 1_024 * 575) / (1_024 * 700)] for watts in (1e6, 1.2e6)]))
    result = evaluate_training(replace(one, sites=sites))
    assert result.waterfall.factors["power"] == near(np.minimum(shares[:, 0], 1.0) ** 0.7)


# Replicas that meet every few steps


def test_replicas_that_meet_every_few_steps_stand_still_once_in_as_many():
    local = f"training: {{{MODEL}, layout: {{tp: 8}}, outer_sync_interval_steps: 50, outer_sync_bits: 8}}"
    step = trained(H100, local, "network: {algorithm: ring}").steps[0][1]
    # 8.03e9 parameters on 8 ranks, a byte each, over a ring of 128 ranks of one NIC: 2 x 127/128 of them at 65% of 50 GB/s.
    held = (32 * (4_096 * 128 * (32 + 8) * 2 + 3 * 4_096 * 14_336) + 2 * 128_256 * 4_096) / 8
    wire_s = 2 * 127 / 128 * held / (0.65 * 50e9)
    hops_s = 2 * 127 * 14e-6 * 1.4 + 8.4e-6
    assert float(step.exchange_s["ring"][0]) == pytest.approx(wire_s + hops_s, rel=1e-4)
    assert float(step.data_parallel_s[0]) == near(float(step.exchange_s["ring"][0]) / 50)


def test_the_less_often_replicas_meet_the_less_they_wait():
    steps = [
        trained(H100, f"training: {{{MODEL}, layout: {{tp: 8}}, outer_sync_interval_steps: {steps}}}").steps[0][1]
        for steps in (2, 20, 200)
    ]
    for stage in ("data_parallel", "jitter"):
        found = [float(step.factors[stage][0]) for step in steps]
        assert found == sorted(found)
        assert found[0] < found[-1] < 1.0


def test_meeting_at_every_step_is_the_synchronous_job():
    given = trained(H100, TRAINING.replace("layout", "outer_sync_interval_steps: 1, outer_sync_bits: 4, layout"))
    assert given.waterfall.fleet_share == near(trained(H100, TRAINING).waterfall.fleet_share)


# Racks


def test_a_failure_stops_all_replicas_of_its_rack():
    pools = "pools: [{name: g, gpu: gb200-nvl72, count: 1_152, counted_as: gpu}]"
    lines = (
        "reliability: {isolation: replica, failures_per_1000_gpu_day: 2.8, replica_stall_s: 180, replica_repair_s: 600}"
    )
    found = trained(pools, TRAINING, lines)
    mttf = 86_400_000 / (1_152 * 2.8)
    # 144 replicas of 8 GPUs, 9 to a rack of 72
    kept = np.exp(-180 / mttf) * (1 - 600 * 9 / (mttf * 144))
    assert found.waterfall.factors["goodput"] == near(kept)


def test_a_replica_of_a_rack_or_more_stops_alone():
    pools = "pools: [{name: g, gpu: gb200-nvl72, count: 1_152, counted_as: gpu}]"
    lines = (
        "reliability: {isolation: replica, failures_per_1000_gpu_day: 2.8, replica_stall_s: 180, replica_repair_s: 600}"
    )
    found = trained(pools, TRAINING.replace("tp: 8", "tp: 8, pp: 16"), lines)
    mttf = 86_400_000 / (1_152 * 2.8)
    assert found.waterfall.factors["goodput"] == near(np.exp(-180 / mttf) * (1 - 600 / (mttf * 9)))


# Smoothing


def test_a_floor_under_the_draw_is_told_with_what_it_burns():
    own = case(H100, TRAINING, "site: {it_power_mw: 2, smoothing_floor_share: 0.8}")
    result = evaluate_training(own)
    ((site, floor, waits, low, extra, factor),) = smoothing_rows(own, result)
    names = ("tensor_context_expert", "bubble", "stage_imbalance", "data_parallel", "jitter", "mixed_generations")
    assert (site, floor, low, factor) == ("site", 0.8, 0.4, 1.0)
    assert waits == near(1 - np.prod([result.waterfall.factors[name] for name in names]))
    assert extra == near(waits * 0.4 / (1 - waits + 0.4 * waits))


def test_what_smoothing_takes_of_throughput_is_part_of_power():
    lines = (H100, TRAINING, "assumptions: {sites.site.smoothing_factor: 0.95}")
    smoothed = trained(*lines, "site: {it_power_mw: 2, smoothing_floor_share: 0.8}")
    assert smoothed.waterfall.factors["power"] == near(0.95)
    assert trained(H100, TRAINING, "site: {it_power_mw: 2}").waterfall.factors["power"] == 1.0


# What the report warns of


def warned(*lines):
    one = case(*lines)
    return [note.text for note in warnings(one, evaluate_training(one))]


def test_gpus_that_do_not_train_are_told():
    slow = "pools: [{name: a, gpu: h200-sxm, count: 1_024}, {name: b, gpu: a100-sxm-80gb, count: 16}]"
    told = warned(f"training: {{{MODEL}, layout: {{tp: 8}}, split: drop-slow}}", slow)
    assert any("16 GPUs are dropped as too slow; they count in the denominator" in text for text in told)
    odd = warned(H100, f"training: {{{MODEL}, layout: {{tp: 8, pp: 3}}}}")
    assert any("16 GPUs are left over by the layout" in text for text in odd)


def test_few_micro_batches_are_warned_of():
    told = warned(H100, f"training: {{{SMALL}, layout: {{tp: 2, pp: 2}}}}")
    assert any("1 micro-batch per replica, fewer than" in text for text in told)
    assert any("the bubble of the pipeline takes" in text for text in told)


def test_a_site_that_cannot_feed_its_hosts_leaves_its_pools_nothing():
    told = warned(f"training: {{{MODEL}, layout: {{tp: 8}}}}", H100, "site: {it_power_mw: 0.01}")
    words = "hosts and switches alone draw more than the site has: nothing is left for h"
    assert words in told


def test_a_batch_that_comes_out_otherwise_is_told():
    # 512 sequences on 300 replicas: two each, 600 in all.
    told = warned(H100.replace("1_024", "2_400"), TRAINING)
    assert any(
        "4,915,200 tokens a step in whole micro-batches, not the 4,194,304 tokens asked for" in text for text in told
    )


def test_a_pool_that_holds_no_replica_trains_nothing():
    pools = "pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 4}]"
    told = warned(pools, f"training: {{{MODEL}, layout: {{tp: 8}}, split: partitions}}")
    assert any("a pool holds no whole replica (tp x pp x cp GPUs) and trains nothing" in text for text in told)
