"""Facts about the cash flow of a project and of its owners."""

import numpy as np
import pytest

from colocalc.lease.cashflow import cash_flow, present_value_usd

# 100 of capital, 60 of it borrowed at 10% and repaid in three parts of 20.
TERMS = {
    "revenue_usd": [0.0, 60, 60, 60],
    "opex_usd": [0.0, 10, 10, 10],
    "capital_usd": [100.0, 0, 0, 0],
    "salvage_usd": [0.0, 0, 0, 10],
    "gain_usd": [0.0, 0, 0, 10],
    "depreciation_usd": [0.0, 50, 30, 20],
    "draw_usd": [60.0, 0, 0, 0],
    "interest_usd": [0.0, 6, 4, 2],
    "fee_usd": [0.0, 0, 0, 0],
    "principal_usd": [0.0, 20, 20, 20],
    "prepayment_usd": [0.0, 0, 0, 0],
    "tax_rate_share": 0.2,
    "loss_cap_share": 1.0,
    "immediate_loss_share": 0.0,
    "reserve_periods_count": 0.0,
    "reserve_interest_share": 0.0,
    "lock_up_dscr_factor": 0.0,
}
NO_DEBT = dict.fromkeys(("draw_usd", "interest_usd", "fee_usd", "principal_usd", "prepayment_usd"), [0.0] * 4)


def flow(**changes):
    return cash_flow(**TERMS | changes)


def test_a_small_project_by_hand():
    found = flow()
    np.testing.assert_allclose(found.ebitda_usd, [0, 50, 50, 50])
    np.testing.assert_allclose(found.cfads_usd, found.ebitda_usd)
    np.testing.assert_allclose(found.service_usd, [0, 26, 24, 22])
    # Income with interest -6, 16, 38; the loss of 6 is carried forward.
    np.testing.assert_allclose(found.tax_usd, [0, 0, 2.0, 7.6])
    np.testing.assert_allclose(found.unlevered_tax_usd, [0, 0, 4.0, 8.0])
    np.testing.assert_allclose(found.project_before_tax_usd, [-100, 50, 50, 60])
    np.testing.assert_allclose(found.project_after_tax_usd, [-100, 50, 46, 52])
    np.testing.assert_allclose(found.equity_before_tax_usd, [-40, 24, 26, 38])
    np.testing.assert_allclose(found.equity_after_tax_usd, [-40, 24, 24, 30.4])


def test_without_debt_equity_is_the_project():
    found = flow(**NO_DEBT)
    np.testing.assert_array_equal(found.equity_after_tax_usd, found.project_after_tax_usd)
    np.testing.assert_array_equal(found.equity_before_tax_usd, found.project_before_tax_usd)


def test_without_tax_flows_before_and_after_it_are_the_same():
    found = flow(tax_rate_share=0.0)
    np.testing.assert_array_equal(found.equity_after_tax_usd, found.equity_before_tax_usd)
    np.testing.assert_array_equal(found.project_after_tax_usd, found.project_before_tax_usd)


def test_a_reserve_is_funded_at_the_close_and_released():
    found = flow(reserve_periods_count=0.5)
    np.testing.assert_allclose(found.reserve_usd, [13, 12, 11, 0])
    np.testing.assert_allclose(found.equity_after_tax_usd, [-53, 25, 25, 41.4])
    assert found.equity_after_tax_usd.sum() == pytest.approx(flow().equity_after_tax_usd.sum())


def test_a_lock_up_traps_what_is_left_until_the_dscr_is_back():
    # DSCRs are 50/26, 50/24 and 50/22.
    found = flow(lock_up_dscr_factor=2.0)
    np.testing.assert_allclose(found.trapped_usd, [0, 24, 0, 0])
    np.testing.assert_allclose(found.equity_after_tax_usd, [-40, 0, 48, 30.4])


def test_tax_and_prepayments_are_paid_before_anything_is_trapped():
    longer = flow(lock_up_dscr_factor=2.2)
    np.testing.assert_allclose(longer.trapped_usd, [0, 24, 24 + 24, 0])
    np.testing.assert_allclose(longer.equity_after_tax_usd, [-40, 0, 0, 48 + 30.4])
    swept = flow(lock_up_dscr_factor=2.0, prepayment_usd=[0.0, 5, 0, 0])
    np.testing.assert_allclose(swept.trapped_usd, [0, 19, 0, 0])


def test_a_period_that_cannot_pay_draws_on_the_reserve_before_the_owners():
    found = flow(revenue_usd=[0.0, 30, 60, 60], reserve_periods_count=0.5)
    # 20 - 26 is lacking: the reserve of 13 pays it, and next year's cash fills it.
    np.testing.assert_allclose(found.reserve_usd, [13, 7, 11, 0])
    assert found.equity_after_tax_usd[1] == pytest.approx(0.0)


def test_what_is_held_back_earns_interest_in_the_next_period_and_is_taxed():
    found = flow(reserve_periods_count=0.5, reserve_interest_share=0.1)
    np.testing.assert_allclose(found.reserve_interest_usd, [0, 1.3, 1.2, 1.1])
    # Incomes of -4.7, 17.2 and 39.1: the loss is carried forward.
    np.testing.assert_allclose(found.tax_usd, [0, 0, 2.5, 7.82])
    np.testing.assert_allclose(found.equity_after_tax_usd, [-53, 26.3, 25.7, 42.28])
    np.testing.assert_allclose(found.cfads_usd, found.ebitda_usd)


def test_interest_may_fill_a_reserve_further():
    # 20 - 26 is lacking and 1.3 earned: the reserve pays 4.7.
    found = flow(revenue_usd=[0.0, 30, 60, 60], reserve_periods_count=0.5, reserve_interest_share=0.1)
    np.testing.assert_allclose(found.reserve_usd, [13, 8.3, 11, 0])
    np.testing.assert_allclose(found.reserve_interest_usd, [0, 1.3, 0.83, 1.1])


def test_trapped_cash_earns_interest_too():
    found = flow(lock_up_dscr_factor=2.0, reserve_interest_share=0.1)
    np.testing.assert_allclose(found.reserve_interest_usd, [0, 0, 2.4, 0])


def test_sources_are_uses_in_every_period():
    found = flow(
        reserve_periods_count=1.0,
        reserve_interest_share=0.1,
        lock_up_dscr_factor=2.0,
        revenue_usd=[0.0, 5, 60, 60],
    )
    np.testing.assert_allclose(found.sources_less_uses_usd, 0.0, atol=1e-12)


def test_present_value_does_not_discount_the_first_flow():
    """The example of numpy-financial."""
    value = present_value_usd(flow_usd=[-40000, 5000, 8000, 12000, 30000], discount_share=0.08)
    assert float(value) == pytest.approx(3065.22267, abs=1e-5)


def test_at_a_rate_of_zero_present_value_is_the_sum():
    assert float(present_value_usd(flow_usd=[-40, 30, 20], discount_share=0.0)) == 10.0


def test_a_flow_at_once_is_its_own_value_at_any_rate():
    np.testing.assert_array_equal(present_value_usd(flow_usd=[7.0, 0.0], discount_share=[0.0, 0.5]), [7.0, 7.0])
