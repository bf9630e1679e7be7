"""Rate cards at work: volume tiers, prices by term and prepayment, and prices in time, from the file to the report."""

import numpy as np
import pytest

from colocalc.case import lower, numbers
from colocalc.case.plane import Span, bent, plane
from colocalc.case.stack import stacked
from colocalc.catalog import load_catalog
from colocalc.lint import lint_card
from colocalc.loading import load_fleet
from colocalc.report import views
from colocalc.report.views.model import workbook
from colocalc.study.deal import evaluate_deal
from colocalc.study.evaluate import evaluate
from colocalc.study.explain import explain
from colocalc.study.prices import price_steps
from colocalc.variants import Variants

CATALOG = load_catalog()
REVENUE = "lease.run_rate_revenue_usd_per_yr"
CARD = """
cards:
  c:
    as_of: 2026-06
    currency: usd
    rates:
      - gpu: H100
        term: 1-year
        rate_usd_per_gpu_h: {value: 3, low: 2.5, high: 3.5}
        tiers:
          - {from_gpu_count: 1_000, rate_usd_per_gpu_h: {value: 2.5, low: 2, high: 2.75}}
          - {from_gpu_count: 2_000, discount_share: {value: 0.25, low: 0.2, high: 0.3}}
        points: [{date: 2026-01, rate_usd_per_gpu_h: 4, kind: observed}, {date: 2028-06, rate_usd_per_gpu_h: 1, kind: quoted}]
      - {gpu: H200, term: 1-year, rate_usd_per_gpu_h: 4, points: [{date: 2028-06, rate_usd_per_gpu_h: 4, kind: quoted}]}
      - {gpu: H100, term: spot, rate_usd_per_gpu_h: 2}
      - {gpu: H100, term: 3-year, rate_usd_per_gpu_h: 2}
    surfaces:
      - gpu: B300
        ceiling_usd_per_gpu_h: {value: 6, low: 5}
        floor_usd_per_gpu_h: 4
        term_weight_share: 0.5
        prepay_weight_share: 0.5
        term_from_months: 12
        term_to_months: 60
        prepay_from_share: 0.1
        prepay_to_share: 0.2
        extra_discount_share: 0.08
"""


def pools(*counts, gpu="h100-sxm"):
    return ", ".join(f"{{name: p{place}, gpu: {gpu}, count: {count}}}" for place, count in enumerate(counts))


def fleet(lease, listed, card=CARD):
    text = (
        f"name: one\npools: [{listed}]\nsite: {{facility_power_mw: 1, energy_price_usd_per_mwh: 50}}\n{lease}\n{card}"
    )
    return Variants("-", CATALOG, stdin=text.encode())


def leased(terms, listed):
    return fleet(f"lease: {{rate_card: c, {terms}}}", listed)


def rates(found):
    return found.case.lease.rate_usd_per_gpu_h


def said(found):
    return [remark.text for remark in found.case.remarks]


# Volume tiers


@pytest.mark.parametrize(("count", "rate"), [(999, 3.0), (1_000, 2.5), (1_999, 2.5), (2_000, 2.25), (400_000, 2.25)])
def test_a_tier_holds_from_its_count_on(count, rate):
    assert rates(leased("term: 1-year", pools(count))) == pytest.approx(rate)


def test_volume_is_that_of_a_gpu_type_over_all_pools_of_the_contract():
    found = leased("term: 1-year", f"{pools(600, 600)}, {{gpu: h200-sxm, count: 5_000}}")
    np.testing.assert_array_equal(rates(found), [2.5, 2.5, 4.0])
    assert "1,200 h100-sxm under lease: volume tier of card c from 1,000 GPUs" in said(found)


def test_each_contract_has_its_own_volume():
    terms = "rate_card: c, term: 1-year"
    found = fleet(
        f"contracts: [{{name: x, pools: [p0], {terms}}}, {{name: y, pools: [p1], {terms}}}]", pools(999, 1_000)
    )
    np.testing.assert_array_equal(rates(found), [3.0, 2.5])
    assert "999 h100-sxm under contracts.x: below the first volume tier of card c, from 1,000" in said(found)


def test_superchips_count_as_the_gpus_they_hold():
    card = CARD.replace("gpu: H100", "gpu: GB200").replace("term: 1-year", "term: 1-year", 1)
    listed = "{gpu: gb200-nvl72, count: 500, counted_as: superchip}"
    assert rates(fleet("lease: {rate_card: c, term: 1-year}", listed, card)) == pytest.approx(2.5)


def test_the_tier_taken_is_an_assumption_with_its_source_and_date():
    rows = {row.path: row for row in leased("term: 1-year", pools(1_000)).case.assumptions}
    row = rows["cards.c.h100-sxm.tiers.1000.rate_usd_per_gpu_h"]
    assert (row.value, row.low, row.origin, row.note) == (2.5, 2.0, "given", "1-year, from 1,000 GPUs, as of 2026-06")
    assert "cards.c.h100-sxm.rate_usd_per_gpu_h" not in rows


def test_a_count_that_passes_a_tier_is_bent_and_one_that_does_not_is_straight():
    found = leased("term: 1-year", pools(1_500))

    def over(low, high):
        return bent(found.at_once, [Span("pools.p0.count", 1_500.0, low, high)])

    assert over(1_100.0, 1_900.0) == frozenset()
    assert over(900.0, 1_900.0) == over(1_400.0, 2_000.0) == {"pools.p0.count"}


def test_scenarios_on_both_sides_of_a_tier_are_alone_what_they_are_among_many():
    found = leased("term: 1-year, months: 36, market: {rate_card: c, path: terms, months: 6}", pools(1_500))
    values = [{"pools.p0.count": count} for count in (900.0, 1_500.0, 2_500.0)]
    many = evaluate(stacked([found.at_once(one) for one in values])).metrics
    for place, one in enumerate(values):
        alone = evaluate(found.at_once(one)).metrics
        np.testing.assert_allclose(many[REVENUE][place], alone[REVENUE], rtol=1e-12)
        np.testing.assert_allclose(many["lease.contract_revenue_usd"][place], alone["lease.contract_revenue_usd"])
    assert many[REVENUE] == pytest.approx([900 * 3 * 8_760, 1_500 * 2.5 * 8_760, 2_500 * 2.25 * 8_760])


def test_scenarios_of_a_discount_lie_on_a_plane():
    found = leased("term: 1-year", pools(2_500))
    keys = ("cards.c.h100-sxm.rate_usd_per_gpu_h", "cards.c.h100-sxm.tiers.2000.discount_share")
    spans = [Span(key, float(row.value), row.low, row.high) for key in keys for row in [numbers(found.case)[key]]]
    assert bent(found.at_once, spans) == frozenset()
    many = plane(found.at_once, spans).at(np.array([[2.5, 0.3], [3.5, 0.2]]))
    np.testing.assert_allclose(many.lease.rate_usd_per_gpu_h[:, 0], [2.5 * 0.7, 3.5 * 0.8])


# Prices by term and prepayment


@pytest.mark.parametrize(
    ("terms", "rate"),
    [
        ("months: 36, prepayment: {revenue_share: 0.15}", 6 - 2 * (0.5 * 0.5 + 0.5 * 0.5)),
        ("months: 60, prepayment: {revenue_share: 0.2}", 4.0),
        ("months: 60, prepayment: {revenue_share: 1}", 4 * 0.92),
        ("months: 60, prepayment: {revenue_share: 0.4}", 4 * 0.96),
        ("months: 6", 6.0),
        ("term: 5-year", 5.0),
        ("term: on-demand, prepayment: {revenue_share: 0.2}", 5.0),
    ],
)
def test_a_contract_is_priced_by_its_term_and_its_prepayment(terms, rate):
    assert rates(leased(terms, "{gpu: b300-sxm, count: 8}")) == pytest.approx(rate)


def test_a_surface_takes_a_prepayment_and_leaves_other_contracts_their_rate():
    card = CARD.replace("- {gpu: H200,", "- {gpu: B300, term: 1-year, rate_usd_per_gpu_h: 5.5}\n      - {gpu: H200,")
    for terms, rate in (("term: 1-year", 5.5), ("term: 1-year, prepayment: {revenue_share: 0.2}", 5.0)):
        found = fleet(f"lease: {{rate_card: c, {terms}}}", "{gpu: b300-sxm, count: 8}", card)
        assert rates(found) == pytest.approx(rate)


def test_the_parts_of_a_surface_are_assumptions():
    found = leased("months: 36, prepayment: {revenue_share: 0.15}", "{gpu: b300-sxm, count: 8}")
    paths = {row.path for row in found.case.assumptions}
    assert {f"cards.c.b300-sxm.surface.{key}" for key in ("ceiling_usd_per_gpu_h", "term_to_months")} <= paths
    assert found.at("lease.prepayment.revenue_share", 0.2).lease.rate_usd_per_gpu_h == pytest.approx(4.5)
    assert found.at("lease.months", 60.0).lease.rate_usd_per_gpu_h == pytest.approx(4.5)


def test_the_surface_that_ships_gives_the_two_prices_its_vendor_publishes():
    for share, rate in ((0.2, 3.25), (1.0, 3.055)):
        terms = f"rate_card: iforels-2026, months: 60, prepayment: {{revenue_share: {share}}}"
        assert rates(fleet(f"lease: {{{terms}}}", "{gpu: b300-sxm, count: 8}", "")) == pytest.approx(rate)


# Prices in time


def test_a_repriced_rate_follows_the_points_and_keeps_its_discount():
    # 3 in June 2026 falls to 1 in June 2028: a year later 2, two thirds of what it was but for a day in 24 months.
    found = leased(
        "term: 1-year, start: 2026-06-01, months: 36, repricing: {every_months: 12, path: points}", pools(2_500)
    )
    course = evaluate_deal(found.case)
    hourly = course.pool_revenue_usd[0] / course.pool_billed_gpu_h[0]
    np.testing.assert_allclose(hourly[:12], 2.25)
    np.testing.assert_allclose(hourly[12:24], 2.25 * 2 / 3)
    np.testing.assert_allclose(hourly[24:], 2.25 / 3)


def test_a_repricing_in_the_middle_of_a_month_counts_for_its_rest():
    found = leased(
        "term: 1-year, start: 2026-06-16, months: 36, repricing: {every_months: 12, path: points}", pools(10)
    )
    course = evaluate_deal(found.case)
    hourly = course.pool_revenue_usd[0] / course.pool_billed_gpu_h[0]
    assert hourly[12] == pytest.approx((hourly[11] + hourly[13]) / 2)


def test_the_market_pays_the_price_of_each_month():
    market = "market: {rate_card: c, term: 1-year, path: points, months: 14}"
    found = leased(f"term: 1-year, start: 2026-06-01, months: 12, {market}", pools(10))
    course = evaluate_deal(found.case)
    paid = course.pool_market_usd[0][12:] / (10 * course.month_h[12:])
    np.testing.assert_allclose(paid[:12], 2 - (np.arange(12) + 0.5) / 12)
    np.testing.assert_allclose(paid[12:], 1.0)


def test_the_market_pays_what_the_terms_imply():
    # Spot 2, a year 3, three years 2: eleven months at 34/11, then 24 at 36/24.
    found = leased("term: 1-year, months: 6, market: {rate_card: c, path: terms, months: 36}", pools(10))
    course = evaluate_deal(found.case)
    paid = course.pool_market_usd[0][6:] / (10 * course.month_h[6:])
    np.testing.assert_allclose(paid[:6], 34 / 11)
    np.testing.assert_allclose(paid[6:], 36 / 24)


def test_prices_that_move_are_told_with_the_month_they_move_in():
    market = "market: {rate_card: c, path: terms, months: 13}"
    terms = f"term: 1-year, start: 2026-06-01, months: 24, repricing: {{every_months: 12, path: points}}, {market}"
    steps = price_steps(leased(terms, pools(10)).case)
    assert [(step.who, step.calendar_month - 2026 * 12 - 5) for step in steps] == [
        ("contract", 0),
        ("contract", 12),
        ("market", 24),
        ("market", 36),
    ]
    assert [step.usd_per_gpu_h for step in steps] == pytest.approx([3.0, 2.0, 1.5, 1.5])


def test_a_rate_with_a_range_moves_what_follows_it():
    terms = "term: 1-year, start: 2026-06-01, months: 24, repricing: {every_months: 12, path: points}"
    found = leased(terms, pools(10))
    dear = found.at("cards.c.h100-sxm.rate_usd_per_gpu_h", 3.5)
    assert [step.usd_per_gpu_h for step in price_steps(dear)] == pytest.approx([3.5, 2.25])


# What is said of it


EVERYTHING = leased(
    "term: 1-year, start: 2026-06-01, months: 24, prepayment: {revenue_share: 0.15}, "
    "repricing: {every_months: 12, path: points, rate_card: d}, "
    "market: {rate_card: d, term: 1-year, path: points, months: 6}",
    f"{pools(2_500)}, {{gpu: b300-sxm, count: 8}}",
)
SECOND = CARD.split("    rates:\n", 1)[0].replace("cards:\n  c:", "  d:") + (
    "    rates:\n"
    "      - {gpu: H100, term: 1-year, rate_usd_per_gpu_h: 3, points: [{date: 2028-06, rate_usd_per_gpu_h: 1, kind: quoted}]}\n"
    "      - {gpu: B300, term: 1-year, rate_usd_per_gpu_h: 5, points: [{date: 2028-06, rate_usd_per_gpu_h: 6, kind: quoted}]}\n"
)


@pytest.fixture(scope="module")
def everything():
    text = EVERYTHING.stdin.decode() + SECOND.lstrip("\n")
    found = Variants("-", CATALOG, stdin=text.encode())
    return found, evaluate(found.case)


@pytest.mark.parametrize("metric", [REVENUE, "pools.p0.lease.mean_rate_usd_per_gpu_h", "lease.mean_rate_usd_per_gpu_h"])
def test_an_explained_rate_is_computed_from_its_parts(everything, metric):
    found, result = everything
    formula = explain(metric, found.case, result).formula
    values = {term.symbol: term.value for term in formula.terms}
    assert eval(formula.exact, {"__builtins__": {}}, values) == pytest.approx(float(result.metrics[metric]))  # noqa: S307
    paths = {path for term in explain(REVENUE, found.case, result).formula.terms for path in term.paths}
    assert {"cards.c.h100-sxm.tiers.2000.discount_share", "cards.c.b300-sxm.surface.floor_usd_per_gpu_h"} <= paths


def test_a_workbook_computes_what_the_report_says(everything):
    found, result = everything
    report = views.lease(found.case, result, found.loaded.catalog)
    cells = workbook(found.case, result, found.loaded.catalog, report).metrics
    for metric in (REVENUE, "lease.contract_revenue_usd", "lease.firm_value_usd"):
        assert cells[metric].value == pytest.approx(float(result.metrics[metric])), metric


def test_a_report_shows_the_card_asked_for_and_the_prices_that_move(everything):
    found, result = everything
    report = views.lease(found.case, result, found.loaded.catalog, cards=["c"])
    keys = [table.key for table in report.tables]
    assert {"rate_card", "volume_tiers", "price_points", "surfaces", "surface_parts", "prices"} <= set(keys)
    (grid,) = (table for table in report.tables if table.key == "surfaces")
    assert grid.rows[2] == ("b300-sxm", 0.2, 5.0, 5.0, 4.5, 4.0)


def card_of(text):
    loaded = load_fleet("-", catalog=CATALOG, stdin=fleet("", pools(8), text).stdin)
    return lint_card(loaded.catalog.card("c"), catalog=CATALOG)


def test_lint_looks_at_tiers_points_and_surfaces():
    card = (
        CARD.replace("rate_usd_per_gpu_h: {value: 2.5, low: 2, high: 2.75}", "rate_usd_per_gpu_h: 300")
        .replace("date: 2026-01, rate_usd_per_gpu_h: 4", "date: 2027-01, rate_usd_per_gpu_h: 4")
        .replace("floor_usd_per_gpu_h: 4", "floor_usd_per_gpu_h: 0.01")
        .replace("rate_usd_per_gpu_h: 1, kind", "rate_usd_per_gpu_h: 1_800, kind")
    )
    found = {(one.path, one.kind) for one in card_of(card)}
    assert ("rates.0.tiers.0", "tier") in found
    assert ("rates.0.tiers.0", "band") in found
    assert ("rates.0.points.0", "future") in found
    assert ("rates.0.points.1", "unit") in found
    assert ("surfaces.0.floor_usd_per_gpu_h", "band") in found


def test_a_sound_card_has_no_findings_of_its_tiers_points_and_surfaces():
    assert not [one for one in card_of(CARD) if one.path.count(".") > 1 or one.path.startswith("surfaces")]


# Regions and terms


def test_a_region_without_prices_of_its_own_takes_those_of_any_region_and_says_so():
    found = fleet("lease: {rate_card: market-spot, term: spot, region: eu-north1}", pools(8), "")
    assert rates(found) == pytest.approx(2.60)
    assert any("no price of h100-sxm in eu-north1: that of any region is used" in text for text in said(found))


def test_a_card_with_one_term_prices_any_lease():
    found = fleet("lease: {rate_card: market-1yr, term: 5-year}", pools(8), "")
    assert rates(found) == pytest.approx(2.65)
    assert "card market-1yr has one term, 1-year: it is used for the lease's 5-year" in said(found)


def test_lowering_alone_refuses_a_gpu_without_a_rate_by_pool_and_sku():
    loaded = load_fleet("-", catalog=CATALOG, stdin=fleet("", pools(8), "").stdin)
    lease = loaded.fleet.model_validate(
        {"name": "x", "pools": [{"gpu": "mi300x", "count": 1}], "lease": {"rate_card": "market-1yr"}}
    )
    with pytest.raises(Exception, match="pool mi300x: card market-1yr has no on-demand rate for mi300x"):
        lower(lease, CATALOG)


def test_contracts_at_two_terms_of_a_card_have_numbers_of_their_own():
    text = "contracts: [{name: x, pools: [p0], rate_card: c, term: 1-year}, {name: y, pools: [p1], rate_card: c, term: %s}]"
    found = fleet(text % "3-year", pools(10, 10))
    np.testing.assert_array_equal(rates(found), [3.0, 2.0])
    values = {row.path: row.value for row in found.case.assumptions}
    assert values["cards.c.h100-sxm.1-year.rate_usd_per_gpu_h"] == 3.0
    assert values["cards.c.h100-sxm.3-year.rate_usd_per_gpu_h"] == 2.0
    dear = found.at("cards.c.h100-sxm.1-year.rate_usd_per_gpu_h", 5.0)
    np.testing.assert_array_equal(dear.lease.rate_usd_per_gpu_h, [5.0, 2.0])
    alike = fleet(text % "1-year", pools(10, 10))
    assert "cards.c.h100-sxm.rate_usd_per_gpu_h" in {row.path for row in alike.case.assumptions}
