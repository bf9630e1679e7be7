"""Metrics by id, those of pools kept as columns."""

import numpy as np
import pytest

from colocalc.study.columns import Metrics

FOUND = Metrics(
    [("fleet.gpu_count", np.asarray(3.0)), ("hedge.gross_share", np.asarray(np.nan))],
    ["a", "b"],
    [("fleet.gpu_count", np.asarray([1.0, 2.0])), ("h100e.bf16_count", np.asarray([[np.nan, 5.0], [np.nan, 6.0]]))],
)


def test_a_metric_of_a_pool_is_its_place_in_the_column():
    assert float(FOUND["pools.b.fleet.gpu_count"]) == 2.0
    assert FOUND["pools.b.h100e.bf16_count"].tolist() == [5.0, 6.0]


def test_those_of_the_fleet_come_first_and_then_those_of_each_pool():
    ids = ["fleet.gpu_count", "hedge.gross_share"]
    ids += [f"pools.{pool}.{name}" for pool in "ab" for name in ("fleet.gpu_count", "h100e.bf16_count")]
    assert list(FOUND) == ids
    assert len(FOUND) == len(ids)


def test_what_is_nan_in_every_scenario_is_not_defined():
    ids = ["fleet.gpu_count", "pools.a.fleet.gpu_count", "pools.b.fleet.gpu_count", "pools.b.h100e.bf16_count"]
    assert list(FOUND.defined()) == ids
    assert len(FOUND.defined()) == len(ids)
    assert "pools.a.h100e.bf16_count" not in FOUND.defined()


@pytest.mark.parametrize("key", ["x", "pools", "pools.a", "pools.c.fleet.gpu_count", "pools.a.fleet", "pools.a.x.y"])
def test_any_other_id_is_missing(key):
    assert key not in FOUND
    with pytest.raises(KeyError):
        FOUND[key]
