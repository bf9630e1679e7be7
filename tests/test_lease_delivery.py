"""Facts about the GPU-hours of a contract."""

import numpy as np

from colocalc.lease.delivery import (
    available_gpu_h,
    committed_gpu_h,
    ramped_gpu_count,
    stepped_gpu_count,
    uncommitted_gpu_h,
)
from colocalc.lease.rates import billed_share

MONTHS = np.arange(100.0, 112.0)


def _ramped(count, delivery, ramp, end=112.0, months=MONTHS):
    return ramped_gpu_count(
        gpu_count=count, calendar_month=months, delivery_month=delivery, ramp_months=ramp, end_month=end
    )


def test_without_a_ramp_all_gpus_are_there_from_the_delivery_on():
    np.testing.assert_array_equal(_ramped([8.0], [103.0], [0.0])[0], [0, 0, 0, *[8] * 9])


def test_a_ramp_of_two_months_delivers_a_quarter_then_three():
    np.testing.assert_allclose(_ramped([80.0], [100.0], [2.0])[0], [20, 60, *[80] * 10], rtol=1e-13)


def test_a_ramp_within_a_month():
    # Nothing for a quarter, half of them on average for a half, all for a quarter
    assert _ramped([80.0], [100.25], [0.5])[0, 0] == 80 * (0.5 * 0.5 + 0.25)


def test_a_month_that_holds_the_delivery_or_the_end_counts_its_days():
    np.testing.assert_array_equal(_ramped([8.0], [100.5], [0.0], end=102.25)[0, :4], [4, 8, 2, 0])


def test_an_end_within_the_ramp():
    # Over 4 months from 0 to 80, left after 2: 10 and 30 on average
    np.testing.assert_allclose(_ramped([80.0], [100.0], [4.0], end=102.0)[0, :3], [10, 30, 0], rtol=1e-13)


def test_over_a_ramp_half_of_the_gpus_are_there_on_average():
    assert np.isclose(_ramped([80.0], [100.0], [12.0]).sum(), 0.5 * _ramped([80.0], [100.0], [0.0]).sum(), rtol=1e-13)


def test_no_gpus_are_none_after_any_ramp():
    assert not _ramped([0.0], [100.0], [3.0]).any()


def test_pools_are_delivered_at_dates_of_their_own():
    count = _ramped([8.0, 80.0], [100.0, 106.0], [0.0, 0.0])
    np.testing.assert_array_equal(count.sum(axis=-1), [96, 480])


def test_one_step_is_a_delivery_at_once():
    stepped = stepped_gpu_count(step_gpu_count=[[8.0]], step_month=[[103.5]], calendar_month=MONTHS, end_month=110.25)
    np.testing.assert_array_equal(stepped, _ramped([8.0], [103.5], [0.0], end=110.25))


def test_steps_add_up_in_any_order_and_may_be_handed_back():
    stepped = stepped_gpu_count(
        step_gpu_count=[[100.0, 50.0, -150.0, 0.0]],
        step_month=[[104.0, 100.0, 110.5, 101.0]],
        calendar_month=MONTHS,
        end_month=200.0,
    )
    np.testing.assert_array_equal(stepped[0], [50] * 4 + [150] * 6 + [75, 0])


def test_after_the_end_no_step_counts():
    stepped = stepped_gpu_count(step_gpu_count=[[8.0]], step_month=[[100.0]], calendar_month=MONTHS, end_month=104.0)
    np.testing.assert_array_equal(stepped[0], [8] * 4 + [0] * 8)


def test_hours_available_are_gpus_times_hours_offered():
    hours = available_gpu_h(
        delivered_gpu_count=[[100.0, 100.0], [0.0, 0.0], [10.0, 20.0]],
        month_h=[720.0, 744.0],
        available_share=[1.0, 1.0, 0.0],
    )
    np.testing.assert_array_equal(hours, [[72_000, 74_400], [0, 0], [0, 0]])


def test_spares_are_not_available():
    hours = available_gpu_h(delivered_gpu_count=[[100.0]], month_h=[720.0], available_share=[0.95])
    np.testing.assert_allclose(hours, 68_400)


def test_all_hours_or_none_are_owed():
    hours = np.full((2, 3), 720.0)
    np.testing.assert_array_equal(
        committed_gpu_h(available_gpu_h=hours, take_or_pay_share=[1.0, 0.0]), [[720] * 3, [0] * 3]
    )


def test_hours_beyond_are_those_sold_where_nothing_is_owed_and_none_where_as_much_is():
    beyond = uncommitted_gpu_h(
        available_gpu_h=[[1_000.0] * 3] * 2,
        sold_share=[[0.5, 0.8, 1.0]] * 2,
        take_or_pay_share=[0.0, 0.8],
    )
    np.testing.assert_allclose(beyond, [[500, 800, 1_000], [0, 0, 200]], atol=1e-9)


def test_utilization_enters_once():
    # Take-or-pay of 80% with 70% sold bills 80%, neither 56% nor 100%
    parts = {"available_gpu_h": [[1_000.0]], "take_or_pay_share": [0.8]}
    billed = committed_gpu_h(**parts) + uncommitted_gpu_h(sold_share=[[0.7]], **parts)
    np.testing.assert_allclose(billed, 1_000 * billed_share(sold_share=0.7, take_or_pay_share=0.8), rtol=1e-15)
    assert billed == 800
