"""Leases a second: ``python tests/bench/contract.py [LEASES]``. Prints the time against a floor of numpy.

The floor is two normal draws and 30 operations in place for each lease and month, in blocks with reused buffers. What
is held against it draws as much, two normals for each lease and month, makes rates, prices, use and availability of
them, and evaluates the contract with every clause in use: hours, escalated revenue, market, fee, credits, power,
prepayment, cash, and the headline, firm and expected value. Both run on one thread and count its
processor time. Five in six parts of the floor are the draws, so that twice the floor leaves a contract about as long
as they take.

Shared dates are what a risk study has: the contract of a file, whose numbers vary. Own dates are a portfolio: every
factor of the calendar, which the former has once for each month, is one for each lease and month.

The second table keeps freed memory in the process, as every study does.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from colocalc.lease.months import month_h
from colocalc.lease.statement import Contract, evaluate_months, standing_shares
from colocalc.study.engine.task import keep_freed_memory

LEASES = 1_000_000
MONTHS = 60
BLOCKS = (250, 1_000, 5_000)
SAMPLE = 100_000  # leases timed of the million, which differ in nothing that costs time
ROUNDS = 5
FLOOR_OPERATIONS = 30
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
    """Every lease with dates and an escalator of its own; availability is drawn in place of use."""
    start = START + draw.integers(0, 48, rows) / 4.0
    market = np.exp(0.02 * draw.standard_normal((rows, 1, MONTHS)).cumsum(axis=-1))
    return replace(
        base,
        rate_usd_per_gpu_h=2.6 * np.exp(0.1 * draw.standard_normal((rows, 1))),
        market_rate_usd_per_gpu_h=2.4 * market,
        availability_share=np.clip(0.99 + 0.01 * draw.standard_normal((rows, 1, MONTHS)), 0.0, 1.0),
        notice_share=draw.uniform(0.0, 0.1, rows),
        start_month=start,
        end_month=start + draw.integers(12, 48, rows),
        earliest_notice_month=start + 3.0,
        unwind_start_month=start + 6.0,
        unwind_end_month=start + 12.0,
        signing_month=start,
        escalator_share=draw.uniform(-0.05, 0.05, rows),
    )


def evaluated(contract: Contract) -> tuple[np.ndarray, ...]:
    """Headline, firm and expected value, of every month's revenue and cash."""
    fees = evaluate_months(contract).revenue_usd
    return fees.sum(axis=-1), *(np.einsum("...m,...m->...", fees, share) for share in standing_shares(contract))


def floor(rows: int, draw: np.random.Generator, buffers: list[np.ndarray]) -> None:
    """Two draws and 30 operations for each cell of a block."""
    one, other = (buffer[:rows] for buffer in buffers)
    draw.standard_normal(out=one)
    draw.standard_normal(out=other)
    for _ in range(FLOOR_OPERATIONS // 2):
        np.multiply(one, 0.999, out=one)
        np.add(one, other, out=one)
    one.sum(axis=-1)


def times_s(acts: list[Callable[[int, np.random.Generator], object]], block: int) -> list[float]:
    """The least time of each over the sample, draws included; taken in turn, so that a busy machine is so to all."""
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(ROUNDS):
        for taken, act in zip(times, acts, strict=True):
            begun = time.process_time()
            for number, since in enumerate(range(0, SAMPLE, block)):
                act(min(block, SAMPLE - since), np.random.default_rng([7, number]))
            taken.append(time.process_time() - begun)
    return [min(taken) for taken in times]


def table(leases: int) -> None:
    """Prints the times by size of block."""
    base = plain()
    print(f"{'block':>6} {'floor s':>8} {'shared dates s':>15} {'ratio':>6} {'own dates s':>12} {'ratio':>6}")
    for block in BLOCKS:
        buffers = [np.empty((block, MONTHS)) for _ in range(2)]
        acts = [
            lambda rows, draw, at=buffers: floor(rows, draw, at),
            lambda rows, draw: evaluated(shared_dates(base, rows, draw)),
            lambda rows, draw: evaluated(own_dates(base, rows, draw)),
        ]
        bare, shared, own = (one * leases / SAMPLE for one in times_s(acts, block))
        print(f"{block:6,} {bare:8.2f} {shared:15.2f} {shared / bare:6.2f} {own:12.2f} {own / bare:6.2f}")


def main() -> None:
    """Prints both tables."""
    leases = int(sys.argv[1]) if len(sys.argv) > 1 else LEASES
    print(f"{leases:,} leases x {MONTHS} months, one thread, draws included")
    table(leases)
    keep_freed_memory()
    print("freed memory kept")
    table(leases)
    print(f"numpy {np.__version__}, {os.cpu_count()} cores, fastest of {ROUNDS}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
