"""Layout search: ``python tests/bench/layout.py``. Prints layouts a second and the time of whole searches.

The search of Llama 3 405B on 16,384 H100 has a target, 0.1 s after import; enumeration, memory and steps are all in it.
"""

import time
from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np

from colocalc.case.runs import lower_runs
from colocalc.catalog import catalog_dir, load_catalog
from colocalc.mfu.predict.choices import Choices, Recompute, Schedule, Sizes, every_choice
from colocalc.mfu.predict.facts import STAGES, Chip, Constants, Dimensions, Stack
from colocalc.mfu.predict.layouts import Layouts, enumerate_layouts
from colocalc.mfu.predict.search import Facts, Found, search
from colocalc.runs import Run, read_runs

LLAMA, DEEPSEEK = "llama3-405B-n16384-s8192", "mbridge-26.06-deepseekv3-b300-mxfp8-n256-gbs4096-s4096"
BLOCKS = (1_024, 4_096, 16_384)
TARGET_S, TARGET_RATE = 0.1, 1_000_000
MEMORY_LIMIT_SHARE = 0.95
BEST = 20
ROUNDS = 5
KINDS = ("1f1b", "zb-h1", "zb-v")
UNLIMITED = 2**30


def schedules(*names: str) -> tuple[Schedule, ...]:
    """Schedules with the factors of the catalog."""
    catalog = load_catalog()
    return tuple(
        Schedule(
            name=name,
            bubble_factor=float(catalog.default(f"schedule.{name}_factor").value),
            is_interleaved=name == "1f1b",
            splits_backward=name.startswith("zb"),
            stage_layer_multiple_count=2 if name == "zb-v" else 1,
            fewest_micro_batches_count={"1f1b": 0, "zb-h1": 1, "zb-v": 2}[name],
        )
        for name in names
    )


def recompute(sizes: Sizes) -> tuple[Recompute, ...]:
    """Nothing, the cheap parts of a layer, and all of it."""
    kind = "experts" if sizes.expert_count else "cheap_parts"
    cheap = float(load_catalog().default(f"predict.recompute_layer_share.{kind}").value)
    return (
        Recompute("none", 0.0, 0.0, 0.0),
        Recompute("selective", cheap, 0.0, 1.0),
        Recompute("full", 1.0, 0.0, 0.0),
    )


def lowered(name: str) -> tuple[Facts, Sizes]:
    """The facts of a published run, and what its layouts have to divide."""
    catalog = load_catalog()
    run = next(one for one in read_runs(catalog_dir() / "runs.yaml") if isinstance(one, Run) and one.id == name)
    case = lower_runs([run], catalog)

    def first(kind: type, record: object) -> object:
        return kind(**{field.name: np.asarray(getattr(record, field.name)[0]) for field in fields(kind)})

    constants = {key: np.asarray(value) for key, value in catalog.calibration.values().items()}
    facts = Facts(
        dimensions=first(Dimensions, case.dimensions),
        chip=first(Chip, case.chip),
        stack=first(Stack, case.stack),
        constants=Constants(**constants),
    )
    model = run.model
    return facts, Sizes(
        gpu_count=run.n_gpus,
        node_gpu_count=run.gpus_per_node,
        layer_count=model.layers,
        head_count=model.heads,
        kv_head_count=model.kv_heads or model.heads,
        expert_count=model.experts or 0,
        sequence_tokens=model.seq_len,
        global_batch_sequences=int(run.global_batch),
        gpu_rest_share=0.0,
        batch_rest_share=0.0,
    )


def chosen(sizes: Sizes, tp_limit: int, names: tuple[str, ...]) -> Choices:
    """All that divides, with at most some tensor ranks; nothing else is limited."""
    return every_choice(
        sizes=sizes,
        tp_limit_count=tp_limit,
        cp_limit_count=UNLIMITED,
        vpp_limit_count=UNLIMITED,
        micro_batch_limit_sequences=UNLIMITED,
        recompute=recompute(sizes),
        schedules=schedules(*names),
        zero_stage=(0, 1, 2, 3),
        sequence_parallel_share=1.0,
    )


def searched(facts: Facts, layouts: Layouts, block: int) -> Found:
    """The fastest of the layouts."""
    return search(
        layouts=layouts,
        facts=facts,
        memory_limit_share=MEMORY_LIMIT_SHARE,
        best_limit_count=BEST,
        block_layout_count=block,
    )


def cases() -> Iterator[tuple[str, Facts, Sizes, Choices]]:
    """What is searched: a title, the facts, the sizes, and the choices."""
    facts, sizes = lowered(LLAMA)
    yield "405B, 16,384 H100, tp to 8, 1f1b", facts, sizes, chosen(sizes, 8, KINDS[:1])
    yield "405B, 16,384 H100, tp to 8", facts, sizes, chosen(sizes, 8, KINDS)
    yield "405B, 16,384 H100, any tp", facts, sizes, chosen(sizes, UNLIMITED, KINDS)
    many = replace(sizes, gpu_count=18_432, global_batch_sequences=2_304)
    yield "405B, 18,432 H100, any tp", facts, many, chosen(many, UNLIMITED, KINDS)
    facts, sizes = lowered(DEEPSEEK)
    yield "DeepSeek-V3, 256 B300, tp to 8", facts, sizes, chosen(sizes, 8, KINDS)
    many = replace(sizes, gpu_count=2_048, global_batch_sequences=15_360)
    yield "DeepSeek-V3, 2,048 B300, tp to 8", facts, many, chosen(many, 8, KINDS)


def timed(facts: Facts, sizes: Sizes, choices: Choices, block: int) -> tuple[Found, float, float]:
    """What was found, and the least time of all of it and of the enumeration alone."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        layouts = enumerate_layouts(sizes=sizes, choices=choices)
        counted = time.perf_counter()
        found = searched(facts, layouts, block)
        rounds.append((time.perf_counter() - start, counted - start))
    return found, min(whole for whole, _ in rounds), min(count for _, count in rounds)


def told(found: Found, place: int) -> str:
    """One layout of a ranking in a line."""
    best = found.best
    plan, layouts = best.plan, best.layouts
    cut = " ".join(
        f"{name}{getattr(plan, f'{name}_count')[place]:.0f}" for name in ("tp", "pp", "vpp", "cp", "ep", "dp")
    )
    kind = layouts.choices.recompute[layouts.recompute_index[place]].name
    schedule = layouts.choices.schedules[layouts.column("schedule_index")[place]].name
    return (
        f"{cut} b{plan.micro_batch_sequences[place]:.0f} z{plan.zero_stage[place]:.0f} {kind} {schedule}: "
        f"{best.step_time_s[place]:.3f} s, MFU {best.step_mfu_share[place]:.3f}, "
        f"memory {best.memory_use_share[place]:.3f} ({best.binding_terms()[place]}), "
        f"most lost to {best.binding_stages(among=STAGES[1:])[place]}"
    )


def main() -> None:
    """Prints the tables."""
    print(f"{'':34} {'block':>6} {'layouts':>9} {'costed':>9} {'enumerated':>10} {'in all':>8} {'costed/s':>10}")
    for title, facts, sizes, choices in cases():
        for block in BLOCKS:
            found, whole_s, count_s = timed(facts, sizes, choices, block)
            counts = f"{found.layout_count:9,} {found.fitting_count:9,}"
            rate = found.fitting_count / whole_s
            print(f"{title:34} {block:6,} {counts} {count_s:8.4f} s {whole_s:6.4f} s {rate:10,.0f}")
        print(f"  {told(found, 0)}")
    print(f"targets: 405B on 16,384 in {TARGET_S} s, {TARGET_RATE:,} costed layouts a second")
    for title, facts, sizes, choices in list(cases())[:2]:
        print(f"\n{title}")
        found = searched(facts, enumerate_layouts(sizes=sizes, choices=choices), BLOCKS[1])
        print(*(f"  {told(found, place)}" for place in range(BEST)), sep="\n")


if __name__ == "__main__":
    main()
