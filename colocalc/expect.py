"""What a user may demand of a result: ``METRIC OP NUMBER``, joined by ``and`` and ``or``.

The text is parsed here and never evaluated by Python. ``and`` binds tighter than ``or``; there are no brackets.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from colocalc.errors import ColocalcError, did_you_mean, quoted
from colocalc.units import text as number_text
from colocalc.units import unit_of

LONGEST_TEXT = 1_000
MOST_COMPARISONS = 50
EQUAL_WITHIN_SHARE = 1e-6

Operator = Literal["<", "<=", ">", ">=", "=", "!="]

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_NUMBER = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_METRIC = re.compile(r"[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_][A-Za-z0-9_-]*)*")
_WORD = re.compile(r"[<>=!~≤≥≠&|]+|[^\s<>=!~≤≥≠&|()%]+|\S")
_NO_BRACKETS = "there are no brackets; and binds tighter than or"
_HINTS = {
    "==": "write = for equal",
    "=>": "write >=",
    "=<": "write <=",
    "<>": "write !=",
    "≥": "write >=",
    "≤": "write <=",
    "≠": "write !=",
    "~": "= holds within a millionth",
    "&&": "write and",
    "||": "write or",
    "AND": "write and",
    "OR": "write or",
    "(": _NO_BRACKETS,
    ")": _NO_BRACKETS,
}


class ExpectError(ColocalcError, ValueError):
    """An expectation that cannot be read.

    Parameters
    ----------
    message : str
        What is wrong.
    text : str
        The expectation.
    position : int
        The character it is wrong at, counted from one.
    hint : str, optional
        What to write instead.
    """

    def __init__(self, message: str, *, text: str, position: int, hint: str | None = None) -> None:
        super().__init__(message, where=f"{quoted(text)} at character {position}", hint=hint)
        self.position = position


@dataclass(frozen=True)
class Comparison:
    """One metric against one number, which is in the metric's stored unit."""

    metric: str
    op: Operator
    number: float


@dataclass(frozen=True)
class Expectation:
    """Alternatives, one of which must hold; an alternative holds when each of its comparisons does."""

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]


@dataclass(frozen=True)
class Outcome:
    """Whether an expectation holds, why, and the values it was judged by; None where a metric has none."""

    holds: bool
    reason: str
    values: tuple[tuple[str, float | None], ...]


def parse(text: str) -> Expectation:
    """The expectation a text stands for.

    Parameters
    ----------
    text : str
        For example ``mfu.fleet_share > 11% and lease.run_rate_revenue_usd_per_yr >= 5_000_000_000``. A number is in
        the stored unit of its metric; a percent sign divides it by 100. At most 1,000 characters and 50 comparisons.

    Returns
    -------
    Expectation
        The alternatives, in the order written.

    Raises
    ------
    ExpectError
        With the place of the first thing that is wrong.
    """
    if len(text) > LONGEST_TEXT:
        raise ExpectError(f"longer than {LONGEST_TEXT:,} characters", text=text, position=LONGEST_TEXT + 1)
    reader = _Reader(text)
    alternatives = [[reader.comparison()]]
    while not reader.done():
        if sum(map(len, alternatives)) == MOST_COMPARISONS:
            raise reader.fault(f"more than {MOST_COMPARISONS} comparisons")
        if reader.joint() == "or":
            alternatives.append([])
        alternatives[-1].append(reader.comparison())
    return Expectation(text.strip(), tuple(tuple(group) for group in alternatives))


class _Reader:
    """The words of a text and how far they have been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = [(found.group(), found.start() + 1) for found in _WORD.finditer(text)]
        self._words.append(("", len(text) + 1))
        self._next = 0

    def done(self) -> bool:
        return not self._word()

    def comparison(self) -> Comparison:
        metric = self._word()
        if metric in {"and", "or"} or not _METRIC.fullmatch(metric):
            hint = "the metric stands before the number" if _NUMBER.fullmatch(metric) else None
            raise self._expected("a metric", hint)
        self._next += 1
        return Comparison(metric, self._operator(), self._number())

    def joint(self) -> str:
        word = self._word()
        if word not in {"and", "or"}:
            raise self._expected("and, or, or the end")
        self._next += 1
        return word

    def fault(self, message: str, hint: str | None = None) -> ExpectError:
        return ExpectError(message, text=self._text, position=self._words[self._next][1], hint=hint)

    def _word(self) -> str:
        return self._words[self._next][0]

    def _expected(self, what: str, hint: str | None = None) -> ExpectError:
        word = self._word()
        found = quoted(word) if word else "the end"
        return self.fault(f"expected {what}, found {found}", _HINTS.get(word, hint))

    def _operator(self) -> Operator:
        for operator in _HOLDS:
            if self._word() == operator:
                self._next += 1
                return operator
        raise self._expected("one of < <= > >= = !=")

    def _number(self) -> float:
        word = self._word()
        number = float(word) if _NUMBER.fullmatch(word) else float("nan")
        if number - number != 0.0:  # NaN and infinity, such as 1e999
            raise self._expected("a number", "write it in the metric's unit, like 5_000_000, 5e9 or 11%")
        self._next += 1
        if self._word() == "%":
            self._next += 1
            return number / 100.0
        return number


def metrics_of(expectation: Expectation) -> tuple[str, ...]:
    """The metrics an expectation names, each once, in the order first named."""
    return tuple(dict.fromkeys(each.metric for group in expectation.alternatives for each in group))


def unknown_metrics(expectation: Expectation, is_known: Callable[[str], bool], names: Iterable[str]) -> list[str]:
    """A message for each metric of an expectation that does not exist.

    Parameters
    ----------
    expectation : Expectation
        What was parsed.
    is_known : callable
        Whether a metric of this id can exist.
    names : iterable of str
        Ids to suggest from.

    Returns
    -------
    list of str
        One sentence each, with the nearest id if one is near; empty when all are known.
    """
    unknown = [metric for metric in metrics_of(expectation) if not is_known(metric)]
    known = list(names) if unknown else []
    hints = [did_you_mean(metric, known) for metric in unknown]
    return [
        f"unknown metric {quoted(metric)}{f'; {hint}' if hint else ''}"
        for metric, hint in zip(unknown, hints, strict=True)
    ]


def judge(expectation: Expectation, *, metrics: Mapping[str, float], undefined: Mapping[str, str]) -> Outcome:
    """Whether an expectation holds for a result.

    Parameters
    ----------
    expectation : Expectation
        What was parsed; its metrics exist, which ``unknown_metrics`` tells.
    metrics : mapping of str to float
        Value by metric id, in the stored unit.
    undefined : mapping of str to str
        Why a metric has no value, by metric id.

    Returns
    -------
    Outcome
        A comparison with a metric without a value does not hold, whatever its operator. The reason names the values
        of the alternative that holds, or everything that stands in the way of each.
    """
    names = metrics_of(expectation)
    values = {name: None if metrics.get(name) != metrics.get(name) else metrics.get(name) for name in names}
    outcome = tuple(values.items())
    against: list[str] = []
    for group in expectation.alternatives:
        failed = [each for each in group if not holds(each, values[each.metric])]
        if not failed:
            facts = dict.fromkeys(f"{each.metric} is {_shown(each.metric, values[each.metric])}" for each in group)
            return Outcome(True, "; ".join(facts), outcome)
        against += [_why_not(each, values[each.metric], undefined) for each in failed]
    return Outcome(False, "; ".join(dict.fromkeys(against)), outcome)


def holds(comparison: Comparison, value: float | None) -> bool:
    """Whether a comparison holds for a value; never for a metric without one."""
    return value is not None and _HOLDS[comparison.op](value, comparison.number)


def _why_not(comparison: Comparison, value: float | None, undefined: Mapping[str, str]) -> str:
    if value is None:
        return f"{comparison.metric} is undefined: {undefined.get(comparison.metric, 'it has no value here')}"
    return f"{comparison.metric} is {_shown(comparison.metric, value)}, not {comparison.op} {comparison.number:.12g}"


def _shown(metric: str, value: float | None) -> str:
    unit = unit_of(metric)
    return f"{value:.7g} ({number_text(value, unit.suffix)})" if unit else f"{value:.7g}"


def _equal(value: float, number: float) -> bool:
    return abs(value - number) <= EQUAL_WITHIN_SHARE * abs(number)


_HOLDS: dict[Operator, Callable[[float, float], bool]] = {
    "<": lambda value, number: value < number,
    "<=": lambda value, number: value <= number,
    ">": lambda value, number: value > number,
    ">=": lambda value, number: value >= number,
    "=": _equal,
    "!=": lambda value, number: not _equal(value, number),
}
