"""A report as GitHub-flavoured Markdown, with every text from a file escaped."""

import re
from collections.abc import Iterable, Iterator

from colocalc.errors import printable
from colocalc.report.table import Report, Table, assumption_table, cell_text, cited_sources

# An underscore inside a word and a lone ampersand mean nothing; names full of backslashes would be hard to read.
_MEANS_SOMETHING = re.compile(r"[\\`*~\[\]<>|]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<!\S)#")
_STARTS_A_BLOCK = re.compile(r"^(\d*)([.)+-](?=\s|$)|[-=](?=[-=]))")


def render(report: Report) -> str:
    """The report as Markdown: title, headline, tables with their captions, notes, assumptions, sources."""
    return "\n\n".join(_blocks(report)) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    yield f"# {escaped(report.title)}"
    yield from map(escaped, report.headline)
    for table in report.tables_to_read:
        yield from _section(table)
    if report.notes:
        yield "## Notes"
        yield _list(f"**{note.kind}:** {escaped(note.text)}" for note in report.notes)
    if report.assumptions:
        yield from _section(assumption_table(report.assumptions))
    sources = cited_sources(report)
    if sources:
        yield "## Sources"
        yield _list(f"{escaped(name)}: {escaped(title)}" if title else escaped(name) for name, title in sources.items())


def _section(table: Table) -> Iterator[str]:
    yield f"## {escaped(table.title)}"
    yield _grid(table)
    if table.caption:
        yield escaped(table.caption)


def _grid(table: Table) -> str:
    columns = [column for column in table.columns if not column.hidden]
    first_total = len(table.rows) - table.total_count
    lines = [
        _line(escaped(column.label) for column in columns),
        _line("---:" if column.kind == "number" else "---" for column in columns),
    ]
    for place, row in enumerate(table.rows):
        cells = [escaped(cell_text(column, row, table)) for column in columns]
        lines.append(_line(cells if place < first_total else map(_bold, cells)))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _bold(cell: str) -> str:
    return f"**{cell}**" if cell else cell


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands: one line, with no markup, no HTML and no start of a block in it."""
    inline = _MEANS_SOMETHING.sub(r"\\\g<0>", printable(text).strip())
    return _STARTS_A_BLOCK.sub(r"\1\\\2", inline)
