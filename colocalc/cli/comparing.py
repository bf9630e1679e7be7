"""The command that sets fleets side by side."""

import os
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
    from collections.abc import Sequence

    from colocalc.catalog import Catalog
    from colocalc.report.table import Report
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
    relayout: Annotated[
        bool, typer.Option("--relayout", help="Search a layout that the file leaves open anew in every mix.")
    ] = False,
    sets: SetOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Fleets or scenarios side by side; for two, what each group of changes does, adding up exactly.

    Library twin: colocalc.study.compare.bridges and colocalc.mixing.Pair.
    """
    if len(fleets) < 2:
        raise ColocalcError("takes two fleets or more", where="compare", exit_code=EXIT_USAGE)
    if twice := next((one for one in fleets if fleets.count(one) > 1), None):
        raise ColocalcError(f"{quoted(twice)} stands twice", where="compare", exit_code=EXIT_USAGE)
    if sum(one == "-" or one.startswith("-@") for one in fleets) > 1:
        message = "standard input holds one fleet, and can be read once"
        raise ColocalcError(message, where="compare", exit_code=EXIT_USAGE)
    catalog = catalog_with(calibration)
    found = [variants_of(one, catalog, tuple(sets or ())) for one in fleets]
    emit_report(compare_report(fleets, found, tuple(metric or ()), relayout=relayout), fmt, output, color)


def compare_report(
    labels: "Sequence[str]", found: "Sequence[Variants]", metrics: tuple[str, ...], *, relayout: bool
) -> "Report":
    """The report on fleets side by side."""
    from colocalc.mixing import Pair
    from colocalc.report.views.compare import compare as view
    from colocalc.study.asked import metrics_asked
    from colocalc.study.compare import bridges
    from colocalc.study.evaluate import evaluate

    cases = [one.case for one in found]
    results = [evaluate(case) for case in cases]
    pools = tuple(dict.fromkeys(name for case in cases for name in case.pools.names))
    names = tuple(dict.fromkeys(name for result in results for name in metrics_asked(metrics, result, pools)))
    pair = Pair(found[0], found[1], relayout=relayout) if len(found) == 2 else None
    moving = [name for name in names if all(name in one.metrics for one in results) and _differs(name, results)]
    bridged = moving if metrics else moving[:_BRIDGED]
    spans = bridges(pair.mixed(), pair.blocks, bridged) if pair and pair.blocks and bridged else ()
    return view(labels, cases, results, found[0].loaded.catalog, names=names, bridges=spans, relayout=relayout)


def _differs(name: str, results: "list[Result]") -> bool:
    return len({float(result.metrics[name]) for result in results}) > 1


def variants_of(text: str, catalog: "Catalog", sets: tuple[str, ...]) -> "Variants":
    """A fleet, in a scenario or not."""
    from colocalc.variants import Variants

    place, scenario = named(text)
    return Variants(place, catalog, sets=sets, scenario=scenario, stdin=stdin_of(place))


def named(text: str) -> tuple[str, str | None]:
    """A fleet and its scenario, which stands behind the last @ unless a file has that name."""
    place, at, scenario = text.rpartition("@")
    return (text, None) if not at or not place or os.path.lexists(text) else (place, scenario or None)
