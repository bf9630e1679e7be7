"""H100-equivalents on each basis by hand, and what a missing number does."""

from dataclasses import replace

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.metrics import H100E_BASES
from colocalc.study.equivalents import evaluate_equivalents
from colocalc.study.evaluate import evaluate

POOLS = (
    "pools: [{name: h100, gpu: h100-sxm, count: 10}, {name: h200, gpu: h200-sxm, count: 20},"
    " {name: gb200, gpu: gb200-nvl72, count: 30, counted_as: gpu}]"
)
COUNTS = np.asarray([10.0, 20.0, 30.0])

# What one H200 and one GB200 are in H100s; an H100 is 1 on every basis
WORTH = {
    "raw": (1, 1),
    "bf16_dense": (1, 2_500 / 989.4),
    "eight_bit_dense": (1, 5_000 / 1_978.9),
    "four_bit": (1, 10_000 / 1_978.9),
    "tpp": (1, 40_000 / (8 * 1_978.9)),  # 16 x 2,500 = 8 x 5,000 = 4 x 10,000
    "hbm_bandwidth": (4.8 / 3.35, 8.0 / 3.35),
    "hbm_capacity": (141 / 80, 186 / 80),
    "mlperf_training_405b_v5_0": (118_106 / 107_342, 118_106 / 54_028),
    "mlperf_training_405b_v5_1": (118_106 / 107_342, 118_106 / 43_489),
    "mlperf_training_gpt3_v4_1": (np.nan, np.nan),  # neither was submitted
    "mlperf_training_lora_v5_0": (223.44 / 192.24, 223.44 / 89.12),
    "mlperf_training_lora_v5_1": (223.44 / 192.24, 223.44 / 71.68),
    "mlperf_training_bert_v2_1": (np.nan, np.nan),
    "mlperf_inference_70b_offline_v5_1": (4_414.6 / 3_902.5, 13_015.4 / 3_902.5),
    "mlperf_inference_70b_server_v5_1": (4_274.2 / 3_821.1, 12_339.9 / 3_821.1),
    "mlperf_inference_405b_offline_v5_1": (69.1 / 48.9, 214.0 / 48.9),
    "mlperf_inference_405b_server_v5_1": (36.9 / 35.2, 161.3 / 35.2),
    "mlperf_inference_8b_offline_v5_1": (8_254.6 / 5_777.1, np.nan),
    "mlperf_inference_8b_server_v5_1": (8_114.3 / 5_104.0, np.nan),
}


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def result(*lines, megawatts=np.nan, mfu=None):
    mfu_share = None if mfu is None else np.asarray(mfu)
    return evaluate_equivalents(case(*lines), facility_power_mw=np.asarray(megawatts), mfu_share=mfu_share)


def near(value):
    return pytest.approx(value, rel=1e-12, nan_ok=True)  # NaN is equal to NaN, and to nothing else


def test_every_basis_is_worked_by_hand():
    assert set(WORTH) == set(H100E_BASES)


@pytest.mark.parametrize("basis", H100E_BASES)
def test_each_basis_by_hand(basis):
    found = result(POOLS, "finance: {total_h100e_count: 200}", megawatts=0.5)
    worth = np.asarray([1.0, *WORTH[basis]])
    assert found.factor[basis] == near(worth)
    assert found.pool_count[basis] == near(COUNTS * worth)
    assert found.count[basis] == near(float(COUNTS @ worth))
    assert found.total_share[basis] == near(float(COUNTS @ worth) / 200)
    assert found.per_mw[basis] == near(float(COUNTS @ worth) / 0.5)


def test_a_gb200_trained_405b_as_2_19_and_a_round_later_as_2_72_h100s():
    found = result(POOLS)
    assert found.factor["mlperf_training_405b_v5_0"][2] == pytest.approx(2.19, abs=0.005)
    assert found.factor["mlperf_training_405b_v5_1"][2] == pytest.approx(2.72, abs=0.005)


@pytest.mark.parametrize("basis", H100E_BASES)
def test_h100s_are_worth_their_number(basis):
    assert result("pools: [{gpu: h100-sxm, count: 123}]").count[basis] == near(123)


@pytest.mark.parametrize(("counted_as", "each"), [("superchip", 2), ("rack", 72)])
def test_superchips_and_racks_are_worth_all_their_gpus(counted_as, each):
    found = result(f"pools: [{{gpu: gb200-nvl72, count: 5, counted_as: {counted_as}}}]")
    assert found.count["eight_bit_dense"] == near(5 * each * 5_000 / 1_978.9)


@pytest.mark.parametrize(
    ("basis", "gpu", "worth"),
    [
        ("mlperf_training_gpt3_v4_1", "b200-sxm", 25_495 / 12_399),
        ("mlperf_training_gpt3_v4_1", "gaudi2", 25_495 / 68_512),
        ("mlperf_training_gpt3_v4_1", "tpu-v5e", 25_495 / 183_029),
        ("mlperf_training_gpt3_v4_1", "tpu-v5p", 25_495 / 58_774),
        ("mlperf_training_gpt3_v4_1", "tpu-v6e", 25_495 / 52_265),
        ("mlperf_training_lora_v5_1", "mi355x", 223.44 / 81.2),
        ("mlperf_training_lora_v5_0", "gaudi2", 223.44 / 622.8),
        ("mlperf_training_bert_v2_1", "a100-sxm-80gb", 51.04 / 135.04),
        ("mlperf_training_bert_v2_1", "gaudi2", 51.04 / 124.48),
        ("mlperf_inference_8b_offline_v5_1", "l40s", 1_642.2 / 5_777.1),
        ("mlperf_inference_8b_server_v5_1", "rtx-pro-6000-blackwell", 5_757.5 / 5_104.0),
        ("mlperf_inference_70b_offline_v5_1", "h100-pcie", 1_160 / 3_902.5),  # its newest row is of v4.1
    ],
)
def test_the_worth_of_others_on_measured_bases(basis, gpu, worth):
    assert result(f"pools: [{{gpu: {gpu}, count: 10}}]").count[basis] == near(10 * worth)


def test_the_rounds_behind_a_measured_basis_are_told():
    rounds = case("pools: [{gpu: tpu-v5e, count: 1}, {gpu: tpu-v6e, count: 1}]").equivalents.rounds
    assert rounds["mlperf_training_gpt3_v4_1"] == "tpu-v5e v3.1, tpu-v6e v4.1, h100-sxm v4.1"


# Chips without BF16


@pytest.mark.parametrize(("gpu", "sixteen", "eight"), [("v100-sxm2-32gb", 125, 125), ("t4", 65.1, 130)])
def test_a_chip_without_bf16_is_counted_at_fp16_and_told(gpu, sixteen, eight):
    pools = f"pools: [{{gpu: {gpu}, count: 1}}]"
    found = result(pools)
    assert found.factor["bf16_dense"] == near(np.asarray([sixteen / 989.4]))
    assert found.factor["eight_bit_dense"] == near(np.asarray([eight / 1_978.9]))
    remarks = [remark.text for remark in case(pools).remarks]
    assert f"{gpu} has no bf16 peak: its 16-bit work is counted at its fp16 peak" in remarks


def test_a_chip_with_bf16_is_counted_without_a_word():
    assert not [remark for remark in case(POOLS).remarks if "16-bit" in remark.text]


def test_a_chip_with_neither_has_no_count_at_sixteen_bits():
    found = result("pools: [{gpu: rubin-cpx, count: 1}]")
    assert np.isnan(found.count["bf16_dense"])
    assert np.isnan(found.count["eight_bit_dense"])
    assert found.count["four_bit"] == near(20_000 / 1_978.9)


# What is missing stays missing


def test_a_gpu_without_a_measured_row_makes_the_count_undefined():
    found = result("pools: [{gpu: h100-sxm, count: 10}, {gpu: a100-sxm-80gb, count: 10}]")
    assert found.factor["mlperf_training_405b_v5_0"][0] == 1.0
    assert np.isnan(found.factor["mlperf_training_405b_v5_0"][1])
    assert np.isnan(found.count["mlperf_training_405b_v5_0"])
    assert found.count["bf16_dense"] == near(10 + 10 * 312 / 989.4)


def test_the_gpus_without_a_row_are_named_in_the_reason():
    pools = "pools: [{gpu: h100-sxm, count: 10}, {gpu: a100-sxm-80gb, count: 10}, {gpu: tpu-v5p, count: 10}]"
    undefined = evaluate(case(pools)).undefined
    reason = "no mlperf_training_lora_v5_0 row for a100-sxm-80gb, tpu-v5p"
    assert undefined["h100e.mlperf_training_lora_v5_0_count"] == reason


def test_a_pool_without_gpus_lacks_no_row():
    pools = "pools: [{gpu: h100-sxm, count: 10}, {gpu: a100-sxm-80gb, count: %d}, {gpu: tpu-v5p, count: %d}]"
    basis = "mlperf_training_405b_v5_0"
    assert result(pools % (0, 0)).count[basis] == near(10)
    assert evaluate(case(pools % (0, 1))).undefined[f"h100e.{basis}_count"] == f"no {basis} row for tpu-v5p"


def test_a_round_before_the_first_row_of_a_gpu_knows_nothing_of_it():
    # The GB300 was first measured in v5.1.
    found = result("pools: [{gpu: gb300-nvl72, count: 1, counted_as: gpu}]")
    assert np.isnan(found.count["mlperf_training_405b_v5_0"])
    assert found.count["mlperf_training_405b_v5_1"] == near(118_106 / 33_078)


def test_eight_bits_are_fp8_or_int8_or_at_last_bf16():
    pools = (
        "pools: [{gpu: a100-sxm-80gb, count: 1}, {gpu: gb300-nvl72, count: 1, counted_as: gpu}, {gpu: x1, count: 1}]"
    )
    found = result("gpus: {x1: {title: X, peak_tflop_per_s: {bf16: 100}}}", pools)
    # INT8 on an A100; FP8 where INT8 is cut; BF16 where there is neither
    assert found.factor["eight_bit_dense"] == near(np.asarray([624, 5_000, 100]) / 1_978.9)


def test_megawatts_and_totals_that_are_not_given_leave_their_ratios_undefined():
    found = result(POOLS)
    assert np.isnan(found.per_mw["raw"])
    assert np.isnan(found.total_share["raw"])


# Effective equivalents


def test_the_effective_count_scales_the_eight_bit_count_by_mfu():
    h100e = 10 + 20 + 30 * 5_000 / 1_978.9
    assert result(POOLS, mfu=0.2).effective_count == near(h100e * 0.2 / 0.40)
    reference = "finance: {reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2, mfu_share: 0.5}}"
    assert result(POOLS, reference, mfu=0.2).effective_count == near(h100e * 0.2 / 0.5)


def test_without_training_there_is_no_effective_count():
    assert np.isnan(result(POOLS).effective_count)


def test_scenarios_of_counts_stand_in_front():
    one = case(POOLS)
    counts = np.asarray([[10.0, 20.0, 30.0], [0.0, 0.0, 1.0]])
    many = replace(one, pools=replace(one.pools, gpu_count=counts))
    found = evaluate_equivalents(many, facility_power_mw=np.asarray([1.0, 2.0]), mfu_share=np.asarray([0.4, 0.2]))
    for basis, worth in WORTH.items():
        assert found.count[basis] == near(counts @ np.asarray([1.0, *worth])), basis
        assert found.per_mw[basis] == near(counts @ np.asarray([1.0, *worth]) / [1, 2]), basis
    assert found.effective_count == near(found.count["eight_bit_dense"] * np.asarray([1, 0.5]))


def test_a_fleet_that_the_default_basis_does_not_know_is_counted_in_gpus(colocalc):
    own = b"name: own\ngpus: {own: {title: Own, peak_tflop_per_s: {tf32: 100}}}\npools: [{gpu: own, count: 8}]\n"
    run = colocalc("h100e", "-", stdin=own)
    assert run.code == 0, run.err
    assert "8 GPUs; the default basis has no figure for some of them." in run.out
