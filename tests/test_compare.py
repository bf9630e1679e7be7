"""Two fleets and what lies between them: effects add up, and go the other way when the fleets change places."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocalc.catalog import load_catalog
from colocalc.mixing import Pair
from colocalc.study import compare
from colocalc.study.compare import MOST_GROUPS, bridges, shapley_effect
from colocalc.study.evaluate import values
from colocalc.variants import Variants

CATALOG = load_catalog()
MFU, REVENUE, MARGIN = "mfu.fleet_share", "lease.run_rate_revenue_usd_per_yr", "lease.contribution_usd_per_yr"


def test_two_changes_by_hand():
    # 10 and 20 alone, 40 together: each gets half of the 10 that only both bring.
    np.testing.assert_allclose(shapley_effect(values=[0.0, 10.0, 20.0, 40.0]), [15.0, 25.0])


def test_three_gloves_by_hand():
    # One left glove and two right ones: a pair is worth 1. The left one gets two thirds.
    worth = [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    np.testing.assert_allclose(shapley_effect(values=worth), [2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0])


def test_one_change_is_the_difference():
    np.testing.assert_array_equal(shapley_effect(values=[3.0, 5.0]), [2.0])


def test_no_change_has_no_effects():
    assert shapley_effect(values=[3.0]).shape == (0,)


numbers = st.floats(-1e6, 1e6)


@given(st.integers(1, 5).flatmap(lambda count: st.lists(numbers, min_size=2**count, max_size=2**count)))
def test_effects_add_up(worth):
    found = shapley_effect(values=worth)
    np.testing.assert_allclose(found.sum(), worth[-1] - worth[0], atol=1e-6)
    back = shapley_effect(values=worth[::-1])  # from all to none: every subset is its complement
    np.testing.assert_allclose(back, -found, atol=1e-6)


@given(st.lists(numbers, min_size=4, max_size=4))
def test_a_change_that_does_nothing_has_no_effect_and_equals_share_alike(worth):
    found = shapley_effect(values=[*worth, *worth])  # the third change does nothing
    assert found[2] == 0.0
    np.testing.assert_allclose(found[:2], shapley_effect(values=worth), atol=1e-6)
    alike = shapley_effect(values=[worth[0], worth[1], worth[1], worth[3]])
    np.testing.assert_allclose(alike[0], alike[1], atol=1e-6)


def test_many_scenarios_go_at_once():
    worth = np.random.default_rng(1).normal(size=(4, 8))
    many = shapley_effect(values=worth)
    for place in range(4):
        np.testing.assert_array_equal(shapley_effect(values=worth[place]), many[place])


# -- Fleets ---------------------------------------------------------------------------------------


def sample(name, *sets, scenario=None):
    return Variants(name, CATALOG, sets=sets, scenario=scenario)


def bridge(one, other, *names):
    pair = Pair(one, other)
    return pair.blocks, bridges(pair.mixed(), pair.blocks, names)


PAIRS = [
    (sample("colossus-1"), sample("colossus-1", scenario="market-card")),
    (sample("colossus-1"), sample("colossus-1", "pools.h100.count=100000", "lease.billed_share=0.8", "training.split=partitions")),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_effects_of_blocks_add_up_and_turn_round(one, other):
    names = (REVENUE, MARGIN)
    _, there = bridge(one, other, *names)
    _, back = bridge(other, one, *names)
    first, second = values(one.case, names), values(other.case, names)
    for forth, home in zip(there, back, strict=True):
        wanted = float(second[forth.metric] - first[forth.metric])
        np.testing.assert_allclose(forth.effects.sum(), wanted, rtol=1e-9)
        if forth.groups == home.groups:
            np.testing.assert_allclose(home.effects, -forth.effects, rtol=1e-9, atol=1e-9 * abs(wanted))


def test_blocks_that_do_not_matter_do_nothing():
    one, other = sample("colossus-1"), sample("colossus-1", "lease.billed_share=0.9", "training.split=partitions")
    blocks, (revenue, mfu) = bridge(one, other, REVENUE, MFU)
    assert set(blocks) == {"lease", "training"}
    effects = dict(zip(revenue.groups, revenue.effects, strict=True))
    assert effects["training"] == 0.0
    np.testing.assert_allclose(effects["lease"], -0.1 * 220_000 * 2.6 * 8_760, rtol=1e-9)
    assert dict(zip(mfu.groups, mfu.effects, strict=True))["lease"] == 0.0


def test_a_rate_and_a_count_share_what_only_both_bring():
    text = b"name: x\npools: [{gpu: h100-sxm, count: 100}]\nlease: {rate_usd_per_gpu_h: 2}\n"
    one = Variants("-", CATALOG, stdin=text)
    other = Variants("-", CATALOG, stdin=text.replace(b"100}", b"200}").replace(b": 2}", b": 3}"))
    _, (found,) = bridge(one, other, REVENUE)
    effects = dict(zip(found.groups, found.effects, strict=True))
    # 100 x 2, 200 x 2, 100 x 3, 200 x 3 dollars an hour.
    np.testing.assert_allclose(effects["pools"], 250.0 * 8_760)
    np.testing.assert_allclose(effects["lease"], 150.0 * 8_760)


def test_blocks_that_make_no_fleet_alone_stand_together():
    text = "name: x\npools: [{name: POOL, gpu: h100-sxm, count: COUNT}]\ncontracts: [{name: c, pools: [POOL], rate_usd_per_gpu_h: RATE}]\n"  # fmt: skip
    one, other = (
        Variants("-", CATALOG, stdin=text.replace("POOL", pool).replace("COUNT", count).replace("RATE", rate).encode())
        for pool, count, rate in (("a", "100", "2"), ("b", "200", "3"))
    )
    _, (found,) = bridge(one, other, REVENUE)
    assert found.groups == ("pools + lease",)
    assert found.joined
    np.testing.assert_allclose(found.effects, [(600.0 - 200.0) * 8_760])


def test_a_mix_keeps_the_constants_of_a_fleet_s_own_file(tmp_path):
    from colocalc.catalog import catalog_dir

    text = (catalog_dir() / "calibration.yaml").read_text()
    started = text.index("fixed_step_s")
    own = text[:started] + text[started:].replace("value: ", "value: 9", 1)
    (tmp_path / "own.yaml").write_text(own)
    fleet = """
name: x
pools: [{gpu: h100-sxm, count: 64}]
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4_194_304, layout: {tp: 2}, calibration: own.yaml}
lease: {rate_usd_per_gpu_h: RATE}
reliability: {restart_s: RESTART}
"""  # fmt: skip
    for name, rate, restart in (("a", "2", "600"), ("b", "3", "900")):
        (tmp_path / f"{name}.yaml").write_text(fleet.replace("RATE", rate).replace("RESTART", restart))
    one, other = sample(str(tmp_path / "a.yaml")), sample(str(tmp_path / "b.yaml"))
    _, (found,) = bridge(one, other, MFU)
    # The rate of the lease is no part of MFU, so that a mix with it alone is the first fleet.
    effects = dict(zip(found.groups, found.effects, strict=True))
    assert effects["lease"] == 0.0
    assert effects["reliability"] != 0.0


def test_the_same_fleet_has_no_blocks_between():
    assert Pair(sample("colossus-1"), sample("colossus-1")).blocks == ()


def test_a_bridge_has_so_many_groups_and_no_more():
    one, other = sample("colossus-1"), sample("neocloud-1k-h100")
    _, found = bridge(one, other, REVENUE)
    wanted = float(values(other.case, [REVENUE])[REVENUE] - values(one.case, [REVENUE])[REVENUE])
    np.testing.assert_allclose(found[0].effects.sum(), wanted, rtol=1e-9)
    assert np.count_nonzero(found[0].effects) <= MOST_GROUPS


AUTO = """
name: auto
pools: [{name: a, gpu: h100-sxm, count: COUNT}]
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: auto}
lease: {rate_usd_per_gpu_h: RATE}
"""


@pytest.fixture(scope="module")
def found_layouts():
    """Two fleets for which a search finds different layouts: on 4,096 GPUs there are fewer sequences than ranks."""
    return [
        Variants("-", CATALOG, stdin=AUTO.replace("COUNT", count).replace("RATE", rate).encode())
        for count, rate in (("1_024", "2"), ("4_096", "3"))
    ]


def test_a_searched_layout_is_a_step_of_its_own(found_layouts):
    blocks, (found,) = bridge(*found_layouts, MFU)
    assert blocks == ("pools", "lease", "searched layout")
    effects = dict(zip(found.groups, found.effects, strict=True))
    assert effects["lease"] == 0.0
    assert effects["searched layout"] != 0.0
    first, second = (values(one.case, [MFU])[MFU] for one in found_layouts)
    np.testing.assert_allclose(found.effects.sum(), second - first, rtol=1e-12)


def test_a_layout_searched_anew_belongs_to_what_moves_it(found_layouts):
    pair = Pair(*found_layouts, relayout=True)
    assert pair.blocks == ("pools", "lease")
    (found,) = bridges(pair.mixed(), pair.blocks, [MFU])
    first, second = (values(one.case, [MFU])[MFU] for one in found_layouts)
    np.testing.assert_allclose(found.effects, [second - first, 0.0], rtol=1e-12)


def test_blocks_that_do_nothing_cost_no_mixes():
    one, other = sample("colossus-1"), sample("neocloud-1k-h100")
    pair = Pair(one, other)
    asked, mixed = set(), pair.mixed()

    def counted(changed):
        asked.add(changed)
        return mixed(changed)

    bridges(counted, pair.blocks, [REVENUE])
    # Each block alone and all but it; and the few mixes of pools, lease and the rest.
    assert len(asked) <= 2 * len(pair.blocks) + 2 + 2**3


# -- The command ----------------------------------------------------------------------------------


COUNTED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "colocalc", "compare", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=COUNTED | {"PATH": "/usr/bin:/bin", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
    )


def test_scenarios_stand_side_by_side():
    found = command("colossus-1@story-2.60", "colossus-1@market-card")
    assert found.returncode == 0
    assert "lease.run_rate_revenue_usd_per_yr goes from $5.011B/yr" in " ".join(found.stdout.split())
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_json_has_the_numbers_of_all():
    found = json.loads(command("colossus-1", "colossus-1@gb200-30k", "meta-llama3-16k", "--format", "json").stdout)
    rows = {row["metric"]: row for row in found["tables"]["comparison"]}
    assert rows["lease.run_rate_revenue_usd_per_yr"]["fleet_1"] == pytest.approx(5.01072e9)
    assert rows["lease.run_rate_revenue_usd_per_yr"]["fleet_3"] is None
    assert not [key for key in found["tables"] if key.startswith("bridge")]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("colossus-1",), 2, "two fleets"),
        (("colossus-1", "colossus-1"), 2, "stands twice"),
        (("--", "-", "-@market-card"), 2, "can be read once"),
        (("colossus-1", "colosus-2"), 5, "did you mean colossus-2"),
        (("colossus-1", "colossus-1@story-2.6"), 3, "did you mean story-2.60"),
        (("colossus-1", "neocloud-1k-h100", "--metric", "x"), 2, "unknown metric"),
    ],
)
def test_wrong_use_has_its_exit_code_and_no_traceback(arguments, code, says):
    found = command(*arguments)
    assert "Traceback" not in found.stderr
    assert says in found.stderr
    assert found.returncode == code


def test_groups_that_do_least_stand_together_where_there_are_too_many(monkeypatch):
    one, other = sample("colossus-1"), sample("neocloud-1k-h100")
    _, (full,) = bridge(one, other, "lease.contribution_usd_per_yr")
    monkeypatch.setattr(compare, "MOST_GROUPS", 2)
    _, (few,) = bridge(one, other, "lease.contribution_usd_per_yr")
    assert np.count_nonzero(few.effects) <= 2 < np.count_nonzero(full.effects)
    assert few.effects.sum() == pytest.approx(full.effects.sum(), rel=1e-9)
    assert few.joined
