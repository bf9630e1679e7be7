"""Prices in time: the transient and the stationary spread, how long a price remembers, and the limits."""

import numpy as np
import pytest

from colocalc.chance.paths import price_factor

COUNT = 40_000
MONTHS = 61
ERRORS = 4.5


def paths(volatility, reversion, months=MONTHS, count=COUNT, seed=2):
    draws = np.random.default_rng(seed).standard_normal((count, months))
    return price_factor(normal_factor=draws, volatility_share_per_yr=volatility, reversion_per_yr=reversion)


def variance(volatility, reversion, month):
    years = month / 12
    if reversion == 0.0:
        return volatility**2 * years
    return volatility**2 * (1 - np.exp(-2 * reversion * years)) / (2 * reversion)


def assert_mean(values, expected):
    error = np.std(values, ddof=1, axis=0) / np.sqrt(values.shape[0])
    assert np.all(np.abs(np.mean(values, axis=0) - expected) <= ERRORS * error + 1e-12)


@pytest.mark.parametrize("reversion", [0.0, 0.5, 1.0, 12.0])
def test_the_mean_of_every_month_is_what_is_expected(reversion):
    assert_mean(paths(0.3, reversion), np.ones(MONTHS))


@pytest.mark.parametrize("reversion", [0.0, 0.5, 1.0, 12.0])
def test_the_spread_grows_as_the_equation_says(reversion):
    found = np.log(paths(0.45, reversion))
    expected = variance(0.45, reversion, np.arange(MONTHS))
    assert_mean(found, -expected / 2)
    assert_mean((found + expected / 2) ** 2, expected)


def test_long_after_the_start_the_spread_stays():
    found = np.log(paths(0.45, 6.0)[:, -1])
    assert_mean((found - found.mean()) ** 2, 0.45**2 / 12.0)


@pytest.mark.parametrize("apart", [1, 6, 12])
def test_a_price_forgets_at_the_pace_of_its_return(apart):
    volatility, reversion = 0.45, 3.0
    log = np.log(paths(volatility, reversion))
    stationary = volatility**2 / (2 * reversion)
    now, later = (log[:, month] - log[:, month].mean() for month in (48, 48 + apart))
    assert_mean(now * later / stationary, np.exp(-reversion * apart / 12))


def test_half_of_a_distance_is_gone_after_the_half_life():
    draws = np.zeros((1, 13))
    draws[0, 1] = 1.0
    volatility, reversion = 0.4, np.log(2.0)  # half a distance in a year, so in the 12 months after the first
    found = np.log(price_factor(normal_factor=draws, volatility_share_per_yr=volatility, reversion_per_yr=reversion))
    centre = -variance(volatility, reversion, np.arange(13)) / 2
    distance = (found - centre)[0]
    np.testing.assert_allclose(distance[1:] / distance[1], 0.5 ** (np.arange(12) / 12), rtol=1e-12)


def test_a_price_that_does_not_move_is_the_expected_one():
    assert np.all(paths(0.0, 1.0, count=5) == 1.0)


def test_without_return_steps_add_up():
    draws = np.random.default_rng(3).standard_normal((4, 25))
    found = np.log(price_factor(normal_factor=draws, volatility_share_per_yr=0.5, reversion_per_yr=0.0))
    step = 0.5 / np.sqrt(12)
    walk = np.cumsum(draws[:, 1:], axis=-1) * step - np.arange(1, 25) * step**2 / 2
    np.testing.assert_allclose(found[:, 1:], walk, atol=1e-13)


def test_hardly_any_return_is_near_none():
    np.testing.assert_allclose(paths(0.5, 1e-9, count=5), paths(0.5, 0.0, count=5), rtol=1e-7)


def test_a_return_at_once_leaves_nothing():
    np.testing.assert_allclose(paths(0.5, 1e12, count=5), 1.0, atol=1e-5)


def test_one_month_is_known_and_the_first_draw_plays_no_part():
    draws = np.random.default_rng(3).standard_normal((4, 5))
    other = draws.copy()
    other[:, 0] = 99.0
    common = {"volatility_share_per_yr": 0.5, "reversion_per_yr": 1.0}
    found = price_factor(normal_factor=draws, **common)
    assert np.all(found[:, 0] == 1.0)
    np.testing.assert_array_equal(found, price_factor(normal_factor=other, **common))
    np.testing.assert_array_equal(price_factor(normal_factor=draws[:, :1], **common), np.ones((4, 1)))


def test_each_path_may_move_in_its_own_way():
    draws = np.random.default_rng(3).standard_normal((3, 7))
    together = price_factor(
        normal_factor=draws, volatility_share_per_yr=[0.0, 0.3, 0.6], reversion_per_yr=[1.0, 0.0, 2.0]
    )
    for row, (volatility, reversion) in enumerate(((0.0, 1.0), (0.3, 0.0), (0.6, 2.0))):
        alone = price_factor(normal_factor=draws[row], volatility_share_per_yr=volatility, reversion_per_yr=reversion)
        np.testing.assert_allclose(together[row], alone, rtol=1e-14)
