"""Training jobs lowered: GPU peaks at the job's precision, model dimensions, layout, network and reliability as arrays.

What the file does not give comes from the catalog's defaults or from a rule that is told in the assumptions.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from colocalc.arrays import Array
from colocalc.calibration import Calibration
from colocalc.case import dimensions, facts
from colocalc.case.calibrated import model_error
from colocalc.case.layout_rule import CutLayout, lower_layout, warn_of_layout
from colocalc.case.ledger import Ledger, array, peak_key, per_type, scalar, wanted_peak
from colocalc.case.network import NetworkArrays, lower_network
from colocalc.case.pools import Pools
from colocalc.errors import quoted
from colocalc.fleet import Fleet, Reliability, Training
from colocalc.hardware import GpuType
from colocalc.mfu import job as mfu_job
from colocalc.mfu import transformer
from colocalc.model import ModelDims
from colocalc.units import text

_TOPIC: Final = "mfu"
_SLACK = "predict.memory_slack_factor"
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
    recompute: str
    ignores_memory: bool
    memory_slack_factor: float


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
    peaks = list(per_type(pools.gpus, lambda gpu: facts.peak_flop_per_s(gpu, precision, ledger)))
    for job in jobs:
        for place, pool in enumerate(job.pool_index):
            peaks[pool] = float(job.arrays.peak_flop_per_s[place])
    return array(*peaks)


def _lower_job(
    path: str, training: Training, index: tuple[int, ...], fleet: Fleet, pools: Pools, ledger: Ledger
) -> TrainingCase:
    gpus = [pools.gpus[i] for i in index]
    precision = ledger.word(f"{path}.precision", training.precision, _TOPIC, default="training.precision")
    software = ledger.word(f"{path}.software", training.software, _TOPIC, default="training.software")
    model = _model(training, ledger)
    count = array(*pools.gpu_count[list(index)])
    layout = _layout(path, training, gpus, model, ledger)
    network = lower_network(fleet, gpus, ledger)
    split = ledger.word(f"{path}.split", training.split, _TOPIC, default="training.split")
    isolation = _isolation(fleet.reliability, ledger)
    calibration = _calibration(path, training, ledger)
    is_computed = _is_computed(training, model)
    period = facts.stack_period(software, fleet.as_of, ledger)
    sequence = ledger.number(f"{path}.sequence_tokens", training.sequence_tokens, _TOPIC)
    arrays = mfu_job.Job(
        gpu_count=count,
        shape_share=array(*(_shape_share(gpu.family, ledger, is_computed=is_computed) for gpu in gpus)),
        failures_per_1000_gpu_day=_failure_rates(path, fleet, index, pools, ledger),
        gpu_power_share=array(*[np.inf] * len(index)),
        chip=facts.lower_chip(gpus, precision, network.nic_byte_per_s, ledger),
        stack=facts.lower_stack(
            path,
            software,
            precision,
            gpus,
            gpu_count=float(np.sum(count)),
            as_of=fleet.as_of,
            gradient_bytes=training.gradient_bytes,
            model=model,
            ledger=ledger,
        ),
        dimensions=facts.lower_dimensions(model, sequence),
        constants=facts.lower_constants(calibration, gpus, model, ledger),
        **_model_arrays(path, training, model, sequence, ledger),
        **_layout_arrays(layout),
        **facts.recompute_shares(layout.recompute, gpus, model, ledger, is_fused=period.fused_attention),
        **_assumed(path, training, software, ledger, is_computed=is_computed),
        model_error_factor=scalar(model_error(path, calibration, gpus, count, precision, model, ledger)),
        **_reliability(fleet.reliability, ledger),
        **_network_arrays(network),
        measured=_measured(path, training, ledger),
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
        recompute=layout.recompute,
        ignores_memory=training.ignore_memory,
        memory_slack_factor=ledger.number(_SLACK, None, _TOPIC, default=_SLACK),
    )


def _layout(path: str, training: Training, gpus: list[GpuType], model: ModelDims | None, ledger: Ledger) -> CutLayout:
    """The layout of a job, with what a reader should know of it."""
    layout = lower_layout(path, training, gpus, model, ledger)
    warn_of_layout(path, layout, gpus, model, ledger)
    return layout


def _is_computed(training: Training, model: ModelDims | None) -> bool:
    """Without a model, a sequence and a batch no stage of compute can be worked out, and shares are assumed."""
    return model is not None and training.sequence_tokens is not None and training.global_batch_tokens is not None


def _calibration(path: str, training: Training, ledger: Ledger) -> Calibration:
    """The constants of the step-time model: those of the job's own file, or of the option, else those that ship."""
    if training.calibration is not None:
        ledger.record(f"{path}.calibration", training.calibration, _TOPIC, origin="given")
    if ledger.catalog.given_calibration is not None:
        named = f" (not {quoted(training.calibration)})" if training.calibration else ""
        ledger.remark(f"{path}: with the calibration given on the command line{named}", _TOPIC)
    return ledger.catalog.calibration_of(training.calibration)


def _shape_share(family: str, ledger: Ledger, *, is_computed: bool) -> float:
    """What the shapes of a job reach of the best product, where that cannot be computed."""
    if is_computed:
        return float("nan")
    kind = family if f"mfu.shape_share.{family}" in ledger.catalog.defaults else "other"
    return ledger.number(f"mfu.shape_share.{kind}_share", None, _TOPIC, default=f"mfu.shape_share.{kind}")


def _model(training: Training, ledger: Ledger) -> ModelDims | None:
    if isinstance(training.model, str):
        return ledger.catalog.model(training.model)
    return training.model


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


def _model_arrays(
    path: str, training: Training, model: ModelDims | None, sequence: float, ledger: Ledger
) -> dict[str, Any]:
    batch = ledger.number(f"{path}.global_batch_tokens", training.global_batch_tokens, _TOPIC)
    convention = ledger.word(
        f"{path}.attention_flops", training.attention_flops, _TOPIC, default="training.attention_flops"
    )
    if model is None:
        found = dict.fromkeys(("counted_flop_per_token", "flop_per_token"), scalar(float("nan")))
        ledger.remark("no training.model: stages that need its dimensions are left out unless measured", _TOPIC)
    else:
        found = _flop_per_token(model, sequence, convention)
        _tell_of_model(path, model, ledger)
    return {**found, "global_batch_tokens": scalar(batch)}


def _tell_of_model(path: str, model: ModelDims, ledger: Ledger) -> None:
    label = model.name or "model"
    ledger.record(f"{path}.model", model.title or label, _TOPIC, origin="given", figure=model)
    count = float(dimensions.parameter_count(model))
    ledger.derived(f"{path}.parameter_count", count, _TOPIC, note=f"from the dimensions of {label}")
    if model.expert_count is not None:
        ledger.derived(
            f"{path}.active_parameter_count",
            float(dimensions.matmul_parameter_count(model)),
            _TOPIC,
            note=f"from the dimensions of {label}: what one token is multiplied by",
        )
        ledger.remark(f"{label}: experts are taken to be evenly loaded", _TOPIC)


def _flop_per_token(model: ModelDims, sequence: float, convention: str) -> dict[str, Any]:
    matmul = dimensions.matmul_parameter_count(model)
    by_convention = {
        name: dimensions.attention_flop_per_token(model, sequence_tokens=sequence, causal_share=share)
        for name, share in _CAUSAL_SHARES.items()
    }
    attention = {
        "counted_flop_per_token": by_convention.get(convention, 0.0),
        "flop_per_token": by_convention["causal"],
    }
    return {
        name: scalar(float(transformer.flop_per_token(matmul_parameter_count=matmul, attention_flop_per_token=flop)))
        for name, flop in attention.items()
    }


def _layout_arrays(layout: CutLayout) -> dict[str, Any]:
    return {
        "tp_count": scalar(layout.tp),
        "pp_count": scalar(layout.pp),
        "vpp_count": scalar(layout.vpp),
        "cp_count": scalar(layout.cp),
        "ep_count": scalar(layout.ep),
        "micro_batch_count": scalar(layout.micro_batch),
        "schedule_factor": scalar(layout.schedule_factor),
        "sequence_parallel_share": scalar(float(layout.sequence_parallel)),
        "dp_shard_count": scalar(layout.dp_shard_count),
    }


def _assumed(path: str, training: Training, software: str, ledger: Ledger, *, is_computed: bool) -> dict[str, Any]:
    def one(key: str, default: str) -> Array:
        return scalar(ledger.number(key, None, _TOPIC, default=default))

    def assumed(name: str) -> Array:
        return scalar(float("nan")) if is_computed else one(f"mfu.{name}", f"mfu.{name}")

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
        "memory_bound_share": assumed("memory_bound_share"),
        "stage_imbalance_share": assumed("stage_imbalance_share"),
        "power_exponent_factor": one("mfu.power_exponent_factor", "mfu.power_exponent_factor"),
        "software_factor": one(f"software.{software}_factor", f"software.{software}_factor"),
        "allocation_share": scalar(allocation),
    }


def _measured(path: str, training: Training, ledger: Ledger) -> dict[str, Array]:
    return {
        name.removesuffix("_factor"): scalar(ledger.number(f"{path}.measured.{name}", figure, _TOPIC))
        for name, figure in training.measured.items()
    }


def _isolation(given: Reliability | None, ledger: Ledger) -> str:
    key = "reliability.isolation"
    return ledger.word(key, given.isolation if given else None, _TOPIC, default=key)


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
        "pod_gpu_count": network.pod_gpu_count,
        "oversubscription_factor": network.oversubscription_factor,
        "flat_collective_count": network.flat_collective_count,
        "links": network.links,
        "algorithm": network.algorithm,
        "flat": network.flat,
    }
