"""Cost against size: ``python -m tests.bench.size``. Prints times as pools, layouts, months, points and trials grow.

The last column is the power with which time grew since the row before: 1 is in proportion, 0 is not at all. Pools are
lowered and evaluated; loading them is in ``pools.py``, and trials of whole fleets in ``risk.py``.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.cli.options import evaluated
from colocalc.loading import load_fleet
from colocalc.study.engine import engine_of
from colocalc.study.evaluate import evaluate
from colocalc.study.layout import best_layouts
from colocalc.study.risk import perform
from colocalc.study.sweep import Axis, sweep
from tests.bench.pools import written
from tests.bench.risk import planned

POOLS = (10, 100, 1_000, 10_000, 100_000)
MONTHS = (12, 60, 120, 240, 600)
POINTS = (100, 1_000, 10_000, 100_000)
TRIALS = (1_000, 10_000, 100_000, 1_000_000)
SERIAL = engine_of("serial", None, None)

Timed = Iterator[tuple[int, float]]


def timed_s(act: Callable[[], object], rounds: int = 3) -> float:
    """The fastest of some, in processor time."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        act()
        times.append(time.process_time() - begun)
    return min(times)


def pools() -> Timed:
    """A fleet of many pools, lowered and evaluated."""
    catalog = load_catalog()
    for size in POOLS:
        loaded = load_fleet("-", catalog=catalog, stdin=written(size))
        yield size, timed_s(lambda loaded=loaded: evaluate(lower(loaded.fleet, loaded.catalog)), 2)


def months() -> Timed:
    """One project by the month, evaluated whole: contracts, tax and every rate of return."""
    for count in MONTHS:
        _, case, _ = evaluated("colossus-1", [f"lease.months={count}"], None)
        monthly = replace(case, project=replace(case.project, is_monthly=True))
        yield count, timed_s(lambda case=monthly: evaluate(case))


def points() -> Timed:
    """A grid over two numbers of the MFU model."""
    variants, _, _ = evaluated("colossus-1", None, None)
    for count in POINTS:
        side = round(count**0.5)
        axes = [
            Axis(key, tuple(low + (high - low) * place / (side - 1) for place in range(side)))
            for key, low, high in (("network.nic_gbit_per_s", 200.0, 800.0), ("training.global_batch_tokens", 1e8, 4e8))
        ]

        def act(axes: list[Axis] = axes) -> object:
            return sweep(variants, axes, ["mfu.fleet_share"], engine=SERIAL, block_size=None)

        yield side * side, timed_s(act, 2)


def trials() -> Timed:
    """Trials of a fleet under one contract."""
    found = planned("spacex-filing-325k")
    for count in TRIALS:
        yield count, timed_s(lambda count=count: perform(found, count, engine=SERIAL, block_count=4_000), 2)


def layouts() -> Timed:
    """Layouts of Llama 3 405B searched, as tensor and pipeline degrees are left open."""
    variants, case, _ = evaluated("meta-llama3-16k", None, None)
    for allow in (("tp=8", "pp=16", "cp=1"), ("tp=8", "pp=16"), ("tp=8",), ()):
        begun = time.process_time()  # once: what is found is kept
        found = best_layouts(case, variants.fleet, variants.loaded.catalog, allow=allow)
        yield found.jobs[0].layout_count, time.process_time() - begun


def main() -> None:
    """Prints the tables."""
    for title, unit, act in (
        ("fleets", "pools", pools),
        ("layouts of a job", "layouts", layouts),
        ("projects by the month", "months", months),
        ("a sweep of the MFU model", "points", points),
        ("risk", "trials", trials),
    ):
        print(f"{title}\n{unit:>10} {'ms':>10} {'power':>6}")
        last: tuple[int, float] | None = None
        for size, seconds in act():
            power = f"{math.log(seconds / last[1]) / math.log(size / last[0]):6.2f}" if last else ""
            print(f"{size:10,} {seconds * 1e3:10.1f} {power}", flush=True)
            last = size, seconds


if __name__ == "__main__":
    main()
