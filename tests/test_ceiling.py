import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu import ceiling

PER_POOL = (ceiling.memory_bound_factor,)


def names(kernel):
    return tuple(inspect.signature(kernel).parameters)


# Hand-worked values


def test_mean_share_is_weighted():
    assert ceiling.weighted_share(weight=[3.0, 1.0], share=[0.8, 0.4]) == pytest.approx(0.7)


def test_pool_axis_is_dropped():
    mean = ceiling.weighted_share(weight=[3.0, 1.0], share=[[0.8, 0.4], [0.5, 0.5], [0.0, 1.0]])
    np.testing.assert_allclose(mean, [0.7, 0.5, 0.25])


def test_a_tenth_of_memory_time_costs_a_ninth_less():
    assert ceiling.memory_bound_factor(memory_bound_share=0.1) == pytest.approx(10 / 11)


# Limits of the docstrings


@pytest.mark.parametrize(("weight", "share"), [([5.0], [0.3]), ([1.0, 2.0, 4.0], [0.3, 0.3, 0.3])])
def test_one_pool_or_equal_shares_have_that_mean(weight, share):
    assert ceiling.weighted_share(weight=weight, share=share) == pytest.approx(0.3)


@pytest.mark.parametrize("idle", [0.9, np.nan])
def test_pool_without_weight_changes_nothing(idle):
    assert ceiling.weighted_share(weight=[3.0, 0.0], share=[0.4, idle]) == pytest.approx(0.4)


def test_no_weight_at_all_has_no_mean():
    mean = ceiling.weighted_share(weight=[[0.0, 0.0], [1.0, 1.0]], share=[0.4, 0.6])
    assert np.isnan(mean[0])
    assert mean[1] == 0.5


def test_unknown_weight_or_share_has_no_mean():
    assert np.isnan(ceiling.weighted_share(weight=[1.0, np.nan], share=[0.4, 0.6]))
    assert np.isnan(ceiling.weighted_share(weight=[1.0, 1.0], share=[0.4, np.nan]))


@pytest.mark.parametrize(("share", "factor"), [(0.0, 1.0), (1.0, 0.5), (np.inf, 0.0)])
def test_memory_bound_limits(share, factor):
    assert ceiling.memory_bound_factor(memory_bound_share=share) == factor


# Laws


@pytest.mark.parametrize("kernel", PER_POOL, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    draw = np.random.default_rng(7)
    stacked = {name: draw.uniform(0.1, 9.0, (4, 3)) for name in names(kernel)}
    whole = kernel(**stacked)
    assert whole.dtype == np.float64
    for place in np.ndindex(4, 3):
        alone = kernel(**{name: float(values[place]) for name, values in stacked.items()})
        np.testing.assert_allclose(whole[place], alone, rtol=1e-12)


def test_stacked_means_equal_the_means_of_each_row():
    draw = np.random.default_rng(7)
    weight, share = draw.uniform(0.0, 9.0, (5, 3)), draw.uniform(0.0, 1.0, (5, 3))
    whole = ceiling.weighted_share(weight=weight, share=share)
    rows = [ceiling.weighted_share(weight=weight[row], share=share[row]) for row in range(5)]
    assert whole.shape == (5,)
    np.testing.assert_allclose(whole, rows, rtol=1e-12)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0.0, 1.0)), min_size=1, max_size=6), st.floats(0.01, 100.0))
def test_mean_lies_between_the_shares_and_ignores_the_unit_of_the_weight(pools, unit):
    weight, share = (np.array(column) for column in zip(*pools, strict=True))
    mean = ceiling.weighted_share(weight=weight, share=share)
    assert share.min() - 1e-12 <= mean <= share.max() + 1e-12
    np.testing.assert_allclose(ceiling.weighted_share(weight=unit * weight, share=share), mean, rtol=1e-9)
