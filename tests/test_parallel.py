import inspect

import numpy as np
import pytest

from colocalc.mfu import parallel

LONG_CONTEXT = {
    "micro_batch_count": 2,
    "layers_per_stage_count": 4,
    "micro_batch_tokens": 1_000,
    "kv_dim": 1_024,
    "tp_count": 8,
    "cp_count": 4,
    "activation_bytes": 2,
    "link_byte_per_s": 1e9,
}
NAMES = tuple(inspect.signature(parallel.context_parallel_s).parameters)


# Hand-worked values


def test_context_parallelism_moves_keys_and_values_three_times():
    # 2 micro-batches x 4 layers x 3 passes x 3/4 x (K and V) x 2 bytes x 1,000 tokens x 1,024 / 8 at 1 GB/s
    assert parallel.context_parallel_s(**LONG_CONTEXT) == pytest.approx(18 * 2 * 2 * 1_000 * 128 / 1e9)


# Limits of the docstrings


def test_one_context_rank_sends_nothing():
    assert parallel.context_parallel_s(**LONG_CONTEXT | {"cp_count": 1}) == 0.0


def test_an_infinite_link_takes_no_time():
    assert parallel.context_parallel_s(**LONG_CONTEXT | {"link_byte_per_s": np.inf}) == 0.0


def test_twice_the_tensor_ranks_halve_the_context_traffic():
    once, twice = parallel.context_parallel_s(**LONG_CONTEXT | {"tp_count": [4, 8]})
    assert twice == once / 2


# Laws


def test_stacked_inputs_equal_stacked_outputs():
    draw = np.random.default_rng(7)
    stacked = {name: draw.uniform(1.0, 9.0, (4, 3)) for name in NAMES}
    whole = parallel.context_parallel_s(**stacked)
    assert whole.dtype == np.float64
    for place in np.ndindex(4, 3):
        alone = parallel.context_parallel_s(**{name: float(values[place]) for name, values in stacked.items()})
        np.testing.assert_allclose(whole[place], alone, rtol=1e-12)


def test_infeasible_layouts_stay_nan():
    for hole in NAMES:
        assert np.isnan(parallel.context_parallel_s(**{name: np.nan if name == hole else 2.0 for name in NAMES}))
