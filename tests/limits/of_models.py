"""Limits of what a model is made of, how fast it runs, and what a mixed fleet loses."""

import numpy as np

from colocalc.mfu import attention, ceiling, mixed, stages, straggler, transformer, waterfall
from tests.limits.checks import INF, NAN, Limits, at, holds, near, undefined

HEADS = {"head_count": 16.0, "key_head_dim": 64.0, "value_head_dim": 64.0}
FULL = {"layer_count": 10.0, "window_layer_count": 0.0, "attention_window_tokens": 128.0, "sequence_tokens": 4_096.0}
LATENT = {
    "hidden_dim": 7_168.0,
    "head_dim": 128.0,
    "rope_head_dim": 64.0,
    "value_head_dim": 128.0,
    "kv_rank_dim": 512.0,
}
EQUAL = {"gpu_count": [12.0, 4.0], "rate_flop_per_s": [3.0, 3.0]}
MIXED = {"gpu_count": [12.0, 4.0, 2.0], "rate_flop_per_s": [3.0, 2.0, 5.0]}
NOTHING = {"gpu_count": [0.0, 0.0], "rate_flop_per_s": [3.0, 2.0]}
# Stages of two jobs whose GPUs count 3 to 1.
JOBS = {"peak_flop_per_s": [3.0, 1.0], "allocation_share": 1.0, "fleet_peak_flop_per_s": 4.0}


def _attended(sequence, window, causal):
    given = {"sequence_tokens": sequence, "attention_window_tokens": window, "causal_share": causal}
    return attention.attended_tokens(**given)


def _attention_flop(causal, **given):
    return attention.attention_flop_per_token(**HEADS | FULL | {"causal_share": causal} | given)


def _latent(heads, rank):
    return attention.latent_attention_parameter_count(**LATENT, head_count=heads, query_rank_dim=rank)


def _all_windowed():
    flop = _attention_flop([0.0, 1.0], window_layer_count=10.0, sequence_tokens=[[200.0], [1e4], [1e9]])
    holds(flop <= 6 * 10 * 16 * 128 * 128.0)


def _excess(nodes, per_node, node_sigma=0.02, gpu_sigma=0.03):
    return straggler.correlated_excess_share(
        node_count=nodes, gpu_per_node_count=per_node, node_sigma_share=node_sigma, gpu_sigma_share=gpu_sigma
    )


def _z(count):
    return straggler.expected_max_normal(count=count)


def _grows():
    counts = np.array([2.0, 10.0, 1e3, 1e5, 1e7])
    bound = np.sqrt(2.0 * np.log(counts))
    holds(np.diff(_z(counts)) > 0.0)
    holds(_z(counts) < bound)
    holds(np.diff(_z(counts) / bound)[1:] > 0.0)


def _rare(**given):
    plain = {"node_count": 1_000.0, "slow_share": 1e-3, "slow_factor": 1.3, "light_excess_share": 0.05}
    return straggler.rare_slow_excess_share(**plain | {"node_sigma_share": 0.02} | given)


def _rare_for_certain():
    few = _rare(node_count=1e6, slow_share=1e-3)
    near(few, 1.3 * (1.0 + 0.02 * _z(1e6 * 1e-3)) - 1.0)


def _pareto(count, alpha):
    return straggler.pareto_expected_max(count=count, scale_factor=2.0, alpha_factor=alpha)


def _proportional(workers, rates, units):
    return mixed.proportional_split_factor(worker_count=workers, rate_flop_per_s=rates, unit_count=units)


def _capped(caps, gpus=(12.0, 4.0), rates=(3.0, 2.0)):
    return mixed.memory_limited_split_factor(gpu_count=gpus, rate_flop_per_s=rates, work_cap_factor=caps)


def _caps_of_one():
    equal = mixed.equal_split_factor(gpu_count=[12.0, 4.0], rate_flop_per_s=[3.0, 2.0])
    near(_capped([1.0, 1.0]), equal, within=1e-9)


def _composed(first, second, **given):
    factors = {name: [first[name], second[name]] for name in ("ceiling", "software", "goodput")}
    return waterfall.compose(factors=factors, **JOBS | given)


ONE = {"ceiling": 0.7, "software": 0.9, "goodput": 0.8}


def _alone():
    found = waterfall.compose(
        factors={name: [share] for name, share in ONE.items()},
        peak_flop_per_s=[2.0],
        allocation_share=[0.5],
        fleet_peak_flop_per_s=2.0,
    )
    near([found.factors[name] for name in (*ONE, "allocation")], [*ONE.values(), 0.5])


def _jobs_alike():
    found = _composed(ONE, ONE)
    near([found.factors[name] for name in ONE], list(ONE.values()))


def _left_out():
    near(_composed(ONE, ONE, fleet_peak_flop_per_s=8.0).factors["allocation"], 0.5)


def _no_loss():
    found = _composed(dict.fromkeys(ONE, 1.0), dict.fromkeys(ONE, 1.0))
    near(list(found.log_share.values()), 0.0)


def _nothing_left():
    stopped = ONE | {"software": 0.0}
    found = _composed(stopped, stopped)
    near(found.log_share["software"], 1.0)
    undefined(found.factors["goodput"])


LIMITS: Limits = {
    attention.attended_tokens: {
        "no window, or one as long as the sequence": lambda: near(
            _attended(4_096.0, [[INF], [4_096.0]], [1.0, 0.0]), [[2_048.0, 4_096.0]] * 2
        ),
        "a window far shorter than the sequence": lambda: near(_attended(1e12, 128.0, [1.0, 0.0]), 128.0, within=1e-9),
        "an empty sequence": lambda: near(_attended(0.0, [128.0, INF], 1.0), 0.0),
    },
    attention.attention_flop_per_token: {
        "keys and values of one width d, no window": lambda: near(
            _attention_flop([1.0, 0.0]), 6 * 10 * 16 * 64 * 4_096 * np.array([1, 2])
        ),
        "a window in every layer": _all_windowed,
        "an empty sequence": lambda: near(_attention_flop(1.0, sequence_tokens=0.0), 0.0),
    },
    attention.attention_parameter_count: {
        "as many key and value heads as heads, with heads filling the hidden dimension": lambda: near(
            attention.attention_parameter_count(hidden_dim=4_096, head_count=32, kv_head_count=32, head_dim=128),
            4 * 4_096**2,
        ),
        "one key and value head (multi-query)": lambda: near(
            attention.attention_parameter_count(hidden_dim=4_096, head_count=32, kv_head_count=1, head_dim=128)
            - attention.attention_parameter_count(hidden_dim=4_096, head_count=32, kv_head_count=0, head_dim=128),
            2 * 4_096 * 128,
        ),
    },
    attention.latent_attention_parameter_count: {
        "queries not compressed, r_q = 0": lambda: near(
            _latent(128.0, 0.0) - _latent(128.0, 1_536.0),
            7_168 * 128 * 192 - 1_536 * (7_168 + 128 * 192),
        ),
        "no heads": lambda: near(_latent(0.0, 1_536.0), 7_168 * (1_536 + 512 + 64)),
    },
    ceiling.memory_bound_factor: {
        "x = 0": lambda: near(ceiling.memory_bound_factor(memory_bound_share=0.0), 1.0),
        "x = 1": lambda: near(ceiling.memory_bound_factor(memory_bound_share=1.0), 0.5),
        "x without bound": lambda: near(ceiling.memory_bound_factor(memory_bound_share=INF), 0.0),
    },
    ceiling.weighted_share: {
        "one pool, or equal shares": lambda: (
            near(ceiling.weighted_share(weight=[7.0], share=[0.3]), 0.3),
            near(ceiling.weighted_share(weight=[7.0, 1.0], share=[0.3, 0.3]), 0.3),
        ),
        "a pool of weight 0 changes nothing, even when its share is NaN": lambda: near(
            ceiling.weighted_share(weight=[7.0, 0.0], share=[0.3, NAN]), 0.3
        ),
        "total weight 0": lambda: undefined(ceiling.weighted_share(weight=[0.0, 0.0], share=[0.3, 0.4])),
    },
    mixed.drop_slow_factor: {
        "One pool, or equal rates": lambda: (
            near(mixed.drop_slow_factor(gpu_count=[7.0], rate_flop_per_s=[3.0]), 1.0),
            near(mixed.drop_slow_factor(**EQUAL), 1.0),
        ),
        "Never below the equal split": lambda: holds(
            mixed.drop_slow_factor(**MIXED) >= mixed.equal_split_factor(**MIXED)
        ),
        "A pool that stands still": lambda: near(
            mixed.drop_slow_factor(gpu_count=[12.0, 4.0, 9.0], rate_flop_per_s=[3.0, 2.0, 0.0]),
            mixed.drop_slow_factor(gpu_count=[12.0, 4.0], rate_flop_per_s=[3.0, 2.0]),
        ),
        "No GPUs": lambda: undefined(mixed.drop_slow_factor(**NOTHING)),
    },
    mixed.drop_slow_kept: {
        "One pool, or equal rates": lambda: near(mixed.drop_slow_kept(**EQUAL), [1, 1]),
        "A pool without GPUs": lambda: near(
            mixed.drop_slow_kept(gpu_count=[12.0, 0.0], rate_flop_per_s=[3.0, 3.0]), [1, 0]
        ),
        "Two choices of the same throughput": lambda: near(
            mixed.drop_slow_kept(gpu_count=[10.0, 10.0], rate_flop_per_s=[4.0, 2.0]), [1, 0]
        ),
    },
    mixed.equal_split_factor: {
        "One pool, or equal rates": lambda: (
            near(mixed.equal_split_factor(gpu_count=[7.0], rate_flop_per_s=[3.0]), 1.0),
            near(mixed.equal_split_factor(**EQUAL), 1.0),
        ),
        "A pool without GPUs changes nothing": lambda: near(
            mixed.equal_split_factor(gpu_count=[12.0, 4.0, 0.0], rate_flop_per_s=[3.0, 2.0, 1.0]),
            mixed.equal_split_factor(gpu_count=[12.0, 4.0], rate_flop_per_s=[3.0, 2.0]),
        ),
        "A pool that stands still": lambda: near(
            mixed.equal_split_factor(gpu_count=[12.0, 4.0], rate_flop_per_s=[3.0, 0.0]), 0.0
        ),
        "No GPUs": lambda: undefined(mixed.equal_split_factor(**NOTHING)),
    },
    mixed.memory_limited_split_factor: {
        "Infinite caps": lambda: near(_capped([INF, INF]), 1.0, within=1e-9),
        "All caps 1": _caps_of_one,
        "One pool with a cap of 1 or more, or equal rates and such caps": lambda: (
            near(_capped([1.0], [7.0], [3.0]), 1.0, within=1e-9),
            near(_capped([1.0, 2.0], rates=[3.0, 3.0]), 1.0, within=1e-9),
        ),
        "Caps too small for the work, ``sum(n_i cap_i) < N``, or no GPUs": lambda: (
            undefined(_capped([0.9, 1.1])),
            undefined(_capped([1.0, 1.0], gpus=[0.0, 0.0])),
        ),
    },
    mixed.proportional_split_factor: {
        "One pool whose workers the units divide among evenly": lambda: near(_proportional([8.0], [3.0], 32.0), 1.0),
        "Equal rates": lambda: near(_proportional([6.0, 4.0], [3.0, 3.0], 32.0), 3.2 / 4),
        "Infinitely many units": lambda: near(_proportional([6.0, 4.0], [3.0, 2.0], 1e9), 1.0, within=1e-6),
        "No workers": lambda: undefined(_proportional([0.0, 0.0], [3.0, 2.0], 32.0)),
    },
    mixed.proportional_units: {
        "One pool": lambda: near(
            mixed.proportional_units(worker_count=[10.0], rate_flop_per_s=[3.0], unit_count=32.0), 4.0
        ),
        "A pool without workers": lambda: near(
            mixed.proportional_units(worker_count=[10.0, 0.0], rate_flop_per_s=[3.0, 9.0], unit_count=32.0)[1], 0.0
        ),
    },
    mixed.whole_replica_count: {
        "Fewer GPUs than a replica needs": lambda: near(
            mixed.whole_replica_count(gpu_count=[127.0], replica_gpu_count=[128.0]), 0.0
        ),
        "An exact multiple": lambda: near(
            128 * mixed.whole_replica_count(gpu_count=[640.0], replica_gpu_count=[128.0]), 640.0
        ),
    },
    stages.pipeline_count: {
        "one pool": lambda: near(
            stages.pipeline_count(gpu_count=[1_000.0], stage_count=[16.0], stage_gpu_count=8.0), 7.0
        ),
        "a pool with fewer GPUs than its stages need": lambda: near(
            stages.pipeline_count(gpu_count=[1_000.0, 15.0], stage_count=[16.0, 2.0], stage_gpu_count=8.0), 0.0
        ),
    },
    stages.stage_split_factor: {
        "one pool": lambda: near(
            stages.stage_split_factor(stage_count=[16.0, 0.0], rate_flop_per_s=[3.0, 2.0], layer_count=126.0), 1.0
        ),
        "infinitely many layers": lambda: near(
            stages.stage_split_factor(stage_count=[12.0, 4.0], rate_flop_per_s=[3.0, 2.0], layer_count=1e9),
            1.0,
            within=1e-6,
        ),
        "stages unknown": lambda: undefined(
            stages.stage_split_factor(stage_count=[NAN, NAN], rate_flop_per_s=[3.0, 2.0], layer_count=126.0)
        ),
    },
    stages.stages_per_pool_count: {
        "one pool": lambda: near(stages.stages_per_pool_count(gpu_count=[1_000.0], pp_count=16.0), 16.0),
        "a pool without GPUs": lambda: near(
            stages.stages_per_pool_count(gpu_count=[1_000.0, 0.0], pp_count=16.0), [16, 0]
        ),
        "more pools than stages, or no GPUs": lambda: (
            undefined(stages.stages_per_pool_count(gpu_count=[5.0, 5.0, 5.0], pp_count=2.0)),
            undefined(stages.stages_per_pool_count(gpu_count=[0.0, 0.0], pp_count=2.0)),
        ),
    },
    straggler.correlated_excess_share: {
        "One node": lambda: near(_excess(1.0, 8.0), 0.03 * _z(8.0), within=1e-9),
        "One GPU per node": lambda: near(_excess(64.0, 1.0), np.hypot(0.02, 0.03) * _z(64.0), within=1e-9),
        "No scatter of nodes": lambda: near(_excess(64.0, 8.0, node_sigma=0.0), 0.03 * _z(512.0), within=1e-9),
        "No scatter of GPUs": lambda: near(_excess(64.0, 8.0, gpu_sigma=0.0), 0.02 * _z(64.0), within=1e-9),
        "No scatter": lambda: near(_excess(64.0, 8.0, 0.0, 0.0), 0.0),
        "Never more than independent GPUs of the same total scatter": lambda: holds(
            _excess(64.0, 8.0, node_sigma=[0.001, 0.01, 0.03, 0.3])
            <= np.hypot([0.001, 0.01, 0.03, 0.3], 0.03) * _z(512.0)
        ),
    },
    straggler.expected_max_lognormal: {
        "One draw": lambda: near(straggler.expected_max_lognormal(count=1.0, sigma_share=[0.1, 1.0]), 1.0, within=1e-9),
        "No scatter": lambda: near(straggler.expected_max_lognormal(count=[1.0, 1e5], sigma_share=0.0), 1.0),
        "Small scatter": lambda: near(
            (straggler.expected_max_lognormal(count=1e4, sigma_share=1e-6) - 1.0) / 1e-6, _z(1e4), within=1e-5
        ),
    },
    straggler.expected_max_normal: {
        "One draw": lambda: near(_z(1.0), 0.0, nothing=1e-12),
        "Two draws": lambda: near(_z([2.0, 3.0]), [1 / np.sqrt(np.pi), 1.5 / np.sqrt(np.pi)], within=1e-9),
        "Grows without bound, like ``sqrt(2 ln n)``, and always stays below it": _grows,
    },
    straggler.gumbel_expected_max: {
        "Equal quantiles (no scatter)": lambda: near(
            straggler.gumbel_expected_max(quantile_far=3.0, quantile_near=3.0), 3.0
        ),
        # Of a Gumbel distribution: Q(1 - 1/n) nears ln n, and the mean of the maximum is ln n + 0.5772.
        "Exact for the Gumbel distribution in the limit of many draws": lambda: near(
            straggler.gumbel_expected_max(
                quantile_far=-np.log(-np.log1p(-1e-7 / np.e)), quantile_near=-np.log(-np.log1p(-1e-7))
            ),
            np.log(1e7) + np.euler_gamma,
            within=1e-7,
        ),
    },
    straggler.jitter_factor: {
        "No excess": lambda: near(straggler.jitter_factor(excess_share=0.0), 1.0),
        "Infinite excess": lambda: near(straggler.jitter_factor(excess_share=INF), 0.0),
    },
    straggler.pareto_expected_max: {
        "One draw": lambda: near(_pareto(1.0, 3.0), 2.0 * 3.0 / 2.0, within=1e-9),
        "Many draws": lambda: near(_pareto(1e9, 2.0), 2.0 * 1e9**0.5 * np.sqrt(np.pi), within=1e-8),
        "``alpha`` of 1 or less": lambda: near(_pareto(8.0, [1.0, 0.5]), INF),
        "``alpha`` infinite": lambda: near(_pareto(8.0, INF), 2.0),
    },
    straggler.rare_slow_excess_share: {
        "No slow nodes": lambda: near(_rare(slow_share=0.0), 0.05),
        "All nodes slow": lambda: (
            near(_rare(slow_share=1.0), 1.3 * (1.0 + 0.02 * _z(1_000.0)) - 1.0),
            near(_rare(slow_share=1.0, slow_factor=0.5), 0.05),
        ),
        "A slow factor too small to matter": lambda: near(_rare(slow_factor=1.0, light_excess_share=0.2), 0.2),
        "Very many nodes meet a slow one for certain": _rare_for_certain,
    },
    straggler.transient_sigma_share: {
        "One chunk": lambda: near(straggler.transient_sigma_share(sigma_share=0.07, chunk_count=1.0), 0.07),
        "Infinitely many chunks": lambda: near(straggler.transient_sigma_share(sigma_share=0.07, chunk_count=INF), 0.0),
    },
    transformer.expert_mlp_parameter_count: {
        "one expert and nothing shared": lambda: near(
            transformer.expert_mlp_parameter_count(
                hidden_dim=64,
                mlp_matrix_count=3,
                expert_count=1,
                counted_expert_count=1,
                expert_mlp_dim=256,
                shared_expert_mlp_dim=0,
            ),
            3 * 64 * 256 + 64,
        ),
        "no expert counted": lambda: near(
            transformer.expert_mlp_parameter_count(
                hidden_dim=64,
                mlp_matrix_count=3,
                expert_count=8,
                counted_expert_count=0,
                expert_mlp_dim=256,
                shared_expert_mlp_dim=128,
            ),
            3 * 64 * 128 + 64 * 8,
        ),
    },
    transformer.flop_per_token: {
        "no attention counted": lambda: near(
            transformer.flop_per_token(matmul_parameter_count=7.0, attention_flop_per_token=0.0), 42.0
        ),
        "no parameters": lambda: near(
            transformer.flop_per_token(matmul_parameter_count=0.0, attention_flop_per_token=9.0), 9.0
        ),
    },
    transformer.layers_parameter_count: {
        "a dense model of classic layers (no grouping, plain MLP of 4 h)": lambda: near(
            at(
                transformer.layers_parameter_count,
                layer_count=10.0,
                expert_layer_count=0.0,
                attention_parameter_count=4 * 64**2,
                mlp_parameter_count=8 * 64**2,
            ),
            12 * 10 * 64**2,
        ),
        "experts in every layer": lambda: near(
            *(
                at(
                    transformer.layers_parameter_count,
                    layer_count=10.0,
                    expert_layer_count=10.0,
                    mlp_parameter_count=size,
                )
                for size in (0.0, 1e9)
            )
        ),
        "no layers": lambda: near(at(transformer.layers_parameter_count, layer_count=0.0, expert_layer_count=0.0), 0.0),
    },
    transformer.matmul_parameter_count: {
        "no layers": lambda: near(
            transformer.matmul_parameter_count(layers_parameter_count=0.0, vocabulary_count=500.0, hidden_dim=64.0),
            500 * 64,
        ),
        "no vocabulary": lambda: near(
            transformer.matmul_parameter_count(layers_parameter_count=7e9, vocabulary_count=0.0, hidden_dim=64.0), 7e9
        ),
    },
    transformer.mlp_parameter_count: {
        "plain, with an inner width of 4 h": lambda: near(
            transformer.mlp_parameter_count(hidden_dim=96, mlp_dim=4 * 96, mlp_matrix_count=2), 8 * 96**2
        ),
        "gated, with an inner width of 8/3 h": lambda: near(
            transformer.mlp_parameter_count(hidden_dim=96, mlp_dim=8 * 96 / 3, mlp_matrix_count=3), 8 * 96**2
        ),
    },
    transformer.parameter_count: {
        "tied embeddings": lambda: near(
            transformer.parameter_count(
                layers_parameter_count=7e9, layer_count=10, vocabulary_count=500, hidden_dim=64, embedding_count=1
            ),
            7e9 + 500 * 64 + 21 * 64,
        ),
        "no layers and no vocabulary": lambda: near(
            transformer.parameter_count(
                layers_parameter_count=0, layer_count=0, vocabulary_count=0, hidden_dim=64, embedding_count=2
            ),
            64.0,
        ),
    },
    waterfall.attribution_share: {
        "a stage that is the same in both": lambda: near(
            waterfall.attribution_share(before_factor=0.9, after_factor=0.9, before_share=0.4, after_share=0.1), 0.0
        ),
        "the only stage that differs": lambda: near(
            waterfall.attribution_share(before_factor=0.8, after_factor=0.2, before_share=0.4, after_share=0.1), 1.0
        ),
        "no fall at all": lambda: undefined(
            waterfall.attribution_share(before_factor=0.8, after_factor=0.2, before_share=0.4, after_share=0.4)
        ),
    },
    waterfall.compose: {
        "one job": _alone,
        "jobs that are alike": _jobs_alike,
        "GPUs in no job": _left_out,
        "no loss at all": _no_loss,
        "a stage that leaves nothing": _nothing_left,
    },
}
