"""Formulas of a spreadsheet written as arithmetic: each term carries its text and its value, so that both agree.

A formula is written once, in Python. What a spreadsheet shows before it recalculates is what Python has computed on
the way, and what it shows afterwards is the same arithmetic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_COMPARED, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
NAN = float("nan")


@dataclass(frozen=True)
class Condition:
    """A comparison, and whether it holds."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Term:
    """A part of a formula: its text, its value, and how tightly its outermost operator binds."""

    text: str
    value: float | str
    rank: int = _ATOM

    def __add__(self, other: "Term | float") -> "Term":
        """The sum."""
        right = term(other)
        return Term(f"{_in(self, _SUM)}+{_in(right, _PRODUCT)}", number(self) + number(right), _SUM)

    def __sub__(self, other: "Term | float") -> "Term":
        """The difference."""
        right = term(other)
        return Term(f"{_in(self, _SUM)}-{_in(right, _PRODUCT)}", number(self) - number(right), _SUM)

    def __mul__(self, other: "Term | float") -> "Term":
        """The product."""
        right = term(other)
        return Term(f"{_in(self, _PRODUCT)}*{_in(right, _POWER)}", number(self) * number(right), _PRODUCT)

    def __truediv__(self, other: "Term | float") -> "Term":
        """The quotient; undefined over 0."""
        right = term(other)
        value = number(self) / number(right) if number(right) else NAN
        return Term(f"{_in(self, _PRODUCT)}/{_in(right, _POWER)}", value, _PRODUCT)

    def __pow__(self, other: "Term | float") -> "Term":
        """The power of a base above 0."""
        right = term(other)
        value = number(self) ** number(right) if number(self) > 0.0 else NAN
        return Term(f"{_in(self, _ATOM)}^{_in(right, _ATOM)}", value, _POWER)

    def __radd__(self, other: float) -> "Term":
        """The sum."""
        return term(other) + self

    def __rsub__(self, other: float) -> "Term":
        """The difference."""
        return term(other) - self

    def __rmul__(self, other: float) -> "Term":
        """The product."""
        return term(other) * self

    def __neg__(self) -> "Term":
        """The negative, as a difference: a sign before a power would bind tighter than it."""
        return term(0.0) - self

    def above(self, other: "Term | float") -> Condition:
        """Whether it is above another."""
        return self._compared(">", other, lambda one, two: one > two)

    def at_least(self, other: "Term | float") -> Condition:
        """Whether it is another or above it."""
        return self._compared(">=", other, lambda one, two: one >= two)

    def below(self, other: "Term | float") -> Condition:
        """Whether it is below another."""
        return self._compared("<", other, lambda one, two: one < two)

    def equals(self, other: "Term | float") -> Condition:
        """Whether both are the same number."""
        return self._compared("=", other, lambda one, two: one == two)

    def _compared(self, sign: str, other: "Term | float", holds: Callable[[float, float], bool]) -> Condition:
        right = term(other)
        return Condition(f"{_in(self, _SUM)}{sign}{_in(right, _SUM)}", holds(number(self), number(right)))


@dataclass(frozen=True)
class Span:
    """A row or column of cells, with their values."""

    text: str
    values: tuple[float | str, ...]

    @property
    def numbers(self) -> list[float]:
        """The values that are numbers: spreadsheets pass over text in a range."""
        return [value for value in self.values if not isinstance(value, str)]


def term(value: Term | float) -> Term:
    """A number as a term; a term as it is."""
    if isinstance(value, Term):
        return value
    shown = repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value)).upper()
    return Term(f"({shown})" if value < 0.0 else shown, float(value))


def number(value: Term) -> float:
    """The number of a term; NaN where it is text."""
    return NAN if isinstance(value.value, str) else value.value


def words(text: str) -> Term:
    """Text as a term: words of this program, never of a user."""
    return Term(f'"{text}"', text)


def _in(part: Term, rank: int) -> str:
    return f"({part.text})" if part.rank < rank else part.text


def when(condition: Condition, then: Term | float, otherwise: Term | float) -> Term:
    """One of two terms."""
    first, second = term(then), term(otherwise)
    chosen = first if condition.holds else second
    return Term(f"IF({condition.text},{first.text},{second.text})", chosen.value)


def either(*conditions: Condition) -> Condition:
    """Whether any holds."""
    return Condition(f"OR({_joined(conditions)})", any(each.holds for each in conditions))


def both(*conditions: Condition) -> Condition:
    """Whether all hold."""
    return Condition(f"AND({_joined(conditions)})", all(each.holds for each in conditions))


def _joined(parts: Sequence[Condition | Term]) -> str:
    return ",".join(part.text for part in parts)


def least(*parts: Term | float) -> Term:
    """The smallest."""
    terms = [term(part) for part in parts]
    return Term(f"MIN({_joined(terms)})", min(number(each) for each in terms))


def most(*parts: Term | float) -> Term:
    """The largest."""
    terms = [term(part) for part in parts]
    return Term(f"MAX({_joined(terms)})", max(number(each) for each in terms))


def rounded_up(part: Term) -> Term:
    """The next whole number, of one that is not negative."""
    whole = float(-(-number(part) // 1.0))
    return Term(f"ROUNDUP({part.text},0)", whole)


def rounded_down(part: Term) -> Term:
    """The whole number below."""
    return Term(f"INT({part.text})", number(part) // 1.0)


def total(*spans: Span) -> Term:
    """The sum of cells."""
    return Term(f"SUM({','.join(span.text for span in spans)})", sum((sum(span.numbers) for span in spans), 0.0))


def added(parts: Sequence[Term]) -> Term:
    """The sum of terms; 0 without any."""
    found = term(0.0) if not parts else parts[0]
    for part in parts[1:]:
        found += part
    return found


def dot(one: Span, other: Span) -> Term:
    """The sum of products of cells."""
    value = sum(float(a) * float(b) for a, b in zip(one.values, other.values, strict=True))
    return Term(f"SUMPRODUCT({one.text},{other.text})", value)


def highest(span: Span) -> Term:
    """The largest of cells."""
    return Term(f"MAX({span.text})", max(span.numbers, default=0.0))


def lowest(span: Span) -> Term:
    """The smallest of the cells that hold a number; no text where none does."""
    return _known(span, Term(f"MIN({span.text})", min(span.numbers, default=0.0)))


def mean(span: Span) -> Term:
    """The mean of the cells that hold a number."""
    found = span.numbers
    return _known(span, Term(f"AVERAGE({span.text})", sum(found) / len(found) if found else NAN))


def counted(span: Span) -> Term:
    """How many cells hold a number."""
    return Term(f"COUNT({span.text})", float(len(span.numbers)))


UNDEFINED = words("undefined")
NOTHING = words("")


def _known(span: Span, found: Term) -> Term:
    return when(counted(span).above(0.0), found, UNDEFINED)


def gains(span: Span) -> Term:
    """The sum of what is above 0."""
    return Term(f'SUMIF({span.text},">0")', sum(value for value in span.numbers if value > 0.0))


def losses(span: Span) -> Term:
    """The sum of what is below 0, negative."""
    return Term(f'SUMIF({span.text},"<0")', sum(value for value in span.numbers if value < 0.0))


def present_value(rate: Term, span: Span) -> Term:
    """Flows from one period after today on, discounted; spreadsheets call it NPV."""
    value = sum(flow / (1.0 + number(rate)) ** (place + 1) for place, flow in enumerate(span.numbers))
    return Term(f"NPV({rate.text},{span.text})", value)


def logarithm(part: Term, value: float) -> Term:
    """The natural logarithm; its value is told, as mathematics is numpy's here."""
    return Term(f"LN({part.text})", value)


def exponential(part: Term, value: float) -> Term:
    """The exponential; its value is told, as mathematics is numpy's here."""
    return Term(f"EXP({part.text})", value)


def picked(span: Span, place: Term) -> Term:
    """The cell of a span at a place counted from 1."""
    return Term(f"INDEX({span.text},{place.text})", span.values[int(number(place)) - 1])


def ratio(part: Term, whole: Term) -> Term:
    """A quotient where what it is over is above 0, else the word undefined."""
    return when(whole.above(0.0), part / whole, UNDEFINED)


def worth(rate: Term, flows: Span, periods: Span) -> Term:
    """Flows at their times, discounted."""
    base = 1.0 + number(rate)
    value = sum(float(flow) * base ** -float(time) for flow, time in zip(flows.values, periods.values, strict=True))
    return Term(f"SUMPRODUCT({flows.text}*(1+{rate.text})^-{periods.text})", value)


def internal_rate(flows: Span, guess: Term, value: float | None) -> Term:
    """The rate at which flows are worth nothing, to the seven digits at which spreadsheets stop.

    The value is told, since it is searched for; None where there is none.
    """
    return Term(f'IFERROR(IRR({flows.text},{guess.text}),"undefined")', "undefined" if value is None else value)


def refined_rate(found: Term, flows: Span, periods: Span) -> Term:
    """A rate after one more step of Newton's method, which has the other digits."""
    rate = found.text
    slope = f"SUMPRODUCT({periods.text}*{flows.text}*(1+{rate})^-({periods.text}+1))"
    return Term(f'IFERROR({rate}+SUMPRODUCT({flows.text}*(1+{rate})^-{periods.text})/{slope},"undefined")', found.value)
