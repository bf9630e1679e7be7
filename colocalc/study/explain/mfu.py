"""MFU and the figures of a step explained; several jobs as the mean that their peaks weigh."""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.case.ledger import peak_key
from colocalc.metrics import STAGES
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.failures import failures
from colocalc.study.explain.formula import Draft, Formula, suffixes
from colocalc.study.explain.mixing import active, laid_out
from colocalc.study.explain.rates import job_peak_pflop_per_s
from colocalc.study.explain.stages import stage_template
from colocalc.study.explain.traffic import exposed_exchange
from colocalc.units import FLOPS_PER_PFLOPS, FLOPS_PER_TFLOPS, GPU_DAYS_PER_RATE_UNIT, SECONDS_PER_DAY

_JOB_STAGES = tuple(STAGES)[: tuple(STAGES).index("allocation")]
_STEP_STAGES = _JOB_STAGES[: _JOB_STAGES.index("goodput")]
_TFLOPS_PER_PFLOPS = f"{FLOPS_PER_PFLOPS / FLOPS_PER_TFLOPS:.0f}"


def _factor(draft: Draft, stage: str) -> str:
    return draft.found(stage, f"mfu.stage.{stage}_factor", "factor", f"factor of the stage: {STAGES[stage]}")


def step_share(_context: Context, draft: Draft) -> str:
    """The stages that have a factor; the others count as 1."""
    known = [stage for stage in _STEP_STAGES if f"mfu.stage.{stage}_factor" in draft.values]
    missing = [stage for stage in _STEP_STAGES if stage not in known]
    draft.note = f"without a factor, and so counted as 1: {', '.join(missing)}" if missing else ""
    return " * ".join(_factor(draft, stage) for stage in known) or "1"


def job_share(_context: Context, draft: Draft) -> str:
    """Step MFU times goodput."""
    step = draft.found("step", "mfu.step_share", "share", "MFU of a step")
    return _times_stage(draft, step, "goodput")


def fleet_share(_context: Context, draft: Draft) -> str:
    """Job MFU times allocation."""
    job = draft.found("job", "mfu.job_share", "share", "MFU of the job over wall time")
    return _times_stage(draft, job, "allocation")


def _times_stage(draft: Draft, before: str, stage: str) -> str:
    if f"mfu.stage.{stage}_factor" in draft.values:
        return f"{before} * {_factor(draft, stage)}"
    draft.note = f"{stage} has no factor here and counts as 1"
    return f"{before} * 1"


def stage(name: str) -> Callable[[Context, Draft], str]:
    """What writes a stage's factor: of one job its own formula, of several the mean by peak and stages before."""
    return lambda context, draft: (
        stage_template(name, context, context.runs[0], draft)
        if len(context.runs) == 1
        else _weighed(name, context, draft)
    )


def _weighed(name: str, context: Context, draft: Draft) -> str:
    weights = _weights(name, context, draft)
    parts = []
    for run, end, weight in zip(context.runs, _ends(context), weights, strict=True):
        factor = run.one(run.step.factors[name])
        known = not np.isnan(factor)
        meaning = f"{name} of {run.name}" + ("" if known else ": not modelled, counts as 1")
        parts.append(f"{weight} * {draft.worked(f'f_{end}', factor if known else 1.0, 'factor', meaning)}")
    draft.note = "several jobs: the mean of their factors, each weighed by its peak times its stages before"
    return f"({draft.sum(parts, 'jobs')}) / ({draft.sum(weights, 'jobs')})"


def _ends(context: Context) -> tuple[str, ...]:
    return suffixes(run.name for run in context.runs)


def _weights(before: str, context: Context, draft: Draft) -> list[str]:
    """Symbols for what the stages before one leave of the peak of each job."""
    stages = _JOB_STAGES[: _JOB_STAGES.index(before)] if before in _JOB_STAGES else _JOB_STAGES
    weights = []
    for run, end in zip(context.runs, _ends(context), strict=True):
        factors = [run.one(run.step.factors[stage]) for stage in stages]
        left = job_peak_pflop_per_s(run) * float(np.prod([1.0 if np.isnan(factor) else factor for factor in factors]))
        weights.append(draft.worked(f"u_{end}", left, "pflop_per_s", f"peak of {run.name} times its stages before"))
    return weights


def of_each_job(name: str, context: Context) -> tuple[tuple[str, float, Formula], ...]:
    """The name, factor and formula of a stage in each of several jobs; empty for one job, or where none has it."""
    found = []
    for run in context.runs if len(context.runs) > 1 and name in _JOB_STAGES else ():
        factor = run.one(run.step.factors[name])
        if not np.isnan(factor):
            draft = context.draft()
            found.append((run.name, factor, draft.formula(stage_template(name, context, run, draft))))
    return tuple(found)


def allocation(context: Context, draft: Draft) -> str:
    """Hours at work, by the peak of the jobs over that of the fleet."""
    training, runs = context.result.training, context.runs
    fleet = draft.worked(
        "F",
        (training.fleet_peak_flop_per_s if training else np.nan) / FLOPS_PER_PFLOPS,
        "pflop_per_s",
        "peak of the fleet",
    )
    peaks = sum(job_peak_pflop_per_s(run) for run in runs)
    jobs = draft.worked("J", peaks, "pflop_per_s", "peak of the GPUs of all jobs")
    if len(runs) == 1:
        return f"{_hours(runs[0], draft, 'a')} * {jobs} / {fleet}"
    weights = _weights("allocation", context, draft)
    parts = [
        f"{weight} * {_hours(run, draft, f'a_{end}')}"
        for run, end, weight in zip(runs, _ends(context), weights, strict=True)
    ]
    return f"({draft.sum(parts, 'jobs')}) / ({draft.sum(weights, 'jobs')}) * {jobs} / {fleet}"


def _hours(run: Run, draft: Draft, symbol: str) -> str:
    measured = run.job.measured.get("allocation")
    if measured is not None and not np.isnan(run.one(measured)):
        path = f"{run.path}.measured.allocation_factor"
        return draft.given(symbol, run.one(measured), "factor", "hours at work, as measured", path)
    meaning = f"share of its GPUs' hours that {run.name} has"
    return draft.given(symbol, run.one(run.job.allocation_share), "share", meaning, f"{run.path}.allocation_share")


def step_time(context: Context, draft: Draft) -> str:
    """Counted FLOPs of a step over the peak that MFU leaves."""
    run = context.runs[0]
    flop = draft.worked(
        "c",
        run.one(run.job.counted_flop_per_token),
        "flop_per_token",
        "model FLOPs of a token",
        f"{run.path}.model",
        f"{run.path}.sequence_tokens",
        f"{run.path}.attention_flops",
    )
    peak = draft.worked("J", job_peak_pflop_per_s(run), "pflop_per_s", "peak of the GPUs of the job")
    share = draft.found("step", "mfu.step_share", "share", "MFU of a step")
    return f"{flop} * {_tokens(draft)} / ({peak} * {FLOPS_PER_PFLOPS:.0f} * {share})"


def _tokens(draft: Draft) -> str:
    return draft.found("B", "mfu.global_batch_tokens", "tokens", "tokens of a step as used")


def tokens_per_s(_context: Context, draft: Draft) -> str:
    """Tokens of a step over its time."""
    return f"{_tokens(draft)} / {draft.found('t_step', 'mfu.step_time_s', 's', 'time of a step')}"


def peak_pflop_per_s(context: Context, draft: Draft) -> str:
    """GPUs times their dense peak at the precision of their job."""
    parts = [f"{context.gpus(draft, pool)} * {_fleet_peak(context, draft, pool)}" for pool in context.asked]
    return f"({draft.sum(parts)}) / {_TFLOPS_PER_PFLOPS}"


def _fleet_peak(context: Context, draft: Draft, pool: int) -> str:
    """The symbol for the peak of a pool's GPU: at its job's precision, in no job at the first job's."""
    case, gpu = context.case, context.case.pools.gpus[pool]
    precision = peak_key(gpu.peak_tflop_per_s, case.jobs[0].precision) if case.jobs else None
    for job in case.jobs:
        if pool in job.pool_index:
            precision = job.peak_precisions[job.pool_index.index(pool)]
    value = case.peak_flop_per_s[pool] / FLOPS_PER_TFLOPS
    path = f"gpus.{gpu.id}.peak_{precision}_tflop_per_s"
    return draft.given(f"F_{context.ends[pool]}", value, "tflop_per_s", f"dense {precision} peak of a GPU", path)


def delivered(_context: Context, draft: Draft) -> str:
    """Fleet MFU times the peak of the fleet."""
    share = draft.found("mfu", "mfu.fleet_share", "share", "MFU of the fleet")
    return f"{share} * {draft.found('F', 'mfu.peak_pflop_per_s', 'pflop_per_s', 'peak of the fleet')}"


def replica_count(context: Context, draft: Draft) -> str:
    """Whole replicas of each pool; of pipelines over all pools, those that the scarcest pool allows."""
    run = context.runs[0]
    tp, pp, cp = (_degree(run, draft, name) for name in ("tp", "pp", "cp"))
    gpus = active(context, run, draft)
    if run.job.split != "stages":
        return draft.sum([f"floor({n} / ({tp} * {pp} * {cp}))" for n in gpus.values()])
    stages = run.over(run.cut.worker_count)
    parts = []
    for place, n in gpus.items():
        end = context.ends[run.pools[place]]
        own = draft.worked(f"p_{end}", stages[place], "count", "pipeline stages that the pool gives")
        parts.append(f"floor({n} / ({tp} * {cp} * {own}))")
    return draft.call("min", parts)


def _degree(run: Run, draft: Draft, name: str) -> str:
    value = run.one(getattr(run.job, f"{name}_count"))
    return draft.given(name, value, "count", _DEGREES[name], f"{run.path}.layout.{name}")


_DEGREES = {"tp": "tensor-parallel ranks", "pp": "pipeline stages", "cp": "context-parallel ranks"}


def _micro_batch(run: Run, draft: Draft) -> str:
    """Tokens of a micro-batch of every replica."""
    sequence = draft.given(
        "s", run.one(run.job.sequence_tokens), "tokens", "length of a sequence", f"{run.path}.sequence_tokens"
    )
    size = draft.given(
        "b", run.one(run.job.micro_batch_count), "count", "sequences of a micro-batch", f"{run.path}.layout.micro_batch"
    )
    return f"{sequence} * {size} * {draft.found('d', 'mfu.replica_count', 'count', 'data-parallel replicas')}"


def micro_batch_count(context: Context, draft: Draft) -> str:
    """The batch asked for over a micro-batch of every replica, rounded, at least one."""
    run = context.runs[0]
    path = f"{run.path}.global_batch_tokens"
    batch = draft.given("B_asked", run.one(run.job.global_batch_tokens), "tokens", "tokens of a step asked for", path)
    return f"max(1, round({batch} / ({_micro_batch(run, draft)})))"


def global_batch(context: Context, draft: Draft) -> str:
    """Whole micro-batches of every replica."""
    count = draft.found("m", "mfu.micro_batch_count", "count", "micro-batches of a replica and step")
    return f"{count} * {_micro_batch(context.runs[0], draft)}"


def job_mttf(context: Context, draft: Draft) -> str:
    """The failures of all GPUs in whole replicas, added up."""
    run = context.runs[0]
    parts = [f"{n} * {_failure_rate(context, run, draft, place)}" for place, n in laid_out(context, run, draft).items()]
    return f"{SECONDS_PER_DAY:.0f} * {GPU_DAYS_PER_RATE_UNIT:.0f} / ({draft.sum(parts)})"


def _failure_rate(context: Context, run: Run, draft: Draft, place: int) -> str:
    pool = context.case.pools.names[run.pools[place]]
    key = "reliability.failures_per_1000_gpu_day"
    paths = [path for path in (f"pools.{pool}.{key}", f"{run.path}.{key}", key) if path in context.assumptions][:1]
    value = run.over(run.job.failures_per_1000_gpu_day)[place]
    end = context.ends[run.pools[place]]
    return draft.given(f"r_{end}", value, "per_1000_gpu_day", "failures per 1,000 GPU-days", *paths)


def checkpoint_interval(context: Context, draft: Draft) -> str:
    """The interval given, or Daly's optimum."""
    run = context.runs[0]
    given = run.one(run.job.checkpoint_interval_s)
    if not np.isnan(given):
        draft.note = "given in the file"
        return draft.given("tau", given, "s", "useful time between checkpoints", "reliability.checkpoint_interval_s")
    mttf = failures(run, draft)
    stall_s = run.one(run.job.checkpoint_s)
    stall = draft.given("w", stall_s, "s", "training stands still for a checkpoint", "reliability.checkpoint_s")
    if stall_s >= 2.0 * run.one(run.step.mttf_s):
        draft.note = "a checkpoint takes twice the time between failures or more"
        return f"min({mttf}, {stall} / 2)"
    ratio = f"{stall} / (2 * {mttf})"
    return f"sqrt(2 * {stall} * {mttf}) * (1 + sqrt({ratio}) / 3 + {ratio} / 9) - {stall}"


def data_parallel(context: Context, draft: Draft) -> str:
    """What compute does not hide of the data-parallel collectives."""
    return exposed_exchange(context, context.runs[0], draft)


WRITERS: Mapping[str, Callable[[Context, Draft], str]] = {
    "mfu.step_share": step_share,
    "mfu.job_share": job_share,
    "mfu.fleet_share": fleet_share,
    **{f"mfu.stage.{name}_factor": stage(name) for name in _JOB_STAGES},
    "mfu.stage.allocation_factor": allocation,
    "mfu.step_time_s": step_time,
    "mfu.tokens_per_s": tokens_per_s,
    "mfu.peak_pflop_per_s": peak_pflop_per_s,
    "mfu.delivered_pflop_per_s": delivered,
    "mfu.replica_count": replica_count,
    "mfu.micro_batch_count": micro_batch_count,
    "mfu.global_batch_tokens": global_batch,
    "mfu.job_mttf_s": job_mttf,
    "mfu.checkpoint_interval_s": checkpoint_interval,
    "mfu.data_parallel_s": data_parallel,
}
