"""Each limit that the docstring of a kernel states is checked under its name and the first words of the limit.

Kernels of arrays have their checks here. What works on records has tests of its own, which are named.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import colocalc.chance
import colocalc.lease
import colocalc.mfu
import colocalc.mfu.predict
from tests.architecture.test_docstrings import KERNELS, _sections, _title
from tests.limits import (
    of_chance,
    of_contracts,
    of_models,
    of_money,
    of_networks,
    of_operations,
    of_predictions,
    of_projects,
)

TESTS = Path(__file__).parents[1]
MODULES = (
    of_chance,
    of_contracts,
    of_models,
    of_money,
    of_networks,
    of_operations,
    of_predictions,
    of_projects,
)
CHECKS = {
    (kernel, limit): check
    for module in MODULES
    for kernel, limits in module.LIMITS.items()
    for limit, check in limits.items()
}
ELSEWHERE = {
    (title, limit): held for title, limits in of_predictions.ELSEWHERE.items() for limit, held in limits.items()
}


def _limits(kernel: Callable[..., Any]) -> list[str]:
    """The items of the list in the notes of a kernel, each up to its colon."""
    notes = _sections(kernel).get("Notes", "")
    items = re.findall(r"^- (.*?)(?=^- |^\n|\Z)", notes + "\n", flags=re.MULTILINE | re.DOTALL)
    return [" ".join(item.split()).rstrip(".").split(": ")[0] for item in items]


def _of_records() -> Iterator[Callable[..., Any]]:
    for package in (colocalc.mfu, colocalc.mfu.predict, colocalc.lease, colocalc.chance):
        for entry in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{entry.name}")
            for word, function in inspect.getmembers(module, inspect.isfunction):
                own = function.__module__ == module.__name__ and not word.startswith("_")
                if own and function not in KERNELS and _limits(function):
                    yield function


FUNCTIONS = sorted((*KERNELS, *_of_records()), key=_title)


@cache
def _tests(name: str) -> set[str]:
    tree = ast.parse((TESTS / f"{name}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("kernel", FUNCTIONS, ids=_title)
def test_each_limit_of_a_kernel_has_a_check_and_each_check_a_limit(kernel):
    here = [limit for of, limit in CHECKS if of is kernel]
    there = [limit for title, limit in ELSEWHERE if title == _title(kernel)]
    assert sorted(here + there) == sorted(_limits(kernel))


def test_each_check_is_of_a_kernel():
    assert {kernel for kernel, _ in CHECKS} <= set(FUNCTIONS)
    assert {title for title, _ in ELSEWHERE} <= {_title(kernel) for kernel in FUNCTIONS}


def test_each_test_that_holds_a_limit_is_there():
    assert {held for held in ELSEWHERE.values() if f"test_{held[1]}" not in _tests(held[0])} == set()


@pytest.mark.parametrize(("kernel", "limit"), CHECKS, ids=[f"{_title(kernel)}: {limit}" for kernel, limit in CHECKS])
def test_a_limit_holds(kernel, limit):
    CHECKS[kernel, limit]()
