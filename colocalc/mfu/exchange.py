"""How long does the data-parallel exchange of one step take, by algorithm?

Puts the collectives of ``colocalc.mfu.collective`` on the links of a job: which link gates a ring, which algorithm
exists for which collective. NaN stands for "not available", with the reason in ``WHY_NOT``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.mfu import collective, fabric

ALGORITHMS = ("ring", "tree", "hierarchical", "in-network", "torus", "pat")
# A constant that only a network with the algorithm has.
OFFERED_BY = {
    "ring": "ring_base_s",
    "tree": "tree_base_s",
    "hierarchical": "tree_inter_hop_s",
    "in-network": "in_network_base_s",
    "torus": "torus_hop_s",
    "pat": "pat_base_s",
}
WHY_NOT = {
    "ring": "the network does not have it, or its links are not known",
    "hierarchical": "the network does not have it, or its links are not known",
    "tree": "reduce-scatter and all-gather have no tree: use ZeRO 0, hierarchical, or HSDP (dp_shard_count)",
    "in-network": "the network's switches do not reduce",
    "torus": "the ranks stand on no torus, or on several",
    "pat": "one rank per node only, and only for reduce-scatter and all-gather",
}


@dataclass(frozen=True, eq=False)
class Links:
    """The links of one job, each ``(...,)``: hop latencies, rates as achieved, and what the network can do.

    Constants an algorithm needs and the network lacks are NaN, which makes that algorithm unavailable.
    """

    ring_intra_hop_s: Array
    ring_inter_hop_s: Array
    ring_base_s: Array
    ring_plateau_factor: Array
    tree_intra_hop_s: Array
    tree_inter_hop_s: Array
    tree_base_s: Array
    tree_bandwidth_factor: Array
    pat_base_s: Array
    pat_inter_hop_s: Array
    pat_hop_divisor_factor: Array
    pat_rank_s: Array
    pat_bandwidth_factor: Array
    in_network_base_s: Array
    in_network_hop_s: Array
    torus_hop_s: Array
    torus_dimension_count: Array
    torus_byte_per_s: Array
    scale_up_byte_per_s: Array
    scale_out_byte_per_s: Array


@dataclass(frozen=True, eq=False)
class DataParallel:
    """Data-parallel collectives of one step before any overlap, each ``(...,)``; NaN where they do not exist.

    Attributes
    ----------
    scatter_s : ndarray
        What follows a backward pass: gradients, scattered or reduced [s].
    gather_s : ndarray
        What comes before a forward pass: weights, or gradients on their way back [s].
    """

    scatter_s: Array
    gather_s: Array

    @property
    def total_s(self) -> Array:
        """Both."""
        return self.scatter_s + self.gather_s


def collective_s(
    *,
    links: Links,
    algorithm: str,
    rank_count: ArrayLike,
    ranks_per_node_count: ArrayLike,
    message_byte: ArrayLike,
    trip_count: ArrayLike,
) -> Array:
    """Time of one collective of a group whose ranks stand ``ranks_per_node_count`` to a scale-up domain.

    A ring over several nodes is gated by the NICs of its own ranks in a node, or by the scale-up link if that is
    slower.

    Parameters
    ----------
    links : Links
        The links, each (...,).
    algorithm : str
        One of ``ALGORITHMS``.
    rank_count : array_like (...)
        Ranks of the group [1].
    ranks_per_node_count : array_like (...)
        Ranks that share a domain [1].
    message_byte : array_like (...)
        Message of one rank [bytes].
    trip_count : array_like (...)
        2 for an all-reduce, 1 for a reduce-scatter or an all-gather [1].

    Returns
    -------
    ndarray (...)
        Time [s]; NaN where the algorithm does not exist for this collective, group or network.

    Notes
    -----
    - one rank: 0 for every algorithm that exists
    - a group inside one domain: no NIC limits it
    - ``tree`` with one trip, ``pat`` with two trips or several ranks per node: NaN

    References
    ----------
    NCCL src/graph/tuning.cc @5067397, for the algorithms it offers to each collective; ``colocalc.mfu.collective`` and
    ``colocalc.mfu.fabric`` for their times.
    """
    ranks = as_array(rank_count)
    per_node = np.minimum(as_array(ranks_per_node_count), ranks)
    nodes = ranks / per_node
    trips = as_array(trip_count)
    gate = np.where(
        nodes > 1.0,
        np.minimum(per_node * links.scale_out_byte_per_s, links.scale_up_byte_per_s),
        links.scale_up_byte_per_s,
    )
    # A ring on a torus has the two links of one dimension, not those of all.
    gate = gate / np.where(np.isnan(links.torus_dimension_count), 1.0, links.torus_dimension_count)
    return _ROUTES[algorithm](links, ranks, per_node, nodes, as_array(message_byte), trips, gate)


def _ring(k: Links, ranks: Array, _per: Array, nodes: Array, message: Array, trips: Array, gate: Array) -> Array:
    return collective.ring_s(
        rank_count=ranks,
        node_count=nodes,
        message_byte=message,
        link_byte_per_s=gate,
        intra_hop_s=k.ring_intra_hop_s,
        inter_hop_s=k.ring_inter_hop_s,
        base_s=k.ring_base_s,
        plateau_factor=k.ring_plateau_factor,
        trip_count=trips,
    )


def _tree(k: Links, _ranks: Array, per: Array, nodes: Array, message: Array, trips: Array, gate: Array) -> Array:
    seconds = collective.tree_s(
        ranks_per_node_count=per,
        node_count=nodes,
        message_byte=message,
        link_byte_per_s=gate,
        intra_hop_s=k.tree_intra_hop_s,
        inter_hop_s=k.tree_inter_hop_s,
        base_s=k.tree_base_s,
        bandwidth_factor=k.tree_bandwidth_factor,
    )
    return np.where(trips == 2.0, seconds, np.nan)


def _hierarchical(
    k: Links, _ranks: Array, per: Array, nodes: Array, message: Array, trips: Array, _gate: Array
) -> Array:
    return collective.hierarchical_s(
        ranks_per_node_count=per,
        node_count=nodes,
        message_byte=message,
        intra_link_byte_per_s=k.scale_up_byte_per_s,
        # Inside one domain no NIC carries anything, known or not.
        inter_link_byte_per_s=np.where(nodes > 1.0, k.scale_out_byte_per_s, k.scale_up_byte_per_s),
        intra_hop_s=k.ring_intra_hop_s,
        inter_hop_s=k.tree_inter_hop_s,
        base_s=k.ring_base_s,
        trip_count=trips,
    )


def _in_network(k: Links, _ranks: Array, per: Array, nodes: Array, message: Array, trips: Array, _gate: Array) -> Array:
    return fabric.in_network_s(
        ranks_per_node_count=per,
        node_count=nodes,
        message_byte=message,
        intra_link_byte_per_s=k.scale_up_byte_per_s,
        inter_link_byte_per_s=k.scale_out_byte_per_s,
        base_s=k.in_network_base_s,
        hop_s=k.in_network_hop_s,
        trip_count=trips,
    )


def _torus(k: Links, ranks: Array, _per: Array, nodes: Array, message: Array, trips: Array, _gate: Array) -> Array:
    seconds = fabric.torus_s(
        rank_count=ranks,
        dimension_count=k.torus_dimension_count,
        message_byte=message,
        link_byte_per_s=k.torus_byte_per_s,
        hop_s=k.torus_hop_s,
        trip_count=trips,
    )
    # A torus ends with its slice; beyond it lies the data-centre network.
    return np.where(nodes <= 1.0, seconds, np.nan)


def _pat(k: Links, ranks: Array, per: Array, _nodes: Array, message: Array, trips: Array, gate: Array) -> Array:
    seconds = fabric.pat_s(
        rank_count=ranks,
        message_byte=message,
        link_byte_per_s=gate,
        base_s=k.pat_base_s,
        inter_hop_s=k.pat_inter_hop_s,
        hop_divisor_factor=k.pat_hop_divisor_factor,
        rank_s=k.pat_rank_s,
        bandwidth_factor=k.pat_bandwidth_factor,
        trip_count=trips,
    )
    return np.where((trips == 1.0) & (per <= 1.0), seconds, np.nan)


_ROUTES = {
    "ring": _ring,
    "tree": _tree,
    "hierarchical": _hierarchical,
    "in-network": _in_network,
    "torus": _torus,
    "pat": _pat,
}


def data_parallel_s(
    *,
    links: Links,
    algorithm: str,
    zero_stage: int,
    fsdp_share: ArrayLike,
    group_rank_count: ArrayLike,
    shard_rank_count: ArrayLike,
    ranks_per_node_count: ArrayLike,
    gradient_byte: ArrayLike,
    weight_byte: ArrayLike,
    micro_batch_count: ArrayLike,
    layers_per_stage_count: ArrayLike,
) -> DataParallel:
    """Time of all data-parallel collectives of one step, before any overlap.

    ZeRO 0 all-reduces the gradients. ZeRO 1 and 2 reduce-scatter gradients and all-gather weights once a step. ZeRO 3
    gathers each layer's weights for forward and for backward, and scatters its gradients, in every micro-batch. FSDP
    does the same at any stage that shards; below ZeRO 3 it keeps the weights for backward. With fewer shards than ranks
    (HSDP) the shards' gradients are all-reduced over the groups as well; a tree can do that part only.

    Parameters
    ----------
    links : Links
        The links, each (...,).
    algorithm : str
        One of ``ALGORITHMS``.
    zero_stage : int
        0 to 3; structure, not data.
    fsdp_share : array_like (...)
        1 where gradients are reduced in every micro-batch [0..1].
    group_rank_count : array_like (...)
        Ranks that hold the same parameters: data times context parallel [1].
    shard_rank_count : array_like (...)
        Ranks among which the state is sharded, at most ``group_rank_count`` [1].
    ranks_per_node_count : array_like (...)
        Ranks of the group per scale-up domain [1].
    gradient_byte : array_like (...)
        Gradients of one GPU's part of the model [bytes].
    weight_byte : array_like (...)
        Weights of one GPU's part of the model [bytes].
    micro_batch_count : array_like (...)
        Micro-batches per replica and step [1].
    layers_per_stage_count : array_like (...)
        Layers one GPU works on [1].

    Returns
    -------
    DataParallel
        Times [s]; NaN where the algorithm is not available.

    Notes
    -----
    - one rank: 0
    - ZeRO 0: an all-reduce is half scatter, half gather
    - as many shards as ranks: no all-reduce over groups
    - one micro-batch of one layer: FSDP below ZeRO 3 is ZeRO 1

    References
    ----------
    Rajbhandari et al. 2020 (ZeRO), section 7; Zhao et al. 2023 (PyTorch FSDP), section 3.2; Llama 3, section 3.3.2.
    """
    per_node = as_array(ranks_per_node_count)
    group, shards = np.broadcast_arrays(as_array(group_rank_count), as_array(shard_rank_count))
    gradient, weight = as_array(gradient_byte), as_array(weight_byte)

    def route_s(name: str, ranks: Array, message: Array, trips: float) -> Array:
        return collective_s(
            links=links,
            algorithm=name,
            rank_count=ranks,
            ranks_per_node_count=np.maximum(
                1.0, np.minimum(per_node, ranks) if trips == 1.0 else per_node * ranks / group
            ),
            message_byte=message,
            trip_count=trips,
        )

    def sharded_s(message: Array) -> Array:
        seconds = route_s(algorithm, shards, message, 1.0)
        # Under HSDP a tree works between the groups, and rings inside them.
        return (
            np.where(shards < group, route_s("ring", shards, message, 1.0), seconds) if algorithm == "tree" else seconds
        )

    if zero_stage == 0:
        half = route_s(algorithm, group, gradient, 2.0) / 2.0
        return DataParallel(half, half)
    layers = as_array(layers_per_stage_count)
    rounds, gathers = as_array(micro_batch_count) * layers, 2.0 if zero_stage == 3 else 1.0
    is_every = (as_array(fsdp_share) > 0.0) | (zero_stage == 3)
    scatter = np.where(is_every, rounds * sharded_s(gradient / layers), sharded_s(gradient))
    gather = np.where(is_every, gathers * rounds * sharded_s(weight / layers), sharded_s(weight))
    # The groups' ranks stand as far apart as a group is wide.
    across = route_s("hierarchical" if algorithm == "pat" else algorithm, group / shards, gradient / shards, 2.0)
    return DataParallel(scatter + np.where(group > shards, across, 0.0), gather)
