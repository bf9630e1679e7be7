"""Keys of a raw tree set by their dotted path: how ``--set`` and scenarios change a fleet before it is validated."""

from collections.abc import Callable, Iterator
from typing import Any

from colocalc import yamlio
from colocalc.errors import did_you_mean, printable, quoted

Place = tuple[str, yamlio.Mark] | None
Resolver = Callable[[str], str | None]


def put(tree: Any, key: str, value: Any, *, mark: Place, resolve: Resolver) -> str | None:
    """Sets a dotted key, creating blocks on the way; entries of lists are found by name or number.

    Parameters
    ----------
    tree : Map
        What is changed.
    key : str
        For example ``pools.gb200.count``.
    value : object
        As the reader would give it.
    mark : tuple or None
        File and place of the change, for messages about it.
    resolve : callable
        The id behind the name of a GPU, by which a pool without a name is called; None for an unknown GPU.

    Returns
    -------
    str or None
        What is wrong, when the key leads nowhere.
    """
    parts = key.split(".")
    if len(parts) > yamlio.MAX_DEPTH:
        return f"deeper than {yamlio.MAX_DEPTH} levels"
    node: Any = tree
    for depth, part in enumerate(parts[:-1]):
        if isinstance(node, list):
            place = _index(node, part, resolve)
            if place is None:
                return _no_entry(node, part, parts[:depth], resolve)
            node = node[place]
        elif isinstance(node, dict):
            node = _block(node, part, mark)
        else:
            return f"{_path(parts[:depth])} has no parts"
    return _set_last(node, parts, value, mark, resolve)


def _set_last(node: Any, parts: list[str], value: Any, mark: Place, resolve: Resolver) -> str | None:
    if isinstance(node, dict):
        _store(node, parts[-1], value, mark)
        return None
    if not isinstance(node, list):
        return f"{_path(parts[:-1])} has no parts"
    place = _index(node, parts[-1], resolve)
    if place is None:
        return _no_entry(node, parts[-1], parts[:-1], resolve)
    if isinstance(node[place], dict) and not isinstance(value, dict):
        return f"{_path(parts)} is a mapping: set one of its keys"
    node[place] = value
    return None


def _block(node: Any, part: str, mark: Place) -> Any:
    """The block under a key; a bare number there becomes the value of a figure, anything else gives way."""
    old = node.get(part)
    if not isinstance(old, dict | list):
        inner = yamlio.new_map(mark[0] if mark else "")
        if isinstance(old, int | float) and not isinstance(old, bool):
            yamlio.put(inner, "value", old)
        _store(node, part, inner, mark)
    return node[part]


# Keys that say the same thing in another way: the one that is set takes the place of the others.
_INSTEAD_OF = {
    "rate_card": ("rate_usd_per_gpu_h", "fee_usd_per_month"),
    "rate_usd_per_gpu_h": ("rate_card", "fee_usd_per_month"),
    "fee_usd_per_month": ("rate_card", "rate_usd_per_gpu_h"),
    "billed_share": ("sold_share", "take_or_pay_share"),
    "sold_share": ("billed_share",),
    "take_or_pay_share": ("billed_share",),
    "facility_power_mw": ("it_power_mw",),
    "it_power_mw": ("facility_power_mw",),
}


def _store(node: Any, key: str, value: Any, mark: Place) -> None:
    file, place = mark or (None, None)
    yamlio.put(node, key, value, mark=place, file=file)
    for other in _INSTEAD_OF.get(key, ()):
        node.pop(other, None)


def give_way(merged: yamlio.Map, over: yamlio.Map) -> None:
    """What a file said in another way than the one that extends it does, taken out of the two merged.

    Parameters
    ----------
    merged : Map
        Both files together; changed in place.
    over : Map
        The file that extends the other: where it says both, both stay, and are refused as in any file.
    """
    for key, value in over.items():
        for other in _INSTEAD_OF.get(key, ()) if value is not None else ():
            if other not in over:
                merged.pop(other, None)
        if isinstance(value, yamlio.Map) and isinstance(merged.get(key), yamlio.Map) and merged[key] is not value:
            give_way(merged[key], value)


def _labels(items: list[Any], resolve: Resolver) -> Iterator[str]:
    for item in items:
        entry = item if isinstance(item, dict) else {}
        name, gpu = entry.get("name") or entry.get("id"), entry.get("gpu")
        if isinstance(name, str):
            yield name
        else:
            yield (resolve(gpu) or gpu) if isinstance(gpu, str) else ""


def _index(items: list[Any], part: str, resolve: Resolver) -> int | None:
    labels = list(_labels(items, resolve))
    for name in (part, resolve(part)):
        if labels.count(str(name)) == 1:
            return labels.index(str(name))
    is_number = part.isascii() and part.isdigit() and len(part) < 10
    return int(part) if is_number and int(part) < len(items) else None


def _no_entry(items: list[Any], part: str, above: list[str], resolve: Resolver) -> str:
    labels = [printable(label) for label in _labels(items, resolve)]
    twins = [str(place) for place, label in enumerate(labels) if label == part]
    if twins:
        return f"{len(twins)} entries of {_path(above)} are named {quoted(part)}; give a number: {', '.join(twins)}"
    names = [label for label in labels if label]
    known = f"it has {', '.join(names[:8])}" if names else f"it has {len(items)} entries, numbered from 0"
    return f"nothing named {quoted(part)} in {_path(above)}; {did_you_mean(part, names) or known}"


def _path(parts: list[str]) -> str:
    return printable(".".join(parts), 80) or "the file"
