"""What a lender looks at: loan to value by month, what outlives the lease, the balloon, and the day the tenant leaves."""

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.loading import load_fleet
from colocalc.metrics import METRICS
from colocalc.study.evaluate import evaluate, values

CAPITAL, FEES = 3e6, 200 * 8_760.0  # 100 GPUs at 30,000 USD each, and 2 USD an hour for a year
FLEET = """
name: one
pools: [{name: a, gpu: h100-sxm, count: 100}]
site: {facility_power_mw: 1, energy_price_usd_per_mwh: 0}
costs: {capital_usd_per_gpu: {h100-sxm: 30000}}
"""
STRAIGHT = "sizing: amount, amount_usd: 1e6, repayment: straight-line"


def lowered(debt, *lines, terms="months: 48", finance="discount_rate_share: 0.1, tax_rate_share: 0"):
    tenor = "" if "tenor" in debt else "tenor_months: 48, "
    text = "\n".join(
        (
            FLEET,
            f"lease: {{rate_usd_per_gpu_h: 2, {terms}}}",
            f"finance: {{{finance}}}",
            f"debt: {{interest_share: 0.1, {tenor}{debt}}}",
            *lines,
        )
    )
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def result(*arguments, **more):
    return evaluate(lowered(*arguments, **more))


def metric(name, *arguments, **more):
    return float(result(*arguments, **more).metrics[f"lease.{name}"])


def near(value, tolerance=1e-12):
    return pytest.approx(value, rel=tolerance, abs=1e-6)


# Loan to value


def test_loan_to_value_is_by_month_where_flows_are_by_year():
    view = result(STRAIGHT).returns.lender
    left = np.arange(49)
    assert view.month_debt_usd == near(np.repeat([1e6, 750e3, 500e3, 250e3, 0], 12)[:49])
    assert view.month_value_usd == near(CAPITAL * (1 - left / 48))
    assert view.loan_to_value_share[:48] == near(view.month_debt_usd[:48] / (CAPITAL * (1 - left[:48] / 48)))


def test_loan_to_value_by_month_is_that_of_monthly_flows_at_each_end_of_a_month():
    view = result(STRAIGHT, finance="discount_rate_share: 0.1, periods: monthly").returns.lender
    assert view.month_debt_usd == near(1e6 * (1 - np.arange(49) / 48), 1e-9)
    # Debt and value fall alike.
    assert view.loan_to_value_share[:48] == near([1 / 3] * 48, 1e-9)


def test_the_highest_loan_to_value_is_just_before_the_last_instalment():
    # A quarter of the debt against a 48th of the capital
    assert metric("max_loan_to_value_share", STRAIGHT) == near(250e3 / (CAPITAL / 48))


def test_what_is_not_bought_yet_secures_nothing():
    view = result(STRAIGHT, terms="months: 48, ramp_months: 24").returns.lender
    assert view.month_value_usd[[0, 11, 12]] == near(CAPITAL * np.array([0.5, 0.5 * 37 / 48, 0.75]))


def test_an_owned_building_is_worth_what_is_not_written_off():
    book = "depreciation: {data_centre_life_yr: 10}"
    building = "costs: {capital_usd_per_gpu: {h100-sxm: 0}, data_centre_usd_per_mw: 1.2e6}"
    text = FLEET.replace("costs: {capital_usd_per_gpu: {h100-sxm: 30000}}", building)
    loaded = load_fleet(
        "-",
        catalog=load_catalog(),
        stdin="\n".join(
            (text, "lease: {rate_usd_per_gpu_h: 2, months: 48}", f"debt: {{interest_share: 0, tenor_months: 48, {STRAIGHT}}}", book)
        ).encode(),
    )  # fmt: skip
    view = evaluate(lower(loaded.fleet, loaded.catalog)).returns.lender
    assert view.month_value_usd == near(1.2e6 * (1 - np.arange(49) / 120))


# The residual value


def test_value_decays_to_a_floor_and_is_what_the_sale_fetches():
    book = "depreciation: {residual_floor_share: 0.3, residual_decay_per_yr: 0.5, book_life_yr: 4}"
    found = result(STRAIGHT, book).returns
    shares = 0.3 + 0.7 * np.exp(-0.5 * np.arange(49) / 12)
    assert found.lender.month_value_usd == near(CAPITAL * shares)
    assert found.project.flows.salvage_usd[-1] == near(CAPITAL * (0.3 + 0.7 * np.exp(-2)))
    # A decay is of the market, not of the books.
    assert found.project.flows.book_depreciation_usd[1:] == near([CAPITAL / 4] * 4)


@pytest.mark.parametrize(
    ("book", "match"),
    [
        ("residual_floor_share: 0.3", "go together"),
        ("residual_decay_per_yr: 0.3", "go together"),
        ("residual_decay_per_yr: 0.3, residual_floor_share: 0.3, residual_share: 0.1", "not both"),
        ("residual_decay_per_yr: 0.3, residual_floor_share: 0.3, residual_curve_share: [0.7]", "not both"),
        ("residual_decay_per_yr: -0.3, residual_floor_share: 0.3", "at least 0"),
        ("residual_decay_per_yr: 0.3, residual_floor_share: 1.1", "at most 1"),
    ],
)
def test_a_decay_that_is_not_whole_is_refused_with_its_line(book, match):
    with pytest.raises(ColocalcError, match=rf":\d+:\d+: depreciation.*{match}"):
        result(STRAIGHT, f"depreciation: {{{book}}}")


# What outlives the lease


@pytest.mark.parametrize(("notice", "owed"), [(12, 750e3), (18, 750e3), (24, 500e3), (6, 1e6), (0, 1e6), (48, 0)])
def test_debt_after_the_firm_term(notice, owed):
    terms = f"months: 48, notice: {{months: {notice}}}"
    assert metric("debt_after_firm_term_usd", STRAIGHT, terms=terms) == near(owed)


def test_without_a_right_to_leave_nothing_is_owed_after_the_firm_term():
    assert metric("debt_after_firm_term_usd", STRAIGHT) == 0.0


# The balloon

BALLOON = f"{STRAIGHT}, balloon_share: 0.8, tenor_months: 24"


@pytest.mark.parametrize(
    ("more", "gap"),
    [
        # Two years of fees at a cover of 1 are more than 800,000: nothing is missing.
        ("", 0.0),
        # 40% of hardware that has half of its value left
        ("advance_rate_share: 0.4", 800e3 - 0.4 * CAPITAL / 2),
        ("target_dscr_factor: 8", 800e3 - FEES * (1 / 1.1 + 1 / 1.21) / 8),
        ("target_dscr_factor: 8, advance_rate_share: 0.34", 800e3 - FEES * (1 / 1.1 + 1 / 1.21) / 8),
    ],
)
def test_what_a_new_loan_lacks_of_the_balloon(more, gap):
    found = result(f"{BALLOON}{', ' if more else ''}{more}").metrics
    assert found["lease.balloon_usd"] == near(800e3)
    assert found["lease.refinancing_gap_usd"] == near(gap)


def test_a_balloon_that_is_due_with_the_last_fees_is_refinanced_by_nobody():
    found = result(f"{BALLOON.replace('24', '48')}").metrics
    assert found["lease.refinancing_gap_usd"] == near(800e3)


def test_cash_after_maturity_counts_as_far_as_it_is_firm():
    # The tenant may leave after two years: nothing after them is sure, unless lenders count the headline.
    terms = "months: 48, notice: {months: 24}"
    assert metric("refinancing_gap_usd", BALLOON, terms=terms) == near(800e3)
    assert metric("refinancing_gap_usd", f"{BALLOON}, sized_on: headline", terms=terms) == near(0.0)


def test_what_is_swept_is_no_part_of_the_balloon():
    found = result(f"{BALLOON}, sweep_share: 1").metrics
    assert found["lease.balloon_usd"] == found["lease.refinancing_gap_usd"] == near(0.0)


# A prepayment and a notice

PREPAID = "months: 48, prepayment: {revenue_share: 0.25}"  # a year of fees
LEAVES = f"{PREPAID}, notice: {{months: 3}}, market: {{rate_usd_per_gpu_h: 1}}"


def test_what_is_paid_ahead_is_owed_back_in_the_downside():
    # Notice at the end of April ends the lease with July, 212 days of 1,460 after its start.
    found = result(STRAIGHT, terms=LEAVES)
    assert found.metrics["lease.downside_refund_usd"] == near(FEES * (1 - 212 / 1460))
    # So that what is kept of the first year is what was earned in it.
    kept = FEES * 212 / 365 + FEES / 2 * 153 / 365
    assert found.returns.lender.downside_dscr_factor[1] == near(kept / 350e3)


def test_the_expected_refund_is_weighted_by_when_the_contract_ends():
    # Notice for certain at the end of January ends it with April, 120 days after the start.
    certain = LEAVES.replace("months: 3}", "months: 3, share_per_month: 1}")
    assert metric("expected_refund_usd", STRAIGHT, terms=certain) == near(FEES * (1 - 120 / 1460))
    assert metric("expected_refund_usd", STRAIGHT, terms=LEAVES) == near(0.0)


def test_firm_cash_pays_back_what_is_not_earned_by_then():
    flows = result(STRAIGHT, terms=LEAVES, finance="discount_rate_share: 0.1, periods: monthly").returns.project.flows
    # Three months are firm: 90 days.
    assert flows.firm_usd[1:3].sum() == near(FEES + 0.75 * FEES * 59 / 365)
    assert flows.firm_usd.sum() == near(FEES * 90 / 365)
    assert flows.firm_usd[4:] == near([0.0] * 45)


def test_a_contract_that_nobody_may_leave_pays_nothing_back():
    found = result(STRAIGHT, terms=PREPAID)
    assert found.undefined["lease.downside_refund_usd"] == "needs lease.notice"
    assert found.metrics["lease.expected_refund_usd"] == near(0.0)
    assert found.returns.project.flows.firm_usd == near(found.returns.project.flows.revenue_usd)


def test_without_a_prepayment_there_is_no_refund_to_expect():
    found = result(STRAIGHT, terms="months: 48, notice: {months: 3}")
    assert found.undefined["lease.expected_refund_usd"] == "needs lease.prepayment"
    assert found.metrics["lease.downside_refund_usd"] == 0.0


def test_what_is_asked_for_alone_is_what_the_whole_evaluation_has():
    blocks = (BALLOON, "depreciation: {residual_share: 0.2}")
    whole = result(*blocks, terms=LEAVES).metrics
    one = lowered(*blocks, terms=LEAVES)
    names = [name for name in METRICS if name.startswith("lease.")]
    assert {f"lease.{name}" for name in ("llcr_factor", "equity_irr_share", "refinancing_gap_usd")} <= set(whole)
    for name in names:
        np.testing.assert_array_equal(values(one, [name])[name], whole.get(name, np.nan), err_msg=name)
