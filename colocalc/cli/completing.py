"""What a shell may complete: commands, options, and the names that go with them.

The answer is made from the names of files and the first column of the catalog's, so that it comes as fast as help:
typer's own answer reads values as a run of the command would, and takes twice the time.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from inspect import getdoc
from pathlib import Path
from typing import Any, NamedTuple

import typer
from typer.models import CommandInfo

from colocalc.places import catalog_dir, fleet_names, fleets_dir, stems

KINDS = ("gpus", "models", "cards", "networks", "defaults", "sources", "fleets", "metrics")
_HEAD = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*):", re.MULTILINE)
_NAMED = re.compile(r"\bname: *([A-Za-z0-9][A-Za-z0-9_-]*)")
_GPU = re.compile(r"\bgpu: *([A-Za-z0-9][A-Za-z0-9_-]*)")
_INNER = re.compile(r"^  ([A-Za-z0-9][A-Za-z0-9._-]*):", re.MULTILINE)


class Item(NamedTuple):
    """Something that may stand where the cursor is, and what it means."""

    value: str
    help: str = ""


ROOT_OPTIONS = (
    Item("--version", "Show the version."),
    Item("--install-completion", "Install completion for the current shell."),
    Item("--show-completion", "Show completion for the current shell, to copy it or customize the installation."),
    Item("--help", "Show this message and exit."),
)


class _Asked(NamedTuple):
    """A command line so far: the parameters of its command by name, and the words of those that have one."""

    command: str
    words: tuple[str, ...]


def answer(commands: Mapping[str, CommandInfo], shell: str) -> tuple[str, int]:
    """What to print for a shell, in the form that typer's script for it reads, and the code to leave with.

    Parameters
    ----------
    commands : mapping of str to CommandInfo
        The commands by name; the one that is being typed is built, and no other.
    shell : str
        ``bash``, ``zsh`` or ``fish``.
    """
    words, started = _line(shell)
    # Options are offered once a dash is typed: else they would stand before the files that a shell completes.
    found = [
        item for item in items(commands, words) if item.value.startswith(started) and (started or item.value[0] != "-")
    ]
    if shell == "fish" and os.environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return "", 0 if found else 1
    if shell == "zsh":
        shown = "\n".join(f'"{_escaped(item.value)}":"{_escaped(item.help or item.value)}"' for item in found)
        return f"_arguments '*: :(({shown}))'" if found else "_files", 0
    if shell == "fish":
        return "\n".join(f"{item.value}\t{item.help}" if item.help else item.value for item in found), 0
    return "\n".join(item.value for item in found), 0


def items(commands: Mapping[str, CommandInfo], words: Iterable[str]) -> list[Item]:
    """Everything that may follow some words of a command line, the program's name left out."""
    before = list(words)
    name = next((word for word in before if not word.startswith("-")), None)
    if name is None:
        return [*(Item(key, _first_line(getdoc(one.callback))) for key, one in commands.items()), *ROOT_OPTIONS]
    if name not in commands:
        return []
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    alone.registered_commands = [commands[name]]
    after = tuple(before[before.index(name) + 1 :])
    return list(_of_command(typer.main.get_command(alone), _Asked(name, after)))


def _of_command(command: Any, asked: _Asked) -> Iterator[Item]:
    takes = {opt: param for param in command.params for opt in param.opts if _has_value(param)}
    if asked.words and asked.words[-1] in takes:
        yield from _values(takes[asked.words[-1]].name, asked)
        return
    places = [param for param in command.params if param.param_type_name == "argument"]
    given = _positional(asked.words, takes)
    if places and (len(given) < len(places) or places[-1].nargs == -1):
        yield from _values(
            places[min(len(given), len(places) - 1)].name, asked._replace(words=tuple(given) or asked.words)
        )
    yield from _options(command.params)
    yield Item("--help", "Show this message and exit.")


def _has_value(param: Any) -> bool:
    return param.param_type_name == "option" and not param.is_flag


def _positional(words: Iterable[str], takes: Iterable[str]) -> list[str]:
    """Words that are neither options nor values of one."""
    found, skip = [], False
    for word in words:
        if not skip and not word.startswith("-"):
            found.append(word)
        skip = not skip and word in takes
    return found


def _options(params: Iterable[Any]) -> Iterator[Item]:
    for param in params:
        if param.param_type_name == "option" and not param.hidden:
            yield Item(max(param.opts, key=len), _first_line(param.help))


def _values(name: str, asked: _Asked) -> Iterable[Item]:
    provide = _PROVIDERS.get((asked.command, name)) or _PROVIDERS.get(("", name))
    return provide(asked) if provide else ()


def _plain(names: Callable[[], Iterable[str]]) -> Callable[[_Asked], Iterable[Item]]:
    return lambda _: map(Item, names())


def _heads(file: str) -> list[str]:
    """The first column of a catalog file: the names of its entries."""
    return _HEAD.findall((catalog_dir() / f"{file}.yaml").read_text(encoding="utf-8"))


def _cards() -> tuple[str, ...]:
    return stems(catalog_dir() / "cards")


def _metrics(_: _Asked) -> Iterator[Item]:
    from colocalc.metrics import METRICS

    return (Item(one.id, one.meaning) for one in METRICS.values())


def _explained(asked: _Asked) -> Iterator[Item]:
    from colocalc.metrics import STAGES

    yield from (Item(name, meaning) for name, meaning in STAGES.items())
    yield from _metrics(asked)


def _formats() -> tuple[str, ...]:
    from colocalc.emit import FORMATS

    return FORMATS


def _colors() -> tuple[str, ...]:
    from colocalc.emit import COLORS

    return COLORS


def _entries(asked: _Asked) -> Iterable[Item]:
    """Names of the catalog of the kind that was given."""
    kind = asked.words[0] if asked.words else ""
    if kind == "metrics":
        return _metrics(asked)
    names = {"cards": _cards, "fleets": fleet_names}.get(kind)
    return map(Item, names() if names else _heads(kind) if kind in KINDS else ())


def _scenarios(asked: _Asked) -> Iterator[Item]:
    return map(Item, _INNER.findall(_block(_fleet_text(asked), "scenarios")))


def _keys(asked: _Asked) -> Iterator[Item]:
    """Keys of a fleet file by its schema, with the pools and sites of the fleet that is named, and assumptions."""
    import json

    text = _fleet_text(asked)
    schema = json.loads((fleets_dir() / "fleet.schema.json").read_text(encoding="utf-8"))
    names = {block: _names(_block(text, block)) for block in ("pools", "contracts", "jobs")}
    names["sites"] = _INNER.findall(_block(text, "sites"))
    yield from map(Item, _walk(schema, schema["definitions"], "", names))
    yield from (Item(key) for key in _heads("defaults") if key.startswith(_ASSUMED))


_ASSUMED = ("mfu.", "predict.", "software.", "schedule.")  # blocks that no file has: they are set by their path
_NO_KEYS = frozenset({"gpus", "models", "cards", "sources", "scenarios", "claims", "expect", "extends", "assumptions"})


def _walk(node: Any, definitions: Any, path: str, names: dict[str, list[str]]) -> Iterator[str]:
    """Dotted keys below a part of a schema; a figure is a key, and its band is none."""
    node = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    parts = node.get("properties", {})
    below = [(f"{path}{key}", part) for key, part in parts.items() if not (path == "" and key in _NO_KEYS)]
    entry = node.get("items") or next(iter(node.get("patternProperties", {}).values()), None)
    if entry is not None:
        below = [(f"{path}{name}", entry) for name in names.get(path.rstrip("."), ())]
    for key, part in below:
        inner = list(_walk(part, definitions, f"{key}.", names))
        yield from inner or [key]
        for one in part.get("oneOf", ()):  # a word or a block
            yield from _walk(one, definitions, f"{key}.", names) if "$ref" in one else ()


def _fleet_text(asked: _Asked) -> str:
    """The file of the fleet that stands on the line, a sample or one's own; nothing where there is none."""
    for word in asked.words:
        place = fleets_dir() / f"{word}.yaml" if word in fleet_names() else Path(word)
        if place.suffix in {".yaml", ".yml"} and place.is_file():
            with suppress(OSError):  # the command itself will say so
                return place.read_text(encoding="utf-8", errors="replace")
    return ""


def _block(text: str, name: str) -> str:
    """The lines below a key in the first column."""
    found = re.search(rf"^{name}:.*\n((?:[ \-#].*\n|\n)*)", f"{text}\n", re.MULTILINE)
    return found[0] if found else ""


def _names(block: str) -> list[str]:
    """Names of the entries of a list, or of their GPUs."""
    entries = re.split(r"^ *- ", block, flags=re.MULTILINE)[1:]
    found = (_NAMED.search(entry) or _GPU.search(entry) for entry in entries)
    return [match[1] for match in found if match]


_PROVIDERS: dict[tuple[str, str], Callable[[_Asked], Iterable[Item]]] = {
    ("", "fleet"): _plain(fleet_names),
    ("", "fleets"): _plain(fleet_names),
    ("", "sample"): _plain(fleet_names),
    ("", "rate_card"): _plain(_cards),
    ("", "metric"): _metrics,
    ("explain", "metric"): _explained,
    ("", "expect"): _metrics,
    ("", "until"): _metrics,
    ("", "sets"): _keys,
    ("", "over"): _keys,
    ("", "key"): _keys,
    ("", "scenario"): _scenarios,
    ("", "fmt"): _plain(_formats),
    ("", "color"): _plain(_colors),
    ("", "csv_shape"): _plain(lambda: ("focus",)),
    ("", "engine"): _plain(lambda: ("serial", "threads", "processes", "dask")),
    ("catalog", "kind"): _plain(lambda: KINDS),
    ("catalog", "name"): _entries,
    ("schema", "kind"): _plain(lambda: ("fleet", "report")),
}


def _line(shell: str) -> tuple[list[str], str]:
    """The words before the cursor without the program's name, and what stands of the word at it."""
    text = os.environ.get("COMP_WORDS" if shell == "bash" else "_TYPER_COMPLETE_ARGS", "")
    words = _split(text)
    if shell == "bash":
        at = os.environ.get("COMP_CWORD", "")
        place = int(at) if at.isascii() and at.isdigit() and len(at) < 6 else len(words)
        return words[1:place], words[place] if place < len(words) else ""
    if len(words) > 1 and not text.endswith(" "):
        return words[1:-1], words[-1]
    return words[1:], ""


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is still open
        return text.split()


def _first_line(text: str | None) -> str:
    line = " ".join((text or "").split("\n\n", 1)[0].split())
    return line if len(line) <= _LONGEST_HELP else f"{line[: _LONGEST_HELP - 3]}..."


_LONGEST_HELP = 72


def _escaped(text: str) -> str:
    """Text inside the double quotes of zsh's list of alternatives."""
    for mark, instead in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", r"\\:")):
        text = text.replace(mark, instead)
    return text
