"""A workbook as plain data: cells with values and formulas, sheets, names and charts, for whatever writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["text", "title", "heading", "note", "input", "frozen", "value", "formula", "total"]
Place = tuple[int, int]  # row and column, from 0


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    value : float, str, bool or None
        What is shown; for a formula its result.
    unit : str or None
        Suffix of ``colocalc.units.UNITS``, for a number.
    formula : str or None
        What a spreadsheet computes, without the equals sign; never with text of a user.
    role : str
        What it is: ``input`` may be changed, ``frozen`` is from colocalc, ``value`` is a result as it stands.
    """

    value: float | str | bool | None
    unit: str | None = None
    formula: str | None = None
    role: Role = "text"


@dataclass(frozen=True)
class Series:
    """One series of a chart: its title, and the first and last cell of its categories and values."""

    title: str
    categories: tuple[Place, Place]
    values: tuple[Place, Place]
    is_line: bool = False  # on an axis of its own, over the columns of the others


@dataclass(frozen=True)
class SheetChart:
    """A chart of cells of its own sheet, its upper left corner at a cell."""

    title: str
    kind: Literal["column", "bar"]
    series: tuple[Series, ...]
    at: Place
    unit: str | None = None


@dataclass(frozen=True)
class Sheet:
    """One sheet.

    Attributes
    ----------
    name : str
        Up to 31 characters, none of them a user's.
    cells : mapping of place to Cell
        What stands where.
    widths : mapping of int to float
        Width of each column, in characters.
    frozen : place
        The first cell that scrolls.
    kind : str
        Whether it is ``front`` matter, a ``live`` part of the model, or holds ``values``.
    charts : tuple of SheetChart
        On the sheet.
    pages_wide : int
        Pages beside each other in print.
    has_units : bool
        Whether a column has the units of the numbers, which then need none behind them.
    """

    name: str
    cells: Mapping[Place, Cell]
    widths: Mapping[int, float]
    frozen: Place = (0, 0)
    kind: Literal["front", "live", "values"] = "live"
    charts: tuple[SheetChart, ...] = ()
    pages_wide: int = 1
    has_units: bool = False


@dataclass(frozen=True)
class Workbook:
    """A live model: sheets in order, the place of each named cell, and the metrics that are formulas.

    Attributes
    ----------
    sheets : tuple of Sheet
        In the order they are read.
    names : mapping of str to (sheet, place)
        Named cells.
    metrics : mapping of str to Cell
        Formula and value of each metric that the model computes, by id.
    """

    sheets: tuple[Sheet, ...]
    names: Mapping[str, tuple[str, Place]] = field(default_factory=dict)
    metrics: Mapping[str, Cell] = field(default_factory=dict)


def column_letters(column: int) -> str:
    """Letters of a column counted from 0: A, B, ..., Z, AA."""
    letters = ""
    left = column + 1
    while left:
        left, place = divmod(left - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters


def cell_name(place: Place) -> str:
    """A cell as spreadsheets call it: ``(0, 2)`` is ``C1``."""
    return f"{column_letters(place[1])}{place[0] + 1}"
