"""Facts about useful time of jobs that fail."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.goodput import (
    expected_down_nodes_count,
    isolation_goodput_share,
    mttf_s,
    optimal_interval_s,
    restart_goodput_share,
    spare_node_count,
)

MINUTE = 60.0
light = settings(max_examples=50, deadline=None, derandomize=True)


def test_mttf_of_a_hand_worked_job():
    # 16,384 GPUs at 0.5 failures per 1,000 GPU-days: 8.192 a day
    assert float(mttf_s(gpu_count=[16_384], failures_per_1000_gpu_day=[0.5])) == pytest.approx(86_400 / 8.192)


def test_mttf_without_failures_or_gpus_is_infinite():
    assert float(mttf_s(gpu_count=[8, 8], failures_per_1000_gpu_day=[0.0, 0.0])) == math.inf
    assert float(mttf_s(gpu_count=[0], failures_per_1000_gpu_day=[0.8])) == math.inf


def test_mttf_of_an_unknown_rate_is_unknown():
    assert math.isnan(float(mttf_s(gpu_count=[8], failures_per_1000_gpu_day=[math.nan])))


def test_mttf_halves_with_twice_the_gpus():
    once, twice = mttf_s(gpu_count=[[1_000], [2_000]], failures_per_1000_gpu_day=[0.8])
    assert once == pytest.approx(2 * twice)


def test_mttf_of_pools_of_one_rate_is_that_of_one_pool():
    split = mttf_s(gpu_count=[150_000, 50_000, 20_000], failures_per_1000_gpu_day=0.8)
    assert float(split) == pytest.approx(float(mttf_s(gpu_count=[220_000], failures_per_1000_gpu_day=[0.8])))


def test_interval_without_failures_is_infinite():
    np.testing.assert_array_equal(optimal_interval_s(mttf_s=np.inf, checkpoint_s=[0.0, 20.0]), [np.inf, np.inf])


def test_interval_of_free_checkpoints_is_zero():
    assert float(optimal_interval_s(mttf_s=1_080.0, checkpoint_s=0.0)) == 0.0


def test_interval_of_a_checkpoint_longer_than_twice_the_mttf_is_the_mttf():
    np.testing.assert_array_equal(optimal_interval_s(mttf_s=60.0, checkpoint_s=[120.0, 500.0]), [60.0, 60.0])


def test_interval_of_a_short_checkpoint_is_youngs():
    assert float(optimal_interval_s(mttf_s=1e9, checkpoint_s=1.0)) == pytest.approx(math.sqrt(2e9), rel=1e-4)


def test_interval_of_a_hand_worked_job():
    # w = 20, M = 1000: ratio 0.01, young 200 -> 200 (1 + 0.1 / 3 + 0.01 / 9) - 20
    assert float(optimal_interval_s(mttf_s=1_000.0, checkpoint_s=20.0)) == pytest.approx(186.888889, rel=1e-8)


@light
@given(st.floats(300.0, 1e6), st.floats(1.0, 100.0), st.floats(0.3, 3.0))
def test_no_other_interval_beats_the_optimal_one_by_more_than_a_trace(mttf, stall, stretch):
    best = float(optimal_interval_s(mttf_s=mttf, checkpoint_s=stall))
    share = restart_goodput_share(
        mttf_s=mttf, restart_s=600.0, checkpoint_s=stall, checkpoint_interval_s=[best, best * stretch]
    )
    assert share[0] >= share[1] * (1 - 2e-3)


def goodput(mttf, restart=600.0, stall=20.0, interval=None):
    tau = optimal_interval_s(mttf_s=mttf, checkpoint_s=stall) if interval is None else interval
    return float(restart_goodput_share(mttf_s=mttf, restart_s=restart, checkpoint_s=stall, checkpoint_interval_s=tau))


def test_goodput_of_a_hand_worked_job():
    # tau = 180, w = 20, M = 1000, R = 500: 0.18 / (e^0.5 (e^0.2 - 1))
    expected = 0.18 / (math.exp(0.5) * (math.exp(0.2) - 1))
    assert goodput(1_000.0, 500.0, 20.0, 180.0) == pytest.approx(expected, rel=1e-12)


def test_goodput_without_failures_pays_only_for_checkpoints():
    assert goodput(math.inf, interval=180.0) == pytest.approx(0.9)
    assert goodput(math.inf) == 1.0


def test_goodput_approaches_its_limit_as_failures_become_rare():
    assert goodput(1e16, interval=180.0) == pytest.approx(0.9, rel=1e-12)


def test_goodput_without_checkpoints_is_zero():
    assert goodput(1e6, interval=math.inf) == 0.0


def test_goodput_with_free_checkpoints_loses_only_restarts():
    assert goodput(1_000.0, 500.0, 0.0) == pytest.approx(math.exp(-0.5), rel=1e-12)


def test_goodput_of_checkpoints_without_pause_between_is_zero():
    assert goodput(1_000.0, interval=0.0) == 0.0


@pytest.mark.parametrize("mttf", [1e-3, 1.0])
def test_goodput_of_hopelessly_many_failures_is_zero(mttf):
    assert goodput(mttf, restart=1e4, interval=1e6) == 0.0


def test_goodput_of_an_unknown_mttf_is_unknown():
    assert math.isnan(goodput(math.nan))
    assert math.isnan(float(isolation_goodput_share(mttf_s=math.nan, stall_s=1, replica_repair_s=1, replica_count=8)))


@light
@given(st.floats(60.0, 1e7), st.floats(1.01, 3.0), st.floats(0.0, 3_600.0), st.floats(0.0, 300.0))
def test_goodput_is_a_share_and_grows_with_the_mttf(mttf, growth, restart, stall):
    assert 0.0 <= goodput(mttf, restart, stall) <= goodput(mttf * growth, restart, stall) <= 1.0


def simulated_restart_goodput(mttf, restart, stall, interval, segments, rng):
    """Useful time over wall time of many checkpoint intervals, each repeated until no failure strikes it."""
    wall = 0.0
    working = segments
    while working:
        until_failure = rng.exponential(mttf, working)
        struck = until_failure < interval + stall
        wall += np.sum(np.where(struck, until_failure, interval + stall))
        working = restarting = int(np.sum(struck))
        while restarting:
            until_failure = rng.exponential(mttf, restarting)
            struck = until_failure < restart
            wall += np.sum(np.where(struck, until_failure, restart))
            restarting = int(np.sum(struck))
    return segments * interval / wall


@pytest.mark.parametrize("stall", [20.0, 30.0])
@pytest.mark.parametrize("mttf_min", [8.2, 18.0, 50.0, 185.0])
def test_goodput_agrees_with_simulation_to_one_percent(mttf_min, stall):
    mttf = mttf_min * MINUTE
    interval = float(optimal_interval_s(mttf_s=mttf, checkpoint_s=stall))
    simulated = simulated_restart_goodput(mttf, 600.0, stall, interval, 200_000, np.random.default_rng(3))
    assert goodput(mttf, stall=stall) == pytest.approx(simulated, rel=0.01)


def simulated_isolation_goodput(mttf, stall, repair, replicas, rng):
    """Capacity-time of a stream of failures that each stall the job and take one replica out until it is repaired."""
    gaps = rng.exponential(mttf, 400_000)
    failures = np.cumsum(gaps)
    begins, ends = failures[:-1] + stall, failures[1:]
    repairs = failures + repair
    times = np.linspace(0.0, 1.0, 8)[:, None] * np.maximum(ends - begins, 0.0) + begins
    down = np.searchsorted(failures, times) - np.searchsorted(repairs, times)
    running = np.maximum(ends - begins, 0.0)
    useful = running * np.mean(1.0 - down / replicas, axis=0)
    return float(np.sum(useful) / (failures[-1] - failures[0]))


@pytest.mark.parametrize(
    ("mttf_min", "stall", "replicas"), [(18.0, 180.0, 781), (18.0, 30.0, 64), (50.0, 180.0, 64), (8.2, 30.0, 781)]
)
def test_isolation_agrees_with_simulation_to_one_percent(mttf_min, stall, replicas):
    mttf = mttf_min * MINUTE
    simulated = simulated_isolation_goodput(mttf, stall, 600.0, replicas, np.random.default_rng(5))
    share = isolation_goodput_share(mttf_s=mttf, stall_s=stall, replica_repair_s=600.0, replica_count=replicas)
    assert float(share) == pytest.approx(simulated, rel=0.01)


def test_isolation_without_failures_is_one():
    assert float(isolation_goodput_share(mttf_s=np.inf, stall_s=180, replica_repair_s=600, replica_count=8)) == 1.0


def test_isolation_without_stall_and_with_infinitely_many_replicas_is_one():
    share = isolation_goodput_share(mttf_s=1_080, stall_s=0, replica_repair_s=600, replica_count=np.inf)
    assert float(share) == 1.0


def test_isolation_is_zero_when_failures_outrun_repairs():
    assert float(isolation_goodput_share(mttf_s=60, stall_s=0, replica_repair_s=600, replica_count=8)) == 0.0


def test_isolation_improves_with_the_number_of_replicas():
    share = isolation_goodput_share(mttf_s=1_080, stall_s=180, replica_repair_s=600, replica_count=[8, 16, 781])
    np.testing.assert_allclose(share, [0.788, 0.817, 0.846], atol=1e-3)


def test_nodes_down_is_repair_time_over_mttf():
    fleet = {"gpu_count": [150_000, 50_000], "failures_per_1000_gpu_day": [0.8, 0.4]}
    down = expected_down_nodes_count(**fleet, repair_s=86_400)
    assert float(down) == pytest.approx(140.0)
    assert float(down) == pytest.approx(86_400 / float(mttf_s(**fleet)))


def test_no_nodes_are_down_without_failures_or_with_instant_repair():
    assert float(expected_down_nodes_count(gpu_count=[8], failures_per_1000_gpu_day=[0.0], repair_s=600)) == 0.0
    assert float(expected_down_nodes_count(gpu_count=[8], failures_per_1000_gpu_day=[0.8], repair_s=0)) == 0.0


def test_spares_are_the_mean_and_three_deviations():
    np.testing.assert_allclose(spare_node_count(expected_down_nodes_count=[0, 16, 100]), [0, 28, 130])


def test_spares_of_many_nodes_down_approach_the_mean():
    assert float(spare_node_count(expected_down_nodes_count=1e10)) == pytest.approx(1e10, rel=1e-4)


def test_spares_cover_all_but_rare_peaks():
    down = np.random.default_rng(2).poisson(40.0, 200_000)
    assert np.mean(down > float(spare_node_count(expected_down_nodes_count=40.0))) < 5e-3


ROWS = {
    mttf_s: {"gpu_count": [[8, 0], [1e5, 2e4], [0, 0]], "failures_per_1000_gpu_day": [[0.8, 1], [0.4, 0.5], [1, 1]]},
    optimal_interval_s: {"mttf_s": [100.0, 1e5, np.inf], "checkpoint_s": [300.0, 20.0, 20.0]},
    restart_goodput_share: {
        "mttf_s": [500.0, 1e5, np.inf],
        "restart_s": [600.0, 30.0, 600.0],
        "checkpoint_s": [20.0, 0.0, 30.0],
        "checkpoint_interval_s": [150.0, 0.0, np.inf],
    },
    isolation_goodput_share: {
        "mttf_s": [500.0, 1e5, np.inf],
        "stall_s": [180.0, 30.0, 600.0],
        "replica_repair_s": [600.0, 0.0, 30.0],
        "replica_count": [1, 64, 781],
    },
    expected_down_nodes_count: {
        "gpu_count": [[8, 0], [1e5, 2e4], [0, 0]],
        "failures_per_1000_gpu_day": [[0.8, 1], [0.4, 0.5], [1, 1]],
        "repair_s": [600.0, 0.0, 30.0],
    },
    spare_node_count: {"expected_down_nodes_count": [0.0, 0.3, 120.0]},
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
