"""Which algorithm exists for which collective, what gates a ring, and what each ZeRO stage sends."""

from dataclasses import replace

import numpy as np
import pytest

from colocalc.mfu.exchange import ALGORITHMS, WHY_NOT, Links, collective_s, data_parallel_s

UP, OUT = 360e9, 41e9  # one rank's scale-up link and NIC, as achieved
BYTES = 1e9
LINKS = Links(
    ring_intra_hop_s=np.asarray(3.4e-6),
    ring_inter_hop_s=np.asarray(14e-6),
    ring_base_s=np.asarray(8.4e-6),
    ring_plateau_factor=np.asarray(1.4),
    tree_intra_hop_s=np.asarray(4e-6),
    tree_inter_hop_s=np.asarray(14e-6),
    tree_base_s=np.asarray(8.4e-6),
    tree_bandwidth_factor=np.asarray(0.92),
    pat_base_s=np.asarray(8e-6),
    pat_inter_hop_s=np.asarray(14e-6),
    pat_hop_divisor_factor=np.asarray(3.5),
    pat_rank_s=np.asarray(2.8e-6),
    pat_bandwidth_factor=np.asarray(0.75),
    in_network_base_s=np.asarray(25e-6),
    in_network_hop_s=np.asarray(18e-6),
    torus_hop_s=np.asarray(np.nan),
    torus_dimension_count=np.asarray(np.nan),
    torus_byte_per_s=np.asarray(np.nan),
    scale_up_byte_per_s=np.asarray(UP),
    scale_out_byte_per_s=np.asarray(OUT),
)
MISSING = np.asarray(np.nan)
TORUS = replace(
    LINKS,
    torus_hop_s=np.asarray(1e-6),
    torus_dimension_count=np.asarray(3.0),
    torus_byte_per_s=np.asarray(255e9),
)


def seconds(algorithm, *, ranks=64.0, per_node=8.0, trips=1.0, links=LINKS, message=BYTES):
    return collective_s(
        links=links,
        algorithm=algorithm,
        rank_count=ranks,
        ranks_per_node_count=per_node,
        message_byte=message,
        trip_count=trips,
    )


def halves(algorithm, *, zero=1, fsdp=0.0, group=64.0, shards=None, per_node=8.0, micro=16.0, layers=10.0, links=LINKS):
    return data_parallel_s(
        links=links,
        algorithm=algorithm,
        zero_stage=zero,
        fsdp_share=fsdp,
        group_rank_count=group,
        shard_rank_count=group if shards is None else shards,
        ranks_per_node_count=per_node,
        gradient_byte=4 * BYTES,
        weight_byte=2 * BYTES,
        micro_batch_count=micro,
        layers_per_stage_count=layers,
    )


def exchange(algorithm, **changes):
    return halves(algorithm, **changes).total_s


def near(value):
    return pytest.approx(float(value), rel=1e-9)


# Which algorithm exists


def test_every_algorithm_has_a_reason_it_may_be_missing():
    assert set(WHY_NOT) == set(ALGORITHMS)


@pytest.mark.parametrize(("trips", "exists"), [(1.0, False), (2.0, True)])
def test_a_tree_makes_all_reduces_only(trips, exists):
    assert np.isfinite(seconds("tree", trips=trips)) == exists


@pytest.mark.parametrize(
    ("trips", "per_node", "exists"),
    [(1.0, 1.0, True), (1.0, 2.0, False), (1.0, 8.0, False), (2.0, 1.0, False), (2.0, 8.0, False)],
)
def test_pat_gathers_and_scatters_with_one_rank_per_node_only(trips, per_node, exists):
    assert np.isfinite(seconds("pat", trips=trips, per_node=per_node)) == exists


def test_switches_that_do_not_reduce_have_no_in_network_collective():
    links = replace(LINKS, in_network_base_s=MISSING, in_network_hop_s=MISSING)
    assert np.isnan(seconds("in-network", links=links))
    assert np.isfinite(seconds("in-network"))


@pytest.mark.parametrize(("ranks", "exists"), [(64.0, True), (65.0, False), (128.0, False)])
def test_a_torus_ends_with_its_slice(ranks, exists):
    assert np.isfinite(seconds("torus", ranks=ranks, per_node=64.0, links=TORUS)) == exists


def test_switched_links_make_no_torus():
    assert np.isnan(seconds("torus", ranks=8.0))


@pytest.mark.parametrize("algorithm", ["ring", "hierarchical", "in-network"])
@pytest.mark.parametrize("trips", [1.0, 2.0])
def test_nodes_without_a_nic_figure_have_no_collective_between_them(algorithm, trips):
    assert np.isnan(seconds(algorithm, trips=trips, links=replace(LINKS, scale_out_byte_per_s=MISSING)))


@pytest.mark.parametrize("algorithm", ["ring", "hierarchical", "in-network"])
def test_a_group_inside_one_domain_asks_for_no_nic(algorithm):
    links = replace(LINKS, scale_out_byte_per_s=MISSING)
    assert np.isfinite(seconds(algorithm, ranks=8.0, links=links))


@pytest.mark.parametrize("trips", [1.0, 2.0])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_one_rank_needs_no_time_where_the_algorithm_exists(algorithm, trips):
    alone = seconds(algorithm, ranks=1.0, per_node=1.0, trips=trips, links=TORUS)
    exists = (algorithm, trips) not in {("tree", 1.0), ("pat", 2.0)}
    assert alone == 0.0 if exists else np.isnan(alone)


# How long it takes: 64 ranks on 8 nodes


@pytest.mark.parametrize(
    ("per_node", "gate"),
    [
        (1.0, 41e9),  # one NIC
        (4.0, 164e9),  # four
        (8.0, 328e9),  # eight, still below the scale-up link
        (16.0, 360e9),  # sixteen: now the scale-up link
        (64.0, 360e9),  # one domain
    ],
)
def test_a_ring_is_gated_by_its_ranks_nics_or_the_scale_up_link(per_node, gate):
    nodes = 64 / per_node
    plateau = 1.0 if nodes == 1 else 1.4
    hops_s = (64 - nodes) * 3.4e-6 + (nodes - 1) * 14e-6
    assert seconds("ring", per_node=per_node) == near(8.4e-6 + hops_s * plateau + 63 / 64 * BYTES / gate)


def test_a_ring_on_a_torus_has_the_links_of_one_dimension():
    bytes_s = [
        seconds("ring", ranks=64.0, per_node=64.0, links=links)
        - seconds("ring", ranks=64.0, per_node=64.0, links=links, message=0.0)
        for links in (LINKS, TORUS)
    ]
    assert bytes_s[1] == near(3 * bytes_s[0])


def test_a_tree_takes_its_hops_twice_and_its_bytes_at_92_percent():
    # 7 hops inside, log2(8) between; 8 NICs of 41 GB/s
    hops_s = 2 * (7 * 4e-6 + 3 * 14e-6)
    assert seconds("tree", trips=2.0) == near(8.4e-6 + hops_s + 2 * BYTES / (0.92 * 328e9))


def test_pat_takes_a_little_for_each_rank():
    assert seconds("pat", per_node=1.0) == near(8e-6 + 6 * 14e-6 / 3.5 + 64 * 2.8e-6 + 63 / 64 * BYTES / (0.75 * 41e9))


def test_a_hierarchy_sends_shards_between_nodes():
    # Inside 7/8 of the message at 360 GB/s; between nodes 7/8 of an eighth at 41 GB/s, which takes longer.
    inter_s = 7 / 8 * BYTES / 8 / OUT
    assert inter_s > 7 / 8 * BYTES / UP
    scatter_hops = 2 * (8**0.5 - 1)  # rings of rings
    assert seconds("hierarchical") == near(8.4e-6 + 7 * 3.4e-6 + scatter_hops * 14e-6 + inter_s)
    assert seconds("hierarchical", trips=2.0) == near(8.4e-6 + 2 * (7 * 3.4e-6 + 3 * 14e-6 + inter_s))


def test_reducing_switches_send_each_shard_once():
    inside_s, once_s = 2 * 7 / 8 * BYTES / UP, BYTES / 8 / OUT
    assert seconds("in-network", trips=2.0) == near(25e-6 + 18e-6 + max(inside_s, once_s))


def test_a_torus_runs_a_ring_along_each_dimension():
    # 4 x 4 x 4: three hops in each of three dimensions
    assert seconds("torus", per_node=64.0, links=TORUS) == near(9e-6 + 63 / 64 * BYTES / 255e9)


def test_more_ranks_to_a_node_than_there_are_stand_on_one_node():
    assert seconds("ring", ranks=4.0, per_node=72.0) == seconds("ring", ranks=4.0, per_node=4.0)


# What a step exchanges: gradients of 4 GB, weights of 2 GB


def test_zero_0_all_reduces_the_gradients():
    assert exchange("ring", zero=0) == near(seconds("ring", trips=2.0, message=4 * BYTES))
    assert exchange("tree", zero=0) == near(seconds("tree", trips=2.0, message=4 * BYTES))


@pytest.mark.parametrize("zero", [1, 2])
@pytest.mark.parametrize("algorithm", ["ring", "hierarchical", "in-network"])
def test_zero_1_and_2_scatter_gradients_and_gather_weights_once(zero, algorithm):
    once = seconds(algorithm, message=4 * BYTES) + seconds(algorithm, message=2 * BYTES)
    assert exchange(algorithm, zero=zero) == near(once)


@pytest.mark.parametrize("fsdp", [0.0, 1.0])
def test_zero_3_gathers_each_layer_twice_and_scatters_it_once_in_every_micro_batch(fsdp):
    layer = 2 * seconds("ring", message=2 * BYTES / 10) + seconds("ring", message=4 * BYTES / 10)
    assert exchange("ring", zero=3, fsdp=fsdp) == near(16 * 10 * layer)


@pytest.mark.parametrize("zero", [1, 2])
def test_fsdp_below_zero_3_keeps_the_weights_for_the_backward_pass(zero):
    layer = seconds("ring", message=2 * BYTES / 10) + seconds("ring", message=4 * BYTES / 10)
    assert exchange("ring", zero=zero, fsdp=1.0) == near(16 * 10 * layer)
    assert exchange("ring", zero=zero, fsdp=1.0, micro=1.0, layers=1.0) == near(exchange("ring", zero=zero))


def test_fsdp_without_shards_all_reduces_once():
    assert exchange("ring", zero=0, fsdp=1.0) == exchange("ring", zero=0)


def test_what_is_not_sharded_in_rounds_need_not_know_its_layers():
    assert np.isfinite(exchange("ring", zero=1, micro=np.nan, layers=np.nan))


def test_gradients_follow_backward_and_weights_come_before_forward():
    # twice the bytes of gradients as of weights, once each; a whole all-reduce is half and half
    latency_s = 8.4e-6 + 1.4 * (56 * 3.4e-6 + 7 * 14e-6)
    found = halves("ring")
    assert found.scatter_s == near(latency_s + 63 / 64 * 4 * BYTES / (8 * OUT))
    assert found.gather_s == near(latency_s + 63 / 64 * 2 * BYTES / (8 * OUT))
    whole = halves("ring", zero=0)
    assert whole.scatter_s == whole.gather_s == near(seconds("ring", trips=2.0, message=4 * BYTES) / 2)
    # HSDP sends gradients once more, over the groups
    assert halves("ring", shards=8.0).gather_s == near(seconds("ring", ranks=8.0, message=2 * BYTES))


@pytest.mark.parametrize("zero", [1, 3])
def test_a_tree_and_a_sharded_state_do_not_go_together(zero):
    assert np.isnan(exchange("tree", zero=zero))


def test_pat_cannot_all_reduce():
    assert np.isnan(exchange("pat", zero=0, per_node=1.0))
    assert np.isfinite(exchange("pat", zero=1, per_node=1.0))


@pytest.mark.parametrize("zero", [0, 1, 2, 3])
@pytest.mark.parametrize("algorithm", ["ring", "hierarchical", "in-network"])
def test_a_group_of_one_exchanges_nothing(zero, algorithm):
    assert exchange(algorithm, zero=zero, group=1.0, per_node=1.0) == 0.0


# HSDP: 64 ranks, 8 to a node, state sharded over some of them


def test_as_many_shards_as_ranks_reduce_over_no_groups():
    assert exchange("ring", shards=64.0) == exchange("ring")


@pytest.mark.parametrize(
    ("shards", "across_ranks", "across_per_node"),
    [
        (4.0, 16.0, 2.0),  # two groups to a node: 16 groups, of which two ranks share a node
        (8.0, 8.0, 1.0),  # one node a group
        (32.0, 2.0, 1.0),  # four nodes a group
    ],
)
@pytest.mark.parametrize("algorithm", ["ring", "hierarchical"])
def test_hsdp_shards_inside_a_group_and_all_reduces_the_shards_over_the_groups(
    algorithm, shards, across_ranks, across_per_node
):
    inside = sum(seconds(algorithm, ranks=shards, message=part * BYTES) for part in (4, 2))
    across = seconds(algorithm, ranks=across_ranks, per_node=across_per_node, trips=2.0, message=4 * BYTES / shards)
    assert exchange(algorithm, shards=shards) == near(inside + across)


def test_under_hsdp_a_tree_works_between_the_groups_and_rings_inside():
    inside = sum(seconds("ring", ranks=8.0, message=part * BYTES) for part in (4, 2))
    across = seconds("tree", ranks=8.0, per_node=1.0, trips=2.0, message=4 * BYTES / 8)
    assert exchange("tree", shards=8.0) == near(inside + across)


def test_under_hsdp_pat_works_inside_and_a_hierarchy_between_the_groups():
    inside = sum(seconds("pat", ranks=16.0, per_node=1.0, message=part * BYTES) for part in (4, 2))
    across = seconds("hierarchical", ranks=4.0, per_node=1.0, trips=2.0, message=4 * BYTES / 16)
    assert exchange("pat", shards=16.0, per_node=1.0) == near(inside + across)


def test_zero_0_has_no_shards_to_group():
    assert exchange("ring", zero=0, shards=8.0) == exchange("ring", zero=0)


def test_hsdp_spares_a_large_group_the_latency_of_its_ring():
    whole, grouped = (exchange("ring", group=8_192.0, shards=shards) for shards in (8_192.0, 64.0))
    assert grouped < whole


# Broadcasting


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_stacked_scenarios_give_stacked_times(algorithm):
    messages, rates = [1e6, 1e9], [OUT, 10e9]
    stacked = replace(TORUS, scale_out_byte_per_s=np.asarray(rates))
    found = seconds(algorithm, per_node=1.0, trips=1.0, links=stacked, message=np.asarray(messages))
    for place, (message, rate) in enumerate(zip(messages, rates, strict=True)):
        one = replace(TORUS, scale_out_byte_per_s=np.asarray(rate))
        wanted = seconds(algorithm, per_node=1.0, trips=1.0, links=one, message=message)
        np.testing.assert_allclose(found[place], wanted, rtol=1e-12)
