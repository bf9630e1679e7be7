"""H100-equivalents explained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from colocalc.case import EquivalentsCase
from colocalc.case.equivalents import REFERENCE_GPU
from colocalc.metrics import H100E_BASES
from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.sites import fleet_mw

DEFAULT_BASIS = "eight_bit_dense"
_BITS = {"bf16": 16.0, "fp16": 16.0, "fp8": 8.0, "int8": 8.0, "fp6": 6.0, "fp4": 4.0}


@dataclass(frozen=True)
class _Measure:
    """What a basis counts of one GPU."""

    value: float
    unit: str
    meaning: str
    paths: tuple[str, ...]


def count(basis: str) -> Callable[[Context, Draft], str]:
    """What writes the count on a basis, of the fleet or of one pool."""
    return lambda context, draft: _count(basis, context, draft)


def _count(basis: str, context: Context, draft: Draft) -> str:
    counts = context.case.pools.gpu_count
    pools = [pool for pool in context.asked if counts[pool] > 0.0]
    gpus = {pool: context.gpus(draft, pool) for pool in pools}
    if basis == "raw":
        return draft.sum(list(gpus.values()))
    return draft.sum([f"{symbol} * {_of_one(context, draft, basis, pool)}" for pool, symbol in gpus.items()])


def factor(basis: str) -> Callable[[Context, Draft], str]:
    """What writes the equivalents of one GPU: of a pool its own, of the fleet the mean of its GPUs."""

    def write(context: Context, draft: Draft) -> str:
        if len(context.asked) == 1:
            return _of_one(context, draft, basis, context.asked[0])
        counts = context.case.pools.gpu_count
        gpus = [context.gpus(draft, pool) for pool in context.asked if counts[pool] > 0.0]
        return f"({_count(basis, context, draft)}) / ({draft.sum(gpus)})"

    return write


def _of_one(context: Context, draft: Draft, basis: str, pool: int) -> str:
    """A GPU's measure over that of an H100."""
    if basis == "raw":
        return "1"
    own = _symbol(f"x_{context.ends[pool]}", _measure(context, basis, pool), draft)
    reference = _symbol("x_REF", _measure(context, basis, None), draft)
    # Fewer GPU-minutes are more GPU.
    return f"{reference} / {own}" if basis.startswith("mlperf_training") else f"{own} / {reference}"


def _symbol(name: str, measure: _Measure, draft: Draft) -> str:
    return draft.given(name, measure.value, measure.unit, measure.meaning, *measure.paths)


def _measure(context: Context, basis: str, pool: int | None) -> _Measure:
    """The measure of a pool's GPU, or of an H100."""
    given, place = context.case.equivalents, -1 if pool is None else pool
    gpu = REFERENCE_GPU if pool is None else context.case.pools.gpus[pool].id
    if basis in given.measured:
        unit = "gpu_min" if basis.startswith("mlperf_training") else "tokens_per_s_per_gpu"
        value, path = float(given.measured[basis][place]), f"gpus.{gpu}.measured.{basis}_{unit}"
        return _Measure(value, unit, f"{H100E_BASES[basis]}, of {gpu}", (path,))
    if basis in _MEMORY:
        field, unit = _MEMORY[basis]
        return _Measure(float(getattr(given, field)[place]), unit, f"memory of {gpu}", (f"gpus.{gpu}.{field}",))
    value, precision = _peak(given, basis, place)
    unit = "tpp" if basis == "tpp" else "tflop_per_s"
    meaning = f"dense {precision} peak of {gpu}" + (" times its bits" if basis == "tpp" else "")
    return _Measure(value, unit, meaning, (_peak_path(context, gpu, precision),))


_MEMORY = {"hbm_bandwidth": ("hbm_tbyte_per_s", "tbyte_per_s"), "hbm_capacity": ("hbm_gbyte", "gbyte")}
_PRECISIONS = {
    "bf16_dense": ("bf16",),
    "eight_bit_dense": ("fp8", "int8"),
    "four_bit": ("fp4", "fp8", "int8"),
    "tpp": tuple(_BITS),
}


def _peak(given: EquivalentsCase, basis: str, place: int) -> tuple[float, str]:
    """The largest peak that a basis looks at, and its precision."""
    known = {name: float(given.tflop_per_s[name][place]) for name in _BITS}
    known = {name: value for name, value in known.items() if not np.isnan(value)}
    looked_at = _PRECISIONS[basis]
    if basis in {"eight_bit_dense", "four_bit"} and not {"fp8", "int8"} & set(known):
        looked_at = (*looked_at, "bf16")  # a chip with no 8-bit unit runs 8-bit work at its BF16 rate
    weight = _BITS if basis == "tpp" else dict.fromkeys(_BITS, 1.0)
    return max(((known[name] * weight[name], name) for name in looked_at if name in known), key=lambda peak: peak[0])


def _peak_path(context: Context, gpu: str, precision: str) -> str:
    """Where a peak stands; 16-bit work of a chip without BF16 is counted at its FP16 peak."""
    path = f"gpus.{gpu}.peak_{precision}_tflop_per_s"
    return path if path in context.assumptions else path.replace("bf16", "fp16")


def _whole_count(basis: str, draft: Draft) -> str:
    return draft.found("h100e", f"h100e.{basis}_count", "count", f"H100-equivalents by {H100E_BASES[basis]}")


def total_share(basis: str) -> Callable[[Context, Draft], str]:
    """What writes the share of the stated total."""

    def write(context: Context, draft: Draft) -> str:
        stated = draft.given(
            "total",
            context.case.equivalents.total_h100e_count,
            "count",
            "H100-equivalents stated in total",
            "finance.total_h100e_count",
        )
        return f"{_whole_count(basis, draft)} / {stated}"

    return write


def per_mw(basis: str) -> Callable[[Context, Draft], str]:
    """What writes the count over megawatts at the meter."""
    return lambda context, draft: f"{_whole_count(basis, draft)} / ({fleet_mw(context, draft)})"


def effective_count(context: Context, draft: Draft) -> str:
    """The default basis at the fleet's MFU over a reference MFU."""
    mfu = draft.found("mfu", "mfu.fleet_share", "share", "MFU of the fleet")
    reference = draft.given(
        "mfu_ref",
        context.case.equivalents.reference_mfu_share,
        "share",
        "MFU that the count is relative to",
        "finance.reference.mfu_share",
    )
    return f"{_whole_count(DEFAULT_BASIS, draft)} * {mfu} / {reference}"


WRITERS: Mapping[str, Callable[[Context, Draft], str]] = {
    **{f"h100e.{basis}_count": count(basis) for basis in H100E_BASES},
    **{f"h100e.{basis}_factor": factor(basis) for basis in H100E_BASES},
    **{f"h100e.{basis}_total_share": total_share(basis) for basis in H100E_BASES},
    **{f"h100e.{basis}_per_mw": per_mw(basis) for basis in H100E_BASES},
    "h100e.effective_count": effective_count,
}
