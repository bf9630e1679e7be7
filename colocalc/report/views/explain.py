"""One metric explained: its equation, the numbers put in, and where each of them comes from."""

from collections.abc import Iterator
from dataclasses import replace

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.metrics import METRICS, STAGES, base_id
from colocalc.report.table import Assumption, Column, Report, Table
from colocalc.report.views.common import counted, source_titles
from colocalc.study.evaluate import Result
from colocalc.study.explain import Explanation
from colocalc.study.explain.formula import Term
from colocalc.units import UNITS, text


def view(explanation: Explanation, case: Case | None, result: Result | None, catalog: Catalog) -> Report:
    """What a metric is and, with a fleet, how its number came about.

    Parameters
    ----------
    explanation : Explanation
        From ``colocalc.study.explain.explain``.
    case, result : Case and Result, or None
        The fleet it was explained with.
    catalog : Catalog
        For the titles of sources.
    """
    name, value = explanation.metric, explanation.value
    report = Report(
        command="explain",
        title=name if case is None else f"{name} of {case.title or case.name}",
        fleet=case.name if case else None,
        scenario=case.scenario if case else None,
        metrics={} if value is None else {name: value},
        undefined={} if result is None or value is not None else {name: explanation.why_not},
        units={name: explanation.unit},
        tables=tuple(_tables(explanation, catalog, with_fleet=case is not None)),
        headline=tuple(_headline(explanation)),
        assumptions=_assumptions(explanation, case) if case else (),
    )
    return replace(report, source_titles=source_titles(report, catalog))


def _headline(explanation: Explanation) -> Iterator[str]:
    unit = UNITS[explanation.unit]
    yield f"{explanation.meaning[0].upper()}{explanation.meaning[1:]}."
    yield f"Unit: {unit.suffix}, {unit.meaning}."
    yield from _place(explanation)
    yield f"Equation: {explanation.equation}"
    if explanation.formula is not None:
        yield f"Here: {explanation.formula.shown}"
        yield f"= {explanation.formula.substituted}"
    if explanation.value is not None:
        yield f"= {text(explanation.value, explanation.unit)}"
    if explanation.why_not:
        verb = "No value here" if explanation.value is None else "No formula here"
        yield f"{verb}: {explanation.why_not}."
    if explanation.formula is not None and explanation.formula.note:
        yield f"Note: {explanation.formula.note}."


def _place(explanation: Explanation) -> Iterator[str]:
    """Where a stage stands in the waterfall, and whether pools have the metric too."""
    stages = list(STAGES)
    if explanation.stage:
        place = stages.index(explanation.stage)
        sides = [f"after {stages[place - 1]}"] if place else []
        sides += [f"before {stages[place + 1]}"] if place + 1 < len(stages) else []
        yield f"Stage {place + 1} of {len(stages)} of the waterfall, {', '.join(sides)}; time before over time after."
    if explanation.metric in METRICS and METRICS[explanation.metric].per_pool:
        yield f"Of one pool: pools.<name>.{explanation.metric}."


def _tables(explanation: Explanation, catalog: Catalog, *, with_fleet: bool) -> Iterator[Table]:
    formula = explanation.formula
    if formula is not None and formula.terms:
        yield _terms(formula.terms)
    if explanation.jobs:
        yield _jobs(explanation)
    if explanation.where and formula is None:
        columns = (Column("term", "Term", kind="text"), Column("meaning", "What it is", kind="text"))
        yield Table("where", "Terms of the equation", columns, explanation.where)
    yield _references(explanation, catalog)
    if explanation.neighbours and not with_fleet:
        yield _neighbours(explanation)


_TERM_COLUMNS = (
    Column("symbol", "Term", kind="text"),
    Column("value", "Value", unit_from="unit"),
    Column("unit", "Unit", kind="text", hidden=True),
    Column("meaning", "What it is", kind="text"),
    Column("comes_from", "Comes from", kind="text"),
    Column("origin", "Origin", kind="text"),
    Column("source", "Source", kind="text"),
    Column("note", "Note", kind="text", wide=True),
)
_MOST_TERMS = 60  # rows for people and programs alike; a fleet of many pools has hundreds of alike terms


def _terms(terms: tuple[Term, ...]) -> Table:
    rows = [
        (term.symbol, term.value, term.unit, term.meaning, term.comes_from, term.origin, term.source, term.note)
        for term in terms
    ]
    left_out = len(rows) - _MOST_TERMS
    caption = f"{counted(left_out, 'term')} more, of the pools that follow." if left_out > 0 else ""
    return Table("terms", "Terms", _TERM_COLUMNS, tuple(rows[:_MOST_TERMS]), caption=caption)


def _jobs(explanation: Explanation) -> Table:
    columns = (
        Column("job", "Job", kind="text"),
        Column("stage_factor", "Factor", "factor"),
        Column("formula", "Formula", kind="text"),
        Column("substituted", "In numbers", kind="text"),
    )
    rows = tuple((part.job, part.value, part.formula.shown, part.formula.substituted) for part in explanation.jobs)
    return Table("jobs", "The stage in each job", columns, rows)


def _references(explanation: Explanation, catalog: Catalog) -> Table:
    """Whose equation it is: the place in a source of the catalog, or a work in words."""
    rows = []
    for reference in explanation.references:
        source, _, place = reference.partition(", ")
        known = source in catalog.sources
        rows.append((place or "as a whole" if known else reference, source if known else ""))
    columns = (Column("reference", "Equation or convention of", kind="text"), Column("source", "Source", kind="text"))
    return Table("references", "References", columns, tuple(rows))


def _neighbours(explanation: Explanation) -> Table:
    columns = (Column("metric", "Metric", kind="text"), Column("meaning", "Meaning", kind="text"))
    rows = tuple((name, METRICS[base_id(name)].meaning) for name in explanation.neighbours)
    return Table("neighbours", "Not to be taken for", columns, rows)


def _assumptions(explanation: Explanation, case: Case) -> tuple[Assumption, ...]:
    """The assumptions behind the terms, in the order of the terms."""
    formulas = [explanation.formula, *(part.formula for part in explanation.jobs)]
    paths = dict.fromkeys(
        path for formula in formulas if formula is not None for term in formula.terms for path in term.paths
    )
    known = {row.path: row for row in case.assumptions}
    rows = (known[path] for path in paths)
    return tuple(
        Assumption(row.path, row.value, row.unit, row.low, row.high, row.source, row.origin, row.note) for row in rows
    )
