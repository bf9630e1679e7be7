"""Predicted against measured: every run, the averages by source, size and hardware, and what was assumed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from colocalc.arrays import Array
from colocalc.calibration import Calibration
from colocalc.case.measured import publication_of
from colocalc.catalog import Catalog
from colocalc.report.table import Assumption, Column, Note, Report, Table
from colocalc.report.views import mixed_runs
from colocalc.report.views.common import counted, source_titles
from colocalc.report.views.errors import scatter, spread, worst
from colocalc.study.calibrate import Fit
from colocalc.study.mixed_runs import MixedValidation
from colocalc.study.validate import CONSTANT_GUESSES, LARGE_GPU_COUNT, Mask, Validation, mean_absolute_share
from colocalc.units import text

_FIT = "fit-2026-11"
_SIZES = ((0.0, "up to 64"), (65.0, "65 to 1,024"), (1_025.0, "1,025 to 7,999"), (LARGE_GPU_COUNT, "8,000 and more"))
_LABELS = {
    "by_size": "GPUs",
    "by_hardware": "Hardware",
    "by_software": "Software",
    "by_model": "Model",
    "by_source": "Source",
    "unseen": "Source",
}
_UNSEEN = "Fitted without the publication that is predicted, the mean error is {}: the figure to trust."
_NO_FIT = (
    "{rows_count} runs that no fit has seen: within {mape_share}, those of dense models within {dense_mape_share}; the "
    "band, whose width was set on them, holds {band_coverage_share}."
)
_SHOWN_KEYS = 8
_UNDEFINED = "no run of the file can be predicted"
_AVERAGES = (
    Column("rows_count", "Runs", "count"),
    Column("mape_share", "Mean absolute error", "share"),
    Column("mean_error_share", "Mean error", "share"),
    Column("band_coverage_share", "Inside the band", "share"),
    Column("constant_40_mape_share", "Always 40%", "share", wide=True),
    Column("constant_45_mape_share", "Always 45%", "share", wide=True),
)


def validate(
    found: Validation,
    catalog: Catalog,
    *,
    constants: Calibration,
    name: str,
    fit: Fit | None = None,
    mixed: MixedValidation | None = None,
    unseen: Validation | None = None,
    left_alone: Sequence[str] = (),
) -> Report:
    """The report of a validation.

    Parameters
    ----------
    found : Validation
        Predictions beside measurements.
    catalog : Catalog
        Defaults that were used, and titles of sources.
    constants : Calibration
        The constants that were used.
    name : str
        The file, as a title shows it.
    fit : Fit, optional
        The fit that found the constants.
    mixed : MixedValidation, optional
        Runs on mixed hardware; averages of the model leave them out.
    unseen : Validation, optional
        Runs that no fit has seen, beside those that the constants were fitted to.
    left_alone : sequence of str, optional
        Keys of the file that no run has.
    """
    everything = found.is_predicted
    count = int(np.sum(everything))
    metrics = {"validate.rows_count": float(count)}
    if count:
        _, mape, _, coverage, at_40, at_45 = _averages(found, everything)
        metrics |= {
            "validate.mape_share": mape,
            "validate.band_coverage_share": coverage,
            "validate.constant_40_mape_share": at_40,
            "validate.constant_45_mape_share": at_45,
        }
    if fit is not None:
        metrics |= _left_out_metrics(found, fit)
    metrics |= mixed_runs.metrics(mixed) | _unseen_metrics(unseen)
    names = ("mape", "band_coverage", "constant_40_mape", "constant_45_mape")
    missing = {} if count else {f"validate.{each}_share": _UNDEFINED for each in names}
    report = Report(
        command="validate",
        title=f"Predicted against measured: {name}",
        fleet=None,
        scenario=None,
        metrics=metrics,
        undefined=missing,
        units={each: "count" if each.endswith("_count") else "share" for each in (*metrics, *missing)},
        tables=(*_tables(found, fit, mixed, unseen), *(() if fit is None else (_fitted(fit, constants),))),
        headline=(*_headline(found, metrics, mixed), *_unseen_headline(metrics), *mixed_runs.headline(mixed)),
        notes=(*_notes(found, constants, catalog, left_alone), *mixed_runs.notes(mixed)),
        assumptions=tuple(_assumptions(constants, catalog)),
    )
    return replace(report, source_titles=source_titles(report, catalog))


def _averages(found: Validation, among: Mask) -> tuple[float, float, float, float, float, float]:
    """Count, mean absolute error, mean error, share inside the band, and the error of each constant guess."""
    guesses = [mean_absolute_share(found.constant_error_share[guess], among) for guess in CONSTANT_GUESSES]
    return (
        float(np.sum(among)),
        mean_absolute_share(found.error_share, among),
        float(np.mean(found.error_share[among])),
        float(np.mean(found.is_inside[among])),
        guesses[0],
        guesses[1],
    )


def _tables(
    found: Validation, fit: Fit | None, mixed: MixedValidation | None, unseen: Validation | None
) -> Iterator[Table]:
    predicted = found.is_predicted
    case = found.case
    if predicted.any():
        yield _grouped("by_size", "By number of GPUs", found, _size(case.gpu_count), caption=_HOW)
        yield mixed_runs.beside(_grouped("by_hardware", "By hardware and precision", found, _by(case.families)), mixed)
        yield _grouped("by_software", "By software", found, _by(case.software))
        yield _grouped("by_model", "By kind of model", found, lambda run: _kind(found, run))
        yield scatter(found)
        yield spread(found)
        yield worst(found)
        yield _grouped("by_source", "By source", found, _by(_publications(found)), fit=fit)
    if unseen is not None:
        title = "Runs that no fit has seen, by source"
        yield _grouped("unseen", title, unseen, _by(_publications(unseen)), caption=_ALL_UNSEEN)
    yield from mixed_runs.tables(mixed)
    if skipped := list(_skipped(found, mixed)):
        columns = (Column("id", "Run", kind="text"), Column("skipped_because", "Not predicted because", kind="text"))
        yield Table("skipped", "Not predicted", columns, tuple((key, why) for key, _, why in skipped))
    yield _rows(found, mixed)


_HOW = (
    "Errors are of the time of a step: predicted over measured, less one. The constants are shares of the dense peak."
)


_ALL_UNSEEN = "Run by run: colocalc validate unseen."


def _publications(found: Validation) -> tuple[str, ...]:
    return tuple(map(publication_of, found.case.sources))


def _by(labels: tuple[str, ...]) -> Callable[[int], str]:
    return lambda run: labels[run] or "not told"


def _size(gpu_count: Array) -> Callable[[int], str]:
    return lambda run: next(label for start, label in reversed(_SIZES) if gpu_count[run] >= start)


def _kind(found: Validation, run: int) -> str:
    return "mixture of experts" if found.case.has_experts[run] else "dense"


def _grouped(
    key: str,
    title: str,
    found: Validation,
    label: Callable[[int], str],
    *,
    caption: str = "",
    fit: Fit | None = None,
) -> Table:
    groups: dict[str, list[int]] = {}
    for run in np.flatnonzero(found.is_predicted):
        groups.setdefault(label(int(run)), []).append(int(run))
    order = [name for _, name in _SIZES] if key == "by_size" else sorted(groups)
    rows = []
    for name in order:
        if name in groups:
            among = np.isin(np.arange(len(found.case.ids)), groups[name])
            rows.append((name, *_averages(found, among), *_left_out(fit, among)))
    total = ("all", *_averages(found, found.is_predicted), *_left_out(fit, found.is_predicted))
    extra = () if fit is None else (Column("left_out_mape_share", "Left out", "share"),)
    columns = (Column("group", _LABELS[key], kind="text"), *_AVERAGES, *extra)
    return Table(key, title, columns, (*rows, total), total_count=1, caption=caption)


def _left_out(fit: Fit | None, among: Mask) -> tuple[float, ...]:
    return () if fit is None else (mean_absolute_share(fit.left_out_error_share, among),)


def _left_out_metrics(found: Validation, fit: Fit) -> dict[str, float]:
    """Mean absolute errors of runs whose publication was left out of the fit, where there is more than one."""
    kinds = {
        "left_out_mape": found.is_predicted,
        "left_out_large_mape": found.is_predicted & (found.case.gpu_count >= LARGE_GPU_COUNT),
    }
    means = {f"validate.{kind}_share": _left_out(fit, among)[0] for kind, among in kinds.items()}
    return {name: mean for name, mean in means.items() if np.isfinite(mean)}


def _unseen_metrics(unseen: Validation | None) -> dict[str, float]:
    """How many runs no fit has seen, and how far off they are."""
    if unseen is None:
        return {}
    known = unseen.is_predicted
    return {
        "validate.unseen_rows_count": float(np.sum(known)),
        "validate.unseen_mape_share": mean_absolute_share(unseen.error_share, known),
        "validate.unseen_dense_mape_share": mean_absolute_share(unseen.error_share, known & ~unseen.case.has_experts),
        "validate.unseen_band_coverage_share": float(np.mean(unseen.is_inside[known])),
    }


def _unseen_headline(metrics: dict[str, float]) -> tuple[str, ...]:
    told = {
        name.removeprefix("validate.unseen_"): text(value, "count" if name.endswith("_count") else "share")
        for name, value in metrics.items()
        if name.startswith("validate.unseen_")
    }
    return (_NO_FIT.format(**told),) if told else ()


def _fitted(fit: Fit, constants: Calibration) -> Table:
    columns = (
        Column("constant", "Constant", kind="text"),
        Column("value", "Value", unit_from="unit"),
        Column("prior", "Prior", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("standard_error_share", "Standard error", "share"),
        Column("meaning", "Meaning", kind="text", wide=True),
    )
    known = constants.constants()
    rows = tuple(
        (name, known[name].value, known[name].prior, known[name].unit, error, known[name].meaning)
        for name, error in fit.standard_error_log.items()
    )
    return Table("fit", "Fitted constants", columns, rows, caption="The error is of the natural logarithm.")


def _rows(found: Validation, mixed: MixedValidation | None) -> Table:
    columns = (
        Column("id", "Run", kind="text"),
        Column("source", "Source", kind="text", hidden=True),
        Column("measured_step_time_s", "Measured", "s"),
        Column("predicted_step_time_s", "Predicted", "s"),
        Column("low_step_time_s", "Low", "s", wide=True),
        Column("high_step_time_s", "High", "s", wide=True),
        Column("error_share", "Error", "share"),
        Column("step_mfu_share", "MFU", "share", wide=True),
        Column("skipped_because", "Not predicted because", kind="text", hidden=True),
    )
    case = found.case
    rows: list[tuple[object, ...]] = [
        (
            case.ids[run],
            case.sources[run] or None,
            case.measured_s[run],
            found.predicted_s[run],
            found.low_s[run],
            found.high_s[run],
            found.error_share[run],
            found.step_mfu_share[run],
            None,
        )
        for run in np.flatnonzero(found.is_predicted)
    ]
    rows += mixed_runs.rows(mixed)
    rows += [(key, source or None, *(None,) * 6, why) for key, source, why in _skipped(found, mixed)]
    return Table("rows", "Every run", columns, tuple(rows), caption="Low to high is the band that should hold 90%.")


def _skipped(found: Validation, mixed: MixedValidation | None) -> Iterator[tuple[str, str, str]]:
    yield from found.case.skipped
    yield from () if mixed is None else mixed.skipped
    for run in np.flatnonzero(~found.is_predicted):
        reason = "a figure of its accelerator is not in the catalog"
        yield found.case.ids[run], found.case.sources[run], reason


def _headline(found: Validation, metrics: dict[str, float], mixed: MixedValidation | None) -> tuple[str, ...]:
    left_out = len(list(_skipped(found, mixed)))
    if "validate.mape_share" not in metrics and "validate.mixed_mape_share" in metrics:
        return (f"{counted(left_out, 'run')} cannot be predicted; the reasons are below.",) if left_out else ()
    if "validate.mape_share" not in metrics:
        return (f"None of the {left_out} runs can be predicted; the reasons are below.",)
    share = {name: text(metrics[f"validate.{name}_share"], "share") for name in ("mape", "band_coverage")}
    guesses = [text(metrics[f"validate.constant_{at}_mape_share"], "share") for at in (40, 45)]
    rows = metrics["validate.rows_count"]
    count = f"{text(rows, 'count')} {'run' if rows == 1.0 else 'runs'}"
    left_out_share = metrics.get("validate.left_out_mape_share")
    unseen = () if left_out_share is None else (_UNSEEN.format(text(left_out_share, "share")),)
    return (
        f"The time of a step of {count} is predicted within {share['mape']} on average"
        + (f"; {left_out} more cannot be predicted." if left_out else "."),
        f"Calling every run 40% of its peak is off by {guesses[0]}, 45% by {guesses[1]}.",
        f"The band that should hold 90% holds {share['band_coverage']}.",
        *unseen,
    )


def _notes(found: Validation, constants: Calibration, catalog: Catalog, left_alone: Sequence[str]) -> Iterator[Note]:
    fit = catalog.sources[_FIT]
    if left_alone:
        more = f" and {len(left_alone) - _SHOWN_KEYS} more" if len(left_alone) > _SHOWN_KEYS else ""
        keys = ", ".join(left_alone[:_SHOWN_KEYS])
        yield Note(f"keys that a run does not have are left alone: {keys}{more}", "warning")
    if constants == catalog.calibration:
        yield Note(f"The constants are of {_FIT} ({fit.title}); {fit.note}.")
    open_choices = len(found.case.owner) > len(found.case.ids)
    if open_choices:
        yield Note(
            "Where a source leaves micro-batch, interleaving or recompute open, "
            "the fastest that fits in memory is taken."
        )


def _assumptions(constants: Calibration, catalog: Catalog) -> Iterator[Assumption]:
    for name, constant in constants.constants().items():
        error = constant.standard_error_log or constant.prior_width_log
        low, high = (float(constant.value * np.exp(side * error)) for side in (-1.0, 1.0))
        note = (
            f"{constant.meaning}; {'fitted' if constant.fitted else 'held at its prior'}, one standard error each way"
        )
        if constant.unit == "share":
            high = min(high, 1.0)
        path = f"calibration.{name}"
        yield Assumption(path, constant.value, constant.unit, low, high, constant.source, "catalog", note)
    for path in (each for each in catalog.defaults if each.startswith("predict.")):
        known = catalog.default(path)
        yield Assumption(path, known.value, known.unit, known.low, known.high, known.source, "assumed", known.note)
