"""Facts about the calendar of a contract."""

import calendar
import datetime as dt

import numpy as np
import pytest

from colocalc.lease.months import covered_share, month_h, month_number

JUNE_2026 = 24_317.0


def _at(year, month, day):
    return float(month_number(calendar_yr=year, month_of_year_count=month, day_of_month_count=day))


def _year(year):
    return 12.0 * year + np.arange(12.0)


def test_the_first_of_a_month_is_a_whole_number():
    assert _at(2026, 6, 1) == JUNE_2026


def test_a_day_is_a_share_of_its_month():
    assert _at(2026, 6, 16) == JUNE_2026 + 0.5
    assert _at(2028, 2, 15) == 24_337.0 + 14 / 29


def test_the_day_after_the_last_is_the_first_of_the_next_month():
    assert _at(2026, 6, 31) == _at(2026, 7, 1)
    assert _at(2027, 2, 29) == _at(2027, 3, 1)


def test_months_have_the_hours_of_the_calendar():
    months = np.arange(12.0 * 1899, 12.0 * 2105)
    days = [calendar.monthrange(int(month // 12), int(month % 12) + 1)[1] for month in months]
    np.testing.assert_array_equal(month_h(calendar_month=months, leap_day_count=1.0), 24.0 * np.array(days))


@pytest.mark.parametrize(("year", "hours"), [(2026, 8_760), (2028, 8_784), (2000, 8_784), (1900, 8_760)])
def test_a_year_has_8_760_hours_and_a_leap_year_8_784(year, hours):
    assert month_h(calendar_month=_year(year), leap_day_count=1.0).sum() == hours


def test_without_leap_days_every_year_has_8_760_hours():
    hours = month_h(calendar_month=_year(2028), leap_day_count=0.0)
    assert hours.sum() == 8_760 == 12 * 730
    assert hours[1] == 672


def test_no_month_has_the_730_hours_of_the_mean_month():
    assert set(month_h(calendar_month=_year(2028), leap_day_count=1.0)) == {696, 720, 744}
    assert set(month_h(calendar_month=_year(2026), leap_day_count=1.0)) == {672, 720, 744}


def test_june_2026_to_may_2029_is_35_full_months_after_the_first():
    start, end = _at(2026, 7, 1), _at(2029, 6, 1)
    months = np.arange(JUNE_2026, JUNE_2026 + 40)
    share = covered_share(calendar_month=months, start_month=start, end_month=end)
    assert share.sum() == 35
    hours = (share * month_h(calendar_month=months, leap_day_count=1.0)).sum()
    assert hours == 24 * (dt.date(2029, 6, 1) - dt.date(2026, 7, 1)).days


def test_months_at_the_ends_are_covered_by_their_days():
    # 16 June to 11 August 2026: 15 days of 30, July, 10 days of 31
    share = covered_share(
        calendar_month=np.arange(JUNE_2026 - 1, JUNE_2026 + 4), start_month=_at(2026, 6, 16), end_month=_at(2026, 8, 11)
    )
    np.testing.assert_allclose(share, [0.0, 0.5, 1.0, 10 / 31, 0.0], rtol=0, atol=1e-11)


def test_a_month_may_hold_both_ends():
    share = covered_share(calendar_month=[JUNE_2026], start_month=JUNE_2026 + 0.25, end_month=JUNE_2026 + 0.75)
    assert share == 0.5


def test_an_end_before_the_start_covers_nothing():
    months = np.arange(JUNE_2026, JUNE_2026 + 5)
    assert not covered_share(calendar_month=months, start_month=JUNE_2026 + 3, end_month=JUNE_2026 + 1).any()


def test_scenarios_may_start_in_different_months():
    rows = JUNE_2026 + np.array([[0.0], [20.0]]) + np.arange(12.0)
    hours = month_h(calendar_month=rows, leap_day_count=[1.0, 1.0])
    np.testing.assert_array_equal(hours.sum(axis=-1), [8_760, 8_784])
    share = covered_share(calendar_month=rows, start_month=[JUNE_2026 + 6, JUNE_2026], end_month=[JUNE_2026 + 9, 3e4])
    np.testing.assert_array_equal(share.sum(axis=-1), [3, 12])
