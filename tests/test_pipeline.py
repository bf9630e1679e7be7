import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu import pipeline

KERNELS = (pipeline.bubble_share, pipeline.stage_imbalance_factor)
GPIPE = {"pp_count": 8, "vpp_count": 1, "micro_batch_count": 24, "schedule_factor": 1}


def names(kernel):
    return tuple(inspect.signature(kernel).parameters)


# Hand-worked values


def test_bubble_is_the_other_stages_over_the_micro_batches():
    assert pipeline.bubble_share(**GPIPE) == pytest.approx(7 / 24)


def test_interleaving_divides_the_bubble():
    assert pipeline.bubble_share(**GPIPE | {"vpp_count": 4}) == pytest.approx(7 / 96)


def test_zero_bubble_schedule_takes_its_share_of_the_bubble():
    assert pipeline.bubble_share(**GPIPE | {"schedule_factor": 1 / 3}) == pytest.approx(7 / 72)


@pytest.mark.parametrize(("micro_batches", "bubble"), [(32, 0.0586), (16, 0.1172)])
def test_llama_3_doubles_its_bubble_by_halving_the_micro_batches(micro_batches, bubble):
    share = pipeline.bubble_share(pp_count=16, vpp_count=8, micro_batch_count=micro_batches, schedule_factor=1)
    assert share == pytest.approx(bubble, abs=5e-5)


def test_slowest_stage_five_percent_above_the_mean_costs_a_twenty_first():
    assert pipeline.stage_imbalance_factor(pp_count=16, stage_imbalance_share=0.05) == pytest.approx(20 / 21)


# Limits of the docstrings


def test_one_stage_has_no_bubble():
    assert pipeline.bubble_share(**GPIPE | {"pp_count": 1}) == 0.0


def test_gpipe_with_as_many_micro_batches_as_stages_idles_p_minus_one_over_p():
    assert pipeline.bubble_share(**GPIPE | {"micro_batch_count": 8}) == pytest.approx(7 / 8)


@pytest.mark.parametrize("change", [{"micro_batch_count": np.inf}, {"schedule_factor": 0}])
def test_bubble_vanishes_with_many_micro_batches_or_a_perfect_schedule(change):
    assert pipeline.bubble_share(**GPIPE | change) == 0.0


def test_gpipe_factor_is_m_over_m_plus_p_less_one():
    assert 1.0 / (1.0 + pipeline.bubble_share(**GPIPE)) == pytest.approx(24 / 31)


@pytest.mark.parametrize("imbalance", [0.0, 0.05, 3.0])
def test_one_stage_has_no_imbalance(imbalance):
    assert pipeline.stage_imbalance_factor(pp_count=1, stage_imbalance_share=imbalance) == 1.0


def test_two_stages_have_it():
    assert pipeline.stage_imbalance_factor(pp_count=2, stage_imbalance_share=0.25) == 0.8


def test_balanced_stages_cost_nothing():
    assert pipeline.stage_imbalance_factor(pp_count=16, stage_imbalance_share=0.0) == 1.0


# Laws


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    draw = np.random.default_rng(7)
    stacked = {name: draw.integers(1, 9, (4, 3)) for name in names(kernel)}
    whole = kernel(**stacked)
    assert whole.dtype == np.float64
    for place in np.ndindex(4, 3):
        alone = kernel(**{name: int(values[place]) for name, values in stacked.items()})
        np.testing.assert_allclose(whole[place], alone, rtol=1e-12)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 64), st.integers(1, 16), st.integers(1, 1024), st.floats(0.0, 1.0))
def test_the_bubble_is_idle_slots_over_busy_ones(stages, chunks, micro_batches, schedule):
    found = pipeline.bubble_share(
        pp_count=stages, vpp_count=chunks, micro_batch_count=micro_batches, schedule_factor=schedule
    )
    # Every stage is busy for v m slots, and idle while the others fill and drain.
    idle = schedule * (stages - 1)
    assert found * chunks * micro_batches == pytest.approx(idle)
