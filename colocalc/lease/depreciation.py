"""Depreciation by the methods of spreadsheets, with their arguments and defaults, and by the tables of the US tax code.

Salvage above cost is undefined (NaN) in all of them.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import MONTHS_PER_YEAR

LIVES_YR = (3, 5, 7, 10, 15, 20)
# Share of the first year that counts: half a year, or from the middle of the quarter.
HALF_YEAR = 0.5
MID_QUARTER = {1: 0.875, 2: 0.625, 3: 0.375, 4: 0.125}
# Two tables differ from the rule they are made by; what is printed is the law. (life, quarter): {year: percent}
AS_PRINTED = {(7, 2): {0: 17.85, 7: 3.34}, (20, 1): {1: 7.0, 20: 0.565}}


def _base(cost: Array, salvage: Array) -> Array:
    """What is to be written off."""
    return np.where(salvage <= cost, cost - salvage, np.nan)


def sln(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike) -> Array:
    """Straight-line depreciation of a period.

    Parameters
    ----------
    cost : array_like (...)
        Cost [usd].
    salvage : array_like (...)
        Value at the end of its life [usd].
    life : array_like (...)
        Life in periods [count].

    Returns
    -------
    ndarray (...)
        Depreciation of every period [usd].

    Notes
    -----
    ``(cost - salvage) / life``

    - Salvage equal to cost: 0.
    - Salvage above cost, or no life: undefined (NaN).

    References
    ----------
    Excel function reference, SLN.
    """
    periods = as_array(life)
    return _base(as_array(cost), as_array(salvage)) / np.where(periods > 0.0, periods, np.nan)


def syd(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, period: ArrayLike) -> Array:
    """Sum-of-years'-digits depreciation of a period.

    Parameters
    ----------
    cost : array_like (...)
        Cost [usd].
    salvage : array_like (...)
        Value at the end of its life [usd].
    life : array_like (...)
        Life in periods [count].
    period : array_like (...)
        Which period, from 1 [count].

    Returns
    -------
    ndarray (...)
        Depreciation of the period [usd].

    Notes
    -----
    ``2 (cost - salvage) (life - period + 1) / (life (life + 1))``

    - The periods of a life add up to cost less salvage.
    - Salvage above cost, or a period before 1 or after the life: undefined (NaN).

    References
    ----------
    Excel function reference, SYD.
    """
    periods, place = as_array(life), as_array(period)
    left = np.where((place >= 1.0) & (place <= periods), periods - place + 1.0, np.nan)
    return (
        2.0 * _base(as_array(cost), as_array(salvage)) * left / np.where(periods > 0.0, periods * (periods + 1.0), 1.0)
    )


def _declined(cost: Array, salvage: Array, life: Array, factor: Array, periods: Array) -> Array:
    """Book value after some periods of declining balance, never below salvage."""
    kept = np.clip(1.0 - factor / np.where(life > 0.0, life, np.nan), 0.0, 1.0)
    return np.where(salvage <= cost, np.maximum(cost * kept**periods, salvage), np.nan)


def ddb(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, period: ArrayLike, factor: ArrayLike = 2) -> Array:
    """Declining-balance depreciation of a period, without a switch to straight line.

    Parameters
    ----------
    cost : array_like (...)
        Cost [usd].
    salvage : array_like (...)
        Value it is never written below [usd].
    life : array_like (...)
        Life in periods [count].
    period : array_like (...)
        Which period, from 1 [count].
    factor : array_like (...)
        Times the straight-line rate, 2 for double declining [factor].

    Returns
    -------
    ndarray (...)
        Depreciation of the period [usd].

    Notes
    -----
    ``min((cost - written off) factor / life, cost - salvage - written off)``

    - A factor of the life or more: all but salvage in the first period.
    - Once written down to salvage: 0.
    - Salvage above cost, or a period before 1 or after the life: undefined (NaN).

    References
    ----------
    Excel function reference, DDB.
    """
    place, periods = as_array(period), as_array(life)
    place = np.where((place >= 1.0) & (place <= periods), place, np.nan)
    terms = (as_array(cost), as_array(salvage), periods, as_array(factor))
    return _declined(*terms, place - 1.0) - _declined(*terms, place)


def vdb(
    cost: ArrayLike,
    salvage: ArrayLike,
    life: ArrayLike,
    start_period: ArrayLike,
    end_period: ArrayLike,
    factor: ArrayLike = 2,
    no_switch: ArrayLike = False,
) -> Array:
    """Declining-balance depreciation from one time to another, by straight line from where that writes off more.

    Parameters
    ----------
    cost : array_like (...)
        Cost [usd].
    salvage : array_like (...)
        Value it is never written below [usd].
    life : array_like (...)
        Life in periods, a whole number [count].
    start_period : array_like (...)
        From when, 0 for the start; a part of a period counts as that part of its depreciation [count].
    end_period : array_like (...)
        Until when [count].
    factor : array_like (...)
        Times the straight-line rate [factor].
    no_switch : array_like (...)
        True, or 1, to stay with declining balance.

    Returns
    -------
    ndarray (...)
        Depreciation between the two times [usd].

    Notes
    -----
    ``max(book value * factor / life, (book value - salvage) / periods left)`` in each period

    - A whole life: cost less salvage.
    - No switch, over one period: ``ddb``.
    - A factor of 1: ``sln``, where salvage is 0.
    - Salvage above cost, or times outside the life or in reverse: undefined (NaN).

    References
    ----------
    Excel function reference, VDB.
    """
    start, end, periods = as_array(start_period), as_array(end_period), as_array(life)
    inside = (start >= 0.0) & (start <= end) & (end <= periods)
    given = (as_array(cost), as_array(salvage), periods, as_array(factor))
    turn = np.where(as_array(no_switch) == 0.0, _turn(*given), np.inf)
    left = [_book(*given, turn, np.where(inside, time, np.nan)) for time in (start, end)]
    return left[0] - left[1]


def _turn(cost: Array, salvage: Array, life: Array, factor: Array) -> Array:
    """Periods after which straight line writes off more of what is left; infinite where it never does."""
    longest = int(np.max(np.where(np.isfinite(life), life, 0.0), initial=0.0))
    after = np.arange(longest + 1, dtype=np.float64)
    each, worth, years, times = (term[..., None] for term in (cost, salvage, life, factor))
    book = _declined(each, worth, years, times, after)
    line = (book - worth) / np.where(after < years, years - after, np.nan)
    more = line > book * times / np.where(years > 0.0, years, np.nan)
    return np.where(more.any(axis=-1), np.argmax(more, axis=-1), np.inf)


def _book(cost: Array, salvage: Array, life: Array, factor: Array, turn: Array, time: Array) -> Array:
    """Book value at a time, straight between whole periods."""
    whole = np.floor(time)
    low, high = (_whole_book(cost, salvage, life, factor, turn, whole + step) for step in (0.0, 1.0))
    return low + (time - whole) * (high - low)


def _whole_book(cost: Array, salvage: Array, life: Array, factor: Array, turn: Array, periods: Array) -> Array:
    declined = _declined(cost, salvage, life, factor, np.minimum(periods, turn))
    turned = np.where(np.isinf(turn), 0.0, turn)
    gone = np.clip((periods - turned) / np.where(life > turned, life - turned, np.nan), 0.0, 1.0)
    return np.where(periods > turn, declined - (declined - salvage) * gone, declined)


def db(cost: ArrayLike, salvage: ArrayLike, life: ArrayLike, period: ArrayLike, month: ArrayLike = 12) -> Array:
    """Fixed-declining-balance depreciation of a year, the rate rounded to three digits.

    Parameters
    ----------
    cost : array_like (...)
        Cost [usd].
    salvage : array_like (...)
        Value it comes to at the end of its life, but for the rounding [usd].
    life : array_like (...)
        Life in years [count].
    period : array_like (...)
        Which year, from 1; the year after the last holds the months that the first lacks [count].
    month : array_like (...)
        Months of the first year [months].

    Returns
    -------
    ndarray (...)
        Depreciation of the year [usd].

    Notes
    -----
    ``(cost - written off) * rate`` with ``rate = round(1 - (salvage / cost)^(1 / life), 3)``; the first and the year
    after the last by their months

    - No salvage: all in the first year, if it has 12 months.
    - Twelve months in the first year: nothing in the year after the last.
    - Salvage above cost, a cost of 0, or a year before 1 or after life + 1: undefined (NaN).

    References
    ----------
    Excel function reference, DB.
    """
    price, periods, place = as_array(cost), as_array(life), as_array(period)
    share = as_array(month) / MONTHS_PER_YEAR
    kept = as_array(salvage) / np.where(price > 0.0, price, np.nan)
    kept = np.where((kept >= 0.0) & (kept <= 1.0), kept, np.nan)
    rate = np.round(1.0 - kept ** (1.0 / np.where(periods > 0.0, periods, np.nan)), 3)
    later = price * (1.0 - rate * share) * rate * (1.0 - rate) ** np.maximum(place - 2.0, 0.0)
    whole = np.where(place > 1.0, later, price * rate * share)
    part = np.where(place > periods, 1.0 - share, 1.0)
    return np.where((place >= 1.0) & (place <= periods + 1.0), whole * part, np.nan)


def macrs(life: int, convention: str = "half-year", quarter: int | None = None) -> Array:
    """Shares of cost that US tax law lets a buyer deduct, year by year; salvage does not count.

    Parameters
    ----------
    life : int
        Recovery period: 3, 5, 7, 10, 15 or 20 [yr].
    convention : str
        ``half-year`` or ``mid-quarter``; the latter is the law where more than 40% of a year's purchases fall in its
        last quarter.
    quarter : int
        Quarter placed in service, from 1, under ``mid-quarter``.

    Returns
    -------
    ndarray (year,)
        Share of cost in each of life + 1 years [share].

    Notes
    -----
    ``max(left * k / life, left / years left)``, rounded as the tables are, with k = 2 up to 10 years and 1.5 beyond;
    the first year by its convention

    - The shares of every life and convention add up to 1.
    - A life or convention without a table: undefined (NaN).

    References
    ----------
    IRS Publication 946, tables A-1 to A-5; the rule is that of Revenue Procedure 87-57.
    """
    first = (
        HALF_YEAR
        if convention == "half-year"
        else MID_QUARTER.get(quarter or 0)
        if convention == "mid-quarter"
        else None
    )
    if first is None or life not in LIVES_YR:
        return np.full(int(life) + 1, np.nan)
    percents = _percents(life, first)
    for year, percent in AS_PRINTED.get((life, quarter or 0), {}).items():
        percents[year] = percent
    return as_array(percents) / 100.0


def _percents(life: int, first: float) -> list[float]:
    """The table of a recovery period: each year from what the rounded years before it leave."""
    factor, digits = (2.0, 2) if life <= 10 else (1.5, 3 if life == 20 else 2)
    left, used, span, percents = 100.0, 0.0, first, []
    for _ in range(life):
        percent = left * span * max(factor / life, 1.0 / (life - used))
        # Halves are rounded up, past what binary fractions leave of them.
        percents.append(float(np.floor(percent * 10.0**digits + 0.5 + 1e-6)) / 10.0**digits)
        left, used, span = round(left - percents[-1], digits), used + span, 1.0
    return [*percents, left]


def straight_line_tax_half_year(life: int) -> Array:
    """Straight-line tax depreciation with half a year in the first year and in the year after the last, in percent.

    Percent, not a share, because published reference cases call it so.

    Parameters
    ----------
    life : int
        Recovery period [yr].

    Returns
    -------
    ndarray (year,)
        Percent of cost in each of life + 1 years.

    Notes
    -----
    ``100 / life``, half of it in the first and the last year

    - One year: half and half.
    - The years add up to 100.
    - No life: undefined (NaN).

    References
    ----------
    IRS Publication 946, table A-8; NREL PySAM 7.1.1, straight line over 5 years.
    """
    if life < 1:
        return np.full(1, np.nan)
    shares = np.full(int(life) + 1, 100.0 / life)
    shares[[0, -1]] *= 0.5
    return shares
