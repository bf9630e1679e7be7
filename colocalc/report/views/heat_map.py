"""A metric over two keys: a map in shades for the eye, and a matrix of numbers."""

from collections.abc import Iterator

import numpy as np

from colocalc.arrays import Array
from colocalc.metrics import METRICS, base_id, unit_suffix
from colocalc.report.table import SHADES, Column, Table
from colocalc.report.views.common import number
from colocalc.study.over import Axis, Value
from colocalc.study.sweep import Sweep
from colocalc.units import text

_UNDEFINED = "·"
_MOST_ROWS = 24  # of a map or a matrix that is read on a screen
_MOST_NUMBERS = 6  # beside each other: 80 columns hold no more
_MOST_CELLS = 40  # of a line of a map
_TWICE_UP_TO = 20  # cells of a line that stand twice, so that a cell is about as wide as it is high


def value_text(axis: Axis, value: Value) -> str:
    """A value of an axis as people read it."""
    return value if isinstance(value, str) else text(value, axis.unit)


def heat_maps(found: Sweep) -> Iterator[Table]:
    """For each metric over two keys a map and a matrix; one table where the map is no wider than the matrix."""
    if len(found.axes) != 2:
        return
    first, second = found.axes
    for place, name in enumerate(found.names):
        grid = found.columns[name].reshape(len(first.values), len(second.values))
        title = f"{name}: {first.key} down, {second.key} across"
        meaning = f"{METRICS[base_id(name)].meaning}."
        if grid.shape[1] <= _MOST_NUMBERS:
            yield _table(f"map_{place + 1}", title, found, grid, name, f"{meaning} {_LEGEND}", has_map=True)
        else:
            yield _wide(f"map_{place + 1}", title, found, grid, f"{meaning} {_LEGEND}")
            yield _table(f"matrix_{place + 1}", f"{title}, in numbers", found, grid, name, "")


_LEGEND = f"From least to most: blank {' '.join(SHADES[1:])}, in colour dark to bright; {_UNDEFINED} is undefined."


def _wide(key: str, title: str, found: Sweep, grid: Array, caption: str) -> Table:
    first, second = found.axes
    rows, cells = thinned(grid.shape[0], _MOST_ROWS), thinned(grid.shape[1], _MOST_CELLS)
    ends = " to ".join(value_text(second, second.values[place]) for place in (0, -1))
    columns = (Column("down", first.key, kind="text"), Column("shades", ends, kind="text", is_map=True))
    lines = _lines(grid, rows, cells)
    body = tuple((value_text(first, first.values[row]), line) for row, line in zip(rows, lines, strict=True))
    return Table(key, title, columns, body, caption=f"{caption}{_left_out(grid, rows, cells)}")


def _table(key: str, title: str, found: Sweep, grid: Array, name: str, caption: str, *, has_map: bool = False) -> Table:
    first, second = found.axes
    rows, cells = thinned(grid.shape[0], _MOST_ROWS), thinned(grid.shape[1], _MOST_NUMBERS)
    heads = [
        Column(f"column_{at}", value_text(second, second.values[at]), unit=unit_suffix(name), shaded=True)
        for at in cells
    ]
    maps = [Column("shades", "Map", kind="text", is_map=True)] if has_map else []
    lines = _lines(grid, rows, cells)
    body = tuple(
        (value_text(first, first.values[row]), *([line] if has_map else []), *(number(grid[row, at]) for at in cells))
        for row, line in zip(rows, lines, strict=True)
    )
    left_out = _left_out(grid, rows, cells)
    return Table(
        key,
        title,
        (Column("down", first.key, kind="text"), *maps, *heads),
        body,
        caption=f"{caption}{left_out}".strip(),
    )


def _left_out(grid: Array, rows: list[int], cells: list[int]) -> str:
    if (len(rows), len(cells)) == grid.shape:
        return ""
    return f" Shown are {len(rows):,} of {grid.shape[0]:,} by {len(cells):,} of {grid.shape[1]:,} values."


def thinned(size: int, most: int) -> list[int]:
    """Places of at most so many values, spread evenly with both ends."""
    return sorted({round(place) for place in np.linspace(0, size - 1, min(size, most))})


def _lines(grid: Array, rows: list[int], cells: list[int]) -> list[str]:
    """Each row as shades between the least and the most of the whole grid."""
    finite = grid[np.isfinite(grid)]
    low, high = (float(np.min(finite)), float(np.max(finite))) if finite.size else (0.0, 0.0)
    span = high - low if high > low else 1.0
    share = np.clip((np.clip(grid, low, high) - low) / span, 0.0, 1.0)
    times = 2 if len(cells) <= _TWICE_UP_TO else 1
    return ["".join(_shade(float(share[row, at])) * times for at in cells) for row in rows]


def _shade(share: float) -> str:
    return _UNDEFINED if np.isnan(share) else SHADES[round(share * (len(SHADES) - 1))]
