"""Facts about contracts that may be left on notice: headline, firm and expected value."""

import numpy as np
import pytest

from colocalc.lease.termination import alive_share, firm_share

START = 24_318.0
MONTHS = START + np.arange(-2.0, 40.0)
END = START + 35.0
FEES = np.where((MONTHS >= START) & (MONTHS < END), 1.25e9, 0.0)


def _terms(**changes):
    return {
        "calendar_month": MONTHS,
        "start_month": START,
        "end_month": END,
        "earliest_notice_month": START,
        "notice_months": 3.0,
    } | changes


def _firm(**changes):
    return firm_share(**_terms(**changes))


def _alive(notice_share, **changes):
    return alive_share(**_terms(**changes), notice_share=notice_share)


def _value(standing):
    return float(np.sum(FEES * standing))


def test_35_months_of_1_25_billion_are_43_75_billion():
    assert _value(np.ones_like(FEES)) == 43.75e9


@pytest.mark.parametrize(("notice_share", "billions"), [(0.02, 33.5), (0.05, 23.9)])
def test_expected_value_with_90_days_of_notice(notice_share, billions):
    months = 3 + sum((1 - notice_share) ** k for k in range(32))
    value = _value(_alive(notice_share))
    assert value == pytest.approx(1.25e9 * months, rel=1e-13)
    assert round(value / 1e9, 1) == billions


@pytest.mark.parametrize(("initial", "months"), [(0.0, 3), (3.0, 6), (1.5, 4.5)])
def test_firm_value_is_three_to_six_months_of_fees(initial, months):
    assert _value(_firm(earliest_notice_month=START + initial)) == months * 1.25e9


def test_without_a_right_to_leave_all_is_firm_and_expected():
    under = (MONTHS >= START) & (MONTHS < END)
    np.testing.assert_array_equal(_firm(notice_months=np.inf), under)
    np.testing.assert_array_equal(_alive(0.5, notice_months=np.inf)[under], np.ones(35))


def test_nothing_is_firm_that_may_be_left_at_once():
    assert not _firm(notice_months=0.0).any()


def test_nobody_who_never_gives_notice_leaves_before_the_end():
    alive = _alive(0.0)
    np.testing.assert_array_equal(alive, MONTHS < END)


def test_notice_from_the_end_of_the_first_month_on_leaves_four_months_certain():
    alive = _alive(0.02)[2:9]
    np.testing.assert_allclose(alive, [1, 1, 1, 1, 0.98, 0.98**2, 0.98**3], rtol=1e-14)


def test_notice_for_certain_after_an_initial_period_is_the_firm_case():
    late = {"earliest_notice_month": START + 3}
    under = FEES > 0
    np.testing.assert_array_equal(_alive(1.0, **late)[under], _firm(**late)[under])
    assert _value(_alive(1.0)) == 4 * 1.25e9


def test_before_the_start_as_in_the_first_month_and_from_the_end_on_none():
    alive = _alive(0.3)
    np.testing.assert_array_equal(alive[:2], [1, 1])
    assert not alive[MONTHS >= END].any()


def test_a_notice_that_ends_within_a_month_counts_its_days():
    # 45 days: given at the end of month 1, 2, ...: over in the middle of month 3, 4, ...
    alive = _alive(0.5, notice_months=1.5)[2:7]
    np.testing.assert_allclose(alive, [1, 1, 0.75, 0.375, 0.1875], rtol=1e-14)
    np.testing.assert_allclose(_firm(notice_months=1.5)[2:5], [1, 0.5, 0])


def test_a_start_within_a_month_shifts_the_times_of_notice():
    # From the middle of a month, with a month of notice: over at 2.0 contract months, the middle of the third
    alive = _alive(0.5, start_month=START + 0.5, earliest_notice_month=START + 0.5, notice_months=1.0)[2:6]
    np.testing.assert_allclose(alive, [1, 1, 0.75, 0.375], rtol=1e-14)


def test_an_initial_period_found_with_rounding_is_not_a_month_longer():
    shifted = {"start_month": 0.3, "end_month": 40.0, "calendar_month": np.arange(12.0), "notice_months": 0.0}
    exact = _alive(0.5, earliest_notice_month=3.3, **shifted)
    off = _alive(0.5, earliest_notice_month=3.3 + 1e-9, **shifted)
    np.testing.assert_array_equal(exact, off)


@pytest.mark.parametrize("days", range(1, 30))
def test_a_notice_that_ends_on_the_first_of_a_month_by_rounding_ends_there(days):
    late = days / 30
    alive = _alive(0.5, start_month=START + late, earliest_notice_month=START + late, notice_months=2.0 - late)[2:8]
    np.testing.assert_allclose(alive, [1, 1, 1, 0.5, 0.25, 0.125], rtol=1e-10)


def test_notice_may_first_be_given_today():
    # Ten months on, three months of notice: months 11 to 13 are firm too
    assert _value(_firm(earliest_notice_month=START + 10)) == 13 * 1.25e9
