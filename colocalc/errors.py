"""Errors a user can act on: what is wrong, where, and what to do about it.

Only the command line turns these into text and an exit code. Anything else that escapes is a defect of the tool.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

EXIT_EXPECTATION = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_EXTRA = 4
EXIT_IO = 5
EXIT_INTERRUPTED = 130
EXIT_READER_WENT_AWAY = 141

_SHOWN_FAULTS = 20
_SHOWN_CHARACTERS = 80
_MESSAGE_CHARACTERS = 2_000  # of one fault: a list of names in it may be as long as a file


def printable(text: object, limit: int | None = None) -> str:
    """Text from a file made safe to show: control, format and bidirectional characters are written as escapes.

    Parameters
    ----------
    text : object
        Anything; its ``str`` is used.
    limit : int, optional
        Longest result in characters; a longer one is cut and ends in an ellipsis.

    Returns
    -------
    str
        One line without characters that move the cursor, change direction or hide text.
    """
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)[: 4 * (limit or len(str(text)))]
    )
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown


def quoted(value: object) -> str:
    """A value as it appears in a message: quoted if text, cut at 80 characters, never with live control characters."""
    shown = printable(value, _SHOWN_CHARACTERS)
    return f'"{shown}"' if isinstance(value, str) else shown


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """The known word nearest to a mistyped one, as a hint; None when nothing is near."""
    names = {name.casefold(): name for name in known}
    near = get_close_matches(str(word)[:_SHOWN_CHARACTERS].casefold(), names, n=1, cutoff=0.6)
    return f"did you mean {names[near[0]]}?" if near else None


def _sentence(message: str, hint: str | None) -> str:
    """A message with its hint as one harmless line that ends, whatever text of files it was put together from."""
    return printable(f"{message}; {hint}" if hint else message, _MESSAGE_CHARACTERS)


class ColocalcError(Exception):
    """A fault the user can mend.

    Parameters
    ----------
    message : str
        One sentence without a full stop.
    where : str, optional
        The place: a file, an option, a metric.
    hint : str, optional
        What to do about it.
    exit_code : int, optional
        The process exit code; 3 (bad input) unless said otherwise.
    """

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, exit_code: int = EXIT_INPUT
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        place = f"{printable(self.where, _MESSAGE_CHARACTERS)}: " if self.where else ""
        return f"{place}{_sentence(self.message, self.hint)}"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input, and where it stands.

    ``line`` and ``column`` count from one; both are None where the place has no line (an option, a missing file).
    """

    message: str
    file: str
    line: int | None = None
    column: int | None = None
    path: str = ""
    hint: str | None = None

    def __str__(self) -> str:
        place = printable(self.file)
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        path = f"{printable(self.path, _SHOWN_CHARACTERS)}: " if self.path else ""
        return f"{place}: {path}{_sentence(self.message, self.hint)}"


class InputError(ColocalcError):
    """Every fault of one input at once.

    Parameters
    ----------
    faults : iterable of Fault
        What is wrong, in the order of the file. At most 20 are shown.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} faults")

    def __str__(self) -> str:
        lines = [str(fault) for fault in self.faults[:_SHOWN_FAULTS]]
        rest = len(self.faults) - len(lines)
        if rest:
            lines.append(f"... and {rest} more")
        return "\n".join(lines)
