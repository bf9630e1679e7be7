"""A lender's view of a leased fleet: what secures the loan, what repays it, and what is left if the tenant goes.

The period axis is last. Ratios per period are undefined (NaN) where nothing is owed or due.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array, per_period, together


def _ratio(part: Array, whole: Array) -> Array:
    return part / np.where(whole == 0.0, np.nan, whole)


def decaying_value_usd(
    *, price_usd: ArrayLike, floor_usd: ArrayLike, decay_per_yr: ArrayLike, age_yr: ArrayLike
) -> Array:
    """Market value of hardware that falls towards a floor.

    Parameters
    ----------
    price_usd : array_like (...)
        Price when new.
    floor_usd : array_like (...)
        What it never falls below; at most the price.
    decay_per_yr : array_like (...)
        Rate at which the rest decays.
    age_yr : array_like (..., period)
        Age at the end of each period.

    Returns
    -------
    ndarray (..., period)
        Value [usd].

    Notes
    -----
    ``(P0 - F) exp(-lambda t) + F``

    - New: the price.
    - Very old: the floor.
    - No decay: the price.
    - A floor above the price: undefined (NaN).

    References
    ----------
    Price model of GPU resale listings (leap-gpuprice.pages.dev): decay to a floor fits better than a plain exponential.
    """
    price, floor = per_period(price_usd), per_period(floor_usd)
    left = np.exp(-per_period(decay_per_yr) * as_array(age_yr))
    return np.where(floor <= price, (price - floor) * left + floor, np.nan)


def linear_value_usd(*, price_usd: ArrayLike, floor_usd: ArrayLike, life_yr: ArrayLike, age_yr: ArrayLike) -> Array:
    """Market value of hardware that falls in a straight line to a floor.

    Parameters
    ----------
    price_usd : array_like (...)
        Price when new.
    floor_usd : array_like (...)
        What it is worth at the end of its life; at most the price.
    life_yr : array_like (...)
        Life, above 0.
    age_yr : array_like (..., period)
        Age at the end of each period.

    Returns
    -------
    ndarray (..., period)
        Value [usd].

    Notes
    -----
    ``P0 - (P0 - F) min(t / L, 1)``

    - New: the price.
    - At the end of its life or older: the floor.
    - A floor above the price: undefined (NaN).

    References
    ----------
    Straight-line decline.
    """
    price, floor = per_period(price_usd), per_period(floor_usd)
    used = np.minimum(as_array(age_yr) / per_period(life_yr), 1.0)
    return np.where(floor <= price, price - (price - floor) * used, np.nan)


def loan_to_value_share(*, debt_usd: ArrayLike, value_usd: ArrayLike) -> Array:
    """Debt over the value of what secures it.

    Parameters
    ----------
    debt_usd : array_like (..., period)
        Debt at the end of each period.
    value_usd : array_like (..., period)
        Value of the assets.

    Returns
    -------
    ndarray (..., period)
        Loan to value [share]; above 1 the assets do not cover the loan.

    Notes
    -----
    ``debt / value``

    - No debt: 0.
    - A value of 0: undefined (NaN).

    References
    ----------
    Arithmetic of secured lending.
    """
    return _ratio(as_array(debt_usd), as_array(value_usd))


def dscr_factor(*, cfads_usd: ArrayLike, service_usd: ArrayLike) -> Array:
    """Cash available over what is due, for the cash flow of contracts or for that of the market.

    Parameters
    ----------
    cfads_usd : array_like (..., period)
        Cash available for debt service: from contracts alone, at market rates alone, or both.
    service_usd : array_like (..., period)
        Debt service.

    Returns
    -------
    ndarray (..., period)
        DSCR [factor].

    Notes
    -----
    ``CFADS / service``

    - No cash: 0.
    - Costs above revenue: negative.
    - Nothing due: undefined (NaN).

    References
    ----------
    Yescombe, Principles of Project Finance (2014), on cover ratios.
    """
    return _ratio(as_array(cfads_usd), as_array(service_usd))


def min_dscr_factor(*, dscr_factor: ArrayLike) -> Array:
    """Lowest DSCR of a loan.

    The period axis is dropped.

    Parameters
    ----------
    dscr_factor : array_like (..., period)
        DSCR of each period.

    Returns
    -------
    ndarray (...)
        Lowest DSCR [factor].

    Notes
    -----
    ``min_t DSCR_t`` over periods in which it is defined

    - One period with debt service: its DSCR.
    - No debt service in any period: undefined (NaN).

    References
    ----------
    Covenants of project finance.
    """
    ratio = as_array(dscr_factor)
    lowest: Array = np.min(np.where(np.isnan(ratio), np.inf, ratio), axis=-1)
    return np.where(np.isinf(lowest), np.nan, lowest)


def mean_dscr_factor(*, dscr_factor: ArrayLike) -> Array:
    """Mean DSCR of a loan, each period alike.

    The period axis is dropped.

    Parameters
    ----------
    dscr_factor : array_like (..., period)
        DSCR of each period.

    Returns
    -------
    ndarray (...)
        Mean DSCR [factor].

    Notes
    -----
    ``sum_t DSCR_t / n`` over the ``n`` periods in which it is defined

    - One period with debt service: its DSCR.
    - No debt service in any period: undefined (NaN).

    References
    ----------
    Yescombe, Principles of Project Finance (2014), on the average DSCR.
    """
    ratio = as_array(dscr_factor)
    known = ~np.isnan(ratio)
    total: Array = np.sum(np.where(known, ratio, 0.0), axis=-1)
    return _ratio(total, as_array(np.sum(known, axis=-1)))


def _value_ahead(flow: Array, interest: Array) -> Array:
    # Value at the end of each period of the flows after it.
    discount = 1.0 / np.cumprod(1.0 + interest, axis=-1)
    ahead = np.cumsum((flow * discount)[..., ::-1], axis=-1)[..., ::-1]
    later: Array = np.concatenate([ahead[..., 1:], np.zeros_like(ahead[..., :1])], axis=-1)
    return later / discount


def llcr_factor(
    *, cfads_usd: ArrayLike, interest_share: ArrayLike, repaying_share: ArrayLike, debt_usd: ArrayLike
) -> Array:
    """Loan life cover ratio: value of the cash of the loan's remaining life over the debt.

    Parameters
    ----------
    cfads_usd : array_like (..., period)
        Cash available for debt service.
    interest_share : array_like (..., period)
        Interest of each period, at which cash is discounted.
    repaying_share : array_like (..., period)
        1 in the periods in which debt is repaid, else 0.
    debt_usd : array_like (..., period)
        Debt at the end of each period.

    Returns
    -------
    ndarray (..., period)
        Cover at the end of each period [factor].

    Notes
    -----
    ``sum_(s>t) CFADS_s / prod_(t<u<=s) (1 + i_u) / debt_t`` over repaying periods

    - Debt sculpted to a DSCR and repaid from the next period on: that DSCR, while debt is owed.
    - No debt: undefined (NaN).
    - No interest: cash still to come over debt.

    References
    ----------
    Yescombe, Principles of Project Finance (2014), on cover ratios.
    """
    cash, interest, repaying, debt = together(cfads_usd, interest_share, repaying_share, debt_usd)
    return _ratio(_value_ahead(cash * repaying, interest), debt)


def plcr_factor(*, cfads_usd: ArrayLike, interest_share: ArrayLike, debt_usd: ArrayLike) -> Array:
    """Project life cover ratio: value of all cash still to come over the debt.

    Parameters
    ----------
    cfads_usd : array_like (..., period)
        Cash available for debt service.
    interest_share : array_like (..., period)
        Interest of each period, at which cash is discounted; of a loan as if it ran on where it has ended.
    debt_usd : array_like (..., period)
        Debt at the end of each period.

    Returns
    -------
    ndarray (..., period)
        Cover at the end of each period [factor].

    Notes
    -----
    ``sum_(s>t) CFADS_s / prod_(t<u<=s) (1 + i_u) / debt_t``

    - A loan as long as the project: the loan life cover ratio.
    - Cash after the loan's life: above the loan life cover ratio.
    - No debt: undefined (NaN).

    References
    ----------
    Yescombe, Principles of Project Finance (2014), on cover ratios.
    """
    cash, interest, debt = together(cfads_usd, interest_share, debt_usd)
    return _ratio(_value_ahead(cash, interest), debt)


def firm_tenor_factor(*, firm_months: ArrayLike, tenor_months: ArrayLike) -> Array:
    """Firm term of the lease over the tenor of the loan.

    Parameters
    ----------
    firm_months : array_like (...)
        Months whose fees survive a notice given today.
    tenor_months : array_like (...)
        Months until the loan is due.

    Returns
    -------
    ndarray (...)
        Firm term over tenor [factor]; below 1 the loan outlives what is contracted.

    Notes
    -----
    ``firm / tenor``

    - A firm term as long as the loan: 1.
    - A lease that may end at once: 0.
    - No tenor: undefined (NaN).

    References
    ----------
    Tenor tests of lease-backed lending.
    """
    return _ratio(as_array(firm_months), as_array(tenor_months))
