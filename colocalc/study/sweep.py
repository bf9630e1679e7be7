"""Grids: metrics of a fleet at every combination of values of some of its keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from colocalc.arrays import Array
from colocalc.case import numbers
from colocalc.case.plane import Span, bent
from colocalc.errors import EXIT_USAGE, ColocalcError, quoted
from colocalc.study.engine import Engine, Progress, run
from colocalc.study.engine.task import Block, blocks_of, by_chunk, chunk_rows, whole_chunks
from colocalc.study.ranges import Varied, axis_of, is_degree, is_whole
from colocalc.study.surface import Surface, surface_of
from colocalc.units import unit_of

MOST_POINTS = 1_000_000  # that are kept in memory
_MOST_PARTS = 4_096  # combinations of what changes more than numbers: each is a fleet of its own
Value = float | str
Reader = Callable[[str], object]


@dataclass(frozen=True)
class Axis:
    """A key of a fleet, or the path of an assumption, and the values it is given."""

    key: str
    values: tuple[Value, ...]

    @property
    def is_words(self) -> bool:
        """Whether some value is no number."""
        return any(isinstance(value, str) for value in self.values)

    @property
    def unit(self) -> str | None:
        """The unit of its numbers."""
        unit = None if self.is_words else unit_of(self.key)
        return None if unit is None else unit.suffix


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
class Sweep:
    """A grid and its metrics.

    Attributes
    ----------
    axes : tuple of Axis
        In the order they were asked for.
    names : tuple of str
        Metric ids.
    columns : mapping of str to ndarray (point,)
        Metrics, points running through the last axis first; NaN where undefined, or not reached.
    done_count, count : int
        Points done, and points of the grid.
    why_not : tuple of str
        Combinations that are no fleet, with the reason.
    """

    axes: tuple[Axis, ...]
    names: tuple[str, ...]
    columns: Mapping[str, Array]
    done_count: int
    count: int
    why_not: tuple[str, ...]

    def moving(self) -> "Sweep":
        """Only the metrics that are not the same everywhere, where there are any."""
        moving = [name for name in self.names if np.unique(self.columns[name]).size > 1]
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


def axis(text: str, read: Reader) -> Axis:
    """The axis that ``KEY=START:STOP:N``, with ``:log`` or without, or ``KEY=A,B,C`` asks for.

    Parameters
    ----------
    text : str
        As typed.
    read : callable
        The scalar that a text is to the reader of fleet files.

    Raises
    ------
    ColocalcError
        When it is neither.
    """
    key, equals, wanted = text.partition("=")
    where = f"--over {quoted(text)}"
    if not equals or not key.strip() or not wanted.strip():
        raise ColocalcError("should be KEY=START:STOP:N or KEY=A,B,C", where=where, exit_code=EXIT_USAGE)
    key = key.strip()
    values = _spread(key, wanted, read, where) if ":" in wanted else _listed(wanted, read, where)
    if len(set(values)) != len(values):
        raise ColocalcError("a value stands twice", where=where, exit_code=EXIT_USAGE)
    return Axis(key, values)


def _listed(wanted: str, read: Reader, where: str) -> tuple[Value, ...]:
    found: list[Value] = []
    for part in wanted.split(","):
        value = read(part.strip())
        if isinstance(value, bool) or value is None or not isinstance(value, int | float | str) or value == "":
            raise ColocalcError(f"{quoted(part)} is no value", where=where, exit_code=EXIT_USAGE)
        found.append(value if isinstance(value, str) else float(value))
    return tuple(found)


def _spread(key: str, wanted: str, read: Reader, where: str) -> tuple[Value, ...]:
    parts = wanted.split(":")
    is_log = parts[-1].strip() == "log"
    ends = [read(part.strip()) for part in (parts[:-1] if is_log else parts)]
    numeric = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numeric) != 3 or len(ends) != 3 or not bool(np.isfinite(numeric).all()):
        raise ColocalcError("START:STOP:N are three numbers", where=where, exit_code=EXIT_USAGE)
    start, stop, steps = numeric
    if steps != round(steps) or not 1.0 <= steps <= MOST_POINTS:
        raise ColocalcError(f"N is a whole number from 1 to {MOST_POINTS:,}", where=where, exit_code=EXIT_USAGE)
    if is_log and min(start, stop) <= 0.0:
        raise ColocalcError("a logarithmic axis lies above 0", where=where, exit_code=EXIT_USAGE)
    spread = np.geomspace if is_log else np.linspace
    values = spread(start, stop, int(steps))
    if is_whole(key):
        values = np.unique(np.rint(values))
    return tuple(map(float, values))


def sweep(
    fleet: Varied,
    axes: Sequence[Axis],
    names: Sequence[str],
    *,
    engine: Engine,
    block_size: int | None,
    progress: Progress | None = None,
) -> Sweep:
    """Metrics at every combination of values.

    Parameters
    ----------
    fleet : Varied
        The fleet.
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

    Raises
    ------
    ColocalcError
        When a key leads nowhere, a value is none it may have, or there are too many points.
    """
    count = point_count(axes)
    based = _with_keys(fleet, axes)
    straight = _straight(based, axes)
    parted = [one for one in axes if one not in straight]
    surfaces, why_not = _surfaces(based, parted, straight)
    chunk = chunk_rows(len(fleet.case.pools.names))
    grid = Grid(surfaces, tuple(np.asarray(one.values, dtype=np.float64) for one in straight), tuple(names), chunk)
    size = whole_chunks(block_size, chunk)
    blocks = [block for part in range(len(surfaces)) for block in blocks_of(grid.size, size, part)]
    columns = {name: np.full((len(surfaces), grid.size), np.nan) for name in grid.names}
    done = 0
    try:
        for block, found in run(grid, blocks, engine=engine, progress=progress):
            for name, values in found.items():
                columns[name][block.part, block.start : block.stop] = values
            done += block.stop - block.start
    except KeyboardInterrupt:
        pass  # what is known is shown
    order = [*parted, *straight]
    as_asked = [order.index(one) for one in axes]
    shape = [len(one.values) for one in order]
    put = {name: values.reshape(shape).transpose(as_asked).reshape(-1) for name, values in columns.items()}
    return Sweep(tuple(axes), grid.names, put, done, count, why_not)


def point_count(axes: Sequence[Axis]) -> int:
    """Points of a grid.

    Raises
    ------
    ColocalcError
        When there are more than are kept in memory.
    """
    count = _product(len(one.values) for one in axes)
    if count > MOST_POINTS:
        message = f"{count:,} points are more than {MOST_POINTS:,}"
        raise ColocalcError(message, where="--over", hint="take fewer values", exit_code=EXIT_USAGE)
    return count


def _with_keys(fleet: Varied, axes: Sequence[Axis]) -> Varied:
    """The fleet with every key that its file does not have yet, or does not have as a number."""
    missing = [one for one in axes if one.key not in numbers(fleet.case)]
    return fleet.given({one.key: one.values[0] for one in missing}) if missing else fleet


def _straight(fleet: Varied, axes: Sequence[Axis]) -> list[Axis]:
    """The axes of numbers that go into a case in straight lines; what their ends may not be is refused."""
    known = numbers(fleet.case)
    spans = []
    for one in axes:
        if one.is_words or is_degree(one.key) or one.key not in known:
            continue
        values = [float(value) for value in one.values]
        low, high = min(values), max(values)
        for end in (low, high):  # a value that the file may not have is told as the file would be
            fleet.given({one.key: end}).case  # noqa: B018 - lowering checks it
        if low < high:
            axis_of(fleet, one.key, between=(low, high))
            spans.append(Span(one.key, float(known[one.key].value), low, high))  # type: ignore[arg-type]
    turning = bent(fleet.at_once, spans) if spans else frozenset()
    keys = {span.key for span in spans} - turning
    return [one for one in axes if one.key in keys]


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
            why_not.append(f"{', '.join(f'{key} {value}' for key, value in given.items())}: {fault.message}")
            surfaces.append(None)
    if all(one is None for one in surfaces):
        raise ColocalcError(why_not[0], where="--over", exit_code=EXIT_USAGE)
    return tuple(surfaces), tuple(why_not)


def _spans(fleet: Varied, straight: Sequence[Axis]) -> list[Span]:
    known = numbers(fleet.case)
    ends = {one.key: (min(map(float, one.values)), max(map(float, one.values))) for one in straight}
    return [Span(key, float(known[key].value), *pair) for key, pair in ends.items()]  # type: ignore[arg-type]
