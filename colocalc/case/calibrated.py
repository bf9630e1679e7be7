"""How far the step-time model may be off for a job, and where the job leaves what the model was calibrated on."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from colocalc.arrays import Array
from colocalc.calibration import EXPERTS, Calibration, family_key
from colocalc.case.facts import BITS
from colocalc.case.ledger import Ledger, peak_key
from colocalc.figure import Figure
from colocalc.hardware import GpuType
from colocalc.model import ModelDims
from colocalc.units import text

_TOPIC: Final = "mfu"


def model_error(
    path: str,
    calibration: Calibration,
    gpus: list[GpuType],
    gpu_count: Array,
    precision: str,
    model: ModelDims | None,
    ledger: Ledger,
) -> float:
    """Step time over that of the model: 1, with the band that holds 90% of runs left out of the fit.

    The band is wider where the job leaves the calibrated range: by the same factor for each way in which it does.
    """
    if model is None:
        return 1.0
    kind = "dense" if model.expert_count is None else "experts"
    width = ledger.number(f"predict.band.{kind}_share", None, _TOPIC, default=f"predict.band_share.{kind}")
    outside = tuple(_outside(calibration, gpus, gpu_count, precision, model))
    if outside:
        key = "predict.band_widening_factor"
        width *= ledger.number(key, None, _TOPIC, default=key) ** len(outside)
        ledger.remark(
            f"{path}: outside the calibrated range, so that the band is wider: {'; '.join(outside)}",
            _TOPIC,
        )
    known = ledger.catalog.default("training.model_error_factor")
    middle = float(known.value)
    low, high = middle * float(np.exp(-width)), middle * float(np.exp(width))
    figure = Figure(middle, low=low, high=high, source=known.source, note=known.note)
    return ledger.fact(f"{path}.model_error_factor", figure, _TOPIC)


def _outside(
    calibration: Calibration, gpus: list[GpuType], gpu_count: Array, precision: str, model: ModelDims
) -> Iterator[str]:
    """The ways in which a job leaves the range of the runs behind a calibration."""
    largest = calibration.largest_gpu_count
    used = [gpu for gpu, count in zip(gpus, gpu_count, strict=True) if count > 0.0]
    total = float(gpu_count.sum())
    if len({gpu.id for gpu in used}) > 1:
        yield "several types of GPU in one job, and every run has one"
    families = {family_key(gpu.family, BITS[peak_key(gpu.peak_tflop_per_s, precision) or "bf16"]) for gpu in used}
    for key in sorted(families - set(largest)):
        yield f"no run on {key}"
    like = families & set(largest)
    # Without a run on such GPUs, the largest on any: size is a way to leave the range of its own.
    known = max((largest[key] for key in (like or set(largest) - {EXPERTS})), default=float("inf"))
    if total > known:
        where = f" on {', '.join(sorted(like))}" if like else ""
        yield f"{text(total, 'count')} GPUs, and the largest run{where} has {text(known, 'count')}"
    if model.expert_count is not None:
        most = largest.get(EXPERTS, 0.0)
        if total > most:
            yield f"experts on {text(total, 'count')} GPUs, and the largest such run has {text(most, 'count')}"
