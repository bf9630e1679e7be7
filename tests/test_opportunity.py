"""Hand-worked values and limits of training against leasing, and the laws they follow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.lease.opportunity import (
    annuity_usd_per_yr,
    cost_usd_per_pflop_h,
    indifference_mfu_share,
    indifference_rate_usd_per_gpu_h,
    lease_premium_factor,
    market_price_usd_per_pflop_h,
    split_value_usd_per_yr,
    training_value_usd_per_yr,
)

YEAR_H = 8_760
# 150,000 H100, 50,000 H200 and 20,000 GB200 in PFLOP/s of dense BF16, all leased at 2.60.
PEAK = (150_000 + 50_000) * 0.9894 + 20_000 * 2.5
RENT = 220_000 * 2.60 * YEAR_H
PRICE = 2.65 / (0.9894 * 0.40)

LAWS = settings(max_examples=60, deadline=None, derandomize=True)
MONEY, SHARE, COUNT = st.floats(1e3, 1e11), st.floats(0.01, 1.0), st.floats(1.0, 1e6)


def cost(money=RENT, peak=PEAK, mfu=0.4):
    return float(cost_usd_per_pflop_h(cost_usd_per_yr=money, peak_pflop_per_s=peak, mfu_share=mfu))


def price(rate=2.65, peak=0.9894, mfu=0.40):
    return float(market_price_usd_per_pflop_h(rate_usd_per_gpu_h=rate, peak_pflop_per_s=peak, mfu_share=mfu))


def worth(peak=PEAK, mfu=0.4, usd=PRICE):
    return float(training_value_usd_per_yr(peak_pflop_per_s=peak, mfu_share=mfu, price_usd_per_pflop_h=usd))


def premium(money, value):
    return float(lease_premium_factor(revenue_usd_per_yr=money, value_usd_per_yr=value))


def equal_mfu(money=RENT, peak=PEAK, usd=PRICE):
    return float(indifference_mfu_share(revenue_usd_per_yr=money, peak_pflop_per_s=peak, price_usd_per_pflop_h=usd))


def equal_rate(value, hours):
    return float(indifference_rate_usd_per_gpu_h(value_usd_per_yr=value, billed_gpu_h_per_yr=hours))


def annuity(capital=100.0, residual=0.0, rate=0.1, life=6.0):
    return float(annuity_usd_per_yr(capital_usd=capital, residual_share=residual, discount_share=rate, life_yr=life))


# What the founding story comes to


@pytest.mark.parametrize(("mfu", "expected"), [(0.11, 20.98), (0.40, 5.77)])
def test_a_delivered_pflop_hour_costs_the_rent_over_what_is_delivered(mfu, expected):
    assert cost(mfu=mfu) == pytest.approx(expected, abs=0.005)


def test_training_is_worth_the_rent_at_34_percent():
    assert price() == pytest.approx(6.696, abs=5e-4)
    assert equal_mfu() == pytest.approx(0.344, abs=1e-3)


def test_at_a_third_of_that_the_lease_brings_three_times_as_much():
    assert premium(RENT, worth(mfu=0.11)) == pytest.approx(0.34462 / 0.11, rel=1e-4)
    assert equal_rate(worth(mfu=0.11), 220_000 * YEAR_H) == pytest.approx(0.83, abs=5e-3)


# Limits


def test_nothing_costs_nothing_and_half_the_mfu_costs_twice():
    assert cost(money=0.0) == 0.0
    assert cost(mfu=0.2) == pytest.approx(2 * cost(mfu=0.4), rel=1e-15)
    assert cost(money=3.0, peak=0.5 / YEAR_H, mfu=0.5) == pytest.approx(12.0, rel=1e-15)


@pytest.mark.parametrize(("peak", "mfu"), [(0.0, 0.4), (PEAK, 0.0)])
def test_what_delivers_nothing_has_no_price(peak, mfu):
    assert math.isnan(cost(peak=peak, mfu=mfu))
    assert math.isnan(price(peak=peak, mfu=mfu))
    assert worth(peak=peak, mfu=mfu) == 0.0


def test_compute_that_costs_nothing_elsewhere_makes_training_worth_nothing():
    assert price(rate=0.0) == 0.0
    assert worth(usd=0.0) == 0.0
    assert math.isnan(premium(RENT, 0.0))
    assert math.isnan(equal_mfu(usd=0.0))
    assert math.isnan(equal_mfu(peak=0.0))


def test_a_lease_that_brings_nothing_is_worth_less_than_any_training():
    assert premium(0.0, 1e9) == 0.0
    assert equal_mfu(money=0.0) == 0.0


def test_any_rate_is_better_than_training_worth_nothing_and_no_rate_is_without_hours():
    assert equal_rate(0.0, 1e9) == 0.0
    assert math.isnan(equal_rate(1e9, 0.0))


def test_a_rent_above_all_compute_is_worth_has_an_indifference_above_one():
    assert equal_mfu(money=10 * RENT) > 1.0


def test_an_annuity_by_hand():
    # 100 over 2 years at 10%: 100 x 0.1 x 1.21 / 0.21.
    assert annuity(life=2.0) == pytest.approx(12.1 / 0.21, rel=1e-14)
    # The 30 that are left are worth 30 / 1.21 now.
    assert annuity(residual=0.3, life=2.0) == pytest.approx((100 - 30 / 1.21) * 0.121 / 0.21, rel=1e-14)


def test_an_annuity_without_interest_is_straight_line():
    assert annuity(residual=0.1, rate=0.0) == pytest.approx(15.0, rel=1e-15)
    assert annuity(residual=0.1, rate=1e-12) == pytest.approx(15.0, rel=1e-9)


def test_what_is_sold_for_its_cost_costs_its_interest():
    assert annuity(residual=1.0) == pytest.approx(10.0, rel=1e-12)


def test_a_year_of_use_costs_all_of_it_and_a_year_of_interest():
    assert annuity(life=1.0) == pytest.approx(110.0, rel=1e-14)


def test_a_split_is_the_training_of_some_and_the_rent_of_the_others():
    found = split_value_usd_per_yr(
        value_usd_per_yr=[0.0, 5.0, 6.0, math.nan],
        revenue_usd_per_yr=[3.0, 4.0],
        trained_share=[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
    )
    np.testing.assert_array_equal(found, [7.0, 9.0, 6.0, math.nan])


# Laws


@LAWS
@given(money=MONEY, peak=COUNT, mfu=SHARE, rate=st.floats(0.1, 20.0), scale=st.floats(0.01, 100.0))
def test_another_currency_leaves_premium_and_indifference(money, peak, mfu, rate, scale):
    one, other = (
        (premium(money * k, worth(peak, mfu, price(rate * k))), equal_mfu(money * k, peak, price(rate * k)))
        for k in (1.0, scale)
    )
    assert other == pytest.approx(one, rel=1e-12)


@LAWS
@given(money=MONEY, more=MONEY, peak=COUNT, mfu=SHARE)
def test_more_rent_never_lowers_the_premium(money, more, peak, mfu):
    assert premium(money + more, worth(peak, mfu)) >= premium(money, worth(peak, mfu))


@LAWS
@given(money=MONEY, peak=COUNT)
def test_at_the_indifference_mfu_the_premium_is_one(money, peak):
    assert premium(money, worth(peak, equal_mfu(money, peak))) == pytest.approx(1.0, rel=1e-12)


@LAWS
@given(peak=COUNT, mfu=SHARE, hours=st.floats(1.0, 1e10))
def test_at_the_indifference_rate_the_premium_is_one(peak, mfu, hours):
    assert premium(equal_rate(worth(peak, mfu), hours) * hours, worth(peak, mfu)) == pytest.approx(1.0, rel=1e-12)


@LAWS
@given(peaks=st.lists(COUNT, min_size=1, max_size=6), mfu=SHARE)
def test_the_training_of_pools_adds_up(peaks, mfu):
    assert sum(worth(peak, mfu) for peak in peaks) == pytest.approx(worth(sum(peaks), mfu), rel=1e-12)
    assert cost(RENT, sum(peaks), mfu) * sum(peaks) * mfu * YEAR_H == pytest.approx(RENT, rel=1e-12)


@LAWS
@given(capital=MONEY, residual=st.floats(0.0, 1.0), rate=st.floats(0.0, 0.5), life=st.floats(0.5, 30.0))
def test_an_annuity_pays_the_capital_back(capital, residual, rate, life):
    yearly = annuity(capital, residual, rate, life)
    factor = life if rate == 0.0 else -math.expm1(-life * math.log1p(rate)) / rate
    assert yearly * factor + capital * residual * (1 + rate) ** -life == pytest.approx(capital, rel=1e-9)
