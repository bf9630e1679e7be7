import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc import yamlio
from colocalc.yamlout import dump

READABLE = st.characters(exclude_categories=["Cs", "Co", "Cn"], exclude_characters="\0")  # which no file may hold
TEXT = st.text(READABLE, max_size=12)
SCALAR = TEXT | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
KEY = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=6).map("k{}".format)
DATA = st.recursive(
    SCALAR, lambda part: st.lists(part, max_size=3) | st.dictionaries(KEY, part, max_size=3), max_leaves=8
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(KEY, DATA, max_size=4))
def test_what_is_written_reads_back_as_it_was(data):
    found = yamlio.read(dump(data), name="x") or {}
    assert found == data
    assert dump(found) == dump(data)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "NULL",
        "1e9",
        "0x10",
        "1:30",
        "~",
        "",
        " a",
        "a: b",
        "- a",
        "#",
        "!x",
        "*a",
        "%",
        "a\nb",
        "\x7f",
        "\u2028",
        "\U0001f600",
        '"',
        "2026-05-08",
    ],
)
def test_text_that_looks_like_something_else_stays_text(text):
    assert yamlio.read(dump({"a": text, "b": [text]}), name="x") == {"a": text, "b": [text]}


def test_words_are_bare_and_a_whole_number_has_no_point():
    assert dump({"gpu": "h100-sxm", "count": 8.0, "share": 0.1, "on": [True, {"a": "b c", "d": []}], "e": {}}) == (
        'gpu: h100-sxm\ncount: 8\nshare: 0.1\n"on":\n- true\n- a: b c\n  d: []\ne: {}\n'
    )
