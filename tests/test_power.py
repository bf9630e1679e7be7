"""Facts about sites with too little power."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.power import gpu_power_share, it_power_w, nameplate_power_w, power_factor, smoothing_energy_share

# 200,000 Hopper GPUs (700 of 1,275 W) and 20,000 GB200 (1,200 of 1,833 W) behind 300 MW at a PUE of 1.25
COLOSSUS = {
    "gpu_count": [150_000, 50_000, 20_000],
    "gpu_power_w": [700, 700, 1_200],
    "host_power_w": [575, 575, 633],
}
IT_W = 240e6

light = settings(max_examples=50, deadline=None, derandomize=True)


def test_it_power_is_facility_power_over_pue():
    assert float(it_power_w(facility_power_w=300e6, pue_factor=1.25)) == pytest.approx(IT_W)


def test_it_power_at_a_pue_of_one_is_facility_power():
    assert float(it_power_w(facility_power_w=300e6, pue_factor=1.0)) == 300e6


def test_nameplate_power_of_the_mixed_fleet_is_292_mw():
    need = nameplate_power_w(gpu_count=COLOSSUS["gpu_count"], server_power_w=[1_275, 1_275, 1_833])
    assert float(need) == pytest.approx(291.66e6)


def test_nameplate_power_of_no_gpus_is_zero():
    assert float(nameplate_power_w(gpu_count=[0, 0], server_power_w=[1_275, 1_833])) == 0.0


def test_at_nameplate_the_gpus_get_69_percent_and_keep_77_percent_of_throughput():
    share = gpu_power_share(it_power_w=IT_W, draw_share=1.0, **COLOSSUS)
    assert float(share) == pytest.approx(0.685, abs=5e-4)
    assert float(power_factor(gpu_power_share=share, power_exponent_factor=0.7)) == pytest.approx(0.77, abs=5e-3)


def test_at_typical_draw_the_same_site_limits_nothing():
    share = gpu_power_share(it_power_w=IT_W, draw_share=0.7, **COLOSSUS)
    assert float(share) > 1.0
    assert float(power_factor(gpu_power_share=share, power_exponent_factor=0.7)) == 1.0


def test_just_enough_power_is_a_share_of_one():
    share = gpu_power_share(it_power_w=291.66e6, draw_share=1.0, **COLOSSUS)
    assert float(share) == pytest.approx(1.0)


def test_power_below_what_hosts_draw_leaves_gpus_none():
    assert float(gpu_power_share(it_power_w=100e6, draw_share=1.0, **COLOSSUS)) == 0.0


def test_a_site_without_gpus_limits_nothing():
    nothing = COLOSSUS | {"gpu_count": [0, 0, 0]}
    assert float(gpu_power_share(it_power_w=IT_W, draw_share=1.0, **nothing)) == math.inf


def test_draw_may_differ_by_pool():
    share = gpu_power_share(
        it_power_w=1_600.0, gpu_count=[1, 1], gpu_power_w=[700, 1_200], host_power_w=[500, 600], draw_share=[1.0, 0.5]
    )
    assert float(share) == pytest.approx((1_600 - 800) / 1_300)


def test_power_factor_is_one_with_power_to_spare_and_zero_without_power():
    factor = power_factor(gpu_power_share=[0.0, 1.0, 1.4, math.inf], power_exponent_factor=0.7)
    np.testing.assert_array_equal(factor, [0.0, 1.0, 1.0, 1.0])


def test_power_factor_with_an_exponent_of_zero_is_one():
    np.testing.assert_array_equal(power_factor(gpu_power_share=[0.0, 0.5], power_exponent_factor=0.0), [1.0, 1.0])


def test_power_factor_of_an_unknown_share_is_unknown():
    assert math.isnan(float(power_factor(gpu_power_share=math.nan, power_exponent_factor=0.7)))


@light
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_throughput_falls_no_faster_than_power(share, exponent):
    assert share <= float(power_factor(gpu_power_share=share, power_exponent_factor=exponent)) <= 1.0


@light
@given(st.floats(1e6, 5e8), st.floats(1.0, 2.0))
def test_more_power_never_means_less_for_the_gpus(power, growth):
    less, more = (gpu_power_share(it_power_w=p, draw_share=1.0, **COLOSSUS) for p in (power, power * growth))
    assert more >= less


ROWS = {
    it_power_w: {"facility_power_w": [1e6, 3e8, 0.0], "pue_factor": [1.0, 1.25, 1.6]},
    nameplate_power_w: {"gpu_count": [[8, 0], [1e5, 2e4], [0, 0]], "server_power_w": [[1_275, 1], [1, 2], [3, 4]]},
    gpu_power_share: {
        "it_power_w": [1e4, 1e8, 0.0],
        "gpu_count": [[8, 0], [1e5, 2e4], [0, 0]],
        "gpu_power_w": [[700, 1_200], [700, 1_200], [700, 1_000]],
        "host_power_w": [[575, 633], [100, 633], [575, 0]],
        "draw_share": [[1.0, 1.0], [0.7, 0.8], [1.0, 0.5]],
    },
    power_factor: {"gpu_power_share": [0.0, 0.7, 3.0], "power_exponent_factor": [0.7, 0.6, 0.3]},
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)


# Smoothing


def test_a_floor_burns_what_it_holds_up():
    # 15% of a step at 40% of the power, held at 80%: 0.15 x 0.4 of 0.85 + 0.15 x 0.4
    found = smoothing_energy_share(waiting_share=0.15, waiting_power_share=0.4, floor_share=0.8)
    assert found == pytest.approx(0.06 / 0.91, rel=1e-12)
    assert found == pytest.approx(0.066, abs=5e-4)


@pytest.mark.parametrize(("waits", "low", "floor"), [(0.0, 0.4, 0.8), (0.3, 0.4, 0.4), (0.3, 0.4, 0.2)])
def test_without_waiting_or_above_the_floor_nothing_is_burnt(waits, low, floor):
    assert smoothing_energy_share(waiting_share=waits, waiting_power_share=low, floor_share=floor) == 0.0
