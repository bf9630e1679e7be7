"""Grids: every point is what the fleet says with those values, wherever and in whatever blocks it is evaluated."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.study.asked import metrics_asked
from colocalc.study.engine import Engine
from colocalc.study.evaluate import values
from colocalc.study.over import Axis, axis
from colocalc.study.sweep import sweep
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


def test_too_many_points_are_refused():
    with pytest.raises(ColocalcError, match="are more than 1,000,000"):
        swept("lease.rate_usd_per_gpu_h=1:2:1001", "lease.billed_share=0:1:1000")


def test_same_bits_wherever_points_are_evaluated():
    pytest.importorskip("distributed")
    over = ("lease.rate_usd_per_gpu_h=1:3:61", "lease.billed_share=0.5:1:50")
    wanted = swept(*over)
    for engine in (Engine("threads", 2, None), Engine("processes", 2, None), Engine("dask", 2, None)):
        for size in (1_000, 1_999):
            found = swept(*over, engine=engine, block_size=size)
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


def command(*arguments, columns=80):
    return subprocess.run(
        [sys.executable, "-m", "colocalc", "sweep", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"},
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
