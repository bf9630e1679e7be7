"""Number formats of a spreadsheet follow from the unit, and from how large numbers are."""

import pytest

from colocalc.report.number_format import number_format
from colocalc.units import UNITS


@pytest.mark.parametrize(
    ("unit", "size", "shown"),
    [
        ("usd", 5e9, '$#,##0.0,,"M";-$#,##0.0,,"M";"-"'),
        ("usd", 2e6, '$#,##0.00,,"M";-$#,##0.00,,"M";"-"'),
        ("usd", 1_500.0, '$#,##0;-$#,##0;"-"'),
        ("usd", 0.0, "$#,##0.00;-$#,##0.00"),
        ("usd_per_yr", 5e9, '$#,##0.0,,"M/yr";-$#,##0.0,,"M/yr";"-"'),
        ("usd_per_gpu_h", 2.6, '$#,##0.00"/GPU-h";-$#,##0.00"/GPU-h"'),
        ("usd_per_gpu_h", 0.001, '$0.000000"/GPU-h";-$0.000000"/GPU-h"'),
        ("share", 0.83, "0.0%;-0.0%"),
        ("share", 0.002, "0.00%;-0.00%"),
        ("factor", 1.35, "0.0000;-0.0000"),
        ("factor", 30.0, "#,##0.0;-#,##0.0"),
        ("count", 220_000.0, '#,##0;-#,##0;"-"'),
        ("gpu_h", 2e9, '#,##0.0,,"M GPU-h";-#,##0.0,,"M GPU-h";"-"'),
        ("mw", 300.0, '0" MW";-0" MW"'),
        ("mw", 1.77, '0.00" MW";-0.00" MW"'),
        ("flop_per_s", 9.9e14, '0.000E+00" FLOP/s";-0.000E+00" FLOP/s"'),
        (None, 3.0, "General"),
        ("furlongs", 3.0, "General"),
    ],
)
def test_a_format_follows_from_unit_and_size(unit, size, shown):
    assert number_format(unit, size) == shown


def test_a_symbol_is_left_out_where_the_unit_stands_beside_the_number():
    assert number_format("usd_per_gpu_h", 2.6, has_symbol=False) == "$#,##0.00;-$#,##0.00"
    assert number_format("mw", 300.0, has_symbol=False) == "0;-0"


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("size", [0.0, 1e-6, 0.5, 7.0, 1234.5, 3e7, 4e13])
def test_every_unit_has_a_format_with_its_quotes_closed(unit, size):
    shown = number_format(unit, size)

    assert shown.count('"') % 2 == 0
    assert shown != "General"
