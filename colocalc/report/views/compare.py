"""Fleets side by side; for two of them what each group of changes does, and which inputs differ."""

from collections.abc import Iterator, Sequence

from colocalc.case import Case, searched_layout
from colocalc.catalog import Catalog
from colocalc.metrics import family_of, unit_suffix
from colocalc.report.table import Column, Note, Report, Table
from colocalc.report.views.common import assemble, counted
from colocalc.study.compare import Bridge
from colocalc.study.evaluate import Result
from colocalc.units import text

_MOST_INPUTS = 40


def compare(
    labels: Sequence[str],
    cases: Sequence[Case],
    results: Sequence[Result],
    catalog: Catalog,
    *,
    names: Sequence[str],
    bridges: Sequence[Bridge],
    relayout: bool = False,
) -> Report:
    """Metrics of every fleet, bridges from the first to the second of two, and the inputs that differ."""
    families = tuple(dict.fromkeys(family_of(name) for name in names))
    inputs, left = _inputs(labels, cases)
    return assemble(
        "compare",
        case=cases[0],
        result=results[0],
        catalog=catalog,
        families=families,
        topics=(),
        tables=(_side_by_side(labels, results, names), *map(_bridge, range(len(bridges)), bridges), inputs),
        headline=(f"{' against '.join(labels)}.", *(_sentence(bridge, results) for bridge in bridges)),
        notes=(*_notes(labels, results, names, bridges, left), *_on_layouts(cases, bridges, relayout=relayout)),
    )


def _sentence(bridge: Bridge, results: Sequence[Result]) -> str:
    unit = unit_suffix(bridge.metric)
    first, second = (text(float(result.metrics[bridge.metric]), unit) for result in results)
    most = max(range(len(bridge.groups)), key=lambda place: abs(float(bridge.effects[place])))
    changing = sum(abs(float(effect)) > 0.0 for effect in bridge.effects)
    part = "all of it" if changing == 1 else "most of it"
    return (
        f"{bridge.metric} goes from {first} to {second}; {bridge.groups[most]} does {part}, "
        f"{_signed(float(bridge.effects[most]), unit)}."
    )


def _signed(value: float, unit: str) -> str:
    return f"+{text(value, unit)}" if value > 0.0 else text(value, unit)


def _notes(
    labels: Sequence[str], results: Sequence[Result], names: Sequence[str], bridges: Sequence[Bridge], left: int
) -> Iterator[Note]:
    for label, result in zip(labels, results, strict=True):
        for name in names:
            if name in result.undefined:
                yield Note(f"{label}: {name} is undefined: {result.undefined[name]}")
    if any(bridge.joined for bridge in bridges):
        yield Note(
            "changes that do not make a fleet one without the other, or are too many, stand together in a bridge"
        )
    if left:
        yield Note(f"{counted(left, 'more input')} differ: the assumptions of --format json of each fleet name all")
    yield Note(f"metrics and assumptions in JSON are those of {labels[0]}; the table of metrics has all")


def _on_layouts(cases: Sequence[Case], bridges: Sequence[Bridge], *, relayout: bool) -> Iterator[Note]:
    """What a bridge does with layouts that were searched for."""
    if not bridges or not any(map(searched_layout, cases)):
        return
    if relayout:
        yield Note("the layout of a fleet is searched anew in every mix of a bridge")
    else:
        yield Note(
            "the layout found for a fleet is kept in the mixes of a bridge, and changes as a step of its own; "
            "--relayout searches anew in each mix"
        )


def _side_by_side(labels: Sequence[str], results: Sequence[Result], names: Sequence[str]) -> Table:
    columns = [
        Column("metric", "Metric", kind="text"),
        Column("unit", "Unit", kind="text", hidden=True),
        *(Column(f"fleet_{place + 1}", label, unit_from="unit") for place, label in enumerate(labels)),
    ]
    pair = len(labels) == 2
    if pair:
        columns += [Column("difference", "Difference", unit_from="unit"), Column("relative_share", "Relative", "share")]
    rows: list[tuple[object, ...]] = []
    for name in names:
        found = [None if (value := result.metrics.get(name)) is None else float(value) for result in results]
        row: list[object] = [name, unit_suffix(name), *found]
        if pair:
            first, second = found
            known = first is not None and second is not None
            gap = second - first if known else None  # type: ignore[operator]
            row += [gap, gap / abs(first) if gap is not None and first else None]
        rows.append(tuple(row))
    return Table("comparison", "Side by side", tuple(columns), tuple(rows))


def _bridge(number: int, bridge: Bridge) -> Table:
    unit, total = unit_suffix(bridge.metric), float(bridge.effects.sum())
    columns = (
        Column("group", "What changes", kind="text"),
        Column("effect", "Effect", unit=unit),
        Column("part_share", "Of all", unit="share"),
        Column("metric", "Metric", kind="text", hidden=True),
    )
    rows = [
        (group, float(effect), float(effect) / total if total else None, bridge.metric)
        for group, effect in zip(bridge.groups, bridge.effects, strict=True)
        if effect != 0.0
    ]
    return Table(
        f"bridge_{number + 1}",
        f"What changes {bridge.metric}",
        columns,
        (*rows, ("together", total, 1.0 if total else None, bridge.metric)),
        total_count=1,
        caption="Blocks of the file changed in every order, and averaged (Shapley value): the effects add up exactly. "
        "Those of a share are in percentage points; blocks that do nothing are left out.",
    )


def _inputs(labels: Sequence[str], cases: Sequence[Case]) -> tuple[Table, int]:
    """What is not the same in all, and how many more there are."""
    known = [{row.path: row for row in case.assumptions} for case in cases]
    paths = dict.fromkeys(path for rows in known for path in rows)
    rows = []
    for path in paths:
        found = [rows.get(path) for rows in known]
        values = [None if row is None else row.value for row in found]
        if any(value != values[0] for value in values[1:]):
            unit = next((row.unit for row in found if row is not None), None)
            rows.append((path, unit, *values))
    columns = (
        Column("path", "Input", kind="text"),
        Column("unit", "Unit", kind="text", hidden=True),
        *(Column(f"fleet_{place + 1}", label, unit_from="unit") for place, label in enumerate(labels)),
    )
    shown = tuple(rows[:_MOST_INPUTS])
    return Table("inputs", "Inputs that differ", columns, shown), len(rows) - len(shown)
