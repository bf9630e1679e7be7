"""What a start of the program loads: nothing heavy before it is needed."""

import json
import subprocess
import sys

import pytest

from colocalc.cli import app

MAIN = "colocalc.__main__"
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
_DEFAULTS = """
import json, sys
from colocalc.cli.options import evaluated
variants, _, _ = evaluated("colossus-1", None, None)
defaults = variants.loaded.catalog.defaults
sys.stderr.write("\\n" + json.dumps([len(defaults._made), len(defaults)]))
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


def test_what_to_do_first_is_told_without_the_command_line():
    said, modules = _loaded(_RUN, [])
    assert said.startswith("What does a GPU fleet")
    assert not modules & {*HEAVY, "typer", "colocalc.cli"}


def test_help_loads_nothing_heavy():
    said, modules = _loaded(_RUN, ["--help"])
    assert said.startswith("Usage: ")
    assert not modules & HEAVY


def test_help_is_plain_text():
    assert app.rich_markup_mode is None


@pytest.mark.parametrize("command", ["report", "lease", "catalog", "init"])
def test_help_of_a_command_loads_no_part_of_the_tool_but_the_command_line(command):
    said, modules = _loaded(_RUN, [command, "--help"])
    assert said.startswith("Usage: ")
    # typer itself may bring pydantic, to convert arguments.
    assert not modules & {"numpy", "rich", "yaml"}
    own = {name for name in modules if name.startswith("colocalc.") and not name.startswith("colocalc.cli.")}
    assert own <= {"colocalc.cli", "colocalc.errors", "colocalc.guide", MAIN}


@pytest.mark.parametrize("line", ["lease neocloud-1k-h100 --set lease.", "catalog gpus h", "explain hedge."])
def test_completion_loads_nothing_heavy(monkeypatch, line):
    monkeypatch.setenv("_COLOCALC_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"colocalc {line}")
    said, modules = _loaded(_RUN, [])
    assert said.startswith("_arguments")
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


def test_mfu_loads_no_view_study_or_search_of_other_commands():
    said, modules = _loaded(_RUN, ["mfu", "colossus-1"])
    assert said.startswith("Colossus 1")
    others = {"runs", "lint", "case.layout_search", "mfu.predict.search", "study.check", "study.claims", "study.layout"}
    others |= {"study.goal", "study.train_or_lease", "report.views.choice", "report.views.revenue", "report.to_html"}
    assert not modules & {f"colocalc.{name}" for name in others}


def test_mfu_reads_no_default_that_it_does_not_use():
    done = subprocess.run([sys.executable, "-c", _DEFAULTS], capture_output=True, text=True, check=True)
    made, known = json.loads(done.stderr.rpartition("\n")[2])
    assert made < known
