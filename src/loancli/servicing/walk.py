"""One loan, day by day: the state that facts, days and payments change, in the order in which life.py brings them.

Walk is made in steps, a file each: what accrues (accrue.py), where money goes (spend.py), what is owed more or less
without money (forgive.py), and here what happens by itself and what events say. What comes of it: outcome.py.
Of a credit line only what is in use bears interest and falls due; its rows tell the days, and what the whole limit
would do. A fixed fee falls due with the amounts that bring it (plan/fixed_fee.py).
"""

import heapq
import json
from collections.abc import Callable
from datetime import date
from fractions import Fraction

from loancli.core.event import Event, EventKind
from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.plan.kinds import level_in_use_fen
from loancli.plan.line import share_in_use_fen
from loancli.plan.product import Kind, PrincipalBack
from loancli.servicing.contract import Contract, changed_by
from loancli.servicing.forgive import Forgiving
from loancli.servicing.lines import DAY, Line, rebates, use
from loancli.servicing.spend import SURPLUS


class Walk(Forgiving):
    """The loan, while days go by."""

    # facts

    def happen(self, event: Event) -> None:
        """An event of any kind but those of CHANGES; what only takes back another event does nothing of its own."""
        act = ACTS.get(event.kind)
        if act:
            act(self, event)

    def disburse(self, event: Event) -> None:
        amount_fen = event.payload["amount_fen"]
        self.accrue(event.effective_on)
        self.flat_base = amount_fen + (self.flat_base if self.pool_fen else 0)
        self.pool_fen += amount_fen
        self.level_fen = None
        if self.fee and not self.disbursed_fen:
            self.fee.left_fen = self.fee.curve.fee_fen
        on_plan = (self.contract.principal_fen, self.contract.rows[0].from_on)
        self.is_off_plan |= (amount_fen, event.effective_on) != on_plan
        self.disbursed_fen += amount_fen
        self.move(event.effective_on, f"disbursed:{event.key}", "loan:principal",
                  f"clearing:{event.payload['channel']}", amount_fen, "principal", 0)  # fmt: skip
        if self.contract.is_line and self.credit_fen > 0:  # money of the borrower that is there already
            self.spend_credit(event.effective_on, f"credit:{event.key}")

    def fix(self, event: Event) -> None:
        """The amount of a revenue instalment is known."""
        line = self.lines[event.payload["number"] - 1]
        line.fixed_fen = event.payload["amount_fen"]
        line.takes_rest = event.payload["takes_rest"]
        line.reason = json.dumps(event.payload["reasons"], ensure_ascii=False)

    def pause(self, event: Event) -> None:
        """Contract interest stands still from the event's day to another, both included."""
        self.accrue(event.effective_on)
        self.pauses.append((event.effective_on, date.fromisoformat(event.payload["to_on"]) + DAY))
        self.is_off_plan = True

    def receive(self, event: Event) -> None:
        """Money of the borrower, or what somebody else pays for them."""
        word = "payment" if event.kind is EventKind.PAYMENT_RECEIVED else "recovered"
        debit = f"clearing:{event.payload['channel']}"
        choice = self.choices.get(event.key)
        surplus = SURPLUS[choice] if choice else None
        self.pay(event.effective_on, event.payload["amount_fen"], debit, f"{word}:{event.key}", surplus)

    def changed(self, event: Event, contract: Contract | None = None) -> None:
        """Other rows, and perhaps other terms, from a row on whose period is not over.

        `contract`: as the event leaves it, where that is known already.
        """
        self.accrue(event.effective_on)
        for line in self.lines:
            if line.penalty_from is not None:
                self.grow(line, event.effective_on)
        self.contract = contract or changed_by(self.contract, event)
        number = event.payload["number"]
        charges = [charge for line in self.lines[number - 1 :] for charge in line.charges]
        if event.payload.get("takes_in"):
            charges += self.take_in(event.effective_on, f"reaged:{event.key}")
            self.current = max(self.current, number - 1)
        self.lines[number - 1 :] = [Line(row) for row in self.contract.rows[number - 1 :]]
        self.owing = [line for line in self.owing if line.row.number < number]
        for charge in charges:
            self.lines[number - 1].charge(*charge)
        if self.product.kind is not Kind.FLAT:
            self.flat_base = self.pool_fen  # if the rest is flat from now on, this is what was lent so
        self.product = self.contract.product
        self.level_fen = None
        if self.fee:
            self.fee.changed(self.contract, number)
        self.set_terms()
        self.is_off_plan = not self.holds(number)

    def holds(self, number: int) -> bool:
        """Were the rows from `number` on made for what is there? Then they tell what is ahead, as those signed did.

        What was paid before may be another sum by now than when they were made. If it is the same principal, and the
        interest that the first of them asks for, all that follow ask for what they say. Where more than principal and
        days decides, the answer is no: then it is worked out.
        """
        product, rows = self.product, self.contract.rows[number - 1 :]
        if product.kind is Kind.FLAT or product.line or product.fixed_fee or self.is_revenue_share:
            return False
        if self.coupons or self.pauses:
            return False
        closed = [line.closed for line in self.lines]
        if any(closed[number - 1 :]) or not all(closed[: number - 1]):
            return False
        if self.pool_fen != sum([row.principal_fen for row in rows]) or [row for row in rows if row.is_breathing]:
            return False
        if self.accrued_to >= rows[0].to_on or self.lines[self.current].row is not rows[0]:
            return False
        # The first row asks for its principal, as the sum is right, and for the interest up to its end.
        accrued = self.accrued + self.interest(self.accrued_to, rows[0].to_on)
        return rounded(accrued, self.product.rounding) == rows[0].interest_fen

    # what happens by itself

    def close_period(self, line: Line) -> None:
        """The interest period of `line` ends: its interest is known, its principal bears interest no more."""
        line.closed = True
        line.due, line.rebates = self.end_period(line)

    def end_period(self, line: Line) -> tuple[dict[str, int], tuple[tuple[str, int], ...]]:
        """As `close_period`, but for the line itself: what it asks for from then on, and what coupons pay of that."""
        row = line.row
        self.accrue(row.to_on)
        self.current = min(row.number, len(self.lines) - 1)
        if self.pool_fen == 0 and self.accrued == 0:
            return line.due, line.rebates
        if self.is_revenue_share and line.fixed_fen is None:
            return line.due, line.rebates  # its window is not closed yet; interest goes on
        if self.fee:
            interest_fen, principal_fen = self.fee.falls_due(
                row, self.pool_fen, fixed_fen=line.fixed_fen, takes_rest=line.takes_rest
            )
            self.earn(self.fee, interest_fen)
        elif line.fixed_fen is not None:
            owed_interest_fen = rounded(self.accrued, self.product.rounding)
            interest_fen = owed_interest_fen if line.takes_rest else min(line.fixed_fen, owed_interest_fen)
            principal_fen = self.pool_fen if line.takes_rest else min(line.fixed_fen - interest_fen, self.pool_fen)
            # What is not asked for stays accrued, exactly; it is never added to the principal.
            closed_all = interest_fen == owed_interest_fen
            self.accrued = Fraction(0) if closed_all else self.accrued - interest_fen
        else:
            owed_interest_fen = rounded(self.accrued, self.product.rounding)
            asks_all = row.at_most_fen is None
            interest_fen = owed_interest_fen if asks_all else min(owed_interest_fen, row.at_most_fen or 0)
            is_last = row.number == self.contract.maturity_number
            principal_fen = self.pool_fen if is_last else min(self.part_of(row), self.pool_fen)
            closed_all = interest_fen == owed_interest_fen
            self.accrued = Fraction(0) if closed_all else self.accrued - interest_fen
        self.pool_fen -= principal_fen
        by_coupons = use(rebates(self.coupons, interest_fen, self.product.rounding), of_instalment=True)
        due = line.due.copy()
        due["interest"] = interest_fen - sum([fen for _, fen in by_coupons])
        due["principal"] = principal_fen
        due["fee"] += row.fee_fen
        return due, by_coupons

    def part_of(self, row: Row) -> int:
        """The principal that falls due with a row: as planned, or its part of what is left, if so agreed.

        Of a flat loan always: a shorter term would be a dearer one, whose last, small part would bear a whole period's.
        """
        if self.product.line is not None:
            return self.part_in_use(row, self.product.line.principal)
        if self.product.kind is not Kind.FLAT and self.product.allocation.surplus != "spread":
            return row.principal_fen
        planned_fen = sum(line.row.principal_fen for line in self.lines[row.number - 1 :])
        return rounded(Fraction(self.pool_fen * row.principal_fen, planned_fen), self.product.rounding)

    def part_in_use(self, row: Row, back: PrincipalBack) -> int:
        """Of what is in use of a credit line, the part that falls due with a row before the last one."""
        if self.pool_fen == 0:
            return 0
        if row.is_breathing:
            return max(0, (row.at_most_fen or 0) - rounded(self.accrued, self.product.rounding))
        if back is not PrincipalBack.EQUAL_INSTALMENTS:
            return share_in_use_fen(self.product, self.pool_fen)
        if self.level_fen is None:
            rest = self.contract.rows[row.number : self.contract.maturity_number]
            self.level_fen = level_in_use_fen(self.product, self.pool_fen, self.accrued, rest)
        return max(0, self.level_fen - rounded(self.accrued, self.product.rounding))

    def fall_due(self, line: Line, day: date) -> None:
        if line.is_due or (line.is_paid and not line.rebates):  # is_due: it was paid before its moved due day
            return
        self.mark_due(line)
        self.recognise(day, line, f"due:{line.row.number}")
        if line.is_paid:
            line.paid_on = day
            return
        if self.credit_fen > 0:
            self.spend_credit(day, f"credit:{line.row.number}")
        if line.late_fen:
            heapq.heappush(self.grace_ends, (day + self.grace, line.row.number))


ACTS: dict[EventKind, Callable[[Walk, Event], None]] = {
    EventKind.DISBURSED: Walk.disburse,
    EventKind.INTEREST_PAUSED: Walk.pause,
    EventKind.FEE_CHARGED: Walk.charge,
    EventKind.COUPON_REDEEMED: Walk.redeem,
    EventKind.INSTALMENT_FIXED: Walk.fix,
    EventKind.AMOUNT_WAIVED: Walk.waive,
    EventKind.PAYMENT_RECEIVED: Walk.receive,
    EventKind.RECOVERED: Walk.receive,
    EventKind.CREDIT_REFUNDED: Walk.refund,
    EventKind.WRITTEN_OFF: Walk.write_off,
}
