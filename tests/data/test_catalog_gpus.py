"""GPU types of the catalog: peaks, memory, links, power and names that agree with each other and with what was printed.

Benchmark rows have a module of their own.
"""

import re

import numpy as np
import pytest
from pydantic import BaseModel

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import InputError
from colocalc.figure import Figure
from colocalc.loading import load_fleet
from colocalc.study.equivalents import evaluate_equivalents
from colocalc.study.evaluate import evaluate
from colocalc.units import UNITS, unit_of

CATALOG = load_catalog()
GPU_IDS = tuple(CATALOG.gpus)
NAN = float("nan")
ANNOUNCED = ("vr200-nvl72", "rubin-cpx")
CARDS = (
    "a100-pcie-40gb",
    "a100-pcie-80gb",
    "h100-pcie",
    "h100-nvl",
    "h200-nvl",
    "l4",
    "l40s",
    "rtx-6000-ada",
    "rtx-pro-6000-blackwell",
    "a10",
    "a40",
    "t4",
    "rubin-cpx",
    "mi210",
)
PCIE_ONLY = ("l4", "l40s", "rtx-6000-ada", "rtx-pro-6000-blackwell", "a10", "t4", "rubin-cpx")


def peak(gpu, precision):
    return CATALOG.gpus[gpu].peak_tflop_per_s[precision].value


def value(gpu, name):
    return getattr(CATALOG.gpus[gpu], name).value


def eight_bit(gpu):
    peaks = CATALOG.gpus[gpu].peak_tflop_per_s
    return max(peaks[precision].value for precision in ("fp8", "int8") if precision in peaks)


def sixteen_bit(gpu):
    peaks = CATALOG.gpus[gpu].peak_tflop_per_s
    return (peaks.get("bf16") or peaks["fp16"]).value


def performance(gpu):
    """Total processing performance by hand: dense rate times bit length."""
    bits = {"bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "fp6": 6, "fp4": 4}
    peaks = CATALOG.gpus[gpu].peak_tflop_per_s
    return max(peaks[precision].value * width for precision, width in bits.items() if precision in peaks)


def headline(gpu, precision):
    return peak(gpu, precision) * CATALOG.gpus[gpu].sparsity_factor[precision].value


def figures_of(entry, path=()):
    """Every figure below a definition, with the names that lead to it."""
    if isinstance(entry, Figure):
        yield path, entry
    elif isinstance(entry, BaseModel):
        for name in type(entry).model_fields:
            yield from figures_of(getattr(entry, name), (*path, name))
    elif isinstance(entry, dict):
        for key, inner in entry.items():
            yield from figures_of(inner, (*path, key))
    elif isinstance(entry, tuple):
        for inner in entry:
            yield from figures_of(inner, path)


def case_of(pools, *lines):
    text = "\n".join(("name: one", f"pools: [{pools}]", *lines))
    loaded = load_fleet("-", catalog=CATALOG, stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


# What is there


def test_fifty_two_accelerators_of_six_vendors():
    vendors = [gpu.vendor for gpu in CATALOG.gpus.values()]
    assert {vendor: vendors.count(vendor) for vendor in vendors} == {
        "NVIDIA": 31,
        "AMD": 7,
        "Intel": 2,
        "Google": 6,
        "AWS": 4,
        "Huawei": 2,
    }


def test_aliases_are_unique_whatever_their_spelling():
    names = [re.sub(r"[\s_-]", "", name).casefold() for name in CATALOG.gpu_names()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("V100", "v100-sxm2-32gb"),
        ("a100", "a100-sxm-80gb"),
        ("A100 40GB", "a100-sxm-40gb"),
        ("A100-SXM4-80GB", "a100-sxm-80gb"),
        ("A100 PCIe", "a100-pcie-40gb"),
        ("A100 PCIe 80 GB", "a100-pcie-80gb"),
        ("A800", "a800-sxm-80gb"),
        ("H100", "h100-sxm"),
        ("h100_80gb_hbm3", "h100-sxm"),
        ("H100 PCIe", "h100-pcie"),
        ("H100-NVL-94GB", "h100-nvl"),
        ("H800", "h800-sxm"),
        ("H20", "h20-sxm"),
        ("GH200", "gh200-96gb"),
        ("GH200 144GB", "gh200-144gb"),
        ("H200", "h200-sxm"),
        ("H200 NVL", "h200-nvl"),
        ("B200", "b200-sxm"),
        ("GB200", "gb200-nvl72"),
        ("gb200 nvl72", "gb200-nvl72"),
        ("NVL36x2", "gb200-nvl36x2"),
        ("B300 NVL16", "b300-sxm"),
        ("GB300", "gb300-nvl72"),
        ("Vera Rubin NVL144", "vr200-nvl72"),
        ("Vera Rubin NVL72", "vr200-nvl72"),
        ("RTX PRO 6000", "rtx-pro-6000-blackwell"),
        ("Instinct MI355X", "mi355x"),
        ("Gaudi 3", "gaudi3"),
        ("TPU v5 lite", "tpu-v5e"),
        ("Trillium", "tpu-v6e"),
        ("Ironwood", "tpu-v7"),
        ("Trn2", "trainium2"),
        ("910C", "ascend-910c"),
    ],
)
def test_a_name_means_one_gpu(written, key):
    assert CATALOG.resolve_gpu(written) == key


@pytest.mark.parametrize("written", ["NVL72", "Blackwell", "TPU", "Hopper"])
def test_a_name_that_may_mean_several_gpus_means_none(written):
    assert CATALOG.resolve_gpu(written) is None


def test_announced_parts_say_so_and_nothing_else_does():
    assert tuple(key for key, gpu in CATALOG.gpus.items() if "announced" in gpu.title) == ANNOUNCED
    assert tuple(key for key, gpu in CATALOG.gpus.items() if gpu.launch_date > "2026-11") == ANNOUNCED


def test_announced_parts_have_no_measurements():
    for key in ANNOUNCED:
        assert not CATALOG.gpus[key].measured
        assert not CATALOG.gpus[key].best_matmul_tflop_per_s


# Every number


@pytest.mark.parametrize("key", GPU_IDS)
def test_every_number_has_a_unit_a_source_a_date_and_a_kind(key):
    found = list(figures_of(CATALOG.gpus[key]))
    assert len(found) >= 6
    for path, figure in found:
        named = next(unit for name in reversed(path) if (unit := unit_of(name)) is not None)
        assert named.suffix in UNITS
        assert figure.source in CATALOG.sources, f"{'.'.join(map(str, path))}: its source is no row of sources.yaml"
        source = CATALOG.sources[figure.source]
        assert re.fullmatch(r"20\d\d(-\d\d){0,2}", source.date)
        assert source.kind in {"vendor", "dataset", "press", "estimate"}


@pytest.mark.parametrize("key", GPU_IDS)
def test_a_figure_from_memory_is_an_estimate_and_stays_inside_its_band(key):
    for _, figure in figures_of(CATALOG.gpus[key]):
        assert (figure.source == "recalled") == (CATALOG.sources[figure.source].kind == "estimate")
        assert (figure.low or figure.value) <= figure.value <= (figure.high or figure.value)
        assert figure.low is None or figure.low > 0.3 * figure.value
        assert figure.high is None or figure.high <= 2 * figure.value


RECALLED = {
    "v100-sxm2-32gb": {"nic_gbit_per_s", "server_power_w"},
    "a100-sxm-40gb": {"server_power_w"},
    "h100-pcie": {"fp8", "int8"},
    "h100-nvl": {"tf32", "fp8", "int8"},
    "gh200-96gb": {"hbm_tbyte_per_s", "server_power_w"},
    "h200-nvl": {"tf32", "bf16", "fp16", "fp8", "int8", "scale_up_gbyte_per_s", "domain_gpu_count"},
    "b200-sxm": {"server_power_w"},
    "gb200-nvl4": {"nic_gbit_per_s", "gpu_power_w", "server_power_w"},
    "l40s": {"nic_gbit_per_s"},
    "rtx-6000-ada": {"tf32", "bf16", "fp16", "fp8", "int8", "hbm_tbyte_per_s"},
    "a10": {"tf32", "bf16", "fp16", "int8"},
    "t4": {"int8"},
    "mi210": {"scale_up_gbyte_per_s"},
    "mi350x": {"fp6"},
    "tpu-v5p": {"node_gpu_count", "nic_gbit_per_s"},
    "tpu-v7": {"scale_up_gbyte_per_s", "nic_gbit_per_s"},
    "trainium2": {"scale_up_gbyte_per_s", "nic_gbit_per_s"},
    "ascend-910b": {"int8", "nic_gbit_per_s"},
}


@pytest.mark.parametrize("key", RECALLED)
def test_what_was_not_read_again_is_marked(key):
    marked = {path[-1] for path, figure in figures_of(CATALOG.gpus[key]) if figure.source == "recalled"}
    assert marked == RECALLED[key]


def test_of_the_nvl36x2_only_the_power_limit_was_read():
    read = [path for path, figure in figures_of(CATALOG.gpus["gb200-nvl36x2"]) if figure.source != "recalled"]
    assert read == [("gpu_power_w",)]


def test_of_the_next_generation_only_fp4_memory_and_links_were_read():
    figures = dict(figures_of(CATALOG.gpus["vr200-nvl72"]))
    peaks = {path[1]: figure.source for path, figure in figures.items() if path[0] == "peak_tflop_per_s"}
    assert {name for name, source in peaks.items() if source != "recalled"} == {"fp4"}
    assert figures["hbm_tbyte_per_s",].source == figures["scale_up_gbyte_per_s",].source == "rubin-2026"
    assert figures["gpu_power_w",].source == figures["nic_gbit_per_s",].source == "recalled"


# Ranges: smallest and largest of sixteen-bit peak, memory, its bandwidth, scale-up link and power, by class
RANGES = {
    "NVIDIA modules": ((125, 4_000), (32, 288), (0.898, 22), (150, 1_800), (300, 1_800)),
    "cards": ((65.1, 836), (16, 141), (0.3, 4.8), (56.25, 450), (70, 880)),
    "AMD": ((383, 2_517), (128, 288), (3.28, 8), (384, 537.6), (500, 1_400)),
    "Intel": ((432, 1_835), (96, 128), (2.45, 3.7), (262.5, 525), (600, 900)),
    "Google": ((123, 2_307), (16, 192), (0.819, 7.37), (82, 600), (225, 960)),
    "AWS": ((190, 671), (32, 144), (0.82, 4.9), (96, 1_280), (130, 700)),
    "Huawei": ((376, 780), (64, 128), (1.6, 3.2), (196, 392), (400, 700)),
}


def class_of(key):
    vendor = CATALOG.gpus[key].vendor
    return "cards" if key in CARDS else "NVIDIA modules" if vendor == "NVIDIA" else vendor


@pytest.mark.parametrize("name", RANGES)
def test_numbers_reach_from_the_smallest_to_the_largest_of_their_class_and_no_further(name):
    gpus = [CATALOG.gpus[key] for key in GPU_IDS if class_of(key) == name]
    fields = ("hbm_gbyte", "hbm_tbyte_per_s", "scale_up_gbyte_per_s", "gpu_power_w")
    rows = [[sixteen_bit(gpu.id) for gpu in gpus if {"bf16", "fp16"} & set(gpu.peak_tflop_per_s)]]
    rows += [[figure.value for gpu in gpus if (figure := getattr(gpu, field)) is not None] for field in fields]
    for row, (low, high) in zip(rows, RANGES[name], strict=True):
        assert min(row) == pytest.approx(low, rel=1e-3)
        assert max(row) == pytest.approx(high, rel=1e-3)


@pytest.mark.parametrize("key", GPU_IDS)
def test_links_are_slower_than_memory_and_ports_slower_than_links(key):
    gpu = CATALOG.gpus[key]
    if gpu.scale_up_gbyte_per_s is not None:
        assert gpu.scale_up_gbyte_per_s.value < gpu.hbm_tbyte_per_s.value * 1e3
        assert gpu.nic_gbit_per_s is None or gpu.nic_gbit_per_s.value / 8 < gpu.scale_up_gbyte_per_s.value
    assert gpu.nic_gbit_per_s is None or 8 <= gpu.nic_gbit_per_s.value <= 1_600


@pytest.mark.parametrize("key", GPU_IDS)
def test_a_domain_is_made_of_whole_nodes_or_lies_inside_one(key):
    gpu = CATALOG.gpus[key]
    if gpu.node_gpu_count is not None:
        domain, node = gpu.domain_gpu_count.value, gpu.node_gpu_count.value
        assert domain % node == 0 or node % domain == 0


@pytest.mark.parametrize("key", GPU_IDS)
def test_a_server_draws_more_than_its_gpus_and_launches_lie_in_their_decade(key):
    gpu = CATALOG.gpus[key]
    assert gpu.server_power_w is None or 1.1 < gpu.server_power_w.value / gpu.gpu_power_w.value < 2.1
    assert "2017" <= gpu.launch_date <= "2026-12"


def test_the_hungriest_server_is_of_gb300_and_the_most_modest_of_v100():
    powers = {key: gpu.server_power_w.value for key, gpu in CATALOG.gpus.items() if gpu.server_power_w}
    assert max(powers, key=powers.get) == "gb300-nvl72"
    assert min(powers, key=powers.get) == "v100-sxm2-32gb"


# Peaks


@pytest.mark.parametrize(
    "chips",
    [
        ("a100-sxm-40gb", "a100-sxm-80gb", "a100-pcie-40gb", "a100-pcie-80gb", "a800-sxm-80gb"),
        ("h100-sxm", "h800-sxm", "gh200-96gb", "gh200-144gb", "h200-sxm"),
        ("h100-nvl", "h200-nvl"),
        ("gb200-nvl72", "gb200-nvl36x2", "gb200-nvl4"),
        ("mi300x", "mi325x"),
    ],
    ids=lambda chips: chips[0],
)
def test_the_same_chip_has_the_same_peaks(chips):
    peaks = [{name: figure.value for name, figure in CATALOG.gpus[key].peak_tflop_per_s.items()} for key in chips]
    assert all(found == peaks[0] for found in peaks)


def test_eight_bits_run_twice_as_fast_as_sixteen_but_for_six_chips():
    known = [key for key, gpu in CATALOG.gpus.items() if {"fp8", "int8"} & set(gpu.peak_tflop_per_s)]
    ratios = {key: round(eight_bit(key) / sixteen_bit(key), 2) for key in known if key not in ANNOUNCED}
    assert {key: ratio for key, ratio in ratios.items() if abs(ratio - 2) > 0.03} == {
        "mi210": 1.0,
        "mi250x": 1.0,
        "gaudi3": 1.0,
        "tpu-v4": 1.0,
        "trainium2": 1.95,
        "trainium3": 3.75,
    }
    assert set(GPU_IDS) - set(known) == {"v100-sxm2-32gb", "tpu-v3", "rubin-cpx"}


def test_four_bits_run_twice_as_fast_as_eight_on_blackwell_and_three_times_on_ultra():
    ratios = {
        key: round(peak(key, "fp4") / peak(key, "fp8"), 2)
        for key, gpu in CATALOG.gpus.items()
        if {"fp4", "fp8"} <= set(gpu.peak_tflop_per_s)
    }
    assert ratios == dict.fromkeys(
        ("b100", "b200-sxm", "gb200-nvl72", "gb200-nvl36x2", "gb200-nvl4", "rtx-pro-6000-blackwell"), 2.0
    ) | {"b300-sxm": 3.0, "gb300-nvl72": 3.0, "vr200-nvl72": 2.0, "mi350x": 2.0, "mi355x": 2.0, "trainium3": 1.0}


@pytest.mark.parametrize("key", GPU_IDS)
def test_a_measured_matrix_product_stays_below_the_dense_peak(key):
    gpu = CATALOG.gpus[key]
    for precision, best in gpu.best_matmul_tflop_per_s.items():
        assert 0.5 < best.value / gpu.peak_tflop_per_s[precision].value < 0.9


def ceilings(precision):
    return {
        key: round(gpu.best_matmul_tflop_per_s[precision].value / gpu.peak_tflop_per_s[precision].value, 3)
        for key, gpu in CATALOG.gpus.items()
        if precision in gpu.best_matmul_tflop_per_s
    }


def test_measured_ceilings_are_the_published_shares_of_the_peak():
    assert ceilings("bf16") == {
        "a100-sxm-40gb": 0.869,
        "a100-sxm-80gb": 0.869,
        "a800-sxm-80gb": 0.869,
        "h100-sxm": 0.803,
        "h800-sxm": 0.803,
        "gh200-96gb": 0.837,
        "gh200-144gb": 0.837,
        "h200-sxm": 0.803,
        "b200-sxm": 0.776,
        "gb200-nvl72": 0.729,
        "b300-sxm": 0.786,
        "mi300x": 0.511,
        "mi325x": 0.6,
        "mi355x": 0.622,  # 68.0% of the 2,300 its source divides by
    }
    assert ceilings("fp8") == {
        "h100-sxm": 0.709,
        "h800-sxm": 0.709,
        "gh200-96gb": 0.776,
        "gh200-144gb": 0.776,
        "h200-sxm": 0.734,
        "b200-sxm": 0.763,
        "gb200-nvl72": 0.723,
        "b300-sxm": 0.745,
        "gaudi3": 0.703,  # 76.9% of the 1,677 its source divides by
    }


@pytest.mark.parametrize(
    ("key", "precision", "printed"),
    [
        ("a100-sxm-40gb", "tf32", 312),
        ("a100-sxm-80gb", "bf16", 624),
        ("a100-sxm-80gb", "int8", 1_248),
        ("a100-pcie-80gb", "fp16", 624),
        ("a800-sxm-80gb", "int8", 1_248),
        ("a10", "int8", 500),
        ("a40", "bf16", 299.4),
        ("h100-sxm", "tf32", 989),
        ("h100-sxm", "bf16", 1_979),
        ("h100-sxm", "fp8", 3_958),
        ("h100-sxm", "int8", 3_958),
        ("h100-pcie", "bf16", 1_513),
        ("h100-pcie", "fp8", 3_026),
        ("h100-nvl", "bf16", 1_671),
        ("h100-nvl", "fp8", 3_341),
        ("h200-nvl", "fp8", 3_341),
        ("h20-sxm", "fp8", 592),
        ("h800-sxm", "fp8", 3_958),
        ("gh200-96gb", "fp8", 3_958),
        ("h200-sxm", "bf16", 1_979),
        ("h200-sxm", "fp8", 3_958),
        ("b100", "fp8", 7_000),
        ("b100", "fp4", 14_000),
        ("b200-sxm", "fp8", 9_000),
        ("b200-sxm", "fp4", 18_000),
        ("gb200-nvl72", "bf16", 5_000),
        ("gb200-nvl72", "fp8", 10_000),
        ("gb200-nvl72", "fp4", 20_000),
        ("gb200-nvl4", "fp4", 20_000),
        ("b300-sxm", "fp8", 9_000),  # DGX B300: 72 PFLOP/s over 8
        ("b300-sxm", "fp4", 18_000),  # DGX B300: 144 PFLOP/s over 8
        ("gb300-nvl72", "fp8", 10_000),  # rack: 720 PFLOP/s over 72
        ("gb300-nvl72", "fp4", 20_000),  # rack: 1,440 PFLOP/s over 72
        ("l4", "fp16", 242),
        ("l4", "fp8", 485),
        ("l40s", "fp16", 733),
        ("l40s", "fp8", 1_466),
        ("rtx-6000-ada", "fp8", 1_457),
        ("vr200-nvl72", "fp4", 50_000),
        ("rubin-cpx", "fp4", 30_000),
        ("mi300a", "bf16", 1_961.2),
        ("mi300x", "fp8", 5_229.8),
        ("mi325x", "bf16", 2_614.8),
        ("mi325x", "fp8", 5_229.8),
        ("mi355x", "fp8", 10_066.4),
        ("mi355x", "fp4", 10_066),
        ("trainium2", "bf16", 2_563),
        ("trainium2", "fp8", 2_563),
        ("trainium3", "bf16", 2_517),
    ],
)
def test_dense_peak_times_sparsity_is_the_headline_of_the_vendor(key, precision, printed):
    assert headline(key, precision) == pytest.approx(printed, rel=1e-3)


def test_4_pflop_per_s_of_an_rtx_pro_6000_are_sparse():
    assert headline("rtx-pro-6000-blackwell", "fp4") == pytest.approx(4_000, rel=0.01)


@pytest.mark.parametrize("key", ["b300-sxm", "gb300-nvl72"])
def test_sparse_fp4_of_blackwell_ultra_is_four_thirds_of_dense_and_not_twice(key):
    assert CATALOG.gpus[key].sparsity_factor["fp4"].value == 4 / 3


@pytest.mark.parametrize("key", ["b100", "b200-sxm", "gb200-nvl72", "gb200-nvl36x2", "gb200-nvl4"])
def test_sparse_fp4_of_blackwell_is_twice_dense(key):
    assert CATALOG.gpus[key].sparsity_factor["fp4"].value == 2


def test_a_rack_of_gb300_has_1080_dense_and_1440_sparse_pflop_per_s():
    gpu = CATALOG.gpus["gb300-nvl72"]
    dense = gpu.peak_tflop_per_s["fp4"].value * gpu.rack_gpu_count.value / 1e3
    assert dense == 1_080
    assert dense * gpu.sparsity_factor["fp4"].value == pytest.approx(1_440)


def test_the_24_pop_per_s_of_int8_that_a_rack_of_gb300_is_said_to_have_are_sparse():
    gpu = CATALOG.gpus["gb300-nvl72"]
    dense = gpu.peak_tflop_per_s["int8"].value * gpu.rack_gpu_count.value / 1e3
    assert 2 * dense == pytest.approx(24, rel=0.011)


def test_chips_without_sparsity_have_no_sparsity_factor():
    without = {key for key, gpu in CATALOG.gpus.items() if not gpu.sparsity_factor}
    assert without == {
        "v100-sxm2-32gb",
        "t4",
        "mi210",
        "mi250x",
        "gaudi2",
        "gaudi3",
        "tpu-v3",
        "tpu-v4",
        "tpu-v5e",
        "tpu-v5p",
        "tpu-v6e",
        "tpu-v7",
        "trainium1",
        "inferentia2",
        "ascend-910b",
        "ascend-910c",
    }


def test_sparsity_factors_belong_to_peaks_that_exist():
    for gpu in CATALOG.gpus.values():
        assert set(gpu.sparsity_factor) <= set(gpu.peak_tflop_per_s)


def test_a_sparsity_factor_is_2_but_where_the_vendor_prints_another():
    others = {
        (key, precision): factor.value
        for key, gpu in CATALOG.gpus.items()
        for precision, factor in gpu.sparsity_factor.items()
        if factor.value != 2
    }
    assert others == {
        ("b300-sxm", "fp4"): 4 / 3,
        ("gb300-nvl72", "fp4"): 4 / 3,
        ("l40s", "bf16"): 2.0246,
        ("l40s", "fp16"): 2.0246,
        ("vr200-nvl72", "fp4"): pytest.approx(50 / 35),
        ("rubin-cpx", "fp4"): 1.5,
        ("mi350x", "fp4"): 1,
        ("mi355x", "fp4"): 1,
        ("trainium2", "bf16"): 3.8426,
        ("trainium2", "fp16"): 3.8426,
        ("trainium2", "fp8"): 1.9731,
        ("trainium3", "tf32"): 3.7511,
        ("trainium3", "bf16"): 3.7511,
        ("trainium3", "fp16"): 3.7511,
    }


@pytest.mark.parametrize(
    ("key", "lacks"),
    [
        ("v100-sxm2-32gb", {"bf16", "tf32", "fp8", "int8", "fp4"}),
        ("t4", {"bf16", "tf32", "fp8", "fp4"}),
        ("a100-sxm-80gb", {"fp8", "fp6", "fp4"}),
        ("h100-sxm", {"fp6", "fp4"}),
        ("l40s", {"fp6", "fp4"}),
        ("mi300x", {"fp6", "fp4"}),
        ("tpu-v3", {"fp8", "int8", "fp4"}),
        ("tpu-v5p", {"fp8", "fp4"}),
        ("tpu-v7", {"int8", "fp4"}),
        ("gaudi3", {"int8", "fp4"}),
        ("trainium2", {"int8", "fp4"}),
        ("rubin-cpx", {"bf16", "fp16", "fp8", "int8"}),
    ],
)
def test_a_precision_the_chip_lacks_has_no_peak(key, lacks):
    assert not lacks & set(CATALOG.gpus[key].peak_tflop_per_s)


@pytest.mark.parametrize("key", ["b300-sxm", "gb300-nvl72"])
def test_eight_bit_of_blackwell_ultra_is_fp8_because_int8_is_cut_to_a_thirtieth(key):
    assert eight_bit(key) == peak(key, "fp8")
    assert peak(key, "int8") / peak(key, "fp8") == pytest.approx(1 / 30, rel=0.02)
    assert 150 <= peak(key, "int8") <= 165


def test_tpus_have_int8_and_no_fp8_before_the_seventh():
    for key in ("tpu-v4", "tpu-v5e", "tpu-v5p", "tpu-v6e"):
        assert "fp8" not in CATALOG.gpus[key].peak_tflop_per_s
        assert eight_bit(key) == peak(key, "int8")
    assert eight_bit("tpu-v7") == peak("tpu-v7", "fp8")


# Links, domains, counts


def test_scale_up_bandwidth_is_half_of_what_vendors_print():
    both_directions = {
        "v100-sxm2-32gb": 300,
        **dict.fromkeys(("a100-sxm-40gb", "a100-sxm-80gb", "a100-pcie-40gb", "a100-pcie-80gb"), 600),
        "a800-sxm-80gb": 400,
        **dict.fromkeys(("h100-sxm", "h20-sxm", "gh200-96gb", "gh200-144gb", "h200-sxm", "h200-nvl"), 900),
        **dict.fromkeys(("h100-pcie", "h100-nvl"), 600),
        "h800-sxm": 400,
        **dict.fromkeys(("b100", "b200-sxm", "gb200-nvl72", "gb200-nvl36x2", "gb200-nvl4"), 1_800),
        **dict.fromkeys(("b300-sxm", "gb300-nvl72"), 1_800),
        "vr200-nvl72": 3_600,
        "a40": 112.5,
        "mi210": 300,
        "mi250x": 800,
        "mi300a": 768,
        "mi300x": 896,
        "mi325x": 896,
        "mi350x": 1_075.2,
        "mi355x": 1_075.2,
        "gaudi2": 525,
        "gaudi3": 1_050,
        "tpu-v3": 164,
        "tpu-v4": 600,
        "tpu-v5e": 400,
        "tpu-v5p": 1_200,
        "tpu-v6e": 800,
        "tpu-v7": 1_200,
        "trainium1": 384,
        "trainium2": 1_280,
        "trainium3": 2_560,
        "inferentia2": 192,
        "ascend-910b": 392,
        "ascend-910c": 784,
    }
    found = {key: 2 * gpu.scale_up_gbyte_per_s.value for key, gpu in CATALOG.gpus.items() if gpu.scale_up_gbyte_per_s}
    assert found == both_directions


def test_cards_with_nothing_but_pcie_have_no_scale_up_link_and_stand_alone():
    assert {key for key, gpu in CATALOG.gpus.items() if gpu.scale_up_gbyte_per_s is None} == set(PCIE_ONLY)
    assert {value(key, "domain_gpu_count") for key in PCIE_ONLY} == {1}


def test_links_add_up_to_what_a_gpu_sends():
    assert value("gb200-nvl72", "scale_up_gbyte_per_s") == 18 * 50  # NVLink 5
    assert value("h100-sxm", "scale_up_gbyte_per_s") == 18 * 25  # NVLink 4
    assert value("a100-sxm-80gb", "scale_up_gbyte_per_s") == 12 * 25  # NVLink 3
    assert value("mi300x", "scale_up_gbyte_per_s") == 7 * 64
    assert value("mi355x", "scale_up_gbyte_per_s") == pytest.approx(7 * 76.8)
    assert value("gaudi2", "scale_up_gbyte_per_s") * 8 == 21 * 100
    assert value("gaudi3", "scale_up_gbyte_per_s") * 8 == 21 * 200
    assert value("tpu-v5p", "scale_up_gbyte_per_s") * 8 == 4_800


def test_export_variants_lose_links_or_compute_and_keep_memory():
    def against(key, other):
        names = ("scale_up_gbyte_per_s", "hbm_tbyte_per_s", "hbm_gbyte")
        ratios = (round(value(key, name) / value(other, name), 2) for name in names)
        return (round(peak(key, "bf16") / peak(other, "bf16"), 2), *ratios)

    assert against("a800-sxm-80gb", "a100-sxm-80gb") == (1, 0.67, 1, 1)
    assert against("h800-sxm", "h100-sxm") == (1, 0.44, 1, 1)
    assert against("h20-sxm", "h100-sxm") == (0.15, 1, 1.19, 1.2)


def test_scale_up_domains_are_8_on_boards_72_in_racks_and_whole_pods_on_tpus():
    domains = {key: int(gpu.domain_gpu_count.value) for key, gpu in CATALOG.gpus.items()}
    sizes = {size: {key for key in domains if domains[key] == size} for size in set(domains.values())}
    assert sizes[72] == {"gb200-nvl72", "gb200-nvl36x2", "gb300-nvl72", "vr200-nvl72"}
    assert sizes[2] == {"a100-pcie-40gb", "a100-pcie-80gb", "h100-pcie", "h100-nvl", "a40"}
    assert sizes[4] == {"h200-nvl", "gb200-nvl4", "mi210", "mi250x", "mi300a"}
    assert sizes[1] == {*PCIE_ONLY, "gh200-96gb", "gh200-144gb"}
    assert {"h100-sxm", "b300-sxm", "mi355x", "gaudi3", "ascend-910b"} <= sizes[8]
    tpus = ("tpu-v3", "tpu-v4", "tpu-v5e", "tpu-v5p", "tpu-v6e", "tpu-v7")
    assert [domains[key] for key in tpus] == [1_024, 4_096, 256, 8_960, 256, 9_216]
    assert (domains["trainium1"], domains["trainium2"], domains["trainium3"], domains["ascend-910c"]) == (
        16,
        16,
        144,
        384,
    )


def test_only_tpus_are_tori():
    dimensions = {key: gpu.torus_dimension_count.value for key, gpu in CATALOG.gpus.items() if gpu.link_kind == "torus"}
    assert dimensions == {"tpu-v3": 2, "tpu-v4": 3, "tpu-v5e": 2, "tpu-v5p": 3, "tpu-v6e": 2, "tpu-v7": 3}


def test_only_parts_with_a_cpu_on_board_can_be_counted_in_superchips():
    counts = {
        key: (gpu.superchip_gpu_count.value, gpu.rack_gpu_count.value if gpu.rack_gpu_count else None)
        for key, gpu in CATALOG.gpus.items()
        if gpu.superchip_gpu_count
    }
    assert counts == {
        "gh200-96gb": (1, None),
        "gh200-144gb": (1, None),
        "gb200-nvl72": (2, 72),
        "gb200-nvl36x2": (2, 36),
        "gb200-nvl4": (4, None),
        "gb300-nvl72": (2, 72),
        "vr200-nvl72": (2, 72),
    }
    assert not [key for key, gpu in CATALOG.gpus.items() if gpu.rack_gpu_count and key not in counts]


def test_a_count_is_ambiguous_where_a_superchip_has_several_gpus():
    for gpu in CATALOG.gpus.values():
        several = gpu.superchip_gpu_count is not None and gpu.superchip_gpu_count.value > 1
        assert gpu.ambiguous_count == several
        assert not several or "counted_as" in gpu.count_note


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("mi250x", "GCDs"),
        ("h100-nvl", "by the pair"),
        ("vr200-nvl72", "NVL144"),
        ("gb200-nvl36x2", "a rack is 36 GPUs"),
        ("gb200-nvl4", "boards of 4 GPUs"),
        ("tpu-v3", "TensorCores"),
        ("tpu-v4", "TensorCores"),
        ("tpu-v5p", "v5p-1024 is 512 chips"),
        ("tpu-v5e", "counts chips"),
        ("tpu-v6e", "counts chips"),
    ],
)
def test_a_count_that_is_easily_misread_has_a_note(key, words):
    assert words in CATALOG.gpus[key].count_note


@pytest.mark.parametrize(
    ("key", "counted_as", "gpus"),
    [
        ("gb200-nvl36x2", "rack", 360),
        ("gb200-nvl36x2", "superchip", 20),
        ("gb200-nvl4", "superchip", 40),
        ("vr200-nvl72", "rack", 720),
        ("gh200-96gb", "superchip", 10),
    ],
)
def test_superchips_boards_and_racks_are_counted_out(key, counted_as, gpus):
    assert list(case_of(f"{{gpu: {key}, count: 10, counted_as: {counted_as}}}").pools.gpu_count) == [gpus]


# Power


def test_a_gb200_draws_its_share_of_the_rack_and_not_of_the_tray():
    power = CATALOG.gpus["gb200-nvl72"].server_power_w
    assert power.value == pytest.approx(132_000 / 72, abs=1)
    assert power.low == pytest.approx(6_667 / 4, abs=1)


def test_a_half_rack_draws_what_half_a_rack_draws():
    power = CATALOG.gpus["gb200-nvl36x2"].server_power_w
    assert power.value == pytest.approx(66_000 / 36, abs=1)
    assert power.low == pytest.approx(60_000 / 36, abs=1)


def test_a_hopper_server_draws_10_2_kw():
    assert value("h100-sxm", "server_power_w") * 8 == 10_200
    assert value("h200-sxm", "server_power_w") * 8 == 10_200


def test_a_supernode_of_910c_draws_559_kw():
    assert value("ascend-910c", "server_power_w") * value("ascend-910c", "domain_gpu_count") == pytest.approx(
        559_000, abs=200
    )


def test_nameplate_of_colossus_1_is_292_mw():
    watts = {"h100-sxm": 150_000, "h200-sxm": 50_000, "gb200-nvl72": 20_000}
    total = sum(count * CATALOG.gpus[key].server_power_w.value for key, count in watts.items())
    assert total / 1e6 == pytest.approx(292, abs=0.5)


# Figures that are often repeated and wrong


@pytest.mark.parametrize(
    ("key", "precision", "right", "wrong"),
    [
        ("b200-sxm", "fp8", 4_500, 9_000),  # 9,000 is sparse
        ("b200-sxm", "fp4", 9_000, 18_000),
        ("gb300-nvl72", "fp4", 15_000, 10_000),  # half of 20: the ratio is 4:3
        ("gb200-nvl72", "fp4", 10_000, 9_000),  # the B200's
        ("mi350x", "fp4", 9_227.5, 18_450),
        ("mi355x", "fp4", 10_066, 20_100),
        ("h100-sxm", "bf16", 989.4, 1_979),
        ("h100-sxm", "fp8", 1_978.9, 3_958),
        ("h100-sxm", "bf16", 989.4, 133),
        ("h200-sxm", "fp8", 1_978.9, 3_940),
        ("h200-sxm", "bf16", 989.4, 1_970),
        ("a800-sxm-80gb", "int8", 624, 312),
        ("l40s", "bf16", 362.05, 733),
        ("l40s", "fp8", 733, 1_466),
        ("tpu-v6e", "bf16", 918, 230),
        ("tpu-v6e", "int8", 1_836, 460),
        ("tpu-v5p", "int8", 918, 459),
        ("trainium1", "int8", 380, 420),
        ("vr200-nvl72", "fp4", 35_000, 50_000),
        ("rubin-cpx", "fp4", 20_000, 30_000),
        ("rtx-pro-6000-blackwell", "fp4", 2_015, 4_000),
        ("gaudi2", "bf16", 432, 450),
    ],
)
def test_a_peak_that_is_often_misprinted_is_the_dense_one_of_one_gpu(key, precision, right, wrong):
    assert right == peak(key, precision) != wrong


@pytest.mark.parametrize(
    ("key", "name", "right", "wrong"),
    [
        ("tpu-v6e", "hbm_gbyte", 32, 128),
        ("tpu-v6e", "hbm_tbyte_per_s", 1.64, 4),
        ("tpu-v5p", "hbm_tbyte_per_s", 2.765, 4.8),  # 4,800 Gbit/s are the links
        ("trainium1", "hbm_tbyte_per_s", 0.82, 9.8),  # of an instance
        ("a100-pcie-40gb", "hbm_tbyte_per_s", 1.555, 1.94),  # of the 80 GB card
        ("a100-pcie-40gb", "gpu_power_w", 250, 300),
        ("h800-sxm", "scale_up_gbyte_per_s", 200, 150),  # 400 in both directions, not 300
        ("b200-sxm", "scale_up_gbyte_per_s", 900, 1_800),
        ("gb200-nvl72", "hbm_gbyte", 186, 129),
        ("gb200-nvl72", "hbm_gbyte", 186, 384),  # of a superchip
        ("gb200-nvl72", "gpu_power_w", 1_200, 2_700),  # of a superchip
        ("gb300-nvl72", "superchip_gpu_count", 2, 4),  # a board of two superchips has 4
        ("gb300-nvl72", "hbm_gbyte", 279, 288),
        ("b300-sxm", "hbm_gbyte", 270, 288),
        ("b300-sxm", "domain_gpu_count", 8, 16),  # NVL16 counted dies
        ("b200-sxm", "hbm_gbyte", 180, 192),
        ("vr200-nvl72", "domain_gpu_count", 72, 144),  # dies
        ("vr200-nvl72", "hbm_tbyte_per_s", 22, 13),
        ("gaudi3", "gpu_power_w", 900, 600),  # of the PCIe card
        ("h100-nvl", "hbm_gbyte", 94, 188),  # of a pair
        ("h100-nvl", "hbm_tbyte_per_s", 3.938, 7.8),
        ("h20-sxm", "gpu_power_w", 400, 550),
        ("mi325x", "hbm_gbyte", 256, 288),  # as announced
        ("mi355x", "scale_up_gbyte_per_s", 537.6, 576),
        ("l40s", "gpu_power_w", 350, 300),  # of the L40
    ],
)
def test_a_figure_that_is_often_misprinted_is_that_of_one_gpu(key, name, right, wrong):
    assert right == value(key, name) != wrong


def test_dense_gaudi_3_is_to_be_compared_with_dense_h100():
    assert peak("gaudi3", "bf16") / peak("h100-sxm", "bf16") == pytest.approx(1.855, abs=5e-4)
    assert eight_bit("gaudi3") / eight_bit("h100-sxm") == pytest.approx(0.927, abs=5e-4)


def test_driver_visible_memory_is_near_what_the_catalog_says():
    mib = {"h100-sxm": 81_559, "h200-sxm": 143_771, "b200-sxm": 183_359, "gb200-nvl72": 189_471}
    mib |= {"b300-sxm": 275_040, "gb300-nvl72": 284_208}
    for key, visible in mib.items():
        assert value(key, "hbm_gbyte") == pytest.approx(visible / 1_024, rel=0.011), key


# H100-equivalents: dense BF16, 8-bit, 4-bit, total processing performance, memory bandwidth and capacity
WORTH = {
    "v100-sxm2-32gb": (0.126, 0.063, 0.063, 0.126, 0.268, 0.4),
    "a100-sxm-40gb": (0.315, 0.315, 0.315, 0.315, 0.464, 0.5),
    "a100-sxm-80gb": (0.315, 0.315, 0.315, 0.315, 0.609, 1.0),
    "a100-pcie-40gb": (0.315, 0.315, 0.315, 0.315, 0.464, 0.5),
    "a100-pcie-80gb": (0.315, 0.315, 0.315, 0.315, 0.578, 1.0),
    "a800-sxm-80gb": (0.315, 0.315, 0.315, 0.315, 0.609, 1.0),
    "h100-sxm": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "h100-pcie": (0.764, 0.765, 0.765, 0.765, 0.609, 1.0),
    "h100-nvl": (0.844, 0.844, 0.844, 0.844, 1.176, 1.175),
    "h800-sxm": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "h20-sxm": (0.15, 0.15, 0.15, 0.15, 1.194, 1.2),
    "gh200-96gb": (1.0, 1.0, 1.0, 1.0, 1.194, 1.2),
    "gh200-144gb": (1.0, 1.0, 1.0, 1.0, 1.463, 1.8),
    "h200-sxm": (1.0, 1.0, 1.0, 1.0, 1.433, 1.762),
    "h200-nvl": (0.844, 0.844, 0.844, 0.844, 1.433, 1.762),
    "b100": (1.769, 1.769, 3.537, 1.769, 2.388, 2.4),
    "b200-sxm": (2.274, 2.274, 4.548, 2.274, 2.299, 2.25),
    "gb200-nvl72": (2.527, 2.527, 5.053, 2.527, 2.388, 2.325),
    "gb200-nvl36x2": (2.527, 2.527, 5.053, 2.527, 2.388, 2.325),
    "gb200-nvl4": (2.527, 2.527, 5.053, 2.527, 2.388, 2.325),
    "b300-sxm": (2.274, 2.274, 6.822, 3.411, 2.388, 3.375),
    "gb300-nvl72": (2.527, 2.527, 7.58, 3.79, 2.388, 3.487),
    "l4": (0.122, 0.123, 0.123, 0.123, 0.09, 0.3),
    "l40s": (0.366, 0.37, 0.37, 0.37, 0.258, 0.6),
    "rtx-6000-ada": (0.368, 0.368, 0.368, 0.368, 0.287, 0.6),
    "rtx-pro-6000-blackwell": (0.509, 0.509, 1.018, 0.509, 0.477, 1.2),
    "a10": (0.126, 0.126, 0.126, 0.126, 0.179, 0.3),
    "a40": (0.151, 0.151, 0.151, 0.151, 0.208, 0.6),
    "t4": (0.066, 0.066, 0.066, 0.066, 0.096, 0.2),
    "vr200-nvl72": (4.043, 8.843, 17.687, 8.843, 6.567, 3.6),
    "rubin-cpx": (NAN, NAN, 10.107, 5.053, 0.597, 1.6),
    "mi210": (0.183, 0.091, 0.091, 0.183, 0.478, 0.8),
    "mi250x": (0.387, 0.194, 0.194, 0.387, 0.979, 1.6),
    "mi300a": (0.991, 0.991, 0.991, 0.991, 1.582, 1.6),
    "mi300x": (1.321, 1.321, 1.321, 1.321, 1.582, 2.4),
    "mi325x": (1.321, 1.321, 1.321, 1.321, 1.791, 3.2),
    "mi350x": (2.334, 2.332, 4.663, 3.497, 2.388, 3.6),
    "mi355x": (2.544, 2.543, 5.087, 3.815, 2.388, 3.6),
    "gaudi2": (0.437, 0.437, 0.437, 0.437, 0.731, 1.2),
    "gaudi3": (1.855, 0.927, 0.927, 1.855, 1.104, 1.6),
    "tpu-v3": (0.124, 0.062, 0.062, 0.124, 0.269, 0.4),
    "tpu-v4": (0.278, 0.139, 0.139, 0.278, 0.358, 0.4),
    "tpu-v5e": (0.199, 0.199, 0.199, 0.199, 0.244, 0.2),
    "tpu-v5p": (0.464, 0.464, 0.464, 0.464, 0.825, 1.188),
    "tpu-v6e": (0.928, 0.928, 0.928, 0.928, 0.49, 0.4),
    "tpu-v7": (2.332, 2.332, 2.332, 2.332, 2.2, 2.4),
    "trainium1": (0.192, 0.192, 0.192, 0.192, 0.245, 0.4),
    "trainium2": (0.674, 0.656, 0.656, 0.674, 0.866, 1.2),
    "trainium3": (0.678, 1.272, 1.272, 1.272, 1.463, 1.8),
    "inferentia2": (0.192, 0.192, 0.192, 0.192, 0.245, 0.4),
    "ascend-910b": (0.38, 0.38, 0.38, 0.38, 0.478, 0.8),
    "ascend-910c": (0.788, 0.788, 0.788, 0.788, 0.955, 1.6),
}
BASES = ("bf16_dense", "eight_bit_dense", "four_bit", "tpp", "hbm_bandwidth", "hbm_capacity")


@pytest.fixture(scope="module")
def factors():
    pools = ", ".join(f"{{gpu: {key}, count: 1, counted_as: gpu}}" for key in GPU_IDS)
    case = case_of(pools)
    assert [gpu.id for gpu in case.pools.gpus] == list(GPU_IDS)
    return evaluate_equivalents(case, facility_power_mw=np.asarray(NAN), mfu_share=None).factor


def test_the_worth_of_every_gpu_is_known():
    assert tuple(WORTH) == GPU_IDS


@pytest.mark.parametrize("basis", BASES)
def test_every_gpu_is_worth_its_published_ratio_to_an_h100(factors, basis):
    expected = [worth[BASES.index(basis)] for worth in WORTH.values()]
    assert list(factors[basis]) == pytest.approx(expected, rel=0.01, nan_ok=True)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("v100-sxm2-32gb", 2_000),
        ("a100-sxm-80gb", 4_992),
        ("a800-sxm-80gb", 4_992),
        ("h20-sxm", 2_368),
        ("h100-sxm", 15_831),
        ("h800-sxm", 15_831),
        ("b200-sxm", 36_000),
        ("gb200-nvl72", 40_000),
        ("b300-sxm", 54_000),
        ("gb300-nvl72", 60_000),
        ("mi300x", 20_919),
        ("mi355x", 60_396),  # FP6 at the rate of FP4
        ("gaudi3", 29_360),
        ("trainium2", 10_672),
        ("tpu-v7", 36_912),
    ],
)
def test_total_processing_performance(key, expected):
    assert performance(key) == pytest.approx(expected, abs=1)


def test_an_h20_stays_below_the_limit_of_4800_that_an_a800_and_an_h800_pass():
    assert performance("h20-sxm") < 4_800 < performance("a800-sxm-80gb") < performance("h800-sxm")


# Chips without BF16

TRAINING = (
    "training: {model: llama-3.1-8b, sequence_tokens: 4096, global_batch_tokens: 1_048_576, ignore_memory: true%s}"
)


@pytest.mark.parametrize(("key", "tflop_per_s"), [("v100-sxm2-32gb", 125), ("t4", 65.1)])
def test_a_chip_without_bf16_trains_at_fp16(key, tflop_per_s):
    found = evaluate(case_of(f"{{gpu: {key}, count: 8}}", TRAINING % ", precision: fp16"))
    assert 0.1 < found.metrics["mfu.step_share"] < 0.9
    assert found.metrics["mfu.peak_pflop_per_s"] == pytest.approx(8 * tflop_per_s / 1e3)


@pytest.mark.parametrize("key", ["v100-sxm2-32gb", "t4"])
def test_asked_for_bf16_it_runs_at_fp16_and_says_so(key):
    asked = case_of(f"{{gpu: {key}, count: 8}}", TRAINING % ", precision: bf16")
    half = case_of(f"{{gpu: {key}, count: 8}}", TRAINING % ", precision: fp16")
    assert evaluate(asked).metrics["mfu.step_share"] == evaluate(half).metrics["mfu.step_share"]
    assert [remark for remark in asked.remarks if remark.text.startswith(f"{key} has no bf16 peak: its work")]
    assert not [remark for remark in half.remarks if "its work and its part" in remark.text]


def test_a_chip_without_any_wide_peak_cannot_train():
    with pytest.raises(InputError, match="rubin-cpx has no peak at bf16, nor at a wider precision"):
        case_of("{gpu: rubin-cpx, count: 8}", TRAINING % "")
