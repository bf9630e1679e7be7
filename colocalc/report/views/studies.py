"""A report with studies in it: their tables after its own, under names of their own."""

from collections.abc import Sequence
from dataclasses import replace

from colocalc.report.table import Note, Report

Study = tuple[str, str, Report]


def joined(report: Report, studies: Sequence[Study]) -> Report:
    """A report with everything that its studies say.

    Parameters
    ----------
    report : Report
        On the fleet.
    studies : sequence of (str, str, Report)
        For each study a key, which goes before the keys of its tables, a title, which goes before theirs, and its
        report.
    """
    for key, title, study in studies:
        known = {row.path for row in report.assumptions}
        tables = (replace(one, key=f"{key}_{one.key}", title=f"{title}: {one.title}") for one in study.tables)
        texts = {note.text for note in report.notes}
        notes = (Note(f"{title}: {note.text}", note.kind) for note in study.notes if note.text not in texts)
        report = replace(
            report,
            undefined={**study.undefined, **report.undefined},
            units={**study.units, **report.units},
            tables=(*report.tables, *tables),
            headline=(*report.headline, *study.headline),
            notes=(*report.notes, *notes),
            assumptions=(*report.assumptions, *(row for row in study.assumptions if row.path not in known)),
            source_titles={**study.source_titles, **report.source_titles},
        )
    return replace(report, studies=(*report.studies, *studies))
