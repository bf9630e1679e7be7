"""A fleet lowered: what every number is and where it comes from, what is warned of, what the layout rule does."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.fleet import Lease
from colocalc.loading import load_fleet

TRAINING = "training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304, layout: {tp: 8}}"
H100 = "pools: [{name: h100, gpu: h100-sxm, count: 1_024}]"


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def of(lowered):
    """The assumptions by path."""
    return {row.path: row for row in lowered.assumptions}


def texts(lowered, kind=None):
    return [remark.text for remark in lowered.remarks if kind in {None, remark.kind}]


def pools(*entries):
    return f"pools: [{', '.join(f'{{{entry}}}' for entry in entries)}]"


# Where every number comes from


def test_a_number_of_the_file_is_given_with_its_band_source_and_note():
    figure = "{value: 1_024, low: 1_000, high: 2_000, source: mirae-2026-05, note: about}"
    row = of(case(pools(f"name: h100, gpu: h100-sxm, count: {figure}")))["pools.h100.count"]
    assert (row.value, row.low, row.high, row.unit) == (1_024, 1_000, 2_000, "count")
    assert (row.source, row.note, row.origin) == ("mirae-2026-05", "about", "given")
    assert row.topics == {"mfu", "lease", "hedge", "h100e"}


@pytest.mark.parametrize(
    ("path", "origin", "value"),
    [
        ("pools.h100.count", "given", 1_024),
        ("training.sequence_tokens", "given", 8_192),
        ("training.layout.tp", "given", 8),
        ("training.layout.pp", "assumed", 1),
        ("training.precision", "assumed", "bf16"),
        ("training.gradient_bytes", "catalog", 2),
        ("training.allocation_share", "assumed", 1.0),
        ("training.model", "given", "Llama 3.1 8B"),
        # 32 layers, two tables of 128,256 x 4,096 and 65 norms of 4,096
        ("training.parameter_count", "derived", 8_030_261_248),
        ("gpus.h100-sxm.peak_bf16_tflop_per_s", "catalog", 989.4),
        ("gpus.h100-sxm.best_matmul_bf16_tflop_per_s", "catalog", 794.5),
        ("gpus.h100-sxm.nic_gbit_per_s", "catalog", 400),
        ("networks.nccl-ethernet.ring_inter_hop_s", "catalog", 14e-6),
        ("network.fabric", "assumed", "nccl-ethernet"),
        ("calibration.sustained_share", "catalog", 0.939),
        ("predict.attention.hopper_share", "assumed", 0.45),
        ("software.megatron.tensor_overlap_share", "catalog", 1.0),
        ("training.layout.sequence_parallel", "assumed", "true"),
        ("training.model_error_factor", "catalog", 1.0),
        ("gpus.h100-sxm.age_months", "assumed", 24),
        ("software.megatron_factor", "assumed", 1.0),
        ("sites.site.facility_power_mw", "given", 2.0),
        ("sites.site.pue_factor", "assumed", 1.25),
        ("sites.site.energy_price_usd_per_mwh", "assumed", 77.5),
        ("lease.billed_share", "assumed", 1.0),
        ("lease.rate_card", "assumed", "story-2026-05"),
        ("cards.story-2026-05.h100-sxm.rate_usd_per_gpu_h", "catalog", 2.20),
        ("finance.loss_usd", "given", 1e6),
        ("finance.loss_months", "assumed", 12),
        ("finance.reference.mfu_share", "assumed", 0.40),
        ("reliability.isolation", "assumed", "job"),
        ("reliability.checkpoint_interval_s", "assumed", "auto"),
    ],
)
def test_the_origin_of(path, origin, value):
    row = of(
        case(H100, TRAINING, "site: {facility_power_mw: 2}", "lease: {term: on-demand}", "finance: {loss_usd: 1e6}")
    )[path]
    assert (row.origin, row.value) == (origin, value)


def test_whatever_is_assumed_or_from_the_catalog_has_a_source_that_exists():
    lowered = case(H100, TRAINING, "site: {it_power_mw: 2}", "lease: {}")
    rows = [row for row in lowered.assumptions if row.origin in {"assumed", "catalog"}]
    assert len(rows) > 40
    assert {row.source for row in rows} <= set(load_catalog().sources)


def test_each_path_is_told_once():
    lowered = case(pools("gpu: h100-sxm, count: 8", "gpu: h200-sxm, count: 8"), TRAINING, "lease: {}")
    paths = [row.path for row in lowered.assumptions]
    assert len(paths) == len(set(paths))


def test_a_number_of_the_networks_block_replaces_that_of_the_gpu():
    lowered = case(H100, TRAINING, "network: {nic_gbit_per_s: 200}")
    assert list(lowered.jobs[0].arrays.chip.scale_out_byte_per_s) == [25e9]
    assert of(lowered)["network.nic_gbit_per_s"].origin == "given"
    assert "gpus.h100-sxm.nic_gbit_per_s" not in of(lowered)


def test_a_measured_share_is_given():
    lowered = case(H100, "training: {measured: {bubble_factor: {value: 0.93, source: llama3-2024}}}")
    row = of(lowered)["training.measured.bubble_factor"]
    assert (row.value, row.unit, row.origin, row.source) == (0.93, "factor", "given", "llama3-2024")
    assert lowered.jobs[0].arrays.measured["bubble"] == 0.93


def test_arrays_cannot_be_written():
    def arrays(value):
        if is_dataclass(value):
            value = {field.name: getattr(value, field.name) for field in fields(value)}
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, tuple | list):
            for part in value:
                yield from arrays(part)
        elif isinstance(value, np.ndarray):
            yield value

    lowered = case(H100, TRAINING, "site: {it_power_mw: 2}", "lease: {}", "finance: {loss_usd: 1e6}")
    found = list(arrays(lowered))
    assert len(found) > 80
    assert not any(array.flags.writeable for array in found)
    assert all(array.dtype == np.float64 for array in found)


# Failures by size


@pytest.mark.parametrize(("count", "rate"), [(2_047, 2.8), (2_048, 0.47), (2_049, 0.47)])
def test_small_jobs_fail_for_all_causes_and_large_ones_for_what_was_published(count, rate):
    lowered = case(pools(f"gpu: h100-sxm, count: {count}"), TRAINING)
    assert list(lowered.jobs[0].arrays.failures_per_1000_gpu_day) == [rate]
    assert of(lowered)["reliability.failures_per_1000_gpu_day"].origin == "assumed"


def test_the_size_that_counts_is_that_of_the_job():
    jobs = "jobs: [{name: a, pools: [one]}, {name: b, pools: [two, three]}]"
    entries = [f"name: {name}, gpu: h100-sxm, count: 1_200" for name in ("one", "two", "three")]
    small, large = case(pools(*entries), jobs).jobs
    assert list(small.arrays.failures_per_1000_gpu_day) == [2.8]
    assert list(large.arrays.failures_per_1000_gpu_day) == [0.47, 0.47]


def test_a_pools_own_failure_rate_goes_before_the_fleets():
    entries = ["name: a, gpu: h100-sxm, count: 8", "name: b, gpu: h100-sxm, count: 8, reliability: {%s}"]
    entries[1] %= "failures_per_1000_gpu_day: 5"
    lowered = case(pools(*entries), TRAINING, "reliability: {failures_per_1000_gpu_day: 1}")
    assert list(lowered.jobs[0].arrays.failures_per_1000_gpu_day) == [1, 5]
    assert of(lowered)["pools.b.reliability.failures_per_1000_gpu_day"].value == 5


@pytest.mark.parametrize(("given", "seconds"), [("900", 900), ("auto", np.nan)])
def test_a_checkpoint_interval_is_given_in_seconds_or_left_to_the_model(given, seconds):
    lowered = case(H100, TRAINING, f"reliability: {{checkpoint_interval_s: {given}}}")
    np.testing.assert_equal(float(lowered.jobs[0].arrays.checkpoint_interval_s), seconds)
    row = of(lowered)["reliability.checkpoint_interval_s"]
    assert (str(row.value).removesuffix(".0"), row.origin) == (given, "given")


# Precision


def test_a_gpu_without_the_precision_runs_at_the_next_wider_one_and_says_so():
    lowered = case(pools("gpu: h100-sxm, count: 8", "gpu: a100-sxm-80gb, count: 8"), "training: {precision: fp8}")
    job = lowered.jobs[0]
    assert list(job.arrays.peak_flop_per_s) == [1_978.9e12, 312e12]
    assert job.peak_precisions == ("fp8", "bf16")
    message = (
        "a100-sxm-80gb has no fp8 peak: its work and its part of the denominator are at bf16 "
        "(a peak of another precision)"
    )
    assert texts(lowered, "warning") == [message]


@pytest.mark.parametrize(
    ("precision", "gpu", "peak"),
    [
        ("bf16", "gb200-nvl72", 2_500),
        ("mxfp8", "gb200-nvl72", 5_000),
        ("nvfp4", "gb200-nvl72", 10_000),
        ("nvfp4", "h100-sxm", 1_978.9),
    ],
)
def test_a_jobs_precision_chooses_the_peak_it_is_measured_against(precision, gpu, peak):
    lowered = case(pools(f"gpu: {gpu}, count: 8, counted_as: gpu"), f"training: {{precision: {precision}}}")
    assert lowered.jobs[0].arrays.peak_flop_per_s == [peak * 1e12]
    assert lowered.peak_flop_per_s == [peak * 1e12]


def test_a_pool_in_no_job_counts_at_the_precision_of_the_first():
    entries = ("name: a, gpu: h100-sxm, count: 8", "name: b, gpu: h100-sxm, count: 8")
    lowered = case(pools(*entries), "jobs: [{name: j, pools: [b], precision: fp8}]")
    assert list(lowered.peak_flop_per_s) == [1_978.9e12, 1_978.9e12]
    assert lowered.jobs[0].pool_index == (1,)


def test_without_a_job_peaks_are_dense_bf16():
    assert list(case(H100).peak_flop_per_s) == [989.4e12]
    assert case(H100).jobs == ()


def test_a_gpu_without_a_16_bit_peak_in_no_job_has_no_peak():
    lowered = case("gpus: {x1: {title: X1, peak_tflop_per_s: {int8: 100}}}", pools("gpu: x1, count: 8"))
    assert np.isnan(lowered.peak_flop_per_s).all()
    assert lowered.equivalents.tflop_per_s["int8"][0] == 100


# Names and counts


def test_an_alias_is_read_as_the_gpu_it_means_and_said_so():
    lowered = case(pools("gpu: H100, count: 8"))
    assert lowered.pools.names == ("h100-sxm",)
    assert texts(lowered) == ["H100 is read as h100-sxm: NVIDIA H100 SXM"]


def test_an_id_is_read_without_a_word():
    assert texts(case(H100)) == []


@pytest.mark.parametrize(("counted_as", "count"), [("gpu", 10), ("superchip", 20), ("rack", 720)])
def test_superchips_and_racks_are_counted_in_gpus(counted_as, count):
    lowered = case(pools(f"name: gb, gpu: gb200-nvl72, count: 10, counted_as: {counted_as}"))
    assert list(lowered.pools.gpu_count) == [count]
    assert texts(lowered, "warning") == []


def test_a_count_of_racks_is_derived_and_says_how():
    rows = of(case(pools("name: gb, gpu: gb200-nvl72, count: 10, counted_as: rack")))
    assert rows["pools.gb.count"].value == 10
    assert rows["gpus.gb200-nvl72.rack_gpu_count"].value == 72
    derived = rows["pools.gb.gpu_count"]
    assert (derived.value, derived.origin, derived.note) == (720, "derived", "10 racks of 72 GPUs")


def test_a_count_that_may_mean_superchips_is_warned_of():
    lowered = case(pools("name: gb, gpu: gb200-nvl72, count: 20_000"))
    assert list(lowered.pools.gpu_count) == [20_000]
    message = (
        "pool gb: the count may mean GPUs or superchips; say counted_as. "
        "Read as 20,000 GPUs, not 40,000 GPUs if superchips are counted"
    )
    assert texts(lowered, "warning") == [message]


def test_a_count_that_is_ambiguous_for_no_known_reason_is_warned_of_too():
    own = "gpus: {x1: {title: X1, peak_tflop_per_s: {bf16: 100}, ambiguous_count: true}}"
    lowered = case(own, pools("gpu: x1, count: 8"))
    assert texts(lowered, "warning") == [
        "pool x1: the count may mean GPUs or superchips; say counted_as. Read as 8 GPUs"
    ]


def test_identical_pools_of_one_site_are_one():
    lowered = case(
        pools(
            "gpu: h100-sxm, count: {value: 100, low: 90, source: a}, site: m",
            "gpu: h200-sxm, count: 7, site: m",
            "gpu: h100-sxm, count: {value: 50, high: 60, source: a}, site: m",
        ),
        "sites: {m: {it_power_mw: 1}}",
        "sources: {a: {title: A}}",
    )
    assert lowered.pools.names == ("h100-sxm", "h200-sxm")
    assert list(lowered.pools.gpu_count) == [150, 7]
    row = of(lowered)["pools.h100-sxm.count"]
    assert (row.value, row.low, row.high, row.source) == (150, 140, 160, "a")
    assert row.note == "the sum of 2 entries"


def test_identical_pools_counted_in_superchips_are_one():
    entry = "gpu: gb200-nvl72, count: 10, counted_as: superchip"
    lowered = case(pools(entry, entry))
    assert list(lowered.pools.gpu_count) == [40]
    assert of(lowered)["pools.gb200-nvl72.gpu_count"].value == 40
    assert of(lowered)["pools.gb200-nvl72.count"].value == 20


def test_pools_without_a_site_stand_on_the_only_one():
    lowered = case(pools("gpu: h100-sxm, count: 1"), "site: {it_power_mw: 1}")
    assert lowered.pools.site_names == ("site",)
    assert case(H100).pools.site_names == (None,)


# Jobs on parts of the fleet


def test_a_job_sees_the_pools_it_names_in_its_own_order():
    entries = [
        f"name: {name}, gpu: {gpu}, count: {n}"
        for name, gpu, n in (("a", "h100-sxm", 8), ("b", "h200-sxm", 16), ("c", "a100-sxm-80gb", 24))
    ]
    lowered = case(pools(*entries), "jobs: [{name: j, pools: [c, a]}, {name: k, pools: [b], precision: fp8}]")
    first, second = lowered.jobs
    assert (first.name, first.pool_index) == ("j", (2, 0))
    assert list(first.arrays.gpu_count) == [24, 8]
    assert list(first.arrays.peak_flop_per_s) == [312e12, 989.4e12]
    assert (second.name, second.pool_index) == ("k", (1,))
    assert list(lowered.peak_flop_per_s) == [989.4e12, 1_978.9e12, 312e12]
    assert of(lowered)["jobs.k.precision"].value == "fp8"


def test_without_a_model_the_dimensions_are_unknown_and_said_so():
    lowered = case(H100, "training: {}")
    assert np.isnan(lowered.jobs[0].arrays.dimensions.layer_count)
    assert np.isnan(lowered.jobs[0].arrays.flop_per_token)
    assert texts(lowered) == ["no training.model: stages that need its dimensions are left out unless measured"]


# The layout rule: heads and node bound tp; pp doubles until weights and gradients, 4 bytes a parameter, take half the
# smallest memory; vpp is the largest divisor of a stage's layers up to 8


@pytest.mark.parametrize(
    ("model", "gpus", "layout"),
    [
        ("8b", ["h100-sxm"], (8, 1, 1)),  # 32.1 / 8 = 4.0 GB
        ("70b", ["h100-sxm"], (8, 1, 1)),  # 282.2 / 8 = 35.3 is below 40
        ("70b", ["h200-sxm"], (8, 1, 1)),  # and below 70.5
        ("405b", ["h100-sxm"], (8, 8, 8)),  # 1,623 / 32 = 50.7 is above 40, / 64 = 25.4 is not; 16 layers a stage
        ("405b", ["h200-sxm"], (8, 4, 8)),  # 50.7 is below 70.5; 32 layers a stage
        ("405b", ["gb200-nvl72"], (4, 8, 8)),  # 4 GPUs a tray; 1,623 / 16 = 101.5 is above 93, 50.7 is not
        ("405b", ["h100-sxm", "gb200-nvl72"], (4, 16, 8)),  # the smaller node and the smaller memory; 8 layers a stage
    ],
)
def test_the_layout_rule(model, gpus, layout):
    entries = [f"gpu: {gpu}, count: 4_096, counted_as: gpu" for gpu in gpus]
    lowered = case(pools(*entries), f"training: {{model: llama-3.1-{model}}}")
    arrays = lowered.jobs[0].arrays
    assert (arrays.tp_count, arrays.pp_count, arrays.vpp_count) == layout
    assert {of(lowered)[f"training.layout.{name}"].origin for name in ("tp", "pp", "vpp")} == {"derived"}
    assert of(lowered)["training.layout.cp"].origin == "assumed"
    assert any(text.startswith("no layout given: a plain rule is used") for text in texts(lowered))
    assert texts(lowered, "warning") == []


def test_the_rule_counts_gradients_at_the_width_they_are_given():
    # 70.55e9 x (2 + 2) / 8 = 35.3 GB is below 40: no pipeline
    lowered = case(H100, "training: {model: llama-3.1-70b, gradient_bytes: 2}")
    assert lowered.jobs[0].arrays.pp_count == 1


def test_the_rule_cuts_no_head():
    dims = "layer_count: 2, hidden_dim: 512, mlp_dim: 2048, gated_mlp: true, head_count: 4, kv_head_count: 4"
    lowered = case(H100, f"training: {{model: {{name: tiny, {dims}, head_dim: 128, vocabulary_count: 1000}}}}")
    assert lowered.jobs[0].arrays.tp_count == 4


def test_a_layout_that_is_given_is_used_and_what_it_leaves_open_is_one():
    lowered = case(H100, "training: {model: llama-3.1-405b, layout: {pp: 16}, ignore_memory: true}")
    arrays = lowered.jobs[0].arrays
    assert (arrays.tp_count, arrays.pp_count, arrays.vpp_count) == (1, 16, 1)
    assert texts(lowered) == []


# Memory, links and parts not used


def test_tensor_ranks_beyond_the_domain_are_warned_of():
    lowered = case(H100, "training: {model: llama-3.1-8b, layout: {tp: 16}}")
    assert texts(lowered, "warning") == [
        "training: tensor parallelism over 16 GPUs leaves the scale-up domain of 8: its collectives run on the NICs"
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("training: {layout: {ep: 2}}", "training.layout.ep has no use"),
        ("training: {}\nnetwork: {flat: true}", "network.flat is a counterfactual"),
    ],
)
def test_what_the_model_leaves_out_is_warned_of(line, words):
    assert any(words in text for text in texts(case(H100, line), "warning"))


def test_keys_of_money_are_all_used():
    lowered = case(
        H100,
        "lease: {rate_usd_per_gpu_h: 2, start: 2026-06-01, months: 36, tenancy: single}",
        "costs: {capital_usd_per_gpu: {h100-sxm: 33_000}, operations_usd_per_yr: 0}",
        "depreciation: {book_life_yr: 6}",
        "debt: {interest_share: 0.09, tenor_months: 36, target_dscr_factor: 1.3}",
        "finance: {discount_rate_share: 0.1, reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2, mfu_share: 0.4}}",
    )
    assert not [text for text in texts(lowered) if "not used" in text]
    assert float(lowered.terms[0].months) == 36.0
    assert float(lowered.project.debt.tenor_months) == 36.0
    assert float(lowered.project.book_life_yr) == 6.0


def test_a_fleet_whose_every_key_is_used_lists_none():
    assert texts(case(H100, TRAINING, "site: {it_power_mw: 2}", "lease: {rate_usd_per_gpu_h: 2}")) == []


# Sites


def test_facility_and_it_megawatts_are_kept_apart():
    sites = case(
        pools("name: a, gpu: h100-sxm, count: 8, site: x", "name: b, gpu: h100-sxm, count: 8, site: y"),
        "sites: {x: {facility_power_mw: 3, pue_factor: 1.5}, y: {it_power_mw: 2, draw: nameplate}}",
    ).sites
    assert sites.names == ("x", "y")
    np.testing.assert_equal(sites.facility_power_mw, [3, np.nan])
    np.testing.assert_equal(sites.it_power_mw, [np.nan, 2])
    assert list(sites.pue_factor) == [1.5, 1.25]
    assert list(sites.draw_share) == [0.7, 1.0]
    assert list(sites.typical_draw_share) == [0.7, 0.7]


def test_energy_costs_what_the_site_pays_or_the_going_price():
    sites = "sites: {x: {energy_price_usd_per_mwh: 50}, y: {}}"
    entries = ("name: a, gpu: h100-sxm, count: 8, site: x", "name: b, gpu: h100-sxm, count: 8, site: y")
    lowered = case(pools(*entries), sites)
    assert list(lowered.sites.energy_price_usd_per_mwh) == [50, 77.5]
    price = of(lowered)["sites.y.energy_price_usd_per_mwh"]
    assert (price.origin, price.low, price.high) == ("assumed", 65, 90)


def test_a_fleet_without_a_site_has_none():
    assert case(H100).sites.names == ()
    assert case(H100).sites.pue_factor.shape == (0,)


# Networks


def test_chips_on_a_torus_get_their_network():
    lowered = case(pools("gpu: tpu-v5p, count: 4_096"), "training: {}")
    links = lowered.jobs[0].arrays.links
    assert of(lowered)["network.fabric"].value == "tpu-ici"
    assert links.torus_dimension_count == 3
    assert links.torus_hop_s == 1e-6
    assert np.isnan(links.tree_base_s)
    assert np.isnan(links.pat_base_s)


def test_only_infiniband_reduces_in_the_network():
    ethernet, infiniband = (
        case(H100, "training: {}", f"network: {{fabric: {fabric}}}").jobs[0].arrays.links
        for fabric in ("nccl-ethernet", "nccl-infiniband")
    )
    assert np.isnan(ethernet.in_network_base_s)
    assert infiniband.in_network_base_s == 25e-6


def test_switched_gpus_beside_a_torus_make_no_torus():
    lowered = case(pools("gpu: tpu-v5p, count: 8", "gpu: h100-sxm, count: 8"), "training: {}")
    assert of(lowered)["network.fabric"].value == "nccl-ethernet"
    assert np.isnan(lowered.jobs[0].arrays.links.torus_dimension_count)


# Contracts and prices


def test_a_card_prices_each_pool_and_says_where_from():
    lease = case(pools("gpu: h100-sxm, count: 8", "gpu: h200-sxm, count: 8"), "lease: {}").lease
    assert list(lease.rate_usd_per_gpu_h) == [2.20, 2.90]
    assert lease.rate_sources == ("story-2026-05, on-demand, 2026-05-08",) * 2
    assert lease.cards == ("story-2026-05",)
    assert list(lease.billed_share) == [1, 1]
    assert lease.contract_index == (0, 0)


def test_a_card_of_one_term_serves_every_term_and_says_so():
    lowered = case(H100, "lease: {term: 3-year}")
    assert list(lowered.lease.rate_usd_per_gpu_h) == [2.20]
    assert texts(lowered) == ["card story-2026-05 has one term, on-demand: it is used for the lease's 3-year"]


def test_one_rate_holds_for_all_pools():
    lease = case(pools("gpu: h100-sxm, count: 8", "gpu: h200-sxm, count: 8"), "lease: {rate_usd_per_gpu_h: 3}").lease
    assert list(lease.rate_usd_per_gpu_h) == [3, 3]
    assert lease.rate_sources == ("the contract's rate",) * 2
    assert lease.cards == ()


@pytest.mark.parametrize(
    ("shares", "billed"),
    [
        ("sold_share: 0.85, take_or_pay_share: 0.9", 0.9),
        ("sold_share: 0.95, take_or_pay_share: 0.9", 0.95),
        ("sold_share: 0.6", 0.6),
        ("take_or_pay_share: 0.5", 0.5),
        ("billed_share: 0.7", 0.7),
    ],
)
def test_what_is_billed_is_the_larger_of_sold_and_owed(shares, billed):
    lease = case(H100, f"lease: {{rate_usd_per_gpu_h: 3, {shares}}}").lease
    assert list(lease.billed_share) == [billed]


def test_each_contract_has_its_pools_price_and_share():
    entries = [f"name: {name}, gpu: h100-sxm, count: 8" for name in "abc"]
    lease = case(
        pools(*entries),
        "contracts: [{name: one, pools: [c], rate_usd_per_gpu_h: 3, billed_share: 0.5},"
        " {name: two, pools: [a], fee_usd_per_month: 1e4}]",
    ).lease
    assert lease.contract_names == ("one", "two")
    assert lease.contract_index == (1, -1, 0)
    np.testing.assert_equal(lease.rate_usd_per_gpu_h, [np.nan, np.nan, 3])
    np.testing.assert_equal(lease.fee_usd_per_month, [np.nan, 1e4])
    assert list(lease.billed_share) == [1, 0, 0.5]
    assert lease.rate_sources == ("monthly fee", "", "the contract's rate")


def test_costs_and_losses_that_are_not_stated_are_not_there():
    lowered = case(H100)
    assert lowered.lease is None
    assert lowered.loss is None
    assert np.isnan(lowered.costs.operations_usd_per_yr)


def test_a_gpu_without_a_rate_is_refused_and_never_free():
    loaded = load_fleet("-", catalog=load_catalog(), stdin=f"name: one\n{pools('gpu: tpu-v5p, count: 8')}".encode())
    fleet = loaded.fleet.model_copy(update={"lease": Lease(rate_card="story-2026-05")})
    with pytest.raises(ColocalcError) as error:
        lower(fleet, loaded.catalog)
    assert error.value.message == (
        "pool tpu-v5p: card story-2026-05 has no on-demand rate for tpu-v5p; it has gb200-nvl72, h100-sxm, h200-sxm"
    )


def test_an_owning_cost_is_not_a_rent():
    lowered = case(H100, "lease: {rate_card: owning-cost}")
    assert "card owning-cost holds owning costs, not rents" in texts(lowered, "warning")


# A catalog of one's own


def test_the_files_own_gpu_model_card_and_source_are_used():
    dims = "layer_count: 2, hidden_dim: 512, mlp_dim: 2048, gated_mlp: true, head_count: 4, kv_head_count: 4"
    lowered = case(
        "gpus: {x1: {title: X1, aliases: [X-One], peak_tflop_per_s: {bf16: {value: 100, source: us}},"
        " best_matmul_tflop_per_s: {bf16: 60}, node_gpu_count: 4, server_power_w: 500}}",
        f"models: {{tiny: {{{dims}, head_dim: 128, vocabulary_count: 1000}}}}",
        "cards: {ours: {as_of: 2026-01-01, currency: usd, rates: [{gpu: X-One, term: spot, rate_usd_per_gpu_h: 1}]}}",
        "sources: {us: {title: our own tests}}",
        pools("gpu: X-One, count: 8"),
        "training: {model: tiny, layout: {tp: 2}}",
        "lease: {rate_card: ours, term: spot}",
    )
    job = lowered.jobs[0].arrays
    assert lowered.pools.names == ("x1",)
    assert list(job.peak_flop_per_s) == [100e12]
    assert list(job.chip.ceiling_share) == [0.6]
    assert job.dimensions.layer_count == 2
    assert list(job.chip.scale_out_byte_per_s) == [12.5e9]  # that of the usual server: 100 Gbit/s
    assert list(lowered.lease.rate_usd_per_gpu_h) == [1]
    assert of(lowered)["gpus.x1.peak_bf16_tflop_per_s"].source == "us"


def test_a_gpu_whose_best_matrix_product_is_unknown_gets_a_stated_ceiling():
    lowered = case("gpus: {x1: {title: X1, peak_tflop_per_s: {bf16: 100}}}", pools("gpu: x1, count: 8"), "training: {}")
    assert list(lowered.jobs[0].arrays.chip.ceiling_share) == [0.77]
    row = of(lowered)["gpus.x1.ceiling_16_bit_share"]
    assert (row.origin, row.low, row.high) == ("assumed", 0.51, 0.87)


# H100-equivalents


def test_an_h100_stands_behind_the_pools_in_every_measure():
    equivalents = case(pools("gpu: h200-sxm, count: 8")).equivalents
    assert list(equivalents.tflop_per_s["bf16"]) == [989.4, 989.4]
    np.testing.assert_equal(equivalents.tflop_per_s["fp4"], [np.nan, np.nan])
    assert list(equivalents.hbm_gbyte) == [141, 80]
    assert equivalents.rounds["mlperf_training_405b_v5_1"] == "h200-sxm v5.0, h100-sxm v5.0"


def test_the_newest_round_up_to_the_one_named_is_taken():
    equivalents = case(pools("gpu: gb200-nvl72, count: 8, counted_as: gpu")).equivalents
    assert list(equivalents.measured["mlperf_training_405b_v5_0"]) == [54_028, 118_106]
    assert list(equivalents.measured["mlperf_training_405b_v5_1"]) == [43_489, 118_106]
    assert equivalents.rounds["mlperf_training_405b_v5_0"] == "gb200-nvl72 v5.0, h100-sxm v5.0"
    assert equivalents.rounds["mlperf_training_405b_v5_1"] == "gb200-nvl72 v5.1, h100-sxm v5.0"


def test_a_reference_takes_the_precision_of_the_first_job_and_says_so():
    lowered = case(
        pools("name: a, gpu: h100-sxm, count: 8", "name: b, gpu: h100-sxm, count: 8"),
        "jobs: [{name: j, pools: [a], precision: fp8}, {name: k, pools: [b], precision: bf16}]",
        "lease: {rate_usd_per_gpu_h: 2}",
        "finance: {reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2, mfu_share: 0.4}}",
    )
    assert "jobs differ in precision: the reference GPU's peak is that of fp8" in texts(lowered)
    assert float(lowered.choice.reference_peak_pflop_per_s) == pytest.approx(1.9789)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tp: 3", "layout.tp of 3 does not divide the 32 attention heads of the model"),
        ("ep: 2", "layout.ep has no use: the model has no experts"),
    ],
)
def test_a_layout_that_cuts_what_is_whole_is_warned_of(line, words):
    text = f"training: {{model: llama-3.1-8b, global_batch_tokens: 4_194_304, layout: {{{line}}}}}"
    assert any(words in told for told in texts(case(H100, text), "warning"))


def recomputed(gpu, as_of, software):
    layout = "layout: {tp: 2, micro_batch: 1, recompute: selective}"
    text = f"training: {{model: llama-3.1-8b, global_batch_tokens: 4_194_304, software: {software}, {layout}}}"
    return case(f"pools: [{{gpu: {gpu}, count: 256}}]", f"as_of: {as_of}", text)


@pytest.mark.parametrize(
    ("gpu", "as_of", "software", "layer", "core"),
    [
        ("a100-sxm-80gb", "2022-06", "megatron", 0.0, 1.0),  # before fused attention: the core alone
        ("a100-sxm-80gb", "2023-06", "megatron", 0.045, 0.0),  # fused: norms and activations
        ("tpu-v4", "2023-06", "xla", 0.85, 0.0),  # nearly the whole layer
    ],
)
def test_selective_recompute_is_what_the_stack_of_the_day_runs_again(gpu, as_of, software, layer, core):
    arrays = recomputed(gpu, as_of, software).jobs[0].arrays
    assert float(arrays.recompute_layer_share) == pytest.approx(layer)
    assert float(arrays.recompute_core_share) == core


def test_a_date_before_the_launch_of_a_gpu_is_warned_of():
    told = texts(recomputed("h100-sxm", "2022-01", "megatron"), "warning")
    assert any("as_of 2022-01 is before h100-sxm was launched in" in text for text in told)


def test_the_context_of_inference_may_be_given():
    served = "inference: {model: llama-3.1-8b, prompt_tokens: 1_000, output_tokens: 200CONTEXT}"
    derived, given = (case(H100, served.replace("CONTEXT", text)) for text in ("", ", context_tokens: 5_000"))
    assert of(derived)["inference.context_tokens"].value == 1_100.0
    assert (of(given)["inference.context_tokens"].value, of(given)["inference.context_tokens"].origin) == (
        5_000.0,
        "given",
    )
