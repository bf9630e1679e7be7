"""What shells are offered: names that exist, quickly and in the form that typer's scripts read."""

import os
import subprocess
import sys

import pytest
import typer.main

from colocalc.catalog import fleet_names, load_catalog
from colocalc.cli import app, name_of
from colocalc.cli.completing import KINDS, ROOT_OPTIONS, answer, items
from colocalc.emit import FORMATS
from colocalc.loading import load_fleet
from colocalc.metrics import METRICS, STAGES
from colocalc.report.views.catalog import _LISTS
from colocalc.study.engine import ENGINES
from colocalc.variants import Variants

COMMANDS = {name_of(one): one for group in app.registered_groups for one in group.typer_instance.registered_commands}
CATALOG = load_catalog()


def offered(*words):
    return [item.value for item in items(COMMANDS, words)]


def without_options(*words):
    return [value for value in offered(*words) if not value.startswith("-")]


def test_the_first_word_is_a_command_or_an_option_of_the_program():
    group = typer.main.get_command(app)
    assert without_options() == list(group.commands)
    assert {item.value for item in ROOT_OPTIONS} == {"--help", *(param.opts[0] for param in group.params)}


def test_a_fleet_is_a_sample():
    assert without_options("mfu") == without_options("lease", "--rate-card", "x") == list(fleet_names())
    assert without_options("compare", "colossus-1") == list(fleet_names())
    assert without_options("mfu", "colossus-1") == []


def test_options_of_the_command_are_offered():
    assert {"--set", "--format", "--output", "--help"} <= set(offered("mfu", "colossus-1"))
    assert "--trials" not in offered("mfu", "colossus-1")


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (("lease", "--rate-card"), CATALOG.card_names()),
        (("catalog",), KINDS),
        (("catalog", "gpus"), tuple(CATALOG.gpus)),
        (("catalog", "models"), tuple(CATALOG.models)),
        (("catalog", "cards"), CATALOG.card_names()),
        (("catalog", "fleets"), fleet_names()),
        (("catalog", "sources"), tuple(CATALOG.sources)),
        (("catalog", "metrics"), tuple(METRICS)),
        (("explain",), (*STAGES, *METRICS)),
        (("explain", "bubble"), fleet_names()),
        (("sweep", "colossus-1", "--metric"), tuple(METRICS)),
        (("mfu", "--format"), FORMATS),
        (("risk", "--engine"), ENGINES),
        (("schema",), ("fleet", "report")),
        (("mfu", "colossus-1", "--scenario"), tuple(Variants("colossus-1", CATALOG).fleet.scenarios)),
    ],
)
def test_names_are_those_that_exist(words, known):
    assert without_options(*words) == list(known)


def test_kinds_are_those_of_the_catalog():
    assert set(KINDS) == set(_LISTS)


def test_keys_are_those_of_a_fleet_file_with_its_own_pools_and_sites():
    keys = without_options("mfu", "colossus-1", "--set")
    assert {"lease.rate_usd_per_gpu_h", "pools.gb200.count", "sites.memphis.pue_factor", "training.layout.tp"} <= set(
        keys
    )
    assert "mfu.memory_bound_share" in keys or any(key.startswith("mfu.") for key in keys)
    assert keys == without_options("solve", "colossus-1", "--for") == without_options("sweep", "colossus-1", "--over")
    assert not [key for key in keys if key.endswith((".value", ".low", ".note"))]


@pytest.mark.parametrize("key", ["lease.billed_share", "pools.h100.count", "finance.discount_rate_share"])
def test_a_key_that_is_offered_can_be_set(key):
    assert key in without_options("hedge", "colossus-1", "--set")
    load_fleet("colossus-1", catalog=CATALOG, sets=(f"{key}=1",))


def test_an_own_file_is_read_for_its_names(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: x\npools:\n  - gpu: h100\n    count: 8\n  - {name: b, gpu: h200, count: 8}\nscenarios:\n  one: {set: {}}\n"
    )
    keys = without_options("mfu", str(own), "--set")
    assert {"pools.h100.count", "pools.b.count"} <= set(keys)
    assert without_options("mfu", str(own), "--scenario") == ["one"]


@pytest.mark.parametrize("words", [("nope",), ("mfu", "--calibration"), ("catalog", "nope")])
def test_what_is_not_known_offers_nothing(words):
    assert without_options(*words) == []


@pytest.mark.parametrize(
    ("shell", "shown"),
    [
        ("bash", "mfu.stage.bubble_factor"),
        ("zsh", '_arguments \'*: :(("mfu.stage.bubble_factor":"pipeline fill and drain"))\''),
        ("fish", "mfu.stage.bubble_factor\tpipeline fill and drain"),
    ],
)
def test_each_shell_gets_its_own_form(monkeypatch, shell, shown):
    line = "colocalc explain mfu.stage.bub"
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", "2")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    assert answer(COMMANDS, shell) == (shown, 0)


def test_files_are_left_to_the_shell_where_nothing_fits(monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "colocalc mfu ./fl")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "is-args")
    assert answer(COMMANDS, "zsh") == ("_files", 0)
    assert answer(COMMANDS, "fish") == ("", 1)


@pytest.mark.parametrize(
    "line", ["colocalc mfu 'op", "", "colocalc", "colocalc --", "colocalc mfu --set=", "colocalc \\"]
)
@pytest.mark.parametrize("at", ["2", "x", "", "99999"])
def test_a_line_that_is_not_finished_breaks_nothing(monkeypatch, line, at):
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", at)
    assert answer(COMMANDS, "bash")[1] == 0


def test_a_shell_asks_and_is_answered():
    asked = {"_COLOCALC_COMPLETE": "complete_bash", "COMP_WORDS": "colocalc catalog gpus gb2", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "colocalc"], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [gpu for gpu in CATALOG.gpus if gpu.startswith("gb2")]
    assert done.stderr == ""


def test_typer_still_writes_the_script(colocalc, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # no shell may stand above the tests
    assert "_COLOCALC_COMPLETE" in colocalc("--show-completion", "bash").out
