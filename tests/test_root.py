"""Roots of functions that rise: exact on straight pieces, the first number behind a jump, in few calls."""

import numpy as np
import pytest

from colocalc.root import rising_root


class Counted:
    """A function of each scenario, and how often it was asked."""

    def __init__(self, worth):
        self.worth, self.calls = worth, 0

    def __call__(self, at):
        self.calls += 1
        return np.asarray(self.worth(at))


def root(worth, low, high, close=0.0):
    counted = Counted(worth)
    found = rising_root(counted, np.asarray(low), np.asarray(high), np.asarray(close))
    return found, counted.calls


def test_a_straight_line_is_met_by_its_first_chord():
    assert root(lambda at: 2.0 * at - 3.0, 0.5, 4.5) == (1.5, 3)


def test_a_bracket_that_is_a_point_is_asked_at_its_ends_alone():
    assert root(lambda at: at, 3.0, 3.0) == (3.0, 2)


@pytest.mark.parametrize("jump", [0.3, 1.0, 2.5, 3.999])
@pytest.mark.parametrize("behind", [1e-9, 1.0, 1e9])
def test_at_a_jump_the_answer_is_the_first_number_behind_it(jump, behind):
    found, calls = root(lambda at: np.where(at <= jump, -1.0, behind), 0.0, 4.0)
    assert found == np.nextafter(jump, np.inf)
    assert calls <= 2 + 2 * 60  # every second call halves the bracket, and a double below 1 has some more than 52 bits


def test_where_the_value_stays_0_the_bracket_closes_on_the_first_number_that_is_found():
    assert root(lambda at: np.clip(at - 1.0, -1.0, 0.0) + np.clip(at - 3.0, 0.0, 1.0), 0.0, 4.0) == (2.0, 3)


def test_what_is_close_to_0_counts_as_0():
    assert root(lambda at: at**3 - 3.0, 0.0, 2.0, 2.578125) == (0.75, 3)  # 0.75^3 - 3 = -2.578125
    assert root(lambda at: at**3 - 3.0, 0.0, 2.0, 2.578124)[1] > 3


def test_a_root_behind_values_under_1_is_closed_in_on():
    found, _ = root(lambda at: at**2 - 0.5, 0.0, 1.0)
    assert found == pytest.approx(np.sqrt(0.5), rel=1e-15)


def test_a_bracket_inside_a_straight_piece_takes_one_more_chord():
    # Chord to 4/22, half to 2.09, chord to 0.76, half to 1.42: both ends are below the bend at 2.
    assert root(lambda at: np.where(at < 2.0, at - 1.0, 10.0 * at - 19.0), 0.0, 4.0) == (pytest.approx(1.0), 7)


def test_scenarios_do_not_change_each_other_and_missing_ends_have_no_root():
    level = np.array([2.0, 7.0, 1.0])
    found, _ = root(lambda at: at**3 - level, [0.0, 0.0, np.nan], 8.0)
    assert found[:2].tolist() == [root(lambda at, to=to: at**3 - to, 0.0, 8.0)[0] for to in level[:2]]
    assert np.isnan(found[2])


def test_values_of_one_scenario_and_ends_of_many_have_the_shape_of_both():
    found, _ = root(lambda at: at - 1.0, [[0.0], [0.5]], [2.0, 3.0, 4.0], [0.0, 0.0, 0.0])
    assert found.tolist() == [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
