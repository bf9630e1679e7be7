"""Plain data written as YAML that our own reader reads back as the same data: one way to write, and no surprises."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ ._-][A-Za-z0-9]+)*")
# Words that readers of YAML 1.1 or 1.2 take for something other than text.
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_EXACT = 2**53  # whole numbers below are exact, and are written without a point, as counts are


def dump(data: Mapping[str, Any]) -> str:
    """A mapping of text, numbers, booleans, lists and mappings as YAML; the same bytes for the same data.

    Parameters
    ----------
    data : mapping
        Plain data; no value is None, NaN or infinite, which a file of ours never holds.

    Returns
    -------
    str
        Lines of block style, a line feed behind each.
    """
    return "\n".join(_mapping(data, "")) + "\n"


def _mapping(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in data.items():
        yield from _entry(f"{indent}{_text(key)}:", value, f"{indent}  ")


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, indent)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield head
        for item in value:
            yield from _item(item, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        first, *rest = _mapping(value, f"{indent}  ")
        yield f"{indent}- {first.lstrip()}"
        yield from rest
    else:
        yield from _entry(f"{indent}-", value, f"{indent}  ")


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping | Sequence):
        return "{}" if isinstance(value, Mapping) else "[]"
    if value == int(value) and abs(value) < _EXACT:
        return str(int(value))
    digits, e, exponent = repr(value).partition("e")
    return f"{digits}.0e{exponent}" if e and "." not in digits else repr(value)  # readers of YAML 1.1 want the point


def _text(text: str) -> str:
    """A word as it is, and anything else in double quotes, with escapes for what does not show."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    # JSON's escapes are YAML's too, but it leaves some characters bare that no reader of YAML takes.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in quoted)
