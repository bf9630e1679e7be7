"""Capital, depreciation, debt and tax lowered: what turns the fees of contracts into returns."""

from dataclasses import dataclass
from typing import Final

from colocalc.arrays import Array
from colocalc.case.ledger import Ledger, Topic, array, per_type, scalar
from colocalc.case.pools import Pools
from colocalc.deal import Costs, Debt, Depreciation, Finance
from colocalc.fleet import Fleet
from colocalc.hardware import GpuType

_TOPICS: Final[tuple[Topic, ...]] = ("lease", "hedge")


@dataclass(frozen=True, eq=False)
class DebtCase:
    """What is borrowed; each ``(...,)``."""

    sizing: str
    sized_on: str
    repayment: str
    advance_rate_share: Array
    amount_usd: Array
    interest_share: Array
    tenor_months: Array
    target_dscr_factor: Array
    balloon_share: Array
    commitment_fee_share: Array
    reserve_months: Array
    reserve_interest_share: Array
    lock_up_dscr_factor: Array
    sweep_share: Array
    sweep_below_dscr_factor: Array
    notice_in_month_count: Array


@dataclass(frozen=True, eq=False)
class ProjectCase:
    """What turns fees into returns; each ``(...,)`` unless it says otherwise, NaN where not given.

    Attributes
    ----------
    capital_usd_per_gpu : ndarray (..., pool)
        Hardware of one GPU: server, network, storage and spares.
    unpriced : tuple of str
        GPU types without a price.
    residual_curve_share : ndarray (age,)
        Value at each age in years over the cost, from age 0; empty without a curve.
    residual_floor_share, residual_decay_per_yr : ndarray (...)
        What value decays to over the cost, and how fast; NaN where it does not.
    is_monthly : bool
        Whether flows are discounted by month, else by year.
    debt : DebtCase or None
        None when nothing is borrowed.
    """

    capital_usd_per_gpu: Array
    unpriced: tuple[str, ...]
    data_centre_usd_per_mw: Array
    cost_escalator_share_per_yr: Array
    book_method: str
    tax_method: str
    tax_convention: str
    placed_in_quarter_count: float | None
    book_life_yr: Array
    tax_life_yr: Array
    bonus_share: Array
    data_centre_life_yr: Array
    residual_share: Array
    residual_curve_share: Array
    residual_floor_share: Array
    residual_decay_per_yr: Array
    is_monthly: bool
    discount_rate_share: Array
    equity_discount_rate_share: Array
    tax_rate_share: Array
    tax_loss_cap_share: Array
    immediate_loss_share: Array
    valuation_usd: Array
    valuation_multiple_factor: Array
    debt: DebtCase | None


def lower_project(fleet: Fleet, pools: Pools, ledger: Ledger) -> ProjectCase | None:
    """Capital, lives, tax and debt of a fleet; None without a contract."""
    if fleet.lease is None and not fleet.contracts:
        return None
    costs, book, finance = (
        fleet.costs or Costs(),
        fleet.depreciation or Depreciation(),
        fleet.finance or Finance(),
    )
    gaps = [gpu.id for gpu in pools.gpus if server_key(costs, gpu, ledger) is None]
    values = _values(costs, book, finance, ledger)
    losses = ledger.word("finance.tax_losses", finance.tax_losses, *_TOPICS, default="finance.tax_losses")
    periods = ledger.word("finance.periods", finance.periods, *_TOPICS, default="finance.periods")
    return ProjectCase(
        capital_usd_per_gpu=per_type(pools.gpus, lambda gpu: hardware_usd_per_gpu(costs, gpu, ledger, *_TOPICS)),
        unpriced=tuple(dict.fromkeys(gaps)),
        book_method=_word("depreciation.book_method", book.book_method, ledger),
        tax_method=_word("depreciation.tax_method", book.tax_method, ledger),
        tax_convention=_word("depreciation.tax_convention", book.tax_convention, ledger),
        placed_in_quarter_count=book.placed_in_quarter_count,
        residual_curve_share=array(*book.residual_curve_share),
        is_monthly=periods == "monthly",
        immediate_loss_share=scalar(float(losses == "immediate")),
        debt=_debt(fleet.debt, ledger) if fleet.debt else None,
        **values,
    )


def _word(path: str, given: str | None, ledger: Ledger) -> str:
    return ledger.word(path, given, *_TOPICS, default=path)


def _values(costs: Costs, book: Depreciation, finance: Finance, ledger: Ledger) -> dict[str, Array]:
    def known(block: str, given: object, *names: str) -> dict[str, Array]:
        return {
            name: scalar(ledger.number(f"{block}.{name}", getattr(given, name), *_TOPICS, default=f"{block}.{name}"))
            for name in names
        }

    def asked(block: str, given: object, *names: str) -> dict[str, Array]:
        return {name: scalar(ledger.number(f"{block}.{name}", getattr(given, name), *_TOPICS)) for name in names}

    lives = ("book_life_yr", "tax_life_yr", "bonus_share", "residual_share", "data_centre_life_yr")
    found = {
        **asked("costs", costs, "data_centre_usd_per_mw"),
        "cost_escalator_share_per_yr": known("costs", costs, "escalator_share_per_yr")["escalator_share_per_yr"],
        # Without a price there is nothing to write off.
        **(known("depreciation", book, *lives) if costs.capital_usd_per_gpu else asked("depreciation", book, *lives)),
        **asked("depreciation", book, "residual_floor_share", "residual_decay_per_yr"),
        **asked("finance", finance, "discount_rate_share", "equity_discount_rate_share"),
        **known("finance", finance, "tax_rate_share", "tax_loss_cap_share"),
        **asked("finance", finance, "valuation_usd", "valuation_multiple_factor"),
    }
    if finance.equity_discount_rate_share is None:
        found["equity_discount_rate_share"] = found["discount_rate_share"]
    return found


def server_key(costs: Costs, gpu: GpuType, ledger: Ledger) -> str | None:
    """The key under which the file prices a GPU's server."""
    return next((key for key in costs.capital_usd_per_gpu if ledger.catalog.resolve_gpu(key) == gpu.id), None)


def hardware_usd_per_gpu(costs: Costs, gpu: GpuType, ledger: Ledger, *topics: Topic) -> float:
    """Server, network and storage of one GPU, spares included; NaN where the file does not price its server."""
    key = server_key(costs, gpu, ledger)
    if key is None:
        return float("nan")
    server = ledger.number(f"costs.capital_usd_per_gpu.{key}", costs.capital_usd_per_gpu[key], *topics)
    beside = sum(
        ledger.number(f"costs.{name}", getattr(costs, name), *topics, default=f"costs.{name}")
        for name in ("network_usd_per_gpu", "storage_usd_per_gpu")
    )
    spares = ledger.number("costs.spares_share", costs.spares_share, *topics, default="costs.spares_share")
    return (server + beside) * (1.0 + spares)


def _debt(debt: Debt, ledger: Ledger) -> DebtCase:
    def known(name: str) -> Array:
        key = f"debt.{name}"
        return scalar(ledger.number(key, getattr(debt, name), *_TOPICS, default=key))

    def asked(name: str) -> Array:
        return scalar(ledger.number(f"debt.{name}", getattr(debt, name), *_TOPICS))

    sizing = debt.sizing or ("dscr" if debt.target_dscr_factor else "amount")
    repayment = debt.repayment or ("sculpted" if sizing == "dscr" else "annuity")
    return DebtCase(
        sizing=sizing,
        sized_on=_word("debt.sized_on", debt.sized_on, ledger),
        repayment=repayment,
        advance_rate_share=asked("advance_rate_share"),
        amount_usd=asked("amount_usd"),
        interest_share=asked("interest_share"),
        tenor_months=asked("tenor_months"),
        target_dscr_factor=asked("target_dscr_factor"),
        balloon_share=known("balloon_share"),
        commitment_fee_share=known("commitment_fee_share"),
        reserve_months=known("reserve_months"),
        reserve_interest_share=known("reserve_interest_share"),
        lock_up_dscr_factor=known("lock_up_dscr_factor"),
        sweep_share=known("sweep_share"),
        sweep_below_dscr_factor=asked("sweep_below_dscr_factor"),
        notice_in_month_count=known("notice_in_month_count"),
    )
