"""Many scenarios of one fleet as one case: every array that depends on the numbers varied gets a leading axis.

Most numbers go into a case as they are or times a constant, so that an array is a sum of what each of them does to it;
a few go in times another. Cases at a few values of each number give that sum, more of them prove it, and no scenario
has to be lowered.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from colocalc.arrays import Array
from colocalc.case.stack import arrays_of, is_alike, straight, with_arrays

# Parts of the way between the ends of each number at which the sum is proved; odd ones, on no grid that users ask for.
_WAYS = (0.3819660113, 0.7071067812, 0.1414213562)
_MIDDLE = 0.37
_SAME_WITHIN = 1e-9  # relative

At = Callable[[Mapping[str, float]], Any]
_Change = tuple[tuple[int, ...], Array]  # which numbers, and what moving all of them does to an array


@dataclass(frozen=True)
class Span:
    """A number that is varied: its key, what it is, and the ends of what it may become."""

    key: str
    now: float
    low: float
    high: float

    @property
    def moved(self) -> float:
        """The end that lies further from what it is."""
        return self.low if self.now - self.low > self.high - self.now else self.high


@dataclass(frozen=True, eq=False)
class Plane:
    """The cases of a fleet over several numbers at once.

    Attributes
    ----------
    base : Case
        The fleet as it is, without leading axes.
    spans : tuple of Span
        The numbers.
    changes : mapping of int to tuple
        What moving numbers does to an array, by the place of the array in ``arrays_of``.
    """

    base: Any
    spans: tuple[Span, ...]
    changes: Mapping[int, tuple[_Change, ...]]

    def at(self, values: Array) -> Any:
        """The case at many values.

        Parameters
        ----------
        values : ndarray (scenario, number)
            Values of the numbers, in the order of ``spans``.

        Returns
        -------
        Case
            Arrays that depend on a number are ``(scenario, ...)``; the others stay as they are.
        """
        if not self.spans:
            return self.base
        way = np.stack(
            [(values[:, place] - span.now) / (span.moved - span.now) for place, span in enumerate(self.spans)], axis=-1
        )
        arrays = arrays_of(self.base)
        for place, changes in self.changes.items():
            arrays[place] = _moved(arrays[place], changes, way)
        return with_arrays(self.base, arrays)


def _moved(array: Array, changes: Sequence[_Change], way: Array) -> Array:
    found = np.broadcast_to(array, (way.shape[0], *array.shape))
    for numbers, change in changes:
        share = np.prod(way[:, list(numbers)], axis=-1).reshape(-1, *(1,) * array.ndim)
        found = np.where(change == 0.0, found, found + share * change)
    return found


def bent(at: At, spans: Sequence[Span]) -> frozenset[str]:
    """The keys of those numbers of which some array is no straight line, or that change the structure of the case.

    Parameters
    ----------
    at : callable
        The case with these numbers instead, by key.
    spans : sequence of Span
        Numbers that differ from what they are at one end at the least.

    Raises
    ------
    ColocalcError
        When there is no case at an end of a number.
    """
    return frozenset(span.key for span in spans if not _is_straight(at, span))


def _is_straight(at: At, span: Span) -> bool:
    middle = span.low + (span.high - span.low) * _MIDDLE
    places = np.unique([span.low, middle, span.high, span.now])
    cases = [at({span.key: float(place)}) for place in places]
    return places.size > 2 and straight(cases, places) is not None


def plane(at: At, spans: Sequence[Span]) -> Plane | None:
    """The plane through the cases of a fleet over several numbers; None where a case beside it turns out to lie off it.

    Parameters
    ----------
    at : callable
        The case with these numbers instead, by key.
    spans : sequence of Span
        Numbers, none of them ``bent``.

    Notes
    -----
    Arrays are taken as ``base + sum of t_i d_i``, with ``t_i = (value - now) / (moved - now)`` and ``d_i`` what moving
    number i does alone. Where that fails at a proof, ``t_i t_j d_ij`` of the pairs that touch the array are added.
    """
    # What is assumed where one part of a case asks for it is given to all of them once it is varied.
    now = {span.key: span.now for span in spans}
    base = at(now)
    known = arrays_of(base)
    ends = [at({**now, span.key: span.moved}) for span in spans]
    if not is_alike([base, *ends]):
        return None
    changes: dict[int, list[_Change]] = {}
    for number, end in enumerate(ends):
        for place, (before, after) in enumerate(zip(known, arrays_of(end), strict=True)):
            if after is not before and not np.array_equal(before, after, equal_nan=True):
                changes.setdefault(place, []).append(((number,), _difference(after, before)))
    proofs = list(_proofs(at, spans))
    if off := _off(_made(base, spans, changes), proofs):
        _add_pairs(at, spans, base, changes, off)
    found = _made(base, spans, changes)
    return None if _off(found, proofs) else found


def _made(base: Any, spans: Sequence[Span], changes: Mapping[int, Sequence[_Change]]) -> Plane:
    return Plane(base, tuple(spans), {place: tuple(found) for place, found in changes.items()})


def _difference(after: Array, before: Array) -> Array:
    """What changes; what is the same, infinite or unknown too, changes by nothing."""
    with np.errstate(invalid="ignore"):
        return np.where((after == before) | (np.isnan(after) & np.isnan(before)), 0.0, after - before)


def _proofs(at: At, spans: Sequence[Span]) -> Iterator[tuple[Array, Any]]:
    """Cases lowered with all numbers moved at once, none of them as far as its neighbours."""
    for start in range(len(_WAYS)):
        ways = [_WAYS[(start + number) % len(_WAYS)] for number in range(len(spans))]
        values = [span.low + (span.high - span.low) * way for span, way in zip(spans, ways, strict=True)]
        instead = {span.key: value for span, value in zip(spans, values, strict=True)}
        yield np.asarray(values), at(instead)


def _off(found: Plane, proofs: Sequence[tuple[Array, Any]]) -> set[int]:
    """Places of the arrays that the plane has wrong at a proof; -1 for the structure."""
    off: set[int] = set()
    for values, case in proofs:
        if not is_alike([found.base, case]):
            return {-1}
        made = arrays_of(found.at(values[None, :]))
        for place, (mine, true) in enumerate(zip(made, arrays_of(case), strict=True)):
            row = mine[0] if mine.ndim > true.ndim else mine
            with np.errstate(invalid="ignore"):
                same = (row == true) | (np.abs(row - true) <= _SAME_WITHIN * np.abs(true))
            if not bool(np.all(same | (np.isnan(row) & np.isnan(true)))):
                off.add(place)
    return off


def _add_pairs(at: At, spans: Sequence[Span], base: Any, changes: dict[int, list[_Change]], off: set[int]) -> None:
    """What two numbers do together beyond what each does alone, to the arrays that are off."""
    alone = {place: {numbers[0]: change for numbers, change in changes.get(place, ())} for place in off}
    known = arrays_of(base)
    for first, second in combinations(range(len(spans)), 2):
        shared = [place for place, found in alone.items() if first in found and second in found]
        if not shared:
            continue
        now = {span.key: span.now for span in spans}
        both = arrays_of(at({**now, **{spans[number].key: spans[number].moved for number in (first, second)}}))
        for place in shared:
            beyond = _difference(both[place], known[place] + alone[place][first] + alone[place][second])
            changes[place].append(((first, second), beyond))
