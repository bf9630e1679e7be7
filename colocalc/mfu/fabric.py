"""How long does a collective take where the network helps: reducing switches, PAT, a torus, and oversubscription?

The companions of ``colocalc.mfu.collective``, with its conventions. Sources: Graham et al. 2016 (in-network), Jeaugey
2025 and NCCL @5067397 (PAT), Jouppi et al. 2023 (torus), Llama 3 (oversubscription).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.mfu.collective import unless_alone_s, wire_s


def in_network_s(
    *,
    ranks_per_node_count: ArrayLike,
    node_count: ArrayLike,
    message_byte: ArrayLike,
    intra_link_byte_per_s: ArrayLike,
    inter_link_byte_per_s: ArrayLike,
    base_s: ArrayLike,
    hop_s: ArrayLike,
    trip_count: ArrayLike,
) -> Array:
    """Time of a collective that switches add up on the way.

    Between nodes a shard goes up once and the sum comes down at the same time: one trip on the wire for an
    all-reduce too, and latency that does not grow with the nodes.

    Parameters
    ----------
    ranks_per_node_count : array_like (..., pool)
        Ranks on one node, at least 1 [1].
    node_count : array_like (..., pool)
        Nodes, at least 1 [1].
    message_byte : array_like (..., pool)
        Whole message of one rank [bytes].
    intra_link_byte_per_s : array_like (..., pool)
        Rate of one rank inside the node, above zero [bytes/s].
    inter_link_byte_per_s : array_like (..., pool)
        Rate of one rank's own NIC, above zero [bytes/s].
    base_s : array_like (..., pool)
        Start of a collective [s].
    hop_s : array_like (..., pool)
        Way through the switches and back [s].
    trip_count : array_like (..., pool)
        2 for an all-reduce, 1 for a reduce-scatter or an all-gather, inside the node [1].

    Returns
    -------
    ndarray (..., pool)
        Time [s].

    Notes
    -----
    ``base + hop + max(trip (g-1)/g S/B_intra, (S/g)/B_inter)``

    - one rank: 0
    - one node: nothing on the NIC
    - nodes without bound: no change

    References
    ----------
    Graham et al. 2016 (SHARP); NCCL src/graph/tuning.cc @5067397, CollNet and NVLS.
    """
    ranks, nodes, message = as_array(ranks_per_node_count), as_array(node_count), as_array(message_byte)
    intra_s = as_array(trip_count) * wire_s(
        rank_count=ranks, message_byte=message, link_byte_per_s=intra_link_byte_per_s
    )
    inter_s = unless_alone_s(rank_count=nodes, time_s=message / ranks / as_array(inter_link_byte_per_s))
    slower_s = np.maximum(intra_s, inter_s)
    return unless_alone_s(rank_count=ranks * nodes, time_s=slower_s + as_array(hop_s) + as_array(base_s))


def pat_s(
    *,
    rank_count: ArrayLike,
    message_byte: ArrayLike,
    link_byte_per_s: ArrayLike,
    base_s: ArrayLike,
    inter_hop_s: ArrayLike,
    hop_divisor_factor: ArrayLike,
    rank_s: ArrayLike,
    bandwidth_factor: ArrayLike,
    trip_count: ArrayLike,
) -> Array:
    """Time of a collective on parallel aggregated trees, one rank per node.

    Logarithmic in hops, but with a small cost per rank that is linear. NCCL offers it only where every rank stands
    on a node of its own.

    Parameters
    ----------
    rank_count : array_like (..., pool)
        Ranks of the communicator, one per node, at least 1 [1].
    message_byte : array_like (..., pool)
        Whole message of one rank [bytes].
    link_byte_per_s : array_like (..., pool)
        Rate of one rank's NICs, above zero [bytes/s].
    base_s : array_like (..., pool)
        Start of a trip [s].
    inter_hop_s : array_like (..., pool)
        Hop between nodes [s].
    hop_divisor_factor : array_like (..., pool)
        What the hops are divided by because they overlap; 3.5 in NCCL [factor].
    rank_s : array_like (..., pool)
        Work per rank; 2.8 microseconds in NCCL [s].
    bandwidth_factor : array_like (..., pool)
        Share of the rate it reaches; 0.75 in NCCL [0..1].
    trip_count : array_like (..., pool)
        2 for an all-reduce made of both halves, 1 for a reduce-scatter or an all-gather [1].

    Returns
    -------
    ndarray (..., pool)
        Time [s].

    Notes
    -----
    ``trip (base + log2(n) a / q + r n + (n-1)/n S/(f B))``

    - one rank: 0
    - an empty message or an infinite link: the latency
    - ranks without bound: linear in the ranks, at ``rank_s`` each

    References
    ----------
    Jeaugey 2025 (PAT); NCCL src/graph/tuning.cc @5067397.
    """
    ranks = as_array(rank_count)
    hops_s = np.log2(ranks) * as_array(inter_hop_s) / as_array(hop_divisor_factor)
    achieved_byte_per_s = as_array(bandwidth_factor) * as_array(link_byte_per_s)
    bytes_s = wire_s(rank_count=ranks, message_byte=message_byte, link_byte_per_s=achieved_byte_per_s)
    trip_s = as_array(base_s) + hops_s + as_array(rank_s) * ranks + bytes_s
    return unless_alone_s(rank_count=ranks, time_s=as_array(trip_count) * trip_s)


def torus_s(
    *,
    rank_count: ArrayLike,
    dimension_count: ArrayLike,
    message_byte: ArrayLike,
    link_byte_per_s: ArrayLike,
    hop_s: ArrayLike,
    trip_count: ArrayLike,
) -> Array:
    """Time of a collective on a torus with equal sides.

    A ring along each dimension, all of them busy at once on different parts of the message. Optical switches that
    shape the torus before the job cost nothing during it.

    Parameters
    ----------
    rank_count : array_like (..., pool)
        Chips of the torus, at least 1 [1].
    dimension_count : array_like (..., pool)
        Dimensions of the torus [1].
    message_byte : array_like (..., pool)
        Whole message of one rank [bytes].
    link_byte_per_s : array_like (..., pool)
        What one chip sends on all its links together: both ways of every dimension, so ``2 D`` links [bytes/s].
    hop_s : array_like (..., pool)
        Hop from chip to chip [s].
    trip_count : array_like (..., pool)
        2 for an all-reduce, 1 for a reduce-scatter or an all-gather [1].

    Returns
    -------
    ndarray (..., pool)
        Time [s].

    Notes
    -----
    ``trip (D (n^(1/D) - 1) a + (n-1)/n S / B)``

    - one chip: 0
    - one dimension: a ring
    - an empty message or an infinite link: the hops

    References
    ----------
    Jouppi et al. 2023 (TPU v4), section 2; Patarasuk and Yuan 2009 for each ring.
    """
    ranks, dimensions = as_array(rank_count), as_array(dimension_count)
    hops_s = dimensions * (ranks ** (1.0 / dimensions) - 1.0) * as_array(hop_s)
    bytes_s = wire_s(rank_count=ranks, message_byte=message_byte, link_byte_per_s=link_byte_per_s)
    return as_array(trip_count) * (hops_s + bytes_s)


def oversubscription_throttle_factor(
    *, replica_gpu_count: ArrayLike, pod_gpu_count: ArrayLike, oversubscription_factor: ArrayLike
) -> Array:
    """Slowdown of data-parallel rings by oversubscribed links between pods.

    With data parallelism outermost and ranks in pod order each ring crosses a pod boundary once, so the
    ``replica_gpu_count`` rings of a job share what leaves the pod.

    Parameters
    ----------
    replica_gpu_count : array_like (..., pool)
        GPUs of one replica: tensor times pipeline times context ranks [1].
    pod_gpu_count : array_like (..., pool)
        GPUs of one pod, within which the network is not oversubscribed [1].
    oversubscription_factor : array_like (..., pool)
        Rate inside a pod over the rate that leaves it, at least 1 [factor].

    Returns
    -------
    ndarray (..., pool)
        Time after over time before, at least 1 [factor].

    Notes
    -----
    ``max(1, t p c w / G_pod)``

    - replicas of at most 1/w of a pod: 1
    - a replica as large as its pod: the whole oversubscription

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), section 3.3.1: 1:7 between pods of 3,072 GPUs.
    """
    rings = as_array(replica_gpu_count) * as_array(oversubscription_factor)
    return np.maximum(1.0, rings / as_array(pod_gpu_count))
