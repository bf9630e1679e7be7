"""The front of a live model: sentences, key metrics as formulas, and what is live and what is frozen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from colocalc.metrics import METRICS, base_id, unit_suffix
from colocalc.report.table import Report
from colocalc.report.views.model.build import Build
from colocalc.report.views.model.grid import Grid

NAME = "Summary"
NOTES = "Notes"
_FAMILIES: Final = (
    ("lease.", "The lease"),
    ("hedge.", "The hedge"),
    ("mfu.", "MFU"),
    ("h100e.", "H100-equivalents"),
    ("fleet.", "The fleet"),
)
_KEY: Final = (
    "lease.run_rate_revenue_usd_per_yr",
    "lease.mean_rate_usd_per_gpu_h",
    "lease.contribution_usd_per_yr",
    "lease.headline_value_usd",
    "lease.firm_value_usd",
    "lease.capital_usd",
    "lease.project_npv_usd",
    "lease.project_irr_share",
    "lease.equity_npv_usd",
    "lease.equity_irr_share",
    "lease.min_dscr_factor",
    "hedge.gross_share",
    "hedge.contribution_share",
    "mfu.fleet_share",
    "h100e.eight_bit_dense_count",
)


def write(build: Build, report: Report) -> Grid:
    """The first sheet."""
    grid = Grid(NAME)
    grid.widths = {0: 46.0, 1: 20.0, 2: 18.0, 3: 16.0, 4: 78.0}
    grid.has_units = True
    grid.title(report.title, report.headline)
    grid.words(grid.row(), ["The sentences are of the run; the figures below follow the inputs."], "note")
    grid.heading("Key metrics")
    _rows(grid, build, [name for name in _KEY if name in build.metrics], report.metrics)
    for start, title in _FAMILIES:
        left = [name for name in build.metrics if name.startswith(start) and name not in _KEY and name in METRICS]
        if left:
            grid.heading(title)
            _rows(grid, build, left, report.metrics)
    return grid


def _rows(grid: Grid, build: Build, names: Iterable[str], told: Mapping[str, float]) -> None:
    grid.words(grid.row(), ("Metric", "Value", "Unit", "As colocalc ran", "Meaning"), "heading")
    for name in names:
        row, unit = grid.row(), unit_suffix(name)
        grid.put((row, 0), name, role="text")
        build.metrics[name] = grid.put((row, 1), build.metrics[name], unit=unit, role="total")
        grid.words(row, [unit], column=2)
        if name in told:
            grid.put((row, 3), told[name], unit=unit, role="value")
        grid.put((row, 4), METRICS[base_id(name)].meaning, role="text")


def write_notes(notes: Sequence[str], report: Report, values: Sequence[str]) -> Grid:
    """What may be changed, what stays as it was, and the notes of the report."""
    grid = Grid(NOTES)
    grid.widths = {0: 130.0}
    grid.title("Notes")
    grid.words(grid.row(), ["What is live"], "heading")
    for line in (*_LIVE, *notes):
        grid.words(grid.row(), [line])
    grid.heading("What is frozen")
    for line in (*_FROZEN, f"Sheets of values, as colocalc ran: {', '.join(values)}."):
        grid.words(grid.row(), [line])
    grid.heading("Notes of the report")
    for note in report.notes:
        grid.words(grid.row(), [f"{note.kind}: {note.text}"])
    return grid


_LIVE = (
    "Yellow cells on the sheet of inputs may be changed; each has a name, which formulas use.",
    "Formulas lead from there to revenue, costs, capital, depreciation, debt, tax and the flows of owners,",
    "and on to NPV, IRR, DSCR, the hedge, MFU and H100-equivalents.",
    "A rate of return is searched by IRR and made exact by one step of Newton's method.",
    "Where the worth of a flow crosses 0 at several rates, or at none, it is undefined: see the rates of return.",
)
_FROZEN = (
    "Grey cells are from colocalc and stay as they are: dates and how many hours a month has, deliveries,",
    "the course of a notice and of the market, tax schedules, curves of value, periods in which debt may be drawn,",
    "and equivalents of a GPU. Stages of the MFU waterfall may be typed over, and are modelled anew only by a run.",
    "Words are frozen: how debt is sized and repaid, methods of depreciation, what the loss contains, years or months.",
    "To change those, or to add a clause that this fleet does not have, run colocalc again.",
    "Not in the model, and so only among the values: break-even rates, the downside case of lenders, the band of MFU,",
    "train-or-lease and claims.",
)
