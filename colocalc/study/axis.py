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

    def _spread(self, places: Array) -> Array:
        """Values at these parts of the way from low to high."""
        if self.scale == "log":
            values = self.low * (self.high / self.low) ** places
        else:
            values = self.low + (self.high - self.low) * places
        return np.unique(np.round(values)) if self.whole else values

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
    found = {place: _one_by_one(axes[place], values[place], names) for place, line in enumerate(lines) if line is None}
    blocks = {place: line(values[place]) for place, line in enumerate(lines) if line is not None}
    try:
        found |= _at_once(blocks, values, names, base)
    except StructureError:  # an axis may change what the others leave alone, such as a card for a rate
        for place, block in blocks.items():
            found |= _at_once({place: block}, values, names, block)
    except ColocalcError:  # one of the values has no result: the others do
        found |= {place: _one_by_one(axes[place], values[place], names) for place in blocks}
    return [found[place] for place in range(len(axes))]


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


def _one_by_one(axis: Axis, values: Array, names: Sequence[str]) -> Mapping[str, Array]:
    rows = [_row(axis, float(value), names) for value in values]
    return {name: np.asarray([row[place] for row in rows]) for place, name in enumerate(names)}


def _row(axis: Axis, value: float, names: Sequence[str]) -> list[float]:
    try:
        found = metric_values(axis.at(value), names)
    except ColocalcError:
        return [float("nan")] * len(names)
    return [float(found[name]) for name in names]


def metrics_of(cases: Sequence[Case], names: Sequence[str]) -> Mapping[str, Array]:
    """Metrics of several cases of one fleet, ``(case,)``: at once where they share a structure."""
    try:
        found = metric_values(stacked(cases), names)
    except StructureError:
        rows = [metric_values(case, names) for case in cases]
        return {name: np.asarray([float(row[name]) for row in rows]) for name in names}
    return {name: np.broadcast_to(value, (len(cases),)) for name, value in found.items()}
