"""The command that evaluates a fleet over a grid of values."""

from functools import partial
from typing import Annotated

import typer

from colocalc.cli.options import (
    BlockSizeOpt,
    CalibrationOpt,
    ColorOpt,
    EngineOpt,
    FleetArg,
    FormatOpt,
    OutOpt,
    ScenarioOpt,
    SchedulerOpt,
    SetOpt,
    WorkersOpt,
    emit_report,
    evaluated,
)
from colocalc.errors import EXIT_INTERRUPTED, EXIT_USAGE, ColocalcError, quoted

app = typer.Typer()


@app.command()
def sweep(
    fleet: FleetArg,
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            metavar="KEY=VALUES",
            help="A key and its values: START:STOP:N, START:STOP:N:log, or A,B,C. Several make a grid.",
        ),
    ],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="ID", help="A metric, e.g. mfu.fleet_share; else the usual.")
    ] = None,
    engine: EngineOpt = None,
    workers: WorkersOpt = None,
    scheduler: SchedulerOpt = None,
    block_size: BlockSizeOpt = None,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Metrics over a grid: any key of the file, any assumption by its path, or a list of values or words.

    Library twin: colocalc.study.sweep.sweep.
    """
    from colocalc.progress import Progress
    from colocalc.report.views.sweep import sweep as view
    from colocalc.study.asked import metrics_asked
    from colocalc.study.engine import engine_of
    from colocalc.study.sweep import axis, point_count
    from colocalc.study.sweep import sweep as swept
    from colocalc.yamlio import read_scalar

    chosen = engine_of(engine, workers, scheduler)
    axes = [axis(text, partial(read_scalar, name="--over")) for text in over]
    keys = [one.key for one in axes]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise ColocalcError(f"{quoted(twice)} stands twice", where="--over", exit_code=EXIT_USAGE)
    count = point_count(axes)  # refused before any work
    variants, case, result = evaluated(fleet, sets, scenario, calibration=calibration)
    names = metrics_asked(metric or (), result, case.pools.names)
    with Progress(count, "points") as progress:
        found = swept(variants, axes, names, engine=chosen, block_size=block_size, progress=progress)
    if not metric:
        found = found.moving()
    is_whole = found.done_count == found.count
    report = view(case, result, variants.loaded.catalog, found=found, engine=chosen.words())
    emit_report(report, fmt, output if is_whole else None, color)
    if not is_whole:
        raise typer.Exit(EXIT_INTERRUPTED)
