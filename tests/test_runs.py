"""Files of measured runs: what they may hold, and what is told when they do not."""

import copy
import json

import pytest
import yaml

from colocalc import yamlio
from colocalc.catalog import catalog_dir
from colocalc.errors import ColocalcError, InputError
from colocalc.runs import Incomplete, Run, left_alone, read_runs

ROW = {
    "id": "one",
    "source": "a paper",
    "model": {"layers": 8, "hidden": 1024, "ffn_hidden": 4096, "heads": 8, "vocab": 32000, "seq_len": 2048},
    "accelerator": "H100-SXM",
    "n_gpus": 8,
    "parallelism": {"tp": 1},
    "global_batch": 64,
    "measured": {"step_time_s": 1.0},
}


def changed(base, **changes):
    """A row with other values, ``model__vocab`` being the vocab of its model."""
    row = copy.deepcopy(base)
    for path, value in changes.items():
        *above, last = path.split("__")
        at = row
        for key in above:
            at = at[key]
        at[last] = value
    return row


def _row(**changes):
    return changed(ROW, **changes)


def _read(tmp_path, document):
    place = tmp_path / "runs.yaml"
    place.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return read_runs(place)


@pytest.mark.parametrize("document", [[ROW], {"runs": [ROW]}], ids=["list", "mapping"])
def test_runs_are_a_list_or_stand_under_runs(tmp_path, document):
    (run,) = _read(tmp_path, document)
    assert isinstance(run, Run)
    assert (run.id, run.model.seq_len, run.measured.step_time_s) == ("one", 2048, 1.0)


def test_keys_of_other_tools_are_left_alone(tmp_path):
    (run,) = _read(tmp_path, [_row(tier="core", measured__hfu=0.5)])
    assert isinstance(run, Run)


def test_a_key_that_no_run_has_is_told_once_with_the_one_that_was_meant():
    rows = [_row(microbatch=2, model__params_total=7.0), _row(id="two", microbatch=2, measured__hfu=0.5)]
    told = left_alone(yamlio.read(yaml.safe_dump({"runs": rows}), name="runs.yaml"))
    assert told == ("microbatch (did you mean micro_batch?)", "measured.hfu")


def test_the_runs_that_ship_have_no_key_that_is_left_alone():
    assert left_alone(yamlio.read_file(catalog_dir() / "runs.yaml")) == ()


def test_experts_without_their_topk_are_a_fault(tmp_path):
    with pytest.raises(InputError, match=r"model\.topk: missing, though the model has experts"):
        _read(tmp_path, [_row(model__experts=8)])
    (dense,) = _read(tmp_path, [_row(model__experts=1)])
    assert isinstance(dense, Run)


def test_what_a_run_lacks_is_told_with_its_own_line(tmp_path):
    wrong = {key: value for key, value in ROW.items() if key != "parallelism"} | {"id": "two", "n_gpus": 0}
    with pytest.raises(InputError) as told:
        _read(tmp_path, "\n".join(f"- {json.dumps(row)}" for row in (ROW, wrong)))
    assert "runs.yaml:2:3: parallelism: missing" in str(told.value)


@pytest.mark.parametrize("document", ["[]", "{}", "3", "runs: 3", "runs: []", ""])
def test_a_file_without_a_list_of_runs_is_refused(tmp_path, document):
    with pytest.raises(InputError):
        _read(tmp_path, document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("n_gpus", 0),
        ("n_gpus", -8),
        ("n_gpus", "many"),
        ("n_gpus", 8.5),
        ("global_batch", 0),
        ("model__seq_len", 0),
        ("measured__step_time_s", 0.0),
        ("measured__step_time_s", -1.0),
        ("measured__step_time_s", "1 s"),
        ("parallelism__tp", 0),
        ("parallelism__zero_stage", 4),
        ("accelerator", 100),
        ("source", ["a", "b"]),
    ],
)
def test_a_wrong_value_is_told_with_its_path(tmp_path, path, value):
    with pytest.raises(InputError) as told:
        _read(tmp_path, [_row(**{path: value})])
    assert path.replace("__", ".") in str(told.value)


def test_every_fault_is_told_at_once(tmp_path):
    with pytest.raises(InputError) as told:
        _read(tmp_path, [_row(n_gpus=0, global_batch="x"), _row(id="two", measured__step_time_s=-1.0), 7])
    assert str(told.value).count("runs.yaml:") == 4


def test_two_runs_of_one_id_are_a_fault(tmp_path):
    with pytest.raises(InputError, match="a second run is called one"):
        _read(tmp_path, [ROW, ROW])


@pytest.mark.parametrize("path", ["n_gpus", "global_batch", "model__vocab", "parallelism", "measured", "model"])
def test_a_run_that_tells_too_little_is_incomplete(tmp_path, path):
    found = _read(tmp_path, [_row(**{path: None}), _row(id="two")])
    assert isinstance(found[0], Incomplete)
    assert found[0].id == "one"
    assert found[0].source == "a paper"
    assert path.replace("__", ".") in found[0].reason
    assert isinstance(found[1], Run)


def test_a_run_without_an_id_is_refused(tmp_path):
    with pytest.raises(InputError, match="id"):
        _read(tmp_path, [{key: value for key, value in ROW.items() if key != "id"}])


def test_a_run_that_is_both_incomplete_and_wrong_is_refused(tmp_path):
    with pytest.raises(InputError, match="global_batch"):
        _read(tmp_path, [_row(n_gpus=None, global_batch=-1)])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ColocalcError):
        read_runs(tmp_path / "none.yaml")


@pytest.mark.parametrize(("file", "count"), [("runs.yaml", 170), ("unseen_runs.yaml", 94)])
def test_the_runs_that_ship_are_whole_and_sourced(file, count):
    place = catalog_dir() / file
    runs = read_runs(place)
    assert len(runs) == count
    assert all(isinstance(run, Run) for run in runs)
    assert all(run.source for run in runs)
    assert {row["verification"] for row in yamlio.read_file(place)} <= {"verified", "recalled"}
