"""Fixtures every test may use: a fleet evaluated, the command line run in this process, golden files."""

import io
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

# What is started in the background may ignore Ctrl-C and hang-ups, and so would every program that a test starts.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


def pytest_sessionfinish() -> None:
    # A worker of pytest-xdist that takes its time to end is killed, and what it counted would go with it.
    measured = sys.modules.get("coverage")
    current = measured and measured.Coverage.current()
    if current:
        current.save()


@dataclass(frozen=True)
class Run:
    """What a run of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def metrics(self) -> dict[str, float]:
        return json.loads(self.out)["metrics"]


class _Stream(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined]


@pytest.fixture
def colocalc(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Runs ``colocalc`` with arguments as a user would, without the cost of a process."""

    def run(*arguments: object, stdin: bytes = b"", columns: int = 100) -> Run:
        from colocalc.cli import run as main

        out, err = _Stream(), _Stream()
        with monkeypatch.context() as patched:  # undoes what is set here alone, not what the test has set
            patched.setattr(sys, "argv", ["colocalc", *map(str, arguments)])
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            patched.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
            patched.setenv("COLUMNS", str(columns))
            with pytest.raises(SystemExit) as ended:
                main()
        code = ended.value.code
        return Run(code if isinstance(code, int) else 0, out.text(), err.text())

    return run


@pytest.fixture(scope="session")
def _remembered() -> dict[tuple[object, ...], Run]:
    return {}


@pytest.fixture
def recalled(colocalc: Callable[..., Run], _remembered: dict[tuple[object, ...], Run]) -> Callable[..., Run]:
    """As ``colocalc``, for tests that only read what a run says of a bundled fleet: the same run is made once."""

    def run(*arguments: object, stdin: bytes = b"", columns: int = 100) -> Run:
        key = (stdin, columns, *map(str, arguments))
        if key not in _remembered:
            _remembered[key] = colocalc(*arguments, stdin=stdin, columns=columns)
        return _remembered[key]

    return run


@pytest.fixture
def evaluated() -> Callable[..., Any]:
    """A bundled fleet evaluated: ``evaluated("colossus-1", scenario="tree").metrics``."""

    def evaluate_fleet(name: str, *, scenario: str | None = None, sets: tuple[str, ...] = ()) -> Any:
        from colocalc.case import lower
        from colocalc.catalog import load_catalog
        from colocalc.loading import load_fleet
        from colocalc.study.evaluate import evaluate

        loaded = load_fleet(name, catalog=load_catalog(), scenario=scenario, sets=sets)
        return evaluate(lower(loaded.fleet, loaded.catalog, scenario=scenario))

    return evaluate_fleet


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """The golden text of a name; with ``--update-golden`` it is written first."""

    def known(name: str, text: str) -> str:
        path = ROOT / "tests" / "golden" / "files" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        return path.read_bytes().decode("utf-8")

    return known
