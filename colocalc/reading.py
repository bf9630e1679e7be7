"""Files read whole, up to a limit: nothing else is ever opened, no folder, pipe or device."""

import gc
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colocalc.errors import EXIT_IO, ColocalcError, printable


def read_bytes(path: Path, limit: int) -> bytes:
    """The first bytes of a regular file, one more than the limit where it holds more.

    Raises
    ------
    ColocalcError
        With exit code 5, where there is no file to read.
    """
    try:
        with open(path, "rb", opener=_open_regular) as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = printable(getattr(error, "strerror", None) or error)
        raise ColocalcError(f"cannot be read: {reason}", where=str(path), exit_code=EXIT_IO) from None


def real(path: Path) -> Path:
    """The path without links; where links go round in a circle it leads nowhere, and is no fault yet."""
    return Path(os.path.realpath(path))  # what Path.resolve makes of a circle depends on the version of Python


def is_file(path: Path) -> bool:
    """Whether there is a regular file, or a link to one; of a name that no disk takes there is none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a name is too long


def lies_below(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder or below it, wherever links lead."""
    return real(path).is_relative_to(real(folder))


def _open_regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    problem = "is a directory" if stat.S_ISDIR(mode) else "is a pipe or a device, not a file"
    raise ColocalcError(problem, where=str(path), exit_code=EXIT_IO)


@contextmanager
def without_collecting() -> Iterator[None]:
    """No search for cycles while very many objects are made that have none: it takes up to two thirds of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
