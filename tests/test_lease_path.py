"""Facts about prices between dates, and about rates that follow them."""

import numpy as np
import pytest

from colocalc.lease.path import point_rate_usd_per_gpu_h, repriced_rate_usd_per_gpu_h, repricing_month

MONTHS = np.arange(24.0)


def _points(at, prices=(2.0, 3.0, 1.0), instants=(10.0, 14.0, 24.0)):
    return point_rate_usd_per_gpu_h(point_usd_per_gpu_h=prices, point_month=instants, at_month=at)


def test_at_a_point_its_price_and_between_two_the_line():
    np.testing.assert_allclose(_points([10.0, 12.0, 14.0, 19.0, 24.0]), [2.0, 2.5, 3.0, 2.0, 1.0])


def test_before_the_first_point_its_price_and_after_the_last_its_price():
    np.testing.assert_allclose(_points([0.0, 9.9, 30.0]), [2.0, 2.0, 1.0])


def test_one_point_is_a_level_price():
    np.testing.assert_array_equal(_points([0.0, 50.0], [2.5], [10.0]), [2.5, 2.5])


def test_a_contract_is_repriced_from_its_start_on():
    found = repricing_month(calendar_month=MONTHS, start_month=3.0, repricing_months=12.0)
    np.testing.assert_array_equal(found, np.where(MONTHS < 15.0, 3.0, 15.0))


def test_a_month_that_begins_with_a_repricing_has_the_new_price():
    assert repricing_month(calendar_month=[15.0], start_month=3.0, repricing_months=12.0) == 15.0


def _repriced(last, following, rate=1.8, start=2.0, next_month=12.0):
    return repriced_rate_usd_per_gpu_h(
        rate_usd_per_gpu_h=rate,
        start_price_usd_per_gpu_h=start,
        last_price_usd_per_gpu_h=last,
        next_price_usd_per_gpu_h=following,
        calendar_month=[11.0],
        next_month=[next_month],
    )[0]


def test_a_price_that_does_not_move_leaves_the_rate():
    assert _repriced([2.0], [2.0]) == pytest.approx(1.8)


def test_a_rate_below_the_price_keeps_its_distance():
    assert _repriced([1.0], [1.0]) == pytest.approx(0.9)


def test_a_repricing_within_a_month_counts_for_the_rest_of_it():
    assert _repriced([2.0], [1.0], next_month=11.5) == pytest.approx(0.5 * 1.8 + 0.5 * 0.9)
    assert _repriced([2.0], [1.0]) == pytest.approx(1.8)


def test_nothing_follows_a_price_of_zero():
    assert np.isnan(_repriced([1.0], [1.0], start=0.0))
