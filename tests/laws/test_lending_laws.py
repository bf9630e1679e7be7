"""Laws of a project with everything turned on at once: two leases, a market after them, debt with all it may ask for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.case import lower, numbers
from colocalc.catalog import fleet_names, load_catalog
from colocalc.loading import load_fleet
from colocalc.study.evaluate import evaluate
from colocalc.variants import Variants

LAWS = settings(deadline=None, derandomize=True, max_examples=15)
CATALOG = load_catalog()
RATES = ("lease.break_even_rate_usd_per_gpu_h", "lease.equity_break_even_rate_usd_per_gpu_h")
VALUES = dict(zip(RATES, ("lease.project_npv_usd", "lease.equity_npv_usd"), strict=True))


def shares(low, high):
    return st.integers(0, 100).map(lambda step: round(low + (high - low) * step / 100, 4))


SCULPTED = "target_dscr_factor: {cover}, advance_rate_share: 0.8"
BALLOON = "sizing: amount, amount_usd: {amount}, repayment: {repayment}, balloon_share: {balloon}"
TERMS = st.fixed_dictionaries(
    {
        "rate": shares(1.0, 6.0),
        "fee": shares(1.0, 5.0).map(lambda fee: fee * 1e6),
        "start": st.sampled_from(["2026-07-01", "2026-11-16", "2028-02-29"]),
        "ahead": shares(0.05, 0.5),
        "notice": st.integers(0, 12),
        "leaves": shares(0.0, 0.2),
        "gap": st.integers(0, 4),
        "ramp": st.integers(2, 8),
        "cover": shares(1.1, 2.0),
        "amount": shares(1.0, 20.0).map(lambda amount: amount * 1e6),
        "repayment": st.sampled_from(["annuity", "straight-line"]),
        "balloon": shares(0.1, 0.8),
        "sweep": shares(0.1, 1.0),
        "reserve": st.integers(1, 9),
        "earns": shares(0.01, 0.06),
        "lock": shares(1.0, 2.0),
        "decay": shares(0.1, 1.0),
        "losses": st.sampled_from(["carry-forward", "immediate"]),
        "periods": st.sampled_from(["yearly", "monthly"]),
        "sized": st.sampled_from(["firm", "headline"]),
    }
)
FLEET = """
name: everything
pools: [{{name: a, gpu: h100-sxm, count: 1000}}, {{name: b, gpu: h200-sxm, count: 500}}]
site: {{facility_power_mw: 3, energy_price_usd_per_mwh: 60}}
contracts:
  - name: first
    pools: [a]
    rate_usd_per_gpu_h: {rate}
    start: 2026-07-01
    months: 36
    ramp_months: {ramp}
    escalator_share_per_yr: 0.03
    take_or_pay_share: 0.8
    sold_share: 0.7
    power_passthrough_share: 0.5
    prepayment: {{revenue_share: {ahead}, credited_from_yr: 2}}
    sla: {{availability_share: 0.98, promised_share: 0.99, credit_share: 0.1}}
    notice: {{months: {notice}, after_months: 6, share_per_month: {leaves}}}
    market: {{rate_usd_per_gpu_h: 1.5, months: 12, gap_months: {gap}, change_share_per_yr: -0.2, sold_share: 0.9}}
  - name: second
    pools: [b]
    fee_usd_per_month: {fee}
    start: {start}
    months: 30
    prepayment: {{amount_usd: 2000000}}
    notice: {{months: 3, share_per_month: {leaves}}}
    market: {{rate_usd_per_gpu_h: 2, months: 6}}
costs:
  capital_usd_per_gpu: {{h100-sxm: 30000, h200-sxm: 36000}}
  data_centre_usd_per_mw: 5e6
  operations_usd_per_yr: 3e6
  maintenance_share_per_yr: 0.03
  escalator_share_per_yr: 0.02
depreciation: {{residual_floor_share: 0.1, residual_decay_per_yr: {decay}, bonus_share: 0.4}}
finance: {{discount_rate_share: 0.1, equity_discount_rate_share: 0.15, tax_losses: {losses}, periods: {periods}}}
debt:
  interest_share: 0.09
  tenor_months: 34
  {debt}
  sized_on: {sized}
  commitment_fee_share: 0.01
  sweep_share: {sweep}
  reserve_months: {reserve}
  reserve_interest_share: {earns}
  {covenant}
"""


def evaluated(terms, debt, *, lock=True, **changes):
    known = {key: value if isinstance(value, str) else repr(value) for key, value in (terms | changes).items()}
    own = debt.format(**known).replace(", ", "\n  ")
    covenant = f"lock_up_dscr_factor: {known['lock']}" if lock else "notice_in_month_count: 4"
    text = FLEET.format(**known, debt=own, covenant=covenant)
    loaded = load_fleet("-", catalog=CATALOG, stdin=text.encode())
    return evaluate(lower(loaded.fleet, loaded.catalog))


@pytest.mark.parametrize("debt", [SCULPTED, BALLOON], ids=["sculpted", "balloon"])
@LAWS
@given(terms=TERMS)
def test_with_everything_at_once_no_dollar_appears_or_is_lost(debt, terms):
    found = evaluated(terms, debt)
    project, view, capital = found.returns.project, found.returns.lender, float(found.metrics["lease.capital_usd"])
    cash, loan, flows = project.cash, project.loan, project.flows
    np.testing.assert_allclose(cash.sources_less_uses_usd, 0.0, atol=1e-9 * capital)
    # Over all periods: what assets earn, and interest on what is held back, goes to lenders, the state and owners.
    shared = cash.equity_after_tax_usd + cash.tax_usd + loan.interest_usd + loan.fee_usd - cash.reserve_interest_usd
    owed = float(loan.closing_usd[-1])
    assert float(shared.sum()) - owed == pytest.approx(float(cash.project_before_tax_usd.sum()), abs=1e-9 * capital)
    repaid = float((loan.principal_usd + loan.prepayment_usd).sum())
    assert repaid + owed == pytest.approx(float(loan.draw_usd.sum()), abs=1e-9 * capital)
    # What is held back is never negative, and all of it comes back.
    assert min(cash.reserve_usd.min(), cash.trapped_usd.min()) >= -1e-9 * capital
    assert cash.reserve_usd[-1] == cash.trapped_usd[-1] == 0.0
    # Tenants who leave have paid for what they had.
    firm = float(found.metrics["lease.firm_value_usd"])
    assert float(flows.firm_usd.sum()) == pytest.approx(firm, abs=1e-9 * capital)
    # The end of each period is the end of a month.
    step = int(project.months_per_period)
    np.testing.assert_allclose(view.month_debt_usd[::step], loan.closing_usd, rtol=1e-12)
    np.testing.assert_allclose(view.month_value_usd[::step], flows.value_usd, rtol=1e-9)
    gap, balloon = (float(found.metrics[f"lease.{name}_usd"]) for name in ("refinancing_gap", "balloon"))
    assert 0.0 <= gap <= balloon <= float(loan.draw_usd.sum())


@pytest.mark.parametrize("debt", [SCULPTED, BALLOON], ids=["sculpted", "balloon"])
@LAWS
@given(terms=TERMS)
def test_with_everything_at_once_the_rates_that_break_even_are_worth_nothing(debt, terms):
    # A lock-up is all or nothing, so that value may jump over 0.
    found = evaluated(terms, debt, lock=False)
    mean, capital = float(found.returns.project.mean_rate_usd_per_gpu_h), float(found.metrics["lease.capital_usd"])
    for rate in RATES:
        sought = float(found.metrics.get(rate, np.nan))
        if sought > 0.0:
            factor = sought / mean
            again = evaluated(terms, debt, lock=False, rate=terms["rate"] * factor, fee=terms["fee"] * factor)
            assert float(again.metrics[VALUES[rate]]) == pytest.approx(0.0, abs=1e-8 * capital), rate


@pytest.mark.parametrize("name", [name for name in fleet_names() if name in {"colossus-1", "neocloud-1k-h100"}])
@pytest.mark.parametrize("rate", RATES)
def test_a_sample_let_at_the_rate_that_breaks_even_is_worth_nothing(name, rate):
    fleet = Variants(name, CATALOG)
    found = evaluate(fleet.case)
    factor = float(found.metrics[rate]) / float(found.returns.project.mean_rate_usd_per_gpu_h)
    priced = {
        path: row.value * factor
        for path, row in numbers(fleet.case).items()
        if path.endswith("rate_usd_per_gpu_h") and not {"market", "reference"} & set(path.split("."))
    }
    again = evaluate(fleet.at_once(priced)).metrics
    capital = float(again["lease.capital_usd"])
    assert float(again[VALUES[rate]]) == pytest.approx(0.0, abs=1e-8 * capital)
