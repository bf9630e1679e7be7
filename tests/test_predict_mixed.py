"""Steps of unequal stages and replicas: by hand, and at the limits that the kernels state."""

import numpy as np
import pytest

from colocalc.mfu.predict.mixed import exchange_s, link_rate_byte_per_s, mixed_step_s, slowest_replica_s

NAN = float("nan")
STEP = {"micro_batch_count": 8.0, "send_s": 0.0, "update_s": 0.25, "exchange_s": 0.5}


def _step(**changes):
    return float(mixed_step_s(**(STEP | changes)))


# One stage waits for its slowest replica


def test_a_stage_takes_as_long_as_its_slowest_replica():
    # 3 layers of 2 s and 1 s, 5 layers of 1 s and 4 s; an embedding of 0.5 s, a head of 3 s on the second replica.
    found = slowest_replica_s(
        layer_s=[[2.0, 1.0], [1.0, 4.0]], layer_count=[3.0, 5.0], outer_s=[[0.5, 0.5], [0.0, 3.0]]
    )
    assert found == pytest.approx([6.5, 23.0])


def test_replicas_alike_and_replicas_of_no_time_change_nothing():
    alone = slowest_replica_s(layer_s=[[2.0]], layer_count=[3.0], outer_s=[[1.0]])
    assert slowest_replica_s(layer_s=[[2.0, 2.0]], layer_count=[3.0], outer_s=[[1.0, 1.0]]) == alone
    assert slowest_replica_s(layer_s=[[2.0, 0.0]], layer_count=[3.0], outer_s=[[1.0, 0.0]]) == alone


def test_a_stage_without_layers_has_what_it_has_besides():
    assert slowest_replica_s(layer_s=[[2.0]], layer_count=[0.0], outer_s=[[1.0]]) == 1.0


# The step


def test_one_stage_runs_its_micro_batches_one_after_another():
    assert _step(stage_s=[2.0]) == 8 * 2.0 + 0.75
    assert _step(stage_s=[2.0], send_s=9.0) == 8 * 2.0 + 0.75  # it sends nothing


def test_equal_stages_are_those_of_1f1b():
    assert _step(stage_s=[2.0, 2.0, 2.0]) == (8 + 3 - 1) * 2.0 + 0.75


def test_unequal_stages_follow_the_slowest():
    assert _step(stage_s=[1.0, 3.0]) == 7 * 3.0 + 4.0 + 0.75


def test_one_micro_batch_goes_down_and_up_once():
    assert _step(stage_s=[1.0, 3.0], micro_batch_count=1.0, send_s=0.5) == 4.0 + 2 * 0.5 + 0.75


def test_sends_that_a_slow_stage_hides_cost_the_first_micro_batch_only():
    assert _step(stage_s=[1.0, 3.0], send_s=1.0) == pytest.approx(_step(stage_s=[1.0, 3.0]) + 2.0)


def test_sends_longer_than_all_else_set_the_pace():
    # 4 s of work and 20 s of sends around two stages, each with two micro-batches under way.
    assert _step(stage_s=[1.0, 3.0], send_s=10.0) == (8 - 1 + 2) * 24.0 / 2 + 0.75


def test_many_runs_at_once_are_each_alone():
    stages, sends = np.asarray([[1.0, 3.0], [2.0, 2.0]]), np.asarray([10.0, 0.0])
    both = mixed_step_s(**(STEP | {"stage_s": stages, "send_s": sends}))
    assert both == pytest.approx([_step(stage_s=each, send_s=send) for each, send in zip(stages, sends, strict=True)])


# The network


@pytest.mark.parametrize(
    ("ranks", "link", "measured", "expected"),
    [
        (4.0, 1e9, NAN, 2 * 3 / 4 * 2.0),
        (4.0, 1e9, 7.0, 7.0),  # measured beats modelled
        (4.0, NAN, 7.0, 7.0),
        (1.0, NAN, NAN, 0.0),
        (4.0, np.inf, NAN, 0.0),
        (4.0, NAN, NAN, NAN),
    ],
)
def test_gradients_are_exchanged_as_measured_or_on_a_ring(ranks, link, measured, expected):
    found = exchange_s(rank_count=ranks, gradient_byte=2e9, link_byte_per_s=link, measured_s=measured)
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("link", "ranks", "taken", "expected"),
    [
        (5e8, 4.0, 3.0, 5e8),
        (NAN, 4.0, 3.0, 1e9),  # 3 GB over each link in 3 s
        (NAN, 4.0, 0.5, 6e9),
        (NAN, 4.0, 0.0, np.inf),
        (NAN, 1.0, 3.0, NAN),
    ],
)
def test_a_network_is_as_fast_as_told_or_as_its_exchange(link, ranks, taken, expected):
    found = link_rate_byte_per_s(link_byte_per_s=link, rank_count=ranks, gradient_byte=2e9, exchange_s=taken)
    assert found == pytest.approx(expected, nan_ok=True)
