"""Contracts, costs and the stated loss lowered: a rate and a billed share per pool, with where each rate came from."""

from dataclasses import dataclass

from colocalc.arrays import Array
from colocalc.card import RateCard
from colocalc.case.card_rates import Asked, Priced, cards_of_several_rates, priced
from colocalc.case.ledger import Ledger, array, scalar
from colocalc.case.pools import Pools
from colocalc.deal import Costs, Lease
from colocalc.figure import Figure
from colocalc.fleet import Fleet
from colocalc.lease.rates import billed_share


@dataclass(frozen=True, eq=False)
class LeaseCase:
    """Every contract on the fleet; arrays are ``(..., pool)`` and, for fees, ``(..., contract)``.

    ``contract_index`` is -1 for a pool under no contract. A pool under a fee has a NaN rate: its rate is the fee's.
    ``used_share`` is below ``billed_share`` where hours are owed and not used. ``rate_sources`` says in words where
    each rate comes from, and ``rate_paths`` which assumptions it is computed from. ``rate_terms`` and ``rate_dates``
    are those of a card's price, empty for a rate or a fee of the contract's own.
    """

    contract_names: tuple[str, ...]
    contract_index: tuple[int, ...]
    rate_usd_per_gpu_h: Array
    billed_share: Array
    used_share: Array
    fee_usd_per_month: Array
    rate_sources: tuple[str, ...]
    rate_paths: tuple[tuple[str, ...], ...]
    rate_terms: tuple[str, ...]
    rate_dates: tuple[str, ...]
    cards: tuple[str, ...]
    card_notes: tuple[str, ...]


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
    shares = [(0.0, 0.0)] * len(pools.names)
    found = [_NO_RATE] * len(pools.names)
    fees: list[float] = []
    cards: list[RateCard] = []
    several = cards_of_several_rates(lease for _, _, lease, _ in contracts)
    for number, (path, _, lease, names) in enumerate(contracts):
        share = _billed_share(path, lease, ledger)
        fees.append(_fee(path, lease, ledger))
        card = _card(path, lease, ledger) if _priced_by_card(lease) else None
        cards += [card] if card else []
        held: dict[str, float] = {}  # volume is that of a GPU type over all pools of a contract
        for pool in (places[name] for name in names):
            held[pools.gpus[pool].id] = held.get(pools.gpus[pool].id, 0.0) + float(pools.gpu_count[pool])
        known: dict[str, Priced] = {}  # each GPU type is looked up once
        for pool in (places[name] for name in names):
            gpu = pools.gpus[pool].id
            if gpu not in known:
                known[gpu] = _rate(
                    Asked(path, lease, pools.names[pool], gpu, held[gpu], lease.rate_card in several), card, ledger
                )
            index[pool], shares[pool], found[pool] = number, share, known[gpu]
    return LeaseCase(
        contract_names=tuple(name for _, name, _, _ in contracts),
        contract_index=tuple(index),
        rate_usd_per_gpu_h=array(*(one.rate_usd_per_gpu_h for one in found)),
        billed_share=array(*(billed for billed, _ in shares)),
        used_share=array(*(used for _, used in shares)),
        fee_usd_per_month=array(*fees),
        rate_sources=tuple(one.words for one in found),
        rate_paths=tuple(one.paths for one in found),
        rate_terms=tuple(one.term for one in found),
        rate_dates=tuple(one.as_of for one in found),
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


def _rate(asked: Asked, card: RateCard | None, ledger: Ledger) -> Priced:
    """The rate of a GPU under a contract: a fee has none, the contract's own goes before a card."""
    if asked.lease.fee_usd_per_month is not None:
        return Priced(float("nan"), "monthly fee", ())
    if card is not None:
        return priced(asked, card, ledger)
    key = f"{asked.path}.rate_usd_per_gpu_h"
    return Priced(ledger.number(key, asked.lease.rate_usd_per_gpu_h, "lease", "hedge"), "the contract's rate", (key,))


_NO_RATE = Priced(float("nan"), "", ())


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
