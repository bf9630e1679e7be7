"""Prices in time: how far the market's price of each month is from what is expected of it."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import MONTHS_PER_YEAR


def price_factor(*, normal_factor: ArrayLike, volatility_share_per_yr: ArrayLike, reversion_per_yr: ArrayLike) -> Array:
    """The price of each month over its expectation, for a price that returns to what is expected.

    Parameters
    ----------
    normal_factor : array_like (..., month)
        Standard normal draws; the first is not used, because the first month's price is known.
    volatility_share_per_yr : array_like (...)
        Standard deviation of the log price after a year without any return, 0 or more.
    reversion_per_yr : array_like (...)
        How fast the log price returns, 0 or more; half of a distance is gone after ``ln 2 / k`` years.

    Returns
    -------
    ndarray (..., month)
        Multiplier of the expected price [factor], with a mean of 1 in every month.

    Notes
    -----
    ``exp(x_t - v_t / 2)`` with ``x_0 = 0``, ``x_{t+1} = x_t exp(-k dt) + s sqrt((1 - exp(-2 k dt)) / (2 k)) z`` and
    ``v_t = s^2 (1 - exp(-2 k t)) / (2 k)``, ``dt`` a month: exact for any length of the month.

    - No volatility: 1 in every month.
    - No reversion: a geometric random walk, ``v_t = s^2 t``.
    - Long after the start: ``v = s^2 / (2 k)``, and ``exp(-k u)`` the correlation of two months ``u`` apart.
    - One month: 1.

    References
    ----------
    E. S. Schwartz, The stochastic behavior of commodity prices, Journal of Finance 52 (1997), model 1; exact steps
    after D. T. Gillespie, Physical Review E 54 (1996).
    """
    draws = as_array(normal_factor)
    speed = as_array(reversion_per_yr) / MONTHS_PER_YEAR
    spread = as_array(volatility_share_per_yr) / np.sqrt(MONTHS_PER_YEAR)
    keep, step = np.exp(-speed), spread * np.sqrt(_years(speed))
    shape = (*np.broadcast_shapes(draws.shape[:-1], step.shape), draws.shape[-1])
    log = np.zeros(shape)
    for month in range(1, shape[-1]):
        log[..., month] = log[..., month - 1] * keep + step * draws[..., month]
    elapsed = np.arange(shape[-1], dtype=np.float64)
    variance = spread[..., None] ** 2 * elapsed * _years(speed[..., None] * elapsed)
    log -= variance / 2.0
    np.exp(log, out=log)
    return log


def _years(speed: Array) -> Array:
    # (1 - exp(-2 a)) / (2 a), which is 1 for a = 0.
    twice = 2.0 * speed
    return np.asarray(np.where(twice > 0.0, -np.expm1(-twice) / np.where(twice > 0.0, twice, 1.0), 1.0))
