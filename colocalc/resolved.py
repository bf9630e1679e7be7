"""A fleet with nothing left to look up: what it extends, assumes and takes from the catalog, written into one file.

The file is for the record: whatever ships later, it gives the same numbers.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from colocalc import __version__, yamlio
from colocalc.case import Assumption, Case, lower
from colocalc.case.layout_rule import BY_SEARCH
from colocalc.case.likeness import same_numbers
from colocalc.catalog import Catalog, load_catalog
from colocalc.errors import ColocalcError, InputError, printable
from colocalc.figure import Definition, Figure
from colocalc.fleet import Fleet
from colocalc.keys import is_assumption, unknown_part
from colocalc.loading import put_key, validated
from colocalc.references import reference_faults
from colocalc.study.evaluate import evaluate
from colocalc.variants import Variants
from colocalc.yamlout import dump

# What carries its key as its name does not repeat it.
_NAMED_BY_KEY = {"gpus": "id", "models": "name", "cards": "name", "sources": "id"}
_BY_NAME = frozenset({"assumptions", *_NAMED_BY_KEY})
_FLAGS = {"true": True, "false": False}


def resolved_text(variants: Variants) -> str:
    """A fleet as YAML with everything behind it written out; it loads as a fleet with the same metrics to the bit.

    One fleet, one result: the scenario asked for and all overrides are applied, other scenarios are left out, and so
    are claims that are weighed in one. Numbers computed from others are not written; they are computed again.

    Parameters
    ----------
    variants : Variants
        The fleet, and how it was asked for.

    Returns
    -------
    str
        YAML, the same bytes every time.

    Raises
    ------
    ColocalcError
        When the file would not be the same fleet.
    """
    scenario = f", scenario {printable(variants.scenario)}" if variants.scenario else ""
    text = (
        f"# {printable(variants.fleet.name)}{scenario}, resolved by colocalc {__version__}: what was assumed and what\n"
        f"# the catalog had is written out, so that whatever ships later the numbers stay.\n{dump(_resolved(variants))}"
    )
    if not _loads_as(text, variants.case):
        message = "cannot be written as one file: its calibration holds what no fleet file has, such as its range"
        raise ColocalcError(message, where=printable(variants.place))
    return text


def _loads_as(text: str, case: Case) -> bool:
    """Whether a text is a fleet with the metrics of a case, whatever else a calibration holds."""
    try:
        found = evaluate(Variants("-", load_catalog(), stdin=text.encode()).case)
    except ColocalcError:  # a number that is asked for outside the range of the calibration alone
        return False
    known = evaluate(case)
    return found.undefined == known.undefined and same_numbers(found.metrics, known.metrics)


def _resolved(variants: Variants) -> dict[str, Any]:
    """The fleet as plain data in the order of the definition, entries of catalogs and assumptions by name."""
    loaded, case = variants.loaded, variants.case
    bare = _alone(loaded.fleet)

    def is_sound(tree: yamlio.Map, assumed: bool) -> bool:
        try:
            return assumed or not reference_faults(validated(tree, Fleet, name=""), loaded.catalog, tree)
        except InputError:
            return False

    def is_same(tree: yamlio.Map) -> bool:
        try:
            return same_numbers(lower(validated(tree, Fleet, name=""), loaded.catalog, like=case), case)
        except ColocalcError:  # a number that is not asked for once another is given
            return False

    tree = _written_out(bare, case, loaded.catalog, is_sound)
    if not is_same(tree):
        # Some numbers are assumed by one part of a case and left undefined by another: given, both would have them.
        tree = _written_out(
            bare, case, loaded.catalog, lambda tried, assumed: is_sound(tried, assumed) and is_same(tried)
        )
    for kind, names in _used(loaded.fleet, loaded.catalog, case.assumptions).items():
        _embed(tree, loaded.catalog, kind, names)
    _embed(tree, loaded.catalog, "sources", dict.fromkeys(_cited(tree)))
    found: dict[str, Any] = _plain(validated(tree, Fleet, name=""))
    return {key: dict(sorted(part.items())) if key in _BY_NAME else part for key, part in found.items()}


def _alone(fleet: Fleet) -> Fleet:
    """The fleet without scenarios, without what refers to one, and without files beside it."""
    claims = tuple(claim for claim in fleet.claims if claim.scenario is None and claim.relative_to is None)
    job = fleet.training
    training = job.model_copy(update={"calibration": None}) if job else None
    jobs = tuple(one.model_copy(update={"calibration": None}) for one in fleet.jobs)
    return fleet.model_copy(update={"scenarios": {}, "claims": claims, "training": training, "jobs": jobs})


def _plain(value: Any) -> Any:
    """A definition as the data a reader of YAML would give, without what is as if it were not written."""
    if isinstance(value, Figure):
        parts = {
            name: part
            for name in ("value", "low", "high", "source", "note")
            if (part := getattr(value, name)) is not None
        }
        return value.value if len(parts) == 1 else parts
    if isinstance(value, Definition):
        fields = type(value).model_fields
        return {
            name: _plain(part)
            for name, field in fields.items()
            if (part := getattr(value, name)) is not None and not _as_if_unwritten(part, field)
        }
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _as_if_unwritten(value: Any, field: Any) -> bool:
    return not field.is_required() and value == field.get_default(call_default_factory=True)


def _map(value: Any) -> Any:
    """Data as the reader would have it, so that keys can be set in it as ``--set`` does."""
    if isinstance(value, Mapping):
        made = yamlio.new_map("")
        for key, part in value.items():
            yamlio.put(made, key, _map(part))
        return made
    return [_map(part) for part in value] if isinstance(value, list) else value


def _used(fleet: Fleet, catalog: Catalog, rows: tuple[Assumption, ...]) -> Mapping[str, Mapping[str, None]]:
    """Names of the GPUs, models and cards behind a result, in the order they came up."""
    found: dict[str, dict[str, None]] = {"gpus": {}, "models": {}, "cards": {}}
    for pool in fleet.pools:
        found["gpus"].setdefault(catalog.gpu(pool.gpu).gpu.id)
    for row in rows:
        block, _, rest = row.path.partition(".")
        if block == "gpus":
            found["gpus"].setdefault(rest.partition(".")[0])
        elif block == "cards":
            found["cards"].setdefault(rest.rsplit(".", 2)[0])
        elif row.path.endswith((".model", ".rate_card", ".gpu")) and isinstance(row.value, str):
            block = {"model": "models", "rate_card": "cards", "gpu": "gpus"}[row.path.rpartition(".")[-1]]
            found[block].setdefault(row.value)
    return found


def _embed(tree: yamlio.Map, catalog: Catalog, kind: str, names: Mapping[str, None]) -> None:
    """Entries of the catalog put into the file, each in the place of the one that ships."""
    block = tree.get(kind, yamlio.new_map(""))
    for name in names:
        if name in block:
            continue
        entry = _entry(catalog, kind, name)
        if entry is not None:
            data = {key: part for key, part in _plain(entry).items() if key != _NAMED_BY_KEY[kind]}
            yamlio.put(block, name, _map({**data, "replace": True}))
        elif kind == "sources":
            yamlio.put(block, name, _map({"title": name}))  # of a calibration file
    if block:
        yamlio.put(tree, kind, block)


def _entry(catalog: Catalog, kind: str, name: str) -> Definition | None:
    if kind == "cards":
        return catalog.card(name) if name in catalog.card_names() else None
    entries: Mapping[str, Definition] = getattr(catalog, kind)
    return entries.get(name)


def _written_out(bare: Fleet, case: Case, catalog: Catalog, is_kept: Callable[[yamlio.Map, bool], bool]) -> yamlio.Map:
    """A raw fleet with what was assumed, put where it belongs in the file or among its assumptions.

    A file may not say everything that is assumed, such as no prepayment by share and by amount both: what it refuses
    is left to be assumed again, and so is what makes another case of it.
    """
    tree: yamlio.Map = _map(_plain(bare))
    own = {kind: tree.get(kind, {}) for kind in ("gpus", "cards")}
    for row in filter(_is_written, case.assumptions):
        assumed = is_assumption(row.path, catalog, own)
        if not assumed and unknown_part(row.path, {}) is not None:
            continue  # a word that has no key
        for value in (_figure(row), row.value):
            tried = deepcopy(tree)
            put_key(tried, row.path, _map(value), None, catalog)
            if is_kept(tried, assumed):
                tree = tried
                break
    return tree


def _is_written(row: Assumption) -> bool:
    """Not what the file has, nor what is computed, nor numbers of entries that stand in the file as a whole."""
    if row.origin == "derived":
        return (row.note or "").startswith(BY_SEARCH)
    is_entry = row.path.startswith(("gpus.", "cards.")) and row.origin == "catalog"
    # How far layouts are searched is not asked for once the layout is written.
    return row.origin != "given" and row.value is not None and not is_entry and not row.path.startswith("search.")


def _figure(row: Assumption) -> Any:
    if isinstance(row.value, str):
        return _FLAGS.get(row.value, row.value)
    return (
        row.value if isinstance(row.value, bool) else _plain(Figure(row.value, row.low, row.high, row.source, row.note))
    )


def _cited(node: Any) -> Iterator[str]:
    """Every source that a value cites; several stand in one text with commas between."""
    if isinstance(node, list):
        for part in node:
            yield from _cited(part)
    elif isinstance(node, Mapping):
        for key, part in node.items():
            if key == "source" and isinstance(part, str):
                yield from (name for name in re.split(r"\s*,\s*", part) if name)
            else:
                yield from _cited(part)
