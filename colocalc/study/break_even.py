"""The rates at which assets, and at which their owners, just get back what they put in.

A rate scales all fees of the contracts alike; costs and the market stay. Where cash is in proportion to it, the rate of
the assets is that of ``colocalc.lease.levelized``. What is paid ahead follows the fees, and debt that is sized on cash
follows it: there the cash flow is computed anew at each rate that is tried.
"""

from collections.abc import Callable

import numpy as np

from colocalc.arrays import Array, together
from colocalc.case import ProjectCase
from colocalc.lease import levelized, tax
from colocalc.lease.cashflow import present_value_usd
from colocalc.root import rising_root
from colocalc.study.borrowing import borrow
from colocalc.study.deal import Deal
from colocalc.study.flows import Flows, flows_at
from colocalc.study.project import Project, cash_of, per_period_share, taxes_of

_DOUBLINGS = 60  # from a price that is too low to any that is written
_CLOSE_SHARE = 1e-13  # of capital, which is where rounding begins


def assets_usd_per_gpu_h(terms: ProjectCase, deal: Deal, project: Project) -> Array:
    """Mean rate of the contracts, before credits, at which the net present value of the assets after tax is 0.

    Below 0 where the fleet pays without any fee; NaN where no rate does, or nothing is charged.
    """
    return _assets(terms, deal, project, terms.discount_rate_share)


def _assets(terms: ProjectCase, deal: Deal, project: Project, yearly_share: Array) -> Array:
    months, flows = project.months_per_period, project.flows
    discount = per_period_share(yearly_share, months)
    is_prepaid = any(one.is_prepaid for one in deal.priced)
    # At a price of 0 nothing is paid ahead as a share of fees, and what else is paid does not follow the price.
    base = flows_at(flows, deal, months, np.zeros(())).revenue_usd if is_prepaid else flows.revenue_usd - flows.fees_usd
    other = base - flows.opex_usd
    simple = levelized.break_even_rate_usd_per_gpu_h(
        # Hours weighted by the price of their period, so that a rate scales all fees alike.
        billed_gpu_h=flows.fees_usd / project.mean_rate_usd_per_gpu_h[..., None],
        other_flow_usd=other + flows.salvage_usd - flows.capital_usd,
        other_income_usd=_income(flows, other),
        discount_share=discount,
        **taxes_of(terms),
    )
    if not is_prepaid:
        return simple

    def worth(price_factor: Array) -> Array:
        at = flows_at(flows, deal, months, price_factor)
        earned = at.revenue_usd - at.opex_usd
        paid = tax.tax_usd(income_usd=_income(at, earned), **taxes_of(terms))
        return present_value_usd(flow_usd=earned + at.salvage_usd - at.capital_usd - paid, discount_share=discount)

    factor = _root(worth, simple / project.mean_rate_usd_per_gpu_h, project)
    return np.where(simple > 0.0, factor * project.mean_rate_usd_per_gpu_h, simple)


def owners_usd_per_gpu_h(terms: ProjectCase, deal: Deal, project: Project) -> Array:
    """Mean rate at which the net present value of the owners after tax and debt is 0, with the debt that it carries.

    Where a covenant makes the value jump over 0, the rate just above. NaN where owners gain without any fee.
    """
    if terms.debt is None:
        return _assets(terms, deal, project, terms.equity_discount_rate_share)
    months, flows = project.months_per_period, project.flows
    discount = per_period_share(terms.equity_discount_rate_share, months)

    def worth(price_factor: Array) -> Array:
        at = flows_at(flows, deal, months, price_factor)
        cash = cash_of(terms, at, borrow(terms, at, months), months)
        value = present_value_usd(flow_usd=cash.equity_after_tax_usd, discount_share=discount)
        # Debt that no cash repays is the worst for owners that there is.
        return np.where(np.isnan(value) & ~np.isnan(discount), -project.capital_usd, value)

    without_fees = worth(np.zeros_like(project.capital_usd))
    factor = _root(worth, np.where(without_fees < 0.0, 1.0, np.nan), project)
    return np.asarray(factor * project.mean_rate_usd_per_gpu_h)


def _income(flows: Flows, earned: Array) -> Array:
    return tax.taxable_income_usd(
        ebitda_usd=earned,
        depreciation_usd=flows.tax_depreciation_usd,
        interest_usd=np.zeros_like(earned),
        gain_usd=flows.gain_usd,
    )


def _root(worth: Callable[[Array], Array], guess: Array, project: Project) -> Array:
    """The factor on prices at which a value is 0 that is below 0 without fees; NaN where no price is enough."""
    known = np.sum(project.cash.project_after_tax_usd, axis=-1) * project.mean_rate_usd_per_gpu_h
    high, capital, known = together(guess, project.capital_usd, known)
    high = np.where((high > 0.0) & ~np.isnan(known), high, np.nan)
    for _ in range(_DOUBLINGS):
        lacking = (worth(high) < 0.0) & ~np.isnan(high)
        if not lacking.any():
            break
        high = np.where(lacking, 2.0 * high, high)
    else:
        high = np.where(worth(high) < 0.0, np.nan, high)
    return rising_root(worth, np.where(np.isnan(high), np.nan, 0.0), high, _CLOSE_SHARE * capital)
