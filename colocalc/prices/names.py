"""Which GPU of the catalog a price list means: by name, by the interface its row tells, and by memory."""

import re
from collections import defaultdict
from dataclasses import dataclass

from colocalc.catalog import Catalog, plain_name

_VENDORS = re.compile(r"\b(?:nvidia|amd|intel|google|aws|instinct|tesla|geforce|hbm\d\w?)\b", re.IGNORECASE)
_INTERFACE = re.compile(r"(?<![a-z])(pcie|sxm|nvl)(?:(?<=sxm)\d)?(?![a-z0-9])", re.IGNORECASE)
_MEMORY = re.compile(r"(?<![\d.])(\d{2,3}) ?gb\b", re.IGNORECASE)
_TPU = re.compile(r"(?:tpu[-_ ]?)?(v[2-7](?:e|p|x|litepod)?)(?:-(\d{1,5}))?", re.IGNORECASE)
_TPU_TITLES = {"v5litepod": "v5e", "v7x": "v7"}
# Cloud TPU names slices of these by their cores, two on a chip, and those of the others by their chips.
_TPU_CORES = 2
_TPU_BY_CORES = {"v2", "v3", "v4", "v5p"}
# A file and the catalog may round, count GiB or GB, or mean the memory fitted or usable: 180, 186 and 192 are one.
_MEMORY_TOLERANCE = 0.13


@dataclass(frozen=True)
class Offer:
    """What a row tells of its GPU: a name, maybe an interface, and what the memory of one may be, likeliest first."""

    name: str
    interface: str | None = None
    memories_gbyte: tuple[float, ...] = ()


@dataclass(frozen=True)
class Meaning:
    """The GPU an offer means, None where it is not in the catalog; ``guessed`` where the row leaves a choice."""

    gpu: str | None
    guessed: bool = False


def interface_in(*texts: str) -> str | None:
    """The interface that the first of some texts to tell one tells: ``pcie``, ``sxm`` or ``nvl``."""
    for text in texts:
        if found := _INTERFACE.search(text.replace("_", " ")):
            return found[1].casefold()
    return None


def tpu_slice(name: str) -> tuple[str, float] | None:
    """Title of the TPU and chips of a slice such as ``tpu-v4-8``; None for what is no TPU."""
    if not (found := _TPU.fullmatch(name)):
        return None
    version = found[1].casefold()
    named = float(found[2] or 0)
    chips = max(named / _TPU_CORES if version in _TPU_BY_CORES else named, 1.0)
    return f"tpu-{_TPU_TITLES.get(version, version)}", chips


class Names:
    """The GPUs of a catalog by family: what is left of an id without interface and memory."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[Offer, Meaning] = {}
        self._families: dict[str, list[str]] = defaultdict(list)
        for key in catalog.gpus:
            self._families[_family(key)].append(key)

    def meaning(self, offer: Offer) -> Meaning:
        """The GPU that an offer means."""
        if offer not in self._known:
            self._known[offer] = self._meaning(offer)
        return self._known[offer]

    def _meaning(self, offer: Offer) -> Meaning:
        family = _family(offer.name)
        found = self._catalog.resolve_gpu(family) or self._catalog.resolve_gpu(offer.name)
        interface = interface_in(offer.name) or offer.interface
        among = self._families.get(family) or ([found] if found else [])
        fitting = self._of_memory(offer, [key for key in among if self._has_interface(key, interface)])
        if not fitting:
            return Meaning(None)
        usual = found if found in fitting else next((key for key in fitting if "-sxm" in key), fitting[0])
        return Meaning(usual, guessed=len(fitting) > 1)

    def _of_memory(self, offer: Offer, among: list[str]) -> list[str]:
        """Those with the memory that the name tells, else with the first of what it may be that any of them has."""
        told = _MEMORY.search(_spaced(offer.name))
        memories = (float(told[1]),) if told else offer.memories_gbyte
        fitting = ([key for key in among if self._holds(key, memory)] for memory in memories)
        return next(filter(None, fitting), []) if memories else among

    def _has_interface(self, key: str, interface: str | None) -> bool:
        own = interface_in(key)
        return interface is None or own is None or own == interface

    def _holds(self, key: str, memory_gbyte: float) -> bool:
        known = self._catalog.gpus[key].hbm_gbyte
        return known is None or abs(memory_gbyte - known.value) <= _MEMORY_TOLERANCE * known.value


def _spaced(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")


def _family(name: str) -> str:
    """A name without maker, interface and memory, as names are compared."""
    left = _spaced(name)
    for pattern in (_VENDORS, _MEMORY, _INTERFACE):
        left = pattern.sub(" ", left)
    return plain_name(left)
