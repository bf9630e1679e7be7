"""Served tokens against MLPerf and InferenceX: a roofline is an upper bound, and the tolerance is wide and stated.

Mean lengths of the data sets: Llama 2 70B 294 in and 294 out, Llama 3.1 405B 9,400 in and 680 out, DeepSeek-R1 800 in and
3,900 out (MLPerf Inference rules and task descriptions, rounded). Results are output tokens per second and GPU.
"""

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.study.serving import evaluate_serving, replicas

CATALOG = load_catalog()
DENSE_WITHIN = 2.0  # of dense models: between half and twice the result
EXPERTS_WITHIN = 12.0  # of a mixture of experts: above the result, by no more than this


def case(gpu, model, precision, prompt, output):
    text = f"""
name: published
pools: [{{gpu: {gpu}, count: 72}}]
inference: {{model: {model}, precision: {precision}, prompt_tokens: {prompt}, output_tokens: {output}}}
"""
    loaded = load_fleet("-", catalog=CATALOG, stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def output_tokens_per_s_per_gpu(*served):
    one = case(*served)
    found = evaluate_serving(one, None)
    busy = found.served_tokens_per_s[0] / 72 / float(one.inference.utilization_share)
    return float(busy) * served[4] / (served[3] + served[4])


@pytest.mark.parametrize(
    ("gpu", "model", "precision", "prompt", "output", "measured"),
    [
        ("h100-sxm", "llama-2-70b", "fp8", 294, 294, 3_902.5),  # MLPerf Inference v5.1, offline
        ("h200-sxm", "llama-2-70b", "fp8", 294, 294, 4_414.6),
        ("b200-sxm", "llama-2-70b", "nvfp4", 294, 294, 12_863.6),
        ("gb200-nvl72", "llama-2-70b", "nvfp4", 294, 294, 13_015.4),
        ("h100-sxm", "llama-3.1-405b", "fp8", 9_400, 680, 48.9),
        ("h200-sxm", "llama-3.1-405b", "fp8", 9_400, 680, 69.1),
        ("b200-sxm", "llama-3.1-405b", "nvfp4", 9_400, 680, 207.6),
        ("gb200-nvl72", "llama-3.1-405b", "nvfp4", 9_400, 680, 214.0),
    ],
)
def test_a_dense_model_is_served_within_a_factor_of_two(gpu, model, precision, prompt, output, measured):
    found = output_tokens_per_s_per_gpu(gpu, model, precision, prompt, output)
    print(f"{gpu} {model}: {found:,.0f} of {measured:,.0f}")
    assert measured / DENSE_WITHIN <= found <= measured * DENSE_WITHIN


@pytest.mark.parametrize(("gpu", "measured"), [("b200-sxm", 4_172.4), ("gb200-nvl72", 4_023.8)])
def test_a_mixture_of_experts_is_served_below_the_roofline(gpu, measured):
    found = output_tokens_per_s_per_gpu(gpu, "deepseek-v3", "nvfp4", 800, 3_900)
    print(f"{gpu}: {found:,.0f} of {measured:,.0f}")
    assert measured <= found <= measured * EXPERTS_WITHIN


def test_an_h200_decodes_43_percent_faster_than_an_h100_at_one_batch():
    h100, h200 = (case(gpu, "llama-3.1-405b", "fp8", 64, 64).inference for gpu in ("h100-sxm", "h200-sxm"))
    assert float((h200.hbm_byte_per_s / h100.hbm_byte_per_s)[0]) == pytest.approx(1.43, abs=0.005)


def test_a_gb200_serves_several_times_what_an_h200_does():
    # NVIDIA claims up to 15 times, at 50 tokens per second and user and for a whole rack.
    h200, gb200 = (
        float(replicas(case(gpu, "deepseek-v3", kind, 1_024, 1_024).inference).decode_tokens_per_s_per_gpu[0])
        for gpu, kind in (("h200-sxm", "fp8"), ("gb200-nvl72", "nvfp4"))
    )
    assert 2.0 <= gb200 / h200 <= 15.0
    assert np.isfinite(h200)
