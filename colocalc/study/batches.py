"""Whether the points of a grid train on the batch asked for: micro-batches are whole, one a replica at the least."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, numbers
from colocalc.metrics import base_id

BATCH: Final = "mfu.global_batch_tokens"
ASKED: Final = "training.global_batch_tokens"
TOLERANCE: Final = 0.05
_OF_TRAINING: Final = frozenset({"mfu", "choice"})


class Batches:
    """Of the points seen so far, those that train on another batch than was asked for, by more than 5%.

    Parameters
    ----------
    asked_tokens : float
        The batch of the fleet as it is.
    """

    def __init__(self, asked_tokens: float) -> None:
        self.asked_tokens = asked_tokens
        self.other_count = 0
        self.most_tokens = 0.0

    def take(self, used_tokens: Array, asked_tokens: Array | None) -> None:
        """Looks at more points, ``(point,)`` each; ``asked_tokens`` is None where no axis is the batch."""
        asked = self.asked_tokens if asked_tokens is None else asked_tokens
        with np.errstate(invalid="ignore"):
            other = np.abs(used_tokens / asked - 1.0) > TOLERANCE
        self.other_count += int(np.count_nonzero(other))
        self.most_tokens = max(self.most_tokens, float(np.max(used_tokens, where=other, initial=0.0)))


def watched(case: Case, names: Sequence[str]) -> Batches | None:
    """What looks at the batches of a grid; None where no metric hangs on the one job of a fleet."""
    row = numbers(case).get(ASKED)
    if row is None or not any(base_id(name).split(".", 1)[0] in _OF_TRAINING for name in names):
        return None
    return Batches(float(row.value))  # type: ignore[arg-type]
