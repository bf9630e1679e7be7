"""The best layouts of a job beside the one its file gives, and what makes the difference."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.report.table import Assumption, Column, Note, Report, Table
from colocalc.report.views.common import assemble, source_titles
from colocalc.study.evaluate import NEEDS, Result
from colocalc.study.layout import Candidate, JobLayouts, LayoutStudy
from colocalc.units import BYTES_PER_GBYTE, text, unit_of

_FOUND = ("layout.best_step_time_s", "layout.best_step_share", "layout.best_memory_use_share")
_GIVEN = ("layout.given_step_time_s", "layout.given_step_share", "layout.given_behind_share", "layout.given_rank_count")
_COUNTED = ("layout.enumerated_count", "layout.fitting_count")
_CAUSES = 3  # how many stages are named as the reason of a difference
_LEAST_DIFFERENCE = 0.0005  # what shows as less than 0.1%


def layout(case: Case, result: Result, catalog: Catalog, *, study: LayoutStudy) -> Report:
    """The report of a search.

    Parameters
    ----------
    case, result : Case, Result
        The fleet, with the layout of its file.
    catalog : Catalog
        For the titles of sources.
    study : LayoutStudy
        What was found.
    """
    report = assemble(
        "layout",
        case=case,
        result=result,
        catalog=catalog,
        families=("fleet",),
        topics=("mfu",),
        tables=tuple(_tables(study)),
        headline=tuple(_headline(study)),
        notes=tuple(_notes(case, study)),
    )
    metrics, undefined = _metrics(study)
    known = report.metrics | metrics, report.undefined | undefined
    found = replace(
        report,
        metrics=known[0],
        undefined=known[1],
        units={name: _unit(name) for part in known for name in part},
        assumptions=(
            *(
                Assumption(row.path, row.value, row.unit, row.low, row.high, row.source, row.origin, row.note)
                for row in study.assumptions
            ),
            *(row for row in report.assumptions if not row.path.startswith("reliability.")),
        ),
    )
    return replace(found, source_titles=source_titles(found, catalog))


def _unit(name: str) -> str:
    unit = unit_of(name)
    return unit.suffix if unit else ""


def _metrics(study: LayoutStudy) -> tuple[dict[str, float], dict[str, str]]:
    if len(study.jobs) != 1 or study.jobs[0].why_not:
        reason = (
            study.jobs[0].why_not if len(study.jobs) == 1 else "several searches: the table has each; --job names one"
        )
        return {}, dict.fromkeys((*_COUNTED, *_FOUND, *_GIVEN), reason if study.jobs else NEEDS["training"])
    job, found = study.jobs[0], dict[str, float | None]()
    found |= dict(zip(_COUNTED, (float(job.layout_count), float(job.fitting_count)), strict=True))
    best, own = (job.best[0] if job.best else None), job.given
    if best is not None:
        found |= dict(zip(_FOUND, (best.step_time_s, best.step_mfu_share, best.memory_use_share), strict=True))
    if own is not None:
        behind = own.behind_share if job.best else None
        found |= dict(zip(_GIVEN, (own.step_time_s, own.step_mfu_share, behind, own.rank_count), strict=True))
    # A layout whose replica is larger than the job has no time.
    metrics = {name: value for name, value in found.items() if value is not None and np.isfinite(value)}
    reasons = dict.fromkeys(_FOUND, "no layout fits in memory") | dict.fromkeys(_GIVEN, "the file gives no layout")
    if own is not None:
        reasons |= dict.fromkeys(_GIVEN, "the layout of the file does not fit, or none does")
    return metrics, {name: why for name, why in reasons.items() if name not in metrics}


def _tables(study: LayoutStudy) -> Iterator[Table]:
    searched = [job for job in study.jobs if not job.why_not]
    if any(job.best or job.given for job in searched):
        yield _layouts(searched)
    if len(searched) == 1 and searched[0].best and _is_known(searched[0].given):
        yield _difference(searched[0].best[0], searched[0].given)


def _is_known(own: Candidate | None) -> bool:
    return own is not None and bool(np.isfinite(own.step_time_s))


def _layouts(jobs: Sequence[JobLayouts]) -> Table:
    several, experts = len(jobs) > 1, any(one.ep_count > 1.0 for job in jobs for one in _all(job))
    plain = all(one.schedule == "1f1b" for job in jobs for one in _all(job))
    columns = (
        Column("job", "Job", kind="text", hidden=not several),
        Column("given", "Given", kind="text", hidden=True),
        Column("rank_count", "#", "count"),
        Column("tp_count", "tp", "count"),
        Column("pp_count", "pp", "count"),
        Column("vpp_count", "vpp", "count"),
        Column("cp_count", "cp", "count"),
        Column("ep_count", "ep", "count", hidden=not experts),
        Column("dp_count", "dp", "count"),
        Column("micro_batch_sequences", "b", "count"),
        Column("zero_stage", "Z", "count"),
        Column("recompute", "Again", kind="text"),
        Column("schedule", "Schedule", kind="text", hidden=plain),
        Column("gpu_count", "GPUs", "count", hidden=not any(job.leaves_rest for job in jobs), wide=True),
        Column("batch_sequences", "Batch", "count", hidden=not any(job.leaves_rest for job in jobs), wide=True),
        Column("memory_use_share", "HBM", "share"),
        Column("memory_term", "Mostly", kind="text", wide=True),
        Column("step_time_s", "Step", "s"),
        Column("step_share", "MFU", "share"),
        Column("behind_share", "Behind", "share", wide=True),
        Column("binding_stage", "Stage", kind="text", hidden=True),
        Column("binds", "Binds", kind="text"),
    )
    rows = [_row(job, one, given=False) for job in jobs for one in job.best]
    own = [_row(job, job.given, given=True) for job in jobs if job.given is not None]
    told = " The last row is the layout of the file." if own and not several else ""
    caption = (
        "vpp: chunks of a stage. b: sequences of a micro-batch. Z: stage of ZeRO. Again: recompute. HBM: of a GPU's "
        "memory. Binds: what the cut loses most to, traffic being that inside a replica and exchange that between "
        f"replicas.{told}"
    )
    return Table("layouts", "Layouts", columns, (*rows, *own), total_count=len(own), caption=caption)


def _all(job: JobLayouts) -> tuple[Candidate, ...]:
    return (*job.best, *(() if job.given is None else (job.given,)))


def _row(job: JobLayouts, one: Candidate, *, given: bool) -> tuple[object, ...]:
    known = _is_known(one)
    return (
        job.name,
        given,
        one.rank_count,
        one.tp_count,
        one.pp_count,
        one.vpp_count,
        one.cp_count,
        one.ep_count,
        one.dp_count if known else None,
        one.micro_batch_sequences,
        one.zero_stage,
        one.recompute,
        one.schedule,
        one.gpu_count if known else None,
        one.batch_sequences if known else None,
        one.memory_use_share if known else None,
        one.memory_term,
        one.step_time_s if known else None,
        one.step_mfu_share if known else None,
        one.behind_share if known and job.best else None,
        one.binding_stage,
        _BINDS[one.binding_stage] if known else None,
    )


# What the stages that a cut decides are called in a narrow column.
_BINDS = {
    "recompute": "recompute",
    "tensor_context_expert": "traffic",
    "bubble": "bubble",
    "stage_imbalance": "imbalance",
    "data_parallel": "exchange",
}


def _difference(best: Candidate, own: Candidate | None) -> Table:
    """Factors of the file's layout over those of the best; their product is the whole difference."""
    rows: list[tuple[object, ...]] = [
        (name, best_factor, own_factor, best_factor / own_factor - 1.0)
        for name, best_factor, own_factor in _factors(best, own)
    ]
    rows.append(
        ("step MFU", best.step_mfu_share, own.step_mfu_share if own else None, own.behind_share if own else None)
    )
    columns = (
        Column("stage", "Stage", kind="text"),
        Column("best_factor", "Best", "factor"),
        Column("given_factor", "Of the file", "factor"),
        Column("behind_share", "Behind", "share"),
    )
    return Table("difference", "Where the file's layout is behind the best", columns, tuple(rows), total_count=1)


def _factors(best: Candidate, own: Candidate | None) -> Iterator[tuple[str, float, float]]:
    for name, here in best.log_factor.items():
        yield name, float(np.exp(here)), float(np.exp(own.log_factor[name] if own else 0.0))


def _headline(study: LayoutStudy) -> Iterator[str]:
    if not study.jobs:
        yield f"There is no layout to search: {NEEDS['training']}."
    for job in study.jobs:
        start = f"{job.name}: " if len(study.jobs) > 1 else ""
        for sentence in _sentences(job, study):
            yield start + sentence


def _sentences(job: JobLayouts, study: LayoutStudy) -> Iterator[str]:
    if job.why_not:
        yield f"There is no layout to search: {job.why_not}."
    elif job.best:
        yield f"Best: {_in_words(job.best[0])}: {_cost(job.best[0])}."
        yield from _own(job, job.best[0])
    elif job.leanest is None:
        what = " of those allowed" if study.allowed else ""
        yield f"No layout{what} divides the GPUs, the model and the batch."
    else:
        yield _nothing_fits(job, job.leanest)


def _in_words(one: Candidate) -> str:
    parts = [f"tp {one.tp_count:.0f}", f"pp {one.pp_count:.0f}"]
    parts += [f"vpp {one.vpp_count:.0f}"] if one.vpp_count > 1.0 else []
    parts += [f"cp {one.cp_count:.0f}"] if one.cp_count > 1.0 else []
    parts += [f"ep {one.ep_count:.0f}"] if one.ep_count > 1.0 else []
    again = "no recompute" if one.recompute == "none" else f"{one.recompute} recompute"
    schedule = "" if one.schedule == "1f1b" else f", {one.schedule}"
    micro = f"micro-batches of {one.micro_batch_sequences:.0f}"
    return f"{' '.join(parts)} dp {one.dp_count:,.0f}, {micro}, {again}, ZeRO {one.zero_stage:.0f}{schedule}"


def _cost(one: Candidate) -> str:
    shares = (text(one.step_mfu_share, "share"), text(one.memory_use_share, "share"))
    return f"{text(one.step_time_s, 's')} a step, {shares[0]} MFU, {shares[1]} of the memory"


def _own(job: JobLayouts, best: Candidate) -> Iterator[str]:
    own = job.given
    if own is None:
        return
    if not _is_known(own):
        yield "The layout of the file makes no whole replica."
        return
    behind = own.behind_share
    fits = (
        "" if own.rank_count is not None else f" It does not fit: {text(own.memory_use_share, 'share')} of the memory."
    )
    if behind < -_LEAST_DIFFERENCE:
        yield f"The layout of the file takes {text(own.step_time_s, 's')}, {text(-behind, 'share')} less.{fits}"
        return
    if behind < _LEAST_DIFFERENCE:
        same = replace(own, log_factor=best.log_factor) == replace(best, behind_share=own.behind_share)
        yield "That is the layout of the file." if same else f"The layout of the file is as fast.{fits}"
        return
    yield (
        f"The layout of the file takes {text(own.step_time_s, 's')}, {text(behind, 'share')} longer for one batch: "
        f"{_causes(best, own)}.{fits}"
    )


def _causes(best: Candidate, own: Candidate) -> str:
    """The stages that make most of the difference, what is lost and what is won."""
    losses = {name: factor / given - 1.0 for name, factor, given in _factors(best, own)}
    most = sorted(losses, key=lambda name: -abs(losses[name]))[:_CAUSES]
    return ", ".join(f"{name} {'+' if losses[name] > 0.0 else ''}{text(losses[name], 'share')}" for name in most)


def _nothing_fits(job: JobLayouts, leanest: Candidate) -> str:
    limit = job.memory_limit_share
    over = (leanest.memory_use_share - limit) * job.hbm_byte / BYTES_PER_GBYTE
    return (
        f"No layout fits in {text(limit, 'share')} of {text(job.hbm_byte / BYTES_PER_GBYTE, 'gbyte')}. The leanest, "
        f"{_in_words(leanest)}, takes {text(leanest.memory_use_share, 'share')}, {text(over, 'gbyte')} too much; "
        f"most of it is {leanest.memory_term}."
    )


def _notes(case: Case, study: LayoutStudy) -> Iterator[Note]:
    searched = [job for job in study.jobs if not job.why_not]
    for job in searched:
        start = f"{job.name}: " if len(searched) > 1 else ""
        looked = f"{start}{job.layout_count:,} layouts were looked at"
        yield Note(f"{looked}, and each of the {job.fitting_count:,} that fit was costed")
    if not searched:
        return
    if any(job.memory_limit_share == float("inf") for job in searched):
        yield Note("training.ignore_memory is set: layouts that do not fit are among these", "warning")
    yield from _rests(searched)
    yield from _pools(case, searched)
    if set(study.schedules) == {"1f1b"}:
        yield Note(
            "schedules with less of a bubble are left out, because the model knows what they save and not all that "
            "they cost: --allow schedule=1f1b,zb-h1,zb-v adds them"
        )
    yield Note(
        "in the model ZeRO 2 costs no time over ZeRO 1 and holds sharded gradients through the step; a stack that "
        "keeps them whole until the last micro-batch needs more memory than is shown"
    )
    yield Note(
        "the search takes an equal split, a plain ring between replicas and full power, and no measured share; "
        "`colocalc mfu` has the site, its network and the split of the file"
    )


def _rests(jobs: Sequence[JobLayouts]) -> Iterator[Note]:
    if any(job.leaves_rest and job.layout_count for job in jobs):
        yield Note(
            "GPUs may be left over and the batch may be another, as far as search.gpu_rest_share and "
            "search.batch_rest_share say; layouts are ordered by their time for one batch"
        )


def _pools(case: Case, jobs: Sequence[JobLayouts]) -> Iterator[Note]:
    names = list(dict.fromkeys(job.stands_for for job in jobs if job.stands_for))
    if names:
        yield Note(
            f"several kinds of GPU: all are taken to be as slow as {', '.join(names)}, with the least memory and the "
            "smallest scale-up domain of them"
        )
    if any(job.split == "partitions" and len(job.pool_index) > 1 for job in case.jobs):
        yield Note("each pool is searched by itself, because training.split is partitions")
