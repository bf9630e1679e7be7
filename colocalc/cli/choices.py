"""The command that sets training against leasing."""

import typer

from colocalc.cli.options import (
    CalibrationOpt,
    ColorOpt,
    FleetArg,
    FormatOpt,
    OutOpt,
    ScenarioOpt,
    SetOpt,
    emit_report,
    evaluated,
)

app = typer.Typer()


@app.command("train-or-lease")
def train_or_lease(
    fleet: FleetArg,
    sets: SetOpt = None,
    scenario: ScenarioOpt = None,
    calibration: CalibrationOpt = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """Train on it, lease it, or split its pools: dollars per delivered PFLOP-hour, and what a tenant's tokens cost.

    Library twin: colocalc.study.train_or_lease.train_or_lease and colocalc.report.views.train_or_lease.
    """
    from colocalc.report import views
    from colocalc.study.band import mfu_band
    from colocalc.study.train_or_lease import train_or_lease as weighed

    variants, case, result = evaluated(fleet, sets, scenario, calibration=calibration)
    found = weighed(case, result, band=mfu_band(variants), claims=variants.fleet.claims)
    emit_report(views.train_or_lease(case, result, variants.loaded.catalog, found=found), fmt, output, color)
