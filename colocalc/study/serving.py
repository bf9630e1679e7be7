"""The tenant's view: tokens that the fleet serves, replica by replica, and what they must cost to pay the lease."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, InferenceCase
from colocalc.lease import tokens
from colocalc.mfu import inference, straggler
from colocalc.study.leasing import LeaseResult


@dataclass(frozen=True, eq=False)
class ServingResult:
    """Inference on every pool, arrays ``(..., pool)``; with ``mean_`` and ``total_`` those of the fleet, ``(...,)``.

    Rates are per GPU of the pool, in a replica or left over. Prices are NaN for a pool without a rate.
    """

    replica_gpu_count: Array
    batch_count: Array
    step_s: Array
    jitter_factor: Array
    placed_share: Array
    prefill_tokens_per_s_per_gpu: Array
    decode_tokens_per_s_per_gpu: Array
    served_tokens_per_s: Array
    input_usd_per_mtoken: Array
    output_usd_per_mtoken: Array
    blended_usd_per_mtoken: Array
    break_even_usd_per_mtoken: Array
    mean_jitter_factor: Array
    mixed_generations_factor: Array
    mean_prefill_tokens_per_s_per_gpu: Array
    mean_decode_tokens_per_s_per_gpu: Array
    total_served_tokens_per_s: Array
    mean_input_usd_per_mtoken: Array
    mean_output_usd_per_mtoken: Array
    mean_blended_usd_per_mtoken: Array
    mean_break_even_usd_per_mtoken: Array


@dataclass(frozen=True, eq=False)
class Replica:
    """One replica on each pool, ``(..., pool)``, before jitter and what is left over."""

    gpu_count: Array
    kv_byte: Array
    batch_count: Array
    read_byte: Array
    communication_s: Array
    step_s: Array
    prefill_tokens_per_s_per_gpu: Array
    decode_tokens_per_s_per_gpu: Array


def replicas(given: InferenceCase) -> Replica:
    """The roofline of a replica on the GPU of each pool."""
    # Quantities of the model have no pool axis yet.
    of = {name: np.asarray(getattr(given, name))[..., None] for name in _OF_MODEL}
    count = _replica_gpu_count(given, of)
    kv = inference.kv_cache_byte(**{name: of[name] for name in _OF_CACHE})
    batch = inference.sequence_count(
        weight_byte=of["weight_byte"],
        kv_byte=kv,
        hbm_byte=given.hbm_byte,
        memory_share=of["memory_share"],
        replica_gpu_count=count,
    )
    read = inference.weights_read_byte(
        shared_weight_byte=of["weight_byte"] - of["expert_weight_byte"],
        expert_weight_byte=of["expert_weight_byte"],
        expert_count=of["expert_count"],
        topk_count=of["topk_count"],
        batch_count=batch,
    )
    links = np.where(count > given.domain_gpu_count, given.nic_byte_per_s, given.scale_up_byte_per_s)
    talk = inference.decode_communication_s(
        layer_count=of["layer_count"],
        hidden_dim=of["hidden_dim"],
        activation_bytes=of["activation_bytes"],
        batch_count=batch,
        replica_gpu_count=count,
        link_byte_per_s=links,
        start_s=of["collective_start_s"],
    )
    compute = {"peak_flop_per_s": given.peak_flop_per_s, "compute_share": of["compute_share"]}
    step = inference.decode_step_s(
        batch_count=batch,
        replica_gpu_count=count,
        read_byte=read,
        kv_byte=kv,
        hbm_byte_per_s=given.hbm_byte_per_s,
        bandwidth_share=of["bandwidth_share"],
        forward_flop_per_token=of["matmul_flop_per_token"] + of["key_flop_per_token"],
        communication_s=talk,
        **compute,
    )
    prefill = inference.prefill_tokens_per_s_per_gpu(
        forward_flop_per_token=of["matmul_flop_per_token"] + of["prompt_attention_flop_per_token"], **compute
    )
    decode = inference.decode_tokens_per_s_per_gpu(batch_count=batch, replica_gpu_count=count, step_s=step)
    return Replica(*np.broadcast_arrays(count, kv, batch, read, talk, step, prefill, decode))


_OF_CACHE = ("layer_count", "kv_dim", "kv_bytes", "context_tokens", "window_layer_count", "attention_window_tokens")
_OF_MODEL = (
    *_OF_CACHE,
    "weight_byte",
    "expert_weight_byte",
    "expert_count",
    "topk_count",
    "hidden_dim",
    "matmul_flop_per_token",
    "key_flop_per_token",
    "prompt_attention_flop_per_token",
    "memory_share",
    "weight_memory_share",
    "replica_gpu_count",
    "activation_bytes",
    "collective_start_s",
    "compute_share",
    "bandwidth_share",
)


def _replica_gpu_count(given: InferenceCase, of: dict[str, Array]) -> Array:
    least = inference.least_replica_gpu_count(
        weight_byte=of["weight_byte"],
        hbm_byte=given.hbm_byte,
        memory_share=of["memory_share"],
        weight_memory_share=of["weight_memory_share"],
        domain_gpu_count=given.domain_gpu_count,
    )
    return np.where(np.isnan(of["replica_gpu_count"]), least, of["replica_gpu_count"])


def evaluate_serving(case: Case, lease: LeaseResult | None) -> ServingResult | None:
    """What the fleet serves; None when the file does not say what."""
    given = case.inference
    if given is None:
        return None
    one, gpus = replicas(given), case.pools.gpu_count
    excess = given.jitter_sigma_share[..., None] * straggler.expected_max_normal(count=one.gpu_count)
    jitter = straggler.jitter_factor(excess_share=excess)
    placed = np.floor(gpus / one.gpu_count) * one.gpu_count / np.where(gpus > 0.0, gpus, 1.0)
    prefill = one.prefill_tokens_per_s_per_gpu * jitter * placed
    decode = one.decode_tokens_per_s_per_gpu * jitter * placed
    pool_rate = lease.rate_usd_per_gpu_h if lease else np.full(gpus.shape, np.nan)
    mean_rate = lease.mean_rate_usd_per_gpu_h if lease else np.asarray(np.nan)
    mean = partial(_mean, gpus)
    served = _served(given, prefill, decode)
    total = np.sum(np.where(gpus > 0.0, gpus * served, 0.0), axis=-1) * given.utilization_share
    pools = _prices(given, pool_rate, prefill, decode, served)
    fleet = _prices(given, mean_rate[..., None], mean(prefill), mean(decode), mean(served))
    return ServingResult(
        replica_gpu_count=one.gpu_count,
        batch_count=one.batch_count,
        step_s=one.step_s,
        jitter_factor=jitter,
        placed_share=placed,
        prefill_tokens_per_s_per_gpu=prefill,
        decode_tokens_per_s_per_gpu=decode,
        served_tokens_per_s=gpus * served * given.utilization_share[..., None],
        **pools,
        mean_jitter_factor=_over(mean(decode), mean(decode / jitter)),
        mixed_generations_factor=_over(mean(decode), mean(one.decode_tokens_per_s_per_gpu * jitter)),
        mean_prefill_tokens_per_s_per_gpu=mean(prefill)[..., 0],
        mean_decode_tokens_per_s_per_gpu=mean(decode)[..., 0],
        total_served_tokens_per_s=total,
        **{f"mean_{name}": value[..., 0] for name, value in fleet.items()},
    )


def _mean(gpu_count: Array, values: Array) -> Array:
    """The mean over GPUs, with a pool axis of one; pools without GPUs count for nothing."""
    total = np.sum(gpu_count, axis=-1, keepdims=True)
    whole = np.sum(np.where(gpu_count > 0.0, gpu_count * values, 0.0), axis=-1, keepdims=True)
    mean: Array = whole / np.where(total > 0.0, total, np.nan)
    return mean


def _over(part: Array, whole: Array) -> Array:
    share: Array = (part / np.where(whole > 0.0, whole, np.nan))[..., 0]
    return share


def _served(given: InferenceCase, prefill: Array, decode: Array) -> Array:
    return tokens.served_tokens_per_s_per_gpu(
        prompt_tokens=given.prompt_tokens[..., None],
        output_tokens=given.output_tokens[..., None],
        read_tokens_per_s_per_gpu=prefill,
        made_tokens_per_s_per_gpu=decode,
    )


def _prices(given: InferenceCase, rate: Array, prefill: Array, decode: Array, served: Array) -> dict[str, Array]:
    price = partial(
        tokens.token_price_usd_per_mtoken,
        rate_usd_per_gpu_h=rate,
        utilization_share=given.utilization_share[..., None],
    )
    read, made = price(served_tokens_per_s_per_gpu=prefill), price(served_tokens_per_s_per_gpu=decode)
    blended = tokens.blended_usd_per_mtoken(
        input_usd_per_mtoken=read, output_usd_per_mtoken=made, input_share=given.input_token_share[..., None]
    )
    return {
        "input_usd_per_mtoken": read,
        "output_usd_per_mtoken": made,
        "blended_usd_per_mtoken": blended,
        "break_even_usd_per_mtoken": price(served_tokens_per_s_per_gpu=served),
    }
