"""Where a number may lie: the range of its figure, the range its unit allows, and what a metric does over them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from colocalc.case import Assumption, Case, numbers
from colocalc.errors import ColocalcError
from colocalc.metrics import base_id
from colocalc.study.axis import Axis, metrics_of
from colocalc.units import unit_of

MOST_RANGED = 64  # inputs whose ranges are tried, the first of the file: the work stays small however many pools
_DECADES = 1e4
_WHOLE = frozenset({"count", "tokens", "steps", "months", "dim"})
_DEGREES = ".layout."  # degrees of parallelism have no unit in their name
_FROM_ONE = ("pue_factor", "oversubscription_factor")
_UP_TO_ONE = ("software.", "training.measured.")
_WIDEST = {"usd_per_gpu_h": (1e-3, 1e4)}  # of a number the fleet does not have yet
_ANYTHING = (1e-6, 1e12)
_NUDGE = 0.01


class Varied(Protocol):
    """A fleet and what it becomes when a number or the scenario changes."""

    @property
    def case(self) -> Case:
        """The fleet as arrays."""

    def at(self, key: str, value: float) -> Case:
        """The case with one number changed."""

    def settled(self, key: str, value: float) -> Case:
        """The case with one number changed, and the assumptions that belong to it."""

    def in_scenario(self, name: str | None) -> "Varied":
        """The same fleet in another scenario."""

    def with_sets(self, *sets: str) -> "Varied":
        """The same fleet with more overrides."""

    def figure(self, key: str) -> Any:
        """What the file says under a key, with value, low, high and source; None where it says nothing."""


def axis_of(fleet: Varied, key: str, *, between: tuple[float, float] | None = None) -> Axis:
    """The axis of a number over all its unit allows, four decades up and down from what it is now.

    Parameters
    ----------
    fleet : Varied
        The fleet that has the number.
    key : str
        Its key or path.
    between : tuple of float, optional
        Another range.
    """
    row = numbers(fleet.case).get(key)
    now = row.value if row is not None and isinstance(row.value, float) else None
    unit = unit_of(key)
    suffix = unit.suffix if unit else ""
    low, high = between or _allowed(key, suffix, now)
    whole = suffix in _WHOLE or _DEGREES in key
    scale = "linear" if low <= 0.0 or (suffix == "share" and between is None) else "log"
    return Axis(key, lambda value: fleet.at(key, value), low, high, whole=whole, scale=scale)


def _allowed(key: str, suffix: str, now: float | None) -> tuple[float, float]:
    if suffix == "share":
        return 0.0, 1.0
    low, high = _WIDEST.get(suffix, _ANYTHING)
    if now is not None and now != 0.0:
        low, high = sorted((now / _DECADES, now * _DECADES))
    if suffix in _WHOLE or _DEGREES in key:
        low, high = max(1.0, np.ceil(low)), max(high, _DECADES)
    if key.endswith(_FROM_ONE):
        low = 1.0
    if key.startswith(_UP_TO_ONE):
        high = 1.0
    return float(low), float(high)


@dataclass(frozen=True)
class Ranged:
    """An input with a range, and metrics at both ends of it."""

    row: Assumption
    low: float
    high: float
    at_low: Mapping[str, float]
    at_high: Mapping[str, float]


def ranged(fleet: Varied, names: Sequence[str]) -> tuple[Ranged, ...]:
    """Every input of these metrics that has a low or a high, at most ``MOST_RANGED``, with metrics at both ends.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    names : sequence of str
        Metric ids.
    """
    families = {base_id(name).split(".", 1)[0] for name in names}
    rows = [
        row
        for row in numbers(fleet.case).values()
        if (row.low is not None or row.high is not None) and ("fleet" in families or row.topics & families)
    ][:MOST_RANGED]
    ends = [(_end(row.low, row), _end(row.high, row)) for row in rows]
    cases = [fleet.at(row.path, value) for row, pair in zip(rows, ends, strict=True) for value in pair]
    if not cases:
        return ()
    found = metrics_of(cases, names)
    return tuple(
        Ranged(
            row,
            *pair,
            at_low={name: float(found[name][2 * place]) for name in names},
            at_high={name: float(found[name][2 * place + 1]) for name in names},
        )
        for place, (row, pair) in enumerate(zip(rows, ends, strict=True))
    )


def _end(end: float | None, row: Assumption) -> float:
    return float(row.value) if end is None else end  # type: ignore[arg-type]


def band(name: str, value: float, moved: Iterable[Ranged]) -> tuple[float, float]:
    """Low and high of a metric when inputs move independently: the root of the sum of squares on each side.

    Parameters
    ----------
    name : str
        Metric id.
    value : float
        The metric with every input at its value.
    moved : iterable of Ranged
        The inputs that may move.
    """
    down = up = 0.0
    for one in moved:
        steps = [end[name] - value for end in (one.at_low, one.at_high) if end[name] == end[name]]
        down += min([0.0, *steps]) ** 2
        up += max([0.0, *steps]) ** 2
    return value - down**0.5, value + up**0.5


def nudged(fleet: Varied, keys: Sequence[str], names: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """How a metric answers to each of several numbers: relative change of the metric over that of the number.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    keys : sequence of str
        Numbers it has, by path.
    names : sequence of str
        Metric ids.

    Returns
    -------
    mapping of str to mapping of str to float
        By metric, then by key; NaN where the metric is zero or undefined.
    """
    rows = numbers(fleet.case)
    steps = {key: _step(key, float(rows[key].value)) for key in keys if key in rows and rows[key].value}  # type: ignore[arg-type]
    moved = {key: case for key, step in steps.items() if (case := _moved(fleet, rows[key], step)) is not None}
    found = metrics_of([fleet.case, *moved.values()], names)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            name: {
                key: float((found[name][place + 1] / found[name][0] - 1.0) / (steps[key] - 1.0))
                for place, key in enumerate(moved)
            }
            for name in names
        }


def _moved(fleet: Varied, row: Assumption, step: float) -> Case | None:
    try:
        return fleet.at(row.path, float(row.value) * step)  # type: ignore[arg-type]
    except ColocalcError:  # at the end of what it may be
        return None


def _step(key: str, value: float) -> float:
    """The factor of a small change: whole numbers by one at the least, shares away from one."""
    unit = unit_of(key)
    if _DEGREES in key or (unit is not None and unit.suffix in _WHOLE):
        return (value + max(1.0, round(value * _NUDGE))) / value
    is_share = unit is not None and unit.suffix == "share"
    return 1.0 - _NUDGE if is_share else 1.0 + _NUDGE
