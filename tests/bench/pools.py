"""Cost against the number of pools: ``python tests/bench/pools.py``. Prints time, and the ratio to a bare composer."""

import sys
import time
from collections.abc import Callable

import yaml

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.evaluate import evaluate

SIZES = (10, 100, 1_000, 10_000, 100_000)
HEAD = """name: many
site: {facility_power_mw: 3000}
training: {model: llama-3.1-405b, sequence_tokens: 8192, global_batch_tokens: 2e8, layout: {tp: 8, pp: 16, vpp: 8}}
lease: {rate_card: story-2026-05}
pools:
"""
GPUS = ("h100-sxm", "h200-sxm", "gb200-nvl72")


def written(size: int) -> bytes:
    """A fleet of so many pools, none like another."""
    lines = (f"  - {{name: p{i}, gpu: {GPUS[i % 3]}, count: {1_000 + i % 7}, counted_as: gpu}}\n" for i in range(size))
    return (HEAD + "".join(lines)).encode()


def composed(text: bytes) -> object:
    """The floor: libyaml's events put together as plain mappings and lists of text, with no check and no place kept."""
    loader = yaml.CSafeLoader(text)
    filled: list[list[object]] = [[]]
    while loader.check_event():
        event = loader.get_event()
        if isinstance(event, yaml.ScalarEvent):
            filled[-1].append(event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            filled.append([])
        elif isinstance(event, yaml.CollectionEndEvent):
            parts = filled.pop()
            is_list = isinstance(event, yaml.SequenceEndEvent)
            filled[-1].append(parts if is_list else dict(zip(parts[::2], parts[1::2], strict=True)))
    return filled[0][0]


def timed_s(act: Callable[[], object]) -> float:
    """The fastest of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Prints the table."""
    catalog = load_catalog()
    print(f"{'pools':>8} {'composed ms':>11} {'load ms':>9} {'ratio':>6} {'lower ms':>9} {'evaluate ms':>12}")
    for size in SIZES if len(sys.argv) < 2 else [int(one) for one in sys.argv[1:]]:
        text = written(size)

        def load(text: bytes = text) -> object:
            return load_fleet("-", catalog=catalog, stdin=text)

        floor, loading = timed_s(lambda text=text: composed(text)), timed_s(load)
        loaded = load_fleet("-", catalog=catalog, stdin=text)
        lowering = timed_s(lambda loaded=loaded: lower(loaded.fleet, loaded.catalog))
        case = lower(loaded.fleet, loaded.catalog)
        evaluating = timed_s(lambda case=case: evaluate(case))
        print(
            f"{size:8} {floor * 1e3:11.1f} {loading * 1e3:9.1f} {loading / floor:6.2f} "
            f"{lowering * 1e3:9.1f} {evaluating * 1e3:12.1f}"
        )


if __name__ == "__main__":
    main()
