"""The way of a newcomer through the tool, by what the README and its messages say: a fleet, its slips, a deal, own runs,
a gate, and hardware and prices of one's own. What is worked out by hand beside it is asserted to the digit."""

import json
import re
import shlex

import pytest
import yaml

from colocalc.catalog import load_catalog
from tests.architecture.test_commands import README

FLEET = """\
name: campus
pools:
  - {gpu: h200-sxm, count: 2_000}
  - {gpu: gb300-nvl72, count: 16, counted_as: rack}
site: {facility_power_mw: 5, energy_price_usd_per_mwh: 65, pue_factor: 1.15}
training: {model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 8}, split: proportional}
lease: {rate_card: market-3yr, term: 3-year, billed_share: 0.9}
finance: {loss_usd: 120e6, loss_months: 12}
expect: [hedge.gross_share > 0.5]
"""
DEAL = """\
extends: fleet.yaml
name: campus-deal
lease: {months: 36, start: 2026-09-01, take_or_pay_share: 0.9, sold_share: 0.9}
costs:
  capital_usd_per_gpu: {h200-sxm: 36_000, gb300-nvl72: 58_000}
  network_usd_per_gpu: 4_000
  operations_usd_per_yr: 4e6
depreciation: {book_life_yr: 5, tax_life_yr: 5, tax_method: macrs, residual_share: 0.25}
debt: {sizing: dscr, target_dscr_factor: 1.3, advance_rate_share: 0.7, interest_share: 0.095, tenor_months: 36}
finance: {discount_rate_share: 0.10, reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2.65, mfu_share: 0.40}}
"""
REVENUE = (2_000 * 2.90 + 1_152 * 5.00) * 8_760 * 0.9
ENERGY = 5 * 8_760 * 65


@pytest.fixture
def fleet(tmp_path):
    place = tmp_path / "fleet.yaml"
    place.write_text(FLEET, encoding="utf-8")
    return place


@pytest.fixture
def deal(fleet):
    place = fleet.with_name("deal.yaml")
    place.write_text(DEAL, encoding="utf-8")
    return place


def _told(colocalc, *arguments):
    done = colocalc(*arguments, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def _warnings(document):
    return [note["text"] for note in document["notes"] if note["kind"] == "warning"]


# A fleet, and what it answers


def test_the_starter_file_warns_of_nothing(colocalc, tmp_path):
    place = tmp_path / "fleet.yaml"
    assert colocalc("init", "-o", place).code == 0
    assert _warnings(_told(colocalc, "report", place)) == []


def test_a_year_of_the_lease_is_what_a_calculator_says(colocalc, fleet):
    found = _told(colocalc, "hedge", fleet)["metrics"] | _told(colocalc, "lease", fleet)["metrics"]
    assert found["lease.run_rate_revenue_usd_per_yr"] == pytest.approx(REVENUE)
    assert found["lease.power_cost_usd_per_yr"] == pytest.approx(ENERGY)
    assert found["hedge.gross_share"] == pytest.approx(REVENUE / 120e6)
    assert found["hedge.contribution_share"] == pytest.approx((REVENUE - ENERGY) / 120e6)


def test_the_debt_of_a_firm_deal_is_what_a_calculator_says(colocalc, deal):
    found = _told(colocalc, "lease", deal)["metrics"]
    capital = 2_000 * 40_000 + 1_152 * 62_000
    assert found["lease.capital_usd"] == pytest.approx(capital)
    assert found["lease.debt_usd"] == pytest.approx(0.7 * capital)  # the advance rate binds before the DSCR
    service = 0.7 * capital * 0.095 / (1 - 1.095**-3)
    assert found["lease.min_dscr_factor"] == pytest.approx((REVENUE - ENERGY - 4e6) / service, rel=1e-3)


def test_what_a_file_says_in_another_way_takes_the_place_of_what_it_extends(colocalc, deal):
    assumed = {row["path"] for row in _told(colocalc, "lease", deal)["assumptions"]}
    assert "lease.take_or_pay_share" in assumed
    deal.write_text(DEAL.replace("{months", "{billed_share: 0.8, months"), encoding="utf-8")
    assert "give it or them" in colocalc("check", deal).err


def test_a_price_of_a_card_falls_by_its_path_with_or_without_the_word_before_it(colocalc, fleet):
    path = "cards.market-3yr.h200-sxm.rate_usd_per_gpu_h=2.61"
    lower = REVENUE - 2_000 * 0.29 * 8_760 * 0.9
    for key in (path, f"assumptions.{path}"):
        told = _told(colocalc, "lease", fleet, "--set", key)
        assert told["metrics"]["lease.run_rate_revenue_usd_per_yr"] == pytest.approx(lower)


@pytest.mark.parametrize(
    ("command", "without", "example"),
    [
        ("mfu", "training", "training: {model:"),
        ("hedge", "lease", "lease: {rate_card:"),
        ("hedge", "finance", "finance: {loss_usd:"),
        ("train-or-lease", "reference", "finance: {reference: {gpu:"),
    ],
)
def test_what_is_missing_is_told_with_an_example_that_mends_it(colocalc, fleet, command, without, example):
    kept = [line for line in FLEET.splitlines() if not line.startswith((without, "expect"))]
    fleet.write_text("\n".join(kept), encoding="utf-8")
    (note,) = re.findall(r"^note: (needs .*)$", colocalc(command, fleet, columns=400).err, flags=re.MULTILINE)
    assert example in note
    written = note.partition("for example: ")[2]
    block, _, value = written.partition(": ")
    kept = [
        f"finance: {{loss_usd: 120e6, loss_months: 12, {value[1:]}"
        if without == "reference" and line.startswith(block)
        else line
        for line in kept
    ]
    fleet.write_text("\n".join([*kept, *([] if without == "reference" else [written])]), encoding="utf-8")
    assert "note: needs" not in colocalc(command, fleet, columns=400).err


# Slips


@pytest.mark.parametrize(
    ("right", "slip", "said"),
    [
        ("rate_card: market-3yr, term: 3-year", "rate_usd_per_gpu_h: 2100", "per hour it would be $2.88/GPU-h"),
        ("energy_price_usd_per_mwh: 65", "energy_price_usd_per_mwh: 0.065", "per MWh it would be $65.00/MWh"),
        ("facility_power_mw: 5", "facility_power_mw: 5000", "5,000 MW look like kilowatts: its servers draw 3.856 MW"),
        ("loss_usd: 120e6", "loss_usd: 120", "it is in USD, not in thousands or millions"),
    ],
)
def test_a_number_in_another_unit_is_warned_of(colocalc, fleet, right, slip, said):
    assert _warnings(_told(colocalc, "check", fleet)) == []
    fleet.write_text(FLEET.replace(right, slip), encoding="utf-8")
    for command in ("check", "hedge"):
        (warning,) = _warnings(_told(colocalc, command, fleet))
        assert said in warning


@pytest.mark.parametrize(
    ("right", "slip", "said"),
    [
        ("billed_share: 0.9", "billed_share: 90", "write percent as a share of one: 0.9"),
        ("billed_share: 0.9", "billed_share: 90%", "write percent as a share of one: 0.9"),
        ("count: 2_000", 'count: "2,000"', "a number has no quotes, commas or unit"),
        ("gpu: h200-sxm", "gpu: h200-sxn", "did you mean h200-sxm?"),
        ("term: 3-year", "term: 3 years", "did you mean 3-year?"),
    ],
)
def test_a_slip_is_told_with_its_line_and_what_to_write(colocalc, fleet, right, slip, said):
    fleet.write_text(FLEET.replace(right, slip), encoding="utf-8")
    done = colocalc("check", fleet, columns=400)
    assert done.code == 3
    assert re.search(rf"fleet\.yaml:\d+:\d+: .*{re.escape(said)}", done.err)


def test_a_word_is_no_goal_for_a_number(colocalc, fleet):
    done = colocalc("solve", fleet, "--for", "lease.rate_card", "--until", "hedge.gross_share = 1", columns=400)
    assert done.code != 0
    assert "is a word, not a number; colocalc sweep --over lease.rate_card=ONE,OTHER tries several" in done.err


# Runs of one's own


def test_runs_as_the_readme_writes_them_calibrate_a_fleet(colocalc, fleet):
    (written,) = re.findall(r"^```yaml\n(runs:.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    runs, own = fleet.with_name("runs.yaml"), fleet.with_name("own.yaml")
    runs.write_text(written, encoding="utf-8")
    before = _told(colocalc, "validate", runs)
    assert before["notes"][0]["kind"] == "note"  # no key of the README is one that is left alone
    fitted = _told(colocalc, "validate", runs, "--fit", "--save", own)
    assert fitted["metrics"]["validate.mape_share"] < before["metrics"]["validate.mape_share"]
    shipped = _told(colocalc, "mfu", fleet)["metrics"]["mfu.step_share"]
    calibrated = _told(colocalc, "mfu", fleet, "--calibration", own)["metrics"]["mfu.step_share"]
    assert calibrated < shipped  # a run slower than predicted makes the fleet slower
    fleet.write_text(FLEET.replace("training: {", "training: {calibration: own.yaml, "), encoding="utf-8")
    assert _told(colocalc, "mfu", fleet)["metrics"]["mfu.step_share"] == calibrated


# A gate


@pytest.mark.parametrize(
    ("expected", "code"), [("hedge.gross_share > 0.7", 0), ("hedge.gross_share > 1", 1), ("hedge.gross > 1", 3)]
)
def test_a_gate_ends_with_the_code_that_the_readme_says(colocalc, fleet, expected, code):
    report = fleet.with_name("check.json")
    done = colocalc("check", fleet, "--expect", expected, "-o", report)
    assert done.code == code
    if code < 2:
        (_, row) = json.loads(report.read_text(encoding="utf-8"))["tables"]["expectations"]
        assert row["holds"] == (code == 0)


def test_the_steps_of_the_workflow_run(colocalc, fleet, monkeypatch):
    (workflow,) = re.findall(r"^```yaml\n(on: .*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    steps = yaml.safe_load(workflow)["jobs"]["fleets"]["steps"]
    written = "\n".join(step["run"] for step in steps if "run" in step)
    lines = [shlex.split(line)[1:] for line in re.findall(r"colocalc [a-z][^;|\n]*", written)]
    place = fleet.parent / "own" / "fleets" / "main.yaml"
    place.parent.mkdir(parents=True)
    fleet.rename(place)
    monkeypatch.chdir(fleet.parent)
    assert len(lines) == 2
    for line in lines:
        assert colocalc(*(str(place) if word == "$fleet" else word for word in line)).code == 0
    assert colocalc("check", "locked.yaml").code == 0


# Hardware and prices of one's own


def test_an_own_accelerator_is_priced_by_an_own_table_beside_the_fleet(colocalc, fleet):
    (written,) = re.findall(r"^```yaml\n(name: own-parts\n.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    fleet.write_text(written, encoding="utf-8")
    own = _told(colocalc, "lease", fleet)["metrics"]["lease.mean_rate_usd_per_gpu_h"]
    assert own == pytest.approx(1.40)
    prices = fleet.with_name("prices.csv")
    prices.write_text("gpu,term,region,rate_usd_per_gpu_h,as_of\nmy-asic,1-year,,1.55,2026-06-01\n", encoding="utf-8")
    told = _told(colocalc, "lease", fleet, "--rate-card", prices)
    assert told["metrics"]["lease.mean_rate_usd_per_gpu_h"] == pytest.approx(1.55)
    assert "my-asic" not in load_catalog().gpus
