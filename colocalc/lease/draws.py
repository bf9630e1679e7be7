"""What is drawn on a loan while a fleet is built.

The period axis is last. A draw is made at the end of a period and bears interest from the next one on.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, per_period, together


def delayed_draw_usd(
    *,
    capital_usd: ArrayLike,
    advance_rate_share: ArrayLike,
    commitment_usd: ArrayLike,
    drawing_share: ArrayLike,
    interest_share: ArrayLike,
    commitment_fee_share: ArrayLike,
) -> Array:
    """Draws on a committed facility that pays its share of what is built, and of its own interest and fees meanwhile.

    Parameters
    ----------
    capital_usd : array_like (..., period)
        What is spent on building.
    advance_rate_share : array_like (...)
        Share of each period's cost that the lender pays.
    commitment_usd : array_like (...)
        Most that may be drawn in all.
    drawing_share : array_like (..., period)
        1 in the periods in which debt may be drawn, else 0.
    interest_share : array_like (..., period)
        Interest of each period.
    commitment_fee_share : array_like (..., period)
        Fee of each period on what is committed and not drawn.

    Returns
    -------
    ndarray (..., period)
        Draws [usd].

    Notes
    -----
    ``draw_t = min(a (capital_t + i_t debt + f_t (commitment - debt)), commitment - debt)`` while debt may be drawn

    - All draws together: never above the commitment.
    - No advance, no commitment or no drawing period: 0.
    - All capital in period 0, without a fee: the advance rate times the capital, up to the commitment.
    - The lender's share of interest and fee is drawn, the owners' share is paid by them.

    References
    ----------
    Delayed-draw term loans; interest during construction as in Yescombe, Principles of Project Finance (2014).
    """
    spend, drawing, interest, fee, advance, commitment = together(
        capital_usd,
        drawing_share,
        interest_share,
        commitment_fee_share,
        per_period(advance_rate_share),
        per_period(commitment_usd),
    )
    draws = np.empty_like(spend)
    debt = np.zeros_like(spend[..., 0])
    for period in range(spend.shape[-1]):
        room = commitment[..., period] - debt
        cost = spend[..., period] + interest[..., period] * debt + fee[..., period] * room
        draws[..., period] = drawing[..., period] * np.minimum(advance[..., period] * cost, room)
        debt = debt + draws[..., period]
    return draws
