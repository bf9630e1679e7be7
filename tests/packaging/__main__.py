"""Installs what a release would be and runs it, on the Pythons and with the dependencies that it promises.

``python -m tests.packaging`` builds a wheel of this checkout and installs it in an environment of its own. Commands then
run from ``/`` without environment variables, and every number of their JSON must be that of the checkout, as the Python
that runs this has it, to nine digits. Nothing is left behind. What it needs beside Python is where pip finds packages.

    python -m tests.packaging --python 3.12 --oldest         # lower bounds of pyproject.toml, exactly
    python -m tests.packaging --python all --oldest --extras # on every Python found, with every extra
    python -m tests.packaging --places                       # folders, links, archives and installs of other kinds
    python -m tests.packaging --artifacts                    # what is in wheel and sdist, and that they come out the same
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.packaging.artifacts import artifacts
from tests.packaging.environments import Environment, build_wheel, interpreters
from tests.packaging.places import places
from tests.packaging.smoke import smoke


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.packaging", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python", action="append", help="a version, a path, all that are found, or the others; may be repeated"
    )
    parser.add_argument(
        "--oldest", action="store_true", help="the lower bounds, exactly, instead of the newest releases"
    )
    parser.add_argument("--extras", action="store_true", help="with every extra, and what it writes")
    parser.add_argument("--short", action="store_true", help="a few commands alone")
    parser.add_argument("--places", action="store_true", help="other folders and other ways to install")
    parser.add_argument("--artifacts", action="store_true", help="the wheel and the sdist themselves")
    parser.add_argument("--package", type=Path, help="a wheel or an sdist to take, instead of a wheel that is built")
    return parser.parse_args()


def main() -> None:
    """Prints one line for each environment, and ends with 1 when one of them has a fault."""
    options = _options()
    try:
        pythons = list(interpreters(options.python or [sys.executable]))
    except LookupError as error:
        sys.exit(str(error))
    failed, started = False, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="colocalc-") as folder:
        work = Path(folder)
        if options.artifacts:
            failed |= _told("artifacts", artifacts(work), started)
        else:
            package = options.package.resolve() if options.package else build_wheel(work)
            for python in pythons:
                started = time.monotonic()
                environment = Environment.made(
                    work / f"venv-{python.version}", python, package, oldest=options.oldest, extras=options.extras
                )
                found = places(environment, work) if options.places else smoke(environment, work, short=options.short)
                failed |= _told(str(environment), found, started)
    sys.exit(1 if failed else 0)


def _told(name: str, faults: list[str], started: float) -> bool:
    print(f"{'failed' if faults else 'fine'}: {name} ({time.monotonic() - started:.0f} s)", flush=True)
    for fault in faults:
        print(f"  {fault}")
    return bool(faults)


main()
