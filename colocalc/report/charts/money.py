"""Charts of money: revenue by GPU type, cash by year with the cover of the debt, the hedge, and train or lease."""

from collections.abc import Iterator, Mapping
from typing import Final

from colocalc.report.charts.chart import (
    FOURTH,
    GRID,
    INK,
    MAIN,
    MOST_BARS,
    QUIET,
    SECOND,
    THIRD,
    Chart,
    Row,
    Spec,
    axis_of,
    bars,
    by_key,
    cells,
    column_of,
    in_words,
    number,
    spec_of,
)
from colocalc.report.table import Table, cell_text

_INNER_WIDTH: Final = 372  # what the labels of the axis leave of the whole
_COVERED: Final = 1.0  # cash equals what is due; a loss is covered


def revenue(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """A bar for each pool, with the GPU it is of, the largest first where there are too many."""
    table = tables.get("revenue")
    if table is None:
        return
    rows = [
        Row(_pool_label(named), value, text)
        for named, value, text in cells(table, "run_rate_revenue_usd_per_yr")
        if value is not None
    ]
    if not rows:
        return
    title, unit = "Revenue by GPU type", "usd_per_yr"
    if len(rows) > MOST_BARS:
        title = f"{title}: the {MOST_BARS} largest of {len(rows)} pools"
        rows = sorted(rows, key=lambda row: -row.value)[:MOST_BARS]
    said = in_words(title, [f"{row.label} {row.text}" for row in rows])
    yield Chart("revenue", title, said, bars(rows, unit), "revenue")


def _pool_label(named: Mapping[str, object]) -> str:
    pool, gpu = str(named["pool"]), str(named["gpu"])
    return gpu if gpu.startswith(pool) else f"{pool} ({gpu})"


def hedge(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """What part of the loss is covered, by each ratio that has a value; a line where all of it is."""
    table = tables.get("hedge")
    if table is None:
        return
    rows = [
        Row(str(named["kind"]), value, text) for named, value, text in cells(table, "hedge_share") if value is not None
    ]
    if rows:
        title = f"{table.title} (dashed: all of it)"
        said = in_words(title, [f"{row.label} {row.text}" for row in rows])
        yield Chart("hedge", title, said, bars(rows, "share", rule=_COVERED), "hedge")


def train_or_lease(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """What training is worth beside what the lease brings, for each way to train; else the cost of a PFLOP-hour."""
    yield from _pairs(tables.get("choice_options"), "option", _OF_OPTIONS, "usd_per_yr") or _pairs(
        tables.get("choice_levels"), "level", _OF_LEVELS, "usd_per_pflop_h"
    )


_OF_OPTIONS: Final = {"training_value_usd_per_yr": "training is worth", "revenue_usd_per_yr": "the lease brings"}
_OF_LEVELS: Final = {"forgone_rent_usd_per_pflop_h": "forgone rent", "owning_cost_usd_per_pflop_h": "owning"}


def _pairs(table: Table | None, label: str, keys: Mapping[str, str], unit: str) -> list[Chart]:
    """Two columns of a table as pairs of bars, of the rows that have both."""
    if table is None:
        return []
    columns = [list(cells(table, key)) for key in keys]
    rows = [
        Row(str(named[label]), value, text, kind)
        for pair in zip(*columns, strict=True)
        if all(value is not None for _, value, _ in pair)
        for (named, value, text), kind in zip(pair, keys.values(), strict=True)
        if value is not None
    ]
    if not rows:
        return []
    title = table.title if len(rows) <= MOST_BARS else f"{table.title}: the first {MOST_BARS // 2} of {len(rows) // 2}"
    rows = rows[:MOST_BARS]
    said = in_words(title, [f"{row.label}, {row.kind} {row.text}" for row in rows])
    colors = dict(zip(keys.values(), (MAIN, SECOND), strict=True))
    return [Chart("train_or_lease", title, said, bars(rows, unit, colors=colors), table.key)]


_FLOWS: Final = {
    "revenue_usd": ("revenue", 1.0, MAIN),
    "salvage_usd": ("salvage", 1.0, THIRD),
    "opex_usd": ("costs", -1.0, SECOND),
    "capital_usd": ("capital", -1.0, QUIET),
    "tax_usd": ("tax", -1.0, FOURTH),
}
_NET: Final = "project_after_tax_usd"
_COVERS: Final = {
    "dscr_factor": ("DSCR", MAIN),
    "firm_dscr_factor": ("firm fees", SECOND),
    "downside_dscr_factor": ("downside", THIRD),
}


def cash_flow(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """Cash in and out by year with what is left, and below it the cover of the debt where there is some."""
    table, cover = tables.get("cash_flow"), tables.get("cover")
    if table is None:
        return
    years = table.rows[: len(table.rows) - table.total_count]
    labels = [str(by_key(table, row)["year"]).removeprefix("from ").removeprefix("year ") for row in years]
    panels, said = [_flows(table, labels)], [_flow_words(table)]
    if cover is not None and (found := list(_cover_rows(cover, labels))):
        panels.append(_cover_panel(found, labels))
        said += [f"{row['label']} {row['kind']} {row['text']}" for row in found]
    title = (
        "Cash flow by year, and the cover of the debt (dashed: cash equals what is due)"
        if len(panels) > 1
        else table.title
    )
    yield Chart("cash_flow", title, in_words(title, said), _stacked(panels), "cash_flow")


def _stacked(panels: list[Spec]) -> Spec:
    apart = {"scale": {"color": "independent"}, "legend": {"color": "independent"}}
    return spec_of((), vconcat=panels, resolve=apart, spacing=24)


def _years(labels: list[str]) -> Spec:
    angle = -40 if sum(map(len, labels)) > 36 else 0
    axis = {"title": None, "labelAngle": angle, "domain": False, "ticks": False}
    return {"field": "label", "type": "nominal", "sort": labels, "scale": {"domain": labels}, "axis": axis}


def _flow_words(table: Table) -> str:
    return "; ".join(f"{named['year']} {text} after tax" for named, _, text in cells(table, _NET))


def _flows(table: Table, labels: list[str]) -> Spec:
    values: list[dict[str, object]] = []
    for key, (kind, sign, _) in _FLOWS.items():
        for label, (_, value, _) in zip(labels, cells(table, key), strict=True):
            if value:
                values.append({"label": label, "kind": kind, "value": sign * value})
    net = [
        {"label": label, "net": value or 0.0} for label, (_, value, _) in zip(labels, cells(table, _NET), strict=True)
    ]
    used = [(kind, color) for kind, _, color in _FLOWS.values() if any(row["kind"] == kind for row in values)]
    most = max((abs(float(str(row["value"]))) for row in values), default=0.0)
    color = {
        "field": "kind",
        "scale": {"domain": [kind for kind, _ in used] + ["left after tax"], "range": [c for _, c in used] + [INK]},
        "legend": {"columns": 3},
    }
    axis = axis_of("usd", most, title=None, minExtent=64, maxExtent=64)
    y = {"field": "value", "type": "quantitative", "axis": axis}
    bar = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {"x": _years(labels), "y": {**y, "stack": "zero"}, "color": color},
    }
    left = {
        "data": {"values": [{**row, "kind": "left after tax"} for row in net]},
        "mark": {"type": "line", "point": {"filled": True, "size": 46}, "strokeWidth": 2},
        "encoding": {"x": _years(labels), "y": {**y, "field": "net"}, "color": color},
    }
    zero = {"mark": {"type": "rule", "color": INK}, "data": {"values": [{}]}, "encoding": {"y": {"datum": 0}}}
    return {"width": _INNER_WIDTH, "height": 220, "layer": [bar, zero, left]}


def _cover_rows(cover: Table, labels: list[str]) -> Iterator[dict[str, object]]:
    """Points of each cover; a year of the table stands under the label of the cash flow's year."""
    for key, (kind, _) in _COVERS.items():
        column = column_of(cover, key)
        for label, row in zip(labels[1:], cover.rows, strict=False):
            value = number(row[cover.columns.index(column)])
            if value is not None:
                yield {"label": label, "kind": kind, "value": value, "text": cell_text(column, row, cover)}


def _cover_panel(rows: list[dict[str, object]], labels: list[str]) -> Spec:
    used = [(kind, color) for kind, color in _COVERS.values() if any(row["kind"] == kind for row in rows)]
    color = {"field": "kind", "scale": {"domain": [kind for kind, _ in used], "range": [color for _, color in used]}}
    axis = {"title": "cover", "format": ".2~f", "tickCount": 4, "minExtent": 64, "maxExtent": 64, "gridColor": GRID}
    points = {
        "data": {"values": rows},
        "mark": {"type": "line", "point": {"filled": True, "size": 46}, "strokeWidth": 2},
        "encoding": {
            "x": _years(labels),
            "y": {"field": "value", "type": "quantitative", "scale": {"zero": True}, "axis": axis},
            "color": color,
            "strokeDash": {"field": "kind", "sort": [kind for kind, _ in used], "legend": None},
        },
    }
    rule = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]},
        "encoding": {"y": {"datum": _COVERED}},
    }
    return {"width": _INNER_WIDTH, "height": 120, "layer": [points, rule]}
