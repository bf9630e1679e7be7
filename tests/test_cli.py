"""The command line as a user meets it: what each command accepts, says, and leaves as its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import colocalc as package
from colocalc.errors import EXIT_EXPECTATION, EXIT_INPUT, EXIT_IO

ROOT = Path(__file__).parents[1]
USAGE = 2
SAMPLES = ("colossus-1", "meta-llama3-16k", "neocloud-1k-h100")
STUDIES = ("mfu", "lease", "hedge", "h100e", "report", "check")
COMMANDS = (*STUDIES, "catalog", "schema", "init")

BARE = b"name: bare\npools: [{gpu: h100-sxm, count: 1_000}]\n"
LEASED = BARE + b"lease: {rate_usd_per_gpu_h: 2}\n"
CARD = """
title: A card of my own
as_of: 2026-01-31
currency: usd
rates:
  - {gpu: h100-sxm, term: 1-year, rate_usd_per_gpu_h: 3}
  - {gpu: h200-sxm, term: 1-year, rate_usd_per_gpu_h: 4}
  - {gpu: gb200-nvl72, term: 1-year, rate_usd_per_gpu_h: 5}
"""
OWN_CARD = b"""
name: own
pools: [{gpu: h100-sxm, count: 1_000}]
lease: {rate_card: mine, term: 1-year}
cards:
  mine:
    as_of: 2026-01-31
    currency: usd
    rates:
      - {gpu: h100-sxm, term: 1-year, rate_usd_per_gpu_h: {value: 1.25, source: desk}}
      - {gpu: h100-sxm, term: spot, rate_usd_per_gpu_h: 1}
sources:
  desk: {title: Our own desk, date: 2026-01, kind: own}
"""
CONTRACTS = BARE + b"contracts: [{name: one, pools: [h100-sxm], rate_usd_per_gpu_h: 2}]\n"
RATE = "lease.mean_rate_usd_per_gpu_h"
REVENUE = "lease.run_rate_revenue_usd_per_yr"
NO_FLEET = "note: no fleet given: the bundled sample colossus-1 is used"


@pytest.fixture
def told(colocalc):
    """The JSON of a run that went well."""

    def tell(*arguments, stdin=b""):
        run = colocalc(*arguments, "--format", "json", stdin=stdin)
        assert run.code == 0, run.err
        return json.loads(run.out)

    return tell


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "card.yaml"
    path.write_text(CARD)
    return path


def texts(document):
    return [note["text"] for note in document["notes"]]


def cards(document):
    return [row["term"] for row in document["tables"].get("rate_card", [])]


# Lease and its rate card


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rate-card",),
        ("colossus-1", "--rate-card"),
        ("colossus-1", "--rate-card", "story-2026-05"),
        ("--rate-card", "story-2026-05", "colossus-1"),
        ("--rate-card=story-2026-05",),
        ("--rate-card=story-2026-05", "colossus-1"),
        ("--rate-card", "story-2026-05"),
        ("--rate-card", "--set", "pools.gb200.count=20000"),
        ("--set", "pools.gb200.count=20000", "--rate-card"),
        ("--rate-card", "--color", "never", "colossus-1"),
    ],
    ids=" ".join,
)
def test_each_spelling_of_the_rate_card_shows_the_card_and_applies_it(told, arguments):
    document = told("lease", *arguments)

    assert document["fleet"] == "colossus-1"
    assert document["metrics"][RATE] == pytest.approx(2.60, abs=1e-9)
    assert [row["rate_usd_per_gpu_h"] for row in document["tables"]["rate_card"]] == [2.2, 2.9, 4.85]


def test_a_rate_card_before_another_option_takes_no_value(colocalc):
    run = colocalc("lease", "--rate-card", "--format", "json")

    assert run.code == 0
    assert json.loads(run.out)["command"] == "lease"


def test_without_the_option_no_card_is_shown(told):
    assert "rate_card" not in told("lease", "colossus-1")["tables"]


@pytest.mark.parametrize("arguments", [(), ("--rate-card",), ("--rate-card=market-3yr",)])
def test_without_a_fleet_the_sample_is_used_and_that_is_said(colocalc, arguments):
    run = colocalc("lease", *arguments)

    assert run.code == 0
    assert NO_FLEET in run.err.splitlines()
    assert run.out.startswith("Colossus 1, Memphis")


def test_with_a_fleet_nothing_is_said_of_a_sample(colocalc):
    assert "no fleet given" not in colocalc("lease", "colossus-1", "--rate-card").err


def test_bare_takes_the_fleets_own_card(told):
    own = ("lease", "colossus-1", "--scenario", "market-card", "--rate-card")
    assert cards(told(*own)) == ["3-year"] * 7
    # (150 x 2.00 + 50 x 2.90 + 20 x 4.00) / 220
    assert told(*own)["metrics"][RATE] == pytest.approx(525 / 220, rel=1e-12)


@pytest.mark.parametrize("arguments", [(), ("--rate-card",)])
def test_a_fleet_without_a_lease_gets_the_story_card_and_that_is_said(told, arguments):
    document = told("lease", "-", *arguments, stdin=BARE)

    assert document["metrics"][REVENUE] == pytest.approx(1_000 * 8_760 * 2.20, rel=1e-12)
    assert "the fleet has no lease: card story-2026-05 at on-demand terms is used" in texts(document)


def test_a_fleet_without_a_lease_takes_the_card_named(told):
    document = told("lease", "-", "--rate-card", "market-3yr", stdin=BARE)

    assert document["metrics"][RATE] == pytest.approx(2.00, rel=1e-12)
    assert not any("story-2026-05" in text for text in texts(document))


def test_a_card_named_replaces_the_fleets_own_price(told):
    assert told("lease", "-", stdin=LEASED)["metrics"][RATE] == 2.0
    assert told("lease", "-", "--rate-card", "story-2026-05", stdin=LEASED)["metrics"][RATE] == 2.2


def test_a_card_named_keeps_the_rest_of_the_lease(told):
    document = told("lease", "neocloud-1k-h100", "--rate-card", "story-2026-05")

    # 90% take-or-pay and 85% sold: the floor is billed.
    assert document["metrics"][REVENUE] == pytest.approx(1_024 * 8_760 * 0.90 * 2.20, rel=1e-12)


def test_a_card_may_be_a_file(told, card):
    document = told("lease", "colossus-1", "--rate-card", card)

    assert document["metrics"][REVENUE] == pytest.approx(8_760 * (150_000 * 3 + 50_000 * 4 + 20_000 * 5), rel=1e-12)
    assert cards(document) == ["1-year"] * 3


def test_a_card_in_a_file_works_without_a_fleet(told, card):
    assert told("lease", f"--rate-card={card}")["fleet"] == "colossus-1"


def test_a_fleet_may_hold_its_own_card(told):
    document = told("lease", "-", "--rate-card", stdin=OWN_CARD)

    assert document["metrics"][RATE] == 1.25
    assert document["sources"]["desk"].startswith("Our own desk")
    assert cards(document) == ["1-year", "spot"]


def test_a_fleets_own_card_can_be_named(told):
    assert told("lease", "-", "--rate-card", "mine", stdin=OWN_CARD)["metrics"][RATE] == 1.25
    assert told("lease", "-", "--rate-card", "mine", "--set", "lease.term=spot", stdin=OWN_CARD)["metrics"][RATE] == 1.0


@pytest.mark.parametrize(("name", "term"), [("market-3yr", "3-year"), ("market-spot", "spot")])
def test_a_card_of_one_term_is_used_for_another_with_a_note(told, name, term):
    document = told("lease", "colossus-1", "--rate-card", name)

    assert f"card {name} has one term, {term}: it is used for the lease's on-demand" in texts(document)


def test_a_card_that_has_the_term_leaves_no_note(told):
    assert not any("one term" in text for text in texts(told("lease", "neocloud-1k-h100")))


def test_a_card_of_owning_costs_is_warned_of(colocalc):
    run = colocalc("lease", "colossus-1", "--rate-card", "owning-cost")

    assert run.code == 0
    assert "warning: card owning-cost holds owning costs, not rents" in run.err.splitlines()


def test_a_card_on_a_fleet_with_contracts_is_refused(colocalc):
    run = colocalc("lease", "-", "--rate-card", "market-3yr", stdin=CONTRACTS)

    assert (run.code, run.out) == (EXIT_INPUT, "")
    assert "contracts" in run.err


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("colossus-1", "colocalc lease colossus-1 --rate-card"),
        ("story-2026-5", "did you mean story-2026-05?"),
        ("nothing-like-it", "there are hyperscaler-list-2026, iforels-2026, market-1yr, market-2026"),
    ],
)
def test_what_is_no_card_is_refused_with_a_way_on(colocalc, name, hint):
    run = colocalc("lease", "--rate-card", name)

    assert (run.code, run.out) == (EXIT_INPUT, "")
    assert run.err.startswith("--rate-card: ")
    assert hint in run.err


def test_a_fleets_file_in_the_place_of_a_card_is_refused_with_a_hint(colocalc, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_bytes(BARE)
    run = colocalc("lease", "--rate-card", path)

    assert run.code == EXIT_INPUT
    assert "is a fleet, not a card" in run.err


def test_a_cards_file_that_is_missing_cannot_be_read(colocalc, tmp_path):
    run = colocalc("lease", "--rate-card", tmp_path / "none.yaml")

    assert run.code == EXIT_IO
    assert "none.yaml: cannot be read: No such file or directory" in run.err


def test_a_fault_in_a_cards_file_is_told_with_its_line(colocalc, card):
    card.write_text(CARD.replace("usd\n", "eur\n"))
    run = colocalc("lease", "--rate-card", card)

    assert run.code == EXIT_INPUT
    assert f"{card}:4:" in run.err


def test_a_card_without_a_rate_for_a_gpu_is_refused_and_never_zero(colocalc):
    fleet = b"name: a\npools: [{name: old, gpu: a100-sxm-80gb, count: 8}]\n"
    run = colocalc("lease", "-", "--rate-card", "story-2026-05", stdin=fleet)

    assert (run.code, run.out) == (EXIT_INPUT, "")
    assert "pool old: card story-2026-05 has no on-demand rate for a100-sxm-80gb" in run.err


def test_a_default_card_that_does_not_price_the_fleet_leaves_the_lease_undefined(colocalc):
    fleet = b"name: a\npools: [{name: old, gpu: a100-sxm-80gb, count: 8}]\n"
    run = colocalc("lease", "-", stdin=fleet)

    assert run.code == 0
    assert "The lease is undefined: needs lease or contracts." in run.out
    assert "the default card story-2026-05 has no price for a100-sxm-80gb" in run.err


# A fleet without the block a command needs


@pytest.mark.parametrize(
    ("command", "fleet", "says", "family"),
    [
        ("mfu", BARE, "needs training", "mfu"),
        ("hedge", BARE, "needs lease or contracts", "hedge"),
        ("hedge", BARE + b"finance: {loss_usd: 1e6}\n", "needs lease or contracts", "hedge"),
        ("hedge", LEASED, "needs finance.loss_usd", "hedge"),
        ("report", BARE, "needs training", "mfu"),
        ("report", BARE, "needs lease or contracts", "lease"),
    ],
)
def test_a_missing_block_is_named_and_its_metrics_are_undefined(told, colocalc, command, fleet, says, family):
    document = told(command, "-", stdin=fleet)
    reasons = {why for name, why in document["undefined"].items() if name.startswith(f"{family}.")}

    assert any(says in sentence for sentence in document["headline"])
    assert any(says in why for why in reasons)
    assert not [name for name in document["metrics"] if name.startswith(f"{family}.")]
    run = colocalc(command, "-", stdin=fleet)
    assert run.code == 0
    assert says in run.out


@pytest.mark.parametrize("command", STUDIES)
@pytest.mark.parametrize("form", ["table", "csv", "markdown", "json"])
def test_every_command_takes_a_bare_list_of_pools_in_every_format(colocalc, command, form):
    run = colocalc(command, "-", "--format", form, stdin=BARE)

    assert run.code == 0
    assert run.out


def test_equivalents_need_nothing_but_pools(told):
    document = told("h100e", "-", stdin=BARE)

    assert document["metrics"]["h100e.eight_bit_dense_count"] == pytest.approx(1_000, rel=1e-12)
    assert document["undefined"]["h100e.raw_total_share"] == "needs finance.total_h100e_count"


def test_a_block_that_is_there_but_wrong_is_refused(colocalc):
    run = colocalc("mfu", "-", stdin=BARE + b"lease: {rate_card: 7}\n")

    assert (run.code, run.out) == (EXIT_INPUT, "")
    assert run.err.startswith("<stdin>:3:")


# Check


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_passes_its_own_check(colocalc, sample):
    assert colocalc("check", sample).code == 0


@pytest.mark.parametrize(
    ("expressions", "code"),
    [
        (["fleet.gpu_count = 1000"], 0),
        (["fleet.gpu_count = 1000", "pools.h100-sxm.fleet.gpu_count > 999"], 0),
        (["fleet.gpu_count = 1001"], EXIT_EXPECTATION),
        (["fleet.gpu_count = 1000", "fleet.gpu_count > 1000"], EXIT_EXPECTATION),
        (["fleet.gpu_count > 1000", "fleet.gpu_count = 1000"], EXIT_EXPECTATION),
        (["fleet.gpu_count = 1 or fleet.gpu_count = 1000"], 0),
        (["fleet.gpu_count = 1 and fleet.gpu_count = 1000"], EXIT_EXPECTATION),
    ],
)
def test_the_exit_code_of_a_check_says_whether_every_expectation_holds(colocalc, expressions, code):
    options = [part for text in expressions for part in ("--expect", text)]
    run = colocalc("check", "-", *options, stdin=BARE)

    assert run.code == code
    assert all(text in " ".join(run.out.split()) for text in expressions)


def test_expectations_of_the_file_are_checked_before_those_of_the_option(told):
    rows = told("check", "colossus-1", "--expect", "mfu.step_share > 0")["tables"]["expectations"]

    assert [row["expectation"] for row in rows] == [
        "lease.run_rate_revenue_usd_per_yr > 5e9",
        "hedge.gross_share < 1",
        "mfu.step_share > 0",
    ]


def test_an_expectation_of_the_file_that_does_not_hold_fails_the_check(colocalc):
    run = colocalc("check", "-", stdin=BARE + b"expect: [fleet.gpu_count < 10]\n")

    assert run.code == EXIT_EXPECTATION
    assert "0 of 1 expectations hold." in run.out


def test_a_report_is_no_check(colocalc):
    run = colocalc("report", "-", stdin=BARE + b"expect: [fleet.gpu_count < 10]\n")

    assert run.code == 0
    assert "fleet.gpu_count < 10" in run.out


def test_an_undefined_metric_fails_with_its_reason(colocalc):
    run = colocalc("check", "-", "--expect", "mfu.step_share > 0", "--format", "json", stdin=BARE)
    (row,) = json.loads(run.out)["tables"]["expectations"]

    assert run.code == EXIT_EXPECTATION
    assert row["holds"] is False
    assert "needs training (a model, a layout, or measured shares)" in row["reason"]


def test_a_metric_that_needs_debt_fails_with_its_reason(colocalc):
    run = colocalc("check", "colossus-1", "--expect", "hedge.cash_share > 0")

    assert run.code == EXIT_EXPECTATION
    assert "needs debt" in " ".join(run.out.split())


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("mfu.step_shar > 0", "did you mean mfu.step_share?"),
        ("pools.h100-sxm.mfu.step_share > 0", ""),
        ("pools.nobody.fleet.gpu_count > 0", ""),
        ("nothing", ""),
        ("mfu.step_share > much", ""),
        ("(mfu.step_share > 0)", ""),
        ("", ""),
    ],
)
def test_an_expectation_that_cannot_be_read_is_refused(colocalc, expression, hint):
    run = colocalc("check", "-", "--expect", expression, stdin=BARE)

    assert (run.code, run.out) == (EXIT_INPUT, "")
    assert expression in run.err
    assert hint in run.err
    assert "Traceback" not in run.err


def test_a_check_looks_at_every_scenario(colocalc):
    fleet = BARE + b"scenarios: {worse: {set: {pools.h100-sxm.count: -1}}}\n"

    assert colocalc("h100e", "-", stdin=fleet).code == 0
    assert colocalc("check", "-", stdin=fleet).code == EXIT_INPUT


def test_a_check_of_a_scenario_judges_that_scenario(colocalc):
    fleet = BARE + b"expect: [fleet.gpu_count = 1000]\nscenarios: {more: {set: {pools.h100-sxm.count: 2000}}}\n"

    assert colocalc("check", "-", stdin=fleet).code == 0
    assert colocalc("check", "-", "--scenario", "more", stdin=fleet).code == EXIT_EXPECTATION


# Overrides and names


def test_overrides_apply_after_the_scenario_and_the_last_one_wins(told):
    document = told(
        "h100e",
        "colossus-1",
        "--scenario",
        "gb200-30k",
        "--set",
        "pools.gb200.count=1",
        "--set",
        "pools.gb200.count=2",
    )

    assert document["scenario"] == "gb200-30k"
    assert document["metrics"]["pools.gb200.fleet.gpu_count"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("colosus-1",), EXIT_IO, "did you mean colossus-1?"),
        (("nowhere/fleet.yaml",), EXIT_IO, "no such file"),
        (("colossus-1", "--scenario", "flatring"), EXIT_INPUT, "did you mean flat-ring?"),
        (("meta-llama3-16k", "--scenario", "tree"), EXIT_INPUT, "it has none"),
        (("colossus-1", "--set", "pools.gb200.count"), EXIT_INPUT, "should be KEY=VALUE"),
        (("colossus-1", "--set", "pools.gb20.count=1"), EXIT_INPUT, "gb20"),
        (("colossus-1", "--set", "pools.gb200.count=many"), EXIT_INPUT, "count"),
        (("colossus-1", "--set", "trains.split=equal"), EXIT_INPUT, "trains"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_wrong_name_is_told_with_what_there_is(colocalc, arguments, code, says):
    run = colocalc("report", *arguments)

    assert (run.code, run.out) == (code, "")
    assert says in run.err
    assert "Traceback" not in run.err


# Standard output and standard error


@pytest.mark.parametrize("form", ["table", "csv"])
def test_notes_and_warnings_go_to_standard_error_and_the_report_does_not(colocalc, form):
    run = colocalc("report", "colossus-1", "--format", form)

    assert run.err.splitlines()
    assert all(line.startswith(("note: ", "warning: ")) for line in run.err.splitlines())
    assert not [line for line in run.out.splitlines() if line.startswith(("note:", "warning:"))]


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_a_document_carries_its_notes_and_standard_error_stays_empty(colocalc, form):
    run = colocalc("report", "colossus-1", "--format", form)

    assert run.err == ""
    assert "224 GPUs are left over" in run.out


# The catalog, the schema and the starter


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("gpus", "gb200-nvl72"),
        ("models", "llama-3.1-405b"),
        ("cards", "story-2026-05"),
        ("networks", "nccl-ethernet"),
        ("defaults", "mfu.memory_bound_share"),
        ("sources", "mirae-2026-05"),
        ("fleets", "colossus-1"),
    ],
)
def test_the_catalog_lists_each_kind_and_shows_one_entry(told, colocalc, kind, name):
    listed, shown = told("catalog", kind), told("catalog", kind, name)
    (rows,) = listed["tables"].values()

    assert name in [next(iter(row.values())) for row in rows]
    assert all(next(iter(shown["tables"].values())))
    assert (listed["fleet"], listed["metrics"], listed["undefined"]) == (None, {}, {})
    assert all(listed["sources"].values())
    assert all(shown["sources"].values())
    assert name in colocalc("catalog", kind, name, columns=140).out


def test_an_entry_shows_every_number_with_its_source(told):
    rows = told("catalog", "gpus", "h100-sxm")["tables"]["entry"]
    peak = next(row for row in rows if row["key"] == "peak_tflop_per_s.bf16")

    assert (peak["value"], peak["unit"]) == (989.4, "tflop_per_s")
    assert peak["source"]


@pytest.mark.parametrize("alias", ["H100", "h100", "H100 SXM5"])
def test_a_gpu_is_found_under_its_aliases(told, alias):
    rows = told("catalog", "gpus", alias)["tables"]["entry"]

    assert (rows[0]["key"], rows[0]["value"]) == ("id", "h100-sxm")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("gpu",), USAGE, "did you mean gpus?"),
        (("nothing",), USAGE, "is none of gpus, models, cards, networks, defaults, sources, fleets"),
        ((), USAGE, "KIND"),
        (("gpus", "h10"), EXIT_INPUT, "h10"),
        (("models", "llama-3.1-405"), EXIT_INPUT, "llama-3.1-405b"),
        (("cards", "story"), EXIT_INPUT, "story"),
        (("networks", "nowhere"), EXIT_INPUT, "nowhere"),
        (("defaults", "mfu.memory_bound_shar"), EXIT_INPUT, "did you mean mfu.memory_bound_share?"),
        (("sources", "nobody"), EXIT_INPUT, "nobody"),
        (("fleets", "colosus-1"), EXIT_INPUT, "did you mean colossus-1?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_the_catalog_does_not_have_is_refused(colocalc, arguments, code, says):
    run = colocalc("catalog", *arguments)

    assert (run.code, run.out) == (code, "")
    assert says in run.err
    assert "Traceback" not in run.err


def test_the_schema_is_the_one_beside_the_samples(colocalc):
    run = colocalc("schema")

    assert run.code == 0
    assert run.out == (ROOT / "fleets" / "fleet.schema.json").read_text(encoding="utf-8")


def test_the_schema_can_be_written_to_a_file(colocalc, tmp_path):
    assert colocalc("schema", "-o", tmp_path / "any.name").code == 0
    assert (tmp_path / "any.name").read_text() == colocalc("schema").out


def test_init_writes_a_starter_and_its_schema_here(colocalc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = colocalc("init")

    assert (run.code, run.out) == (0, "")
    assert run.err == "wrote fleet.yaml; try: colocalc report fleet.yaml\n"
    assert {path.name for path in tmp_path.iterdir()} == {"fleet.yaml", "fleet.schema.json"}
    assert (tmp_path / "fleet.schema.json").read_text() == colocalc("schema").out


@pytest.mark.parametrize("command", STUDIES)
def test_the_starter_goes_through_every_command_without_a_fault(colocalc, tmp_path, command):
    path = tmp_path / "fleet.yaml"
    colocalc("init", "-o", path)
    run = colocalc(command, path)

    assert run.code == 0, run.err
    assert "undefined" not in run.out.split("How much of the loss")[0]


def test_the_starter_fits_the_schema_written_beside_it(colocalc, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    from colocalc.yamlio import read_file

    colocalc("init", "-o", tmp_path / "fleet.yaml")
    schema = json.loads((tmp_path / "fleet.schema.json").read_text())

    jsonschema.validate(json.loads(json.dumps(read_file(tmp_path / "fleet.yaml"))), schema)


def test_the_starter_names_its_schema_for_editors(colocalc):
    first = colocalc("init", "-o", "-").out.splitlines()[0]

    assert first == "# yaml-language-server: $schema=./fleet.schema.json"


@pytest.mark.parametrize("sample", SAMPLES)
def test_init_starts_from_a_sample_as_it_ships(colocalc, sample):
    assert colocalc("init", sample, "-o", "-").out == (ROOT / "fleets" / f"{sample}.yaml").read_text(encoding="utf-8")


def test_init_to_standard_output_writes_no_file(colocalc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = colocalc("init", "-o", "-")

    assert run.code == 0
    assert not list(tmp_path.iterdir())
    assert colocalc("check", "-", stdin=run.out.encode()).code == 0


def test_init_refuses_to_overwrite_and_leaves_the_file_alone(colocalc, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text("mine")
    run = colocalc("init", "-o", path)

    assert (run.code, run.out) == (EXIT_IO, "")
    assert run.err == f"{path}: exists already; --force overwrites it\n"
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


def test_init_overwrites_when_forced(colocalc, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text("mine")

    assert colocalc("init", "--force", "-o", path).code == 0
    assert colocalc("check", path).code == 0


def test_init_of_an_unknown_sample_is_refused_before_anything_is_written(colocalc, tmp_path):
    run = colocalc("init", "colosus-1", "-o", tmp_path / "fleet.yaml")

    assert run.code == EXIT_INPUT
    assert "did you mean colossus-1?" in run.err
    assert not list(tmp_path.iterdir())


# Help, version and usage


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_is_given_on_standard_output(colocalc, command):
    run = colocalc(*([command] if command else []), "--help")

    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("Usage: colocalc")


def test_help_lists_every_command(colocalc):
    listed = [line.split()[0] for line in colocalc("--help").out.partition("Commands:")[2].splitlines() if line.strip()]

    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("mfu",), "FLEET"),
        (("hedge",), "FLEET"),
        (("report", "--format", "json"), "FLEET"),
        (("mfu", "colossus-1", "--nope"), "--nope"),
        (("mfu", "colossus-1", "meta-llama3-16k"), "meta-llama3-16k"),
        (("mfu", "colossus-1", "--set"), "--set"),
        (("mfuu",), "mfuu"),
        (("--nope",), "--nope"),
        (("hedge", "colossus-1", "--rate-card", "market-3yr"), "--rate-card"),
        (("schema", "--format", "json"), "--format"),
        (("mfu", "colossus-1", "--expect", "a > 1"), "--expect"),
        (("mfu", "colossus-1", "--version"), "--version"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_slip_in_the_usage_is_told_in_a_few_lines(colocalc, arguments, says):
    run = colocalc(*arguments)

    assert (run.code, run.out) == (USAGE, "")
    assert run.err.startswith(("Usage: colocalc", "Error: "))
    assert says in run.err
    assert "Traceback" not in run.err
    assert len(run.err.splitlines()) <= 6


def test_without_a_command_the_help_is_shown(colocalc):
    run = colocalc()

    assert "Usage: colocalc" in run.out + run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("arguments", [("--version",), ("--version", "mfu"), ("--version", "no-such-command")])
def test_the_version_is_told_before_anything_else_is_looked_at(colocalc, arguments):
    run = colocalc(*arguments)

    assert (run.code, run.out, run.err) == (0, f"colocalc {package.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "mfu"]])
def test_the_entry_point_tells_the_version(arguments):
    done = subprocess.run([sys.executable, "-m", "colocalc", *arguments], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"colocalc {package.__version__}\n", "")


# Claims and a check


CLAIMS = (
    BARE
    + b"""
claims:
  - {id: right, metric: fleet.gpu_count, says: 1_000}
  - {id: wrong, metric: fleet.gpu_count, says: 5}
  - {id: there, metric: fleet.gpu_count, says: 2_000, scenario: more}
scenarios: {more: {set: {pools.h100-sxm.count: 2_000}}}
"""
)


def verdicts(document):
    return {row["claim"]: row["verdict"] for row in document["tables"]["claims"]}


@pytest.mark.parametrize("command", ["check", "report"])
def test_a_claim_that_does_not_hold_fails_nothing(told, command):
    assert verdicts(told(command, "-", stdin=CLAIMS)) == {"right": "holds", "wrong": "does not hold", "there": "holds"}


def test_claims_are_weighed_in_the_scenario_that_is_asked_for(told):
    asked = told("check", "-", "--scenario", "more", stdin=CLAIMS)

    assert verdicts(asked) == {"right": "does not hold", "wrong": "does not hold", "there": "holds"}
    assert asked["scenario"] == "more"


def test_claims_are_weighed_with_what_is_set(told):
    assert verdicts(told("check", "-", "--set", "pools.h100-sxm.count=5", stdin=CLAIMS))["wrong"] == "holds"


def test_a_scenario_that_cannot_be_computed_stops_a_check_and_leaves_a_report_its_other_verdicts(colocalc, told):
    fleet = CLAIMS.replace(b"pools.h100-sxm.count: 2_000", b"pools.h100-sxm.gpu: h1000")
    run = colocalc("check", "-", stdin=fleet)

    assert (run.code, run.out) == (EXIT_INPUT, "")
    assert 'unknown GPU "h1000" (scenario more)' in run.err
    assert verdicts(told("report", "-", stdin=fleet)) == {
        "right": "holds",
        "wrong": "does not hold",
        "there": "not covered",
    }


def test_the_other_commands_weigh_nothing(told):
    for command in ("mfu", "lease", "hedge", "h100e"):
        assert "claims" not in told(command, "-", stdin=CLAIMS)["tables"]


# Explain


def test_a_metric_is_explained_without_a_fleet(told):
    document = told("explain", "hedge.gross_share")

    assert (document["fleet"], document["metrics"], document["undefined"]) == (None, {}, {})
    assert document["headline"][:3] == [
        "Run-rate revenue over the loss scaled to a year.",
        "Unit: share, 0..1 of a whole, shown as percent.",
        "Equation: lease.run_rate_revenue_usd_per_yr / hedge.loss_usd_per_yr",
    ]
    assert "terms" not in document["tables"]
    assert {row["metric"] for row in document["tables"]["neighbours"]} >= {"hedge.contribution_share"}


def test_with_a_fleet_its_numbers_are_put_in_and_give_the_metric(told):
    document = told("explain", "hedge.gross_share", "colossus-1")
    terms = {row["symbol"]: row for row in document["tables"]["terms"]}

    # 220,000 x 8,760 x 2.60 over 1.5 billion x 12 / 3
    assert document["metrics"] == {"hedge.gross_share": pytest.approx(0.83512, rel=1e-12)}
    assert terms["loss"]["value"] == 1.5e9
    assert terms["loss"]["source"] == "mirae-2026-05"
    assert "= 83.5%" in document["headline"]
    assert [row["path"] for row in document["assumptions"]] == ["finance.loss_usd", "finance.loss_months"]


def test_an_explanation_heeds_scenario_and_overrides(told):
    half = told("explain", "hedge.gross_share", "colossus-1", "--set", "lease.billed_share=0.5")
    more = told("explain", "fleet.gpu_count", "-", "--scenario", "more", stdin=CLAIMS)

    assert half["metrics"]["hedge.gross_share"] == pytest.approx(0.41756, rel=1e-12)
    assert (more["scenario"], more["metrics"]["fleet.gpu_count"]) == ("more", 2_000)


def test_a_stage_is_explained_by_its_name_alone(told):
    short, long = told("explain", "goodput"), told("explain", "mfu.stage.goodput_factor")

    assert short == long
    assert any(line.startswith("Stage 14 of 15 of the waterfall, after software") for line in short["headline"])


def test_a_metric_of_a_pool_is_explained_with_the_pool_named(told):
    metric = "pools.gb200.h100e.eight_bit_dense_count"
    document = told("explain", metric, "colossus-1")

    assert document["metrics"] == {metric: pytest.approx(20_000 * 5_000 / 1_978.9, rel=1e-12)}
    assert told("explain", metric)["units"] == {metric: "count"}  # any pool may be named like that


def test_a_metric_without_a_value_says_why(told):
    document = told("explain", "hedge.cash_share", "colossus-1")

    assert document["undefined"] == {"hedge.cash_share": "needs debt"}
    assert "No value here: needs debt." in document["headline"]


@pytest.mark.parametrize("options", [("--set", "pools.h100.count=1"), ("--scenario", "tree")])
def test_a_change_without_a_fleet_to_change_is_a_mistake(colocalc, options):
    run = colocalc("explain", "hedge.gross_share", *options)

    assert (run.code, run.out) == (USAGE, "")
    assert run.err == "--set, --scenario or --calibration: changes a fleet, and none is given\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("hedge.gros_share",), "did you mean hedge.gross_share?"),
        (("gooodput",), "did you mean goodput?"),
        (("hedge.gros_share", "colossus-1"), "did you mean hedge.gross_share?"),
        (("pools.gb201.h100e.raw_count", "colossus-1"), "did you mean pools.gb200.h100e.raw_count?"),
        (("pools.gb200.hedge.gross_share", "colossus-1"), ""),
        (("pools.gb200", "colossus-1"), ""),
        (("zzzzzz",), "colocalc catalog metrics lists all"),
        (("",), ""),
    ],
    ids=" ".join,
)
def test_a_name_that_is_no_metric_is_a_mistake_with_a_hint(colocalc, arguments, hint):
    run = colocalc("explain", *arguments)

    assert (run.code, run.out) == (USAGE, "")
    assert run.err.startswith("unknown metric ")
    assert hint in run.err
    assert "Traceback" not in run.err


def test_a_metric_name_cannot_move_the_cursor(colocalc):
    run = colocalc("explain", "\x1b[31mhedge\u202e")

    assert run.code == USAGE
    assert "\x1b" not in run.err
    assert "\u202e" not in run.err


def test_explain_wants_a_metric_before_a_fleet(colocalc):
    run = colocalc("explain", "colossus-1", "hedge.gross_share")

    assert run.code != 0
    assert run.out == ""


@pytest.mark.parametrize("fmt", ["table", "json", "csv", "markdown"])
def test_an_explanation_can_be_had_in_every_format(colocalc, fmt):
    run = colocalc("explain", "hedge.gross_share", "colossus-1", "--format", fmt, columns=80)

    assert run.code == 0
    assert "mirae-2026-05" in run.out
    assert ("0.8351" in run.out) == (fmt == "json")
    assert ("83.5%" in run.out) == (fmt in {"table", "markdown", "json"})


# Solve

COVER = ("--for", "lease.rate_usd_per_gpu_h", "--until", "hedge.gross_share = 1")
COVERED = LEASED + b"finance: {loss_usd: 20e6}\nsite: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}\n"


def test_the_rate_that_covers_the_loss_of_the_story_is_found_exactly(told):
    document = told("solve", "colossus-1", *COVER)

    (row,) = document["tables"]["solutions"]
    assert row["value"] == pytest.approx(6e9 / (220_000 * 8_760), rel=1e-9)
    assert (row["key"], row["metric"], row["kind"]) == ("lease.rate_usd_per_gpu_h", "hedge.gross_share", "meets it")
    assert document["command"] == "solve"


def test_what_is_found_and_put_back_holds(told, colocalc):
    rate = told("solve", "-", *COVER, stdin=COVERED)["tables"]["solutions"][0]["value"]
    override = ("--set", f"lease.rate_usd_per_gpu_h={rate!r}")

    assert told("hedge", "-", *override, stdin=COVERED)["metrics"]["hedge.gross_share"] == pytest.approx(1.0, rel=1e-9)
    assert colocalc("check", "-", *override, "--expect", "hedge.gross_share = 1", stdin=COVERED).code == 0


def test_a_solutions_json_has_the_metrics_of_the_fleet_there_and_raw_numbers(told):
    document = told("solve", "-", *COVER, stdin=COVERED)

    assert document["metrics"]["hedge.gross_share"] == pytest.approx(1.0, rel=1e-9)
    assert document["metrics"]["lease.run_rate_revenue_usd_per_yr"] == pytest.approx(20e6, rel=1e-9)
    assert set(document["tables"]) == {"solutions", "curve"}
    assert document["tables"]["solutions"] == [
        {
            "key": "lease.rate_usd_per_gpu_h",
            "value": pytest.approx(20e6 / 8.76e6, rel=1e-9),
            "unit": "usd_per_gpu_h",
            "metric": "hedge.gross_share",
            "metric_value": pytest.approx(1.0, rel=1e-9),
            "metric_unit": "share",
            "kind": "meets it",
        }
    ]
    curve = document["tables"]["curve"]
    assert [set(row) for row in curve] == [{"value", "unit", "metric_value", "metric_unit"}] * 9
    for row in curve:
        assert row["metric_value"] == pytest.approx(row["value"] * 8.76e6 / 20e6, rel=1e-9)
    rates = {row["path"]: row["value"] for row in document["assumptions"]}
    assert rates["lease.rate_usd_per_gpu_h"] == pytest.approx(20e6 / 8.76e6, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (COVER, 0, "hedge.gross_share = 100.0% with lease.rate_usd_per_gpu_h 2.283105 ($2.28/GPU-h)."),
        ((*COVER[:3], "hedge.gross_share=100%"), 0, "with lease.rate_usd_per_gpu_h 2.283105"),
        ((*COVER[:3], "lease.run_rate_revenue_usd_per_yr = 20_000_000"), 0, "rate_usd_per_gpu_h 2.283105"),
        ((*COVER[:3], "lease.contribution_usd_per_yr = 0"), 0, "with lease.rate_usd_per_gpu_h 0.1 ($0.10/GPU-h)."),
        (
            (*COVER[:3], "hedge.gross_share >= 1"),
            0,
            "holds with lease.rate_usd_per_gpu_h from 2.283105 ($2.28/GPU-h) to 20000 ($20,000/GPU-h); searched between",
        ),
        ((*COVER, "--between", "1:2"), 1, "it stays within 43.8% and 87.6%."),
        ((*COVER, "--between", "0:5"), 0, "with lease.rate_usd_per_gpu_h 2.283105"),
        (
            ("--for", "lease.billed_share", "--until", "hedge.gross_share = 1"),
            1,
            "No lease.billed_share between 0.0% and 100.0% gives hedge.gross_share = 100.0%: it stays within 0.0% and",
        ),
        (
            ("--for", "sites.site.pue_factor", "--until", "hedge.gross_share = 1"),
            1,
            "it is 87.6% at each of them, and sites.site.pue_factor has no part in it.",
        ),
        (
            ("--for", "sites.site.pue_factor", "--until", "hedge.gross_share = 87.6%"),
            0,
            "= 87.6% at every sites.site.pue_factor between 1.0000 and 12,500.0: it has no part in it.",
        ),
        (
            ("--for", "pools.h100-sxm.count", "--until", "hedge.gross_share = 1"),
            0,
            "whole numbers step over it, and at pools.h100-sxm.count 1142 (1,142) it is 100.0%.",
        ),
        (
            ("--for", "finance.loss_months", "--until", "hedge.gross_share = 10%"),
            1,
            "whole numbers step over it, and at finance.loss_months 1 (1 months) it is 7.3%.",
        ),
        (
            ("--for", "pools.h100-sxm.count", "--until", "hedge.gross_share = 1", "--between", "4.5:5.5"),
            1,
            "it is 0.44% there.",
        ),
        ((*COVER, "--between", "2:1"), USAGE, "--between: should be LOW:HIGH"),
        (("--for", "x=1", "--until", "hedge.gross_share = 1"), USAGE, "--for: should be one key"),
        (("--for", "lease.nosuch", "--until", "hedge.gross_share = 1"), EXIT_INPUT, "--for lease.nosuch: unknown key"),
        ((*COVER[:3], "hedge.nosuch = 1"), EXIT_INPUT, "unknown metric"),
    ],
)
def test_the_exit_code_of_a_goal_says_whether_it_is_met(colocalc, arguments, code, says):
    run = colocalc("solve", "-", *arguments, stdin=COVERED)

    assert run.code == code
    assert says in " ".join((run.out + run.err).split())
    assert (run.out == "") == (code not in {0, EXIT_EXPECTATION})


def test_a_goal_that_is_not_met_shows_the_fleet_as_it_is(colocalc):
    run = colocalc("solve", "-", *COVER, "--between", "1:2", "--format", "json", stdin=COVERED)
    document = json.loads(run.out)

    assert run.code == EXIT_EXPECTATION
    assert document["metrics"]["hedge.gross_share"] == pytest.approx(0.876)
    assert "solutions" not in document["tables"]
    assert len(document["tables"]["curve"]) == 9


def test_a_goal_is_sought_in_the_scenario_and_with_what_is_set(told):
    in_scenario = told("solve", "colossus-1", *COVER, "--scenario", "gb200-30k")
    with_set = told("solve", "colossus-1", *COVER, "--set", "lease.billed_share=0.9")

    assert in_scenario["tables"]["solutions"][0]["value"] == pytest.approx(2.97796, abs=5e-6)
    assert with_set["tables"]["solutions"][0]["value"] == pytest.approx(3.45925, abs=5e-6)


@pytest.mark.parametrize("columns", [80, 200])
def test_a_goal_fits_its_lines_to_the_terminal(colocalc, columns):
    run = colocalc("solve", "-", *COVER, stdin=COVERED, columns=columns)

    assert run.code == 0
    assert max(len(line) for line in run.out.splitlines()) <= columns
    assert "$2.28/GPU-h" in run.out


@pytest.mark.parametrize("form", ["csv", "markdown", "table", "json"])
def test_a_goal_can_be_had_in_every_format(colocalc, form):
    run = colocalc("solve", "-", *COVER, "--format", form, stdin=COVERED)

    assert run.code == 0
    assert "lease.rate_usd_per_gpu_h" in run.out


def test_no_warning_of_arithmetic_reaches_the_user(colocalc):
    """At the ends of what a number may be, kernels divide by nothing; warnings are errors in these tests."""
    run = colocalc(
        *("solve", "neocloud-1k-h100", "--until", "mfu.job_share = 0.43"),
        *("--for", "calibration.scale_out_share", "--between", "0.001:1"),
    )

    assert (run.code, "Warning" in run.err) == (0, False)
