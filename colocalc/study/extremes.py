"""Where a metric is least and most over points that come block by block."""

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array


class Extremes:
    """The least and the most of a metric over the points seen; of equal ones the first.

    Attributes
    ----------
    seen_count, undefined_count : int
        Points, and those without a value.
    least, most : float
        NaN where no point has a value.
    least_at, most_at : int
        Where.
    """

    def __init__(self) -> None:
        self.seen_count = self.undefined_count = 0
        self.least = self.most = float("nan")
        self.least_at = self.most_at = -1

    def take(self, places: NDArray[np.int64], values: Array) -> None:
        """Some more points.

        Parameters
        ----------
        places : ndarray (point,)
            Where they are.
        values : ndarray (point,)
            The metric there.
        """
        known = ~np.isnan(values)
        self.seen_count += values.size
        self.undefined_count += int(values.size - np.count_nonzero(known))
        if not bool(known.any()):
            return
        places, values = places[known], values[known]
        low, high = _first(places, values, np.min(values)), _first(places, values, np.max(values))
        if not self.least <= low[0] or (self.least == low[0] and low[1] < self.least_at):
            self.least, self.least_at = low
        if not self.most >= high[0] or (self.most == high[0] and high[1] < self.most_at):
            self.most, self.most_at = high

    @property
    def is_known(self) -> bool:
        """Whether some point has a value."""
        return self.undefined_count < self.seen_count

    @property
    def moves(self) -> bool:
        """Whether the metric is not the same everywhere."""
        return self.is_known and (self.least < self.most or self.undefined_count > 0)


def _first(places: NDArray[np.int64], values: Array, wanted: float) -> tuple[float, int]:
    return float(wanted), int(np.min(places[values == wanted]))
