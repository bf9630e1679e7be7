"""Limits of what works on records: checked here, or by a test that is named."""

from dataclasses import fields

import numpy as np

from colocalc.mfu import job as jobs
from colocalc.mfu.predict import exchange, setup, step, traffic, waiting
from tests.laws.conftest import LINKS
from tests.limits.checks import INF, Limits, holds, near
from tests.limits.of_networks import WIRES
from tests.test_predict_step import EXPERTS, facts, part

ENDLESS = {"scale_up_byte_per_s": INF, "scale_out_byte_per_s": INF}
JITTER = {"scale_loss_share": 0.02, "persistent_share": 0.4, "tuned_scale_factor": 0.25}
NODES = {"gpu_count": 16, "dp_count": 16}


def _the_same_arrays():
    found = jobs.each(WIRES, lambda value: value)
    holds(getattr(found, field.name) is getattr(WIRES, field.name) for field in fields(found))
    assert len(LINKS) == len(fields(found))


def _exchanged(**changes):
    return exchange.exchange(part(**changes), np.asarray(1.0))


def _starts_of_rings():
    near(_exchanged(plan={"dp_count": 4, "zero_stage": 1}, chip=ENDLESS).collective_s, 0.0)
    fsdp = _exchanged(plan={"dp_count": 16, "shard_count": 16, "zero_stage": 3}, chip=ENDLESS)
    holds(fsdp.collective_s > 0.0)


def _exposed(busy, scatter, gather, **changes):
    there = part(plan={"dp_count": 4, "zero_stage": 1}, **changes)
    return exchange.exposed_s(
        there, busy_s=np.asarray(busy), scatter_s=np.asarray(scatter), gather_s=np.asarray(gather)
    )


def _seen_all_the_same():
    overlapped = {"stack": {"dp_overlap_share": 1}, "constants": {"dp_exposed_share": 0.6}}
    near(_exposed(1e12, 5.0, 3.0, **overlapped), 0.6 * 8.0)


def _without_experts():
    found = part().part
    near(found.token_parameter_count, found.shared_parameter_count)
    near(found.routed_mlp_dim, 0.0)


def _the_whole_model():
    found = part().part
    near([found.micro_batch_tokens, found.micro_batch_count, found.stage_layer_count], [100, 4, 2])


def _jitter(**changes):
    plan = NODES | {"global_batch_sequences": 64} | changes
    return waiting.jitter_excess_share(part(plan=plan, constants=JITTER))


def _persistent_part():
    one = _jitter(global_batch_sequences=16)
    near(_jitter(global_batch_sequences=16e16) / one, 0.4, within=1e-6)


def _sent(**changes):
    return float(traffic.pipeline_sends(part(plan={"pp_count": 4, "vpp_count": 3}, **changes)).micro_batch_s)


def _inside_a_domain():
    changes = {"dimensions": EXPERTS, "plan": {"ep_count": 8}}
    near(
        traffic.expert_s(part(**changes, chip={"scale_out_byte_per_s": 1.0})),
        traffic.expert_s(part(**changes)),
    )


def _new(age):
    return step.immature_share(part(stack={"age_months": age}, constants={"maturity_share": 0.2}))


LIMITS: Limits = {
    jobs.each: {"nothing changed": _the_same_arrays},
    exchange.exchange: {"infinite links": _starts_of_rings},
    exchange.exposed_s: {
        "nothing to exchange": lambda: near(_exposed(1.0, 0.0, 0.0), 0.0),
        "no overlap": lambda: near(_exposed(1.0, 5.0, 3.0), 8.0),
        "compute without end": _seen_all_the_same,
    },
    setup.causal_tokens: {
        "no layer with a window": lambda: near(setup.causal_tokens(facts()["dimensions"]), 50.0),
    },
    setup.part_of: {
        "no layer with experts": _without_experts,
        "one data, context and expert rank and one stage": _the_whole_model,
    },
    setup.peak_time_s: {
        "twice the chips": lambda: near(
            2.0 * setup.peak_time_s(part(plan={"gpu_count": 2})), setup.peak_time_s(part(plan={"gpu_count": 1}))
        ),
    },
    step.immature_share: {"at launch": lambda: near(_new(0.0), 0.2)},
    step.slices_share: {
        "one slice, as which GPUs count": lambda: near(step.slices_share(part(stack={"slice_count": 1})), 0.0)
    },
    traffic.expert_s: {"experts within a domain": _inside_a_domain},
    traffic.pipeline_sends: {"infinite links": lambda: near(_sent(chip=ENDLESS), 2 * 3 * 15e-6)},
    traffic.tensor_s: {
        "infinite links": lambda: near(traffic.tensor_s(part(plan={"tp_count": 4}, chip=ENDLESS)), 8 * 8e-6),
    },
    waiting.jitter_excess_share: {
        "one node, or one data and context rank": lambda: near(
            [_jitter(gpu_count=8, dp_count=8), _jitter(dp_count=1, tp_count=16)], 0.0, nothing=1e-12
        ),
        "micro-batches without bound": _persistent_part,
    },
}

STEP, MEMORY, SEARCH = "test_predict_step", "test_predict_memory", "test_predict_search"
MIXED, WHOLE, TAX = "test_predict_mixed", "test_step", "test_depreciation"
LAWS, HOSTS = "laws/test_mfu_laws", "laws/test_hosts"
# By kernel, by limit, the file and the test that hold it.
ELSEWHERE: dict[str, dict[str, tuple[str, str]]] = {
    "lease.depreciation.macrs": {
        "The shares of every life and convention add up to 1": (TAX, "macrs_shares_add_up_to_one"),
        "A life or convention without a table": (TAX, "macrs_without_a_table_is_undefined"),
    },
    "lease.depreciation.straight_line_tax_half_year": {
        "One year": (TAX, "straight_line_for_tax_in_percent"),
        "The years add up to 100": (TAX, "straight_line_for_tax_in_percent"),
        "No life": (TAX, "straight_line_for_tax_without_a_life_is_undefined"),
    },
    "mfu.cut.cut_job": {
        "no whole replica": (WHOLE, "without_a_whole_replica_the_layout_leaves_nothing_and_the_step_has_no_length"),
        "a batch below one micro-batch of every replica": (WHOLE, "a_batch_below_one_round_is_made_one_round"),
    },
    "mfu.job.on_job_axis": {
        "evaluated, the job gives what it gave before, with an axis of one": (LAWS, "a_job_axis_of_one_changes_nothing")
    },
    "mfu.job.partitioned": {
        "one pool": (LAWS, "partitions_of_one_pool_are_an_equal_split"),
        "pools that are alike": (LAWS, "partitions_of_pools_that_are_alike_have_the_same_mfu"),
    },
    "mfu.pace.paced": {
        "one pool": (WHOLE, "one_pool_takes_the_time_of_the_step_time_model"),
        "no model": (WHOLE, "without_a_model_the_assumed_shares_stand_in"),
        "``drop-slow``": (WHOLE, "dropping_a_pool_is_running_the_others_alone"),
    },
    "mfu.predict.choices.every_choice": {
        "limits of 1": (SEARCH, "limits_of_one_leave_one_choice"),
        "a dense model": (SEARCH, "a_dense_model_has_one_expert_rank"),
        "no rest": (SEARCH, "without_a_rest_nothing_divides_a_prime_number_of_chips"),
    },
    "mfu.predict.compute.head_work": {"infinite HBM": (STEP, "infinite_hbm_streams_for_free")},
    "mfu.predict.compute.layer_work": {
        "nothing run again": (STEP, "nothing_run_again_takes_nothing"),
        "infinite HBM": (STEP, "infinite_hbm_streams_for_free"),
        "a fused kernel": (STEP, "unfused_scores_pass_hbm_twenty_bytes_each"),
    },
    "mfu.predict.compute.optimizer_s": {
        "twice the shards": (STEP, "the_optimizer_moves_thirty_bytes_a_parameter_and_shard"),
        "infinite HBM": (STEP, "infinite_hbm_streams_for_free"),
    },
    "mfu.predict.exchange.exchange": {
        "one rank": (STEP, "one_rank_exchanges_nothing"),
        "no overlap": (STEP, "gradients_are_scattered_and_weights_gathered"),
    },
    "mfu.predict.layouts.enumerate_layouts": {
        "one stage": (SEARCH, "at_one_stage_the_first_schedule_stands_for_all"),
        "one data and context rank": (
            SEARCH,
            "without_ranks_to_shard_over_the_lowest_stage_of_zero_stands_for_all",
        ),
        "a dense model": (SEARCH, "a_dense_model_has_one_expert_rank"),
        "nothing that divides": (SEARCH, "nothing_that_divides_is_no_layout"),
        "rests of 0": (SEARCH, "without_a_rest_nothing_divides_a_prime_number_of_chips"),
    },
    "mfu.predict.memory.memory": {
        "ZeRO 1, 2 and 3 each need less for state than the one before, from two shards and five layers on": (
            MEMORY,
            "every_zero_stage_needs_less_than_the_one_before",
        ),
        "full recompute": (MEMORY, "full_recompute_keeps_the_inputs_and_one_layer_whole"),
        "one rank and one stage": (MEMORY, "one_rank_and_one_stage_hold_eighteen_bytes_a_parameter"),
    },
    "mfu.predict.mixed.exchange_s": dict.fromkeys(
        (
            "measured",
            "one rank",
            "a link of infinite rate",
            "neither measured nor a known rate, and more than one rank",
        ),
        (MIXED, "gradients_are_exchanged_as_measured_or_on_a_ring"),
    ),
    "mfu.predict.mixed.link_rate_byte_per_s": dict.fromkeys(
        ("a known rate", "an exchange that took no time", "no known rate, and one rank"),
        (MIXED, "a_network_is_as_fast_as_told_or_as_its_exchange"),
    ),
    "mfu.predict.mixed.mixed_step_s": {
        "one stage": (MIXED, "one_stage_runs_its_micro_batches_one_after_another"),
        "equal stages and no sends": (MIXED, "equal_stages_are_those_of_1f1b"),
        "one micro-batch": (MIXED, "one_micro_batch_goes_down_and_up_once"),
        "sends that take longer than all else": (MIXED, "sends_longer_than_all_else_set_the_pace"),
    },
    "mfu.predict.mixed.slowest_replica_s": {
        "replicas alike": (MIXED, "replicas_alike_and_replicas_of_no_time_change_nothing"),
        "a replica of times 0, which stands for none": (
            MIXED,
            "replicas_alike_and_replicas_of_no_time_change_nothing",
        ),
        "no layers": (MIXED, "a_stage_without_layers_has_what_it_has_besides"),
    },
    "mfu.predict.search.costs": {"a layout of a search": (SEARCH, "costs_of_any_plan_are_those_of_the_search")},
    "mfu.predict.search.rank": {"no layout": (SEARCH, "no_layout_finds_nothing")},
    "mfu.predict.search.search": {
        "any size of block": (SEARCH, "the_size_of_a_block_changes_no_bit"),
        "one batch for all": (SEARCH, "the_best_are_those_of_one_layout_at_a_time"),
        "nothing fits": (SEARCH, "when_nothing_fits_the_leanest_layout_says_what_binds"),
        "a higher limit of memory": (SEARCH, "more_memory_is_never_slower"),
        "more told than fit": (SEARCH, "more_is_told_than_fits"),
    },
    "mfu.predict.setup.achieved_rates": {
        "16 bits": (STEP, "sixteen_bits_have_the_rate_of_bf16"),
        "unfused and infinite HBM": (STEP, "unfused_scores_are_gated_by_hbm"),
    },
    "mfu.predict.setup.expert_copy_count": {"every rank with experts of its own": (STEP, "copies_of_the_experts")},
    "mfu.predict.setup.peak_time_s": {
        "a window in every layer, far shorter than the sequence": (STEP, "a_window_is_what_is_counted_too")
    },
    "mfu.predict.setup.residual_spread_share": {
        "one tensor rank": (STEP, "one_tensor_rank_has_the_whole_residual_stream")
    },
    "mfu.predict.step.immature_share": {"an old generation": (STEP, "an_old_generation_has_only_the_fixed_time_left")},
    "mfu.predict.step.step_time": {
        "one GPU": (STEP, "one_gpu_only_computes"),
        "infinite links": (STEP, "infinite_links_leave_starts_and_dispatch_only"),
        "more micro-batches without bound": (STEP, "many_micro_batches_leave_no_bubble_and_no_exchange"),
        "an old generation": (STEP, "an_old_generation_has_only_the_fixed_time_left"),
        "a fused attention kernel faster than BF16 products": (
            STEP,
            "a_fused_kernel_above_the_rate_of_products_gives_time_back_in_shape",
        ),
        "faster links, HBM or products": (STEP, "faster_hardware_never_slows_a_step"),
    },
    "mfu.predict.traffic.context_s": {
        "one rank": (STEP, "one_rank_of_each_kind_sends_nothing"),
        "infinite links": (STEP, "infinite_links_leave_the_starts_of_context_collectives"),
    },
    "mfu.predict.traffic.expert_s": {
        "no layer with experts": (STEP, "a_dense_model_sends_nothing_to_experts"),
        "one expert rank, or infinite links": (STEP, "one_expert_rank_pays_dispatch_alone"),
    },
    "mfu.predict.traffic.pipeline_sends": {
        "one stage": (STEP, "one_rank_of_each_kind_sends_nothing"),
        "no overlap": (STEP, "a_stage_sends_each_chunk_both_ways"),
    },
    "mfu.predict.traffic.tensor_s": {"one rank": (STEP, "one_rank_of_each_kind_sends_nothing")},
    "mfu.predict.waiting.interpolated_max_normal": {
        "one draw": (STEP, "one_draw_has_no_maximum_to_wait_for"),
        "a whole number up to 16": (STEP, "the_table_of_maxima_is_near_the_exact_integral"),
        "any other": (STEP, "the_table_of_maxima_is_near_the_exact_integral"),
    },
    "mfu.predict.waiting.slowest_stage_s": {
        "126 layers on 16 stages": (STEP, "a_heavy_head_makes_the_last_stage_the_slowest"),
        "a head without work": (STEP, "a_head_without_work_leaves_the_fullest_stage"),
    },
    "mfu.step.evaluate_step": {
        "one pool and no other stage": (WHOLE, "one_pool_takes_the_time_of_the_step_time_model"),
        "pools that are alike": (LAWS, "splitting_a_pool_changes_nothing"),
        "a measured factor replaces the modelled one, and the stages after it see the time it leaves": (
            WHOLE,
            "a_measured_stage_leaves_its_time_to_the_stages_behind_it",
        ),
        "no whole replica": (
            WHOLE,
            "without_a_whole_replica_the_layout_leaves_nothing_and_the_step_has_no_length",
        ),
        "a stage that leaves nothing, such as no power": (
            WHOLE,
            "without_any_power_a_step_has_no_end_and_power_takes_the_whole_loss",
        ),
    },
    "mfu.step.worked": {
        "another algorithm, recovery policy or measured stage": (
            WHOLE,
            "jobs_that_differ_in_algorithm_recovery_or_what_was_measured_share_what_is_worked_out",
        ),
    },
    "mfu.step.jitter_excess_share": {
        "no batch": (HOSTS, "without_a_batch_every_micro_batch_ends_at_a_barrier"),
        "barriers ever farther apart": (HOSTS, "barriers_far_apart_leave_the_persistent_part"),
    },
    "mfu.step.stopped_replica_count": {
        "replicas of a host or more, on switched hosts": (
            HOSTS,
            "a_failure_stops_the_replicas_of_what_goes_down_together",
        ),
        "replicas of 8 GPUs on an NVL72": (HOSTS, "a_failure_stops_the_replicas_of_what_goes_down_together"),
    },
}
