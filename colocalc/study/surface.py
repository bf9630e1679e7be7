"""Metrics of a fleet over several of its numbers at once: what sweeps and trials evaluate, block by block."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.case.plane import Plane, Span, bent, plane
from colocalc.errors import ColocalcError
from colocalc.study.evaluate import values as metric_values
from colocalc.study.ranges import Varied

# A value may be one at which a metric is undefined, and that is no fault.
_undefined_is_no_fault = np.errstate(divide="ignore", invalid="ignore", over="ignore")


class Surface(Protocol):
    """A fleet over several numbers; it can be sent to another process."""

    def metrics(self, values: Array, names: Sequence[str], *, market_factor: Array | None = None) -> dict[str, Array]:
        """Metrics at many values of the numbers.

        Parameters
        ----------
        values : ndarray (scenario, number)
            Values of the numbers.
        names : sequence of str
            Metric ids.
        market_factor : ndarray (scenario, pool, month), optional
            Paths of the market's price over what the file says of it.

        Returns
        -------
        dict of str to ndarray (scenario,)
            NaN where a metric is undefined.
        """


@dataclass(frozen=True, eq=False)
class PlaneSurface:
    """Numbers that go into a case in straight lines: no scenario is lowered."""

    plane: Plane

    @_undefined_is_no_fault
    def metrics(self, values: Array, names: Sequence[str], *, market_factor: Array | None = None) -> dict[str, Array]:
        """As ``Surface.metrics``."""
        try:
            found = metric_values(_on_path(self.plane.at(values), market_factor), names)
        except ColocalcError:
            # One scenario without a result, such as one with too few GPUs for a replica, takes none from the others.
            return self._in_halves(values, names, market_factor)
        return {name: np.broadcast_to(found[name], values.shape[:1]) for name in names}

    def _in_halves(self, values: Array, names: Sequence[str], path: Array | None) -> dict[str, Array]:
        if values.shape[0] == 1:
            return {name: np.full(1, np.nan) for name in names}
        paths = [None, None] if path is None else np.array_split(path, 2)
        halves = [
            self.metrics(half, names, market_factor=part)
            for half, part in zip(np.array_split(values, 2), paths, strict=True)
        ]
        return {name: np.concatenate([half[name] for half in halves]) for name in names}


@dataclass(frozen=True, eq=False)
class LoweredSurface:
    """Numbers of which some turn somewhere, or move a searched layout: every scenario is lowered by itself."""

    fleet: Varied
    keys: tuple[str, ...]

    @_undefined_is_no_fault
    def metrics(self, values: Array, names: Sequence[str], *, market_factor: Array | None = None) -> dict[str, Array]:
        """As ``Surface.metrics``."""
        found = np.full((len(names), values.shape[0]), np.nan)
        for number, row in enumerate(values):
            try:
                case = self.fleet.at_once(dict(zip(self.keys, map(float, row), strict=True)))
                single = metric_values(_on_path(case, None if market_factor is None else market_factor[number]), names)
            except ColocalcError:
                continue
            found[:, number] = [float(single[name]) for name in names]
        return dict(zip(names, found, strict=True))


def _on_path(case: Case, market_factor: Array | None) -> Case:
    return case if market_factor is None else replace(case, market_factor=market_factor)


def surface_of(fleet: Varied, spans: Sequence[Span]) -> Surface:
    """The surface of a fleet over several numbers.

    Parameters
    ----------
    fleet : Varied
        The fleet; all numbers are among those behind its case.
    spans : sequence of Span
        The numbers with the ends of what they may become.

    Raises
    ------
    ColocalcError
        When there is no case at an end of a number.
    """
    keys = tuple(span.key for span in spans)
    if not any(map(fleet.searches_anew, keys)) and not bent(fleet.at_once, spans):
        found = plane(fleet.at_once, spans)
        if found is not None:
            return PlaneSurface(found)
    return LoweredSurface(fleet, keys)
