"""What share of wall time a job that fails and recovers spends on useful work.

At 100,000 GPUs a job fails more often than once per recovery, where every first-order formula breaks down, so the exact
renewal forms are used: failures strike checkpoints and restarts too. After Daly (Future Generation Computer Systems 22,
2006) and Young (CACM 17, 1974); replica isolation as in fault-tolerant hybrid-sharded training (arXiv 2602.00277).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import GPU_DAYS_PER_RATE_UNIT, SECONDS_PER_DAY

_EXPONENT_OF_NOTHING = 800.0  # exp(-800) is zero in double precision
_SPARE_DEVIATIONS = 3.0


def _failures_per_s(gpu_count: ArrayLike, failures_per_1000_gpu_day: ArrayLike) -> Array:
    rate = as_array(gpu_count) * as_array(failures_per_1000_gpu_day)
    total: Array = np.sum(rate, axis=-1)
    return total / (GPU_DAYS_PER_RATE_UNIT * SECONDS_PER_DAY)


def mttf_s(*, gpu_count: ArrayLike, failures_per_1000_gpu_day: ArrayLike) -> Array:
    """Mean time to failure of a job that any one failure stops.

    Failures are independent and memoryless, so rates add up over GPUs and pools. Sums over pools: the pool axis is
    dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs of the job.
    failures_per_1000_gpu_day : array_like (..., pool)
        Failures per 1,000 GPU-days.

    Returns
    -------
    ndarray (...)
        Mean time to failure [s].

    Notes
    -----
    ``M = 86400 * 1000 / sum(n_i r_i)``

    - No failures or no GPUs: infinite.
    - Twice the GPUs: half the time.
    - Pools of one rate: as one pool of all their GPUs.

    References
    ----------
    Kokolis et al., HPCA 2025 (arXiv 2410.21680), where the rate is per node-day of 8 GPUs: 125 times its value.
    """
    rate = _failures_per_s(gpu_count, failures_per_1000_gpu_day)
    return np.where(rate == 0.0, np.inf, 1.0 / np.where(rate == 0.0, 1.0, rate))


def optimal_interval_s(*, mttf_s: ArrayLike, checkpoint_s: ArrayLike) -> Array:
    """Useful time between checkpoints that keeps the most goodput.

    Checkpoints cost their stall, failures cost the work since the last one; Daly's expansion balances the two also
    where the stall is not small against the mean time to failure.

    Parameters
    ----------
    mttf_s : array_like (...)
        Mean time to failure, above 0.
    checkpoint_s : array_like (...)
        Time training stands still for a checkpoint, 0 or more.

    Returns
    -------
    ndarray (...)
        Interval, not counting the checkpoint itself [s].

    Notes
    -----
    ``sqrt(2 w M) (1 + sqrt(w / 2M) / 3 + (w / 2M) / 9) - w`` for ``w < 2M``, else ``M``

    - No failures: infinite.
    - Free checkpoints: 0.
    - A checkpoint of ``2M`` or more: ``M``.
    - ``w`` far below ``M``: Young's ``sqrt(2 w M)``.

    References
    ----------
    Daly 2006, the higher-order optimum; Young 1974.
    """
    mttf = as_array(mttf_s)
    stall = as_array(checkpoint_s)
    finite = np.where(np.isinf(mttf), 1.0, mttf)
    ratio = stall / (2.0 * finite)
    young = np.sqrt(2.0 * stall * finite)
    interval = np.where(ratio < 1.0, young * (1.0 + np.sqrt(ratio) / 3.0 + ratio / 9.0) - stall, finite)
    return np.where(np.isinf(mttf), np.inf, interval)


def restart_goodput_share(
    *, mttf_s: ArrayLike, restart_s: ArrayLike, checkpoint_s: ArrayLike, checkpoint_interval_s: ArrayLike
) -> Array:
    """Share of wall time spent on work that is kept, when every failure restarts the whole job.

    Exact for memoryless failures, which also strike during checkpoints and restarts: work since the last checkpoint is
    lost, and a failed restart starts over.

    Parameters
    ----------
    mttf_s : array_like (...)
        Mean time to failure, above 0.
    restart_s : array_like (...)
        Time from a failure to the first useful step.
    checkpoint_s : array_like (...)
        Time training stands still for a checkpoint.
    checkpoint_interval_s : array_like (...)
        Useful time between checkpoints.

    Returns
    -------
    ndarray (...)
        Useful time over wall time [share].

    Notes
    -----
    ``tau / (M exp(R / M) (exp((tau + w) / M) - 1))``

    - No failures: ``tau / (tau + w)``; and 1 without checkpoints.
    - No checkpoints (infinite interval) with failures: 0.
    - Free checkpoints, as often as wished (``w = tau = 0``): ``exp(-R / M)``.
    - An interval of 0 with a checkpoint that costs time: 0.
    - Far more failures than restarts can mend: 0.

    References
    ----------
    Daly 2006, the complete cost function.
    """
    mttf = as_array(mttf_s)
    stall = as_array(checkpoint_s)
    tau = as_array(checkpoint_interval_s)
    finite = np.where(np.isinf(mttf), 1.0, mttf)
    exposure = np.where(np.isinf(mttf), 0.0, np.minimum((tau + stall) / finite, _EXPONENT_OF_NOTHING))
    # x / (e^x - 1), written so that neither a small nor a large x loses its digits.
    kept = exposure * np.exp(-exposure) / np.where(exposure == 0.0, 1.0, -np.expm1(-exposure))
    kept = np.where(exposure == 0.0, 1.0, kept)
    overhead = stall / np.where(tau == 0.0, 1.0, tau)
    saving = np.where((tau == 0.0) & (stall > 0.0), 0.0, 1.0 / (1.0 + overhead))
    return kept * saving * np.exp(-as_array(restart_s) / mttf)


def isolation_goodput_share(
    *, mttf_s: ArrayLike, stall_s: ArrayLike, replica_repair_s: ArrayLike, replica_count: ArrayLike
) -> Array:
    """Share of wall time and capacity that stays useful when a failure takes out one replica only.

    The job stalls while it drops the failed replica, then goes on without it until it is repaired. A failure during the
    stall starts the stall over. Catching up and the smaller batch are not counted: 6% too good at 100,000 GPUs.

    Parameters
    ----------
    mttf_s : array_like (...)
        Mean time to failure of the whole job, above 0.
    stall_s : array_like (...)
        Time the whole job stands still after a failure.
    replica_repair_s : array_like (...)
        Time until the failed replica works again.
    replica_count : array_like (...)
        Data-parallel replicas of the job, at least 1.

    Returns
    -------
    ndarray (...)
        Useful capacity-time over all [share].

    Notes
    -----
    ``exp(-stall / M) (1 - T_repair / (M n))``, not below 0

    - No failures: 1.
    - No stall and infinitely many replicas: 1.
    - Repairs slower than failures knock out all replicas: 0.

    References
    ----------
    arXiv 2602.00277 (stall of 3 minutes against 10 with full restarts).
    """
    mttf = as_array(mttf_s)
    down = as_array(replica_repair_s) / (mttf * as_array(replica_count))
    running = np.exp(-as_array(stall_s) / mttf)
    return running * np.maximum(1.0 - down, 0.0)


def expected_down_nodes_count(
    *, gpu_count: ArrayLike, failures_per_1000_gpu_day: ArrayLike, repair_s: ArrayLike
) -> Array:
    """Mean number of nodes under repair at any time.

    Each failure takes one node out until it is repaired. Sums over pools: the pool axis is dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs of the job.
    failures_per_1000_gpu_day : array_like (..., pool)
        Failures per 1,000 GPU-days.
    repair_s : array_like (...)
        Time until a failed node works again.

    Returns
    -------
    ndarray (...)
        Nodes down [count].

    Notes
    -----
    ``T_repair sum(n_i r_i) / (86400 * 1000)``

    - No failures: 0.
    - Instant repair: 0.
    - Equal to the repair time over the mean time to failure.

    References
    ----------
    Little 1961 (L = lambda W).
    """
    return _failures_per_s(gpu_count, failures_per_1000_gpu_day) * as_array(repair_s)


def spare_node_count(*, expected_down_nodes_count: ArrayLike) -> Array:
    """Spare nodes that cover all but rare peaks of nodes under repair.

    The number of nodes down is Poisson distributed; three standard deviations above its mean are provided for.

    Parameters
    ----------
    expected_down_nodes_count : array_like (...)
        Mean number of nodes under repair.

    Returns
    -------
    ndarray (...)
        Spare nodes, not rounded [count].

    Notes
    -----
    ``mean + 3 sqrt(mean)``

    - None down: 0.
    - Many down: the mean, as the spread falls behind it.

    References
    ----------
    Standard deviation of the Poisson distribution, which holds for repair times of any distribution (Palm 1943).
    """
    mean = as_array(expected_down_nodes_count)
    return mean + _SPARE_DEVIATIONS * np.sqrt(mean)
