"""Numbers that a claim may have taken for the metric: ratios of two kinds of count, or another denominator."""

from collections.abc import Iterator

import numpy as np

from colocalc.case import Case
from colocalc.metrics import base_id
from colocalc.study.evaluate import Result
from colocalc.units import text

_PRECISIONS = {"fp8": "FP8", "fp4": "FP4", "bf16": "BF16"}


def explained(case: Case, result: Result, metric: str, says: tuple[float, float]) -> str | None:
    """In words, the mixed ratio that gives what a claim says; None where none does.

    Parameters
    ----------
    case, result : Case, Result
        The fleet and its evaluation.
    metric : str
        The metric the claim is about.
    says : tuple of float
        Low and high of what it says.
    """
    for value, words in _ratios(case, result, metric):
        if says[0] <= value <= says[1]:
            return words
    return None


def _ratios(case: Case, result: Result, metric: str) -> Iterator[tuple[float, str]]:
    name = base_id(metric)
    if name.startswith("h100e.") and name.endswith("_total_share"):
        yield from _share_of_equivalents(case)
    elif name.startswith("h100e.") and name.endswith("_count") and name != "h100e.raw_count":
        raw = metric.replace(name, "fleet.gpu_count")
        if raw in result.metrics:
            count = float(result.metrics[raw])
            yield count, f"{text(count, 'count')} is a count of GPUs, not of H100-equivalents"
    elif name in {"mfu.step_share", "mfu.job_share", "mfu.fleet_share"} and metric in result.metrics:
        yield from _other_peaks(case, float(result.metrics[metric]))
    elif name == "lease.mean_rate_usd_per_gpu_h" and metric in result.metrics:
        yield from _other_packages(case, float(result.metrics[metric]))


def _share_of_equivalents(case: Case) -> Iterator[tuple[float, str]]:
    count, total = float(np.sum(case.pools.gpu_count)), float(case.equivalents.total_h100e_count)
    ratio = f"{text(count, 'count')} GPUs over {text(total, 'count')} H100-equivalents"
    yield count / total, f"{ratio} is {text(count / total, 'share')}: it divides GPUs by equivalents"


def _other_peaks(case: Case, share: float) -> Iterator[tuple[float, str]]:
    """The same work over the peak of another precision."""
    used = next(iter({job.peak_precision for job in case.jobs}), "")
    if len({job.peak_precision for job in case.jobs}) != 1:
        return
    here, counts = case.equivalents.tflop_per_s, case.pools.gpu_count
    for precision, word in _PRECISIONS.items():
        ours, theirs = (float(np.sum(here[key][..., :-1] * counts)) for key in (used, precision))
        if precision != used and ours > 0.0 and theirs > 0.0:
            other = share * ours / theirs
            yield other, f"{text(other, 'share')} is {used.upper()} work over the dense {word} peak"


def _other_packages(case: Case, rate: float) -> Iterator[tuple[float, str]]:
    """The rate of a whole package, where the fleet has one type of GPU that comes in packages."""
    if len({gpu.id for gpu in case.pools.gpus}) != 1:
        return
    gpu = case.pools.gpus[0]
    for figure, word in ((gpu.superchip_gpu_count, "superchip"), (gpu.rack_gpu_count, "rack")):
        if figure is not None and figure.value > 1.0:
            yield rate * figure.value, f"{text(rate * figure.value, 'usd')} is the rate of a {word}, not of a GPU"
