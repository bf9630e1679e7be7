"""The stages of collectives and of the pipeline, for one job."""

from dataclasses import replace

import numpy as np

from colocalc.mfu.traffic import layout_communication_s
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.formula import Draft


def _layout(run: Run, draft: Draft, name: str, value: object, meaning: str) -> str:
    return draft.given(name, run.one(value), "count", meaning, f"{run.path}.layout.{name}")


_LAYOUT_PATHS = ("layout.tp", "layout.cp", "layout.pp", "layout.micro_batch", "sequence_tokens", "model")


def _before(run: Run, draft: Draft, stage: str) -> str:
    return draft.worked(
        "T",
        run.one(run.step.before_s[stage]),
        "s",
        "time of the step before this stage: its FLOPs over the peak and over the stages passed",
    )


def overlap(run: Run, draft: Draft) -> str:
    """The symbol for the share of a collective that may hide behind compute."""
    meaning = "share of a collective that may run behind compute"
    return draft.given("o", run.one(run.job.overlap_share), "share", meaning, "mfu.overlap_share")


def tensor_context_expert(context: Context, run: Run, draft: Draft) -> str:
    """Tensor and context collectives that compute does not hide."""
    before = run.step.before_s["tensor_context_expert"]
    alone = layout_communication_s(
        replace(run.job, overlap_share=np.zeros_like(run.job.overlap_share)), run.cut, before
    )
    gpus = {context.case.pools.gpus[pool].id for pool in run.pools}
    collective = draft.worked(
        "t",
        run.one(alone),
        "s",
        "tensor and context collectives of a step alone",
        *(f"{run.path}.{name}" for name in _LAYOUT_PATHS),
        "training.activation_bytes",
        *(f"gpus.{gpu}.scale_up_gbyte_per_s" for gpu in sorted(gpus)),
        *network_paths(context, "scale_up_efficiency_share"),
    )
    time, o = _before(run, draft, "tensor_context_expert"), overlap(run, draft)
    return f"{time} / ({time} + max((1 - {o}) * {collective}, {collective} - {o} * {time}))"


def network_paths(context: Context, *starts: str) -> list[str]:
    """Constants of the network whose last name starts with one of these words."""
    found = (path for path in context.assumptions if path.startswith("networks."))
    return [path for path in found if path.rpartition(".")[2].startswith(starts)]


def bubble(_context: Context, run: Run, draft: Draft) -> str:
    """Pipeline fill and drain."""
    schedule = draft.given(
        "k",
        run.one(run.job.schedule_factor),
        "factor",
        "bubble of the schedule over that of 1F1B",
        *(path for path in draft.assumptions if path.startswith("schedule.")),
    )
    pp = _layout(run, draft, "pp", run.job.pp_count, "pipeline stages")
    vpp = _layout(run, draft, "vpp", run.job.vpp_count, "virtual stages of a stage")
    return f"1 / (1 + {schedule} * ({pp} - 1) / ({vpp} * {micro_batches(run, draft)}))"


def micro_batches(run: Run, draft: Draft) -> str:
    """The symbol for the micro-batches of a replica and step."""
    value = run.one(run.step.micro_batch_count)
    return draft.found("m", "mfu.micro_batch_count", "count", "micro-batches of a replica and step", value)


def stage_imbalance(_context: Context, run: Run, draft: Draft) -> str:
    """Waiting for the heaviest stage of a pipeline."""
    delta = draft.given(
        "delta",
        run.one(run.job.stage_imbalance_share),
        "share",
        "time of the slowest stage over the mean, less one",
        "mfu.stage_imbalance_share",
    )
    pp = _layout(run, draft, "pp", run.job.pp_count, "pipeline stages; of one alone none is slower")
    return f"1 / (1 + {delta} * min({pp} - 1, 1))"


def data_parallel(context: Context, run: Run, draft: Draft) -> str:
    """Data-parallel collectives that compute does not hide."""
    time = _before(run, draft, "data_parallel")
    return f"{time} / ({time} + {exposed_exchange(context, run, draft)})"


_EXCHANGE_PATHS = ("layout.zero_stage", "layout.tp", "layout.pp", "layout.cp", "gradient_bytes", "parameter_count")
_ZERO_WITH_SHARDED_WEIGHTS = 3
# Rings inside a node and trees between nodes; other algorithms have constants of their own name.
_CONSTANTS = {"hierarchical": ("ring_intra_hop_s", "ring_base_s", "tree_inter_hop_s")}


def exposed_exchange(context: Context, run: Run, draft: Draft) -> str:
    """The time of the data-parallel collectives that compute does not hide."""
    seconds, algorithm = _exchange(run)
    alone = draft.worked(
        "t",
        seconds,
        "s",
        f"data-parallel collectives of a step alone, {algorithm}",
        *(f"{run.path}.{name}" for name in _EXCHANGE_PATHS),
        "training.weight_bytes",
        *_wires(context, run),
        *network_paths(context, *_CONSTANTS.get(algorithm, (algorithm.replace("-", "_"),))),
    )
    compute = draft.worked(
        "C", run.one(run.step.before_s["tensor_context_expert"]), "s", "compute of the step, before any collective"
    )
    window = compute
    if run.job.zero_stage != _ZERO_WITH_SHARDED_WEIGHTS:
        window = f"{compute} / {micro_batches(run, draft)}"
    o = overlap(run, draft)
    return f"max((1 - {o}) * {alone}, {alone} - {o} * {window})"


def _wires(context: Context, run: Run) -> list[str]:
    """Where the rates of the links stand, and what slows them."""
    gpus = sorted({context.case.pools.gpus[pool].id for pool in run.pools})
    paths = ["network.algorithm", "network.nic_gbit_per_s"]
    paths += [f"gpus.{gpu}.{name}" for name in ("nic_gbit_per_s", "scale_up_gbyte_per_s") for gpu in gpus]
    if run.one(run.job.oversubscription_factor) != 1.0:
        paths += ["network.oversubscription_factor", "network.pod_gpu_count"]
    return [*paths, *network_paths(context, "scale_up_efficiency_share", "scale_out_efficiency_share")]


def _exchange(run: Run) -> tuple[float, str]:
    """Time of the collectives of this job by the algorithm forced, or by its fastest; and its name."""
    times = {name: run.one(seconds) for name, seconds in run.step.exchange_s.items()}
    if run.job.flat or run.job.algorithm != "auto":
        return times[run.step.algorithm], run.step.algorithm
    return min((seconds, name) for name, seconds in times.items() if not np.isnan(seconds))
