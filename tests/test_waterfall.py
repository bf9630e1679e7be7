"""One waterfall over the jobs of a fleet: weights, GPUs outside, gaps, and who is to blame."""

import numpy as np
import pytest

from colocalc.mfu.step import STEP_STAGES
from colocalc.mfu.waterfall import attribution_share, compose

ORDER = (*STEP_STAGES, "goodput")


def composed(*jobs, peaks=None, allocation=1.0, fleet=None):
    """Jobs given as the stages that are not 1."""
    weights = np.asarray(peaks or [1.0] * len(jobs))
    return compose(
        factors={name: np.asarray([job.get(name, 1.0) for job in jobs]) for name in ORDER},
        peak_flop_per_s=weights,
        allocation_share=allocation,
        fleet_peak_flop_per_s=weights.sum() if fleet is None else fleet,
    )


def near(value):
    return pytest.approx(value, rel=1e-12)


def test_the_stages_stand_in_their_order_with_allocation_last():
    assert list(composed({}).factors) == [*ORDER, "allocation"]


def test_a_job_of_three_times_the_peak_weighs_three_times():
    found = composed({"ceiling": 0.8}, {"ceiling": 0.4}, peaks=[3.0, 1.0])
    assert found.factors["ceiling"] == near((3 * 0.8 + 0.4) / 4)


def test_a_stage_is_weighted_by_what_the_stages_before_it_left():
    # Ceilings 0.8 and 0.4 leave 0.6 of the peak; the bubble halves the first job only: (0.4 + 0.4) / 2 = 0.4.
    found = composed({"ceiling": 0.8, "bubble": 0.5}, {"ceiling": 0.4})
    assert found.running["bubble"] == near(0.4)
    assert found.factors["bubble"] == near(0.4 / 0.6)


def test_step_job_and_fleet_mfu_stand_after_software_goodput_and_allocation():
    found = composed({"ceiling": 0.8, "software": 0.5, "goodput": 0.9}, allocation=0.25)
    assert found.step_share == near(0.4)
    assert found.job_share == near(0.36)
    assert found.fleet_share == near(0.09)
    assert found.factors["allocation"] == near(0.25)


def test_gpus_in_no_job_lower_the_allocation_and_nothing_else():
    found = composed({"ceiling": 0.8}, allocation=0.9, fleet=4.0)
    assert found.step_share == near(0.8)
    assert found.factors["allocation"] == near(0.9 / 4)
    assert found.fleet_share == near(0.8 * 0.9 / 4)


def test_the_better_job_counts_for_more_of_the_allocation():
    # 0.8 and 0.2 of the peak, allocated to 0.5 and to 1: (0.4 + 0.2) of (0.8 + 0.2)
    found = composed({"ceiling": 0.8}, {"ceiling": 0.2}, allocation=np.asarray([0.5, 1.0]))
    assert found.factors["allocation"] == near(0.6)
    assert found.fleet_share == near(0.3)


# What could not be modelled


def test_a_stage_no_job_could_model_counts_as_one_and_is_told():
    found = composed({"power": np.nan, "ceiling": 0.8}, {"power": np.nan})
    assert found.factors["power"] == 1.0
    assert found.unmodelled == {"power"}
    assert found.partly_unmodelled == frozenset()
    assert found.fleet_share == near(0.9)


def test_a_stage_some_job_could_not_model_counts_as_one_there_and_is_told_apart():
    found = composed({"data_parallel": 0.5}, {"data_parallel": np.nan})
    assert found.factors["data_parallel"] == near(0.75)
    assert found.unmodelled == frozenset()
    assert found.partly_unmodelled == {"data_parallel"}


@pytest.mark.parametrize("job", [{"data_parallel": np.nan}, {"data_parallel": np.nan, "layout_remainder": 0.0}])
def test_a_gap_in_a_job_without_gpus_or_after_nothing_is_no_gap(job):
    empty = composed({"data_parallel": 0.5}, job, peaks=[1.0, 0.0])
    assert empty.partly_unmodelled == frozenset()


def test_a_gap_behind_a_stage_that_leaves_nothing_is_no_gap():
    found = composed({"bubble": 0.0, "data_parallel": np.nan}, {"data_parallel": 0.5})
    assert found.partly_unmodelled == frozenset()


# A stage that leaves nothing


def test_a_stage_that_leaves_nothing_takes_the_whole_loss():
    found = composed({"ceiling": 0.8, "power": 0.0, "goodput": 0.9}, allocation=0.5)
    assert found.log_share["power"] == 1.0
    assert all(share == 0.0 for name, share in found.log_share.items() if name != "power")
    assert found.factors["power"] == 0.0
    assert found.step_share == found.job_share == found.fleet_share == 0.0


def test_no_stage_after_one_that_leaves_nothing_has_a_factor():
    found = composed({"power": 0.0, "goodput": 0.9}, allocation=0.5)
    later = [*ORDER[ORDER.index("power") + 1 :], "allocation"]
    assert all(np.isnan(found.factors[name]) for name in later)
    assert all(found.running[name] == 0.0 for name in later)


def test_a_fleet_without_any_job_hour_loses_all_to_allocation():
    found = composed({"ceiling": 0.8}, allocation=0.0)
    assert found.log_share["allocation"] == 1.0
    assert found.job_share == near(0.8)


# Who is to blame


def test_the_parts_of_the_loss_are_logarithms_and_sum_to_one():
    found = composed({"ceiling": 0.5, "bubble": 0.5, "goodput": 0.25})
    assert found.log_share["ceiling"] == near(0.25)
    assert found.log_share["bubble"] == near(0.25)
    assert found.log_share["goodput"] == near(0.5)
    assert sum(found.log_share.values()) == near(1.0)


def test_several_jobs_share_one_loss_that_sums_to_one():
    found = composed({"ceiling": 0.8, "power": np.nan}, {"ceiling": 0.3, "goodput": 0.4}, allocation=0.7, fleet=3.0)
    assert sum(found.log_share.values()) == near(1.0)


def test_scenarios_stand_in_front_of_the_jobs():
    stacked = compose(
        factors={name: np.full((3, 2), 0.9) if name == "ceiling" else np.ones(2) for name in ORDER},
        peak_flop_per_s=np.asarray([[1.0, 1.0], [1.0, 2.0], [0.0, 1.0]]),
        allocation_share=np.asarray([1.0, 0.5]),
        fleet_peak_flop_per_s=4.0,
    )
    assert stacked.fleet_share == pytest.approx([0.9 * 1.5 / 4, 0.9 * 2 / 4, 0.9 * 0.5 / 4], rel=1e-12)
    assert stacked.factors["ceiling"].shape == (3,)


def test_one_scenario_that_leaves_nothing_leaves_the_other_its_shares():
    stacked = compose(
        factors={name: np.asarray([[0.0], [0.5]]) if name == "power" else np.ones(1) for name in ORDER},
        peak_flop_per_s=np.ones(1),
        allocation_share=0.5,
        fleet_peak_flop_per_s=1.0,
    )
    assert list(stacked.log_share["power"]) == [1.0, 0.5]
    assert list(stacked.log_share["allocation"]) == [0.0, 0.5]


# What a stage has of a fall


def attributed(before_factor, after_factor, before_share=0.4, after_share=0.1):
    return attribution_share(
        before_factor=before_factor, after_factor=after_factor, before_share=before_share, after_share=after_share
    )


def test_a_stage_that_halves_has_half_of_a_fall_to_a_quarter():
    assert attributed(1.0, 0.5) == near(0.5)
    assert attributed(0.8, 0.4) == near(0.5)


def test_the_only_stage_that_differs_has_all_of_the_fall():
    assert attributed(0.9, 0.225) == near(1.0)


def test_a_stage_that_stays_has_none_of_it():
    assert attributed(0.7, 0.7) == 0.0


def test_a_stage_that_rose_counts_against_the_others_and_one_may_explain_more_than_all():
    assert attributed(0.5, 1.0) == near(-0.5)
    assert attributed(1.0, 0.125) == near(1.5)


def test_a_rise_is_shared_out_as_a_fall_is():
    assert attributed(0.5, 1.0, before_share=0.1, after_share=0.4) == near(0.5)


def test_without_a_fall_no_stage_has_a_part():
    assert np.isnan(attributed(1.0, 0.5, before_share=0.4, after_share=0.4))


def test_there_and_back_a_stage_has_the_same_part():
    assert attributed(0.9, 0.6, 0.35, 0.12) == near(float(attributed(0.6, 0.9, 0.12, 0.35)))


def test_the_parts_between_two_waterfalls_sum_to_one():
    one = composed({"ceiling": 0.8, "bubble": 0.9, "goodput": 0.9}, {"ceiling": 0.6}, allocation=0.9)
    two = composed({"ceiling": 0.8, "software": 0.6, "goodput": 0.3}, {"ceiling": 0.5}, allocation=0.7)
    parts = [
        float(attributed(one.factors[name], two.factors[name], one.fleet_share, two.fleet_share))
        for name in one.factors
    ]
    assert sum(parts) == near(1.0)
    assert parts[list(one.factors).index("power")] == 0.0


def test_many_falls_are_attributed_at_once():
    found = attributed(np.asarray([[1.0], [0.5]]), np.asarray([0.5, 0.25, 0.125]))
    assert found == pytest.approx(np.asarray([[0.5, 1.0, 1.5], [0.0, 0.5, 1.0]]), rel=1e-12)
