"""Every metric the tool reports: its id, unit, meaning and equation. Pure data.

Ids are dotted, lower case and end in their unit. ``pools.<name>.<id>`` is the same metric of one pool, for the ids
whose ``per_pool`` is set. Expectations, claims, reports and JSON speak these ids and no others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from colocalc import metrics_of_choice as choice
from colocalc import metrics_of_deals as deals
from colocalc.units import unit_of

STAGES = {
    "ceiling": "best measured matrix product over the dense peak",
    "shape": "matrix products of this job over the best measured one",
    "memory_bound": "time bound by memory traffic: norms, softmax, optimizer, launch gaps",
    "recompute": "forward work done again in the backward pass",
    "tensor_context_expert": "tensor, context and expert collectives not hidden behind compute",
    "bubble": "pipeline fill and drain",
    "stage_imbalance": "uneven pipeline stages: embedding, head, loss",
    "data_parallel": "gradient and weight collectives not hidden behind compute",
    "jitter": "waiting for the slowest of many nominally equal nodes",
    "mixed_generations": "faster GPUs waiting for slower ones",
    "layout_remainder": "GPUs that fit in no whole replica",
    "power": "clocks lowered to stay inside the site's power",
    "software": "maturity of the software stack",
    "goodput": "failures, restarts and checkpoints",
    "allocation": "GPU-hours of the fleet outside productive jobs",
}

H100E_BASES = {
    "raw": "each GPU counts one",
    "bf16_dense": "dense BF16 peak",
    "eight_bit_dense": "larger of dense FP8 and INT8 peak",
    "four_bit": "best of dense FP4, FP8 and INT8 over H100's FP8",
    "tpp": "total processing performance: dense TOPS times bit length",
    "hbm_bandwidth": "memory bandwidth",
    "hbm_capacity": "memory capacity",
    "mlperf_training_405b_v5_0": "MLPerf Training, Llama 3.1 405B, rounds up to v5.0",
    "mlperf_training_405b_v5_1": "MLPerf Training, Llama 3.1 405B, rounds up to v5.1",
    "mlperf_training_gpt3_v4_1": "MLPerf Training, GPT-3 175B, rounds up to v4.1",
    "mlperf_training_lora_v5_0": "MLPerf Training, Llama 2 70B LoRA, rounds up to v5.0",
    "mlperf_training_lora_v5_1": "MLPerf Training, Llama 2 70B LoRA, rounds up to v5.1",
    "mlperf_training_bert_v2_1": "MLPerf Training, BERT-large, round v2.1",
    "mlperf_inference_70b_offline_v5_1": "MLPerf Inference, Llama 2 70B offline, rounds up to v5.1",
    "mlperf_inference_70b_server_v5_1": "MLPerf Inference, Llama 2 70B server, rounds up to v5.1",
    "mlperf_inference_405b_offline_v5_1": "MLPerf Inference, Llama 3.1 405B offline, rounds up to v5.1",
    "mlperf_inference_405b_server_v5_1": "MLPerf Inference, Llama 3.1 405B server, rounds up to v5.1",
    "mlperf_inference_8b_offline_v5_1": "MLPerf Inference, Llama 3.1 8B offline, rounds up to v5.1",
    "mlperf_inference_8b_server_v5_1": "MLPerf Inference, Llama 3.1 8B server, rounds up to v5.1",
}


@dataclass(frozen=True)
class Metric:
    """A reported quantity.

    Attributes
    ----------
    id : str
        Dotted, lower case, ending in the suffix of its unit.
    meaning : str
        One phrase that tells it from its neighbours.
    equation : str
        How it is computed, in the names of other metrics, inputs, stages and the terms that ``explain`` defines.
    per_pool : bool
        Whether ``pools.<name>.<id>`` exists.
    """

    id: str
    meaning: str
    equation: str
    per_pool: bool = False

    @property
    def unit(self) -> str:
        """The suffix of its unit."""
        unit = unit_of(self.id)
        return unit.suffix if unit else ""

    @property
    def references(self) -> tuple[str, ...]:
        """Whose equation or convention it is: ids of sources, each with the place in it, or a work in words."""
        return _REFERENCES.get(self.id) or _of_family(self.id)


_ARITHMETIC = ("arithmetic",)
_MFU_DEFINED = ("palm-2022, appendix B",)
_BARRIER = "a step that all workers wait for takes as long as its slowest"
_OVERLAP = "Li et al. 2020 (PyTorch distributed data parallel), section 3.2.3"
_MATMUL = "ml-engineering-2026-08, maximum achievable matmul FLOPS"
_STEP_STAGES = tuple(STAGES)[: tuple(STAGES).index("goodput")]
# The equation of each stage, as time before over time after, and whose it is.
_STAGE_EQUATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ceiling": ("T / (m * (l * x + y / pp))", (_MATMUL, "fit-2026-11")),
    "shape": ("T / (T + m * (l * x + y / pp))", ("fit-2026-11", "Dao 2023 (FlashAttention-2), section 4.1")),
    "memory_bound": (
        "T / (T + m * (l * x + y / pp) + z)",
        ("fit-2026-11", "Williams et al. 2009 (roofline)", "Kingma and Ba 2015 (Adam), algorithm 1"),
    ),
    "recompute": (
        "counted_share * T / (T + m * l * x)",
        ("Korthikanti et al. 2022, sections 5 and 6", "megatron-2021, section 3.5"),
    ),
    "tensor_context_expert": (
        "T / (T + m * (l * (t_tp + t_cp + t_ep) + u_sends))",
        (
            "Korthikanti et al. 2022, section 4.2",
            "llama3-2024, section 3.3.2",
            "DeepSeek-AI 2024 (DeepSeek-V3), section 3.2",
        ),
    ),
    "bubble": (
        "T / (T + k * (pp - 1) / vpp * busy + u_sends)",
        ("megatron-2021, section 2.2", "llama3-2024, section 3.3.2", "zero-bubble-2024, table 1"),
    ),
    "stage_imbalance": ("T / (T + m * max(slowest - busy, 0))", ("llama3-2024, section 3.3.2",)),
    "data_parallel": ("T / ((T + mfu.data_parallel_s) * (1 + slices_share))", (_OVERLAP, "nccl-tuning")),
    "jitter": ("1 / (1 + sigma * z_n)", (_BARRIER, "David and Nagaraja 2003 (Order Statistics)")),
    "mixed_generations": (
        (
            "sum(laid_out) * min(s) / sum(laid_out * s) * sum(active * s) / sum(gpus * s), "
            "or without equal shares U / (t_least * sum(workers * s)) in place of the first ratio"
        ),
        (_BARRIER, "Whale (Jia et al., USENIX ATC 2022)", "Dessouky et al. 1990 (Statistica Neerlandica 44)"),
    ),
    "layout_remainder": ("sum(laid_out * s) / sum(active * s)", _ARITHMETIC),
    "power": (
        "sum(gpus * achieved * smoothing_factor * min(1, fed_share) ** gamma) / sum(gpus * achieved)",
        ("planning-estimate, for the exponent", "conservation of power, for the share that is fed"),
    ),
    "software": (
        "software_factor / (model_error_factor * (1 + young + fixed_step / T))",
        ("semianalysis-maturity-2025", "fit-2026-11"),
    ),
    "goodput": (
        (
            "tau / (M * exp(R / M) * (exp((tau + w) / M) - 1)), or with replicas isolated exp(-S / M) * "
            "max(1 - repair * stopped / (M * mfu.replica_count), 0)"
        ),
        ("Daly 2006 (Future Generation Computer Systems 22), the complete cost function", "meta-ft-hsdp-2026"),
    ),
    "allocation": (
        "sum(u * allocation_share) / sum(u) * job_peak / fleet_peak",
        ("a mean weighted by peak, which keeps the product of the waterfall exact",),
    ),
}
_REFERENCES: Mapping[str, tuple[str, ...]] = {
    **{f"mfu.stage.{name}_factor": references for name, (_, references) in _STAGE_EQUATIONS.items()},
    **dict.fromkeys(
        ("fleet.nameplate_power_mw", "fleet.typical_power_mw", "lease.facility_power_mw"),
        ("dgx-h100-power, for what nameplate means", "ISO/IEC 30134-2 (power usage effectiveness)"),
    ),
    "fleet.radiator_area_m2": ("conservation of energy: what is not radiated heats the chips",),
    "fleet.radiator_w_per_m2": ("the Stefan-Boltzmann law, with the constant of the SI of 2019 (CODATA 2018)",),
    **dict.fromkeys(("mfu.step_share", "mfu.job_share", "mfu.fleet_share", "mfu.step_time_s"), _MFU_DEFINED),
    "mfu.job_mttf_s": ("meta-rsc-2024",),
    "mfu.checkpoint_interval_s": (
        "Daly 2006 (Future Generation Computer Systems 22), the higher-order optimum",
        "Young 1974 (CACM 17)",
    ),
    "mfu.data_parallel_s": (_OVERLAP, "nccl-tuning"),
    **dict.fromkeys(
        ("lease.run_rate_revenue_usd_per_yr", "lease.billed_gpu_h_per_yr", "lease.power_cost_usd_per_yr"),
        ("arithmetic, over a billing year of 8,760 hours",),
    ),
    "h100e.eight_bit_dense_count": ("epoch-chips, compute_h100_equivalents",),
    "h100e.four_bit_count": ("NVIDIA GB200 NVL72 data sheet, which sets FP4 beside Hopper's FP8",),
    "h100e.tpp_count": ("15 CFR part 774, supplement 1, ECCN 3A090, technical notes",),
    "h100e.effective_count": _MFU_DEFINED,
    **deals.REFERENCES,
    **choice.REFERENCES,
}


def _of_family(metric_id: str) -> tuple[str, ...]:
    """The references of an id that has none of its own: a benchmark's rules, or arithmetic."""
    if metric_id.startswith("h100e.mlperf_training_") and metric_id.endswith("_count"):
        return ("MLPerf Training rules: time to train times GPUs", "mlperf-systems")
    if metric_id.startswith("h100e.mlperf_inference_") and metric_id.endswith("_count"):
        return ("MLPerf Inference rules: tokens per second", "mlperf-inference-v5.1")
    return _ARITHMETIC


_MFU = (
    Metric("fleet.gpu_count", "GPUs in the fleet", "sum(count * gpus_per_unit)", per_pool=True),
    Metric(
        "fleet.nameplate_power_mw",
        "power at the meter if every server drew its stated maximum",
        "sum(gpus * server_power_w * pue_factor) / 1000000",
    ),
    Metric(
        "fleet.typical_power_mw",
        "power at the meter at the servers' typical draw",
        "sum(gpus * server_power_w * typical_draw_share * pue_factor) / 1000000",
    ),
    Metric(
        "fleet.radiator_area_m2",
        "radiator of the orbital sites, counted once whether one side radiates or two",
        "sum(it_power_mw) * 1000000 / fleet.radiator_w_per_m2",
    ),
    Metric(
        "fleet.radiator_w_per_m2",
        "heat that a square metre of the orbital sites' radiator rejects, less what it takes up",
        "radiating_sides_count * emissivity_share * stefan_boltzmann * "
        "((chip_temperature_k - chip_to_radiator_drop_k) ** 4 - sink_temperature_k ** 4)",
    ),
    Metric(
        "mfu.step_share",
        "model FLOPs of one optimizer step over the dense peak of every GPU in the job",
        " * ".join(_STEP_STAGES),
    ),
    Metric("mfu.job_share", "step MFU over wall time, with failures and checkpoints", "mfu.step_share * goodput"),
    Metric("mfu.fleet_share", "job MFU over all GPU-hours of the fleet", "mfu.job_share * allocation"),
    *(Metric(f"mfu.stage.{name}_factor", meaning, _STAGE_EQUATIONS[name][0]) for name, meaning in STAGES.items()),
    Metric(
        "mfu.step_time_s",
        "time of one optimizer step",
        "flop_per_token * mfu.global_batch_tokens / (job_peak * mfu.step_share)",
    ),
    Metric("mfu.tokens_per_s", "training tokens per second of a step", "mfu.global_batch_tokens / mfu.step_time_s"),
    Metric("mfu.peak_pflop_per_s", "dense peak at the job's precision", "sum(gpus * peak)", per_pool=True),
    Metric("mfu.delivered_pflop_per_s", "useful model FLOP/s over wall time", "mfu.fleet_share * mfu.peak_pflop_per_s"),
    Metric(
        "mfu.replica_count",
        "whole data-parallel replicas",
        "sum(floor(active / (tp * pp * cp))), or with a split by stages min(floor(active / (tp * cp * pool_stages)))",
    ),
    Metric(
        "mfu.micro_batch_count",
        "micro-batches per replica and step",
        "max(1, round(global_batch_tokens / (sequence_tokens * micro_batch * mfu.replica_count)))",
    ),
    Metric(
        "mfu.global_batch_tokens",
        "tokens per step as used, in whole micro-batches",
        "mfu.micro_batch_count * sequence_tokens * micro_batch * mfu.replica_count",
    ),
    Metric(
        "mfu.job_mttf_s",
        "mean time between failures of the job",
        "86400 * 1000 / sum(laid_out * failures_per_1000_gpu_day)",
    ),
    Metric(
        "mfu.checkpoint_interval_s",
        "time between checkpoints",
        "checkpoint_interval_s, or without it sqrt(2 * w * M) * (1 + sqrt(w / (2 * M)) / 3 + w / (2 * M) / 9) - w, "
        "and M with w of 2 * M or more",
    ),
    Metric(
        "mfu.data_parallel_s",
        "exposed time of the data-parallel collectives in a step",
        "seen_share * exchange",
    ),
)
_LEASE = tuple(Metric(*row) for row in deals.LEASE)
_HEDGE = (
    Metric("hedge.loss_usd_per_yr", "the stated loss scaled to a year", "loss_usd * 12 / loss_months"),
    *(
        Metric(f"hedge.{kind}_share", meaning, f"{income} / hedge.loss_usd_per_yr")
        for kind, (meaning, income, _) in deals.HEDGE_KINDS.items()
    ),
    *(
        Metric(
            f"hedge.{kind}_cover_rate_usd_per_gpu_h",
            f"rate per billed GPU-hour at which hedge.{kind}_share is 1",
            f"(hedge.loss_usd_per_yr{cost}) / lease.billed_gpu_h_per_yr",
        )
        for kind, (_, _, cost) in deals.HEDGE_KINDS.items()
    ),
)
# Fewer GPU-minutes are more GPU.
_EQUIVALENCE = {"raw": "sum(gpus)", "mlperf_training": "sum(gpus * h100_measure / measure)"}
_H100E = (
    *(
        Metric(
            f"h100e.{basis}_count",
            f"H100-equivalents by {meaning}",
            _EQUIVALENCE.get("_".join(basis.split("_")[:2]), "sum(gpus * measure / h100_measure)"),
            per_pool=True,
        )
        for basis, meaning in H100E_BASES.items()
    ),
    *(
        Metric(
            f"h100e.{basis}_factor",
            f"H100-equivalents of one GPU, by {meaning}",
            f"h100e.{basis}_count / fleet.gpu_count",
            per_pool=True,
        )
        for basis, meaning in H100E_BASES.items()
    ),
    *(
        Metric(
            f"h100e.{basis}_total_share",
            f"share of the stated total, by {meaning}",
            f"h100e.{basis}_count / total_h100e_count",
        )
        for basis, meaning in H100E_BASES.items()
    ),
    *(
        Metric(
            f"h100e.{basis}_per_mw",
            f"H100-equivalents per facility megawatt, by {meaning}",
            f"h100e.{basis}_count / lease.facility_power_mw",
        )
        for basis, meaning in H100E_BASES.items()
    ),
    Metric(
        "h100e.effective_count",
        "H100-equivalents at work: the default basis times fleet MFU over a reference MFU",
        "h100e.eight_bit_dense_count * mfu.fleet_share / reference.mfu_share",
    ),
)
_DEALS = tuple(Metric(*row) for row in deals.DEALS)
_CHOICE = tuple(Metric(*row) for row in (*choice.CHOICE, *choice.INFERENCE))
METRICS: Mapping[str, Metric] = {one.id: one for one in (*_MFU, *_LEASE, *_DEALS, *_HEDGE, *_H100E, *_CHOICE)}
IN_TABLES = deals.IN_TABLES

# What commands on layouts and runs report: of a search or a list of runs, so that no expectation speaks them.
OF_STUDIES: Mapping[str, str] = {
    "layout.enumerated_count": "layouts searched",
    "layout.fitting_count": "layouts that fit in memory",
    "layout.best_step_time_s": "time of a step in the best layout",
    "layout.best_step_share": "step MFU of the best layout",
    "layout.best_memory_use_share": "share of the memory that the best layout takes",
    "layout.given_step_time_s": "time of a step in the layout of the file",
    "layout.given_step_share": "step MFU of the layout of the file",
    "layout.given_behind_share": "time for one batch in the layout of the file over that of the best, less 1",
    "layout.given_rank_count": "place of the layout of the file among those that fit",
    "validate.rows_count": "runs predicted",
    "validate.mape_share": "mean absolute error of the time of a step",
    "validate.band_coverage_share": "share of runs inside the band",
    "validate.constant_40_mape_share": "the error when every run is called 40% of its peak",
    "validate.constant_45_mape_share": "the error when every run is called 45% of its peak",
    "validate.left_out_mape_share": "the error of fits without the publication that is predicted",
    "validate.left_out_large_mape_share": "that error for large runs",
    "validate.unseen_rows_count": "published runs that no fit has seen",
    "validate.unseen_mape_share": "mean absolute error of those",
    "validate.unseen_dense_mape_share": "mean absolute error of the dense ones among those",
    "validate.unseen_band_coverage_share": "share of those inside the band",
    "validate.mixed_rows_count": "runs on mixed hardware predicted",
    "validate.mixed_mape_share": "mean absolute error of those",
}


def base_id(metric_id: str) -> str:
    """The id of the fleet's metric behind ``pools.<name>.<id>``; any other id unchanged."""
    return metric_id.split(".", 2)[-1] if metric_id.startswith("pools.") else metric_id


def family_of(metric_id: str) -> str:
    """The first part of an id, such as ``lease``: what is worked out together."""
    return base_id(metric_id).split(".", 1)[0]


def is_metric(metric_id: str, pools: Iterable[str] = ()) -> bool:
    """Whether an id is registered, and for a pool's metric, whether the pool exists and has that metric."""
    if not metric_id.startswith("pools."):
        return metric_id in METRICS
    _, pool, *rest = metric_id.split(".", 2)
    metric = METRICS.get(rest[0]) if rest else None
    return metric is not None and metric.per_pool and pool in pools


def unit_suffix(metric_id: str) -> str:
    """The unit suffix of an id, a pool's or the fleet's."""
    return METRICS[base_id(metric_id)].unit
