"""Start-up against its floors: ``python tests/bench/startup.py``. Prints figure, floor, ratio and target."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
ROOT = Path(__file__).parents[2]
FIVE = "import typer, rich.table, pydantic, yaml, numpy"
# A package that was installed has its bytecode; without it, start-up would mostly be that of the compiler.
_ENV = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
PLAIN = """
import typer
app = typer.Typer(rich_markup_mode=None)
@app.command()
def one(name: str) -> None: ...
@app.command()
def two(name: str) -> None: ...
app()
"""


def fastest_s(*command: str) -> float:
    """The fastest of several cold runs, after one that fills the file cache."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT, env=_ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def peak_mbyte(*command: str) -> float:
    """Largest resident memory of a command."""
    code = (
        "import json, resource, subprocess, sys; subprocess.run(json.loads(sys.argv[1]), stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    out = subprocess.run([sys.executable, "-c", code, json.dumps(command)], check=True, capture_output=True, text=True)
    return int(out.stdout) / 1024


Timing = tuple[str, float, str, float, float | None]


def timings() -> list[Timing]:
    """Commands with their time, and a floor with its own and the ratio that is the target."""
    python = sys.executable
    script = str(Path(python).with_name("colocalc"))
    bare, with_re = (fastest_s(python, "-c", code) for code in ("pass", "import re"))
    imports = fastest_s(python, "-c", FIVE)
    plain_help = fastest_s(python, "-c", PLAIN, "--help")
    asked = ("COMP_WORDS=colocalc mfu colossus-1 --set lease.", "COMP_CWORD=4", "_COLOCALC_COMPLETE=complete_bash")
    return [
        ("colocalc --version", fastest_s(script, "--version"), "python -c pass", bare, 1.5),
        # Some versions of pip write a script that imports ``re``: then this is the floor of any program.
        ("colocalc --version", fastest_s(script, "--version"), "python -c 'import re'", with_re, None),
        ("colocalc --help", fastest_s(script, "--help"), "plain typer --help", plain_help, 1.15),
        ("completion of a key", fastest_s("env", *asked, script), "plain typer --help", plain_help, 1.15),
        ("colocalc mfu colossus-1", fastest_s(script, "mfu", "colossus-1"), "five imports", imports, 1.35),
        ("colocalc report colossus-1", fastest_s(script, "report", "colossus-1"), "five imports", imports, None),
    ]


def mfu_mbyte() -> float:
    """Memory of the commonest command."""
    return peak_mbyte(str(Path(sys.executable).with_name("colocalc")), "mfu", "colossus-1")


def main() -> None:
    """Prints the table."""
    print(f"{'what':28} {'ms':>8} {'floor':>22} {'ms':>8} {'ratio':>6} {'target':>7}")
    for what, seconds, floor_name, floor, target in timings():
        goal = f"{target:7.2f}" if target else "      -"
        print(f"{what:28} {seconds * 1e3:8.1f} {floor_name:>22} {floor * 1e3:8.1f} {seconds / floor:6.2f} {goal}")
    print(f"memory of mfu colossus-1: {mfu_mbyte():.0f} MB (target 60)")
    print(
        f"python {sys.version.split()[0]}, {os.cpu_count()} cores, fastest of {ROUNDS}; median load {statistics.mean(os.getloadavg()):.1f}"
    )


if __name__ == "__main__":
    main()
