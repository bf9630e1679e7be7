"""Trials of whole fleets: ``python tests/bench/risk.py [TRIALS]``. Prints time, memory, and what workers add.

A trial is everything that ``colocalc risk`` does for one: draws, prices by month, the step-time model, contracts, debt,
tax and cash flow, and the default metrics. Its time stands beside no floor: that of ``contract.py`` is of the draws and
30 operations a month, and not of a project. Scaling is the time of blocks one after another over the number of workers
times theirs, without start-up, in long blocks; on a machine that does other work as well it says little.
"""

import subprocess
import sys
import time
from pathlib import Path

from colocalc.case.risk import lower_chances
from colocalc.cli.options import evaluated
from colocalc.study.engine import Engine, engine_of, run
from colocalc.study.engine.task import blocks_of
from colocalc.study.risk import Plan, perform, plan

FLEETS = ("spacex-filing-325k", "colossus-1", "neocloud-1k-h100")
TRIALS = 1_000_000
SAMPLE = 20_000  # trials timed of them
BLOCK = 4_000
LONG_BLOCK = 6_000  # of the neocloud: 150 ms
BLOCKS, FIRST = 20, 4  # blocks of a run, and how many are not counted
WORKERS = 2
ROUNDS = 2


def planned(fleet: str) -> Plan:
    """What ``colocalc risk FLEET`` draws."""
    variants, _, result = evaluated(fleet, None, None)
    chances = lower_chances(variants.fleet, variants.loaded.catalog)
    return plan(variants, result, chances, metrics=(), asked=(), in_file=(), seed=0)


def trials_s(found: Plan) -> float:
    """Processor time of a million trials, from the fastest of some samples."""
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        perform(found, SAMPLE, engine=engine_of("serial", None, None), block_count=BLOCK)
        times.append(time.process_time() - begun)
    return min(times) * TRIALS / SAMPLE


def peak_mbyte() -> float:
    """Largest resident memory of this process so far; of no parent, as ``getrusage`` has it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory_mbyte(fleet: str, trials: int) -> float:
    """Memory that trials take above what there is when all is read and lowered, in a process of its own."""
    out = subprocess.run(
        [sys.executable, __file__, "--memory", fleet, str(trials)], check=True, capture_output=True, text=True
    )
    return float(out.stdout)


def steady_s(found: Plan, engine: Engine) -> float:
    """Time of the blocks of a run after its first ones."""
    times = []
    for _ in run(found.task, blocks_of(BLOCKS * LONG_BLOCK, LONG_BLOCK, 0), engine=engine):
        times.append(time.perf_counter())  # noqa: PERF401 - the time of each block as it comes
    return times[-1] - times[FIRST - 1]


def scaling(names: tuple[str, ...]) -> tuple[float, dict[str, float]]:
    """Time of a block, and the share of linear of each engine; serial runs stand between, for a machine that is busy."""
    found = planned("neocloud-1k-h100")
    alone: list[float] = []
    together: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        alone.append(steady_s(found, engine_of("serial", None, None)))
        for name in names:
            together[name].append(steady_s(found, engine_of(name, WORKERS, None)))
    shares = {name: min(alone) / WORKERS / min(taken) for name, taken in together.items()}
    return min(alone) / (BLOCKS - FIRST), shares


def main() -> None:
    """Prints the tables."""
    if sys.argv[1:2] == ["--memory"]:
        found = planned(sys.argv[2])
        before = peak_mbyte()
        perform(found, int(sys.argv[3]), engine=engine_of("serial", None, None), block_count=BLOCK)
        print(peak_mbyte() - before)
        return
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    print(f"{'fleet':22} {'inputs':>6} {'metrics':>7} {'s per 1e6':>10} {'MB above start':>15}  ({trials:,} trials)")
    for fleet in FLEETS:
        found = planned(fleet)
        counts = f"{len(found.task.draws.inputs):6} {len(found.names):7}"
        print(f"{fleet:22} {counts} {trials_s(found):10.1f} {memory_mbyte(fleet, trials):15.0f}", flush=True)
    block_s, shares = scaling(("threads", "processes", "dask"))
    print(f"\n{WORKERS} workers, blocks of {block_s * 1e3:.0f} ms, share of linear (targets: processes 0.9, Dask 0.6)")
    for name, share in shares.items():
        print(f"{name:22} {share:6.2f}")


if __name__ == "__main__":
    main()
