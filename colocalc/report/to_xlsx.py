"""A report as a workbook: its tables as sheets of typed values, and a live model in front where there is one.

Text is written as text, never as a formula or a link, and formulas come from the model alone. The same report makes the
same bytes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import astuple, fields
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final

from colocalc.errors import EXIT_EXTRA, ColocalcError, printable
from colocalc.report.number_format import number_format
from colocalc.report.table import Assumption, Column, Report, Table, cited_sources, raw
from colocalc.report.workbook import Cell, Place, Role, Sheet, SheetChart, Workbook
from colocalc.units import UNITS

_LONGEST_NAME = 31
_LONGEST_TEXT = 32_767
_DIGITS = 11  # what a number takes without its unit
_CREATED: Final = datetime(2000, 1, 1, tzinfo=UTC)  # the same for all, so that the same report makes the same bytes
_A4 = 9
_ROWS_BESIDE_A_CHART = 20
_KEPT = "\t\n"
_TABS: Final = {"front": "#1F3864", "live": "#70AD47", "values": "#A6A6A6"}
_STYLES: Final[Mapping[Role, Mapping[str, object]]] = {
    "text": {},
    "title": {"bold": True, "font_size": 14},
    "heading": {"bold": True, "bottom": 1, "bg_color": "#E7ECF4", "text_wrap": True, "valign": "bottom"},
    "note": {"italic": True, "font_color": "#595959"},
    "input": {"font_color": "#0000C0", "bg_color": "#FFF2CC", "border": 1, "border_color": "#D9C37A"},
    "frozen": {"font_color": "#595959", "bg_color": "#F2F2F2"},
    "value": {"font_color": "#404040"},
    "formula": {},
    "total": {"bold": True},
}


def render(report: Report, model: Workbook | None = None) -> bytes:
    """The report as a file of a spreadsheet.

    Parameters
    ----------
    report : Report
        Its tables become one sheet each, with numbers as numbers.
    model : Workbook, optional
        A live model, which stands in front; without one the front is the report's sentences and metrics.

    Raises
    ------
    ColocalcError
        When XlsxWriter is not installed.
    """
    written = _Written()
    live = model.sheets if model else ()
    front = live[:-1] if live else (_summary(report),)
    for sheet in (*front, *(_of_table(table) for table in _tables(report)), *(live[-1:] or (_notes(report),))):
        written.sheet(sheet)
    for name, (sheet_name, place) in (model.names if model else {}).items():
        written.name(name, sheet_name, place)
    return written.bytes()


def _tables(report: Report) -> tuple[Table, ...]:
    """The tables of the report, its assumptions and its sources."""
    units = {"value": "unit", "low": "unit", "high": "unit"}
    columns = tuple(
        Column(
            each.name,
            each.name.capitalize(),
            kind="number" if each.name in units else "text",
            unit_from=units.get(each.name),
        )
        for each in fields(Assumption)
    )
    rows = tuple(astuple(assumption) for assumption in report.assumptions)
    cited = tuple(cited_sources(report).items())
    source_columns = (Column("id", "Source", kind="text"), Column("title", "Title", kind="text"))
    return (
        *report.tables,
        Table("assumptions", "Assumptions", columns, rows, caption="What matters most first."),
        Table("sources", "Sources", source_columns, cited),
    )


def _of_table(table: Table) -> Sheet:
    """A table as a sheet: title, caption, header, rows."""
    cells: dict[Place, Cell] = {(0, 0): Cell(table.title, role="title"), (1, 0): Cell(table.caption, role="note")}
    head = 3
    keys = [column.key for column in table.columns]
    for place, column in enumerate(table.columns):
        cells[head, place] = Cell(column.label, role="heading")
    first_total = len(table.rows) - table.total_count
    for number, row in enumerate(table.rows):
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            unit = column.unit if column.unit_from is None else row[keys.index(column.unit_from)]
            role: Role = "total" if number >= first_total else "value"
            cells[head + 1 + number, place] = Cell(raw(value), None if unit is None else str(unit), role=role)
    widths = {place: _width(table, place) for place in range(len(keys))}
    has_units = any(column.unit_from for column in table.columns)
    return Sheet(table.title, cells, widths, frozen=(head + 1, 1), kind="values", has_units=has_units)


def _width(table: Table, place: int) -> float:
    """Wide enough for the header and the text of a column; very long text runs on or is cut by its neighbour."""
    texts = [value for row in table.rows if isinstance(value := row[place], str)]
    longest = max((len(text) for text in texts), default=0)
    column = table.columns[place]
    symbol = UNITS[column.unit].symbol if column.unit in UNITS else ""
    return float(min(max(14, len(symbol) + _DIGITS, len(column.label) + 2, longest + 2), 60))


def _summary(report: Report) -> Sheet:
    """Sentences and metrics of a report without a model."""
    cells: dict[Place, Cell] = {(0, 0): Cell(report.title, role="title")}
    for number, sentence in enumerate(report.headline):
        cells[1 + number, 0] = Cell(sentence, role="note")
    head = len(report.headline) + 2
    for place, label in enumerate(("Metric", "Value", "Unit", "Undefined because")):
        cells[head, place] = Cell(label, role="heading")
    for number, name in enumerate((*report.metrics, *report.undefined)):
        row, unit = head + 1 + number, report.units.get(name)
        cells[row, 0] = Cell(name)
        cells[row, 1] = Cell(raw(report.metrics.get(name)), unit, role="value")
        cells[row, 2] = Cell(unit)
        cells[row, 3] = Cell(report.undefined.get(name))
    return Sheet("Summary", cells, {0: 54.0, 1: 20.0, 2: 18.0, 3: 60.0}, kind="front")


def _notes(report: Report) -> Sheet:
    cells: dict[Place, Cell] = {(0, 0): Cell("Notes", role="title")}
    for number, note in enumerate(report.notes):
        cells[2 + number, 0] = Cell(f"{note.kind}: {note.text}")
    return Sheet("Notes", cells, {0: 130.0}, kind="front")


class _Written:
    """The file while it is written."""

    def __init__(self) -> None:
        library, worksheet = _library()
        self._stream = BytesIO()
        self._book = library.Workbook(self._stream, {"in_memory": True})
        self._book.set_properties({"created": _CREATED})
        self._worksheet = worksheet
        self._formats: dict[tuple[Role, str, bool, bool], Any] = {}
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def bytes(self) -> bytes:
        """The whole file."""
        self._book.close()
        return self._stream.getvalue()

    def name(self, name: str, sheet: str, place: Place) -> None:
        """A name for a cell."""
        from xlsxwriter.utility import xl_rowcol_to_cell

        cell = xl_rowcol_to_cell(*place, row_abs=True, col_abs=True)
        self._book.define_name(name, f"='{self._names[sheet]}'!{cell}")

    def sheet(self, sheet: Sheet) -> None:
        """One sheet with its cells, set up for the screen and for print."""
        name = safe_name(sheet.name, self._taken)
        self._names[sheet.name] = name
        page = self._book.add_worksheet(name, worksheet_class=self._worksheet)
        page.set_tab_color(_TABS[sheet.kind])
        page.ignore_errors({"number_stored_as_text": "A1:XFD1048576", "formula_differs": "A1:XFD1048576"})
        page.hide_gridlines(2)
        page.freeze_panes(*sheet.frozen)
        for column, width in sheet.widths.items():
            page.set_column(column, column, width)
        _for_print(page, sheet)
        sizes = _sizes(sheet)
        for place, cell in sheet.cells.items():
            shown = ""
            if isinstance(cell.value, int | float):
                shown = number_format(cell.unit, sizes.get(place, 0.0), has_symbol=not sheet.has_units)
            self._cell(page, place, cell, shown, is_right=_heads_numbers(sheet, place, cell))
        for chart in sheet.charts:
            self._chart(page, name, chart)
        # A chart that would not fit under long rows has a page of its own.
        page.set_h_pagebreaks([chart.at[0] for chart in sheet.charts if chart.at[0] > _ROWS_BESIDE_A_CHART])

    def _cell(self, page: Any, place: Place, cell: Cell, shown: str, *, is_right: bool) -> None:
        value = cell.value
        style = self._format(cell.role, shown, is_right=is_right or (bool(cell.formula) and isinstance(value, str)))
        if cell.formula is not None:
            page.write_formula(*place, f"={cell.formula}", style, "#NUM!" if value != value else value)  # noqa: PLR0124
        elif isinstance(value, bool):
            page.write_boolean(*place, value, style)
        elif isinstance(value, str):
            if value:
                plain = cell.role in {"text", "value", "heading"} and place[1] > 0 and not is_right
                style = self._format(cell.role, shown, is_right=is_right, indent=plain)
                page.write_string(*place, _text(value), style)
        elif value is not None and value - value == 0.0:
            page.write_number(*place, value, style)
        elif cell.role in {"heading", "total"}:
            page.write_blank(*place, None, style)

    def _format(self, role: Role, shown: str, *, is_right: bool, indent: bool = False) -> Any:
        key = (role, shown, is_right, indent)
        if key not in self._formats:
            style = dict(_STYLES[role])
            style |= {"num_format": shown} if shown else {}
            style |= {"align": "right"} if is_right else {"indent": 1} if indent else {}
            self._formats[key] = self._book.add_format(style)
        return self._formats[key]

    def _chart(self, page: Any, name: str, chart: SheetChart) -> None:
        bars = self._book.add_chart({"type": chart.kind})
        line = self._book.add_chart({"type": "line"})
        for series in chart.series:
            ends = {
                key: [name, *first, *last]
                for key, (first, last) in (("categories", series.categories), ("values", series.values))
            }
            axis = {"y2_axis": True, "marker": {"type": "circle"}} if series.is_line else {}
            (line if series.is_line else bars).add_series({"name": series.title, **ends, **axis})
        value_axis, name_axis = ("set_x_axis", "set_y_axis") if chart.kind == "bar" else ("set_y_axis", "set_x_axis")
        is_bar = chart.kind == "bar"
        lines = {"visible": True, "line": {"color": "#D9D9D9"}}
        # Bars are read from above, which turns the axis of values over.
        labels = "high" if is_bar else "next_to"
        shown = _axis_format(chart.unit)
        getattr(bars, value_axis)({"num_format": shown, "major_gridlines": lines, "label_position": labels})
        getattr(bars, name_axis)({"reverse": is_bar, "label_position": "low"})
        bars.set_title({"name": chart.title, "name_font": {"size": 12}})
        bars.set_legend({"position": "bottom", "none": len(chart.series) == 1})
        bars.set_size({"width": 860, "height": 420})
        if any(series.is_line for series in chart.series):
            line.set_y2_axis({"num_format": "0.00", "name": "DSCR", "min": 0})
            bars.combine(line)
        page.insert_chart(*chart.at, bars)


def _axis_format(unit: str | None) -> str:
    return (
        number_format(unit, {"usd": 1e7, "usd_per_yr": 1e7}.get(unit or "", 100.0)).split(";")[0].replace(".0,,", ",,")
    )


def _for_print(page: Any, sheet: Sheet) -> None:
    """Landscape, as wide as the sheet, header and labels on every page, and page numbers."""
    page.set_landscape()
    page.set_paper(_A4)
    page.fit_to_pages(sheet.pages_wide, 0)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    page.set_footer("&L&A&RPage &P of &N")
    rows, columns = sheet.frozen
    if rows:
        page.repeat_rows(rows - 1)
    if columns and sheet.pages_wide > 1:
        page.repeat_columns(0, columns - 1)


def _sizes(sheet: Sheet) -> dict[Place, float]:
    """The largest number that stands with each: in its row over time, or in its column of one unit."""
    over_time = sheet.frozen[1] > 1
    found: dict[tuple[int, str | None], float] = {}
    keys: dict[Place, tuple[int, str | None]] = {}
    alone: dict[Place, float] = {}
    for place, cell in sheet.cells.items():
        if isinstance(cell.value, str) or cell.value is None or cell.value - cell.value != 0.0:
            continue
        size = abs(cell.value)
        if over_time or not sheet.has_units:
            key = (place[0] if over_time else place[1], cell.unit)
            keys[place] = key
            found[key] = max(found.get(key, 0.0), size)
        else:
            alone[place] = size
    return {**alone, **{place: found[key] for place, key in keys.items()}}


def _heads_numbers(sheet: Sheet, place: Place, cell: Cell) -> bool:
    """Whether a heading stands over numbers, which stand right."""
    if cell.role != "heading" or not place[1]:
        return False
    if 1 < sheet.frozen[1] <= place[1]:  # periods
        return True
    below = (sheet.cells.get((place[0] + step, place[1])) for step in range(1, 5))
    held = next((each.value for each in below if each is not None and each.value is not None), "")
    return not isinstance(held, str)


def safe_name(title: str, taken: set[str]) -> str:
    """A title as the name of a sheet: 31 characters, none that spreadsheets refuse, and none twice.

    Parameters
    ----------
    title : str
        Any text.
    taken : set of str
        Names there are already, without case; the new one is added.
    """
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", printable(title))
    plain = " ".join(plain.split()).strip("'") or "Sheet"
    if plain.casefold() == "history":  # a name that Excel keeps for itself
        plain = "History of it"
    found, number = _cut(plain, _LONGEST_NAME), 1
    while found.casefold() in taken:
        number += 1
        mark = f" ({number})"
        found = _cut(plain, _LONGEST_NAME - len(mark)) + mark
    taken.add(found.casefold())
    return found


def _cut(text: str, length: int) -> str:
    """The start of a text, up to a whole word where one ends in its second half."""
    cut = text[:length]
    if len(text) > length and text[length] != " " and cut.rfind(" ") > length // 2:
        cut = cut[: cut.rfind(" ")]
    return cut.rstrip(" ',")


def _text(text: str) -> str:
    plain = "".join(character if character in _KEPT else printable(character) for character in text)
    # XlsxWriter takes text between these tags for markup of its own.
    return f" {plain}"[:_LONGEST_TEXT] if plain.startswith("<r>") else plain[:_LONGEST_TEXT]


def _library() -> tuple[Any, Any]:
    """XlsxWriter, and its worksheet with numbers in all their digits."""
    try:
        import xlsxwriter
        from xlsxwriter.worksheet import Worksheet
    except ImportError:
        message = "needs the extra xlsx: pip install 'colocalc[xlsx]'"
        raise ColocalcError(message, where="--format xlsx", exit_code=EXIT_EXTRA) from None

    class Exact(Worksheet):  # type: ignore[misc]
        """Writes 17 digits where XlsxWriter has 16, so that a number read back is the number written."""

        def _xml_number_element(self, number: float, attributes: Iterable[tuple[str, object]] = ()) -> None:
            shown = "".join(f' {key}="{value}"' for key, value in attributes)
            self.fh.write(f"<c{shown}><v>{float(number)!r}</v></c>")

    return xlsxwriter, Exact
