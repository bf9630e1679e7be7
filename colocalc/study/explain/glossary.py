"""The terms of the equations, and which metrics are easily taken for each other. Pure data.

A name in an equation is a metric, a stage, a key of the fleet file, a function, or one of these terms.
"""

from collections.abc import Mapping

TERMS: Mapping[str, str] = {
    "gpus": "GPUs of a pool",
    "gpus_per_unit": "GPUs of what is counted: 1, or those of a superchip or a rack",
    "laid_out": "GPUs of a pool in whole replicas",
    "active": "GPUs of a pool in use: all, or with split drop-slow those of the pools that are kept",
    "peak": "dense peak of one GPU of a pool, at the job's precision",
    "job_peak": "dense peak of all GPUs of the jobs",
    "fleet_peak": "dense peak of every GPU of the fleet, in a job or not",
    "s": "rate of one GPU through the stages of its own pace, with clocks lowered to its site's power",
    "achieved": "the same rate with all the power the GPU draws",
    "l": "mean layers of a pipeline stage",
    "x": "the stage for one layer and micro-batch: products, what they stream, what HBM limits, what is run again",
    "y": "the same for the LM head and the loss",
    "z": "the optimizer, once a step",
    "t_tp": "tensor collectives of a layer and micro-batch that are seen",
    "t_cp": "context collectives of a layer and micro-batch that are seen",
    "t_ep": "all-to-alls and dispatch of the experts of a layer and micro-batch that are seen",
    "u_sends": "sends between pipeline stages that are seen",
    "busy": "one micro-batch on a mean stage, forward and backward",
    "slowest": "one micro-batch on the slowest stage",
    "slices_share": "extra time of several TPU slices over that of one",
    "young": "extra time of a young generation of GPUs",
    "fixed_step": "time of a step whatever the layout",
    "model_error_factor": "measured over predicted time of a step: 1, with a band",
    "exchange": "data-parallel collectives of a step alone, before any overlap",
    "seen_share": "part of them that compute does not hide: all without overlap",
    "counted_share": "FLOPs that the attention convention counts over those a causal model executes",
    "T": "time of the step before this stage",
    "k": "bubble of the schedule over that of 1F1B",
    "m": "micro-batches of a replica and step",
    "sigma": "scatter of the nodes' step times over their mean that micro-batches do not average out",
    "z_n": "expected maximum of as many standard normals as the job has nodes",
    "U": "indivisible units of work in a step: micro-batches, or layers with a split by stages",
    "workers": "what the units are shared out among: replicas, or pipeline stages",
    "t_least": "least time in which sum(workers * floor(t_least * s)) is U or more, within memory with split memory",
    "smoothing_factor": "throughput with a floor under the draw of waiting GPUs over that without; 1 without a floor",
    "fed_share": "IT power less the draw of hosts, over what the GPUs of the site would draw; not below 0",
    "gamma": "exponent of throughput over power",
    "software_factor": "factor of the software profile",
    "M": "mean time between failures of the job",
    "R": "time from a failure to the first useful step",
    "w": "time training stands still for a checkpoint",
    "tau": "useful time between checkpoints",
    "S": "time the job stands still after a failure of one replica",
    "stopped": "replicas that one failure stops: 1, or those of a host or a rack that goes down as a whole",
    "repair": "time until a failed replica works again; 0 with a hot spare",
    "u": "peak of a job times its stages before this one",
    "flop_per_token": "model FLOPs of a token, forward and backward, without recompute",
    "pool_stages": "pipeline stages that a pool gives to each pipeline",
    "contracted_share": "part of the nameplate power under contract: of a site, or of the fleet for operations",
    "facility_mw": "facility_power_mw of a site; else it_power_mw or the draw of its servers, times pue_factor",
    "it_mw": "it_power_mw of a site; else facility_power_mw over pue_factor, or the draw of its servers",
    "server_power_w": "server maximum per GPU, with its part of host, switches and fans",
    "typical_draw_share": "typical draw of a server over its maximum",
    "deducted": "power, operations and colocation that the lease adds and loss_contains does not name",
    "depreciation_usd_per_yr": "depreciation of a year that loss_contains does not name",
    "cash_flow": "cash flow of a year available for debt service",
    "debt_service": "interest and repayment of a year",
    "measure": "what the basis counts of a GPU of the pool: a peak, a memory, or a benchmark's result",
    "h100_measure": "the same of an H100 SXM",
    "reference_peak": "dense peak of one reference GPU, at the precision trained",
    "owning_rate": "owning cost of a GPU-hour, of a card",
    "recovery": "yearly cost of capital, loss of value included, over it: r (1 - R v) / (1 - v), v = (1 + r)^-n",
    "shared_cost": "the data centre's annuity, energy, operations and colocation of a year",
    "placed_share": "GPUs of a pool that are in whole replicas",
    "jitter_sigma": "scatter of a GPU's step over its mean, by tenancy",
    "compute_share": "share of the dense peak that serving reaches",
    "prompt_flop": "arithmetic of a prompt token, forward",
    "sequences": "sequences that a replica holds beside its weights",
    "replica_gpus": "GPUs that hold one copy of the model",
    "memory_time": "weights, keys and values of a decoding step over the memory bandwidth reached",
    "compute_time": "arithmetic of a decoding step over the peak reached",
    "collective_time": "two collectives a layer",
    "own_decode": "output tokens of a GPU in a replica of its own type",
    "input_token_share": "share of tokens that is input, in the blended price",
    "stefan_boltzmann": "the Stefan-Boltzmann constant, W per m2 and K4",
}

# Metrics that are easily taken for each other, and in which direction to look.
NEIGHBOURS: tuple[tuple[str, ...], ...] = (
    ("mfu.step_share", "mfu.job_share", "mfu.fleet_share"),
    ("mfu.peak_pflop_per_s", "mfu.delivered_pflop_per_s"),
    ("mfu.stage.jitter_factor", "mfu.stage.mixed_generations_factor", "mfu.stage.stage_imbalance_factor"),
    ("mfu.stage.power_factor", "mfu.stage.ceiling_factor"),
    ("mfu.stage.layout_remainder_factor", "mfu.stage.allocation_factor"),
    ("mfu.data_parallel_s", "mfu.stage.data_parallel_factor"),
    ("lease.run_rate_revenue_usd_per_yr", "lease.contribution_usd_per_yr", "lease.revenue_usd_per_mw_yr"),
    ("hedge.gross_share", "hedge.contribution_share", "hedge.ebit_share", "hedge.cash_share"),
    ("lease.mean_rate_usd_per_gpu_h", "hedge.gross_cover_rate_usd_per_gpu_h"),
    (
        "hedge.gross_cover_rate_usd_per_gpu_h",
        "hedge.contribution_cover_rate_usd_per_gpu_h",
        "hedge.ebit_cover_rate_usd_per_gpu_h",
        "hedge.cash_cover_rate_usd_per_gpu_h",
    ),
    ("fleet.gpu_count", "h100e.raw_count", "h100e.eight_bit_dense_count", "h100e.effective_count"),
    ("lease.facility_power_mw", "fleet.nameplate_power_mw", "fleet.typical_power_mw"),
    ("h100e.eight_bit_dense_count", "h100e.bf16_dense_count", "h100e.four_bit_count", "h100e.tpp_count"),
    (
        "choice.forgone_rent_usd_per_pflop_h",
        "choice.owning_cost_usd_per_pflop_h",
        "choice.market_price_usd_per_pflop_h",
    ),
    ("choice.indifference_rate_usd_per_gpu_h", "lease.mean_rate_usd_per_gpu_h", "hedge.gross_cover_rate_usd_per_gpu_h"),
    ("choice.indifference_mfu_share", "mfu.fleet_share"),
    ("inference.blended_usd_per_mtoken", "inference.break_even_usd_per_mtoken"),
    ("inference.mixed_generations_factor", "mfu.stage.mixed_generations_factor"),
    ("inference.jitter_factor", "mfu.stage.jitter_factor"),
    ("h100e.raw_total_share", "h100e.eight_bit_dense_total_share"),
)


def terms_of(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Those of some names that are terms, with what they mean."""
    return tuple((name, TERMS[name]) for name in dict.fromkeys(names) if name in TERMS)


def neighbours(metric_id: str) -> tuple[str, ...]:
    """The metrics that one is easily taken for."""
    near = dict.fromkeys(name for group in NEIGHBOURS if metric_id in group for name in group)
    return tuple(name for name in near if name != metric_id)
