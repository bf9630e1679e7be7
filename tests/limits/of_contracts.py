"""Limits of contracts: what is delivered, billed, paid and kept month by month, and at which price."""

import numpy as np

from colocalc.lease import (
    card_family,
    contract,
    costs,
    delivery,
    forward,
    hedge,
    months,
    opportunity,
    path,
    prepayment,
    rates,
    surface,
    termination,
    tokens,
)
from tests.limits.checks import INF, NAN, Limits, at, holds, near, undefined

START = 24_317.0  # June 2026
MONTHS = START + np.arange(48.0)
END = START + 36.0
TERM = {"calendar_month": MONTHS, "start_month": START, "end_month": END}
MID = START + 0.5  # the 16th of a month of 30 days
UNDER = (MONTHS >= START) & (MONTHS < END)
NOTICE = TERM | {"earliest_notice_month": START, "notice_months": 3.0}
BANDS = {"weight": [3.0, 1.0], "low_usd_per_gpu_h": [2.0, 3.0], "high_usd_per_gpu_h": [2.5, 5.0]}
ONE_BAND = {"weight": [3.0], "low_usd_per_gpu_h": [2.0], "high_usd_per_gpu_h": [2.5], "mean_rate_usd_per_gpu_h": 2.2}
EARNED = np.array([10.0, 20.0, 30.0, 40.0])
STEADY = {"calendar_month": START + np.arange(4.0), "signing_month": START}
PREPAID = STEADY | {"prepayment_usd": 30.0, "prepayment_share": 0.0, "unwind_share": [0.0, 1.0, 1.0, 1.0]}


def _escalated(**given):
    return contract.escalation_factor(**TERM | {"escalator_share": 0.04} | given)


def _metered(**given):
    plain = {
        "committed_gpu_h": [[100.0]],
        "uncommitted_gpu_h": [[50.0]],
        "rate_usd_per_gpu_h": [2.0],
        "escalation_factor": [1.1],
        "market_rate_usd_per_gpu_h": [[1.5]],
    }
    return contract.metered_revenue_usd(**plain | given)


def _credited(availability, thresholds=(0.999, 0.99), credits_=(0.1, 0.25)):
    return contract.sla_credit_usd(
        revenue_usd=[[100.0]],
        availability_share=[[availability]],
        sla_threshold_share=thresholds,
        sla_credit_share=credits_,
    )


def _spread(hours, gpus=((1.0,), (3.0,))):
    return contract.spread_usd(amount_usd=[8.0], billed_gpu_h=hours, delivered_gpu_count=gpus)


def _ramped(**given):
    plain = {"gpu_count": [12.0], "delivery_month": [START], "ramp_months": [0.0], "end_month": END}
    return delivery.ramped_gpu_count(**plain | {"calendar_month": MONTHS} | given)[0]


def _stepped(counts, instants, **given):
    plain = {"calendar_month": MONTHS, "end_month": END}
    return delivery.stepped_gpu_count(step_gpu_count=[counts], step_month=[instants], **plain | given)[0]


def _part_months():
    found = _ramped(delivery_month=[MID], end_month=END - 0.25)
    near(found[[0, 1, 35]], [6.0, 12.0, 9.0])


def _over_a_ramp():
    ramp = _ramped(ramp_months=[6.0])
    near(ramp[:6].sum(), _ramped()[:6].sum() / 2.0)
    near(ramp[6:], _ramped()[6:])


def _forward(terms, level, elapsed):
    return forward.forward_rate_usd_per_gpu_h(
        term_rate_usd_per_gpu_h=level, term_months=terms, elapsed_months=np.asarray(elapsed)
    )


def _means_are_the_terms():
    price = _forward([1.0, 12.0, 36.0], [2.0, 3.0, 2.5], np.arange(36.0))
    near([price[:1].mean(), price[:12].mean(), price.mean()], [2.0, 3.0, 2.5])


def _covers(added):
    given = {"loss_usd_per_yr": 6e9, "billed_gpu_h_per_yr": 2e9, "added_cost_usd_per_yr": added}
    rate = hedge.cover_rate_usd_per_gpu_h(**given)
    near(rates.hedge_ratio(revenue=rate * 2e9 - added, annual_loss=6e9), 1.0)


def _year_h(first, **given):
    plain = {"calendar_month": 12.0 * first + np.arange(12.0), "leap_day_count": 1.0}
    return months.month_h(**plain | given)


def _no_leap():
    flat = _year_h(2024.0, leap_day_count=0.0)
    near(flat.sum(), 12 * 730.0)
    holds(flat != 730.0)


def _day(year, month, day):
    return months.month_number(calendar_yr=year, month_of_year_count=month, day_of_month_count=day)


def _annuity(**given):
    plain = {"capital_usd": 100.0, "residual_share": 0.2, "discount_share": 0.1, "life_yr": 5.0}
    return opportunity.annuity_usd_per_yr(**plain | given)


def _indifferent_mfu():
    mfu = opportunity.indifference_mfu_share(revenue_usd_per_yr=5e9, peak_pflop_per_s=2e5, price_usd_per_pflop_h=6.7)
    value = opportunity.training_value_usd_per_yr(peak_pflop_per_s=2e5, mfu_share=mfu, price_usd_per_pflop_h=6.7)
    near(opportunity.lease_premium_factor(revenue_usd_per_yr=5e9, value_usd_per_yr=value), 1.0)


def _indifferent_rate():
    rate = opportunity.indifference_rate_usd_per_gpu_h(value_usd_per_yr=4e9, billed_gpu_h_per_yr=2e9)
    near(opportunity.lease_premium_factor(revenue_usd_per_yr=rate * 2e9, value_usd_per_yr=4e9), 1.0)


def _split(trained, value=7.0):
    return opportunity.split_value_usd_per_yr(
        value_usd_per_yr=[value], revenue_usd_per_yr=[3.0, 4.0], trained_share=[trained]
    )


def _priced(instant, prices=(2.0, 3.0), points=(START, START + 10.0)):
    return path.point_rate_usd_per_gpu_h(
        point_usd_per_gpu_h=prices, point_month=points, at_month=np.atleast_1d(instant)
    )


def _repriced(**given):
    plain = {
        "rate_usd_per_gpu_h": 1.8,
        "start_price_usd_per_gpu_h": 2.0,
        "last_price_usd_per_gpu_h": [2.0, 3.0],
        "next_price_usd_per_gpu_h": [3.0, 3.0],
        "calendar_month": [START, START + 1.0],
        "next_month": [START + 1.0, START + 13.0],
    }
    return path.repriced_rate_usd_per_gpu_h(**plain | given)


def _repricing(calendar, start=START):
    return path.repricing_month(calendar_month=np.atleast_1d(calendar), start_month=start, repricing_months=12.0)


def _credit(ahead, unwind=(0.0, 1.0, 1.0, 1.0)):
    return prepayment.prepayment_credit_usd(revenue_usd=EARNED, prepayment_usd=ahead, unwind_share=unwind)


def _credits_sum():
    found = _credit(30.0)
    near(found.sum(), 30.0)
    holds(found <= EARNED)


def _cash(**given):
    plain = STEADY | {"revenue_usd": EARNED, "credit_usd": _credit(30.0), "prepayment_usd": 30.0}
    return prepayment.cash_revenue_usd(**plain | given)


def _prepaid_cash(**given):
    return prepayment.prepaid_cash_usd(**PREPAID | {"revenue_usd": EARNED} | given)


def _share_alone():
    share = {"prepayment_usd": 0.0, "prepayment_share": 0.2}
    near(_prepaid_cash(**share | {"revenue_usd": 3.0 * EARNED}), 3.0 * _prepaid_cash(**share))


def _refunded(kept, cash=None):
    found = _prepaid_cash() if cash is None else cash
    return prepayment.refund_usd(cash_revenue_usd=found, revenue_usd=EARNED, kept_share=kept)


def _refund_balances():
    kept = np.array([1.0, 1.0, 0.5, 0.0])
    near((kept * _prepaid_cash() - _refunded(kept)).sum(), (kept * EARNED).sum())


def _weighted(weights, prices):
    return rates.weighted_rate(gpus=weights, rates=prices)


def _surface(**given):
    plain = {
        "ceiling_usd_per_gpu_h": 7.4,
        "floor_usd_per_gpu_h": 3.25,
        "term_weight_share": 0.7,
        "prepay_weight_share": 0.3,
        "term_score_share": 0.0,
        "prepay_score_share": 0.0,
        "extra_discount_share": 0.0,
    }
    return surface.surface_rate_usd_per_gpu_h(**plain | given)


def _extra(prepaid, full=0.2):
    return surface.extra_discount_share(prepaid_share=prepaid, prepay_to_share=full, most_extra_discount_share=0.06)


def _alive(share, **given):
    return termination.alive_share(**NOTICE | given, notice_share=share)


def _firm(**given):
    return termination.firm_share(**NOTICE | given)


def _sure_notice():
    waiting = {"earliest_notice_month": START + 6.0}
    near(_alive(1.0, **waiting)[UNDER], _firm(**waiting)[UNDER])


def _around_a_contract():
    late = {"start_month": START + 2.0, "earliest_notice_month": START + 2.0}
    found = _alive(0.1, **late)
    near(found[~UNDER], 0.0)
    near(found[:2], found[2])


def _no_notice_at_all():
    near(_firm(notice_months=0.0), 0.0)


def _served(prompt, output, read=900.0, made=300.0):
    return tokens.served_tokens_per_s_per_gpu(
        prompt_tokens=prompt, output_tokens=output, read_tokens_per_s_per_gpu=read, made_tokens_per_s_per_gpu=made
    )


def _token_price(**given):
    plain = {"rate_usd_per_gpu_h": 2.6, "served_tokens_per_s_per_gpu": 1_000.0, "utilization_share": 0.6}
    return tokens.token_price_usd_per_mtoken(**plain | given)


LIMITS: Limits = {
    card_family.condition_factor: {
        "The last pool": lambda: near(at(card_family.condition_factor, weight=[150.0, 50.0, 20.0])[-1], 1.0),
        "A last pool of weight 0": lambda: undefined(card_family.condition_factor(weight=[3.0, 0.0])),
    },
    card_family.highest_rate_usd_per_gpu_h: {
        "One pool": lambda: near(card_family.highest_rate_usd_per_gpu_h(**ONE_BAND), 2.2),
        "A pool of weight 0": lambda: near(
            card_family.highest_rate_usd_per_gpu_h(**BANDS | {"weight": [3.0, 0.0]}, mean_rate_usd_per_gpu_h=2.2)[1], 5
        ),
        "Bands that no card of this mean fits in": lambda: undefined(
            card_family.highest_rate_usd_per_gpu_h(**BANDS, mean_rate_usd_per_gpu_h=9.0)
        ),
    },
    card_family.lowest_rate_usd_per_gpu_h: {
        "One pool": lambda: near(card_family.lowest_rate_usd_per_gpu_h(**ONE_BAND), 2.2),
        "A pool of weight 0": lambda: near(
            card_family.lowest_rate_usd_per_gpu_h(**BANDS | {"weight": [3.0, 0.0]}, mean_rate_usd_per_gpu_h=2.2)[1], 3
        ),
        "Bands that no card of this mean fits in": lambda: undefined(
            card_family.lowest_rate_usd_per_gpu_h(**BANDS, mean_rate_usd_per_gpu_h=1.0)
        ),
    },
    contract.anniversary_count: {
        "The first year, and before the start": lambda: near(
            contract.anniversary_count(calendar_month=START + np.arange(-20.0, 12.0), start_month=START), 0.0
        ),
    },
    contract.contract_usd: {
        "One pool": lambda: near(contract.contract_usd(pool_usd=[[1.0, 2.0]]), [1, 2]),
        "A pool of 0 changes nothing": lambda: near(contract.contract_usd(pool_usd=[[1.0, 2.0], [0.0, 0.0]]), [1, 2]),
    },
    contract.escalation_factor: {
        "No escalator, or the first year": lambda: (
            near(_escalated(escalator_share=0.0), 1.0),
            near(_escalated()[:12], 1.0),
        ),
        "A start on the first of a month": lambda: near(_escalated()[UNDER], 1.04 ** np.repeat([0, 1, 2], 12)),
        "A start on the 16th of a month of 30 days": lambda: near(
            _escalated(start_month=MID, end_month=END + 0.5)[[12, 13]], [1.02, 1.04]
        ),
        "An end on an anniversary within a month": lambda: near(_escalated(start_month=MID, end_month=MID + 12)[12], 1),
        "Before the start": lambda: near(_escalated(start_month=START + 6.0)[:6], 1.0),
    },
    contract.fee_usd: {
        "Every whole month": lambda: near(
            contract.fee_usd(fee_usd_per_month=9.0, due_share=np.ones(12), escalation_factor=np.ones(12)), 9.0
        ),
        "No part of the month due, or no fee": lambda: (
            near(contract.fee_usd(fee_usd_per_month=9.0, due_share=[0.0], escalation_factor=[1.1]), 0.0),
            near(contract.fee_usd(fee_usd_per_month=0.0, due_share=[1.0], escalation_factor=[1.1]), 0.0),
        ),
    },
    contract.late_share: {
        "A start on the first of a month": lambda: near(contract.late_share(**TERM), 0.0),
        "A start on the 16th of a month of 30 days": lambda: near(
            contract.late_share(**TERM | {"start_month": MID})[12], 0.5
        ),
    },
    contract.metered_revenue_usd: {
        "Hours or a rate of 0": lambda: (
            near(_metered(committed_gpu_h=[[0.0]], uncommitted_gpu_h=[[0.0]]), 0.0),
            near(_metered(rate_usd_per_gpu_h=[0.0], market_rate_usd_per_gpu_h=[[0.0]]), 0.0),
        ),
        "No hours": lambda: near(
            _metered(committed_gpu_h=[[0.0]], uncommitted_gpu_h=[[0.0]], rate_usd_per_gpu_h=[NAN]), 0.0
        ),
        "Hours whose rate is unknown": lambda: (
            undefined(_metered(rate_usd_per_gpu_h=[NAN])),
            undefined(_metered(market_rate_usd_per_gpu_h=[[NAN]])),
        ),
    },
    contract.passthrough_usd: {
        "All passed on": lambda: near(
            contract.passthrough_usd(power_cost_usd=[[7.0, -2.0]], passthrough_share=1.0) - [[7.0, -2.0]], 0.0
        ),
        "Nothing passed on": lambda: near(contract.passthrough_usd(power_cost_usd=[[7.0]], passthrough_share=0.0), 0.0),
    },
    contract.sla_credit_usd: {
        "Available as promised, to the point": lambda: near(_credited(0.999), 0.0),
        "Several tiers missed": lambda: near(_credited(0.9), 25.0),
        "A threshold of 0, or no tier at all": lambda: (
            near(_credited(0.0, [0.0], [0.25]), 0.0),
            near(_credited(0.0, [], []), 0.0),
        ),
    },
    contract.spread_usd: {
        "The parts sum to the amount": lambda: near(_spread([[5.0], [9.0]]).sum(axis=-2), 8.0),
        "One pool": lambda: near(_spread([[5.0]], [[1.0]]), 8.0),
        "No hours billed": lambda: (
            near(_spread([[0.0], [0.0]]), [[2], [6]]),
            near(_spread([[0.0], [0.0]], [[0.0], [0.0]]), 4.0),
        ),
    },
    costs.contribution_usd_per_yr: {
        "No costs": lambda: near(
            at(costs.contribution_usd_per_yr, revenue_usd_per_yr=9.0, power_cost_usd_per_yr=0, operations_usd_per_yr=0),
            9,
        ),
        "Costs above revenue": lambda: holds(at(costs.contribution_usd_per_yr, revenue_usd_per_yr=0.0) < 0.0),
    },
    costs.power_cost_usd_per_yr: {
        "No power or a price of 0": lambda: (
            near(at(costs.power_cost_usd_per_yr, facility_power_mw=0.0), 0.0),
            near(at(costs.power_cost_usd_per_yr, energy_price_usd_per_mwh=0.0), 0.0),
        ),
        "A negative price": lambda: holds(at(costs.power_cost_usd_per_yr, energy_price_usd_per_mwh=-5.0) < 0.0),
    },
    costs.revenue_usd_per_mw_yr: {
        "No revenue": lambda: near(at(costs.revenue_usd_per_mw_yr, revenue_usd_per_yr=0.0), 0.0),
        "No power": lambda: undefined(at(costs.revenue_usd_per_mw_yr, facility_power_mw=0.0)),
    },
    delivery.available_gpu_h: {
        "All offered": lambda: near(
            delivery.available_gpu_h(delivered_gpu_count=[[5.0]], month_h=[744.0], available_share=[1.0]), 5 * 744.0
        ),
        "No GPUs, or none offered": lambda: near(
            delivery.available_gpu_h(delivered_gpu_count=[[0.0], [5.0]], month_h=[744.0], available_share=[1.0, 0.0]), 0
        ),
    },
    delivery.committed_gpu_h: {
        "All owed": lambda: near(delivery.committed_gpu_h(available_gpu_h=[[7.0]], take_or_pay_share=[1.0]), 7.0),
        "Nothing owed": lambda: near(delivery.committed_gpu_h(available_gpu_h=[[7.0]], take_or_pay_share=[0.0]), 0.0),
    },
    delivery.ramped_gpu_count: {
        "No ramp": lambda: near(_ramped()[UNDER], 12.0),
        "A month that holds the delivery or the end": _part_months,
        "After the end, and without GPUs": lambda: (
            near(_ramped()[~UNDER], 0.0),
            near(_ramped(gpu_count=[0.0]), 0.0),
        ),
        "All over a ramp, the GPUs delivered come to half of those of a delivery at once": _over_a_ramp,
    },
    delivery.stepped_gpu_count: {
        "One step": lambda: near(_stepped([12.0], [MID]), _ramped(delivery_month=[MID])),
        "A step that adds nothing changes nothing": lambda: near(
            _stepped([12.0, 0.0], [MID, START + 3.0]), _stepped([12.0], [MID])
        ),
        "After the end": lambda: near(_stepped([12.0], [START])[~UNDER], 0.0),
    },
    delivery.uncommitted_gpu_h: {
        "Nothing owed": lambda: near(
            delivery.uncommitted_gpu_h(available_gpu_h=[[10.0]], sold_share=[[0.7]], take_or_pay_share=[0.0]), 7.0
        ),
        "Sold as much as owed, or less": lambda: near(
            delivery.uncommitted_gpu_h(available_gpu_h=[[10.0] * 2], sold_share=[[0.7, 0.2]], take_or_pay_share=[0.7]),
            0,
        ),
    },
    forward.forward_rate_usd_per_gpu_h: {
        "One term, or equal rates": lambda: (
            near(_forward([12.0], [2.5], np.arange(40.0)), 2.5),
            near(_forward([1.0, 12.0], [2.5, 2.5], np.arange(40.0)), 2.5),
        ),
        "The mean over the months of a term is that term's rate": _means_are_the_terms,
        "A longer term that is dearer": lambda: holds(np.diff(_forward([1.0, 12.0], [2.0, 3.0], [0.0, 1.0])) > 0.0),
        "After the longest term": lambda: near(np.diff(_forward([1.0, 12.0], [2.0, 3.0], [11.0, 12.0, 99.0])), 0.0),
        "A long term so cheap that the months after the shorter one are worth less than nothing": lambda: holds(
            _forward([11.0, 12.0], [3.0, 2.0], [11.0]) < 0.0
        ),
        "Two terms of one length": lambda: undefined(_forward([6.0, 12.0, 12.0], [3.0, 2.0, 2.5], [12.0, 20.0])),
    },
    hedge.annual_loss_usd_per_yr: {
        "A year": lambda: near(hedge.annual_loss_usd_per_yr(loss_usd=5.0, loss_months=12.0), 5.0),
        "A quarter": lambda: near(hedge.annual_loss_usd_per_yr(loss_usd=5.0, loss_months=3.0), 20.0),
        "No loss": lambda: near(hedge.annual_loss_usd_per_yr(loss_usd=0.0, loss_months=3.0), 0.0),
    },
    hedge.cover_rate_usd_per_gpu_h: {
        "At this rate ``hedge_ratio`` of revenue less the added cost is 1": lambda: [_covers(0.0), _covers(4e8)],
        "No loss (zero or less)": lambda: undefined(at(hedge.cover_rate_usd_per_gpu_h, loss_usd_per_yr=[0.0, -1.0])),
        "Nothing billed": lambda: undefined(at(hedge.cover_rate_usd_per_gpu_h, billed_gpu_h_per_yr=0.0)),
    },
    months.covered_share: {
        "Before the start and from the end on": lambda: near(
            months.covered_share(**TERM | {"start_month": START + 2.0}), UNDER & (MONTHS >= START + 2.0)
        ),
        "A start on the 16th of a month of 30 days": lambda: near(
            months.covered_share(**TERM | {"start_month": MID})[0], 0.5
        ),
        "The shares sum to ``end - start`` where the months hold both": lambda: near(
            months.covered_share(**TERM | {"start_month": MID, "end_month": END + 0.3}).sum(), 36 - 0.5 + 0.3
        ),
        "An end before the start": lambda: near(months.covered_share(**TERM | {"end_month": START - 3.0}), 0.0),
    },
    months.month_h: {
        "A year has 8,760 hours, a leap year 8,784": lambda: near(
            [_year_h(2026.0).sum(), _year_h(2024.0).sum()], [8_760, 8_784]
        ),
        "Without leap days every year has 8,760 hours, 12 times 730; no month has 730": _no_leap,
        "A century is a leap year only when 400 divides it": lambda: near(
            [_year_h(1900.0)[1], _year_h(2000.0)[1]], [28 * 24, 29 * 24]
        ),
    },
    months.month_number: {
        "The first of a month": lambda: near(_day(2026.0, 6.0, 1.0), START),
        "The day after the last of a month": lambda: near(
            [_day(2026.0, 6.0, 31.0), _day(2024.0, 2.0, 30.0)], [_day(2026.0, 7.0, 1.0), _day(2024.0, 3.0, 1.0)]
        ),
    },
    opportunity.annuity_usd_per_yr: {
        "No discount rate": lambda: near(_annuity(discount_share=0.0), 100 * 0.8 / 5),
        "Sold for what it cost": lambda: near(_annuity(residual_share=1.0), 10.0),
        "A year of use and nothing left": lambda: near(_annuity(residual_share=0.0, life_yr=1.0), 110.0),
    },
    opportunity.cost_usd_per_pflop_h: {
        "No cost": lambda: near(at(opportunity.cost_usd_per_pflop_h, cost_usd_per_yr=0.0), 0.0),
        "Half the MFU": lambda: near(
            at(opportunity.cost_usd_per_pflop_h, mfu_share=0.2),
            2.0 * at(opportunity.cost_usd_per_pflop_h, mfu_share=0.4),
        ),
        "Nothing delivered (no peak or an MFU of 0)": lambda: (
            undefined(at(opportunity.cost_usd_per_pflop_h, mfu_share=0.0)),
            undefined(at(opportunity.cost_usd_per_pflop_h, peak_pflop_per_s=0.0)),
        ),
    },
    opportunity.indifference_mfu_share: {
        "At this MFU ``lease_premium_factor`` is 1": _indifferent_mfu,
        "No revenue": lambda: near(at(opportunity.indifference_mfu_share, revenue_usd_per_yr=0.0), 0.0),
        "No peak or a price of 0": lambda: (
            undefined(at(opportunity.indifference_mfu_share, peak_pflop_per_s=0.0)),
            undefined(at(opportunity.indifference_mfu_share, price_usd_per_pflop_h=0.0)),
        ),
    },
    opportunity.indifference_rate_usd_per_gpu_h: {
        "At this rate ``lease_premium_factor`` is 1": _indifferent_rate,
        "Training worth nothing": lambda: near(
            at(opportunity.indifference_rate_usd_per_gpu_h, value_usd_per_yr=0.0), 0
        ),
        "Nothing billed": lambda: undefined(at(opportunity.indifference_rate_usd_per_gpu_h, billed_gpu_h_per_yr=0.0)),
    },
    opportunity.lease_premium_factor: {
        "No revenue": lambda: near(at(opportunity.lease_premium_factor, revenue_usd_per_yr=0.0), 0.0),
        "Training worth nothing": lambda: undefined(at(opportunity.lease_premium_factor, value_usd_per_yr=0.0)),
    },
    opportunity.market_price_usd_per_pflop_h: {
        "A rate of 0": lambda: near(at(opportunity.market_price_usd_per_pflop_h, rate_usd_per_gpu_h=0.0), 0.0),
        "Nothing delivered (no peak or an MFU of 0)": lambda: (
            undefined(at(opportunity.market_price_usd_per_pflop_h, peak_pflop_per_s=0.0)),
            undefined(at(opportunity.market_price_usd_per_pflop_h, mfu_share=0.0)),
        ),
    },
    opportunity.split_value_usd_per_yr: {
        "Nothing trains": lambda: near(_split([0.0, 0.0], 0.0), 7.0),
        "All train": lambda: near(_split([1.0, 1.0], 9.0), 9.0),
        "A split that cannot be trained (a value of NaN)": lambda: undefined(_split([1.0, 0.0], NAN)),
    },
    opportunity.training_value_usd_per_yr: {
        "No peak, an MFU of 0 or a price of 0": lambda: [
            near(at(opportunity.training_value_usd_per_yr, **{name: 0.0}), 0.0)
            for name in ("peak_pflop_per_s", "mfu_share", "price_usd_per_pflop_h")
        ],
    },
    path.point_rate_usd_per_gpu_h: {
        "At a point": lambda: near(_priced(START + np.array([0.0, 5.0, 10.0])), [2, 2.5, 3]),
        "Before the first": lambda: near(_priced([START - 9.0, START + 99.0]), [2, 3]),
        "One point": lambda: near(_priced([START - 9.0, START + 99.0], [2.0], [START]), 2.0),
    },
    path.repriced_rate_usd_per_gpu_h: {
        "A price that does not move": lambda: near(
            _repriced(last_price_usd_per_gpu_h=[2.0, 2.0], next_price_usd_per_gpu_h=[2.0, 2.0]), 1.8
        ),
        "A rate below the price at the start keeps its distance in percent": lambda: near(
            _repriced(), [1.8, 0.9 * 3.0]
        ),
        "A repricing in the middle of a month": lambda: near(
            _repriced(next_month=[MID, MID + 12.0])[0], 0.9 * (2.0 + 3.0) / 2
        ),
        "A price of 0 at the start": lambda: undefined(_repriced(start_price_usd_per_gpu_h=0.0)),
    },
    path.repricing_month: {
        "Before the first repricing, and before the start": lambda: near(
            _repricing([START - 5, START, START + 11]), START
        ),
        "A month that begins with a repricing": lambda: near(_repricing(START + 24.0), START + 24.0),
    },
    prepayment.cash_revenue_usd: {
        "Credits that sum to the prepayment": lambda: near(_cash().sum(), EARNED.sum()),
        "No prepayment": lambda: near(_cash(credit_usd=0.0 * EARNED, prepayment_usd=0.0), EARNED),
        "A signing in a month that is not among these": lambda: near(
            _cash(signing_month=START - 5.0).sum(), EARNED.sum() - 30.0
        ),
    },
    prepayment.deferred_revenue_usd: {
        "Cash as earned": lambda: near(
            prepayment.deferred_revenue_usd(cash_revenue_usd=EARNED, revenue_usd=EARNED), 0.0
        ),
        "After the last credit of a prepayment that is used up": lambda: near(
            prepayment.deferred_revenue_usd(cash_revenue_usd=_cash(), revenue_usd=EARNED)[-1], 0.0, nothing=1e-12
        ),
    },
    prepayment.last_kept_share: {
        "No month kept": lambda: near(prepayment.last_kept_share(kept_share=np.zeros(4)), 0.0),
        "All months kept": lambda: near(prepayment.last_kept_share(kept_share=np.ones(4)), [0, 0, 0, 1]),
    },
    prepayment.prepaid_cash_usd: {
        "Neither an amount nor a share": lambda: near(_prepaid_cash(prepayment_usd=0.0), EARNED),
        "A share alone": _share_alone,
    },
    prepayment.prepayment_credit_usd: {
        "The credits sum to the prepayment, and none is above the revenue of its month": _credits_sum,
        "A prepayment above the revenue of the stated months": lambda: near(_credit(500.0), [0, 20, 30, 40]),
        "No prepayment, or no revenue in the stated months": lambda: (
            near(_credit(0.0), 0.0),
            near(_credit(30.0, np.zeros(4)), 0.0),
        ),
    },
    prepayment.refund_usd: {
        "No prepayment": lambda: near(_refunded([1.0, 1.0, 0.0, 0.0], EARNED), 0.0),
        "Cash received until then less the refund": _refund_balances,
        "All that was paid ahead is credited by then": lambda: near(_refunded(np.ones(4)), 0.0, nothing=1e-12),
        "No month kept": lambda: near(_refunded(np.zeros(4)), 0.0),
    },
    rates.billed_share: {
        "Nothing owed": lambda: near(rates.billed_share(sold_share=[0.7], take_or_pay_share=[0.0]), 0.7),
        "All owed": lambda: near(rates.billed_share(sold_share=[0.7], take_or_pay_share=[1.0]), 1.0),
    },
    rates.hedge_ratio: {
        "Income equal to the loss": lambda: near(rates.hedge_ratio(revenue=5.0, annual_loss=5.0), 1.0),
        "No loss (zero or less)": lambda: undefined(rates.hedge_ratio(revenue=5.0, annual_loss=[0.0, -1.0])),
    },
    rates.implied_rate: {
        "No fee": lambda: near(rates.implied_rate(fee_per_month=0.0, gpus=9.0), 0.0),
        "No GPUs": lambda: undefined(rates.implied_rate(fee_per_month=5.0, gpus=0.0)),
    },
    rates.lease_revenue: {
        "No GPUs, a rate of 0 or nothing billed": lambda: [
            near(at(rates.lease_revenue, **{name: 0.0}), 0.0) for name in ("gpus", "rate", "util")
        ],
        "A leap year of 8,784 hours earns 24 hours more": lambda: near(
            rates.lease_revenue(8.0, 2.5, 1.0, 8_784.0) - rates.lease_revenue(8.0, 2.5, 1.0, 8_760.0), 8 * 2.5 * 24
        ),
    },
    rates.required_rate: {
        "The inverse of ``lease_revenue``": lambda: near(
            rates.required_rate(gpus=8.0, target=rates.lease_revenue(8.0, 2.5, 0.9, 8_760.0), util=0.9, hours=8_760.0),
            2.5,
        ),
        "Nothing billed": lambda: undefined(at(rates.required_rate, util=0.0)),
    },
    rates.take_or_pay_floor: {
        "Nothing used": lambda: near(rates.take_or_pay_floor(8.0, 2.5, 100.0, 0.7, 0.0), 8 * 2.5 * 100 * 0.7),
        "Nothing owed": lambda: near(
            rates.take_or_pay_floor(8.0, 2.5, 100.0, 0.0, 0.6), rates.lease_revenue(8.0, 2.5, 0.6, 100.0)
        ),
    },
    rates.weighted_rate: {
        "One pool, or equal rates": lambda: (
            near(_weighted([3.0], [2.5]), 2.5),
            near(_weighted([3.0, 1.0], [2.5] * 2), 2.5),
        ),
        "A pool of weight 0 changes nothing, even if its rate is unknown": lambda: near(
            _weighted([3.0, 0.0], [2.5, NAN]), 2.5
        ),
        "No weight at all": lambda: undefined(_weighted([0.0, 0.0], [2.5, 3.0])),
    },
    surface.extra_discount_share: {
        "A prepayment up to ``to``": lambda: near(_extra([0.0, 0.2]), 0.0),
        "All fees prepaid": lambda: near(_extra(1.0), 0.06),
        "A quarter of the way beyond ``to``": lambda: near(_extra(0.4), 0.03),
        "A full score that takes all fees": lambda: near(_extra(1.0, full=1.0), 0.0),
    },
    surface.prepay_score_share: {
        "At ``from`` and below": lambda: near(
            surface.prepay_score_share(prepaid_share=[0.0, 0.1, 0.2, 0.9], prepay_from_share=0.1, prepay_to_share=0.2),
            [0, 0, 1, 1],
        ),
    },
    surface.surface_rate_usd_per_gpu_h: {
        "Both scores 0 and nothing extra": lambda: near(_surface(), 7.4),
        "Both scores 1, weights that sum to 1 and nothing extra": lambda: near(
            _surface(term_score_share=1.0, prepay_score_share=1.0), 3.25
        ),
        "A floor at the ceiling": lambda: near(
            _surface(floor_usd_per_gpu_h=7.4, term_score_share=[0.0, 0.4, 1.0], prepay_score_share=0.7), 7.4
        ),
    },
    surface.term_score_share: {
        "At ``from`` and below": lambda: near(
            surface.term_score_share(
                committed_months=[0.0, 1.0, 60.0, 90.0], term_from_months=1.0, term_to_months=60.0
            ),
            [0, 0, 1, 1],
        ),
        "Half way between": lambda: near(
            surface.term_score_share(committed_months=30.5, term_from_months=1.0, term_to_months=60.0), 0.5
        ),
    },
    termination.alive_share: {
        "Nobody ever gives notice, or may": lambda: (
            near(_alive(0.0)[UNDER], 1.0),
            near(_alive(0.5, notice_months=INF)[UNDER], 1.0),
            near(_alive(0.5, earliest_notice_month=END)[UNDER], 1.0),
        ),
        "90 days of notice, given from the end of the first month on": lambda: near(
            _alive(0.1)[:6], [1, 1, 1, 1, 0.9, 0.81]
        ),
        "Notice at the first time for certain, after an initial period": _sure_notice,
        "From the end on": _around_a_contract,
    },
    termination.firm_share: {
        "No right to leave": lambda: near(_firm(notice_months=INF)[UNDER], 1.0),
        "3 months of notice from the start": lambda: near(
            [_firm().sum(), _firm(earliest_notice_month=START + 3.0).sum()], [3, 6]
        ),
        "No notice to be kept, from the start on": _no_notice_at_all,
        "A month outside the contract": lambda: near(_firm(notice_months=INF)[~UNDER], 0.0),
    },
    tokens.blended_usd_per_mtoken: {
        "All input, or all output": lambda: near(
            tokens.blended_usd_per_mtoken(input_usd_per_mtoken=1.0, output_usd_per_mtoken=4.0, input_share=[1.0, 0.0]),
            [1, 4],
        ),
        "Equal prices": lambda: near(
            tokens.blended_usd_per_mtoken(input_usd_per_mtoken=2.0, output_usd_per_mtoken=2.0, input_share=0.3), 2.0
        ),
    },
    tokens.served_tokens_per_s_per_gpu: {
        "No output": lambda: near(_served([64.0, 0.0], [0.0, 64.0]), [900, 300]),
        "A rate of 0 of what is asked for": lambda: near(_served(64.0, 64.0, [0.0, 900.0], [300.0, 0.0]), 0.0),
    },
    tokens.token_price_usd_per_mtoken: {
        "No rent": lambda: near(_token_price(rate_usd_per_gpu_h=0.0), 0.0),
        "Half the utilization": lambda: near(_token_price(utilization_share=0.3), 2.0 * _token_price()),
        "No tokens": lambda: undefined(_token_price(served_tokens_per_s_per_gpu=0.0)),
    },
}
