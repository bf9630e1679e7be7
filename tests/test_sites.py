"""Sites: the power their servers need, watts of record, and what a site in orbit is and is not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError, InputError
from colocalc.loading import load_fleet
from colocalc.study.evaluate import evaluate
from colocalc.study.leasing import evaluate_lease, facility_power_mw
from colocalc.study.sites import all_servers_mw, radiators
from colocalc.study.training import gpu_power_share, power_readings

H100 = "pools: [{name: h, gpu: h100-sxm, count: 1_000}]"  # 1,275 W a GPU with its server, 700 W alone
MIXED = "pools: [{name: h, gpu: h100-sxm, count: 1_000, site: a}, {name: g, gpu: gb200-nvl72, count: 720, counted_as: gpu, site: b}]"
TRAINING = "training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 8}}"  # as small
HEAT = "kind: orbital, it_power_mw: 1, chip_temperature_k: 320, chip_to_radiator_drop_k: 20"
COLD = f"{HEAT}, sink_temperature_k: 0, emissivity_share: 0.9, radiating_sides_count: 1"  # 300 K: 413.37 W/m2
ORBIT = f"site: {{{HEAT}}}"
M2_OF_A_MEGAWATT = 1e6 / 413.3702951450812


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def found(*lines):
    return evaluate(case(*lines))


def of(lowered):
    return {row.path: row for row in lowered.assumptions}


def near(value):
    return pytest.approx(value, rel=1e-12)


# Watts of record


def test_the_watts_of_each_pool_are_taken_from_the_catalog_with_their_source():
    lowered = case(MIXED, "sites: {a: {}, b: {}}")
    assert list(lowered.pools.gpu_power_w) == [700, 1_200]
    assert list(lowered.pools.server_power_w) == [1_275, 1_833]
    row = of(lowered)["gpus.gb200-nvl72.server_power_w"]
    assert (row.value, row.unit, row.low, row.high, row.origin) == (1_833, "w", 1_667, 2_014, "catalog")
    assert row.source == load_catalog().gpus["gb200-nvl72"].server_power_w.source
    assert {"mfu", "lease"} <= row.topics


def test_watts_of_a_files_own_gpu_are_given():
    own = "gpus: {mine: {title: M, vendor: V, family: hopper, launch_date: 2026-01-01, link_kind: switched, "
    lowered = case(
        "pools: [{gpu: mine, count: 8}]",
        f"{own}peak_tflop_per_s: {{bf16: 1000}}, gpu_power_w: 500, server_power_w: 900}}}}",
    )
    assert list(lowered.pools.server_power_w) == [900]
    assert of(lowered)["gpus.mine.gpu_power_w"].origin == "given"


def test_unknown_watts_are_nan_and_no_row_of_record():
    lowered = case("pools: [{gpu: tpu-v5p, count: 8_960}]")
    assert np.isnan(lowered.pools.server_power_w).all()
    assert "gpus.tpu-v5p.server_power_w" not in of(lowered)


def test_watts_can_not_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        case(H100).pools.server_power_w[0] = 1.0


def test_every_study_of_power_reads_the_watts_of_the_case():
    base = case(H100, TRAINING, "site: {}", "lease: {rate_usd_per_gpu_h: 2}")
    hot = replace(base, pools=replace(base.pools, server_power_w=np.asarray([2_550.0])))  # twice the watts
    assert facility_power_mw(hot) == near(2 * facility_power_mw(base))
    assert evaluate_lease(hot).power_cost_usd_per_yr == near(2 * evaluate_lease(base).power_cost_usd_per_yr)
    capped = case(H100, TRAINING, "site: {it_power_mw: 0.9, draw: nameplate}")
    watts = replace(capped.pools, gpu_power_w=np.asarray([350.0]), server_power_w=np.asarray([700.0]))
    # Hosts of 575 W, then of 350 W, are served first.
    assert gpu_power_share(capped, capped.sites) == near([(0.9e6 - 575e3) / 700e3])
    assert gpu_power_share(replace(capped, pools=watts), capped.sites) == near([(0.9e6 - 350e3) / 350e3])


def test_watts_may_differ_between_scenarios():
    base = case(MIXED, "sites: {a: {pue_factor: 1}, b: {pue_factor: 2}}")
    watts = np.asarray([[1_000.0, 1_000.0], [2_000.0, 500.0], [np.nan, 1.0]])
    many = replace(base, pools=replace(base.pools, server_power_w=watts))
    assert all_servers_mw(many, np.ones(())) == pytest.approx([1 + 1.44, 2 + 0.72, np.nan], nan_ok=True)


# What servers need


def test_need_is_the_servers_watts_through_pue_at_nameplate_and_as_they_draw():
    metrics = found(H100, "site: {facility_power_mw: 3, pue_factor: 1.2}").metrics
    assert metrics["fleet.nameplate_power_mw"] == near(1.275 * 1.2)
    assert metrics["fleet.typical_power_mw"] == near(1.275 * 1.2 * 0.7)


@pytest.mark.parametrize("site", ["{}", "{it_power_mw: 9}", "{facility_power_mw: 0.1}", "{draw: nameplate}"])
def test_need_is_that_of_the_servers_whatever_power_there_is_and_whatever_draw_is_assumed(site):
    metrics = found(H100, f"site: {site}").metrics
    assert metrics["fleet.nameplate_power_mw"] == near(1.275 * 1.25)
    assert metrics["fleet.typical_power_mw"] == near(1.275 * 1.25 * 0.7)


def test_each_site_has_its_own_pue():
    metrics = found(MIXED, "sites: {a: {pue_factor: 1.1}, b: {pue_factor: 1.5}}").metrics
    assert metrics["fleet.nameplate_power_mw"] == near(1.275 * 1.1 + 0.72 * 1.833 * 1.5)


def test_what_colossus_needs_is_more_than_300_megawatts_at_nameplate_and_less_as_it_draws(evaluated):
    metrics = evaluated("colossus-1").metrics
    # 200,000 x 1,275 W and 20,000 x 1,833 W at a PUE of 1.25
    assert metrics["fleet.nameplate_power_mw"] == near(291.66 * 1.25)
    assert metrics["fleet.typical_power_mw"] == near(291.66 * 1.25 * 0.7)


def test_without_a_site_no_power_is_needed_anywhere():
    undefined = found(H100).undefined
    assert undefined["fleet.nameplate_power_mw"] == undefined["fleet.typical_power_mw"] == "needs a site"


def test_unknown_watts_leave_the_need_undefined_and_are_named():
    undefined = found("pools: [{gpu: h100-sxm, count: 8}, {gpu: tpu-v5p, count: 64}]", "site: {}").undefined
    assert undefined["fleet.nameplate_power_mw"] == "no server power is known for tpu-v5p"
    assert undefined["fleet.typical_power_mw"] == "no server power is known for tpu-v5p"


# Orbit


def test_a_site_in_orbit_needs_radiators_for_all_of_its_it_power():
    metrics = found(H100, f"site: {{{COLD}}}").metrics
    assert metrics["fleet.radiator_w_per_m2"] == near(413.3702951450812)
    assert metrics["fleet.radiator_area_m2"] == near(M2_OF_A_MEGAWATT)


def test_radiators_of_several_sites_add_up_and_the_ground_has_none():
    three = MIXED.replace("]", ", {name: k, gpu: h200-sxm, count: 8, site: c}]")
    hot = COLD.replace("chip_temperature_k: 320", "chip_temperature_k: 380").replace("it_power_mw: 1", "it_power_mw: 3")
    metrics = found(three, f"sites: {{a: {{{COLD}}}, b: {{facility_power_mw: 50}}, c: {{{hot}}}}}").metrics
    # 360 K rejects 1.2^4 as much
    area = M2_OF_A_MEGAWATT * (1 + 3 / 2.0736)
    assert metrics["fleet.radiator_area_m2"] == near(area)
    assert metrics["fleet.radiator_w_per_m2"] == near(4e6 / area)


@pytest.mark.parametrize("lines", [(H100,), (H100, "site: {facility_power_mw: 3}")])
def test_without_a_site_in_orbit_radiators_are_undefined(lines):
    result = found(*lines)
    for name in ("fleet.radiator_area_m2", "fleet.radiator_w_per_m2"):
        assert name not in result.metrics
        assert result.undefined[name] == "needs a site with kind: orbital"


def test_what_a_file_does_not_say_of_a_radiator_is_assumed_with_its_source():
    lowered = case(H100, ORBIT)
    rows = of(lowered)
    for key, value in {"sink_temperature_k": 190, "emissivity_share": 0.92, "radiating_sides_count": 2}.items():
        row = rows[f"sites.site.{key}"]
        assert (row.value, row.origin, row.source) == (value, "assumed", "starcloud-wp")
        assert list(getattr(lowered.sites, key)) == [value]
    assert rows["sites.site.chip_temperature_k"].origin == "given"


def test_a_site_on_the_ground_has_no_radiator_and_no_such_assumptions():
    lowered = case(H100, "site: {it_power_mw: 2}")
    assert np.isnan(lowered.sites.chip_temperature_k).all()
    assert not [path for path in of(lowered) if "temperature" in path or "emissivity" in path]


def test_in_orbit_there_is_no_plant_and_power_costs_nothing_unless_a_price_is_given():
    lease = "lease: {rate_usd_per_gpu_h: 2}"
    free, paid = (case(H100, f"site: {{{HEAT}{price}}}", lease) for price in ("", ", energy_price_usd_per_mwh: 40"))
    assert list(free.sites.pue_factor) == [1.0]
    assert facility_power_mw(free) == 1.0
    assert evaluate_lease(free).power_cost_usd_per_yr == 0.0
    assert evaluate_lease(paid).power_cost_usd_per_yr == near(1 * 8_760 * 40)
    assert of(free)["sites.site.energy_price_usd_per_mwh"].source == "convention"


def test_orbit_is_no_longer_among_the_keys_without_a_model():
    assert not [remark.text for remark in case(H100, ORBIT).remarks if "not used yet" in remark.text]


def test_in_orbit_gpus_are_capped_by_it_power_and_there_is_one_reading_of_it():
    lowered = case(H100, TRAINING, f"site: {{{HEAT}, draw: nameplate}}")
    assert gpu_power_share(lowered, lowered.sites) == near([(1e6 - 575e3) / 700e3])
    readings = power_readings(lowered)
    assert [(row[1], row[2], row[3], row[6]) for row in readings] == [
        (1.0, "it power", "typical", False),
        (1.0, "it power", "nameplate", True),
    ]


def test_radiators_of_many_scenarios_are_those_of_each():
    sites = case(H100, ORBIT).sites
    chips = np.asarray([[300.0], [353.0], [419.6]])
    area, rejected = radiators(replace(sites, chip_temperature_k=chips))
    alone = [radiators(replace(sites, chip_temperature_k=chip)) for chip in chips]
    assert list(area) == [one for one, _ in alone]
    assert list(rejected) == [one for _, one in alone]
    assert area[0] > area[1] > area[2]


@pytest.mark.parametrize(("kelvin", "warns"), [(363, False), (364, True)])
def test_chips_hotter_than_gpus_stand_are_warned_of(kelvin, warns):
    lowered = case(H100, f"site: {{{HEAT.replace('320', str(kelvin))}}}")
    warnings = [remark.text for remark in lowered.remarks if remark.kind == "warning"]
    assert [text.startswith(f"site site: chips at {kelvin} K are above 363.1 K") for text in warnings] == [True] * warns


# What is refused


ONE = "pools: [{gpu: h100-sxm, count: 8}]\n"
REFUSED = {
    "no power": (HEAT.replace("it_power_mw: 1, ", ""), "site.it_power_mw: missing: the power that the radiators"),
    "no chips": (HEAT.replace("chip_temperature_k: 320, ", ""), "site.chip_temperature_k: missing: how hot the chips"),
    "no drop": (HEAT.replace(", chip_to_radiator_drop_k: 20", ""), "site.chip_to_radiator_drop_k: missing: how much"),
    "a meter": (HEAT.replace("it_power_mw", "facility_power_mw"), "site.facility_power_mw: an orbital site has no"),
    "a plant": (f"{HEAT}, pue_factor: 1.1", "site.pue_factor: an orbital site has no cooling plant"),
    "the ground": ("it_power_mw: 1, emissivity_share: 0.9", "site.emissivity_share: belongs to a site that cools by"),
    "no kind": (HEAT.replace("kind: orbital, ", ""), "site.chip_temperature_k: belongs to a site that cools by"),
    "too cold": (f"{HEAT}, sink_temperature_k: 300", "site.chip_temperature_k: should be above chip_to_radiator"),
    "all drop": (HEAT.replace("drop_k: 20", "drop_k: 320"), "site.chip_temperature_k: should be above chip_to"),
    "below zero": (HEAT.replace("320", "-1"), "site.chip_temperature_k: should be at least 0"),
    "no surface": (f"{HEAT}, emissivity_share: 0", "site.emissivity_share: should be above 0"),
    "too good": (f"{HEAT}, emissivity_share: 1.1", "site.emissivity_share: should be at most 1"),
    "three sides": (f"{HEAT}, radiating_sides_count: 3", "site.radiating_sides_count: should be at most 2"),
    "half a side": (f"{HEAT}, radiating_sides_count: 1.5", "site.radiating_sides_count: should be a whole number"),
    "degrees": (f"{HEAT}, sink_temperature_c: 20", "site.sink_temperature_c: unknown key; did you mean sink_temp"),
}


@pytest.mark.parametrize(("site", "message"), REFUSED.values(), ids=REFUSED)
def test_a_site_that_can_not_be_is_refused_on_its_line(site, message):
    with pytest.raises(InputError) as refused:
        case(H100, f"site: {{{site}}}")
    (fault,) = refused.value.faults
    assert str(fault).partition(": ")[2].startswith(message)
    assert fault.line == 3


def test_chips_in_degrees_celsius_are_refused_whatever_the_sink():
    with pytest.raises(
        ColocalcError,
        match=r"chip_temperature_k: should be above .* the assumed sink_temperature_k of 190 K; kelvin is",
    ):
        case(H100, f"site: {{{HEAT.replace('320', '60')}}}")


def test_an_override_can_not_take_a_site_to_orbit_without_its_temperatures(colocalc):
    run = colocalc("mfu", "neocloud-1k-h100", "--set", "sites.colo.kind=orbital")
    assert run.code == 3
    assert "sites.colo.facility_power_mw: an orbital site has no meter" in run.err


# The table


def test_the_sites_are_told_with_what_they_have_and_what_their_servers_need(colocalc):
    document = json.loads(colocalc("mfu", "colossus-1", "--format", "json").out)
    (row,) = document["tables"]["sites"]
    assert (row["site"], row["kind"], row["given_power_mw"]) == ("memphis", "ground", 300)
    assert row["nameplate_power_mw"] == near(document["metrics"]["fleet.nameplate_power_mw"])
    assert row["typical_power_mw"] == near(document["metrics"]["fleet.typical_power_mw"])
    assert row["given_nameplate_share"] == near(300 / 364.575)
    assert not [key for key in row if key.startswith("radiator")]


def test_radiators_are_told_beside_the_sites_and_the_ground_has_a_dash(colocalc):
    fleet = f"name: x\n{MIXED}\nsites: {{a: {{{COLD}}}, b: {{}}}}\n"
    document = json.loads(colocalc("mfu", "-", "--format", "json", stdin=fleet.encode()).out)
    orbit, ground = document["tables"]["sites"]
    assert orbit["radiator_temperature_k"] == 300
    assert orbit["radiator_area_m2"] == near(M2_OF_A_MEGAWATT)
    assert (ground["radiator_temperature_k"], ground["radiator_area_m2"], ground["given_power_mw"]) == (None,) * 3


def test_a_fleet_without_a_site_has_no_such_table(colocalc):
    document = json.loads(colocalc("mfu", "meta-llama3-16k", "--format", "json").out)
    assert "sites" not in document["tables"]
