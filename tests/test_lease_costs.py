"""Facts about the running costs of a leased fleet."""

import math

import numpy as np
import pytest

from colocalc.lease.costs import contribution_usd_per_yr, power_cost_usd_per_yr, revenue_usd_per_mw_yr


def test_power_of_300_mw_at_68_50_costs_180_million():
    cost = power_cost_usd_per_yr(facility_power_mw=300, energy_price_usd_per_mwh=68.5)
    assert float(cost) == pytest.approx(180_018_000.0)


def test_no_power_or_a_price_of_zero_costs_nothing():
    cost = power_cost_usd_per_yr(facility_power_mw=[0, 300], energy_price_usd_per_mwh=[68.5, 0.0])
    np.testing.assert_array_equal(cost, [0.0, 0.0])


def test_a_negative_price_is_an_income():
    assert float(power_cost_usd_per_yr(facility_power_mw=1, energy_price_usd_per_mwh=-10)) == -87_600.0


def contribution(revenue, power, operations):
    return float(
        contribution_usd_per_yr(
            revenue_usd_per_yr=revenue, power_cost_usd_per_yr=power, operations_usd_per_yr=operations
        )
    )


def test_contribution_is_revenue_less_power_and_operations():
    assert contribution(5_010_720_000, 180_018_000, 400_000_000) == pytest.approx(4_430_702_000)


def test_contribution_without_costs_is_the_revenue():
    assert contribution(5e9, 0, 0) == 5e9


def test_contribution_is_negative_when_costs_exceed_revenue():
    assert contribution(1e6, 2e6, 5e5) == -1.5e6


def test_revenue_per_megawatt_of_the_mixed_fleet_is_16_7_million():
    revenue = revenue_usd_per_mw_yr(revenue_usd_per_yr=5_010_720_000, facility_power_mw=300)
    assert float(revenue) == pytest.approx(16_702_400)


def test_revenue_per_megawatt_of_no_revenue_is_zero_and_of_no_power_undefined():
    revenue = revenue_usd_per_mw_yr(revenue_usd_per_yr=[0.0, 5e9], facility_power_mw=[300, 0])
    np.testing.assert_array_equal(revenue, [0.0, math.nan])


ROWS = {
    power_cost_usd_per_yr: {"facility_power_mw": [0, 1.5, 300], "energy_price_usd_per_mwh": [50, -1, 68.5]},
    contribution_usd_per_yr: {
        "revenue_usd_per_yr": [0, 1e6, 5e9],
        "power_cost_usd_per_yr": [1, 2e6, 1.8e8],
        "operations_usd_per_yr": [0, 5e5, 4e8],
    },
    revenue_usd_per_mw_yr: {"revenue_usd_per_yr": [0, 1e6, 5e9], "facility_power_mw": [1, 0, 300]},
}


@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.__name__)
def test_stacked_inputs_equal_stacked_outputs(kernel):
    stacked = kernel(**{name: np.array(values) for name, values in ROWS[kernel].items()})
    alone = [kernel(**{name: values[row] for name, values in ROWS[kernel].items()}) for row in range(3)]
    np.testing.assert_allclose(stacked, np.stack(alone), rtol=1e-12)
