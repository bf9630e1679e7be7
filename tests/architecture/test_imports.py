"""Who may import whom: one table, and anything that is not in it is refused.

Names are written without the leading ``colocalc.``. A module has the row of its own name, or else that of the package
above it. A row allows what it names and everything below it, so ``mfu`` allows ``mfu.step`` and ``mfu.exchange.Links``
allows that one name.
"""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import colocalc

PACKAGE = Path(colocalc.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

BOTTOM = ("units", "errors")
KERNEL_BASE = ("arrays", "root", "units")
COMPOSED = ("mfu.job", "mfu.cut", "mfu.pace", "mfu.traffic", "mfu.step", "mfu.waterfall")
PRIMITIVES = tuple(
    name for path in sorted((PACKAGE / "mfu").glob("[!_]*.py")) if (name := f"mfu.{path.stem}") not in COMPOSED
)
DEFINITIONS = (
    "figure",
    "hardware",
    "model",
    "card",
    "claim",
    "deal",
    "stack",
    "profile",
    "runs",
    "risk",
    "serving",
    "fleet",
    "calibration",
)
KERNEL_INPUTS = (
    "mfu.ceiling",
    "mfu.job",
    "mfu.exchange.Links",
    "mfu.transformer",
    "mfu.attention",
    "lease.rates",
    # A date is a month of the calendar, and without a right to leave notice is never over.
    "lease.months.month_number",
    "lease.termination.NEVER_MONTHS",
    "mfu.predict.facts",
    # ``layout: auto`` is the best layout of a search, so lowering has to run it.
    "mfu.predict.choices",
    "mfu.predict.layouts",
    "mfu.predict.search",
)

EVERYTHING = ("",)
MAY_IMPORT = {
    "": (),
    "units": (),
    "errors": (),
    "arrays": (),
    "places": (),
    "guide": (),
    "root": ("arrays",),
    "metrics": ("units", "metrics_of_choice", "metrics_of_deals"),
    "metrics_of_deals": (),
    "metrics_of_choice": (),
    "expect": (*BOTTOM, "metrics"),
    # Definitions: what a user may write. They know pydantic, YAML and files, and no numpy.
    "figure": ("units",),
    "reading": ("errors",),
    "surrogates": (),
    "yamlio": ("reading", "surrogates", "errors"),
    "hardware": ("figure",),
    "model": ("figure",),
    "card": ("figure",),
    "claim": ("figure",),
    "deal": ("figure", "card"),
    "serving": ("figure", "model"),
    "stack": ("figure",),
    "risk": ("figure",),
    "profile": ("figure", "units"),
    "runs": ("yamlio", "faults", "profile", "errors"),
    "faults": ("yamlio", "errors"),
    "editing": ("yamlio", "errors"),
    "calibration": ("figure", "units"),
    "catalog": (
        "places",
        "calibration",
        "hardware",
        "model",
        "card",
        "stack",
        "profile",
        "figure",
        "faults",
        "yamlio",
        *BOTTOM,
    ),
    "fleet": ("figure", "metrics", "expect", "hardware", "model", "card", "claim", "deal", "risk", "serving"),
    "additions": ("calibration", "catalog", "fleet", "card", "hardware", "model", "errors"),
    "lint": ("card", "catalog", "figure", "fleet", *BOTTOM),
    "prices": ("prices", "reading", "card", "catalog", "lint", "faults", "yamlio", *BOTTOM),
    "keys": ("catalog", "fleet", "faults"),
    "references": (
        "references",
        "keys",
        "claim",
        "deal",
        "units",
        "catalog",
        "fleet",
        "hardware",
        "card",
        "figure",
        "expect",
        "metrics",
        "faults",
        "yamlio",
        "errors",
    ),
    "loading": (
        "reading",
        "additions",
        "calibration",
        "keys",
        "card",
        "catalog",
        "editing",
        "faults",
        "fleet",
        "prices",
        "reading",
        "references",
        "yamlio",
        "errors",
    ),
    "schema": ("catalog", "fleet", "errors"),
    "contract": ("metrics", "report.to_json", "units"),
    # Kernels: numpy, and each other from simple to composed.
    **dict.fromkeys(PRIMITIVES, (*KERNEL_BASE, *PRIMITIVES)),
    "mfu": (),
    "mfu.predict": (*KERNEL_BASE, "mfu.predict", *PRIMITIVES),
    "mfu.job": ("arrays", "mfu.exchange.Links", "mfu.predict.facts", "mfu.predict.memory.Memory"),
    "mfu.cut": ("arrays", "mfu.job", *PRIMITIVES),
    "mfu.pace": ("arrays", "mfu.job", "mfu.cut", "mfu.predict", *PRIMITIVES),
    "mfu.traffic": (*KERNEL_BASE, "mfu.job", "mfu.cut", "mfu.pace", "mfu.predict", *PRIMITIVES),
    "mfu.step": ("arrays", "mfu.job", "mfu.cut", "mfu.pace", "mfu.traffic", "mfu.predict", *PRIMITIVES),
    "mfu.waterfall": (*KERNEL_BASE, *PRIMITIVES),
    "lease": (*KERNEL_BASE, "lease"),
    "h100e": KERNEL_BASE,
    "chance": (*KERNEL_BASE, "chance"),
    # Where definitions become arrays, what is computed from them, and how it is shown.
    "case": ("case", "catalog", *DEFINITIONS, *KERNEL_INPUTS, "metrics", "arrays", *BOTTOM),
    # How rates move together is asked of the catalog in one number, and drawn with a matrix of them.
    # A card's rate may be one of a surface, and its prices by month those between dates or terms.
    "case.card_rates": ("case", "catalog", *DEFINITIONS, "lease.surface", *BOTTOM),
    "case.horizon": ("case", "deal", "lease.months", "arrays", "errors"),
    "case.price_paths": ("case", "catalog", *DEFINITIONS, "lease.forward", "lease.months", "lease.path", "arrays"),
    "case.risk": ("case", "catalog", *DEFINITIONS, "chance.shapes.loading_factor", "arrays", *BOTTOM),
    "study": ("study", "case", "mfu", "lease", "h100e", "chance", "metrics", "expect", "arrays", "root", *BOTTOM),
    "study.engine.cluster": ("__version__", "study.engine.task", "arrays", "errors"),
    "study.calibrate": ("calibration.EXPERTS", "study", "case", "arrays", *BOTTOM),
    "study.needed": ("claim", "study", "case", *BOTTOM),
    "study.train_or_lease": ("claim", "study", "case", "mfu", "lease", "arrays", *BOTTOM),
    "study.layout": ("fleet", "hardware", "catalog", "study", "case", "mfu", "arrays", *BOTTOM),
    "study.claims": ("claim", "study", "case", "mfu", "expect", "metrics", "arrays", *BOTTOM),
    "variants": ("case", "loading", "catalog", "fleet", "figure", "errors"),
    "yamlout": (),
    "resolved": (
        "__version__",
        "case",
        "catalog",
        "figure",
        "fleet",
        "keys",
        "loading",
        "references",
        "study.evaluate",
        "variants",
        "yamlio",
        "yamlout",
        "errors",
    ),
    "report": (),
    "report.table": BOTTOM,
    "report.workbook": (),
    "report.formula": (),
    "report.number_format": ("units",),
    "report.to_xlsx": ("report.table", "report.workbook", "report.number_format", *BOTTOM),
    **{f"report.to_{form}": ("report.table", *BOTTOM) for form in ("terminal", "json", "csv", "markdown")},
    "report.charts": ("report.table", "report.charts", *BOTTOM),
    "report.drawing": ("report.charts", "errors"),
    # A page says which version made it, and defines each figure.
    "report.to_html": ("report.table", "report.charts", "report.drawing", "metrics", "__version__", *BOTTOM),
    "report.views": (
        "report.table",
        "report.workbook",
        "report.formula",
        "report.views",
        "case",
        "study",
        "catalog",
        *DEFINITIONS,
        "lint.CardFinding",
        "lint.known_bands",
        "lint.unit_slip",
        "mfu.job.Job",
        "mfu.job.Step",
        "mfu.predict.memory.TERMS",
        "mfu.waterfall.Waterfall",
        "metrics",
        "arrays",
        *BOTTOM,
    ),
    # The one view of files: a bundled sample is listed with its title.
    "report.views.catalog": ("report.table", "report.views.cards", "catalog", "metrics", *DEFINITIONS, *BOTTOM),
    "emit": (
        "report.table",
        "report.workbook",
        "report.to_terminal",
        "report.to_json",
        "report.to_csv",
        "report.to_markdown",
        "report.to_html",
        "report.to_xlsx",
        "report.charts",
        "report.drawing",
        "errors",
    ),
    "mixing": ("additions", "case", "fleet", "variants"),
    "progress": ("emit", "units"),
    "rows": ("emit", "errors", "report.to_csv"),
    "cli": EVERYTHING,
    "__main__": EVERYTHING,
}

NUMPY_OWNERS = ("arrays", "root", "mfu", "lease", "h100e", "chance", "case", "study", "report.views", "cli.trials")
OWNERS = {
    "numpy": NUMPY_OWNERS,
    "pydantic": (*DEFINITIONS, "catalog", "loading"),
    "pydantic_core": (*DEFINITIONS, "catalog"),
    "yaml": ("yamlio", "yamlout"),
    "rich": ("report.to_terminal",),
    "typer": ("cli",),
    "distributed": ("study.engine.cluster",),
    "dask": ("study.engine.cluster",),
    "pyarrow": ("rows",),
    "xlsxwriter": ("report.to_xlsx",),
    "vl_convert": ("report.drawing",),
}
KERNELS = ("mfu", "lease", "h100e", "chance")
KERNEL_OUTSIDE = {"numpy", "typing", "dataclasses", "collections"}


def _name(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {_name(file): file for file in FILES}


def _below(name: str, above: str) -> bool:
    return above in {"", name} or name.startswith(f"{above}.")


def _imported(file: Path) -> list[str]:
    # Absolute names as written: "colocalc.mfu.ceiling", "colocalc.errors.Fault", "numpy.typing.ArrayLike".
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def _own(file: Path) -> list[str]:
    return [name.removeprefix("colocalc.") for name in _imported(file) if name.startswith("colocalc")]


def _outside(file: Path) -> set[str]:
    return {name.split(".")[0] for name in _imported(file)} - {"colocalc"}


def _row(module: str) -> tuple[str, ...] | None:
    row = MAY_IMPORT.get(module)
    while row is None and "." in module:
        module = module.rpartition(".")[0]
        row = MAY_IMPORT.get(module)
    return row


def _module_of(name: str) -> str:
    return name if name in MODULES else name.rpartition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_row_allows(module):
    row = _row(module)
    assert row is not None, f"{module} has no row"
    refused = [name for name in _own(MODULES[module]) if not any(_below(name, allowed) for allowed in row)]
    assert not refused


def test_every_row_is_of_a_module():
    assert set(MAY_IMPORT) <= set(MODULES)


def test_no_module_imports_itself_in_a_circle():
    graph = {module: {_module_of(name) for name in _own(file)} - {module} for module, file in MODULES.items()}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", MODULES)
def test_a_third_party_is_imported_by_its_owners_only(module):
    others = _outside(MODULES[module]) - set(sys.stdlib_module_names)
    assert others <= set(OWNERS)
    assert all(any(_below(module, owner) for owner in OWNERS[other]) for other in others)


@pytest.mark.parametrize("module", [name for name in MODULES if any(_below(name, kernel) for kernel in KERNELS)])
def test_kernels_know_numpy_and_nothing_else(module):
    assert _outside(MODULES[module]) <= KERNEL_OUTSIDE


@pytest.mark.parametrize("module", MODULES)
def test_imports_are_absolute_and_named(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 0 and node.names[0].name != "*" for node in imports)
