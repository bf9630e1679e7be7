"""Goal seek: what is found is put back, and gives the target."""

import numpy as np
import pytest

from colocalc.case import numbers
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.study.axis import Axis
from colocalc.study.evaluate import evaluate
from colocalc.study.ranges import axis_of
from colocalc.study.solve import Root, meets, solve
from colocalc.variants import Variants

CATALOG = load_catalog()
# 1,000 GPUs x 8,760 hours x 2 USD x 0.9 billed = 15.768 million USD; power is 2 MW x 8,760 h x 50 USD = 876,000 USD.
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_000}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 2, billed_share: 0.9}
finance: {loss_usd: 20e6, loss_months: 12}
"""
RATE = "lease.rate_usd_per_gpu_h"
BILLED = "lease.billed_share"
COVERED = "hedge.gross_share"
CONTRIBUTION = "lease.contribution_usd_per_yr"


@pytest.fixture(scope="module")
def small():
    return Variants("-", CATALOG, stdin=SMALL)


def found(fleet, key, metric, target, between=None):
    (one,) = solve([axis_of(fleet, key, between=between)], metric=metric, targets=[target], base=fleet.case)
    return one


def bent(fleet, of, *, low=0.0, high=1.0, whole=False):
    """An axis along which the billed share is any function of the value."""
    return Axis("x", lambda value: fleet.at(BILLED, of(value)), low, high, whole=whole, scale="linear")


def solved(fleet, of, target, **options):
    (one,) = solve([bent(fleet, of, **options)], metric=COVERED, targets=[target], base=fleet.case)
    return one


# Closed forms


@pytest.mark.parametrize(
    ("key", "metric", "target", "value"),
    [
        (RATE, COVERED, 1.0, 20e6 / (1_000 * 8_760 * 0.9)),
        (BILLED, COVERED, 0.5, 10e6 / (1_000 * 8_760 * 2)),
        ("finance.loss_usd", COVERED, 1.0, 15.768e6),
        ("sites.site.energy_price_usd_per_mwh", CONTRIBUTION, 15e6, 0.768e6 / (2 * 8_760)),
        ("sites.site.facility_power_mw", CONTRIBUTION, 15.33e6, 1.0),
        (RATE, CONTRIBUTION, -438_000.0, 438_000 / (1_000 * 8_760 * 0.9)),
        ("training.allocation_share", "mfu.stage.allocation_factor", 0.25, 0.25),
    ],
)
def test_a_number_with_a_closed_form_is_found(small, key, metric, target, value):
    one = found(small, key, metric, target)

    assert [root.kind for root in one.roots] == ["met"]
    assert one.roots[0].value == pytest.approx(value, rel=1e-9)
    assert one.roots[0].metric == pytest.approx(target, rel=1e-9)
    assert not one.everywhere


@pytest.mark.parametrize(
    ("scenario", "sets", "rate"),
    [
        (None, (), 6e9 / (220_000 * 8_760)),
        ("gb200-30k", (), 6e9 / (230_000 * 8_760)),
        (None, ("lease.billed_share=0.9",), 6e9 / (220_000 * 8_760 * 0.9)),
    ],
)
def test_the_rate_that_covers_the_loss_of_the_story(scenario, sets, rate):
    """3.11333, 2.97796 and 3.45925 USD per GPU-hour: a number the file does not have."""
    fleet = Variants("colossus-1", CATALOG, scenario=scenario, sets=sets)

    (root,) = found(fleet, RATE, COVERED, 1.0).roots

    assert root.kind == "met"
    assert root.value == pytest.approx(rate, rel=1e-9)


def test_power_is_found_through_the_power_stage(small):
    """The hosts are served first; the share left to the GPUs counts to the power of 0.7."""
    metric = "mfu.stage.power_factor"
    (root,) = found(small, "sites.site.facility_power_mw", metric, 0.9).roots

    sites, pools = small.case.sites, small.case.pools
    gpu_w, host_w = float(pools.gpu_power_w[0]), float(pools.server_power_w[0] - pools.gpu_power_w[0])
    needed_w = 1_000 * float(sites.draw_share[0]) * (host_w + gpu_w * 0.9 ** (1.0 / 0.7))
    assert root.kind == "met"
    assert root.value == pytest.approx(needed_w * float(sites.pue_factor[0]) / 1e6, rel=1e-9)


# Zero, none, everywhere, several


@pytest.mark.parametrize("between", [None, (0.0, 4.0), (0.01, 0.2)])
def test_a_target_of_zero_is_met_and_not_jumped_over(small, between):
    (root,) = found(small, RATE, CONTRIBUTION, 0.0, between).roots

    assert root.kind == "met"
    assert root.value == pytest.approx(876_000 / (1_000 * 8_760 * 0.9), rel=1e-9)


def test_a_jump_over_zero_is_a_jump(small):
    fleet = Variants("-", CATALOG, stdin=SMALL, sets=(f"{RATE}=0.1",))
    axis = Axis("x", lambda at: fleet.at(RATE, 0.05 if at < 0.5 else 0.2), 0.0, 1.0, whole=False, scale="linear")

    (one,) = solve([axis], metric=CONTRIBUTION, targets=[0.0], base=fleet.case)

    assert [root.kind for root in one.roots] == ["jump"]
    assert one.roots[0].value == pytest.approx(0.5)


def test_what_cannot_be_reached_is_told_with_how_far_it_goes(small):
    one = found(small, BILLED, COVERED, 1.0)

    assert one.roots == ()
    assert (one.low, one.high) == (0.0, 1.0)
    assert (one.reached_low, one.reached_high) == pytest.approx((0.0, 0.876))
    assert not one.everywhere


def test_a_number_with_no_part_in_it_meets_the_target_everywhere_or_nowhere(small):
    there = found(small, "calibration.scale_loss_share", COVERED, 0.7884)
    elsewhere = found(small, "calibration.scale_loss_share", COVERED, 0.8)

    assert there.everywhere
    assert there.roots == ()
    assert not elsewhere.everywhere
    assert elsewhere.reached_low == elsewhere.reached_high == pytest.approx(0.7884)


def test_a_metric_without_any_value_reaches_nothing(small):
    one = found(small, RATE, "h100e.eight_bit_dense_total_share", 0.4)

    assert one.roots == ()
    assert np.isnan([one.reached_low, one.reached_high]).all()
    assert not one.everywhere


def test_every_root_is_found_in_order(small):
    # Billed is (2x - 1)^2: 0.25 at a quarter and at three.
    one = solved(small, lambda x: (2.0 * x - 1.0) ** 2, 0.25 * 0.876)

    assert [root.value for root in one.roots] == pytest.approx([0.25, 0.75], rel=1e-9)
    assert {root.kind for root in one.roots} == {"met"}


def test_a_checkpoint_interval_has_two_values_on_either_side_of_the_best(small):
    fleet = small.with_sets("reliability.checkpoint_interval_s=600", "training.allocation_share=1")
    goodput = "mfu.stage.goodput_factor"
    best = float(evaluate(small.case).metrics[goodput])
    one = found(fleet, "reliability.checkpoint_interval_s", goodput, 0.98 * best)

    assert [root.kind for root in one.roots] == ["met", "met"]
    chosen = float(evaluate(small.case).metrics["mfu.checkpoint_interval_s"])
    assert one.roots[0].value < chosen < one.roots[1].value
    for root in one.roots:
        back = fleet.with_sets(f"reliability.checkpoint_interval_s={root.value!r}")
        assert float(evaluate(back.case).metrics[goodput]) == pytest.approx(0.98 * best, rel=1e-6)


def test_a_root_at_an_end_of_the_range_counts(small):
    assert [root.value for root in found(small, RATE, COVERED, 0.7884, (2.0, 3.0)).roots] == pytest.approx([2.0])
    assert [root.value for root in found(small, RATE, COVERED, 0.7884, (1.0, 2.0)).roots] == pytest.approx([2.0])
    assert found(small, RATE, COVERED, 0.7884, (2.001, 3.0)).roots == ()


def test_a_jump_over_the_target_is_no_root(small):
    one = solved(small, lambda x: 0.2 if x < 0.3 else 0.8, 0.5)

    assert [root.kind for root in one.roots] == ["jump"]
    assert one.roots[0].value == pytest.approx(0.3, rel=1e-9)
    assert one.roots[0].metric == pytest.approx(0.8 * 0.876) or one.roots[0].metric == pytest.approx(0.2 * 0.876)


def test_a_place_without_a_case_is_skipped(small):
    def at(value):
        if 0.2 < value < 0.4:
            raise ColocalcError("not here")
        return small.at(BILLED, value)

    axis = Axis(BILLED, at, 0.0, 1.0, whole=False, scale="linear")
    (one,) = solve([axis], metric=COVERED, targets=[0.5 * 0.876], base=small.case)

    assert [root.value for root in one.roots] == pytest.approx([0.5], rel=1e-9)


def test_a_kink_that_no_probe_shows_is_still_told_truly(small):
    """A line through the probes at 0, 0.37 and 1, and a dent beside them, where the target lies."""
    one = solved(small, lambda x: x if not 0.5 < x < 0.9 else x - 0.1, 0.65 * 0.876)

    assert [root.value for root in one.roots] == pytest.approx([0.75], rel=1e-9)
    assert one.roots[0].metric == pytest.approx(0.65 * 0.876, rel=1e-9)


def test_no_more_than_a_dozen_of_many_crossings_are_looked_at(small):
    one = solved(small, lambda x: 0.8 if x % 2.0 else 0.2, 0.5, low=0.0, high=40.0, whole=True)

    assert [root.value for root in one.roots] == [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]  # each is nearest on either side


# Whole numbers


def test_of_whole_numbers_the_nearest_is_told_as_between(small):
    # 15.768 million over n GPUs: 1,268.39 of them would cover the loss.
    (root,) = found(small, "pools.a.count", COVERED, 1.0).roots

    assert (root.value, root.kind) == (1_268.0, "between")
    assert root.metric == pytest.approx(1_268 * 8_760 * 1.8 / 20e6)


def test_a_whole_number_that_meets_the_target_meets_it(small):
    assert found(small, "pools.a.count", COVERED, 1.5768).roots == (Root(2_000.0, pytest.approx(1.5768), "met"),)
    assert found(small, "finance.loss_months", COVERED, 0.7884 / 3.0).roots[0].value == 4.0


@pytest.mark.parametrize(("target", "value"), [(0.7884 * 1.4 / 12, 1.0), (0.7884 * 1.6 / 12, 2.0)])
def test_nearest_is_measured_on_the_metric(small, target, value):
    (root,) = found(small, "finance.loss_months", COVERED, target).roots

    assert (root.value, root.kind) == (value, "between")


@pytest.mark.parametrize(
    ("root", "answer"),
    [
        (Root(1.0, 0.5, "met"), True),
        (Root(1.0, 0.504, "between"), True),
        (Root(1.0, 0.52, "between"), False),
        (Root(1.0, 0.5, "jump"), False),
    ],
)
def test_a_whole_number_close_by_will_do_and_a_jump_will_not(root, answer):
    assert meets(root, 0.5) is answer


# Several at once


def test_several_numbers_are_solved_as_each_alone(small):
    keys = [RATE, BILLED, "pools.a.count", "finance.loss_usd", "lease.fee_usd_per_month", "reliability.restart_s"]
    targets = [0.9, 0.6, 1.2, 0.3, 1.0, 0.7]
    axes = [axis_of(small, key) for key in keys]

    together = solve(axes, metric=COVERED, targets=targets, base=small.case)

    for one, key, target in zip(together, keys, targets, strict=True):
        alone = found(small, key, COVERED, target)
        assert one.key == key
        assert [root.kind for root in one.roots] == [root.kind for root in alone.roots]
        assert [root.value for root in one.roots] == pytest.approx([root.value for root in alone.roots], rel=1e-9)


def test_nothing_to_solve_for_is_solved(small):
    assert solve([], metric=COVERED, targets=[], base=small.case) == ()


# The law of putting back

METRICS = (COVERED, CONTRIBUTION, "mfu.job_share", "h100e.eight_bit_dense_count", "fleet.nameplate_power_mw")
# What a file cannot have without what stands beside it.
NOT_SETTABLE = {"finance.reference.mfu_share"}


def moved_metrics(fleet):
    """Numbers that may be any fraction, a value each has not, and a metric it moves with what it is there."""
    now = evaluate(fleet.case).metrics
    for row in list(numbers(fleet.case).values())[::6]:
        if row.unit in {"count", "tokens", "months"} or ".layout." in row.path or row.path in NOT_SETTABLE:
            continue
        moved = 0.9 * row.value + (0.05 if row.unit == "share" else 0.0)
        there = evaluate(fleet.at(row.path, moved)).metrics
        answers = [name for name in METRICS if name in now and abs(there[name] / now[name] - 1.0) > 1e-6]
        if answers:
            yield row.path, moved, answers[0], float(there[answers[0]])


@pytest.mark.parametrize("name", ["startup-64-h200", "neocloud-1k-h100"])
def test_a_value_that_meets_a_target_gives_it_when_it_is_put_back(name):
    fleet = Variants(name, CATALOG)
    tried = list(moved_metrics(fleet))

    assert len(tried) >= 3
    for key, moved, metric, target in tried:
        roots = found(fleet, key, metric, target).roots
        assert min(abs(root.value / moved - 1.0) for root in roots) < 1e-6, key
        for root in roots:
            back = evaluate(fleet.with_sets(f"{key}={root.value!r}").case).metrics[metric]
            assert float(back) == pytest.approx(target, rel=1e-6), key


def test_no_degree_of_a_layout_is_found_that_the_file_would_refuse():
    """Llama 3.1 405B has 126 layers: 16 stages of 16 virtual ones are too many."""
    fleet = Variants("xai-total", CATALOG)

    one = found(fleet, "jobs.flagship.layout.vpp", "mfu.step_time_s", 5.918390979670443)

    for root in one.roots:
        evaluate(fleet.with_sets(f"jobs.flagship.layout.vpp={root.value:.0f}").case)
    assert 16.0 not in [root.value for root in one.roots]
