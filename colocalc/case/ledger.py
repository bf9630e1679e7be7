"""The record of every number taken on the way from a definition to an array: its value, band, source and origin."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from colocalc.arrays import Array, as_array
from colocalc.catalog import Catalog
from colocalc.figure import Figure
from colocalc.hardware import GpuType
from colocalc.units import unit_of

Origin = Literal["given", "catalog", "assumed", "derived"]
Topic = Literal["mfu", "lease", "hedge", "h100e", "claims", "choice", "inference"]


class Assumption(NamedTuple):
    """A number or word behind the result.

    Attributes
    ----------
    path : str
        Its key in the fleet file or the catalog.
    value, low, high : float, str or None
        What is used, and its band.
    unit : str or None
        Suffix of ``colocalc.units.UNITS``.
    source : str or None
        Id of its source.
    origin : str
        ``given`` in the file, from the ``catalog``, ``assumed`` by default, or ``derived``.
    note : str or None
        What a reader should know.
    topics : frozenset of str
        The reports it matters to.
    """

    path: str
    value: float | str | bool | None
    unit: str | None
    low: float | None
    high: float | None
    source: str | None
    origin: Origin
    note: str | None
    topics: frozenset[str]


@dataclass(frozen=True)
class Remark:
    """A sentence for the reader that arose while lowering, and the reports it belongs to."""

    text: str
    kind: Literal["note", "warning"]
    topics: frozenset[str]


class Made(NamedTuple):
    """Something lowered, so that a fleet with other numbers need not lower it again.

    Attributes
    ----------
    what : object
        What was made.
    of : tuple of object
        What it was made of.
    asked : frozenset of str
        Paths of the numbers that were asked for.
    """

    what: Any
    of: tuple[object, ...]
    asked: frozenset[str]


_T = TypeVar("_T")


class Ledger:
    """Takes numbers from files, catalog and defaults, and remembers each of them once.

    Parameters
    ----------
    catalog : Catalog
        Where defaults come from.
    instead : mapping of str to Figure
        Numbers that take the place of those of these paths, whatever the file, the catalog or a default says.
    remembers : bool
        Whether what is taken is remembered; a study that lowers a fleet many times asks for the numbers alone.
    searched : mapping of str to Assumption, optional
        Layouts that a search has found for the fleet as it is, by path: what studies vary is not searched anew.
    made : mapping of str to Made, optional
        What was lowered for the fleet as it is, by name.
    moved : collection of str
        Paths of the numbers in which this fleet differs from that one.
    """

    def __init__(
        self,
        catalog: Catalog,
        instead: Mapping[str, Figure[float]],
        *,
        remembers: bool = True,
        searched: Mapping[str, Assumption] | None = None,
        made: Mapping[str, Made] | None = None,
        moved: Collection[str] = (),
    ) -> None:
        self.catalog = catalog
        self.searched = searched or {}
        self._remembers = remembers
        self._instead = instead
        self._replaced: set[str] = set()
        self.made: dict[str, Made] = dict(made or {})
        self._moved = frozenset(moved)
        self._asked: set[str] = set()
        self._read_by: dict[str, set[str]] = {}
        self.part = ""  # which part of the case is being lowered
        self._rows: dict[str, Assumption] = {}
        self._remarks: dict[str, Remark] = {}

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Everything taken, in the order it was first asked for."""
        return tuple(self._rows.values())

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Every sentence noted, each once."""
        return tuple(self._remarks.values())

    @property
    def read_by(self) -> dict[str, frozenset[str]]:
        """The parts of the case that each number went into, by path."""
        return {path: frozenset(parts) for path, parts in self._read_by.items()}

    @property
    def unused(self) -> tuple[str, ...]:
        """Paths of ``instead`` that no number was asked for under."""
        return tuple(path for path in self._instead if path not in self._replaced)

    def unmoved(self, name: str, make: Callable[[], _T], *of: object) -> _T:
        """What ``make`` returns; as it was made before, if no number it asks for has moved since.

        Parameters
        ----------
        name : str
            What is made, a name for each.
        make : callable
            Makes it, of numbers of this ledger.
        *of : object
            What else it is made of and may change: it must be the same objects as before.
        """
        known = self.made.get(name)
        if (
            known is not None
            and known.asked.isdisjoint(self._moved)
            and all(one is other for one, other in zip(known.of, of, strict=True))
        ):
            self._asked |= known.asked
            return known.what  # type: ignore[no-any-return]
        before, self._asked = self._asked, set()
        what = make()
        self.made[name] = Made(what, of, frozenset(self._asked))
        self._asked |= before
        return what

    def remark(self, text: str, *topics: Topic, kind: Literal["note", "warning"] = "note") -> None:
        """Remembers a sentence for the reports of these topics."""
        self._remarks.setdefault(text, Remark(text, kind, frozenset(topics)))

    def record(
        self,
        path: str,
        value: float | str | bool | None,
        *topics: Topic,
        origin: Origin,
        figure: Any = None,
        note: str | None = None,
    ) -> None:
        """Remembers one value under its path; the band, source and note are those of ``figure``."""
        if not self._remembers:
            return
        unit = unit_of(path)
        known = self._rows.get(path)
        self._read_by.setdefault(path, set()).add(self.part)
        merged = frozenset(topics) | (known.topics if known else frozenset())
        self._rows[path] = Assumption(
            path=path,
            value=value,
            unit=None if unit is None or isinstance(value, str) else unit.suffix,
            low=getattr(figure, "low", None),
            high=getattr(figure, "high", None),
            source=getattr(figure, "source", None),
            origin=origin,
            note=note or getattr(figure, "note", None),
            topics=merged,
        )

    def number(
        self, path: str, given: Figure[float] | float | None, *topics: Topic, default: str | None = None
    ) -> float:
        """A number from the file if it is given there, else the default of that path; NaN when there is neither.

        Parameters
        ----------
        path : str
            Key in the fleet file.
        given : Figure, float or None
            What the file says.
        topics : str
            The reports it matters to.
        default : str, optional
            Key in the catalog's defaults.
        """
        given = self._replacement(path) or given
        if given is not None:
            figure = given if isinstance(given, Figure) else Figure(float(given))
            self.record(path, figure.value, *topics, origin="given", figure=figure)
            return float(figure.value)
        if default is None:
            self._read_by.setdefault(path, set()).add(self.part)  # a study may yet give it
            return float("nan")
        assumed = self.catalog.default(default)
        self.record(path, assumed.value, *topics, origin="assumed", figure=assumed)
        return float(assumed.value)

    def word(self, path: str, given: str | None, *topics: Topic, default: str) -> str:
        """A word from the file if it is given there, else the default of that path."""
        if given is not None:
            self.record(path, given, *topics, origin="given")
            return given
        assumed = self.catalog.default(default)
        self.record(path, assumed.value, *topics, origin="assumed", figure=assumed)
        return str(assumed.value)

    def fact(self, path: str, figure: Figure[float] | None, *topics: Topic, note: str | None = None) -> float:
        """A number of the catalog (or of the file's own additions to it); NaN when it is not known."""
        replacement = self._replacement(path)
        if replacement is not None:
            return self.number(path, replacement, *topics)
        if figure is None:
            return float("nan")
        if self._remembers:
            self.record(path, figure.value, *topics, origin=self.origin_of(path), figure=figure, note=note)
        return float(figure.value)

    def _replacement(self, path: str) -> Figure[float] | None:
        self._asked.add(path)
        if path in self._instead:
            self._replaced.add(path)
        return self._instead.get(path)

    def origin_of(self, path: str) -> Origin:
        """``given`` for an entry of the file's own, else ``catalog``."""
        own = self.catalog.own
        # The name of a card that is a file has points in it.
        is_own = ".".join(path.split(".")[:2]) in own or any(path.startswith(f"{entry}.") for entry in own)
        return "given" if is_own else "catalog"

    def derived(self, path: str, value: float, *topics: Topic, note: str) -> float:
        """A number computed from others by a rule, with the rule as its note."""
        self.record(path, value, *topics, origin="derived", note=note)
        return value


def array(*values: float) -> Array:
    """A read-only float64 array over pools."""
    made = as_array(values)
    made.setflags(write=False)
    return made


def per_type(gpus: Sequence[GpuType], of: Callable[[GpuType], float]) -> Array:
    """A quantity of each pool's GPU, asked once for each type however many pools have it."""
    known = {gpu.id: of(gpu) for gpu in {gpu.id: gpu for gpu in gpus}.values()}
    return array(*(known[gpu.id] for gpu in gpus))


def scalar(value: float) -> Array:
    """A read-only float64 array without axes."""
    made = as_array(value)
    made.setflags(write=False)
    return made


def wanted_peak(precision: str) -> str:
    """The precision of the peak a job's precision is measured against."""
    return {"mxfp8": "fp8", "nvfp4": "fp4"}.get(precision, precision)


def peak_key(peaks: Mapping[Any, Any], precision: str) -> str | None:
    """The precision whose dense peak a GPU runs a job at: the job's own, else the next wider one it has."""
    chain = (wanted_peak(precision), *{"nvfp4": ("fp8",)}.get(precision, ()), "bf16", "fp16")
    return next((key for key in chain if key in peaks), None)
