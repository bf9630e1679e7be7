"""A fleet file read, merged, checked against the catalog, and every fault of it told at once with its line.

What happens here: ``extends``, ``--set``, ``scenarios``, the translation of validation errors into sentences, and the
checks that need more than one part of the file or the catalog.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colocalc import yamlio
from colocalc.additions import with_additions
from colocalc.catalog import Catalog, fleet_names, fleets_dir
from colocalc.errors import EXIT_IO, ColocalcError, Fault, InputError, did_you_mean, quoted
from colocalc.faults import faults_of
from colocalc.fleet import Fleet
from colocalc.references import reference_faults

_EXTENDS_DEPTH = 8


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
    """

    fleet: Fleet
    catalog: Catalog
    scenario: str | None


def load_fleet(
    place: str, *, catalog: Catalog, sets: Sequence[str] = (), scenario: str | None = None, stdin: bytes | None = None
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

    Returns
    -------
    LoadedFleet

    Raises
    ------
    InputError
        With every fault found, each with file, line and column.
    """
    tree = _tree(place, stdin)
    if scenario is not None:
        _apply_scenario(tree, scenario, _name(place))
    for number, text in enumerate(sets):
        _apply_set(tree, text, number)
    fleet: Fleet = validated(tree, Fleet, name=_name(place))
    catalog = with_additions(catalog, fleet)
    faults = reference_faults(fleet, catalog, tree)
    if faults:
        raise InputError(faults)
    return LoadedFleet(fleet=fleet, catalog=catalog, scenario=scenario)


def validated(tree: Any, kind: type[Any], *, name: str) -> Any:
    """A tree validated as a definition, its errors told as faults with their lines."""
    from pydantic import ValidationError

    if not isinstance(tree, dict):
        raise InputError([Fault(f"should be a mapping, not {_kind_of(tree)}", name, 1, 1)])
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise InputError(faults_of(error, tree, kind, name)) from None


def scenario_names(tree: Any) -> list[str]:
    """The names of the scenarios a raw tree holds; empty when it holds none that can be read."""
    scenarios = tree.get("scenarios") if isinstance(tree, dict) else None
    return list(scenarios) if isinstance(scenarios, dict) else []


def _kind_of(value: Any) -> str:
    return (
        {list: "a list", type(None): "empty"}.get(type(value), quoted(value))
        if not isinstance(value, list)
        else "a list"
    )


def _name(place: str) -> str:
    return "<stdin>" if place == "-" else place


def _tree(place: str, stdin: bytes | None) -> Any:
    if place == "-":
        return _no_extends(yamlio.read(stdin or b"", name="<stdin>"))
    path = find_fleet(place)
    tree = yamlio.read_file(path)
    return _extended(tree, path, (path.resolve(),))


def find_fleet(place: str) -> Path:
    """The file a user means: an existing path, else the bundled sample of that name.

    Raises
    ------
    ColocalcError
        When neither exists, with the samples and the nearest of them.
    """
    path = Path(place)
    if path.exists() or path.is_symlink():
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
        raise InputError([_fault_at(tree, ("extends",), "a fleet on standard input has no folder to extend from")])
    return tree


def _extended(tree: Any, path: Path, seen: tuple[Path, ...]) -> Any:
    if not isinstance(tree, dict) or "extends" not in tree:
        return tree
    base_path = _base_path(tree, path, seen)
    base = _extended(yamlio.read_file(base_path), base_path, (*seen, base_path.resolve()))
    if not isinstance(base, dict):
        raise InputError([_fault_at(tree, ("extends",), f"{quoted(str(tree['extends']))} holds no mapping")])
    own = yamlio.merged(base, tree)
    del own["extends"]
    return own


def _base_path(tree: Any, path: Path, seen: tuple[Path, ...]) -> Path:
    wanted = tree["extends"]

    def refuse(why: str) -> InputError:
        return InputError([_fault_at(tree, ("extends",), why)])

    if not isinstance(wanted, str) or not wanted:
        raise refuse("should be the path of a fleet file in this folder")
    folder = seen[0].parent
    base = path.parent / wanted
    if "://" in wanted or Path(wanted).is_absolute() or not base.resolve().is_relative_to(folder):
        raise refuse(f"{quoted(wanted)} is not below the fleet's own folder")
    if base.resolve() in seen:
        raise refuse(f"{quoted(wanted)} extends itself")
    if len(seen) > _EXTENDS_DEPTH:
        raise refuse(f"more than {_EXTENDS_DEPTH} files extend each other")
    if not base.is_file():
        raise refuse(f"no file {quoted(wanted)} in the fleet's folder")
    return base


def _fault_at(
    tree: Any, path: Sequence[str | int], message: str, hint: str | None = None, *, key: bool = False
) -> Fault:
    place = yamlio.locate(tree, path, key=key)
    file, mark = place if place else (getattr(tree, "file", ""), None)
    return Fault(
        message, file, mark.line if mark else None, mark.column if mark else None, ".".join(map(str, path)), hint
    )


def _apply_scenario(tree: Any, scenario: str, name: str) -> None:
    scenarios = tree.get("scenarios") if isinstance(tree, dict) else None
    entry = scenarios.get(scenario) if isinstance(scenarios, dict) else None
    if entry is None:
        names = scenario_names(tree)
        known = f"it has {', '.join(names)}" if names else "it has none"
        raise ColocalcError(
            f"no scenario {quoted(scenario)} in this fleet; {known}", where=name, hint=did_you_mean(scenario, names)
        )
    changes = entry.get("set") if isinstance(entry, dict) else None
    if not isinstance(changes, dict):
        return  # validation of the whole file says what is wrong with it
    faults = []
    for key, value in changes.items():
        path = ("scenarios", scenario, "set", key)
        mark = yamlio.locate(tree, path)
        problem = put(tree, str(key), value, mark=mark)
        if problem:
            faults.append(_fault_at(tree, path, problem, key=True))
    if faults:
        raise InputError(faults)


def _apply_set(tree: Any, text: str, number: int) -> None:
    key, equals, value = text.partition("=")
    name = f"--set {text}"
    if not equals or not key.strip():
        raise InputError([Fault("should be KEY=VALUE", name)])
    parsed = yamlio.read_scalar(value, name=name)
    del number
    problem = put(tree, key.strip(), parsed, mark=(name, yamlio.Mark(1, len(key) + 2)))
    if problem:
        raise InputError([Fault(problem, name)])


def put(tree: Any, key: str, value: Any, *, mark: tuple[str, yamlio.Mark] | None) -> str | None:
    """Sets a dotted key in a raw tree, creating blocks on the way; pools are found by name or number.

    Returns
    -------
    str or None
        What is wrong, when the key leads nowhere.
    """
    if not isinstance(tree, dict):
        return "the file holds no mapping"
    node: Any = tree
    parts = key.split(".")
    for depth, part in enumerate(parts[:-1]):
        if isinstance(node, list):
            index = _index(node, part)
            if index is None:
                return f"nothing named {quoted(part)} in {'.'.join(parts[:depth])}{_choices(node, part)}"
            node = node[index]
        elif isinstance(node, dict):
            if not isinstance(node.get(part), dict | list):
                # A bare figure such as `count: 3` gives way to a block when a part of it is set.
                old = node.get(part)
                inner = yamlio.new_map(mark[0] if mark else "")
                if isinstance(old, int | float) and not isinstance(old, bool):
                    yamlio.put(inner, "value", old)
                _store(node, part, inner, mark)
            node = node[part]
        else:
            return f"{'.'.join(parts[: depth + 1])} has no parts"
    if isinstance(node, list):
        index = _index(node, parts[-1])
        if index is None:
            return f"nothing named {quoted(parts[-1])} in {'.'.join(parts[:-1])}{_choices(node, parts[-1])}"
        node[index] = value
        return None
    _store(node, parts[-1], value, mark)
    return None


def _store(node: Any, key: str, value: Any, mark: tuple[str, yamlio.Mark] | None) -> None:
    if mark:
        yamlio.put(node, key, value, mark=mark[1], file=mark[0])
    else:
        yamlio.put(node, key, value)


def _labels(items: Iterable[Any]) -> Iterator[str]:
    for item in items:
        yield str(item.get("name") or item.get("gpu") or "") if isinstance(item, dict) else ""


def _index(items: list[Any], part: str) -> int | None:
    labels = list(_labels(items))
    if part in labels:
        return labels.index(part)
    return int(part) if part.isascii() and part.isdigit() and int(part[:9]) < len(items) else None


def _choices(items: list[Any], part: str) -> str:
    labels = [label for label in _labels(items) if label]
    hint = did_you_mean(part, labels)
    return f"; {hint}" if hint else f" (it has {', '.join(labels[:8])})" if labels else ""
