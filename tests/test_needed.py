"""What would have to be true for an MFU that was claimed: each value, put back, gives it."""

import pytest

from colocalc.catalog import load_catalog
from colocalc.report.views import needed as view
from colocalc.study.evaluate import evaluate
from colocalc.study.needed import needed
from colocalc.variants import Variants

CATALOG = load_catalog()
SMALL = """
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 512}]
site: {facility_power_mw: 3}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2, pp: 2, vpp: 2}}
reliability: {failures_per_1000_gpu_day: {value: 2, low: 1, high: 4}, restart_s: {value: 600, low: 60}}
"""
CLAIM = "claims: [{id: low, metric: mfu.job_share, says: 0.2}]\n"
# Of no replica and every restart; of a whole number, as near as one comes.
WHOLE = {"count", "tokens"}


def fleet(text=CLAIM, *sets):
    return Variants("-", CATALOG, stdin=(SMALL + text).encode(), sets=sets)


def targets(variants):
    return needed(variants.fleet.claims, variants)


def inputs(variants):
    (target,) = targets(variants)
    return {one.key: one for one in target.inputs}


def put_back(variants, one):
    written = f"{one.value:.0f}" if one.value == round(one.value) else repr(one.value)
    extra = ("network.flat=true", "network.algorithm=ring") if one.key == "network.flat_collective_count" else ()
    return float(evaluate(variants.with_sets(*extra, f"{one.key}={written}").case).metrics["mfu.job_share"])


@pytest.mark.parametrize(
    "sets",
    [
        (),
        ("training.split=partitions", "reliability.isolation=replica"),
        ("training.measured.bubble_factor=0.9", "training.measured.goodput_factor=0.95"),
    ],
    ids=" ".join,
)
def test_each_value_put_back_gives_the_mfu_that_was_claimed(sets):
    variants = fleet(CLAIM, *sets)
    found = [one for one in inputs(variants).values() if one.value is not None]

    assert len(found) >= 4
    for one in found:
        kinds = {root.value: root.kind for root in one.solution.roots}
        assert kinds[one.value] == ("between" if one.unit in WHOLE and kinds[one.value] != "met" else "met"), one.key
        assert put_back(variants, one) == pytest.approx(0.2, rel=1e-2 if one.unit in WHOLE else 1e-6), one.key


def test_every_input_is_told_with_its_stage_and_what_it_is():
    found = inputs(fleet())

    rate = found["reliability.failures_per_1000_gpu_day"]
    assert (rate.stage, rate.now, rate.low, rate.high, rate.unit) == ("goodput", 2.0, 1.0, 4.0, "per_1000_gpu_day")
    assert found["reliability.restart_s"].now == 600.0
    assert found["sites.site.facility_power_mw"].stage == "power"
    assert found["training.global_batch_tokens"].stage == "bubble"
    # An equal split waits for the slower of the two: the H100.
    assert "gpus.h100-sxm.best_matmul_bf16_tflop_per_s" in found
    assert "gpus.h200-sxm.best_matmul_bf16_tflop_per_s" not in found
    assert list(found)[-1] == "network.flat_collective_count"


@pytest.mark.parametrize(
    ("isolation", "stall"),
    [("job", "restart_s"), ("replica", "replica_stall_s"), ("hot-spare", "hot_spare_stall_s")],
)
def test_the_stall_is_that_of_the_recovery(isolation, stall):
    stalls = [
        key
        for key in inputs(fleet(CLAIM, f"reliability.isolation={isolation}"))
        if key.endswith(("restart_s", "stall_s"))
    ]

    assert stalls == [f"reliability.{stall}"]


def test_flat_rings_are_a_counterfactual_with_no_present():
    flat = inputs(fleet())["network.flat_collective_count"]

    assert (flat.stage, flat.now, flat.low, flat.high, flat.is_inside) == ("data_parallel", None, None, None, None)
    assert flat.note == "flat rings, a counterfactual"
    assert flat.value >= 1.0


def test_a_fleet_whose_ring_is_flat_already_is_no_counterfactual():
    found = inputs(fleet(CLAIM, "network.flat=true", "network.algorithm=ring"))

    assert "network.flat_collective_count" not in found


def test_a_value_lies_in_its_range_or_not_or_has_none():
    variants = fleet("claims: [{metric: mfu.job_share, says: 0.4}]\n")
    found = inputs(variants)

    for one in found.values():
        ends = [end for end in (one.low, one.now, one.high) if end is not None]
        expected = None if one.value is None or len(ends) < 2 else min(ends) <= one.value <= max(ends)
        assert one.is_inside is expected, one.key
    assert {one.is_inside for one in found.values()} >= {None, False}


def test_what_no_value_will_do_is_told_with_how_far_it_goes():
    found = inputs(fleet("claims: [{metric: mfu.job_share, says: 0.9}]\n"))
    nic = (
        found["network.nic_gbit_per_s"] if "network.nic_gbit_per_s" in found else found["calibration.scale_loss_share"]
    )

    assert nic.value is None
    assert nic.is_inside is None
    assert nic.solution.reached_high < 0.9


def test_of_two_values_the_nearer_to_what_it_is_is_told():
    variants = fleet("claims: [{metric: mfu.job_share, says: 0.3}]\n")
    for one in inputs(variants).values():
        if len(one.solution.roots) > 1 and one.now is not None:
            distances = [abs(root.value - one.now) for root in one.solution.roots]
            assert abs(one.value - one.now) == min(distances)


# Which claims count


def test_only_numbers_for_an_mfu_of_the_fleet_as_it_is_count():
    text = """
claims:
  - {id: a, metric: mfu.job_share, says: 0.2}
  - {id: b, metric: mfu.job_share, says: 0.2}
  - {metric: mfu.fleet_share, says: 0.2}
  - {id: c, metric: mfu.job_share, says: {at_most: 0.1}}
  - {id: d, metric: mfu.job_share, says: 0.15, scenario: s}
  - {id: e, metric: hedge.gross_share, says: 0.2}
  - {id: f, input: pools.a.count, says: 8}
scenarios: {s: {set: {pools.a.count: 512}}}
"""
    found = targets(fleet(text))

    # All of this fleet is in the job, so that job and fleet MFU are one.
    assert [(one.metric, one.share, one.claims) for one in found] == [("mfu.fleet_share", 0.2, ("a", "b", "2"))]


def test_levels_that_differ_are_told_apart():
    text = "claims: [{metric: mfu.fleet_share, says: 0.2}, {metric: mfu.job_share, says: 0.2}]\n"

    found = targets(fleet(text, "training.allocation_share=0.9"))

    assert [(one.metric, one.claims) for one in found] == [("mfu.fleet_share", ("0",)), ("mfu.job_share", ("1",))]


def test_a_fleet_that_does_not_train_needs_nothing():
    assert targets(fleet(CLAIM, "training=null")) == ()
    assert targets(fleet("")) == ()


def test_allocation_moves_fleet_mfu_and_no_other():
    text = "claims: [{metric: mfu.job_share, says: 0.2}, {metric: mfu.fleet_share, says: 0.2}]\n"
    variants = fleet(text, "training.allocation_share=0.9")
    job, whole = ({one.key: one for one in target.inputs} for target in targets(variants))

    assert job["training.allocation_share"].value is None
    expected = 0.2 / float(evaluate(variants.case).metrics["mfu.job_share"])
    assert whole["training.allocation_share"].value == pytest.approx(expected)


def test_jobs_are_told_under_their_names():
    text = SMALL.replace("training: {", "jobs: [{name: one, pools: [a], ").replace("vpp: 2}}", "vpp: 2}}]") + CLAIM
    found = inputs(Variants("-", CATALOG, stdin=text.encode()))

    assert found["jobs.one.global_batch_tokens"].stage == "bubble"
    assert found["jobs.one.allocation_share"].stage == "allocation"


# The table


def test_the_table_has_a_row_for_each_input():
    found = targets(fleet("claims: [{id: x, metric: mfu.job_share, says: 0.2}, {metric: mfu.job_share, says: 0.9}]\n"))
    first, second = view.tables(found)

    assert (first.key, second.key) == ("needed", "needed_2")
    assert first.title == "What would have to be true for job MFU of 20.0%"
    assert first.caption.endswith("Claimed by: x.")
    assert second.caption.endswith("Claimed by: 1.")
    for table, target in ((first, found[0]), (second, found[1])):
        rows = [dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows]
        assert [row["key"] for row in rows] == [one.key for one in target.inputs]
        for row, one in zip(rows, target.inputs, strict=True):
            assert (row["now"], row["value"], row["is_inside"]) == (one.now, one.value, one.is_inside)
            assert row["needed"].startswith("none (") == (one.value is None)
            assert (", inside" in row["needed"], ", outside" in row["needed"]) == (
                one.is_inside is True,
                one.is_inside is False,
            )
