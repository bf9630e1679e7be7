"""The cards that have one mean: the condition on their rates, and how far each may go."""

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.leasing import evaluate_lease
from colocalc.study.mean_rate import card_family

POOLS = (
    "pools: [{name: a, gpu: h100-sxm, count: 150_000}, {name: b, gpu: h200-sxm, count: 50_000},"
    " {name: c, gpu: gb200-nvl72, count: 20_000, counted_as: gpu}]"
)
STORY = "lease: {rate_card: story-2026-05}"
LOW, HIGH = np.array([1.30, 1.60, 3.30]), np.array([3.0, 4.0, 6.0])


def family(*lines, low=LOW, high=HIGH):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    case = lower(loaded.fleet, loaded.catalog)
    return card_family(case, evaluate_lease(case), low_usd_per_gpu_h=low, high_usd_per_gpu_h=high)


def near(value):
    return pytest.approx(value, rel=1e-12)


def test_the_story_is_one_of_many_cards():
    found = family(POOLS, STORY)
    assert found.condition_factor == near([7.5, 2.5, 1.0])
    assert found.condition_usd_per_gpu_h == near(28.6)


def test_a_rate_goes_as_far_as_the_bands_of_the_others_let_it():
    found = family(POOLS, STORY)
    # The others as low as they may be: (28.6 - 2.5 x 1.60 - 3.30) / 7.5, (28.6 - 7.5 x 1.30 - 3.30) / 2.5
    assert found.high_usd_per_gpu_h == near([2.84, 4.0, 6.0])
    # As high: (28.6 - 2.5 x 4 - 6) / 7.5; the H100 at 2.84 still leaves the H200 its floor
    assert found.low_usd_per_gpu_h == near([1.68, 1.60, 3.30])


def test_rates_outside_the_bands_widen_them():
    found = family(
        POOLS, "lease: {rate_card: story-2026-05}", low=np.array([2.5, 2.0, 3.0]), high=np.array([2.6, 2.1, 3.1])
    )
    assert (found.low_usd_per_gpu_h <= [2.20, 2.90, 4.85]).all()
    assert (found.high_usd_per_gpu_h >= [2.20, 2.90, 4.85]).all()


def test_hours_weigh_not_gpus():
    contracts = (
        "contracts: [{name: x, pools: [a], rate_usd_per_gpu_h: 2, billed_share: 0.5},"
        " {name: y, pools: [b, c], rate_usd_per_gpu_h: 3}]"
    )
    found = family(POOLS, contracts)
    assert found.condition_factor == near([3.75, 2.5, 1.0])


@pytest.mark.parametrize(
    "lines",
    [
        ("pools: [{gpu: h100-sxm, count: 8}]", STORY),
        (POOLS, "lease: {fee_usd_per_month: 1e9}"),
        (POOLS, "lease: {rate_card: story-2026-05, billed_share: 0}"),
    ],
)
def test_one_rate_and_no_rate_are_no_family(lines):
    count = 1 if "count: 8}" in lines[0] else 3
    assert family(*lines, low=LOW[:count], high=HIGH[:count]) is None


def test_a_type_without_a_band_has_no_family():
    assert family(POOLS, STORY, low=np.array([1.3, np.nan, 3.3])) is None
