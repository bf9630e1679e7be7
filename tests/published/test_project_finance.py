"""Whole project cash flows of NREL's System Advisor Model, to the dollar.

NREL PySAM 7.1.1.post1, ``Singleowner``, run with one GPU-hour in the place of a kilowatt-hour: the price of power is the
lease rate and its escalation the decay of the rate; no incentives, fees, working capital or state tax. SAM spends all
capital in year 0, pays at the end of years 1 to N, takes the benefit of a tax loss at once, starts depreciation in year
1 and counts salvage as revenue. Money is compared to a dollar, ratios to 1e-6. (SAM stops its search for the rate of return up to
1e-6 from the root.)
"""

from dataclasses import dataclass

import numpy as np
import pytest

from colocalc.lease.cashflow import cash_flow, present_value_usd
from colocalc.lease.debt import (
    annuity_principal_usd,
    debt_schedule,
    sculpted_debt_usd,
    sculpted_principal_usd,
    straight_principal_usd,
)
from colocalc.lease.lender import min_dscr_factor
from colocalc.lease.levelized import (
    break_even_rate_usd_per_gpu_h,
    levelized_cost_usd_per_gpu_h,
    sam_lcoe_usd_per_gpu_h,
)
from colocalc.lease.tax import disposal_gain_usd

GPUS, HOURS, YEARS = 1_000, 8_760, 6
CAPITAL, OPEX, DISCOUNT = 40e6, 3e6, 0.10
DEPRECIATION = {
    "macrs": (0.0, 0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576),
    "half-year": (0.0, 0.1, 0.2, 0.2, 0.2, 0.2, 0.1),
}
DOLLAR, RATIO = 1.0, 1e-6
NONE = np.zeros(YEARS + 1)
YEAR = np.arange(YEARS + 1)


@dataclass(frozen=True)
class Run:
    """What is put into SAM, and what comes out of it; lists are years 0 to 6."""

    title: str
    rate: float
    tax: list[float]
    equity: list[float]
    irr: float
    npv: float
    lcoe: float
    levelized_revenue: float
    tax_rate: float = 0.21
    decay: float = 0.0
    method: str = "macrs"
    salvage: float = 0.0
    kind: str = "none"
    dscr: float = 1.0
    borrowed: float = np.inf
    repaid: tuple[int, int] = (1, 4)
    reserve_years: float = 0.0
    debt: float = 0.0
    min_dscr: float = np.nan
    interest: tuple[float, ...] = ()
    balance: tuple[float, ...] = ()
    reserve: tuple[float, ...] = ()


FALLING = {"rate": 2.2, "decay": -0.15, "levelized_revenue": 1.5903889728096674}
SCULPTED = {
    "kind": "sculpted",
    "dscr": 1.4,
    "debt": 28638326.324314304,
    "min_dscr": 1.4,
    "tax": [0, -1135715.15, 295413.34, -422750.33, -767274.61, -514941.93, -681888.64],
    "interest": (0, 2863832.63, 1987930.18, 1230923.2, 573728.38, 0, 0),
    "balance": (28638326.32, 19879301.81, 12309232.0, 5737283.77, 0, 0, 0),
}
RUNS = [
    Run(
        title="no debt",
        rate=2.6,
        tax=[0, -2472960, -1464960, -2540160, -3185280, -3185280, -3669120],
        equity=[-40000000, 17303040, 18311040, 17235840, 16590720, 16590720, 16106880],
        irr=0.36566722054466405,
        npv=34537799.63230167,
        lcoe=1.6947335962256296,
        levelized_revenue=2.6,
    ),
    Run(
        title="rate falling 10% a year, salvage of a tenth, straight line over 5 years from the middle of year 1",
        rate=2.6,
        decay=-0.1,
        method="half-year",
        salvage=0.1,
        tax=[0, -3312960, -1994664, -1564197.6, -1176777.84, -828100.06, -2194290.05],
        equity=[-40000000, 16463040, 15503736, 13884362.4, 12426926.16, 11115233.54, 12254710.19],
        irr=0.2750238169022364,
        npv=20517839.647632785,
        lcoe=1.5516823584807693,
        levelized_revenue=2.0894731589595636,
    ),
    Run(
        title="no debt and no tax",
        rate=2.6,
        tax_rate=0.0,
        tax=[0] * 7,
        equity=[-40000000, *[19776000] * 6],
        irr=0.43863234098259973,
        npv=46129635.59256497,
        lcoe=1.3909012801948282,
        levelized_revenue=2.6,
    ),
    Run(
        title="debt sculpted to a DSCR of 1.4 over 4 years at 10%, rate falling 15% a year",
        equity=[-11361673.68, 3513427.71, 4118613.34, 2698398.24, 1757130.25, 6545162.52, 4869200.14],
        irr=0.23576927825321337,
        npv=5276221.83821217,
        lcoe=1.4520945122521112,
        **FALLING,
        **SCULPTED,
    ),
    Run(
        title="break-even rate after tax",
        rate=1.454093159779278,
        tax=[0, -364949.78, 643050.22, -432149.78, -1077269.78, -1077269.78, -1561109.78],
        equity=[-40000000, 9372906.3, 10380906.3, 9305706.3, 8660586.3, 8660586.3, 8176746.3],
        irr=0.10,
        npv=0.0,
        lcoe=1.4540931597792777,
        levelized_revenue=1.4540931597792777,
    ),
    Run(
        title="break-even rate before tax",
        rate=1.3909012801948282,
        tax_rate=0.0,
        tax=[0] * 7,
        equity=[-40000000, *[9184295.21] * 6],
        irr=0.10,
        npv=0.0,
        lcoe=1.3909012801948282,
        levelized_revenue=1.3909012801948282,
    ),
    Run(
        title="the sculpted debt with a reserve of six months of debt service that bears no interest",
        reserve_years=0.5,
        reserve=(5811428.57, 4779000.0, 3901435.71, 3155506.07, 0, 0, 0),
        equity=[-17173102.25, 4545856.28, 4996177.62, 3444327.89, 4912636.32, 6545162.52, 4869200.14],
        irr=0.17038063158055747,
        npv=3844305.5219964534,
        lcoe=1.489626310684172,
        **FALLING,
        **SCULPTED,
    ),
    Run(
        title="the sculpted debt capped at half of the cost",
        kind="sculpted",
        dscr=1.4,
        borrowed=20e6,
        debt=20e6,
        min_dscr=2.004682842702001,
        tax=[0, -1317120, 169491.11, -500721.17, -803616.51, -514941.93, -681888.64],
        interest=(0, 2000000, 1388300.53, 859633.48, 400671.72, 0, 0),
        balance=(20000000, 13883005.3, 8596334.75, 4006717.22, 0, 0, 0),
        equity=[-20000000, 6837885.3, 6875720.03, 4974047.82, 3624411.55, 6545162.52, 4869200.14],
        irr=0.1861301171436147,
        npv=4923837.727122273,
        lcoe=1.4613308127805107,
        **FALLING,
    ),
    Run(
        title="60% of the cost, level payments",
        kind="annuity",
        borrowed=24e6,
        debt=24e6,
        min_dscr=1.1669617938494643,
        tax=[0, -1233120, 273350.71, -405298.5, -743214.58, -514941.93, -681888.64],
        interest=(0, 2400000, 1882870.07, 1314027.15, 688299.94, 0, 0),
        balance=(24000000, 18828700.71, 13140271.49, 6882999.35, 0, 0, 0),
        equity=[-16000000, 7467580.71, 6083251.43, 2947422.21, 520903.13, 6545162.52, 4869200.14],
        irr=0.2189563116382589,
        npv=5198983.539341047,
        lcoe=1.4541189966662058,
        **FALLING,
    ),
    Run(
        title="60% of the cost, equal principal",
        kind="straight",
        borrowed=24e6,
        debt=24e6,
        min_dscr=1.3386995454545452,
        tax=[0, -1233120, 255948, -429244.2, -761757.57, -514941.93, -681888.64],
        interest=(0, 2400000, 1800000, 1200000, 600000, 0, 0),
        balance=(24000000, 18000000, 12000000, 6000000, 0, 0, 0),
        equity=[-16000000, 6638880, 5837148, 3294775.8, 1473659.43, 6545162.52, 4869200.14],
        irr=0.21266360127625294,
        npv=5153945.261227243,
        lcoe=1.4552994899371823,
        **FALLING,
    ),
    Run(
        title="60% of the cost, level payments after a year of interest alone",
        kind="annuity",
        borrowed=24e6,
        repaid=(2, 4),
        debt=24e6,
        min_dscr=0.9155155982344109,
        tax=[0, -1233120, 381948, -329510.06, -703515.88, -514941.93, -681888.64],
        interest=(0, 2400000, 2400000, 1674924.47, 877341.39, 0, 0),
        balance=(24000000, 24000000, 16749244.71, 8773413.9, 0, 0, 0),
        equity=[-16000000, 12638880, 4112392.71, 943754.65, -1518854.17, 6545162.52, 4869200.14],
        irr=0.25096646093859865,
        npv=5372789.086589567,
        lcoe=1.4495633989040788,
        **FALLING,
    ),
    Run(
        title="uncapped debt of 166% of the cost: nothing at stake and no rate of return",
        rate=2.6,
        kind="sculpted",
        dscr=1.3,
        repaid=(1, 6),
        debt=66253565.84043459,
        min_dscr=1.3,
        tax=[0, -1081635.12, -253961.09, -1527519.66, -2390834.09, -2630847.96, -3378703.22],
        interest=(0, 6625356.58, 5766661.47, 4822096.85, 3783075.77, 2640152.57, 1382937.06),
        balance=(66253565.84, 57666614.73, 48220968.51, 37830757.67, 26401525.75, 13829370.63, 0),
        equity=[26253565.84, 3482057.19, 4309731.22, 3036172.65, 2172858.22, 1932844.35, 1184989.09],
        irr=np.nan,
        npv=38615086.28023572,
        lcoe=1.5878642918626362,
        levelized_revenue=2.6,
    ),
]
each_run = pytest.mark.parametrize("run", RUNS, ids=lambda run: run.title)


def schedule(run: Run, cfads: np.ndarray):
    """The loan of a run; interest is 10% of the opening debt."""
    first, last = run.repaid
    terms = {"interest_share": np.full(YEARS + 1, 0.1), "repaying_share": ((first <= YEAR) & (last >= YEAR)) * 1.0}
    if run.kind == "sculpted":
        debt = sculpted_debt_usd(firm_cfads_usd=cfads, target_dscr_factor=run.dscr, cap_usd=run.borrowed, **terms)
        principal = sculpted_principal_usd(debt_usd=debt, firm_cfads_usd=cfads, **terms)
    else:
        debt = run.borrowed if run.kind != "none" else 0.0
        principal = annuity_principal_usd(debt_usd=debt, balloon_share=0.0, **terms)
        if run.kind == "straight":
            principal = straight_principal_usd(debt_usd=debt, repaying_share=terms["repaying_share"], balloon_share=0.0)
    return debt_schedule(
        draw_usd=np.where(YEAR == 0, debt, 0.0),
        principal_usd=principal,
        prepayment_usd=NONE,
        interest_share=terms["interest_share"],
        commitment_usd=0.0,
        commitment_fee_share=NONE,
        drawing_share=NONE,
        cfads_usd=cfads,
    )


def project(run: Run):
    """Revenue without salvage, the loan, and the cash flow."""
    revenue = np.where(YEAR > 0, GPUS * HOURS * run.rate * (1.0 + run.decay) ** (YEAR - 1.0), 0.0)
    opex = np.where(YEAR > 0, OPEX, 0.0)
    salvage = np.where(YEAR == YEARS, run.salvage * CAPITAL, 0.0)
    depreciation = CAPITAL * np.array(DEPRECIATION[run.method])
    loan = schedule(run, revenue - opex)
    gain = disposal_gain_usd(
        salvage_usd=salvage, cost_usd=CAPITAL, depreciation_usd=depreciation, disposed_share=(YEAR == YEARS) * 1.0
    )
    flow = cash_flow(
        revenue_usd=revenue,
        opex_usd=opex,
        capital_usd=np.where(YEAR == 0, CAPITAL, 0.0),
        salvage_usd=salvage,
        gain_usd=gain,
        depreciation_usd=depreciation,
        draw_usd=loan.draw_usd,
        interest_usd=loan.interest_usd,
        fee_usd=loan.fee_usd,
        principal_usd=loan.principal_usd,
        prepayment_usd=loan.prepayment_usd,
        tax_rate_share=run.tax_rate,
        loss_cap_share=1.0,
        immediate_loss_share=1.0,
        reserve_periods_count=run.reserve_years,
        reserve_interest_share=0.0,
        lock_up_dscr_factor=0.0,
    )
    return revenue, loan, flow


def internal_rate(flow: np.ndarray) -> float:
    """The one root between -90% and 1,000%, by halving; NaN without a change of sign."""
    low, high = -0.9, 10.0
    signs = [present_value_usd(flow_usd=flow, discount_share=rate) > 0.0 for rate in (low, high)]
    if signs[0] == signs[1]:
        return np.nan
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if present_value_usd(flow_usd=flow, discount_share=middle) > 0.0 else (low, middle)
    return low


def dollars(values):
    return pytest.approx(np.array(values), abs=DOLLAR)


def ratio(value):
    return pytest.approx(value, rel=0.0, abs=RATIO, nan_ok=True)


@each_run
def test_tax_and_flows_of_every_year(run):
    _, _, flow = project(run)
    assert -flow.tax_usd == dollars(run.tax)
    assert flow.equity_after_tax_usd == dollars(run.equity)
    assert flow.sources_less_uses_usd == pytest.approx(NONE, abs=1e-6)


@each_run
def test_debt_of_every_year(run):
    _, loan, flow = project(run)
    assert loan.draw_usd[0] == dollars(run.debt)
    assert loan.interest_usd == dollars(run.interest or NONE)
    assert loan.closing_usd == dollars(run.balance or NONE)
    assert float(min_dscr_factor(dscr_factor=loan.dscr_factor)) == ratio(run.min_dscr)
    assert flow.reserve_usd == dollars(run.reserve or NONE)


@each_run
def test_return_and_value(run):
    _, _, flow = project(run)
    value = present_value_usd(flow_usd=flow.equity_after_tax_usd, discount_share=DISCOUNT)
    assert float(value) == dollars(run.npv)
    assert internal_rate(flow.equity_after_tax_usd) == ratio(run.irr)


@each_run
def test_levelized_cost_as_sam_prints_it(run):
    revenue, _, flow = project(run)
    hours = np.where(YEAR > 0, GPUS * HOURS, 0.0)
    over = {"billed_gpu_h": hours, "discount_share": DISCOUNT}
    lcoe = sam_lcoe_usd_per_gpu_h(revenue_usd=revenue, after_tax_flow_usd=flow.equity_after_tax_usd, **over)
    assert float(lcoe) == ratio(run.lcoe)
    assert float(levelized_cost_usd_per_gpu_h(cost_usd=revenue, **over)) == ratio(run.levelized_revenue)


def break_even(tax_rate: float) -> float:
    fixed = np.where(YEAR > 0, -OPEX, 0.0)
    rate = break_even_rate_usd_per_gpu_h(
        billed_gpu_h=np.where(YEAR > 0, GPUS * HOURS, 0.0),
        other_flow_usd=fixed - np.where(YEAR == 0, CAPITAL, 0.0),
        other_income_usd=fixed - CAPITAL * np.array(DEPRECIATION["macrs"]),
        tax_rate_share=tax_rate,
        loss_cap_share=1.0,
        immediate_loss_share=1.0,
        discount_share=DISCOUNT,
    )
    return float(rate)


@pytest.mark.parametrize(("tax_rate", "rate"), [(0.21, 1.454093159779278), (0.0, 1.3909012801948282)])
def test_the_break_even_rate_is_the_price_that_sam_solves_for(tax_rate, rate):
    assert break_even(tax_rate) == pytest.approx(rate, rel=1e-12)


def test_the_lcoe_of_sam_is_no_break_even_rate():
    assert RUNS[0].lcoe == pytest.approx(1.6947, abs=5e-5)
    assert break_even(0.21) == pytest.approx(1.4541, abs=5e-5)


def test_debt_that_level_cash_carries():
    """PySAM as above: five years of 11,016,000 at a DSCR of 1.5 and 9%; 28,565,598.88."""
    debt = sculpted_debt_usd(
        firm_cfads_usd=[11_016_000.0] * 5,
        interest_share=[0.09] * 5,
        repaying_share=[1.0] * 5,
        target_dscr_factor=1.5,
        cap_usd=np.inf,
    )
    assert float(debt) == dollars(28565598.878055)


def test_levelized_cost_without_tax():
    """PySAM as above, without tax: ``lcoe_nom`` of 139.09012801948282 cents."""
    cost = levelized_cost_usd_per_gpu_h(
        cost_usd=[CAPITAL, *[OPEX] * YEARS], billed_gpu_h=[0.0, *[GPUS * HOURS] * YEARS], discount_share=DISCOUNT
    )
    assert float(cost) == pytest.approx(1.3909012801948282, abs=1e-9)
