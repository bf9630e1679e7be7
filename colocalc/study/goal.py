"""A goal for one number: what ``solve`` was asked, where it is met, and the fleet at that place."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, numbers
from colocalc.errors import ColocalcError, quoted
from colocalc.expect import Comparison, holds, parse, unknown_metrics
from colocalc.metrics import METRICS, is_metric
from colocalc.study.axis import Axis, metrics_along
from colocalc.study.evaluate import Result, evaluate
from colocalc.study.ranges import Varied, axis_of
from colocalc.study.solve import SCANNED, Solution, meets, solve
from colocalc.units import unit_of

_SHOWN = 9  # points of the curve that a report shows


@dataclass(frozen=True)
class Goal:
    """What was asked and what was found.

    Attributes
    ----------
    key, unit : str
        The number varied.
    comparison : Comparison
        The metric, the operator and the number it is held against.
    now : float or None
        The number as the fleet has it.
    now_metric : float or None
        The metric as the fleet has it.
    solution : Solution
        Where the metric meets the number.
    ranges : tuple of (float, float)
        Where an inequality holds, from low to high; empty for ``=``.
    curve : tuple of (float, float or None)
        The metric at a few values over the range searched.
    met : Case or None
        The fleet at the first value that meets the goal.
    """

    key: str
    unit: str | None
    comparison: Comparison
    now: float | None
    now_metric: float | None
    solution: Solution
    ranges: tuple[tuple[float, float], ...]
    curve: tuple[tuple[float, float | None], ...]
    met: Case | None

    @property
    def is_met(self) -> bool:
        """Whether some value meets it."""
        if self.comparison.op != "=":
            return bool(self.ranges)
        return self.met is not None or self.solution.everywhere


def comparison_of(text: str, pools: tuple[str, ...]) -> Comparison:
    """The one comparison a goal is.

    Raises
    ------
    ColocalcError
        When it cannot be read, joins several, names no metric, or excludes a single value.
    """
    parsed = parse(text)
    found = [one for group in parsed.alternatives for one in group]
    where = f"--until {quoted(text)}"

    known = partial(is_metric, pools=pools)
    if problems := unknown_metrics(parsed, known, tuple(METRICS)):
        raise ColocalcError(problems[0], where=where)
    if len(found) > 1:
        raise ColocalcError("a goal is one comparison, without and / or", where=where)
    if found[0].op == "!=":
        raise ColocalcError("a goal is met by =, <, <=, > or >=", where=where)
    return found[0]


def reach(fleet: Varied, key: str, comparison: Comparison, *, between: tuple[float, float] | None) -> Goal:
    """Every value of a number at which a comparison holds.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    key : str
        A key of its file, or the path of an assumption.
    comparison : Comparison
        What should hold.
    between : tuple of float or None
        Where to look; None for all that the unit of the number allows.

    Raises
    ------
    ColocalcError
        When the number does not exist, or changes nothing about the metric.
    """
    axis = axis_of(fleet, key, between=between)
    row = numbers(fleet.case).get(key)
    now = float(row.value) if row is not None else None  # type: ignore[arg-type]
    if now is None:
        _refuse_what_is_no_number(axis, fleet.case)
    result = evaluate(fleet.case)
    (solution,) = solve([axis], metric=comparison.metric, targets=[comparison.number], base=fleet.case)
    if np.isnan(solution.reached_low):
        reason = result.undefined.get(comparison.metric, "it has no value at any place looked at")
        raise ColocalcError(f"{comparison.metric} is undefined: {reason}", where="--until")
    ranges = () if comparison.op == "=" else _ranges(axis, solution, comparison, fleet.case)
    place = _first(axis, solution, ranges, comparison)
    points = _around(axis, [*(root.value for root in solution.roots), *([] if now is None else [now])])
    curve = metrics_along([axis], [points], [comparison.metric], fleet.case)[0][comparison.metric]
    unit = unit_of(key)
    return Goal(
        key=key,
        unit=unit.suffix if unit else None,
        comparison=comparison,
        now=now,
        now_metric=_metric(result, comparison.metric),
        solution=solution,
        ranges=ranges,
        curve=tuple(
            (float(at), None if np.isnan(value) else float(value)) for at, value in zip(points, curve, strict=True)
        ),
        met=None if place is None else _settled(fleet, axis, place),
    )


def _settled(fleet: Varied, axis: Axis, place: float) -> Case | None:
    """The fleet at a place; None where it has no result alone, as with fewer GPUs than a replica takes."""
    case = fleet.settled(axis.key, place)
    try:
        evaluate(case)
    except ColocalcError:
        return None
    return case


def _around(axis: Axis, places: list[float]) -> Array:
    """A few values around what was found and what is: twice as far on either side, inside the range searched."""
    low, high = (min(places) / 2.0, max(places) * 2.0) if places else (axis.low, axis.high)
    inside = replace(axis, low=max(axis.low, low), high=min(axis.high, high))
    return inside.points(_SHOWN) if inside.low < inside.high else axis.points(_SHOWN)


def _refuse_what_is_no_number(axis: Axis, case: Case) -> None:
    """A key that leads nowhere, or to no number, is told as such and not as a goal that cannot be met."""
    if any(row.path == axis.key and isinstance(row.value, str) for row in case.assumptions):
        hint = f"colocalc sweep --over {axis.key}=ONE,OTHER tries several"
        raise ColocalcError("is a word, not a number", where=f"--for {axis.key}", hint=hint)
    try:
        axis.at(float(axis.points(3)[1]))
    except ColocalcError as error:
        fault = next(iter(getattr(error, "faults", ())), error)
        raise ColocalcError(fault.message, where=f"--for {axis.key}", hint=fault.hint) from None


def _metric(result: Result, metric: str) -> float | None:
    found = result.metrics.get(metric)
    return None if found is None else float(found)


def _ranges(axis: Axis, solution: Solution, comparison: Comparison, base: Case) -> tuple[tuple[float, float], ...]:
    """The stretches on which the comparison holds: from one of the places looked at, or from a root, to another."""
    roots = [root.value for root in solution.roots]
    beside = (-1.0, 0.0, 1.0) if axis.whole else (0.0,)
    near = [root + step for root in roots for step in beside if axis.low <= root + step <= axis.high]
    places = np.unique(np.concatenate([axis.places(SCANNED), near]))
    values = metrics_along([axis], [places], [comparison.metric], base)[0][comparison.metric]
    held = [not np.isnan(value) and holds(comparison, float(value)) for value in values]
    if not axis.whole:  # a root is the end of the stretch beside it, on whichever side of the target rounding put it
        held = [
            one or (at in roots and any(held[max(i - 1, 0) : i + 2]))
            for i, (at, one) in enumerate(zip(places, held, strict=True))
        ]
    found: list[tuple[float, float]] = []
    for number, place in enumerate(places):
        if held[number]:
            joins = number > 0 and held[number - 1]
            start = found.pop()[0] if joins else float(place)
            found.append((start, float(place)))
    return tuple(found)


def _first(
    axis: Axis, solution: Solution, ranges: tuple[tuple[float, float], ...], comparison: Comparison
) -> float | None:
    """The first value that meets the goal: for an inequality the edge of where it holds."""
    if comparison.op == "=":
        return next((root.value for root in solution.roots if meets(root, comparison.number)), None)
    if not ranges:
        return None
    beside = 1.0 if axis.whole else 0.0
    edges = [edge for edge in ranges[0] if any(abs(edge - root.value) <= beside for root in solution.roots)]
    return edges[0] if edges else ranges[0][0]
