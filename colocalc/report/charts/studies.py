"""Charts of studies: the histogram and tornado of trials, the bridges of a comparison, and what a grid shows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeVar

from colocalc.report.charts.chart import (
    INK,
    LABELS,
    MAIN,
    MOST_BARS,
    QUIET,
    ROW_HEIGHT,
    SECOND,
    SHADES,
    THIRD,
    WIDTH,
    Chart,
    Row,
    Spec,
    axis_of,
    bars,
    by_key,
    cells,
    column_of,
    domain_of,
    in_words,
    number,
    spec_of,
)
from colocalc.report.table import Column, Table, cell_text, value_text

Item = TypeVar("Item")

_FIT: Final = {"type": "fit-x", "contains": "padding"}
_MOST_LINES: Final = 6
_MOST_CELLS: Final = 40  # a side of a map
_MOST_POINTS: Final = 300  # of a line


def histogram(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """Trials by what they came to; the area of a bar is its part of all, as bars differ in width."""
    table = tables.get("histogram")
    if table is None or not table.rows:
        return
    rows, said = [], []
    for named, low, text in cells(table, "low"):
        high, share = number(named["high"]), number(named["trial_share"])
        if low is not None and high is not None and share is not None:
            width = high - low
            rows.append({"low": low, "high": high, "height": share / width if width else 0.0})
            unit = column_of(table, "high").unit
            said.append(f"{text} to {value_text(high, unit)} {value_text(share, 'share')}")
    most = max((max(abs(number(row["low"]) or 0.0), abs(number(row["high"]) or 0.0)) for row in rows), default=0.0)
    axis = axis_of(column_of(table, "low").unit, most, title=None, grid=False)
    spec = spec_of(
        rows,
        width=WIDTH,
        height=200,
        autosize={"type": "fit", "contains": "padding"},
        mark={"type": "bar", "color": MAIN, "binSpacing": 1},
        encoding={
            "x": {"field": "low", "type": "quantitative", "scale": {"zero": False, "nice": False}, "axis": axis},
            "x2": {"field": "high"},
            "y2": {"datum": 0},
            "y": {
                "field": "height",
                "type": "quantitative",
                "axis": {"title": "area: share of trials", "labels": False, "ticks": False, "grid": False},
            },
        },
    )
    yield Chart("histogram", table.title, in_words(table.title, said), spec, "histogram")


def tornado(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """The metric at both ends of each input, the inputs that matter most on top."""
    table = tables.get("tornado")
    if table is None:
        return
    low_column, high_column = column_of(table, "at_low"), column_of(table, "at_high")
    rows, said = [], []
    for row in table.rows:
        named = by_key(table, row)
        low, high = number(named["at_low"]), number(named["at_high"])
        if low is not None and high is not None:
            rows.append({"label": named["input"], "low": low, "high": high})
            ends = (cell_text(column, row, table) for column in (low_column, high_column))
            said.append(f"{named['input']} {' to '.join(ends)}")
    if rows:
        unit = str(by_key(table, table.rows[0])["metric_unit"])
        now = _as_given(tables)
        title = table.title if now is None else f"{table.title} (dashed: with every figure as given)"
        yield Chart("tornado", title, in_words(title, said), _ends(rows, unit, now), "tornado")


def _as_given(tables: Mapping[str, Table]) -> float | None:
    """The metric of the tornado with every figure at its value."""
    every, statistics = tables.get("tornadoes"), tables.get("statistics")
    if every is None or statistics is None or not every.rows:
        return None
    leading = by_key(every, every.rows[0])["metric"]
    return next((now for named, now, _ in cells(statistics, "now") if named["metric"] == leading), None)


def _ends(rows: Sequence[Mapping[str, object]], unit: str, now: float | None) -> Spec:
    """Each input as a line between its ends, with a mark for each, and a line where all is as given."""
    values = [number(row[key]) or 0.0 for row in rows for key in ("low", "high")]
    x = {"type": "quantitative", "scale": {"zero": False}, "axis": axis_of(unit, max(map(abs, values)), title=None)}
    ends = {"domain": ["at its low", "at its high"], "range": [SECOND, MAIN]}
    span = {
        "mark": {"type": "bar", "color": QUIET, "height": 8},
        "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
    }
    marks = [
        {
            "transform": [{"calculate": f"'at its {key}'", "as": "kind"}],
            "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
            "encoding": {"x": {"field": key, **x}, "color": {"field": "kind", "scale": ends}},
        }
        for key in ("low", "high")
    ]
    return spec_of(
        rows,
        width=WIDTH,
        height={"step": ROW_HEIGHT},
        autosize=_FIT,
        encoding={"y": LABELS},
        layer=[*([] if now is None else [_rule(now)]), span, *marks],
    )


def _rule(at: float) -> Spec:
    line = {"type": "rule", "color": INK, "strokeDash": [4, 3]}
    return {"data": {"values": [{}]}, "mark": line, "encoding": {"x": {"datum": at, "type": "quantitative"}, "y": None}}


def bridges(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """For each bridge of a comparison the metric before, what each group of changes does, and the metric after."""
    known = tables.get("comparison")
    if known is None:
        return
    metrics = {str(named["metric"]): named for named, _, _ in cells(known, "fleet_1")}
    labels = [column.label for column in known.columns if column.key in {"fleet_1", "fleet_2"}]
    for key, table in tables.items():
        if key.startswith("bridge_") and table.rows:
            named = metrics[str(by_key(table, table.rows[0])["metric"])]
            yield _bridge(key, table, labels, (number(named["fleet_1"]) or 0.0, number(named["fleet_2"]) or 0.0))


def _bridge(key: str, table: Table, labels: Sequence[str], ends: tuple[float, float]) -> Chart:
    first, last = ends
    unit, at = column_of(table, "effect").unit, first
    rows: list[dict[str, object]] = [_step(f"from {labels[0]}", 0.0, first, "a fleet", value_text(first, unit))]
    for named, effect, text in cells(table, "effect"):
        if effect is not None:
            kind = "adds" if effect > 0.0 else "takes"
            rows.append(_step(str(named["group"]), at, at + effect, kind, f"{'+' if effect > 0.0 else ''}{text}"))
            at += effect
    rows.append(_step(f"to {labels[1]}", 0.0, last, "a fleet", value_text(last, unit)))
    said = in_words(table.title, [f"{row['label']} {row['text']}" for row in rows])
    return Chart(key, table.title, said, _floating(rows, unit), key)


def _floating(rows: Sequence[Mapping[str, object]], unit: str | None) -> Spec:
    """Bars from where each begins to where it ends, one below the other."""
    values = [number(row[end]) or 0.0 for row in rows for end in ("start", "end")]
    x = {"type": "quantitative", "scale": {"domain": domain_of(values), "nice": False}}
    axis = axis_of(unit, max(map(abs, values)), title=None)
    color = {"field": "kind", "scale": {"domain": ["a fleet", "adds", "takes"], "range": [MAIN, THIRD, SECOND]}}
    bar = {
        "mark": {"type": "bar"},
        "encoding": {"x": {"field": "start", **x, "axis": axis}, "x2": {"field": "end"}, "color": color},
    }
    label = {
        "transform": [{"calculate": "max(datum.start, datum.end)", "as": "right"}],
        "mark": {"type": "text", "align": "left", "dx": 4},
        "encoding": {"x": {"field": "right", **x}, "text": {"field": "text"}},
    }
    return spec_of(
        rows, width=WIDTH, height={"step": ROW_HEIGHT}, autosize=_FIT, encoding={"y": LABELS}, layer=[bar, label]
    )


def _step(label: str, start: float, end: float, kind: str, text: str) -> dict[str, object]:
    return {"label": label, "start": start, "end": end, "kind": kind, "text": text}


def courses(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """Over one key the course of each metric: a line over numbers, bars over words."""
    points, keys = tables.get("points"), _metrics(tables)
    if points is None or len(points.columns) != 1 + len(keys):
        return
    axis = points.columns[0]
    beside = "extremes" if points.is_long else "points"  # a table that is read
    for place, key in enumerate(keys[:_MOST_LINES]):
        rows, said = [], []
        for named, value, text in cells(points, key):
            at = value_text(named[axis.key], axis.unit)
            if value is not None:
                rows.append({"at": named[axis.key], "label": at, "value": value, "text": text})
                said.append(f"at {at} {text}")
        if rows:
            title = f"{key} over {axis.key}"
            metric = column_of(points, key)
            is_line = axis.kind == "number"
            drawn = _thinned(rows, _MOST_POINTS if is_line else MOST_BARS)
            spec = _line(drawn, axis, metric) if is_line else _columns(drawn, metric)
            yield Chart(f"course_{place + 1}", title, in_words(title, _thinned(said, _MOST_CELLS)), spec, beside)


def _metrics(tables: Mapping[str, Table]) -> list[str]:
    """The metrics of a grid; the other columns of its points are the keys it runs over."""
    extremes = tables.get("extremes")
    return [] if extremes is None else [str(by_key(extremes, row)["metric"]) for row in extremes.rows]


def _thinned(items: Sequence[Item], most: int) -> list[Item]:
    """About so many of them at most, spread evenly, with the first and the last."""
    return [*items[: -1 : -(-len(items) // most)], items[-1]]


def _line(rows: Sequence[Mapping[str, object]], axis: Column, metric: Column) -> Spec:
    sizes = {key: max(abs(number(row[key]) or 0.0) for row in rows) for key in ("at", "value")}
    x_axis = axis_of(axis.unit, sizes["at"], title=axis.key, grid=False)
    y_axis = axis_of(metric.unit, sizes["value"], title=None)
    point = {"filled": True, "color": MAIN, "size": 40}
    return spec_of(
        rows,
        width=WIDTH,
        height=220,
        autosize={"type": "fit", "contains": "padding"},
        mark={"type": "line", "color": MAIN, "point": point if len(rows) <= _MOST_CELLS else False},
        encoding={
            "x": {"field": "at", "type": "quantitative", "scale": {"zero": False}, "axis": x_axis},
            "y": {"field": "value", "type": "quantitative", "scale": {"zero": False}, "axis": y_axis},
        },
    )


def _columns(rows: Sequence[Mapping[str, object]], metric: Column) -> Spec:
    return bars([Row(str(row["label"]), number(row["value"]) or 0.0, str(row["text"])) for row in rows], metric.unit)


def maps(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """Over two keys a map of each metric, darker where it is more."""
    points, keys = tables.get("points"), _metrics(tables)
    if points is None or len(points.columns) != 2 + len(keys):
        return
    first, second = points.columns[:2]
    places = [_shown(points, axis.key) for axis in (first, second)]
    for place, key in enumerate(keys):
        table = tables.get(f"map_{place + 1}")
        rows = [
            {
                "down": value_text(named[first.key], first.unit),
                "across": value_text(named[second.key], second.unit),
                "value": value,
            }
            for named, value, _ in cells(points, key)
            if value is not None and named[first.key] in places[0] and named[second.key] in places[1]
        ]
        if table is not None and rows:
            spec = _map(rows, (first, second), column_of(points, key))
            said = f"{table.title}, in {len(places[0])} rows and {len(places[1])} columns of shades."
            yield Chart(table.key, table.title, said, spec, table.key)


def _shown(points: Table, key: str) -> set[object]:
    """The values of a key that are drawn: all, or so many of them spread evenly."""
    values = list(dict.fromkeys(named[key] for named, _, _ in cells(points, key)))
    return set(values[:: -(-len(values) // _MOST_CELLS)])


def _map(rows: Sequence[Mapping[str, object]], axes: tuple[Column, Column], metric: Column) -> Spec:
    """Cells in five shades, each with its range in the legend."""
    down, across = axes
    values = [number(row["value"]) or 0.0 for row in rows]
    low, step = min(values), (max(values) - min(values)) / len(SHADES)
    edges = [low + step * place for place in range(len(SHADES))] + [max(values)]
    names = [f"{value_text(start, metric.unit)} to {value_text(end, metric.unit)}" for start, end in pairwise(edges)]
    places = [min(int((value - low) / step), len(SHADES) - 1) if step else 0 for value in values]
    shaded = [{**row, "shade": names[place]} for row, place in zip(rows, places, strict=True)]
    used = list(dict.fromkeys(names[place] for place in sorted(set(places))))
    scale = {"domain": used, "range": [SHADES[names.index(name)] for name in used]}
    return spec_of(
        shaded,
        width=WIDTH,
        height={"step": ROW_HEIGHT},
        autosize=_FIT,
        mark="rect",
        encoding={
            "y": {"field": "down", "type": "ordinal", "sort": None, "axis": {"title": down.key}},
            "x": {"field": "across", "type": "ordinal", "sort": None, "axis": {"title": across.key, "labelAngle": -40}},
            "color": {"field": "shade", "type": "nominal", "scale": scale, "legend": {"columns": 2}},
        },
    )
