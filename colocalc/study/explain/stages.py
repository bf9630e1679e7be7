"""The stages of the waterfall explained, for one job."""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.mfu import straggler
from colocalc.mfu.cut import node_count
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.failures import goodput
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.mixing import layout_remainder, mixed_generations, power
from colocalc.study.explain.rates import best, job_gpus, peak, shape_share
from colocalc.study.explain.traffic import bubble, data_parallel, stage_imbalance, tensor_context_expert

Writer = Callable[[Context, Run, Draft], str]


def stage_template(stage: str, context: Context, run: Run, draft: Draft) -> str:
    """The formula of a stage of one job, from ``ceiling`` to ``goodput``: as measured where it was."""
    measured = run.job.measured.get(stage)
    if measured is not None and not np.isnan(run.one(measured)):
        draft.note = "measured: the file's own figure takes the place of the model"
        path = f"{run.path}.measured.{stage}_factor"
        return draft.given(f"measured_{stage}", run.one(measured), "factor", f"{stage} as measured", path)
    return _WRITERS[stage](context, run, draft)


def _ceiling(context: Context, run: Run, draft: Draft) -> str:
    gpus = job_gpus(context, run, draft)
    peaks = {place: f"{n} * {peak(context, run, draft, place)}" for place, n in gpus.items()}
    reached = [f"{part} * {best(context, run, draft, place)}" for place, part in peaks.items()]
    return f"({draft.sum(reached)}) / ({draft.sum(list(peaks.values()))})"


def _shape(context: Context, run: Run, draft: Draft) -> str:
    gpus = job_gpus(context, run, draft)
    reached = {
        place: f"{n} * {peak(context, run, draft, place)} * {best(context, run, draft, place)}"
        for place, n in gpus.items()
    }
    shaped = [f"{part} * {shape_share(context, run, draft, place)}" for place, part in reached.items()]
    return f"({draft.sum(shaped)}) / ({draft.sum(list(reached.values()))})"


def _memory_bound(_context: Context, run: Run, draft: Draft) -> str:
    meaning = "memory-bound time over that of matrix products"
    return (
        f"1 / (1 + {draft.given('x', run.one(run.job.memory_bound_share), 'share', meaning, 'mfu.memory_bound_share')})"
    )


def _recompute(_context: Context, run: Run, draft: Draft) -> str:
    job, layout = run.job, f"{run.path}.layout.recompute"
    executed = run.one(job.flop_per_token)
    full = draft.given("full", run.one(job.recompute_full_share), "share", "layers recomputed in full", layout)
    if np.isnan(executed):
        draft.note = "without a model nothing is said of attention"
        return f"1 / (1 + {full} / 3)"
    counted = draft.worked(
        "counted",
        run.one(job.counted_flop_per_token) / executed,
        "share",
        "FLOPs that the convention counts over those executed",
        f"{run.path}.attention_flops",
        f"{run.path}.model",
    )
    selective = draft.given(
        "selective",
        run.one(job.recompute_selective_share),
        "share",
        "layers whose attention core is recomputed",
        layout,
    )
    attention = draft.worked(
        "attention",
        run.one(job.attention_flop_per_token) / executed,
        "share",
        "part of the FLOPs in attention scores",
        f"{run.path}.model",
        f"{run.path}.sequence_tokens",
    )
    return f"{counted} / (1 + ({full} + {selective} * {attention}) / 3)"


def _jitter(context: Context, run: Run, draft: Draft) -> str:
    nodes = max(run.one(node_count(run.job, run.cut)), 1.0)
    sigma = draft.given(
        "sigma",
        run.one(run.job.node_sigma_share),
        "share",
        "spread of the nodes' step times over their mean",
        "mfu.node_sigma_share",
    )
    worst = draft.worked(
        "z_n",
        straggler.expected_max_normal(count=nodes),
        "factor",
        f"expected maximum of {nodes:,.0f} standard normals, one for each node",
        *(f"gpus.{context.case.pools.gpus[pool].id}.node_gpu_count" for pool in run.pools),
    )
    return f"1 / (1 + {sigma} * {worst})"


def _software(_context: Context, run: Run, draft: Draft) -> str:
    profile = draft.assumptions[f"{run.path}.software"].value
    path = f"software.{profile}_factor"
    return draft.given("software", run.one(run.job.software_factor), "factor", f"software profile {profile}", path)


_WRITERS: Mapping[str, Writer] = {
    "ceiling": _ceiling,
    "shape": _shape,
    "memory_bound": _memory_bound,
    "recompute": _recompute,
    "tensor_context_expert": tensor_context_expert,
    "bubble": bubble,
    "stage_imbalance": stage_imbalance,
    "data_parallel": data_parallel,
    "jitter": _jitter,
    "mixed_generations": mixed_generations,
    "layout_remainder": layout_remainder,
    "power": power,
    "software": _software,
    "goodput": goodput,
}
