"""Interest and principal within level payments, with the argument order and signs of numpy-financial and of Excel."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.annuity import at_start, shrunk, shrunk_annuity
from colocalc.lease.annuity import pmt as level_payment


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
    ``pmt - ppmt``, which is the rate times the balance before

    - A rate of 0: 0.
    - The first of payments at the beginning: 0.
    - A payment before the first or after the last: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``ipmt``.
    """
    return level_payment(rate, nper, pv, fv, when) - ppmt(rate, per, nper, pv, fv, when)


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
    ``-(pv + fv) (1 + rate)^-(nper - per + 1) / a`` with ``a = (1 - (1 + rate)^-nper) / rate``, over 1 + rate for
    payments at the beginning

    - A rate of 0: the payment.
    - The first of payments at the beginning: the payment.
    - A payment before the first or after the last: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``ppmt``.
    """
    r, place, periods, start = as_array(rate), as_array(per), as_array(nper), at_start(when)
    lent = as_array(pv) + as_array(fv)
    # Discounted from the end or compounded from the start: whichever shrinks.
    part = shrunk(r, np.where(r < 0.0, place - 1.0, periods - place + 1.0)) / shrunk_annuity(r, periods)
    paid = -lent * part / (1.0 + r * start)
    first = (start == 1.0) & (place == 1.0)
    share = np.where(first, level_payment(r, periods, pv, fv, start), paid)
    return np.where((place >= 1.0) & (place <= periods), share, np.nan)


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
    ``-pv (1 + rate)^-(nper - end) a(end - start + 1) / a(nper)`` with ``a(n) = (1 - (1 + rate)^-n) / rate``; at the
    beginning as ``ppmt``

    - All payments: ``-pv``.
    - One payment: ``ppmt``.
    - A start below 1 or above the end, or an end above nper: undefined (NaN).

    References
    ----------
    Excel function reference, CUMPRINC.
    """
    r, first, last, periods = as_array(rate), as_array(start), as_array(end), as_array(nper)
    early, lent = at_start(when), as_array(pv)
    part = shrunk(r, np.where(r < 0.0, first - 1.0, periods - last))
    share = part * shrunk_annuity(r, last - first + 1.0) / shrunk_annuity(r, periods)
    # Paid at the beginning, the first payment holds no interest.
    spared = np.where((early == 1.0) & (first == 1.0), r, 0.0)
    inside = (first >= 1.0) & (first <= last) & (last <= periods)
    return np.where(inside, -lent * (share + spared) / (1.0 + r * early), np.nan)


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
