"""One loan, day by day: the state that facts, days and payments change, in the order in which life.py brings them.

Interest runs on principal that is not yet due; overdue principal bears the penalty rate instead (PRC-05), from its due
day, unless it is paid in grace. A flat loan's interest runs on all that was lent until its principal is all due, and
falls in proportion when principal ahead is prepaid: half of it prepaid, half of each instalment ahead (PRC-07).
A fixed fee falls due with the amounts that bring it (plan/fixed_fee.py); by days it only accrues, and never beyond it.
"""

import heapq
import json
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from loancli.core.event import Event, EventKind
from loancli.core.loan import InstalmentState, Position, Row
from loancli.core.money import rounded
from loancli.core.rates import DayCount, interest_exact, year_fraction
from loancli.plan.due_days import period_of
from loancli.plan.flexible import closes_on, window_of
from loancli.plan.product import Kind
from loancli.servicing.allocate import Taken, order_for, pour
from loancli.servicing.contract import Contract, Movement, changed_by
from loancli.servicing.fee_ahead import FeeAhead, fee_ahead

DAY = timedelta(days=1)
PARTS = ("fee", "penalty", "interest", "principal")


@dataclass(slots=True)
class Line:
    """An instalment while the days are walked."""

    row: Row
    fixed_fen: int | None = None  # revenue share: the amount fixed at the close of its window
    takes_rest: bool = False  # whatever is left is due with it
    reason: str = ""
    closed: bool = False  # its interest period has ended
    is_due: bool = False
    due: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    paid_on: date | None = None
    penalty: Fraction = Fraction(0)  # accrued, not crystallised
    penalty_from: date | None = None  # set when grace has run out

    def unpaid(self, part: str) -> int:
        return self.due[part] - self.paid[part]

    @property
    def unpaid_fen(self) -> int:
        return sum(self.due.values()) - sum(self.paid.values())

    @property
    def late_fen(self) -> int:
        """What makes the instalment past due: a rest of penalty alone does not age a loan."""
        return self.unpaid("fee") + self.unpaid("interest") + self.unpaid("principal")


class Walk:
    """The state that the days change."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.product = contract.product
        self.lines = [Line(row=row, reason=row.reason) for row in contract.rows]
        self.movements: list[Movement] = []
        self.grace_ends: list[tuple[date, int]] = []
        self.pool_fen = 0  # principal paid out and not yet in an instalment that ended
        self.flat_base = Fraction(0)  # what interest of a flat loan runs on, whatever has fallen due
        self.disbursed_fen = 0
        self.repaid_fen = 0
        self.credit_fen = 0
        self.paid_total_fen = 0
        self.fee = fee_ahead(contract)
        self.accrued = Fraction(0)  # contract interest up to accrued_to, not yet in an instalment
        self.accrued_to = contract.rows[0].from_on
        self.current = 0  # index of the row whose interest period is running
        self.is_off_plan = False  # principal moved otherwise than planned, so that the rows ahead do not hold any more
        self.ahead: dict[int, dict[str, int]] = {}  # what instalments ahead will ask for, where the rows do not tell
        self.set_penalty()

    def set_penalty(self) -> None:
        """The penalty rate by the terms in force; a change of them counts for what is overdue already, too."""
        self.penalty_ppm = self.product.penalty_ppm
        actual = self.product.day_count
        self.penalty_days = actual if actual is DayCount.ACT_365F else DayCount.ACT_360  # PRC-08: daily = yearly / 360

    # facts

    def fact(self, event: Event) -> None:
        if event.kind is EventKind.DISBURSED:
            amount_fen = event.payload["amount_fen"]
            self.accrue(event.effective_on)
            self.flat_base = (self.flat_base if self.pool_fen else Fraction(0)) + amount_fen
            self.pool_fen += amount_fen
            if self.fee and not self.disbursed_fen:
                self.fee.left_fen = self.fee.curve.fee_fen
            on_plan = (self.contract.principal_fen, self.contract.rows[0].from_on)
            self.is_off_plan |= (amount_fen, event.effective_on) != on_plan
            self.disbursed_fen += amount_fen
            self.move(event.effective_on, f"disbursed:{event.key}", "loan:principal",
                      f"clearing:{event.payload['channel']}", amount_fen, "principal", 0)  # fmt: skip
        elif event.kind is EventKind.INSTALMENT_FIXED:
            line = self.lines[event.payload["number"] - 1]
            line.fixed_fen = event.payload["amount_fen"]
            line.takes_rest = event.payload["takes_rest"]
            line.reason = json.dumps(event.payload["reasons"], ensure_ascii=False)

    def changed(self, event: Event) -> None:
        """Other rows, and perhaps other terms, from a row on whose period is not over."""
        self.accrue(event.effective_on)
        self.contract = changed_by(self.contract, event)
        number = event.payload["number"]
        self.lines[number - 1 :] = [Line(row=row, reason=row.reason) for row in self.contract.rows[number - 1 :]]
        if self.product.kind is not Kind.FLAT:
            self.flat_base = Fraction(self.pool_fen)  # if the rest is flat from now on, this is what was lent so
        self.product = self.contract.product
        if self.fee:
            self.fee.changed(self.contract, number)
        self.is_off_plan = True  # what was paid before may be another sum by now than when the rows were made
        self.set_penalty()

    # what happens by itself

    def close_period(self, line: Line) -> None:
        """The interest period of `line` ends: its interest is known, its principal bears interest no more."""
        row = line.row
        self.accrue(row.to_on)
        line.closed = True
        self.current = min(row.number, len(self.lines) - 1)
        if self.pool_fen == 0 and self.accrued == 0:
            return
        if self.contract.is_revenue_share and line.fixed_fen is None:
            return  # its window is not closed yet; interest goes on
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
            closed_all = interest_fen == owed_interest_fen
            self.accrued = Fraction(0) if closed_all else self.accrued - interest_fen
            is_last = row.number == self.contract.maturity_number
            principal_fen = self.pool_fen if is_last else min(self.part_of(row), self.pool_fen)
        self.pool_fen -= principal_fen
        line.due["interest"] = interest_fen
        line.due["principal"] = principal_fen
        line.due["fee"] = row.fee_fen

    def earn(self, fee: FeeAhead, fee_fen: int) -> None:
        """A part of a fixed fee has fallen due, or is paid ahead: the accrual by days, which foretold it, gives way."""
        fee.left_fen -= fee_fen
        self.accrued = max(self.accrued - fee_fen, Fraction(0))

    def part_of(self, row: Row) -> int:
        """The principal that falls due with a row: as planned; of a flat loan, its part of what is left.

        With flat interest a shorter term would be a dearer one: the last, small part would bear a whole period's.
        """
        if self.product.kind is not Kind.FLAT:
            return row.principal_fen
        planned_fen = sum(line.row.principal_fen for line in self.lines[row.number - 1 :])
        return rounded(Fraction(self.pool_fen * row.principal_fen, planned_fen), self.product.rounding)

    def fall_due(self, line: Line, day: date) -> None:
        if line.unpaid_fen == 0:
            return
        line.is_due = True
        cause = f"due:{line.row.number}"
        for part in ("interest", "fee"):
            self.move(day, cause, f"loan:{part}_due", f"income:{part}", line.due[part], part, line.row.number)
        if self.credit_fen:
            self.spend_credit(day, f"credit:{line.row.number}")
        if line.late_fen:
            heapq.heappush(self.grace_ends, (day + (self.product.penalty.grace_days + 1) * DAY, line.row.number))

    def start_penalty(self, number: int) -> None:
        """Grace is over: from now on the unpaid part bears penalty, counted from the due day."""
        line = self.lines[number - 1]
        if line.late_fen:
            line.penalty_from = line.row.due_on

    # payments

    def pay(self, day: date, amount_fen: int, debit: str, cause: str) -> None:
        self.paid_total_fen += amount_fen
        credit_before_fen = self.credit_fen
        self.spend(day, amount_fen, debit, cause)
        if credit_before_fen and self.credit_fen:  # together they may settle everything
            self.spend_credit(day, cause)

    def spend_credit(self, day: date, cause: str) -> None:
        credit_fen, self.credit_fen = self.credit_fen, 0
        self.spend(day, credit_fen, "borrower:credit", cause)

    def spend(self, day: date, amount_fen: int, debit: str, cause: str) -> None:
        """Money from `debit` pays what is due; a rest that settles everything does, another waits or prepays."""
        self.crystallise(day, cause)
        due = [line for line in self.lines if line.is_due and line.unpaid_fen]
        unpaid = [(line.row.number, {part: line.unpaid(part) for part in PARTS}) for line in due]
        allocation = self.product.allocation
        oldest = next((line.row.due_on for line in due if line.late_fen), day)
        taken, left_fen = pour(amount_fen, unpaid, order_for(allocation, (day - oldest).days), by=allocation.by)
        for each in taken:
            self.take(day, each, debit, cause)
        if left_fen:
            left_fen = self.spend_ahead(day, left_fen, debit, cause)
        if left_fen:
            self.credit_fen += left_fen
            if debit != "borrower:credit":
                self.move(day, cause, debit, "borrower:credit", left_fen, "credit", 0)

    def take(self, day: date, taken: Taken, debit: str, cause: str) -> None:
        line = self.lines[taken.number - 1]
        line.paid[taken.part] += taken.amount_fen
        if taken.part == "principal":
            self.repaid_fen += taken.amount_fen
        account = "loan:principal" if taken.part == "principal" else f"loan:{taken.part}_due"
        self.move(day, cause, debit, account, taken.amount_fen, taken.part, taken.number)
        if line.unpaid_fen == 0:
            line.paid_on = day

    def spend_ahead(self, day: date, left_fen: int, debit: str, cause: str) -> int:
        """Pay what is not due yet: everything, if the money covers it; else principal, if the contract says so.

        Returns what is left of the money.
        """
        ahead = [line for line in self.lines if line.closed and not line.is_due and line.unpaid_fen]
        self.accrue(day)
        interest_fen = self.fee.to_settle(self.accrued) if self.fee else rounded(self.accrued, self.product.rounding)
        closed_fen = sum(line.unpaid_fen for line in ahead)
        settles = left_fen >= closed_fen + interest_fen + self.pool_fen
        if not settles and self.product.allocation.surplus != "principal":
            return left_fen
        self.is_off_plan = True
        if settles or left_fen >= closed_fen:
            for line in ahead:
                line.is_due = True
                for part in ("interest", "fee"):
                    due_fen = line.due[part]
                    self.move(day, cause, f"loan:{part}_due", f"income:{part}", due_fen, part, line.row.number)
                for part in PARTS:
                    open_fen = line.unpaid(part)
                    if open_fen:
                        self.take(day, Taken(line.row.number, part, open_fen), debit, cause)
                        left_fen -= open_fen
        elif ahead:
            return left_fen  # the instalment that is about to fall due comes before principal
        now_fen = min(left_fen, interest_fen)
        if self.fee:
            now_fen = interest_fen if settles else self.fee.part(left_fen, self.pool_fen)
            self.earn(self.fee, self.fee.left_fen if settles else now_fen)  # what is not owed of it is waived
        elif now_fen or settles:
            self.accrued = Fraction(0) if now_fen == interest_fen else self.accrued - now_fen
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

    def crystallise(self, day: date, cause: str) -> None:
        """Penalty up to `day` becomes due, so that a payment can pay it and what is paid stops bearing it."""
        for line in self.lines:
            if line.penalty_from is None:
                continue
            line.penalty += self.penalty_since(line, day)
            line.penalty_from = day
            penalty_fen = rounded(line.penalty, self.product.rounding)
            if penalty_fen:  # else the part of a fen goes on growing
                line.penalty = Fraction(0)
                line.due["penalty"] += penalty_fen
                line.paid_on = None
                self.move(day, cause, "loan:penalty_due", "income:penalty", penalty_fen, "penalty", line.row.number)

    def penalty_since(self, line: Line, day: date) -> Fraction:
        if line.penalty_from is None or day <= line.penalty_from:
            return Fraction(0)
        return interest_exact(
            self.penalty_base(line), self.penalty_ppm, year_fraction(self.penalty_days, line.penalty_from, day)
        )

    def penalty_base(self, line: Line) -> int:
        base_fen = line.unpaid("principal")
        return base_fen + line.unpaid("interest") if self.product.penalty.on_interest else base_fen

    # interest

    def accrue(self, day: date) -> None:
        """Contract interest on the pool up to `day` (not counted)."""
        while self.accrued_to < day:
            row = self.lines[self.current].row
            end = min(day, row.to_on) if self.accrued_to < row.to_on else day
            self.accrued += self.interest(self.accrued_to, end)
            self.accrued_to = end
            if end == row.to_on and self.current + 1 < len(self.lines):
                self.current += 1
        if self.fee:
            self.accrued = min(self.accrued, Fraction(self.fee.left_fen))

    def interest(self, from_on: date, to_on: date) -> Fraction:
        if self.pool_fen == 0:
            return Fraction(0)
        row = self.lines[self.current].row
        if self.fee:
            return self.fee.by_days(row, self.pool_fen, (to_on - from_on).days)
        day_count = self.product.day_count
        if day_count is DayCount.THIRTY_360:
            # Counted from the start of the period, so that a payment inside it splits the period and not its length.
            years = year_fraction(day_count, row.from_on, to_on) - year_fraction(day_count, row.from_on, from_on)
        else:
            years = year_fraction(day_count, from_on, to_on, period_of(self.product, row))
        if self.product.kind is Kind.FLAT:
            return self.flat_base * interest_exact(1, self.product.annual_rate_ppm, years)
        return interest_exact(self.pool_fen, self.product.annual_rate_ppm, years)

    # results

    def move(self, day: date, cause: str, debit: str, credit: str, amount_fen: int, part: str, number: int) -> None:
        if amount_fen:
            self.movements.append(Movement(day, cause, debit, credit, amount_fen, part, number))

    def look_ahead(self) -> None:
        """What the instalments ahead will ask for, if nothing else is paid before: their periods end on a copy."""
        if not (self.is_off_plan or self.contract.is_revenue_share):
            return  # the rows tell
        future = copy(self)
        future.fee = copy(self.fee)
        future.lines = [replace(line, due=dict(line.due)) for line in self.lines]
        for line in future.lines:
            if line.closed:
                continue
            if self.contract.is_revenue_share and line.fixed_fen is None:
                break
            future.close_period(line)
            self.ahead[line.row.number] = line.due

    def state(self, line: Line) -> InstalmentState:
        known = line.closed
        outlook = {"principal": line.row.principal_fen, "interest": line.row.interest_fen, "fee": line.row.fee_fen}
        outlook = self.ahead.get(line.row.number, outlook)
        if self.disbursed_fen and self.pool_fen == 0 and not known:
            outlook = dict.fromkeys(outlook, 0)  # nothing is left to pay
        return InstalmentState(
            number=line.row.number,
            due_on=line.row.due_on,
            is_due=line.is_due,
            is_fixed=known or line.fixed_fen is not None or not self.contract.is_revenue_share,
            principal_fen=line.due["principal"] if known else outlook["principal"],
            interest_fen=line.due["interest"] if known else outlook["interest"],
            fee_fen=line.due["fee"] if known else outlook["fee"],
            penalty_fen=line.due["penalty"],
            paid_principal_fen=line.paid["principal"],
            paid_interest_fen=line.paid["interest"],
            paid_fee_fen=line.paid["fee"],
            paid_penalty_fen=line.paid["penalty"],
            paid_on=line.paid_on,
            reason=line.reason,
        )

    def position(self, as_of: date, upcoming: Sequence[date], recorded: Sequence[date]) -> Position:
        """Where the loan stands; `upcoming` days matter while something is owed, those of `recorded` events always."""
        self.accrue(as_of)
        closed_ahead = [line for line in self.lines if line.closed and not line.is_due and line.unpaid_fen]
        due = [line for line in self.lines if line.is_due and line.unpaid_fen]
        outstanding_fen = self.disbursed_fen - self.repaid_fen
        owes = outstanding_fen > 0 or bool(due) or bool(closed_ahead)
        status = "signed" if not self.disbursed_fen else "active" if owes else "settled"
        next_line = next((self.state(line) for line in self.lines if not line.is_due and line.row.due_on > as_of), None)
        accrued = self.accrued + sum(line.due["interest"] for line in closed_ahead)
        penalties = [line.penalty + self.penalty_since(line, as_of) for line in due]
        accrued += sum(penalties, start=Fraction(0))
        tomorrow = as_of + DAY
        per_day = self.interest_tomorrow(as_of, tomorrow)
        moments = list(upcoming)
        if self.fee and per_day:  # the day on which all of the fee is earned
            moments.append(as_of + ((self.fee.left_fen - self.accrued) // per_day + 1) * DAY)
        for line in due:
            if line.penalty_from is not None:
                years = year_fraction(self.penalty_days, as_of, tomorrow)
                per_day += interest_exact(self.penalty_base(line), self.penalty_ppm, years)
        if self.pool_fen and self.accrued_to > as_of:
            moments.append(self.accrued_to)  # the calendar moved the due day before the end of its period
        open_window = self.next_window_close()
        if open_window:
            moments.append(max(open_window, tomorrow))
        if trigger := self.next_trigger(as_of):
            moments.append(trigger)
        if owes and self.product.day_count in {DayCount.ACT_ACT, DayCount.THIRTY_360}:
            moments.append(tomorrow)  # a day is not worth the same every day: look again tomorrow
        if status == "settled":
            moments.clear()
        moments += recorded
        return Position(
            loan_id=self.contract.loan_id,
            status=status,
            since_on=as_of,
            principal_outstanding_fen=outstanding_fen,
            principal_overdue_fen=sum(line.unpaid("principal") for line in due),
            interest_due_fen=sum(line.unpaid("interest") for line in due),
            fee_due_fen=sum(line.unpaid("fee") for line in due),
            penalty_due_fen=sum(line.unpaid("penalty") for line in due),
            penalty_accrued_fen=sum(rounded(penalty, self.product.rounding) for penalty in penalties),
            credit_fen=self.credit_fen,
            oldest_unpaid_due_on=next((line.row.due_on for line in due if line.late_fen), None),
            next_due_on=next_line.due_on if next_line and owes else None,
            next_due_fen=next_line.due_fen if next_line and owes else 0,
            next_moment_on=min(moments, default=None),
            accrued=accrued,
            accruing_per_day=per_day,
            paid_total_fen=self.paid_total_fen,
        )

    def next_window_close(self) -> date | None:
        """The day on which the next revenue instalment is to be fixed."""
        if not self.contract.is_revenue_share or (self.disbursed_fen and not self.pool_fen):
            return None
        line = next((line for line in self.lines if line.fixed_fen is None), None)
        return closes_on(window_of(self.product, self.contract.rows, line.row.number)) if line else None

    def next_trigger(self, as_of: date) -> date | None:
        """The next day on which a window closes that may grant a breathing space by itself."""
        space = self.product.breathing_space
        if space is None or space.trigger is None or (self.disbursed_fen and not self.pool_fen):
            return None
        rows = self.contract.rows[: self.contract.maturity_number]
        days = (closes_on(window_of(self.product, rows, row.number)) for row in rows)
        return next((day for day in days if day > as_of), None)

    def interest_tomorrow(self, as_of: date, tomorrow: date) -> Fraction:
        if self.accrued_to > as_of or (self.fee and self.accrued == self.fee.left_fen):
            return Fraction(0)
        return self.interest(as_of, tomorrow)
