"""What every kernel and everything above them means by an array."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def as_array(value: ArrayLike) -> Array:
    """Anything array-like as float64, without a copy where it is that already."""
    return np.asarray(value, dtype=np.float64)
