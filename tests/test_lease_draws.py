"""Facts about what is drawn while a fleet is built."""

import numpy as np

from colocalc.lease.draws import delayed_draw_usd


def drawn(**changes):
    terms = {
        "capital_usd": [100.0, 100.0, 100.0, 0.0],
        "advance_rate_share": 0.8,
        "commitment_usd": 1_000.0,
        "drawing_share": [1.0, 1.0, 1.0, 0.0],
        "interest_share": [0.01] * 4,
        "commitment_fee_share": [0.0] * 4,
    }
    return delayed_draw_usd(**terms | changes)


def test_draws_pay_their_share_of_capital_and_of_interest_meanwhile():
    first, second = 80.0, 0.8 * (100 + 0.8)
    third = 0.8 * (100 + 0.01 * (first + second))
    np.testing.assert_allclose(drawn(), [first, second, third, 0.0])


def test_the_fee_on_what_is_not_drawn_is_a_cost_too():
    fee = [0.0, 0.005, 0.005, 0.005]
    np.testing.assert_allclose(
        drawn(interest_share=[0.0] * 4, commitment_fee_share=fee)[:2], [80.0, 0.8 * (100 + 0.005 * 920)]
    )


def test_draws_stop_at_the_commitment():
    np.testing.assert_allclose(drawn(commitment_usd=120.0), [80.0, 40.0, 0.0, 0.0])


def test_no_advance_commitment_or_drawing_period_draws_nothing():
    for change in ({"advance_rate_share": 0.0}, {"commitment_usd": 0.0}, {"drawing_share": [0.0] * 4}):
        np.testing.assert_array_equal(drawn(**change), [0.0] * 4)


def test_capital_at_the_close_draws_the_advance_rate():
    np.testing.assert_allclose(drawn(capital_usd=[300.0, 0, 0, 0], drawing_share=[1.0, 0, 0, 0]), [240.0, 0, 0, 0])


def test_the_owners_pay_the_rest_of_interest_and_fees():
    draws = drawn()
    debt = np.array([0.0, *np.cumsum(draws)[:2]])
    cost = 100.0 + 0.01 * debt
    np.testing.assert_allclose(cost - draws[:3], 0.2 * cost)


def test_one_period_is_drawn_at_its_beginning():
    one = {name: [0.01] for name in ("interest_share", "commitment_fee_share")}
    np.testing.assert_allclose(drawn(capital_usd=[100.0], drawing_share=[1.0], **one), [0.8 * (100 + 0.01 * 1_000)])
