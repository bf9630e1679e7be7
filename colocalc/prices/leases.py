"""The files of prices that the leases of a raw fleet name, read into its cards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from colocalc import yamlio
from colocalc.catalog import Catalog
from colocalc.errors import ColocalcError, Fault, InputError, quoted
from colocalc.faults import fault_at
from colocalc.prices import PriceFile, price_file
from colocalc.reading import is_file, lies_below

Place = tuple[str | int, ...]


def with_price_cards(tree: Any, folder: Path | None, catalog: Catalog, *, asked: str | None = None) -> tuple[str, ...]:
    """Puts a card into a raw fleet for each file of prices that its leases name.

    Parameters
    ----------
    tree : Map
        The raw fleet; what is no fleet is left alone.
    folder : Path or None
        The fleet's own folder, below which its files lie; None for a fleet on standard input.
    catalog : Catalog
        The GPUs that names are looked up among.
    asked : str, optional
        The card asked for on the command line, whose file may lie anywhere.

    Returns
    -------
    tuple of str
        What was left out, taken for granted, or looks wrong.

    Raises
    ------
    InputError
        When a file lies elsewhere or is not there, and with every fault of a file.
    """
    uses = _uses(tree)
    if not uses:
        return ()
    from colocalc.prices.cards import read_prices

    faults = [fault for given, places in uses if given.name != asked for fault in _faults(tree, given, places, folder)]
    if faults:
        raise InputError(faults)
    notes: list[str] = []
    for given, places in uses:
        path = Path(given.file) if given.name == asked or folder is None else folder / given.file
        found = read_prices(given, path, catalog, {_region(tree, place) for place in places})
        _put(tree, "cards", given.name, found.card)
        _put(tree, "sources", given.name, found.source)
        notes += found.notes
    return tuple(notes)


def _uses(tree: Any) -> list[tuple[PriceFile, list[Place]]]:
    """The files of prices that leases name, each with the leases; a card of that name in the fleet goes before."""
    own = tree.get("cards") if isinstance(tree, yamlio.Map) else None
    found: dict[str, tuple[PriceFile, list[Place]]] = {}
    for place, lease in _leases(tree):
        name = lease.get("rate_card")
        if not isinstance(name, str) or (isinstance(own, dict) and name in own):
            continue
        given = _price_file(tree, place, name)
        if given is not None:
            found.setdefault(name, (given, []))[1].append(place)
    return list(found.values())


def _price_file(tree: Any, place: Place, name: str) -> PriceFile | None:
    try:
        return price_file(name)
    except ColocalcError as error:
        raise InputError([fault_at(tree, (*place, "rate_card"), error.message)]) from None


def _leases(tree: Any) -> Iterator[tuple[Place, yamlio.Map]]:
    if not isinstance(tree, yamlio.Map):
        return
    contracts = tree.get("contracts")
    listed = enumerate(contracts) if isinstance(contracts, list) else ()
    for place, lease in ((("lease",), tree.get("lease")), *((("contracts", number), one) for number, one in listed)):
        if isinstance(lease, yamlio.Map):
            yield place, lease


def _faults(tree: Any, given: PriceFile, places: list[Place], folder: Path | None) -> Iterator[Fault]:
    key = (*places[0], "rate_card")
    if folder is None:
        yield fault_at(tree, key, "a fleet on standard input has no folder to read a file from")
    elif not _lies_below(given.file, folder):
        yield fault_at(tree, key, f"{quoted(given.file)} is not below the fleet's own folder")
    elif not is_file(folder / given.file):
        yield fault_at(tree, key, f"no file {quoted(given.file)} in the fleet's folder")


def _lies_below(file: str, folder: Path) -> bool:
    if "://" in file or "\0" in file or Path(file).is_absolute():
        return False
    return lies_below(folder / file, folder)


def _region(tree: Any, place: Place) -> str | None:
    lease = tree
    for part in place:
        lease = lease[part]
    region = lease.get("region")
    return region if isinstance(region, str) and region else None


def _put(tree: Any, block: str, name: str, entry: yamlio.Map) -> None:
    if tree.get(block) is None:
        yamlio.put(tree, block, yamlio.new_map(entry.file))
    if isinstance(tree[block], yamlio.Map):  # else validation says what is wrong with it
        yamlio.put(tree[block], name, entry)
