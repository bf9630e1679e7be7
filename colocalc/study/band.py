"""How sure is an MFU? Low and high of each level, and the inputs that make them so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colocalc.study.evaluate import values
from colocalc.study.needed import MFU_LEVELS
from colocalc.study.ranges import Ranged, Varied, band, ranged


@dataclass(frozen=True)
class Band:
    """Metrics with their bands, and every input with a range.

    Attributes
    ----------
    ends : mapping of str to (float, float, float)
        Low, middle and high of each metric.
    moved : tuple of Ranged
        The inputs with a range, those first that move the last metric most.
    """

    ends: Mapping[str, tuple[float, float, float]]
    moved: tuple[Ranged, ...]


def mfu_band(fleet: Varied) -> Band | None:
    """Low, middle and high of step, job and fleet MFU: every input with a range moved alone, squares added.

    The error of the step-time model is one of these inputs.

    Parameters
    ----------
    fleet : Varied
        The fleet.

    Returns
    -------
    Band or None
        None for a fleet that does not train.
    """
    if not fleet.case.jobs:
        return None
    return _banded(fleet, MFU_LEVELS)


def _banded(fleet: Varied, names: Sequence[str]) -> Band:
    now = {name: float(value) for name, value in values(fleet.case, names).items()}
    moved = ranged(fleet, names)
    last = names[-1]
    ends = {}
    for name in names:
        low, high = band(name, now[name], moved)
        ends[name] = (max(low, 0.0), now[name], min(high, 1.0))
    reach = sorted(moved, key=lambda one: -abs(one.at_high[last] - one.at_low[last]))
    return Band(ends, tuple(reach))
