"""Interest and principal within level payments, with the argument order and signs of numpy-financial and of Excel."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.annuity import at_start
from colocalc.lease.annuity import fv as value_after
from colocalc.lease.annuity import pmt as level_payment


def _interest(rate: Array, per: Array, nper: Array, pv: Array, fv: Array, start: Array) -> Array:
    level = level_payment(rate, nper, pv, fv, start)
    owed = value_after(rate, per - 1.0, level, pv, start) / (1.0 + rate * start)
    # Paid at the beginning, the first payment is all principal.
    share = np.where((start == 1.0) & (per == 1.0), 0.0, owed * rate)
    return np.where((per >= 1.0) & (per <= nper), share, np.nan)


def ipmt(
    rate: ArrayLike, per: ArrayLike, nper: ArrayLike, pv: ArrayLike, fv: ArrayLike = 0, when: ArrayLike = "end"
) -> Array:
    """Interest within one of the level payments.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    per : array_like (...)
        Which payment, from 1 [count].
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
        Interest, negative where paid [usd].

    Notes
    -----
    ``rate * fv(rate, per - 1, pmt, pv, when) / (1 + rate when)``

    - A rate of 0: 0.
    - The first of payments at the beginning: 0.
    - A payment before the first or after the last: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``ipmt``.
    """
    terms = (as_array(term) for term in (rate, per, nper, pv, fv))
    return _interest(*terms, start=at_start(when))


def ppmt(
    rate: ArrayLike, per: ArrayLike, nper: ArrayLike, pv: ArrayLike, fv: ArrayLike = 0, when: ArrayLike = "end"
) -> Array:
    """Principal within one of the level payments.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    per : array_like (...)
        Which payment, from 1 [count].
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
        Principal, negative where paid back [usd].

    Notes
    -----
    ``pmt - ipmt``

    - A rate of 0: the payment.
    - A payment before the first or after the last: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``ppmt``.
    """
    return level_payment(rate, nper, pv, fv, when) - ipmt(rate, per, nper, pv, fv, when)


def cumprinc(
    rate: ArrayLike, nper: ArrayLike, pv: ArrayLike, start: ArrayLike, end: ArrayLike, when: ArrayLike = "end"
) -> Array:
    """Principal within the level payments from one to another, both counted.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    nper : array_like (...)
        Number of payments [count].
    pv : array_like (...)
        Money received at the start [usd].
    start : array_like (...)
        First payment, from 1 [count].
    end : array_like (...)
        Last payment [count].
    when : array_like (...)
        ``end`` or 0, ``begin`` or 1: when payments fall.

    Returns
    -------
    ndarray (...)
        Principal, negative where paid back [usd].

    Notes
    -----
    ``balance after the last - balance before the first``

    - All payments: ``-pv``.
    - One payment: ``ppmt``.
    - A start below 1 or above the end, or an end above nper: undefined (NaN).

    References
    ----------
    Excel function reference, CUMPRINC.
    """
    first, last, periods = as_array(start), as_array(end), as_array(nper)
    level = level_payment(rate, periods, pv, when=when)
    owed = [_owed(as_array(rate), count, level, as_array(pv), at_start(when)) for count in (first - 1.0, last)]
    inside = (first >= 1.0) & (first <= last) & (last <= periods)
    return np.where(inside, owed[1] - owed[0], np.nan)


def _owed(rate: Array, paid: Array, level: Array, pv: Array, start: Array) -> Array:
    """Balance just after so many payments."""
    after = -value_after(rate, paid, level, pv, start) / (1.0 + rate * start)
    return np.where(paid == 0.0, pv, after)


def cumipmt(
    rate: ArrayLike, nper: ArrayLike, pv: ArrayLike, start: ArrayLike, end: ArrayLike, when: ArrayLike = "end"
) -> Array:
    """Interest within the level payments from one to another, both counted.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    nper : array_like (...)
        Number of payments [count].
    pv : array_like (...)
        Money received at the start [usd].
    start : array_like (...)
        First payment, from 1 [count].
    end : array_like (...)
        Last payment [count].
    when : array_like (...)
        ``end`` or 0, ``begin`` or 1: when payments fall.

    Returns
    -------
    ndarray (...)
        Interest, negative where paid [usd].

    Notes
    -----
    ``payments - cumprinc``

    - A rate of 0: 0.
    - One payment: ``ipmt``.
    - A start below 1 or above the end, or an end above nper: undefined (NaN).

    References
    ----------
    Excel function reference, CUMIPMT.
    """
    paid = level_payment(rate, nper, pv, when=when) * (as_array(end) - as_array(start) + 1.0)
    return paid - cumprinc(rate, nper, pv, start, end, when)
