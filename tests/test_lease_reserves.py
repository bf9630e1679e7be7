"""Facts about cash that lenders hold back."""

import numpy as np
import pytest

from colocalc.lease.reserves import locked_share, reserve_target_usd, reserves

SERVICE = (0.0, 40.0, 30.0, 20.0, 0.0)


def target(ahead, service=SERVICE):
    return reserve_target_usd(service_usd=service, reserve_periods_count=ahead)


def held(**changes):
    terms = {
        "available_usd": [0.0, 100, 100, 100, 100],
        "service_usd": SERVICE,
        "target_usd": [40.0, 30, 20, 0, 0],
        "drawing_share": [1.0, 0, 0, 0, 0],
        "locked_share": [0.0] * 5,
    }
    return reserves(**terms | changes)


# Target


def test_a_reserve_of_one_period_holds_the_next_service():
    np.testing.assert_allclose(target(1.0), [40, 30, 20, 0, 0])


def test_half_a_period_holds_half_the_next_service():
    np.testing.assert_allclose(target(0.5), [20, 15, 10, 0, 0])


def test_one_and_a_half_periods_hold_half_of_the_one_after_too():
    np.testing.assert_allclose(target(1.5), [55, 40, 20, 0, 0])


def test_no_periods_ahead_hold_nothing():
    np.testing.assert_array_equal(target(0.0), [0.0] * 5)


def test_as_many_periods_as_there_are_hold_all_that_is_left():
    np.testing.assert_allclose(target(100.0), [90, 50, 20, 0, 0])


def test_the_last_period_holds_nothing():
    np.testing.assert_allclose(target(1.0, service=(0.0, 1, 1, 1, 1))[-1], 0.0)


# Reserve


def test_with_cash_above_service_the_reserve_is_its_target():
    np.testing.assert_allclose(held().reserve_usd, [40, 30, 20, 0, 0])
    np.testing.assert_array_equal(held().trapped_usd, [0.0] * 5)


def test_a_target_of_zero_is_no_reserve():
    np.testing.assert_array_equal(held(target_usd=[0.0] * 5).reserve_usd, [0.0] * 5)


def test_a_reserve_pays_what_service_lacks_and_is_filled_again():
    found = held(available_usd=[0.0, 25, 45, 100, 100], target_usd=[40.0, 40, 40, 40, 0])
    np.testing.assert_allclose(found.reserve_usd, [40, 25, 40, 40, 0])


def test_a_reserve_that_does_not_reach_is_empty_and_not_negative():
    found = held(available_usd=[0.0, -30, 0, 100, 100])
    np.testing.assert_allclose(found.reserve_usd, [40, 0, 0, 0, 0])


def test_cash_fills_a_reserve_only_as_far_as_it_reaches():
    found = held(drawing_share=[0.0] * 5, available_usd=[0.0, 50, 100, 100, 100], target_usd=[40.0, 30, 20, 20, 0])
    np.testing.assert_allclose(found.reserve_usd, [0, 10, 20, 20, 0])


# Lock-up


def test_locked_cash_is_trapped_and_paid_out_when_the_lock_ends():
    found = held(locked_share=[0.0, 1, 1, 0, 0])
    # 60 is left and 10 released by the reserve, then 70 and 10.
    np.testing.assert_allclose(found.trapped_usd, [0, 70, 150, 0, 0])


def test_trapped_cash_pays_what_service_lacks_before_the_reserve_does():
    found = held(locked_share=[0.0, 1, 1, 1, 0], available_usd=[0.0, 100, 10, 100, 100], target_usd=[40.0] * 4 + [0.0])
    np.testing.assert_allclose(found.trapped_usd, [0, 60, 40, 120, 0])
    np.testing.assert_allclose(found.reserve_usd, [40, 40, 40, 40, 0])


def test_the_last_period_releases_everything_locked_or_not():
    found = held(locked_share=[1.0] * 5, target_usd=[40.0] * 5)
    assert found.reserve_usd[-1] == found.trapped_usd[-1] == 0.0


def test_a_lock_up_holds_below_its_dscr_alone():
    found = locked_share(dscr_factor=[1.19, 1.2, 1.3, np.nan], lock_up_dscr_factor=1.2)
    np.testing.assert_array_equal(found, [1.0, 0.0, 0.0, 0.0])


def test_a_lock_up_level_of_zero_never_locks_what_earns_anything():
    np.testing.assert_array_equal(locked_share(dscr_factor=[0.0, 0.5], lock_up_dscr_factor=0.0), [0.0, 0.0])
    assert locked_share(dscr_factor=[-0.1], lock_up_dscr_factor=0.0) == pytest.approx(1.0)


def test_one_period_holds_nothing_back():
    one = held(available_usd=[50.0], service_usd=[40.0], target_usd=[0.0], drawing_share=[0.0], locked_share=[1.0])
    assert one.reserve_usd.tolist() == one.trapped_usd.tolist() == [0.0]
