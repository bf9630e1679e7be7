"""Rate cards: what an hour of a GPU costs to rent, by GPU, term and region, each price with its date and source."""

from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import Definition, Figure, Flag, Text, UsdPerGpuH, on_the_calendar

Term = Literal["spot", "on-demand", "1-month", "1-year", "2-year", "3-year", "5-year"]

PriceDate = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$"),
    AfterValidator(on_the_calendar),
]


class Rate(Definition):
    """One price. Without a region it holds everywhere; without a date it has the date of its card."""

    gpu: Text
    term: Term
    region: Text | None = None
    rate_usd_per_gpu_h: Figure[UsdPerGpuH]
    as_of: PriceDate | None = None
    note: Text | None = None


class RateCard(Definition):
    """A list of prices of one kind: what renting costs, or what owning costs. The two are never mixed in one card."""

    name: str = ""
    title: Text | None = None
    as_of: PriceDate
    currency: Literal["usd"]
    kind: Literal["rent", "owning-cost"] = "rent"
    note: Text | None = None
    rates: tuple[Rate, ...]
    replace: Flag = False  # whether it stands for the catalog's entry of its name

    @model_validator(mode="after")
    def _one_price_each(self) -> "RateCard":
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
        return self


def find_rate(card: RateCard, *, gpu_id: str, term: Term, region: str | None = None) -> Rate | None:
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
    term : Term
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
    return _first(sorted({rate.gpu for rate in card.rates})) or "none at all"
