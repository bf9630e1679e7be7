"""Facts about flows on dates."""

import datetime as dt

import numpy as np
import pytest

from colocalc.lease.dates import DAY_COUNTS, xirr, xnpv, years_from_first


def years(start, end, day_count):
    return float(years_from_first([start, end], day_count)[1])


@pytest.mark.parametrize(
    ("day_count", "start", "end", "expected"),
    [
        ("act/365", "2027-01-01", "2028-01-01", 1.0),
        ("act/365", "2028-01-01", "2029-01-01", 366 / 365),
        ("act/360", "2027-01-01", "2028-01-01", 365 / 360),
        ("act/365.25", "2027-01-01", "2031-01-01", 4.0),
        # 61 days of 2003, 121 of leap year 2004: the example of the ISDA memorandum of 1998
        ("act/act-isda", "2003-11-01", "2004-05-01", 61 / 365 + 121 / 366),
        ("act/act-isda", "1999-02-01", "1999-07-01", 150 / 365),
        ("30/360-isda", "2026-01-31", "2026-03-31", 60 / 360),
        ("30/360-isda", "2026-01-15", "2026-03-31", 76 / 360),
        ("30/360-isda", "2026-02-28", "2026-08-31", 183 / 360),
        ("30/360-isda", "2026-01-31", "2026-03-15", 45 / 360),
        ("30/360-isda", "2026-01-30", "2026-03-31", 60 / 360),
        ("30/360-isda", "2026-01-29", "2026-03-31", 62 / 360),
    ],
)
def test_years_by_day_count(day_count, start, end, expected):
    assert years(start, end, day_count) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("day_count", DAY_COUNTS)
def test_the_earliest_date_is_zero_wherever_it_stands(day_count):
    found = years_from_first(["2027-05-31", "2026-01-31", "2028-02-29"], day_count)
    assert found[1] == 0.0
    assert (found[[0, 2]] > 0.0).all()


@pytest.mark.parametrize("day_count", DAY_COUNTS)
def test_a_missing_date_makes_the_row_undefined(day_count):
    dates = [["2026-01-01", "NaT"], ["2026-01-01", "2027-01-01"]]
    assert np.isnan(years_from_first(dates, day_count)[0]).all()
    np.testing.assert_array_equal(np.isnan(xirr([-100.0, 110.0], dates, day_count)), [True, False])
    np.testing.assert_array_equal(np.isnan(xnpv(0.1, [-100.0, 110.0], dates, day_count)), [True, False])


def test_words_of_a_day_count_may_be_capital():
    assert years("2027-01-01", "2028-01-01", "ACT/365F") == 1.0


def test_dates_may_be_text_dates_or_numpy_dates():
    days = [dt.date(2027, 1, 1), dt.date(2028, 1, 1)]
    for dates in (days, np.array(days, dtype="datetime64[D]"), [str(day) for day in days]):
        assert float(xirr([-100, 110], dates)) == pytest.approx(0.1, abs=1e-12)


@pytest.mark.parametrize("day_count", DAY_COUNTS)
def test_the_order_of_flows_and_dates_changes_nothing(day_count):
    flows = np.array([-10_000.0, 2_750, 4_250, 3_250, 2_750])
    dates = np.array(["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"])
    turned = [3, 1, 4, 0, 2]
    assert float(xnpv(0.09, flows[turned], dates[turned], day_count)) == pytest.approx(
        float(xnpv(0.09, flows, dates, day_count)), rel=1e-12
    )
    assert float(xirr(flows[turned], dates[turned], day_count)) == pytest.approx(
        float(xirr(flows, dates, day_count)), rel=1e-12
    )


def test_at_a_rate_of_zero_or_on_one_day_flows_add_up():
    flows, days = [-100.0, 60.0, 70.0], ["2026-01-01", "2027-01-01", "2028-06-01"]
    assert float(xnpv(0.0, flows, days)) == pytest.approx(30.0)
    assert float(xnpv(0.3, flows, ["2026-01-01"] * 3)) == pytest.approx(30.0)
    assert np.isnan(xirr(flows, ["2026-01-01"] * 3))


def test_undefined_rates():
    days = ["2026-01-01", "2027-01-01", "2028-01-01"]
    assert np.isnan(xnpv(-1.0, [-100, 60, 70], days))
    assert np.isnan(xirr([1, 2, 3], days))
    assert np.isnan(xirr([-1_600, 10_000, -10_000], days))


def test_flows_of_one_day_count_as_one():
    assert float(xirr([-60, -40, 110], ["2026-01-01", "2026-01-01", "2027-01-01"])) == pytest.approx(0.1, abs=1e-12)
    assert np.isnan(xirr([-100, 110, -110], ["2026-01-01", "2027-01-01", "2027-01-01"]))


def test_a_scenario_may_have_dates_of_its_own():
    found = xirr([-100, 121], [["2026-01-01", "2027-01-01"], ["2026-01-01", "2028-01-01"]])
    np.testing.assert_allclose(found, [0.21, 0.1], rtol=1e-12)


def test_several_rates_on_dates_of_ones_own():
    dates = [["2026-01-01", "2027-01-01", "2028-01-01"], ["2026-01-01", "2026-01-11", "2026-01-21"]]
    # Two rates are none; one at which the value touches 0 is there once.
    assert np.isnan(xirr([-1_600, 10_000, -10_000], dates)).all()
    found = xirr([-100, 220, -121], dates)
    np.testing.assert_allclose(np.log1p(found), np.log(1.1) * np.array([1.0, 36.5]), rtol=1e-6)
