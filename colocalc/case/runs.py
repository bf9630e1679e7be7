"""Measured runs lowered: what the step-time model needs of each, and what was measured.

A run whose micro-batch, interleaving or recompute is not told has several candidates; the best of them that fits in
memory is the prediction, because published runs are tuned runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np

from colocalc.arrays import Array
from colocalc.calibration import family_key
from colocalc.case.facts import CHEAP_PARTS_KINDS, months_of, selective_kind
from colocalc.case.measured import date_of, head_dim_of, measured_step_s
from colocalc.catalog import Catalog
from colocalc.errors import quoted
from colocalc.hardware import GpuType
from colocalc.mfu.predict.facts import Chip, Dimensions, Plan, Stack
from colocalc.runs import Incomplete, Run, RunModel
from colocalc.stack import FSDP, StackPeriod
from colocalc.units import BITS_PER_BYTE, BYTES_PER_GBYTE, BYTES_PER_TBYTE, FLOPS_PER_TFLOPS

# Bits of the linear layers by the precision of a run; bytes of operands and casts are in the catalog.
_BITS = {"fp16": 16, "bf16": 16, "fp8": 8, "mxfp8": 8, "nvfp4": 4}
_MICRO_BATCHES = (1, 2, 4, 8)
_RECOMPUTE = ("none", "selective", "full")
_MOST_CHUNKS = 12


@dataclass(frozen=True, eq=False)
class RunsCase:
    """Measured runs as arrays; candidates ``(candidate,)``, runs ``(run,)``.

    Attributes
    ----------
    ids, sources, software, families : tuple of str
        Of each run: its id, source, software profile, and the family of its GPU with its bits.
    has_experts : ndarray of bool
        Whether its model has experts.
    gpu_count, measured_s : ndarray (run,)
        Its GPUs, and the measured time of a step.
    owner : ndarray (candidate,)
        Which run each candidate belongs to.
    dimensions, chip, plan, stack
        Facts of the candidates.
    selective_share : ndarray (candidate,)
        1 where cheap parts of a layer are run again.
    skipped : tuple of (str, str, str)
        Runs that cannot be predicted: the id, the source, and why.
    """

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    software: tuple[str, ...]
    families: tuple[str, ...]
    has_experts: Any
    gpu_count: Array
    measured_s: Array
    owner: Any
    dimensions: Dimensions
    chip: Chip
    plan: Plan
    stack: Stack
    selective_share: Array
    skipped: tuple[tuple[str, str, str], ...]


def lower_runs(runs: Sequence[Run | Incomplete], catalog: Catalog) -> RunsCase:
    """The runs that can be predicted, as arrays, and the others with the reason; those with pools are left out.

    Runs on mixed hardware are lowered by ``colocalc.case.mixed_runs``.

    Parameters
    ----------
    runs : sequence of Run or Incomplete
        As a file lists them.
    catalog : Catalog
        Accelerators, software stacks and defaults.
    """
    kept: list[tuple[Run, GpuType, StackPeriod]] = []
    skipped: list[tuple[str, str, str]] = []
    for run in (each for each in runs if isinstance(each, Incomplete) or not each.pools):
        reason = run.reason if isinstance(run, Incomplete) else _why_not(run, catalog)
        if isinstance(run, Incomplete) or reason:
            skipped.append((run.id, run.source or "", str(reason)))
        else:
            gpu = catalog.gpu(run.accelerator).gpu
            kept.append(
                (run, gpu, catalog.stack(run.software or _default_stack(catalog)).at(date_of(run, gpu, catalog)))
            )
    rows = [
        (place, facts)
        for place, (run, gpu, period) in enumerate(kept)
        for facts in _candidates(run, gpu, period, catalog)
    ]
    columns = {name: np.asarray([facts[name] for _, facts in rows]) for name in (rows[0][1] if rows else ())}

    def built(kind: Any) -> Any:
        return kind(**{field.name: columns.get(field.name, np.zeros(0)) for field in fields(kind)})

    return RunsCase(
        ids=tuple(run.id for run, _, _ in kept),
        sources=tuple(run.source or "" for run, _, _ in kept),
        software=tuple(run.software or f"{_default_stack(catalog)} (assumed)" for run, _, _ in kept),
        families=tuple(family_key(gpu.family, _BITS[_precision(run)]) for run, gpu, _ in kept),
        has_experts=np.asarray([run.model.experts is not None for run, _, _ in kept], dtype=bool),
        gpu_count=np.asarray([float(run.n_gpus) for run, _, _ in kept]),
        measured_s=np.asarray([float(measured_step_s(run) or np.nan) for run, _, _ in kept]),
        owner=np.asarray([place for place, _ in rows], dtype=int),
        dimensions=built(Dimensions),
        chip=built(Chip),
        plan=built(Plan),
        stack=built(Stack),
        selective_share=columns.get("selective_share", np.zeros(0)),
        skipped=tuple(skipped),
    )


def _default_stack(catalog: Catalog) -> str:
    return str(catalog.default("training.software").value)


def _precision(run: Run) -> str:
    return (run.precision or "bf16").lower()


def _why_not(run: Run, catalog: Catalog) -> str | None:
    """Why a run cannot be predicted; None when it can."""
    return _unknown(run, catalog) or _unusable(run, catalog)


def _unknown(run: Run, catalog: Catalog) -> str | None:
    """The first word of a run that is not known here."""
    words = (
        ("accelerator", run.accelerator, _known_gpu(run, catalog)),
        ("software", run.software, catalog.stacks),
        ("precision", _precision(run), _BITS),
        ("activation_recompute", run.activation_recompute, _RECOMPUTE),
    )
    strange = ((key, word) for key, word, known in words if word is not None and word not in known)
    return next((f"unknown {key} {quoted(word)}" for key, word in strange), None)


def _known_gpu(run: Run, catalog: Catalog) -> tuple[str, ...]:
    return (run.accelerator,) if catalog.resolve_gpu(run.accelerator) else ()


def _unusable(run: Run, catalog: Catalog) -> str | None:
    """What a run asks for that the model does not do, or does not tell."""
    cut = run.parallelism
    reasons = (
        (_peak(catalog.gpu(run.accelerator).gpu, _precision(run)) is None, f"no dense peak at {_precision(run)}"),
        ((cut.tp or 1) * (cut.pp or 1) * (cut.cp or 1) > run.n_gpus, "tp, pp and cp ask for more GPUs than it has"),
        (measured_step_s(run) is None, "no usable step time, tokens per second or model TFLOP/s"),
    )
    return next((reason for is_so, reason in reasons if is_so), None)


def _peak(gpu: GpuType, precision: str) -> float | None:
    keys = {16: ("bf16", "fp16"), 8: ("fp8",), 4: ("fp4",)}[_BITS[precision]]
    peaks: Mapping[Any, Any] = gpu.peak_tflop_per_s
    return next((float(peaks[key].value) for key in keys if key in peaks), None)


def _candidates(run: Run, gpu: GpuType, period: StackPeriod, catalog: Catalog) -> Iterator[dict[str, float]]:
    """The facts of a run with every choice that its source leaves open."""
    fixed = (
        _dimensions(run.model, catalog) | _chip(run, gpu, catalog) | _plan(run, gpu) | _stack(run, gpu, period, catalog)
    )
    for micro_batch, chunks, (layers, core, selective) in _choices(
        run, gpu, fixed, catalog, fused=period.fused_attention
    ):
        yield fixed | {
            "micro_batch_sequences": float(micro_batch),
            "vpp_count": float(chunks),
            "recompute_layer_share": layers,
            "recompute_core_share": core,
            "selective_share": selective,
        }


def _dimensions(model: RunModel, catalog: Catalog) -> dict[str, float]:
    head, experts = head_dim_of(model), model.experts is not None
    query = value = float(model.heads * head)
    kv = float((model.kv_heads or model.heads) * head)
    attention = 2.0 * model.hidden * (query + kv)
    if model.mla:
        # Sources print latent attention with placeholder heads; its shapes are those of DeepSeek-V3.
        known = catalog.models["deepseek-v3"]
        rank, latent, rope = known.query_rank_dim or 0.0, known.kv_rank_dim or 0.0, known.rope_head_dim or 0.0
        wide, deep = known.head_dim + rope, known.value_head_dim or known.head_dim
        query, value, kv = model.heads * wide, model.heads * deep, latent + rope
        attention = model.hidden * (rank + kv) + rank * query
        attention += latent * model.heads * (known.head_dim + deep) + value * model.hidden
    found = {
        "layer_count": model.layers,
        "expert_layer_count": (model.moe_layers or model.layers) if experts else 0,
        "hidden_dim": model.hidden,
        "head_count": model.heads,
        "query_dim": query,
        "kv_dim": kv,
        "value_dim": value,
        "attention_parameter_count": attention,
        "mlp_dim": model.dense_ffn or model.ffn_hidden,
        "mlp_matrix_count": 3 if model.gated_mlp else 2,
        "expert_mlp_dim": model.ffn_hidden if experts else 0,
        "shared_mlp_dim": (model.shared_experts or 0) * model.ffn_hidden,
        "expert_count": model.experts or 0,
        "topk_count": (model.topk or 1) if experts else 0,
        "vocabulary_count": model.vocab,
        "sequence_tokens": model.seq_len,
        "window_tokens": model.seq_len,
        "window_layer_share": 0,
    }
    return {name: float(number) for name, number in found.items()}


def _chip(run: Run, gpu: GpuType, catalog: Catalog) -> dict[str, float]:
    precision = _precision(run)
    bits = _BITS[precision]
    blackwell, tpu = gpu.family.startswith("blackwell"), gpu.link_kind == "torus"
    told = run.network.per_gpu_gbps if run.network else None
    nic = told or _figure("nic_gbit_per_s", gpu, catalog)
    slices = _slices(run, gpu)
    return {
        "peak_flop_per_s": float(_peak(gpu, precision) or 0.0) * FLOPS_PER_TFLOPS,
        "bf16_flop_per_s": float(_peak(gpu, "bf16") or np.nan) * FLOPS_PER_TFLOPS,
        "ceiling_share": _ceiling(gpu, bits, catalog),
        "bf16_ceiling_share": _ceiling(gpu, 16, catalog),
        "attention_share": _by_family("predict.attention_share", gpu, catalog),
        "operand_byte": float(catalog.default(f"predict.operand_bytes.{precision}").value),
        "cast_byte": _by_family(f"predict.cast_bytes.{precision}", gpu, catalog),
        "hbm_byte": _value(gpu.hbm_gbyte) * BYTES_PER_GBYTE,
        "hbm_byte_per_s": _value(gpu.hbm_tbyte_per_s) * BYTES_PER_TBYTE,
        "scale_up_byte_per_s": _figure("scale_up_gbyte_per_s", gpu, catalog) * BYTES_PER_GBYTE,
        "scale_out_byte_per_s": nic / BITS_PER_BYTE * BYTES_PER_GBYTE,
        "domain_gpu_count": run.n_gpus / slices if tpu else _value(gpu.domain_gpu_count),
        "node_gpu_count": float(run.gpus_per_node or _figure("node_gpu_count", gpu, catalog)),
        "torus_dim_count": _value(gpu.torus_dimension_count) if tpu else 1.0,
        "tpu_share": float(tpu),
        "ultra_share": float(gpu.family == "blackwell-ultra"),
        "fp8_share": float(blackwell and bits <= 8),
        "fp4_share": float(bits == 4),
    }


def _value(figure: Any) -> float:
    return float("nan") if figure is None else float(figure.value)


def _figure(name: str, gpu: GpuType, catalog: Catalog) -> float:
    """A figure of a GPU; of a card without links of its own, that of the usual server."""
    known = getattr(gpu, name)
    return float((known if known is not None else catalog.default(f"predict.{name}.other")).value)


def _slices(run: Run, gpu: GpuType) -> float:
    """TPU slices of a run: its data-parallel ranks over the data-centre network."""
    return float(run.parallelism.dp or 1) if gpu.link_kind == "torus" else 1.0


def _ceiling(gpu: GpuType, bits: int, catalog: Catalog) -> float:
    """Best measured product over the dense peak at some bits; by family where none was measured."""
    key: Any = {16: "bf16", 8: "fp8", 4: "fp4"}[bits]
    best, peak = gpu.best_matmul_tflop_per_s.get(key), gpu.peak_tflop_per_s.get(key)
    if best is not None and peak is not None:
        return float(best.value / peak.value)
    return _by_family(f"predict.ceiling_{bits}_bit_share", gpu, catalog)


def _by_family(key: str, gpu: GpuType, catalog: Catalog) -> float:
    family = "tpu" if gpu.link_kind == "torus" else gpu.family
    known = f"{key}.{family}" if f"{key}.{family}" in catalog.defaults else f"{key}.other"
    return float(catalog.default(known).value)


def _plan(run: Run, gpu: GpuType) -> dict[str, float]:
    cut = run.parallelism
    tp, pp, cp = (float(one or 1) for one in (cut.tp, cut.pp, cut.cp))
    ranks = run.n_gpus / (tp * pp * cp)
    # Sharded states without a stage are gradients and optimizer: ZeRO 2.
    zero = cut.zero_stage if cut.zero_stage is not None else 2 if cut.fsdp_shard else 1
    sharded = float(cut.fsdp_shard or (ranks * cp if zero > 0 else 1))
    return {
        "gpu_count": float(run.n_gpus),
        "tp_count": tp,
        "pp_count": pp,
        "schedule_factor": 1.0,
        "cp_count": cp,
        "ep_count": float(cut.ep or 1) if run.model.experts else 1.0,
        "dp_count": ranks,
        "shard_count": ranks * cp if zero in {1, 2} and gpu.link_kind != "torus" else sharded,
        "zero_stage": float(zero),
        "sequence_parallel_share": float(bool(cut.sequence_parallel)),
        "global_batch_sequences": float(run.global_batch),
    }


def _stack(run: Run, gpu: GpuType, period: StackPeriod, catalog: Catalog) -> dict[str, float]:
    half_gradients = _precision(run) == "fp16"  # 16-bit runs reduce 16-bit gradients
    age = months_of(date_of(run, gpu, catalog)) - months_of(gpu.launch_date or date_of(run, gpu, catalog))
    return {
        "flash_share": float(period.fused_attention),
        "parallel_block_share": float(_has_parallel_block(run, catalog)),
        "tp_overlap_share": float(period.tensor_overlap),
        "cp_overlap_share": float(period.context_overlap),
        "pp_overlap_share": float(period.pipeline_overlap),
        "dp_overlap_share": float(period.data_overlap),
        "tuned_share": float(period.tuned),
        "fsdp_share": float(run.software == FSDP),
        "gradient_byte": 2.0 if half_gradients else period.gradient_bytes,
        "loss_byte": period.loss_bytes,
        "age_months": float("inf") if gpu.link_kind == "torus" else max(age, 0.0),
        "slice_count": _slices(run, gpu),
    }


def _has_parallel_block(run: Run, catalog: Catalog) -> bool:
    """Whether attention and MLP of a layer run side by side: by its family, or as its own stack has it."""
    keys = ["predict.parallel_block_families"]
    if run.software == "inhouse":
        keys.append("predict.parallel_block_families.inhouse")
    families = tuple(name for key in keys for name in str(catalog.default(key).value).split(", "))
    return (run.model.family or "").casefold().startswith(families)


_Recompute = tuple[float, float, float]


def _choices(
    run: Run, gpu: GpuType, facts: Mapping[str, float], catalog: Catalog, *, fused: bool
) -> list[tuple[int, int, _Recompute]]:
    """Micro-batch, chunks and recompute: as told, else each that goes with the rest."""
    batches = (run.micro_batch,) if run.micro_batch else _MICRO_BATCHES
    chunks, recompute = _chunks(run, facts), _recompute(run, gpu, catalog, fused=fused)
    found = []
    for batch, count in product(batches, chunks):
        micro = run.global_batch / (facts["dp_count"] * batch)
        is_whole = micro >= 1.0 and abs(micro - round(micro)) < 1e-9
        # Interleaving needs a multiple of the stages; what a source tells is taken as it is.
        in_turn = count == 1 or bool(run.parallelism.vpp) or round(micro) % int(facts["pp_count"]) == 0
        if is_whole and in_turn:
            found += [(batch, count, each) for each in recompute]
    return found or [(batches[0], count, each) for count, each in product(chunks, recompute)]


def _chunks(run: Run, facts: Mapping[str, float]) -> list[int]:
    if run.parallelism.vpp:
        return [run.parallelism.vpp]
    if facts["pp_count"] == 1.0:
        return [1]
    layers = int(-(-run.model.layers // facts["pp_count"]))
    found = [count for count in range(1, _MOST_CHUNKS + 1) if layers % count == 0]
    return found if len(found) > 1 else [1, layers]  # a stage of a prime number of layers: one layer to a chunk


def _recompute(run: Run, gpu: GpuType, catalog: Catalog, *, fused: bool) -> list[_Recompute]:
    """Forward pass of a layer run again, attention core run again, and whether cheap parts are."""
    share = {
        kind: float(catalog.default(f"predict.recompute_layer_share.{kind}").value)
        for kind in ("tpu", "fsdp", "experts", "cheap_parts")
    }
    if run.activation_recompute == "full":
        return [(1.0, 0.0, 0.0)]
    if run.activation_recompute == "none":
        return [(0.0, 0.0, 0.0)]
    if run.activation_recompute == "selective":
        return [_selective(run, gpu, share, fused=fused)]
    if fused:
        return [(0.0, 0.0, 0.0), (share["cheap_parts"], 0.0, 1.0)]
    return [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]


def _selective(run: Run, gpu: GpuType, share: Mapping[str, float], *, fused: bool) -> _Recompute:
    what = selective_kind(
        is_tpu=gpu.link_kind == "torus",
        has_experts=run.model.experts is not None,
        is_fused=fused,
        is_fsdp=run.software == FSDP,
    )
    return (0.0, 1.0, 0.0) if what == "core" else (share[what], 0.0, float(what in CHEAP_PARTS_KINDS))
