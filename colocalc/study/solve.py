"""Goal seek: every value of one number at which a metric meets a target, found by bracketing.

The range is scanned, each change of side is narrowed down, and what is found is checked by lowering the fleet anew. A
metric that jumps over the target is told apart from one that meets it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.study.axis import Axis, metrics_along, metrics_one_by_one

SCANNED = 96  # points of the first look
_EVEN = np.linspace(0.0, 1.0, 17)[1:-1]  # parts of a bracket looked at in each round, wherever the metric turns
# Parts of a bracket to either side of where a straight line through its ends meets the target.
_NEAR = 10.0 ** -np.linspace(1.3, 13.0, 10)
_INSIDE = _EVEN.size + 2 * _NEAR.size
_NARROW = 1e-13  # width of a bracket, relative to its ends, at which it is narrow enough
_MOST_ROUNDS = 16
_MOST_BRACKETS = 12  # a metric that crosses more often is told by the first of them
_MET_WITHIN = 1e-6  # relative, as ``=`` of the expectations
_NO_MORE_THAN_ROUNDING = 1e-9  # relative to the metric nearby: what a target of zero is missed by
_TRUE_WITHIN = 1e-9  # relative, between a case on a line and the fleet lowered anew
_CLOSE = 0.01  # relative, where whole numbers step over the target


@dataclass(frozen=True)
class Root:
    """A value at which the metric meets the target, or jumps over it.

    Attributes
    ----------
    value : float
        Of the number varied; of whole numbers the one whose metric is nearest.
    metric : float
        The metric there.
    kind : str
        ``met``; ``jump`` where the metric jumps over the target; ``between`` where whole numbers step over it.
    """

    value: float
    metric: float
    kind: Literal["met", "jump", "between"]


@dataclass(frozen=True)
class Solution:
    """What was found for one number.

    Attributes
    ----------
    key : str
        The number varied.
    roots : tuple of Root
        In ascending order; empty where no value in the range will do.
    low, high : float
        The range searched.
    reached_low, reached_high : float
        Least and largest value of the metric in the range; NaN where it has none anywhere.
    everywhere : bool
        Whether the metric meets the target at every value: the number has no part in it.
    """

    key: str
    roots: tuple[Root, ...]
    low: float
    high: float
    reached_low: float
    reached_high: float
    everywhere: bool


def meets(root: Root, target: float) -> bool:
    """Whether a value may be told as one that meets the target: whole numbers come close enough, a jump does not."""
    return root.kind == "met" or (root.kind == "between" and abs(root.metric - target) <= _CLOSE * abs(target))


def solve(axes: Sequence[Axis], *, metric: str, targets: Sequence[float], base: Case) -> tuple[Solution, ...]:
    """Where a metric meets a target along each of several numbers, each varied alone.

    Parameters
    ----------
    axes : sequence of Axis
        The numbers and their ranges.
    metric : str
        A metric id.
    targets : sequence of float
        What the metric should be, for each axis.
    base : Case
        The case that the axes vary.

    Returns
    -------
    tuple of Solution
        One for each axis, in their order.
    """
    points = [axis.places(SCANNED) for axis in axes]
    scanned = metrics_along(axes, points, [metric], base)
    hunts = [
        _Hunt(axis, np.asarray(at), np.asarray(found[metric]), target)
        for axis, at, found, target in zip(axes, points, scanned, targets, strict=True)
    ]
    for _ in range(_MOST_ROUNDS):
        open_ones = [hunt for hunt in hunts if hunt.open()]
        if not open_ones:
            break
        inner = [hunt.inner_points() for hunt in open_ones]
        found_there = metrics_along([hunt.axis for hunt in open_ones], inner, [metric], base)
        for hunt, at, found in zip(open_ones, inner, found_there, strict=True):
            hunt.narrow(at, np.asarray(found[metric]))
    return tuple(_checked(hunt, metric, base) for hunt in hunts)


class _Hunt:
    """The brackets of one number, narrowed round by round."""

    def __init__(self, axis: Axis, at: Array, found: Array, target: float) -> None:
        self.axis, self.target = axis, target
        self.at, self.found = at, found
        self.brackets = _brackets(at, found - target)

    def open(self) -> bool:
        return any(self._is_wide(low, high) for low, high, _, _ in self.brackets)

    def _is_wide(self, low: float, high: float) -> bool:
        if self.axis.whole:
            return high - low > 1.0
        return high - low > _NARROW * max(abs(low), abs(high))

    def size(self, value: float) -> float:
        """How large the metric is at the points looked at first on either side of a value."""
        place = int(np.searchsorted(self.at, value))
        around = np.abs(self.found[max(place - 1, 0) : place + 2])
        return float(np.max(around, initial=0.0, where=np.isfinite(around)))

    def inner_points(self) -> Array:
        flat = np.concatenate([_inside(*bracket) for bracket in self.brackets])
        return np.clip(np.round(flat), self.axis.low, self.axis.high) if self.axis.whole else flat

    def narrow(self, at: Array, found: Array) -> None:
        kept = []
        for place, (low, high, below, above) in enumerate(self.brackets):
            part = slice(place * _INSIDE, (place + 1) * _INSIDE)
            inside = np.concatenate([[low], at[part], [high]])
            values = np.concatenate([[below], found[part] - self.target, [above]])
            kept += _brackets(inside, values)[:1] or [(low, high, below, above)]
        self.brackets = kept


_Bracket = tuple[float, float, float, float]


def _inside(low: float, high: float, below: float, above: float) -> Array:
    """Points of a bracket in ascending order: evenly, and close to where the metric would meet the target on a line."""
    met = below / (below - above) if below != above else 0.5
    parts = np.concatenate([_EVEN, met - _NEAR, met + _NEAR])
    return low + (high - low) * np.sort(np.clip(parts, 0.0, 1.0))


def _brackets(at: Array, off: Array) -> list[_Bracket]:
    """Neighbours between which the metric changes side: both places, and how far off the target it is there."""
    known = ~np.isnan(off)
    at, off = at[known], off[known]
    turns = np.flatnonzero(np.sign(off[:-1]) * np.sign(off[1:]) < 0.0)
    found: list[_Bracket] = [(float(at[i]), float(at[i + 1]), float(off[i]), float(off[i + 1])) for i in turns]
    for place in np.flatnonzero(off == 0.0):
        neighbours = off[max(place - 1, 0) : place + 2]
        if np.any(neighbours != 0.0):  # a metric that stays on the target has no one place where it meets it
            found.append((float(at[place]), float(at[place]), 0.0, 0.0))
    return sorted(found)[:_MOST_BRACKETS]


def _checked(hunt: _Hunt, metric: str, base: Case) -> Solution:
    """The roots with the metric of the fleet lowered anew; the hunt once more where a case on a line was not true."""
    axis, target = hunt.axis, hunt.target
    # A whole number may be the nearest on both sides of it.
    values = list(dict.fromkeys(_value(bracket, whole=axis.whole) for bracket in hunt.brackets))
    true = metrics_one_by_one(axis, np.asarray(values), [metric])[metric]
    if axis.between() is not None and values:
        on_line = metrics_along([axis], [np.asarray(values)], [metric], base)[0][metric]
        room = np.maximum(_TRUE_WITHIN * np.abs(true), [_NO_MORE_THAN_ROUNDING * hunt.size(one) for one in values])
        if not bool(np.all((np.abs(on_line - true) <= room) | (np.isnan(on_line) & np.isnan(true)))):
            axis.bend()
            return solve([axis], metric=metric, targets=[target], base=base)[0]
    known = hunt.found[~np.isnan(hunt.found)]
    return Solution(
        key=axis.key,
        roots=tuple(_root(value, float(got), hunt) for value, got in zip(values, true, strict=True)),
        low=axis.low,
        high=axis.high,
        reached_low=float(np.min(known)) if known.size else float("nan"),
        reached_high=float(np.max(known)) if known.size else float("nan"),
        everywhere=bool(known.size) and bool(np.all(np.abs(known - target) <= _MET_WITHIN * abs(target))),
    )


def _value(bracket: _Bracket, *, whole: bool) -> float:
    """The end of a narrow bracket whose metric is nearer; of whole numbers too."""
    low, high, below, above = bracket
    if whole or abs(below) < abs(above):
        return low if abs(below) <= abs(above) else high
    return high


def _root(value: float, metric: float, hunt: _Hunt) -> Root:
    if abs(metric - hunt.target) <= max(_MET_WITHIN * abs(hunt.target), _NO_MORE_THAN_ROUNDING * hunt.size(value)):
        return Root(value, metric, "met")
    return Root(value, metric, "between" if hunt.axis.whole else "jump")
