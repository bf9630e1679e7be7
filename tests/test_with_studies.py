"""Studies in a report: how they are asked for, what they add, and what is said when one cannot be had."""

import json
import re

import pytest

from colocalc.cli.with_studies import SEED, TRIALS, Wanted, wanted_studies
from colocalc.errors import ColocalcError

FLEET = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 64}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: {value: 50, low: 40, high: 80}}
lease: {rate_usd_per_gpu_h: {value: 2, low: 1.6, high: 2.5}, billed_share: 0.7}
scenarios: {dear: {set: {lease.rate_usd_per_gpu_h: 3}}}
"""
RATE, SHARE = "lease.rate_usd_per_gpu_h=1:3:3", "lease.billed_share=0.5,1"
ALL = f"risk,sweep:{RATE},{SHARE},compare:-@dear"


def wanted(*texts, trials=None, seed=None, relayout=False):
    return wanted_studies(texts, trials=trials, seed=seed, relayout=relayout)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("risk",), [("risk", ())]),
        ((f"sweep:{RATE}",), [("sweep", (RATE,))]),
        ((f"sweep:{SHARE}",), [("sweep", (SHARE,))]),
        ((f"sweep:{SHARE},{RATE}",), [("sweep", (SHARE, RATE))]),
        ((f"risk,sweep:{RATE},compare:other@x",), [("risk", ()), ("sweep", (RATE,)), ("compare", ("other@x",))]),
        ((f"sweep:{SHARE},risk,sweep:{RATE}",), [("sweep", (SHARE,)), ("risk", ()), ("sweep", (RATE,))]),
        (("risk", f"sweep:{RATE}"), [("risk", ()), ("sweep", (RATE,))]),
        ((" risk , compare:b",), [("risk", ()), ("compare", ("b",))]),
    ],
)
def test_studies_are_read(texts, found):
    assert list(wanted(*texts)[0]) == [Wanted(*one) for one in found]


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (("riks",), "did you mean risk"),
        (("",), "should be risk, sweep:"),
        (("risk:5",), "should be risk, sweep:"),
        (("sweep",), "should be risk, sweep:"),
        (("compare:a,b",), "should be risk, sweep:"),
        (("sweep:nokey",), "should be KEY="),
        (("sweep:k=1:2:0",), "whole number from 1"),
        ((f"sweep:{RATE},{RATE}",), "stands twice"),
        (("risk,risk",), "stands twice"),
        (("risk", "risk"), "stands twice"),
        (("sweep:a=0:1:2000,b=0:1:2000",), "are more than 1,000,000"),
    ],
)
def test_what_is_no_study_is_refused(texts, says):
    with pytest.raises(ColocalcError) as caught:
        wanted(*texts)
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.where.startswith("--with")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("options", [{"trials": 5}, {"seed": 1}, {"relayout": True}])
def test_an_option_belongs_to_a_study(options):
    with pytest.raises(ColocalcError, match="belongs to --with"):
        wanted(**options)


def test_trials_have_their_own_number_in_a_report():
    trials = wanted("risk")[1]
    assert (trials.trials, trials.seed) == (TRIALS, SEED) == (2_000, 0)
    trials = wanted("risk", trials=10, seed=3)[1]
    assert (trials.trials, trials.seed) == (10, 3)


@pytest.fixture
def reported(colocalc):
    def run(*arguments, stdin=FLEET):
        return colocalc("report", "-", "--with", ALL, "--trials", "200", *arguments, stdin=stdin)

    return run


def test_tables_are_those_of_the_single_commands(reported, colocalc):
    tables = json.loads(reported("--seed", "7", "-f", "json").out)["tables"]
    over = ("--over", RATE, "--over", SHARE)
    singles = {
        "risk": ("risk", "-", "--trials", "200", "--seed", "7"),
        "sweep_1": ("sweep", "-", *over),
    }
    for key in ("risk", "sweep_1"):
        single = json.loads(colocalc(*singles[key], "-f", "json", stdin=FLEET).out)["tables"]
        assert {name: tables[f"{key}_{name}"] for name in single} == single
    rows = {row["metric"]: row for row in tables["compare_1_comparison"]}
    rate = rows["lease.run_rate_revenue_usd_per_yr"]
    assert rate["fleet_2"] == pytest.approx(1.5 * rate["fleet_1"])


def test_the_report_itself_is_what_it_is_without(reported, colocalc):
    alone = json.loads(colocalc("report", "-", "-f", "json", stdin=FLEET).out)
    found = json.loads(reported("-f", "json").out)
    assert found["metrics"] == alone["metrics"]
    assert {key: found["tables"][key] for key in alone["tables"]} == alone["tables"]
    assert found["headline"][: len(alone["headline"])] == alone["headline"]
    assert found["undefined"].items() >= alone["undefined"].items()


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_every_format_has_every_study(reported, form):
    found = reported("-f", form)
    assert found.code == 0, found.err
    wanted_words = {
        "csv": ("risk_statistics,", "sweep_1_map_1,", "compare_1_comparison,"),
        "table": ("Risk: What the trials say", "Sweep: Least and most", "Against -@dear: Side by side"),
    }
    for words in wanted_words.get(form, wanted_words["table"]):
        assert words in found.out
    if form == "table":
        assert max(map(len, found.out.splitlines())) <= 100


def test_a_workbook_has_every_study_and_its_live_model(reported, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    assert reported("-o", tmp_path / "all.xlsx").code == 0
    sheets = openpyxl.load_workbook(tmp_path / "all.xlsx").sheetnames
    assert {"Inputs", "Risk What the trials say", "Sweep Least and most", "Against -@dear Side by side"} <= set(sheets)


@pytest.mark.parametrize(
    ("study", "code", "says"),
    [
        ("compare:nowhere.yaml", 5, "no such file"),
        ("compare:-", 2, "is this fleet"),
        ("compare:-@cheap", 3, "no scenario"),
        ("sweep:lease.biled_share=1,0.5", 3, "did you mean billed_share"),
        ("sweep:lease.billed_share=0.5,2", 3, "at most 1"),
        ("sweep:pools.c.count=1,2", 3, "c"),
    ],
)
def test_a_study_that_cannot_be_had_has_its_exit_code_and_no_report(study, code, says, colocalc, tmp_path):
    found = colocalc("report", "-", "--with", study, "-o", tmp_path / "report.md", stdin=FLEET)
    assert (found.code, found.out) == (code, "")
    assert says in found.err
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_shows_what_is_known_and_writes_no_file(colocalc, monkeypatch, tmp_path):
    from colocalc.study import sweep as module

    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(module, "run", interrupted)
    found = colocalc("report", "-", "--with", f"sweep:{RATE},risk", "-o", tmp_path / "report.md", stdin=FLEET)
    assert found.code == 130
    assert "interrupted after 0 of 3 points" in found.err
    assert "no point is done" in found.out
    assert "Run-rate revenue" in found.out
    assert "Risk:" not in found.out
    assert list(tmp_path.iterdir()) == []


def test_a_chart_of_a_study_stands_in_the_report_under_a_name_of_its_own(reported):
    names = re.search(r"which has (.*)$", reported("--chart", "none", "-o", "x.svg").err.strip())
    assert names
    assert {"risk_tornado", "risk_histogram", "compare_1_bridge_1"} <= {
        name.split(";")[0] for name in names[1].split(", ")
    }
    svg = reported("--chart", "risk_tornado", "--format", "svg").out
    assert svg.startswith("<svg")
