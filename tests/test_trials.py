"""Trials: the same bits wherever they are done, each of them the fleet with its own numbers, and what they draw."""

from dataclasses import replace

import numpy as np
import pytest

from colocalc.case.risk import Counted, Input, lower_chances
from colocalc.catalog import load_catalog
from colocalc.study.engine import Engine
from colocalc.study.engine.task import Block
from colocalc.study.evaluate import evaluate, values
from colocalc.study.risk import perform, plan
from colocalc.study.surface import LoweredSurface, PlaneSurface
from colocalc.study.trials import CHUNK, Draws, Trials, chunks_of, inputs_of
from colocalc.variants import Variants

METRICS = ("mfu.fleet_share", "lease.contribution_usd_per_yr", "lease.project_npv_usd")
COUNT = 2 * CHUNK + 700
FLEET = b"""
name: small
pools: [{gpu: h100-sxm, count: {value: 1_024, low: 900, high: 1_100}}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: {value: 50, low: 30, high: 90}}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2}}
lease:
  rate_usd_per_gpu_h: {value: 2, low: 1.5, high: 3}
  billed_share: {value: 0.7, low: 0.5, high: 0.9}
  months: 6
  market: {rate_usd_per_gpu_h: 1.8, months: 18}
costs: {capital_usd_per_gpu: {h100-sxm: {value: 30_000, low: 25_000, high: 45_000}}}
finance: {discount_rate_share: 0.1}
"""


def planned(text=FLEET, seed=7, metrics=METRICS):
    own = Variants("-", load_catalog(), stdin=text)
    chances = lower_chances(own.fleet, own.loaded.catalog)
    return own, plan(own, evaluate(own.case), chances, metrics=metrics, asked=(), in_file=(), seed=seed)


@pytest.fixture(scope="module")
def small():
    return planned()


def bits(found, name="serial", workers=1, block_count=CHUNK, count=COUNT):
    outcome = perform(found, count, engine=Engine(name, workers, None), block_count=block_count)
    assert outcome.done_count == count
    return {name: values.tobytes() for name, values in outcome.columns.items()}


def test_the_bits_are_the_same_with_every_engine_and_size_of_blocks(small):
    _, found = small
    assert found.task.draws.paths is not None
    assert isinstance(found.task.surface, PlaneSurface)
    expected = bits(found)
    assert set(METRICS) <= set(expected)
    assert bits(found, block_count=1) == expected
    assert bits(found, block_count=2_500) == expected
    assert bits(found, "threads", 2) == expected
    assert bits(found, "threads", 2, block_count=2_000) == expected
    assert bits(found, "processes", 2) == expected
    pytest.importorskip("distributed")
    assert bits(found, "dask", 2) == expected


def test_more_trials_leave_the_first_as_they_are(small):
    _, found = small
    few, many = bits(found, count=300), bits(found, count=1_500)
    assert all(many[name].startswith(few[name]) for name in few)


def test_a_fleet_of_many_pools_is_computed_in_smaller_pieces(small):
    _, found = small
    pieces = replace(found.task, rows=90)
    whole, part = pieces(Block(0, 1_500, 0)), pieces(Block(1_000, 1_500, 0))
    for name, at_once in found.task(Block(0, 1_500, 0)).items():
        np.testing.assert_allclose(whole[name], at_once, rtol=1e-12)
        np.testing.assert_array_equal(part[name], whole[name][1_000:])


def test_any_block_is_what_it_is_among_all(small):
    _, found = small
    every, part = found.task(Block(0, 2_500, 0)), found.task(Block(700, 1_300, 0))
    for name in found.task.names:
        np.testing.assert_array_equal(part[name], every[name][700:1_300])


def test_trials_lowered_by_themselves_are_the_same_in_every_block(small):
    own, found = small
    spans = found.task.surface.plane.spans
    task = replace(found.task, surface=LoweredSurface(own, tuple(span.key for span in spans)))
    every = task(Block(CHUNK - 6, CHUNK + 6, 0))
    part = task(Block(CHUNK - 2, CHUNK + 3, 0))
    for name in task.names:
        np.testing.assert_array_equal(part[name], every[name][4:9])
        np.testing.assert_allclose(every[name], found.task(Block(CHUNK - 6, CHUNK + 6, 0))[name], rtol=1e-9)


def test_another_seed_draws_other_trials(small):
    _, found = small
    other = replace(found, task=replace(found.task, draws=replace(found.task.draws, seed=8)))
    one, two = bits(found, count=100), bits(other, count=100)
    assert all(one[name] != two[name] for name in METRICS)


def test_a_number_is_drawn_alike_whatever_else_is_drawn(small):
    _, found = small
    _, fewer = planned(metrics=("mfu.fleet_share",))
    paths = [one.path for one in found.task.draws.inputs]
    block = Block(0, 50, 0)
    all_of_them, some = inputs_of(found.task.draws, block), inputs_of(fewer.task.draws, block)
    shared = [one for one in fewer.task.draws.inputs if one.path in paths and not one.path.endswith("gpu_day")]
    assert shared
    for place, one in enumerate(fewer.task.draws.inputs):
        if one in shared:
            np.testing.assert_array_equal(some[:, place], all_of_them[:, paths.index(one.path)])


@pytest.mark.parametrize("trial", [0, 1, 999, 1_000, 2_345])
def test_a_trial_is_the_fleet_with_its_numbers(small, trial):
    own, found = small
    task, block = found.task, Block(trial, trial + 1, 0)
    drawn = inputs_of(task.draws, block)[0]
    case = own.at_once({task.draws.inputs[place].path: float(drawn[place]) for place in task.varied})
    chunk, within = divmod(trial, CHUNK)
    alone = values(replace(case, market_factor=task.draws.of_pools(task.draws.price_paths(chunk))[within]), task.names)
    for name, column in task(block).items():
        np.testing.assert_allclose(column, [float(alone[name])], rtol=1e-9)


def test_numbers_at_their_values_give_the_fleet_itself(small):
    own, found = small
    now = np.asarray([[found.task.draws.inputs[place].value for place in found.task.varied]])
    for name, column in found.task.surface.metrics(now, METRICS).items():
        np.testing.assert_allclose(column, [float(evaluate(own.case).metrics[name])], rtol=1e-9)


def test_a_sample_of_the_real_world_has_the_same_bits_too():
    own = Variants("neocloud-1k-h100", load_catalog())
    chances = lower_chances(own.fleet, own.loaded.catalog)
    found = plan(own, evaluate(own.case), chances, metrics=METRICS, asked=(), in_file=(), seed=0)
    assert bits(found, count=1_200) == bits(found, "threads", 2, block_count=2_000, count=1_200)


# -- What is drawn --------------------------------------------------------------------------------


def draws_of(*inputs, failures=(), spread=0.0, seed=3, loadings=None):
    rates = sum(one.is_rate for one in inputs)
    return Draws(seed, inputs, np.eye(rates) if loadings is None else loadings, failures, spread, None)


def number(path="x", unit=None, shape="triangular", ends=(1.0, 2.0, 4.0), tail=0.0, *, whole=False, rate=False):
    return Input(path, unit, shape, *ends, tail, whole, rate)


def drawn(draws, chunks=40):
    return inputs_of(draws, Block(0, chunks * CHUNK, 0))


def assert_mean(values, expected, errors=4.5):
    assert abs(np.mean(values) - expected) < errors * np.std(values, ddof=1) / np.sqrt(values.size)


def test_failures_are_counted():
    # 2 per 1,000 GPU-days over 1,500 GPU-days: 3 of them, whose variance is 3 as well.
    path = "reliability.failures_per_1000_gpu_day"
    found = drawn(draws_of(number(path, ends=(2.0, 2.0, 2.0)), failures=(Counted(path, 1_500.0),)))[:, 0] * 1.5
    np.testing.assert_allclose(found, np.rint(found), atol=1e-9)
    assert_mean(found, 3.0)
    assert_mean((found - 3.0) ** 2, 3.0)
    assert np.mean(found < 0.5) == pytest.approx(np.exp(-3.0), abs=0.005)


def test_failures_may_scatter_more_than_a_count():
    path = "reliability.failures_per_1000_gpu_day"
    one = number(path, ends=(2.0, 2.0, 2.0))
    found = drawn(draws_of(one, failures=(Counted(path, 1_500.0),), spread=0.5))[:, 0] * 1.5
    assert_mean(found, 3.0)
    assert_mean((found - 3.0) ** 2, 3.0 + (0.5 * 3.0) ** 2)  # of a count, and of its rate


def test_no_failures_stay_none_and_very_many_are_a_rate():
    path = "reliability.failures_per_1000_gpu_day"
    none = draws_of(number(path, ends=(0.0, 0.0, 0.0)), failures=(Counted(path, 1_500.0),))
    assert not drawn(none, 1).any()
    many = draws_of(number(path, ends=(2.0, 2.0, 2.0)), failures=(Counted(path, 1e20),))
    np.testing.assert_allclose(drawn(many, 1), 2.0, rtol=1e-6)


def test_whole_numbers_are_whole_and_inside_their_range():
    found = drawn(draws_of(number(unit="count", ends=(2.0, 3.0, 9.0), whole=True)), 5)
    np.testing.assert_array_equal(found, np.rint(found))
    assert (found.min(), found.max()) == (2.0, 9.0)


def test_rates_move_together_and_nothing_else_does():
    rate = {"unit": "usd_per_gpu_h", "shape": "lognormal", "tail": 0.1, "rate": True}
    pair = np.linalg.cholesky([[1.0, 0.8], [0.8, 1.0]])
    inputs = (number("a", **rate), number("b"), number("c", **rate))
    found = drawn(draws_of(*inputs, loadings=pair))
    ranks = np.argsort(np.argsort(found, axis=0), axis=0)
    together = np.corrcoef(ranks.T)
    assert together[0, 2] == pytest.approx(6 / np.pi * np.arcsin(0.4), abs=0.01)
    assert abs(together[0, 1]) < 4.5 / np.sqrt(found.shape[0])


def test_without_anything_to_draw_there_are_trials_all_the_same():
    assert inputs_of(draws_of(), Block(0, 1_500, 0)).shape == (1_500, 0)
    assert draws_of().of_pools(draws_of().price_paths(0)) is None


def test_blocks_know_their_chunks():
    assert chunks_of(Block(0, CHUNK, 0)) == [(0, 0, CHUNK)]
    assert chunks_of(Block(CHUNK - 1, 2 * CHUNK + 1, 0)) == [(0, CHUNK - 1, CHUNK), (1, 0, CHUNK), (2, 0, 1)]


def test_pools_of_one_gpu_have_one_price_in_time(small):
    _, found = small
    of_gpus = found.task.draws.price_paths(1)
    of_pools = found.task.draws.of_pools(of_gpus)
    np.testing.assert_array_equal(of_pools, of_gpus)
    assert np.all(of_pools[..., 0] == 1.0)
    assert isinstance(found.task, Trials)
