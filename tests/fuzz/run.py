"""A coverage-guided run over what reads text: YAML, CSV of prices, expectations, axes, runs, calibrations, whole fleets.

``python -m tests.fuzz.run --seconds 60``, with ``pip install atheris``. Anything but a value or an error that a user can
act on is a finding: its input is kept in ``.fuzz/``, and ``--again FILE`` runs it alone.
"""

import argparse
import os
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris")

with atheris.instrument_imports(include=["colocalc"], enable_loader_override=False):
    import colocalc.runs
    from colocalc import yamlio
    from colocalc.calibration import Calibration
    from colocalc.card import RateCard
    from colocalc.case import lower
    from colocalc.catalog import catalog_dir, fleets_dir, load_catalog
    from colocalc.errors import ColocalcError
    from colocalc.expect import parse
    from colocalc.loading import load_fleet, validated
    from colocalc.prices.listing import read_listing
    from colocalc.prices.own import read_own
    from colocalc.schema import fleet_schema
    from colocalc.study.over import axis

FOUND = Path(".fuzz")
LONGEST_BYTES = 4_096
LONGEST_S = 10
LONGEST_MESSAGE = 50_000
MOST_MEMORY_MB = 2_048  # of the fuzzer and what it counts, not of the program
NAME = "fuzz"


def _yaml(data):
    return yamlio.read(data, name=NAME)


def _expectation(data):
    return parse(data.decode(errors="surrogateescape"))


def _axis(data):
    return axis(data.decode(errors="surrogateescape"), partial(yamlio.read_scalar, name="--over"))


def _skypilot(data):
    return read_listing("skypilot", data, NAME)


def _gpuhunt(data):
    return read_listing("gpuhunt", data, NAME)


def _own(data):
    return read_own(data, NAME)


def _runs(data):
    tree = _yaml(data)
    return colocalc.runs.runs_of(tree, name=NAME), colocalc.runs.profiles_of(tree, name=NAME)


def _card(data):
    return validated(_yaml(data), RateCard, name=NAME)


def _calibration(data):
    return validated(_yaml(data), Calibration, name=NAME)


def _setting(data):
    text = data.decode(errors="surrogateescape")
    return load_fleet("colossus-1", catalog=load_catalog(), sets=[text])


def _fleet(data):
    loaded = load_fleet("-", catalog=load_catalog(), stdin=data, default_lease=True)
    return lower(loaded.fleet, loaded.catalog)


READERS = (_yaml, _expectation, _axis, _skypilot, _gpuhunt, _own, _runs, _card, _calibration, _setting, _fleet)


def one_input(data):
    """The first byte says which reader takes the rest; what it says must be a value, or words for a user."""
    if not data:
        return
    try:
        READERS[data[0] % len(READERS)](data[1:])
    except ColocalcError as error:
        _in_words(str(error))


def _in_words(told):
    assert all(line.isprintable() for line in told.splitlines()), told
    assert len(told) < LONGEST_MESSAGE, told


_SKYPILOT = b"""InstanceType,AcceleratorName,AcceleratorCount,GpuInfo,Price,SpotPrice,Region
a,H100,8,"{'Gpus': [{'Name': 'H100', 'MemoryInfo': {'SizeInMiB': 81559}}]}",98.3,40,us
"""
_GPUHUNT = b"""instance_name,location,price,gpu_count,gpu_name,gpu_memory,spot
a,us,98.3,8,H100,80,False
"""


@cache
def _seeds():
    """Small sound inputs of each reader."""
    fleet = b"name: x\npools: [{gpu: h100-sxm, count: 8}]\nlease: {rate_usd_per_gpu_h: 2}\n"
    run = (catalog_dir() / "runs.yaml").read_bytes().split(b"\n- id")[1]
    return {
        _yaml: [b"a: &x [1, .5, 'b', \"\\u00e9\"]\nb: *x\nc: |\n  d\n", b"{a: !!int 1, b: [1e9, .nan, ~]}"],
        _expectation: [b"hedge.gross_share > 0.8 and mfu.fleet_share <= 40% or h100e.raw_count != 1e5"],
        _axis: [b"lease.rate_usd_per_gpu_h=1:4:7:log", b"lease.rate_card=a,b", b"pools.h100.count=1,2"],
        _skypilot: [_SKYPILOT],
        _gpuhunt: [_GPUHUNT],
        _own: [b"gpu,term,rate_usd_per_gpu_h,region,as_of\nh100-sxm,on-demand,2.2,us,2026-05-08\n"],
        _runs: [b"- id" + run],
        _card: [next(iter(sorted((catalog_dir() / "cards").glob("*.yaml")))).read_bytes()],
        _calibration: [b"sustained_share: {value: 0.9, prior: 0.9, prior_width_log: 1, unit: share, fitted: false}\n"],
        _setting: [b"pools.h100.count=8", b"training.layout={tp: 8}", b"lease.ramp_share=[0.5, 1]"],
        _fleet: [fleet, *(path.read_bytes()[:LONGEST_BYTES] for path in sorted(fleets_dir().glob("*.yaml")))],
    }


def _written(folder):
    """The seeds and the words of the grammars as files in a folder, for the fuzzer to start from."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for reader, texts in _seeds().items():
        for place, text in enumerate(texts):
            (corpus / f"{reader.__name__}{place}").write_bytes(bytes([READERS.index(reader)]) + text)
    fields = {key for part in fleet_schema()["definitions"].values() for key in part.get("properties", ())}
    words = {*fields, "<<", "!!", "&a", "*a", "---", "...", ".inf", ".nan", "1e400", "9" * 41, " and ", " or ", "::"}
    dictionary = folder / "words"
    dictionary.write_text("".join(f'"{word}"\n' for word in sorted(words)))
    return corpus, dictionary


def main():
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__.partition("\n")[0])
    asked.add_argument("--seconds", type=int, default=60, help="how long; 60")
    asked.add_argument("--seed", type=int, default=0, help="of chance; 0 takes another one each time")
    asked.add_argument("--again", type=Path, metavar="FILE", help="one input that was found, and nothing else")
    options = asked.parse_args()
    if options.again:
        one_input(options.again.read_bytes())
        return
    FOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus, dictionary = _written(Path(folder))
        limits = [f"-max_len={LONGEST_BYTES}", f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_MEMORY_MB}"]
        run = [f"-max_total_time={options.seconds}", f"-seed={options.seed}", f"-artifact_prefix={FOUND}/"]
        tell = ["-print_final_stats=1", "-verbosity=0", f"-dict={dictionary}"]
        child = os.fork()  # the fuzzer ends its process itself, and would leave the folder behind
        if not child:
            atheris.Setup([sys.argv[0], *limits, *run, *tell, str(corpus)], one_input)
            atheris.Fuzz()
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
