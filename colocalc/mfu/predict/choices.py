"""What may be chosen for each part of a layout?

The sizes that a layout has to divide, and the choices: by default all that divides, up to stated limits. Sources:
Narayanan et al. 2021 (interleaving), Qi et al. 2023 (zero bubble), Korthikanti et al. 2022 (recompute).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sizes:
    """What the parts of a layout have to divide.

    Attributes
    ----------
    gpu_count, node_gpu_count : int
        Chips of the job, and of a node [1].
    layer_count, head_count, kv_head_count, expert_count : int
        Layers; heads of queries, and of keys and values; experts of a layer, 0 for a dense model [1].
    sequence_tokens : int
        Length of a sequence [tokens].
    global_batch_sequences : int
        Sequences of a step [sequences].
    gpu_rest_share, batch_rest_share : float
        Chips that may be left in no whole replica, and how far whole micro-batches may be from the batch, each over
        the whole; 0 where all has to divide [0..1].
    """

    gpu_count: int
    node_gpu_count: int
    layer_count: int
    head_count: int
    kv_head_count: int
    expert_count: int
    sequence_tokens: int
    global_batch_sequences: int
    gpu_rest_share: float
    batch_rest_share: float


@dataclass(frozen=True)
class Schedule:
    """An order of the micro-batches in a pipeline.

    Attributes
    ----------
    name : str
        What it is called.
    bubble_factor : float
        Bubble over that of 1F1B [factor].
    is_interleaved : bool
        Whether the chunks of a stage are free to choose.
    splits_backward : bool
        Whether gradients of weights come later than those of activations, as in zero bubble. What was run again for
        the first is kept until the second, so that recompute saves little and goes with other schedules only.
    stage_layer_multiple_count : int
        What the layers of a stage are a multiple of: 2 where each stage has two halves (ZB-V), else 1 [1].
    fewest_micro_batches_count : int
        Micro-batches for every stage from which on the bubble is what the factor says: 1F1B 0, for any number; ZB-H1 1,
        to fill the pipeline; ZB-V 2, because the first chip starts as many halves until its first one comes back [1].
    """

    name: str
    bubble_factor: float
    is_interleaved: bool
    splits_backward: bool
    stage_layer_multiple_count: int
    fewest_micro_batches_count: int


@dataclass(frozen=True)
class Recompute:
    """What of the forward pass is run again.

    Attributes
    ----------
    name : str
        What it is called.
    layer_share, core_share : float
        Of the forward pass of a layer, and of its attention core alone [0..1].
    selective_share : float
        1 where the cheap parts of a layer are run again and so not kept [0..1].
    """

    name: str
    layer_share: float
    core_share: float
    selective_share: float

    @property
    def is_none(self) -> bool:
        """Whether nothing is run again."""
        return self.layer_share == self.core_share == self.selective_share == 0.0


@dataclass(frozen=True)
class Choices:
    """What may be chosen for each part of a layout; one choice fixes it, and what divides nothing is left out.

    Attributes
    ----------
    tp_count, pp_count, vpp_count, cp_count, ep_count : tuple of int
        Tensor ranks, stages, chunks of a stage, context ranks, expert ranks [1].
    micro_batch_sequences : tuple of int
        Sequences of a micro-batch [sequences].
    recompute : tuple of Recompute
        Kinds of recompute.
    schedules : tuple of Schedule
        Schedules of the pipeline.
    zero_stage : tuple of int
        Stages of ZeRO, 0 to 3.
    sequence_parallel_share : float
        1 with sequence parallelism, for all layouts.
    """

    tp_count: tuple[int, ...]
    pp_count: tuple[int, ...]
    vpp_count: tuple[int, ...]
    cp_count: tuple[int, ...]
    ep_count: tuple[int, ...]
    micro_batch_sequences: tuple[int, ...]
    recompute: tuple[Recompute, ...]
    schedules: tuple[Schedule, ...]
    zero_stage: tuple[int, ...]
    sequence_parallel_share: float


def every_choice(
    *,
    sizes: Sizes,
    tp_limit_count: int,
    cp_limit_count: int,
    vpp_limit_count: int,
    micro_batch_limit_sequences: int,
    recompute: tuple[Recompute, ...],
    schedules: tuple[Schedule, ...],
    zero_stage: tuple[int, ...],
    sequence_parallel_share: float,
) -> Choices:
    """Everything that divides, up to stated limits; ``dataclasses.replace`` fixes what is known.

    Parameters
    ----------
    sizes : Sizes
        What is cut.
    tp_limit_count, cp_limit_count, vpp_limit_count : int
        Most tensor ranks, context ranks, and chunks of a stage [1].
    micro_batch_limit_sequences : int
        Largest micro-batch [sequences].
    recompute : tuple of Recompute
        Kinds of recompute.
    schedules : tuple of Schedule
        Schedules of the pipeline.
    zero_stage : tuple of int
        Stages of ZeRO.
    sequence_parallel_share : float
        1 with sequence parallelism.

    Returns
    -------
    Choices
        Divisors in ascending order, powers of two or not.

    Notes
    -----
    Tensor ranks divide chips and heads; stages divide the chips and are at most the layers; chunks divide the most
    layers of a stage, ``ceil(L/p)``; context ranks divide the chips; expert ranks divide the experts; micro-batches
    divide the batch. Where chips may be left, tensor ranks divide the heads, and context ranks the tokens; stages are
    any number up to the layers. Where the batch may be another, so may the micro-batch, up to its limit.

    - limits of 1: one choice
    - a dense model: one expert rank
    - no rest: only what divides the chips and the batch

    References
    ----------
    Narayanan et al. 2021, section 3.
    """
    leaves, chips = sizes.gpu_rest_share > 0.0, sizes.gpu_count
    stages = _up_to(sizes.layer_count, chips) if leaves else _divisors(chips, sizes.layer_count)
    batch, most = sizes.global_batch_sequences, micro_batch_limit_sequences
    chunks = {one for stage in stages for one in _divisors(-(-sizes.layer_count // stage), vpp_limit_count)}
    return Choices(
        tp_count=_divisors(sizes.head_count if leaves else int(np.gcd(chips, sizes.head_count)), tp_limit_count),
        pp_count=stages,
        vpp_count=tuple(sorted(chunks)),
        cp_count=_divisors(sizes.sequence_tokens if leaves else chips, min(cp_limit_count, chips)),
        ep_count=_divisors(max(sizes.expert_count, 1), chips),
        micro_batch_sequences=_up_to(most, batch) if sizes.batch_rest_share > 0.0 else _divisors(batch, most),
        recompute=recompute,
        schedules=schedules,
        zero_stage=zero_stage,
        sequence_parallel_share=sequence_parallel_share,
    )


def _up_to(number: int, limit: int) -> tuple[int, ...]:
    return tuple(range(1, min(number, limit) + 1))


def _divisors(number: int, limit: int) -> tuple[int, ...]:
    below = np.arange(1, min(number, limit) + 1)
    return tuple(below[number % below == 0].tolist())
