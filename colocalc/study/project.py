"""The fleet under contract as a project: capital, debt, tax, and what is left for its owners, period by period."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, ProjectCase
from colocalc.lease import cashflow, levelized
from colocalc.study import leasing
from colocalc.study.borrowing import Loan, borrow
from colocalc.study.deal import Deal
from colocalc.study.flows import Flows, evaluate_flows
from colocalc.units import MONTHS_PER_YEAR


@dataclass(frozen=True, eq=False)
class Project:
    """A leased fleet as a project.

    Attributes
    ----------
    months_per_period : float
        12 for years, 1 for months.
    flows : Flows
        Revenue, costs, capital and depreciation.
    cash : CashFlow
        From EBITDA to the flows of the owners.
    loan : Loan
        The debt; zeros without one.
    debt_usd, capital_usd : ndarray (...)
        All that is borrowed, and all that is spent.
    mean_rate_usd_per_gpu_h : ndarray (...)
        What contracts charge for an hour on the mean, before service credits; NaN where they charge nothing.
    levelized_usd_per_gpu_h, sam_lcoe_usd_per_gpu_h : ndarray (...)
        Levelized cost before tax, and what SAM calls so.
    """

    months_per_period: float
    flows: Flows
    cash: cashflow.CashFlow
    loan: Loan
    debt_usd: Array
    capital_usd: Array
    mean_rate_usd_per_gpu_h: Array
    levelized_usd_per_gpu_h: Array
    sam_lcoe_usd_per_gpu_h: Array


def evaluate_project(case: Case, deal: Deal | None) -> Project | None:
    """The project of a case; None without contracts by month or without a price for every GPU under contract."""
    project = case.project
    if (
        deal is None
        or project is None
        or bool(np.isnan(leasing.pool_hardware_usd(case, leasing.contracted(case))).any())
    ):
        return None
    months = 1.0 if project.is_monthly else MONTHS_PER_YEAR
    flows = evaluate_flows(case, project, deal, months)
    loan = borrow(project, flows, months)
    cash = cash_of(project, flows, loan, months)
    return Project(
        months_per_period=months,
        flows=flows,
        cash=cash,
        loan=loan,
        debt_usd=np.asarray(np.sum(loan.draw_usd, axis=-1)),
        capital_usd=np.asarray(np.sum(flows.capital_usd, axis=-1)),
        **_rates(project, flows, cash, months),
    )


def taxes_of(project: ProjectCase) -> Mapping[str, Array]:
    """The terms of tax as kernels take them."""
    return {
        "tax_rate_share": project.tax_rate_share,
        "loss_cap_share": project.tax_loss_cap_share,
        "immediate_loss_share": project.immediate_loss_share,
    }


def cash_of(project: ProjectCase, flows: Flows, loan: Loan, months: float) -> cashflow.CashFlow:
    """The cash of assets and owners."""
    terms = project.debt
    return cashflow.cash_flow(
        revenue_usd=flows.revenue_usd,
        opex_usd=flows.opex_usd,
        capital_usd=flows.capital_usd,
        salvage_usd=flows.salvage_usd,
        gain_usd=flows.gain_usd,
        depreciation_usd=flows.tax_depreciation_usd,
        draw_usd=loan.draw_usd,
        interest_usd=loan.interest_usd,
        fee_usd=loan.fee_usd,
        principal_usd=loan.principal_usd,
        prepayment_usd=loan.prepayment_usd,
        reserve_periods_count=terms.reserve_months / months if terms else 0.0,
        reserve_interest_share=terms.reserve_interest_share * months / MONTHS_PER_YEAR if terms else 0.0,
        lock_up_dscr_factor=terms.lock_up_dscr_factor if terms else 0.0,
        **taxes_of(project),
    )


def per_period_share(yearly_share: Array, months_per_period: float) -> Array:
    """An effective rate of a year as that of a period: ``(1 + r)^(months / 12) - 1``."""
    return np.expm1(np.log1p(yearly_share) * months_per_period / MONTHS_PER_YEAR)


def _rates(project: ProjectCase, flows: Flows, cash: cashflow.CashFlow, months: float) -> dict[str, Array]:
    """The mean price of the contracts, and levelized costs."""
    discount = per_period_share(project.discount_rate_share, months)
    hours = np.sum(flows.contract_gpu_h, axis=-1)
    mean = np.sum(flows.fees_usd + flows.credit_usd, axis=-1) / np.where(hours > 0.0, hours, np.nan)
    return {
        "mean_rate_usd_per_gpu_h": np.where(mean > 0.0, mean, np.nan),
        "levelized_usd_per_gpu_h": levelized.levelized_cost_usd_per_gpu_h(
            cost_usd=flows.fees_usd - cash.project_before_tax_usd,
            billed_gpu_h=flows.contract_gpu_h,
            discount_share=discount,
        ),
        "sam_lcoe_usd_per_gpu_h": levelized.sam_lcoe_usd_per_gpu_h(
            revenue_usd=flows.revenue_usd,
            after_tax_flow_usd=cash.equity_after_tax_usd,
            billed_gpu_h=flows.billed_gpu_h,
            discount_share=discount,
        ),
    }
