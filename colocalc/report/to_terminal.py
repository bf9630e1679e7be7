"""A report for a terminal: tables that fit the width, with numbers that are never cut."""

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from itertools import groupby
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from colocalc.errors import printable
from colocalc.report.table import SHADES, Column, Report, Table, assumption_table, cell_text, cited_sources, shades

LEAST_WIDTH = 60
MOST_WIDTH = 140
WIDE_FROM = 120
SHOWN_ASSUMPTIONS = 12
SHOWN_ROWS = 1_000  # of one table: nobody reads more of them on a terminal, and other formats have them all

_PROSE_WIDTH = 100
_LONGEST_NUMBER = 28  # two such columns fit the least width; anything longer is folded like text
_SHORT_WORD = 16  # room a text column always has for a word; longer words get theirs if there is some
_LONG_WORD = 48
_LEAST_LABEL = 10
_MAY_BREAK = re.compile(r"[^._/:-]*[._/:-]+|[^._/:-]+")
# From little to much, dark to bright, with text that can be read on each: colours that 256-colour terminals share.
_RAMP = tuple(
    f"{'white' if place < 4 else 'black'} on color({number})"
    for place, number in enumerate((53, 60, 24, 30, 36, 77, 148, 226))
)
_IN_ASCII = str.maketrans(
    {
        "█": "#",
        "▓": "*",
        "▒": "+",
        "░": ".",
        **dict(zip("▁▂▃▄▅▆▇", "_.,-+=*", strict=True)),  # a sparkline, from low to high
        "±": "+-",
        "—": "-",
        "…": "...",
        "µ": "u",
        "·": "-",
        "\u2013": "-",
        "\u00d7": "x",
    }
)


def render(report: Report, *, width: int, color: bool, ascii_only: bool = False) -> str:
    """The report in lines no longer than the terminal is wide, 60 columns at the least and 140 at the most.

    ``color`` styles the text with escape sequences; without it there is none. ``ascii_only`` is for a terminal that
    cannot show more. Notes are no part of it: a command line shows them elsewhere.
    """
    sheet = _Sheet(width, color=color, ascii_only=ascii_only)
    sheet.prose(report.title, "bold")
    for sentence in report.headline:
        sheet.prose(sentence)
    for table in report.tables_to_read:
        sheet.table(table)
    _assumptions(sheet, report)
    return sheet.written()


def _assumptions(sheet: "_Sheet", report: Report) -> None:
    if shown := report.assumptions[:SHOWN_ASSUMPTIONS]:
        sheet.table(assumption_table(shown))
    if len(report.assumptions) > len(shown):
        sheet.prose(f"and {len(report.assumptions) - len(shown)} more: --format json lists all", "dim")
    if sources := cited_sources(report, shown):
        columns = (Column("source", "Source", kind="text"), Column("title", "Title", kind="text"))
        sheet.table(Table("sources", "Sources", columns, tuple(sources.items())))


@dataclass(frozen=True)
class _Strip:
    """A column ready to be set: its texts, and the room it must have, should have and could use."""

    header: str
    cells: Sequence[str]
    right: bool
    least: int
    better: int
    natural: int
    styles: Sequence[str] = ()
    is_map: bool = False


class _Sheet:
    """Styled text growing downwards."""

    def __init__(self, width: int, *, color: bool, ascii_only: bool) -> None:
        self._stream = StringIO()
        self._ascii_only = ascii_only
        self._has_color = color and not ascii_only
        self._gap = 3 if ascii_only else 2
        self._wide = width >= WIDE_FROM
        self._console = Console(
            file=self._stream,
            width=max(LEAST_WIDTH, min(width, MOST_WIDTH)),
            height=100,  # without a height rich asks the environment for both
            force_terminal=color,
            no_color=not color,
            color_system="256" if color else None,
            highlight=False,
            legacy_windows=False,
            force_jupyter=False,
            _environ={},
        )

    def written(self) -> str:
        return "\n".join(line.rstrip() for line in self._stream.getvalue().split("\n"))

    def prose(self, text: str, style: str = "") -> None:
        self._console.print(Text(self._clean(text), style), width=min(self._console.width, _PROSE_WIDTH))

    def heading(self, text: str) -> None:
        self._console.print()
        self.prose(text, "bold")

    def table(self, table: Table) -> None:
        self.heading(table.title)
        table, left_out = _shortened(table)
        shown = [column for column in table.columns if not column.hidden and (self._wide or not column.wide)]
        # Before 14 rich counts padding at the outer edges, so two columns are left free.
        room = self._console.width - 2
        for page in _pages([_strip(column, table, self._clean) for column in shown], room, self._gap):
            self._console.print()
            self._console.print(self._grid(page, _widths(page, room, self._gap), len(table.rows) - table.total_count))
        if left_out:
            self.prose(f"and {left_out:,} more rows: --format json and csv list all", "dim")
        if table.caption:
            self._console.print()
            self.prose(table.caption, "dim")

    def _grid(self, page: Sequence[_Strip], widths: Sequence[int], first_total: int) -> Grid:
        grid = Grid(
            box=box.ASCII if self._ascii_only else box.HORIZONTALS,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 1 if self._ascii_only else 0),
            header_style="bold",
        )
        for strip, width in zip(page, widths, strict=True):
            justify: Literal["left", "right"] = "right" if strip.right else "left"
            grid.add_column(Text(strip.header), width=width, justify=justify, overflow="fold")
        for place, cells in enumerate(zip(*(strip.cells for strip in page), strict=True)):
            styles = [strip.styles[place] if strip.styles else "" for strip in page]
            folded = (
                self._map_line(cell) if strip.is_map else Text(_broken(cell, width), style)
                for strip, cell, width, style in zip(page, cells, widths, styles, strict=True)
            )
            grid.add_row(*folded, style="bold" if place >= first_total else "", end_section=place == first_total - 1)
        return grid

    def _map_line(self, cell: str) -> Text:
        """A line of a map; shades are spaces on a colour where there are colours."""
        line = Text()
        for shade, run in groupby(cell):
            shown, place = "".join(run), SHADES.find(shade)
            if place < 0 or not self._has_color:
                line.append(shown)
            else:
                line.append(" " * len(shown), _shade(place / (len(SHADES) - 1)))
        return line

    def _clean(self, text: str) -> str:
        shown = printable(text)
        return shown.translate(_IN_ASCII).encode("ascii", "replace").decode("ascii") if self._ascii_only else shown


def _shortened(table: Table) -> tuple[Table, int]:
    """A table of at most so many rows and its totals, and how many rows are left out."""
    first_total = len(table.rows) - table.total_count
    left_out = max(first_total - SHOWN_ROWS, 0)
    if not left_out:
        return table, 0
    return replace(table, rows=(*table.rows[:SHOWN_ROWS], *table.rows[first_total:])), left_out


def _strip(column: Column, table: Table, clean: Callable[[str], str]) -> _Strip:
    cells = [clean(cell_text(column, row, table)) for row in table.rows]
    label = clean(column.label)
    longest = max(map(cell_len, cells), default=0)
    right = column.kind == "number"
    if right and longest <= _LONGEST_NUMBER:
        heading = max(min(cell_len(label), _LEAST_LABEL), min(_longest_word([label]), _SHORT_WORD))
        room = max(longest, heading)
        header = "\n".join(textwrap.fill(line, room) for line in _broken(label, room).split("\n"))
        width = max(longest, *map(cell_len, header.split("\n")))
        styles = [_shade(share) for share in shades(table, column)] if column.shaded else ()
        return _Strip(header, cells, right, least=width, better=width, natural=width, styles=styles)
    if column.is_map:  # its heading may be broken
        return _Strip(label, cells, right, least=longest, better=longest, natural=longest, is_map=True)
    natural = max(longest, cell_len(label))
    word = natural if natural <= _SHORT_WORD else _longest_word([label, *cells])  # short texts stay on one line
    return _Strip(label, cells, right, least=min(word, _SHORT_WORD), better=min(word, _LONG_WORD), natural=natural)


def _shade(share: float | None) -> str:
    return "" if share is None else _RAMP[min(int(share * len(_RAMP)), len(_RAMP) - 1)]


def _longest_word(texts: Sequence[str]) -> int:
    return max((cell_len(word) for text in texts for word in text.split()), default=1)


def _pages(strips: Sequence[_Strip], room: int, gap: int) -> list[list[_Strip]]:
    """Columns side by side as far as they fit; what does not goes below, beside the first column again."""
    pages: list[list[_Strip]] = []
    for strip in strips:
        needed = sum(each.least + gap for each in pages[-1]) + strip.least if pages else room + 1
        if needed > room and not (pages and len(pages[-1]) == 1):
            pages.append([strips[0]] if pages else [])
        pages[-1].append(strip)
    return pages


def _widths(page: Sequence[_Strip], room: int, gap: int) -> list[int]:
    """Room left over goes first to whole words and then to whole lines, the smallest want first."""
    widths = [strip.least for strip in page]
    spare = room - sum(widths) - gap * (len(page) - 1)
    for wanted in ([strip.better for strip in page], [strip.natural for strip in page]):
        order = sorted(range(len(page)), key=lambda place: wanted[place] - widths[place])
        for rank, place in enumerate(order):
            extra = max(0, min(wanted[place] - widths[place], spare // (len(page) - rank)))
            widths[place] += extra
            spare -= extra
    return widths


def _broken(text: str, width: int) -> str:
    """Text with words that are longer than a line broken after a dot, an underscore or the like."""
    return " ".join(word if cell_len(word) <= width else _broken_word(word, width) for word in text.split(" "))


def _broken_word(word: str, width: int) -> str:
    lines = [""]
    for piece in _MAY_BREAK.findall(word):
        if cell_len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines).lstrip("\n")
