"""What is wrong with a reference, and how it is told."""

from collections.abc import Iterable
from dataclasses import dataclass

from colocalc.errors import did_you_mean

Path = tuple[str | int, ...]
_SHOWN_NAMES = 8


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a fleet: where, what, and what to do about it."""

    path: Path
    message: str
    hint: str | None = None
    at_key: bool = False


def near(word: str, known: Iterable[str], kind: str = "") -> str:
    """The nearest known word, else the known ones if they are few, else the command that lists them."""
    names = list(known)
    if hint := did_you_mean(word, names):
        return hint
    if kind:
        return f"see: colocalc catalog {kind}"
    return f"there is {', '.join(names[:_SHOWN_NAMES]) or 'none'}{', ...' if len(names) > _SHOWN_NAMES else ''}"
