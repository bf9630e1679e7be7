"""One law for whole fleets: every metric of a scenario is the same alone, among many, and wherever a block is cut."""

import numpy as np
import pytest

from colocalc.case import numbers
from colocalc.case.plane import Span, plane
from colocalc.catalog import fleet_names, load_catalog
from colocalc.study.evaluate import evaluate
from colocalc.variants import Variants

CATALOG = load_catalog()
ROWS = 12


def block_of(name):
    fleet = Variants(name, CATALOG)
    rows = [row for row in numbers(fleet.case).values() if row.low is not None or row.high is not None]
    spans = []
    for row in rows:
        low, high = (row.value if end is None else end for end in (row.low, row.high))
        if low < high:
            spans.append(Span(row.path, row.value, low, high))
    generator = np.random.default_rng(20260508)
    values = np.stack([generator.uniform(span.low, span.high, ROWS) for span in spans], axis=-1)
    return fleet, spans, values


@pytest.mark.parametrize("name", fleet_names())
def test_every_metric_of_a_scenario_is_the_same_alone_and_among_many(name):
    fleet, spans, values = block_of(name)
    found = plane(fleet.at_once, spans)
    many = evaluate(found.at(values)).metrics
    for place in (0, ROWS - 1):
        instead = {span.key: float(value) for span, value in zip(spans, values[place], strict=True)}
        alone = evaluate(fleet.at_once(instead)).metrics
        assert set(alone) <= set(many)
        for metric, value in alone.items():
            mine = np.broadcast_to(many[metric], (ROWS,))[place]
            np.testing.assert_allclose(mine, value, rtol=1e-9, atol=1e-9, err_msg=metric)


@pytest.mark.parametrize("name", fleet_names())
def test_a_block_may_be_cut_anywhere(name):
    fleet, spans, values = block_of(name)
    found = plane(fleet.at_once, spans)
    whole = evaluate(found.at(values)).metrics
    for start, stop in ((0, 5), (5, 6), (6, ROWS)):
        part = evaluate(found.at(values[start:stop])).metrics
        for metric, mine in part.items():
            wanted = np.broadcast_to(whole[metric], (ROWS,))[start:stop]
            # Powers and sums of numpy may differ in the last bit by where in an array a number stands.
            np.testing.assert_allclose(np.broadcast_to(mine, wanted.shape), wanted, rtol=1e-13, err_msg=metric)
