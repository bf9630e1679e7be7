"""A report written where the user wants it: standard output or a file, whole or not at all."""

import errno
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from colocalc.errors import EXIT_IO, EXIT_READER_WENT_AWAY, EXIT_USAGE, ColocalcError, did_you_mean, printable, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from colocalc.report.table import Note, Report, Table
    from colocalc.report.workbook import Workbook

FORMATS = ("table", "json", "csv", "markdown", "html", "xlsx")
COLORS = ("auto", "always", "never")
_SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "table",
    ".html": "html",
    ".htm": "html",
    ".xlsx": "xlsx",
}
_FILE_WIDTH = 100


def emit(
    report: "Report",
    *,
    fmt: str | None,
    output: Path | None,
    color: str,
    model: "Callable[[], Workbook | None] | None" = None,
) -> None:
    """Renders a report and writes it; notes and warnings of the table form go to standard error.

    Parameters
    ----------
    report : Report
        What to show.
    fmt : str or None
        One of ``FORMATS``; None takes it from the ending of ``output``, else ``table``.
    output : Path or None
        A file, written atomically; None or ``-`` for standard output.
    color : str
        One of ``COLORS``.
    model : callable, optional
        Builds the live model that a workbook begins with.

    Raises
    ------
    ColocalcError
        When the format is not known, or the file cannot be written.
    """
    output = None if str(output) == "-" else output
    chosen = _format(fmt, output)
    if color not in COLORS:
        raise ColocalcError(
            f"{quoted(color)} is none of {', '.join(COLORS)}",
            where="--color",
            hint=did_you_mean(color, COLORS),
            exit_code=EXIT_USAGE,
        )
    if chosen == "xlsx":
        refuse_terminal(chosen, output)  # before the work
        from colocalc.report import to_xlsx

        write_bytes(to_xlsx.render(report, model() if model else None), output)
        return
    write(_rendered(report, chosen, output, color), output)
    if chosen in {"table", "csv"}:
        for note in report.notes:
            to_stderr(printable(f"{note.kind}: {note.text}"))


def emit_chart(report: "Report", name: str, *, fmt: str | None, output: Path | None) -> None:
    """Writes one chart of a report as a picture.

    Parameters
    ----------
    report : Report
        Whose tables are drawn.
    name : str
        Key of the chart.
    fmt : str or None
        ``svg``, ``png`` or ``pdf``; None takes it from the ending of ``output``.
    output : Path or None
        A file, written atomically; None or ``-`` for standard output.

    Raises
    ------
    ColocalcError
        When the report has no such chart, the format is none of a picture, the extra is missing, or the file cannot be
        written.
    """
    from colocalc.report.charts import charts_of
    from colocalc.report.drawing import FORMATS as PICTURES
    from colocalc.report.drawing import chart_bytes

    output = None if str(output) == "-" else output
    form = fmt or (output.suffix.lower().removeprefix(".") if output else "")
    if form not in PICTURES:
        where = "--format" if fmt else "--chart" if output is None else str(output)
        hint = f"use -o with an ending .{', .'.join(PICTURES)}, or --format"
        raise ColocalcError(f"a chart is one of {', '.join(PICTURES)}", where=where, hint=hint, exit_code=EXIT_USAGE)
    charts = {chart.key: chart for chart in charts_of(report)}
    if name not in charts:
        known = f"which has {', '.join(charts)}" if charts else "which has none"
        raise ColocalcError(
            f"{quoted(name)} is no chart of this report, {known}",
            where="--chart",
            hint=did_you_mean(name, charts),
            exit_code=EXIT_USAGE,
        )
    refuse_terminal(form, output)
    write_bytes(chart_bytes(charts[name], form, where="--chart"), output)


def emit_table(table: "Table", note: "Note", *, fmt: str | None, output: Path | None, shape: str) -> None:
    """Writes one table as CSV in a shape of its own, with a note on standard error.

    Raises
    ------
    ColocalcError
        When another format is asked for, or the file cannot be written.
    """
    output = None if str(output) == "-" else output
    chosen = "csv" if fmt is None and output is None else _format(fmt, output)
    if chosen != "csv":
        raise ColocalcError(f"is a shape of CSV, not of {chosen}", where=f"--csv-shape {shape}", exit_code=EXIT_USAGE)
    from colocalc.report import to_csv

    write(to_csv.render_table(table), output)
    to_stderr(f"{note.kind}: {note.text}")


def _format(fmt: str | None, output: Path | None) -> str:
    if fmt is None and output is not None:
        known = _SUFFIXES.get(output.suffix.lower())
        if known is None:
            raise ColocalcError(
                f"no format for the ending {quoted(output.suffix)}",
                where=str(output),
                hint=f"use one of {', '.join(_SUFFIXES)}, or --format",
                exit_code=EXIT_USAGE,
            )
        return known
    chosen = "table" if fmt is None else fmt
    if chosen not in FORMATS:
        hint = did_you_mean(chosen, FORMATS)
        raise ColocalcError(
            f"{quoted(chosen)} is none of {', '.join(FORMATS)}", where="--format", hint=hint, exit_code=EXIT_USAGE
        )
    return chosen


def _rendered(report: "Report", fmt: str, output: Path | None, color: str) -> str:
    if fmt == "json":
        from colocalc.report import to_json

        return to_json.render(report)
    if fmt == "csv":
        from colocalc.report import to_csv

        return to_csv.render(report)
    if fmt == "markdown":
        from colocalc.report import to_markdown

        return to_markdown.render(report)
    if fmt == "html":
        from colocalc.report import to_html

        return to_html.render(report)
    from colocalc.report import to_terminal

    return to_terminal.render(
        report,
        width=_width() if output is None else _FILE_WIDTH,
        color=output is None and _colored(color),
        ascii_only=output is None and not _speaks_unicode(),
    )


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]) > 0:
        return int(columns[:6])
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(sys.stdout.fileno()).columns or _FILE_WIDTH
    return _FILE_WIDTH


def _colored(color: str) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def _speaks_unicode() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "") in {"utf8", "utf16", "utf32", "cp65001"}


def write(text: str, output: Path | None) -> None:
    """Writes text to standard output, or to a file that appears whole or not at all.

    A pipe or a device is written to as it is, never replaced by a file.

    Raises
    ------
    ColocalcError
        When it cannot be written.
    SystemExit
        With 141 when the reader of standard output went away.
    """
    if output is None or str(output) == "-":
        _to_stdout(text)
        return
    write_bytes(text.encode(), output)


def refuse_terminal(fmt: str, output: Path | None) -> None:
    """Refuses to write what is no text to a terminal.

    Raises
    ------
    ColocalcError
        When standard output is one and nothing else is named.
    """
    if output is None and sys.stdout is not None and sys.stdout.isatty():
        raise ColocalcError(
            "is no text for a terminal", where=f"--format {fmt}", hint="name a file with -o", exit_code=EXIT_USAGE
        )


def write_bytes(data: bytes, output: Path | None) -> None:
    """Writes bytes to standard output, or to a file that appears whole or not at all; as ``write`` does text."""
    if output is None or str(output) == "-":
        _bytes_to_stdout(data)
        return
    try:
        if output.exists() and not output.is_file():
            _into(output, data)
        else:
            _replace(target_of(output), data)
    except OSError as error:
        raise ColocalcError(f"cannot write: {error.strerror or error}", where=str(output), exit_code=EXIT_IO) from None


def target_of(path: Path) -> Path:
    """The file that a path stands for: a link keeps pointing at what is replaced.

    Raises
    ------
    OSError
        When links go round in a circle.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _into(place: Path, data: bytes) -> None:
    """Writes to a pipe or a device as it is; a pipe that nobody reads would wait without end, and is a fault."""
    with open(place, "wb", opener=_open_read) as file:
        file.write(data)


def _open_read(path: str, flags: int) -> int:
    try:
        descriptor = os.open(path, flags & ~os.O_TRUNC | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "nobody reads this pipe") from None
        raise
    os.set_blocking(descriptor, True)
    return descriptor


def _replace(target: Path, data: bytes) -> None:
    mode = file_mode(target)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def file_mode(target: Path) -> int:
    """The permissions of a file that takes this place: those it has, else what a new file gets."""
    return target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _to_stdout(text: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    _bytes_to_stdout(text.encode(encoding, errors="backslashreplace"))


def _bytes_to_stdout(data: bytes) -> None:
    if sys.stdout is None:
        raise ColocalcError("cannot write: it is closed", where="standard output", exit_code=EXIT_IO)
    try:
        left = memoryview(data)
        sys.stdout.flush()
        while left:  # an unbuffered stream may take a part, and say only then that there is no room for the rest
            left = left[sys.stdout.buffer.write(left) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        sys.exit(EXIT_READER_WENT_AWAY)
    except OSError as error:
        silence(sys.stdout)
        raise ColocalcError(
            f"cannot write: {error.strerror or error}", where="standard output", exit_code=EXIT_IO
        ) from None


def to_stderr(line: str, end: str = "\n") -> None:
    """Writes a line to standard error, if there is one that takes it."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{line}{end}")
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Leads a stream that takes nothing more to nowhere, or Python complains again, with its own code, at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
