"""What leaves the tool: the JSON contract, CSV, Markdown, colour, and files that are written whole or not at all."""

import csv
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from colocalc.emit import emit, write
from colocalc.errors import EXIT_IO, ColocalcError
from colocalc.metrics import is_metric, unit_suffix
from colocalc.report.table import Column, Note, Report, Table

SAMPLES = ("colossus-1", "meta-llama3-16k", "neocloud-1k-h100")
STUDIES = ("mfu", "lease", "hedge", "h100e", "report", "check")
RUNS = [(command, sample) for command in STUDIES for sample in SAMPLES]
USAGE = 2
READER_WENT_AWAY = 141
NOBODY = 65534
POOLS = {"h100", "h200", "gb200", "h100-sxm"}
KEYS = [
    "schema",
    "command",
    "fleet",
    "scenario",
    "metrics",
    "undefined",
    "units",
    "tables",
    "assumptions",
    "notes",
    "title",
    "headline",
    "sources",
]
ANSI = "\x1b["
ENDINGS = {".json": "json", ".csv": "csv", ".md": "markdown", ".markdown": "markdown", ".JSON": "json"}
REPORT = Report(
    command="mfu",
    title="A title",
    fleet="f",
    scenario=None,
    metrics={},
    undefined={},
    units={},
    tables=(Table("numbers", "Numbers", (Column("value", "Value"),), ((1.5,),)),),
    notes=(Note("read this", "warning"),),
)


def not_a_number(word):
    raise ValueError(f"{word} is no JSON")


@pytest.fixture
def told(recalled):
    """The JSON of a run, read by a parser that takes nothing beyond the standard."""

    def tell(*arguments):
        run = recalled(*arguments, "--format", "json")
        assert run.code == 0, run.err
        return json.loads(run.out, parse_constant=not_a_number)

    return tell


@pytest.fixture
def locked():
    """A folder with a file that may be read and not written; root, whom no mode binds, is nobody for the test."""
    folder = Path(tempfile.mkdtemp())
    (folder / "r.txt").write_text("before")
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


# The JSON contract


@pytest.mark.parametrize(("command", "sample"), RUNS)
def test_a_document_has_exactly_the_keys_of_the_contract(told, command, sample):
    document = told(command, sample)

    assert list(document) == KEYS
    assert (document["schema"], document["command"], document["fleet"]) == (1, command, sample)
    assert document["scenario"] is None


@pytest.mark.parametrize(("command", "sample"), RUNS)
def test_each_metric_is_registered_finite_and_in_its_unit(told, command, sample):
    document = told(command, sample)
    assert document["metrics"]
    for name, value in document["metrics"].items():
        assert is_metric(name, POOLS), name
        assert isinstance(value, float), name
        assert value - value == 0.0, name
        assert document["units"][name] == unit_suffix(name)
        assert name.endswith((f"_{document['units'][name]}", f".{document['units'][name]}"))


@pytest.mark.parametrize(("command", "sample"), RUNS)
def test_a_metric_has_a_value_or_a_reason_and_never_both(told, command, sample):
    document = told(command, sample)

    assert not set(document["metrics"]) & set(document["undefined"])
    assert set(document["units"]) == set(document["metrics"]) | set(document["undefined"])
    assert all(is_metric(name) and reason for name, reason in document["undefined"].items())


@pytest.mark.parametrize(("command", "sample"), RUNS)
def test_each_assumption_says_its_value_band_source_and_origin(told, command, sample):
    for row in told(command, sample)["assumptions"]:
        assert list(row) == ["path", "value", "unit", "low", "high", "source", "origin", "note"]
        assert row["origin"] in {"given", "catalog", "assumed", "derived"}
        assert row["value"] is not None
        assert row["unit"] is None or unit_of_path(row["path"]) == row["unit"]
        for end, holds in (("low", float.__le__), ("high", float.__ge__)):
            assert row[end] is None or holds(float(row[end]), float(row["value"]))


def unit_of_path(path):
    from colocalc.units import unit_of

    return unit_of(path).suffix


@pytest.mark.parametrize(("command", "sample"), [*RUNS, ("lease", "--rate-card=market-3yr")])
def test_each_source_cited_has_a_title(told, command, sample):
    document = told(command, sample)
    rows = [*document["assumptions"], *(row for table in document["tables"].values() for row in table)]
    cited = {name.strip() for row in rows for name in (row.get("source") or "").split(",")} - {""}

    assert cited == set(document["sources"])
    assert all(document["sources"].values())


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_number_from_the_catalog_or_assumed_has_a_source(told, sample):
    for row in told("report", sample)["assumptions"]:
        if row["origin"] == "catalog" or (row["origin"] == "assumed" and isinstance(row["value"], float)):
            assert row["source"], row["path"]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("command", ["mfu", "lease", "hedge", "h100e", "check"])
def test_one_commands_metrics_are_those_of_the_report(told, command, sample):
    if (command, sample) == ("lease", "meta-llama3-16k"):  # it has no lease: the command takes a card, the report none
        return
    part, whole = told(command, sample), told("report", sample)

    assert part["metrics"].items() <= whole["metrics"].items()
    assert part["undefined"].items() <= whole["undefined"].items()
    assert {key: rows for key, rows in part["tables"].items() if rows != whole["tables"].get(key)} == {}


@pytest.mark.parametrize(("command", "sample"), RUNS)
def test_the_notes_are_notes_or_warnings(told, command, sample):
    for note in told(command, sample)["notes"]:
        assert set(note) == {"text", "kind"}
        assert note["kind"] in {"note", "warning"}


def test_a_run_again_writes_the_same_bytes(colocalc):
    first, second = (colocalc("report", "colossus-1", "--format", "json").out for _ in range(2))

    assert first == second
    assert first.isascii()


def test_the_scenario_is_named(told):
    assert told("mfu", "colossus-1", "--scenario", "tree")["scenario"] == "tree"


# CSV and Markdown


@pytest.mark.parametrize("sample", SAMPLES)
def test_csv_holds_every_table_under_its_own_header(recalled, told, sample):
    text = recalled("report", sample, "--format", "csv").out
    blocks = [list(csv.reader(io.StringIO(block))) for block in text.split("\n\n")]
    tables = told("report", sample)["tables"]

    assert [rows[1][0] for rows in blocks] == [*tables, "assumptions"]
    for header, *rows in blocks:
        assert header[0] == "table"
        assert all(len(row) == len(header) for row in rows)
    for (header, *rows), table in zip(blocks, tables.values(), strict=False):
        assert header[1:] == list(table[0])
        assert len(rows) == len(table)


def test_csv_numbers_are_raw(colocalc):
    rows = csv.reader(io.StringIO(colocalc("lease", "colossus-1", "--format", "csv").out))
    total = next(row for row in rows if row[:2] == ["revenue", "total"])

    assert "5010720000.0" in total


@pytest.mark.parametrize("sample", SAMPLES)
def test_markdown_has_a_section_and_a_grid_for_every_table(recalled, told, sample):
    text = recalled("report", sample, "--format", "markdown").out
    document = told("report", sample)

    assert text.startswith("# ")
    for section in re.split(r"\n## ", text)[1:]:
        grid = [line for line in section.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in grid}) <= 1
    grids = [line for line in text.splitlines() if re.fullmatch(r"\|( -+:? \|)+", line)]
    assert (
        len(grids) == len(document["tables"].keys() - {"months", "loan_to_value"}) + 1
    )  # nobody reads pages of months


# Files


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_ending_of_a_file_picks_its_format(colocalc, tmp_path, ending):
    path = tmp_path / f"report{ending}"
    run = colocalc("lease", "colossus-1", "-o", path)

    assert (run.code, run.out) == (0, "")
    assert path.read_bytes().decode() == colocalc("lease", "colossus-1", "--format", ENDINGS[ending]).out
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_text_file_is_a_table_a_hundred_columns_wide_without_colour(colocalc, tmp_path):
    colocalc("lease", "colossus-1", "-o", tmp_path / "r.txt", "--color", "always", columns=200)
    text = (tmp_path / "r.txt").read_text(encoding="utf-8")

    assert text == colocalc("lease", "colossus-1", columns=100).out
    assert ANSI not in text


def test_a_format_goes_before_the_ending(colocalc, tmp_path):
    colocalc("mfu", "colossus-1", "-o", tmp_path / "r.txt", "--format", "json")

    assert json.loads((tmp_path / "r.txt").read_text())["command"] == "mfu"


@pytest.mark.parametrize("name", ["report", "report.xml", "report.json.gz", ".json"])
def test_an_ending_without_a_format_is_refused(colocalc, tmp_path, name):
    run = colocalc("mfu", "colossus-1", "-o", tmp_path / name)

    assert (run.code, run.out) == (USAGE, "")
    assert ".json, .csv, .md, .markdown, .txt, .html, .htm, .xlsx, or --format" in run.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--format", "xml", "table, json, csv, markdown"),
        ("--format", "jsn", "did you mean json?"),
        ("--format", "JSON", '"JSON" is none of'),
        ("--format", "", "is none of"),
        ("--color", "sometimes", "auto, always, never"),
        ("--color", "neverr", "did you mean never?"),
    ],
)
def test_a_word_that_is_no_choice_is_refused_with_the_choices(colocalc, tmp_path, option, value, says):
    run = colocalc("mfu", "colossus-1", option, value)

    assert (run.code, run.out) == (USAGE, "")
    assert run.err.startswith(f"{option}: ")
    assert says in run.err


def test_a_dash_is_standard_output(colocalc):
    assert colocalc("mfu", "colossus-1", "-o", "-").out == colocalc("mfu", "colossus-1").out
    assert colocalc("mfu", "colossus-1", "-o", "-", "-f", "csv").out == colocalc("mfu", "colossus-1", "-f", "csv").out


def test_notes_of_a_table_in_a_file_still_go_to_standard_error(colocalc, tmp_path):
    run = colocalc("mfu", "colossus-1", "-o", tmp_path / "r.csv")

    assert "warning: training: 224 GPUs are left over" in run.err


def test_a_file_that_is_there_is_replaced_and_keeps_its_mode(tmp_path):
    path = tmp_path / "r.txt"
    path.write_text("before")
    path.chmod(0o640)
    write("after", path)

    assert path.read_text() == "after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_new_file_has_the_mode_the_mask_allows(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write("text", tmp_path / "r.txt")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "r.txt").stat().st_mode) == mode


def test_a_link_goes_on_pointing_at_what_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "r.txt", tmp_path / "link.txt"
    target.write_text("before")
    link.symlink_to(target)
    write("after", link)

    assert link.is_symlink()
    assert target.read_text() == "after"


def test_a_link_to_nothing_yet_makes_its_target(tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "new.txt")
    write("text", link)

    assert link.is_symlink()
    assert (tmp_path / "new.txt").read_text() == "text"


def test_a_reader_of_the_file_before_keeps_what_it_opened(tmp_path):
    path = tmp_path / "r.txt"
    path.write_text("before")
    with path.open() as reader:
        write("after", path)
        assert reader.read() == "before"


def test_text_is_written_as_utf_8_with_the_line_ends_it_has(tmp_path):
    write("µ — 10\r\nx\n", tmp_path / "r.txt")

    assert (tmp_path / "r.txt").read_bytes() == "µ — 10\r\nx\n".encode()


@pytest.mark.parametrize("name", ["r.txt", "new.txt"])
def test_a_folder_that_cannot_be_written_leaves_the_file_alone(locked, name):
    with pytest.raises(ColocalcError) as raised:
        write("after", locked / name)

    assert raised.value.exit_code == EXIT_IO
    assert str(raised.value) == f"{locked / name}: cannot write: Permission denied"
    assert [(each.name, each.read_text()) for each in locked.iterdir()] == [("r.txt", "before")]


@pytest.mark.parametrize("broken", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_whatever_goes_wrong_on_the_way_the_file_is_whole_and_nothing_else_is_left(
    tmp_path, monkeypatch, broken, problem
):
    path = tmp_path / "r.txt"
    path.write_text("before")

    def fails(*_arguments):
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(broken, fails)
        with pytest.raises((ColocalcError, KeyboardInterrupt)):
            write("after", path)

    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("r.txt", "before")]


def test_a_report_that_cannot_be_rendered_leaves_the_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    path.write_text("before")

    def fails(_report):
        raise ValueError("no")

    monkeypatch.setattr("colocalc.report.to_json.render", fails)
    with pytest.raises(ValueError, match="no"):
        emit(REPORT, fmt=None, output=path, color="auto")

    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("r.json", "before")]


@pytest.mark.parametrize(
    ("place", "says"),
    [("missing/r.json", "No such file or directory"), ("file/r.json", "Not a directory"), ("dir.json", "directory")],
)
def test_a_place_that_takes_no_file_is_named_with_the_reason(colocalc, tmp_path, place, says):
    (tmp_path / "file").write_text("")
    (tmp_path / "dir.json").mkdir()
    before = sorted(tmp_path.rglob("*"))
    run = colocalc("mfu", "colossus-1", "-o", tmp_path / place)

    assert (run.code, run.out) == (EXIT_IO, "")
    assert run.err.startswith(f"{tmp_path / place}: cannot write: ")
    assert says in run.err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write("text", path)

    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


# Standard output and colour


def test_a_reader_that_went_away_ends_the_program_quietly(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        with pytest.raises(SystemExit) as left:
            write("text", None)
        monkeypatch.undo()

    assert left.value.code == READER_WENT_AWAY


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_no_defect(monkeypatch, capsys, stream):
    monkeypatch.setattr(sys, stream, None)
    if stream == "stderr":
        emit(REPORT, fmt="csv", output=None, color="auto")
        assert capsys.readouterr().out.startswith("table,value\n")
    else:
        with pytest.raises(ColocalcError, match="it is closed") as raised:
            emit(REPORT, fmt=None, output=None, color="auto")
        assert raised.value.exit_code == EXIT_IO


@pytest.mark.parametrize(("color", "styled"), [("auto", False), ("never", False), ("always", True)])
def test_colour_is_for_a_terminal_or_where_it_is_asked_for(colocalc, color, styled):
    run = colocalc("mfu", "colossus-1", "--color", color)

    assert (ANSI in run.out) is styled
    assert ANSI not in run.err


def test_colour_changes_no_word(colocalc):
    styled = colocalc("mfu", "colossus-1", "--color", "always").out

    plain = "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", styled).split("\n"))
    assert plain == colocalc("mfu", "colossus-1").out


@pytest.mark.parametrize("form", ["json", "csv", "markdown"])
def test_only_tables_have_colour(colocalc, form):
    assert ANSI not in colocalc("mfu", "colossus-1", "--color", "always", "--format", form).out


@pytest.mark.parametrize(
    ("environment", "options", "styled"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], True),
        ({"TERM": "dumb"}, [], False),
        ({}, ["--color", "never"], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
    ],
)
def test_a_terminal_gets_colour_unless_it_is_declined(environment, options, styled):
    master, slave = pytest.importorskip("pty").openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM", "COLUMNS"}}
    done = subprocess.run(
        [sys.executable, "-m", "colocalc", "catalog", "networks", *options],
        stdout=slave,
        stderr=subprocess.PIPE,
        env={**kept, "TERM": "xterm", **environment},
        timeout=30,
        check=False,
    )
    os.close(slave)
    shown = os.read(master, 100_000)
    os.close(master)

    assert (done.returncode, done.stderr) == (0, b"")
    assert (ANSI.encode() in shown) is styled
