"""When the contracts of a fleet with capital end: structure of a case, and no number among others.

What is left is valued, and what was borrowed is due, by the last month, which scenarios with another one do not share:
they are cases of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.case.project import ProjectCase
from colocalc.case.terms import Terms
from colocalc.deal import MOST_MONTHS
from colocalc.errors import ColocalcError
from colocalc.lease.months import SLACK_MONTHS


@dataclass(frozen=True)
class Horizon:
    """From the first start to the end of the last contract, and of what the market pays after it.

    Attributes
    ----------
    end_month : int
        The calendar month behind the last, since the year 0.
    term_month_count : int
        Months from the very first start: a contract that starts within a month ends within one.
    """

    end_month: int
    term_month_count: int


def end_month(terms: Terms) -> Array:
    """When a contract ends."""
    return terms.start_month + terms.months


def market_start_month(terms: Terms) -> Array:
    """When the market begins to pay."""
    return end_month(terms) + terms.gap_months


def market_end_month(terms: Terms) -> Array:
    """When the market pays no more; the end of the contract where it never does."""
    return np.where(terms.market_months > 0.0, market_start_month(terms) + terms.market_months, end_month(terms))


def lower_horizon(contracts: Sequence[Terms], project: ProjectCase | None) -> Horizon | None:
    """The horizon of contracts; None where one does not say how long it runs, or no GPU of theirs has a price.

    Raises
    ------
    ColocalcError
        When they run for more than 1,200 months.
    """
    if not contracts or any(np.isnan(terms.months).any() for terms in contracts):
        return None
    start = min(float(terms.start_month) for terms in contracts)
    end = max(float(market_end_month(terms)) for terms in contracts)
    if end - start > MOST_MONTHS:  # a file is refused for it before; a number that a study moves is not
        raise ColocalcError(f"contracts end {end - start:,.0f} months after the first start, more than {MOST_MONTHS:,}")
    covered = [place for terms in contracts for place in terms.pools]
    if project is None or bool(np.isnan(project.capital_usd_per_gpu[..., covered]).all()):
        return None
    return Horizon(int(np.ceil(end - SLACK_MONTHS)), int(np.ceil(end - start - SLACK_MONTHS)))
