"""Facts about capital recovery, levelized cost and the debt that cash flow carries."""

import numpy as np
import pytest

from colocalc.lease.annuity import pmt
from colocalc.lease.returns import irr
from colocalc.lease.sizing import crf, debt_from_dscr, levelized_cost, llcr, plcr


def test_capital_recovery_is_the_payment_on_one():
    assert float(crf(0.1, 5)) == pytest.approx(-float(pmt(0.1, 5, 1.0)))


def test_capital_recovery_limits():
    np.testing.assert_allclose(crf([0.0, 0.1], [8, 1]), [1 / 8, 1.1])
    assert np.isnan(crf([0.1, -1.0], [0, 5])).all()


def cost(**changes):
    given = {
        "capex": 4e7,
        "opex_per_yr": 3e6,
        "gpu_count": 1_000,
        "hours": 8_760,
        "utilization": 1.0,
        "rate": 0.1,
        "years": 6,
    }
    return levelized_cost(**given | changes)


def test_levelized_cost_without_a_rate_is_all_costs_over_all_hours():
    assert float(cost(rate=0.0)) == pytest.approx((4e7 + 6 * 3e6) / (6 * 8_760_000))


def test_leased_at_its_levelized_cost_capital_returns_the_rate():
    earned = float(cost(utilization=0.8)) * 1_000 * 8_760 * 0.8 - 3e6
    assert float(irr([-4e7, *[earned] * 6])) == pytest.approx(0.1, abs=1e-12)


def test_levelized_cost_of_nothing_sold_or_no_years_is_undefined():
    assert np.isnan(cost(utilization=0.0))
    assert np.isnan(cost(gpu_count=0))
    assert np.isnan(cost(years=0))


def test_debt_by_hand():
    # 132 / 1.2 = 110 a year at 10%
    assert float(debt_from_dscr([132.0, 132.0], 0.1, 1.2)) == pytest.approx(110 / 1.1 + 110 / 1.21)


def test_debt_without_interest_is_all_cash_over_the_ratio():
    assert float(debt_from_dscr([132.0, 132.0], 0.0, 1.2)) == pytest.approx(220.0)


def test_without_a_cap_debt_is_above_cost():
    """What NREL SAM did before issue 534: debt of 128% of cost, negative equity, no rate of return."""
    flows = [19_776_000.0] * 5
    debt = float(debt_from_dscr(flows, 0.09, 1.5))
    assert debt / 4e7 == pytest.approx(1.282, abs=0.001)
    assert float(debt_from_dscr(flows, 0.09, 1.5, 0.8, 4e7)) == 3.2e7
    # The sponsor is paid at the start and keeps a third of the cash flow: there is no outlay to return.
    assert np.isnan(irr([debt - 4e7, *[flows[0] / 3] * 5]))


def test_a_cap_above_what_cash_flow_carries_changes_nothing():
    assert float(debt_from_dscr([120.0], 0.0, 1.2, 0.9, 1_000.0)) == pytest.approx(100.0)


@pytest.mark.parametrize(
    "more", [{"advance_rate_cap": 0.8}, {"cost": 50.0}, {"advance_rate_cap": np.nan, "cost": 50.0}]
)
def test_a_cap_that_is_not_given_in_full_is_none(more):
    assert float(debt_from_dscr([120.0], 0.0, 1.2, **more)) == pytest.approx(100.0)


def test_no_cash_flow_carries_no_debt():
    np.testing.assert_array_equal(debt_from_dscr([[0.0, 0.0], [-5.0, -1.0]], 0.1, 1.4), [0.0, 0.0])
    # A year of loss pays nothing, and lends nothing either.
    assert float(debt_from_dscr([-50.0, 121.0], 0.1, 1.0)) == pytest.approx(100.0)


def test_debt_at_no_ratio_or_of_unknown_cash_flow_is_undefined():
    assert np.isnan(debt_from_dscr([120.0], 0.1, [0.0, -1.0])).all()
    assert np.isnan(debt_from_dscr([120.0], 0.1, [0.0, -1.0], 0.8, 100.0)).all()
    assert np.isnan(debt_from_dscr([np.nan], 0.1, 1.4, 0.8, 100.0))


def test_cover_of_sculpted_debt_is_the_ratio_over_the_loan_and_more_over_the_project():
    flows = [130.0, 120.0, 110.0, 100.0]
    debt = debt_from_dscr(flows[:3], 0.08, 1.3)
    assert float(llcr(flows[:3], 0.08, debt)) == pytest.approx(1.3)
    assert float(plcr(flows[:3], 0.08, debt)) == pytest.approx(1.3)
    assert float(plcr(flows, 0.08, debt)) == pytest.approx(1.3 + 100 / 1.08**4 / float(debt))


@pytest.mark.parametrize("cover", [llcr, plcr])
def test_cover_of_no_debt_is_undefined(cover):
    assert np.isnan(cover([100.0], 0.08, 0.0))
