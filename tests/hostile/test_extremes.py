"""Numbers at the ends of what they may be: a report without a figure that is none, or every fault with its place."""

import json

import pytest

FLEET = b"""
name: x
pools: [{name: a, gpu: h100-sxm, count: 1_024}, {name: b, gpu: h200-sxm, count: 512}]
site: {facility_power_mw: 3, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 8_388_608, layout: {tp: 2}}
reliability: {failures_per_1000_gpu_day: 1}
lease: {rate_usd_per_gpu_h: 2, months: 36}
costs: {capital_usd_per_gpu: {h100-sxm: 30_000, h200-sxm: 35_000}}
finance: {discount_rate_share: 0.1, tax_rate_share: 0.21, loss_usd: 1e9, loss_months: 12}
"""
EXTREMES = (
    "pools.0.count=0",
    "pools.a.count=1",
    "pools.a.count=1e15",
    "pools.a.count=1e308",
    "pools.a.count=5e-324",
    "lease.rate_usd_per_gpu_h=0",
    "lease.rate_usd_per_gpu_h=-1",
    "lease.rate_usd_per_gpu_h=1e308",
    "lease.rate_usd_per_gpu_h=5e-324",
    "lease.months=1200",
    "lease.months=1",
    "lease.start=9999-12-31",
    "lease.start=0001-01-01",
    "lease.start=2024-02-29",
    "lease.start=2023-02-29",
    "lease.start=9999-01-01",
    "finance.discount_rate_share=0",
    "finance.discount_rate_share=10",
    "finance.discount_rate_share=1e308",
    "finance.discount_rate_share=-0.99",
    "debt={sizing: amount, amount_usd: 0, interest_share: 0, tenor_months: 12}",
    "debt={sizing: amount, amount_usd: 1e308, interest_share: 0.1, tenor_months: 12}",
    "debt={sizing: dscr, target_dscr_factor: 1, interest_share: 10, tenor_months: 36}",
    "debt={sizing: dscr, target_dscr_factor: 1e308, interest_share: 1e-320, tenor_months: 1}",
    "debt={advance_rate_share: 1, interest_share: 0.5, tenor_months: 36, reserve_months: 1e300}",
    "depreciation={book_life_yr: 0.01}",
    "depreciation={book_life_yr: 1e-320}",
    "depreciation={book_life_yr: 1e308}",
    "depreciation={tax_life_yr: 1e6, tax_method: straight-line}",
    "depreciation={tax_life_yr: 1e15, tax_method: straight-line}",
    "depreciation={tax_life_yr: 0.01, tax_method: straight-line}",
    "depreciation={data_centre_life_yr: 1e-320}",
    "depreciation={residual_curve_share: [1,1,1]}",
    "depreciation={residual_share: 1}",
    "lease.billed_share=0",
    "lease.billed_share=1",
    "lease.billed_share={value: 0.5, low: 0.9, high: 0.1}",
    "lease.billed_share={value: 0.5, low: 0.5, high: 0.5}",
    "training.sequence_tokens=1",
    "training.global_batch_tokens=1",
    "training.sequence_tokens=1e15",
    "training.global_batch_tokens=1e18",
    "training.layout.tp=7",
    "training.layout.tp=1e6",
    "training.layout.pp=3",
    "training.layout.vpp=100",
    "training.layout.micro_batch=1e9",
    "training.layout.cp=64",
    "training.layout.dp=3",
    "reliability.failures_per_1000_gpu_day=0",
    "reliability.failures_per_1000_gpu_day=1e308",
    "reliability.restart_s=0",
    "reliability.restart_s=1e308",
    "reliability.checkpoint_s=0",
    "reliability.checkpoint_s=1e308",
    "site.pue_factor=1",
    "site.pue_factor=1e308",
    "site.facility_power_mw=1e-320",
    "site.facility_power_mw=1e308",
    "site.energy_price_usd_per_mwh=1e308",
    "finance.loss_usd=0",
    "finance.loss_usd=1e308",
    "finance.loss_months=1e-300",
    "finance.loss_months=10000",
    "finance.tax_rate_share=1",
    "finance.total_h100e_count=1",
    "finance.total_h100e_count=1e308",
    "finance.valuation_usd=5e-324",
    "costs.operations_usd_per_yr=1e308",
    "costs.spares_share=1",
    "costs.capital_usd_per_gpu={h100-sxm: 0, h200-sxm: 0}",
    "costs.capital_usd_per_gpu={h100-sxm: 1e308, h200-sxm: 1e308}",
    "costs.escalator_share_per_yr=1",
    "costs.escalator_share_per_yr=1e30",
    "costs.escalator_share_per_yr=-1",
    "lease.escalator_share_per_yr=1e30",
    "lease.escalator_share_per_yr=-1",
    "lease.escalator_share_per_yr=-0.999999",
    "lease.notice={months: 1e300, after_months: 0}",
    "lease.notice={months: 0, after_months: 0, share_per_month: 1}",
    "lease.market={rate_usd_per_gpu_h: 1e308, months: 12}",
    "lease.market={rate_usd_per_gpu_h: 1, months: 1163}",
    "lease.market={rate_usd_per_gpu_h: 1, months: 1e300}",
    "lease.market={rate_usd_per_gpu_h: 1, months: 12, gap_months: 1e300}",
    "lease.prepayment={revenue_share: 1}",
    "lease.prepayment={amount_usd: 1e308}",
    "lease.prepayment={revenue_share: 1, credited_from_yr: 3, credited_to_yr: 1}",
    "lease.ramp_months=36",
    "lease.ramp_share=[0,0,0]",
    "lease.ramp_share=[1,0.5]",
    "lease.ramp_share=[]",
    "lease.sla={availability_share: 0, promised_share: 1, credit_share: 1}",
    "lease.power_passthrough_share=1",
    "training.outer_sync_interval_steps=1e15",
    "finance.periods=monthly",
    "network.nic_gbit_per_s=1e-320",
    "network.nic_gbit_per_s=1e308",
    "network.oversubscription_factor=1e308",
    "training.allocation_share=0",
    "risk={tail_share: 0.5}",
    "risk={tail_share: 0}",
    "risk={rate_correlation_share: 1}",
    "risk={market_volatility_share_per_yr: 1e308}",
    "inference={model: llama-3.1-8b, prompt_tokens: 1, output_tokens: 1, replica_gpu_count: 1, utilization_share: 0}",
    "inference={model: llama-3.1-8b, prompt_tokens: 1e15, output_tokens: 1e15, replica_gpu_count: auto, utilization_share: 1}",
    "training.measured={}",
    "gpus={}",
    "as_of=9999-12-31",
    "as_of=0001-01-01",
)
MAY_EXCEED_ONE = ("hedge.", "h100e.", "lease.break_even_billed_share")  # over a loss, over a total, over what there is
MAY_BE_NEGATIVE = ("hedge.", "lease.project_irr", "lease.equity_irr", "lease.capitalised_valuation", "lease.multiple_")


def finite(value):
    raise AssertionError(f"{value} is no figure")


@pytest.mark.parametrize("extreme", EXTREMES)
def test_a_number_at_an_end_is_reported_or_refused_with_its_place(colocalc, extreme):
    run = colocalc("report", "-", "--format", "json", "--set", extreme, stdin=FLEET)

    if run.code:
        assert (run.code, run.out) == (3, "")
        assert len(run.err) < 4_000
        return
    for name, value in json.loads(run.out, parse_constant=finite)["metrics"].items():
        if name.endswith("_share"):
            assert value >= 0.0 or name.startswith(MAY_BE_NEGATIVE), name
            assert value <= 1.0 + 1e-9 or name.startswith(MAY_EXCEED_ONE), name
        assert value >= 0.0 or not name.startswith("mfu."), name


def test_where_no_hour_is_billed_no_share_of_them_breaks_even(colocalc):
    run = colocalc("lease", "-", "--format", "json", "--set", "lease.billed_share=0", stdin=FLEET)

    assert run.code == 0
    assert "lease.break_even_billed_share" in json.loads(run.out)["undefined"]


def test_where_the_market_pays_for_all_of_it_no_share_of_hours_is_negative(colocalc):
    market = "lease.market={rate_usd_per_gpu_h: 1, months: 1163}"
    run = colocalc("lease", "-", "--format", "json", "--set", market, stdin=FLEET)

    assert run.metrics["lease.break_even_rate_usd_per_gpu_h"] < 0.0
    assert "lease.break_even_billed_share" in json.loads(run.out)["undefined"]


def test_a_tax_life_beyond_all_years_writes_nothing_off(colocalc):
    def taxed(life_yr):
        tax = f"depreciation={{tax_method: straight-line, tax_life_yr: {life_yr}}}"
        return colocalc("lease", "-", "--format", "json", "--set", tax, stdin=FLEET).metrics["lease.project_npv_usd"]

    assert taxed("1e15") == pytest.approx(taxed("1e9"), rel=1e-6)
    assert taxed("1e15") < taxed("5")
