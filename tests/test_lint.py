"""The lint of rate cards: each kind of finding by hand-worked numbers, and what it leaves alone."""

import pytest

from colocalc.additions import with_additions
from colocalc.card import RateCard
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.fleet import Fleet
from colocalc.lint import Band, CardFinding, known_bands, lint_card, lint_cards

CATALOG = load_catalog()
BANDS = known_bands(CATALOG)
RENTS = "the bundled rents of gb200-nvl72 with a factor of 1.5 to either side"


def rate(gpu="h100-sxm", usd=2.50, term="on-demand", **rest):
    return {"gpu": gpu, "term": term, "rate_usd_per_gpu_h": usd, **rest}


def card(*rates, **changes):
    return RateCard.model_validate(
        {"name": "mine", "as_of": "2026-05-31", "currency": "usd", "rates": list(rates)} | changes
    )


def found(*rates, as_of=None, **changes):
    """Path, kind and message of each finding."""
    findings = lint_card(card(*rates, **changes), catalog=CATALOG, as_of=as_of, bands=BANDS)
    return [(finding.path, finding.kind, finding.message) for finding in findings]


def kinds(*rates, **changes):
    return [kind for _, kind, _ in found(*rates, **changes)]


def fleet(**blocks):
    return Fleet.model_validate({"name": "x", "pools": [{"gpu": "h100-sxm", "count": 8}], **blocks})


def own(*rates, **changes):
    return {"as_of": "2026-05-31", "currency": "usd", "rates": list(rates)} | changes


def told(**blocks):
    """Card, path and kind of each finding of a fleet."""
    one = fleet(**blocks)
    return [(finding.card, finding.path, finding.kind) for finding in lint_cards(one, with_additions(CATALOG, one, {}))]


def test_a_card_without_rates_has_nothing_to_find():
    assert found() == []


def test_plain_prices_are_left_alone():
    assert found(rate(), rate("H200", 3.00), rate("gb200-nvl72", 4.00, "3-year"), rate("MI300X", 2.00, "1-year")) == []


def test_a_finding_says_where_it_stands_and_what_it_is_about():
    (finding,) = lint_card(card(rate(), rate("GB200", 6.20)), catalog=CATALOG)
    assert finding == CardFinding(
        card="mine",
        path="rates.1",
        gpu="gb200-nvl72",
        kind="unit",
        message="$6.20/GPU-h looks like a rate per superchip of 2: per GPU it would be $3.10/GPU-h",
    )


def test_findings_come_in_the_order_of_the_card_whatever_their_kind():
    paths = [
        path for path, _, _ in found(*[rate(usd=2, as_of="2024-01", region=f"r{n}") for n in range(11)], rate("zz"))
    ]
    assert paths == [f"rates.{n}" for n in range(12)]


# Units


@pytest.mark.parametrize(
    ("gpu", "usd", "words"),
    [
        ("gb200-nvl72", 223.2, "rack of 72: per GPU it would be $3.10/GPU-h"),
        ("gb200-nvl72", 6.20, "superchip of 2: per GPU it would be $3.10/GPU-h"),
        ("gb200-nvl72", 17.85, "node of 4: per GPU it would be $4.46/GPU-h"),  # the average list price of 2026
        ("gb200-nvl72", 11.46, "superchip of 2: per GPU it would be $5.73/GPU-h"),  # a contract of June 2026
        ("gb300-nvl72", 324.0, "rack of 72: per GPU it would be $4.50/GPU-h"),
        ("h100-sxm", 98.32 / 2, "node of 8: per GPU it would be $6.14/GPU-h"),
        ("h100-sxm", 20.8, "node of 8: per GPU it would be $2.60/GPU-h"),
        ("b200-sxm", 44.0, "node of 8: per GPU it would be $5.50/GPU-h"),
        ("mi300x", 16.0, "node of 8: per GPU it would be $2.00/GPU-h"),
        ("tpu-v5p", 16.0, "node of 4: per GPU it would be $4.00/GPU-h"),
        ("h100-sxm", 1_898.0, "month: per hour it would be $2.60/GPU-h"),
        ("h100-sxm", 22_776.0, "year: per hour it would be $2.60/GPU-h"),
    ],
)
def test_a_price_of_something_else_says_what_it_would_be_per_gpu_and_hour(gpu, usd, words):
    ((_, _, message),) = [one for one in found(rate(gpu, usd)) if one[1] == "unit"]
    assert message.endswith(f"/GPU-h looks like a rate per {words}")


def test_a_rack_hour_is_a_slip_and_out_of_the_band():
    # Known prices of a GB200 run from 3.30 to 6.00; with a factor of 1.5, from 2.20 to 9.00.
    assert found(rate("GB200 NVL72", 223.2)) == [
        (
            "rates.0",
            "band",
            "$223.20/GPU-h is outside $2.20/GPU-h to $9.00/GPU-h, " + RENTS,
        ),
        ("rates.0", "unit", "$223.20/GPU-h looks like a rate per rack of 72: per GPU it would be $3.10/GPU-h"),
    ]


def test_a_superchip_hour_may_lie_inside_the_band():
    assert kinds(rate("gb200-nvl72", 6.20)) == ["unit"]


def test_the_dearest_known_price_is_no_slip():
    dearest = BANDS["rent", "gb200-nvl72"].high_usd_per_gpu_h
    assert dearest == 6.00
    assert found(rate("gb200-nvl72", dearest)) == []
    assert kinds(rate("gb200-nvl72", dearest + 0.01)) == ["unit"]


def test_a_gpu_that_comes_as_no_superchip_has_no_price_of_one():
    # Twice and four times what a B200 rents for: its node holds eight
    assert kinds(rate("b200-sxm", 6.20)) == []
    assert kinds(rate("b200-sxm", 12.0)) == ["band"]


@pytest.mark.parametrize("usd", [50_000, 60_000, 70_000])
def test_what_a_page_said_of_a_rack_hour_is_out_of_every_band(usd):
    assert "band" in kinds(rate("gb200-nvl72", usd))
    assert "band" in kinds(rate("gb200-nvl72", usd / 72))


@pytest.mark.parametrize("usd", [100.0, 0.01])
def test_what_fits_no_unit_is_only_out_of_the_band(usd):
    assert kinds(rate("h100-sxm", usd)) == ["band"]


# Bands


def test_bands_run_from_the_lowest_low_to_the_highest_high_of_the_bundled_rents():
    assert BANDS["rent", "h100-sxm"] == Band(1.30, 6.88)  # three years in August 2025; AWS p5 on demand
    assert BANDS["rent", "gb200-nvl72"] == Band(3.30, 6.00)
    assert BANDS["rent", "mi300x"] == Band(1.50, 6.00)
    assert BANDS["rent", "tpu-v5p"] == Band(2.10, 4.20)


def test_owning_costs_have_bands_of_their_own():
    assert BANDS["owning-cost", "h100-sxm"] == Band(1.17, 1.55)
    assert BANDS["owning-cost", "gb200-nvl72"] == Band(1.86, 2.26)


def test_a_cost_is_no_rent_and_a_rent_is_no_cost():
    assert kinds(rate("gb200-nvl72", 1.86)) == ["band"]
    assert kinds(rate("gb200-nvl72", 1.86), kind="owning-cost") == []
    assert kinds(rate("gb200-nvl72", 3.30)) == []
    assert found(rate("gb200-nvl72", 3.60), kind="owning-cost")[0][2] == (
        "$3.60/GPU-h is outside $1.24/GPU-h to $3.39/GPU-h, the bundled owning costs of gb200-nvl72"
        " with a factor of 1.5 to either side"
    )


@pytest.mark.parametrize(
    ("gpu", "usd"),
    [("h100-sxm", 11.52), ("gb200-nvl72", 17.85), ("gb200-nvl72", 694.44), ("h100-sxm", 0.86), ("h200-sxm", 10.51)],
)
def test_outliers_are_out_of_their_band(gpu, usd):
    assert "band" in kinds(rate(gpu, usd))


@pytest.mark.parametrize(("gpu", "usd"), [("h100-sxm", 0.87), ("h100-sxm", 10.31), ("h200-sxm", 10.50)])
def test_a_band_is_widened_by_half_to_either_side(gpu, usd):
    # 1.30 / 1.5 = 0.867; 6.88 x 1.5 = 10.32; 7.00 x 1.5 = 10.50
    assert "band" not in kinds(rate(gpu, usd))


@pytest.mark.parametrize(("usd", "times"), [(1.0, 2.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0), (6.0, 1.5)])
def test_how_far_a_price_is_outside_a_band(usd, times):
    assert Band(2.0, 4.0).outside_factor(usd) == times


def test_a_gpu_without_a_bundled_price_has_no_band():
    assert ("rent", "b100") not in BANDS
    assert kinds(rate("b100", 5_000.0)) == []


# Rates that are none, and ranges that say nothing


def test_a_rate_of_zero_is_told_once():
    assert found(rate(usd=0)) == [
        ("rates.0", "zero", "a rate of zero: nobody rents for nothing; leave out a price that is not known")
    ]


@pytest.mark.parametrize(
    ("figure", "wide"),
    [
        ({"value": 2, "low": 1, "high": 5}, False),
        ({"value": 2, "low": 1, "high": 5.1}, True),
        ({"value": 1, "high": 5.1}, True),
        ({"value": 5.1, "low": 1}, True),
        ({"value": 5, "low": 1}, False),
        ({"value": 2, "low": 0}, True),
        ({"value": 2, "low": 2, "high": 2}, False),
        (2, False),
    ],
)
def test_a_range_wider_than_a_factor_of_five_is_wide(figure, wide):
    assert kinds(rate(usd=figure)) == ["width"] * wide


def test_a_wide_range_says_both_ends():
    assert found(rate(usd={"value": 2, "low": 1, "high": 6}))[0][2] == (
        "from $1.00/GPU-h to $6.00/GPU-h is more than a factor of 5"
    )


# Spot and terms


def test_spot_above_on_demand_is_told_with_both_numbers():
    assert found(rate(usd=2.00), rate(usd=2.10, term="spot")) == [
        ("rates.1", "spot", "spot at $2.10/GPU-h is dearer than on-demand at $2.00/GPU-h")
    ]


@pytest.mark.parametrize("spot", [1.90, 2.00])
def test_spot_below_or_at_on_demand_is_fine(spot):
    assert found(rate(usd=2.00), rate(usd=spot, term="spot")) == []


def test_the_mistake_in_a_maintained_file_of_tpu_prices_is_found():
    prices = (rate("tpu-v4", 3.22, region="us-central2"), rate("tpu-v4", 3.686, "spot", region="us-central2"))
    assert found(*prices) == [
        ("rates.1", "spot", "spot at $3.69/GPU-h is dearer than on-demand at $3.22/GPU-h"),
    ]


def test_a_longer_term_dearer_than_a_shorter_one_is_told_with_both_numbers():
    assert found(rate(usd=2.35, term="1-year"), rate(usd=2.00)) == [
        (
            "rates.0",
            "term",
            "1-year at $2.35/GPU-h is dearer than on-demand at $2.00/GPU-h; curves do invert in a shortage, as in 2026",
        )
    ]


def test_each_term_is_weighed_against_the_next_shorter_one_the_card_has():
    curve = [("on-demand", 3.0), ("1-month", 2.5), ("2-year", 2.6), ("3-year", 2.0), ("5-year", 2.1)]
    assert [path for path, kind, _ in found(*[rate(usd=usd, term=term) for term, usd in curve]) if kind == "term"] == [
        "rates.2",
        "rates.4",
    ]


def test_a_falling_or_flat_curve_is_fine_in_any_order():
    curve = [("5-year", 1.5), ("on-demand", 3.0), ("1-year", 2.5), ("3-year", 1.5), ("spot", 1.4)]
    assert found(*[rate(usd=usd, term=term) for term, usd in curve]) == []


def test_a_commitment_dearer_than_spot_is_fine():
    # June 2026: 2.42 on the spot market, 2.65 for a year
    assert found(rate(usd=2.42, term="spot"), rate(usd=2.65, term="1-year")) == []


def test_regions_and_gpus_have_curves_of_their_own():
    assert (
        found(
            rate(usd=2.0, region="us"),
            rate(usd=2.5, term="spot", region="eu"),
            rate(usd=2.5, term="1-year"),
            rate("h200-sxm", 3.0, "3-year"),
        )
        == []
    )


def test_names_of_one_gpu_have_one_curve():
    assert kinds(rate("H100", 2.0), rate("h100-sxm", 2.5, "3-year")) == ["term"]


def test_owning_costs_have_no_terms():
    assert kinds(rate(usd=1.2), rate(usd=1.4, term="3-year"), rate(usd=1.5, term="spot"), kind="owning-cost") == []


# Dates


@pytest.mark.parametrize(
    ("dated", "as_of", "kind"),
    [
        ("2025-05", "2026-05-31", None),  # twelve months
        ("2025-04", "2026-05-31", "stale"),
        ("2025-04-30", "2026-05-01", "stale"),
        ("2026-05", "2026-05-08", None),
        ("2026-05-08", "2026-05-08", None),
        ("2026-05-09", "2026-05-08", "future"),
        ("2026-06", "2026-05-31", "future"),
        ("2026-05-09", "2026-05", None),
        ("2026-12-31", "2026", None),
        ("2027-01", "2026", "future"),
        ("2025-01", "2026", None),
        ("2024-12", "2026", "stale"),
    ],
)
def test_a_price_is_judged_at_the_date_of_the_fleet(dated, as_of, kind):
    assert kinds(rate(as_of=dated), as_of=as_of) == ([kind] if kind else [])


def test_without_a_fleets_date_a_price_is_judged_at_the_cards():
    assert found(rate(as_of="2024-12-23"), rate("h200-sxm", 3.0, as_of="2026-06")) == [
        (
            "rates.0",
            "stale",
            "a price of 2024-12-23, 17 months before the card's date of 2026-05-31; older than 12 months is stale",
        ),
        ("rates.1", "future", "a price of 2026-06, after the card's date of 2026-05-31"),
    ]


def test_a_price_without_a_date_has_that_of_its_card():
    assert found(rate(), as_of="2026-05-08") == [
        ("rates.0", "future", "a price of 2026-05-31, after the fleet's date of 2026-05-08")
    ]


# GPUs


def test_an_unknown_gpu_gets_the_nearest_name_and_its_price_is_not_judged():
    assert found(rate("h100-sxn", 5_000.0)) == [("rates.0", "gpu", 'unknown GPU "h100-sxn"; did you mean h100-sxm?')]
    assert found(rate("zzzz")) == [("rates.0", "gpu", 'unknown GPU "zzzz"')]


def test_two_names_of_one_gpu_are_one_price():
    assert found(rate("h100-sxm", 2.20), rate("HGX H100", 2.30)) == [
        ("rates.1", "duplicate", 'prices h100-sxm on-demand a second time: rates.0 has it at $2.20/GPU-h as "h100-sxm"')
    ]


def test_one_gpu_at_two_terms_or_in_two_regions_is_priced_once_each():
    assert found(rate(), rate("H100", 2.0, "1-year"), rate("H100", 2.4, region="us")) == []


def test_two_unknown_gpus_are_no_duplicates():
    assert kinds(rate("zzzz"), rate("yyyy")) == ["gpu", "gpu"]


# Hostile text


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202eevil", "a\nb", "\u200b", "=cmd()\t"])
def test_names_are_made_safe_to_show(text):
    (finding,) = lint_card(card(rate(text), name=text), catalog=CATALOG, bands=BANDS)
    for shown in (finding.card, finding.gpu, finding.message):
        assert shown.isprintable()


def test_long_names_are_cut():
    (finding,) = lint_card(card(rate("x" * 500), name="y" * 10_000), catalog=CATALOG, bands=BANDS)
    assert len(finding.card) == len(finding.gpu) == 80
    assert len(finding.message) < 100


def test_notes_and_regions_are_not_repeated():
    messages = str(
        found(rate(usd=9_999, note="\x1b[2J", region="\x1b[3J"), rate(usd=9_998, term="spot", region="\x1b[3J"))
    )
    assert "[2J" not in messages
    assert "[3J" not in messages


@pytest.mark.parametrize("usd", [1e-300, 5e-324, 1e18, 1.7e308])
def test_prices_of_any_size_are_weighed(usd):
    assert "band" in kinds(rate(usd=usd))


def test_a_card_of_nothing_but_unknown_gpus_gets_a_few_hints_and_every_finding():
    many = card(*[rate(f"gb{number}-nvl{number}") for number in range(20_000)])
    messages = [finding.message for finding in lint_card(many, catalog=CATALOG, bands=BANDS)]
    assert len(messages) == 20_000
    assert sum("did you mean" in message for message in messages) == 20


# The cards of a fleet


def test_the_card_a_fleet_is_leased_on_is_looked_at():
    assert told(lease={"rate_card": "market-spot"}) == [("market-spot", f"rates.{n}", "stale") for n in (8, 9, 10)]


def test_a_lease_that_names_no_card_is_on_the_default_one():
    assert told(as_of="2026-05-01", lease={}) == [("story-2026-05", f"rates.{n}", "future") for n in range(3)]
    assert told(as_of="2026-05-08", lease={}) == []


@pytest.mark.parametrize("price", [{"rate_usd_per_gpu_h": 500}, {"fee_usd_per_month": 1e6}])
def test_a_lease_with_a_price_of_its_own_has_no_card(price):
    assert told(as_of="2020", lease=price) == []


def test_a_fleet_without_a_lease_or_a_card_has_nothing_to_find():
    assert told(as_of="2020") == []


def test_every_card_of_the_file_is_looked_at_used_or_not():
    cards = {"one": own(rate(usd=0)), "two": own(rate("GB200", 223.2)), "fine": own(rate())}
    assert told(cards=cards, lease={"rate_card": "fine"}) == [
        ("one", "rates.0", "zero"),
        ("two", "rates.0", "band"),
        ("two", "rates.0", "unit"),
    ]


def test_cards_in_use_come_first_and_once():
    contracts = [{"name": name, "pools": ["h100-sxm"], "rate_card": card} for name, card in (("a", "b"), ("c", "b"))]
    assert told(cards={"a": own(rate(usd=0)), "b": own(rate(usd=0))}, contracts=contracts) == [
        ("b", "rates.0", "zero"),
        ("a", "rates.0", "zero"),
    ]


def test_aliases_in_a_files_own_card_are_seen_as_they_are_written():
    cards = {"mine": own(rate("h100-sxm", 2.2), rate("H100", 2.3))}
    assert told(cards=cards) == [("mine", "rates.1", "duplicate")]


def test_a_files_own_gpu_is_known_and_has_no_band():
    gpus = {"mine": {"title": "Mine", "aliases": ["My GPU"], "peak_tflop_per_s": {"bf16": 100}}}
    assert told(gpus=gpus, cards={"c": own(rate("My GPU", 900.0))}) == []


def test_a_gpu_without_counts_may_still_be_priced_by_the_month():
    gpus = {"h100-sxm": {"title": "Mine", "peak_tflop_per_s": {"bf16": 100}, "replace": True}}
    assert told(gpus=gpus, cards={"c": own(rate(usd=1_898.0))}) == [("c", "rates.0", "band"), ("c", "rates.0", "unit")]
    assert told(gpus=gpus, cards={"c": own(rate(usd=20.8))}) == [("c", "rates.0", "band")]


def test_a_files_own_cards_move_no_band():
    one = fleet(cards={"dear": own(rate(usd=500.0))})
    assert known_bands(with_additions(CATALOG, one, {})) == BANDS
    assert ("dear", "rates.0", "band") in told(cards={"dear": own(rate(usd=500.0))})


def test_a_card_that_is_not_there_is_an_error():
    with pytest.raises(ColocalcError, match="unknown rate card"):
        lint_cards(fleet(lease={"rate_card": "zzzz"}), CATALOG)
