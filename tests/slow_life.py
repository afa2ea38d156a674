"""A loan's life as an auditor with a spreadsheet works it out, day by day and in fractions: what life() is held to.

It follows docs/decisions (0003, 0010, 0013, 0015, 0018) and what the docstrings of servicing/ promise, and uses nothing
of servicing/ but the contract. Each day has its line: the interest of that one day on principal not yet due, penalty of
that day on each overdue part, then what happens on the day. The columns are in slow_sheet.py.

What it takes as given: the rows; those of a changed plan, and the amount of a fixed revenue instalment, from their
events; from plan/ the level of a line in use and the curve of a fixed fee. What it says nothing of: how a change makes
its rows, how a window is closed, causes of movements, the day an instalment was paid in full, status, next moments.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from slow_sheet import DAY, PARTS, Audit, Bill, Sheet

from loancli.core.event import Event, EventKind
from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.plan.fixed_fee import curve_of
from loancli.plan.product import Allocation, Early, Kind, OwnOrder
from loancli.plan.product_json import from_json
from loancli.servicing.contract import Contract

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


def audit(contract: Contract, events: Sequence[Event], as_of: date) -> Audit:
    """The loan at the end of a day."""
    auditor = Auditor(contract)
    found = standing(events, as_of)
    auditor.choices = {each.payload["rests_on"]: each.payload["choice"] for each in found if "choice" in each.payload}
    day = min([contract.rows[0].from_on, *(event.effective_on for event in found)])
    while day <= as_of:
        auditor.live(day, [event for event in found if event.effective_on == day])
        day += DAY
    return auditor.audited(as_of)


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


class Auditor(Sheet):
    """Fills in the columns, day by day."""

    def live(self, day: date, events: Sequence[Event]) -> None:
        """First what yesterday earned; then facts, what the day brings by itself, what is done, changes of the plan."""
        self.count(day)
        for bill in self.bills:
            if bill.bears_penalty:
                bill.penalty += self.penalty_a_day(bill)
        is_line = self.product.line is not None
        for event in self.in_turn(events, FACTS[is_line:]):
            self.happen(day, event)
        for bill in self.bills:
            if (
                bill.grace_over_on == day and bill.is_late
            ):  # what was paid in grace bears none, the rest from the due day
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
            self.waive(day, told["part"], told["amount_fen"])
        elif kind in (EventKind.PAYMENT_RECEIVED, EventKind.RECOVERED):
            by_choice = {"next": "credit", "shorter": "principal", "smaller": "principal"}
            choice = self.choices.get(event.key)
            self.receive(day, told, by_choice[choice] if choice else self.product.allocation.surplus)
        elif kind is EventKind.CREDIT_REFUNDED:
            self.credit_fen -= told["amount_fen"]
            self.received_fen -= told["amount_fen"]
            self.book(CREDIT, f"clearing:{told['channel']}", told["amount_fen"])
        elif kind is EventKind.WRITTEN_OFF:
            self.write_off()
        else:
            self.change(told)

    def fall_due(self, day: date, bill: Bill) -> None:
        if not bill.open() and not bill.couponed_fen:
            return
        bill.is_due = True
        self.earn(bill)
        if self.credit_fen > 0 and bill.open():
            self.spend_credit(day)
        if bill.is_late:
            bill.grace_over_on = day + (1 + self.product.penalty.grace_days) * DAY

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
        self.spend(day, amount_fen, CREDIT, self.product.allocation.surplus, "credit")

    def own(self, kind: str) -> Allocation | OwnOrder:
        """The table in which the terms say what a kind of event fills first."""
        return next((each for each in self.product.own_orders if each.of == kind), self.product.allocation)

    def order(self, day: date, table: Allocation | OwnOrder) -> tuple[str, ...]:
        late = [bill for bill in self.bills if bill.is_due and bill.is_late]
        days_late = max([(day - bill.row.due_on).days for bill in late], default=0)
        is_long_late = days_late > self.product.allocation.late_after_days
        return table.late_order if table.late_order and is_long_late else table.order

    def spend(self, day: date, left_fen: int, account: str, surplus: str, kind: str = "payment") -> None:
        """First what is due, in the order of the terms; then ahead; then a claim; the rest is the borrower's credit."""
        self.book_penalty()
        due = [bill for bill in self.bills if bill.is_due and bill.open()]
        table = self.own(kind)
        pairs = [(bill, part) for part in self.order(day, table) for bill in due]
        if table.by == "instalment":
            pairs.sort(key=lambda pair: pair[0].row.number)
        for bill, part in pairs:
            left_fen -= self.pay(bill, part, left_fen, account)
        if left_fen:
            left_fen = self.spend_ahead(left_fen, account, surplus)
        if left_fen and not self.ahead_fen and not any(bill.open() for bill in self.bills):
            for part in (*self.own("recovered").order, "credit"):
                back_fen = min(left_fen, self.claims[part])
                self.claims[part] -= back_fen
                left_fen -= back_fen
                self.book(account, "income:recovered", back_fen)
                self.recovered[part] += back_fen
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
        if not settles and (surplus == "credit" or left_fen < sum(bill.open() for bill in ended)):
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

    def waive(self, day: date, part: str, left_fen: int) -> None:
        """Of what is due and unpaid, the oldest first; of all of it, in the order that the terms have for waivers."""
        if part in {"penalty", "all"} or (part == "interest" and self.product.penalty.on_interest):
            self.book_penalty()
        table = self.own("waived")
        parts = [each for each in self.order(day, table) if each != "principal"] if part == "all" else [part]
        pairs = [(bill, each) for each in parts for bill in self.bills if bill.is_due]
        if table.by == "instalment":
            pairs.sort(key=lambda pair: pair[0].row.number)
        for bill, each in pairs:
            fen = min(left_fen, bill.open(each))
            bill.asked[each] -= fen
            left_fen -= fen
            self.book("expense:waived", HELD[each], fen)

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
            self.claims["credit"] -= self.credit_fen
            self.book("expense:written_off", CREDIT, -self.credit_fen)
            self.credit_fen = 0
        self.ahead_fen = self.fee_fen = 0
        self.accrued = self.lent = Fraction(0)

    def lose(self, part: str, fen: int) -> None:
        self.book("expense:written_off", HELD[part], fen)
        self.claims[part] += fen
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
