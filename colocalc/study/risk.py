"""Monte Carlo over the ranges of a fleet's numbers: how likely is what, and what makes it so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Assumption, Case, numbers
from colocalc.case.plane import Span
from colocalc.case.risk import (
    Chances,
    Input,
    counted,
    input_of,
    path_loadings,
    rate_loadings,
)
from colocalc.chance.shapes import normal_quantile_factor
from colocalc.errors import ColocalcError, quoted
from colocalc.expect import Expectation, metrics_of, parse, unknown_metrics
from colocalc.metrics import METRICS, base_id, family_of, is_metric
from colocalc.study.asked import refuse_unknown
from colocalc.study.deal import evaluate_deal
from colocalc.study.engine import Engine, Progress, run
from colocalc.study.engine.task import Block, blocks_of, chunk_rows, whole_chunks
from colocalc.study.evaluate import Result
from colocalc.study.ranges import CONSTANTS, MODEL_ERROR, Varied
from colocalc.study.surface import LoweredSurface, surface_of
from colocalc.study.trials import CHUNK, Draws, Paths, Trials
from colocalc.units import HOURS_PER_DAY, HOURS_PER_YEAR, MONTHS_PER_YEAR

# What a fleet is judged by when nobody asks, and which of it the histogram and the tornado are of: the first that has
# a value.
DEFAULT_METRICS = (
    "lease.project_npv_usd",
    "lease.contribution_usd_per_yr",
    "lease.run_rate_revenue_usd_per_yr",
    "lease.equity_npv_usd",
    "lease.min_dscr_factor",
    "hedge.gross_share",
    "hedge.contribution_share",
    "hedge.cash_share",
    "mfu.fleet_share",
)
DEFAULT_ODDS = (
    "lease.project_npv_usd < 0",
    "lease.equity_npv_usd < 0",
    "lease.min_dscr_factor < 1",
    "hedge.gross_share >= 1",
    "hedge.contribution_share >= 1",
    "hedge.cash_share >= 1",
)
MOST_INPUTS = 256  # numbers drawn: those of pools beyond it are held, so that the work stays small
_FAILURES = "failures_per_1000_gpu_day"
_FAR = 4.0  # standard deviations up to which the fleet is probed
_STAGE = "mfu.stage."
_DAYS_PER_MONTH = HOURS_PER_YEAR / HOURS_PER_DAY / MONTHS_PER_YEAR


@dataclass(frozen=True, eq=False)
class Plan:
    """What is drawn and asked, before any trial.

    Attributes
    ----------
    task : Trials
        What an engine evaluates.
    names : tuple of str
        Metrics asked for that the fleet has.
    undefined : mapping of str to str
        Why others have no value.
    odds : tuple of (Expectation, str)
        Expectations, and who asks for them.
    now : mapping of str to float
        The metrics with every number at its value.
    held : tuple of str
        Sentences on what is not drawn, and on how what is drawn is taken.
    is_slow : bool
        Whether every trial is lowered by itself.
    """

    task: Trials
    names: tuple[str, ...]
    undefined: Mapping[str, str]
    odds: tuple[tuple[Expectation, str], ...]
    now: Mapping[str, float]
    held: tuple[str, ...]
    is_slow: bool


@dataclass(frozen=True, eq=False)
class Outcome:
    """Trials that are done.

    Attributes
    ----------
    columns : mapping of str to ndarray (trial,)
        Each metric over the trials.
    asked_count, done_count : int
        Trials asked for and done; fewer are done when the work was interrupted.
    """

    columns: Mapping[str, Array]
    asked_count: int
    done_count: int


class Sink(Protocol):
    """What takes every trial as it is done."""

    def write(self, block: Block, columns: Mapping[str, Array]) -> None:
        """The metrics of one more block."""


def plan(
    fleet: Varied,
    result: Result,
    chances: Chances,
    *,
    metrics: Sequence[str],
    asked: Sequence[str],
    in_file: Sequence[str],
    seed: int,
) -> Plan:
    """What trials of a fleet draw and what is asked of them.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    result : Result
        The fleet with every number at its value.
    chances : Chances
        What it says of chance.
    metrics : sequence of str
        Metric ids; none for those a fleet is judged by.
    asked, in_file : sequence of str
        Expectations of the command line and of the file.
    seed : int
        Of all that is drawn.

    Raises
    ------
    ColocalcError
        When there is no such metric, an expectation cannot be read, or the file's correlations contradict each other.
    """
    refuse_unknown(metrics, fleet.case.pools.names)
    expectations = _expectations(fleet.case, asked, in_file, result)
    named = tuple(dict.fromkeys((*(metrics or DEFAULT_METRICS), *_named(expectations))))
    names = tuple(name for name in named if name in result.metrics)
    undefined = {name: result.undefined.get(name, "it has no value here") for name in named if name not in names}
    draws, held = _draws(fleet, chances, names, seed)
    spans = [(place, span) for place, one in enumerate(draws.inputs) if (span := _span(one)) is not None]
    surface = surface_of(fleet, [span for _, span in spans])
    rows = chunk_rows(len(fleet.case.pools.names))
    task = Trials(surface, draws, tuple(place for place, _ in spans), names, rows)
    now = {name: float(result.metrics[name]) for name in names}
    shown = tuple(name for name in names if name in {*(metrics or DEFAULT_METRICS)})
    usable = tuple(pair for pair in expectations if all(name in names for name in metrics_of(pair[0])))
    return Plan(task, shown, undefined, usable, now, held, is_slow=isinstance(surface, LoweredSurface))


def _expectations(
    case: Case, asked: Sequence[str], in_file: Sequence[str], result: Result
) -> tuple[tuple[Expectation, str], ...]:
    """Expectations with who asks; those by default only where the fleet has the metric."""
    known = partial(is_metric, pools=case.pools.names)
    found: dict[str, tuple[Expectation, str]] = {}
    for origin, texts in (("asked", asked), ("file", in_file), ("default", DEFAULT_ODDS)):
        for text in texts:
            parsed = parse(text)
            problems = unknown_metrics(parsed, known, tuple(METRICS))
            if problems:
                raise ColocalcError(problems[0], where=f"expectation {quoted(text)}")
            if origin != "default" or all(name in result.metrics for name in metrics_of(parsed)):
                found.setdefault(text, (parsed, origin))
    return tuple(found.values())


def _named(expectations: Iterable[tuple[Expectation, str]]) -> list[str]:
    return [name for parsed, _ in expectations for name in metrics_of(parsed)]


def _draws(fleet: Varied, chances: Chances, names: Sequence[str], seed: int) -> tuple[Draws, tuple[str, ...]]:
    """What is drawn for some metrics, and sentences on what is not."""
    rows, notes = _rows(fleet, names)
    inputs = tuple(input_of(row, chances) for row in rows)
    months = _horizon(fleet.case, inputs)
    failures = counted(
        (one.path for one in inputs), fleet.case.pools, _DAYS_PER_MONTH * (months or chances.horizon_months)
    )
    paths = _paths(fleet.case, chances, months)
    loadings = rate_loadings([one for one in inputs if one.is_rate], chances)
    return Draws(seed, inputs, loadings, failures, chances.failure_spread_share, paths), (
        *notes,
        *_on_market(paths, fleet.case),
        *_on_debt(fleet.case),
    )


def _rows(fleet: Varied, names: Sequence[str]) -> tuple[list[Assumption], list[str]]:
    """Numbers with a range, and failure rates, that go into some metrics."""
    families = {family_of(name) for name in names}
    rows = [
        row
        for row in numbers(fleet.case).values()
        if (_has_range(row) or row.path.endswith(_FAILURES)) and ("fleet" in families or row.topics & families)
    ]
    # The error of the step-time model is known for a step as a whole, and stands for all of the model's constants.
    only_stages = bool(names) and all(base_id(name).startswith(_STAGE) for name in names)
    drop = MODEL_ERROR if only_stages else CONSTANTS
    kept = [row for row in rows if drop not in row.path]
    notes = []
    if not only_stages and any(row.path.startswith(CONSTANTS) for row in rows):
        notes.append(
            "the error of the step-time model is drawn and stands for the constants of the model, which are held"
        )
    kept = sorted(kept, key=lambda row: row.path.startswith("pools."))
    if len(kept) > MOST_INPUTS:
        notes.append(f"{len(kept) - MOST_INPUTS:,} numbers of pools with a range are held at their values")
    return kept[:MOST_INPUTS], notes


def _has_range(row: Assumption) -> bool:
    return any(end is not None and end != row.value for end in (row.low, row.high))


def _horizon(case: Case, inputs: Sequence[Input]) -> float:
    """Months from the first start to the end of the last market, as far as drawn numbers may move it; 0 without."""
    deal = evaluate_deal(case)
    if deal is None:
        return 0.0
    later = sum(one.high - one.value for one in inputs if one.unit == "months" and not one.path.startswith("risk."))
    return float(deal.calendar_month.shape[-1] + np.ceil(later))


def _paths(case: Case, chances: Chances, months: float) -> Paths | None:
    priced = [np.isfinite(terms.market_rate_usd_per_gpu_h) for terms in case.terms]
    if chances.volatility_share_per_yr == 0.0 or months == 0.0 or not any(bool(one.any()) for one in priced):
        return None
    gpus = tuple(dict.fromkeys(gpu.id for gpu in case.pools.gpus))
    return Paths(
        gpus=gpus,
        gpu_of_pool=tuple(gpus.index(gpu.id) for gpu in case.pools.gpus),
        month_count=int(months),
        loadings=path_loadings(gpus, chances),
        volatility_share_per_yr=chances.volatility_share_per_yr,
        reversion_per_yr=chances.reversion_per_yr,
    )


def _on_market(paths: Paths | None, case: Case) -> tuple[str, ...]:
    if case.lease is None:
        return ()
    if paths is None:
        return ("no prices move in time: no contract is followed by a market with a rate (lease.market)",)
    return ("prices in time move what the market pays after a contract, and no contract at a fixed rate",)


def _on_debt(case: Case) -> tuple[str, ...]:
    if case.project is None or case.project.debt is None or case.project.debt.sizing != "dscr":
        return ()
    said = "debt is sized anew to its target DSCR in every trial, so that its cover is met in nearly all of them"
    return (f"{said}; what a loan of a fixed amount risks is seen with debt.sizing: amount and debt.amount_usd",)


def _span(one: Input) -> Span | None:
    """How far a number may go in all trials but the rarest; None for one that does not move."""
    counts = one.path.endswith(_FAILURES)
    if not one.low < one.high and not (counts and one.value > 0.0):
        return None
    if one.shape == "triangular" and not counts:
        return Span(one.path, one.value, one.low, one.high)
    low, high = one.low, one.high
    if one.tail_share:  # a lognormal, which is above zero
        far = _FAR / -float(normal_quantile_factor(probability_share=one.tail_share))
        low, high = one.value * (one.low / one.value) ** far, one.value * (one.high / one.value) ** far
    # A count of few failures scatters widely.
    return Span(one.path, one.value, low / 2.0, high * 2.0) if counts else Span(one.path, one.value, low, high)


def perform(
    found: Plan,
    count: int,
    *,
    engine: Engine,
    block_count: int,
    progress: Progress | None = None,
    sink: Sink | None = None,
) -> Outcome:
    """Performs trials; when it is interrupted, those that are done remain.

    Parameters
    ----------
    found : Plan
        What is drawn and asked.
    count : int
        How many trials.
    engine : Engine
        Where.
    block_count : int
        How many at once; rounded up to whole chunks.
    progress : Progress, optional
        Told of every block.
    sink : Sink, optional
        Takes every block; not told of an interruption.
    """
    task = found.task
    columns = {name: np.empty(count) for name in task.names}
    done = 0
    try:
        for block, part in run(
            task, blocks_of(count, whole_chunks(block_count, CHUNK), 0), engine=engine, progress=progress
        ):
            for name, values in part.items():
                columns[name][block.start : block.stop] = values
            if sink is not None:
                sink.write(block, part)
            done = block.stop
    except KeyboardInterrupt:
        return Outcome({name: values[:done] for name, values in columns.items()}, count, done)
    return Outcome(columns, count, done)
