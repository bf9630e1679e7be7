"""A grid of a fleet: what a metric does over one key or two, where it is least and most, and every point."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.errors import quoted
from colocalc.metrics import family_of, unit_suffix
from colocalc.report.table import Column, Note, Report, Table
from colocalc.report.views.common import assemble, counted, number
from colocalc.report.views.heat_map import heat_maps, thinned, value_text
from colocalc.report.views.kept_layout import on_layout
from colocalc.study.batches import Batches
from colocalc.study.evaluate import Result
from colocalc.study.sweep import Sweep
from colocalc.units import text

_MOST_ROWS = 24  # of a table that is read on a screen
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
        families=tuple(dict.fromkeys(family_of(name) for name in names)),
        topics=tuple(dict.fromkeys(_topic(name) for name in names)),
        tables=(_extremes(found), *(_kept(found) if found.columns else ())),
        headline=tuple(_sentence(name, found) for name in names),
        notes=(*_notes(found, engine, written_to), *on_layout(case, names, "point", relayout=relayout)),
    )


def _topic(name: str) -> str:
    family = family_of(name)
    return "mfu" if family == "fleet" else family


def _where(found: Sweep, place: int) -> str:
    return ", ".join(
        f"{axis.key} {value_text(axis, value)}" for axis, value in zip(found.axes, found.point(place), strict=True)
    )


def _sentence(name: str, found: Sweep) -> str:
    ends = found.extremes[name]
    if not ends.seen_count:
        return f"{name}: no point is done."
    if not ends.is_known:
        return f"{name} is undefined at every point."
    unit = unit_suffix(name)
    if ends.least == ends.most:
        return f"{name} is {text(ends.least, unit)} at every point."
    return (
        f"{name} runs from {text(ends.least, unit)} ({_where(found, ends.least_at)}) "
        f"to {text(ends.most, unit)} ({_where(found, ends.most_at)})."
    )


def _of_batches(batches: Batches) -> str:
    points, most = counted(batches.other_count, "point"), text(batches.most_tokens, "tokens")
    return f"at {points} the batch is not the one asked for, up to {most}: each replica has a micro-batch at the least"


def _notes(found: Sweep, engine: str, written_to: Path | None) -> Iterator[Note]:
    if found.done_count < found.count:
        yield Note(f"interrupted after {found.done_count:,} of {counted(found.count, 'point')}", "warning")
    if found.batches and found.batches.other_count:
        yield Note(_of_batches(found.batches), "warning")
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
    yield from heat_maps(found)
    yield from _points(found)


def _points(found: Sweep) -> Iterator[Table]:
    """Every point; on a screen only where it has one key, and of many values some."""
    keys = tuple(
        Column(axis.key, axis.key, unit=axis.unit, kind="text" if axis.is_words else "number") for axis in found.axes
    )
    columns = (*keys, *(Column(name, name, unit=unit_suffix(name)) for name in found.names))
    values = zip(*(map(number, found.columns[name].tolist()) for name in found.names), strict=True)
    points = product(*(axis.values for axis in found.axes))
    rows = tuple(
        (*point, *metrics) for point, metrics in zip(points, values, strict=False)
    )  # of no metric there are none
    count = len(rows)
    is_line = len(found.axes) == 1
    if is_line and count > _MOST_ROWS:
        some = thinned(count, _MOST_ROWS)
        caption = f"{len(some)} of {counted(count, 'point')}, evenly spread."
        yield Table("course", "Some points", columns, tuple(rows[place] for place in some), caption=caption)
    yield Table("points", "Every point", columns, rows, is_long=not is_line or count > _MOST_ROWS)
