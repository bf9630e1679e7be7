"""``colocalc layout``: the search as a study, as a report, and on the command line."""

import json

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.mfu.predict.facts import STAGES
from colocalc.report import views
from colocalc.study.evaluate import evaluate
from colocalc.study.layout import CUT_STAGES, best_layouts, read_allowed
from colocalc.variants import Variants

CATALOG = load_catalog()
META = "meta-llama3-16k"
PARTS = "parts of a layout: tp, pp, vpp, dp, cp, ep, micro_batch, zero_stage, recompute, schedule"
CUT = ("tp_count", "pp_count", "vpp_count", "cp_count", "dp_count", "recompute")


def variants_of(place=META, *sets, scenario=None, text=None):
    stdin = None if text is None else text.encode()
    return Variants("-" if text else place, CATALOG, sets=sets, scenario=scenario, stdin=stdin)


def searched(variants, **asked):
    return best_layouts(variants.case, variants.fleet, variants.loaded.catalog, **asked)


def studied(place=META, *sets, scenario=None, text=None, **asked):
    return searched(variants_of(place, *sets, scenario=scenario, text=text), **asked)


def reported(place=META, *sets, scenario=None, text=None, **asked):
    variants = variants_of(place, *sets, scenario=scenario, text=text)
    study = searched(variants, **asked)
    return views.layout(variants.case, evaluate(variants.case), CATALOG, study=study)


def cut(candidate):
    return tuple(getattr(candidate, name) for name in CUT)


def table(report, key="layouts"):
    found = next(table for table in report.tables if table.key == key)
    return [dict(zip((column.key for column in found.columns), row, strict=True)) for row in found.rows]


# The study


def test_the_best_come_first_and_the_files_own_has_its_place():
    (job,) = studied(top=5).jobs
    assert [one.rank_count for one in job.best] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert cut(job.best[0]) == (4.0, 8.0, 16.0, 2.0, 256.0, "selective")
    assert cut(job.given) == (8.0, 16.0, 8.0, 1.0, 128.0, "none")
    assert job.given.rank_count == 89.0
    assert job.given.step_time_s == pytest.approx(job.best[0].step_time_s * (1.0 + job.given.behind_share))
    assert (job.layout_count, job.fitting_count) == (26_160, 13_423)


def test_the_files_own_costs_what_the_waterfall_says_of_it():
    variants = variants_of()
    (job,) = searched(variants).jobs
    result = evaluate(variants.case)
    # A plain ring carries data parallelism here, the fleet's network there.
    assert job.given.step_time_s == pytest.approx(float(result.metrics["mfu.step_time_s"]), rel=0.005)
    assert job.given.step_mfu_share == pytest.approx(float(result.metrics["mfu.step_share"]), rel=0.005)
    assert job.given.memory_use_share == pytest.approx(float(result.training.steps[0][1].memory.use_share.max()))


def test_the_best_layout_written_into_the_file_is_the_best_of_its_own_search():
    layout = "{tp: 4, pp: 8, vpp: 16, cp: 2, micro_batch: 1, recompute: selective, zero_stage: 2}"
    (job,) = studied(META, f"training.layout={layout}").jobs
    assert job.given.rank_count == 1.0
    assert job.given.behind_share == pytest.approx(0.0, abs=1e-12)
    assert reported(META, f"training.layout={layout}").headline[1] == "That is the layout of the file."


def test_factors_make_up_the_step_mfu_and_the_difference():
    (job,) = studied().jobs
    for one in (job.best[0], job.given):
        assert set(one.log_factor) == set(STAGES)
        assert np.exp(sum(one.log_factor.values())) == pytest.approx(one.step_mfu_share)
    (step,) = (row for row in table(reported(), "difference") if row["stage"] == "step MFU")
    rows = [row for row in table(reported(), "difference") if row["stage"] != "step MFU"]
    assert np.prod([1.0 + row["behind_share"] for row in rows]) - 1.0 == pytest.approx(step["behind_share"])


def test_what_binds_is_a_stage_that_the_cut_decides():
    for one in studied(top=50).jobs[0].best:
        assert one.binding_stage == max(CUT_STAGES, key=lambda name: -one.log_factor[name])


def test_by_default_as_many_are_told_as_the_catalog_says():
    assert len(studied().jobs[0].best) == CATALOG.default("search.top_count").value == 10


@pytest.mark.parametrize(
    ("allow", "name", "values"),
    [
        ("tp=8", "tp_count", {8.0}),
        ("pp=8,16", "pp_count", {8.0, 16.0}),
        ("vpp=1", "vpp_count", {1.0}),
        ("dp=64", "dp_count", {64.0}),
        ("cp=1", "cp_count", {1.0}),
        ("micro_batch=2", "micro_batch_sequences", {2.0}),
        ("recompute=full", "recompute", {"full"}),
        ("schedule=zb-h1", "schedule", {"zb-h1"}),
        ("zero_stage=3", "zero_stage", {3.0}),
    ],
)
def test_what_is_allowed_is_all_there_is(allow, name, values):
    (job,) = studied(allow=[allow], top=40).jobs
    assert job.best
    assert {getattr(one, name) for one in job.best} <= values


def test_a_part_named_twice_may_be_any_of_both():
    assert read_allowed(["tp=8", "pp=8", "tp = 4, 8"]) == (("tp", (8, 4)), ("pp", (8,)))


def test_schedules_without_a_bubble_are_there_when_asked_for_or_given():
    assert studied().schedules == ("1f1b",)
    assert studied(allow=["schedule=1f1b,zb-v"]).schedules == ("1f1b", "zb-v")
    assert studied(META, "training.layout={tp: 8, pp: 16, schedule: zb-h1}").schedules == ("1f1b", "zb-h1")


def test_a_schedule_whose_memory_is_not_known_is_costed_but_not_searched():
    study = studied(META, "training.layout={tp: 8, pp: 16, schedule: zb-h2}")
    assert study.schedules == ("1f1b",)
    assert study.jobs[0].given.schedule == "zb-h2"


def test_less_memory_is_never_faster():
    times = [studied(memory_share=share, top=1).jobs[0].best[0].step_time_s for share in (0.3, 0.6, 0.84, 0.95, 2.0)]
    assert times == sorted(times, reverse=True)
    assert times[0] > times[-1]


def test_ignored_memory_is_no_limit_and_warned_of():
    report = reported("h100-100k", scenario="meta-layout")
    assert report.metrics["layout.best_memory_use_share"] > 1.0
    assert any(note.kind == "warning" and "ignore_memory" in note.text for note in report.notes)


def test_a_file_without_a_layout_has_none_to_compare():
    report = reported(META, "training.layout=auto")
    assert [row["given"] for row in table(report)] == [False] * 10
    assert report.undefined["layout.given_step_time_s"] == "the file gives no layout"
    assert len(report.headline) == 1


def test_several_kinds_of_gpu_are_as_slow_as_the_slowest():
    (job,) = studied("colossus-1").jobs
    assert job.stands_for == "h100"
    assert job.leaves_rest  # 220,000 GPUs and 24,414.06 sequences
    assert job.given.gpu_count == 1_717 * 128
    assert any("as slow as h100" in note.text for note in reported("colossus-1").notes)


def test_partitions_are_searched_pool_by_pool():
    study = studied("colossus-1", scenario="partitions", top=1)
    assert [job.name for job in study.jobs] == ["training: h100", "training: h200", "training: gb200"]
    assert [job.stands_for for job in study.jobs] == ["", "", ""]
    report = reported("colossus-1", scenario="partitions", top=1)
    assert report.undefined["layout.best_step_time_s"].startswith("several searches")
    assert [row["job"] for row in table(report)] == [job.name for job in study.jobs] * 2


JOBS = """
name: x
pools: [{gpu: h100-sxm, count: 64}, {gpu: h200-sxm, count: 64}]
jobs:
  - {name: one, pools: [h100-sxm], model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304}
  - {name: two, pools: [h200-sxm], model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304}
"""


def test_several_jobs_are_searched_each_or_one_by_name():
    assert [job.name for job in studied(text=JOBS).jobs] == ["one", "two"]
    assert [job.name for job in studied(text=JOBS, job="two").jobs] == ["two"]
    assert "layout.best_step_time_s" in reported(text=JOBS, job="two").metrics
    with pytest.raises(ColocalcError, match=r"no job is called \"tow\"; did you mean two"):
        studied(text=JOBS, job="tow")


def test_experts_have_ranks_of_their_own():
    sets = ("training.model=deepseek-v3", "pools.h100.count=2048", "training.layout=auto")
    report = reported(META, *sets, allow=["ep=8"])
    assert {row["ep_count"] for row in table(report)} == {8.0}
    assert "ep 8" in report.headline[0]


# What cannot be searched


def test_a_fleet_that_trains_nothing_says_so():
    report = reported("orbital-1gw")
    assert report.headline[0].startswith("There is no layout to search: needs training")
    assert report.tables == ()
    assert {name for name in report.undefined if name.startswith("layout.")} >= {
        "layout.best_step_time_s",
        "layout.given_behind_share",
        "layout.fitting_count",
    }


@pytest.mark.parametrize("training", ["{}", "{layout: {tp: 8}}", "{model: llama-3.1-8b}"])
def test_a_job_without_a_model_or_a_batch_says_what_it_needs(training):
    report = reported(text=f"name: x\npools: [{{gpu: h100-sxm, count: 64}}]\ntraining: {training}\n")
    assert report.headline[0].startswith("There is no layout to search: needs training.model")
    assert report.undefined["layout.best_step_time_s"].startswith("needs training.model")


def test_when_nothing_fits_the_leanest_says_what_binds_and_by_how_much():
    report = reported(META, memory_share=0.01)
    assert report.headline[0].startswith("No layout fits in 1.0% of 80 GB. The leanest, tp ")
    assert "GB too much; most of it is buffers." in report.headline[0]
    assert report.metrics["layout.fitting_count"] == 0.0
    assert report.undefined["layout.best_step_time_s"] == "no layout fits in memory"
    assert report.undefined["layout.given_behind_share"] == "the layout of the file does not fit, or none does"
    assert [row["given"] for row in table(report)] == [True]


def test_a_layout_of_the_file_that_does_not_fit_has_no_place():
    report = reported(META, memory_share=0.5)
    assert report.headline[1].endswith("It does not fit: 83.6% of the memory.")
    assert table(report)[-1]["rank_count"] is None


def test_nothing_that_divides_says_so():
    report = reported(META, allow=["tp=7"])
    assert report.headline[0] == "No layout of those allowed divides the GPUs, the model and the batch."
    assert report.metrics["layout.enumerated_count"] == 0.0


def test_a_layout_larger_than_its_pools_is_told():
    text = """
name: x
pools: [{gpu: h100-sxm, count: 8, name: a}, {gpu: h200-sxm, count: 8, name: b}]
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304, split: stages, layout: {tp: 8, pp: 2}}
"""
    report = reported(text=text)
    assert report.headline[1] == "The layout of the file makes no whole replica."
    assert report.undefined["layout.given_step_time_s"]


# The command line


def test_json_has_raw_numbers_and_the_same_every_time(colocalc):
    first, again = (colocalc("layout", META, "--top", 3, "--format", "json") for _ in range(2))
    assert first.out == again.out
    told = json.loads(first.out)
    assert told["command"] == "layout"
    assert len(told["tables"]["layouts"]) == 4
    assert told["metrics"]["layout.best_step_time_s"] == pytest.approx(told["tables"]["layouts"][0]["step_time_s"])
    assert told["metrics"]["layout.given_behind_share"] == pytest.approx(0.126, abs=0.002)
    assert told["units"]["layout.best_step_time_s"] == "s"
    assert {"search.memory_limit_share", "search.gpu_rest_share"} <= {row["path"] for row in told["assumptions"]}


@pytest.mark.parametrize("place", [META, "colossus-1", "xai-total", "megascale-12k", "startup-64-h200"])
def test_a_terminal_of_80_columns_shows_a_layout_in_one_line(colocalc, place):
    run = colocalc("layout", place, columns=80)
    assert run.code == 0
    assert max(map(len, run.out.splitlines())) <= 80
    header = next(line for line in run.out.splitlines() if line.split()[1:3] == ["tp", "pp"])
    assert header.endswith("Binds")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--allow", "tp=x"], '--allow tp=x: tp is a whole number from 1 up; not "x"'),
        (["--allow", "tp=0"], '--allow tp=0: tp is a whole number from 1 up; not "0"'),
        (["--allow", "tp=-8"], '--allow tp=-8: tp is a whole number from 1 up; not "-8"'),
        (["--allow", "tp="], '--allow tp=: tp is a whole number from 1 up; not ""'),
        (["--allow", "tp=8,"], '--allow tp=8,: tp is a whole number from 1 up; not ""'),
        (["--allow", "tp=" + "9" * 30], f'--allow tp={"9" * 30}: tp is a whole number from 1 up; not "{"9" * 30}"'),
        (["--allow", "tp=٣"], '--allow tp=٣: tp is a whole number from 1 up; not "٣"'),
        (["--allow", "zero_stage=4"], '--allow zero_stage=4: zero_stage is 0, 1, 2 or 3; not "4"'),
        (["--allow", "tpp=8"], '--allow tpp=8: no part of a layout is called "tpp"; did you mean tp?'),
        (
            ["--allow", "colour=red"],
            '--allow colour=red: no part of a layout is called "colour"; ' + PARTS,
        ),
        (
            ["--allow", "recompute=sel"],
            '--allow recompute=sel: recompute is searched with none, selective, full; not "sel"',
        ),
        (
            ["--allow", "schedule=gpipe"],
            '--allow schedule=gpipe: schedule is searched with 1f1b, zb-h1, zb-v; not "gpipe"',
        ),
        (
            ["--allow", "tp\x1b[31m=8"],
            '--allow tp\\x1b[31m=8: no part of a layout is called "tp\\x1b[31m"; ' + PARTS,
        ),
        (["--top", "0"], "--top: should be at least 1, not 0"),
        (["--top", "-1"], "--top: should be at least 1, not -1"),
        (["--memory", "0"], "--memory: should be a share above 0, such as 0.9; not 0"),
        (["--memory", "nan"], "--memory: should be a share above 0, such as 0.9; not nan"),
        (["--memory", "inf"], "--memory: should be a share above 0, such as 0.9; not inf"),
        (["--job", "training-2"], '--job: no job is called "training-2"; did you mean training?'),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_what_cannot_be_asked_is_refused_with_its_reason(colocalc, arguments, message):
    run = colocalc("layout", META, *arguments)
    assert (run.code, run.out, run.err.strip()) == (2, "", message)


def test_a_key_alone_is_no_choice(colocalc):
    run = colocalc("layout", META, "--allow", "tp")
    assert run.code == 2
    assert run.err.startswith("--allow tp: should be KEY=VALUE; did you mean tp?")


def test_more_than_fit_are_all_that_fit(colocalc):
    run = colocalc("layout", META, "--top", 1_000_000, "--allow", "tp=8", "--allow", "cp=1", "--format", "json")
    told = json.loads(run.out)
    assert len(told["tables"]["layouts"]) == told["metrics"]["layout.fitting_count"] + 1


@pytest.mark.parametrize("place", ["orbital-1gw", "spacex-filing-325k"])
def test_a_fleet_without_training_exits_quietly(colocalc, place):
    run = colocalc("layout", place, "--format", "json")
    assert run.code == 0
    assert "layout.best_step_time_s" in json.loads(run.out)["undefined"]


def test_the_search_leaves_the_case_as_it_was():
    variants = variants_of()
    before = variants.case
    searched(variants)
    assert lower(variants.fleet, CATALOG).assumptions == before.assumptions
