import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc import expect
from colocalc.errors import EXIT_INPUT, ColocalcError
from colocalc.expect import Comparison, ExpectError, judge, metrics_of, parse, unknown_metrics

LAW = settings(max_examples=80, deadline=None, derandomize=True)
METRICS = st.from_regex(r"[a-z][a-z0-9_]{0,8}\.[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True)
OPERATORS = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def holds(text, undefined=None, **metrics):
    values = {f"m.{name}": value for name, value in metrics.items()}
    return judge(parse(text), metrics=values, undefined=undefined or {}).holds


def only(text):
    ((comparison,),) = parse(text).alternatives
    return comparison


def refused(text):
    with pytest.raises(ExpectError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "=", "!="])
@pytest.mark.parametrize("space", ["", " ", "  \t\n "])
def test_a_comparison_reads_with_and_without_space(op, space):
    assert only(f"{space}mfu.fleet_share{space}{op}{space}0.11{space}") == Comparison("mfu.fleet_share", op, 0.11)


@pytest.mark.parametrize(
    "metric",
    [
        "lease.run_rate_revenue_usd_per_yr",
        "pools.gb200.lease.run_rate_revenue_usd_per_yr",
        "pools.GB-200_b.lease.x_usd",
        "pools.0.count",
        "h100e.mlperf_training_405b_v5_0_count",
        "pools.and.count",
        "orders",
    ],
)
def test_a_metric_is_dotted_and_a_pool_in_it_may_be_named_freely(metric):
    assert only(f"{metric} > 1").metric == metric


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("5e9", 5e9),
        ("5E+9", 5e9),
        ("5_000_000_000", 5e9),
        ("-1.5", -1.5),
        ("+.5", 0.5),
        ("3.", 3.0),
        ("1e-3", 0.001),
        ("0", 0.0),
        ("11%", 0.11),
        ("11 %", 0.11),
        ("-2.5%", -0.025),
        ("1_000.5e1_0", 1000.5e10),
    ],
)
def test_a_number_is_written_as_in_python_or_as_percent(written, number):
    assert only(f"m.x = {written}").number == number


@pytest.mark.parametrize(
    "written",
    ["nan", "inf", "-inf", "infinity", "1e999", "1e999%", "5B", "5,000", "1__0", "_1", "1_", "0x10", "٣", "1e", "--1"],
)
def test_what_is_no_finite_number_is_refused(written):
    error = refused(f"m.x > {written}")
    assert error.position == 7
    assert "number" in error.message


def test_and_binds_tighter_than_or():
    groups = parse("m.a > 1 or m.b > 2 and m.c > 3 or m.d > 4").alternatives
    assert [[each.metric for each in group] for group in groups] == [["m.a"], ["m.b", "m.c"], ["m.d"]]


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("", 1, None),
        ("   ", 4, None),
        ("m.x", 4, None),
        ("m.x >", 6, "5e9"),
        ("m.x > 1 and", 12, None),
        ("m.x > 1 m.y > 2", 9, None),
        ("m.x > 1 2", 9, None),
        ("m.x > 1%%", 9, None),
        ("and > 1", 1, None),
        ("M.x > 1", 1, None),
        (".x > 1", 1, None),
        ("m..x > 1", 1, None),
        ("m.x == 1", 5, "write ="),
        ("m.x => 1", 5, "write >="),
        ("m.x ≥ 1", 5, "write >="),
        ("m.x <> 1", 5, "write !="),
        ("m.x >> 1", 5, None),
        ("m.x is 1", 5, None),
        ("m.x > 1 && m.y > 2", 9, "write and"),
        ("m.x > 1 OR m.y > 2", 9, "write or"),
        ("(m.x > 1)", 1, "no brackets"),
        ("m.x > (1)", 7, "no brackets"),
        ("0.1 < m.x", 1, "before the number"),
        ("m.x > 1; import os", 7, "5e9"),
        ("__import__('os').system('true')", 1, None),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place_with_a_hint(text, position, hint):
    error = refused(text)
    assert error.position == position
    assert f"at character {position}:" in str(error)
    assert (hint or "") in (error.hint or "")
    assert (hint is None) is (error.hint is None)


def test_a_wrong_expectation_is_bad_input_and_a_value_error():
    error = refused("m.x")
    assert isinstance(error, ColocalcError)
    assert isinstance(error, ValueError)
    assert error.exit_code == EXIT_INPUT


def test_a_message_shows_no_control_characters():
    assert "\x1b" not in str(refused("m.x > \x1b[31m\u202e"))


def test_a_thousand_characters_are_read_and_one_more_is_not():
    text = "m.x > 1".ljust(1_000)
    assert parse(text).alternatives
    assert refused(text + " ").position == 1_001


def test_fifty_comparisons_are_read_and_one_more_is_not():
    text = " and ".join(["m.x>1"] * 50)
    assert len(parse(text).alternatives[0]) == 50
    assert "50" in refused(text + " or m.y>1").message


def test_a_huge_text_is_refused_without_being_read():
    assert len(str(refused("(" * 10_000_000))) < 300


def test_an_expectation_keeps_its_text_without_space_around_it():
    assert parse("  m.x > 1 \n").text == "m.x > 1"


def test_each_metric_is_named_once_in_the_order_written():
    assert metrics_of(parse("m.b > 1 and m.a > 1 or m.b < 9")) == ("m.b", "m.a")


def test_unknown_metrics_are_named_with_the_nearest_id():
    names = ["mfu.fleet_share", "lease.run_rate_revenue_usd_per_yr"]
    messages = unknown_metrics(parse("mfu.flet_share > 1 or q.z > 1"), names.__contains__, names)
    assert messages == ['unknown metric "mfu.flet_share"; did you mean mfu.fleet_share?', 'unknown metric "q.z"']


def test_known_metrics_give_no_message():
    assert unknown_metrics(parse("pools.a.x_usd > 1"), lambda name: name.startswith("pools."), iter(())) == []


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("m.x < 2", False),
        ("m.x <= 2", True),
        ("m.x > 2", False),
        ("m.x >= 2", True),
        ("m.x = 2", True),
        ("m.x != 2", False),
        ("m.x > 199%", True),
    ],
)
def test_a_comparison_means_what_it_says(text, met):
    assert holds(text, x=2.0) is met


@pytest.mark.parametrize(("value", "equal"), [(1e9 + 999.0, True), (1e9 - 999.0, True), (1e9 + 1_001.0, False)])
def test_equal_means_within_a_millionth(value, equal):
    assert holds("m.x = 1e9", x=value) is equal
    assert holds("m.x != 1e9", x=value) is not equal


def test_only_zero_equals_zero():
    assert holds("m.x = 0", x=0.0)
    assert not holds("m.x = 0", x=1e-300)


@pytest.mark.parametrize("op", ["<", "<=", "=", "!=", ">", ">="])
def test_infinity_compares_as_larger_than_every_number(op):
    assert holds(f"m.x {op} 5", x=float("inf")) is (op in {"!=", ">", ">="})


def test_every_comparison_of_one_alternative_has_to_hold():
    assert holds("m.a > 1 and m.b > 1", a=2.0, b=2.0)
    assert not holds("m.a > 1 and m.b > 1", a=2.0, b=0.0)
    assert holds("m.a > 1 and m.b > 1 or m.b < 1", a=2.0, b=0.0)


@pytest.mark.parametrize("op", ["<", "<=", "=", "!=", ">", ">="])
@pytest.mark.parametrize("metrics", [{}, {"m.x": float("nan")}])
def test_an_undefined_metric_fails_with_its_reason_whatever_the_operator(op, metrics):
    outcome = judge(parse(f"m.x {op} 1"), metrics=metrics, undefined={"m.x": "needs costs.capital_usd_per_gpu"})
    assert outcome == expect.Outcome(False, "m.x is undefined: needs costs.capital_usd_per_gpu", (("m.x", None),))


def test_an_undefined_metric_does_not_spoil_another_alternative():
    assert holds("m.gone > 1 or m.x > 1", x=2.0, undefined={"m.gone": "why"})
    assert not holds("m.gone > 1 and m.x > 1", x=2.0, undefined={"m.gone": "why"})


def test_a_metric_with_neither_value_nor_reason_fails():
    assert judge(parse("m.x > 1"), metrics={}, undefined={}).reason == "m.x is undefined: it has no value here"


def test_the_reason_of_a_failure_names_every_obstacle_once_with_its_value():
    outcome = judge(
        parse("mfu.fleet_share > 12% and m.b > 1 or mfu.fleet_share > 12%"),
        metrics={"mfu.fleet_share": 0.1098, "m.b": 0.5},
        undefined={},
    )
    assert outcome.reason == "mfu.fleet_share is 0.1098 (11.0%), not > 0.12; m.b is 0.5, not > 1"
    assert outcome.values == (("mfu.fleet_share", 0.1098), ("m.b", 0.5))


def test_the_reason_of_a_success_names_the_alternative_that_holds():
    outcome = judge(parse("m.a > 1 or m.usd > 5e9 and m.usd < 6e9"), metrics={"m.a": 0.0, "m.usd": 5.5e9}, undefined={})
    assert (outcome.holds, outcome.reason) == (True, "m.usd is 5.5e+09 ($5.500B)")


def test_values_are_shown_with_the_unit_of_their_metric():
    outcome = judge(parse("lease.r_usd_per_yr > 5e9"), metrics={"lease.r_usd_per_yr": 5.01072e9}, undefined={})
    assert outcome.reason == "lease.r_usd_per_yr is 5.01072e+09 ($5.011B/yr)"


@LAW
@given(st.lists(st.lists(st.builds(Comparison, METRICS, OPERATORS, NUMBERS), min_size=1), min_size=1, max_size=4))
def test_what_is_written_out_reads_back(groups):
    text = " or ".join(" and ".join(f"{c.metric} {c.op} {c.number!r}" for c in group) for group in groups)
    if len(text) <= expect.LONGEST_TEXT and sum(map(len, groups)) <= expect.MOST_COMPARISONS:
        assert parse(text).alternatives == tuple(map(tuple, groups))


@LAW
@given(NUMBERS, NUMBERS, st.sampled_from([("<", ">="), (">", "<="), ("=", "!=")]))
def test_an_operator_and_its_opposite_never_agree(value, number, pair):
    first, second = (holds(f"m.x {op} {number!r}", x=value) for op in pair)
    assert first is not second


@LAW
@given(st.text(alphabet="m.x_0123456789<>=!&|()%eE+-, \tandor\u202e", max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused_inside_it(text):
    try:
        read = parse(text)
    except ExpectError as error:
        place, message = error.position, str(error)
    else:
        place, message = 1, str(read.alternatives[0][0])
    assert 1 <= place <= len(text) + 1
    assert len(message.splitlines()) == 1
