"""A loan's life as an auditor with a spreadsheet works it out, day by day and in fractions: what life() is held to.

It is written from docs/decisions (0003, 0010, 0013, 0015, 0018) and RULES of the docstrings, and uses nothing of
servicing/ but the contract. It has one column for each day: interest of that day on principal that is not yet due,
penalty of that day on each overdue part, then what happens on the day.

What it takes as given: the days and amounts of the rows, those of a changed plan and of a fixed revenue instalment from
their events; the level of a line in use and the curve of a fixed fee from plan/. What it does not know: what a plan
change does, how a window is closed, causes of movements, the day an instalment was paid in full, status and moments.
"""

from collections.abc import Iterator, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from loancli.core.event import Event, EventKind
from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.core.rates import PPM, DayCount, interest_exact, year_fraction
from loancli.plan.due_days import period_of
from loancli.plan.fixed_fee import curve_of, earned_by_days
from loancli.plan.kinds import level_in_use_fen
from loancli.plan.line import share_in_use_fen
from loancli.plan.product import Early, Kind, PrincipalBack
from loancli.plan.product_json import from_json
from loancli.servicing.contract import Contract

DAY = timedelta(days=1)
PARTS = ("principal", "interest", "fee", "penalty")
HELD = {"principal": "loan:principal", **{part: f"loan:{part}_due" for part in PARTS[1:]}}  # what is owed, by account
CREDIT = "borrower:credit"
FACTS = (
    EventKind.DISBURSED,  # of a loan; a line is drawn after what the day brings by itself
    EventKind.BREATHING_SPACE_GRANTED,
    EventKind.INTEREST_PAUSED,
    EventKind.FEE_CHARGED,
    EventKind.COUPON_REDEEMED,
    EventKind.INSTALMENT_FIXED,
)
ACTS = (
    EventKind.DISBURSED,
    EventKind.AMOUNT_WAIVED,
    EventKind.PAYMENT_RECEIVED,
    EventKind.CREDIT_REFUNDED,
    EventKind.WRITTEN_OFF,
    EventKind.RECOVERED,
    EventKind.PLAN_CHANGED,
)


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


def standing(events: Sequence[Event], as_of: date) -> list[Event]:
    """What is known by a day and nobody took back; a void of a void brings the first back."""
    known = {event.key: event for event in events if event.effective_on <= as_of}

    def stands(event: Event) -> bool:
        base = event.payload.get("rests_on", event.key)
        takers = [each for each in known.values() if event.key in _taken(each)]
        return (base == event.key or (base in known and stands(known[base]))) and not any(map(stands, takers))

    return [event for event in known.values() if stands(event)]


def _taken(event: Event) -> list[str]:
    return [event.payload[word] for word in ("event_key", "payment_key") if word in event.payload]


def audit(contract: Contract, events: Sequence[Event], as_of: date) -> Audit:
    """The loan at the end of a day."""
    sheet = Sheet(contract)
    found = standing(events, as_of)
    sheet.choices = {each.payload["rests_on"]: each.payload["choice"] for each in found if "choice" in each.payload}
    day = min([contract.rows[0].from_on, *(event.effective_on for event in found)])
    while day <= as_of:
        sheet.live(day, [event for event in found if event.effective_on == day])
        day += DAY
    return sheet.audited(as_of)


class Sheet:
    """The columns so far."""

    def __init__(self, contract: Contract) -> None:
        self.product, self.last_number, self.limit = contract.product, contract.maturity_number, contract.principal_fen
        self.bills = [Bill(row) for row in contract.rows]
        self.accounts: dict[str, int] = {}
        self.choices: dict[str, str] = {}
        self.pauses: list[tuple[date, date]] = []
        self.coupons: list[dict[str, Any]] = []
        self.counted_to = contract.rows[0].from_on  # interest of the days before it is in `accrued`
        self.accrued = Fraction(0)
        self.ahead_fen = 0  # principal that is in no ended instalment
        self.lent = Fraction(0)  # what a flat loan's interest runs on
        self.lent_fen = self.repaid_fen = self.lost_fen = self.claim_fen = self.credit_fen = self.received_fen = 0
        self.level_fen: int | None = None  # of a line
        self.curve = curve_of(self.product, contract.rows[: self.last_number]) if self.product.fixed_fee else None
        self.fee_fen = 0  # of a fixed fee what has not fallen due

    # a day

    def live(self, day: date, events: Sequence[Event]) -> None:
        self.count(day)
        for bill in self.bills:
            if bill.bears_penalty:
                bill.penalty += self.penalty_a_day(bill)
        is_line = self.product.line is not None
        for event in self.in_turn(events, FACTS[is_line:]):
            self.happen(day, event)
        for bill in self.bills:
            if bill.grace_over_on == day and bill.is_late:
                bill.bears_penalty = True
                bill.penalty += self.penalty_a_day(bill) * (day - bill.row.due_on).days
        for bill in self.bills:
            if min(bill.row.to_on, bill.row.due_on) == day and not bill.is_ended:
                self.end(bill)
        for bill in self.bills:
            if bill.row.due_on == day and not bill.is_due:
                self.fall_due(day, bill)
        for event in self.in_turn(events, ACTS[not is_line :]):
            self.happen(day, event)

    def in_turn(self, events: Sequence[Event], kinds: Sequence[EventKind]) -> Iterator[Event]:
        """By kind, turn and key; payments whose surplus is meant for something after the others."""
        for kind in kinds if events else ():
            alike = [event for event in events if event.kind is kind]
            yield from sorted(alike, key=lambda each: (each.key in self.choices, each.payload.get("turn", 0), each.key))

    def happen(self, day: date, event: Event) -> None:
        told, kind = event.payload, event.kind
        if kind is EventKind.DISBURSED:
            self.pay_out(day, told)
        elif kind is EventKind.INTEREST_PAUSED:
            self.pauses.append((day, date.fromisoformat(told["to_on"])))
        elif kind is EventKind.FEE_CHARGED:
            self.charge(day, told["amount_fen"])
        elif kind is EventKind.COUPON_REDEEMED:
            self.redeem({"share": told["share_ppm"], "left": told["amount_fen"], "times": told["instalments"]})
        elif kind is EventKind.INSTALMENT_FIXED:
            self.bills[told["number"] - 1].fixed = told
        elif kind is EventKind.AMOUNT_WAIVED:
            self.waive(told["part"], told["amount_fen"])
        elif kind in (EventKind.PAYMENT_RECEIVED, EventKind.RECOVERED):
            self.receive(day, told, {"next": "credit"}.get(self.choices.get(event.key, "next"), "principal")
                         if event.key in self.choices else self.product.allocation.surplus)  # fmt: skip
        elif kind is EventKind.CREDIT_REFUNDED:
            self.credit_fen -= told["amount_fen"]
            self.received_fen -= told["amount_fen"]
            self.book(CREDIT, f"clearing:{told['channel']}", told["amount_fen"])
        elif kind is EventKind.WRITTEN_OFF:
            self.write_off()
        else:
            self.change(told)

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
        """As planned; of a flat loan its part of what is left; of a line by what is in use."""
        line = self.product.line
        if self.product.kind is Kind.FLAT:
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

    def fall_due(self, day: date, bill: Bill) -> None:
        if not bill.open() and not bill.couponed_fen:
            return
        bill.is_due = True
        self.earn(bill)
        if self.credit_fen > 0 and bill.open():
            self.spend_credit(day)
        if bill.is_late:
            bill.grace_over_on = day + (1 + self.product.penalty.grace_days) * DAY

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

    # money

    def pay_out(self, day: date, told: dict[str, Any]) -> None:
        amount_fen = told["amount_fen"]
        if self.curve and not self.lent_fen:
            self.fee_fen = self.curve.fee_fen
        self.lent_fen += amount_fen
        self.lent += amount_fen
        self.ahead_fen += amount_fen
        self.level_fen = None
        self.book("loan:principal", f"clearing:{told['channel']}", amount_fen)
        if self.product.line and self.credit_fen > 0:
            self.spend_credit(day)

    def receive(self, day: date, told: dict[str, Any], surplus: str) -> None:
        """Money pays first what was refunded and was not there; together with credit it may pay more."""
        amount_fen, account = told["amount_fen"], f"clearing:{told['channel']}"
        self.received_fen += amount_fen
        back_fen = min(amount_fen, max(0, -self.credit_fen))
        self.credit_fen += back_fen
        self.book(account, CREDIT, back_fen)
        had_credit = self.credit_fen > 0
        if amount_fen > back_fen:
            self.spend(day, amount_fen - back_fen, account, surplus)
        if had_credit and self.credit_fen > 0:
            self.spend_credit(day)

    def spend_credit(self, day: date) -> None:
        amount_fen, self.credit_fen = self.credit_fen, 0
        self.spend(day, amount_fen, CREDIT, self.product.allocation.surplus)

    def spend(self, day: date, left_fen: int, account: str, surplus: str) -> None:
        """First what is due, in the order of the terms; then ahead; then a claim; the rest is the borrower's credit."""
        self.book_penalty()
        due = [bill for bill in self.bills if bill.is_due and bill.open()]
        terms = self.product.allocation
        days_late = max([(day - bill.row.due_on).days for bill in due if bill.is_late], default=0)
        order = terms.late_order if terms.late_order and days_late > terms.late_after_days else terms.order
        pairs = [(bill, part) for part in order for bill in due]
        if terms.by == "instalment":
            pairs.sort(key=lambda pair: pair[0].row.number)
        for bill, part in pairs:
            left_fen -= self.pay(bill, part, left_fen, account)
        if left_fen:
            left_fen = self.spend_ahead(left_fen, account, surplus)
        if left_fen and not self.ahead_fen and not any(bill.open() for bill in self.bills):
            back_fen = min(left_fen, self.claim_fen)
            self.claim_fen -= back_fen
            left_fen -= back_fen
            self.book(account, "income:recovered", back_fen)
        self.credit_fen += left_fen
        self.book(account, CREDIT, left_fen)

    def pay(self, bill: Bill, part: str, most_fen: int, account: str) -> int:
        fen = min(most_fen, bill.open(part))
        bill.paid[part] += fen
        self.repaid_fen += fen if part == "principal" else 0
        self.book(account, HELD[part], fen)
        return fen

    def spend_ahead(self, left_fen: int, account: str, surplus: str) -> int:
        """Money beyond what is due: everything, if it settles everything; else principal, where that is its use.

        What is about to fall due comes first, then interest so far, then principal. Coupons join in where all of the
        interest so far is paid. Returns what is left of the money.
        """
        waiting = [bill for bill in self.bills if not bill.is_due and (bill.open() or bill.couponed_fen)]
        if self.curve:
            is_all_due = self.product.fixed_fee is not None and self.product.fixed_fee.early is Early.ALL_DUE
            interest_fen = self.fee_fen if is_all_due else rounded(self.accrued, self.product.rounding)
        else:
            interest_fen = rounded(self.accrued, self.product.rounding)
        by_coupons = self.coupons_on(interest_fen, self.coupons)
        own_fen = interest_fen - sum(fen for _, fen in by_coupons)
        settles = left_fen >= sum(bill.open() for bill in waiting) + own_fen + self.ahead_fen
        ended = [bill for bill in waiting if bill.is_ended]
        if not settles and (surplus != "principal" or left_fen < sum(bill.open() for bill in ended)):
            return left_fen
        for bill in waiting if settles else ended:
            bill.is_due = bill.is_ended
            self.earn(bill)
            left_fen -= sum(self.pay(bill, part, bill.open(part), account) for part in PARTS)
        if not left_fen and not settles:
            return 0
        self.level_fen = None
        if self.curve:
            own_fen = own_fen if settles else self.fee_in(left_fen)
            by_coupons = by_coupons if settles else []
            self.fee_falls_due(self.fee_fen if settles else own_fen)
        elif left_fen < own_fen:
            own_fen, by_coupons = left_fen, []
            self.accrued -= own_fen
        elif interest_fen or settles:
            self.accrued = Fraction(0)
        self.book("expense:coupon", "income:interest", self.use(by_coupons, of_instalment=False))
        self.book(account, "income:interest", own_fen)
        principal_fen = min(left_fen - own_fen, self.ahead_fen)
        if principal_fen:
            self.lent -= self.lent * principal_fen / self.ahead_fen
        self.ahead_fen -= principal_fen
        self.repaid_fen += principal_fen
        self.book(account, "loan:principal", principal_fen)
        return left_fen - own_fen - principal_fen

    # what is owed more, or less, without money

    def charge(self, day: date, amount_fen: int) -> None:
        """A fee comes with the next instalment, after the last at once."""
        for bill in self.bills:
            if not bill.is_due and bill.row.due_on >= day:
                bill.charged_fen += amount_fen
                bill.asked["fee"] += amount_fen
                return
        self.bills[-1].is_due = True
        self.bills[-1].asked["fee"] += amount_fen
        self.book("loan:fee_due", "income:fee", amount_fen)
        if self.credit_fen > 0:
            self.spend_credit(day)

    def waive(self, part: str, left_fen: int) -> None:
        """Of what is due and unpaid, the oldest first."""
        if part == "penalty" or (part == "interest" and self.product.penalty.on_interest):
            self.book_penalty()
        for bill in self.bills:
            fen = min(left_fen, bill.open(part)) if bill.is_due else 0
            bill.asked[part] -= fen
            left_fen -= fen
            self.book("expense:waived", HELD[part], fen)

    def redeem(self, coupon: dict[str, Any]) -> None:
        """A coupon pays of what is asked already, then of what will be."""
        if self.product.penalty.on_interest:
            self.book_penalty()
        for bill in self.bills:
            fen = self.use(self.coupons_on(bill.open("interest"), [coupon]), of_instalment=True)
            bill.asked["interest"] -= fen
            if bill.is_due:
                self.book("expense:coupon", "loan:interest_due", fen)
            else:
                bill.couponed_fen += fen
        self.coupons.append(coupon)

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

    def write_off(self) -> None:
        """Nothing is asked for any more, and all of it is a claim; credit is set off first."""
        for bill in self.bills:
            if not bill.is_due:
                bill.asked |= {part: bill.paid[part] for part in ("interest", "fee")}
                bill.charged_fen = bill.couponed_fen = 0
            bill.bears_penalty, bill.grace_over_on, bill.penalty = False, None, Fraction(0)
            for part in PARTS:
                fen = self.pay(bill, part, max(0, self.credit_fen), CREDIT)
                self.credit_fen -= fen
                self.lose(part, bill.open(part))
                bill.asked[part] = bill.paid[part]
        set_off_fen = min(max(0, self.credit_fen), self.ahead_fen)
        self.credit_fen -= set_off_fen
        self.repaid_fen += set_off_fen
        self.book(CREDIT, "loan:principal", set_off_fen)
        self.lose("principal", self.ahead_fen - set_off_fen)
        if self.credit_fen < 0:
            self.claim_fen -= self.credit_fen
            self.book("expense:written_off", CREDIT, -self.credit_fen)
            self.credit_fen = 0
        self.ahead_fen = self.fee_fen = 0
        self.accrued = self.lent = Fraction(0)

    def lose(self, part: str, fen: int) -> None:
        self.book("expense:written_off", HELD[part], fen)
        self.claim_fen += fen
        self.lost_fen += fen if part == "principal" else 0

    # a changed plan

    def change(self, told: dict[str, Any]) -> None:
        """Other rows from a number on, and other terms from this day on; charged fees come with the first of them."""
        first, rows = told["number"] - 1, [Row.restored(cells) for cells in told["rows"]]
        charged_fen = sum(bill.charged_fen for bill in self.bills[first:])
        if told.get("takes_in"):
            charged_fen += self.take_in()
        self.bills[first:] = [Bill(row) for row in rows]
        self.bills[first].charged_fen = self.bills[first].asked["fee"] = charged_fen
        if self.product.kind is not Kind.FLAT:
            self.lent = Fraction(self.ahead_fen)
        self.product = from_json(told["terms"]) if told["terms"] else self.product
        self.last_number, self.level_fen = told["maturity_number"], None
        if self.curve:
            self.curve = curve_of(self.product, [bill.row for bill in self.bills[first : self.last_number]])

    def take_in(self) -> int:
        """What is overdue is open again, its interest accrued, but for penalty; returns the fees."""
        self.book_penalty()
        fees_fen = 0
        for bill in self.bills:
            if bill.is_due:
                self.ahead_fen += bill.open("principal")
                self.accrued += bill.open("interest")
                fees_fen += bill.open("fee")
                self.book("income:interest", "loan:interest_due", bill.open("interest"))
                self.book("income:fee", "loan:fee_due", bill.open("fee"))
                bill.asked |= {part: bill.paid[part] for part in ("principal", "interest", "fee")}
                bill.bears_penalty = False
        return fees_fen

    # what is shown

    def audited(self, as_of: date) -> Audit:
        due = [bill for bill in self.bills if bill.is_due and bill.open()]
        waiting_fen = sum(bill.asked["interest"] for bill in self.bills if not bill.is_due)
        is_earned = self.curve and self.accrued == self.fee_fen
        is_counted = self.counted_to > as_of  # the calendar moved the due day before the end of its period
        a_day = Fraction(0) if is_earned or is_counted else self.interest_of(as_of)
        growing = [rounded(bill.penalty, self.product.rounding) if bill in due else 0 for bill in self.bills]
        position = {
            "principal_outstanding_fen": self.lent_fen - self.repaid_fen - self.lost_fen,
            "principal_overdue_fen": sum(bill.open("principal") for bill in due),
            "interest_due_fen": sum(bill.open("interest") for bill in due),
            "fee_due_fen": sum(bill.open("fee") for bill in due),
            "penalty_due_fen": sum(bill.open("penalty") for bill in due),
            "penalty_accrued_fen": sum(growing),
            "credit_fen": self.credit_fen,
            "paid_total_fen": self.received_fen,
            "oldest_unpaid_due_on": next((bill.row.due_on for bill in due if bill.is_late), None),
            "accrued": self.accrued + waiting_fen + sum(bill.penalty for bill in due),
            "accruing_per_day": a_day + sum(self.penalty_a_day(bill) for bill in due if bill.bears_penalty),
        }
        asked = self.asked_ahead()
        bills = [
            {"number": bill.row.number, "due_on": bill.row.due_on, "is_due": bill.is_due}
            | {f"{part}_fen": asked[bill.row.number][part] for part in PARTS}
            | {f"paid_{part}_fen": bill.paid[part] for part in PARTS}
            | {"growing_fen": fen}
            for bill, fen in zip(self.bills, growing, strict=True)
        ]
        return Audit(position, bills, {account: fen for account, fen in self.accounts.items() if fen})

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
