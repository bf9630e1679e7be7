"""What an explanation is written from: the case, the result, and each job as it ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from colocalc.case import Assumption, Case, TrainingCase
from colocalc.mfu.cut import Cut
from colocalc.mfu.job import Job, Step, on_job_axis, partitioned
from colocalc.mfu.pace import Pace, paced
from colocalc.study.evaluate import Result
from colocalc.study.explain.formula import Draft, suffixes
from colocalc.study.training import TrainingResult, with_power


@dataclass(frozen=True, eq=False)
class Run:
    """One job as it ran: its arrays, its cut, the pace of its pools, its step, and its place on the job axis of these.

    Attributes
    ----------
    name : str
        Of the job, with its pool where a job is split into partitions.
    path : str
        Its block in the fleet file.
    pools : tuple of int
        Places of its pools in the fleet.
    """

    name: str
    path: str
    pools: tuple[int, ...]
    job: Job
    cut: Cut
    pace: Pace
    step: Step
    place: int

    def one(self, values: object) -> float:
        """The job's own entry of a job quantity."""
        entries = np.ravel(np.asarray(values, dtype=np.float64))
        return float(entries[self.place if entries.size > 1 else 0])

    def over(self, values: object) -> list[float]:
        """The job's own entries of a pool quantity, by pool."""
        rows = np.atleast_2d(np.asarray(values, dtype=np.float64))
        return [float(value) for value in rows[self.place if len(rows) > 1 else 0]]

    def used(self, counts: object) -> list[int]:
        """Places on the job's own pool axis of those with any GPU in a count."""
        return [place for place, count in enumerate(self.over(counts)) if count > 0.0]


@dataclass(frozen=True, eq=False)
class Context:
    """One scenario of a fleet, and the pool that is asked about; None for the fleet."""

    case: Case
    result: Result
    pool: int | None = None

    @cached_property
    def assumptions(self) -> Mapping[str, Assumption]:
        """Everything that went into the case, by path."""
        return {row.path: row for row in self.case.assumptions}

    def given(self, path: str) -> float:
        """The number of an assumption; 0 of one that did not go into the case."""
        row = self.assumptions.get(path)
        return row.value if row and isinstance(row.value, float) else 0.0

    @cached_property
    def values(self) -> Mapping[str, float]:
        """Every metric that has a value."""
        return {name: float(value) for name, value in self.result.metrics.items()}

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """What the symbols of each pool end in."""
        return suffixes(self.case.pools.names)

    @cached_property
    def site_ends(self) -> tuple[str, ...]:
        """What the symbols of each site end in."""
        return suffixes(self.case.sites.names)

    @property
    def asked(self) -> tuple[int, ...]:
        """The pool asked about, or all."""
        return tuple(range(len(self.case.pools.names))) if self.pool is None else (self.pool,)

    def draft(self) -> Draft:
        """A formula to be written."""
        return Draft(self.assumptions, self.values)

    def gpus(self, draft: Draft, pool: int) -> str:
        """The symbol for the GPUs of a pool."""
        name = self.case.pools.names[pool]
        counted = f"pools.{name}.gpu_count"
        path = counted if counted in self.assumptions else f"pools.{name}.count"
        return draft.given(f"n_{self.ends[pool]}", self.case.pools.gpu_count[pool], "count", f"GPUs of {name}", path)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Every job, a job split into partitions as one for each pool."""
        training = self.result.training
        if training is None:
            return ()
        pairs = zip(self.case.jobs, training.steps, strict=True)
        return tuple(run for job, (_, step) in pairs for run in self._of_job(job, step, training))

    def _of_job(self, job: TrainingCase, step: Step, training: TrainingResult) -> list[Run]:
        arrays = with_power(job, self.case, training.gpu_power_share)
        split = arrays.split == "partitions"
        arrays = partitioned(arrays) if split else on_job_axis(arrays)
        (cut, pace), path = paced(arrays), self._path(job)
        if not split:
            return [Run(job.name, path, job.pool_index, arrays, cut, pace, step, 0)]
        names = [f"{job.name}: {self.case.pools.names[pool]}" for pool in job.pool_index]
        return [
            Run(name, path, (pool,), arrays, cut, pace, step, place)
            for place, (name, pool) in enumerate(zip(names, job.pool_index, strict=True))
        ]

    def _path(self, job: TrainingCase) -> str:
        """The block of a job; the block ``training`` is the only one outside ``jobs``."""
        own = f"jobs.{job.name}"
        return own if f"{own}.precision" in self.assumptions else "training"
