"""What a command has to say, as plain data: tables of raw numbers in their stored units, notes and assumptions.

Every rendering reads a ``Report`` and nothing else, so that no two of them can disagree about a result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from colocalc.errors import printable
from colocalc.units import text

NOTHING = text(None, None)
SHADES = " ░▒▓█"  # of a map, from the least to the most


@dataclass(frozen=True)
class Column:
    """A column of a table: what its cells mean and how they are shown.

    Attributes
    ----------
    key : str
        Name in JSON and CSV; ends in the unit, as all names do.
    label : str
        Heading for people.
    unit : str or None
        Suffix of ``colocalc.units.UNITS`` that all numbers of the column are in.
    kind : str
        ``number`` cells stand right, ``text`` cells left. A calendar year is text.
    unit_from : str or None
        Key of another column of the table whose cell holds the unit of this one, where rows differ in unit.
    hidden : bool
        Whether only JSON and CSV carry the column.
    wide : bool
        Whether a terminal shows it only from 120 columns up.
    drawn : bool
        Whether people see a bar behind the number, as long as it is large; its kind is ``text``, so that bars begin
        below each other.
    shaded : bool
        Whether a terminal with colours shades its numbers, from the least to the most of all shaded columns.
    is_map : bool
        Whether its text is a line of a map in ``SHADES``, which is never broken and has colours where there are some.
    narrow : bool
        Whether that bar is short, beside many other columns.
    """

    key: str
    label: str
    unit: str | None = None
    kind: Literal["number", "text"] = "number"
    unit_from: str | None = None
    hidden: bool = False
    wide: bool = False
    drawn: bool = False
    shaded: bool = False
    is_map: bool = False
    narrow: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of raw values under their columns.

    Attributes
    ----------
    key : str
        Name in JSON and CSV.
    title : str
        Heading for people.
    columns : tuple of Column
        What the values of a row mean, in order.
    rows : tuple of tuple
        Numbers, text, booleans or None; one value per column.
    total_count : int
        How many rows at the end are totals.
    caption : str
        One sentence under the table: a definition, or how to read it.
    is_long : bool
        Whether only JSON and CSV carry it: rows by month that nobody reads on a screen.

    Raises
    ------
    ValueError
        When a row, a key or ``total_count`` does not fit the columns, which is a mistake in a view.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]
    total_count: int = 0
    caption: str = ""
    is_long: bool = False

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns]
        if len(set(keys)) != len(keys):
            raise ValueError(f"table {self.key}: a column key stands twice")
        if any(column.unit_from not in {None, *keys} for column in self.columns):
            raise ValueError(f"table {self.key}: unit_from names no column")
        if any(len(row) != len(keys) for row in self.rows):
            raise ValueError(f"table {self.key}: a row has not one value per column")
        if not 0 <= self.total_count <= len(self.rows):
            raise ValueError(f"table {self.key}: more totals than rows")

    @cached_property
    def most_drawn(self) -> Mapping[int, float]:
        """The largest number of each column that is drawn as bars, by its place; totals have no bar."""
        parts = self.rows[: len(self.rows) - self.total_count]
        drawn = [place for place, column in enumerate(self.columns) if column.drawn]
        return {place: max((_bar_number(row, place) for row in parts), default=0.0) for place in drawn}


@dataclass(frozen=True)
class Note:
    """One sentence a reader should know; a warning when it may change what they conclude."""

    text: str
    kind: Literal["note", "warning"] = "note"


@dataclass(frozen=True)
class Assumption:
    """An input behind the result: its value, its band, and where it comes from.

    Attributes
    ----------
    path : str
        Key in the fleet file or the catalog.
    value, low, high : float, str, bool or None
        The value used and its band, in ``unit``.
    unit : str or None
        Suffix of ``colocalc.units.UNITS``.
    source : str or None
        Id of a source; several are separated by commas.
    origin : str
        ``given`` in the file, from the ``catalog``, ``assumed`` by default, or ``derived`` from other inputs.
    note : str or None
        Anything a reader should know.
    """

    path: str
    value: float | str | bool | None
    unit: str | None
    low: float | None
    high: float | None
    source: str | None
    origin: Literal["given", "catalog", "assumed", "derived"]
    note: str | None = None


@dataclass(frozen=True)
class Report:
    """Everything one command has to say.

    Attributes
    ----------
    command : str
        The command that was run.
    title : str
        One line on the subject.
    fleet, scenario : str or None
        Names of what was computed.
    metrics : dict of str to float
        Value by metric id, in the stored unit.
    undefined : dict of str to str
        Why a metric has no value, by metric id.
    units : dict of str to str
        Unit by metric id.
    tables : tuple of Table
        In the order they are read.
    headline : tuple of str
        The answer in a few sentences.
    notes : tuple of Note
        What a reader should know.
    assumptions : tuple of Assumption
        The inputs, the ones that matter most first.
    source_titles : mapping of str to str
        Title by source id.
    data_date : str
        Date of the newest source cited.
    studies : tuple of (str, str, Report)
        Studies whose tables stand among these: what stands before their keys, before their titles, and their reports.

    Raises
    ------
    ValueError
        When two tables have one key, which is a mistake in a view.
    """

    command: str
    title: str
    fleet: str | None
    scenario: str | None
    metrics: dict[str, float]
    undefined: dict[str, str]
    units: dict[str, str]
    tables: tuple[Table, ...]
    headline: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    source_titles: Mapping[str, str] = field(default_factory=dict)
    data_date: str = ""
    studies: tuple[tuple[str, str, "Report"], ...] = ()

    @property
    def tables_to_read(self) -> tuple[Table, ...]:
        """Those that a person reads: all but the long ones."""
        return tuple(table for table in self.tables if not table.is_long)

    def __post_init__(self) -> None:
        if len({table.key for table in self.tables}) != len(self.tables):
            raise ValueError(f"report {self.command}: a table key stands twice")


def raw(value: object) -> float | str | bool | None:
    """A cell as plain data: an array scalar becomes the Python value it holds, NaN becomes None."""
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value
    if plain is None or plain != plain:  # noqa: PLR0124 - NaN is the one number unlike itself
        return None
    return plain if isinstance(plain, bool | int | float | str) else str(plain)


def value_text(value: object, unit: str | None) -> str:
    """A value as a person reads it: a number with its unit, yes or no, or text on one line without live controls."""
    plain = raw(value)
    if plain is None:
        return NOTHING
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    return printable(plain) if isinstance(plain, str) else text(plain, unit)


def cell_text(column: Column, row: tuple[object, ...], table: Table) -> str:
    """The text of the cell of a row under a column; every rendering for people shows this and nothing else."""
    keys = [other.key for other in table.columns]
    unit = column.unit if column.unit_from is None else row[keys.index(column.unit_from)]
    shown = value_text(row[keys.index(column.key)], None if unit is None else str(unit))
    if not column.drawn:
        return shown
    width = _NARROW_BAR if column.narrow else _BAR
    return f"{shown:>{_BEFORE_BAR}} {_bar(keys.index(column.key), row, table, width)}".rstrip()


def shades(table: Table, column: Column) -> list[float | None]:
    """How far each cell of a shaded column lies from the least to the most of all of them, 0 to 1; None for no number.

    Parameters
    ----------
    table : Table
        With shaded columns.
    column : Column
        One of them.
    """
    places = [place for place, each in enumerate(table.columns) if each.shaded]
    numbers = [number for row in table.rows for place in places if isinstance(number := raw(row[place]), int | float)]
    least, most = min(numbers, default=0.0), max(numbers, default=0.0)
    own = [raw(row[table.columns.index(column)]) for row in table.rows]
    span = most - least
    return [(one - least) / span if isinstance(one, int | float) and span > 0.0 else None for one in own]


_BEFORE_BAR = 6
_BAR = 20
_NARROW_BAR = 8
_LEVELS = "▁▂▃▄▅▆▇█"


def _bar(place: int, row: tuple[object, ...], table: Table, width: int) -> str:
    """A bar of characters; that of the largest number of the column is as long as may be, and totals have none."""
    totals = table.rows[len(table.rows) - table.total_count :]
    if any(row is total for total in totals):
        return ""
    own, most = _bar_number(row, place), table.most_drawn[place]
    return "█" * round(width * max(own, 0.0) / most if most > 0.0 else 0)


def _bar_number(row: tuple[object, ...], place: int) -> float:
    number = raw(row[place])
    return number if isinstance(number, int | float) else 0.0


def sparkline(values: Sequence[float]) -> str:
    """Numbers as a line of blocks, the least lowest and the largest highest; nothing where all are one number."""
    least, most = min(values, default=0.0), max(values, default=0.0)
    if not least < most:
        return ""
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[round(steps * (value - least) / (most - least))] for value in values)


def band_text(assumption: Assumption) -> str:
    """The band of an assumption as ``low to high``; empty when it has none."""
    if assumption.low is None and assumption.high is None:
        return ""
    return f"{value_text(assumption.low, assumption.unit)} to {value_text(assumption.high, assumption.unit)}"


def cited_sources(report: Report, assumptions: tuple[Assumption, ...] | None = None) -> dict[str, str]:
    """Title of each source cited, by id and in the order first cited; empty where the title is not known.

    Parameters
    ----------
    report : Report
        Its assumptions cite sources, and so do the text columns of its tables whose key is ``source`` or ends in it.
    assumptions : tuple of Assumption, optional
        Those whose sources are wanted, where not all are shown.
    """
    cited = [raw(row[place]) for table in report.tables for place in _source_places(table) for row in table.rows]
    cited += [assumption.source for assumption in (report.assumptions if assumptions is None else assumptions)]
    names = dict.fromkeys(name.strip() for text in cited if isinstance(text, str) for name in text.split(","))
    return {name: report.source_titles.get(name, "") for name in names if name}


def _source_places(table: Table) -> list[int]:
    return [
        place
        for place, column in enumerate(table.columns)
        if column.kind == "text" and not column.hidden and column.key.rsplit("_", 1)[-1] == "source"
    ]


def assumption_table(assumptions: tuple[Assumption, ...]) -> Table:
    """The assumptions as a table for people: the value with its unit, the band, where it comes from."""
    columns = (
        Column("path", "Assumption", kind="text"),
        Column("value", "Value", unit_from="unit"),
        Column("unit", "Unit", kind="text", hidden=True),
        Column("band", "Band", kind="text", wide=True),
        Column("origin", "Origin", kind="text"),
        Column("source", "Source", kind="text"),
    )
    rows = tuple((a.path, a.value, a.unit, band_text(a), a.origin, a.source or "") for a in assumptions)
    return Table("assumptions", "Assumptions", columns, rows)
