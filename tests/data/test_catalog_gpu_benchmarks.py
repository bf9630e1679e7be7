"""Benchmark rows of the catalog's GPU types: rounds, sources, and the published speed of each GPU against an H100."""

from typing import get_args

import pytest

from colocalc.catalog import load_catalog
from colocalc.hardware import Benchmark
from colocalc.metrics import H100E_BASES

CATALOG = load_catalog()


def measured(gpu, benchmark, up_to):
    """The newest row of a benchmark up to a round."""
    rows = [row for row in CATALOG.gpus[gpu].measured[benchmark] if row.round <= up_to]
    return max(rows, key=lambda row: row.round)


def minutes(gpu, benchmark, round_):
    """GPU-minutes of one round."""
    (row,) = [row for row in CATALOG.gpus[gpu].measured[benchmark] if row.round == round_]
    return row.train_gpu_min.value


def training_speed(gpu, benchmark, up_to):
    h100 = measured("h100-sxm", benchmark, up_to).train_gpu_min.value
    return h100 / measured(gpu, benchmark, up_to).train_gpu_min.value


def inference_speed(gpu, benchmark, up_to="v5.1", reference="h100-sxm"):
    known = measured(reference, benchmark, up_to).rate_tokens_per_s_per_gpu.value
    return measured(gpu, benchmark, up_to).rate_tokens_per_s_per_gpu.value / known


def rows_of(benchmark):
    return {key: rows for key, gpu in CATALOG.gpus.items() if (rows := gpu.measured.get(benchmark))}


# What is there


def test_every_benchmark_has_a_row_and_knows_its_gpus():
    found = {benchmark: len(rows_of(benchmark)) for benchmark in get_args(Benchmark)}
    assert found == {
        "training_405b": 4,
        "training_gpt3": 6,
        "training_lora": 11,
        "training_bert": 3,
        "inference_70b_offline": 12,
        "inference_70b_server": 12,
        "inference_405b_offline": 5,
        "inference_405b_server": 5,
        "inference_8b_offline": 6,
        "inference_8b_server": 6,
        "inference_deepseek_r1_offline": 3,
        "inference_deepseek_r1_server": 3,
        "inference_mixtral_offline": 4,
        "inference_mixtral_server": 4,
    }


def test_offline_and_server_are_measured_on_the_same_gpus():
    for benchmark in get_args(Benchmark):
        if benchmark.endswith("_offline"):
            assert set(rows_of(benchmark)) == set(rows_of(benchmark.replace("_offline", "_server")))


def test_every_measured_basis_has_an_h100_to_compare_with():
    bases = [basis for basis in H100E_BASES if basis.startswith("mlperf_")]
    assert len(bases) == 12
    for basis in bases:
        benchmark, _, limit = basis.removeprefix("mlperf_").rpartition("_v")
        assert measured("h100-sxm", benchmark, "v" + limit.replace("_", "."))


def test_a_benchmark_without_an_h100_row_is_no_basis():
    without = [name for name in get_args(Benchmark) if name not in CATALOG.gpus["h100-sxm"].measured]
    assert without == [
        "inference_deepseek_r1_offline",
        "inference_deepseek_r1_server",
        "inference_mixtral_offline",
        "inference_mixtral_server",
    ]
    assert not [basis for basis in H100E_BASES if "deepseek" in basis or "mixtral" in basis]


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


def test_a_row_of_v5_1_names_who_submitted_it():
    for gpu in CATALOG.gpus.values():
        for benchmark, rows in gpu.measured.items():
            for row in rows:
                figure = row.train_gpu_min or row.rate_tokens_per_s_per_gpu
                if row.round == "v5.1":
                    assert figure.note[0].isupper()
                    assert "GPUs" in figure.note if benchmark.startswith("training") else "5.1-00" in figure.note


def test_a_training_row_says_how_many_gpus_it_ran_on():
    for benchmark in ("training_405b", "training_gpt3", "training_lora", "training_bert"):
        for rows in rows_of(benchmark).values():
            assert all("GPUs" in row.train_gpu_min.note or "chips" in row.train_gpu_min.note for row in rows)


def test_lora_rows_are_of_one_node_only():
    # A fine-tuning run on 64 GPUs takes more GPU-minutes than one on 8: an A100 there is 0.07 of an H100.
    assert "training_lora" not in CATALOG.gpus["a100-sxm-80gb"].measured
    assert "training_lora" not in CATALOG.gpus["l40s"].measured
    for rows in rows_of("training_lora").values():
        assert all(", 8 " in row.train_gpu_min.note for row in rows)
        assert all(40 < row.train_gpu_min.value < 700 for row in rows)


# Training


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
    ("key", "round_", "speed"),
    [
        ("h100-sxm", "v3.1", 0.87),
        ("h100-sxm", "v4.0", 1.00),
        ("h100-sxm", "v4.1", 1.02),
        ("b200-sxm", "v4.1", 2.09),
        ("gaudi2", "v3.1", 0.44),
        ("gaudi2", "v4.0", 0.38),
        ("tpu-v5e", "v3.1", 0.14),
        ("tpu-v5p", "v4.0", 0.44),
        ("tpu-v6e", "v4.1", 0.50),
    ],
)
def test_training_speed_on_gpt3_against_the_h100_of_v4_0(key, round_, speed):
    reference = minutes("h100-sxm", "training_gpt3", "v4.0")
    assert reference / minutes(key, "training_gpt3", round_) == pytest.approx(speed, abs=0.0051)


@pytest.mark.parametrize(
    ("key", "speed"),
    [("b200-sxm", 2.06), ("gaudi2", 0.37), ("tpu-v5e", 0.14), ("tpu-v5p", 0.43), ("tpu-v6e", 0.49)],
)
def test_training_speed_on_gpt3_up_to_v4_1(key, speed):
    assert training_speed(key, "training_gpt3", "v4.1") == pytest.approx(speed, abs=0.0051)


def test_software_alone_took_15_percent_off_gpt3_on_an_h100():
    left = minutes("h100-sxm", "training_gpt3", "v4.1") / minutes("h100-sxm", "training_gpt3", "v3.1")
    assert 1 - left == pytest.approx(0.15, abs=0.005)


def test_a_gpt3_row_of_another_size_says_so():
    sizes = {key: rows[-1].train_gpu_min.note for key, rows in rows_of("training_gpt3").items()}
    assert {key for key, note in sizes.items() if "512" in note.split(";")[0]} == {"h100-sxm", "tpu-v5p", "tpu-v6e"}
    assert all("the H100 row is of 512 GPUs" in sizes[key] for key in ("b200-sxm", "gaudi2", "tpu-v5e"))


def test_a_slice_named_v5p_1024_has_512_chips():
    assert "512 chips" in measured("tpu-v5p", "training_gpt3", "v4.0").train_gpu_min.note
    assert minutes("tpu-v5p", "training_gpt3", "v4.0") == pytest.approx(114.79 * 512, rel=1e-4)


@pytest.mark.parametrize(
    ("key", "up_to", "speed"),
    [
        ("h200-sxm", "v5.0", 1.16),
        ("gaudi2", "v4.1", 0.36),
        ("b200-sxm", "v4.1", 2.20),
        ("b200-sxm", "v5.0", 2.49),
        ("gb200-nvl72", "v5.0", 2.51),
        ("gb200-nvl72", "v5.1", 3.12),
        ("b200-sxm", "v5.1", 2.92),
        ("b300-sxm", "v5.1", 3.30),
        ("gb300-nvl72", "v5.1", 4.84),
        ("mi300x", "v5.0", 0.99),
        ("mi300x", "v5.1", 1.00),
        ("mi325x", "v5.1", 1.35),
        ("mi350x", "v5.1", 2.29),
        ("mi355x", "v5.1", 2.75),
    ],
)
def test_training_speed_on_lora(key, up_to, speed):
    assert training_speed(key, "training_lora", up_to) == pytest.approx(speed, abs=0.01)


@pytest.mark.parametrize(("key", "speed"), [("a100-sxm-80gb", 0.38), ("gaudi2", 0.41)])
def test_training_speed_on_bert(key, speed):
    assert training_speed(key, "training_bert", "v2.1") == pytest.approx(speed, abs=0.0051)


@pytest.mark.parametrize(
    ("key", "benchmark", "round_", "run_min", "gpus"),
    [
        ("h100-sxm", "training_405b", "v5.0", 230.68, 512),
        ("h200-sxm", "training_405b", "v5.0", 209.65, 512),
        ("gb200-nvl72", "training_405b", "v5.0", 105.52, 512),
        ("gb300-nvl72", "training_405b", "v5.1", 64.61, 512),
        ("h100-sxm", "training_gpt3", "v4.1", 49.80, 512),
        ("b200-sxm", "training_gpt3", "v4.1", 193.74, 64),
        ("gaudi2", "training_gpt3", "v4.0", 66.91, 1_024),
        ("tpu-v5e", "training_gpt3", "v3.1", 44.68, 4_096),
        ("tpu-v6e", "training_gpt3", "v4.1", 102.08, 512),
        ("gaudi2", "training_lora", "v4.0", 77.85, 8),
        ("mi355x", "training_lora", "v5.1", 10.15, 8),
        ("h100-sxm", "training_bert", "v2.1", 6.38, 8),
        ("a100-sxm-80gb", "training_bert", "v2.1", 16.88, 8),
        ("gaudi2", "training_bert", "v2.1", 15.56, 8),
    ],
)
def test_gpu_minutes_are_the_minutes_of_the_run_times_its_gpus(key, benchmark, round_, run_min, gpus):
    assert minutes(key, benchmark, round_) == pytest.approx(run_min * gpus, rel=2e-4)


# Inference


@pytest.mark.parametrize(
    ("key", "benchmark", "offline", "server"),
    [
        ("h200-sxm", "inference_70b", 1.13, 1.12),
        ("h200-nvl", "inference_70b", 1.00, 0.95),
        ("b200-sxm", "inference_70b", 3.30, 3.32),
        ("gb200-nvl72", "inference_70b", 3.34, 3.23),
        ("mi300x", "inference_70b", 0.89, 0.81),
        ("mi325x", "inference_70b", 1.11, 1.05),
        ("rtx-pro-6000-blackwell", "inference_70b", 0.84, 0.85),
        ("h200-sxm", "inference_405b", 1.41, 1.05),
        ("b200-sxm", "inference_405b", 4.24, 4.54),
        ("gb200-nvl72", "inference_405b", 4.37, 4.58),
        ("gb300-nvl72", "inference_405b", 4.57, 4.83),
        ("h200-sxm", "inference_8b", 1.43, 1.59),
        ("h200-nvl", "inference_8b", 1.10, 1.26),
        ("b200-sxm", "inference_8b", 3.18, 3.15),
        ("rtx-pro-6000-blackwell", "inference_8b", 1.01, 1.13),
        ("l40s", "inference_8b", 0.28, 0.24),
    ],
)
def test_inference_speed(key, benchmark, offline, server):
    assert inference_speed(key, f"{benchmark}_offline") == pytest.approx(offline, abs=0.01)
    assert inference_speed(key, f"{benchmark}_server") == pytest.approx(server, abs=0.01)


@pytest.mark.parametrize(
    ("key", "offline", "server"),
    [
        ("b200-sxm", 3.67, 3.63),
        ("gh200-144gb", 1.33, 1.31),
        ("h200-sxm", 1.31, 1.28),
        ("mi300x", 1.00, 0.93),
        ("h100-nvl", 0.72, 0.58),
        ("h100-pcie", 0.38, 0.34),
        ("l40s", 0.15, 0.14),
    ],
)
def test_inference_speed_in_the_round_before(key, offline, server):
    assert inference_speed(key, "inference_70b_offline", "v4.1") == pytest.approx(offline, abs=0.0051)
    assert inference_speed(key, "inference_70b_server", "v4.1") == pytest.approx(server, abs=0.0051)


@pytest.mark.parametrize(
    ("key", "offline", "server"),
    [("b200-sxm", 1.04, 1.00), ("gb200-nvl72", 1.00, 1.00), ("gb300-nvl72", 1.49, 1.25)],
)
def test_inference_speed_on_deepseek_r1_against_gb200(key, offline, server):
    assert inference_speed(key, "inference_deepseek_r1_offline", reference="gb200-nvl72") == pytest.approx(
        offline, abs=0.0051
    )
    assert inference_speed(key, "inference_deepseek_r1_server", reference="gb200-nvl72") == pytest.approx(
        server, abs=0.0051
    )


@pytest.mark.parametrize(
    ("key", "offline", "server"),
    [("mi300x", 0.86, 0.78), ("mi325x", 1.13, 0.98), ("rtx-pro-6000-blackwell", 0.53, 0.49)],
)
def test_inference_speed_on_mixtral_against_h200(key, offline, server):
    assert inference_speed(key, "inference_mixtral_offline", reference="h200-sxm") == pytest.approx(offline, abs=0.0051)
    assert inference_speed(key, "inference_mixtral_server", reference="h200-sxm") == pytest.approx(server, abs=0.0051)


def test_software_alone_made_an_h100_27_percent_faster_on_70b():
    older, newer = CATALOG.gpus["h100-sxm"].measured["inference_70b_offline"]
    gain = newer.rate_tokens_per_s_per_gpu.value / older.rate_tokens_per_s_per_gpu.value
    assert gain == pytest.approx(1.27, abs=0.005)


def test_measured_speed_stays_below_the_ratio_of_peaks_on_training_and_above_it_on_blackwell_inference():
    peaks = {
        key: CATALOG.gpus[key].peak_tflop_per_s["bf16"].value / 989.4 for key in ("gb200-nvl72", "mi300x", "tpu-v6e")
    }
    assert training_speed("gb200-nvl72", "training_405b", "v5.0") / peaks["gb200-nvl72"] == pytest.approx(
        0.87, abs=0.005
    )
    assert training_speed("mi300x", "training_lora", "v5.0") / peaks["mi300x"] == pytest.approx(0.75, abs=0.005)
    assert training_speed("tpu-v6e", "training_gpt3", "v4.1") / peaks["tpu-v6e"] == pytest.approx(0.53, abs=0.005)
    assert inference_speed("gb200-nvl72", "inference_70b_offline") > peaks["gb200-nvl72"]
