"""Layout search: the enumeration against plain loops, the search against one layout at a time, and Llama 3 405B."""

from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest

from colocalc.case.runs import lower_runs
from colocalc.catalog import catalog_dir, load_catalog
from colocalc.mfu.predict.choices import Choices, Recompute, Schedule, Sizes, every_choice
from colocalc.mfu.predict.facts import STAGES, Chip, Constants, Dimensions, Plan, Stack
from colocalc.mfu.predict.layouts import enumerate_layouts
from colocalc.mfu.predict.memory import TERMS, memory
from colocalc.mfu.predict.search import Facts, costs, rank, search
from colocalc.mfu.predict.step import step_time
from colocalc.runs import Run, read_runs

NONE = Recompute("none", 0.0, 0.0, 0.0)
SELECTIVE = Recompute("selective", 0.045, 0.0, 1.0)
FULL = Recompute("full", 1.0, 0.0, 0.0)
ONE_F_ONE_B = Schedule(
    "1f1b",
    1.0,
    is_interleaved=True,
    splits_backward=False,
    stage_layer_multiple_count=1,
    fewest_micro_batches_count=0,
)
ZB_H1 = Schedule(
    "zb-h1",
    1.0 / 3.0,
    is_interleaved=False,
    splits_backward=True,
    stage_layer_multiple_count=1,
    fewest_micro_batches_count=1,
)
ZB_V = replace(ZB_H1, name="zb-v", bubble_factor=0.0, stage_layer_multiple_count=2, fewest_micro_batches_count=2)

SMALL = Sizes(
    gpu_count=24,
    node_gpu_count=4,
    layer_count=10,
    head_count=12,
    kv_head_count=2,
    expert_count=0,
    sequence_tokens=96,
    global_batch_sequences=48,
    gpu_rest_share=0.0,
    batch_rest_share=0.0,
)
SPARSE = replace(SMALL, expert_count=12)
LLAMA = Sizes(
    gpu_count=16_384,
    node_gpu_count=8,
    layer_count=126,
    head_count=128,
    kv_head_count=8,
    expert_count=0,
    sequence_tokens=8_192,
    global_batch_sequences=2_048,
    gpu_rest_share=0.0,
    batch_rest_share=0.0,
)
UNLIMITED = 2**20
FREE = {
    "tp_limit_count": UNLIMITED,
    "cp_limit_count": UNLIMITED,
    "vpp_limit_count": UNLIMITED,
    "micro_batch_limit_sequences": UNLIMITED,
    "recompute": (NONE, SELECTIVE, FULL),
    "schedules": (ONE_F_ONE_B, ZB_H1, ZB_V),
    "zero_stage": (0, 1, 2, 3),
    "sequence_parallel_share": 1.0,
}
CUT = ("tp_count", "pp_count", "vpp_count", "cp_count", "ep_count", "micro_batch_sequences")


def choices_of(sizes=SMALL, **changes) -> Choices:
    fixed = {name: value for name, value in changes.items() if name not in FREE}
    return replace(every_choice(sizes=sizes, **(FREE | {k: v for k, v in changes.items() if k in FREE})), **fixed)


def laid_out(sizes=SMALL, **changes):
    return enumerate_layouts(sizes=sizes, choices=choices_of(sizes, **changes))


def rows(layouts):
    """Every layout as a tuple: the cut, schedule, recompute and stage of ZeRO."""
    names = (*CUT, "dp_count", "schedule_index")
    columns = [layouts.column(name).tolist() for name in names]
    return list(zip(*columns, layouts.recompute_index.tolist(), layouts.zero_stage.tolist(), strict=True))


def divides(sizes, t, p, c, e, b):
    """Whether ranks and micro-batches leave no rest."""
    d = sizes.gpu_count // (t * p * c)
    nested = (sizes.kv_head_count, sizes.node_gpu_count)
    experts = sizes.expert_count % e == d * c * t % e == 0 if sizes.expert_count else e == 1
    return (
        d * t * p * c == sizes.gpu_count
        and sizes.head_count % t == 0
        and p <= sizes.layer_count
        and all(whole % t == 0 or t % whole == 0 for whole in nested)
        and sizes.sequence_tokens % (t * c) == 0
        and (c == 1 or sizes.sequence_tokens % (2 * c) == 0)
        and experts
        and sizes.global_batch_sequences % (b * d) == 0
    )


def in_turn(sizes, schedule, again, p, v, micro):
    """Whether a pipeline of several stages runs so."""
    layers, parts = -(-sizes.layer_count // p), v * schedule.stage_layer_multiple_count
    return (
        (parts == 1 or (layers % parts == 0 and p * parts <= sizes.layer_count + 2))
        and (v == 1 or (schedule.is_interleaved and micro % p == 0))
        and micro >= schedule.fewest_micro_batches_count * p
        and not (schedule.splits_backward and again.name != "none")
    )


def by_loops(sizes, choices):
    """The same rules, one layout at a time."""
    ways = product(*(getattr(choices, name) for name in CUT), range(len(choices.schedules)))
    kinds = list(product(range(len(choices.recompute)), choices.zero_stage))
    for t, p, v, c, e, b, s in ways:
        if not divides(sizes, t, p, c, e, b):
            continue
        d = sizes.gpu_count // (t * p * c)
        micro = sizes.global_batch_sequences // (b * d)
        for r, z in kinds:
            alone = s == 0 and v == 1
            fine = in_turn(sizes, choices.schedules[s], choices.recompute[r], p, v, micro) if p > 1 else alone
            if fine and (d * c > 1 or z == min(choices.zero_stage)):
                yield (t, p, v, c, e, b, d, s, r, z)


# What there is to choose


def test_every_divisor_is_a_choice_and_not_only_powers_of_two():
    found = choices_of()
    assert found.tp_count == (1, 2, 3, 4, 6, 12)
    assert found.pp_count == (1, 2, 3, 4, 6, 8)
    assert found.cp_count == (1, 2, 3, 4, 6, 8, 12, 24)
    # stages of 10, 5, 4, 3, 2 and 2 layers
    assert found.vpp_count == (1, 2, 3, 4, 5, 10)
    assert found.ep_count == (1,)
    assert choices_of(SPARSE).ep_count == (1, 2, 3, 4, 6, 12)
    assert found.micro_batch_sequences == (1, 2, 3, 4, 6, 8, 12, 16, 24, 48)


def test_limits_of_one_leave_one_choice():
    limits = ("tp_limit_count", "cp_limit_count", "vpp_limit_count", "micro_batch_limit_sequences")
    found = choices_of(**dict.fromkeys(limits, 1))
    names = ("tp_count", "cp_count", "vpp_count", "micro_batch_sequences")
    assert [getattr(found, name) for name in names] == [(1,)] * 4


# All layouts


@pytest.mark.parametrize("sizes", [SMALL, SPARSE, replace(SMALL, layer_count=6, sequence_tokens=60)], ids=str)
def test_the_layouts_are_those_of_plain_loops(sizes):
    found = rows(laid_out(sizes))
    assert len(set(found)) == len(found) > 100
    assert set(found) == set(by_loops(sizes, choices_of(sizes)))


def test_llama_has_as_many_layouts_as_plain_loops_find():
    changes = {"tp_limit_count": 8, "zero_stage": (1,), "recompute": (NONE, FULL)}
    found = laid_out(LLAMA, **changes)
    assert len(found) == len(list(by_loops(LLAMA, choices_of(LLAMA, **changes))))


def test_without_sequence_parallelism_tensor_ranks_need_not_divide_the_tokens():
    odd = replace(SMALL, sequence_tokens=97)
    assert {row[0] for row in rows(laid_out(odd))} == {1}
    assert {row[0] for row in rows(laid_out(odd, sequence_parallel_share=0.0))} == {1, 2, 4, 12}


def test_tensor_ranks_divide_a_node_or_fill_nodes():
    assert {row[0] for row in rows(laid_out())} == {1, 2, 4, 12}


def test_a_fixed_choice_stays_fixed():
    found = laid_out(LLAMA, tp_count=(8,), pp_count=(16,), zero_stage=(2,), recompute=(NONE,), schedules=(ONE_F_ONE_B,))
    assert {(row[0], row[1], row[-1]) for row in rows(found)} == {(8, 16, 2)}


def test_at_one_stage_the_first_schedule_stands_for_all():
    found = laid_out(pp_count=(1,), schedules=(ZB_V, ONE_F_ONE_B))
    assert set(found.column("schedule_index").tolist()) == {0}
    assert set(found.recompute_index.tolist()) == {0, 1, 2}


def test_without_ranks_to_shard_over_the_lowest_stage_of_zero_stands_for_all():
    found = laid_out(tp_count=(12,), pp_count=(2,), zero_stage=(3, 1))
    assert set(found.zero_stage.tolist()) == {1}


def test_a_dense_model_has_one_expert_rank():
    assert len(laid_out(ep_count=(2,))) == 0
    assert set(laid_out(ep_count=(1, 2)).column("ep_count").tolist()) == {1}


@pytest.mark.parametrize(
    "changes", [{"tp_count": (5,)}, {"micro_batch_sequences": (7,)}, {"zero_stage": ()}, {"schedules": ()}], ids=str
)
def test_nothing_that_divides_is_no_layout(changes):
    assert len(laid_out(**changes)) == 0


def test_only_an_interleaved_schedule_has_chunks_and_whole_rounds_of_micro_batches():
    found = laid_out(LLAMA, tp_limit_count=8)
    is_cut = found.column("vpp_count") > 1
    micro = 2_048 // (found.column("dp_count") * found.column("micro_batch_sequences"))
    assert set(found.column("schedule_index")[is_cut].tolist()) == {0}
    assert np.all(micro[is_cut] % found.column("pp_count")[is_cut] == 0)


def test_zero_bubble_has_no_recompute_and_enough_micro_batches():
    found = laid_out(LLAMA, tp_limit_count=8)
    micro = 2_048 // (found.column("dp_count") * found.column("micro_batch_sequences"))
    order, stages = found.column("schedule_index"), found.column("pp_count")
    assert set(found.recompute_index[order > 0].tolist()) == {0}
    assert np.all(micro[order == 1] >= stages[order == 1])
    assert np.all(micro[order == 2] >= 2 * stages[order == 2])


def test_a_stage_of_two_halves_has_an_even_number_of_layers():
    # 10 layers: stages of 5, 4 (3.33), 3, 2 and 2
    stages = {row[1] for row in rows(laid_out(schedules=(ONE_F_ONE_B, ZB_V))) if row[7] == 1}
    assert stages == {3, 6}


def test_a_layout_becomes_the_plan_of_the_step_model():
    found = laid_out(
        LLAMA,
        tp_count=(8,),
        pp_count=(16,),
        cp_count=(2,),
        vpp_count=(4,),
        micro_batch_sequences=(2,),
        zero_stage=(0, 2),
    ).taken(slice(1, 2))
    plan = found.plan()
    told = {field.name: float(np.broadcast_to(getattr(plan, field.name), 1)[0]) for field in fields(Plan)}
    assert told == {
        "gpu_count": 16_384.0,
        "tp_count": 8.0,
        "pp_count": 16.0,
        "vpp_count": 4.0,
        "schedule_factor": 1.0,
        "cp_count": 2.0,
        "ep_count": 1.0,
        "dp_count": 64.0,
        "shard_count": 128.0,
        "zero_stage": 2.0,
        "sequence_parallel_share": 1.0,
        "micro_batch_sequences": 2.0,
        "global_batch_sequences": 2_048.0,
        "recompute_layer_share": 0.0,
        "recompute_core_share": 0.0,
    }


# With a rest

ODD = replace(SMALL, gpu_count=26, global_batch_sequences=50, gpu_rest_share=0.1, batch_rest_share=0.1)


def cuts_with_a_rest(sizes, choices):
    """Every cut that leaves no more than the sizes allow, one at a time, with what it makes of chips and batch."""
    for t, p, c, b in product(choices.tp_count, choices.pp_count, choices.cp_count, choices.micro_batch_sequences):
        d = sizes.gpu_count // (t * p * c)
        if d == 0 or sizes.gpu_count - t * p * c * d > sizes.gpu_rest_share * sizes.gpu_count:
            continue
        micro = max(1, round(sizes.global_batch_sequences / (b * d)))
        off = abs(micro * b * d - sizes.global_batch_sequences)
        exact = replace(sizes, gpu_count=t * p * c * d, global_batch_sequences=micro * b * d)
        if off <= sizes.batch_rest_share * sizes.global_batch_sequences and divides(exact, t, p, c, 1, b):
            yield t, p, c, d, b, micro, t * p * c * d, micro * b * d


def test_where_a_rest_is_allowed_any_number_of_stages_is_a_choice():
    found = choices_of(ODD, micro_batch_limit_sequences=6)
    assert found.pp_count == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    assert found.tp_count == (1, 2, 3, 4, 6, 12)
    assert found.cp_count == (1, 2, 3, 4, 6, 8, 12, 16, 24)
    assert found.micro_batch_sequences == (1, 2, 3, 4, 5, 6)


def test_the_cuts_with_a_rest_are_those_of_plain_loops():
    changes = {"micro_batch_limit_sequences": 6, "schedules": (ONE_F_ONE_B,), "zero_stage": (1,), "vpp_count": (1,)}
    found = laid_out(ODD, recompute=(NONE,), **changes)
    names = ("tp_count", "pp_count", "cp_count", "dp_count", "micro_batch_sequences")
    names = (*names, "micro_batch_count", "laid_out_count", "batch_sequences")
    told = list(zip(*(found.column(name).tolist() for name in names), strict=True))
    assert set(told) == set(cuts_with_a_rest(ODD, choices_of(ODD, micro_batch_limit_sequences=6)))
    assert len(set(told)) == len(told) > 100
    assert {row[-2] for row in told} == {24, 25, 26}
    plan = found.plan()
    assert plan.gpu_count.tolist() == [row[-2] for row in told]
    assert plan.global_batch_sequences.tolist() == [row[-1] for row in told]


def test_without_a_rest_nothing_divides_a_prime_number_of_chips():
    prime = replace(ODD, gpu_count=10_007, gpu_rest_share=0.0)
    assert {row[0] * row[1] * row[3] for row in rows(laid_out(prime))} <= {1}


# The search


@pytest.fixture(scope="module")
def facts():
    """Llama 3 405B on 16,384 H100, as its authors tell it."""
    catalog, name = load_catalog(), "llama3-405B-n16384-s8192"
    runs = [run for run in read_runs(catalog_dir() / "runs.yaml") if isinstance(run, Run) and run.id == name]
    case = lower_runs(runs, catalog)

    def first(kind, record):
        return kind(**{field.name: np.asarray(getattr(record, field.name)[0]) for field in fields(kind)})

    return Facts(
        dimensions=first(Dimensions, case.dimensions),
        chip=first(Chip, case.chip),
        stack=first(Stack, case.stack),
        constants=Constants(**{key: np.asarray(value) for key, value in catalog.calibration.values().items()}),
    )


@pytest.fixture(scope="module")
def llama():
    return laid_out(LLAMA, tp_limit_count=8)


def best_of(layouts, facts, **changes):
    known = {"memory_limit_share": 0.95, "best_limit_count": 20, "block_layout_count": 4_096}
    return search(layouts=layouts, facts=facts, **(known | changes))


def some(layouts, count):
    return layouts.taken(np.random.default_rng(1).permutation(len(layouts))[:count])


def alone(row, choices, facts):
    """Memory and time of one layout, on its own."""
    t, p, v, c, e, b, d, s, r, z = row
    again = choices.recompute[r]
    plan = Plan(
        **{
            name: np.asarray(float(value))
            for name, value in {
                "gpu_count": t * p * c * d,
                "tp_count": t,
                "pp_count": p,
                "vpp_count": v,
                "schedule_factor": choices.schedules[s].bubble_factor,
                "cp_count": c,
                "ep_count": e,
                "dp_count": d,
                "shard_count": d * c if z else 1,
                "zero_stage": z,
                "sequence_parallel_share": 1,
                "micro_batch_sequences": b,
                "global_batch_sequences": 2_048,
                "recompute_layer_share": again.layer_share,
                "recompute_core_share": again.core_share,
            }.items()
        }
    )
    known = {"dimensions": facts.dimensions, "chip": facts.chip, "plan": plan, "stack": facts.stack}
    held = memory(**known, selective_share=again.selective_share)
    return float(held.use_share), float(step_time(**known, constants=facts.constants).step_time_s)


def test_the_best_are_those_of_one_layout_at_a_time(llama, facts):
    few = some(llama, 1_000)
    costs = {row: alone(row, few.choices, facts) for row in rows(few)}
    fitting = [row for row in costs if costs[row][0] <= 0.95]

    def order(row):
        t, p, v, c, e, b, _, s, r, z = row
        return (costs[row][1], t * p * c * e, b, v, s, r, z, e, c, p)

    found = best_of(few, facts)
    expected = sorted(fitting, key=order)[:20]
    assert rows(found.best.layouts) == expected
    assert found.best.step_time_s.tolist() == [costs[row][1] for row in expected]
    assert found.best.memory_use_share.tolist() == [costs[row][0] for row in expected]
    assert (found.layout_count, found.fitting_count, len(found.fitting_time_s)) == (1_000, len(fitting), len(fitting))
    assert rows(found.leanest.layouts) == [min(costs, key=lambda row: costs[row][0])]


@pytest.mark.parametrize("block", [1, 7, 333, 100_000])
def test_the_size_of_a_block_changes_no_bit(llama, facts, block):
    few = some(llama, 2_000)
    whole, cut = (best_of(few, facts, best_limit_count=2_000, block_layout_count=size).best for size in (4_096, block))
    assert rows(whole.layouts) == rows(cut.layouts)
    assert whole.step_time_s.tobytes() == cut.step_time_s.tobytes()


def test_the_order_of_the_layouts_changes_nothing(llama, facts):
    first, second = (best_of(one, facts).best for one in (llama, some(llama, len(llama))))
    assert rows(first.layouts) == rows(second.layouts)
    assert first.step_time_s.tobytes() == second.step_time_s.tobytes()


def test_layouts_of_one_time_are_ordered_by_what_they_are(llama, facts):
    # Sharded gradients cost no time, so that ZeRO 1 comes before 2.
    found = best_of(llama, facts, best_limit_count=200).best
    told = rows(found.layouts)
    same = np.flatnonzero(np.diff(found.step_time_s) == 0.0)
    assert same.size > 3
    assert all(told[place][:-1] == told[place + 1][:-1] for place in same)
    assert all((told[place][-1], told[place + 1][-1]) == (1, 2) for place in same)


def test_more_is_told_than_fits(llama, facts):
    found = best_of(some(llama, 500), facts, best_limit_count=10_000)
    assert len(found.best.layouts) == found.fitting_count < 500
    assert np.all(np.diff(found.best.step_time_s) >= 0.0)
    assert np.all(found.best.memory_use_share <= 0.95)


def test_costs_of_any_plan_are_those_of_the_search(llama, facts):
    few = some(llama, 300)
    told, told_alone = (
        rank(layouts=few, facts=facts),
        costs(plan=few.plan(), selective_share=few.selective_share(), facts=facts),
    )
    assert told.step_time_s.tobytes() == told_alone.step_time_s.tobytes()
    assert told.binding_terms() == told_alone.binding_terms()


def test_times_of_all_that_fit_are_told_in_order(llama, facts):
    found = best_of(some(llama, 3_000), facts, best_limit_count=50)
    assert len(found.fitting_time_s) == found.fitting_count
    assert np.all(np.diff(found.fitting_time_s) >= 0.0)
    assert found.fitting_time_s[:50].tolist() == found.best.step_time_s.tolist()


def test_layouts_of_several_batches_are_ordered_by_their_time_for_one(facts):
    loose = replace(LLAMA, global_batch_sequences=2_000, gpu_rest_share=0.01, batch_rest_share=0.05)
    layouts = laid_out(loose, tp_count=(8,), cp_count=(1,), micro_batch_limit_sequences=2, recompute=(NONE,))
    best = best_of(layouts, facts, best_limit_count=200).best
    alike_s = best.step_time_s * 2_000 / best.plan.global_batch_sequences
    assert np.all(np.diff(alike_s) >= 0.0)
    assert not np.all(np.diff(best.step_time_s) >= 0.0)


def test_more_memory_is_never_slower(llama, facts):
    times = [
        float(best_of(some(llama, 5_000), facts, memory_limit_share=limit).best.step_time_s[0])
        for limit in (0.3, 0.5, 0.7, 0.9, 1.1, np.inf)
    ]
    assert times == sorted(times, reverse=True)
    assert times[0] > times[-1]


def test_when_nothing_fits_the_leanest_layout_says_what_binds(llama, facts):
    found = best_of(llama, facts, memory_limit_share=0.01)
    assert (found.layout_count, found.fitting_count, len(found.fitting_time_s)) == (len(llama), 0, 0)
    assert len(found.best.layouts) == len(found.best.step_time_s) == 0
    assert found.best.binding_stages(among=STAGES) == found.best.binding_terms() == ()
    assert found.leanest.memory_use_share[0] > 0.01
    assert found.leanest.binding_terms() == ("buffers",)  # what is left when everything is cut and sharded
    assert np.isfinite(found.leanest.step_time_s[0])


def test_a_small_job_is_bound_by_its_state(facts):
    # 405 billion parameters on eight chips: 16 bytes of each cannot fit, however they are cut.
    small = laid_out(replace(LLAMA, gpu_count=8, global_batch_sequences=16))
    found = best_of(small, facts)
    assert found.fitting_count == 0
    assert found.leanest.memory_use_share[0] > 5.0
    assert found.leanest.binding_terms() == ("optimizer",)


def test_no_layout_finds_nothing(facts):
    found = best_of(laid_out(LLAMA, tp_count=(7,)), facts)
    assert (found.layout_count, found.fitting_count, len(found.fitting_time_s)) == (0, 0, 0)
    assert len(found.best.layouts) == len(found.leanest.layouts) == 0


def test_losses_are_shares_of_the_whole_and_the_largest_binds(llama, facts):
    found = best_of(llama, facts).best
    shares = np.stack([found.loss_share[name] for name in STAGES])
    assert shares.sum(axis=0) == pytest.approx(1.0)
    assert found.binding_stages(among=STAGES) == tuple(STAGES[place] for place in shares.argmax(axis=0))
    assert set(found.binding_stages(among=("bubble", "jitter"))) <= {"bubble", "jitter"}
    assert found.binding_terms() == tuple(TERMS[place] for place in found.memory_term_index)


# Published: Llama 3 (Grattafiori et al. 2024), table 4: 16,384 H100, tp 8, pp 16, 16 million tokens, nothing run again,
# gradients and optimizer sharded, interleaved. Chunks are not told; a layer to a chunk is best.

META = {"tp_count": (8,), "pp_count": (16,), "vpp_count": (8,), "cp_count": (1,), "micro_batch_sequences": (1,)}
SAME = {"zero_stage": (0, 1, 2, 3), "schedules": (ONE_F_ONE_B,), "tp_limit_count": 8}


@pytest.fixture(scope="module")
def meta(facts):
    kinds = {"zero_stage": (2,), "schedules": (ONE_F_ONE_B,), "recompute": (NONE,)}
    return rank(layouts=laid_out(LLAMA, **META, **kinds), facts=facts)


def beaten_by(meta, facts, **changes):
    """The best layout of the same batch and schedule in the same memory, and how far the published one is behind."""
    use = float(meta.memory_use_share[0])
    best = best_of(laid_out(LLAMA, **(SAME | changes)), facts, memory_limit_share=use).best
    return best, float(meta.step_time_s[0] / best.step_time_s[0]) - 1.0


def test_the_published_layout_reaches_the_published_mfu(meta):
    assert len(meta.layouts) == 1
    assert float(meta.step_mfu_share[0]) == pytest.approx(0.41, rel=0.03)
    assert 0.7 < float(meta.memory_use_share[0]) < 0.95


def test_without_context_ranks_and_recompute_the_published_layout_is_the_best(meta, facts):
    best, behind = beaten_by(meta, facts, cp_count=(1,), recompute=(NONE,))
    assert behind < 0.03
    assert rows(best.layouts)[0][:6] == (8, 16, 8, 1, 1, 1)


def test_with_the_published_cut_of_the_model_context_ranks_gain_three_percent(meta, facts):
    _, behind = beaten_by(meta, facts, tp_count=(8,), pp_count=(16,))
    assert behind < 0.03


def test_context_ranks_and_recompute_beat_the_published_layout_by_a_tenth(meta, facts):
    # Half the tensor ranks send less; half the stages fill sooner. Both need the memory that two context ranks and
    # recompute of cheap parts save.
    best, behind = beaten_by(meta, facts)
    assert rows(best.layouts)[0][:6] == (4, 8, 16, 2, 1, 1)
    assert 0.05 < behind < 0.15
    gained = {
        name: np.log(float(best.step_mfu_share[0])) * float(best.loss_share[name][0])
        - np.log(float(meta.step_mfu_share[0])) * float(meta.loss_share[name][0])
        for name in STAGES
    }
    assert sorted(gained, key=gained.get)[-2:] == ["bubble", "tensor_context_expert"]
