"""How long does a collective take on a given network?

Latency plus bytes over rate, per algorithm. A ``trip`` is one pass of the message: an all-reduce makes 2, a
reduce-scatter or an all-gather 1. The constants (hop latencies, plateau, efficiencies) are parameters; NCCL's own are
in its ``src/graph/tuning.cc``. Rates are one-way and as achieved, not as printed. Sources: NCCL @5067397, Patarasuk
and Yuan 2009 (ring), Sanders et al. 2009 (double tree), Graham et al. 2016 (in-network), Jeaugey 2025 (PAT), Jouppi et
al. 2023 (torus).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def ring_latency_s(
    *,
    rank_count: ArrayLike,
    node_count: ArrayLike,
    intra_hop_s: ArrayLike,
    inter_hop_s: ArrayLike,
    base_s: ArrayLike,
    plateau_factor: ArrayLike,
    trip_count: ArrayLike,
) -> Array:
    """Latency of a ring collective: what it costs to send nothing.

    The message visits every rank, so latency grows with the ranks; that, not bandwidth, ends flat rings. NCCL applies
    its plateau to large all-reduces only, and to the base too.

    Parameters
    ----------
    rank_count : array_like (..., pool)
        Ranks of the communicator, at least 1 [1].
    node_count : array_like (..., pool)
        Nodes they stand on, 1 to ``rank_count`` [1].
    intra_hop_s : array_like (..., pool)
        Hop inside a node [s].
    inter_hop_s : array_like (..., pool)
        Hop between nodes [s].
    base_s : array_like (..., pool)
        Start of a collective [s].
    plateau_factor : array_like (..., pool)
        Measured slowdown of the hops of a ring over several nodes; 1.4 in NCCL [factor].
    trip_count : array_like (..., pool)
        2 for an all-reduce, 1 for a reduce-scatter or an all-gather [1].

    Returns
    -------
    ndarray (..., pool)
        Latency [s].

    Notes
    -----
    ``base + trip ((n - k) a_intra + (k - 1) a_inter) plateau``

    - one rank: 0
    - one node: the plateau does not apply
    - one rank per node: only inter-node hops
    - ranks without bound: linear in the ranks

    References
    ----------
    NCCL src/graph/tuning.cc @5067397, ring steps.
    """
    ranks, nodes = _array(rank_count), _array(node_count)
    hops_s = (ranks - nodes) * _array(intra_hop_s) + (nodes - 1.0) * _array(inter_hop_s)
    plateau = np.where(nodes > 1.0, _array(plateau_factor), 1.0)
    return _unless_alone(ranks, _array(trip_count) * hops_s * plateau + _array(base_s))


def ring_s(
    *,
    rank_count: ArrayLike,
    node_count: ArrayLike,
    message_byte: ArrayLike,
    link_byte_per_s: ArrayLike,
    intra_hop_s: ArrayLike,
    inter_hop_s: ArrayLike,
    base_s: ArrayLike,
    plateau_factor: ArrayLike,
    trip_count: ArrayLike,
) -> Array:
    """Time of a ring collective.

    Every rank sends the message less its own part once per trip: no algorithm without help from switches sends less.

    Parameters
    ----------
    rank_count : array_like (..., pool)
        Ranks of the communicator, at least 1 [1].
    node_count : array_like (..., pool)
        Nodes they stand on, 1 to ``rank_count`` [1].
    message_byte : array_like (..., pool)
        Whole message of one rank [bytes].
    link_byte_per_s : array_like (..., pool)
        Rate at which the ring enters and leaves a node: all its NICs together; above zero [bytes/s].
    intra_hop_s : array_like (..., pool)
        Hop inside a node [s].
    inter_hop_s : array_like (..., pool)
        Hop between nodes [s].
    base_s : array_like (..., pool)
        Start of a collective [s].
    plateau_factor : array_like (..., pool)
        Measured slowdown of the hops of a ring over several nodes; 1.4 in NCCL [factor].
    trip_count : array_like (..., pool)
        2 for an all-reduce, 1 for a reduce-scatter or an all-gather [1].

    Returns
    -------
    ndarray (..., pool)
        Time [s].

    Notes
    -----
    ``latency + trip (n - 1)/n S / B``

    - one rank: 0
    - an empty message or an infinite link: the latency

    References
    ----------
    Patarasuk and Yuan 2009; NCCL src/graph/tuning.cc @5067397.
    """
    ranks = _array(rank_count)
    latency_s = ring_latency_s(
        rank_count=rank_count,
        node_count=node_count,
        intra_hop_s=intra_hop_s,
        inter_hop_s=inter_hop_s,
        base_s=base_s,
        plateau_factor=plateau_factor,
        trip_count=trip_count,
    )
    return latency_s + _array(trip_count) * _wire_s(ranks, _array(message_byte), link_byte_per_s)


def tree_latency_s(
    *,
    ranks_per_node_count: ArrayLike,
    node_count: ArrayLike,
    intra_hop_s: ArrayLike,
    inter_hop_s: ArrayLike,
    base_s: ArrayLike,
) -> Array:
    """Latency of a tree all-reduce.

    Up and down: a chain inside each node, a binary tree between nodes. Reduce-scatter and all-gather have no tree.

    Parameters
    ----------
    ranks_per_node_count : array_like (..., pool)
        Ranks on one node, at least 1 [1].
    node_count : array_like (..., pool)
        Nodes, at least 1 [1].
    intra_hop_s : array_like (..., pool)
        Hop inside a node [s].
    inter_hop_s : array_like (..., pool)
        Hop between nodes [s].
    base_s : array_like (..., pool)
        Start of a collective [s].

    Returns
    -------
    ndarray (..., pool)
        Latency [s].

    Notes
    -----
    ``base + 2 ((g - 1) a_intra + log2(k) a_inter)``

    - one rank: 0
    - one node: no inter-node hop
    - twice the nodes: two more inter-node hops

    References
    ----------
    NCCL src/graph/tuning.cc @5067397, tree latency.
    """
    ranks, nodes = _array(ranks_per_node_count), _array(node_count)
    hops_s = (ranks - 1.0) * _array(intra_hop_s) + np.log2(nodes) * _array(inter_hop_s)
    return _unless_alone(ranks * nodes, 2.0 * hops_s + _array(base_s))


def tree_s(
    *,
    ranks_per_node_count: ArrayLike,
    node_count: ArrayLike,
    message_byte: ArrayLike,
    link_byte_per_s: ArrayLike,
    intra_hop_s: ArrayLike,
    inter_hop_s: ArrayLike,
    base_s: ArrayLike,
    bandwidth_factor: ArrayLike,
) -> Array:
    """Time of an all-reduce on a double binary tree.

    Nearly the wire traffic of a ring at logarithmic latency. Reduce-scatter and all-gather have no tree.

    Parameters
    ----------
    ranks_per_node_count : array_like (..., pool)
        Ranks on one node, at least 1 [1].
    node_count : array_like (..., pool)
        Nodes, at least 1 [1].
    message_byte : array_like (..., pool)
        Whole message of one rank [bytes].
    link_byte_per_s : array_like (..., pool)
        Rate at which the trees enter and leave a node: all its NICs together; above zero [bytes/s].
    intra_hop_s : array_like (..., pool)
        Hop inside a node [s].
    inter_hop_s : array_like (..., pool)
        Hop between nodes [s].
    base_s : array_like (..., pool)
        Start of a collective [s].
    bandwidth_factor : array_like (..., pool)
        Share of the rate a tree reaches; 0.92 in NCCL [0..1].

    Returns
    -------
    ndarray (..., pool)
        Time [s].

    Notes
    -----
    ``latency + 2 S / (f B)``

    - one rank: 0
    - an empty message or an infinite link: the latency

    References
    ----------
    Sanders, Speck and Traff 2009; NCCL src/graph/tuning.cc @5067397.
    """
    latency_s = tree_latency_s(
        ranks_per_node_count=ranks_per_node_count,
        node_count=node_count,
        intra_hop_s=intra_hop_s,
        inter_hop_s=inter_hop_s,
        base_s=base_s,
    )
    wire_s = 2.0 * _array(message_byte) / (_array(bandwidth_factor) * _array(link_byte_per_s))
    return latency_s + _unless_alone(_array(ranks_per_node_count) * _array(node_count), wire_s)


def hierarchical_s(
    *,
    ranks_per_node_count: ArrayLike,
    node_count: ArrayLike,
    message_byte: ArrayLike,
    intra_link_byte_per_s: ArrayLike,
    inter_link_byte_per_s: ArrayLike,
    intra_hop_s: ArrayLike,
    inter_hop_s: ArrayLike,
    base_s: ArrayLike,
    trip_count: ArrayLike,
) -> Array:
    """Time of a collective that reduces inside nodes first and sends only shards between them.

    The phases are pipelined, so the slower one counts. Each shard has a communicator of its own with one rank per
    node, which is why the logarithmic latency holds for reduce-scatter and all-gather too.

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
    intra_hop_s : array_like (..., pool)
        Hop inside a node [s].
    inter_hop_s : array_like (..., pool)
        Hop between nodes [s].
    base_s : array_like (..., pool)
        Start of a collective [s].
    trip_count : array_like (..., pool)
        2 for an all-reduce, 1 for a reduce-scatter or an all-gather [1].

    Returns
    -------
    ndarray (..., pool)
        Time [s].

    Notes
    -----
    ``base + trip ((g-1) a_intra + log2(k) a_inter + max((g-1)/g S/B_intra, (k-1)/k (S/g)/B_inter))``

    - one rank: 0
    - one node: the ring inside it
    - one rank per node: all bytes on the NIC

    References
    ----------
    Thakur, Rabenseifner and Gropp 2005; Rajbhandari et al. 2020 (ZeRO) for the shards.
    """
    ranks, nodes, message = _array(ranks_per_node_count), _array(node_count), _array(message_byte)
    hops_s = (ranks - 1.0) * _array(intra_hop_s) + np.log2(nodes) * _array(inter_hop_s)
    intra_s = _wire_s(ranks, message, intra_link_byte_per_s)
    inter_s = _wire_s(nodes, message / ranks, inter_link_byte_per_s)
    trips_s = _array(trip_count) * (hops_s + np.maximum(intra_s, inter_s))
    return _unless_alone(ranks * nodes, trips_s + _array(base_s))


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
    ranks, nodes, message = _array(ranks_per_node_count), _array(node_count), _array(message_byte)
    intra_s = _array(trip_count) * _wire_s(ranks, message, intra_link_byte_per_s)
    inter_s = _unless_alone(nodes, message / ranks / _array(inter_link_byte_per_s))
    return _unless_alone(ranks * nodes, np.maximum(intra_s, inter_s) + _array(hop_s) + _array(base_s))


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
    ranks = _array(rank_count)
    hops_s = np.log2(ranks) * _array(inter_hop_s) / _array(hop_divisor_factor)
    wire_s = _wire_s(ranks, _array(message_byte), _array(bandwidth_factor) * _array(link_byte_per_s))
    return _unless_alone(ranks, _array(trip_count) * (_array(base_s) + hops_s + _array(rank_s) * ranks + wire_s))


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
    ranks, dimensions = _array(rank_count), _array(dimension_count)
    hops_s = dimensions * (ranks ** (1.0 / dimensions) - 1.0) * _array(hop_s)
    return _array(trip_count) * (hops_s + _wire_s(ranks, _array(message_byte), link_byte_per_s))


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
    rings = _array(replica_gpu_count) * _array(oversubscription_factor)
    return np.maximum(1.0, rings / _array(pod_gpu_count))


def _wire_s(ranks: Array, message_byte: Array, link_byte_per_s: ArrayLike) -> Array:
    return (ranks - 1.0) / ranks * message_byte / _array(link_byte_per_s)


def _unless_alone(ranks: Array, seconds: Array) -> Array:
    # Both sides are asked for, so that an infeasible layout (NaN ranks) stays NaN.
    return np.where(ranks <= 1.0, 0.0, np.where(ranks > 1.0, seconds, np.nan))


def _array(value: ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)
