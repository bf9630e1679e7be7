"""Facts about prepayments: cash once, revenue as it is earned."""

import numpy as np
import pytest

from colocalc.lease.prepayment import (
    cash_revenue_usd,
    deferred_revenue_usd,
    last_kept_share,
    prepayment_credit_usd,
    refund_usd,
)

MONTHS = np.arange(100.0, 160.0)


def _credit(revenue, prepayment, unwind):
    return prepayment_credit_usd(revenue_usd=revenue, prepayment_usd=prepayment, unwind_share=unwind)


def _cash(revenue, credit, prepayment, signing, months=MONTHS):
    return cash_revenue_usd(
        revenue_usd=revenue,
        credit_usd=credit,
        prepayment_usd=prepayment,
        signing_month=signing,
        calendar_month=months,
    )


def test_a_fifth_paid_ahead_and_credited_in_years_three_to_five():
    # 9.7 billion in 60 equal months, 20% of it prepaid: 36 credits of 53.9 million against fees of 161.7
    revenue = np.full(60, 9.7e9 / 60)
    prepayment = 0.2 * 9.7e9
    credit = _credit(revenue, prepayment, np.arange(60) >= 24)
    assert not credit[:24].any()
    np.testing.assert_allclose(credit[24:], 1.94e9 / 36, rtol=1e-13)
    cash = _cash(revenue, credit, prepayment, 100.0)
    assert round(float(cash.sum()), 2) == round(float(revenue.sum()), 2)
    assert cash[0] == pytest.approx(1.94e9 + 9.7e9 / 60)
    deferred = deferred_revenue_usd(cash_revenue_usd=cash, revenue_usd=revenue)
    np.testing.assert_allclose(deferred[:24], 1.94e9)
    assert abs(deferred[-1]) < 0.01


def test_credits_follow_the_revenue_of_their_months():
    np.testing.assert_allclose(_credit([100.0, 300.0, 0.0], 40.0, [1.0, 1.0, 1.0]), [10, 30, 0])
    np.testing.assert_allclose(_credit([0.1, 0.3, 0.0], 0.04, [1.0, 1.0, 1.0]), [0.01, 0.03, 0])


def test_credits_never_exceed_the_revenue_of_their_months():
    np.testing.assert_array_equal(_credit([100.0, 300.0, 50.0], 1_000.0, [1.0, 1.0, 0.0]), [100, 300, 0])


def test_a_prepayment_above_the_revenue_stays_owed():
    revenue = np.array([100.0, 300.0])
    cash = _cash(revenue, _credit(revenue, 1_000.0, [1.0, 1.0]), 1_000.0, 100.0, MONTHS[:2])
    np.testing.assert_array_equal(deferred_revenue_usd(cash_revenue_usd=cash, revenue_usd=revenue), [900, 600])


def test_without_a_prepayment_or_revenue_nothing_is_credited():
    assert not _credit([100.0, 300.0], 0.0, [1.0, 1.0]).any()
    assert not _credit([0.0, 300.0], 50.0, [1.0, 0.0]).any()


def test_without_a_prepayment_cash_is_revenue_and_nothing_deferred():
    revenue = np.arange(60.0)
    cash = _cash(revenue, np.zeros(60), 0.0, 100.0)
    np.testing.assert_array_equal(cash, revenue)
    assert not deferred_revenue_usd(cash_revenue_usd=cash, revenue_usd=revenue).any()


def test_the_prepayment_is_paid_in_the_month_of_the_signing():
    cash = _cash(np.zeros(60), np.zeros(60), 7.0, 103.9)
    assert np.flatnonzero(cash).tolist() == [3]
    assert cash.sum() == 7


def test_a_signing_before_these_months_is_no_cash_of_theirs():
    assert not _cash(np.zeros(60), np.zeros(60), 7.0, 99.5).any()


def _refund(kept, cash=(100.0, 0.0, 20.0), revenue=(40.0, 40.0, 40.0)):
    return refund_usd(cash_revenue_usd=cash, revenue_usd=revenue, kept_share=kept).tolist()


def test_what_is_paid_and_not_earned_is_owed_back_in_the_last_month_that_is_kept():
    # 100 in advance, 40 earned, then half of 40: 60 - 20
    assert _refund([1.0, 0.5, 0.0]) == [0.0, 40.0, 0.0]
    assert _refund([1.0, 0.0, 0.0]) == [60.0, 0.0, 0.0]


def test_a_lease_that_runs_on_or_never_ran_and_one_paid_as_earned_have_no_refund():
    assert _refund([1.0, 1.0, 1.0]) == _refund([0.0, 0.0, 0.0]) == [0.0, 0.0, 0.0]
    assert _refund([1.0, 0.5, 0.0], cash=(40.0, 40.0, 40.0)) == [0.0, 0.0, 0.0]


def test_each_lease_ends_in_a_month_of_its_own():
    kept = [[1.0, 0.5, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    assert last_kept_share(kept_share=kept).tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    refunds = refund_usd(cash_revenue_usd=[100.0, 0.0, 20.0], revenue_usd=[40.0, 40.0, 40.0], kept_share=kept)
    assert refunds.tolist() == [_refund(row) for row in kept]
