"""One environment in other places: folders that cannot be written, links, names with spaces, archives, other installs."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.packaging.environments import PROJECT, ROOT, Environment, ran, run
from tests.packaging.smoke import reference

_REPORT = ("report", "startup-64-h200", "--format", "json")


def places(environment: Environment, work: Path) -> list[str]:
    """The faults that an environment shows away from home; the samples and the catalog must be found everywhere."""
    odd = work / "a folder, déjà vu 机"
    odd.mkdir()
    return [
        *_read_only(environment, work),
        *_linked(environment, odd),
        *_core_alone(environment),
        *_archive(environment, odd),
        *_without_isolation(environment, work),
    ]


def _read_only(environment: Environment, work: Path) -> Iterator[str]:
    """A folder and an installation that cannot be written."""
    folder = work / "read-only"
    folder.mkdir(mode=0o555)
    for path in (environment.folder, *environment.folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o555 | 0o444)
    yield from _reported(
        "nothing can be written", run(environment.folder / "bin" / "colocalc", *_REPORT, cwd=folder, bound=True)
    )
    done = run(environment.folder / "bin" / "colocalc", "init", cwd=folder, bound=True)
    if done.returncode != 5 or done.stderr.count("\n") != 1 or list(folder.iterdir()):
        yield f"init where nothing can be written: exit {done.returncode}, {done.stderr[-500:]!r}"
    for path in (environment.folder, *environment.folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)


def _linked(environment: Environment, odd: Path) -> Iterator[str]:
    """Through a link, as pipx puts commands on the path, as a module, and from a file in an oddly named folder."""
    link = odd / "colocalc"
    link.symlink_to(environment.folder / "bin" / "colocalc")
    yield from _reported("through a link", run(link, *_REPORT, cwd=odd))
    yield from _reported("python -m colocalc", run(environment.python, "-m", "colocalc", *_REPORT, cwd=odd))
    link.unlink()
    shutil.copyfile(ROOT / "fleets" / "startup-64-h200.yaml", odd / "ein Fuhrpark ü.yaml")
    own = ("report", "ein Fuhrpark ü.yaml", "--format", "json")
    yield from _reported("a file with an odd name", run(environment.folder / "bin" / "colocalc", *own, cwd=odd))


def _core_alone(environment: Environment) -> Iterator[str]:
    """What is installed is what the five dependencies need, and fits together."""
    environment.pip("check")
    script = (
        "import importlib.metadata as m; print(*sorted(d.name.lower().replace('_', '-') for d in m.distributions()))"
    )
    installed = set(ran(environment.python, "-I", "-c", script).split()) - {"pip", "setuptools", "colocalc"}
    named = {line.split(">")[0] for line in PROJECT["dependencies"]}
    pulled = {
        *("annotated-types", "pydantic-core", "typing-extensions", "typing-inspection"),  # by pydantic
        *("markdown-it-py", "mdurl", "pygments"),  # by rich
        *("annotated-doc", "shellingham"),  # by typer
    }
    if not named <= installed <= named | pulled:
        yield f"the core installs {sorted(installed ^ named)}"


def _archive(environment: Environment, odd: Path) -> Iterator[str]:
    """An archive of the checkout without git, run as it is unpacked and installed from there."""
    source = odd / "colocalc-main"
    for name in ran("git", "ls-files", "-z").rstrip("\0").split("\0"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    alone = ("-c", "import sys; sys.path.insert(0, '.'); import colocalc; print(colocalc.__file__)")
    if str(source) not in run(environment.python, *alone, cwd=source).stdout:
        yield "the unpacked package is not the one that is run"
    environment.pip("uninstall", "-y", "colocalc")
    yield from _reported("unpacked, not installed", run(environment.python, "-m", "colocalc", *_REPORT, cwd=source))
    ran(environment.python, "-m", "venv", odd / "env", cwd=odd)
    own = Environment(odd / "env", "an archive")
    own.pip("install", source)
    yield from _reported("installed from an archive", own.run(*_REPORT))


def _without_isolation(environment: Environment, work: Path) -> Iterator[str]:
    """From the checkout with what builds it already there."""
    environment.pip("install", "hatchling")
    copy = work / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    environment.pip("install", "--no-build-isolation", copy)
    yield from _reported("installed without isolation", environment.run(*_REPORT))


def _reported(where: str, done: subprocess.CompletedProcess[str]) -> Iterator[str]:
    if done.returncode or done.stderr:
        yield f"{where}: exit {done.returncode}, {done.stderr[-500:]!r}"
    elif json.loads(done.stdout)["metrics"] != json.loads(reference(*_REPORT))["metrics"]:
        yield f"{where}: other metrics than the checkout's"
