"""A leased fleet as a project: capital, depreciation, tax, debt and what is left for its owners."""

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.loading import load_fleet
from colocalc.report.views.lending import warnings
from colocalc.study.evaluate import evaluate
from colocalc.study.returns import hedge_by_year

POOL = "pools: [{name: a, gpu: h100-sxm, count: 100}]"
TWO = "pools: [{name: a, gpu: h100-sxm, count: 100}, {name: b, gpu: h100-sxm, count: 300}]"
SITE = "site: {facility_power_mw: 1, energy_price_usd_per_mwh: 0}"
COSTS = "costs: {capital_usd_per_gpu: {h100-sxm: 30000}}"
CAPITAL, FEES = 3e6, 200 * 8_760.0  # 100 GPUs at 30,000 USD each, and 2 USD an hour for a year
UNTAXED = "finance: {discount_rate_share: 0.1, tax_rate_share: 0}"
TAXED = "finance: {discount_rate_share: 0.1}"  # 21%, losses carried forward up to 80% of income
MACRS = np.array([0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576])


def lease(months=48, **more):
    terms = "".join(f", {key}: {value}" for key, value in more.items())
    return f"lease: {{rate_usd_per_gpu_h: 2, months: {months}{terms}}}"


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def result(*lines, site=SITE, pools=POOL):
    return evaluate(case(pools, *((site,) if site else ()), *lines))


def project(*lines, **more):
    return result(*lines, **more).returns.project


def metric(name, *lines, **more):
    return float(result(*lines, **more).metrics[f"lease.{name}"])


def near(value, tolerance=1e-12):
    return pytest.approx(value, rel=tolerance, abs=1e-6)


# Capital


def test_capital_is_servers_network_storage_spares_and_the_data_centre():
    tree = (
        "costs: {capital_usd_per_gpu: {h100-sxm: 30000}, network_usd_per_gpu: 2000, storage_usd_per_gpu: 1000,"
        " spares_share: 0.05, data_centre_usd_per_mw: 1e7}"
    )
    assert metric("capital_usd", tree, lease()) == near(100 * 33_000 * 1.05 + 1e7)


def test_a_pool_under_no_contract_is_no_capital_and_a_contract_pays_its_part_of_the_data_centre():
    tree = "costs: {capital_usd_per_gpu: {h100-sxm: 30000}, data_centre_usd_per_mw: 1e7}"
    contract = "contracts: [{name: x, pools: [a], rate_usd_per_gpu_h: 2, months: 48}]"
    assert metric("capital_usd", tree, contract, pools=TWO) == near(CAPITAL + 1e7 / 4)


def test_each_gpu_has_its_own_price_and_an_alias_is_a_name():
    pools = "pools: [{name: a, gpu: h100-sxm, count: 100}, {name: b, gpu: h200-sxm, count: 10}]"
    tree = "costs: {capital_usd_per_gpu: {h100-sxm: 30000, h200-sxm: 36000}}"
    assert metric("capital_usd", tree, lease(), pools=pools) == near(CAPITAL + 360_000)


def test_capital_is_spent_as_gpus_are_delivered():
    monthly = "finance: {periods: monthly}"
    spent = project(COSTS, lease(12, ramp_months=4), monthly).flows.capital_usd
    assert spent == near([CAPITAL / 4] * 4 + [0] * 9)
    assert project(COSTS, lease(48, ramp_months=24)).flows.capital_usd == near([CAPITAL / 2, CAPITAL / 2, 0, 0, 0])
    steps = project(COSTS, lease(12, ramp_share="[0.2, 0.5, 1]"), monthly).flows.capital_usd
    assert steps == near([0.2 * CAPITAL, 0.3 * CAPITAL, 0.5 * CAPITAL, *[0] * 10])


def test_shares_of_capital_are_paid_each_year():
    tree = (
        "costs: {capital_usd_per_gpu: {h100-sxm: 30000}, data_centre_usd_per_mw: 1e7, maintenance_share_per_yr: 0.02,"
        " replacement_share_per_yr: 0.04, insurance_share_per_yr: 0.005}"
    )
    # Upkeep and replacement of hardware, insurance of all that is owned
    opex = 0.06 * CAPITAL + 0.005 * (CAPITAL + 1e7)
    assert project(tree, lease()).flows.opex_usd == near([0, *[opex] * 4])


# Depreciation


def test_tax_depreciation_is_that_of_five_year_property():
    assert project(COSTS, lease(72)).flows.tax_depreciation_usd[1:] == near(CAPITAL * MACRS)


def test_a_bonus_is_written_off_in_the_first_year_and_the_rest_as_usual():
    found = project(COSTS, lease(72), "depreciation: {bonus_share: 0.4}").flows.tax_depreciation_usd[1:]
    assert found == near(CAPITAL * (0.6 * MACRS + [0.4, 0, 0, 0, 0, 0]))
    whole = project(COSTS, lease(72), "depreciation: {bonus_share: 1}").flows.tax_depreciation_usd[1:]
    assert whole == near([CAPITAL, 0, 0, 0, 0, 0])


def test_property_of_the_last_quarter_has_the_mid_quarter_table():
    found = project(
        COSTS, lease(72), "depreciation: {tax_convention: mid-quarter, placed_in_quarter_count: 4}"
    ).flows.tax_depreciation_usd[1:]
    assert found / CAPITAL == near([0.05, 0.38, 0.228, 0.1368, 0.1094, 0.0958])


def test_tax_depreciation_of_a_month_is_a_twelfth_of_its_year():
    monthly = project(COSTS, lease(72), "finance: {periods: monthly}").flows.tax_depreciation_usd[1:]
    assert monthly == near(np.repeat(CAPITAL * MACRS / 12, 12))


@pytest.mark.parametrize(
    ("book", "shares"),
    [
        ("book_life_yr: 4", [0.25, 0.25, 0.25, 0.25, 0, 0]),
        ("book_life_yr: 4, residual_share: 0.1", [0.225, 0.225, 0.225, 0.225, 0, 0]),
        ("book_life_yr: 4.5", [1 / 4.5] * 4 + [0.5 / 4.5, 0]),
        # Twice 1/4 of what is left, down to the residual; then 4, 3, 2 and 1 tenths of what is written off
        ("book_life_yr: 4, book_method: declining-balance, residual_share: 0.1", [0.5, 0.25, 0.125, 0.025, 0, 0]),
        ("book_life_yr: 4, book_method: sum-of-years, residual_share: 0.1", [0.36, 0.27, 0.18, 0.09, 0, 0]),
        ("book_life_yr: 4, residual_curve_share: [0.7, 0.5]", [0.25, 0.25, 0.25, 0.25, 0, 0]),
    ],
)
def test_book_depreciation(book, shares):
    found = project(COSTS, lease(72), f"depreciation: {{{book}}}").flows.book_depreciation_usd[1:]
    assert found == near(CAPITAL * np.array(shares))


def test_a_data_centre_is_written_off_over_its_own_life():
    tree = "costs: {capital_usd_per_gpu: {h100-sxm: 30000}, data_centre_usd_per_mw: 1.5e7}"
    flows = project(tree, lease(72), "depreciation: {book_life_yr: 3, data_centre_life_yr: 15}").flows
    assert flows.book_depreciation_usd[1:] == near([2e6, 2e6, 2e6, 1e6, 1e6, 1e6])
    # It is worth what is not written off, and sold for that without a gain.
    assert flows.salvage_usd[-1] == near(9e6)
    assert flows.gain_usd[-1] == near(0.0)


# What is left


def test_a_residual_share_is_reached_evenly_at_the_end_of_the_contracts():
    flows = project(COSTS, lease(36), "depreciation: {book_life_yr: 6, residual_share: 0.1}").flows
    assert flows.value_usd == near(CAPITAL * np.array([1, 0.7, 0.4, 0.1]))
    assert flows.salvage_usd == near([0, 0, 0, 0.1 * CAPITAL])


def test_a_residual_curve_gives_the_value_of_each_age():
    curve = "depreciation: {residual_curve_share: [0.75, 0.6, 0.46]}"
    flows = project(COSTS, lease(36), curve).flows
    assert flows.value_usd == near(CAPITAL * np.array([1, 0.75, 0.6, 0.46]))
    monthly = project(COSTS, lease(30), curve, "finance: {periods: monthly}").flows
    assert monthly.salvage_usd[-1] == near(0.53 * CAPITAL)
    # Beyond the curve its last value holds.
    assert project(COSTS, lease(60), curve).flows.salvage_usd[-1] == near(0.46 * CAPITAL)


def test_a_residual_above_the_tax_basis_is_taxed():
    # After three years 28.8% is not written off for tax; half the price is got.
    found = project(COSTS, lease(36), TAXED, "depreciation: {residual_curve_share: [0.8, 0.6, 0.5]}")
    gain = CAPITAL * (0.5 - 0.288)
    assert found.flows.gain_usd[-1] == near(gain)
    assert found.cash.tax_usd[-1] == near(0.21 * (FEES - 0.192 * CAPITAL + gain))


def test_what_is_not_written_off_when_nothing_is_left_is_a_loss():
    found = project(COSTS, lease(36), TAXED)
    assert found.flows.salvage_usd[-1] == 0
    assert found.flows.gain_usd[-1] == near(-0.288 * CAPITAL)


@pytest.mark.parametrize("key", ["residual_share: 1.1", "residual_curve_share: [0.7, 1.1]"])
def test_a_residual_above_the_cost_is_refused(key):
    with pytest.raises(ColocalcError, match="residual"):
        project(COSTS, lease(), f"depreciation: {{{key}}}")


# Tax


def test_losses_are_carried_forward_up_to_a_share_of_income():
    # All is written off in year 1: a loss of 1.248 million, of which year 2 may use 80% of its 1.752 million
    found = project(COSTS, lease(), TAXED, "depreciation: {bonus_share: 1}").cash
    assert found.tax_usd == near([0, 0, 0.21 * (FEES - (CAPITAL - FEES)), 0.21 * FEES, 0.21 * FEES])


def test_a_cap_delays_the_use_of_losses():
    half = "finance: {tax_loss_cap_share: 0.5}"
    found = project(COSTS, lease(), half, "depreciation: {bonus_share: 1}").cash
    used = [0, 0, FEES / 2, CAPITAL - FEES - FEES / 2, 0]
    assert found.tax_usd == near(0.21 * (np.array([0, 0, FEES, FEES, FEES]) - used))


def test_a_loss_turned_into_cash_at_once_is_a_negative_tax():
    at_once = "finance: {tax_losses: immediate}"
    found = project(COSTS, lease(), at_once, "depreciation: {bonus_share: 1}").cash
    assert found.tax_usd == near([0, 0.21 * (FEES - CAPITAL), *[0.21 * FEES] * 3])


def test_interest_is_deducted():
    debt = "debt: {interest_share: 0.1, tenor_months: 48, sizing: amount, amount_usd: 1e6, repayment: straight-line}"
    found = project(COSTS, lease(), TAXED, debt)
    assert (found.cash.unlevered_tax_usd - found.cash.tax_usd)[1] == near(0.21 * 100_000)


# Returns


def test_value_and_return_of_level_flows():
    # Four years of 1.752 million on 3 million, nothing taxed
    metrics = result(COSTS, lease(), UNTAXED).metrics
    annuity = (1 - 1.1**-4) / 0.1
    assert metrics["lease.project_npv_usd"] == near(FEES * annuity - CAPITAL)
    assert metrics["lease.payback_yr"] == near(1 + (CAPITAL - FEES) / FEES)
    assert metrics["lease.equity_moic_factor"] == near(4 * FEES / CAPITAL)
    rate = float(metrics["lease.project_irr_share"])
    assert FEES * (1 - (1 + rate) ** -4) / rate == near(CAPITAL, 1e-9)
    assert metrics["lease.levelized_cost_usd_per_gpu_h"] == near(CAPITAL / annuity / 876_000)
    assert metrics["lease.break_even_rate_usd_per_gpu_h"] == near(CAPITAL / annuity / 876_000)
    assert metrics["lease.break_even_billed_share"] == near(CAPITAL / annuity / FEES)


def test_owners_may_discount_at_a_rate_of_their_own():
    own = "finance: {discount_rate_share: 0.1, equity_discount_rate_share: 0.2, tax_rate_share: 0}"
    metrics = result(COSTS, lease(), own).metrics
    assert metrics["lease.equity_npv_usd"] == near(FEES * (1 - 1.2**-4) / 0.2 - CAPITAL)
    assert metrics["lease.project_npv_usd"] == near(FEES * (1 - 1.1**-4) / 0.1 - CAPITAL)


def test_months_are_discounted_as_months():
    monthly = "finance: {discount_rate_share: 0.1, tax_rate_share: 0, periods: monthly}"
    fee = "lease: {fee_usd_per_month: 1e5, months: 48}"
    metrics = result(COSTS, fee, monthly).metrics
    step = 1.1 ** (1 / 12) - 1
    assert metrics["lease.project_npv_usd"] == near(1e5 * (1 - 1.1**-4) / step - CAPITAL)
    assert metrics["lease.payback_yr"] == near(30 / 12)
    # A rate of a month m is one of a year of (1 + m)^12 - 1, not of 12 m.
    month = (1 + float(metrics["lease.project_irr_share"])) ** (1 / 12) - 1
    assert 1e5 * (1 - (1 + month) ** -48) / month == near(CAPITAL, 1e-9)


def test_fees_within_a_year_are_worth_more_than_at_its_end():
    yearly, monthly = (
        metric("project_npv_usd", COSTS, lease(), f"finance: {{discount_rate_share: 0.1, periods: {periods}}}")
        for periods in ("yearly", "monthly")
    )
    assert monthly > yearly


def test_a_market_after_the_term_lowers_the_rate_that_breaks_even():
    # Years 5 and 6 at 1 USD; the rate is per hour of the contract.
    market = lease(market="{rate_usd_per_gpu_h: 1, months: 24}")
    metrics = result(COSTS, market, UNTAXED).metrics
    annuity, later = (1 - 1.1**-4) / 0.1, 1.1**-5 + 1.1**-6
    rate = (CAPITAL - 876_000 * later) / annuity / 876_000
    assert metrics["lease.break_even_rate_usd_per_gpu_h"] == near(rate)
    assert metrics["lease.levelized_cost_usd_per_gpu_h"] == near(rate)
    assert metrics["lease.break_even_billed_share"] == near(rate / 2)


def test_the_rate_that_breaks_even_is_before_service_credits():
    credit = "{availability_share: 0.9, promised_share: 0.99, credit_share: 0.2}"
    plain, credited = (
        metric("break_even_rate_usd_per_gpu_h", COSTS, terms, UNTAXED) for terms in (lease(), lease(sla=credit))
    )
    assert credited == near(plain / 0.8)


def test_several_rates_of_return_are_listed_and_none_is_chosen():
    # Fees fall by 60% a year and costs do not: capital, two good years, then losses
    costs = "costs: {capital_usd_per_gpu: {h100-sxm: 4000}, operations_usd_per_yr: 7e5}"
    found = result(costs, lease(60, escalator_share_per_yr=-0.6), UNTAXED)
    assert "several" in found.undefined["lease.project_irr_share"]
    flow = found.returns.project.cash.project_after_tax_usd
    roots = found.returns.roots(flow)
    assert len(roots.shares) == 2
    for rate in roots.shares:
        assert np.sum(flow / (1 + rate) ** np.arange(6)) == pytest.approx(0, abs=1e-3)
    assert np.isfinite(roots.modified_share)


# Debt


def borrowed(debt, *lines, terms=None, finance=UNTAXED, pools=POOL):
    debt = f"debt: {{interest_share: 0.1, tenor_months: 48, {debt}}}"
    return result(COSTS, terms or lease(), finance, debt, *lines, pools=pools)


ANNUITY = (1 - 1.1**-4) / 0.1


def test_debt_is_sculpted_to_its_cover():
    metrics = borrowed("target_dscr_factor: 2", terms=lease(72)).metrics
    assert metrics["lease.debt_usd"] == near(FEES / 2 * ANNUITY)
    assert metrics["lease.debt_share"] == near(FEES / 2 * ANNUITY / CAPITAL)
    for name in ("min_dscr", "mean_dscr", "llcr"):
        assert metrics[f"lease.{name}_factor"] == near(2.0)
    # Two more years of cash cover the debt of the project's life.
    assert metrics["lease.plcr_factor"] == near(2 * (1 - 1.1**-6) / 0.1 / ANNUITY)


def test_sculpted_service_follows_falling_fees():
    loan = borrowed("target_dscr_factor: 2", terms=lease(escalator_share_per_yr=-0.2)).returns.project.loan
    assert loan.service_usd[1:] == near(FEES / 2 * np.array([1, 0.8, 0.64, 0.512]))
    assert loan.closing_usd[-1] == near(0.0)


def test_debt_is_never_above_the_advance_rate():
    metrics = borrowed("target_dscr_factor: 2, advance_rate_share: 0.5").metrics
    assert metrics["lease.debt_usd"] == near(CAPITAL / 2)
    assert metrics["lease.min_dscr_factor"] == near(2 * (FEES / 2 * ANNUITY) / (CAPITAL / 2))
    assert borrowed("sizing: amount, amount_usd: 2e6, advance_rate_share: 0.5").metrics["lease.debt_usd"] == near(1.5e6)


def test_debt_is_sized_on_what_survives_a_notice():
    # A year is firm; the headline is four.
    notice = lease(notice="{months: 12}")
    assert borrowed("target_dscr_factor: 2", terms=notice).metrics["lease.debt_usd"] == near(FEES / 2 / 1.1)
    headline = borrowed("target_dscr_factor: 2, sized_on: headline", terms=notice).metrics
    assert headline["lease.debt_usd"] == near(FEES / 2 * ANNUITY)
    assert headline["lease.firm_tenor_factor"] == near(12 / 48)
    # After the firm year nothing that is sure covers the service.
    assert headline["lease.min_firm_dscr_factor"] == near(0.0)


def test_debt_above_capital_is_warned_of():
    def warned(debt):
        text = f"debt: {{interest_share: 0.1, tenor_months: 48, {debt}}}"
        one = case(POOL, SITE, COSTS, lease(), UNTAXED, text)
        return [note.text for note in warnings(one, evaluate(one).returns)]

    assert any("debt is above capital" in text for text in warned("target_dscr_factor: 1.2"))
    assert warned("target_dscr_factor: 1.2, advance_rate_share: 0.8") == []
    assert any("does not cover" in text for text in warned("sizing: amount, amount_usd: 2.9e7"))


def test_uncapped_debt_above_capital_leaves_owners_no_return():
    # They pay nothing in: without a change of sign there is no rate.
    found = borrowed("target_dscr_factor: 1.2")
    assert found.metrics["lease.debt_share"] > 1
    assert "no rate of return" in found.undefined["lease.equity_irr_share"]


def test_a_level_payment():
    loan = borrowed("sizing: amount, amount_usd: 1e6, repayment: annuity").returns.project.loan
    assert loan.service_usd == near([0, *[1e6 / ANNUITY] * 4])
    assert loan.interest_usd[1] == near(1e5)
    assert loan.closing_usd[-1] == near(0.0)


def test_an_amount_is_repaid_level_unless_said_otherwise():
    loan = borrowed("sizing: amount, amount_usd: 1e6").returns.project.loan
    assert loan.service_usd == near([0, *[1e6 / ANNUITY] * 4])


def test_equal_principal_with_a_balloon():
    loan = borrowed(
        "sizing: amount, amount_usd: 1e6, repayment: straight-line, balloon_share: 0.4"
    ).returns.project.loan
    assert loan.principal_usd == near([0, 150_000, 150_000, 150_000, 150_000])
    # Repaid from a new loan or by owners: no part of service, so that no cover sees it
    assert loan.prepayment_usd == near([0, 0, 0, 0, 400_000])
    assert loan.closing_usd[-1] == 0
    assert loan.interest_usd == near([0, 100_000, 85_000, 70_000, 55_000])


def test_a_level_payment_with_a_balloon():
    loan = borrowed("sizing: amount, amount_usd: 1e6, repayment: annuity, balloon_share: 0.4").returns.project.loan
    level = (1e6 - 4e5 * 1.1**-4) / ANNUITY
    assert loan.service_usd == near([0, level, level, level, level])
    assert loan.prepayment_usd == near([0, 0, 0, 0, 4e5])


def test_interest_above_what_a_part_of_a_month_carries_is_warned_of():
    # Half of June's fees against a whole month's interest
    thin = [POOL, SITE, COSTS, lease(36, start="2026-06-16"), "finance: {periods: monthly}"]
    one = case(*thin, "debt: {interest_share: 0.6, tenor_months: 36, target_dscr_factor: 1.9}")
    found = evaluate(one)
    told = [note.text for note in warnings(one, found.returns)]
    sentence = "in month 1 interest alone is above what cash carries at the target DSCR of 1.9000: no principal is paid"
    assert [text for text in told if text.startswith(sentence)]
    assert found.returns.project.loan.principal_usd[1] == 0.0
    # A year holds the whole first month.
    yearly = case(*thin[:-1], "debt: {interest_share: 0.1, tenor_months: 36, target_dscr_factor: 1.9}")
    assert warnings(yearly, evaluate(yearly).returns) == ()


def test_an_amount_that_no_firm_cash_repays_says_what_to_give():
    terms = lease(48, notice="{months: 0}")
    found = borrowed("sizing: amount, amount_usd: 1e6, repayment: sculpted", terms=terms)
    assert found.undefined["lease.equity_npv_usd"].startswith("needs cash that lenders count on while debt is repaid")


def test_a_fleet_that_is_let_for_nothing_has_no_rate_to_scale():
    free = borrowed("target_dscr_factor: 2", terms="lease: {rate_usd_per_gpu_h: 0, months: 48}")
    assert free.metrics["lease.project_npv_usd"] == near(-CAPITAL)
    assert free.metrics["lease.debt_usd"] == 0.0
    for name in ("break_even_rate", "equity_break_even_rate"):
        assert "nothing is charged" in free.undefined[f"lease.{name}_usd_per_gpu_h"]


def test_a_balloon_is_warned_of():
    debt = "debt: {interest_share: 0.1, tenor_months: 48, sizing: amount, amount_usd: 1e6, repayment: annuity"
    told = [
        [note.text for note in warnings(one, evaluate(one).returns)]
        for one in (case(POOL, SITE, COSTS, lease(), UNTAXED, f"{debt}{end}") for end in (", balloon_share: 0.4}", "}"))
    ]
    assert [any("balloon of $400,000" in text for text in texts) for texts in told] == [True, False]


def test_monthly_interest_is_a_twelfth():
    monthly = "finance: {discount_rate_share: 0.1, tax_rate_share: 0, periods: monthly}"
    loan = borrowed("sizing: amount, amount_usd: 1e6, repayment: annuity", finance=monthly).returns.project.loan
    step = 0.1 / 12
    assert loan.service_usd[1:] == near([1e6 * step / (1 - (1 + step) ** -48)] * 48)


STRAIGHT = "sizing: amount, amount_usd: 1e6, repayment: straight-line"  # 350, 325, 300 and 275 thousand are due


def test_a_sweep_repays_the_last_instalments_first():
    # A fifth of the 1.402 million that year 1 leaves; in year 2 the sweep reaches all that is owed beyond the instalment
    loan = borrowed(f"{STRAIGHT}, sweep_share: 0.2").returns.project.loan
    first = 0.2 * (FEES - 350_000)
    assert loan.prepayment_usd == near([0, first, 500_000 - first, 0, 0])
    assert loan.principal_usd == near([0, 250_000, 250_000, 0, 0])
    assert loan.closing_usd == near([1e6, 750_000 - first, 0, 0, 0])


def test_a_sweep_below_a_cover_waits_for_it():
    # The DSCR of year 1 is 5.006.
    kept = borrowed(f"{STRAIGHT}, sweep_share: 0.2, sweep_below_dscr_factor: 5").returns.project.loan
    assert kept.prepayment_usd.sum() == 0
    swept = borrowed(f"{STRAIGHT}, sweep_share: 0.2, sweep_below_dscr_factor: 5.1").returns.project.loan
    assert swept.prepayment_usd == near([0, 0.2 * (FEES - 350_000), 0, 0, 0])


def test_a_reserve_holds_service_of_the_months_ahead():
    cash = borrowed(f"{STRAIGHT}, reserve_months: 6").returns.project.cash
    assert cash.reserve_usd == near([175_000, 162_500, 150_000, 137_500, 0])
    assert cash.equity_after_tax_usd == near(
        [-2e6 - 175_000, FEES - 337_500, FEES - 312_500, FEES - 287_500, FEES - 137_500]
    )


def test_a_reserve_earns_interest_only_where_it_is_given():
    assert borrowed(f"{STRAIGHT}, reserve_months: 6").returns.project.cash.reserve_interest_usd == near([0.0] * 5)
    earning = f"{STRAIGHT}, reserve_months: 6, reserve_interest_share: 0.04"
    assert borrowed(earning).returns.project.cash.reserve_interest_usd == near([0, 7_000, 6_500, 6_000, 5_500])
    # A twelfth of a year's interest each month, on half a year of instalments
    monthly = borrowed(earning, finance="finance: {discount_rate_share: 0.1, tax_rate_share: 0, periods: monthly}")
    cash = monthly.returns.project.cash
    assert cash.reserve_interest_usd[1:] == near(cash.reserve_usd[:-1] * 0.04 / 12)


def test_a_lock_up_keeps_cash_until_the_cover_is_there():
    # Cover of 5.0, 5.4, 5.8 and 6.4: only the last year is above 6.
    cash = borrowed(f"{STRAIGHT}, lock_up_dscr_factor: 6").returns.project.cash
    assert cash.trapped_usd == near([0, FEES - 350_000, 2 * FEES - 675_000, 3 * FEES - 975_000, 0])
    assert cash.equity_after_tax_usd == near([-2e6, 0, 0, 0, 4 * FEES - 1_250_000])


def test_debt_is_drawn_as_gpus_are_delivered_and_pays_for_what_waits():
    # Half of 3 million at the close and half after a year; 1% on the half that waits
    loan = borrowed(f"{STRAIGHT.replace('1e6', '1.5e6')}, commitment_fee_share: 0.01", terms=lease(ramp_months=24))
    loan = loan.returns.project.loan
    assert loan.draw_usd == near([750_000, 750_000, 0, 0, 0])
    assert loan.interest_usd[1] == near(75_000)
    assert loan.fee_usd == near([0, 7_500, 0, 0, 0])
    assert loan.principal_usd == near([0, 0, 500_000, 500_000, 500_000])


def test_the_downside_lets_the_fleet_again_at_market_after_a_gap():
    # Notice at the end of April ends the lease with July; three months later the market pays half.
    terms = lease(notice="{months: 3}", market="{rate_usd_per_gpu_h: 1, gap_months: 3}")
    metrics = borrowed(STRAIGHT, terms=terms).metrics
    first = 24 * (200 * 212 + 100 * 61)
    assert first / 350_000 > FEES / 2 / 325_000
    assert metrics["lease.min_downside_dscr_factor"] == near(FEES / 2 / 325_000)
    earlier = borrowed(STRAIGHT, terms=terms.replace("gap_months: 3", "gap_months: 12")).metrics
    # Seven months of fees in the first year; in the second the market pays from August on
    assert earlier["lease.min_downside_dscr_factor"] == near(24 * 100 * 153 / 325_000)


def test_a_facility_that_is_drawn_at_the_close_pays_no_commitment_fee():
    loan = borrowed(f"{STRAIGHT}, commitment_fee_share: 0.01").returns.project.loan
    assert loan.fee_usd == near([0] * 5)


@pytest.mark.parametrize(
    "repayment",
    ["sculpted", "annuity", "straight-line", "annuity, balloon_share: 0.3", "straight-line, sweep_share: 0.1"],
)
def test_nothing_is_owed_or_covered_after_the_last_instalment(repayment):
    # Not even a rest by rounding, whose cover would be without bound
    debt = f"sizing: amount, amount_usd: 987654.32, repayment: {repayment}"
    returns = borrowed(debt, terms=lease(84)).returns
    loan = returns.project.loan
    assert list(loan.closing_usd[4:]) == [0] * 4
    assert np.isnan(loan.dscr_factor[5:]).all()
    assert np.isnan(returns.lender.plcr_factor[4:]).all()


def test_loan_to_value_is_against_what_the_hardware_is_worth():
    book = "depreciation: {residual_curve_share: [0.7, 0.5, 0.4, 0.3]}"
    returns = borrowed(STRAIGHT, book).returns
    value = CAPITAL * np.array([1, 0.7, 0.5, 0.4, 0.3])
    assert returns.lender.loan_to_value_share[::12] == near(np.array([1e6, 750e3, 500e3, 250e3, 0]) / value)


def test_capital_of_nothing_borrows_nothing():
    free = "costs: {capital_usd_per_gpu: {h100-sxm: 0}}"
    debt = "debt: {interest_share: 0.1, tenor_months: 48, target_dscr_factor: 2}"
    found = result(free, lease(), UNTAXED, debt)
    assert found.metrics["lease.debt_usd"] == 0
    assert found.metrics["lease.project_npv_usd"] == near(FEES * ANNUITY)


@pytest.mark.parametrize(
    ("debt", "match"),
    [
        ("tenor_months: 48, target_dscr_factor: 2", "interest"),
        ("interest_share: 0.1, target_dscr_factor: 2", "how long"),
        ("interest_share: 0.1, tenor_months: 48, sizing: amount", "borrowed"),
        ("interest_share: 0.1, tenor_months: 48, target_dscr_factor: 2, amount_usd: 1", "sizing: amount"),
        ("interest_share: 0.1, tenor_months: 48, target_dscr_factor: 2, balloon_share: 0.1", "balloon"),
    ],
)
def test_debt_that_is_not_whole_is_refused(debt, match):
    with pytest.raises(ColocalcError, match=match):
        result(COSTS, lease(), f"debt: {{{debt}}}")


# The value of a lease, and the hedge by year


def test_the_contribution_is_capitalised_at_a_rate_and_at_a_multiple():
    finance = "finance: {discount_rate_share: 0.1, valuation_usd: 1e9, valuation_multiple_factor: 8, periods: monthly}"
    metrics = result("lease: {fee_usd_per_month: 1e5, months: 48}", finance).metrics
    value = 1e5 * (1 - 1.1**-4) / (1.1 ** (1 / 12) - 1)
    assert metrics["lease.capitalised_value_usd"] == near(value)
    assert metrics["lease.capitalised_valuation_share"] == near(value / 1e9)
    assert metrics["lease.multiple_value_usd"] == near(8 * 1.2e6)
    assert metrics["lease.multiple_valuation_share"] == near(8 * 1.2e6 / 1e9)


def hedged(*lines, site=SITE):
    one = case(POOL, site, *lines)
    found = evaluate(one)
    return found, hedge_by_year(one, found.returns, found.hedge.loss_usd_per_yr)


def test_the_hedge_of_each_year_follows_the_fees():
    _, years = hedged(lease(24, escalator_share_per_yr=0.1), "finance: {loss_usd: 5e5, loss_months: 3}")
    assert years.loss_usd == near([2e6, 2e6, 4e6])
    assert years.gross_share == near(np.array([FEES, 1.1 * FEES, 1.05 * FEES]) / 2e6)


def test_the_loss_of_a_part_of_a_year_is_that_of_its_months():
    _, years = hedged(lease(18), "finance: {loss_usd: 2e6}")
    assert years.loss_usd == near([2e6, 1e6, 3e6])


@pytest.mark.parametrize("contains", ["", "power", "operations", "colocation", "power, operations, colocation"])
def test_a_level_year_is_hedged_as_the_year_at_full_ramp(contains):
    site = "site: {facility_power_mw: 1, energy_price_usd_per_mwh: 50}"
    costs = (
        "costs: {capital_usd_per_gpu: {h100-sxm: 30000}, operations_usd_per_yr: 1e5, colocation_usd_per_kw_month: 20}"
    )
    debt = "debt: {interest_share: 0, tenor_months: 48, sizing: amount, amount_usd: 1e6, repayment: straight-line}"
    finance = f"finance: {{loss_usd: 2e6, loss_contains: [{contains}]}}"
    found, years = hedged(costs, lease(), debt, finance, site=site)
    for kind in ("gross", "contribution", "ebit", "cash"):
        whole = float(getattr(found.hedge, f"{kind}_share"))
        assert getattr(years, f"{kind}_share") == near([whole] * 5), kind


def test_without_a_positive_loss_there_is_no_hedge():
    for loss in (0, -1e6):
        found, years = hedged(lease(), f"finance: {{loss_usd: {loss}}}")
        assert found.undefined["hedge.gross_share"] == "the stated loss is zero or less"
        assert np.isnan(years.gross_share).all()


# What is missing


def why(name, *lines, site=SITE):
    return result(*lines, site=site).undefined[name]


DEBT = "debt: {interest_share: 0.1, tenor_months: 48, target_dscr_factor: 2}"


@pytest.mark.parametrize(
    ("name", "lines", "reason"),
    [
        ("headline_value_usd", ("lease: {rate_usd_per_gpu_h: 2}",), "needs lease.months"),
        ("project_npv_usd", (lease(), UNTAXED), "needs costs.capital_usd_per_gpu for h100-sxm"),
        ("capital_usd", (lease(),), "needs costs.capital_usd_per_gpu for h100-sxm"),
        ("project_npv_usd", (lease(), COSTS), "needs finance.discount_rate_share"),
        ("equity_npv_usd", (lease(), COSTS), "needs finance.discount_rate_share"),
        ("levelized_cost_usd_per_gpu_h", (lease(), COSTS), "needs finance.discount_rate_share"),
        ("break_even_rate_usd_per_gpu_h", (lease(), COSTS), "needs finance.discount_rate_share"),
        ("capitalised_value_usd", (lease(),), "needs finance.discount_rate_share"),
        ("capitalised_valuation_share", (lease(), UNTAXED), "needs finance.valuation_usd"),
        ("multiple_value_usd", (lease(), UNTAXED), "needs finance.valuation_multiple_factor"),
        ("debt_usd", (lease(), COSTS, UNTAXED), "needs debt"),
        ("min_dscr_factor", (lease(), COSTS, UNTAXED), "needs debt"),
        ("firm_tenor_factor", (lease(), COSTS, UNTAXED), "needs debt"),
        ("llcr_factor", (lease(), COSTS, UNTAXED), "needs debt"),
        ("min_downside_dscr_factor", (lease(), COSTS, UNTAXED, DEBT), "needs lease.notice, and lease.market"),
        ("payback_yr", (lease(6), COSTS, UNTAXED), "never add up"),
        (
            "break_even_billed_share",
            ("lease: {fee_usd_per_month: 1e5, months: 48}", COSTS, UNTAXED),
            "a contract has a fee",
        ),
    ],
)
def test_a_metric_without_a_value_says_which_key_it_needs(name, lines, reason):
    assert reason in why(f"lease.{name}", *lines)


@pytest.mark.parametrize(
    "name", ["project_npv_usd", "project_irr_share", "capitalised_value_usd", "equity_moic_factor"]
)
def test_power_without_a_site_is_what_is_missing(name):
    assert "needs a site" in why(f"lease.{name}", lease(), COSTS, UNTAXED, site=None)


def test_the_hedge_says_what_it_needs_for_depreciation_and_debt():
    loss = "finance: {loss_usd: 2e6}"
    assert why("hedge.ebit_share", lease(), loss) == "needs costs.capital_usd_per_gpu for h100-sxm"
    assert why("hedge.cash_share", lease(), COSTS, loss) == "needs debt"
