"""A fleet file read, merged, checked against the catalog, and every fault of it told at once with its line.

What happens here: ``extends``, ``--set``, ``scenarios``, the translation of validation errors into sentences, and the
checks that need more than one part of the file or the catalog.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colocalc import yamlio
from colocalc.additions import clashes, with_additions
from colocalc.calibration import Calibration
from colocalc.card import RateCard
from colocalc.catalog import Catalog, fleet_names, fleets_dir, read_calibration
from colocalc.editing import Place, give_way, put
from colocalc.errors import EXIT_IO, ColocalcError, Fault, InputError, did_you_mean, printable, quoted
from colocalc.faults import fault_at, faults_of, in_order, shown
from colocalc.fleet import Fleet
from colocalc.keys import is_assumption
from colocalc.prices import price_file
from colocalc.prices.leases import with_price_cards
from colocalc.reading import is_file, lies_below, real, without_collecting
from colocalc.references import reference_faults

_EXTENDS_DEPTH = 8
_OPTION_WIDTH = 80


@dataclass(frozen=True)
class LoadedFleet:
    """A fleet with where it came from.

    Attributes
    ----------
    fleet : Fleet
        The validated definition, after ``extends``, scenario and overrides.
    catalog : Catalog
        What ships, with the fleet's own GPUs, models, cards and sources.
    scenario : str or None
        The scenario applied.
    notes : tuple of str
        What was filled in that the file does not say.
    """

    fleet: Fleet
    catalog: Catalog
    scenario: str | None
    notes: tuple[str, ...] = ()


@without_collecting()
def load_fleet(
    place: str,
    *,
    catalog: Catalog,
    sets: Sequence[str] = (),
    scenario: str | None = None,
    stdin: bytes | None = None,
    rate_card: str | None = None,
    default_lease: bool = False,
) -> LoadedFleet:
    """The fleet at a path, on standard input (``-``) or bundled under a name.

    Parameters
    ----------
    place : str
        A path, ``-``, or the name of a bundled sample.
    catalog : Catalog
        What ships: GPU types, models, cards and sources.
    sets : sequence of str
        Overrides ``KEY=VALUE``, applied after the scenario.
    scenario : str, optional
        The name of a scenario in the file.
    stdin : bytes, optional
        What standard input holds, when ``place`` is ``-``.
    rate_card : str, optional
        A card's name or file, or a file of prices such as ``skypilot:FILE``, that takes the place of the lease's price;
        empty for the fleet's own card.
    default_lease : bool, optional
        Whether a fleet without a lease gets one at the default card.

    Returns
    -------
    LoadedFleet

    Raises
    ------
    InputError
        With every fault found, each with file, line and column.
    ColocalcError
        When the file, the scenario or the card cannot be found.
    """
    tree = _tree(place, stdin)
    options = [_option(text) for text in sets]
    try:
        if scenario is not None:
            _apply_scenario(tree, scenario, _name(place), catalog)
        for text, option in zip(sets, options, strict=True):
            _apply_set(tree, text, option, catalog)
        notes = _with_lease(tree, rate_card, catalog, default_lease=default_lease)
        path = None if place == "-" else find_fleet(place)
        notes += with_price_cards(tree, path.parent if path else None, catalog, asked=rate_card or None)
        fleet: Fleet = validated(tree, Fleet, name=_name(place))
        extended = with_additions(catalog, fleet, _calibrations(fleet, tree, path))
        _check_references(fleet, catalog, extended, tree)
    except InputError as error:
        raise InputError(_unplaced(fault, options) for fault in error.faults) from None
    return LoadedFleet(fleet=fleet, catalog=extended, scenario=scenario, notes=notes)


def _check_references(fleet: Fleet, catalog: Catalog, extended: Catalog, tree: Any) -> None:
    own = [fault_at(tree, path, message, key=True) for path, message in clashes(catalog, fleet)]
    if faults := own + reference_faults(fleet, extended, tree):
        raise InputError(in_order(faults))


def _calibrations(fleet: Fleet, tree: Any, path: Path | None) -> dict[str, Calibration]:
    """The calibration files that the jobs of a fleet name, each below the fleet's own folder."""
    named = [(("training", "calibration"), fleet.training)] if fleet.training else []
    named += [(("jobs", place, "calibration"), job) for place, job in enumerate(fleet.jobs)]  # type: ignore[misc]
    found, faults = {}, []
    for key, job in named:
        wanted = job.calibration
        if wanted is None:
            continue
        file = None if path is None else path.parent / wanted
        if file is None:
            faults.append(fault_at(tree, key, "a fleet on standard input has no folder to read a file from"))
        elif not _is_below(wanted, file, path.parent):  # type: ignore[union-attr]
            faults.append(fault_at(tree, key, f"{quoted(wanted)} is not below the fleet's own folder"))
        elif not is_file(file):
            faults.append(fault_at(tree, key, f"no file {quoted(wanted)} in the fleet's folder"))
        else:
            found[wanted] = read_calibration(file)
    if faults:
        raise InputError(faults)
    return found


def _unplaced(fault: Fault, options: Sequence[str]) -> Fault:
    """A fault without line and column where it stands in an option, which has neither."""
    return replace(fault, line=None, column=None) if fault.file in options else fault


def _with_lease(tree: Any, rate_card: str | None, catalog: Catalog, *, default_lease: bool) -> tuple[str, ...]:
    """Puts the card asked for, or a default lease, into a raw tree; says what it did."""
    if not isinstance(tree, yamlio.Map):
        return ()
    notes: tuple[str, ...] = ()
    if tree.get("lease") is None and not tree.get("contracts") and (default_lease or rate_card is not None):
        notes = _lease_by_default(tree, rate_card, catalog)
    if rate_card:
        if tree.get("contracts"):
            raise ColocalcError("the fleet has contracts, each with its own price", where="--rate-card")
        if isinstance(tree["lease"], yamlio.Map):
            for key in ("rate_usd_per_gpu_h", "fee_usd_per_month"):
                tree["lease"].pop(key, None)
            yamlio.put(tree["lease"], "rate_card", _card_named(tree, rate_card, catalog))
    return notes


def _lease_by_default(tree: yamlio.Map, rate_card: str | None, catalog: Catalog) -> tuple[str, ...]:
    """Gives a fleet a lease at the default card, unless nobody asked for a card and it does not price the fleet."""
    card = str(catalog.default("lease.rate_card").value)
    if rate_card is None and (missing := _not_priced(tree, catalog, card)):
        return (f"the fleet has no lease, and the default card {card} has no price for {', '.join(missing)}",)
    yamlio.put(tree, "lease", yamlio.new_map(""))
    return () if rate_card else (f"the fleet has no lease: card {card} at on-demand terms is used",)


def _not_priced(tree: yamlio.Map, catalog: Catalog, card: str) -> list[str]:
    """The GPUs of a raw fleet that a bundled card has no price for."""
    pools = tree.get("pools")
    gpus = [pool.get("gpu") for pool in pools if isinstance(pool, dict)] if isinstance(pools, list) else []
    known = catalog.card(card)
    priced = {rate.gpu for rate in known.rates} | {surface.gpu for surface in known.surfaces}
    named = {catalog.resolve_gpu(gpu) or gpu for gpu in gpus if isinstance(gpu, str)}
    return sorted(printable(gpu, _OPTION_WIDTH) for gpu in named - priced)


def _card_named(tree: Any, rate_card: str, catalog: Catalog) -> str:
    """The name of a card: one that ships or stands in the file, else a card's file, which is read into the tree."""
    cards = tree["cards"] if isinstance(tree.get("cards"), yamlio.Map) else yamlio.new_map("")
    if rate_card in catalog.card_names() or rate_card in cards or price_file(rate_card) is not None:
        return rate_card  # a file of prices is read with those that leases name
    path = Path(rate_card)
    if rate_card in fleet_names() or (path.suffix in _YAML and is_file(path) and _is_fleet(path)):
        hint = f"put it before the option: colocalc lease {rate_card} --rate-card"
        raise ColocalcError(f"{quoted(rate_card)} is a fleet, not a card", where="--rate-card", hint=hint)
    if path.suffix not in _YAML and not os.path.lexists(path):
        names = [printable(name) for name in (*cards, *catalog.card_names())]
        raise ColocalcError(
            f"no card {quoted(rate_card)}; there are {', '.join(names)}",
            where="--rate-card",
            hint=did_you_mean(rate_card, names),
        )
    card = yamlio.read_file(path)
    validated(card, RateCard, name=rate_card)  # here, for its own file and lines in the messages
    yamlio.put(cards, rate_card, card)
    if tree.get("cards") is None:
        yamlio.put(tree, "cards", cards)
    return rate_card


_YAML = {".yaml", ".yml"}


def _is_fleet(path: Path) -> bool:
    tree = yamlio.read_file(path)
    return isinstance(tree, dict) and "pools" in tree


def validated(tree: Any, kind: type[Any], *, name: str) -> Any:
    """A tree validated as a definition, its errors told as faults with their lines."""
    from pydantic import ValidationError

    if not isinstance(tree, dict):
        raise InputError([Fault(f"should be a mapping, not {shown(tree)}", name, 1, 1)])
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise InputError(faults_of(error, tree, kind, name)) from None


def _name(place: str) -> str:
    return "<stdin>" if place == "-" else place


def _tree(place: str, stdin: bytes | None) -> Any:
    if place == "-":
        return _no_extends(yamlio.read(stdin or b"", name="<stdin>"))
    path = find_fleet(place)
    tree = yamlio.read_file(path)
    return _extended(tree, path, (real(path),))


def find_fleet(place: str) -> Path:
    """The file a user means: an existing path, else the bundled sample of that name.

    Raises
    ------
    ColocalcError
        When neither exists, with the samples and the nearest of them.
    """
    path = Path(place)
    if place and os.path.lexists(path):  # no name is that of a folder; Path.exists raises where a name is too long
        return path
    names = fleet_names()
    if place in names:
        return fleets_dir() / f"{place}.yaml"
    raise ColocalcError(
        f"no such file, and no bundled sample of that name ({', '.join(names)})",
        where=place,
        hint=did_you_mean(path.stem, names),
        exit_code=EXIT_IO,
    )


def _no_extends(tree: Any) -> Any:
    if isinstance(tree, dict) and "extends" in tree:
        raise InputError([fault_at(tree, ("extends",), "a fleet on standard input has no folder to extend from")])
    return tree


def _extended(tree: Any, path: Path, seen: tuple[Path, ...]) -> Any:
    if not isinstance(tree, yamlio.Map) or "extends" not in tree:
        return tree
    base_path = _base_path(tree, path, seen)
    base = _extended(yamlio.read_file(base_path), base_path, (*seen, real(base_path)))
    if not isinstance(base, yamlio.Map):
        raise InputError([fault_at(tree, ("extends",), f"{quoted(str(tree['extends']))} holds no mapping")])
    own = yamlio.merged(base, tree)
    give_way(own, tree)
    own.file = tree.file  # what is wrong with the whole is told about the file that was asked for
    del own["extends"]
    return own


def _base_path(tree: Any, path: Path, seen: tuple[Path, ...]) -> Path:
    wanted = tree["extends"]

    def refuse(why: str) -> InputError:
        return InputError([fault_at(tree, ("extends",), why)])

    if not isinstance(wanted, str) or not wanted:
        raise refuse("should be the path of a fleet file in this folder")
    folder = seen[0].parent
    base = path.parent / wanted
    if not _is_below(wanted, base, folder):
        raise refuse(f"{quoted(wanted)} is not below the fleet's own folder")
    if real(base) in seen:
        raise refuse(f"{quoted(wanted)} extends itself")
    if len(seen) > _EXTENDS_DEPTH:
        raise refuse(f"more than {_EXTENDS_DEPTH} files extend each other")
    if not is_file(base):
        raise refuse(f"no file {quoted(wanted)} in the fleet's folder")
    return base


def _is_below(wanted: str, file: Path, folder: Path) -> bool:
    """Whether a file that a fleet names lies below its folder, and is named from there."""
    return "://" not in wanted and not Path(wanted).is_absolute() and lies_below(file, folder)


def _apply_scenario(tree: Any, scenario: str, name: str, catalog: Catalog) -> None:
    scenarios = (tree.get("scenarios") if isinstance(tree, dict) else None) or {}
    if not isinstance(scenarios, dict):
        return  # validation of the whole file says what is wrong with it
    if scenario not in scenarios:
        names = [printable(known) for known in scenarios]
        has = f"it has {', '.join(names)}" if names else "it has none"
        raise ColocalcError(
            f"no scenario {quoted(scenario)} in this fleet; {has}", where=name, hint=did_you_mean(scenario, names)
        )
    changes = scenarios[scenario].get("set") if isinstance(scenarios[scenario], dict) else None
    faults = []
    for key, value in changes.items() if isinstance(changes, dict) else ():
        path = ("scenarios", scenario, "set", key)
        problem = put_key(tree, key, value, yamlio.locate(tree, path), catalog)
        if problem:
            faults.append(fault_at(tree, path, problem, key=True))
    if faults:
        raise InputError(faults)


def _option(text: str) -> str:
    """What messages call an override: the option as it was typed, cut where it is long."""
    return printable(f"--set {text}", _OPTION_WIDTH)


def _apply_set(tree: Any, text: str, option: str, catalog: Catalog) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError([Fault("should be KEY=VALUE", option)])
    parsed = yamlio.read_scalar(value, name=option)
    problem = put_key(tree, key.strip(), parsed, (option, yamlio.Mark(1, 1)), catalog)
    if problem:
        raise InputError([Fault(problem, option)])


def put_key(tree: Any, key: str, value: Any, mark: Place, catalog: Catalog) -> str | None:
    """Sets a key of the file, or replaces an assumption; what is wrong, where the key leads nowhere."""
    key = key.removeprefix("assumptions.")  # an assumption is known by its path alone
    blocks = tree if isinstance(tree, dict) else {}
    own = {name: block for name in ("gpus", "cards") if isinstance(block := blocks.get(name), dict)}
    if not isinstance(tree, yamlio.Map) or not is_assumption(key, catalog, own):
        if key.startswith("sites.site.") and "site" in blocks and "sites" not in blocks:
            key = key.removeprefix("sites.")  # reports list the numbers of the shorthand under a site of that name
        return put(tree, key, value, mark=mark, resolve=catalog.resolve_gpu)
    file, place = mark or ("", yamlio.Mark(1, 1))
    if blocks.get("assumptions") is not None and not isinstance(blocks["assumptions"], yamlio.Map):
        return "assumptions has no parts"
    if blocks.get("assumptions") is None:
        yamlio.put(tree, "assumptions", yamlio.new_map(file), mark=place, file=file)
    yamlio.put(tree["assumptions"], key, value, mark=place, file=file)
    return None
