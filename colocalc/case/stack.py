"""Many cases of one structure as one: every array that differs gets a leading axis.

``evaluate`` then computes all of them at once. What is no array (names, words, the list of pools) is structure, and
must be the same in all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from colocalc.arrays import Array

# What tells of a case and computes nothing.
_TELLING = frozenset(
    {
        "assumptions",
        "remarks",
        "read_by",
        "made",
        "gpus",
        "definitions",
        "rate_sources",
        "rate_paths",
        "cards",
        "card_notes",
        "rounds",
        "scenario",
        "title",
    }
)
_STRAIGHT_WITHIN = 1e-9  # relative: rounding, over a range of many decades

Between = Callable[[Array], Any]


class StructureError(ValueError):
    """Cases that differ in more than their numbers."""


def stacked(cases: Sequence[Any]) -> Any:
    """Cases as one with a leading axis, in their order.

    Parameters
    ----------
    cases : sequence of Case
        Cases of one fleet, at least one; without leading axes.

    Returns
    -------
    Case
        Arrays that are the same in all cases stay as they are; the others are ``(case, ...)``.

    Raises
    ------
    StructureError
        When the cases differ in names, words, or the number of pools, sites or jobs.
    """
    return _joined(cases, _stack)


def straight(cases: Sequence[Any], probes: Array) -> Between | None:
    """Cases between those at a few values of one number, where every array depends on it in a straight line.

    Most numbers go into a case as they are or times a constant, so that cases between need no lowering.

    Parameters
    ----------
    cases : sequence of Case
        The case at each probe.
    probes : ndarray (probe,)
        At least three values of the number, in ascending order.

    Returns
    -------
    callable or None
        The case at other values ``(value,)``, as from ``stacked``; None where an array or the structure turns between
        the probes.
    """
    try:
        _joined(cases, lambda arrays: _on_a_line(arrays, probes))
    except (_NotStraightError, StructureError):
        return None
    ends = (cases[0], cases[-1])
    span = (float(probes[0]), float(probes[-1]))
    return lambda values: _joined(ends, lambda arrays: _line(arrays, span, values))


def below_each_other(base: Any, blocks: Sequence[tuple[Any, int]]) -> Any:
    """Blocks of cases as one long one, in their order.

    Parameters
    ----------
    base : Case
        A case of the same structure, without leading axes.
    blocks : sequence of Case and int
        Cases with a leading axis, or with none where nothing varies, and how many rows each has.

    Returns
    -------
    Case
        As from ``stacked``.

    Raises
    ------
    StructureError
        When the blocks differ in structure.
    """
    sizes = [size for _, size in blocks]
    return _joined([base, *(block for block, _ in blocks)], lambda arrays: _concatenated(arrays, sizes))


def arrays_of(case: Any) -> list[Array]:
    """Every array of a case, always in the same order for one structure."""
    found: list[Array] = []

    def kept(array: Array) -> Array:
        found.append(array)
        return array

    _mapped(case, kept)
    return found


def with_arrays(case: Any, arrays: Sequence[Array]) -> Any:
    """A case with its arrays, in the order of ``arrays_of``, replaced by others."""
    left = iter(arrays)
    return _mapped(case, lambda _: next(left))


def _mapped(value: Any, change: Callable[[Array], Array]) -> Any:
    if isinstance(value, np.ndarray):
        return change(value)
    if names := _computed_with(value.__class__):
        return replace(value, **{name: _mapped(getattr(value, name), change) for name in names})
    if isinstance(value, Mapping):
        return {key: _mapped(one, change) for key, one in value.items()}
    if isinstance(value, tuple) and any(is_dataclass(one) for one in value):
        return tuple(_mapped(one, change) for one in value)
    return value


def is_alike(cases: Sequence[Any]) -> bool:
    """Whether cases differ in the values of their arrays alone."""
    try:
        _joined(cases, _shaped_alike)
    except StructureError:
        return False
    return True


def _shaped_alike(arrays: Sequence[Array]) -> Array:
    if len({array.shape for array in arrays}) > 1:
        raise StructureError("arrays differ in shape")
    return arrays[0]


class _NotStraightError(Exception):
    """An array that does not depend on the number in a straight line."""


def _stack(arrays: Sequence[Array]) -> Array:
    if _all_same(arrays):
        return arrays[0]
    if len({array.shape for array in arrays}) > 1:
        raise StructureError("arrays differ in shape")
    return np.stack(arrays)


def _on_a_line(arrays: Sequence[Array], probes: Array) -> Array:
    """The first of the arrays, when those at the probes lie on a line."""
    if _all_same(arrays):
        return arrays[0]
    stack = _stack(arrays)
    wanted = _line(arrays[:: len(arrays) - 1], (float(probes[0]), float(probes[-1])), probes)
    with np.errstate(invalid="ignore"):
        off = np.abs(stack - wanted) > _STRAIGHT_WITHIN * np.abs(stack)
    if bool(np.any(off | (np.isnan(stack) != np.isnan(wanted)))):
        raise _NotStraightError
    return arrays[0]


def _line(ends: Sequence[Array], span: tuple[float, float], values: Array) -> Array:
    """A straight line through two arrays; what is the same at both ends, infinite too, stays."""
    first, last = ends
    if _all_same(ends):
        return first
    steps = (values - span[0]).reshape(-1, *(1,) * first.ndim)
    with np.errstate(invalid="ignore"):
        return np.where(first == last, first, first + steps * ((last - first) / (span[1] - span[0])))


def _concatenated(arrays: Sequence[Array], sizes: Sequence[int]) -> Array:
    """The blocks below each other; the first array is the base, without their axis."""
    base, *blocks = arrays
    if _all_same(arrays):
        return base
    parts = [
        block if block.ndim > base.ndim else np.broadcast_to(block, (size, *block.shape))
        for block, size in zip(blocks, sizes, strict=True)
    ]
    return np.concatenate(parts)


def _all_same(arrays: Sequence[Array]) -> bool:
    """Whether all hold the same bytes: the quickest comparison of small arrays, and NaN is like NaN."""
    first = arrays[0]
    known = first.tobytes()
    return all(array is first or (array.shape == first.shape and array.tobytes() == known) for array in arrays[1:])


def _joined(values: Sequence[Any], join: Callable[[Sequence[Array]], Array]) -> Any:
    """One structure out of several: arrays joined, everything else the same in all."""
    first = values[0]
    if len(set(map(id, values))) == 1:
        return first
    distinct = list({id(value): value for value in values}.values())
    _same([type(value) for value in distinct])
    if isinstance(first, np.ndarray):
        return join(values)
    if names := _computed_with(first.__class__):
        return replace(first, **{name: _joined(list(map(attrgetter(name), values)), join) for name in names})
    if isinstance(first, Mapping):
        _same([list(value) for value in distinct])
        return {key: _joined(list(map(itemgetter(key), values)), join) for key in first}
    if isinstance(first, tuple) and any(is_dataclass(one) for one in first):
        _same([len(value) for value in distinct])
        return tuple(_joined(list(column), join) for column in zip(*values, strict=True))
    _same(distinct)
    return first


@cache
def _computed_with(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass that hold arrays or structure; none of what is no dataclass."""
    return tuple(field.name for field in fields(kind) if field.name not in _TELLING) if is_dataclass(kind) else ()


def _same(values: Sequence[Any]) -> None:
    if any(value != values[0] for value in values[1:]):
        raise StructureError("the structure of the fleet changes")
