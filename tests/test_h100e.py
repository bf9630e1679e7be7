"""Facts about H100-equivalents."""

import math

import numpy as np
import pytest

from colocalc.h100e import (
    effective_count,
    eight_bit_tflop_per_s,
    equivalence_factor,
    equivalent_count,
    four_bit_tflop_per_s,
    time_equivalence_factor,
    total_processing_performance,
)

NAN = math.nan
H100 = {"bf16": 989.4, "fp8": 1_978.9, "int8": 1_978.9, "fp4": NAN}
GB200 = {"bf16": 2_500.0, "fp8": 5_000.0, "int8": 5_000.0, "fp4": 10_000.0}
FLEETS = [
    [150_000, 50_000, 20_000],
    [150_000, 50_000, 40_000],
    [150_000, 50_000, 30_000],
]  # the readings of "20k GB200"


def tpp(**rates):
    known = dict.fromkeys(("bf16", "fp16", "fp8", "int8", "fp6", "fp4"), NAN) | rates
    return float(total_processing_performance(**{f"{name}_tflop_per_s": rate for name, rate in known.items()}))


def test_eight_bit_rate_is_the_better_of_fp8_and_int8():
    rates = eight_bit_tflop_per_s(fp8_tflop_per_s=[1_978.9, NAN, 5_000.0], int8_tflop_per_s=[1_978.9, 624.0, 165.0])
    np.testing.assert_array_equal(rates, [1_978.9, 624.0, 5_000.0])


def test_eight_bit_rate_is_unknown_when_both_are():
    assert math.isnan(float(eight_bit_tflop_per_s(fp8_tflop_per_s=NAN, int8_tflop_per_s=NAN)))


def test_four_bit_rate_without_fp4_is_the_eight_bit_rate():
    rates = four_bit_tflop_per_s(
        fp4_tflop_per_s=[NAN, 10_000.0], fp8_tflop_per_s=[1_978.9, 5_000.0], int8_tflop_per_s=[NAN, 5_000.0]
    )
    np.testing.assert_array_equal(rates, [1_978.9, 10_000.0])


def test_four_bit_rate_is_unknown_when_all_are():
    assert math.isnan(float(four_bit_tflop_per_s(fp4_tflop_per_s=NAN, fp8_tflop_per_s=NAN, int8_tflop_per_s=NAN)))


def test_total_processing_performance_of_the_h100_is_15831():
    assert tpp(**H100, fp16=989.4) == pytest.approx(15_831, abs=1)


def test_total_processing_performance_of_the_gb200_is_40000():
    assert tpp(**GB200) == 40_000.0


@pytest.mark.parametrize(
    ("precision", "bits"), [("bf16", 16), ("fp16", 16), ("fp8", 8), ("int8", 8), ("fp6", 6), ("fp4", 4)]
)
def test_total_processing_performance_of_one_known_rate_is_rate_times_bits(precision, bits):
    assert tpp(**{precision: 100.0}) == 100.0 * bits


def test_total_processing_performance_of_no_known_rate_is_unknown():
    assert math.isnan(tpp())


def test_total_processing_performance_of_blackwell_ultra_comes_from_fp4():
    assert tpp(bf16=2_500.0, fp8=5_000.0, fp4=15_000.0) == 60_000.0


def test_equivalence_of_the_reference_is_one_and_of_the_unknown_unknown():
    np.testing.assert_array_equal(equivalence_factor(measure=[989.4, NAN], reference_measure=989.4), [1.0, NAN])


def test_time_equivalence_is_the_inverse_ratio():
    factor = time_equivalence_factor(gpu_min=[100.0, 50.0, NAN], reference_gpu_min=100.0)
    np.testing.assert_array_equal(factor, [1.0, 2.0, NAN])


@pytest.mark.parametrize(
    ("h200", "gb200", "thousands"),
    [
        (1.0, 1.0, [220.0, 240.0, 230.0]),  # raw count
        (1.0, 2_500 / 989.4, [250.5, 301.1, 275.8]),  # dense BF16
        (1.0, 5_000 / 1_978.9, [250.5, 301.1, 275.8]),  # dense 8-bit
        (1.0, 10_000 / 1_978.9, [301.1, 402.1, 351.6]),  # FP4 against FP8
        (1.0, 40_000 / 15_831, [250.5, 301.1, 275.8]),  # total processing performance
        (4.8 / 3.35, 8.0 / 3.35, [269.4, 317.2, 293.3]),  # memory bandwidth
        (141 / 80, 186 / 80, [284.6, 331.1, 307.9]),  # memory capacity
        (1.16, 2.51, [258.2, 308.3, 283.3]),  # MLPerf LoRA 70B v5.0
        (1.10, 2.19, [248.7, 292.5, 270.6]),  # MLPerf 405B v5.0
        (1.41, 4.37, [308.0, 395.4, 351.7]),  # MLPerf inference 405B offline v5.1
    ],
)
def test_the_mixed_fleet_has_a_different_worth_on_every_basis(h200, gb200, thousands):
    count = equivalent_count(gpu_count=FLEETS, equivalence_factor=[1.0, h200, gb200])
    np.testing.assert_allclose(count / 1e3, thousands, atol=0.4)


def test_epoch_counts_275_796_for_the_reading_of_30k_gpus():
    """Epoch AI, ai-chip-counts @d1b1bc3, xai_datacenter_timelines.csv: 275,796 H100e."""
    factor = equivalence_factor(measure=[1_979.0, 1_979.0, 5_000.0], reference_measure=1_979.0)
    assert float(equivalent_count(gpu_count=FLEETS[2], equivalence_factor=factor)) == pytest.approx(275_796, abs=1)


def test_a_pool_of_unknown_worth_makes_the_count_unknown():
    assert math.isnan(float(equivalent_count(gpu_count=[8, 8], equivalence_factor=[1.0, NAN])))


def test_a_pool_of_unknown_worth_without_gpus_changes_nothing():
    assert float(equivalent_count(gpu_count=[8, 0], equivalence_factor=[1.5, NAN])) == 12.0


@pytest.mark.parametrize(("count", "expected"), [(250_500, 68_900), (275_800, 75_800)])
def test_a_fleet_at_11_percent_delivers_as_a_quarter_of_it_at_40_percent(count, expected):
    effective = effective_count(equivalent_count=count, mfu_share=0.11, reference_mfu_share=0.40)
    assert float(effective) == pytest.approx(expected, rel=1e-3)


def test_effective_count_at_the_reference_mfu_is_the_count_and_at_none_zero():
    effective = effective_count(equivalent_count=1_000, mfu_share=[0.4, 0.0], reference_mfu_share=0.4)
    np.testing.assert_array_equal(effective, [1_000.0, 0.0])


RATES = [[989.4, 2_500.0], [312.0, NAN], [NAN, NAN]]
ROWS = {
    eight_bit_tflop_per_s: {"fp8_tflop_per_s": RATES, "int8_tflop_per_s": RATES[::-1]},
    four_bit_tflop_per_s: {"fp4_tflop_per_s": RATES[::-1], "fp8_tflop_per_s": RATES, "int8_tflop_per_s": RATES},
    total_processing_performance: {
        f"{name}_tflop_per_s": RATES for name in ("bf16", "fp16", "fp8", "int8", "fp6", "fp4")
    },
    equivalence_factor: {"measure": RATES, "reference_measure": [[989.4], [1.0], [2.0]]},
    time_equivalence_factor: {"gpu_min": RATES, "reference_gpu_min": [[989.4], [1.0], [2.0]]},
    equivalent_count: {"gpu_count": [[8, 0], [1, 2], [3, 0]], "equivalence_factor": [[1.0, NAN], [1.0, NAN], [2, 3]]},
    effective_count: {
        "equivalent_count": [1.0, 2e5, 0.0],
        "mfu_share": [0.1, 0.4, 0.3],
        "reference_mfu_share": [0.4, 0.4, 0.5],
    },
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
