"""The layout that Llama 3 was trained with, among all that its job could have had.

Llama 3 (Grattafiori et al. 2024), table 4: 16,384 H100, tp 8, pp 16, 128 replicas, 16 million tokens, no context
parallelism at 8,192 tokens, and nothing run again. Chunks are not told; a layer to a chunk is best.
"""

import pytest

from colocalc.catalog import load_catalog
from colocalc.study.layout import best_layouts
from colocalc.variants import Variants

MEMORY_SHARE = 0.84  # what the published layout takes in the model, rounded up


def searched(*allow):
    variants = Variants("meta-llama3-16k", load_catalog())
    (job,) = best_layouts(
        variants.case, variants.fleet, variants.loaded.catalog, allow=allow, memory_share=MEMORY_SHARE
    ).jobs
    return job.best[0], job.given


def test_with_what_its_stack_could_do_the_published_layout_is_the_best():
    best, own = searched("cp=1", "recompute=none")
    assert own.behind_share == pytest.approx(0.0, abs=1e-12)
    assert (best.tp_count, best.pp_count, best.vpp_count, best.dp_count) == (8, 16, 8, 128)


def test_with_context_ranks_and_recompute_the_published_cut_is_within_three_percent():
    _, own = searched("tp=8", "pp=16")
    assert 0.0 <= own.behind_share < 0.03


def test_an_eighth_is_to_be_had_with_half_the_tensor_ranks_and_half_the_stages():
    """By named mechanism: tensor traffic that this stack does not hide, and the bubble of sixteen stages."""
    best, own = searched()
    assert (best.tp_count, best.pp_count, best.cp_count, best.recompute) == (4, 8, 2, "selective")
    assert own.behind_share == pytest.approx(0.126, abs=0.01)
    gained = {name: best.log_factor[name] - own.log_factor[name] for name in own.log_factor}
    assert sorted(gained, key=gained.get)[-2:] == ["bubble", "tensor_context_expert"]
    # What the others make of it: the exchange of twice the replicas, and what is run again.
    assert gained["bubble"] + gained["tensor_context_expert"] > sum(gained.values())
