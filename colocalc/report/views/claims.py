"""The verdicts on what was said of a fleet, with the numbers behind each and what would make it true."""

from collections import Counter
from collections.abc import Sequence

from colocalc.report.table import Column, Table
from colocalc.report.views.common import counted
from colocalc.study.claims import Verdict

_COLUMNS = (
    Column("claim", "Claim", kind="text"),
    Column("verdict", "Verdict", kind="text"),
    Column("statement", "Said", kind="text", wide=True),
    Column("because", "Because", kind="text"),
    Column("about", "About", kind="text", hidden=True),
    Column("scenario", "Scenario", kind="text", hidden=True),
    Column("relative_to", "Relative to", kind="text", hidden=True),
    Column("value", "Found", unit_from="unit", hidden=True),
    Column("low", "Low", unit_from="unit", hidden=True),
    Column("high", "High", unit_from="unit", hidden=True),
    Column("says_low", "Says at least", unit_from="unit", hidden=True),
    Column("says_high", "Says at most", unit_from="unit", hidden=True),
    Column("unit", "Unit", kind="text", hidden=True),
    Column("needs", "Would take", kind="text", hidden=True),
    Column("needs_value", "Value", unit_from="needs_unit", hidden=True),
    Column("needs_now", "Now", unit_from="needs_unit", hidden=True),
    Column("needs_unit", "Unit", kind="text", hidden=True),
    Column("who", "Who", kind="text", hidden=True),
    Column("date", "When", kind="text", hidden=True),
    Column("source", "Source", kind="text", wide=True),
)


def table(verdicts: Sequence[Verdict], scenario: str | None) -> Table:
    """A row for each claim; ``scenario`` is the one that claims without their own are weighed in."""
    rows = tuple(_row(verdict, place, scenario) for place, verdict in enumerate(verdicts))
    caption = (
        "Holds: the claim and the model's band overlap. Holds if: one given input, inside its range, makes it true. "
        "Mixes units: it equals a ratio of two kinds of count. A bare number stands for what lies within 5% of it. "
        "The band is of what nobody gave: figures of the file are held."
    )
    return Table("claims", "What was said, weighed", _COLUMNS, rows, caption=caption)


def _row(verdict: Verdict, place: int, scenario: str | None) -> tuple[object, ...]:
    claim, need = verdict.claim, next(iter(verdict.needs), None)
    return (
        claim.id or str(place),
        verdict.word,
        claim.statement,
        _sentence(verdict, verdict.claim.scenario or scenario),
        claim.input or (f"cause {claim.cause}" if claim.cause else claim.metric),
        claim.scenario or scenario,
        claim.relative_to,
        verdict.value,
        verdict.low,
        verdict.high,
        _finite(verdict.says_low),
        _finite(verdict.says_high),
        verdict.unit,
        need.key if need else None,
        need.value if need else None,
        need.now if need else None,
        need.unit if need else None,
        claim.who,
        claim.date,
        claim.source,
    )


def _sentence(verdict: Verdict, scenario: str | None) -> str:
    where = f"In scenario {scenario}: " if scenario else ""
    because = verdict.because if where else _capital(verdict.because)
    return ". ".join((f"{where}{because}", *([_capital(verdict.claim.note)] if verdict.claim.note else [])))


def _capital(sentence: str) -> str:
    """A sentence with a capital, unless it begins with the id of a metric."""
    return sentence if "." in sentence.split(" ", 1)[0] else sentence[:1].upper() + sentence[1:]


def _finite(value: float | None) -> float | None:
    return None if value is None or abs(value) == float("inf") else value


# One claim, and several.
_WORDS = {
    "holds": ("holds", "hold"),
    "holds if": ("holds if one given input differs", "hold if one given input differs"),
    "mixes units": ("mixes units", "mix units"),
    "does not hold": ("does not hold", "do not hold"),
    "not covered": ("is not covered", "are not covered"),
}


def headline(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """How many claims hold, and how many do not."""
    if not verdicts:
        return ()
    counts: Counter[str] = Counter(verdict.word for verdict in verdicts)
    parts = ", ".join(f"{count} {words[count != 1]}" for word, words in _WORDS.items() if (count := counts[word]))
    given = sum(verdict.word == "holds" and verdict.claim.input is not None for verdict in verdicts)
    checked = f" Of those that hold, {given} only as the file gives them." if given else ""
    return (f"Of {counted(len(verdicts), 'claim')}, {parts}.{checked}",)
