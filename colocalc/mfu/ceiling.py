"""What is left of the rates of several pools together, and of a rate beside time spent waiting for memory?

Source: Williams et al. 2009 (the roofline).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def weighted_share(*, weight: ArrayLike, share: ArrayLike) -> Array:
    """Mean share of a fleet; the pool axis is dropped.

    Weighted by installed peak it keeps the product of a waterfall exact: a slow pool is then blamed once, where its
    GPUs wait, and not for its ceiling. The share of a pool without weight does not matter and may be NaN.

    Parameters
    ----------
    weight : array_like (..., pool)
        Weight of the pool, not negative, in any unit (GPUs times peak) [1].
    share : array_like (..., pool)
        Share of the pool [0..1].

    Returns
    -------
    ndarray (...)
        Weighted mean [share].

    Notes
    -----
    ``sum w x / sum w``

    - one pool, or equal shares: that share
    - a pool of weight 0 changes nothing, even when its share is NaN
    - total weight 0: NaN

    References
    ----------
    The definition of a weighted mean.
    """
    weights, shares = np.broadcast_arrays(as_array(weight), as_array(share))
    total = weights.sum(axis=-1)
    part = np.where(weights == 0.0, 0.0, weights * shares).sum(axis=-1)
    return as_array(part / np.where(total == 0.0, np.nan, total))


def memory_bound_factor(*, memory_bound_share: ArrayLike) -> Array:
    """Slowdown by operations that wait for memory instead of multiplying.

    Norms, activations, dropout, the optimizer and launch gaps, as time over the time of the matrix products. They do
    not overlap with them.

    Parameters
    ----------
    memory_bound_share : array_like (..., pool)
        Memory-bound time over matmul time, not negative; may exceed 1 [share].

    Returns
    -------
    ndarray (..., pool)
        Time before over time after [factor of at most 1].

    Notes
    -----
    ``1 / (1 + x)``

    - x = 0: 1
    - x = 1: 1/2
    - x without bound: 0

    References
    ----------
    Williams, Waterman and Patterson 2009, for the division of time by the resource that binds.
    """
    return 1.0 / (1.0 + as_array(memory_bound_share))
