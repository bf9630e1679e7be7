"""A plausible training job that the laws vary."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from colocalc.catalog import load_catalog
from colocalc.mfu.exchange import Links
from colocalc.mfu.job import Job
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Stack

# 4,096 H100, 1,024 H200 and 512 GB200, each a whole number of replicas of 128 GPUs.
POOLS = {
    "gpu_count": (4_096.0, 1_024.0, 512.0),
    "shape_share": (np.nan, np.nan, np.nan),
    "failures_per_1000_gpu_day": (0.5, 0.6, 0.8),
    "gpu_power_share": (1.2, 0.95, 1.1),
    "smoothing_factor": (1.0, 0.98, 1.0),
}
CHIP = {
    "peak_flop_per_s": (989e12, 989e12, 2_500e12),
    "bf16_flop_per_s": (989e12, 989e12, 2_500e12),
    "ceiling_share": (0.80, 0.81, 0.73),
    "bf16_ceiling_share": (0.80, 0.81, 0.73),
    "attention_share": (0.45, 0.45, 0.5),
    "operand_byte": 2.0,
    "cast_byte": 0.0,
    "hbm_byte": (80e9, 141e9, 186e9),
    "hbm_byte_per_s": (3.35e12, 4.8e12, 8e12),
    "scale_up_byte_per_s": (450e9, 450e9, 900e9),
    "scale_out_byte_per_s": 50e9,
    "domain_gpu_count": (8.0, 8.0, 72.0),
    "node_gpu_count": (8.0, 8.0, 4.0),
    "torus_dim_count": 1.0,
    "tpu_share": 0.0,
    "ultra_share": 0.0,
    "fp8_share": 0.0,
    "fp4_share": 0.0,
}
STACK = {
    "flash_share": 1.0,
    "parallel_block_share": 0.0,
    "tp_overlap_share": 0.0,
    "cp_overlap_share": 0.0,
    "pp_overlap_share": 1.0,
    "dp_overlap_share": 1.0,
    "tuned_share": 0.0,
    "fsdp_share": 0.0,
    "gradient_byte": 4.0,
    "loss_byte": 14.0,
    "age_months": (24.0, 12.0, 4.0),
    "slice_count": 1.0,
}
# Llama 3 70B, and a model of its width with experts in all layers but two.
DENSE = {
    "layer_count": 80.0,
    "expert_layer_count": 0.0,
    "hidden_dim": 8_192.0,
    "head_count": 64.0,
    "query_dim": 8_192.0,
    "kv_dim": 1_024.0,
    "value_dim": 8_192.0,
    "attention_parameter_count": 2.0 * 8_192.0 * 128.0 * (64.0 + 8.0),
    "mlp_dim": 28_672.0,
    "mlp_matrix_count": 3.0,
    "expert_mlp_dim": 0.0,
    "shared_mlp_dim": 0.0,
    "expert_count": 0.0,
    "topk_count": 0.0,
    "vocabulary_count": 128_256.0,
    "sequence_tokens": 8_192.0,
    "window_tokens": 8_192.0,
    "window_layer_share": 0.0,
}
EXPERTS = DENSE | {
    "expert_layer_count": 78.0,
    "expert_mlp_dim": 4_096.0,
    "shared_mlp_dim": 4_096.0,
    "expert_count": 32.0,
    "topk_count": 4.0,
}
NO_MODEL = dict.fromkeys(DENSE, np.nan) | {"sequence_tokens": 8_192.0}
SCALARS = {
    "global_batch_tokens": 16_777_216.0,
    "tp_count": 8.0,
    "pp_count": 8.0,
    "vpp_count": 2.0,
    "cp_count": 2.0,
    "ep_count": 1.0,
    "micro_batch_count": 1.0,
    "schedule_factor": 1.0,
    "sequence_parallel_share": 1.0,
    "recompute_layer_share": 0.0,
    "recompute_core_share": 0.0,
    "selective_share": 0.0,
    "dp_shard_count": np.nan,
    "memory_bound_share": np.nan,
    "stage_imbalance_share": np.nan,
    "outer_sync_interval_steps": 1.0,
    "outer_sync_bits": 16.0,
    "power_exponent_factor": 0.7,
    "software_factor": 0.95,
    "model_error_factor": 1.0,
    "allocation_share": 0.9,
    "restart_s": 600.0,
    "replica_stall_s": 180.0,
    "hot_spare_stall_s": 30.0,
    "replica_repair_s": 600.0,
    "checkpoint_s": 20.0,
    "checkpoint_interval_s": np.nan,
    "pod_gpu_count": 3_072.0,
    "oversubscription_factor": 7.0,
    "flat_collective_count": 10.0,
}
# What is assumed of a job without a model.
ASSUMED = {"shape_share": (0.75, 0.74, 0.72), "memory_bound_share": 0.1, "stage_imbalance_share": 0.03}
LINKS = {
    "ring_intra_hop_s": 0.6e-6,
    "ring_inter_hop_s": 2.7e-6,
    "ring_base_s": 6.6e-6,
    "ring_plateau_factor": 1.4,
    "tree_intra_hop_s": 0.6e-6,
    "tree_inter_hop_s": 5e-6,
    "tree_base_s": 6.8e-6,
    "tree_bandwidth_factor": 0.92,
    "pat_base_s": 8e-6,
    "pat_inter_hop_s": 14e-6,
    "pat_hop_divisor_factor": 3.5,
    "pat_rank_s": 2.8e-6,
    "pat_bandwidth_factor": 0.75,
    "in_network_base_s": 10e-6,
    "in_network_hop_s": 3e-6,
    "torus_hop_s": 1e-6,
    "torus_dimension_count": 3.0,
    "torus_byte_per_s": 300e9,
    "scale_up_byte_per_s": 450e9,
    "scale_out_byte_per_s": 50e9,
}
WORDS = {"split": "equal", "algorithm": "auto", "isolation": "job", "zero_stage": 1, "flat": False}
MODELS = {"dense": DENSE, "experts": EXPERTS, "none": NO_MODEL}


def _arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}


def _on_pools(values: Mapping[str, Any], pools: int) -> dict[str, Any]:
    """A number given for a pool quantity is that of every pool."""
    arrays = _arrays(values)
    return {name: np.broadcast_to(one, (pools,)).copy() if one.ndim == 0 else one for name, one in arrays.items()}


def flop_per_token(model: Mapping[str, float]) -> float:
    """What a causal model executes for a token, forward and backward."""
    layers, sparse, hidden = model["layer_count"], model["expert_layer_count"], model["hidden_dim"]
    width = (layers - sparse) * model["mlp_dim"]
    width += sparse * (model["shared_mlp_dim"] + model["topk_count"] * model["expert_mlp_dim"])
    products = layers * model["attention_parameter_count"] + model["mlp_matrix_count"] * hidden * width
    products += sparse * hidden * model["expert_count"] + model["vocabulary_count"] * hidden
    sequence, window = model["sequence_tokens"], np.minimum(model["window_tokens"], model["sequence_tokens"])
    keys = sequence / 2.0 * (1.0 - model["window_layer_share"])
    keys += window * (1.0 - window / (2.0 * sequence)) * model["window_layer_share"]
    return float(6.0 * products + 6.0 * layers * keys * (model["query_dim"] + model["value_dim"]))


@pytest.fixture(scope="session")
def make_links() -> Callable[..., Links]:
    """Links of an H100 cluster with some constants changed."""

    def make(**changes: Any) -> Links:
        return Links(**_arrays(LINKS | changes))

    return make


@pytest.fixture(scope="session")
def make_job(make_links) -> Callable[..., Job]:
    """The job with some fields changed; those of its parts are given in a mapping: ``chip={"peak_flop_per_s": 1e15}``.

    ``model`` is a word of ``MODELS``. A number given for a pool quantity is that of every pool.
    """
    calibrated = load_catalog().calibration.values()

    def make(
        *,
        model: str = "dense",
        chip: Mapping[str, Any] | None = None,
        stack: Mapping[str, Any] | None = None,
        dimensions: Mapping[str, Any] | None = None,
        constants: Mapping[str, Any] | None = None,
        links: Mapping[str, Any] | None = None,
        measured: Mapping[str, float] | None = None,
        **changes: Any,
    ) -> Job:
        dims = MODELS[model] | dict(dimensions or {})
        done = flop_per_token(dims)
        base = {"flop_per_token": done, "counted_flop_per_token": done} | POOLS | SCALARS | WORDS
        given = base | (ASSUMED if model == "none" else {}) | changes
        pools = len(given["gpu_count"])
        arrays = _arrays({name: given[name] for name in base if name not in WORDS and name not in POOLS})
        return Job(
            **arrays,
            **_on_pools({name: given[name] for name in POOLS}, pools),
            **{name: given[name] for name in WORDS},
            chip=Chip(**_on_pools(CHIP | dict(chip or {}), pools)),
            stack=Stack(**_on_pools(STACK | dict(stack or {}), pools)),
            dimensions=Dimensions(**_arrays(dims)),
            constants=Constants(**_arrays(calibrated | dict(constants or {}))),
            links=make_links(**(links or {})),
            measured=_arrays(measured or {}),
        )

    return make
