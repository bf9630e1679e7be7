"""The lease evaluated: fees, several contracts, costs by what is under contract, and the hedge of a loss."""

from dataclasses import replace

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.leasing import evaluate_hedge, evaluate_lease, facility_power_mw

YEAR = 8_760
POOLS = "pools: [{name: a, gpu: h100-sxm, count: 100}, {name: b, gpu: gb200-nvl72, count: 300, counted_as: gpu}]"
NAMEPLATE_A, NAMEPLATE_B = 100 * 1_275, 300 * 1_833  # watts: 127.5 and 549.9 kW
SITE = "site: {facility_power_mw: 2, pue_factor: 1.25, energy_price_usd_per_mwh: 100}"
ONE = "lease: {rate_usd_per_gpu_h: 2}"
PART = "contracts: [{name: c, pools: [a], rate_usd_per_gpu_h: 2}]"


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def leased(*lines):
    return evaluate_lease(case(*lines))


def hedged(*lines):
    one = case(*lines)
    return evaluate_hedge(one, evaluate_lease(one))


def near(value):
    return pytest.approx(value, rel=1e-12)


def test_a_fleet_without_a_contract_has_no_lease():
    assert leased(POOLS, SITE) is None
    assert hedged(POOLS, SITE, "finance: {loss_usd: 1}") is None


# Revenue


def test_a_rate_is_paid_for_every_hour_billed():
    lease = leased(POOLS, "lease: {rate_usd_per_gpu_h: 2, billed_share: 0.5}")
    assert list(lease.billed_gpu_h_per_yr) == [100 * YEAR / 2, 300 * YEAR / 2]
    assert list(lease.revenue_usd_per_yr) == [100 * YEAR, 300 * YEAR]
    assert lease.total_usd_per_yr == 400 * YEAR
    assert lease.mean_rate_usd_per_gpu_h == 2


@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
def test_a_fee_is_due_in_full_whatever_is_billed(share):
    lease = leased(POOLS, f"lease: {{fee_usd_per_month: 1e6, billed_share: {share}}}")
    assert lease.total_usd_per_yr == near(12e6)
    # The fewer hours, the dearer each: 12 million over 400 GPUs x 8,760 x the share
    assert lease.rate_usd_per_gpu_h == near([12e6 / (400 * YEAR * share)] * 2)
    assert lease.revenue_usd_per_yr == near([3e6, 9e6])
    assert lease.mean_rate_usd_per_gpu_h == near(12e6 / (400 * YEAR * share))


def test_a_fee_is_due_even_when_no_hour_is_billed():
    lease = leased(POOLS, "lease: {fee_usd_per_month: 1e6, billed_share: 0}")
    assert lease.total_usd_per_yr == near(12e6)
    assert lease.revenue_usd_per_yr == near([3e6, 9e6])
    assert np.isnan(lease.rate_usd_per_gpu_h).all()
    assert np.isnan(lease.mean_rate_usd_per_gpu_h)


def test_a_fee_beside_a_rate_is_spread_over_its_own_pools_only():
    lease = leased(
        POOLS,
        "contracts: [{name: fee, pools: [a], fee_usd_per_month: 1e6},"
        " {name: rate, pools: [b], rate_usd_per_gpu_h: 3, billed_share: 0.5}]",
    )
    assert lease.revenue_usd_per_yr == near([12e6, 3 * 300 * YEAR / 2])
    assert lease.rate_usd_per_gpu_h == near([12e6 / (100 * YEAR), 3])
    billed = 100 * YEAR + 150 * YEAR
    assert lease.mean_rate_usd_per_gpu_h == near((12e6 + 3 * 150 * YEAR) / billed)


def test_a_pool_of_no_gpus_takes_no_part_of_a_fee():
    lease = leased(POOLS.replace("300", "0"), "lease: {fee_usd_per_month: 1e6}")
    assert lease.revenue_usd_per_yr == near([12e6, 0])


def test_nothing_billed_earns_nothing_and_has_no_mean_rate():
    lease = leased(POOLS, "lease: {rate_usd_per_gpu_h: 2, billed_share: 0}")
    assert lease.total_usd_per_yr == 0
    assert np.isnan(lease.mean_rate_usd_per_gpu_h)


# What is under contract


def test_a_pool_under_no_contract_earns_nothing_and_has_no_rate():
    lease = leased(POOLS, PART)
    assert list(lease.revenue_usd_per_yr) == [200 * YEAR, 0]
    assert list(lease.billed_gpu_h_per_yr) == [100 * YEAR, 0]
    np.testing.assert_equal(lease.rate_usd_per_gpu_h, [2, np.nan])
    assert lease.mean_rate_usd_per_gpu_h == 2


def test_a_pool_under_no_contract_carries_none_of_the_cost():
    whole, part = (leased(POOLS, SITE, contract, "costs: {operations_usd_per_yr: 1e6}") for contract in (ONE, PART))
    share = NAMEPLATE_A / (NAMEPLATE_A + NAMEPLATE_B)
    assert whole.contracted_share == 1
    assert part.contracted_share == near(share)
    assert whole.power_cost_usd_per_yr == near(2 * YEAR * 100)
    assert part.power_cost_usd_per_yr == near(2 * YEAR * 100 * share)
    assert part.operations_cost_usd_per_yr == near(1e6 * share)
    assert part.contribution_usd_per_yr == near(200 * YEAR - (2 * YEAR * 100 + 1e6) * share)


def test_power_is_charged_by_what_is_under_contract_on_each_site():
    lease = leased(
        "pools: [{name: a, gpu: h100-sxm, count: 100, site: x}, {name: b, gpu: h100-sxm, count: 300, site: x},"
        " {name: c, gpu: h100-sxm, count: 500, site: y}]",
        "sites: {x: {facility_power_mw: 2, energy_price_usd_per_mwh: 100},"
        " y: {facility_power_mw: 3, energy_price_usd_per_mwh: 50}}",
        PART,
        "costs: {operations_usd_per_yr: 9e6}",
    )
    # A quarter of site x, nothing of y; operations by all nameplates
    assert lease.power_cost_usd_per_yr == near(2 * YEAR * 100 / 4)
    assert lease.operations_cost_usd_per_yr == near(1e6)
    assert lease.facility_power_mw == 5
    assert lease.revenue_usd_per_mw_yr == near(200 * YEAR / 5)


def test_where_watts_are_unknown_gpus_are_counted():
    lease = leased(
        "gpus: {x1: {title: X, peak_tflop_per_s: {bf16: 100}}}",
        "pools: [{name: a, gpu: x1, count: 100}, {name: b, gpu: h100-sxm, count: 300}]",
        SITE,
        PART,
    )
    assert lease.contracted_share == 0.25


# Power


@pytest.mark.parametrize(
    ("site", "megawatts"),
    [("facility_power_mw: 2", 2), ("it_power_mw: 2, pue_factor: 1.3", 2.6), ("it_power_mw: 2", 2.5)],
)
def test_megawatts_at_the_meter(site, megawatts):
    assert facility_power_mw(case(POOLS, f"site: {{{site}}}")) == near(megawatts)


@pytest.mark.parametrize(("draw", "share"), [("typical", 0.7), ("nameplate", 1.0)])
def test_megawatts_that_are_not_given_are_nameplate_times_draw_times_pue(draw, share):
    lease = leased(POOLS, f"site: {{pue_factor: 1.2, draw: {draw}, energy_price_usd_per_mwh: 100}}", ONE)
    megawatts = (NAMEPLATE_A + NAMEPLATE_B) / 1e6 * share * 1.2
    assert lease.facility_power_mw == near(megawatts)
    assert lease.power_cost_usd_per_yr == near(megawatts * YEAR * 100)


def test_given_and_derived_megawatts_of_two_sites_add_up():
    total = facility_power_mw(
        case(
            "pools: [{name: a, gpu: h100-sxm, count: 100, site: x}, {name: b, gpu: h100-sxm, count: 100, site: y}]",
            "sites: {x: {facility_power_mw: 2}, y: {pue_factor: 1, draw: nameplate}}",
        )
    )
    assert total == near(2 + 0.1275)


def test_without_a_site_power_has_no_cost_that_is_known():
    lease = leased(POOLS, ONE)
    for value in (
        lease.facility_power_mw,
        lease.power_cost_usd_per_yr,
        lease.contribution_usd_per_yr,
        lease.revenue_usd_per_mw_yr,
    ):
        assert np.isnan(value)
    assert lease.total_usd_per_yr == 800 * YEAR


def test_unknown_watts_leave_the_megawatts_unknown():
    own = "gpus: {x1: {title: X, peak_tflop_per_s: {bf16: 100}}}"
    lease = leased(own, "pools: [{gpu: x1, count: 8}]", "site: {}", ONE)
    assert np.isnan(lease.facility_power_mw)
    assert np.isnan(lease.power_cost_usd_per_yr)


# Operations and colocation


def test_what_is_not_given_costs_nothing():
    assert leased(POOLS, SITE, ONE).operations_cost_usd_per_yr == 0


def test_colocation_is_paid_by_the_it_kilowatt_and_month():
    # 2 MW at the meter over 1.25 are 1,600 kW
    lease = leased(POOLS, SITE, ONE, "costs: {colocation_usd_per_kw_month: 150}")
    assert lease.operations_cost_usd_per_yr == near(1_600 * 12 * 150)
    part = leased(POOLS, SITE, PART, "costs: {colocation_usd_per_kw_month: 150}")
    assert part.operations_cost_usd_per_yr == near(1_600 * 12 * 150 * NAMEPLATE_A / (NAMEPLATE_A + NAMEPLATE_B))


def test_colocation_of_megawatts_that_are_not_given_is_paid_on_the_draw():
    lease = leased(POOLS, "site: {pue_factor: 1.2}", ONE, "costs: {colocation_usd_per_kw_month: 150}")
    assert lease.operations_cost_usd_per_yr == near((NAMEPLATE_A + NAMEPLATE_B) / 1e3 * 0.7 * 12 * 150)


def test_operations_and_colocation_add_up():
    lease = leased(POOLS, SITE, ONE, "costs: {operations_usd_per_yr: 1e6, colocation_usd_per_kw_month: 150}")
    assert lease.operations_cost_usd_per_yr == near(1e6 + 1_600 * 12 * 150)
    assert lease.contribution_usd_per_yr == near(800 * YEAR - 2 * YEAR * 100 - 1e6 - 1_600 * 12 * 150)


# Hedge

COSTS = "costs: {operations_usd_per_yr: 1e5, colocation_usd_per_kw_month: 10}"
POWER, OPERATIONS, COLOCATION = 2 * YEAR * 100, 1e5, 1_600 * 12 * 10
REVENUE = 800 * YEAR


def test_a_loss_of_some_months_is_scaled_to_a_year():
    assert hedged(POOLS, ONE, "finance: {loss_usd: 1e6, loss_months: 3}").loss_usd_per_yr == 4e6
    assert hedged(POOLS, ONE, "finance: {loss_usd: 1e6}").loss_usd_per_yr == 1e6


@pytest.mark.parametrize(
    ("contains", "deducted", "cost"),
    [
        ("", ("power", "operations", "colocation"), POWER + OPERATIONS + COLOCATION),
        ("power", ("operations", "colocation"), OPERATIONS + COLOCATION),
        ("power, operations", ("colocation",), COLOCATION),
        ("colocation, power, operations", (), 0.0),
        ("depreciation, interest", ("power", "operations", "colocation"), POWER + OPERATIONS + COLOCATION),
    ],
)
def test_a_cost_the_loss_contains_already_is_not_deducted_again(contains, deducted, cost):
    hedge = hedged(POOLS, SITE, ONE, COSTS, f"finance: {{loss_usd: 1e7, loss_contains: [{contains}]}}")
    assert hedge.deducted == deducted
    assert hedge.contained == tuple(sorted(word for word in contains.split(", ") if word))
    assert hedge.added_cost_usd_per_yr == near(cost)
    assert hedge.gross_share == near(REVENUE / 1e7)
    assert hedge.contribution_share == near((REVENUE - cost) / 1e7)


def test_a_cost_that_is_not_given_is_not_said_to_be_deducted():
    assert hedged(POOLS, SITE, ONE, "finance: {loss_usd: 1e7}").deducted == ("power",)


@pytest.mark.parametrize("share", ["gross", "contribution"])
def test_at_its_cover_rate_the_lease_covers_the_loss(share):
    lines = (POOLS, SITE, COSTS, "finance: {loss_usd: 1e7}")
    rate = float(getattr(hedged(*lines, ONE), f"{share}_cover_rate_usd_per_gpu_h"))
    covered = hedged(*lines, f"lease: {{rate_usd_per_gpu_h: {rate!r}}}")
    assert getattr(covered, f"{share}_share") == near(1)


def test_cover_rates_are_per_billed_hour_of_what_is_under_contract():
    hedge = hedged(POOLS, SITE, PART.replace("h: 2", "h: 2, billed_share: 0.8"), "finance: {loss_usd: 1e6}")
    assert hedge.gross_cover_rate_usd_per_gpu_h == near(1e6 / (80 * YEAR))
    power = POWER * NAMEPLATE_A / (NAMEPLATE_A + NAMEPLATE_B)
    assert hedge.contribution_cover_rate_usd_per_gpu_h == near((1e6 + power) / (80 * YEAR))


@pytest.mark.parametrize("loss", ["0", "-5e6"])
def test_a_loss_of_zero_or_less_cannot_be_covered(loss):
    hedge = hedged(POOLS, SITE, ONE, f"finance: {{loss_usd: {loss}}}")
    assert hedge.loss_usd_per_yr == float(loss)
    for name in ("gross_share", "contribution_share"):
        assert np.isnan(getattr(hedge, name))
    for name in ("gross", "contribution"):
        assert np.isnan(getattr(hedge, f"{name}_cover_rate_usd_per_gpu_h"))


def test_nothing_billed_covers_nothing_at_any_rate():
    hedge = hedged(POOLS, SITE, "lease: {rate_usd_per_gpu_h: 2, billed_share: 0}", "finance: {loss_usd: 1e7}")
    assert hedge.gross_share == 0
    assert hedge.contribution_share == near(-POWER / 1e7)
    assert np.isnan(hedge.gross_cover_rate_usd_per_gpu_h)


def test_without_power_the_contribution_is_unknown_unless_the_loss_holds_it():
    lines = (POOLS, ONE)
    assert np.isnan(hedged(*lines, "finance: {loss_usd: 1e7}").contribution_share)
    assert hedged(*lines, "finance: {loss_usd: 1e7, loss_contains: [power]}").contribution_share == near(REVENUE / 1e7)


# Many scenarios


def test_scenarios_of_rates_and_fees_stand_in_front():
    one = case(POOLS, SITE, "finance: {loss_usd: 1e7}", "lease: {rate_usd_per_gpu_h: 2}")
    rates = np.asarray([[2.0, 2.0], [3.0, 1.0]])
    many = replace(one, lease=replace(one.lease, rate_usd_per_gpu_h=rates))
    lease = evaluate_lease(many)
    assert list(lease.total_usd_per_yr) == [800 * YEAR, 600 * YEAR]
    assert evaluate_hedge(many, lease).gross_share == near([800 * YEAR / 1e7, 600 * YEAR / 1e7])

    one = case(POOLS, "lease: {fee_usd_per_month: 1e6}")
    fees = replace(one, lease=replace(one.lease, fee_usd_per_month=np.asarray([[1e6], [2e6]])))
    assert evaluate_lease(fees).revenue_usd_per_yr == near(np.asarray([[3e6, 9e6], [6e6, 18e6]]))
