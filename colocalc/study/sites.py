"""Sites evaluated: the power their servers need, and the radiators of those in orbit."""

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, Sites
from colocalc.mfu import power, radiator
from colocalc.units import WATTS_PER_MW


def servers_mw(case: Case, number: int, draw_share: Array) -> Array:
    """Megawatts at the meter of one site if its servers drew this share of nameplate; NaN where watts are unknown."""
    here = [site == case.sites.names[number] for site in case.pools.site_names]
    need_w = power.nameplate_power_w(
        gpu_count=np.where(here, case.pools.gpu_count, 0.0),
        server_power_w=np.where(here, case.pools.server_power_w, 0.0),
    )
    return need_w / WATTS_PER_MW * draw_share * case.sites.pue_factor[..., number]


def all_servers_mw(case: Case, draw_share: Array) -> Array:
    """Megawatts at the meters of all sites, of a draw ``(..., site)`` or one for all; NaN without a site."""
    sites = case.sites
    if not sites.names:
        return np.asarray(np.nan)
    shares = np.broadcast_to(draw_share, np.broadcast_shapes(np.shape(draw_share), (len(sites.names),)))
    return sum((servers_mw(case, number, shares[..., number]) for number in range(len(sites.names))), np.zeros(()))


def radiator_w_per_m2(sites: Sites) -> Array:
    """Heat that a square metre of each site's radiator rejects, ``(..., site)``; NaN on the ground."""
    return radiator.radiator_w_per_m2(
        radiator_temperature_k=radiator_temperature_k(sites),
        sink_temperature_k=sites.sink_temperature_k,
        emissivity_share=sites.emissivity_share,
        radiating_sides_count=sites.radiating_sides_count,
    )


def radiator_temperature_k(sites: Sites) -> Array:
    """Temperature of each site's radiator, ``(..., site)``; NaN on the ground."""
    return radiator.radiator_temperature_k(
        chip_temperature_k=sites.chip_temperature_k, chip_to_radiator_drop_k=sites.chip_to_radiator_drop_k
    )


def radiator_area_m2(sites: Sites) -> Array:
    """Radiator of each site, ``(..., site)``; NaN on the ground."""
    return radiator.radiator_area_m2(
        heat_w=sites.it_power_mw * WATTS_PER_MW, radiator_w_per_m2=radiator_w_per_m2(sites)
    )


def radiators(sites: Sites) -> tuple[Array, Array]:
    """Radiator of all orbital sites [m2] and the heat that a square metre of it rejects; NaN where none is in orbit."""
    orbital = np.asarray([kind == "orbital" for kind in sites.kinds], dtype=bool)
    if not orbital.any():
        return np.asarray(np.nan), np.asarray(np.nan)
    area = np.sum(np.where(orbital, radiator_area_m2(sites), 0.0), axis=-1)
    heat_w = np.sum(np.where(orbital, sites.it_power_mw, 0.0), axis=-1) * WATTS_PER_MW
    return area, heat_w / area
