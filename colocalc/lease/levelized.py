"""What a GPU-hour costs over the life of a fleet, and the rate and utilization at which a lease just pays.

Three figures that tax sets apart: the levelized cost (costs over hours, both discounted), the break-even rate (net
present value 0 after tax), and the ``lcoe`` of SAM (revenue less net present value, over hours), which rises with the
rate charged and is no price at which anything breaks even.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array, per_period, together
from colocalc.lease.cashflow import present_value_usd
from colocalc.lease.tax import tax_usd
from colocalc.root import rising_root

_CLOSE_SHARE = 1e-14  # of the money at stake, which is where rounding begins


def _over(value: Array, hours: Array) -> Array:
    return value / np.where(hours == 0.0, np.nan, hours)


def levelized_cost_usd_per_gpu_h(*, cost_usd: ArrayLike, billed_gpu_h: ArrayLike, discount_share: ArrayLike) -> Array:
    """Cost of a GPU-hour over the life of a fleet, costs and hours both discounted.

    The period axis is dropped.

    Parameters
    ----------
    cost_usd : array_like (..., period)
        Capital and running costs, less salvage.
    billed_gpu_h : array_like (..., period)
        GPU-hours billed.
    discount_share : array_like (...)
        Discount rate of a period, above -1.

    Returns
    -------
    ndarray (...)
        Levelized cost [usd_per_gpu_h].

    Notes
    -----
    ``PV(costs) / PV(hours)``

    - A discount rate of 0: all costs over all hours.
    - No hours: undefined (NaN).
    - Level costs and hours after capital in period 0: ``(capital CRF + running cost) / hours``.
    - Without tax: the break-even rate.

    References
    ----------
    Levelized cost of energy, with GPU-hours for kilowatt-hours: Short, Packey and Holt, NREL/TP-462-5173 (1995).
    """
    hours = present_value_usd(flow_usd=billed_gpu_h, discount_share=discount_share)
    return _over(present_value_usd(flow_usd=cost_usd, discount_share=discount_share), hours)


def sam_lcoe_usd_per_gpu_h(
    *, revenue_usd: ArrayLike, after_tax_flow_usd: ArrayLike, billed_gpu_h: ArrayLike, discount_share: ArrayLike
) -> Array:
    """The levelized cost that SAM prints: revenue less net present value after tax, over hours.

    The period axis is dropped.

    Parameters
    ----------
    revenue_usd : array_like (..., period)
        Revenue.
    after_tax_flow_usd : array_like (..., period)
        Flows of the owners after tax.
    billed_gpu_h : array_like (..., period)
        GPU-hours billed.
    discount_share : array_like (...)
        Discount rate of a period, above -1.

    Returns
    -------
    ndarray (...)
        SAM's levelized cost [usd_per_gpu_h].

    Notes
    -----
    ``(PV(revenue) - NPV) / PV(hours)``

    - Net present value 0: the levelized revenue, which is then the break-even rate.
    - Without tax and debt: the levelized cost.
    - With tax: it contains the tax on profit, so it rises with the rate.
    - No hours: undefined (NaN).

    References
    ----------
    NREL PySAM Singleowner 7.1.1, ``lcoe_nom``.
    """
    cost = as_array(revenue_usd) - as_array(after_tax_flow_usd)
    return levelized_cost_usd_per_gpu_h(cost_usd=cost, billed_gpu_h=billed_gpu_h, discount_share=discount_share)


def break_even_rate_usd_per_gpu_h(
    *,
    billed_gpu_h: ArrayLike,
    other_flow_usd: ArrayLike,
    other_income_usd: ArrayLike,
    tax_rate_share: ArrayLike,
    loss_cap_share: ArrayLike,
    immediate_loss_share: ArrayLike,
    discount_share: ArrayLike,
) -> Array:
    """Price of a GPU-hour at which net present value after tax is 0.

    The period axis is dropped. Flows are those of the assets, or of the owners with debt that does not depend on the
    rate.

    Parameters
    ----------
    billed_gpu_h : array_like (..., period)
        GPU-hours billed; times the price of the period over that of the first, where the price follows a path.
    other_flow_usd : array_like (..., period)
        Cash before tax without the revenue: capital and running costs are negative.
    other_income_usd : array_like (..., period)
        Taxable income without the revenue: running costs and depreciation are negative.
    tax_rate_share : array_like (...)
        Tax rate, below 1.
    loss_cap_share : array_like (...)
        Share of a period's income that earlier losses may offset.
    immediate_loss_share : array_like (...)
        Share of a loss that lowers other tax at once; the rest is carried forward.
    discount_share : array_like (...)
        Discount rate of a period, above -1.

    Returns
    -------
    ndarray (...)
        Break-even rate [usd_per_gpu_h].

    Notes
    -----
    The root of ``PV(rate hours + other flow - tax(rate hours + other income))``, which is linear between the rates at
    which income changes sign or losses run out: a bracket is narrowed by chords, exact on a straight piece, and halves

    - No tax: the levelized cost.
    - Losses turned into cash at once: linear in the rate, so the first chord is the answer.
    - Other income that is all recovered at once: the levelized cost, whatever the tax rate.
    - Other flows above 0: negative.
    - No hours, or a tax rate of 1: undefined (NaN).

    References
    ----------
    Break-even of capital budgeting; the chord is regula falsi.
    """
    hours, other, taxed = together(billed_gpu_h, other_flow_usd, other_income_usd)
    rate_of_tax = as_array(tax_rate_share)

    def worth(rate: Array) -> Array:
        revenue = per_period(rate) * hours
        tax = tax_usd(
            income_usd=revenue + taxed,
            tax_rate_share=rate_of_tax,
            loss_cap_share=loss_cap_share,
            immediate_loss_share=immediate_loss_share,
        )
        return present_value_usd(flow_usd=revenue + other - tax, discount_share=discount_share)

    def valued(flow: Array) -> Array:
        return present_value_usd(flow_usd=flow, discount_share=discount_share)

    # Tax is never more than that of profits without any loss, and never less than that of all losses at once.
    sold, kept = valued(hours), 1.0 - rate_of_tax
    per_hour = 1.0 / np.where((sold > 0.0) & (kept > 0.0), sold, np.nan)
    most = (rate_of_tax * valued(np.maximum(taxed, 0.0)) - valued(other)) * per_hour
    least = (-rate_of_tax * valued(np.maximum(-taxed, 0.0)) - valued(other)) * per_hour
    high, low = (most / np.where(most > 0.0, kept, 1.0), least / np.where(least > 0.0, 1.0, kept))
    return rising_root(worth, low, high, _CLOSE_SHARE * valued(np.abs(other)))


def break_even_billed_share(*, break_even_usd_per_gpu_h: ArrayLike, rate_usd_per_gpu_h: ArrayLike) -> Array:
    """Share of hours that has to be billed at a rate for net present value 0.

    Parameters
    ----------
    break_even_usd_per_gpu_h : array_like (...)
        Break-even rate if all available hours were billed.
    rate_usd_per_gpu_h : array_like (...)
        Rate charged.

    Returns
    -------
    ndarray (...)
        Break-even utilization [share]; above 1 where no utilization is enough.

    Notes
    -----
    ``break-even rate / rate``, since revenue is their product and costs do not follow utilization

    - The break-even rate itself: 1.
    - Twice the rate: half the share.
    - A rate of 0: undefined (NaN).

    References
    ----------
    Break-even of capital budgeting.
    """
    return _over(as_array(break_even_usd_per_gpu_h), as_array(rate_usd_per_gpu_h))
