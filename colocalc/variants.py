"""A fleet and what it becomes when a number or the scenario changes: what studies vary, and nothing else does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from colocalc.case import Case, lower, moves_layout, numbers, searched_layout, varied
from colocalc.catalog import Catalog
from colocalc.figure import Figure
from colocalc.fleet import Fleet
from colocalc.loading import LoadedFleet, load_fleet


@dataclass(frozen=True)
class Variants:
    """Where a fleet comes from and how it was asked for, so that it can be had again with one thing changed.

    Attributes
    ----------
    place : str
        A path, ``-``, or the name of a bundled sample.
    catalog : Catalog
        What ships.
    sets : tuple of str
        Overrides ``KEY=VALUE``.
    scenario : str or None
        The scenario applied.
    stdin : bytes or None
        What standard input holds, when ``place`` is ``-``.
    rate_card : str or None
        The card asked for; empty for the fleet's own.
    default_lease : bool
        Whether a fleet without a lease gets one at the default card.
    relayout : bool
        Whether a layout that is searched is searched anew for every change, or else kept as far as it was found.
    kept : Case or None
        The case whose searched layouts are kept; None for those of each case itself.
    """

    place: str
    catalog: Catalog
    sets: tuple[str, ...] = ()
    scenario: str | None = None
    stdin: bytes | None = None
    rate_card: str | None = None
    default_lease: bool = False
    relayout: bool = False
    kept: Case | None = None
    _with_key: dict[str, "Variants"] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def loaded(self) -> LoadedFleet:
        """The fleet as it was asked for."""
        return load_fleet(
            self.place,
            catalog=self.catalog,
            sets=self.sets,
            scenario=self.scenario,
            stdin=self.stdin,
            rate_card=self.rate_card,
            default_lease=self.default_lease,
        )

    @property
    def fleet(self) -> Fleet:
        """Its definition."""
        return self.loaded.fleet

    @cached_property
    def case(self) -> Case:
        """The case of the fleet as it was asked for."""
        return lower(self.loaded.fleet, self.loaded.catalog, scenario=self.scenario, like=self.kept)

    def at(self, key: str, value: float) -> Case:
        """The case with one number changed: an assumption by its path, or any key of the file.

        Its assumptions may still be those of the fleet as it was asked for; ``settled`` has them all.

        Raises
        ------
        ColocalcError
            When the key leads nowhere, or the value is none it may have.
        """
        if not _is_checked_with_others(key):
            if key in numbers(self.case):
                return self.at_once({key: value})
            # The file may not have had the key; once it does, it is a number like the others.
            having = self._with_key.get(key)
            if having is not None and key in numbers(having.case):
                return having.at(key, value)
        changed = self.given({key: value})
        case = changed.case
        self._with_key.setdefault(key, changed)
        return case

    def at_once(self, instead: Mapping[str, float]) -> Case:
        """The case with several of its numbers changed, each by its path among the assumptions.

        Raises
        ------
        ColocalcError
            When there is no case with those values.
        """
        own, catalog = self.loaded.fleet, self.loaded.catalog
        return varied(self.case, own, catalog, instead, keeps_layout=not self.relayout)

    def settled(self, key: str, value: float) -> Case:
        """As ``at``, with the assumptions that belong to it: for a report on the fleet with the number changed."""
        if key in numbers(self.case):
            instead = {key: value}
            return lower(
                self.loaded.fleet, self.loaded.catalog, scenario=self.scenario, instead=instead, like=self.case
            )
        return self.given({key: value}).case

    def given(self, values: Mapping[str, float | str]) -> "Variants":
        """The same fleet with values as if its file had them."""
        return self.with_sets(*(f"{key}={_written(value)}" for key, value in values.items()))

    def with_its_layout(self) -> "Variants":
        """The same fleet, of which values given keep the layout that was searched for it, unless it searches anew."""
        return self if self.relayout else replace(self, kept=self.case)

    def searches_anew(self, key: str) -> bool:
        """Whether a layout is searched anew where this number changes."""
        return self.relayout and bool(searched_layout(self.case)) and moves_layout(self.case, key)

    def with_sets(self, *sets: str) -> "Variants":
        """The same fleet with more overrides."""
        return replace(self, sets=(*self.sets, *sets))

    def in_scenario(self, name: str | None) -> "Variants":
        """The same fleet in another scenario; None for the file as it is."""
        return self if name == self.scenario else replace(self, scenario=name)

    def figure(self, key: str) -> Figure[float] | None:
        """What the file itself says under a dotted key; None where it says nothing, or no number."""
        found: Any = self.fleet
        for part in key.split("."):
            found = _inner(found, part)
        if isinstance(found, bool) or not isinstance(found, int | float | Figure):
            return None
        return found if isinstance(found, Figure) else Figure(float(found))


def _is_checked_with_others(key: str) -> bool:
    """Whether what a number may be hangs on the rest of the file: the degrees of a layout must fit GPUs and layers."""
    return ".layout." in key


def _written(value: float | str) -> str:
    """A value as YAML; whole numbers without a point, because counts are written so."""
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else repr(value)


def _inner(found: Any, part: str) -> Any:
    if isinstance(found, dict):
        return found.get(part)
    if isinstance(found, tuple):
        named = [one for one in found if part in {getattr(one, "name", None), getattr(one, "gpu", None)}]
        return named[0] if named else None
    return getattr(found, part, None)
