"""Failures, checkpoints and the goodput they leave, for one job."""

import numpy as np

from colocalc.mfu.cut import most
from colocalc.mfu.step import stopped_replica_count
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.formula import Draft


def failures(run: Run, draft: Draft) -> str:
    """The symbol for the mean time between failures."""
    return draft.found("M", "mfu.job_mttf_s", "s", "mean time between failures of the job", run.one(run.step.mttf_s))


def recovery(run: Run, draft: Draft, symbol: str, field: str, meaning: str) -> str:
    """The symbol for a time of the recovery policy."""
    return draft.given(symbol, run.one(getattr(run.job, field)), "s", meaning, f"reliability.{field}")


def goodput(_context: Context, run: Run, draft: Draft) -> str:
    """Useful time over wall time, by the recovery policy."""
    replicas = run.one(run.step.replica_count)
    spare = run.job.isolation == "hot-spare"
    if run.job.isolation == "job" or (replicas <= 1.0 and not spare):
        return _restarted(run, draft)
    field = "hot_spare_stall_s" if spare else "replica_stall_s"
    mttf, stall = failures(run, draft), recovery(run, draft, "S", field, "the job stands still after a failure")
    if spare:
        draft.note = "a hot spare takes the place of the failed replica, so no repair time is lost"
        return f"exp(-{stall} / {mttf})"
    count = draft.found("d", "mfu.replica_count", "count", "data-parallel replicas", replicas)
    repair = recovery(run, draft, "repair", "replica_repair_s", "until the failed replica works again")
    stopped = run.one(most(run.cut, stopped_replica_count(run.job)))
    if stopped == 1.0:
        return f"exp(-{stall} / {mttf}) * max(1 - {repair} / ({mttf} * {count}), 0)"
    together = draft.worked("q", stopped, "count", "replicas that one failure stops: those of a host, or of a rack")
    return f"exp(-{stall} / {mttf}) * max(1 - {repair} * {together} / ({mttf} * {count}), 0)"


_LARGEST_EXPONENT = 700.0  # exp of more is no double


def _restarted(run: Run, draft: Draft) -> str:
    """Daly's share of useful time, and its limits where the form itself is 0/0 or too large a number."""
    interval = run.one(run.step.checkpoint_interval_s)
    stall_s, mttf_s = run.one(run.job.checkpoint_s), run.one(run.step.mttf_s)
    if np.isinf(interval):
        draft.note = "no failures, so no checkpoint either" if np.isinf(mttf_s) else "no checkpoint is ever taken"
        return "1" if np.isinf(mttf_s) else "0"
    tau = draft.found("tau", "mfu.checkpoint_interval_s", "s", "useful time between checkpoints", interval)
    stall = recovery(run, draft, "w", "checkpoint_s", "training stands still for a checkpoint")
    if np.isinf(mttf_s):
        draft.note = "no failures: checkpoints are all that is lost"
        return f"{tau} / ({tau} + {stall})" if interval + stall_s > 0.0 else "1"
    mttf = failures(run, draft)
    restart = recovery(run, draft, "R", "restart_s", "from a failure to the first useful step")
    if interval == stall_s == 0.0:
        draft.note = "checkpoints cost nothing and are always up to date"
        return f"exp(-{restart} / {mttf})"
    if (interval + stall_s + run.one(run.job.restart_s)) / mttf_s > _LARGEST_EXPONENT:
        draft.note = "Daly's form, divided through by its largest exponential"
        return f"{tau} / {mttf} * exp(-({restart} + {tau} + {stall}) / {mttf}) / (1 - exp(-({tau} + {stall}) / {mttf}))"
    return f"{tau} / ({mttf} * exp({restart} / {mttf}) * (exp(({tau} + {stall}) / {mttf}) - 1))"
