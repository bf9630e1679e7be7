"""The stages of the waterfall explained, for one job."""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.mfu.ceiling import weighted_share
from colocalc.mfu.cut import node_count
from colocalc.mfu.pace import PACE_STAGES
from colocalc.mfu.predict.step import immature_share
from colocalc.mfu.predict.waiting import interpolated_max_normal
from colocalc.mfu.step import jitter_excess_share
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.failures import goodput
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.mixing import layout_remainder, mixed_generations, power
from colocalc.study.explain.pace import pace_template
from colocalc.study.explain.traffic import before, data_parallel

Writer = Callable[[Context, Run, Draft], str]


def stage_template(stage: str, context: Context, run: Run, draft: Draft) -> str:
    """The formula of a stage of one job, from ``ceiling`` to ``goodput``: as measured where it was."""
    measured = run.job.measured.get(stage)
    if measured is not None and not np.isnan(run.one(measured)):
        draft.note = "measured: the file's own figure takes the place of the model"
        path = f"{run.path}.measured.{stage}_factor"
        return draft.given(f"measured_{stage}", run.one(measured), "factor", f"{stage} as measured", path)
    if stage in PACE_STAGES:
        return pace_template(stage, context, run, draft)
    return _WRITERS[stage](context, run, draft)


def _jitter(context: Context, run: Run, draft: Draft) -> str:
    job = run.job
    nodes = max(run.one(node_count(job, run.cut)), 1.0)
    if run.one(run.cut.replica_count * job.cp_count) <= 1.0:
        draft.note = "one replica waits for no other"
        return "1"
    worst = draft.worked(
        "z_n",
        interpolated_max_normal(count=nodes),
        "factor",
        f"expected maximum of {nodes:,.0f} standard normals, one for each node",
        *(f"gpus.{context.case.pools.gpus[pool].id}.node_gpu_count" for pool in run.pools),
    )
    excess = run.one(jitter_excess_share(job, run.cut, run.pace))
    sigma = draft.worked(
        "sigma",
        excess / float(interpolated_max_normal(count=nodes)) if nodes > 1.0 else 0.0,
        "share",
        "scatter of the nodes' step times over their mean that micro-batches do not average out",
        "calibration.scale_loss_share",
        "calibration.persistent_share",
        "calibration.tuned_scale_factor",
    )
    return f"1 / (1 + {sigma} * {worst})"


def _software(_context: Context, run: Run, draft: Draft) -> str:
    profile = draft.assumptions[f"{run.path}.software"].value
    path = f"software.{profile}_factor"
    factor = draft.given("software", run.one(run.job.software_factor), "factor", f"software profile {profile}", path)
    seconds = run.one(run.step.before_s["software"])
    if np.isnan(seconds):
        draft.note = "without a model and a batch, only the factor of the profile counts"
        return factor
    weight = run.cut.laid_out_count * run.job.peak_flop_per_s
    young = draft.worked(
        "young",
        run.one(weighted_share(weight=weight, share=immature_share(run.pace.setup))),
        "share",
        "extra time of a young generation of GPUs",
        "calibration.maturity_share",
        "calibration.maturity_months",
    )
    error = draft.given(
        "e",
        run.one(run.job.model_error_factor),
        "factor",
        "time of a step over that of the model: 1, with a band",
        f"{run.path}.model_error_factor",
    )
    fixed = draft.given(
        "f",
        run.one(run.job.constants.fixed_step_s),
        "s",
        "time of a step whatever the layout",
        "calibration.fixed_step_s",
    )
    return f"{factor} / ({error} * (1 + {young} + {fixed} / {before(run, draft, 'software')}))"


_WRITERS: Mapping[str, Writer] = {
    "data_parallel": data_parallel,
    "jitter": _jitter,
    "mixed_generations": mixed_generations,
    "layout_remainder": layout_remainder,
    "power": power,
    "software": _software,
    "goodput": goodput,
}
