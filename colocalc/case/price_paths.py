"""Prices by month from a card: its dated points, or what its rates by term imply; and a rate that follows them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from colocalc.arrays import Array, as_array
from colocalc.card import TERM_MONTHS, PathKind, Rate, RateCard, find_curve, find_rate, first_day
from colocalc.case.card_rates import missing_rate, rate_key
from colocalc.case.ledger import Ledger
from colocalc.case.pools import Pools
from colocalc.deal import MOST_MONTHS, Lease
from colocalc.lease.forward import forward_rate_usd_per_gpu_h
from colocalc.lease.months import month_number
from colocalc.lease.path import point_rate_usd_per_gpu_h, repriced_rate_usd_per_gpu_h, repricing_month

_TOPIC: Final = "lease"
_MOST_BETWEEN = 120  # from one repricing to the next
_MID_MONTH = 0.5

_Prices = Callable[[Array], Array]  # the price at instants in calendar months


@dataclass(frozen=True)
class _Path:
    """The prices of a GPU in time, and the instant of the last one that is known."""

    at: _Prices
    last_month: float


def repriced_rates(
    path: str,
    lease: Lease,
    covered: Sequence[int],
    start_month: float,
    rate_usd_per_gpu_h: Array,
    pools: Pools,
    ledger: Ledger,
    *,
    several: bool,
) -> Array:
    """The rate of each pool of a contract in each month from that of its start, ``(pool, month)``.

    The last month holds on. NaN for other pools; no months for a contract that is not repriced.
    """
    clause = lease.repricing
    if clause is None:
        return no_months(pools)
    card = ledger.catalog.card(clause.rate_card or _own_card(lease, ledger))
    own_term = lease.term or _default_term(ledger)
    term = clause.term or own_term
    own_card = lease.rate_usd_per_gpu_h is None and card.name == _own_card(lease, ledger)
    course = _Course(card, clause.path, term, lease, start_month, own_term if own_card else None, several)
    every = as_array(ledger.number(f"{path}.repricing.every_months", clause.every_months, _TOPIC))
    paths = {place: _path(course, pools, place, ledger) for place in covered}
    calendar = _calendar(start_month, max(one.last_month for one in paths.values()) + _MOST_BETWEEN)
    last = repricing_month(calendar_month=calendar, start_month=start_month, repricing_months=every)
    found = {
        place: repriced_rate_usd_per_gpu_h(
            rate_usd_per_gpu_h=rate_usd_per_gpu_h[..., place],
            start_price_usd_per_gpu_h=one.at(as_array([start_month]))[..., 0],
            last_price_usd_per_gpu_h=one.at(last),
            next_price_usd_per_gpu_h=one.at(last + every),
            calendar_month=calendar,
            next_month=last + every,
        )
        for place, one in paths.items()
    }
    ledger.remark(f"{path} is repriced every {float(every):g} months along {_words(card, clause.path, term)}", _TOPIC)
    return _over_pools(found, pools, calendar)


def market_prices(
    path: str, lease: Lease, covered: Sequence[int], start_month: float, pools: Pools, ledger: Ledger
) -> Array:
    """The market's price of each pool in each month from that of the contract's start, ``(pool, month)``.

    The last month holds on. NaN for other pools; no months where the market has no path.
    """
    market = lease.market
    if market is None or market.path is None:
        return no_months(pools)
    card = ledger.catalog.card(market.rate_card or "")
    term = market.term or _default_term(ledger)
    course = _Course(card, market.path, term, lease, start_month, None, several=True)
    paths = {place: _path(course, pools, place, ledger) for place in covered}
    calendar = _calendar(start_month, max(one.last_month for one in paths.values()) + 1.0)
    # The mean of a straight line over a month is its middle; forward prices are those of the month that begins.
    middle = _MID_MONTH if market.path == "points" else 0.0
    ledger.remark(f"the market after {path} pays {_words(card, market.path, term)}", _TOPIC)
    return _over_pools({place: one.at(calendar + middle) for place, one in paths.items()}, pools, calendar)


def no_months(pools: Pools) -> Array:
    """A course of prices that nothing follows."""
    return _sealed(np.ones((len(pools.names), 0)))


def _sealed(made: Array) -> Array:
    made.setflags(write=False)
    return made


def _own_card(lease: Lease, ledger: Ledger) -> str:
    return lease.rate_card or str(ledger.catalog.default("lease.rate_card").value)


def _default_term(ledger: Ledger) -> str:
    return str(ledger.catalog.default("lease.term").value)


def _words(card: RateCard, kind: PathKind, term: str) -> str:
    if kind == "terms":
        return f"the prices that the terms of card {card.name} imply"
    return f"the dated prices of card {card.name}, {_used_term(card, term)}"


def _used_term(card: RateCard, term: str) -> str:
    terms = {rate.term for rate in card.rates}
    return next(iter(terms)) if len(terms) == 1 else term


def _calendar(start_month: float, until_month: float) -> Array:
    first = float(np.floor(start_month))
    count = min(max(np.ceil(until_month - first), 1.0), MOST_MONTHS)
    return as_array(first + np.arange(count))


def _over_pools(found: Mapping[int, Array], pools: Pools, calendar: Array) -> Array:
    made = np.full((len(pools.names), calendar.shape[-1]), np.nan)
    for place, prices in found.items():
        made[place] = prices
    return _sealed(made)


@dataclass(frozen=True)
class _Course:
    """Which prices of a card are followed, by a contract from its start on.

    ``own_term`` is the term that the contract's own rate has on that card, whose number both share; None where the
    contract is priced in another way. ``several`` is whether other contracts take other rates of the card.
    """

    card: RateCard
    kind: PathKind
    term: str
    lease: Lease
    start_month: float
    own_term: str | None
    several: bool

    def key(self, rate: Rate) -> str:
        """The path of a rate among the assumptions."""
        card, gpu, region = self.card, rate.gpu, self.lease.region
        is_own = self.own_term and find_rate(card, gpu_id=gpu, term=self.own_term, region=region) is rate
        return f"{rate_key(card, rate, several=self.several or not is_own)}.rate_usd_per_gpu_h"

    def price(self, rate: Rate, ledger: Ledger) -> float:
        """What a rate of the card is."""
        note = f"{rate.term}, as of {rate.as_of or self.card.as_of}"
        return ledger.fact(self.key(rate), rate.rate_usd_per_gpu_h, _TOPIC, note=note)


def _path(course: _Course, pools: Pools, place: int, ledger: Ledger) -> _Path:
    gpu, region = pools.gpus[place].id, course.lease.region
    if course.kind == "terms":
        return _implied(course, find_curve(course.card, gpu_id=gpu, region=region), ledger)
    rate = find_rate(course.card, gpu_id=gpu, term=course.term, region=region)
    if rate is None:
        raise missing_rate(pools.names[place], gpu, course.card, course.term)
    return _dated(course, rate, ledger)


def _dated(course: _Course, rate: Rate, ledger: Ledger) -> _Path:
    """A line through the rate at its own date and its points."""
    known = {rate.as_of or course.card.as_of: course.price(rate, ledger)}
    for point in rate.points:
        note = ". ".join(part for part in (f"{rate.term}, {point.kind}", point.note) if part)
        key = f"{rate_key(course.card, rate, several=True)}.points.{point.date}.rate_usd_per_gpu_h"
        known[point.date] = ledger.fact(key, point.rate_usd_per_gpu_h, _TOPIC, note=note)
    days = sorted(known, key=first_day)
    prices, instants = as_array([known[one] for one in days]), as_array([instant(one) for one in days])
    return _Path(
        lambda at: point_rate_usd_per_gpu_h(point_usd_per_gpu_h=prices, point_month=instants, at_month=at),
        float(instants[-1]),
    )


def _implied(course: _Course, curve: Sequence[Rate], ledger: Ledger) -> _Path:
    """What the rates of a GPU by term imply of the months between them, from the day of the card or of the start."""
    quoted_month = instant(course.card.as_of) if course.lease.start else course.start_month
    rates = [course.price(rate, ledger) for rate in curve]
    lengths = [TERM_MONTHS[rate.term] for rate in curve]

    def at(instants: Array) -> Array:
        found = forward_rate_usd_per_gpu_h(
            term_rate_usd_per_gpu_h=rates,
            term_months=lengths,
            elapsed_months=np.maximum(instants - quoted_month, 0.0),
        )
        return np.maximum(found, 0.0)  # a price that is drawn may not become negative

    return _Path(at, quoted_month + lengths[-1])


def instant(day: str) -> float:
    """The instant a date of a card begins, in calendar months."""
    year, month, of_month = first_day(day)
    return float(month_number(calendar_yr=year, month_of_year_count=month, day_of_month_count=of_month))
