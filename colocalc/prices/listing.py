"""SkyPilot catalogs and gpuhunt catalogs read: the prices of each offer by term and region, each with its line.

Both formats: USD an hour of an instance. What is grouped is the price of one GPU, by what the row tells of it.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from colocalc.errors import quoted
from colocalc.prices.names import Offer, interface_in, tpu_slice
from colocalc.prices.rows import Rows

SKYPILOT: Final = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "SpotPrice", "Region")
GPUHUNT: Final = ("instance_name", "location", "price", "gpu_count", "gpu_name", "spot")
_KNOWN_BY: Final = {"skypilot:FILE": SKYPILOT, "gpuhunt:FILE": GPUHUNT}

MAX_GROUPS: Final = 100_000  # a thousand times what a provider offers
_MIB_PER_GIB = 1024.0
# GpuInfo is the text of a Python dict, or of JSON, or a bare name: two of its parts are looked for, nothing is run.
_GPU_NAME = re.compile(r"""["']Name["']: ["']([^"']{1,80})["']""")
_GPU_MEMORY = re.compile(r"""["']SizeInMiB["']: ([0-9]{1,9}(?:\.[0-9]{1,9})?)""")
_TOTAL_MEMORY = re.compile(r"""["']TotalGpuMemoryInMiB["']: ([0-9]{1,9}(?:\.[0-9]{1,9})?)""")
# SkyPilot's bare names are of the smaller part; the larger one is called A100-80GB or V100-32GB.
_SKYPILOT_MEMORY_GBYTE = {"A100": 40.0, "V100": 16.0}


@dataclass(frozen=True)
class Group:
    """The prices of one offer at one term in one region, USD per GPU-hour, and the line of each."""

    rates_usd_per_gpu_h: "array[float]" = field(default_factory=lambda: array("d"))
    lines: "array[int]" = field(default_factory=lambda: array("L"))


@dataclass(frozen=True)
class Most:
    """The most GPUs that one row has of an offer, and its line."""

    count: float
    line: int


Groups = Mapping[tuple[Offer, str, str], Group]


@dataclass(frozen=True)
class Listing:
    """What a file holds.

    Attributes
    ----------
    groups : mapping
        Prices by offer, term and region.
    most : mapping
        The row with the most GPUs of each offer.
    without_gpu, without_host, unpriced, zero_spot : list of int
        Lines of rows without accelerator, of accelerators priced without their host, without a price, and with a spot
        price of zero.
    """

    groups: Groups
    most: Mapping[Offer, Most]
    without_gpu: list[int]
    without_host: list[int]
    unpriced: list[int]
    zero_spot: list[int]


class _Reading:
    """A listing as it grows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.groups: dict[tuple[Offer, str, str], Group] = defaultdict(Group)
        self.most: dict[Offer, Most] = {}
        self.lines: dict[str, list[int]] = defaultdict(list)

    def leave_out(self, why: str) -> None:
        self.lines[why].append(self.rows.line)

    def count(self, offer: Offer, count: float) -> None:
        known = self.most.get(offer)
        if known is None or count > known.count:
            self.most[offer] = Most(count, self.rows.line)

    def add(self, offer: Offer, term: str, region: str, rate_usd_per_gpu_h: float) -> None:
        group = self.groups[offer, term, region]
        if len(self.groups) > MAX_GROUPS:
            self.rows.fault(f"more than {MAX_GROUPS:,} kinds of GPU, term and region")
            self.rows.finish()
        group.rates_usd_per_gpu_h.append(rate_usd_per_gpu_h)
        group.lines.append(self.rows.line)

    def listing(self) -> Listing:
        self.rows.finish()
        found = self.lines
        return Listing(
            groups=MappingProxyType(dict(self.groups)),
            most=MappingProxyType(self.most),
            without_gpu=found["gpu"],
            without_host=found["host"],
            unpriced=found["price"],
            zero_spot=found["zero"],
        )


@lru_cache(maxsize=4)
def read_listing(kind: str, source: bytes, name: str) -> Listing:
    """The listing in a file of a kind, ``skypilot`` or ``gpuhunt``; a study that asks again gets the same one.

    Raises
    ------
    InputError
        With every fault of the file, up to a thousand.
    """
    return _READERS[kind](source, name)


def _skypilot(source: bytes, name: str) -> Listing:
    rows = Rows(source, name, SKYPILOT, _KNOWN_BY)
    reading = _Reading(rows)
    instance, gpu, count, price, spot, region = (rows.place(column) or 0 for column in SKYPILOT)
    info = rows.place("GpuInfo")
    for cells in rows:
        if not (named := cells[gpu].strip()):
            reading.leave_out("gpu")
            continue
        per_instance = rows.number(cells[count].strip(), "AcceleratorCount")
        told = {"on-demand": cells[price].strip(), "spot": cells[spot].strip()}
        usd = {
            term: rows.number(text, column, zero=term == "spot")
            for (term, text), column in zip(told.items(), ("Price", "SpotPrice"), strict=True)
            if text
        }
        if per_instance is None or None in usd.values():
            continue
        offer, chips = _skypilot_offer(named, cells[instance], cells[info] if info is not None else "", per_instance)
        if not cells[instance].strip() and tpu_slice(named) is None:
            reading.leave_out("host")
        _add_all(reading, offer, per_instance * chips, cells[region].strip(), usd)
    return reading.listing()


def _add_all(reading: _Reading, offer: Offer, gpu_count: float, region: str, usd: Mapping[str, float | None]) -> None:
    """The prices of one instance, each shared out over its GPUs."""
    priced = {term: price for term, price in usd.items() if price}
    if len(priced) < len(usd):
        reading.leave_out("zero")
    if not priced:
        reading.leave_out("price")
    for term, price in priced.items():
        reading.add(offer, term, region, price / gpu_count)
    reading.count(offer, gpu_count)


@lru_cache(maxsize=10_000)
def _skypilot_offer(named: str, instance: str, info: str, count: float) -> tuple[Offer, float]:
    """What a row tells of its GPU, and the chips in what it counts as one."""
    if (tpu := tpu_slice(named)) is not None:
        return Offer(tpu[0]), tpu[1]
    inner = _GPU_NAME.search(info)
    return Offer(named, interface_in(named, inner[1] if inner else "", instance), _memories(named, info, count)), 1.0


def _memories(named: str, info: str, count: float) -> tuple[float, ...]:
    """What the memory of one GPU may be: under the size of one, some providers write that of all of a row."""
    usual = _SKYPILOT_MEMORY_GBYTE.get(named.upper())
    size = _GPU_MEMORY.search(info)
    if size is None or not float(size[1]):
        return (usual,) if usual else ()
    gbyte = float(size[1])
    gbyte = gbyte / _MIB_PER_GIB if gbyte >= _MIB_PER_GIB else gbyte  # or GiB under the name of MiB
    whole = _TOTAL_MEMORY.search(info)
    if count <= 1.0 or whole is None or whole[1] != size[1]:
        return (gbyte,)
    return tuple(sorted({gbyte, gbyte / count}, key=lambda one: (abs(one - usual) if usual else -one, one)))


def _gpuhunt(source: bytes, name: str) -> Listing:
    rows = Rows(source, name, GPUHUNT, _KNOWN_BY)
    reading = _Reading(rows)
    instance, region, price, count, gpu, spot = (rows.place(column) or 0 for column in GPUHUNT)
    memory = rows.place("gpu_memory")
    for cells in rows:
        named, counted = cells[gpu].strip(), cells[count].strip()
        per_instance = rows.number(counted, "gpu_count", zero=True) if counted or named else 0.0
        if not named or per_instance == 0.0:
            reading.leave_out("gpu")
            continue
        usd = rows.number(cells[price].strip(), "price")
        term = _term(rows, cells[spot].strip())
        size = cells[memory].strip() if memory is not None else ""
        gbyte = rows.number(size, "gpu_memory", zero=True) if size else None
        if usd is not None and term is not None and per_instance is not None:
            offer, chips = _gpuhunt_offer(named, cells[instance], gbyte)
            _add_all(reading, offer, per_instance * chips, cells[region].strip(), {term: usd})
    return reading.listing()


def _term(rows: Rows, spot: str) -> str | None:
    term = {"true": "spot", "false": "on-demand"}.get(spot.casefold())
    if term is None:
        rows.fault(f"should be True or False, not {quoted(spot)}", "spot")
    return term


def _gpuhunt_offer(named: str, instance: str, memory_gbyte: float | None) -> tuple[Offer, float]:
    if (tpu := tpu_slice(named)) is not None:
        return Offer(tpu[0]), tpu[1]
    return Offer(named, interface_in(named, instance), (memory_gbyte,) if memory_gbyte else ()), 1.0


_READERS: Mapping[str, Callable[[bytes, str], Listing]] = {"skypilot": _skypilot, "gpuhunt": _gpuhunt}
