"""Numbers that look as if they were given in another unit: a rate a month, a price a kWh, kilowatts, millions."""

from collections.abc import Iterator

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.lint import known_bands, unit_slip
from colocalc.report.table import Note
from colocalc.report.views.common import number
from colocalc.study.evaluate import Result
from colocalc.study.leasing import site_facility_power_mw, site_nameplate_mw
from colocalc.units import text

_PER_THOUSAND = 1_000.0  # kW of a MW, kWh of a MWh
_ORDER = 10.0  # so far from what is usual a figure may be and still be meant
_COVERED_TOO_OFTEN = 1_000.0


def slips(case: Case, result: Result, catalog: Catalog) -> tuple[Note, ...]:
    """A warning for each number of a fleet that is plausible only in another unit.

    Parameters
    ----------
    case : Case
        The fleet.
    result : Result
        What was computed from it.
    catalog : Catalog
        What things usually cost.
    """
    found = (*_rates(case, catalog), *_energy(case, catalog), *_kilowatts(case), *_loss(result))
    return tuple(Note(sentence, "warning") for sentence in found)


def _rates(case: Case, catalog: Catalog) -> Iterator[str]:
    """Rates of a contract's own; those of cards are looked at with their card."""
    lease = case.lease
    if lease is None:
        return
    own: dict[tuple[str, str], float] = {}
    for place, paths in enumerate(lease.rate_paths):
        rate = number(lease.rate_usd_per_gpu_h[place])
        if rate is not None and paths and not lease.rate_terms[place]:
            own[paths[0], case.pools.gpus[place].id] = rate
    bands = known_bands(catalog) if own else {}
    said = {path: unit_slip(gpu_id, rate, catalog, bands) for (path, gpu_id), rate in own.items()}
    yield from (f"{path}: {slip}" for path, slip in said.items() if slip)


def _energy(case: Case, catalog: Catalog) -> Iterator[str]:
    usual = catalog.default("sites.energy_price_usd_per_mwh")
    low, high = (float(usual.value if end is None else end) for end in (usual.low, usual.high))
    for place, name in enumerate(case.sites.names):
        price = number(case.sites.energy_price_usd_per_mwh[..., place])
        if price and low / _ORDER <= price * _PER_THOUSAND <= high * _ORDER:
            meant = text(price * _PER_THOUSAND, "usd_per_mwh")
            yield (
                f"site {name}: {text(price, 'usd_per_mwh')} of energy looks like a price per kWh: "
                f"per MWh it would be {meant}"
            )


def _kilowatts(case: Case) -> Iterator[str]:
    for place, name in enumerate(case.sites.names):
        given, drawn = number(site_facility_power_mw(case.sites, place)), number(site_nameplate_mw(case, place))
        if given and drawn and drawn / _ORDER <= given / _PER_THOUSAND <= drawn * _ORDER:
            yield f"site {name}: {text(given, 'mw')} look like kilowatts: its servers draw {text(drawn, 'mw')}"


def _loss(result: Result) -> Iterator[str]:
    hedge = result.hedge
    share = None if hedge is None else number(hedge.gross_share)
    if hedge is not None and share is not None and share > _COVERED_TOO_OFTEN:
        loss = text(number(hedge.loss_usd_per_yr), "usd_per_yr")
        yield f"finance.loss_usd: {loss} is nothing beside the lease; it is in USD, not in thousands or millions"
