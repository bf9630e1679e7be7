"""What contracts and their cash flow come to: values, returns, cover ratios, and the hedge by year."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.lease import finance, levelized, rates
from colocalc.lease.cashflow import present_value_usd
from colocalc.study import break_even, writing_off
from colocalc.study.deal import Deal, evaluate_deal
from colocalc.study.flows import by_year, period_of_month, summed
from colocalc.study.leasing import LeaseResult, contracted, data_centre_usd, pool_hardware_usd
from colocalc.study.lending import VIEWED, LenderView, debt_values, evaluate_lending, lending_values
from colocalc.study.project import Project, evaluate_project, per_period_share
from colocalc.units import MONTHS_PER_YEAR

_BREAK_EVEN = (
    "lease.break_even_rate_usd_per_gpu_h",
    "lease.break_even_billed_share",
    "lease.equity_break_even_rate_usd_per_gpu_h",
)


@dataclass(frozen=True, eq=False)
class HedgeYears:
    """The four ratios of each contract year and, last, over the contract; each ``(..., year)``.

    The loss of a year that is not whole is that of its months.
    """

    loss_usd: Array
    gross_share: Array
    contribution_share: Array
    ebit_share: Array
    cash_share: Array


@dataclass(frozen=True, eq=False)
class Roots:
    """Every internal rate of return of a flow, a year, and the modified one."""

    shares: tuple[float, ...]
    modified_share: Array


@dataclass(frozen=True, eq=False)
class Returns:
    """Everything that follows from contracts by month; parts that need what is not given are None or NaN.

    Attributes
    ----------
    deal, project : Deal, Project
        Contracts by month, and the project by period.
    lender : LenderView or None
        What a lender looks at; None without debt.
    values : mapping of str to ndarray
        Metrics by id.
    """

    deal: Deal
    project: Project | None
    lender: LenderView | None
    values: Mapping[str, Array]
    discount_rate_share: Array

    def roots(self, flow: Array) -> Roots:
        """Every rate at which one scenario's flow is worth nothing; MIRR at the discount rate."""
        months = self.project.months_per_period if self.project else MONTHS_PER_YEAR
        found = per_year(finance.irr_roots(flow), months)
        rate = per_period_share(self.discount_rate_share, months)
        modified = per_year(finance.mirr(flow, rate, rate), months)
        return Roots(tuple(float(share) for share in np.ravel(found) if np.isfinite(share)), modified)


def evaluate_returns(case: Case, lease: LeaseResult | None, names: Collection[str] | None = None) -> Returns | None:
    """Contract values, returns and cover ratios; None where no contract says how long it runs.

    Rates of return and rates that break even are searched for, and a lender's view is taken, only where ``names`` has
    one of what they give, or is None.
    """
    deal = evaluate_deal(case)
    if deal is None or lease is None:
        return None
    project = evaluate_project(case, deal)
    viewed = names is None or not VIEWED.isdisjoint(names)
    view = evaluate_lending(case, deal, project) if project and viewed else None
    values = dict(_deal_values(case, deal, lease))
    if project is not None:
        values |= dict(_project_values(case, project))
        values |= dict(_rates_of_return(project, names))
        values |= dict(_break_even_values(case, deal, project, names))
        values |= dict(debt_values(case, project))
        values |= dict(lending_values(case, deal, project, view)) if view else {}
    return Returns(
        deal=deal,
        project=project,
        lender=view,
        values=values,
        discount_rate_share=case.project.discount_rate_share if case.project else np.asarray(np.nan),
    )


def _deal_values(case: Case, deal: Deal, lease: LeaseResult) -> Iterator[tuple[str, Array]]:
    total = np.sum(deal.revenue_usd, axis=-1)
    yield "lease.contract_revenue_usd", total
    yield "lease.headline_value_usd", total
    yield "lease.firm_value_usd", np.sum(deal.firm_usd, axis=-1)
    yield "lease.expected_value_usd", np.sum(deal.expected_usd, axis=-1)
    if any(one.is_prepaid for one in deal.priced):
        yield "lease.expected_refund_usd", sum((one.expected_refund_usd for one in deal.priced), np.zeros(()))
    pools = np.sum(deal.pool_revenue_usd, axis=-1)
    for number, name in enumerate(case.pools.names):
        yield f"pools.{name}.lease.contract_revenue_usd", pools[..., number]
    if case.project is None:
        return
    earned = _contribution(deal)  # costs may hang on what revenue does not, such as a gap after the contract
    net = np.concatenate([np.zeros_like(earned[..., :1]), earned], axis=-1)
    monthly = per_period_share(case.project.discount_rate_share, 1.0)
    value = present_value_usd(flow_usd=net, discount_share=monthly)
    multiple = lease.contribution_usd_per_yr * case.project.valuation_multiple_factor
    worth = np.where(case.project.valuation_usd > 0.0, case.project.valuation_usd, np.nan)
    yield "lease.capitalised_value_usd", value
    yield "lease.capitalised_valuation_share", value / worth
    yield "lease.multiple_value_usd", multiple
    yield "lease.multiple_valuation_share", multiple / worth


def _contribution(deal: Deal) -> Array:
    return np.asarray(deal.revenue_usd - deal.power_usd - deal.operations_usd)


def _project_values(case: Case, project: Project) -> Iterator[tuple[str, Array]]:
    terms = case.project
    if terms is None:
        return
    months = project.months_per_period
    own, owners = (
        per_period_share(rate, months) for rate in (terms.discount_rate_share, terms.equity_discount_rate_share)
    )
    cash = project.cash
    yield "lease.capital_usd", project.capital_usd
    yield "lease.project_npv_usd", finance.npv(own, cash.project_after_tax_usd)
    yield "lease.project_npv_before_tax_usd", finance.npv(own, cash.project_before_tax_usd)
    yield "lease.equity_npv_usd", finance.npv(owners, cash.equity_after_tax_usd)
    yield "lease.equity_moic_factor", finance.moic(cash.equity_after_tax_usd)
    yield "lease.payback_yr", finance.payback(cash.project_after_tax_usd) * months / MONTHS_PER_YEAR
    yield "lease.levelized_cost_usd_per_gpu_h", project.levelized_usd_per_gpu_h


def _rates_of_return(project: Project, names: Collection[str] | None) -> Iterator[tuple[str, Array]]:
    flows = {
        "lease.project_irr_share": project.cash.project_after_tax_usd,
        "lease.project_irr_before_tax_share": project.cash.project_before_tax_usd,
        "lease.equity_irr_share": project.cash.equity_after_tax_usd,
    }
    for name, flow in flows.items():
        if names is None or name in names:
            yield name, per_year(finance.irr(flow), project.months_per_period)


def _break_even_values(
    case: Case, deal: Deal, project: Project, names: Collection[str] | None
) -> Iterator[tuple[str, Array]]:
    terms = case.project
    if terms is None:
        return
    assets, share, owners = _BREAK_EVEN
    if names is None or assets in names or share in names:
        rate = break_even.assets_usd_per_gpu_h(terms, deal, project)
        yield assets, rate
        yield share, _break_even_billed_share(case, project, rate)
    if names is None or owners in names:
        yield owners, break_even.owners_usd_per_gpu_h(terms, deal, project)


def per_year(rate: Array, months_per_period: float) -> Array:
    """A rate of a period as an effective rate of a year: ``(1 + m)^(12 / months) - 1``."""
    return np.expm1(np.log1p(rate) * MONTHS_PER_YEAR / months_per_period)


def _break_even_billed_share(case: Case, project: Project, rate_usd_per_gpu_h: Array) -> Array:
    """Undefined where a contract has a fee, which does not follow the hours, where none is billed, or none need be."""
    if case.lease is None or not bool(np.all(np.isnan(case.lease.fee_usd_per_month))):
        return np.asarray(np.nan)
    gpus = case.pools.gpu_count
    let = np.sum(gpus * (case.lease.billed_share > 0.0), axis=-1)
    billed = np.sum(case.lease.billed_share * gpus, axis=-1) / np.where(let > 0.0, let, np.nan)
    found = levelized.break_even_billed_share(
        break_even_usd_per_gpu_h=billed * rate_usd_per_gpu_h, rate_usd_per_gpu_h=project.mean_rate_usd_per_gpu_h
    )
    return np.where(found >= 0.0, found, np.nan)


def depreciation_usd_per_yr(case: Case) -> Array:
    """Book depreciation of the first whole year; NaN without a price for every GPU under contract."""
    if case.project is None:
        return np.asarray(np.nan)
    first = writing_off.book_shares(case.project, 1, MONTHS_PER_YEAR)[..., 0]
    held = contracted(case)
    hardware = np.sum(pool_hardware_usd(case, held), axis=-1)
    return np.asarray(hardware * first + data_centre_usd(case, held) / case.project.data_centre_life_yr)


def service_usd_per_yr(project: Project) -> tuple[Array, Array]:
    """Mean interest and principal of a year while debt is repaid; NaN without debt."""
    repaying = project.loan.repaying_share
    years = np.sum(repaying, axis=-1) * project.months_per_period / MONTHS_PER_YEAR
    years = np.where(years > 0.0, years, np.nan)
    interest = (project.loan.interest_usd + project.loan.fee_usd) * repaying
    principal = (project.loan.principal_usd + project.loan.prepayment_usd) * repaying
    return np.sum(interest, axis=-1) / years, np.sum(principal, axis=-1) / years


def hedge_by_year(case: Case, returns: Returns | None, loss_usd_per_yr: Array) -> HedgeYears | None:
    """The ratios of each contract year and of the contract, from flows by month; None without a loss or a calendar."""
    if returns is None or case.loss is None:
        return None
    deal, contains = returns.deal, case.loss.contains
    place = period_of_month(deal, MONTHS_PER_YEAR)
    cost = np.zeros_like(deal.revenue_usd)
    cost = cost + (0.0 if "power" in contains else deal.power_usd)
    cost = cost + (0.0 if "operations" in contains else deal.operations_usd - deal.colocation_usd)
    cost = cost + (0.0 if "colocation" in contains else deal.colocation_usd)
    fees = _with_total(summed(deal.revenue_usd + deal.market_usd, place))
    net = fees - _with_total(summed(cost, place))
    months = summed(deal.running_share, place)
    loss = _with_total(months * loss_usd_per_yr[..., None] / MONTHS_PER_YEAR)
    written, due = _charges(case, returns, months, contains)
    ebit, cash = net - written, net - due
    return HedgeYears(loss, *(rates.hedge_ratio(part, loss) for part in (fees, net, ebit, cash)))


def _with_total(by_year: Array) -> Array:
    """Years without the close, and their sum as the last."""
    years = by_year[..., 1:]
    return np.concatenate([years, np.sum(years, axis=-1, keepdims=True)], axis=-1)


def _charges(case: Case, returns: Returns, months: Array, contains: frozenset[str]) -> tuple[Array, Array]:
    """Depreciation and debt service of each year that the loss does not contain; NaN where they are not known."""
    unknown = np.full(months.shape[-1], np.nan)
    project = returns.project
    if project is None or case.project is None:
        return unknown, unknown

    def yearly(flow: Array) -> Array:
        return _with_total(by_year(flow, project.months_per_period))

    book = np.zeros(months.shape[-1]) if "depreciation" in contains else yearly(project.flows.book_depreciation_usd)
    if case.project.debt is None:
        return book, unknown
    interest = project.loan.interest_usd + project.loan.fee_usd
    principal = project.loan.principal_usd + project.loan.prepayment_usd
    due = principal + (0.0 if "interest" in contains else interest)
    return book, yearly(due)
