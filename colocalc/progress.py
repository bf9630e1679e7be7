"""How far long work has come, told on standard error where somebody looks at it."""

import sys
import time
from typing import Self

from colocalc.emit import to_stderr
from colocalc.units import text

_FIRST_S = 1.0  # what is done sooner needs no telling
_EVERY_S = 0.2


class Progress:
    """A line that counts up and is gone when the work is done.

    Parameters
    ----------
    total : int
        How much there is to do.
    what : str
        Of what.
    """

    def __init__(self, total: int, what: str) -> None:
        self._total = total
        self._what = what
        self._done = 0
        self._begun = time.monotonic()
        self._next = self._begun + _FIRST_S
        self._width = 0

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        now = time.monotonic()
        if now >= self._next and _is_watched():
            self._next = now + _EVERY_S
            per_s = self._done / (now - self._begun)
            left_s = (self._total - self._done) / per_s
            self._write(
                f"{self._done:,} of {self._total:,} {self._what}, {per_s:,.0f} a second, {text(left_s, 's')} left"
            )

    def _write(self, text: str) -> None:
        self._width = max(self._width, len(text))
        to_stderr(f"\r{text:<{self._width}}", end="")

    def __enter__(self) -> Self:
        """The progress itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the line away."""
        if self._width:
            to_stderr(f"\r{' ' * self._width}\r", end="")


def _is_watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
