"""Cases stacked to one: nothing that is computed may tell them from cases computed alone."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from colocalc.case import lower, numbers
from colocalc.case.stack import StructureError, below_each_other, stacked, straight
from colocalc.catalog import fleet_names, load_catalog
from colocalc.study.evaluate import evaluate, values
from colocalc.variants import Variants

CATALOG = load_catalog()
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 512}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 2, sold_share: 0.5, take_or_pay_share: 0.7}
finance: {loss_usd: 20e6, loss_months: 12, total_h100e_count: 4_000}
"""
# One number of each kind that a fleet may have, by how its path begins and ends.
KINDS = (
    ("pools.", "count"),
    ("", "failures_per_1000_gpu_day"),
    ("sites.", "power_mw"),
    ("sites.", "energy_price_usd_per_mwh"),
    ("", "rate_usd_per_gpu_h"),
    ("", "billed_share"),
    ("", "global_batch_tokens"),
    ("", ".layout.tp"),
    ("", ".layout.micro_batch"),
    ("gpus.", "gpu_power_w"),
    ("gpus.", "tflop_per_s"),
    ("networks.", "inter_hop_s"),
    ("network.", "oversubscription_factor"),
    ("calibration.", "scale_loss_share"),
    ("software.", "factor"),
    ("reliability.", "restart_s"),
    ("finance.", "loss_usd"),
)


def small(*sets):
    return Variants("-", CATALOG, stdin=SMALL, sets=sets)


def of_each_kind(case):
    paths = list(numbers(case))
    for start, end in KINDS:
        yield from [path for path in paths if path.startswith(start) and path.endswith(end)][:1]


def another(row):
    """A value that the number may have and has not."""
    if row.unit == "share":
        return 0.8 * row.value + 0.05
    if row.unit in {"count", "tokens", "months"} or ".layout." in row.path:
        return 2.0 * row.value or 8.0
    return 1.25 * row.value


def cases_of(fleet):
    rows = numbers(fleet.case)
    return [fleet.case, *(fleet.at(path, another(rows[path])) for path in of_each_kind(fleet.case))]


def assert_evaluated_as_alone(cases):
    together = evaluate(stacked(cases)).metrics
    for place, case in enumerate(cases):
        alone = evaluate(case).metrics
        for name, value in together.items():
            expected = float(alone[name]) if name in alone else float("nan")
            found = float(np.broadcast_to(value, (len(cases),))[place])
            assert found == pytest.approx(expected, rel=1e-12, abs=0.0, nan_ok=True), name
        assert set(alone) <= set(together)


def arrays(part, path=""):
    if isinstance(part, np.ndarray):
        yield path, part
    elif is_dataclass(part):
        for field in fields(part):
            yield from arrays(getattr(part, field.name), f"{path}.{field.name}")
    elif isinstance(part, Mapping):
        for name, inner in part.items():
            yield from arrays(inner, f"{path}.{name}")
    elif isinstance(part, tuple):
        for place, inner in enumerate(part):
            yield from arrays(inner, f"{path}.{place}")


@pytest.mark.parametrize("name", fleet_names())
def test_every_kind_of_number_is_stacked_as_it_is_alone(name):
    cases = cases_of(Variants(name, CATALOG))

    assert len(cases) > 5
    assert_evaluated_as_alone(cases)


@pytest.mark.parametrize(
    "sets",
    [
        ("training.split=proportional",),
        ("training.split=partitions", "reliability.isolation=replica"),
        ("training.split=stages", "training.layout.pp=4", "reliability.isolation=hot-spare"),
        ("training.split=memory",),
        ("training.split=drop-slow",),
        ("network.algorithm=ring", "network.flat=true", "training.measured.bubble_factor=0.9"),
    ],
    ids=" ".join,
)
def test_whatever_the_split_and_the_recovery(sets):
    assert_evaluated_as_alone(cases_of(small(*sets)))


def test_several_jobs_are_stacked_though_a_number_may_move_only_one():
    jobs = b"""
name: two
pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 512}]
jobs:
  - {name: x, pools: [a], model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2}}
  - {name: y, pools: [b], model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2}}
"""
    fleet = Variants("-", CATALOG, stdin=jobs)

    assert_evaluated_as_alone(cases_of(fleet))
    assert_evaluated_as_alone([fleet.case, fleet.at("jobs.y.global_batch_tokens", 33_554_432.0)])


def test_a_number_of_the_catalog_that_every_pool_shares_can_be_stacked():
    fleet = small()
    peak = "gpus.h100-sxm.peak_fp8_tflop_per_s"

    assert_evaluated_as_alone([fleet.case, fleet.at(peak, 1_000.0), fleet.at(peak, 3_000.0)])


def test_a_case_where_a_metric_has_no_value_takes_none_from_the_others():
    fleet = small()
    lossless = small("finance.loss_usd=-1").case

    found = values(stacked([fleet.case, lossless]), ["hedge.gross_share"])["hedge.gross_share"]

    assert found[0] > 0.0
    assert np.isnan(found[1])


def test_what_is_the_same_in_all_cases_gets_no_axis():
    fleet = small()
    both = stacked([fleet.at("lease.take_or_pay_share", share) for share in (0.6, 0.9)])

    varies = [path for path, array in arrays(both) if array.shape != dict(arrays(fleet.case))[path].shape]
    assert varies == [".lease.billed_share"]
    assert both.lease.billed_share.tolist() == [[0.6, 0.6], [0.9, 0.9]]


def test_one_case_and_equal_cases_stay_as_they_are():
    case = small().case

    assert stacked([case]) is case
    for path, array in arrays(stacked([case, small().case])):
        np.testing.assert_array_equal(array, dict(arrays(case))[path], err_msg=path)


def test_the_order_of_the_cases_is_kept():
    fleet = small()
    rates = [3.0, 1.0, 2.0]

    found = values(
        stacked([fleet.at("lease.rate_usd_per_gpu_h", rate) for rate in rates]), ["lease.mean_rate_usd_per_gpu_h"]
    )

    np.testing.assert_allclose(found["lease.mean_rate_usd_per_gpu_h"], rates, rtol=1e-15)


def test_another_model_is_another_number_and_no_other_structure():
    assert_evaluated_as_alone([small().case, small("training.model=llama-3.1-70b", "training.layout.tp=8").case])


@pytest.mark.parametrize(
    "sets",
    [
        ("training.split=partitions",),
        ("reliability.isolation=replica",),
        ("network.algorithm=ring",),
        ("training.layout.zero_stage=3",),
        ("pools.b.name=c",),
        ("pools.b.name=a", "pools.1.gpu=h100-sxm"),  # identical pools are one
        ("sites.other.facility_power_mw=1", "site=null", "pools.a.site=other", "pools.b.site=other"),
        ("training.measured.bubble_factor=0.9",),
        ("finance=null",),
        ("lease=null",),
        ("finance.loss_contains=[power]",),
    ],
    ids=" ".join,
)
def test_what_differs_in_structure_is_refused(sets):
    case, other = small().case, small(*sets).case

    for cases in ([case, other], [other, case], [case, case, other]):
        with pytest.raises(StructureError):
            stacked(cases)


def test_blocks_below_each_other_keep_their_rows():
    fleet = small()
    rates = stacked([fleet.at("lease.rate_usd_per_gpu_h", rate) for rate in (1.0, 3.0)])
    counts = stacked([fleet.at("pools.a.count", count) for count in (512.0, 2_000.0, 4_096.0)])

    long = below_each_other(fleet.case, [(rates, 2), (fleet.case, 1), (counts, 3)])
    found = evaluate(long).metrics

    alone = [
        *(fleet.at("lease.rate_usd_per_gpu_h", rate) for rate in (1.0, 3.0)),
        fleet.case,
        *(fleet.at("pools.a.count", count) for count in (512.0, 2_000.0, 4_096.0)),
    ]
    for name in ("lease.run_rate_revenue_usd_per_yr", "mfu.job_share", "h100e.eight_bit_dense_count"):
        expected = [float(evaluate(case).metrics[name]) for case in alone]
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)


def test_blocks_of_another_structure_are_refused():
    with pytest.raises(StructureError):
        below_each_other(small().case, [(small("reliability.isolation=replica").case, 1)])


# Straight lines

PLACES = np.asarray([0.0, 0.1, 0.37, 0.5, 0.93, 1.0])


def line(fleet, key, low, high):
    probes = low + np.asarray([0.0, 0.37, 1.0]) * (high - low)
    return straight([fleet.at(key, float(probe)) for probe in probes], probes)


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("pools.a.count", 4_000.0, 40_000.0),
        ("pools.b.count", 0.0, 100.0),
        ("sites.site.facility_power_mw", 0.1, 100.0),
        ("sites.site.pue_factor", 1.0, 3.0),
        ("lease.rate_usd_per_gpu_h", 1e-3, 1e4),
        ("lease.sold_share", 0.7, 1.0),
        ("finance.loss_usd", -1e9, 1e9),
        ("training.global_batch_tokens", 8_192.0, 1e12),
        ("training.sequence_tokens", 1_024.0, 65_536.0),
        ("networks.nccl-ethernet.ring_inter_hop_s", 0.0, 1.0),
        ("gpus.h100-sxm.server_power_w", 1.0, 1e5),
        ("gpus.h100-sxm.best_matmul_bf16_tflop_per_s", 1.0, 989.0),
        ("reliability.restart_s", 0.0, 1e6),
        ("calibration.scale_loss_share", 0.0, 1.0),
        ("claims.tolerance_share", 0.0, 1.0),
    ],
)
def test_a_number_that_goes_in_as_it_is_needs_no_lowering_between_probes(key, low, high):
    fleet = small()
    at = line(fleet, key, low, high)
    places = low + PLACES * (high - low)

    assert at is not None
    block = dict(arrays(at(places)))
    for row, place in enumerate(places):
        for path, expected in arrays(fleet.at(key, float(place))):
            found = block[path][row] if block[path].ndim > expected.ndim else block[path]
            np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=path)


@pytest.mark.parametrize(
    ("key", "low", "high", "why"),
    [
        ("pools.a.count", 1_000.0, 4_000.0, "the failure rate assumed changes at 2,048 GPUs"),
        ("lease.sold_share", 0.0, 1.0, "what is paid for whether sold or not sets a floor"),
        ("lease.take_or_pay_share", 0.0, 1.0, "what is sold sets a floor"),
        ("gpus.h100-sxm.peak_bf16_tflop_per_s", 900.0, 2_000.0, "the ceiling is measured over peak"),
    ],
)
def test_where_an_array_turns_there_is_no_line(key, low, high, why):
    assert line(small(), key, low, high) is None, why


def test_a_structure_that_changes_has_no_line():
    fleet = small()
    cases = [fleet.case, fleet.at("lease.rate_usd_per_gpu_h", 3.0), small("reliability.isolation=replica").case]

    assert straight(cases, np.asarray([2.0, 3.0, 4.0])) is None


def test_an_array_that_is_only_known_at_some_probes_has_no_line():
    fleet = small()
    unknown = lower(small("site=null").fleet, CATALOG)
    known = fleet.case

    assert straight([known, unknown, known], np.asarray([1.0, 2.0, 3.0])) is None


def test_what_is_unknown_or_without_limit_everywhere_stays_so():
    fleet = small()
    block = line(fleet, "lease.rate_usd_per_gpu_h", 1.0, 3.0)(np.asarray([1.5, 2.5]))

    assert np.isnan(block.sites.it_power_mw).all()
    assert np.isinf(block.jobs[0].arrays.gpu_power_share).all()
