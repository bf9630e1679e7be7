"""Every number of the catalog has a source, a date where it is a price, and a value that can be true."""

import re
from typing import get_args

import pytest
from pydantic import BaseModel

from colocalc import yamlio
from colocalc.card import RateCard, Term
from colocalc.catalog import Catalog, catalog_dir, fleets_dir, load_catalog
from colocalc.figure import Figure
from colocalc.units import UNITS, unit_of

CATALOG = load_catalog()
GPU_IDS = (
    "v100-sxm2-32gb",
    "a100-sxm-40gb",
    "a100-sxm-80gb",
    "a100-pcie-40gb",
    "a100-pcie-80gb",
    "a800-sxm-80gb",
    "h100-sxm",
    "h100-pcie",
    "h100-nvl",
    "h800-sxm",
    "h20-sxm",
    "gh200-96gb",
    "gh200-144gb",
    "h200-sxm",
    "h200-nvl",
    "b100",
    "b200-sxm",
    "gb200-nvl72",
    "gb200-nvl36x2",
    "gb200-nvl4",
    "b300-sxm",
    "gb300-nvl72",
    "l4",
    "l40s",
    "rtx-6000-ada",
    "rtx-pro-6000-blackwell",
    "a10",
    "a40",
    "t4",
    "vr200-nvl72",
    "rubin-cpx",
    "mi210",
    "mi250x",
    "mi300a",
    "mi300x",
    "mi325x",
    "mi350x",
    "mi355x",
    "gaudi2",
    "gaudi3",
    "tpu-v3",
    "tpu-v4",
    "tpu-v5e",
    "tpu-v5p",
    "tpu-v6e",
    "tpu-v7",
    "trainium1",
    "trainium2",
    "trainium3",
    "inferentia2",
    "ascend-910b",
    "ascend-910c",
)
CARD_NAMES = (
    "hyperscaler-list-2026",
    "iforels-2026",
    "market-1yr",
    "market-2026",
    "market-3yr",
    "market-3yr-2025-08",
    "market-on-demand-2026",
    "market-spot",
    "owning-cost",
    "owning-cost-hyperscaler",
    "story-2026-05",
    "tpu-list-2024-12",
)
DEFAULT_NAMES = {
    "training": (
        "precision",
        "software",
        "split",
        "attention_flops",
        "allocation_share",
        "model_error_factor",
        "outer_sync_interval_steps",
        "outer_sync_bits",
        "layout.micro_batch",
        "layout.schedule",
        "layout.recompute",
        "layout.zero_stage",
        "layout.cp",
        "layout.ep",
        "layout.sequence_parallel",
        "layout.vpp",
    ),
    "mfu": (
        "shape_share.hopper",
        "shape_share.blackwell",
        "shape_share.blackwell-ultra",
        "shape_share.ampere",
        "shape_share.other",
        "memory_bound_share",
        "stage_imbalance_share",
        "power_exponent_factor",
    ),
    "software": ("immature_factor", "megatron_factor", "fsdp_factor", "xla_factor", "mlperf_factor", "inhouse_factor"),
    "schedule": ("1f1b_factor", "gpipe_factor", "zb-h1_factor", "zb-h2_factor", "zb-v_factor"),
    "reliability": (
        "failures_per_1000_gpu_day.small",
        "failures_per_1000_gpu_day.large",
        "failures_per_1000_gpu_day.class-100k",
        "failures_per_1000_gpu_day.threshold_gpu_count",
        "restart_s",
        "replica_stall_s",
        "hot_spare_stall_s",
        "replica_repair_s",
        "checkpoint_s",
        "checkpoint_interval_s",
        "isolation",
    ),
    "network": ("algorithm", "oversubscription_factor", "pod_gpu_count", "flat_collective_count", "switched", "torus"),
    "sites": (
        "pue_factor",
        "draw",
        "typical_draw_share",
        "energy_price_usd_per_mwh",
        "orbital.pue_factor",
        "orbital.energy_price_usd_per_mwh",
        "orbital.sink_temperature_k",
        "orbital.emissivity_share",
        "orbital.radiating_sides_count",
        "orbital.chip_temperature_limit_k",
    ),
    "claims": ("tolerance_share",),
    "cards": ("band_slack_factor", "wide_band_factor", "stale_months"),
    "lease": ("rate_card", "term", "billed_share"),
    "finance": ("loss_months", "reference.mfu_share"),
    "h100e": ("basis",),
}


def figures_in(value, path=""):
    """Every figure below a definition, with its path."""
    if isinstance(value, Figure):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from figures_in(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from figures_in(inner, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from figures_in(inner, f"{path}.{index}")


def cards():
    return {name: CATALOG.card(name) for name in CATALOG.card_names()}


def everything():
    for group in (CATALOG.gpus, CATALOG.models, CATALOG.networks, cards()):
        for key, entry in group.items():
            yield from figures_in(entry, key)


def weighted_rate(name):
    counts = {"h100-sxm": 150_000, "h200-sxm": 50_000, "gb200-nvl72": 20_000}
    anywhere_last = sorted(CATALOG.card(name).rates, key=lambda rate: rate.region is None)
    rates = {rate.gpu: rate.rate_usd_per_gpu_h.value for rate in anywhere_last}
    return sum(count * rates[gpu] for gpu, count in counts.items()) / sum(counts.values())


# What is there


def test_the_catalog_has_the_promised_entries():
    assert tuple(CATALOG.gpus) == GPU_IDS
    assert tuple(CATALOG.networks) == ("nccl-ethernet", "nccl-infiniband", "tpu-ici")
    assert CATALOG.card_names() == CARD_NAMES


def test_the_promised_defaults_are_there():
    promised = {f"{block}.{name}" for block, names in DEFAULT_NAMES.items() for name in names}
    assert promised <= set(CATALOG.defaults)


# Sources


def test_every_number_names_a_source_that_exists():
    lost = [path for path, figure in everything() if figure.source not in CATALOG.sources]
    assert not lost


def test_every_default_names_a_source_that_exists():
    assert not [key for key, default in CATALOG.defaults.items() if default.source not in CATALOG.sources]


def test_every_model_names_the_source_of_its_dimensions():
    assert not [name for name, model in CATALOG.models.items() if model.source not in CATALOG.sources]


def test_no_source_is_unused():
    used = {figure.source for _, figure in everything()}
    used |= {default.source for default in CATALOG.defaults.values()}
    used |= {model.source for model in CATALOG.models.values()}
    for path in (
        *sorted(fleets_dir().glob("*.yaml")),
        catalog_dir() / "calibration.yaml",
        catalog_dir() / "stacks.yaml",
    ):
        used |= set(re.findall(r"\bsource: ([a-z0-9.-]+)", path.read_text(encoding="utf-8")))
    assert set(CATALOG.sources) <= used


def test_every_source_has_a_date_no_later_than_the_catalog():
    for source in CATALOG.sources.values():
        assert re.fullmatch(r"20\d\d(-\d\d){0,2}", source.date)
        assert source.date <= "2026-12"


def test_every_address_is_a_web_page():
    assert not [
        source.id for source in CATALOG.sources.values() if source.url and not source.url.startswith("https://")
    ]


def test_recalled_numbers_are_marked_as_estimates():
    assert {CATALOG.sources[key].kind for key in ("recalled", "planning-estimate", "calibration-2026-11")} == {
        "estimate"
    }


def test_entries_know_their_own_names():
    for group, field in (
        (CATALOG.gpus, "id"),
        (CATALOG.networks, "id"),
        (CATALOG.sources, "id"),
        (CATALOG.models, "name"),
    ):
        assert [getattr(entry, field) for entry in group.values()] == list(group)
    assert [card.name for card in cards().values()] == list(cards())


# Networks


def test_reduction_in_the_network_exists_on_infiniband_only():
    has_it = [key for key, network in CATALOG.networks.items() if "in-network" in network.algorithms]
    assert has_it == ["nccl-infiniband"]


@pytest.mark.parametrize("key", ["nccl-ethernet", "nccl-infiniband"])
def test_nccl_constants_are_those_of_its_source(key):
    network = CATALOG.networks[key]
    microseconds = {
        "ring_intra_hop_s": 3.4,
        "ring_inter_hop_s": 14.0,
        "ring_base_s": 8.4,
        "tree_intra_hop_s": 4.0,
        "tree_inter_hop_s": 14.0,
        "tree_base_s": 8.4,
        "pat_base_s": 8.0,
        "pat_inter_hop_s": 14.0,
        "pat_rank_s": 2.8,
    }
    assert {name: getattr(network, name).value * 1e6 for name in microseconds} == pytest.approx(microseconds)
    assert network.ring_plateau_factor.value == 1.4
    assert network.tree_bandwidth_factor.value == 0.92
    assert network.pat_bandwidth_factor.value == 0.75
    assert network.pat_hop_divisor_factor.value == 3.5


@pytest.mark.parametrize(
    ("prefix", "algorithm"),
    [("ring", "ring"), ("tree", "tree"), ("pat", "pat"), ("in_network", "in-network"), ("torus", "torus")],
)
def test_a_network_has_the_constants_of_its_algorithms_and_no_others(prefix, algorithm):
    for network in CATALOG.networks.values():
        names = [name for name in type(network).model_fields if name.startswith(f"{prefix}_")]
        assert {getattr(network, name) is not None for name in names} == {algorithm in network.algorithms}


# Rate cards


@pytest.mark.parametrize("name", CARD_NAMES)
def test_every_price_is_dated_and_of_a_known_gpu(name):
    for rate in CATALOG.card(name).rates:
        assert rate.gpu in CATALOG.gpus
        assert rate.term in get_args(Term)
        assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", rate.as_of)
        assert rate.as_of <= CATALOG.card(name).as_of
        assert 0.1 < rate.rate_usd_per_gpu_h.value < 12


def test_the_story_card_has_the_mean_of_the_story():
    assert weighted_rate("story-2026-05") == pytest.approx(2.600, abs=1e-12)


def test_the_story_card_says_that_only_its_mean_is_sourced():
    card = CATALOG.card("story-2026-05")
    by_gpu = {rate.gpu: rate.rate_usd_per_gpu_h.value for rate in card.rates}
    assert 7.5 * by_gpu["h100-sxm"] + 2.5 * by_gpu["h200-sxm"] + by_gpu["gb200-nvl72"] == pytest.approx(28.6)
    assert all("28.6" in rate.note for rate in card.rates)


@pytest.mark.parametrize(("name", "mean"), [("market-3yr", 2.3864), ("owning-cost", 1.6236), ("market-spot", 3.03)])
def test_weighted_mean_of_the_colossus_1_mix(name, mean):
    assert weighted_rate(name) == pytest.approx(mean, abs=0.001 if name == "market-spot" else 5e-5)


def test_only_the_owning_cost_card_is_not_rent():
    kinds: dict[str, str] = {name: card.kind for name, card in cards().items()}
    assert kinds == {name: "owning-cost" if name.startswith("owning-cost") else "rent" for name in CARD_NAMES}


def test_owning_costs_less_than_renting_for_three_years():
    owning, renting = (
        {rate.gpu: rate.rate_usd_per_gpu_h.value for rate in CATALOG.card(name).rates}
        for name in ("owning-cost", "market-3yr")
    )
    assert all(owning[gpu] < renting[gpu] for gpu in owning)


def test_a_stand_in_price_says_so():
    card: RateCard = CATALOG.card("market-spot")
    (rate,) = [rate for rate in card.rates if rate.gpu == "gb200-nvl72"]
    assert "B200 index" in rate.note


# Defaults


def test_every_numeric_default_has_a_known_unit_that_its_name_agrees_with():
    for key, default in CATALOG.defaults.items():
        if isinstance(default.value, float) and key != "training.layout.zero_stage":
            assert default.unit in UNITS, key
            named = unit_of(key)
            assert named is None or named.suffix == default.unit, key


def test_shares_lie_between_zero_and_one():
    for key, default in CATALOG.defaults.items():
        if default.unit == "share":
            assert 0.0 <= default.value <= 1.0, key


def test_defaults_that_name_an_entry_name_one_that_exists():
    assert CATALOG.default("lease.rate_card").value in CATALOG.card_names()
    assert CATALOG.default("lease.term").value in get_args(Term)
    assert CATALOG.default("network.switched").value in CATALOG.networks
    assert CATALOG.default("network.torus").value in CATALOG.networks
    assert f"software.{CATALOG.default('training.software').value}_factor" in CATALOG.defaults
    assert f"schedule.{CATALOG.default('training.layout.schedule').value}_factor" in CATALOG.defaults


def test_failure_rates_follow_from_what_was_counted():
    prefix = "reliability.failures_per_1000_gpu_day"
    assert CATALOG.default(f"{prefix}.large").value == pytest.approx(419 / 54 / 16.384, abs=0.005)
    assert CATALOG.default(f"{prefix}.class-100k").value == pytest.approx(24 * 60 / 18 / 100)
    small = CATALOG.default(f"{prefix}.small")
    assert small.low == pytest.approx(1_000 / (47.7 * 8), abs=0.05)
    assert small.high == pytest.approx(1_000 / (7.9 / 24 * 1_024), abs=0.05)
    assert CATALOG.default(f"{prefix}.threshold_gpu_count").value == 2_048


def test_the_immature_stack_is_34_over_54():
    immature = CATALOG.default("software.immature_factor")
    assert immature.value == pytest.approx(34 / 54, abs=0.001)
    assert immature.low <= immature.value <= immature.high


def test_the_energy_price_is_the_middle_of_its_band():
    price = CATALOG.default("sites.energy_price_usd_per_mwh")
    assert price.value == (price.low + price.high) / 2


def test_typical_draw_is_what_eight_b200_drew():
    draw = CATALOG.default("sites.typical_draw_share")
    nameplate_kw = CATALOG.gpus["b200-sxm"].server_power_w.value * 8 / 1e3
    assert draw.low == pytest.approx(9.57 / nameplate_kw, abs=0.01)
    assert draw.high == pytest.approx(10.44 / nameplate_kw, abs=0.005)
    assert draw.low < draw.value < draw.high


def test_defaults_the_story_depends_on():
    assert CATALOG.default("sites.pue_factor").value == 1.25
    assert CATALOG.default("finance.reference.mfu_share").value == 0.40
    assert CATALOG.default("finance.loss_months").value == 12
    assert CATALOG.default("h100e.basis").value == "eight_bit_dense"
    assert CATALOG.default("schedule.zb-h1_factor").value == 1 / 3


@pytest.mark.parametrize("name", ["gpus", "models", "networks", "sources", "defaults"])
def test_an_entry_read_alone_is_the_one_of_the_whole_file(name):
    path = catalog_dir() / f"{name}.yaml"
    whole = yamlio.read_file(path)
    alone = Catalog(catalog_dir()).__dict__[name].raw
    assert dict(alone) == whole
    assert list(alone) == list(whole)
    last = list(whole)[-1]
    assert alone[last] == whole[last]
