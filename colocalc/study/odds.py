"""How often an expectation holds over many trials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from colocalc.arrays import Array
from colocalc.expect import EQUAL_WITHIN_SHARE, Comparison, Expectation

Holding = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Odds:
    """Of how many trials an expectation holds.

    Attributes
    ----------
    text : str
        The expectation.
    origin : str
        ``asked`` on the command line, in the ``file``, or by ``default``.
    share, error_share : float
        Share of trials in which it holds, and its standard error.
    undefined_share : float
        Share of trials in which one of its metrics has no value.
    """

    text: str
    origin: str
    share: float
    error_share: float
    undefined_share: float


def odds(expectation: Expectation, origin: str, columns: Mapping[str, Array]) -> Odds:
    """The share of trials in which an expectation holds; a comparison with a metric without a value does not.

    Parameters
    ----------
    expectation : Expectation
        What was parsed.
    origin : str
        Who asks.
    columns : mapping of str to ndarray (trial,)
        The metrics that it names, at least one trial.
    """
    share = float(np.mean(holding(expectation, columns)))
    named = [columns[each.metric] for group in expectation.alternatives for each in group]
    count = named[0].shape[-1]
    missing = float(np.mean(np.any(np.isnan(named), axis=0)))
    return Odds(expectation.text, origin, share, float(np.sqrt(share * (1.0 - share) / count)), missing)


def holding(expectation: Expectation, columns: Mapping[str, Array]) -> Holding:
    """In which trials an expectation holds, ``(trial,)``."""
    groups = [_all([_compared(each, columns[each.metric]) for each in group]) for group in expectation.alternatives]
    return np.asarray(np.logical_or.reduce(groups))


def _all(parts: Sequence[Holding]) -> Holding:
    return np.asarray(np.logical_and.reduce(parts))


def _compared(comparison: Comparison, values: Array) -> Holding:
    known: Holding = ~np.isnan(values)
    return known & _OPERATORS[comparison.op](values, comparison.number)


def _equal(values: Array, number: float) -> Holding:
    return np.asarray(np.abs(values - number) <= EQUAL_WITHIN_SHARE * np.abs(number))


_OPERATORS: Mapping[str, Callable[[Array, float], Holding]] = {
    "<": lambda values, number: np.asarray(values < number),
    "<=": lambda values, number: np.asarray(values <= number),
    ">": lambda values, number: np.asarray(values > number),
    ">=": lambda values, number: np.asarray(values >= number),
    "=": _equal,
    "!=": lambda values, number: ~_equal(values, number),
}
