"""The calendar of a contract: how long its months are, and which part of each it covers.

Time is counted in calendar months as plain floats: a month is ``12 * year + month - 1``, so June 2026 is 24,317, and an
instant inside a month adds the share of its days that has passed. A contract from an instant to another covers part of
the months at its ends. Scenarios may start in different months, and each has its own row of months then.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import HOURS_PER_DAY, MONTHS_PER_YEAR

# Instants are sums of fractions of months; what differs by less than some seconds is the same instant.
SLACK_MONTHS = 1e-6
NOTHING_MONTHS = 1e-300  # stands for no time in a denominator whose numerator is 0 then


def month_number(*, calendar_yr: ArrayLike, month_of_year_count: ArrayLike, day_of_month_count: ArrayLike) -> Array:
    """The instant at which a day begins, in calendar months.

    Parameters
    ----------
    calendar_yr : array_like (...)
        Year of the Gregorian calendar, such as 2026.
    month_of_year_count : array_like (...)
        Month, 1 to 12.
    day_of_month_count : array_like (...)
        Day of the month, from 1.

    Returns
    -------
    ndarray (...)
        Calendar months since the year 0 [month].

    Notes
    -----
    ``12 year + month - 1 + (day - 1) / days of the month``

    - The first of a month: a whole number.
    - The day after the last of a month: the first of the next.

    References
    ----------
    The Gregorian calendar.
    """
    month = as_array(calendar_yr) * MONTHS_PER_YEAR + (as_array(month_of_year_count) - 1.0)
    return month + (as_array(day_of_month_count) - 1.0) / _days(month, np.ones(()))


def month_h(*, calendar_month: ArrayLike, leap_day_count: ArrayLike) -> Array:
    """Hours of each calendar month.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    leap_day_count : array_like (...)
        1 for the calendar; 0 leaves 29 February out, so that every year is a billing year of 8,760 hours.

    Returns
    -------
    ndarray (..., month)
        Hours of the month [h].

    Notes
    -----
    ``24 (D(m + 1) - D(m))``, where ``D(m)`` is the days before the month ``m`` of a year that begins in March:
    ``365 y + L (floor(y / 4) - floor(y / 100) + floor(y / 400)) + floor((153 k + 2) / 5)``, with
    ``y = floor((m - 2) / 12)`` and ``k = m - 2 - 12 y``.

    - A year has 8,760 hours, a leap year 8,784.
    - Without leap days every year has 8,760 hours, 12 times 730; no month has 730.
    - A century is a leap year only when 400 divides it.

    References
    ----------
    H. Hinnant (2013), chrono-compatible low-level date algorithms, days_from_civil.
    """
    return HOURS_PER_DAY * _days(as_array(calendar_month), as_array(leap_day_count)[..., None])


def _days(month: Array, leap_days: Array) -> Array:
    return _days_before(month + 1.0, leap_days) - _days_before(month, leap_days)


def _days_before(month: Array, leap_days: Array) -> Array:
    # A year that begins in March has its leap day at its end, and the lengths of its months follow one formula.
    years = np.floor((month - 2.0) / MONTHS_PER_YEAR)
    months = month - 2.0 - MONTHS_PER_YEAR * years
    leaps = np.floor(years / 4.0) - np.floor(years / 100.0) + np.floor(years / 400.0)
    days: Array = 365.0 * years + leap_days * leaps + np.floor((153.0 * months + 2.0) / 5.0)
    return days


def covered_share(*, calendar_month: ArrayLike, start_month: ArrayLike, end_month: ArrayLike) -> Array:
    """Share of each month that lies between two instants.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    start_month : array_like (...)
        First instant.
    end_month : array_like (...)
        Instant at which it is over.

    Returns
    -------
    ndarray (..., month)
        Share of the month covered [share].

    Notes
    -----
    ``max(0, min(m + 1, end) - max(m, start))``

    - Before the start and from the end on: 0; between them: 1.
    - A start on the 16th of a month of 30 days: half of that month.
    - The shares sum to ``end - start`` where the months hold both.
    - An end before the start: 0 throughout.

    References
    ----------
    Pro rata by days.
    """
    month = as_array(calendar_month)
    start, end = as_array(start_month)[..., None], as_array(end_month)[..., None]
    covered: Array = np.minimum(month + 1.0, end) - np.maximum(month, start)
    return np.maximum(covered, 0.0, out=covered)
