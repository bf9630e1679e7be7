"""Engines: the same bits wherever blocks are evaluated, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from colocalc import __version__
from colocalc.case import numbers
from colocalc.case.plane import Span
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.study.engine import ENGINES, Engine, engine_of, run
from colocalc.study.engine import cluster as cluster_module
from colocalc.study.engine.task import Block, blocks_of, by_chunk, chunk_rows, whole_chunks
from colocalc.study.surface import LoweredSurface, PlaneSurface, surface_of
from colocalc.variants import Variants

COUNT = 60


@dataclass(frozen=True)
class Squares:
    """The square of the number of each scenario."""

    def __call__(self, block):
        return {"square": np.arange(block.start, block.stop, dtype=float) ** 2 + 1000.0 * block.part}


@dataclass(frozen=True)
class DiesOnce:
    """As Squares; the first process that comes to a scenario dies there."""

    mark: str
    at: int

    def __call__(self, block):
        if block.start <= self.at < block.stop:
            try:
                os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return Squares()(block)


@dataclass(frozen=True)
class DiesAlways:
    """Every process dies at the second block."""

    def __call__(self, block):
        if block.start:
            os.kill(os.getpid(), signal.SIGKILL)
        return Squares()(block)


@dataclass(frozen=True)
class Fails:
    """A task with a fault that the user can mend."""

    def __call__(self, block):
        raise ColocalcError("no such scenario", where=f"scenario {block.start}")


class Counted:
    def __init__(self):
        self.seen = []

    def advance(self, count):
        self.seen.append(count)


def engine(name, workers=2, scheduler=None):
    return Engine(name, 1 if name == "serial" else workers, scheduler)


def squares(chosen, size=7, task=None):
    found = list(run(task or Squares(), blocks_of(COUNT, size, 0), engine=chosen))
    assert [block.start for block, _ in found] == list(range(0, COUNT, size))
    return np.concatenate([columns["square"] for _, columns in found])


@pytest.mark.parametrize("name", ["serial", "threads", "processes"])
def test_blocks_come_back_in_order(name):
    np.testing.assert_array_equal(squares(engine(name)), np.arange(COUNT, dtype=float) ** 2)


def test_a_block_knows_which_part_it_is_of():
    found = list(run(Squares(), [*blocks_of(3, 2, 0), *blocks_of(2, 2, 1)], engine=engine("serial")))
    assert [block for block, _ in found] == [Block(0, 2, 0), Block(2, 3, 0), Block(0, 2, 1)]
    np.testing.assert_array_equal(found[2][1]["square"], [1000.0, 1001.0])


@pytest.mark.parametrize("name", ["serial", "threads", "processes"])
def test_progress_is_told_of_every_scenario(name):
    counted = Counted()
    list(run(Squares(), blocks_of(COUNT, 7, 0), engine=engine(name), progress=counted))
    assert sum(counted.seen) == COUNT


@pytest.mark.parametrize("name", ["serial", "threads", "processes"])
def test_nobody_has_to_take_all(name):
    results = run(Squares(), blocks_of(COUNT, 2, 0), engine=engine(name))
    assert next(results)[0] == Block(0, 2, 0)
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 30.0


@pytest.mark.parametrize("name", ["serial", "threads", "processes"])
def test_a_fault_of_a_block_is_the_fault_of_the_study(name):
    with pytest.raises(ColocalcError, match="no such scenario"):
        list(run(Fails(), blocks_of(4, 2, 0), engine=engine(name)))


def test_what_a_killed_worker_had_runs_again(tmp_path):
    task = DiesOnce(str(tmp_path / "mark"), 30)
    np.testing.assert_array_equal(squares(engine("processes"), task=task), np.arange(COUNT, dtype=float) ** 2)
    assert (tmp_path / "mark").exists()


def test_workers_that_die_again_and_again_end_it():
    with pytest.raises(ColocalcError, match="died 3 times at scenarios 7 to 13") as caught:
        squares(engine("processes", 1), task=DiesAlways())
    assert caught.value.exit_code == 5


def test_a_scheduler_that_is_not_there_is_said():
    pytest.importorskip("distributed")
    with pytest.raises(ColocalcError, match="no Dask scheduler answers") as caught:
        squares(engine("dask", scheduler="tcp://127.0.0.1:1"))
    assert caught.value.exit_code == 5


def test_a_missing_extra_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ColocalcError, match=r"needs the extra dask: pip install 'colocalc\[dask\]'") as caught:
        squares(engine("dask"))
    assert caught.value.exit_code == 4


def test_dask_takes_the_same_blocks():
    pytest.importorskip("distributed")
    np.testing.assert_array_equal(squares(engine("dask")), np.arange(COUNT, dtype=float) ** 2)


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers as a user starts them, on the loopback interface."""
    pytest.importorskip("distributed")
    address = tmp_path / "scheduler.json"
    tools = Path(sys.executable).parent
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    common = ["--no-dashboard", "--scheduler-file", str(address)]
    started = [
        subprocess.Popen([tools / "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", *common], env=env, **quiet)
    ]
    worker = [tools / "dask", "worker", "--nthreads", "1", "--no-nanny", *common]
    try:
        deadline = time.monotonic() + 60.0
        while not address.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        started += [subprocess.Popen([*worker, "--name", str(number)], env=env, **quiet) for number in range(2)]
        yield json.loads(address.read_text())["address"], started
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_cluster_that_exists_takes_the_same_blocks(cluster):
    address, _ = cluster
    np.testing.assert_array_equal(squares(engine("dask", scheduler=address)), np.arange(COUNT, dtype=float) ** 2)


def test_a_sweep_and_trials_have_the_same_bits_on_a_cluster_that_exists(cluster, colocalc):
    address, _ = cluster
    over = ("--over", "lease.rate_usd_per_gpu_h=1:3:61", "--over", "lease.billed_share=0.5:1:40")
    metric = ("--metric", NAMES[1], "--format", "json")
    site = FLEET.replace(b"price_usd_per_mwh: 50", b"price_usd_per_mwh: {value: 50, low: 40, high: 80}")
    for arguments in (("sweep", "-", *over, *metric), ("risk", "-", "--trials", "3000", *metric)):
        here, there = (
            colocalc(*arguments, "--block-size", "1000", *options, stdin=site)
            for options in ((), ("--scheduler", address))
        )
        assert there.code == 0, there.err
        assert json.loads(there.out)["tables"] == json.loads(here.out)["tables"]
        assert f"dask at {address}" in there.out


def test_what_a_killed_dask_worker_had_runs_on_another(cluster, tmp_path):
    address, _ = cluster
    task = DiesOnce(str(tmp_path / "mark"), 30)
    found = squares(engine("dask", scheduler=address), task=task)
    np.testing.assert_array_equal(found, np.arange(COUNT, dtype=float) ** 2)
    assert (tmp_path / "mark").exists()


def test_an_interruption_leaves_no_process_behind(tmp_path):
    program = textwrap.dedent(
        """
        import sys, time
        from colocalc.study.engine import Engine, run
        from colocalc.study.engine.task import blocks_of
        from slow import Slow

        if __name__ == "__main__":
            try:
                for block, _ in run(Slow(), blocks_of(1000, 1, 0), engine=Engine("processes", 2, None)):
                    print(block.start, flush=True)
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        """
    )
    (tmp_path / "slow.py").write_text(
        "import time\nclass Slow:\n    def __call__(self, block):\n        time.sleep(0.2)\n        return {}\n"
    )
    (tmp_path / "main.py").write_text(program)
    running = subprocess.Popen(
        [sys.executable, "main.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stdout.readline().strip() == "0"
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    out, _ = running.communicate(timeout=30)
    assert out.splitlines()[-1] == "interrupted"
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("a worker is still there")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((None, None, None), "serial"),
        ((None, 1, None), "serial"),
        ((None, 3, None), "processes"),
        (("threads", None, None), "threads"),
        ((None, None, "tcp://h:1"), "dask"),
        (("dask", 2, None), "dask"),
    ],
)
def test_options_say_which_engine(asked, found):
    assert engine_of(*asked).name == found


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("thread", None, None), "did you mean threads"),
        (("serial", 2, None), "needs one"),
        (("processes", 0, None), "at least 1"),
        (("threads", None, "tcp://h:1"), "belongs to --engine dask"),
        (("dask", 2, "tcp://h:1"), "its own workers"),
    ],
)
def test_options_that_contradict_each_other_are_refused(asked, says):
    with pytest.raises(ColocalcError) as caught:
        engine_of(*asked)
    assert caught.value.exit_code == 2
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_an_engine_says_what_it_is():
    assert engine_of(None, None, None).words() == "serial"
    assert engine_of("threads", 2, None).words() == "threads, 2 workers"
    assert engine_of(None, None, "tcp://h:1").words() == "dask at tcp://h:1"
    assert all(engine_of(name, None, None).name == name for name in ENGINES)


def test_what_is_computed_together_hangs_on_the_fleet_alone():
    assert chunk_rows(3) == chunk_rows(100) == 1_000
    assert chunk_rows(1_000) == 100
    assert chunk_rows(10**6) == 1


def test_blocks_are_whole_chunks():
    assert whole_chunks(None, 100) == whole_chunks(1, 100) == whole_chunks(100, 100) == 100
    assert whole_chunks(101, 100) == 200


def test_a_block_is_computed_chunk_by_chunk():
    seen = []

    def columns(block):
        seen.append(block)
        return Squares()(block)

    found = by_chunk(Block(10, 25, 1), 10, columns)
    assert seen == [Block(10, 20, 1), Block(20, 25, 1)]
    np.testing.assert_array_equal(found["square"], Squares()(Block(10, 25, 1))["square"])


# -- A surface on the engines ---------------------------------------------------------------------

FLEET = b"""
name: small
pools: [{gpu: h100-sxm, count: 1_024}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 2, billed_share: 0.7}
"""
NAMES = ("mfu.fleet_share", "lease.contribution_usd_per_yr")


def fleet():
    return Variants("-", load_catalog(), stdin=FLEET)


def spans_of(found, **ends):
    rows = numbers(found.case)
    keys = {"rate": "lease.rate_usd_per_gpu_h", "count": "pools.h100-sxm.count", "all": "pools.h100-sxm.count"}
    return [Span(keys[name], float(rows[keys[name]].value), *pair) for name, pair in ends.items()]


def test_numbers_in_straight_lines_need_no_lowering():
    own = fleet()
    assert isinstance(surface_of(own, spans_of(own, rate=(1.0, 3.0), count=(512.0, 1536.0))), PlaneSurface)
    assert isinstance(surface_of(own, spans_of(own, rate=(1.0, 3.0), all=(512.0, 4096.0))), LoweredSurface)


def test_a_lowered_surface_says_what_a_plane_says():
    own = fleet()
    spans = spans_of(own, rate=(1.0, 3.0), count=(512.0, 1536.0))
    rows = np.asarray([[1.5, 600.0], [2.9, 1500.0]])
    plane = surface_of(own, spans).metrics(rows, NAMES)
    lowered = LoweredSurface(own, tuple(span.key for span in spans)).metrics(rows, NAMES)
    for name in NAMES:
        np.testing.assert_allclose(plane[name], lowered[name], rtol=1e-12)


def test_a_scenario_without_a_result_takes_none_from_the_others():
    own = Variants(
        "-", load_catalog(), stdin=FLEET, sets=("training.layout={tp: 8, pp: 4}", "network.algorithm=hierarchical")
    )
    surface = surface_of(own, spans_of(own, count=(1.0, 1536.0)))
    rows = np.asarray([[1536.0], [1.0], [768.0]])
    found = surface.metrics(rows, ["mfu.step_share"])["mfu.step_share"]
    assert np.isnan(found[1])
    assert np.isfinite(found[[0, 2]]).all()
    np.testing.assert_array_equal(surface.metrics(rows[2:], ["mfu.step_share"])["mfu.step_share"], found[2:])


@pytest.mark.parametrize("kind", ["plane", "lowered"])
def test_scenarios_that_all_hold_no_replica_have_no_value_and_end_nothing(kind):
    own = Variants("-", load_catalog(), stdin=FLEET, sets=("training.layout={tp: 8, pp: 4}",))
    spans = spans_of(own, count=(1.0, 1536.0))
    surface = surface_of(own, spans) if kind == "plane" else LoweredSurface(own, tuple(span.key for span in spans))
    assert isinstance(surface, PlaneSurface if kind == "plane" else LoweredSurface)
    small = surface.metrics(np.asarray([[1.0], [2.0], [31.0]]), ["mfu.step_share"])["mfu.step_share"]
    assert np.isnan(small).tolist() == [True, True, True]


# What a cluster may be short of, asked of one that is made up


def made_up(versions, *, comes=True):
    """A Dask client of a cluster whose workers run these versions."""

    def wait_for_workers(count, timeout):
        if not comes:
            raise TimeoutError

    return SimpleNamespace(
        wait_for_workers=wait_for_workers,
        scheduler_info=lambda: {"workers": dict.fromkeys(versions)},
        run=lambda _: versions,
    )


def test_workers_of_another_version_are_refused():
    versions = {"one": __version__, "two": "9.9"}
    with pytest.raises(ColocalcError) as caught:
        cluster_module._checked_workers(made_up(versions), "tcp://here:1")
    assert caught.value.message == f"workers run colocalc 9.9, and this is {__version__}"
    assert (caught.value.where, caught.value.exit_code) == ("--scheduler tcp://here:1", 5)


def test_a_cluster_without_workers_is_said_once_none_has_come():
    with pytest.raises(ColocalcError) as caught:
        cluster_module._checked_workers(made_up({}, comes=False), None)
    assert (caught.value.where, caught.value.message) == ("--engine dask", "the cluster has no workers")


def test_a_block_whose_workers_died_is_named():
    distributed = pytest.importorskip("distributed")

    def result():
        raise OSError

    waiting = deque([(Block(7, 14, 0), SimpleNamespace(result=result))])
    with pytest.raises(ColocalcError, match="workers died at scenarios 7 to 13: OSError") as caught:
        cluster_module._taken(distributed, waiting)
    assert caught.value.exit_code == 5
