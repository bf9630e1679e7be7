"""How long modules and functions may grow, and what library code may not contain.

The size of a function is its lines of code: without docstring, blank lines and comments.
"""

import ast
import io
import re
import statistics
import tokenize
from pathlib import Path

import pytest

import colocalc

PACKAGE = Path(colocalc.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
BLANK = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

MODULE_LINES = 400
LONGEST = 60
NINETIETH = 30
MEDIAN = 8


def _title(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def _code_lines(source: str) -> set[int]:
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in BLANK:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def _sizes(path: Path) -> dict[str, int]:
    source = path.read_text(encoding="utf-8")
    code = _code_lines(source)
    sizes = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            if ast.get_docstring(node) is not None:
                lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
            sizes[f"{_title(path)}:{node.lineno} {node.name}"] = len(lines)
    return sizes


ALL_SIZES = {name: size for path in FILES for name, size in _sizes(path).items()}


@pytest.mark.parametrize("path", FILES, ids=_title)
def test_a_module_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES


def test_no_function_is_long():
    assert {name: size for name, size in ALL_SIZES.items() if size > LONGEST} == {}


def test_functions_are_mostly_small():
    sizes = sorted(ALL_SIZES.values())
    assert statistics.median(sizes) <= MEDIAN
    assert statistics.quantiles(sizes, n=10)[-1] <= NINETIETH


@pytest.mark.parametrize("path", FILES, ids=_title)
def test_the_library_asserts_nothing(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == []


@pytest.mark.parametrize(
    "path", [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in {".py", ".yaml"}], ids=_title
)
def test_nothing_is_left_for_later(path):
    assert re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b", path.read_text(encoding="utf-8")) == []
