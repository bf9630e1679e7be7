"""Charts as plain data: from the rows of tables, with every number of theirs, and nothing where nothing is known."""

import json
import struct

import pytest
import vl_convert

from colocalc.report.charts import charts_of
from colocalc.report.charts.chart import FOR_DARK_PAGES, SHADES, axis_of, domain_of
from colocalc.report.drawing import chart_bytes, inline_svg
from colocalc.report.table import Column, Report, Table

USAGE, EXTRA = 2, 4
HOSTILE = '</text><script>alert(1)</script>" onload="x\' + datum \\n {{}}'

WATERFALL = Table(
    "waterfall",
    "From peak to fleet MFU",
    (
        Column("stage", "Stage", kind="text"),
        Column("factor", "Factor", "factor"),
        Column("mfu_share", "MFU after", "share"),
    ),
    (("ceiling", 0.8, 0.8), ("shape", 0.5, 0.4), ("bubble", None, 0.4), ("fleet MFU", None, 0.4)),
    total_count=1,
)


def report_of(*tables):
    return Report("report", "A fleet", "fleet", None, {}, {}, {}, tables)


def chart_of(*tables, key):
    return next(chart for chart in charts_of(report_of(*tables)) if chart.key == key)


def values(chart, *path):
    """The data of a chart, or of a part of it."""
    part = chart.spec
    for step in path:
        part = part[step]
    return part["data"]["values"]


def simple(key, *rows, columns):
    """A table of a text column and number columns ``(key, unit)``."""
    (name, *numbers) = columns
    return Table(
        key, key, (Column(name, name, kind="text"), *(Column(each, each, unit) for each, unit in numbers)), rows
    )


def test_the_waterfall_falls_from_all_of_the_peak_to_what_is_left():
    chart = chart_of(WATERFALL, key="waterfall")

    assert [(row["label"], row["start"], row["end"], row["text"]) for row in values(chart)] == [
        ("ceiling", 1.0, 0.8, "80.0%"),
        ("shape", 0.8, 0.4, "40.0%"),
        ("bubble", 0.4, 0.4, "40.0%"),
        ("fleet MFU", 0.0, 0.4, "40.0%"),
    ]
    assert [row["kind"] for row in values(chart)] == ["lost in a stage"] * 2 + ["not modelled", "what is left"]
    assert chart.text == (
        "From peak to fleet MFU: peak 100%; ceiling leaves 80.0%; shape leaves 40.0%; bubble leaves 40.0%; "
        "fleet MFU leaves 40.0%."
    )


def test_what_is_undefined_is_not_drawn():
    hedge = simple(
        "hedge", ("gross", 0.8), ("cash", None), ("ebit", float("nan")), columns=("kind", ("hedge_share", "share"))
    )
    nothing = simple("h100e", ("raw", None), columns=("basis", ("h100e_count", "count")))

    assert [chart.key for chart in charts_of(report_of(hedge, nothing))] == ["hedge"]
    assert [row["label"] for row in values(chart_of(hedge, key="hedge"))] == ["gross"]


def test_a_report_without_such_tables_has_no_charts():
    assert charts_of(report_of(simple("jobs", ("a", 1.0), columns=("job", ("gpu_count", "count"))))) == ()


def test_revenue_shows_the_gpu_of_each_pool_and_leaves_out_the_total():
    table = Table(
        "revenue",
        "Revenue by pool",
        (
            Column("pool", "Pool", kind="text"),
            Column("gpu", "GPU", kind="text"),
            Column("run_rate_revenue_usd_per_yr", "Revenue", "usd_per_yr"),
        ),
        (("h100", "h100-sxm", 3e9), ("old", "h100-sxm", 1e9), ("total", "", 4e9)),
        total_count=1,
    )
    rows = values(chart_of(table, key="revenue"))

    assert [(row["label"], row["value"], row["text"]) for row in rows] == [
        ("h100-sxm", 3e9, "$3.000B/yr"),
        ("old (h100-sxm)", 1e9, "$1.000B/yr"),
    ]


def test_of_many_pools_the_largest_are_drawn_and_it_is_said():
    rows = tuple((f"p{place}", "gpu", float(place)) for place in range(1, 101))
    table = Table(
        "revenue",
        "Revenue by pool",
        (
            Column("pool", "Pool", kind="text"),
            Column("gpu", "GPU", kind="text"),
            Column("run_rate_revenue_usd_per_yr", "Revenue", "usd_per_yr"),
        ),
        rows,
    )
    chart = chart_of(table, key="revenue")

    assert chart.title == "Revenue by GPU type: the 24 largest of 100 pools"
    assert [row["value"] for row in values(chart)] == [float(value) for value in range(100, 76, -1)]


def test_money_that_is_paid_stands_below_zero_and_what_is_left_is_the_sum():
    flows = ("revenue_usd", "salvage_usd", "opex_usd", "capital_usd", "tax_usd", "project_after_tax_usd")
    columns = ("year", *((key, "usd") for key in flows))
    table = simple(
        "cash_flow",
        ("close", 0.0, 0.0, 0.0, 100.0, 0.0, -100.0),
        ("year 1", 90.0, 10.0, 20.0, 0.0, 5.0, 75.0),
        columns=columns,
    )
    bars, _, left = chart_of(table, key="cash_flow").spec["vconcat"][0]["layer"]
    by_year = {}
    for row in bars["data"]["values"]:
        by_year[row["label"]] = by_year.get(row["label"], 0.0) + row["value"]

    assert by_year == {"close": -100.0, "1": 75.0}
    assert [row["net"] for row in left["data"]["values"]] == [-100.0, 75.0]


def test_the_cover_of_a_year_stands_below_its_cash_flow():
    flows = ("revenue_usd", "salvage_usd", "opex_usd", "capital_usd", "tax_usd", "project_after_tax_usd")
    cash = simple(
        "cash_flow",
        *((year, *[1.0] * 6) for year in ("close", "year 1", "year 2")),
        columns=("year", *((key, "usd") for key in flows)),
    )
    covers = ("dscr_factor", "firm_dscr_factor", "downside_dscr_factor")
    cover = simple(
        "cover",
        ("year 1", 1.5, 1.2, None),
        ("year 2", 1.4, None, None),
        columns=("year", *((key, "factor") for key in covers)),
    )
    chart = chart_of(cash, cover, key="cash_flow")
    points = chart.spec["vconcat"][1]["layer"][0]["data"]["values"]

    assert [(row["label"], row["kind"], row["value"]) for row in points] == [
        ("1", "DSCR", 1.5),
        ("2", "DSCR", 1.4),
        ("1", "firm fees", 1.2),
    ]
    assert "cover of the debt" in chart.title


def test_train_or_lease_draws_ways_with_both_numbers_else_what_a_pflop_hour_costs():
    columns = ("option", ("training_value_usd_per_yr", "usd_per_yr"), ("revenue_usd_per_yr", "usd_per_yr"))
    levels = simple(
        "choice_levels",
        ("modelled", 4.0, 3.0),
        columns=(
            "level",
            ("forgone_rent_usd_per_pflop_h", "usd_per_pflop_h"),
            ("owning_cost_usd_per_pflop_h", "usd_per_pflop_h"),
        ),
    )
    both = simple("choice_options", ("whole fleet", 1e9, 2e9), ("a", None, 1e9), columns=columns)
    one = simple("choice_options", ("whole fleet", None, 2e9), columns=columns)

    assert [(row["label"], row["value"]) for row in values(chart_of(levels, both, key="train_or_lease"))] == [
        ("whole fleet", 1e9),
        ("whole fleet", 2e9),
    ]
    assert [row["value"] for row in values(chart_of(levels, one, key="train_or_lease"))] == [4.0, 3.0]


def test_a_bar_of_the_histogram_has_the_area_of_its_share():
    columns = (Column("low", "From", "usd"), Column("high", "to", "usd"), Column("trial_share", "Share", "share"))
    table = Table("histogram", "NPV over the trials", columns, ((0.0, 10.0, 0.2), (10.0, 12.0, 0.8)))
    rows = values(chart_of(table, key="histogram"))

    assert [(row["high"] - row["low"]) * row["height"] for row in rows] == pytest.approx([0.2, 0.8])


def test_a_bridge_leads_from_one_fleet_to_the_other():
    known = Table(
        "comparison",
        "Side by side",
        (
            Column("metric", "Metric", kind="text"),
            Column("fleet_1", "a", "share"),
            Column("fleet_2", "b", "share"),
        ),
        (("mfu.fleet_share", 0.3, 0.45),),
    )
    bridge = Table(
        "bridge_1",
        "What changes mfu.fleet_share",
        (
            Column("group", "What changes", kind="text"),
            Column("effect", "Effect", "share"),
            Column("metric", "Metric", kind="text", hidden=True),
        ),
        (
            ("pools", 0.2, "mfu.fleet_share"),
            ("training", -0.05, "mfu.fleet_share"),
            ("together", 0.15, "mfu.fleet_share"),
        ),
        total_count=1,
    )
    rows = values(chart_of(known, bridge, key="bridge_1"))

    assert [(row["label"], row["text"]) for row in rows] == [
        ("from a", "30.0%"),
        ("pools", "+20.0%"),
        ("training", "-5.0%"),
        ("to b", "45.0%"),
    ]
    assert rows[2]["end"] == pytest.approx(rows[3]["end"])


def grid(count, *, of_words=False):
    words = "text" if of_words else "number"
    extremes = Table("extremes", "Least and most", (Column("metric", "Metric", kind="text"),), (("mfu.fleet_share",),))
    columns = (Column("key", "key", "count", kind=words), Column("mfu.fleet_share", "MFU", "share"))
    rows = tuple((f"w{place}" if of_words else float(place), place / count) for place in range(count))
    return extremes, Table("points", "Every point", columns, rows, is_long=count > 40)


def test_a_course_over_numbers_is_a_line_and_over_words_bars():
    line, bars = chart_of(*grid(3), key="course_1"), chart_of(*grid(3, of_words=True), key="course_1")

    assert line.spec["mark"]["type"] == "line"
    assert [row["value"] for row in values(line)] == [0.0, 1 / 3, 2 / 3]
    assert [row["label"] for row in values(bars)] == ["w0", "w1", "w2"]


def test_a_long_course_is_thinned_with_both_ends_and_stands_beside_a_table_that_is_read():
    chart = chart_of(*grid(10_001), key="course_1")
    drawn = [row["at"] for row in values(chart)]

    assert len(drawn) <= 301
    assert (drawn[0], drawn[-1]) == (0.0, 10_000.0)
    assert chart.table == "extremes"


def test_a_map_has_a_cell_for_each_point_in_five_shades_with_their_ranges():
    extremes = Table("extremes", "Least and most", (Column("metric", "Metric", kind="text"),), (("mfu.fleet_share",),))
    columns = (Column("a", "a", "count"), Column("b", "b", "count"), Column("mfu.fleet_share", "MFU", "share"))
    rows = tuple((float(a), float(b), (a + b) / 10) for a in range(3) for b in range(3))
    table = Table("map_1", "MFU: a down, b across", (Column("down", "a", kind="text"),), ())
    chart = chart_of(extremes, Table("points", "Every point", columns, rows), table, key="map_1")

    assert len(values(chart)) == 9
    assert chart.spec["encoding"]["color"]["scale"]["range"] == list(SHADES)
    assert chart.spec["encoding"]["color"]["scale"]["domain"][0] == "0.0% to 8.0%"


def test_the_longest_bar_leaves_room_for_its_number_on_its_side():
    assert domain_of([0.0, 10.0]) == [0.0, pytest.approx(12.4)]
    assert domain_of([-10.0]) == [pytest.approx(-12.4), 0.0]


@pytest.mark.parametrize(
    ("unit", "most", "part"),
    [("share", 1.0, ".3~%"), ("usd_per_gpu_h", 3.0, "$,.3~f"), ("count", 50.0, ",.3~f"), ("nothing", 5.0, ",.3~f")],
)
def test_an_axis_speaks_its_unit(unit, most, part):
    assert axis_of(unit, most)["format"] == part


def test_an_axis_of_billions_says_b():
    assert axis_of("usd", 5e9)["labelExpr"] == "replace(format(datum.value, '$.3~s'), 'G', 'B')"


def test_a_drawing_is_shapes_and_escaped_text_alone():
    table = simple("hedge", (HOSTILE, 0.5), columns=("kind", ("hedge_share", "share")))
    drawn = inline_svg(chart_of(table, key="hedge"), where="--format html")

    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
    assert "onload=" not in drawn.split("&lt;", 1)[0]
    assert not {"xlink", "href", "style=", "url("} & {
        word for word in ("xlink", "href", "style=", "url(") if word in drawn
    }
    assert 'role="img"' in drawn.split(">", 1)[0]


def test_control_characters_are_drawn_as_escapes():
    table = simple("hedge", ("a\x00\x1b[31mb\u202e", 0.5), columns=("kind", ("hedge_share", "share")))

    assert r"a\x00\x1b[31mb\u202e" in inline_svg(chart_of(table, key="hedge"), where="x")


def test_every_colour_has_another_for_dark_pages():
    drawn = inline_svg(chart_of(WATERFALL, key="waterfall"), where="x")
    used = {part.split('"', 1)[0] for part in drawn.split('fill="#')[1:]} | {
        part.split('"', 1)[0] for part in drawn.split('stroke="#')[1:]
    }

    assert {f"#{color}" for color in used} <= set(FOR_DARK_PAGES)


@pytest.mark.parametrize(("form", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_one_chart_is_a_picture_with_the_same_bytes_twice(form, start):
    chart = chart_of(WATERFALL, key="waterfall")
    first, second = (chart_bytes(chart, form, where="--chart") for _ in range(2))

    assert first == second
    assert first.startswith(start)


def test_a_picture_is_twice_as_many_pixels_as_the_drawing_is_wide():
    data = chart_bytes(chart_of(WATERFALL, key="waterfall"), "png", where="--chart")

    assert struct.unpack(">I", data[16:20])[0] == 2 * 460


def test_a_chart_of_a_fleet_is_asked_for_by_name(colocalc, tmp_path):
    run = colocalc("report", "neocloud-1k-h100", "--chart", "cash_flow", "-o", tmp_path / "x.svg")

    assert run.code == 0, run.err
    assert "Cash flow by year" in (tmp_path / "x.svg").read_text(encoding="utf-8")


def test_every_chart_of_a_sample_is_a_sound_specification(colocalc, monkeypatch):
    told = []
    monkeypatch.setattr("colocalc.emit.emit", lambda report, **_: told.append(report))
    with monkeypatch.context() as kept:
        from typer.testing import CliRunner

        from colocalc.cli import app

        kept.setenv("NO_COLOR", "1")
        assert CliRunner().invoke(app, ["report", "orbital-1gw"]).exit_code == 0
    charts = charts_of(told[0])

    assert [chart.key for chart in charts] == ["h100e", "revenue"]
    for chart in charts:
        assert json.loads(json.dumps(chart.spec)) == chart.spec
        assert vl_convert.vegalite_to_vega(chart.spec)["marks"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--chart", "revenu", "-o", "x.svg"],
            '--chart: "revenu" is no chart of this report, which has h100e, revenue; did you mean revenue?',
        ),
        (
            ["--chart", "revenue", "-o", "x.gif"],
            "x.gif: a chart is one of svg, png, pdf; use -o with an ending .svg, .png, .pdf, or --format",
        ),
        (
            ["--chart", "revenue"],
            "--chart: a chart is one of svg, png, pdf; use -o with an ending .svg, .png, .pdf, or --format",
        ),
        (
            ["--chart", "revenue", "-f", "json"],
            "--format: a chart is one of svg, png, pdf; use -o with an ending .svg, .png, .pdf, or --format",
        ),
    ],
)
def test_what_is_no_chart_is_refused_in_one_sentence(colocalc, monkeypatch, tmp_path, options, says):
    monkeypatch.chdir(tmp_path)
    run = colocalc("report", "orbital-1gw", *options)

    assert (run.code, run.out, run.err) == (USAGE, "", f"{says}\n")
    assert not list(tmp_path.iterdir())


def test_without_vl_convert_the_extra_is_named(colocalc, monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "vl_convert", None)
    run = colocalc("report", "orbital-1gw", "--chart", "revenue", "-o", tmp_path / "x.png")

    assert (run.code, run.err) == (EXTRA, "--chart: needs the extra report: pip install 'colocalc[report]'\n")
    assert not list(tmp_path.iterdir())
