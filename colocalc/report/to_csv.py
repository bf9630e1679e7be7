"""A report as CSV: one block per table, raw numbers, units in the names of the columns."""

import csv
from dataclasses import astuple, fields
from io import StringIO

from colocalc.errors import printable
from colocalc.report.table import Assumption, Column, Report, Table, raw

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_KEPT = "\t\n"


def render(report: Report) -> str:
    """The tables of the report and then its assumptions, each under its own header, with an empty line between.

    The first column of every block is the key of its table. Text that a spreadsheet would take for a formula has a
    single quote in front of it.
    """
    return "\n".join(_block(table) for table in (*report.tables, _assumptions(report.assumptions)))


def render_table(table: Table) -> str:
    """One table alone under its own header, for a program that knows its columns."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_cell(column.key) for column in table.columns])
    writer.writerows(map(_cell, row) for row in table.rows)
    return stream.getvalue()


def _assumptions(assumptions: tuple[Assumption, ...]) -> Table:
    columns = tuple(Column(each.name, each.name) for each in fields(Assumption))
    return Table("assumptions", "", columns, tuple(astuple(assumption) for assumption in assumptions))


def _block(table: Table) -> str:
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["table", *(_cell(column.key) for column in table.columns)])
    writer.writerows([_cell(table.key), *map(_cell, row)] for row in table.rows)
    return stream.getvalue()


def _cell(value: object) -> str:
    known = raw(value)
    if known is None:
        return ""
    if isinstance(known, bool):
        return "true" if known else "false"
    return text_cell(known) if isinstance(known, str) else repr(known)


def text_cell(text: str) -> str:
    """Text that shows and is no formula to a spreadsheet."""
    # A carriage return is written as an escape too: before Python 3.13 the writer leaves it outside quotes.
    shown = "".join(character if character in _KEPT else printable(character) for character in text)
    return f"'{shown}" if text.startswith(_STARTS_A_FORMULA) else shown
