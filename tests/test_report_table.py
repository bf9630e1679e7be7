import dataclasses

import numpy as np
import pytest

from colocalc.report.table import (
    Assumption,
    Column,
    Note,
    Report,
    Table,
    assumption_table,
    band_text,
    cell_text,
    cited_sources,
    raw,
    sparkline,
    value_text,
)

POOL = Column("pool", "Pool", kind="text")


def one(value, **column):
    table = Table("t", "T", (Column("x", "X", **column),), ((value,),))
    return cell_text(table.columns[0], table.rows[0], table)


def report(**parts):
    empty = {"fleet": None, "scenario": None, "metrics": {}, "undefined": {}, "units": {}, "tables": ()}
    return Report(command="mfu", title="T", **(empty | parts))


def assumed(path="a.b_share", value=0.5, unit="share", low=None, high=None, source=None):
    return Assumption(path, value, unit, low, high, source, "assumed")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (5_010_720_000.0, "usd_per_yr", "$5.011B/yr"),
        (np.float64(0.1098), "share", "11.0%"),
        (np.int64(220_000), "count", "220,000"),
        (np.array(2.5), "factor", "2.5000"),
        (7, None, "7"),
        (None, "usd", "—"),
        (float("nan"), "usd", "—"),
        (np.float64("nan"), "usd", "—"),
        (True, None, "yes"),
        (np.bool_(False), "share", "no"),
        ("on-demand", "usd", "on-demand"),
    ],
)
def test_a_cell_is_shown_as_a_person_reads_it(value, unit, shown):
    assert one(value, unit=unit) == shown


def test_text_is_shown_on_one_line_without_live_controls():
    assert one("\x1b[31m\nx\u202e", kind="text") == "\\x1b[31m\\nx\\u202e"


def test_a_cell_may_take_its_unit_from_another_of_its_row():
    columns = (Column("value", "Value", unit_from="unit"), Column("unit", "Unit", kind="text", hidden=True))
    table = Table("t", "T", columns, ((0.25, "share"), (2e9, "usd"), (3.5, None)))
    assert [cell_text(columns[0], row, table) for row in table.rows] == ["25.0%", "$2.000B", "3.5"]


@pytest.mark.parametrize(
    ("columns", "rows", "total_count"),
    [
        ((POOL, POOL), (), 0),
        ((Column("x", "X", unit_from="unit"),), (), 0),
        ((POOL,), ((),), 0),
        ((POOL,), (("a", 1),), 0),
        ((POOL,), (("a",),), 2),
        ((POOL,), (("a",),), -1),
    ],
)
def test_a_table_that_does_not_fit_its_columns_is_refused(columns, rows, total_count):
    with pytest.raises(ValueError, match="table t: "):
        Table("t", "T", columns, rows, total_count)


def test_a_report_has_one_table_of_a_key():
    table = Table("t", "T", (POOL,), ())
    with pytest.raises(ValueError, match="twice"):
        report(tables=(table, table))


@pytest.mark.parametrize("value", [POOL, Note("n"), assumed(), Table("t", "T", (POOL,), ()), report()])
def test_nothing_in_a_report_can_be_replaced(value):
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.key = "other"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(2.5), 2.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(4.0), 4.0),
        (float("nan"), None),
        (None, None),
        (False, False),
        (float("inf"), float("inf")),
        (("a", 1), "('a', 1)"),
    ],
)
def test_raw_values_are_plain_python(value, plain):
    assert raw(value) == plain
    assert type(raw(value)) is type(plain)


def test_a_value_of_an_assumption_may_be_text_or_a_truth():
    assert value_text("on-demand", None) == "on-demand"
    assert value_text(False, None) == "no"


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0.1, 0.3, "10.0% to 30.0%"), (None, 0.3, "— to 30.0%"), (0.1, None, "10.0% to —"), (None, None, "")],
)
def test_a_band_is_shown_with_its_unit_and_an_open_end_as_a_dash(low, high, shown):
    assert band_text(assumed(low=low, high=high)) == shown


def test_assumptions_become_a_table_with_value_band_origin_and_source():
    table = assumption_table((assumed(low=0.1, high=0.6, source="s1"), assumed("c.d_usd", None, "usd")))
    shown = [[cell_text(column, row, table) for column in table.columns if not column.hidden] for row in table.rows]
    assert shown == [
        ["a.b_share", "50.0%", "10.0% to 60.0%", "assumed", "s1"],
        ["c.d_usd", "—", "", "assumed", ""],
    ]


def test_sources_are_those_cited_in_the_order_first_cited():
    columns = (POOL, Column("rate_source", "Source", kind="text"), Column("source", "S", kind="text", hidden=True))
    table = Table("t", "T", columns, (("a", "s3", "never"), ("b", None, "never")))
    cited = cited_sources(
        report(
            tables=(table,),
            assumptions=(assumed(source="s2, s1"), assumed(), assumed(source="s2")),
            source_titles={"s1": "One", "s2": "Two", "s9": "not cited"},
        )
    )
    assert list(cited.items()) == [("s3", ""), ("s2", "Two"), ("s1", "One")]


def test_sources_of_some_assumptions_only_can_be_asked_for():
    first, second = assumed(source="s1"), assumed(source="s2")
    assert list(cited_sources(report(assumptions=(first, second)), (second,))) == ["s2"]


def test_a_bar_is_as_long_as_its_part_of_the_largest_and_totals_have_none():
    columns = (Column("x_share", "X", "share", kind="text", drawn=True, narrow=True),)
    table = Table("t", "T", columns, ((0.5,), (0.25,), (0.0,), (None,), (0.75,)), total_count=1)
    assert [cell_text(columns[0], row, table) for row in table.rows] == [
        " 50.0% ████████",
        " 25.0% ████",
        "  0.0%",
        "     —",
        " 75.0%",
    ]


def test_a_wide_bar_is_longer_than_a_narrow_one():
    column = Column("x_share", "X", "share", kind="text", drawn=True)
    table = Table("t", "T", (column,), ((0.5,),))
    assert cell_text(column, (0.5,), table).count("█") == 20


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([-7.0, 0.0], "▁█"),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], "▁▂▃▄▅▆▇█"),
        ([3.0, 3.0], ""),
        ([], ""),
    ],
)
def test_a_sparkline_goes_from_the_least_to_the_largest(values, line):
    assert sparkline(values) == line


@pytest.mark.parametrize(
    ("columns", "rows", "more", "said"),
    [
        (("a", "a"), ((1.0, 2.0),), {}, "table t: a column key stands twice"),
        (("a", "b"), ((1.0,),), {}, "table t: a row has not one value per column"),
        (("a",), ((1.0,),), {"total_count": 2}, "table t: more totals than rows"),
    ],
)
def test_a_table_that_does_not_fit_together_is_refused(columns, rows, more, said):
    with pytest.raises(ValueError, match=said):
        Table("t", "T", tuple(Column(key, key, "usd") for key in columns), rows, **more)


def test_a_unit_is_that_of_a_column_there_is():
    with pytest.raises(ValueError, match="table t: unit_from names no column"):
        Table("t", "T", (Column("a", "A", unit_from="b"),), ((1.0,),))


def test_a_report_has_a_table_of_a_key_once():
    table = Table("t", "T", (Column("a", "A", "usd"),), ((1.0,),))
    with pytest.raises(ValueError, match="report lease: a table key stands twice"):
        Report("lease", "x", None, None, {}, {}, {}, (table, table))


def test_numbers_that_are_one_draw_no_line():
    assert sparkline([2.0, 2.0]) == sparkline([]) == ""
    assert len(sparkline([1.0, 2.0, 3.0])) == 3
