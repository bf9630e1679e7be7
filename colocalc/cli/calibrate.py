"""Commands on measured runs: how far the model is off."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from colocalc.cli.options import CalibrationOpt, ColorOpt, FormatOpt, OutOpt, catalog_with, emit_report, stdin_of
from colocalc.errors import EXIT_IO, EXIT_USAGE, ColocalcError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from colocalc.calibration import Calibration
    from colocalc.case.runs import RunsCase
    from colocalc.catalog import Catalog
    from colocalc.profile import LayerProfile
    from colocalc.runs import Incomplete, Run
    from colocalc.study.calibrate import Fit
    from colocalc.study.validate import Validation

app = typer.Typer()

UNSEEN = "unseen"
_SHIPPED = {
    None: ("runs.yaml", "the published runs that ship"),
    UNSEEN: ("unseen_runs.yaml", "published runs that no fit has seen"),
}


@app.command()
def validate(
    runs: Annotated[
        str | None,
        typer.Argument(
            metavar="RUNS",
            help="A file of measured runs, -, or unseen: published ones that no fit has seen; else those fitted to.",
        ),
    ] = None,
    calibration: CalibrationOpt = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit the constants to the runs, and write them to a calibration file.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="The file that --fit writes; calibration.yaml.")
    ] = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Predicted against measured time of a step, run by run, beside always-40% and always-45%.

    Library twin: colocalc.study.validate.validate.
    """
    from colocalc.case.mixed_runs import lower_mixed_runs
    from colocalc.case.runs import lower_runs
    from colocalc.emit import to_stderr, write
    from colocalc.report.views.validate import validate as view
    from colocalc.study.mixed_runs import validate_mixed

    catalog = catalog_with(calibration)
    constants = catalog.calibration
    listed = _read(runs)
    case = lower_runs(listed.runs, catalog)
    target = _target(save, fit=fit)
    found = None
    if target is not None:
        # Published runs are fitted from what was believed without them, one's own from what those showed.
        constants, found = _fitted(case, constants if runs is None else constants.as_prior(), catalog, listed.name)
    unseen = None if runs is not None else lower_runs(_shipped(UNSEEN).runs, catalog)
    mixed = validate_mixed(
        lower_mixed_runs(listed.runs, catalog, own=listed.profiles),
        band_share=float(catalog.default("predict.band_share.mixed").value),
    )
    report = view(
        _predicted(case, constants, catalog),
        catalog,
        constants=constants,
        name=listed.name,
        fit=found,
        mixed=mixed,
        unseen=None if unseen is None else _predicted(unseen, constants, catalog),
        left_alone=listed.left_alone,
    )
    if target is not None:
        write(constants.as_text(), target)
        to_stderr(printable(f"wrote {target}; use it with --calibration {target}"))
    emit_report(report, fmt, output, color)


class _Listed(NamedTuple):
    """What a file of runs holds."""

    runs: "Sequence[Run | Incomplete]"
    profiles: "Sequence[LayerProfile]"
    left_alone: "Sequence[str]"
    name: str


def _read(place: str | None) -> _Listed:
    """The runs of a file, of standard input, or of those that ship; a file named as those are is read."""
    from colocalc import yamlio
    from colocalc.reading import is_file

    if place is None or (place == UNSEEN and not is_file(Path(place))):
        return _shipped(place)
    if place == "-":
        return _listed(yamlio.read(stdin_of(place) or b"", name="standard input"), "standard input", "standard input")
    return _listed(yamlio.read_file(Path(place)), place, place)


def _shipped(which: str | None) -> _Listed:
    from colocalc import yamlio
    from colocalc.catalog import catalog_dir

    file, name = _SHIPPED[which]
    path = catalog_dir() / file
    return _listed(yamlio.read_file(path), str(path), name)


def _listed(tree: object, path: str, name: str) -> _Listed:
    from colocalc.runs import left_alone, profiles_of, runs_of

    return _Listed(runs_of(tree, name=path), profiles_of(tree, name=path), left_alone(tree), name)


def _predicted(case: "RunsCase", constants: "Calibration", catalog: "Catalog") -> "Validation":
    from colocalc.study.validate import validate as predicted

    return predicted(
        case,
        constants=constants.values(),
        memory_slack_factor=float(catalog.default("predict.memory_slack_factor").value),
        band_share=_by_kind(catalog, "predict.band_share"),
    )


def _target(save: Path | None, *, fit: bool) -> Path | None:
    """Where a fit is written; never over a file that is no calibration, such as the runs themselves."""
    from colocalc.catalog import read_calibration
    from colocalc.reading import is_file

    if not fit:
        if save is not None:
            raise ColocalcError("--save goes with --fit", exit_code=EXIT_USAGE)
        return None
    target = save or Path("calibration.yaml")
    if is_file(target):
        try:
            read_calibration(target)
        except ColocalcError:
            raise ColocalcError("exists and is no calibration file", where=str(target), exit_code=EXIT_IO) from None
    return target


def _by_kind(catalog: "Catalog", path: str) -> dict[str, float]:
    return {kind: float(catalog.default(f"{path}.{kind}").value) for kind in ("dense", "experts")}


def _fitted(case: "RunsCase", known: "Calibration", catalog: "Catalog", name: str) -> "tuple[Calibration, Fit]":
    """Constants fitted to a case: what was fitted before, from its prior; the others stay."""
    from colocalc.study.calibrate import Prior, calibrate, largest_gpu_count

    constants = known.constants()
    found = calibrate(
        case,
        priors={
            key: Prior(each.prior, each.prior_width_log, 1.0 if each.unit == "share" else float("inf"))
            for key, each in constants.items()
            if each.fitted
        },
        held={key: each.value for key, each in constants.items() if not each.fitted},
        memory_slack_factor=float(catalog.default("predict.memory_slack_factor").value),
        noise_share=_by_kind(catalog, "predict.noise_share"),
    )
    fitted = known.fitted_to(
        found.constants,
        found.standard_error_log,
        largest_gpu_count=largest_gpu_count(case),
        source=f"fit to {name}",
    )
    return fitted, found
