"""A sweep of 10 million points of MFU into Parquet: ``python tests/bench/sweep.py [serial|threads|processes] [workers]``.

Prints points a second, and how far the memory of this process, pyarrow with it, rises above what it is with the fleet
read and no point done. The small sweep is mostly the start of everything.
"""

import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from colocalc.catalog import load_catalog
from colocalc.rows import rows_file
from colocalc.study.engine import engine_of
from colocalc.study.evaluate import evaluate
from colocalc.study.over import axis
from colocalc.study.sweep import sweep
from colocalc.variants import Variants
from colocalc.yamlio import read_scalar

FLEET = "meta-llama3-16k"
METRIC = "mfu.fleet_share"
RESTARTS, FAILURES = "reliability.restart_s=60:1200", "reliability.failures_per_1000_gpu_day=0.1:2"
MOST_MBYTE = 100


def peak_mbyte() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main() -> None:
    """Prints the figures of a small sweep and of the large one."""
    read = partial(read_scalar, name="--over")
    variants = Variants(FLEET, load_catalog())
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else None
    engine = engine_of(sys.argv[1] if len(sys.argv) > 1 else "serial", workers, None)
    evaluate(variants.case)
    start = peak_mbyte()
    print(f"engine {engine.words()}, metric {METRIC}; target: at most {MOST_MBYTE} MB above start")
    print(f"{'points':>12} {'seconds':>9} {'points/s':>12} {'MB above start':>15} {'file, MB':>10}")
    for rows, columns in ((100, 100), (4_000, 2_500)):
        axes = [axis(f"{RESTARTS}:{rows}", read), axis(f"{FAILURES}:{columns}", read)]
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "points.parquet"
            with rows_file(path, "--points") as file:
                found = sweep(variants, axes, [METRIC], engine=engine, block_size=None, sink=file)
                file.keep()
            size = path.stat().st_size / 1e6
        took = time.perf_counter() - begun
        print(f"{found.count:12,} {took:9.1f} {found.count / took:12,.0f} {peak_mbyte() - start:15.1f} {size:10.1f}")


if __name__ == "__main__":
    main()
