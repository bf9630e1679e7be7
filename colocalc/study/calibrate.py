"""The constants of the step-time model fitted to measured runs, and the error on publications left out of the fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array, as_array
from colocalc.calibration import EXPERTS
from colocalc.case.measured import publication_of
from colocalc.case.runs import RunsCase
from colocalc.errors import ColocalcError
from colocalc.study.validate import Mask, overdrawn, predicted_steps

_HUBER = 1.3  # standard deviations beyond which an error counts linearly
_DIFFERENCE = 1e-3  # of a logarithm, for slopes
_MOST_ROUNDS = 12
_MOST_TRIES = 5
_LONGEST_STEP = 0.5  # of a logarithm, in one round
_GAIN = 1e-4  # of the cost, below which the fit stands
_LEAST_RUNS = 6  # a publication of fewer runs is weighed as one of so many


@dataclass(frozen=True)
class Prior:
    """What is believed of a constant before the fit: a lognormal, with the largest value it may take."""

    median: float
    width_log: float
    most: float


@dataclass(frozen=True, eq=False)
class Fit:
    """Constants fitted to runs.

    Attributes
    ----------
    constants : mapping of str to float
        All constants, the fitted ones and those held.
    standard_error_log : mapping of str to float
        Standard error of the natural logarithm of each fitted constant.
    publications : tuple of str
        Of each run.
    left_out_error_share : ndarray (run,)
        Predicted over measured, less one, of each run by a fit without its publication; NaN where there is one only.
    """

    constants: Mapping[str, float]
    standard_error_log: Mapping[str, float]
    publications: tuple[str, ...]
    left_out_error_share: Array


def largest_gpu_count(case: RunsCase) -> dict[str, float]:
    """The range of some runs: GPUs of the largest, by family and bits, and with experts.

    Parameters
    ----------
    case : RunsCase
        The runs.
    """
    found: dict[str, float] = {}
    for family, count, has_experts in zip(case.families, case.gpu_count, case.has_experts, strict=True):
        for key in (family, EXPERTS) if has_experts else (family,):
            found[key] = max(found.get(key, 0.0), float(count))
    return dict(sorted(found.items()))


def calibrate(
    case: RunsCase,
    *,
    priors: Mapping[str, Prior],
    held: Mapping[str, float],
    memory_slack_factor: float,
    noise_share: Mapping[str, float],
) -> Fit:
    """Least squares of the logarithm of step time, robust and drawn to priors; one fit more for each publication.

    Minimises ``sum w huber((ln predicted - ln measured) / noise) + sum ((ln c - ln median) / width)^2 / 2`` over the
    logarithms of the constants ``c``. Runs of a publication of many count by the root of their number.

    Parameters
    ----------
    case : RunsCase
        The runs.
    priors : mapping of str to Prior
        The constants to fit.
    held : mapping of str to float
        The others.
    memory_slack_factor : float
        Memory over what the GPU has, beyond which a candidate is held back.
    noise_share : mapping of str to float
        Spread of ``dense`` runs and of those with ``experts`` that no constant explains.

    Raises
    ------
    ColocalcError
        When no run can be predicted.
    """
    problem = _Problem(case, priors, held, overdrawn(case, memory_slack_factor), noise_share)
    if not problem.usable.any():
        raise ColocalcError("no run of the file can be predicted, so there is nothing to fit to")
    found, covariance = problem.solve(problem.usable)
    return Fit(
        constants=problem.constants(found),
        standard_error_log=dict(zip(priors, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        publications=problem.publications,
        left_out_error_share=_left_out(problem),
    )


def _left_out(problem: "_Problem") -> Array:
    """Error of every run by a fit without its publication."""
    names = np.asarray(problem.publications)
    error = np.full(names.size, np.nan)
    for name in np.unique(names):
        away = names == name
        if (problem.usable & ~away).any():
            found, _ = problem.solve(problem.usable & ~away)
            error[away] = np.expm1(problem.miss(found))[away]
    return error


class _Problem:
    """The runs and priors as arrays; unknowns are logarithms of constants."""

    def __init__(
        self,
        case: RunsCase,
        priors: Mapping[str, Prior],
        held: Mapping[str, float],
        overdrawn_factor: Array,
        noise_share: Mapping[str, float],
    ) -> None:
        self._case, self._priors, self._held, self._overdrawn = case, priors, held, overdrawn_factor
        self._median = np.log([prior.median for prior in priors.values()])
        self._width = as_array([prior.width_log for prior in priors.values()])
        self._noise = np.where(case.has_experts, noise_share["experts"], noise_share["dense"])
        self.publications = tuple(publication_of(source) for source in case.sources)
        self.usable: Mask = np.isfinite(self.miss(self._median))
        self._weight = _weights(self.publications)

    def constants(self, unknowns: Array) -> dict[str, float]:
        """All constants at the unknowns."""
        values = np.minimum(np.exp(unknowns), [prior.most for prior in self._priors.values()])
        return {**self._held, **dict(zip(self._priors, values.tolist(), strict=True))}

    def miss(self, unknowns: Array) -> Array:
        """Logarithm of predicted over measured step time."""
        found, chosen = predicted_steps(self._case, self.constants(unknowns), self._overdrawn)
        return as_array(np.log(found.step_time_s[chosen]) - np.log(self._case.measured_s))

    def solve(self, use: Mask) -> tuple[Array, Array]:
        """Unknowns and their covariance from some of the runs, by Levenberg and Marquardt."""
        weight, unknowns, damping = self._weight[use], self._median.copy(), 1e-2
        scaled = self._scaled(unknowns, use)
        cost = self._cost(scaled, unknowns, weight)
        for _ in range(_MOST_ROUNDS):
            information, slope = self._linear(scaled, unknowns, use)
            for _ in range(_MOST_TRIES):
                damped = information + damping * np.diag(np.diag(information))
                step = np.clip(np.linalg.solve(damped, slope), -_LONGEST_STEP, _LONGEST_STEP)
                tried = self._scaled(unknowns - step, use)
                reached = self._cost(tried, unknowns - step, weight)
                if reached < cost:
                    break
                damping *= 5.0
            else:
                break
            gain, unknowns, scaled, cost, damping = cost - reached, unknowns - step, tried, reached, damping * 0.3
            if gain < _GAIN:
                break
        information, _ = self._linear(scaled, unknowns, use)
        return as_array(unknowns), as_array(np.linalg.inv(information))

    def _scaled(self, unknowns: Array, use: Mask) -> Array:
        return as_array((self.miss(unknowns) / self._noise)[use])

    def _cost(self, scaled: Array, unknowns: Array, weight: Array) -> float:
        size = np.abs(scaled)
        huber = np.where(size < _HUBER, 0.5 * size**2, _HUBER * (size - 0.5 * _HUBER))
        return float(weight @ huber + 0.5 * np.sum(((unknowns - self._median) / self._width) ** 2))

    def _linear(self, scaled: Array, unknowns: Array, use: Mask) -> tuple[Array, Array]:
        """Information and slope of the cost, an error counting less the farther off it is."""
        weight = self._weight[use] * np.minimum(1.0, _HUBER / np.maximum(np.abs(scaled), 1e-9))
        moved = [self._scaled(unknowns + _DIFFERENCE * unit, use) for unit in np.eye(unknowns.size)]
        slopes = (np.stack(moved, axis=1) - scaled[:, None]) / _DIFFERENCE
        information = slopes.T @ (weight[:, None] * slopes) + np.diag(self._width**-2.0)
        return information, slopes.T @ (weight * scaled) + (unknowns - self._median) / self._width**2


def _weights(publications: Sequence[str]) -> Array:
    _, place, count = np.unique(np.asarray(publications, dtype=str), return_inverse=True, return_counts=True)
    weight = 1.0 / np.sqrt(np.maximum(count[place], _LEAST_RUNS))
    return as_array(weight / weight.mean()) if weight.size else as_array(weight)
