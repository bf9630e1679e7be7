"""Whether two cases hold the same numbers, however their files say it."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

# What a case is called and how it came about, not what it is.
_HISTORY = frozenset({"name", "title", "scenario", "assumptions", "remarks", "read_by", "made"})


def same_numbers(one: Any, other: Any) -> bool:
    """Whether every array and number of two cases, or of parts of them, is the same to the bit, NaN like NaN.

    Words are not compared: they name choices, whose numbers are.
    """
    if is_dataclass(one) and is_dataclass(other):
        names = [field.name for field in fields(one) if field.name not in _HISTORY]
        return type(one) is type(other) and all(
            same_numbers(getattr(one, name), getattr(other, name)) for name in names
        )
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(same_numbers, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_numbers(part, other[key]) for key, part in one.items())
    if isinstance(one, np.ndarray | np.number | float | int):
        return isinstance(other, np.ndarray | np.number | float | int) and np.array_equal(one, other, equal_nan=True)
    return (one is None) == (other is None)
