"""Contracts by month: hours, ramps, fees, credits, power passed on, prepayments, notice and the market after the term."""

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.loading import load_fleet
from colocalc.study.deal import evaluate_deal
from colocalc.study.evaluate import evaluate

YEAR = 8_760
POOL = "pools: [{name: a, gpu: h100-sxm, count: 100}]"
TWO = "pools: [{name: a, gpu: h100-sxm, count: 100}, {name: b, gpu: h100-sxm, count: 300}]"
# A megawatt at the meter: 100 USD a MWh are 100 x 8,760 a year.
SITE = "site: {facility_power_mw: 1, energy_price_usd_per_mwh: 100}"
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def deal(*lines):
    return evaluate_deal(case(*lines))


def lease(terms, *lines):
    return deal(POOL, SITE, f"lease: {{rate_usd_per_gpu_h: 2, {terms}}}", *lines)


def near(value, tolerance=1e-12):
    return pytest.approx(value, rel=tolerance)


def test_without_a_contract_or_its_months_there_is_nothing_by_month():
    assert deal(POOL, SITE) is None
    assert deal(POOL, SITE, "lease: {rate_usd_per_gpu_h: 2}") is None
    several = "contracts: [{name: x, pools: [a], rate_usd_per_gpu_h: 2, months: 12}, {name: y, pools: [b]}]"
    assert deal(TWO, SITE, several) is None


# The calendar


def test_without_a_start_every_year_has_8760_hours():
    found = lease("months: 60")
    assert found.month_h.reshape(5, 12).sum(axis=1) == near([8_760] * 5)
    assert found.month_h[:12] == near([24 * days for days in DAYS])


def test_with_a_start_a_leap_year_has_8784_hours():
    found = lease("months: 60, start: 2027-01-01")
    assert found.month_h.reshape(5, 12).sum(axis=1) == near([8_760, 8_784, 8_760, 8_760, 8_760])
    assert found.revenue_usd[12:24].sum() == near(200 * 8_784)


def test_a_century_is_no_leap_year_unless_400_divides_it():
    assert lease("months: 12, start: 2100-01-01").month_h.sum() == 8_760
    assert lease("months: 12, start: 2400-01-01").month_h.sum() == 8_784


def test_a_month_is_as_long_as_its_days():
    # Neither 730 hours nor 30.4 days
    assert lease("months: 2, start: 2027-02-01").revenue_usd == near([200 * 24 * 28, 200 * 24 * 31])


def test_a_contract_from_the_middle_of_a_month_has_its_days_of_the_first_and_the_last():
    # From 16 April, with 15 of 30 days, to half of April a year later
    found = lease("months: 12, start: 2027-04-16")
    assert found.calendar_month.size == 13
    assert found.running_share == near([0.5, *[1] * 11, 0.5])
    assert found.revenue_usd[[0, -1]] == near([200 * 24 * 15] * 2)
    assert found.revenue_usd.sum() == near(200 * 8_784)  # 29 February 2028 is among its days


def test_a_term_is_of_whole_months():
    with pytest.raises(ColocalcError, match="whole number"):
        lease("months: 1.5")


def test_a_year_and_a_month_stand_for_their_first_day():
    whole = lease("months: 12, start: 2027-01-01").revenue_usd
    for start in ("'2027'", "2027-01"):
        np.testing.assert_array_equal(lease(f"months: 12, start: {start}").revenue_usd, whole)


# Deliveries


def test_a_ramp_delivers_evenly():
    # Half a month's part after the first month, and as much more each month: 1, 3, 5, 7 of 8 parts, then all
    found = lease("months: 12, ramp_months: 4")
    hours = np.array(DAYS) * 24.0
    assert found.revenue_usd == near(200 * hours * [1 / 8, 3 / 8, 5 / 8, 7 / 8, *[1] * 8])
    assert found.delivered_share[0] == near([0.25, 0.5, 0.75, *[1] * 9])


def test_steps_deliver_at_the_start_of_each_month_and_the_last_holds():
    found = lease("months: 6, ramp_share: [0.2, 0.5, 1]")
    hours = np.array(DAYS[:6]) * 24.0
    assert found.revenue_usd == near(200 * hours * [0.2, 0.5, 1, 1, 1, 1])
    assert found.delivered_share[0] == near([0.2, 0.5, 1, 1, 1, 1])


def test_one_step_of_all_is_no_ramp():
    np.testing.assert_allclose(
        lease("months: 6, ramp_share: [1]").revenue_usd, lease("months: 6").revenue_usd, rtol=1e-15
    )


def test_steps_of_a_start_within_a_month_come_a_month_apart():
    # From 16 April: 20% for 15 days, and in May 20% for its first half and all for its second
    found = lease("months: 3, start: 2027-04-16, ramp_share: [0.2, 1]")
    assert found.revenue_usd[:2] == near([200 * 24 * 15 * 0.2, 200 * 24 * 31 * (0.2 + 1) / 2])


def test_power_follows_the_ramp():
    found = lease("months: 12, ramp_months: 4")
    hours = np.array(DAYS) * 24.0
    assert found.power_usd == near(100 * hours * [1 / 8, 3 / 8, 5 / 8, 7 / 8, *[1] * 8])


@pytest.mark.parametrize("ramp", ["ramp_share: [0.5, 0.2]", "ramp_share: [1], ramp_months: 2", "ramp_share: [1.2]"])
def test_a_ramp_that_falls_or_is_given_twice_or_exceeds_all_is_refused(ramp):
    with pytest.raises(ColocalcError, match="ramp_share"):
        lease(f"months: 12, {ramp}")


# Prices


def test_an_escalator_steps_up_on_each_anniversary():
    found = lease("months: 36, escalator_share_per_yr: 0.1")
    assert found.revenue_usd.reshape(3, 12).sum(axis=1) == near([200 * YEAR, 220 * YEAR, 242 * YEAR])


def test_an_escalator_of_a_start_within_a_month_steps_up_within_the_month():
    found = lease("months: 24, start: 2026-04-16, escalator_share_per_yr: 0.1")
    april = 12
    assert found.revenue_usd[april] == near(200 * 24 * 30 * (1 + 1.1) / 2)


def test_a_fee_is_the_same_in_every_month_whatever_its_days():
    found = deal(POOL, SITE, "lease: {fee_usd_per_month: 1e6, months: 12, start: 2028-01-01, billed_share: 0.5}")
    assert found.revenue_usd == near([1e6] * 12)
    assert found.contract_gpu_h.sum() == near(100 * 8_784 / 2)


def test_a_fee_is_due_as_gpus_are_delivered_and_for_its_part_of_a_month():
    ramped = deal(POOL, SITE, "lease: {fee_usd_per_month: 1e6, months: 4, ramp_months: 2}")
    assert ramped.revenue_usd == near([0.25e6, 0.75e6, 1e6, 1e6])
    late = deal(POOL, SITE, "lease: {fee_usd_per_month: 1e6, months: 2, start: 2027-04-16}")
    assert late.revenue_usd == near([0.5e6, 1e6, 0.5e6])


def test_a_fee_is_spread_over_pools_by_hours_billed():
    found = deal(TWO, SITE, "lease: {fee_usd_per_month: 1e6, months: 2}")
    assert found.pool_revenue_usd == near(np.array([[0.25e6, 0.25e6], [0.75e6, 0.75e6]]))


def test_two_contracts_run_side_by_side():
    found = deal(
        TWO,
        SITE,
        "contracts: [{name: x, pools: [a], rate_usd_per_gpu_h: 2, months: 12},"
        " {name: y, pools: [b], fee_usd_per_month: 1e6, months: 24, escalator_share_per_yr: 0.1}]",
    )
    first, second = found.pool_revenue_usd.reshape(2, 2, 12).sum(axis=2)
    assert first == near([200 * YEAR, 0])
    assert second == near([12e6, 13.2e6])
    assert found.revenue_usd.sum() == near(200 * YEAR + 25.2e6)
    assert found.term_months == 24


def test_two_contracts_start_on_their_own_dates():
    found = deal(
        TWO,
        SITE,
        "contracts: [{name: x, pools: [a], rate_usd_per_gpu_h: 2, months: 2, start: 2027-01-01},"
        " {name: y, pools: [b], rate_usd_per_gpu_h: 1, months: 2, start: 2027-02-15}]",
    )
    assert found.pool_revenue_usd[0] == near([200 * 24 * 31, 200 * 24 * 28, 0, 0])
    assert found.pool_revenue_usd[1] == near([0, 300 * 24 * 14, 300 * 24 * 31, 300 * 24 * 15])
    # A's server is paid for until the last contract ends, b's from its delivery on
    assert found.power_usd == near(24 * 100 * np.array([31 / 4, 28 / 4 + 14 * 3 / 4, 31, 30 * 1 / 2]))


# What is billed


@pytest.mark.parametrize(
    ("terms", "share"),
    [
        ("sold_share: 0.5, take_or_pay_share: 0.8", 0.8),
        ("sold_share: 0.9, take_or_pay_share: 0.8", 0.9),
        ("sold_share: 0.5", 0.5),
        ("take_or_pay_share: 0.8", 0.8),
        ("billed_share: 0.8", 0.8),
        ("sold_share: 0.5, take_or_pay_share: 0.8, available_share: 0.95", 0.95 * 0.8),
        ("sold_share: 0", 0.0),
    ],
)
def test_the_larger_of_sold_and_owed_is_billed_once(terms, share):
    found = lease(f"months: 12, {terms}")
    assert found.revenue_usd.sum() == near(200 * YEAR * share)
    assert found.pool_billed_gpu_h.sum() == near(100 * YEAR * share)


def test_take_or_pay_of_the_reference_case():
    # 1,000 GPUs at 2.00, 80% owed, 50% used
    found = deal(
        POOL.replace("100}", "1000}"),
        SITE,
        "lease: {rate_usd_per_gpu_h: 2, months: 12, take_or_pay_share: 0.8, sold_share: 0.5}",
    )
    assert found.revenue_usd.sum() == near(14_016_000)


@pytest.mark.parametrize("share", ["-0.1", "1.1"])
@pytest.mark.parametrize("key", ["sold_share", "take_or_pay_share", "billed_share", "power_passthrough_share"])
def test_a_share_below_0_or_above_1_is_refused(key, share):
    with pytest.raises(ColocalcError, match=key):
        lease(f"months: 12, {key}: {share}")


def test_a_billed_share_beside_what_it_is_made_of_is_refused():
    with pytest.raises(ColocalcError, match="larger of sold_share and take_or_pay_share"):
        lease("months: 12, billed_share: 0.9, take_or_pay_share: 0.8")


def test_a_credit_is_due_below_the_availability_promised_only():
    def credited(availability):
        sla = f"sla: {{availability_share: {availability}, promised_share: 0.99, credit_share: 0.1}}"
        return lease(f"months: 12, {sla}")

    assert credited(0.98).credit_usd.sum() == near(20 * YEAR)
    assert credited(0.98).revenue_usd.sum() == near(180 * YEAR)
    for kept in (0.99, 1.0):
        assert credited(kept).credit_usd.sum() == 0
        assert credited(kept).revenue_usd.sum() == near(200 * YEAR)


# Power


@pytest.mark.parametrize("terms", ["months: 12", "months: 12, start: 2027-01-16", "months: 7, ramp_months: 4"])
def test_with_all_power_passed_on_the_price_of_energy_does_not_matter(terms):
    def left(price):
        found = deal(
            POOL,
            f"site: {{facility_power_mw: 1, energy_price_usd_per_mwh: {price}}}",
            f"lease: {{rate_usd_per_gpu_h: 2, power_passthrough_share: 1, {terms}}}",
        )
        return found.revenue_usd - found.power_usd

    np.testing.assert_allclose(left(500), left(0), rtol=1e-12)


def test_half_of_the_power_bill_passed_on():
    found = lease("months: 12, power_passthrough_share: 0.5")
    assert found.passthrough_usd.sum() == near(50 * YEAR)
    assert found.revenue_usd.sum() == near(250 * YEAR)
    assert found.power_usd.sum() == near(100 * YEAR)


def test_each_tenant_pays_the_power_of_its_own_gpus_while_it_is_there():
    found = deal(
        TWO,
        SITE,
        "contracts: [{name: x, pools: [a], rate_usd_per_gpu_h: 2, months: 6, power_passthrough_share: 1},"
        " {name: y, pools: [b], rate_usd_per_gpu_h: 2, months: 12}]",
    )
    half = sum(DAYS[:6]) * 24
    assert found.passthrough_usd.sum() == near(half * 100 / 4)
    assert found.power_usd.sum() == near(100 * YEAR)


def test_fees_are_known_without_a_site():
    # Only power needs one, and a tenant who pays none of it does not.
    metrics = evaluate(case(POOL, "lease: {rate_usd_per_gpu_h: 2, months: 12}")).metrics
    assert metrics["lease.contract_revenue_usd"] == near(200 * YEAR)
    passed = evaluate(case(POOL, "lease: {rate_usd_per_gpu_h: 2, months: 12, power_passthrough_share: 1}"))
    assert passed.undefined["lease.contract_revenue_usd"] == "needs a site, whose power is a cost"


# Prepayment


@pytest.mark.parametrize(
    "prepayment",
    [
        "revenue_share: 0.2",
        "amount_usd: 1e6",
        "revenue_share: 0.2, credited_from_yr: 3, credited_to_yr: 5",
        "revenue_share: 1",
    ],
)
def test_a_prepayment_is_counted_once(prepayment):
    plain, paid = lease("months: 60"), lease(f"months: 60, prepayment: {{{prepayment}}}")
    np.testing.assert_array_equal(paid.revenue_usd, plain.revenue_usd)
    assert paid.cash_revenue_usd.sum() == near(plain.revenue_usd.sum())
    assert paid.deferred_usd[-1] == pytest.approx(0, abs=1e-6)


def test_a_prepayment_is_cash_at_signing_and_a_debt_until_it_is_credited():
    # 20% of five years' fees: one year of fees at the start, credited in years 3 to 5 by a third each
    found = lease("months: 60, prepayment: {revenue_share: 0.2, credited_from_yr: 3, credited_to_yr: 5}")
    fees = 200 * YEAR
    cash = found.cash_revenue_usd.reshape(5, 12).sum(axis=1)
    assert cash == near([2 * fees, fees, fees * 2 / 3, fees * 2 / 3, fees * 2 / 3])
    assert found.cash_revenue_usd[0] == near(fees + 200 * 24 * 31)
    assert found.deferred_usd[[11, 23, 35]] == near([fees, fees, fees * 2 / 3])


def test_what_is_paid_above_all_fees_stays_owed():
    found = lease("months: 12, prepayment: {amount_usd: 2e6}")
    assert found.deferred_usd[-1] == near(2e6 - 200 * YEAR)


def test_a_prepayment_has_one_amount_and_its_years_are_in_order():
    with pytest.raises(ColocalcError, match="one of revenue_share and amount_usd"):
        lease("months: 12, prepayment: {revenue_share: 0.2, amount_usd: 1}")
    with pytest.raises(ColocalcError, match="before credited_from_yr"):
        lease("months: 60, prepayment: {amount_usd: 1, credited_from_yr: 3, credited_to_yr: 2}")


# Notice


def values(*lines):
    metrics = evaluate(case(*lines)).metrics
    return [float(metrics[f"lease.{name}_value_usd"]) for name in ("firm", "expected", "headline")]


def test_without_notice_all_fees_are_firm():
    assert values(POOL, "lease: {rate_usd_per_gpu_h: 2, months: 12}") == near([200 * YEAR] * 3)


# The filing: 1.25e9 USD a month for 35 months, which either side may leave with 90 days' notice.
FILING = (
    "as_of: 2026-06-01",
    "pools: [{gpu: h100-sxm, count: 325000}]",
    "lease: {fee_usd_per_month: 1.25e9, start: 2026-07-01, months: 35, notice: {months: 3, %s}}",
)


def filed(notice):
    return values(*FILING[:2], FILING[2] % notice)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        # Four months are certain: notice is given at the end of the first at the earliest. Then 31 months with 0.98^k
        (0.02, 1.25e9 * (4 + 0.98 * (1 - 0.98**31) / 0.02)),
        (0.05, 1.25e9 * (4 + 0.95 * (1 - 0.95**31) / 0.05)),
    ],
)
def test_the_filing_is_worth_less_than_its_headline(share, expected):
    firm, mean, headline = filed(f"share_per_month: {share}")
    assert headline == near(43.75e9)
    assert firm == near(3.75e9)
    assert mean == near(expected)


def test_the_expected_values_of_the_filing_to_three_digits():
    assert round(filed("share_per_month: 0.02")[1] / 1e9, 1) == 33.5
    assert round(filed("share_per_month: 0.05")[1] / 1e9, 1) == 23.9


def test_an_initial_period_makes_more_months_firm():
    assert filed("after_months: 3")[0] == near(7.5e9)


def test_the_filed_fee_is_5_27_an_hour():
    metrics = evaluate(case(*FILING[:2], FILING[2] % "share_per_month: 0")).metrics
    assert metrics["lease.mean_rate_usd_per_gpu_h"] == near(5.268703898840886)


def test_a_contract_that_runs_already_can_be_left_today_at_the_earliest():
    running = (f"as_of: 2027-01-01\n{FILING[1]}", FILING[2] % "after_months: 3")
    # Six months have been paid, and three are left by notice.
    assert values(*running)[0] == near(9 * 1.25e9)


def test_a_notice_as_long_as_the_contract_makes_all_of_it_firm():
    firm, expected, headline = values(
        POOL, "lease: {rate_usd_per_gpu_h: 2, months: 12, notice: {months: 12, share_per_month: 0.5}}"
    )
    assert firm == expected == headline


def test_certain_notice_after_an_initial_period_leaves_what_is_firm():
    firm, expected, headline = values(
        POOL, "lease: {rate_usd_per_gpu_h: 2, months: 12, notice: {months: 3, after_months: 2, share_per_month: 1}}"
    )
    assert firm == near(expected)
    assert firm < headline


def test_only_the_contract_with_notice_can_be_left():
    firm, _, headline = values(
        TWO,
        "contracts: [{name: x, pools: [a], fee_usd_per_month: 1e6, months: 12, notice: {months: 3}},"
        " {name: y, pools: [b], fee_usd_per_month: 2e6, months: 12}]",
    )
    assert (firm, headline) == (near(3e6 + 24e6), near(36e6))


# The market after the term


def test_the_market_pays_after_a_gap_and_for_as_long_as_stated():
    found = lease("months: 12, market: {rate_usd_per_gpu_h: 1, sold_share: 0.5, gap_months: 2, months: 3}")
    hours = np.array(DAYS) * 24.0
    assert found.calendar_month.size == 17
    assert found.market_usd[:14] == near([0] * 14)
    assert found.market_usd[14:] == near(50 * hours[2:5])
    assert found.revenue_usd.sum() == near(200 * YEAR)
    assert found.term_months == 17


def test_a_gap_that_ends_within_a_month():
    found = lease("months: 12, market: {rate_usd_per_gpu_h: 1, gap_months: 0.5, months: 1}")
    hours = np.array(DAYS) * 24.0
    assert found.market_usd[12:] == near(100 * hours[:2] / 2)


def test_the_market_moves_by_a_step_a_year_from_the_start_of_the_contract():
    found = lease("months: 24, market: {rate_usd_per_gpu_h: 1, change_share_per_yr: -0.2, months: 24}")
    assert found.market_usd.reshape(4, 12).sum(axis=1) == near([0, 0, 100 * YEAR * 0.64, 100 * YEAR * 0.512])


def test_a_market_card_pays_each_gpu_its_own_rate():
    found = deal(
        "pools: [{name: a, gpu: h100-sxm, count: 100}, {name: b, gpu: h200-sxm, count: 100}]",
        SITE,
        "lease: {rate_usd_per_gpu_h: 2, months: 12, market: {rate_card: market-3yr, term: 3-year, months: 12}}",
    )
    # The July 2026 rents of three years: 2.00 and 2.90
    assert found.pool_market_usd.sum(axis=1) == near([200 * YEAR, 290 * YEAR])


def test_power_is_paid_through_the_gap():
    found = lease("months: 12, market: {rate_usd_per_gpu_h: 1, gap_months: 2, months: 10}")
    assert found.power_usd.reshape(2, 12).sum(axis=1) == near([100 * YEAR] * 2)


def test_without_months_the_market_pays_nothing():
    assert lease("months: 12, market: {rate_usd_per_gpu_h: 1, gap_months: 2}").calendar_month.size == 12


# Pools and costs


@pytest.mark.parametrize(
    "contract",
    [
        "lease: {fee_usd_per_month: 123456.78, months: 35, start: 2026-07-16, ramp_months: 3}",
        "lease: {rate_card: story-2026-05, months: 35, escalator_share_per_yr: 0.03, billed_share: 0.93}",
        "lease: {fee_usd_per_month: 1e6, months: 7, sold_share: 0}",
    ],
)
def test_pools_sum_to_the_fleet_to_the_cent(contract):
    pools = (
        "pools: [{name: a, gpu: h100-sxm, count: 150000}, {name: b, gpu: h200-sxm, count: 50000},"
        " {name: c, gpu: gb200-nvl72, count: 20000, counted_as: gpu}]"
    )
    metrics = evaluate(case(pools, contract)).metrics
    parts = sum(float(metrics[f"pools.{name}.lease.contract_revenue_usd"]) for name in "abc")
    assert parts == pytest.approx(float(metrics["lease.contract_revenue_usd"]), abs=0.005)


def test_costs_step_up_each_year():
    found = lease("months: 24", "costs: {operations_usd_per_yr: 1.2e6, escalator_share_per_yr: 0.03}")
    assert found.operations_usd.reshape(2, 12).sum(axis=1) == near([1.2e6, 1.236e6])


def test_operations_of_half_a_month_are_half():
    found = lease("months: 2, start: 2027-04-16", "costs: {operations_usd_per_yr: 1.2e6}")
    assert found.operations_usd == near([0.5e5, 1e5, 0.5e5])


def test_colocation_and_demand_charge_are_paid_by_the_kilowatt_and_month():
    found = lease(
        "months: 12",
        "costs: {colocation_usd_per_kw_month: 150, demand_charge_usd_per_kw_month: 10}",
    )
    # 1,000 kW at the meter; colocation is of IT kilowatts, at a PUE of 1.25
    assert found.colocation_usd.sum() == near(800 * 150 * 12)
    assert found.operations_usd.sum() == near(800 * 150 * 12)
    assert found.power_usd.sum() == near(100 * YEAR + 1_000 * 10 * 12)
