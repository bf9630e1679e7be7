"""Laws of debt, tax and cash flow: no dollar appears or is lost, caps hold, and money has no unit of its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.arrays import floored_sum
from colocalc.lease.cashflow import cash_flow, present_value_usd
from colocalc.lease.debt import (
    annuity_principal_usd,
    balloon_usd,
    debt_schedule,
    sculpted_debt_usd,
    sculpted_principal_usd,
    straight_principal_usd,
)
from colocalc.lease.downside import let_again_usd
from colocalc.lease.draws import delayed_draw_usd
from colocalc.lease.levelized import break_even_rate_usd_per_gpu_h
from colocalc.lease.sweep import swept_usd
from colocalc.lease.tax import tax_usd

LAWS = settings(deadline=None, derandomize=True, max_examples=60)
PERIODS = 24
PERIOD = np.arange(PERIODS)
MONEY = (
    "revenue_usd", "opex_usd", "capital_usd", "salvage_usd", "gain_usd", "depreciation_usd", "draw_usd",
    "interest_usd", "fee_usd", "principal_usd", "prepayment_usd",
)  # fmt: skip
SEEDS = st.integers(0, 2**32 - 1)


def projects(seed, count):
    """Inputs of random projects: capital in the first three periods, revenue afterwards, some of it below cost."""
    draw = np.random.default_rng(seed)
    running = (PERIOD >= 3) * 1.0
    capital = 1e8 * draw.uniform(0.5, 1.5, (count, PERIODS)) * (PERIOD < 3)
    cost = capital.sum(axis=-1, keepdims=True)
    last = (PERIOD == PERIODS - 1) * 1.0
    return {
        "revenue_usd": running * cost * draw.uniform(0.0, 0.15, (count, PERIODS)),
        "opex_usd": running * cost * draw.uniform(0.0, 0.03, (count, PERIODS)),
        "capital_usd": capital,
        "salvage_usd": last * cost * draw.uniform(0.0, 0.2, (count, 1)),
        "gain_usd": last * cost * draw.uniform(-0.1, 0.2, (count, 1)),
        "depreciation_usd": running * cost / 21 * draw.uniform(0.5, 1.5, (count, PERIODS)),
    }


def terms(seed, count):
    """Terms of tax and of lenders for random projects."""
    draw = np.random.default_rng(seed + 1)
    return {
        "tax_rate_share": draw.choice([0.0, 0.21, 0.4], count),
        "loss_cap_share": draw.choice([0.0, 0.8, 1.0], count),
        "immediate_loss_share": draw.choice([0.0, 0.5, 1.0], count),
        "reserve_periods_count": draw.choice([0.0, 0.5, 3.0], count),
        "reserve_interest_share": draw.choice([0.0, 0.002], count),
        "lock_up_dscr_factor": draw.choice([0.0, 1.2, 2.0], count),
        "sweep_share": draw.choice([0.0, 0.5, 1.0], count),
        "sweep_below_dscr_factor": draw.choice([0.0, 1.5, np.inf], count),
        "interest_share": draw.uniform(0.0, 0.03, count)[:, None] * np.ones(PERIODS),
        "repaying_share": ((PERIOD >= 3) & (draw.integers(6, PERIODS, count)[:, None] >= PERIOD)) * 1.0,
        "target_dscr_factor": draw.uniform(1.1, 2.0, count),
        "advance_rate_share": draw.uniform(0.0, 0.9, count),
    }


def some(mapping, *names):
    return {name: mapping[name] for name in names}


TAX = ("tax_rate_share", "loss_cap_share", "immediate_loss_share")


def financed(given_, agreed):
    """Debt sized on half of the cash flow, drawn while it is built, swept; and the cash flow with it."""
    cfads = given_["revenue_usd"] - given_["opex_usd"]
    loan = some(agreed, "interest_share", "repaying_share")
    commitment = sculpted_debt_usd(
        firm_cfads_usd=0.5 * cfads,
        target_dscr_factor=agreed["target_dscr_factor"],
        cap_usd=agreed["advance_rate_share"] * given_["capital_usd"].sum(axis=-1),
        **loan,
    )
    fees = {"commitment_fee_share": np.full(PERIODS, 0.001), "drawing_share": (PERIOD < 3) * 1.0}
    draws = delayed_draw_usd(
        capital_usd=given_["capital_usd"],
        advance_rate_share=agreed["advance_rate_share"],
        commitment_usd=commitment,
        interest_share=agreed["interest_share"],
        **fees,
    )
    principal = sculpted_principal_usd(debt_usd=draws.sum(axis=-1), firm_cfads_usd=0.5 * cfads, **loan)
    swept = swept_usd(
        draw_usd=draws,
        principal_usd=principal,
        cfads_usd=cfads,
        income_before_interest_usd=cfads - given_["depreciation_usd"] + given_["gain_usd"],
        **some(agreed, *TAX, "interest_share", "sweep_share", "sweep_below_dscr_factor"),
    )
    account = debt_schedule(
        draw_usd=draws,
        principal_usd=principal,
        prepayment_usd=swept,
        interest_share=agreed["interest_share"],
        commitment_usd=commitment,
        cfads_usd=cfads,
        **fees,
    )
    flow = cash_flow(
        **given_,
        **{name: getattr(account, name) for name in MONEY[-5:]},
        **some(agreed, *TAX, "reserve_periods_count", "reserve_interest_share", "lock_up_dscr_factor"),
    )
    return commitment, account, flow


def near(value, size):
    return pytest.approx(value, rel=1e-9, abs=1e-9 * size)


# Debt


@LAWS
@given(seed=SEEDS)
def test_debt_never_exceeds_what_was_committed_and_is_never_negative(seed):
    commitment, account, _ = financed(projects(seed, 20), terms(seed, 20))
    assert (account.closing_usd >= 0.0).all()
    assert (account.closing_usd.max(axis=-1) <= commitment * (1 + 1e-12) + 1e-6).all()
    assert (account.draw_usd.sum(axis=-1) <= commitment * (1 + 1e-12)).all()


@LAWS
@given(seed=SEEDS)
def test_all_that_is_drawn_is_repaid(seed):
    _, account, _ = financed(projects(seed, 20), terms(seed, 20))
    repaid = (account.principal_usd + account.prepayment_usd).sum(axis=-1)
    np.testing.assert_allclose(repaid, account.draw_usd.sum(axis=-1), rtol=1e-9, atol=1e-3)
    np.testing.assert_allclose(
        account.closing_usd,
        account.opening_usd + account.draw_usd - account.principal_usd - account.prepayment_usd,
        atol=1e-5,
    )


@LAWS
@given(seed=SEEDS, cap=st.floats(0.05, 2.0))
def test_sculpted_debt_meets_its_target_and_capped_debt_exceeds_it_evenly(seed, cap):
    agreed = terms(seed, 10)
    cfads = projects(seed, 10)["revenue_usd"]
    loan = some(agreed, "interest_share", "repaying_share")
    size = {"firm_cfads_usd": cfads, "target_dscr_factor": agreed["target_dscr_factor"], **loan}
    free = sculpted_debt_usd(**size, cap_usd=np.inf)
    debt = sculpted_debt_usd(**size, cap_usd=cap * free)
    principal = sculpted_principal_usd(debt_usd=debt, firm_cfads_usd=cfads, **loan)
    opening = debt[:, None] - np.cumsum(principal, axis=-1) + principal
    service = principal + agreed["interest_share"] * opening
    # Where interest alone is above what cash carries, no principal is due and the DSCR is below its target.
    repaying = agreed["repaying_share"] > 0.0
    assert (principal >= 0.0).all()
    repaying &= ((principal > 0.0) | ~repaying).all(axis=-1, keepdims=True)
    wanted = agreed["target_dscr_factor"][:, None] / min(cap, 1.0) * service
    np.testing.assert_allclose(wanted[repaying], cfads[repaying], rtol=1e-7, atol=1.0)


@LAWS
@given(seed=SEEDS, balloon=st.floats(0.0, 1.0))
def test_every_profile_repays_the_debt(seed, balloon):
    agreed = terms(seed, 10)
    debt = np.random.default_rng(seed).uniform(1e6, 1e9, 10)
    loan = some(agreed, "interest_share", "repaying_share")
    for principal in (
        annuity_principal_usd(debt_usd=debt, balloon_share=balloon, **loan),
        straight_principal_usd(debt_usd=debt, balloon_share=balloon, repaying_share=loan["repaying_share"]),
    ):
        final = balloon_usd(debt_usd=debt, balloon_share=balloon, repaying_share=loan["repaying_share"])
        np.testing.assert_allclose((principal + final).sum(axis=-1), debt)
        assert (principal >= -1e-9 * debt[:, None]).all()
        assert (principal[loan["repaying_share"] == 0.0] == 0.0).all()


@LAWS
@given(seed=SEEDS)
def test_a_sweep_never_leaves_more_debt(seed):
    given_, agreed = projects(seed, 20), terms(seed, 20)
    _, swept, _ = financed(given_, agreed)
    _, kept, _ = financed(given_, agreed | {"sweep_share": np.zeros(20)})
    assert (swept.closing_usd <= kept.closing_usd + 1e-5).all()
    assert (swept.prepayment_usd >= 0.0).all()


# Tax


@LAWS
@given(seed=SEEDS)
def test_the_pool_of_losses_follows_its_recurrence(seed):
    draw = np.random.default_rng(seed)
    change = draw.normal(size=(5, PERIODS))
    level = np.zeros(5)
    for period, found in enumerate(floored_sum(change).T):
        level = np.maximum(level + change[:, period], 0.0)
        np.testing.assert_allclose(found, level, atol=1e-12)


@LAWS
@given(seed=SEEDS, rate=st.floats(0.0, 0.9), cap=st.floats(0.0, 1.0))
def test_losses_carried_forward_never_pay_less_tax_than_losses_cashed(seed, rate, cap):
    income = np.random.default_rng(seed).normal(size=(10, PERIODS)) * 1e6
    later = tax_usd(income_usd=income, tax_rate_share=rate, loss_cap_share=cap, immediate_loss_share=0.0)
    now = tax_usd(income_usd=income, tax_rate_share=rate, loss_cap_share=cap, immediate_loss_share=1.0)
    assert (np.cumsum(later, axis=-1) >= np.cumsum(now, axis=-1) - 1e-6).all()
    assert (later >= -1e-6).all()


@LAWS
@given(seed=SEEDS, rate=st.floats(0.0, 0.9), cap=st.floats(0.0, 1.0))
def test_tax_and_the_losses_left_account_for_all_income(seed, rate, cap):
    income = np.random.default_rng(seed).normal(size=(10, PERIODS)) * 1e6
    tax = tax_usd(income_usd=income, tax_rate_share=rate, loss_cap_share=cap, immediate_loss_share=0.0).sum(axis=-1)
    left = np.zeros(10)
    for period in income.T:
        left = np.maximum(left - np.where(period > 0.0, cap * period, period), 0.0)
    np.testing.assert_allclose(tax, rate * (income.sum(axis=-1) + left), rtol=1e-9, atol=1e-3)


# Cash flow


@LAWS
@given(seed=SEEDS)
def test_every_dollar_of_the_project_goes_to_owners_lenders_or_the_state(seed):
    given_ = projects(seed, 20)
    _, account, flow = financed(given_, terms(seed, 20))
    size = given_["capital_usd"].sum(axis=-1).max()
    shared = flow.equity_after_tax_usd + flow.tax_usd + account.interest_usd + account.fee_usd
    shared = shared - flow.reserve_interest_usd
    np.testing.assert_allclose(flow.project_before_tax_usd.sum(axis=-1), shared.sum(axis=-1), atol=1e-9 * size)
    np.testing.assert_allclose(flow.sources_less_uses_usd, 0.0, atol=1e-12 * size)


@LAWS
@given(seed=SEEDS)
def test_cash_held_back_is_never_negative_and_all_of_it_comes_back(seed):
    given_, agreed = projects(seed, 20), terms(seed, 20) | {"reserve_interest_share": np.zeros(20)}
    _, _, flow = financed(given_, agreed)
    _, _, free = financed(given_, agreed | {"reserve_periods_count": np.zeros(20), "lock_up_dscr_factor": np.zeros(20)})
    assert (flow.reserve_usd >= -1e-6).all()
    assert (flow.trapped_usd >= -1e-6).all()
    np.testing.assert_allclose(
        flow.equity_after_tax_usd.sum(axis=-1), free.equity_after_tax_usd.sum(axis=-1), rtol=1e-9, atol=1.0
    )


@LAWS
@given(seed=SEEDS, scale=st.floats(1e-3, 1e3))
def test_net_present_value_scales_with_the_currency(seed, scale):
    given_, agreed = projects(seed, 10), terms(seed, 10)
    _, _, one = financed(given_, agreed)
    _, _, other = financed({name: scale * value for name, value in given_.items()}, agreed)
    values = [present_value_usd(flow_usd=flow.equity_after_tax_usd, discount_share=0.01) for flow in (one, other)]
    np.testing.assert_allclose(values[1], scale * values[0], rtol=1e-9, atol=scale)


# Break-even


@LAWS
@given(seed=SEEDS, discount=st.floats(0.0, 0.2))
def test_at_the_break_even_rate_net_present_value_is_zero(seed, discount):
    given_, agreed = projects(seed, 50), terms(seed, 50)
    draw = np.random.default_rng(seed)
    hours = (PERIOD >= 3) * draw.uniform(0.0, 1e6, (50, PERIODS))
    other = given_["salvage_usd"] - given_["opex_usd"] - given_["capital_usd"]
    taxed = given_["gain_usd"] - given_["opex_usd"] - given_["depreciation_usd"]
    # Some incomes change sign often: losses run out and come back.
    taxed = taxed + draw.normal(size=(50, PERIODS)) * 1e7 * draw.choice([0.0, 1.0], (50, 1))
    rate = break_even_rate_usd_per_gpu_h(
        billed_gpu_h=hours, other_flow_usd=other, other_income_usd=taxed, discount_share=discount, **some(agreed, *TAX)
    )
    revenue = rate[:, None] * hours
    tax = tax_usd(income_usd=revenue + taxed, **some(agreed, *TAX))
    value = present_value_usd(flow_usd=revenue + other - tax, discount_share=discount)
    assert (np.abs(value) <= 1e-11 * given_["capital_usd"].sum(axis=-1)).all()


# One path for one and for many


def test_many_projects_at_once_are_each_of_them_alone():
    given_, agreed = projects(7, 40), terms(7, 40)
    _, account, flow = financed(given_, agreed)
    for row in range(40):
        _, one, alone = financed(*({name: value[row] for name, value in part.items()} for part in (given_, agreed)))
        np.testing.assert_allclose(flow.equity_after_tax_usd[row], alone.equity_after_tax_usd, rtol=1e-12, atol=1e-5)
        np.testing.assert_allclose(account.closing_usd[row], one.closing_usd, rtol=1e-12, atol=1e-5)


# Downside


@LAWS
@given(given_after=st.floats(0, 30), notice=st.floats(0, 12), gap=st.floats(0, 12), later=st.floats(0, 12))
def test_revenue_with_a_notice_lies_between_none_and_the_lease_and_later_is_better(given_after, notice, gap, later):
    terms_ = {"revenue_usd": np.full(PERIODS, 100.0), "market_revenue_usd": np.full(PERIODS, 60.0)}
    times = {"notice_count": notice, "gap_count": gap}
    sooner = let_again_usd(given_after_count=given_after, **times, **terms_)
    assert ((sooner >= 0.0) & (sooner <= 100.0 + 1e-9)).all()
    assert let_again_usd(given_after_count=given_after + later, **times, **terms_).sum() >= sooner.sum() - 1e-9


@LAWS
@given(notice=st.integers(1, 12), given_after=st.integers(0, 30), gap=st.floats(0.0, 24.0), target=st.floats(1.0, 2.0))
def test_debt_sculpted_on_firm_cash_is_served_whenever_the_tenant_leaves(notice, given_after, gap, target):
    operating = (PERIOD >= 1) * 1.0
    opex, interest = 20.0 * operating, np.full(PERIODS, 0.01)
    terms_ = {"revenue_usd": 100.0 * operating, "market_revenue_usd": 40.0 * operating, "notice_count": notice}
    # Firm is what survives a notice given at the close, period 0.
    firm = let_again_usd(given_after_count=1.0, gap_count=np.inf, **terms_) - opex
    loan = {"firm_cfads_usd": firm, "interest_share": interest, "repaying_share": operating}
    debt = sculpted_debt_usd(**loan, target_dscr_factor=target, cap_usd=np.inf)
    cfads = let_again_usd(given_after_count=1.0 + given_after, gap_count=gap, **terms_) - opex
    account = debt_schedule(
        draw_usd=debt * (PERIOD == 0),
        principal_usd=sculpted_principal_usd(debt_usd=debt, **loan),
        prepayment_usd=0.0 * PERIOD,
        interest_share=interest,
        commitment_usd=0.0,
        commitment_fee_share=0.0 * PERIOD,
        drawing_share=0.0 * PERIOD,
        cfads_usd=cfads,
    )
    assert np.nanmin(account.dscr_factor) >= target * (1 - 1e-9)
    assert account.closing_usd[notice] == pytest.approx(0.0, abs=1e-6)
