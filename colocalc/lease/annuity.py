"""Level payments: the functions of numpy-financial, with its argument order, signs and defaults.

Money received is positive, money paid negative. ``when`` is 0 or ``end`` for payments at the end of a period, 1 or
``begin`` at its beginning.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.roots import FARTHEST, GRID_POINTS, NEAREST

BEGIN = ("begin", "b", "beginning", "start")
END = ("end", "e", "finish")
HALVINGS = 60  # from a grid cell down to the last bit


def at_start(when: ArrayLike) -> Array:
    """Whether payments fall at the beginning of a period.

    Parameters
    ----------
    when : array_like (...)
        Words or numbers: ``end`` or 0, ``begin`` or 1.

    Returns
    -------
    ndarray (...)
        1 at the beginning, 0 at the end [count].

    Notes
    -----
    ``e``, ``finish``, ``b``, ``beginning`` and ``start`` are understood too.

    - Numbers: as they are.
    - Any other word: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``when``.
    """
    given = np.asarray(when)
    if given.dtype.kind != "U":
        return as_array(when)
    return np.where(np.isin(given, BEGIN), 1.0, np.where(np.isin(given, END), 0.0, np.nan))


def _log(rate: Array) -> Array:
    return np.log1p(np.where(rate > -1.0, rate, np.nan))


def _times(amount: Array, factor: Array) -> Array:
    """Amount by factor; no amount is none, however large the factor."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where((amount == 0.0) & ~np.isnan(factor), 0.0, amount * factor)


def shrunk(rate: Array, periods: Array) -> Array:
    """What 1 shrinks to: discounted where the rate is above 0, compounded where it is below.

    Parameters
    ----------
    rate : ndarray (...)
        Rate per period.
    periods : ndarray (...)
        Number of periods.

    Returns
    -------
    ndarray (...)
        ``(1 + rate)^-|periods|`` or its inverse, whichever is at most 1; NaN at a rate of -100% or less.
    """
    return np.exp(-np.abs(_log(rate)) * periods)


def shrunk_annuity(rate: Array, periods: Array) -> Array:
    """What 1 at the end of each period is worth, where all shrinks: now if the rate is above 0, at the end if not.

    Parameters
    ----------
    rate : ndarray (...)
        Rate per period.
    periods : ndarray (...)
        Number of payments.

    Returns
    -------
    ndarray (...)
        ``(1 - shrunk) / |rate|``, and the number itself at a rate of 0; NaN without payments.
    """
    count = np.where(periods > 0.0, periods, np.nan)
    worth = -np.expm1(-np.abs(_log(rate)) * count)
    return np.where(rate == 0.0, count, worth / np.where(rate == 0.0, np.nan, np.abs(rate)))


def annuity(rate: Array, periods: Array) -> Array:
    """Present value of 1 at the end of each period; NaN without periods.

    Parameters
    ----------
    rate : ndarray (...)
        Rate per period.
    periods : ndarray (...)
        Number of payments.

    Returns
    -------
    ndarray (...)
        ``(1 - (1 + rate)^-periods) / rate``, and the number itself at a rate of 0.
    """
    with np.errstate(over="ignore"):
        grown = np.exp(np.maximum(-_log(rate), 0.0) * periods)
    return shrunk_annuity(rate, periods) * grown


def pmt(rate: ArrayLike, nper: ArrayLike, pv: ArrayLike, fv: ArrayLike = 0, when: ArrayLike = "end") -> Array:
    """Level payment that turns a present value into a future value.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    nper : array_like (...)
        Number of payments [count].
    pv : array_like (...)
        Money received at the start [usd].
    fv : array_like (...)
        Money received at the end [usd].
    when : array_like (...)
        ``end`` or 0, ``begin`` or 1: when payments fall.

    Returns
    -------
    ndarray (...)
        Payment per period, negative where paid [usd].

    Notes
    -----
    ``-(pv + fv (1 + rate)^-nper) / ((1 + rate when) a)`` with ``a = (1 - (1 + rate)^-nper) / rate``

    - A rate of 0: ``-(pv + fv) / nper``.
    - No payments, or a rate of -100% or less: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``pmt``.
    """
    r, periods = as_array(rate), as_array(nper)
    start, end, less = as_array(pv), as_array(fv), shrunk(r, periods)
    ends = np.where(r < 0.0, start * less + end, start + end * less)
    return -ends / (shrunk_annuity(r, periods) * (1.0 + r * at_start(when)))


def pv(rate: ArrayLike, nper: ArrayLike, pmt: ArrayLike, fv: ArrayLike = 0, when: ArrayLike = "end") -> Array:
    """Present value of level payments and a future value.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    nper : array_like (...)
        Number of payments [count].
    pmt : array_like (...)
        Payment per period [usd].
    fv : array_like (...)
        Money at the end [usd].
    when : array_like (...)
        ``end`` or 0, ``begin`` or 1: when payments fall.

    Returns
    -------
    ndarray (...)
        Present value, of the sign against the payments [usd].

    Notes
    -----
    ``-(fv (1 + rate)^-nper + pmt (1 + rate when) a)``

    - A rate of 0: ``-(fv + pmt nper)``.
    - No payments, or a rate of -100% or less: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``pv``.
    """
    r, periods = as_array(rate), as_array(nper)
    with np.errstate(over="ignore"):
        discount = np.exp(-periods * _log(r))
    ends = _times(as_array(fv), discount)
    with np.errstate(invalid="ignore"):  # two infinities that cancel are undefined
        return -(ends + _times(as_array(pmt), annuity(r, periods) * (1.0 + r * at_start(when))))


def fv(rate: ArrayLike, nper: ArrayLike, pmt: ArrayLike, pv: ArrayLike, when: ArrayLike = "end") -> Array:
    """Future value of level payments and a present value.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    nper : array_like (...)
        Number of payments [count].
    pmt : array_like (...)
        Payment per period [usd].
    pv : array_like (...)
        Money at the start [usd].
    when : array_like (...)
        ``end`` or 0, ``begin`` or 1: when payments fall.

    Returns
    -------
    ndarray (...)
        Value after the last period, of the sign against the payments [usd].

    Notes
    -----
    ``-(pv (1 + rate)^nper + pmt (1 + rate when) ((1 + rate)^nper - 1) / rate)``

    - A rate of 0: ``-(pv + pmt nper)``.
    - No payments yet: ``-pv``.
    - A rate of -100% or less: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``fv``.
    """
    r = as_array(rate)
    with np.errstate(over="ignore"):
        more = np.expm1(as_array(nper) * _log(r))
    saved = np.where(r == 0.0, as_array(nper), more / np.where(r == 0.0, np.nan, r)) * (1.0 + r * at_start(when))
    with np.errstate(invalid="ignore"):  # two infinities that cancel are undefined
        return -(_times(as_array(pv), 1.0 + more) + _times(as_array(pmt), saved))


def nper(rate: ArrayLike, pmt: ArrayLike, pv: ArrayLike, fv: ArrayLike = 0, when: ArrayLike = "end") -> Array:
    """Number of level payments that turn a present value into a future value.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    pmt : array_like (...)
        Payment per period [usd].
    pv : array_like (...)
        Money at the start [usd].
    fv : array_like (...)
        Money at the end [usd].
    when : array_like (...)
        ``end`` or 0, ``begin`` or 1: when payments fall.

    Returns
    -------
    ndarray (...)
        Number of payments, not rounded [count].

    Notes
    -----
    ``log((w - rate fv) / (w + rate pv)) / log(1 + rate)`` with ``w = pmt (1 + rate when)``

    - A rate of 0: ``-(pv + fv) / pmt``.
    - Payments that never pay it off: undefined (NaN).
    - A rate of -100% or less: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``nper``.
    """
    r = as_array(rate)
    paid, start, both = as_array(pmt) * (1.0 + r * at_start(when)), as_array(pv), as_array(pv) + as_array(fv)
    owed = paid + r * start
    change = -r * both / np.where(owed == 0.0, np.nan, owed)
    growing = np.log1p(np.where(change > -1.0, change, np.nan)) / np.where(r == 0.0, np.nan, _log(r))
    return np.where(r == 0.0, -both / np.where(paid == 0.0, np.nan, paid), growing)


def rate(nper: ArrayLike, pmt: ArrayLike, pv: ArrayLike, fv: ArrayLike, when: ArrayLike = "end") -> Array:
    """Rate at which level payments turn a present value into a future value, where there is exactly one.

    Parameters
    ----------
    nper : array_like (...)
        Number of payments [count].
    pmt : array_like (...)
        Payment per period [usd].
    pv : array_like (...)
        Money at the start [usd].
    fv : array_like (...)
        Money at the end [usd].
    when : array_like (...)
        ``end`` or 0, ``begin`` or 1: when payments fall.

    Returns
    -------
    ndarray (...)
        Rate per period [share].

    Notes
    -----
    ``fv + pv (1 + rate)^nper + pmt (1 + rate when) ((1 + rate)^nper - 1) / rate = 0``, scanned in log(1 + rate) and
    halved to the last bit

    - All money one way: undefined (NaN).
    - Two rates: undefined (NaN).
    - No payments: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``rate``, which takes the root near its guess.
    """
    terms = np.broadcast_arrays(as_array(nper), as_array(pmt), as_array(pv), as_array(fv), at_start(when))
    periods = np.where(terms[0] > 0.0, terms[0], np.nan)
    grid = _logs(periods)
    signs = np.sign(_balance(grid, *(term[..., None] for term in (periods, *terms[1:]))))
    turns = signs[..., 1:] * signs[..., :-1] < 0.0
    exact = (signs[..., GRID_POINTS] == 0.0) & signs.any(axis=-1)  # a rate of 0
    cell = np.argmax(turns, axis=-1)[..., None]
    low, high = (np.take_along_axis(grid, cell + step, axis=-1)[..., 0] for step in (0, 1))
    sign = np.take_along_axis(signs, cell, axis=-1)[..., 0]
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = np.sign(_balance(middle, periods, *terms[1:])) == sign
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    count = np.count_nonzero(turns, axis=-1) + exact
    return np.where(count == 1, np.expm1(np.where(exact, 0.0, 0.5 * (low + high))), np.nan)


def _logs(periods: Array) -> Array:
    """Places in log(1 + rate) to look at, ascending, with 0 in the middle."""
    nearest = NEAREST / periods[..., None]
    grid = nearest * (FARTHEST / nearest) ** np.linspace(0.0, 1.0, GRID_POINTS)
    return np.concatenate([-grid[..., ::-1], np.zeros_like(nearest), grid], axis=-1)


def _balance(log: Array, periods: Array, pmt: Array, pv: Array, fv: Array, start: Array) -> Array:
    """What is left, discounted where the rate is above 0 and compounded where it is not, so that nothing overflows."""
    shrunk = np.exp(-np.abs(log) * periods)
    growth = np.expm1(log)
    # Payments: (1 - shrunk) / |rate| in both cases.
    paid = np.where(
        growth == 0.0, periods, -np.expm1(-np.abs(log) * periods) / np.where(growth == 0.0, 1.0, abs(growth))
    )
    ends = np.where(log < 0.0, pv * shrunk + fv, pv + fv * shrunk)
    # exp(log) is 1 + rate to the last bit, which 1 + growth is not near -100%.
    return as_array(ends + pmt * (np.exp(log * start) * paid))
