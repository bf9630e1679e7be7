"""Running costs of a leased fleet, and what its revenue leaves.

Power is bought for the whole facility, so megawatts here are always facility megawatts.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from colocalc.units import HOURS_PER_YEAR

Array = NDArray[np.float64]


def power_cost_usd_per_yr(*, facility_power_mw: ArrayLike, energy_price_usd_per_mwh: ArrayLike) -> Array:
    """Cost of a year's energy at constant draw.

    Parameters
    ----------
    facility_power_mw : array_like (...)
        Power the facility draws, cooling and conversion included.
    energy_price_usd_per_mwh : array_like (...)
        Price of energy.

    Returns
    -------
    ndarray (...)
        Cost of power [usd_per_yr].

    Notes
    -----
    ``MW * 8760 * price``

    - No power or a price of 0: 0.
    - A negative price: an income.

    References
    ----------
    Arithmetic, over a billing year of 8,760 hours.
    """
    power = np.asarray(facility_power_mw, dtype=np.float64)
    return power * HOURS_PER_YEAR * np.asarray(energy_price_usd_per_mwh, dtype=np.float64)


def contribution_usd_per_yr(
    *, revenue_usd_per_yr: ArrayLike, power_cost_usd_per_yr: ArrayLike, operations_usd_per_yr: ArrayLike
) -> Array:
    """Revenue less the cash costs that the lease brings with it.

    Parameters
    ----------
    revenue_usd_per_yr : array_like (...)
        Revenue of a year.
    power_cost_usd_per_yr : array_like (...)
        Cost of power.
    operations_usd_per_yr : array_like (...)
        Staff, maintenance, rent and the like.

    Returns
    -------
    ndarray (...)
        Contribution [usd_per_yr].

    Notes
    -----
    ``revenue - power - operations``

    - No costs: the revenue.
    - Costs above revenue: negative.

    References
    ----------
    Contribution margin of cost accounting.
    """
    costs = np.asarray(power_cost_usd_per_yr, dtype=np.float64) + np.asarray(operations_usd_per_yr, dtype=np.float64)
    return np.asarray(revenue_usd_per_yr, dtype=np.float64) - costs


def revenue_usd_per_mw_yr(*, revenue_usd_per_yr: ArrayLike, facility_power_mw: ArrayLike) -> Array:
    """Revenue of a year per megawatt of the facility.

    Parameters
    ----------
    revenue_usd_per_yr : array_like (...)
        Revenue of a year.
    facility_power_mw : array_like (...)
        Power the facility draws, cooling and conversion included.

    Returns
    -------
    ndarray (...)
        Revenue per megawatt [usd_per_mw_yr].

    Notes
    -----
    ``revenue / MW``

    - No revenue: 0.
    - No power: undefined (NaN).

    References
    ----------
    Arithmetic.
    """
    power = np.asarray(facility_power_mw, dtype=np.float64)
    return np.asarray(revenue_usd_per_yr, dtype=np.float64) / np.where(power == 0.0, np.nan, power)
