"""The layouts a job may have, and the best of them: what ``layout: auto`` stands for and ``colocalc layout`` shows.

The search knows one kind of GPU. Pools of several wait for the slowest, so it takes the slowest for all of them, with
the least memory and the smallest domain and node.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np

from colocalc.arrays import Array, as_array
from colocalc.case.facts import recompute_shares
from colocalc.case.ledger import Ledger
from colocalc.hardware import GpuType
from colocalc.mfu.predict.choices import Choices, Recompute, Schedule, Sizes, every_choice
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Stack
from colocalc.mfu.predict.layouts import enumerate_layouts
from colocalc.mfu.predict.search import Facts, Found, search
from colocalc.model import ModelDims

_TOPIC: Final = "mfu"
_BLOCK_LAYOUT_COUNT = 4_096  # layouts worked out at once: for speed alone, no bit depends on it

DEGREES: Final = ("tp", "pp", "vpp", "dp", "cp", "ep", "micro_batch", "zero_stage")
RECOMPUTE: Final = ("none", "selective", "full")
ZERO_STAGES: Final = (0, 1, 2, 3)
PLAIN_SCHEDULE: Final = "1f1b"
# How a schedule treats stages: interleaved, gradients of weights apart, layers of a stage in twos, and micro-batches
# for every stage that its bubble needs. Those whose memory the model does not know are left out.
_SCHEDULES: Final[Mapping[str, tuple[bool, bool, int, int]]] = {
    PLAIN_SCHEDULE: (True, False, 1, 0),
    "zb-h1": (False, True, 1, 1),
    "zb-v": (False, True, 2, 2),
}
SCHEDULES: Final = tuple(_SCHEDULES)
_CHOICES: Final = {
    "tp": "tp_count",
    "pp": "pp_count",
    "vpp": "vpp_count",
    "cp": "cp_count",
    "ep": "ep_count",
    "micro_batch": "micro_batch_sequences",
    "zero_stage": "zero_stage",
}

Allowed = tuple[tuple[str, tuple[int | str, ...]], ...]  # what may be chosen for some parts of a layout


@dataclass(frozen=True)
class Limits:
    """How far a search goes: planning figures of the catalog."""

    memory_limit_share: float
    tp_limit_count: int
    cp_limit_count: int
    micro_batch_limit_count: int
    gpu_rest_share: float
    batch_rest_share: float


@dataclass(frozen=True, eq=False)
class Question:
    """A job of one kind of GPU whose layout is asked for.

    Attributes
    ----------
    facts : Facts
        The model, the slowest GPU, the software and the constants.
    sizes : Sizes
        What is cut, without a rest.
    limits : Limits
        How far to look.
    recompute : tuple of Recompute
        Kinds of recompute.
    schedules : tuple of Schedule
        Schedules, the plain one first.
    is_whole : bool
        Whether the batch is a whole number of sequences.
    slowest : int
        Place of the pool whose GPU stands for all.
    """

    facts: Facts
    sizes: Sizes
    limits: Limits
    recompute: tuple[Recompute, ...]
    schedules: tuple[Schedule, ...]
    is_whole: bool
    slowest: int


def lower_limits(ledger: Ledger, *, ignores_memory: bool) -> Limits:
    """How far to look, as the catalog says; without a limit of memory where the file ignores it."""

    def one(name: str) -> float:
        return ledger.number(f"search.{name}", None, _TOPIC, default=f"search.{name}")

    return Limits(
        memory_limit_share=float("inf") if ignores_memory else one("memory_limit_share"),
        tp_limit_count=int(one("tp_limit_count")),
        cp_limit_count=int(one("cp_limit_count")),
        micro_batch_limit_count=int(one("micro_batch_limit_count")),
        gpu_rest_share=one("gpu_rest_share"),
        batch_rest_share=one("batch_rest_share"),
    )


def lower_recompute(
    gpus: list[GpuType], model: ModelDims, ledger: Ledger, *, is_fused: bool, is_fsdp: bool
) -> tuple[Recompute, ...]:
    """Every kind of recompute that a file may name."""
    kinds = []
    for name in RECOMPUTE:
        shares = recompute_shares(name, gpus, model, ledger, is_fused=is_fused, is_fsdp=is_fsdp)
        layer, core, selective = (
            float(shares[key]) for key in ("recompute_layer_share", "recompute_core_share", "selective_share")
        )
        kinds.append(Recompute(name, layer, core, selective))
    return tuple(kinds)


def lower_schedules(names: Iterable[str], ledger: Ledger) -> tuple[Schedule, ...]:
    """Schedules with the bubble that the catalog gives them."""
    found = []
    for name in names:
        is_interleaved, splits, multiple, fewest = _SCHEDULES[name]
        factor = ledger.number(f"schedule.{name}_factor", None, _TOPIC, default=f"schedule.{name}_factor")
        found.append(
            Schedule(
                name=name,
                bubble_factor=factor,
                is_interleaved=is_interleaved,
                splits_backward=splits,
                stage_layer_multiple_count=multiple,
                fewest_micro_batches_count=fewest,
            )
        )
    return tuple(found)


def ask(
    *,
    gpu_count: Array,
    chip: Chip,
    stack: Stack,
    dimensions: Dimensions,
    constants: Constants,
    kv_head_count: float,
    global_batch_tokens: float,
    limits: Limits,
    recompute: tuple[Recompute, ...],
    schedules: tuple[Schedule, ...],
) -> Question | str:
    """What to search for a job over its pools, or what is missing for a search.

    Parameters
    ----------
    gpu_count : ndarray (pool,)
        GPUs of the job.
    chip, stack : Chip, Stack
        By pool.
    dimensions, constants : Dimensions, Constants
        Of the job.
    kv_head_count, global_batch_tokens : float
        Heads of keys and values, and tokens of a step; NaN where not given.
    limits, recompute, schedules : Limits, tuples
        What may be chosen.
    """
    tokens = float(dimensions.sequence_tokens)
    if not (np.isfinite(float(dimensions.layer_count)) and global_batch_tokens > 0.0 and tokens > 0.0):
        return "needs training.model, sequence_tokens and global_batch_tokens"
    used = np.flatnonzero(gpu_count > 0.0)
    speed = chip.peak_flop_per_s * chip.ceiling_share
    slowest = int(used[np.lexsort((chip.hbm_byte[used], speed[used]))[0]])
    one = _at(chip, slowest, len(gpu_count))
    least = {name: as_array(np.min(getattr(chip, name)[used])) for name in _LEAST}
    chip_of_all = Chip(**one | least)
    missing = [name for name in Chip.__dataclass_fields__ if not np.isfinite(getattr(chip_of_all, name))]
    if missing:
        return f"no {missing[0]} is known of its GPUs"
    batch = global_batch_tokens / tokens
    return Question(
        facts=Facts(
            dimensions=dimensions, chip=chip_of_all, stack=Stack(**_at(stack, slowest, len(gpu_count))),
            constants=constants,
        ),
        sizes=Sizes(
            gpu_count=int(np.sum(gpu_count)),
            node_gpu_count=int(chip_of_all.node_gpu_count),
            layer_count=int(dimensions.layer_count),
            head_count=int(dimensions.head_count),
            kv_head_count=int(kv_head_count),
            expert_count=int(dimensions.expert_count),
            sequence_tokens=int(tokens),
            global_batch_sequences=max(1, round(batch)),
            gpu_rest_share=0.0,
            batch_rest_share=0.0,
        ),
        limits=limits,
        recompute=recompute,
        schedules=schedules,
        is_whole=batch == round(batch),
        slowest=slowest,
    )  # fmt: skip


_LEAST = ("hbm_byte", "domain_gpu_count", "node_gpu_count")  # what the pool that has least of it decides


def _at(record: Chip | Stack, place: int, pool_count: int) -> dict[str, Array]:
    return {
        name: as_array(np.broadcast_to(getattr(record, name), (pool_count,))[place])
        for name in record.__dataclass_fields__
    }


def best_of(question: Question, *, limit: int, allowed: Allowed = (), leaves_rest: bool = False) -> tuple[Found, Sizes]:
    """The best layouts, and the sizes they were looked for with.

    All has to divide where some layout that does fits; else GPUs may be left over, and the batch may be another, as far
    as the limits say. They may also where that is faster for one batch by more than these limits together: 100 GPUs
    and 1,024 sequences divide, but only into layouts that take twice the time of one on 99.

    Parameters
    ----------
    question : Question
        The job.
    limit : int
        How many to tell.
    allowed : tuple, optional
        What some parts of a layout are chosen from.
    leaves_rest : bool, optional
        Whether to allow a rest at once.
    """
    limits, exact = question.limits, question.sizes
    loose = replace(exact, gpu_rest_share=limits.gpu_rest_share, batch_rest_share=limits.batch_rest_share)
    strict = None if leaves_rest or not question.is_whole else _search(question, exact, limit, allowed)
    found = _search(question, loose, limit, allowed)
    if strict is not None and strict.fitting_count:
        spared = 1.0 + limits.gpu_rest_share + limits.batch_rest_share
        is_worth_a_rest = found.fitting_count and found.fitting_time_s[0] * spared < strict.fitting_time_s[0]
        return (found, loose) if is_worth_a_rest else (strict, exact)
    return (strict, exact) if strict is not None and strict.layout_count > found.layout_count else (found, loose)


def _search(question: Question, sizes: Sizes, limit: int, allowed: Allowed) -> Found:
    facts = question.facts
    known = tuple(
        (kind, tuple(float(getattr(part, name)) for name in kind.__dataclass_fields__))
        for kind, part in (
            (Dimensions, facts.dimensions),
            (Chip, facts.chip),
            (Stack, facts.stack),
            (Constants, facts.constants),
        )
    )
    return _searched(known, sizes, question.limits, question.recompute, question.schedules, limit, allowed)


# Studies lower a fleet hundreds of times, mostly with the same job: the same question is answered once.
@lru_cache(maxsize=256)
def _searched(
    known: tuple[tuple[Any, tuple[float, ...]], ...],
    sizes: Sizes,
    limits: Limits,
    recompute: tuple[Recompute, ...],
    schedules: tuple[Schedule, ...],
    limit: int,
    allowed: Allowed,
) -> Found:
    parts = [
        kind(**{name: as_array(value) for name, value in zip(kind.__dataclass_fields__, values, strict=True)})
        for kind, values in known
    ]
    dimensions, chip, stack, constants = parts
    choices = every_choice(
        sizes=sizes,
        tp_limit_count=min(limits.tp_limit_count, int(chip.domain_gpu_count)),
        cp_limit_count=limits.cp_limit_count,
        vpp_limit_count=sizes.layer_count,
        micro_batch_limit_sequences=limits.micro_batch_limit_count,
        recompute=recompute,
        schedules=schedules,
        zero_stage=ZERO_STAGES,
        sequence_parallel_share=1.0,
    )
    if bool(np.any(chip.tpu_share > 0.0)):  # the compiler shards, and published TPU runs have no pipeline
        choices = replace(choices, pp_count=(1,), vpp_count=(1,))
    layouts = enumerate_layouts(sizes=sizes, choices=_restricted(choices, allowed))
    ranks = dict(allowed).get("dp")
    if ranks is not None:
        layouts = layouts.taken(np.flatnonzero(np.isin(layouts.column("dp_count"), ranks)))
    return search(
        layouts=layouts,
        facts=Facts(dimensions=dimensions, chip=chip, stack=stack, constants=constants),
        memory_limit_share=limits.memory_limit_share,
        best_limit_count=limit,
        block_layout_count=_BLOCK_LAYOUT_COUNT,
    )


def _restricted(choices: Choices, allowed: Allowed) -> Choices:
    """Only what is allowed; of recompute in the order of the choices, because that is part of the order of layouts."""
    changes: dict[str, Any] = {_CHOICES[key]: values for key, values in allowed if key in _CHOICES}
    wanted = dict(allowed)
    for key, kinds in (("recompute", choices.recompute), ("schedule", choices.schedules)):
        if key in wanted:
            changes["schedules" if key == "schedule" else key] = tuple(one for one in kinds if one.name in wanted[key])
    return replace(choices, **changes)
