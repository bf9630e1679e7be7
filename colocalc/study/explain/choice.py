"""Training against leasing explained."""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.lease.opportunity import annuity_usd_per_yr
from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft
from colocalc.study.leasing import nameplate_part_share
from colocalc.study.opportunity import pool_peak_pflop_per_s, shared_cost_usd_per_yr
from colocalc.units import FLOPS_PER_PFLOPS, FLOPS_PER_TFLOPS, HOURS_PER_YEAR

_HOURS = f"{HOURS_PER_YEAR:.0f}"
_TFLOPS_PER_PFLOPS = FLOPS_PER_PFLOPS / FLOPS_PER_TFLOPS


def market_price(context: Context, draft: Draft) -> str:
    """The rate of the reference over what it delivers."""
    given = context.case.choice
    start = f"gpus.{given.reference_gpu}.peak_"
    peaks = [
        path
        for path, row in context.assumptions.items()
        if path.startswith(start) and row.value == float(given.reference_peak_pflop_per_s) * _TFLOPS_PER_PFLOPS
    ]
    rate = draft.given(
        "r_REF",
        given.reference_rate_usd_per_gpu_h,
        "usd_per_gpu_h",
        f"rent of {given.reference_gpu}",
        "finance.reference.rate_usd_per_gpu_h",
    )
    # Worked out: the catalog has it in TFLOP/s.
    peak = draft.worked(
        "F_REF", given.reference_peak_pflop_per_s, "pflop_per_s", f"dense peak of {given.reference_gpu}", *peaks[:1]
    )
    mfu = draft.given(
        "mfu_REF", given.reference_mfu_share, "share", "MFU that is reached there", "finance.reference.mfu_share"
    )
    return f"{rate} / ({peak} * {mfu})"


def _revenue(context: Context, draft: Draft) -> str:
    metric = "lease.run_rate_revenue_usd_per_yr"
    name = metric if context.pool is None else f"pools.{context.case.pools.names[context.pool]}.{metric}"
    return draft.found("revenue", name, "usd_per_yr", "lease revenue of a year")


def _peak(context: Context, draft: Draft) -> str:
    value = _pool_or_fleet_peak(context)
    metric = "mfu.peak_pflop_per_s"
    name = metric if context.pool is None else f"pools.{context.case.pools.names[context.pool]}.{metric}"
    return draft.found("F", name, "pflop_per_s", "dense peak of the GPUs", value)


def _pool_or_fleet_peak(context: Context) -> float:
    """Also of a fleet that does not train, which has no such metric."""
    peaks = pool_peak_pflop_per_s(context.case)
    return float(np.sum(peaks) if context.pool is None else peaks[context.pool])


def _delivered(context: Context, draft: Draft) -> str:
    mfu = draft.found("mfu", "mfu.fleet_share", "share", "MFU of the fleet")
    return f"{_HOURS} * {_peak(context, draft)} * {mfu}"


def _price(draft: Draft) -> str:
    return draft.found(
        "price", "choice.market_price_usd_per_pflop_h", "usd_per_pflop_h", "price of a delivered PFLOP-hour elsewhere"
    )


def training_value(context: Context, draft: Draft) -> str:
    """What is delivered in a year at the price elsewhere."""
    return f"{_delivered(context, draft)} * {_price(draft)}"


def forgone_rent(context: Context, draft: Draft) -> str:
    """Revenue over what is delivered."""
    return f"{_revenue(context, draft)} / ({_delivered(context, draft)})"


def owning_per_pflop_h(context: Context, draft: Draft) -> str:
    """Owning cost over what is delivered."""
    cost = draft.found("own", "choice.owning_cost_usd_per_yr", "usd_per_yr", "cost of owning the fleet for a year")
    return f"{cost} / ({_delivered(context, draft)})"


def owning(context: Context, draft: Draft) -> str:
    """The hours of a year at a card's owning cost, or capital as an annuity and what the sites cost."""
    given, counts = context.case.choice, context.case.pools.gpu_count
    pools = [pool for pool in context.asked if counts[pool] > 0.0]
    if given.owning_from != "costs":
        draft.note = f"of card {given.owning_from}: costs.capital_usd_per_gpu does not price every GPU"
        return draft.sum(
            [f"{context.gpus(draft, pool)} * {_card_rate(context, draft, pool)} * {_HOURS}" for pool in pools]
        )
    recovery = draft.worked(
        "k",
        annuity_usd_per_yr(
            capital_usd=1.0,
            residual_share=given.residual_share,
            discount_share=given.discount_share,
            life_yr=given.book_life_yr,
        ),
        "share",
        "yearly cost of capital and of its loss of value, over the capital",
        "depreciation.book_life_yr",
        "finance.discount_rate_share",
        "depreciation.residual_share",
    )
    capital = draft.sum(
        [f"{context.gpus(draft, pool)} * {_capital(context, draft, pool)} * {recovery}" for pool in pools]
    )
    shared = draft.worked(
        "sites",
        shared_cost_usd_per_yr(context.case),
        "usd_per_yr",
        "the data centre's annuity, energy, operations and colocation of a year",
        "costs.data_centre_usd_per_mw",
        "depreciation.data_centre_life_yr",
        "costs.operations_usd_per_yr",
        "costs.colocation_usd_per_kw_month",
    )
    if context.pool is None:
        return f"{capital} + {shared}"
    part = draft.worked("part", nameplate_part_share(context.case)[context.pool], "share", "its part of the nameplate")
    return f"{capital} + {shared} * {part}"


def _card_rate(context: Context, draft: Draft, pool: int) -> str:
    given, gpu = context.case.choice, context.case.pools.gpus[pool].id
    path = f"cards.{given.owning_from}.{gpu}.rate_usd_per_gpu_h"
    value = given.owning_rate_usd_per_gpu_h[pool]
    return draft.given(f"o_{context.ends[pool]}", value, "usd_per_gpu_h", f"owning cost of {gpu}", path)


def _capital(context: Context, draft: Draft, pool: int) -> str:
    gpu = context.case.pools.gpus[pool]
    start = "costs.capital_usd_per_gpu."
    names = {gpu.id, *gpu.aliases}
    paths = [path for path in context.assumptions if path.startswith(start) and path.removeprefix(start) in names]
    value = context.case.choice.capital_usd_per_gpu[pool]
    return draft.given(f"c_{context.ends[pool]}", value, "usd_per_gpu", f"capital of one {gpu.id}", *paths)


def premium(context: Context, draft: Draft) -> str:
    """Revenue over the market value of the training."""
    return f"{_revenue(context, draft)} / {_value(draft)}"


def _value(draft: Draft) -> str:
    return draft.found("worth", "choice.training_value_usd_per_yr", "usd_per_yr", "market value of a year's training")


def indifference_mfu(context: Context, draft: Draft) -> str:
    """Revenue over the market value of an MFU of 1."""
    return f"{_revenue(context, draft)} / ({_HOURS} * {_peak(context, draft)} * {_price(draft)})"


def indifference_rate(_context: Context, draft: Draft) -> str:
    """Market value of the training over billed hours."""
    hours = draft.found("hours", "lease.billed_gpu_h_per_yr", "gpu_h_per_yr", "GPU-hours billed in a year")
    return f"{_value(draft)} / {hours}"


WRITERS: Mapping[str, Callable[[Context, Draft], str]] = {
    "choice.market_price_usd_per_pflop_h": market_price,
    "choice.training_value_usd_per_yr": training_value,
    "choice.owning_cost_usd_per_yr": owning,
    "choice.forgone_rent_usd_per_pflop_h": forgone_rent,
    "choice.owning_cost_usd_per_pflop_h": owning_per_pflop_h,
    "choice.lease_premium_factor": premium,
    "choice.indifference_mfu_share": indifference_mfu,
    "choice.indifference_rate_usd_per_gpu_h": indifference_rate,
}
