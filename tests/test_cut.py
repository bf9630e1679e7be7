"""Facts about a job's cut: which pools take part, and which of them gates."""

import numpy as np

from colocalc.mfu.cut import Cut, least, most


def cut(laid_out):
    whole = np.ones(len(laid_out))
    count = np.asarray(laid_out)
    return Cut(count, count, worker_count=count, replica_count=whole, micro_batch_count=whole, batch_tokens=whole)


def test_the_pools_of_each_scenario_that_take_part_gate_it():
    laid_out = [[8.0, 0.0, 16.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    quantity = np.array([[3.0, 1.0, 5.0], [4.0, -2.0, 6.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(least(cut(laid_out), quantity), [3.0, -2.0, np.nan])
    np.testing.assert_array_equal(most(cut(laid_out), quantity), [5.0, -2.0, np.nan])
