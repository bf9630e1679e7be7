"""The catalog as reports: lists of what ships, and one entry with every number and its source."""

from collections.abc import Callable, Iterator
from typing import Any

from colocalc.card import RateCard
from colocalc.catalog import Catalog, fleet_outlines
from colocalc.errors import EXIT_USAGE, ColocalcError, did_you_mean, quoted
from colocalc.figure import Definition, Figure
from colocalc.metrics import METRICS
from colocalc.model import ModelDims
from colocalc.report.table import Column, Report, Table
from colocalc.report.views.cards import card_tables
from colocalc.units import text, unit_of

_ENTRY = (
    Column("key", "Key", kind="text"),
    Column("value", "Value", unit_from="unit"),
    Column("unit", "Unit", kind="text", hidden=True),
    Column("low", "Low", unit_from="unit", wide=True),
    Column("high", "High", unit_from="unit", wide=True),
    Column("source", "Source", kind="text"),
    Column("note", "Note", kind="text", wide=True),
)


def view(catalog: Catalog, kind: str, name: str | None) -> Report:
    """A list of one kind of entry, or one entry.

    Raises
    ------
    ColocalcError
        When there is no such kind, or no entry of that name.
    """
    if kind not in _LISTS:
        hint = did_you_mean(kind, _LISTS)
        raise ColocalcError(f"{quoted(kind)} is none of {', '.join(_LISTS)}", hint=hint, exit_code=EXIT_USAGE)
    tables = (_LISTS[kind](catalog),) if name is None else _entry(catalog, kind, name)
    cited = [str(row[place]) for table in tables for place in _source_places(table) for row in table.rows if row[place]]
    return Report(
        command="catalog",
        title="The catalog" if name is None else f"The catalog: {name}",
        fleet=None,
        scenario=None,
        metrics={},
        undefined={},
        units={},
        tables=tables,
        source_titles={key: _title(catalog, key) for key in dict.fromkeys(cited) if key in catalog.sources},
    )


def _source_places(table: Table) -> list[int]:
    return [place for place, column in enumerate(table.columns) if column.key == "source"]


def _title(catalog: Catalog, key: str) -> str:
    source = catalog.sources[key]
    return f"{source.title} ({source.date}, {source.kind})"


def _gpus(catalog: Catalog) -> Table:
    columns = (
        Column("gpu", "GPU", kind="text"),
        Column("title", "Title", kind="text"),
        Column("peak_bf16_tflop_per_s", "Dense BF16", "tflop_per_s"),
        Column("peak_fp8_tflop_per_s", "Dense FP8", "tflop_per_s"),
        Column("peak_fp4_tflop_per_s", "Dense FP4", "tflop_per_s", wide=True),
        Column("hbm_gbyte", "Memory", "gbyte"),
        Column("hbm_tbyte_per_s", "Bandwidth", "tbyte_per_s", wide=True),
        Column("domain_gpu_count", "Domain", "count", wide=True),
        Column("aliases", "Also", kind="text", wide=True),
    )
    rows = tuple(
        (
            key,
            gpu.title,
            *(_value(gpu.peak_tflop_per_s.get(name)) for name in ("bf16", "fp8", "fp4")),
            _value(gpu.hbm_gbyte),
            _value(gpu.hbm_tbyte_per_s),
            _value(gpu.domain_gpu_count),
            ", ".join(gpu.aliases),
        )
        for key, gpu in catalog.gpus.items()
    )
    return Table("gpus", "GPU types", columns, rows, caption="Peaks are dense, per GPU: never per superchip.")


def _value(figure: Any) -> float | None:
    return None if figure is None else float(figure.value)


def _models(catalog: Catalog) -> Table:
    columns = (
        Column("model", "Model", kind="text"),
        Column("title", "Title", kind="text", wide=True),
        Column("layer_count", "Layers", "count"),
        Column("hidden_dim", "Hidden", "dim"),
        Column("head_count", "Heads", "count"),
        Column("experts", "Experts", kind="text", wide=True),
        Column("published_parameter_count", "Parameters", "count"),
        Column("published_active_count", "Active", "count"),
        Column("source", "Source", kind="text", wide=True),
    )
    rows = tuple(
        (
            key,
            model.title,
            model.layer_count,
            model.hidden_dim,
            model.head_count,
            _experts(model),
            _value(model.published_parameter_count),
            _value(model.published_active_count if model.expert_count else model.published_parameter_count),
            model.source,
        )
        for key, model in catalog.models.items()
    )
    caption = "Parameters as their authors count them: all that are stored, and those active in one token."
    return Table("models", "Models", columns, rows, caption=caption)


def _experts(model: ModelDims) -> str:
    if model.expert_count is None or model.active_expert_count is None:
        return ""
    shared = "" if model.shared_expert_mlp_dim is None else ", shared"
    return f"{text(model.expert_count, 'count')} top {text(model.active_expert_count, 'count')}{shared}"


def _cards(catalog: Catalog) -> Table:
    columns = (
        Column("card", "Card", kind="text"),
        Column("title", "Title", kind="text"),
        Column("as_of", "As of", kind="text"),
        Column("kind", "Kind", kind="text"),
        Column("rate_count", "Rates", "count"),
        Column("tier_count", "Tiers", "count", wide=True),
        Column("point_count", "Dated", "count", wide=True),
        Column("surface_count", "Surfaces", "count"),
    )
    cards = [catalog.card(name) for name in catalog.card_names()]
    rows = tuple((card.name, card.title, card.as_of, card.kind, *_counts(card)) for card in cards)
    caption = "A surface has the rates of a GPU by term and prepayment; colocalc catalog cards NAME shows them."
    return Table("cards", "Rate cards", columns, rows, caption=caption)


def _counts(card: RateCard) -> tuple[float, ...]:
    tiers, points = (sum(len(getattr(rate, name)) for rate in card.rates) for name in ("tiers", "points"))
    return float(len(card.rates)), float(tiers), float(points), float(len(card.surfaces))


def _sources(catalog: Catalog) -> Table:
    columns = (
        Column("id", "Source", kind="text"),
        Column("date", "Date", kind="text"),
        Column("kind", "Kind", kind="text"),
        Column("title", "Title", kind="text"),
        Column("url", "Address", kind="text", wide=True),
    )
    rows = tuple((key, one.date, one.kind, one.title, one.url or "") for key, one in catalog.sources.items())
    return Table("sources", "Sources", columns, rows)


def _defaults(catalog: Catalog) -> Table:
    rows = tuple(
        (key, one.value, one.unit, one.low, one.high, one.source, one.note or "")
        for key, one in catalog.defaults.items()
    )
    return Table("defaults", "What is assumed when a file says nothing", _ENTRY, rows)


def _networks(catalog: Catalog) -> Table:
    columns = (
        Column("network", "Network", kind="text"),
        Column("title", "Title", kind="text"),
        Column("algorithms", "Algorithms", kind="text"),
    )
    rows = tuple((key, one.title, ", ".join(one.algorithms)) for key, one in catalog.networks.items())
    return Table("networks", "Networks", columns, rows)


def _fleets(_catalog: Catalog) -> Table:
    columns = (
        Column("fleet", "Fleet", kind="text"),
        Column("title", "Title", kind="text"),
        Column("scenarios", "Scenarios", kind="text"),
    )
    rows = [(name, title, ", ".join(scenarios)) for name, title, scenarios in fleet_outlines()]
    return Table("fleets", "Sample fleets", columns, tuple(rows))


def _metrics(_catalog: Catalog) -> Table:
    columns = (
        Column("metric", "Metric", kind="text"),
        Column("unit", "Unit", kind="text", wide=True),
        Column("meaning", "Meaning", kind="text"),
        Column("equation", "Equation", kind="text"),
        Column("references", "References", kind="text", wide=True),
    )
    rows = tuple((one.id, one.unit, one.meaning, one.equation, "; ".join(one.references)) for one in METRICS.values())
    return Table("metrics", "Metrics", columns, rows, caption="pools.<name>.<metric> is the same of one pool.")


_LISTS: dict[str, Callable[[Catalog], Table]] = {
    "gpus": _gpus,
    "models": _models,
    "cards": _cards,
    "networks": _networks,
    "defaults": _defaults,
    "sources": _sources,
    "fleets": _fleets,
    "metrics": _metrics,
}


def _entry(catalog: Catalog, kind: str, name: str) -> tuple[Table, ...]:
    if kind == "cards":
        return card_tables(catalog.card(name))
    if kind == "gpus":
        gpu = catalog.gpu(name).gpu
        return (_numbers(gpu, f"{gpu.id}: {gpu.title}"),)
    if kind == "fleets":
        return (_named_row(_fleets(catalog), name),)
    if kind in {"sources", "defaults", "metrics"}:
        return (_named_row(_LISTS[kind](catalog), name),)
    entry: Any = catalog.model(name) if kind == "models" else catalog.network(name)
    return (_numbers(entry, f"{name}: {entry.title or name}"),)


def _named_row(table: Table, name: str) -> Table:
    rows = tuple(row for row in table.rows if row[0] == name)
    if not rows:
        names = [str(row[0]) for row in table.rows]
        raise ColocalcError(f"nothing named {quoted(name)} in {table.key}", hint=did_you_mean(name, names))
    return Table(table.key, table.title, table.columns, rows)


def _numbers(entry: Definition, title: str) -> Table:
    rows = tuple(_rows(entry, "", getattr(entry, "source", None)))
    return Table("entry", title, _ENTRY, rows)


def _rows(value: Any, path: str, source: str | None) -> Iterator[tuple[object, ...]]:
    """A row for every figure and fact of an entry, however deep it stands."""
    if isinstance(value, Figure):
        unit = unit_of(path) or unit_of(path.rsplit(".", 1)[0])
        suffix = unit.suffix if unit else None
        yield path, value.value, suffix, value.low, value.high, value.source, value.note or ""
    elif value is None or value in ("", (), {}):
        return
    elif inner := list(_inner(value)):
        for key, item in inner:
            yield from _rows(item, f"{path}.{key}".lstrip("."), source)
    else:
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else value
        unit = unit_of(path) if isinstance(shown, float) else None
        yield path, shown, unit.suffix if unit else None, None, None, source if unit else None, ""


def _inner(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Definition):
        yield from ((key, getattr(value, key)) for key in type(value).model_fields if key != "replace")
    elif isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, tuple) and all(isinstance(item, Definition) for item in value):
        yield from ((str(getattr(item, "round", place)), item) for place, item in enumerate(value))
