"""Repayments in an export of the lender's own account: on loans, in suspense, or taken back where they bounced."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from loancli.core.entry import Entry, reversal
from loancli.core.event import Event, EventKind
from loancli.core.statement import StatementRow
from loancli.jobs import Stamp
from loancli.jobs.plan_contacts import cancel_paid
from loancli.jobs.settle import settle
from loancli.ledger import borrowers, days, journal, loans, receipts, statements
from loancli.ledger.connect import Connection
from loancli.ledger.receipts import Part
from loancli.ledger.statements import Txn
from loancli.servicing import bookings
from loancli.servicing.match import Matcher, PayableLoan

PENDING = "pending"  # a status class, and the reason why such a receipt waits
DOUBLE = "possible_double"  # it may be a receipt that is there already under another number
PAYMENT = "payment/"  # how the keys of payment events begin


@dataclass(slots=True, kw_only=True)
class Placed:
    """What became of the repayments in a file."""

    placed_count: int = 0
    suspense_count: int = 0
    reversed_count: int = 0
    cancelled_count: int = 0  # messages of the outbox that a payment made needless
    warnings: list[str] = field(default_factory=list)


def take_repayments(db: Connection, taken: statements.Taken, stamp: Stamp) -> Placed:
    """Place what came in on loans or in suspense, take back what bounced, and settle the loans concerned."""
    report = Placed()
    changed = statements.txns_since(db, taken)
    matcher = Matcher(payable_loans(db))
    open_day = days.open_day(db)
    events: list[Event] = []
    waiting: list[Txn] = []
    for txn in changed:
        is_final = txn.row.status_class != PENDING
        known = receipts.receipt(db, txn.txn_id)
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
            receipts.place(db, txn.txn_id, state="suspense", reason=match.reason, candidates=choices)
        else:
            event = payment_event(txn, match.loan_id, stamp)
            events.append(event)
            if known is not None:  # it waited until it was final
                release_suspense(db, txn, booked_on=open_day)
            part = Part(match.loan_id, txn.row.amount_fen, event.key)
            receipts.place(db, txn.txn_id, state="placed", reason=match.reason, parts=[part])
    journal.record(db, events, recorded_at=stamp.text)
    journal.book(db, [suspense_entry(txn) for txn in waiting], booked_on=open_day)
    reversals = [event for txn in changed for event in _bounces(db, txn, report, stamp, open_day)]
    journal.record(db, reversals, recorded_at=stamp.text)
    report.placed_count, report.suspense_count = len(events), len(waiting)
    report.reversed_count += len(reversals)
    concerned = sorted({event.loan_id for event in [*events, *reversals]})
    settle(db, concerned)
    report.cancelled_count = cancel_paid(db, concerned, stamp=stamp)
    return report


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
        key=f"{PAYMENT}{txn.key}",
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


def _bounces(db: Connection, txn: Txn, report: Placed, stamp: Stamp, open_day: date) -> Iterator[Event]:
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
        receipt = receipts.receipt(db, receipt_txn.txn_id)
        if receipt is None or receipt["state"] == "reversed":
            continue
        if refund.row.amount_fen != receipt_txn.row.amount_fen:
            report.warnings.append(
                f"row {refund.row.line}: pays back only a part of payment {receipt_txn.txn_id}; a person must decide"
            )
            continue
        receipts.place(db, receipt_txn.txn_id, state="reversed", reason="bounced")
        if receipt["state"] == "suspense":
            report.reversed_count += 1
            release_suspense(db, receipt_txn, booked_on=open_day)
        for part in receipt["parts"]:
            yield Event(
                key=f"reversed/{part.event_key.removeprefix(PAYMENT)}",
                loan_id=part.loan_id,
                kind=EventKind.PAYMENT_REVERSED,
                effective_on=date.fromisoformat(refund.row.occurred_on),
                payload={"payment_key": part.event_key},
                actor=stamp.actor,
            )


def release_suspense(db: Connection, txn: Txn, *, booked_on: date) -> None:
    """Take the money of a receipt out of suspense."""
    entry = journal.entry_of(db, f"suspense/{txn.key}")
    assert entry is not None, txn.txn_id
    journal.book(db, [reversal(entry, key=f"reverse/{entry.key}")], booked_on=booked_on)
