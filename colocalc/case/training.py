"""Training jobs lowered: GPU peaks at the job's precision, model dimensions, layout, network and reliability as arrays.

What the file does not give comes from the catalog's defaults or from a rule that is told in the assumptions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from colocalc.arrays import Array
from colocalc.calibration import Calibration
from colocalc.case import dimensions, facts
from colocalc.case.calibrated import model_error
from colocalc.case.layout_rule import CutLayout, lower_layout, warn_of_layout
from colocalc.case.ledger import Ledger, array, peak_key, per_type, scalar, wanted_peak
from colocalc.case.network import NetworkArrays, lower_network
from colocalc.case.pools import Pools
from colocalc.case.reliability import failure_rates, lower_reliability
from colocalc.errors import quoted
from colocalc.fleet import Fleet, Training
from colocalc.hardware import GpuType
from colocalc.mfu import job as mfu_job
from colocalc.mfu import transformer
from colocalc.mfu.predict.facts import Stack
from colocalc.model import ModelDims
from colocalc.stack import FSDP
from colocalc.units import text

if TYPE_CHECKING:
    from colocalc.case.layout_search import Question

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


@dataclass(frozen=True)
class _Words:
    """What a job says in words, and its model and layout."""

    precision: str
    software: str
    split: str
    isolation: str
    model: ModelDims | None
    layout: CutLayout


def _lower_job(
    path: str, training: Training, index: tuple[int, ...], fleet: Fleet, pools: Pools, ledger: Ledger
) -> TrainingCase:
    gpus = [pools.gpus[i] for i in index]
    words = _words(path, training, gpus, array(*pools.gpu_count[list(index)]), fleet, ledger)
    peaks = {gpu.id: peak_key(gpu.peak_tflop_per_s, words.precision) or "" for gpu in gpus}
    return TrainingCase(
        name=path.removeprefix("jobs."),
        pool_index=index,
        arrays=_arrays(path, training, index, words, fleet, pools, ledger),
        precision=words.precision,
        peak_precision=wanted_peak(words.precision),
        peak_precisions=tuple(peaks[gpu.id] for gpu in gpus),
        split=words.split,
        isolation=words.isolation,
        recompute=words.layout.recompute,
        ignores_memory=training.ignore_memory,
        memory_slack_factor=ledger.number(_SLACK, None, _TOPIC, default=_SLACK),
    )


def _words(path: str, training: Training, gpus: list[GpuType], count: Array, fleet: Fleet, ledger: Ledger) -> _Words:
    model = _model(training, ledger)
    layout = lower_layout(
        path, training, gpus, model, ledger, asked=lambda: _asked(path, training, fleet, gpus, count, ledger)
    )
    warn_of_layout(path, layout, [gpu for gpu, one in zip(gpus, count, strict=True) if one > 0.0], model, ledger)
    own = fleet.reliability.isolation if fleet.reliability else None
    kinds = {gpu.id for gpu, one in zip(gpus, count, strict=True) if one > 0.0}
    if training.split is None and len(kinds) > 1:
        told = "no split given: every GPU gets the same work, and the faster ones wait"
        ledger.remark(f"{path}: {told}; `split: proportional` shares it out by speed", _TOPIC)
    return _Words(
        precision=ledger.word(f"{path}.precision", training.precision, _TOPIC, default="training.precision"),
        software=ledger.word(f"{path}.software", training.software, _TOPIC, default="training.software"),
        split=ledger.word(f"{path}.split", training.split, _TOPIC, default="training.split"),
        isolation=ledger.word("reliability.isolation", own, _TOPIC, default="reliability.isolation"),
        model=model,
        layout=layout,
    )


def _arrays(
    path: str,
    training: Training,
    index: tuple[int, ...],
    words: _Words,
    fleet: Fleet,
    pools: Pools,
    ledger: Ledger,
) -> mfu_job.Job:
    gpus, model, layout = [pools.gpus[i] for i in index], words.model, words.layout
    count = array(*pools.gpu_count[list(index)])
    network = ledger.unmoved(f"{path}.network", lambda: lower_network(fleet, gpus, ledger))
    # Without a model, a sequence and a batch no stage of compute can be worked out, and shares are assumed.
    given = (model, training.sequence_tokens, training.global_batch_tokens)
    is_computed = all(one is not None for one in given)
    sequence = ledger.number(f"{path}.sequence_tokens", training.sequence_tokens, _TOPIC)
    calibration = _calibration(path, training, ledger)
    nic = network.nic_byte_per_s
    return mfu_job.Job(
        gpu_count=count,
        shape_share=array(*(_shape_share(gpu.family, ledger, is_computed=is_computed) for gpu in gpus)),
        failures_per_1000_gpu_day=failure_rates(path, fleet, index, pools, ledger),
        gpu_power_share=array(*[np.inf] * len(index)),
        smoothing_factor=array(*[1.0] * len(index)),
        chip=ledger.unmoved(f"{path}.chip", lambda: facts.lower_chip(gpus, words.precision, nic, ledger), nic),
        stack=ledger.unmoved(
            f"{path}.stack",
            lambda: _stack(path, training, gpus, float(np.sum(count)), words, fleet, ledger),
            pools.gpu_count,
        ),
        constants=ledger.unmoved(f"{path}.constants", lambda: facts.lower_constants(calibration, gpus, model, ledger)),
        **ledger.unmoved(f"{path}.model", lambda: _model_arrays(path, training, model, sequence, ledger), sequence),
        **_layout_arrays(layout),
        **_recompute(words, gpus, fleet, ledger),
        **_assumed(path, training, words.software, ledger, is_computed=is_computed),
        model_error_factor=ledger.unmoved(
            f"{path}.model_error",
            lambda: scalar(
                model_error(path, calibration, gpus, count, words.precision, model if is_computed else None, ledger)
            ),
            pools.gpu_count,
        ),
        **ledger.unmoved("reliability", lambda: lower_reliability(fleet.reliability, ledger)),
        **_network_arrays(network),
        measured={
            name.removesuffix("_factor"): scalar(ledger.number(f"{path}.measured.{name}", figure, _TOPIC))
            for name, figure in training.measured.items()
        },
        split=words.split,
        isolation=words.isolation,
        zero_stage=layout.zero_stage,
    )


def _stack(
    path: str,
    training: Training,
    gpus: list[GpuType],
    gpu_count: float,
    words: _Words,
    fleet: Fleet,
    ledger: Ledger,
) -> Stack:
    return facts.lower_stack(
        path,
        words.software,
        words.precision,
        gpus,
        gpu_count=gpu_count,
        as_of=fleet.as_of,
        gradient_bytes=training.gradient_bytes,
        model=words.model,
        ledger=ledger,
    )


def _recompute(words: _Words, gpus: list[GpuType], fleet: Fleet, ledger: Ledger) -> dict[str, Any]:
    is_fused = facts.stack_period(words.software, fleet.as_of, ledger).fused_attention
    return facts.recompute_shares(
        words.layout.recompute, gpus, words.model, ledger, is_fused=is_fused, is_fsdp=words.software == FSDP
    )


def _asked(
    path: str, training: Training, fleet: Fleet, gpus: list[GpuType], count: Array, ledger: Ledger
) -> "Question | str":
    """What a search for the layout of a job has to know."""
    from colocalc.case import layout_search

    model = _model(training, ledger)
    if model is None:
        return "needs training.model"
    precision = ledger.word(f"{path}.precision", training.precision, _TOPIC, default="training.precision")
    software = ledger.word(f"{path}.software", training.software, _TOPIC, default="training.software")
    fused = facts.stack_period(software, fleet.as_of, ledger).fused_attention
    sequence = ledger.number(f"{path}.sequence_tokens", training.sequence_tokens, _TOPIC)
    return layout_search.ask(
        gpu_count=count,
        chip=facts.lower_chip(gpus, precision, lower_network(fleet, gpus, ledger).nic_byte_per_s, ledger),
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
        constants=facts.lower_constants(_calibration(path, training, ledger), gpus, model, ledger),
        kv_head_count=model.kv_head_count,
        global_batch_tokens=ledger.number(f"{path}.global_batch_tokens", training.global_batch_tokens, _TOPIC),
        limits=layout_search.lower_limits(ledger, ignores_memory=training.ignore_memory),
        recompute=layout_search.lower_recompute(gpus, model, ledger, is_fused=fused, is_fsdp=software == FSDP),
        schedules=layout_search.lower_schedules((layout_search.PLAIN_SCHEDULE,), ledger),
    )


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
    return {
        **found,
        "dimensions": facts.lower_dimensions(model, sequence),
        "global_batch_tokens": scalar(batch),
    }


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
    steps = _outer_sync(path, training, ledger)
    return {
        **steps,
        "memory_bound_share": assumed("memory_bound_share"),
        "stage_imbalance_share": assumed("stage_imbalance_share"),
        "power_exponent_factor": one("mfu.power_exponent_factor", "mfu.power_exponent_factor"),
        "software_factor": one(f"software.{software}_factor", f"software.{software}_factor"),
        "allocation_share": scalar(allocation),
    }


def _outer_sync(path: str, training: Training, ledger: Ledger) -> dict[str, Any]:
    """How often replicas meet, and how wide what they exchange then is."""
    key = "outer_sync_interval_steps"
    steps = ledger.number(f"{path}.{key}", training.outer_sync_interval_steps, _TOPIC, default=f"training.{key}")
    bits = ledger.number(
        f"{path}.outer_sync_bits", training.outer_sync_bits, _TOPIC, default="training.outer_sync_bits"
    )
    if steps > 1.0:
        ledger.remark(
            f"{path}: replicas meet every {text(steps, 'count')} steps; that a batch teaches less then "
            "(0 to 5% more compute for the same loss) is not in any MFU",
            _TOPIC,
        )
    return {key: scalar(steps), "outer_sync_bits": scalar(bits)}


def _network_arrays(network: NetworkArrays) -> dict[str, Any]:
    return {
        "pod_gpu_count": network.pod_gpu_count,
        "oversubscription_factor": network.oversubscription_factor,
        "flat_collective_count": network.flat_collective_count,
        "links": network.links,
        "algorithm": network.algorithm,
        "flat": network.flat,
    }
