"""What would have to be true for a claimed MFU: a row for each input that could be otherwise."""

from collections.abc import Sequence

from colocalc.report.table import Column, Table
from colocalc.study.needed import Needed, Target
from colocalc.units import text

_COLUMNS = (
    Column("stage", "Stage", kind="text"),
    Column("key", "Input", kind="text"),
    Column("now", "Now", unit_from="unit"),
    Column("needed", "Needed", unit_from="unit"),
    Column("low", "Low", unit_from="unit", wide=True),
    Column("high", "High", unit_from="unit", wide=True),
    Column("unit", "Unit", kind="text", hidden=True),
    Column("in_range", "In its range", kind="text"),
    Column("note", "Note", kind="text"),
)
_NAMES = {"mfu.step_share": "step MFU", "mfu.job_share": "job MFU", "mfu.fleet_share": "fleet MFU"}


def tables(targets: Sequence[Target]) -> tuple[Table, ...]:
    """A table for each MFU that was claimed."""
    return tuple(_table(target, place) for place, target in enumerate(targets))


def _table(target: Target, place: int) -> Table:
    title = f"What would have to be true for {_NAMES[target.metric]} of {text(target.share, 'share')}"
    caption = f"Each input alone, everything else as it is. Claimed by: {', '.join(target.claims)}."
    key = "needed" if place == 0 else f"needed_{place + 1}"
    return Table(key, title, _COLUMNS, tuple(_row(one) for one in target.inputs), caption=caption)


def _row(one: Needed) -> tuple[object, ...]:
    inside = {True: "yes", False: "no", None: ""}[one.is_inside]
    return (one.stage, one.key, one.now, one.value, one.low, one.high, one.unit, inside, _note(one))


def _note(one: Needed) -> str:
    solution = one.solution
    words = [one.note] if one.note else []
    if not solution.roots:
        low, high = text(solution.reached_low, "share"), text(solution.reached_high, "share")
        words.append(f"no value does: MFU stays within {low} to {high}")
    elif len(solution.roots) > 1:
        words.append(
            "also at " + ", ".join(text(root.value, one.unit) for root in solution.roots if root.value != one.value)
        )
    if any(root.kind == "jump" for root in solution.roots):
        words.append("MFU jumps there")
    return "; ".join(words)
