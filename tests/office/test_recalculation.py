"""A spreadsheet that recalculates a changed workbook finds what colocalc finds for the same change.

LibreOffice opens each file, computes every formula anew and writes it; the figures are read from there.
"""

import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest

SOFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice Calc (soffice) is not installed")

# Computes all formulas when a file is opened, whatever values stand in it.
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">
<value>0</value></prop></item>
</oor:items>
"""
H100_RATE = "cards.story-2026-05.h100-sxm.rate_usd_per_gpu_h"
ENERGY = {
    "neocloud-1k-h100": "sites.colo.energy_price_usd_per_mwh",
    "colossus-1": "sites.memphis.energy_price_usd_per_mwh",
}
CAPITAL = "costs.capital_usd_per_gpu.h100-sxm"
NEOCLOUD = {
    "as-it-is": {},
    "rate": {"lease.rate_usd_per_gpu_h": 2.6},
    "billed": {"lease.take_or_pay_share": 0.7, "lease.sold_share": 0.72},
    "all": {
        "lease.rate_usd_per_gpu_h": 2.9,
        "lease.take_or_pay_share": 0.97,
        ENERGY["neocloud-1k-h100"]: 55.0,
        CAPITAL: 39_000.0,
        "debt.interest_share": 0.07,
        "debt.tenor_months": 42.0,
        "debt.target_dscr_factor": 1.8,
        "debt.reserve_months": 5.0,
        "finance.tax_rate_share": 0.3,
        "finance.discount_rate_share": 0.12,
        "depreciation.book_life_yr": 4.0,
        "costs.escalator_share_per_yr": 0.05,
        "lease.escalator_share_per_yr": 0.02,
        "pools.h100-sxm.count": 2_048.0,
    },
}
COLOSSUS = {
    "as-it-is": {},
    "rate": {H100_RATE: 2.75},
    "all": {
        "lease.billed_share": 0.91,
        ENERGY["colossus-1"]: 82.0,
        CAPITAL: 28_000.0,
        "costs.data_centre_usd_per_mw": 9e6,
        "depreciation.residual_share": 0.2,
        "depreciation.book_life_yr": 5.0,
        "finance.loss_usd": 1.1e9,
        "pools.gb200.count": 30_000.0,
    },
}
SCENARIOS = {"filing-325k": {"lease.rate_usd_per_gpu_h": 4.8}, "market-card": {"lease.billed_share": 0.9}}
RUNS = [
    *(("neocloud-1k-h100", None, label, change) for label, change in NEOCLOUD.items()),
    ("neocloud-1k-h100", "headline-debt", "interest", {"debt.interest_share": 0.11}),
    ("spacex-filing-325k", None, "fee", {"lease.fee_usd_per_month": 1.1e9}),
    *(("colossus-1", None, label, change) for label, change in COLOSSUS.items()),
    *(("colossus-1", scenario, "changed", change) for scenario, change in SCENARIOS.items()),
    # A loan with everything that a cash flow can do to it.
    (
        "neocloud-1k-h100",
        (
            "debt.sweep_share=0.5",
            "debt.lock_up_dscr_factor=1.7",
            "debt.reserve_interest_share=0.03",
            "depreciation.bonus_share=0.4",
        ),
        "swept",
        {
            "lease.rate_usd_per_gpu_h": 2.2,
            "debt.sweep_share": 0.8,
            "debt.reserve_interest_share": 0.05,
            "depreciation.bonus_share": 0.6,
        },
    ),
    (
        "neocloud-1k-h100",
        ("debt.repayment=annuity", "debt.balloon_share=0.2", "finance.periods=yearly"),
        "annuity",
        {"debt.balloon_share": 0.3, "debt.interest_share": 0.08},
    ),
    (
        "neocloud-1k-h100",
        ("debt.repayment=straight-line", "finance.tax_losses=immediate", "lease.market.months=12", "lease.months=36"),
        "straight",
        {"lease.market.rate_usd_per_gpu_h": 1.3, "finance.tax_rate_share": 0.25},
    ),
]
IDS = [f"{name}-{given if isinstance(given, str | None) else 'terms'}-{label}" for name, given, label, _ in RUNS]


def options(given):
    """How a fleet is asked for: a scenario, or overrides."""
    return {"sets": given} if isinstance(given, tuple) else {"scenario": given}


def arguments(given):
    if given is None:
        return []
    return ["--scenario", given] if isinstance(given, str) else [part for one in given for part in ("--set", one)]


def written(path, changes):
    """The workbook with the input cells of these paths changed; a path the model does not have is a mistake."""
    book = openpyxl.load_workbook(path)
    sheet = book["Inputs"]
    rows = {sheet.cell(row, 1).value: row for row in range(1, sheet.max_row + 1)}
    for key, value in changes.items():
        sheet.cell(rows[key], 2).value = value
    return book


@pytest.fixture(scope="module")
def recalculated(tmp_path_factory):
    """Every run's workbook, changed, as LibreOffice computes it: one start of LibreOffice for all of them."""
    folder = tmp_path_factory.mktemp("office")
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(PROFILE)
    made: dict[tuple, Path] = {}
    files = []
    for number, (name, given, _, changes) in enumerate(RUNS):
        if (name, given) not in made:
            made[name, given] = folder / f"base{len(made)}.xlsx"
            command = ["colocalc", "lease", name, *arguments(given), "-o", str(made[name, given])]
            subprocess.run([_python(), "-m", *command], check=True, capture_output=True)
        files.append(folder / f"run{number}.xlsx")
        written(made[name, given], changes).save(files[-1])
    out = folder / "out"
    done = subprocess.run(
        [
            SOFFICE,
            f"-env:UserInstallation=file://{profile}",
            "--headless",
            "--convert-to",
            "xlsx",
            "--outdir",
            out,
            *files,
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "rror:" not in done.stdout + done.stderr
    return {run: openpyxl.load_workbook(out / path.name, data_only=True) for run, path in zip(IDS, files, strict=True)}


def _python():
    import sys

    return sys.executable


def metrics(book):
    """Value by metric id as the first sheet has it."""
    rows = book["Summary"].iter_rows(values_only=True)
    return {row[0]: row[1] for row in rows if row[0] and "." in row[0] and row[2]}


@pytest.mark.parametrize(("run", "asked"), list(zip(IDS, RUNS, strict=True)), ids=IDS)
def test_a_changed_input_recalculates_to_what_colocalc_computes(recalculated, evaluated, run, asked):
    name, given, _, changes = asked
    sets = tuple(f"{key}={int(value) if value == int(value) else value}" for key, value in changes.items())
    known = options(given)
    known["sets"] = (*known.get("sets", ()), *sets)
    own = evaluated(name, **known).metrics
    found = metrics(recalculated[run])

    assert {"lease.run_rate_revenue_usd_per_yr", "hedge.gross_share"} <= set(found)
    assert name == "spacex-filing-325k" or {"lease.project_npv_usd", "lease.project_irr_share"} <= set(found)
    assert name != "neocloud-1k-h100" or {"lease.min_dscr_factor", "lease.equity_irr_share"} <= set(found)
    for key, value in found.items():
        assert value == pytest.approx(float(own[key]), rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("run", IDS)
def test_no_cell_of_a_recalculated_workbook_is_an_error(recalculated, run):
    cells = [cell for sheet in recalculated[run] for row in sheet.iter_rows() for cell in row]

    assert [f"{cell.parent.title}!{cell.coordinate}" for cell in cells if cell.data_type == "e"] == []
