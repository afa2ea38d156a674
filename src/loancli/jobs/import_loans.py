"""Bring a portfolio in: loans signed elsewhere, with what was paid on them since, each held to its stated outstanding.

A loan that comes so is a loan like any other: contract and events, its whole life computed and booked on the open day
with the value dates of the past. Nothing of it is an opening balance that could not be explained.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from loancli.core.days import Calendar
from loancli.core.errors import InputError, Problem
from loancli.core.event import Event, EventKind
from loancli.core.loan import LoanRecord
from loancli.core.money import yuan
from loancli.jobs import Stamp
from loancli.jobs.close_day import past_windows
from loancli.jobs.open_loan import record_of
from loancli.jobs.settle import book_lives, contract_of
from loancli.ledger import borrowers, days, journal, loans
from loancli.ledger.connect import Connection
from loancli.plan.build import build
from loancli.plan.ceilings import Ceilings, Outcome, check_ceiling
from loancli.plan.flexible import check_bounds
from loancli.plan.rows import Plan
from loancli.servicing.contract import Contract
from loancli.servicing.delinquency import Ageing
from loancli.servicing.life import KEPT, Life, life
from loancli.servicing.portfolio_file import LoanRow, Past, PastKind, PastRow, problem_at
from loancli.servicing.windows import next_number

CHUNK = 500  # loans whose lives are in memory at a time
# The money of the past stands in the books of before. On the account of a bank or a platform it would look as if it had
# moved on the day of the import.
OPENING = "opening"


class Portfolio(NamedTuple):
    """What the files say. `past` may be of loans that are not in `loans`: an earlier import brought them in."""

    file_name: str
    loans: Sequence[LoanRow]
    spoiled: frozenset[str]  # loans of rows that cannot be read: what was paid on them waits with them
    past_name: str
    past: Past


@dataclass(slots=True, kw_only=True)
class Sums:
    """What the loans of a product that are taken come to, or were there already."""

    new: int = 0
    same: int = 0
    principal_fen: int = 0
    paid_fen: int = 0
    outstanding_fen: int = 0
    late: int = 0  # of the new ones, those past due


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of the rows: sums by product, refusals, and loans that cost more than their ceiling allowed."""

    sums: dict[str, Sums] = field(default_factory=dict)
    refused: list[Problem] = field(default_factory=list)
    dear: list[str] = field(default_factory=list)

    def of(self, row: LoanRow) -> Sums:
        return self.sums.setdefault(row.asked.product.code, Sums())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A loan of the file that is as it is stated."""

    row: LoanRow
    record: LoanRecord
    events: list[Event]
    lived: Life
    plan: Plan


class _RefusedRowError(Exception):
    """Why a row cannot be taken."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def import_loans(
    db: Connection,
    portfolio: Portfolio,
    *,
    calendar: Calendar,
    ceilings: Ceilings,
    ageing: Ageing,
    stamp: Stamp,
    is_all_or_nothing: bool,
    watch: Callable[[int], None] = lambda line: None,
) -> Imported:
    """Take the loans of a portfolio that are as they are stated at the end of the stamp's day; the same again is fine.

    Once one is refused and it is all or nothing, the others are only looked at: the caller takes everything back.
    `watch` is called with the row read last.
    """
    work = _Import(db, portfolio, calendar, stamp)
    done = Imported()
    for at in range(0, len(portfolio.loans), CHUNK):
        rows = portfolio.loans[at : at + CHUNK]
        taken: list[_Taken] = []
        for row, found in work.looked_at(rows):
            if isinstance(found, Problem):
                done.refused.append(found)
                continue
            sums = done.of(row)
            sums.principal_fen += row.asked.principal_fen
            sums.outstanding_fen += row.outstanding_fen
            sums.paid_fen += _paid_fen(found if isinstance(found, list) else found.events)
            if isinstance(found, list):
                sums.same += 1
                continue
            sums.new += 1
            sums.late += ageing.standing(found.lived).days_past_due > 0
            taken.append(found)
            if _is_dear(found.plan, ceilings):
                done.dear.append(row.loan_id)
        if not (done.refused and is_all_or_nothing):
            work.write(taken)
        watch(rows[-1].line)
    done.refused += work.strangers()
    return done


def _paid_fen(events: Sequence[Event]) -> int:
    return sum(event.payload["amount_fen"] for event in events if event.kind is EventKind.PAYMENT_RECEIVED)


def _stated(event: Event) -> dict[str, Any]:
    """What the files said of an event: not the day on which they came."""
    imported = event.payload.get("imported")
    return {**event.payload, "imported": imported and {**imported, "until": None}}


def _is_dear(plan: Plan, ceilings: Ceilings) -> bool:
    """Would the loan not have been signed here? It was, elsewhere: so it is told, not refused."""
    try:
        return check_ceiling(plan, ceilings, signed_on=plan.start_on).outcome is Outcome.REFUSED
    except InputError:
        return False  # no ceiling is known for its day


class _Import:
    """What looking at a row, and writing it, needs."""

    def __init__(self, db: Connection, portfolio: Portfolio, calendar: Calendar, stamp: Stamp) -> None:
        self.db = db
        self.portfolio = portfolio
        self.calendar = calendar
        self.stamp = stamp
        self.open_day = days.open_day(db)

    def looked_at(self, rows: Sequence[LoanRow]) -> Iterator[tuple[LoanRow, _Taken | list[Event] | Problem]]:
        """Each row with the loan it makes, the events of the same loan that is there, or why it is refused."""
        shas = loans.signed_shas(self.db, [row.loan_id for row in rows])
        recorded = journal.events_of(self.db, list(shas))
        known = borrowers.find(self.db, [row.borrower_id for row in rows])
        for row in rows:
            try:
                if row.loan_id in self.portfolio.past.spoiled:
                    message = f"what was paid on it cannot all be read; see the rows of {self.portfolio.past_name}"
                    raise _RefusedRowError(self._at(row, "loan_id", message))
                if row.borrower_id not in known:
                    message = (
                        f"there is no borrower '{row.borrower_id}'; add the borrowers first: loancli borrower import"
                    )
                    raise _RefusedRowError(self._at(row, "borrower_id", message))
                plan = self._plan(row)
                record = record_of(row.loan_id, row.borrower_id, plan, self.calendar)
                if row.loan_id not in shas:
                    yield row, self._lived(row, plan, record)
                    continue
                if loans.contract_sha(record) != shas[row.loan_id]:
                    raise _RefusedRowError(self._at(row, "loan_id", "is there already, signed on other terms"))
                yield row, self._same(row, contract_of(record), recorded[row.loan_id])
            except _RefusedRowError as refused:
                yield row, refused.problem

    def strangers(self) -> list[Problem]:
        """Payments and draws of loans that are not in the file, unless an earlier import brought them in."""
        asked_for = {*self.portfolio.spoiled, *(row.loan_id for row in self.portfolio.loans)}
        rows = [each for loan_id, past in self.portfolio.past.rows.items() if loan_id not in asked_for for each in past]
        message = f"there is no such loan in {self.portfolio.file_name}, nor was this imported before"
        return [self._past_at(each, "loan_id", message) for each in rows if not journal.is_recorded(self.db, each.key)]

    def write(self, taken: Sequence[_Taken]) -> None:
        """Store contracts and events, and settle the loans."""
        for each in taken:
            loans.add(self.db, each.record)
        journal.record(self.db, [event for each in taken for event in each.events], recorded_at=self.stamp.text)
        lives = [
            each.lived
            if each.lived.as_of == self.open_day
            else life(contract_of(each.record), each.events, self.open_day)
            for each in taken
        ]
        book_lives(self.db, lives, self.open_day)

    def _at(self, row: LoanRow, column: str | None, message: str) -> Problem:
        return Problem(file_name=self.portfolio.file_name, row=row.line, column=column, message=message)

    def _past_at(self, row: PastRow, column: str, message: str) -> Problem:
        return Problem(file_name=self.portfolio.past_name, row=row.line, column=column, message=message)

    def _plan(self, row: LoanRow) -> Plan:
        asked = row.asked
        if asked.start_on > self.stamp.on:
            raise _RefusedRowError(
                self._at(row, "signed_on", f"{asked.start_on} is after {self.stamp.on}; that day has not come")
            )
        try:
            plan = build(
                asked.product,
                asked.principal_fen,
                asked.start_on,
                calendar=self.calendar,
                periods=asked.periods,
                first_due_on=asked.first_due_on,
            )
            check_bounds(plan)
        except InputError as error:
            raise _RefusedRowError(problem_at(self.portfolio.file_name, row.line, str(error))) from None
        return plan

    def _lived(self, row: LoanRow, plan: Plan, record: LoanRecord) -> _Taken:
        """The life of a loan that is new, held to what is stated of it."""
        contract = contract_of(record)
        events = self._stated(row, contract)
        events += past_windows(
            self.db,
            contract,
            events,
            self.open_day.fromordinal(self.open_day.toordinal() - 1),
            calendar=self.calendar,
            stamp=self.stamp,
        )
        self._check_windows(row, contract, events)
        if row.paid_until:
            events += self._kept(row, contract, events, row.paid_until)
        lived = life(contract, events, self.stamp.on)
        found_fen = lived.position.principal_outstanding_fen
        if found_fen != row.outstanding_fen:
            message = (
                f"{yuan(row.outstanding_fen)} is stated, but the contract and what was paid give {yuan(found_fen)} on"
                f" {self.stamp.on}; correct the row, or what was paid"
            )
            raise _RefusedRowError(self._at(row, "outstanding", message))
        return _Taken(row=row, record=record, events=events, lived=lived, plan=plan)

    def _stated(self, row: LoanRow, contract: Contract) -> list[Event]:
        """Payout, payments and draws as the files state them. The first payout keeps what else the row says."""
        past = sorted(self.portfolio.past.rows.get(row.loan_id, ()), key=lambda each: (each.on, each.key))
        for each in past:
            self._check_past(each, row, contract)
        events = [] if contract.is_line else [self._event(row, f"payout/{row.loan_id}", EventKind.DISBURSED,
                                                          contract.signed_on, contract.principal_fen)]  # fmt: skip
        kinds = {PastKind.PAYMENT: EventKind.PAYMENT_RECEIVED, PastKind.DRAW: EventKind.DISBURSED}
        events += [self._event(row, each.key, kinds[each.kind], each.on, each.amount_fen) for each in past]
        first = next((event for event in events if event.kind is EventKind.DISBURSED), None)
        if first:
            paid_until = row.paid_until.isoformat() if row.paid_until else None
            stated = {"outstanding_fen": row.outstanding_fen, "paid_until": paid_until}
            first.payload["imported"] = {**stated, "until": self.stamp.on.isoformat()}
        return events

    def _check_past(self, each: PastRow, row: LoanRow, contract: Contract) -> None:
        if not contract.signed_on <= each.on <= self.stamp.on:
            what = f"{each.on} is not between {contract.signed_on}, when it was signed, and {self.stamp.on}"
            raise _RefusedRowError(self._past_at(each, "paid_on", what))
        if row.paid_until and each.on <= row.paid_until and each.kind is PastKind.PAYMENT:
            what = f"{each.on} is not after paid_until {row.paid_until} of the loan; leave one of the two out"
            raise _RefusedRowError(self._past_at(each, "paid_on", what))
        if each.kind is PastKind.DRAW and not contract.is_line:
            what = f"{contract.product.code} is no credit line; the loan was paid out whole when it was signed"
            raise _RefusedRowError(self._past_at(each, "kind", what))

    def _event(self, row: LoanRow, key: str, kind: EventKind, on: date, amount_fen: int) -> Event:
        payload = {"amount_fen": amount_fen, "channel": OPENING}
        return Event(key=key, loan_id=row.loan_id, kind=kind, effective_on=on, payload=payload, actor=self.stamp.actor)

    def _check_windows(self, row: LoanRow, contract: Contract, events: Sequence[Event]) -> None:
        number = next_number(contract, events, self.stamp.on)
        if number is not None and contract.rows[number - 1].due_on <= self.stamp.on:
            message = (
                f"instalment {number} falls due by {self.stamp.on}, but the books are open at {self.open_day}, so its"
                " revenue window is not closed; close the days before, or import as of the open day"
            )
            raise _RefusedRowError(self._at(row, None, message))

    def _kept(self, row: LoanRow, contract: Contract, events: Sequence[Event], until: date) -> list[Event]:
        """The payments by which all that fell due up to a day was paid on its day."""
        if until > self.stamp.on:
            raise _RefusedRowError(
                self._at(row, "paid_until", f"{until} is after {self.stamp.on}; that day has not come")
            )
        paid: dict[tuple[date, str], int] = {}
        for movement in life(contract, events, until, is_kept=True).movements:
            if movement.debit == "clearing:plan":
                place = (movement.value_on, movement.cause.removeprefix(KEPT))
                paid[place] = paid.get(place, 0) + movement.amount_fen
        return [
            self._event(row, f"imported/{row.loan_id}/due/{number}", EventKind.PAYMENT_RECEIVED, on, amount_fen)
            for (on, number), amount_fen in paid.items()
        ]

    def _same(self, row: LoanRow, contract: Contract, recorded: Sequence[Event]) -> list[Event]:
        """The past of a loan that is there as the files state it. Refused where they state something else."""
        stated = {event.key: event for event in self._stated(row, contract)}
        known = {event.key: event for event in recorded}
        imported = [event for event in recorded if event.key.startswith(f"imported/{row.loan_id}/")]
        kept = f"imported/{row.loan_id}/due/"
        more = next((event for event in imported if not event.key.startswith(kept) and event.key not in stated), None)
        for event in stated.values():
            found = known.get(event.key)
            if found is None or found.effective_on != event.effective_on or _stated(found) != _stated(event):
                more = event
        if more is not None:
            message = (
                f"is there already; about its {more.kind.value} of {more.effective_on} over"
                f" {yuan(more.payload['amount_fen'])}, or its outstanding or paid_until, these files say something else"
            )
            raise _RefusedRowError(self._at(row, "loan_id", message))
        return imported
