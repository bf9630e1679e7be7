"""Facts about what secures a loan and what repays it."""

import numpy as np
import pytest

from colocalc.lease.debt import debt_schedule, sculpted_debt_usd, sculpted_principal_usd
from colocalc.lease.lender import (
    decaying_value_usd,
    dscr_factor,
    firm_tenor_factor,
    linear_value_usd,
    llcr_factor,
    loan_to_value_share,
    mean_dscr_factor,
    min_dscr_factor,
    plcr_factor,
)

CASH = np.array([0.0, 150.0, 120.0, 90.0, 60.0])
INTEREST = np.full(5, 0.10)
REPAYING = np.array([0.0, 1.0, 1.0, 1.0, 0.0])


def decaying(age, price=100.0, floor=32.0, decay=0.5):
    return decaying_value_usd(price_usd=price, floor_usd=floor, decay_per_yr=decay, age_yr=age)


def linear(age, price=100.0, floor=40.0):
    return linear_value_usd(price_usd=price, floor_usd=floor, life_yr=6.0, age_yr=age)


# Value


def test_value_decays_to_a_floor():
    np.testing.assert_allclose(decaying([2.0]), 68 * np.exp(-1.0) + 32)


def test_what_is_new_is_worth_its_price_and_what_is_very_old_the_floor():
    np.testing.assert_allclose(decaying([0.0, 1e4]), [100, 32])
    np.testing.assert_allclose(linear([0.0, 6.0, 60.0]), [100, 40, 40])


def test_without_decay_value_is_the_price():
    np.testing.assert_array_equal(decaying([1.0, 5.0], decay=0.0), [100.0, 100.0])


def test_value_falls_in_a_straight_line():
    np.testing.assert_allclose(linear([1.5, 3.0]), [85, 70])


@pytest.mark.parametrize("value", [decaying, linear])
def test_a_floor_above_the_price_is_refused(value):
    assert np.isnan(value([1.0, 2.0], floor=101.0)).all()
    np.testing.assert_allclose(value([1.0], floor=100.0), [100])


def test_loan_to_value():
    found = loan_to_value_share(debt_usd=[80.0, 60.0, 0.0, 10.0], value_usd=[100.0, 50.0, 40.0, 0.0])
    np.testing.assert_array_equal(found, [0.8, 1.2, 0.0, np.nan])


# Cover


def test_contracts_cover_service_and_the_market_might_not():
    service = np.array([50.0, 50.0])
    np.testing.assert_allclose(dscr_factor(cfads_usd=[100.0, 75.0], service_usd=service), [2.0, 1.5])
    np.testing.assert_allclose(dscr_factor(cfads_usd=[45.0, -5.0], service_usd=service), [0.9, -0.1])


def test_no_cash_covers_nothing_and_no_service_has_no_cover():
    np.testing.assert_array_equal(dscr_factor(cfads_usd=[0.0, 10.0], service_usd=[5.0, 0.0]), [0.0, np.nan])


def test_lowest_and_mean_dscr_leave_out_what_is_undefined():
    ratio = [np.nan, 1.2, 1.5, 1.8, np.nan]
    assert float(min_dscr_factor(dscr_factor=ratio)) == pytest.approx(1.2)
    assert float(mean_dscr_factor(dscr_factor=ratio)) == pytest.approx(1.5)
    two = [ratio, [1.0, 2.0, np.nan, np.nan, np.nan]]
    np.testing.assert_allclose(min_dscr_factor(dscr_factor=two), [1.2, 1.0])
    np.testing.assert_allclose(mean_dscr_factor(dscr_factor=two), [1.5, 1.5])


def test_one_period_with_service_is_lowest_and_mean():
    ratio = [np.nan, 1.3, np.nan]
    assert float(min_dscr_factor(dscr_factor=ratio)) == float(mean_dscr_factor(dscr_factor=ratio)) == 1.3


def test_a_loan_without_service_has_no_dscr():
    assert np.isnan(min_dscr_factor(dscr_factor=[np.nan, np.nan]))
    assert np.isnan(mean_dscr_factor(dscr_factor=[np.nan, np.nan]))


def sculpted_balance(repaying):
    terms = {"firm_cfads_usd": CASH, "interest_share": INTEREST, "repaying_share": repaying}
    debt = sculpted_debt_usd(**terms, target_dscr_factor=1.5, cap_usd=np.inf)
    return debt_schedule(
        draw_usd=[float(debt), 0, 0, 0, 0], principal_usd=sculpted_principal_usd(debt_usd=debt, **terms),
        prepayment_usd=[0] * 5, interest_share=INTEREST, commitment_usd=0, commitment_fee_share=[0] * 5,
        drawing_share=[0] * 5, cfads_usd=CASH,
    ).closing_usd  # fmt: skip


def test_debt_sculpted_to_a_dscr_has_it_as_its_loan_life_cover():
    balance = sculpted_balance(REPAYING)
    cover = llcr_factor(cfads_usd=CASH, interest_share=INTEREST, repaying_share=REPAYING, debt_usd=balance)
    np.testing.assert_allclose(cover[:3], 1.5)


def test_cash_after_the_loan_raises_the_project_life_cover():
    balance = sculpted_balance(REPAYING)
    cover = plcr_factor(cfads_usd=CASH, interest_share=INTEREST, debt_usd=balance)
    assert cover[0] == pytest.approx(1.5 + 60 / 1.1**4 / balance[0])


def test_a_loan_as_long_as_the_project_has_one_cover():
    whole = np.array([0.0, 1, 1, 1, 1])
    balance = sculpted_balance(whole)
    loan = llcr_factor(cfads_usd=CASH, interest_share=INTEREST, repaying_share=whole, debt_usd=balance)
    np.testing.assert_allclose(plcr_factor(cfads_usd=CASH, interest_share=INTEREST, debt_usd=balance), loan)


def test_cover_without_interest_is_cash_to_come_over_debt_and_without_debt_undefined():
    debt = np.array([200.0, 100.0, 50.0, 0.0, 0.0])
    cover = llcr_factor(cfads_usd=CASH, interest_share=0.0 * INTEREST, repaying_share=REPAYING, debt_usd=debt)
    np.testing.assert_array_equal(cover, [360 / 200, 210 / 100, 90 / 50, np.nan, np.nan])
    project = plcr_factor(cfads_usd=CASH, interest_share=0.0 * INTEREST, debt_usd=debt)
    np.testing.assert_array_equal(project, [420 / 200, 270 / 100, 150 / 50, np.nan, np.nan])


def test_firm_term_over_tenor():
    """Ninety days of notice after three months, against a loan of four years; a lease as long as the loan; none."""
    found = firm_tenor_factor(firm_months=[6.0, 48.0, 0.0, 6.0], tenor_months=[48.0, 48.0, 48.0, 0.0])
    np.testing.assert_array_equal(found, [0.125, 1.0, 0.0, np.nan])
