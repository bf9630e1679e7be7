"""One number of a fleet varied while everything else stays: the metrics along it, for one number or for several."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.case.stack import Between, StructureError, below_each_other, stacked, straight
from colocalc.errors import ColocalcError
from colocalc.study.evaluate import values as metric_values

Lowered = Callable[[float], Case]

_FEW_WHOLE = 256  # of fewer whole numbers each is looked at
_PROBES = (0.0, 0.37, 1.0)  # of the way: a number that turns somewhere is not on the line through these


@dataclass(eq=False)
class Axis:
    """A number between two values, and the case at each of them.

    Attributes
    ----------
    key : str
        Its key in the fleet file, or its path among the assumptions.
    at : callable
        The case at a value; raises ColocalcError where there is none.
    low, high : float
        The range; ``low < high``, and both above zero where ``scale`` is ``log``.
    whole : bool
        Whether only whole numbers make sense.
    scale : str
        ``linear`` or ``log``: how points are spread over the range.
    """

    key: str
    at: Lowered
    low: float
    high: float
    whole: bool
    scale: str
    _between: Between | None = field(default=None, init=False)
    _probed: bool = field(default=False, init=False)

    def points(self, count: int) -> Array:
        """Values from low to high, each once; whole ones where only these make sense."""
        return self._spread(np.linspace(0.0, 1.0, count))

    def places(self, count: int) -> Array:
        """As ``points``; of a few whole numbers, each."""
        if self.whole and self.high - self.low < _FEW_WHOLE:
            return np.arange(np.ceil(self.low), np.floor(self.high) + 1.0)
        return self.points(count)

    def _spread(self, places: Array) -> Array:
        """Values at these parts of the way from low to high."""
        if self.scale == "log":
            values = self.low * (self.high / self.low) ** places
        else:
            values = self.low + (self.high - self.low) * places
        # Not ``np.unique``, which imports masked arrays: values ascend.
        return _each_once(np.round(values)) if self.whole else values

    def between(self) -> Between | None:
        """The case at any values without lowering each of them; None where that would not be exact."""
        if not self._probed:
            self._probed = True
            probes = self._spread(np.asarray(_PROBES))
            try:
                # A range of a few whole numbers has fewer points than a line needs.
                lowered = [self.at(float(one)) for one in probes] if probes.size == len(_PROBES) else None
                self._between = None if lowered is None else straight(lowered, probes)
            except ColocalcError:
                self._between = None
        return self._between

    def bend(self) -> None:
        """Lowers every value from now on: a value between the probes turned out not to lie on their line."""
        self._between = None


def _each_once(ascending: Array) -> Array:
    return ascending[np.diff(ascending, prepend=-np.inf) > 0.0]


# The ends of what a number may be are searched too; what is divided by nothing there is undefined, and no fault.
_undefined_is_no_fault = np.errstate(divide="ignore", invalid="ignore", over="ignore")


@_undefined_is_no_fault
def metrics_along(
    axes: Sequence[Axis], values: Sequence[Array], names: Sequence[str], base: Case
) -> list[Mapping[str, Array]]:
    """Metrics at the values of several axes, each varied alone.

    Parameters
    ----------
    axes : sequence of Axis
        The numbers.
    values : sequence of ndarray (value,)
        Values of each.
    names : sequence of str
        Metric ids.
    base : Case
        The case that the axes vary.

    Returns
    -------
    list of mapping of str to ndarray (value,)
        For each axis, NaN where a metric is undefined or where there is no case.
    """
    lines = [axis.between() for axis in axes]
    found = {
        place: metrics_one_by_one(axes[place], values[place], names) for place, line in enumerate(lines) if line is None
    }
    blocks = {place: line(values[place]) for place, line in enumerate(lines) if line is not None}
    try:
        found |= _at_once(blocks, values, names, base)
    except (StructureError, ColocalcError):
        # An axis may change what the others leave alone, such as a card for a rate; a value may have no result.
        found |= {place: _alone(axes[place], block, values[place], names) for place, block in blocks.items()}
    return [found[place] for place in range(len(axes))]


def _alone(axis: Axis, block: Case, values: Array, names: Sequence[str]) -> Mapping[str, Array]:
    """Metrics of one block of cases; where one of them has no result, the others still do."""
    try:
        return _at_once({0: block}, [values], names, block)[0]
    except ColocalcError:
        return metrics_one_by_one(axis, values, names)


def _at_once(
    blocks: Mapping[int, Case], values: Sequence[Array], names: Sequence[str], base: Case
) -> dict[int, Mapping[str, Array]]:
    """Metrics of several blocks of cases, evaluated as one."""
    sizes = {place: values[place].size for place in blocks}
    if not blocks:
        return {}
    only = next(iter(blocks.values())) if len(blocks) == 1 else None
    long = below_each_other(base, [(block, sizes[place]) for place, block in blocks.items()]) if only is None else only
    columns = {
        name: np.broadcast_to(value, (sum(sizes.values()),)) for name, value in metric_values(long, names).items()
    }
    ends = dict(zip(sizes, np.cumsum(list(sizes.values())), strict=True))
    return {
        place: {name: column[ends[place] - sizes[place] : ends[place]] for name, column in columns.items()}
        for place in sizes
    }


@_undefined_is_no_fault
def metrics_one_by_one(axis: Axis, values: Array, names: Sequence[str]) -> Mapping[str, Array]:
    """As ``metrics_along`` for one axis, with the fleet lowered anew at every value."""
    rows = [_row(axis, float(value), names) for value in values]
    return {name: np.asarray([row[place] for row in rows]) for place, name in enumerate(names)}


def _row(axis: Axis, value: float, names: Sequence[str]) -> list[float]:
    try:
        return _metrics(axis.at(value), names)
    except ColocalcError:
        return _metrics(None, names)


@_undefined_is_no_fault
def metrics_of(cases: Sequence[Case | None], names: Sequence[str]) -> Mapping[str, Array]:
    """Metrics of several cases of one fleet, ``(case,)``, NaN where there is none: at once where they are alike."""
    try:
        found = metric_values(stacked(cases), names) if None not in cases else None
    except (StructureError, ColocalcError):  # they differ, or one of them has no result
        found = None
    if found is not None:
        return {name: np.broadcast_to(value, (len(cases),)) for name, value in found.items()}
    rows = [_metrics(case, names) for case in cases]
    return {name: np.asarray([row[place] for row in rows]) for place, name in enumerate(names)}


def _metrics(case: Case | None, names: Sequence[str]) -> list[float]:
    """Metrics of one case; NaN where it has no result."""
    try:
        found = {} if case is None else metric_values(case, names)
    except ColocalcError:
        found = {}
    return [float(found.get(name, np.nan)) for name in names]
