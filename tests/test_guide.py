"""What is shown first, and the examples that end the help of every command."""

import shlex

import pytest
import typer.main

from colocalc.catalog import fleet_names
from colocalc.cli import app
from colocalc.guide import EXAMPLES, FIRST

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SHOWN = [line.split("   ")[0].strip() for line in FIRST.splitlines() if line.startswith("  colocalc")]
LINES = [line for lines in EXAMPLES.values() for line in lines]
OWN = {"fleet.yaml", "runs.yaml", "-"}


def test_every_command_has_examples():
    assert set(EXAMPLES) == set(COMMANDS)
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("line", [*SHOWN, *LINES])
def test_an_example_is_a_line_that_the_command_takes(line):
    program, name, *arguments = shlex.split(line)
    assert program == "colocalc"
    context = COMMANDS[name].make_context(name, arguments)
    given = [context.params.get("fleet"), *(context.params.get("fleets") or ())]
    assert {each.partition("@")[0] for each in given if each} <= {*fleet_names(), *OWN}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_its_examples(colocalc, name):
    run = colocalc(name, "--help", columns=80)
    assert run.out.rstrip().endswith("\n".join(f"    {line}" for line in EXAMPLES[name]))
    assert run.out.splitlines().count("  Examples:") == 1


def test_what_is_shown_first_fits_a_terminal_and_names_fleets_that_ship():
    assert max(map(len, FIRST.splitlines())) <= 80
    assert len(FIRST.splitlines()) < 24
    assert {"colossus-1", "meta-llama3-16k", "neocloud-1k-h100"} <= {word for line in SHOWN for word in line.split()}
