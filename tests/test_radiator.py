"""Facts about radiators: what a square metre rejects, how much of it a heat needs, and where none is enough."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu.radiator import radiator_area_m2, radiator_temperature_k, radiator_w_per_m2
from colocalc.units import STEFAN_BOLTZMANN_W_PER_M2_K4

light = settings(max_examples=60, deadline=None, derandomize=True)
ONE_SIDE = {"emissivity_share": 0.9, "radiating_sides_count": 1}


def rejected(radiator_k, sink_k=0.0, **surface):
    return radiator_w_per_m2(radiator_temperature_k=radiator_k, sink_temperature_k=sink_k, **(ONE_SIDE | surface))


def area(power_w, radiator_k, sink_k=0.0, **surface):
    return radiator_area_m2(heat_w=power_w, radiator_w_per_m2=rejected(radiator_k, sink_k, **surface))


def test_the_constant_follows_from_those_the_si_fixes():
    boltzmann, planck, light_speed = 1.380649e-23, 6.62607015e-34, 299_792_458
    derived = 2 * math.pi**5 * boltzmann**4 / (15 * planck**3 * light_speed**2)
    assert pytest.approx(derived, rel=1e-10) == STEFAN_BOLTZMANN_W_PER_M2_K4


# Temperatures


def test_the_radiator_is_cooler_than_the_chips_by_the_drop():
    assert float(radiator_temperature_k(chip_temperature_k=353.0, chip_to_radiator_drop_k=20.0)) == 333.0


def test_without_a_drop_the_radiator_is_as_hot_as_the_chips():
    assert float(radiator_temperature_k(chip_temperature_k=353.0, chip_to_radiator_drop_k=0.0)) == 353.0


def test_a_drop_of_all_of_it_leaves_nothing_to_radiate():
    cold = radiator_temperature_k(chip_temperature_k=353.0, chip_to_radiator_drop_k=353.0)
    assert float(cold) == 0.0
    assert float(rejected(cold)) == 0.0


# What a square metre rejects


@pytest.mark.parametrize(("kelvin", "watts"), [(300, 413.3703), (360, 857.1646)])
def test_one_side_of_a_good_surface_against_a_cold_sky(kelvin, watts):
    assert float(rejected(kelvin)) == pytest.approx(watts, abs=5e-5)


def test_a_black_plate_at_a_thousand_kelvin_rejects_56_7_kilowatts():
    assert float(rejected(1_000, emissivity_share=1)) == pytest.approx(56_703.74419, rel=1e-12)


def test_a_two_sided_plate_at_20_degrees_emits_770_watts():
    # As published: emissivity 0.92, 770 W/m2 out, and 633 W/m2 net of the 137 it takes up
    plate = {"emissivity_share": 0.92, "radiating_sides_count": 2}
    assert float(rejected(293.15, **plate)) == pytest.approx(770, abs=1)
    assert float(rejected(293.15, 190, **plate)) == pytest.approx(633, abs=2)


def test_a_radiator_as_warm_as_its_sink_rejects_nothing_and_a_cooler_one_takes_up_heat():
    assert float(rejected(255, 255)) == 0.0
    assert float(rejected(200, 255)) < 0.0


def test_the_second_side_rejects_as_much_as_the_first():
    assert float(rejected(300, 200, radiating_sides_count=2)) == 2 * float(rejected(300, 200))


# How much of it


def test_a_gigawatt_at_333_kelvin_needs_three_quarters_of_a_square_kilometre():
    # 2 x 0.92 x 5.670374419e-8 x 333^4 = 1,282.94 W/m2
    assert float(area(1e9, 333, emissivity_share=0.92, radiating_sides_count=2)) == pytest.approx(779_459.4, abs=0.1)


def test_no_heat_needs_no_radiator():
    assert float(area(0.0, 300)) == 0.0


@pytest.mark.parametrize("sink", [300, 400])
def test_no_area_is_enough_against_a_sink_that_is_as_warm_or_warmer(sink):
    assert float(area(1.0, 300, sink)) == math.inf


def test_a_square_metre_that_rejects_little_needs_many():
    assert radiator_area_m2(heat_w=[1.0, 3.0], radiator_w_per_m2=[0.5, 1.0]).tolist() == [2.0, 3.0]


def test_what_is_not_known_stays_unknown():
    assert math.isnan(float(area(1e6, math.nan)))
    assert math.isnan(float(area(math.nan, 300)))


def test_a_fifth_more_kelvin_needs_less_than_half_the_radiator():
    exact = float(1 / Fraction(12, 10) ** 4)  # 0.482: 1.2^4 is 2.0736
    assert float(area(1e9, 360) / area(1e9, 300)) == pytest.approx(exact, rel=1e-12)
    assert exact == pytest.approx(0.4823, abs=5e-5)


def test_against_a_warm_sink_a_fifth_more_kelvin_saves_more():
    assert float(area(1e9, 360, 255) / area(1e9, 300, 255)) == pytest.approx(0.308, abs=5e-4)


# Laws


kelvins = st.floats(200.0, 600.0)
sinks = st.floats(0.0, 199.0)
powers = st.floats(1.0, 1e10)


@light
@given(powers, st.floats(0.1, 10.0), kelvins, sinks)
def test_area_grows_as_power_does(power, scale, hot, cold):
    assert float(area(power * scale, hot, cold)) == pytest.approx(scale * float(area(power, hot, cold)), rel=1e-12)


@light
@given(powers, kelvins, sinks)
def test_two_sides_need_half_the_area_of_one(power, hot, cold):
    one, two = (float(area(power, hot, cold, radiating_sides_count=sides)) for sides in (1, 2))
    assert two == pytest.approx(one / 2, rel=1e-12)


@light
@given(powers, kelvins, st.floats(1.001, 2.0), sinks)
def test_a_hotter_radiator_is_smaller(power, hot, ratio, cold):
    assert area(power, hot * ratio, cold) < area(power, hot, cold)


@light
@given(powers, kelvins, st.floats(1.001, 2.0))
def test_against_a_sink_of_zero_area_falls_as_the_fourth_power(power, hot, ratio):
    assert float(area(power, hot * ratio) / area(power, hot)) == pytest.approx(ratio**-4, rel=1e-9)


@light
@given(powers, kelvins, sinks, st.floats(0.5, 0.999))
def test_a_warmer_sink_or_a_duller_surface_needs_more(power, hot, cold, dull):
    plain = area(power, hot, cold)
    assert area(power, hot, cold + 0.5) > plain
    assert float(area(power, hot, cold, emissivity_share=0.9 * dull)) == pytest.approx(float(plain) / dull, rel=1e-12)


@light
@given(powers, kelvins, sinks)
def test_what_the_area_rejects_is_the_heat(power, hot, cold):
    assert float(area(power, hot, cold) * rejected(hot, cold)) == pytest.approx(power, rel=1e-12)


ROWS = {
    radiator_temperature_k: {"chip_temperature_k": [353, 363, 20], "chip_to_radiator_drop_k": [20, 0, 20]},
    radiator_w_per_m2: {
        "radiator_temperature_k": [333, 255, 0],
        "sink_temperature_k": [3, 255, 190],
        "emissivity_share": [0.92, 0.5, 1],
        "radiating_sides_count": [2, 1, 1],
    },
    radiator_area_m2: {"heat_w": [1e9, 1e3, 0], "radiator_w_per_m2": [1_283, -5, 0]},
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
