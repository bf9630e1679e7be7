"""The sample in orbit, and the numbers behind its radiator."""

import pytest

from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.units import STEFAN_BOLTZMANN_W_PER_M2_K4

CATALOG = load_catalog()
SAMPLE = "orbital-1gw"
ORBITAL = [key for key in CATALOG.defaults if key.startswith("sites.orbital.")]


@pytest.fixture(scope="module")
def fleet():
    return load_fleet(SAMPLE, catalog=CATALOG).fleet


@pytest.fixture
def area(evaluated):
    def of(scenario=None):
        return float(evaluated(SAMPLE, scenario=scenario).metrics["fleet.radiator_area_m2"])

    return of


def default(name):
    return float(CATALOG.default(f"sites.orbital.{name}").value)


# Defaults


def test_what_is_assumed_of_orbit_is_there():
    assert {key.rpartition(".")[2] for key in ORBITAL} == {
        "pue_factor",
        "energy_price_usd_per_mwh",
        "sink_temperature_k",
        "emissivity_share",
        "radiating_sides_count",
        "chip_temperature_limit_k",
    }


def test_the_surface_and_its_surroundings_are_those_of_the_published_plate():
    # Two sides at 20 degrees Celsius emit 770 W/m2 and take up 137 W/m2.
    surface = default("radiating_sides_count") * default("emissivity_share") * STEFAN_BOLTZMANN_W_PER_M2_K4
    assert surface * 293.15**4 == pytest.approx(770, abs=1)
    assert surface * default("sink_temperature_k") ** 4 == pytest.approx(137, abs=1.5)


def test_the_limit_of_chips_is_90_degrees_in_a_band_from_where_clocks_fall_to_the_last_shutdown():
    limit = CATALOG.default("sites.orbital.chip_temperature_limit_k")
    assert (limit.value, limit.low, limit.high) == pytest.approx((90 + 273.15, 83 + 273.15, 92 + 273.15))


# The sample


def test_the_fleet_is_as_many_racks_as_a_gigawatt_feeds(fleet, evaluated):
    site = fleet.sites["orbit"]
    need = float(evaluated(SAMPLE).metrics["fleet.nameplate_power_mw"])
    rack_mw = 72 * CATALOG.gpus["gb300-nvl72"].server_power_w.value / 1e6
    assert site.it_power_mw.value == 1_000
    assert need <= site.it_power_mw.value < need + rack_mw


def test_what_no_source_gives_is_marked_as_assumed(fleet):
    site = fleet.sites["orbit"]
    figures = (site.it_power_mw, site.chip_temperature_k, site.chip_to_radiator_drop_k, site.sink_temperature_k)
    assert all(figure.source is None and figure.note.startswith("assumed: ") for figure in figures)


def test_the_hotter_radiator_is_20_percent_hotter_in_kelvin(fleet):
    base = fleet.sites["orbit"]
    hotter = load_fleet(SAMPLE, catalog=CATALOG, scenario="hotter").fleet.sites["orbit"]
    drop = base.chip_to_radiator_drop_k.value
    assert base.chip_temperature_k.value - drop == 333
    assert hotter.chip_temperature_k.value - drop == pytest.approx(1.2 * 333)


def test_hotter_by_a_fifth_halves_the_radiator_and_more_where_the_sky_is_warm(area):
    assert area("hotter") / area() == pytest.approx(0.482, abs=5e-4)
    assert area("low-orbit-hotter") / area("low-orbit") == pytest.approx(0.454, abs=5e-4)


def test_one_side_takes_twice_the_panel_and_sunlight_an_eighth_more(area):
    assert area("one-side") == pytest.approx(2 * area())
    assert area("low-orbit") / area() == pytest.approx(1 / (1 - (190 / 333) ** 4), rel=1e-6)


def test_the_chips_of_the_base_stand_it_and_those_of_the_hotter_one_do_not(colocalc):
    told = {
        name: colocalc("mfu", SAMPLE, *options).err
        for name, options in {
            "base": (),
            "limit": ("--scenario", "limit"),
            "hotter": ("--scenario", "hotter"),
        }.items()
    }
    assert [name for name, text in told.items() if "where GPUs shut down" in text] == ["hotter"]


def test_the_claims_are_about_the_hotter_radiator_and_its_chips(fleet):
    ratio, chips = fleet.claims
    assert (ratio.id, ratio.metric, ratio.scenario, ratio.relative_to) == (
        "space-t4",
        "fleet.radiator_area_m2",
        "hotter",
        "base",
    )
    assert ratio.says.at_most == 0.5
    assert (chips.input, chips.scenario) == ("sites.orbit.chip_temperature_k", "hotter")
    hotter = load_fleet(SAMPLE, catalog=CATALOG, scenario="hotter").fleet.sites["orbit"]
    assert chips.says.at_most == CATALOG.default("sites.orbital.chip_temperature_limit_k").high
    assert hotter.chip_temperature_k.value > chips.says.at_most


def test_what_the_sample_expects_holds(colocalc):
    run = colocalc("check", SAMPLE)
    assert run.code == 0, run.err
