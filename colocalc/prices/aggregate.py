"""The prices of a listing by GPU of the catalog and term, and what is said of each: median, least, greatest."""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from colocalc.catalog import Catalog
from colocalc.prices.listing import Group, Listing
from colocalc.prices.names import Names


@dataclass(frozen=True)
class Rates:
    """Some prices of one GPU in a nutshell, USD per GPU-hour; ``where`` names their regions by number."""

    median: float
    least: float
    greatest: float
    count: int
    where: str


@dataclass
class Priced:
    """The prices of one GPU at one term, by region.

    Attributes
    ----------
    gpu : str
        Id of the GPU.
    term : str
        ``on-demand`` or ``spot``.
    regions : mapping of str to list of Group
        Prices by region.
    """

    gpu: str
    term: str
    regions: dict[str, list[Group]] = field(default_factory=lambda: defaultdict(list))

    def has(self, region: str | None) -> bool:
        """Whether there is a price in a region; None asks for any."""
        return region is None or region in self.regions

    def rates(self, region: str | None) -> Rates:
        """The prices in a region in a nutshell; those of all regions when it is None."""
        if region is None:
            return self._everywhere
        return _rates(self.regions[region], "")

    @cached_property
    def _everywhere(self) -> Rates:
        named = [region for region in self.regions if region]
        where = f"in {len(named)} region{'s' if len(named) > 1 else ''}" if named else "without a region"
        return _rates([group for groups in self.regions.values() for group in groups], where)

    def rows(self) -> Iterator[tuple[float, int]]:
        """Each price with its line."""
        for groups in self.regions.values():
            for group in groups:
                yield from zip(group.rates_usd_per_gpu_h, group.lines, strict=True)


def _rates(groups: list[Group], where: str) -> Rates:
    together = array("d")
    for group in groups:
        together.extend(group.rates_usd_per_gpu_h)
    # The median of two prices that are alike may differ from both in the last digit: it stays between them.
    least, greatest = min(together), max(together)
    return Rates(min(max(median(together), least), greatest), least, greatest, len(together), where)


def priced(listing: Listing, catalog: Catalog) -> list[Priced]:
    """The prices of a listing whose GPUs the catalog has, by id and term."""
    names = Names(catalog)
    found: dict[tuple[str, str], Priced] = {}
    for (offer, term, region), group in listing.groups.items():
        gpu = names.meaning(offer).gpu
        if gpu is not None:
            found.setdefault((gpu, term), Priced(gpu, term)).regions[region].append(group)
    return [found[key] for key in sorted(found)]
