"""Commands on measured runs: how far the model is off."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
_FITTED = "the published runs that ship"
_NOT_FITTED = "published runs that no fit has seen"


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
    from colocalc.study.validate import validate as predicted

    catalog = catalog_with(calibration)
    constants = catalog.calibration
    listed, profiles, unknown, name = _read(runs)
    case = lower_runs(listed, catalog)
    target = _target(save, fit=fit)
    found = None
    if target is not None:
        # Published runs are fitted from what was believed without them, one's own from what those showed.
        constants, found = _fitted(case, constants if runs is None else constants.as_prior(), catalog, name)

    def judged(runs_case: "RunsCase") -> "Validation":
        return predicted(
            runs_case,
            constants=constants.values(),
            memory_slack_factor=float(catalog.default("predict.memory_slack_factor").value),
            band_share=_by_kind(catalog, "predict.band_share"),
        )

    unseen = None if runs is not None else judged(lower_runs(_read(UNSEEN)[0], catalog))
    mixed = validate_mixed(
        lower_mixed_runs(listed, catalog, own=profiles),
        band_share=float(catalog.default("predict.band_share.mixed").value),
    )
    report = view(
        judged(case),
        catalog,
        constants=constants,
        name=name,
        fit=found,
        mixed=mixed,
        unseen=unseen,
        left_alone=unknown,
    )
    if target is not None:
        write(constants.as_text(), target)
        to_stderr(printable(f"wrote {target}; use it with --calibration {target}"))
    emit_report(report, fmt, output, color)


def _read(place: str | None) -> "tuple[Sequence[Run | Incomplete], Sequence[LayerProfile], Sequence[str], str]":
    """The runs of a file, of standard input, or of those that ship; layer profiles, keys left alone, and a name."""
    from colocalc import yamlio
    from colocalc.catalog import catalog_dir
    from colocalc.reading import is_file
    from colocalc.runs import left_alone, profiles_of, runs_of

    shipped = {None: ("runs.yaml", _FITTED), UNSEEN: ("unseen_runs.yaml", _NOT_FITTED)}
    if place == "-":
        path = name = "standard input"
        tree = yamlio.read(stdin_of(place) or b"", name=name)
    elif place in shipped and not (place and is_file(Path(place))):
        file, name = shipped[place]
        path = str(catalog_dir() / file)
        tree = yamlio.read_file(Path(path))
    else:
        path = name = str(place)
        tree = yamlio.read_file(Path(path))
    return runs_of(tree, name=path), profiles_of(tree, name=path), left_alone(tree), name


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
