"""Grids: every point is what the fleet says with those values, wherever and in whatever blocks it is evaluated."""

import json
import os
import re
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.case import searched_layout
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.report.views.heat_map import heat_maps
from colocalc.rows import rows_file
from colocalc.study.asked import metrics_asked
from colocalc.study.engine import Engine
from colocalc.study.evaluate import values
from colocalc.study.extremes import Extremes
from colocalc.study.over import Axis, axis
from colocalc.study.sweep import point_count, sweep
from colocalc.variants import Variants
from colocalc.yamlio import read_scalar

CATALOG = load_catalog()
READ = partial(read_scalar, name="--over")
SERIAL = Engine("serial", 1, None)
FLEET = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 512}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 2, billed_share: 0.7}
"""
NO_BANDWIDTH = b"""
name: bare
gpus: {own: {title: Own, peak_tflop_per_s: {bf16: 100}}}
pools: [{gpu: own, count: 8}]
lease: {rate_usd_per_gpu_h: 2}
"""
MFU, MONEY = "mfu.fleet_share", "lease.contribution_usd_per_yr"


def fleet(*sets):
    return Variants("-", CATALOG, stdin=FLEET, sets=sets)


def swept(*over, names=(MFU, MONEY), engine=SERIAL, block_size=None, own=None):
    axes = [axis(text, READ) for text in over]
    return sweep(own or fleet(), axes, names, engine=engine, block_size=block_size)


@pytest.mark.parametrize(
    ("text", "key", "wanted"),
    [
        ("lease.rate_usd_per_gpu_h=1:2:3", "lease.rate_usd_per_gpu_h", (1.0, 1.5, 2.0)),
        ("lease.rate_usd_per_gpu_h=1:100:3:log", "lease.rate_usd_per_gpu_h", (1.0, 10.0, 100.0)),
        ("pools.a.count=8:10:9", "pools.a.count", (8.0, 9.0, 10.0)),
        ("training.layout.tp=2, 4,8", "training.layout.tp", (2.0, 4.0, 8.0)),
        ("training.split=equal,partitions", "training.split", ("equal", "partitions")),
        ("x=5:5:1", "x", (5.0,)),
    ],
)
def test_an_axis_is_read(text, key, wanted):
    found = axis(text, READ)
    assert found.key == key
    assert found.values == pytest.approx(wanted) if isinstance(wanted[0], float) else found.values == wanted


@pytest.mark.parametrize(
    "text",
    ["", "key", "=1,2", "key=", "key=1:2", "key=1:2:0", "key=1:2:2.5", "key=0:2:3:log", "key=a:b:c", "key=1:2:3:4",
     "key=1,,2", "key=true,false", "key=1,1", "key=.inf:1:2", "key=[1],2", "key=1:2:1e12", "key=1:2:1000001"],
)  # fmt: skip
def test_what_is_no_axis_is_refused(text):
    with pytest.raises(ColocalcError) as caught:
        axis(text, READ)
    assert caught.value.exit_code in {2, 3}


def test_every_point_is_the_fleet_with_those_values():
    found = swept("lease.rate_usd_per_gpu_h=1:3:3", "pools.a.count=512,1024,1408", "training.split=equal,partitions")
    assert found.count == found.done_count == 18
    for place in (0, 5, 11, 17):
        rate, count, split = found.point(place)
        sets = (f"lease.rate_usd_per_gpu_h={rate}", f"pools.a.count={count:.0f}", f"training.split={split}")
        alone = values(fleet(*sets).case, (MFU, MONEY))
        for name in (MFU, MONEY):
            np.testing.assert_allclose(found.columns[name][place], alone[name], rtol=1e-9)


@pytest.mark.parametrize(
    ("key", "points", "sets"),
    [
        ("lease.months", (48, 60, 72), ()),
        ("lease.market.months", (0, 1, 5, 30), ()),
        ("lease.market.gap_months", (0, 12, 24), ()),
        ("lease.market.gap_months", (0, 1.5, 24), ("lease.market.months=12", "lease.start=2026-09-16")),
        ("depreciation.tax_life_yr", (3, 5, 7), ("depreciation.tax_method=straight-line",)),
        ("depreciation.book_life_yr", (0.01, 3, 40), ("finance.periods=yearly",)),
        ("debt.tenor_months", (12, 36, 48), ()),
    ],
)
def test_a_point_does_not_hang_on_those_beside_it(key, points, sets):
    # The longest contract of a grid is not that of every point: what is left is worth more the sooner it is over.
    own = Variants("neocloud-1k-h100", CATALOG, sets=sets)
    names = ("lease.project_npv_usd", "lease.capitalised_value_usd", "lease.min_dscr_factor")
    found = swept(f"{key}={','.join(map(str, points))}", names=names, own=own)
    assert found.done_count == len(points)
    for place, value in enumerate(points):
        alone = values(own.with_sets(f"{key}={value}").case, names)
        for name in names:
            np.testing.assert_allclose(found.columns[name][place], alone[name], rtol=1e-9)


def test_a_fleet_of_no_end_is_none_of_those_looked_at():
    own = Variants("neocloud-1k-h100", CATALOG)
    with pytest.raises(ColocalcError, match="more than 1,200"):
        own.at("lease.months", 480_000.0)


def test_points_run_through_the_last_axis_first():
    found = swept("lease.rate_usd_per_gpu_h=1,2", "lease.billed_share=0.5,1")
    assert [found.point(place) for place in range(4)] == [(1.0, 0.5), (1.0, 1.0), (2.0, 0.5), (2.0, 1.0)]


def test_a_number_that_jumps_is_taken_value_by_value():
    # From 2,048 GPUs on another failure rate is assumed.
    found = swept("pools.a.count=512:4096:8", "lease.rate_usd_per_gpu_h=1,3")
    for place in range(found.count):
        count, _ = found.point(place)
        alone = values(fleet(f"pools.a.count={count:.0f}").case, (MFU,))[MFU]
        np.testing.assert_allclose(found.columns[MFU][place], alone, rtol=1e-9)


def test_a_combination_that_is_no_fleet_is_told_and_left_empty():
    found = swept("training.layout.tp=2,100000")
    assert np.isfinite(found.columns[MFU][0])
    assert np.isnan(found.columns[MFU][1])
    own = swept("training.split=equal,sideways")
    assert len(own.why_not) == 1
    assert "sideways" in own.why_not[0]


def test_a_key_that_the_file_does_not_have_yet():
    found = swept("finance.loss_usd=1e7,2e7", "lease.rate_usd_per_gpu_h=2,3", names=("hedge.gross_share",), own=fleet("finance.loss_months=12"))  # fmt: skip
    assert found.columns["hedge.gross_share"][0] == pytest.approx(2.0 * found.columns["hedge.gross_share"][2])


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ("lease.billed_share=0.5:1.5:3", "1.5"),
        ("pools.a.cuont=1,2", "did you mean count"),
        ("pools.c.count=1,2", "nothing named"),
    ],
)
def test_what_the_file_may_not_have_is_refused(over, says):
    with pytest.raises(ColocalcError) as caught:
        swept(over)
    assert says in str(caught.value)


def test_too_many_points_are_refused_with_the_way_out():
    with pytest.raises(ColocalcError, match="are more than 1,000,000") as caught:
        swept("lease.rate_usd_per_gpu_h=1:2:1001", "lease.billed_share=0:1:1000")
    assert "--points FILE.parquet writes up to 100,000,000" in caught.value.hint
    axes = [axis(text, READ) for text in ("lease.rate_usd_per_gpu_h=1:2:1001", "lease.billed_share=0:1:1000")]
    assert point_count(axes, is_written=True) == 1_001_000
    too_many = [axis(f"{key}=0:1:10001", READ) for key in ("lease.rate_usd_per_gpu_h", "lease.billed_share")]
    with pytest.raises(ColocalcError, match="are more than 100,000,000"):
        point_count(too_many, is_written=True)


# -- Points that are written, and not kept ---------------------------------------------------------

MIXED = ("lease.rate_usd_per_gpu_h=1:3:3", "training.split=equal,partitions", "lease.billed_share=0.5,1")


class Rows:
    """Takes points as they come."""

    def __init__(self):
        self.blocks = []

    def write(self, columns):
        self.blocks.append(columns)

    def column(self, name):
        order = np.argsort(np.concatenate([block["point"] for block in self.blocks]))
        return np.concatenate([block[name] for block in self.blocks])[order]


def test_points_go_to_a_sink_with_their_values_and_metrics():
    rows = Rows()
    found = sweep(fleet(), [axis(text, READ) for text in MIXED], (MFU,), engine=SERIAL, block_size=None, sink=rows)
    np.testing.assert_array_equal(rows.column("point"), np.arange(12))
    np.testing.assert_array_equal(rows.column(MFU), found.columns[MFU])
    for number, one in enumerate(found.axes):
        assert rows.column(one.key).tolist() == [found.point(place)[number] for place in range(12)]


def test_what_memory_does_not_hold_has_its_extremes_all_the_same(monkeypatch):
    wanted = swept(*MIXED)
    monkeypatch.setattr("colocalc.study.sweep.MOST_POINTS", 5)
    axes = [axis(text, READ) for text in MIXED]
    found = sweep(fleet(), axes, (MFU, MONEY), engine=SERIAL, block_size=None, sink=Rows())
    assert found.columns == {}
    assert found.moving().names == (MFU, MONEY)
    for name in (MFU, MONEY):
        ends, values = found.extremes[name], wanted.columns[name]
        assert (ends.least, ends.least_at) == (np.min(values), np.argmin(values))
        assert (ends.most, ends.most_at) == (np.max(values), np.argmax(values))


@given(st.lists(st.sampled_from([np.nan, 1.0, 2.0, 3.0, np.inf, -np.inf]), min_size=1, max_size=9), st.integers(1, 4))
@settings(max_examples=50)
def test_extremes_do_not_hang_on_the_cut_or_the_order(values, size):
    numbers = np.asarray(values)
    blocks = [np.arange(start, min(start + size, numbers.size)) for start in range(0, numbers.size, size)]
    for order in (blocks, blocks[::-1]):
        found = Extremes()
        for places in order:
            found.take(places, numbers[places])
        gaps = int(np.isnan(numbers).sum())
        assert (found.seen_count, found.undefined_count, found.is_known) == (len(values), gaps, gaps < len(values))
        if found.is_known:
            known = np.flatnonzero(~np.isnan(numbers))
            ends = known[np.argmin(numbers[known])], known[np.argmax(numbers[known])]
            assert (found.least_at, found.most_at) == ends
            assert (found.least, found.most) == (np.nanmin(numbers), np.nanmax(numbers))
        assert found.moves == (found.is_known and np.unique(numbers).size > 1)


def test_a_parquet_file_has_every_point(tmp_path, colocalc):
    pq = pytest.importorskip("pyarrow.parquet")
    over = [part for text in MIXED for part in ("--over", text)]
    place = tmp_path / "points.parquet"
    found = colocalc("sweep", "-", *over, "--metric", MFU, "-o", place, stdin=FLEET)
    assert found.code == 0, found.err
    assert "mfu.fleet_share runs from" in found.out
    assert "every point stands in" in found.err
    table = pq.read_table(place).to_pydict()
    wanted = swept(*MIXED, names=(MFU,))
    order = np.argsort(table["point"])
    assert list(table) == ["point", *(one.key for one in wanted.axes), MFU]
    np.testing.assert_array_equal(np.asarray(table[MFU])[order], wanted.columns[MFU])
    assert [table["training.split"][row] for row in order[:4]] == ["equal", "equal", "partitions", "partitions"]
    assert [path.name for path in tmp_path.iterdir()] == ["points.parquet"]


def test_a_csv_file_has_every_point_and_no_formula(tmp_path, colocalc):
    over = ("--over", "lease.rate_card=market-3yr,=1+2")
    place = tmp_path / "points.csv"
    name = "lease.mean_rate_usd_per_gpu_h"
    found = colocalc("sweep", "colossus-1", *over, "--metric", name, "--points", place, "-f", "json")
    rate = json.loads(found.out)["tables"]["points"][0][name]
    assert place.read_text() == f"point,lease.rate_card,{name}\n0,market-3yr,{rate!r}\n1,'=1+2,\n"


def test_groups_of_a_parquet_file_do_not_hang_on_blocks(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    for name, size in (("a", 1_000), ("b", 70_000)):
        with rows_file(tmp_path / f"{name}.parquet", "--points") as file:
            for start in range(0, 210_000, size):
                file.write({"point": np.arange(start, start + size)})
            file.keep()
    groups = [pq.ParquetFile(tmp_path / f"{name}.parquet").metadata.num_row_groups for name in "ab"]
    assert groups == [4, 3]
    assert pq.read_table(tmp_path / "a.parquet")["point"].to_pylist() == list(range(210_000))


# -- Layouts that are searched for -----------------------------------------------------------------

AUTO = b"""
name: auto
pools: [{name: a, gpu: h100-sxm, count: 1_024}]
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: auto}
"""
GPUS, SEQUENCES = "pools.a.count=1024,4096", "training.global_batch_tokens=8388608,16777216"
STEP = "mfu.step_share"


def auto(*sets, **options):
    return Variants("-", CATALOG, stdin=AUTO, sets=sets, **options)


def layout_of(found):
    return {path.rpartition(".")[2]: row.value for path, row in searched_layout(found.case).items()}


@pytest.mark.parametrize("over", [(GPUS,), (SEQUENCES,), (GPUS, SEQUENCES)])
def test_a_searched_layout_is_kept_at_every_point(over):
    found = swept(*over, names=(STEP,), own=auto())
    kept = layout_of(auto())
    written = (
        "{"
        + ", ".join(
            f"{key}: {value:g}" if isinstance(value, float) else f"{key}: {value}" for key, value in kept.items()
        )
        + "}"
    )
    for place in range(found.count):
        sets = [f"{one.key}={value:.0f}" for one, value in zip(found.axes, found.point(place), strict=True)]
        alone = values(auto(*sets, f"training.layout={written}").case, (STEP,))[STEP]
        np.testing.assert_allclose(found.columns[STEP][place], alone, rtol=1e-9)


def test_a_layout_is_searched_anew_where_that_is_asked_for():
    found = swept(GPUS, SEQUENCES, names=(STEP,), own=auto(relayout=True))
    for place in range(found.count):
        sets = [f"{one.key}={value:.0f}" for one, value in zip(found.axes, found.point(place), strict=True)]
        np.testing.assert_allclose(found.columns[STEP][place], values(auto(*sets).case, (STEP,))[STEP], rtol=1e-12)
    kept = swept(GPUS, SEQUENCES, names=(STEP,), own=auto())
    assert found.columns[STEP][2] != kept.columns[STEP][2]  # 4,096 GPUs have too few sequences for one each


def test_a_report_says_what_became_of_the_layout(colocalc):
    over = ("--over", GPUS, "--metric", STEP)
    kept = colocalc("sweep", "-", *over, stdin=AUTO).err
    assert "the layout found for the fleet as it is is kept at every point (" in kept
    assert "tp 1, pp 1" in kept
    assert "searched anew at every point" in colocalc("sweep", "-", *over, "--relayout", stdin=AUTO).err
    given = colocalc("sweep", "-", "--over", GPUS, "--metric", MFU, "--relayout", stdin=FLEET)
    assert "--relayout changes nothing" in given.err
    money = colocalc("sweep", "colossus-1", "--over", "lease.billed_share=0.5,1", "--metric", MONEY).err
    assert "layout found" not in money


# -- Tables ----------------------------------------------------------------------------------------


def test_of_many_points_some_stand_on_a_screen(colocalc):
    over = ("--over", "lease.rate_usd_per_gpu_h=1:4:301", "--metric", MONEY)
    found = colocalc("sweep", "-", *over, stdin=FLEET, columns=80).out
    assert "24 of 301 points" in found
    assert sum(bool(re.match(r" *\$\d\.\d\d/GPU-h  +-?\$", line)) for line in found.splitlines()) == 24
    tables = json.loads(colocalc("sweep", "-", *over, "-f", "json", stdin=FLEET).out)["tables"]
    assert len(tables["points"]) == 301
    assert [tables["course"][place] for place in (0, -1)] == [tables["points"][place] for place in (0, -1)]


# -- Maps ------------------------------------------------------------------------------------------

SQUARE = (
    "--over",
    "lease.rate_usd_per_gpu_h=1:3:5",
    "--over",
    "lease.billed_share=0:1:COUNT",
    "--metric",
    "lease.run_rate_revenue_usd_per_yr",
)


def mapped(colocalc, count, *options, columns=80):
    arguments = [part.replace("COUNT", str(count)) for part in SQUARE]
    return colocalc("sweep", "-", *arguments, *options, stdin=FLEET, columns=columns).out


def lines_of(text):
    return [line for line in text.splitlines() if "$1.00/GPU-h  " in line or "$3.00/GPU-h  " in line]


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize(("count", "width"), [(5, 10), (12, 24), (20, 40), (60, 40)])
def test_a_line_of_a_map_is_never_broken(count, width, columns, colocalc):
    found = mapped(colocalc, count, columns=columns)
    assert max(map(len, found.splitlines())) <= min(columns, 140)
    line = next(line for line in found.splitlines() if "█" in line and line.startswith("$3.00"))
    shades = line.removeprefix("$3.00/GPU-h").split("$")[0]
    assert shades.rstrip().endswith("█")
    assert len(shades.rstrip()) - len("lease.rate_usd_per_gpu_h  $3.00/GPU-h") + len("$3.00/GPU-h") * 2 <= width + 13


def test_a_map_has_colours_where_there_are_some_and_says_the_same(colocalc):
    plain, colored = (mapped(colocalc, 20, "--color", when) for when in ("never", "always"))
    assert "\x1b" not in plain
    assert "48;5;53m" in colored  # the least
    assert "48;5;226m" in colored  # the most
    without = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    blank = str.maketrans(dict.fromkeys("░▒▓█", " "))
    assert [line.translate(blank).split() for line in without.splitlines()] == [
        line.translate(blank).split() for line in plain.splitlines()
    ]


def test_a_map_in_ascii_tells_shades_apart():
    from colocalc.report import to_terminal
    from colocalc.report.table import Column, Report, Table

    table = Table("m", "Map", (Column("shades", "Map", kind="text", is_map=True),), ((" ░▒▓█·",),))
    report = Report("sweep", "x", None, None, {}, {}, {}, (table,))
    assert " .+*#-" in to_terminal.render(report, width=80, color=True, ascii_only=True)


def test_a_map_of_nothing_and_of_one_value():
    found = swept("lease.rate_usd_per_gpu_h=1,2", "training.layout.tp=2,100000", names=(MFU,))
    (table,) = heat_maps(found)
    assert [row[1] for row in table.rows] == ["  ··", "  ··"]


def test_same_bits_wherever_points_are_evaluated():
    pytest.importorskip("distributed")
    over = ("lease.rate_usd_per_gpu_h=1:3:61", "lease.billed_share=0.5:1:50")
    wanted = swept(*over)
    for engine, size in (("threads", 1_000), ("threads", 1_999), ("processes", 1_999), ("dask", 1_000)):
        found = swept(*over, engine=Engine(engine, 2, None), block_size=size)
        for name in (MFU, MONEY):
            assert found.columns[name].tobytes() == wanted.columns[name].tobytes(), engine


def test_what_does_not_move_is_not_shown_by_default():
    found = swept("lease.rate_usd_per_gpu_h=1,2").moving()
    assert found.names == (MONEY,)
    same = swept("training.sequence_tokens=8192", names=(MONEY,))
    assert same.moving().names == (MONEY,)


def test_metrics_are_known_ones():
    from colocalc.study.evaluate import evaluate

    result = evaluate(fleet().case)
    assert metrics_asked((), result, ("a", "b"))
    with pytest.raises(ColocalcError) as caught:
        metrics_asked(("mfu.flet_share",), result, ("a", "b"))
    assert caught.value.hint == "did you mean mfu.fleet_share?"


def test_words_have_no_unit():
    assert Axis("lease.rate_card", ("a", "b")).unit is None
    assert Axis("lease.rate_usd_per_gpu_h", (1.0, 2.0)).unit == "usd_per_gpu_h"


# -- The command ----------------------------------------------------------------------------------


COUNTED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def command(*arguments, columns=80):
    return subprocess.run(
        [sys.executable, "-m", "colocalc", "sweep", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=COUNTED | {"PATH": "/usr/bin:/bin", "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"},
    )


def test_the_command_draws_a_map():
    found = command("colossus-1", "--over", "lease.rate_usd_per_gpu_h=1:4:4", "--over", "lease.billed_share=0.5,1",
                    "--metric", "hedge.gross_share")  # fmt: skip
    assert found.returncode == 0
    assert "hedge.gross_share runs from 16.1%" in " ".join(found.stdout.split())
    assert "█" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_json_has_every_point():
    found = command("colossus-1", "--over", "lease.rate_usd_per_gpu_h=1:4:4", "--over", "lease.billed_share=0.5,1",
                    "--metric", "hedge.gross_share", "--format", "json")  # fmt: skip
    points = json.loads(found.stdout)["tables"]["points"]
    assert len(points) == 8
    first = points[0]
    assert first["lease.rate_usd_per_gpu_h"] == 1.0
    assert first["hedge.gross_share"] == pytest.approx(220_000 * 8760 * 0.5 / 6e9)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("--over", "nonsense"), 2),
        (("--over", "lease.billed_share=0.5,2"), 3),
        (("--over", "lease.billed_share=0.5,1", "--over", "lease.billed_share=0.5,1"), 2),
        (("--over", "lease.billed_share=0.5,1", "--metric", "x"), 2),
        (("--over", "lease.billed_share=0.5,1", "--engine", "x"), 2),
    ],
)
def test_wrong_use_has_its_exit_code_and_no_traceback(arguments, code):
    found = command("colossus-1", *arguments)
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr


def test_more_combinations_than_can_be_told_apart_are_refused():
    with pytest.raises(ColocalcError) as caught:
        swept("training.layout.tp=1:70:70", "training.layout.pp=1:70:70")
    keys = "training.layout.tp, training.layout.pp"
    assert caught.value.message == f"4,900 combinations of {keys} are more than 4,096: each is a fleet of its own"
    assert (caught.value.where, caught.value.exit_code) == ("--over", 2)


def test_a_metric_without_a_value_anywhere_is_said_once(colocalc):
    over = ("--over", "lease.billed_share=0.5,1")
    run = colocalc("sweep", "-", *over, "--metric", "h100e.hbm_bandwidth_count", stdin=NO_BANDWIDTH)
    assert run.code == 0, run.err
    assert "h100e.hbm_bandwidth_count is undefined at every point." in run.out


def test_combinations_that_are_no_fleet_are_told_up_to_a_few(colocalc):
    over = ("--over", f"training.layout.tp={','.join(map(str, (2, *range(100_000, 100_012))))}")
    run = colocalc("sweep", "-", *over, "--metric", MFU, "--format", "json", stdin=FLEET)
    told = [note["text"] for note in json.loads(run.out)["notes"] if note["kind"] == "warning"]
    assert sum(text.startswith("no fleet at training.layout.tp 100") for text in told) == 12 - int(told[-1].split()[1])
    assert told[-1].endswith("more combinations are no fleet")
