"""Which one number would make a statement true: put back, it does."""

import pytest

from colocalc.case import numbers
from colocalc.catalog import load_catalog
from colocalc.study.evaluate import evaluate
from colocalc.study.levers import Need, inside_ranges, levers, needed_of, needs_of
from colocalc.study.ranges import ranged
from colocalc.variants import Variants

CATALOG = load_catalog()
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: {value: 1_000, low: 500, high: 3_000}}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: {value: 50, low: 40, high: 100}}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 2, pp: 2}}
lease: {rate_usd_per_gpu_h: {value: 2, low: 1, high: 3}, billed_share: 0.9}
finance: {loss_usd: 20e6, loss_months: 12}
"""
RATE = "lease.rate_usd_per_gpu_h"
COVERED = "hedge.gross_share"


@pytest.fixture(scope="module")
def small():
    return Variants("-", CATALOG, stdin=SMALL)


# One number


def test_the_value_it_would_take_is_told_with_what_it_is(small):
    need = needed_of(small, RATE, COVERED, 1.0)

    assert need == Need(RATE, pytest.approx(2.53678, abs=5e-6), "usd_per_gpu_h", 2.0, 1.0, 3.0, is_inside=True)
    assert need.words() == "lease.rate_usd_per_gpu_h $2.54/GPU-h (now $2.00/GPU-h)"


def test_a_value_outside_the_numbers_own_range_is_not_inside(small):
    assert not needed_of(small, RATE, COVERED, 1.5).is_inside
    assert not needed_of(small, RATE, COVERED, 0.1).is_inside


def test_a_number_without_a_range_is_never_inside_it(small):
    need = needed_of(small, "finance.loss_usd", COVERED, 1.0)

    assert (need.value, need.low, need.high, need.is_inside) == (pytest.approx(15.768e6), None, None, False)


def test_a_number_the_fleet_does_not_have_has_no_present(small):
    need = needed_of(small, "lease.fee_usd_per_month", COVERED, 0.6)

    assert (need.value, need.now) == (pytest.approx(1e6), None)
    assert need.words() == "lease.fee_usd_per_month $1.000M/month"


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("lease.billed_share", 1.0),  # 87.6% at the most
        ("calibration.scale_loss_share", 1.0),  # no part in it
        ("calibration.scale_loss_share", 0.7884),  # nor where it is so anyway
        ("finance.loss_months", 0.1),  # 1 month is 6.6%, 2 are 13%
    ],
)
def test_where_no_value_will_do_there_is_none(small, key, target):
    assert needed_of(small, key, COVERED, target) is None


def test_of_whole_numbers_a_close_one_will_do(small):
    assert needed_of(small, "pools.a.count", COVERED, 1.0).value == 1_268.0


def test_of_several_values_the_nearest_to_what_it_is_is_told(small):
    goodput = "mfu.stage.goodput_factor"
    best = float(evaluate(small.case).metrics[goodput])
    chosen = float(evaluate(small.case).metrics["mfu.checkpoint_interval_s"])
    key = "reliability.checkpoint_interval_s"

    short = needed_of(small.with_sets(f"{key}={0.1 * chosen!r}"), key, goodput, 0.98 * best)
    long = needed_of(small.with_sets(f"{key}={9.0 * chosen!r}"), key, goodput, 0.98 * best)

    assert short.value < chosen < long.value


def test_several_numbers_are_answered_in_their_order(small):
    found = needs_of(small, [RATE, "calibration.scale_loss_share", "finance.loss_usd"], COVERED, 1.0)

    assert [None if one is None else one.key for one in found] == [RATE, None, "finance.loss_usd"]
    assert needs_of(small, [], COVERED, 1.0) == []


# Given inputs inside their ranges


def test_only_given_inputs_that_reach_it_inside_their_range_are_told(small):
    moved = ranged(small, [COVERED])
    found = {need.key: need for need in inside_ranges(small, moved, COVERED, 1.0)}

    # 3 USD cover 118%; 3,000 GPUs 237%; the price of energy none of it.
    assert set(found) == {RATE, "pools.a.count"}
    assert all(need.is_inside for need in found.values())
    assert {need.key for need in inside_ranges(small, moved, COVERED, 1.5)} == {"pools.a.count"}
    assert inside_ranges(small, moved, COVERED, 3.0) == ()


def test_what_is_assumed_is_no_given_input(small):
    metric, key = "mfu.stage.shape_factor", "calibration.shape_factor"
    moved = ranged(small, [metric])
    (streamed,) = [one for one in moved if one.row.path == key]
    between = 0.5 * (streamed.at_low[metric] + streamed.at_high[metric])

    assert streamed.at_high[metric] < between < streamed.at_low[metric]
    assert inside_ranges(small, moved, metric, between) == ()
    assert needed_of(small, key, metric, between).is_inside


# Levers


@pytest.mark.parametrize(
    ("metric", "target"),
    [
        (COVERED, 1.0),
        (COVERED, 0.3),
        ("hedge.contribution_share", 0.9),
        ("lease.contribution_usd_per_yr", 10e6),
        ("mfu.job_share", 0.3),
        ("mfu.step_share", 0.2),
        ("mfu.step_time_s", 30.0),
        ("fleet.gpu_count", 2_000.0),
    ],
)
def test_a_lever_put_back_gives_the_target(small, metric, target):
    found = levers(small, metric, target)

    assert 1 <= len(found) <= 2
    for need in found:
        written = f"{need.value:.0f}" if need.value == round(need.value) else repr(need.value)
        back = evaluate(small.with_sets(f"{need.key}={written}").case).metrics[metric]
        assert float(back) == pytest.approx(target, rel=1e-2 if need.unit in {"count", "tokens"} else 1e-6), need.key


@pytest.mark.parametrize("metric", ["mfu.job_share", "mfu.stage.bubble_factor"])
def test_no_degree_of_a_layout_is_ever_a_lever(small, metric):
    now = float(evaluate(small.case).metrics[metric])

    for target in (0.5 * now, 0.9 * now, 1.02 * now):
        assert not [need.key for need in levers(small, metric, target) if ".layout." in need.key]


def test_facts_of_the_catalog_and_sizes_of_the_fleet_are_no_levers_of_mfu(small):
    now = float(evaluate(small.case).metrics["mfu.job_share"])
    rows = numbers(small.case)

    for target in (0.5 * now, 0.9 * now):
        for need in levers(small, "mfu.job_share", target):
            assert rows[need.key].origin in {"given", "assumed"}
            assert not need.key.startswith("pools.")


def test_the_rate_is_a_lever_of_a_lease_priced_by_a_card():
    fleet = Variants("-", CATALOG, stdin=SMALL, sets=("lease.rate_card=story-2026-05",))

    assert RATE in {need.key for need in levers(fleet, COVERED, 1.0)}
    assert RATE not in numbers(fleet.case)


def test_a_range_that_holds_the_value_goes_before_a_smaller_step(small):
    # 1,268 GPUs and $2.54 are both inside; a loss of 15.8 million is as near and has no range.
    found = levers(small, COVERED, 1.0)

    assert [need.is_inside for need in found] == [True, True]


def test_what_nothing_moves_has_no_lever():
    bare = Variants("-", CATALOG, stdin=b"name: x\npools: [{gpu: h100-sxm, count: 8}]\n")

    assert levers(bare, COVERED, 1.0) == ()
    assert levers(bare, "h100e.eight_bit_dense_factor", 2.0) == ()
