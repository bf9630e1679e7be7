"""Tax on the income of a project, with losses carried forward or turned into cash at once.

The period axis is last. Depreciation comes in as an array: whose method and life it has is not asked here.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array, before, floored_sum, per_period


def disposal_gain_usd(
    *, salvage_usd: ArrayLike, cost_usd: ArrayLike, depreciation_usd: ArrayLike, disposed_share: ArrayLike
) -> Array:
    """Taxable gain of a sale of the assets: proceeds less what is not depreciated yet.

    Parameters
    ----------
    salvage_usd : array_like (..., period)
        Proceeds.
    cost_usd : array_like (...)
        Cost that is depreciated for tax.
    depreciation_usd : array_like (..., period)
        Depreciation for tax, none after the sale.
    disposed_share : array_like (..., period)
        Share of the assets sold or scrapped in the period.

    Returns
    -------
    ndarray (..., period)
        Gain [usd]; a loss is negative.

    Notes
    -----
    ``salvage_t - disposed_t (cost - sum_(s<=t) depreciation_s)``

    - Fully depreciated: the proceeds are the gain.
    - Sold at what is not depreciated yet: no gain.
    - Scrapped for nothing: what is not depreciated yet is a loss.
    - Nothing disposed of: the proceeds.

    References
    ----------
    US Internal Revenue Code, sections 1001 and 1011: amount realised less adjusted basis.
    """
    left = per_period(cost_usd) - np.cumsum(as_array(depreciation_usd), axis=-1)
    return as_array(salvage_usd) - as_array(disposed_share) * left


def taxable_income_usd(
    *, ebitda_usd: ArrayLike, depreciation_usd: ArrayLike, interest_usd: ArrayLike, gain_usd: ArrayLike
) -> Array:
    """Income before losses of other periods are set against it.

    Parameters
    ----------
    ebitda_usd : array_like (..., period)
        Revenue less running costs.
    depreciation_usd : array_like (..., period)
        Depreciation for tax.
    interest_usd : array_like (..., period)
        Interest and fees that are deducted; 0 for a project before debt.
    gain_usd : array_like (..., period)
        Gain of a disposal.

    Returns
    -------
    ndarray (..., period)
        Taxable income [usd]; a loss is negative.

    Notes
    -----
    ``EBITDA - depreciation - interest + gain``

    - No deductions and no gain: EBITDA.
    - Deductions above EBITDA: a loss, negative.

    References
    ----------
    Arithmetic; limits on the deduction of interest are not modelled.
    """
    deducted = as_array(depreciation_usd) + as_array(interest_usd)
    return as_array(ebitda_usd) - deducted + as_array(gain_usd)


def tax_usd(
    *,
    income_usd: ArrayLike,
    tax_rate_share: ArrayLike,
    loss_cap_share: ArrayLike,
    immediate_loss_share: ArrayLike,
) -> Array:
    """Tax of each period.

    Parameters
    ----------
    income_usd : array_like (..., period)
        Taxable income before losses of other periods.
    tax_rate_share : array_like (...)
        Tax rate.
    loss_cap_share : array_like (...)
        Share of a period's income that earlier losses may offset.
    immediate_loss_share : array_like (...)
        Share of a loss that lowers other tax of the owner at once; the rest is carried forward.

    Returns
    -------
    ndarray (..., period)
        Tax [usd]; negative where a loss turns into cash at once.

    Notes
    -----
    ``rate (profit - min(pool before, cap profit) - immediate loss)``

    - A rate of 0: 0.
    - An immediate share of 1: the rate times the income, a loss included.
    - An immediate share of 0: never negative.
    - A cap of 0: no loss ever helps.
    - Profit in every period: the rate times the income.

    References
    ----------
    US Internal Revenue Code, section 172 for losses carried forward; NREL PySAM Singleowner 7.1.1, which pays the
    benefit of a loss at once.
    """
    income, cap = as_array(income_usd), per_period(loss_cap_share)
    profit = np.maximum(income, 0.0)
    now = per_period(immediate_loss_share) * (profit - income)
    pool = floored_sum(profit - income - now - cap * profit)
    return per_period(tax_rate_share) * (profit - now - np.minimum(before(pool), cap * profit))
