"""What one GPU has to hold, by term, and whether it fits."""

from collections.abc import Iterator

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, TrainingCase
from colocalc.mfu.job import Step
from colocalc.mfu.predict.memory import TERMS
from colocalc.report.table import Column, Note, Table
from colocalc.study.training import TrainingResult
from colocalc.units import BYTES_PER_GBYTE, text


def tables(case: Case, training: TrainingResult) -> tuple[Table, ...]:
    """A row for each pool of each job; none where no job has a model and a batch."""
    rows = tuple(row for job, step in _pairs(case, training) for row in _rows(case, job, step))
    if not rows:
        return ()
    columns = (
        Column("pool", "Pool", kind="text"),
        *(Column(f"{term}_gbyte", term.capitalize(), "gbyte", wide=term in _WIDE) for term in TERMS),
        Column("total_gbyte", "At most", "gbyte"),
        Column("hbm_gbyte", "Has", "gbyte"),
        Column("use_share", "Used", "share"),
    )
    caption = (
        "Of the fullest GPU. Activations and logits do not peak together on a pipeline; reserve and fragmentation are "
        "planning figures, so 10% either way decides nothing."
    )
    return (Table("memory", "Memory of one GPU", columns, rows, caption=caption),)


_WIDE = ("gradients", "logits", "buffers")


def warnings(case: Case, training: TrainingResult) -> Iterator[Note]:
    """Pools whose GPUs cannot hold their part of the job, with the largest term."""
    for job, step in _pairs(case, training):
        uses = _by_pool(job, step, step.memory.use_share).tolist()
        for place, (pool, use) in enumerate(zip(job.pool_index, uses, strict=True)):
            if not case.pools.gpu_count[pool] > 0.0:  # a pool of none, as a scenario may leave it, holds nothing
                continue
            if use > job.memory_slack_factor and not job.ignores_memory:
                terms = {name: float(_by_pool(job, step, step.memory.terms[name])[place]) for name in TERMS}
                largest = max(terms, key=lambda name: terms[name])
                need = use * float(job.arrays.chip.hbm_byte[place]) / BYTES_PER_GBYTE
                has = float(job.arrays.chip.hbm_byte[place]) / BYTES_PER_GBYTE
                yield Note(
                    f"{job.name}: a GPU of {case.pools.names[pool]} would need {text(need, 'gbyte')} and has "
                    f"{text(has, 'gbyte')}: does not fit; {largest} take most (ignore_memory: true accepts it)",
                    "warning",
                )


def _pairs(case: Case, training: TrainingResult) -> Iterator[tuple[TrainingCase, Step]]:
    for job, (_, step) in zip(case.jobs, training.steps, strict=True):
        if not bool(np.isnan(step.memory.total_byte).all()):
            yield job, step


def _by_pool(job: TrainingCase, step: Step, values: Array) -> Array:
    """A pool quantity of a job, whether its pools stand on one job axis or are jobs of their own."""
    spread = np.broadcast_to(values, np.broadcast_shapes(np.shape(values), step.memory.use_share.shape))
    return spread.reshape(-1)[: len(job.pool_index)]


def _rows(case: Case, job: TrainingCase, step: Step) -> Iterator[tuple[object, ...]]:
    names = [case.pools.names[pool] for pool in job.pool_index]
    labels = names if len(case.jobs) == 1 else [f"{job.name}: {name}" for name in names]
    byte = (*(step.memory.terms[term] for term in TERMS), step.memory.total_byte, job.arrays.chip.hbm_byte)
    gbytes = ((_by_pool(job, step, value) / BYTES_PER_GBYTE).tolist() for value in byte)
    yield from zip(labels, *gbytes, _by_pool(job, step, step.memory.use_share).tolist(), strict=True)
