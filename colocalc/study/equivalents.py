"""H100-equivalents evaluated on every basis, per pool and in total."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from colocalc import h100e
from colocalc.arrays import Array
from colocalc.case import Case, EquivalentsCase
from colocalc.metrics import H100E_BASES


@dataclass(frozen=True, eq=False)
class EquivalentsResult:
    """By basis: equivalents of one GPU ``(..., pool)``, of each pool ``(..., pool)`` and of the fleet ``(...,)``.

    NaN where a GPU of the fleet has no such number. ``total_share`` is relative to the stated total, ``per_mw`` to
    facility megawatts.
    """

    factor: Mapping[str, Array]
    pool_count: Mapping[str, Array]
    count: Mapping[str, Array]
    total_share: Mapping[str, Array]
    per_mw: Mapping[str, Array]
    effective_count: Array


def evaluate_equivalents(case: Case, *, facility_power_mw: Array, mfu_share: Array | None) -> EquivalentsResult:
    """Equivalents on every basis.

    Parameters
    ----------
    case : Case
        The case.
    facility_power_mw : ndarray (...)
        Megawatts at the meter; NaN when unknown.
    mfu_share : ndarray (...) or None
        Fleet MFU, for the effective count.
    """
    factors = _factors(case.equivalents, case.pools.gpu_count)
    counts = {
        basis: h100e.equivalent_count(gpu_count=case.pools.gpu_count, equivalence_factor=factor)
        for basis, factor in factors.items()
    }
    missing = np.asarray(np.nan)
    return EquivalentsResult(
        factor=factors,
        pool_count={basis: case.pools.gpu_count * factor for basis, factor in factors.items()},
        count=counts,
        total_share={basis: count / case.equivalents.total_h100e_count for basis, count in counts.items()},
        per_mw={basis: count / facility_power_mw for basis, count in counts.items()},
        effective_count=h100e.effective_count(
            equivalent_count=counts["eight_bit_dense"],
            mfu_share=missing if mfu_share is None else mfu_share,
            reference_mfu_share=case.equivalents.reference_mfu_share,
        ),
    )


def _factors(given: EquivalentsCase, gpu_count: Array) -> dict[str, Array]:
    peak = given.tflop_per_s
    eight_bit = _eight_bit(given)
    measures = {
        "bf16_dense": peak["bf16"],
        "eight_bit_dense": eight_bit,
        "four_bit": h100e.four_bit_tflop_per_s(
            fp4_tflop_per_s=peak["fp4"], fp8_tflop_per_s=eight_bit, int8_tflop_per_s=peak["int8"]
        ),
        "tpp": h100e.total_processing_performance(**{f"{name}_tflop_per_s": peak[name] for name in peak}),
        "hbm_bandwidth": given.hbm_tbyte_per_s,
        "hbm_capacity": given.hbm_gbyte,
    }
    factors = {"raw": np.ones(gpu_count.shape)}
    factors |= {basis: _relative(measure) for basis, measure in measures.items()}
    for basis, measure in given.measured.items():
        if basis.startswith("mlperf_training"):
            # Fewer GPU-minutes are more GPU.
            factors[basis] = h100e.time_equivalence_factor(
                gpu_min=measure[..., :-1], reference_gpu_min=measure[..., -1:]
            )
        else:
            factors[basis] = _relative(measure)
    return {basis: factors[basis] for basis in H100E_BASES}


def _eight_bit(given: EquivalentsCase) -> Array:
    peak = given.tflop_per_s
    eight = h100e.eight_bit_tflop_per_s(fp8_tflop_per_s=peak["fp8"], int8_tflop_per_s=peak["int8"])
    # A chip with no 8-bit unit runs 8-bit work at its BF16 rate.
    return np.where(np.isnan(eight), peak["bf16"], eight)


def _relative(measure: Array) -> Array:
    return h100e.equivalence_factor(measure=measure[..., :-1], reference_measure=measure[..., -1:])
