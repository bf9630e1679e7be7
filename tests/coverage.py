"""Which branches of the program the tests take: ``python -m tests.coverage`` runs them all and holds the shares.

Processes that tests start are counted with the rest. ``python -m tests.coverage report`` judges what was counted before.
"""

import json
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
KERNELS = ("mfu/*", "lease/*", "chance/*", "h100e.py", "arrays.py", "root.py")
LEAST_PERCENT = {"kernels": 100.0, "the rest": 95.0}


def coverage(*arguments: str) -> None:
    """Runs coverage.py, and ends with its exit code where that is not 0."""
    done = subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def group(file: str) -> str:
    """Whose share a file counts for."""
    return "kernels" if any(fnmatch(file, f"colocalc/{pattern}") for pattern in KERNELS) else "the rest"


def share_percent(part: int, whole: int) -> float:
    """Part of a whole; all of nothing."""
    return 100.0 * part / whole if whole else 100.0


def counted() -> dict[str, dict[str, int]]:
    """Lines and branches by group, in all and taken."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "counted.json")
        coverage("json", "--quiet", "-o", str(file))
        files = json.loads(file.read_text())["files"]
    sums: dict[str, dict[str, int]] = {name: {} for name in LEAST_PERCENT}
    for name, one in files.items():
        for key, value in one["summary"].items():
            if isinstance(value, int):
                sums[group(name)][key] = sums[group(name)].get(key, 0) + value
    return sums


def judged() -> bool:
    """Whether every share is what it should be, told by group."""
    fine = True
    for name, of in counted().items():
        lines = share_percent(of["covered_lines"], of["num_statements"])
        branches = share_percent(of["covered_branches"], of["num_branches"])
        print(f"{name:8}  lines {lines:6.2f}%  branches {branches:6.2f}%  at least {LEAST_PERCENT[name]:g}%")
        fine = fine and min(lines, branches) >= LEAST_PERCENT[name]
    return fine


def main() -> None:
    """Runs the tests unless they were counted already, lists what none takes, and judges."""
    if sys.argv[1:] != ["report"]:
        coverage("erase")
        coverage("run", "-m", "pytest", *(sys.argv[1:] or ["-n", "auto"]))
    if list(ROOT.glob(".coverage.*")):
        coverage("combine", "--quiet")
    coverage("report")
    sys.exit(not judged())


if __name__ == "__main__":
    main()
