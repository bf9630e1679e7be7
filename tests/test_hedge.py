"""Facts about covering a loss with a lease."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc.lease import hedge_ratio
from colocalc.lease.hedge import annual_loss_usd_per_yr, cover_rate_usd_per_gpu_h

light = settings(max_examples=50, deadline=None, derandomize=True)


def cover_rate(loss, added, hours):
    return float(cover_rate_usd_per_gpu_h(loss_usd_per_yr=loss, added_cost_usd_per_yr=added, billed_gpu_h_per_yr=hours))


def test_a_loss_of_a_quarter_is_scaled_by_four():
    assert float(annual_loss_usd_per_yr(loss_usd=1.5e9, loss_months=3)) == 6e9


def test_a_loss_of_a_year_stays_and_no_loss_stays_none():
    np.testing.assert_array_equal(annual_loss_usd_per_yr(loss_usd=[6.4e9, 0.0], loss_months=12), [6.4e9, 0.0])


@pytest.mark.parametrize(
    ("gpus", "billed", "expected"), [(220_000, 1.0, 3.11333), (230_000, 1.0, 2.97796), (220_000, 0.9, 3.45925)]
)
def test_rate_that_covers_six_billion(gpus, billed, expected):
    assert cover_rate(6e9, 0.0, gpus * 8_760 * billed) == pytest.approx(expected, abs=6e-6)


def test_added_cost_raises_the_rate_by_its_share_of_an_hour():
    hours = 220_000 * 8_760
    assert cover_rate(6e9, 180_018_000, hours) - cover_rate(6e9, 0.0, hours) == pytest.approx(180_018_000 / hours)


@pytest.mark.parametrize("loss", [0.0, -1e9, math.nan])
def test_no_rate_covers_no_loss(loss):
    assert math.isnan(cover_rate(loss, 1e6, 1e9))


def test_no_rate_covers_a_loss_when_nothing_is_billed():
    assert math.isnan(cover_rate(6e9, 0.0, 0.0))


@light
@given(st.floats(1.0, 1e11), st.floats(0.0, 1e10), st.floats(1.0, 1e10))
def test_at_the_cover_rate_the_whole_loss_is_covered(loss, added, hours):
    income = cover_rate(loss, added, hours) * hours - added
    assert float(hedge_ratio(income, loss)) == pytest.approx(1.0, abs=1e-12 + 1e-14 * added / loss)


def test_a_rate_below_cover_leaves_84_percent_covered():
    hours = 220_000 * 8_760
    assert 2.60 / cover_rate(6e9, 0.0, hours) == pytest.approx(0.83512, abs=1e-9)


ROWS = {
    annual_loss_usd_per_yr: {"loss_usd": [0.0, 1.5e9, -1.0], "loss_months": [12, 3, 1]},
    cover_rate_usd_per_gpu_h: {
        "loss_usd_per_yr": [0.0, 6e9, 1e9],
        "added_cost_usd_per_yr": [1.0, 2e8, 0.0],
        "billed_gpu_h_per_yr": [1e9, 1.9e9, 0.0],
    },
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
