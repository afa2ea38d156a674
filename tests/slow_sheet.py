"""The columns of the spreadsheet of slow_life.py: what accrues on a loan each day, and what its instalments ask for."""

from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.core.rates import PPM, DayCount, interest_exact, year_fraction
from loancli.plan.due_days import period_of
from loancli.plan.fixed_fee import curve_of, earned_by_days
from loancli.plan.kinds import level_in_use_fen
from loancli.plan.line import share_in_use_fen
from loancli.plan.product import Kind, PrincipalBack
from loancli.servicing.contract import Contract

DAY = timedelta(days=1)
PARTS = ("principal", "interest", "fee", "penalty")


@dataclass
class Bill:
    """An instalment: what it asks for and what of it is paid, by part."""

    row: Row
    is_ended: bool = False  # its period is over: its interest is known, its principal bears none any more
    is_due: bool = False
    asked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    charged_fen: int = 0  # fees that were charged and come with it: part of what it asks for
    couponed_fen: int = 0  # interest that coupons pay when it falls due: no part of it
    grace_over_on: date | None = None
    bears_penalty: bool = False
    penalty: Fraction = Fraction(0)  # grown, not yet due
    fixed: dict[str, Any] | None = None

    def open(self, *parts: str) -> int:
        return sum(self.asked[part] - self.paid[part] for part in parts or PARTS)

    @property
    def is_late(self) -> bool:
        return self.open("principal", "interest", "fee") > 0


class Audit(NamedTuple):
    """What the spreadsheet says at the end of a day."""

    position: dict[str, Any]
    bills: list[dict[str, Any]]
    accounts: dict[str, int]  # debits less credits
    recovered: dict[str, int]  # of what was written off, by part


class Sheet:
    """The columns so far."""

    def __init__(self, contract: Contract) -> None:
        self.product, self.last_number = contract.product, contract.maturity_number
        self.bills = [Bill(row) for row in contract.rows]
        self.accounts: dict[str, int] = {}
        self.choices: dict[str, str] = {}
        self.pauses: list[tuple[date, date]] = []
        self.coupons: list[dict[str, Any]] = []
        self.counted_to = contract.rows[0].from_on  # interest of the days before it is in `accrued`
        self.accrued = Fraction(0)
        self.ahead_fen = 0  # principal that is in no ended instalment
        self.lent = Fraction(0)  # what a flat loan's interest runs on
        self.lent_fen = self.repaid_fen = self.lost_fen = self.credit_fen = self.received_fen = 0
        self.claims = dict.fromkeys((*PARTS, "credit"), 0)  # written off and not recovered since
        self.recovered = dict.fromkeys((*PARTS, "credit"), 0)
        self.level_fen: int | None = None  # of a line
        self.curve = curve_of(self.product, contract.rows[: self.last_number]) if self.product.fixed_fee else None
        self.fee_fen = 0  # of a fixed fee what has not fallen due

    def book(self, debit: str, credit: str, amount_fen: int) -> None:
        assert amount_fen >= 0
        self.accounts[debit] = self.accounts.get(debit, 0) + amount_fen
        self.accounts[credit] = self.accounts.get(credit, 0) - amount_fen

    # interest and penalty

    def count(self, day: date) -> None:
        """Interest of the days up to `day`, which is not counted."""
        while self.counted_to < day:
            self.accrued += self.interest_of(self.counted_to)
            if self.curve:
                self.accrued = min(self.accrued, Fraction(self.fee_fen))
            self.counted_to += DAY

    def interest_of(self, day: date) -> Fraction:
        """The interest of one day: on what is open of the principal, of a flat loan on all of it while any is."""
        if not self.ahead_fen:
            return Fraction(0)
        row = next((bill.row for bill in self.bills if bill.row.from_on <= day < bill.row.to_on), self.bills[-1].row)
        if self.curve:
            left_fen = self.ahead_fen + self.fee_fen
            return earned_by_days(
                self.product, self.curve, row, left_fen=left_fen, principal_fen=self.ahead_fen, days=1
            )
        if any(first <= day <= last for first, last in self.pauses):
            return Fraction(0)
        days, period = self.product.day_count, period_of(self.product, row)
        years = year_fraction(days, row.from_on, day + DAY, period) - year_fraction(days, row.from_on, day, period)
        if self.product.kind is Kind.FLAT:
            return self.lent * interest_exact(1, self.product.annual_rate_ppm, years)
        return interest_exact(self.ahead_fen, self.product.annual_rate_ppm, years)

    def penalty_a_day(self, bill: Bill) -> Fraction:
        parts = ["principal", "interest"] if self.product.penalty.on_interest else ["principal"]
        days_a_year = 365 if self.product.day_count is DayCount.ACT_365F else 360
        return Fraction(bill.open(*parts) * self.product.penalty_ppm, PPM * days_a_year)

    def book_penalty(self) -> None:
        """What has grown falls due, whole fen; as long as it is none, it goes on growing."""
        for bill in self.bills:
            fen = rounded(bill.penalty, self.product.rounding) if bill.bears_penalty else 0
            if fen:
                bill.penalty = Fraction(0)
                bill.asked["penalty"] += fen
                self.book("loan:penalty_due", "income:penalty", fen)

    # instalments

    def end(self, bill: Bill) -> None:
        """The period is over: what the instalment asks for is known."""
        row, fixed = bill.row, bill.fixed
        self.count(row.to_on)
        bill.is_ended = True
        if not self.ahead_fen and not self.accrued:
            return
        if self.product.kind is Kind.REVENUE_SHARE and not fixed:
            return
        takes_rest = fixed["takes_rest"] if fixed else row.number == self.last_number
        if self.curve:
            owed_fen = self.ahead_fen + self.fee_fen
            amount_fen = fixed["amount_fen"] if fixed else row.principal_fen + row.interest_fen
            amount_fen = owed_fen if takes_rest else amount_fen
            interest_fen = self.fee_in(amount_fen)
            self.fee_falls_due(interest_fen)
            principal_fen = min(amount_fen - interest_fen, self.ahead_fen)
        else:
            whole_fen = rounded(self.accrued, self.product.rounding)
            bound_fen = None if fixed and takes_rest else fixed["amount_fen"] if fixed else row.at_most_fen
            interest_fen = whole_fen if bound_fen is None else min(whole_fen, bound_fen)
            if takes_rest:
                principal_fen = self.ahead_fen
            else:
                meant_fen = fixed["amount_fen"] - interest_fen if fixed else self.principal_of(row)
                principal_fen = min(meant_fen, self.ahead_fen)
            self.accrued = Fraction(0) if interest_fen == whole_fen else self.accrued - interest_fen
        self.ahead_fen -= principal_fen
        bill.couponed_fen = self.use(self.coupons_on(interest_fen, self.coupons), of_instalment=True)
        bill.asked["interest"] = interest_fen - bill.couponed_fen
        bill.asked["principal"] = principal_fen
        bill.asked["fee"] += row.fee_fen

    def principal_of(self, row: Row) -> int:
        """As planned; of a flat loan, or where money ahead is spread, its part of the rest; of a line by its use."""
        line = self.product.line
        if self.product.kind is Kind.FLAT or (line is None and self.product.allocation.surplus == "spread"):
            planned_fen = sum(bill.row.principal_fen for bill in self.bills[row.number - 1 :])
            return rounded(Fraction(self.ahead_fen * row.principal_fen, planned_fen), self.product.rounding)
        if line is None:
            return row.principal_fen
        interest_fen = rounded(self.accrued, self.product.rounding)
        if not self.ahead_fen:
            return 0
        if row.is_breathing:
            return max(0, (row.at_most_fen or 0) - interest_fen)
        if line.principal is not PrincipalBack.EQUAL_INSTALMENTS:
            return share_in_use_fen(self.product, self.ahead_fen)
        if self.level_fen is None:
            rest = [bill.row for bill in self.bills[row.number : self.last_number]]
            self.level_fen = level_in_use_fen(self.product, self.ahead_fen, self.accrued, rest)
        return max(0, self.level_fen - interest_fen)

    def earn(self, bill: Bill) -> None:
        """What it asks for is income, and so is what coupons pay of it."""
        self.book("loan:interest_due", "income:interest", bill.open("interest"))
        self.book("loan:fee_due", "income:fee", bill.open("fee"))
        self.book("expense:coupon", "income:interest", bill.couponed_fen)
        bill.charged_fen = bill.couponed_fen = 0

    def fee_in(self, amount_fen: int) -> int:
        """Of a fixed fee the part in the next amount; the last fen of what is owed is principal."""
        assert self.curve
        owed_fen = self.ahead_fen + self.fee_fen
        if amount_fen >= owed_fen:
            return self.fee_fen
        return max(min(self.curve.part(owed_fen, amount_fen), self.fee_fen), amount_fen - self.ahead_fen + 1)

    def fee_falls_due(self, fee_fen: int) -> None:
        self.fee_fen -= fee_fen
        self.accrued = max(self.accrued - fee_fen, Fraction(0))

    def coupons_on(self, interest_fen: int, coupons: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
        """What each pays of an interest; the first comes first, together no more than it."""
        found, left_fen = [], interest_fen
        for coupon in coupons:
            share_fen = rounded(Fraction(interest_fen * coupon["share"], PPM), self.product.rounding)
            fen = min(share_fen, left_fen, left_fen if coupon["left"] is None else coupon["left"])
            if fen and coupon["times"] != 0:
                found.append((coupon, fen))
                left_fen -= fen
        return found

    def use(self, paid: Sequence[tuple[dict[str, Any], int]], *, of_instalment: bool) -> int:
        for coupon, fen in paid:
            coupon["left"] = None if coupon["left"] is None else coupon["left"] - fen
            coupon["times"] = None if coupon["times"] is None else coupon["times"] - of_instalment
        return sum(fen for _, fen in paid)

    # what is shown

    def audited(self, as_of: date) -> Audit:
        due = [bill for bill in self.bills if bill.is_due and bill.open()]
        ahead = [bill for bill in self.bills if not bill.is_due]
        outstanding_fen = self.lent_fen - self.repaid_fen - self.lost_fen
        is_owed = (
            outstanding_fen or due or self.credit_fen < 0 or any(bill.open() + bill.couponed_fen for bill in ahead)
        )
        asked = self.asked_ahead()
        following = next((bill for bill in ahead if is_owed and bill.row.due_on > as_of), None)
        is_earned = self.curve and self.accrued == self.fee_fen
        is_counted = self.counted_to > as_of  # the calendar moved the due day before the end of its period
        a_day = Fraction(0) if is_earned or is_counted else self.interest_of(as_of)
        growing = {bill.row.number: rounded(bill.penalty, self.product.rounding) for bill in due}
        position = {
            "principal_outstanding_fen": outstanding_fen,
            "principal_overdue_fen": sum(bill.open("principal") for bill in due),
            "interest_due_fen": sum(bill.open("interest") for bill in due),
            "fee_due_fen": sum(bill.open("fee") for bill in due),
            "penalty_due_fen": sum(bill.open("penalty") for bill in due),
            "penalty_accrued_fen": sum(growing.values()),
            "credit_fen": self.credit_fen,
            "paid_total_fen": self.received_fen,
            "oldest_unpaid_due_on": next((bill.row.due_on for bill in due if bill.is_late), None),
            "next_due_on": following and following.row.due_on,
            "next_due_fen": sum(asked[following.row.number].values()) if following else 0,
            "accrued": self.accrued + sum(bill.asked["interest"] for bill in ahead) + sum(bill.penalty for bill in due),
            "accruing_per_day": a_day + sum(self.penalty_a_day(bill) for bill in due if bill.bears_penalty),
        }
        bills = [
            {"number": bill.row.number, "due_on": bill.row.due_on, "is_due": bill.is_due}
            | {f"{part}_fen": asked[bill.row.number][part] for part in PARTS}
            | {f"paid_{part}_fen": bill.paid[part] for part in PARTS}
            | {"growing_fen": growing.get(bill.row.number, 0)}
            for bill in self.bills
        ]
        accounts, recovered = (
            {name: fen for name, fen in each.items() if fen} for each in (self.accounts, self.recovered)
        )
        return Audit(position, bills, accounts, recovered)

    def asked_ahead(self) -> dict[int, dict[str, int]]:
        """What each instalment asks for; those ahead, if nothing else is paid before: their periods end on a copy.

        Before the payout the rows tell, and of a revenue plan where the window is open.
        """
        future = copy(self)
        future.bills, future.coupons = deepcopy(self.bills), deepcopy(self.coupons)
        is_signed = not self.lent_fen and not self.product.line
        is_told = is_signed
        for bill in future.bills:
            is_told = is_told or (self.product.kind is Kind.REVENUE_SHARE and not bill.fixed and not bill.is_ended)
            row = bill.row
            if not bill.is_ended and is_told and (is_signed or self.ahead_fen):
                bill.asked |= {"principal": row.principal_fen, "interest": row.interest_fen}
                bill.asked["fee"] += row.fee_fen
            elif not bill.is_ended and self.ahead_fen:
                future.end(bill)
        return {bill.row.number: bill.asked for bill in future.bills}
