"""``layout: auto``: the best layout of a search, by the rule where there is nothing to search, asked once."""

from dataclasses import replace

import pytest

from colocalc.case import layout_search, lower
from colocalc.case.ledger import Ledger
from colocalc.catalog import load_catalog
from colocalc.hardware import GpuType
from colocalc.variants import Variants

CATALOG = load_catalog()
META = "meta-llama3-16k"
PARTS = ("tp", "pp", "vpp", "cp", "ep", "micro_batch", "schedule", "recompute", "zero_stage")


def lowered(training, *pools):
    entries = "".join(f"  - {{gpu: {gpu}, count: {count}}}\n" for gpu, count in pools or (("h100-sxm", 64),))
    text = f"name: x\npools:\n{entries}training: {training}\n"
    return Variants("-", CATALOG, stdin=text.encode()).case


def layout_of(case):
    found = {row.path: row for row in case.assumptions}
    return {part: found[f"training.layout.{part}"] for part in PARTS}


def numbers(case):
    return tuple(row.value for row in layout_of(case).values())


SMALL = "{model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304"


@pytest.mark.parametrize("layout", ["auto", None])
def test_a_layout_that_is_not_given_is_the_best_that_fits(layout):
    variants = Variants(META, CATALOG, sets=(f"training.layout={layout or 'null'}",))
    case = variants.case
    assert numbers(case) == (4.0, 8.0, 16.0, 2.0, 1.0, 1.0, "1f1b", "selective", 2.0)
    assert {row.origin for row in layout_of(case).values()} == {"derived"}
    assert {row.note for row in layout_of(case).values()} == {"by search: best of 13,423 that fit"}
    assert any(
        remark.text.startswith("no layout given: the best of 13,423 that fit is used") for remark in case.remarks
    )


def test_the_searched_layout_is_faster_than_the_published_one(evaluated):
    own, best = (
        float(evaluated(META, sets=sets).metrics["mfu.step_time_s"]) for sets in ((), ("training.layout=auto",))
    )
    assert 0.85 < best / own < 0.95


def test_a_job_without_a_batch_has_the_layout_of_the_rule():
    case = lowered("{model: llama-3.1-70b, layout: auto}")
    assert layout_of(case)["tp"].note == "by the layout rule"
    assert layout_of(case)["recompute"].origin == "assumed"


def test_without_a_fitting_layout_the_leanest_is_used_and_warned_of():
    case = lowered("{model: llama-3.1-405b, sequence_tokens: 8192, global_batch_tokens: 4_194_304}", ("h100-sxm", 8))
    assert layout_of(case)["tp"].note.startswith("by search: the leanest of")
    warnings = [remark.text for remark in case.remarks if remark.kind == "warning"]
    assert any(text.startswith("training: no layout fits in memory; the leanest is used") for text in warnings)


def test_ignored_memory_is_no_limit():
    training = "model: llama-3.1-405b, sequence_tokens: 8192, global_batch_tokens: 4_194_304"
    case = lowered(f"{{{training}, ignore_memory: true}}", ("h100-sxm", 8))
    assert layout_of(case)["tp"].note.startswith("by search: best of")


def test_the_same_question_is_answered_once():
    layout_search._searched.cache_clear()
    variants = Variants(META, CATALOG, sets=("training.layout=auto",))
    first, again = variants.case, lower(variants.fleet, variants.loaded.catalog)
    info = layout_search._searched.cache_info()
    assert (info.misses, info.hits) == (2, 2)  # without a rest, and with one
    assert numbers(first) == numbers(again)


@pytest.mark.parametrize("change", ["pools.h100.count=8192", "gpus.h100-sxm.hbm_gbyte=40", "training.gradient_bytes=2"])
def test_a_question_that_differs_is_asked_anew(change):
    Variants(META, CATALOG, sets=("training.layout=auto",)).case  # noqa: B018
    before = layout_search._searched.cache_info().misses
    Variants(META, CATALOG, sets=("training.layout=auto", change)).case  # noqa: B018
    assert layout_search._searched.cache_info().misses > before


def test_several_kinds_of_gpu_are_searched_as_the_slowest_with_the_least_memory():
    sizes = f"{SMALL}}}"
    mixed = lowered(sizes, ("h100-sxm", 32), ("h200-sxm", 32))
    alone = lowered(sizes, ("h100-sxm", 64))
    assert numbers(mixed) == numbers(alone)


def test_nothing_that_divides_leaves_a_rest():
    # 521 GPUs are prime, and one alone cannot hold the model
    case = lowered("{model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 4_194_304}", ("h200-sxm", 521))
    tp, pp = (layout_of(case)[part].value for part in ("tp", "pp"))
    assert tp * pp > 1.0
    assert 521 % (tp * pp) != 0


def test_an_unknown_figure_of_a_gpu_is_named():
    case = lowered(f"{SMALL}, layout: {{tp: 1}}}}")
    job = case.jobs[0].arrays
    chip = replace(job.chip, hbm_byte=job.chip.hbm_byte * float("nan"))
    asked = layout_search.ask(
        gpu_count=job.gpu_count,
        chip=chip,
        stack=job.stack,
        dimensions=job.dimensions,
        constants=job.constants,
        kv_head_count=8.0,
        global_batch_tokens=4_194_304.0,
        limits=layout_search.lower_limits(Ledger(CATALOG, {}), ignores_memory=False),
        recompute=(),
        schedules=(),
    )
    assert asked == "no hbm_byte is known of its GPUs"


def test_selective_recompute_is_what_the_stack_and_the_model_make_of_it():
    def shares(gpu: GpuType, model, *, is_fused, is_fsdp=False):
        known = CATALOG.model(model), Ledger(CATALOG, {})
        kinds = layout_search.lower_recompute([gpu], *known, is_fused=is_fused, is_fsdp=is_fsdp)
        one = next(kind for kind in kinds if kind.name == "selective")
        return one.layer_share, one.core_share, one.selective_share

    h100, tpu = CATALOG.gpus["h100-sxm"], CATALOG.gpus["tpu-v4"]
    assert shares(h100, "llama-3.1-8b", is_fused=True) == (0.045, 0.0, 1.0)
    assert shares(h100, "llama-3.1-8b", is_fused=False) == (0.0, 1.0, 0.0)
    assert shares(h100, "deepseek-v3", is_fused=True) == (0.1, 0.0, 1.0)
    assert shares(h100, "llama-3.1-8b", is_fused=True, is_fsdp=True) == (0.5, 0.0, 0.0)
    assert shares(tpu, "llama-3.1-8b", is_fused=True) == (0.85, 0.0, 0.0)


def test_a_job_that_nothing_cuts_has_the_layout_of_the_rule(monkeypatch):
    of_any = layout_search.best_of

    def nothing(question, *, limit):
        return of_any(question, limit=limit, allowed=(("tp", (7,)),))

    monkeypatch.setattr(layout_search, "best_of", nothing)
    assert layout_of(lowered(f"{SMALL}}}"))["tp"].note == "by the layout rule"


# What studies vary


def test_a_number_that_is_varied_leaves_the_layout_as_it_was_found():
    variants = Variants(META, CATALOG, sets=("training.layout=auto",))
    found = numbers(variants.case)
    asked = layout_search._searched.cache_info().misses
    key = "gpus.h100-sxm.hbm_gbyte"
    varied, settled = variants.at(key, 70.0).jobs[0].arrays, variants.settled(key, 70.0)
    assert (float(varied.tp_count), float(varied.pp_count), float(varied.cp_count)) == (found[0], found[1], found[3])
    assert float(varied.chip.hbm_byte[0]) == 70e9
    assert numbers(settled) == found
    assert {row.note for row in layout_of(settled).values()} == {"by search: best of 13,423 that fit"}
    assert layout_search._searched.cache_info().misses == asked


def test_how_far_a_search_goes_is_searched_anew():
    variants = Variants(META, CATALOG, sets=("training.layout=auto",))
    changed = variants.at("search.memory_limit_share", 0.5)
    assert float(changed.jobs[0].arrays.pp_count) == 16.0
    assert numbers(variants.settled("search.memory_limit_share", 0.5)) != numbers(variants.case)


def test_a_layout_of_the_rule_is_found_anew_with_every_number():
    text = b"name: x\npools: [{gpu: h100-sxm, count: 64}]\ntraining: {model: llama-3.1-70b}\n"
    variants = Variants("-", CATALOG, stdin=text)
    stages = [float(variants.at("gpus.h100-sxm.hbm_gbyte", size).jobs[0].arrays.pp_count) for size in (40.0, 160.0)]
    assert stages[0] > stages[1] == 1.0


def test_a_rest_is_left_where_all_that_divides_is_far_slower():
    # 100 GPUs and 1,024 sequences divide by four at most: that leaves 25 stages for 32 layers
    training = "{model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608}"
    odd, even = (layout_of(lowered(training, ("h100-sxm", count))) for count in (100, 128))
    assert odd["pp"].value == even["pp"].value == 1.0
