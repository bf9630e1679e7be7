"""Studies under hostile input: grids that make no sense, disks that fill up, interruptions, terminals."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

COLOCALC = [sys.executable, "-m", "colocalc"]
FLEET = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_024}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: {value: 50, low: 40, high: 80}}
lease: {rate_usd_per_gpu_h: {value: 2, low: 1.6, high: 2.5}, billed_share: 0.7}
"""
METRIC = ("--metric", "lease.contribution_usd_per_yr")
PRICE = "site.energy_price_usd_per_mwh"
LONG = ("--over", "lease.rate_usd_per_gpu_h=1:3:10000", "--over", "lease.billed_share=0.5:1:9000")
GENEROUS_S = 60.0


@pytest.mark.parametrize(
    ("over", "code", "says"),
    [
        ("lease.billed_share=nan:1:3", 2, "three numbers"),
        ("lease.billed_share=0:.inf:3", 2, "three numbers"),
        ("lease.billed_share=.nan,1", 2, "no finite number"),
        ("lease.billed_share=-.inf,1", 2, "no finite number"),
        ("lease.billed_share=1e-999:1e999:3", 2, "three numbers"),
        ("lease.rate_usd_per_gpu_h=-1e308:1e308:3", 2, "too far apart"),
        ("lease.billed_share=0:1:0", 2, "whole number from 1"),
        ("lease.billed_share=0:1:-3", 2, "whole number from 1"),
        ("lease.billed_share=0:1:2.5", 2, "whole number from 1"),
        ("lease.billed_share=0:1:1e9", 2, "whole number from 1 to 1,000,000"),
        ("lease.billed_share=0:1:3:log", 2, "above 0"),
        ("lease.billed_share=0:1:3:lin", 2, "three numbers"),
        ("lease.billed_share=0.5:1", 2, "three numbers"),
        ("lease.billed_share=1:1:5", 2, "a value stands twice"),
        ("lease.billed_share=true,false", 2, '"true" is no value'),
        ("lease.billed_share=null,1", 2, "no value"),
        ("lease.billed_share=0.5,,1", 2, "no value"),
        ("lease.billed_share=", 2, "should be KEY="),
        ("=1,2", 2, "should be KEY="),
        ("lease.biled_share=0.5,1", 3, "did you mean billed_share"),
        ("leese.billed_share=0.5,1", 3, "did you mean lease.billed_share"),
        ("lease..billed_share=0.5,1", 3, "did you mean"),
        ("pools.b.count=8,16", 3, "b"),
        ("pools.a=1,2", 3, "is a mapping"),
        ("name=1,2", 3, "should be text"),
        ("lease=1,2", 3, "should be a mapping"),
        ("lease.billed_share=0.5,2", 3, "at most 1"),
        ("pools.a.count=1.5,2", 3, "whole number"),
        ("lease.rate_card=[bold]x[/bold],y", 3, "does not fit"),
        ("x{y: 1}=1,2", 3, "unknown key"),
        ("lease.billed_share\x1b[31m=0.5,1", 3, "\\x1b"),
        (f"{PRICE}=" + ",".join(["50"] * 20_000), 2, "a value stands twice"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(over, code, says, colocalc):
    found = colocalc("sweep", "-", "--over", over, *METRIC, stdin=FLEET)
    assert (found.code, found.out) == (code, "")
    assert says in found.err
    assert "\x1b" not in found.err
    assert len(found.err) < 1_000


def test_a_key_may_stand_once(colocalc):
    twice = ("--over", "lease.billed_share=0.5,1", "--over", "lease.billed_share=0.1:0.2:2")
    found = colocalc("sweep", "-", *twice, *METRIC, stdin=FLEET)
    assert (found.code, found.out) == (2, "")
    assert '"lease.billed_share" stands twice' in found.err


def test_an_axis_may_run_downwards(colocalc):
    found = colocalc("sweep", "-", "--over", "lease.billed_share=1:0.5:3", *METRIC, "-f", "csv", stdin=FLEET)
    lines = [line.split(",") for line in found.out.splitlines() if line.startswith("points,")]
    assert [float(line[1]) for line in lines] == [1.0, 0.75, 0.5]


def test_words_that_are_markup_are_words(colocalc):
    found = colocalc("sweep", "colossus-1", "--over", "lease.rate_card=market-3yr,<b>x</b>", "-f", "markdown", *METRIC)
    assert found.code == 0
    assert "<b>" not in found.out


def test_a_word_that_is_nearly_one_gets_a_hint(colocalc):
    found = colocalc("sweep", "colossus-1", "--over", "lease.rate_card=market-3yr,market-sopt", *METRIC)
    assert found.code == 0
    assert 'unknown rate card "market-sopt"; did you mean market-spot?' in " ".join(found.err.split())


# -- Files --------------------------------------------------------------------------------------


def in_little_room(*arguments, folder):
    """A run that may write files of 16 kB, as on a disk that is full."""
    import resource

    return subprocess.run(
        [*COLOCALC, *arguments],
        input=FLEET,
        capture_output=True,
        check=False,
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384)),
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )


@pytest.mark.skipif(os.name != "posix", reason="limits as POSIX has them")
@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep", "-", "--over", "lease.billed_share=0.5:1:9000", *METRIC, "--points", "a.csv"),
        ("sweep", "-", "--over", "lease.billed_share=0.5:1:90000", *METRIC, "--points", "a.parquet"),
        ("risk", "-", "--trials", "9000", "--draws", "a.parquet"),
    ],
)
def test_a_full_disk_is_said_and_leaves_no_file(arguments, tmp_path):
    if "a.parquet" in arguments:
        pytest.importorskip("pyarrow")
    found = in_little_room(*arguments, folder=tmp_path)
    assert found.returncode == 5
    assert found.stderr.decode() == f"{arguments[-1]}: cannot write: File too large\n"
    assert found.stdout == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--points", "-o"])
@pytest.mark.parametrize("place", ["no/where.parquet", "no/where.csv"])
def test_a_folder_that_is_not_there_is_said(option, place, tmp_path, monkeypatch, colocalc):
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    found = colocalc("sweep", "-", "--over", "lease.billed_share=0.5,1", *METRIC, option, tmp_path / place, stdin=FLEET)
    assert (found.code, found.out) == (5, "")
    assert "cannot write: No such file" in found.err
    assert list(tmp_path.iterdir()) == []


def test_an_ending_that_is_no_file_of_rows_is_refused(tmp_path, colocalc):
    place = tmp_path / "points.pq"
    found = colocalc("sweep", "-", "--over", "lease.billed_share=0.5,1", *METRIC, "--points", place, stdin=FLEET)
    assert (found.code, found.out) == (2, "")
    assert "should end in .parquet or .csv" in found.err
    assert not place.exists()


def test_a_missing_extra_is_one_sentence_and_no_file(tmp_path, monkeypatch, colocalc):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    found = colocalc(
        "sweep", "-", "--over", "lease.billed_share=0.5,1", *METRIC, "-o", tmp_path / "a.parquet", stdin=FLEET
    )
    assert (found.code, found.out) == (4, "")
    assert "pip install 'colocalc[parquet]'" in found.err
    assert list(tmp_path.iterdir()) == []


# -- Interruptions, and a terminal that shows how far the work is ----------------------------------


COUNTED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def watched(*arguments, folder):
    """A run whose standard error is a terminal; interrupted once progress is told there."""
    import pty

    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [*COLOCALC, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs, cwd=folder,
        env=COUNTED | {"PATH": "/usr/bin:/bin", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    os.close(theirs)
    running.stdin.write(FLEET)
    running.stdin.close()
    told, deadline = b"", time.monotonic() + GENEROUS_S
    while b"left" not in told and time.monotonic() < deadline:
        told += os.read(ours, 4_096)
    files = [path.name for path in folder.iterdir()]
    running.send_signal(signal.SIGINT)
    late = threading.Timer(GENEROUS_S, running.kill)
    late.start()
    with running.stdout:
        out = running.stdout.read().decode()
    code = running.wait()
    late.cancel()
    try:
        while more := os.read(ours, 4_096):
            told += more
    except OSError:  # the other end is gone
        pass
    os.close(ours)
    return code, out, told.decode(), files


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("sweep", "-", *LONG, *METRIC, "--points", "a.csv"), "points"),
        (("risk", "-", "--trials", "20000000", *METRIC, "--draws", "a.csv"), "trials"),
    ],
)
def test_an_interruption_shows_what_is_known_and_leaves_no_file(arguments, what, tmp_path):
    code, out, told, files = watched(*arguments, folder=tmp_path)
    assert code == 130
    assert re.search(rf"\r[\d,]+ of [\d,]+ {what}, [\d,]+ a second, \d.* left", told)
    assert "interrupted after" in told
    assert "Traceback" not in told
    assert "lease.contribution_usd_per_yr" in out
    assert [name for name in files if name.endswith(".tmp")] == files != []
    assert list(tmp_path.iterdir()) == []


# What a study cannot do


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("sweep", "-", "--workers", "1" + "0" * 20), f"--workers: should be at most 1,024, not 1{'0' * 20}\n"),
        (("sweep", "-", "--workers", "1025", "--engine", "dask"), "--workers: should be at most 1,024, not 1025\n"),
    ],
)
def test_more_workers_than_a_machine_has_are_refused(arguments, told, colocalc):
    found = colocalc(*arguments, "--over", "lease.billed_share=0,1", stdin=FLEET)

    assert (found.code, found.out, found.err) == (2, "", told)


@pytest.mark.parametrize("study", ["compare:", "compare: ", "risk,compare:"])
def test_a_fleet_without_a_name_is_none_to_compare_with(study, colocalc):
    found = colocalc("report", "-", "--with", study, stdin=FLEET)

    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f'--with "{study}": should be ')


def test_a_number_beyond_its_unit_is_told_under_the_option_that_was_typed(colocalc):
    found = colocalc("sweep", "neocloud-1k-h100", "--over", "software.megatron_factor=0.5,1.5")

    assert (found.code, found.out) == (2, "")
    assert found.err == "--over software.megatron_factor: software.megatron_factor lies between 0 and 1\n"


def test_a_lack_of_memory_is_one_sentence(colocalc, monkeypatch):
    def too_much(*_, **__):
        raise MemoryError

    monkeypatch.setattr("colocalc.study.sweep.sweep", too_much)
    found = colocalc("sweep", "-", "--over", "lease.billed_share=0,1", *METRIC, stdin=FLEET)

    assert (found.code, found.out) == (5, "")
    assert found.err == "not enough memory: take fewer points, smaller blocks, or a smaller fleet\n"


def test_points_that_train_on_another_batch_are_told(colocalc):
    # From 256 replicas on a batch of 128 sequences has not one for each of them.
    training = (
        b"training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 1_048_576, layout: {tp: 1}}\n"
    )
    grid = ("--over", "pools.a.count=64,128,256,1024", "--metric", "mfu.fleet_share")
    found = colocalc("sweep", "-", *grid, stdin=FLEET + training)
    money = colocalc("sweep", "-", *grid[:2], *METRIC, stdin=FLEET + training)
    kept = colocalc("sweep", "-", "--over", "pools.a.count=64,128", *grid[2:], stdin=FLEET + training)

    assert (found.code, money.code, kept.code) == (0, 0, 0)
    said = "warning: at 2 points the batch is not the one asked for, up to 8,388,608 tokens: "
    assert said in found.err
    assert "mfu.global_batch_tokens" not in found.out.partition("Assumptions")[0]
    assert "the batch is not" not in money.err + kept.err


@pytest.mark.parametrize("name", ["rows.csv", "./rows.csv", "link.csv"])
def test_one_file_is_not_written_twice(name, colocalc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.csv").symlink_to("rows.csv")
    grid = colocalc("sweep", "-", "--over", "lease.billed_share=0,1", "--points", "rows.csv", "-o", name, stdin=FLEET)
    trials = colocalc("risk", "-", "--trials", "3", "--draws", "rows.csv", "-o", name, stdin=FLEET)

    assert (grid.code, grid.err) == (2, "--points rows.csv: is the file of the report, -o, too\n")
    assert (trials.code, trials.err) == (2, "--draws rows.csv: is the file of the report, -o, too\n")
    assert [path.name for path in tmp_path.iterdir()] == ["link.csv"]
