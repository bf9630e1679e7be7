"""Train or lease: the options of a fleet, the best split, the tenant's view, and what the command prints."""

import itertools
import json
import math
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.loading import load_fleet
from colocalc.metrics import METRICS
from colocalc.metrics_of_choice import CHOICE, INFERENCE
from colocalc.study.band import mfu_band
from colocalc.study.evaluate import evaluate, values
from colocalc.study.train_or_lease import train_or_lease, tried_splits
from colocalc.variants import Variants

YEAR_H = 8_760
POOLS = "pools: [{name: old, gpu: h100-sxm, count: 4096}, {name: new, gpu: gb200-nvl72, count: 1024, counted_as: gpu}]"
TRAINING = (
    "training: {model: llama-3.1-8b, precision: bf16, sequence_tokens: 8192, global_batch_tokens: 33_554_432, "
    "layout: {tp: 8}}"
)
LEASE = "lease: {rate_usd_per_gpu_h: 2}"
REFERENCE = "finance: {reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2.65, mfu_share: 0.4}}"
SERVED = "inference: {model: llama-3.1-70b, precision: fp8, prompt_tokens: 3000, output_tokens: 1000}"
EVERYTHING = (POOLS, TRAINING, LEASE, REFERENCE, SERVED)


@cache
def fleet(*lines):
    loaded = load_fleet("-", catalog=load_catalog(), stdin="\n".join(("name: one", *lines)).encode())
    case = lower(loaded.fleet, loaded.catalog)
    return SimpleNamespace(case=case, result=evaluate(case), fleet=loaded.fleet)


def answered(*lines):
    one = fleet(*lines)
    return train_or_lease(one.case, one.result, claims=one.fleet.claims)


def metric(name, *lines):
    return float(fleet(*lines).result.metrics[name])


# Metrics


def test_every_metric_has_a_value_where_everything_is_given():
    known = fleet(*EVERYTHING).result.metrics
    assert {row[0] for row in (*CHOICE, *INFERENCE)} <= set(known)


@pytest.mark.parametrize(
    ("left_out", "name", "reason"),
    [
        (TRAINING, "choice.forgone_rent_usd_per_pflop_h", "needs training"),
        (TRAINING, "choice.owning_cost_usd_per_pflop_h", "needs training"),
        (LEASE, "choice.lease_premium_factor", "needs lease or contracts"),
        (LEASE, "inference.blended_usd_per_mtoken", "needs lease or contracts"),
        (REFERENCE, "choice.lease_premium_factor", "needs finance.reference"),
        (REFERENCE, "choice.market_price_usd_per_pflop_h", "needs finance.reference"),
        (SERVED, "inference.served_tokens_per_s", "needs inference"),
    ],
)
def test_what_is_missing_is_named(left_out, name, reason):
    found = fleet(*(line for line in EVERYTHING if line != left_out)).result
    assert name not in found.metrics
    assert found.undefined[name].startswith(reason)


def test_without_a_model_every_number_is_as_it_is_with_one_for_the_lease():
    assert metric("choice.owning_cost_usd_per_yr", POOLS) == (4_096 * 1.55 + 1_024 * 2.26) * YEAR_H


def test_compute_that_is_free_elsewhere_makes_no_premium():
    found = fleet(POOLS, TRAINING, LEASE, REFERENCE.replace("2.65", "0")).result
    assert found.undefined["choice.lease_premium_factor"] == "compute costs nothing at the reference"
    assert found.undefined["choice.indifference_mfu_share"] == "compute costs nothing at the reference"
    assert float(found.metrics["choice.indifference_rate_usd_per_gpu_h"]) == 0.0


def test_training_that_delivers_nothing_has_no_price():
    stopped = TRAINING.replace("}}", "}, allocation_share: 0}")
    found = fleet(POOLS, stopped, LEASE, REFERENCE).result
    assert found.undefined["choice.forgone_rent_usd_per_pflop_h"] == "training delivers nothing"


def test_a_gpu_the_card_of_owning_costs_lacks_is_named():
    found = fleet("pools: [{gpu: tpu-v4, count: 64}]", LEASE).result
    assert "no owning cost of tpu-v4" in found.undefined["choice.owning_cost_usd_per_yr"]


def test_nothing_billed_has_no_rate():
    found = fleet(POOLS, TRAINING, "lease: {rate_usd_per_gpu_h: 2, billed_share: 0}", REFERENCE, SERVED).result
    assert found.undefined["choice.indifference_rate_usd_per_gpu_h"] == "no GPU-hours are billed"
    assert found.undefined["inference.blended_usd_per_mtoken"] == "no GPU-hours are billed"
    assert float(found.metrics["choice.lease_premium_factor"]) == 0.0


def test_a_model_that_fits_nowhere_serves_nothing():
    found = fleet(
        "pools: [{gpu: h100-sxm, count: 8}]", LEASE, "inference: {model: deepseek-v3, precision: bf16}"
    ).result
    assert float(found.metrics["inference.served_tokens_per_s"]) == 0.0
    assert "no replica" in found.undefined["inference.blended_usd_per_mtoken"]


def test_the_metrics_asked_for_are_those_of_the_whole():
    one = fleet(*EVERYTHING)
    names = [row[0] for row in (*CHOICE, *INFERENCE)]
    for name, value in values(one.case, names).items():
        assert float(value) == float(one.result.metrics[name]), name


@pytest.mark.parametrize("name", ["choice.owning_cost_usd_per_yr", "inference.served_tokens_per_s"])
def test_pools_add_up_to_the_fleet(name):
    assert METRICS[name].per_pool
    parts = sum(metric(f"pools.{pool}.{name}", *EVERYTHING) for pool in ("old", "new"))
    assert parts == pytest.approx(metric(name, *EVERYTHING), rel=1e-12)


def test_the_fleet_is_indifferent_between_its_pools():
    parts = [metric(f"pools.{pool}.choice.indifference_mfu_share", *EVERYTHING) for pool in ("old", "new")]
    assert min(parts) < metric("choice.indifference_mfu_share", *EVERYTHING) < max(parts)


# Owning


OWNED = "costs: {capital_usd_per_gpu: {h100-sxm: 30_000, gb200-nvl72: 60_000}}"


def test_owning_by_the_files_costs_is_an_annuity():
    flat = ("finance: {discount_rate_share: 0}", "depreciation: {book_life_yr: 5, residual_share: 0.1}")
    expected = 0.9 / 5 * (4_096 * 30_000 + 1_024 * 60_000)
    assert metric("choice.owning_cost_usd_per_yr", POOLS, OWNED, *flat) == pytest.approx(expected, rel=1e-12)


def test_sites_and_operations_are_shared_out_by_nameplate():
    site = "site: {facility_power_mw: 10, energy_price_usd_per_mwh: 50}"
    more = OWNED.replace("}}", "}, operations_usd_per_yr: 1e6, data_centre_usd_per_mw: 1e7}")
    flat = "finance: {discount_rate_share: 0}"
    lines = (POOLS, site, more, flat)
    bare = metric("choice.owning_cost_usd_per_yr", POOLS, OWNED, flat)
    expected = bare + 10 * YEAR_H * 50 + 1e6 + 1e7 * 10 / 15
    assert metric("choice.owning_cost_usd_per_yr", *lines) == pytest.approx(expected, rel=1e-12)
    pools = sum(metric(f"pools.{pool}.choice.owning_cost_usd_per_yr", *lines) for pool in ("old", "new"))
    assert pools == pytest.approx(expected, rel=1e-12)


def test_costs_with_a_gap_give_way_to_the_card_and_say_so():
    one = fleet(POOLS, "costs: {capital_usd_per_gpu: {h100-sxm: 30_000}}")
    assert one.case.choice.owning_from == "owning-cost"
    assert any("does not price every GPU" in remark.text for remark in one.case.remarks)


# Options and splits


def test_partitions_are_the_sum_of_the_pools_alone():
    whole, parts, *pools = answered(*EVERYTHING).options
    assert (whole.name, parts.name, [one.name for one in pools]) == ("whole fleet", "partitions", ["old", "new"])
    for field in ("gpu_count", "value_usd_per_yr", "revenue_usd_per_yr", "owning_cost_usd_per_yr"):
        assert sum(getattr(one, field) for one in pools) == pytest.approx(getattr(parts, field), rel=1e-12)
    assert whole.value_usd_per_yr == metric("choice.training_value_usd_per_yr", *EVERYTHING)


def test_partitions_are_what_the_split_by_partitions_says():
    split = TRAINING.replace("layout", "split: partitions, layout")
    told = metric("mfu.fleet_share", POOLS, split)
    assert answered(*EVERYTHING).options[1].mfu_share == pytest.approx(told, rel=1e-12)


def test_one_pool_alone_is_the_fleet_of_that_pool():
    alone = "pools: [{name: new, gpu: gb200-nvl72, count: 1024, counted_as: gpu}]"
    batch = TRAINING.replace("33_554_432", str(33_554_432 // 5))
    told = metric("mfu.fleet_share", alone, batch)
    found = {one.name: one for one in answered(*EVERYTHING).options}["new"]
    # Micro-batches are whole, and the error band of a mix is wider than that of one type.
    assert found.mfu_share == pytest.approx(told, rel=0.05)


def test_the_best_split_is_the_best_of_all_by_hand():
    found = answered(*EVERYTHING)
    one = fleet(*EVERYTHING)
    pools = {option.name: option for option in found.options[2:]}
    whole = max(found.options[0].value_usd_per_yr, found.options[1].value_usd_per_yr)
    by_hand = [
        sum(pool.revenue_usd_per_yr for pool in pools.values()),
        pools["old"].value_usd_per_yr + pools["new"].revenue_usd_per_yr,
        pools["new"].value_usd_per_yr + pools["old"].revenue_usd_per_yr,
        whole,
    ]
    assert found.best.total_usd_per_yr == pytest.approx(max(by_hand), rel=1e-9)
    assert found.is_exhaustive
    assert found.best.value_usd_per_yr + found.best.revenue_usd_per_yr == pytest.approx(found.best.total_usd_per_yr)
    assert set(found.best.trained) | set(found.best.leased) == set(one.case.pools.names)


@pytest.mark.parametrize(("rate", "trained"), [(0.01, 2), (50, 0)])
def test_a_rate_of_nothing_trains_all_and_one_of_plenty_leases_all(rate, trained):
    best = answered(POOLS, TRAINING, LEASE.replace("2", str(rate)), REFERENCE).best
    assert len(best.trained) == trained


def test_colossus_leases_hopper_and_trains_on_blackwell():
    variants = Variants("colossus-1", load_catalog())
    result = evaluate(variants.case)
    found = train_or_lease(variants.case, result, band=mfu_band(variants), claims=variants.fleet.claims)
    assert (found.best.trained, found.best.leased) == (("gb200",), ("h100", "h200"))
    levels = {one.name: one for one in found.levels}
    claimed = levels["claimed: The Information, as Mirae reads it"]
    assert claimed.mfu_share == 0.11
    assert claimed.forgone_rent_usd_per_pflop_h == pytest.approx(20.98, abs=0.005)
    assert claimed.indifference_mfu_share == pytest.approx(0.344, abs=1e-3)
    assert levels["low of the band"].premium_factor > levels["modelled"].premium_factor > 1.0


def test_two_jobs_have_their_own_pools():
    jobs = f"jobs: [{TRAINING.replace('training: {', '{name: a, pools: [old], ')}]"
    found = answered(POOLS, jobs, LEASE, REFERENCE)
    options = {one.name: one for one in found.options}
    assert options["new"].value_usd_per_yr == 0.0
    assert options["old"].value_usd_per_yr == pytest.approx(options["whole fleet"].value_usd_per_yr, rel=1e-9)
    assert "new" in found.best.leased


def test_a_fleet_that_does_not_train_has_no_options():
    found = answered(POOLS, LEASE, REFERENCE)
    assert (found.options, found.splits, found.best) == ((), (), None)


def test_up_to_a_number_of_pools_every_split_is_tried():
    tried = tried_splits(revenue_usd_per_yr=np.ones(3), value_usd_per_yr=np.ones(3), exhaustive_count=3)
    assert {tuple(row) for row in tried} == set(itertools.product((0.0, 1.0), repeat=3))
    assert tried[0].sum() == 0
    assert tried[-1].sum() == 3


def test_of_more_pools_those_with_the_least_rent_for_their_worth_train_first():
    tried = tried_splits(
        revenue_usd_per_yr=np.array([2.0, 0.0, 1.0]), value_usd_per_yr=np.array([1.0, 1.0, 3.0]), exhaustive_count=2
    )
    np.testing.assert_array_equal(tried, [[0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]])


def test_many_pools_are_joined_one_by_one_and_say_so(colocalc, tmp_path):
    pools = ", ".join(f"{{name: p{n}, gpu: h100-sxm, count: {512 + 64 * n}}}" for n in range(9))
    file = tmp_path / "many.yaml"
    file.write_text("\n".join(("name: many", f"pools: [{pools}]", TRAINING, LEASE, REFERENCE)), encoding="utf-8")
    run = colocalc("train-or-lease", file)
    assert run.code == 0
    assert "Too many pools to try every split" in run.out


@settings(max_examples=25, deadline=None, derandomize=True)
@given(count=st.integers(1, 6), data=st.data())
def test_without_mixing_joining_one_by_one_finds_the_best_split(count, data):
    money = st.lists(st.integers(0, 1_000_000).map(float), min_size=count, max_size=count)
    rent, worth = np.array(data.draw(money)), np.array(data.draw(money))
    best = [
        float(np.max(splits @ worth + (1 - splits) @ rent))
        for splits in (
            tried_splits(revenue_usd_per_yr=rent, value_usd_per_yr=worth, exhaustive_count=limit) for limit in (0, 6)
        )
    ]
    assert best[0] == pytest.approx(best[1], rel=1e-12)


# Inference


def test_tokens_by_hand():
    one = fleet(*EVERYTHING)
    assert metric("pools.old.inference.jitter_factor", *EVERYTHING) == pytest.approx(
        1 / (1 + 0.02 * {1: 0.0, 2: 0.5641896, 4: 1.0293754}[float(one.result.serving.replica_gpu_count[0])]), rel=1e-6
    )
    prefill = 0.5 * 1.9789e15 / (2 * 69.5e9)
    assert metric("pools.old.inference.prefill_tokens_per_s_per_gpu", *EVERYTHING) == pytest.approx(prefill, rel=0.1)


def test_the_price_of_tokens_is_in_proportion_to_the_rent_and_against_utilization():
    name = "inference.break_even_usd_per_mtoken"
    base = metric(name, *EVERYTHING)
    assert metric(name, POOLS, LEASE.replace("2", "4"), SERVED) == pytest.approx(2 * base, rel=1e-12)
    idle = SERVED.replace("}", ", utilization_share: 0.3}")
    assert metric(name, POOLS, LEASE, idle) == pytest.approx(2 * base, rel=1e-12)


def test_several_tenants_wait_longer():
    several = "lease: {rate_usd_per_gpu_h: 2, tenancy: multiple}"
    assert metric("inference.jitter_factor", POOLS, several, SERVED) < metric("inference.jitter_factor", *EVERYTHING)


def test_contracts_are_several_tenants_where_one_of_them_shares():
    contracts = "contracts: [{name: x, pools: [old], rate_usd_per_gpu_h: 1}, {name: y, pools: [new], rate_usd_per_gpu_h: 2, tenancy: multiple}]"
    assert fleet(POOLS, contracts, SERVED).case.inference.tenancy == "multiple"
    assert fleet(POOLS, contracts.replace(", tenancy: multiple", ""), SERVED).case.inference.tenancy == "single"


def test_mixing_costs_what_fills_no_replica():
    odd = POOLS.replace("4096", "4099")
    served = SERVED.replace("}", ", replica_gpu_count: 8}")
    n = np.array([4_099.0, 1_024.0])
    pace = np.array(
        [metric(f"pools.{pool}.inference.decode_tokens_per_s_per_gpu", POOLS, LEASE, served) for pool in ("old", "new")]
    )
    expected = (4_096 * pace[0] + 1_024 * pace[1]) / (n @ pace)
    assert metric("inference.mixed_generations_factor", odd, LEASE, served) == pytest.approx(expected, rel=1e-12)


def test_a_replica_larger_than_its_domain_talks_over_the_network():
    small, large = (
        float(
            fleet(
                "pools: [{gpu: h100-sxm, count: 64}]", f"inference: {{model: llama-3.1-70b, replica_gpu_count: {n}}}"
            ).result.serving.step_s[0]
        )
        for n in (8, 16)
    )
    assert large > small


# The file


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("inference: {model: llama-9}", "unknown model"),
        ("inference: {}", "model"),
        ("inference: {model: llama-3.1-8b, replica_gpu_count: some}", "auto"),
        ("inference: {model: llama-3.1-8b, replica_gpu_count: 10_000}", "more than any pool holds"),
        ("inference: {model: llama-3.1-8b, utilization_share: 0}", "above 0"),
        ("inference: {model: llama-3.1-8b, utilization_share: 1.5}", "1"),
        ("inference: {model: llama-3.1-8b, prompt_tokens: 1.5}", "whole"),
        ("inference: {model: llama-3.1-8b, precision: int3}", "nvfp4"),
        ("inference: {model: llama-3.1-8b, tokens: 3}", "unknown key"),
        ("finance: {reference: {gpu: h1000, rate_usd_per_gpu_h: 2, mfu_share: 0.4}}", "unknown GPU"),
        ("finance: {reference: {gpu: h100, rate_usd_per_gpu_h: -2, mfu_share: 0.4}}", "0"),
        ("finance: {reference: {gpu: h100, rate_usd_per_gpu_h: 2, mfu_share: 0}}", "above 0"),
    ],
)
def test_a_block_that_is_wrong_is_refused(line, message):
    with pytest.raises(ColocalcError, match=message):
        load_fleet("-", catalog=load_catalog(), stdin=f"name: one\n{POOLS}\n{line}".encode())


# The command


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_the_command_keeps_to_the_width(colocalc, columns):
    run = colocalc("train-or-lease", "colossus-1", columns=columns)
    assert run.code == 0
    assert max(len(line) for line in run.out.splitlines()) <= columns
    for word in ("Lease all of it unless training reaches 34.5% MFU", "train on gb200", "The tenant's view"):
        assert word in " ".join(run.out.split())


def test_the_command_speaks_json(colocalc):
    run = colocalc("train-or-lease", "colossus-1", "--format", "json")
    found = json.loads(run.out)
    assert found["command"] == "train-or-lease"
    assert found["metrics"]["choice.indifference_mfu_share"] == pytest.approx(0.3446, abs=1e-4)
    assert set(found["tables"]) == {"choice_levels", "choice_options", "choice_splits", "choice", "inference"}
    assert all(math.isfinite(value) for value in found["metrics"].values())


def test_a_fleet_without_the_blocks_says_what_is_missing(colocalc):
    run = colocalc("train-or-lease", "-", stdin=f"name: one\n{POOLS}".encode())
    assert run.code == 0
    assert "Train or lease is undefined: needs lease or contracts." in run.out
    assert "needs training" in run.out


@pytest.mark.parametrize(
    ("sets", "sentence"),
    [
        (["lease.rate_usd_per_gpu_h=0.5"], "Train on all of it unless the lease pays more than $0.66/GPU-h"),
        (["lease.rate_usd_per_gpu_h=50"], "Lease all of it: no MFU makes training worth the rent"),
        (["lease.rate_usd_per_gpu_h=0.5"], "train on all of them, in partitions of one GPU type each"),
        (["lease.rate_usd_per_gpu_h=50"], "lease all of them; no split brings more"),
        (["pools.h100.count=0", "training.split=partitions"], "Trained on"),
    ],
)
def test_the_first_sentences_say_what_to_do(colocalc, sets, sentence):
    run = colocalc("train-or-lease", "colossus-1", *itertools.chain(*(("--set", one) for one in sets)))
    assert run.code == 0
    assert sentence in " ".join(run.out.split())


def test_pools_on_one_side_only_are_warned_of(colocalc):
    jobs = f"jobs: [{TRAINING.replace('training: {', '{name: a, pools: [old], ')}]"
    contracts = "contracts: [{name: x, pools: [new], rate_usd_per_gpu_h: 2}]"
    full = "inference: {model: llama-3.1-405b, precision: bf16, replica_gpu_count: 8}"
    text = f"name: one\n{POOLS}\n{jobs}\n{contracts}\n{REFERENCE}\n{full}"
    run = colocalc("train-or-lease", "-", stdin=text.encode())
    assert run.code == 0
    assert "under no contract, so that leasing brings nothing: old" in run.err
    assert "in no training job, so that training is worth nothing: new" in run.err
    assert "a replica holds the model and no sequence beside it: old" in run.err


def test_names_that_look_like_markup_stay_text(colocalc):
    text = "\n".join(("name: '[bold]x[/bold]'", *EVERYTHING[:0], POOLS.replace("old", "x-1"), *EVERYTHING[1:]))
    run = colocalc("train-or-lease", "-", stdin=text.encode())
    assert run.code == 0
    assert "[bold]x[/bold]" in run.out


def test_the_report_has_it_too(colocalc):
    run = colocalc("report", "colossus-1", "--format", "json")
    found = json.loads(run.out)
    assert {"choice_levels", "choice_options", "choice_splits", "inference"} <= set(found["tables"])
    assert found["metrics"]["choice.lease_premium_factor"] > 1.0


@pytest.mark.parametrize("scenario", ["flat-ring", "ring", "tree", "partitions", "memory", "hopper-alone"])
def test_every_scenario_has_its_best_split(scenario):
    variants = Variants("colossus-1", load_catalog(), scenario=scenario)
    found = train_or_lease(variants.case, evaluate(variants.case))
    assert found.best.total_usd_per_yr >= max(one.total_usd_per_yr for one in found.splits[:2])
