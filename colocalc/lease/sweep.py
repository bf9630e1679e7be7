"""Cash that repays debt ahead of schedule.

A sweep takes cash after tax, tax depends on interest, and interest on what was swept before: so this one goes through
the periods in order, for all scenarios at once.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from colocalc.arrays import Array, as_array, together


def _tax(losses: Array, income: Array, rate: Array, cap: Array, immediate: Array) -> tuple[Array, Array]:
    # One period of ``colocalc.lease.tax.tax_usd``, and the losses that it leaves to the next.
    profit, loss = np.maximum(income, 0.0), np.maximum(-income, 0.0)
    used = np.minimum(losses, cap * profit)
    return rate * (profit - used - immediate * loss), losses - used + (1.0 - immediate) * loss


def swept_usd(
    *,
    draw_usd: ArrayLike,
    principal_usd: ArrayLike,
    interest_share: ArrayLike,
    cfads_usd: ArrayLike,
    income_before_interest_usd: ArrayLike,
    tax_rate_share: ArrayLike,
    loss_cap_share: ArrayLike,
    immediate_loss_share: ArrayLike,
    sweep_share: ArrayLike,
    sweep_below_dscr_factor: ArrayLike,
) -> Array:
    """Debt repaid ahead of schedule from cash after tax and debt service.

    Fees of lenders are left out: they fall due while debt is drawn, when nothing is swept yet.

    Parameters
    ----------
    draw_usd : array_like (..., period)
        Debt drawn.
    principal_usd : array_like (..., period)
        Principal as scheduled.
    interest_share : array_like (..., period)
        Interest of each period.
    cfads_usd : array_like (..., period)
        Cash available for debt service, before tax.
    income_before_interest_usd : array_like (..., period)
        Taxable income before interest and losses of other periods.
    tax_rate_share : array_like (...)
        Tax rate.
    loss_cap_share : array_like (...)
        Share of a period's income that earlier losses may offset.
    immediate_loss_share : array_like (...)
        Share of a loss that lowers other tax at once; the rest is carried forward.
    sweep_share : array_like (...)
        Share of the cash left that repays debt.
    sweep_below_dscr_factor : array_like (...)
        DSCR below which cash is swept; infinite to sweep in every period.

    Returns
    -------
    ndarray (..., period)
        Prepayment [usd], 0 or more.

    Notes
    -----
    ``min(sweep max(CFADS - tax - interest - principal, 0), debt left)`` where
    ``CFADS < trigger (interest + principal)``

    - A sweep of 0 or a trigger of 0: 0.
    - An infinite trigger: every period with cash left.
    - No cash left: 0.
    - Never more than is owed.
    - The last instalments are repaid first: the others fall due as scheduled.

    References
    ----------
    Excess cash flow sweeps of leveraged loans and of project finance.
    """
    draw, principal, interest, cfads, income = together(
        draw_usd, principal_usd, interest_share, cfads_usd, income_before_interest_usd
    )
    rate, cap, immediate, share, trigger = (
        as_array(value)
        for value in (tax_rate_share, loss_cap_share, immediate_loss_share, sweep_share, sweep_below_dscr_factor)
    )
    lead = np.broadcast_shapes(draw.shape[:-1], *(value.shape for value in (rate, cap, immediate, share, trigger)))
    swept = np.empty((*lead, draw.shape[-1]))
    debt, losses = np.zeros(lead), np.zeros(lead)
    for period in range(draw.shape[-1]):
        charge = interest[..., period] * debt
        owed = debt + draw[..., period]
        due = np.minimum(principal[..., period], owed)
        tax, losses = _tax(losses, income[..., period] - charge, rate, cap, immediate)
        left = np.maximum(cfads[..., period] - tax - charge - due, 0.0)
        triggered = _below(cfads[..., period], trigger, charge + due)
        swept[..., period] = np.minimum(np.where(triggered, share * left, 0.0), owed - due)
        debt = owed - due - swept[..., period]
    return swept


def _below(cash: Array, trigger: Array, service: Array) -> NDArray[np.bool_]:
    # An infinite trigger times nothing due is undefined, and yet every cash is below it.
    finite = np.where(np.isinf(trigger), 0.0, trigger)
    below: NDArray[np.bool_] = np.isinf(trigger) | (cash < finite * service)
    return below
