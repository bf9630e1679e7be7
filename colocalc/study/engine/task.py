"""What an engine evaluates: a block of scenarios, and the pure function of a block."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from colocalc.arrays import Array


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
