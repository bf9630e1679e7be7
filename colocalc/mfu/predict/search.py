"""Which layout of a job is fastest, and what binds it?

Every layout is looked at: first its memory, which is cheap and refuses most, then the time of a step of those that fit.
No greedy descent, no loop over layouts. Sources: Isaev et al. 2023 (Calculon) for exhaustive search over an analytic
model.
"""

from dataclasses import dataclass, fields

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Plan, Stack, StepTime
from colocalc.mfu.predict.layouts import Indices, Layouts
from colocalc.mfu.predict.memory import TERMS, Memory, memory
from colocalc.mfu.predict.step import step_time


@dataclass(frozen=True, eq=False)
class Facts:
    """What is trained, on what, with what: the same for every layout, each field ``()``."""

    dimensions: Dimensions
    chip: Chip
    stack: Stack
    constants: Constants


@dataclass(frozen=True, eq=False)
class Costs:
    """What layouts cost, each array ``(layout,)``.

    Attributes
    ----------
    plan : Plan
        The layouts, as the step model takes them.
    step_time_s, step_mfu_share : ndarray
        Time of a step [s], and its MFU on the chips in whole replicas [share].
    memory_use_share : ndarray
        Of the chip's memory; above 1 it does not fit [share].
    memory_term_index : ndarray of int
        Place of the largest term in ``colocalc.mfu.predict.memory.TERMS``.
    loss_share : dict of str to ndarray
        What each stage of the waterfall has of the logarithm of the step MFU; negative where it gives time back, and
        the sum is 1 [share].
    """

    plan: Plan
    step_time_s: Array
    step_mfu_share: Array
    memory_use_share: Array
    memory_term_index: Indices
    loss_share: dict[str, Array]

    def binding_stages(self, *, among: tuple[str, ...]) -> tuple[str, ...]:
        """The stage of the waterfall that costs each layout most; ``among`` leaves out what no layout changes."""
        shares = np.stack([self.loss_share[name] for name in among])
        return tuple(among[place] for place in np.argmax(shares, axis=0))

    def binding_terms(self) -> tuple[str, ...]:
        """The largest term of each layout's memory."""
        return tuple(TERMS[place] for place in self.memory_term_index)


@dataclass(frozen=True, eq=False)
class Ranking(Costs):
    """Layouts in order, with what they cost.

    Attributes
    ----------
    layouts : Layouts
        The layouts.
    """

    layouts: Layouts


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Attributes
    ----------
    best : Ranking
        The fastest layouts that fit, the fastest first; empty where none fits.
    leanest : Ranking
        The one layout that needs least memory, whether it fits or not; empty where there is no layout.
    layout_count, fitting_count : int
        Layouts looked at, and those that fit, each of which is costed [1].
    fitting_time_s : ndarray (fitting,)
        Time of a step of every layout that fits, for the batch asked for, the shortest first [s].
    """

    best: Ranking
    leanest: Ranking
    layout_count: int
    fitting_count: int
    fitting_time_s: Array


def search(
    *,
    layouts: Layouts,
    facts: Facts,
    memory_limit_share: float,
    best_limit_count: int,
    block_layout_count: int,
) -> Found:
    """The fastest layouts that fit in memory, out of all.

    Nothing is pruned: every layout that fits is costed. Layouts of the same time are ordered by fewer ranks that cut
    the model, a smaller micro-batch, fewer chunks, an earlier schedule and recompute in the order of the choices, a
    lower stage of ZeRO, and fewer expert, context and pipeline ranks. That is a total order, so it does not depend on
    that of the layouts.

    Parameters
    ----------
    layouts : Layouts
        Where to look.
    facts : Facts
        What is the same for all of them.
    memory_limit_share : float
        Most that a layout may use of the chip's memory [share].
    best_limit_count : int
        How many layouts to tell, at least 1 [1].
    block_layout_count : int
        Layouts worked out at once, at least 1; for speed alone [1].

    Returns
    -------
    Found
        The fastest, the leanest, and how many were looked at.

    Notes
    -----
    ``argmin T(layout)/batch(layout)`` among those with ``memory(layout) <= limit``

    - any size of block: the same bits
    - one batch for all: the shortest step
    - nothing fits: none is fastest, and the leanest says what binds
    - a higher limit of memory: never a slower best layout
    - more told than fit: all that fit

    References
    ----------
    Isaev et al. 2023 (Calculon), section 4.
    """
    use_share = _use_shares(layouts, facts, block_layout_count)
    fitting = np.flatnonzero(use_share <= memory_limit_share)
    step_time_s = _step_times(layouts, facts, fitting, block_layout_count)
    best = fitting[_least(layouts.taken(fitting), step_time_s, best_limit_count)]
    leanest = _least(layouts, use_share, 1)
    return Found(
        best=rank(layouts=layouts.taken(best), facts=facts),
        leanest=rank(layouts=layouts.taken(leanest), facts=facts),
        layout_count=len(layouts),
        fitting_count=len(fitting),
        fitting_time_s=np.sort(step_time_s),
    )


def rank(*, layouts: Layouts, facts: Facts) -> Ranking:
    """Layouts with their time, memory and losses, in the order given.

    Parameters
    ----------
    layouts : Layouts
        A few layouts.
    facts : Facts
        What is the same for all of them.

    Returns
    -------
    Ranking
        The same layouts.

    Notes
    -----
    As ``costs``

    - no layout: empty arrays
    """
    found = costs(plan=layouts.plan(), selective_share=layouts.selective_share(), facts=facts)
    return Ranking(layouts=layouts, **{field.name: getattr(found, field.name) for field in fields(Costs)})


def costs(*, plan: Plan, selective_share: Array, facts: Facts) -> Costs:
    """Layouts of any kind with their time, memory and losses: also such as no search would look at.

    Parameters
    ----------
    plan : Plan
        The layouts, each field (layout,) or of one for all.
    selective_share : ndarray (layout,)
        1 where the cheap parts of a layer are run again [0..1].
    facts : Facts
        What is the same for all of them.

    Returns
    -------
    Costs
        Of the same layouts.

    Notes
    -----
    ``loss = ln factor_stage / ln MFU``

    - a layout of a search: what the search says of it
    """
    found, held = _step(plan, facts), _memory(plan, selective_share, facts)
    mfu = found.peak_time_s / found.step_time_s
    return Costs(
        plan=plan,
        step_time_s=found.step_time_s,
        step_mfu_share=mfu,
        memory_use_share=held.use_share,
        memory_term_index=held.binding().astype(np.int64),
        loss_share={name: np.log(factor) / np.log(mfu) for name, factor in found.factors().items()},
    )


def _step(plan: Plan, facts: Facts) -> StepTime:
    return step_time(
        dimensions=facts.dimensions,
        chip=facts.chip,
        plan=plan,
        stack=facts.stack,
        constants=facts.constants,
    )


def _memory(plan: Plan, selective_share: Array, facts: Facts) -> Memory:
    return memory(
        dimensions=facts.dimensions,
        chip=facts.chip,
        plan=plan,
        stack=facts.stack,
        selective_share=selective_share,
    )


def _use_shares(layouts: Layouts, facts: Facts, block: int) -> Array:
    found = np.empty(len(layouts))
    for start in range(0, len(layouts), block):
        rows = slice(start, start + block)
        some = layouts.taken(rows)
        found[rows] = _memory(some.plan(), some.selective_share(), facts).use_share
    return found


def _step_times(layouts: Layouts, facts: Facts, fitting: Indices, block: int) -> Array:
    """Times for the batch that was asked for, whatever whole micro-batches make of it."""
    found = np.empty(len(fitting))
    for start in range(0, len(fitting), block):
        rows = slice(start, start + block)
        plan = layouts.taken(fitting[rows]).plan()
        whole = layouts.sizes.global_batch_sequences / plan.global_batch_sequences
        found[rows] = _step(plan, facts).step_time_s * whole
    return found


def _least(layouts: Layouts, cost: Array, limit: int) -> Indices:
    """Places of the layouts of least cost; what costs the same is ordered by what it is."""
    if not len(cost):
        return np.empty(0, dtype=np.int64)
    last = min(limit, len(cost)) - 1
    near = np.flatnonzero(cost <= np.partition(cost, last)[last])
    few = layouts.taken(near)
    order = np.lexsort((*_preferences(few)[::-1], cost[near]))
    return near[order[:limit]]


def _preferences(layouts: Layouts) -> tuple[Indices, ...]:
    """What orders layouts of one cost, what counts most first."""
    cut = layouts.column
    experts, contexts, stages = cut("ep_count"), cut("cp_count"), cut("pp_count")
    return (
        cut("tp_count") * stages * contexts * experts,
        cut("micro_batch_sequences"),
        cut("vpp_count"),
        cut("schedule_index"),
        layouts.recompute_index,
        layouts.zero_stage,
        experts,
        contexts,
        stages,
    )
