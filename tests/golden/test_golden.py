"""Each sample in each format, as it was last looked at. ``pytest --update-golden`` accepts what it is now."""

import csv
import io
import json

import pytest

SAMPLES = ("colossus-1", "meta-llama3-16k", "neocloud-1k-h100")


def near(found, known):
    """The same data, numbers within what differs between processors."""
    if isinstance(known, dict):
        return isinstance(found, dict) and list(found) == list(known) and all(near(found[k], known[k]) for k in known)
    if isinstance(known, list):
        return len(found) == len(known) and all(near(a, b) for a, b in zip(found, known, strict=True))
    if isinstance(known, float):
        return found == pytest.approx(known, rel=1e-9, abs=1e-12)
    return found == known


def cells(text):
    """The cells of a CSV stream, numbers as numbers."""

    def cell(value):
        try:
            return float(value)
        except ValueError:
            return value

    return [[cell(value) for value in row] for row in csv.reader(io.StringIO(text))]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("columns", [80, 200])
def test_the_terminal_report_reads_as_it_did(colocalc, golden, sample, columns):
    run = colocalc("report", sample, columns=columns)

    assert run.code == 0
    assert run.out == golden(f"{sample}.report.{columns}.txt", run.out)
    assert max(map(len, run.out.splitlines())) <= columns


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_json_report_holds_what_it_did(colocalc, golden, sample):
    run = colocalc("report", sample, "--format", "json")

    assert run.code == 0
    assert near(json.loads(run.out), json.loads(golden(f"{sample}.report.json", run.out)))


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_csv_report_holds_what_it_did(colocalc, golden, sample):
    run = colocalc("report", sample, "--format", "csv")

    assert run.code == 0
    assert near(cells(run.out), cells(golden(f"{sample}.report.csv", run.out)))


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_markdown_report_reads_as_it_did(colocalc, golden, sample):
    run = colocalc("report", sample, "--format", "markdown")

    assert run.code == 0
    assert run.out == golden(f"{sample}.report.md", run.out)


@pytest.mark.parametrize(
    "scenario", ["gb200-30k", "superchips", "partitions", "tree", "flat-ring", "isolation", "immature", "mature"]
)
def test_each_scenario_of_colossus_gives_the_metrics_it_did(colocalc, golden, scenario):
    run = colocalc("report", "colossus-1", "--scenario", scenario, "--format", "json")
    metrics = json.dumps(run.metrics, indent=1) + "\n"

    assert near(run.metrics, json.loads(golden(f"colossus-1.{scenario}.metrics.json", metrics)))


@pytest.mark.parametrize("columns", [80, 200])
def test_the_layouts_read_as_they_did(colocalc, golden, columns):
    run = colocalc("layout", "meta-llama3-16k", columns=columns)

    assert run.code == 0
    assert run.out == golden(f"meta-llama3-16k.layout.{columns}.txt", run.out)
    assert max(map(len, run.out.splitlines())) <= columns


def test_the_layouts_in_json_are_what_they_were(colocalc, golden):
    run = colocalc("layout", "meta-llama3-16k", "--format", "json")

    assert run.code == 0
    assert near(json.loads(run.out), json.loads(golden("meta-llama3-16k.layout.json", run.out)))
