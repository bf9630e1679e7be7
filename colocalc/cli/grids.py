"""The command that evaluates a fleet over a grid of values."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colocalc.cli.options import (
    BlockSizeOpt,
    CalibrationOpt,
    ColorOpt,
    EngineOpt,
    FleetArg,
    FormatOpt,
    OutOpt,
    RelayoutOpt,
    ScenarioOpt,
    SchedulerOpt,
    SetOpt,
    WorkersOpt,
    emit_report,
    evaluated,
)
from colocalc.errors import EXIT_INTERRUPTED, EXIT_USAGE, ColocalcError, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from colocalc.case import Case
    from colocalc.report.table import Report
    from colocalc.study.engine import Engine
    from colocalc.study.evaluate import Result
    from colocalc.study.over import Axis
    from colocalc.study.sweep import Sweep
    from colocalc.variants import Variants

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
    points: Annotated[
        Path | None,
        typer.Option(
            "--points", metavar="FILE", help="Write every point to a .parquet or .csv file; up to 100 million."
        ),
    ] = None,
    relayout: RelayoutOpt = False,
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
    from colocalc.study.engine import engine_of
    from colocalc.study.sweep import point_count

    chosen = engine_of(engine, workers, scheduler)
    axes = axes_of(over)
    every, report_to = _files(points, output, fmt)
    point_count(axes, is_written=every is not None)  # refused before any work
    found = evaluated(fleet, sets, scenario, calibration=calibration, relayout=relayout)
    report, is_whole = sweep_report(
        *found, axes, tuple(metric or ()), engine=chosen, block_size=block_size, every=every
    )
    emit_report(report, fmt, report_to if is_whole else None, color)
    if not is_whole:
        raise typer.Exit(EXIT_INTERRUPTED)


def sweep_report(
    variants: "Variants",
    case: "Case",
    result: "Result",
    axes: "Sequence[Axis]",
    metrics: "Sequence[str]",
    *,
    engine: "Engine",
    block_size: int | None = None,
    every: Path | None = None,
) -> "tuple[Report, bool]":
    """The report on a grid of a fleet, and whether all of its points were done."""
    from colocalc.report.views.sweep import sweep as view
    from colocalc.study.asked import metrics_asked

    names = metrics_asked(metrics, result, case.pools.names)
    found = _performed(variants, axes, names, engine, block_size, every)
    if not metrics:
        found = found.moving()
    report = view(
        case,
        result,
        variants.loaded.catalog,
        found=found,
        engine=engine.words(),
        relayout=variants.relayout,
        written_to=every,
    )
    return report, found.done_count == found.count


def axes_of(over: "Sequence[str]") -> "list[Axis]":
    """The axes asked for, each key once."""
    from colocalc.study.over import axis
    from colocalc.yamlio import read_scalar

    axes = [axis(text, partial(read_scalar, name="--over")) for text in over]
    keys = [one.key for one in axes]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise ColocalcError(f"{quoted(twice)} stands twice", where="--over", exit_code=EXIT_USAGE)
    return axes


def _files(points: Path | None, output: Path | None, fmt: str | None) -> tuple[Path | None, Path | None]:
    """Where the points go and where the report does; ``-o FILE.parquet`` is for points."""
    from colocalc.rows import refuse_twice

    if output is not None and fmt is None and points is None and output.suffix.lower() == ".parquet":
        return output, None
    refuse_twice(points, output, "--points")
    return points, output


def _performed(
    variants: "Variants",
    axes: "Sequence[Axis]",
    names: "Sequence[str]",
    engine: "Engine",
    size: int | None,
    every: Path | None,
) -> "Sweep":
    """All points, written as they are done where a file is asked for; one that is not whole is not kept."""
    from colocalc.progress import Progress
    from colocalc.study.sweep import point_count, sweep

    with Progress(point_count(axes, is_written=every is not None), "points") as progress:
        if every is None:
            return sweep(variants, axes, names, engine=engine, block_size=size, progress=progress)
        from colocalc.rows import rows_file

        with rows_file(every, "--points") as file:
            found = sweep(variants, axes, names, engine=engine, block_size=size, progress=progress, sink=file)
            if found.done_count == found.count:
                file.keep()
            return found
