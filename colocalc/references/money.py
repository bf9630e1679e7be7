"""What contracts and debt need of each other: terms, markets, calendars and lives; each fault with its place."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from colocalc.catalog import Catalog
from colocalc.deal import MOST_MONTHS, Debt, Depreciation, Lease, Market
from colocalc.figure import Figure
from colocalc.fleet import Fleet
from colocalc.references.problems import Path, Problem
from colocalc.units import MONTHS_PER_YEAR

# The property classes that the tax code has tables for.
_CLASSES_YR = (3.0, 5.0, 7.0, 10.0, 15.0, 20.0)


@dataclass(frozen=True)
class _Span:
    """When a contract begins and ends, in months, and when what the market pays after it does."""

    path: Path
    lease: Lease
    start: float
    months: float
    market_months: float

    @property
    def end(self) -> float:
        return self.start + self.months + self.market_months


def money_problems(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    """Every rule of money that needs two parts of the file.

    Parameters
    ----------
    fleet : Fleet
        A valid definition.
    catalog : Catalog
        What ships, with the fleet's own additions.

    Yields
    ------
    Problem
    """
    found = leases(fleet)
    for path, lease in found:
        yield from _market(path, lease)
        yield from _within_the_term(path, lease)
    spans = [span for path, lease in found for span in _spans(path, lease, catalog)]
    mixed = list(_some_dated(found))
    yield from mixed or _calendar(spans)
    if fleet.debt is not None:
        yield from _debt(fleet.debt)
        yield from _tenor(fleet.debt, found, [] if mixed else spans)
        if spans and len(spans) == len(found) and not mixed:
            yield from _built(fleet, fleet.debt, spans, catalog)
    if fleet.depreciation is not None:
        yield from _tax_life(fleet.depreciation, catalog)


def leases(fleet: Fleet) -> list[tuple[Path, Lease]]:
    """Every contract of a fleet with its place."""
    found: list[tuple[Path, Lease]] = [(("lease",), fleet.lease)] if fleet.lease else []
    return [*found, *((("contracts", number), contract) for number, contract in enumerate(fleet.contracts))]


def _market(path: Path, lease: Lease) -> Iterator[Problem]:
    """A market that runs and has no price."""
    market = lease.market
    if market and market.months and market.months.value > 0.0 and not (market.rate_card or market.rate_usd_per_gpu_h):
        hint = "give market.rate_usd_per_gpu_h or market.rate_card"
        yield Problem((*path, "market", "months"), "missing: what the market pays meanwhile", hint)


def _within_the_term(path: Path, lease: Lease) -> Iterator[Problem]:
    """A ramp, a notice or a credit that the contract is over before."""
    if len(lease.ramp_share) > MOST_MONTHS:
        message = f"has {len(lease.ramp_share):,} months, more than {MOST_MONTHS:,.0f}"
        yield Problem((*path, "ramp_share"), message, "the last share holds to the end")
    if lease.months is None:
        return
    months = lease.months.value
    hint = f"{_dotted(path)}.months is {months:,.0f}"
    if lease.ramp_months and lease.ramp_months.value > months:
        yield Problem((*path, "ramp_months"), "is longer than the contract", hint)
    if MOST_MONTHS >= len(lease.ramp_share) > months:
        message = f"has {len(lease.ramp_share):,} months, more than the contract"
        yield Problem((*path, "ramp_share"), message, hint)
    after = lease.notice.after_months if lease.notice else None
    if after and after.value > months:
        yield Problem((*path, "notice", "after_months"), "is longer than the contract", hint)
    first = lease.prepayment.credited_from_yr if lease.prepayment else None
    last = -(-months // MONTHS_PER_YEAR)
    if first and first.value > last:
        place = (*path, "prepayment", "credited_from_yr")
        yield Problem(place, f"is after the contract's last year, year {last:,.0f}", hint)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _some_dated(found: list[tuple[Path, Lease]]) -> Iterator[Problem]:
    """Contracts without a start beside one that has it: nobody knows which comes first."""
    dated = next((path for path, lease in found if lease.start), None)
    for path, lease in found:
        if dated is not None and not lease.start:
            hint = "give every contract a start, or none"
            yield Problem(path, f"missing: start, which {_dotted(dated)} has", hint)


def _spans(path: Path, lease: Lease, catalog: Catalog) -> Iterator[_Span]:
    """The longest that a contract may run by its figures; none where it does not say how long."""
    if lease.months is None:
        return
    market = lease.market or Market()
    after = _most(market.months, catalog, "lease.market.months")
    gap = _most(market.gap_months, catalog, "lease.market.gap_months")
    yield _Span(path, lease, _month(lease.start), _top(lease.months), after + gap if after > 0.0 else 0.0)


def _most(figure: Figure[Any] | None, catalog: Catalog, key: str) -> float:
    return float(catalog.default(key).value) if figure is None else _top(figure)


def _top(figure: Figure[Any]) -> float:
    return max(float(value) for value in (figure.value, figure.high) if value is not None)


def _month(day: str | None) -> float:
    """Months from the year 0 to a date; 0 without one."""
    if not day:
        return 0.0
    given = [int(part) for part in day.split("-")]
    year, month, of_month = (*given, *(1, 1, 1)[len(given) :])
    return year * MONTHS_PER_YEAR + month - 1.0 + (of_month - 1.0) / monthrange(year, month)[1]


def _calendar(spans: list[_Span]) -> Iterator[Problem]:
    """More months than flows are kept for, from the first start to the end of the last market."""
    if not spans:
        return
    first = min(span.start for span in spans)
    last = max(spans, key=lambda span: span.end)
    if (months := last.end - first) > MOST_MONTHS:
        place: Path = ("months",)
        hint: str | None = "a contract of 5 years has 60 months"
        if last.market_months > last.months:
            market = last.lease.market or Market()
            place = ("market", "months" if market.months is not None else "gap_months")
        elif last.months <= MOST_MONTHS and last.lease.start:
            place, hint = ("start",), None
        message = f"ends {months:,.0f} months after the first start, more than {MOST_MONTHS:,.0f}"
        yield Problem((*last.path, *place), message, hint)


def _debt(debt: Debt) -> Iterator[Problem]:
    """Debt that nothing says the size of."""
    if debt.target_dscr_factor is not None:
        return
    if debt.sizing == "dscr":
        yield Problem(("debt", "sizing"), "needs debt.target_dscr_factor", "give it, or sizing: amount")
    elif debt.sizing is None and debt.advance_rate_share is None:
        hint = "give target_dscr_factor, advance_rate_share, or sizing: amount with amount_usd"
        yield Problem(("debt",), "missing: how much is borrowed", hint, at_key=True)


def _tenor(debt: Debt, found: list[tuple[Path, Lease]], spans: list[_Span]) -> Iterator[Problem]:
    """Debt that is due after all that pays for it, or of contracts that do not say how long they run."""
    for path, lease in found:
        if lease.months is None:
            yield Problem(path, "missing: months, which debt needs", "debt is repaid from fees by month")
    if not spans or len(spans) < len(found):
        return
    months = max(span.end for span in spans) - min(span.start for span in spans)
    if debt.tenor_months is not None and debt.tenor_months.value > months:
        message = f"is longer than contracts and market, which end after {months:,.0f} months"
        yield Problem(("debt", "tenor_months"), message, "lengthen market.months of a contract, or shorten the tenor")


def _built(fleet: Fleet, debt: Debt, spans: list[_Span], catalog: Catalog) -> Iterator[Problem]:
    """Debt that is due before the last server is paid for: while it is drawn nothing is repaid."""
    if debt.tenor_months is None:
        return
    given = fleet.finance.periods if fleet.finance else None
    periods = given or str(catalog.default("finance.periods").value)
    months = 1.0 if periods == "monthly" else MONTHS_PER_YEAR
    first = min(span.start for span in spans) // 1.0
    built = max(_last_delivery_month(span, first) for span in spans) // months
    if _up(debt.tenor_months.value / months) > built:
        return
    after = f"{built * months:,.0f} months"
    message = f"is over before the fleet is built: servers are paid for, and debt drawn, until {after} after the start"
    yield Problem(("debt", "tenor_months"), message, "lengthen the tenor, or shorten the ramp")


def _last_delivery_month(span: _Span, first: float) -> float:
    """The month, counted from the first, at whose beginning the last servers of a contract are paid for."""
    start, lease = span.start - first, span.lease
    if lease.ramp_share:
        steps = enumerate(zip((0.0, *lease.ramp_share), lease.ramp_share, strict=False))
        return (start + max((place for place, (before, after) in steps if after > before), default=0)) // 1.0
    ramp = lease.ramp_months.value if lease.ramp_months else 0.0
    return max(_up(start + ramp) - 1.0, start // 1.0)


def _up(value: float) -> float:
    # Rounding of dates may leave a trace of a month that is none.
    return -(-(value - 1e-9) // 1.0)


def _tax_life(book: Depreciation, catalog: Catalog) -> Iterator[Problem]:
    """A life the tax code has no table for."""
    method = book.tax_method or str(catalog.default("depreciation.tax_method").value)
    life = book.tax_life_yr
    if method != "macrs" or life is None:
        return
    given = (value for value in (life.value, life.low, life.high) if value is not None)
    if any(value not in _CLASSES_YR for value in given):
        message = "should be one of 3, 5, 7, 10, 15, 20 with tax_method macrs"
        yield Problem(
            ("depreciation", "tax_life_yr"), message, "computers are of 5 years; or tax_method: straight-line"
        )
