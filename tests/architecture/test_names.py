"""A quantity ends in its unit: fields a user writes, parameters and fields of kernels, ids of metrics."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

import colocalc
import colocalc.chance
import colocalc.lease
import colocalc.mfu
import colocalc.mfu.predict
from colocalc import hardware
from colocalc.calibration import Calibration
from colocalc.figure import Definition, Quantity, isinstance_figure, quantity_of
from colocalc.fleet import Fleet
from colocalc.metrics import IN_TABLES, METRICS, STAGES, unit_suffix
from colocalc.profile import LayerProfile
from colocalc.stack import StackPeriod
from colocalc.units import UNITS, unit_of
from tests.architecture.test_imports import DEFINITIONS

# Degrees of parallelism keep the names everyone writes them by.
LAYOUT_WORDS = {"tp", "pp", "vpp", "cp", "ep", "micro_batch"}
# The keys of these mappings carry the unit: ``<stage>_factor``.
UNIT_IN_KEYS = {"assumptions", "measured"}

SYMBOLS = {
    "gpus": "published reference cases call these seven lease functions by these names",
    "rate": "likewise",
    "rates": "likewise",
    "util": "likewise",
    "hours": "likewise",
    "target": "likewise",
    "fee_per_month": "likewise",
    "revenue": "likewise",
    "annual_loss": "likewise",
    "actual_util": "likewise",
    "life": "likewise, and so call the functions of spreadsheets",
    "nper": "the name of numpy-financial and of spreadsheets, as are these",
    "per": "likewise",
    "pmt": "likewise",
    "pv": "likewise",
    "fv": "likewise",
    "when": "likewise",
    "finance_rate": "likewise",
    "reinvest_rate": "likewise",
    "cost": "likewise",
    "salvage": "likewise",
    "period": "likewise",
    "start_period": "likewise",
    "end_period": "likewise",
    "no_switch": "likewise",
    "start": "likewise",
    "end": "likewise",
    "periods": "likewise, of a capital recovery factor",
    "cashflows": "published reference cases call the finance functions by these names",
    "dates": "likewise",
    "quarter": "likewise",
    "cfads": "likewise",
    "interest": "likewise",
    "dscr": "likewise",
    "advance_rate_cap": "likewise",
    "debt": "likewise",
    "capex": "likewise",
    "utilization": "likewise",
    "years": "likewise",
    "flows": "any currency: only where they cancel matters",
    "measure": "has the unit of the basis chosen",
    "reference_measure": "has the unit of the basis chosen",
    "weight": "any unit: only ratios of weights matter",
    "quantity": "any unit, that of the result",
    "times": "by algorithm, all of them seconds",
    "factors": "by stage, all of them factors",
    "measured": "by stage, all of them factors",
    "running": "by stage, all of them shares of the peak",
    "step_flop": "operations are no unit of anything read or reported",
    "zero_stage": "the name of a method",
    "quantile_far": "any unit, that of the result",
    "quantile_near": "any unit, that of the result",
    "low": "any unit, that of the number that is drawn",
    "value": "likewise",
    "high": "likewise",
    "values": "any unit, that of what was drawn",
    "one": "likewise",
    "other": "likewise",
    "micro_batch_limit_sequences": "sequences are no unit of anything read or reported",
    "global_batch_sequences": "likewise",
    "micro_batch_sequences": "likewise",
    "cuts": "degrees of parallelism, by row",
    "cut_index": "a place in a list",
    "recompute_index": "likewise",
    "memory_term_index": "likewise",
    "terms": "by name, all of them bytes",
}


def _definitions() -> list[type[Definition]]:
    found = {
        kind
        for name in DEFINITIONS
        for _, kind in inspect.getmembers(importlib.import_module(f"colocalc.{name}"), inspect.isclass)
        if issubclass(kind, Definition) and kind is not Definition
    }
    return sorted(found, key=lambda kind: kind.__name__)


def _quantities(annotation: Any) -> Iterator[Quantity]:
    # Every quantity in an annotation, however deep in unions, tuples and mappings.
    if isinstance_figure(annotation):
        yield quantity_of(annotation)
        return
    for part in get_args(annotation):
        if isinstance(part, Quantity):
            yield part
        else:
            yield from _quantities(part)


def _kinds(annotation: Any) -> Iterator[type[Definition]]:
    if inspect.isclass(annotation) and issubclass(annotation, Definition):
        yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _reached(kind: type[Definition], seen: set[type[Definition]]) -> set[type[Definition]]:
    seen.add(kind)
    for annotation in get_type_hints(kind, include_extras=True).values():
        for part in _kinds(annotation):
            if part not in seen:
                _reached(part, seen)
    return seen


def _kernel_modules() -> list[ModuleType]:
    names = [
        f"{package.__name__}.{entry.name}"
        for package in (colocalc.mfu, colocalc.mfu.predict, colocalc.lease, colocalc.chance)
        for entry in pkgutil.iter_modules(package.__path__)
    ]
    return [importlib.import_module(name) for name in (*names, "colocalc.h100e")]


def _own(module: ModuleType, test: Any) -> Iterator[Any]:
    for name, found in inspect.getmembers(module, test):
        if found.__module__ == module.__name__ and not name.startswith("_"):
            yield found


KERNELS = [function for module in _kernel_modules() for function in _own(module, inspect.isfunction)]
RECORDS = [kind for module in _kernel_modules() for kind in _own(module, dataclasses.is_dataclass)]


def _is_numeric(annotation: Any) -> bool:
    if get_origin(annotation) is Callable:  # what works on arrays is none
        return False
    return annotation in {int, float} or any(
        word in str(annotation) for word in ("ArrayLike", "ndarray", "_SupportsArray")
    )


def _unit_less(names: Iterator[str]) -> list[str]:
    return [name for name in names if unit_of(name) is None and name not in SYMBOLS]


def test_every_definition_is_reached_from_a_fleet_or_the_catalog():
    roots = (Fleet, hardware.Network, hardware.Source, StackPeriod, LayerProfile, Calibration)
    assert {kind for root in roots for kind in _reached(root, set())} == set(_definitions())


@pytest.mark.parametrize("kind", _definitions(), ids=lambda kind: kind.__name__)
def test_a_field_ends_in_the_unit_of_its_quantity(kind):
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        units = {quantity.unit for quantity in _quantities(annotation)} - {""}  # "" is the unit that stands beside it
        if not units or name in UNIT_IN_KEYS or (kind.__name__ == "Layout" and name in LAYOUT_WORDS):
            continue
        suffix = unit_of(name)
        assert suffix is not None, name
        assert units == {suffix.suffix}, name


def test_the_walk_finds_the_figures():
    found = {
        (kind.__name__, name)
        for kind in _definitions()
        for name, annotation in get_type_hints(kind, include_extras=True).items()
        if list(_quantities(annotation))
    }
    expected = {
        ("Pool", "count"),  # a figure of its own
        ("Training", "measured"),  # in a mapping
        ("Reliability", "checkpoint_interval_s"),  # in a union of annotated parts
        ("Costs", "capital_usd_per_gpu"),
        ("ModelDims", "hidden_dim"),  # a bare number
    }
    assert expected <= found
    assert len(found) > 100


@pytest.mark.parametrize("function", KERNELS, ids=lambda function: f"{function.__module__}.{function.__name__}")
def test_a_parameter_of_a_kernel_ends_in_its_unit(function):
    hints = get_type_hints(function)
    names = (name for name, hint in hints.items() if name != "return" and _is_numeric(hint))
    assert _unit_less(names) == []


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_a_field_of_a_record_of_kernels_ends_in_its_unit(kind):
    hints = get_type_hints(kind)
    names = (field.name for field in dataclasses.fields(kind) if _is_numeric(hints[field.name]))
    assert _unit_less(names) == []


def test_every_symbol_without_a_unit_is_used():
    parameters = {name for function in KERNELS for name in inspect.signature(function).parameters}
    fields = {field.name for kind in RECORDS for field in dataclasses.fields(kind)}
    assert set(SYMBOLS) <= parameters | fields


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.id)
def test_a_metric_ends_in_its_unit(metric):
    assert metric.unit in UNITS
    assert unit_suffix(metric.id) == metric.unit
    assert unit_suffix(f"pools.gb200.{metric.id}") == metric.unit
    assert metric.id == metric.id.lower()


def test_every_metric_has_words_of_its_own():
    assert all(metric.meaning and metric.equation for metric in METRICS.values())
    assert len(METRICS) == len({metric.meaning for metric in METRICS.values()})


def test_every_stage_is_a_metric():
    assert {f"mfu.stage.{name}_factor" for name in STAGES} <= set(METRICS)


def test_metrics_that_are_read_from_tables_are_registered():
    assert set(IN_TABLES) <= set(METRICS)


def test_conversions_of_time_stand_in_units_alone():
    lengths = {730, 3_600, 8_760, 8_784, 86_400}
    package = Path(colocalc.__file__).parent
    found = {
        path.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value in lengths
    }
    assert found == {"units.py"}
