"""Predicted against measured: the step-time model on runs whose step time is known, and how far off it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array, as_array
from colocalc.case.runs import RunsCase
from colocalc.mfu.predict.facts import Constants, StepTime
from colocalc.mfu.predict.memory import memory
from colocalc.mfu.predict.step import step_time

Mask = NDArray[np.bool_]

LARGE_GPU_COUNT = 8_000.0  # where no constant guess should win
CONSTANT_GUESSES = (0.40, 0.45)  # of the dense peak at the run's own precision

_OVERDRAWN = 3.0  # logarithm of time that a candidate pays for each memory it overdraws


@dataclass(frozen=True, eq=False)
class Validation:
    """Predictions of runs beside what was measured; arrays ``(run,)``.

    Attributes
    ----------
    case : RunsCase
        The runs.
    predicted_s, low_s, high_s : ndarray
        Predicted time of a step, and its 90% band.
    error_share : ndarray
        Predicted over measured, less one.
    step_mfu_share : ndarray
        Predicted MFU of a step, at the run's own precision.
    constant_error_share : mapping of float to ndarray
        The same error when every run is said to reach a fixed share of its peak.
    chosen : ndarray
        The candidate that stands for each run.
    stage_factors : mapping of str to ndarray
        Time before over time after of each stage.
    """

    case: RunsCase
    predicted_s: Array
    low_s: Array
    high_s: Array
    error_share: Array
    step_mfu_share: Array
    constant_error_share: Mapping[float, Array]
    chosen: NDArray[np.int64]
    stage_factors: Mapping[str, Array]

    @property
    def is_predicted(self) -> Mask:
        """Whether each run has a prediction; one without lacks a figure of its GPU."""
        return np.isfinite(self.predicted_s)

    @property
    def is_inside(self) -> Mask:
        """Whether each measured time lies in the band."""
        measured = self.case.measured_s
        return np.asarray((self.low_s <= measured) & (measured <= self.high_s))


def validate(
    case: RunsCase,
    *,
    constants: Mapping[str, float],
    memory_slack_factor: float,
    band_share: Mapping[str, float],
) -> Validation:
    """Every run of a case predicted.

    Parameters
    ----------
    case : RunsCase
        The runs.
    constants : mapping of str to float
        The calibration.
    memory_slack_factor : float
        Memory over what the GPU has, beyond which a candidate is held back.
    band_share : mapping of str to float
        Half-width of the band of ``dense`` runs and of those with ``experts``, in the logarithm of time.
    """
    found, chosen = predicted_steps(case, constants, overdrawn(case, memory_slack_factor))
    predicted, peak = found.step_time_s[chosen], found.peak_time_s[chosen]
    width = np.where(case.has_experts, band_share["experts"], band_share["dense"])
    return Validation(
        case=case,
        predicted_s=predicted,
        low_s=predicted * np.exp(-width),
        high_s=predicted * np.exp(width),
        error_share=predicted / case.measured_s - 1.0,
        step_mfu_share=peak / predicted,
        constant_error_share={guess: peak / guess / case.measured_s - 1.0 for guess in CONSTANT_GUESSES},
        chosen=chosen,
        stage_factors={name: factor[chosen] for name, factor in found.factors().items()},
    )


def overdrawn(case: RunsCase, memory_slack_factor: float) -> Array:
    """How far each candidate overdraws the memory of its GPU, in memories.

    Parameters
    ----------
    case : RunsCase
        The runs.
    memory_slack_factor : float
        Memory over what the GPU has, from which on it counts.
    """
    need = memory(**_facts(case), selective_share=case.selective_share).total_byte
    return np.maximum(need / case.chip.hbm_byte - memory_slack_factor, 0.0)


def predicted_steps(
    case: RunsCase, constants: Mapping[str, float], overdrawn_factor: Array
) -> tuple[StepTime, NDArray[np.int64]]:
    """Every candidate's step, and the candidate that stands for each run: the fastest that fits.

    Parameters
    ----------
    case : RunsCase
        The runs.
    constants : mapping of str to float
        The calibration.
    overdrawn_factor : ndarray (candidate,)
        From ``overdrawn``.
    """
    known = Constants(**{name: as_array(value) for name, value in constants.items()})
    found = step_time(**_facts(case), constants=known)
    return found, _best(np.log(found.step_time_s) + _OVERDRAWN * overdrawn_factor, case)


def _facts(case: RunsCase) -> dict[str, Any]:
    return {"dimensions": case.dimensions, "chip": case.chip, "plan": case.plan, "stack": case.stack}


def _best(score: Array, case: RunsCase) -> NDArray[np.int64]:
    """The candidate of least score of each run."""
    order = np.lexsort((score, case.owner))
    _, first = np.unique(case.owner[order], return_index=True)
    return np.asarray(order[first], dtype=np.int64)


def mean_absolute_share(error_share: Array, among: Mask | None = None) -> float:
    """Mean absolute error; NaN among no runs.

    Parameters
    ----------
    error_share : ndarray (run,)
        Errors.
    among : ndarray of bool (run,), optional
        Which runs count.
    """
    kept = error_share if among is None else error_share[among]
    return float(np.mean(np.abs(kept))) if kept.size else float("nan")
