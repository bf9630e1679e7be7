"""Facts about depreciation."""

import numpy as np
import pytest

from colocalc.lease import straight_line_tax_half_year
from colocalc.lease.depreciation import LIVES_YR, db, ddb, macrs, sln, syd, vdb

CONVENTIONS = [("half-year", None), *(("mid-quarter", quarter) for quarter in (1, 2, 3, 4))]
BY_PERIOD = {
    "syd": syd,
    "ddb": ddb,
    "vdb": lambda cost, salvage, life, period: vdb(cost, salvage, life, np.asarray(period) - 1.0, period),
}


def test_straight_line_is_an_even_part():
    assert float(sln(30_000, 7_500, 10)) == 2_250.0
    assert float(sln(100, 100, 5)) == 0.0


def test_salvage_above_cost_is_undefined():
    assert np.isnan(sln(100, 101, 5))
    assert np.isnan(db(100, 101, 5, 1))
    assert all(np.isnan(method(100, 101, 5, 1)) for method in BY_PERIOD.values())


def test_no_life_is_undefined():
    assert np.isnan(sln(100, 0, 0))
    assert np.isnan(vdb(100, 0, 0, 0, 1))
    assert np.isnan(db(100, 10, 0, 1))


@pytest.mark.parametrize("method", BY_PERIOD)
def test_periods_outside_the_life_are_undefined(method):
    found = BY_PERIOD[method](1_000.0, 100.0, 5, [0, 1, 5, 6])
    np.testing.assert_array_equal(np.isnan(found), [True, False, False, True])


@pytest.mark.parametrize("method", ["syd", "vdb"])
def test_a_life_writes_off_all_but_salvage(method):
    assert float(np.sum(BY_PERIOD[method](1_000.0, 100.0, 7, np.arange(1, 8)))) == pytest.approx(900.0)


def test_sum_of_years_of_three():
    # Thirds of 6: 3, 2, 1
    np.testing.assert_allclose(syd(600, 0, 3, [1, 2, 3]), [300, 200, 100])


def test_declining_balance_stops_at_salvage():
    # 2 / 5 of 1,000, of 600, then down to 300 and no more
    np.testing.assert_allclose(ddb(1_000, 300, 5, [1, 2, 3, 4, 5]), [400, 240, 60, 0, 0])


@pytest.mark.parametrize("factor", [5.0, 9.0])
def test_a_factor_of_the_life_writes_all_off_at_once(factor):
    np.testing.assert_allclose(ddb(1_000, 100, 5, [1, 2], factor), [900, 0])


def test_declining_balance_turns_to_straight_line():
    # 400, 240, 144; then 216 in two even parts, which is more than 86.4
    np.testing.assert_allclose(vdb(1_000, 0, 5, np.arange(5), np.arange(1, 6)), [400, 240, 144, 108, 108])


def test_without_a_switch_it_is_declining_balance():
    periods = np.arange(1, 6)
    np.testing.assert_allclose(vdb(1_000, 50, 5, periods - 1, periods, 2, True), ddb(1_000, 50, 5, periods))
    assert float(vdb(1_000, 0, 5, 0, 5, 2, True)) < 1_000.0


def test_a_factor_of_one_is_straight_line():
    np.testing.assert_allclose(vdb(1_000, 0, 5, np.arange(5), np.arange(1, 6), 1.0), 200.0)


def test_parts_of_a_period_are_parts_of_its_depreciation():
    assert float(vdb(1_000, 0, 5, 0.5, 1.5)) == pytest.approx(200 + 120)
    assert float(vdb(1_000, 0, 5, 2.0, 2.0)) == 0.0


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (0, 6)])
def test_times_outside_the_life_or_in_reverse_are_undefined(start, end):
    assert np.isnan(vdb(1_000, 0, 5, start, end))


def test_salvage_reached_before_the_switch_ends_it():
    np.testing.assert_allclose(vdb(1_000, 500, 5, np.arange(5), np.arange(1, 6)), [400, 100, 0, 0, 0])


def test_fixed_declining_balance_rounds_its_rate():
    # 1 - (0.1)^(1/6) = 0.3187, rounded to 0.319
    assert float(db(1e6, 1e5, 6, 1)) == pytest.approx(319_000.0)
    assert float(db(1e6, 1e5, 6, 2)) == pytest.approx(0.319 * 681_000.0)


def test_a_life_of_one_year_goes_down_to_salvage_at_once():
    assert float(db(100, 10, 1, 1)) == pytest.approx(90.0)


def test_fixed_declining_balance_of_whole_years_ends_with_the_life():
    np.testing.assert_allclose(db(1e6, 1e5, 6, [7]), [0.0], atol=1e-9)


def test_fixed_declining_balance_without_salvage_is_all_at_once():
    np.testing.assert_allclose(db(1e6, 0, 6, [1, 2]), [1e6, 0.0])


@pytest.mark.parametrize(("cost", "year"), [(0, 1), (1e6, 0), (1e6, 8), (1e6, -1)])
def test_fixed_declining_balance_of_nothing_or_outside_its_years_is_undefined(cost, year):
    assert np.isnan(db(cost, 0, 6, year))


# Tax


@pytest.mark.parametrize("life", LIVES_YR)
@pytest.mark.parametrize(("convention", "quarter"), CONVENTIONS)
def test_macrs_shares_add_up_to_one(life, convention, quarter):
    shares = macrs(life, convention, quarter)
    assert shares.shape == (life + 1,)
    assert float(np.sum(shares)) == pytest.approx(1.0, abs=1e-12)
    assert (shares > 0.0).all()


def test_macrs_is_half_year_unless_told_otherwise():
    np.testing.assert_allclose(macrs(5), [0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576])


@pytest.mark.parametrize(
    ("life", "convention", "quarter"),
    [
        (4, "half-year", None),
        (0, "half-year", None),
        (5, "mid-quarter", None),
        (5, "mid-quarter", 5),
        (5, "mid-month", 1),
    ],
)
def test_macrs_without_a_table_is_undefined(life, convention, quarter):
    assert macrs(life, convention, quarter).shape == (life + 1,)
    assert np.isnan(macrs(life, convention, quarter)).all()


@pytest.mark.parametrize(("life", "expected"), [(1, [50, 50]), (2, [25, 50, 25]), (5, [10, 20, 20, 20, 20, 10])])
def test_straight_line_for_tax_in_percent(life, expected):
    np.testing.assert_allclose(straight_line_tax_half_year(life), expected)


def test_straight_line_for_tax_without_a_life_is_undefined():
    assert np.isnan(straight_line_tax_half_year(0)).all()
