from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from colocalc.errors import printable
from colocalc.report import to_markdown
from colocalc.report.table import Assumption, Column, Note, Report, Table, cell_text

LAW = settings(max_examples=150, deadline=None, derandomize=True)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXT_ONLY = {"text", "text_special", "inline"}
HOSTILE = [
    "[bold]x[/]",
    "\x1b[31mred",
    "a\u202eb",
    "=1+1",
    "<script>alert(1)</script>",
    "<b>",
    "a | b",
    "`code`",
    "``",
    "# heading",
    "a # b",
    "## ",
    "[link](javascript:alert(1))",
    "![image](http://x)",
    "<http://x>",
    "[ref]: http://x",
    "**bold** and *slanted*",
    "_slanted_ and __bold__ and ___",
    "~~gone~~",
    "~~~",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "12) item",
    "1.",
    "-",
    "---",
    "===",
    "***",
    "> quote",
    "&lt;b&gt; &amp; &#60;",
    "back\\slash \\<b>",
    "trailing \\",
    "    indented",
    "two\n\n# lines",
    "| a |\n| - |",
    "\t- tab",
]


def report(*tables, **parts):
    return Report("lease", parts.pop("title", "Colossus 1"), None, None, {}, {}, {}, tables, **parts)


def parsed(source):
    return MARKDOWN.parse(to_markdown.render(source))


def words(token):
    """Text of an inline token, which holds nothing but text."""
    assert {child.type for child in token.children} <= TEXT_ONLY, token.content
    return "".join(child.content for child in token.children)


def cells(tokens):
    return [words(each) for before, each in pairwise(tokens) if before.type in {"th_open", "td_open"}]


COLUMNS = (
    Column("pool", "Pool", kind="text"),
    Column("revenue_usd_per_yr", "Run-rate revenue", "usd_per_yr"),
    Column("change_share", "Change", "share", wide=True),
    Column("secret_usd", "Secret", "usd", hidden=True),
)
POOLS = Table(
    "pools", "Revenue by pool", COLUMNS, (("h100", 2.8908e9, -0.05, 1), ("fleet", 5.01072e9, None, 1)), 1, "Read so."
)


def test_a_whole_report_reads_as_written():
    assumption = Assumption("a.b_share", 0.5, "share", 0.1, 0.6, "s1", "given")
    source = report(
        POOLS,
        headline=("One.", "Two."),
        notes=(Note("n"), Note("w", "warning")),
        assumptions=(assumption,),
        source_titles={"s1": "A title"},
    )
    assert to_markdown.render(source) == (
        "# Colossus 1\n\nOne.\n\nTwo.\n\n"
        "## Revenue by pool\n\n"
        "| Pool | Run-rate revenue | Change |\n"
        "| --- | ---: | ---: |\n"
        "| h100 | $2.891B/yr | -5.0% |\n"
        "| **fleet** | **$5.011B/yr** | **—** |\n\n"
        "Read so.\n\n"
        "## Notes\n\n- **note:** n\n- **warning:** w\n\n"
        "## Assumptions\n\n"
        "| Assumption | Value | Band | Origin | Source |\n"
        "| --- | ---: | --- | --- | --- |\n"
        "| a.b_share | 50.0% | 10.0% to 60.0% | given | s1 |\n\n"
        "## Sources\n\n- s1: A title\n"
    )


def test_a_report_with_nothing_in_it_is_its_title():
    assert to_markdown.render(report()) == "# Colossus 1\n"


def test_a_source_without_a_title_is_listed_by_its_id():
    source = report(assumptions=(Assumption("a", 1.0, None, None, None, "s9", "given"),))
    assert to_markdown.render(source).endswith("## Sources\n\n- s9\n")


def test_every_assumption_is_listed():
    many = tuple(Assumption(f"a.p{number}", 1.0, None, None, None, None, "assumed") for number in range(40))
    assert to_markdown.render(report(assumptions=many)).count("| assumed |") == 40


def test_cells_show_what_every_other_rendering_for_people_shows():
    table = Table("t", "T", COLUMNS, (("h100", 2.8908e9, -0.05, 1), ("h200", 0.0, float("nan"), 1)))
    shown = [cell_text(column, row, table) for row in table.rows for column in COLUMNS[:3]]
    assert cells(parsed(report(table))) == ["Pool", "Run-rate revenue", "Change", *shown]


def test_the_same_report_is_written_in_the_same_bytes():
    assert to_markdown.render(report(POOLS)) == to_markdown.render(report(POOLS))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_a_paragraph_a_title_and_a_note(text):
    tokens = parsed(report(title=text, headline=(text,), notes=(Note(text),)))
    blocks = [token.type for token in tokens if token.nesting == 1]
    lists = ["bullet_list_open", "list_item_open", "paragraph_open"]
    assert blocks == ["heading_open", "paragraph_open", "heading_open", *lists]
    title, headline, *_ = (token for token in tokens if token.type == "inline")
    assert words(title) == words(headline) == printable(text).strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_cell(text):
    table = Table("t", text, (Column("a", text, kind="text"), Column("b", "B", "usd")), ((text, 1.0), (text, 2.0)))
    shown = printable(text).strip()
    assert cells(parsed(report(table))) == [shown, "B", shown, "$1.00", shown, "$2.00"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_html(text):
    table = Table("t", text, (Column("a", text, kind="text"),), ((text,), (text,)), 1, text)
    assumption = Assumption(text, text, None, None, None, text, "given")
    source = report(
        table, title=text, headline=(text,), notes=(Note(text),), assumptions=(assumption,), source_titles={text: text}
    )
    kinds = {child.type for token in parsed(source) for child in [token, *(token.children or [])]}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "code_inline", "code_block", "fence", "hr"}
    assert to_markdown.render(source).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "text", ["lease.run_rate_revenue_usd_per_yr", "R&D", "a - b", "5 + 3", "$5.011B/yr", "-5.0%", "1.5"]
)
def test_harmless_text_is_left_alone(text):
    assert to_markdown.escaped(text) == text


@LAW
@given(st.text(alphabet=" #*_`~[]()<>|\\&;!-+=.:1a\n\u202e", max_size=24) | st.text(max_size=24))
def test_any_text_is_shown_as_it_stands(text):
    shown = printable(text).strip()
    title, headline, *_ = (token for token in parsed(report(headline=(text, "end"))) if token.type == "inline")
    assert (words(title), words(headline)) == ("Colossus 1", shown or "end")
    table = Table("t", "T", (Column("a", "A", kind="text"), Column("b", "B")), ((text, 1),))
    assert cells(parsed(report(table))) == ["A", "B", shown, "1"]
