"""Projects a second: ``python tests/bench/cashflow.py``. Prints how long a million projects of 60 months take."""

import time
from collections.abc import Callable

import numpy as np

from colocalc.lease.cashflow import cash_flow, present_value_usd
from colocalc.lease.debt import debt_schedule, sculpted_debt_usd, sculpted_principal_usd
from colocalc.lease.lender import min_dscr_factor
from colocalc.lease.levelized import break_even_rate_usd_per_gpu_h
from colocalc.lease.sweep import swept_usd

PROJECTS, MONTHS = 1_000_000, 60
BLOCKS = (125, 500, 2_000, 8_000)
SAMPLE = 8_000  # projects timed of the million, which differ in nothing that costs time
ROUNDS = 5
MONTH = np.arange(MONTHS + 1)
RUNNING = (MONTH > 0) * 1.0
TAX = {"tax_rate_share": 0.21, "loss_cap_share": 0.8, "immediate_loss_share": 0.0}
INTEREST = np.full(MONTHS + 1, 0.09 / 12)
REPAYING = ((MONTH > 0) & (MONTH <= 48)) * 1.0


def projects(size: int) -> dict[str, np.ndarray]:
    """Fleets of 1,000 GPUs whose rate, utilization and costs are drawn."""
    draw = np.random.default_rng(1)
    capital = draw.uniform(30e6, 50e6, (size, 1))
    hours = RUNNING * 730_000 * draw.uniform(0.7, 1.0, (size, 1))
    return {
        "hours": hours,
        "revenue_usd": hours * draw.uniform(1.8, 2.8, (size, 1)) * 0.99**MONTH,
        "opex_usd": RUNNING * draw.uniform(2e5, 3e5, (size, 1)),
        "capital_usd": capital * (MONTH == 0),
        "depreciation_usd": capital / MONTHS * RUNNING,
    }


def loan(terms: dict[str, np.ndarray], *, sweep: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Debt sculpted to a DSCR of 1.4 and at most 80% of capital, with half of what is left swept or not."""
    cfads = terms["revenue_usd"] - terms["opex_usd"]
    sculpt = {"firm_cfads_usd": cfads, "interest_share": INTEREST, "repaying_share": REPAYING}
    debt = sculpted_debt_usd(**sculpt, target_dscr_factor=1.4, cap_usd=0.8 * terms["capital_usd"][..., 0])
    base = {
        "draw_usd": debt[..., None] * (MONTH == 0),
        "principal_usd": sculpted_principal_usd(debt_usd=debt, **sculpt),
        "interest_share": INTEREST,
        "cfads_usd": cfads,
    }
    ahead = np.zeros(MONTHS + 1)
    if sweep:
        income = cfads - terms["depreciation_usd"]
        ahead = swept_usd(
            **base, **TAX, income_before_interest_usd=income, sweep_share=0.5, sweep_below_dscr_factor=np.inf
        )
    account = debt_schedule(
        **base, prepayment_usd=ahead, commitment_usd=0.0, commitment_fee_share=ahead * 0.0, drawing_share=RUNNING * 0.0
    )
    names = ("draw_usd", "interest_usd", "fee_usd", "principal_usd", "prepayment_usd")
    return {name: getattr(account, name) for name in names}, account.dscr_factor


def value(terms: dict[str, np.ndarray], *, sweep: bool) -> None:
    """From revenue to the net present value of the owners and the lowest DSCR."""
    flows, ratio = loan(terms, sweep=sweep)
    given = {name: terms[name] for name in ("revenue_usd", "opex_usd", "capital_usd", "depreciation_usd")}
    nothing = np.zeros(MONTHS + 1)
    held = {"reserve_periods_count": 6.0, "reserve_interest_share": 0.003, "lock_up_dscr_factor": 1.15}
    flow = cash_flow(**given, **flows, **TAX, **held, salvage_usd=nothing, gain_usd=nothing)
    present_value_usd(flow_usd=flow.equity_after_tax_usd, discount_share=0.008)
    min_dscr_factor(dscr_factor=ratio)


def break_even(terms: dict[str, np.ndarray]) -> None:
    """The rate at which the project breaks even after tax, losses carried forward."""
    break_even_rate_usd_per_gpu_h(
        billed_gpu_h=terms["hours"],
        other_flow_usd=-terms["opex_usd"] - terms["capital_usd"],
        other_income_usd=-terms["opex_usd"] - terms["depreciation_usd"],
        discount_share=0.008,
        **TAX,
    )


def seconds(act: Callable[[dict[str, np.ndarray]], None], block: int) -> float:
    """Time of a million, from the fastest of some rounds over a sample in blocks."""
    terms = projects(block)
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(SAMPLE // block):
            act(terms)
        times.append(time.process_time() - start)
    return min(times) * PROJECTS / SAMPLE


def main() -> None:
    """Prints the table."""
    print(f"{PROJECTS:,} projects x {MONTHS} months, seconds of one processor, by block")
    acts = {
        "cash flow with debt, reserve and lock-up": lambda terms: value(terms, sweep=False),
        "the same with a sweep": lambda terms: value(terms, sweep=True),
        "break-even rate": break_even,
    }
    for title, act in acts.items():
        print(f"{title:42}", *(f"{block:,}: {seconds(act, block):6.1f}" for block in BLOCKS), sep="  ")


if __name__ == "__main__":
    main()
