"""Two fleets mixed block by block: what a comparison needs to tell the effect of one change from that of another."""

from collections.abc import Callable
from dataclasses import dataclass

from colocalc.additions import with_additions
from colocalc.case import Case, lower, searched_layout
from colocalc.fleet import Fleet
from colocalc.variants import Variants

# Blocks that say nothing about numbers, and pairs of keys that say one thing in two ways.
_TELLING = frozenset({"name", "title", "claims", "expect", "scenarios", "sources"})
SEARCHED = "searched layout"
_ONE = {"sites": "site", "contracts": "lease", "jobs": "training"}


@dataclass(frozen=True)
class Pair:
    """Two fleets.

    Attributes
    ----------
    one, other : Variants
        The fleet that is changed, and the fleet it is changed into.
    relayout : bool
        Whether the layout of a mix is searched anew; else it is that of the first fleet until ``SEARCHED`` is changed.
    """

    one: Variants
    other: Variants
    relayout: bool = False

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks that differ, in the order of the fleet file, and the layouts found for both where they differ."""
        found = (
            _ONE.get(key, key)
            for key in Fleet.model_fields
            if key not in _TELLING and getattr(self.one.fleet, key) != getattr(self.other.fleet, key)
        )
        layouts = [_searched(each) for each in (self.one, self.other)]
        differ = not self.relayout and all(layouts) and layouts[0] != layouts[1]
        return (*dict.fromkeys(found), *([SEARCHED] if differ else []))

    def mixed(self) -> Callable[[frozenset[str]], Case]:
        """The case with some blocks of the other fleet in the place of the first one's."""
        # A file of constants that a job names would else, in silence, be the constants that ship.
        own = {**self.other.loaded.catalog.calibrations, **self.one.loaded.catalog.calibrations}

        def case(changed: frozenset[str]) -> Case:
            if not changed:
                return self.one.case
            if changed == frozenset(self.blocks):
                return self.other.case
            keys = [key for key in Fleet.model_fields if _ONE.get(key, key) in changed]
            fleet = self.one.fleet.model_copy(update={key: getattr(self.other.fleet, key) for key in keys})
            found_for = self.one if SEARCHED not in changed and _searched(self.one) else self.other
            like = None if self.relayout else found_for.case
            return lower(fleet, with_additions(self.one.catalog, fleet, own), like=like)

        return case


def _searched(fleet: Variants) -> dict[str, object]:
    """What a search found for a fleet, by path."""
    return {path: row.value for path, row in searched_layout(fleet.case).items()}
