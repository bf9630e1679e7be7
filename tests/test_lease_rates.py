"""Facts about lease revenue and rates."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.lease import (
    hedge_ratio,
    implied_rate,
    lease_revenue,
    required_rate,
    take_or_pay_floor,
    weighted_rate,
)
from colocalc.lease.rates import billed_share

light = settings(max_examples=50, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("util", "hours", "expected"),
    [(1.0, 8_760, 5_010_720_000.0), (0.9, 8_760, 4_509_648_000.0), (1.0, 8_784, 5_024_448_000.0)],
)
def test_revenue_of_220_000_gpus_at_2_60(util, hours, expected):
    assert float(lease_revenue(gpus=220_000, rate=2.60, util=util, hours=hours)) == pytest.approx(expected, abs=1e-3)


def test_a_leap_year_earns_24_hours_more():
    year, leap = lease_revenue(1_000, 2.0, 1.0, [8_760, 8_784])
    assert leap - year == pytest.approx(1_000 * 2.0 * 24)


def test_revenue_of_nothing_is_zero():
    np.testing.assert_array_equal(lease_revenue([0, 8, 8], [2.0, 0.0, 2.0], [1.0, 1.0, 0.0], 8_760), np.zeros(3))


@pytest.mark.parametrize(("gpus", "expected"), [(220_000, 3.1133250311332503), (230_000, 2.9779630732578917)])
def test_rate_required_for_six_billion(gpus, expected):
    rate = required_rate(gpus=gpus, target=6e9, util=1.0, hours=8_760)
    assert float(rate) == pytest.approx(expected, rel=1e-12)


def test_rate_required_with_nothing_billed_is_undefined():
    assert np.isnan(required_rate([0, 8, 8], 6e9, [1.0, 0.0, 1.0], [8_760, 8_760, 0])).all()


@light
@given(st.integers(1, 10**6), st.floats(0.01, 100.0), st.floats(0.01, 1.0))
def test_required_rate_is_the_inverse_of_revenue(gpus, rate, util):
    revenue = lease_revenue(gpus, rate, util, 8_760)
    assert float(required_rate(gpus, revenue, util, 8_760)) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize(
    ("fee", "gpus", "expected"), [(1.25e9, 325_000, 5.268703898840886), (9.2e8, 110_000, 11.45703611457036)]
)
def test_rate_implied_by_a_monthly_fee(fee, gpus, expected):
    assert float(implied_rate(fee_per_month=fee, gpus=gpus)) == pytest.approx(expected, rel=1e-12)


def test_rate_implied_by_no_fee_is_zero_and_for_no_gpus_undefined():
    np.testing.assert_array_equal(implied_rate([0.0, 1e6], [8, 0]), [0.0, math.nan])


def test_weighted_rate_of_the_mixed_fleet_is_2_60():
    rate = weighted_rate(gpus=[150_000, 50_000, 20_000], rates=[2.20, 2.90, 4.85])
    assert float(rate) == pytest.approx(2.6, rel=1e-12)


def test_weighted_rate_follows_billed_hours_when_given_those():
    # 100 GPUs half billed at 2 and 100 fully at 3
    assert float(weighted_rate([438_000, 876_000], [2.0, 3.0])) == pytest.approx(8 / 3)


def test_weighted_rate_of_one_pool_or_equal_rates_is_that_rate():
    assert float(weighted_rate([8], [2.5])) == 2.5
    assert float(weighted_rate([8, 3], [2.5, 2.5])) == pytest.approx(2.5)
    assert float(weighted_rate([8, 3], 2.5)) == pytest.approx(2.5)
    assert float(weighted_rate(7, [2.0, 3.0])) == pytest.approx(2.5)


def test_weighted_rate_ignores_a_pool_of_weight_zero():
    assert float(weighted_rate([8, 0], [2.5, math.nan])) == 2.5


def test_weighted_rate_without_weight_is_undefined():
    assert math.isnan(float(weighted_rate([0, 0], [2.5, 3.0])))


def test_hedge_of_the_loss_is_84_percent():
    assert float(hedge_ratio(revenue=5_010_720_000.0, annual_loss=6e9)) == pytest.approx(0.83512, abs=1e-9)


def test_hedge_by_income_equal_to_the_loss_is_one():
    assert float(hedge_ratio(6e9, 6e9)) == 1.0


@pytest.mark.parametrize("loss", [0.0, -1e9, math.nan])
def test_hedge_of_no_loss_is_undefined(loss):
    assert math.isnan(float(hedge_ratio(5e9, loss)))


def test_take_or_pay_pays_the_share_owed():
    floor = take_or_pay_floor(gpus=1_000, rate=2.0, hours=8_760, take_or_pay_share=0.8, actual_util=[0.0, 0.5, 0.8])
    np.testing.assert_allclose(floor, 14_016_000.0, rtol=1e-12)


def test_take_or_pay_with_nothing_owed_is_the_revenue_of_the_hours_used():
    assert take_or_pay_floor(1_000, 2.0, 8_760, 0.0, 0.5) == lease_revenue(1_000, 2.0, 0.5, 8_760)


def test_billed_share_is_the_larger_of_sold_and_owed():
    share = billed_share(sold_share=[0.5, 0.9, 0.5, 0.5], take_or_pay_share=[0.8, 0.8, 0.0, 1.0])
    np.testing.assert_array_equal(share, [0.8, 0.9, 0.5, 1.0])


ROWS = {
    billed_share: {"sold_share": [0.5, 0.9, 0.0], "take_or_pay_share": [0.8, 0.0, 0.0]},
    lease_revenue: {"gpus": [8, 1e5, 0], "rate": [2.0, 3.1, 1.0], "util": [1.0, 0.7, 0.5], "hours": [730, 8_760, 1]},
    required_rate: {"gpus": [8, 1e5, 0], "target": [2.0, 3e9, 1.0], "util": [1.0, 0.7, 0.5], "hours": [730, 8_760, 1]},
    implied_rate: {"fee_per_month": [1e6, 1e9, 0.0], "gpus": [8, 1e5, 0]},
    weighted_rate: {"gpus": [[8, 0], [3, 5], [0, 0]], "rates": [[2.0, math.nan], [2.0, 3.0], [1.0, 1.0]]},
    hedge_ratio: {"revenue": [1e9, 5e9, 1.0], "annual_loss": [0.0, 6e9, -1.0]},
    take_or_pay_floor: {
        "gpus": [8, 1e5, 0],
        "rate": [2.0, 3.1, 1.0],
        "hours": [730, 8_760, 1],
        "take_or_pay_share": [0.8, 0.0, 0.0],
        "actual_util": [0.5, 0.9, 0.0],
    },
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
