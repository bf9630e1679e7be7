"""A forecast of what contracts bill, in the columns of FOCUS, the FinOps Open Cost and Usage Specification.

The columns are those of version 1.4 that a forecast can fill, its mandatory ones all among them, and then own ones that
begin with ``x_``, as the specification asks. FOCUS is for bills that were issued: this is none, and does not conform.
"""

from collections.abc import Mapping

import numpy as np

from colocalc.case import Case
from colocalc.errors import ColocalcError
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import number
from colocalc.study.charges import Charge, charges
from colocalc.study.evaluate import Result
from colocalc.units import MONTHS_PER_YEAR

NOTE = Note(
    "a forecast in the columns of FOCUS 1.4, no bill: BilledCost is what falls due, EffectiveCost what is earned"
)

_FOCUS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
    "ServiceSubcategory",
    "SkuId",
    "SkuPriceId",
)
_OWN = (
    "x_Forecast",
    "x_Scenario",
    "x_ContractName",
    "x_PoolName",
    "x_GpuType",
    "x_GpuCount",
    "x_Utilization",
    "x_EffectivePflopHours",
    "x_RateSource",
    "x_RateAsOf",
)
_HOURS = "GPU-Hours"
_WHAT = {
    "used": "GPU-hours used",
    "unused": "GPU-hours owed and not used",
    "power": "power passed on",
    "credit": "service credit",
    "market": "GPU-hours let at the market's rate after the contract",
    "prepayment": "prepayment, credited against later charges",
}
_METERED = {"used", "unused", "market"}


def focus(case: Case, result: Result) -> Table:
    """One row for each contract, pool, month and kind of charge.

    The columns keep the names of FOCUS, and with them its units: costs in dollars, quantities in the unit named beside.

    Raises
    ------
    ColocalcError
        Where there is no contract, or contracts have no months of the calendar.
    """
    returns = result.returns
    if case.lease is None:
        raise ColocalcError("is needed for charges by month", where="lease")
    if returns is None:
        raise ColocalcError("is needed for charges by month", where="lease.months", hint="--set lease.months=36")
    if not bool(np.any(case.leap_day_count > 0.0)):
        raise ColocalcError("is needed for charges by date", where="lease.start", hint="--set lease.start=2026-06-01")
    rows = [_row(case, result, charge) for charge in charges(case, returns.deal)]
    columns = tuple(Column(name, name) for name in (*_FOCUS, *_OWN))
    return Table("focus", "Charges", columns, tuple(tuple(row.get(one.key) for one in columns) for row in rows))


def _row(case: Case, result: Result, charge: Charge) -> Mapping[str, object]:
    period = {"Start": _instant(charge.calendar_month), "End": _instant(charge.calendar_month + 1.0)}
    return {
        "BilledCost": charge.billed_usd,
        "EffectiveCost": charge.effective_usd,
        "BillingAccountId": _contract_name(case, charge),
        "BillingCurrency": "USD",
        **{f"{kind}Period{end}": at for kind in ("Billing", "Charge") for end, at in period.items()},
        "ChargeCategory": {"credit": "Credit", "prepayment": "Purchase"}.get(charge.kind, "Usage"),
        "ChargeDescription": f"Forecast: {_WHAT[charge.kind]}, {_what_for(case, charge)}",
        "ChargeFrequency": _frequency(case, charge),
        "InvoiceIssuerName": case.name,
        "ServiceProviderName": case.name,
        "ServiceCategory": "Compute",
        "ServiceSubcategory": "Other (Compute)",
        "ServiceName": "GPU lease",
        "x_Forecast": True,
        "x_Scenario": case.scenario,
        "x_ContractName": _contract_name(case, charge),
        **_price(case, charge),
        **(_resource(case, result, charge, charge.pool) if charge.pool is not None else {}),
    }


def _contract_name(case: Case, charge: Charge) -> str:
    return case.lease.contract_names[charge.contract] if case.lease else ""


def _what_for(case: Case, charge: Charge) -> str:
    return (
        f"contract {_contract_name(case, charge)}" if charge.pool is None else f"pool {case.pools.names[charge.pool]}"
    )


def _is_fee(case: Case, charge: Charge) -> bool:
    return case.lease is not None and not bool(np.isnan(case.lease.fee_usd_per_month[charge.contract]))


def _frequency(case: Case, charge: Charge) -> str:
    if charge.kind == "prepayment":
        return "One-Time"
    return "Recurring" if _is_fee(case, charge) and charge.kind != "market" else "Usage-Based"


def _price(case: Case, charge: Charge) -> Mapping[str, object]:
    """What the charge is before anything paid ahead, with its quantity: hours, or one for a charge by the month."""
    cost = charge.billed_usd if charge.kind == "prepayment" else charge.effective_usd
    by_hour = charge.kind == "market" or (charge.kind in _METERED and not _is_fee(case, charge))
    quantity = charge.gpu_h if by_hour else 1.0
    metered = charge.kind in _METERED
    return {
        "ContractedCost": cost,
        "ListCost": cost,  # no other price is known
        "PricingQuantity": quantity,
        "PricingUnit": _HOURS if by_hour else "Units",
        "ContractedUnitPrice": cost / quantity if quantity > 0.0 else None,
        "ListUnitPrice": cost / quantity if quantity > 0.0 else None,
        "PricingCategory": _category(case, charge),
        "ConsumedQuantity": charge.gpu_h if metered and charge.kind != "unused" else None,
        "ConsumedUnit": _HOURS if metered and charge.kind != "unused" else None,
        "CapacityReservationId": _contract_name(case, charge) if charge.kind in {"used", "unused"} else None,
        "CapacityReservationStatus": {"used": "Used", "unused": "Unused"}.get(charge.kind),
    }


def _category(case: Case, charge: Charge) -> str:
    """On demand is standard, spot is dynamic, and what a contract holds for a time is committed."""
    if charge.kind in {"power", "credit"}:
        return "Other"
    if charge.kind == "market":
        return "Standard"
    term = case.lease.rate_terms[charge.pool] if case.lease and charge.pool is not None else ""
    return {"on-demand": "Standard", "spot": "Dynamic"}.get(term, "Committed")


def _resource(case: Case, result: Result, charge: Charge, pool: int) -> Mapping[str, object]:
    lease, name, gpu = case.lease, case.pools.names[pool], case.pools.gpus[pool].id
    site = case.pools.site_names[pool] or None
    own = charge.kind != "market"
    return {
        "RegionId": site,
        "RegionName": site,
        "ResourceId": f"{case.name}/{name}",
        "ResourceName": name,
        "ResourceType": "GPU pool",
        "SkuId": gpu,
        "SkuPriceId": f"{gpu}/{_contract_name(case, charge) if own else 'market'}",
        "x_PoolName": name,
        "x_GpuType": gpu,
        "x_GpuCount": number(case.pools.gpu_count[pool]),
        "x_Utilization": number(lease.used_share[pool]) if lease and own else None,
        "x_EffectivePflopHours": _effective_pflop_h(case, result, charge, pool),
        "x_RateSource": lease.rate_sources[pool] if lease and own else None,
        "x_RateAsOf": (lease.rate_dates[pool] or None) if lease and own else None,
    }


def _effective_pflop_h(case: Case, result: Result, charge: Charge, pool: int) -> float | None:
    """PFLOP-hours that the hours of a charge deliver if its tenant trains as the file's job does."""
    share, name = result.metrics.get("mfu.fleet_share"), case.pools.names[pool]
    peak = result.metrics.get(f"pools.{name}.mfu.peak_pflop_per_s")
    gpus = case.pools.gpu_count[pool]
    if charge.kind not in {"used", "market"} or share is None or peak is None or not gpus > 0.0:
        return None
    return number(charge.gpu_h * peak / gpus * share)


def _instant(calendar_month: float) -> str:
    year, month = divmod(int(calendar_month), int(MONTHS_PER_YEAR))
    return f"{year:04d}-{month + 1:02d}-01T00:00:00Z"
