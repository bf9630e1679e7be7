"""The cash flow of a leased fleet, from revenue to what its owners receive.

The period axis is last: months or years. Capital is spent and debt drawn in the periods that say so, usually the first.
Project flows are those of the assets before any debt; equity flows are what owners pay in and take out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array, before, per_period, together
from colocalc.lease.lender import dscr_factor
from colocalc.lease.reserves import Reserves, locked_share, reserve_target_usd, reserves
from colocalc.lease.tax import tax_usd, taxable_income_usd


@dataclass(frozen=True, eq=False)
class CashFlow:
    """What a project earns, owes and pays out, each ``(..., period)``.

    Attributes
    ----------
    ebitda_usd, cfads_usd : ndarray
        Revenue less running costs, which is also the cash available for debt service before tax [usd].
    service_usd : ndarray
        Interest, fees and scheduled principal [usd].
    tax_usd, unlevered_tax_usd : ndarray
        Tax as paid, and as it would be without debt [usd].
    reserve_usd, trapped_usd, reserve_interest_usd : ndarray
        Cash held back at the end of the period, and what that of the period before has earned [usd].
    project_before_tax_usd, project_after_tax_usd : ndarray
        Flows of the assets, as if without debt [usd].
    equity_before_tax_usd, equity_after_tax_usd : ndarray
        Flows of the owners; paid in is negative [usd]. Before tax, cash is held back as it is after tax.
    sources_less_uses_usd : ndarray
        A check that is 0 to rounding: every dollar that comes in is put to a use [usd].
    """

    ebitda_usd: Array
    cfads_usd: Array
    service_usd: Array
    tax_usd: Array
    unlevered_tax_usd: Array
    reserve_usd: Array
    trapped_usd: Array
    reserve_interest_usd: Array
    project_before_tax_usd: Array
    project_after_tax_usd: Array
    equity_before_tax_usd: Array
    equity_after_tax_usd: Array
    sources_less_uses_usd: Array


def cash_flow(
    *,
    revenue_usd: ArrayLike,
    opex_usd: ArrayLike,
    capital_usd: ArrayLike,
    salvage_usd: ArrayLike,
    gain_usd: ArrayLike,
    depreciation_usd: ArrayLike,
    draw_usd: ArrayLike,
    interest_usd: ArrayLike,
    fee_usd: ArrayLike,
    principal_usd: ArrayLike,
    prepayment_usd: ArrayLike,
    tax_rate_share: ArrayLike,
    loss_cap_share: ArrayLike,
    immediate_loss_share: ArrayLike,
    reserve_periods_count: ArrayLike,
    reserve_interest_share: ArrayLike,
    lock_up_dscr_factor: ArrayLike,
) -> CashFlow:
    """Cash of a project and of its owners, before and after tax.

    Parameters
    ----------
    revenue_usd : array_like (..., period)
        Revenue as cash, salvage apart.
    opex_usd : array_like (..., period)
        Running costs.
    capital_usd : array_like (..., period)
        What is spent on building.
    salvage_usd : array_like (..., period)
        Proceeds of a sale of the assets; no cash for debt service.
    gain_usd : array_like (..., period)
        Taxable gain of the sale.
    depreciation_usd : array_like (..., period)
        Depreciation for tax.
    draw_usd : array_like (..., period)
        Debt drawn.
    interest_usd : array_like (..., period)
        Interest.
    fee_usd : array_like (..., period)
        Fees of lenders.
    principal_usd : array_like (..., period)
        Scheduled principal.
    prepayment_usd : array_like (..., period)
        Principal ahead of schedule, or a balloon.
    tax_rate_share : array_like (...)
        Tax rate.
    loss_cap_share : array_like (...)
        Share of a period's income that earlier losses may offset.
    immediate_loss_share : array_like (...)
        Share of a loss that lowers other tax at once; the rest is carried forward.
    reserve_periods_count : array_like (...)
        Periods of debt service that the reserve holds; 0 without one.
    reserve_interest_share : array_like (...)
        What cash held back earns in a period; taxed, and no part of the DSCR.
    lock_up_dscr_factor : array_like (...)
        DSCR below which nothing is paid to owners; 0 without a lock-up.

    Returns
    -------
    CashFlow (..., period)
        From EBITDA to the flows of the owners.

    Notes
    -----
    ``project = revenue - opex + salvage - capital``, less unlevered tax;
    ``equity = project + draw - service - prepayment - tax - change of cash held back + what it earns``

    - No debt: equity is the project.
    - A tax rate of 0: flows before and after tax are the same.
    - Reserve and trapped cash are back by the last period: without interest on them equity sums to what it sums to
      without them.
    - Sources are uses in every period.

    References
    ----------
    The cash waterfall of project finance: Yescombe, Principles of Project Finance (2014), on cash cascades; NREL PySAM
    Singleowner 7.1.1, whose cash flows are reproduced to the dollar.
    """
    revenue, opex, capital, salvage, draw, prepayment = together(
        revenue_usd, opex_usd, capital_usd, salvage_usd, draw_usd, prepayment_usd
    )
    charges = as_array(interest_usd) + as_array(fee_usd)
    ebitda, service = revenue - opex, charges + as_array(principal_usd)
    base = taxable_income_usd(
        ebitda_usd=ebitda, depreciation_usd=depreciation_usd, interest_usd=np.zeros_like(ebitda), gain_usd=gain_usd
    )
    taxes = {
        "tax_rate_share": tax_rate_share,
        "loss_cap_share": loss_cap_share,
        "immediate_loss_share": immediate_loss_share,
    }
    unlevered = tax_usd(income_usd=base, **taxes)
    earned = np.zeros_like(base - charges)
    # What is held back earns interest in the next period, is taxed with it, and may hold back more: each pass is right
    # for one period more, so they end, and usually the second is right for all.
    while True:
        tax = tax_usd(income_usd=base - charges + earned, **taxes)
        available = ebitda + earned - tax
        kept = _held_back(available, service, prepayment, draw, ebitda, reserve_periods_count, lock_up_dscr_factor)
        held = kept.reserve_usd + kept.trapped_usd
        again = per_period(reserve_interest_share) * before(held)
        if np.array_equal(again, np.broadcast_to(earned, again.shape), equal_nan=True):
            break
        earned = again
    project = ebitda + salvage - capital
    equity = project + draw - service - prepayment - (held - before(held)) + earned
    after = equity - tax
    sources = revenue + salvage + draw + before(held) + earned + np.maximum(-after, 0.0)
    uses = opex + capital + service + prepayment + tax + held + np.maximum(after, 0.0)
    held_back = (kept.reserve_usd, kept.trapped_usd, earned)
    flows = (project, project - unlevered, equity, after)
    return CashFlow(*together(ebitda, ebitda, service, tax, unlevered, *held_back, *flows, sources - uses))


def _held_back(
    available: Array,
    service: Array,
    prepayment: Array,
    draw: Array,
    cfads: Array,
    reserve_periods: ArrayLike,
    lock_up: ArrayLike,
) -> Reserves:
    # While debt is drawn nothing is distributed that a lock-up could stop.
    ratio = dscr_factor(cfads_usd=cfads, service_usd=np.where(draw > 0.0, 0.0, service))
    return reserves(
        available_usd=available,
        service_usd=service + prepayment,
        target_usd=reserve_target_usd(service_usd=service, reserve_periods_count=reserve_periods),
        drawing_share=draw > 0.0,
        locked_share=locked_share(dscr_factor=ratio, lock_up_dscr_factor=lock_up),
    )


def present_value_usd(*, flow_usd: ArrayLike, discount_share: ArrayLike) -> Array:
    """Value of flows at period 0, whose own flow is not discounted.

    The period axis is dropped.

    Parameters
    ----------
    flow_usd : array_like (..., period)
        Flows at the end of each period.
    discount_share : array_like (...)
        Discount rate of a period, above -1.

    Returns
    -------
    ndarray (...)
        Present value [usd].

    Notes
    -----
    ``sum_t flow_t / (1 + r)^t``

    - A rate of 0: the sum.
    - A flow in period 0 alone: itself, at any rate.

    References
    ----------
    The convention of numpy-financial; Excel's NPV discounts the first flow too.
    """
    flow = as_array(flow_usd)
    factor = (1.0 + per_period(discount_share)) ** -np.arange(flow.shape[-1])
    return as_array(np.sum(flow * factor, axis=-1))
