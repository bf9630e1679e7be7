"""Lease economics kernels: rates, costs, debt, tax, cash flow, a lender's ratios and the hedge of a loss."""

from colocalc.lease.rates import (
    hedge_ratio,
    implied_rate,
    lease_revenue,
    required_rate,
    take_or_pay_floor,
    weighted_rate,
)

__all__ = [
    "hedge_ratio",
    "implied_rate",
    "lease_revenue",
    "required_rate",
    "take_or_pay_floor",
    "weighted_rate",
]
