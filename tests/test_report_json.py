import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.report import to_json
from colocalc.report.table import Assumption, Column, Note, Report, Table

LAW = settings(max_examples=60, deadline=None, derandomize=True)
HOSTILE = ["[bold]x[/]", "\x1b[31m", "a\u202eb", "=1+1", "<script>", "|", "\ud800", '"}', "line\nline"]


def report(**parts):
    empty = {"fleet": None, "scenario": None, "metrics": {}, "undefined": {}, "units": {}, "tables": ()}
    return Report(**({"command": "lease", "title": "T"} | empty | parts))


def parsed(**parts):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(to_json.render(report(**parts)), parse_constant=refuse)


def table(*values, key="t"):
    return Table(key, "T", (Column("x", "X"),), tuple((value,) for value in values))


def test_the_keys_are_the_contract_in_its_order():
    assert list(parsed()) == [
        "schema",
        "command",
        "fleet",
        "scenario",
        "metrics",
        "undefined",
        "units",
        "tables",
        "assumptions",
        "notes",
        "title",
        "headline",
        "sources",
    ]


def test_a_whole_report_reads_back():
    columns = (Column("pool", "Pool", kind="text"), Column("revenue_usd", "Revenue", "usd", hidden=True))
    document = parsed(
        title="Colossus 1",
        fleet="colossus-1",
        scenario="gb200-30k",
        metrics={"mfu.step_share": 0.36},
        undefined={"hedge.ebit_share": "needs costs.capital_usd_per_gpu"},
        units={"mfu.step_share": "share"},
        tables=(Table("pools", "Pools", columns, (("h100", 1.5e9), ("fleet", 2e9)), 1, "A caption."),),
        headline=("One.", "Two."),
        notes=(Note("n"), Note("w", "warning")),
        assumptions=(Assumption("a.b_share", 0.5, "share", 0.1, None, "s1", "given", "why"),),
        source_titles={"s1": "One"},
    )
    assert document == {
        "schema": 1,
        "command": "lease",
        "fleet": "colossus-1",
        "scenario": "gb200-30k",
        "metrics": {"mfu.step_share": 0.36},
        "undefined": {"hedge.ebit_share": "needs costs.capital_usd_per_gpu"},
        "units": {"mfu.step_share": "share"},
        "tables": {"pools": [{"pool": "h100", "revenue_usd": 1.5e9}, {"pool": "fleet", "revenue_usd": 2e9}]},
        "assumptions": [
            {
                "path": "a.b_share",
                "value": 0.5,
                "unit": "share",
                "low": 0.1,
                "high": None,
                "source": "s1",
                "origin": "given",
                "note": "why",
            }
        ],
        "notes": [{"text": "n", "kind": "note"}, {"text": "w", "kind": "warning"}],
        "title": "Colossus 1",
        "headline": ["One.", "Two."],
        "sources": {"s1": "One"},
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float64("nan"), None])
def test_a_cell_that_is_no_number_is_null(value):
    assert parsed(tables=(table(value),))["tables"]["t"] == [{"x": None}]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_that_is_no_number_is_undefined_and_keeps_a_reason_it_has(value):
    document = parsed(metrics={"a.x": value, "a.y": 1.0, "a.z": value}, undefined={"a.z": "why"})
    assert document["metrics"] == {"a.y": 1.0}
    assert document["undefined"] == {"a.x": "is not a finite number", "a.z": "why"}


def test_array_scalars_are_written_as_the_values_they_hold():
    cells = (np.float64(0.1), np.int64(3), np.bool_(True), np.str_("x"))
    assert parsed(tables=(table(*cells),))["tables"]["t"] == [{"x": 0.1}, {"x": 3}, {"x": True}, {"x": "x"}]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_carried_exactly_and_shown_harmlessly(text):
    source = report(title=text, fleet=text, headline=(text,), notes=(Note(text),), tables=(table(text, key=text),))
    written = to_json.render(source)
    document = json.loads(written)
    assert document["title"] == document["fleet"] == document["notes"][0]["text"] == text
    assert document["tables"][text] == [{"x": text}]
    assert written.replace("\n", "").isprintable()


def test_the_same_report_is_written_in_the_same_bytes_with_one_newline_at_the_end():
    written = to_json.render(report(metrics={"b.x": 1.0, "a.x": 2.0}))
    assert written == to_json.render(report(metrics={"b.x": 1.0, "a.x": 2.0}))
    assert written.endswith("}\n")
    assert written.index("b.x") < written.index("a.x")


@LAW
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text() | st.booleans()))
def test_raw_values_read_back_exactly(values):
    cells = [row["x"] for row in parsed(tables=(table(*values),))["tables"]["t"]]
    assert cells == values
    assert [type(cell) for cell in cells] == [type(value) for value in values]
