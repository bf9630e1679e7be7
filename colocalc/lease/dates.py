"""Value and return of cash flows on dates, under five day counts."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from colocalc.arrays import Array, as_array
from colocalc.lease.returns import only_root, total_value

Dates = NDArray[np.datetime64]


def _fixed(days: float) -> Callable[[Dates, Dates], Array]:
    def years(start: Dates, end: Dates) -> Array:
        return _days(start, end) / days

    return years


def _days(start: Dates, end: Dates) -> Array:
    days = (end - start) / np.timedelta64(1, "D")
    return np.asarray(days, dtype=np.float64)


def _actual_actual(start: Dates, end: Dates) -> Array:
    return _calendar_years(end) - _calendar_years(start)


def _calendar_years(dates: Dates) -> Array:
    """Years since 1970, each day of a leap year a 366th."""
    year = dates.astype("datetime64[Y]")
    first, following = year.astype("datetime64[D]"), (year + np.timedelta64(1, "Y")).astype("datetime64[D]")
    number = np.where(np.isnat(dates), np.nan, year.astype(np.int64))
    return number + _days(first, dates) / _days(first, following)


def _thirty(start: Dates, end: Dates) -> Array:
    """Years of twelve months of 30 days; the 31st is the 30th, of the end only where the start is the 30th or 31st."""
    first = np.minimum(_day(start), 30.0)
    last = np.where(first == 30.0, np.minimum(_day(end), 30.0), _day(end))
    months = (end.astype("datetime64[M]") - start.astype("datetime64[M]")) / np.timedelta64(1, "M")
    return as_array(30.0 * months + last - first) / 360.0


def _day(dates: Dates) -> Array:
    return _days(dates.astype("datetime64[M]").astype("datetime64[D]"), dates) + 1.0


# "F" is for fixed: the same count by another name.
DAY_COUNTS: dict[str, Callable[[Dates, Dates], Array]] = {
    "act/365": _fixed(365.0),
    "act/365f": _fixed(365.0),
    "act/360": _fixed(360.0),
    "act/365.25": _fixed(365.25),
    "act/act-isda": _actual_actual,
    "30/360-isda": _thirty,
}


def years_from_first(dates: ArrayLike, day_count: str) -> Array:
    """Years from the earliest date to each; in no order, and NaN where one is missing.

    Parameters
    ----------
    dates : array_like (..., flow)
        Days: ISO text, ``datetime.date`` or ``datetime64``.
    day_count : str
        A word of ``DAY_COUNTS``, in capitals or not.

    Returns
    -------
    ndarray (..., flow)
        Years [yr].

    Notes
    -----
    ``act/n``: days over n; ``act/act-isda``: days of leap years over 366 and others over 365;
    ``30/360-isda``: ``(360 years + 30 months + days) / 360``.

    - The earliest date: 0.
    - A date that is missing (NaT): that row undefined (NaN).

    References
    ----------
    2006 ISDA Definitions, section 4.16.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    first = np.min(days, axis=-1, keepdims=True)
    return DAY_COUNTS[day_count.lower()](np.broadcast_to(first, days.shape), days)


def xnpv(rate: ArrayLike, cashflows: ArrayLike, dates: ArrayLike, day_count: str = "act/365") -> Array:
    """Net present value of flows on dates, at the earliest of them.

    Parameters
    ----------
    rate : array_like (...)
        Discount rate per year [share].
    cashflows : array_like (..., flow)
        Flows [usd].
    dates : array_like (..., flow)
        Day of each flow, in any order: ISO text, ``datetime.date`` or ``datetime64``.
    day_count : str
        ``act/365``, ``act/360``, ``act/365.25``, ``act/act-isda`` or ``30/360-isda``.

    Returns
    -------
    ndarray (...)
        Net present value [usd].

    Notes
    -----
    ``sum(flow_i / (1 + rate)^years_i)``

    - A rate of 0: the sum of the flows.
    - All flows on one day: their sum.
    - Another order of the flows with their dates: the same.
    - A rate of -100% or less: undefined (NaN).

    References
    ----------
    Excel function reference, XNPV, for ``act/365``; pyxirr 0.10.8 for the others.
    """
    return total_value(as_array(rate), as_array(cashflows), years_from_first(dates, day_count))


def xirr(cashflows: ArrayLike, dates: ArrayLike, day_count: str = "act/365") -> Array:
    """Internal rate of return per year of flows on dates, where there is exactly one.

    Parameters
    ----------
    cashflows : array_like (..., flow)
        Flows [usd].
    dates : array_like (..., flow)
        Day of each flow, in any order: ISO text, ``datetime.date`` or ``datetime64``.
    day_count : str
        ``act/365``, ``act/360``, ``act/365.25``, ``act/act-isda`` or ``30/360-isda``.

    Returns
    -------
    ndarray (...)
        Rate per year at which ``xnpv`` is 0 [share].

    Notes
    -----
    ``xnpv(xirr, cashflows, dates) = 0``

    - All flows of one sign: undefined (NaN).
    - More than one rate above -100%: undefined (NaN).
    - Another order of the flows with their dates: the same.
    - A date that is missing (NaT): undefined (NaN).

    References
    ----------
    Excel function reference, XIRR, for ``act/365``; pyxirr 0.10.8 for the others.
    """
    return only_root(as_array(cashflows), years_from_first(dates, day_count))
