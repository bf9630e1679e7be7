"""Shapes of uncertain numbers: moments and quantiles of each, its limits, and numbers that move together."""

from statistics import NormalDist

import numpy as np
import pytest

from colocalc.chance.shapes import (
    correlated_factor,
    loading_factor,
    normal_quantile_factor,
    split_lognormal,
    triangular,
)

COUNT = 200_000
ERRORS = 4.5  # standard errors that a moment of so many draws may be off


def rng(seed=1):
    return np.random.default_rng(seed)


def assert_mean(values, expected):
    error = np.std(values, ddof=1) / np.sqrt(values.size)
    assert abs(np.mean(values) - expected) < ERRORS * error


def assert_variance(values, expected):
    assert_mean((values - np.mean(values)) ** 2, expected)


def assert_share(holds, expected):
    assert abs(np.mean(holds) - expected) < ERRORS * np.sqrt(expected * (1 - expected) / holds.size)


# The normal quantile


def test_the_quantile_agrees_with_the_standard_library_everywhere():
    shares = np.concatenate(
        [np.geomspace(1e-300, 0.07, 300), np.linspace(0.07, 0.93, 301), 1 - np.geomspace(1e-12, 0.07)]
    )
    expected = [NormalDist().inv_cdf(share) for share in shares.tolist()]
    np.testing.assert_allclose(normal_quantile_factor(probability_share=shares), expected, rtol=1e-13, atol=1e-15)


def test_a_half_lies_below_zero_and_everything_below_infinity():
    np.testing.assert_array_equal(normal_quantile_factor(probability_share=[0.5, 0.0, 1.0]), [0.0, -np.inf, np.inf])


def test_the_quantile_is_odd():
    shares = np.asarray([1 / 8, 1 / 16, 3 / 8, 2.0**-20])  # whose complements are exact
    below, above = (normal_quantile_factor(probability_share=each) for each in (shares, 1.0 - shares))
    np.testing.assert_allclose(below, -above, rtol=1e-15)


# The triangle


@pytest.mark.parametrize("ends", [(1.0, 2.0, 3.0), (0.0, 1.0, 10.0), (-5.0, 1.0, 1.0), (-5.0, -5.0, 1.0)])
def test_a_triangle_has_its_mean_and_variance_and_stays_inside(ends):
    low, value, high = ends
    drawn = triangular(low=low, value=value, high=high, uniform_share=rng().random(COUNT))
    assert_mean(drawn, (low + value + high) / 3)
    assert_variance(drawn, (low**2 + value**2 + high**2 - low * value - low * high - value * high) / 18)
    assert low <= drawn.min() <= drawn.max() <= high


def test_a_triangle_has_its_quantiles():
    # Below the peak lies (value - low) / (high - low) of all, and the ends are those of no and of every draw.
    found = triangular(low=0.0, value=2.0, high=8.0, uniform_share=[0.0, 0.0625, 0.25, 1.0])
    np.testing.assert_allclose(found, [0.0, 1.0, 2.0, 8.0], rtol=1e-15)


def test_a_triangle_of_no_width_is_its_value():
    assert np.all(triangular(low=0.3, value=0.3, high=0.3, uniform_share=rng().random(100)) == 0.3)


def test_a_triangle_rises_with_its_draw():
    found = triangular(low=0.0, value=0.1, high=1.0, uniform_share=np.linspace(0, 1, 1_001))
    assert np.all(np.diff(found) > 0.0)


# The split lognormal


def test_low_value_and_high_are_quantiles():
    q = -NormalDist().inv_cdf(0.1)
    found = split_lognormal(low=1.0, value=2.0, high=8.0, tail_share=0.1, normal_factor=[-q, 0.0, q])
    np.testing.assert_allclose(found, [1.0, 2.0, 8.0], rtol=1e-14)


@pytest.mark.parametrize("tail", [0.05, 0.1, 0.25])
def test_so_much_lies_below_the_low_and_above_the_high(tail):
    drawn = split_lognormal(low=1.0, value=2.0, high=8.0, tail_share=tail, normal_factor=rng().standard_normal(COUNT))
    assert_share(drawn < 1.0, tail)
    assert_share(drawn < 2.0, 0.5)
    assert_share(drawn > 8.0, tail)
    assert drawn.min() > 0.0


def test_an_even_range_is_a_lognormal():
    drawn = split_lognormal(low=0.5, value=1.0, high=2.0, tail_share=0.1, normal_factor=rng().standard_normal(COUNT))
    sigma = np.log(2.0) / -NormalDist().inv_cdf(0.1)
    assert_mean(np.log(drawn), 0.0)
    assert_variance(np.log(drawn), sigma**2)
    assert_mean(drawn, np.exp(sigma**2 / 2))


def test_without_a_low_half_of_all_draws_are_the_value():
    drawn = split_lognormal(low=3.0, value=3.0, high=5.0, tail_share=0.1, normal_factor=rng().standard_normal(COUNT))
    assert drawn.min() == 3.0
    assert_share(drawn == 3.0, 0.5)


def test_a_lognormal_of_no_width_is_its_value():
    found = split_lognormal(low=0.3, value=0.3, high=0.3, tail_share=0.1, normal_factor=rng().standard_normal(100))
    assert np.all(found == 0.3)


def test_a_lognormal_rises_with_its_draw():
    found = split_lognormal(low=1.0, value=2.0, high=3.0, tail_share=0.1, normal_factor=np.linspace(-5, 5, 1_001))
    assert np.all(np.diff(found) > 0.0)


# Numbers that move together


MATRIX = np.asarray([[1.0, 0.8, 0.3], [0.8, 1.0, -0.1], [0.3, -0.1, 1.0]])


def test_loadings_times_themselves_are_the_correlations():
    found = loading_factor(correlation_share=MATRIX)
    np.testing.assert_allclose(found @ found.T, MATRIX, atol=1e-15)
    np.testing.assert_allclose(found, np.linalg.cholesky(MATRIX), atol=1e-15)


def test_draws_have_the_correlations_asked_for():
    drawn = correlated_factor(
        normal_factor=rng().standard_normal((COUNT, 3)), loading_factor=loading_factor(correlation_share=MATRIX)
    )
    for column in drawn.T:
        assert_mean(column, 0.0)
        assert_variance(column, 1.0)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert_mean(drawn[:, one] * drawn[:, other], MATRIX[one, other])


def test_the_ranks_of_other_shapes_keep_the_correlation_of_the_normals():
    # Of a Gaussian copula Spearman's is 6 / pi asin(rho / 2).
    pair = [[1.0, 0.6], [0.6, 1.0]]
    normals = correlated_factor(
        normal_factor=rng().standard_normal((COUNT, 2)), loading_factor=loading_factor(correlation_share=pair)
    )
    shaped = split_lognormal(low=1.0, value=2.0, high=9.0, tail_share=0.1, normal_factor=normals)
    ranks = np.argsort(np.argsort(shaped, axis=0), axis=0) / (COUNT - 1)
    together = 12 * (ranks[:, 0] - 0.5) * (ranks[:, 1] - 0.5)
    assert_mean(together, 6 / np.pi * np.arcsin(0.3))


def test_without_correlation_the_draws_stay_as_they_are():
    np.testing.assert_array_equal(loading_factor(correlation_share=np.eye(4)), np.eye(4))
    draws = rng().standard_normal((10, 4))
    np.testing.assert_array_equal(correlated_factor(normal_factor=draws, loading_factor=np.eye(4)), draws)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_numbers_tied_to_each_other_share_the_first_draw(sign):
    pair = loading_factor(correlation_share=[[1.0, sign], [sign, 1.0]])
    draws = rng().standard_normal((10, 2))
    found = correlated_factor(normal_factor=draws, loading_factor=pair)
    np.testing.assert_array_equal(found, np.stack([draws[:, 0], sign * draws[:, 0]], axis=-1))


def test_a_correlation_of_one_throughout_is_one_draw():
    found = loading_factor(correlation_share=np.ones((3, 3)))
    np.testing.assert_array_equal(found, [[1, 0, 0], [1, 0, 0], [1, 0, 0]])


def test_correlations_that_contradict_each_other_are_undefined():
    against = [[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]]
    found = loading_factor(correlation_share=[against, np.eye(3)])
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1], np.eye(3))
