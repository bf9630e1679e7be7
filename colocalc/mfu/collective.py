"""How long does a collective take on a given network?

Latency plus bytes over rate, per algorithm. A ``trip`` is one pass of the message: an all-reduce makes 2, a
reduce-scatter or an all-gather 1. The constants (hop latencies, plateau, efficiencies) are parameters; NCCL's own are
in its ``src/graph/tuning.cc``. Rates are one-way and as achieved, not as printed. Sources: NCCL @5067397, Patarasuk
and Yuan 2009 (ring), Sanders et al. 2009 (double tree), Graham et al. 2016 (in-network), Jeaugey 2025 (PAT), Jouppi et
al. 2023 (torus).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


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
    ranks, nodes = as_array(rank_count), as_array(node_count)
    hops_s = (ranks - nodes) * as_array(intra_hop_s) + (nodes - 1.0) * as_array(inter_hop_s)
    plateau = np.where(nodes > 1.0, as_array(plateau_factor), 1.0)
    return unless_alone_s(rank_count=ranks, time_s=as_array(trip_count) * hops_s * plateau + as_array(base_s))


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
    latency_s = ring_latency_s(
        rank_count=rank_count,
        node_count=node_count,
        intra_hop_s=intra_hop_s,
        inter_hop_s=inter_hop_s,
        base_s=base_s,
        plateau_factor=plateau_factor,
        trip_count=trip_count,
    )
    bytes_s = wire_s(rank_count=rank_count, message_byte=message_byte, link_byte_per_s=link_byte_per_s)
    return latency_s + as_array(trip_count) * bytes_s


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
    ranks, nodes = as_array(ranks_per_node_count), as_array(node_count)
    hops_s = (ranks - 1.0) * as_array(intra_hop_s) + np.log2(nodes) * as_array(inter_hop_s)
    return unless_alone_s(rank_count=ranks * nodes, time_s=2.0 * hops_s + as_array(base_s))


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
    bytes_s = 2.0 * as_array(message_byte) / (as_array(bandwidth_factor) * as_array(link_byte_per_s))
    return latency_s + unless_alone_s(rank_count=as_array(ranks_per_node_count) * as_array(node_count), time_s=bytes_s)


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

    The phases are pipelined, so the slower one counts. Between nodes an all-reduce can follow a tree; a reduce-scatter
    or an all-gather has none, and runs as rings of rings over about the square root of the nodes each.

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
    ``base + trip ((g-1) a_intra + h a_inter + max((g-1)/g S/B_intra, (k-1)/k (S/g)/B_inter))``, with hops between nodes
    ``h = log2(k)`` in a tree (two trips) and ``h = max(log2(k), 2 (sqrt(k) - 1))`` in rings of rings (one trip)

    - one rank: 0
    - one node: the ring inside it
    - one rank per node: all bytes on the NIC
    - up to four nodes: the same latency per trip, tree or rings

    References
    ----------
    Thakur, Rabenseifner and Gropp 2005; Rajbhandari et al. 2020 (ZeRO) for the shards.
    """
    ranks, nodes, message = as_array(ranks_per_node_count), as_array(node_count), as_array(message_byte)
    trips = as_array(trip_count)
    tree_hops = np.log2(nodes)
    hops = np.where(trips == 2.0, tree_hops, np.maximum(tree_hops, 2.0 * (np.sqrt(nodes) - 1.0)))
    hops_s = (ranks - 1.0) * as_array(intra_hop_s) + hops * as_array(inter_hop_s)
    intra_s = wire_s(rank_count=ranks, message_byte=message, link_byte_per_s=intra_link_byte_per_s)
    inter_s = wire_s(rank_count=nodes, message_byte=message / ranks, link_byte_per_s=inter_link_byte_per_s)
    trips_s = trips * (hops_s + np.maximum(intra_s, inter_s))
    return unless_alone_s(rank_count=ranks * nodes, time_s=trips_s + as_array(base_s))


def wire_s(*, rank_count: ArrayLike, message_byte: ArrayLike, link_byte_per_s: ArrayLike) -> Array:
    """Time of the bytes of one trip.

    Every rank sends the message less its own part.

    Parameters
    ----------
    rank_count : array_like (..., pool)
        Ranks that share the message, at least 1 [1].
    message_byte : array_like (..., pool)
        Whole message of one rank [bytes].
    link_byte_per_s : array_like (..., pool)
        Rate of one rank, above zero [bytes/s].

    Returns
    -------
    ndarray (..., pool)
        Time, without any latency [s].

    Notes
    -----
    ``(n - 1)/n S / B``

    - one rank, an empty message or an infinite link: 0

    References
    ----------
    Patarasuk and Yuan 2009.
    """
    ranks = as_array(rank_count)
    return (ranks - 1.0) / ranks * as_array(message_byte) / as_array(link_byte_per_s)


def unless_alone_s(*, rank_count: ArrayLike, time_s: ArrayLike) -> Array:
    """Time of a collective, which one rank need not make.

    Parameters
    ----------
    rank_count : array_like (..., pool)
        Ranks of the communicator; NaN for an infeasible layout [1].
    time_s : array_like (..., pool)
        Time where there is somebody to talk to [s].

    Returns
    -------
    ndarray (..., pool)
        Time [s].

    Notes
    -----
    - one rank: 0, whatever the time
    - ranks that are NaN: NaN

    References
    ----------
    The definition of a communicator of one.
    """
    ranks = as_array(rank_count)
    return np.where(ranks <= 1.0, 0.0, np.where(ranks > 1.0, as_array(time_s), np.nan))
