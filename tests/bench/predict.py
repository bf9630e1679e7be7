"""Layouts a second: ``python tests/bench/predict.py``. Prints the rate of the step model, with and without memory."""

import time
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from colocalc.catalog import load_catalog
from colocalc.mfu.predict.facts import Chip, Constants, Dimensions, Plan, Stack
from colocalc.mfu.predict.memory import memory
from colocalc.mfu.predict.step import step_time

LAYOUTS = 2**19
BLOCKS = (1_024, 4_096, 16_384)
TARGET = 1_000_000
ROUNDS = 3
MODEL = {
    "layer_count": 126,
    "hidden_dim": 16_384,
    "head_count": 128,
    "query_dim": 16_384,
    "kv_dim": 1_024,
    "value_dim": 16_384,
    "attention_parameter_count": 570_425_344,
    "mlp_dim": 53_248,
    "mlp_matrix_count": 3,
    "vocabulary_count": 128_256,
    "sequence_tokens": 8_192,
    "window_tokens": 8_192,
}
H100 = {
    "peak_flop_per_s": 989e12,
    "bf16_flop_per_s": 989e12,
    "ceiling_share": 0.8,
    "bf16_ceiling_share": 0.8,
    "attention_share": 0.45,
    "operand_byte": 2,
    "hbm_byte": 80e9,
    "hbm_byte_per_s": 3.35e12,
    "scale_up_byte_per_s": 450e9,
    "scale_out_byte_per_s": 50e9,
    "domain_gpu_count": 8,
    "node_gpu_count": 8,
    "torus_dim_count": 1,
}
STACK = {"flash_share": 1, "gradient_byte": 4, "loss_byte": 14, "slice_count": 1}


def record(kind: type, values: dict[str, float]) -> object:
    """A record of scalars; what is not given is 0."""
    return kind(**{field.name: np.asarray(values.get(field.name, 0.0), np.float64) for field in fields(kind)})


def plans(size: int) -> Plan:
    """Plans of 16,384 GPUs, every field an array."""
    draw = np.random.default_rng(1)
    t, p, c = (2.0 ** draw.integers(0, most, size) for most in (4, 5, 3))
    d = 16_384.0 / (t * p * c)
    one = np.ones(size)
    return Plan(
        gpu_count=16_384.0 * one,
        tp_count=t,
        pp_count=p,
        vpp_count=draw.integers(1, 9, size).astype(np.float64),
        schedule_factor=one,
        cp_count=c,
        ep_count=one,
        dp_count=d,
        shard_count=d,
        zero_stage=draw.integers(0, 4, size).astype(np.float64),
        sequence_parallel_share=one,
        micro_batch_sequences=2.0 ** draw.integers(0, 3, size),
        global_batch_sequences=16_384.0 * one,
        recompute_layer_share=draw.integers(0, 2, size).astype(np.float64),
        recompute_core_share=0.0 * one,
    )


def blocks(plan: Plan, size: int) -> list[Plan]:
    """The same plans in blocks."""
    names = [field.name for field in fields(Plan)]
    return [
        replace(plan, **{name: getattr(plan, name)[start : start + size] for name in names})
        for start in range(0, LAYOUTS, size)
    ]


def rate(act: Callable[[Plan], object], parts: list[Plan]) -> float:
    """Layouts a second, the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for part in parts:
            act(part)
        times.append(time.perf_counter() - start)
    return LAYOUTS / min(times)


def main() -> None:
    """Prints the table."""
    facts = {"dimensions": record(Dimensions, MODEL), "chip": record(Chip, H100), "stack": record(Stack, STACK)}
    constants = record(Constants, load_catalog().calibration.values())

    def predict(plan: Plan) -> None:
        step_time(**facts, plan=plan, constants=constants)

    def fit(plan: Plan) -> None:
        predict(plan)
        memory(**facts, plan=plan, selective_share=0.0)

    everything = plans(LAYOUTS)
    print(f"{'block':>8} {'layouts/s':>12} {'and memory':>12}   (target {TARGET:,})")
    for size in BLOCKS:
        parts = blocks(everything, size)
        print(f"{size:8,} {rate(predict, parts):12,.0f} {rate(fit, parts):12,.0f}")


if __name__ == "__main__":
    main()
