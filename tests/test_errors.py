import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc import errors
from colocalc.errors import ColocalcError, Fault, InputError, did_you_mean, printable, quoted

LAW = settings(max_examples=80, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, µ and é", "plain text, µ and é"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("two\nlines", "two\\nlines"),
        ("tab\tand\rreturn", "tab\\tand\\rreturn"),
        ("abc\u202edef", "abc\\u202edef"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        (12.5, "12.5"),
        (None, "None"),
        ("", ""),
    ],
)
def test_characters_that_move_turn_or_hide_are_written_as_escapes(text, shown):
    assert printable(text) == shown


def test_a_limit_cuts_with_an_ellipsis_and_counts_it():
    assert printable("x" * 10, 10) == "x" * 10
    assert printable("x" * 11, 10) == "x" * 9 + "…"


@LAW
@given(st.text(), st.none() | st.integers(min_value=1, max_value=20))
def test_printable_text_is_one_harmless_line_within_its_limit(text, limit):
    shown = printable(text, limit)
    assert all(unicodedata.category(character)[0] != "C" for character in shown)
    assert len(shown.splitlines()) <= 1
    assert limit is None or len(shown) <= limit


@LAW
@given(st.text())
def test_printable_text_is_left_as_it_is_the_second_time(text):
    assert printable(printable(text)) == printable(text)


def test_only_text_is_quoted_in_a_message():
    assert quoted("gb200") == '"gb200"'
    assert quoted(5) == "5"
    assert quoted(True) == "True"


def test_a_quoted_value_is_cut_at_eighty_characters():
    assert quoted("x" * 80) == '"' + "x" * 80 + '"'
    assert quoted("x" * 1_000_000) == '"' + "x" * 79 + "…" + '"'


def test_a_near_word_is_suggested():
    assert did_you_mean("cuont", ["name", "gpu", "count"]) == "did you mean count?"


@pytest.mark.parametrize("word", ["zzz", "", 7])
def test_nothing_is_suggested_when_nothing_is_near(word):
    assert did_you_mean(word, ["name", "gpu", "count"]) is None


def test_a_huge_word_is_compared_only_by_its_start():
    assert did_you_mean("c" * 5_000_000, ["count"]) is None


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ColocalcError("no such fleet"), "no such fleet"),
        (ColocalcError("no such fleet", where="colosus-1"), "colosus-1: no such fleet"),
        (ColocalcError("no such fleet", hint="did you mean colossus-1?"), "no such fleet; did you mean colossus-1?"),
        (ColocalcError("bad", where="a\x1b[0m", hint="mend it"), "a\\x1b[0m: bad; mend it"),
    ],
)
def test_an_error_says_where_what_and_how_to_mend_it(error, shown):
    assert str(error) == shown


def test_an_error_is_bad_input_unless_said_otherwise():
    assert ColocalcError("x").exit_code == errors.EXIT_INPUT == 3
    assert ColocalcError("x", exit_code=errors.EXIT_IO).exit_code == 5


def test_exit_codes_differ_and_leave_two_to_usage():
    codes = {errors.EXIT_EXPECTATION, errors.EXIT_INPUT, errors.EXIT_IO, errors.EXIT_READER_WENT_AWAY}
    assert codes == {1, 3, 5, 141}


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (
            Fault("unknown key", "fleet.yaml", 5, 12, "pools.0.cuont", "did you mean count?"),
            "fleet.yaml:5:12: pools.0.cuont: unknown key; did you mean count?",
        ),
        (Fault("no such file", "fleet.yaml"), "fleet.yaml: no such file"),
        (Fault("bad", "evil\n.yaml", 1, 1, "a\x1bb"), "evil\\n.yaml:1:1: a\\x1bb: bad"),
    ],
)
def test_a_fault_is_one_line_that_editors_can_jump_to(fault, shown):
    assert str(fault) == shown


def test_twenty_faults_are_all_shown():
    shown = str(InputError(Fault(f"fault {n}", "f.yaml") for n in range(20))).splitlines()
    assert shown == [f"f.yaml: fault {n}" for n in range(20)]


def test_the_twenty_first_fault_is_counted_and_not_shown():
    error = InputError(Fault(f"fault {n}", "f.yaml") for n in range(57))
    shown = str(error).splitlines()
    assert len(shown) == 21
    assert shown[-1] == "... and 37 more"
    assert len(error.faults) == 57
    assert error.exit_code == 3
