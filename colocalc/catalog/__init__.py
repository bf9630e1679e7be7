"""The catalog that ships with the tool: GPU types, models, networks, rate cards and defaults, each with its source.

Files are read when they are first asked for, and entries are validated one by one, so that a command pays only for
what it uses.
"""

import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from colocalc import yamlio
from colocalc.calibration import Calibration
from colocalc.card import RateCard
from colocalc.errors import ColocalcError, Fault, InputError, did_you_mean, quoted
from colocalc.faults import faults_of
from colocalc.figure import Definition, Text
from colocalc.hardware import GpuType, Network, Source
from colocalc.model import ModelDims
from colocalc.places import catalog_dir, fleet_names, fleets_dir, stems
from colocalc.profile import LayerProfile
from colocalc.stack import Stack

__all__ = [
    "Catalog",
    "Default",
    "Resolved",
    "Source",
    "catalog_dir",
    "fleet_names",
    "fleet_outlines",
    "fleets_dir",
    "load_catalog",
    "read_calibration",
]

D = TypeVar("D", bound=BaseModel)


class Default(Definition):
    """What the tool assumes when a file says nothing: a number with its band, or a word."""

    value: float | str
    low: float | None = None
    high: float | None = None
    unit: Text | None = None
    source: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _band_holds_value(self) -> "Default":
        for low, high in ((self.low, self.value), (self.value, self.high)):
            if isinstance(low, float) and isinstance(high, float) and low > high:
                raise PydanticCustomError("band", "value is outside its band")
        return self


class Resolved(NamedTuple):
    """A GPU type found by name, and whether the name was its id and not one of its aliases."""

    gpu: GpuType
    exact: bool


class _Blocks(Mapping[str, Any]):
    """The entries of one catalog file as they stand there, each parsed when it is asked for.

    A catalog file is a mapping whose keys stand in the first column, which a data test holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: dict[str, Any] = {}

    @cached_property
    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        except OSError:
            _read_mapping(self._path)  # which says so as every reader of files does
            raise

    @cached_property
    def _spans(self) -> dict[str, tuple[int, int]]:
        """First line of each entry, and the line after its last."""
        starts = [(number, found[1]) for number, line in enumerate(self._lines) if (found := _KEY.match(line))]
        if not starts:
            _read_mapping(self._path)  # no mapping at all
        ends = [number for number, _ in starts[1:]] + [len(self._lines)]
        return {key: (start, end) for (start, key), end in zip(starts, ends, strict=True)}

    def __getitem__(self, key: str) -> Any:
        if key not in self._read:
            start, end = self._spans[key]
            # The empty lines above keep the places of faults true.
            text = "\n" * start + "".join(self._lines[start:end])
            self._read[key] = yamlio.read(text, name=str(self._path))[key]
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __contains__(self, key: object) -> bool:
        return key in self._spans


_KEY = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*):")


class _Entries(Mapping[str, D], Generic[D]):
    """The entries of one catalog file: read at the first use, validated one by one when asked for."""

    def __init__(self, path: Path, kind: type[D], id_field: str | None) -> None:
        self._path = path
        self._kind = kind
        self._id_field = id_field
        self._made: dict[str, D] = {}

    @cached_property
    def raw(self) -> Mapping[str, Any]:
        """The file's entries as they stand there; keys are ids."""
        return _Blocks(self._path)

    def __getitem__(self, key: str) -> D:
        if key not in self._made:
            self._made[key] = _valid(self._kind, self.raw[key], key=key, id_field=self._id_field, path=self._path)
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, key: object) -> bool:
        return key in self.raw


class Catalog:
    """Everything that ships, by id.

    Parameters
    ----------
    directory : Path
        Folder with ``gpus.yaml``, ``models.yaml``, ``networks.yaml``, ``sources.yaml``, ``defaults.yaml``,
        ``calibration.yaml``, ``stacks.yaml``, ``profiles.yaml``, ``cards``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.own: frozenset[str] = frozenset()  # entries of a fleet's own file, such as gpus.my-asic
        self.given_calibration: Calibration | None = None  # in place of the one that ships, whatever a fleet names
        self.calibrations: Mapping[str, Calibration] = {}  # of a fleet's own files, by the name it has for them
        self._cards: dict[str, RateCard] = {}
        self._gpus = _Entries(directory / "gpus.yaml", GpuType, "id")
        self.gpus: Mapping[str, GpuType] = self._gpus
        self.models: Mapping[str, ModelDims] = _Entries(directory / "models.yaml", ModelDims, "name")
        self.stacks: Mapping[str, Stack] = _Entries(directory / "stacks.yaml", Stack, None)
        self.profiles: Mapping[str, LayerProfile] = _Entries(directory / "profiles.yaml", LayerProfile, None)
        self.networks: Mapping[str, Network] = _Entries(directory / "networks.yaml", Network, "id")
        self.sources: Mapping[str, Source] = _Entries(directory / "sources.yaml", Source, "id")
        self.defaults: Mapping[str, Default] = _Entries(directory / "defaults.yaml", Default, None)

    @cached_property
    def _gpu_ids(self) -> dict[str, str]:
        # Aliases are taken from the raw file: no GPU type is built for a look-up.
        names = {plain_name(key): key for key in self._gpus.raw}
        for key, entry in self._gpus.raw.items():
            for alias in _aliases(entry):
                names.setdefault(plain_name(alias), key)
        return names

    def gpu_names(self) -> tuple[str, ...]:
        """Ids and aliases of all GPU types, for suggestions."""
        aliases = (alias for entry in self._gpus.raw.values() for alias in _aliases(entry))
        return (*self._gpus.raw, *aliases)

    def resolve_gpu(self, text: str) -> str | None:
        """The id of the GPU a text means, by id or alias, whatever its case, spaces, hyphens and underscores."""
        return text if text in self._gpus.raw else self._gpu_ids.get(plain_name(text))

    def gpu(self, text: str) -> Resolved:
        """The GPU type a text means.

        Raises
        ------
        ColocalcError
            When no GPU has that name; the hint names the nearest.
        """
        key = self.resolve_gpu(text)
        if key is None:
            raise ColocalcError(f"unknown GPU {quoted(text)}", hint=did_you_mean(text, self.gpu_names()))
        return Resolved(self.gpus[key], exact=key == text)

    def model(self, name: str) -> ModelDims:
        """The model of a name, or a ColocalcError that names the nearest."""
        return _named(self.models, name, "model")

    def network(self, name: str) -> Network:
        """The network of a name, or a ColocalcError that names the nearest."""
        return _named(self.networks, name, "network")

    def stack(self, name: str) -> Stack:
        """The software stack of a name, or a ColocalcError that names the nearest."""
        return _named(self.stacks, name, "software stack")

    def default(self, path: str) -> Default:
        """The default at a dotted path, for example ``sites.pue_factor``, or a ColocalcError."""
        return _named(self.defaults, path, "default")

    @property
    def calibration(self) -> Calibration:
        """The constants of the step-time model: those given in place of those that ship, else these."""
        return self.given_calibration or self._shipped_calibration

    @cached_property
    def _shipped_calibration(self) -> Calibration:
        return read_calibration(self._directory / "calibration.yaml")

    def calibration_of(self, name: str | None) -> Calibration:
        """The constants for a job that names a file of its own, or none."""
        if self.given_calibration is None and name in self.calibrations:
            return self.calibrations[str(name)]
        return self.calibration

    def calibrated(self, calibration: Calibration) -> "Catalog":
        """The same catalog with other constants of the step-time model."""
        found = copy(self)
        found.given_calibration = calibration
        return found

    def card_names(self) -> tuple[str, ...]:
        """Names of the rate cards that ship, in alphabetical order."""
        return stems(self._directory / "cards")

    def card(self, name: str) -> RateCard:
        """The rate card of a name, or a ColocalcError that names the nearest."""
        if name not in self._cards:
            if name not in self.card_names():
                raise ColocalcError(f"unknown rate card {quoted(name)}", hint=did_you_mean(name, self.card_names()))
            path = self._directory / "cards" / f"{name}.yaml"
            data = _read_mapping(path)
            self._cards[name] = _valid(RateCard, data, key=None, id_field=None, path=path)
        return self._cards[name]


def read_calibration(path: Path) -> Calibration:
    """The calibration of a file, the one that ships or one's own; an InputError lists what is wrong with it."""
    tree = yamlio.read_file(path)
    rows = tree if isinstance(tree, list) else tree.get("runs") if isinstance(tree, dict) else None
    if isinstance(rows, list) and any(isinstance(row, dict) for row in rows):
        fit = f"colocalc validate {path.name} --fit --save own.yaml"
        raise InputError([Fault("holds runs, not constants", file=str(path), hint=f"fit them first: {fit}")])
    return _valid(Calibration, _mapping(tree, path), key=None, id_field=None, path=path)


def fleet_outlines() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Name, title and scenarios of each sample fleet, as its file has them."""
    outlines = []
    for name in fleet_names():
        tree = _read_mapping(fleets_dir() / f"{name}.yaml")
        outlines.append((name, str(tree.get("title") or ""), tuple(tree.get("scenarios") or ())))
    return tuple(outlines)


@cache
def load_catalog() -> Catalog:
    """The catalog that ships; one per process, and nothing is read until it is asked for."""
    return Catalog(catalog_dir())


def plain_name(name: str) -> str:
    """A name without its case, spaces, hyphens and underscores: how names are compared."""
    return name.casefold().translate({ord(mark): None for mark in " _-"})


def _aliases(entry: Any) -> list[str]:
    # The entry is raw: one that is wrong in shape is refused when it is built, not when names are looked up.
    given = entry.get("aliases") if isinstance(entry, dict) else None
    return [str(alias) for alias in given] if isinstance(given, list) else []


def _named(entries: Mapping[str, D], name: str, noun: str) -> D:
    if name not in entries:
        raise ColocalcError(f"unknown {noun} {quoted(name)}", hint=did_you_mean(name, entries))
    return entries[name]


def _read_mapping(path: Path) -> dict[str, Any]:
    return _mapping(yamlio.read_file(path), path)


def _mapping(data: Any, path: Path) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InputError([Fault("should be a mapping", file=str(path))])
    return data


def _valid(kind: type[D], data: Any, *, key: str | None, id_field: str | None, path: Path) -> D:
    named = {**data, id_field: key} if key and id_field and isinstance(data, dict) else data
    try:
        return kind.model_validate(named)
    except ValidationError as error:
        faults = faults_of(error, data, kind, str(path))
        at = f"{key}." if key else ""
        raise InputError(replace(fault, path=f"{at}{fault.path}".rstrip(".")) for fault in faults) from None
