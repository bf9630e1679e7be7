"""The rate cards that ship: what each holds, that they agree with each other, and what their lint finds."""

import re
from typing import get_args

import pytest

from colocalc.card import Term
from colocalc.catalog import load_catalog
from colocalc.lint import lint_card

CATALOG = load_catalog()
CARDS = {name: CATALOG.card(name) for name in CATALOG.card_names()}
MARKET = CARDS["market-2026"]
MEAN = "lease.mean_rate_usd_per_gpu_h"
ROWS = [(name, rate) for name, card in CARDS.items() for rate in card.rates]

# What the lint finds in the cards that ship, each with the reason why it is left as it is.
TRUE_FINDINGS = {
    # The only capacity blocks known of these GPUs are those of November 2024.
    ("hyperscaler-list-2026", "h100-sxm", "stale"),
    ("hyperscaler-list-2026", "a100-sxm-40gb", "stale"),
    # An index of May, up 24% in March alone, over a list price read on 11 March; the GB200 has the B200's prices.
    ("market-2026", "b200-sxm", "spot"),
    ("market-2026", "gb200-nvl72", "spot"),
    # A fixing of 4 venues over the median of the lists of other providers.
    ("market-2026", "mi300x", "spot"),
    # TPU prices of December 2024 on a card of spring 2026: none newer is known.
    ("market-spot", "tpu-v5e", "stale"),
    ("market-spot", "tpu-v5p", "stale"),
}


def prices(name, term=None):
    """Value by GPU of the rates that hold in every region."""
    return {
        rate.gpu: rate.rate_usd_per_gpu_h.value
        for rate in CARDS[name].rates
        if rate.region is None and term in {None, rate.term}
    }


def told(colocalc, *arguments):
    run = colocalc("lease", "colossus-1", *arguments, "--format", "json")
    assert run.code == 0, run.err
    return run.metrics


# Every card


@pytest.mark.parametrize("name", CARDS)
def test_a_card_has_the_name_of_its_file_a_title_and_rates(name):
    card = CARDS[name]
    assert (card.name, bool(card.title), bool(card.rates or card.surfaces)) == (name, True, True)


@pytest.mark.parametrize(("name", "rate"), ROWS)
def test_a_price_has_a_gpu_by_id_a_term_a_month_and_a_source(name, rate):
    assert rate.gpu in CATALOG.gpus
    assert rate.term in get_args(Term)
    assert rate.as_of, "a price that ships says of which day or month it is: as_of"
    assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", rate.as_of)
    assert rate.as_of <= CARDS[name].as_of
    assert rate.rate_usd_per_gpu_h.source in CATALOG.sources, "stands in no row of catalog/sources.yaml"


@pytest.mark.parametrize(("name", "rate"), ROWS)
def test_a_source_is_not_older_than_the_price_it_tells(name, rate):
    # A source is of the price's own time or looks back at it.
    assert CATALOG.sources[rate.rate_usd_per_gpu_h.source].date[:7] >= rate.as_of[:7]


def test_prices_are_of_the_sources_of_their_day():
    by_source = {}
    for _, rate in ROWS:
        by_source.setdefault(rate.rate_usd_per_gpu_h.source, set()).add(rate.as_of)
    assert by_source["semianalysis-tco-2026-07"] == {"2026-07-31"}
    assert by_source["semianalysis-tco-2025-08"] == {"2025-08"}
    assert by_source["gpuhunt-tpu-2024-12"] == {"2024-12-23"}
    assert by_source["aws-blocks-2026-01"] == {"2026-01-03"}


@pytest.mark.parametrize("number", [17.85, 11.52, 3.686, 0.127])
def test_what_was_found_to_be_an_outlier_is_in_no_card(number):
    figures = [rate.rate_usd_per_gpu_h for _, rate in ROWS]
    assert number not in {value for figure in figures for value in (figure.value, figure.low, figure.high)}


@pytest.mark.parametrize("name", CARDS)
def test_bundled_cards_are_clean_but_for_what_is_true(name):
    findings = {(finding.card, finding.gpu, finding.kind) for finding in lint_card(CARDS[name], catalog=CATALOG)}
    assert findings == {finding for finding in TRUE_FINDINGS if finding[0] == name}


def test_true_findings_are_of_cards_that_ship():
    assert {name for name, _, _ in TRUE_FINDINGS} <= set(CARDS)


def test_tpu_prices_of_2024_are_stale_in_2026_and_were_not_then():
    card = CARDS["tpu-list-2024-12"]
    assert lint_card(card, catalog=CATALOG) == ()
    assert {finding.kind for finding in lint_card(card, catalog=CATALOG, as_of="2026-05-08")} == {"stale"}
    assert len(lint_card(card, catalog=CATALOG, as_of="2026-05-08")) == len(card.rates)


def test_rents_of_july_lie_in_the_future_of_a_fleet_of_may():
    findings = lint_card(CARDS["market-3yr"], catalog=CATALOG, as_of="2026-05-08")
    assert [(finding.gpu, finding.kind) for finding in findings] == [
        (gpu, "future") for gpu in prices("market-3yr") if gpu != "mi300x"
    ]


# What each holds


def test_three_year_rents_of_july_2026():
    assert prices("market-3yr") == {
        "h100-sxm": 2.00,
        "h200-sxm": 2.90,
        "b200-sxm": 3.70,
        "gb200-nvl72": 4.00,
        "b300-sxm": 4.25,
        "gb300-nvl72": 5.00,
        "mi300x": 1.55,
    }


def test_three_year_rents_of_august_2025():
    assert prices("market-3yr-2025-08") == {
        "h100-sxm": 1.30,
        "h200-sxm": 1.60,
        "b200-sxm": 2.90,
        "gb200-nvl72": 3.30,
        "b300-sxm": 3.48,
        "gb300-nvl72": 3.96,
        "mi300x": 1.55,
        "mi325x": 1.80,
        "mi355x": 2.10,
    }


def test_placeholders_of_2025_are_1_2_times_what_they_stand_for_and_say_so():
    rates = {rate.gpu: rate for rate in CARDS["market-3yr-2025-08"].rates}
    for gpu, of in (("b300-sxm", "b200-sxm"), ("gb300-nvl72", "gb200-nvl72")):
        assert rates[gpu].rate_usd_per_gpu_h.value == pytest.approx(1.2 * rates[of].rate_usd_per_gpu_h.value)
        assert "placeholder" in rates[gpu].note


def test_rents_for_three_years_rose_from_2025_to_2026():
    before, after = prices("market-3yr-2025-08"), prices("market-3yr")
    assert all(before[gpu] < after[gpu] for gpu in after if gpu != "mi300x")
    assert before["mi300x"] == after["mi300x"]  # the one price of 2025 on the card of 2026


def test_a_hyperscaler_owns_at_these_costs():
    assert prices("owning-cost-hyperscaler") == {
        "h100-sxm": 1.17,
        "h200-sxm": 1.22,
        "b200-sxm": 1.73,
        "gb200-nvl72": 1.86,
        "b300-sxm": 2.26,
        "gb300-nvl72": 2.31,
        "mi300x": 0.95,
        "mi325x": 1.10,
        "mi355x": 1.50,
        "tpu-v7": 1.03,
    }


def test_a_hyperscaler_owns_for_a_tenth_to_a_quarter_less_than_a_neocloud():
    neocloud, hyperscaler = prices("owning-cost"), prices("owning-cost-hyperscaler")
    ratios = [hyperscaler[gpu] / neocloud[gpu] for gpu in neocloud]
    assert (round(min(ratios), 3), round(max(ratios), 3)) == (0.755, 0.897)


def test_cards_of_costs_say_that_they_hold_no_rents():
    kinds = {name for name, card in CARDS.items() if card.kind == "owning-cost"}
    assert kinds == {"owning-cost", "owning-cost-hyperscaler"}
    assert all("not a price anybody pays" in CARDS[name].note for name in kinds)


def test_the_contract_index_is_of_the_h100_alone():
    assert prices("market-1yr") == {"h100-sxm": 2.65}


def test_tpu_v4_has_no_spot_price():
    assert {rate.term for rate in CARDS["tpu-list-2024-12"].rates if rate.gpu == "tpu-v4"} == {"on-demand"}


def test_capacity_blocks_are_those_of_eight_gpus():
    blocks = {(rate.gpu, rate.region): rate for rate in CARDS["hyperscaler-list-2026"].rates if rate.term == "1-month"}
    most = blocks["h200-sxm", None].rate_usd_per_gpu_h
    assert (most.value * 8, most.high * 8) == (pytest.approx(39.80), pytest.approx(41.61, abs=0.005))
    assert blocks["h200-sxm", "us-west-1"].rate_usd_per_gpu_h.value * 8 == pytest.approx(49.75, abs=0.02)
    assert all("capacity block" in rate.note for rate in blocks.values())


def test_aws_cut_its_price_by_44_percent():
    (aws,) = [rate for rate in CARDS["hyperscaler-list-2026"].rates if (rate.gpu, rate.region) == ("h100-sxm", "us")]
    assert aws.rate_usd_per_gpu_h.value == pytest.approx(12.29 * 0.56, abs=0.005)


@pytest.mark.parametrize("name", ["market-on-demand-2026", "hyperscaler-list-2026"])
def test_the_middle_of_a_range_is_its_middle(name):
    for rate in CARDS[name].rates:
        if "middle of the range" in (rate.note or ""):
            figure = rate.rate_usd_per_gpu_h
            assert figure.value == pytest.approx((figure.low + figure.high) / 2)


@pytest.mark.parametrize("name", ["market-spot", "market-on-demand-2026", "market-2026"])
def test_the_prices_of_the_b200_that_stand_in_for_the_gb200_say_so(name):
    rates = {(rate.gpu, rate.term): rate for rate in CARDS[name].rates if rate.region is None}
    stand_ins = [rate for (gpu, _), rate in rates.items() if gpu == "gb200-nvl72" and "stands in" in (rate.note or "")]
    assert stand_ins
    for rate in stand_ins:
        assert rate.rate_usd_per_gpu_h == rates["b200-sxm", rate.term].rate_usd_per_gpu_h


def test_prices_of_one_provider_do_not_move_the_spot_indices():
    assert prices("market-spot") == {
        "h100-sxm": 2.60,
        "h200-sxm": 3.41,
        "a100-sxm-40gb": 0.2524,
        "b200-sxm": 5.30,
        "gb200-nvl72": 5.30,
        "mi300x": 2.94,
    }
    regional = [rate for rate in CARDS["market-spot"].rates if rate.region and not rate.gpu.startswith("tpu")]
    assert all(rate.note.startswith("one provider") for rate in regional)


# The card of several terms


@pytest.mark.parametrize(("term", "name"), [("on-demand", "market-on-demand-2026"), ("1-year", "market-1yr")])
def test_a_term_of_the_market_is_the_card_of_that_term(term, name):
    on_card = {rate.gpu: rate.rate_usd_per_gpu_h for rate in CARDS[name].rates}
    assert {rate.gpu: rate.rate_usd_per_gpu_h for rate in MARKET.rates if rate.term == term} == on_card


def test_three_years_of_the_market_are_those_of_july_2026_and_two_more():
    rents = {gpu: usd for gpu, usd in prices("market-3yr").items() if gpu != "mi300x"}
    assert prices("market-2026", "3-year") == rents | {"mi355x": 2.90, "tpu-v7": 2.00}


def test_spot_of_the_market_is_the_spot_card_but_for_a_newer_h100():
    newer, older = prices("market-2026", "spot"), prices("market-spot")
    assert {gpu for gpu in newer if newer[gpu] != older[gpu]} == {"h100-sxm"}
    assert (newer["h100-sxm"], older["h100-sxm"]) == (2.42, 2.60)


def test_every_price_of_the_market_says_what_kind_of_evidence_it_is():
    words = ("list", "index", "fixing", "print", "model", "one provider", "stands in")
    assert not [rate for rate in MARKET.rates if not any(word in (rate.note or "") for word in words)]


def test_every_price_of_the_market_is_of_2026_and_of_no_region():
    assert {rate.as_of[:4] for rate in MARKET.rates} == {"2026"}
    assert {rate.region for rate in MARKET.rates} == {None}


@pytest.mark.parametrize("gpu", ["h100-sxm", "h200-sxm", "b200-sxm", "gb200-nvl72"])
def test_the_market_has_spot_on_demand_and_three_years_of(gpu):
    assert {"spot", "on-demand", "3-year"} <= {rate.term for rate in MARKET.rates if rate.gpu == gpu}


# Colossus 1 on them: 150,000 H100, 50,000 H200 and 20,000 GB200


@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("market-3yr", 2.3864),  # (15 x 2.00 + 5 x 2.90 + 2 x 4.00) / 22
        ("market-3yr-2025-08", 1.5500),
        ("owning-cost", 1.6236),
        ("owning-cost-hyperscaler", 1.2441),
        ("market-spot", 3.0295),
        ("market-on-demand-2026", 3.3977),
        ("story-2026-05", 2.6000),
    ],
)
def test_the_mean_rate_of_colossus_1(colocalc, name, mean):
    assert told(colocalc, "--rate-card", name)[MEAN] == pytest.approx(mean, abs=5e-5)


@pytest.mark.parametrize(("term", "mean"), [("spot", 2.9068), ("on-demand", 3.3977), ("3-year", 2.3864)])
def test_the_term_chooses_on_the_card_of_the_market(colocalc, term, mean):
    metrics = told(colocalc, "--rate-card", "market-2026", "--set", f"lease.term={term}")
    assert metrics[MEAN] == pytest.approx(mean, abs=5e-5)


def test_a_term_without_an_observation_is_refused_by_name(colocalc):
    run = colocalc("lease", "colossus-1", "--rate-card", "market-2026", "--set", "lease.term=1-year")
    assert run.code == 3
    assert "card market-2026 has no 1-year rate for h200-sxm" in run.err
    assert "it has 3-year, on-demand, spot for it" in run.err
