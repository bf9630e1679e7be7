"""The equation behind every number, with its numbers put in, down to the sources."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from colocalc.case import Case
from colocalc.errors import EXIT_USAGE, ColocalcError, did_you_mean, quoted
from colocalc.metrics import LATER, METRICS, STAGES, base_id
from colocalc.study.evaluate import Result
from colocalc.study.explain import choice, equivalents, mfu, money, power, serving
from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft, Formula
from colocalc.study.explain.glossary import neighbours, terms_of

__all__ = ["WRITERS", "Explanation", "JobPart", "explain"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# What writes the formula of each metric that can have a value.
WRITERS: Mapping[str, Callable[[Context, Draft], str]] = {
    **power.WRITERS,
    **mfu.WRITERS,
    **money.WRITERS,
    **equivalents.WRITERS,
    **choice.WRITERS,
    **serving.WRITERS,
}


@dataclass(frozen=True)
class JobPart:
    """A stage in one of several jobs: its factor there, and its formula."""

    job: str
    value: float
    formula: Formula


@dataclass(frozen=True)
class Explanation:
    """What a metric is, and how its number came about.

    Attributes
    ----------
    metric : str
        Its id; of a pool with the pool's name.
    meaning, unit, equation : str
        As registered in ``colocalc.metrics``.
    references : tuple of str
        Whose equation it is: ids of sources, each with the place in it, or works in words.
    where : tuple of (str, str)
        Terms of the equation with what they mean.
    stage : str
        Id of the stage of the waterfall that it is the factor of; empty for other metrics.
    neighbours : tuple of str
        Metrics that it is easily taken for.
    value : float or None
        In the stored unit; None without a fleet, or where it is undefined.
    why_not : str
        Why it has no value, or a value and no formula.
    formula : Formula or None
        The equation with the inputs of this fleet.
    jobs : tuple of JobPart
        The parts of several jobs.
    """

    metric: str
    meaning: str
    unit: str
    equation: str
    references: tuple[str, ...]
    where: tuple[tuple[str, str], ...]
    stage: str
    neighbours: tuple[str, ...]
    value: float | None = None
    why_not: str = ""
    formula: Formula | None = None
    jobs: tuple[JobPart, ...] = ()


def explain(metric_id: str, case: Case | None = None, result: Result | None = None) -> Explanation:
    """The equation of a metric, and with a fleet its numbers.

    Parameters
    ----------
    metric_id : str
        A metric, ``pools.<name>.<metric>``, or a stage of the waterfall.
    case, result : Case and Result, optional
        One scenario of a fleet, without leading axes, and what was evaluated of it.

    Returns
    -------
    Explanation

    Raises
    ------
    ColocalcError
        When there is no such metric, or no such pool in the fleet.
    """
    name = f"mfu.stage.{metric_id}_factor" if metric_id in STAGES else metric_id
    pool = _known(name, case)
    metric = METRICS[base_id(name)]
    stage = metric.id.removeprefix("mfu.stage.").removesuffix("_factor")
    value, why_not, formula, jobs = _of_fleet(name, pool, case, result)
    return Explanation(
        metric=name,
        meaning=metric.meaning,
        unit=metric.unit,
        equation=metric.equation,
        references=metric.references,
        where=terms_of(tuple(_NAME.findall(metric.equation))),
        stage=stage if stage in STAGES else "",
        neighbours=neighbours(metric.id),
        value=value,
        why_not=why_not,
        formula=formula,
        jobs=jobs,
    )


def _known(name: str, case: Case | None) -> int | None:
    """The place of the pool a metric is of, None for the fleet's; an error for what is no metric."""
    if name in METRICS:
        return None
    pools = case.pools.names if case else ()
    metric = METRICS.get(base_id(name))
    pool = name.removeprefix("pools.").removesuffix(f".{base_id(name)}")
    if name.startswith("pools.") and metric is not None and metric.per_pool and (case is None or pool in pools):
        return pools.index(pool) if case else None
    per_pool = [f"pools.{one}.{each.id}" for one in pools or (pool,) for each in METRICS.values() if each.per_pool]
    raise ColocalcError(
        f"unknown metric {quoted(name)}",
        hint=did_you_mean(name, (*METRICS, *STAGES, *per_pool)) or "colocalc catalog metrics lists all",
        exit_code=EXIT_USAGE,
    )


_Found = tuple[float | None, str, Formula | None, tuple[JobPart, ...]]


def _of_fleet(name: str, pool: int | None, case: Case | None, result: Result | None) -> _Found:
    if case is None or result is None:
        return None, "", None, ()
    if name not in result.metrics:
        return None, result.undefined.get(name) or _why_not(name, result), None, ()
    value = float(result.metrics[name])
    if np.isinf(value):
        return value, _WITHOUT_END, None, ()
    context = Context(case, result, pool)
    stage = name.removeprefix("mfu.stage.").removesuffix("_factor")
    draft = context.draft()
    formula = draft.formula(WRITERS[base_id(name)](context, draft))
    parts = mfu.of_each_job(stage, context)
    return value, "", formula, tuple(JobPart(*part) for part in parts)


_WITHOUT_END = "it is without end: what it is divided by is zero"


def _why_not(name: str, result: Result) -> str:
    """Why a pool has no such number: for the fleet's reason, or because the pool alone lacks it."""
    base = base_id(name)
    if base in result.undefined:
        return result.undefined[base]
    return LATER.get(base) or (
        "the pool is under no contract"
        if base.startswith(("lease.", "choice.", "inference."))
        else "its GPU has no such figure"
    )
