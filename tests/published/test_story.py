"""The figures of the founding story, through the command line's JSON as a journalist would check them.

Hand arithmetic and the sources behind each stand beside it.
"""

import pytest


def metrics(colocalc, *arguments):
    run = colocalc(*arguments, "--format", "json")
    assert run.code == 0, run.err
    return run.metrics


def test_the_story_card_is_2_60_and_5_01_billion_a_year(colocalc):
    found = metrics(colocalc, "lease", "colossus-1", "--rate-card", "story-2026-05")

    # (150 x 2.20 + 50 x 2.90 + 20 x 4.85) / 220; 220,000 x 8,760 x 2.60
    assert found["lease.mean_rate_usd_per_gpu_h"] == pytest.approx(2.60, abs=1e-9)
    assert found["lease.run_rate_revenue_usd_per_yr"] == pytest.approx(5_010_720_000, rel=1e-12)
    assert found["pools.gb200.lease.run_rate_revenue_usd_per_yr"] == pytest.approx(20_000 * 8_760 * 4.85, rel=1e-12)


def test_ninety_percent_billed_is_ninety_percent_of_it(colocalc):
    found = metrics(colocalc, "lease", "colossus-1", "--rate-card", "story-2026-05", "--set", "lease.billed_share=0.9")

    assert found["lease.run_rate_revenue_usd_per_yr"] == pytest.approx(4_509_648_000, rel=1e-12)
    assert found["lease.mean_rate_usd_per_gpu_h"] == pytest.approx(2.60, abs=1e-9)


def test_power_at_300_megawatts_costs_180_million_a_year(colocalc):
    found = metrics(colocalc, "lease", "colossus-1")

    # 300 MW x 8,760 h x 68.50 USD/MWh
    assert found["lease.power_cost_usd_per_yr"] == pytest.approx(180_018_000, rel=1e-12)
    assert found["lease.contribution_usd_per_yr"] == pytest.approx(5_010_720_000 - 180_018_000, rel=1e-12)
    assert found["lease.revenue_usd_per_mw_yr"] == pytest.approx(5_010_720_000 / 300, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "rate"),
    [((), 3.11333), (("--scenario", "gb200-30k"), 2.97796), (("--set", "lease.billed_share=0.9"), 3.45925)],
)
def test_the_rate_that_covers_six_billion(colocalc, arguments, rate):
    found = metrics(colocalc, "hedge", "colossus-1", *arguments)

    assert found["hedge.gross_cover_rate_usd_per_gpu_h"] == pytest.approx(rate, abs=5e-6)


def test_the_hedge_is_0_835_gross_and_less_after_power(colocalc):
    run = colocalc("hedge", "colossus-1", "--format", "json")

    assert run.metrics["hedge.gross_share"] == pytest.approx(0.83512, abs=1e-9)
    # (5,010.72 - 180.018) / 6,000
    assert run.metrics["hedge.contribution_share"] == pytest.approx(0.805117, abs=1e-6)


def test_the_cash_ratio_needs_debt(colocalc):
    import json

    undefined = json.loads(colocalc("hedge", "colossus-1", "--format", "json").out)["undefined"]

    assert not [name for name in undefined if name.startswith("hedge.ebit")]
    assert undefined["hedge.cash_share"] == undefined["hedge.cash_cover_rate_usd_per_gpu_h"] == "needs debt"


@pytest.mark.parametrize(("scenario", "count"), [(None, 250_533), ("superchips", 301_066), ("gb200-30k", 275_800)])
def test_equivalents_on_the_eight_bit_basis(colocalc, scenario, count):
    found = metrics(colocalc, "h100e", "colossus-1", *(("--scenario", scenario) if scenario else ()))

    # 200,000 + n x 5,000 / 1,978.9 (Epoch AI's basis)
    assert found["h100e.eight_bit_dense_count"] == pytest.approx(count, abs=1)


def test_the_share_of_550k_is_0_456_in_one_unit_and_0_40_in_mixed_ones(colocalc):
    run = colocalc("h100e", "colossus-1")
    found = metrics(colocalc, "h100e", "colossus-1")

    assert found["h100e.eight_bit_dense_total_share"] == pytest.approx(0.4555, abs=5e-5)
    assert found["h100e.raw_total_share"] == pytest.approx(0.40, abs=1e-12)
    assert "mixed units: 220,000 GPUs / 550,000 H100-equivalents = 40.0% divides GPUs by equivalents" in run.err


def test_bandwidth_equivalents(colocalc):
    found = metrics(colocalc, "h100e", "colossus-1")

    # 150 + 50 x 4.8 / 3.35 + 20 x 8.0 / 3.35, in thousands
    assert found["h100e.hbm_bandwidth_count"] == pytest.approx(269_403, abs=1)
    assert found["h100e.hbm_bandwidth_total_share"] == pytest.approx(0.490, abs=5e-4)


def test_equal_split_on_achieved_rates_keeps_0_9_in_the_report(colocalc):
    found = metrics(colocalc, "mfu", "colossus-1")

    # 219,776 x 0.803 x 989.4 / (199,808 x 0.803 x 989.4 + 19,968 x 0.729 x 2,500) by products: 0.895
    assert found["mfu.stage.mixed_generations_factor"] == pytest.approx(0.895, abs=5e-3)


def test_thirty_thousand_gb200_cost_more_to_mix(colocalc):
    found = metrics(colocalc, "mfu", "colossus-1", "--scenario", "gb200-30k")

    assert found["mfu.stage.mixed_generations_factor"] == pytest.approx(0.856, abs=1e-2)


def test_llama_3_on_16k_h100_is_within_the_published_range(colocalc):
    found = metrics(colocalc, "mfu", "meta-llama3-16k")

    # Llama 3, Table 4: 41%, 400 TFLOP/s a GPU; the tool's constants are set on other runs.
    assert 0.38 <= found["mfu.step_share"] <= 0.44
    # "over 90% effective training time", section 3.3.4
    assert found["mfu.stage.goodput_factor"] == pytest.approx(0.90, abs=0.02)


def test_step_times_goodput_times_allocation_is_the_fleet(colocalc):
    found = metrics(colocalc, "mfu", "colossus-1", "--set", "training.allocation_share=0.5")

    assert found["mfu.job_share"] == pytest.approx(found["mfu.step_share"] * found["mfu.stage.goodput_factor"])
    assert found["mfu.fleet_share"] == pytest.approx(found["mfu.job_share"] * 0.5)


def test_three_hundred_megawatts_bind_at_nameplate_and_not_at_typical_draw(colocalc):
    typical = metrics(colocalc, "mfu", "colossus-1")
    nameplate = metrics(colocalc, "mfu", "colossus-1", "--set", "sites.memphis.draw=nameplate")

    assert typical["mfu.stage.power_factor"] == 1.0
    # The GPUs keep 0.685 of theirs; to the power 0.7.
    assert nameplate["mfu.stage.power_factor"] == pytest.approx(0.767, abs=2e-3)
