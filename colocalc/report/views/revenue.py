"""The lease report: revenue by GPU type, cost and contribution; and the hedge of a stated loss."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from colocalc.case import Case
from colocalc.catalog import Catalog
from colocalc.lint import known_bands
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import metric_table, number
from colocalc.study.evaluate import Result
from colocalc.study.leasing import HedgeResult, LeaseResult, site_facility_power_mw, site_nameplate_mw
from colocalc.study.mean_rate import card_family
from colocalc.units import HOURS_PER_YEAR, text

_SUMMARY = (
    "lease.run_rate_revenue_usd_per_yr",
    "lease.mean_rate_usd_per_gpu_h",
    "lease.billed_gpu_h_per_yr",
    "lease.power_cost_usd_per_yr",
    "lease.operations_cost_usd_per_yr",
    "lease.contribution_usd_per_yr",
    "lease.revenue_usd_per_mw_yr",
    "lease.facility_power_mw",
)


def headline(lease: LeaseResult) -> tuple[str, ...]:
    """Revenue, rate and what is left after power and operations, in two sentences."""
    revenue, rate = text(number(lease.total_usd_per_yr), "usd_per_yr"), number(lease.mean_rate_usd_per_gpu_h)
    hours = text(float(np.sum(lease.billed_gpu_h_per_yr)), "gpu_h_per_yr")
    billed = f"at {text(rate, 'usd_per_gpu_h')} over {hours} billed" if rate is not None else "with nothing billed"
    sentences = [f"Run-rate revenue {revenue} {billed}."]
    contribution = number(lease.contribution_usd_per_yr)
    if contribution is not None:
        power = text(number(lease.power_cost_usd_per_yr), "usd_per_yr")
        operations = number(lease.operations_cost_usd_per_yr)
        other = f"operations {text(operations, 'usd_per_yr')}" if operations else "no operations cost"
        sentences.append(f"Contribution {text(contribution, 'usd_per_yr')} after power {power} and {other}.")
    return tuple(sentences)


def tables(case: Case, result: Result, lease: LeaseResult) -> tuple[Table, ...]:
    """Revenue by pool with where each rate comes from, and the year in figures."""
    return (
        _by_pool(case, lease),
        metric_table("lease", "A year at full ramp", _SUMMARY, result, caption="A year is 8,760 hours."),
    )


def _by_pool(case: Case, lease: LeaseResult) -> Table:
    total = number(lease.total_usd_per_yr)
    given = case.lease
    rows: list[tuple[object, ...]] = []
    for place, name in enumerate(case.pools.names):
        revenue = number(lease.revenue_usd_per_yr[place])
        rows.append(
            (
                name,
                case.pools.gpus[place].id,
                number(case.pools.gpu_count[place]),
                number(lease.rate_usd_per_gpu_h[place]),
                number(given.billed_share[place]) if given else None,
                revenue,
                revenue / total if revenue is not None and total else None,
                given.rate_sources[place] or "no contract" if given else "",
            )
        )
    hours = float(np.sum(lease.billed_gpu_h_per_yr))
    count = float(np.sum(case.pools.gpu_count))
    rows.append(
        (
            "total",
            "",
            count,
            number(lease.mean_rate_usd_per_gpu_h),
            hours / (count * HOURS_PER_YEAR),
            total,
            1.0,
            "weighted by hours billed",
        )
    )
    part = Column("revenue_share", "Of total", "share", wide=True)
    if len(case.pools.names) > 1:  # else the one bar says nothing
        part = replace(part, kind="text", drawn=True, narrow=True, wide=False)
    columns = (
        Column("pool", "Pool", kind="text"),
        Column("gpu", "GPU", kind="text", wide=True),
        Column("gpu_count", "GPUs", "count"),
        Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
        Column("billed_share", "Billed", "share"),
        Column("run_rate_revenue_usd_per_yr", "Revenue", "usd_per_yr"),
        part,
        Column("rate_from", "Rate from", kind="text"),
    )
    notes = given.card_notes if given else ()
    return Table("revenue", "Revenue by pool", columns, tuple(rows), total_count=1, caption=" ".join(notes))


def family(case: Case, lease: LeaseResult, catalog: Catalog) -> tuple[Table, ...]:
    """Every card that has this mean, inside the bands of the cards that ship; none for one type of GPU."""
    known = known_bands(catalog)
    bands = [known.get(("rent", gpu.id)) for gpu in case.pools.gpus]
    edges = (
        np.asarray([getattr(band, name) if band else np.nan for band in bands])
        for name in ("low_usd_per_gpu_h", "high_usd_per_gpu_h")
    )
    found = card_family(case, lease, **dict(zip(("low_usd_per_gpu_h", "high_usd_per_gpu_h"), edges, strict=True)))
    if found is None or case.lease is None:
        return ()
    rows = tuple(
        (
            case.pools.names[pool],
            number(found.condition_factor[place]),
            number(case.lease.rate_usd_per_gpu_h[pool]),
            number(found.low_usd_per_gpu_h[place]),
            number(found.high_usd_per_gpu_h[place]),
        )
        for place, pool in enumerate(found.pools)
    )
    columns = (
        Column("pool", "Pool", kind="text"),
        Column("condition_factor", "Weight", "factor"),
        Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
        Column("low_usd_per_gpu_h", "As low as", "usd_per_gpu_h"),
        Column("high_usd_per_gpu_h", "As high as", "usd_per_gpu_h"),
    )
    total = text(number(found.condition_usd_per_gpu_h), "usd_per_gpu_h")
    caption = f"Any rates whose sum by these weights is {total} have this mean; bands are those of the cards that ship."
    return (Table("card_family", "Rates with the same mean", columns, rows, caption=caption),)


def hedge_headline(hedge: HedgeResult) -> tuple[str, ...]:
    """What the lease covers of the loss, and the rate that would cover all of it."""
    loss = text(number(hedge.loss_usd_per_yr), "usd_per_yr")
    gross, cover = number(hedge.gross_share), number(hedge.gross_cover_rate_usd_per_gpu_h)
    if gross is None:
        return (f"The stated loss is {loss}: zero or less, so there is nothing to hedge.",)
    net = number(hedge.contribution_share)
    after = "" if net is None else f", {text(net, 'share')} after the costs it adds"
    return (
        f"The lease covers {text(gross, 'share')} of the loss of {loss} gross{after}.",
        "No rate covers it: nothing is billed."
        if cover is None
        else f"A rate of {text(cover, 'usd_per_gpu_h')} billed would cover all of it, gross.",
    )


def hedge_table(result: Result, hedge: HedgeResult) -> Table:
    """The four ratios side by side, each with what it deducts."""
    contained = f"; already in the loss: {', '.join(hedge.contained)}" if hedge.contained else ""
    deducts = {
        "gross": "nothing",
        "contribution": f"{', '.join(hedge.deducted) or 'nothing'}{contained}",
        "ebit": "those and depreciation",
        "cash": "those and debt service, but no depreciation",
    }
    rows = []
    for kind, deducted in deducts.items():
        share = result.metrics.get(f"hedge.{kind}_share")
        rate = result.metrics.get(f"hedge.{kind}_cover_rate_usd_per_gpu_h")
        why = result.undefined.get(f"hedge.{kind}_share", "")
        rows.append(
            (
                kind,
                None if share is None else number(share),
                None if rate is None else number(rate),
                f"undefined: {why}" if share is None else deducted,
            )
        )
    columns = (
        Column("kind", "Ratio", kind="text"),
        Column("hedge_share", "Covers", "share"),
        Column("cover_rate_usd_per_gpu_h", "Rate that covers all", "usd_per_gpu_h"),
        Column("deducts", "Deducts", kind="text"),
    )
    caption = "Covers = (revenue - what is deducted) / loss of a year. The rate is per billed GPU-hour."
    return Table("hedge", "How much of the loss the lease covers", columns, tuple(rows), caption=caption)


def warnings(case: Case, lease: LeaseResult) -> tuple[Note, ...]:
    """Power that had to be derived or cannot be, pools under no contract, and megawatts that look like another unit."""
    found = list(_power_warnings(case))
    if not case.sites.names:
        found.append("no site is given: power cost, contribution and revenue per megawatt are undefined")
    found += contract_warnings(case, lease)
    return tuple(Note(sentence, "warning") for sentence in found)


def contract_warnings(case: Case, lease: LeaseResult) -> list[str]:
    """Pools that earn nothing, and what of the sites' cost is charged to the lease."""
    covered = case.lease.contract_index if case.lease else ()
    idle = [name for name, contract in zip(case.pools.names, covered, strict=True) if contract < 0]
    if not idle:
        return []
    share = text(number(lease.contracted_share), "share")
    charged = f"only {share} of the sites' power and operations, by nameplate, is charged to the lease"
    return [f"no contract covers {', '.join(idle)}: they earn nothing here, and {charged}"]


def _power_warnings(case: Case) -> Iterator[str]:
    for place, name in enumerate(case.sites.names):
        given = number(site_facility_power_mw(case.sites, place))
        modelled = number(site_nameplate_mw(case, place))
        draw = "typical" if case.sites.draw_share[place] == case.sites.typical_draw_share[place] else "nameplate"
        if given is None and modelled is None:
            yield f"site {name}: no megawatts, and no server power is known for its GPUs: power cost is undefined"
        elif given is None:
            yield f"site {name}: no megawatts are given; its power is the servers' {draw} draw times PUE"
        elif modelled is not None and modelled > 0.0 and given > _FAR_ABOVE * modelled:
            yield (
                f"site {name}: {text(given, 'mw')} are given and billed as drawn; its GPUs' {draw} draw times PUE is "
                f"{text(modelled, 'mw')}, which is billed when none are given"
            )
        elif modelled is not None and given < modelled:
            yield (
                f"site {name}: {text(given, 'mw')} are given, less than its GPUs' {draw} draw times PUE, "
                f"{text(modelled, 'mw')}"
            )


_FAR_ABOVE = 1.5
