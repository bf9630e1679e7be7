"""What a GPU-hour costs on a card under a contract: by term and region, by volume tier, or by term and prepayment."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from colocalc.card import TERM_MONTHS, Rate, RateCard, Surface, Tier, find_rate, find_surface, offered, tier_of
from colocalc.case.ledger import Ledger
from colocalc.deal import Lease
from colocalc.errors import ColocalcError
from colocalc.lease.surface import (
    extra_discount_share,
    prepay_score_share,
    surface_rate_usd_per_gpu_h,
    term_score_share,
)
from colocalc.units import text

_TOPICS: Final = ("lease", "hedge")


@dataclass(frozen=True)
class Priced:
    """The rate of a GPU under a contract, where it comes from in words, and the assumptions it is computed from.

    ``term`` and ``as_of`` are those of a card's price, empty for a rate or a fee of the contract's own.
    """

    rate_usd_per_gpu_h: float
    words: str
    paths: tuple[str, ...]
    term: str = ""
    as_of: str = ""


@dataclass(frozen=True)
class Asked:
    """What is priced: a pool's GPU, under a contract, and how many of that GPU the contract holds.

    Attributes
    ----------
    path : str
        The contract's place in the file.
    lease : Lease
        Its terms.
    pool, gpu_id : str
        The pool, for messages, and its GPU.
    gpu_count : float
        GPUs of that type in all pools of the contract.
    several : bool
        Whether other contracts take other rates of the same card, so that numbers are told apart by term and region.
    """

    path: str
    lease: Lease
    pool: str
    gpu_id: str
    gpu_count: float
    several: bool


def cards_of_several_rates(leases: Iterable[Lease]) -> frozenset[str | None]:
    """Names of the cards, None for the default, that contracts use at several terms or in several regions."""
    uses: dict[str | None, set[tuple[str | None, str | None]]] = {}
    for lease in leases:
        if lease.rate_usd_per_gpu_h is None and lease.fee_usd_per_month is None:
            uses.setdefault(lease.rate_card, set()).add((lease.term, lease.region))
    return frozenset(name for name, found in uses.items() if len(found) > 1)


def rate_key(card: RateCard, rate: Rate, *, several: bool) -> str:
    """The path among the assumptions of what belongs to a contract's rate."""
    place = f".{rate.term}{f'.{rate.region}' if rate.region else ''}" if several else ""
    return f"cards.{card.name}.{rate.gpu}{place}"


def by_surface(card: RateCard, gpu_id: str, lease: Lease, term: str) -> Surface | None:
    """The surface a contract is priced by: it prepays, or the card has nothing else for the GPU; None otherwise."""
    surface = find_surface(card, gpu_id)
    if surface is None or lease.prepayment is not None:
        return surface
    return surface if find_rate(card, gpu_id=gpu_id, term=term, region=lease.region) is None else None


def priced(asked: Asked, card: RateCard, ledger: Ledger) -> Priced:
    """The rate of a GPU under a contract.

    Raises
    ------
    ColocalcError
        When the card has none, naming pool and GPU: never a rate of zero.
    """
    lease = asked.lease
    term = ledger.word(f"{asked.path}.term", lease.term, "lease", default="lease.term")
    if card.kind == "owning-cost":
        ledger.remark(f"card {card.name} holds owning costs, not rents", *_TOPICS, kind="warning")
    surface = by_surface(card, asked.gpu_id, lease, term)
    if surface is not None:
        return _of_surface(asked, surface, card, term, ledger)
    rate = find_rate(card, gpu_id=asked.gpu_id, term=term, region=lease.region)
    if rate is None:
        raise missing_rate(asked.pool, asked.gpu_id, card, term)
    if rate.term != term:
        ledger.remark(f"card {card.name} has one term, {rate.term}: it is used for the lease's {term}", "lease")
    where = _region(asked, rate, card, ledger)
    as_of = rate.as_of or card.as_of
    key = rate_key(card, rate, several=asked.several)
    note = ". ".join(part for part in (f"{rate.term}, as of {as_of}", rate.note) if part)
    tier = _tier(asked, rate, card, ledger)
    if tier is not None:
        return _of_tier(tier, rate, card, key, where, note, ledger)
    base = f"{key}.rate_usd_per_gpu_h"
    price = ledger.fact(base, rate.rate_usd_per_gpu_h, *_TOPICS, note=note)
    return Priced(price, f"{card.name}, {rate.term}{where}, {as_of}", (base,), rate.term, as_of)


def missing_rate(pool: str, gpu_id: str, card: RateCard, term: str) -> ColocalcError:
    """The error for a GPU a card has no rate for: never a rate of zero."""
    return ColocalcError(
        f"pool {pool}: card {card.name} has no {term} rate for {gpu_id}; it has {offered(card, gpu_id)}",
        hint="give lease.rate_usd_per_gpu_h or another card",
    )


def _region(asked: Asked, rate: Rate, card: RateCard, ledger: Ledger) -> str:
    """The words for the region of a rate, where the card has others; a note where it was not asked for."""
    wanted, known = asked.lease.region, {one.region for one in card.rates}
    regions = {one.region for one in card.rates if (one.gpu, one.term) == (asked.gpu_id, rate.term)}
    if len(regions) > 1 and rate.region is not None and wanted is None:
        choose = f"{asked.path}.region chooses another"
        ledger.remark(f"card {card.name} prices {asked.gpu_id} by region: {rate.region} is used; {choose}", "lease")
    if wanted is not None and rate.region is None and known != {None}:
        ledger.remark(
            f"card {card.name} has no price of {asked.gpu_id} in {wanted}: that of any region is used", "lease"
        )
    return f", {rate.region}" if len(regions) > 1 and rate.region is not None else ""


def _tier(asked: Asked, rate: Rate, card: RateCard, ledger: Ledger) -> Tier | None:
    """The volume tier that a contract's GPUs of one type reach together, with a note on which."""
    if not rate.tiers:
        return None
    tier = tier_of(rate, asked.gpu_count)
    held = f"{text(asked.gpu_count, 'count')} {asked.gpu_id} under {asked.path}"
    if tier is None:
        first = text(rate.tiers[0].from_gpu_count, "count")
        ledger.remark(f"{held}: below the first volume tier of card {card.name}, from {first}", "lease")
        return None
    ledger.remark(f"{held}: volume tier of card {card.name} from {_from(tier)}", "lease")
    return tier


def _from(tier: Tier) -> str:
    return f"{text(tier.from_gpu_count, 'count')} GPUs"


def _of_tier(tier: Tier, rate: Rate, card: RateCard, key: str, where: str, note: str, ledger: Ledger) -> Priced:
    as_of = tier.as_of or rate.as_of or card.as_of
    own = f"{key}.tiers.{tier.from_gpu_count:.0f}"
    said = ". ".join(part for part in (f"{rate.term}, from {_from(tier)}, as of {as_of}", tier.note) if part)
    words = f"{card.name}, {rate.term}{where}, from {_from(tier)}, {as_of}"
    if tier.rate_usd_per_gpu_h is not None:
        path = f"{own}.rate_usd_per_gpu_h"
        price = ledger.fact(path, tier.rate_usd_per_gpu_h, *_TOPICS, note=said)
        return Priced(price, words, (path,), rate.term, as_of)
    base, path = f"{key}.rate_usd_per_gpu_h", f"{own}.discount_share"
    price = ledger.fact(base, rate.rate_usd_per_gpu_h, *_TOPICS, note=note)
    off = ledger.fact(path, tier.discount_share, *_TOPICS, note=said)
    return Priced(price * (1.0 - off), words, (base, path), rate.term, as_of)


_PARTS: Final = (
    "ceiling_usd_per_gpu_h",
    "floor_usd_per_gpu_h",
    "term_weight_share",
    "prepay_weight_share",
    "term_from_months",
    "term_to_months",
    "prepay_from_share",
    "prepay_to_share",
    "extra_discount_share",
)


def _of_surface(asked: Asked, surface: Surface, card: RateCard, term: str, ledger: Ledger) -> Priced:
    """The rate at the term and the prepayment of a contract."""
    lease, key = asked.lease, f"cards.{card.name}.{asked.gpu_id}.surface"
    as_of = surface.as_of or card.as_of
    names = [name for name in _PARTS if getattr(surface, name) is not None]
    parts = {
        name: ledger.fact(f"{key}.{name}", getattr(surface, name), *_TOPICS, note=_said(surface, name, as_of))
        for name in names
    }
    prepaid_key, months_key = f"{asked.path}.prepayment.revenue_share", f"{asked.path}.months"
    prepaid = ledger.number(
        prepaid_key,
        lease.prepayment.revenue_share if lease.prepayment else None,
        *_TOPICS,
        default="lease.prepayment.revenue_share",
    )
    months = ledger.number(months_key, lease.months, *_TOPICS)
    if lease.months is None:
        months = TERM_MONTHS.get(term, 0.0)
    rate = surface_rate(parts, months=months, prepaid_share=prepaid)
    length = f"{months:g} months" if months else term
    words = f"{card.name}, {length}, {text(prepaid, 'share')} prepaid, {as_of}"
    ledger.remark(f"card {card.name} prices {asked.gpu_id} by term and prepayment: {words.split(', ', 1)[1]}", "lease")
    asked_paths = (prepaid_key, months_key if lease.months is not None else f"{asked.path}.term")
    return Priced(rate, words, (*(f"{key}.{name}" for name in names), *asked_paths), term, as_of)


def _said(surface: Surface, name: str, as_of: str) -> str:
    noted = getattr(surface, name).note or surface.note
    return ". ".join(part for part in (f"by term and prepayment, as of {as_of}", noted) if part)


def surface_rate(parts: dict[str, float], *, months: float, prepaid_share: float) -> float:
    """The rate of a surface, given by its numbers, at a term and a prepayment."""
    return float(
        surface_rate_usd_per_gpu_h(
            ceiling_usd_per_gpu_h=parts["ceiling_usd_per_gpu_h"],
            floor_usd_per_gpu_h=parts["floor_usd_per_gpu_h"],
            term_weight_share=parts["term_weight_share"],
            prepay_weight_share=parts["prepay_weight_share"],
            term_score_share=term_score_share(
                committed_months=months,
                term_from_months=parts["term_from_months"],
                term_to_months=parts["term_to_months"],
            ),
            prepay_score_share=prepay_score_share(
                prepaid_share=prepaid_share,
                prepay_from_share=parts["prepay_from_share"],
                prepay_to_share=parts["prepay_to_share"],
            ),
            extra_discount_share=extra_discount_share(
                prepaid_share=prepaid_share,
                prepay_to_share=parts["prepay_to_share"],
                most_extra_discount_share=parts.get("extra_discount_share", 0.0),
            ),
        )
    )


def surface_table(surface: Surface, months: tuple[float, ...], shares: tuple[float, ...]) -> list[list[float]]:
    """The rates of a surface, prepayments down and terms across."""
    given = {name: getattr(surface, name) for name in _PARTS}
    parts = {name: float(figure.value) for name, figure in given.items() if figure is not None}
    return [[surface_rate(parts, months=term, prepaid_share=share) for term in months] for share in shares]
