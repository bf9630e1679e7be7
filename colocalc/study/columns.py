"""Metrics by id, those of pools kept as columns: a fleet of very many pools has forty times as many ids."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array


class Metrics(Mapping[str, Array]):
    """Metrics of a fleet, and of each pool under ``pools.<name>.<id>``, taken out of its column when it is asked for.

    Parameters
    ----------
    fleet : iterable of (str, ndarray)
        Metrics of the fleet, each ``(...,)``.
    pools : sequence of str
        Names of the pools.
    columns : iterable of (str, ndarray)
        Metrics that exist per pool, each ``(..., pool)``.
    """

    def __init__(
        self, fleet: Iterable[tuple[str, Array]], pools: Sequence[str], columns: Iterable[tuple[str, Array]]
    ) -> None:
        self._fleet = dict(fleet)
        self._places = {name: place for place, name in enumerate(pools)}
        self._columns = dict(columns)
        self._shown: dict[str, NDArray[np.bool_]] = {
            name: np.ones(len(pools), dtype=np.bool_) for name in self._columns
        }

    def defined(self) -> "Metrics":
        """The same without those that are NaN in every scenario."""
        fleet = ((name, value) for name, value in self._fleet.items() if not bool(np.all(np.isnan(value))))
        kept = Metrics(fleet, tuple(self._places), self._columns.items())
        kept._shown = {
            name: ~np.all(np.isnan(values), axis=tuple(range(values.ndim - 1)))
            for name, values in self._columns.items()
        }
        return kept

    def __getitem__(self, key: str) -> Array:
        if key in self._fleet:
            return self._fleet[key]
        _, pool, name = key.split(".", 2) if key.startswith("pools.") and key.count(".") > 1 else ("", "", "")
        place = self._places.get(pool)
        if place is None or name not in self._columns or not self._shown[name][place]:
            raise KeyError(key)
        return self._columns[name][..., place]

    def __iter__(self) -> Iterator[str]:
        yield from self._fleet
        columns = [(name, shown.tolist()) for name, shown in self._shown.items()]
        for place, pool in enumerate(self._places):
            yield from (f"pools.{pool}.{name}" for name, shown in columns if shown[place])

    def __len__(self) -> int:
        return len(self._fleet) + sum(int(np.sum(shown)) for shown in self._shown.values())
