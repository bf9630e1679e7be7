"""Laws of lease revenue and of the hedge: what adds up, what scales, and which pairs undo each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.lease.costs import contribution_usd_per_yr, power_cost_usd_per_yr, revenue_usd_per_mw_yr
from colocalc.lease.hedge import annual_loss_usd_per_yr, cover_rate_usd_per_gpu_h
from colocalc.lease.rates import (
    billed_share,
    hedge_ratio,
    implied_rate,
    lease_revenue,
    required_rate,
    take_or_pay_floor,
    weighted_rate,
)
from colocalc.units import HOURS_PER_YEAR, MONTHS_PER_YEAR

LAWS = settings(deadline=None, derandomize=True, max_examples=40)

COUNT = st.integers(1, 500_000).map(float)
RATE = st.floats(0.01, 20.0)
SHARE = st.floats(0.01, 1.0)
HOURS = st.floats(1.0, 8_784.0)
MONEY = st.floats(1e3, 1e11)
SCALE = st.floats(0.01, 100.0)
POOLS = st.lists(st.tuples(COUNT, RATE, SHARE), min_size=1, max_size=6).map(lambda rows: np.array(rows).T)


def near(value):
    return pytest.approx(value, rel=1e-12)


# Revenue


@LAWS
@given(pools=POOLS, hours=HOURS)
def test_revenue_adds_up_over_pools(pools, hours):
    gpus, rates, shares = pools
    whole = lease_revenue(gpus, rates, shares, hours).sum()
    parts = sum(float(lease_revenue(*pool, hours)) for pool in zip(gpus, rates, shares, strict=True))
    assert whole == near(parts)


@LAWS
@given(one=COUNT, other=COUNT, rate=RATE, share=SHARE, hours=HOURS)
def test_pools_of_one_rate_earn_what_one_pool_of_all_their_gpus_earns(one, other, rate, share, hours):
    together = lease_revenue(one + other, rate, share, hours)
    assert lease_revenue(one, rate, share, hours) + lease_revenue(other, rate, share, hours) == near(together)


@pytest.mark.parametrize("place", range(4), ids=["gpus", "rate", "share", "hours"])
@LAWS
@given(terms=st.tuples(COUNT, RATE, SHARE, HOURS), scale=SCALE)
def test_revenue_is_in_proportion_to(place, terms, scale):
    scaled = [term * (scale if place == number else 1.0) for number, term in enumerate(terms)]
    assert lease_revenue(*scaled) == near(scale * lease_revenue(*terms))


@LAWS
@given(gpus=COUNT, rate=RATE, share=SHARE, hours=HOURS)
def test_the_rate_required_for_a_revenue_earns_it(gpus, rate, share, hours):
    assert required_rate(gpus, lease_revenue(gpus, rate, share, hours), share, hours) == near(rate)


@LAWS
@given(gpus=COUNT, rate=RATE)
def test_twelve_fees_at_the_implied_rate_are_a_year_of_revenue(gpus, rate):
    fee = lease_revenue(gpus, rate, 1.0, HOURS_PER_YEAR) / MONTHS_PER_YEAR
    assert implied_rate(fee, gpus) == near(rate)


@LAWS
@given(pools=POOLS)
def test_all_billed_hours_at_the_mean_rate_earn_the_revenue(pools):
    gpus, rates, shares = pools
    hours = gpus * shares * HOURS_PER_YEAR
    revenue = lease_revenue(gpus, rates, shares, HOURS_PER_YEAR).sum()
    assert weighted_rate(hours, rates) * hours.sum() == near(revenue)


@LAWS
@given(pools=POOLS, scale=SCALE)
def test_the_mean_rate_lies_between_the_rates_and_knows_no_unit_of_weight(pools, scale):
    gpus, rates, _ = pools
    mean = weighted_rate(gpus, rates)
    assert rates.min() * (1.0 - 1e-12) <= mean <= rates.max() * (1.0 + 1e-12)
    assert weighted_rate(gpus * scale, rates) == near(mean)


@LAWS
@given(pools=POOLS)
def test_the_mean_rate_of_pools_taken_twice_is_the_same(pools):
    gpus, rates, _ = pools
    assert weighted_rate(np.tile(gpus, 2), np.tile(rates, 2)) == near(weighted_rate(gpus, rates))


@LAWS
@given(gpus=COUNT, rate=RATE, hours=HOURS, owed=SHARE, used=SHARE)
def test_take_or_pay_earns_the_better_of_hours_owed_and_hours_used(gpus, rate, hours, owed, used):
    floor = take_or_pay_floor(gpus, rate, hours, owed, used)
    assert floor == max(lease_revenue(gpus, rate, owed, hours), lease_revenue(gpus, rate, used, hours))
    assert billed_share(sold_share=used, take_or_pay_share=owed) == max(owed, used)


# Costs


@LAWS
@given(one=st.floats(0.1, 500.0), other=st.floats(0.1, 500.0), price=st.floats(-50.0, 500.0))
def test_the_energy_of_two_sites_costs_what_each_costs(one, other, price):
    together = power_cost_usd_per_yr(facility_power_mw=one + other, energy_price_usd_per_mwh=price)
    parts = [power_cost_usd_per_yr(facility_power_mw=mw, energy_price_usd_per_mwh=price) for mw in (one, other)]
    assert sum(parts) == pytest.approx(together, rel=1e-12, abs=1e-6)


@LAWS
@given(revenue=MONEY, power=MONEY, operations=MONEY, scale=SCALE)
def test_contribution_scales_with_the_currency(revenue, power, operations, scale):
    parts = {"revenue_usd_per_yr": revenue, "power_cost_usd_per_yr": power, "operations_usd_per_yr": operations}
    scaled = contribution_usd_per_yr(**{name: value * scale for name, value in parts.items()})
    size = scale * (revenue + power + operations)
    assert scaled == pytest.approx(scale * contribution_usd_per_yr(**parts), rel=1e-12, abs=1e-12 * size)


@LAWS
@given(revenue=MONEY, mw=st.floats(0.1, 2_000.0))
def test_revenue_per_megawatt_times_megawatts_is_the_revenue(revenue, mw):
    assert revenue_usd_per_mw_yr(revenue_usd_per_yr=revenue, facility_power_mw=mw) * mw == near(revenue)


# Hedge


@LAWS
@given(loss=MONEY, months=st.integers(1, 36), scale=SCALE)
def test_a_loss_at_one_pace_is_the_same_loss_a_year_however_long_it_is_watched(loss, months, scale):
    watched = annual_loss_usd_per_yr(loss_usd=loss, loss_months=months)
    assert annual_loss_usd_per_yr(loss_usd=loss * scale, loss_months=months * scale) == near(watched)


@LAWS
@given(revenue=MONEY, loss=MONEY)
def test_twice_the_loss_is_covered_half_as_well(revenue, loss):
    assert hedge_ratio(revenue, 2.0 * loss) == near(hedge_ratio(revenue, loss) / 2.0)


@LAWS
@given(revenue=MONEY, loss=MONEY, scale=SCALE)
def test_the_share_covered_knows_no_currency(revenue, loss, scale):
    assert hedge_ratio(revenue * scale, loss * scale) == near(hedge_ratio(revenue, loss))


@LAWS
@given(one=MONEY, other=MONEY, loss=MONEY)
def test_the_shares_that_two_incomes_cover_add_up(one, other, loss):
    assert hedge_ratio(one, loss) + hedge_ratio(other, loss) == near(hedge_ratio(one + other, loss))


@LAWS
@given(pools=POOLS, loss=MONEY)
def test_share_covered_times_cover_rate_times_billed_hours_is_the_revenue(pools, loss):
    gpus, rates, shares = pools
    revenue = lease_revenue(gpus, rates, shares, HOURS_PER_YEAR).sum()
    hours = (gpus * shares * HOURS_PER_YEAR).sum()
    rate = cover_rate_usd_per_gpu_h(loss_usd_per_yr=loss, added_cost_usd_per_yr=0.0, billed_gpu_h_per_yr=hours)
    assert hedge_ratio(revenue, loss) * rate * hours == near(revenue)


@LAWS
@given(pools=POOLS, loss=MONEY)
def test_the_share_covered_is_the_mean_rate_over_the_cover_rate(pools, loss):
    gpus, rates, shares = pools
    weights = gpus * shares * HOURS_PER_YEAR
    revenue = lease_revenue(gpus, rates, shares, HOURS_PER_YEAR).sum()
    rate = cover_rate_usd_per_gpu_h(loss_usd_per_yr=loss, added_cost_usd_per_yr=0.0, billed_gpu_h_per_yr=weights.sum())
    assert hedge_ratio(revenue, loss) == near(weighted_rate(weights, rates) / rate)


@LAWS
@given(gpus=COUNT, share=SHARE, loss=MONEY, power=MONEY, operations=MONEY)
def test_at_the_cover_rate_the_contribution_covers_the_whole_loss(gpus, share, loss, power, operations):
    rate = cover_rate_usd_per_gpu_h(
        loss_usd_per_yr=loss,
        added_cost_usd_per_yr=power + operations,
        billed_gpu_h_per_yr=gpus * share * HOURS_PER_YEAR,
    )
    left = contribution_usd_per_yr(
        revenue_usd_per_yr=lease_revenue(gpus, rate, share, HOURS_PER_YEAR),
        power_cost_usd_per_yr=power,
        operations_usd_per_yr=operations,
    )
    size = (loss + power + operations) / loss
    assert hedge_ratio(left, loss) == pytest.approx(1.0, abs=1e-12 * size)


@LAWS
@given(pools=POOLS, loss=MONEY, fewer=st.floats(0.1, 0.99))
def test_fewer_billed_hours_need_a_rate_higher_by_as_much(pools, loss, fewer):
    hours = (pools[0] * pools[2] * HOURS_PER_YEAR).sum()
    full, part = (
        cover_rate_usd_per_gpu_h(loss_usd_per_yr=loss, added_cost_usd_per_yr=0.0, billed_gpu_h_per_yr=billed)
        for billed in (hours, fewer * hours)
    )
    assert part * fewer == near(full)
