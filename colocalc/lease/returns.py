"""What cash flows are worth, and what they return: one flow per period, the period last."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.roots import Index, real_roots


def present_values(rate: Array, flows: Array, times: Array) -> Array:
    """Each flow discounted to time 0; NaN at a rate of -100% or less.

    Parameters
    ----------
    rate : ndarray (...)
        Rate per unit of time.
    flows : ndarray (..., flow)
        Cash flows.
    times : ndarray (..., flow)
        Time of each flow.

    Returns
    -------
    ndarray (..., flow)
        What each is worth at time 0.
    """
    log = np.log1p(np.where(rate > -1.0, rate, np.nan))[..., None]
    with np.errstate(over="ignore", invalid="ignore"):
        values = flows * np.exp(-log * times)
    # A flow of 0 is worth nothing, however large the factor.
    return np.where((flows == 0.0) & ~np.isnan(log), 0.0, values)


def total_value(rate: Array, flows: Array, times: Array) -> Array:
    """Sum of the present values; NaN where infinite ones cancel.

    Parameters
    ----------
    rate : ndarray (...)
        Rate per unit of time.
    flows : ndarray (..., flow)
        Cash flows.
    times : ndarray (..., flow)
        Time of each flow.

    Returns
    -------
    ndarray (...)
        What all are worth at time 0.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total: Array = np.sum(present_values(rate, flows, times), axis=-1)
    return total


def _periods(flows: Array) -> Array:
    return np.arange(flows.shape[-1], dtype=np.float64)


def npv(rate: ArrayLike, cashflows: ArrayLike) -> Array:
    """Net present value with the first flow today, as numpy-financial has it.

    Parameters
    ----------
    rate : array_like (...)
        Discount rate per period [share].
    cashflows : array_like (..., flow)
        Flows of periods 0, 1, 2 and so on [usd].

    Returns
    -------
    ndarray (...)
        Net present value [usd].

    Notes
    -----
    ``sum(flow_k / (1 + rate)^k)`` for k from 0

    - A rate of 0: the sum of the flows.
    - A rate of -100% or less: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``npv``.
    """
    flows = as_array(cashflows)
    return total_value(as_array(rate), flows, _periods(flows))


def npv_excel(rate: ArrayLike, cashflows: ArrayLike) -> Array:
    """Net present value with the first flow a period from today, as spreadsheets have it.

    Parameters
    ----------
    rate : array_like (...)
        Discount rate per period [share].
    cashflows : array_like (..., flow)
        Flows of periods 1, 2, 3 and so on [usd].

    Returns
    -------
    ndarray (...)
        Net present value [usd].

    Notes
    -----
    ``sum(flow_k / (1 + rate)^k)`` for k from 1

    - A rate of 0: the sum of the flows.
    - ``npv`` over 1 + rate.
    - A rate of -100% or less: undefined (NaN).

    References
    ----------
    Excel function reference, NPV.
    """
    flows = as_array(cashflows)
    return total_value(as_array(rate), flows, _periods(flows) + 1.0)


def npv_mid_year(rate: ArrayLike, cashflows: ArrayLike) -> Array:
    """Net present value with the first flow today and each later one in the middle of its period.

    A residual at the end of the last period is no mid-period flow: add it with ``npv``.

    Parameters
    ----------
    rate : array_like (...)
        Discount rate per period [share].
    cashflows : array_like (..., flow)
        Outlay today, then the flows of periods 1, 2 and so on [usd].

    Returns
    -------
    ndarray (...)
        Net present value [usd].

    Notes
    -----
    ``flow_0 + sum(flow_k / (1 + rate)^(k - 1/2))`` for k from 1

    - A rate of 0: the sum of the flows.
    - One flow: that flow.
    - Without an outlay: ``npv`` times the square root of 1 + rate.
    - A rate of -100% or less: undefined (NaN).

    References
    ----------
    The mid-period convention of valuation practice.
    """
    flows = as_array(cashflows)
    times = np.maximum(_periods(flows) - 0.5, 0.0)
    return total_value(as_array(rate), flows, times)


def only_root(flows: Array, times: Array) -> Array:
    """Rate at which flows at these times are worth nothing; NaN unless there is exactly one.

    Parameters
    ----------
    flows : ndarray (..., flow)
        Cash flows.
    times : ndarray (flow,) or (..., flow)
        Time of each.

    Returns
    -------
    ndarray (...)
        Rate per unit of time.
    """
    rows, rates, lead = _roots(flows, times)
    count = np.bincount(rows, minlength=int(np.prod(lead)))
    found = np.full(len(count), np.nan)
    found[rows] = rates
    return np.where(count == 1, found, np.nan).reshape(lead)


def _roots(flows: Array, times: Array) -> tuple[Index, Array, tuple[int, ...]]:
    width = flows.shape[-1]
    if times.ndim == 1:  # times that all scenarios share
        return *real_roots(flows.reshape(-1, width), times[None]), flows.shape[:-1]
    flows, times = np.broadcast_arrays(flows, times)
    return *real_roots(flows.reshape(-1, width), times.reshape(-1, width)), flows.shape[:-1]


def irr(cashflows: ArrayLike) -> Array:
    """Internal rate of return, where there is exactly one.

    Parameters
    ----------
    cashflows : array_like (..., flow)
        Flows of periods 0, 1, 2 and so on [usd].

    Returns
    -------
    ndarray (...)
        Rate per period at which ``npv`` is 0 [share].

    Notes
    -----
    ``npv(irr, cashflows) = 0``; a monthly rate m is ``(1 + m)^12 - 1`` a year.

    - All flows of one sign: undefined (NaN).
    - More than one rate above -100%: undefined (NaN); ``irr_roots`` lists them.
    - Flows that add up to 0, outlay first: 0.
    - A flow that is not finite: undefined (NaN).

    References
    ----------
    One change of sign makes one root: Descartes' rule of signs. numpy-financial 1.0.0, ``irr``, where one root exists.
    """
    flows = as_array(cashflows)
    return only_root(flows, _periods(flows))


def irr_roots(cashflows: ArrayLike) -> Array:
    """Every internal rate of return above -100%, in ascending order.

    The last axis is as long as the most roots of any row, and at least 1.

    Parameters
    ----------
    cashflows : array_like (..., flow)
        Flows of periods 0, 1, 2 and so on [usd].

    Returns
    -------
    ndarray (..., root)
        Rates per period at which ``npv`` is 0, then NaN [share].

    Notes
    -----
    ``npv(root, cashflows) = 0``

    - All flows of one sign: none, so NaN only.
    - A rate at which the value touches 0 without a change of sign: once.
    - Roots closer than rounding tells apart, about 1e-7 in log(1 + rate): one.
    - Three within a tenth of log(1 + rate) may be taken for one.

    References
    ----------
    Lorie and Savage (1955), Three Problems in Rationing Capital, on investments with several rates.
    """
    flows = as_array(cashflows)
    rows, rates, lead = _roots(flows, _periods(flows))
    count = np.bincount(rows, minlength=int(np.prod(lead)))
    first = np.cumsum(count) - count
    found = np.full((len(count), np.max(count, initial=1)), np.nan)
    found[rows, np.arange(len(rows)) - first[rows]] = rates
    return found.reshape(*lead, found.shape[1])


def mirr(cashflows: ArrayLike, finance_rate: ArrayLike, reinvest_rate: ArrayLike) -> Array:
    """Modified internal rate of return: outlays financed at one rate, income reinvested at another.

    Parameters
    ----------
    cashflows : array_like (..., flow)
        Flows of periods 0, 1, 2 and so on [usd].
    finance_rate : array_like (...)
        Rate that outlays cost [share].
    reinvest_rate : array_like (...)
        Rate that income earns to the end [share].

    Returns
    -------
    ndarray (...)
        Rate per period [share].

    Notes
    -----
    ``(value of income at the end / present value of outlays)^(1 / periods) - 1``

    - One outlay at the start and one income: its ``irr``, at any rates.
    - No outlay, or no income: undefined (NaN).
    - One flow: undefined (NaN).

    References
    ----------
    numpy-financial 1.0.0, ``mirr``; Excel function reference, MIRR.
    """
    flows = as_array(cashflows)
    income = npv(reinvest_rate, np.maximum(flows, 0.0))
    outlay = -npv(finance_rate, np.minimum(flows, 0.0))
    periods = flows.shape[-1] - 1
    ratio = np.where(income > 0.0, income, np.nan) / np.where(outlay > 0.0, outlay, np.nan)
    growth = np.log(ratio) / (periods or np.nan)
    reinvest = as_array(reinvest_rate)
    return np.expm1(growth + np.log1p(np.where(reinvest > -1.0, reinvest, np.nan)))


def moic(cashflows: ArrayLike) -> Array:
    """Multiple of invested capital: what comes out over what goes in, undiscounted.

    Parameters
    ----------
    cashflows : array_like (..., flow)
        Flows, outlays negative [usd].

    Returns
    -------
    ndarray (...)
        Distributions over contributions [factor].

    Notes
    -----
    ``sum(positive flows) / -sum(negative flows)``

    - Money back and no more: 1.
    - Nothing comes out: 0.
    - Nothing goes in: undefined (NaN).

    References
    ----------
    Definition of private equity.
    """
    flows = as_array(cashflows)
    paid = -np.sum(np.minimum(flows, 0.0), axis=-1)
    income: Array = np.sum(np.maximum(flows, 0.0), axis=-1)
    return income / np.where(paid > 0.0, paid, np.nan)


def payback(cashflows: ArrayLike) -> Array:
    """Periods until the flows so far first add up to 0 or more, a flow spread evenly over its period.

    Parameters
    ----------
    cashflows : array_like (..., flow)
        Flows of periods 0, 1, 2 and so on; include all capital [usd].

    Returns
    -------
    ndarray (...)
        Time from the first flow, in periods [count].

    Notes
    -----
    ``k - 1 + (-sum before k) / flow_k`` for the first k at which the sum is at least 0

    - No outlay at the start: 0.
    - Never paid back: undefined (NaN).
    - A flow that is not a number: undefined (NaN).

    References
    ----------
    Payback of capital budgeting.
    """
    flows = as_array(cashflows)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.cumsum(flows, axis=-1)
    back = sums >= 0.0
    first = np.argmax(back, axis=-1)[..., None]
    flow = np.take_along_axis(flows, first, axis=-1)
    missing = np.where(first > 0, flow - np.take_along_axis(sums, first, axis=-1), 0.0)
    time = np.maximum(first - 1.0, 0.0) + missing / np.where(flow > 0.0, flow, 1.0)
    known = back.any(axis=-1, keepdims=True) & ~np.isnan(sums[..., -1:])
    return np.where(known, time, np.nan)[..., 0]


def discounted_payback(rate: ArrayLike, cashflows: ArrayLike) -> Array:
    """Periods until the discounted flows so far first add up to 0 or more.

    Parameters
    ----------
    rate : array_like (...)
        Discount rate per period [share].
    cashflows : array_like (..., flow)
        Flows of periods 0, 1, 2 and so on; include all capital [usd].

    Returns
    -------
    ndarray (...)
        Time from the first flow, in periods [count].

    Notes
    -----
    ``payback`` of ``flow_k / (1 + rate)^k``

    - A rate of 0: ``payback``.
    - A rate at or above the ``irr`` of an outlay and its income: the last period, or undefined (NaN).

    References
    ----------
    Payback of capital budgeting.
    """
    flows = as_array(cashflows)
    return payback(present_values(as_array(rate), flows, _periods(flows)))
