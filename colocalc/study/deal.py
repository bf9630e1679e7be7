"""What contracts earn month by month, what the fleet costs meanwhile, and what survives a notice."""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, LeaseCase, Terms
from colocalc.case.horizon import end_month, market_end_month, market_start_month
from colocalc.lease import contract, delivery, months, prepayment, termination
from colocalc.lease.statement import Contract, evaluate_months
from colocalc.study import leasing, prices
from colocalc.study.priced import Priced, priced
from colocalc.units import HOURS_PER_YEAR, MONTHS_PER_YEAR


@dataclass(frozen=True, eq=False)
class Deal:
    """Every contract by month, from the first start to the end of the last, market included.

    Attributes
    ----------
    calendar_month, month_h : ndarray (month,)
        Calendar months since the year 0, and their hours.
    running_share : ndarray (..., month)
        Share of each month between the first start and the end.
    term_months : ndarray (...)
        From the first start to the end of the last contract, and of what the market pays after it.
    pool_revenue_usd, pool_market_usd, pool_billed_gpu_h : ndarray (..., pool, month)
        Fees of contracts, credits deducted and power passed on; what the market pays after them; hours billed by both.
    contract_gpu_h : ndarray (..., month)
        Hours billed by contracts alone.
    revenue_usd, firm_usd, expected_usd, market_usd, passthrough_usd, credit_usd : ndarray (..., month)
        Sums over pools: all fees, those that survive notice and those expected; the market's; of the fees, what is
        power passed on; and service credits, already deducted.
    cash_revenue_usd, deferred_usd : ndarray (..., month)
        Cash from tenants with prepayments, and what they have paid and not yet received.
    power_usd, operations_usd, colocation_usd : ndarray (..., month)
        Energy with its demand charge; operations, colocation and shares of capital; of these, colocation.
    whole_market_usd : ndarray (..., month)
        What all GPUs would earn at the market's rate; NaN where a contract does not say it.
    delivered_share : ndarray (..., pool, month)
        GPUs delivered by the end of each month over those of the pool.
    firm_months : ndarray (...)
        From the first start to the end of what survives a notice given as early as it may be.
    contracts : tuple of ContractMonths
        Each contract alone, in the order of the case's.
    """

    calendar_month: Array
    month_h: Array
    running_share: Array
    term_months: Array
    pool_revenue_usd: Array
    pool_market_usd: Array
    pool_billed_gpu_h: Array
    contract_gpu_h: Array
    revenue_usd: Array
    firm_usd: Array
    expected_usd: Array
    market_usd: Array
    passthrough_usd: Array
    credit_usd: Array
    cash_revenue_usd: Array
    deferred_usd: Array
    power_usd: Array
    operations_usd: Array
    colocation_usd: Array
    whole_market_usd: Array
    delivered_share: Array
    firm_months: Array
    contracts: "tuple[ContractMonths, ...]"

    @property
    def priced(self) -> tuple[Priced, ...]:
        """Each contract, at any price."""
        return tuple(one.priced for one in self.contracts)


@dataclass(frozen=True, eq=False)
class ContractMonths:
    """One contract by month, each ``(..., pool, month)`` or ``(..., month)``; what it means stands at ``Deal``."""

    pool_revenue_usd: Array
    pool_market_usd: Array
    pool_contract_gpu_h: Array
    pool_market_gpu_h: Array
    pool_passthrough_usd: Array
    pool_credit_usd: Array
    revenue_usd: Array
    cash_usd: Array
    whole_market_usd: Array
    delivered_share: Array
    priced: Priced


def evaluate_deal(case: Case) -> Deal | None:
    """The contracts of a case by month; None without a contract, or where one does not say how long it runs."""
    if case.lease is None or any(np.isnan(terms.months).any() for terms in case.terms):
        return None
    first = min(float(np.min(terms.start_month)) for terms in case.terms)
    ends = [market_end_month(terms) for terms in case.terms]
    last = max(float(np.max(end)) for end in ends)
    calendar: Array = np.arange(np.floor(first), np.ceil(last - months.SLACK_MONTHS), dtype=np.float64)
    hours = months.month_h(calendar_month=calendar, leap_day_count=case.leap_day_count)
    end = np.max(np.stack(np.broadcast_arrays(*ends)), axis=0)
    running = months.covered_share(calendar_month=calendar, start_month=first, end_month=end)
    delivered = sum((_delivered(terms, case, calendar) for terms in case.terms), np.zeros(()))
    # GPUs draw power from their delivery to the end of all contracts, with a tenant or without.
    powered = sum((_standing_gpu_count(terms, _mask(terms, case), calendar, end) for terms in case.terms), np.zeros(()))
    pool_power = _pool_power_usd(case, hours, powered)
    found = [_contract(number, terms, case, case.lease, calendar, hours) for number, terms in enumerate(case.terms)]

    def total(name: str) -> Array:
        return np.asarray(sum(getattr(one, name) for one in found))

    held, rising = leasing.contracted(case), _years_of_cost(case, calendar, first, running)
    revenue, cash = total("revenue_usd"), total("cash_usd")
    firm_ends = [
        np.minimum(terms.earliest_notice_month + terms.notice_months, end_month(terms)) for terms in case.terms
    ]
    return Deal(
        calendar_month=calendar,
        month_h=hours,
        running_share=running,
        term_months=end - first,
        pool_revenue_usd=total("pool_revenue_usd"),
        pool_market_usd=total("pool_market_usd"),
        pool_billed_gpu_h=total("pool_contract_gpu_h") + total("pool_market_gpu_h"),
        contract_gpu_h=np.sum(total("pool_contract_gpu_h"), axis=-2),
        revenue_usd=revenue,
        firm_usd=np.asarray(sum(one.revenue_usd * one.priced.firm_share for one in found)),
        expected_usd=np.asarray(sum(one.revenue_usd * one.priced.alive_share for one in found)),
        market_usd=contract.contract_usd(pool_usd=total("pool_market_usd")),
        passthrough_usd=contract.contract_usd(pool_usd=total("pool_passthrough_usd")),
        credit_usd=contract.contract_usd(pool_usd=total("pool_credit_usd")),
        cash_revenue_usd=cash,
        deferred_usd=prepayment.deferred_revenue_usd(cash_revenue_usd=cash, revenue_usd=revenue),
        power_usd=contract.contract_usd(pool_usd=pool_power),
        operations_usd=rising * leasing.operations_usd_per_yr(case, held)[..., None],
        colocation_usd=rising * leasing.colocation_usd_per_yr(case, held)[..., None],
        whole_market_usd=total("whole_market_usd"),
        delivered_share=delivered,
        firm_months=np.max(np.stack(np.broadcast_arrays(*firm_ends)), axis=0) - first,
        contracts=tuple(found),
    )


def _mask(terms: Terms, case: Case) -> Array:
    held = np.zeros(len(case.pools.names))
    held[list(terms.pools)] = 1.0
    return held


def _delivered(terms: Terms, case: Case, calendar: Array) -> Array:
    """Share of each pool's GPUs that stands by the end of each month, ``(..., pool, month)``."""
    since = calendar + 1.0 - terms.start_month[..., None]
    if terms.ramp_share.shape[-1]:
        step = np.clip(np.ceil(since).astype(np.intp) - 1, 0, terms.ramp_share.shape[-1] - 1)
        share = np.where(since > 0.0, terms.ramp_share[step], 0.0)
    else:
        ramp = terms.ramp_months[..., None]
        share = np.where(ramp > 0.0, np.clip(since / np.where(ramp > 0.0, ramp, 1.0), 0.0, 1.0), since > 0.0)
    return share[..., None, :] * _mask(terms, case)[:, None]


def _standing_gpu_count(terms: Terms, gpu_count: Array, calendar: Array, end: Array) -> Array:
    """GPUs of a contract that stand in each month until an end, the mean over the month, ``(..., pool, month)``."""
    if terms.ramp_share.shape[-1]:
        steps = np.diff(terms.ramp_share, prepend=0.0)
        at = terms.start_month[..., None] + np.arange(steps.shape[-1])
        return delivery.stepped_gpu_count(
            step_gpu_count=gpu_count[..., None] * steps,
            step_month=np.broadcast_to(at[..., None, :], (*gpu_count.shape, steps.shape[-1])),
            calendar_month=calendar,
            end_month=end,
        )
    everywhere = np.ones(gpu_count.shape[-1])
    return delivery.ramped_gpu_count(
        gpu_count=gpu_count,
        calendar_month=calendar,
        delivery_month=terms.start_month[..., None] * everywhere,
        ramp_months=terms.ramp_months[..., None] * everywhere,
        end_month=end,
    )


def _contract(number: int, terms: Terms, case: Case, lease: LeaseCase, calendar: Array, hours: Array) -> ContractMonths:
    gpus = case.pools.gpu_count * _mask(terms, case)
    held = _standing_gpu_count(terms, _mask(terms, case), calendar, end_month(terms))
    # Nothing of a bill that is not known is nothing.
    passes = terms.power_passthrough_share[..., None, None] > 0.0
    power = np.where(passes, _pool_power_usd(case, hours, held), 0.0)
    whole = _as_contract(number, terms, case, lease, calendar, hours, power)
    found = evaluate_months(whole)
    after, market_hours, market = _market(terms, gpus, calendar, hours, prices.market_path(case, calendar))
    passed = contract.passthrough_usd(power_cost_usd=power, passthrough_share=terms.power_passthrough_share)
    return ContractMonths(
        pool_revenue_usd=found.pool_revenue_usd,
        pool_market_usd=after,
        pool_contract_gpu_h=found.billed_gpu_h,
        pool_market_gpu_h=market_hours,
        pool_passthrough_usd=passed,
        pool_credit_usd=found.sla_credit_usd,
        revenue_usd=found.revenue_usd,
        cash_usd=found.cash_revenue_usd,
        whole_market_usd=market,
        delivered_share=_delivered(terms, case, calendar),
        priced=priced(whole, revenue_usd=found.revenue_usd, passthrough_usd=contract.contract_usd(pool_usd=passed)),
    )


def _as_contract(
    number: int, terms: Terms, case: Case, lease: LeaseCase, calendar: Array, hours: Array, power: Array
) -> Contract:
    """The terms as the kernel of contracts takes them; a pool under a fee earns nothing by the hour."""
    gpus = case.pools.gpu_count * _mask(terms, case)
    every = np.ones((gpus.shape[-1], calendar.shape[-1]))
    fee = lease.fee_usd_per_month[..., number]
    within = months.covered_share(calendar_month=calendar, start_month=terms.start_month, end_month=end_month(terms))
    standing = _standing_gpu_count(terms, np.ones(1), calendar, end_month(terms))[..., 0, :]
    return Contract(
        calendar_month=calendar,
        month_h=hours,
        start_month=terms.start_month,
        end_month=end_month(terms),
        delivered_gpu_count=_standing_gpu_count(terms, gpus, calendar, end_month(terms)),
        available_share=np.ones(gpus.shape[-1]),
        take_or_pay_share=np.zeros(gpus.shape[-1]),
        sold_share=lease.billed_share[..., None] * every,
        availability_share=terms.availability_share[..., None, None] * every,
        rate_usd_per_gpu_h=np.where(np.isnan(lease.rate_usd_per_gpu_h), 0.0, lease.rate_usd_per_gpu_h),
        # No hour is owed here: the price of those beyond is that of all.
        market_rate_usd_per_gpu_h=prices.by_month(terms.repriced_usd_per_gpu_h, terms, calendar, every * np.nan),
        fee_usd_per_month=np.where(np.isnan(fee), 0.0, fee),
        due_share=standing / np.where(within > 0.0, within, 1.0),  # a fee is due as GPUs are delivered
        escalator_share=terms.escalator_share_per_yr,
        sla_threshold_share=terms.promised_share[..., None],
        sla_credit_share=terms.sla_credit_share[..., None],
        power_cost_usd=power,
        passthrough_share=terms.power_passthrough_share,
        prepayment_usd=terms.prepaid_usd,
        prepayment_share=terms.prepaid_share,
        signing_month=terms.start_month,
        unwind_start_month=terms.start_month + (terms.credited_from_yr - 1.0) * MONTHS_PER_YEAR,
        unwind_end_month=np.minimum(terms.start_month + terms.credited_to_yr * MONTHS_PER_YEAR, end_month(terms)),
        earliest_notice_month=terms.earliest_notice_month,
        notice_months=terms.notice_months,
        notice_share=terms.notice_share,
    )


def _market(terms: Terms, gpus: Array, calendar: Array, hours: Array, path: Array) -> tuple[Array, Array, Array]:
    """After the contract: fees and hours of each pool; and what all GPUs would earn in every month."""
    price = contract.escalation_factor(
        calendar_month=calendar,
        start_month=terms.start_month,
        end_month=market_end_month(terms),
        escalator_share=terms.market_change_share_per_yr,
    )
    level = terms.market_rate_usd_per_gpu_h[..., None] * price[..., None, :]
    rate = prices.by_month(terms.market_path_usd_per_gpu_h, terms, calendar, level) * path
    sold = gpus[..., None] * hours * terms.market_sold_share[..., None, None]
    start, end = np.minimum(market_start_month(terms), market_end_month(terms)), market_end_month(terms)
    open_share = months.covered_share(calendar_month=calendar, start_month=start, end_month=end)
    after = sold * open_share[..., None, :]
    every = np.where(gpus[..., None] > 0.0, sold * rate, 0.0)
    return np.where(after > 0.0, after * rate, 0.0), after, np.sum(every, axis=-2)


def _standing_shares(terms: Terms, calendar: Array) -> tuple[Array, Array]:
    """As ``colocalc.lease.statement.standing_shares``, of terms without a price."""
    under = {
        "calendar_month": calendar,
        "start_month": terms.start_month,
        "end_month": end_month(terms),
        "earliest_notice_month": terms.earliest_notice_month,
        "notice_months": terms.notice_months,
    }
    return termination.firm_share(**under), termination.alive_share(**under, notice_share=terms.notice_share)


def _pool_power_usd(case: Case, hours: Array, standing_share: Array) -> Array:
    """The power bill of each pool by month: its part of its site's, as far as its GPUs stand."""
    per_yr = leasing.pool_power_cost_usd_per_yr(case, leasing.contracted(case))
    return per_yr[..., None] * standing_share * hours[..., None, :] / HOURS_PER_YEAR


def _years_of_cost(case: Case, calendar: Array, first: float, running: Array) -> Array:
    """What each month costs over the cost of the first year: a twelfth that steps up each year."""
    escalator = case.project.cost_escalator_share_per_yr if case.project else np.zeros(())
    price = contract.escalation_factor(
        calendar_month=calendar, start_month=first, end_month=calendar[-1] + 1.0, escalator_share=escalator
    )
    return price * running / MONTHS_PER_YEAR


@dataclass(frozen=True, eq=False)
class Shape:
    """The course of one contract over the months, without any price: what a model of it in another place starts from.

    Attributes
    ----------
    standing_share, powered_share : ndarray (..., month)
        GPUs of the contract that stand under it, and until the last contract ends, over all of it.
    delivered_share : ndarray (..., month)
        GPUs delivered by the end of each month.
    firm_share, alive_share, open_share, unwind_share, signing_share : ndarray (..., month)
        Fees that survive a notice, and those expected; the market's part of the month; months in which a prepayment is
        credited; the month in which it is paid.
    step_count, late_share, market_step_count, market_late_share : ndarray (..., month)
        Anniversaries passed, and the share of the month after the next, of the contract's price and of the market's.
    """

    standing_share: Array
    powered_share: Array
    delivered_share: Array
    firm_share: Array
    alive_share: Array
    open_share: Array
    unwind_share: Array
    signing_share: Array
    step_count: Array
    late_share: Array
    market_step_count: Array
    market_late_share: Array


def cost_anniversaries(case: Case, deal: Deal) -> tuple[Array, Array]:
    """Steps of the price of costs before each month, and the share of the month behind the next, ``(month,)``."""
    first = min(float(np.min(terms.start_month)) for terms in case.terms)
    return _anniversaries(deal.calendar_month, np.asarray(first), deal.calendar_month[-1] + 1.0)


def _anniversaries(calendar: Array, start_month: Array, end_month: Array) -> tuple[Array, Array]:
    return (
        contract.anniversary_count(calendar_month=calendar, start_month=start_month),
        contract.late_share(calendar_month=calendar, start_month=start_month, end_month=end_month),
    )


def contract_shapes(case: Case, deal: Deal) -> tuple[Shape, ...]:
    """The course of each contract, in the order of the case's."""
    calendar = deal.calendar_month
    end = deal.term_months + min(float(np.min(terms.start_month)) for terms in case.terms)
    return tuple(_shape(terms, case, calendar, end) for terms in case.terms)


def _shape(terms: Terms, case: Case, calendar: Array, end: Array) -> Shape:
    def covered(start: Array, until: Array) -> Array:
        return months.covered_share(calendar_month=calendar, start_month=start, end_month=until)

    credited = terms.start_month + terms.credited_to_yr * MONTHS_PER_YEAR
    steps = _anniversaries(calendar, terms.start_month, end_month(terms))
    market = _anniversaries(calendar, terms.start_month, market_end_month(terms))
    firm, alive = _standing_shares(terms, calendar)
    return Shape(
        standing_share=_standing_gpu_count(terms, np.ones(1), calendar, end_month(terms))[..., 0, :],
        powered_share=_standing_gpu_count(terms, np.ones(1), calendar, end)[..., 0, :],
        delivered_share=_delivered(terms, case, calendar)[..., terms.pools[0], :],
        firm_share=firm,
        alive_share=alive,
        open_share=covered(np.minimum(market_start_month(terms), market_end_month(terms)), market_end_month(terms)),
        unwind_share=covered(
            terms.start_month + (terms.credited_from_yr - 1.0) * MONTHS_PER_YEAR, np.minimum(credited, end_month(terms))
        ),
        signing_share=(calendar == np.floor(terms.start_month)).astype(np.float64),
        step_count=steps[0],
        late_share=steps[1],
        market_step_count=market[0],
        market_late_share=market[1],
    )
