"""Facts about tax and losses carried forward."""

import numpy as np
import pytest

from colocalc.lease.tax import disposal_gain_usd, tax_usd, taxable_income_usd

INCOME = (-100.0, 60.0, -20.0, 50.0, 200.0)


def gain(salvage, depreciation=(40.0, 30.0), disposed=(0.0, 1.0)):
    return disposal_gain_usd(
        salvage_usd=[0.0, salvage], cost_usd=100.0, depreciation_usd=depreciation, disposed_share=disposed
    )


def tax(income=INCOME, rate=0.2, cap=1.0, immediate=0.0):
    return tax_usd(income_usd=income, tax_rate_share=rate, loss_cap_share=cap, immediate_loss_share=immediate)


# Disposal


def test_the_gain_of_a_sale_is_what_exceeds_the_cost_not_depreciated():
    np.testing.assert_allclose(gain(50.0), [0, 20])


def test_a_sale_of_what_is_fully_depreciated_is_all_gain():
    np.testing.assert_allclose(gain(50.0, depreciation=(60.0, 40.0)), [0, 50])


def test_a_sale_at_cost_less_depreciation_has_no_gain():
    np.testing.assert_allclose(gain(30.0), [0, 0])


def test_assets_scrapped_for_nothing_are_a_loss_of_what_is_left():
    np.testing.assert_allclose(gain(0.0), [0, -30])


def test_proceeds_without_a_disposal_are_all_gain():
    np.testing.assert_allclose(gain(50.0, disposed=(0.0, 0.0)), [0, 50])


def test_the_gain_of_a_sale_is_taxed():
    income = taxable_income_usd(ebitda_usd=[0, 0], depreciation_usd=[0, 0], interest_usd=[0, 0], gain_usd=gain(50.0))
    np.testing.assert_allclose(tax(income, rate=0.21), [0, 0.21 * 20])


# Income


def test_income_is_ebitda_less_depreciation_and_interest_plus_gain():
    income = taxable_income_usd(ebitda_usd=[100], depreciation_usd=[30], interest_usd=[10], gain_usd=[5])
    assert income == pytest.approx([65])


def test_income_without_deductions_is_ebitda():
    income = taxable_income_usd(ebitda_usd=[100], depreciation_usd=[0], interest_usd=[0], gain_usd=[0])
    assert income == pytest.approx([100])


def test_deductions_above_ebitda_are_a_loss():
    income = taxable_income_usd(ebitda_usd=[100], depreciation_usd=[130], interest_usd=[10], gain_usd=[0])
    assert income == pytest.approx([-40])


# Losses


def test_a_cap_lets_a_share_of_income_be_offset():
    np.testing.assert_allclose(tax(cap=0.8), 0.2 * np.array([0, 12, 0, 10, 168]))


def test_a_cap_of_zero_never_uses_losses():
    np.testing.assert_allclose(tax(cap=0.0), 0.2 * np.array([0, 60, 0, 50, 200]))


# Tax


def test_tax_is_on_profit_less_losses_of_before():
    np.testing.assert_allclose(tax(), 0.2 * np.array([0, 0, 0, 0, 190]))


def test_a_rate_of_zero_takes_nothing():
    np.testing.assert_array_equal(tax(rate=0.0), [0.0] * 5)


def test_immediate_losses_make_tax_the_rate_times_income():
    np.testing.assert_allclose(tax(immediate=1.0), 0.2 * np.array(INCOME))


def test_tax_with_losses_carried_forward_is_never_negative():
    assert (tax() >= 0.0).all()


def test_half_of_a_loss_at_once_and_half_carried_forward():
    np.testing.assert_allclose(tax([-100.0, 80.0], immediate=0.5), 0.2 * np.array([-50, 30]))


def test_profit_in_every_period_is_taxed_in_full():
    np.testing.assert_allclose(tax([10.0, 20.0]), [2, 4])


def test_a_loss_carried_forward_without_a_cap_saves_the_same_tax_later():
    assert tax().sum() == pytest.approx(tax(immediate=1.0).sum())


def test_what_is_left_of_each_purchase_is_its_own():
    # 100 less 70, and 100 less 30
    found = gain(45.0, depreciation=[(40.0, 30.0), (10.0, 20.0)])
    np.testing.assert_array_equal(found, [[0.0, 15.0], [0.0, -25.0]])
