"""A report as JSON: the stable contract for programs, raw numbers in stored units."""

import json
from dataclasses import asdict

from colocalc.report.table import Report, Table, cited_sources, raw

SCHEMA = 1
_NOT_FINITE = "is not a finite number"


def render(report: Report) -> str:
    """The report as one JSON object, in ASCII, ending in a newline.

    Every metric stands under ``metrics`` with a finite number or under ``undefined`` with a reason. A table cell that
    is NaN or infinite is null.
    """
    metrics = {name: plain(value) for name, value in report.metrics.items()}
    missing = {name: _NOT_FINITE for name, value in metrics.items() if value is None}
    document = {
        "schema": SCHEMA,
        "command": report.command,
        "fleet": report.fleet,
        "scenario": report.scenario,
        "metrics": {name: value for name, value in metrics.items() if value is not None},
        "undefined": missing | report.undefined,
        "units": dict(report.units),
        "tables": {table.key: _rows(table) for table in report.tables},
        "assumptions": [{key: plain(value) for key, value in asdict(each).items()} for each in report.assumptions],
        "notes": [asdict(note) for note in report.notes],
        "title": report.title,
        "headline": list(report.headline),
        "sources": cited_sources(report),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def plain(value: object) -> float | str | bool | None:
    """A value JSON can hold: one that is not finite is None."""
    known = raw(value)
    return None if isinstance(known, float) and known - known != 0.0 else known


def _rows(table: Table) -> list[dict[str, float | str | bool | None]]:
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, map(plain, row), strict=True)) for row in table.rows]
