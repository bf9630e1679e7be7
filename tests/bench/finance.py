"""Rates of return of many scenarios: ``python tests/bench/finance.py [ROWS]``. Prints seconds, and rows per second."""

import sys
import time

import numpy as np

from colocalc.lease.finance import irr, irr_roots, npv, xirr

MONTHS = 60


def scenarios(rows: int) -> dict[str, np.ndarray]:
    """An outlay and income; the same with a cost at the end; and flows of any sign."""
    rng = np.random.default_rng(0)
    plain = rng.uniform(0.5, 1.5, (rows, MONTHS))
    plain[:, 0] = -rng.uniform(10.0, 40.0, rows)
    ends = plain.copy()
    ends[:, -1] = -5.0
    return {"one outlay": plain, "a cost at the end": ends, "any sign": rng.normal(size=(rows, MONTHS))}


def main() -> None:
    """Prints the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    dates = np.datetime64("2026-01-01") + np.arange(MONTHS) * 30
    print(f"{rows:,} rows of {MONTHS} flows")
    print(f"{'flows':>20} {'function':>10} {'s':>8} {'rows/s':>12}")
    for name, flows in scenarios(rows).items():
        for title, act in (
            ("npv", lambda flows=flows: npv(0.01, flows)),
            ("irr", lambda flows=flows: irr(flows)),
            ("irr_roots", lambda flows=flows: irr_roots(flows)),
            ("xirr", lambda flows=flows: xirr(flows, dates)),
        ):
            start = time.perf_counter()
            act()
            taken = time.perf_counter() - start
            print(f"{name:>20} {title:>10} {taken:8.2f} {rows / taken:12,.0f}", flush=True)


if __name__ == "__main__":
    main()
