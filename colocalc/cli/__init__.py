"""The command line: each command loads, lowers, studies, views and emits, and nothing more."""

import os
import sys
from typing import Annotated, NoReturn, TextIO

import typer

from colocalc.cli import calibrate, checks, choices, comparing, files, grids, layouts, reports, trials
from colocalc.errors import EXIT_IO, ColocalcError
from colocalc.guide import epilog


def name_of(command: typer.models.CommandInfo) -> str:
    """What a command is called: its own name, else that of its function."""
    return command.name or str(getattr(command.callback, "__name__", ""))


app = typer.Typer(
    name="colocalc",
    help="Capacity and lease economics of GPU fleets: every number with its definition, source and band.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for group in (reports, choices, layouts, checks, comparing, grids, trials, calibrate, files):
    for command in group.app.registered_commands:
        command.epilog = epilog(name_of(command))
    app.add_typer(group.app)


def _version(wanted: bool) -> None:
    if wanted:
        from colocalc import __version__
        from colocalc.emit import write

        write(f"colocalc {__version__}\n", None)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


def run() -> NoReturn:
    """Runs the command line and leaves with its exit code."""
    _complete_if_asked()
    try:
        code = app(prog_name="colocalc", standalone_mode=False)
    except ColocalcError as error:
        _leave(str(error), error.exit_code)
    except OSError as error:
        # Reports and files say where; what is left is typer's own help on a full disk.
        _silence(sys.stdout)
        _leave(f"cannot read or write: {error.strerror or error}", EXIT_IO)
    except MemoryError:
        _leave("not enough memory: take fewer points, smaller blocks, or a smaller fleet", EXIT_IO)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        # Usage errors are typer's own: they know how to show themselves and which code they stand for.
        show = getattr(error, "show", None)
        if show is None:
            raise
        try:
            show()
        except OSError:
            _silence(sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))
    sys.exit(code if isinstance(code, int) else 0)


def _complete_if_asked() -> None:
    """Answers a shell that completes a command line; typer answers the other shells."""
    asked, _, shell = os.environ.get("_COLOCALC_COMPLETE", "").partition("_")
    if asked != "complete" or shell not in {"bash", "zsh", "fish"}:
        return
    from colocalc.cli.completing import answer

    commands = {name_of(one): one for group in app.registered_groups for one in _of(group)}
    text, code = answer(commands, shell)
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        _silence(sys.stdout)
    sys.exit(code)


def _of(group: typer.models.TyperInfo) -> list[typer.models.CommandInfo]:
    return group.typer_instance.registered_commands if group.typer_instance else []


def _silence(stream: TextIO) -> None:
    from colocalc.emit import silence

    silence(stream)


def _leave(message: str, code: int) -> NoReturn:
    from colocalc.emit import to_stderr

    to_stderr(message)
    sys.exit(code)
