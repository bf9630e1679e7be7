"""What a grid runs over: a key of a fleet, and the values it is given."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colocalc.errors import EXIT_USAGE, ColocalcError, quoted
from colocalc.study.ranges import is_whole
from colocalc.units import unit_of

MOST_VALUES = 1_000_000  # of one axis
Value = float | str
Reader = Callable[[str], object]


@dataclass(frozen=True)
class Axis:
    """A key of a fleet, or the path of an assumption, and the values it is given."""

    key: str
    values: tuple[Value, ...]

    @property
    def is_words(self) -> bool:
        """Whether some value is no number."""
        return any(isinstance(value, str) for value in self.values)

    @cached_property
    def array(self) -> NDArray[Any]:
        """Its values, ``(value,)``: float64, or text where some value is none."""
        return np.asarray([str(one) for one in self.values]) if self.is_words else np.asarray(self.values, np.float64)

    @property
    def unit(self) -> str | None:
        """The unit of its numbers."""
        unit = None if self.is_words else unit_of(self.key)
        return None if unit is None else unit.suffix


def axis(text: str, read: Reader) -> Axis:
    """The axis that ``KEY=START:STOP:N``, with ``:log`` or without, or ``KEY=A,B,C`` asks for.

    Parameters
    ----------
    text : str
        As typed.
    read : callable
        The scalar that a text is to the reader of fleet files.

    Raises
    ------
    ColocalcError
        When it is neither.
    """
    key, equals, wanted = text.partition("=")
    where = f"--over {quoted(text)}"
    if not equals or not key.strip() or not wanted.strip():
        raise ColocalcError("should be KEY=START:STOP:N or KEY=A,B,C", where=where, exit_code=EXIT_USAGE)
    key = key.strip()
    values = _spread(key, wanted, read, where) if ":" in wanted else _listed(wanted, read, where)
    if len(set(values)) != len(values):
        raise ColocalcError("a value stands twice", where=where, exit_code=EXIT_USAGE)
    return Axis(key, values)


def _listed(wanted: str, read: Reader, where: str) -> tuple[Value, ...]:
    found: list[Value] = []
    for part in wanted.split(","):
        value = read(part.strip())
        if isinstance(value, bool) or value is None or not isinstance(value, int | float | str) or value == "":
            raise ColocalcError(f"{quoted(part)} is no value", where=where, exit_code=EXIT_USAGE)
        if not isinstance(value, str) and not np.isfinite(value):
            raise ColocalcError(f"{quoted(part)} is no finite number", where=where, exit_code=EXIT_USAGE)
        found.append(value if isinstance(value, str) else float(value))
    return tuple(found)


def _spread(key: str, wanted: str, read: Reader, where: str) -> tuple[Value, ...]:
    parts = wanted.split(":")
    is_log = parts[-1].strip() == "log"
    ends = [read(part.strip()) for part in (parts[:-1] if is_log else parts)]
    numeric = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numeric) != 3 or len(ends) != 3 or not bool(np.isfinite(numeric).all()):
        raise ColocalcError("START:STOP:N are three numbers", where=where, exit_code=EXIT_USAGE)
    start, stop, steps = numeric
    if steps != round(steps) or not 1.0 <= steps <= MOST_VALUES:
        raise ColocalcError(f"N is a whole number from 1 to {MOST_VALUES:,}", where=where, exit_code=EXIT_USAGE)
    if is_log and min(start, stop) <= 0.0:
        raise ColocalcError("a logarithmic axis lies above 0", where=where, exit_code=EXIT_USAGE)
    spread = np.geomspace if is_log else np.linspace
    with np.errstate(over="ignore", invalid="ignore"):
        values = spread(start, stop, int(steps))
    if not bool(np.isfinite(values).all()):
        raise ColocalcError("START and STOP are too far apart", where=where, exit_code=EXIT_USAGE)
    if is_whole(key):
        values = np.unique(np.rint(values))
    return tuple(map(float, values))
