"""The command line: each command loads, lowers, studies, views and emits, and nothing more."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer

from colocalc.errors import EXIT_EXPECTATION, EXIT_IO, ColocalcError

if TYPE_CHECKING:
    from colocalc.case import Case
    from colocalc.loading import LoadedFleet
    from colocalc.report.table import Report
    from colocalc.study.evaluate import Result

SAMPLE = "colossus-1"
BARE = ""  # the value of --rate-card when it is given without one

FleetArg = Annotated[
    str, typer.Argument(metavar="FLEET", help="A fleet file, - for standard input, or a sample's name.")
]
MaybeFleetArg = Annotated[
    str | None, typer.Argument(metavar="FLEET", help="A fleet file, - for standard input, or a sample's name.")
]
SetOpt = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. pools.gb200.count=30000.")
]
ScenarioOpt = Annotated[str | None, typer.Option("--scenario", metavar="NAME", help="A scenario of the file.")]
FormatOpt = Annotated[
    str | None, typer.Option("--format", "-f", metavar="FORMAT", help="table, json, csv or markdown.")
]
OutOpt = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file; its ending picks the format.")
]
ColorOpt = Annotated[str, typer.Option("--color", metavar="WHEN", help="auto, always or never; NO_COLOR is heeded.")]
CardOpt = Annotated[
    str | None,
    typer.Option(
        "--rate-card",
        metavar="[CARD]",
        help="A card's name or file; alone, the fleet's own card or the bundled story-2026-05.",
    ),
]
ExpectOpt = Annotated[
    list[str] | None, typer.Option("--expect", metavar="EXPR", help='E.g. "hedge.gross_share > 0.8".')
]

app = typer.Typer(
    name="colocalc",
    help="Capacity and lease economics of GPU fleets: every number with its definition, source and band.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class _BareRateCard(typer.core.TyperCommand):
    """Lets ``--rate-card`` stand without a value, which typer's options cannot."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the bare value in where the next token is no card."""
        filled: list[str] = []
        for place, token in enumerate(args):
            filled.append(token)
            following = args[place + 1 : place + 2]
            if token == "--rate-card" and (not following or (following[0].startswith("-") and following[0] != "-")):
                filled.append(BARE)
        return super().parse_args(ctx, filled)


def _version(wanted: bool) -> None:
    if wanted:
        from colocalc import __version__
        from colocalc.emit import write

        write(f"colocalc {__version__}\n", None)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


@app.command()
def mfu(
    fleet: FleetArg,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """How much of the peak becomes useful training, and what takes the rest.

    Library twin: colocalc.study.evaluate.evaluate and colocalc.report.views.mfu.
    """
    from colocalc.report import views
    from colocalc.study.training import alternatives

    loaded, case, result = _evaluated(fleet, sets, scenario)
    others = tuple(alternatives(case))
    _emit(views.mfu(case, result, loaded.catalog, others=others), fmt, output, color)


@app.command(cls=_BareRateCard)
def lease(
    fleet: MaybeFleetArg = None,
    rate_card: CardOpt = None,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Revenue by GPU type, cost and contribution of leasing the fleet.

    Library twin: colocalc.study.evaluate.evaluate and colocalc.report.views.lease.
    """
    from colocalc.report import views

    loaded, case, result = _evaluated(fleet or SAMPLE, sets, scenario, rate_card=rate_card, default_lease=True)
    sample = [f"no fleet given: the bundled sample {SAMPLE} is used"] if fleet is None else []
    cards = case.lease.cards if case.lease and rate_card is not None else ()
    report = views.lease(case, result, loaded.catalog, notes=[*sample, *loaded.notes], cards=cards)
    _emit(report, fmt, output, color)


@app.command()
def hedge(
    fleet: FleetArg,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Which part of a stated loss the lease covers, and the rate that covers all of it.

    Library twin: colocalc.study.evaluate.evaluate and colocalc.report.views.hedge.
    """
    from colocalc.report import views

    loaded, case, result = _evaluated(fleet, sets, scenario)
    _emit(views.hedge(case, result, loaded.catalog), fmt, output, color)


@app.command()
def h100e(
    fleet: FleetArg,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """The fleet in H100-equivalents on every basis, and its share of a stated total.

    Library twin: colocalc.study.evaluate.evaluate and colocalc.report.views.h100e.
    """
    from colocalc.report import views

    loaded, case, result = _evaluated(fleet, sets, scenario)
    _emit(views.h100e(case, result, loaded.catalog), fmt, output, color)


@app.command()
def report(
    fleet: FleetArg,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """All of it in one report: MFU, lease, hedge, H100-equivalents, expectations.

    Library twin: colocalc.study.evaluate.evaluate and colocalc.report.views.report.
    """
    from colocalc.report import views
    from colocalc.study.check import judged
    from colocalc.study.training import alternatives

    loaded, case, result = _evaluated(fleet, sets, scenario)
    checked = judged(result, loaded.fleet.expect, pools=case.pools.names)
    others = tuple(alternatives(case))
    _emit(views.report(case, result, loaded.catalog, others=others, checked=checked), fmt, output, color)


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

    stdin = _stdin(fleet)
    loaded, case, result = _evaluated(fleet, sets, scenario, stdin=stdin)
    _check_scenarios(fleet, sets, tuple(loaded.fleet.scenarios), stdin)
    checked = judged(
        result, (*loaded.fleet.expect, *(expect or ())), pools=case.pools.names, scenarios=tuple(loaded.fleet.scenarios)
    )
    _emit(views.check(case, result, loaded.catalog, checked=checked), fmt, output, color)
    if not checked.holds:
        raise typer.Exit(EXIT_EXPECTATION)


@app.command()
def catalog(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="gpus, models, cards, networks, defaults, sources, fleets or metrics.")
    ],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One entry, with all its numbers.")] = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """What ships, each number with its source.

    Library twin: colocalc.catalog.load_catalog.
    """
    from colocalc.catalog import load_catalog
    from colocalc.report.views.catalog import view

    _emit(view(load_catalog(), kind, name), fmt, output, color)


@app.command()
def schema(output: OutOpt = None) -> None:
    """The JSON Schema of a fleet file, for editors.

    Library twin: colocalc.schema.fleet_schema_text.
    """
    from colocalc.emit import write
    from colocalc.schema import fleet_schema_text

    write(fleet_schema_text(), output)


@app.command()
def init(
    sample: Annotated[str | None, typer.Argument(metavar="SAMPLE", help="Start from a bundled sample instead.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - for standard output.")
    ] = Path("fleet.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")] = False,
) -> None:
    """Writes a commented starter file, and its schema beside it for editors.

    Library twin: colocalc.schema.starter_text.
    """
    from colocalc.emit import write
    from colocalc.schema import SCHEMA_NAME, fleet_schema_text, starter_text

    text = starter_text(sample)
    if str(output) == "-":
        write(text, None)
        return
    if output.exists() and not force:
        raise ColocalcError("exists already", where=str(output), hint="--force overwrites it", exit_code=EXIT_IO)
    write(text, output)
    beside = output.parent / SCHEMA_NAME
    if force or not beside.exists():
        write(fleet_schema_text(), beside)
    typer.echo(f"wrote {output}; try: colocalc report {output}", err=True)


def _stdin(place: str) -> bytes | None:
    if place != "-":
        return None
    from colocalc.yamlio import MAX_BYTES

    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except (AttributeError, OSError) as error:  # Python has None for a closed one
        reason = getattr(error, "strerror", None) or "it is closed"
        raise ColocalcError(f"cannot be read: {reason}", where="standard input", exit_code=EXIT_IO) from None


def _check_scenarios(place: str, sets: list[str] | None, names: tuple[str, ...], stdin: bytes | None) -> None:
    """Evaluates every scenario; the faults of all of them are told at once, each with the scenario it comes from."""
    from dataclasses import replace

    from colocalc.errors import InputError

    faults = []
    for name in names:
        try:
            _evaluated(place, sets, name, stdin=stdin)
        except InputError as error:
            faults += [replace(one, message=f"{one.message} (scenario {name})") for one in error.faults]
    if faults:
        raise InputError(faults)


def _evaluated(
    place: str,
    sets: list[str] | None,
    scenario: str | None,
    *,
    stdin: bytes | None = None,
    rate_card: str | None = None,
    default_lease: bool = False,
) -> "tuple[LoadedFleet, Case, Result]":
    from colocalc.case import lower
    from colocalc.catalog import load_catalog
    from colocalc.loading import load_fleet
    from colocalc.study.evaluate import evaluate

    loaded = load_fleet(
        place,
        catalog=load_catalog(),
        sets=sets or (),
        scenario=scenario,
        stdin=_stdin(place) if stdin is None else stdin,
        rate_card=rate_card,
        default_lease=default_lease,
    )
    case = lower(loaded.fleet, loaded.catalog, scenario=scenario)
    return loaded, case, evaluate(case)


def _emit(report: "Report", fmt: str | None, output: Path | None, color: str) -> None:
    from colocalc.emit import emit

    emit(report, fmt=fmt, output=output, color=color)


def run() -> NoReturn:
    """Runs the command line and leaves with its exit code."""
    try:
        code = app(prog_name="colocalc", standalone_mode=False)
    except ColocalcError as error:
        _leave(str(error), error.exit_code)
    except OSError as error:
        # Reports and files say where; what is left is typer's own help on a full disk.
        _silence(sys.stdout)
        _leave(f"cannot read or write: {error.strerror or error}", EXIT_IO)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        # Usage errors are typer's own: they know how to show themselves and which code they stand for.
        show = getattr(error, "show", None)
        if show is None:
            raise
        try:
            show()
        except OSError:
            _silence(sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))
    sys.exit(code if isinstance(code, int) else 0)


def _silence(stream: TextIO) -> None:
    from colocalc.emit import silence

    silence(stream)


def _leave(message: str, code: int) -> NoReturn:
    from colocalc.emit import to_stderr

    to_stderr(message)
    sys.exit(code)
