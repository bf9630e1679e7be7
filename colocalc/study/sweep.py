"""Grids: metrics of a fleet at every combination of values of some of its keys."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array
from colocalc.case import numbers
from colocalc.case.plane import Span, bent
from colocalc.errors import EXIT_USAGE, ColocalcError, InputError, printable
from colocalc.study.batches import ASKED, BATCH, Batches, watched
from colocalc.study.engine import Engine, Progress, run
from colocalc.study.engine.task import Block, blocks_of, by_chunk, chunk_rows, whole_chunks
from colocalc.study.extremes import Extremes
from colocalc.study.over import Axis, Value
from colocalc.study.ranges import Varied, axis_of, is_degree
from colocalc.study.surface import PlaneSurface, Surface, surface_of

MOST_POINTS = 1_000_000  # that are kept in memory
MOST_WRITTEN = 100_000_000  # that are written as they are done, and not kept
_MOST_PARTS = 4_096  # combinations of what changes more than numbers: each is a fleet of its own
_CHUNKS = 20  # of a block, where points are quick and there are many


@dataclass(frozen=True, eq=False)
class Grid:
    """What an engine evaluates: the points of one or several surfaces; it can be sent to another process.

    Attributes
    ----------
    surfaces : tuple of Surface or None
        One for each combination of the values that change more than numbers; None for one that is no fleet.
    axes : tuple of ndarray (value,)
        Values of the keys that each surface has; points run through the last of them first.
    names : tuple of str
        Metric ids.
    chunk : int
        Points computed at once.
    """

    surfaces: tuple[Surface | None, ...]
    axes: tuple[Array, ...]
    names: tuple[str, ...]
    chunk: int

    @property
    def size(self) -> int:
        """Points of one surface."""
        return _product(axis.size for axis in self.axes)

    def __call__(self, block: Block) -> dict[str, Array]:
        """The metrics of a block of points, each ``(point,)``."""
        return by_chunk(block, self.chunk, self._columns)

    def _columns(self, block: Block) -> Mapping[str, Array]:
        surface = self.surfaces[block.part]
        count = block.stop - block.start
        if surface is None:
            return {name: np.full(count, np.nan) for name in self.names}
        return surface.metrics(self.values(block), self.names)

    def values(self, block: Block) -> Array:
        """The values of the axes at a block of points, ``(point, axis)``."""
        points = np.arange(block.start, block.stop)
        if not self.axes:
            return np.empty((points.size, 0))
        places = np.unravel_index(points, [axis.size for axis in self.axes])
        return np.stack([axis[place] for axis, place in zip(self.axes, places, strict=True)], axis=-1)


@dataclass(frozen=True, eq=False)
class Order:
    """How the points of a grid are counted: as they were asked for, and block by block.

    Attributes
    ----------
    axes : tuple of Axis
        In the order they were asked for; points run through the last of them first.
    parted, straight : tuple of Axis
        The same axes: those of which each combination is a surface, and those of a surface.
    """

    axes: tuple[Axis, ...]
    parted: tuple[Axis, ...]
    straight: tuple[Axis, ...]

    def of(self, block: Block) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """The places of the points of a block, and for each axis the place of its value, ``(point,)`` each."""
        points = np.arange(block.start, block.stop)
        found = {
            **_unravelled(self.parted, np.full(points.size, block.part)),
            **_unravelled(self.straight, points),
        }
        values = [found[one.key] for one in self.axes]
        places = np.zeros(points.size, dtype=np.int64)
        for one, value in zip(self.axes, values, strict=True):
            places = places * len(one.values) + value
        return places, values


def _unravelled(axes: Sequence[Axis], points: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    if not axes:
        return {}
    places = np.unravel_index(points, [len(one.values) for one in axes])
    return {one.key: np.asarray(place, dtype=np.int64) for one, place in zip(axes, places, strict=True)}


class Sink(Protocol):
    """What takes points as they are done."""

    def write(self, columns: Mapping[str, Any]) -> None:
        """Arrays of some points: which point of the grid, its values of the axes, the metrics."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """A grid and its metrics.

    Attributes
    ----------
    axes : tuple of Axis
        In the order they were asked for.
    names : tuple of str
        Metric ids.
    columns : mapping of str to ndarray (point,)
        Metrics, points running through the last axis first; NaN where undefined, or not reached. None of them where
        there are too many to keep.
    extremes : mapping of str to Extremes
        Where each metric is least and most.
    done_count, count : int
        Points done, and points of the grid.
    why_not : tuple of str
        Combinations that are no fleet, with the reason.
    batches : Batches or None
        Points that train on another batch than was asked for; None where no metric hangs on it.
    """

    axes: tuple[Axis, ...]
    names: tuple[str, ...]
    columns: Mapping[str, Array]
    extremes: Mapping[str, Extremes]
    done_count: int
    count: int
    why_not: tuple[str, ...]
    batches: Batches | None = None

    def moving(self) -> "Sweep":
        """Only the metrics that are not the same everywhere, where there are any."""
        moving = [name for name in self.names if self.extremes[name].moves]
        return replace(self, names=tuple(moving)) if moving else self

    def point(self, place: int) -> tuple[Value, ...]:
        """The values of the axes at a point."""
        places = np.unravel_index(place, [len(axis.values) for axis in self.axes])
        return tuple(axis.values[int(at)] for axis, at in zip(self.axes, places, strict=True))


def _product(sizes: Iterable[int]) -> int:
    """In whole numbers of Python, which do not overflow."""
    found = 1
    for size in sizes:
        found *= size
    return found


def sweep(
    fleet: Varied,
    axes: Sequence[Axis],
    names: Sequence[str],
    *,
    engine: Engine,
    block_size: int | None,
    progress: Progress | None = None,
    sink: Sink | None = None,
) -> Sweep:
    """Metrics at every combination of values.

    Parameters
    ----------
    fleet : Varied
        The fleet; a layout that was searched for it is kept at every point, unless it searches anew.
    axes : sequence of Axis
        Its keys with their values.
    names : sequence of str
        Metric ids.
    engine : Engine
        Where points are evaluated.
    block_size : int or None
        Points of a block, rounded up to whole chunks.
    progress : Progress, optional
        Told of every block.
    sink : Sink, optional
        Takes every block; with one there may be more points than are kept in memory.

    Raises
    ------
    ColocalcError
        When a key leads nowhere, a value is none it may have, or there are too many points.
    """
    count = point_count(axes, is_written=sink is not None)
    batches = watched(fleet.case, names)
    asked = names if batches is None or BATCH in names else (*names, BATCH)
    grid, order, why_not = _grid(fleet.with_its_layout(), axes, asked)
    is_kept = count <= MOST_POINTS
    columns = {name: np.full(count, np.nan) for name in names} if is_kept else {}
    extremes = {name: Extremes() for name in names}
    done = 0
    try:
        for block, found in run(grid, _blocks(grid, block_size), engine=engine, progress=progress):
            places, values = order.of(block)
            if batches is not None:
                batches.take(found[BATCH], _axis_columns(order.axes, values).get(ASKED))
            for name in names:
                extremes[name].take(places, found[name])
                if is_kept:
                    columns[name][places] = found[name]
            if sink is not None:
                metrics = {name: found[name] for name in names}
                sink.write({"point": places, **_axis_columns(order.axes, values), **metrics})
            done += block.stop - block.start
    except KeyboardInterrupt:
        pass  # what is known is shown
    return Sweep(order.axes, tuple(names), columns, extremes, done, count, why_not, batches)


def _axis_columns(axes: Sequence[Axis], places: Sequence[NDArray[np.int64]]) -> dict[str, NDArray[Any]]:
    """The values of the axes at some points, as numbers or as words."""
    return {one.key: one.array[place] for one, place in zip(axes, places, strict=True)}


def _grid(fleet: Varied, axes: Sequence[Axis], names: Sequence[str]) -> tuple[Grid, Order, tuple[str, ...]]:
    """What an engine evaluates, in which order, and what of it is no fleet."""
    based = _with_keys(fleet, axes)
    straight = _straight(based, axes)
    parted = [one for one in axes if one not in straight]
    surfaces, why_not = _surfaces(based, parted, straight)
    chunk = chunk_rows(len(fleet.case.pools.names))
    grid = Grid(surfaces, tuple(one.array for one in straight), tuple(names), chunk)
    return grid, Order(tuple(axes), tuple(parted), tuple(straight)), why_not


def _blocks(grid: Grid, block_size: int | None) -> list[Block]:
    quick = all(one is None or isinstance(one, PlaneSurface) for one in grid.surfaces)
    size = whole_chunks(_CHUNKS * grid.chunk if block_size is None and quick else block_size, grid.chunk)
    return [block for part in range(len(grid.surfaces)) for block in blocks_of(grid.size, size, part)]


def point_count(axes: Sequence[Axis], *, is_written: bool = False) -> int:
    """Points of a grid.

    Parameters
    ----------
    axes : sequence of Axis
        The axes.
    is_written : bool
        Whether points are written as they are done, so that more are possible than memory keeps.

    Raises
    ------
    ColocalcError
        When there are more.
    """
    count = _product(len(one.values) for one in axes)
    most = MOST_WRITTEN if is_written else MOST_POINTS
    if count > most:
        message = f"{count:,} points are more than {most:,}"
        more = "" if is_written else f"; colocalc sweep --points FILE.parquet writes up to {MOST_WRITTEN:,}"
        hint = f"take fewer values{more}"
        raise ColocalcError(message, where="--over", hint=hint, exit_code=EXIT_USAGE)
    return count


def _with_keys(fleet: Varied, axes: Sequence[Axis]) -> Varied:
    """The fleet with every key that its file does not have yet, or does not have as a number."""
    missing = [one for one in axes if one.key not in numbers(fleet.case)]
    if not missing:
        return fleet
    based = fleet.given({one.key: one.values[0] for one in missing})
    with _told_of(axes):
        based.case  # noqa: B018 - lowering checks it
    return based


@contextmanager
def _told_of(axes: Sequence[Axis]) -> Iterator[None]:
    """Faults of a value told as faults of its axis: it is put into the fleet as ``--set`` would, but nobody typed that.

    Raises
    ------
    InputError
        With the same faults.
    """
    typed = tuple(printable(f"--set {one.key}=") for one in axes)
    try:
        yield
    except InputError as error:
        raise InputError(
            replace(fault, file=f"--over {fault.file.removeprefix('--set ')}")
            if fault.file.startswith(typed)
            else fault
            for fault in error.faults
        ) from None


def _straight(fleet: Varied, axes: Sequence[Axis]) -> list[Axis]:
    """The axes of numbers that go into a case in straight lines; what their ends may not be is refused."""
    known = numbers(fleet.case)
    spans: list[Span] = []
    for one in axes:
        if one.is_words or is_degree(one.key) or one.key not in known:
            continue
        values = [float(value) for value in one.values]
        low, high = min(values), max(values)
        for end in (low, high):  # a value that the file may not have is told as the file would be
            with _told_of(axes):
                fleet.given({one.key: end}).case  # noqa: B018 - lowering checks it
        if low < high:
            _refuse_beyond(fleet, one.key, low, high)
            spans.append(Span(one.key, float(known[one.key].value), low, high))  # type: ignore[arg-type]
    if any(fleet.searches_anew(span.key) for span in spans):
        turning: frozenset[str] = frozenset()  # every point is lowered by itself anyway
    else:
        turning = bent(fleet.at_once, spans) if spans else frozenset()
    keys = {span.key for span in spans} - turning
    return [one for one in axes if one.key in keys]


def _refuse_beyond(fleet: Varied, key: str, low: float, high: float) -> None:
    """Refuses ends that a number of this unit never has, under the option that was typed."""
    try:
        axis_of(fleet, key, between=(low, high))
    except ColocalcError as error:
        raise ColocalcError(error.message, where=f"--over {key}", exit_code=error.exit_code) from None


def _surfaces(
    fleet: Varied, parted: Sequence[Axis], straight: Sequence[Axis]
) -> tuple[tuple[Surface | None, ...], tuple[str, ...]]:
    """A surface for each combination of the values that change more than numbers, and why some have none."""
    count = _product(len(one.values) for one in parted)
    if count > _MOST_PARTS:
        keys = ", ".join(one.key for one in parted)
        message = f"{count:,} combinations of {keys} are more than {_MOST_PARTS:,}: each is a fleet of its own"
        raise ColocalcError(message, where="--over", exit_code=EXIT_USAGE)
    surfaces: list[Surface | None] = []
    why_not: list[str] = []
    for combination in product(*(one.values for one in parted)):
        given = {one.key: value for one, value in zip(parted, combination, strict=True)}
        try:
            part = fleet.given(given) if given else fleet
            surfaces.append(surface_of(part, _spans(part, straight)))
        except ColocalcError as error:
            fault = next(iter(getattr(error, "faults", ())), error)
            hint = f"; {fault.hint}" if fault.hint else ""
            why_not.append(
                f"{', '.join(f'{key} {_shown(value)}' for key, value in given.items())}: {fault.message}{hint}"
            )
            surfaces.append(None)
    if all(one is None for one in surfaces):
        raise ColocalcError(why_not[0], where="--over", exit_code=EXIT_USAGE)
    return tuple(surfaces), tuple(why_not)


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _spans(fleet: Varied, straight: Sequence[Axis]) -> list[Span]:
    known = numbers(fleet.case)
    ends = {one.key: (min(map(float, one.values)), max(map(float, one.values))) for one in straight}
    return [Span(key, float(known[key].value), *pair) for key, pair in ends.items()]  # type: ignore[arg-type]
