"""Facts about levelized cost, break-even and the price of delivered work."""

import numpy as np
import pytest

from colocalc.lease.cashflow import present_value_usd
from colocalc.lease.levelized import (
    break_even_billed_share,
    break_even_rate_usd_per_gpu_h,
    levelized_cost_usd_per_gpu_h,
    sam_lcoe_usd_per_gpu_h,
)
from colocalc.lease.tax import tax_usd

HOURS = np.array([0.0, *[8.76e6] * 6])
COST = np.array([40e6, *[3e6] * 6])
MACRS = np.array([0, 0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576])
TERMS = {
    "billed_gpu_h": HOURS,
    "other_flow_usd": -COST,
    "other_income_usd": -40e6 * MACRS - COST * (HOURS > 0),
    "tax_rate_share": 0.21,
    "loss_cap_share": 0.8,
    "immediate_loss_share": 0.0,
    "discount_share": 0.1,
}


def break_even(**changes):
    return break_even_rate_usd_per_gpu_h(**TERMS | changes)


def worth(rate, **changes):
    terms = TERMS | changes
    revenue = rate * HOURS
    tax = tax_usd(
        income_usd=revenue + terms["other_income_usd"],
        **{name: terms[name] for name in ("tax_rate_share", "loss_cap_share", "immediate_loss_share")},
    )
    return float(present_value_usd(flow_usd=revenue + terms["other_flow_usd"] - tax, discount_share=0.1))


def levelized(**changes):
    terms = {"cost_usd": COST, "billed_gpu_h": HOURS, "discount_share": 0.1}
    return float(levelized_cost_usd_per_gpu_h(**terms | changes))


# Levelized cost


def test_levelized_cost_is_the_annuity_of_capital_and_running_cost_over_hours():
    recovery = 0.1 / (1 - 1.1**-6)
    assert levelized() == pytest.approx((40e6 * recovery + 3e6) / 8.76e6)


def test_levelized_cost_without_discount_is_all_costs_over_all_hours():
    assert levelized(discount_share=0.0) == pytest.approx(58e6 / (6 * 8.76e6))


def test_without_hours_there_is_no_levelized_cost():
    assert np.isnan(levelized(billed_gpu_h=0.0 * HOURS))


def test_levelized_cost_is_the_break_even_rate_without_tax():
    assert levelized() == pytest.approx(float(break_even(tax_rate_share=0.0)), rel=1e-12)


def sam(rate, tax_rate):
    income = rate * HOURS + TERMS["other_income_usd"]
    tax = tax_usd(income_usd=income, tax_rate_share=tax_rate, loss_cap_share=1.0, immediate_loss_share=1.0)
    return float(
        sam_lcoe_usd_per_gpu_h(
            revenue_usd=rate * HOURS, after_tax_flow_usd=rate * HOURS - COST - tax, billed_gpu_h=HOURS, discount_share=0.1
        )
    )  # fmt: skip


def test_sams_levelized_cost_at_break_even_is_the_rate():
    rate = float(break_even(immediate_loss_share=1.0))
    assert sam(rate, 0.21) == pytest.approx(rate, rel=1e-12)


def test_sams_levelized_cost_without_tax_is_the_levelized_cost():
    assert sam(2.6, 0.0) == pytest.approx(levelized())


def test_sams_levelized_cost_rises_with_the_rate_when_there_is_tax():
    assert sam(2.6, 0.21) == pytest.approx(1.6947, abs=5e-5)
    assert sam(3.6, 0.21) == pytest.approx(sam(2.6, 0.21) + 0.21)


def test_sams_levelized_cost_without_hours_is_undefined():
    found = sam_lcoe_usd_per_gpu_h(revenue_usd=[1.0], after_tax_flow_usd=[0.0], billed_gpu_h=[0.0], discount_share=0.1)
    assert np.isnan(found)


# Break-even rate


@pytest.mark.parametrize("immediate", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("cap", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("tax_rate", [0.0, 0.21, 0.9])
def test_at_the_break_even_rate_nothing_is_won_or_lost(tax_rate, cap, immediate):
    terms = {"tax_rate_share": tax_rate, "loss_cap_share": cap, "immediate_loss_share": immediate}
    assert worth(float(break_even(**terms)), **terms) == pytest.approx(0.0, abs=40e6 * 1e-12)


def test_carrying_losses_forward_needs_a_higher_rate_than_cashing_them():
    assert float(break_even()) > float(break_even(immediate_loss_share=1.0)) == pytest.approx(1.4540931597792777)


def test_income_that_is_recovered_at_once_breaks_even_at_the_levelized_cost():
    flow = np.array([-40e6, *[-3e6] * 6])
    rates = break_even(other_income_usd=flow, tax_rate_share=[0.0, 0.21, 0.5], immediate_loss_share=1.0)
    np.testing.assert_allclose(rates, levelized(), rtol=1e-12)


def test_other_flows_above_zero_break_even_at_a_negative_rate():
    rate = float(break_even(other_flow_usd=COST, other_income_usd=0.5 * COST))
    assert rate < 0.0
    assert worth(rate, other_flow_usd=COST, other_income_usd=0.5 * COST) == pytest.approx(0.0, abs=1e-3)


def test_a_part_of_a_gpu_breaks_even_where_all_do():
    small = {name: 1e-9 * TERMS[name] for name in ("billed_gpu_h", "other_flow_usd", "other_income_usd")}
    assert float(break_even(**small)) == pytest.approx(float(break_even()), rel=1e-12)


def test_no_hours_or_a_tax_of_all_have_no_break_even_rate():
    assert np.isnan(break_even(billed_gpu_h=0.0 * HOURS))
    assert np.isnan(break_even(tax_rate_share=1.0))


# Break-even utilization, and delivered work


def test_break_even_utilization_is_break_even_rate_over_rate():
    """SemiAnalysis, July 2026: owning a mix of H100, H200 and GB200 costs 1.6236 an hour; at 2.60, 62.4% must be billed."""
    share = break_even_billed_share(break_even_usd_per_gpu_h=1.6236, rate_usd_per_gpu_h=[2.60, 1.6236, 3.2472, 0.0])
    np.testing.assert_allclose(share, [0.6245, 1.0, 0.5, np.nan], atol=5e-5)
