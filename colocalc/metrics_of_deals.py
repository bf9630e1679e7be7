"""Metrics of leases, cash flow and debt. Pure data, read by ``colocalc.metrics``.

A row is an id, its meaning, its equation, and whether each pool has it. Those of ``DEALS`` are
read from flows by month and by period, which stand in the tables of a report.
"""

from collections.abc import Mapping

Row = tuple[str, str, str, bool]

LEASE: tuple[Row, ...] = (
    (
        "lease.run_rate_revenue_usd_per_yr",
        "lease revenue of a year of 8,760 hours at full ramp, billed share applied",
        "sum(gpus * available_share * billed_share * 8760 * rate_usd_per_gpu_h) + sum(fee_usd_per_month * 12)",
        True,
    ),
    (
        "lease.mean_rate_usd_per_gpu_h",
        "lease rate weighted by billed GPU-hours",
        "lease.run_rate_revenue_usd_per_yr / lease.billed_gpu_h_per_yr",
        True,
    ),
    (
        "lease.billed_gpu_h_per_yr",
        "GPU-hours billed in a year",
        "sum(gpus * available_share * billed_share * 8760)",
        True,
    ),
    (
        "lease.power_cost_usd_per_yr",
        "energy and demand charge of the sites, by the share of their nameplate under contract",
        (
            "sum(contracted_share * facility_mw * "
            "(8760 * energy_price_usd_per_mwh + demand_charge_usd_per_kw_month * 1000 * 12))"
        ),
        False,
    ),
    (
        "lease.operations_cost_usd_per_yr",
        "operations, colocation and shares of capital, by the share of nameplate under contract",
        (
            "contracted_share * operations_usd_per_yr + "
            "(maintenance_share_per_yr + replacement_share_per_yr) * hardware + "
            "insurance_share_per_yr * (hardware + building) + "
            "colocation_usd_per_kw_month * sum(contracted_share * it_mw) * 1000 * 12"
        ),
        False,
    ),
    (
        "lease.contribution_usd_per_yr",
        "revenue less power and operations",
        "lease.run_rate_revenue_usd_per_yr - lease.power_cost_usd_per_yr - lease.operations_cost_usd_per_yr",
        False,
    ),
    (
        "lease.revenue_usd_per_mw_yr",
        "revenue per facility megawatt of all sites",
        "lease.run_rate_revenue_usd_per_yr / lease.facility_power_mw",
        False,
    ),
    ("lease.facility_power_mw", "power at the sites' meters: as given, else modelled", "sum(facility_mw)", False),
)
DEALS: tuple[Row, ...] = (
    (
        "lease.contract_revenue_usd",
        "fees of all contracts to their ends, by the calendar: ramp, leap days, escalator, credits, power passed on",
        "sum(fees)",
        True,
    ),
    ("lease.headline_value_usd", "all fees to the end, if nobody gives notice", "sum(fees)", False),
    (
        "lease.firm_value_usd",
        "fees that survive a notice given as early as it may be",
        "sum(fees * firm_share)",
        False,
    ),
    (
        "lease.expected_value_usd",
        "fees weighted by the probability that the contract still runs, a notice with its fees included",
        "sum(fees * alive_share)",
        False,
    ),
    (
        "lease.expected_refund_usd",
        "prepayment that is owed back when the contract ends early, weighted by the probability that it ends then",
        "sum((cash_fees - fees) * alive_share)",
        False,
    ),
    (
        "lease.capital_usd",
        "hardware under contract, and its part of an owned data centre",
        "sum(capital)",
        False,
    ),
    ("lease.debt_usd", "all that is borrowed", "sum(draw)", False),
    ("lease.debt_share", "debt over capital", "lease.debt_usd / lease.capital_usd", False),
    (
        "lease.project_npv_usd",
        "net present value of the assets after tax, before debt",
        "sum(project_flow / (1 + r) ** t)",
        False,
    ),
    (
        "lease.project_irr_share",
        "internal rate of return of the assets after tax, a year; undefined where there is none or several",
        "rate at which sum(project_flow / (1 + rate) ** t) is 0",
        False,
    ),
    (
        "lease.project_npv_before_tax_usd",
        "net present value of the assets before tax and debt",
        "sum(before_tax_flow / (1 + r) ** t)",
        False,
    ),
    (
        "lease.project_irr_before_tax_share",
        "internal rate of return of the assets before tax, a year",
        "rate at which sum(before_tax_flow / (1 + rate) ** t) is 0",
        False,
    ),
    (
        "lease.equity_npv_usd",
        "net present value of the owners after tax and debt service",
        "sum(equity_flow / (1 + r_equity) ** t)",
        False,
    ),
    (
        "lease.equity_irr_share",
        "internal rate of return of the owners after tax and debt, a year; undefined where there is none or several",
        "rate at which sum(equity_flow / (1 + rate) ** t) is 0",
        False,
    ),
    (
        "lease.equity_moic_factor",
        "what owners take out over what they pay in",
        "sum(paid_out) / sum(paid_in)",
        False,
    ),
    (
        "lease.payback_yr",
        "years until flows after tax add up to 0, capital included",
        "first t at which the sum(project_flow) is 0",
        False,
    ),
    (
        "lease.break_even_rate_usd_per_gpu_h",
        "mean rate of contracts, before credits, at which the assets' net present value after tax is 0",
        "rate at which lease.project_npv_usd is 0",
        False,
    ),
    (
        "lease.equity_break_even_rate_usd_per_gpu_h",
        "mean rate of contracts, before credits, at which the owners' net present value is 0, with the debt it carries",
        "rate at which lease.equity_npv_usd is 0",
        False,
    ),
    (
        "lease.levelized_cost_usd_per_gpu_h",
        "costs over GPU-hours billed by contracts, both discounted, before tax; other income is deducted",
        "sum(cost / (1 + r) ** t) / sum(billed_h / (1 + r) ** t)",
        False,
    ),
    (
        "lease.break_even_billed_share",
        "share of hours billed at which the assets' net present value after tax is 0, at the rate charged",
        "available_share * billed_share * lease.break_even_rate_usd_per_gpu_h / mean_fee",
        False,
    ),
    ("lease.min_dscr_factor", "lowest cover of debt service by cash before tax", "min(cfads / service)", False),
    (
        "lease.mean_dscr_factor",
        "mean cover of debt service by cash, before tax",
        "sum(cfads / service) / periods",
        False,
    ),
    (
        "lease.llcr_factor",
        "loan life cover: cash of the loan's life, discounted at its interest, over the debt once it is drawn",
        "sum(cfads / (1 + i) ** t) / lease.debt_usd",
        False,
    ),
    (
        "lease.plcr_factor",
        "project life cover: all cash to the end, discounted at the loan's interest, over the debt once it is drawn",
        "sum(cfads / (1 + i) ** t) / lease.debt_usd",
        False,
    ),
    (
        "lease.min_firm_dscr_factor",
        "lowest cover of debt service by cash that survives a notice",
        "min(firm_cfads / service)",
        False,
    ),
    (
        "lease.min_downside_dscr_factor",
        "lowest cover of debt service when the tenant gives notice and the fleet is let again at market after a gap",
        "min(downside_cfads / service)",
        False,
    ),
    (
        "lease.downside_refund_usd",
        "prepayment that is owed back to the tenant who gives notice: the downside pays it in the month it leaves",
        "sum((cash_fees - fees) * left_share)",
        False,
    ),
    (
        "lease.max_loan_to_value_share",
        "highest loan to value at the end of any month, the value that of what stands by then",
        "max(debt_owed / value)",
        False,
    ),
    (
        "lease.firm_tenor_factor",
        "months of firm fees over the months until the debt is due",
        "firm_months / tenor_months",
        False,
    ),
    (
        "lease.debt_after_firm_term_usd",
        "debt still owed when the firm term ends, which the market or a sale has to repay",
        "debt_owed at the firm_months",
        False,
    ),
    (
        "lease.balloon_usd",
        "principal due at once at maturity, after what was swept",
        "balloon_share * lease.debt_usd - swept",
        False,
    ),
    (
        "lease.refinancing_gap_usd",
        "what a new loan lacks of the balloon, by the advance rate and by the target DSCR, or 1, on the cash after it",
        "max(lease.balloon_usd - min(advance_rate_share * value, carried), 0)",
        False,
    ),
    (
        "lease.capitalised_value_usd",
        "contribution of the contracts, discounted: what the lease adds to a value, before tax and capital",
        "sum((fees - power_usd - operations_usd) / (1 + r) ** t)",
        False,
    ),
    (
        "lease.capitalised_valuation_share",
        "discounted contribution of the contracts over the stated valuation",
        "lease.capitalised_value_usd / valuation_usd",
        False,
    ),
    (
        "lease.multiple_value_usd",
        "contribution of a year at a multiple",
        "lease.contribution_usd_per_yr * valuation_multiple_factor",
        False,
    ),
    (
        "lease.multiple_valuation_share",
        "contribution of a year at a multiple, over the stated valuation",
        "lease.multiple_value_usd / valuation_usd",
        False,
    ),
)
HEDGE_KINDS = {
    # Meaning, what covers the loss, and what a rate has to earn besides it.
    "gross": ("run-rate revenue over the loss scaled to a year", "lease.run_rate_revenue_usd_per_yr", ""),
    "contribution": (
        "revenue less the cash costs the lease adds and the stated loss does not contain, over the loss of a year",
        "(lease.run_rate_revenue_usd_per_yr - deducted)",
        " + deducted",
    ),
    "ebit": (
        "contribution less depreciation not already in the loss, over the loss of a year",
        "(lease.run_rate_revenue_usd_per_yr - deducted - depreciation_usd_per_yr)",
        " + deducted + depreciation_usd_per_yr",
    ),
    "cash": (
        "contribution less debt service not already in the loss, over the loss of a year",
        "(lease.run_rate_revenue_usd_per_yr - deducted - debt_service)",
        " + deducted + debt_service",
    ),
}
_YESCOMBE = ("Yescombe 2013 (Principles of Project Finance), chapter 12",)
_VALUE = ("Brealey et al. (Principles of Corporate Finance), on present value",)
REFERENCES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((row[0] for row in DEALS if "npv" in row[0] or "capitalised_value" in row[0]), _VALUE),
    **dict.fromkeys((row[0] for row in DEALS if "cr_factor" in row[0]), _YESCOMBE),
    "lease.firm_value_usd": ("IFRS 16, paragraph B35: the non-cancellable term",),
    "lease.levelized_cost_usd_per_gpu_h": ("Short et al. 1995 (NREL/TP-462-5173), equation 4-1",),
}
IN_TABLES = {
    **{row[0]: "cash_flow" for row in DEALS},
    **dict.fromkeys((row[0] for row in DEALS if row[0].endswith("_value_usd")), "contracts"),
    **dict.fromkeys(
        (f"hedge.{kind}_{end}" for kind in ("ebit", "cash") for end in ("share", "cover_rate_usd_per_gpu_h")),
        "hedge_by_year",
    ),
}
