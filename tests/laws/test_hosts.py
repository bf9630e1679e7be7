"""What one host does to a whole job: the jitter that all wait for, and the replicas that its failure stops."""

import numpy as np
import pytest

from colocalc.mfu.job import on_job_axis
from colocalc.mfu.pace import paced
from colocalc.mfu.step import jitter_excess_share, stopped_replica_count


def _excess(make_job, **changes):
    job = on_job_axis(make_job(gpu_count=(4_096.0,), **changes))
    return float(np.ravel(jitter_excess_share(job, *paced(job)))[0])


def test_without_a_batch_every_micro_batch_ends_at_a_barrier(make_job):
    one = 8_192.0 * 4_096.0 / 128.0  # a micro-batch of one sequence on each of 32 replicas
    none, single = _excess(make_job, global_batch_tokens=np.nan), _excess(make_job, global_batch_tokens=one)
    assert none >= single > 0.0


def test_barriers_far_apart_leave_the_persistent_part(make_job):
    often, seldom, never = (
        _excess(make_job, outer_sync_interval_steps=steps, constants={"persistent_share": share})
        for steps, share in ((1.0, 0.4), (1e16, 0.4), (1.0, 1.0))
    )
    assert seldom < often
    assert seldom == pytest.approx(0.4 * never, rel=1e-6)


@pytest.mark.parametrize(
    ("domain", "replica", "stopped"), [(8.0, 8.0, 1), (8.0, 64.0, 1), (72.0, 8.0, 9), (72.0, 144.0, 1)]
)
def test_a_failure_stops_the_replicas_of_what_goes_down_together(make_job, domain, replica, stopped):
    chip = {"domain_gpu_count": domain, "node_gpu_count": min(domain, 8.0)}
    job = make_job(gpu_count=(4_608.0,), chip=chip, tp_count=replica, pp_count=1.0, cp_count=1.0)
    assert stopped_replica_count(job).tolist() == [stopped]
