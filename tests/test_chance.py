"""Draws against closed forms: each within five standard errors of what the equations say."""

from statistics import NormalDist

import numpy as np
import pytest

from colocalc.chance.paths import price_factor
from colocalc.chance.shapes import (
    correlated_factor,
    loading_factor,
    normal_quantile_factor,
    split_lognormal,
    triangular,
)
from colocalc.chance.statistics import bin_edges, deviation, mean_error, quantiles, rank_correlation_share

COUNT = 200_000


def generator():
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(20260508)))


def near(found, wanted, error, times=5.0):
    assert abs(float(found) - wanted) <= times * error


@pytest.mark.parametrize("share", [1e-12, 1e-4, 0.05, 0.1, 0.3, 0.5, 0.7, 0.975, 1.0 - 1e-9])
def test_a_normal_quantile_is_the_inverse_of_the_distribution(share):
    wanted = NormalDist().inv_cdf(share)
    np.testing.assert_allclose(normal_quantile_factor(probability_share=share), wanted, rtol=1e-12, atol=1e-15)


def test_the_ends_of_a_normal_are_infinite():
    np.testing.assert_array_equal(normal_quantile_factor(probability_share=[0.0, 1.0]), [-np.inf, np.inf])


@pytest.mark.parametrize(
    ("low", "value", "high"), [(0.0, 0.5, 1.0), (1.0, 1.0, 4.0), (-2.0, 3.0, 3.0), (0.1, 0.2, 0.9)]
)
def test_a_triangle_has_its_mean_and_variance(low, value, high):
    drawn = triangular(low=low, value=value, high=high, uniform_share=generator().random(COUNT))
    mean = (low + value + high) / 3.0
    variance = (low**2 + value**2 + high**2 - low * value - low * high - value * high) / 18.0
    near(np.mean(drawn), mean, np.sqrt(variance / COUNT))
    # The kurtosis of every triangle is 2.4.
    near(np.var(drawn), variance, variance * np.sqrt(1.4 / COUNT))
    assert drawn.min() >= low
    assert drawn.max() <= high


def test_a_triangle_of_no_width_is_its_value():
    drawn = triangular(low=3.0, value=3.0, high=3.0, uniform_share=[0.0, 0.4, 1.0])
    np.testing.assert_array_equal(drawn, [3.0] * 3)


def test_a_triangle_by_hand():
    # Half of 0, 1, 2 lies below 1; an eighth below 0.5.
    found = triangular(low=0.0, value=1.0, high=2.0, uniform_share=[0.0, 0.125, 0.5, 0.875, 1.0])
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0, 1.5, 2.0])


def test_a_split_lognormal_has_its_quantiles():
    normal = generator().standard_normal(COUNT)
    drawn = split_lognormal(low=1.8, value=2.2, high=3.5, tail_share=0.1, normal_factor=normal)
    for bound, share in ((1.8, 0.1), (2.2, 0.5), (3.5, 0.9)):
        near(np.mean(drawn < bound), share, np.sqrt(share * (1.0 - share) / COUNT))


def test_a_lognormal_by_hand():
    q = -NormalDist().inv_cdf(0.1)
    found = split_lognormal(low=1.0, value=2.0, high=8.0, tail_share=0.1, normal_factor=[-q, 0.0, q, 2.0 * q])
    np.testing.assert_allclose(found, [1.0, 2.0, 8.0, 32.0])


def test_a_number_with_one_end_moves_to_that_side_alone():
    drawn = split_lognormal(low=2.0, value=2.0, high=3.0, tail_share=0.1, normal_factor=[-3.0, -0.1, 0.0, 1.0])
    np.testing.assert_array_equal(drawn[:3], [2.0] * 3)
    assert drawn[3] > 2.0
    same = split_lognormal(low=2.0, value=2.0, high=2.0, tail_share=0.1, normal_factor=[-3.0, 3.0])
    np.testing.assert_array_equal(same, [2.0, 2.0])


def test_normals_move_together_as_much_as_is_asked():
    matrix = np.asarray([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])
    loading = loading_factor(correlation_share=matrix)
    np.testing.assert_allclose(loading @ loading.T, matrix, atol=1e-12)
    drawn = correlated_factor(normal_factor=generator().standard_normal((COUNT, 3)), loading_factor=loading)
    found = np.corrcoef(drawn, rowvar=False)
    for row, column in ((0, 1), (0, 2), (1, 2)):
        near(found[row, column], matrix[row, column], (1.0 - matrix[row, column] ** 2) / np.sqrt(COUNT))


def test_a_sum_of_normals_has_the_variance_of_their_covariances():
    loading = loading_factor(correlation_share=[[1.0, 0.6], [0.6, 1.0]])
    drawn = correlated_factor(normal_factor=generator().standard_normal((COUNT, 2)), loading_factor=loading)
    total = drawn @ np.asarray([2.0, 3.0])
    variance = 4.0 + 9.0 + 2.0 * 0.6 * 6.0
    near(np.var(total), variance, variance * np.sqrt(2.0 / COUNT))
    near(np.mean(total), 0.0, np.sqrt(variance / COUNT))


def test_correlations_at_their_ends():
    np.testing.assert_array_equal(loading_factor(correlation_share=np.eye(3)), np.eye(3))
    np.testing.assert_allclose(loading_factor(correlation_share=np.ones((2, 2))), [[1.0, 0.0], [1.0, 0.0]])
    impossible = [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]
    assert np.isnan(loading_factor(correlation_share=impossible)).all()


@pytest.mark.parametrize(("volatility", "reversion"), [(0.4, 1.5), (0.8, 6.0), (0.3, 0.0)])
def test_a_price_that_returns_has_the_variance_of_its_process(volatility, reversion):
    months = 37
    path = price_factor(
        normal_factor=generator().standard_normal((COUNT // 4, months)),
        volatility_share_per_yr=volatility,
        reversion_per_yr=reversion,
    )
    log = np.log(path)
    np.testing.assert_array_equal(path[:, 0], 1.0)
    for month in (1, 12, 36):
        years = month / 12.0
        variance = volatility**2 * (
            years if reversion == 0.0 else (1.0 - np.exp(-2.0 * reversion * years)) / (2.0 * reversion)
        )
        near(np.var(log[:, month]), variance, variance * np.sqrt(2.0 / log.shape[0]))
        near(np.mean(path[:, month]), 1.0, np.sqrt(np.expm1(variance) / log.shape[0]))


def test_months_of_a_price_are_as_alike_as_its_reversion_leaves_them():
    path = price_factor(
        normal_factor=generator().standard_normal((COUNT // 4, 121)),
        volatility_share_per_yr=0.5,
        reversion_per_yr=2.0,
    )
    log = np.log(path)
    wanted = np.exp(-2.0 * 3.0 / 12.0)
    near(np.corrcoef(log[:, 117], log[:, 120])[0, 1], wanted, (1.0 - wanted**2) / np.sqrt(log.shape[0]))


def test_without_volatility_prices_are_as_expected():
    path = price_factor(normal_factor=np.ones((2, 5)), volatility_share_per_yr=0.0, reversion_per_yr=1.0)
    np.testing.assert_array_equal(path, np.ones((2, 5)))


def test_errors_of_means_and_quantiles_are_those_of_normals():
    drawn = generator().standard_normal((400, 1_000))
    near(np.mean(mean_error(values=drawn)), 1.0 / np.sqrt(1_000), 1e-3 / np.sqrt(400))
    found, error = quantiles(values=drawn, probability_share=[0.1, 0.5])
    spread = np.std(found, axis=0)
    np.testing.assert_allclose(np.mean(error, axis=0), spread, rtol=0.15)
    near(np.mean(found[:, 0]), NormalDist().inv_cdf(0.1), spread[0] / 20.0)


def test_statistics_at_their_limits():
    assert np.isnan(deviation(values=[4.0]))
    assert np.isnan(mean_error(values=[4.0]))
    assert deviation(values=[4.0, 4.0]) == 0.0
    np.testing.assert_allclose(deviation(values=[1e200, 3e200]), np.sqrt(2.0) * 1e200)
    value, error = quantiles(values=[7.0], probability_share=[0.1, 0.9])
    np.testing.assert_array_equal(value, [7.0, 7.0])
    np.testing.assert_array_equal(error, [0.0, 0.0])


def test_bins_hold_every_trial():
    drawn = generator().standard_normal(5_000)
    edges = bin_edges(values=drawn, least_count=5, most_count=40)
    assert 6 <= edges.size <= 41
    assert (np.diff(edges) > 0.0).all()
    assert np.histogram(drawn, edges)[0].sum() == drawn.size
    np.testing.assert_array_equal(bin_edges(values=[2.0, 2.0], least_count=5, most_count=9), [2.0, 2.0])


def test_ranks_rise_and_fall_together():
    one = generator().standard_normal(1_000)
    assert rank_correlation_share(one=one, other=np.exp(one)) == pytest.approx(1.0)
    assert rank_correlation_share(one=one, other=-(one**3)) == pytest.approx(-1.0)
    assert rank_correlation_share(one=one, other=np.ones(1_000)) == 0.0
    assert rank_correlation_share(one=[], other=[]) == 0.0
    # Spearman by hand: ranks 1 2 3 against 1 3 2.
    assert rank_correlation_share(one=[1.0, 2.0, 3.0], other=[1.0, 9.0, 4.0]) == pytest.approx(0.5)
