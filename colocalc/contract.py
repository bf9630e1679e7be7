"""The JSON Schema of what commands print as JSON, for programs: every metric with its unit and meaning."""

import json
import re
from collections.abc import Callable
from typing import Any

from colocalc.metrics import METRICS, OF_STUDIES
from colocalc.report.to_json import SCHEMA
from colocalc.units import UNITS, unit_of

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": ["number", "null"]}
_CELL = {"type": ["number", "string", "boolean", "null"]}
COMMANDS = (
    "mfu",
    "lease",
    "hedge",
    "h100e",
    "report",
    "train-or-lease",
    "layout",
    "check",
    "solve",
    "explain",
    "compare",
    "sweep",
    "risk",
    "validate",
    "catalog",
)
_POOL = r"pools\.[A-Za-z0-9][A-Za-z0-9_-]{0,59}\."


def report_schema() -> dict[str, Any]:
    """The schema as data: JSON Schema draft-07, of version 1 of the contract."""
    parts = {
        "schema": {"const": SCHEMA, "description": "Version of this contract."},
        "command": {"enum": list(COMMANDS), "description": "The command that was run."},
        "fleet": {**_MAYBE_TEXT, "description": "Name of the fleet; null where a command has none, or several."},
        "scenario": {**_MAYBE_TEXT, "description": "The scenario applied."},
        "metrics": _by_metric(lambda meaning, unit: {"type": "number", "description": f"{meaning} [{unit}]"})
        | {"description": "Value by metric id, in the unit that the id ends in."},
        "undefined": _by_metric(lambda *_: _TEXT) | {"description": "Why a metric has no value, by metric id."},
        "units": _by_metric(lambda _, unit: {"const": unit}) | {"description": "Unit by metric id."},
        "tables": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "object", "additionalProperties": _CELL}},
            "description": "Rows by table; a column's name ends in its unit, or another column holds it.",
        },
        "assumptions": {"type": "array", "items": {"$ref": "#/definitions/assumption"}},
        "notes": {"type": "array", "items": {"$ref": "#/definitions/note"}},
        "title": _TEXT,
        "headline": {"type": "array", "items": _TEXT, "description": "The answer in a few sentences."},
        "sources": {"type": "object", "additionalProperties": _TEXT, "description": "Title by source id."},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "colocalc report",
        **_closed(parts),
        "definitions": {"assumption": _closed(_assumption()), "note": _closed(_note())},
    }


def report_schema_text() -> str:
    """The schema as text, the same bytes every time."""
    return json.dumps(report_schema(), indent=1, ensure_ascii=True) + "\n"


def _closed(parts: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these parts."""
    return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}


def _by_metric(of: Callable[[str, str], dict[str, Any]]) -> dict[str, Any]:
    """An object whose keys are metric ids, those of pools too; ``of`` takes the meaning and the unit of one."""
    studied = ((name, meaning, unit_of(name)) for name, meaning in OF_STUDIES.items())
    return {
        "type": "object",
        "properties": {name: of(one.meaning, one.unit) for name, one in METRICS.items()}
        | {name: of(meaning, unit.suffix) for name, meaning, unit in studied if unit},
        "patternProperties": {
            f"^{_POOL}{re.escape(name)}$": of(one.meaning, one.unit) for name, one in METRICS.items() if one.per_pool
        },
        "additionalProperties": False,
    }


def _assumption() -> dict[str, Any]:
    return {
        "path": {**_TEXT, "description": "Key in the fleet file or the catalog."},
        "value": _CELL,
        "unit": {"enum": [*UNITS, None]},
        "low": _NUMBER,
        "high": _NUMBER,
        "source": {**_MAYBE_TEXT, "description": "Source ids, with commas between."},
        "origin": {"enum": ["given", "catalog", "assumed", "derived"]},
        "note": _MAYBE_TEXT,
    }


def _note() -> dict[str, Any]:
    return {"text": _TEXT, "kind": {"enum": ["note", "warning"]}}
