"""Facts about the slowest of many workers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.straggler import (
    _upper_tail,
    correlated_excess_share,
    expected_max_lognormal,
    expected_max_normal,
    gumbel_expected_max,
    jitter_factor,
    pareto_expected_max,
    rare_slow_excess_share,
    transient_sigma_share,
)

E8 = 1.4236
V8 = 0.3729
COUNTS = [1, 1.5, 2, 3, 8, 127.3, 1_024, 16_384, 27_500, 220_000, 1e7]

light = settings(max_examples=40, deadline=None, derandomize=True)


def log_cdf(x):
    return math.log1p(-0.5 * math.erfc(x / math.sqrt(2))) if x > 0 else math.log(0.5 * math.erfc(-x / math.sqrt(2)))


GRID_STEP = 0.002
GRID = np.arange(-10.0, 14.0, GRID_STEP) + GRID_STEP / 2
LOG_CDF = np.array([log_cdf(x) for x in GRID])


def mean_of_max(values, count):
    """E of an increasing function of the maximum, by summing it over the steps of the cumulative distribution."""
    edges = np.concatenate(
        ([-np.inf], [log_cdf(x) for x in np.arange(-10.0, 14.0 + GRID_STEP / 2, GRID_STEP)[1:-1]], [0.0])
    )
    return float(np.sum(values * np.diff(np.exp(count * edges))))


def integrated_normal(count):
    """E[max] from the tail formula, a different integral from the library's."""
    above = np.where(GRID > 0, -np.expm1(count * LOG_CDF), 0.0)
    below = np.where(GRID < 0, np.exp(count * LOG_CDF), 0.0)
    return GRID_STEP * float(np.sum(above - below))


@pytest.mark.parametrize("count", COUNTS)
def test_expected_max_normal_equals_an_independent_integration(count):
    assert float(expected_max_normal(count=count)) == pytest.approx(integrated_normal(count), abs=1e-6)


@pytest.mark.parametrize(
    ("count", "expected"), [(1_024, 3.248), (16_384, 3.971), (27_500, 4.0935), (220_000, 4.5535), (8, E8)]
)
def test_expected_max_normal_has_the_tabulated_values(count, expected):
    assert float(expected_max_normal(count=count)) == pytest.approx(expected, abs=6e-4)


def test_expected_max_of_one_normal_is_zero():
    assert abs(float(expected_max_normal(count=1))) < 1e-9


def test_expected_max_of_two_and_three_normals_has_its_closed_form():
    expected = [1 / math.sqrt(math.pi), 1.5 / math.sqrt(math.pi)]
    np.testing.assert_allclose(expected_max_normal(count=[2, 3]), expected, rtol=1e-9)


@light
@given(st.floats(1.0, 5e6), st.floats(1.01, 2.0))
def test_expected_max_normal_grows_with_count_and_stays_below_its_bound(count, growth):
    small, large = expected_max_normal(count=[count, count * growth])
    assert small < large < math.sqrt(2 * math.log(count * growth))


@pytest.mark.parametrize("sigma", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("count", [8, 27_500])
def test_expected_max_lognormal_equals_an_independent_integration(count, sigma):
    expected = mean_of_max(np.exp(sigma * GRID - sigma**2 / 2), count)
    assert float(expected_max_lognormal(count=count, sigma_share=sigma)) == pytest.approx(expected, rel=1e-5)


def test_expected_max_lognormal_of_one_draw_is_the_mean():
    np.testing.assert_allclose(expected_max_lognormal(count=1, sigma_share=[0.0, 0.05, 1.0, 3.0]), 1.0, rtol=1e-9)


def test_expected_max_lognormal_without_scatter_is_one():
    np.testing.assert_allclose(expected_max_lognormal(count=[1, 8, 220_000], sigma_share=0.0), 1.0, rtol=1e-12)


def test_expected_max_lognormal_of_small_scatter_is_linear_in_it():
    excess = expected_max_lognormal(count=16_384, sigma_share=1e-6) - 1.0
    assert float(excess) == pytest.approx(1e-6 * float(expected_max_normal(count=16_384)), rel=1e-4)


def excess(**changes):
    given_values = {"node_count": 2_048, "gpu_per_node_count": 8, "node_sigma_share": 0.01, "gpu_sigma_share": 0.02}
    return float(correlated_excess_share(**(given_values | changes)))


def integrated_excess(node_count, gpu_per_node_count, node_sigma, gpu_sigma):
    """E[max] from the distribution of a node's slowest GPU, summed over what its node has in common."""
    shared = np.arange(-8.0, 8.001, 0.02)
    chance = np.exp(-shared * shared / 2)
    chance /= chance.sum()
    total = math.hypot(node_sigma, gpu_sigma)
    step = 0.02 * total
    times = np.arange(-2.0, 9.0, 0.02)[:, None] * total + step / 2
    below = np.interp((times - node_sigma * shared) / gpu_sigma, GRID, LOG_CDF)
    late = np.minimum(-np.expm1(gpu_per_node_count * below) @ chance, 1 - 1e-16)
    return -2.0 * total + step * float(np.sum(-np.expm1(node_count * np.log1p(-late))))


@pytest.mark.parametrize("ratio", [0.3, 0.7, 1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("gpu_per_node_count", [8, 72])
@pytest.mark.parametrize("node_count", [16, 2_048, 27_500])
def test_correlated_excess_is_within_its_stated_error_of_the_exact_integral(node_count, gpu_per_node_count, ratio):
    gpu_sigma = 0.03 / math.hypot(1, ratio)
    sigmas = (ratio * gpu_sigma, gpu_sigma)
    exact = integrated_excess(node_count, gpu_per_node_count, *sigmas)
    share = excess(
        node_count=node_count,
        gpu_per_node_count=gpu_per_node_count,
        node_sigma_share=sigmas[0],
        gpu_sigma_share=sigmas[1],
    )
    assert share == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize(("node_sigma", "gpu_sigma"), [(0.01, 0.02), (0.02, 0.01)])
def test_correlated_excess_agrees_with_simulation_to_a_thousandth_of_a_step(node_sigma, gpu_sigma):
    rng = np.random.default_rng(7)
    slowest = [
        np.max(node_sigma * rng.standard_normal(2_048) + gpu_sigma * rng.standard_normal((8, 2_048)).max(axis=0))
        for _ in range(300)
    ]
    share = excess(node_sigma_share=node_sigma, gpu_sigma_share=gpu_sigma)
    assert share == pytest.approx(float(np.mean(slowest)), abs=1e-3)


def test_correlated_excess_of_scattering_nodes_adds_the_slowest_gpu_of_the_slowest_node():
    z = float(expected_max_normal(count=2_048))
    expected = 0.005 * E8 + math.sqrt(0.05**2 + V8 * 0.005**2) * z
    assert excess(node_sigma_share=0.05, gpu_sigma_share=0.005) == pytest.approx(expected, rel=1e-3)


def test_correlated_excess_of_one_node_is_that_of_its_gpus():
    assert excess(node_count=1) == pytest.approx(0.02 * E8, rel=1e-4)


def test_correlated_excess_of_single_gpu_nodes_adds_the_variances():
    expected = math.hypot(0.01, 0.02) * float(expected_max_normal(count=2_048))
    assert excess(gpu_per_node_count=1) == pytest.approx(expected, rel=1e-9)


def test_correlated_excess_without_scatter_of_nodes_is_that_of_independent_gpus():
    expected = 0.02 * float(expected_max_normal(count=16_384))
    assert excess(node_sigma_share=0.0) == pytest.approx(expected, rel=1e-9)


def test_correlated_excess_without_scatter_of_gpus_is_that_of_nodes():
    expected = 0.01 * float(expected_max_normal(count=2_048))
    assert excess(gpu_sigma_share=0.0) == pytest.approx(expected, rel=1e-9)


def test_correlated_excess_without_scatter_is_zero():
    assert excess(node_sigma_share=0.0, gpu_sigma_share=0.0) == 0.0


@light
@given(st.floats(1, 1e5), st.sampled_from([1, 4, 8, 72]), st.floats(0.0, 0.1), st.floats(0.0, 0.1))
def test_correlated_excess_is_at_most_that_of_independent_gpus(nodes, gpus, node_sigma, gpu_sigma):
    share = excess(node_count=nodes, gpu_per_node_count=gpus, node_sigma_share=node_sigma, gpu_sigma_share=gpu_sigma)
    bound = math.hypot(node_sigma, gpu_sigma) * float(expected_max_normal(count=nodes * gpus))
    assert -1e-12 <= share <= bound * (1 + 1e-9) + 1e-12


def test_scale_alone_costs_about_one_percent_at_two_percent_scatter():
    share = correlated_excess_share(
        node_count=[2_048, 27_500], gpu_per_node_count=8, node_sigma_share=0.0, gpu_sigma_share=0.02
    )
    assert 0.005 < float(share[1] - share[0]) < 0.015


def test_transient_scatter_of_one_chunk_is_unchanged_and_of_many_averages_out():
    np.testing.assert_allclose(transient_sigma_share(sigma_share=0.08, chunk_count=[1, 16, np.inf]), [0.08, 0.02, 0.0])


def test_gumbel_form_of_equal_quantiles_is_that_quantile():
    assert float(gumbel_expected_max(quantile_far=3.0, quantile_near=3.0)) == 3.0


def test_gumbel_form_is_exact_for_gumbel_draws():
    n = 1e6
    near, far = (-math.log(-math.log1p(-1 / k)) for k in (n, n * math.e))
    expected = math.log(n) + np.euler_gamma
    assert float(gumbel_expected_max(quantile_far=far, quantile_near=near)) == pytest.approx(expected, rel=1e-6)


def test_gumbel_form_of_exponential_draws_is_their_harmonic_number():
    n = 1_000
    form = gumbel_expected_max(quantile_far=math.log(n) + 1.0, quantile_near=math.log(n))
    assert float(form) == pytest.approx(sum(1 / k for k in range(1, n + 1)), rel=1e-3)


def pareto(count, alpha, scale=1.0):
    return float(pareto_expected_max(count=count, scale_factor=scale, alpha_factor=alpha))


def test_pareto_maximum_of_one_draw_is_the_mean():
    assert pareto(1, 3.0, scale=2.0) == pytest.approx(3.0, rel=1e-12)


def test_pareto_maximum_of_two_draws_has_its_closed_form():
    # Gamma(3) Gamma(1 - a) / Gamma(3 - a) = 2 / ((2 - a)(1 - a)), a = 1/4
    assert pareto(2, 4.0) == pytest.approx(2 / (1.75 * 0.75), rel=1e-12)


def test_pareto_maximum_of_many_draws_follows_frechet():
    assert pareto(1e7, 3.0) == pytest.approx(1e7 ** (1 / 3) * math.gamma(2 / 3), rel=1e-6)


def test_pareto_maximum_is_infinite_where_the_mean_is():
    assert pareto(4, 1.0) == math.inf
    assert pareto(1, 0.5) == math.inf


def test_pareto_maximum_of_an_infinite_exponent_is_the_scale():
    assert pareto(1_000, math.inf, scale=1.5) == pytest.approx(1.5, rel=1e-12)


def test_pareto_maximum_of_an_unknown_exponent_is_unknown():
    assert math.isnan(pareto(10, math.nan))


def rare(**changes):
    given_values = {
        "node_count": 2_048,
        "slow_share": 5e-4,
        "slow_factor": 1.1,
        "light_excess_share": 0.035,
        "node_sigma_share": 0.01,
    }
    return float(rare_slow_excess_share(**(given_values | changes)))


def test_rare_slow_nodes_agree_with_simulation():
    rng = np.random.default_rng(11)
    times = []
    for _ in range(2_000):
        time = 1.0 + 0.01 * rng.standard_normal(2_048)
        slow = rng.random(2_048) < 5e-4
        times.append(np.max(np.where(slow, 1.1 * time, time)))
    none_slow = 0.01 * float(expected_max_normal(count=2_048))
    assert rare(light_excess_share=none_slow) == pytest.approx(float(np.mean(times)) - 1.0, abs=2.5e-3)


@pytest.mark.parametrize("slow_share", [0.0, 1e-30])
def test_no_slow_nodes_leave_the_light_excess(slow_share):
    assert rare(slow_share=slow_share) == pytest.approx(0.035, rel=1e-9)


def test_all_nodes_slow_scale_the_maximum_by_the_slow_factor():
    z = float(expected_max_normal(count=2_048))
    assert rare(slow_share=1.0) == pytest.approx(1.1 * (1 + 0.01 * z) - 1, rel=1e-9)


def test_a_slow_factor_too_small_to_matter_leaves_the_light_excess():
    assert rare(slow_factor=0.5) == pytest.approx(0.035, rel=1e-12)


def test_very_many_nodes_meet_a_slow_one_for_certain():
    assert rare(node_count=1e6, node_sigma_share=0.0) == pytest.approx(0.1, rel=1e-9)


def test_jitter_factor_is_one_without_excess_and_zero_at_infinite_excess():
    np.testing.assert_allclose(jitter_factor(excess_share=[0.0, 0.25, np.inf]), [1.0, 0.8, 0.0])


ROWS = {
    expected_max_normal: {"count": [2, 16, 3e5]},
    expected_max_lognormal: {"count": [2, 16, 3e5], "sigma_share": [0.01, 0.2, 0.1]},
    correlated_excess_share: {
        "node_count": [1, 2_000, 9e4, 64],
        "gpu_per_node_count": [8, 72, 1, 8],
        "node_sigma_share": [0.01, 0.02, 0.0, 0.02],
        "gpu_sigma_share": [0.02, 0.01, 0.03, 0.03],
    },
    transient_sigma_share: {"sigma_share": [0.1, 0.2, 0.3], "chunk_count": [1, 5, 112]},
    gumbel_expected_max: {"quantile_far": [2.0, 3.0, 5.0], "quantile_near": [1.0, 2.5, 4.0]},
    pareto_expected_max: {"count": [1, 10, 1e6], "scale_factor": [1.0, 2.0, 0.5], "alpha_factor": [3.0, 0.9, 1.5]},
    rare_slow_excess_share: {
        "node_count": [10, 2_000, 9e4],
        "slow_share": [0.0, 1e-3, 1.0],
        "slow_factor": [1.2, 3.0, 1.1],
        "light_excess_share": [0.01, 0.05, 0.02],
        "node_sigma_share": [0.01, 0.0, 0.03],
    },
    jitter_factor: {"excess_share": [0.0, 0.1, 3.0]},
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(len(stacked))]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)


def test_the_far_tail_of_a_normal_is_that_of_its_error_function():
    # What the grid of the maximum is made of once, at import
    places = np.array([0.0, 0.5, 1.0, 3.0, 6.0, 12.0])
    expected = [0.5 * math.erfc(place / math.sqrt(2.0)) for place in places]
    np.testing.assert_allclose(_upper_tail(places), expected, rtol=1e-12)
