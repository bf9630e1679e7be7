"""A goal and where it is met: every value, or why there is none, and how the metric runs over the range searched."""

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.report.table import Column, Report, Table
from colocalc.report.views.common import assemble
from colocalc.study.evaluate import Result
from colocalc.study.goal import Goal
from colocalc.study.solve import Root
from colocalc.units import text, unit_of

_KINDS = {
    "met": "meets it",
    "jump": "the metric jumps over it here",
    "between": "whole numbers step over it; the nearest",
}


def solve(case: Case, result: Result, catalog: Catalog, *, goal: Goal) -> Report:
    """What was asked, what meets it, and the metrics of the fleet at the first value that does."""
    return assemble(
        "solve",
        case=case,
        result=result,
        catalog=catalog,
        families=("fleet", "mfu", "lease", "hedge", "h100e"),
        topics=(_topic(goal),),
        tables=(*_solutions(goal), _curve(goal)),
        headline=_headline(goal),
    )


def _topic(goal: Goal) -> str:
    return next((part for part in goal.comparison.metric.split(".") if part in {"lease", "hedge", "h100e"}), "mfu")


def _asked(goal: Goal) -> str:
    wanted = goal.comparison
    return f"{wanted.metric} {wanted.op} {_metric_text(goal, wanted.number)}"


def _metric_text(goal: Goal, value: float | None) -> str:
    unit = unit_of(goal.comparison.metric)
    return text(value, unit.suffix if unit else None)


def _headline(goal: Goal) -> tuple[str, ...]:
    now = f"Now {goal.key} is {text(goal.now, goal.unit)} and " if goal.now is not None else "Now "
    current = f"{now}{goal.comparison.metric} is {_metric_text(goal, goal.now_metric)}."
    return (_answer(goal), current, *_metrics_are(goal))


def _answer(goal: Goal) -> str:
    solution, span = goal.solution, _span(goal)
    if solution.everywhere and goal.comparison.op == "=":
        return f"{_asked(goal)} at every {goal.key} {span}: it has no part in it."
    if goal.ranges:
        parts = " and ".join(f"from {_value(goal, low)} to {_value(goal, high)}" for low, high in goal.ranges)
        return f"{_asked(goal)} holds with {goal.key} {parts}; searched {span}."
    roots = solution.roots if goal.comparison.op == "=" else ()
    if not roots:
        return f"No {goal.key} {span} gives {_asked(goal)}: {_reached(goal)}."
    met = [_value(goal, root.value) for root in roots if root.kind == "met"]
    count = "" if len(met) == 1 else f"{len(met)} values of "
    missed = "; ".join(_missed(goal, root) for root in roots if root.kind != "met")
    if not met:
        return f"No {goal.key} {span} gives exactly {_asked(goal)}: {missed}."
    return f"{_asked(goal)} with {count}{goal.key} {', '.join(met)}{'; ' if missed else ''}{missed}."


def _missed(goal: Goal, root: Root) -> str:
    """Where the metric passes the target without being on it."""
    there = f"{goal.key} {_value(goal, root.value)}"
    if root.kind == "jump":
        return f"it jumps over it at {there}"
    return f"whole numbers step over it, and at {there} it is {_metric_text(goal, root.metric)}"


def _reached(goal: Goal) -> str:
    low, high = (_metric_text(goal, end) for end in (goal.solution.reached_low, goal.solution.reached_high))
    if goal.solution.low == goal.solution.high:
        return f"it is {low} there"
    if goal.solution.reached_low == goal.solution.reached_high:
        return f"it is {low} at each of them, and {goal.key} has no part in it"
    return f"it stays within {low} and {high}"


def _value(goal: Goal, value: float) -> str:
    """A value of the input with the digits a reader would set it by, and with its unit."""
    return f"{value:.7g} ({text(value, goal.unit)})" if goal.unit else f"{value:.7g}"


def _span(goal: Goal) -> str:
    return f"between {text(goal.solution.low, goal.unit)} and {text(goal.solution.high, goal.unit)}"


def _metrics_are(goal: Goal) -> tuple[str, ...]:
    """Which fleet the metrics of the machine-readable forms are of."""
    return ("The metrics of --format json are those at the first value that meets it.",) if goal.met else ()


def _solutions(goal: Goal) -> tuple[Table, ...]:
    columns = (
        Column("key", "Input", kind="text"),
        Column("value", "Value", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("metric", "Metric", kind="text"),
        Column("metric_value", "Is", unit_from="metric_unit"),
        Column("metric_unit", "Unit", kind="text", hidden=True),
        Column("kind", "How", kind="text"),
    )
    unit = unit_of(goal.comparison.metric)
    rows = tuple(
        (
            goal.key,
            root.value,
            goal.unit,
            goal.comparison.metric,
            root.metric,
            unit.suffix if unit else None,
            _KINDS[root.kind],
        )
        for root in goal.solution.roots
    )
    return (Table("solutions", "Where it is met", columns, rows),) if rows else ()


def _curve(goal: Goal) -> Table:
    columns = (
        Column("value", "Input", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("metric_value", "Metric", unit_from="metric_unit"),
        Column("metric_unit", "Unit", kind="text", hidden=True),
    )
    unit = unit_of(goal.comparison.metric)
    suffix = unit.suffix if unit else None
    rows = tuple((value, goal.unit, metric, suffix) for value, metric in goal.curve)
    return Table("curve", f"{goal.comparison.metric} over {goal.key}", columns, rows)
