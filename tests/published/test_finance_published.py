"""Published values of the finance functions: each with where it stands and how near it must be.

The tolerance is absolute. Values of the Excel reference are those of its examples; where it prints fewer digits, they are
recomputed with numpy-financial 1.0.0 or pyxirr 0.10.8.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from colocalc import lease
from colocalc.lease import finance

NUMPY = "numpy-financial 1.0.0, docstrings and tests"
EXCEL = "Excel function reference"
PYXIRR = "pyxirr 0.10.8"
PUB_946 = "IRS Publication 946, appendix A"
PYSAM = "NREL PySAM 7.1.1, Singleowner, a GPU-hour for a kilowatt-hour"

DAYS = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]
ON_DAYS = [-10_000, 2_750, 4_250, 3_250, 2_750]
LATER = {"rate": 0.08, "cashflows": [8_000, 9_200, 10_000, 12_000, 14_500]}
MORTGAGE = {"rate": 0.09 / 12, "nper": 360, "pv": 125_000, "start": 13, "end": 24}


class Row(NamedTuple):
    """One published value."""

    name: str
    function: Callable[..., Any]
    inputs: dict[str, Any]
    value: Any
    tolerance: float
    source: str


def on_days(**more: Any) -> dict[str, Any]:
    return {"cashflows": ON_DAYS, "dates": DAYS} | more


def macrs_percent(**inputs: Any) -> Any:
    return 100.0 * finance.macrs(**inputs)


def excel_after_an_outlay(outlay: float, **inputs: Any) -> Any:
    return outlay + finance.npv_excel(**inputs)


RETURNS = [
    Row(
        "npv, 8%",
        finance.npv,
        {"rate": 0.08, "cashflows": [-40_000, 5_000, 8_000, 12_000, 30_000]},
        3_065.22267,
        1e-5,
        NUMPY,
    ),
    Row(
        "npv, 5%",
        finance.npv,
        {"rate": 0.05, "cashflows": [-15_000, 1_500, 2_500, 3_500, 4_500, 6_000]},
        122.89485495094,
        1e-8,
        NUMPY,
    ),
    Row(
        "npv of Excel",
        finance.npv_excel,
        {"rate": 0.1, "cashflows": [-10_000, 3_000, 4_200, 6_800]},
        1_188.4434123352216,
        1e-6,
        f"{EXCEL}, NPV",
    ),
    Row(
        "npv of Excel after an outlay",
        excel_after_an_outlay,
        {"outlay": -40_000} | LATER,
        1_922.061554932363,
        1e-6,
        f"{EXCEL}, NPV",
    ),
    Row(
        "npv of Excel after an outlay, with a loss at the end",
        excel_after_an_outlay,
        {"outlay": -40_000, "rate": 0.08, "cashflows": [*LATER["cashflows"], -9_000]},
        -3_749.4650870155747,
        1e-6,
        f"{EXCEL}, NPV",
    ),
    *(
        Row(f"irr of {flows}", finance.irr, {"cashflows": flows}, value, 1e-8, source)
        for flows, value, source in [
            ([-250_000, 100_000, 150_000, 200_000, 250_000, 300_000], 0.5672303344358536, NUMPY),
            ([-100, 39, 59, 55, 20], 0.28094842115996066, NUMPY),
            ([-100, 100, 0, 7], 0.06205848562992955, NUMPY),
            ([-150_000, 15_000, 25_000, 35_000, 45_000, 60_000], 0.05243288885941433, NUMPY),
            ([-70_000, 12_000, 15_000, 18_000, 21_000, 26_000], 0.08663094803653149, f"{EXCEL}, IRR"),
            ([-1, -2, -3], np.nan, NUMPY),
        ]
    ),
    *(
        Row(f"roots of {flows}", finance.irr_roots, {"cashflows": flows}, value, tolerance, source)
        for flows, value, tolerance, source in [
            ([-1_600, 10_000, -10_000], [0.25, 4.0], 1e-9, "the oil pump of Lorie and Savage (1955)"),
            ([-100, 230, -132], [0.1, 0.2], 1e-9, "textbook case of two rates"),
            ([-100, 100, 0, -7], [-0.6788943736, -0.0832996662], 1e-8, f"{NUMPY}, which gives the second"),
            (
                [-50, -100, 600, 300, -100],
                [-0.7688954706807807, 1.8544178284561774],
                1e-9,
                "numpy-financial issue 28: numpy-financial gives the first, Excel the second",
            ),
            (
                [-11_434_401.12, 3_578_529.82, 4_496_318.3, 3_322_787.75, 2_570_487.45, 2_453_660.92, 9_186_480.0],
                [0.2595403],
                1e-6,
                PYSAM,
            ),
        ]
    ),
    *(
        Row(
            f"mirr of {len(flows)} flows",
            finance.mirr,
            {"cashflows": flows, "finance_rate": 0.1, "reinvest_rate": 0.12},
            value,
            1e-10,
            source,
        )
        for flows, value, source in [
            ([-120_000, 39_000, 30_000, 21_000, 37_000, 46_000], 0.126094130365905, f"{NUMPY}; {EXCEL}, MIRR"),
            ([-120_000, 39_000, 30_000, 21_000], -0.048044655249980917, f"{EXCEL}, MIRR"),
            ([39_000, 30_000, 21_000, 37_000, 46_000], np.nan, NUMPY),
        ]
    ),
]
DATES = [
    Row("xirr", finance.xirr, on_days(day_count="act/365F"), 0.3733625335, 1e-8, f"{EXCEL}, XIRR"),
    Row("xnpv", finance.xnpv, on_days(rate=0.09, day_count="act/365F"), 2_086.6476020315, 1e-6, f"{EXCEL}, XNPV"),
    Row("xirr, act/360", finance.xirr, on_days(day_count="act/360"), 0.367406773524939, 1e-8, PYXIRR),
    Row("xnpv, act/360", finance.xnpv, on_days(rate=0.09, day_count="act/360"), 2_074.5227849244775, 1e-5, PYXIRR),
    Row("xirr, act/365.25", finance.xirr, on_days(day_count="act/365.25"), 0.37366100150705867, 1e-8, PYXIRR),
    Row("xnpv, act/365.25", finance.xnpv, on_days(rate=0.09, day_count="act/365.25"), 2_087.245513772147, 1e-5, PYXIRR),
    Row("xirr, act/act", finance.xirr, on_days(day_count="act/act-isda"), 0.37445, 5e-6, PYXIRR),
    Row("xirr, 30/360", finance.xirr, on_days(day_count="30/360-isda"), 0.37337, 5e-6, PYXIRR),
]
PAYMENTS = [
    Row("pmt", finance.pmt, {"rate": 0.08 / 12, "nper": 60, "pv": 15_000}, -304.1459143262, 1e-7, NUMPY),
    Row("pmt without interest", finance.pmt, {"rate": 0.0, "nper": 60, "pv": 15_000}, -250.0, 1e-7, NUMPY),
    Row(
        "pmt of ten months",
        finance.pmt,
        {"rate": 0.08 / 12, "nper": 10, "pv": 10_000},
        -1_037.0320893591636,
        1e-7,
        f"{EXCEL}, PMT",
    ),
    Row(
        "pmt to save",
        finance.pmt,
        {"rate": 0.06 / 12, "nper": 216, "pv": 0, "fv": 50_000},
        -129.0811608679954,
        1e-7,
        f"{EXCEL}, PMT",
    ),
    Row("pv, yearly", finance.pv, {"rate": 0.07, "nper": 20, "pmt": 12_000}, -127_128.1709461939, 1e-7, NUMPY),
    Row(
        "pv, monthly",
        finance.pv,
        {"rate": 0.08 / 12, "nper": 240, "pmt": 500},
        -59_777.14585118777,
        1e-7,
        f"{EXCEL}, PV",
    ),
    Row("fv, yearly", finance.fv, {"rate": 0.075, "nper": 20, "pmt": -2_000, "pv": 0}, 86_609.36267304292, 1e-7, NUMPY),
    Row(
        "fv, monthly",
        finance.fv,
        {"rate": 0.05 / 12, "nper": 120, "pmt": -100, "pv": -100},
        15_692.928894335748,
        1e-7,
        NUMPY,
    ),
    Row("rate", finance.rate, {"nper": 10, "pmt": 0, "pv": -3_500, "fv": 10_000}, 0.110690853714269, 1e-7, NUMPY),
    Row("nper", finance.nper, {"rate": 0.075, "pmt": -2_000, "pv": 0, "fv": 100_000}, 21.544944, 5e-5, NUMPY),
    Row("nper without interest", finance.nper, {"rate": 0.0, "pmt": -2_000, "pv": 0, "fv": 100_000}, 50.0, 5e-5, NUMPY),
    Row("nper of a loan", finance.nper, {"rate": 0.07 / 12, "pmt": -150, "pv": 8_000}, 64.07335, 5e-5, NUMPY),
    Row(
        "ipmt",
        finance.ipmt,
        {"rate": 0.1 / 12, "per": 1, "nper": 36, "pv": 8_000},
        -66.66666666666667,
        1e-7,
        f"{EXCEL}, IPMT",
    ),
    Row("ppmt", finance.ppmt, {"rate": 0.1 / 12, "per": 1, "nper": 60, "pv": 55_000}, -710.2541257864218, 1e-7, NUMPY),
    Row(
        "ppmt of two years",
        finance.ppmt,
        {"rate": 0.1 / 12, "per": 1, "nper": 24, "pv": 2_000},
        -75.62318600836664,
        1e-7,
        f"{EXCEL}, PPMT",
    ),
    Row("cumipmt", finance.cumipmt, MORTGAGE, -11_135.232130750841, 1e-7, f"{EXCEL}, CUMIPMT"),
    Row("cumprinc", finance.cumprinc, MORTGAGE, -934.1071234208782, 1e-7, f"{EXCEL}, CUMPRINC"),
]
ASSET = {"cost": 2_400, "salvage": 300}
DEPRECIATION = [
    Row("sln", finance.sln, {"cost": 30_000, "salvage": 7_500, "life": 10}, 2_250.0, 1e-9, f"{EXCEL}, SLN"),
    Row("ddb of a day", finance.ddb, ASSET | {"life": 3_650, "period": 1}, 1.3150684931506849, 1e-6, f"{EXCEL}, DDB"),
    Row("ddb of a month", finance.ddb, ASSET | {"life": 120, "period": 1}, 40.0, 1e-6, f"{EXCEL}, DDB"),
    Row("ddb of a year", finance.ddb, ASSET | {"life": 10, "period": 1}, 480.0, 1e-6, f"{EXCEL}, DDB"),
    Row("ddb at 1.5", finance.ddb, ASSET | {"life": 10, "period": 2, "factor": 1.5}, 306.0, 1e-6, f"{EXCEL}, DDB"),
    *(
        Row(
            f"vdb from {start} to {end} of {life}{more or ''}",
            finance.vdb,
            ASSET | {"life": life, "start_period": start, "end_period": end} | more,
            value,
            0.005,
            f"{EXCEL}, VDB",
        )
        for life, start, end, more, value in [
            (3_650, 0, 1, {}, 1.32),
            (120, 0, 1, {}, 40.0),
            (10, 0, 1, {}, 480.0),
            (120, 6, 18, {}, 396.31),
            (120, 6, 18, {"factor": 1.5}, 311.81),
            (10, 0, 0.875, {"factor": 1.5}, 315.0),
        ]
    ),
    Row(
        "db",
        finance.db,
        {"cost": 1_000_000, "salvage": 100_000, "life": 6, "period": np.arange(1, 8), "month": 7},
        [186_083.33, 259_639.42, 176_814.44, 120_410.64, 81_999.64, 55_841.76, 15_845.1],
        0.005,
        f"{EXCEL}, DB",
    ),
    Row(
        "syd, first",
        finance.syd,
        {"cost": 30_000, "salvage": 7_500, "life": 10, "period": 1},
        4_090.909090909091,
        1e-6,
        f"{EXCEL}, SYD",
    ),
    Row(
        "syd, last",
        finance.syd,
        {"cost": 30_000, "salvage": 7_500, "life": 10, "period": 10},
        409.0909090909091,
        1e-6,
        f"{EXCEL}, SYD",
    ),
    Row("straight line for tax", lease.straight_line_tax_half_year, {"life": 5}, [10, 20, 20, 20, 20, 10], 1e-9, PYSAM),
]
# Tables: the convention is quarter 0 for half a year.
MACRS = {
    (3, 0): "33.33 44.45 14.81 7.41",
    (3, 1): "58.33 27.78 12.35 1.54",
    (3, 2): "41.67 38.89 14.14 5.30",
    (3, 3): "25.00 50.00 16.67 8.33",
    (3, 4): "8.33 61.11 20.37 10.19",
    (5, 0): "20.00 32.00 19.20 11.52 11.52 5.76",
    (5, 1): "35.00 26.00 15.60 11.01 11.01 1.38",
    (5, 2): "25.00 30.00 18.00 11.37 11.37 4.26",
    (5, 3): "15.00 34.00 20.40 12.24 11.30 7.06",
    (5, 4): "5.00 38.00 22.80 13.68 10.94 9.58",
    (7, 0): "14.29 24.49 17.49 12.49 8.93 8.92 8.93 4.46",
    (7, 1): "25.00 21.43 15.31 10.93 8.75 8.74 8.75 1.09",
    (7, 2): "17.85 23.47 16.76 11.97 8.87 8.87 8.87 3.34",
    (7, 3): "10.71 25.51 18.22 13.02 9.30 8.85 8.86 5.53",
    (7, 4): "3.57 27.55 19.68 14.06 10.04 8.73 8.73 7.64",
    (10, 0): "10.00 18.00 14.40 11.52 9.22 7.37 6.55 6.55 6.56 6.55 3.28",
    (10, 1): "17.50 16.50 13.20 10.56 8.45 6.76 6.55 6.55 6.56 6.55 0.82",
    (10, 2): "12.50 17.50 14.00 11.20 8.96 7.17 6.55 6.55 6.56 6.55 2.46",
    (10, 3): "7.50 18.50 14.80 11.84 9.47 7.58 6.55 6.55 6.56 6.55 4.10",
    (10, 4): "2.50 19.50 15.60 12.48 9.98 7.99 6.55 6.55 6.56 6.55 5.74",
    (15, 0): "5.00 9.50 8.55 7.70 6.93 6.23 5.90 5.90 5.91 5.90 5.91 5.90 5.91 5.90 5.91 2.95",
    (15, 1): "8.75 9.13 8.21 7.39 6.65 5.99 5.90 5.91 5.90 5.91 5.90 5.91 5.90 5.91 5.90 0.74",
    (15, 2): "6.25 9.38 8.44 7.59 6.83 6.15 5.91 5.90 5.91 5.90 5.91 5.90 5.91 5.90 5.91 2.21",
    (15, 3): "3.75 9.63 8.66 7.80 7.02 6.31 5.90 5.90 5.91 5.90 5.91 5.90 5.91 5.90 5.91 3.69",
    (15, 4): "1.25 9.88 8.89 8.00 7.20 6.48 5.90 5.90 5.90 5.91 5.90 5.91 5.90 5.91 5.90 5.17",
    (20, 0): "3.750 7.219 6.677 6.177 5.713 5.285 4.888 4.522" + " 4.462 4.461" * 6 + " 2.231",
    (20, 1): "6.563 7.000 6.482 5.996 5.546 5.130 4.746 4.459 4.459 4.459" + " 4.459 4.460" * 5 + " 0.565",
    (20, 2): "4.688 7.148 6.612 6.116 5.658 5.233 4.841 4.478" + " 4.463" * 6 + " 4.462 4.463" * 3 + " 1.673",
    (20, 3): "2.813 7.289 6.742 6.237 5.769 5.336 4.936 4.566 4.460 4.460 4.460 4.460" + " 4.461 4.460" * 4 + " 2.788",
    (20, 4): "0.938 7.430 6.872 6.357 5.880 5.439 5.031 4.654" + " 4.458" * 9 + " 4.459 4.458 4.459 3.901",
}
TABLES = [
    Row(
        f"macrs of {life} years, quarter {quarter}",
        macrs_percent,
        {"life": life, "convention": "mid-quarter" if quarter else "half-year", "quarter": quarter or None},
        [float(percent) for percent in table.split()],
        1e-9,
        PUB_946,
    )
    for (life, quarter), table in MACRS.items()
]
CAPITAL = [
    Row("crf, 10% and 5", finance.crf, {"rate": 0.1, "periods": 5}, 0.26379748079474524, 1e-12, "textbook"),
    Row("crf, 8% and 20", finance.crf, {"rate": 0.08, "periods": 20}, 0.10185220882315059, 1e-12, "textbook"),
    Row("crf, 10% and 6", finance.crf, {"rate": 0.1, "periods": 6}, 0.22960738036266726, 1e-12, "textbook"),
    Row(
        "levelized cost",
        finance.levelized_cost,
        {
            "capex": 4e7,
            "opex_per_yr": 3e6,
            "gpu_count": 1_000,
            "hours": 8_760,
            "utilization": 1.0,
            "rate": 0.1,
            "years": 6,
        },
        1.3909012801948282,
        1e-9,
        f"{PYSAM}: lcoe_nom of a case without tax",
    ),
    Row(
        "debt by cover ratio",
        finance.debt_from_dscr,
        {"cfads": [11_016_000] * 5, "interest": 0.09, "dscr": 1.5},
        28_565_598.878055,
        1.0,
        PYSAM,
    ),
]
STORY = {"gpus": 220_000, "util": 1.0, "hours": 8_760}
FILING = "S-1/A of 2026 as reported"
LEASES = [
    Row("revenue", lease.lease_revenue, STORY | {"rate": 2.6}, 5_010_720_000.0, 1e-6, "arithmetic"),
    Row("revenue at 90%", lease.lease_revenue, STORY | {"rate": 2.6, "util": 0.9}, 4_509_648_000.0, 1e-6, "arithmetic"),
    Row(
        "revenue of 2028",
        lease.lease_revenue,
        STORY | {"rate": 2.6, "hours": 8_784},
        5_024_448_000.0,
        1e-6,
        "arithmetic",
    ),
    Row("rate for 6e9", lease.required_rate, STORY | {"target": 6e9}, 3.1133250311332503, 1e-9, "arithmetic"),
    Row(
        "rate of 230,000",
        lease.required_rate,
        STORY | {"gpus": 230_000, "target": 6e9},
        2.9779630732578917,
        1e-9,
        "arithmetic",
    ),
    Row(
        "blend",
        lease.weighted_rate,
        {"gpus": [150_000, 50_000, 20_000], "rates": [2.2, 2.9, 4.85]},
        2.6,
        1e-12,
        "arithmetic",
    ),
    Row("hedge", lease.hedge_ratio, {"revenue": 5_010_720_000.0, "annual_loss": 6e9}, 0.83512, 1e-9, "arithmetic"),
    Row(
        "take or pay",
        lease.take_or_pay_floor,
        {"gpus": 1_000, "rate": 2.0, "hours": 8_760, "take_or_pay_share": 0.8, "actual_util": 0.5},
        14_016_000.0,
        1e-6,
        "arithmetic",
    ),
    Row(
        "fee of 325,000 GPUs",
        lease.implied_rate,
        {"fee_per_month": 1.25e9, "gpus": 325_000},
        5.268703898840886,
        1e-9,
        FILING,
    ),
    Row(
        "fee of 110,000 GPUs",
        lease.implied_rate,
        {"fee_per_month": 9.2e8, "gpus": 110_000},
        11.45703611457036,
        1e-9,
        FILING,
    ),
]
ROWS = [*RETURNS, *DATES, *PAYMENTS, *DEPRECIATION, *TABLES, *CAPITAL, *LEASES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_published_value(row):
    found = row.function(**row.inputs)
    assert np.shape(found) == np.shape(row.value)
    np.testing.assert_allclose(found, row.value, rtol=0.0, atol=row.tolerance, err_msg=row.source)


def test_every_published_value_says_where_it_stands():
    assert all(row.source and row.tolerance > 0.0 for row in ROWS)
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row.name)
def test_a_published_table_adds_up(row):
    assert sum(row.value) == pytest.approx(100.0, abs=1e-9)


def test_a_year_has_8760_hours_and_a_month_730():
    """OpenCost pull request 3830: a price divided by 730 once more."""
    assert lease.implied_rate(730.0, 1) == 1.0
    assert lease.lease_revenue(1, 1.0, 1.0, 8_784) - lease.lease_revenue(1, 1.0, 1.0, 8_760) == 24.0
