import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu import parallel

LLAMA_3 = {
    "micro_batch_count": 32,
    "layers_per_stage_count": 126 / 16,
    "micro_batch_tokens": 8_192,
    "hidden_dim": 16_384,
    "tp_count": 8,
    "cp_count": 1,
    "activation_bytes": 2,
    "link_byte_per_s": 360e9,
}
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
GROUP = {"tp_count": 1, "cp_count": 1, "pp_count": 1, "dp_count": 1_000, "domain_gpu_count": 8}
KERNELS = (
    parallel.tensor_parallel_s,
    parallel.context_parallel_s,
    parallel.exposed_s,
    parallel.group_ranks_per_node_count,
    parallel.shard_byte,
    parallel.layers_per_stage_count,
)


def names(kernel):
    return tuple(inspect.signature(kernel).parameters)


def ranks_counted(tp, cp, pp, dp, domain):
    """Ranks of the fullest gradient group in the first domain, by placing every GPU."""
    gpus = np.arange(tp * cp * pp * dp)[:domain]
    group = gpus % tp + tp * (gpus // (tp * cp) % pp)
    return np.bincount(group).max()


# Hand-worked values


def test_llama_3_sends_473_gigabytes_per_gpu_and_step():
    sent = parallel.tensor_parallel_s(**LLAMA_3 | {"link_byte_per_s": 1.0})
    assert sent == 32 * 7.875 * 8 * 7 / 8 * 2 * 8_192 * 16_384
    assert sent == pytest.approx(473e9, rel=2e-3)


def test_llama_3_tensor_traffic_takes_1_3_seconds_of_nvlink():
    assert parallel.tensor_parallel_s(**LLAMA_3) == pytest.approx(1.3, abs=0.05)


def test_context_ranks_share_the_tensor_traffic():
    once, shared = parallel.tensor_parallel_s(**LLAMA_3 | {"cp_count": [1, 4]})
    assert shared == once / 4


def test_context_parallelism_moves_keys_and_values_three_times():
    # 2 micro-batches x 4 layers x 3 passes x 3/4 x (K and V) x 2 bytes x 1,000 tokens x 1,024 / 8 at 1 GB/s
    assert parallel.context_parallel_s(**LONG_CONTEXT) == pytest.approx(18 * 2 * 2 * 1_000 * 128 / 1e9)


@pytest.mark.parametrize(
    ("window", "overlap", "exposed"),
    [(100.0, 0.75, 2.5), (4.0, 0.75, 7.0), (10.0, 0.75, 2.5), (100.0, 1.0, 0.0)],
    ids=["long-window", "short-window", "window-as-long", "full-overlap"],
)
def test_exposed_part_of_ten_seconds(window, overlap, exposed):
    assert parallel.exposed_s(collective_s=10.0, window_s=window, overlap_share=overlap) == pytest.approx(exposed)


@pytest.mark.parametrize(
    ("tp", "cp", "pp", "domain", "ranks"),
    [(8, 1, 16, 8, 1), (1, 1, 1, 8, 8), (1, 1, 1, 72, 72), (4, 2, 4, 8, 2), (8, 1, 1, 72, 9), (2, 2, 1, 8, 4)],
)
def test_ranks_of_a_gradient_group_in_one_domain(tp, cp, pp, domain, ranks):
    count = parallel.group_ranks_per_node_count(
        tp_count=tp, cp_count=cp, pp_count=pp, dp_count=1_000, domain_gpu_count=domain
    )
    assert count == ranks == ranks_counted(tp, cp, pp, 1_000, domain)


def test_gradients_of_405b_in_fp32_on_128_gpus_are_12_7_gigabytes_each():
    byte = parallel.shard_byte(parameter_count=405e9, tp_count=8, pp_count=16, element_bytes=4)
    assert byte == pytest.approx(405e9 * 4 / 128)


def test_126_layers_on_16_stages_are_7_875_each():
    assert parallel.layers_per_stage_count(layer_count=126, pp_count=16) == 7.875


# Limits of the docstrings


def test_one_tensor_rank_sends_nothing():
    assert parallel.tensor_parallel_s(**LLAMA_3 | {"tp_count": 1}) == 0.0


def test_one_context_rank_sends_nothing():
    assert parallel.context_parallel_s(**LONG_CONTEXT | {"cp_count": 1}) == 0.0


def test_an_infinite_link_takes_no_time():
    assert parallel.tensor_parallel_s(**LLAMA_3 | {"link_byte_per_s": np.inf}) == 0.0
    assert parallel.context_parallel_s(**LONG_CONTEXT | {"link_byte_per_s": np.inf}) == 0.0


def test_many_tensor_ranks_send_eight_times_the_activations():
    seconds = parallel.tensor_parallel_s(**LLAMA_3 | {"tp_count": 1e9, "link_byte_per_s": 1.0})
    assert seconds == pytest.approx(8 * 32 * 7.875 * 2 * 8_192 * 16_384)


def test_twice_the_tensor_ranks_halve_the_context_traffic():
    once, twice = parallel.context_parallel_s(**LONG_CONTEXT | {"tp_count": [4, 8]})
    assert twice == once / 2


@pytest.mark.parametrize(("window", "overlap"), [(5.0, 0.0), (0.0, 0.8)], ids=["no-overlap", "no-window"])
def test_without_overlap_or_window_the_whole_collective_shows(window, overlap):
    assert parallel.exposed_s(collective_s=10.0, window_s=window, overlap_share=overlap) == 10.0


@pytest.mark.parametrize("window", [10.0, 11.0, np.inf])
def test_a_long_window_leaves_what_does_not_overlap(window):
    assert parallel.exposed_s(collective_s=10.0, window_s=window, overlap_share=0.8) == pytest.approx(2.0)


def test_an_empty_collective_exposes_nothing():
    assert parallel.exposed_s(collective_s=0.0, window_s=3.0, overlap_share=0.8) == 0.0


@pytest.mark.parametrize("tp", [8, 16])
def test_tensor_ranks_that_fill_the_domain_leave_one_rank(tp):
    assert parallel.group_ranks_per_node_count(**GROUP | {"tp_count": tp, "cp_count": 4, "pp_count": 2}) == 1


@pytest.mark.parametrize(("cp", "ranks"), [(2, 2), (4, 4), (16, 4)])
def test_large_replicas_leave_the_context_ranks_that_fit(cp, ranks):
    assert parallel.group_ranks_per_node_count(**GROUP | {"tp_count": 2, "cp_count": cp, "pp_count": 8}) == ranks


@pytest.mark.parametrize(("pp", "ranks"), [(1, 4), (2, 2)])
def test_small_replicas_share_the_domain(pp, ranks):
    assert parallel.group_ranks_per_node_count(**GROUP | {"tp_count": 2, "pp_count": pp}) == ranks


def test_domain_without_a_whole_number_of_replicas_gives_a_mean():
    assert parallel.group_ranks_per_node_count(**GROUP | {"tp_count": 16, "domain_gpu_count": 72}) == 4.5


@pytest.mark.parametrize(("dp", "cp"), [(1, 1), (3, 1), (2, 2)])
def test_ranks_never_exceed_the_group(dp, cp):
    group = GROUP | {"dp_count": dp, "cp_count": cp, "domain_gpu_count": 72}
    assert parallel.group_ranks_per_node_count(**group) == dp * cp


def test_one_gpu_holds_the_whole_model():
    assert parallel.shard_byte(parameter_count=8e9, tp_count=1, pp_count=1, element_bytes=2) == 16e9


@pytest.mark.parametrize("twice", ["tp_count", "pp_count"])
def test_twice_the_ranks_or_stages_halve_the_shard(twice):
    layout = {"parameter_count": 8e9, "tp_count": 4, "pp_count": 4, "element_bytes": 2}
    assert parallel.shard_byte(**layout | {twice: 8}) == parallel.shard_byte(**layout) / 2


def test_one_stage_holds_all_layers():
    assert parallel.layers_per_stage_count(layer_count=126, pp_count=1) == 126


# Laws


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    draw = np.random.default_rng(7)
    stacked = {name: draw.uniform(1.0, 9.0, (4, 3)) for name in names(kernel)}
    whole = kernel(**stacked)
    assert whole.dtype == np.float64
    for place in np.ndindex(4, 3):
        alone = kernel(**{name: float(values[place]) for name, values in stacked.items()})
        np.testing.assert_allclose(whole[place], alone, rtol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_infeasible_layouts_stay_nan(kernel):
    for hole in names(kernel):
        assert np.isnan(kernel(**{name: np.nan if name == hole else 2.0 for name in names(kernel)}))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(*(st.integers(0, 4) for _ in range(4)), st.integers(0, 7))
def test_ranks_per_domain_agree_with_placing_every_gpu(tp, cp, pp, dp, domain):
    sizes = [2**power for power in (tp, cp, pp, dp, domain)]
    layout = dict(zip(GROUP, sizes, strict=True))
    assert parallel.group_ranks_per_node_count(**layout) == ranks_counted(*sizes)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(0.0, 1.0))
def test_exposed_part_lies_between_the_best_overlap_and_the_whole(collective, window, overlap):
    exposed = parallel.exposed_s(collective_s=collective, window_s=window, overlap_share=overlap)
    assert (1.0 - overlap) * collective <= exposed <= collective
