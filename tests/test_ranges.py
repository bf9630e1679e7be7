"""Where numbers may lie, and what metrics do over their ranges."""

import math

import numpy as np
import pytest

from colocalc.case import Assumption
from colocalc.catalog import load_catalog
from colocalc.errors import EXIT_USAGE, ColocalcError
from colocalc.study.ranges import MOST_RANGED, Ranged, axis_of, band, nudged, ranged
from colocalc.variants import Variants

CATALOG = load_catalog()
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: {value: 1_000, low: 500, high: 3_000}}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: {value: 50, high: 100}}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: {value: 2, low: 1}, billed_share: 0.9}
finance: {loss_usd: 20e6, loss_months: 12}
"""
COVERED = "hedge.gross_share"
KEPT = "hedge.contribution_share"


@pytest.fixture(scope="module")
def small():
    return Variants("-", CATALOG, stdin=SMALL)


# The range searched


@pytest.mark.parametrize(
    ("key", "low", "high", "whole", "scale"),
    [
        ("lease.billed_share", 0.0, 1.0, False, "linear"),
        ("calibration.scale_loss_share", 0.0, 1.0, False, "linear"),
        ("networks.nccl-ethernet.scale_out_efficiency_share", 1e-3, 1.0, False, "linear"),
        ("lease.rate_usd_per_gpu_h", 2e-4, 2e4, False, "log"),
        ("lease.fee_usd_per_month", 1e-6, 1e12, False, "log"),  # what the file does not have
        ("finance.loss_usd", 2e3, 2e11, False, "log"),
        ("finance.loss_months", 1.0, 120_000.0, True, "log"),
        ("pools.a.count", 1.0, 1e7, True, "log"),
        ("training.layout.tp", 1.0, 256.0, True, "log"),
        ("training.layout.pp", 1.0, 256.0, True, "log"),
        ("training.global_batch_tokens", 839.0, 83_886_080_000.0, True, "log"),
        ("sites.site.pue_factor", 1.0, 12_500.0, False, "log"),
        ("network.oversubscription_factor", 1.0, 1e4, False, "log"),
        ("software.megatron_factor", 0.9e-4, 1.0, False, "log"),
        ("training.measured.bubble_factor", 1e-6, 1.0, False, "log"),
        ("jobs.x.measured.bubble_factor", 1e-6, 1.0, False, "log"),
        ("reliability.restart_s", 0.06, 6e6, False, "log"),
    ],
)
def test_a_number_is_searched_over_all_its_unit_allows(small, key, low, high, whole, scale):
    axis = axis_of(small, key)

    assert (axis.low, axis.high) == pytest.approx(
        (low, high), rel=0.2 if key.startswith(("software", "sites")) else 1e-9
    )
    assert (axis.key, axis.whole, axis.scale) == (key, whole, scale)


def test_a_loss_that_is_a_gain_is_searched_below_zero():
    axis = axis_of(Variants("-", CATALOG, stdin=SMALL, sets=("finance.loss_usd=-3",)), "finance.loss_usd")

    assert (axis.low, axis.high, axis.scale) == (-3e4, -3e-4, "linear")


def test_a_number_that_is_zero_is_searched_like_one_that_is_not_there():
    fleet = Variants("-", CATALOG, stdin=SMALL, sets=("finance.loss_usd=0",))

    assert (axis_of(fleet, "finance.loss_usd").low, axis_of(fleet, "finance.loss_usd").high) == (1e-6, 1e12)


@pytest.mark.parametrize(
    ("key", "between", "low", "high", "scale"),
    [
        ("lease.rate_usd_per_gpu_h", (1.0, 4.0), 1.0, 4.0, "log"),
        ("lease.rate_usd_per_gpu_h", (0.0, 4.0), 0.0, 4.0, "linear"),
        ("lease.billed_share", (0.5, 1.0), 0.5, 1.0, "log"),
        ("lease.billed_share", (0.0, 1.0), 0.0, 1.0, "linear"),
        ("pools.a.count", (1.5, 3.5), 2.0, 3.0, "log"),
        ("pools.a.count", (1.5, 2.5), 2.0, 2.0, "log"),
        ("sites.site.pue_factor", (1.0, 3.0), 1.0, 3.0, "log"),
    ],
)
def test_another_range_is_searched_where_one_is_asked_for(small, key, between, low, high, scale):
    axis = axis_of(small, key, between=between)

    assert (axis.low, axis.high, axis.scale) == (low, high, scale)


@pytest.mark.parametrize(
    ("key", "between", "message"),
    [
        ("lease.billed_share", (0.5, 1.5), "--between: lease.billed_share lies between 0 and 1"),
        (
            "training.measured.bubble_factor",
            (0.5, 2.0),
            "--between: training.measured.bubble_factor lies between 0 and 1",
        ),
        ("software.megatron_factor", (0.5, 2.0), "--between: software.megatron_factor lies between 0 and 1"),
        ("sites.site.pue_factor", (0.5, 2.0), "--between: sites.site.pue_factor is at least 1"),
        ("pools.a.count", (1.2, 1.8), "--between: no whole number lies between 1.2 and 1.8"),
    ],
)
def test_a_range_outside_what_the_number_may_be_is_refused(small, key, between, message):
    with pytest.raises(ColocalcError) as caught:
        axis_of(small, key, between=between)

    assert str(caught.value) == message
    assert caught.value.exit_code == EXIT_USAGE


def test_the_case_at_a_value_has_that_value(small):
    assert axis_of(small, "lease.rate_usd_per_gpu_h").at(3.0).lease.rate_usd_per_gpu_h.tolist() == [3.0]


# Inputs with a range


def test_an_input_with_a_range_is_tried_at_both_ends(small):
    found = {one.row.path: one for one in ranged(small, [COVERED])}

    count, rate = found["pools.a.count"], found["lease.rate_usd_per_gpu_h"]
    assert (count.low, count.high) == (500.0, 3_000.0)
    assert (count.at_low[COVERED], count.at_high[COVERED]) == pytest.approx((0.3942, 2.3652), rel=1e-12)
    # An end that is not given is the value itself.
    assert (rate.low, rate.high) == (1.0, 2.0)
    assert (rate.at_low[COVERED], rate.at_high[COVERED]) == pytest.approx((0.3942, 0.7884), rel=1e-12)


def test_only_inputs_of_the_metrics_family_are_tried(small):
    covered = {one.row.path for one in ranged(small, [COVERED])}

    assert covered == {"pools.a.count", "lease.rate_usd_per_gpu_h", "sites.site.energy_price_usd_per_mwh"}
    assert "calibration.scale_loss_share" not in {one.row.path for one in ranged(small, [KEPT])}


def test_the_constants_of_the_model_are_tried_where_a_metric_is_that_of_a_stage(small):
    constant, factor = "calibration.scale_loss_share", "mfu.stage.jitter_factor"

    assert constant in {one.row.path for one in ranged(small, ["mfu.job_share", factor])}
    assert constant not in {one.row.path for one in ranged(small, ["mfu.job_share"])}


def test_a_fleet_without_ranges_has_none():
    bare = Variants(
        "-", CATALOG, stdin=b"name: x\npools: [{gpu: h100-sxm, count: 8}]\nlease: {rate_usd_per_gpu_h: 1}\n"
    )

    assert ranged(bare, ["lease.billed_gpu_h_per_yr"]) == ()


def test_an_end_that_the_number_may_not_have_is_left_out():
    orbit = b"""
name: orbit
pools: [{gpu: h100-sxm, count: 100}]
site:
  kind: orbital
  it_power_mw: 1
  chip_temperature_k: {value: 343, low: 20, high: 353}
  chip_to_radiator_drop_k: 15
  sink_temperature_k: 220
"""
    area = "fleet.radiator_area_m2"
    found = {one.row.path: one for one in ranged(Variants("-", CATALOG, stdin=orbit), [area])}
    chip = found["sites.site.chip_temperature_k"]

    assert math.isnan(chip.at_low[area])
    assert chip.at_high[area] > 0.0
    low, high = band(area, 2.0 * chip.at_high[area], [chip])
    assert (low, high) == pytest.approx((chip.at_high[area], 2.0 * chip.at_high[area]))


def test_the_work_stays_small_however_many_pools_have_a_range():
    pools = ", ".join(f"{{name: p{n}, gpu: h100-sxm, count: {{value: 8, high: 9}}}}" for n in range(100))
    fleet = Variants("-", CATALOG, stdin=f"name: many\npools: [{pools}]\nlease: {{rate_usd_per_gpu_h: 2}}\n".encode())

    assert len(ranged(fleet, ["lease.run_rate_revenue_usd_per_yr"])) == MOST_RANGED


# Bands


def moved(low, high):
    row = Assumption("x", 1.0, None, 0.0, 2.0, None, "assumed", None, frozenset())
    return Ranged(row, 0.0, 2.0, {"m": low}, {"m": high})


@pytest.mark.parametrize(
    ("ends", "low", "high"),
    [
        ([], 10.0, 10.0),
        ([(9.0, 11.0)], 9.0, 11.0),
        ([(11.0, 9.0)], 9.0, 11.0),  # an input that pushes the other way
        ([(7.0, 13.0), (6.0, 14.0)], 5.0, 15.0),  # 3-4-5
        ([(12.0, 15.0)], 10.0, 15.0),  # both ends on one side: the lower moves it up, nothing down
        ([(8.0, 9.0), (12.0, 12.0)], 8.0, 12.0),
        ([(float("nan"), 13.0), (6.0, float("nan"))], 6.0, 13.0),
        ([(float("nan"), float("nan"))], 10.0, 10.0),
    ],
)
def test_a_band_is_the_root_of_the_sum_of_squares_on_each_side(ends, low, high):
    assert band("m", 10.0, [moved(*pair) for pair in ends]) == pytest.approx((low, high))


# Answers to a nudge


def test_a_metric_answers_to_a_number_as_its_power(small):
    keys = [
        "lease.rate_usd_per_gpu_h",
        "lease.billed_share",
        "finance.loss_usd",
        "finance.loss_months",
        "sites.site.energy_price_usd_per_mwh",
        "calibration.scale_loss_share",
        "no.such_number",
    ]
    found = nudged(small, keys, [COVERED, KEPT])

    assert set(found[COVERED]) == set(keys) - {"no.such_number"}
    assert found[COVERED]["lease.rate_usd_per_gpu_h"] == pytest.approx(1.0, abs=1e-9)
    assert found[COVERED]["lease.billed_share"] == pytest.approx(1.0, abs=1e-9)
    # 1/x nudged by a hundredth: (1/1.01 - 1) / 0.01; months by one of twelve.
    assert found[COVERED]["finance.loss_usd"] == pytest.approx(-1.0 / 1.01, rel=1e-9)
    assert found[COVERED]["finance.loss_months"] == pytest.approx(1.0, rel=1e-9)
    assert found[COVERED]["sites.site.energy_price_usd_per_mwh"] == 0.0
    # Power at 50 USD/MWh is 876,000 USD of 15.768 million.
    assert found[KEPT]["sites.site.energy_price_usd_per_mwh"] == pytest.approx(-0.876 / (15.768 - 0.876), rel=1e-9)
    assert found[COVERED]["calibration.scale_loss_share"] == 0.0


def test_a_metric_without_a_value_answers_with_none(small):
    assert np.isnan(
        nudged(small, ["lease.billed_share"], ["h100e.eight_bit_dense_total_share"])[
            "h100e.eight_bit_dense_total_share"
        ]["lease.billed_share"]
    )


def test_a_number_whose_nudge_has_no_result_does_not_silence_the_others():
    # PAT wants one rank to a domain: of nine GPUs instead of eight, eight tensor ranks leave more than one.
    pat = SMALL.replace(b"layout: {tp: 2}", b"layout: {tp: 8}") + b"network: {algorithm: pat}\n"
    keys = ["gpus.h100-sxm.domain_gpu_count", "calibration.sustained_share"]
    found = nudged(Variants("-", CATALOG, stdin=pat), keys, ["mfu.job_share"])["mfu.job_share"]

    assert np.isnan(found.get(keys[0], np.nan))
    assert abs(found[keys[1]]) > 0.01
