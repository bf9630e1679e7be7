"""Published times of collectives, and what the kernels say on the same network."""

import pytest

from colocalc.mfu import collective

US = 1e-6
GIB = 2.0**30
# NCCL src/graph/tuning.cc @5067397 (2026-06-11), Simple protocol: NVLink hop, network hop, base, plateau.
RING_HOPS = {"inter_hop_s": 14 * US, "base_s": 8.4 * US, "plateau_factor": 1.4, "trip_count": 2}
INTEL_HOP_S = 3.4 * US  # the hop itself is the larger one
AMD_HOP_S = 6.0 * US  # three times a network overhead of 2 us


@pytest.mark.parametrize(
    ("ranks", "intel_s", "amd_s"),
    [(1_024, 0.013, 0.020), (10_240, 0.14, 0.20), (100_000, 1.3, 2.0), (220_000, 2.9, 4.3)],
)
def test_flat_ring_latency_by_the_model_of_nccl(ranks, intel_s, amd_s):
    latency = collective.ring_latency_s(
        rank_count=ranks, node_count=ranks / 8, intra_hop_s=[INTEL_HOP_S, AMD_HOP_S], **RING_HOPS
    )
    # the figures are rounded to two digits
    assert latency == pytest.approx([intel_s, amd_s], rel=0.05)


@pytest.mark.parametrize(("ranks", "seconds"), [(1_024, 0.0003), (10_240, 0.003), (100_000, 0.031), (220_000, 0.067)])
def test_gradient_group_of_a_tp8_pp16_job_by_the_model_of_nccl(ranks, seconds):
    group = ranks / 128  # one rank per node
    latency = collective.ring_latency_s(rank_count=group, node_count=group, intra_hop_s=INTEL_HOP_S, **RING_HOPS)
    assert latency == pytest.approx(seconds, rel=0.1)


def test_all_reduce_of_4_gib_on_4_nodes_of_8_b200():
    # Measured on EFA: 22.05 ms, which is 0.73 of the NICs' wire rate in this reading. Taken here, per GPU: NVLink of
    # 900 GB/s one way at 0.80, and a 400 Gbit/s NIC at 0.75. The row holds the form of the formula, not the 0.75.
    seconds = collective.hierarchical_s(
        ranks_per_node_count=8,
        node_count=4,
        message_byte=4 * GIB,
        intra_link_byte_per_s=0.80 * 900e9,
        inter_link_byte_per_s=0.75 * 50e9,
        intra_hop_s=INTEL_HOP_S,
        inter_hop_s=14 * US,
        base_s=8.4 * US,
        trip_count=2,
    )
    assert seconds == pytest.approx(22.05e-3, rel=0.10)


def test_ring_all_reduce_of_4_gib_on_4_nodes_of_8_h200():
    # Measured on EFA: 364.65 GB/s bus bandwidth, which is 22.8 ms. Taken here, per node: eight 400 Gbit/s NICs at 0.90.
    seconds = collective.ring_s(
        rank_count=32,
        node_count=4,
        message_byte=4 * GIB,
        link_byte_per_s=0.90 * 8 * 50e9,
        intra_hop_s=INTEL_HOP_S,
        **RING_HOPS,
    )
    published_s = 2 * 31 / 32 * 4 * GIB / 364.65e9
    assert published_s == pytest.approx(22.8e-3, rel=2e-3)
    assert seconds == pytest.approx(published_s, rel=0.10)
