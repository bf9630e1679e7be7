"""The prices of a listing by GPU of the catalog and term, and what is said of each: median, least, greatest."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

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


@dataclass(frozen=True)
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
    together = sorted(usd for group in groups for usd in group.rates_usd_per_gpu_h)
    return Rates(_median(together), together[0], together[-1], len(together), where)


def _median(ascending: list[float]) -> float:
    # ``statistics`` takes longer to import than all of this package. Half a difference is added, not half a sum taken,
    # so that the median of prices that are alike is that price.
    low, high = ascending[(len(ascending) - 1) // 2], ascending[len(ascending) // 2]
    return low + (high - low) / 2.0


def priced(listing: Listing, names: Names) -> list[Priced]:
    """The prices of a listing whose GPUs the catalog has, by id and term."""
    found: dict[tuple[str, str], Priced] = {}
    for (offer, term, region), group in listing.groups.items():
        gpu = names.meaning(offer).gpu
        if gpu is not None:
            found.setdefault((gpu, term), Priced(gpu, term)).regions[region].append(group)
    return [found[key] for key in sorted(found)]
