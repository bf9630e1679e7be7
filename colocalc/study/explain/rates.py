"""Symbols that several stages share: the GPUs of a job, their peaks and what they reach of them."""

from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.formula import Draft
from colocalc.units import FLOPS_PER_PFLOPS, FLOPS_PER_TFLOPS


def job_gpus(context: Context, run: Run, draft: Draft) -> dict[int, str]:
    """Symbols for the GPUs of each pool of the job that has any."""
    return {place: context.gpus(draft, run.pools[place]) for place in run.used(run.job.gpu_count)}


def peak(context: Context, run: Run, draft: Draft, place: int) -> str:
    """The symbol for the dense peak of a pool's GPU."""
    value = run.over(run.job.peak_flop_per_s)[place] / FLOPS_PER_TFLOPS
    paths = peak_paths(context, run.pools[place])
    return draft.given(f"F_{context.ends[run.pools[place]]}", value, "tflop_per_s", "dense peak of a GPU", *paths)


def peak_paths(context: Context, pool: int) -> tuple[str, ...]:
    """Where the peak of a pool's GPU at the precision of its job stands."""
    for job in context.case.jobs:
        if pool in job.pool_index:
            precision = job.peak_precisions[job.pool_index.index(pool)]
            return (f"gpus.{context.case.pools.gpus[pool].id}.peak_{precision}_tflop_per_s",)
    return ()


def best(context: Context, run: Run, draft: Draft, place: int) -> str:
    """The symbol for the best measured matrix product of a pool's GPU, over its peak."""
    gpu = context.case.pools.gpus[run.pools[place]].id
    peaks = peak_paths(context, run.pools[place])
    measured = [path.replace(".peak_", ".best_matmul_") for path in peaks]
    paths = (
        (*measured, *peaks)
        if any(path in context.assumptions for path in measured)
        else tuple(path for path in context.assumptions if path.startswith(f"gpus.{gpu}.ceiling_"))
    )
    value = run.over(run.job.chip.ceiling_share)[place]
    return draft.given(f"c_{context.ends[run.pools[place]]}", value, "share", "best matrix product over peak", *paths)


def shape_share(context: Context, run: Run, draft: Draft, place: int) -> str:
    """The symbol for what the shapes of a job reach of that."""
    family = context.case.pools.gpus[run.pools[place]].family
    own = f"mfu.shape_share.{family}_share"
    path = own if own in context.assumptions else "mfu.shape_share.other_share"
    value = run.over(run.job.shape_share)[place]
    return draft.given(f"h_{context.ends[run.pools[place]]}", value, "share", "this job's shapes over the best", path)


def job_peak_pflop_per_s(run: Run) -> float:
    """The peak of all GPUs of a job."""
    return run.one(run.step.peak_flop_per_s) / FLOPS_PER_PFLOPS
