"""Facts about what is borrowed and how it is repaid."""

import math

import numpy as np
import pytest

from colocalc.lease.debt import (
    annuity_principal_usd,
    balloon_usd,
    debt_schedule,
    sculpted_debt_usd,
    sculpted_principal_usd,
    straight_principal_usd,
)

CASH = (0.0, 150.0, 120.0, 90.0, 60.0)
REPAYING = (0.0, 1.0, 1.0, 1.0, 0.0)


def sculpted(**changes):
    terms = {
        "firm_cfads_usd": CASH,
        "interest_share": [0.10] * 5,
        "repaying_share": REPAYING,
        "target_dscr_factor": 1.5,
        "cap_usd": math.inf,
    }
    return float(sculpted_debt_usd(**terms | changes))


def principal(**changes):
    terms = {"debt_usd": 200.0, "firm_cfads_usd": CASH, "interest_share": [0.10] * 5, "repaying_share": REPAYING}
    return sculpted_principal_usd(**terms | changes)


def annuity(**changes):
    terms = {"debt_usd": 300.0, "interest_share": [0.10] * 5, "repaying_share": REPAYING, "balloon_share": 0.0}
    return annuity_principal_usd(**terms | changes)


def straight(**changes):
    return straight_principal_usd(**{"debt_usd": 300.0, "repaying_share": REPAYING, "balloon_share": 0.0} | changes)


def balloon(share, **changes):
    return balloon_usd(**{"debt_usd": 300.0, "repaying_share": REPAYING, "balloon_share": share} | changes)


def loan(**changes):
    terms = {
        "draw_usd": [300.0, 0, 0, 0, 0],
        "principal_usd": straight(),
        "prepayment_usd": [0.0] * 5,
        "interest_share": [0.10] * 5,
        "commitment_usd": 0.0,
        "commitment_fee_share": [0.0] * 5,
        "drawing_share": [0.0] * 5,
        "cfads_usd": CASH,
    }
    return debt_schedule(**terms | changes)


# Size


def test_debt_is_the_value_of_cash_over_the_dscr():
    assert sculpted() == pytest.approx(100 / 1.1 + 80 / 1.21 + 60 / 1.331)


def test_interest_outside_the_repaying_periods_is_paid_and_does_not_discount():
    assert sculpted(interest_share=[0.3, 0.10, 0.10, 0.10, 0.3]) == sculpted()


def test_rates_that_differ_by_period_discount_one_by_one():
    debt = sculpted(interest_share=[0.0, 0.10, 0.05, 0.0, 0.0])
    assert debt == pytest.approx(100 / 1.1 + 80 / 1.155 + 60 / 1.155)


def test_a_cap_below_what_cash_carries_is_the_debt_and_one_above_is_none():
    assert sculpted(cap_usd=120.0) == 120.0
    assert sculpted(cap_usd=1e6) == sculpted()


def test_uncapped_debt_may_exceed_what_the_assets_cost():
    """A cost of 100 would be lent one and a half times over."""
    assert sculpted(target_dscr_factor=1.4) > 200.0
    assert sculpted(target_dscr_factor=1.4, cap_usd=0.8 * 100.0) == 80.0


def test_debt_without_interest_is_cash_over_the_dscr():
    assert sculpted(interest_share=[0.0] * 5) == pytest.approx(360 / 1.5)


def test_no_repaying_period_or_no_cash_carries_no_debt():
    assert sculpted(repaying_share=[0.0] * 5) == 0.0
    assert sculpted(firm_cfads_usd=[0.0] * 5) == 0.0


def test_a_period_of_loss_carries_no_debt_and_takes_none_away():
    assert sculpted(firm_cfads_usd=[0, 150, -500, 90, 0]) == sculpted(firm_cfads_usd=[0, 150, 0, 90, 0])


def test_twice_the_dscr_is_half_the_debt():
    assert sculpted(target_dscr_factor=3.0) == pytest.approx(sculpted() / 2)


# Principal


def test_sculpted_debt_meets_its_dscr_in_every_repaying_period():
    debt = sculpted()
    account = loan(draw_usd=[debt, 0, 0, 0, 0], principal_usd=principal(debt_usd=debt))
    np.testing.assert_allclose(account.dscr_factor, [np.nan, 1.5, 1.5, 1.5, np.nan])
    assert account.closing_usd[3] == pytest.approx(0.0, abs=1e-9)


def test_debt_capped_at_a_share_has_the_target_over_that_share():
    debt = 0.6 * sculpted()
    account = loan(draw_usd=[debt, 0, 0, 0, 0], principal_usd=principal(debt_usd=debt))
    np.testing.assert_allclose(account.dscr_factor[1:4], 1.5 / 0.6)


def test_sculpting_on_level_cash_is_an_annuity():
    np.testing.assert_allclose(principal(firm_cfads_usd=[7.0] * 5), annuity(debt_usd=200.0))


def test_service_sculpted_on_firm_cash_ignores_what_the_market_may_pay():
    firm = principal(firm_cfads_usd=[0, 100, 100, 0, 0])
    np.testing.assert_allclose(firm[3:], 0.0, atol=1e-9)
    assert firm.sum() == pytest.approx(200.0)


def test_where_interest_exceeds_what_cash_carries_no_principal_is_due_and_debt_does_not_grow():
    cash = [0, 1.0, 1.0, 400.0, 0]
    rising = principal(firm_cfads_usd=cash)
    np.testing.assert_allclose(rising, [0, 0, 0, 200, 0], atol=1e-9)
    account = loan(draw_usd=[200.0, 0, 0, 0, 0], principal_usd=rising, cfads_usd=cash)
    np.testing.assert_allclose(account.dscr_factor[1:4], [0.05, 0.05, 400 / 220])


def test_no_debt_has_no_principal_and_debt_without_cash_no_answer():
    np.testing.assert_array_equal(principal(debt_usd=0.0), [0.0] * 5)
    np.testing.assert_array_equal(principal(debt_usd=0.0, firm_cfads_usd=[0.0] * 5), [0.0] * 5)
    assert np.isnan(principal(firm_cfads_usd=[0.0] * 5)).any()


def test_an_annuity_of_three_years_at_ten_percent():
    service = 300 / (1 / 1.1 + 1 / 1.21 + 1 / 1.331)
    first = service - 30.0
    np.testing.assert_allclose(annuity(), [0, first, first * 1.1, first * 1.21, 0], atol=1e-9)


def test_an_annuity_without_interest_is_equal_parts():
    np.testing.assert_allclose(annuity(interest_share=[0.0] * 5), [0, 100, 100, 100, 0])


def test_an_annuity_with_a_balloon_leaves_it_to_the_last_period():
    np.testing.assert_allclose(annuity(interest_share=[0.0] * 5, balloon_share=0.4), [0, 60, 60, 60, 0])
    account = loan(principal_usd=annuity(balloon_share=0.4), prepayment_usd=balloon(0.4))
    np.testing.assert_allclose(account.service_usd[1:4], account.service_usd[1])
    np.testing.assert_allclose(account.prepayment_usd, [0, 0, 0, 120, 0])
    np.testing.assert_allclose(account.closing_usd[3:], [0, 0])


def test_a_balloon_of_all_is_interest_only():
    np.testing.assert_allclose(annuity(balloon_share=1.0), [0, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(straight(balloon_share=1.0), [0, 0, 0, 0, 0])
    np.testing.assert_allclose(balloon(1.0), [0, 0, 0, 300, 0])


def test_no_balloon_or_no_repaying_period_has_none_due():
    np.testing.assert_array_equal(balloon(0.0), [0.0] * 5)
    np.testing.assert_array_equal(balloon(0.4, repaying_share=[0.0] * 5), [0.0] * 5)


def test_a_balloon_is_no_debt_service():
    account = loan(principal_usd=straight(balloon_share=0.7), prepayment_usd=balloon(0.7))
    assert account.dscr_factor[3] == pytest.approx(90 / (30 + 24))


def test_one_repaying_period_repays_all():
    once = [0.0, 0.0, 1.0, 0.0, 0.0]
    np.testing.assert_allclose(annuity(repaying_share=once), [0, 0, 300, 0, 0], atol=1e-9)
    np.testing.assert_allclose(straight(repaying_share=once, balloon_share=0.3), [0, 0, 210, 0, 0])


def test_no_debt_is_not_repaid():
    np.testing.assert_array_equal(annuity(debt_usd=0.0), [0.0] * 5)


def test_debt_that_is_never_repaid_has_no_principal_to_state():
    assert np.isnan(annuity(repaying_share=[0.0] * 5)).any()
    assert np.isnan(straight(repaying_share=[0.0] * 5)).any()


def test_equal_principal_with_a_balloon():
    np.testing.assert_allclose(straight(), [0, 100, 100, 100, 0])
    np.testing.assert_allclose(straight(balloon_share=0.4), [0, 60, 60, 60, 0])


# Account


def test_the_account_of_three_equal_parts():
    account = loan()
    np.testing.assert_allclose(account.opening_usd, [0, 300, 200, 100, 0])
    np.testing.assert_allclose(account.interest_usd, [0, 30, 20, 10, 0])
    np.testing.assert_allclose(account.closing_usd, [300, 200, 100, 0, 0])
    np.testing.assert_allclose(account.service_usd, [0, 130, 120, 110, 0])
    np.testing.assert_allclose(account.dscr_factor, [np.nan, 150 / 130, 1.0, 90 / 110, np.nan])


def test_while_debt_is_drawn_there_is_no_dscr():
    account = loan(draw_usd=[150.0, 150.0, 0, 0, 0], principal_usd=[0.0, 0, 100, 100, 100])
    assert np.isnan(account.dscr_factor[:2]).all()
    assert account.interest_usd[1] == pytest.approx(15.0)


def test_the_fee_is_on_what_is_committed_and_not_drawn():
    account = loan(
        draw_usd=[100.0, 200.0, 0, 0, 0], principal_usd=[0.0, 0, 100, 100, 100], commitment_usd=400.0,
        commitment_fee_share=[0.01] * 5, drawing_share=[0.0, 1, 1, 0, 0],
    )  # fmt: skip
    np.testing.assert_allclose(account.fee_usd, [0, 3.0, 1.0, 0, 0])


def test_service_without_interest_is_principal():
    account = loan(interest_share=[0.0] * 5)
    np.testing.assert_array_equal(account.service_usd, account.principal_usd)


def test_more_principal_than_debt_repays_the_debt():
    account = loan(principal_usd=[0.0, 250, 250, 250, 0])
    np.testing.assert_allclose(account.principal_usd, [0, 250, 50, 0, 0])
    np.testing.assert_allclose(account.closing_usd, [300, 50, 0, 0, 0])


def test_a_prepayment_repays_the_last_instalments_first():
    account = loan(prepayment_usd=[0.0, 120, 0, 0, 0])
    np.testing.assert_allclose(account.principal_usd, [0, 100, 80, 0, 0])


def test_after_a_prepayment_of_all_nothing_is_due():
    account = loan(prepayment_usd=[0.0, 500, 500, 0, 0])
    np.testing.assert_allclose(account.prepayment_usd, [0, 200, 0, 0, 0])
    np.testing.assert_array_equal(account.service_usd[2:], [0.0] * 3)
