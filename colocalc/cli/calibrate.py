"""Commands on measured runs: how far the model is off."""

from pathlib import Path
from typing import Annotated

import typer

from colocalc.cli.options import ColorOpt, FormatOpt, OutOpt, emit_report

app = typer.Typer()


@app.command()
def validate(
    runs: Annotated[
        Path | None, typer.Argument(metavar="RUNS", help="A file of measured runs; without one, those that ship.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", metavar="FILE", help="Constants of the model other than those that ship."),
    ] = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Predicted against measured time of a step, run by run, beside always-40% and always-45%.

    Library twin: colocalc.study.validate.validate.
    """
    from colocalc.case.runs import lower_runs
    from colocalc.catalog import catalog_dir, load_catalog, read_calibration
    from colocalc.report.views.validate import validate as view
    from colocalc.runs import read_runs
    from colocalc.study.validate import validate as predicted

    catalog = load_catalog()
    constants = catalog.calibration if calibration is None else read_calibration(calibration)
    found = predicted(
        lower_runs(read_runs(runs or catalog_dir() / "runs.yaml"), catalog),
        constants=constants.values(),
        memory_slack_factor=float(catalog.default("predict.memory_slack_factor").value),
        band_share={kind: float(catalog.default(f"predict.band_share.{kind}").value) for kind in ("dense", "experts")},
    )
    name = "the published runs that ship" if runs is None else str(runs)
    emit_report(view(found, catalog, constants=constants, name=name), fmt, output, color)
