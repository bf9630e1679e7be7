"""Every metric of a fleet, why one has no value, and many scenarios at once."""

from dataclasses import replace

import numpy as np
import pytest

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.loading import load_fleet
from colocalc.metrics import H100E_BASES, IN_TABLES, METRICS, STAGES, is_metric
from colocalc.study.evaluate import NEEDS, evaluate, values

H100 = "pools: [{name: h, gpu: h100-sxm, count: 4_096}]"
TWO = "pools: [{name: h, gpu: h100-sxm, count: 4_096}, {name: g, gpu: h200-sxm, count: 2_048}]"
MODEL = "model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 33_554_432"
TRAINING = f"training: {{{MODEL}, layout: {{tp: 8}}}}"
SITE = "site: {facility_power_mw: 8}"
LEASE = "lease: {rate_usd_per_gpu_h: 2}"
FINANCE = "finance: {loss_usd: 1e8, total_h100e_count: 10_000}"
CHOICE = "finance: {reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2.65, mfu_share: 0.4}}"
NEED_POWER = "needs a site with facility_power_mw or it_power_mw"
NEED_TRAINING = "needs training (a model, a layout, or measured shares)"
NO_HOURS = "no GPU-hours are billed"


def case(*lines):
    text = "\n".join(("name: one", *lines))
    loaded = load_fleet("-", catalog=load_catalog(), stdin=text.encode())
    return lower(loaded.fleet, loaded.catalog)


def found(*lines):
    return evaluate(case(*lines))


# Which metrics there are


FLEETS = {
    "everything": (TWO, TRAINING, SITE, LEASE, FINANCE),
    "gpus": (H100,),
    "training": (TWO, TRAINING),
    "lease": (TWO, LEASE),
    "partitions": (TWO, TRAINING.replace("layout", "split: partitions, layout"), SITE, LEASE),
}


@pytest.mark.parametrize("lines", FLEETS.values(), ids=FLEETS)
def test_each_metric_has_a_value_or_a_reason_and_none_has_both(lines):
    result = found(*lines)
    own = {name for name in result.metrics if not name.startswith("pools.")}
    assert own | set(result.undefined) == set(METRICS)
    assert not own & set(result.undefined)
    assert all(result.undefined.values())


@pytest.mark.parametrize("lines", FLEETS.values(), ids=FLEETS)
def test_each_metric_is_registered_and_has_no_gap(lines):
    result = found(*lines)
    assert all(is_metric(name, ("h", "g")) for name in result.metrics)
    assert not any(np.isnan(value).any() for value in result.metrics.values())


def test_each_pool_has_each_metric_that_exists_per_pool():
    served = "inference: {model: llama-3.1-8b, replica_gpu_count: 8}"
    result = found(TWO, TRAINING, SITE, LEASE.replace("}", ", months: 12}"), served, CHOICE)
    per_pool = {name for name, metric in METRICS.items() if metric.per_pool}
    unmeasured = {  # on an H200
        f"h100e.mlperf_training_{name}_{unit}" for name in ("gpt3_v4_1", "bert_v2_1") for unit in ("count", "factor")
    }
    for pool, lacks in (("h", set()), ("g", unmeasured)):
        has = {name.split(".", 2)[2] for name in result.metrics if name.startswith(f"pools.{pool}.")}
        assert has == per_pool - lacks


def test_what_pools_have_adds_up_to_what_the_fleet_has():
    metrics = found(TWO, TRAINING, LEASE).metrics
    for name in ("fleet.gpu_count", "mfu.peak_pflop_per_s", "lease.run_rate_revenue_usd_per_yr", "h100e.tpp_count"):
        assert metrics[f"pools.h.{name}"] + metrics[f"pools.g.{name}"] == pytest.approx(float(metrics[name]), rel=1e-12)


def test_what_is_read_from_flows_needs_a_contract_that_ends():
    undefined = found(H100, LEASE).undefined
    of_contracts = [name for name in IN_TABLES if name.startswith("lease.")]
    assert {undefined[name] for name in of_contracts} == {"needs lease.months, or months of every contract"}


# What the metrics are


def test_delivered_compute_is_peak_times_fleet_mfu():
    metrics = found(H100, TRAINING).metrics
    assert metrics["mfu.peak_pflop_per_s"] == pytest.approx(4_096 * 0.9894, rel=1e-12)
    delivered = 4_096 * 0.9894 * float(metrics["mfu.fleet_share"])
    assert metrics["mfu.delivered_pflop_per_s"] == pytest.approx(delivered, rel=1e-12)


def test_the_step_tells_its_batch_its_time_and_its_tokens():
    metrics = found(H100, TRAINING).metrics
    assert metrics["mfu.replica_count"] == 512
    assert metrics["mfu.micro_batch_count"] == 8
    assert metrics["mfu.global_batch_tokens"] == 33_554_432
    tokens = 33_554_432 / float(metrics["mfu.step_time_s"])
    assert metrics["mfu.tokens_per_s"] == pytest.approx(tokens, rel=1e-12)
    assert metrics["mfu.job_mttf_s"] == pytest.approx(86_400_000 / (4_096 * 0.47), rel=1e-12)


def test_the_step_mfu_is_the_arithmetic_of_its_tokens_over_the_peak():
    metrics = found(H100, TRAINING).metrics
    matmul = 32 * (2 * 4_096 * 128 * 40 + 3 * 4_096 * 14_336) + 128_256 * 4_096
    flop = 6 * matmul + 6 * 32 * 4_096 * 8_192
    share = flop * float(metrics["mfu.tokens_per_s"]) / (4_096 * 989.4e12)
    assert metrics["mfu.step_share"] == pytest.approx(share, rel=1e-12)


# Why one has no value


@pytest.mark.parametrize(
    ("lines", "metric", "reason"),
    [
        ((H100,), "mfu.fleet_share", NEED_TRAINING),
        ((H100,), "mfu.stage.bubble_factor", NEED_TRAINING),
        ((H100,), "h100e.effective_count", NEED_TRAINING),
        ((H100,), "lease.run_rate_revenue_usd_per_yr", "needs lease or contracts"),
        ((H100,), "hedge.gross_share", "needs lease or contracts"),
        ((H100, LEASE), "hedge.gross_share", "needs finance.loss_usd"),
        ((H100, LEASE, "finance: {loss_usd: 0}"), "hedge.gross_share", "the stated loss is zero or less"),
        ((H100, LEASE, "finance: {loss_usd: -1}"), "hedge.gross_cover_rate_usd_per_gpu_h", NEEDS["no_loss"]),
        ((H100, LEASE, "finance: {loss_usd: 1}"), "hedge.contribution_share", NEED_POWER),
        ((H100, LEASE), "lease.power_cost_usd_per_yr", NEED_POWER),
        ((H100, LEASE), "lease.contribution_usd_per_yr", NEED_POWER),
        ((H100, LEASE), "lease.facility_power_mw", NEED_POWER),
        ((H100,), "h100e.raw_per_mw", NEED_POWER),
        ((H100,), "h100e.raw_total_share", "needs finance.total_h100e_count"),
        (("pools: [{gpu: tpu-v5p, count: 8}]",), "h100e.tpp_per_mw", NEED_POWER),
        (
            ("pools: [{gpu: a100-sxm-80gb, count: 8}]", FINANCE),
            "h100e.mlperf_training_405b_v5_1_total_share",
            "no mlperf_training_405b_v5_1 row for a100-sxm-80gb",
        ),
        (
            ("pools: [{gpu: a100-sxm-80gb, count: 8}]", SITE),
            "h100e.mlperf_training_405b_v5_1_per_mw",
            "no mlperf_training_405b_v5_1 row for a100-sxm-80gb",
        ),
        (
            ("gpus: {x1: {title: X, peak_tflop_per_s: {bf16: 1}}}", "pools: [{gpu: x1, count: 8}]"),
            "h100e.hbm_capacity_count",
            "a GPU of the fleet has no such figure",
        ),
        ((H100, "training: {}"), "mfu.step_time_s", NEEDS["batch"]),
        ((H100, "training: {}"), "mfu.stage.data_parallel_factor", NEEDS["stage"]),
        ((H100, "training: {split: partitions}"), "mfu.step_time_s", NEEDS["batch"]),
        ((TWO, TRAINING.replace("layout", "split: partitions, layout")), "mfu.step_time_s", NEEDS["jobs"]),
        (
            (TWO, f"jobs: [{{name: a, pools: [h], {MODEL}}}, {{name: b, pools: [g], {MODEL}}}]"),
            "mfu.replica_count",
            NEEDS["jobs"],
        ),
    ],
)
def test_a_metric_without_a_value_says_what_it_needs(lines, metric, reason):
    result = found(*lines)
    assert metric not in result.metrics
    assert result.undefined[metric] == reason


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("lease.mean_rate_usd_per_gpu_h", NO_HOURS),
        ("hedge.gross_cover_rate_usd_per_gpu_h", NO_HOURS),
        ("hedge.contribution_cover_rate_usd_per_gpu_h", NO_HOURS),
        ("hedge.contribution_share", NEED_POWER),
    ],
)
def test_a_lease_of_no_hours_says_so(metric, reason):
    result = found(H100, "lease: {rate_usd_per_gpu_h: 2, billed_share: 0}", FINANCE)
    assert result.undefined[metric] == reason
    assert result.metrics["lease.run_rate_revenue_usd_per_yr"] == 0
    assert result.metrics["hedge.gross_share"] == 0


def test_gpus_without_links_have_a_step_and_no_exchange():
    links = "domain_gpu_count: 8, node_gpu_count: 8, scale_up_gbyte_per_s: 400, hbm_gbyte: 80"
    own = f"gpus: {{x1: {{title: X, peak_tflop_per_s: {{bf16: 100}}, {links}}}}}"
    result = found(own, "pools: [{gpu: x1, count: 64}]", TRAINING)
    assert result.metrics["mfu.step_time_s"] > 0
    assert result.undefined["mfu.data_parallel_s"] == "needs the scale-up and NIC rates of every GPU of the job"
    assert result.undefined["mfu.stage.data_parallel_factor"] == NEEDS["stage"]


def test_a_site_without_power_for_its_gpus_delivers_nothing_and_says_where():
    result = found(H100, TRAINING, "site: {it_power_mw: 0.1}")
    assert result.metrics["mfu.fleet_share"] == result.metrics["mfu.delivered_pflop_per_s"] == 0
    assert result.metrics["mfu.stage.power_factor"] == 0
    assert result.metrics["mfu.tokens_per_s"] == 0
    assert np.isinf(result.metrics["mfu.step_time_s"])
    assert result.undefined["mfu.stage.goodput_factor"] == "a stage before it leaves nothing"


def test_every_stage_of_a_full_job_has_its_factor():
    metrics = found(H100, TRAINING).metrics
    product = np.prod([metrics[f"mfu.stage.{stage}_factor"] for stage in STAGES])
    assert metrics["mfu.fleet_share"] == pytest.approx(float(product), rel=1e-12)


# Many scenarios: the same arrays with leading axes give the same metrics, stacked


def same_as_stacked(many, ones):
    stacked, each = evaluate(many), [evaluate(one) for one in ones]
    assert set(stacked.metrics) == set().union(*(one.metrics for one in each))
    for name, value in stacked.metrics.items():
        # What one scenario has no figure for is NaN among the others.
        wanted = np.stack([np.asarray(one.metrics.get(name, np.nan)) for one in each])
        np.testing.assert_allclose(np.broadcast_to(value, wanted.shape), wanted, rtol=1e-12, err_msg=name)


def with_job(one, **changes):
    return replace(one, jobs=tuple(replace(job, arrays=replace(job.arrays, **changes)) for job in one.jobs))


JOB_SCENARIOS = {
    "global_batch_tokens": (33_554_432.0, 16_777_216.0, 1e8),
    "model_error_factor": (1.0, 0.9, 1.3),
    "ep_count": (1.0, 2.0, 4.0),
    "pp_count": (1.0, 2.0, 4.0),
    "restart_s": (600.0, 60.0, 3_600.0),
    "software_factor": (1.0, 0.63, 0.9),
    "allocation_share": (1.0, 0.5, 0.0),
    "oversubscription_factor": (1.0, 7.0, 64.0),
    "checkpoint_interval_s": (np.nan, 900.0, 60.0),
}


@pytest.mark.parametrize("split", ["equal", "proportional", "memory", "partitions", "drop-slow"])
@pytest.mark.parametrize("name", JOB_SCENARIOS)
def test_scenarios_of_a_job_give_the_metrics_of_each(name, split):
    base = case(TWO, TRAINING.replace("layout", f"split: {split}, layout"), SITE, LEASE, FINANCE)
    ones = [with_job(base, **{name: np.asarray(value)}) for value in JOB_SCENARIOS[name]]
    same_as_stacked(with_job(base, **{name: np.asarray(JOB_SCENARIOS[name])}), ones)


def test_scenarios_of_pool_sizes_give_the_metrics_of_each():
    base = case(TWO, TRAINING, SITE, LEASE, FINANCE)
    counts = np.asarray([[4_096.0, 2_048.0], [8_192.0, 100.0], [2_048.0, 0.0]])

    def sized(count):
        return with_job(replace(base, pools=replace(base.pools, gpu_count=count)), gpu_count=count)

    same_as_stacked(sized(counts), [sized(count) for count in counts])


def test_scenarios_of_lease_site_and_loss_on_axes_of_their_own_give_the_grid():
    base = case(TWO, TRAINING, SITE, LEASE, FINANCE)
    rates, prices, losses = (2.0, 3.0), (50.0, 80.0, 120.0), (1e8, 1e9)

    def priced(rate, price, loss):
        return replace(
            base,
            lease=replace(base.lease, rate_usd_per_gpu_h=rate),
            sites=replace(base.sites, energy_price_usd_per_mwh=price),
            loss=replace(base.loss, loss_usd=loss),
        )

    rate = np.repeat(np.asarray(rates)[:, None, None, None], 2, axis=-1)
    price = np.asarray(prices)[None, :, None, None]
    grid = evaluate(priced(rate, price, np.asarray(losses)[None, None, :]))
    for place in np.ndindex(2, 3, 2):
        one = evaluate(
            priced(np.repeat(rates[place[0]], 2), np.asarray([prices[place[1]]]), np.asarray(losses[place[2]]))
        )
        for name, value in one.metrics.items():
            found_there = np.broadcast_to(grid.metrics[name], (2, 3, 2))[place]
            np.testing.assert_allclose(found_there, value, rtol=1e-12, err_msg=name)


def test_several_jobs_have_scenarios_too():
    base = case(
        TWO,
        f"jobs: [{{name: a, pools: [h], {MODEL}, layout: {{tp: 8}}}}, {{name: b, pools: [g], {MODEL}}}]",
        SITE,
    )
    errors = (0.9, 1.0, 1.1)
    ones = [with_job(base, model_error_factor=np.asarray(error)) for error in errors]
    same_as_stacked(with_job(base, model_error_factor=np.asarray(errors)), ones)


def test_every_basis_of_equivalents_is_a_metric():
    metrics = found(H100, SITE, FINANCE).metrics
    for basis in H100E_BASES:
        assert metrics[f"h100e.{basis}_count"] == pytest.approx(4_096, rel=1e-12)
        assert metrics[f"h100e.{basis}_total_share"] == pytest.approx(0.4096, rel=1e-12)
        assert metrics[f"h100e.{basis}_per_mw"] == pytest.approx(512, rel=1e-12)


@pytest.mark.parametrize(
    "name",
    ["lease.project_irr_share", "lease.equity_npv_usd", "lease.llcr_factor", "lease.break_even_rate_usd_per_gpu_h"],
)
def test_a_metric_asked_for_alone_has_the_bits_it_has_among_all(name):
    loaded = load_fleet("neocloud-1k-h100", catalog=load_catalog())
    one = lower(loaded.fleet, loaded.catalog)
    assert values(one, [name])[name].tobytes() == evaluate(one).metrics[name].tobytes()
