"""Facts about a contract month by month, put together from the kernels."""

from dataclasses import fields, replace

import numpy as np
import pytest

from colocalc.lease.delivery import ramped_gpu_count
from colocalc.lease.months import covered_share, month_h
from colocalc.lease.statement import Contract, Months, evaluate_months, standing_shares

MONTHS = 24_317.0 + np.arange(40.0)  # June 2026 on
START, END = 24_318.0, 24_353.0
GPUS = np.array([150e3, 50e3, 20e3])
CARD = np.array([2.20, 2.90, 4.85])


def _delivered(gpus, start=START, end=END, ramp=0.0):
    return ramped_gpu_count(
        gpu_count=gpus,
        calendar_month=MONTHS,
        delivery_month=np.full(len(gpus), start),
        ramp_months=np.full(len(gpus), ramp),
        end_month=end,
    )


def make(**changes):
    """Three pools at the card of the story, all hours owed, 35 months, and nothing else."""
    month = np.zeros((3, 1))
    plain = {
        "calendar_month": MONTHS,
        "month_h": month_h(calendar_month=MONTHS, leap_day_count=1.0),
        "start_month": START,
        "end_month": END,
        "delivered_gpu_count": _delivered(GPUS),
        "available_share": np.ones(3),
        "take_or_pay_share": np.ones(3),
        "sold_share": month + 1.0,
        "availability_share": month + 1.0,
        "rate_usd_per_gpu_h": CARD,
        "market_rate_usd_per_gpu_h": month + np.nan,
        "fee_usd_per_month": 0.0,
        "due_share": np.ones(1),
        "escalator_share": 0.0,
        "sla_threshold_share": np.zeros(0),
        "sla_credit_share": np.zeros(0),
        "power_cost_usd": month,
        "passthrough_share": 0.0,
        "prepayment_usd": 0.0,
        "prepayment_share": 0.0,
        "signing_month": START,
        "unwind_start_month": START,
        "unwind_end_month": END,
        "earliest_notice_month": START,
        "notice_months": 3.0,
        "notice_share": 0.02,
    }
    return Contract(**{name: np.asarray(value, np.float64) for name, value in (plain | changes).items()})


FILING = {"fee_usd_per_month": 1.25e9, "rate_usd_per_gpu_h": np.zeros(3)}
BUSY = {
    "delivered_gpu_count": _delivered(GPUS, START + 0.5, END - 0.25, 3.0),
    "start_month": START + 0.5,
    "end_month": END - 0.25,
    "available_share": np.array([0.98, 0.95, 1.0]),
    "take_or_pay_share": np.array([0.8, 0.0, 1.0]),
    "sold_share": np.full((3, 40), 0.9),
    "availability_share": np.linspace(0.9, 1.0, 120).reshape(3, 40),
    "market_rate_usd_per_gpu_h": np.linspace(3.0, 1.5, 40) * np.ones((3, 1)),
    "fee_usd_per_month": 1e7,
    "due_share": np.where(np.arange(40) < 3, 0.5, 1.0),
    "escalator_share": 0.03,
    "sla_threshold_share": np.array([0.99, 0.95]),
    "sla_credit_share": np.array([0.1, 0.25]),
    "power_cost_usd": np.full((3, 40), 5e6),
    "passthrough_share": 0.5,
    "prepayment_usd": 1e9,
    "unwind_start_month": START + 12.0,
    "earliest_notice_month": START + 3.5,
    "notice_months": 2.25,
}


def _blended(contract):
    """Revenue per hour billed."""
    found = evaluate_months(contract)
    return found.pool_revenue_usd.sum() / found.billed_gpu_h.sum()


def _headline(contract):
    return evaluate_months(contract).revenue_usd.sum()


def _standing(contract):
    """Firm and expected value."""
    return tuple(np.sum(evaluate_months(contract).revenue_usd * share) for share in standing_shares(contract))


def test_the_card_of_the_story_earns_2_60_over_35_months():
    hours = 24 * 1_066  # 1 July 2026 to 31 May 2029
    assert _headline(make()) == pytest.approx(220e3 * 2.60 * hours, rel=1e-12)
    assert _blended(make()) == pytest.approx(2.60, rel=1e-12)


def test_a_fee_of_1_25_billion_for_35_months_on_90_days_of_notice():
    firm, expected = _standing(make(**FILING))
    assert _headline(make(**FILING)) == pytest.approx(43.75e9, rel=1e-12)
    assert firm == pytest.approx(3.75e9, rel=1e-12)
    assert round(float(expected) / 1e9, 1) == 33.5
    initial, _ = _standing(make(**FILING, earliest_notice_month=START + 3.0, notice_share=0.05))
    assert initial == pytest.approx(7.5e9, rel=1e-12)
    _, likelier = _standing(make(**FILING, notice_share=0.05))
    assert round(float(likelier) / 1e9, 1) == 23.9


def test_the_fee_of_each_month_is_the_sum_of_its_pools_to_the_cent():
    found = evaluate_months(make(**FILING))
    fee = 1.25e9 * covered_share(calendar_month=MONTHS, start_month=START, end_month=END)
    np.testing.assert_allclose(found.pool_revenue_usd.sum(axis=-2), fee, rtol=0, atol=0.005)


def test_the_firm_value_is_below_the_expected_and_that_below_the_headline_value():
    firm, expected = _standing(make(**BUSY))
    assert firm < expected < _headline(make(**BUSY))


def test_cash_and_revenue_of_a_prepaid_contract_have_one_sum():
    found = evaluate_months(make(**BUSY))
    assert found.cash_revenue_usd.sum() == pytest.approx(found.revenue_usd.sum(), rel=1e-13)
    ahead = np.cumsum(found.cash_revenue_usd - found.revenue_usd)
    assert ahead[2] > 0.9e9
    assert abs(ahead[-1]) < 0.01


def test_revenue_is_what_is_earned_less_credits_plus_power():
    found = evaluate_months(make(**BUSY))
    bare = evaluate_months(make(**BUSY | {"availability_share": np.ones((3, 40)), "passthrough_share": 0.0}))
    np.testing.assert_allclose(found.pool_revenue_usd, bare.pool_revenue_usd - found.sla_credit_usd + 2.5e6, rtol=1e-13)
    assert found.sla_credit_usd.max() > 0


def test_hours_beyond_those_owed_follow_the_market_where_there_is_a_price():
    owed = {"take_or_pay_share": np.full(3, 0.5)}
    assert _blended(make(**owed)) == pytest.approx(2.60, rel=1e-12)
    market = make(**owed, market_rate_usd_per_gpu_h=np.full((3, 1), 5.0))
    assert _blended(market) == pytest.approx((2.60 + 5.0) / 2, rel=1e-12)


def test_without_gpus_nothing_is_billed_and_a_fee_is_due_all_the_same():
    none = {"delivered_gpu_count": np.zeros((3, 40))}
    assert _headline(make(**none)) == evaluate_months(make(**none)).billed_gpu_h.sum() == 0
    assert _headline(make(**none, **FILING)) == pytest.approx(43.75e9)


def test_a_rate_of_zero_earns_nothing():
    assert _headline(make(rate_usd_per_gpu_h=np.zeros(3))) == 0


# One path for one contract and for many

NAMES = [field.name for field in fields(Contract)]


def _stacked(contracts):
    return Contract(
        **{name: np.stack(np.broadcast_arrays(*(getattr(one, name) for one in contracts))) for name in NAMES}
    )


def _parts(contract):
    """All that is worked out of a contract, by name."""
    months, (firm, alive) = evaluate_months(contract), standing_shares(contract)
    return {field.name: getattr(months, field.name) for field in fields(Months)} | {"firm": firm, "alive": alive}


def _each(stacked, contracts):
    found, alone = _parts(stacked), [_parts(contract) for contract in contracts]
    for name, value in found.items():
        wanted = np.stack([one[name] for one in alone])
        # A result that no stacked input reaches keeps its own shape.
        np.testing.assert_allclose(np.broadcast_to(value, wanted.shape), wanted, rtol=1e-12, atol=1e-5, err_msg=name)


# Tiers of equal number, so that contracts can be stacked.
TIERS = {"sla_threshold_share": np.zeros(2), "sla_credit_share": np.zeros(2)}


def test_stacked_contracts_give_stacked_statements():
    contracts = [make(**TIERS), make(**FILING, **TIERS), make(**BUSY)]
    _each(_stacked(contracts), contracts)


@pytest.mark.parametrize("name", NAMES)
def test_one_term_stacked_gives_the_statements_of_its_values(name):
    base = make(**BUSY)
    values = [np.asarray(getattr(base, name)) * scale for scale in (1.0, 0.75, 1.25)]
    if name in {"calendar_month", "start_month", "end_month"} or name.endswith("_month"):
        values = [np.asarray(getattr(base, name)) + shift for shift in (0.0, 1.0, 2.0)]
    if name == "notice_share":
        values = [np.asarray(share) for share in (0.0, 0.1, 1.0)]
    stacked = replace(base, **{name: np.stack(values)})
    _each(stacked, [replace(base, **{name: value}) for value in values])


@pytest.mark.parametrize("block", [1, 7, 64, 500])
def test_a_block_of_any_size_gives_the_same_bits(block):
    draw = np.random.default_rng(5)
    rows = 500
    base = make(**BUSY)
    many = replace(
        base,
        start_month=base.start_month + draw.integers(0, 12, rows) / 4,
        rate_usd_per_gpu_h=base.rate_usd_per_gpu_h * draw.lognormal(0.0, 0.2, (rows, 3)),
        sold_share=draw.uniform(0.5, 1.0, (rows, 3, 40)),
        availability_share=draw.uniform(0.9, 1.0, (rows, 3, 40)),
        notice_share=draw.uniform(0.0, 0.1, rows),
        escalator_share=draw.uniform(-0.05, 0.05, rows),
        prepayment_usd=draw.uniform(0.0, 1e9, rows),
    )
    whole = _parts(many)
    parts = [
        _parts(
            replace(
                many,
                **{
                    name: getattr(many, name)[since : since + block]
                    for name in NAMES
                    if getattr(many, name).shape[:1] == (rows,)
                },
            )
        )
        for since in range(0, rows, block)
    ]
    for name, value in whole.items():
        assert np.concatenate([part[name] for part in parts]).tobytes() == value.tobytes(), name


def test_hours_beyond_those_owed_are_sold_at_the_escalated_rate_where_it_holds_for_all():
    owed, sold = (
        evaluate_months(make(escalator_share=0.03, take_or_pay_share=np.full(3, share))) for share in (1.0, 0.0)
    )
    np.testing.assert_allclose(sold.revenue_usd, owed.revenue_usd, rtol=1e-12)
