"""Facts about a tenant that gives notice, and debt that has to be refinanced."""

import numpy as np
import pytest

from colocalc.lease.downside import debt_after_firm_term_usd, let_again_usd, refinancing_gap_usd


def let_again(**changes):
    terms = {
        "revenue_usd": [100.0] * 12,
        "market_revenue_usd": [60.0] * 12,
        "given_after_count": 4.0,
        "notice_count": 3.0,
        "gap_count": 2.0,
    }
    return let_again_usd(**terms | changes)


def test_notice_after_four_months_of_three_and_a_gap_of_two():
    np.testing.assert_allclose(let_again(), [100] * 7 + [0] * 2 + [60] * 3)


def test_notice_never_given_leaves_the_lease_as_it_is():
    np.testing.assert_array_equal(let_again(given_after_count=np.inf), [100.0] * 12)


def test_notice_given_at_once_leaves_the_market():
    np.testing.assert_array_equal(let_again(given_after_count=0.0, notice_count=0.0, gap_count=0.0), [60.0] * 12)


def test_a_fleet_never_let_again_earns_nothing_after_the_notice():
    np.testing.assert_array_equal(let_again(gap_count=np.inf), [100.0] * 7 + [0.0] * 5)


def test_notice_that_ends_within_a_period_counts_in_proportion():
    np.testing.assert_allclose(let_again(notice_count=0.5, gap_count=0.25)[3:7], [100, 50 + 15, 60, 60])


def test_a_fleet_let_again_at_once_at_the_same_rate_loses_nothing():
    np.testing.assert_allclose(let_again(market_revenue_usd=[100.0] * 12, gap_count=0.0, notice_count=0.3), 100.0)


def test_debt_when_the_firm_term_ends():
    debt = [80.0, 90.0, 60.0, 30.0, 0.0]
    found = [
        float(debt_after_firm_term_usd(debt_usd=debt, firm_count=firm)) for firm in (1.0, 3.0, 3.9, 5.0, 60.0, 0.0)
    ]
    assert found == [80.0, 60.0, 60.0, 0.0, 0.0, 90.0]
    both = debt_after_firm_term_usd(debt_usd=[debt, [5.0, 4.0, 3.0, 2.0, 1.0]], firm_count=0.0)
    assert both.tolist() == [90.0, 5.0]


def gap(**changes):
    terms = {"balloon_usd": 100.0, "value_usd": 90.0, "advance_rate_share": 0.6, "carried_usd": 70.0}
    return float(refinancing_gap_usd(**terms | changes))


def test_a_new_loan_reaches_as_far_as_value_and_cash_flow_allow():
    assert gap() == pytest.approx(46.0)
    assert gap(value_usd=200.0) == pytest.approx(30.0)


def test_no_balloon_or_a_new_loan_above_it_leaves_no_gap():
    assert gap(balloon_usd=0.0) == gap(value_usd=1e3, carried_usd=1e3) == 0.0


def test_worthless_assets_or_no_cash_flow_leave_all_of_the_balloon():
    assert gap(value_usd=0.0) == gap(carried_usd=0.0) == 100.0
