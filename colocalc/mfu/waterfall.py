"""The waterfall from peak to fleet MFU: factors, the running product, and each stage's share of the loss.

Several jobs are joined by weighting each job's running product with its peak, so that one waterfall stands for all of
them and its product is still the fleet's MFU exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from colocalc.arrays import Array, as_array


@dataclass(frozen=True, eq=False)
class Waterfall:
    """The stages in order, ``allocation`` last; every array ``(...,)``.

    Attributes
    ----------
    factors : mapping of str to ndarray
        Time before over time after of each stage.
    running : mapping of str to ndarray
        MFU after each stage.
    log_share : mapping of str to ndarray
        ln(factor) over the sum of all of them: the stage's part in the loss.
    unmodelled : frozenset of str
        Stages that no job could compute or measured; they count as 1.
    partly_unmodelled : frozenset of str
        Stages that some job with GPUs could not compute.
    step_share, job_share, fleet_share : ndarray
        MFU after ``software``, ``goodput`` and ``allocation``.
    """

    factors: Mapping[str, Array]
    running: Mapping[str, Array]
    log_share: Mapping[str, Array]
    unmodelled: frozenset[str]
    partly_unmodelled: frozenset[str]
    step_share: Array
    job_share: Array
    fleet_share: Array


def compose(
    *,
    factors: Mapping[str, ArrayLike],
    peak_flop_per_s: ArrayLike,
    allocation_share: ArrayLike,
    fleet_peak_flop_per_s: ArrayLike,
) -> Waterfall:
    """One waterfall over all jobs of a fleet.

    Parameters
    ----------
    factors : mapping of str to array_like (..., job)
        Stage factors in order, up to ``goodput``; NaN counts as 1.
    peak_flop_per_s : array_like (..., job)
        Peak of the GPUs of each job [FLOP/s].
    allocation_share : array_like (..., job)
        Share of its GPUs' hours that each job has [1].
    fleet_peak_flop_per_s : array_like (...)
        Peak of every GPU of the fleet, in a job or not [FLOP/s].

    Returns
    -------
    Waterfall
        The job axis is dropped.

    Notes
    -----
    ``running_k = sum_j w_j prod_(i<=k) f_ij / sum_j w_j``, ``factor_k = running_k / running_(k-1)``, w = peak

    - one job: its own factors
    - jobs that are alike: the factors of any of them
    - GPUs in no job: lower ``allocation``
    - no loss at all: log shares of 0
    - a stage that leaves nothing: it takes the whole loss, and the stages after it are NaN

    References
    ----------
    Chowdhery et al. 2022 (PaLM), appendix B, for MFU; a mean weighted by peak keeps the product exact.
    """
    weight = as_array(peak_flop_per_s)
    total = np.sum(weight, axis=-1)
    product: Array = np.ones(np.shape(weight))
    before: Array = np.ones(np.shape(total))
    found: dict[str, Array] = {}
    running: dict[str, Array] = {}
    missing: dict[str, NDArray[np.bool_]] = {}
    for name, values in factors.items():
        factor = as_array(values)
        missing[name] = np.isnan(factor) & (product * weight > 0.0)
        product = product * np.where(np.isnan(factor), 1.0, factor)
        after = _ratio(np.sum(weight * product, axis=-1), total)
        found[name], running[name], before = _ratio(after, before), after, after
    fleet = _ratio(np.sum(weight * product * as_array(allocation_share), axis=-1), as_array(fleet_peak_flop_per_s))
    found["allocation"], running["allocation"] = _ratio(fleet, before), fleet
    unmodelled = frozenset(name for name, values in factors.items() if bool(np.all(np.isnan(as_array(values)))))
    return Waterfall(
        factors=found,
        running={name: np.nan_to_num(value) for name, value in running.items()},
        log_share=_log_shares(found),
        unmodelled=unmodelled,
        partly_unmodelled=frozenset(name for name, gaps in missing.items() if bool(np.any(gaps))) - unmodelled,
        step_share=np.nan_to_num(running["software"]),
        job_share=np.nan_to_num(running["goodput"]),
        fleet_share=np.nan_to_num(fleet),
    )


def _ratio(over: Array, under: Array) -> Array:
    """NaN where there is nothing left to divide: no stage after one that leaves nothing is to blame."""
    return over / np.where(under == 0.0, np.nan, under)


def _log_shares(factors: Mapping[str, Array]) -> dict[str, Array]:
    known = {name: np.where(np.isnan(one), 1.0, one) for name, one in factors.items()}
    # Beside a stage that leaves nothing, whose logarithm has no end, the others count for nothing.
    nothing = np.any(np.stack(np.broadcast_arrays(*known.values())) == 0.0, axis=0)
    logs = {
        name: np.where(nothing, -(one == 0.0).astype(np.float64), np.log(np.where(one == 0.0, 1.0, one)))
        for name, one in known.items()
    }
    total = sum(logs.values(), np.zeros(()))
    return {name: np.nan_to_num(_ratio(log, total)) for name, log in logs.items()}


def attribution_share(
    *,
    before_factor: ArrayLike,
    after_factor: ArrayLike,
    before_share: ArrayLike,
    after_share: ArrayLike,
) -> Array:
    """The part of a fall in MFU that one stage has, on a logarithmic scale.

    Factors multiply, so their logarithms add: the parts of all stages between two waterfalls sum to 1 whatever the
    order of the stages.

    Parameters
    ----------
    before_factor : array_like (...)
        The stage's factor in the one waterfall, above 0 [1].
    after_factor : array_like (...)
        The stage's factor in the other, above 0 [1].
    before_share : array_like (...)
        MFU in the one, above 0 [1].
    after_share : array_like (...)
        MFU in the other, above 0 [1].

    Returns
    -------
    ndarray (...)
        Part of the fall [1]; below 0 for a stage that rose, above 1 for one that alone explains more than all.

    Notes
    -----
    ``ln(f_after / f_before) / ln(MFU_after / MFU_before)``

    - a stage that is the same in both: 0
    - the only stage that differs: 1
    - no fall at all: undefined (NaN)

    References
    ----------
    The logarithmic mean Divisia index (Ang 2004, Energy Policy 32) of a product.
    """
    stage = np.log(as_array(after_factor) / as_array(before_factor))
    fall = np.log(as_array(after_share) / as_array(before_share))
    return stage / np.where(fall == 0.0, np.nan, fall)
