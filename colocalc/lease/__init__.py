"""Lease economics kernels: rates, costs and the hedge of a loss; pure numpy, pool axis last."""

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
