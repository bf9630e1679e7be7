"""What a reader of the library finds: a docstring everywhere, and for a kernel its whole contract.

A kernel is a public function of quantities. What only hands records from one part of the step model to the next has a
docstring like everything else.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import ArrayLike

import colocalc
import colocalc.chance
import colocalc.lease
import colocalc.mfu

PACKAGE = Path(colocalc.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
SECTIONS = ("Parameters", "Returns", "Notes", "References")


def _kernels() -> Iterator[Callable[..., Any]]:
    names = [
        f"{package.__name__}.{entry.name}"
        for package in (colocalc.mfu, colocalc.lease, colocalc.chance)
        for entry in pkgutil.iter_modules(package.__path__)
    ]
    for name in (*names, "colocalc.h100e"):
        module = importlib.import_module(name)
        for word, function in inspect.getmembers(module, inspect.isfunction):
            annotations = [parameter.annotation for parameter in inspect.signature(function).parameters.values()]
            if function.__module__ == name and not word.startswith("_") and ArrayLike in annotations:
                yield function


def _title(function: Callable[..., Any]) -> str:
    return f"{function.__module__.removeprefix('colocalc.')}.{function.__name__}"


KERNELS = sorted(_kernels(), key=_title)


def _sections(function: Callable[..., Any]) -> dict[str, str]:
    # Title and text of each underlined section; what stands before the first is under "".
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.getdoc(function) or "", flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def _documented(section: str) -> list[str]:
    entries = re.findall(r"^(\S.*?) : ", section, flags=re.MULTILINE)
    return [name.strip() for entry in entries for name in entry.split(",")]


@pytest.mark.parametrize("function", KERNELS, ids=_title)
def test_the_parameters_of_a_kernel_are_those_it_documents(function):
    assert _documented(_sections(function).get("Parameters", "")) == list(inspect.signature(function).parameters)


@pytest.mark.parametrize("function", KERNELS, ids=_title)
def test_a_kernel_has_every_section_in_order(function):
    assert [name for name in _sections(function) if name] == list(SECTIONS)


@pytest.mark.parametrize("function", KERNELS, ids=_title)
def test_no_section_of_a_kernel_is_empty(function):
    assert all(text.strip() for text in _sections(function).values())


@pytest.mark.parametrize("function", KERNELS, ids=_title)
def test_a_kernel_states_its_limits(function):
    assert re.search(r"^- \S", _sections(function)["Notes"], flags=re.MULTILINE)


@pytest.mark.parametrize("function", KERNELS, ids=_title)
def test_a_kernel_says_what_each_parameter_means(function):
    lines = _sections(function)["Parameters"].splitlines()
    heads = [place for place, line in enumerate(lines) if " : " in line and not line.startswith(" ")]
    assert all(lines[place + 1].startswith("    ") for place in heads)


@pytest.mark.parametrize("function", KERNELS, ids=_title)
def test_a_kernel_that_drops_the_pool_axis_says_so(function):
    sections = _sections(function)
    takes_pools, returns_pools = (
        re.search(rf"{kind} \(\.\.\., pool[,)]", sections[part])
        for kind, part in (("array_like", "Parameters"), ("ndarray", "Returns"))
    )
    if takes_pools and not returns_pools:
        assert re.search("pool axis is dropped|[Dd]rops the pool axis", " ".join(sections[""].split()))


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                inner = ast.Module(
                    body=[part for part in node.body if isinstance(part, ast.FunctionDef)], type_ignores=[]
                )
                yield from _public(inner)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_and_all_it_offers_have_docstrings(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert [node.name for node in _public(tree) if not ast.get_docstring(node)] == []
