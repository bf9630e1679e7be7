"""Published failure rates and effective training times."""

import pytest

from colocalc.mfu.goodput import isolation_goodput_share, mttf_s, optimal_interval_s, restart_goodput_share

GPU_PER_NODE = 8
FT_HSDP_MTTF_S = 18 * 60.0
FT_HSDP_CHECKPOINT_S = 30.0


def restart_share(mttf, restart_s, checkpoint_s):
    interval = optimal_interval_s(mttf_s=mttf, checkpoint_s=checkpoint_s)
    return float(
        restart_goodput_share(
            mttf_s=mttf, restart_s=restart_s, checkpoint_s=checkpoint_s, checkpoint_interval_s=interval
        )
    )


def test_full_restarts_at_100k_gpus_keep_44_percent():
    """Fault-tolerant HSDP, arXiv 2602.00277, abstract: a stall of 10 minutes, 44% effective training time."""
    assert restart_share(FT_HSDP_MTTF_S, 600.0, FT_HSDP_CHECKPOINT_S) == pytest.approx(0.44, abs=0.03)


def test_replica_isolation_at_100k_gpus_keeps_80_percent():
    """Fault-tolerant HSDP, arXiv 2602.00277, abstract: a stall of 3 minutes, 80% effective training time."""
    share = isolation_goodput_share(mttf_s=FT_HSDP_MTTF_S, stall_s=180.0, replica_repair_s=600.0, replica_count=781)
    assert float(share) == pytest.approx(0.80, abs=0.06)


@pytest.mark.parametrize(("gpu_count", "hours"), [(16_384, 1.80), (131_072, 0.225)])
def test_mttf_projected_for_research_clusters(gpu_count, hours):
    """Kokolis et al., HPCA 2025 (arXiv 2410.21680): 6.50 failures per 1,000 node-days on RSC-1; printed 1.8 and 0.23 h."""
    mttf = mttf_s(gpu_count=[gpu_count], failures_per_1000_gpu_day=[6.50 / GPU_PER_NODE])
    assert float(mttf) / 3_600 == pytest.approx(hours, rel=0.005)


def test_llama_3_failure_rate_is_0_47_per_1000_gpu_days():
    """Llama 3, arXiv 2407.21783, section 3.3.4: 419 unexpected interruptions in 54 days on 16,384 GPUs."""
    rate = 419 / 54 / 16.384
    assert rate == pytest.approx(0.47, abs=0.005)
    mttf = mttf_s(gpu_count=[16_384], failures_per_1000_gpu_day=[rate])
    assert float(mttf) == pytest.approx(54 * 86_400 / 419)


def test_llama_3_keeps_about_90_percent():
    """Llama 3, arXiv 2407.21783, section 3.3.4: more than 90% effective training time; restarts of 8 minutes assumed."""
    mttf = mttf_s(gpu_count=[16_384], failures_per_1000_gpu_day=[0.47])
    assert restart_share(mttf, 480.0, 20.0) == pytest.approx(0.90, abs=0.01)


@pytest.mark.parametrize("minutes", [18.0])
def test_the_100k_class_fails_every_18_minutes_at_0_8_per_1000_gpu_days(minutes):
    """Reported for O(100k) GPUs beside arXiv 2602.00277."""
    mttf = mttf_s(gpu_count=[100_000], failures_per_1000_gpu_day=[0.80])
    assert float(mttf) / 60 == pytest.approx(minutes, rel=0.005)
