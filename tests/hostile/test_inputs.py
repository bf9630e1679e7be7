"""Every kind of input beside fleets, met with every kind of hostility: cards, runs, calibrations, prices, options."""

import csv
import errno
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
import warnings

import pytest

from colocalc.prices.rows import MAX_BYTES, MAX_COLUMNS

EXIT_USAGE, EXIT_INPUT, EXIT_IO, TERMINATED, HUNG_UP = 2, 3, 5, 143, 129
GENEROUS_S = 10.0
LONGEST = 8_000
LIVE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

CARD = """name: c
as_of: 2026-05-08
currency: usd
rates:
  - {gpu: h100-sxm, term: on-demand, rate_usd_per_gpu_h: 2.2}
  - {gpu: h200-sxm, term: on-demand, rate_usd_per_gpu_h: 2.2}
  - {gpu: gb200-nvl72, term: on-demand, rate_usd_per_gpu_h: 2.2}
"""
RUN = """- id: a
  model: {layers: 80, hidden: 8192, ffn_hidden: 32768, heads: 64, vocab: 50368, seq_len: 2048}
  accelerator: H100-SXM
  n_gpus: 512
  parallelism: {tp: 1, pp: 1, dp: 512}
  micro_batch: 8
  global_batch: 4096
  measured: {step_time_s: 16.2685}
"""
SKYPILOT = """InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region
a,H100,8,98.32,40.1,us
b,H200,8,98.32,40.1,us
c,GB200,4,98.32,40.1,us
"""
GPUHUNT = """instance_name,location,price,gpu_count,gpu_name,spot
a,us,98.32,8,H100,False
b,us,98.32,8,H200,False
c,us,98.32,4,GB200,False
"""
OWN = """gpu,term,rate_usd_per_gpu_h
h100-sxm,on-demand,2.2
h200-sxm,on-demand,2.2
gb200-nvl72,on-demand,2.2
"""
PRICES = {"skypilot:": SKYPILOT, "gpuhunt:": GPUHUNT, "": OWN}


def bomb():
    lines = ["x0: &x0 [a, a]"]
    lines += [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 11)]
    return "\n".join(lines)


def held(run, code, files=()):
    """What holds of every refusal: its code, a message that ends, nothing live in it, nothing shown or written."""
    assert (run.code, run.out) == (code, ""), run.err
    assert run.err.endswith("\n")
    assert len(run.err) < LONGEST
    assert not LIVE.search(run.err)
    assert "Traceback" not in run.err
    assert not [path for path in files if path.suffix == ".tmp"]


YAML = {
    "an alias bomb": bomb(),
    "200,000 brackets": "[" * 200_000,
    "a merge key": "a: &x {b: 1}\n<<: *x\n",
    "a NUL": b"a: \0",
    "UTF-16": "a: 1".encode("utf-16"),
    "Latin-1": b"a: \xe9",
    "nothing": "",
    "null": "~",
    "a number": "3",
    "a list of numbers": "[1, 2]",
    "a key twice": "name: a\nname: b\n",
    "a call of Python": "!!python/object/apply:os.system [ls]",
    "11 MiB": "#" * (11 * 2**20),
    "a key in colour": '"\\e[31mred": 1\n',
    "a name that turns round": 'name: "\\u202eabc"\nas_of: 1\n',
    "20,000 faults": "rates:\n" + "  - {gpu: 1, term: x}\n" * 20_000,
}
COMMANDS = {
    "card": ("lease", "colossus-1", "--rate-card"),
    "runs": ("validate",),
    "calibration": ("mfu", "colossus-1", "--calibration"),
}


@pytest.mark.parametrize("hostility", YAML)
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_hostile_file_in_the_place_of_another_is_refused_with_its_place(colocalc, tmp_path, kind, hostility):
    path, text = tmp_path / "f.yaml", YAML[hostility]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    run = colocalc(*COMMANDS[kind], path)

    held(run, EXIT_INPUT, tmp_path.iterdir())
    assert all(line.startswith((f"{path}:", "... and")) for line in run.err.splitlines())


BAD_NUMBERS = (".nan", ".inf", "-.inf", "1e400", "-1", "'8'", "true", "~", "[]", "{}", "9" * 5_000, "0x10", "yes")


@pytest.mark.parametrize("number", BAD_NUMBERS, ids=lambda number: number[:8])
def test_a_number_of_a_card_that_is_none_is_refused(colocalc, tmp_path, number):
    path = tmp_path / "card.yaml"
    path.write_text(CARD.replace("2.2", number, 1))
    run = colocalc("lease", "colossus-1", "--rate-card", path)

    held(run, EXIT_INPUT)
    assert run.err.startswith(f"{path}:5:")


RUN_NUMBERS = (*(number for number in BAD_NUMBERS if number != "~"), "1e30", "9" * 40, "1e-320", "0")


@pytest.mark.parametrize("number", RUN_NUMBERS, ids=lambda number: number[:8])
@pytest.mark.parametrize("key", ["layers: 80", "n_gpus: 512", "tp: 1", "global_batch: 4096", "step_time_s: 16.2685"])
def test_a_number_of_a_run_that_is_none_is_refused(colocalc, key, number):
    run = colocalc("validate", "-", stdin=RUN.replace(key, f"{key.partition(':')[0]}: {number}").encode())

    held(run, EXIT_INPUT)
    assert run.err.startswith("standard input:")


@pytest.mark.parametrize("step_s", ["1e-18", "1e18"])
def test_a_step_of_the_least_and_the_greatest_size_is_reported(colocalc, step_s):
    run = colocalc("validate", "-", stdin=RUN.replace("16.2685", step_s).encode())

    assert run.code == 0


def test_numbers_of_runs_that_are_as_large_as_they_may_be_are_no_crash(colocalc):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for key in re.findall(r"(\w+): \d[\d.]*", RUN):
            run = colocalc("validate", "-", stdin=re.sub(rf"\b{key}: [\d.]+", f"{key}: {10**18}", RUN).encode())
            assert run.code in {0, EXIT_INPUT}, run.err


TRICKS = {
    "colour": '"\\e[31mred"',
    "lines": '"a\\nwarning: b"',
    "direction": '"\\u202eabc"',
    "formula": "\"=cmd|' /C calc'!A0\"",
    "script": '"<script>alert(1)</script>"',
    "markup": '"[bold]x[/bold] | y"',
    "format": '"%s%n{0}"',
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "html"])
@pytest.mark.parametrize("key", ["id: a", "accelerator: H100-SXM"])
def test_words_of_runs_are_words_in_every_report(colocalc, form, key, trick):
    text = RUN.replace(key, f"{key.partition(':')[0]}: {TRICKS[trick]}\n  source: {TRICKS[trick]}")
    run = colocalc("validate", "-", "--format", form, stdin=text.encode())

    assert run.code == 0, run.err
    assert not LIVE.search(run.out + run.err)
    assert form not in {"html", "markdown"} or "<script>alert" not in run.out.replace("\\<", "")
    rows = csv.reader(run.out.splitlines(keepends=True)) if form == "csv" else [[one] for one in run.out.splitlines()]
    starts = ("=cmd", "warning: b") if form == "csv" else ("warning: b",)
    assert not [cell for row in rows for cell in row if cell.startswith(starts)]
    assert "\nwarning: b" not in run.err


@pytest.mark.parametrize("trick", TRICKS)
def test_gpus_of_a_card_are_words_where_the_one_wanted_is_missing(colocalc, tmp_path, trick):
    path = tmp_path / "card.yaml"
    path.write_text(CARD.replace("h100-sxm", TRICKS[trick]))

    held(colocalc("lease", "colossus-1", "--rate-card", path), EXIT_INPUT)


def test_a_card_of_many_gpus_is_not_listed_whole_where_the_one_wanted_is_missing(colocalc, tmp_path):
    path = tmp_path / "card.yaml"
    rates = "".join(f"  - {{gpu: g{n}, term: spot, rate_usd_per_gpu_h: 1}}\n" for n in range(5_000))
    path.write_text(CARD.partition("  -")[0] + rates)
    run = colocalc("lease", "colossus-1", "--rate-card", path)

    held(run, EXIT_INPUT)
    assert "and 4,980 more" in run.err


# Files of prices


def _last(text, addition):
    return text.encode() + addition


CSV = {
    "nothing": lambda _: b"",
    "a header alone": lambda text: text.encode().partition(b"\n")[0],
    "a NUL": lambda text: _last(text, b"\0"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "Latin-1": lambda text: _last(text, b"\xe9"),
    "an escape": lambda text: _last(text, b"\x1b[31m"),
    "a turn": lambda text: _last(text, "\u202e".encode()),
    "an open quote": lambda text: _last(text, b'"'),
    "text behind a quote": lambda text: _last(text, b'"a"b,'),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "a long field": lambda text: _last(text, b"x" * 20_000 + b"," * text.partition("\n")[0].count(",")),
    "a field beyond what csv reads": lambda text: _last(text, b"x" * 200_000),
    "too large": lambda text: _last(text, b"#" * MAX_BYTES),
    "HTML": lambda _: b"<!doctype html>",
    "zip": lambda _: b"PK\x03\x04",
    "five million commas": lambda text: _last(text, b"," * 5_000_000),
    "columns without end": lambda text: (text.partition("\n")[0] + "".join(f",c{n}" for n in range(100_000))).encode(),
    "one column without end": lambda text: (text.partition("\n")[0] + ",price" * 50_000).encode(),
    "two columns of a name": lambda text: (text.partition("\n")[0] + ",b,a,b,a\n").encode(),
    "no price": lambda text: text.replace("98.32", "x").replace("2.2", "x").encode(),
    "an infinite price": lambda text: text.replace("98.32", "inf").replace("2.2", "nan").encode(),
    "a huge price": lambda text: text.replace("98.32", "1e308").replace("2.2", "9" * 5_000).encode(),
    "a price of another script": lambda text: text.replace("98.32", "٣").replace("2.2", "٣").encode(),
    "a price below zero": lambda text: text.replace("98.32", "-1").replace("2.2", "-1").encode(),
    "a GPU like a formula": lambda text: re.sub("(?i)h100(-sxm)?|h200(-sxm)?|gb200(-nvl72)?", "=cmd()", text).encode(),
}


@pytest.mark.parametrize("hostility", CSV)
@pytest.mark.parametrize("kind", PRICES)
def test_a_hostile_file_of_prices_is_refused_with_its_place(colocalc, tmp_path, monkeypatch, kind, hostility):
    (tmp_path / "p.csv").write_bytes(CSV[hostility](PRICES[kind]))
    monkeypatch.chdir(tmp_path)
    begun = time.monotonic()
    run = colocalc("lease", "colossus-1", "--rate-card", f"{kind}p.csv")

    held(run, EXIT_INPUT, tmp_path.iterdir())
    assert run.err.startswith(("p.csv:", "colossus-1", "/")), run.err
    assert time.monotonic() - begun < GENEROUS_S


def test_columns_that_stand_twice_are_told_in_the_order_of_the_file(colocalc, tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("gpu,term,rate_usd_per_gpu_h" + "".join(f",c{n},c{n}" for n in range(MAX_COLUMNS // 4)))
    run = colocalc("lease", "colossus-1", "--rate-card", path)

    held(run, EXIT_INPUT)
    assert re.findall(r'"(c\d+)"', run.err) == [f"c{n}" for n in range(20)]


# Places


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder with everything that is no file: a loop of links, a link to nowhere, a pipe, a folder."""
    monkeypatch.chdir(tmp_path)
    for link, to in (("loop.yaml", "round.yaml"), ("round.yaml", "loop.yaml"), ("away.yaml", "/etc/passwd")):
        (tmp_path / link).symlink_to(to)
    (tmp_path / "nowhere.yaml").symlink_to("nothing")
    (tmp_path / "itself.csv").symlink_to("itself.csv")
    os.mkfifo(tmp_path / "pipe.yaml")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.yaml").mkdir()
    return tmp_path


ODD = ("loop.yaml", "nowhere.yaml", "pipe.yaml", "folder.yaml", "/dev/zero")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and signals as POSIX has them")


@needs_posix
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", [*COMMANDS, "fleet", "compare", "with"])
def test_what_is_no_file_is_refused_at_once(colocalc, places, kind, odd):
    others = {
        "fleet": ("lease", odd),
        "compare": ("compare", "colossus-1", odd),
        "with": ("report", "neocloud-1k-h100", "--with", f"compare:{odd}"),
    }
    held(colocalc(*(others.get(kind) or (*COMMANDS[kind], odd))), EXIT_IO)


OUTSIDE = ("../x.yaml", "/etc/passwd", "a/../../x", "http://x/y", "file:///etc/passwd", "away.yaml", "~", "C:\\x")


@needs_posix
@pytest.mark.parametrize("odd", [*ODD, *OUTSIDE, "fleet.yaml", "", "\\0", "x" * 5_000])
@pytest.mark.parametrize("key", ["extends", "training.calibration", "lease.rate_card"])
def test_a_file_that_a_fleet_names_lies_in_its_folder_and_is_one(colocalc, places, key, odd):
    block, _, inner = key.partition(".")
    name = f"skypilot:{odd}" if block == "lease" else odd
    value = f'"{name}"'.replace("C:\\", "C:\\\\")
    line = f"{block}: {{{inner}: {value}}}" if inner else f"{block}: {value}"
    (places / "fleet.yaml").write_text(f"name: x\npools: [{{gpu: h100-sxm, count: 8}}]\n{line}\n")
    run = colocalc("lease", "fleet.yaml")

    held(run, EXIT_INPUT)
    assert run.err.startswith("fleet.yaml:") or (key, odd) == ("lease.rate_card", "fleet.yaml")


@needs_posix
@pytest.mark.parametrize("kind", PRICES)
@pytest.mark.parametrize("odd", ["itself.csv", "pipe.csv", "none.csv"])
def test_prices_in_what_is_no_file_are_refused_at_once(colocalc, places, kind, odd):
    held(colocalc("lease", "colossus-1", "--rate-card", f"{kind}{odd}"), EXIT_IO)


@needs_posix
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("mfu", "colossus-1", "-f", "json", "-o", "loop.yaml"), os.strerror(errno.ELOOP)),
        (("mfu", "colossus-1", "-f", "json", "-o", "pipe.yaml"), "nobody reads this pipe"),
        (("mfu", "colossus-1", "-f", "json", "-o", "folder.yaml"), os.strerror(errno.EISDIR)),
        (("schema", "-o", "loop.yaml"), os.strerror(errno.ELOOP)),
        (("schema", "-o", "pipe.yaml"), "nobody reads this pipe"),
        (("sweep", "colossus-1", "--over", "lease.billed_share=0,1", "--points", "itself.csv"), "symbolic links"),
        (("sweep", "colossus-1", "--over", "lease.billed_share=0,1", "--points", "pipe.csv"), "is a pipe or a device"),
        (("risk", "neocloud-1k-h100", "--trials", "5", "--draws", "pipe.csv"), "is a pipe or a device"),
    ],
)
def test_nothing_is_written_to_what_is_no_file(colocalc, places, arguments, why):
    before = {path: path.lstat().st_mode for path in places.iterdir()}
    run = colocalc(*arguments)

    held(run, EXIT_IO)
    assert why in run.err
    assert {path: path.lstat().st_mode for path in places.iterdir()} == before


@needs_posix
def test_a_pipe_that_somebody_reads_gets_all_of_it(colocalc, places):
    got = []
    reader = threading.Thread(target=lambda: got.append((places / "pipe.yaml").read_bytes()), daemon=True)
    reader.start()
    begun = time.monotonic()
    run = colocalc("schema", "-o", places / "pipe.yaml")
    while run.code and time.monotonic() - begun < GENEROUS_S:  # the reader may not stand there yet
        run = colocalc("schema", "-o", places / "pipe.yaml")
    reader.join(GENEROUS_S)

    assert got == [colocalc("schema").out.encode()]
    assert stat.S_ISFIFO((places / "pipe.yaml").stat().st_mode)


NAMES = (
    "-x",
    " ",
    "a\nwarning: b",
    "\x1b[31m",
    "\u202e",
    "%s{0}",
    "[bold]",
    "<script>",
    "=1+1",
    "é",
    "\udcff",
    '"',
    "a|b",
)


@needs_posix
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_odd_names_of_files_are_shown_as_text(colocalc, tmp_path, name):
    try:
        (tmp_path / f"{name}.yaml").write_text("name: x\npools: [{gpu: h100-sxm, count: 8}]\n")
    except OSError:
        pytest.skip("no such name on this disk")
    (tmp_path / "made").mkdir()
    file, made = tmp_path / f"{name}.yaml", tmp_path / "made" / f"{name}.yaml"
    over = ("--over", "lease.rate_usd_per_gpu_h=1,2")
    runs = (
        colocalc("compare", file, "colossus-1"),
        colocalc("init", "-o", made),
        colocalc("check", file, "--set", "pools=1"),
        colocalc("lease", f"{file}.none"),
        colocalc("sweep", file, *over, "--points", made.with_suffix(".csv")),
    )
    for run in runs:
        assert run.code in {0, EXIT_INPUT, EXIT_IO}
        assert not LIVE.search(run.out + run.err)
        assert not [line for line in run.err.splitlines() if line.startswith("warning: b")]


LONG = "x" * 5_000
LONG_NAMES = {
    "fleet": ("lease", LONG),
    "card": ("lease", "colossus-1", "--rate-card", f"{LONG}.yaml"),
    "prices": ("lease", "colossus-1", "--rate-card", f"skypilot:{LONG}"),
    "runs": ("validate", LONG),
    "calibration": ("mfu", "colossus-1", "--calibration", LONG),
    "compared": ("compare", "colossus-1", f"{LONG}@a"),
    "beside": ("report", "neocloud-1k-h100", "--with", f"compare:{LONG}"),
    "report": ("mfu", "colossus-1", "-o", f"{LONG}.json"),
    "starter": ("init", "-o", LONG),
    "fit": ("validate", "--fit", "--save", LONG),
    "points": ("sweep", "colossus-1", "--over", "lease.billed_share=0,1", "--points", f"{LONG}.csv"),
}


@pytest.mark.parametrize("arguments", LONG_NAMES.values(), ids=LONG_NAMES)
def test_a_name_that_no_disk_takes_is_told_and_cut(colocalc, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    run = colocalc(*arguments)

    held(run, EXIT_IO, tmp_path.iterdir())
    assert run.err.startswith("x" * 1_000)


# Quantities

FLEET = "name: x\npools: [{gpu: h100-sxm, count: 8}]\n"
MANY = {
    "unknown keys": FLEET + "".join(f"k{n}: 1\n" for n in range(50_000)),
    "pools of unknown GPUs": "name: x\npools:\n" + "- {gpu: h100-sxmm, count: 1}\n" * 20_000,
    "pools of words": "name: x\npools:\n" + "- {gpu: 1, count: x}\n" * 20_000,
    "unknown expectations": f"{FLEET}expect:\n" + "- h100e.raw_countt > 1\n" * 20_000,
    "claims without a source": f"{FLEET}claims:\n" + "- {metric: h100e.raw, says: 1, source: z}\n" * 10_000,
    "unknown assumptions": f"{FLEET}assumptions:\n" + "".join(f"  a{n}.b_s: 1\n" for n in range(20_000)),
    "scenarios": f"{FLEET}scenarios:\n" + "".join(f"  s{n}: {{set: {{name: a}}}}\n" for n in range(20_000)),
}


@pytest.mark.parametrize("fleet", MANY.values(), ids=MANY)
def test_faults_without_number_are_told_soon_and_not_all(colocalc, fleet):
    begun = time.monotonic()
    run = colocalc("check", "-", stdin=fleet.encode())

    held(run, EXIT_INPUT)
    assert time.monotonic() - begun < GENEROUS_S
    assert len(run.err.splitlines()) <= 21


def test_runs_without_number_that_are_wrong_are_told_soon_and_not_all(colocalc):
    run = colocalc("validate", "-", stdin=("- {id: 1, n_gpus: x}\n" * 20_000).encode())

    held(run, EXIT_INPUT)
    assert len(run.err.splitlines()) == 21


# What a value of --over may not be


@pytest.mark.parametrize("values", ["zzz=1,2", "pools.0.count=1.5,2", "pools=1,2", "reliability.restart_s=-5:5:3"])
def test_a_bad_value_is_told_under_the_option_that_was_typed(colocalc, values):
    key = values.partition("=")[0]
    alone = colocalc("sweep", "colossus-1", "--over", values)
    inside = colocalc("report", "colossus-1", "--with", f"sweep:{values}")

    held(alone, EXIT_INPUT)
    held(inside, EXIT_INPUT)
    assert alone.err.startswith(f"--over {key}=")
    assert inside.err.startswith(f"--with sweep:{key}=")


def test_a_bad_override_beside_an_axis_is_told_as_the_override(colocalc):
    run = colocalc("sweep", "colossus-1", "--set", "zzz=1", "--over", "lease.billed_share=0,1")

    held(run, EXIT_INPUT)
    assert run.err == "--set zzz=1: zzz: unknown key\n"


# Asked to end while writing


@needs_posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)])
def test_a_process_asked_to_end_while_writing_leaves_nothing(tmp_path, number, code):
    grid = ("--over", "lease.rate_usd_per_gpu_h=1:4:9000", "--over", "lease.billed_share=0.5:1:9000")
    command = [sys.executable, "-m", "colocalc", "sweep", "colossus-1", *grid, "--points", "points.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        begun = time.monotonic()
        while not list(tmp_path.iterdir()) and time.monotonic() - begun < GENEROUS_S:
            time.sleep(0.02)
        started = list(tmp_path.iterdir())
        process.send_signal(number)
        late = threading.Timer(GENEROUS_S, process.kill)
        late.start()
        said, told = process.communicate()
        late.cancel()

    assert started
    assert (process.returncode, said, told, list(tmp_path.iterdir())) == (code, b"", b"", [])
