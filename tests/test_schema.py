import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from colocalc.catalog import fleet_names, fleets_dir
from colocalc.errors import ColocalcError
from colocalc.fleet import Fleet
from colocalc.schema import SCHEMA_NAME, fleet_schema, fleet_schema_text, starter_text
from colocalc.yamlio import read, read_file

FLEETS = Path(__file__).parents[1] / "fleets"
BASE = {"name": "x", "pools": [{"gpu": "h100-sxm", "count": 8}]}


@pytest.fixture(scope="module")
def schema():
    return fleet_schema()


@pytest.fixture(scope="module")
def accepts(schema):
    return Draft7Validator(schema).is_valid


def _nodes(value):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _nodes(inner)
    if isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


def test_the_schema_is_valid_draft_07(schema):
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)


def test_every_reference_of_the_schema_leads_somewhere(schema):
    references = {node["$ref"] for node in _nodes(schema) if isinstance(node.get("$ref"), str)}
    assert references
    assert references <= {f"#/definitions/{name}" for name in schema["definitions"]}


def test_the_schema_knows_every_key_of_a_fleet_and_extends(schema):
    assert set(schema["properties"]) == {*Fleet.model_fields, "extends"}


@pytest.mark.parametrize("name", fleet_names())
def test_every_sample_is_valid(accepts, name):
    assert accepts(read_file(fleets_dir() / f"{name}.yaml"))


def test_the_starter_is_valid(accepts):
    assert accepts(read(starter_text(None), name="starter.yaml"))


@pytest.mark.parametrize(
    "more",
    [
        {"sites": {"memphis": {"facility_power_mw": {"value": 300, "high": 442, "source": "a", "note": "b"}}}},
        {"training": {"model": "llama-3.1-70b", "layout": "auto"}},
        {"training": {"layout": {"tp": 8, "zero_stage": 0}, "ignore_memory": True}},
        {"reliability": {"checkpoint_interval_s": "auto"}},
        {"reliability": {"checkpoint_interval_s": 600}},
        {"claims": [{"metric": "mfu.fleet_share", "says": 0.11}, {"input": "pools.a.count", "says": {"at_most": 5}}]},
        {"lease": {"start": "2026-06-01", "months": 36, "term": "3-year"}},
        {"scenarios": {"s": {"set": {"pools.a.count": 8, "sites": {}}}}},
        {"extends": "base.yaml"},
    ],
)
def test_what_the_loader_takes_is_valid(accepts, more):
    assert accepts(BASE | more)


@pytest.mark.parametrize(
    "more",
    [
        {"nname": "x"},
        {"pools": [{"gpu": "h100-sxm", "cuont": 8}]},
        {"pools": [{"gpu": "h100-sxm"}]},
        {"pools": []},
        {"pools": [{"gpu": "h100-sxm", "count": 1.5}]},
        {"pools": [{"gpu": "h100-sxm", "count": -1}]},
        {"pools": [{"gpu": "h100-sxm", "count": 1e30}]},
        {"pools": [{"gpu": "h100-sxm", "count": "8"}]},
        {"pools": [{"gpu": "h100-sxm", "count": {"value": 8, "hihg": 9}}]},
        {"pools": [{"gpu": "h100-sxm", "count": {"low": 8}}]},
        {"pools": [{"gpu": "h100-sxm", "count": 8, "counted_as": "node"}]},
        {"lease": {"billed_share": 1.2}},
        {"lease": {"term": "weekly"}},
        {"lease": {"start": "June"}},
        {"network": {"flat": "yes"}},
        {"training": {"layout": "best"}},
        {"training": {"layout": {"zero_stage": 4}}},
        {"sites": {"my site": {}}},
        {"claims": [{"metric": "mfu.fleet_share"}]},
    ],
)
def test_what_the_loader_refuses_by_its_form_is_not_valid(accepts, more):
    assert not accepts(BASE | more)


def test_the_schema_says_what_a_block_is_for(schema):
    assert all(one.get("description") for name, one in schema["definitions"].items() if one.get("type") == "object")


def test_the_text_is_the_schema_and_the_same_every_time(schema):
    text = fleet_schema_text()
    assert json.loads(text) == schema
    assert text == fleet_schema_text()
    assert text.isascii()
    assert text.endswith("}\n")


def test_the_command_writes_the_text(colocalc):
    run = colocalc("schema")
    assert (run.code, run.err, run.out) == (0, "", fleet_schema_text())


def test_the_file_beside_the_samples_is_what_the_command_writes():
    assert (FLEETS / SCHEMA_NAME).read_text(encoding="utf-8") == fleet_schema_text()


@pytest.mark.parametrize("name", fleet_names())
def test_a_sample_can_be_started_from(name):
    assert starter_text(name) == (fleets_dir() / f"{name}.yaml").read_text(encoding="utf-8")


def test_every_sample_and_the_starter_name_the_schema_for_editors():
    texts = [starter_text(name) for name in (None, *fleet_names())]
    assert all(text.startswith(f"# yaml-language-server: $schema=./{SCHEMA_NAME}\n") for text in texts)


def test_a_sample_that_does_not_exist_is_refused_with_a_hint():
    with pytest.raises(ColocalcError) as caught:
        starter_text("colosus-1")
    assert caught.value.hint == "did you mean colossus-1?"


def test_the_starter_is_a_fleet_without_faults(colocalc, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(starter_text(None), encoding="utf-8")
    run = colocalc("check", path)
    assert (run.code, "no faults" in run.out) == (0, True), run.err
