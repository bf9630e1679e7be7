"""The H100-equivalents report: every basis, per pool and in total, and a warning where units are mixed."""

from collections.abc import Iterator

import numpy as np

from colocalc.case import Case
from colocalc.metrics import H100E_BASES
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import number
from colocalc.study.equivalents import EquivalentsResult
from colocalc.study.evaluate import Result
from colocalc.units import text

DEFAULT_BASIS = "eight_bit_dense"


def headline(case: Case, equivalents: EquivalentsResult) -> tuple[str, ...]:
    """The fleet in H100-equivalents on the default basis, and the range over all bases."""
    counts = [number(value) for value in equivalents.count.values()]
    known = [count for count in counts if count is not None]
    main = number(equivalents.count[DEFAULT_BASIS])
    total = float(np.sum(case.pools.gpu_count))
    if main is None:
        return (f"{text(total, 'count')} GPUs; the default basis has no figure for some of them.",)
    share = number(equivalents.total_share[DEFAULT_BASIS])
    stated = text(number(case.equivalents.total_h100e_count), "count")
    of_total = f", {text(share, 'share')} of the stated {stated}" if share is not None else ""
    basis = f"{DEFAULT_BASIS}: {H100E_BASES[DEFAULT_BASIS]}"
    return (
        f"{text(total, 'count')} GPUs are {text(main, 'count')} H100-equivalents ({basis}){of_total}.",
        *_range(known, len(counts)),
    )


def _range(known: list[float], count: int) -> tuple[str, ...]:
    """How far the bases that are defined lie apart, where they do."""
    if min(known) == max(known):
        return ()
    which = "all bases" if len(known) == count else f"the {len(known)} bases defined, of {count}"
    return (f"Over {which}: {text(min(known), 'count')} to {text(max(known), 'count')}.",)


def tables(case: Case, result: Result, equivalents: EquivalentsResult) -> tuple[Table, ...]:
    """Totals by basis, and equivalents of each pool by basis."""
    return (_totals(case, result, equivalents), _per_pool(case, equivalents))


def _totals(case: Case, result: Result, equivalents: EquivalentsResult) -> Table:
    rows = []
    for basis, meaning in H100E_BASES.items():
        missing = result.undefined.get(f"h100e.{basis}_count")
        rounds = case.equivalents.rounds.get(basis, "")
        rows.append(
            (
                basis,
                number(equivalents.count[basis]),
                number(equivalents.total_share[basis]),
                number(equivalents.per_mw[basis]),
                missing or meaning,
                rounds,
            )
        )
    columns = (
        Column("basis", "Basis", kind="text"),
        Column("h100e_count", "H100e", "count"),
        Column("total_share", "Of stated", "share"),
        Column("h100e_per_mw", "Per MW", "per_mw"),
        Column("meaning", "Meaning", kind="text", wide=True),
        Column("rounds", "Rounds used", kind="text", wide=True),
    )
    caption = " ".join(("One H100e is one H100 SXM on the same basis.", *_why_undefined(result)))
    return Table("h100e", "H100-equivalents by basis", columns, tuple(rows), caption=caption)


def _why_undefined(result: Result) -> list[str]:
    """A sentence for each reason that leaves a basis without a count."""
    reasons: dict[str, list[str]] = {}
    for basis in H100E_BASES:
        why = result.undefined.get(f"h100e.{basis}_count")
        if why is not None:
            reasons.setdefault(why.replace(basis, "such"), []).append(basis)
    return [f"Undefined, {why}: {', '.join(bases)}." for why, bases in reasons.items()]


def _per_pool(case: Case, equivalents: EquivalentsResult) -> Table:
    """Bases down and pools across while they fit a page, else a row for each pool and basis."""
    if len(case.pools.names) > _POOLS_ACROSS:
        return Table("h100e_pools", "By pool", _LONG, tuple(_long_rows(case, equivalents)))
    columns = [Column("basis", "Basis", kind="text")]
    for name in case.pools.names:
        columns += [
            Column(f"{name}_count", name, "count"),
            Column(f"{name}_factor", f"{name} per GPU", "factor", wide=True),
        ]
    rows = []
    for basis in H100E_BASES:
        cells: list[object] = [basis]
        for place in range(len(case.pools.names)):
            cells += [number(equivalents.pool_count[basis][place]), number(equivalents.factor[basis][place])]
        rows.append(tuple(cells))
    return Table("h100e_pools", "By pool", tuple(columns), tuple(rows))


_POOLS_ACROSS = 8
_LONG = (
    Column("pool", "Pool", kind="text"),
    Column("basis", "Basis", kind="text"),
    Column("h100e_factor", "Per GPU", "factor"),
    Column("h100e_count", "H100e", "count"),
)


def _long_rows(case: Case, equivalents: EquivalentsResult) -> Iterator[tuple[object, ...]]:
    for place, name in enumerate(case.pools.names):
        for basis in H100E_BASES:
            factor, count = equivalents.factor[basis][place], equivalents.pool_count[basis][place]
            yield name, basis, number(factor), number(count)


def warnings(case: Case, equivalents: EquivalentsResult) -> tuple[Note, ...]:
    """A GPU count divided by a total of equivalents, which is no share of anything."""
    raw, share = number(equivalents.total_share["raw"]), number(equivalents.total_share[DEFAULT_BASIS])
    count, main = number(equivalents.count["raw"]), number(equivalents.count[DEFAULT_BASIS])
    if raw is None or count == main:
        return ()
    stated = text(number(case.equivalents.total_h100e_count), "count")
    consistent = (
        f"in one unit it is {text(share, 'share')} ({DEFAULT_BASIS})" if share is not None else "the units differ"
    )
    return (
        Note(
            f"mixed units: {text(count, 'count')} GPUs / {stated} H100-equivalents = {text(raw, 'share')} divides GPUs "
            f"by equivalents; {consistent}",
            "warning",
        ),
    )
