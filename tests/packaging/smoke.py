"""Every kind of command in an environment, its numbers against those of the checkout."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import colocalc
from tests.packaging.environments import BARE, EXTRAS, ROOT, Environment

_TOLERANCE_SHARE = 1e-9
_COMPARED = ("metrics", "undefined", "units", "tables", "assumptions", "title", "headline", "sources")
SHORT = (
    ("report", "colossus-1"),
    ("lease", "--rate-card"),
    ("risk", "startup-64-h200", "--trials", "500", "--seed", "1"),
)
LONG = (
    *SHORT,
    ("report", "neocloud-1k-h100"),
    ("check", "colossus-1"),
    ("risk", "neocloud-1k-h100", "--trials", "500"),
    ("sweep", "colossus-1", "--over", "lease.rate_usd_per_gpu_h=1:4:7", "--over", "lease.billed_share=0.5:1:6"),
    ("compare", "colossus-1@story-2.60", "colossus-1@market-card"),
    ("solve", "colossus-1", "--for", "lease.rate_usd_per_gpu_h", "--until", "hedge.gross_share = 1"),
    ("validate",),
    ("layout", "meta-llama3-16k"),
    ("catalog", "gpus"),
    ("catalog", "fleets"),
)


def smoke(environment: Environment, work: Path, *, short: bool) -> list[str]:
    """The faults of an environment, none when all is as in the checkout."""
    environment.pip("check")
    return [*_texts(environment), *_numbers(environment, short=short), *_files(environment, work)]


def _texts(environment: Environment) -> Iterator[str]:
    for line, expected in (("--version",), f"colocalc {colocalc.__version__}\n"), (("--help",), "Usage: colocalc"):
        done = environment.run(*line)
        if done.returncode or done.stderr or not done.stdout.startswith(expected):
            yield f"{' '.join(line)}: exit {done.returncode}, {done.stdout[:80]!r}, {done.stderr[:200]!r}"
    schema = environment.run("schema")
    if schema.stdout != reference("schema"):
        yield f"schema: not that of the checkout, exit {schema.returncode}, {schema.stderr[:200]!r}"


def _numbers(environment: Environment, *, short: bool) -> Iterator[str]:
    for line in SHORT if short else LONG:
        done = environment.run(*line, "--format", "json")
        if done.returncode:
            yield f"{' '.join(line)}: exit {done.returncode}, {done.stderr[-500:]!r}"
            continue
        if "Warning" in done.stderr:
            yield f"{' '.join(line)}: {done.stderr[:200]!r}"
        found, expected = json.loads(done.stdout), json.loads(reference(*line, "--format", "json"))
        unlike = [one for part in _COMPARED for one in differences(found[part], expected[part], part)]
        if unlike:
            yield f"{' '.join(line)}: {len(unlike)} values are not those of the checkout; {'; '.join(unlike[:3])}"


@cache
def reference(*line: str) -> str:
    """What the checkout prints in the Python that runs this."""
    command = [sys.executable, "-m", "colocalc", *line]
    return subprocess.run(command, cwd=ROOT, env=BARE, check=True, capture_output=True, text=True).stdout


def differences(found: Any, expected: Any, where: str) -> Iterator[str]:
    """Where two values of JSON differ, numbers by more than nine digits."""
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        for key, value in expected.items():
            yield from differences(found[key], value, f"{where}.{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for place, value in enumerate(expected):
            yield from differences(found[place], value, f"{where}.{place}")
    elif isinstance(found, int | float) and isinstance(expected, int | float):
        if not math.isclose(found, expected, rel_tol=_TOLERANCE_SHARE, abs_tol=_TOLERANCE_SHARE):
            yield f"{where}: {found!r}, not {expected!r}"
    elif found != expected:
        yield f"{where}: {str(found)[:80]!r}, not {str(expected)[:80]!r}"


def _files(environment: Environment, work: Path) -> Iterator[str]:
    """What is written: a starter, and what each extra is for, or one sentence on the extra that is missing."""
    folder = work / f"files-{environment.folder.name}"
    folder.mkdir()
    for line in (("init",), ("check", "fleet.yaml")):
        done = environment.run(*line, cwd=folder)
        if done.returncode:
            yield f"{' '.join(line)}: exit {done.returncode}, {done.stderr[-500:]!r}"
    with_extras = environment.name.endswith("extras")
    for extra in EXTRAS:
        done = environment.run(*_USES[extra], cwd=folder)
        if with_extras:
            if done.returncode:
                yield f"{extra}: exit {done.returncode}, {done.stderr[-500:]!r}"
        elif (done.returncode, done.stderr.count("\n")) != (4, 1) or f"colocalc[{extra}]" not in done.stderr:
            yield f"without {extra}: exit {done.returncode}, {done.stderr[-500:]!r}"
    written = {path.name for path in folder.iterdir() if path.stat().st_size}
    expected = {"fleet.yaml", "fleet.schema.json"} | ({"p.parquet", "r.html", "r.xlsx"} if with_extras else set())
    if written != expected:
        yield f"written: {sorted(written)}, not {sorted(expected)}"


_USES = {
    "dask": ("risk", "startup-64-h200", "--trials", "500", "--engine", "dask", "--workers", "2"),
    "parquet": ("sweep", "startup-64-h200", "--over", "lease.billed_share=0.5:1:3", "--points", "p.parquet"),
    "report": ("report", "startup-64-h200", "-o", "r.html"),
    "xlsx": ("report", "neocloud-1k-h100", "-o", "r.xlsx"),
}
