"""A resolved fleet: one file that gives the same numbers with nothing left to look up."""

import numpy as np
import pytest
import yaml

from colocalc import yamlio
from colocalc.catalog import fleet_names, load_catalog
from colocalc.resolved import resolved_text
from colocalc.study.evaluate import evaluate
from colocalc.variants import Variants

CASES = (
    *((name, None, ()) for name in fleet_names()),
    ("colossus-1", "partitions", ()),
    ("neocloud-1k-h100", "headline-debt", ("lease.billed_share=0.9",)),
    ("meta-llama3-16k", None, ("training.layout=auto",)),
    ("startup-64-h200", None, ("calibration.scale_out_share=0.7",)),
)


@pytest.mark.parametrize(("name", "scenario", "sets"), CASES)
def test_it_has_the_same_metrics_to_the_bit(name, scenario, sets):
    asked = Variants(name, load_catalog(), scenario=scenario, sets=sets)
    again = Variants("-", load_catalog(), stdin=resolved_text(asked).encode())
    found, known = evaluate(again.case), evaluate(asked.case)
    assert {key: float(value) for key, value in found.metrics.items()} == {
        key: float(value) for key, value in known.metrics.items()
    }
    assert found.undefined == known.undefined


@pytest.fixture(scope="module")
def text():
    return resolved_text(Variants("neocloud-1k-h100", load_catalog()))


def test_it_is_the_same_bytes_every_time(text):
    assert resolved_text(Variants("neocloud-1k-h100", load_catalog())) == text


def test_other_readers_of_yaml_read_the_same(text):
    assert yaml.safe_load(text) == yamlio.read(text, name="x")


def test_every_source_that_is_cited_stands_in_it(text):
    data = yamlio.read(text, name="x")

    def cited(node):
        if isinstance(node, dict):
            for key, part in node.items():
                yield from part.split(", ") if key == "source" else cited(part)
        elif isinstance(node, list):
            for part in node:
                yield from cited(part)

    assert set(cited(data)) <= set(data["sources"])
    assert data["gpus"]["h100-sxm"]["replace"] is True
    assert "scenarios" not in data


def test_it_holds_when_the_catalog_changes(text):
    catalog = load_catalog()
    changed = Variants("-", catalog, stdin=text.replace("value: 989.4", "value: 500").encode())
    assert "value: 989.4" in text
    assert (
        evaluate(changed.case).metrics["mfu.peak_pflop_per_s"]
        < 0.6 * evaluate(Variants("neocloud-1k-h100", catalog).case).metrics["mfu.peak_pflop_per_s"]
    )


def test_what_a_fleet_extends_and_its_own_cards_are_written_out(colocalc, tmp_path):
    (tmp_path / "prices.csv").write_text("gpu,term,region,rate_usd_per_gpu_h,as_of\nh100-sxm,1-year,,2,2026-05-01\n")
    (tmp_path / "base.yaml").write_text("name: base\npools: [{gpu: h100, count: 16}]\nlease: {rate_card: prices.csv}\n")
    (tmp_path / "own.yaml").write_text("extends: base.yaml\nname: own\nlease: {billed_share: 0.5}\n")
    (tmp_path / "away").mkdir()
    target = tmp_path / "away" / "locked.yaml"
    assert colocalc("check", tmp_path / "own.yaml", "--resolved", "-o", target).code == 0
    known, found = (colocalc("lease", place, "--format", "json").metrics for place in (tmp_path / "own.yaml", target))
    assert found == known
    assert np.isfinite(found["lease.run_rate_revenue_usd_per_yr"])


def fitted(largest_gpu_count):
    """Text of a calibration whose fitted constants are a percent off those that ship."""
    shipped = load_catalog().calibration
    known = {key: each for key, each in shipped.constants().items() if each.fitted}
    return shipped.fitted_to(
        {key: each.value * 0.99 for key, each in known.items()},
        dict.fromkeys(known, 0.1),
        largest_gpu_count=largest_gpu_count,
        source="fit to mine",
    ).as_text()


def test_a_fitted_calibration_is_written_out(colocalc, tmp_path):
    own, target = tmp_path / "own.yaml", tmp_path / "locked.yaml"
    own.write_text(fitted(load_catalog().calibration.largest_gpu_count))
    assert colocalc("check", "startup-64-h200", "--resolved", "--calibration", own, "-o", target).code == 0
    known = colocalc("mfu", "startup-64-h200", "--calibration", own, "--format", "json").metrics
    assert colocalc("mfu", target, "--format", "json").metrics == known
    assert known != colocalc("mfu", "startup-64-h200", "--format", "json").metrics


def test_a_calibration_of_another_range_is_refused(colocalc, tmp_path):
    own, target = tmp_path / "own.yaml", tmp_path / "locked.yaml"
    own.write_text(fitted({}))
    run = colocalc("check", "meta-llama3-16k", "--resolved", "--calibration", own, "-o", target)
    assert run.code == 3
    assert "cannot be written as one file" in run.err
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--format", "json"), 2, "a resolved fleet is YAML"),
        (("-o", "x.json"), 2, "end the name in .yaml"),
        (("--expect", "lease.contribution_usd_per_yr < 0"), 1, "an expectation does not hold"),
    ],
)
def test_what_does_not_go_with_it_is_told(colocalc, tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    run = colocalc("check", "neocloud-1k-h100", "--resolved", *arguments)
    assert run.code == code
    assert said in run.err
    assert not list(tmp_path.iterdir())


def test_a_broken_fleet_leaves_nothing_behind(colocalc, tmp_path):
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text("name: f\npools: [{gpu: h100, cuont: 8}]\n")
    run = colocalc("check", fleet, "--resolved", "-o", tmp_path / "locked.yaml")
    assert run.code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.yaml"]
