"""A path of prices from the rates that are quoted by term: spot, one year, three years.

A rate for a term is the level price of its months. So the quotes of two terms tell what the months between them are
worth, rising or falling. Nothing is assumed about the direction of prices: a longer term may be dearer.

What a commitment itself is worth is not told apart from what prices will be: a discount for committing looks like a
fall of prices.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def forward_rate_usd_per_gpu_h(
    *,
    term_rate_usd_per_gpu_h: ArrayLike,
    term_months: ArrayLike,
    elapsed_months: ArrayLike,
) -> Array:
    """The price of each month that makes every term's rate the level price of its months; drops the term axis.

    Parameters
    ----------
    term_rate_usd_per_gpu_h : array_like (..., term)
        Rates quoted, shortest term first.
    term_months : array_like (..., term)
        Length of each term, ascending; 1 for spot.
    elapsed_months : array_like (..., month)
        Months from the day of the quotes to the beginning of each month, not negative.

    Returns
    -------
    ndarray (..., month)
        Mean price of the month [usd_per_gpu_h].

    Notes
    -----
    Between the terms ``i - 1`` and ``i`` the price is ``(r_i T_i - r_{i-1} T_{i-1}) / (T_i - T_{i-1})``.

    - One term, or equal rates: that rate throughout.
    - The mean over the months of a term is that term's rate.
    - A longer term that is dearer: a price that rises.
    - After the longest term: the last price.
    - A long term so cheap that the months after the shorter one are worth less than nothing: a negative price.
    - Two terms of one length: undefined (NaN) from the shorter term on.

    References
    ----------
    Forward rates by stripping a term structure: J. Hull, Options, Futures, and Other Derivatives, chapter 4.
    """
    rate, term = as_array(term_rate_usd_per_gpu_h), as_array(term_months)
    weight = _from_nothing(term)
    level = _from_nothing(rate * term) / np.where(weight == 0.0, np.nan, weight)
    month = as_array(elapsed_months)[..., None, :]
    edges = term[..., None]
    from_edge = np.concatenate([np.zeros_like(edges[..., :1, :]), edges[..., :-1, :]], axis=-2)
    to_edge = np.concatenate([edges[..., :-1, :], np.full_like(edges[..., :1, :], np.inf)], axis=-2)
    part = np.maximum(np.minimum(month + 1.0, to_edge) - np.maximum(month, from_edge), 0.0)
    price: Array = np.sum(np.where(part > 0.0, level[..., None] * part, 0.0), axis=-2)
    return price


def _from_nothing(total: Array) -> Array:
    # What each term adds to the one before, the first to nothing.
    return np.diff(total, axis=-1, prepend=0.0)
