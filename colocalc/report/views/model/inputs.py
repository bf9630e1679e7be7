"""The inputs of a live model: each number once, in a cell with a name, beside its unit, band, origin and source."""

import re
from collections.abc import Mapping
from hashlib import sha256

from colocalc.case import Assumption, Case
from colocalc.report.formula import Term
from colocalc.report.views.model.grid import Grid
from colocalc.report.workbook import Place
from colocalc.units import unit_of

NAME = "Inputs"
_LONGEST_NAME = 200  # spreadsheets take 255; what is cut gets a mark of its own
_COLUMNS = ("Input", "Value", "Unit", "Low", "High", "Origin", "Source", "Name of the cell", "Note")
_WIDTHS = (46.0, 16.0, 18.0, 12.0, 12.0, 10.0, 26.0, 50.0, 60.0)
# Sections in the order they are read, by the first part of the path.
_SECTIONS = (
    ("pools.", "GPUs"),
    ("gpus.", "GPU types"),
    ("cards.", "Rates of cards"),
    ("lease.", "The contract"),
    ("contracts.", "Contracts"),
    ("sites.", "Sites"),
    ("costs.", "Costs and capital"),
    ("depreciation.", "Lives"),
    ("debt.", "Debt"),
    ("finance.", "Tax, discount rates and the loss"),
    ("mfu.", "Stages of the waterfall"),
    ("", "Others"),
)


class Inputs:
    """Numbers of a case asked for by their path; the first asking makes the cell.

    Parameters
    ----------
    case : Case
        Whose assumptions give band, origin, source and note.
    """

    def __init__(self, case: Case) -> None:
        self._rows: Mapping[str, Assumption] = {row.path: row for row in case.assumptions}
        self._taken: dict[tuple[str, float], tuple[str, Assumption]] = {}
        self._names: set[str] = set()

    def number(self, path: str, value: object, note: str | None = None) -> Term:
        """The named cell of a number.

        Parameters
        ----------
        path : str
            Its key in the fleet file or the catalog.
        value : array of one number
            What the case holds.
        note : str, optional
            What a reader should know, where no assumption of the case says it.
        """
        held = float(value)  # type: ignore[arg-type]
        key = (path, held)
        if key not in self._taken:
            row = self._rows.get(path)
            # A key of a mapping has no unit of its own: that of the mapping holds.
            unit = unit_of(path) or unit_of(path.rpartition(".")[0])
            suffix = unit.suffix if unit else None
            if row is None or row.value != held:  # a rule of the case made another number of it
                row = Assumption(path, held, suffix, None, None, None, "derived", note, frozenset())
            self._taken[key] = (self._name(path), row._replace(unit=suffix))
        return Term(self._taken[key][0], held)

    def has(self, path: str) -> bool:
        """Whether the case has an assumption of a path."""
        return path in self._rows

    def _name(self, path: str) -> str:
        name = cell_name_of(path)
        place = 1
        while name.casefold() in self._names:
            place += 1
            name = f"{cell_name_of(path)}_{place}"
        self._names.add(name.casefold())
        return name

    def written(self) -> tuple[Grid, dict[str, tuple[str, Place]]]:
        """The sheet, and where each named cell stands on it."""
        grid = Grid(NAME)
        grid.widths = dict(enumerate(_WIDTHS))
        grid.has_units = True
        grid.title("Inputs", ("Change a value in a yellow cell and everything that is live follows.",))
        grid.words(grid.row(), _COLUMNS, "heading")
        grid.frozen = (grid.next_row, 2)
        names: dict[str, tuple[str, Place]] = {}
        left = list(self._taken.values())
        for start, title in _SECTIONS:
            section = [each for each in left if each[1].path.startswith(start)]
            left = [each for each in left if each not in section]
            if section:
                grid.heading(title)
            for name, row in section:
                names[name] = (NAME, _written(grid, name, row))
        return grid, names


def _written(grid: Grid, name: str, row: Assumption) -> Place:
    place = (grid.row(), 1)
    grid.put((place[0], 0), row.path, role="text")
    grid.put(place, float(row.value or 0.0), unit=row.unit, role="input")
    for column, bound in ((3, row.low), (4, row.high)):
        if bound is not None:
            grid.put((place[0], column), bound, unit=row.unit, role="value")
    for column, text in ((2, row.unit), (5, row.origin), (6, row.source), (7, name), (8, row.note)):
        grid.put((place[0], column), text or "", role="text")
    return place


def cell_name_of(path: str) -> str:
    """A path as a name of a cell: ASCII letters, digits and underscores, none of which a cell itself is called."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", path)
    if not name[:1].isalpha():
        name = f"input_{name}"
    if "_" not in name:  # A1 and R1C1 are cells
        name = f"{name}_input"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}_{sha256(path.encode()).hexdigest()[:8]}"
