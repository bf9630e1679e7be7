"""Validation errors told as a user reads them: file, line, column, path, a sentence, a hint."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

from colocalc import yamlio
from colocalc.errors import Fault, did_you_mean, quoted

MOST_FAULTS = 1_000  # of one check: each is worded, with a hint, and 20 are shown
_PATTERNS = {
    "Name": "should be letters, digits, - and _, at most 60 of them",
    "date": "should be a date such as 2026-05-08",
}
_WHOLE_SENTENCES = {
    "missing": "missing",
    "string_too_short": "should not be empty",
    "too_short": "should hold at least one entry",
    "too_long": "holds too many",
}
_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda context: f"should be above {_number(context['gt'])}",
    "greater_than_equal": lambda context: f"should be at least {_number(context['ge'])}",
    "less_than_equal": lambda context: f"should be at most {_number(context['le'])}",
    "float_type": lambda _: "should be a number",
    "float_parsing": lambda _: "should be a number",
    "int_type": lambda _: "should be a whole number",
    "finite_number": lambda _: "should be a finite number",
    "not_whole": lambda _: "should be a whole number",
    "string_type": lambda _: "should be text",
    "string_too_long": lambda context: f"should be at most {context['max_length']} characters",
    "bool_type": lambda _: "should be true or false",
    "bool_parsing": lambda _: "should be true or false",
    "model_type": lambda _: "should be a mapping",
    "model_attributes_type": lambda _: "should be a mapping",
    "dict_type": lambda _: "should be a mapping",
    "tuple_type": lambda _: "should be a list",
    "list_type": lambda _: "should be a list",
    "union_tag_not_found": lambda _: "should be a name or a mapping",
}
_PERCENT = 100.0
_LEAST_PERCENT = 2.0  # a share just above one is a share that is wrong, not percent
_A_PERCENT = re.compile(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", re.ASCII)
_SHARES = ("_share", "_share_per_yr", "_share_per_month")
_EMPTY = {"too_short", "too_long"}
_ALTERNATIVES = {"word": " or a mapping", "auto": " or a number"}  # by the tag of the union the value stands in


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def fault_at(
    tree: Any,
    path: Sequence[str | int],
    message: str,
    *,
    hint: str | None = None,
    key: bool = False,
    name: str = "",
) -> Fault:
    """A fault at the place of a value of a raw tree, or of its key.

    Parameters
    ----------
    tree : Map
        The raw data with its marks.
    path : sequence of str or int
        Where the value stands.
    message : str
        What is wrong with it.
    hint : str, optional
        What to do about it.
    key : bool, optional
        Whether the key is wrong, not what stands behind it.
    name : str, optional
        What to call the input where the tree has no places.
    """
    file, mark = yamlio.locate(tree, path, key=key) or (name, None)
    line, column = mark or (None, None)
    return Fault(message, file, line, column, ".".join(map(str, path)), hint)


def faults_of(error: Any, tree: Any, kind: type[Any], name: str) -> list[Fault]:
    """The faults behind a pydantic ``ValidationError``, in the order of the file; a thousand of them at most.

    Parameters
    ----------
    error : pydantic.ValidationError
        What validation raised.
    tree : Map
        The raw data with its marks.
    kind : type
        The definition it was validated against, for did-you-mean.
    name : str
        What to call the input where a place has no file of its own.
    """
    found = error.errors(include_url=False)[:MOST_FAULTS]
    unknown = {tuple(item["loc"]) for item in found if item["type"] == "extra_forbidden"}
    faults = [_fault(item, tree, kind, name) for item in found if not _is_echo(item, unknown, found, kind)]
    return in_order(faults)


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Faults by file, line and column."""
    return sorted(faults, key=lambda fault: (fault.file, fault.line or 0, fault.column or 0))


def _is_echo(item: Any, unknown: set[tuple[Any, ...]], found: Sequence[Any], kind: type[Any]) -> bool:
    """Whether a fault only repeats another: a missing key that was mistyped, a list short of its broken items."""
    loc = tuple(item["loc"])
    if item["type"] == "missing":
        fields = fields_at(kind, loc[:-1])
        hints = [did_you_mean(key[-1], fields) for key in unknown if key[:-1] == loc[:-1]]
        return did_you_mean(loc[-1], [loc[-1]]) in hints
    if item["type"] in _EMPTY:
        return any(tuple(other["loc"])[: len(loc)] == loc and other is not item for other in found)
    return False


def _fault(item: Any, tree: Any, kind: type[Any], name: str) -> Fault:
    path = _path_in(tree, item)
    message, hint = _sentence(item, kind)
    tag = item["loc"][-1] if item["loc"] else None
    if tag in _ALTERNATIVES and path[-1:] != (tag,):
        message = message.replace(", not ", f"{_ALTERNATIVES[tag]}, not ", 1)
    place = item.get("ctx", {}).get("at")
    is_key = place is not None or item["type"] == "extra_forbidden" or tag == "[key]"
    below = () if place is None else place if isinstance(place, tuple) else (place,)
    return fault_at(tree, (*path, *below), message, hint=hint, key=is_key, name=name)


def _path_in(tree: Any, item: Any) -> tuple[str | int, ...]:
    """The location as the file has it: the tags of unions and the inside of bare figures are no part of a file."""
    path: list[str | int] = []
    node = tree
    parts = item["loc"]
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if _holds(node, part):
            path.append(part)
            node = node[part]
        elif is_last and item["type"] == "missing":
            path.append(part)
    return tuple(path)


def _holds(node: Any, part: Any) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)


def _sentence(item: Any, kind: type[Any]) -> tuple[str, str | None]:
    code, context = item["type"], item.get("ctx", {})
    if code == "extra_forbidden":
        return "unknown key", did_you_mean(item["loc"][-1], fields_at(kind, item["loc"][:-1]))
    if code == "literal_error":
        words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        choice = f"one of {', '.join(words)}" if len(words) > 1 else words[0]
        return f"should be {choice}, not {shown(item['input'])}", did_you_mean(item["input"], words)
    if code == "string_pattern_mismatch":
        shape = _PATTERNS["date" if r"\d{4}" in str(context["pattern"]) else "Name"]
        return f"{shape}, not {quoted(item['input'])}", None
    if code in _SENTENCES:
        hint = _of_other_kind(code, item["input"]) or _percent(item)
        return f"{_SENTENCES[code](context)}, not {shown(item['input'])}", hint
    return _WHOLE_SENTENCES.get(code, str(item["msg"])), None


def _of_other_kind(code: str, value: Any) -> str | None:
    """The hint for a number where text belongs, and for text that was meant as a number."""
    if code == "string_type":
        return "put it in quotes" if isinstance(value, bool | int | float) else None
    if code == "float_type" and isinstance(value, str) and any(mark.isdigit() for mark in value):
        if found := _A_PERCENT.fullmatch(value):
            return _as_share(float(found[1]))
        return "a number has no quotes, commas or unit: 150000, 150_000, 1.5e5"
    return None


def _percent(item: Any) -> str | None:
    """The hint for a share that was given in percent."""
    name = next((part for part in reversed(item["loc"]) if str(part).endswith(_SHARES)), None)
    value = item["input"]
    if item["type"] != "less_than_equal" or name is None or not isinstance(value, int | float):
        return None
    return _as_share(value) if _LEAST_PERCENT <= value <= _PERCENT else None


def _as_share(percent: float) -> str:
    return f"write percent as a share of one: {percent / _PERCENT:.6g}"


def shown(value: Any) -> str:
    """A value as a message shows what was found in its place."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "empty" if value is None else quoted(value) if not isinstance(value, bool) else str(value).lower()


def fields_at(kind: Any, loc: Iterable[Any]) -> list[str]:
    """The keys a definition knows at a location; empty where any key may stand."""
    node = kind
    for part in loc:
        node = _step(node, part)
    for candidate in _alternatives(node):
        fields = getattr(candidate, "model_fields", None)
        if fields:
            return list(fields)
        if getattr(candidate, "__origin__", candidate).__name__ == "Figure":
            return ["value", "low", "high", "source", "note"]
    return []


def _step(node: Any, part: Any) -> Any:
    for candidate in _alternatives(node):
        fields = getattr(candidate, "model_fields", None)
        if fields and part in fields:
            return fields[part].annotation
        origin, inner = getattr(candidate, "__origin__", None), get_args(candidate)
        if origin is dict:
            return inner[1]
        if origin is tuple and isinstance(part, int):
            return inner[0]
    return node  # the tag of a union: the same place


def _alternatives(node: Any) -> list[Any]:
    """The types a (possibly annotated, possibly optional) annotation may stand for."""
    if isinstance(node, type) or getattr(node, "__origin__", None) in {dict, tuple}:
        return [node]
    inner = get_args(node)
    if hasattr(node, "__metadata__"):
        return _alternatives(inner[0])
    if getattr(node, "__origin__", None).__class__ is type:
        return [node]
    return [found for part in inner for found in _alternatives(part)]
