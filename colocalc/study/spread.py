"""What trials come to: statistics of each metric, how often expectations hold, and which inputs make it so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from colocalc.arrays import Array
from colocalc.chance.statistics import bin_edges, deviation, mean_error, quantiles, rank_correlation_share
from colocalc.study.engine.task import Block
from colocalc.study.odds import Odds, odds
from colocalc.study.risk import Outcome, Plan
from colocalc.study.trials import Trials, inputs_of, mean_prices

PROBABILITIES = (0.05, 0.10, 0.50, 0.90, 0.95)
RANKED = 20_000  # trials over which ranks are compared: a correlation is then known to 0.007
MARKET = "market.price_factor"
_FEWEST_BINS, _MOST_BINS = 5, 20
_ROUNDING_SHARE = 1e-9  # a metric that an input leaves alone, such as a cover that debt is sized to, moves by less
_SURE = 4.0  # standard errors of a rank correlation of numbers that have nothing to do with each other


@dataclass(frozen=True)
class Statistics:
    """A metric over the trials in which it has a value.

    Attributes
    ----------
    name : str
        Metric id.
    now : float
        With every number at its value.
    mean, deviation, mean_error : float
        Mean, standard deviation, and standard error of the mean; NaN where no trial has a value.
    quantiles, quantile_errors : tuple of float
        At ``PROBABILITIES``, with their standard errors.
    undefined_share : float
        Share of trials without a value.
    """

    name: str
    now: float
    mean: float
    deviation: float
    mean_error: float
    quantiles: tuple[float, ...]
    quantile_errors: tuple[float, ...]
    undefined_share: float


@dataclass(frozen=True)
class Bar:
    """What one input does to a metric.

    Attributes
    ----------
    path : str
        The input; a market's price in time has the mean of its path for a value.
    unit : str or None
        Its unit.
    low, high, at_low, at_high : float or None
        Its ends, and the metric at each of them with all others at their values; None for what has no ends.
    rank_correlation_share : float
        Between input and metric over the trials.
    contribution_share : float
        Of the squares of all of them: how much of the scatter it makes.
    """

    path: str
    unit: str | None
    low: float | None
    high: float | None
    at_low: float | None
    at_high: float | None
    rank_correlation_share: float
    contribution_share: float


@dataclass(frozen=True, eq=False)
class Spread:
    """Everything that trials say.

    Attributes
    ----------
    statistics : tuple of Statistics
        Of each metric.
    odds : tuple of Odds
        Of each expectation.
    histograms : mapping of str to (ndarray (edge,), ndarray (bin,))
        Edges and counts by metric, where any trial has a value.
    tornadoes : mapping of str to tuple of Bar
        By metric, the input that matters most first.
    """

    statistics: tuple[Statistics, ...]
    odds: tuple[Odds, ...]
    histograms: Mapping[str, tuple[Array, Array]]
    tornadoes: Mapping[str, tuple[Bar, ...]]


def spread(plan: Plan, outcome: Outcome) -> Spread:
    """What trials come to; at least one must be done.

    Parameters
    ----------
    plan : Plan
        What was drawn and asked.
    outcome : Outcome
        The trials.
    """
    columns = {name: _known(values) for name, values in outcome.columns.items()}
    some = {name: columns[name] for name in plan.names if columns[name].size}
    return Spread(
        statistics=tuple(_statistics(name, plan.now[name], columns[name], outcome) for name in plan.names),
        odds=tuple(odds(parsed, origin, outcome.columns) for parsed, origin in plan.odds),
        histograms={name: _histogram(values) for name, values in some.items()},
        tornadoes=_tornadoes(plan, outcome),
    )


def _known(values: Array) -> Array:
    finite = np.isfinite(values)
    return values if bool(finite.all()) else values[finite]


def _statistics(name: str, now: float, values: Array, outcome: Outcome) -> Statistics:
    missing = 1.0 - values.size / outcome.done_count
    if not values.size:
        nothing = (float("nan"),) * len(PROBABILITIES)
        return Statistics(name, now, float("nan"), float("nan"), float("nan"), nothing, nothing, missing)
    found, errors = quantiles(values=values, probability_share=PROBABILITIES)
    return Statistics(
        name,
        now,
        float(np.mean(values)),
        float(deviation(values=values)),
        float(mean_error(values=values)),
        tuple(found.tolist()),
        tuple(errors.tolist()),
        missing,
    )


def _histogram(values: Array) -> tuple[Array, Array]:
    edges = bin_edges(values=values, least_count=_FEWEST_BINS, most_count=_MOST_BINS)
    counts = np.histogram(values, edges)[0] if edges[-1] > edges[0] else np.asarray([values.size])
    return edges, counts.astype(np.float64)


def _tornadoes(plan: Plan, outcome: Outcome) -> dict[str, tuple[Bar, ...]]:
    task = plan.task
    sample = Block(0, min(outcome.done_count, RANKED), 0)
    drawn = inputs_of(task.draws, sample)
    ends = _ends(task, plan.names)
    markets = mean_prices(task.draws, sample) if task.draws.paths else np.empty((sample.stop, 0))
    gpus = task.draws.paths.gpus if task.draws.paths else ()
    found = {}
    for name in plan.names:
        values = outcome.columns[name][: sample.stop]
        known = np.isfinite(values)
        columns = (*np.moveaxis(drawn, -1, 0), *np.moveaxis(markets, -1, 0))
        ranks = [float(rank_correlation_share(one=column[known], other=values[known])) for column in columns]
        found[name] = _bars(task, name, ends, gpus, ranks, int(np.sum(known)))
    return found


def _bars(
    task: Trials, name: str, ends: Mapping[str, Array], gpus: tuple[str, ...], ranks: list[float], count: int
) -> tuple[Bar, ...]:
    bars = []
    for place, one in enumerate(task.draws.inputs):
        at_low, at_high = ends[name][2 * place : 2 * place + 2].tolist()
        bars.append(Bar(one.path, one.unit, one.low, one.high, at_low, at_high, ranks[place], 0.0))
    for place, gpu in enumerate(gpus, start=len(task.draws.inputs)):
        bars.append(Bar(f"{MARKET}.{gpu}", "factor", None, None, None, None, ranks[place], 0.0))
    chance = _SURE / np.sqrt(max(count, 1))
    by_chance = {one.path for one in task.draws.failures} | {f"{MARKET}.{gpu}" for gpu in gpus}
    moving = [
        bar for bar in bars if _moves(bar) or (bar.path in by_chance and abs(bar.rank_correlation_share) > chance)
    ]
    total = sum(bar.rank_correlation_share**2 for bar in moving) or 1.0
    shared = [replace(bar, contribution_share=bar.rank_correlation_share**2 / total) for bar in moving]
    return tuple(sorted(shared, key=lambda bar: (-bar.contribution_share, bar.path)))


def _moves(bar: Bar) -> bool:
    """Whether the ends of an input differ in the metric by more than rounding, or one of them has no value."""
    if bar.at_low is None or bar.at_high is None:
        return False
    return not np.isclose(bar.at_low, bar.at_high, rtol=_ROUNDING_SHARE, atol=0.0)


def _ends(task: Trials, names: tuple[str, ...]) -> dict[str, Array]:
    """Each metric with one input after the other at its low and at its high, ``(2 input,)``."""
    inputs = task.draws.inputs
    now = np.asarray([one.value for one in inputs])
    rows = np.repeat(now[None, :], 2 * len(inputs), axis=0)
    for place, one in enumerate(inputs):
        rows[2 * place, place], rows[2 * place + 1, place] = one.low, one.high
    if not inputs:
        return {name: np.empty(0) for name in names}
    return task.surface.metrics(rows[:, list(task.varied)], names)
