"""A forecast bill in the columns of FOCUS: it adds up to the report, and reads back as it was written."""

import csv
import io

import numpy as np
import pytest

from colocalc.catalog import load_catalog
from colocalc.report.table import raw
from colocalc.report.views.focus import focus
from colocalc.study.evaluate import evaluate
from colocalc.variants import Variants

# Of FOCUS 1.4, dataset Cost and Usage.
MANDATORY = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
}
CREDITS = (
    "lease.sla.availability_share=0.98",
    "lease.sla.promised_share=0.99",
    "lease.sla.credit_share=0.1",
    "lease.power_passthrough_share=0.5",
    "lease.market.months=12",
)
FLEETS = (
    ("neocloud-1k-h100", ()),
    ("neocloud-1k-h100", CREDITS),
    ("colossus-1", ()),
    ("spacex-filing-325k", ()),
)


@pytest.fixture(scope="module", params=FLEETS, ids=["prepaid", "credits", "card", "fee"])
def fleet(request):
    name, sets = request.param
    case = Variants(name, load_catalog(), sets=sets).case
    result = evaluate(case)
    table = focus(case, result)
    keys = [column.key for column in table.columns]
    return result.returns.deal, [dict(zip(keys, map(raw, row), strict=True)) for row in table.rows]


def total(rows, key):
    return sum(row[key] for row in rows)


def test_what_is_earned_adds_up_to_the_fees_and_the_market_to_the_cent(fleet):
    deal, rows = fleet
    assert total(rows, "EffectiveCost") == pytest.approx(np.sum(deal.revenue_usd + deal.market_usd), abs=0.005, rel=0)


def test_what_is_billed_adds_up_to_the_cash_of_each_month_to_the_cent(fleet):
    deal, rows = fleet
    starts = sorted({row["ChargePeriodStart"] for row in rows})
    billed = [total([row for row in rows if row["ChargePeriodStart"] == start], "BilledCost") for start in starts]
    cash = deal.cash_revenue_usd + deal.market_usd
    assert billed == pytest.approx(list(cash[cash != 0.0]), abs=0.005, rel=0)


def test_hours_add_up_to_those_billed(fleet):
    deal, rows = fleet
    # A flat fee is priced by the month; what is used of its hours stands under what is consumed.
    hours = sum(
        row["PricingQuantity"] if row["PricingUnit"] == "GPU-Hours" else row["ConsumedQuantity"] or 0.0 for row in rows
    )
    assert hours == pytest.approx(float(np.sum(deal.pool_billed_gpu_h)), rel=1e-12)


def test_price_times_quantity_is_the_cost(fleet):
    for row in fleet[1]:
        assert row["ContractedUnitPrice"] * row["PricingQuantity"] == pytest.approx(row["ContractedCost"], rel=1e-12)


def test_every_row_says_that_it_is_a_forecast_and_has_the_mandatory_columns(fleet):
    for row in fleet[1]:
        assert row["ChargeDescription"].startswith("Forecast: ")
        assert row["x_Forecast"] is True
        assert set(row) >= MANDATORY
        assert all(row[key] is not None for key in MANDATORY - {"BillingAccountName", "ChargeClass"})


def test_own_columns_come_last_and_begin_with_x(fleet):
    names = list(fleet[1][0])
    own = [name.startswith("x_") for name in names]
    assert own == sorted(own)
    assert names[: own.index(True)] == sorted(names[: own.index(True)])


def test_hours_owed_and_not_used_stand_apart():
    case = Variants("neocloud-1k-h100", load_catalog()).case
    table = focus(case, evaluate(case))
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    used, unused = (
        sum(row["PricingQuantity"] for row in rows if row["CapacityReservationStatus"] == status)
        for status in ("Used", "Unused")
    )
    # 85% of the hours are sold and 90% are owed.
    assert unused / used == pytest.approx(0.05 / 0.85)


def test_the_csv_reads_back_as_it_was_computed(colocalc):
    run = colocalc("lease", "neocloud-1k-h100", "--csv-shape", "focus")
    case = Variants("neocloud-1k-h100", load_catalog()).case
    table = focus(case, evaluate(case))
    header, *rows = csv.reader(io.StringIO(run.out))
    assert run.code == 0
    assert header == [column.key for column in table.columns]
    for found, known in zip(rows, table.rows, strict=True):
        for cell, value in zip(found, map(raw, known), strict=True):
            if isinstance(value, float):
                assert float(cell) == value
            else:
                assert cell == {None: "", True: "true"}.get(value, value)
    assert "forecast" in run.err


def test_no_cell_is_a_formula(colocalc, tmp_path):
    fleet = tmp_path / "fleet.yaml"
    card = tmp_path / "=evil().csv"
    card.write_text("gpu,term,region,rate_usd_per_gpu_h,as_of\nh100-sxm,1-year,,2,2026-05-01\n")
    fleet.write_text(
        "name: f\npools: [{gpu: h100-sxm, count: 8}]\n"
        "lease: {rate_card: =evil().csv, start: 2026-06-01, months: 2, billed_share: 1}\n"
    )
    run = colocalc("lease", fleet, "--csv-shape", "focus")
    cells = [cell for row in csv.reader(io.StringIO(run.out)) for cell in row]
    assert run.code == 0
    assert any("=evil()" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


@pytest.mark.parametrize("command", ["lease", "report"])
def test_both_commands_write_the_same_bill(colocalc, tmp_path, command):
    target = tmp_path / "bill.csv"
    assert colocalc(command, "spacex-filing-325k", "--csv-shape", "focus", "-o", target).code == 0
    assert target.read_text() == colocalc("lease", "spacex-filing-325k", "--csv-shape", "focus").out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("colossus-1", "--csv-shape", "focsu"), 2, "did you mean focus?"),
        (("colossus-1", "--csv-shape", "focus", "--format", "json"), 2, "is a shape of CSV, not of json"),
        (("meta-llama3-16k", "--csv-shape", "focus"), 3, "lease.months: is needed"),
        (("meta-llama3-16k", "--csv-shape", "focus", "--set", "lease.months=3"), 3, "lease.start: is needed"),
    ],
)
def test_what_cannot_be_a_bill_is_refused(colocalc, arguments, code, said):
    run = colocalc("lease", *arguments)
    assert run.code == code
    assert said in run.err
    assert run.out == ""


@pytest.mark.parametrize("study", [("--with", "risk"), ("--chart", "waterfall")])
def test_a_bill_takes_no_study_along(colocalc, study):
    run = colocalc("report", "spacex-filing-325k", "--csv-shape", "focus", *study)
    assert (run.code, run.out) == (2, "")
    assert run.err == "--csv-shape: goes with neither --with nor --chart\n"
