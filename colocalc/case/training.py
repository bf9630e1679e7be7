"""Training jobs lowered: GPU peaks at the job's precision, model dimensions, layout, network and reliability as arrays.

What the file does not give comes from the catalog's defaults or from a rule that is told in the assumptions.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from colocalc.arrays import Array
from colocalc.case import dimensions
from colocalc.case.layout_rule import CutLayout, lower_layout, warn_of_layout
from colocalc.case.ledger import Ledger, array, peak_key, per_type, scalar, wanted_peak
from colocalc.case.network import NetworkArrays, lower_network
from colocalc.case.pools import Pools
from colocalc.fleet import Fleet, Reliability, Training
from colocalc.hardware import GpuType
from colocalc.mfu import job as mfu_job
from colocalc.mfu import transformer
from colocalc.mfu.ceiling import ceiling_share
from colocalc.model import ModelDims
from colocalc.units import BYTES_PER_GBYTE, FLOPS_PER_TFLOPS, text

_TOPIC: Final = "mfu"
_DIMENSIONS = (
    "layer_count",
    "hidden_dim",
    "kv_dim",
    "parameter_count",
    "counted_flop_per_token",
    "flop_per_token",
    "attention_flop_per_token",
)
_CAUSAL_SHARES = {"causal": 1.0, "full": 0.0}  # by convention; "none" counts no attention at all


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """One job: its name, which pools it runs on, and the arrays of the step model."""

    name: str
    pool_index: tuple[int, ...]
    arrays: mfu_job.Job
    precision: str
    peak_precision: str
    peak_precisions: tuple[str, ...]
    split: str
    isolation: str


def lower_jobs(fleet: Fleet, pools: Pools, ledger: Ledger) -> tuple[TrainingCase, ...]:
    """Every training job of a fleet; ``training`` runs on all pools."""
    if fleet.training is not None:
        return (_lower_job("training", fleet.training, tuple(range(len(pools.names))), fleet, pools, ledger),)
    places = {name: place for place, name in enumerate(pools.names)}
    return tuple(
        _lower_job(f"jobs.{job.name}", job, tuple(places[name] for name in job.pools), fleet, pools, ledger)
        for job in fleet.jobs
    )


def pool_peaks(pools: Pools, jobs: tuple[TrainingCase, ...], ledger: Ledger) -> Array:
    """Dense peak of one GPU of each pool [FLOP/s]: at its job's precision, for a pool in no job at the first job's."""
    precision = jobs[0].precision if jobs else str(ledger.catalog.default("training.precision").value)
    peaks = list(per_type(pools.gpus, lambda gpu: _speeds(gpu, precision, ledger)[0]))
    for job in jobs:
        for place, pool in enumerate(job.pool_index):
            peaks[pool] = float(job.arrays.peak_flop_per_s[place])
    return array(*peaks)


def _lower_job(
    path: str, training: Training, index: tuple[int, ...], fleet: Fleet, pools: Pools, ledger: Ledger
) -> TrainingCase:
    gpus = [pools.gpus[i] for i in index]
    precision = ledger.word(f"{path}.precision", training.precision, _TOPIC, default="training.precision")
    model = _model(training, ledger)
    count = array(*pools.gpu_count[list(index)])
    layout = lower_layout(path, training, gpus, model, ledger)
    warn_of_layout(path, training, layout, gpus, model, ledger)
    network = lower_network(fleet, gpus, ledger)
    split = ledger.word(f"{path}.split", training.split, _TOPIC, default="training.split")
    isolation = ledger.word(
        "reliability.isolation",
        fleet.reliability.isolation if fleet.reliability else None,
        _TOPIC,
        default="reliability.isolation",
    )
    arrays = mfu_job.Job(
        gpu_count=count,
        **_gpu_arrays(gpus, precision, ledger),
        failures_per_1000_gpu_day=_failure_rates(path, fleet, index, pools, ledger),
        gpu_power_share=array(*[np.inf] * len(index)),
        **_model_arrays(path, training, model, ledger),
        block_collective_factor=scalar(_block_collectives(model, ledger)),
        **_layout_arrays(layout),
        **_assumed(path, training, ledger),
        **_reliability(fleet.reliability, ledger),
        **_network_arrays(network),
        measured={
            name.removesuffix("_factor"): scalar(ledger.number(f"{path}.measured.{name}", figure, _TOPIC))
            for name, figure in training.measured.items()
        },
        split=split,
        isolation=isolation,
        zero_stage=layout.zero_stage,
    )
    return TrainingCase(
        name=path.removeprefix("jobs."),
        pool_index=index,
        arrays=arrays,
        precision=precision,
        peak_precision=wanted_peak(precision),
        peak_precisions=tuple(peak_key(gpu.peak_tflop_per_s, precision) or "" for gpu in gpus),
        split=split,
        isolation=isolation,
    )


def _model(training: Training, ledger: Ledger) -> ModelDims | None:
    if isinstance(training.model, str):
        return ledger.catalog.model(training.model)
    return training.model


def _block_collectives(model: ModelDims | None, ledger: Ledger) -> float:
    """Tensor-parallel collectives of a block over those of one whose attention and MLP follow each other."""
    if model is None or not model.parallel_block:
        return 1.0
    return ledger.number("mfu.parallel_block_factor", None, _TOPIC, default="mfu.parallel_block_factor")


def _gpu_arrays(gpus: list[GpuType], precision: str, ledger: Ledger) -> dict[str, Any]:
    def column(name: str, scale: float) -> Array:
        return per_type(gpus, lambda gpu: ledger.fact(f"gpus.{gpu.id}.{name}", getattr(gpu, name), _TOPIC) * scale)

    speeds = {gpu.id: _speeds(gpu, precision, ledger) for gpu in {gpu.id: gpu for gpu in gpus}.values()}
    peaks, ceilings, shapes = (array(*column) for column in zip(*(speeds[gpu.id] for gpu in gpus), strict=True))
    return {
        "peak_flop_per_s": peaks,
        "ceiling_share": ceilings,
        "shape_share": shapes,
        "scale_up_byte_per_s": column("scale_up_gbyte_per_s", BYTES_PER_GBYTE),
        "domain_gpu_count": column("domain_gpu_count", 1.0),
        "node_gpu_count": column("node_gpu_count", 1.0),
        "hbm_byte": column("hbm_gbyte", BYTES_PER_GBYTE),
    }


def _speeds(gpu: GpuType, precision: str, ledger: Ledger) -> tuple[float, float, float]:
    """Peak, ceiling and shape share of one GPU type at the job's precision."""
    key = peak_key(gpu.peak_tflop_per_s, precision)
    if key is None:  # references.py refuses such a fleet; a GPU without any usable peak has no MFU
        return (float("nan"),) * 3
    wanted = wanted_peak(precision)
    if key != wanted:
        ledger.remark(
            f"{gpu.id} has no {wanted} peak: its work and its part of the denominator are at {key} "
            "(a peak of another precision)",
            _TOPIC,
            kind="warning",
        )
    peak = ledger.fact(f"gpus.{gpu.id}.peak_{key}_tflop_per_s", gpu.peak_tflop_per_s[key], _TOPIC)  # type: ignore[index]
    best = gpu.best_matmul_tflop_per_s.get(key)  # type: ignore[call-overload]
    if best is not None:
        measured = ledger.fact(f"gpus.{gpu.id}.best_matmul_{key}_tflop_per_s", best, _TOPIC)
        ceiling = float(ceiling_share(best_matmul_flop_per_s=measured, peak_flop_per_s=peak))
    else:
        ceiling = ledger.number(f"gpus.{gpu.id}.ceiling_share", None, _TOPIC, default="mfu.ceiling_share.other")
    family = gpu.family if f"mfu.shape_share.{gpu.family}" in ledger.catalog.defaults else "other"
    shape = ledger.number(f"mfu.shape_share.{family}_share", None, _TOPIC, default=f"mfu.shape_share.{family}")
    return peak * FLOPS_PER_TFLOPS, ceiling, shape


_NEAR = 1.5  # how near a fleet stands to the size at which the assumed failure rate changes, to be told so


def _failure_rates(path: str, fleet: Fleet, index: tuple[int, ...], pools: Pools, ledger: Ledger) -> Array:
    given = fleet.reliability.failures_per_1000_gpu_day if fleet.reliability else None
    threshold = float(ledger.catalog.default("reliability.failures_per_1000_gpu_day.threshold_gpu_count").value)
    count = float(np.sum(pools.gpu_count[list(index)]))
    size = "small" if count < threshold else "large"
    # Jobs of different size may assume different rates: each is told under its job.
    key = "reliability.failures_per_1000_gpu_day"
    shared = key if given is not None or not fleet.jobs else f"{path}.{key}"
    if given is None and threshold / _NEAR <= count <= threshold * _NEAR:
        ledger.remark(
            f"{path}: no failure rate is given; that of {size} jobs is assumed, which "
            f"changes at {text(threshold, 'count')} GPUs",
            _TOPIC,
        )
    rates = []
    for i in index:
        own = pools.definitions[i].reliability
        if own is not None:
            rates.append(ledger.number(f"pools.{pools.names[i]}.{key}", own.failures_per_1000_gpu_day, _TOPIC))
        else:
            rates.append(
                ledger.number(
                    shared,
                    given,
                    _TOPIC,
                    default=f"reliability.failures_per_1000_gpu_day.{size}",
                )
            )
    return array(*rates)


def _model_arrays(path: str, training: Training, model: ModelDims | None, ledger: Ledger) -> dict[str, Any]:
    sequence = ledger.number(f"{path}.sequence_tokens", training.sequence_tokens, _TOPIC)
    batch = ledger.number(f"{path}.global_batch_tokens", training.global_batch_tokens, _TOPIC)
    convention = ledger.word(
        f"{path}.attention_flops", training.attention_flops, _TOPIC, default="training.attention_flops"
    )
    if model is None:
        missing = scalar(float("nan"))
        names = _DIMENSIONS
        found = dict.fromkeys(names, missing)
        ledger.remark("no training.model: stages that need its dimensions are left out unless measured", _TOPIC)
    else:
        found = _dimensions(model, sequence, convention)
        label = model.name or "model"
        ledger.record(f"{path}.model", model.title or label, _TOPIC, origin="given", figure=model)
        ledger.derived(
            f"{path}.parameter_count",
            float(found["parameter_count"]),
            _TOPIC,
            note=f"from the dimensions of {label}",
        )
        if model.expert_count is not None:
            _tell_of_experts(path, model, label, ledger)
    return {**found, "sequence_tokens": scalar(sequence), "global_batch_tokens": scalar(batch)}


def _tell_of_experts(path: str, model: ModelDims, label: str, ledger: Ledger) -> None:
    ledger.derived(
        f"{path}.active_parameter_count",
        float(dimensions.matmul_parameter_count(model)),
        _TOPIC,
        note=f"from the dimensions of {label}: what one token is multiplied by",
    )
    ledger.remark(
        f"{label}: expert parallelism is not modelled yet: every replica holds all experts, evenly loaded, and no "
        "all-to-all sends tokens to them",
        _TOPIC,
        kind="warning",
    )


def _dimensions(model: ModelDims, sequence: float, convention: str) -> dict[str, Any]:
    matmul = dimensions.matmul_parameter_count(model)
    by_convention = {
        name: dimensions.attention_flop_per_token(model, sequence_tokens=sequence, causal_share=share)
        for name, share in _CAUSAL_SHARES.items()
    }
    executed = by_convention["causal"]
    found: dict[str, Any] = {
        "layer_count": model.layer_count,
        "hidden_dim": model.hidden_dim,
        "kv_dim": dimensions.kv_dim(model),
        "parameter_count": dimensions.parameter_count(model),
        "counted_flop_per_token": transformer.flop_per_token(
            matmul_parameter_count=matmul, attention_flop_per_token=by_convention.get(convention, 0.0)
        ),
        "flop_per_token": transformer.flop_per_token(matmul_parameter_count=matmul, attention_flop_per_token=executed),
        "attention_flop_per_token": executed,
    }
    return {name: scalar(float(value)) for name, value in found.items()}


def _layout_arrays(layout: CutLayout) -> dict[str, Any]:
    return {
        "tp_count": scalar(layout.tp),
        "pp_count": scalar(layout.pp),
        "vpp_count": scalar(layout.vpp),
        "cp_count": scalar(layout.cp),
        "micro_batch_count": scalar(layout.micro_batch),
        "schedule_factor": scalar(layout.schedule_factor),
        "recompute_full_share": scalar(float(layout.recompute == "full")),
        "recompute_selective_share": scalar(float(layout.recompute == "selective")),
        "dp_shard_count": scalar(layout.dp_shard_count),
    }


def _assumed(path: str, training: Training, ledger: Ledger) -> dict[str, Any]:
    def one(key: str, default: str) -> Array:
        return scalar(ledger.number(key, None, _TOPIC, default=default))

    software = ledger.word(f"{path}.software", training.software, _TOPIC, default="training.software")
    width = ledger.number(f"{path}.gradient_bytes", training.gradient_bytes, _TOPIC, default="training.gradient_bytes")
    allocation = ledger.number(
        f"{path}.allocation_share", training.allocation_share, _TOPIC, default="training.allocation_share"
    )
    interval = training.outer_sync_interval_steps
    if interval is not None and interval.value > 1.0:
        ledger.remark(
            f"outer_sync_interval_steps {text(interval.value, 'count')} is read but not used yet: "
            "the step is computed as fully synchronous",
            _TOPIC,
            kind="warning",
        )
    return {
        "gradient_bytes": scalar(width),
        "weight_bytes": one("training.weight_bytes", "training.weight_bytes"),
        "activation_bytes": one("training.activation_bytes", "training.activation_bytes"),
        "memory_bound_share": one("mfu.memory_bound_share", "mfu.memory_bound_share"),
        "stage_imbalance_share": one("mfu.stage_imbalance_share", "mfu.stage_imbalance_share"),
        "overlap_share": one("mfu.overlap_share", "mfu.overlap_share"),
        "node_sigma_share": one("mfu.node_sigma_share", "mfu.node_sigma_share"),
        "power_exponent_factor": one("mfu.power_exponent_factor", "mfu.power_exponent_factor"),
        "software_factor": one(f"software.{software}_factor", f"software.{software}_factor"),
        "allocation_share": scalar(allocation),
    }


def _reliability(given: Reliability | None, ledger: Ledger) -> dict[str, Any]:
    def one(name: str) -> Array:
        figure = getattr(given, name) if given else None
        return scalar(ledger.number(f"reliability.{name}", figure, _TOPIC, default=f"reliability.{name}"))

    names = ("restart_s", "replica_stall_s", "hot_spare_stall_s", "replica_repair_s", "checkpoint_s")
    interval = given.checkpoint_interval_s if given else None
    if interval is None or isinstance(interval, str):
        ledger.word("reliability.checkpoint_interval_s", interval, _TOPIC, default="reliability.checkpoint_interval_s")
        seconds = float("nan")
    else:
        seconds = ledger.number("reliability.checkpoint_interval_s", interval, _TOPIC)
    return {name: one(name) for name in names} | {"checkpoint_interval_s": scalar(seconds)}


def _network_arrays(network: NetworkArrays) -> dict[str, Any]:
    return {
        "nic_byte_per_s": network.nic_byte_per_s,
        "pod_gpu_count": network.pod_gpu_count,
        "oversubscription_factor": network.oversubscription_factor,
        "flat_collective_count": network.flat_collective_count,
        "scale_up_efficiency_share": network.scale_up_efficiency_share,
        "scale_out_efficiency_share": network.scale_out_efficiency_share,
        "links": network.links,
        "algorithm": network.algorithm,
        "flat": network.flat,
    }
