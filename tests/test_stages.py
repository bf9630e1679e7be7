"""Facts about pipelines whose stages come from different pools."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.stages import pipeline_count, stage_split_factor, stages_per_pool_count

GPUS = [150_000, 50_000, 20_000]  # H100, H200, GB200
light = settings(max_examples=60, deadline=None, derandomize=True)


def per_pool(gpus, pp):
    return stages_per_pool_count(gpu_count=gpus, pp_count=pp)


def test_one_pool_gives_all_stages():
    np.testing.assert_array_equal(per_pool([128], 4), [4.0])


def test_stages_are_apportioned_by_largest_remainder():
    # 16 stages over 150/50/20 thousand: 10.9, 3.6, 1.5 become 11, 4, 1
    np.testing.assert_array_equal(per_pool(GPUS, 16), [11.0, 4.0, 1.0])
    # 10.6, 3.7, 1.7: the two largest remainders are those of the small pools
    np.testing.assert_array_equal(per_pool([106, 37, 17], 16), [10.0, 4.0, 2.0])


def test_each_fleet_is_apportioned_alone():
    fleets = [[106, 37, 17], [64, 0, 64]]
    np.testing.assert_array_equal(per_pool(fleets, [16, 4]), [[10.0, 4.0, 2.0], [2.0, 0.0, 2.0]])
    np.testing.assert_array_equal(per_pool(fleets, [2, 4]), [[np.nan] * 3, [2.0, 0.0, 2.0]])


def test_every_pool_with_gpus_gives_at_least_one_stage():
    # quotas 3.97 and 0.03
    np.testing.assert_array_equal(per_pool([1_000, 8], 4), [3.0, 1.0])


def test_a_pool_without_gpus_gives_none():
    np.testing.assert_array_equal(per_pool([64, 0, 64], 4), [2.0, 0.0, 2.0])


@pytest.mark.parametrize(("gpus", "pp"), [(GPUS, 2), ([0, 0], 4)])
def test_more_pools_than_stages_or_no_gpus_are_undefined(gpus, pp):
    assert np.isnan(per_pool(gpus, pp)).all()


@light
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=5), st.integers(5, 64))
def test_the_stages_of_a_pipeline_are_all_given(gpus, pp):
    found = per_pool(gpus, pp)

    assert found.sum() == pp
    assert (found >= 1.0).all()


def test_the_scarcest_pool_limits_the_pipelines():
    # 150,000 / (8 x 11) = 1,704; 50,000 / (8 x 4) = 1,562; 20,000 / 8 = 2,500
    assert pipeline_count(gpu_count=GPUS, stage_count=[11, 4, 1], stage_gpu_count=8) == 1_562


def test_one_pool_makes_the_pipelines_it_holds():
    assert pipeline_count(gpu_count=[1_000], stage_count=[16], stage_gpu_count=8) == 7  # 7 x 128 = 896


def test_a_pool_too_small_for_its_stages_makes_no_pipeline():
    assert pipeline_count(gpu_count=[16, 8], stage_count=[1, 1], stage_gpu_count=16) == 0.0


def split(stages, rates, layers):
    return float(stage_split_factor(stage_count=stages, rate_flop_per_s=rates, layer_count=layers))


def test_one_pool_loses_nothing_even_with_uneven_layers():
    assert split([4], [3.7], 5) == 1.0
    assert split([0, 4], [1.0, 3.7], 5) == 1.0


def test_a_fast_stage_takes_more_layers():
    # two stages each: 1 layer on rate 1, 3 on rate 3
    assert split([2, 2], [1.0, 3.0], 8) == pytest.approx(1.0, rel=1e-12)


def test_the_fullest_stage_is_waited_for():
    # 5 layers on 2 + 2 equal stages: one of them has 2
    assert split([2, 2], [1.0, 1.0], 5) == pytest.approx(5 / 8, rel=1e-12)


def test_very_many_layers_follow_speed_exactly():
    assert split([3, 5], [1.0, 2.53], 1e9) == pytest.approx(1.0, abs=1e-6)


def test_unknown_stages_are_undefined():
    assert math.isnan(split([np.nan, np.nan], [1.0, 2.0], 8))


def test_stacked_inputs_equal_stacked_outputs():
    gpus, pps, layers = np.array([GPUS, [64, 0, 8], [1_000, 7, 300]]), np.array([16, 4, 8]), np.array([126, 24, 31])
    rates = np.array([989.4, 989.4, 2_500.0])
    stacked = per_pool(gpus, pps)
    alone = [per_pool(row, pp) for row, pp in zip(gpus, pps, strict=True)]

    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
    np.testing.assert_allclose(
        stage_split_factor(stage_count=stacked, rate_flop_per_s=rates, layer_count=layers),
        [split(row, rates, count) for row, count in zip(alone, layers, strict=True)],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        pipeline_count(gpu_count=gpus, stage_count=stacked, stage_gpu_count=np.array([8, 1, 4])),
        [
            float(pipeline_count(gpu_count=row, stage_count=stages, stage_gpu_count=size))
            for row, stages, size in zip(gpus, alone, [8, 1, 4], strict=True)
        ],
        rtol=1e-12,
    )
