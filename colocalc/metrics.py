"""Every metric the tool reports: its id, unit, meaning and equation. Pure data.

Ids are dotted, lower case and end in their unit. ``pools.<name>.<id>`` is the same metric of one pool, for the ids
whose ``per_pool`` is set. Expectations, claims, reports and JSON speak these ids and no others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
    "mlperf_training_lora_v5_0": "MLPerf Training, Llama 2 70B LoRA, rounds up to v5.0",
    "mlperf_inference_70b_offline_v5_1": "MLPerf Inference, Llama 2 70B offline, rounds up to v5.1",
    "mlperf_inference_70b_server_v5_1": "MLPerf Inference, Llama 2 70B server, rounds up to v5.1",
    "mlperf_inference_405b_offline_v5_1": "MLPerf Inference, Llama 3.1 405B offline, rounds up to v5.1",
    "mlperf_inference_405b_server_v5_1": "MLPerf Inference, Llama 3.1 405B server, rounds up to v5.1",
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
        How it is computed, in the names of other metrics and inputs.
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


_MFU = (
    Metric("fleet.gpu_count", "GPUs in the fleet", "sum of pools.count", per_pool=True),
    Metric(
        "mfu.step_share",
        "model FLOPs of one optimizer step over the dense peak of every GPU in the job",
        "product of the waterfall's stages from ceiling to software",
    ),
    Metric("mfu.job_share", "step MFU over wall time, with failures and checkpoints", "mfu.step_share x goodput"),
    Metric("mfu.fleet_share", "job MFU over all GPU-hours of the fleet", "mfu.job_share x allocation_share"),
    *(Metric(f"mfu.stage.{name}_factor", meaning, "time before / time after") for name, meaning in STAGES.items()),
    Metric("mfu.step_time_s", "time of one optimizer step", "model FLOPs of a step / (peak x mfu.step_share)"),
    Metric("mfu.tokens_per_s", "training tokens per second of a step", "global batch used / mfu.step_time_s"),
    Metric("mfu.peak_pflop_per_s", "dense peak at the job's precision", "sum of count x peak", per_pool=True),
    Metric("mfu.delivered_pflop_per_s", "useful model FLOP/s over wall time", "mfu.fleet_share x mfu.peak_pflop_per_s"),
    Metric("mfu.replica_count", "whole data-parallel replicas", "sum over pools of floor(count / (tp x pp x cp))"),
    Metric("mfu.micro_batch_count", "micro-batches per replica and step", "max(1, round(batch / (s b d)))"),
    Metric("mfu.global_batch_tokens", "tokens per step as used, in whole micro-batches", "m b s d"),
    Metric("mfu.job_mttf_s", "mean time between failures of the job", "86,400,000 / sum of count x failure rate"),
    Metric("mfu.checkpoint_interval_s", "time between checkpoints", "given, or Daly's optimum"),
    Metric("mfu.data_parallel_s", "exposed time of the data-parallel collectives in a step", "max((1-o) T, T - o W)"),
)
_LEASE = (
    Metric(
        "lease.run_rate_revenue_usd_per_yr",
        "lease revenue of a year of 8,760 hours at full ramp, billed share applied",
        "sum of count x billed share x 8,760 x rate",
        per_pool=True,
    ),
    Metric(
        "lease.mean_rate_usd_per_gpu_h",
        "lease rate weighted by billed GPU-hours",
        "revenue / billed GPU-hours",
        per_pool=True,
    ),
    Metric(
        "lease.billed_gpu_h_per_yr", "GPU-hours billed in a year", "sum of count x billed share x 8,760", per_pool=True
    ),
    Metric(
        "lease.power_cost_usd_per_yr",
        "energy bill of the sites, by the share of their nameplate under contract",
        "facility MW x 8,760 h x price x contracted share",
    ),
    Metric(
        "lease.operations_cost_usd_per_yr",
        "operations and colocation, by the share of nameplate under contract",
        "costs.operations_usd_per_yr + IT kW x 12 x costs.colocation_usd_per_kw_month",
    ),
    Metric("lease.contribution_usd_per_yr", "revenue less power and operations", "revenue - power - operations"),
    Metric("lease.revenue_usd_per_mw_yr", "revenue per facility megawatt of all sites", "revenue / facility MW"),
    Metric("lease.facility_power_mw", "power at the sites' meters: as given, else modelled", "given, or IT MW x PUE"),
)
_HEDGE_KINDS = {
    "gross": ("run-rate revenue over the loss scaled to a year", "revenue / loss a year"),
    "contribution": (
        "revenue less the cash costs the lease adds and the stated loss does not contain, over the loss of a year",
        "(revenue - power - operations) / loss a year",
    ),
    "ebit": ("contribution less depreciation not already in the loss, over the loss of a year", "EBIT / loss a year"),
    "cash": (
        "cash flow available for debt service less debt service, over the loss of a year",
        "(CFADS - debt service) / loss a year",
    ),
}
_HEDGE = (
    Metric("hedge.loss_usd_per_yr", "the stated loss scaled to a year", "loss x 12 / months"),
    *(Metric(f"hedge.{kind}_share", *words) for kind, words in _HEDGE_KINDS.items()),
    *(
        Metric(
            f"hedge.{kind}_cover_rate_usd_per_gpu_h",
            f"rate per billed GPU-hour at which hedge.{kind}_share is 1",
            "(loss a year + costs deducted) / billed GPU-hours",
        )
        for kind in _HEDGE_KINDS
    ),
)
_H100E = (
    *(
        Metric(
            f"h100e.{basis}_count",
            f"H100-equivalents by {meaning}",
            "sum of count x measure / measure of an H100",
            per_pool=True,
        )
        for basis, meaning in H100E_BASES.items()
    ),
    *(
        Metric(
            f"h100e.{basis}_total_share",
            f"share of the stated total, by {meaning}",
            "count on this basis / stated total",
        )
        for basis, meaning in H100E_BASES.items()
    ),
    *(
        Metric(
            f"h100e.{basis}_per_mw",
            f"H100-equivalents per facility megawatt, by {meaning}",
            "count on this basis / facility MW",
        )
        for basis, meaning in H100E_BASES.items()
    ),
    Metric(
        "h100e.effective_count",
        "H100-equivalents at work: the default basis times fleet MFU over a reference MFU",
        "h100e.eight_bit_dense_count x mfu.fleet_share / reference MFU",
    ),
)
METRICS: Mapping[str, Metric] = {metric.id: metric for metric in (*_MFU, *_LEASE, *_HEDGE, *_H100E)}
LATER = {
    kind: "needs the cash-flow model"
    for name in ("ebit", "cash")
    for kind in (f"hedge.{name}_share", f"hedge.{name}_cover_rate_usd_per_gpu_h")
}


def base_id(metric_id: str) -> str:
    """The id of the fleet's metric behind ``pools.<name>.<id>``; any other id unchanged."""
    if metric_id.startswith("pools."):
        return metric_id.split(".", 2)[-1]
    return metric_id


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
