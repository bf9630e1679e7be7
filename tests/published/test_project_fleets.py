"""Whole project cash flows of NREL's System Advisor Model through fleet files, to the dollar.

NREL PySAM 7.1.1.post1, ``Singleowner``, run with one GPU-hour in the place of a kilowatt-hour: the price of power is the
lease rate and its escalation the decay of the rate. SAM takes the benefit of a tax loss at once (``tax_losses:
immediate``), counts salvage as revenue of the last year, and shows tax as a negative. Money is compared to a dollar,
ratios to 1e-6.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.evaluate import Result, evaluate

GPUS, HOURS, YEARS = 1_000, 8_760, 6
CAPITAL, OPEX, DISCOUNT = 40e6, 3e6, 0.10
NOTHING = [0.0] * (YEARS + 1)
MACRS = [0.0, 8_000_000.0, 12_800_000.0, 7_680_000.0, 4_608_000.0, 4_608_000.0, 2_304_000.0]
DOLLAR, RATIO = 1.0, 1e-6


class Run(NamedTuple):
    """What is put into SAM, and what comes out of it; lists are years 0 to 6."""

    title: str
    rate: float
    tax_rate: float
    revenue: list[float]
    tax: list[float]
    equity: list[float]
    irr: float
    npv: float
    lcoe: float
    decay: float = 0.0
    method: str = "macrs"
    salvage: float = 0.0
    tax_depreciation: list[float] = MACRS
    service: list[float] = NOTHING
    interest: list[float] = NOTHING
    principal: list[float] = NOTHING
    balance: list[float] = NOTHING
    dscr: float | None = None
    debt: float = 0.0
    debt_fraction: float = 0.0


def level(value: float, first: float = 0.0) -> list[float]:
    return [first, *[value] * YEARS]


RUNS = (
    Run(
        title="no debt, MACRS, 21% tax",
        rate=2.6,
        tax_rate=0.21,
        revenue=level(22_776_000.0),
        tax=[0.0, -2_472_960.0, -1_464_960.0, -2_540_160.0, -3_185_280.0, -3_185_280.0, -3_669_120.0],
        equity=[-40e6, 17_303_040.0, 18_311_040.0, 17_235_840.0, 16_590_720.0, 16_590_720.0, 16_106_880.0],
        irr=0.36566722054466405,
        npv=34_537_799.63230167,
        lcoe=1.6947335962256296,
    ),
    Run(
        title="straight line from the middle of a year, the rate falls by 10% a year, 10% salvage",
        rate=2.6,
        tax_rate=0.21,
        decay=-0.1,
        method="straight-line",
        salvage=0.1,
        revenue=[0.0, 22_776_000.0, 20_498_400.0, 18_448_560.0, 16_603_704.0, 14_943_333.6, 17_449_000.24],
        tax_depreciation=[0.0, 4e6, 8e6, 8e6, 8e6, 8e6, 4e6],
        tax=[0.0, -3_312_960.0, -1_994_664.0, -1_564_197.6, -1_176_777.84, -828_100.06, -2_194_290.05],
        equity=[-40e6, 16_463_040.0, 15_503_736.0, 13_884_362.4, 12_426_926.16, 11_115_233.54, 12_254_710.19],
        irr=0.2750238169022364,
        npv=20_517_839.647632785,
        lcoe=1.5516823584807693,
    ),
    Run(
        title="no debt, no tax",
        rate=2.6,
        tax_rate=0.0,
        revenue=level(22_776_000.0),
        tax=NOTHING,
        equity=level(19_776_000.0, first=-40e6),
        irr=0.43863234098259973,
        npv=46_129_635.59256497,
        lcoe=1.3909012801948282,
    ),
    Run(
        title="debt sculpted to a DSCR of 1.4, the rate falls by 15% a year",
        rate=2.2,
        tax_rate=0.21,
        decay=-0.15,
        dscr=1.4,
        revenue=[0.0, 19_272_000.0, 16_381_200.0, 13_924_020.0, 11_835_417.0, 10_060_104.45, 8_551_088.78],
        tax=[0.0, -1_135_715.15, 295_413.34, -422_750.33, -767_274.61, -514_941.93, -681_888.64],
        service=[0.0, 11_622_857.14, 9_558_000.0, 7_802_871.43, 6_311_012.14, 0.0, 0.0],
        interest=[0.0, 2_863_832.63, 1_987_930.18, 1_230_923.2, 573_728.38, 0.0, 0.0],
        principal=[0.0, 8_759_024.51, 7_570_069.82, 6_571_948.23, 5_737_283.77, 0.0, 0.0],
        balance=[28_638_326.32, 19_879_301.81, 12_309_232.0, 5_737_283.77, 0.0, 0.0, 0.0],
        equity=[-11_361_673.68, 3_513_427.71, 4_118_613.34, 2_698_398.24, 1_757_130.25, 6_545_162.52, 4_869_200.14],
        irr=0.23576927825321337,
        npv=5_276_221.83821217,
        lcoe=1.4520945122521112,
        debt=28_638_326.324314304,
        debt_fraction=0.7159581581078576,
    ),
    Run(
        title="the rate that breaks even after tax",
        rate=1.454093159779278,
        tax_rate=0.21,
        revenue=level(12_737_856.08),
        tax=[0.0, -364_949.78, 643_050.22, -432_149.78, -1_077_269.78, -1_077_269.78, -1_561_109.78],
        equity=[-40e6, 9_372_906.3, 10_380_906.3, 9_305_706.3, 8_660_586.3, 8_660_586.3, 8_176_746.3],
        irr=0.10,
        npv=0.0,
        lcoe=1.4540931597792777,
    ),
    Run(
        title="the rate that breaks even without tax",
        rate=1.3909012801948282,
        tax_rate=0.0,
        revenue=level(12_184_295.21),
        tax=NOTHING,
        equity=level(9_184_295.21, first=-40e6),
        irr=0.10,
        npv=0.0,
        lcoe=1.3909012801948282,
    ),
)
every_run = pytest.mark.parametrize("run", RUNS, ids=lambda run: run.title)


def fleet(run: Run) -> str:
    lines = [
        "name: sam",
        f"pools: [{{gpu: h100-sxm, count: {GPUS}}}]",
        f"lease: {{rate_usd_per_gpu_h: {run.rate!r}, months: {12 * YEARS}, escalator_share_per_yr: {run.decay}}}",
        "site: {facility_power_mw: 2, energy_price_usd_per_mwh: 0}",
        f"costs: {{capital_usd_per_gpu: {{h100-sxm: {CAPITAL / GPUS}}}, operations_usd_per_yr: {OPEX}}}",
        f"depreciation: {{tax_life_yr: 5, tax_method: {run.method}, residual_share: {run.salvage}}}",
        f"finance: {{discount_rate_share: {DISCOUNT}, tax_rate_share: {run.tax_rate}, tax_losses: immediate}}",
    ]
    if run.dscr:
        lines.append(f"debt: {{interest_share: 0.1, tenor_months: 48, sizing: dscr, target_dscr_factor: {run.dscr}}}")
    return "\n".join(lines)


def evaluated(run: Run) -> Result:
    loaded = load_fleet("-", catalog=load_catalog(), stdin=fleet(run).encode())
    return evaluate(lower(loaded.fleet, loaded.catalog))


def project_of(result: Result) -> Any:
    assert result.returns is not None
    assert result.returns.project is not None
    return result.returns.project


@every_run
def test_every_row_of_the_cash_flow_is_that_of_sam(run):
    project = project_of(evaluated(run))
    flows, cash, loan = project.flows, project.cash, project.loan
    ebitda = np.array(run.revenue) - level(OPEX)
    rows = {
        "revenue": (flows.revenue_usd + flows.salvage_usd, run.revenue),
        "EBITDA": (cash.ebitda_usd + flows.salvage_usd, ebitda),
        "tax depreciation": (flows.tax_depreciation_usd, run.tax_depreciation),
        "tax": (-cash.tax_usd, run.tax),
        "debt service": (loan.service_usd, run.service),
        "interest": (loan.interest_usd, run.interest),
        "principal": (loan.principal_usd, run.principal),
        "debt": (loan.closing_usd, run.balance),
        "owners": (cash.equity_after_tax_usd, run.equity),
    }
    for name, (ours, theirs) in rows.items():
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=DOLLAR, err_msg=name)


@every_run
def test_returns_are_those_of_sam(run):
    metrics = evaluated(run).metrics
    assert float(metrics["lease.equity_irr_share"]) == pytest.approx(run.irr, abs=RATIO)
    assert float(metrics["lease.equity_npv_usd"]) == pytest.approx(run.npv, rel=RATIO, abs=DOLLAR)


@every_run
def test_the_levelized_cost_of_sam_is_reproduced(run):
    assert float(project_of(evaluated(run)).sam_lcoe_usd_per_gpu_h) == pytest.approx(run.lcoe, abs=RATIO)


def test_debt_sculpted_to_a_cover_is_that_of_sam():
    run = next(run for run in RUNS if run.dscr)
    metrics = evaluated(run).metrics
    assert float(metrics["lease.debt_usd"]) == pytest.approx(run.debt, abs=DOLLAR)
    assert float(metrics["lease.debt_share"]) == pytest.approx(run.debt_fraction, abs=RATIO)
    assert float(metrics["lease.min_dscr_factor"]) == pytest.approx(run.dscr, abs=RATIO)
    assert float(metrics["lease.mean_dscr_factor"]) == pytest.approx(run.dscr, abs=RATIO)


@pytest.mark.parametrize("run", [run for run in RUNS if not run.dscr], ids=lambda run: run.title)
def test_without_debt_there_is_no_cover_and_owners_have_the_assets(run):
    result = evaluated(run)
    assert "lease.debt_usd" not in result.metrics
    assert result.undefined["lease.min_dscr_factor"] == "needs debt"
    assert result.metrics["lease.equity_irr_share"] == result.metrics["lease.project_irr_share"]


def test_the_break_even_rate_is_not_the_levelized_cost_of_sam():
    # What SAM prints contains the tax on profit: 1.6947 at a rate of 2.60, where 1.4541 breaks even.
    metrics = evaluated(RUNS[0]).metrics
    assert float(metrics["lease.break_even_rate_usd_per_gpu_h"]) == pytest.approx(1.454093159779278, abs=RATIO)
    assert float(metrics["lease.levelized_cost_usd_per_gpu_h"]) == pytest.approx(1.3909012801948282, abs=RATIO)


def test_without_tax_break_even_and_levelized_cost_agree():
    metrics = evaluated(RUNS[2]).metrics
    for name in ("break_even_rate", "levelized_cost"):
        assert float(metrics[f"lease.{name}_usd_per_gpu_h"]) == pytest.approx(1.3909012801948282, abs=RATIO)
