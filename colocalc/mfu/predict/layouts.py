"""Which layouts can a job have?

All of them, as arrays: every way to cut a model and its batch that divides, or leaves no more than is allowed. Sources:
Narayanan et al. 2021 (interleaving), Korthikanti et al. 2022 (sequence parallelism), Llama 3 section 3.3.2 (context
parallelism), Qi et al. 2023 (zero bubble), Rajbhandari et al. 2020 and 2022 (ZeRO, experts).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array, as_array
from colocalc.mfu.predict.choices import Choices, Sizes
from colocalc.mfu.predict.facts import Plan
from colocalc.mfu.predict.waiting import OUTER_LAYERS

Indices = NDArray[np.int64]
Table = dict[str, Indices]

# Causal context ranks take one chunk from either end of a sequence, for equal work (Llama 3, section 3.3.2).
CHUNKS_OF_A_CONTEXT_RANK = 2
RANKS = ("tp_count", "pp_count", "cp_count", "ep_count")


@dataclass(frozen=True, eq=False)
class Layouts:
    """Layouts of one job. Most share their cut with others, so that each cut is held once.

    Attributes
    ----------
    sizes : Sizes
        What is cut.
    choices : Choices
        What the layouts are chosen from.
    cuts : dict of str to ndarray
        Distinct cuts by field, and the place of their schedule in ``choices``, each ``(cut,)``.
    cut_index, recompute_index, zero_stage : ndarray of int
        Of each layout: its cut, the place of its recompute in ``choices``, and its stage of ZeRO, each ``(layout,)``.
    """

    sizes: Sizes
    choices: Choices
    cuts: Table
    cut_index: Indices
    recompute_index: Indices
    zero_stage: Indices

    def __len__(self) -> int:
        return len(self.cut_index)

    def taken(self, rows: Indices | slice) -> "Layouts":
        """Some of the layouts, in the order asked for."""
        return Layouts(
            sizes=self.sizes,
            choices=self.choices,
            cuts=self.cuts,
            cut_index=self.cut_index[rows],
            recompute_index=self.recompute_index[rows],
            zero_stage=self.zero_stage[rows],
        )

    def column(self, name: str) -> Indices:
        """One field of the cut of every layout ``(layout,)``."""
        return self.cuts[name][self.cut_index]

    def plan(self) -> Plan:
        """The layouts as the step model takes them, each field ``(layout,)`` or of one for all."""
        recompute = self.choices.recompute
        names = ("tp_count", "pp_count", "vpp_count", "cp_count", "ep_count", "dp_count", "micro_batch_sequences")
        cut = {name: self.column(name).astype(np.float64) for name in names}
        factors = np.array([one.bubble_factor for one in self.choices.schedules], dtype=np.float64)
        return Plan(
            **cut,
            gpu_count=self.column("laid_out_count").astype(np.float64),
            schedule_factor=factors[self.column("schedule_index")],
            shard_count=np.where(self.zero_stage > 0, cut["dp_count"] * cut["cp_count"], 1.0),
            zero_stage=self.zero_stage.astype(np.float64),
            sequence_parallel_share=as_array(self.choices.sequence_parallel_share),
            global_batch_sequences=self.column("batch_sequences").astype(np.float64),
            recompute_layer_share=np.array([one.layer_share for one in recompute])[self.recompute_index],
            recompute_core_share=np.array([one.core_share for one in recompute])[self.recompute_index],
        )

    def selective_share(self) -> Array:
        """1 where the cheap parts of a layer are run again ``(layout,)``."""
        shares = np.array([one.selective_share for one in self.choices.recompute], dtype=np.float64)
        return shares[self.recompute_index]


def enumerate_layouts(*, sizes: Sizes, choices: Choices) -> Layouts:
    """Every layout that divides without a rest, or with one that the sizes allow.

    Parameters
    ----------
    sizes : Sizes
        What is cut.
    choices : Choices
        What may be chosen.

    Returns
    -------
    Layouts
        Each layout once.

    Notes
    -----
    ``t p c d = N``. Tensor ranks divide the heads; they divide the heads of keys and values, and the node, or are a
    multiple of them; with sequence parallelism they divide the tokens of a context rank. At most as many stages as
    layers. A sequence has ``2 c`` equal chunks where ``c > 1``. Expert ranks divide the experts and ``d c t``.
    Micro-batches are whole: ``b d`` divides the batch. With rests, ``d = floor(N/(t p c))`` and
    ``m = max(1, round(B/(b d)))``, as far as ``N - t p c d`` and ``|m b d - B|`` stay within them. More than one chunk
    only in an interleaved pipeline, with ``v`` a divisor of ``ceil(L/p)``, ``p v <= L + 2`` and a multiple of ``p``
    micro-batches. A schedule has the micro-batches that its factor needs; parts of a stage that it makes count as
    chunks; one that splits the backward pass has no recompute.

    - one stage: schedules are alike, the first stands for all
    - one data and context rank: stages of ZeRO are alike, the lowest stands for all
    - a dense model: one expert rank
    - nothing that divides: no layout
    - rests of 0: only what divides

    References
    ----------
    Narayanan et al. 2021, section 2.2, for interleaving; Llama 3 (Grattafiori et al. 2024), section 3.3.2, for context
    ranks; Rajbhandari et al. 2022 (DeepSpeed-MoE), section 5, for expert ranks.
    """
    ranks = _ranks(sizes, choices)
    batched = _crossed(ranks, _table(micro_batch_sequences=choices.micro_batch_sequences))
    cuts = _scheduled(sizes, choices, _in_whole_micro_batches(sizes, batched))

    kinds = _crossed(_table(recompute_index=range(len(choices.recompute))), _table(zero_stage=choices.zero_stage))
    layouts = _crossed(_table(cut_index=range(len(cuts["dp_count"]))), kinds)
    return Layouts(sizes=sizes, choices=choices, cuts=cuts, **_kept(layouts, _is_sound(choices, cuts, layouts)))


def _in_whole_micro_batches(sizes: Sizes, found: Table) -> Table:
    """With the micro-batches of a data rank and the batch they make, where that is near enough to the one asked for."""
    whole, asked = found["micro_batch_sequences"] * found["dp_count"], sizes.global_batch_sequences
    micro = np.maximum(np.rint(asked / whole).astype(np.int64), 1)
    made = found | {"micro_batch_count": micro, "batch_sequences": micro * whole}
    return _kept(made, np.abs(micro * whole - asked) <= sizes.batch_rest_share * asked)


def _is_sound(choices: Choices, cuts: Table, layouts: Table) -> NDArray[np.bool_]:
    """Whether recompute goes with the schedule, and ZeRO has anything to shard."""
    splits = _flags(one.splits_backward for one in choices.schedules)[cuts["schedule_index"]] & (cuts["pp_count"] > 1)
    has_shards = cuts["dp_count"] * cuts["cp_count"] > 1
    cut, keeps = layouts["cut_index"], _flags(one.is_none for one in choices.recompute)
    is_lowest = layouts["zero_stage"] == min(choices.zero_stage, default=0)
    return np.asarray((keeps[layouts["recompute_index"]] | ~splits[cut]) & (has_shards[cut] | is_lowest))


def _flags(values: Iterable[bool]) -> NDArray[np.bool_]:
    return np.array(list(values), dtype=bool)


def _ranks(sizes: Sizes, choices: Choices) -> Table:
    """Ranks of every kind whose product is the chips."""
    found = _table(tp_count=choices.tp_count)
    for name in RANKS[1:]:
        found = _crossed(found, _table(**{name: getattr(choices, name)}))
    t, p, c, e = (found[name] for name in RANKS)
    replicas = sizes.gpu_count // (t * p * c)
    found = found | {"dp_count": replicas, "laid_out_count": t * p * c * replicas}
    chunks = np.where(c > 1, CHUNKS_OF_A_CONTEXT_RANK * c, 1)
    split = np.where(choices.sequence_parallel_share > 0.0, t, 1) * c
    rest = sizes.gpu_count - found["laid_out_count"]
    divides = (replicas > 0) & (rest <= sizes.gpu_rest_share * sizes.gpu_count)
    divides &= (sizes.head_count % t == 0) & (p <= sizes.layer_count)
    # A group that lies across two nodes would run at the rate of a NIC, and be costed at that of a node.
    fits = _nests(sizes.kv_head_count, t) & _nests(sizes.node_gpu_count, t)
    cuts_tokens = (sizes.sequence_tokens % chunks == 0) & (sizes.sequence_tokens % split == 0)
    return _kept(found, divides & fits & cuts_tokens & _spreads_experts(sizes, found["dp_count"] * c * t, e))


def _nests(whole: int, part: Indices) -> NDArray[np.bool_]:
    return np.asarray((whole % part == 0) | (part % whole == 0))


def _spreads_experts(sizes: Sizes, rank_count: Indices, ep_count: Indices) -> NDArray[np.bool_]:
    if sizes.expert_count == 0:
        return np.asarray(ep_count == 1)
    return np.asarray((sizes.expert_count % ep_count == 0) & (rank_count % ep_count == 0))


def _scheduled(sizes: Sizes, choices: Choices, found: Table) -> Table:
    """With every schedule and number of chunks that goes with the stages."""
    interleaves = _flags(one.is_interleaved for one in choices.schedules)
    orders = _crossed(_table(schedule_index=range(len(choices.schedules))), _table(vpp_count=choices.vpp_count))
    orders = _kept(orders, (orders["vpp_count"] == 1) | interleaves[orders["schedule_index"]])
    found = _crossed(found, orders)
    p, v, micro = found["pp_count"], found["vpp_count"], found["micro_batch_count"]
    own, fewest = (
        np.array([getattr(one, name) for one in choices.schedules], dtype=np.int64)[found["schedule_index"]]
        for name in ("stage_layer_multiple_count", "fewest_micro_batches_count")
    )
    parts = v * own
    fills = (-(-sizes.layer_count // p) % parts == 0) & (p * parts <= sizes.layer_count + OUTER_LAYERS)
    in_turn = ((v == 1) | (micro % p == 0)) & (micro >= fewest * p)
    is_alone = (p == 1) & (v == 1) & (found["schedule_index"] == 0)
    return _kept(found, is_alone | ((p > 1) & ((parts == 1) | fills) & in_turn))


def _table(**columns: tuple[int, ...] | range) -> Table:
    return {name: np.array(column, dtype=np.int64) for name, column in columns.items()}


def _crossed(left: Table, right: Table) -> Table:
    """Every row of one table with every row of another."""
    rows, times = (len(next(iter(table.values()))) for table in (left, right))
    before = {name: np.repeat(column, times) for name, column in left.items()}
    return before | {name: np.tile(column, rows) for name, column in right.items()}


def _kept(table: Table, mask: NDArray[np.bool_]) -> Table:
    return {name: column[mask] for name, column in table.items()}
