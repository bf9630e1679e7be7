"""Commands without a fleet: the catalog, the schema, a file to start from."""

import os
from pathlib import Path
from typing import Annotated

import typer

from colocalc.cli.options import ColorOpt, FormatOpt, OutOpt, emit_report
from colocalc.errors import EXIT_IO, EXIT_USAGE, ColocalcError, did_you_mean, printable, quoted

app = typer.Typer()
_SCHEMAS = ("fleet", "report")


@app.command()
def catalog(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="gpus, models, cards, networks, defaults, sources, fleets or metrics.")
    ],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One entry, with all its numbers.")] = None,
    fmt: FormatOpt = None,
    output: OutOpt = None,
    color: ColorOpt = "auto",
) -> None:
    """What ships, each number with its source.

    Library twin: colocalc.catalog.load_catalog.
    """
    from colocalc.catalog import load_catalog
    from colocalc.report.views.catalog import view

    emit_report(view(load_catalog(), kind, name), fmt, output, color)


@app.command()
def schema(
    kind: Annotated[
        str, typer.Argument(metavar="[KIND]", help="fleet: what a fleet file holds; report: what --format json prints.")
    ] = "fleet",
    output: OutOpt = None,
) -> None:
    """The JSON Schema of a fleet file, for editors, or of reports as JSON, for programs.

    Library twin: colocalc.schema.fleet_schema_text and colocalc.contract.report_schema_text.
    """
    from colocalc.emit import write

    if kind not in _SCHEMAS:
        hint = did_you_mean(kind, _SCHEMAS)
        raise ColocalcError(f"{quoted(kind)} is none of {', '.join(_SCHEMAS)}", hint=hint, exit_code=EXIT_USAGE)
    if kind == "report":
        from colocalc.contract import report_schema_text

        write(report_schema_text(), output)
        return
    from colocalc.schema import fleet_schema_text

    write(fleet_schema_text(), output)


@app.command()
def init(
    sample: Annotated[str | None, typer.Argument(metavar="SAMPLE", help="Start from a bundled sample instead.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - for standard output.")
    ] = Path("fleet.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")] = False,
) -> None:
    """Writes a commented starter file, and its schema beside it for editors.

    Library twin: colocalc.schema.starter_text.
    """
    from colocalc.emit import to_stderr, write
    from colocalc.schema import SCHEMA_NAME, fleet_schema_text, starter_text

    text = starter_text(sample)
    if str(output) == "-":
        write(text, None)
        return
    if os.path.lexists(output) and not force:
        raise ColocalcError("exists already", where=str(output), hint="--force overwrites it", exit_code=EXIT_IO)
    write(text, output)
    beside = output.parent / SCHEMA_NAME
    if force or not beside.exists():
        write(fleet_schema_text(), beside)
    to_stderr(printable(f"wrote {output}; try: colocalc report {output}"))
