"""Facts about what a contract earns by pool and month."""

import numpy as np
import pytest

from colocalc.lease import implied_rate, lease_revenue, weighted_rate
from colocalc.lease.contract import (
    anniversary_count,
    contract_usd,
    escalation_factor,
    fee_usd,
    late_share,
    metered_revenue_usd,
    passthrough_usd,
    sla_credit_usd,
    spread_usd,
)
from colocalc.lease.delivery import available_gpu_h, ramped_gpu_count
from colocalc.lease.months import month_h

YEAR = 24_312.0 + np.arange(12.0)  # 2026


def _escalated(months, start, step, end=np.inf):
    return escalation_factor(calendar_month=months, start_month=start, end_month=end, escalator_share=step)


def test_anniversaries_are_counted_and_a_month_is_cut_at_them():
    months = np.arange(98.0, 126.0)
    np.testing.assert_array_equal(
        anniversary_count(calendar_month=months, start_month=100.0), [0.0] * 14 + [1.0] * 12 + [2.0] * 2
    )
    assert not late_share(calendar_month=months, start_month=100.0, end_month=np.inf).any()
    late = late_share(calendar_month=months, start_month=100.5, end_month=np.inf)
    np.testing.assert_allclose(late[months == 112.0], 0.5)  # half of the month lies behind the first
    np.testing.assert_allclose(late[months == 113.0], 0.0)
    # Over a quarter of a month after the anniversary, of the three quarters that are under contract
    ended = late_share(calendar_month=months, start_month=100.5, end_month=112.75)
    np.testing.assert_allclose(ended[months == 112.0], 1 / 3)


def test_the_escalator_steps_on_each_anniversary():
    factor = _escalated(np.arange(100.0, 130.0), 100.0, 0.03)
    np.testing.assert_allclose(factor, [1.0] * 12 + [1.03] * 12 + [1.03**2] * 6, rtol=1e-15)


def test_without_an_escalator_and_before_the_start_nothing_changes():
    np.testing.assert_array_equal(_escalated(np.arange(100.0, 160.0), 100.0, 0.0), np.ones(60))
    np.testing.assert_array_equal(_escalated(np.arange(80.0, 112.0), 100.0, 0.03), np.ones(32))


def test_an_anniversary_within_a_month_takes_its_part_of_the_step():
    factor = _escalated(np.arange(100.0, 125.0), 100.5, 0.04)
    np.testing.assert_allclose(factor[[0, 11, 12, 13, 24]], [1.0, 1.0, 1.02, 1.04, 1.04 * 1.02], rtol=1e-14)


def test_a_contract_of_whole_years_ends_before_the_step_of_its_last_anniversary():
    # 12 months from the middle of a month: the last half month is of the first year
    assert _escalated([112.0], 100.5, 0.04, end=112.5) == 1.0
    assert _escalated([112.0], 100.5, 0.04, end=112.75) == pytest.approx(1 + 0.04 / 3)


def test_an_anniversary_off_by_rounding_is_the_same_step():
    np.testing.assert_allclose(_escalated([111.0, 112.0], 100.0 + 1e-12, 0.04), [1.0, 1.04], rtol=1e-11)
    np.testing.assert_allclose(_escalated([111.0, 112.0], 100.0 - 1e-12, 0.04), [1.0, 1.04], rtol=1e-11)


def test_a_price_may_fall_from_year_to_year():
    assert _escalated([112.0], 100.0, -0.05) == 0.95


def _metered(**changes):
    terms = {
        "committed_gpu_h": [[100.0, 100.0]],
        "uncommitted_gpu_h": [[0.0, 20.0]],
        "rate_usd_per_gpu_h": [2.0],
        "escalation_factor": [1.0, 1.1],
        "market_rate_usd_per_gpu_h": [[3.0, 4.0]],
    }
    return metered_revenue_usd(**terms | changes)


def test_hours_owed_earn_the_rate_and_hours_beyond_the_market():
    np.testing.assert_allclose(_metered(), [[200.0, 220.0 + 80.0]])


def test_renewal_at_market_earns_the_market_alone():
    np.testing.assert_array_equal(_metered(committed_gpu_h=[[0.0, 0.0]], uncommitted_gpu_h=[[10.0, 10.0]]), [[30, 40]])


def test_no_hours_and_a_rate_of_zero_earn_nothing():
    np.testing.assert_array_equal(_metered(committed_gpu_h=[[0.0, 0.0]], uncommitted_gpu_h=[[0.0, 0.0]]), [[0, 0]])
    zero = _metered(rate_usd_per_gpu_h=[0.0], market_rate_usd_per_gpu_h=[[0.0, 0.0]])
    np.testing.assert_array_equal(zero, [[0, 0]])


def test_a_rate_unknown_matters_only_where_there_are_hours():
    revenue = _metered(market_rate_usd_per_gpu_h=[[np.nan, np.nan]])
    np.testing.assert_array_equal(revenue, [[200.0, np.nan]])
    none = _metered(committed_gpu_h=[[0.0, 0.0]], uncommitted_gpu_h=[[0.0, 0.0]], rate_usd_per_gpu_h=[np.nan])
    np.testing.assert_array_equal(none, [[0, 0]])


def test_a_year_of_the_mixed_fleet_at_2_60_is_5_01_billion():
    hours = available_gpu_h(
        delivered_gpu_count=np.array([[150e3], [50e3], [20e3]]) * np.ones(12),
        month_h=month_h(calendar_month=YEAR, leap_day_count=1.0),
        available_share=[1.0] * 3,
    )
    revenue = metered_revenue_usd(
        committed_gpu_h=hours,
        uncommitted_gpu_h=0.0 * hours,
        rate_usd_per_gpu_h=[2.20, 2.90, 4.85],
        escalation_factor=np.ones(12),
        market_rate_usd_per_gpu_h=0.0 * hours,
    )
    assert round(float(revenue.sum()), 2) == 5_010_720_000.00
    assert revenue.sum() / hours.sum() == pytest.approx(2.6, rel=1e-13)


def test_a_fee_does_not_depend_on_the_days_of_a_month():
    fee = fee_usd(fee_usd_per_month=1.25e9, due_share=np.ones(12), escalation_factor=np.ones(12))
    np.testing.assert_array_equal(fee, np.full(12, 1.25e9))
    assert fee.sum() == 15e9


def test_a_fee_is_due_in_part_and_escalated():
    fee = fee_usd(fee_usd_per_month=100.0, due_share=[0.0, 0.5, 1.0], escalation_factor=[1.0, 1.0, 1.03])
    np.testing.assert_array_equal(fee, [0, 50, 103])
    assert not fee_usd(fee_usd_per_month=0.0, due_share=[1.0], escalation_factor=[1.0]).any()


def test_the_fee_of_325_000_gpus_comes_to_5_27_a_gpu_hour():
    hours = 325_000.0 * month_h(calendar_month=YEAR, leap_day_count=1.0)
    rate = 12 * 1.25e9 / hours.sum()
    assert round(float(rate), 2) == 5.27
    assert rate == pytest.approx(implied_rate(1.25e9, 325_000))


def _spread(amount, hours, gpus):
    return spread_usd(amount_usd=amount, billed_gpu_h=hours, delivered_gpu_count=gpus)


def test_a_fee_is_spread_by_hours_billed():
    np.testing.assert_array_equal(_spread([100.0], [[30.0], [10.0]], [[1.0], [1.0]]), [[75], [25]])


def test_a_month_without_hours_is_spread_by_gpus_and_one_without_gpus_evenly():
    parts = _spread([100.0, 100.0], [[0.0, 0.0], [0.0, 0.0]], [[3.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(parts, [[75, 50], [25, 50]])


def test_one_pool_has_all_of_it():
    np.testing.assert_array_equal(_spread([100.0, 7.0], [[3.0, 0.0]], [[1.0, 0.0]]), [[100, 7]])


def _credit(availability, thresholds, credits_share):
    return sla_credit_usd(
        revenue_usd=[[100.0] * len(availability)],
        availability_share=[availability],
        sla_threshold_share=thresholds,
        sla_credit_share=credits_share,
    )[0]


def test_availability_below_the_threshold_gives_back_a_share():
    np.testing.assert_array_equal(_credit([1.0, 0.99, 0.98], [0.99], [0.1]), [0, 0, 10])


def test_of_several_tiers_missed_the_largest_credit_counts_alone():
    np.testing.assert_array_equal(_credit([0.995, 0.98, 0.90], [0.99, 0.95], [0.1, 0.3]), [0, 10, 30])


def test_a_threshold_of_zero_or_no_tier_credits_nothing():
    assert not _credit([0.0, 0.5], [0.0], [1.0]).any()
    assert not _credit([0.0, 0.5], [], []).any()


def test_power_passed_on_is_a_wash():
    cost = np.array([[10.0, 20.0]])
    np.testing.assert_array_equal(passthrough_usd(power_cost_usd=cost, passthrough_share=1.0) - cost, [[0, 0]])
    assert not passthrough_usd(power_cost_usd=cost, passthrough_share=0.0).any()
    np.testing.assert_array_equal(passthrough_usd(power_cost_usd=cost, passthrough_share=0.5), [[5, 10]])


def test_the_contract_is_the_sum_of_its_pools():
    np.testing.assert_array_equal(contract_usd(pool_usd=[[1.0, 2.0], [0.0, 0.0]]), [1, 2])
    np.testing.assert_array_equal(contract_usd(pool_usd=[[1.0, 2.0], [3.0, 4.0]]), [4, 6])


def test_pools_that_ramp_at_different_dates_do_not_earn_the_weighted_mean_of_their_rates():
    gpus, rates = np.array([100.0, 100.0]), np.array([2.0, 4.0])
    count = ramped_gpu_count(
        gpu_count=gpus, calendar_month=YEAR, delivery_month=YEAR[[0, 6]], ramp_months=[0.0, 0.0], end_month=YEAR[-1] + 1
    )
    hours = available_gpu_h(
        delivered_gpu_count=count,
        month_h=month_h(calendar_month=YEAR, leap_day_count=1.0),
        available_share=[1.0, 1.0],
    )
    revenue = hours * rates[:, None]
    # 181 days of the first half are without the dearer pool
    expected = (365 * 2.0 + 184 * 4.0) / (365 + 184)
    assert revenue.sum() / hours.sum() == pytest.approx(expected)
    assert weighted_rate(gpus, rates) == 3
    assert revenue.sum() < lease_revenue(200.0, 3.0, 1.0, 8_760)
