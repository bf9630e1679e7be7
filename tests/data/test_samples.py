"""The sample fleets beside the founding ones: every number sourced or marked assumed, every scenario sound.

The layouts of the planning model are checked against the memory of their GPUs by hand.
"""

import re
from itertools import chain

import pytest
from pydantic import BaseModel

from colocalc.case import lower
from colocalc.catalog import fleet_names, load_catalog
from colocalc.figure import Figure
from colocalc.loading import load_fleet
from colocalc.study.check import judged
from colocalc.study.evaluate import evaluate

CATALOG = load_catalog()
NAMES = (
    "colossus-2",
    "google-palm-v4",
    "h100-100k",
    "megascale-12k",
    "spacex-filing-325k",
    "startup-64-h200",
    "xai-total",
)
SCENARIOS = [
    (name, scenario) for name in NAMES for scenario in (None, *load_fleet(name, catalog=CATALOG).fleet.scenarios)
]
# What a report of these fleets may warn of: facts of the fleet that its file tells as well.
EXPECTED_WARNINGS = {
    "colossus-2": ["training: 432 GPUs are left over by the layout"],
    "xai-total": ["flagship: 112 GPUs are left over by the layout", "mixed units: 340,000 GPUs / 550,000"],
}


def loaded(name, scenario=None):
    return load_fleet(name, catalog=CATALOG, scenario=scenario)


def result(name, scenario=None):
    one = loaded(name, scenario)
    return evaluate(lower(one.fleet, one.catalog, scenario=scenario))


def metric(name, key, scenario=None):
    return float(result(name, scenario).metrics[key])


def figures_in(value, path=""):
    """Every figure below a definition, with its path."""
    if isinstance(value, Figure):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from figures_in(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from figures_in(inner, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from figures_in(inner, f"{path}.{index}")


def cited(fleet):
    """Every source that a figure, a claim or a model of a fleet names."""
    figures = {figure.source for _, figure in figures_in(fleet)}
    claims = {claim.source for claim in fleet.claims}
    return figures | claims | {model.source for model in fleet.models.values()}


def has_reason(figure):
    return figure.source is not None or "assumed" in (figure.note or "")


# Every scenario


@pytest.mark.parametrize(("name", "scenario"), SCENARIOS)
def test_every_scenario_loads_and_has_finite_results(name, scenario):
    metrics = result(name, scenario).metrics

    assert metrics
    assert all(abs(float(value)) < float("inf") for value in metrics.values())


@pytest.mark.parametrize(("name", "scenario"), SCENARIOS)
def test_every_number_is_sourced_or_marked_assumed(name, scenario):
    bare = [path for path, figure in figures_in(loaded(name, scenario).fleet) if not has_reason(figure)]

    assert bare == []


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (Figure(1.0), False),
        (Figure(1.0, note="about"), False),
        (Figure(1.0, note="assumed: a guess"), True),
        (Figure(1.0, source="recalled"), True),
    ],
)
def test_a_bare_number_would_be_found(figure, reason):
    assert has_reason(figure) is reason


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_has_a_title_and_changes_something(name):
    for scenario in loaded(name).fleet.scenarios.values():
        assert scenario.title
        assert scenario.set


@pytest.mark.parametrize(("name", "scenario"), [each for each in SCENARIOS if each[1]])
def test_a_scenario_is_another_fleet(name, scenario):
    assert loaded(name, scenario).fleet != loaded(name).fleet


# Sources


@pytest.mark.parametrize("name", NAMES)
def test_every_own_source_is_used(name):
    own = set(loaded(name).fleet.sources)
    used = set(chain.from_iterable(cited(loaded(name, scenario).fleet) for each, scenario in SCENARIOS if each == name))

    assert own <= used


@pytest.mark.parametrize("name", NAMES)
def test_every_own_source_says_when_and_by_what_witness(name):
    for source in loaded(name).fleet.sources.values():
        assert re.fullmatch(r"20\d\d(-\d\d){1,2}", source.date)
        assert source.kind in {"paper", "filing", "press"}
        assert source.url is None or source.url.startswith("https://")


def test_a_source_that_several_samples_define_is_the_same_in_each():
    known = {}
    for name in fleet_names():
        for key, source in loaded(name).fleet.sources.items():
            assert known.setdefault(key, source).title.split(", post")[0] == source.title.split(", post")[0], key
            assert (known[key].date, known[key].url) == (source.date, source.url), key


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_that_was_recalled_says_what_it_is(name):
    for path, figure in figures_in(loaded(name).fleet):
        if figure.source == "recalled" and not path.startswith(".gpus"):
            assert figure.note, path


# Claims and expectations


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_has_a_name_a_sentence_and_a_speaker(name):
    claims = loaded(name).fleet.claims

    assert len({claim.id for claim in claims}) == len(claims) >= 3
    for claim in claims:
        assert claim.statement
        assert claim.who
        assert claim.source or "assumed" in claim.note


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_about_a_metric_can_be_weighed(name):
    fleet = loaded(name).fleet
    for claim in fleet.claims:
        for scenario in {claim.scenario, claim.relative_to} - {"base"}:
            assert scenario is None or scenario in fleet.scenarios
            if claim.metric:
                assert claim.metric in result(name, scenario).metrics, claim.id


@pytest.mark.parametrize("name", NAMES)
def test_the_expectations_of_the_file_hold(name):
    one = loaded(name)
    case = lower(one.fleet, one.catalog)
    checked = judged(evaluate(case), one.fleet.expect, pools=case.pools.names)

    assert len(checked.outcomes) >= 2
    assert checked.holds, [outcome.reason for _, outcome in checked.outcomes if not outcome.holds]


# Reports


@pytest.mark.parametrize("name", NAMES)
def test_a_report_warns_of_nothing_the_file_does_not_tell(name, colocalc):
    run = colocalc("report", name)
    warned = [line.removeprefix("warning: ") for line in run.err.splitlines() if line.startswith("warning: ")]
    expected = EXPECTED_WARNINGS.get(name, [])

    assert run.code == 0
    assert len(warned) == len(expected), warned
    assert all(found.startswith(start) for found, start in zip(warned, expected, strict=True)), warned


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("columns", [80, 200])
def test_a_report_keeps_to_its_width(name, columns, colocalc):
    run = colocalc("report", name, columns=columns)

    assert run.code == 0
    assert max(map(len, run.out.splitlines())) <= columns


# Layouts of the planning model: 128 layers, width 32,768, 1.95e12 parameters, sequences of 8,192


def memory_gb(*, tp, pp, vpp, cp, gradient_bytes):
    """Weights, gradients and activations of the first stage, in GB; the optimizer is sharded over all ranks.

    Activations of a layer with its attention core recomputed: 36 bytes a token and width for a gated MLP of four
    widths, as in Korthikanti et al. 2022; an interleaved first stage holds pp (1 + (pp - 1) / (pp vpp)) micro-batches.
    """
    state = 1.95e12 * (2 + gradient_bytes) / (tp * pp)
    in_flight = pp * (1 + (pp - 1) / (pp * vpp))
    return (state + 128 / pp * in_flight * 36 * 8_192 * 32_768 / (tp * cp)) / 1e9


def layout_of(name, scenario=None):
    layout = loaded(name, scenario).fleet.training.layout
    degrees = {key: getattr(layout, key) for key in ("tp", "pp", "vpp", "cp")}
    return memory_gb(**degrees, gradient_bytes=0 if layout.zero_stage == 2 else 4)


def test_the_planning_model_fits_186_gb_as_colossus_2_cuts_it():
    # 91 GB of state and 43 GB of activations
    assert layout_of("colossus-2") == pytest.approx(134.7, abs=0.5)
    assert layout_of("colossus-2") < CATALOG.gpus["gb200-nvl72"].hbm_gbyte.value * 0.9


def test_the_planning_model_fits_80_gb_as_h100_100k_cuts_it():
    # 15 GB of state and 48 GB of activations
    assert layout_of("h100-100k") == pytest.approx(63.3, abs=0.5)
    assert layout_of("h100-100k") < CATALOG.gpus["h100-sxm"].hbm_gbyte.value * 0.9


def test_the_layout_of_llama_3_does_not_fit_the_planning_model_and_says_so():
    training = loaded("h100-100k", "meta-layout").fleet.training

    assert layout_of("h100-100k", "meta-layout") > 2 * CATALOG.gpus["h100-sxm"].hbm_gbyte.value
    assert training.ignore_memory


@pytest.mark.parametrize(
    ("name", "scenario", "replicas", "micro_batches"),
    [
        ("colossus-2", None, 214, 64),
        ("colossus-2", "complete", 1_073, 16),
        ("xai-total", None, 1_171, 16),
        ("xai-total", "whole-fleet", 2_654, 16),
        ("h100-100k", None, 96, 128),
        ("h100-100k", "meta-layout", 768, 16),
        ("megascale-12k", None, 192, 32),
        ("megascale-12k", "n3072", 48, 128),
        ("megascale-12k", "n6144", 96, 64),
        ("megascale-12k", "n8192", 128, 48),
        ("google-palm-v4", None, 512, 1),
        ("google-palm-v4", "one-pod", 256, 1),
        ("startup-64-h200", None, 8, 16),
        ("startup-64-h200", "small-model", 32, 4),
    ],
)
def test_replicas_and_micro_batches_are_what_the_file_says(name, scenario, replicas, micro_batches):
    metrics = result(name, scenario).metrics
    asked = (loaded(name, scenario).fleet.training or loaded(name, scenario).fleet.jobs[0]).global_batch_tokens.value

    assert metrics["mfu.replica_count"] == replicas
    assert metrics["mfu.micro_batch_count"] == micro_batches
    assert metrics["mfu.global_batch_tokens"] == asked


# xAI in all


def test_the_fleet_reaches_what_its_one_job_does_times_its_share_of_the_peak():
    metrics = result("xai-total").metrics
    # 150,000 x 989.4 over 200,000 x 989.4 + 140,000 x 2,500
    share = 148_410 / (197_880 + 350_000)

    assert share == pytest.approx(0.27088, abs=1e-5)
    assert metrics["mfu.fleet_share"] == pytest.approx(metrics["mfu.job_share"] * share, rel=1e-9)


def test_a_job_that_pauses_half_of_the_time_halves_the_fleet_and_not_the_job():
    base, paused = result("xai-total").metrics, result("xai-total", "half-the-time").metrics

    assert paused["mfu.fleet_share"] == pytest.approx(base["mfu.fleet_share"] / 2, rel=1e-9)
    assert paused["mfu.job_share"] == pytest.approx(base["mfu.job_share"], rel=1e-12)


def test_one_job_on_everything_leaves_no_difference_between_job_and_fleet():
    metrics = result("xai-total", "whole-fleet").metrics

    assert metrics["mfu.fleet_share"] == pytest.approx(metrics["mfu.job_share"], rel=1e-12)
    assert metrics["mfu.stage.allocation_factor"] == pytest.approx(1.0, rel=1e-12)


# The filing


@pytest.mark.parametrize("scenario", [None, "story-260", "market-card", "gb200-30k", "net-loss"])
def test_the_filing_is_about_325_000_gpus_whatever_is_assumed_of_them(scenario):
    assert metric("spacex-filing-325k", "fleet.gpu_count", scenario) == 325_000


def test_the_market_card_prices_the_same_gpus_lower():
    # (150 x 2.00 + 50 x 2.90 + 125 x 4.00) / 325
    mean = metric("spacex-filing-325k", "lease.mean_rate_usd_per_gpu_h", "market-card")

    assert mean == pytest.approx(945 / 325, rel=1e-12)


# PaLM


def test_two_pods_do_the_torus_in_each_and_cost_what_slices_cost():
    two, one = (metric("google-palm-v4", "mfu.data_parallel_s", scenario) for scenario in (None, "one-pod"))
    both, alone = (metric("google-palm-v4", "mfu.stage.data_parallel_factor", scen) for scen in (None, "one-pod"))

    assert two == pytest.approx(one, rel=1e-12)  # the same layout in each pod
    assert 0.985 < both / alone < 0.99  # the law of slices: 1.2% for two


def test_a_ring_on_one_dimension_of_the_torus_is_slower_than_the_torus():
    torus, ring = (
        metric("google-palm-v4", "mfu.data_parallel_s", scenario) for scenario in ("one-pod", "one-pod-ring")
    )

    # Two of three dimensions are left beside tensor ranks; a ring has one.
    assert torus == pytest.approx(ring / 2, rel=0.02)


def test_the_pod_is_the_catalogs_tpu_v4_but_for_its_domain():
    own, shipped = loaded("google-palm-v4").fleet.gpus["tpu-v4-3072"], CATALOG.gpus["tpu-v4"]

    for name in ("peak_tflop_per_s", "hbm_gbyte", "hbm_tbyte_per_s", "scale_up_gbyte_per_s", "torus_dimension_count"):
        assert getattr(own, name) == getattr(shipped, name), name
    assert (own.domain_gpu_count.value, shipped.domain_gpu_count.value) == (3_072, 4_096)


# 100,000 H100


def test_recovery_by_replica_changes_goodput_and_nothing_in_the_step():
    base, isolated = result("h100-100k").metrics, result("h100-100k", "isolation").metrics

    assert isolated["mfu.step_share"] == base["mfu.step_share"]
    assert isolated["mfu.stage.goodput_factor"] > 1.5 * base["mfu.stage.goodput_factor"]


def test_the_hierarchical_exchange_is_what_the_tool_chooses():
    base, forced = metric("h100-100k", "mfu.step_share"), metric("h100-100k", "mfu.step_share", "hierarchical")

    assert base == forced
    assert metric("h100-100k", "mfu.step_share", "ring") <= base


# The start-up


def test_the_start_ups_year_is_64_gpus_at_the_three_year_rate():
    metrics = result("startup-64-h200").metrics

    # 64 x 8,760 x 2.90; 111 kW / 1.25 x 12 x 194.95 + 120,000; 0.111 MW x 8,760 x 77.5
    assert metrics["lease.run_rate_revenue_usd_per_yr"] == pytest.approx(1_625_856, rel=1e-9)
    assert metrics["lease.operations_cost_usd_per_yr"] == pytest.approx(327_738.72, rel=1e-9)
    assert metrics["lease.power_cost_usd_per_yr"] == pytest.approx(75_357.9, rel=1e-9)
    assert metrics["hedge.contribution_share"] == metrics["hedge.gross_share"]  # the loss has the costs already


def test_an_unsold_third_is_not_paid_for():
    base, idle = (
        metric("startup-64-h200", "lease.run_rate_revenue_usd_per_yr", scenario) for scenario in (None, "idle-third")
    )

    assert idle == pytest.approx(0.67 * base, rel=1e-12)
