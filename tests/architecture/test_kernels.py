"""How kernels are written: keyword-only, no checks and no output, no branch on data, no loop over what arrays hold.

What a condition is about is told by its form: a word, how many there are, None, or a field of a job that is structure. A
condition of any other form stands in a table, with the reason why it is none on data; and so does every counted loop.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import ArrayLike

import colocalc.chance
import colocalc.lease
import colocalc.mfu
import colocalc.mfu.predict
from colocalc import lease
from colocalc.lease import annuity, dates, finance

PACKAGE = Path(colocalc.__file__).parent
KERNELS = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] in {"mfu", "lease", "chance", "h100e.py", "arrays.py", "root.py"}
]
TREES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8")) for path in KERNELS}

# Structure: words, what is given at all, shapes, and the fields of a job that choose an algorithm.
STRUCTURE = re.compile(
    r"'|is (not )?None|\blen\(|\.ndim\b|\.dtype\b|\bzero_stage\b|\bflat\b|\.split\b|\bcount < _SIDES|\bspare\b"
)
CONDITIONS = {
    "chance/statistics.py bin_edges": "edges are of one list of trials: no scenarios stand in front",
    "chance/statistics.py rank_correlation_share": "likewise",
    "lease/cashflow.py cash_flow": "stops when another pass changes no bit of any scenario",
    "lease/depreciation.py _percents": "a table of the tax code, by its whole number of years",
    "lease/depreciation.py straight_line_tax_half_year": "likewise",
    "lease/roots.py _carried": "leaves out work that changes no sign",
    "lease/roots.py _in_blocks": "whether rows have times of their own",
    "lease/roots.py _in_order": "likewise",
    "lease/roots.py _quick": "stops when another step moves no root of any row",
    "lease/roots.py _solved": "likewise",
    "mfu/exchange.py route_s": "one trip or two is what a collective is",
    "mfu/predict/choices.py every_choice": "what there is to choose from is a list, not an axis",
    "mfu/predict/layouts.py _spreads_experts": "likewise",
    "mfu/step.py _pace_factors": "the name of a stage",
    "mfu/traffic.py _groups": "leaves out work whose result is 0 in every scenario",
    "mfu/traffic.py _or_outer": "likewise",
    "root.py rising_root": "stops when no bracket of any scenario can be halved",
}
COUNTED = {
    "arrays.py floored_sum": "each sum starts from the one before",
    "chance/paths.py price_factor": "each month starts from the one before",
    "chance/shapes.py loading_factor": "Cholesky by columns: a handful of GPU types",
    "lease/annuity.py rate": "halvings",
    "lease/depreciation.py _percents": "years of a table",
    "lease/draws.py delayed_draw_usd": "each draw pays interest on those before",
    "lease/reserves.py reserves": "what a period holds back is what the one before left",
    "lease/roots.py": "steps towards a root; rows in blocks",
    "lease/sweep.py swept_usd": "what is swept changes the interest and the tax of the next period",
    "mfu/mixed.py": "halvings",
    "mfu/predict/search.py": "blocks of layouts",
    "mfu/stages.py stages_per_pool_count": "halvings",
}
SILENT = {"print", "open", "input", "exec", "eval", "isinstance", "hasattr", "setattr"}


def _functions() -> Iterator[tuple[str, str, ast.AST]]:
    """Each node within each function of kernels, under the innermost function that holds it."""
    for title, tree in TREES.items():
        stack: list[tuple[ast.AST, str]] = [(tree, "")]
        while stack:
            node, name = stack.pop()
            inner = node.name if isinstance(node, ast.FunctionDef) else name
            yield title, inner, node
            stack += [(child, inner) for child in ast.iter_child_nodes(node)]


NODES = list(_functions())


def _idle(rows: dict[str, str], places: set[str]) -> set[str]:
    """Rows that are of none of these places; a row of a file is of all its functions."""
    return {row for row in rows if not any(place == row or place.split(" ")[0] == row for place in places)}


def _left(places: set[str], rows: dict[str, str]) -> set[str]:
    return {place for place in places if place not in rows and place.split(" ")[0] not in rows}


def test_kernels_check_nothing_and_say_nothing():
    said = [
        (title, name, type(node).__name__)
        for title, name, node in NODES
        if isinstance(node, ast.Raise | ast.Try | ast.Assert | ast.Global | ast.Nonlocal)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SILENT)
    ]
    assert said == []


def test_no_condition_of_a_kernel_is_on_data():
    found = {
        f"{title} {name}".strip()
        for title, name, node in NODES
        if isinstance(node, ast.If | ast.IfExp | ast.While) and not STRUCTURE.search(ast.unparse(node.test))
    }
    assert _left(found, CONDITIONS) == set()
    assert _idle(CONDITIONS, found) == set()


def test_every_counted_loop_of_a_kernel_has_a_reason():
    found = {
        f"{title} {name}".strip()
        for title, name, node in NODES
        if isinstance(node, ast.For | ast.comprehension)
        and re.match(r"range\(|enumerate\(|np\.", ast.unparse(node.iter))
    }
    assert _left(found, COUNTED) == set()
    assert _idle(COUNTED, found) == set()


def _public() -> Iterator[Any]:
    for package in (colocalc.mfu, colocalc.mfu.predict, colocalc.lease, colocalc.chance):
        for entry in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{entry.name}")
            for word, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ == module.__name__ and not word.startswith("_"):
                    yield function


# Reference cases call these by position, as they call numpy-financial; and what these are made of is called alike.
BY_POSITION = {
    *(getattr(finance, name) for name in finance.__all__),
    *(getattr(lease, name) for name in lease.__all__),
    annuity.at_start,
    dates.years_from_first,
}


@pytest.mark.parametrize("function", list(_public()), ids=lambda function: f"{function.__module__}.{function.__name__}")
def test_quantities_are_passed_by_name(function):
    if function in BY_POSITION:
        return
    positional = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
        and parameter.annotation in {ArrayLike, ArrayLike | None}
    ]
    assert positional == []
