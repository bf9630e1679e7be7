import pytest

from colocalc.editing import put
from colocalc.yamlio import Mark, locate, read

MARK = ("--set it", Mark(1, 1))
TEXT = """\
name: x
pools:
  - {name: a, gpu: h100-sxm, count: 8}
  - {gpu: H200, count: 8}
  - {gpu: mine, count: 8}
claims:
  - {id: mfu-11, metric: mfu.fleet_share, says: 0.11}
expect: [one, two]
training: {layout: auto}
"""
IDS = {"H200": "h200-sxm", "h200": "h200-sxm", "h200-sxm": "h200-sxm"}


@pytest.fixture
def tree():
    return read(TEXT, name="fleet.yaml")


def change(tree, key, value):
    return put(tree, key, value, mark=MARK, resolve=IDS.get)


def test_a_key_at_the_top_is_set(tree):
    assert change(tree, "title", "X") is None
    assert tree["title"] == "X"


def test_blocks_on_the_way_are_made(tree):
    assert change(tree, "sites.memphis.pue_factor", 1.2) is None
    assert tree["sites"] == {"memphis": {"pue_factor": 1.2}}


def test_a_number_on_the_way_becomes_the_value_of_a_figure(tree):
    assert change(tree, "pools.a.count.high", 9) is None
    assert tree["pools"][0]["count"] == {"value": 8, "high": 9}


def test_a_word_on_the_way_gives_way_to_a_block(tree):
    assert change(tree, "training.layout.tp", 8) is None
    assert tree["training"]["layout"] == {"tp": 8}


@pytest.mark.parametrize(
    ("name", "place"),
    [("a", 0), ("h200-sxm", 1), ("h200", 1), ("H200", 1), ("mine", 2), ("0", 0), ("2", 2)],
)
def test_an_entry_of_a_list_is_found_by_name_by_its_gpu_or_by_number(tree, name, place):
    assert change(tree, f"pools.{name}.count", 5) is None
    assert [pool["count"] for pool in tree["pools"]] == [5 if number == place else 8 for number in range(3)]


def test_a_claim_is_found_by_its_id(tree):
    assert change(tree, "claims.mfu-11.says", 0.12) is None
    assert tree["claims"][0]["says"] == 0.12


def test_a_name_goes_before_a_gpu_of_that_name():
    tree = read("pools: [{gpu: b, count: 1}, {name: b, gpu: c, count: 1}, {name: c, gpu: d, count: 1}]\n", name="f")
    assert change(tree, "pools.c.count", 2) is None
    assert [pool["count"] for pool in tree["pools"]] == [1, 1, 2]


def test_an_entry_of_a_list_of_words_is_replaced(tree):
    assert change(tree, "expect.1", "three") is None
    assert tree["expect"] == ["one", "three"]


def test_a_pool_is_replaced_by_a_whole_pool_only(tree):
    assert change(tree, "pools.a", 5) == "pools.a is a mapping: set one of its keys"
    other = read("{gpu: b200-sxm, count: 1}", name="other")
    assert change(tree, "pools.a", other) is None
    assert tree["pools"][0] is other


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("pools.b.count", 'nothing named "b" in pools; it has a, h200-sxm, mine'),
        ("pools.h200-smx.count", 'nothing named "h200-smx" in pools; did you mean h200-sxm?'),
        ("pools.3.count", 'nothing named "3" in pools; it has a, h200-sxm, mine'),
        ("pools.-1.count", 'nothing named "-1" in pools; it has a, h200-sxm, mine'),
        ("pools.٣.count", 'nothing named "٣" in pools; it has a, h200-sxm, mine'),
        ("pools..count", 'nothing named "" in pools; it has a, h200-sxm, mine'),
        ("pools.b", 'nothing named "b" in pools; it has a, h200-sxm, mine'),
        ("expect.5", 'nothing named "5" in expect; it has 2 entries, numbered from 0'),
        ("expect.0.low", "expect.0 has no parts"),
        ("expect.0.low.high", "expect.0 has no parts"),
        (".".join("a" * 65), "deeper than 64 levels"),
    ],
)
def test_a_key_that_leads_nowhere_is_told_and_changes_nothing(tree, key, problem):
    assert change(tree, key, 5) == problem
    assert tree == read(TEXT, name="fleet.yaml")


def test_of_two_entries_of_one_name_none_is_guessed():
    tree = read("pools: [{gpu: a, count: 1}, {gpu: b, count: 1}, {gpu: a, count: 1}]\n", name="f")
    assert change(tree, "pools.a.count", 2) == '2 entries of pools are named "a"; give a number: 0, 2'


def test_names_out_of_the_file_are_shown_without_control_characters():
    tree = read('"\\e[1mx": [{name: "\\e[31ma"}]\n', name="f")
    problem = change(tree, "\x1b[1mx.b.count", 1)
    assert problem == 'nothing named "b" in \\x1b[1mx; it has \\x1b[31ma'


def test_a_change_is_located_where_it_was_made_and_the_rest_where_it_stood(tree):
    change(tree, "pools.a.count", 5)
    change(tree, "sites.memphis.pue_factor", 1.2)
    assert locate(tree, ("pools", 0, "count")) == MARK
    assert locate(tree, ("sites", "memphis", "pue_factor")) == MARK
    assert locate(tree, ("pools", 0, "gpu")) == ("fleet.yaml", Mark(3, 20))


def test_a_list_of_anything_but_mappings_has_no_names():
    tree = read("x: [[1], 5, null, {name: [1]}, {name: 5, gpu: [1]}]\n", name="f")
    assert change(tree, "x.a.b", 1) == 'nothing named "a" in x; it has 5 entries, numbered from 0'


# Keys that say the same thing in another way

LEASE = "name: x\nlease: {rate_card: market-3yr, billed_share: 0.9}\nsites: {a: {facility_power_mw: 2}}\n"


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"lease.rate_usd_per_gpu_h": 2}, {"billed_share": 0.9, "rate_usd_per_gpu_h": 2}),
        ({"lease.fee_usd_per_month": 5}, {"billed_share": 0.9, "fee_usd_per_month": 5}),
        ({"lease.fee_usd_per_month": 5, "lease.rate_card": "own"}, {"billed_share": 0.9, "rate_card": "own"}),
        ({"lease.sold_share": 0.5}, {"rate_card": "market-3yr", "sold_share": 0.5}),
        (
            {"lease.sold_share": 0.5, "lease.take_or_pay_share": 0.7},
            {"rate_card": "market-3yr", "sold_share": 0.5, "take_or_pay_share": 0.7},
        ),
        ({"lease.sold_share": 0.5, "lease.billed_share": 0.7}, {"rate_card": "market-3yr", "billed_share": 0.7}),
        ({"lease.term": "spot"}, {"rate_card": "market-3yr", "billed_share": 0.9, "term": "spot"}),
    ],
)
def test_what_is_set_takes_the_place_of_what_says_the_same(changes, left):
    tree = read(LEASE, name="fleet.yaml")
    for key, value in changes.items():
        assert change(tree, key, value) is None

    assert tree["lease"] == left


def test_megawatts_at_the_meter_and_behind_it_take_each_others_place():
    tree = read(LEASE, name="fleet.yaml")

    change(tree, "sites.a.it_power_mw", 1)
    assert tree["sites"]["a"] == {"it_power_mw": 1}
    change(tree, "sites.a.facility_power_mw.value", 3)
    assert tree["sites"]["a"] == {"facility_power_mw": {"value": 3}}


def test_only_the_block_it_stands_in_is_changed():
    tree = read("contracts: [{name: a, rate_card: b}, {name: c, rate_card: d}]\n", name="f")

    change(tree, "contracts.a.rate_usd_per_gpu_h", 2)

    assert tree["contracts"] == [{"name": "a", "rate_usd_per_gpu_h": 2}, {"name": "c", "rate_card": "d"}]


def test_a_file_without_blocks_is_told_as_the_file():
    assert (
        change(read("[]\n", name="f"), "a.b", 1) == 'nothing named "a" in the file; it has 0 entries, numbered from 0'
    )
