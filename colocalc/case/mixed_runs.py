"""Measured runs on mixed hardware lowered: which kind of GPU stands on which stage, and its measured block times.

Pools fill the stages in the order in which a run lists them, replica after replica; a kind of GPU may be listed more
than once. Every stage has as many replicas, and every replica as many micro-batches.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from colocalc.arrays import Array, as_array
from colocalc.case.measured import head_dim_of, measured_step_s
from colocalc.catalog import Catalog, plain_name
from colocalc.errors import quoted
from colocalc.profile import LayerProfile, ProfileRow
from colocalc.runs import Incomplete, Run, RunModel
from colocalc.units import BITS_PER_BYTE, BYTES_PER_GBYTE

_MOST_PARTS = 100_000  # stages times pools of a run: beyond it is no run, and an array of it no small one


@dataclass(frozen=True, eq=False)
class MixedRun:
    """One run on mixed hardware as arrays ``(stage, pool)``; a pool that is not on a stage has times of 0 there.

    Attributes
    ----------
    id, source : str
        The run, and where it is from.
    measured_s : float
        Measured time of a step.
    layer_count : ndarray (stage,)
        Layers of each stage.
    block_s, outer_s, update_s : ndarray (stage, pool)
        A layer of a micro-batch, forward and backward; embedding and head; the optimizer on a layer.
    micro_batch_count, dp_count : float
        Micro-batches per replica and step; replicas.
    gradient_byte, tied_byte, activation_byte : float
        Of one GPU: gradients of the stage that has most, those of a table that the first and the last stage both hold,
        and what it sends to the next stage for a micro-batch.
    link_byte_per_s, exchange_s : float
        Rate of the network per GPU, and the measured time of the gradient exchange; NaN where not told.
    """

    id: str
    source: str
    measured_s: float
    layer_count: Array
    block_s: Array
    outer_s: Array
    update_s: Array
    micro_batch_count: float
    dp_count: float
    gradient_byte: float
    tied_byte: float
    activation_byte: float
    link_byte_per_s: float
    exchange_s: float


@dataclass(frozen=True, eq=False)
class MixedCase:
    """Runs on mixed hardware: those that can be predicted, and the id, source and reason of the others."""

    runs: tuple[MixedRun, ...]
    skipped: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class _Cut:
    """How a run is cut, every degree told."""

    tp: int
    pp: int
    dp: int
    micro_batch: int


def lower_mixed_runs(
    runs: Sequence[Run | Incomplete], catalog: Catalog, *, own: Sequence[LayerProfile] = ()
) -> MixedCase:
    """The runs that list pools, as arrays; other runs are left to ``lower_runs``.

    Parameters
    ----------
    runs : sequence of Run or Incomplete
        As a file lists them.
    catalog : Catalog
        Layer profiles that ship, and defaults.
    own : sequence of LayerProfile
        Profiles of the file itself, which come before those that ship.
    """
    kept: list[MixedRun] = []
    skipped: list[tuple[str, str, str]] = []
    element_byte = float(catalog.default("predict.mixed_element_bytes").value)
    for run in runs:
        if isinstance(run, Run) and run.pools:
            found = _lowered(run, (*own, *catalog.profiles.values()), element_byte)
            if isinstance(found, MixedRun):
                kept.append(found)
            else:
                skipped.append((run.id, run.source or "", f"mixed hardware: {found}"))
    return MixedCase(tuple(kept), tuple(skipped))


def _lowered(run: Run, profiles: Sequence[LayerProfile], element_byte: float) -> MixedRun | str:
    """A run as arrays, or why it cannot be."""
    if reason := next(_outside(run), None):
        return reason
    cut = _cut(run)
    if reason := next(_uneven(run, cut), None) or _unknown_network(run, cut):
        return reason
    found = _rows(run, cut, profiles)
    if isinstance(found, str):
        return found
    rows, is_tied = found
    model, layers = run.model, _stage_layers(run, cut.pp)
    on_stage = _on_stage(run, cut)
    block, update = (np.where(on_stage, [of(row) for row in rows], 0.0) for of in (_block_s, _update_s))
    return MixedRun(
        id=run.id,
        source=run.source or "",
        measured_s=float(measured_step_s(run) or np.nan),
        layer_count=as_array(layers),
        block_s=block,
        outer_s=np.where(on_stage, _outer_s(rows, cut.pp), 0.0),
        update_s=update,
        micro_batch_count=float(run.global_batch // (cut.dp * cut.micro_batch)),
        dp_count=float(cut.dp),
        gradient_byte=_most_parameters(model, layers) * element_byte / cut.tp,
        tied_byte=float(is_tied and cut.pp > 1) * model.vocab * model.hidden * element_byte / cut.tp,
        activation_byte=cut.micro_batch * float(model.seq_len * model.hidden) * element_byte / cut.tp,
        link_byte_per_s=(_gbps(run) or np.nan) * BYTES_PER_GBYTE / BITS_PER_BYTE,
        exchange_s=float("nan") if run.measured.dp_sync_time_s is None else run.measured.dp_sync_time_s,
    )


def _outside(run: Run) -> Iterator[str]:
    """What a run asks for that block times do not tell."""
    cut, model = run.parallelism, run.model
    reasons = (
        (run.micro_batch is None, "its micro-batch is not told"),
        ((cut.vpp or 1) * (cut.cp or 1) * (cut.ep or 1) > 1, "only tp, pp and dp are put together from layer profiles"),
        (model.experts is not None, "layer profiles are of dense models"),
        (run.activation_recompute in {"full", "selective"}, "layer profiles are without recompute"),
        (measured_step_s(run) is None, "no usable step time, tokens per second or model FLOP/s"),
    )
    return (reason for is_so, reason in reasons if is_so)


def _cut(run: Run) -> _Cut:
    tp, pp = run.parallelism.tp or 1, run.parallelism.pp or 1
    return _Cut(tp, pp, run.parallelism.dp or max(run.n_gpus // (tp * pp), 1), run.micro_batch or 1)


def _uneven(run: Run, cut: _Cut) -> Iterator[str]:
    """What does not come out even: pools over stages, layers over stages, sequences over replicas."""
    pools, layers = run.pools or (), run.parallelism.stage_layers
    placed, needed = sum(pool.n for pool in pools), cut.tp * cut.pp * cut.dp
    told = run.model.layers
    if placed != needed or run.n_gpus != needed:
        yield f"its pools hold {placed:,} GPUs, and n_gpus is {run.n_gpus:,}; tp, pp and dp ask for {needed:,}"
    if any(pool.n % cut.tp for pool in pools):
        yield f"a replica of {cut.tp:,} GPUs (tp) would span two pools"
    if layers is not None and (len(layers) != cut.pp or sum(layers) != told):
        yield f"stage_layers should be {cut.pp:,} numbers (pp) that add up to {told:,} layers"
    if cut.pp > told:
        yield f"more stages than its {told:,} layers"
    if run.global_batch % (cut.dp * cut.micro_batch):
        yield f"its batch is no whole number of micro-batches on each of {cut.dp:,} replicas"
    if cut.pp * len(pools) > _MOST_PARTS:
        yield f"stages times pools exceed {_MOST_PARTS:,}"


def _gbps(run: Run) -> float | None:
    return run.network.per_gpu_gbps if run.network else None


def _unknown_network(run: Run, cut: _Cut) -> str | None:
    """Why traffic between nodes cannot be told; the exchange of gradients tells a rate where there is one."""
    if _gbps(run) is not None:
        return None
    if cut.dp > 1 and run.measured.dp_sync_time_s is None:
        return "neither the rate of its network nor the time of its gradient exchange is told"
    if cut.dp == 1 and cut.pp > 1:
        return "its pipeline sends cross a network whose rate is not told, and one replica exchanges no gradients"
    return None


def _rows(run: Run, cut: _Cut, profiles: Sequence[LayerProfile]) -> tuple[list[ProfileRow], bool] | str:
    """The profile row of each pool, and whether embedding and head are one table; or why there is none."""
    family = plain_name(run.model.family or "")
    named = [each for each in profiles if family.startswith(tuple(filter(None, map(plain_name, each.families))))]
    if not named:
        return f"no layer profile of model {quoted(run.model.family or 'without a family')}"
    precision = (run.precision or "bf16").lower()
    wanted = (run.model.hidden, run.model.seq_len, precision)
    fitting = [each for each in named if (each.hidden, each.seq_len, each.precision.lower()) == wanted]
    if not fitting:
        return f"no layer profile of hidden {wanted[0]:,}, sequences of {wanted[1]:,} tokens and {quoted(precision)}"
    rows = []
    for pool in run.pools or ():
        row = _row(pool.accelerator, cut, fitting)
        if row is None:
            return f"no layer profile on {quoted(pool.accelerator)} at micro_batch {cut.micro_batch} and tp {cut.tp}"
        rows.append(row)
    return rows, fitting[0].tied


def _row(accelerator: str, cut: _Cut, profiles: Sequence[LayerProfile]) -> ProfileRow | None:
    wanted = plain_name(accelerator)
    for profile in profiles:
        for row in profile.rows:
            names = (row.gpu, *profile.gpus.get(row.gpu, ()))
            if (row.micro_batch, row.tp) == (cut.micro_batch, cut.tp) and wanted in map(plain_name, names):
                return row
    return None


def _stage_layers(run: Run, pp: int) -> tuple[int, ...]:
    """Layers of each stage: as told, else evenly, the first stages having one more."""
    least, more = divmod(run.model.layers, pp)
    evenly = tuple(least + (stage < more) for stage in range(pp))
    return run.parallelism.stage_layers or _in_prose(run, pp) or evenly


# The public collection of runs tells this in its notes alone, and counts embedding and head as a layer each.
_IN_PROSE = re.compile(r"Layers per stage \[(\d+(?:, ?\d+)*)\]")


def _in_prose(run: Run, pp: int) -> tuple[int, ...] | None:
    found = _IN_PROSE.search(run.notes) if isinstance(run.notes, str) else None
    blocks = [int(number) for number in found[1].split(",")] if found else []
    if len(blocks) != pp or sum(blocks) != run.model.layers + _OUTER:
        return None
    blocks[0] -= 1
    blocks[-1] -= 1
    return tuple(blocks)


_OUTER = 2  # embedding and head


def _on_stage(run: Run, cut: _Cut) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Whether each pool has GPUs on each stage."""
    ends = list(accumulate((pool.n for pool in run.pools or ()), initial=0))
    size = cut.dp * cut.tp
    return np.asarray(
        [
            [start < (stage + 1) * size and end > stage * size for start, end in pairwise(ends)]
            for stage in range(cut.pp)
        ]
    )


def _block_s(row: ProfileRow) -> float:
    return row.forward_s + row.backward_s


def _update_s(row: ProfileRow) -> float:
    return row.update_s


def _outer_s(rows: Sequence[ProfileRow], pp: int) -> Array:
    """Embedding on the first stage, none where not measured; head on the last, a product as heavy as a block."""
    outer = np.zeros((pp, len(rows)))
    outer[0] += [row.embedding_s or 0.0 for row in rows]
    outer[-1] += [_block_s(row) if row.head_s is None else row.head_s for row in rows]
    return as_array(outer)


def _most_parameters(model: RunModel, layers: Sequence[int]) -> float:
    """Parameters of the stage that has most: its layers, and the vocabulary on the first and on the last."""
    width, kv = model.heads * head_dim_of(model), (model.kv_heads or model.heads) * head_dim_of(model)
    layer = 2 * model.hidden * (width + kv) + (3 if model.gated_mlp else 2) * model.hidden * model.ffn_hidden
    table = model.vocab * model.hidden
    counts = [count * layer for count in layers]
    counts[0] += table
    counts[-1] += table if len(counts) > 1 else 0
    return float(max(counts))
