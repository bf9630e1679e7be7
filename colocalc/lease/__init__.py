"""Lease economics kernels: contracts, costs, cash flow, debt, tax, finance and the hedge of a loss; pure numpy."""

from colocalc.lease.depreciation import straight_line_tax_half_year
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
    "straight_line_tax_half_year",
    "take_or_pay_floor",
    "weighted_rate",
]
