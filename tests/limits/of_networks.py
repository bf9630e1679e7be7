"""Limits of collectives, and of what parallelism costs."""

from dataclasses import replace

import numpy as np

from colocalc.mfu import collective, exchange, fabric, parallel, pipeline
from tests.laws.conftest import LINKS
from tests.limits.checks import INF, NAN, Limits, at, holds, near, undefined

WIRES = exchange.Links(**{name: np.asarray(value) for name, value in LINKS.items()})
HOPS = {"intra_hop_s": 2e-6, "inter_hop_s": 5e-6, "base_s": 3e-6}
RING = HOPS | {"plateau_factor": 1.4, "trip_count": 2.0}
BOTH_LINKS = {"intra_link_byte_per_s": 4e11, "inter_link_byte_per_s": 5e10}


def _hierarchical(ranks, nodes, *, trips=2.0, message=1e9):
    given = BOTH_LINKS | HOPS | {"ranks_per_node_count": ranks, "node_count": nodes, "trip_count": trips}
    return at(collective.hierarchical_s, **given, message_byte=message)


def _ring_latency(ranks, nodes):
    return collective.ring_latency_s(rank_count=ranks, node_count=nodes, **RING)


def _ring(ranks, nodes, message=1e9, link=5e10):
    return collective.ring_s(rank_count=ranks, node_count=nodes, message_byte=message, link_byte_per_s=link, **RING)


def _tree_latency(ranks, nodes):
    return collective.tree_latency_s(ranks_per_node_count=ranks, node_count=nodes, **HOPS)


def _tree(ranks, nodes, message=1e9, link=5e10):
    wire = {"message_byte": message, "link_byte_per_s": link, "bandwidth_factor": 0.92}
    return collective.tree_s(ranks_per_node_count=ranks, node_count=nodes, **wire, **HOPS)


def _collective(algorithm, ranks, per_node=8.0, trips=2.0, links=WIRES):
    return exchange.collective_s(
        links=links,
        algorithm=algorithm,
        rank_count=ranks,
        ranks_per_node_count=per_node,
        message_byte=1e9,
        trip_count=trips,
    )


def _alone():
    for algorithm in exchange.ALGORITHMS:
        trips, per_node = (1.0, 1.0) if algorithm == "pat" else (2.0, 8.0)
        near(_collective(algorithm, 1.0, per_node, trips), 0.0)


def _within_a_domain():
    slow = replace(WIRES, scale_out_byte_per_s=np.asarray(1.0))
    for algorithm in ("ring", "tree", "hierarchical", "in-network"):
        near(_collective(algorithm, 8.0, links=slow), _collective(algorithm, 8.0))
        holds(_collective(algorithm, 8.0) > 0.0)


def _data_parallel(**given):
    plain = {
        "links": WIRES,
        "algorithm": "ring",
        "zero_stage": 1,
        "fsdp_share": 0.0,
        "group_rank_count": 64.0,
        "shard_rank_count": 64.0,
        "ranks_per_node_count": 1.0,
        "gradient_byte": 2e9,
        "weight_byte": 1e9,
        "micro_batch_count": 16.0,
        "layers_per_stage_count": 8.0,
    }
    found = exchange.data_parallel_s(**plain | given)
    return np.asarray([found.scatter_s, found.gather_s])


def _no_groups():
    whole = _collective("ring", 64.0, 1.0, trips=1.0)
    near(_data_parallel(weight_byte=1e9, gradient_byte=1e9), [whole, whole])
    holds(_data_parallel(shard_rank_count=32.0)[0] != _data_parallel()[0])


def _in_network(nodes, **given):
    plain = {"ranks_per_node_count": 8.0, "node_count": nodes, "message_byte": 1e9, "trip_count": 2.0}
    return at(fabric.in_network_s, **plain | BOTH_LINKS | {"base_s": 1e-6, "hop_s": 2e-6} | given)


def _one_node_of_switches():
    slow = _in_network(1.0, inter_link_byte_per_s=1.0)
    near(slow, 2.0 * 7 / 8 * 1e9 / 4e11 + 3e-6)


def _throttle(gpus):
    given = {"replica_gpu_count": gpus, "pod_gpu_count": 3_072.0, "oversubscription_factor": 7.0}
    return fabric.oversubscription_throttle_factor(**given)


PAT = {
    "base_s": 1e-6,
    "inter_hop_s": 7e-6,
    "hop_divisor_factor": 3.5,
    "rank_s": 2e-6,
    "bandwidth_factor": 0.75,
    "trip_count": 1.0,
}


def _pat(ranks, message=1e9, link=5e10):
    return fabric.pat_s(rank_count=ranks, message_byte=message, link_byte_per_s=link, **PAT)


def _torus(ranks, dimensions=3.0, message=1e9, link=1e11):
    given = {"rank_count": ranks, "dimension_count": dimensions, "message_byte": message, "link_byte_per_s": link}
    return fabric.torus_s(**given, hop_s=1e-6, trip_count=2.0)


LIMITS: Limits = {
    collective.hierarchical_s: {
        "one rank": lambda: near(_hierarchical(1.0, 1.0), 0.0),
        "one node": lambda: near(_hierarchical(8.0, 1.0), 2.0 * (7 * 2e-6 + 7 / 8 * 1e9 / 4e11) + 3e-6),
        "one rank per node": lambda: near(_hierarchical(1.0, 16.0), 2.0 * (4 * 5e-6 + 15 / 16 * 1e9 / 5e10) + 3e-6),
        "up to four nodes": lambda: near(
            2.0 * (_hierarchical(8.0, [2.0, 3.0, 4.0], trips=1.0, message=0.0) - 3e-6),
            _hierarchical(8.0, [2.0, 3.0, 4.0], message=0.0) - 3e-6,
        ),
    },
    collective.ring_latency_s: {
        "one rank": lambda: near(_ring_latency(1.0, 1.0), 0.0),
        "one node": lambda: near(_ring_latency(8.0, 1.0), 2.0 * 7 * 2e-6 + 3e-6),
        "one rank per node": lambda: near(_ring_latency(8.0, 8.0), 2.0 * 7 * 5e-6 * 1.4 + 3e-6),
        "ranks without bound": lambda: near(_ring_latency(8e9, 1e9) / 1e9, 2.0 * 1.4 * (7 * 2e-6 + 5e-6), within=1e-6),
    },
    collective.ring_s: {
        "one rank": lambda: near(_ring(1.0, 1.0), 0.0),
        "an empty message or an infinite link": lambda: (
            near(_ring(16.0, 2.0, message=0.0), _ring_latency(16.0, 2.0)),
            near(_ring(16.0, 2.0, link=INF), _ring_latency(16.0, 2.0)),
        ),
    },
    collective.tree_latency_s: {
        "one rank": lambda: near(_tree_latency(1.0, 1.0), 0.0),
        "one node": lambda: near(_tree_latency(8.0, 1.0), 2.0 * 7 * 2e-6 + 3e-6),
        "twice the nodes": lambda: near(_tree_latency(8.0, 64.0) - _tree_latency(8.0, 32.0), 2 * 5e-6),
    },
    collective.tree_s: {
        "one rank": lambda: near(_tree(1.0, 1.0), 0.0),
        "an empty message or an infinite link": lambda: (
            near(_tree(8.0, 4.0, message=0.0), _tree_latency(8.0, 4.0)),
            near(_tree(8.0, 4.0, link=INF), _tree_latency(8.0, 4.0)),
        ),
    },
    collective.unless_alone_s: {
        "one rank": lambda: near(collective.unless_alone_s(rank_count=1.0, time_s=[3.0, INF, NAN]), 0.0),
        "ranks that are NaN": lambda: undefined(collective.unless_alone_s(rank_count=NAN, time_s=3.0)),
    },
    collective.wire_s: {
        "one rank, an empty message or an infinite link": lambda: near(
            collective.wire_s(rank_count=[1, 8, 8], message_byte=[1e9, 0, 1e9], link_byte_per_s=[5e10, 5e10, INF]), 0.0
        ),
    },
    exchange.collective_s: {
        "one rank": _alone,
        "a group inside one domain": _within_a_domain,
        "``tree`` with one trip, ``pat`` with two trips or several ranks per node": lambda: (
            undefined(_collective("tree", 64.0, trips=1.0)),
            undefined(_collective("pat", 64.0, 1.0, trips=2.0)),
            undefined(_collective("pat", 64.0, 8.0, trips=1.0)),
            holds(_collective("pat", 64.0, 1.0, trips=1.0) > 0.0),
        ),
    },
    exchange.data_parallel_s: {
        "one rank": lambda: [
            near(_data_parallel(group_rank_count=1.0, shard_rank_count=1.0, zero_stage=stage), 0.0)
            for stage in (0, 1, 2, 3)
        ],
        "ZeRO 0": lambda: near(
            _data_parallel(zero_stage=0, gradient_byte=1e9), [_collective("ring", 64.0, 1.0) / 2.0] * 2
        ),
        "as many shards as ranks": _no_groups,
        "one micro-batch of one layer": lambda: near(
            _data_parallel(fsdp_share=1.0, micro_batch_count=1.0, layers_per_stage_count=1.0), _data_parallel()
        ),
    },
    fabric.in_network_s: {
        "one rank": lambda: near(_in_network(1.0, ranks_per_node_count=1.0), 0.0),
        "one node": _one_node_of_switches,
        "nodes without bound": lambda: near(_in_network(1e9), _in_network(2.0)),
    },
    fabric.oversubscription_throttle_factor: {
        "replicas of at most 1/w of a pod": lambda: near(_throttle([1.0, 3_072 / 7]), 1.0),
        "a replica as large as its pod": lambda: near(_throttle(3_072.0), 7.0),
    },
    fabric.pat_s: {
        "one rank": lambda: near(_pat(1.0), 0.0),
        "an empty message or an infinite link": lambda: (
            near(_pat(64.0, message=0.0), 1e-6 + 6 * 2e-6 + 64 * 2e-6),
            near(_pat(64.0, link=INF), 1e-6 + 6 * 2e-6 + 64 * 2e-6),
        ),
        "ranks without bound": lambda: near(_pat(1e9) / 1e9, 2e-6, within=1e-4),
    },
    fabric.torus_s: {
        "one chip": lambda: near(_torus(1.0), 0.0),
        "one dimension": lambda: near(_torus(64.0, 1.0), 2.0 * (63 * 1e-6 + 63 / 64 * 1e9 / 1e11)),
        "an empty message or an infinite link": lambda: (
            near(_torus(64.0, message=0.0), 2.0 * 3 * 3 * 1e-6),
            near(_torus(64.0, link=INF), 2.0 * 3 * 3 * 1e-6),
        ),
    },
    parallel.context_parallel_s: {
        "one rank": lambda: near(at(parallel.context_parallel_s, cp_count=1.0), 0.0),
        "an infinite link": lambda: near(at(parallel.context_parallel_s, link_byte_per_s=INF), 0.0),
        "twice the tensor-parallel ranks": lambda: near(
            2.0 * at(parallel.context_parallel_s, tp_count=8.0), at(parallel.context_parallel_s, tp_count=4.0)
        ),
    },
    pipeline.bubble_share: {
        "one stage": lambda: near(at(pipeline.bubble_share, pp_count=1.0), 0.0),
        "GPipe with as many micro-batches as stages": lambda: near(
            pipeline.bubble_share(pp_count=8.0, vpp_count=1.0, micro_batch_count=8.0, schedule_factor=1.0), 7 / 8
        ),
        "micro-batches without bound, or a schedule factor of 0": lambda: (
            near(at(pipeline.bubble_share, micro_batch_count=INF), 0.0),
            near(at(pipeline.bubble_share, schedule_factor=0.0), 0.0),
        ),
    },
    pipeline.stage_imbalance_factor: {
        "one stage": lambda: near(
            pipeline.stage_imbalance_factor(pp_count=1.0, stage_imbalance_share=[0.0, 0.5, NAN]), 1.0
        ),
        "no imbalance": lambda: near(at(pipeline.stage_imbalance_factor, stage_imbalance_share=0.0), 1.0),
    },
}
