"""The rows of a CSV file with their lines; every fault is kept until the end, so that all are told at once."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from colocalc.errors import Fault, InputError, did_you_mean, printable, quoted

MAX_BYTES: Final = 32 * 2**20
MAX_ROWS: Final = 2_000_000
MAX_FAULTS: Final = 1_000
MAX_CHARACTERS: Final = 10_000  # of one field
MAX_COLUMNS: Final = 1_000
_LEAST, _MOST = 1e-6, 1e6  # of a price and a count: what is computed from them neither overflows nor vanishes

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# Everything that moves the cursor or hides text in an editor, but for tabs and line ends.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Rows:
    """The rows behind the header of a CSV file.

    Parameters
    ----------
    source : bytes
        What the file holds.
    name : str
        What messages call the file.
    required : sequence of str
        Columns that must be there.
    others : mapping of str to sequence of str, optional
        Formats by the way to ask for them, with the columns each is known by, for the hint on a missing column.
    """

    def __init__(
        self, source: bytes, name: str, required: Sequence[str], others: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.name = name
        self.faults: list[Fault] = []
        self._reader = csv.reader(io.StringIO(self._text(source), newline=""), strict=True)
        self._line = 0
        self.header = [cell.strip() for cell in self._next() or ()]
        self._at = {column: place for place, column in enumerate(self.header)}
        self._check_header(required, others or {})

    def _text(self, source: bytes) -> str:
        if len(source) > MAX_BYTES:
            raise InputError([Fault(f"larger than {MAX_BYTES // 2**20} MiB", self.name)])
        if source[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            raise InputError([Fault("UTF-16 text, not UTF-8", self.name, 1, 1, hint="save the file as UTF-8")])
        text = source.decode(errors="surrogateescape").removeprefix("\ufeff")
        if found := _UNREADABLE.search(text):
            lines = re.split(r"\r\n?|\n", text[: found.start()])
            message, hint = f"the character {printable(found.group())} is not allowed", None
            if "\udc80" <= found.group() <= "\udcff":
                message, hint = "not UTF-8 text", "save the file as UTF-8"
            raise InputError([Fault(message, self.name, len(lines), len(lines[-1]) + 1, hint=hint)])
        return text

    def _check_header(self, required: Sequence[str], others: Mapping[str, Sequence[str]]) -> None:
        if not any(self.header):
            raise InputError([Fault("is empty: a header and rows are expected", self.name, 1, 1)])
        if len(self.header) > MAX_COLUMNS:
            raise InputError([Fault(f"more than {MAX_COLUMNS:,} columns", self.name, 1, 1)])
        own = next((way for way, columns in others.items() if set(columns) <= set(self.header)), None)
        for column in (column for column in required if column not in self._at):
            hint = f"these are the columns of {own}" if own else did_you_mean(column, self.header)
            self.fault(f"no column {column}", hint=hint, line=1)
        for column, count in Counter(self.header).items():
            if count > 1 and column:
                self.fault(f"a second column {quoted(column)}", line=1)
        self.finish()

    def _next(self) -> list[str] | None:
        """The cells of the next row; None at the end, and where the rest cannot be read."""
        self._line = self._reader.line_num + 1  # where the row starts: a quoted cell may span lines
        try:
            return next(self._reader, None)
        except csv.Error as error:
            self.fault(f"not CSV: {printable(error)}")
            raise InputError(self.faults) from None

    def __iter__(self) -> Iterator[list[str]]:
        """Each row as it is come to; rows that are too short or too long are faults and are left out."""
        width, number = len(self.header), 0
        while (cells := self._next()) is not None:
            if not cells:
                continue
            number += 1
            if number > MAX_ROWS:
                self.fault(f"more than {MAX_ROWS:,} rows")
                self.finish()
            if len(cells) != width:
                self.fault(f"{len(cells)} fields, where the header has {width}")
            elif max(map(len, cells)) > MAX_CHARACTERS:
                self.fault(f"a field longer than {MAX_CHARACTERS:,} characters")
            else:
                yield cells

    @property
    def line(self) -> int:
        """Where the row last come to starts."""
        return self._line

    def place(self, column: str) -> int | None:
        """Where a column stands in a row; None where the file has no such column."""
        return self._at.get(column)

    def fault(self, message: str, column: str = "", *, hint: str | None = None, line: int | None = None) -> None:
        """Keeps a fault of the row last come to, or of another line; raises all once there are a thousand."""
        self.faults.append(Fault(message, self.name, line or self._line, 1, column, hint))
        if len(self.faults) >= MAX_FAULTS:
            self.finish()

    def finish(self) -> None:
        """Raises the faults found, if there are any."""
        if self.faults:
            raise InputError(self.faults)

    def number(self, text: str, column: str, *, zero: bool = False) -> float | None:
        """The number above zero that a cell holds, or zero where that is allowed; None after a fault."""
        value = float(text) if _NUMBER.fullmatch(text) else None
        if value is None:
            self.fault(f"should be a number, not {quoted(text) if text else 'empty'}", column)
        elif _LEAST <= value <= _MOST or (zero and value == 0.0):
            return value
        elif value <= 0.0:
            self.fault(f"should be above 0, not {quoted(text)}", column)
        else:
            self.fault(f"should be from {_LEAST:g} to {_MOST:,.0f}, not {quoted(text)}", column)
        return None
