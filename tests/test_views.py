"""What the tables and warnings of each report say, read from JSON as a program would."""

import csv
import io
import json
import math
import re
from functools import cache

import pytest

from colocalc.catalog import load_catalog
from colocalc.metrics import H100E_BASES, STAGES
from colocalc.report import to_csv, to_json, to_markdown, to_terminal, views
from colocalc.study.check import judged
from colocalc.study.claims import weigh
from colocalc.study.evaluate import evaluate
from colocalc.study.needed import needed
from colocalc.study.training import alternatives
from colocalc.units import UNITS
from colocalc.variants import Variants

SAMPLES = ("colossus-1", "meta-llama3-16k", "neocloud-1k-h100")
SCENARIOS = (None, "gb200-30k", "superchips", "partitions", "tree", "flat-ring", "isolation", "immature", "mature")
SPLITS = ["equal", "proportional", "memory", "stages", "partitions", "drop-slow"]
ALGORITHMS = ["ring", "tree", "hierarchical", "in-network", "torus", "pat"]
POLICIES = ["job", "replica", "hot-spare"]

TRAINING = """
name: small
pools: [{pools}]
training:
  model: llama-3.1-70b
  precision: {precision}
  sequence_tokens: 8192
  global_batch_tokens: 8388608
  layout: {{tp: 8, pp: 1}}
"""


@pytest.fixture
def told(recalled):
    """The JSON of a run that went well."""

    def tell(*arguments, stdin=b""):
        run = recalled(*arguments, "--format", "json", stdin=stdin)
        assert run.code == 0, run.err
        return json.loads(run.out)

    return tell


def warnings(document):
    return [note["text"] for note in document["notes"] if note["kind"] == "warning"]


def used(rows, key):
    return [row[key] for row in rows if row["used"]]


def small(pools, precision="bf16"):
    return TRAINING.format(pools=pools, precision=precision).encode()


# The waterfall


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_waterfall_is_the_stages_in_order_and_then_three_levels(told, sample):
    rows = told("mfu", sample)["tables"]["waterfall"]

    assert [row["stage"] for row in rows] == [*STAGES, "step MFU", "job MFU", "fleet MFU"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_running_product_of_the_waterfall_is_the_metric(told, scenario):
    document = told("mfu", "colossus-1", *(("--scenario", scenario) if scenario else ()))
    rows = {row["stage"]: row for row in document["tables"]["waterfall"]}
    product = 1.0
    for stage in STAGES:
        product *= document["metrics"][f"mfu.stage.{stage}_factor"]
        assert rows[stage]["mfu_share"] == pytest.approx(product, rel=1e-12)

    levels = {"step MFU": "software", "job MFU": "goodput", "fleet MFU": "allocation"}
    for level, last in levels.items():
        assert rows[level]["mfu_share"] == pytest.approx(rows[last]["mfu_share"], rel=1e-12)
        assert rows[level]["mfu_share"] == document["metrics"][f"mfu.{level.split()[0]}_share"]


def test_the_factors_of_the_waterfall_are_the_metrics(told):
    document = told("mfu", "colossus-1")

    for row in document["tables"]["waterfall"][: len(STAGES)]:
        assert row["factor"] == document["metrics"][f"mfu.stage.{row['stage']}_factor"]


def test_the_shares_of_the_loss_are_those_of_the_logarithm_and_sum_to_one(told):
    document = told("mfu", "colossus-1")
    rows = document["tables"]["waterfall"][: len(STAGES)]

    assert sum(row["log_share"] for row in rows) == pytest.approx(1.0, rel=1e-12)
    whole = math.log(document["metrics"]["mfu.fleet_share"])
    for row in rows:
        assert row["log_share"] == pytest.approx(math.log(row["factor"]) / whole, abs=1e-12)


def test_every_stage_says_what_it_came_from(told):
    assert all(row["came_from"] for row in told("mfu", "colossus-1")["tables"]["waterfall"])


def test_a_measured_stage_says_so_and_takes_the_measured_value(told):
    document = told("mfu", "colossus-1", "--set", "training.measured.bubble_factor=0.5")
    row = next(row for row in document["tables"]["waterfall"] if row["stage"] == "bubble")

    assert row["factor"] == 0.5
    assert row["came_from"] == "measured: training.measured"


def test_a_stage_without_a_model_counts_as_one_and_says_so(told):
    fleet = b"name: m\npools: [{gpu: h100-sxm, count: 64}]\ntraining: {measured: {ceiling_factor: 0.5}}\n"
    document = told("mfu", "-", stdin=fleet)
    rows = {row["stage"]: row for row in document["tables"]["waterfall"]}

    assert rows["bubble"]["factor"] is None
    assert rows["bubble"]["came_from"] == "not modelled: counts as 1"
    assert rows["bubble"]["mfu_share"] == rows["tensor_context_expert"]["mfu_share"]
    assert rows["ceiling"]["mfu_share"] == 0.5
    assert rows["step MFU"]["mfu_share"] == document["metrics"]["mfu.step_share"]


# The alternatives


@pytest.mark.parametrize(
    ("table", "key", "names"),
    [("splits", "split", SPLITS), ("algorithms", "algorithm", ALGORITHMS), ("recovery", "isolation", POLICIES)],
)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_choice_has_a_row_and_one_of_them_is_used(told, scenario, table, key, names):
    rows = told("mfu", "colossus-1", *(("--scenario", scenario) if scenario else ()))["tables"][table]

    assert [row[key] for row in rows] == names
    assert len(used(rows, key)) == 1


@pytest.mark.parametrize(
    ("table", "key", "setting", "names"),
    [
        ("splits", "split", "training.split", ["equal", "proportional", "memory", "partitions", "drop-slow"]),
        ("recovery", "isolation", "reliability.isolation", POLICIES),
        ("algorithms", "algorithm", "network.algorithm", ["ring", "hierarchical", "pat"]),
    ],
)
def test_the_row_used_is_the_one_the_file_names(told, table, key, setting, names):
    for name in names:
        assert used(told("mfu", "colossus-1", "--set", f"{setting}={name}")["tables"][table], key) == [name]


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_algorithm_used_under_auto_is_the_one_the_report_names(told, sample):
    document = told("mfu", sample)
    (chosen,) = used(document["tables"]["algorithms"], "algorithm")
    stage = next(row for row in document["tables"]["waterfall"] if row["stage"] == "data_parallel")

    assert stage["came_from"].startswith(f"{chosen} over ")


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_algorithm_used_under_auto_takes_the_least_time(told, sample):
    rows = told("mfu", sample)["tables"]["algorithms"]
    known = {row["algorithm"]: row["exchange_s"] for row in rows if row["exchange_s"] is not None}

    assert used(rows, "algorithm") == [min(known, key=known.get)]


def test_a_flat_communicator_uses_a_ring_and_has_nothing_else(told):
    rows = told("mfu", "colossus-1", "--scenario", "flat-ring")["tables"]["algorithms"]

    assert used(rows, "algorithm") == ["ring"]
    assert all("a flat communicator is a ring" in row["note"] for row in rows[1:])


@pytest.mark.parametrize(
    ("table", "key"), [("splits", "split"), ("algorithms", "algorithm"), ("recovery", "isolation")]
)
def test_the_row_used_has_the_mfu_of_the_report(told, table, key):
    document = told("mfu", "colossus-1")
    (row,) = [row for row in document["tables"][table] if row["used"]]

    levels = {"step_share", "job_share", "fleet_share"} & set(row)
    assert levels
    for level in levels:
        assert row[level] == pytest.approx(document["metrics"][f"mfu.{level}"], rel=1e-12)


@pytest.mark.parametrize(
    ("table", "key", "setting", "other"),
    [
        ("splits", "split", "training.split", "proportional"),
        ("splits", "split", "training.split", "partitions"),
        ("algorithms", "algorithm", "network.algorithm", "ring"),
        ("recovery", "isolation", "reliability.isolation", "hot-spare"),
    ],
)
def test_an_alternative_is_what_the_report_would_say_with_it(told, table, key, setting, other):
    (row,) = [row for row in told("mfu", "colossus-1")["tables"][table] if row[key] == other]
    chosen = told("mfu", "colossus-1", "--set", f"{setting}={other}")["metrics"]

    for level in {"step_share", "job_share", "fleet_share"} & set(row):
        assert row[level] == pytest.approx(chosen[f"mfu.{level}"], rel=1e-12)


def test_what_is_not_available_says_why_and_has_no_numbers(told):
    rows = {row["algorithm"]: row for row in told("mfu", "colossus-1")["tables"]["algorithms"]}

    assert rows["torus"]["note"].startswith("not available: ")
    assert "torus" in rows["torus"]["note"]
    assert rows["torus"]["exchange_s"] is None
    assert rows["torus"]["step_share"] is None


def test_jobs_with_choices_of_their_own_each_have_a_row(told):
    job = "model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 8388608, layout: {tp: 8}"
    fleet = f"""
name: two
pools: [{{name: a, gpu: h100-sxm, count: 1024}}, {{name: b, gpu: h200-sxm, count: 512}}]
jobs: [{{name: x, pools: [a], {job}}}, {{name: y, pools: [b], {job}, split: proportional}}]
"""
    document = told("report", "-", stdin=fleet.encode())

    assert [(row["job"], row["gpu_count"]) for row in document["tables"]["jobs"]] == [("x", 1024.0), ("y", 512.0)]
    assert document["undefined"]["mfu.step_time_s"] == "several jobs: see the table of jobs"
    assert "mfu.step_share" in document["metrics"]


# The lease and the hedge


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_revenue_of_the_pools_sums_to_the_total(told, sample):
    document = told("lease", sample)
    *pools, total = document["tables"]["revenue"]

    assert total["pool"] == "total"
    for key in ("run_rate_revenue_usd_per_yr", "revenue_share", "gpu_count"):
        assert sum(row[key] for row in pools) == pytest.approx(total[key], rel=1e-12)
    assert total["run_rate_revenue_usd_per_yr"] == document["metrics"]["lease.run_rate_revenue_usd_per_yr"]
    assert total["rate_usd_per_gpu_h"] == document["metrics"]["lease.mean_rate_usd_per_gpu_h"]


def test_each_pool_earns_its_rate_for_the_hours_billed(told):
    for row in told("lease", "colossus-1", "--set", "lease.billed_share=0.9")["tables"]["revenue"]:
        hours = row["gpu_count"] * 8_760 * row["billed_share"]
        assert row["billed_share"] == pytest.approx(0.9, rel=1e-12)
        assert row["run_rate_revenue_usd_per_yr"] == pytest.approx(hours * row["rate_usd_per_gpu_h"], rel=1e-12)


def test_each_rate_says_which_card_term_and_date_it_is_from(told):
    pools = told("lease", "colossus-1")["tables"]["revenue"][:-1]

    assert [row["rate_from"] for row in pools] == ["story-2026-05, on-demand, 2026-05-08"] * 3


def test_a_pool_under_no_contract_earns_nothing_and_is_named(told):
    fleet = b"""
name: half
pools: [{name: a, gpu: h100-sxm, count: 100}, {name: b, gpu: h200-sxm, count: 50}]
contracts: [{name: one, pools: [a], rate_usd_per_gpu_h: 2}]
"""
    document = told("lease", "-", stdin=fleet)
    rows = {row["pool"]: row for row in document["tables"]["revenue"]}

    assert rows["b"]["run_rate_revenue_usd_per_yr"] == 0.0
    assert rows["b"]["rate_from"] == "no contract"
    assert rows["total"]["run_rate_revenue_usd_per_yr"] == pytest.approx(100 * 8_760 * 2, rel=1e-12)
    assert any(line.startswith("no contract covers b: they earn nothing here") for line in warnings(document))


def test_a_monthly_fee_becomes_a_rate_over_the_hours_billed(told):
    fleet = b"name: f\npools: [{gpu: h100-sxm, count: 100}]\nlease: {fee_usd_per_month: 146000}\n"
    row = told("lease", "-", stdin=fleet)["tables"]["revenue"][0]

    # 12 x 146,000 / (100 x 8,760)
    assert row["rate_usd_per_gpu_h"] == pytest.approx(2.0, rel=1e-12)
    assert row["rate_from"] == "monthly fee"


def test_without_a_site_the_power_of_a_lease_is_undefined_and_said(told):
    document = told("lease", "meta-llama3-16k")

    assert "no site is given: power cost, contribution and revenue per megawatt are undefined" in warnings(document)
    for name in ("power_cost_usd_per_yr", "contribution_usd_per_yr", "revenue_usd_per_mw_yr", "facility_power_mw"):
        assert document["undefined"][f"lease.{name}"] == "needs a site with facility_power_mw or it_power_mw"


def test_a_site_without_megawatts_has_them_derived_and_said(told):
    fleet = b"name: s\npools: [{gpu: h100-sxm, count: 100}]\nlease: {rate_usd_per_gpu_h: 2}\nsites: {main: {pue_factor: 1.2}}\n"
    document = told("lease", "-", stdin=fleet)

    assert "site main: no megawatts are given; its power is the servers' typical draw times PUE" in warnings(document)
    assert document["metrics"]["lease.facility_power_mw"] > 0.0


def test_the_hedge_has_four_rows_and_one_needs_debt(told):
    document = told("hedge", "colossus-1")
    rows = {row["kind"]: row for row in document["tables"]["hedge"]}

    assert list(rows) == ["gross", "contribution", "ebit", "cash"]
    for kind in ("gross", "contribution", "ebit"):
        assert rows[kind]["hedge_share"] == document["metrics"][f"hedge.{kind}_share"]
        assert rows[kind]["cover_rate_usd_per_gpu_h"] == document["metrics"][f"hedge.{kind}_cover_rate_usd_per_gpu_h"]
    assert rows["cash"]["hedge_share"] is None
    assert rows["cash"]["deducts"] == "undefined: needs debt"


def test_the_contribution_says_what_it_deducts_and_what_the_loss_holds_already(told):
    row = told("hedge", "neocloud-1k-h100", "--set", "finance.loss_contains=[power]")["tables"]["hedge"][1]

    assert row["deducts"] == "operations, colocation; already in the loss: power"


@pytest.mark.parametrize("loss", ["0", "-5"])
def test_no_loss_is_nothing_to_hedge(told, loss):
    document = told("hedge", "colossus-1", "--set", f"finance.loss_usd={loss}")

    assert "zero or less, so there is nothing to hedge" in document["headline"][0]
    assert document["undefined"]["hedge.gross_share"] == "the stated loss is zero or less"
    assert all(row["hedge_share"] is None for row in document["tables"]["hedge"])


def test_the_headline_of_a_hedge_is_silent_on_costs_nobody_knows(told):
    fleet = b"""
name: no-site
pools: [{gpu: h100-sxm, count: 100}]
lease: {rate_usd_per_gpu_h: 2}
finance: {loss_usd: 876000, loss_months: 12}
"""
    document = told("hedge", "-", stdin=fleet)

    # 100 x 8,760 x 2 over 876,000
    assert document["metrics"]["hedge.gross_share"] == pytest.approx(2.0, rel=1e-12)
    assert document["headline"][0] == "The lease covers 200.0% of the loss of $876,000/yr gross."
    assert "hedge.contribution_share" in document["undefined"]


# H100-equivalents


def test_each_basis_has_a_row_that_holds_its_metrics(told):
    document = told("h100e", "colossus-1")
    rows = document["tables"]["h100e"]

    assert [row["basis"] for row in rows] == list(H100E_BASES)
    for row in rows:
        for key, metric in (("h100e_count", "count"), ("total_share", "total_share"), ("h100e_per_mw", "per_mw")):
            assert row[key] == document["metrics"].get(f"h100e.{row['basis']}_{metric}")
    # No H200 or GB200 was submitted to the first two, no GB200 to the last two.
    assert {row["basis"] for row in rows if row["h100e_count"] is None} == {
        "mlperf_training_gpt3_v4_1",
        "mlperf_training_bert_v2_1",
        "mlperf_inference_8b_offline_v5_1",
        "mlperf_inference_8b_server_v5_1",
    }


def test_the_pools_sum_to_the_fleet_on_every_basis(told):
    tables = told("h100e", "colossus-1")["tables"]
    totals = {row["basis"]: row["h100e_count"] for row in tables["h100e"]}

    for row in tables["h100e_pools"]:
        parts = [row[f"{pool}_count"] for pool in ("h100", "h200", "gb200")]
        total = totals[row["basis"]]
        assert (None in parts) == (total is None)
        assert total is None or sum(parts) == pytest.approx(total, rel=1e-12)


def test_many_pools_stand_one_below_the_other(told):
    pools = ", ".join(f"{{name: p{number}, gpu: h100-sxm, count: 8}}" for number in range(12))
    rows = told("h100e", "-", stdin=f"name: many\npools: [{pools}]\n".encode())["tables"]["h100e_pools"]

    assert [(row["pool"], row["basis"]) for row in rows] == [
        (f"p{number}", basis) for number in range(12) for basis in H100E_BASES
    ]


def test_mixed_units_are_called_out_where_a_total_is_stated(told):
    (warning,) = [text for text in warnings(told("h100e", "colossus-1")) if text.startswith("mixed units")]

    assert "in one unit it is 45.6% (eight_bit_dense)" in warning


@pytest.mark.parametrize(
    ("pools", "finance"),
    [
        ("{gpu: h100-sxm, count: 100}, {gpu: b200-sxm, count: 10}", ""),
        ("{gpu: h100-sxm, count: 100}", "finance: {total_h100e_count: 1000}"),
    ],
    ids=["no total", "one unit"],
)
def test_units_that_are_not_mixed_get_no_warning(told, pools, finance):
    document = told("h100e", "-", stdin=f"name: x\npools: [{pools}]\n{finance}\n".encode())

    assert not [text for text in warnings(document) if "mixed units" in text]


def test_a_basis_without_a_row_for_a_gpu_is_undefined_and_never_one(told):
    document = told("h100e", "-", stdin=b"name: a\npools: [{gpu: a100-sxm-80gb, count: 10}]\n")

    measured = [row for row in document["tables"]["h100e"] if row["basis"].startswith("mlperf_")]
    assert len(measured) == 12
    for row in measured:
        if row["basis"] == "mlperf_training_bert_v2_1":  # the one an A100 has a row of
            assert row["h100e_count"] == pytest.approx(10 * 51.04 / 135.04, rel=1e-12)
            continue
        assert row["h100e_count"] is None
        assert document["undefined"][f"h100e.{row['basis']}_count"] == f"no {row['basis']} row for a100-sxm-80gb"


# Warnings


@pytest.mark.parametrize(("batch", "count"), [(14_065_664, 1), (42_196_992, 3)])
def test_fewer_than_four_micro_batches_are_warned_of(told, batch, count):
    document = told("mfu", "colossus-1", "--set", f"training.global_batch_tokens={batch}")

    # 1,717 replicas x 8,192 tokens x count
    assert document["metrics"]["mfu.micro_batch_count"] == count
    (warning,) = [text for text in warnings(document) if "per replica, fewer than 4" in text]
    assert warning.startswith(f"training: {count} micro-batch")


def test_four_micro_batches_are_enough(told):
    document = told("mfu", "colossus-1", "--set", "training.global_batch_tokens=56262656")

    assert document["metrics"]["mfu.micro_batch_count"] == 4
    assert not any("fewer than" in text for text in warnings(document))


def test_gpus_left_over_are_warned_of_and_counted(told):
    document = told("mfu", "colossus-1")

    # 150,000 mod 128 + 50,000 mod 128 + 20,000 mod 128
    assert document["tables"]["jobs"][0]["idle_gpu_count"] == 112 + 80 + 32
    assert "training: 224 GPUs are left over by the layout; they count in the denominator" in warnings(document)


def test_a_layout_that_fits_leaves_nothing_over_and_says_nothing(told):
    document = told("mfu", "meta-llama3-16k")

    assert document["tables"]["jobs"][0]["idle_gpu_count"] == 0.0
    assert not any("left over" in text for text in warnings(document))


def test_a_peak_of_another_precision_is_warned_of(told):
    pools = "{gpu: a100-sxm-80gb, count: 64}, {gpu: h100-sxm, count: 64}"
    document = told("mfu", "-", stdin=small(pools, precision="fp8"))

    (warning,) = [text for text in warnings(document) if "another precision" in text]
    assert warning.startswith("a100-sxm-80gb has no fp8 peak: ")
    assert " at bf16 " in warning


def test_a_peak_of_the_jobs_own_precision_is_not(told):
    document = told("mfu", "-", stdin=small("{gpu: h100-sxm, count: 64}", precision="fp8"))

    assert not any("precision" in text for text in warnings(document))


@pytest.mark.parametrize("command", ["mfu", "lease", "h100e", "report"])
def test_a_count_that_may_mean_superchips_is_warned_of(told, command):
    document = told(command, "-", stdin=small("{name: g, gpu: gb200-nvl72, count: 72}"))

    (warning,) = [text for text in warnings(document) if "superchips" in text]
    assert warning.startswith("pool g: the count may mean GPUs or superchips")
    assert warning.endswith("Read as 72 GPUs, not 144 GPUs if superchips are counted")


@pytest.mark.parametrize(("counted_as", "gpus"), [("gpu", 72), ("superchip", 144), ("rack", 5_184)])
def test_a_count_that_says_what_it_counts_is_not(told, counted_as, gpus):
    document = told("h100e", "-", stdin=small(f"{{gpu: gb200-nvl72, count: 72, counted_as: {counted_as}}}"))

    assert document["metrics"]["fleet.gpu_count"] == gpus
    assert not any("superchips" in text for text in warnings(document))


def test_the_report_says_each_thing_once(told):
    texts = [note["text"] for note in told("report", "colossus-1")["notes"]]

    assert len(set(texts)) == len(texts)


def test_warnings_come_before_notes_of_the_file(told):
    kinds = [note["kind"] for note in told("report", "colossus-1")["notes"]]

    assert kinds == sorted(kinds, reverse=True)


# Expectations


def test_an_expectation_has_a_row_that_says_whether_it_holds_and_why(told):
    rows = told("report", "colossus-1")["tables"]["expectations"]

    assert [row["expectation"] for row in rows] == ["lease.run_rate_revenue_usd_per_yr > 5e9", "hedge.gross_share < 1"]
    assert all(row["holds"] is True and row["reason"] for row in rows)


def test_the_check_counts_what_it_looked_at(told):
    assert told("check", "colossus-1")["headline"] == [
        "3 pools, 1 training job, 16 scenarios: no faults.",
        "2 of 2 expectations hold.",
        (
            "Of 35 claims, 18 hold, 1 mixes units, 15 do not hold, 1 is not covered. Of those that hold, 5 only as the "
            "file gives them."
        ),
    ]


def test_a_file_that_expects_nothing_says_so(told):
    document = told("check", "-", stdin=b"name: x\npools: [{gpu: h100-sxm, count: 1}]\n")

    assert document["headline"] == ["1 pool, 0 training jobs, 0 scenarios: no faults.", "The file expects nothing."]
    assert document["tables"] == {}


# Claims, weighed


@cache
def weighed(command, name="colossus-1"):
    """The report of a sample that the command line would write, weighed once for all forms of it."""
    variants = Variants(name, load_catalog())
    case, claims = variants.case, variants.fleet.claims
    result, verdicts = evaluate(case), weigh(claims, variants)
    checked = judged(result, variants.fleet.expect, pools=case.pools.names)
    if command == "check":
        return views.check(case, result, variants.loaded.catalog, checked=checked, verdicts=verdicts)
    return views.report(
        case,
        result,
        variants.loaded.catalog,
        others=tuple(alternatives(case, result.training)),
        checked=checked,
        verdicts=verdicts,
        targets=needed(claims, variants),
    )


def claim_rows(report):
    return {row["claim"]: row for row in json.loads(to_json.render(report))["tables"]["claims"]}


def shown_tables(text):
    """Titles of the tables of a terminal report: a line, an empty one, and a rule two lines below."""
    lines = text.splitlines()
    return [line for line, rule in zip(lines, lines[3:], strict=False) if rule.startswith("──") and line]


def test_the_command_line_writes_the_report_that_is_looked_at_here(told):
    assert told("check", "colossus-1")["tables"]["claims"] == list(claim_rows(weighed("check")).values())


def test_the_verdicts_are_the_last_table_of_a_check_and_of_a_report():
    for command in ("check", "report"):
        assert weighed(command).tables[-1].key == "claims"
        assert list(json.loads(to_json.render(weighed(command)))["tables"])[-1] == "claims"


def test_a_check_and_a_report_have_the_same_verdicts():
    assert claim_rows(weighed("check")) == claim_rows(weighed("report"))
    assert weighed("check").headline[-1] == weighed("report").headline[-1]


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("command", ["check", "report"])
def test_a_terminal_ends_with_the_verdicts_before_assumptions_and_sources(command, columns):
    text = to_terminal.render(weighed(command), width=columns, color=False)
    (after,) = re.split(r"lies\s+within\s+5%\s+of\s+it\.", text)[1:]

    assert text.count("What was said, weighed\n") == 1
    assert shown_tables(after) == (["Sources"] if command == "check" else ["Assumptions", "Sources"])
    assert max(map(len, text.splitlines())) <= columns


@pytest.mark.parametrize("columns", [80, 200])
def test_every_claim_stands_in_the_terminal_under_its_whole_name(columns):
    text = to_terminal.render(weighed("check"), width=columns, color=False)
    first = [line.split(" ", 1)[0] for line in text.splitlines()]

    for claim in claim_rows(weighed("check")):
        assert first.count(claim) == 1, claim


def test_the_sentence_that_was_said_is_shown_where_there_is_room():
    wide, narrow = (to_terminal.render(weighed("check"), width=columns, color=False) for columns in (200, 80))

    assert "Said" in wide
    assert "Said" not in narrow
    assert "Because" in narrow


def test_a_row_holds_the_numbers_behind_the_verdict():
    row = claim_rows(weighed("check"))["hedge"]

    assert (row["verdict"], row["about"], row["unit"]) == ("does not hold", "hedge.gross_share", "share")
    # 220,000 x 8,760 x 2.60 over 6 billion; 1 and 5% of it
    assert row["value"] == row["low"] == row["high"] == pytest.approx(0.83512, rel=1e-12)
    assert (row["says_low"], row["says_high"]) == (pytest.approx(0.95), pytest.approx(1.05))
    # 6 billion over 1,927,200,000 GPU-hours
    assert (row["needs"], row["needs_unit"], row["needs_now"]) == ("lease.rate_usd_per_gpu_h", "usd_per_gpu_h", None)
    assert row["needs_value"] == pytest.approx(3.1133, abs=5e-5)
    assert (row["who"], row["date"], row["source"]) == ("Mirae Asset Securities", "2026-05-08", "mirae-2026-05")


def test_a_row_tells_a_band_a_scenario_and_what_it_is_held_against():
    rows = claim_rows(weighed("check"))

    assert rows["site-300mw-typical"]["low"] < rows["site-300mw-typical"]["value"] < rows["site-300mw-typical"]["high"]
    assert (rows["ring-cause"]["about"], rows["ring-cause"]["scenario"]) == ("cause data_parallel", "ring")
    assert (rows["tree-cure"]["scenario"], rows["tree-cure"]["relative_to"]) == ("tree", "ring-zero-0")
    assert rows["parts-apart"]["relative_to"] == "base"
    assert rows["hedge"]["scenario"] is rows["hedge"]["relative_to"] is None
    assert rows["fleet-mix"]["about"] == "pools.gb200.count"


def test_an_end_without_limit_is_null_and_never_a_number():
    rows = claim_rows(weighed("check"))

    assert (rows["site-300mw-typical"]["says_low"], rows["site-300mw-typical"]["says_high"]) == (None, 300.0)
    assert (rows["break-even"]["says_low"], rows["break-even"]["says_high"]) == (1.0, None)
    assert "Infinity" not in to_json.render(weighed("report"))
    assert not {"inf", "-inf", "nan"} & set(to_csv.render(weighed("check")).replace("\n", ",").split(","))


def test_what_is_not_covered_has_a_reason_and_no_numbers():
    row = claim_rows(weighed("check"))["cursor-10b"]

    assert row["verdict"] == "not covered"
    assert row["because"].startswith("SpaceX pays the 10 billion")
    for key in ("about", "value", "low", "high", "says_low", "says_high", "unit", "needs", "needs_value"):
        assert row[key] is None


def test_every_number_of_a_row_has_a_unit_that_is_known():
    for row in claim_rows(weighed("check")).values():
        assert (row["value"] is None) == (row["unit"] is None) or row["verdict"] == "not covered"
        assert row["unit"] is None or row["unit"] in UNITS
        assert row["needs"] is None or isinstance(row["needs_value"], float)


def test_a_csv_carries_every_row_and_column_of_the_verdicts():
    blocks = to_csv.render(weighed("check")).split("\n\n")
    (block,) = [block for block in blocks if block.startswith("table,claim,")]
    parsed = list(csv.DictReader(io.StringIO(block)))

    assert [row["claim"] for row in parsed] == list(claim_rows(weighed("check")))
    for row, known in zip(parsed, claim_rows(weighed("check")).values(), strict=True):
        assert row["verdict"] == known["verdict"]
        for key in ("value", "low", "high", "says_low", "says_high", "needs_value"):
            assert (float(row[key]) if row[key] else None) == known[key]


def test_markdown_shows_the_words_and_leaves_the_numbers_to_programs():
    text = to_markdown.render(weighed("check"))
    section = text.split("## What was said, weighed", 1)[1].split("\n## ", 1)[0]
    heading, _, *rows = [line for line in section.splitlines() if line.startswith("|")]

    assert heading == "| Claim | Verdict | Said | Because | Source |"
    assert [row.split(" | ")[1] for row in rows] == [row["verdict"] for row in claim_rows(weighed("check")).values()]
    assert "Mixes units: it equals a ratio of two kinds of count." in section


def test_a_source_that_a_claim_names_is_listed_with_its_title():
    document = json.loads(to_json.render(weighed("check")))

    for row in document["tables"]["claims"]:
        assert document["sources"][row["source"]], row["source"]


def test_the_sentence_begins_with_its_scenario_and_ends_with_the_note_of_the_file():
    rows = claim_rows(weighed("check"))

    assert rows["ring-cause"]["because"].startswith("In scenario ring: the stage data_parallel at 0.")
    assert rows["ring-cause"]["because"].endswith(". A data-parallel group has 1,717 ranks here, not 220,000")
    assert rows["hedge"]["because"].startswith("hedge.gross_share is 83.5%, not 100.0%; it would take ")
    assert not any(row["because"].endswith(".") for row in rows.values())


def test_one_claim_is_counted_as_one_and_several_as_several(told):
    fleet = "name: x\npools: [{{gpu: h100-sxm, count: 100}}]\nclaims: [{claims}]\n"
    one, other = "{metric: fleet.gpu_count, says: 100}", "{metric: fleet.gpu_count, says: 5}"

    def last(*claims):
        return told("check", "-", stdin=fleet.format(claims=", ".join(claims)).encode())["headline"][-1]

    assert last(one) == "Of 1 claim, 1 holds."
    assert last(one, one, other) == "Of 3 claims, 2 hold, 1 does not hold."
    assert last(other, other) == "Of 2 claims, 2 do not hold."


def test_a_claim_without_a_name_is_called_by_its_place(told):
    fleet = b"name: x\npools: [{gpu: h100-sxm, count: 1}]\nclaims: [{metric: fleet.gpu_count, says: 1}, {metric: fleet.gpu_count, says: 2}]\n"

    assert [row["claim"] for row in told("check", "-", stdin=fleet)["tables"]["claims"]] == ["0", "1"]


def test_a_metric_without_end_is_null_in_json_and_told_in_words(told):
    fleet = small("{gpu: h100-sxm, count: 64}") + b"reliability: {failures_per_1000_gpu_day: 0}\n"
    fleet += b"claims: [{id: never, metric: mfu.job_mttf_s, says: {at_least: 1e9}}]\n"
    (row,) = told("check", "-", stdin=fleet)["tables"]["claims"]

    assert (row["verdict"], row["value"], row["high"]) == ("holds", None, None)
    assert row["because"].startswith("mfu.job_mttf_s is infinite; ")


# Rate cards looked over by a check


def test_findings_on_cards_stand_first_and_are_warned_of_once(told):
    fleet = b"""
name: own
pools: [{gpu: h100-sxm, count: 8}]
lease: {rate_card: mine, term: 1-year}
cards:
  mine:
    as_of: 2026-01-31
    currency: usd
    rates: [{gpu: h100-sxm, term: 1-year, rate_usd_per_gpu_h: 1460}]
claims: [{metric: fleet.gpu_count, says: 8}]
"""
    document = told("check", "-", stdin=fleet)

    assert list(document["tables"]) == ["cards", "claims"]
    assert {row["card"] for row in document["tables"]["cards"]} == {"mine"}
    assert {row["kind"] for row in document["tables"]["cards"]} == {"band", "unit"}
    # 1,460 over 730 hours a month is 2 an hour
    assert any("month" in row["message"] and "$2.00" in row["message"] for row in document["tables"]["cards"])
    assert warnings(document).count("2 findings on rate cards: see the table") == 1


def test_cards_without_findings_have_no_table(told):
    fleet = b"name: x\npools: [{gpu: h100-sxm, count: 8}]\nlease: {rate_card: story-2026-05}\n"

    assert told("check", "-", stdin=fleet)["tables"] == {}
