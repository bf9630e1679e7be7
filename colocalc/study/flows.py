"""What goes into the cash flow of a leased fleet: revenue, costs, capital and what it is written off by, by period."""

from dataclasses import dataclass, replace

import numpy as np

from colocalc.arrays import Array, per_period
from colocalc.case import Case, ProjectCase
from colocalc.lease import tax
from colocalc.lease.lender import decaying_value_usd, linear_value_usd
from colocalc.study import leasing, writing_off
from colocalc.study.deal import Deal
from colocalc.units import MONTHS_PER_YEAR


@dataclass(frozen=True, eq=False)
class Flows:
    """What goes into the cash flow, each ``(..., period)``; period 0 is the close, the others are months or years.

    ``revenue_usd`` is cash, with prepayments; ``firm_usd`` is that of contracts which end by a notice given as early as
    it may be, when what was paid ahead is owed back. ``fees_usd`` is what contracts earn, without power passed on, and
    ``credit_usd`` the service credits that it lacks;
    ``billed_gpu_h`` has the hours of contracts and of the market, ``contract_gpu_h`` those of contracts.
    """

    revenue_usd: Array
    firm_usd: Array
    opex_usd: Array
    billed_gpu_h: Array
    contract_gpu_h: Array
    fees_usd: Array
    credit_usd: Array
    capital_usd: Array
    building_usd: Array
    salvage_usd: Array
    tax_depreciation_usd: Array
    book_depreciation_usd: Array
    gain_usd: Array
    value_usd: Array
    market_usd: Array


def period_of_month(deal: Deal, months_per_period: float) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Which period each month belongs to, from 1; what sticks out of the last year by days belongs to it."""
    count = int(np.ceil(np.max(deal.term_months) / months_per_period - 1e-6))
    place = np.arange(deal.calendar_month.shape[-1]) // int(months_per_period)
    return np.minimum(place, count - 1).astype(np.intp) + 1


def summed(flow: Array, place: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Array:
    """A flow of months as one of periods, of which the close has nothing."""
    periods = np.zeros((*flow.shape[:-1], int(place[-1]) + 1))
    starts = np.flatnonzero(np.diff(place, prepend=0))
    periods[..., 1:] = np.add.reduceat(flow, starts, axis=-1)
    return periods


def by_year(flow: Array, months_per_period: float) -> Array:
    """A flow of periods as one of the close and of contract years."""
    if months_per_period > 1.0:
        return flow
    whole = flow[..., 1:]
    short = -whole.shape[-1] % int(MONTHS_PER_YEAR)
    padded = np.concatenate([whole, np.zeros((*whole.shape[:-1], short))], axis=-1)
    parts = np.sum(padded.reshape(*padded.shape[:-1], -1, int(MONTHS_PER_YEAR)), axis=-1)
    return np.concatenate([flow[..., :1], parts], axis=-1)


def at_year_end(level: Array, months_per_period: float) -> Array:
    """A level at the end of each period as that at the close and at the end of each contract year."""
    if months_per_period > 1.0:
        return level
    last = level.shape[-1] - 1
    return level[..., np.minimum(np.arange(0, last + int(MONTHS_PER_YEAR), int(MONTHS_PER_YEAR)), last)]


def evaluate_flows(case: Case, project: ProjectCase, deal: Deal, months: float) -> Flows:
    """Revenue, costs, capital and depreciation by period."""
    place = period_of_month(deal, months)
    opex = summed(deal.power_usd + deal.operations_usd, place)
    capital = _capital(case, deal, place)
    whole = capital.hardware_usd + capital.building_usd
    written = writing_off.tax_shares(project, whole.shape[-1], months)
    depreciation = writing_off.spread(capital.hardware_usd, written)
    building_years = writing_off.straight_shares(project.data_centre_life_yr, whole.shape[-1], months)
    building_written = writing_off.spread(capital.building_usd, building_years)
    book = writing_off.spread(capital.hardware_usd, writing_off.book_shares(project, whole.shape[-1], months))
    value = _value(project, capital.hardware_usd, capital.building_usd, months, step=months)
    last = np.zeros(whole.shape[-1])
    last[-1] = 1.0
    salvage = last * value
    gain = last * tax.disposal_gain_usd(
        salvage_usd=salvage,
        cost_usd=np.sum(whole, axis=-1),
        depreciation_usd=depreciation + building_written,
        disposed_share=last,
    )
    return Flows(
        revenue_usd=summed(deal.cash_revenue_usd + deal.market_usd, place),
        firm_usd=summed(np.asarray(sum(one.firm_cash_usd() for one in deal.priced)), place),
        opex_usd=opex,
        billed_gpu_h=summed(np.sum(deal.pool_billed_gpu_h, axis=-2), place),
        contract_gpu_h=summed(deal.contract_gpu_h, place),
        fees_usd=summed(deal.revenue_usd - deal.passthrough_usd, place),
        credit_usd=summed(deal.credit_usd, place),
        capital_usd=whole,
        building_usd=capital.building_usd,
        salvage_usd=salvage,
        tax_depreciation_usd=depreciation + building_written,
        book_depreciation_usd=book + building_written,
        gain_usd=gain,
        value_usd=value,
        market_usd=summed(deal.whole_market_usd * deal.running_share, place),
    )


@dataclass(frozen=True, eq=False)
class _Capital:
    hardware_usd: Array
    building_usd: Array


def _capital(case: Case, deal: Deal, place: np.ndarray[tuple[int], np.dtype[np.intp]]) -> _Capital:
    """Capital by period: servers at the beginning of the period they are delivered in, the building at the close."""
    step = np.diff(deal.delivered_share, prepend=0.0, axis=-1)
    bought = np.sum(leasing.pool_hardware_usd(case, leasing.contracted(case))[..., None] * step, axis=-2)
    hardware = np.zeros((*bought.shape[:-1], int(place[-1]) + 1))
    hardware[..., :-1] = summed(bought, place)[..., 1:]
    built = leasing.data_centre_usd(case, leasing.contracted(case))  # may hang on what servers do not, and they on more
    building = np.zeros((*np.broadcast_shapes(np.shape(built), bought.shape[:-1]), hardware.shape[-1]))
    building[..., 0] = built
    return _Capital(hardware, building)


def value_usd(project: ProjectCase, flows: Flows, months: float) -> Array:
    """Value of what is bought and built by the end of each month, from the close on, ``(..., month)``.

    What a period brings stands in its last month: servers that are paid for then, which are as old as the project.
    """
    return _value(project, flows.capital_usd - flows.building_usd, flows.building_usd, months, step=1.0)


def _value(project: ProjectCase, hardware: Array, building: Array, months: float, *, step: float) -> Array:
    """Value at steps of so many months: servers along their curve, a building at what is not written off."""
    last = hardware.shape[-1] - 1
    month = np.arange(last * months / step + 1.0) * step
    place = (month // months).astype(np.intp)
    held, built = (np.cumsum(part, axis=-1)[..., place] for part in (hardware, building))
    shares = writing_off.straight_shares(project.data_centre_life_yr, len(month) - 1, step)
    written = np.concatenate([np.zeros((*shares.shape[:-1], 1)), np.cumsum(shares, axis=-1)], axis=-1)
    age = month / MONTHS_PER_YEAR
    return np.asarray(held * _value_share(project, age) + built * (1.0 - written))


def _value_share(project: ProjectCase, age_yr: Array) -> Array:
    """Value of hardware at each age over its cost: along a curve or a decay, else evenly to what is left at the end."""
    curve, whole = project.residual_curve_share, np.ones(())
    if curve.shape[-1]:
        return np.asarray(np.interp(age_yr, np.arange(curve.shape[-1] + 1.0), np.concatenate([[1.0], curve])))
    even = linear_value_usd(price_usd=whole, floor_usd=project.residual_share, life_yr=age_yr[-1], age_yr=age_yr)
    decaying = decaying_value_usd(
        price_usd=whole,
        floor_usd=project.residual_floor_share,
        decay_per_yr=project.residual_decay_per_yr,
        age_yr=age_yr,
    )
    return np.where(np.isnan(project.residual_decay_per_yr)[..., None], even, decaying)


def flows_at(flows: Flows, deal: Deal, months: float, price_factor: Array) -> Flows:
    """The same flows if all fees were at a factor of those of the file; costs and the market stay."""
    place = period_of_month(deal, months)
    cash = np.asarray(sum(one.cash_usd(price_factor) for one in deal.priced))
    return replace(
        flows,
        revenue_usd=summed(cash + deal.market_usd, place),
        firm_usd=summed(np.asarray(sum(one.firm_cash_usd(price_factor) for one in deal.priced)), place),
        fees_usd=flows.fees_usd * per_period(price_factor),
        credit_usd=flows.credit_usd * per_period(price_factor),
    )
