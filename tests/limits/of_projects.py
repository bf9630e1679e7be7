"""Limits of a project's cash: debt and what its lenders ask for, tax, and the rate that just pays."""

import numpy as np

from colocalc.lease import cashflow, debt, downside, draws, lender, levelized, reserves, sizing, sweep, tax
from tests.limits.checks import INF, NAN, Limits, at, holds, near, undefined

# Five periods: capital and draws in the first, and four of repayment.
REPAYING = np.array([0.0, 1.0, 1.0, 1.0, 1.0])
INTEREST = np.array([0.0, 0.05, 0.05, 0.05, 0.05])
FREE = 0.0 * INTEREST
CASH = np.array([0.0, 40.0, 50.0, 45.0, 60.0])
LEVEL = 45.0 * REPAYING
TERMS = {"debt_usd": 100.0, "repaying_share": REPAYING, "balloon_share": 0.3}
INCOME = np.array([-100.0, 60.0, -20.0, 50.0, 200.0])
PROFIT = np.array([10.0, 0.0, 20.0])
TAXED = {"tax_rate_share": 0.21, "loss_cap_share": 0.8, "immediate_loss_share": 0.0}
SALE = {"salvage_usd": [0.0, 50.0], "cost_usd": 100.0, "disposed_share": [0.0, 1.0]}
HOURS = np.array([0.0, 100.0, 100.0, 100.0])
COSTS = np.array([600.0, 50.0, 50.0, 50.0])
WORN = np.array([0.0, 200.0, 200.0, 200.0])
LOOSE = {"loss_cap_share": 1.0, "immediate_loss_share": 1.0}


def _annuity(**given):
    return debt.annuity_principal_usd(**TERMS | {"interest_share": INTEREST} | given)


def _straight(**given):
    return debt.straight_principal_usd(**TERMS | given)


def _sculpted_debt(**given):
    plain = {"firm_cfads_usd": CASH, "interest_share": INTEREST, "repaying_share": REPAYING}
    return debt.sculpted_debt_usd(**plain | {"target_dscr_factor": 1.4, "cap_usd": INF} | given)


def _sculpted(owed, cash=CASH, interest=INTEREST):
    return debt.sculpted_principal_usd(
        debt_usd=owed, firm_cfads_usd=cash, interest_share=interest, repaying_share=REPAYING
    )


def _account(principal, *, interest=INTEREST, prepayment=0.0 * CASH, drawn=100.0, cash=CASH):
    return debt.debt_schedule(
        draw_usd=[drawn, 0.0, 0.0, 0.0, 0.0],
        principal_usd=principal,
        prepayment_usd=prepayment,
        interest_share=interest,
        commitment_usd=drawn,
        commitment_fee_share=FREE,
        drawing_share=1.0 - REPAYING,
        cfads_usd=cash,
    )


def _cover(owed, cash=CASH):
    """DSCR of debt sculpted to a cash flow, in the periods that repay."""
    return _account(_sculpted(owed, cash), drawn=float(owed)).dscr_factor[1:]


def _on_target():
    near(_cover(_sculpted_debt()), 1.4)


def _capped():
    near(_cover(0.7 * _sculpted_debt()), 1.4 / 0.7)


def _interest_above_service():
    poor = np.array([0.0, 1.0, 100.0, 100.0, 100.0])
    principal = _sculpted(200.0, poor)
    account = _account(principal, drawn=200.0, cash=poor)
    near(principal[1], 0.0)
    holds(account.dscr_factor[1] < account.dscr_factor[2:])
    holds(np.diff(account.closing_usd) <= 0.0)


def _nothing_due():
    account = _account(_straight(balloon_share=0.0, repaying_share=[0.0, 1.0, 1.0, 0.0, 0.0]))
    undefined(account.dscr_factor[[0, 3, 4]])
    holds(np.isfinite(account.dscr_factor[[1, 2]]))


def _prepaid():
    account = _account(_straight(balloon_share=0.0), prepayment=[0.0, 75.0, 0.0, 0.0, 0.0])
    near(account.closing_usd[1:], 0.0)
    near(account.service_usd[2:], 0.0)


CAPITAL = np.array([600.0, 200.0, 0.0])


def _drawn(**given):
    plain = {
        "capital_usd": CAPITAL,
        "advance_rate_share": 0.7,
        "commitment_usd": 500.0,
        "drawing_share": [1.0, 1.0, 0.0],
        "interest_share": [0.0, 0.05, 0.05],
        "commitment_fee_share": [0.01, 0.01, 0.0],
    }
    return draws.delayed_draw_usd(**plain | given)


def _all_at_once():
    once = {"capital_usd": [600.0, 0.0], "drawing_share": [1.0, 0.0], "interest_share": [0.0, 0.05]}
    near(_drawn(**once, commitment_fee_share=[0.0, 0.0], commitment_usd=[[500.0], [300.0]])[..., 0], [[420], [300]])


def _shared_charges():
    found = _drawn(commitment_usd=1e3)
    near(found[0], 0.7 * (600 + 0.01 * 1e3))
    near(found[1], 0.7 * (200 + 0.05 * found[0] + 0.01 * (1e3 - found[0])))


def _let_again(**given):
    plain = {
        "revenue_usd": np.full(6, 10.0),
        "market_revenue_usd": np.full(6, 6.0),
        "given_after_count": 1.0,
        "notice_count": 1.0,
        "gap_count": 2.0,
    }
    return downside.let_again_usd(**plain | given)


OWED = np.array([100.0, 80.0, 60.0, 30.0, 0.0])


def _after_firm(count):
    return downside.debt_after_firm_term_usd(debt_usd=OWED, firm_count=count)


def _gap(**given):
    plain = {"balloon_usd": 100.0, "value_usd": 90.0, "advance_rate_share": 0.5, "carried_usd": 70.0}
    return downside.refinancing_gap_usd(**plain | given)


def _decaying(age, **given):
    plain = {"price_usd": 100.0, "floor_usd": 10.0, "decay_per_yr": 0.3}
    return lender.decaying_value_usd(**plain | {"age_yr": np.atleast_1d(age)} | given)


def _linear(age, **given):
    plain = {"price_usd": 100.0, "floor_usd": 10.0, "life_yr": 6.0}
    return lender.linear_value_usd(**plain | {"age_yr": np.atleast_1d(age)} | given)


def _llcr(**given):
    plain = {"cfads_usd": CASH, "interest_share": INTEREST, "repaying_share": REPAYING, "debt_usd": OWED}
    return lender.llcr_factor(**plain | given)


def _plcr(**given):
    plain = {"cfads_usd": CASH, "interest_share": INTEREST, "debt_usd": OWED}
    return lender.plcr_factor(**plain | given)


def _sculpted_cover():
    owed = _sculpted_debt()
    account = _account(_sculpted(owed), drawn=float(owed))
    near(_llcr(debt_usd=account.closing_usd)[:-1], 1.4)


def _beyond_the_loan():
    short = [0.0, 1.0, 1.0, 1.0, 0.0]
    holds(_plcr()[:-1] > _llcr(repaying_share=short)[:-1])


def _break_even(**given):
    plain = {"billed_gpu_h": HOURS, "other_flow_usd": -COSTS, "other_income_usd": -WORN - COSTS * (WORN > 0)}
    return levelized.break_even_rate_usd_per_gpu_h(**plain | TAXED | {"discount_share": 0.08} | given)


def _levelized(discount=0.08, hours=HOURS):
    return levelized.levelized_cost_usd_per_gpu_h(cost_usd=COSTS, billed_gpu_h=hours, discount_share=discount)


def _linear_with_cash_for_losses():
    growth = 1.08 ** -np.arange(4.0)
    income = -WORN - COSTS * (WORN > 0)
    expected = np.sum((COSTS + 0.21 * income) * growth) / (0.79 * np.sum(HOURS * growth))
    near(_break_even(**LOOSE), expected, within=1e-10)


def _recovered_at_once():
    rates = np.array([0.0, 0.21, 0.5])
    near(_break_even(other_income_usd=-COSTS, tax_rate_share=rates, **LOOSE), _levelized(), within=1e-9)


def _sam(revenue, flow, hours=HOURS):
    return levelized.sam_lcoe_usd_per_gpu_h(
        revenue_usd=revenue, after_tax_flow_usd=flow, billed_gpu_h=hours, discount_share=0.08
    )


def _sam_at(rate):
    income = rate * HOURS - WORN - COSTS * (WORN > 0)
    return _sam(rate * HOURS, rate * HOURS - COSTS - 0.21 * income)


def _sam_breaks_even():
    rate = _break_even(**LOOSE)
    near(_sam_at(rate), rate, within=1e-10)


def _cash_flow(**given):
    plain = {
        "revenue_usd": [0.0, 60.0, 60.0, 60.0],
        "opex_usd": [0.0, 10.0, 10.0, 10.0],
        "capital_usd": [100.0, 0.0, 0.0, 0.0],
        "salvage_usd": [0.0, 0.0, 0.0, 10.0],
        "gain_usd": [0.0, 0.0, 0.0, 10.0],
        "depreciation_usd": [0.0, 50.0, 30.0, 20.0],
        "draw_usd": [60.0, 0.0, 0.0, 0.0],
        "interest_usd": [0.0, 6.0, 4.0, 2.0],
        "fee_usd": [1.0, 0.0, 0.0, 0.0],
        "principal_usd": [0.0, 20.0, 20.0, 20.0],
        "prepayment_usd": np.zeros(4),
        "reserve_periods_count": 1.0,
        "reserve_interest_share": 0.0,
        "lock_up_dscr_factor": 2.0,
    }
    return cashflow.cash_flow(**plain | TAXED | given)


def _without_debt():
    none = dict.fromkeys(("draw_usd", "interest_usd", "fee_usd", "principal_usd"), np.zeros(4))
    found = _cash_flow(**none)
    near(found.equity_before_tax_usd, found.project_before_tax_usd)
    near(found.equity_after_tax_usd, found.project_after_tax_usd)


def _without_tax():
    found = _cash_flow(tax_rate_share=0.0)
    near(found.equity_after_tax_usd, found.equity_before_tax_usd)
    near(found.project_after_tax_usd, found.project_before_tax_usd)


def _held_back():
    held, free = _cash_flow(), _cash_flow(reserve_periods_count=0.0, lock_up_dscr_factor=0.0)
    holds(held.reserve_usd.max() > 0.0)
    holds(held.trapped_usd.max() > 0.0)
    near(held.equity_after_tax_usd.sum(), free.equity_after_tax_usd.sum())


def _value(rate, flow=(5.0, 7.0)):
    return cashflow.present_value_usd(flow_usd=flow, discount_share=rate)


SERVICE = np.array([0.0, 20.0, 30.0, 40.0])


def _target(ahead):
    return reserves.reserve_target_usd(service_usd=SERVICE, reserve_periods_count=ahead)


def _kept(**given):
    plain = {
        "available_usd": [0.0, 50.0, 50.0, 50.0],
        "service_usd": SERVICE,
        "target_usd": [20.0, 30.0, 40.0, 0.0],
        "drawing_share": [1.0, 0.0, 0.0, 0.0],
        "locked_share": np.zeros(4),
    }
    return reserves.reserves(**plain | given)


def _lock_up_ends():
    found = _kept(available_usd=np.full(4, 90.0), locked_share=[0.0, 1.0, 0.0, 0.0])
    holds(found.trapped_usd[1] > 0.0)
    near(found.trapped_usd[2], 0.0)


def _last_period():
    found = _kept(locked_share=np.ones(4), target_usd=np.full(4, 30.0))
    near([found.reserve_usd[-1], found.trapped_usd[-1]], 0.0)


def _short_of_cash():
    found = _kept(available_usd=[0.0, 5.0, 0.0, 0.0])
    near(found.reserve_usd, [20.0, 5.0, 0.0, 0.0])


def _locked(ratio, level):
    return reserves.locked_share(dscr_factor=[ratio], lock_up_dscr_factor=level)


def _swept(**given):
    plain = {
        "draw_usd": [100.0, 0.0, 0.0, 0.0, 0.0],
        "principal_usd": [0.0, 25.0, 25.0, 25.0, 25.0],
        "interest_share": INTEREST,
        "cfads_usd": CASH,
        "income_before_interest_usd": 0.0 * CASH,
        "sweep_share": 0.5,
        "sweep_below_dscr_factor": INF,
    }
    return sweep.swept_usd(**plain | TAXED | given)


def _last_first():
    found = _swept()
    paid = np.array([0.0, 25.0, 25.0, 25.0, 25.0])
    account = _account(paid, prepayment=found)
    holds(account.principal_usd[1:3] == 25.0)
    holds(account.principal_usd[-1] < 25.0)


def _tax(income=INCOME, **given):
    return tax.tax_usd(income_usd=income, **TAXED | given)


def _gain(depreciation, **given):
    return tax.disposal_gain_usd(**SALE | {"depreciation_usd": depreciation} | given)


def _taxable(**given):
    return at(tax.taxable_income_usd, **{"ebitda_usd": [100.0] * 3} | given)


LIMITS: Limits = {
    cashflow.cash_flow: {
        "No debt": _without_debt,
        "A tax rate of 0": _without_tax,
        "Reserve and trapped cash are back by the last period": _held_back,
        "Sources are uses in every period": lambda: near(
            _cash_flow(reserve_interest_share=0.03).sources_less_uses_usd, 0.0, nothing=1e-10
        ),
    },
    cashflow.present_value_usd: {
        "A rate of 0": lambda: near(_value(0.0), 12.0),
        "A flow in period 0 alone": lambda: near(_value([0.0, 0.1, 3.0], [5.0, 0.0]), 5.0),
    },
    debt.annuity_principal_usd: {
        "No interest": lambda: near(_annuity(interest_share=FREE)[1:], 70 / 4),
        "A balloon of 1": lambda: near(_annuity(balloon_share=1.0), 0.0, nothing=1e-10),
        "One repaying period": lambda: near(_annuity(repaying_share=[0.0, 0.0, 1.0, 0.0, 0.0]), [0, 0, 70, 0, 0]),
        "No debt": lambda: near(_annuity(debt_usd=0.0), 0.0),
        "Debt, and no repaying period": lambda: undefined(_annuity(repaying_share=np.zeros(5)).sum()),
    },
    debt.balloon_usd: {
        "No balloon": lambda: near(debt.balloon_usd(**TERMS | {"balloon_share": 0.0}), 0.0),
        "No repaying period": lambda: near(debt.balloon_usd(**TERMS | {"repaying_share": np.zeros(5)}), 0.0),
    },
    debt.debt_schedule: {
        "Nothing due": _nothing_due,
        "No interest": lambda: near(_account(_straight(), interest=FREE).service_usd, _straight()),
        "More principal than debt": lambda: near(
            _account(np.full(5, 60.0) * REPAYING).principal_usd, [0, 60, 40, 0, 0]
        ),
        "A prepayment of all debt": _prepaid,
    },
    debt.sculpted_debt_usd: {
        "No cap (infinite)": lambda: near(_sculpted_debt(interest_share=FREE), CASH.sum() / 1.4),
        "A cap below that": lambda: near(_sculpted_debt(cap_usd=70.0), 70.0),
        "No interest": lambda: near(
            _sculpted_debt(interest_share=FREE, repaying_share=[0.0, 1.0, 1.0, 0.0, 0.0]), 90 / 1.4
        ),
        "No repaying periods or no cash": lambda: (
            near(_sculpted_debt(repaying_share=np.zeros(5)), 0.0),
            near(_sculpted_debt(firm_cfads_usd=-CASH), 0.0),
        ),
        "Twice the DSCR": lambda: near(2.0 * _sculpted_debt(target_dscr_factor=2.8), _sculpted_debt()),
    },
    debt.sculpted_principal_usd: {
        "Debt from ``sculpted_debt_usd``, uncapped": _on_target,
        "Debt capped at a share of that": _capped,
        "Level cash flow": lambda: near(_sculpted(100.0, LEVEL), _annuity(balloon_share=0.0)),
        "Interest above that service": _interest_above_service,
        "No debt": lambda: near(_sculpted(0.0), 0.0),
        "Debt, and no cash in the repaying periods": lambda: undefined(_sculpted(100.0, 0.0 * CASH)[REPAYING > 0]),
    },
    debt.straight_principal_usd: {
        "A balloon of 1": lambda: near(_straight(balloon_share=1.0), 0.0),
        "One repaying period": lambda: near(_straight(repaying_share=[0.0, 0.0, 1.0, 0.0, 0.0]), [0, 0, 70, 0, 0]),
        "No repaying period": lambda: undefined(_straight(repaying_share=np.zeros(5))),
    },
    downside.debt_after_firm_term_usd: {
        "A firm term to maturity or longer": lambda: near(_after_firm([5.0, 99.0]), 0.0),
        "A firm term of part of a period": lambda: near(_after_firm(3.7), OWED[2]),
        "No firm period": lambda: near(_after_firm(0.0), 100.0),
    },
    downside.let_again_usd: {
        "Never given": lambda: near(_let_again(given_after_count=INF), 10.0),
        "Given at once without notice or gap": lambda: near(
            _let_again(given_after_count=0.0, notice_count=0.0, gap_count=0.0), 6.0
        ),
        "An infinite gap": lambda: near(_let_again(gap_count=INF), [10, 10, 0, 0, 0, 0]),
        "Notice that ends within a period": lambda: near(
            _let_again(notice_count=1.25, gap_count=INF), [10, 10, 2.5, 0, 0, 0]
        ),
        "Neither a gap nor a change of rate": lambda: near(
            _let_again(market_revenue_usd=np.full(6, 10.0), gap_count=0.0, notice_count=0.4), 10.0
        ),
    },
    downside.refinancing_gap_usd: {
        "No balloon": lambda: near(_gap(balloon_usd=0.0), 0.0),
        "Assets worth nothing or no cash flow": lambda: (
            near(_gap(value_usd=0.0), 100.0),
            near(_gap(carried_usd=0.0), 100.0),
        ),
        "A new loan of at least the balloon": lambda: near(_gap(value_usd=400.0, carried_usd=[100.0, 300.0]), 0.0),
    },
    draws.delayed_draw_usd: {
        "All draws together": lambda: near(_drawn().sum(), 500.0),
        "No advance, no commitment or no drawing period": lambda: (
            near(_drawn(advance_rate_share=0.0), 0.0),
            near(_drawn(commitment_usd=0.0), 0.0),
            near(_drawn(drawing_share=np.zeros(3)), 0.0),
        ),
        "All capital in period 0, without a fee": _all_at_once,
        "The lender's share of interest and fee is drawn, the owners' share is paid by them": _shared_charges,
    },
    lender.decaying_value_usd: {
        "New": lambda: near(_decaying(0.0), 100.0),
        "Very old": lambda: near(_decaying(1e4), 10.0),
        "No decay": lambda: near(_decaying([0.0, 9.0], decay_per_yr=0.0), 100.0),
        "A floor above the price": lambda: undefined(_decaying(1.0, floor_usd=101.0)),
    },
    lender.dscr_factor: {
        "No cash": lambda: near(lender.dscr_factor(cfads_usd=[0.0], service_usd=[5.0]), 0.0),
        "Costs above revenue": lambda: holds(lender.dscr_factor(cfads_usd=[-1.0], service_usd=[5.0]) < 0.0),
        "Nothing due": lambda: undefined(lender.dscr_factor(cfads_usd=[5.0], service_usd=[0.0])),
    },
    lender.firm_tenor_factor: {
        "A firm term as long as the loan": lambda: near(
            lender.firm_tenor_factor(firm_months=48.0, tenor_months=48.0), 1
        ),
        "A lease that may end at once": lambda: near(lender.firm_tenor_factor(firm_months=0.0, tenor_months=48.0), 0.0),
        "No tenor": lambda: undefined(lender.firm_tenor_factor(firm_months=48.0, tenor_months=0.0)),
    },
    lender.linear_value_usd: {
        "New": lambda: near(_linear(0.0), 100.0),
        "At the end of its life or older": lambda: near(_linear([6.0, 99.0]), 10.0),
        "A floor above the price": lambda: undefined(_linear(1.0, floor_usd=101.0)),
    },
    lender.llcr_factor: {
        "Debt sculpted to a DSCR and repaid from the next period on": _sculpted_cover,
        "No debt": lambda: undefined(_llcr(debt_usd=0.0 * OWED)),
        "No interest": lambda: near(_llcr(interest_share=FREE)[0], CASH.sum() / 100.0),
    },
    lender.loan_to_value_share: {
        "No debt": lambda: near(lender.loan_to_value_share(debt_usd=[0.0], value_usd=[90.0]), 0.0),
        "A value of 0": lambda: undefined(lender.loan_to_value_share(debt_usd=[5.0], value_usd=[0.0])),
    },
    lender.mean_dscr_factor: {
        "One period with debt service": lambda: near(lender.mean_dscr_factor(dscr_factor=[NAN, 1.3, NAN]), 1.3),
        "No debt service in any period": lambda: undefined(lender.mean_dscr_factor(dscr_factor=[NAN, NAN])),
    },
    lender.min_dscr_factor: {
        "One period with debt service": lambda: near(lender.min_dscr_factor(dscr_factor=[NAN, 1.3, NAN]), 1.3),
        "No debt service in any period": lambda: undefined(lender.min_dscr_factor(dscr_factor=[NAN, NAN])),
    },
    lender.plcr_factor: {
        "A loan as long as the project": lambda: near(_plcr()[:-1], _llcr()[:-1]),
        "Cash after the loan's life": _beyond_the_loan,
        "No debt": lambda: undefined(_plcr(debt_usd=0.0 * OWED)),
    },
    levelized.break_even_billed_share: {
        "The break-even rate itself": lambda: near(
            levelized.break_even_billed_share(break_even_usd_per_gpu_h=1.6, rate_usd_per_gpu_h=1.6), 1.0
        ),
        "Twice the rate": lambda: near(
            levelized.break_even_billed_share(break_even_usd_per_gpu_h=1.6, rate_usd_per_gpu_h=3.2), 0.5
        ),
        "A rate of 0": lambda: undefined(
            levelized.break_even_billed_share(break_even_usd_per_gpu_h=1.6, rate_usd_per_gpu_h=0.0)
        ),
    },
    levelized.break_even_rate_usd_per_gpu_h: {
        "No tax": lambda: near(_break_even(tax_rate_share=0.0), _levelized(), within=1e-10),
        "Losses turned into cash at once": _linear_with_cash_for_losses,
        "Other income that is all recovered at once": _recovered_at_once,
        "Other flows above 0": lambda: holds(_break_even(other_flow_usd=COSTS, other_income_usd=COSTS) < 0.0),
        "No hours, or a tax rate of 1": lambda: undefined(
            [_break_even(billed_gpu_h=0.0 * HOURS), _break_even(tax_rate_share=1.0)]
        ),
    },
    levelized.levelized_cost_usd_per_gpu_h: {
        "A discount rate of 0": lambda: near(_levelized(0.0), 750 / 300),
        "No hours": lambda: undefined(_levelized(hours=0.0 * HOURS)),
        "Level costs and hours after capital in period 0": lambda: near(
            _levelized(), (600 * sizing.crf(0.08, 3.0) + 50) / 100
        ),
        "Without tax": lambda: near(_levelized(), _break_even(tax_rate_share=0.0), within=1e-10),
    },
    levelized.sam_lcoe_usd_per_gpu_h: {
        "Net present value 0": _sam_breaks_even,
        "Without tax and debt": lambda: near(_sam(4.0 * HOURS, 4.0 * HOURS - COSTS), _levelized()),
        "With tax": lambda: holds(_sam_at(5.0) > _sam_at(4.0)),
        "No hours": lambda: undefined(_sam(HOURS, HOURS, 0.0 * HOURS)),
    },
    reserves.locked_share: {
        "A DSCR at the lock-up level": lambda: near(_locked(1.2, 1.2), 0.0),
        "No debt service, so no DSCR (NaN)": lambda: near(_locked(NAN, 1.2), 0.0),
        "A lock-up level of 0": lambda: near([_locked(0.0, 0.0), _locked(-0.1, 0.0)], [[0], [1]]),
    },
    reserves.reserve_target_usd: {
        "No periods ahead": lambda: near(_target(0.0), 0.0),
        "Half a period ahead": lambda: near(_target(0.5), [10, 15, 20, 0]),
        "As many periods as there are": lambda: near(_target(4.0), [90, 70, 40, 0]),
        "The last period": lambda: near(_target(2.0)[-1], 0.0),
    },
    reserves.reserves: {
        "A target of 0": lambda: near(_kept(target_usd=np.zeros(4)).reserve_usd, 0.0),
        "Cash above service in every period": lambda: near(
            _kept(available_usd=np.full(4, 90.0)).reserve_usd[:-1], [20, 30, 40]
        ),
        "No lock-up": lambda: near(_kept().trapped_usd, 0.0),
        "A lock-up that ends": _lock_up_ends,
        "The last period": _last_period,
        "Less cash than service": _short_of_cash,
    },
    sweep.swept_usd: {
        "A sweep of 0 or a trigger of 0": lambda: (
            near(_swept(sweep_share=0.0), 0.0),
            near(_swept(sweep_below_dscr_factor=0.0), 0.0),
        ),
        "An infinite trigger": lambda: holds(_swept(sweep_share=0.1)[1:-1] > 0.0),
        "No cash left": lambda: near(_swept(cfads_usd=0.0 * CASH), 0.0),
        "Never more than is owed": lambda: near(_swept(sweep_share=1.0, cfads_usd=1e3 * CASH), [0, 75, 0, 0, 0]),
        "The last instalments are repaid first": _last_first,
    },
    tax.disposal_gain_usd: {
        "Fully depreciated": lambda: near(_gain([60.0, 40.0]), [0, 50]),
        "Sold at what is not depreciated yet": lambda: near(_gain([30.0, 20.0]), 0.0),
        "Scrapped for nothing": lambda: near(_gain([30.0, 40.0], salvage_usd=[0.0, 0.0]), [0, -30]),
        "Nothing disposed of": lambda: near(_gain([30.0, 40.0], disposed_share=[0.0, 0.0]), [0, 50]),
    },
    tax.tax_usd: {
        "A rate of 0": lambda: near(_tax(tax_rate_share=0.0), 0.0),
        "An immediate share of 1": lambda: near(_tax(immediate_loss_share=1.0), 0.21 * INCOME),
        "An immediate share of 0": lambda: holds(_tax() >= 0.0),
        "A cap of 0": lambda: near(_tax(loss_cap_share=0.0), 0.21 * np.maximum(INCOME, 0.0)),
        "Profit in every period": lambda: near(_tax(PROFIT), 0.21 * PROFIT),
    },
    tax.taxable_income_usd: {
        "No deductions and no gain": lambda: near(
            _taxable(depreciation_usd=[0.0] * 3, interest_usd=[0.0] * 3, gain_usd=[0.0] * 3), 100.0
        ),
        "Deductions above EBITDA": lambda: near(
            _taxable(depreciation_usd=[90.0] * 3, interest_usd=[30.0] * 3, gain_usd=[0.0] * 3), -20.0
        ),
    },
}
