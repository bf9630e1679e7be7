"""What an engine evaluates: a block of scenarios, and the pure function of a block."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from colocalc.arrays import Array

_MOST_ROWS = 1_000  # of a chunk: arrays of a few pools and some months stay in the cache
_MOST_CELLS = 100_000  # rows times pools
_LARGEST_FREED_BYTE = 31 * 2**20  # the C library takes no notice of one of 32 MiB or more


@dataclass(frozen=True)
class Block:
    """Scenarios from ``start`` up to, not including, ``stop``; ``part`` is which of several surfaces they lie on."""

    start: int
    stop: int
    part: int


class Task(Protocol):
    """A pure function of a block; it can be sent to another process."""

    def __call__(self, block: Block) -> Mapping[str, Array]:
        """The columns of a block, each ``(scenario,)``."""


def blocks_of(count: int, size: int, part: int) -> list[Block]:
    """Scenarios cut into blocks of one size, the last what is left."""
    return [Block(start, min(start + size, count), part) for start in range(0, count, size)]


def chunk_rows(pool_count: int) -> int:
    """How many scenarios of a fleet are computed at once: as many as keep memory small, and always the same number.

    A power or a sum may differ in its last bit by where in an array a number stands, so that what is computed together
    must not depend on how the work is shared out.
    """
    return max(1, min(_MOST_ROWS, _MOST_CELLS // max(pool_count, 1)))


def whole_chunks(size: int | None, chunk: int) -> int:
    """The size of blocks for one that was asked for: whole chunks, at least one."""
    return chunk if size is None else max(1, -(-size // chunk)) * chunk


def keep_freed_memory() -> None:
    """Has this process keep the memory that it frees, for its next arrays.

    By default glibc gives the top of its memory back to the system after every chunk, and gets it again page by page,
    which takes longer than the arithmetic. It keeps twice the largest array that was ever freed, so one is freed here
    that nobody has written to. Other C libraries take no notice.
    """
    np.empty(_LARGEST_FREED_BYTE, np.uint8)


def by_chunk(block: Block, chunk: int, columns_of: Callable[[Block], Mapping[str, Array]]) -> dict[str, Array]:
    """The columns of a block, chunk by chunk.

    Parameters
    ----------
    block : Block
        Scenarios; starts with a chunk, and ends with one unless it ends all.
    chunk : int
        Scenarios computed at once.
    columns_of : callable
        The columns of a chunk, each ``(scenario,)``.
    """
    keep_freed_memory()
    parts = [
        columns_of(Block(start, min(start + chunk, block.stop), block.part))
        for start in range(block.start, block.stop, chunk)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
