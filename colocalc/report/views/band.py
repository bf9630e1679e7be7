"""How sure an MFU is: low, middle and high of each level, and the inputs the band comes from."""

from collections.abc import Mapping

from colocalc.report.table import Column, Table
from colocalc.study.band import Band
from colocalc.units import text

_LEVELS = {"mfu.step_share": "step MFU", "mfu.job_share": "job MFU", "mfu.fleet_share": "fleet MFU"}
_MOST_SHOWN = 8
_LEAST = 1e-4  # of MFU: what moves it less is left out of the table


def headline(band: Band | None, *, is_bound: bool) -> tuple[str, ...]:
    """The band of each level in a sentence; ``is_bound`` where stages are left out, of which it says nothing."""
    if band is None:
        return ()
    parts = [
        f"{name} {text(low, 'share')} to {text(high, 'share')}"
        for key, name in _LEVELS.items()
        for low, _, high in (band.ends[key],)
    ]
    what = "Band of what is modelled, without the stages counted as 1" if is_bound else "Band"
    return (f"{what}: {', '.join(parts)}.",)


def tables(band: Band | None) -> tuple[Table, ...]:
    """The levels with their bands, and each input with a range at both of its ends."""
    if band is None:
        return ()
    levels = (
        Column("level", "Level", kind="text"),
        Column("low_share", "Low", "share"),
        Column("mid_share", "Middle", "share"),
        Column("high_share", "High", "share"),
    )
    rows = tuple((name, *band.ends[key]) for key, name in _LEVELS.items())
    caption = (
        "Every input with a range moved alone to both ends, the steps added as squares. The error of the step-time "
        "model is one of them: nine of ten published runs that its fit did not see lie inside."
    )
    found = [Table("band", "How sure that is", levels, rows, caption=caption)]
    moved = [one for one in band.moved if _reach(one.at_low, one.at_high) > _LEAST][:_MOST_SHOWN]
    if moved:
        inputs = (
            Column("input", "Input", kind="text"),
            Column("range", "Range", kind="text"),
            Column("low", "Low", unit_from="unit", hidden=True),
            Column("high", "High", unit_from="unit", hidden=True),
            Column("unit", "Unit", kind="text", hidden=True),
            Column("step_low_share", "Step MFU", "share"),
            Column("step_high_share", "to", "share"),
            Column("fleet_low_share", "Fleet MFU", "share"),
            Column("fleet_high_share", "to", "share"),
        )
        of_inputs = tuple(
            (
                one.row.path,
                f"{text(one.low, one.row.unit).split(' ', 1)[0]} to {text(one.high, one.row.unit)}",
                one.low,
                one.high,
                one.row.unit,
                one.at_low["mfu.step_share"],
                one.at_high["mfu.step_share"],
                one.at_low["mfu.fleet_share"],
                one.at_high["mfu.fleet_share"],
            )
            for one in moved
        )
        found.append(Table("band_inputs", "What the band comes from", inputs, of_inputs))
    return tuple(found)


def _reach(at_low: Mapping[str, float], at_high: Mapping[str, float]) -> float:
    return max(abs(at_high[key] - at_low[key]) for key in _LEVELS)
