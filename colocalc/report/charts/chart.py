"""What every chart shares: its description, its colours, and bars with their values written beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from colocalc.errors import printable
from colocalc.report.table import Column, Table, cell_text, raw
from colocalc.units import UNITS

Spec = dict[str, Any]

WIDTH: Final = 460  # narrow, so that text is still read where a phone scales it down
ROW_HEIGHT: Final = 24
MOST_BARS: Final = 24

# A renderer for dark pages replaces these by others, so that each has one meaning.
INK: Final = "#1c2128"
SOFT: Final = "#5b6470"
GRID: Final = "#d9dde2"
MAIN: Final = "#2563a8"
SECOND: Final = "#c05a12"
THIRD: Final = "#2e7d4f"
QUIET: Final = "#98a1ac"
FOURTH: Final = "#7d55a5"
FOR_DARK_PAGES: Final = {
    INK: "#e6e9ed",
    SOFT: "#aab3bd",
    GRID: "#39414b",
    MAIN: "#6aa5e3",
    SECOND: "#e8935a",
    THIRD: "#66bd87",
    FOURTH: "#b795da",
    QUIET: "#7d8894",
}
SHADES: Final = ("#dbe9f6", "#a6cbe6", "#5fa3d2", "#2a70ae", "#0c3c74")

# Names at the left, from top to bottom as the rows come.
LABELS: Final[Mapping[str, object]] = {
    "field": "label",
    "type": "nominal",
    "sort": None,
    "axis": {"title": None, "ticks": False, "domain": False},
}

_FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"
_ROOM: Final = 0.24  # beyond the longest bar, for its number
_THOUSANDS: Final = 1e4


@dataclass(frozen=True)
class Chart:
    """A chart as plain data.

    Attributes
    ----------
    key : str
        The name it is asked for by.
    title : str
        Heading for people.
    text : str
        What it shows, in words, for those who do not see it.
    spec : dict
        A Vega-Lite specification with its data inside and without a title.
    table : str
        Key of the table whose numbers it shows.
    """

    key: str
    title: str
    text: str
    spec: Spec
    table: str


@dataclass(frozen=True)
class Row:
    """A bar: what it is of, how long it is, and how that is written."""

    label: str
    value: float
    text: str
    kind: str = ""


def spec_of(rows: Sequence[Mapping[str, object]], **parts: Any) -> Spec:
    """A specification with our fonts and colours; ``parts`` are those of Vega-Lite."""
    axis = {
        "labelFont": _FONT,
        "titleFont": _FONT,
        "labelFontSize": 14,
        "titleFontSize": 14,
        "labelColor": INK,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "domainColor": SOFT,
        "tickColor": SOFT,
        "gridColor": GRID,
        "labelLimit": 270,
    }
    legend = {"labelFont": _FONT, "titleFont": _FONT, "labelFontSize": 14, "titleFontSize": 14}
    config = {
        "aria": False,
        "background": None,
        "view": {"stroke": None},
        "axis": axis,
        "legend": {**legend, "labelColor": INK, "titleColor": INK, "orient": "top", "title": None, "labelLimit": 300},
        "text": {"font": _FONT, "fontSize": 14, "fill": INK},
        "title": {"font": _FONT, "fontSize": 16, "fontWeight": "normal", "color": INK, "anchor": "start", "offset": 12},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": [dict(row) for row in rows]},
        "config": config,
        "padding": 4,
        **parts,
    }


def cells(table: Table, value: str) -> Iterator[tuple[Mapping[str, object], float | None, str]]:
    """Each row before the totals by key, the number of one column, and how it is written."""
    column = column_of(table, value)
    for row in table.rows[: len(table.rows) - table.total_count]:
        yield by_key(table, row), number(row[table.columns.index(column)]), cell_text(column, row, table)


def column_of(table: Table, key: str) -> Column:
    """The column of that key."""
    return next(column for column in table.columns if column.key == key)


def by_key(table: Table, row: Sequence[object]) -> dict[str, object]:
    """A row as plain data by key of its column, text without live controls."""
    plain = ((column.key, raw(cell)) for column, cell in zip(table.columns, row, strict=True))
    return {key: printable(cell) if isinstance(cell, str) else cell for key, cell in plain}


def number(value: object) -> float | None:
    """A cell as a finite number; None for any other."""
    plain = raw(value)
    if isinstance(plain, bool) or not isinstance(plain, int | float) or plain - plain != 0.0:
        return None
    return float(plain)


def axis_of(unit: str | None, most: float, **more: Any) -> Spec:
    """An axis of numbers of a unit, up to about ``most``."""
    style = UNITS[unit].style if unit in UNITS else "plain"
    dollar = "$" if style == "money" else ""
    if style == "share":
        return {"format": ".3~%", "tickCount": 4, **more}
    if most < _THOUSANDS:
        return {"format": f"{dollar},.3~f", "tickCount": 4, **more}
    return {"labelExpr": f"replace(format(datum.value, '{dollar}.3~s'), 'G', 'B')", "tickCount": 4, **more}


def domain_of(values: Sequence[float]) -> list[float]:
    """From zero or below to zero or above, with room for numbers beyond the ends of bars."""
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    return [low - _ROOM * span * (low < 0.0), high + _ROOM * span * (high > 0.0 or low == 0.0)]


def bars(
    rows: Sequence[Row], unit: str | None, *, colors: Mapping[str, str] | None = None, rule: float | None = None
) -> Spec:
    """Horizontal bars from zero, one below the other, each with its number.

    Parameters
    ----------
    rows : sequence of Row
        From top to bottom; a label that stands twice is drawn as bars side by side.
    unit : str or None
        Of all values.
    colors : mapping of str to str, optional
        Colour by kind, which also stand in a legend; without them all bars have one.
    rule : float, optional
        Where a line marks a limit.
    """
    values = [row.value for row in rows] + ([] if rule is None else [rule])
    kinds = tuple(colors or ())
    most = max(map(abs, values), default=0.0)
    x = {"type": "quantitative", "scale": {"domain": domain_of(values), "nice": False}}
    axis = axis_of(unit, most, title=None, grid=False)
    both: Spec = {"y": LABELS, **({"yOffset": {"field": "kind", "sort": list(kinds)}} if kinds else {})}
    color: Spec = {"field": "kind", "scale": {"domain": list(kinds), "range": list((colors or {}).values())}}
    bar = {
        "mark": {"type": "bar", **({} if kinds else {"color": MAIN})},
        "encoding": {"x": {"field": "value", **x, "axis": axis}, **({"color": color} if kinds else {})},
    }
    label = {
        "mark": {
            "type": "text",
            "align": {"expr": "datum.value < 0 ? 'right' : 'left'"},
            "dx": {"expr": "datum.value < 0 ? -4 : 4"},
        },
        "encoding": {"x": {"field": "value", **x}, "text": {"field": "text"}},
    }
    ruled = [{"mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]}, "encoding": {"x": {"datum": rule}}}]
    return spec_of(
        [vars(row) for row in rows],
        width=WIDTH,
        height={"step": ROW_HEIGHT if not kinds else 20},
        autosize={"type": "fit-x", "contains": "padding"},
        layer=[{"layer": [bar, label], "encoding": both}, *(ruled if rule is not None else [])],
    )


def in_words(title: str, parts: Sequence[str]) -> str:
    """A title and what it shows as one text."""
    return f"{title}: {'; '.join(parts)}."
