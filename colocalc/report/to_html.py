"""A report as one page of HTML that needs nothing else: no script, no reference, charts as drawings inside.

All text is escaped, whoever wrote it. Each number stands in a ``data`` element whose value is the raw number.
"""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from importlib.resources import files
from typing import Final

from colocalc import __version__
from colocalc.errors import printable
from colocalc.metrics import METRICS, base_id
from colocalc.report.charts import Chart, charts_of
from colocalc.report.charts.chart import FOR_DARK_PAGES
from colocalc.report.drawing import inline_svg
from colocalc.report.table import Column, Report, Table, band_text, cell_text, cited_sources, raw, value_text

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
# Characters from which a column of text keeps some room on a narrow page, and much.
_TEXTY: Final = 18
_WORDY: Final = 60
_MANY: Final = 10  # columns: more are printed smaller
_VERDICTS: Final = {
    "holds": "good",
    "holds if": "mid",
    "mixes units": "mid",
    "does not hold": "bad",
    "yes": "good",
    "no": "bad",
}
_IN_CHARACTERS: Final = {"shades"}  # keys of columns that draw with letters what a page has as a chart
_JUDGED: Final = {"verdict", "holds"}  # keys of columns whose words are verdicts


def render(report: Report) -> str:
    """The report as a page: summary, tables with their charts, notes, assumptions, sources, definitions.

    Raises
    ------
    ColocalcError
        When vl-convert, which draws the charts, is not installed.
    """
    sections = [*_tables(report), *_closing(report)]
    lines = [
        *_head(report),
        "<main>",
        *_section("summary", "Summary", _summary(report)),
        *_contents(sections),
        *(line for key, title, body in sections for line in _section(key, title, body)),
        "</main>",
        *_foot(report),
    ]
    return "\n".join(lines) + "\n"


_Section = tuple[str, str, Iterable[str]]


def _head(report: Report) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{_shown(report.title)}: {_shown(report.command)}</title>"
    yield '<link rel="icon" href="data:,">'  # or a browser asks the server for one
    yield f"<style>\n{_style()}</style>\n</head>\n<body>"
    yield '<a class="skip" href="#summary">Skip to the summary</a>'
    subject = f" of {report.fleet}" if report.fleet else ""
    scenario = f", scenario {report.scenario}" if report.scenario else ""
    yield f"<header>\n<h1>{_shown(report.title)}</h1>"
    yield f'<p class="about">{_shown(f"colocalc {report.command}{subject}{scenario}")}</p>\n</header>'


def _style() -> str:
    dark = "\n".join(
        f'  svg [{part}="{light}"] {{ {part}: {dark}; }}'
        for light, dark in FOR_DARK_PAGES.items()
        for part in ("fill", "stroke")
    )
    written = files("colocalc.report").joinpath("report.css").read_text(encoding="utf-8")
    return written.replace("/* CHARTS */", dark)


def _summary(report: Report) -> Iterator[str]:
    """The answer in sentences, and the statements that were judged by verdict."""
    yield '<ul class="summary">'
    yield from (f"<li>{_shown(sentence)}</li>" for sentence in report.headline)
    yield "</ul>"
    for table in report.tables_to_read:
        places = {column.key: place for place, column in enumerate(table.columns)}
        if {"verdict", "statement"} <= set(places):
            said: dict[str, list[str]] = {}
            for row in table.rows:
                said.setdefault(str(row[places["verdict"]]), []).append(str(row[places["statement"]]))
            yield f'<p>What was said, and <a href="#{table.key}">what it is worth</a>:</p>\n<ul class="summary">'
            for verdict, statements in said.items():
                yield f"<li>{_badge(verdict)} {_shown('; '.join(statements))}.</li>"
            yield "</ul>"


def _contents(sections: Sequence[_Section]) -> Iterator[str]:
    yield '<nav aria-label="Contents">\n<ul>'
    yield from (f'<li><a href="#{key}">{_breakable(_shown(title))}</a></li>' for key, title, _ in sections)
    yield "</ul>\n</nav>"


def _section(key: str, title: str, body: Iterable[str]) -> Iterator[str]:
    yield f'<section id="{key}">\n<h2 id="{key}-title">{_breakable(_shown(title))}</h2>'
    yield from body
    yield "</section>"


def _tables(report: Report) -> Iterator[_Section]:
    charts = charts_of(report)
    drawn = {chart.key: _figure(chart, report) for chart in charts}
    for table in report.tables_to_read:
        figures = [drawn[chart.key] for chart in charts if chart.table == table.key]
        yield table.key, table.title, (*figures, *_table(table))


def _figure(chart: Chart, report: Report) -> str:
    """The drawing, with a heading where that is not the one of its table."""
    titles = {table.title for table in report.tables}
    caption = "" if chart.title in titles else f"<figcaption>{_shown(chart.title)}</figcaption>\n"
    return f"<figure>\n{caption}{inline_svg(chart, where='--format html')}\n</figure>"


def _table(table: Table, links: Container[str] = ()) -> Iterator[str]:
    """A table in a region of its own, which scrolls where the page is narrow."""
    shown = [column for column in table.columns if not column.hidden and column.key not in _IN_CHARACTERS]
    many = ' class="many"' if len(shown) > _MANY else ""
    yield f'<div class="scroll" role="region" aria-labelledby="{table.key}-title" tabindex="0">\n<table{many}>'
    unseen = "" if table.caption else ' class="unseen"'  # the heading above says it already
    yield f"<caption{unseen}><span>{_shown(table.caption or table.title)}</span></caption>"
    heads = "".join(_heading(column, table) for column in shown)
    yield f"<thead><tr>{heads}</tr></thead>"
    first_total = len(table.rows) - table.total_count
    for rows, mark in ((table.rows[:first_total], ""), (table.rows[first_total:], ' class="total"')):
        if rows:
            yield "<tbody>"
            for row in rows:
                head, *others = (_cell(column, row, table, links) for column in shown)
                cells = "".join(f"<td{style}>{text}</td>" for style, text in others)
                yield f'<tr{mark}><th scope="row"{head[0]}>{head[1]}</th>{cells}</tr>'
            yield "</tbody>"
    yield "</table>\n</div>"


def _heading(column: Column, table: Table) -> str:
    longest = max((len(cell_text(column, row, table)) for row in table.rows), default=0)
    room = "wordy" if longest > _WORDY else "texty" if longest > _TEXTY else "s"
    style = "n" if column.kind == "number" or column.drawn else room
    return f'<th scope="col" class="{style}">{_shown(column.label)}</th>'


def _cell(column: Column, row: tuple[object, ...], table: Table, links: Container[str]) -> tuple[str, str]:
    """The attributes and the content of a cell; a number carries its raw value."""
    value = raw(row[table.columns.index(column)])
    text = _shown(cell_text(replace(column, drawn=False), row, table))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "", f'<data value="{value!r}">{text}</data>'
    if column.key in _JUDGED:
        return "", _badge(value_text(value, None))
    if isinstance(value, str) and column.key == "source":
        return (' class="s"' if 0 < len(value) <= _TEXTY else ""), _linked(value, links)
    style = "n" if column.kind == "number" else "s" if len(text) <= _TEXTY else ""
    return (f' class="{style}"' if style and text else ""), _breakable(text)


def _linked(sources: str, links: Container[str]) -> str:
    names = [name.strip() for name in sources.split(",")]
    shown = (
        f'<a href="#{_anchor(name)}">{_breakable(_shown(name))}</a>' if name in links else _breakable(_shown(name))
        for name in names
    )
    return ", ".join(shown)


def _anchor(source: str) -> str:
    return f"source-{re.sub(r'[^A-Za-z0-9-]', lambda found: f'_{ord(found[0]):x}', source)}"


def _badge(word: str) -> str:
    return f'<span class="badge {_VERDICTS.get(word, "")}">{_shown(word)}</span>'


def _shown(text: object) -> str:
    return escape(printable(text))


def _breakable(escaped: str) -> str:
    """Long names may break behind their dots and underscores."""
    return re.sub(r"[^\s<>]{28,}", lambda word: re.sub(r"([._/])(?=\w)", r"\1<wbr>", word[0]), escaped)


def _closing(report: Report) -> Iterator[_Section]:
    """Notes, assumptions with where they come from, sources, and what each figure means."""
    cited = cited_sources(report)
    if report.notes:
        notes = (
            f'<li><span class="badge {"mid" if note.kind == "warning" else ""}">{note.kind}</span> '
            f"{_breakable(_shown(note.text))}</li>"
            for note in report.notes
        )
        yield "notes", "Notes", ('<ul class="notes">', *notes, "</ul>")
    if report.assumptions:
        yield "assumptions", "Assumptions", _table(_assumptions(report), cited)
    if cited:
        sources = (
            f'<dt id="{_anchor(name)}">{_shown(name)}</dt><dd>{_shown(title)}</dd>' for name, title in cited.items()
        )
        yield "sources", "Sources", ("<dl>", *sources, "</dl>")
    if report.metrics or report.undefined:
        yield "definitions", "Figures and their definitions", _table(_definitions(report))


def _assumptions(report: Report) -> Table:
    columns = (
        Column("path", "Assumption", kind="text"),
        Column("value", "Value", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("band", "Band", kind="text"),
        Column("origin", "Origin", kind="text"),
        Column("source", "Source", kind="text"),
        Column("note", "Note", kind="text"),
    )
    rows = tuple(
        (one.path, one.value, one.unit, band_text(one), one.origin, one.source or "", one.note or "")
        for one in report.assumptions
    )
    caption = (
        "Given in the file, from the catalog, assumed by default, or derived from others; what matters most first."
    )
    return Table("assumptions", "Assumptions", columns, rows, caption=caption)


def _definitions(report: Report) -> Table:
    """The figures of the whole fleet; those of its pools have the same definitions."""
    columns = (
        Column("metric", "Figure", kind="text"),
        Column("value", "Value", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("meaning", "Definition", kind="text"),
        Column("equation", "Equation", kind="text"),
    )
    known = {base_id(name) for name in (*report.metrics, *report.undefined)}
    rows = []
    for name, metric in METRICS.items():
        if name in known:
            why = f"; no value: {report.undefined[name]}" if name in report.undefined else ""
            rows.append((name, report.metrics.get(name), metric.unit, f"{metric.meaning}{why}", metric.equation))
    caption = "Of the whole fleet. The same figure of one pool has the same definition."
    return Table("definitions", "Figures and their definitions", columns, tuple(rows), caption=caption)


def _foot(report: Report) -> Iterator[str]:
    dated = f" The newest source cited here is of {report.data_date}." if report.data_date else ""
    yield f"<footer>\n<p>colocalc {_shown(__version__)}.{_shown(dated)}</p>\n</footer>\n</body>\n</html>"
