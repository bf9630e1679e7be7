"""Laws of the whole way from a fleet file to cash: what adds up, what scales, and which rate is worth nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.evaluate import evaluate
from colocalc.study.returns import hedge_by_year

LAWS = settings(deadline=None, derandomize=True, max_examples=20)
CENT = 0.005


def parts(low, high):
    """Numbers as a person writes them: 1,000 steps from one to the other."""
    return st.integers(0, 1_000).map(lambda step: round(low + (high - low) * step / 1_000, 6))


SHARE = parts(0.05, 1.0)


def written(value):
    """A value as one line of YAML; floats in full, so that what is read is what was drawn."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(part) for part in value) + "]"
    if isinstance(value, float):
        digits = repr(value)
        return digits if "." in digits or "e" not in digits else digits.replace("e", ".0e")
    return str(value)


def optional(**kinds):
    return st.fixed_dictionaries({}, optional=kinds)


def merged(*parts):
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


POOLS = st.tuples(st.integers(1, 100_000), st.integers(1, 100_000)).map(
    lambda counts: [
        {"name": "a", "gpu": "h100-sxm", "count": counts[0]},
        {"name": "b", "gpu": "h200-sxm", "count": counts[1]},
    ]
)
SHAPE = optional(
    start=st.sampled_from(["2026-07-01", "2027-04-16", "2028-02-29"]),
    ramp_months=st.integers(0, 10),
    escalator_share_per_yr=parts(-0.3, 0.2),
    billed_share=SHARE,
    available_share=parts(0.5, 1.0),
    power_passthrough_share=parts(0.0, 1.0),
    sla=st.just({"availability_share": 0.97, "promised_share": 0.99, "credit_share": 0.1}),
)
NOTICE = optional(
    notice=st.fixed_dictionaries(
        {"months": st.integers(0, 12)},
        optional={"after_months": st.integers(0, 12), "share_per_month": parts(0.0, 1.0)},
    )
)
MARKET = optional(
    market=st.fixed_dictionaries(
        {"rate_usd_per_gpu_h": parts(0.2, 5.0), "months": st.integers(0, 18)},
        optional={"gap_months": st.integers(0, 6), "change_share_per_yr": parts(-0.3, 0.2), "sold_share": SHARE},
    )
)
CREDITED = {"credited_from_yr": st.integers(1, 2), "credited_to_yr": st.integers(2, 6)}
PREPAID = optional(
    prepayment=st.one_of(
        st.fixed_dictionaries({"revenue_share": parts(0.0, 0.5)}, optional=CREDITED),
        st.fixed_dictionaries({"amount_usd": parts(0.0, 1e9)}, optional=CREDITED),
    )
)
TERM = st.integers(1, 60)
RATE = parts(0.5, 8.0)
SITE = {"facility_power_mw": 50, "energy_price_usd_per_mwh": 60}
COSTS = st.fixed_dictionaries(
    {"capital_usd_per_gpu": st.fixed_dictionaries({"h100-sxm": parts(1e4, 6e4), "h200-sxm": parts(1e4, 6e4)})},
    optional={
        "operations_usd_per_yr": parts(0.0, 1e7),
        "data_centre_usd_per_mw": parts(0.0, 1.5e7),
        "maintenance_share_per_yr": parts(0.0, 0.05),
        "escalator_share_per_yr": parts(0.0, 0.05),
    },
)
BOOK = optional(residual_share=parts(0.0, 0.4), bonus_share=parts(0.0, 1.0), book_life_yr=st.integers(3, 8))
FINANCE = st.fixed_dictionaries(
    {
        "discount_rate_share": parts(0.02, 0.25),
        "periods": st.sampled_from(["yearly", "monthly"]),
        "tax_rate_share": parts(0.0, 0.4),
    },
    optional={
        "tax_losses": st.sampled_from(["carry-forward", "immediate"]),
        "tax_loss_cap_share": parts(0.0, 1.0),
    },
)
CAP = {"advance_rate_share": parts(0.1, 1.0)}
COVENANTS = {
    "sweep_share": parts(0.0, 1.0),
    "reserve_months": st.integers(0, 12),
    "reserve_interest_share": parts(0.0, 0.06),
    "lock_up_dscr_factor": parts(1.0, 2.0),
    "commitment_fee_share": parts(0.0, 0.02),
}
# Longer than the longest ramp, no longer than the shortest contract.
LOAN = {"interest_share": parts(0.0, 0.2), "tenor_months": st.integers(11, 13)}
# A cover of 1 leaves owners nothing but rounding, which has no rate of return.
DEBT = st.one_of(
    st.fixed_dictionaries(
        LOAN | CAP | {"target_dscr_factor": parts(1.05, 3.0)},
        optional=COVENANTS | {"sized_on": st.sampled_from(["firm", "headline"])},
    ),
    st.fixed_dictionaries(
        LOAN
        | CAP
        | {
            "sizing": st.just("amount"),
            "amount_usd": parts(1e5, 1e9),
            "repayment": st.sampled_from(["annuity", "straight-line"]),
        },
        optional=COVENANTS | {"balloon_share": parts(0.0, 0.8)},
    ),
)
PRICED = st.fixed_dictionaries({"rate_usd_per_gpu_h": RATE, "months": st.integers(13, 60)})


def lowered(**blocks):
    text = "\n".join(("name: law", *(f"{key}: {written(value)}" for key, value in blocks.items())))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def evaluated(**blocks):
    return evaluate(lowered(site=SITE, **blocks))


# Contracts


@LAWS
@given(pools=POOLS, lease=merged(PRICED, SHAPE, NOTICE))
def test_the_expected_value_lies_between_the_firm_and_the_headline(pools, lease):
    metrics = evaluated(pools=pools, lease=lease).metrics
    firm, expected, headline = (float(metrics[f"lease.{name}_value_usd"]) for name in ("firm", "expected", "headline"))
    slack = 1e-12 * headline
    assert firm <= expected + slack
    assert expected <= headline + slack


@LAWS
@given(
    pools=POOLS,
    lease=merged(
        st.one_of(
            PRICED, st.fixed_dictionaries({"fee_usd_per_month": RATE.map(lambda rate: 1e6 * rate), "months": TERM})
        ),
        SHAPE,
    ),
)
def test_pools_sum_to_the_fleet_to_the_cent(pools, lease):
    metrics = evaluated(pools=pools, lease=lease).metrics
    parts = sum(float(metrics[f"pools.{name}.lease.contract_revenue_usd"]) for name in "ab")
    whole = float(metrics["lease.contract_revenue_usd"])
    assert parts == pytest.approx(whole, rel=1e-14, abs=CENT)


@LAWS
@given(pools=POOLS, lease=merged(PRICED, SHAPE), share=parts(0.0, 0.5))
def test_cash_and_revenue_of_a_contract_have_one_sum(pools, lease, share):
    deal = evaluated(pools=pools, lease=lease | {"prepayment": {"revenue_share": share}}).returns.deal
    assert deal.cash_revenue_usd.sum() == pytest.approx(deal.revenue_usd.sum(), rel=1e-12)
    assert deal.deferred_usd.min() >= -1e-9 * deal.revenue_usd.sum()


@LAWS
@given(pools=POOLS, lease=merged(PRICED, SHAPE, NOTICE), share=parts(0.0, 0.5))
def test_a_tenant_who_leaves_has_paid_for_what_it_had(pools, lease, share):
    deal = evaluated(pools=pools, lease=lease | {"prepayment": {"revenue_share": share}}).returns.deal
    (one,) = deal.priced
    assert one.firm_cash_usd().sum() == pytest.approx(deal.firm_usd.sum(), rel=1e-12, abs=CENT)
    assert one.expected_refund_usd + CENT >= 0.0
    assert one.expected_refund_usd <= share * deal.revenue_usd.sum() + CENT


# Cash


@LAWS
@given(
    pools=POOLS,
    lease=merged(PRICED, SHAPE, NOTICE, MARKET, PREPAID),
    costs=COSTS,
    depreciation=BOOK,
    finance=FINANCE,
    debt=DEBT,
)
def test_sources_are_uses_in_every_period_and_debt_is_never_above_its_cap(
    pools, lease, costs, depreciation, finance, debt
):
    project = evaluated(
        pools=pools, lease=lease, costs=costs, depreciation=depreciation, finance=finance, debt=debt
    ).returns.project
    capital = float(project.capital_usd)
    np.testing.assert_allclose(project.cash.sources_less_uses_usd, 0.0, atol=1e-9 * capital)
    assert project.debt_usd <= debt["advance_rate_share"] * capital * (1 + 1e-12)
    assert project.loan.closing_usd.min() >= 0.0


@LAWS
@given(
    pools=POOLS,
    lease=merged(PRICED, SHAPE),
    costs=COSTS,
    depreciation=BOOK,
    finance=FINANCE,
    debt=DEBT,
    scale=parts(0.01, 100.0),
)
def test_all_money_scaled_scales_value_and_leaves_returns(pools, lease, costs, depreciation, finance, debt, scale):
    def found(factor):
        site = SITE | {"energy_price_usd_per_mwh": 60.0 * factor}
        scaled = {
            "lease": lease | {"rate_usd_per_gpu_h": lease["rate_usd_per_gpu_h"] * factor},
            "costs": {
                key: {gpu: price * factor for gpu, price in value.items()}
                if isinstance(value, dict)
                else value * factor
                if "usd" in key
                else value
                for key, value in costs.items()
            },
            "debt": {key: value * factor if key.endswith("_usd") else value for key, value in debt.items()},
        }
        return evaluate(lowered(site=site, pools=pools, depreciation=depreciation, finance=finance, **scaled)).metrics

    one, other = found(1.0), found(scale)
    assert set(one) == set(other)
    capital = float(one["lease.capital_usd"])
    for name in ("project_npv", "project_npv_before_tax", "equity_npv", "debt", "capital", "contract_revenue"):
        ours, theirs = (float(metrics[f"lease.{name}_usd"]) for metrics in (one, other))
        assert theirs == pytest.approx(ours * scale, rel=1e-9, abs=1e-9 * capital * scale)
    for name in ("project_irr_share", "project_irr_before_tax_share", "equity_irr_share", "min_dscr_factor"):
        if f"lease.{name}" in one:
            assert float(other[f"lease.{name}"]) == pytest.approx(float(one[f"lease.{name}"]), rel=1e-6, abs=1e-7)


def at_rate(lease, result, metric, **blocks):
    """The same fleet let at a rate that a metric found; None where that is no price."""
    rate = float(result.metrics.get(metric, np.nan))
    # What market and residual bring in may be worth more than all costs; no price is negative.
    if not rate > 0.0:
        return None
    mean = float(result.returns.project.mean_rate_usd_per_gpu_h)
    again = evaluated(lease=lease | {"rate_usd_per_gpu_h": lease["rate_usd_per_gpu_h"] * rate / mean}, **blocks)
    assert float(again.returns.project.mean_rate_usd_per_gpu_h) == pytest.approx(rate, rel=1e-12)
    return again.metrics


@LAWS
@given(pools=POOLS, lease=merged(PRICED, SHAPE, MARKET, PREPAID), costs=COSTS, depreciation=BOOK, finance=FINANCE)
def test_at_the_rate_that_breaks_even_value_is_0(pools, lease, costs, depreciation, finance):
    blocks = {"pools": pools, "costs": costs, "depreciation": depreciation, "finance": finance}
    again = at_rate(lease, evaluated(lease=lease, **blocks), "lease.break_even_rate_usd_per_gpu_h", **blocks)
    if again is not None:
        value, capital = (float(again[f"lease.{name}_usd"]) for name in ("project_npv", "capital"))
        assert value == pytest.approx(0.0, abs=1e-9 * capital)


@LAWS
@given(
    pools=POOLS,
    lease=merged(PRICED, SHAPE, NOTICE, MARKET, PREPAID),
    costs=COSTS,
    depreciation=BOOK,
    finance=FINANCE,
    debt=DEBT,
)
def test_at_the_rate_that_breaks_even_for_owners_their_value_is_0(pools, lease, costs, depreciation, finance, debt):
    # A covenant is all or nothing: where one is tripped value jumps, and a jump over 0 has no root.
    debt = {key: value for key, value in debt.items() if key != "lock_up_dscr_factor"}
    blocks = {"pools": pools, "costs": costs, "depreciation": depreciation, "finance": finance, "debt": debt}
    again = at_rate(lease, evaluated(lease=lease, **blocks), "lease.equity_break_even_rate_usd_per_gpu_h", **blocks)
    if again is not None:
        value, capital = (float(again[f"lease.{name}_usd"]) for name in ("equity_npv", "capital"))
        assert value == pytest.approx(0.0, abs=1e-9 * capital)


@LAWS
@given(pools=POOLS, lease=PRICED, costs=COSTS, periods=st.sampled_from(["yearly", "monthly"]), rate=parts(0.02, 0.25))
def test_without_tax_the_levelized_cost_is_the_rate_that_breaks_even(pools, lease, costs, periods, rate):
    finance = {"discount_rate_share": rate, "tax_rate_share": 0, "periods": periods}
    metrics = evaluated(pools=pools, lease=lease, costs=costs, finance=finance).metrics
    levelized = float(metrics["lease.levelized_cost_usd_per_gpu_h"])
    assert float(metrics["lease.break_even_rate_usd_per_gpu_h"]) == pytest.approx(levelized, rel=1e-9)


@LAWS
@given(pools=POOLS, lease=merged(PRICED, SHAPE), costs=COSTS, finance=FINANCE, debt=DEBT)
def test_years_of_a_monthly_cash_flow_sum_to_it(pools, lease, costs, finance, debt):
    yearly, monthly = (
        evaluated(pools=pools, lease=lease, costs=costs, finance=finance | {"periods": periods}, debt=debt).returns
        for periods in ("yearly", "monthly")
    )
    for name in ("revenue_usd", "opex_usd", "billed_gpu_h", "fees_usd"):
        ours, theirs = (getattr(returns.project.flows, name).sum() for returns in (yearly, monthly))
        assert ours == pytest.approx(theirs, rel=1e-12)
    assert yearly.project.capital_usd == pytest.approx(float(monthly.project.capital_usd), rel=1e-12)


# The hedge


@LAWS
@given(
    pools=POOLS,
    lease=merged(PRICED, SHAPE, MARKET),
    costs=COSTS,
    debt=DEBT,
    loss=parts(1e6, 1e11),
    contains=st.lists(
        st.sampled_from(["power", "operations", "colocation", "depreciation", "interest"]), max_size=5, unique=True
    ),
)
def test_the_hedge_of_the_contract_is_the_loss_weighted_mean_of_its_years(pools, lease, costs, debt, loss, contains):
    one = lowered(
        site=SITE,
        pools=pools,
        lease=lease,
        costs=costs,
        debt=debt,
        finance={"discount_rate_share": 0.1, "loss_usd": loss, "loss_contains": contains},
    )
    result = evaluate(one)
    years = hedge_by_year(one, result.returns, result.hedge.loss_usd_per_yr)
    assert years.loss_usd[-1] == pytest.approx(years.loss_usd[:-1].sum(), rel=1e-12)
    for name in ("gross_share", "contribution_share", "ebit_share", "cash_share"):
        ratios = getattr(years, name)
        size = np.abs(years.gross_share).max()
        mean = np.sum(ratios[:-1] * years.loss_usd[:-1]) / years.loss_usd[-1]
        assert ratios[-1] == pytest.approx(mean, rel=1e-9, abs=1e-12 * size), name
