"""Nothing stands in the library that nothing uses: each name of a module is read somewhere in the library itself.

What tests alone use is no use. A part of the library that no command reaches stands in a table, with what names it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import colocalc

PACKAGE = Path(colocalc.__file__).parent
TREES = {
    ".".join(part for part in ("colocalc", *path.relative_to(PACKAGE).with_suffix("").parts) if part != "__init__"): (
        ast.parse(path.read_text(encoding="utf-8"))
    )
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Of the library and of no command: the model of stragglers has forms that a step of training does not need.
OFFERED = {
    "colocalc.mfu.goodput.spare_node_count": "spares of a fleet whose nodes are under repair",
    "colocalc.mfu.mixed.drop_slow_factor": "what dropping slow pools leaves; a step asks which pools are kept",
    "colocalc.mfu.straggler.correlated_excess_share": "GPUs of a node that slow down together",
    "colocalc.mfu.straggler.expected_max_lognormal": "times that scatter by multiplication",
    "colocalc.mfu.straggler.gumbel_expected_max": "any light tail, by two quantiles",
    "colocalc.mfu.straggler.pareto_expected_max": "heavy tails",
    "colocalc.mfu.straggler.rare_slow_excess_share": "a few nodes slower than the rest by a factor",
    "colocalc.mfu.straggler.transient_sigma_share": "disturbances drawn anew for each chunk of work",
    "colocalc.runs.read_runs": "the runs of a file; the command reads it once, for its profiles too",
}


def _defined() -> Iterator[tuple[str, str]]:
    for module, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                if not any(
                    "command" in ast.unparse(way) or "callback" in ast.unparse(way) for way in node.decorator_list
                ):
                    yield module, node.name
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from ((module, target.id) for target in targets if isinstance(target, ast.Name))


def _read(node: ast.AST, module: str, line: str | None, modules: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What a node of a line reads, by module; a function that calls itself is not used by that."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id != line:
        yield module, node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
        yield modules[node.value.id], node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
        yield module, node.value  # an annotation in quotes, or what is looked up by its name


def _used() -> Iterator[tuple[str, str]]:
    """What each module reads of itself and of others."""
    for module, tree in TREES.items():
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        yield from ((str(node.module), name.name) for node in imports for name in node.names)
        modules = {name.asname or name.name: f"{node.module}.{name.name}" for node in imports for name in node.names}
        for line in tree.body:
            for node in ast.walk(line):
                yield from _read(node, module, getattr(line, "name", None), modules)


USED = set(_used())
FIELDS = {name for _, name in USED} | {
    node.attr for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)
}
# Of records: checks of what was computed, which the tests of its laws read, and what others call.
CHECKED = {
    "equity_before_tax_usd": "owners' flows beside those after tax",
    "opening_usd": "the account of a loan, before each period",
    "term_month_count": "horizons are told apart as wholes",
    "reserve_interest_usd": "what cash held back has earned",
    "sources_less_uses_usd": "0 where every dollar is accounted for",
    "unlevered_tax_usd": "tax as it would be without debt",
    "dp_collective_s": "the collective of a step before any overlap",
    "_tensor_context_expert": "looked up by the name of its stage",
    "ignore_aliases": "PyYAML calls it",
}


def test_every_name_of_a_module_is_used_in_the_library():
    unused = {f"{module}.{name}" for module, name in _defined() if (module, name) not in USED and name != "__all__"}
    assert unused == set(OFFERED)


def _members() -> Iterator[tuple[str, str]]:
    for module, tree in TREES.items():
        for kind in tree.body:
            if isinstance(kind, ast.ClassDef):
                is_definition = not any("dataclass" in ast.unparse(way) for way in kind.decorator_list)
                for part in kind.body:
                    if isinstance(part, ast.FunctionDef):
                        validates = any("validator" in ast.unparse(way) for way in part.decorator_list)
                        if not validates and not part.name.startswith("__"):
                            yield f"{module}.{kind.name}", part.name
                    elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and not is_definition:
                        yield f"{module}.{kind.name}", part.target.id


def test_every_field_and_method_of_a_record_is_read_in_the_library():
    unused = {f"{kind}.{name}" for kind, name in _members() if name not in FIELDS}
    assert {name.rpartition(".")[2] for name in unused} == set(CHECKED)


@pytest.mark.parametrize("rows", [OFFERED, CHECKED], ids=["offered", "checked"])
def test_the_tables_stay_short(rows):
    assert len(rows) <= 12
    assert all(rows.values())


_ALL, _ANY = "**", 99  # all names, and any place


def _given() -> tuple[dict[str, set[str]], dict[str, int]]:
    """By the name of a function: the parameters given to it by name, and how many by place."""
    named: dict[str, set[str]] = {}
    placed: dict[str, int] = {}
    for tree in TREES.values():
        imports = [name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names]
        first = {name.asname: name.name for name in imports if name.asname}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            said = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
            name = first.get(said, said)
            named.setdefault(name, set()).update(word.arg or _ALL for word in call.keywords)
            some = any(isinstance(one, ast.Starred) for one in call.args)
            placed[name] = max(placed.get(name, 0), _ANY if some else len(call.args))
    return named, placed


def _optional(function: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    """Parameters with a default, each with its place; those by name alone have none that is reached."""
    given = function.args
    positional = [one.arg for one in (*given.posonlyargs, *given.args)]
    own = positional[:1] in (["self"], ["cls"])
    since = len(positional) - len(given.defaults)
    yield from ((name, place - own) for place, name in enumerate(positional) if place >= since)
    yield from ((one.arg, _ANY) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default)


def test_every_parameter_with_a_default_is_given_in_the_library():
    named, placed = _given()
    unused = {
        f"{title}.{node.name} {name}"
        for title, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and not node.decorator_list and not node.name.startswith("__")
        for name, place in _optional(node)
        if not {name, _ALL} & named.get(node.name, set()) and placed.get(node.name, 0) <= place
    }
    # The functions of spreadsheets have the parameters that these have, and XlsxWriter calls the other.
    finance = ("colocalc.lease.annuity", "colocalc.lease.dates", "colocalc.lease.depreciation", "colocalc.lease.loan")
    others = {"colocalc.report.to_xlsx._xml_number_element attributes"}
    sized = {f"colocalc.lease.sizing.debt_from_dscr {name}" for name in ("advance_rate_cap", "cost")}
    assert {one for one in unused if not one.startswith(finance)} == others | sized
