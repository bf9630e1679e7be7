"""The fleet under contract as a project: capital, debt, tax, and what is left for its owners, period by period."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, DebtCase, ProjectCase
from colocalc.lease import cashflow, debt, draws, levelized, sweep, tax
from colocalc.lease.lender import linear_value_usd
from colocalc.study import leasing, writing_off
from colocalc.study.deal import Deal
from colocalc.units import MONTHS_PER_YEAR


@dataclass(frozen=True, eq=False)
class Flows:
    """What goes into the cash flow, each ``(..., period)``; period 0 is the close, the others are months or years.

    ``revenue_usd`` is cash, with prepayments; ``firm_usd`` is that less the fees that a notice would end. ``fees_usd``
    is what contracts earn, without power passed on, and ``credit_usd`` the service credits that it lacks;
    ``billed_gpu_h`` has the hours of contracts and of the market, ``contract_gpu_h`` those of contracts.
    """

    revenue_usd: Array
    firm_usd: Array
    opex_usd: Array
    billed_gpu_h: Array
    contract_gpu_h: Array
    fees_usd: Array
    credit_usd: Array
    capital_usd: Array
    salvage_usd: Array
    tax_depreciation_usd: Array
    book_depreciation_usd: Array
    gain_usd: Array
    value_usd: Array
    market_usd: Array


@dataclass(frozen=True, eq=False)
class Project:
    """A leased fleet as a project; what a rate would have to be is worked out once somebody asks.

    Attributes
    ----------
    months_per_period : float
        12 for years, 1 for months.
    flows : Flows
        Revenue, costs, capital and depreciation.
    cash : CashFlow
        From EBITDA to the flows of the owners.
    loan : Schedule
        The account of the debt; zeros without one.
    interest_share, repaying_share : ndarray (..., period)
        Interest of each period, and where debt is repaid.
    debt_usd, capital_usd : ndarray (...)
        All that is borrowed, and all that is spent.
    discount_share : ndarray (...)
        Discount rate of a period.
    taxes : mapping of str to ndarray
        The terms of income tax.
    mean_rate_usd_per_gpu_h : ndarray (...)
        What contracts charge for an hour on the mean, before service credits.
    break_even_usd_per_gpu_h, levelized_usd_per_gpu_h, sam_lcoe_usd_per_gpu_h : ndarray (...)
        That mean at which the net present value after tax is 0, levelized cost before tax, and what SAM calls so.
    """

    months_per_period: float
    flows: Flows
    cash: cashflow.CashFlow
    loan: debt.Schedule
    interest_share: Array
    repaying_share: Array
    debt_usd: Array
    capital_usd: Array
    discount_share: Array
    taxes: Mapping[str, Array]

    @cached_property
    def mean_rate_usd_per_gpu_h(self) -> Array:
        """NaN without hours."""
        hours = np.sum(self.flows.contract_gpu_h, axis=-1)
        charged = np.sum(self.flows.fees_usd + self.flows.credit_usd, axis=-1)
        return np.asarray(charged / np.where(hours > 0.0, hours, np.nan))

    @cached_property
    def break_even_usd_per_gpu_h(self) -> Array:
        """Hours are weighted by the price of their period, so that a rate scales all fees alike."""
        fees, mean = self.flows.fees_usd, self.mean_rate_usd_per_gpu_h[..., None]
        income = tax.taxable_income_usd(
            ebitda_usd=self.cash.ebitda_usd,
            depreciation_usd=self.flows.tax_depreciation_usd,
            interest_usd=np.zeros_like(mean),
            gain_usd=self.flows.gain_usd,
        )
        return levelized.break_even_rate_usd_per_gpu_h(
            billed_gpu_h=fees / np.where(mean > 0.0, mean, np.nan),
            other_flow_usd=self.cash.project_before_tax_usd - fees,
            other_income_usd=income - fees,
            discount_share=self.discount_share,
            **self.taxes,
        )

    @cached_property
    def levelized_usd_per_gpu_h(self) -> Array:
        """Hours of contracts alone."""
        return levelized.levelized_cost_usd_per_gpu_h(
            cost_usd=self.flows.fees_usd - self.cash.project_before_tax_usd,
            billed_gpu_h=self.flows.contract_gpu_h,
            discount_share=self.discount_share,
        )

    @cached_property
    def sam_lcoe_usd_per_gpu_h(self) -> Array:
        """Hours of contracts and of the market."""
        return levelized.sam_lcoe_usd_per_gpu_h(
            revenue_usd=self.flows.revenue_usd,
            after_tax_flow_usd=self.cash.equity_after_tax_usd,
            billed_gpu_h=self.flows.billed_gpu_h,
            discount_share=self.discount_share,
        )


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
    flows = _flows(case, project, deal, months)
    loan, interest, repaying = _loan(project, flows, months)
    taxes = {
        "tax_rate_share": project.tax_rate_share,
        "loss_cap_share": project.tax_loss_cap_share,
        "immediate_loss_share": project.immediate_loss_share,
    }
    terms = project.debt
    cash = cashflow.cash_flow(
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
        lock_up_dscr_factor=terms.lock_up_dscr_factor if terms else 0.0,
        **taxes,
    )
    return Project(
        months_per_period=months,
        flows=flows,
        cash=cash,
        loan=loan,
        interest_share=interest,
        repaying_share=repaying,
        debt_usd=np.asarray(np.sum(loan.draw_usd, axis=-1)),
        capital_usd=np.asarray(np.sum(flows.capital_usd, axis=-1)),
        discount_share=per_period_share(project.discount_rate_share, months),
        taxes=taxes,
    )


def per_period_share(yearly_share: Array, months_per_period: float) -> Array:
    """An effective rate of a year as that of a period: ``(1 + r)^(months / 12) - 1``."""
    return np.expm1(np.log1p(yearly_share) * months_per_period / MONTHS_PER_YEAR)


def period_of_month(deal: Deal, months_per_period: float) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Which period each month belongs to, from 1; what sticks out of the last year by days belongs to it."""
    count = int(np.ceil(np.max(deal.term_months) / months_per_period - 1e-6))
    place = np.arange(deal.calendar_month.shape[-1]) // int(months_per_period)
    return np.minimum(place, count - 1).astype(np.intp) + 1


def summed(flow: Array, place: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Array:
    """A flow of months as one of periods, of which the close has nothing."""
    periods = np.zeros((*flow.shape[:-1], int(place[-1]) + 1))
    starts = np.flatnonzero(np.diff(place, prepend=0))
    periods[..., 1:] = np.add.reduceat(flow, starts, axis=-1)
    return periods


def by_year(flow: Array, months_per_period: float) -> Array:
    """A flow of periods as one of the close and of contract years."""
    if months_per_period > 1.0:
        return flow
    whole = flow[..., 1:]
    short = -whole.shape[-1] % int(MONTHS_PER_YEAR)
    padded = np.concatenate([whole, np.zeros((*whole.shape[:-1], short))], axis=-1)
    parts = np.sum(padded.reshape(*padded.shape[:-1], -1, int(MONTHS_PER_YEAR)), axis=-1)
    return np.concatenate([flow[..., :1], parts], axis=-1)


def at_year_end(level: Array, months_per_period: float) -> Array:
    """A level at the end of each period as that at the close and at the end of each contract year."""
    if months_per_period > 1.0:
        return level
    last = level.shape[-1] - 1
    return level[..., np.minimum(np.arange(0, last + int(MONTHS_PER_YEAR), int(MONTHS_PER_YEAR)), last)]


def _flows(case: Case, project: ProjectCase, deal: Deal, months: float) -> Flows:
    place = period_of_month(deal, months)
    opex = summed(deal.power_usd + deal.operations_usd, place)
    capital = _capital(case, deal, place)
    hardware = np.sum(capital.hardware_usd, axis=-1, keepdims=True)
    building = np.sum(capital.building_usd, axis=-1, keepdims=True)
    whole = capital.hardware_usd + capital.building_usd
    written = writing_off.tax_shares(project, whole.shape[-1], months)
    depreciation = writing_off.spread(capital.hardware_usd, written)
    building_years = writing_off.straight_shares(project.data_centre_life_yr, whole.shape[-1], months)
    building_written = writing_off.spread(capital.building_usd, building_years)
    book = writing_off.spread(capital.hardware_usd, writing_off.book_shares(project, whole.shape[-1], months))
    age: Array = np.arange(whole.shape[-1], dtype=np.float64) * months / MONTHS_PER_YEAR
    value = hardware * _value_share(project, age) + building - np.cumsum(building_written, axis=-1)
    last = np.zeros(whole.shape[-1])
    last[-1] = 1.0
    salvage = last * value
    gain = last * tax.disposal_gain_usd(
        salvage_usd=salvage,
        cost_usd=np.sum(whole, axis=-1),
        depreciation_usd=depreciation + building_written,
        disposed_share=last,
    )
    return Flows(
        revenue_usd=summed(deal.cash_revenue_usd + deal.market_usd, place),
        firm_usd=summed(deal.cash_revenue_usd - deal.revenue_usd + deal.firm_usd, place),
        opex_usd=opex,
        billed_gpu_h=summed(np.sum(deal.pool_billed_gpu_h, axis=-2), place),
        contract_gpu_h=summed(deal.contract_gpu_h, place),
        fees_usd=summed(deal.revenue_usd - deal.passthrough_usd, place),
        credit_usd=summed(deal.credit_usd, place),
        capital_usd=whole,
        salvage_usd=salvage,
        tax_depreciation_usd=depreciation + building_written,
        book_depreciation_usd=book + building_written,
        gain_usd=gain,
        value_usd=value,
        market_usd=summed(deal.whole_market_usd * deal.running_share, place),
    )


@dataclass(frozen=True, eq=False)
class _Capital:
    hardware_usd: Array
    building_usd: Array


def _capital(case: Case, deal: Deal, place: np.ndarray[tuple[int], np.dtype[np.intp]]) -> _Capital:
    """Capital by period: servers at the beginning of the period they are delivered in, the building at the close."""
    step = np.diff(deal.delivered_share, prepend=0.0, axis=-1)
    bought = np.sum(leasing.pool_hardware_usd(case, leasing.contracted(case))[..., None] * step, axis=-2)
    hardware = np.zeros((*bought.shape[:-1], int(place[-1]) + 1))
    hardware[..., :-1] = summed(bought, place)[..., 1:]
    building = np.zeros_like(hardware)
    building[..., 0] = leasing.data_centre_usd(case, leasing.contracted(case))
    return _Capital(hardware, building)


def _value_share(project: ProjectCase, age_yr: Array) -> Array:
    """Value of hardware at each age over its cost: along the curve given, else evenly to what is left at the end."""
    curve = project.residual_curve_share
    if curve.shape[-1]:
        return np.asarray(np.interp(age_yr, np.arange(curve.shape[-1] + 1.0), np.concatenate([[1.0], curve])))
    return linear_value_usd(price_usd=np.ones(()), floor_usd=project.residual_share, life_yr=age_yr[-1], age_yr=age_yr)


def _loan(project: ProjectCase, flows: Flows, months: float) -> tuple[debt.Schedule, Array, Array]:
    """The account of the debt, the interest of each period and where debt is repaid."""
    terms, periods = project.debt, flows.capital_usd.shape[-1]
    if terms is None:
        nothing = np.zeros_like(flows.capital_usd)
        unknown = np.full_like(nothing, np.nan)
        return debt.Schedule(nothing, nothing, nothing, nothing, nothing, nothing, nothing, unknown), nothing, nothing
    count = np.arange(periods)
    interest = (terms.interest_share * months / MONTHS_PER_YEAR)[..., None] * np.ones(periods)
    # The close is an instant, in which no fee has accrued yet.
    fee = (terms.commitment_fee_share * months / MONTHS_PER_YEAR)[..., None] * (count > 0)
    drawing, repaying = _drawing_and_repaying(terms, flows, months)
    cfads = (flows.firm_usd if terms.sized_on == "firm" else flows.revenue_usd) - flows.opex_usd
    limit = _limit(terms, flows, interest, repaying, cfads)
    capital = np.sum(flows.capital_usd, axis=-1)
    draw = draws.delayed_draw_usd(
        capital_usd=flows.capital_usd,
        advance_rate_share=limit / np.where(capital > 0.0, capital, np.inf),
        commitment_usd=limit,
        drawing_share=drawing,
        interest_share=interest,
        commitment_fee_share=fee,
    )
    owed = np.sum(draw, axis=-1)
    principal = _principal(terms, owed, cfads, interest, repaying)
    balloon = debt.balloon_usd(debt_usd=owed, repaying_share=repaying, balloon_share=terms.balloon_share)
    schedule = debt.debt_schedule(
        draw_usd=draw,
        principal_usd=principal,
        prepayment_usd=balloon + _swept(project, terms, flows, draw, principal, interest),
        interest_share=interest,
        commitment_usd=limit,
        commitment_fee_share=fee,
        drawing_share=drawing,
        cfads_usd=flows.revenue_usd - flows.opex_usd,
    )
    return schedule, interest, repaying


def _drawing_and_repaying(terms: DebtCase, flows: Flows, months: float) -> tuple[Array, Array]:
    """Periods in which debt may be drawn: until all is built; and those after it, to maturity."""
    periods = flows.capital_usd.shape[-1]
    spent = np.any(flows.capital_usd.reshape(-1, periods) > 0.0, axis=0)
    built = int(np.flatnonzero(spent)[-1]) if spent.any() else 0
    count = np.arange(periods)
    due = np.ceil(terms.tenor_months / months - 1e-9)[..., None]
    return (count <= built).astype(np.float64), ((count > built) & (count <= due)).astype(np.float64)


def _swept(
    project: ProjectCase, terms: DebtCase, flows: Flows, draw: Array, principal: Array, interest: Array
) -> Array:
    available = flows.revenue_usd - flows.opex_usd
    return sweep.swept_usd(
        draw_usd=draw,
        principal_usd=principal,
        interest_share=interest,
        cfads_usd=available,
        income_before_interest_usd=available - flows.tax_depreciation_usd + flows.gain_usd,
        tax_rate_share=project.tax_rate_share,
        loss_cap_share=project.tax_loss_cap_share,
        immediate_loss_share=project.immediate_loss_share,
        sweep_share=terms.sweep_share,
        sweep_below_dscr_factor=np.where(
            np.isnan(terms.sweep_below_dscr_factor), np.inf, terms.sweep_below_dscr_factor
        ),
    )


def _limit(terms: DebtCase, flows: Flows, interest: Array, repaying: Array, cfads: Array) -> Array:
    """Most that is lent: what cash flow carries or what is asked for, and never more than the advance."""
    capital = np.sum(flows.capital_usd, axis=-1)
    cap = np.where(np.isnan(terms.advance_rate_share), np.inf, np.nan_to_num(terms.advance_rate_share) * capital)
    if terms.sizing == "amount":
        return np.asarray(np.fmin(terms.amount_usd, cap))
    return debt.sculpted_debt_usd(
        firm_cfads_usd=cfads,
        interest_share=interest,
        repaying_share=repaying,
        target_dscr_factor=terms.target_dscr_factor,
        cap_usd=cap,
    )


def _principal(terms: DebtCase, owed: Array, cfads: Array, interest: Array, repaying: Array) -> Array:
    if terms.repayment == "sculpted":
        return debt.sculpted_principal_usd(
            debt_usd=owed, firm_cfads_usd=cfads, interest_share=interest, repaying_share=repaying
        )
    if terms.repayment == "annuity":
        return debt.annuity_principal_usd(
            debt_usd=owed, interest_share=interest, repaying_share=repaying, balloon_share=terms.balloon_share
        )
    return debt.straight_principal_usd(debt_usd=owed, repaying_share=repaying, balloon_share=terms.balloon_share)
