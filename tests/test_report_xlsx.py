"""A report as a workbook: values and text as they are, formulas with the values of the engine, the same bytes twice."""

import io
import json
import re
import sys
import zipfile
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from colocalc.report import to_json, to_xlsx
from colocalc.report.table import Assumption, Column, Note, Report, Table
from colocalc.report.views.model.inputs import cell_name_of

SAMPLES = ("colossus-1", "neocloud-1k-h100", "spacex-filing-325k", "meta-llama3-16k")
USAGE, EXTRA = 2, 4
LIVE = {"Inputs", "Rate card", "Run rate", "Profile", "Months", "Cash flow", "Rates of return", "By year", "Hedge"}
# What names may be made of is checked where a file is read; all other text is anything.
HOSTILE = """
name: "=cmd|'/c calc'!A1"
title: "@SUM(1+1)*cmd|' /C calc'!A0"
pools:
  - {name: 1-1, gpu: h100-sxm, count: 100, site: R1C1}
  - {name: A1, gpu: h100-sxm, count: {value: 100, note: "<r><t>x</t></r>"}, site: R1C1}
  - {name: x0041_, gpu: h200-sxm, count: {value: 100, note: "http://example.com/_x0041_"}, site: R1C1}
  - {name: a-b, gpu: h200-sxm, count: {value: 50, note: "+1\u202e"}, site: R1C1}
  - {name: a_b, gpu: h200-sxm, count: 50, site: R1C1}
  - {name: LONG, gpu: h200-sxm, count: 50, site: R1C1}
sites: {R1C1: {facility_power_mw: 1, energy_price_usd_per_mwh: {value: 50, note: "=1+1"}}}
lease: {rate_usd_per_gpu_h: {value: 2, note: "-2+3", source: "here"}, months: 12, start: 2026-01-01}
costs: {capital_usd_per_gpu: {h100-sxm: 20_000, h200-sxm: 25_000}}
finance: {discount_rate_share: 0.1, loss_usd: 1e6, loss_months: 12}
sources: {here: {title: "=HYPERLINK(\\"http://x.example\\",\\"y\\")", date: 2026-01-01, kind: press, url: "http://x.example"}}
"""
CELL = re.compile(r"^[A-Za-z]{1,3}[0-9]+$")


@pytest.fixture(scope="module")
def reported():
    """The report of a sample as commands have it, and its workbook; each is made once."""
    made = {}

    def make(name, command="report"):
        if (name, command) not in made:
            made[name, command] = _made(name, command)
        return made[name, command]

    return make


def _made(name, command):
    from typer.testing import CliRunner

    import colocalc.emit
    from colocalc.cli import app

    told = []
    own = colocalc.emit.emit
    colocalc.emit.emit = lambda report, **options: told.append((report, options["model"]))
    try:
        done = CliRunner().invoke(app, [command, name])
    finally:
        colocalc.emit.emit = own
    assert done.exit_code == 0, done.output
    report, model = told[0]
    live = model() if model else None
    return report, live, to_xlsx.render(report, live)


def opened(data, *, values=True):
    return openpyxl.load_workbook(io.BytesIO(data), data_only=values)


def sheet_names(report, live):
    """The sheet of each table, named as the renderer names them."""
    taken = {sheet.name.casefold() for sheet in (live.sheets[:-1] if live else ())} or {"summary"}
    return {table.key: to_xlsx.safe_name(table.title, taken) for table in report.tables}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_table_is_a_sheet_with_the_numbers_of_json(reported, name):
    report, live, data = reported(name)
    book, tables = opened(data), json.loads(to_json.render(report))["tables"]

    assert len(tables) >= 5
    for table in report.tables:
        rows = list(
            book[sheet_names(report, live)[table.key]].iter_rows(
                min_row=5, max_col=len(table.columns), values_only=True
            )
        )
        known = [tuple(row.values()) for row in tables[table.key]]
        assert len(rows) == len(known) or not known
        for found, row in zip(rows, known, strict=False):
            assert [cell or "" if not isinstance(cell, int | float) else cell for cell in found] == [
                cell or "" if not isinstance(cell, int | float) else cell for cell in row
            ]


@pytest.mark.parametrize("name", SAMPLES)
def test_assumptions_and_sources_are_sheets(reported, name):
    report, _, data = reported(name)
    book = opened(data)
    rows = list(book["Assumptions"].iter_rows(min_row=5, values_only=True))

    assert [row[0] for row in rows] == [assumption.path for assumption in report.assumptions]
    assert [row[1] or "" for row in rows if row[1] != 0] == [
        assumption.value or "" for assumption in report.assumptions if assumption.value != 0
    ]
    assert book["Sources"].max_row >= 5


@pytest.mark.parametrize("name", SAMPLES)
def test_formulas_carry_the_values_of_the_engine(reported, name):
    report, live, data = reported(name)
    rows = list(opened(data)["Summary"].iter_rows(values_only=True))
    shown = {row[0]: row[1] for row in rows if row[0] in report.metrics}

    assert len(live.metrics) >= 25
    for metric, cell in live.metrics.items():
        assert cell.formula
        if metric in report.metrics:
            assert cell.value == pytest.approx(report.metrics[metric], rel=1e-9, abs=1e-12), metric
            assert shown[metric] == cell.value
        else:
            assert cell.value == "undefined"


def test_a_lease_has_its_model_too(reported):
    report, live, data = reported("neocloud-1k-h100", "lease")

    assert set(opened(data).sheetnames) >= LIVE
    assert not {"MFU waterfall", "H100e"} & set(opened(data).sheetnames)
    assert live.metrics["lease.equity_irr_share"].value == pytest.approx(report.metrics["lease.equity_irr_share"])


def test_every_formula_has_a_value_and_none_is_an_error(reported):
    for name in SAMPLES:
        data = reported(name)[2]
        formulas, values = opened(data, values=False), opened(data)
        for sheet in formulas:
            for row in sheet.iter_rows():
                for cell in row:
                    assert cell.data_type != "e"
                    if cell.data_type == "f" and "IF(OR(" not in cell.value and '""' not in cell.value:
                        assert values[sheet.title][cell.coordinate].value is not None, (sheet.title, cell.coordinate)


def test_names_are_valid_unique_and_point_at_inputs(reported):
    for sample in SAMPLES:
        book = opened(reported(sample)[2])
        names = [name for name in book.defined_names if not name.startswith("_xlnm")]
        assert len({name.casefold() for name in names}) == len(names)
        for name in names:
            assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)
            assert not CELL.match(name)
            assert re.fullmatch(r"'?Inputs'?!\$B\$\d+", book.defined_names[name].attr_text)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lease.rate_usd_per_gpu_h", "lease_rate_usd_per_gpu_h"),
        ("cards.story-2026-05.h100-sxm.rate_usd_per_gpu_h", "cards_story_2026_05_h100_sxm_rate_usd_per_gpu_h"),
        ("1a.b", "input_1a_b"),
        ("A1", "A1_input"),
        ("é.=x", "input____x"),
    ],
)
def test_a_path_is_a_name(path, name):
    assert cell_name_of(path) == name


def test_a_long_path_is_a_short_name_of_its_own():
    one, other = (cell_name_of(f"pools.{'x' * 300}{end}.count") for end in "ab")

    assert len(one) < 255
    assert one != other


def test_two_runs_have_the_same_bytes(colocalc, tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        assert colocalc("report", "neocloud-1k-h100", "-o", tmp_path / name).code == 0

    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_hostile_fleet_is_text(colocalc, tmp_path):
    fleet, out = tmp_path / "f.yaml", tmp_path / "f.xlsx"
    fleet.write_text(HOSTILE.replace("LONG", "n" * 60))
    run = colocalc("report", fleet, "-o", out)
    assert run.code == 0, run.err
    data = out.read_bytes()
    book = opened(data, values=False)
    formulas = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]

    assert formulas
    for formula in formulas:
        assert not re.search(r"cmd|HYPERLINK|http|\|", formula)
        text = re.sub(r'"(undefined|[<>]0)?"', "", formula)
        assert re.fullmatch(r"=[A-Za-z0-9_()+\-*/^.,:<>=$!' ]+", text), formula
    texts = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "s"}
    assert {
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "=1+1",
        "-2+3",
        "1-1",
        " <r><t>x</t></r>",
        "http://example.com/_x0041_",
    } <= texts
    assert {"+1\\u202e", "x0041_", "n" * 60, '=HYPERLINK("http://x.example","y") (2026-01-01, press)'} <= texts
    assert {"pools_a_b_count", "pools_a_b_count_2"} <= set(book.defined_names)
    assert not any(sheet._hyperlinks for sheet in book)


def test_a_file_is_well_formed(reported):
    for name in SAMPLES:
        with zipfile.ZipFile(io.BytesIO(reported(name)[2])) as parts:
            assert parts.testzip() is None
            assert {part.date_time[0] for part in parts.infolist()} == {1980}
            for part in parts.namelist():
                ET.fromstring(parts.read(part))  # noqa: S314 - our own file


def test_sheets_are_set_up_for_screen_and_print(reported):
    book = opened(reported("neocloud-1k-h100")[2])
    for sheet in book:
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.fitToHeight == 0
        assert "&P" in sheet.oddFooter.right.text
        assert not sheet.merged_cells.ranges

    flow = book["Cash flow"]
    assert flow.freeze_panes == "D5"
    assert flow.print_title_cols == "$A:$C"
    assert flow.print_title_rows == "$4:$4"
    assert len(book["By year"]._charts) == len(book["Rate card"]._charts) == 1
    assert book["Inputs"].sheet_properties.tabColor.rgb == "FF70AD47"


def test_numbers_keep_all_their_digits():
    value = 0.1 + 0.2
    table = Table(
        "t", "T", (Column("a_usd", "A", "usd"), Column("b", "B", kind="text")), ((value, "=1+1"), (None, True))
    )
    report = Report("mfu", "A title", "f", None, {"hedge.gross_share": 1 / 3}, {"x": "why"}, {}, (table,))
    book = opened(to_xlsx.render(report))

    assert book["T"]["A5"].value == value
    assert (book["T"]["B5"].value, book["T"]["B5"].data_type) == ("=1+1", "s")
    assert (book["T"]["A6"].value, book["T"]["B6"].value) == (None, True)
    assert book["Summary"]["B4"].value == 1 / 3
    assert book["Summary"]["D5"].value == "why"


def test_what_is_not_finite_is_no_cell():
    table = Table("t", "T", (Column("a", "A"),), ((float("nan"),), (float("inf"),)))

    assert [row[0].value for row in opened(to_xlsx.render(_report(table)))["T"]["A5:A6"]] == [None, None]


def _report(*tables):
    bands = (Assumption("a.b_usd", 2.0, "usd", 1.0, 3.0, "s", "given", "=x"),)
    return Report("mfu", "A", "f", None, {}, {}, {}, tables, notes=(Note("=note"),), assumptions=bands)


def test_names_of_sheets_are_safe_and_unique():
    columns = (Column("a", "A"),)
    titles = ("x" * 40, "x" * 40, "X" * 31, "a[b]c:d*e?f/g\\h", "'quoted'", "History", "\x00", "Summary", "assumptions")
    tables = tuple(Table(f"t{number}", title, columns, ()) for number, title in enumerate(titles))
    names = opened(to_xlsx.render(_report(*tables))).sheetnames

    assert len({name.casefold() for name in names}) == len(names) == len(titles) + 4
    assert all(0 < len(name) <= 31 for name in names)
    assert not any(re.search(r"[\[\]:*?/\\\x00-\x1f]|^'|'$", name) for name in names)


def test_every_command_has_a_workbook(colocalc, tmp_path):
    for number, arguments in enumerate(
        (("mfu", "colossus-1"), ("catalog", "gpus"), ("explain", "bubble"), ("check", "colossus-1"))
    ):
        out = tmp_path / f"{number}.xlsx"
        run = colocalc(*arguments, "-o", out)
        assert run.code == 0, run.err
        assert openpyxl.load_workbook(out).sheetnames[0] == "Summary"


def test_without_xlsxwriter_the_extra_is_named(colocalc, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    run = colocalc("h100e", "colossus-1", "-o", tmp_path / "x.xlsx")

    assert run.code == EXTRA
    assert run.err == "--format xlsx: needs the extra xlsx: pip install 'colocalc[xlsx]'\n"
    assert not list(tmp_path.iterdir())


def test_a_terminal_gets_no_workbook(monkeypatch):
    from colocalc.emit import refuse_terminal
    from colocalc.errors import ColocalcError

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(ColocalcError, match="is no text for a terminal; name a file") as refused:
        refuse_terminal("xlsx", None)

    assert refused.value.exit_code == USAGE


def test_a_pipe_gets_the_bytes(tmp_path):
    import subprocess

    command = [sys.executable, "-m", "colocalc", "h100e", "colossus-1", "--format", "xlsx"]
    done = subprocess.run(command, capture_output=True, check=True)

    assert done.stdout[:2] == b"PK"
    assert opened(done.stdout).sheetnames[0] == "Summary"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Which megawatts, and of what draw", "Which megawatts, and of what"),
        ("From peak to fleet MFU", "From peak to fleet MFU"),
        ("a" * 40, "a" * 31),
        ("one " + "b" * 40, "one " + "b" * 27),
    ],
)
def test_the_name_of_a_sheet_ends_with_a_whole_word_where_it_can(title, name):
    assert to_xlsx.safe_name(title, set()) == name
