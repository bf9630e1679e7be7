"""The JSON Schema of a fleet file, and a starter to fill in."""

import json
from typing import Any

from colocalc.catalog import catalog_dir, fleet_names, fleets_dir
from colocalc.errors import ColocalcError, did_you_mean, quoted
from colocalc.fleet import Fleet

SCHEMA_NAME = "fleet.schema.json"


def fleet_schema() -> dict[str, Any]:
    """The schema as data: JSON Schema draft-07, which editors' YAML support understands."""
    schema = Fleet.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Another fleet file below this one's folder; this file overrides it key by key.",
    }
    found = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "colocalc fleet",
        **schema,
        "definitions": dict(sorted(definitions.items())),
    }
    return {key: _plain(value) for key, value in found.items()} | {"title": "colocalc fleet"}


def fleet_schema_text() -> str:
    """The schema as text, the same bytes every time."""
    return json.dumps(fleet_schema(), indent=1, ensure_ascii=True) + "\n"


def _plain(value: Any) -> Any:
    """A schema without generated titles, null defaults and references that drop their siblings."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _plain(item)
        for key, item in value.items()
        if not (key == "title" and isinstance(item, str)) and not (key == "default" and item in (None, [], {}))
    }
    if "patternProperties" in kept:
        kept["additionalProperties"] = False  # else a key of another pattern may hold anything
    alternatives = kept.get("anyOf")
    if isinstance(alternatives, list):
        # An absent key and null mean the same to a reader of YAML: one alternative less to complete.
        some = [item for item in alternatives if item != {"type": "null"}]
        kept.pop("anyOf")
        return {**some[0], **kept} if len(some) == 1 else {"anyOf": some, **kept}
    return kept


def starter_text(sample: str | None) -> str:
    """A commented starter file, or a bundled sample.

    Raises
    ------
    ColocalcError
        When there is no sample of that name.
    """
    if sample is None:
        return (catalog_dir() / "starter.yaml").read_text(encoding="utf-8")
    if sample not in fleet_names():
        names = fleet_names()
        raise ColocalcError(
            f"no sample {quoted(sample)}; there are {', '.join(names)}", hint=did_you_mean(sample, names)
        )
    return (fleets_dir() / f"{sample}.yaml").read_text(encoding="utf-8")
