"""What a start of the program loads: nothing heavy before it is needed."""

import json
import subprocess
import sys

import pytest

HEAVY = {"numpy", "rich", "yaml", "pydantic", "pydantic_core"}

_RUN = """
import json, runpy, sys
sys.argv = ["colocalc", *json.loads(sys.argv[1])]
try:
    runpy.run_module("colocalc", run_name="__main__", alter_sys=True)
except SystemExit:
    pass
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""
_IMPORT = """
import importlib, json, sys
importlib.import_module(json.loads(sys.argv[1]))
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""


def _loaded(program: str, argument: object) -> tuple[str, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(argument)], capture_output=True, text=True, check=True
    )
    return done.stdout, set(json.loads(done.stderr.rpartition("\n")[2]))


def test_version_is_told_without_the_command_line():
    said, modules = _loaded(_RUN, ["--version"])
    assert said.startswith("colocalc ")
    assert not modules & {*HEAVY, "typer", "colocalc.cli"}


@pytest.mark.parametrize(
    "words", [["--help"], ["report", "--help"], ["lease", "--help"], ["catalog", "--help"]], ids=" ".join
)
def test_help_loads_nothing_heavy(words):
    said, modules = _loaded(_RUN, words)
    assert "Usage: colocalc" in said
    assert not modules & HEAVY


def test_a_wrong_option_is_told_without_anything_heavy():
    _, modules = _loaded(_RUN, ["report", "--no-such-option"])
    assert not modules & HEAVY


def test_importing_the_package_loads_none_of_its_parts():
    _, modules = _loaded(_IMPORT, "colocalc")
    assert not modules & {*HEAVY, "typer"}
    assert not [name for name in modules if name.startswith("colocalc.")]


@pytest.mark.parametrize("module", ["units", "errors", "metrics", "expect", "report.table", "report.to_json"])
def test_what_everything_shares_is_light(module):
    _, modules = _loaded(_IMPORT, f"colocalc.{module}")
    assert not modules & {*HEAVY, "typer"}


@pytest.mark.parametrize("module", ["loading", "references", "schema"])
def test_a_definition_is_validated_without_numpy(module):
    _, modules = _loaded(_IMPORT, f"colocalc.{module}")
    assert not modules & {"numpy", "rich", "typer"}


@pytest.mark.parametrize("module", ["mfu.step", "mfu.waterfall", "lease", "h100e"])
def test_a_kernel_is_used_without_files_or_definitions(module):
    _, modules = _loaded(_IMPORT, f"colocalc.{module}")
    assert not modules & {"pydantic", "yaml", "rich", "typer", "colocalc.figure", "colocalc.yamlio"}
