"""The price of a GPU-hour by how long it is committed to and how much is paid ahead."""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def surface_rate_usd_per_gpu_h(
    *,
    ceiling_usd_per_gpu_h: ArrayLike,
    floor_usd_per_gpu_h: ArrayLike,
    term_weight_share: ArrayLike,
    prepay_weight_share: ArrayLike,
    term_score_share: ArrayLike,
    prepay_score_share: ArrayLike,
    extra_discount_share: ArrayLike,
) -> Array:
    """The rate between a ceiling and a floor by two scores, less a discount.

    Parameters
    ----------
    ceiling_usd_per_gpu_h : array_like (...)
        Rate without commitment and prepayment.
    floor_usd_per_gpu_h : array_like (...)
        Rate at the full scores, before the discount.
    term_weight_share : array_like (...)
        Part of the way that the term makes.
    prepay_weight_share : array_like (...)
        Part of the way that the prepayment makes.
    term_score_share : array_like (...)
        Score of the term, 0 to 1.
    prepay_score_share : array_like (...)
        Score of the prepayment, 0 to 1.
    extra_discount_share : array_like (...)
        Share off for what is prepaid beyond the full score.

    Returns
    -------
    ndarray (...)
        Rate [usd_per_gpu_h].

    Notes
    -----
    ``(ceiling - (ceiling - floor) (w_t s_t + w_p s_p)) (1 - extra)``

    - Both scores 0 and nothing extra: the ceiling.
    - Both scores 1, weights that sum to 1 and nothing extra: the floor.
    - A floor at the ceiling: that rate, whatever the scores.

    References
    ----------
    iForels, pricing calculator, methodology (source iforels-calculator).
    """
    ceiling = as_array(ceiling_usd_per_gpu_h)
    way = as_array(term_weight_share) * as_array(term_score_share)
    way = way + as_array(prepay_weight_share) * as_array(prepay_score_share)
    return (ceiling - (ceiling - as_array(floor_usd_per_gpu_h)) * way) * (1.0 - as_array(extra_discount_share))


def term_score_share(*, committed_months: ArrayLike, term_from_months: ArrayLike, term_to_months: ArrayLike) -> Array:
    """How far a term has come from where its score is 0 to where it is 1.

    Parameters
    ----------
    committed_months : array_like (...)
        The term.
    term_from_months : array_like (...)
        Term of score 0.
    term_to_months : array_like (...)
        Term of score 1, longer than that.

    Returns
    -------
    ndarray (...)
        Score [share].

    Notes
    -----
    ``clip((T - from) / (to - from), 0, 1)``

    - At ``from`` and below: 0; at ``to`` and above: 1.
    - Half way between: a half.

    References
    ----------
    iForels, pricing calculator, methodology: 0 up to a month, 1 at five years (source iforels-calculator).
    """
    return _score(committed_months, term_from_months, term_to_months)


def prepay_score_share(*, prepaid_share: ArrayLike, prepay_from_share: ArrayLike, prepay_to_share: ArrayLike) -> Array:
    """How far a prepayment has come from where its score is 0 to where it is 1.

    Parameters
    ----------
    prepaid_share : array_like (...)
        Share of all fees that is paid at signing.
    prepay_from_share : array_like (...)
        Prepayment of score 0.
    prepay_to_share : array_like (...)
        Prepayment of score 1, above that.

    Returns
    -------
    ndarray (...)
        Score [share].

    Notes
    -----
    ``clip((p - from) / (to - from), 0, 1)``

    - At ``from`` and below: 0; at ``to`` and above: 1.

    References
    ----------
    iForels, pricing calculator, methodology: 0 at 10% of all fees, 1 at 20% (source iforels-calculator).
    """
    return _score(prepaid_share, prepay_from_share, prepay_to_share)


def _score(value: ArrayLike, start: ArrayLike, end: ArrayLike) -> Array:
    first = as_array(start)
    return np.clip((as_array(value) - first) / (as_array(end) - first), 0.0, 1.0)


def extra_discount_share(
    *, prepaid_share: ArrayLike, prepay_to_share: ArrayLike, most_extra_discount_share: ArrayLike
) -> Array:
    """The discount for prepaying more than the full score asks for.

    Parameters
    ----------
    prepaid_share : array_like (...)
        Share of all fees that is paid at signing.
    prepay_to_share : array_like (...)
        Share at which the score of the prepayment is 1.
    most_extra_discount_share : array_like (...)
        Discount where all fees are prepaid.

    Returns
    -------
    ndarray (...)
        Share off the rate [share].

    Notes
    -----
    ``most sqrt((p - to) / (1 - to))``

    - A prepayment up to ``to``: 0.
    - All fees prepaid: all of it.
    - A quarter of the way beyond ``to``: half of it, so the first points buy most.
    - A full score that takes all fees: 0.

    References
    ----------
    iForels, pricing calculator, methodology: a bonus capped at 6% at 100% prepayment, by a root.
    """
    full = as_array(prepay_to_share)
    room = 1.0 - full
    beyond = np.clip((as_array(prepaid_share) - full) / np.where(room > 0.0, room, 1.0), 0.0, 1.0)
    return as_array(most_extra_discount_share) * np.sqrt(np.where(room > 0.0, beyond, 0.0))
