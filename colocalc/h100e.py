"""How many H100s a fleet is worth, on a stated measure.

There is no one H100-equivalent: peak rates, memory and measured runs rank the same GPUs differently, so every function
takes the measure as an argument and a measure that is missing stays missing (NaN), never 1.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import BITS_PER_BYTE

_SIXTEEN_BITS = 2.0 * BITS_PER_BYTE
_SIX_BITS = 0.75 * BITS_PER_BYTE
_FOUR_BITS = 0.5 * BITS_PER_BYTE


def eight_bit_tflop_per_s(*, fp8_tflop_per_s: ArrayLike, int8_tflop_per_s: ArrayLike) -> Array:
    """Best dense 8-bit rate of a GPU.

    Parameters
    ----------
    fp8_tflop_per_s : array_like (..., pool)
        Dense FP8 peak; NaN where there is none.
    int8_tflop_per_s : array_like (..., pool)
        Dense INT8 peak; NaN where there is none.

    Returns
    -------
    ndarray (..., pool)
        The larger of the two [tflop_per_s].

    Notes
    -----
    ``max(FP8, INT8)`` of those known

    - One of them unknown: the other.
    - Both unknown: NaN.

    References
    ----------
    Epoch AI, ai-chip-counts @d1b1bc3, ``compute_h100_equivalents``.
    """
    return np.fmax(as_array(fp8_tflop_per_s), as_array(int8_tflop_per_s))


def four_bit_tflop_per_s(
    *, fp4_tflop_per_s: ArrayLike, fp8_tflop_per_s: ArrayLike, int8_tflop_per_s: ArrayLike
) -> Array:
    """Best dense rate of a GPU at eight bits or fewer.

    FP4 of one GPU against FP8 of another is a vendor's comparison: it holds only for work that may run in FP4.

    Parameters
    ----------
    fp4_tflop_per_s : array_like (..., pool)
        Dense FP4 peak; NaN where there is none.
    fp8_tflop_per_s : array_like (..., pool)
        Dense FP8 peak; NaN where there is none.
    int8_tflop_per_s : array_like (..., pool)
        Dense INT8 peak; NaN where there is none.

    Returns
    -------
    ndarray (..., pool)
        The largest of the three [tflop_per_s].

    Notes
    -----
    ``max(FP4, FP8, INT8)`` of those known

    - No FP4: the 8-bit rate.
    - All unknown: NaN.

    References
    ----------
    NVIDIA GB200 NVL72 data sheet, which sets FP4 beside Hopper's FP8.
    """
    eight = eight_bit_tflop_per_s(fp8_tflop_per_s=fp8_tflop_per_s, int8_tflop_per_s=int8_tflop_per_s)
    return np.fmax(as_array(fp4_tflop_per_s), eight)


def total_processing_performance(
    *,
    bf16_tflop_per_s: ArrayLike,
    fp16_tflop_per_s: ArrayLike,
    fp8_tflop_per_s: ArrayLike,
    int8_tflop_per_s: ArrayLike,
    fp6_tflop_per_s: ArrayLike,
    fp4_tflop_per_s: ArrayLike,
) -> Array:
    """Total processing performance of a GPU, the measure of US export rules.

    Parameters
    ----------
    bf16_tflop_per_s : array_like (..., pool)
        Dense BF16 peak; NaN where there is none, here and below.
    fp16_tflop_per_s : array_like (..., pool)
        Dense FP16 peak.
    fp8_tflop_per_s : array_like (..., pool)
        Dense FP8 peak.
    int8_tflop_per_s : array_like (..., pool)
        Dense INT8 peak.
    fp6_tflop_per_s : array_like (..., pool)
        Dense FP6 peak.
    fp4_tflop_per_s : array_like (..., pool)
        Dense FP4 peak.

    Returns
    -------
    ndarray (..., pool)
        Largest product of dense rate and bit length [tpp].

    Notes
    -----
    ``max(16 BF16, 16 FP16, 8 FP8, 8 INT8, 6 FP6, 4 FP4)`` of those known; TF32 and FP64 are left out

    - One known rate: its product.
    - None known: NaN.

    References
    ----------
    15 CFR part 774, supplement 1, ECCN 3A090, technical notes.
    """
    sixteen = np.fmax(as_array(bf16_tflop_per_s), as_array(fp16_tflop_per_s))
    eight = eight_bit_tflop_per_s(fp8_tflop_per_s=fp8_tflop_per_s, int8_tflop_per_s=int8_tflop_per_s)
    six = _SIX_BITS * as_array(fp6_tflop_per_s)
    four = _FOUR_BITS * as_array(fp4_tflop_per_s)
    return np.fmax(np.fmax(_SIXTEEN_BITS * sixteen, BITS_PER_BYTE * eight), np.fmax(six, four))


def equivalence_factor(*, measure: ArrayLike, reference_measure: ArrayLike) -> Array:
    """Reference GPUs one GPU is worth, on a measure where more is better.

    Parameters
    ----------
    measure : array_like (..., pool)
        Rate, bandwidth, capacity or score of the GPU; NaN where unknown.
    reference_measure : array_like (..., 1)
        The same of the reference GPU, above 0.

    Returns
    -------
    ndarray (..., pool)
        Reference GPUs per GPU [factor].

    Notes
    -----
    ``x / x_ref``

    - The reference itself: 1.
    - Unknown: NaN.

    References
    ----------
    Epoch AI, ai-chip-counts @d1b1bc3, ``compute_h100_equivalents``.
    """
    return as_array(measure) / as_array(reference_measure)


def time_equivalence_factor(*, gpu_min: ArrayLike, reference_gpu_min: ArrayLike) -> Array:
    """Reference GPUs one GPU is worth, on the GPU-minutes a fixed task takes.

    Parameters
    ----------
    gpu_min : array_like (..., pool)
        GPU-minutes of the GPU, above 0; NaN where unmeasured.
    reference_gpu_min : array_like (..., 1)
        GPU-minutes of the reference GPU for the same task.

    Returns
    -------
    ndarray (..., pool)
        Reference GPUs per GPU [factor].

    Notes
    -----
    ``t_ref / t``

    - The reference itself: 1.
    - Half the time: 2.
    - Unmeasured: NaN.

    References
    ----------
    MLPerf Training rules (time to train times GPUs).
    """
    return as_array(reference_gpu_min) / as_array(gpu_min)


def equivalent_count(*, gpu_count: ArrayLike, equivalence_factor: ArrayLike) -> Array:
    """Reference GPUs a fleet is worth.

    Sums over pools: the pool axis is dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs.
    equivalence_factor : array_like (..., pool)
        Reference GPUs per GPU; NaN where unknown.

    Returns
    -------
    ndarray (...)
        Reference GPUs [count].

    Notes
    -----
    ``sum(n_i f_i)``

    - A pool with GPUs of unknown worth: NaN.
    - A pool without GPUs changes nothing, even if its worth is unknown.

    References
    ----------
    Epoch AI, ai-chip-counts @d1b1bc3, ``compute_h100_equivalents``.
    """
    n = as_array(gpu_count)
    worth = np.where(n == 0.0, 0.0, n * as_array(equivalence_factor))
    total: Array = np.sum(worth, axis=-1)
    return total


def effective_count(*, equivalent_count: ArrayLike, mfu_share: ArrayLike, reference_mfu_share: ArrayLike) -> Array:
    """Reference GPUs at a stated MFU that deliver what the fleet delivers at its own.

    Both MFU must be shares of the peak that the equivalence rests on.

    Parameters
    ----------
    equivalent_count : array_like (...)
        Reference GPUs the fleet is worth by its peak.
    mfu_share : array_like (...)
        MFU of the fleet.
    reference_mfu_share : array_like (...)
        MFU of the reference GPUs, above 0.

    Returns
    -------
    ndarray (...)
        Reference GPUs at the reference MFU [count].

    Notes
    -----
    ``H MFU / MFU_ref``

    - Equal MFU: the same count.
    - An MFU of 0: 0.

    References
    ----------
    Definition of model FLOPs utilization (Chowdhery et al. 2022, appendix B).
    """
    ratio = as_array(mfu_share) / as_array(reference_mfu_share)
    return as_array(equivalent_count) * ratio
