"""The account of the debt in the sheet of the cash flow: how much, drawn and repaid when, and what covers it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from colocalc.case import DebtCase
from colocalc.report.formula import (
    NOTHING,
    Term,
    added,
    both,
    dot,
    either,
    highest,
    least,
    lowest,
    mean,
    most,
    picked,
    present_value,
    ratio,
    rounded_down,
    rounded_up,
    term,
    total,
    when,
)
from colocalc.report.views.model.build import known, one
from colocalc.report.views.model.grid import Line
from colocalc.report.views.model.project import Flows, Sheet
from colocalc.units import MONTHS_PER_YEAR

_DUST: Final = 1e-12  # of the largest debt, as in the account of colocalc


@dataclass(frozen=True)
class Loan:
    """Lines of the loan by period."""

    draw: Line
    interest: Line
    fee: Line
    principal: Line
    prepayment: Line
    closing: Line
    service: Line
    dscr: Line
    repaying: Line


def write(sheet: Sheet, flows: Flows, terms: DebtCase) -> Loan:
    """The whole account, and the metrics of lenders."""
    sheet.grid.heading("Debt")
    return _Debt(sheet, flows, terms).written()


class _Debt:
    """The rows of the debt while they are written."""

    def __init__(self, sheet: Sheet, flows: Flows, terms: DebtCase) -> None:
        self.sheet, self.flows, self.terms = sheet, flows, terms
        rate = self.given("interest_share") * (sheet.months / MONTHS_PER_YEAR)
        self.interest = sheet.scalar("Interest of a period", "share", rate)
        fee = self.given("commitment_fee_share") * (sheet.months / MONTHS_PER_YEAR)
        self.fee = sheet.scalar("Commitment fee of a period", "share", fee)
        spent = np.flatnonzero([one(capital.value) > 0.0 for capital in flows.capital.terms])
        built = int(spent[-1]) if spent.size else 0
        due = rounded_up(self.given("tenor_months") / sheet.months - 1e-9)
        self.due = sheet.scalar("Last period of the loan", "count", due)
        self.drawing = sheet.frozen("Debt may be drawn", "share", [float(t <= built) for t in range(sheet.count)])
        self.repaying = sheet.line(
            "Debt is repaid",
            "share",
            lambda t: when(self.due.at_least(sheet.periods[t]), 1.0, 0.0) if t > built else term(0.0),
        )

    def given(self, name: str) -> Term:
        """An input of the block ``debt``."""
        return self.sheet.inputs.number(f"debt.{name}", getattr(self.terms, name))

    def written(self) -> Loan:
        """Limit, draws, principal and the account."""
        sheet, flows, terms = self.sheet, self.flows, self.terms
        source = flows.firm if terms.sized_on == "firm" else flows.revenue
        cash = sheet.flow("Cash that lenders count on", lambda t: source[t] - flows.opex[t])
        weight = sheet.line("Of it above 0", "usd", lambda t: most(cash[t], 0.0))
        discount = self._discount()
        capital = sheet.scalar("Capital in all", "usd", total(flows.capital.span()))
        limit = sheet.scalar("Most that is lent", "usd", self._limit(weight, discount, capital))
        draw = self._draws(limit, capital)
        owed = sheet.scalar("Debt", "usd", total(draw.span()))
        scheduled = self._principal(owed, weight, discount)
        ahead = self._ahead(draw, scheduled, owed)
        loan = self._account(limit, draw, scheduled, ahead)
        self._covers(loan, owed, capital)
        return loan

    def _discount(self) -> Line:
        line = self.sheet.grid.line("Discount factor of the loan", "factor")
        for t in range(self.sheet.count):
            line.add((line[t - 1] if t else term(1.0)) / (1.0 + self.interest * self.repaying[t]))
        return line

    def _limit(self, weight: Line, discount: Line, capital: Term) -> Term:
        terms, sheet = self.terms, self.sheet
        capped = known(terms.advance_rate_share)
        cap = self.given("advance_rate_share") * capital if capped else None
        if terms.sizing == "amount":
            if not known(terms.amount_usd):
                return cap or term(0.0)
            return least(self.given("amount_usd"), cap) if cap else self.given("amount_usd")
        carried = sheet.line("Worth of that cash", "usd", lambda t: weight[t] * self.repaying[t] * discount[t])
        sized = total(carried.span()) / self.given("target_dscr_factor")
        return least(cap, sized) if cap else sized

    def _draws(self, limit: Term, capital: Term) -> Line:
        sheet, flows = self.sheet, self.flows
        advance = sheet.scalar("Share of capital that is lent", "share", when(capital.above(0.0), limit / capital, 0.0))
        draw, debt = sheet.grid.line("Drawn", "usd"), sheet.grid.line("Drawn so far", "usd")
        for t in range(sheet.count):
            before = debt[t - 1] if t else term(0.0)
            room = limit - before
            fee = self.fee * room if t else term(0.0)
            cost = flows.capital[t] + self.interest * before + fee
            draw.add(self.drawing[t] * least(advance * cost, room))
            debt.add(before + draw[t])
        return draw.totalled()

    def _principal(self, owed: Term, weight: Line, discount: Line) -> Line:
        sheet, terms = self.sheet, self.terms
        if terms.repayment == "straight-line" or terms.repayment not in {"sculpted", "annuity"}:
            parts = sheet.scalar("Instalments", "count", total(self.repaying.span()))
            level = ratio(owed * (1.0 - self.given("balloon_share")), parts)
            part = sheet.scalar("Instalment", "usd", level)
            return sheet.line("Principal as scheduled", "usd", lambda t: part * self.repaying[t])
        sculpted = terms.repayment == "sculpted"
        last = sheet.count - 1
        left_over = term(0.0) if sculpted else owed * self.given("balloon_share") * discount[last]
        final = sheet.scalar("Worth of the balloon", "usd", left_over)
        carried = sheet.line(
            "Weight of the period",
            "usd",
            lambda t: (weight[t] if sculpted else term(1.0)) * self.repaying[t] * discount[t],
        )
        whole = total(carried.span())
        level = when(either(owed.equals(final), whole.equals(0.0)), 0.0, (owed - final) / whole)
        part = sheet.scalar("Debt over those weights", "share", level)
        ahead = self._reversed("Worth of service still to come", carried, part, final)
        worth = sheet.line("Debt that it carries", "usd", lambda t: (ahead[t + 1] if t < last else final) / discount[t])
        left = sheet.grid.line("Debt left", "usd")
        for t in range(sheet.count):
            left.add(least(left[t - 1] if t else ahead[0], worth[t]))
        return sheet.line("Principal as scheduled", "usd", lambda t: (left[t - 1] if t else ahead[0]) - left[t])

    def _reversed(self, label: str, carried: Line, part: Term, final: Term) -> Line:
        """Each period and all after it; the cells name those to their right, so that values come from the last."""
        line = self.sheet.grid.line(label, "usd")
        spans = [total(carried.span(t)) for t in range(self.sheet.count)]
        return line.fill(part * each + final for each in spans)

    def _ahead(self, draw: Line, scheduled: Line, owed: Term) -> Line:
        """What is repaid besides: a balloon, and what is swept."""
        sheet, terms = self.sheet, self.terms
        parts = []
        if one(terms.balloon_share) > 0.0:
            balloon = owed * self.given("balloon_share")
            last = sheet.count - 1

            def due(t: int) -> Term:
                now = self.due.at_least(float(t)) if t == last else self.due.equals(sheet.periods[t])
                return when(now, balloon, 0.0)

            parts.append(sheet.line("Balloon", "usd", due))
        if one(terms.sweep_share) > 0.0:
            parts.append(self._swept(draw, scheduled))
        return sheet.line("Besides the schedule", "usd", lambda t: added([part[t] for part in parts]))

    def _swept(self, draw: Line, scheduled: Line) -> Line:
        sheet, flows = self.sheet, self.flows
        share = self.given("sweep_share")
        rate, cap = sheet.finance("tax_rate_share"), sheet.finance("tax_loss_cap_share")
        at_once = sheet.inputs.number("finance.immediate_loss_share", sheet.terms.immediate_loss_share)
        debt, pool, swept, income, tax, charge, due = (
            sheet.grid.line(label, "usd")
            for label in (
                "Sweep: debt left",
                "Sweep: losses carried forward",
                "Swept",
                "Sweep: taxable income",
                "Sweep: tax",
                "Sweep: interest",
                "Sweep: principal",
            )
        )
        for t in range(sheet.count):
            before, losses = (line[t - 1] if t else term(0.0) for line in (debt, pool))
            charge.add(self.interest * before)
            due.add(least(scheduled[t], before + draw[t]))
            income.add(flows.ebitda[t] - flows.tax_depreciation[t] + flows.gain[t] - charge[t])
            profit, loss = most(income[t], 0.0), most(-income[t], 0.0)
            used = least(losses, cap * profit)
            pool.add(losses - used + (1.0 - at_once) * loss)
            tax.add(rate * (profit - used - at_once * loss))
            left = share * most(flows.ebitda[t] - tax[t] - charge[t] - due[t], 0.0)
            if known(self.terms.sweep_below_dscr_factor):
                trigger = self.given("sweep_below_dscr_factor") * (charge[t] + due[t])
                left = when(flows.ebitda[t].below(trigger), left, 0.0)
            swept.add(least(left, before + draw[t] - due[t]))
            debt.add(before + draw[t] - due[t] - swept[t])
        return swept

    def _account(self, limit: Term, draw: Line, scheduled: Line, ahead: Line) -> Loan:
        sheet = self.sheet
        raw = sheet.grid.line("Debt before rounding", "usd")
        for t in range(sheet.count):
            start = raw[t - 1] if t else term(0.0)
            raw.add(most(start + (draw[t] - scheduled[t] - ahead[t]), 0.0))
        dust = term(_DUST) * highest(raw.span())
        closing = sheet.line("Debt at the end", "usd", lambda t: when(raw[t].above(dust), raw[t], 0.0))
        opening = [term(0.0), *closing.terms]
        interest = sheet.flow("Interest", lambda t: self.interest * opening[t])
        fee = sheet.flow(
            "Fee on what is not drawn",
            lambda t: self.fee * self.drawing[t] * most(limit - opening[t], 0.0) if t else 0.0,
        )
        principal = sheet.flow("Principal", lambda t: least(scheduled[t], opening[t] + draw[t]))
        prepaid = sheet.flow(
            "Principal besides the schedule", lambda t: least(ahead[t], opening[t] + draw[t] - principal[t])
        )
        service = sheet.flow("Debt service", lambda t: interest[t] + fee[t] + principal[t])
        dscr = self._cover("DSCR", service, draw, self.flows.ebitda)
        return Loan(draw, interest, fee, principal, prepaid, closing, service, dscr, self.repaying)

    def _cover(self, label: str, service: Line, draw: Line, cash: Line) -> Line:
        return self.sheet.line(
            label,
            "factor",
            lambda t: when(either(service[t].equals(0.0), draw[t].above(0.0)), NOTHING, cash[t] / service[t]),
        )

    def _covers(self, loan: Loan, owed: Term, capital: Term) -> None:
        sheet, metrics = self.sheet, self.sheet.build.metrics
        firm = sheet.line("Firm cash", "usd", lambda t: self.flows.firm[t] - self.flows.opex[t])
        firm_cover = self._cover("DSCR on firm cash", loan.service, loan.draw, firm)

        def put(name: str, label: str, unit: str, content: Term) -> None:
            metrics[f"lease.{name}"] = sheet.scalar(label, unit, content)

        put("debt_usd", "Debt", "usd", owed)
        put("debt_share", "Debt over capital", "share", ratio(owed, capital))
        put("min_dscr_factor", "Lowest DSCR", "factor", lowest(loan.dscr.span()))
        put("mean_dscr_factor", "Mean DSCR", "factor", mean(loan.dscr.span()))
        put("min_firm_dscr_factor", "Lowest DSCR on firm cash", "factor", lowest(firm_cover.span()))
        drawn = max((t for t, each in enumerate(loan.draw.terms) if one(each.value) > 0.0), default=0)
        if drawn < sheet.count - 1:
            held = sheet.line("Cash while debt is repaid", "usd", lambda t: self.flows.ebitda[t] * self.repaying[t])
            debt = loan.closing[drawn]
            worth = (present_value(self.interest, line.span(drawn + 1)) for line in (held, self.flows.ebitda))
            loan_life, project_life = (ratio(each, debt) for each in worth)
            put("llcr_factor", "Loan life cover ratio", "factor", loan_life)
            put("plcr_factor", "Project life cover ratio", "factor", project_life)
        years = total(self.repaying.span()) * (sheet.months / MONTHS_PER_YEAR)
        charges = dot(loan.interest.span(), self.repaying.span()) + dot(loan.fee.span(), self.repaying.span())
        repaid = dot(loan.principal.span(), self.repaying.span()) + dot(loan.prepayment.span(), self.repaying.span())
        metrics["service.interest_usd_per_yr"] = sheet.scalar("Interest of a year", "usd_per_yr", ratio(charges, years))
        metrics["service.principal_usd_per_yr"] = sheet.scalar(
            "Principal of a year", "usd_per_yr", ratio(repaid, years)
        )


class HeldBack:
    """The lines of cash in the reserve and trapped by a lock-up, period by period."""

    def __init__(self, sheet: Sheet, loan: Loan, terms: DebtCase) -> None:
        self.loan, self.last = loan, sheet.count - 1
        self.aim = _target(sheet, loan, terms)
        level = sheet.inputs.number("debt.lock_up_dscr_factor", terms.lock_up_dscr_factor)
        self.locked = sheet.line(
            "Locked up", "share", lambda t: when(both(loan.service[t].above(0.0), loan.dscr[t].below(level)), 1.0, 0.0)
        )
        self.left, self.used, self.reserve, self.trapped, self.held = (
            sheet.grid.line(label, "usd")
            for label in (
                "Cash after debt service",
                "Reserve after what service lacks",
                "Reserve",
                "Trapped cash",
                "Cash held back",
            )
        )

    def add(self, t: int, available: Term) -> None:
        """What is held back of the cash after tax of the next period."""
        loan, used, reserve, trapped, aim = self.loan, self.used, self.reserve, self.trapped, self.aim
        self.left.add(available - (loan.service[t] + loan.prepayment[t]))
        held, trap = (line[t - 1] if t else term(0.0) for line in (reserve, trapped))
        lacking, free, drawn = most(-self.left[t], 0.0), most(self.left[t], 0.0), loan.draw[t].above(0.0)
        from_trap = least(trap, lacking)
        used.add(held - least(held, lacking - from_trap))
        filled = when(drawn, aim[t], least(used[t] + free, aim[t]))
        reserve.add(filled if t < self.last else 0.0)  # every dollar is back by the last period
        spare = when(drawn, 0.0, free + used[t] - reserve[t])
        kept = when(drawn, trap, trap - from_trap) + spare
        trapped.add(when(self.locked[t].above(0.0), kept, 0.0) if t < self.last else 0.0)
        self.held.add(reserve[t] + trapped[t])


def holds_back(terms: DebtCase | None) -> bool:
    """Whether lenders hold any cash back."""
    return terms is not None and (one(terms.reserve_months) > 0.0 or one(terms.lock_up_dscr_factor) > 0.0)


def _target(sheet: Sheet, loan: Loan, terms: DebtCase) -> Line:
    """Debt service of the months ahead, linear within a period."""
    ahead = sheet.inputs.number("debt.reserve_months", terms.reserve_months) / sheet.months
    paid = sheet.line("Debt service so far", "usd", lambda t: total(loan.service.span(0, t)))
    last = float(sheet.count - 1)
    reach = sheet.line("Period the reserve reaches to", "count", lambda t: least(sheet.periods[t] + ahead, last))

    def target(t: int) -> Term:
        low = rounded_down(reach[t])
        start, stop = (picked(paid.span(), place + 1.0) for place in (low, least(low + 1.0, last)))
        return most(start + (reach[t] - low) * (stop - start) - paid[t], 0.0)

    return sheet.line("Reserve aimed at", "usd", target)
