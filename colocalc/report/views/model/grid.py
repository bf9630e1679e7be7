"""A sheet while it is written: cells are put in place and handed back as terms of further formulas."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from colocalc.report.formula import Span, Term, total
from colocalc.report.workbook import Cell, Place, Role, Sheet, SheetChart, cell_name

LABEL_WIDTH = 34.0
NUMBER_WIDTH = 13.0


@dataclass(frozen=True)
class Line:
    """A row of cells over time, which grows to the right; a cell may build on the ones before it."""

    grid: "Grid"
    row: int
    unit: str | None
    role: Role
    terms: list[Term] = field(default_factory=list)

    def add(self, content: Term | float) -> Term:
        """Puts the next cell in place."""
        found = self.grid.put(
            (self.row, self.grid.first_column + len(self.terms)), content, unit=self.unit, role=self.role
        )
        self.terms.append(found)
        return found

    def fill(self, contents: Iterable[Term | float]) -> "Line":
        """Puts a cell in place for each content."""
        for content in contents:
            self.add(content)
        return self

    def __getitem__(self, place: int) -> Term:
        """The cell of a period."""
        return self.terms[place]

    def __len__(self) -> int:
        """How many cells there are."""
        return len(self.terms)

    def span(self, first: int = 0, last: int | None = None) -> Span:
        """The cells from one period to another, both included."""
        last = len(self.terms) - 1 if last is None else last
        return self.grid.span((self.row, self.grid.first_column + first), (self.row, self.grid.first_column + last))

    @property
    def whole(self) -> Term:
        """The cell in front, which has the sum."""
        return self.grid.term_of((self.row, self.grid.first_column - 1))

    def totalled(self) -> "Line":
        """Puts the sum in front."""
        self.grid.put((self.row, self.grid.first_column - 1), total(self.span()), unit=self.unit, role="total")
        return self


class Grid:
    """A sheet that is filled row by row.

    Parameters
    ----------
    name : str
        Of the sheet; one of this program's words.
    first_column : int
        Where periods begin.
    """

    def __init__(self, name: str, first_column: int = 0) -> None:
        self.name = name
        self.first_column = first_column
        self.cells: dict[Place, Cell] = {}
        self.widths: dict[int, float] = {}
        self.charts: list[SheetChart] = []
        self.frozen: Place = (0, 0)
        self.pages_wide = 1
        self.has_units = first_column > 0
        self.next_row = 0
        self._mark = f"'{name}'!"

    def put(self, place: Place, content: Term | float | str | None, *, unit: str | None = None, role: Role) -> Term:
        """Puts text, a number or a formula into a cell; the cell as a term."""
        if isinstance(content, Term):
            # A formula on a sheet speaks of its cells without the name of the sheet.
            formula = content.text.replace(self._mark, "")
            self.cells[place] = Cell(content.value, unit, formula, role)
            return Term(self._mark + cell_name(place), content.value)
        self.cells[place] = Cell(content, unit, None, role)
        return Term(self._mark + cell_name(place), "" if content is None else content)

    def term_of(self, place: Place) -> Term:
        """A cell that was written, as a term."""
        return Term(self._mark + cell_name(place), _plain(self.cells[place].value))

    def words(self, row: int, texts: Sequence[str | None], role: Role = "text", column: int = 0) -> None:
        """Puts text into cells beside each other."""
        for place, text in enumerate(texts):
            if text is not None:
                self.put((row, column + place), text, role=role)

    def row(self, count: int = 1) -> int:
        """The next free row, with so many taken."""
        found = self.next_row
        self.next_row += count
        return found

    def title(self, title: str, notes: Sequence[str] = ()) -> None:
        """The title of the sheet and sentences under it."""
        self.words(self.row(), [title], "title")
        for note in notes:
            self.words(self.row(), [note], "note")
        self.row()

    def heading(self, text: str) -> None:
        """A heading over the rows that follow."""
        self.row()
        self.words(self.row(), [text], "heading")

    def line(self, label: str, unit: str | None, role: Role = "formula") -> Line:
        """A row over time, with its label and unit in front."""
        row = self.row()
        self.words(row, [label, unit])
        return Line(self, row, unit, role)

    def span(self, first: Place, last: Place) -> Span:
        """The cells of a row or column from one to another."""
        places = [(row, column) for row in range(first[0], last[0] + 1) for column in range(first[1], last[1] + 1)]
        values = tuple(_plain(self.cells[place].value) for place in places if place in self.cells)
        ends = f"{cell_name(first)}:{cell_name(last)}"
        return Span(self._mark + ends, values)

    def periods(self, labels: Sequence[str], *, headings: Sequence[str]) -> None:
        """The header of a sheet over time, below which and beside which it scrolls."""
        row = self.row()
        self.words(row, headings, "heading")
        self.words(row, labels, "heading", self.first_column)
        self.frozen = (row + 1, self.first_column)
        self.widths |= {0: LABEL_WIDTH, 1: NUMBER_WIDTH}
        self.widths |= dict.fromkeys(range(2, self.first_column + len(labels)), NUMBER_WIDTH)
        self.pages_wide = 1 + (len(labels) - 1) // PERIODS_ACROSS

    def sheet(self) -> Sheet:
        """What was written."""
        return Sheet(
            name=self.name,
            cells=self.cells,
            widths=self.widths,
            frozen=self.frozen,
            charts=tuple(self.charts),
            pages_wide=self.pages_wide,
            has_units=self.has_units,
        )


PERIODS_ACROSS = 13


def _plain(value: float | str | bool | None) -> float | str:
    return "" if value is None else value
