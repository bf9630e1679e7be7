"""What would have to be true for an MFU that was claimed: each input alone, and the value it would need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from colocalc.case import Case, TrainingCase, numbers
from colocalc.claim import Claim
from colocalc.study.axis import Axis
from colocalc.study.evaluate import values
from colocalc.study.ranges import Varied, axis_of
from colocalc.study.solve import Solution, solve
from colocalc.units import unit_of

MFU_LEVELS = ("mfu.step_share", "mfu.job_share", "mfu.fleet_share")

_FLAT = ("network.flat=true", "network.algorithm=ring")
_STALLS = {"job": "restart_s", "replica": "replica_stall_s", "hot-spare": "hot_spare_stall_s"}


@dataclass(frozen=True)
class Needed:
    """One input of one stage, and what it would have to be.

    Attributes
    ----------
    stage : str
        The stage of the waterfall that the input moves.
    key, unit : str
        The input.
    now, low, high : float or None
        What it is, and its range.
    solution : Solution
        The values that make it true.
    note : str
        What else is changed for it.
    """

    stage: str
    key: str
    unit: str | None
    now: float | None
    low: float | None
    high: float | None
    solution: Solution
    note: str = ""

    @property
    def value(self) -> float | None:
        """The value nearest to what the input is now; None where no value does."""
        values = [root.value for root in self.solution.roots]
        if not values:
            return None
        now = self.now
        return values[0] if now is None else min(values, key=lambda one: abs(one - now))

    @property
    def is_inside(self) -> bool | None:
        """Whether that value lies in the range of the input; None where there is no value or no range."""
        ends = [end for end in (self.low, self.now, self.high) if end is not None]
        if self.value is None or len(ends) < 2:
            return None
        return min(ends) <= self.value <= max(ends)


@dataclass(frozen=True)
class Target:
    """An MFU that was claimed, and every input that could bring it about."""

    metric: str
    share: float
    claims: tuple[str, ...]
    inputs: tuple[Needed, ...]


def needed(claims: Sequence[Claim], fleet: Varied) -> tuple[Target, ...]:
    """For each MFU that claims name, weighed in the fleet as it was asked for, what each input would have to be.

    Parameters
    ----------
    claims : sequence of Claim
        What was said; only numbers for step, job or fleet MFU count.
    fleet : Varied
        The fleet.

    Returns
    -------
    tuple of Target
        In the order of the claims; empty for a fleet that does not train.
    """
    if not fleet.case.jobs:
        return ()
    now = values(fleet.case, MFU_LEVELS)
    wanted: dict[tuple[float, float], list[tuple[str, str]]] = {}
    for place, claim in enumerate(claims):
        if claim.metric in MFU_LEVELS and isinstance(claim.says, float) and claim.scenario is None:
            # Levels that are the same here, such as job and fleet MFU of a fleet with one job, need the same.
            same = (claim.says, float(now[claim.metric]))
            wanted.setdefault(same, []).append((claim.metric, claim.id or str(place)))
    return tuple(_target(fleet, share, named) for (share, _), named in wanted.items())


def _target(fleet: Varied, share: float, named: Sequence[tuple[str, str]]) -> Target:
    metric = max((metric for metric, _ in named), key=MFU_LEVELS.index)  # the one that every input can move
    return Target(metric, share, tuple(name for _, name in named), _inputs(fleet, metric, share))


def _inputs(fleet: Varied, metric: str, share: float) -> tuple[Needed, ...]:
    keys = list(_keys(fleet.case))
    axes = [axis_of(fleet, key) for _, key in keys]
    found = solve(axes, metric=metric, targets=[share] * len(axes), base=fleet.case)
    rows = [_row(fleet, stage, key, one) for (stage, key), one in zip(keys, found, strict=True)]
    flat = _flat_rings(fleet, metric, share)
    return tuple(rows if flat is None else [*rows, flat])


def _keys(case: Case) -> Iterator[tuple[str, str]]:
    """The input of each stage that could be otherwise, with the stage it belongs to; of the first job."""
    known = numbers(case)
    job = case.jobs[0]
    path = "training" if job.name == "training" else f"jobs.{job.name}"
    candidates = [
        ("ceiling", _slowest(case, job)),
        *(("shape", key) for key in known if key.startswith("mfu.shape_share.")),
        ("shape", "calibration.shape_factor"),
        ("memory_bound", "mfu.memory_bound_share"),
        ("memory_bound", "calibration.elementwise_factor"),
        ("tensor_context_expert", "calibration.tp_overlapped_share"),
        ("bubble", f"{path}.global_batch_tokens"),
        ("stage_imbalance", "mfu.stage_imbalance_share"),
        ("data_parallel", "network.nic_gbit_per_s"),
        ("jitter", "calibration.scale_loss_share"),
        *(("power", key) for key in known if key.startswith("sites.") and key.endswith("_power_mw")),
        *(("software", key) for key in known if key.startswith("software.") and key.endswith("_factor")),
        ("goodput", "reliability.failures_per_1000_gpu_day"),
        ("goodput", f"reliability.{_STALLS[job.isolation]}"),
        ("goodput", "reliability.checkpoint_s"),
        ("allocation", f"{path}.allocation_share"),
    ]
    yield from ((stage, key) for stage, key in candidates if key in known)


def _slowest(case: Case, job: TrainingCase) -> str:
    """The measured matrix product of the GPU type that an equal split waits for."""
    rates = job.arrays.peak_flop_per_s * job.arrays.chip.ceiling_share
    place = int(np.nanargmin(rates)) if not bool(np.all(np.isnan(rates))) else 0
    gpu = case.pools.gpus[job.pool_index[place]]
    return f"gpus.{gpu.id}.best_matmul_{job.peak_precisions[place]}_tflop_per_s"


def _row(fleet: Varied, stage: str, key: str, solution: Solution, note: str = "") -> Needed:
    row = numbers(fleet.case)[key]
    unit = unit_of(key)
    return Needed(
        stage=stage,
        key=key,
        unit=unit.suffix if unit else None,
        now=float(row.value),  # type: ignore[arg-type]
        low=row.low,
        high=row.high,
        solution=solution,
        note=note,
    )


def _flat_rings(fleet: Varied, metric: str, share: float) -> Needed | None:
    """How many flat rings over every rank a step would have to wait for: the counterfactual of ring latency."""
    if any(job.arrays.flat for job in fleet.case.jobs):
        return None
    flat = fleet.with_sets(*_FLAT)
    key = "network.flat_collective_count"
    if key not in numbers(flat.case):
        return None
    axis: Axis = axis_of(flat, key)
    (found,) = solve([axis], metric=metric, targets=[share], base=flat.case)
    row = _row(flat, "data_parallel", key, found, "flat rings, a counterfactual")
    return Needed(row.stage, row.key, row.unit, None, None, None, found, row.note)
