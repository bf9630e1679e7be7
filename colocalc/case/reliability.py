"""How often GPUs fail and what a failure costs, lowered."""

from typing import Any, Final

import numpy as np

from colocalc.arrays import Array
from colocalc.case.ledger import Ledger, array, scalar
from colocalc.case.pools import Pools
from colocalc.fleet import Fleet, Reliability
from colocalc.units import text

_TOPIC: Final = "mfu"
_NEAR = 1.5  # how near a fleet stands to the size at which the assumed failure rate changes, to be told so


def failure_rates(path: str, fleet: Fleet, index: tuple[int, ...], pools: Pools, ledger: Ledger) -> Array:
    """Failures of the GPUs of each pool of a job: of the pool, else of the fleet, else as assumed for its size."""
    given = fleet.reliability.failures_per_1000_gpu_day if fleet.reliability else None
    threshold = float(ledger.catalog.default("reliability.failures_per_1000_gpu_day.threshold_gpu_count").value)
    count = float(np.sum(pools.gpu_count[list(index)]))
    size = "small" if count < threshold else "large"
    # Jobs of different size may assume different rates: each is told under its job.
    key = "reliability.failures_per_1000_gpu_day"
    shared = key if given is not None or not fleet.jobs else f"{path}.{key}"
    if given is None and threshold / _NEAR <= count <= threshold * _NEAR:
        ledger.remark(
            f"{path}: no failure rate is given; that of {size} jobs is assumed, which "
            f"changes at {text(threshold, 'count')} GPUs",
            _TOPIC,
        )
    default = f"reliability.failures_per_1000_gpu_day.{size}"
    of_the_fleet: float | None = None  # asked once, and only where a pool has none of its own
    rates = []
    for i in index:
        own = pools.definitions[i].reliability
        if own is not None:
            rates.append(ledger.number(f"pools.{pools.names[i]}.{key}", own.failures_per_1000_gpu_day, _TOPIC))
            continue
        if of_the_fleet is None:
            of_the_fleet = ledger.number(shared, given, _TOPIC, default=default)
        rates.append(of_the_fleet)
    return array(*rates)


def lower_reliability(given: Reliability | None, ledger: Ledger) -> dict[str, Any]:
    """What a failure costs, and what a checkpoint does."""

    def one(name: str) -> Array:
        figure = getattr(given, name) if given else None
        return scalar(ledger.number(f"reliability.{name}", figure, _TOPIC, default=f"reliability.{name}"))

    names = ("restart_s", "replica_stall_s", "hot_spare_stall_s", "replica_repair_s", "checkpoint_s")
    interval = given.checkpoint_interval_s if given else None
    if interval is None or isinstance(interval, str):
        ledger.word("reliability.checkpoint_interval_s", interval, _TOPIC, default="reliability.checkpoint_interval_s")
        seconds = float("nan")
    else:
        seconds = ledger.number("reliability.checkpoint_interval_s", interval, _TOPIC)
    return {name: one(name) for name in names} | {"checkpoint_interval_s": scalar(seconds)}
