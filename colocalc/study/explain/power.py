"""The GPUs of a fleet, the power they need and the radiators of sites in orbit, explained."""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.sites import it_mw, pue, servers_mw, typical_draw
from colocalc.units import STEFAN_BOLTZMANN_W_PER_M2_K4, WATTS_PER_MW


def gpu_count(context: Context, draft: Draft) -> str:
    """GPUs of each pool, from what was counted."""
    return draft.sum([_counted(context, draft, pool) for pool in context.asked])


def _counted(context: Context, draft: Draft, pool: int) -> str:
    pools = context.case.pools
    name, unit = pools.names[pool], pools.definitions[pool].counted_as
    per = f"gpus.{pools.gpus[pool].id}.{unit}_gpu_count"
    count = context.assumptions.get(f"pools.{name}.count")
    if f"pools.{name}.gpu_count" not in context.assumptions or count is None:
        return context.gpus(draft, pool)
    units = draft.given(f"k_{context.ends[pool]}", count.value, "count", f"{unit}s of {name}", count.path)
    each = draft.given(f"g_{context.ends[pool]}", context.assumptions[per].value, "count", f"GPUs of a {unit}", per)
    return f"{units} * {each}"


def nameplate_power(context: Context, draft: Draft) -> str:
    """Servers at their maximum, times PUE."""
    sites = range(len(context.case.sites.names))
    return draft.sum(
        [f"{servers_mw(context, draft, number)} * {pue(context, draft, number)}" for number in sites], "sites"
    )


def typical_power(context: Context, draft: Draft) -> str:
    """Servers at their typical draw, times PUE."""
    parts = [
        f"{servers_mw(context, draft, number)} * {typical_draw(context, draft, number)} * {pue(context, draft, number)}"
        for number in range(len(context.case.sites.names))
    ]
    return draft.sum(parts, "sites")


def radiator_area(context: Context, draft: Draft) -> str:
    """Heat of each orbital site over what a square metre of its radiator rejects."""
    parts = [
        f"{it_mw(context, draft, number)} * {WATTS_PER_MW:.0f} / ({_rejected(context, draft, number)})"
        for number in _orbital(context)
    ]
    return draft.sum(parts, "sites")


def radiator_density(context: Context, draft: Draft) -> str:
    """What a square metre rejects; of several orbital sites, their heat over their radiators."""
    orbital = _orbital(context)
    if len(orbital) == 1:
        return _rejected(context, draft, orbital[0])
    heat = [it_mw(context, draft, number) for number in orbital]
    return f"({draft.sum(heat, 'sites')}) * {WATTS_PER_MW:.0f} / ({radiator_area(context, draft)})"


def _orbital(context: Context) -> list[int]:
    sites = context.case.sites
    return [number for number, kind in enumerate(sites.kinds) if kind == "orbital"]


def _rejected(context: Context, draft: Draft, number: int) -> str:
    def given(letter: str, field: str, unit: str, meaning: str) -> str:
        value = np.asarray(getattr(context.case.sites, field))[number]
        path = f"sites.{context.case.sites.names[number]}.{field}"
        return draft.given(f"{letter}_{context.site_ends[number]}", value, unit, meaning, path)

    sides = given("sides", "radiating_sides_count", "count", "sides of a panel that radiate")
    emissivity = given("eps", "emissivity_share", "share", "share of a black body's light")
    chip = given("T_chip", "chip_temperature_k", "k", "temperature of the silicon")
    drop = given("T_drop", "chip_to_radiator_drop_k", "k", "from the silicon to the radiating surface")
    sink = given("T_sink", "sink_temperature_k", "k", "surroundings that Sun and Earth are worth")
    black = draft.worked("stefan_boltzmann", STEFAN_BOLTZMANN_W_PER_M2_K4, None, "W per m2 and K4, of the SI of 2019")
    emitted = f"({chip} - {drop}) ** 4 - {sink} ** 4"
    return f"{sides} * {emissivity} * {black} * ({emitted})"


WRITERS: Mapping[str, Callable[[Context, Draft], str]] = {
    "fleet.gpu_count": gpu_count,
    "fleet.nameplate_power_mw": nameplate_power,
    "fleet.typical_power_mw": typical_power,
    "fleet.radiator_area_m2": radiator_area,
    "fleet.radiator_w_per_m2": radiator_density,
}
