"""Keys of a raw tree set by their dotted path: how ``--set`` and scenarios change a fleet before it is validated."""

from collections.abc import Iterable, Iterator
from typing import Any

from colocalc import yamlio
from colocalc.errors import did_you_mean, quoted

Place = tuple[str, yamlio.Mark] | None


def put(tree: Any, key: str, value: Any, *, mark: Place) -> str | None:
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

    Returns
    -------
    str or None
        What is wrong, when the key leads nowhere.
    """
    node: Any = tree
    parts = key.split(".")
    for depth, part in enumerate(parts[:-1]):
        if isinstance(node, list):
            place = _index(node, part)
            if place is None:
                return _no_entry(node, part, parts[:depth])
            node = node[place]
        elif isinstance(node, dict):
            node = _block(node, part, mark)
        else:
            return f"{'.'.join(parts[:depth])} has no parts"
    return _set_last(node, parts, value, mark)


def _set_last(node: Any, parts: list[str], value: Any, mark: Place) -> str | None:
    if isinstance(node, dict):
        _store(node, parts[-1], value, mark)
        return None
    if not isinstance(node, list):
        return f"{'.'.join(parts[:-1])} has no parts"
    place = _index(node, parts[-1])
    if place is None:
        return _no_entry(node, parts[-1], parts[:-1])
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


def _store(node: Any, key: str, value: Any, mark: Place) -> None:
    file, place = mark or (None, None)
    yamlio.put(node, key, value, mark=place, file=file)


def _labels(items: Iterable[Any]) -> Iterator[str]:
    for item in items:
        yield str(item.get("name") or item.get("gpu") or "") if isinstance(item, dict) else ""


def _index(items: list[Any], part: str) -> int | None:
    labels = list(_labels(items))
    if part in labels:
        return labels.index(part)
    is_number = part.isascii() and part.isdigit() and len(part) < 10
    return int(part) if is_number and int(part) < len(items) else None


def _no_entry(items: list[Any], part: str, above: list[str]) -> str:
    labels = [label for label in _labels(items) if label]
    hint = did_you_mean(part, labels) or (f"it has {', '.join(labels[:8])}" if labels else "")
    return f"nothing named {quoted(part)} in {'.'.join(above)}" + (f"; {hint}" if hint else "")
