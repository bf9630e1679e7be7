import csv
from io import StringIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.report import to_csv
from colocalc.report.table import Assumption, Column, Report, Table

LAW = settings(max_examples=60, deadline=None, derandomize=True)
LETTERS = st.characters(exclude_categories=["C", "Z"]) | st.sampled_from([" ", "\n", "\t"])


def report(*tables, assumptions=()):
    return Report("lease", "T", None, None, {}, {}, {}, tables, assumptions=assumptions)


def table(*values, key="t"):
    return Table(key, "T", (Column("x", "X"),), tuple((value,) for value in values))


def read(*tables, **parts):
    """Rows by block; a block starts after an empty line."""
    blocks = [[]]
    for row in csv.reader(StringIO(to_csv.render(report(*tables, **parts)), newline="")):
        if row:
            blocks[-1].append(row)
        else:
            blocks.append([])
    return blocks


def cells(*values):
    return [row[1] for row in read(table(*values))[0][1:]]


def test_every_table_is_a_block_under_its_own_header_and_assumptions_come_last():
    columns = (Column("pool", "Pool", kind="text"), Column("revenue_usd", "Revenue", "usd"))
    pools = Table("pools", "Pools", columns, (("h100", 1.5e9), ("fleet", 2e9)), 1, "A caption.")
    assumption = Assumption("a.b_share", 0.5, "share", 0.1, None, "s1, s2", "given", None)
    assert to_csv.render(report(pools, table(1), assumptions=(assumption,))) == (
        "table,pool,revenue_usd\n"
        "pools,h100,1500000000.0\n"
        "pools,fleet,2000000000.0\n"
        "\n"
        "table,x\n"
        "t,1\n"
        "\n"
        "table,path,value,unit,low,high,source,origin,note\n"
        'assumptions,a.b_share,0.5,share,0.1,,"s1, s2",given,\n'
    )


def test_a_report_without_rows_still_has_its_headers():
    assert read(table()) == [
        [["table", "x"]],
        [["table", "path", "value", "unit", "low", "high", "source", "origin", "note"]],
    ]


def test_hidden_columns_and_units_that_differ_by_row_are_there():
    columns = (Column("value", "V", unit_from="unit"), Column("unit", "U", kind="text", hidden=True))
    (block, _) = read(Table("t", "T", columns, ((0.5, "share"), (2.0, "usd"))))
    assert block == [["table", "value", "unit"], ["t", "0.5", "share"], ["t", "2.0", "usd"]]


def test_missing_values_are_empty_and_truths_are_words():
    values = (None, float("nan"), np.float64("nan"), True, np.bool_(False))
    assert cells(*values) == ["", "", "", "true", "false"]


def test_array_scalars_are_written_as_the_values_they_hold():
    assert cells(np.float64(0.1), np.int64(3)) == ["0.1", "3"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")'])
def test_text_a_spreadsheet_would_run_has_a_quote_in_front(text):
    assert cells(text) == [f"'{text}"]


def test_a_leading_carriage_return_is_disarmed_too():
    assert cells("\r=1+1") == ["'\\r=1+1"]


def test_headers_and_keys_are_guarded_like_cells():
    columns = (Column("=1+1", "X"),)
    (block, _) = read(Table("@t", "T", columns, ((1,),)))
    assert block == [["table", "'=1+1"], ["'@t", "1"]]


@pytest.mark.parametrize("value", [-1.5, -3, -1e-300])
def test_a_negative_number_is_a_number_and_not_a_formula(value):
    assert cells(value) == [repr(value)]


@pytest.mark.parametrize("text", ["[bold]x[/]", "<script>", "|", 'say "hi", twice', "a=b", " =1", "two\nlines", ""])
def test_other_text_is_carried_exactly(text):
    assert cells(text) == [text]


@pytest.mark.parametrize(
    ("text", "shown"), [("\x1b[31m", "\\x1b[31m"), ("a\u202eb", "a\\u202eb"), ("\ud800", "\\ud800"), ("\0", "\\x00")]
)
def test_control_and_bidirectional_characters_are_written_as_escapes(text, shown):
    assert cells(text) == [shown]


@LAW
@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_read_back_exactly(values):
    assert [float(cell) for cell in cells(*values)] == values


@LAW
@given(st.lists(st.text(LETTERS).filter(lambda text: text[:1] not in ("=", "+", "-", "@", "\t")), min_size=1))
def test_text_reads_back_exactly(values):
    assert cells(*values) == values


@LAW
@given(st.lists(st.text(), min_size=1))
def test_no_text_breaks_the_rows_or_starts_a_formula(values):
    shown = cells(*values)
    assert len(shown) == len(values)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in shown)
