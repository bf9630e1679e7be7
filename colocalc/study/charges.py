"""What each contract would bill by pool and month: use, hours owed and unused, power, service credits, prepayments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, LeaseCase, Terms
from colocalc.study.deal import ContractMonths, Deal

Kind = Literal["used", "unused", "power", "credit", "market", "prepayment"]


@dataclass(frozen=True)
class Charge:
    """One line of a forecast bill.

    Attributes
    ----------
    calendar_month : float
        Calendar month since the year 0, whole.
    contract : int
        Place of the contract in the case.
    pool : int or None
        Place of the pool; None for a prepayment, which is of the whole contract.
    kind : str
        Hours used, or owed and unused; power passed on; a service credit; hours the market buys after the contract;
        cash paid ahead.
    gpu_h : float
        GPU-hours billed; 0 for what is not billed by hours.
    billed_usd, effective_usd : float
        What is to be paid in this month, and what is earned in it: a prepayment is paid once and earned as it is
        credited.
    """

    calendar_month: float
    contract: int
    pool: int | None
    kind: Kind
    gpu_h: float
    billed_usd: float
    effective_usd: float


def charges(case: Case, deal: Deal) -> tuple[Charge, ...]:
    """Every charge of a case without scenarios, by month, contract and pool; what is nothing is left out.

    What is earned adds up to the fees of the contracts and what the market pays, what is billed to the cash from both.
    """
    lease = case.lease
    if lease is None:
        return ()
    parts = zip(case.terms, deal.contracts, strict=True)
    found = [
        charge for place, (terms, months) in enumerate(parts) for charge in _contract(place, terms, months, lease, deal)
    ]
    return tuple(sorted(found, key=lambda charge: (charge.calendar_month, charge.contract)))


def _contract(place: int, terms: Terms, months: ContractMonths, lease: LeaseCase, deal: Deal) -> Iterator[Charge]:
    paid = float(terms.prepaid_usd + terms.prepaid_share * np.sum(months.revenue_usd))
    signing = deal.calendar_month == np.floor(float(terms.start_month))
    if paid > 0.0:
        for month in deal.calendar_month[signing]:
            yield Charge(float(month), place, None, "prepayment", 0.0, paid, 0.0)
    # What of a month's fees is paid out of the prepayment is billed no more.
    credited = months.revenue_usd + np.where(signing, paid, 0.0) - months.cash_usd
    some = months.revenue_usd > 0.0
    due = np.where(some, 1.0 - credited / np.where(some, months.revenue_usd, 1.0), 1.0)
    for pool in terms.pools:
        yield from _pool(place, pool, months, lease, deal.calendar_month, due)


def _pool(
    place: int, pool: int, months: ContractMonths, lease: LeaseCase, calendar: Array, due: Array
) -> Iterator[Charge]:
    billed = float(lease.billed_share[pool])
    used = float(lease.used_share[pool]) / billed if billed > 0.0 else 1.0
    used = min(used, 1.0)
    power, credit = months.pool_passthrough_usd[pool], months.pool_credit_usd[pool]
    fees = months.pool_revenue_usd[pool] - power + credit
    hours = months.pool_contract_gpu_h[pool]
    none = np.zeros_like(calendar)
    kinds: tuple[tuple[Kind, Array, Array, Array], ...] = (
        ("used", hours * used, fees * used, due),
        ("unused", hours * (1.0 - used), fees * (1.0 - used), due),
        ("power", none, power, due),
        ("credit", none, -credit, due),
        ("market", months.pool_market_gpu_h[pool], months.pool_market_usd[pool], np.ones_like(calendar)),
    )
    for kind, gpu_h, earned, share in kinds:
        for at in np.flatnonzero((gpu_h > 0.0) | (earned != 0.0)):
            yield Charge(
                float(calendar[at]),
                place,
                pool,
                kind,
                float(gpu_h[at]),
                float(earned[at] * share[at]),
                float(earned[at]),
            )
