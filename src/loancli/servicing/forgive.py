"""What is added to a debt, or taken off it, without money coming in: fees charged, waivers, coupons, a write-off.

What is waived, paid by a coupon or written off is no longer asked for: the instalment asks for less. A waiver or a
coupon that is larger than what there is does no more than there is, and never becomes money of the borrower.
"""

from datetime import date
from fractions import Fraction

from loancli.core.event import Event
from loancli.plan.changes import EVERY_PART, WAIVABLE
from loancli.servicing.allocate import pour
from loancli.servicing.lines import PARTS, Line, coupon_of, rebates, use
from loancli.servicing.spend import Spending


class Forgiving(Spending):
    """Events that change what is owed."""

    def charge(self, event: Event) -> None:
        """A fee falls due with the next instalment; after the last one, at once and with that."""
        day, cause, amount_fen = event.effective_on, f"charged:{event.key}", event.payload["amount_fen"]
        self.is_off_plan = True
        ahead = next((line for line in self.lines if not line.is_due and line.row.due_on >= day), None)
        if ahead is not None:
            ahead.charge(cause, amount_fen)
            return
        last = self.lines[-1]
        self.mark_due(last)
        last.paid_on = None
        last.due["fee"] += amount_fen
        self.move(day, cause, "loan:fee_due", "income:fee", amount_fen, "fee", last.row.number)
        if self.credit_fen > 0:
            self.spend_credit(day, cause)

    def waive(self, event: Event) -> None:
        """Take off what is due and unpaid: of a part, the oldest instalment first; of all parts, as the terms say."""
        day, cause, part = event.effective_on, f"waived:{event.key}", event.payload["part"]
        if part in {"penalty", EVERY_PART} or self.bears_penalty(part):
            self.crystallise(day, cause)
        due, allocation = self.still_owing(), self.product.allocation_of("waived")
        order = self.order_on(day, due, allocation) if part == EVERY_PART else (part,)
        unpaid = [(line.row.number, line.unpaid_parts()) for line in due]
        waivable = [each for each in order if each in WAIVABLE]
        for number, part, off_fen in pour(event.payload["amount_fen"], unpaid, waivable, by=allocation.by)[0]:
            self._off(self.lines[number - 1], day, part, off_fen)
            self.move(day, cause, "expense:waived", f"loan:{part}_due", off_fen, part, number)

    def redeem(self, event: Event) -> None:
        """A coupon pays interest that is due and unpaid, then interest as it falls due, until it is used up."""
        day, coupon = event.effective_on, coupon_of(event)
        if self.bears_penalty("interest"):
            self.crystallise(day, coupon.cause)
        self.is_off_plan = True
        for line in self.lines:
            interest_fen = line.unpaid("interest")
            paid = use(rebates([coupon], interest_fen, self.product.rounding), of_instalment=True)
            for by, fen in paid:
                self._off(line, day, "interest", fen)
                if line.is_due:
                    self.move(day, by, "expense:coupon", "loan:interest_due", fen, "interest", line.row.number)
                else:
                    line.rebates += ((by, fen),)
        self.coupons.append(coupon)

    def _off(self, line: Line, day: date, part: str, amount_fen: int) -> None:
        line.due[part] -= amount_fen
        if line.is_due and line.unpaid_fen == 0:
            line.paid_on = day

    def write_off(self, event: Event) -> None:
        """All that is owed is given up for lost, and becomes a claim that later money recovers.

        Credit is set off first. Interest and penalty that have not fallen due are not booked at all.
        """
        day, cause = event.effective_on, f"written_off:{event.key}"
        for line in self.lines:
            if not line.is_due:
                line.due |= {part: line.paid[part] for part in ("interest", "fee")}
                line.charges = line.rebates = ()
            line.penalty, line.penalty_from = Fraction(0), None
            for part in reversed(PARTS):
                if open_fen := line.unpaid(part):
                    paid_fen = self._lose(day, cause, part, open_fen, line.row.number)
                    line.paid[part] += paid_fen
                    line.due[part] -= open_fen - paid_fen
        if self.pool_fen:
            self._lose(day, cause, "principal", self.pool_fen, 0)
        if self.credit_fen < 0:
            self._lose(day, cause, "credit", -self.credit_fen, 0)
            self.credit_fen = 0
        self.pool_fen, self.flat_base, self.accrued = 0, 0, Fraction(0)
        if self.fee:
            self.fee.left_fen = 0

    def _lose(self, day: date, cause: str, part: str, open_fen: int, number: int) -> int:
        """Set off credit against an amount and write off the rest; return what the credit paid."""
        paid_fen = max(0, min(self.credit_fen, open_fen))
        lost_fen = open_fen - paid_fen
        account = {"principal": "loan:principal", "credit": "borrower:credit"}.get(part, f"loan:{part}_due")
        self.move(day, cause, "borrower:credit", account, paid_fen, part, number)
        self.move(day, cause, "expense:written_off", account, lost_fen, part, number)
        self.credit_fen -= paid_fen
        self.claim[part] = self.claim.get(part, 0) + lost_fen
        if part == "principal":
            self.repaid_fen += paid_fen
            self.lost_fen += lost_fen
        return paid_fen

    def take_in(self, day: date, cause: str) -> list[tuple[str, int]]:
        """What is overdue falls due anew with what is open; return the fees, by cause, for the next instalment.

        Interest that fell due is accrued again, and bears none; its income is earned when it falls due anew. Penalty up
        to the day stays due: it is the price of having been late, and may be waived.
        """
        self.crystallise(day, cause)
        charges = []
        for line in self.lines:
            if not line.is_due:
                continue
            number = line.row.number
            principal_fen, interest_fen, fee_fen = (line.unpaid(part) for part in ("principal", "interest", "fee"))
            self.pool_fen += principal_fen
            self.accrued += interest_fen
            self.move(day, cause, "income:interest", "loan:interest_due", interest_fen, "interest", number)
            self.move(day, cause, "income:fee", "loan:fee_due", fee_fen, "fee", number)
            line.due |= {part: line.paid[part] for part in ("principal", "interest", "fee")}
            line.penalty_from = None
            if fee_fen:
                charges.append((cause, fee_fen))
        return charges

    def refund(self, event: Event) -> None:
        """Credit is paid out to the borrower. What turns out not to have been there is owed again: credit below 0."""
        amount_fen = event.payload["amount_fen"]
        self.credit_fen -= amount_fen
        self.paid_total_fen -= amount_fen
        channel, cause = event.payload["channel"], f"refunded:{event.key}"
        self.move(event.effective_on, cause, "borrower:credit", f"clearing:{channel}", amount_fen, "credit", 0)
