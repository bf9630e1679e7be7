"""Metrics of training against leasing, and of the inference a tenant runs. Pure data, read by ``colocalc.metrics``.

A row is an id, its meaning, its equation, and whether each pool has it.
"""

from collections.abc import Mapping

Row = tuple[str, str, str, bool]

CHOICE: tuple[Row, ...] = (
    (
        "choice.market_price_usd_per_pflop_h",
        "price of a delivered dense PFLOP-hour at the reference GPU, rate and MFU",
        "reference.rate_usd_per_gpu_h / (reference_peak * reference.mfu_share)",
        False,
    ),
    (
        "choice.training_value_usd_per_yr",
        "what a year of the delivered training compute would cost to buy at the reference",
        "8760 * mfu.peak_pflop_per_s * mfu.fleet_share * choice.market_price_usd_per_pflop_h",
        False,
    ),
    (
        "choice.owning_cost_usd_per_yr",
        "full cost of owning the GPUs for a year, leased or not: of costs, else of the card of owning costs",
        "sum(gpus * owning_rate * 8760), or of costs sum(gpus * capital_usd_per_gpu * recovery) + shared_cost",
        True,
    ),
    (
        "choice.forgone_rent_usd_per_pflop_h",
        "lease revenue given up for each delivered dense PFLOP-hour, at the modelled MFU",
        "lease.run_rate_revenue_usd_per_yr / (8760 * mfu.peak_pflop_per_s * mfu.fleet_share)",
        False,
    ),
    (
        "choice.owning_cost_usd_per_pflop_h",
        "full owning cost of each delivered dense PFLOP-hour, at the modelled MFU",
        "choice.owning_cost_usd_per_yr / (8760 * mfu.peak_pflop_per_s * mfu.fleet_share)",
        False,
    ),
    (
        "choice.lease_premium_factor",
        "lease revenue over the market value of the delivered training compute",
        "lease.run_rate_revenue_usd_per_yr / choice.training_value_usd_per_yr",
        False,
    ),
    (
        "choice.indifference_mfu_share",
        "MFU at which training is worth what the lease brings",
        "lease.run_rate_revenue_usd_per_yr / (8760 * mfu.peak_pflop_per_s * choice.market_price_usd_per_pflop_h)",
        True,
    ),
    (
        "choice.indifference_rate_usd_per_gpu_h",
        "rate per billed GPU-hour at which the lease brings what training is worth",
        "choice.training_value_usd_per_yr / lease.billed_gpu_h_per_yr",
        False,
    ),
)
INFERENCE: tuple[Row, ...] = (
    (
        "inference.prefill_tokens_per_s_per_gpu",
        "prompt tokens a GPU reads while it does nothing else; of the fleet the mean of its GPUs",
        "placed_share * inference.jitter_factor * compute_share * peak / prompt_flop",
        True,
    ),
    (
        "inference.decode_tokens_per_s_per_gpu",
        "output tokens a GPU makes while it does nothing else; of the fleet the mean of its GPUs",
        (
            "placed_share * inference.jitter_factor * sequences / "
            "(replica_gpus * max(memory_time, compute_time, collective_time))"
        ),
        True,
    ),
    (
        "inference.served_tokens_per_s",
        "tokens of whole requests, prompt and output, that are served at the utilization",
        (
            "sum(gpus * utilization_share * (prompt_tokens + output_tokens) / "
            "(prompt_tokens / inference.prefill_tokens_per_s_per_gpu + "
            "output_tokens / inference.decode_tokens_per_s_per_gpu))"
        ),
        True,
    ),
    (
        "inference.input_usd_per_mtoken",
        "price of a million prompt tokens that pays the rent of the GPUs while they read them",
        "1000000 * lease.mean_rate_usd_per_gpu_h / (3600 * utilization_share * inference.prefill_tokens_per_s_per_gpu)",
        True,
    ),
    (
        "inference.output_usd_per_mtoken",
        "price of a million output tokens that pays the rent of the GPUs while they make them",
        "1000000 * lease.mean_rate_usd_per_gpu_h / (3600 * utilization_share * inference.decode_tokens_per_s_per_gpu)",
        True,
    ),
    (
        "inference.blended_usd_per_mtoken",
        "three parts of the input and one of the output price",
        (
            "input_token_share * inference.input_usd_per_mtoken + "
            "(1 - input_token_share) * inference.output_usd_per_mtoken"
        ),
        True,
    ),
    (
        "inference.break_even_usd_per_mtoken",
        "one price of all tokens of the file's own requests at which the lease pays",
        "1000000 * lease.mean_rate_usd_per_gpu_h * fleet.gpu_count / (3600 * inference.served_tokens_per_s)",
        True,
    ),
    (
        "inference.jitter_factor",
        "what waiting for the slowest GPU of a replica leaves, by tenancy",
        "1 / (1 + jitter_sigma * z_n)",
        True,
    ),
    (
        "inference.mixed_generations_factor",
        "decode of replicas of one GPU type each, over that of every GPU at the pace of its own pool",
        "sum(gpus * placed_share * own_decode) / sum(gpus * own_decode)",
        False,
    ),
)
REFERENCES: Mapping[str, tuple[str, ...]] = {
    "choice.training_value_usd_per_yr": ("replacement cost: a thing is worth at most what its like can be bought for",),
    "choice.owning_cost_usd_per_yr": (
        "the capital recovery factor of engineering economics",
        "semianalysis-tco-2026-07",
    ),
    **dict.fromkeys(
        (
            "choice.lease_premium_factor",
            "choice.indifference_mfu_share",
            "choice.indifference_rate_usd_per_gpu_h",
            "choice.forgone_rent_usd_per_pflop_h",
        ),
        ("opportunity cost",),
    ),
    "inference.prefill_tokens_per_s_per_gpu": (
        "Pope et al. 2022 (Efficiently Scaling Transformer Inference), section 2",
    ),
    "inference.decode_tokens_per_s_per_gpu": (
        "Williams et al. 2009 (roofline)",
        "Pope et al. 2022 (Efficiently Scaling Transformer Inference), section 2",
    ),
    "inference.blended_usd_per_mtoken": ("Artificial Analysis, for the blend of three to one",),
    "inference.jitter_factor": (
        "a step that all workers wait for takes as long as its slowest",
        "David and Nagaraja 2003 (Order Statistics)",
    ),
}
