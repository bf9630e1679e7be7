"""Laws of finance: what scales, what closes, what adds up, and that one scenario is as a million."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from colocalc.lease import finance
from colocalc.lease.depreciation import LIVES_YR

LAWS = settings(deadline=None, derandomize=True, max_examples=60)

MONEY = st.floats(-1e9, 1e9).map(lambda value: round(value, 2))
FLOWS = arrays.arrays(np.float64, st.integers(2, 40), elements=MONEY)
PAID_IN_FIRST = FLOWS.map(lambda flows: np.append(-1e8, np.abs(flows)))
RATE = st.floats(-0.5, 2.0)
PERIODS = st.integers(1, 480)
WHEN = st.sampled_from(["end", "begin"])
SCALE = st.floats(1e-3, 1e3)


def roots(flows):
    found = finance.irr_roots(flows)
    return found[~np.isnan(found)]


@LAWS
@given(flows=FLOWS, rate=RATE, scale=SCALE)
@pytest.mark.parametrize("value", [finance.npv, finance.npv_excel, finance.npv_mid_year])
def test_more_money_is_worth_more_in_proportion(value, flows, rate, scale):
    size = float(value(rate, np.abs(flows)))
    assert float(value(rate, scale * flows)) == pytest.approx(
        scale * float(value(rate, flows)), abs=1e-12 * scale * size
    )


@LAWS
@given(one=FLOWS, rate=RATE)
def test_values_add_up(one, rate):
    other = one[::-1]
    total = finance.npv(rate, one) + finance.npv(rate, other)
    size = float(finance.npv(rate, np.abs(one) + np.abs(other)))
    assert float(finance.npv(rate, one + other)) == pytest.approx(float(total), abs=1e-12 * size)


@LAWS
@given(flows=PAID_IN_FIRST, scale=SCALE)
def test_a_rate_of_return_knows_no_currency(flows, scale):
    np.testing.assert_allclose(finance.irr(scale * flows), finance.irr(flows), rtol=1e-9, atol=1e-12)


@LAWS
@given(flows=PAID_IN_FIRST)
def test_one_outlay_has_one_rate(flows):
    assume(flows[1:].max() > 1.0)
    assert np.isfinite(finance.irr(flows))
    assert len(roots(flows)) == 1


@LAWS
@given(flows=FLOWS)
def test_the_value_at_every_rate_of_return_is_zero(flows):
    found = roots(flows)
    size = finance.npv(found, np.abs(flows))
    assert np.all(np.abs(finance.npv(found, flows)) <= 1e-10 * size)


@LAWS
@given(flows=FLOWS)
def test_there_are_no_more_rates_than_changes_of_sign(flows):
    signs = np.sign(flows[flows != 0.0])
    assert len(roots(flows)) <= np.count_nonzero(np.diff(signs))
    assert np.all(np.diff(roots(flows)) > 0.0)


@LAWS
@given(wanted=st.lists(st.integers(-4, 8), min_size=1, max_size=5, unique=True))
def test_rates_that_flows_are_made_of_are_found(wanted):
    # Of 1 + rate a quarter apart, in the whole of money worth coming back to.
    rates = np.expm1(0.25 * np.sort(np.array(wanted)))
    np.testing.assert_allclose(roots(np.poly(1.0 + rates)), rates, rtol=1e-7, atol=1e-7)


@LAWS
@given(flows=PAID_IN_FIRST, days=st.integers(1, 400))
def test_flows_a_year_apart_have_the_same_rate_on_dates(flows, days):
    flows = flows[:4]
    dates = np.datetime64("2025-01-01") + np.arange(len(flows)) * 365
    np.testing.assert_allclose(finance.xirr(flows, dates), finance.irr(flows), rtol=1e-9, atol=1e-12)
    # Another first day changes nothing where every day counts alike.
    np.testing.assert_allclose(
        finance.xirr(flows, dates + np.timedelta64(days, "D")), finance.irr(flows), rtol=1e-9, atol=1e-12
    )


@LAWS
@given(rate=RATE, months=st.integers(1, 120), lent=MONEY, left=MONEY, when=WHEN)
def test_payments_close(rate, months, lent, left, when):
    paid = finance.pmt(rate, months, lent, left, when)
    found = finance.fv(rate, months, paid, lent, when)
    size = float(abs(finance.fv(rate, months, abs(paid), abs(lent), when))) + abs(left)
    assert float(found) == pytest.approx(left, abs=1e-11 * size)


@LAWS
@given(rate=st.floats(-0.05, 0.2), months=PERIODS, lent=st.floats(1.0, 1e9), when=WHEN)
def test_interest_and_principal_add_up(rate, months, lent, when):
    every = np.arange(1, months + 1)
    principal = finance.ppmt(rate, every, months, lent, 0, when)
    paid = float(finance.pmt(rate, months, lent, 0, when)) * months
    assert float(np.sum(principal)) == pytest.approx(-lent, rel=1e-10)
    assert float(finance.cumprinc(rate, months, lent, 1, months, when)) == pytest.approx(-lent, rel=1e-10)
    interest = float(finance.cumipmt(rate, months, lent, 1, months, when))
    assert interest == pytest.approx(paid + lent, abs=1e-10 * (abs(paid) + lent))


@LAWS
@given(rate=st.floats(1e-6, 0.02), months=st.integers(2, 480), lent=st.floats(1.0, 1e9), when=WHEN)
def test_rate_and_number_of_payments_are_found_again(rate, months, lent, when):
    # At rates where all but all is interest, both are lost in rounding.
    paid = finance.pmt(rate, months, lent, 0, when)
    assert float(finance.rate(months, paid, lent, 0, when)) == pytest.approx(rate, rel=1e-6)
    assert float(finance.nper(rate, paid, lent, 0, when)) == pytest.approx(months, rel=1e-6)


@LAWS
@given(cost=st.floats(1.0, 1e9), share=st.floats(0.0, 1.0), life=st.integers(1, 40), factor=st.floats(0.5, 4.0))
def test_depreciation_adds_up_to_cost_less_salvage(cost, share, life, factor):
    salvage, periods = share * cost, np.arange(1, life + 1)
    base = pytest.approx(cost - salvage, abs=1e-9 * cost)
    assert float(finance.sln(cost, salvage, life)) * life == base
    assert float(np.sum(finance.syd(cost, salvage, life, periods))) == base
    assert float(np.sum(finance.vdb(cost, salvage, life, periods - 1, periods, factor))) == base
    declining = finance.ddb(cost, salvage, life, periods, factor)
    assert (declining >= 0.0).all()
    assert float(np.sum(declining)) <= (cost - salvage) * (1.0 + 1e-9) + 1e-9 * cost


@LAWS
@given(life=st.sampled_from(LIVES_YR), quarter=st.sampled_from([None, 1, 2, 3, 4]), cost=st.floats(1.0, 1e11))
def test_tax_depreciation_adds_up_to_cost(life, quarter, cost):
    shares = finance.macrs(life, "mid-quarter" if quarter else "half-year", quarter)
    assert float(np.sum(cost * shares)) == pytest.approx(cost, rel=1e-12)


@LAWS
@given(
    flows=st.lists(st.floats(0.0, 1e9), min_size=1, max_size=20),
    interest=st.floats(0.0, 0.3),
    ratio=st.floats(1.0, 3.0),
    cap=st.floats(0.1, 1.0),
)
def test_debt_is_paid_off_by_what_it_was_sized_on(flows, interest, ratio, cap):
    assume(sum(flows) > 1.0)
    debt = float(finance.debt_from_dscr(flows, interest, ratio))
    balance = debt
    for flow in flows:
        balance = balance * (1.0 + interest) - flow / ratio
    assert balance == pytest.approx(0.0, abs=1e-9 * debt * (1.0 + interest) ** len(flows))
    assert float(finance.llcr(flows, interest, debt)) == pytest.approx(ratio)
    assert float(finance.debt_from_dscr(flows, interest, ratio, cap, 1e8)) == pytest.approx(min(debt, cap * 1e8))


@LAWS
@given(
    capex=st.floats(0.0, 1e11),
    opex=st.floats(1e3, 1e10),
    sold=st.floats(0.05, 1.0),
    rate=st.floats(0.0, 0.5),
    years=st.integers(1, 20),
)
def test_at_the_levelized_cost_capital_is_worth_nothing(capex, opex, sold, rate, years):
    price = float(finance.levelized_cost(capex, opex, 1_000, 8_760, sold, rate, years))
    earned = price * 1_000 * 8_760 * sold - opex
    flows = np.append(-capex, np.full(years, earned))
    assert float(finance.npv(rate, flows)) == pytest.approx(0.0, abs=1e-9 * (capex + years * opex))


@LAWS
@given(flows=arrays.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 30)), elements=MONEY))
def test_stacked_flows_return_what_each_does(flows):
    np.testing.assert_allclose(finance.irr(flows), [finance.irr(row) for row in flows], rtol=1e-9, atol=1e-12)
    for row, found in zip(flows, finance.irr_roots(flows), strict=True):
        np.testing.assert_allclose(found[~np.isnan(found)], roots(row), rtol=1e-6, atol=1e-9)
