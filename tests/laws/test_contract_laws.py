"""Laws of contracts: what adds up, what lies between what, and what never lowers revenue."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.lease.card_family import (
    highest_rate_usd_per_gpu_h,
    lowest_rate_usd_per_gpu_h,
)
from colocalc.lease.contract import contract_usd, escalation_factor, metered_revenue_usd, spread_usd
from colocalc.lease.delivery import (
    committed_gpu_h,
    ramped_gpu_count,
    stepped_gpu_count,
    uncommitted_gpu_h,
)
from colocalc.lease.forward import forward_rate_usd_per_gpu_h
from colocalc.lease.months import covered_share, month_h, month_number
from colocalc.lease.path import point_rate_usd_per_gpu_h, repriced_rate_usd_per_gpu_h, repricing_month
from colocalc.lease.prepayment import cash_revenue_usd, deferred_revenue_usd, prepayment_credit_usd
from colocalc.lease.rates import weighted_rate
from colocalc.lease.termination import alive_share, firm_share

LAWS = settings(deadline=None, derandomize=True, max_examples=60)
CENT = 0.005
MONTHS = 24_317.0 + np.arange(48.0)
# Exact in binary, so that instants add up without rounding; other fractions have tests of their own.
INSTANT = st.integers(0, 40 * 16).map(lambda sixteenths: 24_317.0 + sixteenths / 16.0)
SPAN = st.integers(0, 40 * 16).map(lambda sixteenths: sixteenths / 16.0)
SHARE = st.floats(0.0, 1.0)
COUNT = st.integers(0, 400_000).map(float)
RATE = st.floats(0.0, 20.0)


def rows(*kinds):
    return st.lists(st.tuples(*kinds), min_size=1, max_size=5).map(lambda found: np.array(found).T)


# The calendar


@LAWS
@given(year=st.integers(1600, 2400), first=st.integers(1, 12))
def test_twelve_months_are_365_or_366_days_and_400_years_are_whole(year, first):
    start = 12.0 * year + first - 1.0
    hours = month_h(calendar_month=start + np.arange(4_800.0), leap_day_count=1.0)
    assert hours[:12].sum() in {8_760.0, 8_784.0}
    assert hours.sum() == 146_097 * 24


@LAWS
@given(year=st.integers(1900, 2100), month=st.integers(1, 12), day=st.integers(1, 28))
def test_the_instant_of_a_day_is_the_days_before_it(year, month, day):
    instant = month_number(calendar_yr=year, month_of_year_count=month, day_of_month_count=day)
    whole = np.floor(instant)
    days = month_h(calendar_month=[whole], leap_day_count=1.0)[0] / 24.0
    assert (instant - whole) * days == pytest.approx(day - 1, abs=1e-9)
    assert whole == 12 * year + month - 1


@LAWS
@given(start=INSTANT, one=SPAN, other=SPAN)
def test_parts_of_a_contract_cover_what_the_whole_covers(start, one, other):
    def cover(since, until):
        return covered_share(calendar_month=MONTHS, start_month=since, end_month=until)

    middle, end = start + one, start + one + other
    np.testing.assert_array_equal(cover(start, middle) + cover(middle, end), cover(start, end))


# Delivery


@LAWS
@given(count=COUNT, delivery=INSTANT, ramp=SPAN, end=INSTANT)
def test_a_ramp_never_delivers_more_than_a_delivery_at_once_nor_less_than_nothing(count, delivery, ramp, end):
    def gpus(months):
        return ramped_gpu_count(
            gpu_count=[count], calendar_month=MONTHS, delivery_month=[delivery], ramp_months=[months], end_month=end
        )

    slack = 1e-9 * count
    assert (gpus(ramp) >= -slack).all()
    assert (gpus(ramp) <= gpus(0.0) + slack).all()


@LAWS
@given(steps=rows(COUNT, INSTANT), end=INSTANT)
def test_steps_are_deliveries_of_pools_of_their_own(steps, end):
    counts, dates = steps
    stepped = stepped_gpu_count(
        step_gpu_count=counts[None], step_month=dates[None], calendar_month=MONTHS, end_month=end
    )
    each = ramped_gpu_count(
        gpu_count=counts, calendar_month=MONTHS, delivery_month=dates, ramp_months=0.0 * dates, end_month=end
    )
    np.testing.assert_allclose(stepped[0], each.sum(axis=0), rtol=1e-12, atol=1e-6)


# Revenue


def _revenue(pools, sold, *, market_factor=1.0):
    hours, owed, rate = (row[:, None] for row in pools)
    parts = {"available_gpu_h": hours, "take_or_pay_share": owed[:, 0]}
    return metered_revenue_usd(
        committed_gpu_h=committed_gpu_h(**parts),
        uncommitted_gpu_h=uncommitted_gpu_h(sold_share=np.full_like(hours, sold), **parts),
        rate_usd_per_gpu_h=rate[:, 0],
        escalation_factor=[1.0],
        market_rate_usd_per_gpu_h=rate * market_factor,
    )


POOLS = rows(st.floats(0.0, 3e8), SHARE, RATE)


@LAWS
@given(pools=POOLS, one=SHARE, other=SHARE, market_factor=st.floats(0.0, 3.0))
def test_more_utilization_never_lowers_revenue(pools, one, other, market_factor):
    less, more = sorted((one, other))
    assert (
        _revenue(pools, less, market_factor=market_factor)
        <= _revenue(pools, more, market_factor=market_factor) + CENT / 100
    ).all()


@LAWS
@given(pools=POOLS, sold=SHARE)
def test_one_rate_for_all_hours_earns_the_larger_of_sold_and_owed(pools, sold):
    hours, owed, rate = pools
    np.testing.assert_allclose(
        _revenue(pools, sold)[:, 0], hours * np.maximum(owed, sold) * rate, rtol=1e-12, atol=CENT
    )


@LAWS
@given(
    amounts=st.lists(st.floats(0.0, 2e9), min_size=1, max_size=6),
    weights=rows(st.floats(0.0, 3e8) | st.just(0.0), COUNT),
)
def test_the_parts_of_pools_sum_to_the_contract_to_the_cent(amounts, weights):
    hours, gpus = (np.repeat(row[:, None], len(amounts), axis=1) for row in weights)
    parts = spread_usd(amount_usd=amounts, billed_gpu_h=hours, delivered_gpu_count=gpus)
    assert (parts >= 0).all()
    np.testing.assert_allclose(contract_usd(pool_usd=parts), amounts, rtol=0, atol=CENT)


@LAWS
@given(start=INSTANT, step=st.floats(-0.5, 0.5))
def test_the_escalator_steps_once_a_year(start, step):
    factor = escalation_factor(calendar_month=MONTHS, start_month=start, end_month=np.inf, escalator_share=step)
    whole = start <= MONTHS
    np.testing.assert_allclose(factor[whole][12:], factor[whole][:-12] * (1.0 + step), rtol=1e-12)


# Prepayment


@LAWS
@given(
    revenue=st.lists(st.floats(0.0, 1e10), min_size=48, max_size=48),
    window=st.tuples(st.integers(0, 47), st.integers(1, 48)),
    share=SHARE,
    signing=st.integers(0, 47),
)
def test_a_prepayment_is_counted_once(revenue, window, share, signing):
    earned = np.array(revenue)
    since, length = window
    unwind = (np.arange(48) >= since) & (np.arange(48) < since + length)
    prepayment = share * float(earned[unwind].sum())
    credit = prepayment_credit_usd(revenue_usd=earned, prepayment_usd=prepayment, unwind_share=unwind)
    cash = cash_revenue_usd(
        revenue_usd=earned,
        credit_usd=credit,
        prepayment_usd=prepayment,
        signing_month=MONTHS[signing],
        calendar_month=MONTHS,
    )
    assert cash.sum() == pytest.approx(earned.sum(), rel=1e-12, abs=CENT)
    assert (credit <= earned * (1 + 1e-12)).all()
    assert (cash >= -CENT).all()
    balance = deferred_revenue_usd(cash_revenue_usd=cash, revenue_usd=earned)
    assert abs(balance[-1]) <= max(CENT, 1e-12 * earned.sum())


# Termination


TERMS = st.fixed_dictionaries(
    {
        "start_month": INSTANT,
        "length": SPAN,
        "initial": SPAN,
        "notice_months": SPAN | st.just(np.inf),
    }
)


def _terms(terms):
    start = terms["start_month"]
    return {
        "calendar_month": MONTHS,
        "start_month": start,
        "end_month": start + terms["length"],
        "earliest_notice_month": start + terms["initial"],
        "notice_months": terms["notice_months"],
    }


@LAWS
@given(terms=TERMS, notice_share=SHARE, fee=st.floats(0.0, 2e9))
def test_the_expected_value_lies_between_the_firm_and_the_headline_value(terms, notice_share, fee):
    given_terms = _terms(terms)
    fees = fee * covered_share(**{k: given_terms[k] for k in ("calendar_month", "start_month", "end_month")})
    standing = (firm_share(**given_terms), alive_share(**given_terms, notice_share=notice_share), np.ones(48))
    firm, expected, headline = (np.sum(fees * each) for each in standing)
    assert firm <= expected + CENT
    assert expected <= headline + CENT


@LAWS
@given(terms=TERMS, one=SHARE, other=SHARE)
def test_a_likelier_notice_leaves_less_standing_and_a_month_never_more_than_the_one_before(terms, one, other):
    less, more = sorted((one, other))
    calm, hasty = (alive_share(**_terms(terms), notice_share=share) for share in (less, more))
    assert (hasty <= calm + 1e-12).all()
    assert (np.diff(hasty) <= 1e-12).all()
    assert (hasty >= 0).all()
    assert (calm <= 1).all()


# Rate cards and price paths


@LAWS
@given(
    pools=st.lists(
        st.tuples(st.integers(1, 400_000), st.floats(0.1, 20.0), st.floats(0.0, 5.0), st.floats(0.0, 5.0)),
        min_size=1,
        max_size=5,
    )
)
def test_a_card_of_the_mean_lies_in_the_ranges_of_its_bands(pools):
    weight, rate, below, above = np.array(pools, dtype=float).T
    terms = {
        "weight": weight,
        "low_usd_per_gpu_h": rate - below,
        "high_usd_per_gpu_h": rate + above,
        "mean_rate_usd_per_gpu_h": weighted_rate(weight, rate),
    }
    low, high = lowest_rate_usd_per_gpu_h(**terms), highest_rate_usd_per_gpu_h(**terms)
    slack = 1e-9 * weight.sum() / weight * rate.max()
    assert (low <= rate + slack).all()
    assert (rate <= high + slack).all()
    assert (low >= rate - below).all()
    assert (high <= rate + above).all()


@LAWS
@given(quotes=st.lists(st.tuples(st.integers(1, 24), RATE), min_size=1, max_size=4))
def test_months_at_forward_prices_are_worth_their_term_at_its_rate(quotes):
    steps, rates = np.array(quotes, dtype=float).T
    terms = np.cumsum(steps)
    path = forward_rate_usd_per_gpu_h(
        term_rate_usd_per_gpu_h=rates, term_months=terms, elapsed_months=np.arange(terms[-1])
    )
    for term, rate in zip(terms.astype(int), rates, strict=True):
        assert np.sum(path[:term]) == pytest.approx(rate * term, rel=1e-9, abs=1e-9 * term)


@LAWS
@given(points=st.lists(st.tuples(st.floats(0.1, 24.0), st.floats(0.1, 20.0)), min_size=1, max_size=5))
def test_prices_between_points_are_those_of_a_line_and_never_beyond_the_points(points):
    steps, prices = np.array(points).T
    instants = np.cumsum(steps)
    at = np.linspace(-1.0, instants[-1] + 5.0, 40)
    found = point_rate_usd_per_gpu_h(point_usd_per_gpu_h=prices, point_month=instants, at_month=at)
    np.testing.assert_allclose(found, np.interp(at, instants, prices), rtol=1e-9)


@LAWS
@given(start=INSTANT, every=st.integers(1, 30), prices=st.lists(st.floats(0.1, 20.0), min_size=2, max_size=2))
def test_a_repriced_rate_is_the_mean_of_its_instants(start, every, prices):
    def price(at):
        return prices[0] + (prices[1] - prices[0]) * np.clip((at - start) / 40.0, 0.0, 1.0)

    last = repricing_month(calendar_month=MONTHS, start_month=start, repricing_months=every)
    found = repriced_rate_usd_per_gpu_h(
        rate_usd_per_gpu_h=2.0,
        start_price_usd_per_gpu_h=price(start),
        last_price_usd_per_gpu_h=price(last),
        next_price_usd_per_gpu_h=price(last + every),
        calendar_month=MONTHS,
        next_month=last + every,
    )
    instants = MONTHS[:, None] + (np.arange(512) + 0.5) / 512
    steps = np.maximum(np.floor((instants - start) / every), 0.0)
    each = 2.0 * price(start + every * steps) / prices[0]
    later = np.floor(start) <= MONTHS
    np.testing.assert_allclose(found[later], each.mean(axis=-1)[later], rtol=0.02)


# The same, counted one case at a time


@LAWS
@given(terms=TERMS, notice_share=SHARE)
def test_the_expected_value_is_the_mean_over_every_time_at_which_notice_may_be_given(terms, notice_share):
    under = _terms(terms)
    start, end, notice = under["start_month"], under["end_month"], under["notice_months"]

    def paid(until):
        return covered_share(calendar_month=MONTHS, start_month=start, end_month=min(until, end))

    expected, stayed = np.zeros(48), 1.0
    for month in range(1, 100):
        if month >= terms["initial"]:
            expected += stayed * notice_share * paid(start + month + notice)
            stayed *= 1.0 - notice_share
    expected += stayed * paid(end)
    alive = alive_share(**under, notice_share=notice_share)
    np.testing.assert_allclose(paid(end) * alive, expected, rtol=1e-11, atol=1e-12)


@LAWS
@given(delivery=INSTANT, ramp=SPAN.filter(lambda span: span > 0), end=INSTANT)
def test_the_gpus_of_a_month_are_the_mean_of_those_of_its_instants(delivery, ramp, end):
    grid = (np.arange(1_024) + 0.5) / 1_024
    instants = MONTHS[:, None] + grid
    there = np.clip((instants - delivery) / ramp, 0.0, 1.0) * (instants < end)
    found = ramped_gpu_count(
        gpu_count=[1.0], calendar_month=MONTHS, delivery_month=[delivery], ramp_months=[ramp], end_month=end
    )
    np.testing.assert_allclose(found[0], there.mean(axis=-1), atol=2e-3)


@LAWS
@given(start=INSTANT, length=SPAN, step=st.floats(-0.5, 0.5))
def test_the_factor_of_a_month_is_the_mean_of_those_of_its_instants_under_contract(start, length, step):
    end = start + length
    grid = (np.arange(1_024) + 0.5) / 1_024
    instants = MONTHS[:, None] + grid
    under = (instants > start) & (instants < end)
    prices = np.where(under, (1.0 + step) ** np.floor(np.maximum(instants - start, 0.0) / 12.0), 0.0)
    count = under.sum(axis=-1)
    expected = prices.sum(axis=-1) / np.maximum(count, 1)
    factor = escalation_factor(calendar_month=MONTHS, start_month=start, end_month=end, escalator_share=step)
    np.testing.assert_allclose(np.where(count > 0, factor, 0.0), expected, rtol=1e-12)
