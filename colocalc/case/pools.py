"""Pools and sites lowered: counts of GPUs whatever was counted, and the power each site can give."""

from dataclasses import dataclass, fields

from colocalc.arrays import Array
from colocalc.case.ledger import Ledger, Topic, array, per_type
from colocalc.errors import ColocalcError
from colocalc.figure import Figure
from colocalc.fleet import Fleet, Pool, PoolReliability, Site
from colocalc.hardware import GpuType
from colocalc.units import text

# What makes two pools one: name, GPU, site, what is counted, failure rate.
_Identity = tuple[str, str, str | None, str | None, PoolReliability | None]


@dataclass(frozen=True, eq=False)
class Pools:
    """The pools of a fleet; arrays are ``(..., pool)``, watts NaN where not known."""

    names: tuple[str, ...]
    gpus: tuple[GpuType, ...]
    definitions: tuple[Pool, ...]
    gpu_count: Array
    gpu_power_w: Array
    server_power_w: Array
    site_names: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Sites:
    """The sites of a fleet; arrays are ``(..., site)``, NaN where not given or not of the site's kind."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    facility_power_mw: Array
    it_power_mw: Array
    pue_factor: Array
    draw_share: Array
    typical_draw_share: Array
    energy_price_usd_per_mwh: Array
    smoothing_floor_share: Array
    waiting_power_share: Array
    smoothing_factor: Array
    chip_temperature_k: Array
    chip_to_radiator_drop_k: Array
    sink_temperature_k: Array
    emissivity_share: Array
    radiating_sides_count: Array


def lower_pools(fleet: Fleet, ledger: Ledger) -> Pools:
    """The pools, identical ones of one site merged, with counts in GPUs."""
    merged: dict[_Identity, list[tuple[Pool, GpuType]]] = {}
    only_site = next(iter(fleet.named_sites)) if len(fleet.named_sites) == 1 else None
    for pool in fleet.pools:
        gpu, exact = ledger.catalog.gpu(pool.gpu)
        if not exact:
            ledger.remark(f"{pool.gpu} is read as {gpu.id}: {gpu.title}", "mfu", "lease", "h100e")
        label = pool.name or gpu.id
        key: _Identity = (label, gpu.id, pool.site or only_site, pool.counted_as, pool.reliability)
        merged.setdefault(key, []).append((pool, gpu))
    names, gpus, counts, sites = [], [], [], []
    for key, members in merged.items():
        label, site = key[0], key[2]
        names.append(label)
        gpus.append(members[0][1])
        sites.append(site)
        counts.append(_gpu_count(_joined([pool for pool, _ in members]), members[0][1], label, ledger))
    return Pools(
        names=tuple(names),
        gpus=tuple(gpus),
        definitions=tuple(members[0][0] for members in merged.values()),
        gpu_count=array(*counts),
        gpu_power_w=per_type(gpus, lambda gpu: _watts(gpu, "gpu_power_w", ledger)),
        server_power_w=per_type(gpus, lambda gpu: _watts(gpu, "server_power_w", ledger)),
        site_names=tuple(sites),
    )


def _watts(gpu: GpuType, field: str, ledger: Ledger) -> float:
    return ledger.fact(f"gpus.{gpu.id}.{field}", getattr(gpu, field), "mfu", "lease")


def _joined(pools: list[Pool]) -> Pool:
    """Pools that are alike as one, its count their sum; it keeps their source where they share one."""
    counts = [pool.count for pool in pools]
    if len(pools) == 1:
        return pools[0]
    lows, highs = (
        [count.value if end is None else end for count, end in zip(counts, ends, strict=True)]
        for ends in ([count.low for count in counts], [count.high for count in counts])
    )
    total = sum(count.value for count in counts)
    sources = {count.source for count in counts}
    joined = Figure(
        total,
        low=sum(lows) if sum(lows) < total else None,
        high=sum(highs) if sum(highs) > total else None,
        source=sources.pop() if len(sources) == 1 else None,
        note=f"the sum of {len(pools)} entries",
    )
    return pools[0].model_copy(update={"count": joined})


def _gpu_count(pool: Pool, gpu: GpuType, label: str, ledger: Ledger) -> float:
    path = f"pools.{label}.count"
    count = ledger.number(path, pool.count, "mfu", "lease", "hedge", "h100e")
    per = {"gpu": None, "superchip": gpu.superchip_gpu_count, "rack": gpu.rack_gpu_count}[pool.counted_as or "gpu"]
    if pool.counted_as is None and gpu.ambiguous_count:
        readings = [f"{text(count, 'count')} GPUs"]
        if gpu.superchip_gpu_count:
            readings.append(f"{text(count * gpu.superchip_gpu_count.value, 'count')} GPUs if superchips are counted")
        ledger.remark(
            f"pool {label}: the count may mean GPUs or superchips; say counted_as. Read as {', not '.join(readings)}",
            "mfu",
            "lease",
            "h100e",
            kind="warning",
        )
    elif pool.counted_as is None and gpu.count_note:
        ledger.remark(f"pool {label}: {gpu.count_note}", "mfu", "lease", "h100e")
    if per is None:
        return count
    factor = ledger.fact(f"gpus.{gpu.id}.{pool.counted_as}_gpu_count", per, "mfu", "lease", "h100e")
    return ledger.derived(
        f"pools.{label}.gpu_count",
        count * factor,
        "mfu",
        "lease",
        "h100e",
        note=f"{text(count, 'count')} {pool.counted_as}s of {text(factor, 'count')} GPUs",
    )


def lower_sites(fleet: Fleet, ledger: Ledger) -> Sites:
    """The sites' power, price and radiators; which megawatts are meant is kept apart."""
    named = fleet.named_sites
    rows = [
        (*_power(name, site, ledger), *_smoothing(name, site, ledger), *_radiator(name, site, ledger))
        for name, site in named.items()
    ]
    numbers = fields(Sites)[2:]
    columns = [array(*column) for column in zip(*rows, strict=True)] if rows else [array() for _ in numbers]
    return Sites(tuple(named), tuple(site.kind for site in named.values()), *columns)


def _power(name: str, site: Site, ledger: Ledger) -> tuple[float, ...]:
    path = f"sites.{name}"
    # What a site in orbit pays for energy, and loses to cooling, has defaults of its own.
    defaults = "sites.orbital" if site.kind == "orbital" else "sites"
    facility = ledger.number(f"{path}.facility_power_mw", site.facility_power_mw, "mfu", "lease", "hedge", "h100e")
    critical = ledger.number(f"{path}.it_power_mw", site.it_power_mw, "mfu", "lease", "hedge", "h100e")
    # Facility megawatts need no PUE to be billed, and the draw only counts where no megawatts are given.
    billed: tuple[Topic, ...] = ("mfu",) if site.facility_power_mw else ("mfu", "lease")
    unknown: tuple[Topic, ...] = ("mfu",) if site.facility_power_mw or site.it_power_mw else ("mfu", "lease")
    pue = ledger.number(f"{path}.pue_factor", site.pue_factor, *billed, default=f"{defaults}.pue_factor")
    draw = ledger.word(f"{path}.draw", site.draw, *unknown, default="sites.draw")
    typical = ledger.number(f"{path}.typical_draw_share", None, *unknown, default="sites.typical_draw_share")
    share = typical if draw == "typical" else 1.0
    price = ledger.number(
        f"{path}.energy_price_usd_per_mwh",
        site.energy_price_usd_per_mwh,
        "lease",
        "hedge",
        default=f"{defaults}.energy_price_usd_per_mwh",
    )
    return facility, critical, pue, share, typical, price


def _smoothing(name: str, site: Site, ledger: Ledger) -> tuple[float, float, float]:
    """The floor below which GPUs do not draw, what they would draw while they wait, and what of throughput is left."""
    if site.smoothing_floor_share is None:
        return float("nan"), float("nan"), 1.0
    path = f"sites.{name}"
    floor = ledger.number(f"{path}.smoothing_floor_share", site.smoothing_floor_share, "mfu")
    waiting, factor = (
        ledger.number(f"{path}.{key}", None, "mfu", default=f"sites.{key}")
        for key in ("waiting_power_share", "smoothing_factor")
    )
    return floor, waiting, factor


def _radiator(name: str, site: Site, ledger: Ledger) -> tuple[float, ...]:
    """Temperatures and surface of an orbital site's radiators; NaN on the ground."""
    if site.kind != "orbital":
        nan = float("nan")
        return nan, nan, nan, nan, nan
    path = f"sites.{name}"
    chip = ledger.number(f"{path}.chip_temperature_k", site.chip_temperature_k, "mfu")
    drop = ledger.number(f"{path}.chip_to_radiator_drop_k", site.chip_to_radiator_drop_k, "mfu")
    sink, emissivity, sides = (
        ledger.number(f"{path}.{key}", getattr(site, key), "mfu", default=f"sites.orbital.{key}")
        for key in ("sink_temperature_k", "emissivity_share", "radiating_sides_count")
    )
    _check_temperatures(name, chip, drop, sink, ledger)
    return chip, drop, sink, emissivity, sides


def _check_temperatures(name: str, chip_k: float, drop_k: float, sink_k: float, ledger: Ledger) -> None:
    """Refuses a radiator that takes up heat, and warns of chips hotter than they stand."""
    path = f"sites.{name}.chip_temperature_k"
    if chip_k - drop_k <= sink_k:
        raise ColocalcError(
            f"the radiator would be at {text(chip_k - drop_k, 'k')}, no warmer than what it radiates to, "
            f"{text(sink_k, 'k')}",
            where=path,
            hint="temperatures are in kelvin: degrees Celsius plus 273.15",
        )
    limit_k = ledger.number(
        f"sites.{name}.chip_temperature_limit_k", None, "mfu", default="sites.orbital.chip_temperature_limit_k"
    )
    if chip_k > limit_k:
        ledger.remark(
            f"site {name}: chips at {text(chip_k, 'k')} are above {text(limit_k, 'k')}, where GPUs shut down",
            "mfu",
            kind="warning",
        )
