"""What every report shares: metrics of its families, notes of its topics, assumptions and the titles of sources."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from colocalc.case import Assumption as CaseAssumption
from colocalc.case import Case
from colocalc.metrics import METRICS, base_id, family_of, unit_suffix
from colocalc.report.table import Assumption, Column, Note, Report, Table, cited_sources
from colocalc.study.evaluate import Result
from colocalc.units import MONTHS_PER_YEAR

if TYPE_CHECKING:
    from colocalc.catalog import Catalog

# What typically moves a result most stands first; within that, assumed figures before what the file gives.
_ORDER = {"assumed": 0, "given": 1, "derived": 2, "catalog": 3}
_LEVERAGE = (
    "reliability.",
    "software.",
    "mfu.shape_share",
    "gpus.",
    "mfu.",
    "pools.",
    "cards.",
    "lease.",
    "contracts.",
    "finance.",
    "sites.",
    "costs.",
    "inference.",
    "owning.",
    "training.",
    "jobs.",
    "networks.",
)
_CONVENTION = "convention"


def number(value: object) -> float | None:
    """One scenario's number out of an array, None for NaN."""
    found = float(value)  # type: ignore[arg-type]
    return None if found != found else found + 0.0  # noqa: PLR0124 - NaN is unlike itself; no zero has a sign


def counted(count: int, noun: str) -> str:
    """A number of things in words: ``1 pool``, ``3 pools``."""
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def assemble(
    command: str,
    *,
    case: Case,
    result: Result,
    catalog: "Catalog",
    families: Sequence[str],
    topics: Iterable[str],
    tables: Sequence[Table],
    headline: Sequence[str],
    notes: Sequence[Note] = (),
) -> Report:
    """A report of one command: its tables, and the metrics, notes and assumptions that belong to it.

    Parameters
    ----------
    command : str
        The command.
    case, result : Case, Result
        What was evaluated.
    catalog : Catalog
        For the titles of sources.
    families : sequence of str
        First parts of the metric ids to carry, such as ``lease``.
    topics : iterable of str
        Whose assumptions and remarks to carry.
    tables, headline, notes : sequences
        What the command shows.
    """
    wanted = set(topics)

    def belongs(metric_id: str) -> bool:
        return family_of(metric_id) in families

    metrics = {name: float(value) for name, value in result.metrics.items() if belongs(name)}
    undefined = {name: why for name, why in result.undefined.items() if belongs(name)}
    taken = [row for row in case.assumptions if row.topics & wanted]
    remarks = [Note(remark.text, remark.kind) for remark in case.remarks if remark.topics & wanted]
    assumptions = tuple(_assumption(row) for row in _in_order(taken, case))
    report = Report(
        command=command,
        title=f"{case.title or case.name}",
        fleet=case.name,
        scenario=case.scenario,
        metrics=metrics,
        undefined=undefined,
        units={name: unit_suffix(name) for name in (*metrics, *undefined)},
        tables=tuple(tables),
        headline=tuple(headline),
        notes=(*notes, *sorted(remarks, key=lambda note: note.kind != "warning")),
        assumptions=assumptions,
    )
    return replace(report, source_titles=source_titles(report, catalog), data_date=_newest(report, catalog))


def _newest(report: Report, catalog: "Catalog") -> str:
    """The date of the newest source that a report cites; empty where it cites none."""
    cited = (name for name in cited_sources(report) if name in catalog.sources)
    return max((str(catalog.sources[name].date) for name in cited), default="")


_TOPICS = ("mfu", "lease", "hedge", "h100e", "choice", "inference")
# What each recovery policy does not use.
_IDLE = {
    "job": ("replica_stall_s", "hot_spare_stall_s", "replica_repair_s"),
    "replica": ("restart_s", "hot_spare_stall_s"),
    "hot-spare": ("restart_s", "replica_stall_s", "replica_repair_s"),
}


def _in_order(rows: Sequence[CaseAssumption], case: Case) -> list[CaseAssumption]:
    """What matters most first: each part of a report in turn, then facts of the catalog, then what has no effect."""
    idle = {f"reliability.{name}" for job in case.jobs[:1] for name in _IDLE[job.isolation]}
    tiers: list[list[CaseAssumption]] = [[], [], []]
    for row in sorted(rows, key=_weight):
        fact = row.origin == "catalog" and not row.path.startswith("cards.")
        tiers[2 if row.path in idle or row.source == _CONVENTION else 1 if fact else 0].append(row)
    return [row for tier in tiers for row in _interleaved(tier)]


def _interleaved(rows: Sequence[CaseAssumption]) -> list[CaseAssumption]:
    """Rows of each topic in turn, so that a report of several parts begins with what matters to each of them."""
    piles = [[row for row in rows if _first_topic(row) == topic] for topic in _TOPICS]
    turns = zip_longest(*(pile for pile in piles if pile))
    return [row for turn in turns for row in turn if row is not None]


def _first_topic(row: CaseAssumption) -> str:
    """What a row matters to most: a number that only one part uses belongs to that part."""
    return next(topic for topic in ("lease", "hedge", "mfu", "h100e", "choice", "inference") if topic in row.topics)


def _weight(row: CaseAssumption) -> tuple[bool, int, int]:
    rank = next((place for place, start in enumerate(_LEVERAGE) if row.path.startswith(start)), len(_LEVERAGE))
    return row.source == _CONVENTION, rank, _ORDER[row.origin]


def _assumption(row: CaseAssumption) -> Assumption:
    return Assumption(row.path, row.value, row.unit, row.low, row.high, row.source, row.origin, row.note)


def source_titles(report: Report, catalog: "Catalog") -> dict[str, str]:
    """Title and date of each source that the assumptions and tables of a report cite."""
    return {
        name: f"{catalog.sources[name].title} ({catalog.sources[name].date}, {catalog.sources[name].kind})"
        for name in cited_sources(report)
        if name in catalog.sources
    }


def metric_table(key: str, title: str, names: Sequence[str], result: Result, caption: str = "") -> Table:
    """Metrics one to a row, each in its own unit; an undefined one shows why."""
    rows = []
    for name in names:
        value = result.metrics.get(name)
        note = METRICS[base_id(name)].meaning if value is not None else result.undefined.get(name, "")
        rows.append((name, None if value is None else number(value), unit_suffix(name), note))
    columns = (
        Column("metric", "Metric", kind="text"),
        Column("value", "Value", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("meaning", "Meaning", kind="text"),
    )
    return Table(key, title, columns, tuple(rows), caption=caption)


def month_name(calendar_month: float) -> str:
    """Year and month of months counted from year 0: ``2026-05``."""
    return f"{int(calendar_month // MONTHS_PER_YEAR):04d}-{int(calendar_month % MONTHS_PER_YEAR) + 1:02d}"
