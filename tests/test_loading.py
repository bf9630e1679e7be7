import textwrap

import pytest

from colocalc.catalog import fleet_names, load_catalog
from colocalc.errors import EXIT_IO, ColocalcError, InputError
from colocalc.figure import Figure
from colocalc.fleet import Fleet
from colocalc.loading import find_fleet, load_fleet, validated
from colocalc.yamlio import read

BASE = "name: x\npools: [{name: a, gpu: h100-sxm, count: 1_024}]\n"
CARD = "as_of: 2026-05-08\ncurrency: usd\nrates: [{gpu: h100-sxm, term: 1-year, rate_usd_per_gpu_h: 1.5}]\n"
MODEL = (
    "{layer_count: 2, hidden_dim: 8, mlp_dim: 8, gated_mlp: true, head_count: 4, kv_head_count: 2, head_dim: 2,"
    " vocabulary_count: 9}"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**texts):
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))

    return write


@pytest.fixture
def loaded(folder):
    def load(text, **options):
        folder(fleet=text)
        return load_fleet("fleet.yaml", catalog=load_catalog(), **options)

    return load


def refused(load, *arguments, **options):
    with pytest.raises(InputError) as caught:
        load(*arguments, **options)
    return str(caught.value).splitlines()


VALID = {
    "bare numbers": BASE,
    "figures": BASE.replace("1_024", "{value: 1_024, low: 1_000, high: 2_000, source: mirae-2026-05, note: as told}"),
    "a number with an exponent": BASE.replace("1_024", "1e9"),
    "a whole number written as a float": BASE.replace("1_024", "1024.0"),
    "an empty pool beside a full one": "name: x\npools: [{gpu: h100-sxm, count: 0}, {gpu: h200-sxm, count: 8}]\n",
    "a byte order mark": "\ufeff" + BASE,
    "Windows line ends": BASE.replace("\n", "\r\n"),
    "the site shorthand": BASE + "site: {facility_power_mw: 2}\n",
    "a pool at the shorthand's site": BASE.replace("}]", ", site: site}]") + "site: {it_power_mw: 2}\n",
    "one site, not named by the pool": BASE + "sites: {main: {it_power_mw: 2}}\n",
    "several sites": """\
        name: x
        pools: [{gpu: h100-sxm, count: 64, site: a}, {gpu: h200-sxm, count: 64, site: b}]
        sites: {a: {it_power_mw: 1, kind: orbital, chip_temperature_k: 350, chip_to_radiator_drop_k: 20}, b: {facility_power_mw: 1, draw: nameplate, pue_factor: 1}}
        """,
    "a GPU by its alias": "name: x\npools: [{gpu: H100, count: 8}]\nexpect: [pools.h100-sxm.fleet.gpu_count = 8]\n",
    "two identical pools": "name: x\npools: [{gpu: h100-sxm, count: 8}, {gpu: H100, count: 8}]\n",
    "racks": "name: x\npools: [{gpu: gb200-nvl72, count: 2, counted_as: rack}]\n",
    "a layout as large as the racks": """\
        name: x
        pools: [{gpu: gb200-nvl72, count: 2, counted_as: rack}]
        training: {model: llama-3.1-70b, layout: {tp: 8, pp: 16}, sequence_tokens: 8192, global_batch_tokens: 1_048_576}
        """,
    "a layout over two pools": """\
        name: x
        pools: [{gpu: h100-sxm, count: 64}, {gpu: h200-sxm, count: 64}]
        training:
          model: llama-3.1-70b
          layout: {tp: 8, pp: 16}
          split: stages
          sequence_tokens: 8192
          global_batch_tokens: 1_048_576
        """,
    "training by measured shares alone": BASE + "training: {measured: {bubble_factor: 0.93, goodput_factor: 1}}\n",
    "a layout left to the rule": BASE + "training: {model: llama-3.1-70b, layout: auto}\n",
    "a ZeRO stage written as a float": BASE + "training: {layout: {zero_stage: 1.0}}\n",
    "jobs": """\
        name: x
        pools: [{name: a, gpu: h100-sxm, count: 64}, {name: b, gpu: h200-sxm, count: 64}, {gpu: b200-sxm, count: 8}]
        jobs:
          - {name: one, pools: [a], model: llama-3.1-70b, layout: {tp: 8}}
          - {name: two, pools: [b, b200-sxm], model: llama-3.1-70b, layout: {tp: 8}}
        """,
    "contracts, one for a fee": """\
        name: x
        pools: [{name: a, gpu: h100-sxm, count: 64}, {name: b, gpu: h200-sxm, count: 64}, {gpu: b200-sxm, count: 8}]
        contracts:
          - {name: one, pools: [a], fee_usd_per_month: 1e5, months: 12}
          - {name: two, pools: [b], rate_card: story-2026-05, sold_share: 0.8, take_or_pay_share: 0.9}
        """,
    "an own GPU, with a rate": """\
        name: x
        pools: [{gpu: Mine-1, count: 8}]
        lease: {rate_usd_per_gpu_h: 1}
        gpus: {mine: {title: Mine, aliases: [mine-1], peak_tflop_per_s: {bf16: {value: 100, source: sheet}}}}
        sources: {sheet: {title: A data sheet, date: 2026}}
        """.replace("date: 2026", "date: '2026'"),
    "an own model": BASE + f"models: {{tiny-1.5: {MODEL}}}\ntraining: {{model: tiny-1.5}}\n",
    "a model in place": BASE + f"training: {{model: {MODEL}}}\n",
    "an own card that names a GPU by its alias": BASE
    + "lease: {rate_card: mine}\ncards: {mine: {as_of: 2026-05, currency: usd, rates:"
    " [{gpu: H100, term: spot, rate_usd_per_gpu_h: 1}]}}\n",
    "claims of every kind": BASE
    + """\
claims:
  - {metric: mfu.fleet_share, says: 0.11, date: 2026-02-28}
  - {metric: pools.a.fleet.gpu_count, says: {at_most: 2_000}}
  - {input: pools.a.count, says: {low: 1, high: 2_000}}
  - {input: finance.total_h100e_count, says: {at_least: 5}}
  - {input: training.model, says: 3}
  - {cause: mixed_generations, metric: mfu.fleet_share, reference: 0.40, says: 0.11}
""",
    "a block that is empty": BASE + "training:\nsite: null\n",
    "a network with reduction in its switches": BASE
    + "network: {fabric: nccl-infiniband, algorithm: in-network}\ntraining: {model: llama-3.1-70b, layout: {tp: 8}}\n",
    "a torus": "name: x\npools: [{gpu: tpu-v5p, count: 64}]\nnetwork: {algorithm: torus}\n",
    "a tree for HSDP": BASE
    + "network: {algorithm: tree}\ntraining: {model: llama-3.1-70b, layout: {tp: 8, dp_shard_count: 8}}\n",
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_a_fleet_may_be_written_with(text, folder, colocalc):
    folder(fleet=text)
    run = colocalc("report", "fleet.yaml", "--format", "json")
    assert (run.code, "fault" in run.err) == (0, False), run.err


@pytest.mark.parametrize("name", fleet_names())
def test_every_sample_loads(name):
    assert load_fleet(name, catalog=load_catalog()).fleet.name == name


# Standard input


def test_a_fleet_is_read_from_standard_input(colocalc):
    run = colocalc("check", "-", stdin=BASE.encode())
    assert (run.code, run.err) == (0, "")


def test_messages_about_standard_input_say_so():
    assert refused(load_fleet, "-", catalog=load_catalog(), stdin=b"name: x\n") == ["<stdin>:1:1: pools: missing"]


# Which file is meant


def test_a_file_goes_before_a_sample_of_the_same_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "colossus-1").write_text("name: mine\npools: [{gpu: h100-sxm, count: 8}]\n")
    assert load_fleet("colossus-1", catalog=load_catalog()).fleet.name == "mine"


def test_a_place_that_is_neither_file_nor_sample_is_exit_5():
    with pytest.raises(ColocalcError) as caught:
        find_fleet("nowhere/colossus-11.yaml")
    assert caught.value.exit_code == EXIT_IO
    assert caught.value.hint == "did you mean colossus-1?"


# Scenarios and overrides

SCENARIO = BASE + "scenarios: {more: {set: {pools.a.count: 2_048, lease.months: 12}}}\n"


def test_a_scenario_changes_what_it_names_and_nothing_else(loaded):
    fleet = loaded(SCENARIO, scenario="more").fleet
    assert fleet.pools[0].count.value == 2_048
    assert fleet.lease.months.value == 12
    assert fleet.pools[0].gpu == "h100-sxm"


def test_without_its_name_a_scenario_changes_nothing(loaded):
    assert loaded(SCENARIO).fleet.pools[0].count.value == 1_024


def test_an_override_goes_on_top_of_the_scenario(loaded):
    fleet = loaded(SCENARIO, scenario="more", sets=["pools.a.count=4096"]).fleet
    assert fleet.pools[0].count.value == 4_096
    assert fleet.lease.months.value == 12


def test_of_two_overrides_the_last_holds(loaded):
    assert loaded(BASE, sets=["pools.a.count=5", "pools.a.count=6"]).fleet.pools[0].count.value == 6


def test_an_override_may_hold_a_mapping_and_an_equals_sign(loaded):
    sets = ["sites={m: {it_power_mw: 2}}", "expect=[fleet.gpu_count >= 5]"]
    fleet = loaded(BASE, sets=sets).fleet
    assert fleet.sites["m"].it_power_mw == Figure(2.0)
    assert fleet.expect == ("fleet.gpu_count >= 5",)


def test_a_band_can_be_set_where_a_bare_number_stands(loaded):
    assert loaded(BASE, sets=["pools.a.count.high=2000"]).fleet.pools[0].count == Figure(1_024.0, high=2_000.0)


def test_a_pool_without_a_name_is_found_by_its_gpus_id(loaded):
    fleet = loaded("name: x\npools: [{gpu: H100, count: 8}]\n", sets=["pools.h100-sxm.count=5"]).fleet
    assert fleet.pools[0].count.value == 5


def test_a_fault_in_an_override_is_told_without_line_and_column(loaded):
    (line,) = refused(loaded, BASE, sets=["pools.a.count={value: 5, lwo: 4}"])
    assert line == "--set pools.a.count={value: 5, lwo: 4}: pools.0.count.lwo: unknown key; did you mean low?"


def test_faults_of_the_file_and_of_an_override_come_together(loaded):
    lines = refused(loaded, BASE + "titl: X\n", sets=["lease.months=x"])
    assert lines == [
        '--set lease.months=x: lease.months: should be a number, not "x"',
        "fleet.yaml:3:1: titl: unknown key; did you mean title?",
    ]


def test_a_fault_of_a_scenario_points_at_the_scenario(loaded):
    (line,) = refused(loaded, SCENARIO.replace("2_048", "-1"), scenario="more")
    assert line == "fleet.yaml:3:41: pools.0.count: should be at least 0, not -1"


def test_scenarios_that_are_no_mapping_are_told_by_their_line(loaded):
    assert refused(loaded, BASE + "scenarios: [more]\n", scenario="more") == [
        "fleet.yaml:3:12: scenarios: should be a mapping, not a list"
    ]


def test_a_scenario_without_content_is_no_unknown_scenario(loaded):
    assert refused(loaded, BASE + "scenarios: {more: }\n", scenario="more") == [
        "fleet.yaml:3:19: scenarios.more: should be a mapping, not empty"
    ]


# extends


def test_extends_merges_mappings_and_replaces_lists(folder, loaded):
    folder(base=BASE + "lease: {term: spot, months: 12}\nexpect: [fleet.gpu_count > 1, fleet.gpu_count > 2]\n")
    fleet = loaded("extends: base.yaml\nname: y\nlease: {months: 24}\nexpect: [fleet.gpu_count > 3]\n").fleet
    assert (fleet.name, fleet.lease.term, fleet.lease.months.value) == ("y", "spot", 24)
    assert fleet.expect == ("fleet.gpu_count > 3",)
    assert fleet.pools[0].count.value == 1_024


def test_extends_replaces_a_number_by_a_figure_and_back(folder, loaded):
    folder(base=BASE + "site: {it_power_mw: 5, pue_factor: {value: 1.2, low: 1.1}}\n")
    site = loaded("extends: base.yaml\nsite: {it_power_mw: {value: 6, high: 7}, pue_factor: 1.3}\n").fleet.site
    assert site.it_power_mw == Figure(6.0, high=7.0)
    assert site.pue_factor == Figure(1.3)


def test_extends_may_be_chained_and_lie_in_a_folder_below(folder, loaded):
    folder(below__one=BASE, below__two="extends: one.yaml\ntitle: Two\n")
    fleet = loaded("extends: below/two.yaml\nlease: {}\n").fleet
    assert (fleet.title, fleet.name) == ("Two", "x")


def test_a_file_below_may_not_extend_one_outside_the_fleets_folder(folder, tmp_path):
    folder(outside=BASE, below__fleet="extends: ../outside.yaml\n")
    lines = refused(load_fleet, "below/fleet.yaml", catalog=load_catalog())
    assert lines == ['below/fleet.yaml:1:10: extends: "../outside.yaml" is not below the fleet\'s own folder']


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    folder(outside=BASE, below__fleet="extends: inside.yaml\n")
    (tmp_path / "below" / "inside.yaml").symlink_to(tmp_path / "outside.yaml")
    assert "is not below" in refused(load_fleet, "below/fleet.yaml", catalog=load_catalog())[0]


def test_the_ninth_file_may_not_extend_another(folder, loaded):
    folder(**{f"f{n}": f"extends: f{n + 1}.yaml\n" for n in range(2, 20)})
    assert refused(loaded, "extends: f2.yaml\n") == ["f9.yaml:1:10: extends: more than 8 files extend each other"]


def test_a_fault_points_into_the_file_the_value_came_from(folder, loaded):
    folder(base=BASE + "lease: {term: spot, months: 0}\n")
    assert refused(loaded, "extends: base.yaml\nlease: {region: 5}\n") == [
        "base.yaml:3:29: lease.months: should be above 0, not 0",
        "fleet.yaml:2:17: lease.region: should be text, not 5; put it in quotes",
    ]


def test_a_fault_of_the_whole_points_into_the_file_asked_for(folder, loaded):
    folder(base="name: x\n")
    assert refused(loaded, "extends: base.yaml\n") == ["fleet.yaml:1:1: pools: missing"]


def test_a_scenario_of_the_base_can_be_chosen(folder, loaded):
    folder(base=SCENARIO)
    assert loaded("extends: base.yaml\n", scenario="more").fleet.pools[0].count.value == 2_048


# Rate cards


def test_a_fleet_without_a_lease_gets_the_default_card_where_one_is_needed(loaded):
    found = loaded(BASE, default_lease=True)
    assert found.fleet.lease is not None
    assert found.fleet.lease.rate_card is None  # left to the default, so that it counts as assumed
    assert found.notes == ("the fleet has no lease: card story-2026-05 at on-demand terms is used",)


def test_a_fleet_without_a_lease_is_left_alone_elsewhere(loaded):
    found = loaded(BASE)
    assert (found.fleet.lease, found.notes) == (None, ())


def test_a_lease_keeps_its_card_when_none_is_named(loaded):
    found = loaded(BASE + "lease: {rate_card: market-3yr, term: 3-year}\n", rate_card="", default_lease=True)
    assert (found.fleet.lease.rate_card, found.notes) == ("market-3yr", ())


def test_a_card_named_takes_the_place_of_the_leases_price_only(loaded):
    lease = loaded(
        BASE + "lease: {rate_usd_per_gpu_h: 9, term: 3-year, months: 5}\n", rate_card="market-3yr"
    ).fleet.lease
    assert (lease.rate_card, lease.rate_usd_per_gpu_h) == ("market-3yr", None)
    assert (lease.term, lease.months.value) == ("3-year", 5)


def test_a_card_may_be_a_file(folder, loaded):
    folder(card=CARD)
    found = loaded(BASE, rate_card="card.yaml")
    (rate,) = found.catalog.card(found.fleet.lease.rate_card).rates
    assert rate.rate_usd_per_gpu_h.value == 1.5


def test_a_cards_file_leaves_the_fleets_own_cards_and_their_places_alone(folder, loaded):
    folder(card=CARD)
    own = (
        "cards: {mine: {as_of: 2026-05, currency: usd, rates: [{gpu: h100-sxm, term: spot, rate_usd_per_gpu_h: %s}]}}\n"
    )
    found = loaded(BASE + own % 2, rate_card="card.yaml")
    assert found.catalog.card("mine").rates[0].rate_usd_per_gpu_h.value == 2
    assert refused(loaded, BASE + own % -2, rate_card="card.yaml") == [
        "fleet.yaml:3:103: cards.mine.rates.0.rate_usd_per_gpu_h: should be at least 0, not -2"
    ]


def test_every_pool_a_card_does_not_price_is_told_at_once(loaded):
    text = "name: x\npools:\n  - {name: a, gpu: mi300x, count: 8}\n  - {name: b, gpu: tpu-v4, count: 8}\n"
    lines = refused(loaded, text + "lease: {rate_card: story-2026-05}\n")
    assert [line.split(";")[0] for line in lines] == [
        "fleet.yaml:3:20: pools.0.gpu: pool a: card story-2026-05 has no on-demand rate for mi300x",
        "fleet.yaml:4:20: pools.1.gpu: pool b: card story-2026-05 has no on-demand rate for tpu-v4",
    ]


def test_a_card_with_one_term_prices_every_term(loaded):
    assert loaded(BASE + "lease: {rate_card: market-3yr, term: spot}\n").fleet.lease.term == "spot"


# Trees that were not read from a file


def test_a_tree_in_memory_is_validated_too():
    fleet = validated(read(BASE, name="memory"), Fleet, name="memory")
    assert fleet.pools[0].count.value == 1_024


@pytest.mark.parametrize(("tree", "found"), [([], "a list"), (None, "empty"), (True, "true"), ("x", '"x"'), (5, "5")])
def test_what_is_no_mapping_is_no_fleet(tree, found):
    assert refused(validated, tree, Fleet, name="memory") == [f"memory:1:1: should be a mapping, not {found}"]


def test_a_plain_dictionary_is_told_about_without_lines():
    assert refused(validated, {"name": "x", "polls": []}, Fleet, name="memory") == [
        "memory: polls: unknown key; did you mean pools?"
    ]


# Assumptions that an override or a scenario replaces


def test_an_override_of_an_assumption_stands_in_the_block_of_assumptions(loaded):
    fleet = loaded(
        BASE + "assumptions: {schedule.1f1b_factor: 4}\n",
        sets=["calibration.scale_loss_share=0.25", "schedule.1f1b_factor=8"],
    ).fleet

    assert {key: figure.value for key, figure in fleet.assumptions.items()} == {
        "schedule.1f1b_factor": 8.0,
        "calibration.scale_loss_share": 0.25,
    }


def test_an_override_may_be_a_whole_figure(loaded):
    fleet = loaded(BASE, sets=["calibration.scale_loss_share={value: 0.5, low: 0.4, note: ours}"]).fleet

    assert fleet.assumptions["calibration.scale_loss_share"] == Figure(0.5, low=0.4, note="ours")


def test_a_scenario_may_replace_assumptions(loaded):
    text = BASE + "scenarios: {slow: {set: {software.megatron_factor: 0.5, pools.a.count: 8}}}\n"
    fleet = loaded(text, scenario="slow").fleet

    assert fleet.assumptions["software.megatron_factor"].value == 0.5
    assert fleet.pools[0].count.value == 8


@pytest.mark.parametrize(
    ("site", "set_to"),
    [
        ("site: {facility_power_mw: 2}\n", "sites.site.facility_power_mw=3"),
        ("site: {facility_power_mw: 2}\n", "site.facility_power_mw=3"),
        ("sites: {site: {facility_power_mw: 2}}\n", "sites.site.facility_power_mw=3"),
    ],
)
def test_the_shorthands_numbers_are_set_as_they_are_written_or_as_they_are_listed(loaded, site, set_to):
    assert loaded(BASE + site, sets=[set_to]).fleet.named_sites["site"].facility_power_mw.value == 3


def test_another_site_beside_the_shorthand_is_still_refused(loaded):
    lines = refused(loaded, BASE + "site: {facility_power_mw: 2}\n", sets=["sites.other.facility_power_mw=3"])

    assert lines == ["--set sites.other.facility_power_mw=3: sites: give site or sites, not both"]


def test_the_tolerance_of_claims_is_no_claim(loaded):
    text = BASE + "claims: [{id: mine, metric: fleet.gpu_count, says: 5}]\n"
    fleet = loaded(text, sets=["claims.tolerance_share=0.2", "claims.mine.says=6"]).fleet

    assert fleet.assumptions["claims.tolerance_share"].value == 0.2
    assert fleet.claims[0].says == 6.0


def test_a_gpu_of_the_files_own_is_changed_where_it_stands(loaded):
    text = BASE.replace("h100-sxm", "mine") + (
        "gpus: {mine: {title: Mine, vendor: Me, family: own, hbm_gbyte: 80, peak_tflop_per_s: {bf16: 500}}}\n"
    )
    found = loaded(text, sets=["gpus.mine.hbm_gbyte=96", "gpus.mine.peak_bf16_tflop_per_s=400"])

    assert found.catalog.gpus["mine"].hbm_gbyte.value == 96
    assert {key: figure.value for key, figure in found.fleet.assumptions.items()} == {
        "gpus.mine.peak_bf16_tflop_per_s": 400.0
    }
