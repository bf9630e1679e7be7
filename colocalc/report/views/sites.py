"""Sites in a table: the power they have beside what their servers need, and the radiators of those in orbit."""

import numpy as np

from colocalc.case import Case
from colocalc.report.table import Column, Table
from colocalc.report.views.common import number
from colocalc.study.leasing import site_facility_power_mw
from colocalc.study.sites import radiator_area_m2, radiator_temperature_k, radiator_w_per_m2, servers_mw

_POWER = (
    Column("site", "Site", kind="text"),
    Column("kind", "Kind", kind="text", wide=True),
    Column("given_power_mw", "Given", "mw"),
    Column("nameplate_power_mw", "Nameplate need", "mw"),
    Column("typical_power_mw", "Typical need", "mw"),
    Column("given_nameplate_share", "Of nameplate", "share"),
)
_RADIATOR = (
    Column("radiator_temperature_k", "Radiator at", "k"),
    Column("radiator_w_per_m2", "Rejects", "w_per_m2"),
    Column("radiator_area_m2", "Radiator", "m2"),
)


def tables(case: Case) -> tuple[Table, ...]:
    """The sites, or nothing where the fleet has none; radiators only where a site is in orbit."""
    if not case.sites.names:
        return ()
    in_orbit = "orbital" in case.sites.kinds
    rows = tuple(
        (*_power(case, place), *(_radiator(case, place) if in_orbit else ())) for place in range(len(case.sites.names))
    )
    caption = "At the meter: IT power times PUE. Need: of the servers there, at their stated maximum and as they draw."
    if in_orbit:
        caption += " In orbit: IT power, all of it radiated; a square metre of panel counts once."
    columns = (*_POWER, *_RADIATOR) if in_orbit else _POWER
    return (Table("sites", "Power of the sites, and what their servers need", columns, rows, caption=caption),)


def _power(case: Case, place: int) -> tuple[object, ...]:
    sites = case.sites
    given = number(site_facility_power_mw(sites, place))
    nameplate = number(servers_mw(case, place, np.ones(())))
    typical = number(servers_mw(case, place, sites.typical_draw_share[..., place]))
    share = given / nameplate if given is not None and nameplate else None
    return sites.names[place], sites.kinds[place], given, nameplate, typical, share


def _radiator(case: Case, place: int) -> tuple[object, ...]:
    found = (radiator_temperature_k(case.sites), radiator_w_per_m2(case.sites), radiator_area_m2(case.sites))
    return tuple(number(values[..., place]) for values in found)
