"""The registry of metrics: every id says its unit, belongs to a family, and is known under a pool or not at all."""

import re

import pytest

from colocalc.metrics import H100E_BASES, IN_TABLES, METRICS, STAGES, base_id, is_metric, unit_suffix
from colocalc.units import UNITS

POOLS = ("h100", "gb200.like")


def test_each_metric_is_registered_under_its_own_id():
    assert all(name == metric.id for name, metric in METRICS.items())


def test_no_id_was_written_twice():
    from colocalc import metrics

    rows = (*metrics._MFU, *metrics._LEASE, *metrics._DEALS, *metrics._HEDGE, *metrics._H100E, *metrics._CHOICE)
    assert len({row.id for row in rows}) == len(rows) == len(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_an_id_is_dotted_lower_case(name):
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*(\.[a-z0-9]+(_[a-z0-9]+)*)+", name)


@pytest.mark.parametrize("name", METRICS)
def test_an_id_ends_in_its_unit(name):
    unit = METRICS[name].unit

    assert unit in UNITS
    assert name.endswith((f"_{unit}", f".{unit}"))


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_says_what_it_means_and_how_it_is_computed(name):
    assert METRICS[name].meaning
    assert METRICS[name].equation


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_says_whose_equation_it_is(name):
    references = METRICS[name].references

    assert all(references)
    assert len(set(references)) == len(references) > 0


def test_a_stage_has_an_equation_and_references_of_its_own():
    equations = [METRICS[f"mfu.stage.{stage}_factor"].equation for stage in STAGES]

    assert len(set(equations)) == len(STAGES)
    assert METRICS["mfu.stage.bubble_factor"].equation == "T / (T + k * (pp - 1) / vpp * busy + u_sends)"
    assert METRICS["mfu.stage.bubble_factor"].references[0] == "megatron-2021, section 2.2"


def test_a_step_is_the_product_of_the_stages_before_goodput():
    assert METRICS["mfu.step_share"].equation == " * ".join(tuple(STAGES)[:-2])


@pytest.mark.parametrize(
    ("basis", "equation", "first"),
    [
        ("raw", "sum(gpus)", "arithmetic"),
        ("eight_bit_dense", "sum(gpus * measure / h100_measure)", "epoch-chips, compute_h100_equivalents"),
        (
            "mlperf_training_405b_v5_0",
            "sum(gpus * h100_measure / measure)",
            "MLPerf Training rules: time to train times GPUs",
        ),
        (
            "mlperf_inference_70b_server_v5_1",
            "sum(gpus * measure / h100_measure)",
            "MLPerf Inference rules: tokens per second",
        ),
    ],
)
def test_a_basis_has_the_equation_and_the_references_of_its_kind(basis, equation, first):
    metric = METRICS[f"h100e.{basis}_count"]

    assert metric.equation == equation
    assert metric.references[0] == first


def test_no_two_metrics_of_a_family_mean_the_same():
    meanings = [metric.meaning for metric in METRICS.values()]

    assert len(set(meanings)) == len(meanings)


def test_the_families_are_those_of_the_commands():
    assert {name.split(".")[0] for name in METRICS} == {
        "fleet",
        "mfu",
        "lease",
        "hedge",
        "h100e",
        "choice",
        "inference",
    }


def test_each_stage_has_a_factor_and_no_other_stage_exists():
    stages = [name for name in METRICS if name.startswith("mfu.stage.")]

    assert stages == [f"mfu.stage.{stage}_factor" for stage in STAGES]


def test_the_stages_stand_in_the_order_time_is_lost():
    assert " ".join(STAGES) == (
        "ceiling shape memory_bound recompute tensor_context_expert bubble stage_imbalance data_parallel jitter "
        "mixed_generations layout_remainder power software goodput allocation"
    )


@pytest.mark.parametrize("basis", H100E_BASES)
@pytest.mark.parametrize("ending", ["count", "total_share", "per_mw"])
def test_each_basis_has_a_count_a_share_and_a_density(basis, ending):
    assert f"h100e.{basis}_{ending}" in METRICS


@pytest.mark.parametrize("kind", ["gross", "contribution", "ebit", "cash"])
def test_each_hedge_has_a_share_and_the_rate_that_makes_it_one(kind):
    assert unit_suffix(f"hedge.{kind}_share") == "share"
    assert unit_suffix(f"hedge.{kind}_cover_rate_usd_per_gpu_h") == "usd_per_gpu_h"


def test_what_is_read_from_a_table_is_registered():
    assert set(IN_TABLES) <= set(METRICS)


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("mfu.step_share", "mfu.step_share"),
        ("pools.h100.fleet.gpu_count", "fleet.gpu_count"),
        ("pools.h100.lease.run_rate_revenue_usd_per_yr", "lease.run_rate_revenue_usd_per_yr"),
        ("pools.h100.mfu.stage.power_factor", "mfu.stage.power_factor"),
        ("pools.h100", "h100"),
        ("", ""),
    ],
)
def test_the_base_of_an_id_is_what_follows_the_pool(name, base):
    assert base_id(name) == base


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.per_pool])
def test_a_metric_of_pools_is_known_of_the_pools_there_are(name):
    assert is_metric(name)
    assert is_metric(f"pools.h100.{name}", POOLS)
    assert not is_metric(f"pools.h200.{name}", POOLS)
    assert not is_metric(f"pools.h100.{name}")


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if not metric.per_pool])
def test_a_metric_of_the_fleet_is_none_of_a_pool(name):
    assert is_metric(name)
    assert not is_metric(f"pools.h100.{name}", POOLS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "mfu",
        "mfu.",
        "mfu.step",
        "MFU.step_share",
        "pools",
        "pools.",
        "pools.h100",
        "pools.h100.",
        "pools..a",
        "a.b",
    ],
)
def test_anything_else_is_no_metric(name):
    assert not is_metric(name, POOLS)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("mfu.step_time_s", "s"),
        ("mfu.tokens_per_s", "tokens_per_s"),
        ("mfu.peak_pflop_per_s", "pflop_per_s"),
        ("lease.revenue_usd_per_mw_yr", "usd_per_mw_yr"),
        ("lease.billed_gpu_h_per_yr", "gpu_h_per_yr"),
        ("pools.gb200.lease.mean_rate_usd_per_gpu_h", "usd_per_gpu_h"),
        ("h100e.raw_per_mw", "per_mw"),
    ],
)
def test_the_unit_is_the_longest_that_the_id_ends_in(name, unit):
    assert unit_suffix(name) == unit


def test_a_pool_named_in_every_report_has_metrics_that_are_registered(evaluated):
    result = evaluated("colossus-1")

    assert all(is_metric(name, ("h100", "h200", "gb200")) for name in result.metrics)
    per_pool = {base_id(name) for name in result.metrics if name.startswith("pools.gb200.")}
    unmeasured = ("training_gpt3_v4_1", "training_bert_v2_1", "inference_8b_offline_v5_1", "inference_8b_server_v5_1")
    registered = {name for name, metric in METRICS.items() if metric.per_pool}
    assert per_pool == registered - {
        f"h100e.mlperf_{name}_{unit}" for name in unmeasured for unit in ("count", "factor")
    }
