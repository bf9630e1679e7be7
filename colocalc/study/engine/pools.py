"""Blocks evaluated in threads or in processes of this machine, in order, a few ahead of whoever takes them."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from colocalc.arrays import Array
from colocalc.errors import EXIT_IO, ColocalcError
from colocalc.study.engine.task import Block, Task

_AHEAD = 2  # blocks for each worker that are under way or wait to be taken: memory stays bounded
_MOST_DEATHS = 3  # of workers, without a block done in between

_Columns = Mapping[str, Array]


def in_threads(task: Task, blocks: Sequence[Block], *, workers: int) -> Generator[tuple[Block, _Columns]]:
    """Blocks evaluated in threads; numpy lets go of the interpreter while it computes."""
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="colocalc")
    try:
        yield from _ahead(pool, task, blocks, _AHEAD * workers)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def in_processes(task: Task, blocks: Sequence[Block], *, workers: int) -> Generator[tuple[Block, _Columns]]:
    """Blocks evaluated in processes; those of a worker that dies run again in another.

    Raises
    ------
    ColocalcError
        When workers die again and again without getting a block done.
    """
    left = deque(blocks)
    deaths = 0
    while left:
        pool = _process_pool(task, workers)
        try:
            for block, columns in _ahead(pool, _evaluate, tuple(left), _AHEAD * workers):
                left.popleft()
                deaths = 0
                yield block, columns
        except BrokenProcessPool:
            deaths += 1
            if deaths == _MOST_DEATHS:
                message = f"worker processes died {deaths} times at scenarios {left[0].start} to {left[0].stop - 1}"
                hint = "smaller blocks need less memory: --block-size"
                raise ColocalcError(message, where="--engine processes", hint=hint, exit_code=EXIT_IO) from None
        finally:
            _end(pool)


def _process_pool(task: Task, workers: int) -> ProcessPoolExecutor:
    # A fresh interpreter: a fork would copy threads that hold locks.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_take, initargs=(task,))


_taken: list[Task] = []  # what this process evaluates, sent to it once


def _take(task: Task) -> None:
    """Keeps the task in a worker; an interruption is for the process that started it to deal with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _taken[:] = [task]


def _evaluate(block: Block) -> _Columns:
    return _taken[0](block)


def _end(pool: ProcessPoolExecutor) -> None:
    """Ends a pool at once, with what it is doing."""
    processes = tuple((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def _ahead(
    pool: Executor, task: Callable[[Block], _Columns], blocks: Sequence[Block], most: int
) -> Generator[tuple[Block, _Columns]]:
    """Results in order, with at most so many blocks handed in and not taken."""
    waiting: deque[tuple[Block, Future[_Columns]]] = deque()
    for block in blocks:
        waiting.append((block, pool.submit(task, block)))
        if len(waiting) == most:
            done, future = waiting.popleft()
            yield done, future.result()
    while waiting:
        done, future = waiting.popleft()
        yield done, future.result()
