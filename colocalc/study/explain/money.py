"""The lease and the hedge explained."""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.case import LeaseCase
from colocalc.study.explain.capital import of_capital
from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.sites import contracted, energy_price, fleet_mw, it_mw, site_mw
from colocalc.units import HOURS_PER_YEAR, KW_PER_MW, MONTHS_PER_YEAR

_HOURS, _MONTHS, _KW = f"{HOURS_PER_YEAR:.0f}", f"{MONTHS_PER_YEAR:.0f}", f"{KW_PER_MW:.0f}"


def revenue(context: Context, draft: Draft) -> str:
    """Billed hours times rate of each pool, and the fees."""
    lease = _lease(context)
    by_hour = [
        f"{_billed_hours(context, draft, pool)} * {_rate(context, draft, pool)}"
        for pool in _leased(context)
        if not _has_fee(lease, pool) and _hours(context, pool) > 0.0
    ]
    if context.pool is not None:
        return _fee_of_pool(context, draft, context.pool) if _has_fee(lease, context.pool) else draft.sum(by_hour)
    fees = [
        f"{_fee(context, draft, contract)} * {_MONTHS}"
        for contract in range(len(lease.contract_names))
        if any(_has_fee(lease, pool) and context.case.pools.gpu_count[pool] > 0.0 for pool in _under(lease, contract))
    ]
    return draft.sum([*by_hour, *fees])


def _lease(context: Context) -> LeaseCase:
    lease = context.case.lease
    if lease is None:  # no metric of a lease has a value then, and none is explained with numbers
        raise ValueError("the case has no lease")
    return lease


def _under(lease: LeaseCase, contract: int) -> list[int]:
    return [pool for pool, index in enumerate(lease.contract_index) if index == contract]


def _leased(context: Context) -> list[int]:
    return [pool for pool in context.asked if _lease(context).contract_index[pool] >= 0]


def _has_fee(lease: LeaseCase, pool: int) -> bool:
    contract = lease.contract_index[pool]
    return contract >= 0 and not bool(np.isnan(lease.fee_usd_per_month[contract]))


def _hours(context: Context, pool: int) -> float:
    return float(context.case.pools.gpu_count[pool] * _lease(context).billed_share[pool])


def _path(context: Context, contract: int) -> str:
    """The block of a contract; the block ``lease`` is the only one outside ``contracts``."""
    own = f"contracts.{_lease(context).contract_names[contract]}"
    return own if any(path.startswith(f"{own}.") for path in context.assumptions) else "lease"


def _end(context: Context, contract: int) -> str:
    return "" if len(_lease(context).contract_names) == 1 else f"_{contract + 1}"


def _billed(context: Context, draft: Draft, pool: int) -> str:
    """The share of hours billed; of the hours offered, where not all are."""
    contract = _lease(context).contract_index[pool]
    path, end = _path(context, contract), _end(context, contract)
    paths = [f"{path}.{name}" for name in ("billed_share", "sold_share", "take_or_pay_share")]
    share = max(context.given(name) for name in paths)
    offered = f"{path}.available_share"
    whole = context.given(offered) == 1.0
    meaning = "share of hours billed" if whole else "share of the hours offered that is billed"
    if paths[-1] in context.assumptions:
        meaning += ": sold, or owed under take-or-pay if that is more"
    billed = draft.given(f"billed{end}", share, "share", meaning, *paths)
    if whole:
        return billed
    available = draft.given(f"available{end}", context.given(offered), "share", "share of all hours offered", offered)
    return f"{available} * {billed}"


def _billed_hours(context: Context, draft: Draft, pool: int) -> str:
    return f"{context.gpus(draft, pool)} * {_billed(context, draft, pool)} * {_HOURS}"


def _rate(context: Context, draft: Draft, pool: int) -> str:
    """The symbol for a pool's rate; a rate less a volume discount is both of them."""
    lease, end = _lease(context), context.ends[pool]
    paths, name = lease.rate_paths[pool], context.case.pools.names[pool]
    meaning = f"lease rate of {name}: {lease.rate_sources[pool]}"
    if any(".surface." in path for path in paths):
        draft.note = _BY_SURFACE
    if not paths[-1].endswith(".discount_share"):
        return draft.given(f"r_{end}", lease.rate_usd_per_gpu_h[pool], "usd_per_gpu_h", meaning, *paths)
    base, off = (context.given(path) for path in paths)
    rate = draft.given(f"r_{end}", base, "usd_per_gpu_h", f"{meaning}, before the volume discount", paths[0])
    return f"{rate} * (1 - {draft.given(f'off_{end}', off, 'share', f'volume discount of {name}', paths[1])})"


_BY_SURFACE = (
    "a rate by term and prepayment is (ceiling - (ceiling - floor) (term weight x term score + prepay weight x prepay "
    "score)) (1 - extra discount)"
)


def _fee(context: Context, draft: Draft, contract: int) -> str:
    lease = _lease(context)
    path = f"{_path(context, contract)}.fee_usd_per_month"
    meaning = f"fee of contract {lease.contract_names[contract]}, due in full"
    return draft.given(
        f"fee{_end(context, contract)}", lease.fee_usd_per_month[contract], "usd_per_month", meaning, path
    )


def _fee_of_pool(context: Context, draft: Draft, pool: int) -> str:
    """The part of a fee by the share of the contract's GPUs, all of which are billed alike."""
    lease = _lease(context)
    contract = lease.contract_index[pool]
    if context.case.pools.gpu_count[pool] == 0.0:
        return "0"
    all_gpus = [context.gpus(draft, other) for other in _under(lease, contract)]
    fee = f"{_fee(context, draft, contract)} * {_MONTHS}"
    return f"{fee} * {context.gpus(draft, pool)} / {draft.group(all_gpus)}"


def billed_hours(context: Context, draft: Draft) -> str:
    """GPU-hours billed in a year."""
    return draft.sum([_billed_hours(context, draft, pool) for pool in _leased(context)])


def mean_rate(context: Context, draft: Draft) -> str:
    """Revenue over billed hours; of a pool by the hour, its rate."""
    lease = _lease(context)
    if context.pool is None:
        income = draft.found("revenue", "lease.run_rate_revenue_usd_per_yr", "usd_per_yr", "revenue of a year")
        return f"{income} / {_all_hours(draft)}"
    if not _has_fee(lease, context.pool):
        return _rate(context, draft, context.pool)
    contract = lease.contract_index[context.pool]
    hours = [_billed_hours(context, draft, pool) for pool in _under(lease, contract)]
    return f"{_fee(context, draft, contract)} * {_MONTHS} / ({draft.sum(hours)})"


def _all_hours(draft: Draft) -> str:
    return draft.found("hours", "lease.billed_gpu_h_per_yr", "gpu_h_per_yr", "GPU-hours billed in a year")


def _revenue(draft: Draft) -> str:
    return draft.found("revenue", "lease.run_rate_revenue_usd_per_yr", "usd_per_yr", "lease revenue of a year")


def power_cost(context: Context, draft: Draft) -> str:
    """Energy of each site at its price, and what the grid charges for its peak, by the share under contract."""
    charge = _demand_charge(context, draft)
    parts = [
        f"{contracted(context, draft, number)} * {site_mw(context, draft, number)} * "
        + _of_a_megawatt(energy_price(context, draft, number), charge)
        for number in range(len(context.case.sites.names))
    ]
    return draft.sum(parts, "sites")


def _of_a_megawatt(price: str, charge: str) -> str:
    energy = f"{_HOURS} * {price}"
    return f"({energy} + {charge} * {_KW} * {_MONTHS})" if charge else energy


def _demand_charge(context: Context, draft: Draft) -> str:
    """Empty when there is none."""
    path = "costs.demand_charge_usd_per_kw_month"
    value = context.case.costs.demand_charge_usd_per_kw_month
    meaning = "what the grid charges for a kilowatt at the meter, beside energy"
    return draft.given("demand", value, "usd_per_kw_month", meaning, path) if value else ""


def operations_cost(context: Context, draft: Draft) -> str:
    """Operations, shares of capital and colocation, as far as they are given."""
    parts = [*_fixed(context, draft), *_colocation(context, draft)]
    draft.note = "" if parts else "no cost of operations or colocation is given, so none is counted"
    return draft.sum(parts)


def _fixed(context: Context, draft: Draft) -> list[str]:
    """Operations by the share under contract, and the shares of capital; none of what is not given."""
    value = context.case.costs.operations_usd_per_yr
    if np.isnan(value):
        return of_capital(context, draft)
    meaning = "operations of a year: staff, spares, repair"
    cost = draft.given("operations", value, "usd_per_yr", meaning, "costs.operations_usd_per_yr")
    return [f"{cost} * {contracted(context, draft, None)}", *of_capital(context, draft)]


def _colocation(context: Context, draft: Draft) -> list[str]:
    """Rent by the critical kilowatt under contract; none when it is not given."""
    value = context.case.costs.colocation_usd_per_kw_month
    if np.isnan(value):
        return []
    path = "costs.colocation_usd_per_kw_month"
    rent = draft.given("rent", value, "usd_per_kw_month", "colocation rent of a kilowatt of IT equipment", path)
    sites = range(len(context.case.sites.names))
    critical = [f"{contracted(context, draft, number)} * {it_mw(context, draft, number)}" for number in sites]
    return [f"{rent} * ({draft.sum(critical, 'sites')}) * {_KW} * {_MONTHS}"]


def contribution(_context: Context, draft: Draft) -> str:
    """Revenue less power and operations."""
    power = draft.found("power", "lease.power_cost_usd_per_yr", "usd_per_yr", "power bill of a year")
    operations = draft.found(
        "operations", "lease.operations_cost_usd_per_yr", "usd_per_yr", "operations and colocation of a year"
    )
    return f"{_revenue(draft)} - {power} - {operations}"


def revenue_per_mw(_context: Context, draft: Draft) -> str:
    """Revenue over megawatts at the meter."""
    return f"{_revenue(draft)} / {draft.found('MW', 'lease.facility_power_mw', 'mw', 'megawatts at the meter')}"


def loss(context: Context, draft: Draft) -> str:
    """The stated loss scaled to a year."""
    case = context.case.loss
    if case is None:  # no metric of a hedge has a value then
        raise ValueError("the case has no loss")
    amount = draft.given("loss", case.loss_usd, "usd", "the loss as stated", "finance.loss_usd")
    months = draft.given("months", case.loss_months, "months", "the months it was made in", "finance.loss_months")
    return f"{amount} * {_MONTHS} / {months}"


def gross_share(context: Context, draft: Draft) -> str:
    """Revenue over the loss of a year."""
    return f"{_revenue(draft)} / ({loss(context, draft)})"


def contribution_share(context: Context, draft: Draft) -> str:
    """Revenue less what the lease adds in costs, over the loss of a year."""
    income = " - ".join([_revenue(draft), *_deducted(context, draft)])
    return f"({income}) / ({loss(context, draft)})"


def _deducted(context: Context, draft: Draft) -> list[str]:
    """The cash costs that the lease adds and the stated loss does not contain."""
    hedge = context.result.hedge
    parts: Mapping[str, Callable[[], list[str]]] = {
        "power": lambda: [draft.found("power", "lease.power_cost_usd_per_yr", "usd_per_yr", "power bill of a year")],
        "operations": lambda: _fixed(context, draft),
        "colocation": lambda: _colocation(context, draft),
    }
    if hedge is not None and hedge.contained:
        draft.note = f"the stated loss contains {', '.join(hedge.contained)} already"
    return [part for name in hedge.deducted for part in parts[name]()] if hedge else []


def gross_cover_rate(context: Context, draft: Draft) -> str:
    """The loss of a year over billed hours."""
    return f"{loss(context, draft)} / {_all_hours(draft)}"


def contribution_cover_rate(context: Context, draft: Draft) -> str:
    """The loss of a year and the costs deducted, over billed hours."""
    return f"({' + '.join([loss(context, draft), *_deducted(context, draft)])}) / {_all_hours(draft)}"


WRITERS: Mapping[str, Callable[[Context, Draft], str]] = {
    "lease.run_rate_revenue_usd_per_yr": revenue,
    "lease.mean_rate_usd_per_gpu_h": mean_rate,
    "lease.billed_gpu_h_per_yr": billed_hours,
    "lease.power_cost_usd_per_yr": power_cost,
    "lease.operations_cost_usd_per_yr": operations_cost,
    "lease.contribution_usd_per_yr": contribution,
    "lease.revenue_usd_per_mw_yr": revenue_per_mw,
    "lease.facility_power_mw": fleet_mw,
    "hedge.loss_usd_per_yr": loss,
    "hedge.gross_share": gross_share,
    "hedge.contribution_share": contribution_share,
    "hedge.gross_cover_rate_usd_per_gpu_h": gross_cover_rate,
    "hedge.contribution_cover_rate_usd_per_gpu_h": contribution_cover_rate,
}
