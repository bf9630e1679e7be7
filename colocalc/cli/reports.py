"""Commands that report on a fleet: MFU, lease, hedge, H100-equivalents, and all of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from colocalc.cli.options import (
    CalibrationOpt,
    CardOpt,
    ChartOpt,
    ColorOpt,
    FleetArg,
    FormatOpt,
    MaybeFleetArg,
    OutOpt,
    RelayoutOpt,
    ScenarioOpt,
    SetOpt,
    ShapeOpt,
    emit_charges,
    emit_report,
    evaluated,
    live_model,
)
from colocalc.cli.trials import MOST_SEED, MOST_TRIALS
from colocalc.cli.with_studies import SEED, TRIALS, performed_studies, wanted_studies
from colocalc.errors import EXIT_INTERRUPTED, EXIT_USAGE, ColocalcError

if TYPE_CHECKING:
    from colocalc.case import Case
    from colocalc.report.table import Report
    from colocalc.study.evaluate import Result
    from colocalc.variants import Variants

SAMPLE = "colossus-1"
BARE = ""  # the value of --rate-card when it is given without one

app = typer.Typer()


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


@app.command()
def mfu(
    fleet: FleetArg,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """How much of the peak becomes useful training, and what takes the rest.

    Library twin: colocalc.study.evaluate.evaluate and colocalc.report.views.mfu.
    """
    from colocalc.report import views
    from colocalc.study.band import mfu_band
    from colocalc.study.needed import needed
    from colocalc.study.training import alternatives

    variants, case, result = evaluated(fleet, sets, scenario, calibration=calibration)
    others = tuple(alternatives(case, result.training))
    found = views.mfu(
        case,
        result,
        variants.loaded.catalog,
        others=others,
        targets=needed(variants.fleet.claims, variants),
        band=mfu_band(variants),
    )
    emit_report(found, fmt, output, color)


@app.command(cls=_BareRateCard)
def lease(
    fleet: MaybeFleetArg = None,
    rate_card: CardOpt = None,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    csv_shape: ShapeOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Revenue by GPU type, cost and contribution of leasing the fleet.

    Library twin: colocalc.study.evaluate.evaluate and colocalc.report.views.lease.
    """
    from colocalc.prices import price_file
    from colocalc.report import views

    variants, case, result = evaluated(fleet or SAMPLE, sets, scenario, rate_card=rate_card, default_lease=True)
    if csv_shape is not None:
        emit_charges(case, result, csv_shape, fmt, output)
        return
    sample = [f"no fleet given: the bundled sample {SAMPLE} is used"] if fleet is None else []
    # A card the command asks for is shown, and one from a file of prices always: it stands nowhere else.
    cards = [name for name in case.lease.cards if rate_card is not None or price_file(name)] if case.lease else []
    catalog = variants.loaded.catalog
    report = views.lease(case, result, catalog, notes=[*sample, *variants.loaded.notes], cards=cards)
    emit_report(report, fmt, output, color, model=live_model(case, result, catalog, report))


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

    variants, case, result = evaluated(fleet, sets, scenario)
    emit_report(views.hedge(case, result, variants.loaded.catalog), fmt, output, color)


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

    variants, case, result = evaluated(fleet, sets, scenario)
    emit_report(views.h100e(case, result, variants.loaded.catalog), fmt, output, color)


@app.command()
def report(
    fleet: FleetArg,
    with_study: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="STUDY[,...]",
            help="Studies in the report too: risk, sweep:KEY=VALUES[,KEY=VALUES], compare:FLEET[@SCENARIO].",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", metavar="N", min=1, max=MOST_TRIALS, help=f"Of --with risk; else {TRIALS:,}."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="S", min=0, max=MOST_SEED, help=f"Of --with risk; else {SEED}.")
    ] = None,
    relayout: RelayoutOpt = False,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    chart: ChartOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    csv_shape: ShapeOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """All of it in one report: MFU, lease, hedge, H100-equivalents, train or lease, expectations, claims weighed.

    Studies are added with --with. Library twin: colocalc.study.evaluate.evaluate, colocalc.study.claims.weigh,
    colocalc.report.views.report and colocalc.report.views.studies.joined.
    """
    from colocalc.emit import emit_chart
    from colocalc.report.views.studies import joined

    if csv_shape is not None and (with_study or chart is not None):
        raise ColocalcError("goes with neither --with nor --chart", where="--csv-shape", exit_code=EXIT_USAGE)
    wanted, asked = wanted_studies(with_study or (), trials=trials, seed=seed, relayout=relayout)
    variants, case, result = evaluated(fleet, sets, scenario, calibration=calibration, relayout=relayout)
    if csv_shape is not None:
        emit_charges(case, result, csv_shape, fmt, output)
        return
    found = _whole_report(variants, case, result)
    studies, is_whole = performed_studies(wanted, asked, variants, case, result)
    found = joined(found, studies)
    if chart is None:
        model = live_model(case, result, variants.loaded.catalog, found)
        emit_report(found, fmt, output if is_whole else None, color, model=model)
    elif is_whole:
        emit_chart(found, chart, fmt=fmt, output=output)
    if not is_whole:
        raise typer.Exit(EXIT_INTERRUPTED)


def _whole_report(variants: "Variants", case: "Case", result: "Result") -> "Report":
    from colocalc.report import views
    from colocalc.study.band import mfu_band
    from colocalc.study.check import judged
    from colocalc.study.claims import weigh
    from colocalc.study.needed import needed
    from colocalc.study.train_or_lease import train_or_lease
    from colocalc.study.training import alternatives

    claims = variants.fleet.claims
    band = mfu_band(variants)
    return views.report(
        case,
        result,
        variants.loaded.catalog,
        others=tuple(alternatives(case, result.training)),
        checked=judged(result, variants.fleet.expect, pools=case.pools.names),
        verdicts=weigh(claims, variants),
        targets=needed(claims, variants),
        band=band,
        choice=train_or_lease(case, result, band=band, claims=claims),
    )
