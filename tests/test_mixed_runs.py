"""Runs on mixed hardware: how pools come to stages, what is left out and why, and how the report shows them."""

import json

import numpy as np
import pytest
import yaml

from colocalc.case.mixed_runs import lower_mixed_runs
from colocalc.case.runs import lower_runs
from colocalc.catalog import catalog_dir, load_catalog
from colocalc.errors import InputError
from colocalc.profile import LayerProfile
from colocalc.runs import Run, profiles_of, read_runs
from colocalc.study.mixed_runs import validate_mixed
from colocalc.yamlio import read
from tests.test_runs import ROW, changed

CATALOG = load_catalog()
PROFILE = {
    "families": ["Tiny"],
    "hidden": 1024,
    "seq_len": 2048,
    "precision": "bf16",
    "tied": False,
    "gpus": {"SLOW-1": ["Old Card"]},
    "source": "own",
    "rows": [
        {"gpu": "FAST-1", "micro_batch": 2, "tp": 2, "forward_s": 0.1, "backward_s": 0.2, "update_s": 0.01},
        {"gpu": "SLOW-1", "micro_batch": 2, "tp": 2, "forward_s": 0.2, "backward_s": 0.4, "update_s": 0.02},
    ],
}
# Two stages of two replicas of two GPUs; 8 layers, 16 micro-batches of 2 on each replica.
MIXED = ROW | {
    "id": "mixed",
    "model": ROW["model"] | {"family": "Tiny (ours)"},
    "accelerator": "fast1+slow1",
    "pools": [{"accelerator": "fast1", "n": 4}, {"accelerator": "slow 1", "n": 4}],
    "parallelism": {"tp": 2, "pp": 2, "dp": 2},
    "micro_batch": 2,
    "network": {"per_gpu_gbps": 100},
    "measured": {"step_time_s": 40.0},
}


def _lowered(profile=PROFILE, **changes):
    run = Run.model_validate(changed(MIXED, **changes))
    return lower_mixed_runs([run], CATALOG, own=[LayerProfile.model_validate(profile)])


def _one(profile=PROFILE, **changes):
    case = _lowered(profile, **changes)
    assert case.skipped == ()
    return case.runs[0]


def _predicted(profile=PROFILE, **changes):
    return validate_mixed(_lowered(profile, **changes), band_share=0.1)


# How pools come to stages


def test_pools_fill_the_stages_in_order():
    run = _one()
    assert run.block_s == pytest.approx(np.asarray([[0.3, 0.0], [0.0, 0.6]]))
    assert run.layer_count.tolist() == [4.0, 4.0]
    assert run.micro_batch_count == 16.0


def test_a_pool_may_reach_over_two_stages():
    run = _one(pools=[{"accelerator": "fast1", "n": 2}, {"accelerator": "slow1", "n": 6}])
    assert run.block_s == pytest.approx(np.asarray([[0.3, 0.6], [0.0, 0.6]]))


def test_one_kind_may_stand_in_two_places():
    names = ["slow1", "fast1", "fast1", "slow1"]
    run = _one(pools=[{"accelerator": name, "n": 2} for name in names])
    assert run.block_s == pytest.approx(np.asarray([[0.6, 0.3, 0.0, 0.0], [0.0, 0.0, 0.3, 0.6]]))


@pytest.mark.parametrize("name", ["SLOW-1", "slow_1", "Slow1", "old card", "OLD-CARD"])
def test_a_gpu_is_known_by_its_name_and_by_those_stated(name):
    assert (
        _one(pools=[{"accelerator": "fast1", "n": 4}, {"accelerator": name, "n": 4}]).block_s[1, 1]
        == 0.6000000000000001
    )


def test_layers_are_shared_out_evenly_the_first_stages_having_one_more():
    assert _one(model__layers=9).layer_count.tolist() == [5.0, 4.0]


def test_layers_of_stages_are_taken_as_told():
    told = {"tp": 2, "pp": 2, "dp": 2, "stage_layers": [6, 2]}
    assert _one(parallelism=told).layer_count.tolist() == [6.0, 2.0]


@pytest.mark.parametrize(
    ("notes", "layers"),
    [
        ("MIXED. Layers per stage [6, 4] (10 blocks = 8 + embedding + head).", [5.0, 3.0]),
        ("Layers per stage [6,4]", [5.0, 3.0]),
        ("Layers per stage [6, 5]", [4.0, 4.0]),  # not 8 layers, embedding and head
        ("Layers per stage [10]", [4.0, 4.0]),
        ("nothing of stages", [4.0, 4.0]),
        (["Layers per stage [6, 4]"], [4.0, 4.0]),
    ],
)
def test_layers_of_stages_may_stand_in_the_notes_with_embedding_and_head(notes, layers):
    assert _one(notes=notes).layer_count.tolist() == layers


def test_a_head_is_a_block_and_an_embedding_nothing_unless_measured():
    assert _one().outer_s == pytest.approx(np.asarray([[0.0, 0.0], [0.0, 0.6]]))
    rows = [row | {"embedding_s": 0.05, "head_s": 0.07} for row in PROFILE["rows"]]
    assert _one(PROFILE | {"rows": rows}).outer_s == pytest.approx(np.asarray([[0.05, 0.0], [0.0, 0.07]]))


def test_dp_is_what_is_left_where_it_is_not_told():
    assert _one(parallelism={"tp": 2, "pp": 2}).dp_count == 2.0


def test_profiles_of_the_file_come_before_those_that_ship():
    run = next(each for each in read_runs(catalog_dir() / "runs.yaml") if each.id.endswith("n4_d4"))
    shipped = CATALOG.profiles["OPT-350"]
    slow = [row.model_copy(update={"forward_s": 10.0}) for row in shipped.rows if (row.gpu, row.tp) == ("RTX-3090", 8)]
    own = shipped.model_copy(update={"rows": tuple(slow), "gpus": {}})
    ours, theirs = (
        validate_mixed(lower_mixed_runs([run], CATALOG, own=each), band_share=0.1).predicted_s[0]
        for each in ([own], [])
    )
    assert ours > 10 * theirs  # the other two kinds still come from the catalog


# The step


def test_a_step_worked_by_hand():
    # Stages of 4 x 0.3 and 4 x 0.6 + a head of 0.6 s; 15 more micro-batches at 3 s; the optimizer on 4 layers of 0.02 s.
    found = _predicted()
    layer, table = 4 * 1024**2 + 2 * 1024 * 4096, 32_000 * 1024
    ring = 2 * 1 / 2 * (4 * layer + table) * 4 / 2 / 12.5e9
    send = 2 * 2048 * 1024 * 4 / 2 / 12.5e9
    assert found.predicted_s == pytest.approx(15 * 3.0 + 1.2 + 3.0 + 2 * send + 0.08 + ring)
    assert (found.exchange_s, found.send_s) == pytest.approx((ring, send))


def test_tied_tables_are_exchanged_by_the_outer_stages():
    table = 32_000 * 1024 * 4 / 2 / 12.5e9
    plain, tied = _predicted().predicted_s, _predicted(PROFILE | {"tied": True}).predicted_s
    assert tied - plain == pytest.approx(table)


def test_a_measured_exchange_beats_the_ring():
    told = {"step_time_s": 40.0, "dp_sync_time_s": 3.0}
    assert _predicted(measured=told).exchange_s == 3.0
    assert _predicted(measured=told, network=None).exchange_s == 3.0


def test_the_measured_step_has_no_part_in_the_prediction():
    one, other = (_predicted(measured={"step_time_s": seconds}) for seconds in (20.0, 40.0))
    assert one.predicted_s == other.predicted_s
    assert one.error_share + 1.0 == pytest.approx(2.0 * (other.error_share + 1.0))


def test_the_band_is_that_of_the_logarithm():
    found = _predicted()
    assert np.log(found.high_s / found.low_s) == pytest.approx(0.2)


# What is left out


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"micro_batch": None}, "micro-batch is not told"),
        ({"micro_batch": 4}, "at micro_batch 4 and tp 2"),
        ({"parallelism": {"tp": 1, "pp": 2, "dp": 4}}, "at micro_batch 2 and tp 1"),
        ({"parallelism": {"tp": 2, "pp": 2, "dp": 2, "vpp": 2}}, "only tp, pp and dp"),
        ({"parallelism": {"tp": 2, "pp": 2, "dp": 4}}, "tp, pp and dp ask for 16"),
        ({"parallelism": {"tp": 2, "pp": 3}}, "tp, pp and dp ask for 6"),
        ({"n_gpus": 16}, "its pools hold 8 GPUs"),
        ({"pools": [{"accelerator": "fast1", "n": 3}, {"accelerator": "slow1", "n": 5}]}, "would span two pools"),
        ({"pools": [{"accelerator": "fast1", "n": 4}, {"accelerator": "X9", "n": 4}]}, 'no layer profile on "X9"'),
        ({"model__family": "Huge"}, 'no layer profile of model "Huge"'),
        ({"model__family": None}, "no layer profile of model"),
        ({"model__hidden": 2048}, "no layer profile of hidden 2,048"),
        ({"model__seq_len": 4096}, "sequences of 4,096"),
        ({"precision": "fp16"}, "fp16"),
        ({"model__experts": 8, "model__topk": 2}, "dense models"),
        ({"activation_recompute": "full"}, "without recompute"),
        ({"global_batch": 63}, "no whole number of micro-batches"),
        ({"measured": {"mfu": 0.4}}, "no usable step time"),
        ({"parallelism": {"tp": 2, "pp": 2, "stage_layers": [8]}}, "should be 2 numbers"),
        ({"parallelism": {"tp": 2, "pp": 2, "stage_layers": [4, 5]}}, "add up to 8"),
        ({"network": None}, "neither the rate of its network"),
        ({"network": None, "parallelism": {"tp": 2, "pp": 4}}, "pipeline sends cross a network whose rate is not told"),
        ({"model__layers": 1}, "more stages than its 1 layers"),
    ],
)
def test_a_run_is_left_out_with_the_reason(changes, why):
    case = _lowered(**changes)
    assert case.runs == ()
    ((key, source, reason),) = case.skipped
    assert (key, source) == ("mixed", "a paper")
    assert reason.startswith("mixed hardware: ")
    assert why in reason


def test_a_family_without_a_letter_is_of_no_model():
    case = _lowered(PROFILE | {"families": ["-"]})
    assert "no layer profile of model" in case.skipped[0][2]


def test_runs_of_one_kind_are_left_to_the_model_and_mixed_ones_to_profiles():
    runs = [Run.model_validate(ROW), Run.model_validate(MIXED)]
    plain, mixed = lower_runs(runs, CATALOG), lower_mixed_runs(runs, CATALOG)
    assert (plain.ids, plain.skipped) == (("one",), ())
    assert [key for key, _, _ in mixed.skipped] == ["mixed"]  # the catalog has no profile of it


# A file with profiles of its own


def _profiles(tree):
    return profiles_of(read(yaml.safe_dump(tree), name="x"), name="x")


def test_profiles_stand_beside_the_runs_of_a_file():
    (profile,) = _profiles({"runs": [MIXED], "profiles": {"tiny": PROFILE}})
    assert profile == LayerProfile.model_validate(PROFILE)


@pytest.mark.parametrize("tree", [[MIXED], {"runs": [MIXED]}, {"runs": [MIXED], "profiles": None}])
def test_a_file_need_not_have_profiles(tree):
    assert _profiles(tree) == ()


@pytest.mark.parametrize(
    ("profiles", "why"),
    [
        (3, "should be a mapping"),
        ([PROFILE], "should be a mapping"),
        ({"a": 3}, "should be a mapping"),
        ({"a": PROFILE | {"rows": []}}, "rows"),
        ({"a": PROFILE | {"colour": "red"}}, "colour"),
        ({"a": PROFILE | {"rows": PROFILE["rows"] * 2}}, "two rows are of one gpu"),
        ({"a": PROFILE | {"gpus": {"X": ["Y"]}}}, "names one that has no row"),
        ({"a": PROFILE | {"rows": [PROFILE["rows"][0] | {"forward_s": 0.0}]}}, "forward_s"),
        ({"a": PROFILE | {"rows": [PROFILE["rows"][0] | {"forward_s": 1e180}]}}, "forward_s"),
        ({"a": PROFILE | {"rows": [PROFILE["rows"][0] | {"update_s": -1.0}]}}, "update_s"),
        ({"a": PROFILE | {"rows": [PROFILE["rows"][0] | {"tp": "2"}]}}, "tp"),
    ],
)
def test_wrong_profiles_are_refused(profiles, why):
    with pytest.raises(InputError, match=why):
        _profiles({"runs": [MIXED], "profiles": profiles})


@pytest.mark.parametrize(
    "pools",
    [
        3,
        ["RTX"],
        [{"accelerator": "fast1", "n": -4}],
        [{"accelerator": "fast1", "n": "4"}],
        [{"accelerator": 1, "n": 1}],
    ],
)
def test_wrong_pools_are_refused(colocalc, tmp_path, pools):
    place = tmp_path / "runs.yaml"
    place.write_text(yaml.safe_dump([MIXED | {"pools": pools}]), encoding="utf-8")
    done = colocalc("validate", place)
    assert done.code == 3
    assert "pools" in done.err


# The command


def _said(colocalc, tmp_path, *rows, form="json"):
    place = tmp_path / "runs.yaml"
    place.write_text(yaml.safe_dump({"runs": list(rows), "profiles": {"tiny": PROFILE}}), encoding="utf-8")
    done = colocalc("validate", place, "--format", form)
    assert done.code == 0
    return json.loads(done.out) if form == "json" else done.out


def test_json_has_mixed_runs_among_the_rows_and_beside_the_averages(colocalc, tmp_path):
    lost = MIXED | {"id": "lost", "micro_batch": 8}
    said = _said(colocalc, tmp_path, ROW, MIXED, lost)
    one, mixed, left = said["tables"]["rows"]
    assert set(one) == set(mixed) == set(left)
    assert (mixed["id"], mixed["source"], mixed["skipped_because"], mixed["step_mfu_share"]) == (
        "mixed",
        "a paper",
        None,
        None,
    )
    assert mixed["error_share"] == pytest.approx(mixed["predicted_step_time_s"] / 40.0 - 1.0)
    assert mixed["low_step_time_s"] < mixed["predicted_step_time_s"] < mixed["high_step_time_s"]
    assert left["predicted_step_time_s"] is None
    assert "micro_batch 8" in left["skipped_because"]
    assert said["metrics"]["validate.rows_count"] == 1.0
    assert said["metrics"]["validate.mape_share"] == pytest.approx(abs(one["error_share"]))
    assert said["metrics"]["validate.mixed_rows_count"] == 1.0
    assert said["metrics"]["validate.mixed_mape_share"] == pytest.approx(abs(mixed["error_share"]))
    assert [row["group"] for row in said["tables"]["by_hardware"]][-2:] == [
        "all",
        "mixed hardware, from layer profiles",
    ]
    assert [row["exchange_is"] for row in said["tables"]["mixed"]] == ["a ring"]
    assert any("leaves them out" in note["text"] for note in said["notes"])
    assert {each["path"] for each in said["assumptions"]} >= {"predict.band_share.mixed"}


def test_a_file_of_mixed_runs_alone(colocalc, tmp_path):
    said = _said(colocalc, tmp_path, MIXED)
    assert said["metrics"].keys() == {
        "validate.rows_count",
        "validate.mixed_rows_count",
        "validate.mixed_mape_share",
    }
    assert "validate.mape_share" in said["undefined"]
    shown = _said(colocalc, tmp_path, MIXED, form="table")
    assert "None of" not in shown
    assert "1 run on mixed hardware, from layer profiles" in shown


@pytest.mark.parametrize("key", ["global_batch", "n_gpus", "micro_batch"])
def test_huge_numbers_do_not_break_it(colocalc, tmp_path, recwarn, key):
    big = 10**17
    rows = [
        MIXED | {"id": "one", key: big},
        changed(MIXED, id="deep", model__layers=big),
        changed(
            MIXED,
            id="wide",
            n_gpus=4 * big,
            pools=[{"accelerator": "fast1", "n": 4 * big}],
            parallelism={"tp": 2, "pp": big, "dp": 2},
            model__layers=big,
        ),
        changed(MIXED, id="slow", network={"per_gpu_gbps": 1e-18}),
    ]
    said = _said(colocalc, tmp_path, *rows)
    assert len(said["tables"]["rows"]) == 4
    assert not [each for each in recwarn if issubclass(each.category, RuntimeWarning)]


def test_a_run_of_more_parts_than_any_has_is_left_out():
    layers = 60_000
    model = MIXED["model"] | {"layers": layers}
    pools = [{"accelerator": "fast1", "n": layers}, {"accelerator": "slow1", "n": layers}]
    case = _lowered(
        model=model, n_gpus=2 * layers, pools=pools, parallelism={"tp": 2, "pp": layers, "dp": 1}, global_batch=64
    )
    assert case.skipped[0][2] == "mixed hardware: stages times pools exceed 100,000"
