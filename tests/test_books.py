"""The books against a model of a few dictionaries: whatever is done in whatever order, no fen is lost or made.

The model knows what was paid out and what every receipt is: waiting, on a loan, or gone back. It knows nothing of
interest, plans or entries. `ledger check` must find nothing after every step, and the sums must be the model's. At the
end every loan is worked out once more by the slow model of one loan, which knows interest, penalty and what is due.
"""

import itertools
import sqlite3
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger_maker import (
    DAY,
    Paid,
    alipay,
    close,
    draw,
    dump,
    faults,
    new_ledger,
    open_loan,
    paid,
    place_by_hand,
    placings,
    repayment,
    sent_back,
    stamp,
    take,
    take_back,
    tell,
)
from sizes import size
from slow_life import audit
from terms import CALENDAR, line_product, product, revenue_product

from loancli.core.entry import Entry, reversal
from loancli.core.errors import InputError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.money import split
from loancli.core.rates import DayCount
from loancli.jobs import settle as settle_module
from loancli.jobs.choose_surplus import CHOICES, work_out_surplus
from loancli.jobs.place_receipts import Placing
from loancli.jobs.record_event import effect_of, put_in_force
from loancli.jobs.reverse_payment import reverse_payment
from loancli.jobs.settle import gather, settle
from loancli.ledger import days, journal, loans, portfolio, receipts, revenue, statements, turnover
from loancli.ledger.connect import writing
from loancli.plan.changes import change_of
from loancli.plan.product import Allocation, Balloon, Fee, Frequency, Kind, OwnOrder, PrincipalBack, Step
from loancli.servicing import bookings, spend, walk
from loancli.servicing.replan import replan

PRODUCTS = (
    product(code="equal", day_count=DayCount.ACT_360, fees=(Fee(name="once", amount_fen=5_000),)),
    product(
        code="prepay",
        kind=Kind.EQUAL_PRINCIPAL,
        day_count=DayCount.ACT_365F,
        frequency=Frequency(days=10),
        allocation=Allocation(surplus="principal"),
        own_orders=(
            OwnOrder(of="credit", order=("principal", "fee", "interest", "penalty"), by="instalment"),
            OwnOrder(of="waived", order=("interest", "penalty")),
        ),
    ),
    product(code="flat", kind=Kind.FLAT, allocation=Allocation(surplus="principal")),
    product(code="balloon", kind=Kind.BALLOON, balloon=Balloon(residual_ppm=300_000)),
    product(code="stepped", kind=Kind.STEPPED, step=Step(every=2, by_ppm=100_000), day_count=DayCount.ACT_360),
    product(code="single", kind=Kind.SINGLE_PAYMENT, day_count=DayCount.ACT_ACT),
    revenue_product(code="weekly", frequency=Frequency(days=7), day_count=DayCount.ACT_365F),
    revenue_product(code="monthly"),
    line_product(code="line"),
    line_product(
        code="level-line",
        line={"principal": PrincipalBack.EQUAL_INSTALMENTS, "revolving": False},
        frequency=Frequency(half_monthly=True),
    ),
)

# What a person may tell of a loan, with what it says besides the amount, the part and the last day.
OTHERS: dict[EventKind, dict[str, Any]] = {
    EventKind.FEE_CHARGED: {"amount_fen": 0, "name": "court"},
    EventKind.AMOUNT_WAIVED: {"amount_fen": 0, "part": "", "reason": "flood"},
    EventKind.INTEREST_PAUSED: {"to_on": "", "reason": "flood"},
    EventKind.COUPON_REDEEMED: {"amount_fen": 0, "coupon": "x", "share_ppm": 500_000, "instalments": None},
    EventKind.WRITTEN_OFF: {"reason": "closed"},
    EventKind.RECOVERED: {"amount_fen": 0, "channel": "bank"},
    EventKind.CREDIT_REFUNDED: {"amount_fen": 0, "channel": "bank"},
}


@dataclass(frozen=True)
class Receipt:
    """What the model knows of money that came in."""

    row: Paid
    shares: tuple[tuple[str, int], ...]  # loans and what of it is theirs; none: it waits
    gone_on: date | None = None  # the day it went back
    returned: tuple[tuple[date, int], ...] = ()  # parts that went back

    @property
    def left_fen(self) -> int:
        return self.row.amount_fen - sum(fen for _, fen in self.returned)

    def on_loans(self, day: date) -> dict[str, int]:
        """What counts on each loan at the end of a day. Of a split payment a person decides which part went back."""
        if self.row.on > day or (self.gone_on and self.gone_on <= day):
            return {}
        if len(self.shares) != 1:
            return dict(self.shares)
        return {self.shares[0][0]: self.row.amount_fen - sum(fen for on, fen in self.returned if on <= day)}


@dataclass(frozen=True)
class Told:
    """An event that a person recorded; `bank_fen` is what it brought into the bank, below zero what it took."""

    loan_id: str
    on: date
    bank_fen: int
    void_key: str = ""  # of the void that takes it back now


class Books(RuleBasedStateMachine):
    """Everything an operator does, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.db = new_ledger(Path(self.folder.name), is_durable=False)
        self.paid_out: dict[str, list[tuple[date, int]]] = {}  # a line in parts
        self.lines: list[str] = []
        self.receipts: dict[str, Receipt] = {}
        self.revenue: dict[str, list[Paid]] = {}
        self.closed: dict[str, tuple[object, ...]] = {}
        self.told: dict[str, Told] = {}

    def teardown(self) -> None:
        try:
            for loan_id in self.paid_out:
                self.is_as_the_auditor_says(loan_id)
        finally:
            self.db.close()
            self.folder.cleanup()

    def is_as_the_auditor_says(self, loan_id: str) -> None:
        """What is stored and booked of a loan is what the slow model makes of its events (slow_life.py)."""
        contract, events = gather(self.db, [loan_id])[loan_id]
        rows = self.db.execute("SELECT * FROM position WHERE loan_id = ?", (loan_id,))
        position = dict(zip([column[0] for column in rows.description], rows.fetchone(), strict=True))
        audited = audit(contract, events, date.fromisoformat(position["since_on"]))
        exact = ("accrued", "accruing_per_day")  # stored rounded, in other columns
        told = {name: value for name, value in audited.position.items() if name not in exact}
        days_told = {name: value.isoformat() for name, value in told.items() if isinstance(value, date)}
        assert {name: position[name] for name in told} == told | days_told
        paid = self.db.execute(
            "SELECT number, principal_fen, interest_fen, fee_fen, penalty_fen, paid_principal_fen, paid_interest_fen,"
            " paid_fee_fen, paid_penalty_fen FROM instalment WHERE loan_id = ? ORDER BY number",
            (loan_id,),
        )
        columns = [column[0] for column in paid.description]
        assert paid.fetchall() == [tuple(bill[column] for column in columns) for bill in audited.bills]
        booked: dict[str, int] = {}
        for entry, _ in journal.entries_of(self.db, [loan_id])[loan_id]:
            for leg in entry.legs:
                booked[leg.debit] = booked.get(leg.debit, 0) + leg.amount_fen
                booked[leg.credit] = booked.get(leg.credit, 0) - leg.amount_fen
        assert {account: fen for account, fen in booked.items() if fen} == audited.accounts

    @property
    def today(self) -> date:
        return days.open_day(self.db)

    @initialize(which=st.integers(0, len(PRODUCTS) - 1))
    def sign_first(self, which: int) -> None:
        self.sign(which, 1_200_000, 4, 70)

    @precondition(lambda self: len(self.paid_out) < 4)
    @rule(
        which=st.integers(0, len(PRODUCTS) - 1),
        principal_fen=st.sampled_from([100_000, 1_200_000, 3_333_333]),
        periods=st.integers(1, 5),
        ago=st.integers(-5, 120),
    )
    def sign(self, which: int, principal_fen: int, periods: int, ago: int) -> None:
        number, on = len(self.paid_out) + 1, self.today - ago * DAY
        loan_id = open_loan(
            self.db,
            f"LN{number:06d}",
            borrower_id=f"B{number}",
            terms=PRODUCTS[which],
            principal_fen=principal_fen,
            start_on=on,
            periods=periods,
            first_draw_fen=principal_fen // 2,
        )
        is_line = PRODUCTS[which].line is not None
        self.paid_out[loan_id] = [(on, principal_fen // 2 if is_line else principal_fen)]
        if is_line:
            self.lines.append(loan_id)

    @precondition(lambda self: self.lines)
    @rule(
        which=st.integers(0, 3),
        after=st.integers(0, 35),
        amount_fen=st.sampled_from([10_000, 50_000, 123_456, 600_000]),
    )
    def draw_more(self, which: int, after: int, amount_fen: int) -> None:
        """A line is drawn on any day that is over or open, or refused, as mostly when it is past due; twice is once."""
        loan_id = self.lines[which % len(self.lines)]
        on = min(self.today, loans.record(self.db, loan_id).signed_on + after * DAY)
        number = str(len(self.paid_out[loan_id]))
        before = dump(self.db)
        try:
            for is_new in (True, False):
                assert draw(self.db, on, amount_fen, loan_id, reference=number, today=self.today) == is_new
        except RefusedError:
            assert dump(self.db) == before
            return
        self.paid_out[loan_id].append((on, amount_fen))

    @rule(
        whose=st.sampled_from([0, 0, 0, 1, 2, 3]),
        later=st.integers(-60, 10),
        amount_fen=st.sampled_from([1, 9_999, 120_000, 405_000, 1_300_000]),
        is_named=st.booleans(),
        with_old=st.booleans(),
    )
    def receive(self, whose: int, later: int, amount_fen: int, is_named: bool, with_old: bool) -> None:
        """Money comes in on any day up to ten days ahead of the books; the file may repeat what was there before."""
        loan_id = sorted(self.paid_out)[whose % len(self.paid_out)]
        signed_on = loans.record(self.db, loan_id).signed_on
        on = max(self.today + later * DAY, signed_on)
        row = repayment(on, amount_fen, party="陌生人", note=loan_id if is_named else "")
        self.receipts[row.number] = Receipt(row, ((loan_id, amount_fen),) if is_named else ())
        old = [each.row for each in self.receipts.values() if with_old]
        report = take(self.db, alipay([*old, row]))
        assert (report.placed.placed_count, report.placed.suspense_count) == ((1, 0) if is_named else (0, 1))

    @precondition(lambda self: any(each.gone_on is None for each in self.receipts.values()))
    @rule(which=st.integers(0, 20), later=st.integers(0, 12))
    def bounce(self, which: int, later: int) -> None:
        standing = [number for number, each in self.receipts.items() if each.gone_on is None]
        found = self.receipts[standing[which % len(standing)]]
        start = max((found.row.on, *(on for on, _ in found.returned)))
        back = sent_back(found.row, start + later * DAY)
        assert take(self.db, alipay([back])).placed.reversed_count == 1
        assert take(self.db, alipay([found.row, back])).placed.reversed_count == 0
        self.receipts[found.row.number] = replace(found, gone_on=back.on)

    @precondition(lambda self: any(each.gone_on is None for each in self.receipts.values()))
    @rule(which=st.integers(0, 20), later=st.integers(0, 12))
    def reverse_by_hand(self, which: int, later: int) -> None:
        """A person knows before any export that the money went back."""
        standing = [number for number, each in self.receipts.items() if each.gone_on is None]
        found = self.receipts[standing[which % len(standing)]]
        on = max((found.row.on, *(on for on, _ in found.returned))) + later * DAY
        if on > self.today:
            return
        for is_new in (True, False):
            with writing(self.db):
                told = reverse_payment(
                    self.db, self.payment_id(found.row.number), on=on, reason="bounced", stamp=stamp(self.today)
                )
            assert (told is not None) == is_new
        self.receipts[found.row.number] = replace(found, gone_on=on)

    def payment_id(self, number: str) -> int:
        return next(row["payment_id"] for row in receipts.listing(self.db) if row["external_id"] == number)

    @precondition(lambda self: any(each.shares for each in self.receipts.values()))
    @rule(which=st.integers(0, 20), choice=st.sampled_from(CHOICES))
    def choose(self, which: int, choice: str) -> None:
        """The borrower says what becomes of a surplus, or there is none, or it cannot be any more."""
        placed = [number for number, each in self.receipts.items() if each.shares]
        found = self.receipts[placed[which % len(placed)]]
        before = dump(self.db)
        try:
            with writing(self.db):
                loan_id, effect = work_out_surplus(
                    self.db,
                    self.payment_id(found.row.number),
                    choice,
                    loan_id=found.shares[0][0],
                    calendar=CALENDAR,
                    stamp=stamp(self.today),
                )
                if effect is not None:
                    put_in_force(self.db, effect, stamp=stamp(self.today))
        except RefusedError:
            assert dump(self.db) == before
            return
        if effect is not None:
            self.told[effect.events[0].key] = Told(loan_id, found.row.on, 0)

    @precondition(lambda self: any(each.gone_on is None and each.left_fen > 1 for each in self.receipts.values()))
    @rule(which=st.integers(0, 20), later=st.integers(0, 12), share=st.integers(1, 4))
    def send_a_part_back(self, which: int, later: int, share: int) -> None:
        standing = [number for number, each in self.receipts.items() if each.gone_on is None and each.left_fen > 1]
        found = self.receipts[standing[which % len(standing)]]
        fen = max(1, found.left_fen * share // 5)
        back = sent_back(found.row, found.row.on + later * DAY, fen)
        back = back._replace(number=f"{found.row.number}_{len(found.returned)}")
        assert take(self.db, alipay([back, found.row])).placed.reversed_count == 0
        self.receipts[found.row.number] = replace(found, returned=(*found.returned, (back.on, fen)))

    @precondition(lambda self: any(not each.shares and each.gone_on is None for each in self.receipts.values()))
    @rule(which=st.integers(0, 20), whose=st.integers(0, 4), parts=st.sampled_from([1, 1, 2, 3]))
    def place(self, which: int, whose: int, parts: int) -> None:
        """A person places what waits: on one loan, or as much on each of several as there are fen for."""
        waiting = [number for number, each in self.receipts.items() if not each.shares and each.gone_on is None]
        found = self.receipts[waiting[which % len(waiting)]]
        fitting = [
            loan_id for loan_id in sorted(self.paid_out) if loans.record(self.db, loan_id).signed_on <= found.row.on
        ]
        chosen = sorted({fitting[(whose + part) % len(fitting)] for part in range(parts)}) if fitting else []
        amounts = split(found.left_fen, [1] * len(chosen)) if chosen else []
        if not chosen or 0 in amounts:
            return
        shares = tuple(zip(chosen, amounts, strict=True))
        for _ in range(2):
            report = place_by_hand(self.db, found.row.number, *shares, on=self.today)
        assert report.same_count == 1
        whole = ((chosen[0], found.row.amount_fen),)
        self.receipts[found.row.number] = replace(found, shares=whole if len(chosen) == 1 else shares)

    @rule(
        whose=st.sampled_from([0, 0, 0, 1, 2, 3]),
        ago=st.integers(0, 60),
        kind=st.sampled_from([*OTHERS, EventKind.AMOUNT_WAIVED, EventKind.FEE_CHARGED]),
        amount_fen=st.sampled_from([1, 777, 5_000, 120_000]),
        part=st.sampled_from(["penalty", "interest", "fee", "all"]),
    )
    def tell_of(self, whose: int, ago: int, kind: EventKind, amount_fen: int, part: str) -> None:
        """A person records something on any day that is over or open, or is refused; twice is once."""
        loan_id = sorted(self.paid_out)[whose % len(self.paid_out)]
        on = self.today - ago * DAY
        payload = dict(OTHERS[kind])
        payload |= {"amount_fen": amount_fen} if "amount_fen" in payload else {}
        payload |= {"part": part} if "part" in payload else {}
        payload |= {"to_on": (on + 9 * DAY).isoformat()} if "to_on" in payload else {}
        key = f"{kind.value}/{len(self.told)}"
        event = Event(key=key, loan_id=loan_id, kind=kind, effective_on=on, payload=payload, actor="test")
        before = dump(self.db)
        try:
            effect = tell(self.db, event, today=self.today)
        except RefusedError:
            assert dump(self.db) == before
            return
        assert effect is not None
        assert set(effect.entries) <= {entry for entry, _ in journal.entries_of(self.db, [loan_id])[loan_id]}
        assert tell(self.db, event, today=self.today) is None
        sign = {EventKind.RECOVERED: 1, EventKind.CREDIT_REFUNDED: -1}.get(kind, 0)
        self.told[key] = Told(loan_id, on, sign * amount_fen)

    @rule(
        whose=st.sampled_from([0, 0, 0, 1, 2, 3]),
        ago=st.integers(0, 20),
        text=st.sampled_from(["reage", "reage 3", "extend 1", "rate 6%", "smaller", "breathe 1 nothing"]),
    )
    def change_plan(self, whose: int, ago: int, text: str) -> None:
        """The plan of a loan is changed from any day that is over or open, or that is refused."""
        loan_id = sorted(self.paid_out)[whose % len(self.paid_out)]
        before, key, on = dump(self.db), f"change/{len(self.told)}", self.today - ago * DAY
        try:
            with writing(self.db):
                contract, events = gather(self.db, [loan_id])[loan_id]
                found = replan(
                    contract, events, change_of(text), on, key=key, told=text, actor="test", calendar=CALENDAR
                )
                effect = effect_of(self.db, contract, events, [found.event], stamp=stamp(self.today))
                put_in_force(self.db, effect, stamp=stamp(self.today))
        except (InputError, RefusedError):
            assert dump(self.db) == before
            return
        self.told[key] = Told(loan_id, on, 0)

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 20))
    def take_back_or_redo(self, which: int) -> None:
        """What was told is taken back, and what was taken back may come again, unless the loan forbids it now."""
        key = sorted(self.told)[which % len(self.told)]
        found = self.told[key]
        before = dump(self.db)
        try:
            effect = take_back(self.db, found.loan_id, found.void_key or key, today=self.today)
        except RefusedError:
            assert dump(self.db) == before
            return
        self.told[key] = replace(found, void_key="" if found.void_key else effect.events[0].key)

    @rule(
        whose=st.integers(0, 4),
        ago=st.integers(-3, 40),
        amount_fen=st.sampled_from([0, 5_000, 300_000, 2_000_000]),
        direction=st.sampled_from(["收入", "收入", "支出"]),
        covers=st.integers(0, 40),
    )
    def tell_revenue(self, whose: int, ago: int, amount_fen: int, direction: str, covers: int) -> None:
        borrower_id = f"B{whose % len(self.paid_out) + 1}"
        on = self.today - ago * DAY
        row = paid(on, amount_fen, direction=direction)
        known = self.revenue.setdefault(borrower_id, [])
        known.append(row)
        take(self.db, alipay(known, period=(on - covers * DAY, on)), borrower_id=borrower_id)

    @rule(count=st.sampled_from([1, 1, 2, 7, 30]))
    def close_days(self, count: int) -> None:
        through = self.today + (count - 1) * DAY
        assert len(close(self.db, through)) == count
        assert close(self.db, through) == []

    @rule()
    def settle_again(self) -> None:
        """Once the open day's own facts are booked, nothing is left to book."""
        with writing(self.db):
            settle(self.db, sorted(self.paid_out))
        before = dump(self.db)
        with writing(self.db):
            assert settle(self.db, sorted(self.paid_out)) == 0
        assert dump(self.db) == before

    # what must hold after every step

    @invariant()
    def the_books_prove(self) -> None:
        assert faults(self.db) == []

    @invariant()
    def sums_are_those_of_the_model(self) -> None:
        books = {row["account"]: row["balance_fen"] for row in journal.balances(self.db)}
        assert sum(books.values()) == 0
        today = self.today
        waiting = paid_fen = 0
        for number, each in self.receipts.items():
            state = "reversed" if each.gone_on else "placed" if each.shares else "suspense"
            assert placings(self.db)[number] == (state, " + ".join(loan_id for loan_id, _ in each.shares) or None)
            if not each.shares:
                waiting += 0 if each.gone_on else each.row.amount_fen
        stored = {row[0]: row for row in self.db.execute("SELECT loan_id, since_on, paid_total_fen FROM position")}
        # The copies stand at the loan's last moment; the open day's own facts come in with its close.
        on_loan = {
            loan_id: sum(each.on_loans(date.fromisoformat(row[1])).get(loan_id, 0) for each in self.receipts.values())
            for loan_id, row in stored.items()
        }
        paid_fen = sum(on_loan.values())
        told = dict.fromkeys(stored, 0)
        for event in self.told.values():
            if not event.void_key and event.on <= date.fromisoformat(stored[event.loan_id][1]):
                told[event.loan_id] += event.bank_fen
        assert {loan_id: row[2] for loan_id, row in stored.items()} == {
            loan_id: fen + told[loan_id] for loan_id, fen in on_loan.items()
        }
        assert books["suspense"] == -waiting
        assert books["clearing:alipay"] == paid_fen + waiting
        paid_out = [
            fen for row in stored.values() for on, fen in self.paid_out[row[0]] if on <= date.fromisoformat(row[1])
        ]
        assert books["clearing:bank"] == sum(told.values()) - sum(paid_out)
        assert all(date.fromisoformat(row[1]) <= today for row in stored.values())

    @invariant()
    def principal_is_paid_or_outstanding(self) -> None:
        repaid = dict(self.db.execute("SELECT loan_id, sum(paid_principal_fen) FROM instalment GROUP BY loan_id"))
        for loan_id, outstanding_fen, credit_fen, status in self.db.execute(
            "SELECT loan_id, principal_outstanding_fen, credit_fen, status FROM position"
        ):
            assert credit_fen >= 0 or any(
                event.loan_id == loan_id and event.bank_fen < 0 for event in self.told.values()
            )
            if status == "signed":
                assert (outstanding_fen, repaid[loan_id]) == (0, 0)
                continue
            # Principal that was repaid ahead belongs to no instalment.
            assert repaid[loan_id] + outstanding_fen <= sum(fen for _, fen in self.paid_out[loan_id])
            is_over = outstanding_fen == self.unpaid(loan_id) == 0 <= credit_fen
            assert (status in {"settled", "open", "written_off"}) == is_over

    def unpaid(self, loan_id: str) -> int:
        """What is due, or fixed and ahead, and not paid."""
        sql = f"SELECT coalesce(sum({portfolio.UNPAID} + penalty_fen - paid_penalty_fen), 0) FROM instalment"
        return int(self.db.execute(f"{sql} WHERE is_fixed AND loan_id = ?", (loan_id,)).fetchone()[0])

    @invariant()
    def closed_days_stay(self) -> None:
        booked = self.db.execute(
            "SELECT booked_on, count(*), sum(amount_fen) FROM entry JOIN posting ON entry_id = id"
            " WHERE booked_on <= (SELECT max(day) FROM day) GROUP BY 1"
        )
        closed = {row[0]: row for row in self.db.execute("SELECT * FROM day")}
        closed |= {f"entries of {row[0]}": row for row in booked}
        assert {name: closed.get(name) for name in self.closed} == self.closed
        self.closed = closed


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=size(25, 1_500), stateful_step_count=20, deadline=None)


# The tests must be able to fail: bugs of the kinds that ledgers have had, planted one at a time.


def _drop_the_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    def pour(*args: Any, **options: Any) -> Any:
        taken, left_fen = real(*args, **options)
        return taken, left_fen - 1 if left_fen else 0

    real = spend.pour
    monkeypatch.setattr(spend, "pour", pour)


def _take_a_repeated_row_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = statements.row_key, itertools.count()
    monkeypatch.setattr(statements, "row_key", lambda *args: f"{real(*args)}{next(count)}")


def _book_without_reversing(monkeypatch: pytest.MonkeyPatch) -> None:
    def difference(*args: Any, **options: Any) -> list[Entry]:
        return [entry for entry in real(*args, **options) if not entry.reverses]

    real = bookings.difference
    monkeypatch.setattr(settle_module, "difference", difference)


def _reverse_without_booking_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def difference(*args: Any, **options: Any) -> list[Entry]:
        found = real(*args, **options)
        return [entry for entry in found if entry.reverses] or found

    real = bookings.difference
    monkeypatch.setattr(settle_module, "difference", difference)


def _replay_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def difference(loan_id: str, movements: Any, booked: Any, **options: Any) -> list[Entry]:
        return real(loan_id, [*movements, *movements], booked, **options)

    real = bookings.difference
    monkeypatch.setattr(settle_module, "difference", difference)


def _leave_copies_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    def save(db: Any, lives: Any, **hints: Any) -> None:
        real(db, [each for each in lives if not each[0].paid_total_fen], **hints)

    real = loans.save
    monkeypatch.setattr(loans, "save", save)


def _leave_money_in_suspense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Placing, "release_suspense", lambda self, txn: None)


def _take_accruals_back_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "open_accruals", lambda db: [])


def _forget_bounces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Placing, "follow", lambda *args: None)


def _count_revenue_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def added(db: Any, owner: str, taken: statements.Taken) -> None:
        real(db, owner, taken)
        real(db, owner, taken)

    real = revenue.add_rows
    monkeypatch.setattr(revenue, "add_rows", added)


def _book_late_facts_on_their_own_day(monkeypatch: pytest.MonkeyPatch) -> None:
    def book(db: Any, entries: Any, *, booked_on: date) -> int:
        return sum(real(db, [entry], booked_on=min(booked_on, entry.value_on)) for entry in entries)

    real = journal.book
    monkeypatch.setattr(journal, "book", book)


def _swap_the_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    def difference(*args: Any, **options: Any) -> list[Entry]:
        return [replace(entry, legs=reversal(entry, key="").legs) for entry in real(*args, **options)]

    real = bookings.difference
    monkeypatch.setattr(settle_module, "difference", difference)


def _forget_what_moved_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turnover, "add", lambda *args: None)


def _drop_parts_of_a_fen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums still agree; only the auditor can tell."""
    monkeypatch.setattr(walk, "rounded", lambda exact, *_: int(exact))


PLANTED = [
    _drop_the_remainder,
    _take_a_repeated_row_as_new,
    _book_without_reversing,
    _reverse_without_booking_anew,
    _replay_twice,
    _leave_copies_stale,
    _leave_money_in_suspense,
    _take_accruals_back_never,
    _forget_bounces,
    _count_revenue_twice,
    _book_late_facts_on_their_own_day,
    _swap_the_sides,
    _forget_what_moved_by_day,
    _drop_parts_of_a_fen,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_bug_is_caught(monkeypatch, plant):
    plant(monkeypatch)
    sought = settings(
        max_examples=60,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate],
    )
    with pytest.raises((AssertionError, sqlite3.IntegrityError)):
        run_state_machine_as_test(Books, settings=sought)
