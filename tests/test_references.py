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


# Terms of contracts, and debt

RATE = "rate_usd_per_gpu_h: 2"
DEBT = "debt: {interest_share: 0.09, tenor_months: %d, target_dscr_factor: 1.3}\n"


def of_lease(terms, *blocks):
    return told(BASE + f"lease: {{{RATE}, {terms}}}\n" + "\n".join(blocks))


def test_the_markets_card_must_exist():
    assert of_lease("market: {rate_card: zzz}") == ['lease.market.rate_card: unknown rate card "zzz"']


@pytest.mark.parametrize(("pool", "priced"), [("a", True), ("b", False)])
def test_the_markets_card_prices_the_gpus_under_the_contract(pool, priced):
    text = TWO % "mi300x" + f"contracts: [{{name: c, pools: [{pool}], {RATE}, market: {{rate_card: story-2026-05}}}}]\n"
    message = "contracts.0.market.rate_card: card story-2026-05 has no on-demand rate for mi300x"
    assert told(text) == ([] if priced else [message])


def test_the_markets_card_prices_at_the_markets_term():
    rates = "rates: [{gpu: H100, term: spot, rate_usd_per_gpu_h: 1}, {gpu: H100, term: 1-year, rate_usd_per_gpu_h: 1}]"
    card = f"cards: {{c: {{as_of: 2026-05, currency: usd, {rates}}}}}\n"
    assert of_lease("term: 1-year, market: {rate_card: c, term: spot}", card) == []
    assert of_lease("term: spot, market: {rate_card: c}", card) == ["lease.market.term: card c has no on-demand rates"]


def test_a_market_with_a_rate_of_its_own_needs_no_card():
    assert of_lease(f"months: 12, market: {{{RATE}, months: 6}}") == []


def test_a_market_that_pays_after_the_term_has_a_price():
    assert of_lease("months: 12, market: {months: 0}") == of_lease("months: 12, market: {sold_share: 0.5}") == []
    assert of_lease("months: 12, market: {months: 6}") == [
        "lease.market.months: missing: what the market pays meanwhile"
    ]


def test_debt_needs_the_months_of_every_contract():
    two = (
        TWO % "h200-sxm"
        + f"contracts: [{{name: c, pools: [a], {RATE}, months: 36}}, {{name: d, pools: [b], {RATE}}}]\n"
    )
    assert told(two) == []
    assert told(two + DEBT % 36) == ["contracts.1: missing: months, which debt needs"]
    assert of_lease("term: spot", DEBT % 36) == ["lease: missing: months, which debt needs"]


@pytest.mark.parametrize(
    ("terms", "months"),
    [
        ("months: 36", 36),
        (f"months: 36, market: {{{RATE}, months: 12}}", 48),
        (f"months: 36, market: {{{RATE}, months: 12, gap_months: 3}}", 51),
        (f"months: 36, market: {{{RATE}, gap_months: 3}}", 36),
        (f"months: 36, start: 2026-06, market: {{{RATE}, months: 12}}", 48),
        (f"months: {{value: 36, high: 48}}, market: {{{RATE}, months: {{value: 6, high: 12}}}}", 60),
    ],
)
def test_debt_is_due_before_contracts_and_market_end(terms, months):
    message = f"debt.tenor_months: is longer than contracts and market, which end after {months} months"
    assert of_lease(terms, DEBT % months) == []
    assert of_lease(terms, DEBT % (months + 1)) == [message]


def test_debt_may_run_from_the_first_start_to_the_last_end():
    contracts = (
        f"contracts: [{{name: c, pools: [a], {RATE}, start: 2026-01, months: 12}}, "
        f"{{name: d, pools: [b], {RATE}, start: 2027-07-01, months: 12}}]\n"
    )
    assert told(TWO % "h200-sxm" + contracts + DEBT % 30) == []
    assert [line.split(":")[0] for line in told(TWO % "h200-sxm" + contracts + DEBT % 31)] == ["debt.tenor_months"]


def test_all_contracts_have_a_start_or_none():
    contracts = (
        f"contracts: [{{name: c, pools: [a], {RATE}, months: 12%s}}, {{name: d, pools: [b], {RATE}, months: 12%s}}]\n"
    )
    start = ", start: 2026-06"
    assert told(TWO % "h200-sxm" + contracts % ("", "")) == told(TWO % "h200-sxm" + contracts % (start, start)) == []
    assert told(TWO % "h200-sxm" + contracts % ("", start) + DEBT % 99) == [
        "contracts.0: missing: start, which contracts.1 has"
    ]


@pytest.mark.parametrize("life", ["3", "5", "7", "10", "15", "20", "{value: 5, low: 3, high: 7}"])
def test_the_tax_code_has_a_table_for_a_class(life):
    assert told(BASE + f"depreciation: {{tax_life_yr: {life}}}\n") == []


@pytest.mark.parametrize("life", ["4", "5.5", "39", "{value: 5, low: 4}", "{value: 5, high: 6}"])
def test_the_tax_code_has_no_table_for_another_life(life):
    message = "depreciation.tax_life_yr: should be one of 3, 5, 7, 10, 15, 20 with tax_method macrs"
    text = BASE + f"depreciation: {{tax_life_yr: {life}%s}}\n"
    assert told(text % "") == told(text % ", tax_method: macrs") == [message]
    assert told(text % ", tax_method: straight-line") == []


@pytest.mark.parametrize(
    ("size", "lacks"),
    [
        ("target_dscr_factor: 1.3", None),
        ("sizing: dscr, target_dscr_factor: 1.3", None),
        ("advance_rate_share: 0.7", None),
        ("sizing: amount, amount_usd: 1e6", None),
        ("sizing: dscr", "debt.sizing: needs debt.target_dscr_factor"),
        ("sizing: dscr, advance_rate_share: 0.7", "debt.sizing: needs debt.target_dscr_factor"),
        ("reserve_months: 6", "debt: missing: how much is borrowed"),
    ],
)
def test_debt_says_how_much_is_borrowed(size, lacks):
    debt = f"debt: {{interest_share: 0.09, tenor_months: 36, {size}}}\n"
    assert of_lease("months: 36", debt) == ([lacks] if lacks else [])


@pytest.mark.parametrize(
    ("terms", "path"),
    [
        ("ramp_months: %d", "ramp_months"),
        ("notice: {months: 6, after_months: %d}", "notice.after_months"),
    ],
)
def test_what_begins_within_a_contract_is_not_longer_than_it(terms, path):
    assert of_lease(f"months: 24, {terms % 24}") == of_lease(terms % 25) == []
    assert of_lease(f"months: 24, {terms % 25}") == [f"lease.{path}: is longer than the contract"]


@pytest.mark.parametrize(("months", "last"), [(12, 1), (24, 2), (25, 3)])
def test_a_prepayment_is_credited_within_the_contract(months, last):
    terms = f"months: {months}, prepayment: {{amount_usd: 1e6, credited_from_yr: %d}}"
    assert of_lease(terms % last) == []
    assert of_lease(terms % (last + 1)) == [
        f"lease.prepayment.credited_from_yr: is after the contract's last year, year {last}"
    ]


def test_a_ramp_has_no_more_months_than_its_contract():
    assert of_lease("months: 3, ramp_share: [0.1, 0.5, 1]") == []
    assert of_lease("months: 2, ramp_share: [0.1, 0.5, 1]") == [
        "lease.ramp_share: has 3 months, more than the contract"
    ]


@pytest.mark.parametrize("months", ["", "months: 36, "])
def test_a_ramp_of_very_many_entries_is_refused(months):
    ramp = ", ".join(["1"] * 100_000)
    assert of_lease(f"{months}ramp_share: [{ramp}]") == ["lease.ramp_share: has 100,000 months, more than 1,200"]


@pytest.mark.parametrize(
    ("terms", "path"),
    [
        ("months: %d", "months"),
        ("months: {value: 12, high: %d}", "months"),
        (f"months: 12, market: {{{RATE}, months: %d}}", "market.months"),
        (f"months: 12, market: {{{RATE}, months: 1, gap_months: %d}}", "market.months"),
    ],
)
def test_a_calendar_is_at_most_a_century(terms, path):
    assert of_lease(terms % 1_100) == []
    (fault,) = of_lease(terms % 500_000_000)
    assert fault.startswith(f"lease.{path}: ends 500,000,0")
    assert of_lease("months: 1_200") == []
    assert of_lease("months: 1_201") == ["lease.months: ends 1,201 months after the first start, more than 1,200"]


def test_contracts_lie_within_a_century():
    contracts = (
        f"contracts: [{{name: c, pools: [a], {RATE}, start: 2026-01, months: 12}}, "
        f"{{name: d, pools: [b], {RATE}, start: %d-01, months: 12}}]\n"
    )
    assert told(TWO % "h200-sxm" + contracts % 2125) == []
    assert told(TWO % "h200-sxm" + contracts % 2126) == [
        "contracts.1.start: ends 1,212 months after the first start, more than 1,200"
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"lease: {{{RATE}, market: {{rate_card: story-2026}}}}", "did you mean story-2026-05?"),
        (f"lease: {{{RATE}, months: 5e8}}", "a contract of 5 years has 60 months"),
        (f"lease: {{{RATE}, months: 12, ramp_months: 13}}", "lease.months is 12"),
        ("depreciation: {tax_life_yr: 6}", "computers are of 5 years; or tax_method: straight-line"),
        (
            "debt: {interest_share: 0.1, tenor_months: 12}",
            "give target_dscr_factor, advance_rate_share, or sizing: amount with amount_usd",
        ),
    ],
)
def test_a_fault_of_money_says_what_to_do(text, hint):
    assert [fault.hint for fault in faults(BASE + text + "\n")] == [hint]


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
