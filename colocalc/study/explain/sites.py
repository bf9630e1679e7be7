"""Megawatts of sites and what of them is under contract, in symbols."""

import numpy as np

from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft
from colocalc.study.training import it_power_mw
from colocalc.units import WATTS_PER_MW


def fleet_mw(context: Context, draft: Draft) -> str:
    """Megawatts at the meters of all sites."""
    return draft.sum([site_mw(context, draft, number) for number in range(len(context.case.sites.names))], "sites")


def site_mw(context: Context, draft: Draft, number: int) -> str:
    """Megawatts at the meter of one site: given, else through PUE, else the draw of its servers."""
    sites = context.case.sites
    if not np.isnan(sites.facility_power_mw[number]):
        return _given_mw(context, draft, number, "facility_power_mw")
    return f"{it_mw(context, draft, number)} * {pue(context, draft, number)}"


def it_mw(context: Context, draft: Draft, number: int) -> str:
    """Megawatts of IT equipment of one site: given, else through PUE, else the draw of its servers."""
    sites = context.case.sites
    if not np.isnan(sites.it_power_mw[number]):
        return _given_mw(context, draft, number, "it_power_mw")
    if not np.isnan(it_power_mw(sites, number)):
        return f"{_given_mw(context, draft, number, 'facility_power_mw')} / {pue(context, draft, number)}"
    return f"{servers_mw(context, draft, number)} * {_draw(context, draft, number)}"


def _given_mw(context: Context, draft: Draft, number: int, field: str) -> str:
    letter, meaning = {
        "facility_power_mw": ("P", "megawatts at the meter"),
        "it_power_mw": ("I", "megawatts of IT equipment"),
    }[field]
    value = getattr(context.case.sites, field)[number]
    return draft.given(f"{letter}_{_end(context, number)}", value, "mw", meaning, f"{_path(context, number)}.{field}")


def pue(context: Context, draft: Draft, number: int) -> str:
    """The symbol for the power usage effectiveness of a site."""
    value = context.case.sites.pue_factor[number]
    meaning = "power at the meter over that of IT equipment"
    return draft.given(f"pue_{_end(context, number)}", value, "factor", meaning, f"{_path(context, number)}.pue_factor")


def typical_draw(context: Context, draft: Draft, number: int) -> str:
    """The symbol for the typical draw of a site's servers over nameplate."""
    value = context.case.sites.typical_draw_share[number]
    path = f"{_path(context, number)}.typical_draw_share"
    return draft.given(
        f"typical_{_end(context, number)}", value, "share", "typical draw of the servers over nameplate", path
    )


def _draw(context: Context, draft: Draft, number: int) -> str:
    value = context.case.sites.draw_share[number]
    paths = [f"{_path(context, number)}.draw"]
    if value != 1.0:
        paths.append(f"{_path(context, number)}.typical_draw_share")
    return draft.given(f"draw_{_end(context, number)}", value, "share", "draw of the servers over nameplate", *paths)


def servers_mw(context: Context, draft: Draft, number: int) -> str:
    """Nameplate megawatts of the servers of one site."""
    pools = context.case.pools
    here = [pool for pool, site in enumerate(pools.site_names) if site == context.case.sites.names[number]]
    parts = [f"{context.gpus(draft, pool)} * {_server(context, draft, pool)}" for pool in here if pools.gpu_count[pool]]
    return f"({draft.sum(parts)}) / {WATTS_PER_MW:.0f}"


def _server(context: Context, draft: Draft, pool: int) -> str:
    pools = context.case.pools
    path = f"gpus.{pools.gpus[pool].id}.server_power_w"
    meaning = "server maximum per GPU"
    return draft.given(f"W_{context.ends[pool]}", pools.server_power_w[pool], "w", meaning, path)


def contracted(context: Context, draft: Draft, number: int | None) -> str:
    """The symbol for the share of nameplate that is under contract, of one site or of the fleet."""
    pools, lease = context.case.pools, context.case.lease
    site = None if number is None else context.case.sites.names[number]
    known = not np.isnan(pools.server_power_w).any()
    weight = pools.gpu_count * (pools.server_power_w if known else 1.0)
    here = weight * np.asarray([site is None or name == site for name in pools.site_names])
    under = np.asarray([contract >= 0 for contract in lease.contract_index] if lease else [], dtype=np.float64)
    total = float(np.sum(here))
    share = float(np.sum(here * under)) / total if total > 0.0 else 0.0
    symbol = "share" if number is None else f"share_{_end(context, number)}"
    what = "nameplate" if known else "GPUs"
    where = "the fleet" if site is None else site
    return draft.worked(symbol, share, "share", f"part of the {what} of {where} under contract")


def energy_price(context: Context, draft: Draft, number: int) -> str:
    """The symbol for a site's price of energy."""
    value = context.case.sites.energy_price_usd_per_mwh[number]
    path = f"{_path(context, number)}.energy_price_usd_per_mwh"
    return draft.given(f"price_{_end(context, number)}", value, "usd_per_mwh", "price of energy", path)


def _end(context: Context, number: int) -> str:
    return context.site_ends[number]


def _path(context: Context, number: int) -> str:
    return f"sites.{context.case.sites.names[number]}"
