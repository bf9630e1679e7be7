"""Views: results turned into reports, one function per command, which imports what it shows when it is called."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.report.table import Column, Note, Report, Table
from colocalc.report.views.common import assemble, counted
from colocalc.report.views.wanted import EXAMPLES, wanted
from colocalc.study.evaluate import NEEDS, Result

if TYPE_CHECKING:
    from colocalc.lint import CardFinding
    from colocalc.study.band import Band
    from colocalc.study.check import Checked
    from colocalc.study.claims import Verdict
    from colocalc.study.needed import Target
    from colocalc.study.train_or_lease import TrainOrLease
    from colocalc.study.training import Alternative, TrainingResult

__all__ = ["check", "h100e", "hedge", "lease", "mfu", "report", "train_or_lease"]


class _Part(NamedTuple):
    """What one command shows, before the metrics, remarks and assumptions that belong to it are put beside it."""

    command: str
    families: tuple[str, ...]
    topics: tuple[str, ...]
    tables: tuple[Table, ...]
    headline: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def report(self, case: Case, result: Result, catalog: Catalog) -> Report:
        return assemble(case=case, result=result, catalog=catalog, **self._asdict())


def mfu(
    case: Case,
    result: Result,
    catalog: Catalog,
    *,
    others: "Sequence[Alternative]",
    band: "Band | None" = None,
    targets: "Sequence[Target]" = (),
) -> Report:
    """How much of the peak becomes useful training, which mechanism takes what, and what a claimed MFU would take."""
    return _mfu(case, result, others=others, band=band, targets=targets).report(case, result, catalog)


def _mfu(
    case: Case,
    result: Result,
    *,
    others: "Sequence[Alternative]",
    band: "Band | None",
    targets: "Sequence[Target]",
) -> _Part:
    from colocalc.report.views import band as band_view
    from colocalc.report.views import memory as memory_view
    from colocalc.report.views import needed as needed_view
    from colocalc.report.views import sites as sites_view
    from colocalc.report.views import waterfall as waterfall_view

    training = result.training
    return _Part(
        "mfu",
        families=("mfu", "fleet"),
        topics=("mfu",),
        tables=(
            *(_training(case, training, others, band) if training else ()),
            *sites_view.tables(case),
            *needed_view.tables(targets),
        ),
        headline=(
            *waterfall_view.headline(case, training),
            *band_view.headline(band, is_bound=bool(waterfall_view.gaps(training.waterfall))),
        )
        if training
        else (f"MFU is undefined: {NEEDS['training']}.",),
        notes=(*waterfall_view.warnings(case, training), *memory_view.warnings(case, training))
        if training
        else wanted(NEEDS["training"]),
    )


def _training(
    case: Case, training: "TrainingResult", others: "Sequence[Alternative]", band: "Band | None"
) -> tuple[Table, ...]:
    """The waterfall, how sure it is, the jobs, what they hold, and the choices side by side."""
    from colocalc.report.views import band as band_view
    from colocalc.report.views import memory as memory_view
    from colocalc.report.views import waterfall as waterfall_view

    first, jobs, *choices = waterfall_view.tables(case, training, others)
    return (first, *band_view.tables(band), jobs, *memory_view.tables(case, training), *choices)


def lease(
    case: Case, result: Result, catalog: Catalog, *, notes: Sequence[str] = (), cards: Sequence[str] = ()
) -> Report:
    """Revenue by GPU type, cost and contribution; first the rate cards asked for."""
    return _lease(case, result, catalog, notes=notes, cards=cards).report(case, result, catalog)


def _lease(case: Case, result: Result, catalog: Catalog, *, notes: Sequence[str], cards: Sequence[str]) -> _Part:
    from colocalc.report.views import deal as deal_view
    from colocalc.report.views import lending as lending_view
    from colocalc.report.views import revenue as revenue_view
    from colocalc.report.views.cards import card_tables
    from colocalc.report.views.slips import slips

    found = result.lease
    shown = [table for name in cards for table in card_tables(catalog.card(name))]
    return _Part(
        "lease",
        families=("lease", "fleet"),
        topics=("lease",),
        tables=(
            *shown,
            *((*revenue_view.tables(case, result, found), *revenue_view.family(case, found, catalog)) if found else ()),
            *deal_view.tables(case, result),
        ),
        headline=(*revenue_view.headline(found), *deal_view.headline(result))
        if found
        else (f"The lease is undefined: {NEEDS['lease']}.",),
        notes=(
            *map(Note, notes),
            *slips(case, result, catalog),
            *(revenue_view.warnings(case, found) if found else ()),
            *lending_view.warnings(case, result.returns),
            *(() if found else wanted(NEEDS["lease"])),
        ),
    )


def hedge(case: Case, result: Result, catalog: Catalog) -> Report:
    """Which part of a stated loss the lease covers, and the rate that covers all of it."""
    return _hedge(case, result, catalog).report(case, result, catalog)


def _hedge(case: Case, result: Result, catalog: Catalog) -> _Part:
    from colocalc.report.views import deal as deal_view
    from colocalc.report.views import revenue as revenue_view
    from colocalc.report.views.slips import slips
    from colocalc.study.returns import hedge_by_year

    found = result.hedge
    missing = NEEDS["lease"] if result.lease is None else NEEDS["loss"]
    return _Part(
        "hedge",
        families=("hedge", "lease", "fleet"),
        topics=("hedge",),
        tables=(
            revenue_view.hedge_table(result, found),
            *deal_view.hedge_years(hedge_by_year(case, result.returns, found.loss_usd_per_yr)),
        )
        if found
        else (),
        headline=revenue_view.hedge_headline(found) if found else (f"The hedge is undefined: {missing}.",),
        notes=(
            *slips(case, result, catalog),
            *(
                Note(line, "warning")
                for line in (revenue_view.contract_warnings(case, result.lease) if result.lease else ())
            ),
            *(() if found else wanted(missing)),
        ),
    )


def h100e(case: Case, result: Result, catalog: Catalog) -> Report:
    """The fleet in H100-equivalents on every basis, and the share of a stated total."""
    return _h100e(case, result).report(case, result, catalog)


def _h100e(case: Case, result: Result) -> _Part:
    from colocalc.report.views import equivalents as equivalents_view

    return _Part(
        "h100e",
        families=("h100e", "fleet"),
        topics=("h100e",),
        tables=equivalents_view.tables(case, result, result.equivalents),
        headline=equivalents_view.headline(case, result.equivalents),
        notes=equivalents_view.warnings(case, result.equivalents),
    )


def train_or_lease(case: Case, result: Result, catalog: Catalog, *, found: "TrainOrLease") -> Report:
    """What training is worth against what the lease brings, as a whole, by pool and split; and the tenant's view."""
    return _train_or_lease(case, result, found=found).report(case, result, catalog)


def _train_or_lease(case: Case, result: Result, *, found: "TrainOrLease") -> _Part:
    from colocalc.report.views import choice as choice_view

    return _Part(
        "train-or-lease",
        families=("choice", "inference", "fleet"),
        topics=("choice", "inference", "lease"),
        tables=choice_view.tables(case, result, found),
        headline=choice_view.headline(case, result, found),
        notes=(*choice_view.warnings(case, result), *wanted(result.undefined.get("choice.lease_premium_factor"))),
    )


def report(
    case: Case,
    result: Result,
    catalog: Catalog,
    *,
    others: "Sequence[Alternative]",
    checked: "Checked",
    verdicts: "Sequence[Verdict]" = (),
    targets: "Sequence[Target]" = (),
    band: "Band | None" = None,
    choice: "TrainOrLease | None" = None,
) -> Report:
    """Everything: MFU, lease, hedge, H100-equivalents, expectations and claims in one report."""
    from colocalc.report.views import claims as claims_view

    parts = [_mfu(case, result, others=others, band=band, targets=targets), _h100e(case, result)]
    if result.lease is not None:
        parts.append(_lease(case, result, catalog, notes=(), cards=()))
    parts.append(_hedge(case, result, catalog))
    if choice is not None:
        parts.append(_train_or_lease(case, result, found=choice))
    tables = [table for part in parts for table in part.tables]
    # A report is asked for with what a file has: examples of what else there could be belong to the single commands.
    notes = dict.fromkeys(note for part in parts for note in part.notes if note not in EXAMPLES)
    missing = () if result.lease else (f"The lease is undefined: {NEEDS['lease']}.",)
    return assemble(
        "report",
        case=case,
        result=result,
        catalog=catalog,
        families=("fleet", "mfu", "lease", "hedge", "h100e", "choice", "inference"),
        topics=("mfu", "lease", "hedge", "h100e", "choice", "inference"),
        tables=(*tables, *_judged(checked, verdicts, case.scenario)),
        headline=(
            *(sentence for part in parts for sentence in part.headline),
            *missing,
            *claims_view.headline(verdicts),
        ),
        notes=tuple(note for note in notes if note.text not in {remark.text for remark in case.remarks}),
    )


def _judged(checked: "Checked", verdicts: "Sequence[Verdict]", scenario: str | None) -> tuple[Table, ...]:
    """Expectations and claims, where there are any; the verdicts stand last."""
    from colocalc.report.views import claims as claims_view

    outcomes = (_outcomes(checked),) if checked.outcomes else ()
    return (*outcomes, claims_view.table(verdicts, scenario)) if verdicts else outcomes


def check(
    case: Case,
    result: Result,
    catalog: Catalog,
    *,
    checked: "Checked",
    verdicts: "Sequence[Verdict]" = (),
    findings: "Sequence[CardFinding]" = (),
    notes: Sequence[str] = (),
) -> Report:
    """Whether the file is sound, whether each expectation holds, what its claims are worth, and its cards."""
    from colocalc.report.views import claims as claims_view
    from colocalc.report.views.slips import slips

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
        families=("fleet", "mfu", "lease", "hedge", "h100e", "choice", "inference"),
        topics=(),
        tables=(*((_findings(findings),) if findings else ()), *_judged(checked, verdicts, case.scenario)),
        headline=(f"{', '.join(parts)}: no faults.", expectations, *claims_view.headline(verdicts)),
        notes=(*map(Note, notes), *slips(case, result, catalog), *([_found(findings)] if findings else [])),
    )


def _found(findings: "Sequence[CardFinding]") -> Note:
    return Note(f"{counted(len(findings), 'finding')} on rate cards: see the table", "warning")


def _findings(findings: "Sequence[CardFinding]") -> Table:
    columns = (
        Column("card", "Card", kind="text"),
        Column("path", "Row", kind="text"),
        Column("gpu", "GPU", kind="text"),
        Column("kind", "Kind", kind="text", wide=True),
        Column("message", "What to look at", kind="text"),
    )
    rows = tuple((one.card, one.path, one.gpu, one.kind, one.message) for one in findings)
    return Table("cards", "Rate cards", columns, rows)


def _outcomes(checked: "Checked") -> Table:
    columns = (
        Column("expectation", "Expectation", kind="text"),
        Column("holds", "Holds", kind="text"),
        Column("reason", "Because", kind="text"),
    )
    rows = tuple((text, outcome.holds, outcome.reason) for text, outcome in checked.outcomes)
    return Table("expectations", "Expectations", columns, rows)
