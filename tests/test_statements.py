"""What reports say in words is true of the numbers beside it."""

import json

import pytest

POOLS = "pools: [{name: a, gpu: h100-sxm, count: 100, site: s}, {name: b, gpu: h200-sxm, count: 100, site: s}]\n"
SITE = "sites: {s: {facility_power_mw: 0.5, energy_price_usd_per_mwh: 50}}\n"


@pytest.fixture
def told(colocalc):
    """A command's JSON on a fleet written here."""

    def tell(command, fleet, *arguments):
        run = colocalc(command, "-", *arguments, "--format", "json", stdin=("name: x\n" + fleet).encode())
        assert run.code == 0, run.err
        return json.loads(run.out)

    return tell


def warned(document):
    return [note["text"] for note in document["notes"] if note["kind"] == "warning"]


def noted(document):
    return [note["text"] for note in document["notes"] if note["kind"] == "note"]


def assumption(document, path):
    (row,) = [row for row in document["assumptions"] if row["path"] == path]
    return row


def test_a_contract_on_part_of_a_site_says_which_part_of_the_power_it_carries(told):
    fleet = POOLS + SITE + "contracts: [{name: one, pools: [a], rate_usd_per_gpu_h: 2}]\nfinance: {loss_usd: 1e6}\n"

    for command in ("lease", "hedge"):
        document = told(command, fleet)
        # Half of the nameplate: both GPUs stand in servers of 1,275 W each.
        assert document["metrics"]["lease.power_cost_usd_per_yr"] == pytest.approx(0.5 * 0.5 * 8760 * 50)
        assert any("no contract covers b" in line and "only 50.0%" in line for line in warned(document))


@pytest.mark.parametrize(
    ("site", "start"),
    [
        ("{}", "site s: no megawatts are given; its power is the servers' typical draw times PUE"),
        ("{draw: nameplate}", "site s: no megawatts are given; its power is the servers' nameplate draw times PUE"),
        ("{facility_power_mw: 5}", "site s: 5 MW are given and billed as drawn; its GPUs' typical draw times PUE is"),
        ("{facility_power_mw: 0.1}", "site s: 0.1 MW are given, less than its GPUs' typical draw times PUE"),
        ("{facility_power_mw: 0.25}", None),  # 200 x 1,275 W x 0.7 x 1.25 = 0.223 MW
    ],
)
def test_power_is_told_as_it_was_come_by(told, site, start):
    document = told("lease", POOLS + f"sites: {{s: {site}}}\nlease: {{rate_usd_per_gpu_h: 2}}\n")

    found = [line for line in warned(document) if line.startswith("site s")]
    assert [line.startswith(start) for line in found] == [True] if start else found == []


def test_power_that_cannot_be_known_is_undefined_and_not_called_derived(told):
    document = told(
        "lease", "pools: [{gpu: tpu-v5p, count: 8, site: s}]\nsites: {s: {}}\nlease: {rate_usd_per_gpu_h: 2}\n"
    )

    assert "lease.power_cost_usd_per_yr" in document["undefined"]
    assert "site s: no megawatts, and no server power is known for its GPUs: power cost is undefined" in warned(
        document
    )


def test_a_lease_that_bills_nothing_has_no_rate_that_covers(told):
    document = told(
        "hedge", POOLS + SITE + "lease: {rate_usd_per_gpu_h: 2, billed_share: 0}\nfinance: {loss_usd: 1e6}\n"
    )

    assert "No rate covers it: nothing is billed." in document["headline"]
    assert not any("—" in line for line in document["headline"])


def test_the_card_that_is_only_sourced_in_the_mean_says_so_under_its_revenue(colocalc):
    for command in ("lease", "report"):
        assert "Only the mean of $2.60" in colocalc(command, "colossus-1").out


def test_what_was_not_written_counts_as_assumed_and_what_was_as_given(told):
    bare = told("lease", POOLS + SITE)
    assert assumption(bare, "lease.rate_card")["origin"] == "assumed"

    own = told(
        "lease",
        "pools: [{gpu: my-asic, count: 8}]\nlease: {rate_card: mine}\n"
        "gpus: {my-asic: {title: Mine, peak_tflop_per_s: {bf16: 100}}}\n"
        "cards: {mine: {as_of: 2026-01-01, currency: usd, rates: [{gpu: my-asic, term: on-demand, rate_usd_per_gpu_h: 1}]}}\n",
    )
    assert assumption(own, "cards.mine.my-asic.rate_usd_per_gpu_h")["origin"] == "given"


def test_a_price_by_region_says_which_region_was_taken(told):
    document = told("lease", "pools: [{gpu: tpu-v5p, count: 8}]\nlease: {rate_card: market-spot, term: spot}\n")

    assert any(
        "prices tpu-v5p by region" in line and "lease.region chooses another" in line for line in noted(document)
    )
    assert "us-east" in document["tables"]["revenue"][0]["rate_from"]


def test_the_rule_never_cuts_a_model_into_more_chunks_than_layers(told):
    fleet = (
        "pools: [{gpu: tpu-v5p, count: 8_960}]\n"
        "training: {model: palm-540b, layout: auto, sequence_tokens: 2048, global_batch_tokens: 4e6}\n"
    )
    document = told("mfu", fleet)
    pp, vpp = (assumption(document, f"training.layout.{name}")["value"] for name in ("pp", "vpp"))

    assert pp * vpp <= 118 + 2


JOBS = (
    "pools: [{name: big, gpu: h100-sxm, count: 6_144}, {name: small, gpu: h200-sxm, count: 1_440}, "
    "{name: idle, gpu: h100-sxm, count: 1_024}]\n"
    "jobs:\n"
    "  - {name: one, pools: [big], model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 8e6, layout: {tp: 8}}\n"
    "  - {name: two, pools: [small], model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 4e6, layout: {tp: 2}}\n"
)


def test_jobs_of_different_size_assume_failure_rates_of_their_own(told):
    document = told("mfu", JOBS)
    key = "reliability.failures_per_1000_gpu_day"

    assert assumption(document, f"jobs.one.{key}")["value"] == 0.47
    assert assumption(document, f"jobs.two.{key}")["value"] == 2.8


def test_the_denominator_tells_gpus_in_jobs_from_the_fleets(told):
    assert any(
        "all 8,608 GPUs for fleet MFU, of the 7,584 in jobs for step and job MFU" in line
        for line in told("mfu", JOBS)["headline"]
    )


def test_only_what_is_told_of_one_job_says_so(told):
    rows = {row["stage"]: row["came_from"] for row in told("mfu", JOBS)["tables"]["waterfall"]}

    assert rows["bubble"].endswith("(first of 2 jobs)")
    assert rows["jitter"] == "slowest of 768 and 180 nodes, sigma 0.016 less what micro-batches average"
    assert not rows["allocation"].endswith("jobs)")


def test_a_fleet_near_the_size_where_the_assumed_failure_rate_changes_is_told(told):
    near = told("mfu", "pools: [{gpu: h100-sxm, count: 2_047}]\ntraining: {}\n")
    far = told("mfu", "pools: [{gpu: h100-sxm, count: 20_000}]\ntraining: {}\n")

    assert any("changes at 2,048 GPUs" in line for line in noted(near))
    assert not any("changes at" in line for line in noted(far))


def test_an_upper_bound_names_what_the_file_would_have_to_give(told):
    (line,) = [
        line
        for line in told("mfu", "pools: [{gpu: h100-sxm, count: 8}]\ntraining: {model: llama-3.1-8b}\n")["headline"]
        if line.startswith("That is an upper bound")
    ]
    assert line.endswith("Missing: sequence_tokens, global_batch_tokens.")


def test_no_failures_are_called_so(told):
    fleet = "pools: [{gpu: h100-sxm, count: 8}]\nreliability: {failures_per_1000_gpu_day: 0}\ntraining: {}\n"
    rows = {row["stage"]: row for row in told("mfu", fleet)["tables"]["waterfall"]}

    assert (rows["goodput"]["came_from"], rows["goodput"]["factor"]) == ("no failures", 1.0)


def test_a_range_over_bases_is_only_told_where_they_differ(told):
    alike = told("h100e", "pools: [{gpu: h100-sxm, count: 8}]\n")["headline"]
    some = told("h100e", "pools: [{gpu: tpu-v5p, count: 8}]\n")["headline"]

    assert not any(line.startswith("Over ") for line in alike)
    assert any("bases defined, of 19" in line for line in some)


def test_the_reading_of_the_megawatts_that_is_used_is_marked(told):
    rows = told("mfu", POOLS + "sites: {s: {it_power_mw: 0.4, draw: nameplate}}\ntraining: {}\n")["tables"]["power"]

    assert [(row["read_as"], row["draw"]) for row in rows if row["used"]] == [("it power", "nameplate")]


def test_every_broken_scenario_is_told_with_its_name(colocalc):
    fleet = b"""name: x
pools: [{gpu: h100-sxm, count: 8}]
scenarios:
  low: {set: {pools.h100-sxm.count: -1}}
  high: {set: {lease.billed_share: 2}}
"""
    run = colocalc("check", "-", stdin=fleet)

    assert run.code == 3
    assert "(scenario low)" in run.err
    assert "(scenario high)" in run.err


def test_the_catalog_has_the_equation_of_every_metric(colocalc):
    from colocalc.metrics import METRICS

    rows = json.loads(colocalc("catalog", "metrics", "--format", "json").out)["tables"]["metrics"]

    assert [row["metric"] for row in rows] == list(METRICS)
    assert all(row["equation"] for row in rows)


def test_a_parallel_block_halves_what_is_seen_of_tensor_parallelism(told):
    dims = (
        "{layer_count: 32, hidden_dim: 4096, mlp_dim: 16384, gated_mlp: false, head_count: 32, kv_head_count: 32, "
        "head_dim: 128, vocabulary_count: 32000, parallel_block: %s}"
    )
    factors = []
    for parallel in ("false", "true"):
        fleet = (
            "pools: [{gpu: h100-sxm, count: 64}]\n"
            f"training: {{model: {dims % parallel}, sequence_tokens: 2048, global_batch_tokens: 4e6, layout: {{tp: 8}}}}\n"
        )
        factors.append(told("mfu", fleet)["metrics"]["mfu.stage.tensor_context_expert_factor"])
    one_after_other, parallel_block = (1.0 / factor - 1.0 for factor in factors)

    # One pair of collectives where there were two (PaLM, section 2), beside a step that is shorter by part of its norms.
    assert parallel_block == pytest.approx(one_after_other / 2.0, rel=0.02)


def test_how_a_chip_is_counted_is_told_where_names_mislead(told):
    assert any("v5p-1024 is 512 chips" in line for line in noted(told("h100e", "pools: [{gpu: tpu-v5p, count: 8}]\n")))


def test_a_chip_without_eight_bit_units_counts_its_bf16_on_both_bases(told):
    fleet = "pools: [{gpu: old, count: 10}]\ngpus: {old: {title: Old, peak_tflop_per_s: {bf16: 989.4}}}\n"
    found = told("h100e", fleet)["metrics"]

    assert found["h100e.eight_bit_dense_count"] == pytest.approx(10 * 989.4 / 1978.9, rel=1e-4)
    assert found["h100e.four_bit_count"] == found["h100e.eight_bit_dense_count"]
