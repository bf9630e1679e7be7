"""One law for all kernels: stacked inputs give the stacked outputs.

A kernel is called with the sample values of its parameters' names, in the shapes that its docstring states. Three
scenarios are evaluated one by one and stacked; then each parameter is stacked alone. A parameter without samples fails,
so no kernel can be left out.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

import colocalc.chance
import colocalc.lease
import colocalc.mfu
import colocalc.mfu.predict
from colocalc.chance.shapes import loading_factor
from colocalc.chance.statistics import bin_edges, deviation, mean_error, quantiles, rank_correlation_share
from colocalc.lease.annuity import annuity, shrunk, shrunk_annuity
from colocalc.lease.dates import DAY_COUNTS, xirr, xnpv, years_from_first
from colocalc.lease.depreciation import macrs, straight_line_tax_half_year
from colocalc.lease.returns import irr_roots, only_root, present_values, total_value
from colocalc.lease.roots import real_roots
from colocalc.lease.statement import evaluate_months, standing_shares
from colocalc.mfu.cut import Cut
from colocalc.mfu.exchange import ALGORITHMS, Links, collective_s, data_parallel_s
from colocalc.mfu.job import ISOLATIONS, SPLITS, Job, each, on_job_axis, partitioned
from colocalc.mfu.predict.choices import every_choice
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Plan, Stack
from colocalc.mfu.predict.layouts import enumerate_layouts
from colocalc.mfu.predict.memory import memory
from colocalc.mfu.predict.search import rank, search
from colocalc.mfu.predict.setup import Setup
from colocalc.mfu.predict.step import step_time
from colocalc.mfu.step import STEP_STAGES, evaluate_step
from colocalc.mfu.waterfall import compose

RTOL = 1e-12
POOLS = 3

# Three values of every quantity, in the domain of each kernel that takes it; ordinary ones first, then limits.
SAMPLES: dict[str, tuple[float, float, float]] = {
    "advance_rate_cap": (0.8, 0.5, np.nan),
    "capex": (4e7, 7.95e9, 0.0),
    "cashflows": (-120.0, 70.0, 80.0),
    "cfads": (1.1e7, 9e6, -2e6),
    "cost": (3e7, 1e6, 2_400.0),
    "debt": (2.8e7, 1e6, 0.0),
    "dscr": (1.4, 2.0, 0.0),
    "end": (4.0, 3.0, 36.0),
    "end_period": (4.0, 2.5, 1.0),
    "factor": (2.0, 1.5, 6.0),
    "finance_rate": (0.1, 0.05, -1.0),
    "fv": (-5e3, 2e4, 0.0),
    "interest": (0.09, 0.05, 0.0),
    "life": (5.0, 10.0, 4.0),
    "month": (7.0, 12.0, 1.0),
    "no_switch": (0.0, 1.0, 0.0),
    "nper": (36.0, 60.0, 1.0),
    "opex_per_yr": (3e6, 4e8, 0.0),
    "per": (5.0, 36.0, 1.0),
    "period": (2.0, 4.0, 1.0),
    "periods": (5.0, 20.0, 0.0),
    "pmt": (-300.0, -1_200.0, 0.0),
    "pv": (8e3, 1.5e4, 0.0),
    "reinvest_rate": (0.12, 0.03, 0.0),
    "salvage": (3e6, 1e5, 0.0),
    "start": (2.0, 3.0, 1.0),
    "start_period": (0.0, 0.5, 1.0),
    "utilization": (1.0, 0.8, 0.0),
    "when": (0.0, 1.0, 0.0),
    "years": (6.0, 5.0, 0.0),
    "bandwidth_share": (0.7, 0.6, 0.8),
    "batch_count": (429.0, 1.0, 0.0),
    "communication_s": (2e-3, 0.0, 0.5),
    "compute_share": (0.5, 0.4, 0.6),
    "context_tokens": (3_584.0, 131_072.0, 0.0),
    "cost_usd_per_yr": (5e9, 1e6, 0.0),
    "domain_gpu_count": (8.0, 72.0, 1.0),
    "expert_weight_byte": (6.5e11, 4e10, 0.0),
    "forward_flop_per_token": (8.1e11, 7.4e10, 1.4e11),
    "hbm_byte": (80e9, 141e9, 186e9),
    "hbm_byte_per_s": (3.35e12, 4.8e12, 8e12),
    "input_share": (0.75, 0.5, 0.0),
    "input_usd_per_mtoken": (0.9, 0.1, 0.0),
    "kv_byte": (3.9e8, 1.2e8, 1e6),
    "kv_bytes": (1.0, 2.0, 0.5),
    "made_tokens_per_s_per_gpu": (1_173.0, 2_964.0, 0.0),
    "memory_share": (0.9, 0.8, 0.95),
    "output_tokens": (1_024.0, 256.0, 0.0),
    "output_usd_per_mtoken": (2.0, 0.1, 0.0),
    "peak_flop_per_s": (1.979e15, 5e15, 9.89e14),
    "price_usd_per_pflop_h": (6.7, 2.0, 0.0),
    "prompt_tokens": (3_072.0, 1_024.0, 64.0),
    "read_byte": (4.06e11, 7e10, 0.0),
    "read_tokens_per_s_per_gpu": (1_185.0, 2_995.0, 10.0),
    "residual_share": (0.1, 0.5, 0.0),
    "served_tokens_per_s_per_gpu": (1_180.0, 2_000.0, 0.0),
    "shared_weight_byte": (2e10, 4e11, 0.0),
    "start_s": (10e-6, 5e-6, 0.0),
    "step_s": (0.044, 0.1, 0.01),
    "topk_count": (8.0, 2.0, 1.0),
    "trained_share": (1.0, 0.0, 1.0),
    "utilization_share": (0.6, 0.9, 1.0),
    "value_usd_per_yr": (1.3e9, 9e8, 0.0),
    "weight_byte": (4.06e11, 7e10, 1e9),
    "weight_memory_share": (0.5, 0.8, 1.0),
    "activation_bytes": (2.0, 1.0, 4.0),
    "actual_util": (0.8, 0.3, 0.0),
    "added_cost_usd_per_yr": (1e8, 0.0, 4e8),
    "advance_rate_share": (0.8, 0.6, 0.0),
    "after_tax_flow_usd": (-4e9, 1e9, 2e9),
    "age_yr": (1.0, 2.5, 0.0),
    "alpha_factor": (3.0, 1.5, 0.8),
    "annual_loss": (6e9, 1e9, 0.0),
    "attention_flop_per_token": (3.2e10, 1e11, 0.0),
    "attention_parameter_count": (5.7e8, 4.2e7, 0.0),
    "attention_window_tokens": (128.0, 4_096.0, np.inf),
    "available_usd": (3e8, -5e7, 1e8),
    "balloon_share": (0.3, 0.0, 1.0),
    "balloon_usd": (1e9, 2e8, 0.0),
    "bandwidth_factor": (0.92, 0.75, 1.0),
    "base_s": (6.6e-6, 8e-6, 0.0),
    "bf16_tflop_per_s": (989.0, 2_500.0, np.nan),
    "billed_gpu_h_per_yr": (1.9e9, 8_760.0, 0.0),
    "after_factor": (0.63, 0.9, 0.2),
    "after_share": (0.11, 0.2, 0.05),
    "before_factor": (1.0, 0.95, 0.9),
    "before_share": (0.4, 0.43, 0.38),
    "break_even_usd_per_gpu_h": (1.45, 1.1, 0.0),
    "cap_usd": (6e8, 1e9, np.inf),
    "capital_usd": (8e9, 1e9, 0.0),
    "carried_usd": (8e8, 1e8, 0.0),
    "causal_share": (1.0, 0.5, 0.0),
    "cfads_usd": (4e8, 3e8, -1e7),
    "checkpoint_interval_s": (600.0, 1_800.0, 0.0),
    "checkpoint_s": (20.0, 60.0, 0.0),
    "chip_temperature_k": (353.0, 419.6, 300.0),
    "chip_to_radiator_drop_k": (20.0, 40.0, 0.0),
    "chunk_count": (16.0, 1.0, 1e6),
    "commitment_fee_share": (0.005, 0.01, 0.0),
    "commitment_usd": (6e9, 1e8, 0.0),
    "cost_usd": (8e9, 1e9, 0.0),
    "count": (1e5, 8.0, 2.0),
    "counted_expert_count": (8.0, 2.0, 0.0),
    "cp_count": (2.0, 16.0, 1.0),
    "debt_usd": (5e9, 1e9, 0.0),
    "decay_per_yr": (0.32, 0.1, 0.0),
    "depreciation_usd": (1.6e9, 3e8, 0.0),
    "dimension_count": (3.0, 2.0, 1.0),
    "discount_share": (0.1, 0.008, 0.0),
    "disposed_share": (0.0, 1.0, 0.0),
    "draw_share": (0.7, 0.85, 1.0),
    "draw_usd": (5e9, 1e9, 0.0),
    "drawing_share": (1.0, 0.0, 1.0),
    "dscr_factor": (1.4, 0.9, np.nan),
    "ebitda_usd": (4.4e9, 1e8, -2e8),
    "embedding_count": (2.0, 1.0, 2.0),
    "emissivity_share": (0.92, 0.8, 1.0),
    "energy_price_usd_per_mwh": (68.5, -5.0, 0.0),
    "equivalence_factor": (1.0, 2.5, np.nan),
    "equivalent_count": (2.5e5, 1_000.0, 0.0),
    "excess_share": (0.04, 0.5, 0.0),
    "expected_down_nodes_count": (12.0, 0.5, 0.0),
    "expert_count": (256.0, 8.0, 1.0),
    "expert_layer_count": (24.0, 32.0, 0.0),
    "expert_mlp_dim": (2_048.0, 14_336.0, 768.0),
    "expert_mlp_parameter_count": (1.1e10, 4e8, 0.0),
    "facility_power_mw": (300.0, 1.5, 0.0),
    "facility_power_w": (3e8, 1.5e6, 1e5),
    "failures_per_1000_gpu_day": (0.8, 3.0, 0.0),
    "fee_per_month": (4e8, 1e6, 0.0),
    "fee_usd": (1e7, 0.0, 2e6),
    "firm_cfads_usd": (4e8, 3e8, 5e7),
    "firm_count": (2.0, 1.0, 0.0),
    "firm_months": (6.0, 36.0, 0.0),
    "floor_usd": (3e9, 1e8, 0.0),
    "flow_usd": (-8e9, 2e9, 0.0),
    "fp16_tflop_per_s": (989.0, 312.0, np.nan),
    "fp4_tflop_per_s": (np.nan, 10_000.0, 15_000.0),
    "fp6_tflop_per_s": (np.nan, 5_000.0, 5_000.0),
    "fp8_tflop_per_s": (1_979.0, np.nan, 5_000.0),
    "gain_usd": (1e8, -3e7, 0.0),
    "gap_count": (1.0, 0.4, np.inf),
    "given_after_count": (1.0, 0.25, np.inf),
    "gradient_byte": (1.6e9, 1e6, 0.0),
    "gpu_count": (16_384.0, 4_096.0, 512.0),
    "gpu_min": (1.2e6, 8e5, np.nan),
    "gpu_per_node_count": (8.0, 72.0, 1.0),
    "floor_share": (0.8, 0.2, 0.0),
    "immediate_loss_share": (0.0, 0.5, 1.0),
    "income_before_interest_usd": (3e8, -1e9, 5e7),
    "income_usd": (-3e8, 2e8, 4e8),
    "interest_share": (0.0075, 0.09, 0.0),
    "interest_usd": (4e8, 1e7, 0.0),
    "kept_share": (1.0, 0.5, 0.0),
    "life_yr": (6.0, 4.0, 5.0),
    "lock_up_dscr_factor": (1.2, 1.05, 0.0),
    "locked_share": (0.0, 1.0, 0.0),
    "loss_cap_share": (0.8, 1.0, 0.0),
    "market_revenue_usd": (3e8, 1e8, 0.0),
    "notice_count": (0.5, 1.0, 0.0),
    "opex_usd": (4e8, 5e7, 0.0),
    "other_flow_usd": (-8e9, -4e8, -1e8),
    "other_income_usd": (-2e9, -1e9, -3e8),
    "peak_pflop_per_s": (0.989, 2.5, 0.0),
    "price_usd": (8e9, 1e9, 5e8),
    "principal_usd": (1e9, 5e8, 0.0),
    "repaying_share": (1.0, 0.0, 1.0),
    "reserve_interest_share": (0.003, 0.04, 0.0),
    "reserve_periods_count": (1.0, 0.5, 0.0),
    "salvage_usd": (4e8, 0.0, 1e9),
    "service_usd": (2e8, 1e8, 0.0),
    "sweep_below_dscr_factor": (1.6, np.inf, 0.0),
    "sweep_share": (0.5, 1.0, 0.0),
    "target_dscr_factor": (1.4, 1.25, 2.0),
    "target_usd": (1e8, 2e8, 0.0),
    "tax_rate_share": (0.21, 0.3, 0.0),
    "tenor_months": (48.0, 60.0, 0.0),
    "value_usd": (6e9, 1e9, 0.0),
    "waiting_power_share": (0.4, 0.7, 1.0),
    "waiting_share": (0.15, 0.4, 0.0),
    "gpu_power_share": (0.8, 1.3, 0.0),
    "gpu_power_w": (700.0, 1_200.0, 400.0),
    "gpu_sigma_share": (0.02, 0.005, 0.0),
    "gpus": (2.2e5, 1_024.0, 0.0),
    "head_count": (128.0, 32.0, 64.0),
    "head_dim": (128.0, 64.0, 96.0),
    "heat_w": (1e9, 1e6, 0.0),
    "hidden_dim": (16_384.0, 4_096.0, 8_192.0),
    "hop_divisor_factor": (3.5, 1.0, 2.0),
    "hop_s": (3e-6, 1e-6, 0.0),
    "host_power_w": (575.0, 300.0, 0.0),
    "hours": (8_760.0, 8_784.0, 730.0),
    "int8_tflop_per_s": (1_979.0, 624.0, np.nan),
    "inter_hop_s": (2.7e-6, 14e-6, 0.0),
    "inter_link_byte_per_s": (50e9, 100e9, 12.5e9),
    "intra_hop_s": (0.6e-6, 1e-6, 0.0),
    "intra_link_byte_per_s": (450e9, 900e9, 300e9),
    "it_power_w": (2.5e8, 5e6, 0.0),
    "kv_dim": (1_024.0, 2_048.0, 8_192.0),
    "key_head_dim": (192.0, 128.0, 64.0),
    "kv_head_count": (8.0, 1.0, 64.0),
    "kv_rank_dim": (512.0, 256.0, 1_024.0),
    "layer_count": (126.0, 32.0, 80.0),
    "layers_parameter_count": (4e11, 7e9, 0.0),
    "layers_per_stage_count": (7.875, 32.0, 10.0),
    "light_excess_share": (0.03, 0.1, 0.0),
    "link_byte_per_s": (50e9, 400e9, 900e9),
    "loss_months": (3.0, 12.0, 1.0),
    "loss_usd": (1.5e9, 6e9, 0.0),
    "loss_usd_per_yr": (6e9, 1e9, 0.0),
    "matmul_parameter_count": (4.03e11, 7.5e9, 0.0),
    "measure": (1_979.0, 5_000.0, np.nan),
    "memory_bound_share": (0.1, 1.0, 0.0),
    "message_byte": (1.6e9, 1e6, 0.0),
    "mfu_share": (0.4, 0.11, 0.0),
    "micro_batch_count": (16.0, 64.0, 1.0),
    "micro_batch_tokens": (8_192.0, 131_072.0, 2_048.0),
    "mlp_dim": (53_248.0, 14_336.0, 16_384.0),
    "mlp_matrix_count": (3.0, 2.0, 3.0),
    "mlp_parameter_count": (2.6e9, 1.8e8, 0.0),
    "mttf_s": (9_000.0, 500.0, np.inf),
    "node_count": (2_048.0, 16.0, 1.0),
    "node_sigma_share": (0.01, 0.05, 0.0),
    "operations_usd_per_yr": (5e7, 1e9, 0.0),
    "oversubscription_factor": (7.0, 2.0, 1.0),
    "plateau_factor": (1.4, 1.0, 1.2),
    "pod_gpu_count": (3_072.0, 256.0, 16_384.0),
    "power_cost_usd_per_yr": (1.8e8, 0.0, 9e8),
    "power_exponent_factor": (0.7, 0.3, 0.0),
    "pp_count": (16.0, 4.0, 1.0),
    "pue_factor": (1.25, 1.1, 1.0),
    "quantile_far": (5.1, 1.2, 0.0),
    "quantile_near": (4.6, 1.1, 0.0),
    "query_rank_dim": (1_536.0, 512.0, 0.0),
    "radiating_sides_count": (2.0, 1.0, 2.0),
    "radiator_temperature_k": (333.0, 360.0, 200.0),
    "radiator_w_per_m2": (1_283.0, -50.0, 0.0),
    "rank_count": (16_384.0, 128.0, 1.0),
    "rank_s": (2.8e-6, 1e-6, 0.0),
    "ranks_per_node_count": (8.0, 2.0, 1.0),
    "rate": (2.6, 1.9, 0.0),
    "rate_flop_per_s": (6e14, 1.3e15, 3e14),
    "rates": (2.2, 2.6, 4.0),
    "reference_gpu_min": (1.2e6, 9e5, 2e6),
    "reference_measure": (1_979.0, 989.0, 3.35),
    "reference_mfu_share": (0.4, 0.35, 0.5),
    "repair_s": (3_600.0, 86_400.0, 0.0),
    "replica_count": (1_717.0, 8.0, 1.0),
    "replica_gpu_count": (128.0, 8.0, 1_024.0),
    "replica_repair_s": (600.0, 3_600.0, 0.0),
    "restart_s": (600.0, 120.0, 0.0),
    "revenue": (5e9, 1e9, 0.0),
    "revenue_usd_per_yr": (5e9, 1e8, 0.0),
    "rope_head_dim": (64.0, 32.0, 16.0),
    "scale_factor": (1.0, 0.5, 2.0),
    "schedule_factor": (1.0, 1.0 / 3.0, 0.0),
    "sequence_tokens": (8_192.0, 131_072.0, 0.0),
    "server_power_w": (1_275.0, 1_833.0, 800.0),
    "shared_expert_mlp_dim": (2_048.0, 8_192.0, 0.0),
    "share": (0.75, 0.9, np.nan),
    "sigma_share": (0.05, 0.5, 0.0),
    "sink_temperature_k": (3.0, 255.0, 200.0),
    "slow_factor": (1.3, 2.0, 1.0),
    "slow_share": (0.001, 0.1, 0.0),
    "sold_share": (0.8, 1.0, 0.0),
    "stage_count": (8.0, 4.0, 0.0),
    "stage_gpu_count": (8.0, 16.0, 64.0),
    "stage_imbalance_share": (0.03, 0.5, 0.0),
    "stall_s": (180.0, 30.0, 0.0),
    "take_or_pay_share": (0.7, 0.0, 1.0),
    "target": (5e9, 1e6, 0.0),
    "time_s": (0.5, 1e-3, np.nan),
    "exchange_s": (0.5, 2.0, 0.0),
    "layer_s": (0.02, 0.05, 0.0),
    "measured_s": (np.nan, 0.8, 0.0),
    "outer_s": (0.01, 0.2, 0.0),
    "send_s": (1e-3, 0.5, 0.0),
    "stage_s": (0.3, 0.9, 0.1),
    "update_s": (0.25, 0.1, 0.0),
    "tp_count": (8.0, 4.0, 1.0),
    "trip_count": (2.0, 1.0, 2.0),
    "unit_count": (2_048.0, 126.0, 7.0),
    "util": (1.0, 0.8, 0.0),
    "value_head_dim": (128.0, 64.0, 96.0),
    "vocabulary_count": (128_256.0, 32_000.0, 0.0),
    "vpp_count": (8.0, 2.0, 1.0),
    "weight": (4e18, 1e18, 0.0),
    "window_layer_count": (18.0, 24.0, 0.0),
    "work_cap_factor": (1.0, 1.5, np.inf),
    "worker_count": (32.0, 8.0, 5.0),
    # Contracts by month
    "amount_usd": (1.25e9, 1e6, 0.0),
    "available_gpu_h": (7.2e7, 7_440.0, 0.0),
    "available_share": (0.98, 1.0, 0.0),
    "availability_share": (0.999, 0.95, 0.98),
    "billed_gpu_h": (7.2e7, 7_440.0, 0.0),
    "calendar_month": (24_317.0, 24_332.0, 24_340.0),
    "calendar_yr": (2_026.0, 2_024.0, 1_900.0),
    "cash_revenue_usd": (2e9, 1e6, 0.0),
    "ceiling_usd_per_gpu_h": (7.4, 5.0, 3.0),
    "committed_months": (36.0, 1.0, 72.0),
    "committed_gpu_h": (6e7, 744.0, 0.0),
    "credit_usd": (2e8, 1e5, 0.0),
    "day_of_month_count": (1.0, 16.0, 28.0),
    "delivered_gpu_count": (1.5e5, 64.0, 0.0),
    "delivery_month": (24_317.0, 24_318.5, 24_331.25),
    "due_share": (1.0, 0.5, 0.0),
    "earliest_notice_month": (24_320.0, 24_317.0, 24_321.5),
    "elapsed_months": (0.0, 11.0, 30.5),
    "end_month": (24_353.0, 24_340.25, 24_332.0),
    "escalation_factor": (1.03, 1.0, 0.9),
    "escalator_share": (0.03, -0.05, 0.0),
    "extra_discount_share": (0.0, 0.06, 1.0),
    "fee_usd_per_month": (1.25e9, 9.2e8, 0.0),
    "floor_usd_per_gpu_h": (3.25, 3.0, 2.0),
    "high_usd_per_gpu_h": (3.0, 5.0, 6.0),
    "last_price_usd_per_gpu_h": (2.4, 2.0, 0.0),
    "leap_day_count": (1.0, 0.0, 1.0),
    "low_usd_per_gpu_h": (2.0, 1.5, 2.5),
    "market_rate_usd_per_gpu_h": (2.4, 3.4, 0.0),
    "mean_rate_usd_per_gpu_h": (2.6, 2.2, 3.1),
    "month_h": (744.0, 672.0, 720.0),
    "month_of_year_count": (6.0, 2.0, 12.0),
    "most_extra_discount_share": (0.06, 0.1, 0.0),
    "next_month": (24_317.5, 24_332.0, 24_341.0),
    "next_price_usd_per_gpu_h": (2.2, 2.1, 0.0),
    "notice_months": (3.0, 1.5, 0.0),
    "notice_share": (0.02, 0.05, 1.0),
    "passthrough_share": (1.0, 0.5, 0.0),
    "at_month": (24_317.0, 24_324.5, 24_400.0),
    "point_month": (24_316.0, 24_328.0, 24_341.5),
    "point_usd_per_gpu_h": (2.65, 2.4, 2.0),
    "pool_usd": (1e9, 1e6, 0.0),
    "power_cost_usd": (1.5e7, -1e5, 0.0),
    "prepaid_share": (0.2, 0.15, 1.0),
    "prepay_from_share": (0.1, 0.05, 0.0),
    "prepay_score_share": (0.5, 1.0, 0.0),
    "prepay_to_share": (0.2, 0.5, 1.0),
    "prepay_weight_share": (0.3, 0.5, 0.0),
    "prepayment_share": (0.15, 0.0, 1.0),
    "prepayment_usd": (1.9e9, 1e5, 0.0),
    "ramp_months": (0.0, 3.0, 12.5),
    "rate_usd_per_gpu_h": (2.2, 2.9, np.nan),
    "repricing_months": (12.0, 1.0, 6.0),
    "revenue_usd": (1.25e9, 1e6, 0.0),
    "signing_month": (24_317.5, 24_332.0, 24_300.0),
    "sla_credit_share": (0.1, 0.25, 0.0),
    "sla_threshold_share": (0.999, 0.99, 0.0),
    "start_month": (24_317.0, 24_318.5, 24_330.0),
    "start_price_usd_per_gpu_h": (2.65, 2.0, 0.0),
    "step_gpu_count": (1e5, 512.0, 0.0),
    "step_month": (24_317.0, 24_318.5, 24_331.25),
    "term_from_months": (1.0, 0.0, 12.0),
    "term_months": (1.0, 12.0, 36.0),
    "term_rate_usd_per_gpu_h": (2.42, 2.65, 2.0),
    "term_score_share": (0.6, 0.0, 1.0),
    "term_to_months": (60.0, 36.0, 24.0),
    "term_weight_share": (0.7, 0.5, 1.0),
    "uncommitted_gpu_h": (1e7, 100.0, 0.0),
    "unwind_share": (1.0, 0.5, 0.0),
    # Chance
    "high": (2.6, 3.0, 4.0),
    "loading_factor": (0.9, 0.3, 0.0),
    "low": (1.0, 1.5, 2.0),
    "normal_factor": (-1.2, 0.4, 2.0),
    "probability_share": (0.1, 0.5, 0.999),
    "reversion_per_yr": (1.0, 3.0, 0.0),
    "tail_share": (0.1, 0.05, 0.25),
    "uniform_share": (0.3, 0.9, 0.0),
    "value": (2.0, 2.2, 2.5),
    "volatility_share_per_yr": (0.45, 0.2, 0.0),
}

# Kernels that take links, a word or a mapping have laws of their own below, and so have jobs. What works on a job, its
# cut or one of its parts is part of the step model and is under the law of steps; what works on the facts of a prediction, or on what is
# set up from them, is part of the predicted step or of its memory and is under the law of predictions.
OF_RECORDS = {collective_s, data_parallel_s, compose, each, evaluate_months, standing_shares}
# A search lists what there is to choose from: its axis is that of the layouts, and it has tests of its own.
PARTS_OF_A_SEARCH = {every_choice, enumerate_layouts, search, rank}
# Money on dates takes words, and a list of roots is as long as the most of them: they have laws of their own below. What
# they are made of takes arrays that are of a shape already; a table of the tax code has no scenarios.
OF_WORDS = {xnpv, xirr, years_from_first, irr_roots}
PARTS_OF_FINANCE = {annuity, shrunk, shrunk_annuity, present_values, total_value, only_root, real_roots}
# What many trials say drops their axis, and a matrix of correlations must be one: they have tests of their own.
OF_TRIALS = {mean_error, deviation, quantiles, rank_correlation_share, bin_edges, loading_factor}
TABLES = {macrs, straight_line_tax_half_year}
PARTS_OF_A_STEP = (Job, Cut)
PARTS_OF_A_PREDICTION = (Dimensions, Chip, Plan, Stack, Constants, Setup)


def _public() -> Iterator[Callable[..., Any]]:
    names = [
        f"{package.__name__}.{entry.name}"
        for package in (colocalc.mfu, colocalc.mfu.predict, colocalc.lease, colocalc.chance)
        for entry in pkgutil.iter_modules(package.__path__)
    ]
    for name in (*names, "colocalc.h100e"):
        for word, function in inspect.getmembers(importlib.import_module(name), inspect.isfunction):
            # A mutation run keeps the variants of a kernel beside it.
            if function.__module__ == name and not word.startswith("_") and "__mutmut_" not in word:
                yield function


def _annotations(function: Callable[..., Any]) -> list[Any]:
    return [parameter.annotation for parameter in inspect.signature(function).parameters.values()]


def _title(function: Callable[..., Any]) -> str:
    return f"{function.__module__.removeprefix('colocalc.')}.{function.__name__}"


PUBLIC = sorted(_public(), key=_title)
KERNELS = [
    function
    for function in PUBLIC
    if function not in OF_WORDS | OF_TRIALS
    and all(kind in {ArrayLike, ArrayLike | None} for kind in _annotations(function))
]


def _stated_shapes(function: Callable[..., Any]) -> tuple[dict[str, str], str]:
    # What the docstring says stands behind the leading axes: "", "pool", "1" or "stage, replica".
    doc = inspect.getdoc(function) or ""
    inputs = re.findall(r"^(\w[\w, ]*) : array_like \(\.\.\.,? ?([\w, ]*)\)$", doc, flags=re.MULTILINE)
    # A record holds arrays of one shape.
    (output,) = re.findall(r"^(?:ndarray|[A-Z]\w*) \(\.\.\.,? ?([\w, ]*)\)$", doc, flags=re.MULTILINE)
    return {name: axes for names, axes in inputs for name in names.split(", ")}, output


def _core(axes: str) -> tuple[int, ...]:
    return tuple(1 if axis == "1" else POOLS for axis in axes.split(", ") if axis)


def _turned(samples: tuple[float, float, float], row: int, axes: str) -> Any:
    """The samples in turn along every axis, from that of a row on; a row of the fleet has one."""
    if axes == "1":
        return np.full((1,), samples[row])
    places = np.indices(_core(axes)).sum(axis=0) + row if axes else np.asarray(row)
    return np.asarray(samples)[places % POOLS]


def _rows(function: Callable[..., Any]) -> list[dict[str, Any]]:
    # One scenario per sample; the pools of a scenario are the samples in turn.
    shapes, _ = _stated_shapes(function)
    return [{name: _turned(SAMPLES[name], row, axes) for name, axes in shapes.items()} for row in range(3)]


def _parts(result: Any) -> list[Any]:
    return [getattr(result, field.name) for field in fields(result)] if is_dataclass(result) else [np.asarray(result)]


def _same(found: Any, expected: list[Any]) -> None:
    """Whether what was found is the stack of what was expected."""
    wanted = [np.stack(parts) for parts in zip(*(_parts(result) for result in expected), strict=True)]
    for one, other in zip(_parts(found), wanted, strict=True):
        _same_array(one, other)


def _same_array(found: Any, expected: Any) -> None:
    assert np.asarray(found).dtype == np.float64
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=RTOL)


def test_every_kernel_is_under_a_law():
    parts = {*PARTS_OF_A_STEP, *PARTS_OF_A_PREDICTION}
    of_parts = {function for function in PUBLIC if set(_annotations(function)) & parts}
    assert set(PUBLIC) == {
        *(*KERNELS, *OF_RECORDS, *OF_WORDS, *OF_TRIALS, *TABLES),
        *(*PARTS_OF_A_SEARCH, *PARTS_OF_FINANCE, *of_parts),
    }
    assert {name for kernel in KERNELS for name in inspect.signature(kernel).parameters} == set(SAMPLES)


@pytest.mark.parametrize("kernel", KERNELS, ids=_title)
def test_the_docstring_states_every_shape(kernel):
    shapes, _ = _stated_shapes(kernel)
    assert list(shapes) == list(inspect.signature(kernel).parameters)


@pytest.mark.parametrize("kernel", KERNELS, ids=_title)
def test_the_result_has_the_shape_the_docstring_states(kernel):
    _, last = _stated_shapes(kernel)
    shapes = {np.shape(part) for row in _rows(kernel) for part in _parts(kernel(**row))}
    assert shapes == {_core(last)}


@pytest.mark.parametrize("kernel", KERNELS, ids=_title)
def test_stacked_inputs_give_stacked_outputs(kernel):
    rows = _rows(kernel)
    stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    _same(kernel(**stacked), [kernel(**row) for row in rows])


@pytest.mark.parametrize("kernel", KERNELS, ids=_title)
def test_each_input_stacked_alone_gives_stacked_outputs(kernel):
    rows = _rows(kernel)
    for name in rows[0]:
        alone = rows[0] | {name: np.stack([row[name] for row in rows])}
        _same(kernel(**alone), [kernel(**rows[0] | {name: row[name]}) for row in rows])


@pytest.mark.parametrize("kernel", KERNELS, ids=_title)
def test_scenarios_on_axes_of_their_own_give_the_grid(kernel):
    rows = _rows(kernel)
    first, *rest = rows[0]
    lead = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    grid = kernel(**{first: lead[first][:, None]}, **{name: lead[name][None] for name in rest})
    for place, row in enumerate(rows):
        line = _line(kernel, row[first], lead, first, rest)
        for one, other in zip(_parts(grid), _parts(line), strict=True):
            _same_array(one[place] if rest else one[place, 0], other)


def _line(kernel: Callable[..., Any], value: Any, lead: dict[str, Any], first: str, rest: list[str]) -> Any:
    return kernel(**{first: value}, **{name: lead[name] for name in rest})


# Money on dates, and roots

DATES = np.array(
    [
        ["2026-01-31", "2027-03-15", "2028-02-29"],
        ["2026-12-31", "2026-01-01", "2030-06-30"],
        ["2024-02-29", "2024-08-31", "2025-02-28"],
    ]
)
FLOWS = np.array([[-100.0, 60.0, 70.0], [50.0, -90.0, 60.0], [-1.0, 0.5, 0.2]])


@pytest.mark.parametrize("day_count", DAY_COUNTS)
def test_stacked_dates_give_stacked_values_and_rates(day_count):
    rates = np.array([0.09, 0.0, -0.5])
    for dates in (DATES, np.broadcast_to(DATES[0], (3, 3))):
        values = [xnpv(rates[row], FLOWS[row], dates[row], day_count) for row in range(3)]
        _same(xnpv(rates, FLOWS, dates, day_count), np.stack(values))
        years = [years_from_first(dates[row], day_count) for row in range(3)]
        _same(years_from_first(dates, day_count), np.stack(years))
        _same(xirr(FLOWS, dates, day_count), np.stack([xirr(FLOWS[row], dates[row], day_count) for row in range(3)]))
    _same(xirr(FLOWS, DATES[0], day_count), np.stack([xirr(flows, DATES[0], day_count) for flows in FLOWS]))


def test_stacked_flows_give_stacked_roots():
    flows = np.array([[-100.0, 230.0, -132.0], [-100.0, 60.0, 70.0], [1.0, 2.0, 3.0], [-100.0, 200.0, -100.0]])
    alone = [irr_roots(row) for row in flows]
    found = irr_roots(flows.reshape(2, 2, 3)).reshape(4, -1)
    assert found.shape[1] == max(len(row) for row in alone)
    for row, roots in zip(found, alone, strict=True):
        _same(row[: len(roots)], roots)
        assert np.isnan(row[len(roots) :]).all()


# Kernels of records


def _stacked(records: list[Any]) -> Any:
    """Records of one kind as one, each array with a leading axis; words are those of the first."""
    first = records[0]
    if is_dataclass(first):
        parts = {field.name: [getattr(record, field.name) for record in records] for field in fields(first)}
        return replace(first, **{name: _stacked(values) for name, values in parts.items()})
    if isinstance(first, dict):
        return {name: _stacked([record[name] for record in records]) for name in first}
    return np.stack(np.broadcast_arrays(*records)) if isinstance(first, np.ndarray | np.floating) else first


def _same_record(found: Any, expected: Any, *, lead: tuple[int, ...]) -> None:
    for field in fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if is_dataclass(other):
            _same_record(one, other, lead=lead)
        pairs = [(one[name], other[name]) for name in other] if isinstance(other, dict) else [(one, other)]
        for value, wanted in pairs:
            if isinstance(wanted, np.ndarray):
                # A result that no stacked input reaches keeps its own shape.
                np.testing.assert_allclose(
                    np.broadcast_to(value, (*lead, *wanted.shape[1:])), wanted, rtol=RTOL, err_msg=field.name
                )


@pytest.fixture
def jobs(make_job):
    """Three jobs that differ in every kind of quantity."""
    return [
        make_job(),
        make_job(
            gpu_count=(2_048.0, 640.0, 0.0),
            model="experts",
            ep_count=8.0,
            stack={"dp_overlap_share": 0.0, "tp_overlap_share": 1.0},
            constants={"shape_factor": 1.5, "scale_loss_share": 0.01},
            pp_count=4.0,
            global_batch_tokens=33_554_432.0,
            failures_per_1000_gpu_day=2.0,
            links={"ring_inter_hop_s": 14e-6},
        ),
        make_job(
            chip={"peak_flop_per_s": (989e12, 312e12, 2_500e12), "scale_out_byte_per_s": 25e9},
            dimensions={"window_tokens": 1_024.0, "window_layer_share": 0.5},
            tp_count=4.0,
            cp_count=1.0,
            recompute_layer_share=0.5,
            checkpoint_interval_s=900.0,
            oversubscription_factor=1.0,
        ),
    ]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_stacked_jobs_give_stacked_steps(jobs, split, isolation):
    chosen = [replace(job, split=split, isolation=isolation) for job in jobs]
    expected = _stacked([evaluate_step(job) for job in chosen])
    _same_record(evaluate_step(_stacked(chosen)), expected, lead=(3,))


@pytest.mark.parametrize("zero_stage", [0, 1, 3])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_stacked_jobs_give_stacked_steps_with_every_collective(jobs, algorithm, zero_stage):
    chosen = [replace(job, algorithm=algorithm, zero_stage=zero_stage) for job in jobs]
    expected = _stacked([evaluate_step(job) for job in chosen])
    _same_record(evaluate_step(_stacked(chosen)), expected, lead=(3,))


def test_stacked_jobs_give_stacked_steps_with_a_flat_communicator(jobs):
    chosen = [replace(job, flat=True) for job in jobs]
    _same_record(evaluate_step(_stacked(chosen)), _stacked([evaluate_step(job) for job in chosen]), lead=(3,))


def test_stacked_jobs_give_stacked_steps_with_measured_factors(make_job):
    chosen = [make_job(measured={"bubble": share, "goodput": 0.9}) for share in (0.93, np.nan, 0.8)]
    _same_record(evaluate_step(_stacked(chosen)), _stacked([evaluate_step(job) for job in chosen]), lead=(3,))


WORDS = {"measured", "split", "algorithm", "isolation", "zero_stage", "flat"}
PARTS = ("chip", "stack", "dimensions", "constants", "links")
ARRAYS = [("", field.name) for field in fields(Job) if field.name not in {*WORDS, *PARTS}]
PART_ARRAYS = [
    (part, field.name)
    for part, kind in zip(PARTS, (Chip, Stack, Dimensions, Constants, Links), strict=True)
    for field in fields(kind)
]


def _scaled(record: Any, name: str, scale: float) -> Any:
    return replace(record, **{name: getattr(record, name) * scale})


@pytest.mark.parametrize(("part", "name"), ARRAYS + PART_ARRAYS)
@pytest.mark.parametrize(
    "shaped", [lambda job: job, on_job_axis, partitioned], ids=["plain", "on_job_axis", "partitioned"]
)
def test_one_field_swept_gives_the_steps_of_its_values(make_job, part, name, shaped):
    base = make_job(model="experts", ep_count=4.0, dp_shard_count=16.0, checkpoint_interval_s=900.0)
    records = [_scaled(getattr(base, part) if part else base, name, scale) for scale in (1.0, 0.5, 2.0)]
    swept = replace(records[0], **{name: np.stack([getattr(record, name) for record in records])})
    jobs = [replace(base, **{part: record}) if part else record for record in (*records, swept)]
    expected = _stacked([evaluate_step(shaped(job)) for job in jobs[:3]])
    _same_record(evaluate_step(shaped(jobs[3])), expected, lead=(3,))


def test_stacked_jobs_without_a_model_give_stacked_steps(make_job):
    chosen = [make_job(model="none", pp_count=stages, memory_bound_share=0.1 * stages) for stages in (1.0, 4.0, 8.0)]
    _same_record(evaluate_step(_stacked(chosen)), _stacked([evaluate_step(job) for job in chosen]), lead=(3,))


@pytest.mark.parametrize("part", ["chip", "links"])
def test_what_is_done_to_a_record_is_done_to_each_of_its_arrays(jobs, part):
    changed = each(getattr(jobs[0], part), lambda value: value + 1.0)
    for field in fields(changed):
        expected = getattr(getattr(jobs[0], part), field.name) + 1.0
        np.testing.assert_array_equal(getattr(changed, field.name), expected)


@pytest.mark.parametrize("shaped", [on_job_axis, partitioned])
def test_jobs_are_reshaped_alike_one_by_one_and_stacked(jobs, shaped):
    _same_record(shaped(_stacked(jobs)), _stacked([shaped(job) for job in jobs]), lead=(3,))


# Three predictions that differ in every field: a dense model, a sparse one in 8 bits, and one on a TPU.
PREDICTION: dict[type, dict[str, tuple[float, float, float]]] = {
    Dimensions: {
        "layer_count": (126.0, 61.0, 118.0),
        "expert_layer_count": (0.0, 58.0, 10.0),
        "hidden_dim": (16_384.0, 7_168.0, 18_432.0),
        "head_count": (128.0, 64.0, 48.0),
        "query_dim": (16_384.0, 24_576.0, 12_288.0),
        "kv_dim": (1_024.0, 576.0, 256.0),
        "value_dim": (16_384.0, 8_192.0, 12_288.0),
        "attention_parameter_count": (5.7e8, 1.9e8, 4.6e8),
        "mlp_dim": (53_248.0, 18_432.0, 73_728.0),
        "mlp_matrix_count": (3.0, 2.0, 3.0),
        "expert_mlp_dim": (0.0, 2_048.0, 1_024.0),
        "shared_mlp_dim": (0.0, 2_048.0, 512.0),
        "expert_count": (0.0, 256.0, 16.0),
        "topk_count": (0.0, 8.0, 1.0),
        "vocabulary_count": (128_256.0, 32_000.0, 256_000.0),
        "sequence_tokens": (8_192.0, 4_096.0, 2_048.0),
        "window_tokens": (np.inf, 1_024.0, 512.0),
        "window_layer_share": (0.0, 0.5, 1.0),
    },
    Chip: {
        "peak_flop_per_s": (989e12, 5_000e12, 275e12),
        "bf16_flop_per_s": (989e12, 2_500e12, 275e12),
        "ceiling_share": (0.803, 0.723, 1.0),
        "bf16_ceiling_share": (0.803, 0.729, 1.0),
        "attention_share": (0.45, 0.5, 0.55),
        "operand_byte": (2.0, 1.0, 2.0),
        "cast_byte": (0.0, 6.0, 4.0),
        "hbm_byte": (80e9, 279e9, 32e9),
        "hbm_byte_per_s": (3.35e12, 8e12, 1.2e12),
        "scale_up_byte_per_s": (450e9, 900e9, 300e9),
        "scale_out_byte_per_s": (50e9, 100e9, 3e9),
        "domain_gpu_count": (8.0, 72.0, 3_072.0),
        "node_gpu_count": (8.0, 4.0, 16.0),
        "torus_dim_count": (1.0, 2.0, 3.0),
        "tpu_share": (0.0, 0.0, 1.0),
        "ultra_share": (0.0, 1.0, 0.0),
        "fp8_share": (0.0, 1.0, 0.0),
        "fp4_share": (0.0, 1.0, 0.0),
    },
    Plan: {
        "gpu_count": (16_384.0, 1_024.0, 6_144.0),
        "tp_count": (8.0, 2.0, 12.0),
        "pp_count": (16.0, 4.0, 1.0),
        "vpp_count": (8.0, 4.0, 1.0),
        "schedule_factor": (1.0, 1.0 / 3.0, 0.0),
        "cp_count": (1.0, 2.0, 4.0),
        "ep_count": (1.0, 32.0, 4.0),
        "dp_count": (128.0, 64.0, 128.0),
        "shard_count": (128.0, 64.0, 32.0),
        "zero_stage": (2.0, 0.0, 3.0),
        "sequence_parallel_share": (1.0, 0.0, 1.0),
        "micro_batch_sequences": (1.0, 2.0, 4.0),
        "global_batch_sequences": (2_048.0, 4_096.0, 1_024.0),
        "recompute_layer_share": (0.0, 0.1, 1.0),
        "recompute_core_share": (0.0, 1.0, 0.5),
    },
    Stack: {
        "flash_share": (1.0, 0.0, 1.0),
        "parallel_block_share": (0.0, 1.0, 1.0),
        "tp_overlap_share": (0.0, 1.0, 0.0),
        "cp_overlap_share": (0.0, 1.0, 1.0),
        "pp_overlap_share": (1.0, 0.0, 1.0),
        "dp_overlap_share": (1.0, 0.0, 1.0),
        "tuned_share": (1.0, 0.0, 1.0),
        "fsdp_share": (0.0, 0.0, 1.0),
        "gradient_byte": (4.0, 2.0, 4.0),
        "loss_byte": (14.0, 40.0, 20.0),
        "age_months": (18.0, 0.0, np.inf),
        "slice_count": (1.0, 1.0, 2.0),
    },
}


def _prediction(row: int) -> dict[str, Any]:
    """The facts of one prediction; constants are plain numbers that grow from one scenario to the next."""
    facts = {
        kind.__name__.lower(): kind(**{name: np.asarray(values[row]) for name, values in samples.items()})
        for kind, samples in PREDICTION.items()
    }
    names = [field.name for field in fields(Constants)]
    return facts | {"constants": Constants(**{name: np.asarray(0.5 + 0.1 * row) for name in names})}


def _memory(facts: dict[str, Any]) -> Any:
    return memory(**{name: record for name, record in facts.items() if name != "constants"}, selective_share=0.5)


PREDICTIONS = [step_time, lambda **facts: _memory(facts)]
PREDICTED = pytest.mark.parametrize("predict", PREDICTIONS, ids=["step_time", "memory"])


@PREDICTED
def test_stacked_facts_give_stacked_predictions(predict):
    rows = [_prediction(row) for row in range(3)]
    expected = _stacked([predict(**row) for row in rows])
    _same_record(predict(**_stacked(rows)), expected, lead=(3,))


@PREDICTED
@pytest.mark.parametrize("base", range(3))
@pytest.mark.parametrize(
    ("part", "name"),
    [(kind.__name__.lower(), name) for kind, samples in PREDICTION.items() for name in samples]
    + [("constants", field.name) for field in fields(Constants)],
)
def test_one_fact_swept_gives_the_predictions_of_its_values(predict, part, name, base):
    facts = _prediction(base)
    values = [getattr(_prediction(row)[part], name) for row in range(3)]
    one_by_one = [predict(**facts | {part: replace(facts[part], **{name: value})}) for value in values]
    swept = predict(**facts | {part: replace(facts[part], **{name: np.stack(values)})})
    _same_record(swept, _stacked(one_by_one), lead=(3,))


def test_the_predictions_differ_in_every_fact():
    assert all(len(set(values)) > 1 for samples in PREDICTION.values() for values in samples.values())
    assert {name for samples in PREDICTION.values() for name in samples} == {
        field.name for kind in PREDICTION for field in fields(kind)
    }


COLLECTIVE = {
    "rank_count": (1_024.0, 64.0, 1.0),
    "ranks_per_node_count": (8.0, 1.0, 8.0),
    "message_byte": (1.6e9, 1e6, 1e9),
    "trip_count": (2.0, 1.0, 1.0),
}
DATA_PARALLEL = {
    "fsdp_share": (0.0, 1.0, 0.0),
    "group_rank_count": (1_024.0, 512.0, 1.0),
    "shard_rank_count": (1_024.0, 64.0, 1.0),
    "ranks_per_node_count": (2.0, 8.0, 1.0),
    "gradient_byte": (1.6e9, 1e8, 1e9),
    "weight_byte": (8e8, 5e7, 5e8),
    "micro_batch_count": (16.0, 64.0, 4.0),
    "layers_per_stage_count": (7.875, 32.0, 10.0),
}


@pytest.fixture
def wires(make_links):
    """Three networks, of which one has no switches that reduce."""
    return [
        make_links(),
        make_links(ring_inter_hop_s=14e-6, in_network_base_s=np.nan),
        make_links(scale_out_byte_per_s=12.5e9),
    ]


def _law_of_links(kernel: Callable[..., Any], wires: list[Links], table: dict[str, tuple[float, ...]]) -> None:
    # An algorithm need not use every input, so a result may have fewer axes than all inputs together.
    rows = [{name: values[row] for name, values in table.items()} for row in range(3)]
    expected = [kernel(links=links, **row) for links, row in zip(wires, rows, strict=True)]
    _same(np.broadcast_to(kernel(links=_stacked(wires), **table), 3), np.stack(expected))
    for name, values in table.items():
        alone = [kernel(links=wires[0], **rows[0] | {name: value}) for value in values]
        _same(np.broadcast_to(kernel(links=wires[0], **rows[0] | {name: values}), 3), np.stack(alone))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_stacked_groups_give_stacked_collectives(wires, algorithm):
    _law_of_links(lambda **row: collective_s(algorithm=algorithm, **row), wires, COLLECTIVE)


@pytest.mark.parametrize("half", ["scatter_s", "gather_s"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("zero_stage", range(4))
def test_stacked_groups_give_stacked_exchanges(wires, algorithm, zero_stage, half):
    _law_of_links(
        lambda **row: getattr(data_parallel_s(algorithm=algorithm, zero_stage=zero_stage, **row), half),
        wires,
        DATA_PARALLEL,
    )


def _jobs_factors(rng: np.random.Generator, scenarios: int, jobs: int) -> dict[str, Any]:
    return {name: rng.uniform(0.3, 1.0, (scenarios, jobs)) for name in (*STEP_STAGES, "goodput")}


def test_stacked_factors_give_stacked_waterfalls():
    rng = np.random.default_rng(7)
    factors = _jobs_factors(rng, 3, 2)
    factors["shape"][1] = np.nan
    peak, allocation = rng.uniform(1.0, 2.0, (3, 2)), rng.uniform(0.5, 1.0, (3, 2))
    fleet = np.array([5.0, 6.0, 7.0])
    alone = [
        compose(
            factors={name: values[row] for name, values in factors.items()},
            peak_flop_per_s=peak[row],
            allocation_share=allocation[row],
            fleet_peak_flop_per_s=fleet[row],
        )
        for row in range(3)
    ]
    found = compose(factors=factors, peak_flop_per_s=peak, allocation_share=allocation, fleet_peak_flop_per_s=fleet)
    _same_record(found, _stacked(alone), lead=(3,))
