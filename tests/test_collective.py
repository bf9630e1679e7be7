import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.mfu import collective, fabric

US = 1e-6
RING_LATENCY = {
    "rank_count": 1_024,
    "node_count": 128,
    "intra_hop_s": 3.4 * US,
    "inter_hop_s": 14 * US,
    "base_s": 8.4 * US,
    "plateau_factor": 1.4,
    "trip_count": 2,
}
RING = RING_LATENCY | {"message_byte": 1e9, "link_byte_per_s": 400e9}
TREE_LATENCY = {
    "ranks_per_node_count": 8,
    "node_count": 128,
    "intra_hop_s": 4 * US,
    "inter_hop_s": 14 * US,
    "base_s": 8.4 * US,
}
TREE = TREE_LATENCY | {"message_byte": 1e9, "link_byte_per_s": 400e9, "bandwidth_factor": 0.92}
HIERARCHICAL = TREE_LATENCY | {
    "message_byte": 8e9,
    "intra_link_byte_per_s": 350e9,
    "inter_link_byte_per_s": 50e9,
    "trip_count": 2,
}
IN_NETWORK = {
    "ranks_per_node_count": 8,
    "node_count": 128,
    "message_byte": 8e9,
    "intra_link_byte_per_s": 700e9,
    "inter_link_byte_per_s": 50e9,
    "base_s": 3 * US,
    "hop_s": 31 * US,
    "trip_count": 2,
}
PAT = {
    "rank_count": 64,
    "message_byte": 1e9,
    "link_byte_per_s": 40e9,
    "base_s": 8 * US,
    "inter_hop_s": 14 * US,
    "hop_divisor_factor": 3.5,
    "rank_s": 2.8 * US,
    "bandwidth_factor": 0.75,
    "trip_count": 1,
}
TORUS = {
    "rank_count": 512,
    "dimension_count": 3,
    "message_byte": 1e9,
    "link_byte_per_s": 240e9,
    "hop_s": 1 * US,
    "trip_count": 2,
}
THROTTLE = {"replica_gpu_count": 128, "pod_gpu_count": 3_072, "oversubscription_factor": 7}
ALONE_ON_A_NODE = {"ranks_per_node_count": 1, "node_count": 1}
ALONE = {"rank_count": 1, "node_count": 1}
SECONDS = [
    pytest.param(collective.ring_latency_s, RING_LATENCY, ALONE, id="ring-latency"),
    pytest.param(collective.ring_s, RING, ALONE, id="ring"),
    pytest.param(collective.tree_latency_s, TREE_LATENCY, ALONE_ON_A_NODE, id="tree-latency"),
    pytest.param(collective.tree_s, TREE, ALONE_ON_A_NODE, id="tree"),
    pytest.param(collective.hierarchical_s, HIERARCHICAL, ALONE_ON_A_NODE, id="hierarchical"),
    pytest.param(fabric.in_network_s, IN_NETWORK, ALONE_ON_A_NODE, id="in-network"),
    pytest.param(fabric.pat_s, PAT, {"rank_count": 1}, id="pat"),
    pytest.param(fabric.torus_s, TORUS, {"rank_count": 1}, id="torus"),
]
ALL = [*SECONDS, pytest.param(fabric.oversubscription_throttle_factor, THROTTLE, {}, id="throttle")]
TWO_TRIPS = [row for row in SECONDS if row.id in {"ring", "hierarchical", "pat", "torus"}]


def test_two_ranks_have_somebody_to_talk_to():
    found = collective.unless_alone_s(rank_count=[1.0, 2.0, 1.5, np.nan], time_s=3.0)
    np.testing.assert_array_equal(found, [0.0, 3.0, 3.0, np.nan])


# Hand-worked values


def test_flat_ring_of_1024_ranks_is_13_5_ms():
    latency = collective.ring_latency_s(**RING_LATENCY)
    assert latency == pytest.approx(((1_792 * 3.4 + 254 * 14) * 1.4 + 8.4) * US, rel=1e-12)
    assert latency == pytest.approx(13.5e-3, abs=0.05e-3)


def test_eight_ranks_on_eight_nodes_take_fourteen_network_hops():
    latency = collective.ring_latency_s(**RING_LATENCY | {"rank_count": 8, "node_count": 8})
    assert latency == pytest.approx((14 * 14 * 1.4 + 8.4) * US, rel=1e-12)


def test_ring_adds_the_wire_to_its_latency():
    seconds = collective.ring_s(**RING)
    assert seconds - collective.ring_latency_s(**RING_LATENCY) == pytest.approx(2 * 1_023 / 1_024 * 1e9 / 400e9)


def test_reduce_scatter_on_a_ring_is_half_an_all_reduce_but_for_the_base():
    both, half = (collective.ring_s(**RING | {"trip_count": trips, "base_s": 0.0}) for trips in (2, 1))
    assert half == pytest.approx(both / 2)


def test_tree_climbs_seven_levels_for_128_nodes():
    assert collective.tree_latency_s(**TREE_LATENCY) == pytest.approx((2 * (7 * 4 + 7 * 14) + 8.4) * US)


def test_tree_reaches_its_share_of_the_rate():
    wire = collective.tree_s(**TREE) - collective.tree_latency_s(**TREE_LATENCY)
    assert wire == pytest.approx(2e9 / (0.92 * 400e9))


def test_hierarchical_takes_the_slower_of_its_phases():
    hops = (2 * (7 * 4 + 7 * 14) + 8.4) * US
    # inside: 2 x 7/8 x 8 GB at 350 GB/s = 40 ms; between: 2 x 127/128 x 1 GB at 50 GB/s = 39.7 ms
    assert collective.hierarchical_s(**HIERARCHICAL) == pytest.approx(40e-3 + hops)
    slow_nic = HIERARCHICAL | {"inter_link_byte_per_s": 25e9}
    assert collective.hierarchical_s(**slow_nic) == pytest.approx(2 * 127 / 128 / 25 + hops)


def test_hierarchical_reduce_scatter_makes_one_trip():
    seconds = collective.hierarchical_s(**HIERARCHICAL | {"trip_count": 1})
    # Rings of rings over the 128 nodes: 2 (sqrt(128) - 1) hops, where a tree would make 7.
    assert seconds == pytest.approx(20e-3 + (7 * 4 + 2 * (128**0.5 - 1) * 14 + 8.4) * US)


def test_hierarchical_latency_per_trip_is_the_same_for_tree_and_rings_up_to_four_nodes():
    one, two = (
        collective.hierarchical_s(
            **HIERARCHICAL | {"node_count": 4, "message_byte": 0.0, "base_s": 0.0, "trip_count": n}
        )
        for n in (1, 2)
    )
    assert two == pytest.approx(2 * float(one))


def test_switches_that_add_send_each_shard_once():
    # between: 1 GB at 50 GB/s = 20 ms; inside: 2 x 7/8 x 8 GB at 700 GB/s = 20 ms
    assert fabric.in_network_s(**IN_NETWORK) == pytest.approx(20e-3 + 34 * US)
    slow_nic = IN_NETWORK | {"inter_link_byte_per_s": 25e9}
    assert fabric.in_network_s(**slow_nic) == pytest.approx(40e-3 + 34 * US)


def test_switches_that_add_halve_the_wire_of_many_nodes():
    plain = HIERARCHICAL | {"node_count": 1e6, "inter_link_byte_per_s": 5e9}
    adding = IN_NETWORK | {"node_count": 1e6, "inter_link_byte_per_s": 5e9}
    assert fabric.in_network_s(**adding) / collective.hierarchical_s(**plain) == pytest.approx(0.5, abs=0.001)


def test_pat_pays_each_rank_and_a_fraction_of_the_hops():
    # 6 levels x 14 us / 3.5 = 24 us; 64 ranks x 2.8 us = 179.2 us; 63/64 GB at 30 GB/s
    assert fabric.pat_s(**PAT) == pytest.approx((8 + 24 + 179.2) * US + 63 / 64 / 30)


def test_torus_of_512_chips_has_sides_of_eight():
    assert fabric.torus_s(**TORUS) == pytest.approx(2 * 3 * 7 * US + 2 * 511 / 512 / 240)


def test_llama_3_network_does_not_throttle_its_rings():
    used_share = 128 / (3_072 / 7)
    assert used_share == pytest.approx(0.29, abs=0.002)
    assert fabric.oversubscription_throttle_factor(**THROTTLE) == 1.0


def test_throttle_is_the_rings_over_what_leaves_the_pod():
    assert fabric.oversubscription_throttle_factor(**THROTTLE | {"replica_gpu_count": 1_024}) == pytest.approx(7 / 3)


# Limits of the docstrings


@pytest.mark.parametrize(("kernel", "case", "alone"), SECONDS)
def test_one_rank_takes_no_time_at_all(kernel, case, alone):
    assert kernel(**case | alone) == 0.0


def test_plateau_does_not_apply_on_one_node():
    on_a_node = RING_LATENCY | {"rank_count": 8, "node_count": 1}
    assert collective.ring_latency_s(**on_a_node) == pytest.approx((14 * 3.4 + 8.4) * US)


def test_ring_with_one_rank_per_node_has_no_hop_inside():
    spread = RING_LATENCY | {"rank_count": 8, "node_count": 8}
    assert collective.ring_latency_s(**spread) == collective.ring_latency_s(**spread | {"intra_hop_s": 1.0})


def test_ring_latency_is_linear_in_many_ranks():
    small, large = (RING_LATENCY | {"rank_count": 8 * nodes, "node_count": nodes} for nodes in (1e6, 1e7))
    assert collective.ring_latency_s(**large) / collective.ring_latency_s(**small) == pytest.approx(10.0, rel=1e-5)


@pytest.mark.parametrize(
    ("kernel", "case", "latency", "latency_case"),
    [
        (collective.ring_s, RING, collective.ring_latency_s, RING_LATENCY),
        (collective.tree_s, TREE, collective.tree_latency_s, TREE_LATENCY),
    ],
    ids=["ring", "tree"],
)
@pytest.mark.parametrize("nothing", [{"message_byte": 0.0}, {"link_byte_per_s": np.inf}], ids=["empty", "free"])
def test_empty_message_or_infinite_link_leaves_the_latency(kernel, case, latency, latency_case, nothing):
    assert kernel(**case | nothing) == latency(**latency_case)


def test_tree_on_one_node_has_no_hop_between():
    on_a_node = TREE_LATENCY | {"node_count": 1}
    assert collective.tree_latency_s(**on_a_node) == pytest.approx((2 * 7 * 4 + 8.4) * US)


def test_doubling_the_nodes_of_a_tree_adds_two_hops():
    once, twice = (collective.tree_latency_s(**TREE_LATENCY | {"node_count": nodes}) for nodes in (100, 200))
    assert twice - once == pytest.approx(28 * US)


def test_hierarchical_on_one_node_is_the_ring_inside_it():
    inside = {"intra_hop_s": 4 * US, "inter_hop_s": 14 * US, "base_s": 8.4 * US, "message_byte": 8e9, "trip_count": 2}
    ring = collective.ring_s(rank_count=8, node_count=1, link_byte_per_s=350e9, plateau_factor=1.4, **inside)
    assert collective.hierarchical_s(**HIERARCHICAL | {"node_count": 1}) == pytest.approx(float(ring))


def test_hierarchical_with_one_rank_per_node_puts_all_bytes_on_the_nic():
    seconds = collective.hierarchical_s(**HIERARCHICAL | {"ranks_per_node_count": 1})
    assert seconds == pytest.approx(2 * 127 / 128 * 8 / 50 + (2 * 7 * 14 + 8.4) * US)


def test_switches_that_add_send_nothing_from_a_single_node():
    on_a_node = IN_NETWORK | {"node_count": 1, "inter_link_byte_per_s": 1.0}
    assert fabric.in_network_s(**on_a_node) == pytest.approx(20e-3 + 34 * US)


def test_switches_that_add_do_not_mind_more_nodes():
    few, many = (fabric.in_network_s(**IN_NETWORK | {"node_count": nodes}) for nodes in (2, 1e7))
    assert few == many


@pytest.mark.parametrize("nothing", [{"message_byte": 0.0}, {"link_byte_per_s": np.inf}], ids=["empty", "free"])
def test_pat_without_bytes_is_its_latency(nothing):
    assert fabric.pat_s(**PAT | nothing) == pytest.approx((8 + 24 + 179.2) * US)


def test_pat_of_many_ranks_pays_for_each():
    free = PAT | {"message_byte": 0.0}
    assert fabric.pat_s(**free | {"rank_count": 1e7}) / 1e7 == pytest.approx(2.8 * US, rel=1e-4)


def test_torus_of_one_dimension_is_a_ring():
    ring = collective.ring_s(
        rank_count=512,
        node_count=1,
        message_byte=1e9,
        link_byte_per_s=240e9,
        intra_hop_s=1 * US,
        inter_hop_s=0.0,
        base_s=0.0,
        plateau_factor=1.0,
        trip_count=2,
    )
    assert fabric.torus_s(**TORUS | {"dimension_count": 1}) == pytest.approx(float(ring))


@pytest.mark.parametrize("nothing", [{"message_byte": 0.0}, {"link_byte_per_s": np.inf}], ids=["empty", "free"])
def test_torus_without_bytes_is_its_hops(nothing):
    assert fabric.torus_s(**TORUS | nothing) == pytest.approx(42 * US)


@pytest.mark.parametrize(("replica", "factor"), [(1, 1.0), (3_072 / 7, 1.0), (3_072, 7.0)])
def test_throttle_starts_at_its_share_of_a_pod_and_ends_at_the_whole(replica, factor):
    assert fabric.oversubscription_throttle_factor(**THROTTLE | {"replica_gpu_count": replica}) == pytest.approx(factor)


# Laws


@pytest.mark.parametrize(("kernel", "case", "alone"), ALL)
def test_stacked_inputs_equal_stacked_outputs(kernel, case, alone):
    draw = np.random.default_rng(7)
    stacked = {name: np.maximum(value * draw.uniform(0.5, 2.0, (4, 3)), 0.0) for name, value in case.items()}
    whole = kernel(**stacked)
    assert whole.dtype == np.float64
    for place in np.ndindex(4, 3):
        lone = kernel(**{name: float(values[place]) for name, values in stacked.items()})
        np.testing.assert_allclose(whole[place], lone, rtol=1e-12)


@pytest.mark.parametrize(("kernel", "case", "alone"), ALL)
def test_infeasible_layouts_stay_nan(kernel, case, alone):
    assert set(case) == set(inspect.signature(kernel).parameters)
    for hole in case:
        assert np.isnan(kernel(**case | {hole: np.nan})), hole


@pytest.mark.parametrize(("kernel", "case", "alone"), TWO_TRIPS)
def test_an_all_reduce_is_never_faster_than_one_trip_nor_slower_than_two(kernel, case, alone):
    one, two = kernel(**case | {"trip_count": [1, 2]})
    assert one < two <= 2 * one


@pytest.mark.parametrize(("kernel", "case", "alone"), SECONDS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_time_never_falls_when_a_count_or_a_latency_grows(kernel, case, alone, data):
    growing = sorted(set(case) - {name for name in case if "link" in name or "bandwidth" in name or "dim" in name})
    name = data.draw(st.sampled_from([name for name in growing if name not in {"hop_divisor_factor", "node_count"}]))
    before, after = kernel(**case | {name: case[name] * np.array([1.0, data.draw(st.floats(1.0, 1e3))])})
    assert after >= before


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(2, 10_000), st.floats(0.0, 1e12))
def test_tree_beats_a_flat_ring_on_latency_from_a_few_nodes_on(nodes, message):
    hops = {"intra_hop_s": 4 * US, "inter_hop_s": 14 * US, "base_s": 8.4 * US}
    tree = collective.tree_latency_s(ranks_per_node_count=8, node_count=nodes, **hops)
    ring = collective.ring_s(
        rank_count=8 * nodes,
        node_count=nodes,
        message_byte=message,
        link_byte_per_s=400e9,
        plateau_factor=1.4,
        trip_count=2,
        **hops,
    )
    assert tree < ring
