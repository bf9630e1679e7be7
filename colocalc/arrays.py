"""What every kernel and everything above them means by an array."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def as_array(value: ArrayLike) -> Array:
    """Anything array-like as float64, without a copy where it is that already."""
    return np.asarray(value, dtype=np.float64)


def per_period(value: ArrayLike) -> Array:
    """A quantity of a scenario with an axis of one period behind it."""
    return as_array(value)[..., None]


def together(*values: ArrayLike) -> tuple[Array, ...]:
    """Quantities of periods in the shape they have together."""
    return tuple(np.broadcast_arrays(*(as_array(value) for value in values)))


def before(level: Array) -> Array:
    """Levels at the start of each period from those at its end; nothing stands before the first."""
    return np.concatenate([np.zeros_like(level[..., :1]), level[..., :-1]], axis=-1)


def floored_sum(change: Array) -> Array:
    """Running sum over periods that never falls below 0: ``level = max(level before + change, 0)``."""
    # Period by period: on many scenarios five times as fast as ``minimum.accumulate`` on the running sum, and exact.
    level = np.empty_like(change)
    last = np.zeros_like(change[..., 0])
    for period in range(change.shape[-1]):
        last = np.maximum(last + change[..., period], 0.0)
        level[..., period] = last
    return level
