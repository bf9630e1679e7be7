"""Interpreters, environments with the oldest or the newest dependencies, and what runs in them."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("dask", "parquet", "report", "xlsx")  # the others are for the development
BARE = {"PATH": "/usr/bin:/bin"}
_PIP = ("-m", "pip", "--disable-pip-version-check", "-q")
_BOUND = ("setpriv", *(f"--{one}=-dac_override,-dac_read_search" for one in ("inh-caps", "bounding-set")))
_ANSWERS = "import ensurepip, platform, sys, venv; print(platform.python_version(), sys.executable)"


@dataclass(frozen=True)
class Python:
    """An interpreter that can make environments."""

    version: str
    path: str


def interpreters(names: Sequence[str]) -> Iterator[Python]:
    """The interpreters of these versions or paths.

    ``all`` is every supported version that is found here, and ``others`` those that are not the one that runs this.
    """
    own = ".".join(map(str, sys.version_info[:2]))
    for name in names:
        if name not in {"all", "others"}:
            yield _found(name)
            continue
        for version in (one for one in supported() if name == "all" or one != own):
            try:
                yield _found(version)
            except LookupError as error:
                print(f"left out: {error}")


def supported() -> list[str]:
    """The versions of Python that the classifiers name."""
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in PROJECT["classifiers"])
    return [match[1] for match in found if match]


def _found(name: str) -> Python:
    for candidate in (name,) if os.sep in name else (f"python{name}", *_by_pyenv(name)):
        try:
            done = subprocess.run([candidate, "-I", "-c", _ANSWERS], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):  # not there, a shim of nothing, or without venv
            continue
        version, path = done.stdout.split(maxsplit=1)
        return Python(version, path.strip())
    message = f"no Python {name} that can make environments"
    raise LookupError(message)


def _by_pyenv(version: str) -> list[str]:
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return sorted(str(path) for path in folder.glob(f"{version}*/bin/python"))


def ran(*line: str | Path, cwd: Path = ROOT) -> str:
    """What a program that must succeed prints; what it has to say of a failure is shown."""
    return subprocess.run(line, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def build_wheel(folder: Path, source: Path = ROOT) -> Path:
    """A wheel of a checkout or of an unpacked sdist, built by pip as an installation would."""
    ran(sys.executable, *_PIP, "wheel", "--no-deps", "-w", folder / "dist", source)
    return next((folder / "dist").glob("colocalc-*.whl"))


def lower_bounds() -> list[str]:
    """Every dependency that users install, pinned at its lower bound, with its marker."""
    extras = PROJECT["optional-dependencies"]
    wanted = (*PROJECT["dependencies"], *(line for extra in EXTRAS for line in extras[extra]))
    return [line.replace(">=", "==", 1) for line in wanted]


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the tool in it."""

    folder: Path
    name: str

    @classmethod
    def made(cls, folder: Path, python: Python, package: Path, *, oldest: bool, extras: bool) -> "Environment":
        """A new environment with a wheel, an sdist or a folder installed, from wheels alone where it is the oldest."""
        ran(python.path, "-m", "venv", folder)
        bounds: list[str | Path] = []
        if oldest:
            constraints = folder / "oldest.txt"
            constraints.write_text("\n".join(lower_bounds()), encoding="utf-8")
            bounds = ["--only-binary", ":all:", "--no-binary", "colocalc", "-c", constraints]
        wanted = f"{package}[{','.join(EXTRAS)}]" if extras else package
        made = cls(folder, f"Python {python.version}, {'oldest' if oldest else 'newest'}{', extras' * extras}")
        made.pip("install", *bounds, wanted)
        return made

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def __str__(self) -> str:
        listed = dict(line.lower().split("==") for line in self.pip("freeze", "--all").splitlines() if "==" in line)
        held = [re.split(r"[\[>=;]", line)[0] for line in lower_bounds()]
        return f"{self.name}: " + " ".join(f"{name} {listed[name]}" for name in dict.fromkeys(held) if name in listed)

    def pip(self, *line: str | Path) -> str:
        """Runs pip in the environment; what it says is shown where it fails."""
        done = subprocess.run([self.python, *_PIP, *line], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"pip {line[0]} failed for {self.name}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def run(self, *line: str, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
        """Runs the command as a user with nothing set would."""
        return run(self.folder / "bin" / "colocalc", *line, cwd=cwd)


def run(*line: str | Path, cwd: Path, bound: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs a program without environment variables; ``bound``: file modes hold it, even where root runs this."""
    line = (*_BOUND, *line) if bound and os.geteuid() == 0 else line
    return subprocess.run(line, cwd=cwd, env=BARE, capture_output=True, text=True, check=False)
