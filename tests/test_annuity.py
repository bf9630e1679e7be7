"""Facts about level payments, and about the interest and principal within them."""

import numpy as np
import pytest

from colocalc.lease import finance
from colocalc.lease.annuity import annuity, at_start, fv, nper, pmt, pv, rate
from colocalc.lease.loan import cumipmt, cumprinc, ipmt, ppmt

WHEN = pytest.mark.parametrize("when", ["end", "begin", 0, 1])


def test_words_for_when_payments_fall():
    np.testing.assert_array_equal(
        at_start(["end", "e", "finish", "begin", "b", "beginning", "start"]), [0, 0, 0, 1, 1, 1, 1]
    )
    np.testing.assert_array_equal(at_start([0, 1]), [0.0, 1.0])
    assert np.isnan(at_start("sometime"))
    assert np.isnan(pmt(0.01, 12, 100, 0, "sometime"))


def test_an_annuity_of_two_periods():
    # 1 / 1.1 + 1 / 1.21
    assert float(annuity(np.array(0.1), np.array(2.0))) == pytest.approx(1 / 1.1 + 1 / 1.21)
    assert float(annuity(np.array(0.0), np.array(2.0))) == 2.0
    assert np.isnan(annuity(np.array([0.1, -1.0, -2.0]), np.array([0.0, 2.0, 2.0]))).all()


def test_a_payment_without_interest_is_an_even_part():
    assert float(pmt(0.0, 60, 15_000)) == -250.0
    assert float(pmt(0.0, 10, 100, 50)) == -15.0


def test_a_payment_of_one_period_is_the_loan_with_interest():
    assert float(pmt(0.1, 1, 100)) == pytest.approx(-110.0)
    assert float(pmt(0.1, 1, 100, 0, "begin")) == pytest.approx(-100.0)


def test_a_payment_at_a_tiny_rate_is_as_near_as_it_gets():
    # Interest on the mean balance: 100 (1 + 1e-12 * 61 / 2) / 60
    assert float(pmt(1e-12, 60, 100)) == pytest.approx(-100.0 / 60.0 * (1.0 + 30.5e-12), rel=1e-15)


def test_a_payment_over_many_periods_at_a_high_rate_is_interest_alone():
    assert float(pmt(2.6, 10_000, 100)) == pytest.approx(-260.0)


@pytest.mark.parametrize(("interest", "count"), [(0.1, 0), (-1.0, 10), (-2.0, 10)])
def test_no_payments_or_a_rate_of_minus_100_percent_are_undefined(interest, count):
    assert np.isnan(pmt(interest, count, 100))
    assert np.isnan(pv(interest, count, 100))


def test_present_and_future_value_without_interest_are_sums():
    assert float(pv(0.0, 20, 100, 7)) == -2_007.0
    assert float(fv(0.0, 20, 100, 7)) == -2_007.0


def test_future_value_before_any_payment_is_what_there_was():
    assert float(fv(0.1, 0, 100, 7)) == -7.0


def test_future_value_at_minus_100_percent_is_undefined():
    assert np.isnan(fv(-1.0, 5, 100, 7))


def test_a_falling_value_over_many_periods_overflows_nothing():
    # At -90% what is lent shrinks to nothing; a last payment of 1 is worth 1, the one before 0.1.
    assert float(pmt(-0.9, 1_000, 100)) == pytest.approx(0.0, abs=1e-300)
    assert float(pmt(-0.9, 1_000, 0, 10)) == pytest.approx(-9.0)
    assert float(pv(-0.9, 1_000, 0, 0)) == 0.0
    assert float(pv(-0.9, 1_000, -1.0)) == np.inf
    assert np.isnan(pv(-0.9, 1_000, -1.0, 1.0))
    assert float(ppmt(-0.9, 1, 1_000, 10)) == pytest.approx(-9.0)
    assert float(cumprinc(-0.9, 1_000, 10, 1, 2)) == pytest.approx(-9.9)


def test_future_value_past_the_largest_number_is_infinite():
    assert float(fv(2.6, 10_000, 0.0, -1.0)) == np.inf
    assert np.isnan(fv(2.6, 10_000, 1.0, -1.0))


@WHEN
def test_payment_present_and_future_value_undo_each_other(when):
    paid = pmt(0.03, 24, 9_000, -1_000, when)
    assert float(fv(0.03, 24, paid, 9_000, when)) == pytest.approx(-1_000)
    assert float(pv(0.03, 24, paid, -1_000, when)) == pytest.approx(9_000)
    assert float(nper(0.03, paid, 9_000, -1_000, when)) == pytest.approx(24)
    assert float(rate(24, paid, 9_000, -1_000, when)) == pytest.approx(0.03, abs=1e-12)


def test_the_number_of_payments_without_interest_is_a_ratio():
    assert float(nper(0.0, -2_000, 0, 100_000)) == 50.0


@pytest.mark.parametrize(
    ("interest", "paid", "lent"), [(0.01, -50, 10_000), (0.01, -100, 10_000), (0.0, 0, 100), (-1.0, -50, 100)]
)
def test_what_is_never_paid_off_has_no_number_of_payments(interest, paid, lent):
    assert np.isnan(nper(interest, paid, lent))


def test_a_rate_of_exactly_zero_and_a_negative_one():
    assert float(rate(10, -10, 100, 0)) == 0.0
    found = float(rate(10, -9, 100, 0))
    assert found < 0.0
    assert float(pv(found, 10, -9)) == pytest.approx(100)


def test_a_rate_over_forty_years_of_months():
    assert float(rate(480, pmt(0.004, 480, 3e5), 3e5, 0)) == pytest.approx(0.004, abs=1e-13)


@pytest.mark.parametrize(
    ("count", "paid", "start", "end"),
    [(10, 5, 100, 0), (10, 0, 100, 0), (10, 0, 0, 0), (0, -5, 100, 0), (1, -300, 8_000, 0)],
)
def test_money_that_goes_one_way_or_not_at_all_has_no_rate(count, paid, start, end):
    when = "begin" if count == 1 else "end"
    assert np.isnan(rate(count, paid, start, end, when))


def test_two_rates_are_none():
    # Received at the start and the end, paid in between: 0 at both 10% and 20%
    assert np.isnan(rate(2, 230, -100, -132 - 230))


# Interest and principal


@WHEN
def test_interest_and_principal_are_the_payment(when):
    months = np.arange(1, 37)
    parts = ipmt(0.01, months, 36, 8_000, -500, when) + ppmt(0.01, months, 36, 8_000, -500, when)
    np.testing.assert_allclose(parts, float(pmt(0.01, 36, 8_000, -500, when)))


@WHEN
def test_principal_adds_up_to_the_loan(when):
    assert float(np.sum(ppmt(0.01, np.arange(1, 37), 36, 8_000, 0, when))) == pytest.approx(-8_000)
    assert float(cumprinc(0.01, 36, 8_000, 1, 36, when)) == pytest.approx(-8_000)


def test_the_first_interest_is_on_the_whole_loan_and_the_second_on_the_rest():
    first = ppmt(0.1, 1, 2, 100)
    assert float(ipmt(0.1, 1, 2, 100)) == pytest.approx(-10.0)
    assert float(ipmt(0.1, 2, 2, 100)) == pytest.approx(-0.1 * (100 + float(first)))


def test_payments_at_the_beginning_start_without_interest():
    assert float(ipmt(0.01, 1, 36, 8_000, 0, "begin")) == 0.0
    assert float(ppmt(0.01, 1, 36, 8_000, 0, "begin")) == float(pmt(0.01, 36, 8_000, 0, "begin"))


def test_without_interest_all_is_principal():
    np.testing.assert_array_equal(ipmt(0.0, [1, 5, 10], 10, 100), 0.0)
    np.testing.assert_array_equal(ppmt(0.0, [1, 5, 10], 10, 100), -10.0)
    assert float(cumipmt(0.0, 10, 100, 2, 5)) == 0.0


@pytest.mark.parametrize("part", [ipmt, ppmt])
def test_there_is_no_payment_before_the_first_or_after_the_last(part):
    np.testing.assert_array_equal(np.isnan(part(0.01, [0, 1, 36, 37], 36, 8_000)), [True, False, False, True])


def test_the_last_principal_of_a_long_loan_at_a_high_rate_is_exact():
    # All but 1 / 1.2 of the last payment is principal: no balance of 1e15 is subtracted from another.
    paid = float(pmt(0.2, 200, 1_000.0))
    assert float(ppmt(0.2, 200, 200, 1_000.0)) == pytest.approx(paid / 1.2, rel=1e-12)


@WHEN
@pytest.mark.parametrize(("start", "end"), [(1, 1), (1, 12), (13, 24), (24, 24)])
def test_sums_are_those_of_their_parts(when, start, end):
    months = np.arange(start, end + 1)
    interest, principal = (part(0.02, months, 24, 5_000, 0, when).sum() for part in (ipmt, ppmt))
    assert float(cumipmt(0.02, 24, 5_000, start, end, when)) == pytest.approx(interest, abs=1e-9)
    assert float(cumprinc(0.02, 24, 5_000, start, end, when)) == pytest.approx(principal, abs=1e-9)


@pytest.mark.parametrize("part", [cumipmt, cumprinc])
@pytest.mark.parametrize(("start", "end"), [(0, 5), (6, 5), (1, 25)])
def test_a_span_outside_the_loan_is_undefined(part, start, end):
    assert np.isnan(part(0.02, 24, 5_000, start, end))


def test_every_name_of_the_module_is_a_function():
    assert all(callable(getattr(finance, name)) for name in finance.__all__)
