"""The root of a function that rises, in many scenarios at once."""

from collections.abc import Callable

import numpy as np

from colocalc.arrays import Array, together

_STEPS = 200  # every second one halves the bracket, and a double has 52 bits


def rising_root(worth: Callable[[Array], Array], low: Array, high: Array, close: Array) -> Array:
    """Where a value that rises crosses 0: a bracket is narrowed by chords, exact on a straight piece, and halves.

    Every scenario goes its own way and stands still once it is there, so others do not change its answer. Where the
    value jumps over 0, the answer is the first number behind the jump.

    Parameters
    ----------
    worth : callable
        The value of each scenario at an argument of each.
    low, high : ndarray (...)
        Arguments on either side of the root; NaN where there is none.
    close : ndarray (...)
        What counts as 0, where rounding begins.

    Returns
    -------
    ndarray (...)
        The root; NaN where an end of the bracket is NaN.
    """
    under, over = worth(low), worth(high)
    low, high, close, under, over = together(low, high, close, under, over)
    step = 0
    while step < _STEPS and np.any(np.nextafter(low, high) < high):
        rise = over - under
        chord = low - under * (high - low) / np.where(rise == 0.0, np.inf, rise)
        middle = np.clip(chord, low, high) if step % 2 == 0 else 0.5 * (low + high)
        value = worth(middle)
        there = np.abs(value) <= close
        down, up = (value <= 0.0) | there, (value >= 0.0) | there
        low, under = np.where(down, middle, low), np.where(down, value, under)
        high, over = np.where(up, middle, high), np.where(up, value, over)
        step += 1
    return np.where(np.isnan(low), np.nan, high)
