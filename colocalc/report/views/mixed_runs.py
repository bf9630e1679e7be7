"""Runs on mixed hardware in the report of a validation: beside the model's figures, never among them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import counted
from colocalc.study.mixed_runs import MixedValidation
from colocalc.study.validate import mean_absolute_share
from colocalc.units import text

_TITLE = "mixed hardware, from layer profiles"
_BESIDE = (
    "Runs on mixed hardware are put together from measured times of one block; validate.mape_share, which is of the "
    "model alone, leaves them out, as --fit does. Pipeline sends are taken to run beside compute."
)
_MEASURED = (
    "Where a run on mixed hardware tells the time of its gradient exchange, that is taken instead of a ring, and where "
    "its network is not told, the rate of that exchange."
)


def metrics(found: MixedValidation | None) -> dict[str, float]:
    """How many runs on mixed hardware are predicted, and how far off; nothing without any.

    Parameters
    ----------
    found : MixedValidation, optional
        Predictions beside measurements.
    """
    if found is None or not found.is_predicted.any():
        return {}
    return {
        "validate.mixed_rows_count": float(np.sum(found.is_predicted)),
        "validate.mixed_mape_share": mean_absolute_share(found.error_share, found.is_predicted),
    }


def headline(found: MixedValidation | None) -> tuple[str, ...]:
    """One sentence about them, where there are any."""
    told = metrics(found)
    if not told:
        return ()
    runs = counted(int(told["validate.mixed_rows_count"]), "run")
    mean = text(told["validate.mixed_mape_share"], "share")
    return (f"{runs} on {_TITLE}: within {mean} on average, counted apart.",)


def notes(found: MixedValidation | None) -> Iterator[Note]:
    """What a reader should know of them."""
    if found is not None and metrics(found):
        yield Note(_BESIDE)
        if any(np.isfinite(run.exchange_s) for run in found.case.runs):
            yield Note(_MEASURED)


def beside(table: Table, found: MixedValidation | None) -> Table:
    """A table of averages with a line for mixed hardware under the one for all, which does not count it.

    Parameters
    ----------
    table : Table
        Averages of the model.
    found : MixedValidation, optional
        Runs on mixed hardware.
    """
    if found is None or not (told := metrics(found)):
        return table
    among = found.is_predicted
    cells = {
        "group": _TITLE,
        "rows_count": told["validate.mixed_rows_count"],
        "mape_share": told["validate.mixed_mape_share"],
        "mean_error_share": float(np.mean(found.error_share[among])),
        "band_coverage_share": float(np.mean(found.is_inside[among])),
    }
    row = tuple(cells.get(column.key) for column in table.columns)
    return replace(table, rows=(*table.rows, row), total_count=table.total_count + 1)


def tables(found: MixedValidation | None) -> Iterator[Table]:
    """Each run on mixed hardware with the traffic in its prediction."""
    if found is None or not found.is_predicted.any():
        return
    columns = (
        Column("id", "Run", kind="text"),
        Column("measured_step_time_s", "Measured", "s"),
        Column("predicted_step_time_s", "Predicted", "s"),
        Column("error_share", "Error", "share"),
        Column("stages_count", "Stages", "count", wide=True),
        Column("exchange_s", "Gradient exchange", "s"),
        Column("exchange_is", "which is", kind="text"),
        Column("send_s", "One send", "s", wide=True),
    )
    cells = [
        (
            found.case.runs[run].id,
            found.measured_s[run],
            found.predicted_s[run],
            found.error_share[run],
            float(len(found.case.runs[run].layer_count)),
            found.exchange_s[run],
            "measured" if np.isfinite(found.case.runs[run].exchange_s) else "a ring",
            found.send_s[run],
        )
        for run in np.flatnonzero(found.is_predicted)
    ]
    yield Table("mixed", "Mixed hardware, from layer profiles", columns, tuple(cells))


def rows(found: MixedValidation | None) -> list[tuple[object, ...]]:
    """The runs as rows of the table of every run; no peak is known, so no MFU."""
    if found is None:
        return []
    return [
        (
            found.case.runs[run].id,
            found.case.runs[run].source or None,
            found.measured_s[run],
            found.predicted_s[run],
            found.low_s[run],
            found.high_s[run],
            found.error_share[run],
            None,
            None,
        )
        for run in np.flatnonzero(found.is_predicted)
    ]
