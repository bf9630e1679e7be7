"""Many rows written to a Parquet file block by block: a file that appears whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from colocalc.emit import file_mode
from colocalc.errors import EXIT_EXTRA, EXIT_IO, ColocalcError

if TYPE_CHECKING:
    from colocalc.arrays import Array


class ParquetFile:
    """A file that takes blocks of columns, and is there when it is kept.

    Parameters
    ----------
    path : Path
        Where it will be.

    Raises
    ------
    ColocalcError
        When pyarrow is not installed, or the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._arrow = _pyarrow()
        self._path = path
        self._target = Path(os.path.realpath(path))  # a link keeps pointing at what is replaced
        self._writer: Any = None
        try:
            handle, name = tempfile.mkstemp(dir=self._target.parent, prefix=f".{self._target.name}.", suffix=".tmp")
        except OSError as error:
            raise self._fault(error) from None
        os.close(handle)
        self._temporary = Path(name)

    def write(self, columns: "Mapping[str, Array]") -> None:
        """One more block; the first says which columns there are."""
        try:
            table = self._arrow.table(dict(columns))
            if self._writer is None:
                self._writer = self._arrow.parquet.ParquetWriter(self._temporary, table.schema)
            self._writer.write_table(table)
        except OSError as error:
            raise self._fault(error) from None

    def keep(self) -> None:
        """Makes it the file of its name."""
        try:
            if self._writer is not None:
                self._writer.close()
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
        self._temporary.unlink(missing_ok=True)

    def _fault(self, error: OSError) -> ColocalcError:
        return ColocalcError(f"cannot write: {error.strerror or error}", where=str(self._path), exit_code=EXIT_IO)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        message = "needs the extra parquet: pip install 'colocalc[parquet]'"
        raise ColocalcError(message, where="--draws", exit_code=EXIT_EXTRA) from None
    return pa
