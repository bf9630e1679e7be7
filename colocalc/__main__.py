"""The entry point: answers ``--version`` before anything heavy is imported, then hands over to the command line."""

import sys

from colocalc import __version__


def main() -> None:
    """Runs the command line; an interrupt during start-up ends it silently."""
    try:
        if sys.argv[1:] == ["--version"]:
            sys.stdout.write(f"colocalc {__version__}\n")
            return
        from colocalc.cli import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
