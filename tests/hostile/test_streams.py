"""The program among other programs: pipes that close, disks that are full, terminals and files that are none."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

COLOCALC = [sys.executable, "-m", "colocalc"]
EXIT_INPUT, EXIT_IO, INTERRUPTED, READER_WENT_AWAY = 3, 5, 130, 141
GENEROUS_S = 30.0
FULL = Path("/dev/full")
FLEET = b"name: small\npools: [{gpu: h100-sxm, count: 8}]\n"
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name
    not in {"COLUMNS", "NO_COLOR", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONUTF8", "LC_ALL", "LC_CTYPE", "LANG"}
}
UNICODE = {"PYTHONIOENCODING": "utf-8"}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="streams as POSIX has them")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def ran(*arguments, environment=None, **streams):
    """A run of the program in a process of its own, its output as bytes."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    if "input" not in streams:
        streams.setdefault("stdin", subprocess.DEVNULL)
    chosen = {**ENVIRONMENT, **UNICODE, **(environment or {})}
    return subprocess.run([*COLOCALC, *map(str, arguments)], env=chosen, timeout=GENEROUS_S, check=False, **streams)


def in_shell(redirection, *arguments):
    """A run whose streams a shell has closed or led elsewhere; a closed one cannot be said to ``subprocess``."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COLOCALC, *arguments]
    return subprocess.run(command, env={**ENVIRONMENT, **UNICODE}, capture_output=True, timeout=GENEROUS_S, check=False)


def one_sentence(told):
    text = told.decode()
    return text.count("\n") == 1 and text.endswith("\n") and "Traceback" not in text


# Standard output


@pytest.mark.parametrize("arguments", [("report", "colossus-1"), ("report", "colossus-1", "-f", "json"), ("schema",)])
def test_a_reader_that_went_away_is_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = ran(*arguments, stdout=writer)
    os.close(writer)

    assert (done.returncode, done.stderr) == (READER_WENT_AWAY, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_after_a_line_is_no_error(unbuffered):
    # Far more than a pipe holds, so that the writer is still writing when the reader leaves.
    pools = ", ".join(f"{{name: p{number}, gpu: h100-sxm, count: 8}}" for number in range(500))
    with subprocess.Popen(
        [*COLOCALC, "h100e", "-", "--format", "json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered},
    ) as process:
        process.stdin.write(f"name: many\npools: [{pools}]\n".encode())
        process.stdin.close()
        assert process.stdout.read(1) == b"{"
        process.stdout.close()
        told = process.stderr.read()

    assert (process.returncode, told) == (READER_WENT_AWAY, b"")


@pytest.mark.parametrize("arguments", [("mfu", "colossus-1"), ("schema",), ("init", "-o", "-")])
def test_standard_output_that_is_closed_is_told_in_a_sentence(arguments):
    done = in_shell(">&-", *arguments)

    assert (done.returncode, done.stderr) == (EXIT_IO, b"standard output: cannot write: it is closed\n")


@needs_full
@pytest.mark.parametrize(
    "arguments", [("mfu", "colossus-1"), ("mfu", "colossus-1", "-f", "csv"), ("schema",), ("catalog", "sources")]
)
def test_a_full_disk_behind_standard_output_is_told_in_a_sentence(arguments):
    with FULL.open("wb") as full:
        done = ran(*arguments, stdout=full)

    assert done.returncode == EXIT_IO
    assert done.stderr == b"standard output: cannot write: No space left on device\n"


@needs_full
@pytest.mark.parametrize("arguments", [("--help",), ("mfu", "--help"), ("--version", "mfu")])
def test_help_on_a_full_disk_is_told_in_a_sentence(arguments):
    with FULL.open("wb") as full:
        done = ran(*arguments, stdout=full)

    assert done.returncode == EXIT_IO
    assert one_sentence(done.stderr)
    assert b"No space left on device" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_that_fills_up_on_the_way_is_told_and_no_part_passes_for_the_whole(tmp_path, unbuffered):
    # A file may grow to 4 kB and no further, as if the disk were full from there on.
    # Counting branches would write to it too, and more.
    uncounted = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("COVERAGE_")}
    command = ["sh", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$@" >part.json', "sh", *COLOCALC]
    done = subprocess.run(
        [*command, "report", "colossus-1", "--format", "json"],
        env={**uncounted, "PYTHONUNBUFFERED": unbuffered},
        cwd=tmp_path,
        capture_output=True,
        timeout=GENEROUS_S,
        check=False,
    )

    assert done.returncode == EXIT_IO
    assert done.stderr == b"standard output: cannot write: File too large\n"
    assert 0 < (tmp_path / "part.json").stat().st_size < 10_000


# Standard error


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
@pytest.mark.parametrize(("arguments", "code"), [(("lease", "colossus-1"), 0), (("lease", "no-such-fleet"), EXIT_IO)])
def test_without_a_standard_error_the_report_and_the_exit_code_stay(redirection, arguments, code):
    done = in_shell(redirection, *arguments)

    assert done.returncode == code
    assert done.stdout.startswith(b"Colossus 1" if code == 0 else b"")
    assert b"Traceback" not in done.stdout


@needs_full
def test_a_slip_in_the_usage_keeps_its_exit_code_without_a_standard_error():
    assert in_shell("2>/dev/full", "mfu").returncode == 2


# Output files


def device(folder):
    """A device that is always full, and that a defect may destroy without harm; as root, one made for the test."""
    if os.geteuid() != 0:
        return FULL
    path = folder / "full"
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))
    except OSError:
        pytest.skip("no device can be made here")
    return path


@needs_full
def test_a_full_disk_behind_an_output_file_is_told_in_a_sentence(tmp_path):
    path = device(tmp_path)
    done = ran("mfu", "colossus-1", "--format", "json", "-o", path)

    assert (done.returncode, done.stdout) == (EXIT_IO, b"")
    assert done.stderr.startswith(f"{path}: cannot write: ".encode())
    assert one_sentence(done.stderr)


@needs_full
def test_a_device_is_never_replaced_by_a_file(tmp_path):
    path = device(tmp_path)
    ran("schema", "-o", path)

    assert stat.S_ISCHR(path.stat().st_mode)
    assert path == FULL or list(tmp_path.iterdir()) == [path]


def test_standard_output_by_its_name_as_a_file_is_written_to():
    done = ran("mfu", "colossus-1", "--format", "json", "-o", "/dev/stdout")

    assert done.returncode == 0
    assert json.loads(done.stdout)["command"] == "mfu"


def test_a_folder_that_is_missing_is_told_in_a_sentence(tmp_path):
    done = ran("mfu", "colossus-1", "-o", tmp_path / "none" / "r.json")

    assert (done.returncode, done.stdout) == (EXIT_IO, b"")
    assert done.stderr == f"{tmp_path}/none/r.json: cannot write: No such file or directory\n".encode()


@pytest.mark.skipif(os.geteuid() == 0, reason="no mode binds root; tests/test_emit.py drops its rights")
def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    tmp_path.chmod(0o555)
    done = ran("mfu", "colossus-1", "-o", tmp_path / "r.json")

    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (EXIT_IO, b"", [])
    assert done.stderr == f"{tmp_path}/r.json: cannot write: Permission denied\n".encode()


# Terminals and locales


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "json"])
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""},
    ],
    ids=["told", "found"],
)
def test_a_terminal_that_speaks_ascii_gets_ascii(form, environment):
    done = ran("lease", "colossus-1", "--format", form, environment=environment)

    assert done.returncode == 0
    assert done.stdout
    assert done.stdout.isascii()
    assert done.stderr.isascii()
    if form == "table":
        assert b"\\u" not in done.stdout
        assert b"?" not in done.stdout


def test_text_outside_latin_1_is_no_crash_where_latin_1_is_spoken():
    fleet = "name: x\ntitle: Ωmega 東京 — µ\npools: [{gpu: h100-sxm, count: 8}]\n".encode()
    done = ran("h100e", "-", "--format", "markdown", input=fleet, environment={"PYTHONIOENCODING": "latin-1"})

    assert done.returncode == 0
    assert b"\\u03a9mega" in done.stdout


@pytest.mark.parametrize(
    ("columns", "least", "most"),
    [
        ("1", 40, 60),
        ("60", 40, 60),
        ("80", 61, 80),
        ("200", 100, 140),
        ("999999999999", 100, 140),
        ("0", 61, 100),
        ("-5", 61, 100),
        ("abc", 61, 100),
        ("²", 61, 100),
        ("", 61, 100),
    ],
)
def test_any_number_of_columns_gives_a_report_of_a_sensible_width(colocalc, columns, least, most):
    done = colocalc("mfu", "neocloud-1k-h100", columns=columns)

    assert done.code == 0
    assert least <= max(map(len, done.out.splitlines())) <= most


def test_numbers_are_whole_in_the_narrowest_terminal(colocalc):
    done = colocalc("lease", "colossus-1", columns=1)

    for number in ("150,000", "$2.20/GPU-h", "$5.011B/yr", "100.0%"):
        assert number in done.out


def test_neither_a_home_nor_a_search_path_is_needed():
    bare = {name: ENVIRONMENT[name] for name in ("PYTHONPATH",) if name in ENVIRONMENT}
    done = subprocess.run(
        [*COLOCALC, "lease", "colossus-1"], env=bare, capture_output=True, timeout=GENEROUS_S, check=False
    )

    assert done.returncode == 0
    assert done.stdout.startswith(b"Colossus 1")


# Interrupts


@pytest.mark.parametrize("command", ["mfu", "check"])
def test_an_interrupt_ends_the_program_silently(command):
    with subprocess.Popen(
        [*COLOCALC, command, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        process.stdin.write(FLEET)
        process.stdin.flush()
        until_it_waits(process)
        process.send_signal(signal.SIGINT)
        code = process.wait(GENEROUS_S)
        told, said = process.stderr.read(), process.stdout.read()

    assert (code, said, told.strip()) == (INTERRUPTED, b"", b"")


def until_it_waits(process):
    """Returns once the process has taken what its standard input holds, and so stands in a read of more."""
    import array
    import fcntl
    import termios

    unread = array.array("i", [1])
    begun = time.monotonic()
    while unread[0] and time.monotonic() - begun < GENEROUS_S:
        time.sleep(0.02)
        fcntl.ioctl(process.stdin, termios.FIONREAD, unread)


# What is read


def test_standard_input_that_is_closed_is_told_in_a_sentence():
    done = in_shell("<&-", "mfu", "-")

    assert (done.returncode, done.stdout) == (EXIT_IO, b"")
    assert done.stderr == b"standard input: cannot be read: it is closed\n"


def test_standard_input_that_only_takes_is_told_in_a_sentence(tmp_path):
    done = in_shell(f"0>{tmp_path}/sink", "mfu", "-")

    assert done.returncode == EXIT_IO
    assert one_sentence(done.stderr)
    assert done.stderr.startswith(b"standard input: cannot be read: ")


def test_standard_input_that_is_empty_is_told_in_a_sentence():
    done = ran("mfu", "-", input=b"")

    assert (done.returncode, done.stderr) == (EXIT_INPUT, b"<stdin>:1:1: should be a mapping, not empty\n")


def test_a_closed_standard_input_is_no_matter_to_a_file():
    assert in_shell("<&-", "lease", "colossus-1").returncode == 0


def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(tmp_path):
    path = tmp_path / "fleet.yaml"
    os.mkfifo(path)
    done = ran("mfu", path)

    assert (done.returncode, done.stdout) == (EXIT_IO, b"")
    assert done.stderr == f"{path}: is a pipe or a device, not a file\n".encode()


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    done = ran("mfu", tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (EXIT_IO, b"", f"{tmp_path}: is a directory\n".encode())


def test_a_hundred_megabytes_are_refused_without_reading_them():
    limit = 20 * 2**20
    with subprocess.Popen(
        [*COLOCALC, "mfu", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        written, piece = 0, b"a" * 2**20
        try:
            while written < 100 * 2**20:
                written += os.write(process.stdin.fileno(), piece)
        except BrokenPipeError:
            pass
        said, told = process.communicate(timeout=GENEROUS_S)

    assert (process.returncode, said, told) == (EXIT_INPUT, b"", b"<stdin>: larger than 10 MiB\n")
    assert written < limit


# Names that try to be more than names

ESCAPES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]")
TRICKS = {
    "ansi": "\\e[31mred\\e[0m",
    "title": "\\e]0;owned\\a",
    "newline": "one\\nwarning: two",
    "return": "one\\rtwo",
    "direction": "abc\\u202edef",
    "separator": "one\\u2028two",
    "markup": "[bold]x[/bold] <script>alert(1)</script> | a | b",
    "formula": "=cmd|' /C calc'!A0",
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_a_title_is_shown_as_text_whatever_it_holds(colocalc, trick, form):
    fleet = f'name: x\ntitle: "{TRICKS[trick]}"\npools: [{{gpu: h100-sxm, count: 8}}]\n'.encode()
    run = colocalc("h100e", "-", "--format", form, stdin=fleet)

    assert run.code == 0
    assert not ESCAPES.search(run.out)
    assert not ESCAPES.search(run.err)
    assert not [line for line in run.out.splitlines() if line.startswith("warning: two")]
    if (trick, form) == ("markup", "markdown"):
        assert "<script>" not in run.out.replace("\\<", "")
    if (trick, form) == ("markup", "table"):
        assert "[bold]x[/bold] <script>" in run.out


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("key", ["name", "pools.0.name", "pools.0.gpu", "unknown"])
def test_a_fault_quotes_what_it_found_as_text(colocalc, trick, key):
    value = f'"{TRICKS[trick]}"'
    fleets = {
        "name": f"name: {value}\npools: [{{gpu: h100-sxm, count: 8}}]\n",
        "pools.0.name": f"name: x\npools: [{{name: {value}, gpu: h100-sxm, count: 8}}]\n",
        "pools.0.gpu": f"name: x\npools: [{{gpu: {value}, count: 8}}]\n",
        "unknown": f"name: x\npools: [{{gpu: h100-sxm, count: 8}}]\n{value}: 1\n",
    }
    run = colocalc("h100e", "-", stdin=fleets[key].encode())

    assert not ESCAPES.search(run.out + run.err)
    if run.code:
        assert run.code == EXIT_INPUT
        assert all(line.startswith("<stdin>:") for line in run.err.splitlines())


@pytest.mark.parametrize("option", ["--format", "--color", "--scenario", "--set", "--rate-card", "--output"])
def test_an_option_quotes_what_it_was_given_as_text(colocalc, tmp_path, option):
    run = colocalc("lease", "colossus-1", option, f"{tmp_path}/\x1b[31mred\n\u202ex")

    assert run.code != 0
    assert not ESCAPES.search(run.out + run.err)
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("place", ["\x1b[31mred", "a\nb", "x" * 5_000])
def test_a_fleets_name_that_is_no_file_is_quoted_as_text(colocalc, place):
    run = colocalc("mfu", place)

    assert (run.code, run.out) == (EXIT_IO, "")
    assert not ESCAPES.search(run.err)
    assert len(run.err.splitlines()) == 1


# What is told before the command line is loaded


@needs_full
@pytest.mark.parametrize("arguments", [("--version",), ()])
def test_a_first_word_that_cannot_be_said_is_told(arguments):
    with FULL.open("wb") as full:
        done = ran(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (EXIT_IO, b"standard output: cannot write: No space left on device\n")

    closed = in_shell(">&-", *arguments)
    assert (closed.returncode, closed.stderr) == (EXIT_IO, b"standard output: cannot write: it is closed\n")

    assert in_shell(">/dev/full 2>&-", *arguments).returncode == EXIT_IO


def test_a_reader_that_went_away_hears_no_version():
    reader, writer = os.pipe()
    os.close(reader)
    done = ran("--version", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (READER_WENT_AWAY, b"")
