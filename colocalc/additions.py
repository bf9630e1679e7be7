"""The catalog as one fleet sees it: what ships, plus the GPUs, models, cards and sources of its own file."""

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from colocalc.calibration import Calibration
from colocalc.card import Rate, RateCard, Surface
from colocalc.catalog import Catalog, catalog_dir, plain_name
from colocalc.errors import quoted
from colocalc.fleet import Fleet, SourceEntry
from colocalc.hardware import GpuType, Source
from colocalc.model import ModelDims

_KINDS = ("gpus", "models", "cards", "sources")


def clashes(catalog: Catalog, fleet: Fleet) -> list[tuple[tuple[str, ...], str]]:
    """The entries of a fleet that have the name of one that ships and do not replace it: path, and what is wrong."""
    found: list[tuple[tuple[str, ...], str]] = []
    for kind in _KINDS:
        for name, entry in getattr(fleet, kind).items():
            for word in (name, *getattr(entry, "aliases", ())):
                taken = _shipped(catalog, kind, word)
                if taken is not None and not (entry.replace and taken == name):
                    known = "" if word == taken else f" for {taken}"
                    message = (
                        f"the catalog has {quoted(word)} already{known}; give yours another name, or replace: true"
                    )
                    found.append(((kind, name), message))
    return found


def _shipped(catalog: Catalog, kind: str, word: str) -> str | None:
    if kind == "gpus":
        return catalog.resolve_gpu(word)
    return word if word in (catalog.card_names() if kind == "cards" else getattr(catalog, kind)) else None


def with_additions(catalog: Catalog, fleet: Fleet, calibrations: Mapping[str, Calibration]) -> Catalog:
    """The catalog extended by a fleet's own entries and calibration files; the catalog itself when it has none."""
    if not calibrations and not any(getattr(fleet, kind) for kind in _KINDS):
        return catalog
    return _Extended(catalog, fleet, calibrations)


class _Extended(Catalog):
    """A catalog with a fleet's entries in front; look-ups of anything else go to the one that ships."""

    def __init__(self, base: Catalog, fleet: Fleet, calibrations: Mapping[str, Calibration]) -> None:
        super().__init__(catalog_dir())
        self.given_calibration = base.given_calibration
        self.calibrations = calibrations
        self._base = base
        self.own = frozenset(f"{kind}.{key}" for kind in _KINDS for key in getattr(fleet, kind))
        self._own_gpus = _named(fleet.gpus, GpuType, "id")
        self._own_names = {plain_name(name): key for key, gpu in self._own_gpus.items() for name in (key, *gpu.aliases)}
        self._own_cards = {key: self._by_id(card) for key, card in _named(fleet.cards, RateCard, "name").items()}
        self.gpus = ChainMap(self._own_gpus, base.gpus)  # type: ignore[arg-type]
        self.models = ChainMap(_named(fleet.models, ModelDims, "name"), base.models)  # type: ignore[arg-type]
        self.sources = ChainMap(
            {key: _source(key, entry) for key, entry in fleet.sources.items()},
            base.sources,  # type: ignore[arg-type]
        )
        self.networks = base.networks
        self.defaults = base.defaults

    @property
    def calibration(self) -> Calibration:
        return self._base.calibration

    def _by_id(self, card: RateCard) -> RateCard:
        """A card whose rates and surfaces name GPUs by id, as those that ship do."""

        def named(entry: Rate | Surface) -> Rate | Surface:
            return entry.model_copy(update={"gpu": self.resolve_gpu(entry.gpu) or entry.gpu})

        priced = {"rates": tuple(map(named, card.rates)), "surfaces": tuple(map(named, card.surfaces))}
        return card.model_copy(update=priced)

    def gpu_names(self) -> tuple[str, ...]:
        own = [name for key, gpu in self._own_gpus.items() for name in (key, *gpu.aliases)]
        return (*own, *self._base.gpu_names())

    def resolve_gpu(self, text: str) -> str | None:
        own = self._own_names.get(plain_name(text))
        return own if own is not None else self._base.resolve_gpu(text)

    def card_names(self) -> tuple[str, ...]:
        return (*self._own_cards, *self._base.card_names())

    def card(self, name: str) -> RateCard:
        return self._own_cards[name] if name in self._own_cards else self._base.card(name)


def _source(key: str, entry: SourceEntry) -> Source:
    # Constructed without validation: "undated" is shown where a date would stand, and is none.
    date, kind = entry.date or "undated", entry.kind or "own"
    return Source.model_construct(id=key, title=entry.title, date=date, kind=kind, url=entry.url, note=entry.note)


def _named(entries: Mapping[str, Any], kind: type[Any], field: str) -> dict[str, Any]:
    """Entries that carry their key as their name."""
    return {key: kind.model_copy(entry, update={field: key}) for key, entry in entries.items()}
