"""Where a number may lie: the range of its figure, the range its unit allows, and what a metric does over them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from colocalc.case import Assumption, Case, numbers
from colocalc.errors import EXIT_USAGE, ColocalcError
from colocalc.metrics import family_of
from colocalc.study.axis import Axis, metrics_of
from colocalc.units import WHOLE, unit_of

MOST_RANGED = 64  # inputs whose ranges are tried: the work stays small however many pools there are
MODEL_ERROR = ".model_error_factor"
CONSTANTS = "calibration."
_DECADES = 1e4
_MOST_DEGREES = 256.0  # of tensor ranks, stages, chunks or the like
_DEGREES = ".layout."  # degrees of parallelism have no unit in their name
_FROM_ONE = ("pue_factor", "oversubscription_factor")
_UP_TO_ONE = ("tree_bandwidth_factor", "pat_bandwidth_factor")
_MEASURED = ".measured."
_LEAST_EFFICIENCY = 1e-3  # of a network: without any, nothing is ever exchanged
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

    def at_once(self, instead: Mapping[str, float]) -> Case:
        """The case with several of its numbers changed, each by its path among the assumptions."""

    def given(self, values: Mapping[str, float | str]) -> "Varied":
        """The same fleet with values as if its file had them."""

    def with_its_layout(self) -> "Varied":
        """The same fleet, of which values given keep the layout that was searched for it, unless it searches anew."""

    def searches_anew(self, key: str) -> bool:
        """Whether a layout is searched anew where this number changes."""

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
    whole = is_whole(key)
    low, high = _allowed(key, suffix, now) if between is None else _asked(key, suffix, between, whole=whole)
    peak = numbers(fleet.case).get(key.replace(".best_matmul_", ".peak_")) if ".best_matmul_" in key else None
    if peak is not None:  # no product is faster than the peak
        high = min(high, float(peak.value))  # type: ignore[arg-type]
    scale = "linear" if low <= 0.0 or (suffix == "share" and between is None) else "log"
    return Axis(key, lambda value: fleet.at(key, value), low, high, whole=whole, scale=scale)


def is_whole(key: str) -> bool:
    """Whether a number of this key is a whole one."""
    unit = unit_of(key)
    return is_degree(key) or (unit is not None and unit.suffix in WHOLE)


def is_degree(key: str) -> bool:
    """Whether a key is a degree of a layout, whose values must fit each other and the GPUs."""
    return _DEGREES in key


def _allowed(key: str, suffix: str, now: float | None) -> tuple[float, float]:
    least, most = _limits(key, suffix)
    if suffix == "share":
        return least, most
    low, high = _WIDEST.get(suffix, _ANYTHING)
    if now is not None and now != 0.0:
        low, high = sorted((now / _DECADES, now * _DECADES))
    if is_whole(key):
        low, high = max(1.0, np.ceil(low)), _MOST_DEGREES if _DEGREES in key else max(high, _DECADES)
    return float(max(low, least)), float(min(high, most))


def _limits(key: str, suffix: str) -> tuple[float, float]:
    """What a number may be at all; infinite where its unit sets no limit."""
    if suffix == "share":
        return (_LEAST_EFFICIENCY if key.startswith("networks.") else 0.0), 1.0
    low = 1.0 if key.endswith(_FROM_ONE) else -float("inf")
    is_a_stage = suffix == "factor" and (key.startswith("software.") or _MEASURED in key)
    high = 1.0 if is_a_stage or key.endswith(_UP_TO_ONE) else float("inf")
    return low, high


def _asked(key: str, suffix: str, between: tuple[float, float], *, whole: bool) -> tuple[float, float]:
    """A range that was asked for: one that the number may lie in, its ends whole where only these make sense.

    Raises
    ------
    ColocalcError
        When no number of this unit lies there.
    """
    low, high = between
    least, most = _limits(key, suffix)
    if low < least or high > most:
        reach = f"is at least {least:g}" if most == float("inf") else f"lies between {max(least, 0.0):g} and {most:g}"
        raise ColocalcError(f"{key} {reach}", where="--between", exit_code=EXIT_USAGE)
    if whole and np.ceil(low) > np.floor(high):
        message = f"no whole number lies between {low:g} and {high:g}"
        raise ColocalcError(message, where="--between", exit_code=EXIT_USAGE)
    return (float(np.ceil(low)), float(np.floor(high))) if whole else (low, high)


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

    The constants of the step-time model are among them where a metric is that of one stage.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    names : sequence of str
        Metric ids.
    """
    families = {family_of(name) for name in names}
    rows = [
        row
        for row in numbers(fleet.case).values()
        if (row.low is not None or row.high is not None) and ("fleet" in families or row.topics & families)
    ]
    # Of a fleet of very many pools, one more or less moves nothing: they stand last.
    rows = sorted(rows, key=lambda row: row.path.startswith("pools."))[:MOST_RANGED]
    if not any(map(_is_stage, names)):  # the error of the model stands for its constants
        rows = [row for row in rows if not row.path.startswith(CONSTANTS)]
    ends = [(_end(row.low, row), _end(row.high, row)) for row in rows]
    cases = [_case(fleet, row.path, value) for row, pair in zip(rows, ends, strict=True) for value in pair]
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

    Notes
    -----
    The error of the step-time model is known for a step as a whole: there it stands for all of the model's constants.
    For one stage it says nothing; there the constants move, each by its own standard error.
    """
    is_stage = _is_stage(name)
    down = up = 0.0
    for one in moved:
        if one.row.path.endswith(MODEL_ERROR) if is_stage else one.row.path.startswith(CONSTANTS):
            continue
        steps = [end[name] - value for end in (one.at_low, one.at_high) if end[name] == end[name]]
        down += min([0.0, *steps]) ** 2
        up += max([0.0, *steps]) ** 2
    return value - down**0.5, value + up**0.5


def _is_stage(name: str) -> bool:
    return ".stage." in name


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
    moved = {
        key: case
        for key, step in steps.items()
        if (case := _case(fleet, key, float(rows[key].value) * step)) is not None  # type: ignore[arg-type]
    }
    found = metrics_of([fleet.case, *moved.values()], names)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            name: {
                key: float((found[name][place + 1] / found[name][0] - 1.0) / (steps[key] - 1.0))
                for place, key in enumerate(moved)
            }
            for name in names
        }


def _case(fleet: Varied, key: str, value: float) -> Case | None:
    """The case at a value; None where the number may not have it."""
    try:
        return fleet.at(key, value)
    except ColocalcError:
        return None


def _step(key: str, value: float) -> float:
    """The factor of a small change: whole numbers by one at the least, shares away from one."""
    unit = unit_of(key)
    if is_whole(key):
        return (value + max(1.0, round(value * _NUDGE))) / value
    is_share = unit is not None and unit.suffix == "share"
    return 1.0 - _NUDGE if is_share else 1.0 + _NUDGE
