"""The exchange between replicas explained, for one job."""

import numpy as np

from colocalc.mfu.cut import most
from colocalc.mfu.predict.step import slices_share
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.formula import Draft


def network_paths(context: Context, *starts: str) -> list[str]:
    """Constants of the network whose last name starts with one of these words."""
    found = (path for path in context.assumptions if path.startswith("networks."))
    return [path for path in found if path.rpartition(".")[2].startswith(starts)]


def before(run: Run, draft: Draft, stage: str) -> str:
    """The symbol for the time of the step before a stage of the whole job."""
    return draft.worked(
        "T",
        run.one(run.step.before_s[stage]),
        "s",
        "time of the step before this stage: its FLOPs over the peak and over the stages passed",
    )


def data_parallel(context: Context, run: Run, draft: Draft) -> str:
    """Data-parallel collectives that compute does not hide."""
    time, exposed = before(run, draft, "data_parallel"), exposed_exchange(context, run, draft)
    between = run.one(most(run.cut, slices_share(run.pace.setup))) / run.one(run.job.outer_sync_interval_steps)
    if between == 0.0:
        return f"{time} / ({time} + {exposed})"
    share = draft.worked("q", between, "share", "extra time of several slices", "calibration.dcn_share")
    return f"{time} / (({time} + {exposed}) * (1 + {share}))"


_EXCHANGE_PATHS = ("layout.zero_stage", "layout.tp", "layout.pp", "layout.cp", "gradient_bytes", "parameter_count")
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
        *_wires(context, run),
        *network_paths(context, *_CONSTANTS.get(algorithm, (algorithm.replace("-", "_"),))),
    )
    seen = draft.worked(
        "v",
        run.one(run.step.data_parallel_s) / seconds if seconds > 0.0 else 0.0,
        "share",
        "part of it that compute does not hide; of a meeting every few steps, that of one step",
        "calibration.dp_exposed_share",
        "calibration.dp_window_share",
        "calibration.fsdp_exposed_share",
        *(path for path in draft.assumptions if path.endswith(".data_overlap_share")),
    )
    return f"{seen} * {alone}"


def _wires(context: Context, run: Run) -> list[str]:
    """Where the rates of the links stand, and what slows them."""
    gpus = sorted({context.case.pools.gpus[pool].id for pool in run.pools})
    paths = ["network.algorithm", "network.nic_gbit_per_s"]
    paths += [f"gpus.{gpu}.{name}" for name in ("nic_gbit_per_s", "scale_up_gbyte_per_s") for gpu in gpus]
    if run.one(run.job.oversubscription_factor) != 1.0:
        paths += ["network.oversubscription_factor", "network.pod_gpu_count"]
    return [*paths, "calibration.scale_up_share", "calibration.scale_out_share"]


def _exchange(run: Run) -> tuple[float, str]:
    """Time of the collectives of this job by the algorithm forced, or by its fastest; and its name."""
    times = {name: run.one(seconds) for name, seconds in run.step.exchange_s.items()}
    if run.job.flat or run.job.algorithm != "auto":
        return times[run.step.algorithm], run.step.algorithm
    return min((seconds, name) for name, seconds in times.items() if not np.isnan(seconds))
