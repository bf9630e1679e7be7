"""How much debt cash flow carries, and what an hour must earn: per period, the period last."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.lease.annuity import annuity
from colocalc.lease.returns import npv_excel


def crf(rate: ArrayLike, periods: ArrayLike) -> Array:
    """Capital recovery factor: the level payment per period that pays off 1.

    Parameters
    ----------
    rate : array_like (...)
        Rate per period [share].
    periods : array_like (...)
        Number of payments, at the end of each period [count].

    Returns
    -------
    ndarray (...)
        Payment per unit of capital and period [share].

    Notes
    -----
    ``rate / (1 - (1 + rate)^-periods)``

    - A rate of 0: 1 / periods.
    - One period: 1 + rate.
    - No periods, or a rate of -100% or less: undefined (NaN).

    References
    ----------
    Capital recovery of engineering economics.
    """
    return 1.0 / annuity(as_array(rate), as_array(periods))


def levelized_cost(
    capex: ArrayLike,
    opex_per_yr: ArrayLike,
    gpu_count: ArrayLike,
    hours: ArrayLike,
    utilization: ArrayLike,
    rate: ArrayLike,
    years: ArrayLike,
) -> Array:
    """Price of a GPU-hour that pays for capital and running costs before tax: costs over hours, both discounted.

    Parameters
    ----------
    capex : array_like (...)
        Capital paid at the start [usd].
    opex_per_yr : array_like (...)
        Running costs of each year [usd_per_yr].
    gpu_count : array_like (...)
        GPUs [count].
    hours : array_like (...)
        Hours of a year [h].
    utilization : array_like (...)
        Share of hours sold [share].
    rate : array_like (...)
        Discount rate per year [share].
    years : array_like (...)
        Life [yr].

    Returns
    -------
    ndarray (...)
        Price of a GPU-hour sold [usd_per_gpu_h].

    Notes
    -----
    ``(capex * crf(rate, years) + opex) / (gpus * hours * utilization)``

    - A rate of 0: all costs over all hours.
    - Leased at this price, capital returns just the rate.
    - Nothing sold, or no years: undefined (NaN).

    References
    ----------
    Simple levelized cost of energy, NREL, with a GPU-hour for a kilowatt-hour.
    """
    sold = as_array(gpu_count) * as_array(hours) * as_array(utilization)
    cost = as_array(capex) * crf(rate, years) + as_array(opex_per_yr)
    return cost / np.where(sold == 0.0, np.nan, sold)


def debt_from_dscr(
    cfads: ArrayLike,
    interest: ArrayLike,
    dscr: ArrayLike,
    advance_rate_cap: ArrayLike | None = None,
    cost: ArrayLike | None = None,
) -> Array:
    """Debt that cash flow pays off when each payment is sculpted to a debt service cover ratio.

    Without a cap it can exceed the cost of what it pays for.

    Parameters
    ----------
    cfads : array_like (..., period)
        Cash flow available for debt service in the periods of the loan, the first one period after it is drawn [usd].
    interest : array_like (...)
        Interest per period [share].
    dscr : array_like (...)
        Cash flow over debt service, kept in every period [factor].
    advance_rate_cap : array_like (...)
        Most that is lent, as a share of cost; none, or NaN, for no cap [share].
    cost : array_like (...)
        Cost that the cap is a share of [usd].

    Returns
    -------
    ndarray (...)
        Debt drawn at the start [usd].

    Notes
    -----
    ``min(sum(max(cfads_t, 0) / (dscr (1 + interest)^t)), cap * cost)``

    - Interest of 0: all cash flow over the ratio.
    - No cash flow, or none above 0: 0.
    - No cap: cash flow alone sets the debt, which may be above the cost.
    - A ratio of 0 or less: undefined (NaN).

    References
    ----------
    Sculpted debt of project finance; NREL SAM issue 534 on debt above cost.
    """
    ratio = as_array(dscr)
    flows = np.maximum(as_array(cfads), 0.0)
    debt = npv_excel(interest, flows) / np.where(ratio > 0.0, ratio, np.nan)
    if advance_rate_cap is None or cost is None:
        return debt
    capped = np.fmin(debt, as_array(advance_rate_cap) * as_array(cost))
    return np.where(np.isnan(debt), np.nan, capped)


def llcr(cfads: ArrayLike, interest: ArrayLike, debt: ArrayLike) -> Array:
    """Loan life cover ratio: what cash flow is worth until the loan ends, over the debt.

    Parameters
    ----------
    cfads : array_like (..., period)
        Cash flow available for debt service in the periods left of the loan [usd].
    interest : array_like (...)
        Interest per period [share].
    debt : array_like (...)
        Debt outstanding at the start [usd].

    Returns
    -------
    ndarray (...)
        Present value over debt [factor].

    Notes
    -----
    ``sum(cfads_t / (1 + interest)^t) / debt``

    - Debt sculpted by ``debt_from_dscr``: the cover ratio itself.
    - No debt: undefined (NaN).

    References
    ----------
    Cover ratios of project finance.
    """
    owed = as_array(debt)
    return npv_excel(interest, cfads) / np.where(owed > 0.0, owed, np.nan)


def plcr(cfads: ArrayLike, interest: ArrayLike, debt: ArrayLike) -> Array:
    """Project life cover ratio: what cash flow is worth until the project ends, over the debt.

    Parameters
    ----------
    cfads : array_like (..., period)
        Cash flow available for debt service in the periods left of the project [usd].
    interest : array_like (...)
        Interest per period [share].
    debt : array_like (...)
        Debt outstanding at the start [usd].

    Returns
    -------
    ndarray (...)
        Present value over debt [factor].

    Notes
    -----
    ``sum(cfads_t / (1 + interest)^t) / debt``

    - A project that ends with its loan: ``llcr``.
    - No debt: undefined (NaN).

    References
    ----------
    Cover ratios of project finance.
    """
    return llcr(cfads, interest, debt)
