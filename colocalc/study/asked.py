"""Metrics that a study is asked for, and those it shows when it is asked for none."""

from collections.abc import Sequence

from colocalc.errors import EXIT_USAGE, ColocalcError, did_you_mean, quoted
from colocalc.metrics import METRICS, is_metric
from colocalc.study.evaluate import Result

USUAL = (
    "mfu.fleet_share",
    "mfu.step_share",
    "lease.run_rate_revenue_usd_per_yr",
    "lease.contribution_usd_per_yr",
    "lease.project_npv_usd",
    "hedge.gross_share",
    "h100e.eight_bit_dense_count",
)


def refuse_unknown(asked: Sequence[str], pools: tuple[str, ...]) -> None:
    """Refuses what is no metric of a fleet with these pools.

    Raises
    ------
    ColocalcError
        With the metric nearest to the first that is none.
    """
    for name in asked:
        if not is_metric(name, pools):
            hint = did_you_mean(name, METRICS) or "colocalc catalog metrics lists them"
            message = f"unknown metric {quoted(name)}"
            raise ColocalcError(message, where="--metric", hint=hint, exit_code=EXIT_USAGE)


def metrics_asked(asked: Sequence[str], result: Result, pools: tuple[str, ...]) -> tuple[str, ...]:
    """The metrics asked for, each once; else the usual ones that the fleet has.

    Raises
    ------
    ColocalcError
        When one of those asked for is none.
    """
    refuse_unknown(asked, pools)
    return tuple(dict.fromkeys(asked)) or tuple(name for name in USUAL if name in result.metrics)
