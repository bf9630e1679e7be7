"""Formulas of a spreadsheet: their text, their value, and that both follow the same order of operations."""

import pytest

from colocalc.report.formula import (
    UNDEFINED,
    Span,
    Term,
    added,
    both,
    counted,
    dot,
    either,
    gains,
    highest,
    least,
    losses,
    lowest,
    mean,
    most,
    picked,
    present_value,
    ratio,
    rounded_down,
    rounded_up,
    term,
    total,
    when,
    worth,
)
from colocalc.report.workbook import cell_name, column_letters

A, B, C = Term("A1", 2.0), Term("B1", 3.0), Term("C1", 4.0)
ROW = Span("A2:D2", (1.0, "", -3.0, 5.0))


@pytest.mark.parametrize(
    ("made", "text", "value"),
    [
        (A + B * C, "A1+B1*C1", 14.0),
        ((A + B) * C, "(A1+B1)*C1", 20.0),
        (A - (B - C), "A1-(B1-C1)", 3.0),
        (A + (B - C), "A1+(B1-C1)", 1.0),
        (A / (B / C), "A1/(B1/C1)", 2.0 / 0.75),
        (A * (B * C), "A1*(B1*C1)", 24.0),
        ((A + 1.0) ** (term(0.0) - B), "(A1+1)^(0-B1)", 1.0 / 27.0),
        (-(A**B), "0-A1^B1", -8.0),
        (1.0 - A, "1-A1", -1.0),
        (2.5 * A, "2.5*A1", 5.0),
        (A * -1.5, "A1*(-1.5)", -3.0),
        (A + 1e-9, "A1+1E-09", 2.000000001),
        (least(A, B, 1.0), "MIN(A1,B1,1)", 1.0),
        (most(A, B), "MAX(A1,B1)", 3.0),
        (when(A.above(B), A, B), "IF(A1>B1,A1,B1)", 3.0),
        (when((A + B).at_least(5.0), 1.0, 0.0), "IF(A1+B1>=5,1,0)", 1.0),
        (when(both(A.below(B), A.equals(2.0)), C, 0.0), "IF(AND(A1<B1,A1=2),C1,0)", 4.0),
        (when(either(A.above(B), B.above(C)), C, 0.0), "IF(OR(A1>B1,B1>C1),C1,0)", 0.0),
        (rounded_up(Term("A1", 2.2)), "ROUNDUP(A1,0)", 3.0),
        (rounded_down(Term("A1", 2.8)), "INT(A1)", 2.0),
        (total(ROW), "SUM(A2:D2)", 3.0),
        (added([A, B, C]), "A1+B1+C1", 9.0),
        (added([]), "0", 0.0),
        (counted(ROW), "COUNT(A2:D2)", 3.0),
        (highest(ROW), "MAX(A2:D2)", 5.0),
        (gains(ROW), 'SUMIF(A2:D2,">0")', 6.0),
        (losses(ROW), 'SUMIF(A2:D2,"<0")', -3.0),
        (picked(ROW, term(4.0)), "INDEX(A2:D2,4)", 5.0),
        (dot(Span("A1:B1", (1.0, 2.0)), Span("A2:B2", (3.0, 4.0))), "SUMPRODUCT(A1:B1,A2:B2)", 11.0),
        (present_value(term(0.1), Span("A1:B1", (11.0, 12.1))), "NPV(0.1,A1:B1)", 20.0),
    ],
)
def test_a_formula_says_what_it_computes(made, text, value):
    assert made.text == text
    assert made.value == pytest.approx(value)


def test_what_is_over_nothing_is_undefined():
    assert ratio(A, term(0.0)).value == "undefined"
    assert ratio(A, B).value == pytest.approx(2.0 / 3.0)
    assert (A / 0.0).value != (A / 0.0).value


def test_cells_without_a_number_are_passed_over():
    empty = Span("A1:B1", ("", ""))

    assert lowest(ROW).value == -3.0
    assert mean(ROW).value == 1.0
    assert lowest(empty).value == mean(empty).value == UNDEFINED.value


def test_text_is_above_no_number_as_spreadsheets_have_it_in_comparisons_used_here():
    assert not Term("A1", "").below(1.0).holds


def test_flows_are_worth_nothing_at_their_rate():
    flows, times = Span("A1:C1", (-100.0, 60.0, 60.0)), Span("A2:C2", (0.0, 1.0, 2.0))

    assert worth(term(0.13066238629180753), flows, times).value == pytest.approx(0.0, abs=1e-9)
    assert worth(term(0.0), flows, times).text == "SUMPRODUCT(A1:C1*(1+0)^-A2:C2)"


@pytest.mark.parametrize(("column", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")])
def test_columns_have_letters(column, letters):
    assert column_letters(column) == letters
    assert cell_name((9, column)) == f"{letters}10"
