"""Facts about training on GPUs of different speed."""

import heapq
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.mixed import (
    drop_slow_factor,
    drop_slow_kept,
    equal_split_factor,
    memory_limited_split_factor,
    proportional_split_factor,
    proportional_units,
    whole_replica_count,
)

GPUS = [150_000, 50_000, 20_000]  # H100, H200, GB200
REPLICAS = [1_171, 390, 156]  # of 128 GPUs
PEAKS = [989.4, 989.4, 2_500.0]
ACHIEVED = [0.803 * 989.4, 0.803 * 989.4, 0.729 * 2_500.0]

light = settings(max_examples=60, deadline=None, derandomize=True)
pools = st.lists(st.tuples(st.integers(1, 6), st.floats(1.0, 5.0)), min_size=1, max_size=4)


def test_equal_split_of_a_hand_worked_fleet():
    # 3 GPUs of rate 1 and 1 of rate 3: 4 of 6
    assert float(equal_split_factor(gpu_count=[3, 1], rate_flop_per_s=[1.0, 3.0])) == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("gb200", "rates", "expected"),
    [(20_000, PEAKS, 0.878), (30_000, PEAKS, 0.834), (20_000, ACHIEVED, 0.895), (30_000, ACHIEVED, 0.856)],
)
def test_equal_split_of_hopper_and_blackwell_keeps_83_to_90_percent(gb200, rates, expected):
    factor = equal_split_factor(gpu_count=[150_000, 50_000, gb200], rate_flop_per_s=rates)
    assert float(factor) == pytest.approx(expected, abs=6e-4)


def test_equal_split_of_one_pool_or_equal_rates_is_one():
    assert float(equal_split_factor(gpu_count=[64], rate_flop_per_s=[3.7])) == pytest.approx(1.0)
    assert float(equal_split_factor(gpu_count=[64, 8], rate_flop_per_s=[3.7, 3.7])) == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [0.1, 0.0, math.nan])
def test_a_pool_without_gpus_changes_no_split(rate):
    both = {"gpu_count": [6, 0, 2], "rate_flop_per_s": [1.0, rate, 2.0]}
    one = {"gpu_count": [6, 2], "rate_flop_per_s": [1.0, 2.0]}
    assert equal_split_factor(**both) == equal_split_factor(**one)
    assert drop_slow_factor(**both) == drop_slow_factor(**one)
    cap = 1.1
    assert memory_limited_split_factor(**both, work_cap_factor=cap) == pytest.approx(
        float(memory_limited_split_factor(**one, work_cap_factor=cap))
    )
    units = proportional_units(worker_count=[6, 0, 2], rate_flop_per_s=[1.0, rate, 2.0], unit_count=20)
    np.testing.assert_array_equal(units, [2, 0, 4])


def test_equal_split_with_a_pool_that_stands_still_is_zero():
    assert float(equal_split_factor(gpu_count=[64, 8], rate_flop_per_s=[1.0, 0.0])) == 0.0


def test_every_split_of_no_gpus_is_undefined():
    none = {"gpu_count": [0, 0], "rate_flop_per_s": [1.0, 2.0]}
    assert math.isnan(float(equal_split_factor(**none)))
    assert math.isnan(float(drop_slow_factor(**none)))
    assert math.isnan(float(memory_limited_split_factor(**none, work_cap_factor=1.0)))
    assert math.isnan(float(proportional_split_factor(worker_count=[0, 0], rate_flop_per_s=[1.0, 2.0], unit_count=3)))


def test_every_split_of_an_unknown_rate_is_undefined():
    unknown = {"gpu_count": [8, 8], "rate_flop_per_s": [1.0, math.nan]}
    assert math.isnan(float(equal_split_factor(**unknown)))
    assert math.isnan(float(drop_slow_factor(**unknown)))
    assert math.isnan(float(memory_limited_split_factor(**unknown, work_cap_factor=2.0)))
    workers = {"worker_count": [8, 8], "rate_flop_per_s": [1.0, math.nan]}
    assert math.isnan(float(proportional_split_factor(**workers, unit_count=3)))


def proportional(rates, micro_batches, workers=REPLICAS):
    units = np.asarray(micro_batches) * sum(workers)
    return proportional_split_factor(worker_count=workers, rate_flop_per_s=rates, unit_count=units)


def test_proportional_split_on_peaks_is_not_monotone_in_micro_batches():
    expected = [0.878, 0.934, 0.958, 0.946, 0.960, 0.973, 0.986]
    np.testing.assert_allclose(proportional(PEAKS, [4, 8, 12, 14, 16, 32, 64]), expected, atol=1e-3)


def test_proportional_split_on_achieved_rates_gains_nothing_at_four_and_eight():
    expected = [0.895, 0.895, 0.976, 0.964, 0.954, 0.987]
    np.testing.assert_allclose(proportional(ACHIEVED, [4, 8, 12, 14, 16, 32]), expected, atol=1e-3)


def test_proportional_split_of_one_pool_with_whole_shares_is_one():
    assert float(proportional([3.7], 14, [1_717])) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("units", [1, 7, 8, 9, 20, 33])
def test_proportional_split_of_equal_rates_waits_for_the_fullest_worker(units):
    factor = proportional_split_factor(worker_count=[5, 3], rate_flop_per_s=[2.0, 2.0], unit_count=units)
    assert float(factor) == pytest.approx((units / 8) / math.ceil(units / 8), rel=1e-12)


def test_proportional_split_of_very_many_units_is_one():
    assert float(proportional(PEAKS, 1e7)) == pytest.approx(1.0, rel=1e-6)


def test_proportional_units_of_a_hand_worked_fleet():
    # H100 replicas take 4 of 4 as GB200 replicas could take 10
    units = proportional_units(worker_count=REPLICAS, rate_flop_per_s=PEAKS, unit_count=4 * 1_717)
    np.testing.assert_array_equal(units, [4, 4, 10])


def test_proportional_units_of_one_pool_round_up():
    units = proportional_units(worker_count=[5], rate_flop_per_s=[2.0], unit_count=[5, 6, 11])
    np.testing.assert_array_equal(units, [[1], [2], [3]])


def shortest_step(workers, rates, units):
    """List scheduling: each unit goes to the worker that would finish it first, which is optimal for equal units."""
    ready = [(1 / rate, rate) for count, rate in zip(workers, rates, strict=True) for _ in range(count)]
    heapq.heapify(ready)
    for _ in range(units):
        time, rate = heapq.heappop(ready)
        heapq.heappush(ready, (time + 1 / rate, rate))
    return time


@light
@given(pools, st.integers(1, 60))
def test_proportional_split_is_as_short_as_the_best_schedule(fleet, units):
    workers, rates = zip(*fleet, strict=True)
    factor = proportional_split_factor(worker_count=workers, rate_flop_per_s=rates, unit_count=units)
    total = sum(count * rate for count, rate in fleet)
    assert float(factor) == pytest.approx(units / (shortest_step(workers, rates, units) * total), rel=1e-9)


@light
@given(pools, st.integers(1, 60))
def test_proportional_units_are_enough_for_the_step(fleet, units):
    workers, rates = zip(*fleet, strict=True)
    each = proportional_units(worker_count=workers, rate_flop_per_s=rates, unit_count=units)
    assert np.sum(each * workers) >= units


def memory_limited(caps, gpus=GPUS, rates=PEAKS):
    return float(memory_limited_split_factor(gpu_count=gpus, rate_flop_per_s=rates, work_cap_factor=caps))


def test_memory_limited_split_without_limits_is_one():
    assert memory_limited([math.inf] * 3) == pytest.approx(1.0, rel=1e-11)


def test_memory_limited_split_with_caps_of_one_is_the_equal_split():
    expected = float(equal_split_factor(gpu_count=GPUS, rate_flop_per_s=PEAKS))
    assert memory_limited([1.0, 1.0, 1.0]) == pytest.approx(expected, rel=1e-9)


def test_memory_limited_split_of_a_hand_worked_fleet():
    # 2 GPUs of rates 1 and 3 share work 2; the fast one holds 1.2, so the slow one needs 0.8 time units: 2 / (0.8 * 4)
    assert memory_limited([9.0, 1.2], [1, 1], [1.0, 3.0]) == pytest.approx(2 / 3.2, rel=1e-9)


def test_memory_limited_split_is_one_while_caps_do_not_bind():
    assert memory_limited([9.0, 1.5], [1, 1], [1.0, 3.0]) == pytest.approx(1.0, rel=1e-9)


def test_memory_limited_split_of_one_pool_or_equal_rates_is_one():
    assert memory_limited([1.0], [64], [3.7]) == pytest.approx(1.0, rel=1e-9)
    assert memory_limited([1.0, 1.3], [64, 8], [3.7, 3.7]) == pytest.approx(1.0, rel=1e-9)


def test_memory_limited_split_of_work_that_does_not_fit_is_undefined():
    assert math.isnan(memory_limited([0.9, 0.9, 0.9]))


def test_memory_limited_split_fits_when_the_fast_pool_takes_what_the_slow_ones_cannot():
    # 200,000 GPUs hold 0.95 each, so 20,000 take 1.5 each
    assert memory_limited([0.95, 0.95, 1.5]) == pytest.approx(
        220_000 * 989.4 / 0.95 / (200_000 * 989.4 + 20_000 * 2_500.0), rel=1e-9
    )


@light
@given(pools, st.floats(1.0, 3.0))
def test_memory_limited_split_lies_between_the_equal_split_and_one(fleet, cap):
    gpus, rates = zip(*fleet, strict=True)
    equal = float(equal_split_factor(gpu_count=gpus, rate_flop_per_s=rates))
    assert equal * (1 - 1e-9) <= memory_limited(cap, gpus, rates) <= 1.0


def test_drop_slow_leaves_out_a_pool_that_costs_more_than_it_adds():
    fleet = {"gpu_count": [8, 2, 4], "rate_flop_per_s": [1.0, 0.5, 2.0]}
    # all: 14 * 0.5 = 7; without the slowest: 12 * 1 = 12; the fastest alone: 4 * 2 = 8; of 17
    assert float(drop_slow_factor(**fleet)) == pytest.approx(12 / 17)
    np.testing.assert_array_equal(drop_slow_kept(**fleet), [1.0, 0.0, 1.0])


def test_drop_slow_of_one_pool_or_equal_rates_keeps_all():
    assert float(drop_slow_factor(gpu_count=[64], rate_flop_per_s=[3.7])) == pytest.approx(1.0)
    assert float(drop_slow_factor(gpu_count=[64, 8], rate_flop_per_s=[3.7, 3.7])) == pytest.approx(1.0)
    np.testing.assert_array_equal(drop_slow_kept(gpu_count=[64, 8], rate_flop_per_s=[3.7, 3.7]), [1.0, 1.0])


def test_drop_slow_leaves_out_a_pool_that_stands_still():
    fleet = {"gpu_count": [64, 8], "rate_flop_per_s": [2.0, 0.0]}
    assert float(drop_slow_factor(**fleet)) == 1.0
    np.testing.assert_array_equal(drop_slow_kept(**fleet), [1.0, 0.0])


def test_drop_slow_does_not_keep_a_pool_without_gpus():
    np.testing.assert_array_equal(drop_slow_kept(gpu_count=[8, 0], rate_flop_per_s=[1.0, 2.0]), [1.0, 0.0])


def test_drop_slow_keeps_fewer_pools_when_two_choices_tie():
    # 2 * 3 alone, 6 * 1 together
    np.testing.assert_array_equal(drop_slow_kept(gpu_count=[4, 2], rate_flop_per_s=[1.0, 3.0]), [0.0, 1.0])


@light
@given(pools)
def test_drop_slow_is_as_good_as_the_best_subset(fleet):
    gpus, rates = zip(*fleet, strict=True)
    subsets = itertools.chain.from_iterable(itertools.combinations(fleet, k) for k in range(1, len(fleet) + 1))
    best = max(sum(n for n, _ in subset) * min(s for _, s in subset) for subset in subsets)
    factor = float(drop_slow_factor(gpu_count=gpus, rate_flop_per_s=rates))
    assert factor == pytest.approx(best / sum(n * s for n, s in fleet))
    assert factor >= float(equal_split_factor(gpu_count=gpus, rate_flop_per_s=rates)) * (1 - 1e-12)


@light
@given(pools)
def test_drop_slow_keeps_the_pools_whose_equal_split_gives_the_factor(fleet):
    gpus, rates = (np.array(values) for values in zip(*fleet, strict=True))
    kept = drop_slow_kept(gpu_count=gpus, rate_flop_per_s=rates)
    throughput = np.sum(gpus * kept) * np.min(rates[kept > 0])
    factor = float(drop_slow_factor(gpu_count=gpus, rate_flop_per_s=rates))
    assert factor == pytest.approx(throughput / np.sum(gpus * rates))


def test_whole_replicas_leave_a_remainder():
    np.testing.assert_array_equal(whole_replica_count(gpu_count=GPUS, replica_gpu_count=128), REPLICAS)


def test_whole_replicas_of_an_exact_multiple_leave_none_and_of_too_few_gpus_are_zero():
    np.testing.assert_array_equal(whole_replica_count(gpu_count=[1_024, 127], replica_gpu_count=128), [8, 0])


FLEETS = {
    "gpu_count": [GPUS, [64.0, 0.0, 8.0], [1_000.0, 7.0, 300.0]],
    "rate_flop_per_s": [PEAKS, ACHIEVED, [1.0, 2.0, 1.0]],
}
WORKERS = {
    "worker_count": [REPLICAS, [64.0, 0.0, 8.0], [3.0, 7.0, 2.0]],
    "rate_flop_per_s": FLEETS["rate_flop_per_s"],
    "unit_count": [14 * 1_717, 100, 41],
}
ROWS = {
    equal_split_factor: FLEETS,
    proportional_split_factor: WORKERS,
    proportional_units: WORKERS,
    memory_limited_split_factor: FLEETS | {"work_cap_factor": [[1.2] * 3, [0.9, 0.5, 2.0], [np.inf, 1.0, 1.0]]},
    drop_slow_factor: FLEETS,
    drop_slow_kept: FLEETS,
    whole_replica_count: {"gpu_count": FLEETS["gpu_count"], "replica_gpu_count": [[128] * 3, [8] * 3, [7] * 3]},
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
