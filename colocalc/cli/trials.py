"""The command that asks how likely a result is."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colocalc.cli.options import (
    BlockSizeOpt,
    CalibrationOpt,
    ColorOpt,
    EngineOpt,
    ExpectOpt,
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
from colocalc.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from colocalc.arrays import Array
    from colocalc.case import Case
    from colocalc.report.table import Report
    from colocalc.rows import RowsFile
    from colocalc.study.engine import Engine
    from colocalc.study.engine.task import Block
    from colocalc.study.evaluate import Result
    from colocalc.study.risk import Outcome, Plan
    from colocalc.study.trials import Draws
    from colocalc.variants import Variants

MOST_TRIALS = 100_000_000
MOST_SEED = 2**64 - 1
BLOCK = 4_000

app = typer.Typer()


@app.command()
def risk(
    fleet: FleetArg,
    trials: Annotated[
        int, typer.Option("--trials", metavar="N", min=1, max=MOST_TRIALS, help="How many; up to 100 million.")
    ] = 10_000,
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", min=0, max=MOST_SEED, help="The same seed draws the same trials.")
    ] = 0,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="ID", help="A metric, e.g. lease.project_npv_usd; else the usual ones."),
    ] = None,
    expect: ExpectOpt = None,
    draws: Annotated[
        Path | None, typer.Option("--draws", metavar="FILE", help="Write every trial to a .parquet or .csv file.")
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
    """How likely: Monte Carlo over the ranges of the fleet's numbers, with bands, probabilities and a tornado.

    Prices after contracts move from month to month, rates of GPU types move together, failures are counted. Library
    twin: colocalc.study.risk.plan, colocalc.study.risk.perform and colocalc.study.spread.spread.
    """
    from colocalc.study.engine import engine_of

    chosen = engine_of(engine, workers, scheduler)
    every, report_to = _files(draws, output, fmt)
    found = evaluated(fleet, sets, scenario, calibration=calibration, relayout=relayout)
    asked = Asked(trials, seed, tuple(metric or ()), tuple(expect or ()))
    report, is_whole = risk_report(*found, asked, engine=chosen, block_size=block_size, every=every)
    emit_report(report, fmt, report_to if is_whole else None, color)
    if not is_whole:
        raise typer.Exit(EXIT_INTERRUPTED)


@dataclass(frozen=True)
class Asked:
    """What is asked of trials: how many, with which seed, and of which metrics and expectations."""

    trials: int
    seed: int
    metrics: tuple[str, ...] = ()
    expectations: tuple[str, ...] = ()


def risk_report(
    variants: "Variants",
    case: "Case",
    result: "Result",
    asked: Asked,
    *,
    engine: "Engine",
    block_size: int | None = None,
    every: Path | None = None,
) -> "tuple[Report, bool]":
    """The report on trials of a fleet, and whether all of them were done."""
    import numpy as np

    from colocalc import __version__
    from colocalc.case.risk import lower_chances
    from colocalc.report.views.risk import risk as view
    from colocalc.study.risk import plan
    from colocalc.study.spread import spread

    catalog = variants.loaded.catalog
    chances = lower_chances(variants.fleet, catalog)
    wanted = {"metrics": asked.metrics, "asked": asked.expectations, "in_file": variants.fleet.expect}
    found = plan(variants, result, chances, **wanted, seed=asked.seed)
    outcome = _performed(found, asked.trials, engine, block_size or BLOCK, every)
    report = view(
        case,
        result,
        catalog,
        plan=found,
        outcome=outcome,
        spread=spread(found, outcome) if outcome.done_count else None,
        chances=chances,
        engine=engine.words(),
        versions=(f"numpy {np.__version__}", f"colocalc {__version__}"),
        relayout=variants.relayout,
    )
    return report, outcome.done_count == asked.trials or not found.names


def _files(draws: Path | None, output: Path | None, fmt: str | None) -> tuple[Path | None, Path | None]:
    """Where the trials go and where the report does; ``-o FILE.parquet`` is for trials."""
    from colocalc.rows import refuse_twice

    if output is not None and fmt is None and draws is None and output.suffix.lower() == ".parquet":
        return output, None
    refuse_twice(draws, output, "--draws")
    return draws, output


def _performed(found: "Plan", count: int, engine: "Engine", size: int, every: Path | None) -> "Outcome":
    """All trials, written as they are done where a file is asked for; one that is not whole is not kept."""
    from colocalc.progress import Progress
    from colocalc.study.risk import Outcome, perform

    if not found.names:  # nothing has a value
        return Outcome({}, count, 0)
    with Progress(count, "trials") as progress:
        if every is None:
            return perform(found, count, engine=engine, block_count=size, progress=progress)
        from colocalc.rows import rows_file

        with rows_file(every, "--draws") as file:
            sink = _Rows(file, found.task.draws)
            outcome = perform(found, count, engine=engine, block_count=size, progress=progress, sink=sink)
            if outcome.done_count == count:
                file.keep()
            return outcome


class _Rows:
    """Takes trials as they are done and writes them with what was drawn."""

    def __init__(self, file: "RowsFile", draws: "Draws") -> None:
        self._file = file
        self._draws = draws

    def write(self, block: "Block", columns: "Mapping[str, Array]") -> None:
        """One more block of trials."""
        import numpy as np

        from colocalc.study.trials import inputs_of

        drawn = inputs_of(self._draws, block)
        inputs = {one.path: drawn[:, place] for place, one in enumerate(self._draws.inputs)}
        self._file.write({"trial": np.arange(block.start, block.stop, dtype=np.float64), **inputs, **columns})
