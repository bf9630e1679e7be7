import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from colocalc.report import to_terminal
from colocalc.report.table import Assumption, Column, Note, Report, Table, cell_text

LAW = settings(max_examples=40, deadline=None, derandomize=True)
HOSTILE = ["[bold]x[/]", "[/]", ":smile:", "\x1b[31mred", "a\u202eb", "=1+1", "<script>", "|", "a\nb", "\u200b", "漢字"]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

COLUMNS = (
    Column("pool", "Pool", kind="text"),
    Column("gpu", "GPU", kind="text"),
    Column("gpu_count", "GPUs", "count"),
    Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
    Column("revenue_usd_per_yr", "Run-rate revenue", "usd_per_yr"),
    Column("power_cost_usd_per_yr", "Power", "usd_per_yr"),
    Column("contribution_usd_per_yr", "Contribution", "usd_per_yr"),
    Column("margin_share", "Margin", "share"),
    Column("secret_usd", "Secret", "usd", hidden=True),
    Column("note", "Remark", kind="text", wide=True),
)
ROWS = (
    (
        "h100",
        "h100-sxm",
        150_000,
        2.2,
        2.8908e9,
        98e6,
        2.79e9,
        0.966,
        123.45,
        "a rather long remark on where this is from",
    ),
    ("gb200", "gb200-nvl72", 20_000, 5.6, 9.81e8, 31e6, 9.5e8, 0.968, 123.45, "short"),
    ("fleet", "", 170_000, 2.6, 3.872e9, 129e6, 3.74e9, 0.966, 123.45, None),
)
POOLS = Table("pools", "Revenue by pool", COLUMNS, ROWS, 1, "Run-rate is full ramp over 8,760 hours.")


def assumed(number):
    return Assumption(f"pools.p{number}.rate_usd_per_gpu_h", 2.5, "usd_per_gpu_h", 2, 3, "mirae-2026-05", "given")


def report(*tables, **parts):
    return Report("lease", "Colossus 1", "colossus-1", None, {}, {}, {}, tables, **parts)


def shown(*tables, width=80, color=False, ascii_only=False, **parts):
    return to_terminal.render(report(*tables, **parts), width=width, color=color, ascii_only=ascii_only)


def table(label, *values, kind="number", unit=None):
    return Table("t", "Table", (Column("x", label, unit, kind=kind),), tuple((value,) for value in values))


def rules(text):
    return [line for line in text.splitlines() if line and set(line) <= set("─-+|")]


FULL = {
    "headline": ("The fleet would earn $3.872B/yr at the card's on-demand rates, of which three quarters are H100.",),
    "notes": (Note("one rate for all regions"), Note("the card is old", "warning")),
    "assumptions": tuple(assumed(number) for number in range(15)),
    "source_titles": {"mirae-2026-05": "Mirae Asset Securities, reading the compute lease, a long title, May 2026"},
}


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("width", [-1, 20, 60, 80, 119, 120, 200, 10_000])
def test_no_line_is_longer_than_the_terminal_nor_than_a_useful_table(width, color, ascii_only):
    text = shown(POOLS, width=width, color=color, ascii_only=ascii_only, **FULL)
    longest = max(cell_len(ESCAPE.sub("", line)) for line in text.splitlines())
    assert longest <= max(60, min(width, 140))


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
def test_no_number_is_cut_or_folded_at_any_width(width):
    text = shown(POOLS, width=width)
    for row in POOLS.rows:
        for column in COLUMNS[2:8]:
            assert re.search(rf"(^|\s){re.escape(cell_text(column, row, POOLS))}(\s|$)", text)


def test_columns_that_do_not_fit_go_below_beside_the_first_again():
    text = shown(POOLS, width=60)
    assert text.count("gb200 ") > 1
    assert text.count("gb200-nvl72") == 1
    assert shown(POOLS, width=200).count("\nh100 ") == 1


def test_a_table_does_not_stretch_to_fill_the_terminal():
    assert max(map(len, shown(table("X", 1.0), width=200).splitlines())) < 20


def test_the_title_and_the_headline_come_first():
    lines = shown(POOLS, width=200, headline=("First.", "Second.")).splitlines()
    assert lines[:3] == ["Colossus 1", "First.", "Second."]


def test_numbers_stand_right_and_text_left_under_their_headings():
    columns = (Column("a", "Name", kind="text"), Column("b", "GPUs", "count"))
    lines = shown(Table("t", "T", columns, (("x", 5), ("long name", 123_456)))).splitlines()
    heading, _, short, long = lines[-4:]
    assert [line.split("  ")[0] for line in (heading, short, long)] == ["Name", "x", "long name"]
    assert [line.split()[-1] for line in (heading, short, long)] == ["GPUs", "5", "123,456"]
    assert len(heading) == len(short) == len(long)


def test_totals_stand_below_a_rule():
    columns = (Column("a", "Pool", kind="text"), Column("b", "GPUs", "count"))
    lines = shown(Table("t", "T", columns, (("h100", 5), ("h200", 6), ("fleet", 11)), 1)).splitlines()
    assert [line[:5].rstrip() for line in lines[-5:]] == ["─────", "h100", "h200", "─────", "fleet"]


def test_a_table_without_totals_has_no_rule_but_that_of_its_head():
    assert len(rules(shown(table("X", 1.0, 2.0)))) == 1


def test_a_table_of_totals_only_has_no_rule_but_that_of_its_head():
    total = Table("t", "T", (Column("x", "X"),), ((1.0,),), 1)
    assert len(rules(shown(total))) == 1


def test_the_caption_stands_under_its_table():
    text = shown(POOLS, width=200)
    assert text.index("fleet") < text.index("Run-rate is full ramp over 8,760 hours.")


@pytest.mark.parametrize(("width", "there"), [(80, False), (119, False), (120, True), (200, True)])
def test_wide_columns_appear_from_120_columns_up(width, there):
    assert ("Remark" in shown(POOLS, width=width)) is there
    assert ("Band" in shown(POOLS, width=width, **FULL)) is there


def test_hidden_columns_never_appear():
    text = shown(POOLS, width=200)
    assert "Secret" not in text
    assert "123.45" not in text


def test_text_is_folded_and_never_lost():
    text = "word " * 40 + "x" * 200
    table_ = Table("t", "T", (Column("a", "A", kind="text"), Column("b", "B", "usd")), ((text, 1e9),))
    written = "".join(shown(table_, width=60).split())
    assert written.count("word") == 40
    assert written.count("x") == 200
    assert "$1.000B" in written


def test_a_long_key_is_broken_after_a_dot_or_an_underscore():
    path = "pools.gb200.lease.contribution_after_power_usd_per_yr"
    columns = (Column("a", "A", kind="text"), Column("b", "B", kind="text"), Column("c", "C", kind="text"))
    lines = shown(Table("t", "T", columns, ((path, "b " * 30, "c " * 30),)), width=60).splitlines()
    pieces = [
        line[: line.index("  ")] for line in lines if line.startswith(("pools", "lease", "contri", "after", "power"))
    ]
    assert "".join(pieces).startswith("pools.gb200.")
    assert all(piece[-1] in "._" for piece in pieces[:-1])


def test_a_heading_wraps_rather_than_widen_a_column_of_short_numbers():
    text = shown(table("Contribution after power and operations", 0.5, unit="share"))
    assert "Contribution after" not in text
    assert "Contribution\n" in text


def test_a_number_too_long_for_any_column_is_folded_and_kept_whole():
    text = shown(table("X", 1e60, unit="count"), width=60)
    assert "".join(text.split()).endswith(f"{1e60:,.0f}")


def test_a_table_without_rows_or_without_a_visible_column_is_still_a_report():
    assert "Pool" in shown(Table("t", "T", COLUMNS, ()), width=200)
    assert shown(Table("t", "T", (Column("x", "X", hidden=True),), ((1,),))).rstrip().endswith("T")
    assert "—" in shown(table("", None))


def test_notes_are_shown_elsewhere():
    assert "one rate for all regions" not in shown(**FULL)


def test_twelve_assumptions_are_shown_in_order_and_the_rest_is_counted():
    text = shown(**FULL)
    paths = re.findall(r"pools\.p\d+", text)
    assert paths == [f"pools.p{number}" for number in range(12)]
    assert "and 3 more: --format json lists all" in text


def test_twelve_assumptions_or_fewer_need_no_such_line():
    assert "more:" not in shown(assumptions=FULL["assumptions"][:12])
    assert "Assumptions" not in shown(POOLS)


def test_each_source_of_what_is_shown_is_listed_once_with_its_title():
    text = " ".join(shown(width=80, **FULL).split())
    assert text.count("Mirae Asset Securities, reading the compute lease, a long title, May 2026") == 1
    assert "Sources" not in shown(POOLS)


def test_without_color_there_is_no_escape_sequence():
    assert "\x1b" not in shown(POOLS, **FULL)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_color_changes_nothing_but_color(width):
    colored = shown(POOLS, width=width, color=True, **FULL)
    assert "\x1b[1m" in colored
    bare = "\n".join(line.rstrip() for line in ESCAPE.sub("", colored).split("\n"))
    assert bare == shown(POOLS, width=width, **FULL)


@pytest.mark.parametrize(
    "setting",
    [
        {"COLUMNS": "20", "LINES": "5"},
        {"TERM": "dumb"},
        {"NO_COLOR": "1"},
        {"FORCE_COLOR": "1"},
        {"TTY_COMPATIBLE": "1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("color", [False, True])
def test_the_environment_changes_nothing(monkeypatch, setting, color):
    before = shown(POOLS, width=100, color=color, **FULL)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    assert shown(POOLS, width=100, color=color, **FULL) == before


def test_ascii_only_keeps_to_ascii_and_to_the_same_words():
    text = shown(
        table("µ · é", None, 3e-6, "…", unit="s"),
        ascii_only=True,
        headline=("a — b… 5 \u00d7 3 漢",),
    )
    assert text.isascii()
    assert "a - b... 5 x 3 ?" in text
    assert "3 us" in text
    assert rules(text)


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text_everywhere(text, color):
    columns = (Column("x", text, kind="text"), Column("y", text))
    table_ = Table("t", text, columns, ((text, text),), 1, text)
    assumption = Assumption(text, text, text, None, None, "s", "given")
    everywhere = to_terminal.render(
        Report("c", text, None, None, {}, {}, {}, (table_,), (text,), (Note(text),), (assumption,), {"s": text}),
        width=80,
        color=color,
    )
    bare = ESCAPE.sub("", everywhere) if color else everywhere
    expected = (
        text.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\n", "\\n").replace("\u200b", "\\u200b")
    )
    assert bare.count(expected) == 11
    assert bare.replace("\n", "").isprintable()


@LAW
@given(
    st.lists(
        st.tuples(st.text(max_size=30), st.floats(-1e15, 1e15) | st.none(), st.text(max_size=60), st.floats(0, 1)),
        min_size=1,
        max_size=4,
    ),
    st.text(max_size=30),
    st.integers(min_value=60, max_value=150),
    st.booleans(),
)
def test_any_table_fits_and_keeps_its_numbers_whole(rows, label, width, ascii_only):
    columns = (
        Column("a", label, kind="text"),
        Column("b", label, "usd_per_yr"),
        Column("c", "C", kind="text"),
        Column("d", label, "share"),
    )
    table_ = Table("t", "T", columns, tuple(rows), 1)
    text = shown(table_, width=width, ascii_only=ascii_only)
    assert all(cell_len(line) <= min(width, 140) for line in text.splitlines())
    for row in rows:
        for column in (columns[1], columns[3]):
            assert cell_text(column, row, table_).replace("—", "-" if ascii_only else "—") in text


def test_of_very_many_rows_the_first_are_shown_and_the_totals_and_how_many_more_there_are():
    columns = (Column("pool", "Pool", kind="text"), Column("gpu_count", "GPUs", "count"))
    many = to_terminal.SHOWN_ROWS + 1_500
    rows = (*((f"p{number}", 1.0) for number in range(many)), ("fleet", float(many)))
    lines = shown(Table("pools", "Pools", columns, rows, 1)).split("\n")
    assert f"p{to_terminal.SHOWN_ROWS - 1}" in {line.split(" ")[0] for line in lines}
    assert not any(line.startswith(f"p{to_terminal.SHOWN_ROWS} ") for line in lines)
    assert any(line.startswith("fleet ") for line in lines)
    assert "and 1,500 more rows: --format json and csv list all" in lines
    assert not any("more rows" in line for line in shown(Table("t", "T", columns, rows[:1_000])).split("\n"))
