"""Every speed that has a target: ``python -m tests.bench``. Prints figure, floor, ratio, target, and whether it is met.

Each row is a figure of the bench that its last column names, which says how it is measured and prints more. Floors are
measured on the machine at hand, so that ratios travel. It takes about five minutes; what it finds on a machine that does
other work as well is no less than the truth for time, and no more for scaling.
"""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.engine.task import keep_freed_memory
from tests.bench import contract, layout, pools, risk, startup


@dataclass(frozen=True)
class Row:
    """A figure; its ratio to a floor, or the figure itself, is held against a target."""

    what: str
    figure: float
    unit: str
    floor: float | None
    target: float
    bench: str
    more_is_better: bool = False

    def text(self) -> str:
        """A line of the table."""
        judged = self.figure if self.floor is None else self.figure / self.floor
        is_met = judged >= self.target if self.more_is_better else judged <= self.target
        floor = "-" if self.floor is None else f"{self.floor:,.4g}"
        ratio = "-" if self.floor is None else f"{judged:.2f}"
        sign = ">=" if self.more_is_better else "<="
        return (
            f"{self.what:43} {self.figure:11,.4g} {self.unit:9} {floor:>8} {ratio:>6} {sign} {self.target:<9,g} "
            f"{'met' if is_met else 'missed':6}  {self.bench}"
        )


def of_startup() -> Iterator[Row]:
    """Commands from a cold start."""
    for what, seconds, _, floor, target in startup.timings():
        if target is not None:
            yield Row(what, seconds * 1e3, "ms", floor * 1e3, target, "startup")
    yield Row("memory of colocalc mfu colossus-1", startup.mfu_mbyte(), "MB", None, 60, "startup")


def of_pools() -> Iterator[Row]:
    """Fleet files read and validated, against libyaml's events put together."""
    catalog = load_catalog()
    for size in (1_000, 100_000):
        text = pools.written(size)
        floor = pools.timed_s(lambda text=text: pools.composed(text))
        taken = pools.timed_s(lambda text=text: load_fleet("-", catalog=catalog, stdin=text))
        yield Row(f"load and validate {size:,} pools", taken * 1e3, "ms", floor * 1e3, 2, "pools")


def of_layouts() -> Iterator[Row]:
    """The search of layouts."""
    _, facts, sizes, choices = next(layout.cases())
    _, taken, _ = layout.timed(facts, sizes, choices, layout.BLOCKS[1])
    yield Row("layouts of 405B on 16,384 H100", taken, "s", None, layout.TARGET_S, "layout")
    rates = []
    for _, facts, sizes, choices in layout.cases():
        found, taken, _ = layout.timed(facts, sizes, choices, layout.BLOCKS[1])
        rates.append(found.fitting_count / taken)
    yield Row("layouts costed, the best of the searches", max(rates), "1/s", None, layout.TARGET_RATE, "layout", True)


def of_trials() -> Iterator[Row]:
    """Monte Carlo of a contract, and what trials of a whole fleet hold."""
    keep_freed_memory()
    base = contract.plain()
    buffers = [np.empty((1_000, contract.MONTHS)) for _ in range(2)]
    floor, taken = contract.times_s(
        [
            lambda rows, draw: contract.floor(rows, draw, buffers),
            lambda rows, draw: contract.evaluated(contract.shared_dates(base, rows, draw)),
        ],
        1_000,
    )
    scale = contract.LEASES / contract.SAMPLE
    yield Row("Monte Carlo, 1e6 contracts x 60 months", taken * scale, "s", floor * scale, 2, "contract")
    for fleet in risk.FLEETS[1:]:
        yield Row(f"memory of 1e6 trials, {fleet}", risk.memory_mbyte(fleet, risk.TRIALS), "MB", None, 100, "risk")


def of_workers() -> Iterator[Row]:
    """Shares of linear."""
    block_s, shares = risk.scaling(("processes", "dask"))
    for name, title, target in (("processes", "processes", 0.9), ("dask", "Dask workers", 0.6)):
        what = f"{risk.WORKERS} {title}, blocks of {block_s * 1e3:.0f} ms"
        yield Row(what, shares[name], "of linear", None, target, "risk", True)


def main() -> None:
    """Prints the table, a row as soon as it is known."""
    print(f"{'what':43} {'figure':>11} {'unit':9} {'floor':>8} {'ratio':>6} {'target':12} {'':6}  bench")
    for group in (of_startup, of_pools, of_layouts, of_trials, of_workers):
        for row in group():
            print(row.text(), flush=True)
    print(
        f"python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
