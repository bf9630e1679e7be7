"""Verdicts on what is said of a fleet, on fleets small enough to weigh by hand."""

import csv
import io
import json
import math
import re
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from colocalc.catalog import load_catalog
from colocalc.claim import Claim
from colocalc.errors import EXIT_INPUT, InputError
from colocalc.metrics import STAGES
from colocalc.study.claims import weigh
from colocalc.variants import Variants

CATALOG = load_catalog()

# 1,500 GPUs, of which the H100 may be 900 to 1,460; $2 an hour, half of the hours billed; a loss of $26.28M a year.
FLEET = """
name: small
pools:
  - {name: a, gpu: h100-sxm, count: {value: 1_000, low: 900, high: 1_460, source: desk}}
  - {name: b, gpu: h200-sxm, count: 500}
lease: {rate_usd_per_gpu_h: 2, billed_share: {value: 0.5, low: 0.4, high: 0.6}}
finance: {loss_usd: 26.28e6, loss_months: 12}
sources: {desk: {title: Our own desk, date: 2026-01, kind: own}, post: {title: A post, date: 2026-02, kind: press}}
scenarios:
  more: {set: {pools.b.count: 2_000}}
  free: {set: {lease.billed_share: 0}}
  idle: {set: {lease.rate_usd_per_gpu_h: 4}}
"""
GPUS = "fleet.gpu_count"
REVENUE = "lease.run_rate_revenue_usd_per_yr"  # 1,500 x 8,760 x 2 x 0.5 = 13.14M
TRAINING = "training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 33_554_432, layout: {tp: 8}}\n"
JOB = "name: job\npools: [{name: a, gpu: h100-sxm, count: 1_024}]\n" + TRAINING
# Stages as somebody measured them: a step of 0.4 x 0.5, three quarters of the time, half of the hours.
MEASURED = """
name: measured
pools: [{gpu: h100-sxm, count: 64}]
training:
  allocation_share: {value: 0.5, low: 0.3, high: 1}
  measured:
    {ceiling_factor: 0.4, power_factor: 0.5, goodput_factor: 0.75, shape_factor: 1, memory_bound_factor: 1, jitter_factor: 1}
scenarios:
  dark: {set: {training.measured.power_factor: 1e-9}}
"""


def variants(text, *, scenario=None, sets=()):
    return Variants("-", CATALOG, stdin=text.encode(), scenario=scenario, sets=sets)


@cache
def weighed(text, *claims, scenario=None, sets=()):
    """The verdicts on claims written in YAML."""
    fleet = variants(f"{text}claims: [{', '.join(claims)}]\n", scenario=scenario, sets=sets)
    return weigh(fleet.fleet.claims, fleet)


def verdict(text, claim, **how):
    (found,) = weighed(text, claim, **how)
    return found


def about(metric, says, more=""):
    return f"{{metric: {metric}, says: {says}{more}}}"


def word(text, metric, says, more="", **how):
    return verdict(text, about(metric, says, more), **how).word


def refused(claim, text=FLEET):
    """The one fault of a claim that is not taken."""
    with pytest.raises(InputError) as caught:
        _ = variants(f"{text}claims: [{claim}]\n").fleet
    (fault,) = caught.value.faults
    return fault


# A number, and what rounds to it


def test_the_number_that_is_found_holds():
    found = verdict(FLEET, about(GPUS, 1_500))

    assert (found.word, found.value, found.low, found.high) == ("holds", 1_500, 1_500, 1_500)
    assert (found.says_low, found.says_high) == (pytest.approx(1_425), pytest.approx(1_575))
    assert found.unit == "count"
    assert found.because == "fleet.gpu_count is 1,500; the claim says 1,500"
    assert found.needs == ()


# 1,500 is within 5% of what is said from 1,428.57 (x 1.05) to 1,578.95 (x 0.95).
@pytest.mark.parametrize(("says", "holds"), [(1_428.6, True), (1_428.5, False), (1_578.9, True), (1_579.0, False)])
def test_a_bare_number_may_be_off_by_five_percent_of_itself_and_no_more(says, holds):
    assert (word(FLEET, GPUS, says) == "holds") is holds


@pytest.mark.parametrize("says", [1_500 / 1.05, 1_500 / 0.95])
def test_the_edge_itself_holds_whatever_a_float_makes_of_it(says):
    assert word(FLEET, GPUS, repr(says)) == "holds"


def test_the_tolerance_is_an_assumption_that_a_file_may_change():
    strict = FLEET + "assumptions: {claims.tolerance_share: 0}\n"
    wide = FLEET + "assumptions: {claims.tolerance_share: 0.5}\n"

    assert [word(one, GPUS, 1_499) for one in (strict, FLEET, wide)] == ["holds if", "holds", "holds"]
    assert word(strict, GPUS, 1_500) == "holds"
    assert word(wide, GPUS, 1_001) == "holds"


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("{low: 1_500, high: 1_600}", "holds"),
        ("{low: 1_400, high: 1_500}", "holds"),
        ("{low: 1_500, high: 1_500}", "holds"),
        ("{at_least: 1_500}", "holds"),
        ("{at_most: 1_500}", "holds"),
        ("{at_least: 1_501}", "holds if"),
        ("{at_most: 1_499}", "holds if"),
        ("{low: 1_501, high: 1_600}", "holds if"),
        ("{at_least: 1_961}", "does not hold"),
        ("{at_most: 1_399}", "does not hold"),
    ],
)
def test_a_range_has_no_tolerance_and_its_ends_belong_to_it(says, expected):
    assert word(FLEET, GPUS, says) == expected


def test_an_open_end_is_without_end():
    least, most = weighed(FLEET, about(GPUS, "{at_least: 5}"), about(GPUS, "{at_most: 5_000}"))

    assert (least.says_low, least.says_high) == (5, math.inf)
    assert (most.says_low, most.says_high) == (-math.inf, 5_000)
    assert least.because == "fleet.gpu_count is 1,500; the claim says at least 5"
    assert most.because == "fleet.gpu_count is 1,500; the claim says at most 5,000"


def test_a_sum_that_a_float_misses_by_its_last_digit_is_what_was_said():
    # 0.1 x 3 is 0.30000000000000004
    fleet = "name: f\npools: [{gpu: h100-sxm, count: 10}]\nlease: {rate_usd_per_gpu_h: 3, billed_share: 0.1}\n"
    exact = 10 * 8_760 * 3 // 10

    assert word(fleet, REVENUE, f"{{at_most: {exact}}}") == "holds"
    assert word(fleet, REVENUE, f"{{at_least: {exact}}}") == "holds"
    assert word(fleet, REVENUE, f"{{at_least: {exact * 1.00001}}}") == "does not hold"


# Claims that make no sense have a verdict too


@pytest.mark.parametrize(
    "says", ["-1", "2", "0", "1e18", "-1e18", "1e-18", "{at_most: -5}", "{at_least: 40}", "{low: -2, high: -1}"]
)
def test_a_share_that_cannot_be_does_not_hold(says):
    found = verdict(MEASURED, about("mfu.step_share", says))

    assert found.word == "does not hold"
    assert found.value == pytest.approx(0.2)
    assert all(math.isfinite(need.value) for need in found.needs)


@pytest.mark.parametrize("says", ["{at_most: 1e18}", "{at_least: -1e18}", "{low: -1e18, high: 1e18}"])
def test_a_claim_that_allows_everything_holds(says):
    assert word(MEASURED, "mfu.step_share", says) == "holds"


@pytest.mark.parametrize("says", ["1e19", ".inf", ".nan", "true", "'2'", "{low: 2, high: 1}", "{low: 1}", "{}", "[1]"])
def test_what_is_no_number_and_no_range_is_refused_where_it_stands(says):
    fault = refused(about(GPUS, says))

    assert fault.path.startswith("claims.0.says")
    assert fault.line == FLEET.count("\n") + 1


# The band: what nobody gave


def test_a_range_that_the_file_gives_is_no_part_of_the_band():
    found = verdict(FLEET, about(REVENUE, 20e6))

    assert (found.low, found.high) == (found.value, found.value)
    assert found.value == pytest.approx(13.14e6)


def test_a_range_of_an_assumption_is_the_band_and_holds_where_it_meets_the_claim():
    found = verdict(JOB, about("mfu.step_share", 0.45))
    beyond = [
        verdict(JOB, about("mfu.step_share", f"{{{end}: {number!r}}}"))
        for end, number in (("at_least", found.high), ("at_most", found.low))
    ]

    assert found.low < found.value < found.high
    assert [one.word for one in beyond] == ["holds", "holds"]
    assert word(JOB, "mfu.step_share", f"{{at_least: {found.high * 1.001!r}}}") == "does not hold"
    assert word(JOB, "mfu.step_share", f"{{at_most: {found.low * 0.999!r}}}") == "does not hold"


def test_independent_ranges_add_as_the_root_of_the_sum_of_squares():
    # Power: 1,000 H100 of 1,275 W at a typical 0.7 (0.66 to 0.73), PUE 1.25 (1.20 to 1.30), both of the defaults.
    fleet = "name: f\npools: [{gpu: h100-sxm, count: 1_000, site: s}]\nsites: {s: {facility_power_mw: 2}}\n"
    found = verdict(fleet, about("fleet.typical_power_mw", 1))
    value = 1.275 * 0.7 * 1.25
    down = math.hypot(value * 0.04 / 0.7, value * 0.05 / 1.25)
    up = math.hypot(value * 0.03 / 0.7, value * 0.05 / 1.25)

    assert found.value == pytest.approx(value)
    assert (found.low, found.high) == (pytest.approx(value - down), pytest.approx(value + up))


def test_what_the_file_fixes_leaves_no_band():
    fleet = "name: f\npools: [{gpu: h100-sxm, count: 1_000, site: s}]\n"
    fleet += "sites: {s: {facility_power_mw: 2, pue_factor: 1.25}}\nassumptions: {sites.s.typical_draw_share: 0.7}\n"
    found = verdict(fleet, about("fleet.typical_power_mw", 1))

    assert found.low == found.value == found.high == pytest.approx(1.275 * 0.7 * 1.25)


# Holds if: one given input inside its own range


def test_a_given_input_inside_its_range_makes_it_hold_if():
    found = verdict(FLEET, about(GPUS, 1_800))
    (need,) = found.needs

    assert found.word == "holds if"
    assert (need.key, need.value, need.now, need.low, need.high) == ("pools.a.count", 1_300, 1_000, 900, 1_460)
    assert need.is_inside
    assert found.because == "fleet.gpu_count is 1,500, not 1,800; it holds with pools.a.count 1,300 (now 1,000)"


@pytest.mark.parametrize(
    ("says", "count"),
    [
        ("1_960", 1_460),  # its upper end
        ("1_380", 949),  # the number said lies below the lower end, and what rounds to it does not
        ("2_040", 1_438),  # likewise above: 2,040 less 5% is 1,938
        ("{at_least: 1_900}", 1_400),
        ("{at_most: 1_450}", 950),
        ("{low: 1_900, high: 5_000}", 1_400),
    ],
)
def test_put_back_the_value_makes_the_claim_hold(says, count):
    found = verdict(FLEET, about(GPUS, says))
    (need,) = found.needs

    assert found.word == "holds if"
    assert need.value == pytest.approx(count, abs=1)
    assert need.low <= need.value <= need.high
    assert word(FLEET, GPUS, says, sets=(f"{need.key}={need.value:.0f}",)) == "holds"


@pytest.mark.parametrize(("says", "expected"), [("2_063", "holds if"), ("2_064", "does not hold")])
def test_a_number_and_the_range_it_stands_for_have_one_verdict(says, expected):
    # 1,960 GPUs are the most the file allows: 95% of 2,063.
    low, high = float(says) * 0.95, float(says) * 1.05

    assert word(FLEET, GPUS, says) == expected
    assert word(FLEET, GPUS, f"{{low: {low!r}, high: {high!r}}}") == expected


def test_no_input_beyond_its_range_makes_it_hold_if():
    found = verdict(FLEET, about(GPUS, 2_100))

    assert found.word == "does not hold"
    assert {need.key: need.value for need in found.needs} == {"pools.a.count": 1_600, "pools.b.count": 1_100}
    assert not any(need.is_inside for need in found.needs)


def test_several_given_inputs_may_each_make_it_true():
    # 15% more: 1,725 GPUs or 57.5% billed.
    found = verdict(FLEET, about(REVENUE, 13.14e6 * 1.15))
    needs = {need.key: need.value for need in found.needs}

    assert found.word == "holds if"
    assert needs == {"pools.a.count": pytest.approx(1_225), "lease.billed_share": pytest.approx(0.575)}


# What it would take


def test_what_it_would_take_is_each_number_alone_and_the_nearest_first():
    found = verdict(FLEET, about(REVENUE, 26.28e6))
    values = {need.key: need.value for need in found.needs}

    # Twice the revenue: twice the rate or twice the hours billed; twice the GPUs are 2,500 H100.
    assert found.word == "does not hold"
    assert values["lease.billed_share"] == pytest.approx(1.0)
    assert len(values) == 2
    assert "it would take" in found.because


def test_a_whole_number_is_told_whole():
    found = verdict(FLEET, about(GPUS, "{at_least: 2_001}"))

    assert [need.value for need in found.needs] == [1_501, 1_001]


def test_where_no_number_makes_it_true_that_is_said():
    found = verdict(MEASURED, about("mfu.step_share", 2))

    assert found.needs == ()
    assert found.because == "mfu.step_share is 20.0%, not 200.0%; none of the inputs it answers to here makes it true"


# By: the input that is said to bring it about


@pytest.mark.parametrize(
    ("says", "key", "expected", "value"),
    [
        (0.09, "training.allocation_share", "holds if", 0.6),  # 0.15 x 0.6, in 0.3 to 1
        (0.045, "training.allocation_share", "holds if", 0.3),  # the end of its range
        (0.03, "training.allocation_share", "does not hold", 0.2),
        (0.15, "training.allocation_share", "holds if", 1.0),
        (0.3, "training.allocation_share", "does not hold", None),  # twice what there is
        (0.15, "training.measured.power_factor", "does not hold", 1.0),
        (0.3, "finance.discount_rate_share", "does not hold", None),  # has no part in it
    ],
)
def test_the_verdict_solves_for_the_one_input_that_is_blamed(says, key, expected, value):
    text = MEASURED + "finance: {discount_rate_share: 0.1}\n" if key.startswith("finance") else MEASURED
    found = verdict(text, about("mfu.fleet_share", says, f", by: {key}"))

    assert found.word == expected
    assert [need.key for need in found.needs] == ([key] if value else [])
    if value:
        assert found.needs[0].value == pytest.approx(value)
        assert word(text, "mfu.fleet_share", says, sets=(f"{key}={found.needs[0].value!r}",)) == "holds"
    else:
        assert found.because.endswith(f"; no value of {key} makes it true")


def test_a_blamed_input_that_reaches_what_rounds_to_the_number_holds_if():
    # 0.155 wants 103% of the hours; 100% give 0.15, which is within 5% of it.
    found = verdict(MEASURED, about("mfu.fleet_share", 0.155, ", by: training.allocation_share"))

    assert found.word == "holds if"
    assert found.needs[0].value == pytest.approx(0.155 * 0.95 / 0.15)


def test_of_two_values_that_would_do_the_one_inside_the_range_is_told():
    # 0.0435 wants 29% of the hours, less than the file allows; what rounds to it begins at 30.45%.
    found = verdict(MEASURED, about("mfu.fleet_share", 0.0435, ", by: training.allocation_share"))

    assert found.word == "holds if"
    assert found.needs[0].value == pytest.approx(0.3045)


def test_a_claim_that_holds_anyway_asks_nothing_of_the_input_it_blames():
    found = verdict(MEASURED, about("mfu.fleet_share", 0.075, ", by: training.allocation_share"))

    assert (found.word, found.needs) == ("holds", ())


def test_an_input_that_the_file_does_not_have_yet_can_be_blamed():
    found = verdict(JOB, about("mfu.job_share", 0.2, ", by: pools.a.reliability.failures_per_1000_gpu_day"))
    (need,) = found.needs

    assert found.word == "does not hold"
    assert need.now is None
    assert word(JOB, "mfu.job_share", 0.2, sets=(f"{need.key}={need.value!r}",)) == "holds"


# Claims about an input


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("1_000", "holds"),
        ("950", "holds"),
        ("1_460", "holds"),
        ("1_500", "holds"),  # less 5%: 1,425
        ("1_550", "does not hold"),
        ("850", "does not hold"),
        ("{at_least: 1_461}", "does not hold"),
        ("{at_most: 900}", "holds"),
        ("{low: 2_000, high: 3_000}", "does not hold"),
    ],
)
def test_an_input_is_held_against_the_band_the_file_gives_it(says, expected):
    found = verdict(FLEET, f"{{input: pools.a.count, says: {says}}}")

    assert found.word == expected
    assert (found.value, found.low, found.high) == (1_000, 900, 1_460)
    assert found.unit == "count"
    assert found.because.startswith("the file has 1,000 (900 to 1,460), from desk")


def test_an_input_without_a_band_is_its_value():
    found = verdict(FLEET, "{input: pools.b.count, says: 600}")

    assert (found.word, found.value, found.low, found.high) == ("does not hold", 500, 500, 500)
    assert found.because == "the file has 500, from no source; the claim says 600"


def test_an_input_that_comes_from_the_claims_own_source_proves_nothing_and_says_so():
    own = verdict(FLEET, "{input: pools.a.count, says: 1_000, source: desk}")
    other = verdict(FLEET, "{input: pools.a.count, says: 1_000, source: post}")

    assert own.because == (
        "the file has 1,000 (900 to 1,460), from the claim's own source: nothing computed here checks it"
    )
    assert "from desk" in other.because
    assert own.word == other.word == "holds"


def test_an_input_that_nobody_gave_is_not_said_to_be_in_the_file():
    found = verdict(JOB, "{input: calibration.scale_loss_share, says: 0.6}")

    assert found.word == "does not hold"
    assert found.because == (
        "the file gives none; 4.0% (2.9% to 5.6%) is taken, from fit-2026-11; the claim says 60.0%"
    )


@pytest.mark.parametrize("key", ["lease.months", "finance.valuation_usd", "costs.operations_usd_per_yr"])
def test_an_input_that_the_file_does_not_have_is_not_covered(key):
    found = verdict(FLEET, f"{{input: {key}, says: 5}}")

    assert (found.word, found.value, found.says_low) == ("not covered", None, None)
    assert found.because == f"the file says nothing of {key}"


def test_an_input_that_nothing_computes_with_can_be_held_against_the_file():
    valued = FLEET.replace("loss_months: 12", "loss_months: 12, valuation_usd: {value: 1.75e12, source: post}")

    found = verdict(valued, "{input: finance.valuation_usd, says: 1.75e12, source: post}")
    assert (found.word, found.value, found.unit) == ("holds", 1.75e12, "usd")
    assert word_of_input(valued, "finance.valuation_usd", "1.9e12") == "does not hold"


def word_of_input(text, key, says, **how):
    return verdict(text, f"{{input: {key}, says: {says}}}", **how).word


def test_an_input_that_is_no_number_is_not_covered():
    assert word_of_input(JOB, "training.model", 8) == "not covered"


# Causes


@pytest.mark.parametrize(
    ("cause", "reference", "says", "expected", "explained"),
    [
        ("power", 0.4, 0.1, "holds", "50.0%"),  # a half twice: exactly half of the fall
        ("power", 0.4, 0.0999, "does not hold", "50.0%"),
        ("power", 0.4, 0.2, "holds", "100.0%"),
        ("power", 0.4, 0.3, "holds", "240.9%"),  # ln 0.5 / ln 0.75: more than there is
        ("goodput", 0.4, 0.3, "holds", "100.0%"),
        ("goodput", 0.4, 0.1, "does not hold", "20.8%"),  # ln 0.75 / ln 0.25
        ("allocation", 0.4, 0.1, "holds", "50.0%"),
    ],
)
def test_a_cause_holds_when_its_stage_is_half_of_the_fall_or_more(cause, reference, says, expected, explained):
    found = verdict(MEASURED, f"{{cause: {cause}, metric: mfu.fleet_share, reference: {reference}, says: {says}}}")

    assert found.word == expected
    assert f"explains {explained} of the fall" in found.because
    assert found.says_low is None
    assert found.says_high == pytest.approx(math.sqrt(says / reference))
    assert found.unit == "factor"


def test_the_half_line_is_told_where_it_is_missed():
    found = verdict(MEASURED, "{cause: goodput, metric: mfu.fleet_share, reference: 0.4, says: 0.1}")

    assert found.because == (
        "the stage goodput at 0.7500 explains 20.8% of the fall from 40.0% to 10.0%; "
        "half of it takes a factor of 0.5000 or less"
    )


def test_what_nobody_gave_may_make_a_cause_hold():
    # The immature stack is 0.63, at the worst 0.60, and the fixed time of a step takes near 1% more: half of a fall by
    # 0.37 (0.6083 squared) is out of reach of 0.63.
    job = JOB.replace("layout", "software: immature, layout")
    claim = "{cause: software, metric: mfu.step_share, reference: 0.4, says: 0.148}"
    found = verdict(job, claim)

    assert 0.99 * 0.60 < found.low < 0.60
    assert found.word == "holds"
    assert "at most 52." in found.because  # ln 0.595 / ln 0.37
    assert verdict(job + "assumptions: {software.immature_factor: 0.63}\n", claim).word == "does not hold"


@pytest.mark.parametrize("stage", ["recompute", "mixed_generations", "bubble"])
def test_a_stage_that_takes_nothing_explains_nothing(stage):
    found = verdict(JOB, f"{{cause: {stage}, metric: mfu.step_share, reference: 0.4, says: 0.1}}")

    assert (found.word, found.value) == ("does not hold", 1.0)
    assert "explains 0.0% of the fall" in found.because


def test_a_stage_that_leaves_nothing_explains_all():
    fleet = JOB + "reliability: {failures_per_1000_gpu_day: 1e12}\n"
    found = verdict(fleet, "{cause: goodput, metric: mfu.job_share, reference: 0.4, says: 0.1}")

    assert (found.word, found.value) == ("holds", 0.0)
    assert found.because == "the stage goodput at 0.0000 explains all of the fall from 40.0% to 10.0%"
    behind = verdict(fleet, "{cause: allocation, metric: mfu.fleet_share, reference: 0.4, says: 0.1}")
    assert (behind.word, behind.because) == ("not covered", "a stage before it leaves nothing")


def test_a_stage_that_nobody_could_model_is_not_covered():
    found = verdict(MEASURED, "{cause: bubble, metric: mfu.step_share, reference: 0.4, says: 0.1}")

    assert (found.word, found.value) == ("not covered", None)


@pytest.mark.parametrize(
    ("stage", "metric"),
    [
        ("goodput", "mfu.step_share"),
        ("allocation", "mfu.step_share"),
        ("allocation", "mfu.job_share"),
        ("power", "hedge.gross_share"),
        ("power", GPUS),
    ],
)
def test_a_stage_cannot_be_why_something_fell_that_it_is_no_part_of(stage, metric):
    found = verdict(MEASURED, f"{{cause: {stage}, metric: {metric}, reference: 0.4, says: 0.1}}")

    assert found.word == "does not hold"
    assert found.because == f"the stage {stage} is no part of {metric}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_can_be_blamed_for_the_fall_of_a_fleet(stage):
    found = verdict(MEASURED, f"{{cause: {stage}, metric: mfu.fleet_share, reference: 0.4, says: 0.1}}")

    assert found.word in {"holds", "does not hold", "not covered"}
    assert "is no part of" not in found.because


@pytest.mark.parametrize(
    ("reference", "says"),
    [("0.4", "0"), ("0", "0.1"), ("0.4", "0.4"), ("0.1", "0.4"), ("0.4", "-0.1"), ("-0.4", "-0.5"), ("-0.1", "-0.4")],
)
def test_a_cause_of_what_is_no_fall_is_refused(reference, says):
    fault = refused(f"{{cause: power, metric: mfu.step_share, reference: {reference}, says: {says}}}")

    assert fault.path == "claims.0.says"
    assert "a cause claim is about a fall" in fault.message


# In a scenario, and against another


def test_a_claim_is_weighed_in_the_scenario_it_names():
    here, there = weighed(FLEET, about(GPUS, 3_000), about(GPUS, 3_000, ", scenario: more"))

    assert (here.word, here.value) == ("does not hold", 1_500)
    assert (there.word, there.value) == ("holds", 3_000)


def test_a_claim_without_one_is_weighed_in_the_scenario_that_was_asked_for():
    claims = (about(GPUS, 3_000), about(GPUS, 1_500), about(REVENUE, 26.28e6, ", scenario: idle"))

    assert [one.word for one in weighed(FLEET, *claims)] == ["does not hold", "holds", "holds"]
    asked = weighed(FLEET, *claims, scenario="more")
    assert [one.word for one in asked[:1]] == ["holds"]
    assert asked[1].value == 3_000
    assert asked[2].value == pytest.approx(26.28e6)  # its own scenario, not both


def test_an_override_reaches_every_scenario():
    claims = (about(GPUS, 2_500), about(GPUS, 4_000, ", scenario: more"))

    assert [one.word for one in weighed(FLEET, *claims, sets=("pools.a.count=2000",))] == ["holds", "holds"]


@pytest.mark.parametrize(
    ("more", "value", "place"),
    [
        (", scenario: more, relative_to: base", 2.0, "the file as it is"),
        (", relative_to: more", 0.5, "scenario more"),
        (", scenario: more, relative_to: idle", 2.0, "scenario idle"),
        (", relative_to: base", 1.0, "the file as it is"),
    ],
)
def test_a_claim_may_be_about_a_metric_over_what_it_is_elsewhere(more, value, place):
    found = verdict(FLEET, about(GPUS, value, more))

    assert found.word == "holds"
    assert (found.value, found.low, found.high, found.unit) == (value, value, value, "factor")
    assert f"fleet.gpu_count is {value:.4f} times that of {place};" in found.because


def test_base_is_the_file_as_it_is_whatever_scenario_was_asked_for():
    found = verdict(FLEET, about(GPUS, 2, ", relative_to: base"), scenario="more")

    assert (found.word, found.value) == ("holds", 2.0)


def test_a_ratio_that_is_off_does_not_hold_and_nothing_is_solved_for():
    found = verdict(FLEET, about(GPUS, 3, ", scenario: more, relative_to: base"))

    assert (found.word, found.needs) == ("does not hold", ())
    assert found.because == "fleet.gpu_count is 2.0000 times that of the file as it is, not 3.0000"


def test_a_ratio_to_nothing_is_not_covered():
    found = verdict(FLEET, about(REVENUE, 2, ", relative_to: free"))

    assert found.word == "not covered"
    assert found.because == f"{REVENUE} is zero or has no value in free"


# Mixed units

RACKS = """
name: racks
pools: [{name: g, gpu: gb200-nvl72, count: 720, counted_as: gpu}]
lease: {rate_usd_per_gpu_h: 3}
finance: {total_h100e_count: 2_000}
"""
COUNT, SHARE, RATE = "h100e.eight_bit_dense_count", "h100e.eight_bit_dense_total_share", "lease.mean_rate_usd_per_gpu_h"


@pytest.mark.parametrize(
    ("metric", "says", "words"),
    [
        (COUNT, "720", "720 is a count of GPUs, not of H100-equivalents"),
        (f"pools.g.{COUNT}", "720", "720 is a count of GPUs, not of H100-equivalents"),
        (SHARE, "0.36", "720 GPUs over 2,000 H100-equivalents is 36.0%: it divides GPUs by equivalents"),
        (SHARE, "{low: 0.35, high: 0.37}", "720 GPUs over 2,000 H100-equivalents is 36.0%"),
        (RATE, "216", "$216.00 is the rate of a rack, not of a GPU"),
        (RATE, "6", "$6.00 is the rate of a superchip, not of a GPU"),
    ],
)
def test_a_ratio_of_two_kinds_of_count_is_told_for_what_it_is(metric, says, words):
    found = verdict(RACKS, about(metric, says))

    assert found.word == "mixes units"
    assert found.because.startswith(words)
    assert f"; {metric} is " in found.because  # and what it is in one unit
    assert found.needs == ()


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        (COUNT, "{at_most: 720}"),
        (SHARE, "{at_most: 0.36}"),
        (RATE, "{at_least: 6}"),
        (RATE, "{at_least: 216}"),
        (COUNT, "600"),
        (SHARE, "0.30"),
        (RATE, "100"),
        ("h100e.raw_count", "600"),
    ],
)
def test_what_is_open_to_one_side_or_equals_no_such_ratio_mixes_nothing(metric, says):
    assert word(RACKS, metric, says) == "does not hold"


@pytest.mark.parametrize(("metric", "says"), [(COUNT, 1_819), (SHARE, 0.91), (RATE, 3), ("h100e.raw_count", 720)])
def test_a_claim_that_is_right_mixes_nothing(metric, says):
    assert word(RACKS, metric, says) == "holds"


def test_half_of_the_mfu_is_bf16_work_on_an_fp8_peak():
    share = verdict(JOB, about("mfu.step_share", 0.5)).value
    half, quarter, open_ended = weighed(
        JOB,
        about("mfu.step_share", repr(share / 2)),
        about("mfu.step_share", repr(share / 4)),
        about("mfu.step_share", f"{{at_most: {share / 2!r}}}"),
    )

    assert half.word == "mixes units"
    assert "is BF16 work over the dense FP8 peak" in half.because
    assert (quarter.word, open_ended.word) == ("does not hold", "does not hold")  # an H100 has no FP4


def test_a_ratio_to_another_scenario_mixes_nothing():
    one, two = weighed(
        RACKS + "scenarios: {a: {set: {pools.g.count: 1}}, b: {set: {pools.g.count: 2}}}\n",
        about(COUNT, 720, ", relative_to: a"),
        about(COUNT, 720, ", relative_to: b"),
    )

    assert (one.word, one.value) == ("holds", pytest.approx(720))
    assert (two.word, two.value) == ("does not hold", pytest.approx(360))


# What is not covered


def test_what_the_model_says_nothing_about_says_why():
    found = verdict(FLEET, "{not_covered: Nothing is known of inference., says: 30}")

    assert (found.word, found.because) == ("not covered", "Nothing is known of inference.")
    assert (found.value, found.says_low, found.unit) == (None, None, None)


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("mfu.fleet_share", "needs training"),
        ("hedge.ebit_share", "needs lease.months"),
        ("h100e.eight_bit_dense_total_share", "needs finance.total_h100e_count"),
        ("fleet.radiator_area_m2", "orbit"),
    ],
)
def test_a_metric_without_a_value_is_not_covered_and_its_reason_is_told(metric, why):
    found = verdict(FLEET, about(metric, 1))

    assert (found.word, found.value) == ("not covered", None)
    assert why in found.because


def test_a_cause_without_training_is_not_covered():
    found = verdict(FLEET, "{cause: power, metric: mfu.step_share, reference: 0.4, says: 0.1}")

    assert found.word == "not covered"
    assert "needs training" in found.because


def test_a_scenario_that_cannot_be_computed_leaves_its_own_claims_uncovered_and_no_others():
    broken = FLEET.replace("scenarios:\n", "scenarios:\n  gone: {set: {pools.b.gpu: no-such-gpu}}\n")
    claims = (
        about(GPUS, 1_500),
        about(GPUS, 1_500, ", scenario: gone"),
        about(GPUS, 1, ", relative_to: gone"),
        "{input: pools.a.count, says: 1_000, scenario: gone}",
        about(GPUS, 3_000, ", scenario: more"),
    )
    found = weighed(broken, *claims)

    assert [one.word for one in found] == ["holds", "not covered", "not covered", "not covered", "holds"]
    for one in found[1:4]:
        assert one.because.startswith("this cannot be computed: ")
        assert 'unknown GPU "no-such-gpu"' in one.because


# Several jobs, and none

OTHERS = "shape_factor: 1, memory_bound_factor: 1, jitter_factor: 1, goodput_factor: 1"
JOBS = """
name: two
pools: [{name: a, gpu: h100-sxm, count: 100}, {name: b, gpu: h100-sxm, count: 300}]
jobs:
  - {name: one, pools: [a], measured: {ceiling_factor: 0.8, OTHERS}}
  - {name: two, pools: [b], measured: {ceiling_factor: 0.4, OTHERS}, allocation_share: 0.5}
""".replace("OTHERS", OTHERS)


def test_claims_on_several_jobs_are_on_all_of_them_together():
    step, fleet = weighed(JOBS, about("mfu.step_share", 0.5), about("mfu.fleet_share", 0.35))

    # (0.8 + 3 x 0.4) / 4; (0.8 + 3 x 0.4 x 0.5) / 4
    assert (step.word, step.value) == ("holds", pytest.approx(0.5))
    assert (fleet.word, fleet.value) == ("holds", pytest.approx(0.35))


def test_an_input_of_one_job_can_be_blamed():
    found = verdict(JOBS, about("mfu.fleet_share", 0.26, ", by: jobs.two.allocation_share"))

    assert found.needs[0].value == pytest.approx(0.2)  # (0.8 + 1.2 x 0.2) / 4
    assert verdict(JOBS, "{input: jobs.two.allocation_share, says: 0.5}").word == "holds"


def test_without_claims_there_are_no_verdicts():
    assert weighed(FLEET) == ()
    fleet = variants(FLEET)
    assert weigh(fleet.fleet.claims, fleet) == ()


# What a claim may look like


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("{says: 1}", "a claim is about a metric, an input or a cause"),
        (f"{{metric: {GPUS}}}", "missing"),
        (f"{{metric: {GPUS}, input: pools.a.count, says: 1}}", "no metric and no cause"),
        ("{cause: power, says: 1}", "also names its metric and its reference"),
        (
            "{cause: power, metric: mfu.step_share, reference: 0.4, says: {low: 0.1, high: 0.2}}",
            "a cause claim says one number",
        ),
        (f"{{metric: {GPUS}, says: 1, reference: 2}}", "reference belongs to a claim about a cause"),
        ("{input: pools.a.count, says: 1, by: pools.a.count}", "by belongs to a claim about a metric"),
        ("{input: pools.a.count, says: 1, relative_to: base}", "relative_to belongs to a claim about a metric"),
        (f"{{metric: {GPUS}, says: 1, by: pools.a.count, relative_to: base}}", "by does not go with relative_to"),
        (f"{{metric: {GPUS}, says: 1, not_covered: x}}", "not_covered stands instead of"),
        (f"{{metric: {GPUS}, says: {{at_least: 1, at_most: 2}}}}", "{low, high}"),
        (f"{{metric: {GPUS}, says: 1, scenario: gone}}", 'no scenario "gone"'),
        ("{metric: mfu.flet_share, says: 1}", "unknown metric"),
        ("{cause: powr, metric: mfu.step_share, reference: 0.4, says: 0.1}", "is no stage of the waterfall"),
        ("{input: pools.z.count, says: 1}", "nothing is named"),
    ],
)
def test_a_claim_that_cannot_be_weighed_is_refused(claim, message):
    assert message in str(refused(claim))


def test_two_claims_have_two_ids():
    fault = refused(f"{about(GPUS, 1, ', id: x')}, {about(GPUS, 2, ', id: x')}")

    assert (fault.path, fault.message) == ("claims.1.id", '"x" is the id of claims.0 already')


def test_a_claim_is_frozen_and_knows_no_other_words():
    claim = Claim(metric=GPUS, says=1.0)

    with pytest.raises(ValidationError):
        claim.says = 2.0
    with pytest.raises(ValidationError):
        Claim.model_validate({"metric": GPUS, "says": 1.0, "verdict": "holds"})


# Laws

NUMBERS = st.floats(1.0, 1e6)
WORDS = ("holds", "holds if", "mixes units", "does not hold", "not covered")


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 10**7), rate=st.floats(0.01, 1e3), billed=st.floats(0.01, 1.0))
def test_a_claim_that_is_the_metric_itself_always_holds(count, rate, billed):
    fleet = f"name: f\npools: [{{gpu: h100-sxm, count: {count}}}]\n"
    fleet += f"lease: {{rate_usd_per_gpu_h: {rate!r}, billed_share: {billed!r}}}\n"
    value = verdict(fleet, about(REVENUE, 1)).value
    says = (repr(value), f"{{at_least: {value!r}}}", f"{{at_most: {value!r}}}", f"{{low: {value!r}, high: {value!r}}}")

    assert [one.word for one in weighed(fleet, *(about(REVENUE, each) for each in says))] == ["holds"] * 4


@settings(max_examples=15, deadline=None)
@given(ends=st.tuples(NUMBERS, NUMBERS).map(sorted), wider=st.tuples(st.floats(1.0, 3.0), st.floats(1.0, 3.0)))
def test_what_says_more_never_loses_a_verdict(ends, wider):
    narrow = about(GPUS, f"{{low: {ends[0]!r}, high: {ends[1]!r}}}")
    wide = about(GPUS, f"{{low: {ends[0] / wider[0]!r}, high: {ends[1] * wider[1]!r}}}")
    first, second = weighed(FLEET, narrow, wide)

    assert WORDS.index(second.word) <= WORDS.index(first.word)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(6)))
def test_verdicts_do_not_depend_on_the_order_of_claims(order):
    claims = (
        about(GPUS, 1_500),
        about(GPUS, 1_800),
        about(REVENUE, 26.28e6, ", scenario: idle"),
        about(REVENUE, 1, ", scenario: more"),
        about(GPUS, 2, ", scenario: more, relative_to: base"),
        "{input: pools.a.count, says: 700}",
    )
    straight = weighed(FLEET, *claims)
    turned = weighed(FLEET, *(claims[place] for place in order))

    assert [straight[place] for place in order] == list(turned)


def test_a_claim_is_weighed_alone_as_among_others():
    claims = [about("mfu.step_share", 0.45), about("mfu.fleet_share", 0.2), about("mfu.job_mttf_s", 1)]

    assert [verdict(JOB, claim) for claim in claims] == list(weighed(JOB, *claims))


# The same verdicts in every format, and a sentence that is safe to show

HOSTILE = (
    FLEET
    + r"""claims:
  - {id: one, metric: fleet.gpu_count, says: 1_500, statement: "[bold red]x[/] | `y` <b>z</b>", note: "\e[31mred \u202egnp.exe"}
  - {id: two, not_covered: "\e]0;title\a | a [link=x]y[/link]", who: "\u202eevil"}
  - {id: three, metric: fleet.gpu_count, says: {at_least: 4_000}}
  - {id: four, metric: fleet.gpu_count, says: 1_800}
  - {id: five, metric: fleet.gpu_count, says: 2, scenario: more, relative_to: base}
"""
)
EXPECTED = {"one": "holds", "two": "not covered", "three": "does not hold", "four": "holds if", "five": "holds"}


def verdicts_among(lines):
    """The cell after the id, where a line has both."""
    pairs = [pair for line in lines for pair in pairwise(line)]
    return {claim: word for claim, word in pairs if claim in EXPECTED and word in WORDS}


def test_every_format_has_the_same_verdicts(colocalc):
    def told(fmt):
        run = colocalc("check", "-", "--format", fmt, stdin=HOSTILE.encode(), columns=200)
        assert run.code == 0, run.err
        return run.out

    rows = json.loads(told("json"))["tables"]["claims"]
    assert {row["claim"]: row["verdict"] for row in rows} == EXPECTED
    lines = list(csv.reader(io.StringIO(told("csv"))))
    assert verdicts_among(lines) == EXPECTED
    assert (
        verdicts_among([[cell.strip() for cell in line.split("|")] for line in told("markdown").splitlines()])
        == EXPECTED
    )
    assert verdicts_among([re.split(r"  +", line) for line in told("table").splitlines()]) == EXPECTED


@pytest.mark.parametrize("fmt", ["table", "markdown", "csv", "json"])
@pytest.mark.parametrize("columns", [80, 200])
def test_what_a_claim_says_cannot_move_the_cursor_or_turn_the_line(colocalc, fmt, columns):
    run = colocalc("check", "-", "--format", fmt, stdin=HOSTILE.encode(), columns=columns)

    assert run.code == 0
    for character in ("\x1b", "\x07", "\u202e"):
        assert character not in run.out
        assert character not in run.err


def test_markup_is_shown_as_it_was_written(colocalc):
    table = colocalc("check", "-", stdin=HOSTILE.encode(), columns=200).out
    markdown = colocalc("check", "-", "--format", "markdown", stdin=HOSTILE.encode()).out

    assert "[bold red]x[/]" in table
    assert "[link=x]y[/link]" in table
    assert "<b>" not in markdown
    (row,) = [line for line in markdown.splitlines() if line.startswith("| one |")]
    (heading,) = [line for line in markdown.splitlines() if line.startswith("| Claim |")]
    assert row.replace("\\|", "").count("|") == heading.count("|")  # a bar of the file opens no cell


def test_a_broken_claim_stops_the_check_with_its_line(colocalc):
    run = colocalc("check", "-", stdin=(FLEET + "claims: [{metric: fleet.gpu_cont, says: 1}]\n").encode())

    assert run.code == EXIT_INPUT
    line = FLEET.count("\n") + 1
    assert (
        run.err
        == f'<stdin>:{line}:19: claims.0.metric: unknown metric "fleet.gpu_cont"; did you mean fleet.gpu_count?\n'
    )
