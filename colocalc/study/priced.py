"""The cash of a contract at any price: what its fees follow from once its hours are known."""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array, as_array, per_period
from colocalc.lease import prepayment
from colocalc.lease.months import SLACK_MONTHS
from colocalc.lease.statement import Contract, standing_shares

_LIST_PRICE = np.ones(())


@dataclass(frozen=True, eq=False)
class Priced:
    """What one contract pays by month, and what of it follows the price; a price is a factor on that of the file.

    Attributes
    ----------
    rent_usd, passthrough_usd : ndarray (..., month)
        Fees less service credits, which follow the price; and power passed on, which does not.
    firm_share, alive_share : ndarray (..., month)
        Share of the fees of each month that survives a notice given as early as it may be, and the probability that
        the contract still runs.
    early_share : ndarray (...)
        1 where such a notice ends the contract before its time, else 0.
    prepaid_usd, prepaid_share : ndarray (...)
        What is paid at signing: an amount, and a share of all fees.
    unwind_share : ndarray (..., month)
        Months in which it is credited.
    signing_month : ndarray (...)
        When it is paid.
    calendar_month : ndarray (month,)
        Calendar months since the year 0.
    """

    rent_usd: Array
    passthrough_usd: Array
    firm_share: Array
    alive_share: Array
    early_share: Array
    prepaid_usd: Array
    prepaid_share: Array
    unwind_share: Array
    signing_month: Array
    calendar_month: Array

    @property
    def is_prepaid(self) -> bool:
        """Whether anything is paid ahead, so that cash is not in proportion to the price."""
        return bool(np.any(self.prepaid_usd > 0.0) or np.any(self.prepaid_share > 0.0))

    def revenue_usd(self, price_factor: Array = _LIST_PRICE) -> Array:
        """Fees as they are earned."""
        return per_period(price_factor) * self.rent_usd + self.passthrough_usd

    def cash_usd(self, price_factor: Array = _LIST_PRICE) -> Array:
        """Fees as they are paid."""
        return prepayment.prepaid_cash_usd(
            revenue_usd=self.revenue_usd(price_factor),
            prepayment_usd=self.prepaid_usd,
            prepayment_share=self.prepaid_share,
            unwind_share=self.unwind_share,
            signing_month=self.signing_month,
            calendar_month=self.calendar_month,
        )

    def firm_cash_usd(self, price_factor: Array = _LIST_PRICE) -> Array:
        """Of that, what survives a notice given as early as it may be: what is paid ahead by then is owed back."""
        cash = self.cash_usd(price_factor)
        owed = prepayment.refund_usd(
            cash_revenue_usd=cash, revenue_usd=self.revenue_usd(price_factor), kept_share=self.firm_share
        )
        return self.firm_share * cash - per_period(self.early_share) * owed

    @property
    def leaving_share(self) -> Array:
        """1 in the month in which that notice ends the contract, else 0."""
        return per_period(self.early_share) * prepayment.last_kept_share(kept_share=self.firm_share)

    @property
    def expected_refund_usd(self) -> Array:
        """What is paid ahead and owed back when the contract ends early, times the probability that it ends then."""
        return np.asarray(np.sum(self.alive_share * (self.cash_usd() - self.revenue_usd()), axis=-1))


def priced(contract: Contract, *, revenue_usd: Array, passthrough_usd: Array) -> Priced:
    """A contract at any price, from its terms and what it earns by month."""
    firm, alive = standing_shares(contract)
    left = contract.earliest_notice_month + contract.notice_months
    return Priced(
        rent_usd=revenue_usd - passthrough_usd,
        passthrough_usd=passthrough_usd,
        firm_share=firm,
        alive_share=alive,
        early_share=as_array(left < contract.end_month - SLACK_MONTHS),
        prepaid_usd=contract.prepayment_usd,
        prepaid_share=contract.prepayment_share,
        unwind_share=contract.unwind_share,
        signing_month=contract.signing_month,
        calendar_month=contract.calendar_month,
    )
