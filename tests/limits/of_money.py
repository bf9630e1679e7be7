"""Limits of the functions of finance that have the names of spreadsheets."""

import numpy as np

from colocalc.lease import annuity, dates, depreciation, loan, returns, sizing
from tests.limits.checks import NAN, Limits, at, holds, near, undefined

# Rates of -100% or less, at which money has no value.
LOST = np.array([-1.0, -1.5])
LOAN = {"nper": 36.0, "pv": 8_000.0}
PROJECT = np.array([-100.0, 30.0, 40.0, 50.0])
TWO_ROOTS = [-100.0, 230.0, -132.0]  # 10% and 20%
DAYS = np.array(["2026-01-31", "2027-03-15", "2028-02-29"], dtype="datetime64[D]")
ONE_DAY = np.array(["2026-01-31"] * 3, dtype="datetime64[D]")
MISSING = np.array(["2026-01-31", "NaT", "2028-02-29"], dtype="datetime64[D]")
FLOWS = np.array([-100.0, 60.0, 70.0])
TURNED = np.array([2, 0, 1])
ASSET = {"cost": 1_000.0, "salvage": 100.0, "life": 5.0}
OVER = {"cost": 1_000.0, "salvage": 1_100.0, "life": 5.0}
CFADS = np.array([100.0, 120.0, 80.0])


def _inside(kernel, given, *outside):
    """Payments from first to last are there, and others are not."""
    holds(np.isfinite(kernel(**given)))
    for other in outside:
        undefined(kernel(**given | other))


def _vdb(start, end, **given):
    plain = ASSET | {"factor": 2.0, "no_switch": 0.0}
    return depreciation.vdb(**plain | {"start_period": start, "end_period": end} | given)


def _ddb(period, **given):
    return depreciation.ddb(**ASSET | {"factor": 2.0, "period": period} | given)


def _db(period, **given):
    return depreciation.db(**ASSET | {"month": 12.0, "period": period} | given)


def _touching_zero():
    near(returns.irr_roots([-100.0, 220.0, -121.0]), [0.1], within=1e-6)  # -100 (1 - 1.1 / (1 + r))^2


def _roots_too_close():
    close, far = (_flows_with_roots(0.1, 0.1 + apart) for apart in (1e-9, 1e-3))
    near(np.count_nonzero(~np.isnan(returns.irr_roots(close))), 1)
    near(np.count_nonzero(~np.isnan(returns.irr_roots(far))), 2)


def _flows_with_roots(*roots):
    flows = np.array([-100.0])
    for root in roots:
        flows = np.convolve(flows, [1.0, -(1.0 + root)])
    return flows


def _three_roots():
    near(returns.irr_roots(_flows_with_roots(0.1, 0.6, 1.4)), [0.1, 0.6, 1.4], within=1e-9)
    found = returns.irr_roots(_flows_with_roots(0.100, 0.102, 0.104))
    holds(np.count_nonzero(~np.isnan(found)) in {1, 3})


def _same_in_any_order(found, kernel, **given):
    near(kernel(cashflows=FLOWS[TURNED], dates=DAYS[TURNED], **given), found)


LIMITS: Limits = {
    annuity.at_start: {
        "Numbers": lambda: near(annuity.at_start([0.0, 1.0, 0.5]), [0, 1, 0.5]),
        "Any other word": lambda: undefined(annuity.at_start("middle")),
    },
    annuity.fv: {
        "A rate of 0": lambda: near(annuity.fv(0.0, 36.0, -300.0, 8_000.0, when=1.0), -(8_000 - 300 * 36)),
        "No payments yet": lambda: near(annuity.fv(0.01, 0.0, -300.0, 8_000.0), -8_000.0),
        "A rate of -100% or less": lambda: undefined(annuity.fv(LOST, 36.0, -300.0, 8_000.0)),
    },
    annuity.nper: {
        "A rate of 0": lambda: near(annuity.nper(0.0, -300.0, 8_000.0, 1_000.0), 9_000 / 300),
        "Payments that never pay it off": lambda: undefined(annuity.nper(0.05, -300.0, 8_000.0)),
        "A rate of -100% or less": lambda: undefined(annuity.nper(LOST, -300.0, 8_000.0)),
    },
    annuity.pmt: {
        "A rate of 0": lambda: near(annuity.pmt(0.0, 36.0, 8_000.0, 1_000.0, when=1.0), -9_000 / 36),
        "No payments, or a rate of -100% or less": lambda: (
            undefined(annuity.pmt(0.01, 0.0, 8_000.0)),
            undefined(annuity.pmt(LOST, 36.0, 8_000.0)),
        ),
    },
    annuity.pv: {
        "A rate of 0": lambda: near(annuity.pv(0.0, 36.0, -300.0, 1_000.0, when=1.0), -(1_000 - 300 * 36)),
        "No payments, or a rate of -100% or less": lambda: (
            undefined(annuity.pv(0.01, 0.0, -300.0)),
            undefined(annuity.pv(LOST, 36.0, -300.0)),
        ),
    },
    annuity.rate: {
        "All money one way": lambda: undefined(annuity.rate(36.0, 300.0, 8_000.0, 1_000.0)),
        # 100, -230 and 132: 10% and 20%
        "Two rates": lambda: undefined(annuity.rate(2.0, -230.0, 100.0, 362.0)),
        "No payments": lambda: undefined(annuity.rate([0.0, -1.0], -300.0, 8_000.0, 0.0)),
    },
    dates.xirr: {
        "All flows of one sign": lambda: undefined(dates.xirr(np.abs(FLOWS), DAYS)),
        "More than one rate above -100%": lambda: undefined(dates.xirr(TWO_ROOTS, DAYS)),
        "Another order of the flows with their dates": lambda: _same_in_any_order(dates.xirr(FLOWS, DAYS), dates.xirr),
        "A date that is missing (NaT)": lambda: undefined(dates.xirr(FLOWS, MISSING)),
    },
    dates.xnpv: {
        "A rate of 0": lambda: near(dates.xnpv(0.0, FLOWS, DAYS), 30.0),
        "All flows on one day": lambda: near(dates.xnpv(0.3, FLOWS, ONE_DAY), 30.0),
        "Another order of the flows with their dates": lambda: _same_in_any_order(
            dates.xnpv(0.1, FLOWS, DAYS), dates.xnpv, rate=0.1
        ),
        "A rate of -100% or less": lambda: undefined(dates.xnpv(LOST, FLOWS, DAYS)),
    },
    dates.years_from_first: {
        "The earliest date": lambda: [
            near(dates.years_from_first(DAYS[TURNED], day_count)[1], 0.0) for day_count in dates.DAY_COUNTS
        ],
        "A date that is missing (NaT)": lambda: [
            undefined(dates.years_from_first(MISSING, day_count)) for day_count in dates.DAY_COUNTS
        ],
    },
    depreciation.db: {
        "No salvage": lambda: near(_db([1.0, 2.0], salvage=0.0), [1_000, 0]),
        "Twelve months in the first year": lambda: near(_db(6.0), 0.0),
        "Salvage above cost, a cost of 0, or a year before 1 or after life + 1": lambda: undefined(
            [_db(1.0, salvage=1_100.0), _db(1.0, cost=0.0), _db(0.5), _db(7.0)]
        ),
    },
    depreciation.ddb: {
        "A factor of the life or more": lambda: near(_ddb(1.0, factor=[5.0, 9.0]), 900.0),
        "Once written down to salvage": lambda: near(_ddb([2.0, 5.0], factor=5.0), 0.0, nothing=1e-10),
        "Salvage above cost, or a period before 1 or after the life": lambda: undefined(
            [_ddb(1.0, salvage=1_100.0), _ddb(0.5), _ddb(5.5)]
        ),
    },
    depreciation.sln: {
        "Salvage equal to cost": lambda: near(depreciation.sln(1_000.0, 1_000.0, 5.0), 0.0),
        "Salvage above cost, or no life": lambda: undefined(
            [depreciation.sln(**OVER), depreciation.sln(1_000.0, 100.0, 0.0)]
        ),
    },
    depreciation.syd: {
        "The periods of a life add up to cost less salvage": lambda: near(
            depreciation.syd(**ASSET, period=np.arange(1.0, 6.0)).sum(), 900.0
        ),
        "Salvage above cost, or a period before 1 or after the life": lambda: undefined(
            [depreciation.syd(**OVER, period=1.0), *depreciation.syd(**ASSET, period=np.array([0.5, 6.0]))]
        ),
    },
    depreciation.vdb: {
        "A whole life": lambda: near(_vdb(0.0, 5.0), 900.0),
        "No switch, over one period": lambda: near(_vdb([0.0, 3.0], [1.0, 4.0], no_switch=1.0), _ddb([1.0, 4.0])),
        "A factor of 1": lambda: near(
            _vdb([0.0, 3.0], [1.0, 4.0], factor=1.0, salvage=0.0), depreciation.sln(1_000.0, 0.0, 5.0)
        ),
        "Salvage above cost, or times outside the life or in reverse": lambda: undefined(
            [_vdb(0.0, 1.0, salvage=1_100.0), _vdb(-1.0, 1.0), _vdb(4.0, 6.0), _vdb(2.0, 1.0)]
        ),
    },
    loan.cumipmt: {
        "A rate of 0": lambda: near(loan.cumipmt(0.0, **LOAN, start=3.0, end=7.0, when=0.0), 0.0),
        "One payment": lambda: near(
            loan.cumipmt(0.01, **LOAN, start=5.0, end=5.0, when=0.0), loan.ipmt(0.01, 5.0, **LOAN), within=1e-10
        ),
        "A start below 1 or above the end, or an end above nper": lambda: _inside(
            loan.cumipmt,
            LOAN | {"rate": 0.01, "start": 1.0, "end": 36.0, "when": 0.0},
            {"start": 0.0},
            {"start": 8.0, "end": 7.0},
            {"end": 37.0},
        ),
    },
    loan.cumprinc: {
        "All payments": lambda: near(loan.cumprinc(0.01, **LOAN, start=1.0, end=36.0, when=[0.0, 1.0]), -8_000.0),
        "One payment": lambda: near(
            loan.cumprinc(0.01, **LOAN, start=5.0, end=5.0, when=0.0), loan.ppmt(0.01, 5.0, **LOAN)
        ),
        "A start below 1 or above the end, or an end above nper": lambda: _inside(
            loan.cumprinc,
            LOAN | {"rate": 0.01, "start": 1.0, "end": 36.0, "when": 0.0},
            {"start": 0.0},
            {"start": 8.0, "end": 7.0},
            {"end": 37.0},
        ),
    },
    loan.ipmt: {
        "A rate of 0": lambda: near(loan.ipmt(0.0, 5.0, **LOAN), 0.0, nothing=1e-9),
        "The first of payments at the beginning": lambda: near(loan.ipmt(0.01, 1.0, **LOAN, when="begin"), 0.0),
        "A payment before the first or after the last": lambda: _inside(
            loan.ipmt, LOAN | {"rate": 0.01, "per": 36.0}, {"per": 0.0}, {"per": 37.0}
        ),
    },
    loan.ppmt: {
        "A rate of 0": lambda: near(loan.ppmt(0.0, 5.0, **LOAN), annuity.pmt(0.0, **LOAN)),
        "The first of payments at the beginning": lambda: near(
            loan.ppmt(0.01, 1.0, **LOAN, when="begin"), annuity.pmt(0.01, **LOAN, when="begin")
        ),
        "A payment before the first or after the last": lambda: _inside(
            loan.ppmt, LOAN | {"rate": 0.01, "per": 36.0}, {"per": 0.0}, {"per": 37.0}
        ),
    },
    returns.discounted_payback: {
        "A rate of 0": lambda: near(returns.discounted_payback(0.0, PROJECT), returns.payback(PROJECT)),
        "A rate at or above the ``irr`` of an outlay and its income": lambda: undefined(
            returns.discounted_payback(returns.irr(PROJECT) + 0.01, PROJECT)
        ),
    },
    returns.irr: {
        "All flows of one sign": lambda: undefined([returns.irr(np.abs(PROJECT)), returns.irr(-np.abs(PROJECT))]),
        "More than one rate above -100%": lambda: (
            undefined(returns.irr(TWO_ROOTS)),
            near(returns.irr_roots(TWO_ROOTS), [0.1, 0.2], within=1e-9),
        ),
        "Flows that add up to 0, outlay first": lambda: near(returns.irr([-100.0, 40.0, 60.0]), 0.0, nothing=1e-12),
        "A flow that is not finite": lambda: undefined(returns.irr([[-100.0, NAN, 60.0], [-100.0, np.inf, 60.0]])),
    },
    returns.irr_roots: {
        "All flows of one sign": lambda: undefined(returns.irr_roots(np.abs(PROJECT))),
        "A rate at which the value touches 0 without a change of sign": _touching_zero,
        "Roots closer than rounding tells apart, about 1e-7 in log(1 + rate)": _roots_too_close,
        "Three within a tenth of log(1 + rate) may be taken for one": _three_roots,
    },
    returns.mirr: {
        "One outlay at the start and one income": lambda: near(
            returns.mirr([-100.0, 0.0, 121.0], [0.0, 0.3], [0.2, 0.0]), 0.1
        ),
        "No outlay, or no income": lambda: undefined(
            [returns.mirr(np.abs(PROJECT), 0.1, 0.1), returns.mirr(-np.abs(PROJECT), 0.1, 0.1)]
        ),
        "One flow": lambda: undefined(returns.mirr([-100.0], 0.1, 0.1)),
    },
    returns.moic: {
        "Money back and no more": lambda: near(returns.moic([-100.0, 40.0, 60.0]), 1.0),
        "Nothing comes out": lambda: near(returns.moic([-100.0, 0.0]), 0.0),
        "Nothing goes in": lambda: undefined(returns.moic([0.0, 40.0])),
    },
    returns.npv: {
        "A rate of 0": lambda: near(returns.npv(0.0, PROJECT), 20.0),
        "A rate of -100% or less": lambda: undefined(returns.npv(LOST, PROJECT)),
    },
    returns.npv_excel: {
        "A rate of 0": lambda: near(returns.npv_excel(0.0, PROJECT), 20.0),
        "``npv`` over 1 + rate": lambda: near(returns.npv_excel(0.1, PROJECT), returns.npv(0.1, PROJECT) / 1.1),
        "A rate of -100% or less": lambda: undefined(returns.npv_excel(LOST, PROJECT)),
    },
    returns.npv_mid_year: {
        "A rate of 0": lambda: near(returns.npv_mid_year(0.0, PROJECT), 20.0),
        "One flow": lambda: near(returns.npv_mid_year(0.1, [-100.0]), -100.0),
        "Without an outlay": lambda: near(
            returns.npv_mid_year(0.1, [0.0, 30.0, 40.0]), returns.npv(0.1, [0.0, 30.0, 40.0]) * 1.1**0.5
        ),
        "A rate of -100% or less": lambda: undefined(returns.npv_mid_year(LOST, PROJECT)),
    },
    returns.payback: {
        "No outlay at the start": lambda: near(returns.payback([0.0, 30.0]), 0.0),
        "Never paid back": lambda: undefined(returns.payback([-100.0, 30.0, 40.0])),
        "A flow that is not a number": lambda: undefined(returns.payback([-100.0, NAN, 400.0])),
    },
    sizing.crf: {
        "A rate of 0": lambda: near(sizing.crf(0.0, 5.0), 0.2),
        "One period": lambda: near(sizing.crf(0.1, 1.0), 1.1),
        "No periods, or a rate of -100% or less": lambda: undefined([sizing.crf(0.1, 0.0), *sizing.crf(LOST, 5.0)]),
    },
    sizing.debt_from_dscr: {
        "Interest of 0": lambda: near(sizing.debt_from_dscr(CFADS, 0.0, 1.5), 300 / 1.5),
        "No cash flow, or none above 0": lambda: near(sizing.debt_from_dscr([[0.0, 0.0], [-5.0, -1.0]], 0.1, 1.5), 0.0),
        "No cap": lambda: holds(sizing.debt_from_dscr(CFADS, 0.1, 1.5, cost=10.0) > 10.0),
        "A ratio of 0 or less": lambda: undefined(sizing.debt_from_dscr(CFADS, 0.1, [0.0, -1.0])),
    },
    sizing.levelized_cost: {
        "A rate of 0": lambda: near(
            at(
                sizing.levelized_cost,
                capex=600.0,
                opex_per_yr=50.0,
                gpu_count=2.0,
                hours=10.0,
                utilization=0.5,
                rate=0,
                years=3.0,
            ),
            (600 + 3 * 50) / (3 * 10),
        ),
        "Leased at this price, capital returns just the rate": lambda: near(
            returns.irr([-600.0, *[sizing.levelized_cost(600.0, 50.0, 2.0, 10.0, 0.5, 0.08, 3.0) * 10.0 - 50.0] * 3]),
            0.08,
            within=1e-9,
        ),
        "Nothing sold, or no years": lambda: undefined(
            [at(sizing.levelized_cost, utilization=0.0), at(sizing.levelized_cost, years=0.0)]
        ),
    },
    sizing.llcr: {
        "Debt sculpted by ``debt_from_dscr``": lambda: near(
            sizing.llcr(CFADS, 0.1, sizing.debt_from_dscr(CFADS, 0.1, 1.5)), 1.5
        ),
        "No debt": lambda: undefined(sizing.llcr(CFADS, 0.1, 0.0)),
    },
    sizing.plcr: {
        "A project that ends with its loan": lambda: near(sizing.plcr(CFADS, 0.1, 90.0), sizing.llcr(CFADS, 0.1, 90.0)),
        "No debt": lambda: undefined(sizing.plcr(CFADS, 0.1, 0.0)),
    },
}
