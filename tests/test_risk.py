"""Trials of a fleet: the same bits wherever they run, each of them the fleet with the numbers drawn."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from colocalc.case.risk import lower_chances
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.study.engine import Engine
from colocalc.study.engine.task import Block
from colocalc.study.evaluate import evaluate
from colocalc.study.risk import MOST_INPUTS, perform, plan
from colocalc.study.spread import spread
from colocalc.study.trials import inputs_of
from colocalc.variants import Variants

CATALOG = load_catalog()
SERIAL = Engine("serial", 1, None)
FLEET = """
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 512}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: {value: 50, low: 40, high: 80}}
lease: {rate_usd_per_gpu_h: {value: 2, low: RATE_LOW, high: 2.5}, billed_share: {value: 0.7, low: 0.5, high: 0.9}}
finance: {loss_usd: 20e6, loss_months: 12}
"""
REVENUE, MARGIN, HEDGE = "lease.run_rate_revenue_usd_per_yr", "lease.contribution_usd_per_yr", "hedge.gross_share"


def fleet(rate_low="1.6", extra=""):
    return Variants("-", CATALOG, stdin=(FLEET.replace("RATE_LOW", rate_low) + extra).encode())


def planned(own, *, seed=1, metrics=(REVENUE, MARGIN), asked=(), in_file=()):
    chances = lower_chances(own.fleet, own.loaded.catalog)
    return plan(own, evaluate(own.case), chances, metrics=metrics, asked=asked, in_file=in_file, seed=seed)


def performed(found, count=3_000, engine=SERIAL, size=1_000):
    return perform(found, count, engine=engine, block_count=size)


def test_revenue_has_the_mean_of_independent_factors():
    own = fleet("2")
    found = planned(own)
    outcome = performed(found, 20_000)
    drawn = inputs_of(found.task.draws, Block(0, 20_000, 0))
    paths = [one.path for one in found.task.draws.inputs]
    rate, billed = (drawn[:, paths.index(f"lease.{key}")] for key in ("rate_usd_per_gpu_h", "billed_share"))
    np.testing.assert_allclose(outcome.columns[REVENUE], 1_536 * 8_760 * rate * billed, rtol=1e-12)
    assert np.mean(billed) == pytest.approx(0.7, abs=5 * 0.0816 / np.sqrt(20_000))
    assert rate.min() >= 2.0


def test_a_wider_range_widens_the_band():
    narrow, wide = (performed(planned(fleet(low)), 4_000).columns[REVENUE] for low in ("1.9", "0.8"))
    assert np.quantile(wide, 0.1) < np.quantile(narrow, 0.1)
    assert np.std(wide) > np.std(narrow)


def test_a_fleet_without_ranges_does_not_move():
    own = Variants("-", CATALOG, stdin=b"name: x\npools: [{gpu: h100-sxm, count: 8}]\nlease: {rate_usd_per_gpu_h: 2}\n")
    found = planned(own, metrics=(REVENUE,))
    outcome = performed(found, 1_000)
    assert np.unique(outcome.columns[REVENUE]).tolist() == [8 * 8_760 * 2.0]


def test_a_block_of_the_file_changes_what_is_drawn():
    alike = performed(planned(fleet(extra="risk: {tail_share: 0.05}\n"))).columns[REVENUE]
    wide = performed(planned(fleet(extra="risk: {tail_share: 0.3}\n"))).columns[REVENUE]
    assert np.std(wide) > np.std(alike)


def test_a_gpu_of_a_correlation_may_go_by_any_of_its_names():
    own = fleet(extra="risk: {correlations: [{gpus: [H100, h200-sxm], correlation_share: 0.1}]}\n")
    chances = lower_chances(own.fleet, own.loaded.catalog)
    assert chances.correlations == {frozenset({"h100-sxm", "h200-sxm"}): 0.1}


@pytest.mark.parametrize("metric", ["mfu.flet_share", "", "pools.z.lease.run_rate_revenue_usd_per_yr"])
def test_a_metric_that_is_none_is_refused(metric):
    with pytest.raises(ColocalcError) as caught:
        planned(fleet(), metrics=(metric,))
    assert caught.value.exit_code == 2


def test_a_failure_rate_of_zero_may_have_a_range():
    own = Variants(
        "-",
        CATALOG,
        stdin=b"""
name: x
pools: [{gpu: h100-sxm, count: 64}]
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304, layout: {tp: 2}}
reliability: {failures_per_1000_gpu_day: {value: 0, low: 0, high: 2}}
""",
    )
    found = performed(planned(own, metrics=("mfu.fleet_share",)), 1_000).columns["mfu.fleet_share"]
    assert np.isfinite(found).all()
    assert np.unique(found).size > 1


# -- The command ----------------------------------------------------------------------------------


COUNTED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def command(*arguments, stdin=None, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "colocalc", "risk", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=COUNTED | {"PATH": "/usr/bin:/bin", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
    )


def own_file(low="1.6"):
    return FLEET.replace("RATE_LOW", low)


def test_the_report_stamps_seed_generator_and_versions():
    found = command("-", "--trials", "1000", "--seed", "42", stdin=own_file())
    assert found.returncode == 0
    said = found.stdout + found.stderr
    assert "PCG64" in said
    assert "42" in said
    assert f"numpy {np.__version__}" in said
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_json_keeps_the_contract_and_repeats_itself():
    arguments = ("-", "--trials", "1000", "--seed", "3", "--format", "json")
    first, second = (command(*arguments, stdin=own_file()) for _ in range(2))
    assert first.stdout == second.stdout
    found = json.loads(first.stdout)
    assert {"schema", "command", "fleet", "metrics", "undefined", "units", "tables", "assumptions", "notes"} <= set(
        found
    )
    assert found["command"] == "risk"


def test_expectations_get_a_probability():
    arguments = ("-", "--trials", "2000", "--expect", "hedge.gross_share >= 0.9", "--format", "json")
    tables = json.loads(command(*arguments, stdin=own_file()).stdout)["tables"]
    rows = [row for table in tables.values() for row in table if "hedge.gross_share >= 0.9" in row.values()]
    assert rows
    own = fleet()
    share = np.mean(performed(planned(own, seed=0, metrics=(HEDGE,)), 2_000).columns[HEDGE] >= 0.9)
    assert any(value == pytest.approx(share) for value in rows[0].values() if isinstance(value, float))


def test_every_trial_is_written(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    found = command(
        "-", "--trials", "1500", "--metric", REVENUE, "--draws", "all.parquet", stdin=own_file(), cwd=tmp_path
    )
    assert found.returncode == 0, found.stderr
    table = pq.read_table(tmp_path / "all.parquet").to_pydict()
    assert table["trial"] == list(range(1_500))
    rate, billed = (np.asarray(table[f"lease.{key}"]) for key in ("rate_usd_per_gpu_h", "billed_share"))
    np.testing.assert_allclose(table[REVENUE], 1_536 * 8_760 * rate * billed, rtol=1e-12)
    assert [path.name for path in tmp_path.iterdir()] == ["all.parquet"]


def test_every_trial_may_go_to_csv(tmp_path, colocalc):
    place = tmp_path / "all.csv"
    found = colocalc("risk", "-", "--trials", "10", "--metric", REVENUE, "--draws", place, stdin=own_file().encode())
    assert found.code == 0, found.err
    lines = place.read_text().splitlines()
    assert len(lines) == 11
    assert lines[0].startswith("trial,")
    assert REVENUE in lines[0].split(",")


def test_a_report_in_markdown(tmp_path, colocalc):
    place = tmp_path / "risk.md"
    found = colocalc("risk", "-", "--trials", "1000", "-o", place, stdin=own_file().encode())
    assert (found.code, found.out) == (0, "")
    text = place.read_text()
    assert "## What the trials say" in text
    assert "## Histograms" not in text  # long tables are for programs
    assert "seed 0, generator PCG64" in text


def test_a_report_as_a_workbook(tmp_path, colocalc):
    openpyxl = pytest.importorskip("openpyxl")
    place = tmp_path / "risk.xlsx"
    assert colocalc("risk", "-", "--trials", "1000", "-o", place, stdin=own_file().encode()).code == 0
    table = json.loads(colocalc("risk", "-", "--trials", "1000", "-f", "json", stdin=own_file().encode()).out)[
        "tables"
    ]["statistics"]
    sheet = openpyxl.load_workbook(place)["What the trials say"]
    rows = {row[0]: row for row in sheet.iter_rows(min_row=5, values_only=True) if row[0]}
    for row in table:
        assert rows[row["metric"]][3] == row["p10"]


def test_a_layout_is_kept_in_trials_or_searched_anew(colocalc):
    own = b"""
name: auto
pools: [{name: a, gpu: h100-sxm, count: 64}]
network: {nic_gbit_per_s: {value: 400, low: 50, high: 400}}
training: {model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 4_194_304}
"""
    arguments = ("risk", "-", "--trials", "40", "--metric", "mfu.step_share", "-f", "json")
    kept, anew = (colocalc(*arguments, *options, stdin=own) for options in ((), ("--relayout",)))
    assert "is kept at every trial (" in kept.out
    assert "searched anew at every trial" in anew.out
    low, high = (json.loads(found.out)["tables"]["statistics"][0]["p05"] for found in (kept, anew))
    assert high >= low  # on a slow network another layout is faster


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    pytest.importorskip("pyarrow.parquet")
    found = command("-", "--trials", "1000", "--draws", "no/where.parquet", stdin=own_file(), cwd=tmp_path)
    assert found.returncode == 5
    assert "Traceback" not in found.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("--trials", "0"),
        ("--trials", "-1"),
        ("--trials", "1e12"),
        ("--trials", "200000000"),
        ("--seed", "x"),
        ("--seed", "-1"),
        ("--metric", "x"),
        ("--expect", "hedge.gross_share >"),
        ("--expect", "x > 1"),
        ("--engine", "thread"),
        ("--workers", "0"),
        ("--draws", "trials.txt"),
    ],
)
def test_wrong_use_has_its_exit_code_and_no_traceback(arguments):
    found = command("-", *arguments, stdin=own_file())
    assert found.returncode in {2, 3}, found.stderr
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


@pytest.mark.parametrize(
    "block",
    [
        "risk: {tail_share: 0.6}",
        "risk: {tail_share: 0}",
        "risk: {rate_correlation_share: 2}",
        "risk: {volatility_share_per_yr: -1}",
        "risk: {correlations: [{gpus: [h100-sxm, H100], correlation_share: 0.5}]}",
        "risk: {correlations: [{gpus: [h100-sxm, h1000], correlation_share: 0.5}]}",
        "risk: {tails_share: 0.1}",
    ],
)
def test_a_block_that_is_wrong_is_refused_with_its_line(block):
    found = command("-", "--trials", "1000", stdin=f"{own_file()}{block}\n")
    assert found.returncode == 3
    assert ":7:" in found.stderr
    assert "Traceback" not in found.stderr


def test_an_input_that_moves_a_metric_by_rounding_alone_has_no_bar():
    own = Variants("neocloud-1k-h100", CATALOG)  # its debt is sized to a cover of 1.35
    found = planned(own, metrics=("lease.min_dscr_factor",))
    assert spread(found, performed(found, 20, size=20)).tornadoes == {"lease.min_dscr_factor": ()}


# What cannot be drawn, or not all of it


def test_rates_that_cannot_move_together_are_refused():
    # Two that move with a third, and against each other.
    pairs = ("{gpus: [h100-sxm, h200-sxm], correlation_share: 0.9}", "{gpus: [h200-sxm, b200], correlation_share: 0.9}",
             "{gpus: [h100-sxm, b200], correlation_share: -0.9}")  # fmt: skip
    text = f"""
name: three
pools: [{{gpu: h100-sxm, count: 8}}, {{gpu: h200-sxm, count: 8}}, {{gpu: b200, count: 8}}]
lease: {{rate_usd_per_gpu_h: 2, months: 6, market: {{rate_usd_per_gpu_h: 2, months: 6}}}}
risk: {{correlations: [{", ".join(pairs)}]}}
"""
    own = Variants("-", CATALOG, stdin=text.encode())
    with pytest.raises(ColocalcError, match="no rates can move together so") as caught:
        planned(own, metrics=(REVENUE,))
    assert caught.value.where == "risk.correlations"


def test_numbers_of_pools_beyond_the_most_are_held_and_counted():
    counts = [f"{{name: p{number}, gpu: h100-sxm, count: {{value: 8, low: 6, high: 9}}}}" for number in range(266)]
    text = f"name: x\npools: [{', '.join(counts)}]\nlease: {{rate_usd_per_gpu_h: 2}}\n"
    found = planned(Variants("-", CATALOG, stdin=text.encode()), metrics=(REVENUE,))
    assert len(found.task.draws.inputs) == MOST_INPUTS
    assert "10 numbers of pools with a range are held at their values" in found.held


def test_nothing_is_drawn_for_metrics_without_a_value(colocalc):
    bare = b"""
name: bare
gpus: {own: {title: Own, peak_tflop_per_s: {bf16: 100}}}
pools: [{gpu: own, count: 8}]
lease: {rate_usd_per_gpu_h: 2}
"""
    run = colocalc("risk", "-", "--trials", "1000", "--metric", "h100e.hbm_bandwidth_count", stdin=bare, columns=200)
    assert run.code == 0, run.err
    why = "h100e.hbm_bandwidth_count: a GPU of the fleet has no such figure."
    assert f"Nothing to draw for: no metric asked for has a value here. {why}" in " ".join(run.out.split())


def test_an_expectation_of_a_metric_there_is_not_is_refused(colocalc):
    run = colocalc("risk", "neocloud-1k-h100", "--trials", "1000", "--expect", "hedge.gros_share > 1")
    assert (run.code, run.out) == (3, "")
    assert "did you mean hedge.gross_share" in run.err


def test_what_has_no_range_is_the_same_in_all_trials(colocalc):
    still = b"name: still\npools: [{gpu: h100-sxm, count: 8}]\nlease: {rate_usd_per_gpu_h: 2, billed_share: 1}\n"
    asked = ("--metric", REVENUE, "--expect", f"{REVENUE} = {8 * 8_760 * 2}")
    run = colocalc("risk", "-", "--trials", "1000", *asked, "--format", "json", stdin=still)
    assert run.code == 0, run.err
    document = json.loads(run.out)
    assert document["headline"] == [
        "No figure behind these metrics has a range, so all trials are the same: give figures low and high."
    ]
    assert [row["share"] for row in document["tables"]["odds"]] == [1.0]
