"""Facts about present values, rates of return and payback."""

import numpy as np
import pytest

from colocalc.lease import roots as search
from colocalc.lease.returns import (
    discounted_payback,
    irr,
    irr_roots,
    mirr,
    moic,
    npv,
    npv_excel,
    npv_mid_year,
    payback,
    present_values,
)
from colocalc.lease.roots import real_roots

FLOWS = [-100.0, 60.0, 70.0]


def roots(flows):
    found = irr_roots(flows)
    return found[~np.isnan(found)]


def monthly(payment, outlay=-150_000.0, months=480):
    flows = np.full(months + 1, payment)
    flows[0] = outlay
    return flows


# Present values


@pytest.mark.parametrize("value", [npv, npv_excel, npv_mid_year])
def test_at_a_rate_of_zero_flows_add_up(value):
    assert float(value(0.0, FLOWS)) == pytest.approx(30.0)


@pytest.mark.parametrize("value", [npv, npv_excel, npv_mid_year])
@pytest.mark.parametrize("rate", [-1.0, -2.0, np.nan])
def test_nothing_has_a_value_at_minus_100_percent(value, rate):
    assert np.isnan(value(rate, FLOWS))
    assert np.isnan(value(rate, [0.0, 0.0]))


def test_the_conventions_differ_by_when_the_first_flow_falls():
    # -100 + 60 / 1.1 + 70 / 1.21; each a period later; the last two half a period sooner
    today = -100 + 60 / 1.1 + 70 / 1.21
    assert float(npv(0.1, FLOWS)) == pytest.approx(today)
    assert float(npv_excel(0.1, FLOWS)) == pytest.approx(today / 1.1)
    assert float(npv_mid_year(0.1, FLOWS)) == pytest.approx(-100 + 60 / 1.1**0.5 + 70 / 1.1**1.5)


def test_excel_and_the_other_convention_give_1188_and_1307_for_one_list():
    flows = [-10_000, 3_000, 4_200, 6_800]
    assert float(npv_excel(0.1, flows)) == pytest.approx(1_188.4434, abs=1e-4)
    assert float(npv(0.1, flows)) == pytest.approx(1_307.2878, abs=1e-4)


def test_mid_year_of_one_flow_is_that_flow():
    assert float(npv_mid_year(0.1, [5.0])) == 5.0


def test_mid_year_without_an_outlay_is_half_a_year_sooner():
    assert float(npv_mid_year(0.21, [0.0, 5.0, 6.0])) == pytest.approx(1.1 * float(npv(0.21, [0.0, 5.0, 6.0])))


def test_forty_years_of_months_overflow_nothing():
    assert np.isfinite(npv([-0.5, 0.0, 10.0], monthly(1_000.0))).all()
    # A flow of 0 is worth 0, though its factor is past the largest number.
    assert float(npv(-0.999, np.append(np.zeros(480), 0.0))) == 0.0
    assert float(npv(-0.999, np.append(5.0, np.zeros(480)))) == 5.0


def test_what_is_worth_more_than_the_largest_number_is_infinite_or_undefined():
    assert float(npv(-0.999, monthly(1.0))) == np.inf
    mixed = monthly(1.0)
    mixed[-1] = -1.0
    assert np.isnan(npv(-0.999, mixed))
    assert np.isnan(discounted_payback(-0.999, mixed))


def test_each_flow_has_a_value_of_its_own():
    found = present_values(np.array(0.1), np.array(FLOWS), np.arange(3.0))
    np.testing.assert_allclose(found, [-100, 60 / 1.1, 70 / 1.21])


# Rates of return


def test_a_loss_has_a_negative_rate():
    # 100 comes back as 81 after two periods
    assert float(irr([-100, 0, 81])) == pytest.approx(-0.1, abs=1e-12)


def test_money_back_and_no_more_is_a_rate_of_exactly_zero():
    np.testing.assert_array_equal(irr([[-100, 50, 50], [-3, 1, 2]]), [0.0, 0.0])


@pytest.mark.parametrize("flows", [[-1, -2, -3], [1, 2, 3], [0, 0, 0], [5], [0], [-1, np.nan, 3], [-1, np.inf, 3]])
def test_flows_of_one_sign_or_not_finite_have_no_rate(flows):
    assert np.isnan(irr(flows))
    assert irr_roots(flows).shape == (1,)
    assert np.isnan(irr_roots(flows)).all()


def test_two_rates_are_listed_and_neither_leads():
    assert np.isnan(irr([-1_600, 10_000, -10_000]))
    np.testing.assert_allclose(irr_roots([-1_600, 10_000, -10_000]), [0.25, 4.0], rtol=1e-12)


def test_a_cost_of_one_at_the_end_makes_a_second_rate():
    assert float(irr(monthly(1_000.0))) == pytest.approx(0.0063467, abs=1e-7)
    ends = monthly(1_000.0)
    ends[-1] = -1.0
    assert np.isnan(irr(ends))
    # 1,000 a month before the last against 1 in it: 1 + r is about a thousandth
    np.testing.assert_allclose(roots(ends), [-0.999001, 0.00634435], atol=1e-6)


def test_480_months_of_a_loss_have_a_negative_rate():
    found = irr(monthly(10.0))
    assert float(found) == pytest.approx(-0.01049772, abs=1e-8)
    assert abs(float(npv(found, monthly(10.0)))) < 1e-6


@pytest.mark.parametrize("place", [0, 200])
def test_a_rate_near_minus_100_percent_is_found_whatever_zeros_stand_about(place):
    # -1 and a thousandth of it two months later: 1 + r = sqrt(0.001)
    flows = np.zeros(481)
    flows[[place, place + 2]] = [-1.0, 1e-3]
    assert float(irr(flows)) == pytest.approx(np.sqrt(1e-3) - 1.0, rel=1e-12)


def test_a_rate_that_rounds_to_minus_100_percent_is_none():
    assert np.isnan(irr([-1.0, 1e-20]))


def test_a_rate_of_a_billion_is_found():
    assert float(irr([-1.0, 1e9 + 1.0])) == pytest.approx(1e9, rel=1e-12)


def test_a_pair_of_rates_that_a_grid_steps_over_is_found():
    # (1 - 1.0010 z)(1 - 1.0012 z)
    np.testing.assert_allclose(roots([-1.0, 2.0022, -1.0010 * 1.0012]), [0.0010, 0.0012], atol=1e-9)
    np.testing.assert_allclose(roots([-1.0, 4.04, -2.02 * 2.02 + 1e-4]), [1.01, 1.03], atol=1e-9)


def test_a_pair_of_negative_rates_is_found():
    np.testing.assert_allclose(roots([-1.0, 1.01, -(0.505**2) + 25e-6]), [-0.5, -0.49], atol=1e-9)


@pytest.mark.parametrize(
    ("flows", "root"), [([-100, 220, -121], 0.1), ([-100, 200, -100], 0.0), ([-100, 100, -25], -0.5)]
)
def test_a_rate_at_which_the_value_touches_zero_is_there_once(flows, root):
    assert roots(flows) == pytest.approx([root], abs=1e-7)
    assert float(irr(flows)) == pytest.approx(root, abs=1e-7)


def test_a_triple_rate_is_there_once():
    assert roots([-1, 3, -3, 1]) == pytest.approx([0.0], abs=1e-5)


def test_three_rates_ascend():
    # 1,000 (1 - 1.1 z)(1 - 1.2 z)(1 - 1.3 z)
    np.testing.assert_allclose(irr_roots([-1_000, 3_600, -4_310, 1_716]), [0.1, 0.2, 0.3], rtol=1e-9)


def test_rates_closer_than_rounding_are_one():
    assert roots([-1.0, 2.2 + 1e-9, -1.1 * (1.1 + 1e-9)]) == pytest.approx([0.1], abs=1e-7)
    assert len(roots([-1.0, 2.2 + 1e-5, -1.1 * (1.1 + 1e-5)])) == 2


def test_three_rates_close_together_are_one_or_three():
    assert roots(np.poly([1.5, 1.51, 1.52])) == pytest.approx([0.51], abs=0.011)


def test_rows_with_fewer_roots_end_in_nan():
    found = irr_roots([[-1_600, 10_000, -10_000], [-100, 60, 70], [1, 1, 1]])
    np.testing.assert_array_equal(np.isnan(found), [[False, False], [False, True], [True, True]])


def test_no_rows_have_no_rates():
    assert irr(np.zeros((0, 5))).shape == (0,)
    assert irr_roots(np.zeros((2, 0, 5))).shape == (2, 0, 1)


def test_more_rows_than_a_block_holds_give_what_each_gives():
    rng = np.random.default_rng(3)
    flows = rng.normal(size=(9_000, 12)) * 100.0
    flows[:, 0] = -300.0
    found = irr(flows)
    np.testing.assert_allclose(found[::500], [irr(row) for row in flows[::500]], rtol=1e-12)
    known = ~np.isnan(found)
    left, size = (npv(found[known], of) for of in (flows[known], np.abs(flows[known])))
    assert np.max(np.abs(left) / size) < 1e-13


def test_random_flows_have_the_roots_of_their_polynomial():
    flows = np.random.default_rng(5).normal(size=(300, 12))
    for row, found in zip(flows, irr_roots(flows), strict=True):
        every = np.roots(row)
        real = np.sort(every.real[(np.abs(every.imag) < 1e-9) & (every.real > 0.0)]) - 1.0
        np.testing.assert_allclose(found[~np.isnan(found)], real, rtol=1e-8, atol=1e-9)


def test_rows_with_times_of_their_own_come_in_order():
    flows, times = np.array([[110.0, -100.0], [-100.0, 120.0]]), np.array([[1.0, 0.0], [0.0, 0.5]])
    rows, rates = real_roots(flows, times)
    np.testing.assert_array_equal(rows, [0, 1])
    np.testing.assert_allclose(rates, [0.1, 0.44])


def test_a_scan_finds_what_is_found_at_once(monkeypatch):
    flows = np.random.default_rng(9).uniform(0.5, 1.5, (50, 60))
    flows[:, 0] = -np.linspace(10.0, 80.0, 50)
    at_once = irr(flows)
    monkeypatch.setattr(search, "QUICK_ITERATIONS", 1)
    np.testing.assert_allclose(irr(flows), at_once, rtol=1e-11, atol=1e-13)


def test_a_bracket_is_halved_where_newton_leaves_it(monkeypatch):
    flows = np.array([-1.0, 0.1, *np.zeros(300), 5.0, *np.zeros(99), -1e-3])
    found = roots(flows)
    assert np.all(np.abs(npv(found, flows)) <= 1e-12 * npv(found, np.abs(flows)))
    # Cut short, the search is still inside its bracket.
    monkeypatch.setattr(search, "ITERATIONS", 2)
    np.testing.assert_allclose(np.log1p(roots(flows)), np.log1p(found), rtol=0.15)


def test_zeros_at_the_ends_change_no_rate():
    flows = np.array([[-1_600.0, 10_000.0, -10_000.0], [-100.0, 220.0, -121.0], [-100.0, 60.0, 70.0]])
    padded = np.pad(flows, ((0, 0), (2, 4)))
    np.testing.assert_allclose(irr_roots(padded), irr_roots(flows), rtol=1e-9)
    # Among rows without such zeros
    full = np.where(padded == 0.0, 1e-9, padded)
    np.testing.assert_allclose(irr(np.stack([padded, full]))[0], irr(flows), rtol=1e-9)


# MIRR, MOIC, payback


def test_mirr_of_one_outlay_and_one_income_is_its_irr():
    np.testing.assert_allclose(mirr([-100, 0, 121], [0.05, 0.3], [0.0, 0.2]), [0.1, 0.1])


@pytest.mark.parametrize("flows", [[100, 20], [-100, -20], [0, 0], [-100], [5]])
def test_mirr_without_outlay_or_income_is_undefined(flows):
    assert np.isnan(mirr(flows, 0.1, 0.12))


def test_mirr_at_minus_100_percent_is_undefined():
    assert np.isnan(mirr(FLOWS, 0.1, [-1.0, -2.0])).all()


def test_moic_is_what_comes_out_over_what_goes_in():
    np.testing.assert_allclose(moic([[-100, 130, -50, 170], [-100, 40, 60, 0], [-100, 0, 0, 0]]), [2.0, 1.0, 0.0])


def test_moic_of_nothing_in_is_undefined():
    assert np.isnan(moic([[1, 2], [0, 0]])).all()


def test_payback_is_straight_inside_a_period():
    # 100 less 60 leaves 40, which is 40 / 80 of the second period
    assert float(payback([-100, 60, 80])) == 1.5
    assert float(payback([-1.0, 0.5, 0.75])) == 1 + 0.5 / 0.75


def test_payback_is_the_first_time():
    assert float(payback([-100, 100, -50, 50])) == 1.0


@pytest.mark.parametrize("flows", [[5, -1], [0, 0], [0, 5]])
def test_payback_without_an_outlay_at_the_start_is_at_once(flows):
    assert float(payback(flows)) == 0.0


@pytest.mark.parametrize("flows", [[-100, 60, 30], [-100, np.nan, 300], [np.nan, 300]])
def test_what_is_never_paid_back_has_no_payback(flows):
    assert np.isnan(payback(flows))


def test_flows_that_are_paid_back_and_others_have_answers_of_their_own():
    flows = [[[-100, 60, 80], [-100, 60, 30]], [[-100, 100, 0], [-100, 0, np.nan]]]
    np.testing.assert_array_equal(payback(flows), [[1.5, np.nan], [1.0, np.nan]])
    np.testing.assert_array_equal(moic(flows), [[1.4, 0.9], [1.0, np.nan]])


def test_discounted_payback_is_later():
    # 60 / 1.1 + 80 / 1.21 = 54.545 + 66.116; 45.455 of the latter
    assert float(discounted_payback(0.1, [-100, 60, 80])) == pytest.approx(1 + 45.4545454 / 66.1157025, abs=1e-7)


def test_discounted_payback_at_no_rate_is_payback_and_above_the_irr_none():
    assert float(discounted_payback(0.0, [-100, 60, 80])) == 1.5
    assert float(discounted_payback(0.1, [-100, 110.0000001])) == pytest.approx(1.0)
    assert np.isnan(discounted_payback(0.5, [-100, 60, 80]))
