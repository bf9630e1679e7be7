"""A contract month by month, composed from the kernels: revenue by pool, cash, and what of it survives notice."""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.lease import contract as terms
from colocalc.lease import delivery, prepayment, termination
from colocalc.lease.months import covered_share


@dataclass(frozen=True, eq=False)
class Contract:
    """The terms of a contract; any axes in front are scenarios.

    What it earns is a fee and a rate together: one of them is 0 in most contracts.

    Attributes
    ----------
    calendar_month, month_h : ndarray (..., month)
        The months, and their hours.
    start_month, end_month : ndarray (...)
        From when to when it runs.
    delivered_gpu_count : ndarray (..., pool, month)
        GPUs under the contract, the mean over the month.
    available_share, take_or_pay_share : ndarray (..., pool)
        Shares of hours offered, and of those owed in any case.
    sold_share, availability_share : ndarray (..., pool, month)
        Shares of hours used, and of hours in which the GPUs were up.
    rate_usd_per_gpu_h : ndarray (..., pool)
        Rate at the start.
    market_rate_usd_per_gpu_h : ndarray (..., pool, month)
        Price of hours beyond those owed; NaN where the contract's rate holds for them too.
    fee_usd_per_month : ndarray (...)
        Flat fee at the start.
    due_share : ndarray (..., month)
        Share of the fee due, where it is reduced; else 1.
    escalator_share : ndarray (...)
        Step of rate and fee on each anniversary.
    sla_threshold_share, sla_credit_share : ndarray (..., tier)
        Availability promised, and what is given back below it.
    power_cost_usd : ndarray (..., pool, month)
        Cost of power.
    passthrough_share : ndarray (...)
        Share of it that the tenant pays.
    prepayment_usd, prepayment_share, signing_month, unwind_start_month, unwind_end_month : ndarray (...)
        Paid at signing, as an amount and as a share of all revenue, and the time in which it is credited.
    earliest_notice_month, notice_months, notice_share : ndarray (...)
        When notice may first be given, how long it runs, and how likely it is each month.
    """

    calendar_month: Array
    month_h: Array
    start_month: Array
    end_month: Array
    delivered_gpu_count: Array
    available_share: Array
    take_or_pay_share: Array
    sold_share: Array
    availability_share: Array
    rate_usd_per_gpu_h: Array
    market_rate_usd_per_gpu_h: Array
    fee_usd_per_month: Array
    due_share: Array
    escalator_share: Array
    sla_threshold_share: Array
    sla_credit_share: Array
    power_cost_usd: Array
    passthrough_share: Array
    prepayment_usd: Array
    prepayment_share: Array
    signing_month: Array
    unwind_start_month: Array
    unwind_end_month: Array
    earliest_notice_month: Array
    notice_months: Array
    notice_share: Array

    @property
    def unwind_share(self) -> Array:
        """Where a prepayment is credited, ``(..., month)``: 1 in the stated years, parts of a month at their ends."""
        return covered_share(
            calendar_month=self.calendar_month, start_month=self.unwind_start_month, end_month=self.unwind_end_month
        )


@dataclass(frozen=True, eq=False)
class Months:
    """What a contract earns and is paid by month.

    Attributes
    ----------
    billed_gpu_h, pool_revenue_usd, sla_credit_usd : ndarray (..., pool, month)
        Hours billed, revenue after credits and with power passed on, and the credits.
    revenue_usd, cash_revenue_usd : ndarray (..., month)
        Revenue of the contract, and cash.
    """

    billed_gpu_h: Array
    pool_revenue_usd: Array
    sla_credit_usd: Array
    revenue_usd: Array
    cash_revenue_usd: Array


def evaluate_months(contract: Contract) -> Months:
    """A contract month by month."""
    billed, gross = _billed_and_gross(contract)
    credit = terms.sla_credit_usd(
        revenue_usd=gross,
        availability_share=contract.availability_share,
        sla_threshold_share=contract.sla_threshold_share,
        sla_credit_share=contract.sla_credit_share,
    )
    power = terms.passthrough_usd(power_cost_usd=contract.power_cost_usd, passthrough_share=contract.passthrough_share)
    by_pool = gross - credit + power
    revenue = terms.contract_usd(pool_usd=by_pool)
    return Months(
        billed_gpu_h=billed,
        pool_revenue_usd=by_pool,
        sla_credit_usd=credit,
        revenue_usd=revenue,
        cash_revenue_usd=_cash(contract, revenue),
    )


def _billed_and_gross(contract: Contract) -> tuple[Array, Array]:
    """Hours billed, and revenue by the hour and by the fee, before credits."""
    hours = delivery.available_gpu_h(
        delivered_gpu_count=contract.delivered_gpu_count,
        month_h=contract.month_h,
        available_share=contract.available_share,
    )
    owed = delivery.committed_gpu_h(available_gpu_h=hours, take_or_pay_share=contract.take_or_pay_share)
    beyond = delivery.uncommitted_gpu_h(
        available_gpu_h=hours, sold_share=contract.sold_share, take_or_pay_share=contract.take_or_pay_share
    )
    factor = terms.escalation_factor(
        calendar_month=contract.calendar_month,
        start_month=contract.start_month,
        end_month=contract.end_month,
        escalator_share=contract.escalator_share,
    )
    own_rate = contract.rate_usd_per_gpu_h[..., None] * factor[..., None, :]
    market = contract.market_rate_usd_per_gpu_h
    metered = terms.metered_revenue_usd(
        committed_gpu_h=owed,
        uncommitted_gpu_h=beyond,
        rate_usd_per_gpu_h=contract.rate_usd_per_gpu_h,
        escalation_factor=factor,
        market_rate_usd_per_gpu_h=np.where(np.isnan(market), own_rate, market),
    )
    billed = owed + beyond
    fee = terms.spread_usd(
        amount_usd=_fee(contract, factor), billed_gpu_h=billed, delivered_gpu_count=contract.delivered_gpu_count
    )
    return billed, metered + fee


def _fee(contract: Contract, factor: Array) -> Array:
    covered = covered_share(
        calendar_month=contract.calendar_month, start_month=contract.start_month, end_month=contract.end_month
    )
    return terms.fee_usd(
        fee_usd_per_month=contract.fee_usd_per_month,
        due_share=contract.due_share * covered,
        escalation_factor=factor,
    )


def _cash(contract: Contract, revenue: Array) -> Array:
    return prepayment.prepaid_cash_usd(
        revenue_usd=revenue,
        prepayment_usd=contract.prepayment_usd,
        prepayment_share=contract.prepayment_share,
        unwind_share=contract.unwind_share,
        signing_month=contract.signing_month,
        calendar_month=contract.calendar_month,
    )


def standing_shares(contract: Contract) -> tuple[Array, Array]:
    """Of each month's fees, what survives a notice given as early as it may be, and what is likely to be paid."""
    under = {
        "calendar_month": contract.calendar_month,
        "start_month": contract.start_month,
        "end_month": contract.end_month,
        "earliest_notice_month": contract.earliest_notice_month,
        "notice_months": contract.notice_months,
    }
    return (
        termination.firm_share(**under),
        termination.alive_share(**under, notice_share=contract.notice_share),
    )
