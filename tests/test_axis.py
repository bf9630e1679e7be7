"""A number varied while everything else stays: points, lines between cases, and metrics along several numbers."""

import numpy as np
import pytest

from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.study.axis import Axis, metrics_along, metrics_of, metrics_one_by_one
from colocalc.study.evaluate import evaluate
from colocalc.variants import Variants

CATALOG = load_catalog()
# 1,000 GPUs x 8,760 hours x 2 USD x 0.9 billed = 15.768 million USD a year.
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_000}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 2, billed_share: 0.9}
finance: {loss_usd: 20e6, loss_months: 12}
"""
RATE = "lease.rate_usd_per_gpu_h"
REVENUE = "lease.run_rate_revenue_usd_per_yr"
COVERED = "hedge.gross_share"


@pytest.fixture(scope="module")
def small():
    return Variants("-", CATALOG, stdin=SMALL)


def axis(fleet, key, low, high, *, whole=False, scale="linear"):
    return Axis(key, lambda value: fleet.at(key, value), low, high, whole=whole, scale=scale)


# Points


def never(_value):
    raise AssertionError("points need no case")


@pytest.mark.parametrize(
    ("low", "high", "whole", "scale", "points"),
    [
        (0.0, 1.0, False, "linear", [0.0, 0.25, 0.5, 0.75, 1.0]),
        (1.0, 16.0, False, "log", [1.0, 2.0, 4.0, 8.0, 16.0]),
        (-4.0, 4.0, False, "linear", [-4.0, -2.0, 0.0, 2.0, 4.0]),
        (1.0, 16.0, True, "log", [1.0, 2.0, 4.0, 8.0, 16.0]),
        (1.0, 3.0, True, "linear", [1.0, 2.0, 3.0]),
        (7.0, 7.0, True, "log", [7.0]),
        (0.0, 10.0, True, "linear", [0.0, 2.0, 5.0, 8.0, 10.0]),
    ],
)
def test_points_run_from_low_to_high_and_are_whole_where_only_that_makes_sense(low, high, whole, scale, points):
    found = Axis("x", never, low, high, whole=whole, scale=scale).points(5)

    np.testing.assert_allclose(found, points, rtol=1e-14)
    assert not whole or (found == np.round(found)).all()


# Between the probes


def test_between_probes_cases_are_those_that_lowering_gives(small):
    at = axis(small, RATE, 1.0, 4.0).between()(np.asarray([1.0, 2.2, 4.0]))

    np.testing.assert_allclose(at.lease.rate_usd_per_gpu_h[:, 0], [1.0, 2.2, 4.0], rtol=1e-15)


def test_only_the_probes_are_lowered(small):
    lowered = []

    def at(value):
        lowered.append(value)
        return small.at(RATE, value)

    one = Axis(RATE, at, 0.0, 4.0, whole=False, scale="linear")
    metrics_along([one], [one.points(50)], [REVENUE], small.case)
    metrics_along([one], [one.points(9)], [REVENUE], small.case)

    assert lowered == [0.0, 0.37 * 4.0, 4.0]


def test_a_few_whole_numbers_have_no_line(small):
    assert axis(small, "pools.a.count", 1.0, 2.0, whole=True).between() is None


def test_where_a_probe_has_no_case_there_is_no_line(small):
    def at(value):
        if value > 3.0:
            raise ColocalcError("too dear")
        return small.at(RATE, value)

    one = Axis(RATE, at, 1.0, 4.0, whole=False, scale="linear")

    assert one.between() is None
    found = metrics_along([one], [np.asarray([1.0, 3.0, 4.0])], [REVENUE], small.case)[0][REVENUE]
    np.testing.assert_allclose(found, [7.884e6, 23.652e6, np.nan], rtol=1e-14)


def test_a_line_that_bends_is_given_up(small):
    one = axis(small, RATE, 1.0, 4.0)
    assert one.between() is not None

    one.bend()

    assert one.between() is None


# Metrics along several


def test_metrics_along_numbers_are_those_of_each_varied_alone(small):
    axes = [
        axis(small, RATE, 1.0, 4.0),
        axis(small, "finance.loss_usd", 10e6, 40e6),
        axis(small, "gpus.h100-sxm.peak_bf16_tflop_per_s", 990.0, 2_000.0),  # no line: the ceiling is over peak
        axis(small, "finance.loss_months", 6.0, 24.0, whole=True),
    ]
    at = [np.asarray([1.0, 4.0]), np.asarray([20e6, 10e6, 40e6]), np.asarray([1_000.0]), np.asarray([6.0, 24.0])]
    names = [COVERED, "mfu.job_share", REVENUE]

    found = metrics_along(axes, at, names, small.case)

    np.testing.assert_allclose(found[0][COVERED], [0.3942, 1.5768], rtol=1e-13)
    np.testing.assert_allclose(found[1][COVERED], [0.7884, 1.5768, 0.3942], rtol=1e-13)
    np.testing.assert_allclose(found[2][COVERED], [0.7884], rtol=1e-13)
    np.testing.assert_allclose(found[3][COVERED], [0.3942, 1.5768], rtol=1e-13)
    for one, values, metrics in zip(axes, at, found, strict=True):
        for place, value in enumerate(values):
            alone = evaluate(small.at(one.key, float(value))).metrics
            for name in names:
                assert metrics[name][place] == pytest.approx(float(alone[name]), rel=1e-12), (one.key, name)


def test_a_number_that_changes_the_structure_does_not_disturb_the_others():
    fleet = Variants("-", CATALOG, stdin=SMALL, sets=("lease={rate_card: story-2026-05}", "pools.a.gpu=h100-sxm"))
    axes = [axis(fleet, RATE, 1.0, 4.0), axis(fleet, "lease.fee_usd_per_month", 1.0, 4e6)]

    found = metrics_along(
        [*axes, axis(fleet, "finance.loss_usd", 1e6, 2e6)], [np.asarray([2.0])] * 3, [REVENUE], fleet.case
    )

    assert [float(one[REVENUE][0]) for one in found] == pytest.approx([17.52e6, 24.0, 8_760_000 * 2.2], rel=1e-12)


def test_a_lease_that_only_one_of_two_numbers_brings_about():
    bare = Variants("-", CATALOG, stdin=b"name: bare\npools: [{name: a, gpu: h100-sxm, count: 1_000}]\n")
    axes = [axis(bare, RATE, 1.0, 4.0), axis(bare, "pools.a.count", 500.0, 2_000.0)]

    found = metrics_along(axes, [np.asarray([1.0, 2.0]), np.asarray([500.0])], [REVENUE, "fleet.gpu_count"], bare.case)

    np.testing.assert_allclose(found[0][REVENUE], [8.76e6, 17.52e6], rtol=1e-13)
    assert np.isnan(found[1][REVENUE]).all()
    assert found[1]["fleet.gpu_count"].tolist() == [500.0]


def test_a_metric_without_a_value_is_nan_and_not_refused(small):
    names = ["mfu.job_share", "h100e.eight_bit_dense_total_share"]

    (found,) = metrics_along([axis(small, "pools.a.count", 1.0, 1e4)], [np.asarray([1.0, 1e3])], names, small.case)

    assert np.isnan(found["h100e.eight_bit_dense_total_share"]).all()
    assert np.isnan(found["mfu.job_share"][0])  # one GPU is no replica of two
    assert found["mfu.job_share"][1] > 0.3


def test_no_values_give_no_metrics(small):
    (found,) = metrics_along([axis(small, RATE, 1.0, 4.0)], [np.asarray([])], [REVENUE], small.case)

    assert found[REVENUE].shape == (0,)
    assert metrics_one_by_one(axis(small, RATE, 1.0, 4.0), np.asarray([]), [REVENUE])[REVENUE].shape == (0,)


def test_a_value_without_result_takes_none_from_its_neighbours():
    """PAT wants one rank to a domain, which the step model refuses, not the lowering."""
    fleet = Variants("meta-llama3-16k", CATALOG, sets=("network.algorithm=pat",))
    one = axis(fleet, "gpus.h100-sxm.domain_gpu_count", 8.0, 64.0, whole=True)

    (found,) = metrics_along([one], [np.asarray([8.0, 64.0])], ["mfu.job_share"], fleet.case)

    assert found["mfu.job_share"][0] == pytest.approx(float(evaluate(fleet.case).metrics["mfu.job_share"]), rel=1e-12)
    assert np.isnan(found["mfu.job_share"][1])


def test_a_network_without_any_bandwidth_is_undefined_in_silence(small):
    """Warnings are errors in these tests."""
    efficiency = axis(small, "calibration.scale_out_share", 0.0, 1.0)

    (found,) = metrics_along([efficiency], [np.asarray([0.0, 0.8])], ["mfu.step_time_s"], small.case)

    assert found["mfu.step_time_s"][1] > 0.0


# Metrics of several cases


def test_metrics_of_cases_are_those_of_each(small):
    cases = [small.case, small.at(RATE, 4.0), small.at("lease.billed_share", 0.45)]

    np.testing.assert_allclose(metrics_of(cases, [COVERED])[COVERED], [0.7884, 1.5768, 0.3942], rtol=1e-13)


def test_cases_of_another_structure_and_missing_ones_stand_beside_the_others(small):
    lossless = Variants("-", CATALOG, stdin=SMALL, sets=("finance=null",)).case

    found = metrics_of([small.case, lossless, None], [COVERED, REVENUE])

    np.testing.assert_allclose(found[COVERED], [0.7884, np.nan, np.nan], rtol=1e-13)
    np.testing.assert_allclose(found[REVENUE], [15.768e6, 15.768e6, np.nan], rtol=1e-13)


def test_a_metric_that_no_case_moves_is_told_for_each(small):
    found = metrics_of([small.case, small.at(RATE, 4.0)], ["fleet.gpu_count"])

    assert found["fleet.gpu_count"].tolist() == [1_000.0, 1_000.0]
