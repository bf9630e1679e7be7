"""How capital is written off over the periods after it is spent, for tax and in the books."""

import numpy as np

from colocalc.arrays import Array
from colocalc.case import ProjectCase
from colocalc.lease import finance
from colocalc.units import MONTHS_PER_YEAR


def spread(capital_usd: Array, shares: Array) -> Array:
    """Depreciation by period: what is spent in one is written off by these shares in those after it."""
    periods = capital_usd.shape[-1]
    lag = np.arange(periods) - np.arange(periods)[:, None]
    later = np.where(lag > 0, np.take(shares, np.maximum(lag - 1, 0), axis=-1), 0.0)
    return np.asarray(np.einsum("...s,...sp->...p", capital_usd, later))


def straight_shares(life_yr: Array, periods: int, months_per_period: float) -> Array:
    """Equal parts over a life, which may end within a period."""
    life = (life_yr * MONTHS_PER_YEAR / months_per_period)[..., None]
    return np.clip(life - np.arange(periods), 0.0, 1.0) / life


def book_shares(project: ProjectCase, periods: int, months_per_period: float) -> Array:
    """Book depreciation of hardware as shares of its cost, of the periods after it is spent; the residual stays."""
    life, residual = project.book_life_yr, project.residual_share
    # A curve or a decay is of the market, not of the books.
    residual = np.where(np.isnan(project.residual_decay_per_yr), residual, 0.0)
    if project.residual_curve_share.shape[-1]:
        residual = np.zeros(())
    if project.book_method == "straight-line":
        return straight_shares(life, periods, months_per_period) * (1.0 - residual)[..., None]
    years = int(np.ceil(periods * months_per_period / MONTHS_PER_YEAR))
    method = finance.ddb if project.book_method == "declining-balance" else finance.syd
    yearly = [np.where(life > year, method(1.0, residual, life, year + 1.0), 0.0) for year in range(years)]
    return _by_period(np.stack(yearly, axis=-1), periods, months_per_period)


def tax_shares(project: ProjectCase, periods: int, months_per_period: float) -> Array:
    """Tax depreciation of hardware as shares of its cost, of the periods after it is spent."""
    life = float(np.max(project.tax_life_yr))  # the code has tables for whole classes
    quarter = None if project.placed_in_quarter_count is None else int(project.placed_in_quarter_count)
    if project.tax_method == "macrs":
        yearly = np.asarray(finance.macrs(int(life), project.tax_convention, quarter))
    else:
        yearly = _half_year(life, int(np.ceil(periods * months_per_period / MONTHS_PER_YEAR)))
    first = project.bonus_share[..., None]
    yearly = yearly * (1.0 - first)
    yearly = np.concatenate([yearly[..., :1] + first, yearly[..., 1:]], axis=-1)
    return _by_period(yearly, periods, months_per_period)


def _half_year(life_yr: float, years: int) -> Array:
    """Straight line over a tax life that begins in the middle of the first year, in as many years as there are."""
    edge = np.clip(np.arange(min(int(np.ceil(life_yr)) + 1, years) + 1) - 0.5, 0.0, life_yr)
    edge[0] = 0.0
    return np.asarray(np.diff(edge) / life_yr)


def _by_period(yearly: Array, periods: int, months_per_period: float) -> Array:
    """Shares of years as those of periods, zero after the last; each month has a twelfth of its year."""
    per_year = int(MONTHS_PER_YEAR / months_per_period)
    parts = np.repeat(yearly / per_year, per_year, axis=-1)
    room = max(periods - parts.shape[-1], 0)
    return np.concatenate([parts, np.zeros((*parts.shape[:-1], room))], axis=-1)[..., :periods]
