"""The network lowered: rates per rank and hop latencies; NaN where the network lacks an algorithm."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from colocalc.arrays import Array
from colocalc.case.facts import fact_or_usual
from colocalc.case.ledger import Ledger, per_type, scalar
from colocalc.fleet import Fleet, NetworkUse
from colocalc.hardware import GpuType, Network
from colocalc.mfu.exchange import Links
from colocalc.units import BITS_PER_BYTE, BYTES_PER_GBYTE

_TOPIC: Final = "mfu"
# The constants each algorithm needs; a network that does not list the algorithm lowers them to NaN.
_CONSTANTS = {
    "ring_intra_hop_s": "ring",
    "ring_inter_hop_s": "ring",
    "ring_base_s": "ring",
    "ring_plateau_factor": "ring",
    "tree_intra_hop_s": "tree",
    "tree_inter_hop_s": "tree",
    "tree_base_s": "tree",
    "tree_bandwidth_factor": "tree",
    "pat_base_s": "pat",
    "pat_inter_hop_s": "pat",
    "pat_hop_divisor_factor": "pat",
    "pat_rank_s": "pat",
    "pat_bandwidth_factor": "pat",
    "in_network_base_s": "in-network",
    "in_network_hop_s": "in-network",
    "torus_hop_s": "torus",
}


@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """What the step model needs of the network."""

    nic_byte_per_s: Array
    pod_gpu_count: Array
    oversubscription_factor: Array
    flat_collective_count: Array
    links: Links
    algorithm: str
    flat: bool


def network_of(use: NetworkUse | None, gpus: list[GpuType], ledger: Ledger) -> Network:
    """The network of a fleet: the one named, else the one its GPUs' links imply."""
    kind = "torus" if gpus and all(gpu.link_kind == "torus" for gpu in gpus) else "switched"
    name = ledger.word("network.fabric", use.fabric if use else None, _TOPIC, default=f"network.{kind}")
    return ledger.catalog.network(name)


def lower_network(fleet: Fleet, gpus: list[GpuType], ledger: Ledger) -> NetworkArrays:
    """The network's arrays, each constant recorded with its source."""
    use = fleet.network or NetworkUse()
    network = network_of(fleet.network, gpus, ledger)

    def own(name: str) -> Array:
        return scalar(ledger.number(f"network.{name}", getattr(use, name), _TOPIC, default=f"network.{name}"))

    def constant(name: str) -> Array:
        return scalar(ledger.fact(f"networks.{network.id}.{name}", getattr(network, name), _TOPIC))

    missing = scalar(float("nan"))
    constants = {
        name: constant(name) if algorithm in network.algorithms else missing for name, algorithm in _CONSTANTS.items()
    }
    links = Links(
        **constants,
        torus_dimension_count=scalar(_torus_dimensions(gpus, ledger)),
        torus_byte_per_s=missing,
        scale_up_byte_per_s=missing,
        scale_out_byte_per_s=missing,
    )
    if use.flat:
        ledger.remark(
            "network.flat is a counterfactual: the gradients cross one ring over all ranks, as no 3D-parallel job does",
            _TOPIC,
            kind="warning",
        )
    return NetworkArrays(
        nic_byte_per_s=per_type(gpus, lambda gpu: _nic(use, gpu, ledger)),
        pod_gpu_count=own("pod_gpu_count"),
        oversubscription_factor=own("oversubscription_factor"),
        flat_collective_count=own("flat_collective_count"),
        links=links,
        algorithm=ledger.word("network.algorithm", use.algorithm, _TOPIC, default="network.algorithm"),
        flat=use.flat,
    )


def _nic(use: NetworkUse, gpu: GpuType, ledger: Ledger) -> float:
    if use.nic_gbit_per_s is not None:
        rate = ledger.number("network.nic_gbit_per_s", use.nic_gbit_per_s, _TOPIC)
    else:
        rate = fact_or_usual(gpu, "nic_gbit_per_s", ledger)
    return rate / BITS_PER_BYTE * BYTES_PER_GBYTE


def _torus_dimensions(gpus: list[GpuType], ledger: Ledger) -> float:
    """Dimensions of the torus; NaN unless every GPU stands on one."""
    name = "torus_dimension_count"
    found = per_type(gpus, lambda gpu: ledger.fact(f"gpus.{gpu.id}.{name}", gpu.torus_dimension_count, _TOPIC))
    return float(np.min(found))
