"""Many blocks of scenarios evaluated one after another, in threads, in processes, or on a Dask cluster.

A block is evaluated by one pure function wherever it is sent, and blocks come back in their order: the result has the
same bits whatever the engine, the number of workers and the size of blocks.
"""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from colocalc.arrays import Array
from colocalc.errors import EXIT_USAGE, ColocalcError, did_you_mean, quoted
from colocalc.study.engine.pools import in_processes, in_threads
from colocalc.study.engine.task import Block, Task

_MOST_WORKERS = 1_024  # of one machine: each is a process with libraries of its own
ENGINES = ("serial", "threads", "processes", "dask")


@dataclass(frozen=True)
class Engine:
    """How blocks are evaluated.

    Attributes
    ----------
    name : str
        One of ``ENGINES``.
    workers : int
        Threads, processes, or local Dask workers.
    scheduler : str or None
        Address of a Dask scheduler that exists; None starts one on this machine.
    """

    name: str
    workers: int
    scheduler: str | None

    def words(self) -> str:
        """The engine as reports stamp it."""
        if self.name == "serial":
            return self.name
        if self.scheduler is not None:
            return f"{self.name} at {self.scheduler}"
        return f"{self.name}, {self.workers} workers"


class Progress(Protocol):
    """What is told of the work as it goes on."""

    def advance(self, count: int) -> None:
        """So many more scenarios are done."""


def engine_of(name: str | None, workers: int | None, scheduler: str | None) -> Engine:
    """The engine that options ask for.

    Parameters
    ----------
    name : str or None
        One of ``ENGINES``; None is Dask where a scheduler is given, processes where workers are, else serial.
    workers : int or None
        How many; None is one for each processor.
    scheduler : str or None
        Address of a Dask scheduler.

    Raises
    ------
    ColocalcError
        When the name is none of them, when there would be no worker, or when an option belongs to another engine.
    """
    chosen = name or ("dask" if scheduler else "processes" if workers and workers > 1 else "serial")
    if chosen not in ENGINES:
        raise ColocalcError(
            f"{quoted(chosen)} is none of {', '.join(ENGINES)}",
            where="--engine",
            hint=did_you_mean(chosen, ENGINES),
            exit_code=EXIT_USAGE,
        )
    if workers is not None and workers < 1:
        raise ColocalcError(f"should be at least 1, not {workers}", where="--workers", exit_code=EXIT_USAGE)
    if workers is not None and workers > _MOST_WORKERS:
        message = f"should be at most {_MOST_WORKERS:,}, not {workers}"
        raise ColocalcError(message, where="--workers", exit_code=EXIT_USAGE)
    if scheduler is not None and chosen != "dask":
        raise ColocalcError("belongs to --engine dask", where="--scheduler", exit_code=EXIT_USAGE)
    if scheduler is not None and workers is not None:
        message = "a cluster that exists has its own workers"
        raise ColocalcError(message, where="--workers", exit_code=EXIT_USAGE)
    if chosen == "serial" and workers is not None and workers > 1:
        raise ColocalcError("one after another needs one", where="--workers", exit_code=EXIT_USAGE)
    return Engine(chosen, 1 if chosen == "serial" else workers or _processors(), scheduler)


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not every system tells which processors may be used
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def run(
    task: Task, blocks: Sequence[Block], *, engine: Engine, progress: Progress | None = None
) -> Generator[tuple[Block, Mapping[str, Array]]]:
    """Evaluates blocks and gives their results in order.

    Parameters
    ----------
    task : Task
        What is evaluated.
    blocks : sequence of Block
        Which scenarios.
    engine : Engine
        Where.
    progress : Progress, optional
        Told of every block.

    Yields
    ------
    Block and mapping of str to ndarray (scenario,)
        A block and its columns. Whoever stops early leaves no worker behind.

    Raises
    ------
    ColocalcError
        When a cluster cannot be reached, an extra is missing, or workers die again and again.
    """
    with closing(_RUNNERS[engine.name](task, blocks, engine)) as results:
        for block, columns in results:
            if progress is not None:
                progress.advance(block.stop - block.start)
            yield block, columns


_Results = Generator[tuple[Block, Mapping[str, Array]]]
_Runner = Callable[[Task, Sequence[Block], Engine], _Results]


def _in_order(task: Task, blocks: Sequence[Block], _engine: Engine) -> _Results:
    for block in blocks:
        yield block, task(block)


def _on_dask(task: Task, blocks: Sequence[Block], engine: Engine) -> _Results:
    from colocalc.study.engine.cluster import on_cluster

    return on_cluster(task, blocks, workers=engine.workers, scheduler=engine.scheduler)


_RUNNERS: Mapping[str, _Runner] = {
    "serial": _in_order,
    "threads": lambda task, blocks, engine: in_threads(task, blocks, workers=engine.workers),
    "processes": lambda task, blocks, engine: in_processes(task, blocks, workers=engine.workers),
    "dask": _on_dask,
}
