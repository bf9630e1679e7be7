"""Why a metric of contracts and their cash flow has no value: the first thing that is missing for it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from colocalc.case import Case, ProjectCase, Terms
from colocalc.lease.termination import NEVER_MONTHS
from colocalc.study.leasing import contracted, pool_hardware_usd

_OF_DEBT = ("dscr", "lcr_", "lease.debt", "tenor", "hedge.cash", "downside", "loan_to_value", "balloon", "refinancing")
_DISCOUNTED = ("npv", "capitalised", "break_even", "levelized")
_OF_FEES = ("lease.capitalised", "lease.multiple", "lease.contract", "lease.headline", "lease.firm_v", "lease.expected")
_NO_RATE = "no rate breaks even, nothing is charged, or what is earned besides fees is enough"
_UNSCULPTED = (
    "needs cash that lenders count on while debt is repaid, which sculpted debt of a given amount follows: "
    "give debt.sized_on: headline, or another debt.repayment"
)
_BY_NAME = {
    "lease.min_downside_dscr_factor": "needs lease.notice, and lease.market with a rate: what the fleet earns then",
    "lease.max_loan_to_value_share": "debt is owed in a month in which the assets are worth nothing",
    "lease.break_even_rate_usd_per_gpu_h": _NO_RATE,
    "lease.equity_break_even_rate_usd_per_gpu_h": _NO_RATE,
    "lease.payback_yr": "the flows never add up to the capital",
    "lease.break_even_billed_share": "a contract has a fee, no rate breaks even, or none is needed",
    **dict.fromkeys(
        ("lease.project_irr_share", "lease.project_irr_before_tax_share", "lease.equity_irr_share"),
        "the flows have no rate of return, or several: see the table returns",
    ),
}


def gpus_where(case: Case, lacking: NDArray[np.bool_]) -> str:
    """The GPUs of the pools ``(..., pool)`` that lack something in the first scenario; empty where none does."""
    first = lacking.reshape(-1, len(case.pools.gpus))[0]
    return ", ".join(dict.fromkeys(gpu.id for gpu, lacks in zip(case.pools.gpus, first, strict=True) if lacks))


def why_no_returns(name: str, case: Case) -> str:
    """The first thing that a metric of contracts by month lacks.

    Parameters
    ----------
    name : str
        A metric id of ``colocalc.metrics.IN_TABLES``.
    case : Case
        A fleet with a lease.

    Returns
    -------
    str
    """
    return next(_missing(name, case))


def _missing(name: str, case: Case) -> Iterator[str]:
    project = case.project
    if project is None or any(np.isnan(terms.months).any() for terms in case.terms):
        yield "needs lease.months, or months of every contract"
        return
    if not name.startswith(_OF_FEES) and bool(np.isnan(pool_hardware_usd(case, contracted(case))).any()):
        yield f"needs costs.capital_usd_per_gpu for {', '.join(project.unpriced)}"
    if any(part in name for part in _OF_DEBT) and project.debt is None:
        yield "needs debt"
    if not name.startswith(_OF_FEES) and any(_lacks_market(terms) for terms in case.terms):
        yield "needs lease.market.rate_card or lease.market.rate_usd_per_gpu_h: what the fleet earns after the term"
    yield from _lacks_finance(name, project)
    yield from _lacks_refund(name, case)
    if not case.sites.names:
        yield "needs a site, whose power is a cost"
    if project.debt is not None and (project.debt.sizing, project.debt.repayment) == ("amount", "sculpted"):
        yield _BY_NAME.get(name, _UNSCULPTED)
    yield _BY_NAME.get(name, "cannot be computed from these flows")


def _lacks_market(terms: Terms) -> bool:
    """Whether a contract says for how long the market pays after it, and not what."""
    rates = terms.market_rate_usd_per_gpu_h[..., list(terms.pools)]
    return bool(np.any(terms.market_months > 0.0) and np.isnan(rates).any())


def _lacks_refund(name: str, case: Case) -> Iterator[str]:
    if name == "lease.expected_refund_usd":
        yield "needs lease.prepayment"
    if name == "lease.downside_refund_usd" and any(np.any(one.notice_months >= NEVER_MONTHS) for one in case.terms):
        yield "needs lease.notice"


def _lacks_finance(name: str, project: ProjectCase) -> Iterator[str]:
    given = {
        "valuation_multiple_factor": (project.valuation_multiple_factor, name.startswith("lease.multiple")),
        "valuation_usd": (project.valuation_usd, name.endswith("valuation_share")),
        "discount_rate_share": (project.discount_rate_share, any(part in name for part in _DISCOUNTED)),
    }
    for key, (value, is_needed) in given.items():
        if is_needed and bool(np.all(np.isnan(value))):
            yield f"needs finance.{key}"
