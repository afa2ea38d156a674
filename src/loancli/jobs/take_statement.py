"""Read an export into the ledger: as a borrower's revenue, or as repayments received by the lender."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import BinaryIO

from loancli.core.entry import Entry, reversal
from loancli.core.errors import InputError, Problem, SetupError, input_error
from loancli.core.event import Event, EventKind
from loancli.core.statement import StatementRow
from loancli.imports import Statement, open_statement
from loancli.jobs import Stamp
from loancli.jobs.plan_contacts import cancel_paid
from loancli.jobs.settle import settle
from loancli.ledger import borrowers, days, journal, loans, statements
from loancli.ledger.connect import Connection
from loancli.ledger.statements import Classified, Txn
from loancli.plan.revenue import Classifier, Owner, Rules
from loancli.servicing import bookings
from loancli.servicing.match import Matcher, PayableLoan

LENDER = "lender"
PROBLEMS_MAX = 200
PENDING = "pending"  # a status class, and the reason why such a receipt waits
DOUBLE = "possible_double"  # it may be a receipt that is there already under another number


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

    file_name: str
    format: str
    read_as: str
    row_count: int = 0
    new_count: int = 0
    seen_count: int = 0
    changed_count: int = 0
    already_imported: bool = False
    from_on: date | None = None
    to_on: date | None = None
    sums_fen: dict[str, tuple[int, int]] = field(default_factory=dict)  # direction → (rows, fen)
    revenue_fen: dict[str, tuple[int, int]] = field(default_factory=dict)  # class → (rows, fen)
    placed_count: int = 0
    suspense_count: int = 0
    reversed_count: int = 0
    cancelled_count: int = 0  # messages of the outbox that a payment made needless
    conflicts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def take_statement(
    db: Connection,
    source: BinaryIO,
    file_name: str,
    *,
    borrower_id: str | None,
    rules: Mapping[str, Rules],
    encoding: str | None,
    stamp: Stamp,
    watch: Callable[[int], None] = lambda lines: None,
) -> ImportReport:
    """Read one file; `borrower_id` makes it revenue by the channel's `rules`, None the lender's repayments.

    All or nothing: raises InputError with every bad row (file, row, column). The same bytes again change nothing.
    """
    read_as = "repayments" if borrower_id is None else "revenue"
    owner_id = borrower_id or LENDER
    content_sha = _sha(source)
    known = statements.find_file(db, content_sha, owner_id, read_as)
    if known:
        return ImportReport(
            file_name=file_name,
            format="",
            read_as=read_as,
            row_count=known["row_count"],
            seen_count=known["row_count"],
            already_imported=True,
        )
    statement = open_statement(source, file_name, encoding)
    classifier = None
    if borrower_id is not None:
        borrower = borrowers.one(db, borrower_id)
        channel = statement.declared.channel
        if channel not in rules:
            raise SetupError(f"schedules/revenue has no rules for {channel}")
        classifier = Classifier(rules[channel], Owner(names=frozenset({borrower.name, *borrower.aliases})))
    declared = statement.declared
    facts = statements.FileFacts(
        content_sha=content_sha,
        name=file_name,
        format=statement.format,
        owner=owner_id,
        read_as=read_as,
        channel=declared.channel,
        # Only to tell accounts apart; keyed by the owner, so that it does not give the account away.
        account_sha=hmac.new(owner_id.encode(), declared.account_label.encode(), "sha256").hexdigest(),
        from_on=date.fromisoformat(declared.from_on) if declared.from_on else None,
        to_on=date.fromisoformat(declared.to_on) if declared.to_on else None,
        is_whole=not declared.filtered,
        warnings=[],
        actor=stamp.actor,
        imported_at=stamp.text,
    )
    reading = _Reading(statement, facts, classifier, watch)
    taken = statements.take(db, facts, reading)
    if reading.problems:
        raise input_error(reading.problems)
    if not taken.row_count:
        raise InputError(f"{file_name}: the header is there, but no row below it; export a period with transactions")
    report = ImportReport(
        file_name=file_name,
        format=statement.format,
        read_as=read_as,
        row_count=taken.row_count,
        new_count=taken.new_count,
        seen_count=taken.seen_count,
        changed_count=len(taken.changed),
        from_on=facts.from_on,
        to_on=facts.to_on,
        sums_fen={direction: (count, fen) for direction, (count, fen) in statement.counted.totals.items()},
        revenue_fen=reading.revenue_fen,
        conflicts=taken.conflicts,
        warnings=facts.warnings,
    )
    if borrower_id is None:
        _take_repayments(db, taken, report, stamp)
    return report


class _Reading:
    """The rows of a file on their way into the ledger: counted, summed, classified; bad ones are collected."""

    def __init__(
        self,
        statement: Statement,
        facts: statements.FileFacts,
        classifier: Classifier | None,
        watch: Callable[[int], None],
    ) -> None:
        self.statement = statement
        self.facts = facts
        self.classifier = classifier
        self.watch = watch
        self.problems: list[Problem] = []
        self.revenue_fen: dict[str, tuple[int, int]] = {}

    def __iter__(self) -> Iterator[Classified]:
        classes: dict[str, list[int]] = {}
        classify = self.classifier.classify if self.classifier else None
        first, last = "9", ""
        for number, row in enumerate(self.statement, start=1):
            if not isinstance(row, StatementRow):
                self.problems.append(row)
                if len(self.problems) >= PROBLEMS_MAX:
                    return
                continue
            if not number % 1_000:
                self.watch(row.line)
            occurred_at = row.occurred_at
            if occurred_at < first:
                first = occurred_at
            if occurred_at > last:
                last = occurred_at
            if classify is None:
                yield row, None, None
            else:
                revenue_class, rule = classify(row)
                if revenue_class != "excluded" or row.direction == "in":
                    by_class = classes.setdefault(revenue_class, [0, 0])
                    by_class[0] += 1
                    by_class[1] += row.amount_fen
                yield row, revenue_class, rule
        self.revenue_fen = {kind: (count, fen) for kind, (count, fen) in classes.items()}
        if last:
            self.facts.from_on = self.facts.from_on or date.fromisoformat(first[:10])
            self.facts.to_on = self.facts.to_on or date.fromisoformat(last[:10])
        self.facts.warnings += self.statement.warnings()


def _take_repayments(db: Connection, taken: statements.Taken, report: ImportReport, stamp: Stamp) -> None:
    """Place what came in on loans or in suspense, take back what bounced, and settle the loans concerned."""
    changed = statements.txns_since(db, taken.first_txn_id, taken.changed)
    matcher = Matcher(payable_loans(db))
    open_day = days.open_day(db)
    events: list[Event] = []
    waiting: list[Txn] = []
    for txn in changed:
        is_final = txn.row.status_class != PENDING
        known = statements.receipt(db, txn.txn_id)
        if not _is_receipt(txn.row) or (known and not (known["reason"] == PENDING and is_final)):
            continue
        match = matcher.match(txn.row)
        doubt = PENDING if not is_final else DOUBLE if statements.may_be_double(db, txn) else None
        if doubt:
            match = replace(match, loan_id=None, reason=doubt, candidates=matcher.candidates(txn.row))
        if match.loan_id is None:
            if known is None:
                waiting.append(txn)
            choices = [{"loan_id": each.loan_id, "reasons": list(each.reasons)} for each in match.candidates]
            statements.place(
                db, txn.txn_id, state="suspense", loan_id=None, event_key=None, reason=match.reason, candidates=choices
            )
        else:
            event = payment_event(txn, match.loan_id, stamp)
            events.append(event)
            if known is not None:  # it waited until it was final
                release_suspense(db, txn, booked_on=open_day)
            statements.place(
                db,
                txn.txn_id,
                state="placed",
                loan_id=match.loan_id,
                event_key=event.key,
                reason=match.reason,
                candidates=[],
            )
    journal.record(db, events, recorded_at=stamp.text)
    journal.book(db, [suspense_entry(txn) for txn in waiting], booked_on=open_day)
    reversals = [event for txn in changed for event in _bounces(db, txn, report, stamp, open_day)]
    journal.record(db, reversals, recorded_at=stamp.text)
    report.placed_count, report.suspense_count = len(events), len(waiting)
    report.reversed_count += len(reversals)
    concerned = sorted({event.loan_id for event in [*events, *reversals]})
    settle(db, concerned)
    report.cancelled_count = cancel_paid(db, concerned, stamp=stamp)


def _is_receipt(row: StatementRow) -> bool:
    """Money that came in, and not what the lender itself had paid and got back."""
    own_money_back = row.refund_of or row.kind.endswith("退款")
    return row.direction == "in" and bool(row.money_moved) and row.amount_fen > 0 and not own_money_back


def payable_loans(db: Connection) -> list[PayableLoan]:
    """Every loan with the names its borrower pays under and the amounts its instalments ask for."""
    people = borrowers.find(db)
    amounts = loans.instalment_amounts(db)
    return [
        PayableLoan(
            loan_id=loan_id,
            borrower_id=borrower_id,
            payer_names=frozenset({people[borrower_id].name, *people[borrower_id].aliases}),
            disbursed_on=signed_on,
            instalments_fen=frozenset(amounts.get(loan_id, ())),
        )
        for loan_id, borrower_id, signed_on in loans.signed(db)
    ]


def payment_event(txn: Txn, loan_id: str, stamp: Stamp) -> Event:
    """A receipt as a repayment of a loan."""
    return Event(
        key=f"payment/{txn.key}",
        loan_id=loan_id,
        kind=EventKind.PAYMENT_RECEIVED,
        effective_on=date.fromisoformat(txn.row.occurred_on),
        payload={"amount_fen": txn.row.amount_fen, "channel": txn.channel, "txn_key": txn.key},
        actor=stamp.actor,
    )


def suspense_entry(txn: Txn) -> Entry:
    """A receipt as money that waits for a place."""
    value_on = date.fromisoformat(txn.row.occurred_on)
    return bookings.suspense(txn_key=txn.key, channel=txn.channel, amount_fen=txn.row.amount_fen, value_on=value_on)


def _bounces(db: Connection, txn: Txn, report: ImportReport, stamp: Stamp, open_day: date) -> Iterator[Event]:
    """A receipt that was paid back, seen from the row that pays it back, from the receipt, or from its later status."""
    if txn.row.direction == "out":
        if not txn.row.refund_of or not txn.row.money_moved:
            return
        paid = [
            each
            for each in statements.txn_with_external_id(db, txn.owner, txn.channel, txn.row.refund_of)
            if each.row.direction == "in"
        ]
        back = [(each, txn) for each in paid]
    elif txn.row.direction == "in" and txn.row.external_id:
        back = [
            (txn, each) for each in statements.refunds_of(db, txn.owner, txn.row.external_id) if each.row.money_moved
        ]
        if txn.row.status_class in {"refunded", "closed", "failed"} or not txn.row.money_moved:
            back.append((txn, txn))
    else:
        return
    for receipt_txn, refund in back:
        receipt = statements.receipt(db, receipt_txn.txn_id)
        if receipt is None or receipt["state"] == "reversed":
            continue
        if refund.row.amount_fen != receipt_txn.row.amount_fen:
            report.warnings.append(
                f"row {refund.row.line}: pays back only a part of payment {receipt_txn.txn_id}; a person must decide"
            )
            continue
        statements.place(
            db,
            receipt_txn.txn_id,
            state="reversed",
            loan_id=receipt["loan_id"],
            event_key=receipt["event_key"],
            reason="bounced",
            candidates=[],
        )
        if receipt["state"] == "suspense":
            report.reversed_count += 1
            release_suspense(db, receipt_txn, booked_on=open_day)
        else:
            yield Event(
                key=f"reversed/{receipt_txn.key}",
                loan_id=receipt["loan_id"],
                kind=EventKind.PAYMENT_REVERSED,
                effective_on=date.fromisoformat(refund.row.occurred_on),
                payload={"payment_key": receipt["event_key"]},
                actor=stamp.actor,
            )


def release_suspense(db: Connection, txn: Txn, *, booked_on: date) -> None:
    """Take the money of a receipt out of suspense."""
    entry = journal.entry_of(db, f"suspense/{txn.key}")
    assert entry is not None, txn.txn_id
    journal.book(db, [reversal(entry, key=f"reverse/{entry.key}")], booked_on=booked_on)


def _sha(source: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := source.read(1 << 20):
        digest.update(block)
    source.seek(0)
    return digest.hexdigest()
