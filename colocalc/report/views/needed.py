"""What would have to be true for a claimed MFU: a row for each input that could be otherwise."""

from collections.abc import Sequence

from colocalc.report.table import Column, Table
from colocalc.study.needed import Needed, Target
from colocalc.units import text

_COLUMNS = (
    Column("stage", "Stage", kind="text", wide=True),
    Column("key", "Input", kind="text"),
    Column("now", "Now", unit_from="unit"),
    Column("needed", "Needed", kind="text"),
    Column("value", "Value", unit_from="unit", hidden=True),
    Column("low", "Low", unit_from="unit", hidden=True),
    Column("high", "High", unit_from="unit", hidden=True),
    Column("unit", "Unit", kind="text", hidden=True),
    Column("is_inside", "In its range", kind="text", hidden=True),
    Column("reached_low_share", "MFU from", "share", hidden=True),
    Column("reached_high_share", "MFU to", "share", hidden=True),
)
_NAMES = {"mfu.step_share": "step MFU", "mfu.job_share": "job MFU", "mfu.fleet_share": "fleet MFU"}
_RANGES = {True: ", inside", False: ", outside", None: ""}


def tables(targets: Sequence[Target]) -> tuple[Table, ...]:
    """A table for each MFU that was claimed."""
    return tuple(_table(target, place) for place, target in enumerate(targets))


def _table(target: Target, place: int) -> Table:
    title = f"What would have to be true for {_NAMES[target.metric]} of {text(target.share, 'share')}"
    caption = (
        "Each input alone, everything else as it is; inside or outside its range, where it has one. None: no value "
        f"does, and how far MFU goes. Claimed by: {', '.join(target.claims)}."
    )
    key = "needed" if place == 0 else f"needed_{place + 1}"
    return Table(key, title, _COLUMNS, tuple(_row(one) for one in target.inputs), caption=caption)


def _row(one: Needed) -> tuple[object, ...]:
    solution = one.solution
    return (
        one.stage,
        one.key,
        one.now,
        _words(one),
        one.value,
        one.low,
        one.high,
        one.unit,
        one.is_inside,
        solution.reached_low,
        solution.reached_high,
    )


def _words(one: Needed) -> str:
    """What it would have to be; where no value does, how far MFU goes."""
    note = f" ({one.note})" if one.note else ""
    if one.value is None:
        low, high = (text(end, "share") for end in (one.solution.reached_low, one.solution.reached_high))
        return f"none ({low if low == high else f'{low} to {high}'}){note}"
    others = [text(root.value, one.unit) for root in one.solution.roots if root.value != one.value]
    also = f"; also {', '.join(others)}" if others else ""
    jumps = ", a jump" if any(root.kind == "jump" for root in one.solution.roots) else ""
    return f"{text(one.value, one.unit)}{_RANGES[one.is_inside]}{jumps}{also}{note}"
