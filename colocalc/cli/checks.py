"""Commands that judge a fleet: its file, its expectations."""

import typer

from colocalc.cli.options import (
    ColorOpt,
    ExpectOpt,
    FleetArg,
    FormatOpt,
    OutOpt,
    ScenarioOpt,
    SetOpt,
    emit_report,
    evaluated,
    stdin_of,
)
from colocalc.errors import EXIT_EXPECTATION

app = typer.Typer()


@app.command()
def check(
    fleet: FleetArg,
    expect: ExpectOpt = None,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Validates the file and all its scenarios; exit 1 when an expectation does not hold.

    Library twin: colocalc.study.check.judged.
    """
    from colocalc.report import views
    from colocalc.study.check import judged

    stdin = stdin_of(fleet)
    loaded, case, result = evaluated(fleet, sets, scenario, stdin=stdin)
    _check_scenarios(fleet, sets, tuple(loaded.fleet.scenarios), stdin)
    checked = judged(
        result, (*loaded.fleet.expect, *(expect or ())), pools=case.pools.names, scenarios=tuple(loaded.fleet.scenarios)
    )
    emit_report(views.check(case, result, loaded.catalog, checked=checked), fmt, output, color)
    if not checked.holds:
        raise typer.Exit(EXIT_EXPECTATION)


def _check_scenarios(place: str, sets: list[str] | None, names: tuple[str, ...], stdin: bytes | None) -> None:
    """Evaluates every scenario; the faults of all of them are told at once, each with the scenario it comes from."""
    from dataclasses import replace

    from colocalc.errors import InputError

    faults = []
    for name in names:
        try:
            evaluated(place, sets, name, stdin=stdin)
        except InputError as error:
            faults += [replace(one, message=f"{one.message} (scenario {name})") for one in error.faults]
    if faults:
        raise InputError(faults)
