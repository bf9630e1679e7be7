"""Which one number would make a statement about a metric true, and whether it may have that value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from colocalc.case import Case, numbers
from colocalc.metrics import base_id, family_of
from colocalc.study.axis import Axis
from colocalc.study.ranges import Ranged, Varied, axis_of, nudged
from colocalc.study.solve import meets, solve
from colocalc.units import text, unit_of

_TRIED = 5  # the numbers a metric answers to most are solved for
_ALIKE_DIGITS = 9  # what differs by less is alike, and stands in the order of the fleet's figures
_SHOWN = 2  # of these, the nearest to what they are now
_LEAST_ANSWER = 1e-3  # relative change of the metric over that of the number, below which it is no lever
_MOST_POOLS = 16  # of more pools, no single one is what it takes
_RATE = "lease.rate_usd_per_gpu_h"


@dataclass(frozen=True)
class Need:
    """A value of one number that makes a statement true.

    Attributes
    ----------
    key : str
        Key of the file, or path of an assumption.
    value : float
        What it would have to be.
    unit : str or None
        Its unit.
    now : float or None
        What it is; None where the fleet does not have it.
    low, high : float or None
        The range of its figure.
    is_inside : bool
        Whether the value lies in that range.
    """

    key: str
    value: float
    unit: str | None
    now: float | None
    low: float | None
    high: float | None
    is_inside: bool

    def words(self) -> str:
        """The number, what it would have to be, and what it is."""
        now = f" (now {text(self.now, self.unit)})" if self.now is not None else ""
        return f"{self.key} {text(self.value, self.unit)}{now}"


def needed_of(fleet: Varied, key: str, metric: str, target: float) -> Need | None:
    """The value of a number at which a metric meets a target, the nearest to what it is now; None where there is none.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    key : str
        The number.
    metric : str
        A metric id.
    target : float
        What the metric should be.
    """
    return _needs(fleet, [axis_of(fleet, key)], metric, [target])[0]


def needs_of(fleet: Varied, keys: Sequence[str], metric: str, target: float) -> list[Need | None]:
    """As ``needed_of``, for several numbers at once."""
    axes = [axis_of(fleet, key) for key in keys]
    return _needs(fleet, axes, metric, [target] * len(axes))


def inside_ranges(fleet: Varied, moved: Sequence[Ranged], metric: str, target: float) -> tuple[Need, ...]:
    """The given inputs that bring a metric to a target without leaving their own range, one at a time.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    moved : sequence of Ranged
        Its inputs with a range.
    metric : str
        A metric id.
    target : float
        What the metric should be.
    """
    axes = [
        axis_of(fleet, one.row.path, between=(one.low, one.high))
        for one in moved
        if one.row.origin == "given"
        and one.low < one.high
        and min(one.at_low[metric], one.at_high[metric]) <= target <= max(one.at_low[metric], one.at_high[metric])
    ]
    return tuple(need for need in _needs(fleet, axes, metric, [target] * len(axes)) if need is not None)


def levers(fleet: Varied, metric: str, target: float) -> tuple[Need, ...]:
    """The numbers that would bring a metric to a target, each alone: of those it answers to most, the nearest.

    Facts of the catalog are no levers; what the file gives and what is assumed are.

    Parameters
    ----------
    fleet : Varied
        The fleet.
    metric : str
        A metric id.
    target : float
        What the metric should be.
    """
    family = family_of(metric)
    few_pools = len(fleet.case.pools.names) <= _MOST_POOLS
    keys = [
        path
        for path, row in numbers(fleet.case).items()
        if row.origin in {"given", "assumed"}
        and family in row.topics | {"fleet"}
        and _is_lever(path, metric)
        and (few_pools or not path.startswith("pools."))
    ]
    answers = nudged(fleet, keys, [metric])[metric]
    strong = sorted(
        (key for key, answer in answers.items() if abs(answer) >= _LEAST_ANSWER),
        key=lambda key: -abs(answers[key]),
    )[:_TRIED]
    if family in {"lease", "hedge"} and _RATE not in strong and _priced_by_card(fleet.case):
        strong.insert(0, _RATE)
    found = [need for need in needs_of(fleet, strong, metric, target) if need is not None]
    in_order = sorted(found, key=lambda need: keys.index(need.key) if need.key in keys else -1)
    return tuple(sorted(in_order, key=_distance)[:_SHOWN])


def _is_lever(path: str, metric: str) -> bool:
    """Whether a number may be told as what it would take.

    No degree of a layout, no property of a schedule, no width of a number, no length of what is trained on, nothing of
    the step-time model itself; for MFU no size of the fleet; for a stage no rate of compute, which it only follows.
    """
    if ".layout." in path or path.startswith(_OF_THE_MODEL) or path.endswith(_NO_LEVERS):
        return False
    if base_id(metric).startswith("mfu."):
        return not path.startswith("pools.") and not (".stage." in metric and path.startswith("mfu.shape_share."))
    return True


_OF_THE_MODEL = ("schedule.", "predict.", "calibration.")
# What share of hours is billed is asked once: the share offered would say the same.
_NO_LEVERS = ("_bytes", ".sequence_tokens", ".model_error_factor", ".age_months", ".available_share")


def _priced_by_card(case: Case) -> bool:
    return case.lease is not None and bool(case.lease.cards) and case.lease.contract_names == ("lease",)


def _distance(need: Need) -> tuple[bool, float]:
    """Ranges first, then the least relative change."""
    if not need.now or need.value <= 0.0 or need.now < 0.0:
        return not need.is_inside, 0.0 if need.key == _RATE else float("inf")
    return not need.is_inside, round(abs(float(np.log(need.value / need.now))), _ALIKE_DIGITS)


def _needs(fleet: Varied, axes: Sequence[Axis], metric: str, targets: Sequence[float]) -> list[Need | None]:
    if not axes:
        return []
    found = solve(axes, metric=metric, targets=targets, base=fleet.case)
    return [
        _need(fleet, one.key, [root.value for root in one.roots if meets(root, target)])
        for one, target in zip(found, targets, strict=True)
    ]


def _need(fleet: Varied, key: str, values: Sequence[float]) -> Need | None:
    if not values:
        return None
    row = numbers(fleet.case).get(key)
    now = float(row.value) if row is not None else None  # type: ignore[arg-type]
    value = min(values, key=lambda one: abs(one - now)) if now is not None else values[0]
    low, high = (row.low, row.high) if row is not None else (None, None)
    ends = [end for end in (low, now, high) if end is not None]
    unit = unit_of(key)
    inside = len(ends) > 1 and min(ends) <= value <= max(ends)
    return Need(key, value, unit.suffix if unit else None, now, low, high, inside)
