"""The equation behind every number: its formula with its terms gives the number, and each term says where it is from."""

import json
import math
import re
from functools import cache
from types import SimpleNamespace

import pytest

from colocalc.case import lower
from colocalc.catalog import fleet_outlines, load_catalog
from colocalc.errors import ColocalcError
from colocalc.fleet import Fleet
from colocalc.loading import load_fleet
from colocalc.metrics import IN_TABLES, METRICS, STAGES, base_id
from colocalc.report import to_csv, to_json, to_markdown, to_terminal
from colocalc.report.views import explain as view
from colocalc.study.evaluate import evaluate
from colocalc.study.explain import WRITERS, explain
from colocalc.study.explain.formula import MOST_SHOWN, Draft, suffixes
from colocalc.study.explain.glossary import NEIGHBOURS, TERMS, neighbours

# All that a formula may call: no builtins, so that nothing but arithmetic can be evaluated.
NAMESPACE = {
    "__builtins__": {},
    "min": min,
    "max": max,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "round": round,
}
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WITHIN = 1e-9

SAMPLES = [(name, None) for name, _, _ in fleet_outlines()]
SCENARIOS = [
    ("colossus-1", scenario)
    for scenario in ("superchips", "partitions", "tree", "flat-ring", "isolation", "immature", "mature")
]

POOLS = """
pools:
  - {name: a, gpu: h100-sxm, count: 2_048}
  - {name: b, gpu: gb200-nvl72, count: 1_024, counted_as: superchip}
"""
SITE = "sites: {here: {facility_power_mw: 3, pue_factor: 1.25, energy_price_usd_per_mwh: 50}}"
MODEL = "model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 33_554_432"
TRAINING = f"training: {{{MODEL}, layout: {{tp: 8}}}}"
TWO_JOBS = f"""
jobs:
  - {{name: big, pools: [a], {MODEL}, layout: {{tp: 8}}, allocation_share: 0.9}}
  - {{name: other-one, pools: [b], {MODEL}, layout: {{tp: 4, pp: 2}}, measured: {{jitter_factor: 0.98}}}}
"""
CONTRACTS = """
contracts:
  - {name: x, pools: [a], rate_usd_per_gpu_h: 2, sold_share: 0.5, take_or_pay_share: 0.75}
  - {name: y, pools: [b], fee_usd_per_month: 1e6, billed_share: 0.5}
"""
COSTS = "costs: {operations_usd_per_yr: 1e6, colocation_usd_per_kw_month: 100}"
DEMAND = "costs: {demand_charge_usd_per_kw_month: 8}"
LOSS = "finance: {loss_usd: 1e7, loss_months: 6, loss_contains: [operations], total_h100e_count: 10_000}"

COSTS_OF_CAPITAL = """
costs:
  capital_usd_per_gpu: {h100-sxm: 3e4, gb200-nvl72: 6e4}
  network_usd_per_gpu: 4_000
  storage_usd_per_gpu: 500
  spares_share: 0.03
  data_centre_usd_per_mw: 1e7
  operations_usd_per_yr: 1e6
  colocation_usd_per_kw_month: 100
  demand_charge_usd_per_kw_month: 8
  maintenance_share_per_yr: 0.02
  replacement_share_per_yr: 0.03
  insurance_share_per_yr: 0.005
"""
REFERENCE = "finance: {reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2.65, mfu_share: 0.4}}"

VARIANTS = {
    "proportional": (POOLS, TRAINING.replace("layout", "split: proportional, layout")),
    "memory": (POOLS, TRAINING.replace("layout", "split: memory, layout")),
    "stages": (POOLS, TRAINING.replace("layout: {tp: 8}", "split: stages, layout: {tp: 8, pp: 8}")),
    "stages of one pool": (
        "pools: [{gpu: h100-sxm, count: 256}]",
        TRAINING.replace("layout: {tp: 8}", "split: stages, layout: {tp: 8, pp: 4}"),
    ),
    "drop-slow": (
        "pools: [{name: old, gpu: a100-sxm-80gb, count: 16}, {name: new, gpu: h100-sxm, count: 512}]",
        TRAINING.replace("layout", "split: drop-slow, layout"),
    ),
    "partitions": (POOLS, SITE, TRAINING.replace("layout", "split: partitions, layout")),
    "two jobs": (POOLS, SITE, TWO_JOBS),
    "two jobs, one without a model": (
        POOLS,
        f"jobs: [{{name: m, pools: [a], measured: {{ceiling_factor: 0.8}}}}, {{name: n, pools: [b], {MODEL}}}]",
    ),
    "too little power": (POOLS, SITE.replace("facility_power_mw: 3", "facility_power_mw: 2.2"), TRAINING),
    "no power at all": (POOLS, SITE.replace("facility_power_mw: 3", "it_power_mw: 0.01"), TRAINING),
    "power by the servers": (
        POOLS,
        "sites: {here: {pue_factor: 1.25, draw: nameplate}}",
        TRAINING,
        CONTRACTS,
        COSTS,
        LOSS,
    ),
    "IT power": (POOLS, "sites: {here: {it_power_mw: 4}}", TRAINING, CONTRACTS, COSTS, LOSS),
    "two sites": (
        "pools: [{name: a, gpu: h100-sxm, count: 512, site: s}, {name: b, gpu: h200-sxm, count: 512, site: fleet}]",
        "sites: {s: {facility_power_mw: 0.5}, fleet: {it_power_mw: 1}}",
        TRAINING,
        "contracts: [{name: half, pools: [a], rate_usd_per_gpu_h: 2}]",
        COSTS,
        LOSS,
    ),
    "orbit": (
        "pools: [{name: up, gpu: gb200-nvl72, count: 720, counted_as: gpu, site: o}]",
        "sites: {o: {kind: orbital, it_power_mw: 2, chip_temperature_k: 353, chip_to_radiator_drop_k: 20}}",
        TRAINING.replace("tp: 8", "tp: 4"),
    ),
    "contracts": (POOLS, SITE, CONTRACTS, COSTS, LOSS),
    "a fee over two pools": (POOLS, "lease: {fee_usd_per_month: 5e5, billed_share: 0.8}", LOSS),
    "a fee and nothing billed": (POOLS, "lease: {fee_usd_per_month: 5e5, billed_share: 0}"),
    "nothing billed": (POOLS, SITE, "lease: {rate_usd_per_gpu_h: 2, billed_share: 0}", LOSS),
    "full recompute": (POOLS, TRAINING.replace("tp: 8", "tp: 8, recompute: full")),
    "selective recompute, all attention": (
        POOLS,
        TRAINING.replace("layout: {tp: 8}", "attention_flops: full, layout: {tp: 8, recompute: selective}"),
    ),
    "sharded weights": (POOLS, TRAINING.replace("tp: 8", "tp: 1, zero_stage: 3")),
    "context": (POOLS, TRAINING.replace("tp: 8", "tp: 2, cp: 4, zero_stage: 0")),
    "measured": (
        POOLS,
        "training: {measured: {ceiling_factor: 0.7, bubble_factor: 0.9, goodput_factor: 0.8, allocation_factor: 0.6}}",
    ),
    "no failures": (POOLS, TRAINING, "reliability: {failures_per_1000_gpu_day: 0}"),
    "no failures, interval given": (
        POOLS,
        TRAINING,
        "reliability: {failures_per_1000_gpu_day: 0, checkpoint_interval_s: 3600}",
    ),
    "interval given": (POOLS, TRAINING, "reliability: {checkpoint_interval_s: 1800, isolation: job}"),
    "free checkpoints": (POOLS, TRAINING, "reliability: {checkpoint_s: 0, isolation: job}"),
    "endless checkpoints": (POOLS, TRAINING, "reliability: {checkpoint_s: 1e7, isolation: job}"),
    "endless restarts": (POOLS, TRAINING, "reliability: {restart_s: 1e8, isolation: job}"),
    "restarts near the end of doubles": (
        POOLS,
        TRAINING,
        "reliability: {restart_s: 3.15e7, failures_per_1000_gpu_day: 0.47, isolation: job}",
    ),
    "no 8 bits, no BF16, watts unknown": (
        """pools:
  - {name: volta, gpu: v100-sxm2-32gb, count: 64}
  - {name: tpu, gpu: tpu-v3, count: 128}
  - {name: cpx, gpu: rubin-cpx, count: 16}""",
        SITE,
        "contracts: [{name: x, pools: [volta, cpx], rate_usd_per_gpu_h: 1}]",
        COSTS,
        LOSS,
    ),
    "hot spare": (POOLS, TRAINING, "reliability: {isolation: hot-spare}"),
    "replicas": (POOLS, TRAINING, "reliability: {isolation: replica}"),
    "one replica": (
        "pools: [{gpu: h100-sxm, count: 8}]",
        TRAINING,
        "reliability: {isolation: replica, failures_per_1000_gpu_day: 3}",
    ),
    "train or lease": (
        POOLS,
        SITE,
        TRAINING,
        "lease: {rate_usd_per_gpu_h: 2}",
        REFERENCE,
        "inference: {model: deepseek-v3, precision: nvfp4, replica_gpu_count: 16}",
    ),
    "owning by its costs": (
        POOLS,
        SITE,
        TRAINING,
        CONTRACTS,
        REFERENCE.replace("reference", "discount_rate_share: 0, reference"),
        "costs: {capital_usd_per_gpu: {h100: 3e4, gb200-nvl72: 6e4}, data_centre_usd_per_mw: 1e7, operations_usd_per_yr: 1e6}",
        "inference: {model: llama-3.1-405b, precision: bf16, replica_gpu_count: 8}",
    ),
    "hours offered, a demand charge and shares of capital": (
        POOLS,
        SITE,
        CONTRACTS.replace("sold_share: 0.5", "available_share: 0.97, sold_share: 0.5"),
        COSTS_OF_CAPITAL,
        LOSS.replace("operations", "colocation"),
    ),
    "shares of capital, one of two pools": (
        "pools: [{name: a, gpu: h100-sxm, count: 512, site: s}, {name: b, gpu: h200-sxm, count: 512, site: fleet}]",
        "sites: {s: {facility_power_mw: 0.5}, fleet: {it_power_mw: 1}}",
        "contracts: [{name: half, pools: [a], rate_usd_per_gpu_h: 2, available_share: 0.9, billed_share: 0.8}]",
        """costs:
  capital_usd_per_gpu: {H100: 3e4}
  insurance_share_per_yr: 0.01
  data_centre_usd_per_mw: 1e7
  demand_charge_usd_per_kw_month: 12""",
        "finance: {loss_usd: 1e7}",
    ),
    "maintenance alone": (
        "pools: [{gpu: h100-sxm, count: 16}, {gpu: h200-sxm, count: 0}]",
        "lease: {rate_usd_per_gpu_h: 2}",
        "costs: {capital_usd_per_gpu: {h100-sxm: 3e4}, maintenance_share_per_yr: 0.02}",
        LOSS.replace("operations", "power"),
    ),
    "hardware without a price": (
        POOLS,
        SITE,
        "lease: {rate_usd_per_gpu_h: 2}",
        "costs: {maintenance_share_per_yr: 0.02}",
        LOSS.replace("operations", "power"),
    ),
    "months, debt and notice": (
        POOLS,
        SITE,
        """lease:
  rate_usd_per_gpu_h: 3
  months: 48
  ramp_months: 6
  notice: {months: 6, after_months: 24}
  market: {rate_usd_per_gpu_h: 1.5, months: 12}""",
        COSTS_OF_CAPITAL,
        "debt: {interest_share: 0.09, tenor_months: 48, target_dscr_factor: 1.3}",
        "finance: {discount_rate_share: 0.1, loss_usd: 1e7, valuation_usd: 1e9, valuation_multiple_factor: 5}",
    ),
    "owned, without a site": (
        "pools: [{gpu: h100-sxm, count: 16}, {gpu: h200-sxm, count: 5}, {gpu: mi300x, count: 0}]",
        "lease: {rate_usd_per_gpu_h: 2}",
        REFERENCE,
        "costs: {capital_usd_per_gpu: {h100-sxm: 3e4, h200-sxm: 3e4, mi300x: 1}, data_centre_usd_per_mw: 1e7}",
        "inference: {model: llama-3.1-70b, replica_gpu_count: 4}",
    ),
    "an empty pool": (
        "pools: [{name: a, gpu: h100-sxm, count: 64}, {name: none, gpu: mi300x, count: 0}]",
        TRAINING,
        "lease: {rate_usd_per_gpu_h: 2}",
    ),
    "alike names": (
        "pools: [{name: a-b, gpu: h100-sxm, count: 64}, {name: a_b, gpu: h200-sxm, count: 64}]",
        TRAINING,
        "lease: {rate_usd_per_gpu_h: 2}",
    ),
}
MANY = 12
MANY_POOLS = "pools: [" + ", ".join(f"{{name: p{n}, gpu: h100-sxm, count: {64 + n}}}" for n in range(MANY)) + "]"


def studied(loaded, scenario=None):
    case = lower(loaded.fleet, loaded.catalog, scenario=scenario)
    return SimpleNamespace(case=case, result=evaluate(case), catalog=loaded.catalog)


@cache
def sample(name, scenario=None):
    return studied(load_fleet(name, catalog=load_catalog(), scenario=scenario), scenario)


@cache
def fleet(*lines):
    text = "\n".join(("name: one", *lines))
    return studied(load_fleet("-", catalog=load_catalog(), stdin=text.encode()))


def told(metric, study):
    return explain(metric, study.case, study.result)


def value_of(formula):
    values = {term.symbol: term.value for term in formula.terms}
    return eval(formula.exact, NAMESPACE, values)  # noqa: S307 - a namespace without builtins


def wrong(study):
    """Metrics whose formula does not give their value, or which have no formula though they are finite."""
    found = []
    for metric, value in study.result.metrics.items():
        explanation = told(metric, study)
        if math.isinf(float(value)) or base_id(metric) in IN_TABLES:
            assert explanation.formula is None
            assert explanation.why_not
            continue
        computed = value_of(explanation.formula)
        if explanation.value != float(value) or not math.isclose(computed, float(value), rel_tol=WITHIN, abs_tol=0.0):
            found.append((metric, computed, float(value), explanation.formula.exact))
    return found


# Formula and value


@pytest.mark.parametrize(("name", "scenario"), [*SAMPLES, *SCENARIOS])
def test_every_formula_of_a_sample_gives_the_value_of_its_metric(name, scenario):
    assert wrong(sample(name, scenario)) == []


@pytest.mark.parametrize("lines", VARIANTS.values(), ids=VARIANTS)
def test_every_formula_gives_the_value_whatever_the_fleet(lines):
    assert wrong(fleet(*lines)) == []


def test_many_pools_change_nothing():
    assert wrong(fleet(MANY_POOLS, TRAINING, "lease: {rate_usd_per_gpu_h: 2}")) == []


@pytest.mark.parametrize("variant", ["partitions", "two jobs", "two jobs, one without a model"])
def test_every_formula_of_one_of_several_jobs_gives_its_factor(variant):
    parts = [part for stage in STAGES for part in told(stage, fleet(*VARIANTS[variant])).jobs]

    assert len({part.job for part in parts}) == 2
    assert [part for part in parts if not math.isclose(value_of(part.formula), part.value, rel_tol=WITHIN)] == []


def every_explanation(study):
    return [told(metric, study) for metric in study.result.metrics if base_id(metric) not in IN_TABLES]


@pytest.mark.parametrize("study", [("colossus-1", None), ("colossus-1", "partitions"), ("neocloud-1k-h100", None)])
def test_no_formula_stands_on_its_own_metric(study):
    for explanation in every_explanation(sample(*study)):
        assert explanation.metric not in [term.metric for term in explanation.formula.terms]


@pytest.mark.parametrize("lines", VARIANTS.values(), ids=VARIANTS)
def test_a_formula_names_its_terms_and_functions_and_nothing_else(lines):
    for explanation in every_explanation(fleet(*lines)):
        formula = explanation.formula
        if formula is not None:
            names = set(IDENTIFIER.findall(formula.exact))
            assert names - {"min", "max", "exp", "sqrt", "floor", "round"} == {term.symbol for term in formula.terms}


@pytest.mark.parametrize("study", [("colossus-1", None), ("neocloud-1k-h100", None), ("xai-total", None)])
def test_a_term_is_a_metric_of_the_result_or_has_assumptions_of_the_case_or_is_worked_out(study):
    found = sample(*study)
    known = {row.path: row for row in found.case.assumptions}
    for explanation in every_explanation(found):
        for term in explanation.formula.terms:
            assert term.meaning
            assert set(term.paths) <= set(known)
            assert not (term.metric and term.paths)
            if term.metric:
                assert term.value == float(found.result.metrics[term.metric])
            if not term.metric and len(term.paths) == 1 and term.origin != "computed":
                assert term.origin == known[term.paths[0]].origin
                assert term.source == (known[term.paths[0]].source or "")


def test_an_input_is_shown_as_it_was_given():
    terms = {term.symbol: term for term in told("hedge.gross_share", sample("colossus-1")).formula.terms}

    assert terms["loss"].value == 1.5e9
    assert terms["loss"].paths == ("finance.loss_usd",)
    assert (terms["loss"].origin, terms["loss"].source) == ("given", "mirae-2026-05")
    assert terms["loss"].comes_from == "finance.loss_usd"
    assert terms["revenue"].comes_from == "lease.run_rate_revenue_usd_per_yr"
    assert terms["revenue"].origin == "computed"


# Hand-worked formulas


def test_the_hedge_is_revenue_over_the_loss_scaled_to_a_year():
    explanation = told("hedge.gross_share", sample("colossus-1"))

    assert explanation.formula.exact == "revenue / (loss * 12 / months)"
    assert explanation.formula.substituted == "$5.011B/yr / ($1.500B * 12 / 3 months)"
    assert explanation.value == pytest.approx(0.83512, abs=1e-9)


def test_revenue_is_the_sum_over_the_pools():
    explanation = told("lease.run_rate_revenue_usd_per_yr", sample("colossus-1"))

    assert explanation.formula.exact == (
        "n_h100 * billed * 8760 * r_h100 + n_h200 * billed * 8760 * r_h200 + n_gb200 * billed * 8760 * r_gb200"
    )
    assert explanation.value == 8760 * (150_000 * 2.2 + 50_000 * 2.9 + 20_000 * 4.85)


def test_the_bubble_is_that_of_the_layout():
    explanation = told("bubble", sample("meta-llama3-16k"))
    terms = {term.symbol: term.value for term in explanation.formula.terms}

    assert explanation.metric == "mfu.stage.bubble_factor"
    assert explanation.formula.exact == "T / (T + k * (pp - 1) / vpp * busy + u)"
    assert "1.0000 * (16 - 1) / 8" in explanation.formula.substituted
    # Sends that nothing hides come on top of 15/8 micro-batches beside 16 of them and the optimizer.
    assert terms["T"] > 16 * terms["busy"]
    assert terms["T"] / (terms["T"] + 15 / 8 * terms["busy"]) > explanation.value > 0.95 / (1 + 15 / (8 * 16))


def test_tensor_parallelism_adds_what_is_seen_to_the_time_before_it():
    explanation = told("tensor_context_expert", sample("meta-llama3-16k"))
    terms = {term.symbol: term.value for term in explanation.formula.terms}

    assert explanation.formula.exact == "T / (T + m * (l * (t_tp + t_cp + t_ep) + u))"
    assert (terms["m"], terms["l"], terms["t_cp"], terms["t_ep"]) == (16, 126 / 16, 0, 0)
    # 10 passes, none hidden, of 7/8 of 8,192 x 16,384 activations of 2 bytes at 79% of 450 GB/s, and 8 us to start each.
    assert terms["t_tp"] == pytest.approx(10 * (7 / 8 * 8192 * 16384 * 2 / (0.79 * 450e9) + 8e-6), rel=1e-12)


def test_several_pools_are_weighed_by_their_peaks():
    formula = told("bubble", sample("colossus-1")).formula

    assert "each pool at its own pace" in formula.note
    assert "n_h100 * F_h100 * a_h100" in formula.exact
    assert {term.value for term in formula.terms if term.symbol.startswith("F_")} == {989.4, 2_500.0}


def test_data_parallelism_is_seen_in_part():
    formula = told("data_parallel", sample("colossus-1")).formula
    terms = {term.symbol: term.value for term in formula.terms}

    assert formula.exact == "T / (T + v * t)"
    assert told("mfu.data_parallel_s", sample("colossus-1")).formula.exact == "v * t"
    # Eight chunks: the last of them has nothing to run behind.
    assert terms["v"] == pytest.approx(1 / 8, rel=1e-9)


def test_slices_of_tpus_are_told_apart_from_the_exchange():
    formula = told("data_parallel", sample("google-palm-v4")).formula
    terms = {term.symbol: term.value for term in formula.terms}

    assert formula.exact == "T / ((T + v * t) * (1 + q))"
    assert (terms["v"], terms["q"]) == (1.0, 0.012)  # nothing ran behind compute in 2022; two slices


def test_goodput_is_dalys_form_for_a_job_and_the_isolation_form_for_replicas():
    assert told("goodput", sample("colossus-1")).formula.exact == "tau / (M * exp(R / M) * (exp((tau + w) / M) - 1))"
    isolated = told("goodput", sample("colossus-1", "isolation"))
    assert isolated.formula.exact == "exp(-S / M) * max(1 - repair / (M * d), 0)"
    assert isolated.formula.substituted == "exp(-3 min / 8.19 min) * max(1 - 10 min / (8.19 min * 1,717), 0)"
    assert told("goodput", fleet(*VARIANTS["hot spare"])).formula.exact == "exp(-S / M)"


@pytest.mark.parametrize(
    ("variant", "formula", "value"),
    [
        ("no failures", "1", 1.0),
        ("no failures, interval given", "tau / (tau + w)", 3600 / 3620),
        ("free checkpoints", "exp(-R / M)", None),
        ("one replica", "tau / (M * exp(R / M) * (exp((tau + w) / M) - 1))", None),
        ("measured", "measured_goodput", 0.8),
    ],
)
def test_goodput_at_its_limits(variant, formula, value):
    explanation = told("goodput", fleet(*VARIANTS[variant]))

    assert explanation.formula.exact == formula
    assert value is None or explanation.value == pytest.approx(value, rel=1e-12)


def test_a_goodput_of_nearly_nothing_is_told_without_a_number_too_large():
    explanation = told("goodput", fleet(*VARIANTS["restarts near the end of doubles"]))

    assert 1e-307 < explanation.value < 1e-300
    assert "divided through" in explanation.formula.note


def test_a_stage_that_was_measured_is_explained_as_measured():
    formula = told("ceiling", fleet(*VARIANTS["measured"])).formula

    assert formula.exact == "measured_ceiling"
    assert formula.terms[0].paths == ("training.measured.ceiling_factor",)
    assert "measured" in formula.note


def test_the_allocation_that_was_measured_is_that_of_the_jobs_peak():
    explanation = told("allocation", fleet(*VARIANTS["measured"]))

    assert explanation.formula.exact == "a * J / F"
    assert {term.symbol: term.paths for term in explanation.formula.terms}["a"] == (
        "training.measured.allocation_factor",
    )
    assert explanation.value == 0.6


def test_several_jobs_are_weighed_by_peak():
    explanation = told("jitter", fleet(*VARIANTS["two jobs"]))

    assert explanation.formula.exact == ("(u_big * f_big + u_other_one * f_other_one) / (u_big + u_other_one)")
    assert [part.job for part in explanation.jobs] == ["big", "other-one"]
    assert [part.formula.exact for part in explanation.jobs] == ["1 / (1 + sigma * z_n)", "measured_jitter"]
    assert explanation.jobs[1].formula.terms[0].paths == ("jobs.other-one.measured.jitter_factor",)


def test_a_job_without_a_factor_counts_as_one_and_has_no_formula():
    explanation = told("bubble", fleet(*VARIANTS["two jobs, one without a model"]))

    assert {term.symbol: term.value for term in explanation.formula.terms}["f_m"] == 1.0
    assert [part.job for part in explanation.jobs] == ["n"]


def test_one_job_has_no_rows_of_jobs():
    assert all(told(stage, sample("colossus-1")).jobs == () for stage in STAGES)


def test_a_step_is_the_product_of_the_stages_that_have_a_factor():
    whole = told("mfu.step_share", sample("colossus-1")).formula
    part = told("mfu.step_share", fleet(*VARIANTS["measured"])).formula

    assert whole.exact == " * ".join(tuple(STAGES)[:13])
    assert whole.note == ""
    assert "data_parallel" not in part.exact.split(" * ")
    assert "data_parallel" in part.note


def test_power_is_what_the_hosts_leave_to_the_gpus():
    explanation = told("power", fleet(*VARIANTS["too little power"]))
    hosts_mw = (2048 * (1275 - 700) + 2048 * (1833 - 1200)) * 0.7 / 1e6
    gpus_mw = (2048 * 700 + 2048 * 1200) * 0.7 / 1e6

    assert explanation.formula.exact == "min(1, max(P_here / pue_here - H_here, 0) / G_here) ** gamma"
    assert explanation.value == pytest.approx(((2.2 / 1.25 - hosts_mw) / gpus_mw) ** 0.7, rel=1e-12)


def test_a_fleet_without_a_limit_of_power_says_so():
    formula = told("power", fleet(*VARIANTS["proportional"])).formula

    assert (formula.exact, formula.terms) == ("1", ())
    assert "limits" in formula.note


def test_superchips_are_told_as_superchips():
    explanation = told("pools.b.fleet.gpu_count", fleet(*VARIANTS["contracts"]))

    assert explanation.formula.exact == "k_b * g_b"
    assert [term.value for term in explanation.formula.terms] == [1024.0, 2.0]
    assert explanation.value == 2048.0


def test_a_fee_is_spread_over_the_gpus_of_its_contract():
    explanation = told("pools.a.lease.run_rate_revenue_usd_per_yr", fleet(*VARIANTS["a fee over two pools"]))

    assert explanation.formula.exact == "fee * 12 * n_a / (n_a + n_b)"
    assert explanation.value == 3e6
    assert told("lease.run_rate_revenue_usd_per_yr", fleet(*VARIANTS["a fee over two pools"])).formula.exact == (
        "fee * 12"
    )


def test_hours_owed_are_told_as_owed():
    terms = {
        term.symbol: term for term in told("lease.billed_gpu_h_per_yr", fleet(*VARIANTS["contracts"])).formula.terms
    }

    assert terms["billed_1"].value == 0.75
    assert terms["billed_1"].paths == ("contracts.x.sold_share", "contracts.x.take_or_pay_share")
    assert terms["billed_2"].value == 0.5


def test_costs_the_loss_contains_are_not_deducted():
    explanation = told("hedge.contribution_share", fleet(*VARIANTS["contracts"]))

    assert explanation.formula.exact == (
        "(revenue - power - rent * (share_here * P_here / pue_here) * 1000 * 12) / (loss * 12 / months)"
    )
    assert explanation.formula.note == "the stated loss contains operations already"


def test_of_the_hours_offered_a_share_is_billed():
    explanation = told("lease.billed_gpu_h_per_yr", fleet(*VARIANTS["shares of capital, one of two pools"]))
    terms = {term.symbol: term for term in explanation.formula.terms}

    assert explanation.formula.exact == "n_a * available * billed * 8760"
    assert (terms["available"].value, terms["available"].paths) == (0.9, ("contracts.half.available_share",))
    assert (terms["billed"].value, terms["billed"].paths) == (0.8, ("contracts.half.billed_share",))
    assert explanation.value == pytest.approx(512 * 0.9 * 0.8 * 8760, rel=1e-12)


def test_a_demand_charge_is_by_the_kilowatt_and_month():
    explanation = told("lease.power_cost_usd_per_yr", fleet(*VARIANTS["maintenance alone"][:2], SITE, DEMAND))

    assert explanation.formula.exact == "share_here * P_here * (8760 * price_here + demand * 1000 * 12)"
    assert explanation.value == pytest.approx(3 * (8760 * 50 + 8 * 1000 * 12), rel=1e-12)


def test_insurance_is_of_hardware_and_building_under_contract():
    explanation = told("lease.operations_cost_usd_per_yr", fleet(*VARIANTS["shares of capital, one of two pools"]))

    assert explanation.formula.exact == (
        "insurance * ((n_a * c_a) + building * (share_s * P_s + share_fleet * I_fleet * pue_fleet))"
    )
    assert explanation.value == pytest.approx(0.01 * (512 * 3e4 + 0.5 * 1e7), rel=1e-12)


def test_capital_of_a_gpu_names_what_stands_beside_its_server():
    explanation = told(
        "lease.operations_cost_usd_per_yr",
        fleet(*VARIANTS["hours offered, a demand charge and shares of capital"]),
    )
    (capital,) = (term for term in explanation.formula.terms if term.symbol == "c_a")

    assert capital.value == pytest.approx((3e4 + 4_500) * 1.03, rel=1e-12)
    assert capital.paths == (
        "costs.capital_usd_per_gpu.h100-sxm",
        "costs.network_usd_per_gpu",
        "costs.storage_usd_per_gpu",
        "costs.spares_share",
    )


@pytest.mark.parametrize("metric", IN_TABLES)
def test_what_is_read_from_flows_names_its_table(metric):
    study = fleet(*VARIANTS["months, debt and notice"])
    explanation = told(metric, study)

    assert explanation.formula is None
    assert (explanation.value is None) == (metric in study.result.undefined)
    assert explanation.value is None or explanation.why_not.endswith(f"the table {IN_TABLES[metric]}")


def test_power_is_charged_by_the_share_under_contract():
    explanation = told("lease.power_cost_usd_per_yr", fleet(*VARIANTS["two sites"]))
    terms = {term.symbol: term.value for term in explanation.formula.terms}

    assert explanation.formula.exact == (
        "share_s * P_s * 8760 * price_s + share_fleet * I_fleet * pue_fleet * 8760 * price_fleet"
    )
    assert (terms["share_s"], terms["share_fleet"]) == (1.0, 0.0)
    assert explanation.value == 0.5 * 8760 * 77.5


def test_equivalents_are_a_ratio_of_measures():
    explanation = told("pools.gb200.h100e.eight_bit_dense_count", sample("colossus-1"))

    assert explanation.formula.exact == "n_gb200 * x_gb200 / x_REF"
    assert explanation.value == pytest.approx(20_000 * 5_000 / 1_978.9, rel=1e-12)


def test_fewer_gpu_minutes_are_more_gpu():
    formula = told("pools.gb200.h100e.mlperf_training_405b_v5_0_count", sample("colossus-1")).formula

    assert formula.exact == "n_gb200 * x_REF / x_gb200"
    assert [term.unit for term in formula.terms] == ["count", "gpu_min", "gpu_min"]


# Undefined and infinite


@pytest.mark.parametrize("lines", VARIANTS.values(), ids=VARIANTS)
def test_what_is_undefined_has_its_equation_and_the_reason(lines):
    study = fleet(*lines)
    for metric, reason in study.result.undefined.items():
        explanation = told(metric, study)
        assert explanation.value is None
        assert explanation.formula is None
        assert explanation.why_not == reason
        assert explanation.equation


def test_a_pool_without_a_number_says_why():
    leased = fleet(*VARIANTS["two sites"])
    assert told("pools.b.lease.mean_rate_usd_per_gpu_h", leased).why_not == "the pool is under no contract"
    assert told("pools.a.mfu.peak_pflop_per_s", fleet(*VARIANTS["contracts"])).why_not.startswith("needs training")


def test_what_is_without_end_has_no_formula():
    explanation = told("mfu.job_mttf_s", fleet(*VARIANTS["no failures"]))

    assert explanation.value == math.inf
    assert explanation.formula is None
    assert "without end" in explanation.why_not


# Without a fleet


@pytest.mark.parametrize("metric", [*METRICS, *STAGES])
def test_every_metric_and_stage_is_explained_without_a_fleet(metric):
    explanation = explain(metric)

    assert explanation.meaning
    assert explanation.unit
    assert explanation.equation
    assert explanation.references
    assert (explanation.value, explanation.formula, explanation.why_not) == (None, None, "")


def test_every_metric_has_a_formula_or_a_table_that_it_is_read_from():
    assert set(WRITERS) | set(IN_TABLES) == set(METRICS)
    assert not set(WRITERS) & set(IN_TABLES)


@cache
def fleet_keys():
    schema = json.dumps(Fleet.model_json_schema())
    return set(re.findall(r'"([a-z0-9_]+)": \{', schema))


CONNECTIVES = {"or", "with", "without", "it", "and", "of", "more", "equal", "shares", "in", "place", "the", "first"}
CONNECTIVES |= {"at", "which", "is", "ratio", "a", "split", "by", "stages", "replicas", "isolated"}
CALLS = {"sum", "floor", "round", "min", "max", "exp", "sqrt"}


@pytest.mark.parametrize("metric", METRICS)
def test_an_equation_names_metrics_stages_keys_and_terms_and_nothing_else(metric):
    names = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", METRICS[metric].equation))
    keys = fleet_keys()
    unknown = {
        name
        for name in names - CONNECTIVES - CALLS - set(METRICS) - set(STAGES) - set(TERMS)
        if not all(part in keys for part in name.split("."))
    }

    assert unknown == set()


def test_every_term_stands_in_an_equation_and_is_told_beside_it():
    used = {name for metric in METRICS for name, _ in explain(metric).where}

    assert used == set(TERMS)


def test_a_term_means_one_thing():
    assert not set(TERMS) & (set(METRICS) | set(STAGES) | CALLS)
    assert all(TERMS.values())


def test_metrics_taken_for_each_other_exist():
    assert all(name in METRICS for group in NEIGHBOURS for name in group)
    assert neighbours("mfu.step_share") == ("mfu.job_share", "mfu.fleet_share")
    assert neighbours("mfu.tokens_per_s") == ()


def test_a_stage_stands_for_its_factor():
    assert explain("bubble") == explain("mfu.stage.bubble_factor")
    assert explain("bubble").stage == "bubble"
    assert explain("mfu.step_share").stage == ""


def test_a_metric_of_a_pool_needs_no_fleet():
    explanation = explain("pools.gb200.h100e.tpp_count")

    assert explanation.metric == "pools.gb200.h100e.tpp_count"
    assert explanation.meaning == METRICS["h100e.tpp_count"].meaning


# Names that are none


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hedge.gros_share", "did you mean hedge.gross_share?"),
        ("buble", "did you mean bubble?"),
        ("pools.gb200.h100e.tpp_cuont", "did you mean pools.gb200.h100e.tpp_count?"),
        ("pools.gb200.mfu.step_share", None),
        ("pools.", None),
        ("", "colocalc catalog metrics lists all"),
        ("zzzzzzzzzzzzz", "colocalc catalog metrics lists all"),
        ("pools..h100e.tpp_count", None),
    ],
)
def test_an_unknown_metric_is_an_error_with_a_hint(name, hint):
    with pytest.raises(ColocalcError, match="unknown metric") as caught:
        told(name, sample("colossus-1"))

    assert caught.value.exit_code == 2
    assert hint is None or caught.value.hint == hint


def test_a_pool_must_be_one_of_the_fleet():
    with pytest.raises(ColocalcError) as caught:
        told("pools.gb20.fleet.gpu_count", sample("colossus-1"))

    assert caught.value.hint == "did you mean pools.gb200.fleet.gpu_count?"


def test_a_hostile_name_is_shown_without_live_characters():
    with pytest.raises(ColocalcError) as caught:
        explain("\x1b[31mred" + "x" * 10_000)

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


# Writing formulas


def drafted():
    return Draft({}, {})


def test_a_sum_of_many_parts_is_cut_for_people_and_whole_for_evaluation():
    draft = drafted()
    symbols = [draft.worked(f"n_{number}", number, "count", "a number") for number in range(MOST_SHOWN + 1)]
    formula = draft.formula(f"({draft.sum(symbols)}) / 2")

    assert formula.shown == "(n_0 + n_1 + n_2 + ... (9 pools)) / 2"
    assert formula.substituted == "(0 + 1 + 2 + ... (9 pools)) / 2"
    assert value_of(formula) == 18.0


def test_a_sum_of_eight_parts_is_whole():
    draft = drafted()
    symbols = [draft.worked(f"n_{number}", number, "count", "a number") for number in range(MOST_SHOWN)]

    assert "..." not in draft.formula(draft.sum(symbols)).shown


def test_sums_stand_in_sums():
    draft = drafted()
    one, two = (draft.worked(name, 1, "count", "one") for name in ("one", "two"))
    inner = f"({draft.sum([one, two])})"

    assert draft.formula(draft.sum([inner, inner])).exact == "(one + two) + (one + two)"


def test_nothing_to_add_is_zero_and_one_part_needs_no_function():
    draft = drafted()

    assert draft.sum([]) == "0"
    assert draft.group(["n"]) == "n"
    assert draft.call("min", ["n"]) == "n"


def test_a_negative_number_stands_in_brackets():
    draft = drafted()

    assert draft.formula(f"3 - {draft.worked('loss', -5, 'usd', 'a loss')}").substituted == "3 - (-$5.00)"


def test_a_term_that_is_not_used_is_left_out():
    draft = drafted()
    draft.worked("idle", 1, None, "not in the formula")

    assert draft.formula(draft.worked("used", 2, None, "in it")).terms == draft.formula("used").terms
    assert [term.symbol for term in draft.formula("used").terms] == ["used"]


@pytest.mark.parametrize(
    ("names", "ends"),
    [
        (("h100", "GB200"), ("h100", "gb200")),
        (("a-b", "a_b", "a.b"), ("a_b", "a_b_1", "a_b_2")),
        (("é", "€"), ("_0", "_1")),
        (("a_1", "a", "A"), ("a_1", "a", "a_2")),
        (("a_2", "a", "A"), ("a_2", "a", "a_2_2")),
        ((), ()),
    ],
)
def test_names_become_ends_of_symbols_no_two_alike(names, ends):
    assert suffixes(names) == ends


# The report


def shown(metric, study=None):
    case, result = (study.case, study.result) if study else (None, None)
    catalog = study.catalog if study else load_catalog()
    return view.view(explain(metric, case, result), case, result, catalog)


def test_the_report_says_what_it_is_and_how_it_came_about():
    report = shown("hedge.gross_share", sample("colossus-1"))

    assert report.command == "explain"
    assert (report.fleet, report.scenario) == ("colossus-1", None)
    assert report.title.startswith("hedge.gross_share of ")
    assert report.metrics == {"hedge.gross_share": pytest.approx(0.83512)}
    assert report.units == {"hedge.gross_share": "share"}
    assert report.headline == (
        "Run-rate revenue over the loss scaled to a year.",
        "Unit: share, 0..1 of a whole, shown as percent.",
        "Equation: lease.run_rate_revenue_usd_per_yr / hedge.loss_usd_per_yr",
        "Here: revenue / (loss * 12 / months)",
        "= $5.011B/yr / ($1.500B * 12 / 3 months)",
        "= 83.5%",
    )
    assert [table.key for table in report.tables] == ["terms", "references"]


def test_the_report_has_the_assumptions_of_its_terms_and_no_others():
    report = shown("hedge.gross_share", sample("colossus-1"))

    assert [row.path for row in report.assumptions] == ["finance.loss_usd", "finance.loss_months"]
    assert set(report.source_titles) == {"mirae-2026-05"}


def test_the_report_of_several_jobs_has_a_row_for_each():
    report = shown("bubble", sample("colossus-1", "partitions"))
    table = next(table for table in report.tables if table.key == "jobs")

    assert [row[0] for row in table.rows] == ["training: h100", "training: h200", "training: gb200"]
    assert report.scenario == "partitions"
    assert "training.layout.pp" in [row.path for row in report.assumptions]


def test_a_reference_names_the_place_in_a_source_or_a_work():
    table = next(table for table in shown("bubble").tables if table.key == "references")
    assert table.rows[0] == ("section 2.2", "megatron-2021")

    table = next(table for table in shown("goodput").tables if table.key == "references")
    assert table.rows[0][1] == ""
    assert table.rows[0][0].startswith("Daly 2006")


@pytest.mark.parametrize("metric", METRICS)
def test_a_reference_is_a_source_of_the_catalog_or_words(metric):
    sources = load_catalog().sources
    for reference in METRICS[metric].references:
        source = reference.partition(", ")[0]
        assert source in sources or source == "arithmetic" or " " in source


def test_without_a_fleet_it_is_told_where_a_stage_stands_and_what_it_is_not():
    report = shown("mfu.stage.jitter_factor")

    assert report.fleet is None
    assert report.metrics == report.undefined == {}
    assert report.assumptions == ()
    assert (
        "Stage 9 of 15 of the waterfall, after data_parallel, before mixed_generations; time before over time after."
        in report.headline
    )
    assert [table.key for table in report.tables] == ["where", "references", "neighbours"]
    assert report.tables[2].rows[0] == (
        "mfu.stage.mixed_generations_factor",
        "faster GPUs waiting for slower ones",
    )


def test_the_first_and_the_last_stage_have_one_side():
    assert "Stage 1 of 15 of the waterfall, before shape; time before over time after." in shown("ceiling").headline
    assert "Stage 15 of 15 of the waterfall, after goodput; time before over time after." in (
        shown("allocation").headline
    )


def test_a_metric_of_pools_says_how_to_ask_for_one():
    assert "Of one pool: pools.<name>.h100e.tpp_count." in shown("h100e.tpp_count").headline


def test_an_undefined_metric_is_reported_with_its_reason():
    report = shown("hedge.gross_share", fleet(*VARIANTS["proportional"]))

    assert report.undefined == {"hedge.gross_share": "needs lease or contracts"}
    assert report.metrics == {}
    assert "No value here: needs lease or contracts." in report.headline


def test_what_has_no_formula_is_reported_with_its_value():
    report = shown("mfu.job_mttf_s", fleet(*VARIANTS["no failures"]))

    assert "= infinite" in report.headline
    assert any(sentence.startswith("No formula here") for sentence in report.headline)
    assert json.loads(to_json.render(report))["undefined"] == {"mfu.job_mttf_s": "is not a finite number"}


def test_the_terms_of_very_many_pools_are_cut():
    pools = ", ".join(f"{{name: p{n}, gpu: h100-sxm, count: {64 + n}}}" for n in range(100))
    report = shown("fleet.gpu_count", fleet(f"pools: [{pools}]"))
    table = report.tables[0]

    assert len(table.rows) == 60
    assert table.caption == "40 terms more, of the pools that follow."
    assert "Here: n_p0 + n_p1 + n_p2 + ... (100 pools)" in report.headline


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("metric", ["mfu.stage.power_factor", "lease.run_rate_revenue_usd_per_yr", "bubble"])
def test_the_report_fits_a_terminal(metric, width):
    for report in (shown(metric), shown(metric, sample("colossus-1", "partitions"))):
        text = to_terminal.render(report, width=width, color=False)
        assert max(map(len, text.splitlines())) <= min(width, 140)
        assert METRICS[base_id(report.title.split(" ")[0])].equation.split(" ")[0] in text


@pytest.mark.parametrize("metric", ["goodput", "hedge.gross_share", "h100e.tpp_count"])
def test_every_format_carries_the_report(metric):
    report = shown(metric, sample("colossus-1"))
    document = json.loads(to_json.render(report))

    assert document["command"] == "explain"
    assert document["metrics"] == {report.tables and next(iter(report.metrics)): next(iter(report.metrics.values()))}
    assert [row["symbol"] for row in document["tables"]["terms"]] == [row[0] for row in report.tables[0].rows]
    assert report.tables[0].rows[0][0] in to_csv.render(report)
    assert report.headline[0] in to_markdown.render(report)


@pytest.mark.parametrize(
    ("stage", "here", "value"),
    [
        ("ceiling", "c_h100_sxm", 794.5 / 989.4),
        ("bubble", "1 / (1 + ", 1.0 / (1.0 + 3.0 / 16.0)),  # 16 micro-batches on four stages
    ],
)
def test_a_job_without_a_model_is_explained_by_what_is_assumed_of_it(colocalc, stage, here, value):
    text = (
        "name: bare\npools: [{gpu: h100-sxm, count: 1_024}]\n"
        "training: {sequence_tokens: 8192, global_batch_tokens: 4_194_304, layout: {tp: 8, pp: 4}}\n"
    )
    run = colocalc("explain", f"mfu.stage.{stage}_factor", "-", stdin=text.encode(), columns=120)
    assert run.code == 0, run.err
    assert f"Here: {here}" in run.out
    assert f"= {value:.4f}" in run.out
