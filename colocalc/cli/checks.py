"""Commands that judge a fleet: its file and its claims, what a goal would take, and the equation of a number."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colocalc.cli.options import (
    CalibrationOpt,
    ColorOpt,
    ExpectOpt,
    FleetArg,
    FormatOpt,
    MaybeFleetArg,
    OutOpt,
    ScenarioOpt,
    SetOpt,
    emit_report,
    evaluated,
)
from colocalc.errors import EXIT_EXPECTATION, EXIT_USAGE, ColocalcError, quoted

if TYPE_CHECKING:
    from colocalc.variants import Variants

app = typer.Typer()


@app.command()
def check(
    fleet: FleetArg,
    expect: ExpectOpt = None,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved",
            help="Write the fleet instead, with all it extends, assumes and takes from the catalog, as YAML.",
        ),
    ] = False,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Validates the file and all its scenarios, weighs its claims, and looks over its rate cards.

    Exit 1 when an expectation does not hold. Library twin: colocalc.study.check.judged, colocalc.study.claims.weigh,
    colocalc.lint.lint_cards and colocalc.resolved.resolved_text.
    """
    if resolved:
        _refuse_other_forms(fmt, output)
    from colocalc.emit import to_stderr
    from colocalc.lint import lint_cards
    from colocalc.report import views
    from colocalc.study.check import judged
    from colocalc.study.claims import weigh

    variants, case, result = evaluated(fleet, sets, scenario, calibration=calibration)
    own = variants.fleet
    _check_scenarios(variants)
    checked = judged(result, (*own.expect, *(expect or ())), pools=case.pools.names, scenarios=tuple(own.scenarios))
    if resolved:
        _write_resolved(variants, output)
        if not checked.holds:
            to_stderr("an expectation does not hold: colocalc check without --resolved says which")
            raise typer.Exit(EXIT_EXPECTATION)
        return
    verdicts, findings = weigh(own.claims, variants), lint_cards(own, variants.loaded.catalog)
    found = views.check(
        case,
        result,
        variants.loaded.catalog,
        checked=checked,
        verdicts=verdicts,
        findings=findings,
        notes=variants.loaded.notes,
    )
    emit_report(found, fmt, output, color)
    if not checked.holds:
        raise typer.Exit(EXIT_EXPECTATION)


@app.command()
def solve(
    fleet: FleetArg,
    key: Annotated[
        str, typer.Option("--for", metavar="KEY", help="The number to find, e.g. lease.rate_usd_per_gpu_h.")
    ],
    until: Annotated[
        str, typer.Option("--until", metavar="GOAL", help='What it should bring about, e.g. "hedge.gross_share = 1".')
    ],
    between: Annotated[
        str | None, typer.Option("--between", metavar="LOW:HIGH", help="Where to look; else all its unit allows.")
    ] = None,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Goal seek: every value of one number at which a metric is what you want; exit 1 when there is none.

    KEY is any number of the file, or any assumption by its path. Library twin: colocalc.study.goal.reach.
    """
    from colocalc.report.views.solve import solve as solve_view
    from colocalc.study.evaluate import evaluate
    from colocalc.study.goal import comparison_of, reach

    if not key.strip() or "=" in key:
        raise ColocalcError(f"should be one key, not {quoted(key)}", where="--for", exit_code=EXIT_USAGE)
    span = _span(between)
    variants, case, _ = evaluated(fleet, sets, scenario, calibration=calibration)
    goal = reach(variants, key, comparison_of(until, case.pools.names), between=span)
    shown = goal.met or case
    emit_report(solve_view(shown, evaluate(shown), variants.loaded.catalog, goal=goal), fmt, output, color)
    if not goal.is_met:
        raise typer.Exit(EXIT_EXPECTATION)


@app.command()
def explain(
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="A metric id, e.g. hedge.gross_share, or a stage.")],
    fleet: MaybeFleetArg = None,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """The equation and references behind a number; with a fleet, its numbers put in, down to their sources.

    Library twin: colocalc.study.explain.explain.
    """
    from colocalc.catalog import load_catalog
    from colocalc.report.views.explain import view
    from colocalc.study.explain import explain as explained

    if fleet is None:
        if sets or scenario is not None or calibration is not None:
            where = "--set, --scenario or --calibration"
            raise ColocalcError("changes a fleet, and none is given", where=where, exit_code=EXIT_USAGE)
        emit_report(view(explained(metric), None, None, load_catalog()), fmt, output, color)
        return
    variants, case, result = evaluated(fleet, sets, scenario, calibration=calibration)
    emit_report(view(explained(metric, case, result), case, result, variants.loaded.catalog), fmt, output, color)


def _refuse_other_forms(fmt: str | None, output: Path | None) -> None:
    """A fleet is YAML, whatever form a report is asked for in."""
    if fmt is not None:
        raise ColocalcError("is for reports; a resolved fleet is YAML", where="--format", exit_code=EXIT_USAGE)
    if output is not None and str(output) != "-" and output.suffix not in {".yaml", ".yml"}:
        raise ColocalcError("a resolved fleet is YAML: end the name in .yaml", where=str(output), exit_code=EXIT_USAGE)


def _write_resolved(variants: "Variants", output: Path | None) -> None:
    from colocalc.emit import write
    from colocalc.resolved import resolved_text

    write(resolved_text(variants), output)


def _span(between: str | None) -> tuple[float, float] | None:
    """The range to look in, as two numbers in the unit of the key."""
    if between is None:
        return None
    from colocalc.yamlio import read_scalar

    ends = [read_scalar(part, name="--between") for part in between.split(":")]
    numbers = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(ends) != 2 or len(numbers) != 2 or not 0.0 <= numbers[0] < numbers[1] < float("inf"):
        raise ColocalcError(
            f"should be LOW:HIGH, two numbers from 0 up, the lower first; not {quoted(between)}",
            where="--between",
            exit_code=EXIT_USAGE,
        )
    return numbers[0], numbers[1]


def _check_scenarios(variants: "Variants") -> None:
    """Evaluates every scenario; the faults of all of them are told at once, each with the scenario it comes from."""
    from dataclasses import replace

    from colocalc.errors import InputError
    from colocalc.study.evaluate import evaluate

    faults = []
    for name in variants.fleet.scenarios:
        try:
            evaluate(variants.in_scenario(name).case)
        except InputError as error:
            faults += [replace(one, message=f"{one.message} (scenario {name})") for one in error.faults]
    if faults:
        raise InputError(faults)
