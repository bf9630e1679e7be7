"""Which rate cards have the mean of a lease: one number does not say what each GPU earns."""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array, as_array
from colocalc.case import Case
from colocalc.lease.card_family import condition_factor, highest_rate_usd_per_gpu_h, lowest_rate_usd_per_gpu_h
from colocalc.study.leasing import LeaseResult


@dataclass(frozen=True, eq=False)
class CardFamily:
    """All rates with one mean weighted by billed hours: ``sum(condition_factor * rate) = condition_total``.

    Attributes
    ----------
    pools : tuple of int
        Places of the pools that are billed by the hour.
    condition_factor : ndarray (..., pool)
        Weight of each rate over that of the last pool.
    condition_usd_per_gpu_h : ndarray (...)
        What the weighted rates sum to.
    low_usd_per_gpu_h, high_usd_per_gpu_h : ndarray (..., pool)
        How far each rate may go while all stay inside their bands; NaN where no card of the bands has the mean.
    """

    pools: tuple[int, ...]
    condition_factor: Array
    condition_usd_per_gpu_h: Array
    low_usd_per_gpu_h: Array
    high_usd_per_gpu_h: Array


def card_family(
    case: Case, lease: LeaseResult, *, low_usd_per_gpu_h: Array, high_usd_per_gpu_h: Array
) -> CardFamily | None:
    """The cards that have the mean of a lease; None unless several pools are billed by the hour.

    Parameters
    ----------
    case, lease : Case, LeaseResult
        One scenario of a fleet.
    low_usd_per_gpu_h, high_usd_per_gpu_h : ndarray (pool,)
        Band of each pool's rate; NaN where none is known.
    """
    given = case.lease
    if given is None:
        return None
    hours = lease.billed_gpu_h_per_yr
    by_hour = np.isfinite(given.rate_usd_per_gpu_h) & (hours > 0.0)
    pools = tuple(int(place) for place in np.flatnonzero(by_hour))
    types = {case.pools.gpus[place].id for place in pools}
    if len(types) < 2 or np.isnan(low_usd_per_gpu_h[list(pools)]).any():
        return None
    weight = hours[list(pools)]
    rates = given.rate_usd_per_gpu_h[list(pools)]
    mean = as_array(np.sum(weight * rates) / np.sum(weight))
    factor = condition_factor(weight=weight)
    # The lease's own rates are cards too, whatever the bands.
    low, high = np.minimum(low_usd_per_gpu_h[list(pools)], rates), np.maximum(high_usd_per_gpu_h[list(pools)], rates)
    band = {
        "weight": weight,
        "low_usd_per_gpu_h": low,
        "high_usd_per_gpu_h": high,
        "mean_rate_usd_per_gpu_h": mean,
    }
    return CardFamily(
        pools=pools,
        condition_factor=factor,
        condition_usd_per_gpu_h=mean * np.sum(factor),
        low_usd_per_gpu_h=lowest_rate_usd_per_gpu_h(**band),
        high_usd_per_gpu_h=highest_rate_usd_per_gpu_h(**band),
    )
