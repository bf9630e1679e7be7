"""The chart of H100-equivalents: the fleet on each basis."""

from collections.abc import Iterator, Mapping

from colocalc.report.charts.chart import Chart, Row, bars, cells, in_words
from colocalc.report.table import Table


def equivalents(tables: Mapping[str, Table]) -> Iterator[Chart]:
    """A bar for each basis that has a count."""
    table = tables.get("h100e")
    if table is None:
        return
    rows = [
        Row(str(named["basis"]), value, text) for named, value, text in cells(table, "h100e_count") if value is not None
    ]
    if rows:
        said = in_words(table.title, [f"{row.label} {row.text}" for row in rows])
        yield Chart("h100e", table.title, said, bars(rows, "count"), "h100e")
