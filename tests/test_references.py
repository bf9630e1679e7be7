import pytest

from colocalc.additions import with_additions
from colocalc.catalog import load_catalog
from colocalc.fleet import Fleet
from colocalc.loading import validated
from colocalc.metrics import METRICS, STAGES
from colocalc.references import pool_labels, reference_faults
from colocalc.yamlio import read

BASE = "name: x\npools: [{name: a, gpu: h100-sxm, count: 1_024}]\n"
CARD = (
    "cards: {c: {as_of: 2026-05, currency: usd, rates:"
    " [{gpu: H100, term: spot, rate_usd_per_gpu_h: {value: 1, source: zzz}}]}}"
)
TWO = "name: x\npools: [{name: a, gpu: h100-sxm, count: 64}, {name: b, gpu: %s, count: 64}]\n"


def faults(text):
    tree = read(text, name="f")
    fleet = validated(tree, Fleet, name="f")
    return reference_faults(fleet, with_additions(load_catalog(), fleet, {}), tree)


def told(text):
    return [f"{fault.path}: {fault.message}" for fault in faults(text)]


# Pools and sites


def test_a_pool_is_called_by_its_name_else_by_its_gpus_id():
    tree = read(
        "name: x\npools: [{name: a, gpu: H100, count: 1}, {gpu: H200, count: 1}, {gpu: zzz, count: 1}]\n", name="f"
    )
    assert pool_labels(validated(tree, Fleet, name="f"), load_catalog()) == ["a", "h200-sxm", "zzz"]


@pytest.mark.parametrize("difference", ["gpu: h200-sxm", "gpu: h100-sxm, counted_as: gpu", "gpu: h100-sxm, site: t"])
def test_two_pools_of_one_name_must_be_alike(difference):
    text = f"name: x\npools: [{{name: a, gpu: h100-sxm, count: 1, site: s}}, {{name: a, count: 1, site: s, {difference}}}]\n"
    text = text.replace("site: s, gpu: h100-sxm, site: t", "gpu: h100-sxm, site: t")
    text += "sites: {s: {it_power_mw: 1}, t: {it_power_mw: 1}}\n"
    assert told(text) == ['pools.1: a second pool is named "a"; give it a name of its own']


def test_two_alike_pools_are_one_whatever_their_gpu_is_called():
    assert told("name: x\npools: [{gpu: h100-sxm, count: 1}, {gpu: H100, count: 2}]\n") == []


def test_a_pool_without_a_site_stands_on_the_only_one():
    text = "name: x\npools: [{gpu: h100-sxm, count: 1}, {gpu: h100-sxm, count: 2, site: s}]\n"
    assert told(text + "sites: {s: {it_power_mw: 1}}\n") == []


def test_a_fleet_with_one_gpu_is_a_fleet():
    assert told("name: x\npools: [{gpu: h100-sxm, count: 1}]\n") == []


@pytest.mark.parametrize("package", ["superchip", "rack"])
def test_a_package_is_counted_only_where_the_gpu_comes_in_one(package):
    gb200 = f"name: x\npools: [{{gpu: gb200-nvl72, count: 1, counted_as: {package}}}]\n"
    assert told(gb200) == []
    assert told(gb200.replace("gb200-nvl72", "a100-sxm-80gb")) == [
        f"pools.0.counted_as: a100-sxm-80gb does not come as a {package}"
    ]


# Layouts


@pytest.mark.parametrize(
    ("count", "counted_as", "fits"),
    [(127, "gpu", False), (128, "gpu", True), (63, "superchip", False), (64, "superchip", True), (1, "rack", False)],
)
def test_a_replica_is_held_against_gpus_whatever_is_counted(count, counted_as, fits):
    text = f"name: x\npools: [{{gpu: gb200-nvl72, count: {count}, counted_as: {counted_as}}}]\n"
    found = faults(text + "training: {layout: {tp: 8, pp: 16}}\n")
    assert [fault.path for fault in found] == ([] if fits else ["training.layout"])


def test_identical_pools_hold_a_replica_together():
    text = "name: x\npools: [{gpu: h100-sxm, count: 64}, {gpu: H100, count: 64}]\ntraining: {layout: {tp: 8, pp: 16}}\n"
    assert told(text) == []


def test_different_pools_hold_a_replica_together_only_by_stages():
    text = TWO % "h200-sxm" + "training: {layout: {tp: 8, pp: 16}, split: %s}\n"
    assert told(text % "stages") == []
    assert told(text % "equal") == ["training.layout: tp x pp x cp is 128 GPUs, more than any of its pools holds (64)"]


def test_context_parallelism_counts_and_expert_parallelism_does_not():
    assert told(TWO % "h200-sxm" + "training: {layout: {tp: 8, cp: 16}}\n") != []
    assert told(TWO % "h200-sxm" + "training: {layout: {tp: 8, ep: 16}}\n") == []


def test_embedding_and_head_count_as_layers():
    # Llama 3.1 405B as trained: 126 layers on 8 x 16 virtual stages.
    text = BASE + "training: {model: llama-3.1-405b, layout: {tp: 8, pp: 16, vpp: %d}}\n"
    assert told(text % 8) == []
    assert told(text % 9) == ["training.layout: pp x vpp is 144 stages, more than 126 layers, embedding and head"]


# Precision


@pytest.mark.parametrize(
    ("peak", "usable"),
    [
        ("bf16", {"bf16", "fp16", "fp8", "mxfp8", "nvfp4"}),
        ("fp16", {"bf16", "fp16", "fp8", "mxfp8", "nvfp4"}),
        ("fp8", {"fp8", "mxfp8", "nvfp4"}),
        ("fp4", {"nvfp4"}),
        ("tf32", set()),
    ],
)
@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp8", "mxfp8", "nvfp4"])
def test_a_gpu_works_at_the_jobs_precision_or_a_wider_one(peak, usable, precision):
    own = f"gpus: {{mine: {{title: Mine, peak_tflop_per_s: {{{peak}: 1}}}}}}\n"
    found = told(f"name: x\npools: [{{gpu: mine, count: 8}}]\n{own}training: {{precision: {precision}}}\n")
    message = f"training.precision: mine has no peak at {precision}, nor at a wider precision"
    assert found == ([] if precision in usable else [message])


# Network


@pytest.mark.parametrize("algorithm", ["auto", "ring", "tree", "hierarchical", "in-network", "torus", "pat"])
@pytest.mark.parametrize(
    ("gpu", "fabric", "has"),
    [
        ("h100-sxm", None, {"ring", "tree", "hierarchical", "pat"}),
        ("h100-sxm", "nccl-infiniband", {"ring", "tree", "hierarchical", "in-network", "pat"}),
        ("h100-sxm", "tpu-ici", {"ring"}),
        ("tpu-v5p", None, {"ring", "torus"}),
    ],
)
def test_an_algorithm_must_exist_on_the_network_in_use(algorithm, gpu, fabric, has):
    text = f"name: x\npools: [{{gpu: {gpu}, count: 8}}]\nnetwork: {{algorithm: {algorithm}"
    found = faults(text + (f", fabric: {fabric}}}\n" if fabric else "}\n"))
    assert [fault.path for fault in found] == ([] if algorithm in {"auto", *has} else ["network.algorithm"])


def test_gpus_of_one_job_that_are_not_all_on_a_torus_use_the_switched_network():
    assert told(TWO % "tpu-v5p" + "network: {algorithm: torus}\n") == [
        "network.algorithm: nccl-ethernet has no torus algorithm for these GPUs; it has ring, tree, hierarchical, pat"
    ]


def test_each_job_has_the_network_of_its_own_gpus():
    text = TWO % "tpu-v5p" + "jobs: [{name: j, pools: [b]}]\nnetwork: {algorithm: %s}\n"
    assert told(text % "torus") == []
    assert told(text % "hierarchical") == [
        "network.algorithm: tpu-ici has no hierarchical algorithm; it has torus, ring"
    ]


@pytest.mark.parametrize(
    ("layout", "allowed"),
    [
        ("zero_stage: 0", True),
        ("zero_stage: 1", False),
        ("zero_stage: 2", False),
        ("zero_stage: 3", False),
        ("tp: 8", False),
        ("zero_stage: 2, dp_shard_count: 8", True),
    ],
)
def test_a_tree_reduces_everything_or_shards_of_hsdp(layout, allowed):
    found = faults(BASE + f"training: {{layout: {{{layout}}}}}\nnetwork: {{algorithm: tree}}\n")
    assert [fault.path for fault in found] == ([] if allowed else ["network.algorithm"])


def test_a_flat_communicator_is_a_ring():
    text = BASE + "network: {flat: true, algorithm: %s}\n"
    assert told(text % "ring") == told(text % "auto") == []
    assert told(text % "pat") == ["network.flat: is a ring by definition; algorithm is pat"]


# Leases


def test_a_lease_without_a_price_is_held_against_the_default_card():
    text = "name: x\npools: [{name: a, gpu: mi300x, count: 8}]\nlease: {months: 5}\n"
    assert told(text) == ["pools.0.gpu: pool a: card story-2026-05 has no on-demand rate for mi300x"]


@pytest.mark.parametrize("price", ["rate_usd_per_gpu_h: 2", "fee_usd_per_month: 1e6"])
def test_a_price_of_its_own_needs_no_card(price):
    assert told(f"name: x\npools: [{{gpu: mi300x, count: 8}}]\nlease: {{{price}}}\n") == []


def test_a_contract_is_held_against_the_card_for_its_own_pools_only():
    text = TWO % "mi300x" + "contracts: [{name: c, pools: [%s], rate_card: story-2026-05}]\n"
    assert told(text % "a") == []
    assert told(text % "b") == ["pools.1.gpu: pool b: card story-2026-05 has no on-demand rate for mi300x"]


def test_a_region_is_one_of_the_cards():
    text = BASE + "lease: {rate_card: story-2026-05, region: %s}\n"
    assert told(text % "us") == []
    assert told(text % "eu") == ['lease.region: card story-2026-05 has no region "eu"']


def test_a_price_without_a_region_holds_in_every_region():
    card = "cards: {c: {as_of: 2026-05, currency: usd, rates: [{gpu: h100-sxm, term: spot, rate_usd_per_gpu_h: 1}]}}\n"
    assert told(BASE + card + "lease: {rate_card: c, region: mars}\n") == []


def test_a_pool_in_no_contract_and_in_no_job_is_fine():
    assert told(TWO % "h200-sxm" + "contracts: [{name: c, pools: [a]}]\njobs: [{name: j, pools: [b]}]\n") == []


# Claims and expectations


@pytest.mark.parametrize("metric", [*METRICS, "pools.a.fleet.gpu_count"])
def test_every_registered_metric_can_be_claimed_and_expected(metric):
    assert told(BASE + f"claims: [{{metric: {metric}, says: 1}}]\nexpect: [{metric} > 1]\n") == []


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_can_be_a_cause_and_be_measured(stage):
    claim = f"claims: [{{cause: {stage}, metric: mfu.step_share, reference: 0.4, says: 0.1}}]\n"
    assert told(BASE + claim + f"training: {{measured: {{{stage}_factor: 0.5}}}}\n") == []


def test_a_pools_metric_speaks_of_the_pool_by_its_gpus_id():
    assert told("name: x\npools: [{gpu: H100, count: 8}]\nexpect: [pools.h100-sxm.fleet.gpu_count > 1]\n") == []


@pytest.mark.parametrize(
    "key",
    [
        "pools.a.count",
        "pools.a.count.low",
        "sites.memphis.pue_factor",
        "training.layout.tp",
        "training.measured.bubble_factor",
        "costs.capital_usd_per_gpu.h100-sxm",
        "finance.reference.mfu_share",
        "cards.mine.rates",
    ],
)
def test_an_input_may_be_any_key_of_a_fleet_file(key):
    text = BASE + "sites: {memphis: {it_power_mw: 1}}\n"
    assert told(text + f"claims: [{{input: {key}, says: 1}}]\n") == []


@pytest.mark.parametrize(
    ("key", "part", "hint"),
    [
        ("pool.a.count", "pool", "did you mean pools?"),
        ("pools.b.count", "b", None),
        ("pools.a.cuont", "cuont", "did you mean count?"),
        ("pools.a.count.lo", "lo", "did you mean low?"),
        ("sites.memphis.pue", "memphis", None),
        ("training.layout.pipeline", "pipeline", None),
        ("jobs.j.modl", "modl", "did you mean model?"),
    ],
)
def test_an_input_that_is_no_key_is_told_with_its_first_wrong_part(key, part, hint):
    (fault,) = faults(BASE + f"claims: [{{input: {key}, says: 1}}]\n")
    assert fault.message == f'no key "{key}" in a fleet file: nothing is named "{part}"'
    assert fault.hint == hint


# Sources and numbers


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("site: {it_power_mw: {value: 1, source: zzz}}", "site.it_power_mw.source"),
        ("sites: {m: {pue_factor: {value: 1, source: zzz}}}", "sites.m.pue_factor.source"),
        ("claims: [{metric: mfu.fleet_share, says: 1, source: zzz}]", "claims.0.source"),
        ("costs: {capital_usd_per_gpu: {H100: {value: 1, source: zzz}}}", "costs.capital_usd_per_gpu.H100.source"),
        (
            CARD,
            "cards.c.rates.0.rate_usd_per_gpu_h.source",
        ),
        (
            "gpus: {g: {title: G, peak_tflop_per_s: {bf16: {value: 1, source: zzz}}}}",
            "gpus.g.peak_tflop_per_s.bf16.source",
        ),
    ],
)
def test_every_source_cited_must_exist(text, path):
    assert told(BASE + text + "\n") == [f'{path}: unknown source "zzz"']
    assert told(BASE + text + "\nsources: {zzz: {title: Z}}\n") == []


@pytest.mark.parametrize("number", ["1e18", "-1e18", "1e-18", "0", "-0.0"])
def test_numbers_of_a_usual_size_are_taken(number):
    assert told(BASE + f"finance: {{loss_usd: {number}}}\n") == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("finance: {loss_usd: -1.1e18}", "finance.loss_usd"),
        ("finance: {loss_usd: {value: 1, high: 1e19}}", "finance.loss_usd"),
        ("finance: {loss_usd: {value: 1, low: 1e-19}}", "finance.loss_usd"),
        ("training: {layout: {micro_batch: 1e19}}", "training.layout.micro_batch"),
        ("claims: [{metric: mfu.fleet_share, says: {at_most: 1e19}}]", "claims.0.says.at_most"),
    ],
)
def test_numbers_nothing_can_be_computed_from_are_refused(text, path):
    assert [fault.path for fault in faults(BASE + text + "\n")] == [path]


def test_all_faults_of_all_parts_come_at_once_and_in_order():
    text = "name: x\nexpect: [a > 1]\nlease: {rate_card: zzz}\npools: [{gpu: zzz, count: 8}]\ntraining: {model: zzz}\n"
    assert [fault.line for fault in faults(text)] == [2, 3, 4, 5]
