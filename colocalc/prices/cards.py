"""The rate card in a file of prices: what its rates, its title, its date and its source are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from colocalc import yamlio
from colocalc.catalog import Catalog
from colocalc.errors import ColocalcError, did_you_mean, printable, quoted
from colocalc.prices import SHOWN_CHARACTERS, PriceFile
from colocalc.prices.aggregate import Priced, priced
from colocalc.prices.findings import remarks
from colocalc.prices.listing import read_listing
from colocalc.prices.names import Names
from colocalc.prices.own import OwnRate, read_own
from colocalc.prices.rows import MAX_BYTES
from colocalc.reading import read_bytes

_TITLES: Final = {"skypilot": "SkyPilot catalog", "gpuhunt": "gpuhunt catalog", "own": "price list"}
_NAMED = 10


@dataclass(frozen=True)
class CardFromFile:
    """A rate card as read from a file of prices, before it is validated as a card.

    Attributes
    ----------
    card : Map
        The raw card, to stand under ``cards`` in a fleet.
    source : Map
        The entry for ``sources`` that its rates cite under the card's name.
    notes : tuple of str
        What was left out, taken for granted, or looks wrong, with lines.
    """

    card: yamlio.Map
    source: yamlio.Map
    notes: tuple[str, ...]


def read_prices(
    given: PriceFile, path: Path, catalog: Catalog, regions: Iterable[str | None] = (None,)
) -> CardFromFile:
    """The rate card in a file of prices.

    Parameters
    ----------
    given : PriceFile
        What the user asked for.
    path : Path
        Where the file is.
    catalog : Catalog
        The GPUs that names are looked up among, and the prices that bands are taken from.
    regions : iterable of str or None
        The regions that leases ask for; None for the prices of all regions together.

    Returns
    -------
    CardFromFile

    Raises
    ------
    InputError
        With every fault of the file.
    ColocalcError
        When the file cannot be read, prices no GPU, or has no such region.
    """
    source = read_bytes(path, MAX_BYTES)
    if given.kind == "own":
        return _own(given, path, source)
    listing = read_listing(given.kind, source, str(path))
    names = Names(catalog)
    found = priced(listing, names)
    if not found:
        raise ColocalcError("prices no GPU of the catalog", where=str(path))
    wanted = sorted(set(regions), key=lambda region: region or "")
    _check_regions(found, wanted, path)
    as_of, whence = _as_of(given, path)
    about = f"{_TITLES[given.kind]} {_short(path.name)}, provider {given.provider}"
    card = _card(given, about, as_of, f"as of {as_of}, {whence}")
    rates = [_rate(given.name, one, region) for region in wanted for one in found if one.has(region)]
    yamlio.put(card, "rates", _list(rates, str(path)))
    entry = _map(str(path), title=about, date=as_of, kind="dataset", note=whence)
    dated = f"{_short(given.name)}: prices as of {as_of}, {whence}"
    if given.as_of is None:
        dated += "; the format has no date: put @YYYY-MM-DD behind the file to give it"
    return CardFromFile(card, entry, (dated, *remarks(listing, found, names, catalog, _short(path.name))))


def _check_regions(found: Sequence[Priced], wanted: Iterable[str | None], path: Path) -> None:
    known = sorted({region for one in found for region in one.regions})
    for region in wanted:
        if region is not None and region not in known:
            hint = did_you_mean(region, known) or f"it has {', '.join(map(quoted, filter(None, known[:_NAMED])))}"
            raise ColocalcError(f"has no region {quoted(region)}", where=str(path), hint=hint)


def _as_of(given: PriceFile, path: Path) -> tuple[str, str]:
    if given.as_of is not None:
        return given.as_of, "the date given with the file"
    modified = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    return modified.date().isoformat(), "the file's modification date"


def _rate(source: str, one: Priced, region: str | None) -> yamlio.Map:
    rates = one.rates(region)
    figure = _map(source, value=rates.median, low=rates.least, high=rates.greatest, source=source)
    where = f"in {printable(region, SHOWN_CHARACTERS)}" if region is not None else rates.where
    prices = "the only price" if rates.count == 1 else f"median of {rates.count:,} prices"
    rate = _map(source, gpu=one.gpu, term=one.term, rate_usd_per_gpu_h=figure, note=f"{prices} {where}")
    if region is not None:
        yamlio.put(rate, "region", region)
    return rate


def _card(given: PriceFile, about: str, as_of: str, dated: str) -> yamlio.Map:
    note = f"From the {about}, {dated}."
    if given.kind != "own":
        note += " A rate is the median of the prices of its GPU; low and high are the least and the greatest."
    return _map(given.name, title=about, as_of=as_of, currency="usd", note=note)


def _own(given: PriceFile, path: Path, source: bytes) -> CardFromFile:
    """A CSV file with the columns of a card's rates: they are taken as they are."""
    found = read_own(source, str(path))
    dates = [row.as_of for row in found if row.as_of]
    as_of, whence = (max(dates), "its latest price") if dates and given.as_of is None else _as_of(given, path)
    about = f"{_TITLES['own']} {_short(path.name)}"
    card = _card(given, about, as_of, f"as of {as_of}, {whence}")
    rates = [_own_rate(given.name, row) for row in found]
    yamlio.put(card, "rates", _list(rates, str(path)))
    entry = _map(str(path), title=about, date=as_of, kind="own", note=whence)
    return CardFromFile(card, entry, (f"{_short(given.name)}: prices as of {as_of}, {whence}",))


def _own_rate(source: str, row: OwnRate) -> yamlio.Map:
    figure = _map(source, value=row.rate_usd_per_gpu_h, source=source)
    rate = _map(source, gpu=row.gpu, term=row.term, rate_usd_per_gpu_h=figure)
    for key, value in (("region", row.region), ("as_of", row.as_of)):
        if value:
            yamlio.put(rate, key, value)
    return rate


def _map(file: str, **entries: Any) -> yamlio.Map:
    built = yamlio.new_map(file)
    for key, value in entries.items():
        yamlio.put(built, key, value)
    return built


def _list(items: Iterable[Any], file: str) -> yamlio.List:
    built = yamlio.List(file)
    built.extend(items)
    built.values_at.extend(yamlio.Mark(1, 1) for _ in built)
    return built


def _short(text: str) -> str:
    return printable(text, SHOWN_CHARACTERS)
