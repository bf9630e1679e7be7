"""The loss a lease is set against, and the rate at which it would cover all of it.

The share covered is ``colocalc.lease.rates.hedge_ratio``. A loss is a positive number.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import MONTHS_PER_YEAR


def annual_loss_usd_per_yr(*, loss_usd: ArrayLike, loss_months: ArrayLike) -> Array:
    """Loss stated for some months, scaled to a year.

    Parameters
    ----------
    loss_usd : array_like (...)
        Loss of the period.
    loss_months : array_like (...)
        Length of the period, above 0.

    Returns
    -------
    ndarray (...)
        Loss at the same pace over a year [usd_per_yr].

    Notes
    -----
    ``loss * 12 / months``

    - A year: the loss itself.
    - A quarter: four times the loss.
    - No loss: 0.

    References
    ----------
    Arithmetic.
    """
    return as_array(loss_usd) * MONTHS_PER_YEAR / as_array(loss_months)


def cover_rate_usd_per_gpu_h(
    *, loss_usd_per_yr: ArrayLike, added_cost_usd_per_yr: ArrayLike, billed_gpu_h_per_yr: ArrayLike
) -> Array:
    """Price of a billed GPU-hour at which the lease covers the whole loss.

    With no added cost it is the gross rate; with the cash costs that the lease adds it is the rate whose contribution
    covers the loss.

    Parameters
    ----------
    loss_usd_per_yr : array_like (...)
        Loss of a year.
    added_cost_usd_per_yr : array_like (...)
        Costs that must be covered besides the loss.
    billed_gpu_h_per_yr : array_like (...)
        GPU-hours billed in a year.

    Returns
    -------
    ndarray (...)
        Price of a billed GPU-hour [usd_per_gpu_h].

    Notes
    -----
    ``(loss + added cost) / billed hours``

    - At this rate ``hedge_ratio`` of revenue less the added cost is 1.
    - No loss (zero or less): undefined (NaN).
    - Nothing billed: undefined (NaN).

    References
    ----------
    Break-even of cost accounting.
    """
    loss = as_array(loss_usd_per_yr)
    hours = as_array(billed_gpu_h_per_yr)
    needed = np.where(loss > 0.0, loss, np.nan) + as_array(added_cost_usd_per_yr)
    return needed / np.where(hours == 0.0, np.nan, hours)
