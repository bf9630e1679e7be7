"""A report as JSON: the stable contract for programs, raw numbers in stored units."""

import json
from dataclasses import asdict
from io import StringIO
from itertools import islice

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
    parts = {
        "schema": SCHEMA,
        "command": report.command,
        "fleet": report.fleet,
        "scenario": report.scenario,
        "metrics": {name: value for name, value in metrics.items() if value is not None},
        "undefined": missing | report.undefined,
        "units": dict(report.units),
        "tables": {table.key: table for table in report.tables},
        "assumptions": [{key: plain(value) for key, value in vars(each).items()} for each in report.assumptions],
        "notes": [asdict(note) for note in report.notes],
        "title": report.title,
        "headline": list(report.headline),
        "sources": cited_sources(report),
    }
    out = StringIO()
    _write(out, parts, 0)
    out.write("\n")
    return out.getvalue()


_WORDS = 10_000  # written at once
_ENCODER = json.JSONEncoder(indent=2, allow_nan=False)


def _write(out: StringIO, value: object, depth: int) -> None:
    """A value as ``json.dumps`` has it, which would keep every word of very many rows until the last.

    The document and its tables are written part by part, so that one table at a time is held as mappings.
    """
    margin = "\n" + "  " * depth
    if isinstance(value, Table):
        value = _rows(value)
    if not isinstance(value, dict) or depth > 1 or not value:
        words = iter(_ENCODER.iterencode(value))
        while some := "".join(islice(words, _WORDS)):
            out.write(some.replace("\n", margin))  # text in JSON has no line breaks of its own
        return
    for place, (key, part) in enumerate(value.items()):
        out.write(f"{',' if place else '{'}{margin}  {json.dumps(key)}: ")
        _write(out, part, depth + 1)
    out.write(f"{margin}}}")


def plain(value: object) -> float | str | bool | None:
    """A value JSON can hold: one that is not finite is None."""
    known = raw(value)
    return None if isinstance(known, float) and known - known != 0.0 else known


def _rows(table: Table) -> list[dict[str, float | str | bool | None]]:
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, map(plain, row), strict=True)) for row in table.rows]
