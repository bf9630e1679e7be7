"""Inference lowered: what a model weighs and reads, what a request asks for, and what each pool's GPU can do."""

from dataclasses import dataclass
from typing import Final

from colocalc.arrays import Array
from colocalc.case import dimensions
from colocalc.case.ledger import Ledger, peak_key, per_type, scalar
from colocalc.case.pools import Pools
from colocalc.fleet import Fleet
from colocalc.hardware import GpuType
from colocalc.model import ModelDims
from colocalc.serving import Inference
from colocalc.units import BITS_PER_BYTE, BYTES_PER_GBYTE, BYTES_PER_TBYTE, FLOPS_PER_TFLOPS

_TOPIC: Final = "inference"
_FORWARD_SHARE = 1.0 / 3.0  # of training's arithmetic: the backward pass costs twice the forward pass


@dataclass(frozen=True, eq=False)
class InferenceCase:
    """A model served on every pool: arrays ``(...,)``, and ``(..., pool)`` for what is of a GPU.

    ``replica_gpu_count`` is NaN where it is to be found. ``expert_count`` is 0 for a dense model.
    """

    model: str
    precision: str
    tenancy: str
    weight_byte: Array
    expert_weight_byte: Array
    expert_count: Array
    topk_count: Array
    layer_count: Array
    hidden_dim: Array
    kv_dim: Array
    kv_bytes: Array
    window_layer_count: Array
    attention_window_tokens: Array
    matmul_flop_per_token: Array
    prompt_attention_flop_per_token: Array
    key_flop_per_token: Array
    context_tokens: Array
    prompt_tokens: Array
    output_tokens: Array
    replica_gpu_count: Array
    utilization_share: Array
    compute_share: Array
    bandwidth_share: Array
    memory_share: Array
    weight_memory_share: Array
    collective_start_s: Array
    activation_bytes: Array
    input_token_share: Array
    jitter_sigma_share: Array
    peak_flop_per_s: Array
    hbm_byte: Array
    hbm_byte_per_s: Array
    domain_gpu_count: Array
    scale_up_byte_per_s: Array
    nic_byte_per_s: Array


def lower_inference(fleet: Fleet, pools: Pools, ledger: Ledger) -> InferenceCase | None:
    """What a tenant serves; None when the file does not say."""
    given = fleet.inference
    if given is None:
        return None
    model = ledger.catalog.model(given.model) if isinstance(given.model, str) else given.model
    ledger.record("inference.model", model.title or model.name or "model", _TOPIC, origin="given", figure=model)
    precision = ledger.word("inference.precision", given.precision, _TOPIC, default="inference.precision")
    prompt, output = (_taken(given, name, ledger) for name in ("prompt_tokens", "output_tokens"))
    context = _context(given, prompt, output, ledger)
    return InferenceCase(
        model=model.name or "the model",
        precision=precision,
        tenancy=(tenancy := _tenancy(fleet, ledger)),
        **_of_model(model, precision, prompt, context, ledger),
        context_tokens=scalar(context),
        prompt_tokens=scalar(prompt),
        output_tokens=scalar(output),
        replica_gpu_count=scalar(_replica(given, ledger)),
        utilization_share=scalar(_taken(given, "utilization_share", ledger)),
        **{name: scalar(_assumed(f"inference.{name}", ledger)) for name in _ASSUMED},
        jitter_sigma_share=scalar(_assumed(f"inference.jitter.{tenancy}_share", ledger)),
        **_of_gpus(pools, precision, ledger),
    )


_ASSUMED: Final = (
    "compute_share",
    "bandwidth_share",
    "memory_share",
    "weight_memory_share",
    "collective_start_s",
    "activation_bytes",
    "input_token_share",
)


def _taken(given: Inference, name: str, ledger: Ledger) -> float:
    return ledger.number(f"inference.{name}", getattr(given, name), _TOPIC, default=f"inference.{name}")


def _assumed(key: str, ledger: Ledger) -> float:
    return ledger.number(key, None, _TOPIC, default=key)


def _context(given: Inference, prompt: float, output: float, ledger: Ledger) -> float:
    if given.context_tokens is not None:
        return ledger.number("inference.context_tokens", given.context_tokens, _TOPIC)
    note = "the prompt and half the output: the mean while the output grows"
    return ledger.derived("inference.context_tokens", prompt + output / 2.0, _TOPIC, note=note)


def _replica(given: Inference, ledger: Ledger) -> float:
    if given.replica_gpu_count is None or isinstance(given.replica_gpu_count, str):
        ledger.word(
            "inference.replica_gpu_count", given.replica_gpu_count, _TOPIC, default="inference.replica_gpu_count"
        )
        return float("nan")
    return ledger.number("inference.replica_gpu_count", given.replica_gpu_count, _TOPIC)


def _tenancy(fleet: Fleet, ledger: Ledger) -> str:
    """One tenant or several; contracts that differ are several."""
    if fleet.contracts:
        words = {one.tenancy for one in fleet.contracts}
        several = len(words) > 1 or words == {"multiple"}
        return "multiple" if several else ledger.word("lease.tenancy", None, _TOPIC, default="lease.tenancy")
    return ledger.word("lease.tenancy", fleet.lease.tenancy if fleet.lease else None, _TOPIC, default="lease.tenancy")


def _of_model(model: ModelDims, precision: str, prompt: float, context: float, ledger: Ledger) -> dict[str, Array]:
    width = _operand_bytes(precision, ledger)
    every, expert = float(dimensions.parameter_count(model)), float(dimensions.expert_parameter_count(model))
    window = model.attention_window_tokens or float("inf")
    attention = {
        "prompt": dimensions.attention_flop_per_token(model, sequence_tokens=prompt, causal_share=1.0),
        # A token that is made meets every key of its sequence: none is masked.
        "context": dimensions.attention_flop_per_token(model, sequence_tokens=context, causal_share=0.0),
    }
    ledger.derived("inference.parameter_count", every, _TOPIC, note="from the dimensions of the model served")
    values = {
        "weight_byte": every * width,
        "expert_weight_byte": expert * width,
        "expert_count": model.expert_count or 0.0,
        "topk_count": model.active_expert_count or 0.0,
        "layer_count": model.layer_count,
        "hidden_dim": model.hidden_dim,
        "kv_dim": dimensions.kv_dim(model),
        "kv_bytes": _assumed(f"inference.kv.{precision}_bytes", ledger),
        "window_layer_count": model.window_layer_count or 0.0,
        "attention_window_tokens": window,
        "matmul_flop_per_token": 2.0 * float(dimensions.matmul_parameter_count(model)),
        "prompt_attention_flop_per_token": float(attention["prompt"]) * _FORWARD_SHARE,
        "key_flop_per_token": float(attention["context"]) * _FORWARD_SHARE,
    }
    return {name: scalar(value) for name, value in values.items()}


def _operand_bytes(precision: str, ledger: Ledger) -> float:
    return ledger.number(
        f"predict.{precision}_operand_bytes", None, _TOPIC, default=f"predict.operand_bytes.{precision}"
    )


def _of_gpus(pools: Pools, precision: str, ledger: Ledger) -> dict[str, Array]:
    facts = {
        "peak_flop_per_s": lambda gpu: _peak(gpu, precision, ledger),
        "hbm_byte": lambda gpu: _fact(gpu, "hbm_gbyte", ledger) * BYTES_PER_GBYTE,
        "hbm_byte_per_s": lambda gpu: _fact(gpu, "hbm_tbyte_per_s", ledger) * BYTES_PER_TBYTE,
        "domain_gpu_count": lambda gpu: _or_usual(gpu, "domain_gpu_count", ledger),
        "scale_up_byte_per_s": lambda gpu: _or_usual(gpu, "scale_up_gbyte_per_s", ledger) * BYTES_PER_GBYTE,
        "nic_byte_per_s": lambda gpu: _or_usual(gpu, "nic_gbit_per_s", ledger) * BYTES_PER_GBYTE / BITS_PER_BYTE,
    }
    return {name: per_type(pools.gpus, fact) for name, fact in facts.items()}


def _peak(gpu: GpuType, precision: str, ledger: Ledger) -> float:
    key = peak_key(gpu.peak_tflop_per_s, precision)
    if key is None:
        return float("nan")
    if key not in {precision, precision.removeprefix("mx"), precision.removeprefix("nv")}:
        ledger.remark(f"{gpu.id} has no {precision} peak: it serves at its {key} peak", _TOPIC)
    path = f"gpus.{gpu.id}.peak_{key}_tflop_per_s"
    return ledger.fact(path, gpu.peak_tflop_per_s[key], _TOPIC) * FLOPS_PER_TFLOPS  # type: ignore[index]


def _fact(gpu: GpuType, name: str, ledger: Ledger) -> float:
    return ledger.fact(f"gpus.{gpu.id}.{name}", getattr(gpu, name), _TOPIC)


def _or_usual(gpu: GpuType, name: str, ledger: Ledger) -> float:
    if getattr(gpu, name) is None:
        return ledger.number(f"gpus.{gpu.id}.{name}", None, _TOPIC, default=f"predict.{name}.other")
    return _fact(gpu, name, ledger)
