"""Rate cards: what an hour of a GPU costs to rent, by GPU, term and region, each price with its date and source.

A price may have volume tiers and prices at other dates; a GPU may be priced by term and prepayment instead.
"""

from itertools import pairwise
from typing import Annotated, Final, Literal, LiteralString

from pydantic import AfterValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import (
    Definition,
    Figure,
    Flag,
    Months,
    MonthsFromZero,
    Quantity,
    Share,
    Text,
    UsdPerGpuH,
    on_the_calendar,
)

Term = Literal["spot", "on-demand", "1-month", "1-year", "2-year", "3-year", "5-year"]
PathKind = Literal["points", "terms"]  # dated prices, or what rates by term imply

# How long each term is. Nobody commits on demand, which a curve of prices by term leaves out.
TERM_MONTHS: Final[dict[str, float]] = {
    "spot": 1.0,
    "1-month": 1.0,
    "1-year": 12.0,
    "2-year": 24.0,
    "3-year": 36.0,
    "5-year": 60.0,
}

PriceDate = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$"),
    AfterValidator(on_the_calendar),
]
TierCount = Annotated[float, Quantity("count", above=1.0, whole=True)]
Discount = Annotated[float, Quantity("share", above=0.0, at_most=1.0)]
PriceAboveZero = Annotated[float, Quantity("usd_per_gpu_h", above=0.0)]
_WEIGHTS_WITHIN = 1e-9  # shares written in decimals


def _refused(kind: str, message: LiteralString, at: tuple[str | int, ...], **words: object) -> PydanticCustomError:
    return PydanticCustomError(kind, message, {"at": at, **words})


class Tier(Definition):
    """The price from a number of GPUs on: a rate of its own, or a share off the rate it belongs to."""

    from_gpu_count: TierCount
    rate_usd_per_gpu_h: Figure[UsdPerGpuH] | None = None
    discount_share: Figure[Discount] | None = None
    as_of: PriceDate | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _one_price(self) -> "Tier":
        if (self.rate_usd_per_gpu_h is None) == (self.discount_share is None):
            raise _refused("both", "give one of rate_usd_per_gpu_h and discount_share", ("discount_share",))
        return self


class Point(Definition):
    """What the price was or is to be at a date: observed in a market, or quoted ahead."""

    date: PriceDate
    rate_usd_per_gpu_h: Figure[PriceAboveZero]
    kind: Literal["observed", "quoted"]
    note: Text | None = None


class Rate(Definition):
    """One price. Without a region it holds everywhere; without a date it has the date of its card."""

    gpu: Text
    term: Term
    region: Text | None = None
    rate_usd_per_gpu_h: Figure[UsdPerGpuH]
    as_of: PriceDate | None = None
    tiers: tuple[Tier, ...] = ()
    points: tuple[Point, ...] = ()
    note: Text | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Rate":
        for number, (sooner, later) in enumerate(pairwise(self.tiers), start=1):
            if later.from_gpu_count <= sooner.from_gpu_count:
                message: LiteralString = "tiers rise: should be above the {before} of the tier before"
                at = ("tiers", number, "from_gpu_count")
                raise _refused("order", message, at, before=f"{sooner.from_gpu_count:,.0f}")
        for number, (sooner_point, later_point) in enumerate(pairwise(self.points), start=1):
            if first_day(later_point.date) <= first_day(sooner_point.date):
                message = "dates rise: should be after {before}, the date of the point before"
                raise _refused("order", message, ("points", number, "date"), before=sooner_point.date)
        return self


class Surface(Definition):
    """Prices of a GPU by term and prepayment.

    The rate falls from the ceiling to the floor by two scores, each 0 at its ``from`` and below, 1 at its ``to`` and
    above, straight between. A prepayment beyond ``prepay_to_share`` brings up to ``extra_discount_share`` more, at a
    prepayment of all fees, by the root of the way there.
    """

    gpu: Text
    ceiling_usd_per_gpu_h: Figure[PriceAboveZero]
    floor_usd_per_gpu_h: Figure[PriceAboveZero]
    term_weight_share: Figure[Share]
    prepay_weight_share: Figure[Share]
    term_from_months: Figure[MonthsFromZero]
    term_to_months: Figure[Months]
    prepay_from_share: Figure[Share]
    prepay_to_share: Figure[Share]
    extra_discount_share: Figure[Share] | None = None
    as_of: PriceDate | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _whole(self) -> "Surface":
        if self.floor_usd_per_gpu_h.value > self.ceiling_usd_per_gpu_h.value:
            raise _refused("order", "the floor is above the ceiling", ("floor_usd_per_gpu_h",))
        weights = self.term_weight_share.value + self.prepay_weight_share.value
        if abs(weights - 1.0) > _WEIGHTS_WITHIN:
            message: LiteralString = "term_weight_share and prepay_weight_share should sum to 1, not {sum}"
            raise _refused("sum", message, ("prepay_weight_share",), sum=f"{weights:g}")
        if self.term_to_months.value <= self.term_from_months.value:
            raise _refused("order", "should be longer than term_from_months", ("term_to_months",))
        if self.prepay_to_share.value <= self.prepay_from_share.value:
            raise _refused("order", "should be above prepay_from_share", ("prepay_to_share",))
        return self


class RateCard(Definition):
    """A list of prices of one kind: what renting costs, or what owning costs. The two are never mixed in one card."""

    name: str = ""
    title: Text | None = None
    as_of: PriceDate
    currency: Literal["usd"]
    kind: Literal["rent", "owning-cost"] = "rent"
    note: Text | None = None
    rates: tuple[Rate, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    replace: Flag = False  # whether it stands for the catalog's entry of its name

    @model_validator(mode="after")
    def _one_price_each(self) -> "RateCard":
        if "rates" not in self.model_fields_set and not self.surfaces:
            raise _refused("missing_part", "missing", ("rates",))
        seen: set[tuple[str, str, str | None]] = set()
        for index, rate in enumerate(self.rates):
            key = (rate.gpu, rate.term, rate.region)
            if key in seen:
                raise PydanticCustomError(
                    "duplicate_rate",
                    "rates.{index} prices {gpu} {term} a second time",
                    {"index": index, "gpu": rate.gpu, "term": rate.term},
                )
            seen.add(key)
        named: set[str] = set()
        for index, surface in enumerate(self.surfaces):
            if surface.gpu in named:
                message: LiteralString = "a second surface of {gpu}"
                raise _refused("duplicate_surface", message, ("surfaces", index, "gpu"), gpu=surface.gpu)
            named.add(surface.gpu)
        return self

    @model_validator(mode="after")
    def _one_price_a_day(self) -> "RateCard":
        for index, rate in enumerate(self.rates):
            day = rate.as_of or self.as_of
            for number, point in enumerate(rate.points):
                if first_day(point.date) == first_day(day):
                    message: LiteralString = "{day} is the date of the rate itself, which is a point of the path too"
                    raise _refused("duplicate_point", message, ("rates", index, "points", number, "date"), day=day)
        return self


def first_day(date: str) -> tuple[int, int, int]:
    """Year, month and day a date begins at; a month begins with its first day."""
    year, month, day = f"{date}-01".split("-")[:3]
    return int(year), int(month), int(day)


def find_rate(card: RateCard, *, gpu_id: str, term: str, region: str | None = None) -> Rate | None:
    """The price of a GPU at a term, or None.

    A card with a single term overall is used for that term, whatever is asked; the rate returned says which it was.
    A price of the region asked for goes before one without a region. When no region is asked for, a price without one
    goes first, then the first of the card.

    Parameters
    ----------
    card : RateCard
        The card to look in.
    gpu_id : str
        Id of the GPU, as the card writes it.
    term : str
        The term of the lease.
    region : str, optional
        Where the GPUs stand.

    Returns
    -------
    Rate or None
        The price; None when the card has none for this GPU, term and region.
    """
    terms = {rate.term for rate in card.rates}
    wanted = next(iter(terms)) if len(terms) == 1 else term
    found = [rate for rate in card.rates if rate.gpu == gpu_id and rate.term == wanted]
    if region is not None:
        found = [rate for rate in found if rate.region in {region, None}]
        return min(found, key=lambda rate: rate.region is None, default=None)
    return min(found, key=lambda rate: rate.region is not None, default=None)


def find_surface(card: RateCard, gpu_id: str) -> Surface | None:
    """The surface of a GPU, or None."""
    return next((surface for surface in card.surfaces if surface.gpu == gpu_id), None)


def find_curve(card: RateCard, *, gpu_id: str, region: str | None = None) -> list[Rate]:
    """The prices of a GPU by term, shortest first: spot, else a month, and each longer commitment; at most one each."""
    curve: dict[float, Rate] = {}
    for term, months in TERM_MONTHS.items():
        own = [rate for rate in card.rates if rate.gpu == gpu_id and rate.term == term]
        found = [rate for rate in own if region is None or rate.region in {region, None}]
        if found:
            best = min(found, key=lambda rate: (rate.region is None) == (region is not None))
            curve.setdefault(months, best)
    return list(curve.values())


def tier_of(rate: Rate, gpu_count: float) -> Tier | None:
    """The tier that a number of GPUs takes: the last one it reaches; None below the first."""
    return next((tier for tier in reversed(rate.tiers) if gpu_count >= tier.from_gpu_count), None)


_NAMED = 20  # a card may price more than a message can hold


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def offered(card: RateCard, gpu_id: str) -> str:
    """What a card has for a GPU, terms with their regions; the GPUs it prices when it has nothing."""
    terms = sorted(
        {f"{rate.term} in {rate.region}" if rate.region else rate.term for rate in card.rates if rate.gpu == gpu_id}
    )
    if terms:
        return f"{_first(terms)} for it"
    named = {rate.gpu for rate in card.rates} | {surface.gpu for surface in card.surfaces}
    return _first(sorted(named)) or "none at all"
