"""Training against leasing: what each is worth in a year, on both bases, and where they are equal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.lease import opportunity
from colocalc.study.leasing import (
    LeaseResult,
    facility_power_mw,
    nameplate_part_share,
    operations_usd_per_yr,
    pool_power_cost_usd_per_yr,
)
from colocalc.study.training import TrainingResult
from colocalc.units import FLOPS_PER_PFLOPS, HOURS_PER_YEAR


@dataclass(frozen=True, eq=False)
class ChoiceResult:
    """What the fleet's training is worth and what it costs; NaN where an input is missing.

    ``(..., pool)``: what starts in ``pool_``. ``(...,)``: the fleet.
    """

    price_usd_per_pflop_h: Array
    value_usd_per_yr: Array
    owning_cost_usd_per_yr: Array
    forgone_rent_usd_per_pflop_h: Array
    owning_cost_usd_per_pflop_h: Array
    premium_factor: Array
    indifference_mfu_share: Array
    indifference_rate_usd_per_gpu_h: Array
    pool_owning_cost_usd_per_yr: Array
    pool_indifference_mfu_share: Array


def market_price_usd_per_pflop_h(case: Case) -> Array:
    """What a delivered PFLOP-hour costs at the reference; NaN without one."""
    given = case.choice
    return opportunity.market_price_usd_per_pflop_h(
        rate_usd_per_gpu_h=given.reference_rate_usd_per_gpu_h,
        peak_pflop_per_s=given.reference_peak_pflop_per_s,
        mfu_share=given.reference_mfu_share,
    )


def pool_peak_pflop_per_s(case: Case) -> Array:
    """Dense peak of the GPUs of each pool."""
    return case.pools.gpu_count * case.peak_flop_per_s / FLOPS_PER_PFLOPS


def evaluate_choice(case: Case, training: TrainingResult | None, lease: LeaseResult | None) -> ChoiceResult:
    """The whole fleet as it trains and as it is leased."""
    unknown = np.full(case.pools.gpu_count.shape, np.nan)
    revenue = lease.revenue_usd_per_yr if lease else unknown
    total = np.sum(revenue, axis=-1)
    hours = np.sum(lease.billed_gpu_h_per_yr if lease else unknown, axis=-1)
    mfu = training.waterfall.fleet_share if training else np.asarray(np.nan)
    pool_peak = pool_peak_pflop_per_s(case)
    peak, price = np.sum(pool_peak, axis=-1), market_price_usd_per_pflop_h(case)
    owning = owning_cost_usd_per_yr(case)
    value = opportunity.training_value_usd_per_yr(peak_pflop_per_s=peak, mfu_share=mfu, price_usd_per_pflop_h=price)
    delivered = {"peak_pflop_per_s": peak, "mfu_share": mfu}
    return ChoiceResult(
        price_usd_per_pflop_h=price,
        value_usd_per_yr=value,
        owning_cost_usd_per_yr=np.sum(owning, axis=-1),
        forgone_rent_usd_per_pflop_h=opportunity.cost_usd_per_pflop_h(cost_usd_per_yr=total, **delivered),
        owning_cost_usd_per_pflop_h=opportunity.cost_usd_per_pflop_h(
            cost_usd_per_yr=np.sum(owning, axis=-1), **delivered
        ),
        premium_factor=opportunity.lease_premium_factor(revenue_usd_per_yr=total, value_usd_per_yr=value),
        indifference_mfu_share=opportunity.indifference_mfu_share(
            revenue_usd_per_yr=total, peak_pflop_per_s=peak, price_usd_per_pflop_h=price
        ),
        indifference_rate_usd_per_gpu_h=opportunity.indifference_rate_usd_per_gpu_h(
            value_usd_per_yr=value, billed_gpu_h_per_yr=hours
        ),
        pool_owning_cost_usd_per_yr=owning,
        pool_indifference_mfu_share=opportunity.indifference_mfu_share(
            revenue_usd_per_yr=np.where(_is_leased(case), revenue, np.nan),
            peak_pflop_per_s=pool_peak,
            price_usd_per_pflop_h=price[..., None],
        ),
    )


def _is_leased(case: Case) -> NDArray[np.bool_]:
    index = case.lease.contract_index if case.lease else (-1,) * len(case.pools.names)
    return np.asarray(index) >= 0


def owning_cost_usd_per_yr(case: Case) -> Array:
    """Cost of a year of owning each pool, in use or not, ``(..., pool)``.

    Of the file's ``costs``: capital as an annuity, the data centre by megawatts at the meter, energy, operations and
    colocation, those of the fleet shared out by nameplate. Else the hours of a year at a card's owning cost.
    """
    given, gpus = case.choice, case.pools.gpu_count
    if given.owning_from != "costs":
        rate = np.where(gpus > 0.0, given.owning_rate_usd_per_gpu_h, 0.0)
        return gpus * rate * HOURS_PER_YEAR
    terms = {"discount_share": given.discount_share, "residual_share": given.residual_share}
    capital = opportunity.annuity_usd_per_yr(
        capital_usd=gpus * given.capital_usd_per_gpu,
        life_yr=given.book_life_yr[..., None],
        **{name: value[..., None] for name, value in terms.items()},
    )
    return capital + shared_cost_usd_per_yr(case)[..., None] * nameplate_part_share(case)


def shared_cost_usd_per_yr(case: Case) -> Array:
    """What the fleet's sites cost in a year: the data centre's annuity, energy, operations and colocation.

    What is not given costs nothing; without a site nothing draws power.
    """
    given, whole = case.choice, np.ones(len(case.pools.names))
    centre = opportunity.annuity_usd_per_yr(
        capital_usd=given.data_centre_usd_per_mw * facility_power_mw(case),
        residual_share=0.0,
        discount_share=given.discount_share,
        life_yr=given.data_centre_life_yr,
    )
    priced = np.where(np.isnan(given.data_centre_usd_per_mw), 0.0, centre)
    if not case.sites.names:
        return np.asarray(operations_usd_per_yr(case, whole))
    return np.asarray(
        priced + np.sum(pool_power_cost_usd_per_yr(case, whole), axis=-1) + operations_usd_per_yr(case, whole)
    )
