"""How the errors of a validation lie: run by run, in steps of 5%, and the farthest off."""

from itertools import pairwise

import numpy as np

from colocalc.report.table import Column, Table
from colocalc.study.validate import Validation

_WORST_COUNT = 10
_BAR = 40
_EDGES = (-np.inf, -0.20, -0.15, -0.10, -0.05, 0.0, 0.05, 0.10, 0.15, 0.20, np.inf)
_REACH = 0.20  # error at either end of the plot
_HALF = 24  # characters from the middle to an end
_MARKS = " .:oo@"  # by the number of runs at one place


def spread(found: Validation) -> Table:
    """How many runs are how far off."""
    error = found.error_share[found.is_predicted]
    counts = [int(np.sum((error >= low) & (error < high))) for low, high in pairwise(_EDGES)]
    rows = [
        (
            low if np.isfinite(low) else None,
            high if np.isfinite(high) else None,
            count,
            "#" * round(_BAR * count / max(counts)),
        )
        for (low, high), count in zip(pairwise(_EDGES), counts, strict=True)
    ]
    columns = (
        Column("low_error_share", "From", "share"),
        Column("high_error_share", "To below", "share"),
        Column("rows_count", "Runs", "count"),
        Column("bar", "", kind="text"),
    )
    return Table(
        "errors",
        "How the errors lie",
        columns,
        tuple(rows),
        caption="Runs predicted too fast stand above, too slow below.",
    )


def scatter(found: Validation) -> Table:
    """Each run where its error and its time put it: the time of a step downwards in octaves, the error across."""
    kept = found.is_predicted
    error, octave = found.error_share[kept], np.floor(np.log2(found.case.measured_s[kept]))
    place = np.rint((np.clip(error, -_REACH, _REACH) / _REACH + 1.0) * _HALF).astype(int)
    rows = []
    for step in sorted(set(octave.tolist())):
        runs = np.bincount(place[octave == step], minlength=2 * _HALF + 1)
        marks = [_MARKS[min(int(count), len(_MARKS) - 1)] for count in runs]
        marks[_HALF] = "|" if marks[_HALF] == " " else marks[_HALF]
        rows.append((2.0**step, 2.0 ** (step + 1), int(np.sum(runs)), "".join(marks).rstrip()))
    columns = (
        Column("low_step_time_s", "From", "s"),
        Column("high_step_time_s", "To below", "s"),
        Column("rows_count", "Runs", "count"),
        Column("plot", f"{-_REACH:.0%} to {_REACH:.0%}, | is no error", kind="text"),
    )
    caption = "Down by the time of a step. A dot is a run, a colon two, o three or four, @ more; ends hold all beyond."
    return Table("scatter", "Predicted against measured, run by run", columns, tuple(rows), caption=caption)


def worst(found: Validation) -> Table:
    """The runs that are farthest off, and what each loses most time to."""
    size = np.where(found.is_predicted, np.abs(found.error_share), -1.0)
    order = [int(run) for run in np.argsort(-size, kind="stable")[:_WORST_COUNT] if found.is_predicted[run]]
    columns = (
        Column("id", "Run", kind="text"),
        Column("gpu_count", "GPUs", "count"),
        Column("measured_step_time_s", "Measured", "s"),
        Column("predicted_step_time_s", "Predicted", "s"),
        Column("error_share", "Error", "share"),
        Column("largest_stage", "Largest loss", kind="text", wide=True),
    )
    case = found.case
    rows = tuple(
        (
            case.ids[run],
            case.gpu_count[run],
            case.measured_s[run],
            found.predicted_s[run],
            found.error_share[run],
            max(found.stage_factors, key=lambda name: -float(found.stage_factors[name][run])),
        )
        for run in order
    )
    return Table("worst", "The farthest off", columns, rows)
