"""What a reader of an imported card should know: rows left out, names guessed, prices and counts that look wrong."""

from collections.abc import Collection, Iterator, Sequence

from colocalc.catalog import Catalog
from colocalc.errors import quoted
from colocalc.lint import known_bands
from colocalc.prices.aggregate import Priced
from colocalc.prices.listing import Listing
from colocalc.prices.names import Names, Offer
from colocalc.units import text

_NAMED = 5
_ALIKE = 1.0 + 1e-9  # prices of one GPU may differ in the last digit after the division by their count


def remarks(listing: Listing, found: Sequence[Priced], names: Names, catalog: Catalog, file: str) -> tuple[str, ...]:
    """One sentence for each kind of thing to know, with the line where it is met first.

    Parameters
    ----------
    listing : Listing
        What the file holds.
    found : sequence of Priced
        Its prices by GPU of the catalog.
    names : Names
        What the names of the file mean.
    catalog : Catalog
        The GPUs, the bundled prices and the thresholds.
    file : str
        What to call the file.

    Returns
    -------
    tuple of str
        Sentences without a full stop.
    """
    said = (*_left_out(listing), *_names(listing, names), *_counts(listing, names, catalog))
    return tuple(f"{file}: {sentence}" for sentence in (*said, *_spot(listing), *_bands(found, catalog)))


def _left_out(listing: Listing) -> Iterator[str]:
    for lines, what in (
        (listing.without_gpu, "no accelerator and left out"),
        (listing.unpriced, "no price and left out"),
        (listing.zero_spot, "a spot price of zero, which is none and left out"),
        (listing.without_host, "no instance (prices of the GPUs alone, without their host)"),
    ):
        if lines:
            yield f"{_counted(len(lines), 'row')} with {what}, the first in line {lines[0]}"


def _names(listing: Listing, names: Names) -> Iterator[str]:
    unknown: dict[str, int] = {}
    guessed: dict[str, tuple[set[str], int]] = {}
    for (offer, _, _), group in listing.groups.items():
        meaning, count = names.meaning(offer), len(group.lines)
        if meaning.gpu is None:
            unknown[_told(offer)] = unknown.get(_told(offer), 0) + count
        elif meaning.guessed:
            told, before = guessed.get(meaning.gpu, (set(), 0))
            guessed[meaning.gpu] = (told | {_told(offer)}, before + count)
    if unknown:
        said = "1 name is" if len(unknown) == 1 else f"{len(unknown):,} names are"
        prices = _counted(sum(unknown.values()), "price")
        yield f"{said} not in the catalog, {prices} left out: {_first(unknown)}"
    for gpu, (told, count) in sorted(guessed.items()):
        yield f"{_first(told)} may be one of several, {gpu} is taken for it ({_counted(count, 'price')})"


def _first(names: Collection[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(map(quoted, sorted(names)[:_NAMED])) + more


def _told(offer: Offer) -> str:
    memory = f" {offer.memories_gbyte[0]:.0f}GB" if offer.memories_gbyte else ""
    return f"{offer.name}{'' if 'gb' in offer.name.casefold() else memory}"


def _counts(listing: Listing, names: Names, catalog: Catalog) -> Iterator[str]:
    """Rows with more GPUs than a server of theirs holds: the count, and so the price of one, may be wrong."""
    found = []
    for offer, most in listing.most.items():
        gpu = names.meaning(offer).gpu
        holds = catalog.gpus[gpu].node_gpu_count if gpu and not gpu.startswith("tpu") else None
        if holds is not None and most.count > holds.value:
            found.append((most.line, most.count, gpu, holds.value))
    for line, count, gpu, holding in sorted(found)[:_NAMED]:
        yield (
            f"line {line}: {count:g} {gpu} in one instance, where a server holds {holding:g}: "
            "the count may be wrong, and with it the price of one"
        )


def _spot(listing: Listing) -> Iterator[str]:
    """Offers whose dearest spot price in a region is above their dearest on-demand price there."""
    found = []
    for (offer, term, region), group in listing.groups.items():
        on_demand = listing.groups.get((offer, "on-demand", region))
        if term != "spot" or on_demand is None:
            continue
        rates = group.rates_usd_per_gpu_h
        spot, listed = max(rates), max(on_demand.rates_usd_per_gpu_h)
        if spot > listed * _ALIKE:
            found.append((group.lines[rates.index(spot)], offer.name, spot, listed))
    if found:
        line, name, spot, listed = min(found)
        more = f"; so it is {len(found) - 1:,} times more" if len(found) > 1 else ""
        dear, plain = text(spot, "usd_per_gpu_h"), text(listed, "usd_per_gpu_h")
        yield f"line {line}: spot {quoted(name)} at {dear} is dearer than on-demand at {plain}{more}"


def _bands(found: Sequence[Priced], catalog: Catalog) -> Iterator[str]:
    """Prices far from the bundled rents of their GPU; they stay in the card, where a median hardly minds them."""
    bands, slack = known_bands(catalog), float(catalog.default("cards.band_slack_factor").value)
    for one in found:
        if (band := bands.get(("rent", one.gpu))) is None:
            continue
        far = [(line, usd) for usd, line in one.rows() if band.outside_factor(usd) > slack]
        if far:
            line, usd = min(far)
            low, high = band.low_usd_per_gpu_h / slack, band.high_usd_per_gpu_h * slack
            yield (
                f"{_counted(len(far), f'{one.term} price')} of {one.gpu} outside {text(low, 'usd_per_gpu_h')} to "
                f"{text(high, 'usd_per_gpu_h')}, the first in line {line}: {text(usd, 'usd_per_gpu_h')}"
            )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
