"""Measured steps on mixed hardware, and what the layer profiles of the same authors put together."""

import numpy as np
import pytest

from colocalc.case.mixed_runs import lower_mixed_runs
from colocalc.catalog import catalog_dir, load_catalog
from colocalc.runs import read_runs
from colocalc.study.mixed_runs import validate_mixed

CATALOG = load_catalog()
# Sailor (Strati et al., SOSP 2025), github eth-easl/sailor @cf2c8e3: sailor/Planner/simulations/validation/mit, the
# measured seconds "real" of each plan, OPT-350M over RTX 3090, RTX 2080 Ti and Titan RTX. The gradient exchange,
# "red_grads", a tenth to a third of each step, is taken as measured.
REAL_S = {"n4-n4_d2": 66.06712, "n4-n4_d4": 83.45238, "n6-n6_d3": 54.2392, "n6-n6_d6": 70.78508}


@pytest.fixture(scope="module")
def found():
    case = lower_mixed_runs(read_runs(catalog_dir() / "runs.yaml"), CATALOG)
    return validate_mixed(case, band_share=CATALOG.default("predict.band_share.mixed").value)


def test_steps_over_three_kinds_of_gpu_come_out_within_5_percent(found):
    names = [run.id.removeprefix("sailor-mit-mixed-") for run in found.case.runs]
    assert dict(zip(names, found.measured_s, strict=True)) == REAL_S
    assert np.abs(found.error_share).max() < 0.05
    assert found.is_inside.all()


def test_one_replica_over_an_unknown_network_is_left_out(found):
    assert [key.removeprefix("sailor-mit-mixed-") for key, _, _ in found.case.skipped] == ["n3-n3_d1", "n4-n4_d1"]
    assert all("network whose rate is not told" in why for _, _, why in found.case.skipped)


def test_the_exchange_went_at_the_rate_that_the_authors_measured(found):
    # sailor/providers/multizone_bandwidths_het.json: 0.115 GB/s between nodes of which one has RTX 3090.
    sends = found.send_s[found.send_s > 0.0]
    assert len(sends) == 2
    assert 2 * 2048 * 1024 * 4 / sends == pytest.approx(0.115e9, rel=0.15)
