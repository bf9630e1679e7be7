"""Prices that move: the rate of a contract that is repriced, and what the market pays by month."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, Terms
from colocalc.units import MONTHS_PER_YEAR


def by_month(prices: Array, terms: Terms, calendar: Array, otherwise: Array) -> Array:
    """Prices that count from the month a contract starts in, by calendar month, and others where there are none.

    Parameters
    ----------
    prices : ndarray (..., pool, month)
        Prices from the start of the contract on, the last holds on; no months for none, NaN for a pool without.
    terms : Terms
        The contract.
    calendar : ndarray (month,)
        Calendar months since the year 0.
    otherwise : ndarray (..., pool, month)
        What holds where there is no such price.

    Returns
    -------
    ndarray (..., pool, month)
    """
    if not prices.shape[-1]:
        return otherwise
    since = np.clip(calendar - np.floor(np.min(terms.start_month)), 0, prices.shape[-1] - 1)
    found = prices[..., since.astype(np.intp)]
    return np.where(np.isnan(found), otherwise, found)


def market_path(case: Case, calendar: Array) -> Array:
    """The market's price over what the file says, ``(..., pool, month)``; the last month of a path holds on."""
    path = case.market_factor
    if not path.shape[-1]:
        return np.ones(())
    place = np.minimum(np.arange(calendar.shape[-1]), path.shape[-1] - 1)
    return path[..., place]


@dataclass(frozen=True)
class PriceStep:
    """A price from a month on, until the next of the same pool.

    Attributes
    ----------
    contract, pool : str
        Whose price it is.
    who : str
        ``contract`` pays it, or the ``market`` after that.
    calendar_month : float
        The month it begins in, since the year 0.
    usd_per_gpu_h : float
        The price of that month.
    """

    contract: str
    pool: str
    who: str
    calendar_month: float
    usd_per_gpu_h: float


def price_steps(case: Case) -> tuple[PriceStep, ...]:
    """The prices of one scenario that follow a path: each at the start, and in the months that begin a contract year.

    A repriced contract is told where its rate changes.
    """
    return tuple(step for terms in case.terms for step in _steps_of(case, terms))


def _steps_of(case: Case, terms: Terms) -> Iterator[PriceStep]:
    start = float(np.floor(np.min(terms.start_month)))
    end = start + float(np.max(np.nan_to_num(terms.months)))
    after = end + float(np.max(terms.gap_months))
    paths = (
        ("contract", terms.repriced_usd_per_gpu_h, start, end),
        ("market", terms.market_path_usd_per_gpu_h, after, after + float(np.max(terms.market_months))),
    )
    for who, prices, first, until in paths:
        if not prices.shape[-1]:
            continue
        calendar = np.arange(first, max(until, first + 1.0))
        found = by_month(prices, terms, calendar, np.full((*prices.shape[:-1], calendar.shape[-1]), np.nan))
        for pool in terms.pools:
            for place in _told(found[pool], is_market=who == "market"):
                yield PriceStep(terms.name, case.pools.names[pool], who, calendar[place], float(found[pool, place]))


def _told(prices: Array, *, is_market: bool) -> list[int]:
    """Places of the months that are told: where a contract's rate changes, or once a year for a market's."""
    if is_market:
        return list(range(0, prices.shape[-1], int(MONTHS_PER_YEAR)))
    return [0, *(np.flatnonzero(np.diff(prices)) + 1).tolist()]
