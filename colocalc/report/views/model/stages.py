"""The sheets of the MFU waterfall and of H100-equivalents: factors are inputs, products and shares are formulas."""

from collections.abc import Mapping

from colocalc.metrics import H100E_BASES, STAGES
from colocalc.report.formula import Term, added, logarithm, ratio, term
from colocalc.report.views.model.build import Build, Fleet, known, one
from colocalc.report.workbook import Series, SheetChart
from colocalc.units import FLOPS_PER_PFLOPS

MFU = "MFU waterfall"
H100E = "H100e"


def write_mfu(build: Build) -> None:
    """Each stage, what is left after it, and its part of the loss."""
    training = build.result.training
    if training is None:
        return
    waterfall = training.waterfall
    grid = build.grid(MFU)
    grid.widths = {0: 26.0, 1: 14.0, 2: 14.0, 3: 14.0, 4: 50.0}
    grid.title("From peak to fleet MFU", (_MFU_CAPTION,))
    grid.words(grid.row(), ("Stage", "Factor", "MFU after", "Of loss", ""), "heading")
    grid.frozen = (grid.next_row, 1)
    first = grid.row(len(STAGES))
    left: dict[str, Term] = {}
    running = term(1.0)
    factors = []
    for place, stage in enumerate(STAGES):
        grid.put((first + place, 0), stage, role="text")
        factor = term(1.0)
        if stage in waterfall.unmodelled:
            grid.put((first + place, 4), "not modelled: counts as 1", role="note")
        else:
            factor = build.inputs.number(
                f"mfu.stage.{stage}_factor", waterfall.factors[stage], note="modelled by colocalc; a run changes it"
            )
        cell = grid.put((first + place, 1), factor, unit="factor", role="formula")
        if stage not in waterfall.unmodelled:
            build.metrics[f"mfu.stage.{stage}_factor"] = cell
        running = left[stage] = grid.put((first + place, 2), running * cell, unit="share", role="formula")
        factors.append(cell)
    last = first + len(STAGES) - 1
    for place, (stage, cell) in enumerate(zip(STAGES, factors, strict=True)):
        if stage not in waterfall.unmodelled and one(running.value) not in {0.0, 1.0}:
            share = logarithm(cell, 1.0).text + "/" + logarithm(running, 1.0).text
            grid.put((first + place, 3), Term(share, one(waterfall.log_share[stage])), unit="share", role="formula")
    _levels(build, left)
    names, values = (((first, column), (last, column)) for column in (0, 2))
    grid.charts.append(
        SheetChart("MFU after each stage", "bar", (Series("MFU", names, values),), at=(last + 7, 0), unit="share")
    )


_MFU_CAPTION = (
    "Factors are on the sheet of inputs. They are modelled: what a layout or a network changes needs a new run."
)


def _levels(build: Build, left: Mapping[str, Term]) -> None:
    grid, training = build.grids[-1], build.result.training
    if training is None:
        return
    peak = build.inputs.number(
        "mfu.peak_pflop_per_s", training.fleet_peak_flop_per_s / FLOPS_PER_PFLOPS, note="of every GPU of the fleet"
    )
    for name, stage in (("step", "software"), ("job", "goodput"), ("fleet", "allocation")):
        row = grid.row()
        grid.words(row, [f"{name} MFU"], "total")
        build.metrics[f"mfu.{name}_share"] = grid.put((row, 2), left[stage], unit="share", role="total")
    row = grid.row()
    grid.words(row, ["Delivered"], "total")
    build.metrics["mfu.delivered_pflop_per_s"] = grid.put(
        (row, 2), peak * left["allocation"], unit="pflop_per_s", role="total"
    )


def write_h100e(build: Build, fleet: Fleet) -> None:
    """Counts of pools times equivalents of a GPU, on every basis."""
    names, equivalents = build.case.pools.names, build.result.equivalents
    grid = build.grid(H100E)
    grid.widths = {0: 38.0, **dict.fromkeys(range(1, 4 + len(names)), 15.0)}
    grid.title("H100-equivalents: one is one H100 SXM on the same basis", (_H100E_CAPTION,))
    grid.words(grid.row(), ("Basis", "H100e", "Of stated", "Per MW", *names), "heading")
    grid.frozen = (grid.next_row, 1)
    total = build.case.equivalents.total_h100e_count
    stated = build.inputs.number("finance.total_h100e_count", total) if known(total) else None
    power = build.metrics.get("lease.facility_power_mw")
    first = grid.next_row
    for basis in H100E_BASES:
        row = grid.row()
        grid.put((row, 0), basis, role="text")
        if not known(equivalents.count[basis]):
            grid.put((row, 1), "undefined", role="note")
            continue
        parts = []
        for pool, count in enumerate(fleet.gpu_count):
            each = grid.put((row, 4 + pool), one(equivalents.factor[basis][pool]), unit="factor", role="frozen")
            parts.append(count * each)
        found = build.metrics[f"h100e.{basis}_count"] = grid.put((row, 1), added(parts), unit="count", role="formula")
        if stated is not None:
            share = grid.put((row, 2), ratio(found, stated), unit="share", role="formula")
            build.metrics[f"h100e.{basis}_total_share"] = share
        if power is not None:
            density = grid.put((row, 3), ratio(found, power), unit="per_mw", role="formula")
            build.metrics[f"h100e.{basis}_per_mw"] = density
    ends = (((first, column), (grid.next_row - 1, column)) for column in (0, 1))
    names_of, values = ends
    chart = SheetChart(
        "H100-equivalents by basis",
        "bar",
        (Series("H100e", names_of, values),),
        at=(grid.next_row + 2, 0),
        unit="count",
    )
    grid.charts.append(chart)


_H100E_CAPTION = "H100e = sum of GPUs x equivalents of one. The grey factors are from colocalc's catalog."
