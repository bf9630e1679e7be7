"""The layouts of a fleet's training jobs, all of them searched: the best, and where the file's own stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from colocalc.case import Case, TrainingCase, layout_search
from colocalc.case.layout_search import Allowed, Question
from colocalc.case.ledger import Assumption, Ledger
from colocalc.catalog import Catalog
from colocalc.errors import EXIT_USAGE, ColocalcError, did_you_mean, quoted
from colocalc.fleet import Fleet, Layout, Training
from colocalc.hardware import GpuType
from colocalc.mfu.cut import cut_job
from colocalc.mfu.job import Job, each, partitioned
from colocalc.mfu.pace import plan_of
from colocalc.mfu.predict.choices import Sizes
from colocalc.mfu.predict.facts import STAGES
from colocalc.mfu.predict.search import Costs, Found, Ranking, costs

# The stages that the cut of a model decides. Shape is left out: of good layouts it is that of the model and the GPU.
CUT_STAGES = ("recompute", "tensor_context_expert", "bubble", "stage_imbalance", "data_parallel")
KEYS = (*layout_search.DEGREES, "recompute", "schedule")
_WORDS = {"recompute": layout_search.RECOMPUTE, "schedule": layout_search.SCHEDULES}


@dataclass(frozen=True)
class Candidate:
    """One layout and what it costs.

    Attributes
    ----------
    rank_count : float or None
        Place among the layouts that fit; None where it does not fit itself.
    tp_count, pp_count, vpp_count, dp_count, cp_count, ep_count, micro_batch_sequences, zero_stage : float
        How the job is cut.
    recompute, schedule : str
        What is run again, and the order of micro-batches.
    gpu_count, batch_sequences : float
        GPUs in whole replicas, and the batch that whole micro-batches make.
    memory_use_share, step_time_s, step_mfu_share : float
        Of the memory of a GPU; time of a step; MFU of a step over all GPUs of the job.
    memory_term, binding_stage : str
        The largest term of its memory, and the largest loss among ``CUT_STAGES``.
    behind_share : float
        Time over that of the best layout for the same batch, less one; NaN where none fits.
    log_factor : dict of str to float
        Logarithm of the factor of each stage.
    """

    rank_count: float | None
    tp_count: float
    pp_count: float
    vpp_count: float
    dp_count: float
    cp_count: float
    ep_count: float
    micro_batch_sequences: float
    zero_stage: float
    recompute: str
    schedule: str
    gpu_count: float
    batch_sequences: float
    memory_use_share: float
    memory_term: str
    step_time_s: float
    step_mfu_share: float
    binding_stage: str
    behind_share: float
    log_factor: dict[str, float]


@dataclass(frozen=True, eq=False)
class JobLayouts:
    """The layouts of one job, or of one pool of a job that is split into partitions.

    Attributes
    ----------
    name : str
        The job, and its pool.
    why_not : str
        Why there is nothing to search; else empty.
    best : tuple of Candidate
        The fastest that fit.
    given, leanest : Candidate or None
        The layout of the file, and where none fits the one that needs least memory.
    layout_count, fitting_count : int
        Layouts looked at, and those that fit.
    memory_limit_share, hbm_byte : float
        Most that a layout may take, and the memory of a GPU.
    leaves_rest : bool
        Whether GPUs may be left over and the batch be another.
    stands_for : str
        The pool whose GPU stands for several kinds; empty where there is one kind.
    """

    name: str
    why_not: str
    best: tuple[Candidate, ...]
    given: Candidate | None
    leanest: Candidate | None
    layout_count: int
    fitting_count: int
    memory_limit_share: float
    hbm_byte: float
    leaves_rest: bool
    stands_for: str


@dataclass(frozen=True, eq=False)
class LayoutStudy:
    """What ``colocalc layout`` found.

    Attributes
    ----------
    jobs : tuple of JobLayouts
        By job; empty for a fleet that trains nothing.
    allowed : tuple
        What was allowed for some parts of a layout.
    schedules : tuple of str
        Schedules that were looked at.
    assumptions : tuple of Assumption
        How far the search went.
    """

    jobs: tuple[JobLayouts, ...]
    allowed: Allowed
    schedules: tuple[str, ...]
    assumptions: tuple[Assumption, ...]


def best_layouts(
    case: Case,
    fleet: Fleet,
    catalog: Catalog,
    *,
    top: int | None = None,
    job: str | None = None,
    allow: Sequence[str] = (),
    memory_share: float | None = None,
) -> LayoutStudy:
    """The best layouts of each training job, and the one that the file gives.

    Parts that the file gives are free: the question is what would be best. ``allow`` restricts them.

    Parameters
    ----------
    case : Case
        The fleet as arrays.
    fleet, catalog : Fleet, Catalog
        What it was lowered from.
    top : int, optional
        How many layouts to tell; by default what the catalog says.
    job : str, optional
        One job of several.
    allow : sequence of str
        Such as ``tp=8`` or ``pp=8,16``; a part named twice may be any of both.
    memory_share : float, optional
        Most of a GPU's memory that a layout may take; by default what the catalog says.

    Raises
    ------
    ColocalcError
        When there is no such job or part of a layout, or a part cannot be what is allowed.
    """
    ledger, allowed = Ledger(catalog, fleet.assumptions), read_allowed(allow)
    ledger.part = "layout"
    limit = int(ledger.number("search.top_count", None, "mfu", default="search.top_count")) if top is None else top
    if limit < 1:
        raise ColocalcError(f"should be at least 1, not {limit}", where="--top", exit_code=EXIT_USAGE)
    if memory_share is not None and not 0.0 < memory_share < float("inf"):
        message = f"should be a share above 0, such as 0.9; not {memory_share:g}"
        raise ColocalcError(message, where="--memory", exit_code=EXIT_USAGE)
    ask = _Asked(ledger, limit, allowed, memory_share)
    searched: list[JobLayouts] = []
    schedules: list[str] = []
    for one in _wanted(case, job):
        training = _definition(fleet, one)
        names = _schedules(training, allowed)
        schedules += [name for name in names if name not in schedules]
        searched += _of_job(case, one, training, names, ask)
    rows = tuple(_search_rows(ledger, memory_share))
    return LayoutStudy(tuple(searched), allowed, tuple(schedules), rows)


def _search_rows(ledger: Ledger, memory_share: float | None) -> Iterator[Assumption]:
    """How far the search went; what the user asked for is given."""
    for row in ledger.assumptions:
        if row.path == "search.memory_limit_share" and memory_share is not None:
            yield row._replace(value=memory_share, origin="given", source=None, note="--memory")
        elif row.path.startswith("search."):
            yield row


@dataclass(frozen=True)
class _Asked:
    """What is the same for every job."""

    ledger: Ledger
    limit: int
    allowed: Allowed
    memory_share: float | None


def read_allowed(texts: Sequence[str]) -> Allowed:
    """What may be chosen for some parts of a layout, from ``KEY=V1,V2`` as a user writes it."""
    found: dict[str, tuple[int | str, ...]] = {}
    for text in texts:
        key, equals, values = (part.strip() for part in text.partition("="))
        if not equals or key not in KEYS:
            hint = did_you_mean(key, KEYS) or f"parts of a layout: {', '.join(KEYS)}"
            message = f"no part of a layout is called {quoted(key)}" if equals else "should be KEY=VALUE"
            raise ColocalcError(message, where=f"--allow {text}", hint=hint, exit_code=EXIT_USAGE)
        read = tuple(_value(key, value.strip(), text) for value in values.split(","))
        found[key] = tuple(dict.fromkeys((*found.get(key, ()), *read)))
    return tuple(found.items())


def _value(key: str, value: str, text: str) -> int | str:
    where = f"--allow {text}"
    if key in _WORDS:
        if value not in _WORDS[key]:
            message, hint = f"{key} is searched with {', '.join(_WORDS[key])}", did_you_mean(value, _WORDS[key])
            raise ColocalcError(f"{message}; not {quoted(value)}", where=where, hint=hint, exit_code=EXIT_USAGE)
        return value
    is_number = value.isascii() and value.isdigit() and len(value) <= _LONGEST
    number = int(value) if is_number else -1
    if key == "zero_stage" and number not in layout_search.ZERO_STAGES:
        raise ColocalcError(f"zero_stage is 0, 1, 2 or 3; not {quoted(value)}", where=where, exit_code=EXIT_USAGE)
    if key != "zero_stage" and number < 1:
        message = f"{key} is a whole number from 1 up; not {quoted(value)}"
        raise ColocalcError(message, where=where, exit_code=EXIT_USAGE)
    return number


_LONGEST = 9  # digits; more than any number of GPUs


def _wanted(case: Case, name: str | None) -> tuple[TrainingCase, ...]:
    if name is None:
        return case.jobs
    found = tuple(job for job in case.jobs if job.name == name)
    if not found:
        names = [job.name for job in case.jobs]
        hint = did_you_mean(name, names) or (f"jobs: {', '.join(names)}" if names else None)
        raise ColocalcError(f"no job is called {quoted(name)}", where="--job", hint=hint, exit_code=EXIT_USAGE)
    return found


def _definition(fleet: Fleet, job: TrainingCase) -> Training:
    if fleet.training is not None:
        return fleet.training
    return next(one for one in fleet.jobs if one.name == job.name)


def _schedules(training: Training, allowed: Allowed) -> tuple[str, ...]:
    """The plain schedule, the file's own, and those that are allowed by name."""
    own = training.layout.schedule if isinstance(training.layout, Layout) else None
    names = {layout_search.PLAIN_SCHEDULE, own, *dict(allowed).get("schedule", ())}
    return tuple(name for name in layout_search.SCHEDULES if name in names)


def _of_job(
    case: Case, job: TrainingCase, training: Training, schedules: tuple[str, ...], ask: _Asked
) -> Iterator[JobLayouts]:
    """One search for a job, or one for each pool where each pool is a job of its own."""
    arrays, names = job.arrays, [case.pools.names[place] for place in job.pool_index]
    gpus = [case.pools.gpus[place] for place in job.pool_index]
    if job.split != "partitions" or len(names) == 1:
        yield _searched(job.name, arrays, names, gpus, training, schedules, ask)
        return
    batches = partitioned(arrays).global_batch_tokens
    for place, pool in enumerate(names):
        alone = np.where(np.arange(len(names)) == place, arrays.gpu_count, 0.0)
        part = replace(arrays, gpu_count=alone, global_batch_tokens=batches[place])
        yield _searched(f"{job.name}: {pool}", part, names, gpus, training, schedules, ask)


def _searched(
    name: str,
    job: Job,
    pools: list[str],
    gpus: list[GpuType],
    training: Training,
    schedules: tuple[str, ...],
    ask: _Asked,
) -> JobLayouts:
    question = _question(job, gpus, training, schedules, ask)
    if isinstance(question, str):
        nan = float("nan")
        return JobLayouts(name, question, (), None, None, 0, 0, nan, nan, leaves_rest=False, stands_for="")
    own = _given(job, question) if isinstance(training.layout, Layout) else None
    leaves_rest = own is not None and _leaves_rest(own, question)
    found, sizes = layout_search.best_of(question, limit=ask.limit, allowed=ask.allowed, leaves_rest=leaves_rest)
    used = {gpu.id for gpu, count in zip(gpus, job.gpu_count, strict=True) if count > 0.0}
    return JobLayouts(
        name,
        why_not="",
        best=tuple(_ranked(found.best, found, sizes)),
        given=None if own is None else _own(own, found, sizes, training, question),
        leanest=None if found.fitting_count else next(_ranked(found.leanest, found, sizes), None),
        layout_count=found.layout_count,
        fitting_count=found.fitting_count,
        memory_limit_share=question.limits.memory_limit_share,
        hbm_byte=float(question.facts.chip.hbm_byte),
        leaves_rest=sizes.gpu_rest_share > 0.0,
        stands_for=pools[question.slowest] if len(used) > 1 else "",
    )


def _question(
    job: Job, gpus: list[GpuType], training: Training, schedules: tuple[str, ...], ask: _Asked
) -> Question | str:
    ledger = ask.ledger
    model = ledger.catalog.model(training.model) if isinstance(training.model, str) else training.model
    if model is None:
        return "needs training.model"
    limits = layout_search.lower_limits(ledger, ignores_memory=training.ignore_memory)
    if ask.memory_share is not None:
        limits = replace(limits, memory_limit_share=ask.memory_share)
    is_fused = bool(np.all(job.stack.flash_share > 0.0))
    return layout_search.ask(
        gpu_count=job.gpu_count,
        chip=job.chip,
        stack=job.stack,
        dimensions=job.dimensions,
        constants=job.constants,
        kv_head_count=model.kv_head_count,
        global_batch_tokens=float(job.global_batch_tokens),
        limits=limits,
        recompute=layout_search.lower_recompute(gpus, model, ledger, is_fused=is_fused),
        schedules=layout_search.lower_schedules(schedules, ledger),
    )


def _given(job: Job, question: Question) -> Costs:
    """The layout of the file on the GPU that stands for all."""
    plain = replace(job, split="equal")
    plan = each(plan_of(plain, cut_job(plain, plain.gpu_count)), np.atleast_1d)
    return costs(plan=plan, selective_share=np.atleast_1d(job.selective_share), facts=question.facts)


def _leaves_rest(own: Costs, question: Question) -> bool:
    sizes = question.sizes
    return bool(
        np.any(own.plan.gpu_count != sizes.gpu_count)
        or np.any(own.plan.global_batch_sequences != sizes.global_batch_sequences)
    )


def _own(own: Costs, found: Found, sizes: Sizes, training: Training, question: Question) -> Candidate:
    layout = training.layout if isinstance(training.layout, Layout) else Layout()
    fits = bool(own.memory_use_share[0] <= question.limits.memory_limit_share)
    words = (layout.recompute or "none", layout.schedule or layout_search.PLAIN_SCHEDULE)
    return _candidate(own, 0, words, found, sizes, fits=fits)


def _ranked(ranking: Ranking, found: Found, sizes: Sizes) -> Iterator[Candidate]:
    layouts = ranking.layouts
    orders = layouts.column("schedule_index")
    for place in range(len(layouts)):
        again = layouts.choices.recompute[layouts.recompute_index[place]].name
        words = (again, layouts.choices.schedules[orders[place]].name)
        yield _candidate(ranking, place, words, found, sizes, fits=ranking is found.best)


_SAME = 1e-12  # relative: times of one layout, worked out alone or among others


def _candidate(told: Costs, place: int, words: tuple[str, str], found: Found, sizes: Sizes, *, fits: bool) -> Candidate:
    def of(name: str) -> float:
        return float(np.broadcast_to(getattr(told.plan, name), told.step_time_s.shape)[place])

    seconds, mfu = float(told.step_time_s[place]), float(told.step_mfu_share[place])
    # Of the batch that was asked for, whatever whole micro-batches make of it.
    alike_s = seconds * sizes.global_batch_sequences / of("global_batch_sequences")
    times = found.fitting_time_s
    return Candidate(
        rank_count=float(np.searchsorted(times, alike_s * (1.0 - _SAME)) + 1) if fits else None,
        tp_count=of("tp_count"),
        pp_count=of("pp_count"),
        vpp_count=of("vpp_count"),
        dp_count=of("dp_count"),
        cp_count=of("cp_count"),
        ep_count=of("ep_count"),
        micro_batch_sequences=of("micro_batch_sequences"),
        zero_stage=of("zero_stage"),
        recompute=words[0],
        schedule=words[1],
        gpu_count=of("gpu_count"),
        batch_sequences=of("global_batch_sequences"),
        memory_use_share=float(told.memory_use_share[place]),
        memory_term=told.binding_terms()[place],
        step_time_s=seconds,
        step_mfu_share=mfu * of("gpu_count") / sizes.gpu_count,
        binding_stage=told.binding_stages(among=CUT_STAGES)[place],
        behind_share=alike_s / float(times[0]) - 1.0 if len(times) else float("nan"),
        log_factor={name: float(np.log(mfu) * told.loss_share[name][place]) for name in STAGES},
    )
