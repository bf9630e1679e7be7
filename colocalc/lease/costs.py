"""Running costs of a leased fleet, and what its revenue leaves.

Power is bought for the whole facility, so megawatts here are always facility megawatts.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import HOURS_PER_YEAR


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
    power = as_array(facility_power_mw)
    return power * HOURS_PER_YEAR * as_array(energy_price_usd_per_mwh)


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
    costs = as_array(power_cost_usd_per_yr) + as_array(operations_usd_per_yr)
    return as_array(revenue_usd_per_yr) - costs


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
    power = as_array(facility_power_mw)
    return as_array(revenue_usd_per_yr) / np.where(power == 0.0, np.nan, power)
