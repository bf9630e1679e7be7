"""A rate card as tables: its rates, volume tiers, prices at other dates, and prices by term and prepayment."""

from collections.abc import Iterator
from typing import Final

from colocalc.card import TERM_MONTHS, Rate, RateCard, Surface, Tier
from colocalc.case.card_rates import surface_table
from colocalc.report.table import Column, Table
from colocalc.units import unit_of

_TERMS: Final = ("1-month", "1-year", "3-year", "5-year")
_HALF, _ALL = 0.5, 1.0
_SOURCE, _NOTE = Column("source", "Source", kind="text"), Column("note", "Note", kind="text", wide=True)


def card_tables(card: RateCard) -> tuple[Table, ...]:
    """Everything on a card, each number with its date and source."""
    return tuple(_tables(card))


def _tables(card: RateCard) -> Iterator[Table]:
    if card.rates:
        yield _rates(card)
    if any(rate.tiers for rate in card.rates):
        yield _tiers(card)
    if any(rate.points for rate in card.rates):
        yield _points(card)
    if card.surfaces:
        yield _surfaces(card)
        yield _parts(card)


def _title(card: RateCard) -> str:
    kind = "rents" if card.kind == "rent" else "owning costs"
    return f"Rate card {card.name}: {card.title or kind}"


def _rates(card: RateCard) -> Table:
    """The rates; their bands are always shown where every rate has one."""
    figures = [rate.rate_usd_per_gpu_h for rate in card.rates]
    some_bare = any(figure.low is None or figure.high is None for figure in figures)
    columns = (
        Column("gpu", "GPU", kind="text"),
        Column("term", "Term", kind="text"),
        Column("region", "Region", kind="text", wide=True),
        Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
        Column("low_usd_per_gpu_h", "Low", "usd_per_gpu_h", wide=some_bare),
        Column("high_usd_per_gpu_h", "High", "usd_per_gpu_h", wide=some_bare),
        Column("as_of", "As of", kind="text"),
        # A card from a file of prices is its own source: the title says so already.
        Column("source", "Source", kind="text", wide=all(figure.source == card.name for figure in figures)),
        _NOTE,
    )
    rows = tuple(
        (
            rate.gpu,
            rate.term,
            rate.region or "any",
            rate.rate_usd_per_gpu_h.value,
            rate.rate_usd_per_gpu_h.low,
            rate.rate_usd_per_gpu_h.high,
            rate.as_of or card.as_of,
            rate.rate_usd_per_gpu_h.source,
            rate.note or rate.rate_usd_per_gpu_h.note,
        )
        for rate in card.rates
    )
    return Table("rate_card", _title(card), columns, rows, caption=card.note or "")


def _tiers(card: RateCard) -> Table:
    columns = (
        Column("gpu", "GPU", kind="text"),
        Column("term", "Term", kind="text"),
        Column("region", "Region", kind="text", wide=True),
        Column("from_gpu_count", "From GPUs", "count"),
        Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
        Column("discount_share", "Off", "share"),
        Column("as_of", "As of", kind="text"),
        _SOURCE,
        _NOTE,
    )
    rows = tuple(_tier(tier, rate, card) for rate in card.rates for tier in rate.tiers)
    caption = "A contract takes the last tier that its GPUs of the type reach, over all its pools."
    return Table("volume_tiers", f"Volume tiers of {card.name}", columns, rows, caption=caption)


def _tier(tier: Tier, rate: Rate, card: RateCard) -> tuple[object, ...]:
    own, off = tier.rate_usd_per_gpu_h, tier.discount_share
    base = rate.rate_usd_per_gpu_h.value
    usd = own.value if own is not None else base * (1.0 - (off.value if off is not None else 0.0))
    given = own if own is not None else off
    return (
        rate.gpu,
        rate.term,
        rate.region or "any",
        tier.from_gpu_count,
        usd,
        1.0 - usd / base if base else None,
        tier.as_of or rate.as_of or card.as_of,
        given.source if given is not None else None,
        tier.note or (given.note if given is not None else None),
    )


def _points(card: RateCard) -> Table:
    columns = (
        Column("gpu", "GPU", kind="text"),
        Column("term", "Term", kind="text"),
        Column("region", "Region", kind="text", wide=True),
        Column("date", "Date", kind="text"),
        Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
        Column("kind", "Kind", kind="text"),
        _SOURCE,
        _NOTE,
    )
    rows = tuple(
        (
            rate.gpu,
            rate.term,
            rate.region or "any",
            point.date,
            point.rate_usd_per_gpu_h.value,
            point.kind,
            point.rate_usd_per_gpu_h.source,
            point.note or point.rate_usd_per_gpu_h.note,
        )
        for rate in card.rates
        for point in rate.points
    )
    caption = "Beside the rate at its own date; prices between two dates lie on a line, the last one stays."
    return Table("price_points", f"Prices of {card.name} at other dates", columns, rows, caption=caption)


def _surfaces(card: RateCard) -> Table:
    """The rates of each surface, prepayments down and terms across."""
    months = tuple(TERM_MONTHS[term] for term in _TERMS)
    alone = len(card.surfaces) == 1
    columns = (
        Column("gpu", "GPU", kind="text", wide=alone),
        Column("prepaid_share", "Prepaid", "share"),
        *(
            Column(f"months_{term:.0f}_usd_per_gpu_h", name.replace("-", " "), "usd_per_gpu_h")
            for term, name in zip(months, _TERMS, strict=True)
        ),
    )
    rows = tuple(
        (surface.gpu, share, *prices)
        for surface in card.surfaces
        for share, prices in zip(
            _prepayments(surface), surface_table(surface, months, _prepayments(surface)), strict=True
        )
    )
    title = f"Prices of {card.surfaces[0].gpu if alone else card.name} by term and prepayment"
    title = title if card.rates else f"{_title(card)}{f', {card.surfaces[0].gpu}' if alone else ''}"
    caption = "" if card.rates else card.note or ""
    return Table("surfaces", title, columns, rows, caption=caption)


def _prepayments(surface: Surface) -> tuple[float, ...]:
    """From the least that counts to all fees."""
    first, last = surface.prepay_from_share.value, surface.prepay_to_share.value
    return tuple(sorted({first, (first + last) / 2.0, last, max(last, _HALF), _ALL}))


_SCORES: Final = (
    "rate = (ceiling - (ceiling - floor) (term weight x term score + prepay weight x prepay score)) x (1 - extra); a "
    "score is 0 up to its from and 1 from its to on."
)


def _parts(card: RateCard) -> Table:
    """The numbers that make each surface."""
    columns = (
        Column("gpu", "GPU", kind="text", wide=len(card.surfaces) == 1),
        Column("key", "Part", kind="text"),
        Column("value", "Value", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("low", "Low", unit_from="unit", wide=True),
        Column("high", "High", unit_from="unit", wide=True),
        Column("as_of", "As of", kind="text"),
        _SOURCE,
        _NOTE,
    )
    rows = []
    for surface in card.surfaces:
        for key in type(surface).model_fields:
            unit, figure = unit_of(key), getattr(surface, key)
            if unit is not None and figure is not None:
                source, note = figure.source, figure.note or ""
                band = (figure.value, unit.suffix, figure.low, figure.high)
                rows.append((surface.gpu, key, *band, surface.as_of or card.as_of, source, note))
    notes = [surface.note for surface in card.surfaces if surface.note]
    caption = " ".join([_SCORES, *(f"{note[0].upper()}{note[1:]}." for note in dict.fromkeys(notes))])
    return Table("surface_parts", "What the rates come from", columns, tuple(rows), caption=caption)
