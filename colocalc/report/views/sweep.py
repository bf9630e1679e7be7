"""A grid of a fleet: what a metric does over one key or two, where it is least and most, and every point."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.errors import quoted
from colocalc.metrics import METRICS, base_id, unit_suffix
from colocalc.report.table import Column, Note, Report, Table
from colocalc.report.views.common import assemble, counted, number
from colocalc.report.views.kept_layout import on_layout
from colocalc.study.evaluate import Result
from colocalc.study.over import Axis, Value
from colocalc.study.sweep import Sweep
from colocalc.units import text

_SHADES = " ░▒▓█"
_MOST_ROWS = 40  # of a table that is read on a screen
_MOST_COLUMNS = 6  # of a matrix: 80 columns hold no more
_MOST_REASONS = 5


def sweep(
    case: Case,
    result: Result,
    catalog: Catalog,
    *,
    found: Sweep,
    engine: str,
    relayout: bool = False,
    written_to: Path | None = None,
) -> Report:
    """Where each metric is least and most, its course or its map, and every point for programs."""
    names = found.names
    return assemble(
        "sweep",
        case=case,
        result=result,
        catalog=catalog,
        families=tuple(dict.fromkeys(base_id(name).split(".", 1)[0] for name in names)),
        topics=tuple(dict.fromkeys(_topic(name) for name in names)),
        tables=(_extremes(found), *(_kept(found) if found.columns else ())),
        headline=tuple(_sentence(name, found) for name in names),
        notes=(*_notes(found, engine, written_to), *on_layout(case, names, "point", relayout=relayout)),
    )


def _topic(name: str) -> str:
    family = base_id(name).split(".", 1)[0]
    return "mfu" if family == "fleet" else family


def _value(axis: Axis, value: Value) -> str:
    return value if isinstance(value, str) else text(value, axis.unit)


def _where(found: Sweep, place: int) -> str:
    return ", ".join(
        f"{axis.key} {_value(axis, value)}" for axis, value in zip(found.axes, found.point(place), strict=True)
    )


def _sentence(name: str, found: Sweep) -> str:
    ends = found.extremes[name]
    if not ends.is_known:
        return f"{name} is undefined at every point."
    unit = unit_suffix(name)
    if ends.least == ends.most:
        return f"{name} is {text(ends.least, unit)} at every point."
    return (
        f"{name} runs from {text(ends.least, unit)} ({_where(found, ends.least_at)}) "
        f"to {text(ends.most, unit)} ({_where(found, ends.most_at)})."
    )


def _notes(found: Sweep, engine: str, written_to: Path | None) -> Iterator[Note]:
    if found.done_count < found.count:
        yield Note(f"interrupted after {found.done_count:,} of {counted(found.count, 'point')}", "warning")
    for reason in found.why_not[:_MOST_REASONS]:
        yield Note(f"no fleet at {reason}", "warning")
    if len(found.why_not) > _MOST_REASONS:
        yield Note(f"and {len(found.why_not) - _MOST_REASONS:,} more combinations are no fleet", "warning")
    if written_to is not None and found.done_count == found.count:
        yield Note(f"every point stands in {quoted(str(written_to))}")
    yield Note(f"{counted(found.count, 'point')}; engine: {engine}, which changes no bit of the result")


def _extremes(found: Sweep) -> Table:
    columns = (
        Column("metric", "Metric", kind="text"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("least", "Least", unit_from="unit"),
        Column("least_at", "At", kind="text"),
        Column("most", "Most", unit_from="unit"),
        Column("most_at", "At", kind="text"),
        Column("undefined_count", "Undefined", unit="count"),
    )
    rows: list[tuple[object, ...]] = []
    for name in found.names:
        one = found.extremes[name]
        cells: tuple[object, ...] = (None, None, None, None)
        if one.is_known:
            cells = (number(one.least), _where(found, one.least_at), number(one.most), _where(found, one.most_at))
        rows.append((name, unit_suffix(name), *cells, one.undefined_count))
    return Table("extremes", "Least and most", columns, tuple(rows))


def _kept(found: Sweep) -> Iterator[Table]:
    """Tables of points that were kept in memory."""
    yield from _maps(found)
    yield _points(found)


def _maps(found: Sweep) -> Iterator[Table]:
    """Over two keys a matrix of each metric, shaded from its least to its most."""
    if len(found.axes) != 2:
        return
    first, second = found.axes
    shape = (len(first.values), len(second.values))
    rows, columns = (_thinned(size, most) for size, most in zip(shape, (_MOST_ROWS, _MOST_COLUMNS), strict=True))
    for place, name in enumerate(found.names):
        grid = found.columns[name].reshape(shape)
        heads = tuple(
            Column(f"column_{at}", _value(second, second.values[at]), unit=unit_suffix(name)) for at in columns
        )
        cells = tuple(
            (_value(first, first.values[row]), _shades(grid, row), *(number(grid[row, at]) for at in columns))
            for row in rows
        )
        thin = (
            "" if (len(rows), len(columns)) == shape else f" {len(rows)} of {shape[0]} by {len(columns)} of {shape[1]}."
        )
        yield Table(
            f"map_{place + 1}",
            f"{name}: {first.key} down, {second.key} across",
            (Column("down", first.key, kind="text"), Column("shades", "Map", kind="text"), *heads),
            cells,
            caption=f"{METRICS[base_id(name)].meaning}. Shades run from the least, "
            f"blank, to the most, full; a dot is undefined.{thin}",
        )


def _thinned(size: int, most: int) -> list[int]:
    """Places of at most so many values, spread evenly with both ends."""
    return sorted({round(place) for place in np.linspace(0, size - 1, min(size, most))})


def _shades(grid: Array, row: int) -> str:
    low, high = np.nanmin(grid), np.nanmax(grid)
    span = high - low if high > low else 1.0
    places = _thinned(grid.shape[1], 24)
    return "".join(
        "·" if np.isnan(grid[row, at]) else _SHADES[round(float((grid[row, at] - low) / span) * (len(_SHADES) - 1))]
        for at in places
    )


def _points(found: Sweep) -> Table:
    """Every point; on a screen only where it has one key and not too many values."""
    keys = tuple(
        Column(axis.key, axis.key, unit=axis.unit, kind="text" if axis.is_words else "number") for axis in found.axes
    )
    metrics = tuple(Column(name, name, unit=unit_suffix(name)) for name in found.names)
    count = len(next(iter(found.columns.values()), np.empty(0)))
    rows = tuple(
        (*found.point(place), *(number(found.columns[name][place]) for name in found.names)) for place in range(count)
    )
    is_long = len(found.axes) > 1 or count > _MOST_ROWS
    return Table("points", "Every point", (*keys, *metrics), rows, is_long=is_long)
