"""The lease report: revenue by GPU type, cost and contribution; and the hedge of a stated loss."""

import numpy as np

from colocalc.case import Case
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import metric_table, number
from colocalc.study.evaluate import Result
from colocalc.study.leasing import HedgeResult, LeaseResult
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
    sentences = [f"Run-rate revenue {revenue} at {text(rate, 'usd_per_gpu_h')} over {hours} billed."]
    contribution = number(lease.contribution_usd_per_yr)
    if contribution is not None:
        power = text(number(lease.power_cost_usd_per_yr), "usd_per_yr")
        operations = number(lease.operations_cost_usd_per_yr)
        other = f"operations {text(operations, 'usd_per_yr')}" if operations else "no operations cost, as none is given"
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
    columns = (
        Column("pool", "Pool", kind="text"),
        Column("gpu", "GPU", kind="text", wide=True),
        Column("gpu_count", "GPUs", "count"),
        Column("rate_usd_per_gpu_h", "Rate", "usd_per_gpu_h"),
        Column("billed_share", "Billed", "share"),
        Column("run_rate_revenue_usd_per_yr", "Revenue", "usd_per_yr"),
        Column("revenue_share", "Of total", "share", wide=True),
        Column("rate_from", "Rate from", kind="text"),
    )
    return Table("revenue", "Revenue by pool", columns, tuple(rows), total_count=1)


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
        f"A rate of {text(cover, 'usd_per_gpu_h')} billed would cover all of it, gross.",
    )


def hedge_table(result: Result, hedge: HedgeResult) -> Table:
    """The four ratios side by side, each with what it deducts."""
    contained = f"; already in the loss: {', '.join(hedge.contained)}" if hedge.contained else ""
    deducts = {
        "gross": "nothing",
        "contribution": f"{', '.join(hedge.deducted) or 'nothing'}{contained}",
        "ebit": "depreciation as well",
        "cash": "debt service as well",
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
    """Power that had to be derived or cannot be, and pools under no contract."""
    found = []
    if lease.power_is_derived:
        found.append("no megawatts are given: power is the servers' typical draw times PUE")
    if not case.sites.names:
        found.append("no site is given: power cost, contribution and revenue per megawatt are undefined")
    idle = (
        [name for name, place in zip(case.pools.names, case.lease.contract_index, strict=True) if place < 0]
        if case.lease
        else []
    )
    if idle:
        found.append(f"no contract covers {', '.join(idle)}: they earn nothing here")
    return tuple(Note(sentence, "warning") for sentence in found)
