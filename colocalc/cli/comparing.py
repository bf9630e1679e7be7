"""The command that sets fleets side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colocalc.cli.options import (
    CalibrationOpt,
    ColorOpt,
    FormatOpt,
    OutOpt,
    SetOpt,
    catalog_with,
    emit_report,
    stdin_of,
)
from colocalc.errors import EXIT_USAGE, ColocalcError, quoted

if TYPE_CHECKING:
    from colocalc.catalog import Catalog
    from colocalc.study.evaluate import Result
    from colocalc.variants import Variants

_BRIDGED = 4  # metrics that get a bridge unless some are asked for

app = typer.Typer()


@app.command()
def compare(
    fleets: Annotated[
        list[str], typer.Argument(metavar="A B [C ...]", help="Fleets, each with a scenario or not: FLEET@SCENARIO.")
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="ID", help="A metric, e.g. lease.project_npv_usd; else the usual ones."),
    ] = None,
    sets: SetOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Fleets or scenarios side by side; for two, what each group of changes does, adding up exactly.

    Library twin: colocalc.study.compare.bridges and colocalc.mixing.Pair.
    """
    from colocalc.mixing import Pair
    from colocalc.report.views.compare import compare as view
    from colocalc.study.asked import metrics_asked
    from colocalc.study.compare import bridges
    from colocalc.study.evaluate import evaluate

    if len(fleets) < 2:
        raise ColocalcError("takes two fleets or more", where="compare", exit_code=EXIT_USAGE)
    if twice := next((one for one in fleets if fleets.count(one) > 1), None):
        raise ColocalcError(f"{quoted(twice)} stands twice", where="compare", exit_code=EXIT_USAGE)
    if sum(one == "-" or one.startswith("-@") for one in fleets) > 1:
        message = "standard input holds one fleet, and can be read once"
        raise ColocalcError(message, where="compare", exit_code=EXIT_USAGE)
    catalog = catalog_with(calibration)
    found = [_variants(one, catalog, tuple(sets or ())) for one in fleets]
    cases = [one.case for one in found]
    results = [evaluate(case) for case in cases]
    pools = tuple(dict.fromkeys(name for case in cases for name in case.pools.names))
    names = tuple(dict.fromkeys(name for result in results for name in metrics_asked(metric or (), result, pools)))
    pair = Pair(*found) if len(found) == 2 else None
    moving = [name for name in names if all(name in one.metrics for one in results) and _differs(name, results)]
    bridged = moving if metric else moving[:_BRIDGED]
    spans = bridges(pair.mixed(), pair.blocks, bridged) if pair and pair.blocks and bridged else ()
    report = view(fleets, cases, results, found[0].loaded.catalog, names=names, bridges=spans)
    emit_report(report, fmt, output, color)


def _differs(name: str, results: "list[Result]") -> bool:
    return len({float(result.metrics[name]) for result in results}) > 1


def _variants(text: str, catalog: "Catalog", sets: tuple[str, ...]) -> "Variants":
    """A fleet, with the scenario behind the last @ unless a file has that name."""
    from colocalc.variants import Variants

    place, at, scenario = text.rpartition("@")
    if not at or not place or Path(text).exists():
        place, scenario = text, ""
    return Variants(place, catalog, sets=sets, scenario=scenario or None, stdin=stdin_of(place))
