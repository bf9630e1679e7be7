"""Train on a fleet, or lease it: as a whole, pool by pool, and in the best split of its pools between the two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from colocalc.arrays import Array, as_array
from colocalc.case import Case, TrainingCase
from colocalc.claim import Claim
from colocalc.lease import opportunity
from colocalc.mfu.job import Job, on_job_axis, partitioned
from colocalc.mfu.step import evaluate_step
from colocalc.mfu.waterfall import compose
from colocalc.study.band import Band
from colocalc.study.evaluate import Result
from colocalc.study.opportunity import market_price_usd_per_pflop_h, owning_cost_usd_per_yr, pool_peak_pflop_per_s
from colocalc.study.training import columns, gpu_power_share, with_power
from colocalc.units import FLOPS_PER_PFLOPS

_FLEET_MFU = "mfu.fleet_share"


@dataclass(frozen=True)
class Option:
    """One way to use GPUs: what it delivers, what that is worth, and what the same GPUs would bring leased.

    Numbers are NaN where an input is missing.
    """

    name: str
    gpu_count: float
    mfu_share: float
    value_usd_per_yr: float
    revenue_usd_per_yr: float
    owning_cost_usd_per_yr: float
    premium_factor: float
    indifference_mfu_share: float
    indifference_rate_usd_per_gpu_h: float
    forgone_rent_usd_per_pflop_h: float
    owning_cost_usd_per_pflop_h: float


@dataclass(frozen=True)
class Split:
    """Pools that train and pools that are leased.

    Attributes
    ----------
    trained, leased : tuple of str
        Names of the pools.
    together : bool
        Whether those that train do so in the fleet's own jobs, not in partitions of one GPU type each.
    value_usd_per_yr, revenue_usd_per_yr, total_usd_per_yr : float
        Of the training, of the lease, and of both.
    """

    trained: tuple[str, ...]
    leased: tuple[str, ...]
    together: bool
    value_usd_per_yr: float
    revenue_usd_per_yr: float
    total_usd_per_yr: float


@dataclass(frozen=True)
class TrainOrLease:
    """The whole answer.

    Attributes
    ----------
    levels : tuple of (str, Option)
        The whole fleet at the modelled MFU, at both ends of its band, and at each MFU that was claimed.
    options : tuple of Option
        The whole fleet, its partitions of one GPU type each, and each pool alone.
    splits : tuple of Split
        The best split of the pools, and beside it leasing and training all of them; empty where one cannot be told.
    is_exhaustive : bool
        Whether every split was tried.
    """

    levels: tuple[Option, ...]
    options: tuple[Option, ...]
    splits: tuple[Split, ...]
    is_exhaustive: bool

    @property
    def best(self) -> Split | None:
        """The split that brings most."""
        return max(self.splits, key=lambda split: split.total_usd_per_yr, default=None)


def train_or_lease(
    case: Case, result: Result, *, band: Band | None = None, claims: Sequence[Claim] = ()
) -> TrainOrLease:
    """What a fleet is worth trained on and leased.

    Parameters
    ----------
    case, result : Case and Result
        One scenario of a fleet, without leading axes, and what was evaluated of it.
    band : Band, optional
        Of its MFU (``colocalc.study.band.mfu_band``).
    claims : sequence of Claim
        What was said; numbers for the MFU of the fleet count.

    Returns
    -------
    TrainOrLease
        Without options and splits for a fleet that does not train.
    """
    now = result.training.waterfall.fleet_share if result.training else np.asarray(np.nan)
    names, shares = zip(*_levels(float(now), band, claims), strict=True)
    levels = _options(names, case, result, _all, shares)
    if result.training is None:
        return TrainOrLease(levels, (), (), is_exhaustive=True)
    alone = _alone_pflop_per_s(case)
    peaks = pool_peak_pflop_per_s(case)
    apart = _share(_all(alone), _all(peaks))
    whole = _options(("whole fleet", "partitions"), case, result, _all, (float(now), float(apart[0])))
    pools = _options(case.pools.names, case, result, _each, _share(alone, peaks))
    limit = case.choice.exhaustive_pool_count
    options = (*whole, *pools) if len(pools) > 1 else whole[:1]
    return TrainOrLease(levels, options, _splits(case, result, alone), is_exhaustive=len(pools) <= limit)


def _levels(now: float, band: Band | None, claims: Sequence[Claim]) -> list[tuple[str, float]]:
    low, _, high = band.ends[_FLEET_MFU] if band else (now, now, now)
    found = [("modelled", now)]
    if low < now < high:
        found += [("low of the band", low), ("high of the band", high)]
    said = {
        claim.says: claim.who or claim.id or ""
        for claim in reversed(claims)
        if claim.metric == _FLEET_MFU and isinstance(claim.says, float) and claim.scenario is None
    }
    return [*found, *((f"claimed: {who}" if who else "claimed", share) for share, who in reversed(said.items()))]


def _options(
    names: Sequence[str], case: Case, result: Result, of: Callable[[Array], Array], mfu_share: ArrayLike
) -> tuple[Option, ...]:
    """Sets of pools trained on at an MFU, against their lease; ``of`` makes of a quantity of pools that of each set."""
    unknown = np.full(len(case.pools.names), np.nan)
    lease, mfu = result.lease, as_array(mfu_share)
    revenue = of(lease.revenue_usd_per_yr if lease else unknown)
    hours = of(lease.billed_gpu_h_per_yr if lease else unknown)
    owning = of(owning_cost_usd_per_yr(case))
    peak = of(pool_peak_pflop_per_s(case))
    price = market_price_usd_per_pflop_h(case)
    value = opportunity.training_value_usd_per_yr(peak_pflop_per_s=peak, mfu_share=mfu, price_usd_per_pflop_h=price)
    delivered = {"peak_pflop_per_s": peak, "mfu_share": mfu}
    columns = {
        "gpu_count": of(case.pools.gpu_count),
        "mfu_share": mfu,
        "value_usd_per_yr": value,
        "revenue_usd_per_yr": revenue,
        "owning_cost_usd_per_yr": owning,
        "premium_factor": opportunity.lease_premium_factor(revenue_usd_per_yr=revenue, value_usd_per_yr=value),
        "indifference_mfu_share": opportunity.indifference_mfu_share(
            revenue_usd_per_yr=revenue, peak_pflop_per_s=peak, price_usd_per_pflop_h=price
        ),
        "indifference_rate_usd_per_gpu_h": opportunity.indifference_rate_usd_per_gpu_h(
            value_usd_per_yr=value, billed_gpu_h_per_yr=hours
        ),
        "forgone_rent_usd_per_pflop_h": opportunity.cost_usd_per_pflop_h(cost_usd_per_yr=revenue, **delivered),
        "owning_cost_usd_per_pflop_h": opportunity.cost_usd_per_pflop_h(cost_usd_per_yr=owning, **delivered),
    }
    rows = zip(*(np.broadcast_to(column, len(names)).tolist() for column in columns.values()), strict=True)
    return tuple(Option(name, **dict(zip(columns, row, strict=True))) for name, row in zip(names, rows, strict=True))


def _all(values: Array) -> Array:
    return np.asarray(np.sum(values, axis=-1, keepdims=True))


def _each(values: Array) -> Array:
    return values


def _share(part: Array, whole: Array) -> Array:
    """A part of a whole; NaN of none."""
    return part / np.where(whole > 0.0, whole, np.nan)


def _alone_pflop_per_s(case: Case) -> Array:
    """What each pool delivers in a job of its own, ``(pool,)``; 0 for a pool in no job, or too small for a replica."""
    delivered = np.zeros(len(case.pools.names))
    for job in case.jobs:
        delivered[list(job.pool_index)] += _delivered(job, partitioned(_plain(job, case)))
    return delivered / FLOPS_PER_PFLOPS


def _plain(job: TrainingCase, case: Case) -> Job:
    """The job with its power, and without what was measured of the mix: another set of pools mixes otherwise."""
    arrays = with_power(job, case, gpu_power_share(case, case.sites))
    return replace(arrays, measured={name: one for name, one in arrays.measured.items() if name != "mixed_generations"})


def _together_pflop_per_s(case: Case, trained: Array) -> Array:
    """What the fleet's jobs deliver on some of their pools, ``(split,)`` of ``trained`` ``(split, pool)``.

    The batch keeps its part of the GPUs, so that there are as many micro-batches for a replica as before.
    """
    delivered = np.zeros(trained.shape[0])
    for job in case.jobs:
        arrays = _plain(job, case)
        gpus = arrays.gpu_count * trained[:, list(job.pool_index)]
        part = np.sum(gpus, axis=-1) / max(float(np.sum(arrays.gpu_count)), 1.0)
        some = replace(arrays, gpu_count=gpus, global_batch_tokens=arrays.global_batch_tokens * part)
        some = partitioned(some) if some.split == "partitions" else on_job_axis(some)
        delivered += np.sum(_delivered(job, some), axis=-1)
    return delivered / FLOPS_PER_PFLOPS


def _delivered(job: TrainingCase, arrays: Job) -> Array:
    """Useful model FLOP/s over wall time of each entry of the job axis; 0 where no replica is whole."""
    # A split without any GPU of a job has no ranks to divide by; it has no replica either.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        step = evaluate_step(arrays)
    found = columns(job, step)
    peak = found.pop("peak_flop_per_s")
    allocation = found.pop("allocation_share")
    # Each entry as a fleet of its own.
    composed = compose(
        peak_flop_per_s=peak[..., None],
        allocation_share=allocation[..., None],
        factors={name: factor[..., None] for name, factor in found.items()},
        fleet_peak_flop_per_s=peak,
    )
    has_replica = np.nan_to_num(np.broadcast_to(step.replica_count, peak.shape)) > 0.0
    return np.where(has_replica, peak * composed.fleet_share, 0.0)


def _splits(case: Case, result: Result, alone: Array) -> tuple[Split, ...]:
    """The best of the splits that are tried, with leasing all and training all beside it."""
    price = float(market_price_usd_per_pflop_h(case))
    if result.lease is None or np.isnan(price):
        return ()
    revenue = result.lease.revenue_usd_per_yr
    alone_usd = _worth(alone, price)
    trained = tried_splits(
        revenue_usd_per_yr=revenue, value_usd_per_yr=alone_usd, exhaustive_count=case.choice.exhaustive_pool_count
    )
    together = _worth(_together_pflop_per_s(case, trained), price)
    # Training on everything is what the report says it is, whatever was measured of it.
    together[-1] = float(result.choice.value_usd_per_yr)
    apart = np.sum(trained * alone_usd, axis=-1)
    value = np.maximum(together, apart)
    total = opportunity.split_value_usd_per_yr(
        value_usd_per_yr=value, revenue_usd_per_yr=revenue, trained_share=trained
    )
    places = dict.fromkeys((0, len(trained) - 1, int(np.argmax(total))))
    return tuple(
        _split(case, trained[place], bool(together[place] >= apart[place]), value[place], total[place])
        for place in places
    )


def _worth(delivered_pflop_per_s: Array, price: float) -> Array:
    return opportunity.training_value_usd_per_yr(
        peak_pflop_per_s=delivered_pflop_per_s, mfu_share=1.0, price_usd_per_pflop_h=price
    )


def _split(case: Case, trained: Array, together: bool, value: float, total: float) -> Split:
    names = {flag: tuple(np.asarray(case.pools.names)[trained == flag]) for flag in (1.0, 0.0)}
    return Split(
        trained=tuple(map(str, names[1.0])),
        leased=tuple(map(str, names[0.0])),
        together=together,
        value_usd_per_yr=float(value),
        revenue_usd_per_yr=float(total - value),
        total_usd_per_yr=float(total),
    )


def tried_splits(*, revenue_usd_per_yr: Array, value_usd_per_yr: Array, exhaustive_count: float) -> Array:
    """Which pools train in each split that is tried: none in the first, all in the last.

    Parameters
    ----------
    revenue_usd_per_yr, value_usd_per_yr : ndarray (pool)
        Rent of each pool, and what training on it alone is worth.
    exhaustive_count : float
        Up to so many pools every split is tried. Of more, the pools join one by one, first those whose training is
        worth most for their rent.

    Returns
    -------
    ndarray (split, pool)
        1 where a pool trains, 0 where it is leased.
    """
    count = len(revenue_usd_per_yr)
    if count <= exhaustive_count:
        numbers: NDArray[np.int64] = np.arange(2**count)
        return ((numbers[:, None] >> np.arange(count)) & 1).astype(np.float64)
    ratio = value_usd_per_yr / np.where(revenue_usd_per_yr > 0.0, revenue_usd_per_yr, np.nan)
    order = np.argsort(-np.nan_to_num(ratio, nan=np.inf), kind="stable")
    rank = np.empty(count)
    rank[order] = np.arange(count)
    return (rank[None, :] < np.arange(count + 1)[:, None]).astype(np.float64)
