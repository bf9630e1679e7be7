"""A live model of a fleet's lease as a workbook: formulas from the inputs to returns, cover ratios and the hedge.

Each formula is written once, as arithmetic on cells that carry their values: what a viewer shows before it recalculates
and what it computes afterwards cannot differ.
"""

import numpy as np

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.report.formula import present_value, ratio
from colocalc.report.table import Report
from colocalc.report.views.model import debt, months, pools, project, returns, run_rate, stages, summary, years
from colocalc.report.views.model.build import Build, Fleet, known
from colocalc.report.views.model.inputs import Inputs
from colocalc.report.workbook import Cell, Workbook
from colocalc.study.evaluate import Result
from colocalc.units import MONTHS_PER_YEAR

MOST_POOLS = 60  # a line for each pool and month is read by nobody beyond


def workbook(case: Case, result: Result, catalog: Catalog, report: Report) -> Workbook | None:
    """The model of a fleet; None where there is nothing to compute with, or too much of it.

    Parameters
    ----------
    case, result : Case, Result
        One scenario, evaluated.
    catalog : Catalog
        To know GPU types by the names the file has for them.
    report : Report
        What the summary says; its command decides whether MFU and equivalents are part of the model.
    """
    if len(case.pools.names) > MOST_POOLS or (case.lease is None and report.command == "lease"):
        return None
    build = Build(case, result, catalog, Inputs(case))
    fleet = pools.write(build)
    costs = run_rate.write(build, fleet)
    labels = _month_labels(case, result)
    by_month = months.write(build, fleet, costs, labels)
    cash = _cash_flow(build, fleet, costs, by_month)
    years.write_hedge(build, fleet, costs, by_month, cash, _year_labels(result)[1:])
    _worth(build, by_month)
    if report.command == "report":
        stages.write_mfu(build)
        stages.write_h100e(build, fleet)
    inputs, names = build.inputs.written()
    front = summary.write(build, report)
    notes = summary.write_notes(build.notes, report, [table.title for table in report.tables])
    metrics = {
        name: Cell(build.metrics[name].value, None, build.metrics[name].text)
        for name in build.metrics
        if not name.startswith("service.")
    }
    sheets = tuple(grid.sheet() for grid in (front, inputs, *build.grids, notes))
    return Workbook(sheets=sheets, names=names, metrics=metrics)


def _cash_flow(
    build: Build, fleet: Fleet, costs: run_rate.RunRate | None, by_month: months.Months | None
) -> tuple[project.Sheet, project.Flows, debt.Loan | None] | None:
    """The sheets of the cash flow; None without capital, costs or months."""
    found = build.result.returns.project if build.result.returns else None
    terms = build.case.project
    if found is None or terms is None or costs is None or by_month is None:
        return None
    grid = build.grid(project.NAME, project.FIRST)
    years_shown = _year_labels(build.result)
    is_monthly = found.months_per_period < MONTHS_PER_YEAR
    labels = ["close", *_month_labels(build.case, build.result)] if is_monthly else years_shown
    grid.title(f"Cash flow by {'month' if is_monthly else 'contract year'}", (_CONVENTION,))
    grid.periods(labels[: found.flows.capital_usd.shape[-1]], headings=("Line", "Unit", "Total"))
    sheet = project.Sheet(build, grid, found, terms, by_month)
    flows = project.before_debt(sheet, fleet, costs)
    loan = debt.write(sheet, flows, terms.debt) if terms.debt else None
    equity = returns.write(sheet, flows, loan)
    years.write_years(build, sheet, flows, loan, equity, years_shown)
    return sheet, flows, loan


_CONVENTION = (
    "Capital at the start, flows at the end of each period; what is paid in is negative in the flows of owners."
)


def _worth(build: Build, by_month: months.Months | None) -> None:
    """What the contracts are worth beside the valuation stated."""
    terms, grid = build.case.project, build.grids[-1] if build.grids else None
    if terms is None or by_month is None or grid is None:
        return
    sheet = next(each for each in build.grids if each.name == months.NAME)
    worth, inputs, metrics = None, build.inputs, build.metrics
    if known(terms.discount_rate_share) and known(build.result.metrics.get("lease.capitalised_value_usd", np.nan)):
        net = sheet.line("Revenue less power and operations", "usd").fill(
            by_month.revenue[month] - by_month.power[month] - by_month.operations[month]
            for month in range(len(by_month.revenue))
        )
        rate = project.per_period(inputs.number("finance.discount_rate_share", terms.discount_rate_share), 1.0)
        row = sheet.row()
        sheet.words(row, ["Worth of it", "usd"])
        value = present_value(rate, net.span())
        worth = metrics["lease.capitalised_value_usd"] = sheet.put((row, 2), value, unit="usd", role="formula")
    multiple = None
    if known(terms.valuation_multiple_factor) and "lease.contribution_usd_per_yr" in metrics:
        factor = inputs.number("finance.valuation_multiple_factor", terms.valuation_multiple_factor)
        multiple = metrics["lease.multiple_value_usd"] = metrics["lease.contribution_usd_per_yr"] * factor
    if known(terms.valuation_usd):
        stated = inputs.number("finance.valuation_usd", terms.valuation_usd)
        for name, part in (("capitalised", worth), ("multiple", multiple)):
            if part is not None:
                metrics[f"lease.{name}_valuation_share"] = ratio(part, stated)


def _month_labels(case: Case, result: Result) -> list[str]:
    deal = result.returns.deal if result.returns else None
    if deal is None:
        return []
    if not bool(np.any(case.leap_day_count > 0.0)):
        return [f"month {place + 1}" for place in range(deal.calendar_month.shape[-1])]
    return [_month(month) for month in deal.calendar_month]


def _month(month: float) -> str:
    return f"{int(month // MONTHS_PER_YEAR):04d}-{int(month % MONTHS_PER_YEAR) + 1:02d}"


def _year_labels(result: Result) -> list[str]:
    """The close and the contract years."""
    deal = result.returns.deal if result.returns else None
    if deal is None:
        return ["close"]
    count = int(np.ceil(float(np.max(deal.term_months)) / MONTHS_PER_YEAR - 1e-6))
    return ["close", *(f"year {year + 1}" for year in range(count))]


__all__ = ["workbook"]
