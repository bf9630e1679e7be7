"""A plausible training job that the laws vary."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from colocalc.mfu.exchange import Links
from colocalc.mfu.job import Job

# 4,096 H100, 1,024 H200 and 512 GB200, each a whole number of replicas of 128 GPUs.
POOLS = {
    "gpu_count": (4_096.0, 1_024.0, 512.0),
    "peak_flop_per_s": (989e12, 989e12, 2_500e12),
    "ceiling_share": (0.80, 0.81, 0.73),
    "shape_share": (0.75, 0.74, 0.72),
    "scale_up_byte_per_s": (450e9, 450e9, 900e9),
    "nic_byte_per_s": (50e9, 50e9, 50e9),
    "domain_gpu_count": (8.0, 8.0, 72.0),
    "node_gpu_count": (8.0, 8.0, 4.0),
    "hbm_byte": (80e9, 141e9, 186e9),
    "failures_per_1000_gpu_day": (0.5, 0.6, 0.8),
    "gpu_power_share": (1.2, 0.95, 1.1),
}
SCALARS = {
    "layer_count": 80.0,
    "hidden_dim": 8_192.0,
    "kv_dim": 1_024.0,
    "parameter_count": 70.6e9,
    "counted_flop_per_token": 4.4e11,
    "flop_per_token": 4.4e11,
    "attention_flop_per_token": 3.2e10,
    "sequence_tokens": 8_192.0,
    "global_batch_tokens": 16_777_216.0,
    "tp_count": 8.0,
    "pp_count": 8.0,
    "vpp_count": 2.0,
    "cp_count": 2.0,
    "micro_batch_count": 1.0,
    "schedule_factor": 1.0,
    "recompute_full_share": 0.0,
    "recompute_selective_share": 1.0,
    "dp_shard_count": np.nan,
    "gradient_bytes": 4.0,
    "weight_bytes": 2.0,
    "activation_bytes": 2.0,
    "block_collective_factor": 1.0,
    "memory_bound_share": 0.1,
    "stage_imbalance_share": 0.03,
    "overlap_share": 0.7,
    "node_sigma_share": 0.01,
    "power_exponent_factor": 0.7,
    "software_factor": 0.95,
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
    "scale_up_efficiency_share": 0.8,
    "scale_out_efficiency_share": 0.85,
}
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


def _arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}


@pytest.fixture(scope="session")
def make_links() -> Callable[..., Links]:
    """Links of an H100 cluster with some constants changed."""

    def make(**changes: Any) -> Links:
        return Links(**_arrays(LINKS | changes))

    return make


@pytest.fixture(scope="session")
def make_job(make_links) -> Callable[..., Job]:
    """The job with some fields changed; a number given for a pool quantity is that of every pool."""

    def make(
        *, links: Mapping[str, Any] | None = None, measured: Mapping[str, float] | None = None, **changes: Any
    ) -> Job:
        given = POOLS | SCALARS | WORDS | changes
        pools = len(given["gpu_count"])
        arrays = _arrays({name: given[name] for name in (*POOLS, *SCALARS)})
        arrays |= {name: np.broadcast_to(arrays[name], (pools,)).copy() for name in POOLS if arrays[name].ndim == 0}
        words = {name: given[name] for name in WORDS}
        return Job(**arrays, **words, links=make_links(**(links or {})), measured=_arrays(measured or {}))

    return make
