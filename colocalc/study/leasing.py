"""The lease evaluated: revenue and cost of a year at full ramp, and the hedge of a stated loss."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, LeaseCase, Sites
from colocalc.lease import costs, hedge, rates
from colocalc.study.sites import servers_mw
from colocalc.study.training import it_power_mw
from colocalc.units import HOURS_PER_YEAR, KW_PER_MW, MONTHS_PER_YEAR

_UNKNOWN = np.asarray(np.nan)


@dataclass(frozen=True, eq=False)
class LeaseResult:
    """A year of 8,760 hours of every contract.

    ``(..., pool)``: billed hours, rate and revenue. ``(...,)``: the fleet. NaN where an input is missing.
    """

    billed_gpu_h_per_yr: Array
    rate_usd_per_gpu_h: Array
    revenue_usd_per_yr: Array
    total_usd_per_yr: Array
    mean_rate_usd_per_gpu_h: Array
    facility_power_mw: Array
    power_cost_usd_per_yr: Array
    operations_cost_usd_per_yr: Array
    contribution_usd_per_yr: Array
    revenue_usd_per_mw_yr: Array
    contracted_share: Array


@dataclass(frozen=True, eq=False)
class HedgeResult:
    """How much of a stated loss the lease covers, ``(...,)``; NaN when the loss is zero or less."""

    loss_usd_per_yr: Array
    added_cost_usd_per_yr: Array
    gross_share: Array
    contribution_share: Array
    ebit_share: Array
    cash_share: Array
    gross_cover_rate_usd_per_gpu_h: Array
    contribution_cover_rate_usd_per_gpu_h: Array
    ebit_cover_rate_usd_per_gpu_h: Array
    cash_cover_rate_usd_per_gpu_h: Array
    depreciation_usd_per_yr: Array
    service_usd_per_yr: Array
    deducted: tuple[str, ...]
    contained: tuple[str, ...]


def facility_power_mw(case: Case) -> Array:
    """Megawatts at the meter of all sites: given, else the draw of the servers times PUE; NaN without a site."""
    if not case.sites.names:
        return np.asarray(np.nan)
    return sum((_site_mw(case, number) for number in range(len(case.sites.names))), np.zeros(()))


def _site_mw(case: Case, number: int) -> Array:
    given = site_facility_power_mw(case.sites, number)
    return np.where(np.isnan(given), site_nameplate_mw(case, number), given)


def site_facility_power_mw(sites: Sites, number: int) -> Array:
    """Megawatts at the meter of one site, given or through PUE; NaN when neither is given."""
    facility = sites.facility_power_mw[..., number]
    return np.where(np.isnan(facility), it_power_mw(sites, number) * sites.pue_factor[..., number], facility)


def site_nameplate_mw(case: Case, number: int) -> Array:
    """Megawatts at the meter of one site by its servers' draw times PUE; NaN where a server's watts are unknown."""
    return servers_mw(case, number, case.sites.draw_share[..., number])


def evaluate_lease(case: Case) -> LeaseResult | None:
    """The lease side of a case; None when it has no contract.

    Power and operations are charged to the lease by the share of each site's nameplate that is under contract.
    """
    lease = case.lease
    if lease is None:
        return None
    hours = case.pools.gpu_count * lease.billed_share * HOURS_PER_YEAR
    rate, revenue = _rates_and_revenue(lease, case.pools.gpu_count, hours)
    total = np.sum(revenue, axis=-1)
    facility_mw = facility_power_mw(case)
    contracted = _contracted(lease)
    power_cost = np.sum(pool_power_cost_usd_per_yr(case, contracted), axis=-1)
    operations = operations_usd_per_yr(case, contracted)
    billed = np.sum(hours, axis=-1)
    return LeaseResult(
        billed_gpu_h_per_yr=hours,
        rate_usd_per_gpu_h=rate,
        revenue_usd_per_yr=revenue,
        total_usd_per_yr=total,
        mean_rate_usd_per_gpu_h=np.where(billed > 0.0, total / np.where(billed > 0.0, billed, 1.0), np.nan),
        facility_power_mw=facility_mw,
        power_cost_usd_per_yr=power_cost,
        operations_cost_usd_per_yr=operations,
        contribution_usd_per_yr=costs.contribution_usd_per_yr(
            revenue_usd_per_yr=total, power_cost_usd_per_yr=power_cost, operations_usd_per_yr=operations
        ),
        revenue_usd_per_mw_yr=costs.revenue_usd_per_mw_yr(revenue_usd_per_yr=total, facility_power_mw=facility_mw),
        contracted_share=_contracted_share(case, contracted),
    )


def _contracted(lease: LeaseCase) -> Array:
    """1 for a pool under a contract, else 0."""
    return np.asarray([float(contract >= 0) for contract in lease.contract_index])


def _contracted_share(case: Case, contracted: Array, site: str | None = None) -> Array:
    """Share of the nameplate (of the GPUs, where watts are unknown) that is under contract, on one site or on all."""
    return np.asarray(np.sum(nameplate_part_share(case, site) * contracted, axis=-1))


def _rates_and_revenue(lease: LeaseCase, gpu_count: Array, hours: Array) -> tuple[Array, Array]:
    """Rate and revenue of each pool; a fee is due in full and is spread over the GPU-hours of its contract.

    A fee for GPUs none of whose hours are billed is spread over the GPUs and has no rate.
    """
    rate = lease.rate_usd_per_gpu_h
    index = np.asarray(lease.contract_index)
    revenue = np.where((index >= 0) & (hours > 0.0), rate * hours, 0.0)
    for number in range(len(lease.contract_names)):
        fee = lease.fee_usd_per_month[..., number, None] * MONTHS_PER_YEAR
        under = (index == number) & ~np.isnan(fee)
        billed, held = (np.sum(np.where(under, each, 0.0), axis=-1, keepdims=True) for each in (hours, gpu_count))
        rate = np.where(under, fee / np.where(billed > 0.0, billed, np.nan), rate)
        part = np.where(billed > 0.0, hours, gpu_count) / np.where(
            billed > 0.0, billed, np.where(held > 0.0, held, 1.0)
        )
        revenue = np.where(under, fee * part, revenue)
    return rate, revenue


def pool_power_cost_usd_per_yr(case: Case, contracted: Array) -> Array:
    """Energy and demand charge of a year of the pools that count 1, by their share of each site's nameplate.

    ``(..., pool)``; NaN without a site.
    """
    if not case.sites.names:
        return np.full(len(case.pools.names), np.nan)
    total = np.zeros(len(case.pools.names))
    for number, name in enumerate(case.sites.names):
        mw = _site_mw(case, number)
        bill = costs.power_cost_usd_per_yr(
            facility_power_mw=mw, energy_price_usd_per_mwh=case.sites.energy_price_usd_per_mwh[..., number]
        )
        charge = case.costs.demand_charge_usd_per_kw_month * mw * KW_PER_MW * MONTHS_PER_YEAR
        total = total + nameplate_part_share(case, name) * contracted * (bill + charge)[..., None]
    return total


def nameplate_part_share(case: Case, site: str | None = None) -> Array:
    """Part of each pool in a site's nameplate (in its GPUs, where watts are unknown), or in that of all sites."""
    here = np.asarray([site is None or name == site for name in case.pools.site_names])
    server_w = case.pools.server_power_w
    weight = case.pools.gpu_count * (1.0 if np.isnan(server_w).any() else server_w) * here
    total = np.sum(weight, axis=-1, keepdims=True)
    return np.where(total > 0.0, weight / np.where(total > 0.0, total, 1.0), 0.0)


def operations_usd_per_yr(case: Case, contracted: Array) -> Array:
    """Operations, colocation and shares of capital of a year; what is not given costs nothing, as assumptions say."""
    return _fixed_operations(case, contracted) + colocation_usd_per_yr(case, contracted)


def _fixed_operations(case: Case, contracted: Array) -> Array:
    fixed = np.nan_to_num(case.costs.operations_usd_per_yr) * _contracted_share(case, contracted)
    hardware, building = np.sum(pool_hardware_usd(case, contracted), axis=-1), data_centre_usd(case, contracted)
    upkeep = case.costs.maintenance_share_per_yr + case.costs.replacement_share_per_yr
    return fixed + _part(upkeep, hardware) + _part(case.costs.insurance_share_per_yr, hardware + building)


def _part(share: Array, whole: Array) -> Array:
    # Nothing of what is not known is nothing.
    return np.where(share == 0.0, 0.0, share * whole)


def contracted(case: Case) -> Array:
    """1 for a pool under a contract, else 0."""
    return _contracted(case.lease) if case.lease else np.zeros(len(case.pools.names))


def pool_hardware_usd(case: Case, contracted: Array) -> Array:
    """Capital of the servers of each pool that counts 1, ``(..., pool)``; NaN where one has no price."""
    if case.project is None:
        return np.full(len(case.pools.names), np.nan)
    counted = case.pools.gpu_count * contracted
    return np.where(counted > 0.0, counted * case.project.capital_usd_per_gpu, 0.0)


def data_centre_usd(case: Case, contracted: Array) -> Array:
    """Capital of the data centre, by the share of each site's nameplate that counts 1; 0 where none is owned."""
    if case.project is None or bool(np.all(np.isnan(case.project.data_centre_usd_per_mw))):
        return np.zeros(())
    mw = sum(
        (_contracted_share(case, contracted, name) * _site_mw(case, number))
        for number, name in enumerate(case.sites.names)
    )
    return case.project.data_centre_usd_per_mw * (mw if case.sites.names else np.nan)


def colocation_usd_per_yr(case: Case, contracted: Array) -> Array:
    """Colocation of a year, by the share of each site's nameplate that counts 1; what is not given costs nothing."""
    rate = case.costs.colocation_usd_per_kw_month
    if bool(np.all(np.isnan(rate))):
        return np.zeros(())
    sites = enumerate(case.sites.names)
    critical_mw = sum(
        (_contracted_share(case, contracted, name) * _it_mw_or_derived(case, number) for number, name in sites),
        np.zeros(()),
    )
    return np.nan_to_num(rate) * critical_mw * KW_PER_MW * MONTHS_PER_YEAR


def _it_mw_or_derived(case: Case, number: int) -> Array:
    given = it_power_mw(case.sites, number)
    return np.where(np.isnan(given), site_nameplate_mw(case, number) / case.sites.pue_factor[..., number], given)


def evaluate_hedge(
    case: Case,
    lease: LeaseResult | None,
    *,
    depreciation_usd_per_yr: Array = _UNKNOWN,
    service_usd_per_yr: Array = _UNKNOWN,
) -> HedgeResult | None:
    """The hedge of the stated loss; None without a loss or a lease.

    What of depreciation and of debt service the loss contains is not deducted again. They are NaN where not known.
    """
    if case.loss is None or lease is None or case.lease is None:
        return None
    contracted = _contracted(case.lease)
    loss = hedge.annual_loss_usd_per_yr(loss_usd=case.loss.loss_usd, loss_months=case.loss.loss_months)
    added: Mapping[str, Array] = {
        "power": lease.power_cost_usd_per_yr,
        "operations": _fixed_operations(case, contracted),
        "colocation": colocation_usd_per_yr(case, contracted),
    }
    # A cost that is not given is not deducted, and not said to be.
    deducted = tuple(
        name for name, cost in added.items() if name not in case.loss.contains and not bool(np.all(cost == 0.0))
    )
    cost = sum((added[name] for name in deducted), np.zeros(()))
    billed = np.sum(lease.billed_gpu_h_per_yr, axis=-1)

    def cover(cost_usd_per_yr: Array) -> Array:
        return hedge.cover_rate_usd_per_gpu_h(
            loss_usd_per_yr=loss, added_cost_usd_per_yr=cost_usd_per_yr, billed_gpu_h_per_yr=billed
        )

    return HedgeResult(
        loss_usd_per_yr=loss,
        added_cost_usd_per_yr=cost,
        gross_share=rates.hedge_ratio(lease.total_usd_per_yr, loss),
        contribution_share=rates.hedge_ratio(lease.total_usd_per_yr - cost, loss),
        ebit_share=rates.hedge_ratio(lease.total_usd_per_yr - cost - depreciation_usd_per_yr, loss),
        cash_share=rates.hedge_ratio(lease.total_usd_per_yr - cost - service_usd_per_yr, loss),
        gross_cover_rate_usd_per_gpu_h=cover(np.zeros(())),
        contribution_cover_rate_usd_per_gpu_h=cover(cost),
        ebit_cover_rate_usd_per_gpu_h=cover(cost + depreciation_usd_per_yr),
        cash_cover_rate_usd_per_gpu_h=cover(cost + service_usd_per_yr),
        depreciation_usd_per_yr=depreciation_usd_per_yr,
        service_usd_per_yr=service_usd_per_yr,
        deducted=deducted,
        contained=tuple(sorted(case.loss.contains)),
    )
