"""Rate cards as contracts use them: whether card, region, term, price and path are there; each fault with its place."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colocalc.card import TERM_MONTHS, PathKind, Rate, RateCard, find_curve, find_rate, find_surface, offered
from colocalc.catalog import Catalog
from colocalc.deal import Lease
from colocalc.errors import did_you_mean, quoted
from colocalc.fleet import Fleet
from colocalc.references.problems import Path, Problem, near


@dataclass(frozen=True)
class _Use:
    """A contract with the GPUs it holds, where its keys stand, and what is known.

    Attributes
    ----------
    path : tuple
        The contract's place.
    lease : Lease
        Its terms.
    pools : list
        Number, label and GPU of each pool under it; pools of an unknown GPU are left out.
    catalog : Catalog
        What ships, with the fleet's own additions.
    """

    path: Path
    lease: Lease
    pools: Sequence[tuple[int, str, str]]
    catalog: Catalog

    @property
    def gpus(self) -> list[str]:
        """The types of GPU, each once."""
        return list(dict.fromkeys(gpu for _, _, gpu in self.pools))

    @property
    def card_name(self) -> str:
        """The card it is priced by, given or not."""
        return self.lease.rate_card or str(self.catalog.default("lease.rate_card").value)

    @property
    def term(self) -> str:
        """Its term, given or not."""
        return self.lease.term or str(self.catalog.default("lease.term").value)


def card_problems(
    path: Path, lease: Lease, fleet: Fleet, labels: Iterable[str | None], catalog: Catalog
) -> Iterator[Problem]:
    """What is wrong with the cards of a contract: that of its own rate, of its repricing and of the market after it.

    Parameters
    ----------
    path : tuple
        The contract's place.
    lease : Lease
        Its terms.
    fleet : Fleet
        The fleet, for its pools.
    labels : iterable of str or None
        The name of each pool under the contract, None for the others.
    catalog : Catalog
        What ships, with the fleet's own additions.

    Yields
    ------
    Problem
    """
    held = [
        (number, label, gpu)
        for number, (pool, label) in enumerate(zip(fleet.pools, labels, strict=True))
        if label is not None and (gpu := catalog.resolve_gpu(pool.gpu)) is not None
    ]
    use = _Use(path, lease, held, catalog)
    if not (lease.rate_usd_per_gpu_h or lease.fee_usd_per_month):
        yield from _own(use)
    yield from _market(use)
    yield from _repricing(use)


def _own(use: _Use) -> Iterator[Problem]:
    """The card of the contract's rate."""
    found = list(_named(use, use.card_name, (*use.path, "rate_card")))
    if found:
        yield from found
        return
    card = use.catalog.card(use.card_name)
    faults = [*_region(use, card), *_term(use, card, use.term, use.gpus, (*use.path, "term"))]
    yield from faults
    # Of a region or a term that is not there, every price is missing: only GPUs are told that the card does not have.
    told = {rate.gpu for rate in card.rates} if faults else set()
    yield from _prices(use, card, told)


def _named(use: _Use, name: str, place: Path) -> Iterator[Problem]:
    """A card that there is not, or that is empty."""
    if name not in use.catalog.card_names():
        hint = near(name, use.catalog.card_names(), "cards")
        yield Problem(place, f"unknown rate card {quoted(name)}", hint)
    elif not (use.catalog.card(name).rates or use.catalog.card(name).surfaces):
        yield Problem(place, f"card {name} has no rates")


def _region(use: _Use, card: RateCard) -> Iterator[Problem]:
    """A region that a card does not have: a slip of the pen, or nothing that holds everywhere takes its place."""
    region = use.lease.region
    regions = list(dict.fromkeys(rate.region for rate in card.rates if rate.region))
    if region is None or region in regions or not regions:
        return
    if did_you_mean(region, regions) or all(rate.region for rate in card.rates):
        message = f"card {card.name} has no region {quoted(region)}"
        yield Problem((*use.path, "region"), message, near(region, regions))


def _term(use: _Use, card: RateCard, term: str, gpus: Sequence[str], place: Path) -> Iterator[Problem]:
    """A term that none of a card's prices has; a card with one term is used for that, and a surface has no terms."""
    terms = sorted({rate.term for rate in card.rates}, key=lambda one: TERM_MONTHS.get(one, 0.0))
    by_surface = bool(gpus) and all(find_surface(card, gpu) is not None for gpu in gpus)
    if len(terms) > 1 and term not in terms and not by_surface:
        said = "" if use.lease.term or place[-2:-1] in {("market",), ("repricing",)} else ", which is assumed"
        message = f"card {card.name} has no {term} rates{said}"
        yield Problem(place, message, f"it has {', '.join(terms)}")


def _prices(use: _Use, card: RateCard, told: Container[str]) -> Iterator[Problem]:
    """The pools whose GPU a card does not price, and surfaces that lack what they ask for."""
    lease, where = use.lease, f" in {use.lease.region}" if use.lease.region else ""
    for number, label, gpu in use.pools:
        plain = find_rate(card, gpu_id=gpu, term=use.term, region=lease.region)
        if find_surface(card, gpu) is not None and lease.prepayment is not None and lease.prepayment.amount_usd:
            message = f"card {card.name} prices {gpu} by the share of fees that is prepaid: give revenue_share"
            yield Problem((*use.path, "prepayment", "amount_usd"), message)
            return
        if plain is None and find_surface(card, gpu) is None and gpu not in told:
            message = f"pool {label}: card {card.name} has no {use.term} rate for {gpu}{where}"
            hint = f"it has {offered(card, gpu)}; give rate_usd_per_gpu_h or another card"
            yield Problem(("pools", number, "gpu"), message, hint)


def _market(use: _Use) -> Iterator[Problem]:
    """The card of the market after the contract."""
    market = use.lease.market
    if market is None or market.rate_card is None:
        return
    place = (*use.path, "market")
    term = market.term or str(use.catalog.default("lease.term").value)
    yield from _followed(use, market.rate_card, term, market.path, place)


def _repricing(use: _Use) -> Iterator[Problem]:
    """The card whose price the contract's rate follows."""
    clause = use.lease.repricing
    if clause is None:
        return
    name = clause.rate_card or use.card_name
    if clause.rate_card is None and name not in use.catalog.card_names():
        return  # told already
    yield from _followed(use, name, clause.term or use.term, clause.path, (*use.path, "repricing"))


def _followed(use: _Use, name: str, term: str, path: PathKind | None, place: Path) -> Iterator[Problem]:
    """A card whose price, or whose prices by month, are taken."""
    found = list(_named(use, name, (*place, "rate_card")))
    if found:
        yield from found
        return
    card = use.catalog.card(name)
    if path == "terms":
        yield from _curves(use, card, (*place, "path"))
        return
    found = list(_term(use, card, term, (), (*place, "term")))
    if found:
        yield from found
        return
    for gpu in use.gpus:
        rate = find_rate(card, gpu_id=gpu, term=term, region=use.lease.region)
        if rate is None:
            own = "market.rate_usd_per_gpu_h or " if place[-1] == "market" else ""
            hint = f"it has {offered(card, gpu)}; give {own}another card"
            yield Problem((*place, "rate_card"), f"card {card.name} has no {term} rate for {gpu}", hint)
        elif path == "points":
            yield from _points(use, card, rate, (*place, "path"))


def _points(use: _Use, card: RateCard, rate: Rate, place: Path) -> Iterator[Problem]:
    """A price without other dates, and dates without a calendar."""
    if not rate.points:
        message = f"card {card.name} has no points for {rate.gpu}, {rate.term}"
        yield Problem(place, message, "give the rate points, each with a date and a rate; or path: terms")
    elif not use.lease.start:
        yield Problem(place, "points have dates, and the contract has none", f"give {_dotted(use.path)}.start")
    elif rate.rate_usd_per_gpu_h.value == 0.0:
        yield Problem(place, f"card {card.name} has a rate of 0 for {rate.gpu}, {rate.term}: nothing can follow it")


def _curves(use: _Use, card: RateCard, place: Path) -> Iterator[Problem]:
    """Prices by term that imply nothing, or a price below nothing."""
    for gpu in use.gpus:
        curve = find_curve(card, gpu_id=gpu, region=use.lease.region)
        if len(curve) < 2:
            known = f"{curve[0].term} alone" if curve else "none"
            message = f"card {card.name} has too few terms for {gpu}: {known}"
            yield Problem(place, message, "prices by month are between two terms, such as spot and 1-year")
        for shorter, longer in pairwise(curve):
            before, after = (one.rate_usd_per_gpu_h.value * TERM_MONTHS[one.term] for one in (shorter, longer))
            if after <= before:
                message = f"card {card.name} asks less for {longer.term} of {gpu} than for {shorter.term}, all fees"
                yield Problem(place, message, "no price of the months between has both")


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
