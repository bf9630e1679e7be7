"""Facts about the path of prices that rates by term imply."""

import numpy as np
import pytest

from colocalc.lease.forward import forward_rate_usd_per_gpu_h

MONTHS = np.arange(60.0)
TERMS = [1.0, 12.0, 36.0]


def _path(rates, terms=TERMS, months=MONTHS):
    return forward_rate_usd_per_gpu_h(term_rate_usd_per_gpu_h=rates, term_months=terms, elapsed_months=months)


def test_one_term_or_equal_rates_are_a_level_path():
    np.testing.assert_array_equal(_path([2.6], [12.0]), np.full(60, 2.6))
    np.testing.assert_allclose(_path([2.6, 2.6, 2.6]), np.full(60, 2.6), rtol=1e-13)


def test_h100_of_june_2026_rises_from_spot_to_one_year_and_falls_to_three():
    # Spot 2.42, a year 2.65, three years 2.00 (of July)
    path = _path([2.42, 2.65, 2.00])
    assert path[0] == 2.42
    np.testing.assert_allclose(path[1:12], (12 * 2.65 - 2.42) / 11)
    np.testing.assert_allclose(path[12:36], (36 * 2.00 - 12 * 2.65) / 24)


def test_after_the_longest_term_the_last_price_stays():
    path = _path([2.42, 2.65, 2.00])
    np.testing.assert_array_equal(path[36:], np.full(24, path[35]))


def test_every_term_is_the_mean_price_of_its_months():
    path = _path([2.42, 2.65, 2.00])
    np.testing.assert_allclose([path[:term].mean() for term in (1, 12, 36)], [2.42, 2.65, 2.00], rtol=1e-13)


def test_a_dearer_longer_term_is_a_path_that_rises():
    path = _path([2.0, 2.35, 2.65])
    assert (np.diff(path) >= 0).all()
    assert path[12] > 2.65


def test_a_very_cheap_long_term_makes_later_months_worth_less_than_nothing():
    assert _path([3.0, 3.0, 0.9])[12] == pytest.approx((36 * 0.9 - 36) / 24)
    assert _path([3.0, 3.0, 0.9])[12] < 0


def test_two_terms_of_one_length_are_undefined_from_there_on():
    path = _path([2.0, 2.5, 2.6], [1.0, 12.0, 12.0])
    np.testing.assert_allclose(path[:12], _path([2.0, 2.5], [1.0, 12.0])[:12])
    assert np.isnan(path[12:]).all()


def test_a_month_that_holds_the_end_of_a_term_has_the_mean_of_both_prices():
    path = _path([2.0, 3.0], [1.5, 3.0])
    np.testing.assert_allclose(path[:3], [2.0, 3.0, 4.0])


def test_pools_are_leading_axes():
    rates = np.array([[2.42, 2.65, 2.00], [3.4, 3.2, 2.9]])
    np.testing.assert_array_equal(_path(rates), np.stack([_path(row) for row in rates]))
