"""What a contract earns by pool and month: by the hour or by a flat fee, with escalator, credits and power."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.months import NOTHING_MONTHS
from colocalc.units import MONTHS_PER_YEAR


def escalation_factor(
    *, calendar_month: ArrayLike, start_month: ArrayLike, end_month: ArrayLike, escalator_share: ArrayLike
) -> Array:
    """Price of each month over the price at the start, one step on each anniversary.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    start_month : array_like (...)
        Instant at which the contract starts.
    end_month : array_like (...)
        Instant at which it is over.
    escalator_share : array_like (...)
        Step of a year, such as 0.03; negative where the price falls, and above -1.

    Returns
    -------
    ndarray (..., month)
        Mean over the part of the month under contract [factor].

    Notes
    -----
    ``(1 + e)^k (1 + e late)``, where ``k`` is the contract year in which the month begins and ``late`` the share of
    its part under contract that lies behind its next anniversary.

    - No escalator, or the first year: 1.
    - A start on the first of a month: ``(1 + e)^k``, with no part of a month.
    - A start on the 16th of a month of 30 days: on the anniversary half of the step.
    - An end on an anniversary within a month: no step in its last part.
    - Before the start: 1.

    References
    ----------
    The fixed escalator of leases; an index is a path of prices instead.
    """
    start, step = as_array(start_month), as_array(escalator_share)[..., None]
    elapsed = as_array(calendar_month) - start[..., None]
    years = _years(elapsed)
    factor = 1.0 + step * _late(elapsed, years, (as_array(end_month) - start)[..., None])
    return factor * np.power(1.0 + step, years)


def _years(elapsed: Array) -> Array:
    years = elapsed / MONTHS_PER_YEAR
    np.floor(years, out=years)
    return np.maximum(years, 0.0, out=years)


def _late(elapsed: Array, years: Array, length: Array) -> Array:
    # A month that holds an anniversary is under contract from its first day.
    until = np.minimum(elapsed + 1.0, length)
    part = until - elapsed
    until -= MONTHS_PER_YEAR * (years + 1.0)
    np.maximum(until, 0.0, out=until)
    until /= np.maximum(part, NOTHING_MONTHS, out=part)
    return until


def anniversary_count(*, calendar_month: ArrayLike, start_month: ArrayLike) -> Array:
    """Anniversaries of a contract that have passed when each month begins.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    start_month : array_like (...)
        Instant at which the contract starts.

    Returns
    -------
    ndarray (..., month)
        Steps of an escalator taken [count].

    Notes
    -----
    ``k`` of ``escalation_factor``.

    - The first year, and before the start: 0.

    References
    ----------
    As ``escalation_factor``.
    """
    return _years(as_array(calendar_month) - as_array(start_month)[..., None])


def late_share(*, calendar_month: ArrayLike, start_month: ArrayLike, end_month: ArrayLike) -> Array:
    """The share of each month's part under contract that lies behind the next anniversary.

    Parameters
    ----------
    calendar_month : array_like (..., month)
        Calendar months since the year 0, whole.
    start_month : array_like (...)
        Instant at which the contract starts.
    end_month : array_like (...)
        Instant at which it is over.

    Returns
    -------
    ndarray (..., month)
        Share [1].

    Notes
    -----
    ``late`` of ``escalation_factor``.

    - A start on the first of a month: 0 in every month.
    - A start on the 16th of a month of 30 days: a half on the anniversary.

    References
    ----------
    As ``escalation_factor``.
    """
    start = as_array(start_month)
    elapsed = as_array(calendar_month) - start[..., None]
    return _late(elapsed, _years(elapsed), (as_array(end_month) - start)[..., None])


def metered_revenue_usd(
    *,
    committed_gpu_h: ArrayLike,
    uncommitted_gpu_h: ArrayLike,
    rate_usd_per_gpu_h: ArrayLike,
    escalation_factor: ArrayLike,
    market_rate_usd_per_gpu_h: ArrayLike,
) -> Array:
    """Revenue of GPU-hours: those owed at the contract's rate, those beyond at the price of the month.

    After the end of the contract nothing is owed, and renewal at market is what is sold then. Where the contract's
    rate holds for all hours, that rate, escalated, stands for the market's.

    Parameters
    ----------
    committed_gpu_h : array_like (..., pool, month)
        Hours owed.
    uncommitted_gpu_h : array_like (..., pool, month)
        Hours sold beyond those owed.
    rate_usd_per_gpu_h : array_like (..., pool)
        The contract's rate at its start.
    escalation_factor : array_like (..., month)
        Price of the month over that at the start.
    market_rate_usd_per_gpu_h : array_like (..., pool, month)
        Price of the hours beyond, by month.

    Returns
    -------
    ndarray (..., pool, month)
        Revenue [usd].

    Notes
    -----
    ``owed rate f + beyond market``

    - Hours or a rate of 0: 0.
    - No hours: 0 even where the rate is unknown.
    - Hours whose rate is unknown: unknown (NaN).

    References
    ----------
    Arithmetic.
    """
    rate = as_array(rate_usd_per_gpu_h)[..., None] * as_array(escalation_factor)[..., None, :]
    return _earned(as_array(committed_gpu_h), rate) + _earned(
        as_array(uncommitted_gpu_h), as_array(market_rate_usd_per_gpu_h)
    )


def _earned(hours: Array, rate: Array) -> Array:
    # A pool without hours may have no rate. Few rates are unknown while many hours may be 0, and a choice that nearly
    # always goes one way costs a processor less.
    return np.where(np.isnan(rate) & (hours == 0.0), 0.0, hours * rate)


def fee_usd(*, fee_usd_per_month: ArrayLike, due_share: ArrayLike, escalation_factor: ArrayLike) -> Array:
    """A flat fee by month.

    Parameters
    ----------
    fee_usd_per_month : array_like (...)
        Fee of a whole month at the start.
    due_share : array_like (..., month)
        Share of the fee due: of the month that is under contract, less where the fee is reduced.
    escalation_factor : array_like (..., month)
        Price of the month over that at the start.

    Returns
    -------
    ndarray (..., month)
        Fee due [usd].

    Notes
    -----
    ``fee due f``

    - Every whole month: the same fee, whatever its days.
    - No part of the month due, or no fee: 0.

    References
    ----------
    Arithmetic.
    """
    return as_array(fee_usd_per_month)[..., None] * as_array(due_share) * as_array(escalation_factor)


def spread_usd(*, amount_usd: ArrayLike, billed_gpu_h: ArrayLike, delivered_gpu_count: ArrayLike) -> Array:
    """An amount of the contract spread over its pools by the GPU-hours billed.

    Parameters
    ----------
    amount_usd : array_like (..., month)
        Amount of the contract.
    billed_gpu_h : array_like (..., pool, month)
        Hours billed.
    delivered_gpu_count : array_like (..., pool, month)
        GPUs under the contract, the weights of a month in which no hour is billed.

    Returns
    -------
    ndarray (..., pool, month)
        Part of each pool [usd].

    Notes
    -----
    ``A w_i / sum(w)``; the weights are hours, or else GPUs, or else all alike.

    - The parts sum to the amount.
    - One pool: all of it.
    - No hours billed: by GPUs delivered; none delivered: evenly.

    References
    ----------
    Allocation of a joint price in proportion to a measure of use.
    """
    hours, gpus = as_array(billed_gpu_h), as_array(delivered_gpu_count)
    any_hours, any_gpus = (np.sum(each, axis=-2, keepdims=True) > 0.0 for each in (hours, gpus))
    weight: Array = np.where(any_hours, hours, np.where(any_gpus, gpus, 1.0))
    part: Array = weight / np.sum(weight, axis=-2, keepdims=True)
    return as_array(amount_usd)[..., None, :] * part


def sla_credit_usd(
    *,
    revenue_usd: ArrayLike,
    availability_share: ArrayLike,
    sla_threshold_share: ArrayLike,
    sla_credit_share: ArrayLike,
) -> Array:
    """What is given back for months below the promised availability; drops the tier axis.

    Parameters
    ----------
    revenue_usd : array_like (..., pool, month)
        Revenue before credits.
    availability_share : array_like (..., pool, month)
        Share of hours in which the GPUs were up.
    sla_threshold_share : array_like (..., tier)
        Availability promised by each tier.
    sla_credit_share : array_like (..., tier)
        Share of the revenue given back below it.

    Returns
    -------
    ndarray (..., pool, month)
        Credit, positive [usd].

    Notes
    -----
    ``revenue max_t(credit_t where availability < threshold_t)``; tiers do not add up.

    - Available as promised, to the point: no credit.
    - Several tiers missed: the largest credit alone.
    - A threshold of 0, or no tier at all: no credit.

    References
    ----------
    The service credits of cloud agreements, a share of the month's charge by tiers of availability.
    """
    # Tiers stand in front of pools and months: rows of months are long and those of tiers are not. A product costs the
    # same whichever way the comparison goes, and a choice does not.
    promised, given = (as_array(share)[..., None, None] for share in (sla_threshold_share, sla_credit_share))
    missed = as_array(availability_share)[..., None, :, :] < promised
    credit: Array = np.max(missed * given, axis=-3, initial=0.0)
    return as_array(revenue_usd) * credit


def passthrough_usd(*, power_cost_usd: ArrayLike, passthrough_share: ArrayLike) -> Array:
    """The part of the cost of power that the tenant pays on top.

    Parameters
    ----------
    power_cost_usd : array_like (..., pool, month)
        Cost of power.
    passthrough_share : array_like (...)
        Share of it passed on; 0 where power is part of the rate.

    Returns
    -------
    ndarray (..., pool, month)
        Revenue from power [usd].

    Notes
    -----
    ``cost share``

    - All passed on: revenue less cost does not depend on the price of power.
    - Nothing passed on: 0.

    References
    ----------
    The pass-through clause of colocation leases.
    """
    return as_array(power_cost_usd) * as_array(passthrough_share)[..., None, None]


def contract_usd(*, pool_usd: ArrayLike) -> Array:
    """An amount of the whole contract by month: the pool axis is dropped.

    Parameters
    ----------
    pool_usd : array_like (..., pool, month)
        Amount of each pool.

    Returns
    -------
    ndarray (..., month)
        Amount of the contract [usd].

    Notes
    -----
    ``sum_i A_i``

    - One pool: its amount.
    - A pool of 0 changes nothing.

    References
    ----------
    Arithmetic.
    """
    total: Array = np.sum(as_array(pool_usd), axis=-2)
    return total
