"""Costs that are shares of capital, explained."""

import numpy as np

from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.sites import contracted, site_mw

_UPKEEP = {
    "maintenance": "maintenance of a year over the hardware's capital",
    "replacement": "replacement of a year over the hardware's capital",
}


def of_capital(context: Context, draft: Draft) -> list[str]:
    """Maintenance and replacement of hardware, and insurance of all capital; none of what costs nothing."""
    upkeep = [share for name, meaning in _UPKEEP.items() if (share := _share(context, draft, name, meaning))]
    insured = _share(context, draft, "insurance", "insurance of a year over all capital")
    parts = [f"{draft.group(upkeep, 'shares')} * {_hardware(context, draft)}"] if upkeep else []
    if insured:
        all_capital = " + ".join([_hardware(context, draft), *_building(context, draft)])
        parts.append(f"{insured} * ({all_capital})")
    return parts


def _share(context: Context, draft: Draft, name: str, meaning: str) -> str:
    key = f"{name}_share_per_yr"
    value = getattr(context.case.costs, key)
    return draft.given(name, value, "share_per_yr", meaning, f"costs.{key}") if value else ""


def _hardware(context: Context, draft: Draft) -> str:
    """Capital of the servers under contract, as a factor of a product."""
    lease, counts = context.case.lease, context.case.pools.gpu_count
    held = [pool for pool in range(len(counts)) if lease and lease.contract_index[pool] >= 0 and counts[pool] > 0.0]
    return f"({draft.sum([f'{context.gpus(draft, pool)} * {_capital(context, draft, pool)}' for pool in held])})"


def _capital(context: Context, draft: Draft, pool: int) -> str:
    gpu, project = context.case.pools.gpus[pool], context.case.project
    start = "costs.capital_usd_per_gpu."
    servers = [path for path in context.assumptions if path.removeprefix(start) in {gpu.id, *gpu.aliases}]
    beside = [f"costs.{name}" for name in ("network_usd_per_gpu", "storage_usd_per_gpu", "spares_share")]
    beside = [path for path in beside if context.given(path)]
    write, meaning = draft.given, f"capital of one {gpu.id}"
    if beside:
        write, meaning = draft.worked, f"{meaning} with its part of network, storage and spares"
    value = project.capital_usd_per_gpu[pool] if project else np.nan
    return write(f"c_{context.ends[pool]}", value, "usd_per_gpu", meaning, *servers, *beside)


def _building(context: Context, draft: Draft) -> list[str]:
    """Capital of an owned data centre, by what of each site is under contract."""
    value = context.case.project.data_centre_usd_per_mw if context.case.project else np.asarray(np.nan)
    if np.isnan(value):
        return []
    path = "costs.data_centre_usd_per_mw"
    price = draft.given("building", value, "usd_per_mw", "capital of a facility megawatt of data centre", path)
    sites = range(len(context.case.sites.names))
    parts = [f"{contracted(context, draft, number)} * {site_mw(context, draft, number)}" for number in sites]
    return [f"{price} * ({draft.sum(parts, 'sites')})"]
