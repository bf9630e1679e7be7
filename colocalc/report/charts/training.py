"""Charts of training: the waterfall from peak to fleet MFU, and the splits side by side."""

from collections.abc import Iterator, Mapping

from colocalc.report.charts.chart import (
    INK,
    LABELS,
    MAIN,
    QUIET,
    ROW_HEIGHT,
    SECOND,
    WIDTH,
    Chart,
    Row,
    Spec,
    bars,
    by_key,
    cells,
    column_of,
    in_words,
    number,
    spec_of,
)
from colocalc.report.table import Table, cell_text

_LOSS, _LEVEL, _UNKNOWN = "lost in a stage", "what is left", "not modelled"
_COLORS = {_LOSS: SECOND, _LEVEL: MAIN, _UNKNOWN: QUIET}


def waterfall(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """Each stage as a bar from the MFU before it to the MFU after it, and the three levels below."""
    table = tables.get("waterfall")
    if table is None or not table.rows:
        return
    rows = list(_stages(table))
    text = in_words(table.title, ["peak 100%", *(f"{row['label']} leaves {row['text']}" for row in rows)])
    yield Chart("waterfall", table.title, text, _falling(rows), "waterfall")


def _stages(table: Table) -> Iterator[dict[str, object]]:
    before, first_level = 1.0, len(table.rows) - table.total_count
    column = column_of(table, "mfu_share")
    for place, row in enumerate(table.rows):
        named = by_key(table, row)
        after = number(named["mfu_share"])
        if after is None:
            continue
        is_level = place >= first_level
        kind = _LEVEL if is_level else _UNKNOWN if named["factor"] is None else _LOSS
        yield {
            "label": named["stage"],
            "start": 0.0 if is_level else before,
            "end": after,
            "kind": kind,
            "text": cell_text(column, row, table),
        }
        before = before if is_level else after


def _falling(rows: list[dict[str, object]]) -> Spec:
    scale = {"domain": [0.0, 1.12], "nice": False}
    axis = {"format": ".0%", "values": [0.0, 0.25, 0.5, 0.75, 1.0], "title": None}
    kinds = [kind for kind in _COLORS if any(row["kind"] == kind for row in rows)]
    color = {"field": "kind", "scale": {"domain": kinds, "range": [_COLORS[kind] for kind in kinds]}}
    bar = {
        "mark": "bar",
        "encoding": {
            "x": {"field": "start", "type": "quantitative", "scale": scale, "axis": axis},
            "x2": {"field": "end"},
            "color": color,
        },
    }
    # A stage that takes nothing is still a mark.
    tick = {
        "mark": {"type": "tick", "thickness": 2, "bandSize": 16, "opacity": 1},
        "encoding": {"x": {"field": "end", "type": "quantitative"}, "color": color},
    }
    label = {
        "mark": {"type": "text", "align": "left", "dx": 5, "color": INK},
        "transform": [{"calculate": "max(datum.start, datum.end)", "as": "right"}],
        "encoding": {"x": {"field": "right", "type": "quantitative"}, "text": {"field": "text"}},
    }
    return spec_of(
        rows,
        width=WIDTH,
        height={"step": ROW_HEIGHT},
        autosize={"type": "fit-x", "contains": "padding"},
        encoding={"y": LABELS},
        layer=[bar, tick, label],
    )


def splits(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """Step and fleet MFU of every split that the fleet could train with, the one it uses marked."""
    table = tables.get("splits")
    if table is None:
        return
    fleet, step = (list(cells(table, key)) for key in ("fleet_share", "step_share"))
    rows = [
        Row(f"{named['split']}{' (used)' if named['used'] else ''}", value, text, kind)
        for pair in zip(step, fleet, strict=True)
        for (named, value, text), kind in zip(pair, ("step MFU", "fleet MFU"), strict=True)
        if value is not None
    ]
    if rows:
        said = in_words(table.title, [f"{row.label}, {row.kind} {row.text}" for row in rows])
        spec = bars(rows, "share", colors={"step MFU": QUIET, "fleet MFU": MAIN})
        yield Chart("splits", table.title, said, spec, "splits")
