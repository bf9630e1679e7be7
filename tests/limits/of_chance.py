"""Limits of chance and of H100-equivalents."""

import numpy as np

from colocalc import h100e
from colocalc.chance import paths, shapes, statistics
from tests.limits.checks import INF, NAN, Limits, at, near, undefined

DRAWS = np.random.default_rng(3).standard_normal((20_000, 37))
EVEN = (np.arange(30_000.0) + 0.5) / 30_000
TRIANGLE = {"low": 1.0, "value": 2.0, "high": 4.0}
RANGE = {"low": 1.0, "value": 2.0, "high": 3.0, "tail_share": 0.1}
NO_RATE = dict.fromkeys(
    ("bf16_tflop_per_s", "fp16_tflop_per_s", "fp8_tflop_per_s", "int8_tflop_per_s", "fp6_tflop_per_s"), NAN
)


def _log_path(**given):
    return np.log(paths.price_factor(normal_factor=DRAWS, volatility_share_per_yr=0.4, **given))


def _settles():
    log = _log_path(reversion_per_yr=6.0)
    variance, apart = 0.4**2 / (2 * 6.0), np.exp(-6.0 * 3 / 12)
    near(log[:, -1].var(), variance, within=0.05)
    near(np.corrcoef(log[:, -4], log[:, -1])[0, 1], apart, within=0.1)


def _variance_of_a_triangle():
    low, value, high = TRIANGLE.values()
    found = shapes.triangular(**TRIANGLE, uniform_share=EVEN)
    near(found.var(), (low**2 + value**2 + high**2 - low * value - low * high - value * high) / 18, within=1e-4)


def _ends_of_a_triangle():
    near(shapes.triangular(low=2.0, value=2.0, high=4.0, uniform_share=0.75), 4.0 - 2.0 * np.sqrt(0.25))
    near(shapes.triangular(low=2.0, value=4.0, high=4.0, uniform_share=0.25), 2.0 + 2.0 * np.sqrt(0.25))


def _quantile(values, share):
    return statistics.quantiles(values=values, probability_share=share)


LIMITS: Limits = {
    paths.price_factor: {
        "No volatility": lambda: near(at(paths.price_factor, volatility_share_per_yr=0.0), 1.0),
        "No reversion": lambda: near(
            _log_path(reversion_per_yr=0.0).var(axis=0)[1:], 0.4**2 * np.arange(1, 37) / 12, within=0.05
        ),
        "Long after the start": _settles,
        "One month": lambda: near(at(paths.price_factor, normal_factor=[[2.0], [-3.0]]), 1.0),
    },
    shapes.correlated_factor: {
        "Loadings of 1 on the diagonal and 0 beside it": lambda: near(
            shapes.correlated_factor(normal_factor=[0.3, -2.0], loading_factor=np.eye(2)), [0.3, -2.0]
        ),
    },
    shapes.loading_factor: {
        "No correlation": lambda: near(shapes.loading_factor(correlation_share=np.eye(3)), np.eye(3)),
        "A correlation of 1 throughout": lambda: near(
            shapes.loading_factor(correlation_share=np.ones((3, 3))), [[1, 0, 0]] * 3
        ),
        "Correlations that contradict each other": lambda: undefined(
            shapes.loading_factor(correlation_share=[[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
        ),
    },
    shapes.normal_quantile_factor: {
        "A half": lambda: near(shapes.normal_quantile_factor(probability_share=0.5), 0.0),
        "``p`` and ``1 - p``": lambda: near(
            shapes.normal_quantile_factor(probability_share=[0.01, 0.3]),
            -shapes.normal_quantile_factor(probability_share=[0.99, 0.7]),
        ),
        "0 or 1": lambda: near(shapes.normal_quantile_factor(probability_share=[0.0, 1.0]), [-INF, INF]),
    },
    shapes.split_lognormal: {
        "``z = 0``": lambda: near(
            shapes.split_lognormal(**RANGE, normal_factor=[0.0, 1.2815515655446004, -1.2815515655446004]), [2, 3, 1]
        ),
        "``high / value = value / low``": lambda: near(
            np.diff(
                np.log(shapes.split_lognormal(low=1, value=2, high=4, tail_share=0.1, normal_factor=[-1.0, 0.5, 2.0]))
            ),
            1.5 * np.log(2) / 1.2815515655446004,
        ),
        "No low of its own (``low = value``)": lambda: near(
            shapes.split_lognormal(**RANGE | {"low": 2.0}, normal_factor=[-3.0, -0.1]), 2.0
        ),
        "A range of no width": lambda: near(
            shapes.split_lognormal(low=2, value=2, high=2, tail_share=0.1, normal_factor=[-3.0, 3.0]), 2.0
        ),
    },
    shapes.triangular: {
        "Mean ``(low + value + high) / 3``; it is not the value where the range is lopsided": lambda: near(
            shapes.triangular(**TRIANGLE, uniform_share=EVEN).mean(), 7 / 3, within=1e-6
        ),
        "Variance ``(l^2 + v^2 + h^2 - l v - l h - v h) / 18``": _variance_of_a_triangle,
        "A range of no width": lambda: near(
            shapes.triangular(low=2, value=2, high=2, uniform_share=[0.0, 0.5, 1.0]), 2.0
        ),
        "The value at an end": _ends_of_a_triangle,
    },
    statistics.bin_edges: {
        "All alike": lambda: near(statistics.bin_edges(values=np.full(9, 4.0), least_count=2, most_count=7), [4, 4]),
        "An IQR of 0": lambda: near(
            len(statistics.bin_edges(values=[1.0, *[2.0] * 40, 5.0], least_count=2, most_count=7)), 8
        ),
    },
    statistics.deviation: {
        "One trial": lambda: undefined(statistics.deviation(values=[3.0])),
        "All alike": lambda: near(statistics.deviation(values=[3.0] * 5), 0.0),
    },
    statistics.mean_error: {
        "One trial": lambda: undefined(statistics.mean_error(values=[3.0])),
        "All alike": lambda: near(statistics.mean_error(values=[3.0] * 5), 0.0),
    },
    statistics.quantiles: {
        "One trial": lambda: near(_quantile([3.0], [0.1, 0.9]), ([3, 3], [0, 0])),
        "All alike": lambda: near(_quantile([3.0] * 5, [0.1, 0.9]), ([3, 3], [0, 0])),
        "0 and 1": lambda: near(_quantile([3.0, 1.0, 2.0], [0.0, 1.0]), ([1, 3], [0, 0])),
    },
    statistics.rank_correlation_share: {
        "One rises whenever the other does": lambda: (
            near(statistics.rank_correlation_share(one=[1.0, 2.0, 9.0], other=[-5.0, 0.0, 0.1]), 1.0),
            near(statistics.rank_correlation_share(one=[1.0, 2.0, 9.0], other=[5.0, 0.0, -0.1]), -1.0),
        ),
        "Either is the same in all trials, or there are none": lambda: (
            near(statistics.rank_correlation_share(one=[1.0, 2.0], other=[4.0, 4.0]), 0.0),
            near(statistics.rank_correlation_share(one=[], other=[]), 0.0),
        ),
    },
    h100e.effective_count: {
        "Equal MFU": lambda: near(
            at(h100e.effective_count, equivalent_count=9.0, mfu_share=0.4, reference_mfu_share=0.4), 9
        ),
        "An MFU of 0": lambda: near(at(h100e.effective_count, mfu_share=0.0), 0.0),
    },
    h100e.eight_bit_tflop_per_s: {
        "One of them unknown": lambda: near(
            h100e.eight_bit_tflop_per_s(fp8_tflop_per_s=[7.0, NAN], int8_tflop_per_s=[NAN, 5.0]), [7, 5]
        ),
        "Both unknown": lambda: undefined(h100e.eight_bit_tflop_per_s(fp8_tflop_per_s=[NAN], int8_tflop_per_s=[NAN])),
    },
    h100e.equivalence_factor: {
        "The reference itself": lambda: near(h100e.equivalence_factor(measure=[7.0], reference_measure=[7.0]), 1.0),
        "Unknown": lambda: undefined(h100e.equivalence_factor(measure=[NAN], reference_measure=[7.0])),
    },
    h100e.equivalent_count: {
        "A pool with GPUs of unknown worth": lambda: undefined(
            h100e.equivalent_count(gpu_count=[3.0, 1.0], equivalence_factor=[2.0, NAN])
        ),
        "A pool without GPUs changes nothing, even if its worth is unknown": lambda: near(
            h100e.equivalent_count(gpu_count=[3.0, 0.0], equivalence_factor=[2.0, NAN]), 6.0
        ),
    },
    h100e.four_bit_tflop_per_s: {
        "No FP4": lambda: near(
            h100e.four_bit_tflop_per_s(fp4_tflop_per_s=[NAN], fp8_tflop_per_s=[7.0], int8_tflop_per_s=[8.0]), 8.0
        ),
        "All unknown": lambda: undefined(
            h100e.four_bit_tflop_per_s(fp4_tflop_per_s=[NAN], fp8_tflop_per_s=[NAN], int8_tflop_per_s=[NAN])
        ),
    },
    h100e.time_equivalence_factor: {
        "The reference itself": lambda: near(
            h100e.time_equivalence_factor(gpu_min=[7.0], reference_gpu_min=[7.0]), 1.0
        ),
        "Half the time": lambda: near(h100e.time_equivalence_factor(gpu_min=[3.5], reference_gpu_min=[7.0]), 2.0),
        "Unmeasured": lambda: undefined(h100e.time_equivalence_factor(gpu_min=[NAN], reference_gpu_min=[7.0])),
    },
    h100e.total_processing_performance: {
        "One known rate": lambda: [
            near(h100e.total_processing_performance(**NO_RATE | {"fp4_tflop_per_s": NAN} | {name: 10.0}), 10 * bits)
            for name, bits in (
                ("bf16_tflop_per_s", 16),
                ("fp16_tflop_per_s", 16),
                ("fp8_tflop_per_s", 8),
                ("int8_tflop_per_s", 8),
                ("fp6_tflop_per_s", 6),
                ("fp4_tflop_per_s", 4),
            )
        ],
        "None known": lambda: undefined(h100e.total_processing_performance(**NO_RATE, fp4_tflop_per_s=NAN)),
    },
}
