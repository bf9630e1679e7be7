"""The entry point: answers ``--version`` before anything heavy is imported, then hands over to the command line."""

import gc
import os
import sys

from colocalc import __version__

_COLLECTED_AT = 100_000  # new objects: start-up makes very many that stay, and to look for cycles among them is in vain


def main() -> None:
    """Runs the command line; an interrupt during start-up ends it silently."""
    try:
        if sys.argv[1:] == ["--version"]:
            _say(f"colocalc {__version__}\n")
            return
        if not sys.argv[1:] and not os.environ.get("_COLOCALC_COMPLETE"):
            from colocalc.guide import FIRST

            _say(FIRST)
            return
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them reads every package's metadata
        gc.set_threshold(_COLLECTED_AT)
        _end_in_order()
        from colocalc.cli import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


def _end_in_order() -> None:
    """Asked to end, or with its terminal gone, the program leaves as from an error: no half-written file stays."""
    import signal

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has the first alone
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup is heeded
            signal.signal(number, _leave)


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def _say(text: str) -> None:
    # Straight to the file descriptor: a dead stream is then an error here, and not one more when Python exits.
    try:
        os.write(1, text.encode())
    except OSError as error:
        from contextlib import suppress
        from errno import EBADF

        from colocalc.errors import EXIT_IO, EXIT_READER_WENT_AWAY

        if isinstance(error, BrokenPipeError):
            sys.exit(EXIT_READER_WENT_AWAY)
        why = "it is closed" if error.errno == EBADF else error.strerror
        with suppress(OSError):  # the exit code says it where standard error is closed too
            os.write(2, f"standard output: cannot write: {why}\n".encode())
        sys.exit(EXIT_IO)


if __name__ == "__main__":
    main()
