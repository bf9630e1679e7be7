"""Facts about prices by term and prepayment."""

import numpy as np
import pytest

from colocalc.lease.surface import (
    extra_discount_share,
    prepay_score_share,
    surface_rate_usd_per_gpu_h,
    term_score_share,
)


def _rate(term, prepay, extra=0.0, floor=3.25):
    return surface_rate_usd_per_gpu_h(
        ceiling_usd_per_gpu_h=7.40,
        floor_usd_per_gpu_h=floor,
        term_weight_share=0.7,
        prepay_weight_share=0.3,
        term_score_share=term,
        prepay_score_share=prepay,
        extra_discount_share=extra,
    )


def test_no_score_is_the_ceiling_and_full_scores_are_the_floor():
    assert _rate(0.0, 0.0) == 7.40
    assert _rate(1.0, 1.0) == pytest.approx(3.25)


def test_a_full_prepayment_of_five_years_of_b300_is_3_06():
    # The vendor's own second figure: 6% below 3.25
    extra = extra_discount_share(prepaid_share=1.0, prepay_to_share=0.2, most_extra_discount_share=0.06)
    assert _rate(1.0, 1.0, extra) == pytest.approx(3.055)


def test_the_term_makes_seven_tenths_of_the_way():
    assert _rate(1.0, 0.0) == pytest.approx(7.40 - 0.7 * 4.15)
    assert _rate(0.0, 1.0) == pytest.approx(7.40 - 0.3 * 4.15)


def test_a_floor_at_the_ceiling_is_the_rate_whatever_the_scores():
    np.testing.assert_allclose(_rate(np.array([0.0, 0.5, 1.0]), 0.4, floor=7.40), 7.40)


def test_a_score_is_0_up_to_its_start_and_1_from_its_end():
    found = term_score_share(committed_months=[0.0, 1.0, 30.5, 60.0, 72.0], term_from_months=1.0, term_to_months=60.0)
    np.testing.assert_allclose(found, [0.0, 0.0, 0.5, 1.0, 1.0])
    found = prepay_score_share(prepaid_share=[0.0, 0.1, 0.15, 0.2, 1.0], prepay_from_share=0.1, prepay_to_share=0.2)
    np.testing.assert_allclose(found, [0.0, 0.0, 0.5, 1.0, 1.0])


def test_the_first_points_beyond_the_full_score_buy_most():
    prepaid = np.array([0.0, 0.2, 0.4, 1.0])
    found = extra_discount_share(prepaid_share=prepaid, prepay_to_share=0.2, most_extra_discount_share=0.06)
    np.testing.assert_allclose(found, [0.0, 0.0, 0.03, 0.06])


def test_nothing_is_beyond_a_full_score_that_takes_all_fees():
    assert extra_discount_share(prepaid_share=1.0, prepay_to_share=1.0, most_extra_discount_share=0.06) == 0.0
