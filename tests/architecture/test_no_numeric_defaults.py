"""No number is a default in code: defaults are cited figures of the catalog."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import colocalc
from colocalc.catalog import load_catalog
from colocalc.cli import app
from colocalc.figure import Definition, Figure
from tests.architecture.test_imports import DEFINITIONS

PACKAGE = Path(colocalc.__file__).parent
COMPUTING = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] in {"mfu", "lease", "chance", "case", "study", "prices", "h100e.py"}
)

# Positional calls by the names of numpy-financial and of Excel have to work with the defaults that these have.
OF_SPREADSHEETS = {
    "lease/annuity.py pmt(fv=0)",
    "lease/annuity.py pv(fv=0)",
    "lease/annuity.py nper(fv=0)",
    "lease/loan.py ipmt(fv=0)",
    "lease/loan.py ppmt(fv=0)",
    "lease/depreciation.py ddb(factor=2)",
    "lease/depreciation.py vdb(factor=2)",
    "lease/depreciation.py db(month=12)",
}


def _definitions() -> list[type[Definition]]:
    found = {
        kind
        for name in DEFINITIONS
        for _, kind in inspect.getmembers(importlib.import_module(f"colocalc.{name}"), inspect.isclass)
        if issubclass(kind, Definition) and kind is not Definition
    }
    return sorted(found, key=lambda kind: kind.__name__)


def _has_number(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_number(item) for item in value.values())
    if isinstance(value, list | tuple | set):
        return any(_has_number(item) for item in value)
    return isinstance(value, int | float | Figure) and not isinstance(value, bool)


def _number(node: ast.expr | None) -> bool:
    try:
        return node is not None and _has_number(ast.literal_eval(node))
    except ValueError:
        return False


def _defaults(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    # (parameter or field, default) of a function or of the fields of a class.
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        positional = [*node.args.posonlyargs, *node.args.args]
        given = node.args.defaults
        yield from (
            (arg.arg, default) for arg, default in zip(positional[len(positional) - len(given) :], given, strict=True)
        )
        yield from (
            (arg.arg, default) for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        )
    elif isinstance(node, ast.ClassDef):
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                yield line.target.id, line.value


@pytest.mark.parametrize("kind", _definitions(), ids=lambda kind: kind.__name__)
def test_no_field_of_a_definition_has_a_number_as_its_default(kind):
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in kind.model_fields.items()
        if not field.is_required()
    }
    assert {name: value for name, value in defaults.items() if _has_number(value)} == {}


@pytest.mark.parametrize("path", COMPUTING, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_parameter_of_what_computes_has_a_number_as_its_default(path):
    assert set(_numeric_defaults(path)) <= OF_SPREADSHEETS


def test_every_default_of_spreadsheets_is_one():
    assert {found for path in COMPUTING for found in _numeric_defaults(path)} == OF_SPREADSHEETS


def _numeric_defaults(path: Path) -> list[str]:
    title = str(path.relative_to(PACKAGE))
    return [
        f"{title} {getattr(node, 'name', 'lambda')}({name}={ast.unparse(default)})"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name, default in _defaults(node)
        if default is not None and _number(default)
    ]


def test_help_tells_the_defaults_that_the_catalog_has():
    told = {option.name: option.help for option in typer.main.get_command(app).commands["layout"].params}  # type: ignore[attr-defined]
    catalog = load_catalog()
    assert f" {catalog.default('search.top_count').value:g} unless said otherwise" in told["top"]
    assert f"else {catalog.default('search.memory_limit_share').value:g}." in told["memory"]
