"""A formula being written: short symbols, what each stands for, and where its number comes from."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from colocalc.case import Assumption
from colocalc.units import text

MOST_SHOWN = 8  # a longer sum is cut for people
_SHOWN_OF_LONG = 3
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True)
class Term:
    """One symbol of a formula.

    Attributes
    ----------
    symbol : str
        Its name in the formula.
    value : float
        Its number in the stored unit.
    unit : str or None
        Suffix of ``colocalc.units.UNITS``.
    meaning : str
        What it is.
    metric : str
        Id of the metric it is; empty for an input or an intermediate result.
    paths : tuple of str
        Assumptions it is taken or computed from.
    origin : str
        Of those assumptions, or ``computed``.
    source : str
        Ids of their sources, separated by commas.
    note : str
        What they say to the reader.
    """

    symbol: str
    value: float
    unit: str | None
    meaning: str
    metric: str
    paths: tuple[str, ...]
    origin: str
    source: str
    note: str

    @property
    def comes_from(self) -> str:
        """The metric or the paths in words."""
        return self.metric or ", ".join(self.paths)


@dataclass(frozen=True)
class Formula:
    """An equation with its terms.

    Attributes
    ----------
    exact : str
        Arithmetic over the symbols: ``+ - * / **``, parentheses, and ``min max exp sqrt floor round``.
    shown : str
        The same for people: sums of more than eight parts are cut.
    substituted : str
        What is shown with numbers in the place of symbols.
    terms : tuple of Term
        One for each symbol.
    note : str
        Why the formula has this form, where that is not plain.
    """

    exact: str
    shown: str
    substituted: str
    terms: tuple[Term, ...]
    note: str = ""


def suffixes(names: Iterable[str]) -> tuple[str, ...]:
    """Names as ends of symbols, no two alike."""
    found: dict[str, None] = {}
    for number, name in enumerate(names):
        end = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
        while not end or end in found:
            end = f"{end}_{number}"
        found[end] = None
    return tuple(found)


class Draft:
    """Collects the terms of a formula while it is written.

    Parameters
    ----------
    assumptions : mapping of str to Assumption
        Everything that went into the case, by path.
    values : mapping of str to float
        Every metric of the result.
    """

    def __init__(self, assumptions: Mapping[str, Assumption], values: Mapping[str, float]) -> None:
        self.assumptions = assumptions
        self.values = values
        self.note = ""
        self._terms: dict[str, Term] = {}
        self._lists: list[tuple[tuple[str, ...], str, str]] = []

    def given(self, symbol: str, value: object, unit: str | None, meaning: str, *paths: str) -> str:
        """A symbol for a number that is an assumption, or the plain reading of a few of them."""
        known = [self.assumptions[path] for path in paths if path in self.assumptions]
        origins = ", ".join(dict.fromkeys(row.origin for row in known))
        notes = ". ".join(dict.fromkeys(row.note for row in known if row.note))
        return self._add(symbol, value, unit, meaning, paths=paths, origin=origins or "computed", note=notes)

    def worked(self, symbol: str, value: object, unit: str | None, meaning: str, *paths: str) -> str:
        """A symbol for an intermediate result, with the assumptions that it is computed from."""
        return self._add(symbol, value, unit, meaning, paths=paths)

    def found(self, symbol: str, metric: str, unit: str | None, meaning: str, value: object = None) -> str:
        """A symbol for another metric; ``value`` where one job has it and the fleet of several jobs has not."""
        number = self.values[metric] if value is None else value
        return self._add(symbol, number, unit, meaning, metric=metric if metric in self.values else "")

    def _add(
        self,
        symbol: str,
        value: object,
        unit: str | None,
        meaning: str,
        *,
        metric: str = "",
        paths: Sequence[str] = (),
        origin: str = "computed",
        note: str = "",
    ) -> str:
        known = [self.assumptions[path] for path in paths if path in self.assumptions]
        self._terms[symbol] = Term(
            symbol=symbol,
            value=float(value),  # type: ignore[arg-type]
            unit=unit,
            meaning=meaning,
            metric=metric,
            paths=tuple(dict.fromkeys(row.path for row in known)),
            origin=origin,
            source=", ".join(dict.fromkeys(row.source for row in known if row.source)),
            note=note,
        )
        return symbol

    def sum(self, parts: Sequence[str], noun: str = "pools") -> str:
        """Parts with plus signs between them; nothing to add is zero."""
        return self._listed(parts, " + ", noun) if parts else "0"

    def group(self, parts: Sequence[str], noun: str = "pools") -> str:
        """The same as a factor of a product."""
        whole = self.sum(parts, noun)
        return whole if _SYMBOL.fullmatch(whole) or whole == "0" else f"({whole})"

    def call(self, function: str, parts: Sequence[str]) -> str:
        """The least or the largest of several parts; of one, that part."""
        return parts[0] if len(parts) == 1 else f"{function}({self._listed(parts, ', ', 'pools')})"

    def _listed(self, parts: Sequence[str], between: str, noun: str) -> str:
        if len(parts) == 1:
            return parts[0]
        self._lists.append((tuple(parts), between, noun))
        return f"{{{len(self._lists) - 1}}}"

    def formula(self, template: str) -> Formula:
        """The formula whose text holds the lists made here."""
        exact, shown = self._filled(template, _whole), self._filled(template, _cut)
        used = dict.fromkeys(_SYMBOL.findall(exact))
        return Formula(
            exact=exact,
            shown=shown,
            substituted=_SYMBOL.sub(self._number, shown),
            terms=tuple(self._terms[symbol] for symbol in used if symbol in self._terms),
            note=self.note,
        )

    def _filled(self, template: str, join: Callable[[tuple[str, ...], str, str], str]) -> str:
        while _PLACE.search(template):
            template = _PLACE.sub(lambda match: join(*self._lists[int(match[1])]), template)
        return template

    def _number(self, match: re.Match[str]) -> str:
        term = self._terms.get(match[0])
        if term is None:
            return match[0]
        shown = text(term.value, term.unit)
        return f"({shown})" if shown.startswith("-") else shown


def _whole(parts: tuple[str, ...], between: str, _noun: str) -> str:
    return between.join(parts)


def _cut(parts: tuple[str, ...], between: str, noun: str) -> str:
    if len(parts) <= MOST_SHOWN:
        return between.join(parts)
    return f"{between.join(parts[:_SHOWN_OF_LONG])}{between}... ({len(parts)} {noun})"
