"""Many rows written to a file block by block: a CSV or Parquet file that appears whole or not at all."""

import csv
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from colocalc.emit import file_mode, target_of
from colocalc.errors import EXIT_EXTRA, EXIT_IO, EXIT_USAGE, ColocalcError
from colocalc.report import to_csv

PARQUET, CSV = ".parquet", ".csv"
_GROUP_ROWS = 65_536  # of a Parquet file: each group costs memory until the file is closed


class RowsFile(ABC):
    """A file that takes blocks of columns, and is there when it is kept.

    Parameters
    ----------
    path : Path
        Where it will be.

    Raises
    ------
    ColocalcError
        When the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if path.exists() and not (path.is_file() or path.is_dir()):  # it would be replaced when the rows are done
                raise ColocalcError("is a pipe or a device, not a file", where=str(path), exit_code=EXIT_IO)
            self._target = target_of(path)
            handle, name = tempfile.mkstemp(dir=self._target.parent, prefix=f".{self._target.name}.", suffix=".tmp")
        except OSError as error:
            raise self._fault(error) from None
        os.close(handle)
        self._temporary = Path(name)

    def write(self, columns: Mapping[str, Any]) -> None:
        """One more block of arrays of numbers or words, one per column; the first says which columns there are."""
        try:
            self._put(columns)
        except OSError as error:
            raise self._fault(error) from None

    def keep(self) -> None:
        """Makes it the file of its name."""
        try:
            self._flush()
            self._end()
            with self._temporary.open("rb") as file:
                os.fsync(file.fileno())
            self._temporary.chmod(file_mode(self._target))
            self._temporary.replace(self._target)
        except OSError as error:
            raise self._fault(error) from None

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves nothing behind of a file that was not kept."""
        with suppress(OSError):  # of a full disk, which was told
            self._end()
        self._temporary.unlink(missing_ok=True)

    @abstractmethod
    def _put(self, columns: Mapping[str, Any]) -> None:
        """Takes one more block."""

    @abstractmethod
    def _flush(self) -> None:
        """Writes what waits."""

    @abstractmethod
    def _end(self) -> None:
        """Lets go of the file; once more does nothing."""

    def _fault(self, error: OSError) -> ColocalcError:
        reason = os.strerror(error.errno) if error.errno else error  # pyarrow has words of its own
        return ColocalcError(f"cannot write: {reason}", where=str(self._path), exit_code=EXIT_IO)


def refuse_twice(rows: Path | None, report: Path | None, option: str) -> None:
    """Refuses one file for rows and for the report, of which the second would replace the first.

    Raises
    ------
    ColocalcError
        When both are named, and lead to the same place.
    """
    if rows is not None and report is not None and os.path.realpath(rows) == os.path.realpath(report):
        raise ColocalcError("is the file of the report, -o, too", where=f"{option} {rows}", exit_code=EXIT_USAGE)


class CsvRows(RowsFile):
    """Rows as CSV: raw numbers, nothing where there is none."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = self._temporary.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._is_begun = False

    def _put(self, columns: Mapping[str, Any]) -> None:
        if not self._is_begun:
            self._is_begun = True
            self._writer.writerow(map(_cell, columns))
        self._writer.writerows(
            zip(*([_cell(one) for one in column.tolist()] for column in columns.values()), strict=True)
        )

    def _flush(self) -> None:
        self._file.flush()

    def _end(self) -> None:
        self._file.close()


def _cell(value: object) -> object:
    """A number as it is and nothing for NaN; text as in every CSV of ours."""
    if not isinstance(value, str):
        return "" if value != value else value  # noqa: PLR0124 - NaN is the one number unlike itself
    return to_csv.text_cell(value)


class ParquetRows(RowsFile):
    """Rows as Parquet, in groups of one size however they come.

    Raises
    ------
    ColocalcError
        When pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._arrow = _pyarrow(path)
        super().__init__(path)
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._waiting_count = 0

    def _put(self, columns: Mapping[str, Any]) -> None:
        table = self._arrow.table(dict(columns))
        self._waiting.append(table)
        self._waiting_count += table.num_rows
        if self._waiting_count >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = self._arrow.concat_tables(self._waiting)
        self._waiting, self._waiting_count = [], 0
        if self._writer is None:
            self._writer = self._arrow.parquet.ParquetWriter(self._temporary, table.schema)
        self._writer.write_table(table, row_group_size=2 * _GROUP_ROWS)

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        message = "needs the extra parquet: pip install 'colocalc[parquet]'"
        raise ColocalcError(message, where=str(path), exit_code=EXIT_EXTRA) from None
    return pa


_KINDS: Mapping[str, type[RowsFile]] = {PARQUET: ParquetRows, CSV: CsvRows}


def rows_file(path: Path, option: str) -> RowsFile:
    """The file that the ending of a name asks for.

    Parameters
    ----------
    path : Path
        Where it will be.
    option : str
        What asks for it, for the message.

    Raises
    ------
    ColocalcError
        When the ending is none of ``.parquet`` and ``.csv``, pyarrow is missing, or the file cannot be written.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        message = f"should end in {' or '.join(_KINDS)}"
        raise ColocalcError(message, where=f"{option} {path}", exit_code=EXIT_USAGE)
    return kind(path)
