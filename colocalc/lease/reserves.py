"""Cash that lenders hold back: the debt-service reserve, and what a lock-up traps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array, per_period, together


@dataclass(frozen=True, eq=False)
class Reserves:
    """Cash held back at the end of each period, each ``(..., period)``.

    Attributes
    ----------
    reserve_usd : ndarray
        In the debt-service reserve [usd].
    trapped_usd : ndarray
        Trapped by a lock-up [usd].
    """

    reserve_usd: Array
    trapped_usd: Array


def reserve_target_usd(*, service_usd: ArrayLike, reserve_periods_count: ArrayLike) -> Array:
    """Debt service of the periods ahead, which a reserve has to hold.

    Parameters
    ----------
    service_usd : array_like (..., period)
        Debt service as scheduled.
    reserve_periods_count : array_like (...)
        Periods ahead, 0 or more; parts of a period count in proportion.

    Returns
    -------
    ndarray (..., period)
        Target at the end of each period [usd].

    Notes
    -----
    ``S(t + k) - S(t)`` with ``S`` the running sum of service, linear within a period

    - No periods ahead: 0.
    - Half a period ahead: half the next service.
    - As many periods as there are: all service left.
    - The last period: 0.

    References
    ----------
    Debt-service reserve accounts of project finance; NREL PySAM Singleowner 7.1.1, ``dscr_reserve_months``.
    """
    service, ahead = together(service_usd, per_period(reserve_periods_count))
    paid = np.cumsum(service, axis=-1)
    last = paid.shape[-1] - 1
    reach = np.minimum(np.arange(last + 1) + ahead, last)
    low = np.floor(reach).astype(np.intp)
    start, stop = (np.take_along_axis(paid, place, axis=-1) for place in (low, np.minimum(low + 1, last)))
    there: Array = start + (reach - low) * (stop - start)
    return np.maximum(there - paid, 0.0)


def reserves(
    *,
    available_usd: ArrayLike,
    service_usd: ArrayLike,
    target_usd: ArrayLike,
    drawing_share: ArrayLike,
    locked_share: ArrayLike,
) -> Reserves:
    """Reserve and trapped cash of each period.

    While debt is drawn, the sources of the project fill the reserve. Later, cash after service tops it up, and what
    service lacks is taken from trapped cash first and from the reserve next; owners pay
    what is still lacking.

    Parameters
    ----------
    available_usd : array_like (..., period)
        Cash available to pay debt: after running costs and tax.
    service_usd : array_like (..., period)
        Debt service and what is swept.
    target_usd : array_like (..., period)
        Target of the reserve.
    drawing_share : array_like (..., period)
        1 in the periods in which debt is drawn, else 0.
    locked_share : array_like (..., period)
        1 where nothing may be paid to owners, else 0.

    Returns
    -------
    Reserves (..., period)
        Reserve and trapped cash at the end of each period.

    Notes
    -----
    ``reserve = min(reserve before - use + cash left, target)``; ``trapped`` grows by what is free while locked, else 0

    - A target of 0: no reserve.
    - Cash above service in every period: the reserve is its target.
    - No lock-up: nothing is trapped.
    - A lock-up that ends: all that was trapped is paid out.
    - The last period: both are 0, so that every dollar reaches the owners.
    - Less cash than service: the reserve pays as far as it reaches, never below 0.

    References
    ----------
    The cash waterfall of project finance: Yescombe, Principles of Project Finance (2014), on cash cascades.
    """
    available, service, target, drawing, locked = together(
        available_usd, service_usd, target_usd, drawing_share, locked_share
    )
    left = available - service
    held, trapped = np.zeros_like(left), np.zeros_like(left)
    reserve = trap = np.zeros_like(left[..., 0])
    for period in range(left.shape[-1] - 1):
        lacking, free = np.maximum(-left[..., period], 0.0), np.maximum(left[..., period], 0.0)
        aim = target[..., period]
        from_trap = np.minimum(trap, lacking)
        used = reserve - np.minimum(reserve, lacking - from_trap)
        drawn = drawing[..., period] > 0.0
        filled = np.where(drawn, aim, np.minimum(used + free, aim))
        free = np.where(drawn, 0.0, free + used - filled)
        trap = np.where(locked[..., period] > 0.0, np.where(drawn, trap, trap - from_trap) + free, 0.0)
        reserve = filled
        held[..., period], trapped[..., period] = reserve, trap
    return Reserves(held, trapped)


def locked_share(*, dscr_factor: ArrayLike, lock_up_dscr_factor: ArrayLike) -> Array:
    """Where a lock-up keeps cash from the owners.

    Parameters
    ----------
    dscr_factor : array_like (..., period)
        DSCR of each period.
    lock_up_dscr_factor : array_like (...)
        DSCR below which nothing is paid to owners; 0 without a lock-up.

    Returns
    -------
    ndarray (..., period)
        1 where cash is locked up, else 0 [share].

    Notes
    -----
    ``DSCR < lock-up``

    - A DSCR at the lock-up level: not locked.
    - No debt service, so no DSCR (NaN): not locked.
    - A lock-up level of 0: never locked, as long as cash is not negative.

    References
    ----------
    Distribution lock-ups of project finance: Yescombe, Principles of Project Finance (2014), on cash cascades.
    """
    return as_array(as_array(dscr_factor) < per_period(lock_up_dscr_factor))
