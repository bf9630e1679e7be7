"""Facts about the rate cards that share one weighted mean."""

import numpy as np
import pytest

from colocalc.lease.card_family import (
    condition_factor,
    highest_rate_usd_per_gpu_h,
    lowest_rate_usd_per_gpu_h,
)

GPUS = [150_000.0, 50_000.0, 20_000.0]


def _third(rates, mean=2.60, weight=GPUS):
    """The one rate that is not known, from the others and the mean."""
    weight, unknown = np.asarray(weight), np.isnan(rates)
    return (mean * weight.sum() - np.nansum(weight * rates)) / weight[unknown].sum()


def _range(low, high, mean=2.60, weight=GPUS):
    terms = {
        "weight": weight,
        "low_usd_per_gpu_h": low,
        "high_usd_per_gpu_h": high,
        "mean_rate_usd_per_gpu_h": mean,
    }
    return lowest_rate_usd_per_gpu_h(**terms), highest_rate_usd_per_gpu_h(**terms)


def test_the_condition_at_2_60_is_7_5_a_plus_2_5_b_plus_c_equal_to_28_6():
    factor = condition_factor(weight=GPUS)
    np.testing.assert_array_equal(factor, [7.5, 2.5, 1.0])
    assert 2.60 * factor.sum() == pytest.approx(28.6)


def test_with_30_000_gb200_it_is_15_a_plus_5_b_plus_3_c_equal_to_59_8():
    factor = 3 * condition_factor(weight=[150e3, 50e3, 30e3])
    np.testing.assert_allclose(factor, [15, 5, 3])
    assert 2.60 * factor.sum() == pytest.approx(59.8)


def test_the_condition_is_undefined_by_a_last_pool_of_no_weight():
    assert np.isnan(condition_factor(weight=[1.0, 0.0])).all()


def test_ranges_of_the_rates_of_the_story():
    # 7.5 a + 2.5 b + c = 28.6 with a in 1.5-4, b in 2-5, c in 3-6
    low, high = _range([1.5, 2.0, 3.0], [4.0, 5.0, 6.0])
    np.testing.assert_allclose(low, [1.5, 2.0, 3.0])
    np.testing.assert_allclose(high, [(28.6 - 5 - 3) / 7.5, 5.0, 6.0])


def test_ranges_where_every_band_binds():
    low, high = _range([2.3, 2.6, 3.0], [2.4, 3.0, 6.0])
    np.testing.assert_allclose(low, [2.3, 2.6, 28.6 - 18 - 7.5])
    np.testing.assert_allclose(high, [2.4, 3.0, 28.6 - 17.25 - 6.5])


def test_the_range_of_one_pool_is_the_mean():
    np.testing.assert_allclose(_range([1.0], [5.0], weight=[8.0]), [[2.60], [2.60]])


def test_a_pool_of_no_weight_may_have_any_rate_of_its_band():
    low, high = _range([1.0, 2.0, 3.0], [4.0, 5.0, 9.0], weight=[100.0, 50.0, 0.0])
    assert (low[2], high[2]) == (3.0, 9.0)
    np.testing.assert_allclose(low[:2], [1.4, 2.0])


@pytest.mark.parametrize(("low", "high"), [([3.0] * 3, [9.0] * 3), ([1.0] * 3, [2.5] * 3)], ids=["dear", "cheap"])
def test_bands_that_hold_no_card_of_the_mean_are_undefined(low, high):
    assert np.isnan(_range(low, high)).all()
    assert np.isnan(_range(low, high, weight=[1.0, 1.0, 0.0])).all()


def test_bands_that_hold_one_card_give_it():
    np.testing.assert_allclose(_range([2.6] * 3, [9.0] * 3), np.full((2, 3), 2.6))


def test_every_end_of_a_range_belongs_to_a_card_of_the_mean():
    low, high = _range([1.8, 2.0, 3.0], [2.6, 3.5, 5.5])
    for place in range(3):
        for end in (low[place], high[place]):
            others = [other for other in range(3) if other != place]
            # The third rate follows from this one and a second inside its band, for some second.
            thirds = [
                float(_third(np.array([end if p == place else second if p == others[0] else np.nan for p in range(3)])))
                for second in np.linspace([1.8, 2.0, 3.0][others[0]], [2.6, 3.5, 5.5][others[0]], 201)
            ]
            bottom, top = [1.8, 2.0, 3.0][others[1]], [2.6, 3.5, 5.5][others[1]]
            assert any(bottom - 1e-9 <= third <= top + 1e-9 for third in thirds)


def test_cards_of_many_fleets_and_of_bands_of_one():
    weights = [GPUS, [0.5, 0.25, 0.25], [0.0, 1.0, 3.0]]
    low, high = [1.5, 2.0, 2.0], [4.0, 5.0, 6.0]
    for found, *rows in zip(
        _range(low, high, weight=weights), *(_range(low, high, weight=w) for w in weights), strict=True
    ):
        np.testing.assert_allclose(found, rows)
    # What is left of 2.6 where the others are at their lowest, within the band
    lowest, highest = _range(low, high, weight=weights[1])
    np.testing.assert_allclose(highest, [2 * (2.6 - 0.5 - 0.5), 5.0, 4 * (2.6 - 0.75 - 0.5)])
    np.testing.assert_allclose(lowest, low)


@pytest.mark.parametrize("mean", [0.7, 1.1, 2.3])
def test_rounding_of_large_fleets_leaves_the_card_of_equal_rates(mean):
    for weight in ([1e6, 3e6, 7e6], [3e6, 3e6, 3e6]):
        np.testing.assert_allclose(_range([mean] * 3, [mean] * 3, mean=mean, weight=weight), np.full((2, 3), mean))
