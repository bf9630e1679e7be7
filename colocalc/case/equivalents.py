"""What the H100-equivalent bases need: each pool's measures and an H100's, and the benchmark rounds that were used."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from colocalc.arrays import Array
from colocalc.case.ledger import Ledger, per_type, scalar
from colocalc.case.pools import Pools
from colocalc.fleet import Fleet
from colocalc.hardware import GpuType, MeasuredRow
from colocalc.metrics import H100E_BASES

_TOPIC: Final = "h100e"
_PRECISIONS = ("bf16", "fp16", "fp8", "int8", "fp6", "fp4")
REFERENCE_GPU = "h100-sxm"


@dataclass(frozen=True, eq=False)
class EquivalentsCase:
    """Arrays ``(..., pool + 1)``: the pools, and an H100 as the last entry; NaN where a GPU has no such number.

    Attributes
    ----------
    tflop_per_s : mapping of str to ndarray
        Dense peaks by precision.
    hbm_tbyte_per_s, hbm_gbyte : ndarray
        Memory bandwidth and capacity.
    measured : mapping of str to ndarray
        GPU-minutes (training) or tokens per second (inference) by basis.
    rounds : mapping of str to str
        Which benchmark round stands behind each GPU, by basis.
    total_h100e_count : ndarray (...)
        The stated total; NaN when none is stated.
    reference_mfu_share : ndarray (...)
        MFU that the effective count is relative to.
    """

    tflop_per_s: Mapping[str, Array]
    hbm_tbyte_per_s: Array
    hbm_gbyte: Array
    measured: Mapping[str, Array]
    rounds: Mapping[str, str]
    total_h100e_count: Array
    reference_mfu_share: Array


def lower_equivalents(fleet: Fleet, pools: Pools, ledger: Ledger) -> EquivalentsCase:
    """The measures of every basis; the reference GPU is an H100 SXM."""
    gpus = [*pools.gpus, ledger.catalog.gpus[REFERENCE_GPU]]
    measured, rounds = {}, {}
    for basis in H100E_BASES:
        if basis.startswith("mlperf_"):
            measured[basis], rounds[basis] = _measured(basis, gpus, ledger)
    finance = fleet.finance
    return EquivalentsCase(
        tflop_per_s={name: per_type(gpus, partial(_peak, name, ledger)) for name in _PRECISIONS},
        hbm_tbyte_per_s=per_type(gpus, partial(_fact, "hbm_tbyte_per_s", ledger)),
        hbm_gbyte=per_type(gpus, partial(_fact, "hbm_gbyte", ledger)),
        measured=measured,
        rounds=rounds,
        total_h100e_count=scalar(
            ledger.number("finance.total_h100e_count", finance.total_h100e_count if finance else None, _TOPIC)
        ),
        reference_mfu_share=scalar(_reference_mfu(fleet, ledger)),
    )


def _reference_mfu(fleet: Fleet, ledger: Ledger) -> float:
    """MFU that the effective count is relative to; it is only among the assumptions of a fleet that trains."""
    key = "finance.reference.mfu_share"
    reference = fleet.finance.reference if fleet.finance else None
    if not (fleet.training or fleet.jobs):
        return float(ledger.catalog.default(key).value) if reference is None else reference.mfu_share.value
    return ledger.number(key, reference.mfu_share if reference else None, _TOPIC, default=key)


def _peak(precision: str, ledger: Ledger, gpu: GpuType) -> float:
    peaks: Mapping[Any, Any] = gpu.peak_tflop_per_s
    if precision == "bf16" and precision not in peaks and "fp16" in peaks:
        # As a job's does: the chip's 16-bit work runs at its FP16 rate.
        ledger.remark(f"{gpu.id} has no bf16 peak: its 16-bit work is counted at its fp16 peak", _TOPIC)
        precision = "fp16"
    return ledger.fact(f"gpus.{gpu.id}.peak_{precision}_tflop_per_s", peaks.get(precision), _TOPIC)


def _fact(name: str, ledger: Ledger, gpu: GpuType) -> float:
    return ledger.fact(f"gpus.{gpu.id}.{name}", getattr(gpu, name), _TOPIC)


def _measured(basis: str, gpus: list[GpuType], ledger: Ledger) -> tuple[Array, str]:
    """The newest row of each GPU up to the basis's round, and the rounds in words."""
    benchmark, _, limit = basis.removeprefix("mlperf_").rpartition("_v")
    used: dict[str, str] = {}

    def newest(gpu: GpuType) -> float:
        rows: Mapping[Any, tuple[MeasuredRow, ...]] = gpu.measured
        row = _newest(rows.get(benchmark, ()), limit.replace("_", "."))
        if row is None:
            return float("nan")
        used[gpu.id] = row.round
        unit = "gpu_min" if row.train_gpu_min else "tokens_per_s_per_gpu"
        figure = row.train_gpu_min or row.rate_tokens_per_s_per_gpu
        return ledger.fact(f"gpus.{gpu.id}.measured.{basis}_{unit}", figure, _TOPIC)

    values = per_type(gpus, newest)
    return values, ", ".join(f"{gpu} {number}" for gpu, number in used.items())


def _newest(rows: tuple[MeasuredRow, ...], limit: str) -> MeasuredRow | None:
    known = [row for row in rows if _round(row.round) <= _round(limit)]
    return max(known, key=lambda row: _round(row.round), default=None)


@cache
def _round(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.removeprefix("v").split("."))
