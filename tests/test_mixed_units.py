"""Numbers that stand for a ratio of two kinds of count, or for another denominator."""

import pytest

from colocalc.catalog import load_catalog
from colocalc.study.evaluate import evaluate
from colocalc.study.mixed_units import explained
from colocalc.variants import Variants

CATALOG = load_catalog()
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_000}, {name: b, gpu: gb200-nvl72, count: 720, counted_as: gpu}]
training: {model: llama-3.1-8b, precision: bf16, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 3}
finance: {total_h100e_count: 4_300}
"""
EIGHT = "h100e.eight_bit_dense"


def told(metric, low, high, *sets):
    case = Variants("-", CATALOG, stdin=SMALL, sets=sets).case
    return explained(case, evaluate(case), metric, (low, high))


def test_gpus_over_equivalents_are_told_as_such():
    words = told(f"{EIGHT}_total_share", 0.39, 0.41)

    assert words == "1,720 GPUs over 4,300 H100-equivalents is 40.0%: it divides GPUs by equivalents"


@pytest.mark.parametrize(("low", "high"), [(0.41, 0.45), (0.0, 0.39)])
def test_a_share_that_is_no_such_ratio_is_not_explained(low, high):
    assert told(f"{EIGHT}_total_share", low, high) is None


def test_without_a_total_there_is_nothing_to_divide_by():
    assert told(f"{EIGHT}_total_share", 0.0, 1.0, "finance=null") is None


def test_a_count_of_gpus_taken_for_equivalents_is_told_as_such():
    assert told(f"{EIGHT}_count", 1_700, 1_750) == "1,720 is a count of GPUs, not of H100-equivalents"
    assert told(f"pools.b.{EIGHT}_count", 720, 720) == "720 is a count of GPUs, not of H100-equivalents"
    assert told(f"{EIGHT}_count", 1_721, 1_750) is None
    assert told("h100e.raw_count", 1_720, 1_720) is None  # these are GPUs


def test_work_over_the_peak_of_another_precision_is_told_as_such():
    fleet = Variants("-", CATALOG, stdin=SMALL)
    share = float(evaluate(fleet.case).metrics["mfu.job_share"])
    # An H100 and a GB200 have twice their BF16 peak in FP8.
    words = told("mfu.job_share", 0.495 * share, 0.505 * share)

    assert words == f"{50.0 * share:.1f}% is BF16 work over the dense FP8 peak"
    assert told("mfu.job_share", 0.99 * share, 1.01 * share) is None


@pytest.mark.parametrize(
    ("metric", "sets"),
    [
        ("mfu.job_share", ("training=null",)),
        ("mfu.step_time_s", ()),
        ("hedge.gross_share", ()),
        ("fleet.gpu_count", ()),
    ],
)
def test_what_has_no_other_reading_is_not_explained(metric, sets):
    assert told(metric, 0.0, 1e12, *sets) is None


@pytest.mark.parametrize(("low", "high", "word"), [(5.9, 6.1, "superchip"), (215.0, 217.0, "rack"), (3.5, 5.0, None)])
def test_the_rate_of_a_package_is_told_as_such(low, high, word):
    words = told("lease.mean_rate_usd_per_gpu_h", low, high, "pools.a.gpu=gb200-nvl72", "pools.a.counted_as=gpu")

    assert words is None if word is None else f"is the rate of a {word}, not of a GPU" in words


def test_of_two_types_no_package_is_guessed():
    assert told("lease.mean_rate_usd_per_gpu_h", 5.9, 6.1) is None


def test_the_claim_of_the_story_is_explained():
    fleet = Variants("colossus-1", CATALOG)
    words = explained(fleet.case, evaluate(fleet.case), f"{EIGHT}_total_share", (0.38, 0.42))

    assert words == "220,000 GPUs over 550,000 H100-equivalents is 40.0%: it divides GPUs by equivalents"
