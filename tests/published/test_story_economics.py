"""The economics of the founding story through a fleet file: cash, depreciation by life, and the hedge.

150,000 H100, 50,000 H200 and 20,000 GB200 at a mean of 2.60 USD a GPU-hour; servers of 33, 36 and 60 thousand USD a GPU
and a data centre of 11 million a megawatt, both illustrations; upkeep of 5% of the servers a year; 300 MW at 68.5 USD a
MWh; a loss of 6 billion a year. Expected values are arithmetic on these, in billions of USD.
"""

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.evaluate import evaluate
from colocalc.study.returns import hedge_by_year

FLEET = """
name: story
pools:
  - {name: h100, gpu: h100-sxm, count: 150000}
  - {name: h200, gpu: h200-sxm, count: 50000}
  - {name: gb200, gpu: gb200-nvl72, count: 20000, counted_as: gpu}
site: {facility_power_mw: 300, energy_price_usd_per_mwh: 68.5}
costs:
  capital_usd_per_gpu: {h100-sxm: 33000, h200-sxm: 36000, gb200-nvl72: 60000}
  data_centre_usd_per_mw: 1.1e7
  maintenance_share_per_yr: 0.05
"""
CARD = "rate_card: story-2026-05"
HOURS = 220_000 * 8_760
LIVES = pytest.mark.parametrize(
    ("life", "depreciation", "ebit", "at_90", "break_even"),
    [
        (3, 2.87, 1.56, 1.06, 1.79),
        # 2.2257 less a tenth of 5.0107 is 1.7246, which rounded parts make 1.73
        (4, 2.21, 2.23, 1.7246, 1.45),
        (5, 1.81, 2.62, 2.12, 1.24),
        # 7.95 / 6 + 3.3 / 15 is 1.545
        (6, 1.545, 2.89, 2.39, 1.10),
    ],
)


def case(*lines, lease=CARD, months=36):
    text = "\n".join((FLEET, f"lease: {{{lease}, months: {months}}}", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def yearly(*lines, **more):
    project = evaluate(case(*lines, **more)).returns.project
    return project.cash.ebitda_usd[1:] / 1e9, project.flows.book_depreciation_usd[1:] / 1e9


def near(value, digits=2):
    return pytest.approx(value, abs=0.51 * 10**-digits)


def test_a_year_earns_5_01_billion_and_4_43_before_depreciation():
    result = evaluate(case())
    assert float(result.metrics["lease.run_rate_revenue_usd_per_yr"]) / 1e9 == near(5.0107, 4)
    assert float(result.metrics["lease.power_cost_usd_per_yr"]) / 1e9 == near(0.180, 3)
    assert float(result.metrics["lease.operations_cost_usd_per_yr"]) / 1e9 == near(0.3975, 4)
    ebitda, _ = yearly()
    assert ebitda == near(4.433, 3)
    assert ebitda[0] / 5.0107 == near(0.88)


def test_capital_is_7_95_billion_of_servers_and_3_3_of_a_data_centre():
    assert float(evaluate(case()).metrics["lease.capital_usd"]) == pytest.approx(7.95e9 + 3.3e9, rel=1e-12)


@LIVES
def test_the_life_of_servers_decides_what_is_earned(life, depreciation, ebit, at_90, break_even):
    book = f"depreciation: {{book_life_yr: {life}, data_centre_life_yr: 15}}"
    earned, written = yearly(book)
    assert written == near(depreciation)
    assert earned - written == near(ebit)
    billed, _ = yearly(book, lease=f"{CARD}, billed_share: 0.9")
    assert billed - written == near(at_90)
    # The rate at which nothing is earned
    rate = 2.60 - (earned[0] - written[0]) * 1e9 / HOURS
    assert rate == near(break_even)
    at_rate, _ = yearly(book, lease=f"rate_usd_per_gpu_h: {float(rate)!r}")
    assert at_rate - written == pytest.approx([0.0] * 3, abs=1e-9)


@LIVES
def test_the_ratio_after_depreciation_is_that_of_earnings(life, depreciation, ebit, at_90, break_even):
    del depreciation, at_90, break_even
    book = f"depreciation: {{book_life_yr: {life}, data_centre_life_yr: 15}}"
    metrics = evaluate(case(book, "finance: {loss_usd: 6e9}")).metrics
    assert float(metrics["hedge.ebit_share"]) * 6 == near(ebit)


@pytest.mark.parametrize(
    ("contains", "share", "ratio"),
    [
        ("power, operations", "gross_share", 0.835),
        ("power, operations", "contribution_share", 0.835),
        ("operations", "contribution_share", 0.805),
        ("", "contribution_share", 0.739),
    ],
)
def test_the_hedge_depends_on_what_the_loss_contains(contains, share, ratio):
    one = case(f"finance: {{loss_usd: 6e9, loss_contains: [{contains}]}}")
    result = evaluate(one)
    assert float(result.metrics[f"hedge.{share}"]) == near(ratio, 3)
    # And so in every year of the contract and over it
    assert result.hedge is not None
    years = hedge_by_year(one, result.returns, result.hedge.loss_usd_per_yr)
    assert years is not None
    np.testing.assert_allclose(getattr(years, share), ratio, atol=0.0006)


@pytest.mark.parametrize(
    ("loss", "ratio"), [("loss_usd: 6.4e9", 0.783), ("loss_usd: 2.5e9, loss_months: 3", 0.501)], ids=["year", "quarter"]
)
def test_the_hedge_of_the_operating_losses(loss, ratio):
    assert float(evaluate(case(f"finance: {{{loss}}}")).metrics["hedge.gross_share"]) == near(ratio, 3)


def test_billed_at_90_percent_the_hedge_is_0_752():
    result = evaluate(case("finance: {loss_usd: 6e9}", lease=f"{CARD}, billed_share: 0.9"))
    assert float(result.metrics["hedge.gross_share"]) == near(0.752, 3)


def test_an_almost_perfect_hedge_needs_3_11_an_hour():
    result = evaluate(case("finance: {loss_usd: 6e9}"))
    assert float(result.metrics["hedge.gross_cover_rate_usd_per_gpu_h"]) == pytest.approx(3.1133250311332503, rel=1e-12)


def test_30_000_gb200_in_the_place_of_20_000_earn_5_238_at_the_same_mean():
    text = FLEET.replace("count: 20000", "count: 30000") + "lease: {rate_usd_per_gpu_h: 2.6, months: 36}"
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    metrics = evaluate(lower(loaded.fleet, loaded.catalog)).metrics
    assert float(metrics["lease.run_rate_revenue_usd_per_yr"]) / 1e9 == near(5.238, 3)
