"""What looks wrong with a rate card: prices in another unit, out of their band, out of order, out of date.

Findings are warnings: a price that is true may look odd. What a card may not hold at all is refused where it is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from colocalc.card import Rate, RateCard, Term
from colocalc.catalog import Catalog
from colocalc.errors import did_you_mean, printable, quoted
from colocalc.figure import Figure
from colocalc.fleet import Fleet
from colocalc.units import HOURS_PER_YEAR, MONTHS_PER_YEAR, text

Kind = Literal["gpu", "duplicate", "zero", "width", "band", "unit", "spot", "term", "tier", "stale", "future"]

_TERMS: tuple[Term, ...] = get_args(Term)  # from spot to the longest commitment
_SHOWN_CHARACTERS = 80
_HINTS = 20


@dataclass(frozen=True)
class CardFinding:
    """One thing that looks wrong with a rate card; every text is safe to show.

    Attributes
    ----------
    card : str
        Name of the card.
    path : str
        Where it stands in the card, for example ``rates.3``.
    gpu : str
        Id of the GPU priced there, or the name the card has for it.
    kind : str
        ``gpu`` unknown, ``duplicate`` price, ``zero`` rate, ``width`` of the range, ``band`` of the GPU, ``unit`` slip,
        ``spot`` above on-demand, longer ``term`` dearer than a shorter one, ``tier`` dearer than a smaller one,
        ``stale``, ``future``.
    message : str
        One sentence without a full stop, with the numbers.
    """

    card: str
    path: str
    gpu: str
    kind: Kind
    message: str


@dataclass(frozen=True)
class Band:
    """The cheapest and the dearest bundled price of a GPU."""

    low_usd_per_gpu_h: float
    high_usd_per_gpu_h: float

    def outside_factor(self, rate_usd_per_gpu_h: float) -> float:
        """How many times a price above zero lies below or above the band; one inside it."""
        return max(self.low_usd_per_gpu_h / rate_usd_per_gpu_h, rate_usd_per_gpu_h / self.high_usd_per_gpu_h, 1.0)


Bands = Mapping[tuple[str, str], Band]


@dataclass(frozen=True)
class _Row:
    """A price with its place in the card, what the card calls its GPU, and its id, None where there is no such GPU."""

    place: int
    path: str
    named: str
    gpu_id: str | None
    figure: Figure[float]

    @property
    def usd(self) -> float:
        return self.figure.value

    @property
    def gpu(self) -> str:
        return self.gpu_id or printable(self.named, _SHOWN_CHARACTERS)


@dataclass(frozen=True)
class _RateRow(_Row):
    """The price of a rate."""

    rate: Rate


def _rate_rows(card: RateCard, catalog: Catalog) -> list[_RateRow]:
    return [
        _RateRow(place, f"rates.{place}", rate.gpu, catalog.resolve_gpu(rate.gpu), rate.rate_usd_per_gpu_h, rate)
        for place, rate in enumerate(card.rates)
    ]


def _within(row: _RateRow) -> Iterator[_Row]:
    """A rate, its tiers that have a rate of their own, and its points."""
    yield row
    for number, tier in enumerate(row.rate.tiers):
        if tier.rate_usd_per_gpu_h is not None:
            yield _part(row, f"tiers.{number}", tier.rate_usd_per_gpu_h)
    for number, point in enumerate(row.rate.points):
        yield _part(row, f"points.{number}", point.rate_usd_per_gpu_h)


def _part(row: _Row, part: str, figure: Figure[float] | None = None) -> _Row:
    return _Row(row.place, f"{row.path}.{part}", row.named, row.gpu_id, figure or row.figure)


def _surface_rows(card: RateCard, catalog: Catalog) -> Iterator[_Row]:
    """The ceiling and the floor of each surface, behind the rates."""
    for number, surface in enumerate(card.surfaces):
        gpu_id, place = catalog.resolve_gpu(surface.gpu), len(card.rates) + number
        for key in ("ceiling_usd_per_gpu_h", "floor_usd_per_gpu_h"):
            yield _Row(place, f"surfaces.{number}.{key}", surface.gpu, gpu_id, getattr(surface, key))


_Found = Iterator[tuple[_Row, Kind, str]]


def lint_cards(fleet: Fleet, catalog: Catalog) -> tuple[CardFinding, ...]:
    """What looks wrong with the cards a fleet is priced by and with those of its own file.

    Parameters
    ----------
    fleet : Fleet
        A valid definition; prices are judged as of its date, when it has one.
    catalog : Catalog
        What ships, with the fleet's own GPUs and cards.

    Returns
    -------
    tuple of CardFinding
        Card by card, the cards in use first.
    """
    own = {name: card.model_copy(update={"name": name}) for name, card in fleet.cards.items()}
    bands = known_bands(catalog)
    findings: list[CardFinding] = []
    for name in dict.fromkeys((*_cards_in_use(fleet, catalog), *own)):
        card = own[name] if name in own else catalog.card(name)
        findings += lint_card(card, catalog=catalog, as_of=fleet.as_of, bands=bands)
    return tuple(findings)


def lint_card(
    card: RateCard, *, catalog: Catalog, as_of: str | None = None, bands: Bands | None = None
) -> tuple[CardFinding, ...]:
    """What looks wrong with one card.

    Parameters
    ----------
    card : RateCard
        The card to look at. GPUs may be named by alias.
    catalog : Catalog
        The GPUs and the thresholds, ``cards.*`` of its defaults.
    as_of : str, optional
        The date prices are judged at; the card's own when there is none.
    bands : Bands, optional
        What ``known_bands`` returned, when several cards are looked at.

    Returns
    -------
    tuple of CardFinding
        In the order of the card.
    """
    rows, surfaces = _rate_rows(card, catalog), list(_surface_rows(card, catalog))
    every = [*(one for row in rows for one in _within(row)), *surfaces]
    found = [
        *_unknown_gpus([*rows, *surfaces[::2]], catalog),
        *_duplicates(rows),
        *_zeros(every),
        *_widths(every, catalog),
        *_prices(every, card, catalog, known_bands(catalog) if bands is None else bands),
        *(_order(rows) if card.kind == "rent" else ()),
        *_tiers(rows),
        *_dates(rows, card, catalog, as_of),
    ]
    name = printable(card.name, _SHOWN_CHARACTERS)
    return tuple(
        CardFinding(name, row.path, row.gpu, kind, message)
        for row, kind, message in sorted(found, key=lambda one: one[0].place)
    )


def known_bands(catalog: Catalog) -> dict[tuple[str, str], Band]:
    """The band of each GPU over the cards that ship, by kind of card and id: rents and owning costs apart.

    A band runs from the lowest low to the highest high, whatever the term, region and date; a surface counts from floor
    to ceiling. Cards of the fleet's own file are not counted.
    """
    ships = [catalog.card(name) for name in catalog.card_names() if f"cards.{name}" not in catalog.own]
    bands: dict[tuple[str, str], Band] = {}
    for card in ships:
        found = [(rate.gpu, *_range(rate.rate_usd_per_gpu_h)) for rate in card.rates]
        found += [(one.gpu, one.floor_usd_per_gpu_h.value, one.ceiling_usd_per_gpu_h.value) for one in card.surfaces]
        for gpu, low, high in found:
            before = bands.get((card.kind, gpu), Band(low, high))
            bands[card.kind, gpu] = Band(min(before.low_usd_per_gpu_h, low), max(before.high_usd_per_gpu_h, high))
    return bands


def _cards_in_use(fleet: Fleet, catalog: Catalog) -> Iterator[str]:
    for lease in (*((fleet.lease,) if fleet.lease else ()), *fleet.contracts):
        if lease.rate_usd_per_gpu_h is None and lease.fee_usd_per_month is None:
            yield lease.rate_card or str(catalog.default("lease.rate_card").value)
        for follower in (lease.repricing, lease.market):
            if follower is not None and follower.rate_card is not None:
                yield follower.rate_card


def _threshold(catalog: Catalog, name: str) -> float:
    return float(catalog.default(f"cards.{name}").value)


def _range(figure: Figure[float]) -> tuple[float, float]:
    return (
        figure.value if figure.low is None else figure.low,
        figure.value if figure.high is None else figure.high,
    )


def _usd(value: float) -> str:
    return text(value, "usd_per_gpu_h")


# Single rows


def _unknown_gpus(rows: list[_Row], catalog: Catalog) -> _Found:
    known = catalog.gpu_names()
    for number, row in enumerate(row for row in rows if row.gpu_id is None):
        # The nearest of all names takes a while: a card of nothing but unknown GPUs gets a few hints.
        hint = did_you_mean(row.named, known) if number < _HINTS else None
        yield row, "gpu", f"unknown GPU {quoted(row.named)}" + (f"; {hint}" if hint else "")


def _duplicates(rows: list[_RateRow]) -> _Found:
    first: dict[tuple[str | None, str, str | None], _RateRow] = {}
    for row in rows:
        if row.gpu_id is None:
            continue
        earlier = first.setdefault((row.gpu_id, row.rate.term, row.rate.region), row)
        if earlier is not row:
            message = f"prices {row.gpu_id} {row.rate.term} a second time: rates.{earlier.place} has it at"
            yield row, "duplicate", f"{message} {_usd(earlier.usd)} as {quoted(earlier.named)}"


def _zeros(rows: list[_Row]) -> _Found:
    for row in rows:
        if row.usd == 0.0:
            yield row, "zero", "a rate of zero: nobody rents for nothing; leave out a price that is not known"


def _widths(rows: list[_Row], catalog: Catalog) -> _Found:
    widest = _threshold(catalog, "wide_band_factor")
    for row in rows:
        low, high = _range(row.figure)
        if high > widest * low:
            yield row, "width", f"from {_usd(low)} to {_usd(high)} is more than a factor of {widest:g}"


# Against the bundled prices of the same GPU


def _prices(rows: list[_Row], card: RateCard, catalog: Catalog, bands: Bands) -> _Found:
    slack = _threshold(catalog, "band_slack_factor")
    for row in rows:
        band = bands.get((card.kind, row.gpu_id or ""))
        if band is None or row.usd == 0.0:
            continue
        if band.outside_factor(row.usd) > slack:
            low, high = band.low_usd_per_gpu_h / slack, band.high_usd_per_gpu_h * slack
            what = "rents" if card.kind == "rent" else "owning costs"
            message = f"{_usd(row.usd)} is outside {_usd(low)} to {_usd(high)}, the bundled {what} of {row.gpu}"
            yield row, "band", f"{message} with a factor of {slack:g} to either side"
        slip = _slip(row.gpu_id or "", row.usd, band, catalog)
        if slip is not None:
            yield row, "unit", slip


def unit_slip(gpu_id: str, rate_usd_per_gpu_h: float, catalog: Catalog, bands: Bands) -> str | None:
    """What a rent above all bundled ones of a GPU looks like a price of, as half a sentence; None when it is none.

    Parameters
    ----------
    gpu_id : str
        Id of the GPU.
    rate_usd_per_gpu_h : float
        The rate as given [USD/GPU-h].
    catalog : Catalog
        The GPUs and the thresholds, ``cards.*`` of its defaults.
    bands : Bands
        What ``known_bands`` returned.
    """
    band = bands.get(("rent", gpu_id))
    return None if band is None else _slip(gpu_id, rate_usd_per_gpu_h, band, catalog)


def _slip(gpu_id: str, usd: float, band: Band, catalog: Catalog) -> str | None:
    """The package or the time a price above all known ones is a plausible price of; None when there is none."""
    if usd <= band.high_usd_per_gpu_h:
        return None
    off, share, words = min(
        (band.outside_factor(usd / count), usd / count, words) for words, count in _other_units(gpu_id, catalog)
    )
    is_plausible = off <= _threshold(catalog, "band_slack_factor")
    return f"{_usd(usd)} looks like a rate per {words} it would be {_usd(share)}" if is_plausible else None


def _other_units(gpu_id: str, catalog: Catalog) -> Iterator[tuple[str, float]]:
    """What else a price may be of, and how many GPU-hours that is."""
    gpu = catalog.gpus[gpu_id]
    for package in ("rack", "superchip", "node"):
        count = getattr(gpu, f"{package}_gpu_count")
        if count is not None and count.value > 1.0:
            yield f"{package} of {count.value:,.0f}: per GPU", count.value
    yield "month: per hour", HOURS_PER_YEAR / MONTHS_PER_YEAR
    yield "year: per hour", HOURS_PER_YEAR


# Against other rows of the card


def _order(rows: list[_RateRow]) -> _Found:
    """Spot dearer than on-demand, and commitments dearer than the next shorter one, each in one region."""
    curves: dict[tuple[str, str | None], dict[str, _RateRow]] = {}
    for row in rows:
        curves.setdefault((row.gpu, row.rate.region), {}).setdefault(row.rate.term, row)
    for curve in curves.values():
        spot, *committed = (curve.get(term) for term in _TERMS)
        on_demand = committed[0]
        if spot and on_demand and spot.usd > on_demand.usd:
            yield spot, "spot", f"spot at {_usd(spot.usd)} is dearer than on-demand at {_usd(on_demand.usd)}"
        yield from _inverted([row for row in committed if row is not None])


def _inverted(curve: list[_RateRow]) -> _Found:
    for shorter, longer in pairwise(curve):
        if longer.usd > shorter.usd:
            message = f"{longer.rate.term} at {_usd(longer.usd)} is dearer than {shorter.rate.term} at"
            note = "curves do invert in a shortage, as in 2026"
            yield longer, "term", f"{message} {_usd(shorter.usd)}; {note}"


def _tiers(rows: list[_RateRow]) -> _Found:
    """More GPUs at a higher price than fewer."""
    for row in rows:
        before, said = row.usd, "the rate itself"
        for number, tier in enumerate(row.rate.tiers):
            own, off = tier.rate_usd_per_gpu_h, tier.discount_share
            usd = own.value if own is not None else row.usd * (1.0 - (off.value if off is not None else 0.0))
            if usd > before:
                message = f"from {tier.from_gpu_count:,.0f} GPUs at {_usd(usd)} is dearer than {said} at {_usd(before)}"
                yield _part(row, f"tiers.{number}"), "tier", message
            before, said = usd, f"from {tier.from_gpu_count:,.0f}"


# Against the calendar


def _dates(rows: list[_RateRow], card: RateCard, catalog: Catalog, as_of: str | None) -> _Found:
    limit = _threshold(catalog, "stale_months")
    judged, whose = (card.as_of, "card") if as_of is None else (as_of, "fleet")
    for row in rows:
        dated = row.rate.as_of or card.as_of
        age = _months(judged) - _months(dated)
        for number, point in enumerate(row.rate.points):
            if point.kind == "observed" and _later(point.date, judged):
                message = f"observed at {point.date}, after the {whose}'s date of {judged}"
                yield _part(row, f"points.{number}"), "future", message
        if _later(dated, judged):
            yield row, "future", f"a price of {dated}, after the {whose}'s date of {judged}"
        elif age > limit:
            message = f"a price of {dated}, {age} months before the {whose}'s date of {judged}"
            yield row, "stale", f"{message}; older than {limit:g} months is stale"


def _later(date: str, than: str) -> bool:
    """Whether a date is surely later, by what both of them say: no day of May 2026 is later than May 2026."""
    shown = min(len(date), len(than))
    return date[:shown] > than[:shown]


def _months(date: str) -> int:
    """Months of the calendar up to a date; a year alone stands for its January."""
    year, month = f"{date}-01".split("-")[:2]
    return int(year) * int(MONTHS_PER_YEAR) + int(month)
