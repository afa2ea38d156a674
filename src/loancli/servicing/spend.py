"""Where money goes: to what is due, by the order of the terms; then ahead; and after a write-off, to that claim."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from loancli.core.money import rounded
from loancli.plan.product import Allocation
from loancli.servicing.accrue import Accruing
from loancli.servicing.allocate import Taken, order_for, pour
from loancli.servicing.fee_ahead import FeeAhead
from loancli.servicing.lines import PARTS, Line, rebates, use

# What a borrower may want done with money beyond what is due: it waits for the next instalment, or repays principal.
SURPLUS = {"next": "credit", "shorter": "principal", "smaller": "principal"}


class Spending(Accruing):
    """Payments and what they pay."""

    def pay(self, day: date, amount_fen: int, debit: str, cause: str, surplus: str | None = None) -> None:
        """`surplus`: what becomes of money beyond what is due, if not as the terms say."""
        self.paid_total_fen += amount_fen
        if self.credit_fen < 0:
            back_fen = min(amount_fen, -self.credit_fen)
            self.credit_fen += back_fen
            self.move(day, cause, debit, "borrower:credit", back_fen, "credit", 0)
            amount_fen -= back_fen
        credit_before_fen = self.credit_fen
        if amount_fen:
            self.spend(day, amount_fen, debit, cause, surplus or self.product.allocation.surplus)
        if credit_before_fen > 0 and self.credit_fen > 0:  # together they may settle everything
            self.spend_credit(day, cause)

    def spend_credit(self, day: date, cause: str) -> None:
        credit_fen, self.credit_fen = self.credit_fen, 0
        allocation = self.product.allocation_of("credit")
        self.spend(day, credit_fen, "borrower:credit", cause, allocation.surplus, allocation)

    def spend(
        self, day: date, amount_fen: int, debit: str, cause: str, surplus: str, allocation: Allocation | None = None
    ) -> None:
        """Money from `debit` pays what is due; a rest that settles everything does, another waits or prepays."""
        self.crystallise(day, cause)
        due = self.still_owing()
        unpaid = [(line.row.number, line.unpaid_parts()) for line in due]
        allocation = allocation or self.product.allocation
        taken, left_fen = pour(amount_fen, unpaid, self.order_on(day, due, allocation), by=allocation.by)
        for each in taken:
            self.take(day, each, debit, cause)
        if left_fen:
            left_fen = self.spend_ahead(day, left_fen, debit, cause, surplus)
        if left_fen and self.claim:
            left_fen = self.recover(day, left_fen, debit, cause)
        if left_fen:
            self.credit_fen += left_fen
            if debit != "borrower:credit":
                self.move(day, cause, debit, "borrower:credit", left_fen, "credit", 0)

    def order_on(self, day: date, due: Sequence[Line], allocation: Allocation) -> tuple[str, ...]:
        """The order of parts at the stage that lines, the oldest first, have reached."""
        oldest = next((line.row.due_on for line in due if line.late_fen), day)
        return order_for(allocation, (day - oldest).days)

    def take(self, day: date, taken: Taken, debit: str, cause: str) -> None:
        line = self.lines[taken.number - 1]
        line.paid[taken.part] += taken.amount_fen
        if taken.part == "principal":
            self.repaid_fen += taken.amount_fen
        account = "loan:principal" if taken.part == "principal" else f"loan:{taken.part}_due"
        self.move(day, cause, debit, account, taken.amount_fen, taken.part, taken.number)
        if line.is_paid:
            line.paid_on = day

    def spend_ahead(self, day: date, left_fen: int, debit: str, cause: str, surplus: str) -> int:
        """Pay what is not due yet: everything, if the money covers it; else principal, unless the `surplus` waits.

        Returns what is left of the money.
        """
        ahead = [line for line in self.lines if not line.is_due and (line.rebates or not line.is_paid)]
        closed = [line for line in ahead if line.closed]  # the others have only fees that were charged
        self.accrue(day)
        interest_fen = self.fee.to_settle(self.accrued) if self.fee else rounded(self.accrued, self.product.rounding)
        paid_by_coupons = rebates(self.coupons, interest_fen, self.product.rounding)
        asked_fen = interest_fen - sum(fen for _, fen in paid_by_coupons)
        closed_fen = sum(line.unpaid_fen for line in closed)
        settles = left_fen >= sum(line.unpaid_fen for line in ahead) + asked_fen + self.pool_fen
        if not settles and surplus == "credit":
            return left_fen
        self.is_off_plan = True
        if settles or left_fen >= closed_fen:
            for line in ahead if settles else closed:
                if line.closed:
                    self.mark_due(line)
                self.recognise(day, line, cause)
                for part in PARTS:
                    open_fen = line.unpaid(part)
                    if open_fen:
                        self.take(day, Taken(line.row.number, part, open_fen), debit, cause)
                        left_fen -= open_fen
        elif closed:
            return left_fen  # the instalment that is about to fall due comes before principal
        now_fen = min(left_fen, asked_fen)
        if left_fen:
            self.level_fen = None
        if self.fee and not settles:
            now_fen, paid_by_coupons = self.fee.part(left_fen, self.pool_fen), []
            self.earn(self.fee, now_fen)
        elif self.fee:
            self.earn(self.fee, self.fee.left_fen)  # what is not owed of it is waived
        elif now_fen < asked_fen or not (left_fen or settles):
            paid_by_coupons = []
            self.accrued -= now_fen
        elif interest_fen or settles:  # else the part of a fen goes on growing
            self.accrued = Fraction(0)
        for by, fen in use(paid_by_coupons, of_instalment=False):
            self.move(day, by, "expense:coupon", "income:interest", fen, "interest", 0)
        if now_fen:
            self.move(day, cause, "loan:interest_due", "income:interest", now_fen, "interest", 0)
            self.move(day, cause, debit, "loan:interest_due", now_fen, "interest", 0)
            left_fen -= now_fen
        principal_fen = min(left_fen, self.pool_fen)
        if principal_fen:
            self.flat_base *= Fraction(self.pool_fen - principal_fen, self.pool_fen)
            self.pool_fen -= principal_fen
            self.repaid_fen += principal_fen
            self.move(day, cause, debit, "loan:principal", principal_fen, "principal", 0)
            left_fen -= principal_fen
        return left_fen

    def recognise(self, day: date, line: Line, cause: str) -> None:
        """What a line asks for becomes due: interest and fees are earned, a part of it by those who redeem coupons."""
        number = line.row.number
        charged_fen = sum([fen for _, fen in line.charges])
        self.move(day, cause, "loan:interest_due", "income:interest", line.unpaid("interest"), "interest", number)
        self.move(day, cause, "loan:fee_due", "income:fee", line.unpaid("fee") - charged_fen, "fee", number)
        for by, fen in line.charges:
            self.move(day, by, "loan:fee_due", "income:fee", fen, "fee", number)
        for by, fen in line.rebates:
            self.move(day, by, "expense:coupon", "income:interest", fen, "interest", number)
        line.charges, line.rebates = (), ()

    def earn(self, fee: FeeAhead, fee_fen: int) -> None:
        """A part of a fixed fee has fallen due, or is paid ahead: the accrual by days, which foretold it, gives way."""
        fee.left_fen -= fee_fen
        self.accrued = max(self.accrued - fee_fen, Fraction(0))

    def recover(self, day: date, left_fen: int, debit: str, cause: str) -> int:
        """Money when nothing else is owed pays what was written off, part by part; returns what is left of it."""
        if self.pool_fen or any(line.unpaid_fen for line in self.lines):
            return left_fen
        order = (*self.product.allocation_of("recovered").order, "credit")
        taken, left_fen = pour(left_fen, [(0, self.claim)], order, by="component")
        for each in taken:
            self.claim[each.part] -= each.amount_fen
            self.move(day, cause, debit, "income:recovered", each.amount_fen, each.part, 0)
        return left_fen
