"""A goal for one number: what was asked, where it holds, and the fleet there."""

import numpy as np
import pytest

from colocalc.case import numbers
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.study.evaluate import evaluate
from colocalc.study.goal import comparison_of, reach
from colocalc.variants import Variants

CATALOG = load_catalog()
# Covers 15.768 of 20 million USD; each USD per GPU-hour is 7.884 million.
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_000}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 2, billed_share: 0.9}
finance: {loss_usd: 20e6, loss_months: 12}
"""
RATE = "lease.rate_usd_per_gpu_h"
FULL = 20e6 / (1_000 * 8_760 * 0.9)


@pytest.fixture(scope="module")
def small():
    return Variants("-", CATALOG, stdin=SMALL)


def goal(fleet, key, text, between=None):
    return reach(fleet, key, comparison_of(text, fleet.case.pools.names), between=between)


# What a goal may be


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hedge.gross_share = 1", ("hedge.gross_share", "=", 1.0)),
        ("hedge.gross_share=100%", ("hedge.gross_share", "=", 1.0)),
        (" hedge.gross_share >= 83.5 % ", ("hedge.gross_share", ">=", 0.835)),
        ("lease.run_rate_revenue_usd_per_yr > 5_000_000_000", ("lease.run_rate_revenue_usd_per_yr", ">", 5e9)),
        ("lease.contribution_usd_per_yr < -1.5e6", ("lease.contribution_usd_per_yr", "<", -1.5e6)),
        ("pools.a.fleet.gpu_count <= 8", ("pools.a.fleet.gpu_count", "<=", 8.0)),
    ],
)
def test_a_goal_is_one_comparison(text, parts):
    found = comparison_of(text, ("a",))

    assert (found.metric, found.op, found.number) == pytest.approx(parts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hedge.gross_share != 1", "a goal is met by =, <, <=, > or >="),
        ("hedge.gross_share > 1 and hedge.gross_share < 2", "a goal is one comparison, without and / or"),
        ("hedge.gross_share > 1 or mfu.job_share > 2", "a goal is one comparison, without and / or"),
        ("hedge.gros_share = 1", "did you mean hedge.gross_share?"),
        ("pools.b.fleet.gpu_count = 1", "unknown metric"),
        ("hedge.gross_share", "expected one of"),
        ("hedge.gross_share == 1", "write = for equal"),
        ("", "expected a metric"),
        ("1 = hedge.gross_share", "the metric stands before the number"),
        ("hedge.gross_share = nan", "expected a number"),
        ("x" * 1_001, "longer than 1,000 characters"),
    ],
)
def test_what_is_no_goal_is_refused(text, message):
    with pytest.raises(ColocalcError) as caught:
        comparison_of(text, ("a",))

    assert message in str(caught.value)
    assert str(caught.value).isprintable()


# What is met


def test_a_goal_that_is_met_has_the_fleet_that_meets_it(small):
    found = goal(small, RATE, "hedge.gross_share = 1")

    assert found.is_met
    assert (found.key, found.unit, found.now) == (RATE, "usd_per_gpu_h", 2.0)
    assert found.now_metric == pytest.approx(0.7884)
    assert float(evaluate(found.met).metrics["hedge.gross_share"]) == pytest.approx(1.0, rel=1e-9)
    assert numbers(found.met)[RATE].value == pytest.approx(FULL)
    assert found.ranges == ()


def test_a_number_the_file_does_not_have_has_no_present(small):
    found = goal(small, "lease.fee_usd_per_month", "hedge.gross_share = 0.6")

    assert found.now is None
    assert found.now_metric == pytest.approx(0.7884)
    assert [root.value for root in found.solution.roots] == pytest.approx([1e6])
    assert float(evaluate(found.met).metrics["hedge.gross_share"]) == pytest.approx(0.6)


def test_a_goal_that_cannot_be_met_has_no_fleet(small):
    found = goal(small, "lease.billed_share", "hedge.gross_share = 1")

    assert not found.is_met
    assert found.met is None
    assert found.solution.roots == ()


def test_a_goal_that_is_met_everywhere_is_met_by_the_fleet_as_it_is(small):
    found = goal(small, "calibration.scale_loss_share", "hedge.gross_share = 0.7884")

    assert found.solution.everywhere
    assert found.is_met
    assert found.met is None
    assert not goal(small, "calibration.scale_loss_share", "hedge.gross_share = 0.5").is_met


def test_whole_numbers_that_step_far_over_it_do_not_meet_a_goal(small):
    found = goal(small, "finance.loss_months", "hedge.gross_share = 0.1")

    (root,) = found.solution.roots
    assert (root.value, root.kind) == (2.0, "between")
    assert root.metric == pytest.approx(0.7884 / 6.0)
    assert not found.is_met
    assert found.met is None


def test_a_place_where_the_fleet_has_no_result_alone_meets_nothing(small):
    """Without a replica MFU is undefined, not nothing, and such a fleet is refused when it is asked for."""
    found = goal(small, "pools.a.count", "mfu.job_share <= 0", (1.0, 4.0))

    assert found.ranges == ()
    assert found.met is None


def test_a_whole_number_within_a_hundredth_meets_it(small):
    found = goal(small, "pools.a.count", "hedge.gross_share = 1")

    assert found.is_met
    assert float(found.met.pools.gpu_count[0]) == 1_268.0


# Inequalities


@pytest.mark.parametrize(
    ("key", "text", "ranges", "first"),
    [
        (RATE, "hedge.gross_share >= 1", [(FULL, 2e4)], FULL),
        (RATE, "hedge.gross_share > 1", [(FULL, 2e4)], FULL),
        (RATE, "hedge.gross_share <= 1", [(2e-4, FULL)], FULL),
        (RATE, "hedge.gross_share < 1", [(2e-4, FULL)], FULL),
        ("lease.billed_share", "hedge.gross_share >= 0.5", [(0.5 / 0.876, 1.0)], 0.5 / 0.876),
        ("lease.billed_share", "hedge.gross_share >= 1", [], None),
        ("lease.billed_share", "hedge.gross_share < 1", [(0.0, 1.0)], 0.0),
        ("calibration.scale_loss_share", "hedge.gross_share > 0.5", [(0.0, 1.0)], 0.0),
        # 4 months of such a loss are covered to 26%, 5 to 33%: only what holds is told.
        ("finance.loss_months", "hedge.gross_share >= 0.3", [(5.0, 120_000.0)], 5.0),
        ("finance.loss_months", "hedge.gross_share <= 0.3", [(1.0, 4.0)], 4.0),
        ("finance.loss_months", "hedge.gross_share > 0.2628", [(5.0, 120_000.0)], 5.0),
        ("finance.loss_months", "hedge.gross_share >= 0.2628", [(4.0, 120_000.0)], 4.0),
    ],
)
def test_an_inequality_holds_from_edge_to_edge(small, key, text, ranges, first):
    found = goal(small, key, text)

    assert [len(pair) for pair in found.ranges] == [2] * len(ranges)
    assert np.ravel(found.ranges).tolist() == pytest.approx(np.ravel(ranges).tolist(), rel=1e-9)
    assert found.is_met == bool(ranges)
    if first is not None:
        assert numbers(found.met)[key].value == pytest.approx(first, rel=1e-9)


def test_an_inequality_may_hold_in_the_middle_or_at_both_ends(small):
    fleet = small.with_sets("reliability.checkpoint_interval_s=600")
    key, metric = "reliability.checkpoint_interval_s", "mfu.stage.goodput_factor"
    best = float(evaluate(small.case).metrics[metric])

    (inside,) = goal(fleet, key, f"{metric} >= {0.98 * best!r}").ranges
    outside = goal(fleet, key, f"{metric} <= {0.98 * best!r}").ranges

    assert len(outside) == 2
    assert (outside[0][1], outside[1][0]) == pytest.approx(inside, rel=1e-6)


def test_a_stretch_where_the_metric_is_undefined_does_not_hold(small):
    """One GPU of two makes no replica: there is a step from the second on."""
    (only,) = goal(small, "pools.a.count", "mfu.step_time_s >= 0", (1.0, 40.0)).ranges

    assert only == (2.0, 40.0)


@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("target", [0.2, 0.45, 0.7884, 1.1])
def test_whatever_stretch_is_told_holds_in_its_middle_and_at_whole_ends(small, op, target):
    found = goal(small, "finance.loss_months", f"hedge.gross_share {op} {target}", (1.0, 30.0))

    inside = {month for low, high in found.ranges for month in range(int(low), int(high) + 1)}
    covered = {month: 0.7884 * month / 12.0 for month in range(1, 31)}
    holds = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[op]
    assert inside == {month for month, share in covered.items() if holds(round(share - target, 12), 0.0)}


# The range, the curve


def test_only_the_range_asked_for_is_searched(small):
    assert not goal(small, RATE, "hedge.gross_share = 1", (0.0, 2.5)).is_met
    assert goal(small, RATE, "hedge.gross_share = 1", (2.5, 2.6)).is_met
    assert goal(small, RATE, "hedge.gross_share >= 1", (2.55, 2.6)).ranges == ((2.55, 2.6),)


def test_the_curve_runs_around_what_is_and_what_was_found(small):
    found = goal(small, RATE, "hedge.gross_share = 1")
    at = [value for value, _ in found.curve]

    assert len(at) == 9
    assert at == sorted(at)
    assert (at[0], at[-1]) == pytest.approx((1.0, 2.0 * FULL))
    for value, metric in found.curve:
        assert metric == pytest.approx(0.3942 * value, rel=1e-9)


def test_the_curve_stays_in_the_range_and_has_gaps_where_the_metric_has_none(small):
    found = goal(small, "pools.a.count", "mfu.step_time_s = 1_000_000", (1.0, 4.0))

    assert [value for value, _ in found.curve] == [1.0, 2.0, 3.0, 4.0]
    assert found.curve[0][1] is None
    assert found.curve[1][1] > 0.0


# What is no number


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nosuch.key", "--for nosuch.key: unknown key"),
        ("lease.billed_shar", "--for lease.billed_shar: unknown key; did you mean billed_share?"),
        (
            "calibration.scale_loss_shar",
            (
                '--for calibration.scale_loss_shar: no assumption of this fleet is called "calibration.scale_loss_shar"; '
                "did you mean calibration.scale_loss_share?"
            ),
        ),
        (
            "training.layout.zero_stage",
            "--for training.layout.zero_stage: should be one of 0, 1, 2, 3, not 16; did you mean 1?",
        ),
        ("pools.b.count", '--for pools.b.count: nothing named "b" in pools; it has a'),
        ("pools", "--for pools: should be a list, not 1000"),
    ],
)
def test_a_key_that_is_no_number_is_told_as_such(small, key, message):
    with pytest.raises(ColocalcError) as caught:
        goal(small, key, "hedge.gross_share = 1")

    assert str(caught.value) == message


def test_a_metric_without_a_value_is_no_goal(colocalc):
    bare = b"""
name: bare
gpus: {own: {title: Own, peak_tflop_per_s: {bf16: 100}}}
pools: [{gpu: own, count: 8}]
lease: {rate_usd_per_gpu_h: 2}
"""
    wanted = ("--for", "lease.billed_share", "--until", "h100e.hbm_bandwidth_count = 1")
    run = colocalc("solve", "-", *wanted, stdin=bare)
    assert (run.code, run.out) == (3, "")
    assert run.err == "--until: h100e.hbm_bandwidth_count is undefined: a GPU of the fleet has no such figure\n"
