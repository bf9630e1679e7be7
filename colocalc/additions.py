"""The catalog as one fleet sees it: what ships, plus the GPUs, models, cards and sources of its own file."""

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from colocalc.card import RateCard
from colocalc.catalog import Catalog, catalog_dir
from colocalc.errors import Fault, InputError
from colocalc.fleet import Fleet
from colocalc.hardware import GpuType, Source
from colocalc.model import ModelDims


def with_additions(catalog: Catalog, fleet: Fleet) -> Catalog:
    """The catalog extended by a fleet's own entries; the catalog itself when it has none.

    Raises
    ------
    InputError
        When an entry has the name of one that ships.
    """
    added = {kind: getattr(fleet, kind) for kind in ("gpus", "models", "cards", "sources")}
    if not any(added.values()):
        return catalog
    clashes = [
        Fault(f"the catalog has {kind[:-1]} {name} already; give yours another name", fleet.name, path=f"{kind}.{name}")
        for kind, entries in added.items()
        for name in entries
        if name in (catalog.card_names() if kind == "cards" else getattr(catalog, kind))
    ]
    if clashes:
        raise InputError(clashes)
    return _Extended(catalog, fleet)


class _Extended(Catalog):
    """A catalog with a fleet's entries in front; look-ups of anything else go to the one that ships."""

    def __init__(self, base: Catalog, fleet: Fleet) -> None:
        super().__init__(catalog_dir())
        self._base = base
        self._own_gpus = _named(fleet.gpus, GpuType, "id")
        self._own_cards = _named(fleet.cards, RateCard, "name")
        self.gpus = ChainMap(self._own_gpus, base.gpus)  # type: ignore[arg-type]
        self.models = ChainMap(_named(fleet.models, ModelDims, "name"), base.models)  # type: ignore[arg-type]
        own_sources = {
            key: Source(id=key, title=entry.title, date=entry.date or "1970", kind=entry.kind or "own", url=entry.url)
            for key, entry in fleet.sources.items()
        }
        self.sources = ChainMap(own_sources, base.sources)  # type: ignore[arg-type]
        self.networks = base.networks
        self.defaults = base.defaults

    def gpu_names(self) -> tuple[str, ...]:
        own = [name for key, gpu in self._own_gpus.items() for name in (key, *gpu.aliases)]
        return (*own, *self._base.gpu_names())

    def resolve_gpu(self, text: str) -> str | None:
        plain = text.casefold()
        for key, gpu in self._own_gpus.items():
            if plain in {key.casefold(), *(alias.casefold() for alias in gpu.aliases)}:
                return key
        return self._base.resolve_gpu(text)

    def card_names(self) -> tuple[str, ...]:
        return (*self._own_cards, *self._base.card_names())

    def card(self, name: str) -> RateCard:
        return self._own_cards[name] if name in self._own_cards else self._base.card(name)


def _named(entries: Mapping[str, Any], kind: type[Any], field: str) -> dict[str, Any]:
    """Entries that carry their key as their name."""
    return {key: kind.model_copy(entry, update={field: key}) for key, entry in entries.items()}
