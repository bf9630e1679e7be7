"""Fleets side by side, and for two of them a bridge: what each group of changes does to a metric, adding up exactly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.case import Case
from colocalc.errors import ColocalcError
from colocalc.metrics import family_of
from colocalc.study.evaluate import values

MOST_GROUPS = 8  # of a bridge: 256 mixed fleets

Mixed = Callable[[frozenset[str]], Case]


@dataclass(frozen=True, eq=False)
class Bridge:
    """From one fleet to another in one metric.

    Attributes
    ----------
    metric : str
        Its id.
    groups : tuple of str
        What was changed together.
    effects : ndarray (group,)
        What each group does, in the metric's unit; the sum is the difference of the metric.
    joined : bool
        Whether some groups stand together because not every mix of them is a fleet with this metric.
    """

    metric: str
    groups: tuple[str, ...]
    effects: Array
    joined: bool


def shapley_effect(*, values: ArrayLike) -> Array:
    """What each of several changes does: its effect averaged over all orders in which they may be made.

    Parameters
    ----------
    values : array_like (..., subset)
        A metric with every subset of the changes made; bit i of a subset's place says whether change i is in it.

    Returns
    -------
    ndarray (..., change)
        Effects in the unit of the metric.

    Notes
    -----
    ``phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))``

    - They add up to the metric with all changes less that with none.
    - A change that does nothing to any subset: 0. Two that do the same to every subset: the same.
    - One change: the difference itself.

    References
    ----------
    L. S. Shapley, A value for n-person games (1953).
    """
    metric = as_array(values)
    count = int(metric.shape[-1]).bit_length() - 1
    subsets = np.arange(metric.shape[-1])
    sizes = np.sum((subsets[:, None] >> np.arange(count)) & 1, axis=-1)
    # |S|! (n - |S| - 1)! / n! = 1 / (n (n - 1 over |S|)), by a product that stays small.
    weights = np.ones(max(count, 1))
    for size in range(1, count):
        weights[size] = weights[size - 1] * size / (count - size)
    weights /= max(count, 1)
    effects = []
    for change in range(count):
        without = subsets[(subsets >> change) & 1 == 0]
        gained = metric[..., without | (1 << change)] - metric[..., without]
        effects.append(np.sum(weights[sizes[without]] * gained, axis=-1))
    return np.stack(effects, axis=-1) if effects else np.zeros((*metric.shape[:-1], 0))


@dataclass(frozen=True, eq=False)
class _Mixes:
    """Metrics of mixed fleets, each evaluated once."""

    mixed: Mixed
    names: tuple[str, ...]
    cases: dict[frozenset[str], Case | None] = field(default_factory=dict)
    known: dict[tuple[frozenset[str], str], float] = field(default_factory=dict)

    def at(self, changed: frozenset[str], name: str) -> float:
        """A metric with some blocks changed; NaN where that is no fleet."""
        if (changed, name) not in self.known:
            # What takes the same work is had at once; the training of a mix is no part of its lease.
            alike = [each for each in self.names if family_of(each) == family_of(name)]
            found = self._values(changed, alike)
            self.known.update({(changed, each): float(found.get(each, np.nan)) for each in alike})
        return self.known[changed, name]

    def _values(self, changed: frozenset[str], names: Sequence[str]) -> Mapping[str, Array]:
        try:
            if changed not in self.cases:
                self.cases[changed] = None
                self.cases[changed] = self.mixed(changed)
            case = self.cases[changed]
            return {} if case is None else values(case, names)
        except (ColocalcError, LookupError):  # a block names what only the other fleet has
            return {}


def bridges(mixed: Mixed, blocks: Sequence[str], names: Sequence[str]) -> tuple[Bridge, ...]:
    """A bridge for each metric that both fleets have.

    Parameters
    ----------
    mixed : callable
        The case with these blocks of the one fleet replaced by those of the other.
    blocks : sequence of str
        Blocks that differ, at least one.
    names : sequence of str
        Metric ids.
    """
    mixes = _Mixes(mixed, tuple(names))
    found = (_bridge(mixes, blocks, name) for name in names)
    return tuple(one for one in found if one is not None)


def _bridge(mixes: _Mixes, blocks: Sequence[str], name: str) -> Bridge | None:
    if np.isnan(mixes.at(frozenset(), name)) or np.isnan(mixes.at(frozenset(blocks), name)):
        return None
    busy, idle = _sorted_out([frozenset({block}) for block in blocks], mixes, name)
    groups = _few([*busy, idle] if idle else busy, mixes, name)
    joined = len(groups) < len(busy) + bool(idle)
    while True:
        table = [mixes.at(_union(groups, subset), name) for subset in range(2 ** len(groups))]
        lacking = next((subset for subset, value in enumerate(table) if np.isnan(value)), None)
        if lacking is None:
            effects = shapley_effect(values=table)
            if idle in groups and effects[groups.index(idle)] == 0.0:  # nothing together is nothing each
                place = groups.index(idle)
                groups[place : place + 1] = [frozenset({block}) for block in blocks if block in idle]
                effects = np.insert(effects, place, np.zeros(len(idle) - 1))
            words = tuple(" + ".join(block for block in blocks if block in group) for group in groups)
            return Bridge(name, words, effects, joined)
        groups, joined = _together(groups, lacking), True


def _sorted_out(
    groups: Sequence[frozenset[str]], mixes: _Mixes, name: str
) -> tuple[list[frozenset[str]], frozenset[str]]:
    """Groups that do something, and the blocks of those that do nothing to either fleet, which need no mixes."""
    everything = frozenset().union(*groups)
    ends = mixes.at(frozenset(), name), mixes.at(everything, name)
    idle = [group for group in groups if (mixes.at(group, name), mixes.at(everything - group, name)) == ends]
    return [group for group in groups if group not in idle], frozenset().union(*idle)


def _union(groups: Sequence[frozenset[str]], subset: int) -> frozenset[str]:
    return frozenset().union(*(group for place, group in enumerate(groups) if subset >> place & 1))


def _together(groups: Sequence[frozenset[str]], subset: int) -> list[frozenset[str]]:
    """The first group of a mix that is no fleet, with the first that is missing from it."""
    inside = next(place for place in range(len(groups)) if subset >> place & 1)
    outside = next(place for place in range(len(groups)) if not subset >> place & 1)
    first, second = sorted((inside, outside))
    joined = [group for place, group in enumerate(groups) if place not in {first, second}]
    joined.insert(first, groups[first] | groups[second])
    return joined


def _few(groups: list[frozenset[str]], mixes: _Mixes, name: str) -> list[frozenset[str]]:
    """At most so many groups as can be mixed in every way; those that do least alone stand together."""
    if len(groups) <= MOST_GROUPS:
        return groups
    start = mixes.at(frozenset(), name)
    alone = {group: abs(mixes.at(group, name) - start) for group in groups}
    least = sorted(groups, key=lambda group: 0.0 if np.isnan(alone[group]) else alone[group])
    rest = least[: len(groups) - MOST_GROUPS + 1]
    return [*(group for group in groups if group not in rest), frozenset().union(*rest)]
