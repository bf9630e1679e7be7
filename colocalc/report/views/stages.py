"""What each stage's factor came from, in the numbers that made it."""

import numpy as np

from colocalc.case import Case, TrainingCase
from colocalc.metrics import STAGES
from colocalc.mfu.job import Job, Step
from colocalc.report.views.common import counted
from colocalc.study.training import TrainingResult
from colocalc.units import text


def came_from(case: Case, training: TrainingResult) -> dict[str, str]:
    """The inputs of each stage in words, of the first job; a measured stage says so."""
    job, (_, step) = case.jobs[0], training.steps[0]
    words = {
        **_compute(case, job),
        **_layout(job.arrays, step),
        **_waiting(job, step),
        "power": _power(training),
        "software": f"{_software(case, job)} profile",
        "goodput": _goodput(job, step),
        "allocation": "share of GPU-hours in productive jobs",
    }
    measured = dict.fromkeys(step.measured, "measured: training.measured")
    count = sum(one.peak_flop_per_s.shape[-1] for _, one in training.steps)
    more = f" (first of {count} jobs)" if count > 1 else ""
    return {stage: {**words, **measured}[stage] + more for stage in STAGES}


def _one(value: object) -> float:
    return float(np.ravel(np.asarray(value))[0])


def _by_pool(case: Case, job: TrainingCase, values: object) -> str:
    """A pool quantity in a few words: one number where all pools agree."""
    shares = np.asarray(values)
    if np.ptp(shares) == 0.0:
        return f"{shares[0]:.3g}"
    names = [case.pools.names[index] for index in job.pool_index]
    shown = [f"{name} {share:.3g}" for name, share in zip(names, shares, strict=True)]
    return ", ".join(shown[:3]) + (", ..." if len(shown) > 3 else "")


def _compute(case: Case, job: TrainingCase) -> dict[str, str]:
    arrays = job.arrays
    recompute = "none"
    convention = _one(arrays.counted_flop_per_token) / _one(arrays.flop_per_token)
    if _one(arrays.recompute_full_share):
        recompute = "full: the forward pass once more"
    elif _one(arrays.recompute_selective_share):
        recompute = "selective: the attention core once more"
    return {
        "ceiling": f"best matrix product over peak: {_by_pool(case, job, arrays.ceiling_share)}",
        "shape": f"of the best one: {_by_pool(case, job, arrays.shape_share)}",
        "memory_bound": f"{_one(arrays.memory_bound_share):.2g} of compute time on top",
        "recompute": recompute
        if np.isnan(convention) or convention == 1.0
        else f"{recompute}; counts {convention:.3f} of causal",
    }


def _layout(job: Job, step: Step) -> dict[str, str]:
    tp, cp, pp, vpp = (_one(value) for value in (job.tp_count, job.cp_count, job.pp_count, job.vpp_count))
    algorithm, exchange = step.algorithm, step.exchange_s[step.algorithm]
    return {
        "tensor_context_expert": f"tp {tp:.0f}, cp {cp:.0f}; {text(_one(job.overlap_share), 'share')} overlapped",
        "bubble": f"({pp:.0f}-1) / ({vpp:.0f} x {_one(step.micro_batch_count):.0f}) x {_one(job.schedule_factor):.2g}",
        "stage_imbalance": f"{_one(job.stage_imbalance_share):.2g} between stages" if pp > 1 else "one stage",
        "data_parallel": (
            f"{algorithm} over {text(_one(step.group_rank_count), 'count')} ranks: {text(_one(exchange), 's')}, "
            f"exposed {text(_one(step.data_parallel_s), 's')}"
        ),
    }


def _waiting(job: TrainingCase, step: Step) -> dict[str, str]:
    nodes = float(np.sum(step.node_count))
    return {
        "jitter": f"slowest of {text(np.round(nodes), 'count')} nodes, sigma {_one(job.arrays.node_sigma_share):.2g}",
        "mixed_generations": f"{job.split} split over {counted(len(job.pool_index), 'pool')}",
        "layout_remainder": f"{text(float(np.sum(step.idle_gpu_count)), 'count')} GPUs in no whole replica",
    }


def _power(training: TrainingResult) -> str:
    known = training.gpu_power_share[~np.isnan(training.gpu_power_share)]
    least = float(np.min(known)) if known.size else float("inf")
    return "no limit given" if np.isinf(least) else f"the site feeds {text(least, 'share')} of the GPUs' draw"


def _software(case: Case, job: TrainingCase) -> str:
    path = "training.software" if job.name == "training" else f"jobs.{job.name}.software"
    return next((str(row.value) for row in case.assumptions if row.path == path), "default")


def _goodput(job: TrainingCase, step: Step) -> str:
    stall = {
        "job": (job.arrays.restart_s, "restart"),
        "replica": (job.arrays.replica_stall_s, "stall"),
        "hot-spare": (job.arrays.hot_spare_stall_s, "stall"),
    }
    seconds, word = stall[job.isolation]
    return f"a failure every {text(_one(step.mttf_s), 's')}, {word} {text(_one(seconds), 's')}"
