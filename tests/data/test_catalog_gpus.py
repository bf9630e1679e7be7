"""GPU types of the catalog: peaks, links, power and benchmarks that agree with each other and with what was printed."""

import re

import pytest

from colocalc.catalog import load_catalog

CATALOG = load_catalog()
GPU_IDS = tuple(CATALOG.gpus)


def peak(gpu, precision):
    return CATALOG.gpus[gpu].peak_tflop_per_s[precision].value


def eight_bit(gpu):
    peaks = CATALOG.gpus[gpu].peak_tflop_per_s
    return max(peaks[precision].value for precision in ("fp8", "int8") if precision in peaks)


def measured(gpu, benchmark, up_to):
    """The newest row of a benchmark up to a round."""
    rows = [row for row in CATALOG.gpus[gpu].measured[benchmark] if row.round <= up_to]
    return max(rows, key=lambda row: row.round)


def training_speed(gpu, benchmark, up_to):
    h100 = measured("h100-sxm", benchmark, up_to).train_gpu_min.value
    return h100 / measured(gpu, benchmark, up_to).train_gpu_min.value


def inference_speed(gpu, benchmark, up_to="v5.1"):
    h100 = measured("h100-sxm", benchmark, up_to).rate_tokens_per_s_per_gpu.value
    return measured(gpu, benchmark, up_to).rate_tokens_per_s_per_gpu.value / h100


# GPU types


def test_aliases_are_unique_whatever_their_spelling():
    names = [re.sub(r"[\s_-]", "", name).casefold() for name in CATALOG.gpu_names()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("key", GPU_IDS)
def test_gpu_numbers_are_sane(key):
    gpu = CATALOG.gpus[key]
    assert 100 <= gpu.peak_tflop_per_s["bf16"].value <= 5_000
    assert eight_bit(key) >= gpu.peak_tflop_per_s["bf16"].value
    assert 16 <= gpu.hbm_gbyte.value <= 300
    assert 0.5 <= gpu.hbm_tbyte_per_s.value <= 10
    assert gpu.nic_gbit_per_s.value / 8 < gpu.scale_up_gbyte_per_s.value < gpu.hbm_tbyte_per_s.value * 1e3
    assert gpu.domain_gpu_count.value % gpu.node_gpu_count.value == 0
    assert 200 <= gpu.gpu_power_w.value <= 1_500
    assert gpu.server_power_w is None or 1.2 < gpu.server_power_w.value / gpu.gpu_power_w.value < 2.1
    assert "2020" <= gpu.launch_date <= "2026-12"


@pytest.mark.parametrize("key", GPU_IDS)
def test_a_measured_matrix_product_stays_below_the_dense_peak(key):
    gpu = CATALOG.gpus[key]
    for precision, best in gpu.best_matmul_tflop_per_s.items():
        assert 0.5 < best.value / gpu.peak_tflop_per_s[precision].value < 0.9


def test_measured_ceilings_are_the_published_shares_of_the_peak():
    shares = {
        key: round(gpu.best_matmul_tflop_per_s["bf16"].value / gpu.peak_tflop_per_s["bf16"].value, 3)
        for key, gpu in CATALOG.gpus.items()
        if "bf16" in gpu.best_matmul_tflop_per_s
    }
    assert shares == {
        "a100-sxm-80gb": 0.869,
        "h100-sxm": 0.803,
        "h800-sxm": 0.803,
        "h200-sxm": 0.803,
        "b200-sxm": 0.776,
        "gb200-nvl72": 0.729,
        "b300-sxm": 0.786,
        "mi300x": 0.511,
    }


@pytest.mark.parametrize(
    ("key", "precision", "headline"),
    [
        ("a100-sxm-80gb", "bf16", 624),
        ("a100-sxm-80gb", "int8", 1_248),
        ("h100-sxm", "bf16", 1_979),
        ("h100-sxm", "fp8", 3_958),
        ("h200-sxm", "fp8", 3_958),
        ("b200-sxm", "fp8", 9_000),
        ("b200-sxm", "fp4", 18_000),
        ("gb200-nvl72", "bf16", 5_000),
        ("gb200-nvl72", "fp8", 10_000),
        ("gb200-nvl72", "fp4", 20_000),
        ("b300-sxm", "fp4", 18_000),  # DGX B300: 144 PFLOP/s over 8
        ("gb300-nvl72", "fp4", 20_000),  # rack: 1,440 PFLOP/s over 72
        ("mi300x", "fp8", 5_229.8),
    ],
)
def test_dense_peak_times_sparsity_is_the_headline_of_the_vendor(key, precision, headline):
    gpu = CATALOG.gpus[key]
    assert gpu.peak_tflop_per_s[precision].value * gpu.sparsity_factor[precision].value == pytest.approx(
        headline, rel=1e-3
    )


@pytest.mark.parametrize("key", ["b300-sxm", "gb300-nvl72"])
def test_sparse_fp4_of_blackwell_ultra_is_four_thirds_of_dense_and_not_twice(key):
    assert CATALOG.gpus[key].sparsity_factor["fp4"].value == 4 / 3


def test_a_rack_of_gb300_has_1080_dense_and_1440_sparse_pflop_per_s():
    gpu = CATALOG.gpus["gb300-nvl72"]
    dense = gpu.peak_tflop_per_s["fp4"].value * gpu.rack_gpu_count.value / 1e3
    assert dense == 1_080
    assert dense * gpu.sparsity_factor["fp4"].value == pytest.approx(1_440)


def test_chips_without_sparsity_have_no_sparsity_factor():
    assert not [key for key in ("tpu-v4", "tpu-v5e", "tpu-v5p") if CATALOG.gpus[key].sparsity_factor]


def test_sparsity_factors_belong_to_peaks_that_exist():
    for gpu in CATALOG.gpus.values():
        assert set(gpu.sparsity_factor) <= set(gpu.peak_tflop_per_s)


def test_scale_up_bandwidth_is_half_of_what_vendors_print():
    both_directions = {
        "a100-sxm-80gb": 600,
        "h100-sxm": 900,
        "h800-sxm": 400,
        "h200-sxm": 900,
        "b200-sxm": 1_800,
        "gb200-nvl72": 1_800,
        "b300-sxm": 1_800,
        "gb300-nvl72": 1_800,
        "mi300x": 896,
        "tpu-v4": 600,
        "tpu-v5e": 400,
        "tpu-v5p": 1_200,
    }
    assert {key: 2 * gpu.scale_up_gbyte_per_s.value for key, gpu in CATALOG.gpus.items()} == both_directions


def test_v5p_links_carry_4800_gbit_per_s():
    assert CATALOG.gpus["tpu-v5p"].scale_up_gbyte_per_s.value * 8 == 4_800


def test_scale_up_domains_are_8_on_boards_72_in_racks_and_whole_pods_on_tpus():
    domains = {key: gpu.domain_gpu_count.value for key, gpu in CATALOG.gpus.items()}
    assert domains["h100-sxm"] == domains["b300-sxm"] == domains["mi300x"] == 8
    assert domains["gb200-nvl72"] == domains["gb300-nvl72"] == 72
    assert (domains["tpu-v4"], domains["tpu-v5e"], domains["tpu-v5p"]) == (4_096, 256, 8_960)


def test_only_tpus_are_tori():
    dimensions = {key: gpu.torus_dimension_count.value for key, gpu in CATALOG.gpus.items() if gpu.link_kind == "torus"}
    assert dimensions == {"tpu-v4": 3, "tpu-v5e": 2, "tpu-v5p": 3}


def test_only_grace_parts_can_be_counted_in_superchips():
    ambiguous = [key for key, gpu in CATALOG.gpus.items() if gpu.ambiguous_count]
    assert ambiguous == ["gb200-nvl72", "gb300-nvl72"]
    for key, gpu in CATALOG.gpus.items():
        assert (gpu.superchip_gpu_count is not None) == (key in ambiguous)
        assert (gpu.rack_gpu_count is not None) == (key in ambiguous)
    for key in ambiguous:
        gpu = CATALOG.gpus[key]
        assert (gpu.superchip_gpu_count.value, gpu.rack_gpu_count.value) == (2, 72)
        assert "superchip" in gpu.count_note


def test_a_gb200_draws_its_share_of_the_rack_and_not_of_the_tray():
    power = CATALOG.gpus["gb200-nvl72"].server_power_w
    assert power.value == pytest.approx(132_000 / 72, abs=1)
    assert power.low == pytest.approx(6_667 / 4, abs=1)


def test_a_hopper_server_draws_10_2_kw():
    assert CATALOG.gpus["h100-sxm"].server_power_w.value * 8 == 10_200
    assert CATALOG.gpus["h200-sxm"].server_power_w.value * 8 == 10_200


def test_nameplate_of_colossus_1_is_292_mw():
    watts = {"h100-sxm": 150_000, "h200-sxm": 50_000, "gb200-nvl72": 20_000}
    total = sum(count * CATALOG.gpus[key].server_power_w.value for key, count in watts.items())
    assert total / 1e6 == pytest.approx(292, abs=0.5)


# H100-equivalents


@pytest.mark.parametrize(
    ("key", "ratio"),
    [
        ("h200-sxm", 1.000),
        ("gb200-nvl72", 2.527),
        ("gb300-nvl72", 2.527),
        ("b200-sxm", 2.274),
        ("a100-sxm-80gb", 0.315),
        ("mi300x", 1.321),
        ("tpu-v5p", 0.464),
    ],
)
def test_eight_bit_ratio_to_h100(key, ratio):
    assert eight_bit(key) / eight_bit("h100-sxm") == pytest.approx(ratio, abs=5e-4)


@pytest.mark.parametrize(
    ("key", "ratio"), [("h200-sxm", 1.000), ("gb200-nvl72", 2.527), ("a100-sxm-80gb", 0.315), ("mi300x", 1.321)]
)
def test_bf16_ratio_to_h100(key, ratio):
    assert peak(key, "bf16") / peak("h100-sxm", "bf16") == pytest.approx(ratio, abs=5e-4)


def test_fp4_of_gb200_is_5_05_times_fp8_of_h100():
    assert peak("gb200-nvl72", "fp4") / peak("h100-sxm", "fp8") == pytest.approx(5.053, abs=5e-4)


def test_total_processing_performance_of_h100_and_gb200():
    bits = {"bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "fp6": 6, "fp4": 4}

    def performance(key):
        peaks = CATALOG.gpus[key].peak_tflop_per_s
        return max(peaks[precision].value * width for precision, width in bits.items() if precision in peaks)

    assert performance("h100-sxm") == pytest.approx(15_831, abs=1)
    assert performance("gb200-nvl72") == 40_000
    assert performance("gb200-nvl72") / performance("h100-sxm") == pytest.approx(2.527, abs=5e-4)


def test_memory_ratios_to_h100():
    h100 = CATALOG.gpus["h100-sxm"]

    def ratios(key):
        gpu = CATALOG.gpus[key]
        bandwidth = gpu.hbm_tbyte_per_s.value / h100.hbm_tbyte_per_s.value
        return round(bandwidth, 2), round(gpu.hbm_gbyte.value / h100.hbm_gbyte.value, 3)

    assert ratios("h200-sxm") == (1.43, 1.762)
    assert ratios("gb200-nvl72") == (2.39, 2.325)


@pytest.mark.parametrize("key", ["b300-sxm", "gb300-nvl72"])
def test_eight_bit_of_blackwell_ultra_is_fp8_because_int8_is_cut_to_a_thirtieth(key):
    assert eight_bit(key) == peak(key, "fp8")
    assert peak(key, "int8") / peak(key, "fp8") == pytest.approx(1 / 30, rel=0.02)


def test_tpus_have_int8_and_no_fp8():
    for key in ("tpu-v4", "tpu-v5e", "tpu-v5p"):
        assert "fp8" not in CATALOG.gpus[key].peak_tflop_per_s
        assert eight_bit(key) == peak(key, "int8")


# Benchmarks


@pytest.mark.parametrize(
    ("key", "up_to", "speed"),
    [
        ("h200-sxm", "v5.0", 1.10),
        ("gb200-nvl72", "v5.0", 2.19),
        ("gb200-nvl72", "v5.1", 2.72),
        ("gb300-nvl72", "v5.1", 3.57),
    ],
)
def test_training_speed_on_405b(key, up_to, speed):
    assert training_speed(key, "training_405b", up_to) == pytest.approx(speed, abs=0.01)


@pytest.mark.parametrize(
    ("key", "up_to", "speed"),
    [
        ("h200-sxm", "v5.0", 1.16),
        ("b200-sxm", "v4.1", 2.20),
        ("b200-sxm", "v5.0", 2.49),
        ("gb200-nvl72", "v5.0", 2.51),
        ("gb200-nvl72", "v5.1", 3.12),
        ("b200-sxm", "v5.1", 2.92),
        ("b300-sxm", "v5.1", 3.30),
        ("gb300-nvl72", "v5.1", 4.84),
        ("mi300x", "v5.0", 0.99),
        ("mi300x", "v5.1", 1.00),
    ],
)
def test_training_speed_on_lora(key, up_to, speed):
    assert training_speed(key, "training_lora", up_to) == pytest.approx(speed, abs=0.01)


@pytest.mark.parametrize(
    ("key", "benchmark", "speed"),
    [
        ("h200-sxm", "inference_70b_offline", 1.13),
        ("b200-sxm", "inference_70b_offline", 3.30),
        ("gb200-nvl72", "inference_70b_offline", 3.34),
        ("mi300x", "inference_70b_offline", 0.89),
        ("h200-sxm", "inference_70b_server", 1.12),
        ("b200-sxm", "inference_70b_server", 3.32),
        ("gb200-nvl72", "inference_70b_server", 3.23),
        ("mi300x", "inference_70b_server", 0.81),
        ("h200-sxm", "inference_405b_offline", 1.41),
        ("b200-sxm", "inference_405b_offline", 4.24),
        ("gb200-nvl72", "inference_405b_offline", 4.37),
        ("gb300-nvl72", "inference_405b_offline", 4.57),
        ("h200-sxm", "inference_405b_server", 1.05),
        ("b200-sxm", "inference_405b_server", 4.54),
        ("gb200-nvl72", "inference_405b_server", 4.58),
        ("gb300-nvl72", "inference_405b_server", 4.83),
    ],
)
def test_inference_speed(key, benchmark, speed):
    assert inference_speed(key, benchmark) == pytest.approx(speed, abs=0.01)


@pytest.mark.parametrize(("key", "speed"), [("h200-sxm", 1.31), ("b200-sxm", 3.67), ("mi300x", 1.00)])
def test_inference_speed_in_the_round_before(key, speed):
    assert inference_speed(key, "inference_70b_offline", "v4.1") == pytest.approx(speed, abs=0.01)


def test_training_rows_are_gpu_minutes_and_inference_rows_are_rates():
    for gpu in CATALOG.gpus.values():
        for benchmark, rows in gpu.measured.items():
            trains = benchmark.startswith("training")
            assert all((row.train_gpu_min is not None) == trains for row in rows)


def test_a_benchmark_has_one_row_per_round_oldest_first():
    for gpu in CATALOG.gpus.values():
        for rows in gpu.measured.values():
            rounds = [row.round for row in rows]
            assert rounds == sorted(set(rounds))


def test_a_row_cites_the_round_it_belongs_to():
    for gpu in CATALOG.gpus.values():
        for benchmark, rows in gpu.measured.items():
            for row in rows:
                figure = row.train_gpu_min or row.rate_tokens_per_s_per_gpu
                assert figure.source == f"mlperf-{benchmark.split('_')[0]}-{row.round}"
