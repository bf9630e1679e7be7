"""The MFU report: the waterfall, each stage with what it came from, and every alternative beside the choice made."""

from collections.abc import Iterator, Sequence

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, TrainingCase
from colocalc.metrics import STAGES
from colocalc.mfu.job import Step
from colocalc.mfu.waterfall import Waterfall
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import counted, number
from colocalc.report.views.stages import came_from
from colocalc.study.batches import TOLERANCE
from colocalc.study.training import Alternative, TrainingResult, power_readings, smoothing_rows
from colocalc.units import FLOPS_PER_EFLOPS, text

FEW_MICRO_BATCHES = 4


def headline(case: Case, training: TrainingResult) -> tuple[str, ...]:
    """Fleet, job and step MFU in a sentence with their denominator, and the stages that lose most."""
    waterfall = training.waterfall
    shares = [
        text(number(share), "share") for share in (waterfall.step_share, waterfall.job_share, waterfall.fleet_share)
    ]
    precision = " and ".join(dict.fromkeys(_denominator(case, job) for job in case.jobs))
    worst = sorted(STAGES, key=lambda stage: -float(waterfall.log_share[stage]))[:3]
    losses = ", ".join(f"{stage} {text(number(waterfall.log_share[stage]), 'share')}" for stage in worst)
    return (
        f"MFU {shares[0]} in a step, {shares[1]} of the job with failures, {shares[2]} of the fleet.",
        *_upper_bound(case, waterfall),
        f"Denominator: dense {precision} peak of all {_whose(case)}, {_exaflops(training)} EFLOP/s.",
        f"Where the loss comes from: {losses} (shares of ln MFU).",
    )


def _exaflops(training: TrainingResult) -> str:
    return text(number(training.fleet_peak_flop_per_s / FLOPS_PER_EFLOPS), None)


def _whose(case: Case) -> str:
    """The GPUs of the denominator: those in jobs for step and job MFU, all of the fleet's for fleet MFU."""
    total = float(np.sum(case.pools.gpu_count))
    used = {index for job in case.jobs for index in job.pool_index}
    inside = float(np.sum(case.pools.gpu_count[sorted(used)]))
    if inside == total:
        return f"{text(total, 'count')} GPUs"
    return f"{text(total, 'count')} GPUs for fleet MFU, of the {text(inside, 'count')} in jobs for step and job MFU"


def gaps(waterfall: Waterfall) -> tuple[str, ...]:
    """Stages that are not modelled, or not in all jobs, and so count as 1."""
    return tuple(stage for stage in STAGES if stage in waterfall.unmodelled | waterfall.partly_unmodelled)


def _upper_bound(case: Case, waterfall: Waterfall) -> tuple[str, ...]:
    """That stages are left out, which, and what the file would have to give."""
    left_out = gaps(waterfall)
    if not left_out:
        return ()
    missing = dict.fromkeys(key for job in case.jobs for key, value in _needed_of(job) if np.isnan(value).any())
    needs = f" Missing: {', '.join(missing)}." if missing else ""
    return (f"That is an upper bound: not modelled, and counted as 1: {', '.join(left_out)}.{needs}",)


def _needed_of(job: TrainingCase) -> Iterator[tuple[str, Array]]:
    """What a job has to give for its stages to be computed."""
    yield "model", job.arrays.dimensions.layer_count
    yield "sequence_tokens", job.arrays.sequence_tokens
    yield "global_batch_tokens", job.arrays.global_batch_tokens


def _denominator(case: Case, job: TrainingCase) -> str:
    """The precision of the peak, and of the pools that have no such peak."""
    others: dict[str, list[str]] = {}
    for place, key in zip(job.pool_index, job.peak_precisions, strict=True):
        if key != job.peak_precision:
            others.setdefault(key, []).append(case.pools.names[place])
    apart = "; ".join(f"{', '.join(names)} at {key}" for key, names in others.items())
    return f"{job.precision} ({apart})" if apart else job.precision


def tables(case: Case, training: TrainingResult, others: Sequence[Alternative]) -> tuple[Table, ...]:
    """The waterfall, the jobs, and the splits, algorithms, recovery policies and power readings side by side."""
    found = [
        waterfall_table(case, training),
        _jobs(case, training),
        _splits([other for other in others if other.kind == "split"]),
        _algorithms([other for other in others if other.kind == "algorithm"], training.steps[0][1].algorithm),
        _recovery([other for other in others if other.kind == "isolation"]),
    ]
    found += _smoothing(case, training)
    readings = power_readings(case)
    if readings:
        columns = (
            Column("site", "Site", kind="text"),
            Column("megawatts", "Power", "mw"),
            Column("read_as", "Read as", kind="text"),
            Column("draw", "Draw", kind="text"),
            Column("gpu_power_share", "GPUs can draw", "share"),
            Column("power_factor", "Factor", "factor"),
            Column("used", "Used", kind="text"),
        )
        caption = "Only GPUs can be capped; hosts and switches take their part first. 100% or more means no cap."
        found.append(Table("power", "Which megawatts, and of what draw", columns, tuple(readings), caption=caption))
    return tuple(found)


def _smoothing(case: Case, training: TrainingResult) -> list[Table]:
    rows = smoothing_rows(case, training)
    if not rows:
        return []
    columns = (
        Column("site", "Site", kind="text"),
        Column("smoothing_floor_share", "Floor", "share"),
        Column("waiting_share", "GPUs wait", "share"),
        Column("waiting_power_share", "Draw then", "share"),
        Column("extra_energy_share", "Extra energy", "share"),
        Column("smoothing_factor", "Throughput", "factor"),
    )
    caption = "A floor under the draw of waiting GPUs keeps a site's power smooth; published trials lose 0 to 5% by it."
    return [Table("smoothing", "Power smoothing", columns, tuple(rows), caption=caption)]


def waterfall_table(case: Case, training: TrainingResult) -> Table:
    """Each stage: its factor, the MFU it leaves, its share of the loss, and the value it came from."""
    waterfall = training.waterfall
    sources = came_from(case, training)
    rows: list[tuple[object, ...]] = []
    for stage in STAGES:
        unmodelled = stage in waterfall.unmodelled
        rows.append(
            (
                stage,
                None if unmodelled else number(waterfall.factors[stage]),
                number(waterfall.running[stage]),
                None if unmodelled else number(waterfall.log_share[stage]),
                "not modelled: counts as 1" if unmodelled else sources[stage],
            )
        )
    levels = (
        ("step MFU", waterfall.step_share),
        ("job MFU", waterfall.job_share),
        ("fleet MFU", waterfall.fleet_share),
    )
    rows += [(name, None, number(share), None, meaning) for (name, share), meaning in zip(levels, _LEVELS, strict=True)]
    columns = (
        Column("stage", "Stage", kind="text"),
        Column("factor", "Factor", "factor"),
        Column("mfu_share", "MFU after", "share"),
        Column("log_share", "Of loss", "share", kind="text", drawn=True, narrow=True),
        Column("came_from", "From", kind="text"),
    )
    return Table(
        "waterfall",
        "From peak to fleet MFU",
        columns,
        tuple(rows),
        total_count=len(levels),
        caption="Factor = time before / time after. Of loss = ln(factor) / sum of ln(factor).",
    )


_LEVELS = ("through software", "with failures and checkpoints", "with hours outside jobs")


def _jobs(case: Case, training: TrainingResult) -> Table:
    columns = (
        Column("job", "Job", kind="text"),
        Column("gpu_count", "GPUs", "count"),
        Column("replica_count", "Replicas", "count"),
        Column("micro_batch_count", "Micro-batches", "count"),
        Column("global_batch_tokens", "Batch", "tokens", wide=True),
        Column("step_time_s", "Step", "s"),
        Column("idle_gpu_count", "Left over", "count"),
        Column("mttf_s", "MTTF", "s"),
        Column("checkpoint_interval_s", "Checkpoint every", "s", wide=True),
    )
    rows = tuple(
        row for job, (_, step) in zip(case.jobs, training.steps, strict=True) for row in _job_rows(case, job, step)
    )
    return Table("jobs", "Jobs", columns, rows, caption="Micro-batches are per replica and step, as used.")


def _job_rows(case: Case, job: TrainingCase, step: Step) -> Iterator[tuple[object, ...]]:
    split = step.peak_flop_per_s.shape[-1] > 1 or job.split == "partitions"
    for place in range(step.peak_flop_per_s.shape[-1]):
        pool = case.pools.names[job.pool_index[place]] if split else None
        counts = job.arrays.gpu_count[place] if split else np.sum(job.arrays.gpu_count)
        yield (
            f"{job.name}: {pool}" if pool else job.name,
            number(counts),
            number(step.replica_count[place]),
            number(step.micro_batch_count[place]),
            number(step.global_batch_tokens[place]),
            number(step.step_time_s[place]),
            number(step.idle_gpu_count[place]),
            number(step.mttf_s[place]),
            number(step.checkpoint_interval_s[place]),
        )


def _splits(others: Sequence[Alternative]) -> Table:
    rows = []
    for other in others:
        waterfall = other.result.waterfall if other.result else None
        rows.append(
            (
                other.name,
                other.chosen,
                waterfall and number(waterfall.factors["mixed_generations"]),
                waterfall and number(waterfall.factors["layout_remainder"]),
                waterfall and number(waterfall.step_share),
                waterfall and number(waterfall.fleet_share),
                other.why_not or _SPLITS[other.name],
            )
        )
    columns = (
        Column("split", "Split", kind="text"),
        Column("used", "Used", kind="text"),
        Column("mixed_generations_factor", "Mixed", "factor"),
        Column("layout_remainder_factor", "Remainder", "factor", wide=True),
        Column("step_share", "Step MFU", "share"),
        Column("fleet_share", "Fleet MFU", "share"),
        Column("note", "How the work is shared", kind="text"),
    )
    return Table("splits", "How generations share the work", columns, tuple(rows))


_SPLITS = {
    "equal": "every replica the same: all wait for the slowest",
    "proportional": "whole micro-batches by speed, solved exactly",
    "memory": "by speed, as far as each memory holds the work",
    "stages": "pipeline stages by generation, whole layers by speed",
    "partitions": "a job of its own for each pool",
    "drop-slow": "only the fastest pools train, if that is more",
}


def _algorithms(others: Sequence[Alternative], used: str) -> Table:
    """The algorithms beside the one used, which ``auto`` picks among them."""
    rows = []
    for other in others:
        step = other.result.steps[0][1] if other.result else None
        rows.append(
            (
                other.name,
                other.name == used,
                step and number(np.max(step.exchange_s[other.name])),
                step and number(np.max(step.data_parallel_s)),
                other.result and number(other.result.waterfall.factors["data_parallel"]),
                other.result and number(other.result.waterfall.step_share),
                f"not available: {other.why_not}" if other.why_not else "",
            )
        )
    columns = (
        Column("algorithm", "Algorithm", kind="text"),
        Column("used", "Used", kind="text"),
        Column("exchange_s", "Exchange", "s"),
        Column("exposed_s", "Exposed", "s"),
        Column("data_parallel_factor", "Factor", "factor"),
        Column("step_share", "Step MFU", "share"),
        Column("note", "Note", kind="text"),
    )
    caption = "The data-parallel collectives of one step: in all, and what compute does not hide."
    return Table("algorithms", "Ring, tree and the others", columns, tuple(rows), caption=caption)


def _recovery(others: Sequence[Alternative]) -> Table:
    rows = [
        (
            other.name,
            other.chosen,
            other.result and number(other.result.waterfall.factors["goodput"]),
            other.result and number(other.result.waterfall.job_share),
            other.result and number(other.result.waterfall.fleet_share),
            _RECOVERY[other.name],
        )
        for other in others
    ]
    columns = (
        Column("isolation", "A failure stops", kind="text"),
        Column("used", "Used", kind="text"),
        Column("goodput_factor", "Goodput", "share"),
        Column("job_share", "Job MFU", "share"),
        Column("fleet_share", "Fleet MFU", "share"),
        Column("note", "What happens", kind="text"),
    )
    return Table("recovery", "Restart, isolation and hot spares", columns, tuple(rows))


_RECOVERY = {
    "job": "all restart from the last checkpoint",
    "replica": "the others stall, then go on without it",
    "hot-spare": "a spare takes its place",
}


def warnings(case: Case, training: TrainingResult) -> tuple[Note, ...]:
    """What an expert would ask at once: too few micro-batches, another batch than asked for, GPUs left over."""
    found = [
        sentence
        for job, (_, step) in zip(case.jobs, training.steps, strict=True)
        for sentence in (*_batch_warnings(job, step), *_layout_warnings(job, step))
    ]
    dark = [name for name, share in zip(case.pools.names, training.gpu_power_share, strict=True) if share == 0.0]
    if dark:
        found.append(f"hosts and switches alone draw more than the site has: nothing is left for {', '.join(dark)}")
    return tuple(Note(sentence, "warning") for sentence in found)


def _batch_warnings(job: TrainingCase, step: Step) -> Iterator[str]:
    if np.isnan(step.micro_batch_count).all():
        return
    fewest = float(np.nanmin(step.micro_batch_count))
    if fewest < FEW_MICRO_BATCHES and (why := _too_few(job, step)):
        yield f"{job.name}: {counted(int(fewest), 'micro-batch')} per replica, fewer than {FEW_MICRO_BATCHES}: {why}"
    elif float(job.arrays.vpp_count) > 1.0 and bool(np.any(step.micro_batch_count % job.arrays.pp_count > 0.0)):
        yield (
            f"{job.name}: {fewest:.0f} micro-batches are no multiple of {float(job.arrays.pp_count):.0f} stages; "
            "interleaved schedules ask for one"
        )
    asked, used = float(job.arrays.global_batch_tokens), float(np.nansum(step.global_batch_tokens))
    if abs(used / asked - 1.0) > TOLERANCE:
        asked_for = text(asked, "tokens")
        yield f"{job.name}: {text(used, 'tokens')} a step in whole micro-batches, not the {asked_for} asked for"


def _too_few(job: TrainingCase, step: Step) -> str | None:
    """What few micro-batches cost: one pool without a pipeline, or with chunks enough, needs no more than one."""
    bubble = 1.0 - float(np.nanmin(step.factors["bubble"]))
    if float(job.arrays.pp_count) > 1.0 and bubble > _LARGE_BUBBLE:
        return f"the bubble of the pipeline takes {text(bubble, 'share')} of the time"
    return "too coarse to share out by speed" if job.split in _BY_SPEED and len(job.pool_index) > 1 else None


def _layout_warnings(job: TrainingCase, step: Step) -> Iterator[str]:
    left, dropped = float(np.sum(step.idle_gpu_count)), float(np.sum(step.dropped_gpu_count))
    if dropped > 0.0:
        yield f"{job.name}: {text(dropped, 'count')} GPUs are dropped as too slow; they count in the denominator"
    if left > 0.0:
        yield f"{job.name}: {text(left, 'count')} GPUs are left over by the layout; they count in the denominator"
    if bool(np.isnan(step.replica_count).any()):
        yield f"{job.name}: a pool holds no whole replica (tp x pp x cp GPUs) and trains nothing"


_LARGE_BUBBLE = 0.1
_BY_SPEED = ("proportional", "memory")
