"""Scenarios on a plane: what is computed on it is what every scenario gives alone."""

import numpy as np
import pytest

from colocalc.case import numbers
from colocalc.case.plane import Span, bent, plane
from colocalc.case.stack import arrays_of, is_alike, with_arrays
from colocalc.catalog import fleet_names, load_catalog
from colocalc.study.evaluate import values
from colocalc.variants import Variants

CATALOG = load_catalog()
METRICS = ("mfu.fleet_share", "lease.contribution_usd_per_yr", "lease.project_npv_usd", "hedge.gross_share")
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 512}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2}}
lease: {rate_usd_per_gpu_h: 2, billed_share: 0.7, months: 36}
costs: {capital_usd_per_gpu: {h100-sxm: 30_000, h200-sxm: 36_000}, spares_share: 0.05, insurance_share_per_yr: 0.01}
finance: {loss_usd: 20e6, loss_months: 12, discount_rate_share: 0.1}
"""


def small(*sets):
    return Variants("-", CATALOG, stdin=SMALL, sets=sets)


def span(fleet, key, low, high):
    return Span(key, float(numbers(fleet.case)[key].value), low, high)


def ranged_spans(fleet):
    rows = [row for row in numbers(fleet.case).values() if row.low is not None or row.high is not None]
    ends = [(row.value if row.low is None else row.low, row.value if row.high is None else row.high) for row in rows]
    return [Span(row.path, row.value, low, high) for row, (low, high) in zip(rows, ends, strict=True) if low < high]


def drawn(spans, count, seed=1):
    generator = np.random.default_rng(seed)
    return np.stack([generator.uniform(one.low, one.high, count) for one in spans], axis=-1)


@pytest.mark.parametrize("name", fleet_names())
def test_every_range_of_a_sample_lies_on_its_plane(name):
    fleet = Variants(name, CATALOG)
    spans = ranged_spans(fleet)
    assert spans
    assert bent(fleet.at_once, spans) == frozenset()
    found = plane(fleet.at_once, spans)
    assert found is not None
    rows = drawn(spans, 3)
    many = values(found.at(rows), METRICS)
    for place, row in enumerate(rows):
        alone = values(fleet.at_once({one.key: float(value) for one, value in zip(spans, row, strict=True)}), METRICS)
        for metric in METRICS:
            mine = np.broadcast_to(many[metric], rows.shape[:1])[place]
            np.testing.assert_allclose(mine, alone[metric], rtol=1e-9, equal_nan=True)


def test_a_fleet_file_says_what_its_plane_says():
    fleet = small()
    spans = [span(fleet, "lease.rate_usd_per_gpu_h", 1.0, 3.0), span(fleet, "pools.a.count", 512.0, 1408.0)]
    found = plane(fleet.at_once, spans)
    rate, count = 2.75, 1344.0
    by_file = small(f"lease.rate_usd_per_gpu_h={rate}", f"pools.a.count={count:.0f}")
    many = values(found.at(np.asarray([[rate, count]])), METRICS)
    for metric in METRICS:
        np.testing.assert_allclose(np.squeeze(many[metric]), values(by_file.case, METRICS)[metric], rtol=1e-12)


def test_two_numbers_that_multiply_each_other_are_taken_together():
    fleet = small()
    spans = [
        span(fleet, "costs.capital_usd_per_gpu.h100-sxm", 20_000.0, 60_000.0),
        span(fleet, "costs.spares_share", 0.0, 0.5),
    ]
    found = plane(fleet.at_once, spans)
    pairs = [numbers for changes in found.changes.values() for numbers, _ in changes if len(numbers) == 2]
    assert pairs
    capital = found.at(np.asarray([[40_000.0, 0.25]])).project.capital_usd_per_gpu
    np.testing.assert_allclose(np.broadcast_to(capital, (1, 2))[0, 0], 40_000.0 * 1.25, rtol=1e-12)


def test_scenarios_at_the_numbers_as_they_are_are_the_fleet_itself():
    fleet = small()
    keys = ("lease.rate_usd_per_gpu_h", "costs.spares_share")
    spans = [span(fleet, key, 0.5 * numbers(fleet.case)[key].value, 3.0) for key in keys]
    found = plane(fleet.at_once, spans).at(np.asarray([[one.now for one in spans]] * 2))
    for mine, own in zip(arrays_of(found), arrays_of(fleet.case), strict=True):
        np.testing.assert_array_equal(mine, np.broadcast_to(own, mine.shape))


def test_a_number_with_a_jump_is_bent():
    # From 2,048 GPUs on another failure rate is assumed.
    fleet = small()
    assert bent(fleet.at_once, [span(fleet, "pools.a.count", 512.0, 4096.0)]) == {"pools.a.count"}


def test_a_number_that_turns_between_its_ends_is_bent():
    fleet = small()

    def at(instead):
        rate = instead.get("lease.rate_usd_per_gpu_h", 2.0)
        return fleet.at_once({"lease.rate_usd_per_gpu_h": max(rate, 1.5)})

    assert bent(at, [span(fleet, "lease.rate_usd_per_gpu_h", 1.0, 3.0)])
    assert not bent(at, [span(fleet, "lease.rate_usd_per_gpu_h", 1.6, 3.0)])


def test_three_numbers_multiplied_lie_on_no_plane():
    fleet = small()
    keys = ("lease.rate_usd_per_gpu_h", "pools.a.count", "pools.b.count")

    def at(instead):
        product = np.prod([instead.get(key, now) for key, now in zip(keys, (2.0, 1024.0, 512.0), strict=True)])
        return fleet.at_once({"lease.rate_usd_per_gpu_h": float(product) / 1e6})

    spans = [span(fleet, keys[0], 1.0, 3.0), span(fleet, keys[1], 10.0, 4e3), span(fleet, keys[2], 10.0, 4e3)]
    assert not bent(at, spans)
    assert plane(at, spans) is None


def test_a_number_that_changes_the_structure_lies_on_no_plane():
    fleet, other = small(), small("reliability.isolation=replica")

    def at(instead):
        return other.case if instead.get("pools.a.count", 0.0) > 1500.0 else fleet.at_once(instead)

    spans = [span(fleet, "pools.a.count", 512.0, 2048.0)]
    assert bent(at, spans)
    assert plane(at, spans) is None


def test_arrays_of_a_case_go_back_where_they_came_from():
    case = small().case
    doubled = with_arrays(case, [np.asarray(2.0 * array) for array in arrays_of(case)])
    np.testing.assert_array_equal(doubled.pools.gpu_count, 2.0 * case.pools.gpu_count)
    assert doubled.pools.names == case.pools.names
    assert is_alike([case, doubled])
    assert not is_alike([case, small("reliability.isolation=replica").case])


def test_no_scenario_knows_of_the_others():
    fleet = Variants("neocloud-1k-h100", CATALOG)
    spans = ranged_spans(fleet)
    found = plane(fleet.at_once, spans)
    rows = drawn(spans, 64)
    whole = values(found.at(rows), METRICS)
    for start, stop in ((0, 1), (1, 8), (8, 64)):
        part = values(found.at(rows[start:stop]), METRICS)
        for metric in METRICS:
            np.testing.assert_array_equal(part[metric], whole[metric][start:stop])
