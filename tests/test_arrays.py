"""What every kernel means by an array, and sums along periods."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.arrays import as_array, before, floored_sum, per_period, together


@pytest.mark.parametrize("value", [3, True, [1, 2], np.float32(0.5), np.arange(3)])
def test_anything_like_an_array_becomes_one_of_doubles(value):
    found = as_array(value)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, value)


def test_an_array_of_doubles_is_not_copied():
    given_array = np.ones(3)
    assert as_array(given_array) is given_array


def test_a_quantity_of_a_scenario_gets_an_axis_of_one_period():
    assert per_period(2).shape == (1,)
    assert per_period([1, 2]).tolist() == [[1.0], [2.0]]


def test_quantities_together_have_one_shape():
    one, other = together([[1], [2]], [3, 4, 5])
    assert one.tolist() == [[1.0] * 3, [2.0] * 3]
    assert other.tolist() == [[3.0, 4.0, 5.0]] * 2


def test_nothing_stands_before_the_first_period():
    assert before(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).tolist() == [[0.0, 1.0, 2.0], [0.0, 4.0, 5.0]]


def test_a_running_sum_has_a_floor_of_zero():
    change = np.array([[2.0, -3.0, 1.0, 4.0, -1.0], [-1.0, 0.5, -0.25, -1.0, 0.0]])
    assert floored_sum(change).tolist() == [[2.0, 0.0, 1.0, 5.0, 4.0], [0.0, 0.5, 0.25, 0.0, 0.0]]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(changes=st.lists(st.integers(-9, 9), min_size=1, max_size=12))
def test_a_floored_sum_is_the_sum_less_its_lowest_point_below_zero(changes):
    sums = np.cumsum(np.asarray(changes, dtype=np.float64))
    np.testing.assert_array_equal(
        floored_sum(np.asarray(changes, dtype=np.float64)), sums - np.minimum(np.minimum.accumulate(sums), 0.0)
    )
