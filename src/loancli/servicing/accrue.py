"""What a loan is while its days are walked, and how interest and penalty accrue on it.

Interest runs on principal that is not yet due; overdue principal bears the penalty rate instead (PRC-05), from its due
day, unless it is paid in grace. A flat loan's interest runs on all that was lent until its principal is all due, and
falls in proportion when principal ahead is prepaid: half of it prepaid, half of each instalment ahead (PRC-07). A fixed
fee only accrues by days, and never beyond itself. On paused days contract interest stands still; penalty does not.
"""

from bisect import insort
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Self

from loancli.core.conduct import Eased, Step
from loancli.core.money import rounded
from loancli.core.rates import DayCount, interest_exact, year_parts
from loancli.plan.due_days import period_of
from loancli.plan.product import Kind
from loancli.servicing.contract import Contract, Movement
from loancli.servicing.fee_ahead import fee_ahead
from loancli.servicing.lines import DAY, Coupon, Line

NOTHING = Fraction(0)


class Accruing:
    """The state that the days change, interest and penalty."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.product = contract.product
        self.lines = [Line(row) for row in contract.rows]
        self.owing: list[Line] = []  # of the lines that fell due, those that may ask for something still
        self.behind: list[Line] = []  # lines that were unpaid at the end of the last day that did anything
        self.arrears: list[Line] = []  # every line that ever was
        self.eased: list[Eased] = []
        self.movements: list[Movement] = []
        self.grace_ends: list[tuple[date, int]] = []
        self.pool_fen = 0  # principal paid out and not yet in an instalment that ended
        self.paying_on, self.pool_before_fen = date.min, 0  # the last day with anything on it; what its payments found
        self.flat_base: Fraction | int = 0  # what interest of a flat loan runs on, whatever has fallen due
        self.disbursed_fen = 0
        self.repaid_fen = 0
        self.lost_fen = 0  # principal written off
        self.claim: dict[str, int] = {}  # what was written off and not recovered since, by part
        self.credit_fen = 0  # below zero: refunded, and then it was not there
        self.paid_total_fen = 0
        self.fee = fee_ahead(contract)
        self.accrued = NOTHING  # contract interest up to accrued_to, not yet in an instalment
        self.accrued_to = contract.rows[0].from_on
        self.current = 0  # index of the row whose interest period is running
        # Principal moved otherwise than planned, so that the rows ahead do not hold any more: of a line always.
        self.is_off_plan = contract.is_line
        self.level_fen: int | None = None  # of a credit line: its equal instalment, until more is drawn or repaid ahead
        self.pauses: list[tuple[date, date]] = []  # days without interest, the second day not included
        self.coupons: list[Coupon] = []
        self.choices: dict[str, str] = {}  # what the borrower wants done with the surplus of a payment, by its key
        self.ahead: dict[int, dict[str, int]] = {}  # what instalments ahead will ask for, where the rows do not tell
        self.set_terms()

    def __copy__(self) -> Self:
        """The same lines, another state: as copy.copy() has it, in a third of the time."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    def set_terms(self) -> None:
        """What the terms in force say; another penalty rate counts for what is overdue already, too, from then on."""
        self.is_revenue_share = self.contract.is_revenue_share
        self.penalty_ppm = self.product.penalty_ppm
        self.grace = (self.product.penalty.grace_days + 1) * DAY  # from the due day to the first day of penalty
        actual = self.product.day_count
        self.penalty_days = actual if actual is DayCount.ACT_365F else DayCount.ACT_360  # PRC-08: daily = yearly / 360

    @property
    def outstanding_fen(self) -> int:
        """Principal that was paid out, not repaid and not written off."""
        return self.disbursed_fen - self.repaid_fen - self.lost_fen

    def move(self, day: date, cause: str, debit: str, credit: str, amount_fen: int, part: str, number: int) -> None:
        if amount_fen:
            # The tuple itself, as in kinds: a life has hundreds of them.
            self.movements.append(tuple.__new__(Movement, (day, cause, debit, credit, amount_fen, part, number)))

    def mark_due(self, line: Line) -> None:
        """From now on what the line asks for is due; those that are due go by their numbers."""
        line.is_due = True
        if not self.owing or self.owing[-1].row.number < line.row.number:
            self.owing.append(line)
        elif all(each is not line for each in self.owing):
            insort(self.owing, line, key=lambda each: each.row.number)

    def still_owing(self) -> list[Line]:
        """The lines that are due and unpaid, the oldest first. What is paid in full asks for nothing again."""
        self.owing = [line for line in self.owing if not line.is_paid]
        return self.owing

    def note(self, day: date) -> None:
        """Keep what of each line is due and unpaid at the end of a day, where that is other than before; what was
        noted earlier on that day does not count."""
        for line in self.owing:
            if not line.is_paid and all(each is not line for each in self.behind):
                self.behind.append(line)
                if not line.steps:
                    self.arrears.append(line)
        still = []
        for line in self.behind:
            late_fen, penalty_fen = 0, 0
            if self.lines[line.row.number - 1] is line:  # else it was planned anew
                late_fen, penalty_fen = line.late_fen, line.unpaid("penalty")
                if late_fen or penalty_fen:
                    still.append(line)
            kept = line.steps[:-1] if line.steps and line.steps[-1].on == day else line.steps  # the day goes on
            if (kept[-1][1:] if kept else (0, 0)) != (late_fen, penalty_fen):
                kept += (Step(day, late_fen, penalty_fen),)
            line.steps = kept
            if not kept:
                self.arrears = [each for each in self.arrears if each is not line]
        self.behind = still

    # contract interest

    def accrue(self, day: date) -> None:
        """Contract interest on the pool up to `day` (not counted)."""
        while self.accrued_to < day:
            row = self.lines[self.current].row
            end = min(day, row.to_on) if self.accrued_to < row.to_on else day
            interest = self.interest(self.accrued_to, end)
            self.accrued = self.accrued + interest if self.accrued else interest
            self.accrued_to = end
            if end == row.to_on and self.current + 1 < len(self.lines):
                self.current += 1
        if self.fee:
            self.accrued = min(self.accrued, Fraction(self.fee.left_fen))

    def interest(self, from_on: date, to_on: date) -> Fraction:
        """The exact interest of days within a row's period."""
        if self.pool_fen == 0:
            return Fraction(0)
        row = self.lines[self.current].row
        if self.fee:
            return self.fee.by_days(row, self.pool_fen, (to_on - from_on).days)
        if self.pauses:
            spans = running(from_on, to_on, self.pauses)
            return sum((self._of_days(start_on, end_on) for start_on, end_on in spans), start=Fraction(0))
        return self._of_days(from_on, to_on)

    def _of_days(self, from_on: date, to_on: date) -> Fraction:
        row, day_count = self.lines[self.current].row, self.product.day_count
        if day_count is DayCount.THIRTY_360:
            # Counted from the start of the period, so that a payment inside it splits the period and not its length.
            (after, under), (before, _) = (year_parts(day_count, row.from_on, day) for day in (to_on, from_on))
            years = (after - before, under)
        else:
            period = period_of(self.product, row) if day_count is DayCount.EQUAL_MONTHS else None
            years = year_parts(day_count, from_on, to_on, period)
        if self.product.kind is Kind.FLAT:
            return self.flat_base * interest_exact(1, self.product.annual_rate_ppm, years)
        return interest_exact(self.pool_fen, self.product.annual_rate_ppm, years)

    # penalty

    def start_penalty(self, number: int) -> None:
        """Grace is over: from now on the unpaid part bears penalty, counted from the due day."""
        line = self.lines[number - 1]
        if line.late_fen:
            line.penalty_from = line.row.due_on

    def crystallise(self, day: date, cause: str) -> None:
        """Penalty up to `day` becomes due, so that a payment can pay it and what is paid stops bearing it."""
        for line in self.owing:
            if line.penalty_from is None:
                continue
            self.grow(line, day)
            penalty_fen = rounded(line.penalty, self.product.rounding)
            if penalty_fen:  # else the part of a fen goes on growing
                line.penalty = Fraction(0)
                line.due["penalty"] += penalty_fen
                line.paid_on = None
                self.move(day, cause, "loan:penalty_due", "income:penalty", penalty_fen, "penalty", line.row.number)

    def grow(self, line: Line, day: date) -> None:
        """Penalty of the days before `day`, by the terms in force until then."""
        line.penalty += self.penalty_since(line, day)
        line.penalty_from = day

    def penalty_since(self, line: Line, day: date) -> Fraction:
        base_fen = self.penalty_base(line)
        if line.penalty_from is None or day <= line.penalty_from or not base_fen:
            return Fraction(0)
        return interest_exact(base_fen, self.penalty_ppm, year_parts(self.penalty_days, line.penalty_from, day))

    def penalty_base(self, line: Line) -> int:
        return sum(line.unpaid(part) for part in ("principal", "interest") if self.bears_penalty(part))

    def bears_penalty(self, part: str) -> bool:
        """Does penalty run on what is overdue of a part?"""
        return part == "principal" or (part == "interest" and self.product.penalty.on_interest)


def running(from_on: date, to_on: date, pauses: list[tuple[date, date]]) -> Iterator[tuple[date, date]]:
    """The parts of a span of days, the last not included, that no pause covers; pauses come by their first day."""
    for pause_on, until_on in pauses:
        if from_on < min(pause_on, to_on):
            yield from_on, min(pause_on, to_on)
        from_on = max(from_on, min(until_on, to_on))
    if from_on < to_on:
        yield from_on, to_on
