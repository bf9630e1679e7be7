"""Trials of a fleet: how likely what is, in a sentence, in quantiles, as a histogram, and what makes it so."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from colocalc.case import Case
from colocalc.case.risk import Chances, Input
from colocalc.metrics import family_of, unit_suffix
from colocalc.report.table import Assumption, Column, Note, Report, Table
from colocalc.report.views.common import assemble, counted, source_titles
from colocalc.report.views.kept_layout import on_layout
from colocalc.study.evaluate import Result
from colocalc.study.odds import Odds
from colocalc.study.risk import Outcome, Plan
from colocalc.study.spread import RANKED, Bar, Spread, Statistics
from colocalc.study.trials import GENERATOR
from colocalc.units import text

if TYPE_CHECKING:
    from colocalc.catalog import Catalog

_MOST_BARS = 10
_MOST_SENTENCES = 3
_WORDS = {
    "lease.project_npv_usd < 0": "The project's net present value is below zero",
    "lease.equity_npv_usd < 0": "The owners' net present value is below zero",
    "lease.min_dscr_factor < 1": "Debt service is not covered in some period",
    "hedge.gross_share >= 1": "The lease covers the whole loss, gross,",
    "hedge.contribution_share >= 1": "The lease covers the whole loss after the costs it adds",
    "hedge.cash_share >= 1": "The lease covers the whole loss in cash",
}
_UNIT = Column("unit", "Unit", kind="text", hidden=True)
_METRIC = Column("metric", "Metric", kind="text")
_TOPICS = {"fleet": "mfu"}


def risk(
    case: Case,
    result: Result,
    catalog: "Catalog",
    *,
    plan: Plan,
    outcome: Outcome,
    spread: Spread | None,
    chances: Chances,
    engine: str,
    versions: Sequence[str],
    relayout: bool = False,
) -> Report:
    """What the trials say of each metric; without any that is done, why."""
    families = {family_of(name) for name in (*plan.names, *plan.undefined)}
    found = assemble(
        "risk",
        case=case,
        result=result,
        catalog=catalog,
        families=tuple(families),
        topics={_TOPICS.get(family, family) for family in families},
        tables=tuple(_tables(plan, spread)) if spread else (),
        headline=_headline(plan, outcome, spread),
        notes=(
            *_notes(plan, outcome, engine, versions),
            *on_layout(case, plan.names, "trial", relayout=relayout),
        ),
    )
    # Of everything assumed, what the trials rest on stands first.
    own = tuple(Assumption(*row[:-1]) for row in chances.assumptions)
    report = replace(
        found, assumptions=(*own, *found.assumptions), undefined={**found.undefined, **_undefined(plan, found)}
    )
    units = {name: unit_suffix(name) for name in (*report.metrics, *report.undefined)}
    return replace(report, units=units, source_titles=source_titles(report, catalog))


def _undefined(plan: Plan, found: Report) -> dict[str, str]:
    return {name: why for name, why in plan.undefined.items() if name not in found.undefined}


def _headline(plan: Plan, outcome: Outcome, spread: Spread | None) -> tuple[str, ...]:
    if spread is None:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(plan.undefined.items())[:1])
        return (f"Nothing to draw for: no metric asked for has a value here. {reasons}.",) if not plan.names else ()
    if not plan.task.varied and plan.task.draws.paths is None:
        return ("No figure behind these metrics has a range, so all trials are the same: give figures low and high.",)
    first = next((one for one in spread.statistics if one.undefined_share < 1.0), None)
    if first is None:
        return ("No trial has a value.",)
    said = [one for one in spread.odds if one.text in _WORDS or one.origin == "asked"]
    leading = sorted(said, key=lambda one: (one.origin != "asked", first.name not in one.text))[:_MOST_SENTENCES]
    return (*(_odds_text(one, outcome) for one in leading), _band_text(first))


def _odds_text(one: Odds, outcome: Outcome) -> str:
    trials = counted(outcome.done_count, "trial")
    words, share, error = _WORDS.get(one.text, one.text), text(one.share, "share"), text(one.error_share, "share")
    return f"{words} in {share} of {trials} (± {error})."


def _band_text(one: Statistics) -> str:
    unit = unit_suffix(one.name)
    low, middle, high = (text(one.quantiles[place], unit) for place in (1, 2, 3))
    return f"{one.name}: P10 {low}, median {middle}, P90 {high}; with every figure at its value {text(one.now, unit)}."


def _tables(plan: Plan, spread: Spread) -> Iterator[Table]:
    yield _statistics(spread.statistics)
    yield _noise(spread.statistics)
    if spread.odds:
        yield _odds(spread.odds)
    leading = next(iter(spread.histograms), None)
    if leading is not None:
        yield _histogram(leading, spread)
        if spread.tornadoes[leading]:
            yield _tornado(leading, spread.tornadoes[leading])
    yield _histograms(spread)
    yield _tornadoes(spread)
    yield _inputs(plan.task.draws.inputs)


def _statistics(found: Sequence[Statistics]) -> Table:
    columns = (
        _METRIC,
        Column("now", "As given", unit_from="unit"),
        Column("p05", "P5", unit_from="unit", hidden=True),
        Column("p10", "P10", unit_from="unit"),
        Column("p50", "P50", unit_from="unit"),
        Column("p90", "P90", unit_from="unit"),
        Column("p95", "P95", unit_from="unit", hidden=True),
        _UNIT,
    )
    rows = tuple((one.name, one.now, *one.quantiles, unit_suffix(one.name)) for one in found)
    caption = (
        "P10: one trial in ten lies below. As given: every figure at its value, which is not the mean of its range."
    )
    return Table("statistics", "What the trials say", columns, rows, caption=caption)


def _noise(found: Sequence[Statistics]) -> Table:
    whole = all(one.undefined_share == 0.0 for one in found)
    columns = (
        _METRIC,
        Column("mean", "Mean", unit_from="unit"),
        Column("mean_error", "±", unit_from="unit"),
        Column("deviation", "Std. dev.", unit_from="unit"),
        Column("p05_error", "P5 ±", unit_from="unit", hidden=True),
        Column("p10_error", "P10 ±", unit_from="unit", wide=True),
        Column("p50_error", "P50 ±", unit_from="unit", wide=True),
        Column("p90_error", "P90 ±", unit_from="unit", wide=True),
        Column("p95_error", "P95 ±", unit_from="unit", hidden=True),
        Column("undefined_share", "No value", "share", hidden=whole),
        _UNIT,
    )
    rows = tuple(
        (
            one.name,
            one.mean,
            one.mean_error,
            one.deviation,
            *one.quantile_errors,
            one.undefined_share,
            unit_suffix(one.name),
        )
        for one in found
    )
    caption = "± is the standard error: how far the number would move with another seed."
    return Table("noise", "How far to trust that", columns, rows, caption=caption)


def _odds(found: Sequence[Odds]) -> Table:
    whole = all(one.undefined_share == 0.0 for one in found)
    columns = (
        Column("expectation", "Expectation", kind="text"),
        Column("share", "Holds in", "share"),
        Column("error_share", "±", "share"),
        Column("undefined_share", "No value", "share", hidden=whole),
        Column("origin", "Asked by", kind="text"),
    )
    rows = tuple((one.text, one.share, one.error_share, one.undefined_share, one.origin) for one in found)
    caption = "" if whole else "Where a metric has no value, an expectation of it does not hold."
    return Table("odds", "How likely", columns, rows, caption=caption)


def _histogram(name: str, spread: Spread) -> Table:
    unit = unit_suffix(name)
    columns = (
        Column("low", "From", unit),
        Column("high", "to", unit),
        Column("trial_count", "Trials", "count"),
        Column("trial_share", "Share", "share", kind="text", drawn=True),
    )
    return Table("histogram", f"{name} over the trials", columns, tuple(_bins(name, spread)))


def _bins(name: str, spread: Spread) -> Iterator[tuple[float, float, float, float]]:
    edges, counts = spread.histograms[name]
    total = float(counts.sum())
    for low, high, count in zip(edges.tolist(), edges[1:].tolist(), counts.tolist(), strict=False):
        yield low, high, count, count / total


def _histograms(spread: Spread) -> Table:
    columns = (
        _METRIC,
        Column("low", "From", unit_from="unit"),
        Column("high", "to", unit_from="unit"),
        Column("trial_count", "Trials", "count"),
        Column("trial_share", "Share", "share"),
        _UNIT,
    )
    rows = tuple((name, *row, unit_suffix(name)) for name in spread.histograms for row in _bins(name, spread))
    return Table("histograms", "Histograms", columns, rows, is_long=True)


def _bar_cells(bar: Bar, metric: str) -> tuple[object, ...]:
    return (
        bar.path,
        _range_text(bar),
        bar.low,
        bar.high,
        bar.unit,
        bar.at_low,
        bar.at_high,
        bar.rank_correlation_share,
        bar.contribution_share,
        unit_suffix(metric),
    )


_BAR_COLUMNS = (
    Column("input", "Input", kind="text"),
    Column("range", "Range", kind="text", wide=True),
    Column("low", "Low", unit_from="unit", hidden=True),
    Column("high", "High", unit_from="unit", hidden=True),
    _UNIT,
    Column("at_low", "At its low", unit_from="metric_unit"),
    Column("at_high", "At its high", unit_from="metric_unit"),
    Column("rank_correlation_share", "Ranks", "share"),
    Column("contribution_share", "Part", "share", kind="text", drawn=True),
    Column("metric_unit", "Unit", kind="text", hidden=True),
)


def _range_text(bar: Bar) -> str:
    if bar.low is None or bar.high is None:
        return "a path"
    return f"{text(bar.low, bar.unit)} to {text(bar.high, bar.unit)}"


def _tornado(name: str, bars: Sequence[Bar]) -> Table:
    rows = tuple(_bar_cells(bar, name) for bar in bars[:_MOST_BARS])
    caption = (
        f"The metric at each end of an input, all others as given; the correlation of their ranks over the first "
        f"{RANKED:,} trials; and its square over the sum of all squares. Inputs that move together share their part."
    )
    return Table("tornado", f"What moves {name}", _BAR_COLUMNS, rows, caption=caption)


def _tornadoes(spread: Spread) -> Table:
    columns = (
        _METRIC,
        *(replace(column, drawn=False, kind="number") if column.drawn else column for column in _BAR_COLUMNS),
    )
    rows = tuple((name, *_bar_cells(bar, name)) for name, bars in spread.tornadoes.items() for bar in bars)
    return Table("tornadoes", "What moves each metric", columns, rows, is_long=True)


def _inputs(found: Sequence[Input]) -> Table:
    columns = (
        Column("input", "Input", kind="text"),
        Column("shape", "Shape", kind="text"),
        Column("low", "Low", unit_from="unit"),
        Column("value", "Value", unit_from="unit"),
        Column("high", "High", unit_from="unit"),
        _UNIT,
        Column("tail_share", "Tail", "share"),
        Column("is_whole", "Whole", kind="text"),
        Column("is_correlated", "With other rates", kind="text"),
    )
    rows = tuple(
        (one.path, one.shape, one.low, one.value, one.high, one.unit, one.tail_share, one.is_whole, one.is_rate)
        for one in found
    )
    return Table("inputs", "What is drawn", columns, rows, is_long=True)


def _notes(plan: Plan, outcome: Outcome, engine: str, versions: Sequence[str]) -> Iterator[Note]:
    if plan.names and outcome.done_count < outcome.asked_count:
        words = f"interrupted after {outcome.done_count:,} of {counted(outcome.asked_count, 'trial')}"
        yield Note(words, "warning")
    draws = plan.task.draws
    yield Note(f"seed {draws.seed}, generator {GENERATOR}, {', '.join(versions)}")
    yield Note(f"engine: {engine}; the numbers are the same with every engine, number of workers and size of blocks")
    inputs = draws.inputs
    lognormal = sum(one.shape == "lognormal" for one in inputs)
    if inputs:
        yield Note(
            f"{counted(len(inputs), 'number')} drawn: {lognormal} prices, rates and amounts as lognormals whose low "
            f"and high are quantiles (risk.tail_share), {len(inputs) - lognormal} shares, counts and factors as "
            "triangles; lease rates move together (risk.rate_correlation_share), everything else independently"
        )
    if draws.failures:
        yield Note("failures are counted: their rate is drawn from its range, and then how many happen to come")
    for sentence in plan.held:
        yield Note(sentence)
    if plan.is_slow:
        yield Note(
            "every trial is lowered by itself, which is slow: some number is no straight line, or a layout is searched"
        )
