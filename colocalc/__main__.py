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
        from colocalc.cli import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


def _say(text: str) -> None:
    # Straight to the file descriptor: a dead stream is then an error here, and not one more when Python exits.
    try:
        os.write(1, text.encode())
    except OSError as error:
        from colocalc.errors import EXIT_IO, EXIT_READER_WENT_AWAY

        if isinstance(error, BrokenPipeError):
            sys.exit(EXIT_READER_WENT_AWAY)
        os.write(2, f"standard output: cannot write: {error.strerror}\n".encode())
        sys.exit(EXIT_IO)


if __name__ == "__main__":
    main()
