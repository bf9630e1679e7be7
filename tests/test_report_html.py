"""A report as a page: nothing in it acts or fetches, tables are tables, and every number is that of the JSON."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from colocalc import __version__
from colocalc.catalog import fleet_names
from colocalc.metrics import METRICS
from colocalc.report import to_html, to_json
from colocalc.report.charts import charts_of
from colocalc.report.table import Assumption, Column, Note, Report, Table, cell_text, raw

EXTRA = 4
MOST_BYTES = 300_000
VOID = {"meta", "link", "wbr", "br", "path", "line", "rect"}
ACTS = {"script", "iframe", "object", "embed", "form", "base", "img", "image", "use", "foreignobject", "style"}
REFERS = {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background"}
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;</svg></style>"
HOSTILE = """
name: evil
title: &attack "<script>alert(1)</script><img src=x onerror=alert(2)>\\"'&amp;</svg></style>"
pools: [{name: a, gpu: h100-sxm, count: {value: 64, note: *attack, source: here}}]
training: {model: llama-3.1-8b, global_batch_tokens: 4_194_304, sequence_tokens: 8_192}
lease: {rate_usd_per_gpu_h: 2}
finance: {reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2, mfu_share: 0.4}, loss_usd: 1e6, loss_months: 12}
claims: [{id: c, statement: *attack, who: *attack, metric: mfu.fleet_share, says: 0.3, source: here}]
sources: {here: {title: *attack, date: 2026-01-01, kind: press, url: "javascript:alert(3)"}}
"""


@dataclass
class Cell:
    tag: str
    scope: str | None
    text: str = ""
    values: list[str] = field(default_factory=list)


@dataclass
class Grid:
    """A table of the page, by the section it stands in."""

    caption: str = ""
    head: list[Cell] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)


class Page(HTMLParser):
    """What stands in a page: elements with their attributes, tables by section, and all its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.tables, self.text = [], [], {}, []
        self._section, self._cell = "", None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.elements.append((tag, known))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self._section = known["id"]
        if tag == "table":
            self.tables[self._section] = Grid()
        if tag == "tr" and "tbody" in self.open:
            self.tables[self._section].rows.append([])
        if tag in {"th", "td"}:
            self._cell = Cell(tag, known.get("scope"))
            grid = self.tables[self._section]
            (grid.head if "thead" in self.open else grid.rows[-1]).append(self._cell)
        if tag == "data":
            self._cell.values.append(known["value"])

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        if tag in {"th", "td"}:
            self._cell = None

    def handle_data(self, data):
        self.text.append(data)
        if self._cell is not None:
            self._cell.text += data
        elif self.open and self.open[-1] == "span" and "caption" in self.open:
            self.tables[self._section].caption += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def reported(*arguments):
    """The report of a command, as it goes to be written."""
    from typer.testing import CliRunner

    import colocalc.emit
    from colocalc.cli import app

    told, own = [], colocalc.emit.emit
    colocalc.emit.emit = lambda report, **_: told.append(report)
    try:
        done = CliRunner().invoke(app, [str(each) for each in arguments])
    finally:
        colocalc.emit.emit = own
    assert done.exit_code == 0, done.output
    return told[0]


@pytest.fixture(scope="module")
def small():
    """A small report with charts, and its page."""
    report = reported("hedge", "colossus-1")
    return report, to_html.render(report)


def nothing_acts_or_fetches(page):
    assert {tag for tag, _ in page.elements} & ACTS == {"style"}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in REFERS & set(attributes):
            assert attributes[name] == "data:," or attributes[name].startswith("#"), attributes
    policy = next(each["content"] for each in page.of("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def everything_named_is_there_once(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    named = {each["href"][1:] for each in page.of("a")}
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            named |= set(attributes.get(name, "").split())
    assert named <= set(ids)


def tables_are_tables(page):
    assert page.tables
    for key, grid in page.tables.items():
        assert grid.caption.strip(), key
        assert [cell.scope for cell in grid.head] == ["col"] * len(grid.head), key
        assert all(cell.text.strip() for cell in grid.head), key
        for row in grid.rows:
            assert [cell.tag for cell in row] == ["th", *["td"] * (len(grid.head) - 1)], key
            assert row[0].scope == "row"
    regions = [each for each in page.of("div") if each.get("role") == "region"]
    assert len(regions) == len(page.tables)
    assert all(each["tabindex"] == "0" and each["aria-labelledby"] for each in regions)


def numbers_are_those_of_the_json(page, report):
    document = json.loads(to_json.render(report))
    for table in report.tables_to_read:
        rows = document["tables"][table.key]
        for row, cells, raw_row in zip(rows, page.tables[table.key].rows, table.rows, strict=True):
            shown = [column for column in table.columns if not column.hidden and column.key != "shades"]
            for column, cell in zip(shown, cells, strict=True):
                known = row[column.key]
                is_number = isinstance(known, int | float) and not isinstance(known, bool)
                assert [float(value) for value in cell.values] == ([known] if is_number else [])
                shown_text = cell_text(column, raw_row, table)
                assert cell.text.strip() == (shown_text.strip(" █") if column.drawn else shown_text)
    for name, value, *_ in page.tables["definitions"].rows if "definitions" in page.tables else ():
        assert [float(each) for each in value.values] == [
            document["metrics"][key] for key in [name.text] if key in document["metrics"]
        ]
    shown = [row[0].text for row in page.tables["assumptions"].rows] if "assumptions" in page.tables else []
    assert shown == [each["path"] for each in document["assumptions"]]


def charts_are_drawn_with_words(page, report):
    charts = charts_of(report)
    assert [each["role"] for each in page.of("svg")] == ["img"] * len(charts)
    text = "".join(page.text)
    for chart in charts:
        assert chart.text in text
    assert page.open == []


@pytest.mark.parametrize("name", fleet_names())
def test_the_page_of_every_sample_is_sound(name):
    report = reported("report", name)
    text = to_html.render(report)
    page = Page(text)

    assert len(text.encode()) <= MOST_BYTES
    nothing_acts_or_fetches(page)
    everything_named_is_there_once(page)
    tables_are_tables(page)
    numbers_are_those_of_the_json(page, report)
    charts_are_drawn_with_words(page, report)


@pytest.mark.parametrize(
    "arguments",
    [
        ("mfu", "colossus-1"),
        ("lease", "colossus-1"),
        ("train-or-lease", "colossus-1"),
        ("check", "neocloud-1k-h100"),
        ("risk", "neocloud-1k-h100", "--trials", 200, "--metric", "lease.project_npv_usd"),
        ("sweep", "colossus-1", "--over", "lease.rate_usd_per_gpu_h=1:4:50", "--metric", "hedge.gross_share"),
        ("sweep", "colossus-1", "--over", "lease.rate_usd_per_gpu_h=1:4:3", "--over", "lease.billed_share=0.5:1:3"),
        ("compare", "colossus-1", "colossus-1@isolation"),
        ("layout", "meta-llama3-16k"),
        ("explain", "bubble"),
        ("catalog", "gpus", "gb200-nvl72"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_makes_a_sound_page(arguments):
    report = reported(*arguments)
    page = Page(to_html.render(report))

    nothing_acts_or_fetches(page)
    everything_named_is_there_once(page)
    tables_are_tables(page)
    numbers_are_those_of_the_json(page, report)
    charts_are_drawn_with_words(page, report)


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (
            ("report", "neocloud-1k-h100"),
            ["waterfall", "splits", "h100e", "revenue", "cash_flow", "hedge", "train_or_lease"],
        ),
        (("risk", "neocloud-1k-h100", "--trials", 200), ["histogram", "tornado"]),
        (("compare", "colossus-1", "colossus-1@isolation", "--metric", "mfu.fleet_share"), ["bridge_1"]),
        (("h100e", "colossus-1"), ["h100e"]),
    ],
    ids=["report", "risk", "compare", "h100e"],
)
def test_a_report_has_the_charts_of_its_tables(arguments, keys):
    assert [chart.key for chart in charts_of(reported(*arguments))] == keys


def test_a_fleet_full_of_markup_shows_as_text(tmp_path):
    fleet = tmp_path / "evil.yaml"
    fleet.write_text(HOSTILE, encoding="utf-8")
    text = to_html.render(reported("report", fleet))
    page = Page(text)
    shown = "".join(page.text)

    nothing_acts_or_fetches(page)
    tables_are_tables(page)
    assert shown.count(ATTACK) >= 5  # title, heading, verdict, note, source
    assert f"claimed: {ATTACK}"[:40] in shown
    assert "javascript:" not in text


def test_text_that_hides_or_turns_around_shows_as_escapes():
    report = Report("x", "a\x1b[31mb\u202ec", None, None, {}, {}, {}, (), headline=("\x00",), notes=(Note("\x07"),))
    text = to_html.render(report)

    assert r"a\x1b[31mb\u202ec" in text
    assert r"\x00" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)


def test_a_page_begins_with_the_summary_and_the_verdicts():
    page = to_html.render(reported("report", "xai-total"))
    summary = page[page.index('id="summary"') : page.index("<nav")]

    assert "MFU" in summary
    assert '<span class="badge bad">does not hold</span>' in summary
    assert page.index('id="summary"') < page.index("<nav") < page.index("<table")


def test_every_figure_is_defined_with_its_equation(small):
    report, text = small
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in Page(text).tables["definitions"].rows}

    assert set(rows) == {name for name in (*report.metrics, *report.undefined) if name in METRICS}
    assert rows["hedge.gross_share"] == [
        "83.5%",
        METRICS["hedge.gross_share"].meaning,
        METRICS["hedge.gross_share"].equation,
    ]
    assert rows["hedge.cash_share"][0] == "—"
    assert rows["hedge.cash_share"][1].endswith("no value: needs debt")


def test_an_assumption_stands_with_its_origin_its_source_and_a_link_to_it():
    assumption = Assumption("a.b_share", 0.5, "share", 0.4, 0.6, "here, there", "given", "a note")
    report = Report("x", "t", None, None, {}, {}, {}, (), assumptions=(assumption,), source_titles={"here": "A title"})
    text = to_html.render(report)

    assert [cell.text for cell in Page(text).tables["assumptions"].rows[0]] == [
        "a.b_share",
        "50.0%",
        "40.0% to 60.0%",
        "given",
        "here, there",
        "a note",
    ]
    assert '<a href="#source-here">here</a>' in text
    assert '<dt id="source-here">here</dt><dd>A title</dd>' in text


def test_sources_whose_names_differ_in_marks_alone_have_their_own_anchors():
    assumptions = tuple(
        Assumption(f"a{at}", 1.0, None, None, None, name, "given") for at, name in enumerate(("a b", "a_b", "a.b"))
    )
    page = Page(to_html.render(Report("x", "t", None, None, {}, {}, {}, (), assumptions=assumptions)))

    everything_named_is_there_once(page)


def test_a_page_says_its_version_and_the_date_of_its_newest_source(small):
    report, text = small
    foot = text[text.index("<footer>") :]

    assert f"colocalc {__version__}." in foot
    assert report.data_date in foot
    assert report.data_date >= "2026-05"


def test_totals_stand_apart_from_the_rows():
    columns = (Column("name", "Name", kind="text"), Column("value", "Value", "count"))
    table = Table("t", "T", columns, (("a", 1.0), ("total", 1.0)), total_count=1)
    text = to_html.render(Report("x", "t", None, None, {}, {}, {}, (table,)))

    assert text.count("<tbody>") == 2
    assert '<tr class="total"><th scope="row" class="s">total</th>' in text


def test_a_number_is_not_a_link_nor_a_truth_a_number():
    columns = (Column("name", "Name", kind="text"), Column("holds", "Holds", kind="text"), Column("value", "Value"))
    table = Table("t", "T", columns, (("a", True, float("nan")), ("b", False, 2.5)))
    page = Page(to_html.render(Report("x", "t", None, None, {}, {}, {}, (table,))))

    assert [[cell.text for cell in row] for row in page.tables["t"].rows] == [["a", "yes", "—"], ["b", "no", "2.5"]]
    assert raw(float("nan")) is None


def test_the_same_report_makes_the_same_page(small, tmp_path):
    report, text = small
    names = [tmp_path / "a.html", tmp_path / "b.html"]
    for name, seed in zip(names, "12", strict=True):
        command = [sys.executable, "-m", "colocalc", "hedge", "colossus-1", "-o", str(name)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})

    assert to_html.render(report) == text
    assert [name.read_text(encoding="utf-8") for name in names] == [text, text]


def test_without_vl_convert_the_extra_is_named_and_nothing_is_written(colocalc, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    run = colocalc("hedge", "colossus-1", "-o", tmp_path / "x.html")

    assert (run.code, run.out) == (EXTRA, "")
    assert run.err == "--format html: needs the extra report: pip install 'colocalc[report]'\n"
    assert not list(tmp_path.iterdir())


def test_a_page_without_charts_needs_no_extra(colocalc, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    run = colocalc("catalog", "gpus", "--format", "html")

    assert run.code == 0
    assert run.out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("ending", ["html", "htm", "HTML"])
def test_the_ending_of_a_file_picks_the_page(colocalc, tmp_path, ending):
    run = colocalc("explain", "bubble", "-o", tmp_path / f"x.{ending}")

    assert run.code == 0
    assert (tmp_path / f"x.{ending}").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
