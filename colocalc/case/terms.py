"""The terms of each contract lowered: its calendar, deliveries, notice, prepayment, credits and the market after it."""

from dataclasses import dataclass
from typing import Final

from colocalc.arrays import Array
from colocalc.card import find_rate
from colocalc.case.card_rates import cards_of_several_rates, missing_rate, rate_key
from colocalc.case.leases import LeaseCase
from colocalc.case.ledger import Ledger, array, scalar
from colocalc.case.pools import Pools
from colocalc.case.price_paths import market_prices, repriced_rates
from colocalc.deal import Lease
from colocalc.figure import Definition
from colocalc.fleet import Fleet
from colocalc.lease.months import month_number
from colocalc.lease.termination import NEVER_MONTHS

_TOPIC: Final = "lease"
_NO_DATE = (1, 1, 1)  # a year without 29 February: contracts without a start are counted in years of 8,760 hours


@dataclass(frozen=True, eq=False)
class Terms:
    """One contract; each number is ``(...,)`` unless it says otherwise.

    Attributes
    ----------
    name : str
        ``lease``, or the contract's.
    pools : tuple of int
        Places of the pools that it covers.
    start_month, months : ndarray (...)
        When it starts and how long it runs; months are NaN where not given.
    ramp_months : ndarray (...)
        Time until all GPUs are delivered, evenly.
    ramp_share : ndarray (..., step)
        Share delivered at the start of each month instead; empty where not given.
    escalator_share_per_yr, power_passthrough_share : ndarray (...)
        Step of the price each year, and share of the power bill that the tenant pays on top.
    prepaid_share, prepaid_usd, credited_from_yr, credited_to_yr : ndarray (...)
        What is paid at signing, as a share of all fees or in dollars, and the contract years it is credited in.
    availability_share, promised_share, sla_credit_share : ndarray (...)
        Service credits; a credit of 0 without a promise.
    notice_months, earliest_notice_month, notice_share : ndarray (...)
        The right to leave; notice is endless where there is none.
    market_rate_usd_per_gpu_h : ndarray (..., pool)
        What GPUs earn when no contract holds them; NaN where not given.
    repriced_usd_per_gpu_h, market_path_usd_per_gpu_h : ndarray (..., pool, month)
        The rate of a contract that follows a price, and what the market pays, by month from the one the contract starts
        in; the last holds on. No months where there is no such path, NaN for pools of other contracts.
    market_change_share_per_yr, market_sold_share, gap_months, market_months : ndarray (...)
        How that rate moves, how many hours are sold at it, after which gap and for how long after the term.
    """

    name: str
    pools: tuple[int, ...]
    start_month: Array
    months: Array
    ramp_months: Array
    ramp_share: Array
    escalator_share_per_yr: Array
    power_passthrough_share: Array
    prepaid_share: Array
    prepaid_usd: Array
    credited_from_yr: Array
    credited_to_yr: Array
    availability_share: Array
    promised_share: Array
    sla_credit_share: Array
    notice_months: Array
    earliest_notice_month: Array
    notice_share: Array
    market_rate_usd_per_gpu_h: Array
    repriced_usd_per_gpu_h: Array
    market_path_usd_per_gpu_h: Array
    market_change_share_per_yr: Array
    market_sold_share: Array
    gap_months: Array
    market_months: Array


@dataclass(frozen=True, eq=False)
class _Known:
    """What every contract's terms are lowered from."""

    fleet: Fleet
    pools: Pools
    rate_usd_per_gpu_h: Array
    several: frozenset[str | None]
    ledger: Ledger


def lower_terms(fleet: Fleet, pools: Pools, rates: LeaseCase | None, ledger: Ledger) -> tuple[Terms, ...]:
    """The terms of every contract of a fleet; none without a lease."""
    if rates is None:
        return ()
    places = {name: place for place, name in enumerate(pools.names)}
    several = cards_of_several_rates(fleet.contracts)
    known = _Known(fleet, pools, rates.rate_usd_per_gpu_h, several, ledger)
    if fleet.lease is not None:
        return (_terms("lease", "lease", fleet.lease, tuple(places.values()), known),)
    return tuple(
        _terms(f"contracts.{one.name}", one.name, one, tuple(places[name] for name in one.pools), known)
        for one in fleet.contracts
    )


def is_dated(fleet: Fleet) -> bool:
    """Whether any contract has a start, so that months are those of the calendar and leap years have their day."""
    return any(one.start for one in (*fleet.contracts, *((fleet.lease,) if fleet.lease else ())))


def _terms(path: str, name: str, lease: Lease, covered: tuple[int, ...], known: _Known) -> Terms:
    fleet, pools, ledger = known.fleet, known.pools, known.ledger

    def number(key: str, figure: object) -> float:
        return ledger.number(f"{path}.{key}", figure, _TOPIC, default=f"lease.{key}")  # type: ignore[arg-type]

    start = _month(lease.start or "")
    prepaid, sla, notice = lease.prepayment, lease.sla, lease.notice
    sold = _of_block(
        f"{path}.market", lease.market, ("change_share_per_yr", "sold_share", "gap_months", "months"), ledger
    )
    after = number("notice.after_months", notice.after_months) if notice else 0.0
    # Notice of a contract that runs already can be given today at the earliest.
    today = _month(fleet.as_of or "") if lease.start and fleet.as_of else start
    values = {
        "start_month": start,
        "months": ledger.number(f"{path}.months", lease.months, _TOPIC),
        "ramp_months": number("ramp_months", lease.ramp_months),
        "escalator_share_per_yr": number("escalator_share_per_yr", lease.escalator_share_per_yr),
        "power_passthrough_share": number("power_passthrough_share", lease.power_passthrough_share),
        "prepaid_share": number("prepayment.revenue_share", prepaid.revenue_share if prepaid else None),
        "prepaid_usd": number("prepayment.amount_usd", prepaid.amount_usd if prepaid else None),
        **_of_block(f"{path}.prepayment", prepaid, ("credited_from_yr", "credited_to_yr"), ledger),
        "availability_share": number("sla.availability_share", sla.availability_share) if sla else 1.0,
        "promised_share": number("sla.promised_share", sla.promised_share) if sla else 0.0,
        "sla_credit_share": number("sla.credit_share", sla.credit_share) if sla else 0.0,
        "notice_months": number("notice.months", notice.months) if notice else NEVER_MONTHS,
        "earliest_notice_month": max(start + after, today),
        "notice_share": number("notice.share_per_month", notice.share_per_month) if notice else 0.0,
        "market_change_share_per_yr": sold["change_share_per_yr"],
        "market_sold_share": sold["sold_share"],
        "gap_months": sold["gap_months"],
        "market_months": sold["months"],
    }
    return Terms(
        name=name,
        pools=covered,
        ramp_share=array(*lease.ramp_share),
        repriced_usd_per_gpu_h=repriced_rates(
            path,
            lease,
            covered,
            start,
            known.rate_usd_per_gpu_h,
            pools,
            ledger,
            several=lease.rate_card in known.several,
        ),
        **_market(path, lease, covered, start, pools, ledger),
        **{key: scalar(value) for key, value in values.items()},
    )


def _of_block(path: str, block: Definition | None, names: tuple[str, ...], ledger: Ledger) -> dict[str, float]:
    """The numbers of a block of a contract; the defaults, which nobody asks for, where it has none."""
    default = f"lease.{path.rpartition('.')[2]}"
    if block is None:
        return {name: float(ledger.catalog.default(f"{default}.{name}").value) for name in names}
    return {
        name: ledger.number(f"{path}.{name}", getattr(block, name), _TOPIC, default=f"{default}.{name}")
        for name in names
    }


def _month(day: str) -> float:
    """The instant a date begins; a month or a year begins with its first day."""
    given = [int(part) for part in day.split("-")] if day else []
    year, month, of_month = (*given, *_NO_DATE[len(given) :])
    return float(month_number(calendar_yr=year, month_of_year_count=month, day_of_month_count=of_month))


def _market(
    path: str, lease: Lease, covered: tuple[int, ...], start: float, pools: Pools, ledger: Ledger
) -> dict[str, Array]:
    """What the market pays for each pool of a contract, level or by month; NaN elsewhere and where nobody says it."""
    prices = market_prices(path, lease, covered, start, pools, ledger)
    level = prices[..., 0] if prices.shape[-1] else _market_rates(path, lease, covered, pools, ledger)
    return {"market_rate_usd_per_gpu_h": level, "market_path_usd_per_gpu_h": prices}


def _market_rates(path: str, lease: Lease, covered: tuple[int, ...], pools: Pools, ledger: Ledger) -> Array:
    """The market's rate of each pool of a contract, NaN elsewhere and where the file says none."""
    rates = [float("nan")] * len(pools.names)
    market = lease.market
    if market is None or (market.rate_card is None and market.rate_usd_per_gpu_h is None):
        return array(*rates)
    for place in covered:
        gpu = pools.gpus[place]
        if market.rate_usd_per_gpu_h is not None:
            rates[place] = ledger.number(f"{path}.market.rate_usd_per_gpu_h", market.rate_usd_per_gpu_h, _TOPIC)
            continue
        card = ledger.catalog.card(market.rate_card or "")
        term = market.term or str(ledger.catalog.default("lease.term").value)
        rate = find_rate(card, gpu_id=gpu.id, term=term, region=lease.region)
        if rate is None:
            raise missing_rate(pools.names[place], gpu.id, card, term)
        key = f"{rate_key(card, rate, several=True)}.rate_usd_per_gpu_h"
        rates[place] = ledger.fact(key, rate.rate_usd_per_gpu_h, _TOPIC, note=f"the market's, {rate.term}")
    return array(*rates)
