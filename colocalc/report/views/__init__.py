"""Views: results turned into reports, one function per command."""

from collections.abc import Sequence

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.report.table import Column, Note, Report, Table
from colocalc.report.views import catalog as catalog_view
from colocalc.report.views import h100e as h100e_view
from colocalc.report.views import lease as lease_view
from colocalc.report.views import mfu as mfu_view
from colocalc.report.views.common import assemble, counted
from colocalc.study.check import Checked
from colocalc.study.evaluate import NEEDS, Result
from colocalc.study.training import Alternative

__all__ = ["check", "h100e", "hedge", "lease", "mfu", "report"]


def mfu(case: Case, result: Result, catalog: Catalog, *, others: Sequence[Alternative], command: str = "mfu") -> Report:
    """How much of the peak becomes useful training, and which mechanism takes what."""
    training = result.training
    return assemble(
        command,
        case=case,
        result=result,
        catalog=catalog,
        families=("mfu", "fleet"),
        topics=("mfu",),
        tables=mfu_view.tables(case, training, others) if training else (),
        headline=mfu_view.headline(case, training) if training else (f"MFU is undefined: {NEEDS['training']}.",),
        notes=mfu_view.warnings(case, training) if training else (),
    )


def lease(
    case: Case, result: Result, catalog: Catalog, *, notes: Sequence[str] = (), cards: Sequence[str] = ()
) -> Report:
    """Revenue by GPU type, cost and contribution; first the rate cards asked for."""
    found = result.lease
    shown = [catalog_view.card_table(catalog.card(name)) for name in cards]
    return assemble(
        "lease",
        case=case,
        result=result,
        catalog=catalog,
        families=("lease", "fleet"),
        topics=("lease",),
        tables=(*shown, *(lease_view.tables(case, result, found) if found else ())),
        headline=lease_view.headline(found) if found else (f"The lease is undefined: {NEEDS['lease']}.",),
        notes=(*map(Note, notes), *(lease_view.warnings(case, found) if found else ())),
    )


def hedge(case: Case, result: Result, catalog: Catalog) -> Report:
    """Which part of a stated loss the lease covers, and the rate that covers all of it."""
    found = result.hedge
    missing = NEEDS["lease"] if result.lease is None else NEEDS["loss"]
    return assemble(
        "hedge",
        case=case,
        result=result,
        catalog=catalog,
        families=("hedge", "lease", "fleet"),
        topics=("hedge",),
        tables=(lease_view.hedge_table(result, found),) if found else (),
        headline=lease_view.hedge_headline(found) if found else (f"The hedge is undefined: {missing}.",),
        notes=tuple(Note(line, "warning") for line in lease_view.contract_warnings(case, result.lease))
        if result.lease
        else (),
    )


def h100e(case: Case, result: Result, catalog: Catalog) -> Report:
    """The fleet in H100-equivalents on every basis, and the share of a stated total."""
    return assemble(
        "h100e",
        case=case,
        result=result,
        catalog=catalog,
        families=("h100e", "fleet"),
        topics=("h100e",),
        tables=h100e_view.tables(case, result, result.equivalents),
        headline=h100e_view.headline(case, result.equivalents),
        notes=h100e_view.warnings(case, result.equivalents),
    )


def report(case: Case, result: Result, catalog: Catalog, *, others: Sequence[Alternative], checked: Checked) -> Report:
    """Everything: MFU, lease, hedge, H100-equivalents and expectations in one report."""
    parts = [mfu(case, result, catalog, others=others), h100e(case, result, catalog)]
    if result.lease is not None:
        parts.append(lease(case, result, catalog))
    parts.append(hedge(case, result, catalog))
    tables = [table for part in parts for table in part.tables]
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    missing = () if result.lease else (f"The lease is undefined: {NEEDS['lease']}.",)
    return assemble(
        "report",
        case=case,
        result=result,
        catalog=catalog,
        families=("fleet", "mfu", "lease", "hedge", "h100e"),
        topics=("mfu", "lease", "hedge", "h100e"),
        tables=(*tables, *([_outcomes(checked)] if checked.outcomes else [])),
        headline=(*(sentence for part in parts for sentence in part.headline), *missing),
        notes=tuple(note for note in notes if note.text not in {remark.text for remark in case.remarks}),
    )


def check(case: Case, result: Result, catalog: Catalog, *, checked: Checked) -> Report:
    """Whether the file is sound, and whether each expectation holds."""
    failed = [outcome for _, outcome in checked.outcomes if not outcome.holds]
    held = len(checked.outcomes) - len(failed)
    parts = (
        counted(len(case.pools.names), "pool"),
        counted(len(case.jobs), "training job"),
        counted(len(checked.scenarios), "scenario"),
    )
    expectations = (
        f"{held} of {len(checked.outcomes)} expectations hold." if checked.outcomes else "The file expects nothing."
    )
    return assemble(
        "check",
        case=case,
        result=result,
        catalog=catalog,
        families=("fleet", "mfu", "lease", "hedge", "h100e"),
        topics=(),
        tables=(_outcomes(checked),) if checked.outcomes else (),
        headline=(f"{', '.join(parts)}: no faults.", expectations),
    )


def _outcomes(checked: Checked) -> Table:
    columns = (
        Column("expectation", "Expectation", kind="text"),
        Column("holds", "Holds", kind="text"),
        Column("reason", "Because", kind="text"),
    )
    rows = tuple((text, outcome.holds, outcome.reason) for text, outcome in checked.outcomes)
    return Table("expectations", "Expectations", columns, rows)
