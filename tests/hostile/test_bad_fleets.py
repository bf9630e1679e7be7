"""Fleets that must be refused: each with every line the user reads, its exit code, and nothing else done."""

from pathlib import Path

import pytest
import yaml

from colocalc.catalog import fleet_names, fleets_dir, load_catalog
from colocalc.errors import ColocalcError
from colocalc.loading import load_fleet
from colocalc.yamlio import read_file

CASES = yaml.safe_load((Path(__file__).parent / "bad_fleets.yaml").read_text(encoding="utf-8"))


def _written(folder, case):
    texts = dict(case.get("files", {}))
    if "fleet" in case:
        texts["fleet.yaml"] = case["fleet"]
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
    return texts


def _found(folder):
    return {path.name: path.read_bytes().decode() for path in folder.iterdir()}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_bad_fleet_is_refused_with_every_line_it_deserves(case, tmp_path, monkeypatch, colocalc):
    texts = _written(tmp_path, case)
    monkeypatch.chdir(tmp_path)
    run = colocalc(*case.get("args", ["check", "fleet.yaml"]), stdin=case.get("stdin", "").encode())
    known = {"<samples>": ", ".join(fleet_names()), "<cards>": ", ".join(load_catalog().card_names())}
    expected = case["stderr"]
    for placeholder, names in known.items():
        expected = expected.replace(placeholder, names)
    assert run.err.splitlines() == expected.splitlines()
    assert run.code == case.get("exit", 3)
    assert run.out == ""
    assert _found(tmp_path) == texts


def test_every_case_has_a_name_of_its_own():
    assert len({case["id"] for case in CASES}) == len(CASES) >= 80


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_no_message_moves_the_cursor_or_turns_text_around(case):
    assert all(line.isprintable() for line in case["stderr"].splitlines())


SAMPLE = "neocloud-1k-h100"
JUNK = ["", "yes", "-1", "1e30", ".nan", '"\\e[31m"', "[]", "{}", "[null]", "{value: 1, low: 5}", "{a: {b: [1]}}"]


def _paths(node, path=()):
    yield path
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _paths(inner, (*path, str(key)))


@pytest.mark.parametrize("junk", JUNK)
def test_junk_at_any_place_of_a_sample_is_taken_or_refused_in_words(junk):
    refused = []
    for path in list(_paths(read_file(fleets_dir() / f"{SAMPLE}.yaml")))[1:]:
        try:
            load_fleet(SAMPLE, catalog=load_catalog(), sets=[f"{'.'.join(path)}={junk}"])
        except ColocalcError as error:
            refused += str(error).splitlines()
    assert refused
    assert all(line.isprintable() for line in refused)
