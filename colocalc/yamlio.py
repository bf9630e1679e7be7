"""The one YAML reader: hard limits, YAML 1.2 scalars, and the place of every key and value.

It composes libyaml's events itself. PyYAML's own composer overflows the stack on deep nesting, multiplies aliases
without end, lets a duplicate key win silently, and reads ``no`` as false and ``1e9`` as text.
"""

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from yaml import MappingEndEvent, ScalarEvent, SequenceEndEvent

from colocalc.errors import Fault, InputError, printable, quoted
from colocalc.reading import read_bytes, without_collecting
from colocalc.surrogates import joined

MAX_BYTES: Final = 10 * 2**20
MAX_DEPTH: Final = 64
MAX_NODES: Final = 2_000_000
MAX_CHARACTERS: Final = 10_000
MAX_INTEGER_CHARACTERS: Final = 40
MAX_ALIASES: Final = 100
MAX_FAULTS: Final = 1_000
_MAX_DIRECTIVES = 16  # libyaml compares each with all before it

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_KINDS = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),), "str": (str,)}
_TAGS = {"!": (str,), **{_CORE + tag: kinds for tag, kinds in _KINDS.items()}}
_OPEN = object()  # what an anchor stands for inside its own value

_DIGITS, _WHOLE = r"[0-9]+(?:_[0-9]+)*", r"(?:0|[1-9][0-9]*(?:_[0-9]+)*)"
_INTEGER = re.compile(rf"[-+]?{_WHOLE}")
_FLOAT = re.compile(rf"[-+]?(?:{_WHOLE}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}

# What libyaml refuses, and what it takes for a line break or drops where an editor shows neither.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_DIRECTIVE = "lines that begin with % are not read"
_QUOTE_IT = "put it in quotes"
# A part of how libyaml words the problem, the sentence a user reads, and the hint; the first that fits is taken.
_PROBLEMS: tuple[tuple[str, str, str | None], ...] = (
    ("tab character", "a tab is not allowed here", "indent with spaces"),
    ("maximum nesting depth", f"nested deeper than {MAX_DEPTH} levels", None),  # libyaml looks ahead of the composer
    ("cannot start any token", "text may not start with this character", _QUOTE_IT),
    ("values are not allowed", '":" is not allowed here', 'put text with ": " in quotes, or mend the indentation'),
    ("sequence entries", 'a list item ("- ") is not allowed here', "check the indentation"),
    ("expected ':'", 'a key without ":"', "check the indentation and the quotes"),
    ("found unexpected", "the quote that starts here is never closed", None),
    ("node content", "a value is expected here", None),
    ("alphabetic or numeric", '"*" or "&" without a name behind it', _QUOTE_IT),
    ("Unicode character escape", "an escape of no character", "write the character itself"),
    ("parsing a quoted scalar", "an escape that YAML does not know", "double the backslash, or use single quotes"),
    (" tag", "a tag that cannot be read", 'put text that starts with "!" in quotes'),
    ("block scalar", "more than | or > on their line", "start the text on the next line, indented"),
    ("directive", _DIRECTIVE, None),
    ("expected", "this does not fit what stands before it", "check the indentation and the quotes"),
    ("", "not YAML", None),
)


class Mark(NamedTuple):
    """A place in a file; line and column count from one."""

    line: int
    column: int


_TOP = Mark(1, 1)
_new_mark: Callable[[tuple[int, int]], Mark] = functools.partial(tuple.__new__, Mark)  # half the time of Mark()


class Map(dict[str, Any]):
    """A mapping from ``file``, with the place of each key and value; ``files`` names those from another file."""

    __slots__ = ("file", "files", "keys_at", "values_at")

    def __init__(self, file: str) -> None:
        self.file = file
        self.files: dict[str, str] = {}
        self.keys_at: dict[str, Mark] = {}
        self.values_at: dict[str, Mark] = {}


class List(list[Any]):
    """A list from ``file``, with the place of each item."""

    __slots__ = ("file", "values_at")

    def __init__(self, file: str) -> None:
        self.file = file
        self.values_at: list[Mark] = []


def new_map(file: str) -> Map:
    """An empty mapping for callers that build one; ``file`` is what messages call its origin."""
    return Map(file)


def put(entries: Map, key: str, value: Any, mark: Mark | None = None, file: str | None = None) -> None:
    """An entry set together with its place: ``mark`` (line 1, column 1 unless given) in ``file`` (the map's own)."""
    entries[key] = value
    entries.keys_at[key] = entries.values_at[key] = mark or _TOP
    entries.files[key] = file or entries.file


def merged(base: Map, over: Map) -> Map:
    """A new mapping of two: mappings merge, everything else is replaced, and every entry keeps its place.

    A merged entry keeps the place it has in ``base``. Values that are not merged are shared with the originals.
    """
    result = Map(base.file)
    for source in (base, over):
        for key, value in source.items():
            old = result.get(key)
            if isinstance(old, Map) and isinstance(value, Map):
                result[key] = merged(old, value)
            else:
                put(result, key, value, source.values_at.get(key), source.files.get(key, source.file))
                result.keys_at[key] = source.keys_at.get(key, _TOP)
    return result


def locate(root: Any, path: Sequence[str | int], *, key: bool = False) -> tuple[str, Mark] | None:
    """The file and place of the value (or the key) at a path, or of the deepest part of it that is known.

    None where the root is neither a mapping nor a list that was read.
    """
    if not isinstance(root, Map | List):
        return None
    place, node = (root.file, _TOP), root
    for part in path:
        if isinstance(node, Map) and (name := str(part)) in node and name in node.values_at:
            mark = (node.keys_at if key else node.values_at)[name]
            place, node = (node.files.get(name, node.file), mark), node[name]
        elif isinstance(node, List) and isinstance(part, int) and 0 <= part < min(len(node), len(node.values_at)):
            place, node = (node.file, node.values_at[part]), node[part]
        else:
            break
    return place


def read_file(path: Path) -> Any:
    """The data of a YAML file, as from ``read``; ``ColocalcError`` with exit code 5 where there is no file to read."""
    return read(read_bytes(path, MAX_BYTES), name=str(path))


def read(source: str | bytes, *, name: str) -> Any:
    """The data of a YAML document: ``Map``, ``List``, text, numbers, booleans or None; None when it is empty.

    ``name`` is what messages call it. ``InputError`` holds every fault up to a syntax error or a broken limit.
    """
    return _Composer(_text_of(source, name), name).document()


def read_scalar(text: str, *, name: str) -> Any:
    """One value as it may stand behind a key (a scalar, ``[...]``, ``{...}``), by the rules and limits of ``read``."""
    return _Composer(_text_of(text, name), name, is_value=True).document()


def _text_of(source: str | bytes, name: str) -> str:
    """The characters of a document, once it is small enough, UTF-8, and free of what libyaml or an editor hides."""
    raw = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        raise InputError([Fault(f"larger than {MAX_BYTES // 2**20} MiB", name)])
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise InputError([Fault("UTF-16 text, not UTF-8", name, 1, 1, hint="save the file as UTF-8")])
    text = (source if isinstance(source, str) else raw.decode(errors="surrogateescape")).removeprefix("\ufeff")
    if found := _UNREADABLE.search(text):
        lines = re.split(r"\r\n?|\n", text[: found.start()])
        message, hint = f"the character {printable(found.group())} is not allowed", None
        if isinstance(source, bytes) and "\udc80" <= found.group() <= "\udcff":
            message, hint = "not UTF-8 text", "save the file as UTF-8"
        raise InputError([Fault(message, name, len(lines), len(lines[-1]) + 1, hint=hint)])
    if text.count("\n%") + text.count("\r%") > _MAX_DIRECTIVES:
        raise InputError([Fault(_DIRECTIVE, name)])
    return joined(text)


def _syntax_fault(error: Any, text: str, name: str) -> Fault:
    problem, place = f"{error.context}: {error.problem}", error.problem_mark
    message, hint = next((sentence, hint) for part, sentence, hint in _PROBLEMS if part in problem)
    if "',' or '" in problem:
        line, closer = error.context_mark.line + 1, problem.split("',' or '")[1][0]
        message, hint = f'"," or "{closer}" is expected here', f"the bracket it belongs to stands in line {line}"
        if place.index >= len(text.rstrip()):
            message, hint, place = f'no "{closer}" closes what starts here', None, error.context_mark
    elif text[place.index : place.index + 1] == "\t":
        _, message, hint = _PROBLEMS[0]
    elif "expected ':'" in problem or "found unexpected" in problem:
        place = error.context_mark
    return Fault(message, name, place.line + 1, place.column + 1, hint=hint)


class _Composer:
    """One pass over the events of one document; the limit on depth bounds the recursion."""

    def __init__(self, text: str, name: str, *, is_value: bool = False) -> None:
        self.text, self.name, self.is_value = text, name, is_value
        self.following: Callable[[], Any] = _PARSER(text).get_event
        self.faults: list[Fault] = []
        self.depth, self.nodes_left, self.aliases_left = 0, MAX_NODES, MAX_ALIASES
        self.anchors: dict[str, Any] = {}
        self.plain = _WORDS.copy()  # what each plain scalar seen so far means
        self.keys: dict[str, str] = {}  # plain texts that may be keys

    def document(self) -> Any:
        try:
            with without_collecting():
                value = self._document()
        except yaml.MarkedYAMLError as error:
            self.faults.append(_syntax_fault(error, self.text, self.name))
        if self.faults:
            raise InputError(self.faults)
        return value

    def _document(self) -> Any:
        self.last = self.following()  # the event that ends the value
        value, start = None, self.following()
        if type(start) is yaml.DocumentStartEvent:
            self.last = root = self.following()
            if start.tags:
                self._fault(start, _DIRECTIVE)
            if self.is_value and (start.explicit or getattr(root, "flow_style", True) is False):
                self._fault(root, "more than one value", "use quotes, or {key: value} or [a, b]", is_last=True)
            value = _COMPOSE[type(root)](self, root)
            self.following()
            if type(after := self.following()) is yaml.DocumentStartEvent:
                self._fault(after, "a second document starts here; a file holds one")
        if self.is_value and (rest := self.text[self.last.end_mark.index :].strip()):
            self._fault(self.last, f"{quoted(rest)} is no part of the value", 'put text with "#" in quotes')
        return value

    def _fault(self, event: Any, message: str, hint: str | None = None, *, is_last: bool = False) -> None:
        start = event.start_mark
        self.faults.append(Fault(message, self.name, start.line + 1, start.column + 1, hint=hint))
        if is_last or len(self.faults) >= MAX_FAULTS:
            raise InputError(self.faults)

    def _spend(self, event: Any, nodes: int = 0, depth: int = 0) -> None:
        self.nodes_left -= nodes
        self.depth += depth
        if self.depth > MAX_DEPTH:
            self._fault(event, f"nested deeper than {MAX_DEPTH} levels", is_last=True)
        if self.nodes_left < 0:
            self._fault(event, f"more than {MAX_NODES:,} values, counting those of aliases", is_last=True)

    def _open(self, event: Any, tag: str) -> None:
        self._spend(event, depth=1)
        if event.anchor is not None:
            self.anchors[event.anchor] = _OPEN
        self._check_tag(event, fits=event.tag in {"!", _CORE + tag})

    def _close(self, event: Any, end: Any, value: Any) -> Any:
        self.depth -= 1
        self.last = end
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return value

    def _check_tag(self, event: Any, *, fits: bool) -> None:
        if event.tag is not None and not fits:
            self._fault(event, f"the tag {quoted(event.tag.replace(_CORE, '!!', 1))} does not fit here", "leave it out")

    def map(self, event: Any) -> Any:
        self._open(event, "map")
        composed, following = Map(self.name), self.following
        keys_at, values_at = composed.keys_at, composed.values_at
        while type(first := following()) is not MappingEndEvent:
            self._spend(first, 2)
            key = self._key(first, keys_at)
            second = following()
            value = _COMPOSE[type(second)](self, second)
            if key is not None:
                composed[key], start, inner = value, first.start_mark, second.start_mark
                keys_at[key] = _new_mark((start.line + 1, start.column + 1))
                values_at[key] = _new_mark((inner.line + 1, inner.column + 1))
        return self._close(event, first, composed)

    def list(self, event: Any) -> Any:
        self._open(event, "seq")
        composed, following = List(self.name), self.following
        while type(item := following()) is not SequenceEndEvent:
            self._spend(item, 1)
            composed.append(_COMPOSE[type(item)](self, item))
            start = item.start_mark
            composed.values_at.append(_new_mark((start.line + 1, start.column + 1)))
        return self._close(event, item, composed)

    def _key(self, event: Any, seen: dict[str, Mark]) -> str | None:
        if type(event) is not ScalarEvent or event.anchor is not None or event.tag is not None:
            _COMPOSE[type(event)](self, event)
            self._fault(event, "a key should be bare text: no list, mapping, alias, anchor or tag")
            return None
        text: str = event.value
        if text in self.keys:
            text = self.keys[text]
        elif text == "<<":
            self._fault(event, "merge keys (<<) are not read", "write the keys out")
        elif isinstance(self.scalar(event), bool | float | None):
            self._fault(event, f"a key should be text, not {quoted(text)}", _QUOTE_IT)
        elif not event.style:
            self.keys[text] = text
        if text in seen:
            self._fault(event, f"duplicate key {quoted(text)}; it stands in line {seen[text].line} already")
            return None
        return text

    def scalar(self, event: Any) -> Any:
        text, tag = event.value, event.tag
        if event.style or tag is not None:
            is_text = tag in {None, "!", _CORE + "str"}
            value = self._text(event) if is_text else self._meaning(event)
            self._check_tag(event, fits=type(value) in _TAGS.get(tag, ()))
        else:
            value = self.plain[text] if text in self.plain else self._meaning(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return value

    def _text(self, event: Any) -> str:
        text: str = event.value
        if len(text) > MAX_CHARACTERS or "\0" in text:
            self._fault(event, "a NUL in text" if "\0" in text else f"text longer than {MAX_CHARACTERS:,} characters")
        return text

    def _meaning(self, event: Any) -> Any:
        """What plain text means; the text itself after a fault, so that reading can go on."""
        text: str = event.value
        if text in self.plain:
            return self.plain[text]
        value: Any = text
        if _INTEGER.fullmatch(text) and len(text) > MAX_INTEGER_CHARACTERS:
            self._fault(event, f"an integer longer than {MAX_INTEGER_CHARACTERS} characters")
        elif len(self._text(event)) <= MAX_CHARACTERS and _FLOAT.fullmatch(text):
            value = int(text) if _INTEGER.fullmatch(text) else float(text)
        if len(text) <= MAX_INTEGER_CHARACTERS:
            self.plain[text] = value
        return value

    def alias(self, event: Any) -> Any:
        self.aliases_left -= 1
        if self.aliases_left < 0:
            self._fault(event, f"more than {MAX_ALIASES} aliases", is_last=True)
        value = self.anchors.get(event.anchor, _OPEN)
        if value is not _OPEN:
            return self._twin(value, event)
        self._fault(event, f"no anchor {quoted('&' + event.anchor)} ends above this alias")
        return None

    def _twin(self, value: Any, event: Any) -> Any:
        """A copy: a change of one leaves the other alone, and each counts against the limits."""
        depth = int(isinstance(value, Map | List))
        self._spend(event, nodes=1, depth=depth)
        twin: Any = value
        if isinstance(value, Map):
            twin = merged(value, Map(value.file))
            twin.update((key, self._twin(item, event)) for key, item in value.items())
        elif isinstance(value, List):
            twin = List(value.file)
            twin.extend(self._twin(item, event) for item in value)
            twin.values_at += value.values_at
        self.depth -= depth
        return twin


_COMPOSE: dict[type, Callable[[_Composer, Any], Any]] = {
    ScalarEvent: _Composer.scalar,
    yaml.AliasEvent: _Composer.alias,
    yaml.MappingStartEvent: _Composer.map,
    yaml.SequenceStartEvent: _Composer.list,
}
