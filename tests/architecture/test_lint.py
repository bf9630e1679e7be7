"""What the tools check: every rule but a few, each left out for a reason that stands beside it; and all of it typed."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import colocalc

PACKAGE = Path(colocalc.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TEXT = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
SETTINGS = tomllib.loads(TEXT)
CORE = {"typer", "rich", "pydantic", "pyyaml", "numpy"}


def _part(start: str, end: str) -> list[str]:
    return [line for line in TEXT.split(start, 1)[1].split(end, 1)[0].splitlines() if line.strip()]


def test_every_rule_is_on():
    assert SETTINGS["tool"]["ruff"]["lint"]["select"] == ["ALL"]
    assert SETTINGS["tool"]["mypy"]["strict"]


@pytest.mark.parametrize("line", _part("\nignore = [\n", "\n]\n"))
def test_a_rule_is_left_out_for_a_reason(line):
    assert re.fullmatch(r'  "[A-Z]+[0-9]+", +# \S.*', line)


@pytest.mark.parametrize("line", _part("[tool.ruff.lint.per-file-ignores]\n", "\n[tool."))
def test_a_rule_is_left_out_of_files_for_a_reason(line):
    assert line in {'"tests/**" = [', "]"} or re.search(r"# \S", line)


def test_the_core_is_five_packages():
    assert {re.split(r"[<>=]", need)[0] for need in SETTINGS["project"]["dependencies"]} == CORE


def test_every_function_is_annotated():
    bare = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
                known = all(one.annotation or one.arg in {"self", "cls"} for one in named if one)
                bare += [] if known and node.returns is not None else [f"{path.relative_to(PACKAGE)} {node.name}"]
    assert bare == []


def test_what_a_tool_is_told_to_pass_over_is_named():
    silenced = {
        path.name: re.findall(r"# (?:noqa|type: ignore)(?![:\[])", path.read_text(encoding="utf-8")) for path in FILES
    }
    assert {name: found for name, found in silenced.items() if found} == {}
