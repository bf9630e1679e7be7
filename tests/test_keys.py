"""What a dotted key means: a place in a fleet file, or an assumption."""

import pytest

from colocalc.catalog import load_catalog
from colocalc.keys import is_assumption, unknown_part

CATALOG = load_catalog()
OWN = {"gpus": {"mine": {}}, "cards": {"desk": {}}}


@pytest.mark.parametrize(
    "key",
    [
        "mfu.memory_bound_share",
        "mfu.shape_share.hopper_share",
        "software.megatron_factor",
        "schedule.1f1b_factor",
        "networks.nccl-ib.ring_inter_hop_s",
        "gpus.h100-sxm.hbm_gbyte",
        "gpus.h100-sxm.measured.mlperf_training_405b_v5_1_gpu_min",
        "cards.story-2026-05.h100-sxm.rate_usd_per_gpu_h",
        "training.model_error_factor",
        "predict.attention.hopper_share",
        "calibration.scale_loss_share",
        "sites.memphis.typical_draw_share",
        "sites.orbit.chip_temperature_limit_k",
        "claims.tolerance_share",
        # Reports list the numbers of a file's own GPU under another key than the file has.
        "gpus.mine.peak_bf16_tflop_per_s",
        "gpus.mine.ceiling_share",
        "cards.desk.h100-sxm.rate_usd_per_gpu_h",
    ],
)
def test_the_path_of_an_assumption_is_no_place_in_a_file(key):
    assert is_assumption(key, CATALOG, OWN)


@pytest.mark.parametrize(
    "key",
    [
        "mfu",
        "name",
        "pools.a.count",
        "pools.0.count",
        "sites.memphis.pue_factor",
        "lease.billed_share",
        "training.layout.tp",
        "training.allocation_share",
        "training.measured.bubble_factor",
        "reliability.restart_s",
        "reliability.failures_per_1000_gpu_day",
        "network.flat_collective_count",
        "finance.loss_months",
        "finance.reference.mfu_share",
        "gpus.mine.hbm_gbyte",
        "gpus.mine.peak_tflop_per_s.bf16",
        "cards.desk.as_of",
        "claims.hedge.says",
        "claims.0.says",
        "lease.overlap_shar",
        "",
        ".",
    ],
)
def test_a_place_in_a_file_is_no_assumption(key):
    assert not is_assumption(key, CATALOG, OWN)


@pytest.mark.parametrize(
    "key",
    ["pools.a.count", "training.layout.pp", "sites.x.pue_factor", "jobs.x.measured.bubble_factor", "finance.loss_usd"],
)
def test_a_key_that_leads_somewhere_has_no_unknown_part(key):
    assert unknown_part(key, {}) is None


def test_the_unknown_part_is_told_with_what_may_stand_there():
    part, known = unknown_part("lease.billed_shar", {})

    assert part == "billed_shar"
    assert "billed_share" in known
    assert unknown_part("trainng.layout.tp", {})[0] == "trainng"
    assert unknown_part("pools.a.cuont", {})[0] == "cuont"


def test_names_are_checked_where_they_are_known():
    names = {"pools": ["a", "b"], "sites": []}

    assert unknown_part("pools.a.count", names) is None
    assert unknown_part("pools.c.count", names) == ("c", ["a", "b"])
    assert unknown_part("sites.memphis.pue_factor", names) == ("memphis", [])
    assert unknown_part("jobs.any.allocation_share", names) is None


def test_a_number_of_a_figure_is_a_place_too():
    assert unknown_part("pools.a.count.high", {}) is None
    assert unknown_part("pools.a.count.hihg", {}) == ("hihg", ["value", "low", "high", "source", "note"])
