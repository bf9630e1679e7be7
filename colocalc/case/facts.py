"""The facts of a job that the step-time model takes: dimensions, rates of each GPU, what its software does, constants.

Every number goes through the ledger, so that it reaches the report with its source and can be replaced.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from colocalc.arrays import Array
from colocalc.calibration import Calibration, Constant
from colocalc.case import dimensions
from colocalc.case.ledger import Ledger, array, peak_key, per_type, scalar, wanted_peak
from colocalc.figure import Figure
from colocalc.hardware import GpuType
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Stack
from colocalc.model import ModelDims
from colocalc.stack import FSDP, StackPeriod
from colocalc.units import BYTES_PER_GBYTE, BYTES_PER_TBYTE, FLOPS_PER_TFLOPS, MONTHS_PER_YEAR

_TOPIC: Final = "mfu"
BITS: Final = {"fp16": 16, "bf16": 16, "fp8": 8, "mxfp8": 8, "nvfp4": 4, "fp4": 4}
_NEWEST = "9999-12"
# What a constant needs to matter: told only where it does.
_ONLY_WITH: Final = {
    "experts": ("expert_", "ep_", "grouped_"),
    "tpu": ("tpu_", "dcn_"),
    "blackwell": ("fp8_", "fp4_", "ultra_"),
}


def months_of(date: str) -> float:
    """Months since the year 0; a year alone is taken at its middle."""
    year, month = int(date[:4]), int(date[5:7]) if len(date) >= 7 else 7
    return year * MONTHS_PER_YEAR + month - 1


def lower_dimensions(model: ModelDims | None, sequence_tokens: float) -> Dimensions:
    """The dimensions of a model as the step-time model takes them; NaN without one."""
    found = dict.fromkeys(Dimensions.__dataclass_fields__, float("nan"))
    if model is not None:
        found |= _shape(model, sequence_tokens)
    found["sequence_tokens"] = sequence_tokens
    return Dimensions(**{name: scalar(float(value)) for name, value in found.items()})


def _shape(model: ModelDims, sequence_tokens: float) -> dict[str, float]:
    has_experts, latent = model.expert_count is not None, model.kv_rank_dim is not None
    return {
        "layer_count": model.layer_count,
        "expert_layer_count": model.layer_count - (model.dense_layer_count or 0.0) if has_experts else 0.0,
        "hidden_dim": model.hidden_dim,
        "head_count": model.head_count,
        "query_dim": model.head_count * dimensions.key_head_dim(model),
        # Latent attention keeps and sends one narrow vector and the rotary part, whatever its heads.
        "kv_dim": (model.kv_rank_dim or 0.0) + (model.rope_head_dim or 0.0)
        if latent
        else model.kv_head_count * model.head_dim,
        "value_dim": model.head_count * dimensions.value_head_dim(model),
        "attention_parameter_count": float(dimensions.attention_parameter_count(model)),
        "mlp_dim": model.mlp_dim,
        "mlp_matrix_count": 3.0 if model.gated_mlp else 2.0,
        "expert_mlp_dim": (model.expert_mlp_dim or model.mlp_dim) if has_experts else 0.0,
        "shared_mlp_dim": model.shared_expert_mlp_dim or 0.0,
        "expert_count": model.expert_count or 0.0,
        "topk_count": model.active_expert_count or 0.0,
        "vocabulary_count": model.vocabulary_count,
        "window_tokens": model.attention_window_tokens or sequence_tokens,
        "window_layer_share": (model.window_layer_count or 0.0) / model.layer_count,
    }


def lower_chip(gpus: list[GpuType], precision: str, nic_byte_per_s: Array, ledger: Ledger) -> Chip:
    """What each pool's GPU does at the precision of the job, over the pool axis."""
    by_type = {gpu.id: _chip(gpu, precision, ledger) for gpu in {gpu.id: gpu for gpu in gpus}.values()}
    columns = {
        name: per_type(gpus, lambda gpu, name=name: by_type[gpu.id][name])  # type: ignore[misc]
        for name in next(iter(by_type.values()))
    }
    return Chip(**columns, scale_out_byte_per_s=nic_byte_per_s)


def _chip(gpu: GpuType, precision: str, ledger: Ledger) -> dict[str, float]:
    key = peak_key(gpu.peak_tflop_per_s, precision)
    if key is None:  # references.py refuses such a fleet; a GPU without any usable peak has no MFU
        return dict.fromkeys((name for name in Chip.__dataclass_fields__ if name != _NIC), float("nan"))
    wanted = wanted_peak(precision)
    if key != wanted:
        ledger.remark(
            f"{gpu.id} has no {wanted} peak: its work and its part of the denominator are at {key} "
            "(a peak of another precision)",
            _TOPIC,
            kind="warning",
        )
    own = precision if key == wanted else key
    bits, peak = BITS[own], _peak(gpu, key, ledger)
    wide = next((one for one in ("bf16", "fp16") if one in gpu.peak_tflop_per_s), key)
    is_tpu, is_blackwell = gpu.link_kind == "torus", gpu.family.startswith("blackwell")
    return {
        "peak_flop_per_s": peak * FLOPS_PER_TFLOPS,
        "bf16_flop_per_s": _peak(gpu, wide, ledger) * FLOPS_PER_TFLOPS,
        "ceiling_share": _ceiling(gpu, key, bits, ledger),
        "bf16_ceiling_share": _ceiling(gpu, wide, BITS[wide], ledger),
        "attention_share": _by_family("predict.attention_share", gpu, ledger),
        "operand_byte": _assumed(f"predict.operand_bytes.{own}", f"predict.{own}_operand_bytes", ledger),
        "cast_byte": _by_family(f"predict.cast_bytes.{own}", gpu, ledger),
        "hbm_byte": _fact(gpu, "hbm_gbyte", ledger) * BYTES_PER_GBYTE,
        "hbm_byte_per_s": _fact(gpu, "hbm_tbyte_per_s", ledger) * BYTES_PER_TBYTE,
        "scale_up_byte_per_s": fact_or_usual(gpu, "scale_up_gbyte_per_s", ledger) * BYTES_PER_GBYTE,
        "domain_gpu_count": fact_or_usual(gpu, "domain_gpu_count", ledger),
        "node_gpu_count": fact_or_usual(gpu, "node_gpu_count", ledger),
        "torus_dim_count": _fact(gpu, "torus_dimension_count", ledger) if is_tpu else 1.0,
        "tpu_share": float(is_tpu),
        "ultra_share": float(gpu.family == "blackwell-ultra"),
        "fp8_share": float(is_blackwell and bits <= BITS["fp8"]),
        "fp4_share": float(bits == BITS["fp4"]),
    }


_NIC = "scale_out_byte_per_s"


def peak_flop_per_s(gpu: GpuType, precision: str, ledger: Ledger) -> float:
    """Dense peak of a GPU at a precision, or at the next wider one it has; NaN without any."""
    key = peak_key(gpu.peak_tflop_per_s, precision)
    return float("nan") if key is None else _peak(gpu, key, ledger) * FLOPS_PER_TFLOPS


def _fact(gpu: GpuType, name: str, ledger: Ledger) -> float:
    return ledger.fact(f"gpus.{gpu.id}.{name}", getattr(gpu, name), _TOPIC)


def fact_or_usual(gpu: GpuType, name: str, ledger: Ledger) -> float:
    """A figure of a GPU; of a card without links of its own, that of the usual server."""
    path = f"gpus.{gpu.id}.{name}"
    if getattr(gpu, name) is None:
        if name == "scale_up_gbyte_per_s":
            ledger.remark(f"{gpu.id}: no scale-up links are known, and those of a card on PCIe are taken", _TOPIC)
        return ledger.number(path, None, _TOPIC, default=f"predict.{name}.other")
    return _fact(gpu, name, ledger)


def _peak(gpu: GpuType, key: str, ledger: Ledger) -> float:
    return ledger.fact(f"gpus.{gpu.id}.peak_{key}_tflop_per_s", gpu.peak_tflop_per_s[key], _TOPIC)  # type: ignore[index]


def _ceiling(gpu: GpuType, key: str, bits: int, ledger: Ledger) -> float:
    """Best measured product over the dense peak; by family where none was measured."""
    best = gpu.best_matmul_tflop_per_s.get(key)  # type: ignore[call-overload]
    if best is not None:
        return ledger.fact(f"gpus.{gpu.id}.best_matmul_{key}_tflop_per_s", best, _TOPIC) / _peak(gpu, key, ledger)
    default = _family_key(f"predict.ceiling_{bits}_bit_share", gpu, ledger)
    return _assumed(default, f"gpus.{gpu.id}.ceiling_{bits}_bit_share", ledger)


def _by_family(key: str, gpu: GpuType, ledger: Ledger) -> float:
    default = _family_key(key, gpu, ledger)
    family, (stem, word) = default.rpartition(".")[2], (key.rpartition(".")[0], key.rpartition(".")[2])
    # A path ends in its unit: predict.attention.hopper_share, predict.cast.fp8.hopper_bytes.
    if stem == "predict":
        return _assumed(default, f"predict.{word.removesuffix('_share')}.{family}_share", ledger)
    return _assumed(default, f"predict.cast.{word}.{family}_bytes", ledger)


def _family_key(key: str, gpu: GpuType, ledger: Ledger) -> str:
    family = "tpu" if gpu.link_kind == "torus" else gpu.family
    return f"{key}.{family}" if f"{key}.{family}" in ledger.catalog.defaults else f"{key}.other"


def _assumed(default: str, path: str, ledger: Ledger) -> float:
    return ledger.number(path, None, _TOPIC, default=default)


def lower_stack(
    path: str,
    software: str,
    precision: str,
    gpus: list[GpuType],
    *,
    gpu_count: float,
    as_of: str | None,
    gradient_bytes: Figure[float] | None,
    model: ModelDims | None,
    ledger: Ledger,
) -> Stack:
    """What the software of a job does by the date of its fleet, over the pool axis."""
    period = ledger.catalog.stack(software).at(as_of or _NEWEST)

    def stated(name: str, value: float, key: str = "") -> Array:
        figure = Figure(value, source=period.source, note=period.note)
        return array(ledger.fact(key or f"software.{software}.{name}", figure, _TOPIC))

    if gradient_bytes is not None:
        gradient = array(ledger.number(f"{path}.gradient_bytes", gradient_bytes, _TOPIC))
    else:
        width = _HALF_GRADIENT_BYTES if precision == "fp16" else period.gradient_bytes
        gradient = stated("gradient_bytes", width, f"{path}.gradient_bytes")
    flags = {field: stated(f"{name}_share", float(getattr(period, name))) for field, name in _FLAGS.items()}
    return Stack(
        **flags,
        parallel_block_share=array(float(model is not None and model.parallel_block)),
        fsdp_share=array(float(software == FSDP)),
        gradient_byte=gradient,
        loss_byte=stated("loss_bytes", period.loss_bytes),
        age_months=array(*(_age_months(gpu, software, as_of, ledger) for gpu in gpus)),
        slice_count=array(*(_slice_count(gpu, gpu_count) for gpu in gpus)),
    )


_HALF_GRADIENT_BYTES = 2.0  # runs in 16 bits without BF16's range reduce 16-bit gradients
_FLAGS: Final = {
    "flash_share": "fused_attention",
    "tp_overlap_share": "tensor_overlap",
    "cp_overlap_share": "context_overlap",
    "pp_overlap_share": "pipeline_overlap",
    "dp_overlap_share": "data_overlap",
    "tuned_share": "tuned",
}


def _age_months(gpu: GpuType, software: str, as_of: str | None, ledger: Ledger) -> float:
    """Age of a GPU's generation at the date of the fleet; infinite where it does not matter."""
    if gpu.link_kind == "torus" or software == "immature":  # one stack, one compiler; or a factor that has it all
        return float("inf")
    path = f"gpus.{gpu.id}.age_months"
    if as_of is None or gpu.launch_date is None:
        return ledger.number(path, None, _TOPIC, default="predict.undated_months")
    if months_of(as_of) < months_of(gpu.launch_date):
        ledger.remark(
            f"as_of {as_of} is before {gpu.id} was launched in {gpu.launch_date[:7]}: the software is that of as_of",
            _TOPIC,
            kind="warning",
        )
    age = max(months_of(as_of) - months_of(gpu.launch_date), 0.0)
    return ledger.derived(path, age, _TOPIC, note=f"from its launch in {gpu.launch_date[:7]} to as_of")


def _slice_count(gpu: GpuType, gpu_count: float) -> float:
    """TPU slices that the job takes; a slice is as large as a scale-up domain may be."""
    if gpu.link_kind != "torus" or gpu.domain_gpu_count is None:
        return 1.0
    return float(max(1.0, -(-gpu_count // gpu.domain_gpu_count.value)))


def lower_constants(
    calibration: Calibration, gpus: list[GpuType], model: ModelDims | None, ledger: Ledger
) -> Constants:
    """The constants of the model, those told that matter to this job."""
    left_out = _left_out(gpus, model)
    return Constants(
        **{
            name: scalar(
                one.value if name.startswith(left_out) else ledger.fact(f"calibration.{name}", _banded(one), _TOPIC)
            )
            for name, one in calibration.constants().items()
        }
    )


_NINETY = 1.645  # standard deviations of a normal between which nine of ten draws lie


def _banded(one: Constant) -> Figure[float]:
    """A constant with what its standard error leaves open, or its prior where it is held."""
    width = _NINETY * (one.standard_error_log or one.prior_width_log)
    high = one.value * float(np.exp(width))
    return Figure(
        one.value,
        low=one.value * float(np.exp(-width)),
        high=max(min(high, 1.0), one.value) if one.unit == "share" else high,
        source=one.source,
        note=one.note or one.meaning,
    )


_OF_JITTER: Final = ("scale_loss_", "persistent_", "tuned_")


def _left_out(gpus: list[GpuType], model: ModelDims | None) -> tuple[str, ...]:
    if model is None:
        return tuple(name for name in Constants.__dataclass_fields__ if not name.startswith(_OF_JITTER))
    present: Mapping[str, bool] = {
        "experts": model.expert_count is not None,
        "tpu": any(gpu.link_kind == "torus" for gpu in gpus),
        "blackwell": any(gpu.family.startswith("blackwell") for gpu in gpus),
    }
    return tuple(start for what, starts in _ONLY_WITH.items() if not present[what] for start in starts)


def recompute_shares(
    kind: str, gpus: list[GpuType], model: ModelDims | None, ledger: Ledger, *, is_fused: bool, is_fsdp: bool
) -> dict[str, Any]:
    """What is run again: of a layer, of its attention core alone, and 1 where cheap parts are."""
    layer = core = selective = 0.0
    if kind == "full":
        layer = 1.0
    elif kind == "selective":
        what = selective_kind(
            is_tpu=any(gpu.link_kind == "torus" for gpu in gpus),
            has_experts=model is not None and model.expert_count is not None,
            is_fused=is_fused,
            is_fsdp=is_fsdp,
        )
        if what == "core":
            core = 1.0
        else:
            layer = _assumed(f"predict.recompute_layer_share.{what}", f"predict.recompute.{what}_share", ledger)
            selective = float(what in CHEAP_PARTS_KINDS)
    return {
        "recompute_layer_share": scalar(layer),
        "recompute_core_share": scalar(core),
        "selective_share": scalar(selective),
    }


# Of the kinds of selective recompute, those that keep the outputs of products and run the cheap parts again.
CHEAP_PARTS_KINDS: Final = frozenset({"experts", "cheap_parts"})


def selective_kind(*, is_tpu: bool, has_experts: bool, is_fused: bool, is_fsdp: bool) -> str:
    """What selective means, of a fleet or of a measured run.

    Projections on a TPU, every second product in FSDP, the cheap parts of a layer where attention is fused, else its
    core.
    """
    if is_tpu:
        return "tpu"
    if is_fsdp:
        return "fsdp"
    if not is_fused:
        return "core"
    return "experts" if has_experts else "cheap_parts"


def stack_period(software: str, as_of: str | None, ledger: Ledger) -> StackPeriod:
    """What a profile does at a date; without one, what its newest release does."""
    return ledger.catalog.stack(software).at(as_of or _NEWEST)
