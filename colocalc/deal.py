"""What a user may write about money: contracts, costs, depreciation, debt, and what the result is set against."""

from typing import Annotated, Final, Literal, LiteralString

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from colocalc.card import PathKind, Term
from colocalc.figure import (
    Count,
    Definition,
    Factor,
    FactorFromOne,
    Figure,
    IsoDate,
    Months,
    MonthsFromZero,
    Name,
    Quantity,
    Share,
    ShareAboveZero,
    SharePerMonth,
    SharePerYr,
    Text,
    Usd,
    UsdFromZero,
    UsdPerGpu,
    UsdPerGpuH,
    UsdPerKwMonth,
    UsdPerMonth,
    UsdPerMw,
    UsdPerYr,
    Year,
)

DecayPerYr = Annotated[float, Quantity("per_yr", at_least=0.0, at_most=100.0)]
# A price may fall to nothing and rise without bound, but it does not become negative.
ChangePerYr = Annotated[float, Quantity("share_per_yr", above=-1.0)]
RepricingMonths = Annotated[float, Quantity("months", above=0.0, at_most=120.0, whole=True)]

# Flows are kept by month: a century of them is more than any contract and its market, and little to compute.
MOST_MONTHS: Final = 1_200


def _both(message: LiteralString, at: str) -> PydanticCustomError:
    return PydanticCustomError("both", message, {"at": at})


class Market(Definition):
    """What the fleet earns when no contract holds it: after the term, or after notice and a gap.

    A ``path`` takes the price of each month from the card: its dated points, or what its rates by term imply.
    """

    rate_card: Text | None = None
    term: Term | None = None
    path: PathKind | None = None
    rate_usd_per_gpu_h: Figure[UsdPerGpuH] | None = None
    change_share_per_yr: Figure[ChangePerYr] | None = None
    sold_share: Figure[Share] | None = None
    gap_months: Figure[MonthsFromZero] | None = None
    months: Figure[MonthsFromZero] | None = None

    @model_validator(mode="after")
    def _one_price(self) -> "Market":
        if self.rate_card and self.rate_usd_per_gpu_h:
            raise _both("give one of rate_card and rate_usd_per_gpu_h", "rate_usd_per_gpu_h")
        if self.path and not self.rate_card:
            raise _both("a path is that of a card: give rate_card", "path")
        if self.path and self.change_share_per_yr:
            raise _both("give path or change_share_per_yr, not both", "change_share_per_yr")
        if self.path == "terms" and self.term:
            raise _both(_ALL_TERMS, "term")
        return self


_ALL_TERMS: Final[LiteralString] = "path: terms takes all terms of the card: leave term out"


class Repricing(Definition):
    """A rate that follows a price: every so many months it moves as the path of a card has moved since the start.

    The card and its term are those of the lease unless they are given.
    """

    every_months: Figure[RepricingMonths]
    path: PathKind
    rate_card: Text | None = None
    term: Term | None = None

    @model_validator(mode="after")
    def _one_curve(self) -> "Repricing":
        if self.path == "terms" and self.term:
            raise _both(_ALL_TERMS, "term")
        return self


class Notice(Definition):
    """The right to leave: how long fees run after notice, from when it may be given, and how likely it is each month.

    ``share_per_month`` is the probability of *giving* notice in a month in which it may be given.
    """

    months: Figure[MonthsFromZero]
    after_months: Figure[MonthsFromZero] | None = None
    share_per_month: Figure[SharePerMonth] | None = None


class Prepayment(Definition):
    """Cash at signing, credited against later fees; revenue does not change, so nothing is counted twice."""

    revenue_share: Figure[Share] | None = None
    amount_usd: Figure[UsdFromZero] | None = None
    credited_from_yr: Figure[Year] | None = None
    credited_to_yr: Figure[Year] | None = None

    @model_validator(mode="after")
    def _one_amount_and_years_in_order(self) -> "Prepayment":
        if (self.revenue_share is None) == (self.amount_usd is None):
            raise _both("give one of revenue_share and amount_usd", "amount_usd")
        first, last = self.credited_from_yr, self.credited_to_yr
        if first and last and last.value < first.value:
            raise _both("credited_to_yr is before credited_from_yr", "credited_to_yr")
        return self


class Sla(Definition):
    """Service credits: what share of the fees is given back when availability is below what is promised."""

    availability_share: Figure[Share]
    promised_share: Figure[Share]
    credit_share: Figure[Share]


class Lease(Definition):
    """One contract: a rate card, one rate for all its pools, or a monthly fee.

    GPUs are delivered evenly over ``ramp_months``, or by ``ramp_share``: the share that stands at the start of each
    month, the last of which holds to the end.
    """

    rate_card: Text | None = None
    rate_usd_per_gpu_h: Figure[UsdPerGpuH] | None = None
    fee_usd_per_month: Figure[UsdPerMonth] | None = None
    region: Text | None = None
    term: Term | None = None
    start: IsoDate | None = None
    months: Figure[Months] | None = None
    ramp_months: Figure[MonthsFromZero] | None = None
    ramp_share: Annotated[tuple[Share, ...], Field(min_length=1)] = ()
    escalator_share_per_yr: Figure[ChangePerYr] | None = None
    repricing: Repricing | None = None
    available_share: Figure[ShareAboveZero] | None = None
    billed_share: Figure[Share] | None = None
    sold_share: Figure[Share] | None = None
    take_or_pay_share: Figure[Share] | None = None
    power_passthrough_share: Figure[Share] | None = None
    prepayment: Prepayment | None = None
    sla: Sla | None = None
    notice: Notice | None = None
    market: Market | None = None
    tenancy: Literal["single", "multiple"] | None = None

    @model_validator(mode="after")
    def _one_price_one_share(self) -> "Lease":
        prices = [key for key in ("rate_card", "rate_usd_per_gpu_h", "fee_usd_per_month") if getattr(self, key)]
        if len(prices) > 1:
            raise _both("give one of rate_card, rate_usd_per_gpu_h and fee_usd_per_month", prices[-1])
        if self.billed_share and (self.sold_share or self.take_or_pay_share):
            message = "billed_share is the larger of sold_share and take_or_pay_share: give it or them"
            raise _both(message, "billed_share")
        if self.repricing is not None:
            self._reprices(self.repricing)
        if self.ramp_months and self.ramp_share:
            raise _both("give ramp_months or ramp_share, not both", "ramp_share")
        if any(later < sooner for sooner, later in zip(self.ramp_share, self.ramp_share[1:], strict=False)):
            raise _both("a ramp does not fall: each share is that of all GPUs delivered so far", "ramp_share")
        return self

    def _reprices(self, repricing: Repricing) -> None:
        if self.escalator_share_per_yr:
            raise _both("give repricing or escalator_share_per_yr, not both", "repricing")
        if self.fee_usd_per_month:
            raise _both("a fee is not repriced: give rate_card or rate_usd_per_gpu_h", "repricing")
        if self.rate_usd_per_gpu_h and not repricing.rate_card:
            raise _both("needs rate_card: the card whose price the rate follows", "repricing")


class Contract(Lease):
    """One of several contracts, with the pools it covers."""

    name: Name
    pools: Annotated[tuple[Name, ...], Field(min_length=1)]


class Costs(Definition):
    """What the fleet costs to build and to run.

    Capital of GPUs is that of whole servers, by GPU; network and storage stand beside it. ``data_centre_usd_per_mw`` is
    per facility megawatt, of a data centre that is owned. Shares of a year are of the capital they belong to.
    """

    capital_usd_per_gpu: dict[str, Figure[UsdPerGpu]] = Field(default_factory=dict)
    network_usd_per_gpu: Figure[UsdPerGpu] | None = None
    storage_usd_per_gpu: Figure[UsdPerGpu] | None = None
    spares_share: Figure[Share] | None = None
    data_centre_usd_per_mw: Figure[UsdPerMw] | None = None
    operations_usd_per_yr: Figure[UsdPerYr] | None = None
    colocation_usd_per_kw_month: Figure[UsdPerKwMonth] | None = None
    demand_charge_usd_per_kw_month: Figure[UsdPerKwMonth] | None = None
    maintenance_share_per_yr: Figure[SharePerYr] | None = None
    replacement_share_per_yr: Figure[SharePerYr] | None = None
    insurance_share_per_yr: Figure[SharePerYr] | None = None
    escalator_share_per_yr: Figure[ChangePerYr] | None = None


class Depreciation(Definition):
    """Book and tax lives and methods, and what is left.

    ``residual_share`` of the hardware's cost is what it fetches at the end of the contracts, and its value falls to
    that evenly. ``residual_curve_share`` gives the value at each age in years instead, from a cost of 1 at age 0; or
    value decays from there to ``residual_floor_share`` at ``residual_decay_per_yr``. An owned data centre is worth what
    is not written off.
    """

    book_life_yr: Figure[Year] | None = None
    book_method: Literal["straight-line", "declining-balance", "sum-of-years"] | None = None
    tax_life_yr: Figure[Year] | None = None
    tax_method: Literal["straight-line", "macrs"] | None = None
    tax_convention: Literal["half-year", "mid-quarter"] | None = None
    placed_in_quarter_count: Annotated[float, Quantity("count", at_least=1.0, at_most=4.0, whole=True)] | None = None
    bonus_share: Figure[Share] | None = None
    data_centre_life_yr: Figure[Year] | None = None
    residual_share: Figure[Share] | None = None
    residual_curve_share: Annotated[tuple[Share, ...], Field(min_length=1)] = ()
    residual_floor_share: Figure[Share] | None = None
    residual_decay_per_yr: Figure[DecayPerYr] | None = None

    @model_validator(mode="after")
    def _one_residual_and_a_quarter(self) -> "Depreciation":
        if self.residual_share and self.residual_curve_share:
            raise _both("give residual_share or residual_curve_share, not both", "residual_curve_share")
        if self.residual_decay_per_yr and (self.residual_share or self.residual_curve_share):
            other = "give residual_decay_per_yr, or residual_share or residual_curve_share, not both"
            raise _both(other, "residual_decay_per_yr")
        if (self.residual_floor_share is None) != (self.residual_decay_per_yr is None):
            message = "residual_floor_share and residual_decay_per_yr go together"
            raise _both(message, "residual_decay_per_yr" if self.residual_decay_per_yr else "residual_floor_share")
        if (self.tax_convention == "mid-quarter") != (self.placed_in_quarter_count is not None):
            message = "placed_in_quarter_count goes with tax_convention: mid-quarter"
            raise _both(message, "placed_in_quarter_count" if self.placed_in_quarter_count else "tax_convention")
        return self


class Debt(Definition):
    """What is borrowed, at which rate and for how long, and what lenders ask for.

    Cash that lenders hold back earns ``reserve_interest_share`` a year, which is taxed and is no part of any cover.
    """

    advance_rate_share: Figure[Share] | None = None
    interest_share: Figure[Share] | None = None
    tenor_months: Figure[Months] | None = None
    sizing: Literal["dscr", "amount"] | None = None
    amount_usd: Figure[UsdFromZero] | None = None
    target_dscr_factor: Figure[FactorFromOne] | None = None
    sized_on: Literal["firm", "headline"] | None = None
    repayment: Literal["sculpted", "annuity", "straight-line"] | None = None
    balloon_share: Figure[Share] | None = None
    commitment_fee_share: Figure[Share] | None = None
    reserve_months: Figure[MonthsFromZero] | None = None
    reserve_interest_share: Figure[Share] | None = None
    lock_up_dscr_factor: Figure[FactorFromOne] | None = None
    sweep_share: Figure[Share] | None = None
    sweep_below_dscr_factor: Figure[FactorFromOne] | None = None
    notice_in_month_count: Figure[Count] | None = None

    @model_validator(mode="after")
    def _whole(self) -> "Debt":
        for key, message in _DEBT_NEEDS.items():
            if getattr(self, key) is None:
                raise PydanticCustomError("missing_part", message, {"at": key})
        if self.sizing == "amount" and self.amount_usd is None:
            raise PydanticCustomError("missing_part", "missing: what is borrowed", {"at": "amount_usd"})
        if self.sizing != "amount" and self.amount_usd is not None:
            raise _both("goes with sizing: amount", "amount_usd")
        if self.balloon_share and (self.repayment or "sculpted") == "sculpted":
            raise _both("a balloon goes with repayment: annuity or straight-line", "balloon_share")
        return self


_DEBT_NEEDS: dict[str, LiteralString] = {
    "interest_share": "missing: the interest of a year",
    "tenor_months": "missing: how long the debt runs",
}


class Reference(Definition):
    """Where else the same training compute could be bought: a GPU, its rate and the MFU it reaches."""

    gpu: Text
    rate_usd_per_gpu_h: Figure[UsdPerGpuH]
    mfu_share: Figure[ShareAboveZero]


class Finance(Definition):
    """Discounting, tax, the loss a lease is set against, and totals that claims refer to."""

    discount_rate_share: Figure[Share] | None = None
    equity_discount_rate_share: Figure[Share] | None = None
    periods: Literal["yearly", "monthly"] | None = None
    tax_rate_share: Figure[Share] | None = None
    tax_losses: Literal["carry-forward", "immediate"] | None = None
    tax_loss_cap_share: Figure[Share] | None = None
    loss_usd: Figure[Usd] | None = None
    loss_months: Figure[Months] | None = None
    loss_contains: tuple[Literal["power", "operations", "colocation", "depreciation", "interest"], ...] = ()
    total_h100e_count: Figure[Count] | None = None
    valuation_usd: Figure[Usd] | None = None
    valuation_multiple_factor: Figure[Factor] | None = None
    reference: Reference | None = None
