"""Hand-worked values and limits of the roofline of inference."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.lease import tokens
from colocalc.mfu import inference

LAWS = settings(max_examples=60, deadline=None, derandomize=True)


def called(kernel, base, **changes):
    return float(kernel(**base | changes))


# Memory

CACHE = {
    "layer_count": 126,
    "kv_dim": 2 * 8 * 128,
    "kv_bytes": 1,
    "context_tokens": 1_000,
    "window_layer_count": 0,
    "attention_window_tokens": math.inf,
}


def test_the_cache_of_a_405b_model_is_258_kilobytes_a_token():
    assert called(inference.kv_cache_byte, CACHE) == 126 * 2_048 * 1_000


def test_latent_attention_keeps_70_kilobytes_a_token_in_16_bits():
    # DeepSeek-V2, table 1: (512 + 64) numbers a layer; 61 layers of V3 in BF16.
    found = called(inference.kv_cache_byte, CACHE, layer_count=61, kv_dim=576, kv_bytes=2, context_tokens=1)
    assert found == pytest.approx(70.3e3, rel=1e-3)


def test_no_context_is_kept_of_nothing():
    assert called(inference.kv_cache_byte, CACHE, context_tokens=0) == 0.0


def test_a_window_bounds_what_its_layers_keep():
    windowed = {"window_layer_count": 63, "attention_window_tokens": 128}
    assert called(inference.kv_cache_byte, CACHE, **windowed) == 2_048 * (63 * 1_000 + 63 * 128)
    assert called(inference.kv_cache_byte, CACHE, **windowed, context_tokens=100) == 2_048 * 126 * 100


REPLICA = {
    "weight_byte": 406e9,
    "hbm_byte": 80e9,
    "memory_share": 0.9,
    "weight_memory_share": 0.5,
    "domain_gpu_count": 8,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"weight_byte": 8e9}, 1),  # small beside one GPU
        ({}, 8),  # 406 of 576 GB: more than half of the domain, which holds it
        ({"weight_byte": 812e9}, 16),  # in no domain
        ({"domain_gpu_count": 72}, 16),  # 406 of 1,152 GB: the first power of two with room
        ({"weight_byte": 140e9}, 4),
    ],
)
def test_the_smallest_replica(changes, expected):
    assert called(inference.least_replica_gpu_count, REPLICA, **changes) == expected


BATCH = {"weight_byte": 406e9, "kv_byte": 0.5e9, "hbm_byte": 80e9, "memory_share": 0.9, "replica_gpu_count": 8}


def test_as_many_sequences_as_fit_beside_the_weights():
    assert called(inference.sequence_count, BATCH) == 340  # (576 - 406) / 0.5
    assert called(inference.sequence_count, BATCH, weight_byte=600e9) == 0.0
    assert math.isnan(called(inference.sequence_count, BATCH, kv_byte=0.0))


WEIGHTS = {
    "shared_weight_byte": 20e9,
    "expert_weight_byte": 640e9,
    "expert_count": 256,
    "topk_count": 8,
    "batch_count": 1,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"expert_weight_byte": 0.0, "expert_count": 0, "topk_count": 0}, 20e9),
        ({}, 40e9),  # 8 of 256
        ({"batch_count": 0}, 20e9),
        ({"batch_count": 64}, 20e9 + 640e9 * (1 - (31 / 32) ** 64)),
        ({"batch_count": 1e6}, 660e9),
        ({"topk_count": 256}, 660e9),
    ],
)
def test_experts_are_read_as_tokens_need_them(changes, expected):
    assert called(inference.weights_read_byte, WEIGHTS, **changes) == pytest.approx(expected, rel=1e-12)


# Time

TALK = {
    "layer_count": 100,
    "hidden_dim": 10_000,
    "activation_bytes": 2,
    "batch_count": 9,
    "replica_gpu_count": 8,
    "link_byte_per_s": 450e9,
    "start_s": 1e-5,
}


def test_two_collectives_a_layer():
    # 7/4 of 180,000 bytes at 450 GB/s are 0.7 us.
    assert called(inference.decode_communication_s, TALK) == pytest.approx(200 * (1e-5 + 0.7e-6), rel=1e-12)


def test_one_gpu_talks_to_nobody_and_nothing_carried_leaves_the_starts():
    assert called(inference.decode_communication_s, TALK, replica_gpu_count=1) == 0.0
    assert called(inference.decode_communication_s, TALK, batch_count=0) == pytest.approx(2e-3)
    assert called(inference.decode_communication_s, TALK, link_byte_per_s=math.inf) == pytest.approx(2e-3)


PREFILL = {"forward_flop_per_token": 8e11, "peak_flop_per_s": 2e15, "compute_share": 0.5}


def test_prefill_is_bound_by_compute():
    assert called(inference.prefill_tokens_per_s_per_gpu, PREFILL) == 1_250.0
    assert called(inference.prefill_tokens_per_s_per_gpu, PREFILL, forward_flop_per_token=1.6e12) == 625.0
    assert math.isnan(called(inference.prefill_tokens_per_s_per_gpu, PREFILL, forward_flop_per_token=0.0))


STEP = {
    "batch_count": 8,
    "replica_gpu_count": 8,
    "read_byte": 406e9,
    "kv_byte": 0.4e9,
    "hbm_byte_per_s": 3.35e12,
    "bandwidth_share": 0.7,
    "forward_flop_per_token": 8.1e11,
    "peak_flop_per_s": 1.979e15,
    "compute_share": 0.5,
    "communication_s": 0.0,
}


def test_few_sequences_take_the_time_to_read_the_weights():
    alone = called(inference.decode_step_s, STEP, batch_count=1, kv_byte=0.0)
    assert alone == pytest.approx(406e9 / (8 * 0.7 * 3.35e12), rel=1e-12)
    assert called(inference.decode_step_s, STEP, batch_count=16, kv_byte=0.0) == alone


def test_each_sequence_adds_the_time_to_read_what_it_keeps():
    found = called(inference.decode_step_s, STEP)
    assert found == pytest.approx((406e9 + 8 * 0.4e9) / (8 * 0.7 * 3.35e12), rel=1e-12)


def test_many_sequences_take_their_arithmetic():
    assert called(inference.decode_step_s, STEP, batch_count=4_000, kv_byte=0.0) == pytest.approx(
        4_000 * 8.1e11 / (8 * 0.5 * 1.979e15), rel=1e-12
    )


def test_slow_links_bound_a_step():
    assert called(inference.decode_step_s, STEP, communication_s=1.0) == 1.0


def test_each_sequence_gets_a_token_a_step():
    tokens_of = {"batch_count": 64, "replica_gpu_count": 8, "step_s": 0.02}
    assert called(inference.decode_tokens_per_s_per_gpu, tokens_of) == 400.0
    assert called(inference.decode_tokens_per_s_per_gpu, tokens_of, batch_count=0) == 0.0
    assert math.isnan(called(inference.decode_tokens_per_s_per_gpu, tokens_of, step_s=0.0))


def test_an_h200_decodes_by_its_bandwidth():
    # At one number of sequences: 4.8 / 3.35.
    h100, h200 = (called(inference.decode_step_s, STEP, hbm_byte_per_s=rate) for rate in (3.35e12, 4.8e12))
    assert h100 / h200 == pytest.approx(1.43, abs=0.005)


# Requests and prices

REQUEST = {
    "prompt_tokens": 3_000,
    "output_tokens": 1_000,
    "read_tokens_per_s_per_gpu": 1_500,
    "made_tokens_per_s_per_gpu": 500,
}


def test_a_request_takes_its_prompt_and_its_output():
    assert called(tokens.served_tokens_per_s_per_gpu, REQUEST) == 1_000.0  # 4,000 tokens in 2 + 2 s
    assert called(tokens.served_tokens_per_s_per_gpu, REQUEST, output_tokens=0) == 1_500.0
    assert called(tokens.served_tokens_per_s_per_gpu, REQUEST, prompt_tokens=0) == 500.0
    nothing = {"made_tokens_per_s_per_gpu": 0, "read_tokens_per_s_per_gpu": 0}
    assert called(tokens.served_tokens_per_s_per_gpu, REQUEST, made_tokens_per_s_per_gpu=0) == 0.0
    assert called(tokens.served_tokens_per_s_per_gpu, REQUEST, **nothing) == 0.0


PRICE = {"rate_usd_per_gpu_h": 3.6, "served_tokens_per_s_per_gpu": 1_000, "utilization_share": 1.0}


def test_the_price_that_pays_the_rent():
    assert called(tokens.token_price_usd_per_mtoken, PRICE) == 1.0
    assert called(tokens.token_price_usd_per_mtoken, PRICE, utilization_share=0.5) == 2.0
    assert called(tokens.token_price_usd_per_mtoken, PRICE, rate_usd_per_gpu_h=0.0) == 0.0
    assert called(tokens.token_price_usd_per_mtoken, PRICE, served_tokens_per_s_per_gpu=1e-4) == pytest.approx(1e7)
    assert math.isnan(called(tokens.token_price_usd_per_mtoken, PRICE, served_tokens_per_s_per_gpu=0.0))


def test_a_blend_lies_between_its_prices():
    blend = {"input_usd_per_mtoken": 1.0, "output_usd_per_mtoken": 5.0, "input_share": 0.75}
    assert called(tokens.blended_usd_per_mtoken, blend) == 2.0
    assert called(tokens.blended_usd_per_mtoken, blend, input_usd_per_mtoken=2.0) == 2.75
    assert called(tokens.blended_usd_per_mtoken, blend, input_share=1.0) == 1.0
    assert called(tokens.blended_usd_per_mtoken, blend, input_share=0.0) == 5.0
    assert called(tokens.blended_usd_per_mtoken, blend, output_usd_per_mtoken=1.0) == 1.0


# Laws


@LAWS
@given(batch=st.integers(1, 5_000), more=st.integers(0, 5_000))
def test_more_sequences_never_make_fewer_tokens(batch, more):
    def made(count):
        step = called(inference.decode_step_s, STEP, batch_count=count, kv_byte=1e6)
        return called(
            inference.decode_tokens_per_s_per_gpu, {"batch_count": count, "replica_gpu_count": 8, "step_s": step}
        )

    assert made(batch + more) >= made(batch) * (1 - 1e-12)


@LAWS
@given(experts=st.integers(1, 512), batch=st.floats(0.0, 1e4), data=st.data())
def test_what_is_read_lies_between_shared_and_all(experts, batch, data):
    topk = data.draw(st.integers(1, experts))
    read = called(inference.weights_read_byte, WEIGHTS, expert_count=experts, topk_count=topk, batch_count=batch)
    assert 20e9 <= read <= 660e9 * (1 + 1e-12)


@LAWS
@given(weight=st.floats(1e8, 1e13), domain=st.sampled_from([1, 4, 8, 72]))
def test_the_smallest_replica_holds_its_model(weight, domain):
    count = called(inference.least_replica_gpu_count, REPLICA, weight_byte=weight, domain_gpu_count=domain)
    assert count * 72e9 >= weight * (1 - 1e-12)
    assert count == domain or np.log2(count) % 1 == 0
