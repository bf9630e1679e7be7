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
        **_layout(job, step),
        **_waiting(case, training),
        "power": _power(training),
        "software": f"{_software(case, job)} profile, {_age(job)}",
        "goodput": _goodput(job, step),
        "allocation": "share of the peak in productive jobs",
    }
    measured = dict.fromkeys(step.measured, "measured: training.measured")
    count = sum(one.peak_flop_per_s.shape[-1] for _, one in training.steps)
    found = {**words, **measured}
    if count > 1:
        found |= {stage: f"{found[stage]} (first of {count} jobs)" for stage in _OF_ONE_JOB}
    return {stage: found[stage] for stage in STAGES}


# What is told of the first job where there are several; the rest is told of all of them.
_OF_ONE_JOB = (
    "recompute",
    "tensor_context_expert",
    "bubble",
    "stage_imbalance",
    "data_parallel",
    "software",
    "goodput",
)


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
    if _has_no_model(job):
        return {
            "ceiling": f"best matrix product over peak: {_by_pool(case, job, arrays.chip.ceiling_share)}",
            "shape": f"assumed of the best one: {_by_pool(case, job, arrays.shape_share)}",
            "memory_bound": f"assumed: {_one(arrays.memory_bound_share):.2g} of compute time on top",
            "recompute": _RECOMPUTE[job.recompute],
        }
    convention = _one(arrays.counted_flop_per_token) / _one(arrays.flop_per_token)
    counts = "" if convention == 1.0 else f"; counts {convention:.3f} of causal"
    best = _by_pool(case, job, arrays.chip.ceiling_share)
    return {
        "ceiling": f"best matrix product over peak: {best}; {text(_sustained(arrays), 'share')} of it sustained",
        "shape": "what products stream and do not hide, and the attention kernel",
        "memory_bound": "norms, activations, loss and optimizer at the rate of HBM",
        "recompute": _RECOMPUTE[job.recompute] + counts,
    }


_RECOMPUTE = {
    "none": "none",
    "full": "full: the forward pass once more",
    "selective": "selective: the cheap parts, or the attention core, once more",
}


def _has_no_model(job: TrainingCase) -> bool:
    return not bool(np.isnan(job.arrays.shape_share).any())


def _sustained(job: Job) -> float:
    is_tpu = bool(np.all(job.chip.tpu_share > 0.0))
    return _one(job.constants.tpu_share if is_tpu else job.constants.sustained_share)


def _layout(job: TrainingCase, step: Step) -> dict[str, str]:
    arrays = job.arrays
    tp, cp, ep, pp, vpp = (
        _one(value) for value in (arrays.tp_count, arrays.cp_count, arrays.ep_count, arrays.pp_count, arrays.vpp_count)
    )
    micro, schedule = _one(step.micro_batch_count), _one(arrays.schedule_factor)
    algorithm, exchange = step.algorithm, step.exchange_s[step.algorithm]
    hidden = "hidden in part" if _one(arrays.stack.tp_overlap_share) else "not hidden"
    experts = f", ep {ep:.0f}" if _one(arrays.dimensions.expert_count) > 0.0 else ""
    if _has_no_model(job):
        balance = f"assumed: {_one(arrays.stage_imbalance_share):.2g} between stages"
    else:
        balance = f"{_one(arrays.dimensions.layer_count):.0f} layers and the head on {pp:.0f} stages"
    return {
        "tensor_context_expert": f"tp {tp:.0f}, cp {cp:.0f}{experts}; tensor traffic {hidden}",
        "bubble": f"({pp:.0f}-1) / ({vpp:.0f} x {micro:.0f}) x {schedule:.2g}" if pp > 1 else "no pipeline",
        "stage_imbalance": balance if pp > 1 else "one stage",
        "data_parallel": (
            f"{algorithm} over {text(_one(step.group_rank_count), 'count')} ranks: {text(_one(exchange), 's')}, "
            f"exposed {text(_one(step.data_parallel_s), 's')}"
        ),
    }


def _waiting(case: Case, training: TrainingResult) -> dict[str, str]:
    steps = [step for _, step in training.steps]
    nodes = [float(count) for step in steps for count in np.ravel(step.node_count)]
    idle = sum(float(np.nansum(step.idle_gpu_count)) for step in steps)
    arrays = case.jobs[0].arrays
    sigma = _one(arrays.constants.scale_loss_share)
    if _one(arrays.stack.tuned_share):
        sigma *= _one(arrays.constants.tuned_scale_factor)
    counts = " and ".join(text(np.round(count), "count") for count in nodes[:3]) + (
        " and more" if len(nodes) > 3 else ""
    )
    return {
        "jitter": f"slowest of {counts} nodes, sigma {sigma:.2g} less what micro-batches average",
        "mixed_generations": "; ".join(dict.fromkeys(_mixing(job) for job in case.jobs)),
        "layout_remainder": f"{text(idle, 'count')} GPUs in no whole replica",
    }


def _mixing(job: TrainingCase) -> str:
    pools = counted(int(np.sum(job.arrays.gpu_count > 0.0)), "pool")
    return f"a job for each of {pools}" if job.split == "partitions" else f"{job.split} split over {pools}"


def _power(training: TrainingResult) -> str:
    known = training.gpu_power_share[~np.isnan(training.gpu_power_share)]
    least = float(np.min(known)) if known.size else float("inf")
    return "no limit given" if np.isinf(least) else f"the site feeds {text(least, 'share')} of the GPUs' draw"


def _age(job: TrainingCase) -> str:
    ages = job.arrays.stack.age_months
    youngest = float(np.min(ages))
    return "no launch deficit" if np.isinf(youngest) else f"the youngest GPU {youngest:.0f} months from its launch"


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
    if np.isinf(_one(step.mttf_s)):
        return "no failures"
    return f"a failure every {text(_one(step.mttf_s), 's')}, {word} {text(_one(seconds), 's')}"
