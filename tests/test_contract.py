"""The published schema of JSON: what every command prints keeps to it, and nothing else does."""

import json

import pytest
import typer.main
from jsonschema import Draft7Validator

from colocalc.catalog import fleet_names
from colocalc.cli import app
from colocalc.contract import COMMANDS, report_schema, report_schema_text
from colocalc.metrics import METRICS
from colocalc.units import UNITS

ON_A_FLEET = ("mfu", "lease", "hedge", "h100e", "train-or-lease", "check")
OTHERS = (
    ("layout", "startup-64-h200"),
    ("solve", "neocloud-1k-h100", "--for", "lease.rate_usd_per_gpu_h", "--until", "hedge.gross_share = 1"),
    ("explain", "hedge.gross_share", "colossus-1"),
    ("explain", "bubble"),
    ("compare", "neocloud-1k-h100", "neocloud-1k-h100@merchant"),
    ("sweep", "neocloud-1k-h100", "--over", "lease.rate_usd_per_gpu_h=1:2:2"),
    ("risk", "neocloud-1k-h100", "--trials", "20", "--seed", "1"),
    ("validate",),
    ("catalog", "metrics"),
    ("catalog", "gpus", "h100"),
)


@pytest.fixture(scope="module")
def validator():
    schema = report_schema()
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


@pytest.fixture
def faults(colocalc, validator):
    def find(*arguments):
        run = colocalc(*arguments, "--format", "json")
        assert run.code == 0, run.err
        return [(list(fault.path), fault.message) for fault in validator.iter_errors(json.loads(run.out))]

    return find


@pytest.mark.parametrize("sample", fleet_names())
def test_the_report_on_a_sample_keeps_to_it(faults, sample):
    assert faults("report", sample) == []


@pytest.mark.parametrize("sample", fleet_names())
def test_every_other_command_on_a_sample_keeps_to_it(faults, sample):
    assert {command: faults(command, sample) for command in ON_A_FLEET} == {command: [] for command in ON_A_FLEET}


@pytest.mark.parametrize("arguments", OTHERS, ids=lambda arguments: arguments[0])
def test_every_study_keeps_to_it(faults, arguments):
    assert faults(*arguments) == []


def test_it_names_every_command_that_prints_json():
    assert set(COMMANDS) == set(typer.main.get_command(app).commands) - {"schema", "init"}
    assert set(COMMANDS) == {"report", *ON_A_FLEET, *(arguments[0] for arguments in OTHERS)}


def test_it_holds_every_metric_with_its_unit_and_meaning():
    parts = report_schema()["properties"]
    for name, metric in METRICS.items():
        assert parts["units"]["properties"][name] == {"const": metric.unit}
        assert parts["metrics"]["properties"][name]["description"] == f"{metric.meaning} [{metric.unit}]"
        assert metric.unit in UNITS


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": {"mfu.step_shar": 0.4}},
        {"metrics": {"mfu.step_share": "0.4"}},
        {"metrics": {"pools.h100.hedge.gross_share": 1.0}},
        {"units": {"mfu.step_share": "percent"}},
        {"command": "mf"},
        {"schema": 2},
        {"more": 1},
        {"notes": [{"text": "x", "kind": "error"}]},
        {"tables": {"t": [{"x": [1]}]}},
    ],
)
def test_what_is_no_report_is_refused(colocalc, validator, change):
    document = json.loads(colocalc("mfu", "meta-llama3-16k", "--format", "json").out)
    assert validator.is_valid(document)
    assert not validator.is_valid(document | change)


def test_it_is_printed_as_it_is_and_the_fleet_schema_stays_the_default(colocalc):
    assert colocalc("schema", "report").out == report_schema_text()
    assert colocalc("schema").out == colocalc("schema", "fleet").out != report_schema_text()


def test_a_wrong_kind_of_schema_is_told(colocalc):
    run = colocalc("schema", "reporte")
    assert run.code == 2
    assert "did you mean report?" in run.err
