"""Facts about cash that repays debt ahead of schedule."""

import math

import numpy as np
import pytest

from colocalc.lease.debt import debt_schedule
from colocalc.lease.sweep import swept_usd
from colocalc.lease.tax import tax_usd

TERMS = {
    "draw_usd": [300.0, 0, 0, 0],
    "principal_usd": [0.0, 100, 100, 100],
    "interest_share": [0.10] * 4,
    "cfads_usd": [0.0, 180, 180, 180],
    "income_before_interest_usd": [0.0, 80, 80, 80],
    "tax_rate_share": 0.2,
    "loss_cap_share": 1.0,
    "immediate_loss_share": 0.0,
    "sweep_share": 0.5,
    "sweep_below_dscr_factor": math.inf,
}


def swept(**changes):
    return swept_usd(**TERMS | changes)


def test_half_of_the_cash_after_tax_and_service_is_swept():
    # Interest 30 and tax 20% of 50 leave 180 - 10 - 130 = 40; then interest 18 and tax 12.4 leave 49.6. Of the debt of
    # 300 - 120 - 124.8 = 55.2 all is due in the last period.
    np.testing.assert_allclose(swept(), [0, 20, 24.8, 0])


def test_no_sweep_or_a_trigger_of_zero_sweeps_nothing():
    np.testing.assert_array_equal(swept(sweep_share=0.0), [0.0] * 4)
    np.testing.assert_array_equal(swept(sweep_below_dscr_factor=0.0), [0.0] * 4)


def test_a_trigger_sweeps_only_the_periods_below_it():
    # DSCRs of the schedule are 180/130, 180/120 and 180/110.
    found = swept(sweep_below_dscr_factor=1.45)
    assert found[1] > 0.0
    np.testing.assert_array_equal(found[2:], [0.0, 0.0])


def test_without_cash_left_nothing_is_swept():
    np.testing.assert_array_equal(swept(cfads_usd=[0.0, 130, 120, 110]), [0.0] * 4)


def test_a_full_sweep_of_much_cash_repays_what_is_owed_and_no_more():
    np.testing.assert_allclose(swept(cfads_usd=[0.0, 1e6, 1e6, 1e6], sweep_share=1.0), [0, 200, 0, 0])


def test_the_account_with_the_sweep_pays_the_first_instalments_as_scheduled():
    found = swept()
    account = debt_schedule(
        draw_usd=TERMS["draw_usd"], principal_usd=TERMS["principal_usd"], prepayment_usd=found,
        interest_share=TERMS["interest_share"], commitment_usd=0, commitment_fee_share=[0] * 4,
        drawing_share=[0] * 4, cfads_usd=TERMS["cfads_usd"],
    )  # fmt: skip
    np.testing.assert_allclose(account.prepayment_usd, found)
    np.testing.assert_allclose(account.principal_usd[:3], [0, 100, 100])
    assert account.closing_usd[-1] == pytest.approx(0.0, abs=1e-9)


def test_a_full_sweep_leaves_owners_nothing_until_the_debt_is_repaid():
    terms = {"income_before_interest_usd": [-60.0, 10, 10, 10, 10, 10], "principal_usd": [0.0, 20, 20, 20, 20, 220],
             "draw_usd": [300.0, 0, 0, 0, 0, 0], "cfads_usd": [0.0, 90, 90, 90, 90, 90],
             "interest_share": [0.02] * 6, "sweep_share": 1.0}  # fmt: skip
    found = swept(**terms)
    account = debt_schedule(
        draw_usd=terms["draw_usd"], principal_usd=terms["principal_usd"], prepayment_usd=found, interest_share=[0.02] * 6,
        commitment_usd=0, commitment_fee_share=[0] * 6, drawing_share=[0] * 6, cfads_usd=terms["cfads_usd"],
    )  # fmt: skip
    tax = tax_usd(
        income_usd=terms["income_before_interest_usd"] - account.interest_usd,
        tax_rate_share=0.2, loss_cap_share=1.0, immediate_loss_share=0.0,
    )  # fmt: skip
    left = terms["cfads_usd"] - tax - account.service_usd - account.prepayment_usd
    np.testing.assert_allclose(left[1:4], 0.0, atol=1e-9)


def test_many_draws_with_one_set_of_terms_and_one_draw_with_many():
    draws = [[300.0, 0, 0, 0], [200.0, 100, 0, 0]]
    np.testing.assert_array_equal(swept(draw_usd=draws), [swept(draw_usd=draw) for draw in draws])
    np.testing.assert_array_equal(swept(sweep_share=[0.5, 0.25]), [swept(), swept(sweep_share=0.25)])


def test_losses_are_cashed_in_part_and_carried_forward_under_a_cap():
    # Of losses of 40 and 60 a quarter lowers tax at once; 75 are left, of which 50 and then 25 offset income.
    found = swept_usd(
        draw_usd=[1_000.0, 0, 0, 0, 0], principal_usd=[0.0] * 5, interest_share=[0.0] * 5, cfads_usd=[100.0] * 5,
        income_before_interest_usd=[-40.0, -60, 100, 80, 10], tax_rate_share=0.2, loss_cap_share=0.5,
        immediate_loss_share=0.25, sweep_share=1.0, sweep_below_dscr_factor=math.inf,
    )  # fmt: skip
    np.testing.assert_allclose(found, 100.0 - 0.2 * np.array([-10, -15, 50, 55, 10]))
