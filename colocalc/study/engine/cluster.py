"""Blocks evaluated on a Dask cluster: one that exists, or one on this machine."""

import pickle
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from functools import lru_cache
from typing import Any

from colocalc import __version__
from colocalc.arrays import Array
from colocalc.errors import EXIT_EXTRA, EXIT_IO, ColocalcError
from colocalc.study.engine.task import Block, Task

_TRIMMED = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
_AHEAD = 2  # blocks for each worker that are under way or wait to be taken
_CONNECT_S = 5  # a scheduler that is there answers sooner
_WORKER_S = 30  # a worker that is starting is there sooner
_RETRIES = 3  # of a block whose worker dies

_Columns = Mapping[str, Array]


def on_cluster(
    task: Task, blocks: Sequence[Block], *, workers: int, scheduler: str | None
) -> Generator[tuple[Block, _Columns]]:
    """Blocks evaluated by Dask workers; those of a worker that dies run again on another.

    Raises
    ------
    ColocalcError
        When Dask is not installed, the scheduler does not answer, no worker is there, or they run another version.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        client = stack.enter_context(_client(distributed, workers, scheduler, stack))
        found = _checked_workers(client, scheduler)
        yield from _ahead(distributed, client, pickle.dumps(task), blocks, _AHEAD * found)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        message = "needs the extra dask: pip install 'colocalc[dask]'"
        raise ColocalcError(message, where="--engine dask", exit_code=EXIT_EXTRA) from None
    return distributed


def _client(distributed: Any, workers: int, scheduler: str | None, stack: ExitStack) -> Any:
    if scheduler is None:
        import dask

        # Workers of Dask give freed memory back at once, which makes ``keep_freed_memory`` vain and takes three times
        # as long as the work; here they are gone with the command.
        with dask.config.set({_TRIMMED: None}):
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL"
            )
        return distributed.Client(stack.enter_context(cluster))
    try:
        return distributed.Client(scheduler, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        message = f"no Dask scheduler answers: {type(error).__name__}"
        raise ColocalcError(message, where=f"--scheduler {scheduler}", exit_code=EXIT_IO) from None


def _checked_workers(client: Any, scheduler: str | None) -> int:
    """How many workers are there; all must have this version of the tool, or the bits would differ."""
    where = f"--scheduler {scheduler}" if scheduler else "--engine dask"
    with suppress(TimeoutError):
        client.wait_for_workers(1, timeout=_WORKER_S)
    versions = client.run(_version) if client.scheduler_info()["workers"] else {}
    if not versions:
        raise ColocalcError("the cluster has no workers", where=where, exit_code=EXIT_IO)
    others = sorted({str(version) for version in versions.values()} - {__version__})
    if others:
        message = f"workers run colocalc {', '.join(others)}, and this is {__version__}"
        raise ColocalcError(message, where=where, exit_code=EXIT_IO)
    return len(versions)


def _version() -> str:
    return __version__


def _call(sent: bytes, block: Block) -> _Columns:
    return _read(sent)(block)


@lru_cache(maxsize=1)
def _read(sent: bytes) -> Task:
    """The task as it was sent: with every block, so that a worker that comes late or again has it too."""
    task: Task = pickle.loads(sent)  # noqa: S301 - the cluster runs what its client sends, and this is that
    return task


def _ahead(
    distributed: Any, client: Any, task: bytes, blocks: Sequence[Block], most: int
) -> Generator[tuple[Block, _Columns]]:
    """Results in order, with at most so many blocks handed in and not taken."""
    waiting: deque[tuple[Block, Any]] = deque()
    for block in blocks:
        waiting.append((block, client.submit(_call, task, block, pure=False, retries=_RETRIES)))
        if len(waiting) == most:
            yield _taken(distributed, waiting)
    while waiting:
        yield _taken(distributed, waiting)


def _taken(distributed: Any, waiting: deque[tuple[Block, Any]]) -> tuple[Block, _Columns]:
    block, future = waiting.popleft()
    try:
        return block, future.result()
    except (distributed.scheduler.KilledWorker, CancelledError, OSError) as error:
        message = f"workers died at scenarios {block.start} to {block.stop - 1}: {type(error).__name__}"
        raise ColocalcError(message, where="--engine dask", exit_code=EXIT_IO) from None
