"""The command that searches the layouts of a job."""

from typing import Annotated

import typer

from colocalc.cli.options import (
    CalibrationOpt,
    ColorOpt,
    FleetArg,
    FormatOpt,
    OutOpt,
    ScenarioOpt,
    SetOpt,
    emit_report,
    evaluated,
)

app = typer.Typer()


@app.command()
def layout(
    fleet: FleetArg,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", help="How many layouts to show; 10 unless said otherwise.")
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help="One of several jobs; else each of them.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="KEY=V1,V2",
            help="What a part of the layout may be, e.g. tp=8 or pp=8,16; else anything.",
        ),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option("--memory", metavar="SHARE", help="Most of a GPU's memory a layout may take; else 0.95."),
    ] = None,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """The best parallel layouts that fit in memory, out of all, and how far behind the file's own is.

    Parts of the layout that the file gives are free here; --allow restricts tp, pp, vpp, dp, cp, ep, micro_batch,
    zero_stage, recompute and schedule. Library twin: colocalc.study.layout.best_layouts and
    colocalc.report.views.layout.layout.
    """
    from colocalc.report.views.layout import layout as layout_view
    from colocalc.study.layout import best_layouts

    variants, case, result = evaluated(fleet, sets, scenario, calibration=calibration)
    catalog = variants.loaded.catalog
    study = best_layouts(case, variants.fleet, catalog, top=top, job=job, allow=tuple(allow or ()), memory_share=memory)
    emit_report(layout_view(case, result, catalog, study=study), fmt, output, color)
