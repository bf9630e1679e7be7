"""A calibration of one's own: in a fleet file, on the command line, and what is wrong with either."""

import json

import pytest

from colocalc.catalog import catalog_dir

FLEET = """
name: x
pools: [{gpu: h100-sxm, count: 1_024}]
training: {model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 8, pp: 2}%s}
"""


@pytest.fixture
def folder(tmp_path):
    shipped = (catalog_dir() / "calibration.yaml").read_text(encoding="utf-8")
    slow = shipped.replace("fixed_step_s: {value: 0.04417", "fixed_step_s: {value: 5.0")
    assert slow != shipped
    (tmp_path / "slow.yaml").write_text(slow, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(
        shipped.replace("fixed_step_s: {value", "fixed_step_s: {valeu"), encoding="utf-8"
    )
    (tmp_path / "plain.yaml").write_text(FLEET % "", encoding="utf-8")
    (tmp_path / "own.yaml").write_text(FLEET % ", calibration: slow.yaml", encoding="utf-8")
    return tmp_path


def step_time_s(colocalc, *arguments):
    run = colocalc("mfu", *arguments, "--format", "json")
    assert run.code == 0, run.err
    return json.loads(run.out)["metrics"]["mfu.step_time_s"]


def test_a_file_of_the_fleet_and_one_of_the_command_line_are_the_same(colocalc, folder):
    plain = step_time_s(colocalc, folder / "plain.yaml")
    by_file = step_time_s(colocalc, folder / "own.yaml")
    by_option = step_time_s(colocalc, folder / "plain.yaml", "--calibration", folder / "slow.yaml")

    assert by_file == by_option
    # The rest of the step is the same; only its fixed time is another.
    assert by_file - plain == pytest.approx(5.0 - 0.04417, rel=1e-6)


def test_the_option_comes_before_the_file_and_says_so(colocalc, folder):
    shipped = catalog_dir() / "calibration.yaml"
    run = colocalc("mfu", folder / "own.yaml", "--calibration", shipped, "--format", "json")

    document = json.loads(run.out)
    assert document["metrics"]["mfu.step_time_s"] == step_time_s(colocalc, folder / "plain.yaml")
    assert any('not "slow.yaml"' in note["text"] for note in document["notes"])


def test_each_constant_reaches_the_report_with_its_source(colocalc, folder):
    rows = {
        row["path"]: row
        for row in json.loads(colocalc("mfu", folder / "own.yaml", "--format", "json").out)["assumptions"]
    }

    assert rows["calibration.fixed_step_s"]["value"] == 5.0
    assert rows["training.calibration"]["value"] == "slow.yaml"


@pytest.mark.parametrize("command", ["mfu", "report", "check", "layout"])
def test_every_command_on_a_fleet_takes_one(colocalc, folder, command):
    run = colocalc(command, folder / "plain.yaml", "--calibration", folder / "slow.yaml")

    assert run.code == 0, run.err


def test_solve_and_explain_take_one(colocalc, folder):
    solved = colocalc(
        *("solve", folder / "plain.yaml", "--calibration", folder / "slow.yaml"),
        *("--for", "training.allocation_share", "--until", "mfu.fleet_share = 0.1"),
    )
    explained = colocalc("explain", "software", folder / "plain.yaml", "--calibration", folder / "slow.yaml")

    assert solved.code == 0, solved.err
    assert "5 s" in explained.out


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("nowhere.yaml", 'no file "nowhere.yaml" in the fleet\'s folder'),
        ("../slow.yaml", '"../slow.yaml" is not below the fleet\'s own folder'),
        ("/etc/hosts", '"/etc/hosts" is not below the fleet\'s own folder'),
        ("https://x.yaml", "is not below the fleet's own folder"),
        ("bad.yaml", "fixed_step_s.valeu: unknown key; did you mean value?"),
        ("plain.yaml", "sustained_share: missing"),
    ],
)
def test_a_file_that_will_not_do_is_told_with_its_line(colocalc, folder, named, message):
    (folder / "wrong.yaml").write_text(FLEET % f', calibration: "{named}"', encoding="utf-8")
    run = colocalc("mfu", folder / "wrong.yaml")

    assert (run.code, run.out) == (3, "")
    assert message in run.err
    assert "Traceback" not in run.err


def test_a_fleet_on_standard_input_has_no_folder(colocalc):
    run = colocalc("mfu", "-", stdin=(FLEET % ", calibration: slow.yaml").encode())

    assert run.code == 3
    assert "standard input has no folder" in run.err


def test_jobs_have_calibrations_of_their_own(colocalc, folder):
    job = "model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 8, pp: 2}"
    (folder / "jobs.yaml").write_text(
        "name: x\npools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h100-sxm, count: 1_024}]\n"
        f"jobs: [{{name: one, pools: [a], {job}}}, {{name: two, pools: [b], {job}, calibration: slow.yaml}}]\n",
        encoding="utf-8",
    )
    rows = json.loads(colocalc("mfu", folder / "jobs.yaml", "--format", "json").out)["tables"]["jobs"]

    assert rows[1]["step_time_s"] - rows[0]["step_time_s"] == pytest.approx(5.0 - 0.04417, rel=1e-6)
