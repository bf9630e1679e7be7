"""Expectations judged on what was evaluated."""

import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.loading import load_fleet
from colocalc.study.check import Checked, judged
from colocalc.study.evaluate import evaluate

POOLS = ("h", "g")


@pytest.fixture(scope="module")
def result():
    text = """
name: one
pools: [{name: h, gpu: h100-sxm, count: 100}, {name: g, gpu: h200-sxm, count: 300}]
lease: {rate_usd_per_gpu_h: 2}
"""
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return evaluate(lower(loaded.fleet, loaded.catalog))


def outcome(result, text):
    [(said, found)] = judged(result, [text], pools=POOLS).outcomes
    assert said == text
    return found


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("fleet.gpu_count = 400", True),
        ("fleet.gpu_count > 400", False),
        ("fleet.gpu_count >= 400 and fleet.gpu_count <= 400", True),
        ("fleet.gpu_count != 400", False),
        ("lease.run_rate_revenue_usd_per_yr = 7_008_000", True),  # 400 x 8,760 x 2
        ("pools.g.fleet.gpu_count = 300", True),
        ("pools.h.lease.run_rate_revenue_usd_per_yr < 1.7e6", False),  # 1,752,000
        ("fleet.gpu_count < 1 or lease.mean_rate_usd_per_gpu_h = 2", True),
    ],
)
def test_an_expectation_is_judged_on_the_metrics(result, text, holds):
    assert outcome(result, text).holds is holds


def test_the_reason_names_the_value_found(result):
    found = outcome(result, "fleet.gpu_count > 500")
    assert found.reason == "fleet.gpu_count is 400 (400), not > 500"
    assert found.values == (("fleet.gpu_count", 400.0),)


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("mfu.fleet_share", "needs training (a model, a layout, or measured shares)"),
        ("hedge.gross_share", "needs finance.loss_usd"),
        ("hedge.ebit_share", "needs finance.loss_usd"),
        ("lease.power_cost_usd_per_yr", "needs a site with facility_power_mw or it_power_mw"),
    ],
)
def test_a_metric_without_a_value_fails_with_its_reason(result, metric, reason):
    found = outcome(result, f"{metric} < 1e99 or {metric} > 0")
    assert found.holds is False
    assert found.reason == f"{metric} is undefined: {reason}"
    assert found.values == ((metric, None),)


def test_an_undefined_metric_does_not_spoil_an_alternative_that_holds(result):
    assert outcome(result, "mfu.fleet_share > 0 or fleet.gpu_count = 400").holds


@pytest.mark.parametrize(
    "text", ["mfu.fleet_shares > 0", "pools.x.fleet.gpu_count > 0", "pools.h.mfu.fleet_share > 0", "gpus > 1"]
)
def test_a_metric_that_cannot_exist_is_refused(result, text):
    with pytest.raises(ColocalcError, match="unknown metric"):
        judged(result, [text], pools=POOLS)


def test_an_unknown_metric_gets_the_nearest_one(result):
    with pytest.raises(ColocalcError) as error:
        judged(result, ["mfu.fleet_shares > 0"], pools=POOLS)
    assert "mfu.fleet_share" in error.value.message
    assert "mfu.fleet_shares > 0" in str(error.value)


@pytest.mark.parametrize("text", ["fleet.gpu_count", "fleet.gpu_count > many", "400 < fleet.gpu_count", ""])
def test_an_expectation_that_cannot_be_read_is_refused(result, text):
    with pytest.raises(ColocalcError):
        judged(result, [text], pools=POOLS)


def test_all_hold_only_when_each_does(result):
    good, bad = "fleet.gpu_count = 400", "fleet.gpu_count = 401"
    assert judged(result, [good, good], pools=POOLS).holds
    both = judged(result, [good, bad], pools=POOLS)
    assert not both.holds
    assert [(text, found.holds) for text, found in both.outcomes] == [(good, True), (bad, False)]


def test_nothing_expected_holds():
    assert Checked(()).holds


def test_the_scenarios_validated_are_kept_beside(result):
    assert judged(result, [], pools=POOLS, scenarios=("a", "b")).scenarios == ("a", "b")
