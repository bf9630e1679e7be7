"""Contracts, costs and the stated loss lowered: a rate and a billed share per pool, with where each rate came from."""

from dataclasses import dataclass
from typing import NamedTuple

from colocalc.arrays import Array
from colocalc.card import RateCard, find_rate, offered
from colocalc.case.ledger import Ledger, array, scalar
from colocalc.case.pools import Pools
from colocalc.deal import Costs, Lease
from colocalc.errors import ColocalcError
from colocalc.figure import Figure
from colocalc.fleet import Fleet
from colocalc.lease.rates import billed_share


@dataclass(frozen=True, eq=False)
class LeaseCase:
    """Every contract on the fleet; arrays are ``(..., pool)`` and, for fees, ``(..., contract)``.

    ``contract_index`` is -1 for a pool under no contract. A pool under a fee has a NaN rate: its rate is the fee's.
    ``used_share`` is below ``billed_share`` where hours are owed and not used. ``rate_terms`` and ``rate_dates`` are
    those of a card's price, empty for a rate or a fee of the contract's own.
    """

    contract_names: tuple[str, ...]
    contract_index: tuple[int, ...]
    rate_usd_per_gpu_h: Array
    billed_share: Array
    used_share: Array
    fee_usd_per_month: Array
    rate_sources: tuple[str, ...]
    rate_terms: tuple[str, ...]
    rate_dates: tuple[str, ...]
    cards: tuple[str, ...]
    card_notes: tuple[str, ...]


class _Price(NamedTuple):
    """The rate of a pool, the words for where it comes from, and the term and date of a card's price."""

    rate_usd_per_gpu_h: float
    source: str
    term: str = ""
    as_of: str = ""


@dataclass(frozen=True, eq=False)
class CostCase:
    """Yearly cash costs, each ``(...,)``; NaN where not given and zero counts as none.

    Shares of a year are of the hardware's capital, insurance of all capital.
    """

    operations_usd_per_yr: Array
    colocation_usd_per_kw_month: Array
    demand_charge_usd_per_kw_month: Array
    maintenance_share_per_yr: Array
    replacement_share_per_yr: Array
    insurance_share_per_yr: Array


@dataclass(frozen=True, eq=False)
class LossCase:
    """The loss a lease is set against."""

    loss_usd: Array
    loss_months: Array
    contains: frozenset[str]


def lower_lease(fleet: Fleet, pools: Pools, ledger: Ledger) -> LeaseCase | None:
    """The contracts of a fleet; None when it has none."""
    contracts: list[tuple[str, str, Lease, tuple[str, ...]]] = []
    if fleet.lease is not None:
        contracts = [("lease", "lease", fleet.lease, pools.names)]
    else:
        contracts = [(f"contracts.{one.name}", one.name, one, one.pools) for one in fleet.contracts]
    if not contracts:
        return None
    places = {name: place for place, name in enumerate(pools.names)}
    index = [-1] * len(pools.names)
    prices = [_Price(float("nan"), "")] * len(pools.names)
    shares = [(0.0, 0.0)] * len(pools.names)
    fees: list[float] = []
    cards: list[RateCard] = []
    for number, (path, _, lease, names) in enumerate(contracts):
        share = _billed_share(path, lease, ledger)
        fees.append(_fee(path, lease, ledger))
        card = _card(path, lease, ledger) if _priced_by_card(lease) else None
        cards += [card] if card else []
        priced: dict[str, _Price] = {}  # each GPU type is looked up once
        for pool in (places[name] for name in names):
            gpu = pools.gpus[pool].id
            if gpu not in priced:
                priced[gpu] = _rate(path, lease, card, pools, pool, ledger)
            index[pool], shares[pool], prices[pool] = number, share, priced[gpu]
    return LeaseCase(
        contract_names=tuple(name for _, name, _, _ in contracts),
        contract_index=tuple(index),
        rate_usd_per_gpu_h=array(*(price.rate_usd_per_gpu_h for price in prices)),
        billed_share=array(*(billed for billed, _ in shares)),
        used_share=array(*(used for _, used in shares)),
        fee_usd_per_month=array(*fees),
        rate_sources=tuple(price.source for price in prices),
        rate_terms=tuple(price.term for price in prices),
        rate_dates=tuple(price.as_of for price in prices),
        cards=tuple(dict.fromkeys(card.name for card in cards)),
        card_notes=tuple(dict.fromkeys(card.note for card in cards if card.note)),
    )


def _priced_by_card(lease: Lease) -> bool:
    return lease.rate_usd_per_gpu_h is None and lease.fee_usd_per_month is None


def _billed_share(path: str, lease: Lease, ledger: Ledger) -> tuple[float, float]:
    """Shares of all GPU-hours billed and used: of those offered, the larger of sold and owed, and those sold."""
    key = f"{path}.available_share"
    offered_share = ledger.number(key, lease.available_share, "lease", "hedge", default="lease.available_share")
    if lease.sold_share is None and lease.take_or_pay_share is None:
        billed = ledger.number(
            f"{path}.billed_share", lease.billed_share, "lease", "hedge", default="lease.billed_share"
        )
        return offered_share * billed, offered_share * billed
    sold, floor = (
        ledger.number(f"{path}.{name}", getattr(lease, name) or Figure(0.0), "lease", "hedge")
        for name in ("sold_share", "take_or_pay_share")
    )
    return offered_share * float(billed_share(sold_share=sold, take_or_pay_share=floor)), offered_share * sold


def _fee(path: str, lease: Lease, ledger: Ledger) -> float:
    return ledger.number(f"{path}.fee_usd_per_month", lease.fee_usd_per_month, "lease", "hedge")


def _card(path: str, lease: Lease, ledger: Ledger) -> RateCard:
    name = ledger.word(f"{path}.rate_card", lease.rate_card, "lease", "hedge", default="lease.rate_card")
    return ledger.catalog.card(name)


def _rate(path: str, lease: Lease, card: RateCard | None, pools: Pools, pool: int, ledger: Ledger) -> _Price:
    """The rate of one pool, and where it comes from."""
    if lease.fee_usd_per_month is not None:
        return _Price(float("nan"), "monthly fee")
    if card is None:
        key = f"{path}.rate_usd_per_gpu_h"
        return _Price(ledger.number(key, lease.rate_usd_per_gpu_h, "lease", "hedge"), "the contract's rate")
    gpu = pools.gpus[pool]
    term = ledger.word(f"{path}.term", lease.term, "lease", default="lease.term")
    rate = find_rate(card, gpu_id=gpu.id, term=term, region=lease.region)  # type: ignore[arg-type]
    if rate is None:
        raise missing_rate(pools.names[pool], gpu.id, card, term)
    if rate.term != term:
        ledger.remark(f"card {card.name} has one term, {rate.term}: it is used for the lease's {term}", "lease")
    if card.kind == "owning-cost":
        ledger.remark(f"card {card.name} holds owning costs, not rents", "lease", "hedge", kind="warning")
    regions = {one.region for one in card.rates if (one.gpu, one.term) == (gpu.id, rate.term)}
    chosen = len(regions) > 1 and rate.region is not None
    if chosen and lease.region is None:
        ledger.remark(
            f"card {card.name} prices {gpu.id} by region: {rate.region} is used; {path}.region chooses another", "lease"
        )
    as_of = rate.as_of or card.as_of
    price = ledger.fact(
        f"cards.{card.name}.{gpu.id}.rate_usd_per_gpu_h",
        rate.rate_usd_per_gpu_h,
        "lease",
        "hedge",
        note=". ".join(part for part in (f"{rate.term}, as of {as_of}", rate.note) if part),
    )
    where = f", {rate.region}" if chosen else ""
    return _Price(price, f"{card.name}, {rate.term}{where}, {as_of}", rate.term, as_of)


def missing_rate(pool: str, gpu_id: str, card: RateCard, term: str) -> ColocalcError:
    """The error for a GPU a card has no rate for: never a rate of zero."""
    return ColocalcError(
        f"pool {pool}: card {card.name} has no {term} rate for {gpu_id}; it has {offered(card, gpu_id)}",
        hint="give lease.rate_usd_per_gpu_h or another card",
    )


def lower_costs(fleet: Fleet, ledger: Ledger) -> CostCase:
    """The yearly cash costs a lease has to carry."""
    costs = fleet.costs or Costs()

    def asked(name: str) -> Array:
        return scalar(ledger.number(f"costs.{name}", getattr(costs, name), "lease", "hedge"))

    def known(name: str) -> Array:
        return scalar(ledger.number(f"costs.{name}", getattr(costs, name), "lease", "hedge", default=f"costs.{name}"))

    return CostCase(
        operations_usd_per_yr=asked("operations_usd_per_yr"),
        colocation_usd_per_kw_month=asked("colocation_usd_per_kw_month"),
        demand_charge_usd_per_kw_month=known("demand_charge_usd_per_kw_month"),
        maintenance_share_per_yr=known("maintenance_share_per_yr"),
        replacement_share_per_yr=known("replacement_share_per_yr"),
        insurance_share_per_yr=known("insurance_share_per_yr"),
    )


def lower_loss(fleet: Fleet, ledger: Ledger) -> LossCase | None:
    """The stated loss; None when the file states none."""
    finance = fleet.finance
    if finance is None or finance.loss_usd is None:
        return None
    return LossCase(
        loss_usd=scalar(ledger.number("finance.loss_usd", finance.loss_usd, "hedge")),
        loss_months=scalar(
            ledger.number("finance.loss_months", finance.loss_months, "hedge", default="finance.loss_months")
        ),
        contains=frozenset(finance.loss_contains),
    )
