"""Leases a second: ``python tests/bench/contract.py [LEASES]``. Prints the time against a floor of numpy.

The floor is two normal draws and 30 operations in place for each lease and month, in blocks with reused buffers. The
second table keeps freed memory in the process: by default the C library hands the top of the heap back after every
block, and asks for it again.
"""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from colocalc.lease.months import month_h
from colocalc.lease.statement import Contract, evaluate_contract

LEASES = 1_000_000
MONTHS = 60
BLOCKS = (250, 1_000, 5_000)
ROUNDS = 2
FLOOR_OPERATIONS = 30
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
START = 24_317.0
NAMES = [field.name for field in fields(Contract)]


def plain() -> Contract:
    """One lease of one pool over 60 months, every clause in use."""
    calendar = START + np.arange(float(MONTHS))
    pool_month = np.ones((1, MONTHS))
    terms = {
        "calendar_month": calendar,
        "month_h": month_h(calendar_month=calendar, leap_day_count=1.0),
        "start_month": START,
        "end_month": START + 48.0,
        "delivered_gpu_count": 8.0 * pool_month,
        "available_share": np.full(1, 0.98),
        "take_or_pay_share": np.full(1, 0.7),
        "sold_share": 0.8 * pool_month,
        "availability_share": 0.995 * pool_month,
        "rate_usd_per_gpu_h": np.full(1, 2.6),
        "market_rate_usd_per_gpu_h": 2.4 * pool_month,
        "fee_usd_per_month": 1_000.0,
        "due_share": np.ones(MONTHS),
        "escalator_share": 0.03,
        "sla_threshold_share": np.full(1, 0.99),
        "sla_credit_share": np.full(1, 0.1),
        "power_cost_usd": 100.0 * pool_month,
        "passthrough_share": 0.5,
        "prepayment_usd": 1e4,
        "prepayment_share": 0.0,
        "signing_month": START,
        "unwind_start_month": START + 24.0,
        "unwind_end_month": START + 48.0,
        "earliest_notice_month": START + 3.0,
        "notice_months": 3.0,
        "notice_share": 0.02,
        "as_of_month": START,
        "payment_lag_months": 1.0,
        "discount_rate_share": 0.1,
    }
    return Contract(**{name: np.asarray(value, np.float64) for name, value in terms.items()})


def shared_dates(base: Contract, rows: int, draw: np.random.Generator) -> Contract:
    """What a risk study varies: rates, market, use and the chance of notice; the dates are those of one contract."""
    market = np.exp(0.02 * draw.standard_normal((rows, 1, MONTHS)).cumsum(axis=-1))
    return replace(
        base,
        rate_usd_per_gpu_h=2.6 * np.exp(0.1 * draw.standard_normal((rows, 1))),
        market_rate_usd_per_gpu_h=2.4 * market,
        sold_share=np.clip(0.8 + 0.1 * draw.standard_normal((rows, 1, MONTHS)), 0.0, 1.0),
        notice_share=draw.uniform(0.0, 0.1, rows),
    )


def own_dates(base: Contract, rows: int, draw: np.random.Generator) -> Contract:
    """The same, and every lease with a start, an end, an escalator and a discount rate of its own."""
    start = START + draw.integers(0, 48, rows) / 4.0
    return replace(
        shared_dates(base, rows, draw),
        start_month=start,
        end_month=start + draw.integers(12, 48, rows),
        earliest_notice_month=start + 3.0,
        unwind_start_month=start + 6.0,
        unwind_end_month=start + 12.0,
        signing_month=start,
        escalator_share=draw.uniform(-0.05, 0.05, rows),
        discount_rate_share=draw.uniform(0.05, 0.15, rows),
        availability_share=draw.uniform(0.98, 1.0, (rows, 1, MONTHS)),
    )


def floor(rows: int, draw: np.random.Generator, buffers: list[np.ndarray]) -> None:
    """Two draws and 30 operations for each cell of a block."""
    one, other = (buffer[:rows] for buffer in buffers)
    draw.standard_normal(out=one)
    draw.standard_normal(out=other)
    for _ in range(FLOOR_OPERATIONS // 2):
        np.multiply(one, 0.999, out=one)
        np.add(one, other, out=one)
    one.sum(axis=-1)


def timed_s(act: Callable[[int, np.random.Generator], object], leases: int, block: int) -> float:
    """The least time of all blocks, draws included."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for number, since in enumerate(range(0, leases, block)):
            act(min(block, leases - since), np.random.default_rng([7, number]))
        times.append(time.perf_counter() - begun)
    return min(times)


def keep_memory() -> bool:
    """Keeps freed memory, where the C library is glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(TRIM_THRESHOLD, 2**28) and mallopt(MMAP_THRESHOLD, 2**25))


def table(leases: int) -> None:
    """Prints the times by size of block."""
    base = plain()
    print(f"{'block':>6} {'floor s':>8} {'shared dates s':>15} {'ratio':>6} {'own dates s':>12} {'ratio':>6}")
    for block in BLOCKS:
        buffers = [np.empty((block, MONTHS)) for _ in range(2)]
        bare = timed_s(lambda rows, draw, at=buffers: floor(rows, draw, at), leases, block)
        shared, own = (
            timed_s(lambda rows, draw, how=how: evaluate_contract(how(base, rows, draw)), leases, block)
            for how in (shared_dates, own_dates)
        )
        print(f"{block:6,} {bare:8.2f} {shared:15.2f} {shared / bare:6.2f} {own:12.2f} {own / bare:6.2f}")


def main() -> None:
    """Prints both tables."""
    leases = int(sys.argv[1]) if len(sys.argv) > 1 else LEASES
    print(f"{leases:,} leases x {MONTHS} months, one thread, draws included")
    table(leases)
    if keep_memory():
        print("freed memory kept")
        table(leases)
    print(f"numpy {np.__version__}, {os.cpu_count()} cores, fastest of {ROUNDS}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
