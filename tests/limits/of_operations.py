"""Limits of failures, power, radiators and inference."""

import numpy as np

from colocalc.mfu import goodput, inference, power, radiator
from tests.limits.checks import INF, Limits, at, near, undefined

FLEET = {"gpu_count": [1_000.0, 3_000.0], "failures_per_1000_gpu_day": [0.8, 0.8]}
STOP = {"restart_s": 600.0, "checkpoint_s": 20.0, "checkpoint_interval_s": 900.0}
SITE = {
    "gpu_count": [1_000.0, 500.0],
    "gpu_power_w": [700.0, 1_200.0],
    "host_power_w": [575.0, 600.0],
    "draw_share": [0.7, 1.0],
}
HOSTS_W = 1_000 * 0.7 * 575 + 500 * 600
GPUS_W = 1_000 * 0.7 * 700 + 500 * 1_200
HEAT = {"sink_temperature_k": 255.0, "emissivity_share": 0.9, "radiating_sides_count": 1.0}


def _kept(mttf, **given):
    return goodput.restart_goodput_share(mttf_s=mttf, **STOP | given)


def _isolated(**given):
    plain = {"mttf_s": 1_080.0, "stall_s": 180.0, "replica_repair_s": 600.0, "replica_count": 781.0}
    return goodput.isolation_goodput_share(**plain | given)


def _interval(mttf, stall):
    return goodput.optimal_interval_s(mttf_s=mttf, checkpoint_s=stall)


def _step(batch, **given):
    plain = {"batch_count": batch, "communication_s": 0.0, "read_byte": 4e11, "kv_byte": 1e6}
    return at(inference.decode_step_s, **plain | given)


def _read(batch, **given):
    plain = {"shared_weight_byte": 5.0, "expert_weight_byte": 80.0, "expert_count": 16.0, "topk_count": 2.0}
    return inference.weights_read_byte(**plain | {"batch_count": batch} | given)


def _kv(**given):
    plain = {"layer_count": 30.0, "kv_dim": 1_024.0, "kv_bytes": 2.0, "context_tokens": 4_096.0}
    return inference.kv_cache_byte(**plain | {"window_layer_count": 20.0, "attention_window_tokens": 128.0} | given)


def _replica(gigabytes):
    return inference.least_replica_gpu_count(
        weight_byte=gigabytes * 1e9, hbm_byte=100e9, memory_share=0.9, weight_memory_share=0.5, domain_gpu_count=8.0
    )


def _smoothed(waiting, low, floor):
    return power.smoothing_energy_share(waiting_share=waiting, waiting_power_share=low, floor_share=floor)


def _rejected(hot, **given):
    return radiator.radiator_w_per_m2(radiator_temperature_k=hot, **HEAT | given)


def _cold_sink():
    sky = {"sink_temperature_k": 0.0}
    near(_rejected(300.0, **sky), 0.9 * 5.670374419e-8 * 300.0**4, within=1e-9)
    near(_rejected(360.0, **sky) / _rejected(300.0, **sky), 1.2**4)


LIMITS: Limits = {
    goodput.expected_down_nodes_count: {
        "No failures": lambda: near(at(goodput.expected_down_nodes_count, failures_per_1000_gpu_day=[0.0] * 3), 0.0),
        "Instant repair": lambda: near(at(goodput.expected_down_nodes_count, repair_s=0.0), 0.0),
        "Equal to the repair time over the mean time to failure": lambda: near(
            goodput.expected_down_nodes_count(**FLEET, repair_s=7_200.0), 7_200.0 / goodput.mttf_s(**FLEET)
        ),
    },
    goodput.isolation_goodput_share: {
        "No failures": lambda: near(_isolated(mttf_s=INF), 1.0),
        "No stall and infinitely many replicas": lambda: near(_isolated(stall_s=0.0, replica_count=INF), 1.0),
        "Repairs slower than failures knock out all replicas": lambda: near(_isolated(replica_repair_s=1e7), 0.0),
    },
    goodput.mttf_s: {
        "No failures or no GPUs": lambda: (
            near(goodput.mttf_s(**FLEET | {"gpu_count": [0.0, 0.0]}), INF),
            near(goodput.mttf_s(**FLEET | {"failures_per_1000_gpu_day": [0.0, 0.0]}), INF),
        ),
        "Twice the GPUs": lambda: near(
            goodput.mttf_s(**FLEET | {"gpu_count": [2_000.0, 6_000.0]}), goodput.mttf_s(**FLEET) / 2.0
        ),
        "Pools of one rate": lambda: near(
            goodput.mttf_s(**FLEET), goodput.mttf_s(gpu_count=[4_000.0], failures_per_1000_gpu_day=[0.8])
        ),
    },
    goodput.optimal_interval_s: {
        "No failures": lambda: near(_interval(INF, 20.0), INF),
        "Free checkpoints": lambda: near(_interval(9_000.0, 0.0), 0.0),
        "A checkpoint of ``2M`` or more": lambda: near(_interval(100.0, [200.0, 1e4]), 100.0),
        "``w`` far below ``M``": lambda: near(_interval(1e12, 20.0), np.sqrt(2 * 20 * 1e12), within=1e-5),
    },
    goodput.restart_goodput_share: {
        "No failures": lambda: (
            near(_kept(INF), 900 / 920),
            near(_kept(INF, checkpoint_interval_s=INF), 1.0),
        ),
        "No checkpoints (infinite interval) with failures": lambda: near(_kept(9e3, checkpoint_interval_s=INF), 0.0),
        "Free checkpoints, as often as wished (``w = tau = 0``)": lambda: near(
            _kept(9_000.0, checkpoint_s=0.0, checkpoint_interval_s=0.0), np.exp(-600 / 9_000)
        ),
        "An interval of 0 with a checkpoint that costs time": lambda: near(_kept(9e3, checkpoint_interval_s=0.0), 0.0),
        "Far more failures than restarts can mend": lambda: near(_kept(1e-3), 0.0),
    },
    goodput.spare_node_count: {
        "None down": lambda: near(goodput.spare_node_count(expected_down_nodes_count=0.0), 0.0),
        "Many down": lambda: near(goodput.spare_node_count(expected_down_nodes_count=1e12), 1e12, within=1e-5),
    },
    inference.decode_communication_s: {
        "A replica of one GPU": lambda: near(at(inference.decode_communication_s, replica_gpu_count=1.0), 0.0),
        "Nothing to carry, or links without end": lambda: [
            near(
                at(inference.decode_communication_s, layer_count=30.0, replica_gpu_count=8.0, start_s=1e-5, **free),
                2 * 30 * 1e-5,
            )
            for free in ({"batch_count": 0.0}, {"link_byte_per_s": INF})
        ],
    },
    inference.decode_step_s: {
        "Few sequences": lambda: near(_step(1.0, kv_byte=0.0), _step(4.0, kv_byte=0.0)),
        "Many sequences": lambda: near(_step(2e9), 2.0 * _step(1e9), within=1e-3),
    },
    inference.decode_tokens_per_s_per_gpu: {
        "No sequence fits": lambda: near(at(inference.decode_tokens_per_s_per_gpu, batch_count=0.0), 0.0),
        "A step without time": lambda: undefined(at(inference.decode_tokens_per_s_per_gpu, step_s=0.0)),
    },
    inference.kv_cache_byte: {
        "No context": lambda: near(_kv(context_tokens=0.0), 0.0),
        "No layer with a window, or a context within it": lambda: (
            near(_kv(window_layer_count=0.0), 30 * 1_024 * 2 * 4_096),
            near(_kv(attention_window_tokens=8_192.0), 30 * 1_024 * 2 * 4_096),
        ),
    },
    inference.least_replica_gpu_count: {
        "A model that is small beside one GPU": lambda: near(_replica(20.0), 1.0),
        "A model that fills more than its part of a domain but fits there": lambda: near(_replica(400.0), 8.0),
        "A model that fits in no domain": lambda: near(_replica(1_000.0), 16.0),
    },
    inference.prefill_tokens_per_s_per_gpu: {
        "Twice the arithmetic": lambda: near(
            2.0 * at(inference.prefill_tokens_per_s_per_gpu, forward_flop_per_token=2e12),
            at(inference.prefill_tokens_per_s_per_gpu, forward_flop_per_token=1e12),
        ),
        "No arithmetic": lambda: undefined(at(inference.prefill_tokens_per_s_per_gpu, forward_flop_per_token=0.0)),
    },
    inference.sequence_count: {
        "Weights that do not fit": lambda: near(at(inference.sequence_count, weight_byte=1e15), 0.0),
        "Sequences without memory of their own": lambda: undefined(at(inference.sequence_count, kv_byte=0.0)),
    },
    inference.weights_read_byte: {
        "No experts": lambda: near(_read(9.0, expert_count=0.0, expert_weight_byte=0.0), 5.0),
        "One sequence": lambda: near(_read(1.0), 5.0 + 80.0 * 2 / 16),
        "Many sequences, or tokens sent to every expert": lambda: (
            near(_read(1e6), 85.0),
            near(_read(1.0, topk_count=16.0), 85.0),
        ),
    },
    power.gpu_power_share: {
        "Just enough power for all": lambda: near(power.gpu_power_share(it_power_w=HOSTS_W + GPUS_W, **SITE), 1.0),
        "Not even enough for the hosts": lambda: near(power.gpu_power_share(it_power_w=HOSTS_W - 1.0, **SITE), 0.0),
        "No GPUs": lambda: near(power.gpu_power_share(it_power_w=1e6, **SITE | {"gpu_count": [0.0, 0.0]}), INF),
    },
    power.it_power_w: {
        "A PUE of 1": lambda: near(power.it_power_w(facility_power_w=3e8, pue_factor=1.0), 3e8),
    },
    power.nameplate_power_w: {
        "No GPUs": lambda: near(at(power.nameplate_power_w, gpu_count=[0.0] * 3), 0.0),
    },
    power.power_factor: {
        "Enough power or more": lambda: near(
            power.power_factor(gpu_power_share=[1.0, 3.0, INF], power_exponent_factor=0.7), 1.0
        ),
        "No power": lambda: near(power.power_factor(gpu_power_share=0.0, power_exponent_factor=[0.1, 1.0]), 0.0),
        "An exponent of 0": lambda: near(
            power.power_factor(gpu_power_share=[0.0, 0.5], power_exponent_factor=0.0), 1.0
        ),
    },
    power.smoothing_energy_share: {
        "no waiting, or a floor below what is drawn anyway": lambda: near(
            _smoothed([0.0, 0.15], [0.4, 0.4], [0.8, 0.3]), 0.0
        ),
        "15% of a step at 40% of the power and a floor of 80%": lambda: near(
            round(float(_smoothed(0.15, 0.4, 0.8)), 3), 0.066
        ),
    },
    radiator.radiator_area_m2: {
        "No heat": lambda: near(radiator.radiator_area_m2(heat_w=0.0, radiator_w_per_m2=400.0), 0.0),
        "A square metre that rejects nothing, or takes up heat": lambda: near(
            radiator.radiator_area_m2(heat_w=1e6, radiator_w_per_m2=[0.0, -5.0]), INF
        ),
    },
    radiator.radiator_temperature_k: {
        "No drop": lambda: near(
            radiator.radiator_temperature_k(chip_temperature_k=353.0, chip_to_radiator_drop_k=0.0), 353.0
        ),
        "A drop of all of it": lambda: near(
            _rejected(
                radiator.radiator_temperature_k(chip_temperature_k=353.0, chip_to_radiator_drop_k=353.0),
                sink_temperature_k=0.0,
            ),
            0.0,
        ),
    },
    radiator.radiator_w_per_m2: {
        "A sink at 0 K": _cold_sink,
        "A radiator as warm as its sink": lambda: near(_rejected(255.0), 0.0),
        "Twice the sides": lambda: near(_rejected(300.0, radiating_sides_count=2.0), 2.0 * _rejected(300.0)),
    },
}
