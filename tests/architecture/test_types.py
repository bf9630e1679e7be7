"""What records and definitions may be: frozen, strict where a number is told, and arrays that nobody writes to."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, RootModel

import colocalc
from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.figure import Definition
from colocalc.loading import load_fleet

PACKAGE = Path(colocalc.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
NODES = [
    (title, node)
    for title, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef | ast.Call)
]
SAMPLES = sorted(path.stem for path in (PACKAGE.parent / "fleets").glob("*.yaml"))

MUTABLE = {"study/axis.py Axis": "remembers whether its cases lie on one line, and that one turned out not to"}
# The bases of what is read: what a user writes, and rows of measured runs, whose published tables have keys of their own.
BASES = {
    ("figure.py", "ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)"),
    ("runs.py", "ConfigDict(extra='ignore', frozen=True, allow_inf_nan=False)"),
}
GUARDS = {"extra", "frozen", "allow_inf_nan"}


def _nodes(kind: type[ast.AST]) -> Iterator[tuple[str, Any]]:
    yield from ((title, node) for title, node in NODES if isinstance(node, kind))


def _dataclasses() -> Iterator[tuple[str, ast.ClassDef, str]]:
    for title, node in _nodes(ast.ClassDef):
        for decorator in map(ast.unparse, node.decorator_list):
            if decorator.startswith("dataclass"):
                yield title, node, decorator


def _models() -> Iterator[type[BaseModel]]:
    for module in pkgutil.walk_packages(colocalc.__path__, "colocalc."):
        if module.name != "colocalc.__main__":
            for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if issubclass(kind, BaseModel) and kind.__module__ == module.name:
                    yield kind


def test_every_record_is_frozen():
    thawed = {f"{title} {node.name}" for title, node, how in _dataclasses() if "frozen=True" not in how}
    assert thawed == set(MUTABLE)


def test_records_of_arrays_are_never_compared():
    # An array has no one answer to whether it equals another.
    compared = [
        f"{title} {node.name}"
        for title, node, how in _dataclasses()
        if "eq=False" not in how
        and any("Array" in ast.unparse(part.annotation) for part in node.body if isinstance(part, ast.AnnAssign))
    ]
    assert compared == []


def test_what_is_refused_is_said_once_on_the_base():
    said = {
        (title, ast.unparse(node))
        for title, node in _nodes(ast.Call)
        if ast.unparse(node.func) == "ConfigDict" and {word.arg for word in node.keywords} & GUARDS
    }
    assert said == BASES


@pytest.mark.parametrize("kind", list(_models()), ids=lambda kind: kind.__name__)
def test_every_model_refuses_what_the_base_refuses(kind):
    config = kind.model_config
    if issubclass(kind, RootModel):  # a bare table of definitions: it has no keys of its own
        return
    assert config["frozen"]
    assert not config["allow_inf_nan"]
    assert config["extra"] == ("forbid" if issubclass(kind, Definition) else "ignore")


def test_strictness_is_of_the_aliases_of_numbers_and_words():
    strict = [
        (title, node.lineno)
        for title, node in _nodes(ast.Call)
        if any(word.arg == "strict" for word in node.keywords)
        and ast.unparse(node.func) in {"Field", "StringConstraints"}
    ]
    aliases = [
        (title, call.lineno)
        for title, tree in TREES.items()
        for line in tree.body
        if isinstance(line, ast.Assign) and ast.unparse(line.value).startswith("Annotated[")
        for call in ast.walk(line)
        if isinstance(call, ast.Call) and any(word.arg == "strict" for word in call.keywords)
    ]
    assert strict == aliases
    assert len(aliases) > 10


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from _arrays(part)
    elif isinstance(value, np.ndarray):
        yield value


@pytest.mark.parametrize("name", SAMPLES)
def test_the_arrays_of_a_case_are_float64_and_cannot_be_written(name):
    loaded = load_fleet(name, catalog=load_catalog())
    found = list(_arrays(lower(loaded.fleet, loaded.catalog)))
    assert found
    assert {array.dtype for array in found} <= {np.dtype(np.float64), np.dtype(np.bool_)}
    assert [array for array in found if array.flags.writeable] == []
