"""What commands share: their arguments and options, and the way from a fleet to a result and out again."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colocalc.errors import EXIT_IO, EXIT_USAGE, ColocalcError, did_you_mean, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from colocalc.case import Case
    from colocalc.catalog import Catalog
    from colocalc.report.table import Report
    from colocalc.report.workbook import Workbook
    from colocalc.study.evaluate import Result
    from colocalc.variants import Variants

CSV_SHAPES = ("focus",)

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
    str | None, typer.Option("--format", "-f", metavar="FORMAT", help="table, json, csv, markdown, html or xlsx.")
]
OutOpt = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file; its ending picks the format.")
]
ShapeOpt = Annotated[
    str | None,
    typer.Option(
        "--csv-shape",
        metavar="SHAPE",
        help="focus: CSV of a forecast bill, by contract, pool and month, as FOCUS has it.",
    ),
]
ColorOpt = Annotated[str, typer.Option("--color", metavar="WHEN", help="auto, always or never; NO_COLOR is heeded.")]
CardOpt = Annotated[
    str | None,
    typer.Option(
        "--rate-card",
        metavar="[CARD]",
        help="A card's name or file, or prices: skypilot:FILE, gpuhunt:FILE, FILE.csv, each with @DATE or not. Alone, "
        "the fleet's own card or the bundled story-2026-05.",
    ),
]
CalibrationOpt = Annotated[
    Path | None,
    typer.Option("--calibration", metavar="FILE", help="Constants of the step-time model other than those that ship."),
]
ChartOpt = Annotated[
    str | None,
    typer.Option("--chart", metavar="NAME", help="One chart alone, e.g. waterfall, as .svg, .png or .pdf."),
]
ExpectOpt = Annotated[
    list[str] | None, typer.Option("--expect", metavar="EXPR", help='E.g. "hedge.gross_share > 0.8".')
]

EngineOpt = Annotated[
    str | None, typer.Option("--engine", metavar="ENGINE", help="serial, threads, processes or dask; same result.")
]
WorkersOpt = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="How many; else one for each processor.")
]
SchedulerOpt = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that exists; else one is started."),
]
BlockSizeOpt = Annotated[
    int | None, typer.Option("--block-size", metavar="N", min=1, help="Scenarios at once; no part of the result.")
]
RelayoutOpt = Annotated[
    bool, typer.Option("--relayout", help="Search a layout that the file leaves open anew at every point, not once.")
]


def stdin_of(place: str) -> bytes | None:
    """What standard input holds, when the fleet is read from it."""
    if place != "-":
        return None
    from colocalc.yamlio import MAX_BYTES

    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except (AttributeError, OSError) as error:  # Python has None for a closed one
        reason = getattr(error, "strerror", None) or "it is closed"
        raise ColocalcError(f"cannot be read: {reason}", where="standard input", exit_code=EXIT_IO) from None


def evaluated(
    place: str,
    sets: list[str] | None,
    scenario: str | None,
    *,
    rate_card: str | None = None,
    default_lease: bool = False,
    calibration: Path | None = None,
    relayout: bool = False,
) -> "tuple[Variants, Case, Result]":
    """A fleet with its variants, lowered and evaluated."""
    from colocalc.study.evaluate import evaluate
    from colocalc.variants import Variants

    variants = Variants(
        place,
        catalog_with(calibration),
        sets=tuple(sets or ()),
        scenario=scenario,
        stdin=stdin_of(place),
        rate_card=rate_card,
        default_lease=default_lease,
        relayout=relayout,
    )
    return variants, variants.case, evaluate(variants.case)


def catalog_with(calibration: Path | None) -> "Catalog":
    """The catalog that ships, with the constants of a file in place of its own where one is given."""
    from colocalc.catalog import load_catalog, read_calibration

    catalog = load_catalog()
    return catalog if calibration is None else catalog.calibrated(read_calibration(calibration))


def emit_report(
    report: "Report",
    fmt: str | None,
    output: Path | None,
    color: str,
    model: "Callable[[], Workbook | None] | None" = None,
) -> None:
    """Writes a report where and as the user wants it; a workbook with its live model in front."""
    from colocalc.emit import emit

    emit(report, fmt=fmt, output=output, color=color, model=model)


def emit_charges(case: "Case", result: "Result", shape: str, fmt: str | None, output: Path | None) -> None:
    """Writes what contracts would bill, as CSV in the shape asked for."""
    if shape not in CSV_SHAPES:
        hint = did_you_mean(shape, CSV_SHAPES)
        message = f"{quoted(shape)} is none of {', '.join(CSV_SHAPES)}"
        raise ColocalcError(message, where="--csv-shape", hint=hint, exit_code=EXIT_USAGE)
    from colocalc.emit import emit_table
    from colocalc.report.views.focus import NOTE, focus

    emit_table(focus(case, result), NOTE, fmt=fmt, output=output, shape=shape)


def live_model(case: "Case", result: "Result", catalog: "Catalog", report: "Report") -> "Callable[[], Workbook | None]":
    """What builds the live model of a workbook, once one is asked for."""

    def build() -> "Workbook | None":
        from colocalc.report.views.model import workbook

        return workbook(case, result, catalog, report)

    return build
