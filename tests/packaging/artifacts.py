"""What a wheel and an sdist hold, and that they come out the same wherever and whenever they are built."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.packaging.environments import PROJECT, ROOT, ran

_OWN = {
    "PKG-INFO",
    ".gitignore",
}  # what hatchling adds to an sdist; the second keeps caches out of what is built from it


def artifacts(work: Path) -> list[str]:
    """The faults of both, built from two copies of the checkout that differ in place, age and modes, and of the sdist."""
    venv.create(work / "tools", with_pip=True)
    python = work / "tools" / "bin" / "python"
    ran(python, "-m", "pip", "-q", "install", "build", "twine", *_build_requires())
    first, second = _copy(work / "first"), _copy(work / "another place ü")
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    (second / "tests" / "__pycache__").mkdir()
    (second / "tests" / "__pycache__" / "stale.pyc").touch()
    wheel, sdist = _built(python, first), _built(python, second, "--sdist")
    return [
        *_contents(wheel, sdist),
        *_same("a wheel of another copy", wheel, _built(python, second)),
        *_same("an sdist of another copy", sdist, _built(python, first, "--sdist")),
        *_same("a wheel of the sdist", wheel, _built(python, _unpacked(sdist, work / "unpacked"))),
        *_checked(python, wheel, sdist),
    ]


def _build_requires() -> list[str]:
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]


def _tracked() -> list[str]:
    return ran("git", "ls-files", "-z").rstrip("\0").split("\0")


def _copy(folder: Path) -> Path:
    for name in _tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def _built(python: Path, source: Path, kind: str = "--wheel") -> Path:
    done = subprocess.run(
        [python, "-m", "build", "--no-isolation", kind, "-o", source / "dist", source],
        env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}")
    return next((source / "dist").glob("*.whl" if kind == "--wheel" else "*.tar.gz"))


def _unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as packed:
        packed.extractall(folder, filter="data")
    return next(folder.iterdir())


def _contents(wheel: Path, sdist: Path) -> Iterator[str]:
    tracked = {name for name in _tracked() if not name.startswith(".")}
    with tarfile.open(sdist) as packed:
        held = {name.partition("/")[2] for name in packed.getnames()}
    if held != tracked | _OWN:
        yield f"sdist: {sorted(held ^ (tracked | _OWN))} are in the checkout or in the sdist alone"
    package = {name.replace("fleets/", "colocalc/_fleets/", 1) for name in tracked if name.startswith("fleets/")}
    package |= {name for name in tracked if name.startswith("colocalc/")}
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
    if held != package:
        yield f"wheel: {sorted(held ^ package)} are in the checkout or in the wheel alone"
    if "colocalc/py.typed" not in held and "Typing :: Typed" in PROJECT["classifiers"]:
        yield "wheel: no py.typed"


def _same(what: str, one: Path, other: Path) -> Iterator[str]:
    if one.read_bytes() != other.read_bytes():
        yield f"{what} has other bytes than {one.name}"


def _checked(python: Path, *files: Path) -> Iterator[str]:
    """Metadata and README as an index would take them."""
    done = subprocess.run(
        [python, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )
    if done.returncode:
        yield f"twine: {done.stdout}"
