"""Each limit that the docstring of a kernel states is checked here, under its name and the first words of the limit."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.architecture.test_docstrings import KERNELS, _sections, _title
from tests.limits import of_chance, of_contracts, of_models, of_money, of_networks, of_operations, of_projects

MODULES = (of_chance, of_contracts, of_models, of_money, of_networks, of_operations, of_projects)
CHECKS = {
    (kernel, limit): check
    for module in MODULES
    for kernel, limits in module.LIMITS.items()
    for limit, check in limits.items()
}


def _limits(kernel: Callable[..., Any]) -> Iterator[str]:
    """The items of the list in the notes of a kernel, each up to its colon."""
    for item in re.findall(
        r"^- (.*?)(?=^- |^\n|\Z)", _sections(kernel)["Notes"] + "\n", flags=re.MULTILINE | re.DOTALL
    ):
        yield " ".join(item.split()).rstrip(".").split(": ")[0]


@pytest.mark.parametrize("kernel", KERNELS, ids=_title)
def test_each_limit_of_a_kernel_has_a_check_and_each_check_a_limit(kernel):
    assert sorted(limit for of, limit in CHECKS if of is kernel) == sorted(_limits(kernel))


def test_each_check_is_of_a_kernel():
    assert {kernel for kernel, _ in CHECKS} <= set(KERNELS)


@pytest.mark.parametrize(("kernel", "limit"), CHECKS, ids=[f"{_title(kernel)}: {limit}" for kernel, limit in CHECKS])
def test_a_limit_holds(kernel, limit):
    CHECKS[kernel, limit]()
