"""The command line as it is documented: every command has help and stands in the README, whose commands run.

A line of a ``sh`` or ``console`` block that starts with ``colocalc`` is run. ``# exit N`` behind it says which code it
ends with, ``# not run here`` that it is not run. What a ``console`` block shows is how its output begins, 80 columns wide.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import colocalc
from colocalc.cli import app

ROOT = Path(colocalc.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def _lines(text: str) -> list[str]:
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    written = [line.removeprefix("$ ").strip() for line in lines]
    return [line for line in written if line.startswith("colocalc ") and not line.endswith("# not run here")]


def _shown(text: str) -> list[tuple[str, str]]:
    """The command of each console block that is run, and what it shows."""
    blocks = re.findall(r"^```console\n\$ (colocalc [^\n]*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [(line, output) for line, output in blocks if not line.endswith("# not run here")]


def _expected(line: str) -> int:
    code = re.search(r"# exit (\d+)$", line)
    return int(code[1]) if code else 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with the samples in it and ``colocalc`` on the path."""
    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "fleets", place / "fleets")
    command = place / "bin" / "colocalc"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m colocalc "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return place


def _run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        env=os.environ | path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_are_commands():
    assert COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help(name):
    assert COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_help(name):
    assert [option.name for option in COMMANDS[name].params if not getattr(option, "help", None)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_stands_in_the_readme(name):
    assert re.search(rf"\bcolocalc {name}\b", README)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_names_its_library_twin(name):
    twins = re.findall(r"colocalc(?:\.\w+)+", COMMANDS[name].help or "")
    assert twins
    for twin in twins:
        module, _, attribute = twin.rpartition(".")
        assert hasattr(__import__(module, fromlist=[attribute]), attribute), twin


def test_the_readme_shows_commands():
    assert _lines(README)


def test_the_commands_of_the_readme_run_in_the_order_they_stand(folder):
    failed = {}
    for line in _lines(README):
        done = _run(line, folder)
        if done.returncode != _expected(line):
            failed[line] = (done.returncode, done.stderr)
    assert failed == {}


def test_the_readme_shows_no_command_that_is_none():
    shown = {line.split()[1] for line in _lines(README)}
    assert {word for word in shown if not word.startswith("-")} <= set(COMMANDS)


def test_lines_are_taken_from_shell_blocks_only():
    text = "```sh\ncolocalc a # exit 3\npip install x\n```\n```yaml\ncolocalc b\n```\n```console\n$ colocalc c \\\n  d\n$ colocalc e # not run here\n```\n"
    assert [line.split()[1:3] for line in _lines(text)] == [["a", "#"], ["c", "d"]]
    assert [_expected(line) for line in _lines(text)] == [3, 0]


@pytest.mark.parametrize(("line", "output"), _shown(README))
def test_what_the_readme_shows_is_what_is_printed(line, output, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert _run(line, folder).stdout.startswith(output)


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(name: .*?)^```", README, flags=re.MULTILINE | re.DOTALL))
def test_a_fleet_that_the_readme_shows_is_sound(text, folder):
    (folder / "shown.yaml").write_text(text, encoding="utf-8")
    done = _run("colocalc check shown.yaml", folder)
    assert done.returncode == 0, done.stderr
