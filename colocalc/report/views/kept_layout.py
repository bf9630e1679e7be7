"""What a study does with a layout that was searched for: a note on whether it is kept."""

from collections.abc import Iterator, Sequence

from colocalc.case import Case, searched_layout
from colocalc.metrics import family_of
from colocalc.report.table import Note

_OF_TRAINING = frozenset({"mfu", "choice"})


def on_layout(case: Case, names: Sequence[str], where: str, *, relayout: bool) -> Iterator[Note]:
    """Whether a layout is searched once or anew, where metrics hang on it.

    Parameters
    ----------
    case : Case
        The fleet as it is.
    names : sequence of str
        Metric ids.
    where : str
        What a layout is searched for or kept at, such as a point.
    relayout : bool
        Whether it is searched anew.
    """
    layout = searched_layout(case)
    if relayout and not layout:
        yield Note("no layout of this fleet is searched for, so that --relayout changes nothing")
    elif relayout:
        yield Note(f"the layout is searched anew at every {where}")
    elif layout and any(family_of(name) in _OF_TRAINING for name in names):
        parts = ", ".join(f"{path.rpartition('.')[2]} {_word(row.value)}" for path, row in layout.items())
        yield Note(
            f"the layout found for the fleet as it is is kept at every {where} ({parts}); --relayout searches anew"
        )


def _word(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)
