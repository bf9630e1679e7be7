"""What many trials say of a number: against distributions that are known, and at the limits."""

from statistics import NormalDist

import numpy as np
import pytest

from colocalc.chance.statistics import bin_edges, deviation, mean_error, quantiles, rank_correlation_share

COUNT = 100_000
ERRORS = 4.5


def rng(seed=5):
    return np.random.default_rng(seed)


def test_deviation_and_error_are_those_of_the_textbook():
    values = np.asarray([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    np.testing.assert_allclose(deviation(values=values), np.sqrt(32 / 7), rtol=1e-15)
    np.testing.assert_allclose(mean_error(values=values), np.sqrt(32 / 7 / 8), rtol=1e-15)


def test_the_error_of_the_mean_is_how_far_means_scatter():
    draws = rng().exponential(3.0, (2_000, 100))
    scatter = np.std(np.mean(draws, axis=-1), ddof=1)
    assert scatter == pytest.approx(np.mean(mean_error(values=draws)), rel=0.08)  # 1 / sqrt(2 * 2000) is 1.6%


def test_one_trial_says_nothing_of_its_spread():
    assert np.isnan(deviation(values=[3.0]))
    assert np.isnan(mean_error(values=[3.0]))
    np.testing.assert_array_equal(deviation(values=np.ones((4, 1))), [np.nan] * 4)


@pytest.mark.parametrize("value", [0.0, 3.0, -1e300, 0.1])
def test_trials_that_are_alike_have_no_spread(value):
    values = np.full(1_000, value)
    assert deviation(values=values) <= 1e-15 * abs(value)
    found, errors = quantiles(values=values, probability_share=[0.0, 0.1, 0.5, 1.0])
    np.testing.assert_array_equal(found, np.full(4, value))
    np.testing.assert_array_equal(errors, np.zeros(4))


def test_squares_of_large_numbers_stay_finite():
    np.testing.assert_allclose(deviation(values=[1e300, -1e300]), np.sqrt(2.0) * 1e300, rtol=1e-14)
    apart = deviation(values=[[1e300, -1e300], [1e-300, -1e-300]])
    np.testing.assert_allclose(apart, np.sqrt(2.0) * np.asarray([1e300, 1e-300]), rtol=1e-14)


def test_statistics_keep_the_other_axes():
    values = rng().standard_normal((2, 3, 50))
    found, errors = quantiles(values=values, probability_share=[0.1, 0.9])
    assert deviation(values=values).shape == mean_error(values=values).shape == (2, 3)
    assert found.shape == errors.shape == (2, 3, 2)
    np.testing.assert_array_equal(found[1, 2], quantiles(values=values[1, 2], probability_share=[0.1, 0.9])[0])


def test_quantiles_of_a_normal_are_where_they_should_be_and_their_errors_say_how_near():
    shares = np.asarray([0.05, 0.1, 0.5, 0.9, 0.95])
    found, errors = quantiles(values=rng().standard_normal(COUNT), probability_share=shares)
    expected = np.asarray([NormalDist().inv_cdf(share) for share in shares])
    density = np.asarray([NormalDist().pdf(value) for value in expected])
    theory = np.sqrt(shares * (1 - shares) / COUNT) / density
    assert np.all(np.abs(found - expected) < ERRORS * theory)
    np.testing.assert_allclose(errors, theory, rtol=0.25)


def test_the_error_of_a_quantile_is_how_far_quantiles_scatter():
    found, errors = quantiles(values=rng().exponential(1.0, (2_000, 400)), probability_share=[0.5, 0.9])
    np.testing.assert_allclose(np.std(found, axis=0), np.mean(errors, axis=0), rtol=0.1)


def test_quantiles_lie_between_order_statistics():
    found, _ = quantiles(values=[4.0, 1.0, 3.0, 2.0, 5.0], probability_share=[0.0, 0.1, 0.5, 1.0])
    np.testing.assert_allclose(found, [1.0, 1.4, 3.0, 5.0], rtol=1e-15)


def test_the_ends_have_no_error_that_is_known_this_way():
    _, errors = quantiles(values=rng().standard_normal(100), probability_share=[0.0, 1.0])
    np.testing.assert_array_equal(errors, [0.0, 0.0])


def test_one_trial_is_all_its_quantiles():
    found, errors = quantiles(values=[7.0], probability_share=[0.05, 0.5, 0.95])
    np.testing.assert_array_equal(found, [7.0, 7.0, 7.0])
    np.testing.assert_array_equal(errors, np.zeros(3))


# Bins


@pytest.mark.parametrize("draw", ["standard_normal", "standard_exponential", "standard_cauchy", "random"])
def test_every_trial_is_in_a_bin(draw):
    values = getattr(rng(), draw)(5_000)
    edges = bin_edges(values=values, least_count=5, most_count=20)
    assert np.histogram(values, edges)[0].sum() == values.size
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    assert np.all(np.diff(edges) > 0.0)
    assert 5 <= edges.size - 1 <= 20
    np.testing.assert_allclose(np.diff(edges[1:-1]), edges[2] - edges[1], rtol=1e-9)


def test_the_width_is_that_of_freedman_and_diaconis():
    values = rng().random(1_000)
    edges = bin_edges(values=values, least_count=1, most_count=1_000)
    first, third = np.quantile(values, [0.25, 0.75])
    assert edges[2] - edges[1] == pytest.approx(2 * (third - first) / 10, rel=0.11)  # rounded to whole bins: of 10


def test_trials_that_are_alike_are_one_bin():
    np.testing.assert_array_equal(bin_edges(values=[2.0, 2.0, 2.0], least_count=5, most_count=20), [2.0, 2.0])
    np.testing.assert_array_equal(bin_edges(values=[2.0], least_count=5, most_count=20), [2.0, 2.0])


def test_when_half_are_alike_there_are_the_most_bins():
    values = np.concatenate([np.zeros(800), np.linspace(-1.0, 1.0, 200)])
    edges = bin_edges(values=values, least_count=5, most_count=20)
    assert edges.size == 21
    assert np.histogram(values, edges)[0].sum() == 1_000


def test_one_that_differs_of_thousands_is_seen():
    values = np.concatenate([np.zeros(5_000), [1.0]])
    edges = bin_edges(values=values, least_count=5, most_count=20)
    counts = np.histogram(values, edges)[0]
    assert (counts[0], counts[-1], counts.sum()) == (5_000, 1, 5_001)


# Ranks


def test_what_rises_together_has_a_rank_correlation_of_one():
    one = rng().standard_normal(1_000)
    assert rank_correlation_share(one=one, other=np.exp(3 * one)) == pytest.approx(1.0, abs=1e-12)
    assert rank_correlation_share(one=one, other=-(one**3)) == pytest.approx(-1.0, abs=1e-12)


def test_what_never_moves_moves_with_nothing():
    one = rng().standard_normal(10)
    assert rank_correlation_share(one=one, other=np.ones(10)) == 0.0
    assert rank_correlation_share(one=[1.0], other=[2.0]) == 0.0
    assert rank_correlation_share(one=[], other=[]) == 0.0


def test_equal_values_share_the_mean_of_their_ranks():
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
    found = rank_correlation_share(one=[10.0, 20.0, 20.0, 30.0], other=[1.0, 2.0, 3.0, 4.0])
    assert found == pytest.approx(4.5 / np.sqrt(4.5 * 5.0), rel=1e-14)


def test_ranks_of_normals_that_move_together():
    one, beside = rng().standard_normal((2, COUNT))
    other = 0.6 * one + 0.8 * beside
    expected = 6 / np.pi * np.arcsin(0.3)
    assert abs(rank_correlation_share(one=one, other=other) - expected) < ERRORS / np.sqrt(COUNT)
    assert abs(rank_correlation_share(one=one, other=beside)) < ERRORS / np.sqrt(COUNT)


def test_two_trials_rise_or_fall_together():
    assert rank_correlation_share(one=[1.0, 2.0], other=[5.0, 9.0]) == 1.0
    assert rank_correlation_share(one=[1.0, 2.0], other=[9.0, 5.0]) == -1.0
