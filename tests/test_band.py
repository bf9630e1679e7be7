"""How sure an MFU is: its band, what makes it, and where the model leaves what it was calibrated on."""

import json

import numpy as np
import pytest

from colocalc.catalog import load_catalog
from colocalc.study.band import mfu_band
from colocalc.variants import Variants

CATALOG = load_catalog()
INSIDE = """
name: inside
pools: [{gpu: h100-sxm, count: 1_024}]
reliability: {failures_per_1000_gpu_day: 0.5, checkpoint_s: 20}
network: {nic_gbit_per_s: 400}
assumptions: {networks.nccl-ethernet.ring_intra_hop_s: 3.4e-6, mfu.power_exponent_factor: 0.7}
training: {model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 8, pp: 2}}
"""
DENSE, EXPERTS, WIDER = (
    float(CATALOG.default(key).value)
    for key in ("predict.band_share.dense", "predict.band_share.experts", "predict.band_widening_factor")
)


def fleet(text, *sets):
    return Variants("-", CATALOG, stdin=text.encode(), sets=sets)


def error_of(one, path="training"):
    return {row.path: row for row in one.case.assumptions}[f"{path}.model_error_factor"]


def outside(one):
    return [remark.text for remark in one.case.remarks if "outside the calibrated range" in remark.text]


# The band


def test_with_nothing_else_open_the_band_is_the_error_of_the_model():
    low, middle, high = mfu_band(fleet(INSIDE)).ends["mfu.step_share"]

    assert (low / middle, high / middle) == pytest.approx((np.exp(-DENSE), np.exp(DENSE)), rel=1e-9)


def test_another_open_input_widens_it_by_its_square():
    given = mfu_band(fleet(INSIDE, "training.allocation_share={value: 0.8, low: 0.6, high: 0.9}"))
    low, middle, high = given.ends["mfu.fleet_share"]
    step = mfu_band(fleet(INSIDE)).ends["mfu.step_share"]

    # Steps down: of the model by 1 - e^-w, of the share by 2/8; up by e^w - 1 and 1/8.
    assert 1 - low / middle == pytest.approx(np.hypot(1 - np.exp(-DENSE), 0.25), rel=1e-9)
    assert high / middle - 1 == pytest.approx(np.hypot(np.exp(DENSE) - 1, 0.125), rel=1e-9)
    assert given.ends["mfu.step_share"] == pytest.approx(step, rel=1e-12)
    assert {one.row.path for one in given.moved[:2]} == {"training.allocation_share", "training.model_error_factor"}


def test_the_constants_of_the_model_do_not_count_beside_its_error():
    assert not [one.row.path for one in mfu_band(fleet(INSIDE)).moved if one.row.path.startswith("calibration.")]


def test_a_fleet_that_trains_nothing_has_no_band():
    assert mfu_band(fleet("name: x\npools: [{gpu: h100-sxm, count: 8}]\n")) is None


def test_no_mfu_is_below_none_or_above_all_of_the_peak():
    wide = fleet(INSIDE, "training.model_error_factor={value: 1, low: 0.1, high: 1000}")
    low, _, high = mfu_band(wide).ends["mfu.step_share"]

    assert low >= 0.0
    assert high == 1.0


def test_without_a_model_there_is_no_error_of_a_model():
    bare = fleet("name: x\npools: [{gpu: h100-sxm, count: 8}]\ntraining: {}\n")

    assert not [row for row in bare.case.assumptions if row.path.endswith("model_error_factor")]
    assert float(bare.case.jobs[0].arrays.model_error_factor) == 1.0


# Outside the calibrated range


def test_inside_the_range_nothing_is_said():
    row = error_of(fleet(INSIDE))

    assert outside(fleet(INSIDE)) == []
    assert (row.value, row.low, row.high) == pytest.approx((1.0, np.exp(-DENSE), np.exp(DENSE)), rel=1e-12)


@pytest.mark.parametrize(
    ("sets", "ways", "words"),
    [
        (("pools.h100-sxm.count=16_384",), 0, ()),
        (("pools.h100-sxm.count=16_400",), 1, ("16,400 GPUs, and the largest run on hopper 16-bit has 16,384",)),
        (("training.precision=fp8", "pools.h100-sxm.count=16_000"), 1, ("largest run on hopper 8-bit has 11,616",)),
        (("pools.h100-sxm.gpu=mi300x",), 1, ("no run on cdna3 16-bit",)),
        (("training.precision=nvfp4", "pools.h100-sxm.gpu=b200-sxm"), 1, ("largest run on blackwell 4-bit has 256",)),
    ],
)
def test_each_way_out_of_the_range_widens_the_band(sets, ways, words):
    one = fleet(INSIDE, *sets)
    row, found = error_of(one), " ".join(outside(one))

    assert np.log(row.high) == pytest.approx(DENSE * WIDER**ways, rel=1e-12)
    assert row.low == pytest.approx(1 / row.high, rel=1e-12)
    assert all(word in found for word in words), found


def test_several_types_of_gpu_and_experts_are_ways_of_their_own():
    mixed = INSIDE.replace("{gpu: h100-sxm, count: 1_024}", "{gpu: h100-sxm, count: 512}, {gpu: h200-sxm, count: 512}")
    experts = fleet(INSIDE, "training.model=mixtral-8x22b")

    assert "several types of GPU" in outside(fleet(mixed))[0]
    assert np.log(error_of(fleet(mixed)).high) == pytest.approx(DENSE * WIDER, rel=1e-12)
    assert "experts on 1,024 GPUs, and the largest such run has 256" in outside(experts)[0]
    assert np.log(error_of(experts).high) == pytest.approx(EXPERTS * WIDER, rel=1e-12)


def test_a_pool_without_gpus_is_no_type_of_its_own():
    mixed = INSIDE.replace("{gpu: h100-sxm, count: 1_024}", "{gpu: h100-sxm, count: 512}, {gpu: h200-sxm, count: 512}")
    one = fleet(mixed)

    assert outside(one)
    jobs = one.at("pools.h200-sxm.count", 1.0)
    assert jobs.pools.gpu_count.tolist() == [512.0, 1.0]


# In reports


def told(colocalc, *arguments, text=INSIDE):
    run = colocalc("mfu", "-", *arguments, "--format", "json", stdin=text.encode())
    assert run.code == 0, run.err
    return json.loads(run.out)


def test_every_report_on_mfu_says_how_sure_it_is(colocalc):
    document = told(colocalc)
    levels = {row["level"]: row for row in document["tables"]["band"]}
    inputs = document["tables"]["band_inputs"]

    assert set(levels) == {"step MFU", "job MFU", "fleet MFU"}
    for row in levels.values():
        assert row["low_share"] < row["mid_share"] < row["high_share"]
    assert levels["step MFU"]["mid_share"] == document["metrics"]["mfu.step_share"]
    assert inputs[0]["input"] == "training.model_error_factor"
    assert any(line.startswith("Band: step MFU ") for line in document["headline"])


@pytest.mark.parametrize("columns", [80, 200])
def test_the_band_fits_a_terminal(colocalc, columns):
    run = colocalc("mfu", "-", stdin=INSIDE.encode(), columns=columns)

    assert "How sure that is" in run.out
    assert max(map(len, run.out.splitlines())) <= columns


# Memory


def memory_of(document):
    (row,) = document["tables"]["memory"]
    return row


def test_what_a_gpu_has_to_hold_is_told_by_term(colocalc):
    row = memory_of(told(colocalc))

    # 70.55e9 parameters on 16 ranks with one table of 128,256 x 8,192 to a stage: two bytes of weights, two of gradients.
    held = (80 * (8_192 * 128 * (64 + 8) * 2 + 3 * 8_192 * 28_672) / 2 + 128_256 * 8_192) / 8
    assert row["weights_gbyte"] == pytest.approx(2 * held / 1e9, rel=1e-9)
    assert row["gradients_gbyte"] == pytest.approx(2 * held / 1e9, rel=1e-9)
    assert row["optimizer_gbyte"] == pytest.approx(12 * held / 64 / 1e9, rel=1e-9)
    assert row["hbm_gbyte"] == 80
    assert row["use_share"] == pytest.approx(row["total_gbyte"] / 80, rel=1e-12)


def test_a_job_that_does_not_fit_is_warned_of_with_the_largest_term(colocalc):
    document = told(colocalc, "--set", "training.layout.pp=1", "--set", "training.layout.tp=4")
    (warning,) = [note["text"] for note in document["notes"] if "does not fit" in note["text"]]

    assert warning.startswith("training: a GPU of h100-sxm would need ")
    assert "has 80 GB" in warning
    assert warning.endswith("take most (ignore_memory: true accepts it)")
    accepted = told(
        colocalc,
        *("--set", "training.layout.pp=1", "--set", "training.layout.tp=4"),
        "--set",
        "training.ignore_memory=true",
    )
    assert not [note for note in accepted["notes"] if "does not fit" in note["text"]]


def test_partitions_hold_each_their_own(colocalc):
    mixed = INSIDE.replace("{gpu: h100-sxm, count: 1_024}", "{gpu: h100-sxm, count: 512}, {gpu: h200-sxm, count: 512}")
    rows = told(colocalc, "--set", "training.split=partitions", text=mixed)["tables"]["memory"]

    assert [(row["pool"], row["hbm_gbyte"]) for row in rows] == [("h100-sxm", 80), ("h200-sxm", 141)]
    assert rows[0]["total_gbyte"] == pytest.approx(rows[1]["total_gbyte"], rel=1e-12)


def test_without_a_batch_nothing_is_said_of_memory(colocalc):
    bare = "name: x\npools: [{gpu: h100-sxm, count: 8}]\ntraining: {model: llama-3.1-8b}\n"

    assert "memory" not in told(colocalc, text=bare)["tables"]


# What was measured, what is left out


def test_a_measured_software_factor_leaves_the_error_of_the_other_stages():
    stages = "ceiling shape memory_bound recompute tensor_context_expert bubble stage_imbalance data_parallel jitter "
    stages += "mixed_generations layout_remainder power software"
    every = tuple(f"training.measured.{one}_factor=0.95" for one in stages.split())
    low, middle, high = mfu_band(fleet(INSIDE, "training.measured.software_factor=0.8")).ends["mfu.step_share"]
    assert (low, high) == pytest.approx((middle * np.exp(-DENSE), middle * np.exp(DENSE)), rel=0.01)
    low, middle, high = mfu_band(fleet(INSIDE, *every)).ends["mfu.step_share"]
    assert low == pytest.approx(middle) == high


def test_a_size_beyond_every_run_is_told_of_gpus_without_a_run():
    sets = ("pools.h100-sxm.count=32_768", "pools.h100-sxm.gpu=gb300-nvl72")
    assert "32,768 GPUs, and the largest run has" in outside(fleet(INSIDE, *sets))[0]
